//! The real program, killed with signal 9 again and again between any two steps of merchants'
//! deposits and withdrawals (reliability.md, T3): what was answered is there, and of what was under
//! way each is there wholly or not at all, money, documents and postbacks together.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

use crate::gateway_withdrawals::signed_with;
use crate::killed::{TINY, kill_again_and_again, rupees};
use crate::process::Process;
use crate::world::number;

/// Merchants' clerks who work side by side.
const DESKS: usize = 4;

/// Steps that a deposit and the withdrawal of its money go through.
const STEPS: usize = 6;

/// What proves who asks.
struct Keys {
    admin: String,
    secret: String,
    private: String,
}

/// One deposit after the other, and how far the last one is.
struct Desk {
    place: usize,
    rounds: usize,
    /// Steps of the last round that were answered.
    step: usize,
}

type Lines<'a> = crate::killed::Lines<'a, Keys>;

fn done(lines: &mut Lines<'_>, call: &str, body: &str) -> Option<Value> {
    let (status, told) = lines.ask(call, body)?;
    assert_eq!(status, 200, "{call}: {told}");
    Some(told)
}

/// The withdrawal of that name as operators see it.
fn withdrawal(lines: &mut Lines<'_>, name: &str) -> Option<Value> {
    let told = done(lines, "GET /admin/v1/withdrawals?limit=1000", "")?;
    let items = told["items"].as_array().unwrap().iter();
    let mut items = items.filter(|item| item["withdrawal_id"] == name);
    Some(items.next().expect("it was answered").clone())
}

impl Desk {
    fn name(&self, round: usize) -> String {
        format!("{}-{round}", self.place)
    }

    /// The payer's transaction number.
    fn key1(&self, round: usize) -> String {
        format!("{:04}{round:08}", self.place)
    }

    /// Whether an operator will say no to the round's withdrawal.
    fn rejects(round: usize) -> bool {
        round % 3 == 1
    }

    /// Does the next step, or the one again that nobody has answered.
    fn advance(&mut self, lines: &mut Lines<'_>) -> Option<()> {
        let name = self.name(self.rounds);
        // The payment comes before its deposit is asked for, or after.
        match (self.step, self.rounds % 2) {
            (0, 0) | (1, 1) => self.activate(lines, &name)?,
            (0 | 1, _) => self.receive(lines, &name)?,
            (2, _) => self.look_up(lines, &name, "deposit", "custom_id")?,
            (3, _) => self.withdraw(lines, &name)?,
            (4, _) => self.decide(lines, &name)?,
            _ => self.look_up(lines, &name, "withdrawal", "withdrawal_id")?,
        }
        self.step = (self.step + 1) % STEPS;
        self.rounds += usize::from(self.step == 0);
        Some(())
    }

    /// Whether the round's deposit is paid on a page.
    fn is_on_page(round: usize) -> bool {
        round % 3 == 2
    }

    /// The page is asked for, and the number is named there: asked again it is the same page, and
    /// what it was told before it is not told otherwise.
    fn pay_on_page(&self, lines: &mut Lines<'_>, name: &str) -> Option<()> {
        let secret = lines.keys.secret.clone();
        let call = format!("POST /api/v1/payment/create/upi?secret={secret}");
        let body = json!({
            "language": "en", "currency": "INR", "bank": "MBB", "amount": "200.00", "label": "55",
            "redirect_url": "https://shop.example.com/", "custom_transaction_id": name,
        });
        let told = done(lines, &call, &body.to_string())?;
        let url = told["params"]["payment_url"].as_str().unwrap();
        let path = &url[url.find("/payment/").unwrap()..];
        let form = format!("key1={}", self.key1(self.rounds));
        let answer = lines.answer(&format!("POST {path}"), &form)?;
        assert_eq!(answer.status, 303, "{name}: {answer:?}");
        Some(())
    }

    fn activate(&self, lines: &mut Lines<'_>, name: &str) -> Option<()> {
        if Desk::is_on_page(self.rounds) {
            return self.pay_on_page(lines, name);
        }
        let secret = lines.keys.secret.clone();
        let call = format!("POST /api/v1/transaction/activate?secret={secret}");
        let body = json!({
            "currency_code": "INR", "wallet_type": "upi", "label": "55",
            "key1": self.key1(self.rounds), "custom_transaction_id": name,
        });
        let told = done(lines, &call, &body.to_string())?;
        let came_first = self.step == 1;
        // What was done before a kill and not answered is told as it is by now.
        let due = match came_first {
            true => "ok",
            false => "possible_transaction_created",
        };
        assert_eq!(told["status"], due, "{name}: {told}");
        Some(())
    }

    fn receive(&self, lines: &mut Lines<'_>, name: &str) -> Option<()> {
        let body = json!({
            "wallet_type": "upi", "reference": self.key1(self.rounds), "amount": "200.00",
            "currency": "INR",
        });
        let told = done(lines, "POST /admin/v1/payments", &body.to_string())?;
        let is_asked_for = self.step == 1;
        assert_eq!(told["state"] == "matched", is_asked_for, "{name}: {told}");
        Some(())
    }

    fn look_up(&self, lines: &mut Lines<'_>, name: &str, kind: &str, by: &str) -> Option<()> {
        let secret = lines.keys.secret.clone();
        let call = format!("GET /api/v1/postback?type={kind}&{by}={name}&secret={secret}");
        let told = done(lines, &call, "")?;
        let tells = &told["postback"]["additional_data"][0];
        let member = match kind {
            "deposit" => "plugin_custom_order_id",
            _ => "withdrawal_id",
        };
        assert_eq!(tells[member], name, "{told}");
        Some(())
    }

