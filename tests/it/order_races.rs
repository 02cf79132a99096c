//! One received payment, one UTR or one orderId from 16 sides at once (partner-api.md, Payment
//! Gateway): whatever comes first, the money moves once, everybody is told one story, and the
//! books balance.

use std::sync::{Arc, Barrier, Mutex};

use coffer::engine::command::{NewPartner, NewPayment, NewUser};
use coffer::engine::document::{Claimant, PaymentState, WaitReason};
use coffer::engine::order::OrderRow;
use coffer::engine::settings::PartnerSettings;
use coffer::id::{OrderName, OrderReference, PartnerNumber, Utr};
use coffer::ledger::{Decision, Ledger, OperatorError, OrderError, Received};
use coffer::money::Amount;
use coffer::sim::sample;
use serde_json::Value;

use crate::desk::{call, read};
use crate::on_disk::{OnDisk, verify_journal};
use crate::partner_races::CONNECTIONS;
use crate::support::{Client, secrets};
use crate::wire::InProcess;
use crate::world::{clock, number};
use crate::world_deposits::with_deposit_rules;
use crate::world_orders::rules;

/// The shop's user.
const MOBILE: &str = "1234567";

struct Race<'a> {
    ledger: &'a Arc<Ledger>,
    clients: &'a [Mutex<Client>],
    id: u64,
}

/// Who is told what of an order: its state, or why not.
type Told = Result<OrderRow, OrderError>;

