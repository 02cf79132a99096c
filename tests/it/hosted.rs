//! Deposits that are paid on a page of ours (paykassma-api.md, `payment/create`): asked for by the
//! merchant, seen and told by the payer as a browser without scripts asks, settled as any deposit.

use coffer::engine::command::PartnerChange;
use coffer::engine::settings::PartnerSettings;
use coffer::http::Payments;
use coffer::time::Span;
use serde_json::{Value, json};

use crate::desk::{Desk, held};
use crate::payers::{Merchant, catalogue, fail, possible, taken};
use crate::support::{Answer, Setup};

pub(crate) const BACK: &str = "https://shop.example.com/paid?order=17&x=1#top";

/// What a merchant asks for, with other members.
pub(crate) fn wanted(id: &str, more: Value) -> Value {
    let mut body = json!({
        "language": "en", "currency": "INR", "bank": "MBB", "amount": "100.50", "label": "55",
        "redirect_url": BACK, "custom_transaction_id": id,
    });
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

impl Merchant {
    /// The path of the page that is made.
    pub(crate) fn page_of(&self, system: &str, body: &Value) -> String {
        let (status, told) = self.post(&format!("payment/create/{system}"), body);
        assert_eq!((status, &told["status"]), (200, &json!("ok")), "{told}");
        let url = told["params"]["payment_url"].as_str().unwrap();
        let path = url.find("/payment/").map(|at| url[at..].to_owned());
        path.unwrap_or_else(|| panic!("{url}"))
    }

    fn page(&self, path: &str) -> String {
        let answer = self.look(path);
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.body
    }

    fn look(&self, path: &str) -> Answer {
        self.desk.send(&format!("GET {path}"), "")
    }

    fn type_in(&self, path: &str, key1: &str) -> Answer {
        let line = format!("POST {path}");
        self.desk.send(&line, &format!("key1={key1}"))
    }

    /// Names a number on a page, and is led back to it.
    fn name(&self, path: &str, key1: &str) {
        let answer = self.type_in(path, key1);
        let reference = path.strip_prefix("/payment/").unwrap();
        let location = format!("\r\nlocation: {reference}\r\n");
        assert_eq!(answer.status, 303, "{answer:?}");
        assert!(answer.head.contains(&location), "{answer:?}");
    }

    fn only_item(&self) -> Value {
        let list = self.desk.list("deposits?limit=1000");
        let items = list["items"].as_array().unwrap();
        assert_eq!(items.len(), 1, "{list}");
        items[0].clone()
    }
}

fn has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in {text}");
    }
}

fn lacks(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(!text.contains(part), "{part:?} is in {text}");
    }
}

/// The address that the payer is led back to, as it stands in a page.
fn back() -> String {
    BACK.replace('&', "&amp;")
}

#[test]
fn a_payer_is_shown_what_to_pay_to_and_names_the_payment_which_makes_the_deposit() {
    let merchant = Merchant::open();
    let path = merchant.page_of("upi", &wanted("c-1", json!({})));
    let seen = merchant.page(&path);
    let parts = [
        "Shop Ltd.",
        "100.50",
        "INR",
        "UPI",
        "upi-1",
        "MBB",
        "data-left=\"1800\"",
        "name=\"key1\"",
        "3 to 40 characters",
    ];
    has(&seen, &parts);
    // Nobody leaves for the shop before it is paid, and no UPI address is paid to.
    lacks(&seen, &["shop.example.com", "upi://", "class=\"qr\""]);
    let item = merchant.only_item();
    assert_eq!(
        (&item["state"], &item["key1"]),
        (&json!("open"), &Value::Null)
    );
    assert_eq!(item["hosted"]["redirect_url"], BACK);
    assert!(
        item["hosted"]["payment_url"]
            .as_str()
            .unwrap()
            .ends_with(&path)
    );

    // The bank is first, or the payer is: both ways the deposit is credited, and told of.
    merchant.receive("upi", "UTR-1", "100.50");
    merchant.name(&path, "+UTR-1%0D%0A");
    let seen = merchant.page(&path);
    let link = format!("href=\"{}\"", back());
    let by_itself = format!("http-equiv=\"refresh\" content=\"5;url={}\"", back());
    has(&seen, &["Paid", "UTR-1", &link, &by_itself]);
    lacks(&seen, &["<form", "data-left", "upi-1"]);
    let told = merchant.told("c-1").unwrap();
    has(
        &told,
        &[
            r#""transaction_id":"UTR-1""#,
            r#""plugin_custom_order_id":"c-1""#,
            r#""amount":"100.5""#,
        ],
    );
    let found = merchant.get("postback?type=deposit&custom_id=c-1");
    assert_eq!((found.0, &found.1["status"]), (200, &json!("ok")));
    let path = merchant.page_of("upi", &wanted("c-2", json!({})));
    merchant.name(&path, "UTR-2");
    let seen = merchant.page(&path);
    has(
        &seen,
        &["Waiting for confirmation", "UTR-2", "72:00:00", &link],
    );
    lacks(&seen, &["<form", "content=\"5;url", "upi-2", "Correct"]);
    assert_eq!(merchant.state("UTR-2"), "possible");
    let received = merchant.receive("upi", "UTR-2", "100.50");
    assert_eq!(received["matched"]["kind"], "deposit");
    has(&merchant.page(&path), &["Paid", "UTR-2"]);
    let moved = [("merchant/p2/upi", "201.00"), ("outside/upi", "-201.00")];
    assert_eq!(merchant.accounts(), held(&moved));
}

