//! The command line against a server, both as they are shipped: names, flags, shapes, exit codes
//! (operations.md).

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::tempdir;

use crate::operator::{adjust, members, player, served};
use crate::process::{Process, Ran, http, run, serve_in_vain};

fn nothing(arguments: &[&str], environment: &[(&str, &str)]) -> Ran {
    run(tempdir().unwrap().path(), arguments, environment)
}

#[test]
fn without_arguments_there_is_help() {
    let help = nothing(&[], &[]);
    assert_eq!(help.code, 0);
    for command in [
        "serve", "demo", "partner", "player", "session", "report", "verify", "backup", "restore",
    ] {
        assert!(help.out.contains(command), "{}", help.out);
    }
}

#[test]
fn version_and_config_check_need_no_server() {
    let version = nothing(&["version", "--json"], &[]).json();
    assert_eq!(version["version"], env!("CARGO_PKG_VERSION"));
    let written = [
        "backup", "batch", "books", "history", "journal", "manifest", "witness",
    ];
    for name in written {
        assert!(version["formats"][name].is_u64(), "{name}");
    }
    let good = nothing(&["config", "check", "--json"], &[]);
    assert_eq!(good.json(), json!({"ok": true}));
}

#[test]
fn the_ready_line_comes_first_and_names_what_is_bound() {
    let directory = tempdir().unwrap();
    let server = Process::start(
        directory.path(),
        &["serve", "--public-url", "https://wallet.example.com/"],
        &[("COFFER_STORAGE_DATA", "elsewhere")],
    );
    let ready = ["admin", "data", "event", "public", "public_url"];
    assert_eq!(members(&server.ready), ready);
    assert_eq!(server.ready["event"], "ready");
    assert_eq!(server.ready["public_url"], "https://wallet.example.com");
    assert_eq!(server.ready["data"], "elsewhere");
    assert_eq!(
        http(server.public(), "GET", "/healthz", &[], "").status,
        200
    );
    assert_eq!(http(server.admin(), "GET", "/readyz", &[], "").status, 200);
    let log = std::fs::read_to_string(directory.path().join("stderr")).unwrap();
    let first: Value = serde_json::from_str(log.lines().next().unwrap()).unwrap();
    assert_eq!(first["message"], "created the books");
    assert_eq!(first["public_url"], "https://wallet.example.com");
    assert_eq!(first["admin"], server.ready["admin"]);
    assert_eq!(first["admin_key"], "elsewhere/admin.key");
    let key = directory.path().join("elsewhere/admin.key");
    let mode = std::fs::metadata(key).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(!log.contains(&server.key()));
}

#[test]
fn exit_codes_tell_refusal_usage_and_absence_apart() {
    let (directory, server) = served();
    let one = ["partner", "show", "p1"];
    let with = |more: &[&str], environment: &[(&str, &str)]| {
        run(directory.path(), &[&one[..], more].concat(), environment)
    };
    // From the environment, and from ./coffer-data.
    let admin = [("COFFER_ADMIN", server.admin())];
    assert_eq!(with(&[], &admin).code, 0);
    let key = server.key();
    let nowhere = ["--data", "/nowhere"];
    let by_key = [
        ("COFFER_ADMIN", server.admin()),
        ("COFFER_ADMIN_KEY", &*key),
    ];
    assert_eq!(with(&nowhere, &by_key).code, 0);
    assert!(with(&["--key", "wrong"], &admin).failed(1).contains("key"));
    assert!(with(&nowhere, &admin).failed(2).contains("admin.key"));
    assert!(
        with(&["--admin", "localhost"], &[])
            .failed(2)
            .contains("http://")
    );
    assert!(
        with(&["--admin", "http://127.0.0.1:1"], &[])
            .failed(3)
            .contains("127.0.0.1:1")
    );
    for wrong in [
        &["partner", "show", "1"][..],
        &["partner", "update", "p1"],
        &["partner", "create"],
        &["partner", "remove", "p1"],
        &["player", "show", "--partner", "p1", "--player-id", "a b"],
        &["partner", "list", "--limit", "1001"],
        &["rates", "forget"],
    ] {
        server.ask(wrong).failed(2);
    }
}

