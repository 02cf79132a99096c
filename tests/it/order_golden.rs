//! The Payment Gateway byte by byte: the document's requests as it prints them, and every refusal
//! (partner-api.md, Payment Gateway and Small print).

use coffer::engine::command::{NewPartner, PartnerChange};
use coffer::engine::document::PartnerSecrets;
use coffer::engine::settings::{PartnerSettings, SettingsChange};
use coffer::http::Payments;
use coffer::id::{OrderName, PartnerNumber};
use coffer::ledger::Decision;
use coffer::secret::{Secret, SecretKey};
use coffer::sim::sample;
use coffer::time::Span;

use crate::desk::call;
use crate::golden;
use crate::support::{Client, SECRET_KEY, Server, secrets};

/// The document's token.
const TOKEN: &str = "c8a6ed-83697e-434e18-7k33e0-6d5251";

const LINKS: &str = "POST /v2/partner/payment_links";
const STATUS: &str = "GET /v2/partner/order/status";
const CANCEL: &str = "POST /v2/partner/order/cancel";

const CREATE: &str = r#"{
"token": "c8a6ed-83697e-434e18-7k33e0-6d5251",
"orderId": "YOUR_UNIQUE_ORDER_ID",
"txnAmount": "1.00",
"txnNote": "Testing from Postman",
"cust_Mobile": "9876543210",
"cust_Email": "test@example.com"
}"#;
const ASK: &str = r#"{
"token": "c8a6ed-83697e-434e18-7k33e0-6d5251",
"orderId": "POSTMANTEST008"
}"#;

/// A server at the document's moment, with the document's partner, which has its token.
fn start() -> Server {
    let server = Server::start();
    server.clock.set("2024-07-03T04:55:00Z".parse().unwrap());
    let settings = PartnerSettings {
        utc_offset: Some("+05:30".parse().unwrap()),
        ..PartnerSettings::default()
    };
    let new = NewPartner {
        name: "Example Partner Ltd.".parse().unwrap(),
        settings,
        ..sample::partner("example", "INR".parse().unwrap())
    };
    let token = Secret::new(TOKEN.to_owned());
    let secrets = PartnerSecrets {
        payment_token: SecretKey::new(&SECRET_KEY).hash(&token),
        ..secrets("example")
    };
    server.ledger.create_partner(new, secrets).unwrap();
    server
}

/// What its page is found by is another one each time.
fn masked(seen: String) -> String {
    let at = r#""txn_ref_id":""#;
    let Some((_, after)) = seen.split_once(at) else {
        return seen;
    };
    let reference = after.split('"').next().unwrap().to_owned();
    seen.replace(&reference, &"x".repeat(reference.len()))
}

fn sample_of(server: &Server, name: &str, line: &str, body: &str) {
    let request = call(line, body);
    golden::masked_sample(server, "partner", name, &request, masked);
}

/// Does it without looking.
fn ask(server: &Server, line: &str, body: &str) {
    let answer = Client::connect(server.public).ask(&call(line, body));
    assert_eq!(answer.status, 200, "{answer:?}");
}

fn create(server: &Server, id: &str) {
    ask(server, LINKS, &CREATE.replace("YOUR_UNIQUE_ORDER_ID", id));
}

fn name_of(id: &str) -> OrderName {
    OrderName::Of(PartnerNumber(2), id.parse().unwrap())
}

fn decide(server: &Server, id: &str, decision: &Decision) {
    let rules = Payments::default().rules;
    let decided = (server.ledger).decide_on_order(&name_of(id), decision, &rules);
    decided.unwrap();
}

#[test]
fn the_documents_requests_get_the_documents_answers() {
    let server = start();
    sample_of(&server, "payment_links.accepted", LINKS, CREATE);
    sample_of(&server, "payment_links.repeated", LINKS, CREATE);
    create(&server, "POSTMANTEST008");
    sample_of(&server, "order_status.pending", STATUS, ASK);
    server.clock.set("2024-07-03T05:00:00Z".parse().unwrap());
    let paid = Decision::Approve(Some("418381111111".parse().unwrap()));
    decide(&server, "POSTMANTEST008", &paid);
    sample_of(&server, "order_status.success", STATUS, ASK);
    let query = format!("{STATUS}?token={TOKEN}&orderId=POSTMANTEST008");
    sample_of(&server, "order_status.by_query", &query, "");
    let post = STATUS.replace("GET", "POST");
    sample_of(&server, "order_status.by_post", &post, ASK);
}