#[test]
fn what_was_asked_for_is_asked_for_again_and_nothing_else_under_its_name() {
    let merchant = Merchant::open();
    let path = merchant.page_of("upi", &wanted("c-1", json!({})));
    let again = |more: Value| merchant.post("payment/create/upi", &wanted("c-1", more));
    // The same in another writing.
    let same = wanted("c-1", json!({ "amount": 100.5, "bank": "MBB" }));
    assert_eq!(merchant.page_of("upi", &same), path);
    for more in [
        json!({ "amount": "100.51" }),
        json!({ "label": "56" }),
        json!({ "bank": "ABC" }),
        json!({ "language": "hi" }),
        json!({ "redirect_url": "https://shop.example.com/" }),
    ] {
        let told = again(more.clone());
        assert_eq!(told, taken("custom_transaction_id"), "{more}");
    }
    let other = merchant.post("payment/create/paytm", &wanted("c-1", json!({})));
    assert_eq!(other, taken("custom_transaction_id"));
    // Nor does a deposit without a page get the name, and the other way round.
    let id = || json!({ "custom_transaction_id": "c-1" });
    let told = merchant.activate("upi", "UTR-9", "55", id());
    assert_eq!(told, taken("custom_transaction_id"));
    let left = json!({ "label": "55", "transaction_custom_id": "c-1" });
    let told = merchant.post("payment/save-transaction-custom-id", &left);
    assert_eq!(told, taken("transaction_custom_id"));
    assert_eq!(
        merchant.activate("upi", "UTR-2", "55", json!({})),
        possible()
    );
    let told = merchant.post("payment/create/upi", &wanted("c-UTR-2", json!({})));
    assert_eq!(told, taken("custom_transaction_id"));
    // Whatever has become of it.
    merchant.receive("upi", "UTR-1", "100.50");
    merchant.name(&path, "UTR-1");
    assert_eq!(merchant.page_of("upi", &wanted("c-1", json!({}))), path);
    merchant.pass(100);
    assert_eq!(merchant.page_of("upi", &wanted("c-1", json!({}))), path);
    // Its number is asked for as the merchant would have asked itself: it is the same deposit.
    let same = json!({ "custom_transaction_id": "c-1", "amount": "100.50" });
    assert_eq!(merchant.activate("upi", "UTR-1", "55", same).0, 200);
}

#[test]
fn a_name_that_was_left_is_the_pages_and_the_same_request_finds_it() {
    let merchant = Merchant::open();
    let nameless = || wanted("", json!({ "custom_transaction_id": null }));
    let missing = fail(json!({
        "custom_transaction_id": ["The custom transaction id field is required."]
    }));
    let told = merchant.post("payment/create/upi", &nameless());
    assert_eq!(told, missing);
    let leave = |id: &str| {
        let body = json!({ "label": "55", "transaction_custom_id": id });
        assert_eq!(
            merchant.post("payment/save-transaction-custom-id", &body).0,
            200
        );
    };
    leave("left-1");
    let path = merchant.page_of("upi", &nameless());
    assert_eq!(merchant.only_item()["custom_transaction_id"], "left-1");
    assert_eq!(merchant.page_of("upi", &nameless()), path);
    let other = wanted("", json!({ "custom_transaction_id": null, "amount": "7" }));
    assert_eq!(merchant.post("payment/create/upi", &other), missing);
    leave("left-2");
    assert_ne!(merchant.page_of("upi", &nameless()), path);
    merchant.receive("upi", "UTR-1", "100.50");
    merchant.name(&path, "UTR-1");
    assert!(merchant.told("left-1").is_some());
}

