//! The game that `coffer demo` offers to a person: by the printed launch URL, in plain forms, over
//! the real Wallet URL.

use serde_json::Value;
use tempfile::{TempDir, tempdir};

use crate::browser::{Browser, LOOKS, Look};
use crate::process::{Answer, Process, http};

struct Demo {
    server: Process,
    /// The printed launch URL.
    url: String,
    _directory: TempDir,
}

fn demo() -> Demo {
    let directory = tempdir().unwrap();
    let mut server = Process::start(directory.path(), &["demo"], &[]);
    let url = loop {
        let line = server.line();
        assert!(!line.is_empty(), "no launch URL is printed");
        if line.contains("/v3/game/mine?") {
            break line.trim().to_owned();
        }
    };
    Demo {
        server,
        url,
        _directory: directory,
    }
}

impl Demo {
    fn path(&self) -> &str {
        self.url.strip_prefix(self.server.public()).unwrap()
    }

    fn ask(&self, method: &str, path: &str, form: &str) -> Answer {
        http(self.server.public(), method, path, &[], form)
    }

    /// The table as it is shown.
    fn table(&self) -> String {
        let answer = self.ask("GET", self.path(), "");
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.body
    }

    /// Sends a form, and is led back to the table.
    fn turn(&self, form: &str) -> String {
        let answer = self.ask("POST", self.path(), form);
        assert_eq!(answer.status, 303, "{}", answer.body);
        let back = self.path().strip_prefix("/v3/game/").unwrap();
        let location = format!("\r\nlocation: {}\r\n", back.to_ascii_lowercase());
        assert!(answer.head.contains(&location), "{}", answer.head);
        self.table()
    }

    /// What moved the person's account, oldest first: kind and amount.
    fn history(&self) -> Vec<(String, String)> {
        let history = ["player", "history", "--partner", "p1", "--currency", "USD"];
        let told = self
            .server
            .ask(&[&history[..], &["--player-id", "demo-you"]].concat());
        let told = told.json();
        let text = |item: &Value, name: &str| item[name].as_str().unwrap().to_owned();
        let items = told["items"].as_array().unwrap().iter().rev();
        items
            .map(|item| (text(item, "type"), text(item, "amount")))
            .collect()
    }
}

#[test]
fn a_person_bets_picks_and_takes_back() {
    let demo = demo();
    let seen = demo.table();
    assert!(
        seen.contains("500.00") && seen.contains("demo-you"),
        "{seen}"
    );
    assert!(!seen.contains("Take the bet back"));
    let seen = demo.turn("bet=5.00");
    assert!(seen.contains("495.00") && seen.contains("5.00 USD lies on the table"));
    // A bet is on the table: a second one, from a form that is still open, is none.
    assert!(demo.turn("bet=5.00").contains("495.00"));
    let seen = demo.turn("cancel=1");
    assert!(seen.contains("500.00") && seen.contains("Your bet is back."));
    assert!(demo.turn("cancel=1").contains("500.00"));
    assert!(demo.turn("pick=1").contains("500.00"));
    // Nobody bets what is not offered.
    for form in ["bet=5000.00", "bet=-1.00", "bet=", "", "%zz", "other=1"] {
        assert!(demo.turn(form).contains("500.00"), "{form}");
    }
    demo.turn("bet=10.00");
    let seen = demo.turn("pick=7");
    let (won, balance) = if seen.contains("You win 20.00!") {
        ("20.00", "510.00")
    } else {
        assert!(seen.contains("Nothing under this one."), "{seen}");
        ("0.00", "490.00")
    };
    assert!(seen.contains(balance), "{seen}");
    let played = demo.history();
    let wanted = [
        ("adjustment", "500.00"),
        ("bet", "-5.00"),
        ("cancel", "5.00"),
        ("bet", "-10.00"),
        ("win", won),
    ];
    let played: Vec<(&str, &str)> = played
        .iter()
        .map(|(kind, amount)| (kind.as_str(), amount.as_str()))
        .collect();
    assert_eq!(played, wanted);
}