    fn withdraw(&self, lines: &mut Lines<'_>, name: &str) -> Option<()> {
        let body = json!({
            "withdrawal_id": name, "payment_system": "upi_ib", "amount": 100,
            "currency_code": "INR", "label": "55", "is_test": false, "account_name": "A",
            "account_number": "1",
        });
        let body = signed_with(&lines.keys.private, &body.to_string());
        let told = done(lines, "POST /v2/withdrawal/create", &body)?;
        assert_eq!(told["status"], "ok", "{name}: {told}");
        Some(())
    }

    fn decide(&self, lines: &mut Lines<'_>, name: &str) -> Option<()> {
        let id = withdrawal(lines, name)?["id"].clone();
        match Desk::rejects(self.rounds) {
            true => {
                let body = json!({ "id": id, "reason": "no" });
                done(
                    lines,
                    "POST /admin/v1/withdrawals/reject",
                    &body.to_string(),
                )
            }
            false => {
                let body = json!({ "id": id });
                done(
                    lines,
                    "POST /admin/v1/withdrawals/approve",
                    &body.to_string(),
                )
            }
        }?;
        Some(())
    }
}

/// All that a command lists, by the member that names each.
fn listed(process: &Process, of: &str, name: &str) -> BTreeMap<String, Value> {
    let page = process.ask(&[of, "list", "--limit", "1000"]).json();
    let items = page["items"].as_array().unwrap().iter();
    let named = items.map(|item| (item[name].as_str().unwrap().to_owned(), item.clone()));
    named.collect()
}

/// What is there is wholly there: money is where documents say that it is.
fn check(process: &Process, desks: &[Desk]) {
    let deposits = listed(process, "deposit", "custom_transaction_id");
    let payments = listed(process, "payment", "reference");
    let withdrawals = listed(process, "withdrawal", "withdrawal_id");
    for desk in desks {
        for round in 0..desk.rounds {
            let name = desk.name(round);
            assert_eq!(deposits[&name]["state"], "credited", "{name}");
            let due = match Desk::rejects(round) {
                true => "rejected",
                false => "processed",
            };
            assert_eq!(withdrawals[&name]["state"], due, "{name}");
        }
        // Of the round under way what was answered is there.
        let name = desk.name(desk.rounds);
        let asked_first = desk.rounds.is_multiple_of(2);
        assert!(desk.step < 1 || !asked_first || deposits.contains_key(&name));
        assert!(desk.step < 1 || asked_first || payments.contains_key(&desk.key1(desk.rounds)));
        assert!(desk.step < 2 || deposits[&name]["state"] == "credited");
        assert!(desk.step < 4 || withdrawals.contains_key(&name));
        assert!(desk.step < 5 || withdrawals[&name]["state"] != "processing");
    }
    let count = |of: &BTreeMap<String, Value>, state: &str| {
        let of = of.values().filter(|item| item["state"] == state);
        i64::try_from(of.count()).unwrap()
    };
    let credited = count(&deposits, "credited");
    let received = i64::try_from(payments.len()).unwrap();
    assert_eq!(count(&payments, "matched"), credited);
    let [open, paid] = ["processing", "processed"].map(|state| count(&withdrawals, state));
    let due = [
        ("outside/upi", -200 * received),
        ("received/upi", 200 * (received - credited)),
        ("merchant/p1/upi", 200 * credited),
        ("merchant/p1/upi_ib", -100 * (open + paid)),
        ("payouts/upi_ib", 100 * open),
        ("paid-out/upi_ib", 100 * paid),
    ];
    let due = due.map(|(account, held)| (account.to_owned(), held));
    let due: BTreeMap<_, _> = due.into_iter().filter(|(_, held)| *held != 0).collect();
    let mut held = rupees(process);
    held.retain(|_, held| *held != 0);
    assert_eq!(held, due);
    // One postback for each that was credited or decided, in the same entry.
    let decided = i64::try_from(withdrawals.len()).unwrap() - open;
    let told = process.ask(&["postback", "list", "--limit", "1000"]).json();
    let kinds = ["deposit", "withdrawal"].map(|kind| {
        let items = told["items"].as_array().unwrap().iter();
        i64::try_from(items.filter(|item| item["type"] == kind).count()).unwrap()
    });
    assert_eq!(kinds, [credited, decided]);
}

fn open(directory: &Path) -> Keys {
    let process = Process::start(directory, &["serve"], &TINY);
    let created = process.ask(&["partner", "create", "--name", "Shop"]).json();
    let text = |name: &str| created[name].as_str().unwrap().to_owned();
    let keys = Keys {
        admin: process.key(),
        secret: text("pluginapi_secret"),
        private: text("private_key"),
    };
    assert!(process.end("TERM").success());
    keys
}

#[test]
fn deposits_and_withdrawals_are_whole_after_every_kill() {
    let folder = tempfile::tempdir().unwrap();
    let keys = open(folder.path());
    let mut desks: Vec<_> = (0..DESKS)
        .map(|place| Desk {
            place,
            rounds: 0,
            step: 0,
        })
        .collect();
    let kills = number("SIM_MERCHANT_KILLS", 12);
    let with = (keys.admin.as_str(), &keys);
    kill_again_and_again(
        (folder.path(), kills),
        with,
        &mut desks,
        Desk::advance,
        check,
    );
}
