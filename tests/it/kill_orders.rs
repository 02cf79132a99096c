//! The real program, killed with signal 9 again and again while payments come and orders are paid
//! (reliability.md, T3): what was answered is there, and of what was under way each is there
//! wholly or not at all, money and documents together.

use std::path::Path;

use serde_json::json;

use crate::killed::{TINY, kill_again_and_again, rupees};
use crate::process::Process;
use crate::world::number;

/// Desks that work side by side.
const DESKS: usize = 4;

/// Steps that an order goes through.
const STEPS: usize = 4;

/// What proves who asks.
struct Keys {
    admin: String,
    token: String,
}

/// One after the other's orders, and how far the last one is.
struct Desk {
    place: usize,
    orders: usize,
    /// Steps of the last order that were answered.
    step: usize,
}

type Lines<'a> = crate::killed::Lines<'a, Keys>;

impl Desk {
    fn id(&self, order: usize) -> String {
        format!("{}-{order}", self.place)
    }

    fn utr(&self, order: usize) -> String {
        format!("{:04}{order:08}", self.place)
    }

    /// Does the next step, or the one again that nobody has answered.
    fn advance(&mut self, lines: &mut Lines<'_>) -> Option<()> {
        let (id, utr) = (self.id(self.orders), self.utr(self.orders));
        let token = &lines.keys.token;
        let name = format!("p1/{id}");
        let (call, body) = match self.step {
            0 => (
                "/v2/partner/payment_links",
                json!({ "token": token, "orderId": id, "txnAmount": "1.00" }),
            ),
            1 => (
                "/admin/v1/payments",
                json!({
                    "wallet_type": "upi", "reference": utr, "amount": "1.00", "currency": "INR",
                }),
            ),
            2 => (
                "/admin/v1/orders/approve",
                json!({ "id": name, "utr": utr }),
            ),
            _ => (
                "/v2/partner/order/status",
                json!({ "token": token, "orderId": id }),
            ),
        };
        let (status, told) = lines.ask(&format!("POST {call}"), &body.to_string())?;
        match (self.step, status) {
            // Done before the kill, and not answered.
            (2, 422) => assert_eq!(told["error"]["code"], "order_not_pending"),
            _ => assert_eq!(status, 200, "{call}: {told}"),
        }
        if self.step == 3 {
            assert_eq!(told["data"]["txnStatus"], "SUCCESS", "{id}");
            assert_eq!(told["data"]["utr"], utr, "{id}");
        }
        self.step = (self.step + 1) % STEPS;
        self.orders += usize::from(self.step == 0);
        Some(())
    }
}

/// What is there is wholly there: money is where documents say that it is.
fn check(process: &Process, desks: &[Desk]) {
    let (mut received, mut paid) = (0, 0);
    for desk in desks {
        // The step under way may be there or not.
        for order in 0..=desk.orders {
            let show = process.ask(&["order", "show", &format!("p1/{}", desk.id(order))]);
            let is_done = order < desk.orders;
            if show.code != 0 {
                assert!(!is_done && desk.step == 0, "{} is lost", desk.id(order));
                continue;
            }
            let item = show.json();
            let is_paid = item["state"] == "SUCCESS";
            let settled = json!(format!("upi/{}", desk.utr(order)));
            assert_eq!(item["received_payment"] == settled, is_paid, "{item}");
            assert!(
                is_paid || !is_done && desk.step < 3,
                "{item} was answered as paid"
            );
            paid += i64::from(is_paid);
        }
        let all = process.ask(&["payment", "list", "--limit", "1000"]).json();
        let prefix = format!("{:04}", desk.place);
        let own = all["items"].as_array().unwrap().iter().filter(|item| {
            let reference = item["reference"].as_str().unwrap();
            reference.starts_with(&prefix)
        });
        received += i64::try_from(own.count()).unwrap();
    }
    let all = rupees(process);
    let held = |account: &str| all.get(account).copied().unwrap_or(0);
    assert_eq!(held("outside/upi"), -received);
    assert_eq!(held("partner/p1"), paid);
    assert_eq!(held("received/upi"), received - paid);
}

fn open(directory: &Path) -> Keys {
    let process = Process::start(directory, &["serve"], &TINY);
    let create = ["partner", "create", "--name", "Shop", "--currency", "INR"];
    let created = process.ask(&create).json();
    let keys = Keys {
        admin: process.key(),
        token: created["payment_token"].as_str().unwrap().to_owned(),
    };
    assert!(process.end("TERM").success());
    keys
}

#[test]
fn orders_and_payments_are_whole_after_every_kill() {
    let folder = tempfile::tempdir().unwrap();
    let keys = open(folder.path());
    let mut desks: Vec<_> = (0..DESKS)
        .map(|place| Desk {
            place,
            orders: 0,
            step: 0,
        })
        .collect();
    let kills = number("SIM_ORDER_KILLS", 12);
    let with = (keys.admin.as_str(), &keys);
    kill_again_and_again(
        (folder.path(), kills),
        with,
        &mut desks,
        Desk::advance,
        check,
    );
}