#[test]
fn what_the_wallet_says_is_shown() {
    let demo = demo();
    demo.turn("bet=1.00");
    let close = demo
        .url
        .split("token=")
        .nth(1)
        .unwrap()
        .split('&')
        .next()
        .unwrap();
    assert_eq!(demo.server.ask(&["session", "close", close]).code, 0);
    // What is won on a closed session is taken; a bet is not.
    demo.turn("pick=1");
    let seen = demo.turn("bet=1.00");
    assert!(seen.contains("Session expired"), "{seen}");
    for path in [
        demo.path().replace(close, "nobodys"),
        demo.path().replace("gameID=1", "gameID=one"),
        "/v3/game/mine".to_owned(),
    ] {
        for method in ["GET", "POST"] {
            let answer = demo.ask(method, &path, "");
            assert_eq!(answer.status, 404, "{path}");
            assert!(answer.body.contains("No game"), "{}", answer.body);
        }
    }
    assert_eq!(demo.ask("PUT", demo.path(), "").status, 405);
    assert_eq!(demo.ask("GET", "/v3/game/a/b", "").status, 404);
}

#[test]
fn a_one_time_link_leads_to_a_table() {
    let demo = demo();
    let made = ["partner", "create", "--name", "Shop", "--currency", "EUR"];
    let made = demo.server.ask(&made).json();
    let header = |name: &str, member: &str| format!("{name}: {}", made[member].as_str().unwrap());
    let (key, secret) = (
        header("X-API-Key", "api_key"),
        header("X-API-Secret", "api_secret"),
    );
    let headers = [key.as_str(), &secret, "X-Game-Type: keno"];
    let call = |path: &str, body: &str| -> Value {
        let path = format!("/v2/partner/{path}");
        let answer = http(demo.server.public(), "POST", &path, &headers, body);
        assert_eq!(answer.status, 200, "{}", answer.body);
        serde_json::from_str(&answer.body).unwrap()
    };
    call(
        "user/register",
        r#"{"name":"A","email":"a@b.co","mobile":"1234567890"}"#,
    );
    call(
        "wallet/deposit",
        r#"{"mobile":"1234567890","amount":7,"transaction_id":"D"}"#,
    );
    let link = call("auth/generate-url", r#"{"mobile":"1234567890"}"#);
    let link = link["authUrl"]
        .as_str()
        .unwrap()
        .replace(demo.server.public(), "");
    let led = demo.ask("GET", &link, "");
    assert_eq!(led.status, 302);
    let Some(mut browser) = Browser::start() else {
        return;
    };
    // The head was told in small letters, in which a code is another one: the browser goes itself.
    let link = call("auth/generate-url", r#"{"mobile":"1234567890"}"#);
    browser.open(link["authUrl"].as_str().unwrap(), LOOKS[0]);
    let seen = browser.text();
    assert!(seen.contains("keno") && seen.contains("7.00 EUR"), "{seen}");
}

#[test]
fn the_table_is_seen_and_played_in_a_browser() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let demo = demo();
    for look in LOOKS.into_iter().chain([LOOKS[0].without_scripts()]) {
        play(&mut browser, &demo.url, look);
    }
}

fn play(browser: &mut Browser, url: &str, look: Look) {
    let press = |browser: &mut Browser, button: &str| {
        let press = format!("document.querySelector('{button}').click()");
        browser.loads(|browser| {
            browser.evaluate(&press);
        });
    };
    browser.open(url, look);
    browser.look_over(&format!("game {look}"));
    press(browser, "button[name=bet]:nth-child(2)");
    assert!(browser.text().contains("5.00 USD lies on the table"));
    browser.look_over(&format!("game bet {look}"));
    press(browser, "button[name=cancel]");
    assert!(browser.text().contains("Your bet is back."));
    press(browser, "button[name=bet]");
    press(browser, "button[name=pick]:nth-child(5)");
    let seen = browser.text();
    let won = seen.contains("You win 2.00!");
    assert!(won || seen.contains("Nothing under this one."), "{seen}");
    browser.look_over(&format!("game over {look}"));
}

#[test]
fn where_nobody_put_a_game_there_is_none() {
    let directory = tempdir().unwrap();
    let server = Process::serve(directory.path());
    for method in ["GET", "POST", "PUT"] {
        let answer = http(server.public(), method, "/v3/game/mine?token=a", &[], "");
        assert_eq!(answer.status, 404);
        assert_eq!(answer.body, r#"{"success":false,"message":"Not found"}"#);
    }
}
