//! A merchant of the gateway with its payers, the bank and an operator, over real HTTP.

use coffer::engine::catalogue::{Catalogue, Key1, Key1Chars, PaymentSystem};
use coffer::engine::postback::{PostbackKind, PostbackOf};
use coffer::time::Span;
use serde_json::{Value, json};

use crate::desk::{Desk, SHOP};
use crate::support::{Answer, Client};

pub(crate) const POSSIBLE: &str = "Transaction not found. Possible transaction created";
pub(crate) const CHECK: &str = "Check of deposit status started. The operation may take longer than expected. \
                     Once checked the funds will credit to you account";

/// `upi`, where orders are paid too; `paytm`, where small ones are saved up; `cash`, which
/// operators decide.
pub(crate) fn catalogue() -> Catalogue {
    let shipped = coffer::config::Config::default().paykassma.catalogue;
    let upi = shipped.of_type("upi").next().unwrap().clone();
    let mut catalogue = Catalogue::default();
    for (name, minimum, is_manual) in [
        ("upi", 0, false),
        ("paytm", 14_800, false),
        ("cash", 0, true),
    ] {
        let added = catalogue.add(PaymentSystem {
            wallet_type: name.parse().unwrap(),
            minimum_deposit: coffer::money::Amount::from_cents(minimum).unwrap(),
            is_manual,
            requisites: vec![format!("{name}-1"), format!("{name}-2")],
            key1: Key1 {
                min: 3,
                max: 40,
                chars: Key1Chars::Any,
            },
            limits: (
                coffer::money::Amount::from_cents(100).unwrap(),
                coffer::money::Amount::from_cents(1_000_000).unwrap(),
            ),
            ..upi.clone()
        });
        added.unwrap();
    }
    catalogue
}

pub(crate) struct Merchant {
    pub(crate) desk: Desk,
}

impl Merchant {
    pub(crate) fn open() -> Merchant {
        Merchant {
            desk: Desk::offering(catalogue()),
        }
    }

    pub(crate) fn target(path: &str) -> String {
        let mark = if path.contains('?') { '&' } else { '?' };
        format!("/api/v1/{path}{mark}secret=gateway_secret_of_{SHOP}")
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let line = format!("POST {}", Merchant::target(path));
        read(&self.desk.send(&line, &body.to_string()))
    }

    pub(crate) fn get(&self, path: &str) -> (u16, Value) {
        read(
            &self
                .desk
                .send(&format!("GET {}", Merchant::target(path)), ""),
        )
    }

    pub(crate) fn activate(
        &self,
        wallet_type: &str,
        key1: &str,
        label: &str,
        more: Value,
    ) -> (u16, Value) {
        let mut body = json!({
            "currency_code": "INR", "wallet_type": wallet_type, "label": label, "key1": key1,
            "custom_transaction_id": format!("c-{key1}"),
        });
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        self.post("transaction/activate", &body)
    }

    /// The bank says that rupees came.
    pub(crate) fn receive(&self, wallet_type: &str, key1: &str, amount: &str) -> Value {
        let other = json!({ "wallet_type": wallet_type, "payer": "P. Ayer" });
        self.desk.receive_as(key1, amount, other)
    }

    pub(crate) fn item(&self, key1: &str) -> Value {
        let list = self.desk.list("deposits?limit=1000");
        let mut items = list["items"].as_array().unwrap().iter();
        items.find(|item| item["key1"] == key1).unwrap().clone()
    }

    pub(crate) fn state(&self, key1: &str) -> String {
        self.item(key1)["state"].as_str().unwrap().to_owned()
    }

    pub(crate) fn decide(&self, word: &str, key1: &str) -> (u16, Value) {
        let mut body = json!({ "id": self.item(key1)["id"] });
        if word == "reject" {
            body["reason"] = json!("no such payment");
        }
        self.desk.admin(&format!("deposits/{word}"), &body)
    }

    /// What the merchant is told of a deposit, as it is sent.
    pub(crate) fn told(&self, custom_id: &str) -> Option<String> {
        let of = PostbackOf {
            partner: self.desk.partner,
            kind: PostbackKind::Deposit,
            name: custom_id.parse().unwrap(),
        };
        let found = self.desk.server.ledger.postback_of(&of).unwrap();
        found.map(|found| found.value.postback.body)
    }

    pub(crate) fn accounts(&self) -> Vec<(String, String)> {
        self.desk.accounts("INR")
    }

    pub(crate) fn pass(&self, hours: u32) {
        let clock = &self.desk.server.clock;
        clock.advance(Span::from_seconds(hours * 3600));
    }
}

pub(crate) fn read(answer: &Answer) -> (u16, Value) {
    let body = serde_json::from_str(&answer.body);
    (answer.status, body.unwrap_or_else(|_| panic!("{answer:?}")))
}

pub(crate) fn ok() -> (u16, Value) {
    (200, json!({ "status": "ok" }))
}

pub(crate) fn possible() -> (u16, Value) {
    let status = "possible_transaction_created";
    (200, json!({ "status": status, "message": POSSIBLE }))
}

pub(crate) fn fail(message: impl Into<Value>) -> (u16, Value) {
    (400, json!({ "status": "fail", "message": message.into() }))
}

pub(crate) fn taken(field: &str) -> (u16, Value) {
    let text = format!("The {} has already been taken.", field.replace('_', " "));
    fail(json!({ field: [text] }))
}

fn form(fields: &[(&str, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, value) in fields {
        let head = format!("--xx\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n");
        body.extend([head.as_bytes(), value, b"\r\n"].concat());
    }
    body.extend(b"--xx--\r\n");
    body
}

impl Merchant {
    pub(crate) fn by_hand(&self, path: &str, key1: &str, wallet_type: &str) -> (u16, Value) {
        self.by_hand_with(path, (key1, wallet_type), b"")
    }

    pub(crate) fn by_hand_with(
        &self,
        path: &str,
        (key1, wallet_type): (&str, &str),
        screenshot: &[u8],
    ) -> (u16, Value) {
        let id = format!("c-{key1}");
        let body = form(&[
            ("currency_code", b"INR"),
            ("wallet_type", wallet_type.as_bytes()),
            ("label", b"55"),
            ("key1", key1.as_bytes()),
            ("amount", b"20.00"),
            ("custom_transaction_id", id.as_bytes()),
            ("screenshot", screenshot),
        ]);
        let head = format!(
            "POST {} HTTP/1.1\r\nHost: h\r\nContent-Type: multipart/form-data; boundary=xx\r\n\
             Content-Length: {}\r\n\r\n",
            Merchant::target(path),
            body.len()
        );
        let request = [head.as_bytes(), &body].concat();
        read(&Client::connect(self.desk.server.public).ask(&request))
    }
}