#[test]
fn numbers_are_claimed_once_whether_on_a_page_or_not() {
    let merchant = Merchant::open();
    let (first, second) = (
        merchant.page_of("upi", &wanted("c-1", json!({}))),
        merchant.page_of("upi", &wanted("c-2", json!({}))),
    );
    assert_eq!(
        merchant.activate("upi", "UTR-9", "55", json!({})),
        possible()
    );
    merchant.name(&first, "UTR-1");
    for used in ["UTR-1", "UTR-9"] {
        let answer = merchant.type_in(&second, used);
        assert_eq!(answer.status, 422, "{answer:?}");
        let parts = [
            "role=\"alert\"",
            "named for another payment",
            "aria-invalid",
        ];
        has(&answer.body, &parts);
        has(&answer.body, &[&format!("value=\"{used}\"")]);
    }
    for (typed, shown) in [
        ("", ""),
        ("UT", "UT"),
        ("%22%3E%3Cb%3E%01", "&quot;&gt;&lt;b&gt;\u{1}"),
    ] {
        let answer = merchant.type_in(&second, typed);
        assert_eq!(answer.status, 422, "{typed}");
        let value = format!("value=\"{shown}\"");
        has(&answer.body, &["The number has 3 to 40 characters", &value]);
    }
    // The same once more changes nothing; another one comes too late.
    merchant.name(&first, "UTR-1");
    merchant.name(&first, "UTR-3");
    has(&merchant.page(&first), &["You named", "UTR-1"]);
    let more = json!({ "custom_transaction_id": "c-3" });
    assert_eq!(merchant.activate("upi", "UTR-3", "56", more), possible());
    let more = json!({ "custom_transaction_id": "c-4" });
    assert_eq!(merchant.activate("upi", "UTR-1", "56", more), taken("key1"));
    // A merchant's own call with the page's number and name is the same deposit.
    let more = json!({ "custom_transaction_id": "c-1" });
    assert_eq!(merchant.activate("upi", "UTR-1", "55", more), possible());
}

#[test]
fn what_looks_odd_waits_for_an_operator_whose_word_the_page_tells() {
    let merchant = Merchant::open();
    let page = |id: &str| merchant.page_of("upi", &wanted(id, json!({})));
    let (differs, refused, open) = (page("c-1"), page("c-2"), page("c-3"));
    merchant.receive("upi", "UTR-1", "90.00");
    merchant.name(&differs, "UTR-1");
    let looked_at = ["Waiting for confirmation", "Somebody is looking at it"];
    has(&merchant.page(&differs), &looked_at);
    merchant.name(&refused, "UTR-2");
    merchant
        .desk
        .receive_as("UTR-2", "100.50", json!({ "suspicious": true }));
    has(&merchant.page(&refused), &looked_at);
    assert_eq!(merchant.decide("approve", "UTR-1").0, 200);
    assert_eq!(merchant.decide("reject", "UTR-2").0, 200);
    let seen = merchant.page(&differs);
    has(&seen, &["Paid", "90.00", "5;url="]);
    let seen = merchant.page(&refused);
    has(&seen, &["Payment not accepted", "20;url="]);
    lacks(&seen, &["no such payment", "<form"]);
    let moved = [
        ("merchant/p2/upi", "90.00"),
        ("outside/upi", "-190.50"),
        ("received/upi", "100.50"),
    ];
    assert_eq!(merchant.accounts(), held(&moved));
    // There is nothing yet to call paid; but it can be called off.
    let id = json!({ "id": open.strip_prefix("/payment/").unwrap() });
    let (status, told) = merchant.desk.admin("deposits/approve", &id);
    assert_eq!(
        (status, &told["error"]["code"]),
        (422, &json!("key1_missing"))
    );
    let no = json!({ "id": id["id"], "reason": "called off" });
    let (status, told) = merchant.desk.admin("deposits/reject", &no);
    assert_eq!((status, &told["state"]), (200, &json!("rejected")));
    merchant.name(&open, "UTR-3");
    has(&merchant.page(&open), &["Payment not accepted"]);
    assert_eq!(
        merchant.decide_states(),
        ["credited", "rejected", "rejected"]
    );
}

impl Merchant {
    fn decide_states(&self) -> Vec<String> {
        let list = self.desk.list("deposits?limit=1000");
        let items = list["items"].as_array().unwrap().iter();
        let mut states: Vec<String> = items
            .map(|item| item["state"].as_str().unwrap().to_owned())
            .collect();
        states.sort();
        states
    }
}

