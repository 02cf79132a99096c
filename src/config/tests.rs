//! What a configuration says, and what is told of a slip in one.

use std::path::Path;

use super::*;
use crate::engine::command::CancelAfterWin;

fn read(text: &str) -> Result<Config, ConfigError> {
    let mut config = Config::default();
    config.read_file(Path::new("c.toml"), text)?;
    config.rates = config.rates_given.table()?;
    Ok(config)
}

const WHOLE: &str = r#"
[server]
listen = "0.0.0.0:80"
admin_listen = "[::1]:81"
public_url = "https://wallet.example.com/"
trusted_proxies = ["10.0.0.0/8"]
utc_offset = "+05:30"
connections_max = 7
[storage]
segment_size = "64MiB"
checkpoint_entries = 1000
checkpoint_interval = "1m"
data = "/d"
must_exist = true
commit = "two-phase"
free_low = "2GiB"
free_stop = "100MiB"
reserve_size = 0
scrub = "1MiB"
backup = { to = "/b", every = "6h", keep = 30 }
[wallet]
session_ttl = "3d"
cancel_after_win = "accept"
bet_max = "5.00"
texts = { en = { "4" = "No money" } }
[payments]
auth_link_ttl = "90s"
upi_address = "example@bank"
upi_name = "Example Ltd"
[postbacks]
allow_private_addresses = true
schedule = ["1s", "2m"]
then_every = "30m"
give_up_after = "1d"
timeout = "3s"
[rates]
base = "EUR"
INR = "90.5"
[paykassma]
possible_ttl = "2d"
hash_ttl = "1h"
[games.mine]
launch_base = "https://games.example.com/"
[games.chess]
game = 1014
[limits]
body_bytes_max = "1MiB"
head_time = "3s"
"#;

#[test]
fn every_key_of_the_file_arrives() {
    let config = read(WHOLE).unwrap();
    assert_eq!(config.server.listen, "0.0.0.0:80".parse().unwrap());
    assert_eq!(config.server.admin_listen, "[::1]:81".parse().unwrap());
    let url = config.server.public_url.as_deref();
    assert_eq!(url, Some("https://wallet.example.com"));
    assert_eq!(config.server.trusted_proxies.len(), 1);
    assert_eq!(config.server.utc_offset, "+05:30".parse().unwrap());
    assert_eq!(config.limits.connections_max, 7);
    assert_eq!(config.storage.data, Path::new("/d"));
    assert!(config.storage.must_exist);
    assert_eq!(config.storage.commit, CommitMode::TwoPhase);
    assert_eq!(config.storage.free_low, 2 << 30);
    assert_eq!(config.storage.free_stop, 100 << 20);
    assert_eq!(config.storage.reserve_size, 0);
    assert_eq!(config.storage.segment_size, 64 << 20);
    assert_eq!(config.storage.scrub, 1 << 20);
    assert_eq!(config.storage.checkpoints.entries, 1_000);
    assert_eq!(config.storage.checkpoints.interval, Span::from_seconds(60));
    let schedule = BackupSchedule {
        to: "/b".into(),
        every: "6h".parse().unwrap(),
        keep: 30,
    };
    assert_eq!(config.storage.backup, Some(schedule));
    assert_eq!(config.wallet.session_ttl, "3d".parse().unwrap());
    let rules = config.wallet.rules;
    assert_eq!(rules.cancel_after_win, CancelAfterWin::Accept);
    assert_eq!(rules.bet_max.unwrap().cents(), 500);
    assert_eq!(config.wallet.texts[&Lang::EN]["4"], "No money");
    assert_eq!(config.payments.auth_link_ttl, "90s".parse().unwrap());
    let upi = (config.payments.upi_address, config.payments.upi_name);
    assert_eq!(upi.0, "example@bank".parse().ok());
    assert_eq!(upi.1, "Example Ltd".parse().ok());
    let postbacks = Postbacks {
        allow_private_addresses: true,
        rules: PostbackRules {
            schedule: vec![Span::from_seconds(1), Span::from_seconds(120)],
            then_every: Span::from_seconds(1800),
            give_up_after: Span::from_seconds(86_400),
        },
        timeout: Span::from_seconds(3),
    };
    assert_eq!(config.postbacks, postbacks);
    let rates: Vec<String> = config
        .rates
        .iter()
        .map(|rate| format!("{rate:?}"))
        .collect();
    assert_eq!(rates, ["(EUR, Rate(1))", "(INR, Rate(90.5))"]);
    assert_eq!(config.paykassma.possible_ttl, "2d".parse().unwrap());
    assert_eq!(config.paykassma.hash_ttl, "1h".parse().unwrap());
    assert_eq!(config.games.0["mine"].game, Some(GameNumber(1)));
    assert_eq!(config.games.0["chess"].game, Some(GameNumber(1014)));
    assert_eq!(config.limits.body_bytes_max, 1 << 20);
    assert_eq!(config.limits.head_time, Span::from_seconds(3));
}

