//! The page of a payment in every stage, byte by byte; `GOLDEN_UPDATE=1` rewrites the samples.

use coffer::engine::catalogue::{Key1, Key1Chars};
use coffer::page::{Entry, Number, Payment, Requisites, Stage, Transfer, payment};
use coffer::protocol::upi;
use coffer::time::Span;

use crate::golden;

const UTR: &str = "418381111111";
const REFERENCE: &str = "2f8c0a5d4e1b49d7a6c3e9f0b1d2c3a4";

fn sample(name: &str, page: &Payment<'_>) {
    let seen = String::from_utf8(payment(page)).unwrap();
    // One tag a line, so that a difference can be read.
    golden::compare(&format!("page/{name}.html"), &seen.replace("><", ">\n<"));
}

fn page(stage: Stage<'_>) -> Payment<'_> {
    Payment {
        payee: "Example Partner Ltd.",
        amount: coffer::money::Amount::from_decimal("100.5").unwrap(),
        currency: "INR".parse().unwrap(),
        note: Some("Order 17"),
        reference: REFERENCE,
        requisites: None,
        transfer: None,
        number: Number::Utr,
        back: None,
        stage,
    }
}

#[test]
fn each_stage_has_its_page() {
    let left = Span::from_seconds(29 * 60 + 7);
    let entry = Entry::default();
    let mistyped = Entry {
        typed: "41838111111",
        fault: Some("A bank reference has 12 digits"),
    };
    let sent = |may_correct, entry| Stage::Sent {
        utr: UTR,
        left: Some(left),
        may_correct,
        entry,
    };
    let again = Entry {
        typed: UTR,
        fault: None,
    };
    for (name, stage) in [
        ("open", Stage::Open { left, entry }),
        (
            "open.mistyped",
            Stage::Open {
                left,
                entry: mistyped,
            },
        ),
        ("sent", sent(true, None)),
        ("sent.correcting", sent(true, Some(again))),
        ("sent.final", sent(false, None)),
        ("paid", Stage::Paid { utr: Some(UTR) }),
        ("paid.by_word", Stage::Paid { utr: None }),
        ("rejected", Stage::Rejected),
        ("expired", Stage::Expired { utr: None }),
        ("expired.sent", Stage::Expired { utr: Some(UTR) }),
        ("cancelled", Stage::Cancelled),
    ] {
        sample(name, &page(stage));
    }
}

#[test]
fn a_payment_to_requisites_says_what_to_pay_to_and_leads_back() {
    let left = Span::from_seconds(29 * 60 + 7);
    let params = [("Account name", "Example Trading Ltd")];
    let requisites = Requisites {
        system: "PayTM",
        bank: "MBB",
        identifier: "6234234234",
        params: &params,
    };
    let number = |min, max, chars| Number::Transaction(Key1 { min, max, chars });
    let sent = |left| Stage::Sent {
        utr: UTR,
        left,
        may_correct: false,
        entry: None,
    };
    let open = |typed, fault| Stage::Open {
        left,
        entry: Entry { typed, fault },
    };
    let digits = number(12, 12, Key1Chars::Digits);
    let letters = number(6, 40, Key1Chars::LettersAndDigits);
    let any = number(6, 40, Key1Chars::Any);
    for (name, number, stage) in [
        ("hosted.open", digits, open("", None)),
        ("hosted.open.letters", letters, open("", None)),
        ("hosted.open.mistyped", any, open("1", Some("It has 6"))),
        ("hosted.sent", digits, sent(Some(left))),
        ("hosted.looked_at", digits, sent(None)),
        ("hosted.paid", digits, Stage::Paid { utr: Some(UTR) }),
        ("hosted.saved", digits, Stage::Saved { utr: Some(UTR) }),
        ("hosted.rejected", digits, Stage::Rejected),
        ("hosted.expired", digits, Stage::Expired { utr: None }),
    ] {
        let payment = Payment {
            note: None,
            requisites: Some(requisites),
            number,
            back: Some("https://shop.example.com/paid?a=1&b=2"),
            ..page(stage)
        };
        sample(name, &payment);
    }
}

#[test]
fn an_upi_payment_has_its_link_and_its_code() {
    let stage = Stage::Open {
        left: Span::from_seconds(2 * 3600),
        entry: Entry::default(),
    };
    let open = page(stage);
    let (address, name) = ("example@bank", "Example & Partner");
    let link = upi::link(
        &address.parse().unwrap(),
        &name.parse().unwrap(),
        open.amount,
        REFERENCE,
    );
    let link = link.as_str();
    let transfer = Transfer { address, link };
    let transfer = Some(transfer);
    sample("open.upi", &Payment { transfer, ..open });
}

#[test]
fn whatever_a_text_holds_it_stays_a_text() {
    let hostile = "\"><script>alert(1)</script>&amp;'";
    let stage = Stage::Open {
        left: Span::from_seconds(1),
        entry: Entry {
            typed: hostile,
            fault: Some("A bank reference has 12 digits"),
        },
    };
    let hostile = Payment {
        payee: hostile,
        note: Some(hostile),
        ..page(stage)
    };
    sample("hostile", &hostile);
    let seen = String::from_utf8(payment(&hostile)).unwrap();
    assert_eq!(seen.matches("<script").count(), 1, "{seen}");
}
