//! Received payments by the command line: taken down once, imported, listed, counted, found again
//! after a kill and by who verifies (operations.md, Received payments).

use std::path::Path;

use serde_json::{Value, json};
use tempfile::tempdir;

use crate::process::{Process, Ran, http, run};

const FIRST: [&str; 8] = [
    "--wallet-type",
    "upi",
    "--reference",
    "418381111111",
    "--amount",
    "100.00",
    "--currency",
    "INR",
];

fn receive(server: &Process, what: &[&str]) -> Ran {
    server.ask(&[&["payment", "receive"][..], what].concat())
}

/// The first payment, with another value of one flag.
fn but(flag: &str, value: &'static str) -> Vec<&'static str> {
    let mut what = FIRST.to_vec();
    match what.iter().position(|known| *known == flag) {
        Some(place) => what[place + 1] = value,
        None => panic!("{flag} is not given"),
    }
    what
}

/// The accounts of a currency and what they hold, as the trial balance has them.
fn accounts(server: &Process, currency: &str) -> Value {
    let report = server.ask(&["report", "trial-balance"]).json();
    let currencies = report["currencies"].as_array().unwrap();
    let of = currencies.iter().find(|of| of["currency"] == currency);
    let of = of.unwrap_or_else(|| panic!("no {currency} in {report}"));
    assert_eq!(of["sum"], "0.00");
    of["accounts"].clone()
}

fn import(server: &Process, file: &Path, more: &[&str]) -> Ran {
    let file = file.to_str().unwrap();
    server.ask(&[&["payment", "import", file][..], more].concat())
}

/// The references listed, page by page.
fn listed(server: &Process) -> Vec<String> {
    let (mut found, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let mut arguments = vec!["payment", "list", "--limit", "2"];
        if let Some(cursor) = &cursor {
            arguments.extend(["--cursor", cursor]);
        }
        let page = server.ask(&arguments).json();
        for item in page["items"].as_array().unwrap() {
            found.push(item["reference"].as_str().unwrap().to_owned());
        }
        match page["next"].as_str() {
            Some(next) => cursor = Some(next.to_owned()),
            None => return found,
        }
    }
}

#[test]
fn a_payment_is_received_once_and_a_different_one_under_its_reference_is_refused() {
    let directory = tempdir().unwrap();
    let server = Process::serve(directory.path());
    let first = receive(&server, &FIRST).json();
    let mut told = json!({
        "received_payment": "upi/418381111111", "state": "unclaimed", "matched": null,
        "repeated": false,
    });
    assert_eq!(first, told);
    told["repeated"] = json!(true);
    assert_eq!(receive(&server, &FIRST).json(), told);
    assert_eq!(receive(&server, &but("--amount", "100")).json(), told);
    let with = |more: &[&'static str]| [&FIRST[..], more].concat();
    for other in [
        but("--amount", "100.01"),
        but("--currency", "USD"),
        with(&["--account", "a"]),
        with(&["--payer", "p"]),
        with(&["--note", "n"]),
        with(&["--suspicious"]),
    ] {
        let refused = receive(&server, &other);
        assert!(refused.failed(1).contains("other content"), "{other:?}");
    }
    // Another wallet type numbers by itself.
    let other = receive(&server, &but("--wallet-type", "upi_p2p")).json();
    assert_eq!(other["repeated"], false);
    for wrong in [
        but("--amount", "0.00"),
        but("--amount", "-1"),
        but("--amount", "1.005"),
        but("--wallet-type", "UPI"),
        but("--currency", "inr"),
        but("--reference", ""),
    ] {
        receive(&server, &wrong).failed(2);
    }
}

#[test]
fn received_money_stands_in_the_trial_balance_and_survives_a_kill() {
    let directory = tempdir().unwrap();
    let server = Process::serve(directory.path());
    receive(&server, &FIRST).json();
    receive(&server, &but("--reference", "other")).json();
    receive(&server, &FIRST).json();
    let book = json!([
        {"account": "outside/upi", "balance": "-200.00"},
        {"account": "received/upi", "balance": "200.00"},
    ]);
    assert_eq!(accounts(&server, "INR"), book);
    server.end("KILL");
    let server = Process::serve(directory.path());
    assert_eq!(accounts(&server, "INR"), book);
    assert_eq!(receive(&server, &FIRST).json()["repeated"], true);
    assert_eq!(listed(&server), ["other", "418381111111"]);
    assert!(server.end("TERM").success());
    // Out of the books, and out of books that were made anew.
    for _ in 0..2 {
        let verified = run(directory.path(), &["verify", "--json"], &[]).json();
        assert_eq!(verified["findings"], json!([]));
        let server = Process::serve(directory.path());
        assert_eq!(accounts(&server, "INR"), book);
        let other = receive(&server, &but("--amount", "1.00"));
        assert!(other.failed(1).contains("other content"));
        assert!(server.end("TERM").success());
        assert_eq!(run(directory.path(), &["rebuild"], &[]).code, 0);
    }
}

#[test]
fn payments_are_listed_newest_first_with_all_that_was_said_of_them() {
    let directory = tempdir().unwrap();
    let server = Process::serve(directory.path());
    let said = [
        "--account",
        "acc-7",
        "--payer",
        "A. Payer",
        "--note",
        "rent, \u{928}",
        "--received-at",
        "2026-11-20T08:00:00+05:30",
        "--suspicious",
    ];
    receive(&server, &[&FIRST[..], &said].concat()).json();
    for reference in ["2", "3", "4", "5"] {
        receive(&server, &but("--reference", reference)).json();
    }
    assert_eq!(listed(&server), ["5", "4", "3", "2", "418381111111"]);
    let list = server.ask(&["payment", "list"]).json();
    let mut oldest = list["items"][4].clone();
    let created_at = oldest["created_at"].take();
    assert!(created_at.as_str().unwrap().ends_with('Z'));
    assert_eq!(
        oldest,
        json!({
            "id": "upi/418381111111", "state": "unclaimed", "matched": null, "wallet_type": "upi",
            "reference": "418381111111", "amount": "100.00", "currency": "INR",
            "account": "acc-7", "payer": "A. Payer", "note": "rent, \u{928}", "suspicious": true,
            "received_at": "2026-11-20T02:30:00.000000Z", "created_at": null,
        })
    );
    let plain = &list["items"][0];
    assert_eq!(plain["received_at"], plain["created_at"]);
    // Over HTTP with the key, as any script could.
    let bearer = format!("Authorization: Bearer {}", server.key());
    let page = http(
        server.admin(),
        "GET",
        "/admin/v1/payments?limit=1",
        &[&bearer],
        "",
    );
    let page: Value = serde_json::from_str(&page.body).unwrap();
    assert_eq!(page["items"][0], list["items"][0]);
}

const BANK: &str = "\
reference,amount,currency,wallet_type,received_at,payer,suspicious,note,account
1,10.00,INR,upi,2026-11-20T08:00:00Z,\"Payer, A.\",,,
2,20.00,INR,upi,,,true,\"two
lines\",
3,30.00,INR,upi,,,false,,acc
4,,INR,upi,,,,,
5,50.00,INR,upi,,,maybe,,
6,60.00,INR,upi,,,,
3,31.00,INR,upi,,,false,,acc
7,70.5,INR,upi,,,,,
";

#[test]
fn of_a_bank_file_good_lines_go_in_and_bad_ones_are_told_with_their_numbers() {
    let directory = tempdir().unwrap();
    let server = Process::serve(directory.path());
    let file = directory.path().join("bank.csv");
    std::fs::write(&file, BANK).unwrap();
    for (received, repeated) in [(3, 0), (0, 3)] {
        let ran = import(&server, &file, &[]);
        assert_eq!(ran.code, 1);
        let told: Value = serde_json::from_str(&ran.out).unwrap();
        let of = |name: &str| told[name].as_u64().unwrap();
        assert_eq!(
            (of("lines"), of("received"), of("repeated")),
            (8, received, repeated)
        );
        let bad: Vec<_> = (told["bad"].as_array().unwrap().iter())
            .map(|bad| {
                (
                    bad["line"].as_u64().unwrap(),
                    bad["reason"].as_str().unwrap(),
                )
            })
            .collect();
        let reasons = [
            (3, "note must be"),
            (6, "amount is missing"),
            (7, "suspicious must be true or false"),
            (8, "has 8 cells where there are 9 columns"),
            (9, "other content"),
        ];
        assert_eq!(bad.len(), reasons.len(), "{bad:?}");
        for ((line, reason), (at, words)) in bad.into_iter().zip(reasons) {
            assert!(line == at && reason.contains(words), "{line}: {reason}");
            assert!(ran.err.contains(&format!("line {line}: {reason}")));
        }
        assert!(
            ran.err.contains("5 of 8 lines were not taken"),
            "{}",
            ran.err
        );
        assert_eq!(listed(&server), ["7", "3", "1"]);
    }
}

#[test]
fn a_file_goes_in_whole_or_not_at_all_where_that_is_asked() {
    let directory = tempdir().unwrap();
    let server = Process::serve(directory.path());
    let file = directory.path().join("bank.csv");
    let all = ["--all-or-nothing"];
    let head = "\u{feff}wallet_type,reference,amount,currency\r\n";
    let good = format!("{head}upi,1,10.00,INR\r\nupi,2,20.00,INR\r\n");
    receive(&server, &but("--reference", "9")).json();
    for (last, words) in [
        ("upi,3,0,INR", "amount must be more than 0.00"),
        // Line 4 says otherwise of what line 2 says; or of what was received before.
        ("upi,1,11.00,INR", "than line 2"),
        ("upi,9,11.00,INR", "other content"),
    ] {
        std::fs::write(&file, format!("{good}{last}\r\n")).unwrap();
        let ran = import(&server, &file, &all);
        assert_eq!(ran.code, 1, "{last}");
        let told: Value = serde_json::from_str(&ran.out).unwrap();
        assert_eq!((&told["lines"], &told["received"]), (&json!(3), &json!(0)));
        assert_eq!(told["bad"][0]["line"], 4);
        assert!(ran.err.contains(words), "{}", ran.err);
        assert!(ran.err.contains("nothing was taken down"), "{}", ran.err);
        assert_eq!(listed(&server), ["9"]);
    }
    std::fs::write(&file, &good).unwrap();
    for (received, repeated) in [(2, 0), (0, 2)] {
        let told = import(&server, &file, &all).json();
        assert_eq!(
            told,
            json!({"lines": 2, "received": received, "repeated": repeated, "bad": []})
        );
    }
    for (head, words) in [
        ("wallet_type,reference,amount", "column currency is missing"),
        (
            "wallet_type,reference,amount,currency,colour",
            "\"colour\" is not known",
        ),
        (
            "wallet_type,reference,amount,currency,amount",
            "amount is there twice",
        ),
    ] {
        std::fs::write(&file, format!("{head}\n")).unwrap();
        assert!(
            import(&server, &file, &[]).failed(1).contains(words),
            "{words}"
        );
    }
    let nowhere = directory.path().join("nowhere.csv");
    assert!(
        import(&server, &nowhere, &[])
            .failed(1)
            .contains("cannot be read")
    );
}