#[test]
fn a_bad_configuration_is_told_by_key_and_line() {
    let directory = tempdir().unwrap();
    let file = directory.path().join("coffer.toml");
    std::fs::write(&file, "[server]\n\nlisen = \"127.0.0.1:0\"\n").unwrap();
    let path = file.to_str().unwrap();
    for command in [
        &["serve", "--config", path][..],
        &["config", "check", "--config", path],
    ] {
        let told = run(directory.path(), command, &[]);
        let told = told.failed(2);
        for part in ["line 3", "server.lisen", "server.listen"] {
            assert!(told.contains(part), "{told}");
        }
    }
    for (environment, told) in [
        (
            ("COFFER_SERVER_LISTEN", "here"),
            "COFFER_SERVER_LISTEN: server.listen must be",
        ),
        (("COFFER_WALLET_BET_MAXX", "5"), "wallet.bet_max"),
        (
            ("COFFER_STORAGE_COMMIT", "no"),
            "\"one-phase\" or \"two-phase\"",
        ),
    ] {
        let ran = run(directory.path(), &["config", "check"], &[environment]);
        assert!(ran.failed(2).contains(told), "{}", ran.err);
    }
    let bad_flag = run(directory.path(), &["serve", "--listen", "here"], &[]);
    assert!(bad_flag.failed(2).contains("flag --listen"));
    assert!(!directory.path().join("coffer-data").exists());
}

#[test]
fn the_admin_address_stays_on_this_machine_unless_told_otherwise() {
    let open = nothing(&["serve", "--admin-listen", "0.0.0.0:0"], &[]);
    assert!(open.failed(2).contains("--admin-insecure"));
}

#[test]
fn a_port_in_use_leaves_no_directory_behind() {
    let directory = tempdir().unwrap();
    let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = other.local_addr().unwrap().to_string();
    for (listen, admin_listen, key) in [
        (&*taken, "127.0.0.1:0", "server.listen"),
        ("127.0.0.1:0", &*taken, "server.admin_listen"),
    ] {
        let at = ["serve", "--listen", listen, "--admin-listen", admin_listen];
        let refused = run(directory.path(), &at, &[]);
        assert!(refused.failed(1).contains(&format!("{key} {taken}")));
        assert!(!directory.path().join("coffer-data").exists());
    }
}

#[test]
fn an_address_that_stands_for_all_is_told_as_one_that_can_be_called() {
    let directory = tempdir().unwrap();
    let at = [
        "serve",
        "--listen",
        "0.0.0.0:0",
        "--admin-listen",
        "127.0.0.1:0",
    ];
    let server = Process::start_exactly(directory.path(), &at, &[]);
    let port = server.public().strip_prefix("http://0.0.0.0:").unwrap();
    let reached = format!("http://127.0.0.1:{port}");
    assert_eq!(server.ready["public_url"], reached);
    let created = server.ask(&["partner", "create", "--name", "n"]).json();
    let url = created["wallet_url"].as_str().unwrap();
    assert!(url.starts_with(&format!("{reached}/wallet/")), "{url}");
    let log = std::fs::read_to_string(directory.path().join("stderr")).unwrap();
    assert!(log.contains("server.public_url"), "{log}");
    drop(server);
    let told = [&at[..], &["--public-url", "http://wallet.test"]].concat();
    drop(Process::start_exactly(directory.path(), &told, &[]));
    let log = std::fs::read_to_string(directory.path().join("stderr")).unwrap();
    assert!(!log.contains("server.public_url"), "{log}");
}

#[test]
fn must_exist_refuses_to_create_the_books() {
    let directory = tempdir().unwrap();
    let must = [("COFFER_STORAGE_MUST_EXIST", "true")];
    let missing = serve_in_vain(directory.path(), &must);
    assert!(missing.failed(1).contains("must_exist"));
    std::fs::create_dir(directory.path().join("coffer-data")).unwrap();
    serve_in_vain(directory.path(), &must).failed(1);
    let left = std::fs::read_dir(directory.path().join("coffer-data")).unwrap();
    assert_eq!(
        left.filter(|file| file.as_ref().unwrap().file_name() != "lock")
            .count(),
        0
    );
    drop(Process::serve(directory.path()));
    drop(Process::start(directory.path(), &["serve"], &must));
}

#[test]
fn a_directory_that_has_lost_the_admin_key_is_refused() {
    let directory = tempdir().unwrap();
    let data = directory.path().join("coffer-data");
    assert!(Process::serve(directory.path()).end("TERM").success());
    for left in [None, Some("")] {
        std::fs::remove_file(data.join("admin.key")).unwrap();
        if let Some(text) = left {
            std::fs::write(data.join("admin.key"), text).unwrap();
            let mode = std::fs::Permissions::from_mode(0o600);
            std::fs::set_permissions(data.join("admin.key"), mode).unwrap();
        }
        let refused = serve_in_vain(directory.path(), &[]);
        assert!(refused.failed(1).contains("admin.key"));
        std::fs::write(data.join("admin.key"), "").unwrap();
    }
}

