//! Withdrawals in the ledger: taken down once, decided once, their money at every step, through
//! kills, checkpoints and books that were made anew (paykassma-api.md, Withdrawals).

use std::collections::BTreeMap;
use std::sync::Barrier;

use coffer::engine::refusal::WithdrawalRefusal;
use coffer::engine::settings::SettingsChange;
use coffer::engine::withdrawal::{NewWithdrawal, WithdrawalState, WithdrawalWord};
use coffer::id::{PartnerNumber, Seq};
use coffer::ledger::{Unavailable, WithdrawalError, WithdrawalsAsked};

use crate::merchants::{Coffer, told, withdrawal};
use crate::world::number;

fn reject() -> WithdrawalWord {
    WithdrawalWord::Reject("no such account".parse().unwrap())
}

/// The accounts in INR and what they hold; they add up to zero.
fn accounts(coffer: &Coffer) -> BTreeMap<String, String> {
    let report = coffer.ledger().trial_balance(false).unwrap().value;
    let Some(of) = report.currencies.get(&"INR".parse().unwrap()) else {
        return BTreeMap::new();
    };
    assert!(of.sum.is_zero());
    let accounts = of.accounts.iter();
    accounts
        .map(|(name, sum)| (name.clone(), sum.to_string()))
        .collect()
}

fn balances(coffer: &Coffer, partner: PartnerNumber) -> Vec<(String, String)> {
    let of = coffer
        .ledger()
        .merchant_accounts(&coffer.partner(partner))
        .unwrap();
    let of = of.value.into_iter();
    of.map(|of| (of.wallet_type.to_string(), of.balance().to_string()))
        .collect()
}

fn refusal<T>(done: Result<T, WithdrawalError>) -> WithdrawalRefusal {
    match done {
        Err(WithdrawalError::Refused(refusal, _)) => refusal,
        Err(WithdrawalError::Unavailable) => panic!("{Unavailable}"),
        Ok(_) => panic!("it was not refused"),
    }
}

/// The names of all that are listed, page by page.
fn listed(coffer: &Coffer, asked: WithdrawalsAsked) -> Vec<String> {
    let (mut names, mut before) = (Vec::new(), None);
    loop {
        let page = coffer.ledger().withdrawals(asked, before, 3).unwrap().value;
        assert!(page.items.len() <= 3);
        names.extend(page.items.iter().map(|of| of.document.id.to_string()));
        before = page.next;
        if before.is_none() {
            return names;
        }
    }
}

#[test]
fn the_money_of_a_withdrawal_goes_to_payouts_and_on_or_back() {
    let mut coffer = Coffer::new();
    let merchant = coffer.merchant("m", None);
    let ask = |coffer: &Coffer, id: &str, of: &str, cents| {
        coffer
            .ask(merchant, &withdrawal(Some(id), of, cents))
            .unwrap()
            .value
    };
    let paid = ask(&coffer, "paid", "upi_ib", 70_000);
    let back = ask(&coffer, "back", "upi_ib", 500);
    ask(&coffer, "open", "nagad", 25);
    let mut test = withdrawal(Some("test"), "nagad", 1);
    test.asked.is_test = true;
    let test = coffer.ask(merchant, &test).unwrap().value;
    assert_eq!(test.document.state, WithdrawalState::Processing);
    let held = accounts(&coffer);
    let due = [
        ("merchant/p1/nagad", "-0.25"),
        ("merchant/p1/upi_ib", "-705.00"),
        ("payouts/nagad", "0.25"),
        ("payouts/upi_ib", "705.00"),
    ];
    assert_eq!(
        held,
        due.map(|(name, sum)| (name.into(), sum.into())).into()
    );
    let approve = WithdrawalWord::Approve(None);
    for (of, word) in [(&paid, &approve), (&back, &reject()), (&test, &approve)] {
        // Before a kill, or a checkpoint, and after.
        let decided = coffer.decide(of.created, word).unwrap();
        coffer.sync();
        let again = coffer.decide(of.created, word).unwrap();
        assert_eq!(again, decided, "the same word again");
        let other = if *word == approve {
            reject()
        } else {
            approve.clone()
        };
        let state = decided.value.document.state;
        let refused = refusal(coffer.decide(of.created, &other));
        assert_eq!(refused, WithdrawalRefusal::Decided(state));
        coffer.kill();
    }
    let unknown = refusal(coffer.decide(Seq(1), &approve));
    assert_eq!(unknown, WithdrawalRefusal::Unknown);
    let due = [
        ("merchant/p1/nagad", "-0.25"),
        ("merchant/p1/upi_ib", "-700.00"),
        ("paid-out/upi_ib", "700.00"),
        ("payouts/nagad", "0.25"),
        ("payouts/upi_ib", "0.00"),
    ];
    let due = BTreeMap::from(due.map(|(name, sum)| (name.to_owned(), sum.to_owned())));
    for _ in 0..3 {
        assert_eq!(accounts(&coffer), due);
        let of = [("upi_ib", "-700.00"), ("nagad", "-0.25")];
        let of = of.map(|(name, sum)| (name.to_owned(), sum.to_owned()));
        assert_eq!(balances(&coffer, merchant), of);
        let shown = coffer.ledger().withdrawal(back.created).unwrap().value;
        assert_eq!(shown.document.state, WithdrawalState::Rejected);
        assert_eq!(shown.document.comment(), "no such account");
        coffer.checkpoint();
        coffer.kill();
    }
    assert_eq!(coffer.verified(), Vec::<String>::new());
}