fn assert_told(cases: &[(&str, &[&str])]) {
    for (text, told) in cases {
        let fault = read(text).unwrap_err().to_string();
        for part in *told {
            assert!(fault.contains(part), "{text:?}: {fault:?} lacks {part:?}");
        }
    }
}

#[test]
fn a_fault_is_told_with_its_line_and_its_key() {
    assert_told(&[
        (
            "[server]\nlisen = \"x\"",
            &[
                "c.toml line 2",
                "server.lisen",
                "did you mean server.listen?",
            ][..],
        ),
        ("[sever]", &["line 1", "sever", "did you mean server?"]),
        ("\n\nlisten = 3", &["line 3", "listen is not a known key"]),
        ("server = 3", &["line 1", "server must be a table"]),
        (
            "[server]\n\nlisten = \"here\"",
            &[
                "line 3",
                "server.listen must be an address and a port",
                "\"here\"",
            ],
        ),
    ]);
}

#[test]
fn what_would_be_right_is_told_of_every_kind_of_value() {
    assert_told(&[
        (
            "[server]\nlisten = 8700",
            &["must be text in quotes, not a number"],
        ),
        (
            "[server]\npublic_url = \"x.com\"",
            &["server.public_url must be an address"],
        ),
        (
            "[server]\npublic_url = \"http://x/?a\"",
            &["must be an address"],
        ),
        (
            "[server]\ntrusted_proxies = [\"ten\"]",
            &["trusted_proxies", "\"ten\""],
        ),
        ("[server]\nutc_offset = \"UTC\"", &["offset from UTC"]),
        ("[server]\nconnections_max = 0", &["from 1 to 1000000"]),
        ("[storage]\nmust_exist = \"yes\"", &["true or false"]),
        (
            "[storage]\ncommit = \"three\"",
            &["\"one-phase\" or \"two-phase\""],
        ),
        (
            "[storage]\nbackup = \"/b\"",
            &["storage.backup must be a table in { }"],
        ),
        (
            "[storage]\nbackup = { every = \"1h\" }",
            &["storage.backup must name the directory: to"],
        ),
        (
            "[storage.backup]\nto = \"/b\"\nkept = 3",
            &["storage.backup", "to, every and keep", "\"kept\""],
        ),
        (
            "[storage]\nbackup = { to = \"/b\", keep = 0 }",
            &["storage.backup keep must be a whole number from 1"],
        ),
        ("[wallet]\nsession_ttl = \"0s\"", &["at least 1s"]),
        ("[wallet]\nbet_max = \"1e5\"", &["decimal number"]),
        ("[wallet]\nbet_max = 5.0", &["must be text in quotes"]),
        (
            "[wallet.texts.en]\n1 = \"x\"",
            &["wallet.texts", "err_code"],
        ),
        ("[wallet.texts.english]", &["two small letters"]),
        (
            "[games.mine]\nname = 3",
            &["games.mine.name", "games.mine.launch_base"],
        ),
        (
            "[games.chess]\nlaunch_base = \"http://x\"",
            &["games.chess.game is missing"],
        ),
        (
            "[limits]\nbody_bytes_max = \"64KB\"",
            &["limits.body_bytes_max", "\"64KiB\""],
        ),
        ("[server]\nlisten = ", &["c.toml line 2"]),
        ("[server]\na = 1\na = 2", &["c.toml line 3", "duplicate"]),
    ]);
}

fn variables(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
    pairs.iter().map(owned).collect()
}

#[test]
fn upi_payments_name_an_address_and_a_name() {
    assert_told(&[
        (
            "[payments]\nupi_name = \"\"",
            &["line 2", "payments.upi_name must be 1 to 99 characters"],
        ),
        (
            "[payments]\n\nupi_address = \"example\"",
            &["line 3", "payments.upi_address", "such as shop@bank"],
        ),
    ]);
    for (name, told) in [
        (
            ("COFFER_PAYMENTS_UPI_NAME", "Shop"),
            "upi_address is missing",
        ),
        (
            ("COFFER_PAYMENTS_UPI_ADDRESS", "shop@bank"),
            "upi_name is missing",
        ),
    ] {
        let fault = Config::load(None, variables(&[name]), &[]).unwrap_err();
        assert!(fault.to_string().contains(told), "{fault}");
    }
}