#[test]
fn a_shortened_admin_key_is_told_from_a_short_one() {
    let directory = tempdir().unwrap();
    let file = directory.path().join("coffer-data/admin.key");
    assert!(Process::serve(directory.path()).end("TERM").success());
    assert_verified(directory.path(), true);
    let whole = std::fs::read_to_string(&file).unwrap();
    for (text, told) in [
        (&whole[..whole.len() - 2], "shortened"),
        (&whole[..20], "shortened"),
        (&whole[..7], "shortened"),
        ("short\n", "at least 16"),
    ] {
        std::fs::write(&file, text).unwrap();
        let refused = serve_in_vain(directory.path(), &[]);
        assert!(refused.failed(1).contains("admin.key"), "{}", refused.err);
        assert!(refused.err.contains(told), "{}", refused.err);
        assert_verified(directory.path(), false);
    }
    // All that is missing is the line end; and a key of the operator's own.
    for (text, warned) in [
        (whole.trim(), false),
        ("key_of_the_operator", true),
        ("key_of_the_operator\n", false),
    ] {
        std::fs::write(&file, text).unwrap();
        drop(Process::serve(directory.path()));
        let log = std::fs::read_to_string(directory.path().join("stderr")).unwrap();
        assert_eq!(log.contains("shortened"), warned, "{log}");
        assert_verified(directory.path(), true);
    }
    std::fs::remove_file(&file).unwrap();
    assert_verified(directory.path(), false);
}

#[test]
fn a_wrong_flag_is_told_with_what_would_be_right() {
    let create = |more: &[&'static str]| [&["partner", "create"], more].concat();
    let named = |name| create(&["--name", name]);
    let session = ["session", "open", "--partner", "p1", "--player-id", "a"];
    let session = [&session[..], &["--currency", "USD"]].concat();
    let open = |more: &[&'static str]| [&session[..], more].concat();
    for (arguments, told) in [
        (vec!["partner", "list", "--limit", "x"], "from 1 to 1000"),
        (vec!["partner", "list", "--limit", "1001"], "from 1 to 1000"),
        (
            vec!["partner", "list", "--cursor", "x"],
            "`next` of the page before",
        ),
        (open(&["--ttl", "300000d"]), "at most 49710d"),
        (open(&["--ttl", "x"]), "such as 30s"),
        (
            open(&["--game", "x"]),
            "a whole number from 0 to 4294967295",
        ),
        (vec!["backup", "--to", "b", "--keep", "0"], "from 1 to"),
        (vec!["demo", "--fill", "x"], "a whole number from"),
        (
            create(&["--name", "n", "--game-server-address", "1.2.3"]),
            "10.0.0.0/8",
        ),
        (
            create(&["--name", "n", "--game-server-address", "1.2.3.4/33"]),
            "10.0.0.0/8",
        ),
        (
            vec!["partner", "update", "p1", "--game-server-address", "x"],
            "or any",
        ),
        (named("  "), "not only blanks"),
        (named("a\u{202e}b"), "no invisible ones"),
    ] {
        let refused = nothing(&arguments, &[]);
        let reason = refused.failed(2);
        assert!(reason.contains(told), "{arguments:?}: {reason}");
    }
}

#[test]
fn an_address_without_a_prefix_is_that_address_alone() {
    let directory = tempdir().unwrap();
    let server = Process::serve(directory.path());
    let addresses = [
        "--game-server-address",
        "192.0.2.7",
        "--game-server-address",
        "2001:db8::7",
    ];
    let create = ["partner", "create", "--name", "n"];
    server.ask(&[&create[..], &addresses].concat()).json();
    let shown = server.ask(&["partner", "show", "p1"]).json();
    let held = json!(["192.0.2.7/32", "2001:db8::7/128"]);
    assert_eq!(shown["game_server_addresses"], held);
    let update = [
        "partner",
        "update",
        "p1",
        "--game-server-address",
        "192.0.2.8",
    ];
    let shown = server.ask(&update).json();
    assert_eq!(shown["game_server_addresses"], json!(["192.0.2.8/32"]));
}

#[test]
fn completions_know_every_command() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = nothing(&["completions", shell], &[]);
        assert_eq!(script.code, 0, "{}", script.err);
        for word in ["coffer", "trial-balance", "game-server-address"] {
            assert!(script.out.contains(word), "{shell} lacks {word}");
        }
    }
    assert!(
        nothing(&["completions", "cmd"], &[])
            .failed(2)
            .contains("bash")
    );
}

