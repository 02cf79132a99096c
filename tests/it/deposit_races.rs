//! Deposits asked for by many at once: one transaction number, one name, one received payment
//! against an order and a deposit, savings that reach their minimum from two sides. Whatever comes
//! first, each payment is one thing once, and the books balance.

use std::sync::{Arc, Barrier};

use coffer::engine::activation::NewDeposit;
use coffer::engine::catalogue::{Catalogue, PaymentSystem};
use coffer::engine::command::{NewOrder, NewPartner, NewPayment};
use coffer::engine::deposit::{DepositSeen, SavingsOf, Way};
use coffer::id::{OrderReference, PartnerNumber};
use coffer::ledger::{DepositError, DepositRules, Ledger};
use coffer::money::{Amount, Sum};
use coffer::sim::sample;
use coffer::time::Span;

use crate::on_disk::OnDisk;
use crate::support::secrets;
use crate::world::{clock, number};
use crate::world_orders::rules as payment_rules;

/// Who asks at once.
const ASKERS: usize = 8;

/// What small deposits are saved up to: as much as two of them.
const MINIMUM: u64 = 200;

fn catalogue() -> Catalogue {
    let mut catalogue = Catalogue::default();
    let shipped = coffer::config::Config::default().paykassma.catalogue;
    let paytm = shipped.of_type("paytm").next().unwrap().clone();
    let system = PaymentSystem {
        minimum_deposit: cents(MINIMUM),
        ..paytm
    };
    catalogue.add(system).unwrap();
    catalogue
}

fn cents(cents: u64) -> Amount {
    Amount::from_cents(cents).unwrap()
}

struct Races<'a> {
    ledger: &'a Arc<Ledger>,
    catalogue: Catalogue,
    round: u64,
}

