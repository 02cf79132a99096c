//! What becomes of deposits, without any disk.

use super::*;
use crate::engine::deposit::Savings;
use crate::engine::merchant::Holder;
use crate::engine::order::PaymentRules;
use crate::engine::till::SAVED_MAX;
use crate::engine::world::World;
use crate::id::{PartnerNumber, WalletType};

const MINIMUM: u64 = 1000;

fn cents(cents: u64) -> Amount {
    Amount::from_cents(cents).unwrap()
}

fn upi() -> WalletType {
    "upi".parse().unwrap()
}

fn new(key1: &str) -> NewDeposit {
    NewDeposit {
        reference: format!("ref_{key1}").parse().unwrap(),
        wallet_type: upi(),
        currency: "INR".parse().unwrap(),
        label: "55".parse().unwrap(),
        key1: key1.parse().unwrap(),
        amount: None,
        custom_transaction_id: Some(key1.parse().unwrap()),
        way: Way::Code,
    }
}

fn payment(key1: &str, amount: u64) -> ReceivedPayment {
    ReceivedPayment {
        wallet_type: upi(),
        reference: key1.parse().unwrap(),
        amount: cents(amount),
        currency: "INR".parse().unwrap(),
        account: None,
        received_at: None,
        payer: None,
        note: None,
        suspicious: false,
        state: PaymentState::Unclaimed,
    }
}

/// A merchant with its books as entries leave them.
struct Shop {
    partner: Partner,
    holder: Holder,
    savings: Option<Savings>,
    deposits: Vec<Deposit>,
    last_stockpile: u64,
}

impl Shop {
    fn open() -> Shop {
        Shop {
            partner: World::new().partner,
            holder: Holder::default(),
            savings: None,
            deposits: Vec::new(),
            last_stockpile: 0,
        }
    }

    /// Nothing is known of what the merchant was told before.
    fn till<'a>(&'a self, saved: &'a [Deposit]) -> Till<'a> {
        Till {
            told: None,
            partner: &self.partner,
            holder: &self.holder,
            savings: self.savings.as_ref(),
            saved,
            last_stockpile: self.last_stockpile,
            minimum: cents(MINIMUM),
            tell: &|credited| format!("{}", credited.deposits.len()),
        }
    }

    /// A payment has come, and is asked for.
    fn activate(&mut self, key1: &str, amount: u64) -> Record {
        let (new, payment) = (new(key1), payment(key1, amount));
        let saved = self.savings.iter().flat_map(|savings| &savings.deposits);
        let saved = saved.map(|reference| {
            let mut all = self.deposits.iter();
            all.find(|of| of.reference == *reference).unwrap().clone()
        });
        let saved: Vec<Deposit> = saved.collect();
        let till = self.till(&saved);
        let desk = Desk {
            claimants: &[],
            wallet: None,
            is_live: true,
            deposits: &[],
            till: Some(&till),
            rules: &PaymentRules {
                wallet_types: vec![upi()],
                order_ttl: Span::from_seconds(60),
            },
            now: Timestamp::EPOCH,
        };
        let before = Before {
            by_key1: None,
            named: None,
            open: None,
            left: None,
            requisites: None,
            payment: Some(&payment),
        };
        let ttl = Span::from_seconds(60);
        let verdict = decide_activation(&new, &self.partner, &before, (&desk, ttl)).unwrap();
        let DepositVerdict::Accepted(record) = verdict else {
            panic!("{verdict:?}");
        };
        self.take(&record);
        record
    }

    fn take(&mut self, record: &Record) {
        let sum = record.postings.iter().map(|leg| leg.cents).sum::<i64>();
        assert_eq!(sum, 0);
        for document in &record.documents {
            let Document::Gateway(document) = document else {
                continue;
            };
            match &**document {
                GatewayDocument::Deposit(deposit) => {
                    self.deposits.retain(|of| of.reference != deposit.reference);
                    self.deposits.push(deposit.clone());
                }
                GatewayDocument::Savings(savings) => self.savings = Some(savings.clone()),
                GatewayDocument::Stockpiles(of) => self.last_stockpile = of.last,
                GatewayDocument::MerchantAccount(account) => {
                    let known = [(account.clone(), crate::id::Seq(1))];
                    self.holder.accounts = known.to_vec();
                }
                _ => {}
            }
        }
    }

    fn count(&self, seen: DepositSeen) -> usize {
        let all = self.deposits.iter();
        all.filter(|of| of.seen(Timestamp::EPOCH) == seen).count()
    }
}