#[test]
fn small_ones_are_saved_up_and_those_by_hand_are_decided_by_hand() {
    let merchant = Merchant::open();
    let small = |id: &str, amount: &str| {
        merchant.page_of("paytm", &wanted(id, json!({ "amount": amount })))
    };
    let first = small("c-1", "100");
    merchant.receive("paytm", "KEY-1", "100.00");
    merchant.name(&first, "KEY-1");
    has(&merchant.page(&first), &["Paid", "saved up", "20;url="]);
    assert!(merchant.told("c-1").is_none());
    let second = small("c-2", "48");
    merchant.receive("paytm", "KEY-2", "48.00");
    merchant.name(&second, "KEY-2");
    for path in [&first, &second] {
        let seen = merchant.page(path);
        has(&seen, &["Paid", "5;url="]);
        lacks(&seen, &["saved up"]);
    }
    assert!(merchant.told("c-2").unwrap().contains("\"amount\":148"));
    let by_hand = merchant.page_of("cash", &wanted("c-3", json!({})));
    merchant.receive("cash", "KEY-3", "100.50");
    merchant.name(&by_hand, "KEY-3");
    has(&merchant.page(&by_hand), &["Somebody is looking at it"]);
    assert_eq!(merchant.state("KEY-3"), "waiting");
    assert_eq!(merchant.decide("approve", "KEY-3").0, 200);
    has(&merchant.page(&by_hand), &["Paid"]);
}

#[test]
fn a_page_that_nobody_pays_on_expires() {
    let merchant = Merchant::open();
    let path = merchant.page_of("upi", &wanted("c-1", json!({})));
    merchant
        .desk
        .server
        .clock
        .advance(Span::from_seconds(29 * 60));
    has(&merchant.page(&path), &["data-left=\"60\"", "<form"]);
    merchant.desk.server.clock.advance(Span::from_seconds(60));
    let seen = merchant.page(&path);
    has(&seen, &["This link has expired", "20;url="]);
    lacks(&seen, &["<form", "upi-1"]);
    merchant.receive("upi", "UTR-1", "100.50");
    merchant.name(&path, "UTR-1");
    merchant.name(&path, "U");
    assert_eq!(merchant.only_item()["state"], "expired");
    assert_eq!(merchant.desk.payment("UTR-1")["state"], "unclaimed");
    let expired = merchant.desk.list("deposits?state=expired&partner=p2");
    assert_eq!(expired["items"].as_array().unwrap().len(), 1);
    // The label gets other requisites then, and before it does not.
    let create = || {
        let body = json!({ "currency": "INR", "label": "55" });
        let told = merchant.post("transaction/create/upi", &body).1;
        told["params"]["identifier"].as_str().unwrap().to_owned()
    };
    assert_eq!(create(), "upi-2");
    let next = merchant.page_of("upi", &wanted("c-2", json!({})));
    has(&merchant.page(&next), &["upi-2"]);
    assert_eq!(create(), "upi-2");
}

#[test]
fn rupees_to_a_upi_address_have_a_link_and_a_code() {
    let mut setup = Setup {
        payments: Payments {
            upi_address: "shop@bank".parse().ok(),
            upi_name: "Shop & Co".parse().ok(),
            ..Payments::default()
        },
        ..Setup::default()
    };
    let mut offered = coffer::engine::catalogue::Catalogue::default();
    for system in catalogue().iter() {
        let mut system = system.clone();
        system.requisites = match system.wallet_type.as_str() {
            "paytm" => vec!["payee@paytm".to_owned()],
            _ => Vec::new(),
        };
        offered.add(system).unwrap();
    }
    setup.paykassma.catalogue = offered;
    let desk = Desk::under(PartnerSettings::default(), setup);
    let merchant = Merchant { desk };
    let link = |path: &str, to: &str| {
        let reference = path.strip_prefix("/payment/").unwrap();
        format!("upi://pay?{to}&amp;am=100.50&amp;cu=INR&amp;tr={reference}")
    };
    // Its own address under the merchant's name; where there is none, the one that is configured.
    let own = merchant.page_of("paytm", &wanted("c-1", json!({})));
    let to = link(&own, "pa=payee@paytm&amp;pn=Shop%20Ltd.");
    has(&merchant.page(&own), &[&to, "class=\"qr\"", "payee@paytm"]);
    let ours = merchant.page_of("upi", &wanted("c-2", json!({})));
    let to = link(&ours, "pa=shop@bank&amp;pn=Shop%20%26%20Co");
    has(&merchant.page(&ours), &[&to, "class=\"qr\"", "shop@bank"]);
    // What is paid elsewhere is not paid there.
    let none = merchant.post("payment/create/cash", &wanted("c-3", json!({})));
    assert_eq!(none, fail("No requisites available"));
}

