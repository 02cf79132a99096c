//! `/metrics` over real HTTP: who may read it, what it says, and that Prometheus can read it.

use std::collections::BTreeMap;

use coffer::engine::command::PartnerChange;
use coffer::engine::postback::{Answer, PostbackKind, PostbackOf, PostbackRules};
use coffer::engine::settings::SettingsChange;
use coffer::id::PostbackUrl;
use coffer::ledger::Space;
use coffer::time::Clock;
use serde_json::json;
use tempfile::tempdir;

use crate::payers::Merchant;
use crate::process::{Process, await_sight, http};
use crate::support::{self, ADMIN_KEY, CODE, Client, PLAYER, Plays, Server, TOKEN};

/// Families with their types in the order told, and samples by name and labels.
struct Page {
    families: Vec<(String, String)>,
    samples: BTreeMap<String, String>,
}

/// What names of metrics and labels are made of.
fn is_name(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with(|first: char| first.is_ascii_digit())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// A number as the text form has it, in whole or with a fraction.
fn is_number(text: &str) -> bool {
    let (whole, rest) = text.split_once('.').unwrap_or((text, "0"));
    let (fraction, exponent) = rest.split_once("e-").unwrap_or((rest, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits(whole) && digits(fraction) && digits(exponent)
}

/// Labels between braces: `name="value"`, none of whose values needs an escape here.
fn check_labels(labels: &str, line: &str) {
    let inner = labels.strip_suffix('}').expect(line);
    for label in inner.split(',') {
        let (name, value) = label.split_once('=').expect(line);
        let value = value.strip_prefix('"').and_then(|v| v.strip_suffix('"'));
        assert!(
            is_name(name) && value.is_some_and(|v| !v.contains(['"', '\\'])),
            "{line}"
        );
    }
}

impl Page {
    /// Reads a page, and fails where a reader would.
    fn read(text: &str) -> Page {
        let mut page = Page {
            families: Vec::new(),
            samples: BTreeMap::new(),
        };
        let text = text.strip_suffix("# EOF\n").expect("the page ends");
        let mut helped = None;
        for line in text.split_terminator('\n') {
            if let Some(help) = line.strip_prefix("# HELP ") {
                let (name, text) = help.split_once(' ').expect(line);
                assert!(!text.is_empty() && !text.contains('\\'), "{line}");
                helped = Some(name.to_owned());
            } else if let Some(family) = line.strip_prefix("# TYPE ") {
                let (name, kind) = family.split_once(' ').expect(line);
                assert_eq!(helped.take().as_deref(), Some(name), "{line}");
                assert!(
                    page.families.iter().all(|(known, _)| known != name),
                    "{line}"
                );
                page.families.push((name.to_owned(), kind.to_owned()));
            } else {
                page.sample(line);
            }
        }
        page
    }

    fn sample(&mut self, line: &str) {
        let (key, value) = line.rsplit_once(' ').expect(line);
        let name = match key.split_once('{') {
            Some((name, labels)) => {
                check_labels(labels, line);
                name
            }
            None => key,
        };
        let (family, kind) = self.families.last().expect(line);
        let suffix = name.strip_prefix(family.as_str()).expect(line);
        let suffixes: &[&str] = match kind.as_str() {
            "counter" => &["_total"],
            "gauge" => &[""],
            "histogram" => &["_bucket", "_sum", "_count"],
            other => panic!("{other} is no type"),
        };
        assert!(is_name(name) && suffixes.contains(&suffix), "{line}");
        let whole = suffix != "_sum";
        assert!(
            is_number(value) && !(whole && value.contains('.')),
            "{line}"
        );
        let before = self.samples.insert(key.to_owned(), value.to_owned());
        assert_eq!(before, None, "{line} comes again");
    }

    /// The value of a sample, which is a whole number; `None` where there is no such sample.
    fn number(&self, key: &str) -> Option<u64> {
        self.samples.get(key).map(|value| value.parse().unwrap())
    }

    fn sum(&self, prefix: &str) -> u64 {
        let samples = self.samples.iter();
        let those = samples.filter(|(key, _)| key.starts_with(prefix));
        those.map(|(_, value)| value.parse::<u64>().unwrap()).sum()
    }

    /// Each group of a histogram holds the one before, and the last one all.
    fn check_histogram(&self, name: &str, labels: &str, count: u64) {
        let comma = if labels.is_empty() { "" } else { "," };
        let all = match labels {
            "" => format!("{name}_count"),
            labels => format!("{name}_count{{{labels}}}"),
        };
        assert_eq!(self.number(&all), Some(count), "{all}");
        let told = |bound: &str| {
            // The bound comes first among the labels.
            let key = format!("{name}_bucket{{le=\"{bound}\"{comma}{labels}}}");
            self.number(&key).unwrap_or_else(|| panic!("{key}"))
        };
        let bounds = [
            "0.0001", "0.001", "0.01", "0.1", "1.0", "10.0", "120.0", "+Inf",
        ];
        let groups = bounds.map(told);
        assert!(groups.is_sorted(), "{groups:?}");
        assert_eq!(groups[7], count);
    }
}

fn request(line: &str, headers: &str) -> String {
    format!("{line} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n")
}

fn ask(server: &Server, line: &str, headers: &str) -> support::Answer {
    Client::connect(server.admin).ask(request(line, headers).as_bytes())
}

fn bearer() -> String {
    format!("Authorization: Bearer {ADMIN_KEY}\r\n")
}

fn scrape(server: &Server) -> Page {
    let answer = ask(server, "GET /metrics", &bearer());
    assert_eq!(answer.status, 200, "{answer:?}");
    let kind = "content-type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n";
    assert!(answer.head.contains(kind), "{}", answer.head);
    for secret in [ADMIN_KEY, TOKEN, CODE, PLAYER] {
        assert!(!answer.body.contains(secret), "{secret} in {}", answer.body);
    }
    Page::read(&answer.body)
}

#[test]
fn metrics_are_read_with_the_admin_key_alone_and_at_the_admin_address_alone() {
    let server = Server::start();
    for (line, headers, status) in [
        ("GET /metrics", "", 401),
        ("GET /metrics", "Authorization: Bearer wrong\r\n", 401),
        ("POST /metrics", &*bearer(), 405),
        ("GET /metrics", &*bearer(), 200),
    ] {
        let answer = ask(&server, line, headers);
        assert_eq!(answer.status, status, "{line} {headers}");
    }
    let mut client = Client::connect(server.admin);
    client.send(request("HEAD /metrics", &bearer()).as_bytes());
    assert_eq!(client.answer_to(false).unwrap().status, 200);
    // With a body, which nobody waits for.
    let answer = ask(
        &server,
        "GET /metrics",
        &(bearer() + "Content-Length: 9\r\n"),
    );
    assert_eq!((answer.status, answer.closes()), (200, true));
    let mut public = server.connect();
    let outside = public.ask(request("GET /metrics", &bearer()).as_bytes());
    assert_eq!(outside.status, 404);
}

#[test]
fn what_game_servers_ask_is_counted_by_type_and_result_and_measured() {
    let server = Server::start();
    let plays = Plays(CODE);
    for body in [
        plays.credit(),
        plays.bet(1, 500),
        plays.bet(1, 500),
        plays.bet(1, 501),
        plays.bet(2, 900_000),
        plays.win(3, 5),
        plays.cancel(1),
        Plays("nobody").credit(),
        r#"{"type":"dance","code":"x"}"#.to_owned(),
        "{".to_owned(),
    ] {
        server.play(&body);
    }
    assert_eq!(
        server.connect().post("unknown", &plays.credit()).status,
        404
    );
    server.ledger.set_space(Space::Low, 0);
    assert_eq!(server.post(&plays.bet(9, 1)).status, 503);
    let page = scrape(&server);
    let told = |kind: &str, result: u8| {
        let labels = format!("{{type=\"{kind}\",result=\"{result}\"}}");
        page.number(&format!("coffer_wallet_requests_total{labels}"))
    };
    for (kind, result, count) in [
        ("credit", 1, Some(1)),
        ("credit", 2, Some(1)),
        ("bet", 1, Some(2)),
        ("bet", 4, Some(1)),
        ("bet", 5, Some(1)),
        ("bet", 50, Some(1)),
        ("win", 1, Some(1)),
        ("cancel", 1, Some(1)),
        ("cancel", 12, None),
        ("unread", 7, Some(1)),
        ("unread", 10, Some(1)),
    ] {
        assert_eq!(told(kind, result), count, "{kind} {result}");
    }
    assert_eq!(page.sum("coffer_wallet_requests_total"), 11);
    let times = "coffer_wallet_request_duration_seconds";
    for (kind, count) in [("credit", 2), ("bet", 5), ("win", 1), ("unread", 2)] {
        page.check_histogram(times, &format!("type=\"{kind}\""), count);
    }
    let answered = |api: &str, status: u16| {
        let labels = format!("{{api=\"{api}\",status=\"{status}\"}}");
        page.number(&format!("coffer_http_requests_total{labels}"))
    };
    assert_eq!(answered("wallet", 200), Some(10));
    assert_eq!(answered("wallet", 404), Some(1));
    assert_eq!(answered("wallet", 503), Some(1));
    assert_eq!(
        answered("admin", 200),
        None,
        "this one was not answered yet"
    );
    assert_eq!(page.number("coffer_pressed"), Some(0));
    for (space, now) in [("ample", 0), ("low", 1), ("full", 0)] {
        let key = format!("coffer_disk_space{{state=\"{space}\"}}");
        assert_eq!(page.number(&key), Some(now));
    }
    let again = scrape(&server);
    let admin = again.number("coffer_http_requests_total{api=\"admin\",status=\"200\"}");
    assert_eq!(admin, Some(1));
}

#[test]
fn what_waits_to_be_told_is_counted_and_what_came_of_the_tries() {
    let merchant = Merchant::open();
    let (desk, partner) = (&merchant.desk, merchant.desk.partner);
    let url: PostbackUrl = "https://shop.example.com/told".parse().unwrap();
    let change = PartnerChange {
        settings: SettingsChange {
            deposit_postback_url: Some(Some(url.clone())),
            ..SettingsChange::default()
        },
        ..PartnerChange::default()
    };
    desk.server.ledger.change_partner(partner, change).unwrap();
    for key1 in ["UTR-1", "UTR-2"] {
        merchant.receive("upi", key1, "10.00");
        assert_eq!(merchant.activate("upi", key1, "55", json!({})).0, 200);
    }
    let queue = |due: u64, first: Option<u64>| {
        let page = scrape(&desk.server);
        let of = |name: &str, kind: &str| page.number(&format!("coffer_{name}{{type=\"{kind}\"}}"));
        assert_eq!(of("postbacks_due", "deposit"), Some(due));
        assert_eq!(of("postbacks_due", "withdrawal"), Some(0));
        let name = "postback_first_due_timestamp_seconds";
        assert_eq!((of(name, "deposit"), of(name, "withdrawal")), (first, None));
    };
    let now = desk.server.clock.now().micros() / 1_000_000;
    queue(2, Some(now));
    let rules = PostbackRules::default();
    let tried = |key1: &str, answer: Answer| {
        let of = PostbackOf {
            partner,
            kind: PostbackKind::Deposit,
            name: format!("c-{key1}").parse().unwrap(),
        };
        let ledger = &desk.server.ledger;
        let sent = ledger.postback_of(&of).unwrap().unwrap().value.postback;
        ledger
            .postback_tried(&sent, url.clone(), answer, &rules)
            .unwrap();
    };
    tried("UTR-1", Answer::new(false, None, "no connection"));
    tried("UTR-1", Answer::new(false, Some(500), "sorry"));
    tried("UTR-2", Answer::new(false, Some(200), "null"));
    queue(2, Some(now + 10));
    tried("UTR-2", Answer::new(true, Some(200), "ok"));
    queue(1, Some(now + 30));
    tried("UTR-1", Answer::new(true, Some(200), "ok"));
    queue(0, None);
    let page = scrape(&desk.server);
    for (outcome, count) in [("taken", 2), ("not_taken", 2), ("no_answer", 1)] {
        let key = format!("coffer_postback_attempts_total{{outcome=\"{outcome}\"}}");
        assert_eq!(page.number(&key), Some(count), "{outcome}");
    }
}

#[test]
fn connections_are_counted_and_those_turned_away() {
    let mut setup = support::Setup::default();
    setup.limits.connections_max = 2;
    let server = Server::with(setup);
    let mut inside: Vec<Client> = Vec::new();
    for _ in 0..2 {
        let mut client = server.connect();
        assert_eq!(client.post(TOKEN, &Plays(CODE).credit()).status, 200);
        inside.push(client);
    }
    assert_eq!(server.connect().answer().unwrap().status, 503);
    let page = scrape(&server);
    let public = |name: &str| page.number(&format!("coffer_{name}{{address=\"public\"}}"));
    assert_eq!(public("connections"), Some(2));
    assert_eq!(public("connections_accepted_total"), Some(2));
    assert_eq!(public("connections_refused_total"), Some(1));
    drop(inside);
    await_sight("the end of both", || {
        let open = scrape(&server).number("coffer_connections{address=\"public\"}");
        (open == Some(0)).then_some(())
    });
}

/// Each name that the page has, with its type. A change here is one for whoever watches.
const FAMILIES: [&str; 29] = [
    "build_info gauge",
    "wallet_requests counter",
    "wallet_request_duration_seconds histogram",
    "http_requests counter",
    "connections gauge",
    "connections_accepted counter",
    "connections_refused counter",
    "journal_last_seq gauge",
    "journal_durable_seq gauge",
    "journal_queue_entries gauge",
    "journal_queue_entries_max gauge",
    "journal_commit_duration_seconds histogram",
    "books_applied_seq gauge",
    "checkpoint_duration_seconds histogram",
    "resident_bytes gauge",
    "resident_bytes_max gauge",
    "pressed gauge",
    "disk_space gauge",
    "ready gauge",
    "latched gauge",
    "postback_attempts counter",
    "postbacks_due gauge",
    "scrub_ok gauge",
    "scrub_findings gauge",
    "scrub_end_timestamp_seconds gauge",
    "backup_running gauge",
    "backup_ok gauge",
    "backup_begin_timestamp_seconds gauge",
    "backup_seq gauge",
];

fn scrape_program(server: &Process) -> Page {
    let key = format!("Authorization: Bearer {}", server.key());
    let answer = http(server.admin(), "GET", "/metrics", &[&key], "");
    assert_eq!(answer.status, 200);
    Page::read(&answer.body)
}

#[test]
fn the_real_program_tells_how_journal_books_scrubber_and_backups_are_doing() {
    let folder = tempdir().unwrap();
    let soon = [("COFFER_STORAGE_CHECKPOINT_INTERVAL", "1s")];
    let server = Process::start(folder.path(), &["serve"], &soon);
    let whose = [
        "--partner",
        "p1",
        "--player-id",
        "usr-1",
        "--currency",
        "USD",
    ];
    let partner = ["partner", "create", "--name", "w", "--wallet-token", "w1"];
    server.ask(&partner).json();
    server
        .ask(&[&["player", "create"], &whose[..]].concat())
        .json();
    let copy = folder.path().join("copy");
    let backup = server
        .ask(&["backup", "--to", copy.to_str().unwrap()])
        .json();
    let page = await_sight("a round of the scrubber, and a checkpoint", || {
        let page = scrape_program(&server);
        let applied = page.number("coffer_books_applied_seq");
        (page.number("coffer_scrub_ok").is_some() && applied == Some(2)).then_some(page)
    });
    let families: Vec<String> = page
        .families
        .iter()
        .map(|(n, k)| format!("{n} {k}"))
        .collect();
    assert_eq!(families, FAMILIES.map(|family| format!("coffer_{family}")));
    let version = env!("CARGO_PKG_VERSION");
    for (key, number) in [
        (&*format!("build_info{{version=\"{version}\"}}"), 1),
        ("journal_last_seq", 2),
        ("journal_durable_seq", 2),
        ("journal_queue_entries", 0),
        ("ready", 1),
        ("latched", 0),
        ("scrub_ok", 1),
        ("scrub_findings", 0),
        ("backup_running", 0),
        ("backup_ok", 1),
        ("backup_seq", backup["seq"].as_u64().unwrap()),
    ] {
        assert_eq!(page.number(&format!("coffer_{key}")), Some(number), "{key}");
    }
    page.check_histogram("coffer_journal_commit_duration_seconds", "", 2);
    assert!(
        page.number("coffer_checkpoint_duration_seconds_count")
            .unwrap()
            >= 1
    );
    // A failed one is told too.
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    assert_ne!(
        server.ask(&["backup", "--to", file.to_str().unwrap()]).code,
        0
    );
    let page = scrape_program(&server);
    assert_eq!(page.number("coffer_backup_ok"), Some(0));
    assert_eq!(page.number("coffer_backup_seq"), None);
    assert!(server.end("TERM").success());
}