impl Race<'_> {
    /// Does it from all sides at once; what each was told.
    fn race<T: Send>(&self, act: impl Fn(usize) -> T + Sync) -> Vec<T> {
        let ready = Barrier::new(CONNECTIONS);
        std::thread::scope(|scope| {
            let racing = (0..CONNECTIONS).map(|place| {
                let (ready, act) = (&ready, &act);
                scope.spawn(move || {
                    ready.wait();
                    act(place)
                })
            });
            let racing: Vec<_> = racing.collect();
            racing.into_iter().map(|one| one.join().unwrap()).collect()
        })
    }

    /// Asks for a link over HTTP: the status, and what the page is found by.
    fn create(&self, place: usize, id: &str, amount: &str) -> (u16, Value) {
        let body =
            format!(r#"{{"token":"token_of_shop","orderId":"{id}","txnAmount":"{amount}"}}"#);
        let request = call("POST /v2/partner/payment_links", &body);
        let answer = self.clients[place].lock().unwrap().ask(&request);
        let told = read(&answer)["data"]["txn_ref_id"].take();
        (answer.status, told)
    }

    fn order(&self, id: &str) -> OrderReference {
        let (status, reference) = self.create(0, &format!("{id} {}", self.id), "1.00");
        assert_eq!(status, 200);
        reference.as_str().unwrap().parse().unwrap()
    }

    /// An order whose money goes into the wallet of the shop's user.
    fn order_of_user(&self) -> OrderReference {
        let body = format!(
            r#"{{"token":"token_of_shop","orderId":"user {}","txnAmount":"1.00","cust_Mobile":"{MOBILE}"}}"#,
            self.id
        );
        let request = call("POST /v2/partner/payment_links", &body);
        let answer = self.clients[0].lock().unwrap().ask(&request);
        let told = read(&answer);
        told["data"]["txn_ref_id"]
            .as_str()
            .unwrap()
            .parse()
            .unwrap()
    }

    /// What the shop's user has, in cents.
    fn users(&self) -> u64 {
        let shop = self.ledger.partner(PartnerNumber(1)).unwrap().value;
        let balance = self.ledger.user_balance(&shop, &MOBILE.parse().unwrap());
        balance.unwrap().value.cents()
    }

    fn utr(&self, of: u64) -> Utr {
        format!("{:012}", self.id * 10 + of).parse().unwrap()
    }

    fn name(&self, reference: &OrderReference, utr: &Utr) -> Told {
        let named = self.ledger.name_utr(reference, utr, &rules());
        named.map(|row| row.value)
    }

    fn receive(&self, utr: &Utr, cents: u64) -> Result<Received, OperatorError> {
        let new = NewPayment {
            wallet_type: "upi".parse().unwrap(),
            reference: utr.reference(),
            amount: Amount::from_cents(cents).unwrap(),
            currency: "INR".parse().unwrap(),
            account: None,
            received_at: None,
            payer: None,
            note: None,
            suspicious: false,
        };
        let received = with_deposit_rules(|of| self.ledger.receive_payment(&new, &rules(), of));
        received.map(|row| row.value)
    }

    /// An order's state now.
    fn state(&self, reference: &OrderReference) -> &'static str {
        let name = OrderName::Reference(reference.clone());
        let order = self.ledger.order(&name, &rules()).unwrap().value.order;
        order.seen(self.ledger.now()).0.name()
    }

    /// Whose a payment is now.
    fn whose(&self, utr: &Utr) -> PaymentState {
        let again = self.receive(utr, 100).unwrap();
        assert!(again.repeated);
        again.row.payment.state
    }

    /// What the shop has, in cents.
    fn shops(&self) -> i128 {
        let book = self.ledger.trial_balance(false).unwrap().value;
        let book = book.currencies.get(&"INR".parse().unwrap());
        let sum = book.and_then(|book| book.accounts.get("partner/p1"));
        sum.map_or(0, |sum| sum.cents())
    }

    /// One orderId, asked for with equal content or with two: one order.
    fn one_order_id(&self) {
        for contents in [1, 2] {
            let id = format!("id {contents} {}", self.id);
            let heard = self.race(|place| {
                let amount = ["1.00", "2.00"][place % contents];
                self.create(place, &id, amount)
            });
            let made = heard.iter().find(|told| told.0 == 200).unwrap();
            let winner = heard.iter().position(|told| told == made).unwrap();
            for (place, told) in heard.iter().enumerate() {
                if place % contents == winner % contents {
                    assert_eq!(told, made, "{id}");
                } else {
                    assert_eq!(*told, (422, Value::Null), "{id}");
                }
            }
        }
    }

    /// One payment told of 16 times, with equal content or with two.
    fn one_reference(&self) {
        for contents in [1, 2] {
            let utr = self.utr(contents);
            let told = self.race(|place| self.receive(&utr, 100 + place as u64 % contents));
            let fresh: Vec<_> = told
                .iter()
                .enumerate()
                .filter(|(_, told)| told.as_ref().is_ok_and(|of| !of.repeated))
                .collect();
            assert_eq!(fresh.len(), 1, "{told:?}");
            let winner = fresh[0].0 as u64;
            for (place, told) in told.iter().enumerate() {
                let is_same = place as u64 % contents == winner % contents;
                assert_eq!(told.is_ok(), is_same, "{place}: {told:?}");
            }
        }
    }

    /// A payment and its UTR at the same moment, both said again and again: they meet once.
    fn payment_and_utr(&self) {
        let (before, reference, utr) = (self.users(), self.order_of_user(), self.utr(3));
        self.race(|place| match place % 2 {
            0 => drop(self.receive(&utr, 100).unwrap()),
            _ => match self.name(&reference, &utr) {
                Ok(row) => assert_eq!(row.order.utr.as_ref(), Some(&utr)),
                Err(error) => assert!(matches!(error, OrderError::Refused(..)), "{error:?}"),
            },
        });
        assert_eq!(self.state(&reference), "SUCCESS");
        let own = PaymentState::Matched(Claimant::Order(reference));
        assert_eq!(self.whose(&utr), own);
        assert_eq!(self.users(), before + 100);
    }

    /// Two orders claim one UTR while its payment comes: one of them is paid, or an operator
    /// must say which.
    fn two_claims(&self) {
        let (before, utr) = (self.shops(), self.utr(4));
        let orders = [self.order("one"), self.order("two")];
        self.race(|place| match place {
            0 => drop(self.receive(&utr, 100).unwrap()),
            _ => drop(self.name(&orders[place % 2], &utr)),
        });
        let states = [self.state(&orders[0]), self.state(&orders[1])];
        let paid = match self.whose(&utr) {
            PaymentState::Matched(Claimant::Order(reference)) => {
                let place = orders.iter().position(|of| *of == reference).unwrap();
                assert_eq!(states[place], "SUCCESS");
                assert_eq!(states[1 - place], "PENDING");
                100
            }
            PaymentState::Waiting(WaitReason::SeveralOrders) => {
                assert_eq!(states, ["PENDING"; 2]);
                0
            }
            other => panic!("{other:?}"),
        };
        assert_eq!(self.shops(), before + paid);
    }

    /// Two operators give one payment to two orders, and a third takes one back: each order has
    /// one fate, and the payment goes to one of them.
    fn two_operators(&self) {
        let (before, utr) = (self.shops(), self.utr(5));
        let orders = [self.order("left"), self.order("right")];
        self.receive(&utr, 100).unwrap();
        let told = self.race(|place| {
            let name = OrderName::Reference(orders[place % 2].clone());
            let decision = match place / 2 {
                0 => Decision::Cancel(None),
                1 => Decision::Reject("no".parse().unwrap()),
                _ => Decision::Approve(Some(utr.clone())),
            };
            let told = self.ledger.decide_on_order(&name, &decision, &rules());
            told.is_ok()
        });
        assert!(told.iter().filter(|done| **done).count() <= 2, "{told:?}");
        let states = orders.clone().map(|of| self.state(&of));
        let paid = states.iter().filter(|state| **state == "SUCCESS").count();
        match self.whose(&utr) {
            PaymentState::Matched(Claimant::Order(reference)) => {
                assert_eq!(self.state(&reference), "SUCCESS");
                assert_eq!(paid, 1);
            }
            PaymentState::Unclaimed => assert_eq!(paid, 0),
            other => panic!("{other:?}"),
        }
        assert_eq!(self.shops(), before + 100 * paid as i128);
    }
}

