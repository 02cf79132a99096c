//! Deposits in the simulation's tests: done to a ledger, and compared with the naive model.

use std::sync::OnceLock;

use coffer::engine::activation::DepositWord;
use coffer::engine::catalogue::{Catalogue, PaymentSystem};
use coffer::engine::deposit::{Deposit, DepositSeen};
use coffer::engine::postback::{DeliveryState, PostbackKind, PostbackOf};
use coffer::id::{DepositReference, GatewayText, PartnerNumber, PostbackName, Seq};
use coffer::ledger::{DepositError, DepositRules, DepositsAsked, Ledger, Unavailable};
use coffer::money::Amount;
use coffer::sim::DepositOperation;
use coffer::sim::deposits::{MINIMUM, SAVING, currency_of};
use coffer::sim::model::{Deposited, Model};
use coffer::time::{Span, Timestamp};

use crate::merchants::{count, postback_tried};
use crate::world::Told;
use crate::world_orders::rules as payment_rules;

/// In one payment system deposits of each lane's own currency are saved up.
fn catalogue() -> &'static Catalogue {
    static CATALOGUE: OnceLock<Catalogue> = OnceLock::new();
    CATALOGUE.get_or_init(|| {
        let shipped = coffer::config::Config::default().paykassma.catalogue;
        let saving = shipped.of_type(SAVING).next().unwrap();
        let mut catalogue = Catalogue::default();
        for lane in 0..=u8::MAX {
            let system = PaymentSystem {
                currency: currency_of(lane),
                minimum_deposit: Amount::from_cents(MINIMUM).unwrap(),
                ..saving.clone()
            };
            catalogue.add(system).unwrap();
        }
        catalogue
    })
}

/// What deposits are judged by, with a postback that says no more than their names and amounts.
pub(crate) fn with_deposit_rules<T>(judge: impl FnOnce(&DepositRules<'_>) -> T) -> T {
    judge(&DepositRules {
        catalogue: catalogue(),
        possible_ttl: Span::from_seconds(3 * 24 * 60 * 60),
        tell: &|credited| {
            let each = credited.deposits.iter().map(|deposit| {
                let got = deposit.activated.as_ref().unwrap().amount.cents();
                said(&deposit.custom_transaction_id, i128::from(got))
            });
            each.collect::<Vec<_>>().join(" ")
        },
    })
}

fn said(name: &GatewayText, cents: i128) -> String {
    format!("{name}:{cents}")
}

fn done(deposit: &Deposit, seq: Seq, ledger: &Ledger) -> (Told, Seq) {
    let state = deposit.seen(ledger.now()).name();
    (Told::Deposited(deposit.reference.clone(), state), seq)
}

/// Does one thing about deposits to a ledger; what it answered and the seq that the answer rests
/// on.
pub(crate) fn perform(
    ledger: &Ledger,
    operation: &DepositOperation,
) -> Result<(Told, Seq), Unavailable> {
    let nothing = |seq| {
        let (balance, repeated) = (None, false);
        (Told::Done { balance, repeated }, seq)
    };
    let partner = |number: &PartnerNumber| ledger.partner(*number).unwrap().value;
    let decide = |reference: &DepositReference, word: &DepositWord| {
        with_deposit_rules(|rules| {
            let decided = ledger.decide_on_deposit(reference, word, &payment_rules(), rules)?;
            Ok(done(&decided.value.deposit.document, decided.seq, ledger))
        })
    };
    let done = match operation {
        DepositOperation::Activate { partner: by, new } => with_deposit_rules(|rules| {
            let made = ledger.activate_deposit(&partner(by), new, &payment_rules(), rules);
            made.map(|made| done(&made.value.document, made.seq, ledger))
        }),
        DepositOperation::Approve(reference) => decide(reference, &DepositWord::Approve),
        DepositOperation::Reject(reference) => {
            let word = DepositWord::Reject("simulated".parse().unwrap());
            decide(reference, &word)
        }
        DepositOperation::LeaveId {
            partner: by,
            label,
            id,
        } => {
            let left = ledger.leave_custom_id(&partner(by), label, id);
            left.map(nothing)
        }
        DepositOperation::TryPostback {
            partner,
            name,
            taken,
        } => {
            let tried = postback_tried(ledger, &of_deposit(*partner, name), *taken)?;
            Ok(nothing(tried))
        }
    };
    match done {
        Ok(told) => Ok(told),
        Err(DepositError::Refused(refusal, seq)) => Ok((Told::NotDeposited(refusal), seq)),
        Err(DepositError::Unavailable) => Err(Unavailable),
    }
}

fn of_deposit(partner: PartnerNumber, name: &PostbackName) -> PostbackOf {
    PostbackOf {
        partner,
        kind: PostbackKind::Deposit,
        name: name.clone(),
    }
}

/// Everything about deposits in which a ledger and the models of its lanes differ.
pub(crate) fn compare(ledger: &Ledger, models: &[&Model], now: Timestamp, found: &mut Vec<String>) {
    for (reference, due) in models.iter().flat_map(|model| model.deposits()) {
        match ledger.deposit(reference, &payment_rules()) {
            Ok(seen) if is_as(&seen.value.deposit.document, due, now) => {}
            seen => found.push(format!("deposit {seen:?} is not {due:?}")),
        }
        let Some((name, (cents, _))) = due.told.as_ref().zip(due.got) else {
            continue;
        };
        let told = of_deposit(due.partner, &name.as_str().parse().unwrap());
        let told = ledger.postback_of(&told).unwrap();
        let told = told.map_or_else(String::new, |told| told.value.postback.body);
        if told.split(' ').all(|each| each != said(&due.name, cents)) {
            found.push(format!("what is told, {told}, is not of {due:?}"));
        }
    }
    for ((partner, name), due) in models.iter().flat_map(|model| model.told_of_deposits()) {
        let told = ledger.postback_of(&of_deposit(*partner, name)).unwrap();
        let is_told = told.map(|told| {
            let of = told.value.delivery.document;
            (of.attempts, of.state == DeliveryState::Delivered)
        });
        if is_told != Some(due) {
            found.push(format!(
                "{name} of {partner} is told {is_told:?}, not {due:?}"
            ));
        }
    }
    for state in std::iter::once(None).chain(DepositSeen::ALL.map(Some)) {
        let asked = DepositsAsked {
            partner: None,
            state,
        };
        let listed = count(|before| ledger.deposits(asked, before, 100).unwrap().value);
        let due = models.iter().flat_map(|model| model.deposits());
        let is_asked = |of: &Deposited| state.is_none_or(|state| state.name() == of.state(now));
        let due = due.filter(|(_, of)| is_asked(of)).count();
        if listed != due {
            found.push(format!(
                "{listed} deposits are listed as {state:?}, not {due}"
            ));
        }
    }
}

fn is_as(deposit: &Deposit, due: &Deposited, now: Timestamp) -> bool {
    let asked = &due.asked;
    let got = deposit.activated.as_ref();
    let got = got.map(|got| (i128::from(got.amount.cents()), got.currency));
    let told = deposit.told.as_ref().map(|name| name.as_str());
    (deposit.partner, &deposit.custom_transaction_id) == (due.partner, &due.name)
        && (deposit.wallet_type, deposit.key1.as_ref()) == (asked.wallet_type, Some(&asked.key1))
        && (&deposit.label, deposit.amount) == (&asked.label, asked.amount)
        && deposit.seen(now).name() == due.state(now)
        && (got, deposit.lacks_payment()) == (due.got, due.lacks_payment)
        && told == due.told.as_ref().map(|name| name.as_str())
}