impl Races<'_> {
    /// All do their part at once; what came of each.
    fn race<T: Send>(&self, ask: impl Fn(usize) -> T + Sync) -> Vec<T> {
        let ready = Barrier::new(ASKERS);
        std::thread::scope(|scope| {
            let racing = (0..ASKERS).map(|place| {
                let (ready, ask) = (&ready, &ask);
                scope.spawn(move || {
                    ready.wait();
                    ask(place)
                })
            });
            let racing: Vec<_> = racing.collect();
            racing.into_iter().map(|one| one.join().unwrap()).collect()
        })
    }

    fn rules<T>(&self, judge: impl FnOnce(&DepositRules<'_>) -> T) -> T {
        judge(&DepositRules {
            catalogue: &self.catalogue,
            possible_ttl: Span::from_seconds(3600),
            tell: &|credited| format!("{{\"deposits\":{}}}", credited.deposits.len()),
        })
    }

    /// The same where less is saved up to by now.
    fn lower<T>(&self, judge: impl FnOnce(&DepositRules<'_>) -> T) -> T {
        let mut catalogue = Catalogue::default();
        for system in self.catalogue.iter() {
            let system = PaymentSystem {
                minimum_deposit: cents(MINIMUM / 2),
                ..system.clone()
            };
            catalogue.add(system).unwrap();
        }
        self.rules(|rules| {
            judge(&DepositRules {
                catalogue: &catalogue,
                ..*rules
            })
        })
    }

    /// What is enough by a lower minimum, looked at by all, while one more deposit comes: all of
    /// it is credited once.
    fn one_look(&self) {
        let label = format!("look-{}", self.round);
        let before = self.held("merchant/p1/paytm");
        let pay = |key1: &str, cents| {
            self.receive("paytm", key1, cents);
            self.activate(1, ("paytm", key1), (&label, key1)).unwrap();
        };
        pay(&format!("{label}-1"), MINIMUM / 2);
        let of = SavingsOf {
            partner: PartnerNumber(1),
            label: label.parse().unwrap(),
            wallet_type: "paytm".parse().unwrap(),
            currency: "INR".parse().unwrap(),
        };
        self.race(|place| match place {
            0 => pay(&format!("{label}-2"), MINIMUM),
            _ => drop(
                self.lower(|rules| self.ledger.saved_up(&of, rules))
                    .unwrap(),
            ),
        });
        let left = self.lower(|rules| self.ledger.saved_up(&of, rules));
        assert_eq!(left.unwrap().value, Amount::ZERO, "{label}");
        let moved = self.moved("merchant/p1/paytm", before);
        assert_eq!(moved, i128::from(MINIMUM / 2 + MINIMUM), "{label}");
    }

    fn receive(&self, wallet_type: &str, reference: &str, amount: u64) {
        let new = NewPayment {
            wallet_type: wallet_type.parse().unwrap(),
            reference: reference.parse().unwrap(),
            amount: cents(amount),
            currency: "INR".parse().unwrap(),
            account: None,
            received_at: None,
            payer: None,
            note: None,
            suspicious: false,
        };
        let received = self.rules(|rules| {
            let ledger = self.ledger;
            ledger.receive_payment(&new, &payment_rules(), rules)
        });
        received.unwrap();
    }

    /// A deposit of the partner, of the label, with the number and the name.
    fn activate(
        &self,
        partner: u32,
        (wallet_type, key1): (&str, &str),
        (label, name): (&str, &str),
    ) -> Result<DepositSeen, DepositError> {
        let new = NewDeposit {
            reference: coffer::secret::random_word(24).parse().unwrap(),
            wallet_type: wallet_type.parse().unwrap(),
            currency: "INR".parse().unwrap(),
            label: label.parse().unwrap(),
            key1: key1.parse().unwrap(),
            amount: None,
            custom_transaction_id: Some(name.parse().unwrap()),
            way: Way::Code,
        };
        let partner = self.ledger.partner(PartnerNumber(partner)).unwrap().value;
        let made = self.rules(|rules| {
            let ledger = self.ledger;
            ledger.activate_deposit(&partner, &new, &payment_rules(), rules)
        });
        made.map(|made| made.value.document.seen(self.ledger.now()))
    }

    /// What the merchants and the partners hold in rupees, and what waits.
    fn held(&self, account: &str) -> Sum {
        let book = self.ledger.trial_balance(false).unwrap().value;
        let rupees = book.currencies.get(&"INR".parse().unwrap());
        let held = rupees.and_then(|book| book.accounts.get(account).copied());
        held.unwrap_or(Sum::ZERO)
    }

    fn moved(&self, account: &str, before: Sum) -> i128 {
        self.held(account).plus(before.negated()).cents()
    }

    /// One number, by two merchants, many names: one has it.
    fn one_number(&self) {
        let key1 = format!("N-{}", self.round);
        let before = ["merchant/p1/upi", "merchant/p2/upi"].map(|of| (of, self.held(of)));
        let made = self.race(|place| {
            if place == 0 {
                self.receive("upi", &key1, 300);
                return None;
            }
            let name = format!("n-{}-{place}", self.round);
            let of = ("upi", key1.as_str());
            Some(
                self.activate(1 + place as u32 % 2, of, ("55", &name))
                    .is_ok(),
            )
        });
        let has_it = made.iter().filter(|made| **made == Some(true)).count();
        assert_eq!(has_it, 1, "{key1}: {made:?}");
        let moved: i128 = before
            .iter()
            .map(|(of, before)| self.moved(of, *before))
            .sum();
        assert_eq!(moved, 300, "{key1}");
    }

    /// One name for many payments: one of them is it, all others stay free.
    fn one_name(&self) {
        let before = self.held("merchant/p1/upi");
        let name = format!("m-{}", self.round);
        let key = |place: usize| format!("M-{}-{place}", self.round);
        (0..ASKERS).for_each(|place| self.receive("upi", &key(place), 100));
        let made = self.race(|place| self.activate(1, ("upi", &key(place)), ("55", &name)));
        let has_it = made.iter().filter(|made| made.is_ok()).count();
        assert_eq!(has_it, 1, "{name}: {made:?}");
        assert_eq!(self.moved("merchant/p1/upi", before), 100, "{name}");
    }

    /// One payment, an order and deposits that ask for it, and the payment itself, all at once: it
    /// is one thing, or it waits.
    fn one_payment(&self) {
        let utr = format!("{:012}", 500_000_000_000 + self.round);
        let partner = self.ledger.partner(PartnerNumber(2)).unwrap().value;
        let order = NewOrder {
            id: format!("O-{}", self.round).parse().unwrap(),
            amount: cents(500),
            note: None,
            mobile: None,
            email: None,
        };
        let reference: OrderReference = coffer::secret::random_word(24).parse().unwrap();
        let made = self
            .ledger
            .create_order(&partner, &order, reference.clone(), &payment_rules());
        made.unwrap();
        let accounts = ["merchant/p1/upi", "partner/p2", "received/upi"];
        let before = accounts.map(|of| self.held(of));
        self.race(|place| match place {
            0 => self.receive("upi", &utr, 500),
            1 => {
                let named =
                    (self.ledger).name_utr(&reference, &utr.parse().unwrap(), &payment_rules());
                drop(named.unwrap());
            }
            _ => {
                let name = format!("u-{}", self.round);
                let _made = self.activate(1, ("upi", &utr), ("55", &name));
            }
        });
        let moved: Vec<i128> = accounts
            .iter()
            .zip(before)
            .map(|(of, before)| self.moved(of, before))
            .collect();
        let is_one_thing = [[500, 0, 0], [0, 500, 0], [0, 0, 500]].iter();
        assert!(
            is_one_thing.clone().any(|one| one[..] == moved),
            "{utr}: {moved:?}"
        );
    }

    /// Small deposits of one label from two sides, payments that come and numbers that are said:
    /// each two of them are credited with one postback, and nothing is left.
    fn one_pile(&self) {
        let before = self.held("merchant/p1/paytm");
        let label = format!("pile-{}", self.round);
        let key = |place: usize| format!("P-{}-{place}", self.round);
        for place in 0..ASKERS {
            match place % 2 {
                0 => self.receive("paytm", &key(place), MINIMUM / 2),
                _ => {
                    let seen = self.activate(1, ("paytm", &key(place)), (&label, &key(place)));
                    assert_eq!(seen, Ok(DepositSeen::Possible));
                }
            }
        }
        self.race(|place| match place % 2 {
            0 => {
                let seen = self.activate(1, ("paytm", &key(place)), (&label, &key(place)));
                assert!(matches!(
                    seen,
                    Ok(DepositSeen::Saved | DepositSeen::Credited)
                ));
            }
            _ => self.receive("paytm", &key(place), MINIMUM / 2),
        });
        let of = SavingsOf {
            partner: PartnerNumber(1),
            label: label.parse().unwrap(),
            wallet_type: "paytm".parse().unwrap(),
            currency: "INR".parse().unwrap(),
        };
        let left = self.rules(|rules| self.ledger.saved_up(&of, rules));
        assert!(left.unwrap().value.is_zero(), "{label}");
        let all = i128::from(MINIMUM / 2) * ASKERS as i128;
        assert_eq!(self.moved("merchant/p1/paytm", before), all, "{label}");
    }
}

#[test]
fn whatever_is_asked_for_at_once_each_payment_is_one_thing_once() {
    let folder = tempfile::tempdir().unwrap();
    let books = OnDisk::on_directory(folder.path(), clock());
    for token in ["one", "other"] {
        let new = NewPartner {
            ..sample::partner(token, "INR".parse().unwrap())
        };
        books.ledger.create_partner(new, secrets(token)).unwrap();
    }
    for round in 1..=number("SIM_DEPOSIT_RACES", 200).div_ceil(4) {
        let races = Races {
            ledger: &books.ledger,
            catalogue: catalogue(),
            round,
        };
        races.one_number();
        races.one_name();
        races.one_payment();
        races.one_pile();
        races.one_look();
    }
    let book = books.ledger.trial_balance(false).unwrap().value;
    assert!(book.currencies.values().all(|book| book.sum.is_zero()));
    books.close();
}
