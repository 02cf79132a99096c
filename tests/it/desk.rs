//! A shop whose orders are paid: a partner in rupees, its payers, the bank and an operator, over
//! real HTTP but for the payer, who calls what the order's page calls.

use coffer::engine::catalogue::Catalogue;
use coffer::engine::command::NewPartner;
use coffer::engine::order::{OrderRow, PaymentRules};
use coffer::engine::settings::PartnerSettings;
use coffer::http::Payments;
use coffer::id::{OrderReference, PartnerNumber};
use coffer::ledger::OrderError;
use coffer::sim::sample;
use serde_json::{Value, json};

use crate::support::{ADMIN_KEY, Answer, Client, Server, Setup, secrets};

/// The wallet token of the shop, which is `p2`.
pub(crate) const SHOP: &str = "shop";

pub(crate) struct Desk {
    pub(crate) server: Server,
    pub(crate) partner: PartnerNumber,
    rules: PaymentRules,
}

/// A call without credentials in its head, as bytes.
pub(crate) fn call(line: &str, body: &str) -> Vec<u8> {
    format!(
        "{line} HTTP/1.1\r\nHost: coffer.test\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

pub(crate) fn read(answer: &Answer) -> Value {
    serde_json::from_str(&answer.body).unwrap_or_else(|_| panic!("{answer:?}"))
}

impl Desk {
    pub(crate) fn open() -> Desk {
        Desk::with(PartnerSettings::default())
    }

    pub(crate) fn with(settings: PartnerSettings) -> Desk {
        Desk::under(settings, Setup::default())
    }

    /// Where a merchant is offered payment systems.
    pub(crate) fn offering(catalogue: Catalogue) -> Desk {
        let mut setup = Setup::default();
        setup.paykassma.catalogue = catalogue;
        Desk::under(PartnerSettings::default(), setup)
    }

    /// Where payments of several types settle orders.
    pub(crate) fn with_types(types: &[&str]) -> Desk {
        let mut payments = Payments::default();
        let types = types.iter().map(|name| name.parse().unwrap());
        payments.rules.wallet_types = types.collect();
        let setup = Setup {
            payments,
            ..Setup::default()
        };
        Desk::under(PartnerSettings::default(), setup)
    }

    pub(crate) fn under(settings: PartnerSettings, setup: Setup) -> Desk {
        let rules = setup.payments.rules.clone();
        let server = Server::with(setup);
        let desk = Desk::over(server, settings);
        Desk { rules, ..desk }
    }

    /// At a server that is there, with the payments that are set out of the box.
    pub(crate) fn over(server: Server, settings: PartnerSettings) -> Desk {
        let rules = Payments::default().rules;
        let new = NewPartner {
            name: "Shop Ltd.".parse().unwrap(),
            settings,
            ..sample::partner(SHOP, "INR".parse().unwrap())
        };
        let created = server.ledger.create_partner(new, secrets(SHOP)).unwrap();
        let partner = created.value.number;
        Desk {
            server,
            partner,
            rules,
        }
    }

    pub(crate) fn send(&self, line: &str, body: &str) -> Answer {
        Client::connect(self.server.public).ask(&call(line, body))
    }

    /// A call of the shop's with its token.
    pub(crate) fn ask(&self, call: &str, mut body: Value) -> (u16, Value) {
        body["token"] = json!(format!("token_of_{SHOP}"));
        let line = format!("POST /v2/partner/{call}");
        let answer = self.send(&line, &body.to_string());
        (answer.status, read(&answer))
    }

    /// Makes an order; what its page is found by.
    pub(crate) fn order(&self, id: &str, amount: &str) -> String {
        self.order_for(json!({ "orderId": id, "txnAmount": amount }))
    }

    pub(crate) fn order_for(&self, body: Value) -> String {
        let (status, told) = self.ask("payment_links", body);
        assert_eq!(status, 200, "{told}");
        told["data"]["txn_ref_id"].as_str().unwrap().to_owned()
    }

    /// What the shop is told of an order.
    pub(crate) fn status(&self, id: &str) -> Value {
        let (status, mut told) = self.ask("order/status", json!({ "orderId": id }));
        assert_eq!(status, 200, "{told}");
        told["data"].take()
    }

    /// Its state and UTR.
    pub(crate) fn state(&self, id: &str) -> (String, String) {
        let told = self.status(id);
        let text = |name: &str| told[name].as_str().unwrap().to_owned();
        (text("txnStatus"), text("utr"))
    }

    pub(crate) fn cancel(&self, id: &str) -> u16 {
        self.ask("order/cancel", json!({ "orderId": id })).0
    }

    /// The payer names a UTR.
    pub(crate) fn name(&self, reference: &str, utr: &str) -> Result<OrderRow, OrderError> {
        let reference: OrderReference = reference.parse().unwrap();
        let utr = utr.parse().unwrap();
        let named = (self.server.ledger).name_utr(&reference, &utr, &self.rules);
        named.map(|row| row.value)
    }

    /// The operator's call of the admin API; members in the body.
    pub(crate) fn admin(&self, path: &str, body: &Value) -> (u16, Value) {
        let body = body.to_string();
        let request = format!(
            "POST /admin/v1/{path} HTTP/1.1\r\nHost: localhost\r\n\
             Authorization: Bearer {ADMIN_KEY}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let answer = Client::connect(self.server.admin).ask(request.as_bytes());
        (answer.status, read(&answer))
    }

    pub(crate) fn list(&self, path: &str) -> Value {
        let request = format!(
            "GET /admin/v1/{path} HTTP/1.1\r\nHost: localhost\r\n\
             Authorization: Bearer {ADMIN_KEY}\r\n\r\n"
        );
        let answer = Client::connect(self.server.admin).ask(request.as_bytes());
        assert_eq!(answer.status, 200, "{answer:?}");
        read(&answer)
    }

    /// The bank says that rupees came by UPI.
    pub(crate) fn receive(&self, utr: &str, amount: &str) -> Value {
        self.receive_as(utr, amount, json!({}))
    }

    /// The same with other members.
    pub(crate) fn receive_as(&self, utr: &str, amount: &str, other: Value) -> Value {
        let mut body = json!({
            "wallet_type": "upi", "reference": utr, "amount": amount, "currency": "INR",
        });
        for (name, value) in other.as_object().unwrap() {
            body[name] = value.clone();
        }
        let (status, told) = self.admin("payments", &body);
        assert_eq!(status, 200, "{told}");
        told
    }

    /// What a received payment in rupees by UPI is told as: state, kind and id, reason.
    pub(crate) fn payment(&self, utr: &str) -> Value {
        let list = self.list("payments?limit=1000");
        let items = list["items"].as_array().unwrap();
        let item = items.iter().find(|item| item["reference"] == utr);
        item.unwrap_or_else(|| panic!("no {utr} in {list}")).clone()
    }

    /// What the accounts of a currency hold that payments move, those that hold nothing left out.
    pub(crate) fn accounts(&self, currency: &str) -> Vec<(String, String)> {
        let report = self.list("reports/trial-balance");
        let currencies = report["currencies"].as_array().unwrap();
        let Some(of) = currencies.iter().find(|of| of["currency"] == currency) else {
            return Vec::new();
        };
        assert_eq!(of["sum"], "0.00");
        let accounts = of["accounts"].as_array().unwrap().iter();
        let text = |line: &Value, name: &str| line[name].as_str().unwrap().to_owned();
        accounts
            .map(|line| (text(line, "account"), text(line, "balance")))
            .filter(|(account, balance)| {
                let others = ["adjustments", "players/p1"];
                balance != "0.00" && !others.contains(&account.as_str())
            })
            .collect()
    }
}

/// Accounts and what they hold, to compare with.
pub(crate) fn held(lines: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = |&(account, balance): &(&str, &str)| (account.to_owned(), balance.to_owned());
    lines.iter().map(owned).collect()
}