/// The shop with its user, into whose wallet payments go.
fn open_shop(ledger: &Ledger) {
    let new = NewPartner {
        settings: PartnerSettings {
            credit_on_payment: true,
            ..PartnerSettings::default()
        },
        ..sample::partner("shop", "INR".parse().unwrap())
    };
    let shop = ledger.create_partner(new, secrets("shop")).unwrap().value;
    let user = NewUser {
        name: "Racer".parse().unwrap(),
        email: "racer@example.com".parse().unwrap(),
        mobile: MOBILE.parse().unwrap(),
    };
    ledger.register_user(&shop, &user).unwrap();
}

#[test]
fn one_payment_one_utr_and_one_order_id_from_16_sides_have_one_effect() {
    let folder = tempfile::tempdir().unwrap();
    let books = OnDisk::on_directory(folder.path(), clock());
    open_shop(&books.ledger);
    let server = InProcess::over(books.ledger.clone(), clock());
    let clients: Vec<_> = (0..CONNECTIONS)
        .map(|_| Mutex::new(Client::connect(server.public)))
        .collect();
    for id in 1..=number("SIM_PARTNER_RACES", 150) {
        let race = Race {
            ledger: &books.ledger,
            clients: &clients,
            id,
        };
        race.one_order_id();
        race.one_reference();
        race.payment_and_utr();
        race.two_claims();
        race.two_operators();
    }
    let book = books.ledger.trial_balance(false).unwrap().value;
    assert!(book.currencies.values().all(|book| book.sum.is_zero()));
    drop(clients);
    drop(server);
    let journal = books.journal.clone();
    books.close();
    let verified = verify_journal(&*journal);
    assert!(verified.findings.is_empty(), "{:?}", verified.findings);
}
