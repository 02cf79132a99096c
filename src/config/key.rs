//! Every key there is: its section, its name and what it sets (operations.md, Configuration).

use std::collections::BTreeMap;

use ipnet::IpNet;

use super::given::Given;
use super::{BackupSchedule, Config, Game};
use crate::engine::command::CancelAfterWin;
use crate::id::{GameNumber, IdError, Lang, WalletType, is_web_address, network};
use crate::journal::CommitMode;
use crate::money::Amount;
use crate::time::Span;

/// One key of a section with a fixed name.
pub(super) struct Key {
    pub(super) section: &'static str,
    pub(super) name: &'static str,
    pub(super) set: fn(&mut Config, &Given<'_>) -> Result<(), String>,
}

/// Variables behind `COFFER_` that are the commands' and no part of the configuration.
pub(super) const OTHER_VARIABLES: [&str; 2] = ["ADMIN", "ADMIN_KEY"];

/// How variables begin that orchestrators set for a service that is called coffer.
pub(super) const FOREIGN_VARIABLES: [&str; 2] = ["SERVICE_", "PORT"];

/// The sections, in the order of the contract.
pub(super) const SECTIONS: &[&str] = &[
    "server",
    "storage",
    "wallet",
    "games",
    "payments",
    "postbacks",
    "rates",
    "paykassma",
    "limits",
];

/// The keys of each table under `games`.
pub(super) const GAME_KEYS: [&str; 2] = ["game", "launch_base"];

/// The game types that have a number without being configured: 1 to 6 in this order
/// (partner-api.md, Who is calling).
const GAME_TYPES: [&str; 6] = ["mine", "aviator", "balloon", "goal", "keno", "hotline"];

/// The err_codes whose text may be reworded (wallet-api.md, Answers).
const TEXT_CODES: [&str; 14] = [
    "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "50",
];

/// No peer needs more than this, and no machine should promise it.
const BYTES_MAX: u64 = 1 << 30;

/// 1 TiB: more is a slip of the pen.
const MACHINE_BYTES_MAX: u64 = 1 << 40;

macro_rules! keys {
    ($($section:ident { $($name:ident: $set:expr,)* })*) => {
        /// Every key of every section with fixed names.
        pub(super) const KEYS: &[Key] = &[$($(Key {
            section: stringify!($section),
            name: stringify!($name),
            set: $set,
        },)*)*];
    };
}

keys! {
    server {
        listen: |config, given| given.text_by(socket).map(|at| config.server.listen = at),
        admin_listen: |config, given| {
            given.text_by(socket).map(|at| config.server.admin_listen = at)
        },
        public_url: |config, given| {
            given.text_by(web_address).map(|url| config.server.public_url = Some(url))
        },
        trusted_proxies: |config, given| {
            given.list_by(addresses).map(|nets| config.server.trusted_proxies = nets)
        },
        utc_offset: |config, given| given.text().map(|at| config.server.utc_offset = at),
        connections_max: |config, given| {
            count(given, 1_000_000).map(|most| config.limits.connections_max = most)
        },
    }
    storage {
        data: |config, given| given.text_by(path).map(|data| config.storage.data = data),
        must_exist: |config, given| given.truth().map(|must| config.storage.must_exist = must),
        commit: |config, given| given.text_by(commit).map(|how| config.storage.commit = how),
        free_low: |config, given| room(given).map(|mark| config.storage.free_low = mark),
        free_stop: |config, given| room(given).map(|mark| config.storage.free_stop = mark),
        reserve_size: |config, given| room(given).map(|size| config.storage.reserve_size = size),
        segment_size: |config, given| {
            given.bytes(4 << 10, BYTES_MAX).map(|most| config.storage.segment_size = most as u64)
        },
        checkpoint_entries: |config, given| {
            given.count(1, 1 << 32).map(|many| config.storage.checkpoints.entries = many)
        },
        checkpoint_interval: |config, given| {
            given.text_by(span).map(|time| config.storage.checkpoints.interval = time)
        },
        resident_size: |config, given| {
            let least = 16 << 20;
            let size = given.bytes(least, MACHINE_BYTES_MAX)?;
            config.storage.checkpoints.resident_bytes = size as u64;
            Ok(())
        },
        scrub: |config, given| room(given).map(|pace| config.storage.scrub = pace),
        backup: |config, given| {
            backup_schedule(given).map(|when| config.storage.backup = Some(when))
        },
    }
    wallet {
        session_ttl: |config, given| given.text_by(span).map(|ttl| config.wallet.session_ttl = ttl),
        cancel_after_win: |config, given| {
            given.text_by(cancel_after_win).map(|what| config.wallet.rules.cancel_after_win = what)
        },
        bet_max: |config, given| {
            let read = |text: &str| Amount::from_decimal(text).map_err(|error| error.to_string());
            given.text_by(read).map(|most| config.wallet.rules.bet_max = Some(most))
        },
        texts: |config, given| texts(given).map(|texts| config.wallet.texts = texts),
    }
    payments {
        wallet_types: |config, given| {
            let types: Vec<WalletType> = given.list_by(|text: &str| {
                text.parse().map_err(|error: IdError| error.to_string())
            })?;
            if types.is_empty() {
                return Err("must name at least one, such as upi".to_owned());
            }
            config.payments.rules.wallet_types = types;
            Ok(())
        },
        order_ttl: |config, given| {
            given.text_by(span).map(|ttl| config.payments.rules.order_ttl = ttl)
        },
        auth_link_ttl: |config, given| {
            given.text_by(span).map(|ttl| config.payments.auth_link_ttl = ttl)
        },
        upi_address: |config, given| {
            given.text().map(|address| config.payments.upi_address = Some(address))
        },
        upi_name: |config, given| {
            given.text().map(|name| config.payments.upi_name = Some(name))
        },
    }
    postbacks {
        allow_private_addresses: |config, given| {
            given.truth().map(|may| config.postbacks.allow_private_addresses = may)
        },
        schedule: |config, given| {
            given.list_by(span).map(|times| config.postbacks.rules.schedule = times)
        },
        then_every: |config, given| {
            given.text_by(span).map(|time| config.postbacks.rules.then_every = time)
        },
        give_up_after: |config, given| {
            given.text_by(span).map(|time| config.postbacks.rules.give_up_after = time)
        },
        timeout: |config, given| given.text_by(span).map(|most| config.postbacks.timeout = most),
    }
    paykassma {
        possible_ttl: |config, given| {
            given.text_by(span).map(|ttl| config.paykassma.possible_ttl = ttl)
        },
        hash_ttl: |config, given| given.text_by(span).map(|ttl| config.paykassma.hash_ttl = ttl),
    }
    limits {
        admin_connections_max: |config, given| {
            count(given, 1_000_000).map(|most| config.limits.admin_connections_max = most)
        },
        head_bytes_max: |config, given| {
            given.bytes(8 << 10, 1 << 20).map(|most| config.limits.head_bytes_max = most)
        },
        headers_max: |config, given| {
            count(given, 100).map(|most| config.limits.headers_max = most)
        },
        wallet_body_bytes_max: |config, given| {
            given.bytes(1, BYTES_MAX).map(|most| config.limits.wallet_body_bytes_max = most)
        },
        body_bytes_max: |config, given| {
            given.bytes(1, BYTES_MAX).map(|most| config.limits.body_bytes_max = most)
        },
        head_time: |config, given| given.text_by(span).map(|most| config.limits.head_time = most),
        body_time: |config, given| given.text_by(span).map(|most| config.limits.body_time = most),
        idle_time: |config, given| given.text_by(span).map(|most| config.limits.idle_time = most),
        write_time: |config, given| given.text_by(span).map(|most| config.limits.write_time = most),
        linger_time: |config, given| given.text_by(span).map(|most| config.limits.linger_time = most),
        drain_time: |config, given| given.text_by(span).map(|most| config.limits.drain_time = most),
        failed_authentications_per_minute_max: |config, given| {
            count(given, 1_000_000)
                .map(|most| config.limits.failed_authentications_per_minute_max = most)
        },
        queue_entries_max: |config, given| {
            let most = given.count(1, 1 << 24)?;
            config.limits.queue_entries_max = usize::try_from(most).expect("24 bits fit");
            Ok(())
        },
    }
}

/// Sets one key of the table `games.{name}`.
pub(super) fn set_game(
    config: &mut Config,
    name: &str,
    key: &str,
    given: &Given<'_>,
) -> Result<(), String> {
    let game = config.games.0.entry(name.to_owned()).or_insert(Game {
        game: known_number(name),
        launch_base: None,
    });
    match key {
        "game" => {
            let number = given.count(0, u64::from(u32::MAX))?;
            game.game = u32::try_from(number).ok().map(GameNumber);
        }
        "launch_base" => game.launch_base = Some(given.text_by(web_address)?),
        _ => unreachable!("only the keys in GAME_KEYS are set"),
    }
    Ok(())
}

/// The number of a game type that needs no configuration.
pub(super) fn known_number(name: &str) -> Option<GameNumber> {
    let mut known = GAME_TYPES.iter().zip(1..);
    known.find_map(|(known, number)| (*known == name).then_some(GameNumber(number)))
}

fn count(given: &Given<'_>, most: u32) -> Result<u32, String> {
    let number = given.count(1, u64::from(most))?;
    Ok(u32::try_from(number).expect("at most 32 bits were asked for"))
}

/// Bytes of a disk.
fn room(given: &Given<'_>) -> Result<u64, String> {
    given.bytes(0, MACHINE_BYTES_MAX).map(|bytes| bytes as u64)
}

/// An address and a port. `localhost` is the loopback of version 4.
fn socket(text: &str) -> Result<std::net::SocketAddr, String> {
    let text = text.replace("localhost:", "127.0.0.1:");
    text.parse()
        .map_err(|_| "must be an address and a port such as 127.0.0.1:8700".to_owned())
}

/// `http://` or `https://`, a host, perhaps a path; told back without a slash at the end.
fn web_address(text: &str) -> Result<String, String> {
    if !is_web_address(text) || text.contains('?') {
        return Err("must be an address such as https://wallet.example.com".to_owned());
    }
    Ok(text.trim_end_matches('/').to_owned())
}

fn path(text: &str) -> Result<std::path::PathBuf, String> {
    if text.is_empty() {
        return Err("must be a directory such as ./coffer-data".to_owned());
    }
    Ok(text.into())
}

fn commit(text: &str) -> Result<CommitMode, String> {
    match text {
        "one-phase" => Ok(CommitMode::OnePhase),
        "two-phase" => Ok(CommitMode::TwoPhase),
        _ => Err("must be \"one-phase\" or \"two-phase\"".to_owned()),
    }
}

fn cancel_after_win(text: &str) -> Result<CancelAfterWin, String> {
    match text {
        "refuse" => Ok(CancelAfterWin::Refuse),
        "accept" => Ok(CancelAfterWin::Accept),
        _ => Err("must be \"refuse\" or \"accept\"".to_owned()),
    }
}

fn addresses(text: &str) -> Result<IpNet, String> {
    network(text).map_err(|error| error.to_string())
}

fn span(text: &str) -> Result<Span, String> {
    Span::positive(text).map_err(|error| error.to_string())
}

/// `{ to = "/backup", every = "24h", keep = 7 }`.
fn backup_schedule(given: &Given<'_>) -> Result<BackupSchedule, String> {
    given.table(|table| {
        let mut to = None;
        let (mut every, mut keep) = (Span::from_seconds(24 * 60 * 60), 7);
        for (key, value) in table {
            let given = Given::Toml(value.get_ref());
            let read = match key.get_ref().as_ref() {
                "to" => given.text_by(path).map(|path| to = Some(path)),
                "every" => given.text_by(span).map(|span| every = span),
                "keep" => count(&given, 1_000_000).map(|most| keep = most),
                other => return Err(format!("knows to, every and keep, not {other:?}")),
            };
            read.map_err(|fault| format!("{} {fault}", key.get_ref()))?;
        }
        let to = to.ok_or("must name the directory: to")?;
        Ok(BackupSchedule { to, every, keep })
    })
}

/// `{ en = { "4" = "Not enough money" } }`: texts per language and err_code.
fn texts(given: &Given<'_>) -> Result<BTreeMap<Lang, BTreeMap<String, String>>, String> {
    given.table(|languages| {
        let mut texts = BTreeMap::new();
        for (lang, of_lang) in languages {
            let lang: Lang = lang
                .get_ref()
                .parse()
                .map_err(|error| format!("{error}, not {:?}", lang.get_ref()))?;
            texts.insert(lang, Given::Toml(of_lang.get_ref()).table(texts_of_one)?);
        }
        Ok(texts)
    })
}

fn texts_of_one(table: &toml::de::DeTable<'_>) -> Result<BTreeMap<String, String>, String> {
    let mut texts = BTreeMap::new();
    for (code, text) in table {
        let code = code.get_ref().as_ref();
        if !TEXT_CODES.contains(&code) {
            return Err(format!(
                "must name an err_code, 2 to 14 or 50, not {code:?}"
            ));
        }
        let line = |text: &str| match text.len() {
            1..=500 if !text.chars().any(char::is_control) => Ok(text.to_owned()),
            _ => Err("must be 1 to 500 bytes without control characters".to_owned()),
        };
        texts.insert(code.to_owned(), Given::Toml(text.get_ref()).text_by(line)?);
    }
    Ok(texts)
}