#[test]
fn a_signal_ends_the_server_in_order_and_the_next_start_knows_everything() {
    let (directory, mut server) = served();
    for signal in ["TERM", "INT"] {
        assert!(server.end(signal).success(), "{signal}");
        server = Process::serve(directory.path());
        let shown = player(&server, "show", &[]).json();
        assert_eq!(shown["balances"][0]["balance"], "1000.00");
    }
}

#[test]
fn balances_outlive_a_kill() {
    let (directory, server) = served();
    adjust(&server, "-5.00", "r1").json();
    server.end("KILL");
    assert_verified(directory.path(), true);
    let server = Process::serve(directory.path());
    let shown = player(&server, "show", &[]).json();
    assert_eq!(shown["balances"][0]["balance"], "995.00");
    assert_eq!(adjust(&server, "-5.00", "r1").json()["repeated"], true);
}

fn assert_verified(directory: &Path, whole: bool) {
    let verified = run(directory, &["verify", "--json"], &[]);
    assert_eq!(verified.code, if whole { 0 } else { 4 }, "{}", verified.err);
    let told: Value = serde_json::from_str(&verified.out).unwrap();
    assert_eq!(members(&told), ["entries", "findings", "head", "ok"]);
    assert_eq!(members(&told["head"]), ["hash", "seq"]);
    assert_eq!(told["ok"], whole);
    assert_eq!(
        told["findings"].as_array().unwrap().is_empty(),
        whole,
        "{told}"
    );
    if whole {
        assert_eq!(told["entries"], told["head"]["seq"]);
    }
}

#[test]
fn verify_tells_the_whole_from_the_damaged_and_the_absent() {
    let (directory, server) = served();
    let in_use = run(directory.path(), &["verify"], &[]);
    assert!(in_use.failed(1).contains("running"));
    assert!(server.end("TERM").success());
    assert_verified(directory.path(), true);
    let journal = directory.path().join("coffer-data/journal.redb");
    let whole = std::fs::read(&journal).unwrap();
    std::fs::remove_file(&journal).unwrap();
    assert_verified(directory.path(), false);
    // Where an entry lies, one byte is another.
    let at = whole.windows(5).position(|text| text == b"usr-1").unwrap();
    let mut damaged = whole;
    damaged[at] ^= 1;
    std::fs::write(&journal, damaged).unwrap();
    assert_verified(directory.path(), false);
    run(directory.path(), &["verify", "--data", "nowhere"], &[]).failed(1);
}

#[test]
fn demo_answers_the_documents_calls_with_the_documents_figures() {
    let directory = tempdir().unwrap();
    let mut server = Process::start(directory.path(), &["demo"], &[]);
    let mut calls = Vec::new();
    while calls.len() < 4 {
        let line = server.line();
        assert!(!line.is_empty(), "there are fewer than four calls");
        if let Some(call) = line.strip_prefix("curl -sS -w '\\n' -d '") {
            let (body, url) = call.trim().split_once("' ").unwrap();
            let path = url.trim_matches('\'').replace(server.public(), "");
            calls.push((body.to_owned(), path));
        }
    }
    let played: Vec<Value> = calls
        .iter()
        .map(|(body, path)| http(server.public(), "POST", path, &[], body).body)
        .map(|body| serde_json::from_str(&body).unwrap())
        .collect();
    let credits: Vec<&Value> = played.iter().map(|answer| &answer["credit"]).collect();
    assert_eq!(credits, [100_000, 99_500, 100_500, 100_500]);
    assert!(played.iter().all(|answer| answer["result"] == 1));
    assert_eq!(played[0]["player_id"], "usr-1122334455");
    assert!(server.end("TERM").success());
    // The same data again: nothing is created twice.
    let again = Process::start(directory.path(), &["demo"], &[]);
    let anna = [
        "player",
        "show",
        "--partner",
        "p1",
        "--player-id",
        "demo-anna",
    ];
    assert_eq!(again.ask(&anna).json()["open_sessions"], 1);
    let partners = again.ask(&["partner", "list"]).json();
    assert_eq!(partners["items"].as_array().unwrap().len(), 1);
    let (body, path) = &calls[0];
    let answer = http(again.public(), "POST", path, &[], body).body;
    assert_eq!(
        serde_json::from_str::<Value>(&answer).unwrap()["credit"],
        100_500
    );
}