#[test]
fn a_pile_of_as_many_as_one_postback_holds_is_credited_though_it_is_small() {
    let mut shop = Shop::open();
    for number in 1..SAVED_MAX {
        let record = shop.activate(&format!("k{number}"), 1);
        assert!(record.postings.is_empty(), "{number}");
    }
    assert_eq!(shop.count(DepositSeen::Saved), SAVED_MAX - 1);
    let record = shop.activate("last", 1);
    assert_eq!(record.postings[1].cents, SAVED_MAX as i64);
    assert_eq!(shop.count(DepositSeen::Credited), SAVED_MAX);
    assert_eq!(shop.savings.as_ref().unwrap().deposits, []);
    assert!(shop.deposits.iter().all(|of| {
        let told = of.told.as_ref().map(|name| name.as_str());
        told == Some("last") && of.activated.as_ref().unwrap().stockpiling_id == 1
    }));
}

#[test]
fn what_a_merchants_account_cannot_hold_waits_with_its_payment() {
    let mut shop = Shop::open();
    shop.activate("first", Amount::MAX.cents());
    let record = shop.activate("second", MINIMUM);
    assert!(record.postings.is_empty());
    let waiting = DepositState::Waiting(WaitReason::MerchantFull);
    assert_eq!(shop.deposits[1].state, waiting);
    let payments = record
        .documents
        .iter()
        .filter_map(|document| match document {
            Document::ReceivedPayment(payment) => Some(payment.state.clone()),
            _ => None,
        });
    let payments: Vec<_> = payments.collect();
    assert_eq!(payments, [PaymentState::Waiting(WaitReason::MerchantFull)]);
    // A small one is saved up: nothing moves yet.
    shop.activate("third", 1);
    assert_eq!(shop.count(DepositSeen::Saved), 1);
}

#[test]
fn a_number_is_judged_before_a_name() {
    let shop = Shop::open();
    let before = new("k").deposit(&shop.partner, &"k".parse().unwrap(), Timestamp::EPOCH);
    let named = DepositNamed {
        partner: PartnerNumber(1),
        custom_transaction_id: "k".parse().unwrap(),
        deposit: before.reference.clone(),
    };
    let nothing = Before {
        by_key1: None,
        named: None,
        open: None,
        left: None,
        requisites: None,
        payment: None,
    };
    let rules = PaymentRules {
        wallet_types: vec![upi()],
        order_ttl: Span::from_seconds(60),
    };
    let desk = Desk {
        claimants: &[],
        wallet: None,
        is_live: true,
        deposits: &[],
        till: None,
        rules: &rules,
        now: Timestamp::EPOCH,
    };
    let judge = |new: &NewDeposit, before: &Before<'_>| {
        let ttl = Span::from_seconds(60);
        decide_activation(new, &shop.partner, before, (&desk, ttl))
    };
    let by_key1 = Before {
        by_key1: Some(&before),
        named: Some(&named),
        ..nothing
    };
    let repeated = DepositVerdict::Repeated(before.reference.clone());
    assert_eq!(judge(&new("k"), &by_key1), Ok(repeated));
    let other = NewDeposit {
        label: "56".parse().unwrap(),
        ..new("k")
    };
    assert_eq!(judge(&other, &by_key1), Err(DepositRefusal::Key1Used));
    let of_another = DepositNamed {
        deposit: "ref_another".parse().unwrap(),
        ..named.clone()
    };
    let by_name = Before {
        named: Some(&of_another),
        ..nothing
    };
    let used = Err(DepositRefusal::CustomIdUsed);
    assert_eq!(judge(&new("k"), &by_name), used);
    let nameless = NewDeposit {
        custom_transaction_id: None,
        ..new("k")
    };
    let missing = Err(DepositRefusal::CustomIdMissing);
    assert_eq!(judge(&nameless, &by_name), missing);
}

#[test]
fn of_what_was_told_by_nobody_knows_which_postback_no_amount_is_put_right() {
    let mut shop = Shop::open();
    let id = "c".parse().unwrap();
    let asked = NewDeposit {
        amount: Some(cents(2 * MINIMUM)),
        ..new("k")
    };
    let deposit = asked.deposit(&shop.partner, &id, Timestamp::EPOCH);
    let approve = |shop: &Shop, deposit: &Deposit, payment: Option<&ReceivedPayment>| {
        decide_approval(deposit, payment, &shop.till(&[]), Timestamp::EPOCH)
    };
    let by_word = approve(&shop, &deposit, None).unwrap().unwrap();
    shop.take(&by_word);
    let credited = shop.deposits[0].clone();
    let other = payment("k", MINIMUM);
    let refused = approve(&shop, &credited, Some(&other));
    assert_eq!(refused, Err(DepositRefusal::ToldUnknown));
    // Where it is as much as was said there is nothing to put right.
    let exact = payment("k", 2 * MINIMUM);
    let joined = approve(&shop, &credited, Some(&exact)).unwrap().unwrap();
    assert_eq!(joined.postings, []);
}