#[test]
fn every_other_state_is_told_as_documented() {
    let server = start();
    for id in ["failed", "cancelled", "expired"] {
        create(&server, id);
    }
    let of = |id: &str| ASK.replace("POSTMANTEST008", id);
    let no = Decision::Reject("fraud".parse().unwrap());
    decide(&server, "failed", &no);
    sample_of(&server, "order_cancel.accepted", CANCEL, &of("cancelled"));
    server.clock.advance(Span::from_seconds(1800));
    for id in ["failed", "cancelled", "expired"] {
        sample_of(&server, &format!("order_status.{id}"), STATUS, &of(id));
    }
    sample_of(&server, "order_cancel.422", CANCEL, &of("expired"));
}

#[test]
fn links_are_refused_as_documented() {
    let server = start();
    let refused = |name: &str, body: &str| {
        sample_of(&server, &format!("payment_links.{name}"), LINKS, body);
    };
    let with = |members: &str| format!(r#"{{"token":"{TOKEN}"{members}}}"#);
    refused("400", "{");
    refused("401.no_token", r#"{"orderId":"1","txnAmount":1}"#);
    refused(
        "401.unknown",
        r#"{"token":"x","orderId":"1","txnAmount":1}"#,
    );
    refused("401.no_text", r#"{"token":7,"orderId":"1","txnAmount":1}"#);
    refused("422.required", &with(""));
    let long = format!(r#","orderId":"{}""#, "n".repeat(65));
    refused(
        "422.wrong",
        &with(&format!(
            r#"{long},"txnAmount":"1e2","txnNote":"{}","cust_Mobile":"1","cust_Email":"a""#,
            "n".repeat(256)
        )),
    );
    refused(
        "422.control",
        &with(r#","orderId":"a\n","txnAmount":0,"txnNote":"\u0007""#),
    );
    create(&server, "used");
    refused("422.used", &with(r#","orderId":"used","txnAmount":1"#));
    refused(
        "422.used_among",
        &with(r#","orderId":"used","txnAmount":1.005"#),
    );
    refused(
        "422.too_large",
        &with(r#","orderId":"a","txnAmount":10000000000000.01"#),
    );
    sample_of(
        &server,
        "payment_links.405",
        "GET /v2/partner/payment_links",
        "",
    );
    server.ledger.shut_down();
    refused("500", &with(r#","orderId":"later","txnAmount":1"#));
}

#[test]
fn questions_and_cancels_are_refused_as_documented() {
    let server = start();
    for (call, line) in [("order_status", STATUS), ("order_cancel", CANCEL)] {
        let refused = |name: &str, body: &str| {
            sample_of(&server, &format!("{call}.{name}"), line, body);
        };
        refused("400", "");
        refused("401", r#"{"token":"x","orderId":"1"}"#);
        refused("404", ASK);
        refused("422.required", &format!(r#"{{"token":"{TOKEN}"}}"#));
    }
    let query = format!("{STATUS}?token=x&orderId=1");
    sample_of(&server, "order_status.401.query", &query, "");
    let broken = format!("{STATUS}?token=%&orderId=1");
    sample_of(&server, "order_status.400.query", &broken, "");
    sample_of(
        &server,
        "order_status.405",
        "PUT /v2/partner/order/status",
        ASK,
    );
}

#[test]
fn who_may_not_ask_is_refused_as_documented() {
    let server = start();
    let with_head = |name: &str, head: &str| {
        let request = String::from_utf8(call(STATUS, ASK)).unwrap();
        let host = "Host: coffer.test\r\n";
        let request = request.replace(host, &format!("{host}{head}"));
        golden::sample(&server, "partner", name, request.as_bytes());
    };
    with_head(
        "order_status.401.anothers_head",
        "X-API-Key: key_of_agent_1\r\nX-API-Secret: secret_of_agent_1\r\n",
    );
    with_head(
        "order_status.404.own_head",
        "X-API-Key: key_of_example\r\nX-API-Secret: secret_of_example\r\n",
    );
    let elsewhere = SettingsChange {
        allow_addresses: Some(vec!["192.0.2.0/24".parse().unwrap()]),
        ..SettingsChange::default()
    };
    let change = |settings: SettingsChange, disabled: bool| {
        let change = PartnerChange {
            disabled: Some(disabled),
            settings,
            ..PartnerChange::default()
        };
        let changed = server.ledger.change_partner(PartnerNumber(2), change);
        changed.unwrap();
    };
    change(elsewhere, false);
    sample_of(&server, "order_status.403.address", STATUS, ASK);
    change(SettingsChange::default(), true);
    sample_of(&server, "order_status.403.disabled", STATUS, ASK);
}
