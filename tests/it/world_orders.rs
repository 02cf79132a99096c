//! Orders and received payments in the simulation's tests: done to a ledger, and compared with the
//! naive model.

use std::collections::BTreeMap;

use coffer::engine::command::NewPayment;
use coffer::engine::order::{OrderRow, PaymentRules};
use coffer::engine::payment::PaymentRow;
use coffer::id::{OrderName, Seq};
use coffer::ledger::{Decision, Ledger, Observed, OperatorError, OrderError, Page, Unavailable};
use coffer::sim::OrderOperation;
use coffer::sim::model::{Model, Ordered};
use coffer::time::{Span, Timestamp};

use crate::world::Told;
use crate::world_deposits::with_deposit_rules;

/// Payments of one type settle orders, within half an hour.
pub(crate) fn rules() -> PaymentRules {
    PaymentRules {
        wallet_types: vec!["upi".parse().unwrap()],
        order_ttl: Span::from_seconds(1800),
    }
}

/// Does one thing about orders to a ledger; what it answered and the seq that the answer rests on.
pub(crate) fn perform(
    ledger: &Ledger,
    operation: &OrderOperation,
) -> Result<(Told, Seq), Unavailable> {
    let rules = rules();
    let by = |reference: &coffer::id::OrderReference| OrderName::Reference(reference.clone());
    let done = match operation {
        OrderOperation::Create {
            partner,
            new,
            reference,
        } => {
            let partner = ledger.partner(*partner).unwrap().value;
            ledger.create_order(&partner, new, reference.clone(), &rules)
        }
        OrderOperation::NameUtr { reference, utr } => ledger.name_utr(reference, utr, &rules),
        OrderOperation::Cancel { partner, id } => {
            ledger.cancel_order(&(*partner, id.clone()), &rules)
        }
        OrderOperation::Approve { reference, utr } => {
            let decision = Decision::Approve(utr.clone());
            ledger.decide_on_order(&by(reference), &decision, &rules)
        }
        OrderOperation::Reject(reference) => {
            let decision = Decision::Reject("simulated".parse().unwrap());
            ledger.decide_on_order(&by(reference), &decision, &rules)
        }
    };
    match done {
        Ok(Observed { value, seq }) => {
            let order = value.order;
            let told = Told::Ordered {
                state: order.seen(ledger.now()).0.name(),
                reference: order.reference,
                utr: order.utr,
            };
            Ok((told, seq))
        }
        Err(OrderError::Refused(refusal, seq)) => Ok((Told::NotForOrder(refusal), seq)),
        Err(OrderError::Unavailable) => Err(Unavailable),
    }
}

/// Takes a payment down; what was answered and the seq that the answer rests on.
pub(crate) fn receive(ledger: &Ledger, new: &NewPayment) -> Result<(Told, Seq), OperatorError> {
    let received = with_deposit_rules(|deposits| ledger.receive_payment(new, &rules(), deposits));
    let Observed { value, seq } = received?;
    let (state, repeated) = (value.row.payment.state, value.repeated);
    Ok((Told::Received { state, repeated }, seq))
}

/// All payments and orders, page by page, and each by its names.
pub(crate) fn compare(ledger: &Ledger, models: &[&Model], now: Timestamp, found: &mut Vec<String>) {
    compare_payments(ledger, models, found);
    let mut listed = listed(|before| ledger.orders(before, 100, |_| true), found);
    for (reference, due) in models.iter().flat_map(|model| model.orders()) {
        let row = listed.remove(reference.as_str());
        if !row.as_ref().is_some_and(|row| is_as(row, due, now)) {
            found.push(format!("order {due:?} is {row:?}"));
        }
        let by_names = [
            OrderName::Reference(reference.clone()),
            OrderName::Of(due.partner, due.asked.id.clone()),
        ];
        for name in by_names {
            let seen = ledger.order(&name, &rules()).map(|seen| Some(seen.value));
            if seen != Ok(row.clone()) {
                found.push(format!("order {name} is {seen:?}, listed as {row:?}"));
            }
        }
    }
    if !listed.is_empty() {
        found.push(format!("orders {listed:?} were never made"));
    }
}

fn is_as(row: &OrderRow, due: &Ordered, now: Timestamp) -> bool {
    let order = &row.order;
    let (state, since) = order.seen(now);
    let asked = &due.asked;
    (order.partner, &order.id, order.amount) == (due.partner, &asked.id, asked.amount)
        && (&order.note, &order.mobile, &order.email) == (&asked.note, &asked.mobile, &asked.email)
        && (state.name(), since) == due.state(now)
        && (order.expires_at, order.corrections) == (due.expires_at, due.corrections)
        && (&order.utr, &order.payment) == (&due.utr, &due.payment)
        && order.paid.as_ref().map(|paid| paid.amount.cents())
            == due
                .paid
                .as_ref()
                .map(|(cents, _)| u64::try_from(*cents).unwrap())
}

/// What lists have their rows by.
trait Listed {
    fn name(&self) -> String;
}

impl Listed for OrderRow {
    fn name(&self) -> String {
        self.order.reference.to_string()
    }
}

impl Listed for PaymentRow {
    fn name(&self) -> String {
        let (wallet_type, reference) = self.payment.key();
        format!("{wallet_type}/{reference}")
    }
}

fn listed<T: Listed>(
    page: impl Fn(Option<Seq>) -> Result<Observed<Page<T>>, OperatorError>,
    found: &mut Vec<String>,
) -> BTreeMap<String, T> {
    let mut listed = BTreeMap::new();
    let mut before = None;
    loop {
        let page = page(before).unwrap().value;
        for row in page.items {
            let name = row.name();
            if listed.insert(name.clone(), row).is_some() {
                found.push(format!("{name} is listed twice"));
            }
        }
        before = page.next;
        if before.is_none() {
            return listed;
        }
    }
}

fn compare_payments(ledger: &Ledger, models: &[&Model], found: &mut Vec<String>) {
    let mut listed = listed(|before| ledger.payments(before, 100, |_| true), found);
    for (payment, state) in models.iter().flat_map(|model| model.payments()) {
        let (wallet_type, reference) = payment.key();
        let row = listed.remove(&format!("{wallet_type}/{reference}"));
        let is_so = row.as_ref().is_some_and(|row| {
            let of = &row.payment;
            (
                of.amount,
                of.currency,
                &of.account,
                of.received_at,
                &of.payer,
                of.suspicious,
                &of.state,
            ) == (
                payment.amount,
                payment.currency,
                &payment.account,
                payment.received_at,
                &payment.payer,
                payment.suspicious,
                state,
            )
        });
        if !is_so {
            found.push(format!("payment {payment:?} is {row:?}"));
        }
        let repeated = ledger.known_payment(payment, &rules());
        if !matches!(repeated, Ok(Observed { value: Some(_), .. })) {
            found.push(format!(
                "payment {payment:?} would come again: {repeated:?}"
            ));
        }
    }
    if !listed.is_empty() {
        found.push(format!("payments {listed:?} never came"));
    }
}