#[test]
fn withdrawals_are_listed_from_memory_and_books_alike() {
    let mut coffer = Coffer::new();
    let merchants = [coffer.merchant("m", None), coffer.merchant("n", None)];
    let mut names = Vec::new();
    for step in 0..40 {
        let merchant = merchants[step % 2];
        let of = withdrawal(Some(&format!("w{step}")), "upi_ib", 1 + step as u64);
        let of = coffer.ask(merchant, &of).unwrap().value;
        names.push((of.document.id.to_string(), merchant, step % 3 == 0));
        if step % 3 == 0 {
            let approve = WithdrawalWord::Approve(None);
            coffer.decide(of.created, &approve).unwrap();
        }
        match step % 8 {
            3 => coffer.checkpoint(),
            5 => coffer.sync(),
            7 => {
                coffer.sync();
                coffer.kill();
            }
            _ => {}
        }
        let due = |wanted: &dyn Fn(&(String, PartnerNumber, bool)) -> bool| {
            let due = names.iter().rev().filter(|of| wanted(of));
            due.map(|(name, ..)| name.clone()).collect::<Vec<_>>()
        };
        let all = WithdrawalsAsked::default();
        assert_eq!(listed(&coffer, all), due(&|_| true), "{step}");
        let open = WithdrawalsAsked {
            state: Some(WithdrawalState::Processing),
            ..all
        };
        assert_eq!(listed(&coffer, open), due(&|of| !of.2), "{step}");
        let both = WithdrawalsAsked {
            partner: Some(merchants[1]),
            ..open
        };
        assert_eq!(
            listed(&coffer, both),
            due(&|of| of.1 == merchants[1] && !of.2)
        );
        let theirs = WithdrawalsAsked {
            partner: Some(merchants[0]),
            state: None,
        };
        assert_eq!(listed(&coffer, theirs), due(&|of| of.1 == merchants[0]));
    }
    coffer.checkpoint();
    assert_eq!(coffer.verified(), Vec::<String>::new());
}

#[test]
fn names_and_signatures_are_used_once_for_ever() {
    let mut coffer = Coffer::new();
    let merchant = coffer.merchant("m", None);
    let named = withdrawal(Some("a"), "upi_ib", 100);
    let unnamed = withdrawal(None, "upi_ib", 200);
    let first = coffer.ask(merchant, &named).unwrap().value;
    let made = coffer.ask(merchant, &unnamed).unwrap().value;
    assert!(made.document.id_made && !first.document.id_made);
    for round in 0..3 {
        let again = NewWithdrawal {
            made: format!("other{round}").parse().unwrap(),
            ..unnamed.clone()
        };
        assert_eq!(coffer.ask(merchant, &again).unwrap().value, made);
        assert_eq!(coffer.ask(merchant, &named).unwrap().value, first);
        let mut other = named.clone();
        other.asked.label = "56".parse().unwrap();
        assert_eq!(
            refusal(coffer.ask(merchant, &other)),
            WithdrawalRefusal::IdUsed
        );
        let renamed = NewWithdrawal {
            id: None,
            ..named.clone()
        };
        let used = WithdrawalRefusal::SignatureUsed;
        assert_eq!(refusal(coffer.ask(merchant, &renamed)), used);
        coffer.checkpoint();
        coffer.kill();
    }
    assert_eq!(
        balances(&coffer, merchant),
        [("upi_ib".into(), "-3.00".into())]
    );
    // Names are each merchant's own.
    let other = coffer.merchant("n", None);
    let theirs = coffer.ask(other, &named).unwrap().value;
    assert_eq!(theirs.document.partner, other);
}