#[test]
fn a_flag_goes_before_a_variable_and_that_before_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("c.toml");
    std::fs::write(
            &path,
            "[server]\nlisten = \"127.0.0.1:1\"\nadmin_listen = \"127.0.0.1:2\"\n[storage]\ndata = \"file\"",
        )
        .unwrap();
    let environment = variables(&[
        ("COFFER_SERVER_ADMIN_LISTEN", "localhost:3"),
        ("COFFER_STORAGE_DATA", "environment"),
        ("COFFER_SERVER_TRUSTED_PROXIES", "10.0.0.0/8, ::1/128"),
        ("COFFER_GAMES_CHESS_GAME", "9"),
        (
            "COFFER_GAMES_CHESS_LAUNCH_BASE",
            "https://chess.example.com",
        ),
        ("COFFER_WALLET_TEXTS", "{ de = { 4 = \"Zu wenig\" } }"),
        ("COFFER_ADMIN", "http://127.0.0.1:1"),
        ("COFFER_SERVICE_HOST", "10.0.0.1"),
        ("COFFER_PORT_8700_TCP", "tcp://10.0.0.1:8700"),
    ]);
    let flags = [FlagGiven {
        flag: "--data",
        section: "storage",
        key: "data",
        value: "flag".to_owned(),
    }];
    let config = Config::load(Some(&path), environment, &flags).unwrap();
    assert_eq!(config.server.listen.port(), 1);
    assert_eq!(config.server.admin_listen, "127.0.0.1:3".parse().unwrap());
    assert_eq!(config.storage.data, Path::new("flag"));
    assert_eq!(config.server.trusted_proxies.len(), 2);
    assert_eq!(config.wallet.texts[&"de".parse().unwrap()]["4"], "Zu wenig");
    let launch = config.games.launch_url(
        GameNumber(9),
        &"Code_1".parse().unwrap(),
        Lang::EN,
        &"token".parse().unwrap(),
    );
    assert_eq!(
        launch.as_deref(),
        Some("https://chess.example.com?mode=real_play&gameID=9&token=Code_1&lang=en&wallet=token")
    );
}

#[test]
fn a_slip_in_a_variable_or_a_flag_is_told_by_its_name() {
    for (name, value, told) in [
        ("COFFER_SERVER_LISEN", "x", "did you mean server.listen?"),
        (
            "COFFER_SERVER_LISTEN",
            "x",
            "variable COFFER_SERVER_LISTEN: server.listen must be",
        ),
        ("COFFER_SERVR_LISTEN", "x", "did you mean server?"),
        ("COFFER_BIN", "x", "bin is not a known key"),
        ("COFFER_GAMES_CHESS", "1", "games.chess is not a known key"),
        ("COFFER_GAMES_GAME", "1", "games.game is not a known key"),
    ] {
        let fault = Config::load(None, variables(&[(name, value)]), &[]).unwrap_err();
        assert!(fault.to_string().contains(told), "{fault}");
    }
    let missing = Config::load(Some(Path::new("/nowhere/c.toml")), [], &[]);
    assert!(missing.unwrap_err().to_string().contains("/nowhere/c.toml"));
}

#[test]
fn rates_are_of_the_base_unless_they_say_so() {
    let read_rates = |text: &str| {
        let rates = read(text).map(|config| config.rates);
        let rates = rates.map_err(|fault| fault.to_string());
        rates.map(|rates| {
            rates
                .iter()
                .map(|rate| format!("{rate:?}"))
                .collect::<Vec<_>>()
        })
    };
    let told = |text: &str| read_rates(text).unwrap_err();
    let inr = read_rates("[rates]\nINR = \"84.10\"").unwrap();
    assert_eq!(inr, ["(INR, Rate(84.1))", "(USD, Rate(1))"]);
    assert_eq!(read_rates("").unwrap(), ["(USD, Rate(1))"]);
    for (text, fault) in [
        (
            "[rates]\nINR = 84.10",
            "line 2: rates.INR must be text in quotes",
        ),
        (
            "[rates]\nINR = \"-1\"",
            "line 2: rates.INR must be a decimal number above 0",
        ),
        (
            "[rates]\nrupee = \"1\"",
            "line 2: rates.rupee must be base or a currency",
        ),
        ("[rates]\nUSD = \"2\"", "line 2: rates must give the base 1"),
    ] {
        assert!(told(text).contains(fault), "{}", told(text));
    }
    let variables = [
        ("COFFER_RATES_BASE".to_owned(), "EUR".to_owned()),
        ("COFFER_RATES_BTC".to_owned(), "0.0000104".to_owned()),
    ];
    let rates = Config::load(None::<&Path>, variables, &[]).unwrap().rates;
    assert_eq!(rates.iter().count(), 2);
}
