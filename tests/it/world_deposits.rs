//! Deposits in the simulation's tests: done to a ledger, and compared with the naive model.

use std::sync::OnceLock;

use coffer::engine::activation::{DepositWord, NewDeposit};
use coffer::engine::catalogue::{Catalogue, PaymentSystem};
use coffer::engine::deposit::{Deposit, DepositSeen};
use coffer::engine::postback::{DeliveryState, PostbackKind, PostbackOf};
use coffer::id::{
    DepositReference, GatewayText, PartnerNumber, PaymentReference, PostbackName, Seq,
};
use coffer::ledger::{DepositError, DepositRules, DepositsAsked, Ledger, Unavailable};
use coffer::money::Amount;
use coffer::sim::DepositOperation;
use coffer::sim::deposits::{MINIMUM, SAVING, currency_of};
use coffer::sim::hosted::{BY_HAND, NewPage, PAGE_LIFE, REQUISITES};
use coffer::sim::model::{Deposited, Model};
use coffer::time::{Span, Timestamp};

use crate::merchants::{count, postback_tried};
use crate::world::Told;
use crate::world_orders::rules as payment_rules;

/// Each lane has payment systems in a currency of its own; in one of them deposits are saved up.
fn catalogue() -> &'static Catalogue {
    static CATALOGUE: OnceLock<Catalogue> = OnceLock::new();
    CATALOGUE.get_or_init(|| {
        let shipped = coffer::config::Config::default().paykassma.catalogue;
        let saving = shipped.of_type(SAVING).next().unwrap();
        let mut catalogue = Catalogue::default();
        for lane in 0..=u8::MAX {
            for (name, requisites) in REQUISITES {
                let minimum = if name == SAVING { MINIMUM } else { 0 };
                let system = PaymentSystem {
                    wallet_type: name.parse().unwrap(),
                    currency: currency_of(lane),
                    minimum_deposit: Amount::from_cents(minimum).unwrap(),
                    is_manual: name == BY_HAND,
                    requisites: requisites.iter().map(|&each| each.to_owned()).collect(),
                    ..saving.clone()
                };
                catalogue.add(system).unwrap();
            }
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
        DepositOperation::Page(page) => make_page(ledger, page),
        DepositOperation::NameNumber { reference, key1 } => name_number(ledger, reference, key1),
        DepositOperation::Requisites {
            partner: by,
            label,
            wallet_type,
            currency,
        } => {
            let system = catalogue().find(*wallet_type, *currency).unwrap();
            let given = ledger.requisites(&partner(by), label, system);
            given.map(|given| (Told::Given(given.value), given.seq))
        }
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

fn make_page(ledger: &Ledger, page: &NewPage) -> Result<(Told, Seq), DepositError> {
    let partner = ledger.partner(page.partner).unwrap().value;
    let system = catalogue().find(page.wallet_type, page.currency).unwrap();
    let ttl = Span::from_seconds(PAGE_LIFE);
    let made = ledger.create_hosted(&partner, &page.new, system, ttl)?;
    let found = ledger.deposit(&made.value, &payment_rules())?;
    let told = done(&found.value.deposit.document, made.seq, ledger);
    Ok(told)
}

/// As the page does it.
fn name_number(
    ledger: &Ledger,
    reference: &DepositReference,
    key1: &PaymentReference,
) -> Result<(Told, Seq), DepositError> {
    let found = ledger.deposit(reference, &payment_rules())?;
    let deposit = found.value.deposit.document;
    let partner = ledger.partner(deposit.partner).unwrap().value;
    let new = NewDeposit {
        reference: deposit.reference,
        wallet_type: deposit.wallet_type,
        currency: deposit.currency,
        label: deposit.label,
        key1: key1.clone(),
        amount: deposit.amount,
        custom_transaction_id: Some(deposit.custom_transaction_id),
        way: deposit.way,
    };
    let named = with_deposit_rules(|rules| {
        ledger.activate_deposit(&partner, &new, &payment_rules(), rules)
    })?;
    Ok(done(&named.value.document, named.seq, ledger))
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
    let got = deposit.activated.as_ref();
    let got = got.map(|got| (i128::from(got.amount.cents()), got.currency));
    let told = deposit.told.as_ref().map(|name| name.as_str());
    let identifier = deposit.hosted.as_ref().map(|hosted| &hosted.identifier);
    (deposit.partner, &deposit.custom_transaction_id) == (due.partner, &due.name)
        && (deposit.wallet_type, &deposit.key1) == (due.wallet_type, &due.key1)
        && (&deposit.label, deposit.amount) == (&due.label, due.amount)
        && identifier == due.page.as_ref().map(|page| &page.identifier)
        && deposit.seen(now).name() == due.state(now)
        && (got, deposit.lacks_payment()) == (due.got, due.lacks_payment)
        && told == due.told.as_ref().map(|name| name.as_str())
}