#[test]
fn a_refusal_for_want_of_balance_uses_nothing_up() {
    let coffer = Coffer::new();
    let merchant = coffer.merchant("m", None);
    let ask = withdrawal(Some("a"), "upi_ib", 100);
    let checks = |checks| {
        let change = SettingsChange {
            check_withdrawal_funds: Some(checks),
            ..SettingsChange::default()
        };
        coffer.set(merchant, change);
    };
    checks(true);
    for new in [&ask, &withdrawal(None, "upi_ib", 100)] {
        let poor = refusal(coffer.ask(merchant, new));
        assert_eq!(poor, WithdrawalRefusal::InsufficientBalance);
    }
    let mut test = withdrawal(Some("test"), "upi_ib", 100);
    test.asked.is_test = true;
    assert!(coffer.ask(merchant, &test).is_ok());
    checks(false);
    assert!(coffer.ask(merchant, &ask).is_ok());
    assert!(
        coffer
            .ask(merchant, &withdrawal(None, "upi_ib", 100))
            .is_ok()
    );
}

#[test]
fn one_withdrawal_asked_for_from_many_sides_is_paid_once() {
    const SIDES: usize = 64;
    let rounds = number("WITHDRAWAL_RACES", 40);
    let mut coffer = Coffer::new();
    let merchant = coffer.merchant("m", None);
    let partner = coffer.partner(merchant);
    for round in 0..rounds {
        let id = format!("r{round}");
        // By name or by signature; with other content now and then; and a word on it meanwhile.
        let id = (round % 2 == 0).then_some(id.as_str());
        let same = withdrawal(id, "upi_ib", 100 + round);
        let mut other = withdrawal(id, "upi_ib", 100 + round);
        other.asked.amount = coffer::money::Amount::from_cents(7).unwrap();
        let barrier = Barrier::new(SIDES);
        let ledger = coffer.ledger();
        let numbers = std::thread::scope(|scope| {
            let sides: Vec<_> = (0..SIDES)
                .map(|side| {
                    let new = if side % 16 == 5 { &other } else { &same };
                    let (barrier, partner) = (&barrier, &partner);
                    scope.spawn(move || {
                        barrier.wait();
                        let asked = ledger.create_withdrawal(partner, new).ok()?.value;
                        if side % 8 == 1 {
                            let word = WithdrawalWord::Approve(None);
                            ledger
                                .decide_on_withdrawal(asked.created, &word, &told)
                                .unwrap();
                        }
                        Some((asked.created, asked.document.asked.amount))
                    })
                })
                .collect();
            let ends = sides.into_iter().map(|side| side.join().unwrap());
            ends.flatten().collect::<Vec<_>>()
        });
        assert!(numbers.iter().all(|of| *of == numbers[0]), "{numbers:?}");
    }
    let asked = WithdrawalsAsked::default();
    let page = coffer.ledger().withdrawals(asked, None, 1_000_000).unwrap();
    assert_eq!(page.value.items.len() as u64, rounds);
    let cents = page
        .value
        .items
        .iter()
        .map(|of| of.document.asked.amount.cents());
    let cents: u64 = cents.sum();
    let balance = coffer.ledger().merchant_accounts(&partner).unwrap().value[0].balance();
    assert_eq!(balance.cents(), -i128::from(cents));
    coffer.checkpoint();
    assert_eq!(coffer.verified(), Vec::<String>::new());
}