#[test]
fn a_merchant_that_is_no_more_has_no_pages() {
    let merchant = Merchant::open();
    let path = merchant.page_of("upi", &wanted("c-1", json!({})));
    let set = |change: PartnerChange| {
        let desk = &merchant.desk;
        desk.server
            .ledger
            .change_partner(desk.partner, change)
            .unwrap();
    };
    let disabled = |disabled| PartnerChange {
        disabled: Some(disabled),
        ..PartnerChange::default()
    };
    set(disabled(true));
    for answer in [merchant.look(&path), merchant.type_in(&path, "UTR-1")] {
        assert_eq!(answer.status, 410, "{answer:?}");
        has(&answer.body, &["Payment is not possible", "<main"]);
        lacks(&answer.body, &["upi-1", "shop.example.com"]);
    }
    let told = merchant.post("payment/create/upi", &wanted("c-1", json!({})));
    assert_eq!((told.0, &told.1["message"]), (404, &json!("Not found")));
    set(disabled(false));
    assert_eq!(merchant.only_item()["state"], "open");
    has(&merchant.page(&path), &["upi-1"]);
    set(PartnerChange {
        expires_at: Some(Some("2023-09-21T03:23:23Z".parse().unwrap())),
        ..PartnerChange::default()
    });
    assert_eq!(merchant.look(&path).status, 410);
}

#[test]
fn what_is_not_there_is_told_and_nobody_keeps_or_frames_a_page() {
    let merchant = Merchant::open();
    assert_eq!(
        merchant.activate("upi", "UTR-1", "55", json!({})),
        possible()
    );
    // A deposit that has no page is not shown to who knows what operators call it.
    let known = merchant.item("UTR-1")["id"].as_str().unwrap().to_owned();
    for path in [known.as_str(), "", "none", "a%20b", &"a".repeat(2000)] {
        let path = format!("/payment/{path}");
        for answer in [merchant.look(&path), merchant.type_in(&path, "UTR-2")] {
            assert_eq!(answer.status, 404, "{path}");
            has(&answer.body, &["Not found", "<main"]);
        }
    }
    let path = merchant.page_of("upi", &wanted("c-1", json!({})));
    for method in ["PUT", "DELETE"] {
        let answer = merchant.desk.send(&format!("{method} {path}"), "");
        assert_eq!(answer.status, 405, "{method}");
        has(&answer.head, &["\r\nallow: GET, HEAD, POST\r\n"]);
    }
    for answer in [merchant.look(&path), merchant.type_in(&path, "U")] {
        for line in [
            "cache-control: no-store",
            "referrer-policy: no-referrer",
            "x-content-type-options: nosniff",
            "content-security-policy: default-src 'none'; style-src 'self'; script-src 'self'; \
             connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        ] {
            has(&answer.head, &[&format!("\r\n{line}\r\n")]);
        }
    }
    let seen = merchant.page(&path);
    lacks(&seen, &[" style=", "<style", " onclick", "javascript:"]);
    for name in ["page.css", "page.js"] {
        let at = seen.find(name).unwrap();
        let address = seen[at..].split('"').next().unwrap();
        assert_eq!(merchant.look(&format!("/payment/{address}")).status, 200);
    }
}

#[test]
fn hostile_texts_stay_texts() {
    let merchant = Merchant::open();
    let hostile = "<script>alert(1)</script>\"'";
    let body = wanted("c-1", json!({ "bank": hostile, "label": hostile }));
    let seen = merchant.page(&merchant.page_of("upi", &body));
    assert_eq!(seen.matches("<script").count(), 1, "{seen}");
    has(&seen, &["&lt;script&gt;alert(1)&lt;/script&gt;"]);
    for url in [
        "javascript:alert(1)",
        "data:text/html,x",
        "//shop.example.com",
        "https://a@shop.example.com",
        "https://shop.example.com/\"><script>",
    ] {
        let body = wanted("c-2", json!({ "redirect_url": url }));
        let due = json!({
            "redirect_url": ["The redirect url must be an http or https address."]
        });
        assert_eq!(
            merchant.post("payment/create/upi", &body),
            fail(due),
            "{url}"
        );
    }
}
