//! Received payments: the one door through which outside money is said to have come
//! (operations.md, Received payments).

use super::command::NewPayment;
use super::document::{PaymentState, ReceivedPayment};
use super::entry::{AccountRef, Actor, Posting, Record, RecordKind};
use super::order::Desk;
use super::refusal::OperatorRefusal;
use crate::id::{PaymentReference, Seq, WalletType};
use crate::time::Timestamp;

/// A received payment's name.
pub type PaymentKey = (WalletType, PaymentReference);

/// A received payment, and when it was taken down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentRow {
    /// As it is now.
    pub payment: ReceivedPayment,
    /// The entry that took it down.
    pub received: Seq,
    /// The entry that changed it last.
    pub changed: Seq,
    /// When that was.
    pub at: Timestamp,
}

impl PaymentRow {
    /// The first of some that is nobody's, or else the first.
    pub fn free(rows: &[PaymentRow]) -> Option<&PaymentRow> {
        let is_free = |row: &&PaymentRow| !matches!(row.payment.state, PaymentState::Matched(_));
        rows.iter().find(is_free).or(rows.first())
    }
}

impl ReceivedPayment {
    /// The name that it is found by.
    pub fn key(&self) -> PaymentKey {
        (self.wallet_type, self.reference.clone())
    }
}

impl NewPayment {
    /// The name that it is found by.
    pub fn key(&self) -> PaymentKey {
        (self.wallet_type, self.reference.clone())
    }

    /// The document that takes it down.
    fn document(&self) -> ReceivedPayment {
        ReceivedPayment {
            wallet_type: self.wallet_type,
            reference: self.reference.clone(),
            amount: self.amount,
            currency: self.currency,
            account: self.account.clone(),
            received_at: self.received_at,
            payer: self.payer.clone(),
            note: self.note.clone(),
            suspicious: self.suspicious,
            state: PaymentState::Unclaimed,
        }
    }

    /// Whether the same is said again. A time is compared where both bear one: who says none
    /// means the present, which is another one each time.
    fn says(&self, before: &ReceivedPayment) -> bool {
        let both = self.received_at.is_some() && before.received_at.is_some();
        let received_at = if both {
            self.received_at
        } else {
            before.received_at
        };
        let again = ReceivedPayment {
            received_at,
            state: before.state.clone(),
            ..self.document()
        };
        again == *before
    }
}

/// Money is said to have come: outside to received, and on where an order waits for it. `None`
/// where `before`, what was received under its reference, is the same.
///
/// # Errors
/// [`OperatorRefusal::PaymentReferenceUsed`].
pub fn decide_payment(
    new: &NewPayment,
    before: Option<&PaymentRow>,
    desk: &Desk<'_>,
) -> Result<Option<Record>, OperatorRefusal> {
    match before {
        Some(before) if new.says(&before.payment) => return Ok(None),
        Some(_) => return Err(OperatorRefusal::PaymentReferenceUsed),
        None => {}
    }
    let cents = i64::try_from(new.amount.cents()).expect("an amount is at most 2^53-1");
    let posting = |account, cents| Posting {
        account,
        currency: new.currency,
        cents,
        link: None,
    };
    let settled = desk.settle(&new.document());
    let mut postings = vec![
        posting(AccountRef::Outside(new.wallet_type), -cents),
        posting(AccountRef::Received(new.wallet_type), cents),
    ];
    postings.extend(settled.postings.iter().cloned());
    Ok(Some(Record {
        by: Actor::Operator,
        kind: RecordKind::PaymentReceived,
        postings,
        documents: settled.documents().collect(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Amount;

    fn new(received_at: Option<u64>) -> NewPayment {
        NewPayment {
            wallet_type: "upi".parse().unwrap(),
            reference: "418381111111".parse().unwrap(),
            amount: Amount::from_cents(100).unwrap(),
            currency: "INR".parse().unwrap(),
            account: None,
            received_at: received_at.map(Timestamp::from_micros),
            payer: None,
            note: None,
            suspicious: false,
        }
    }

    #[test]
    fn what_says_no_time_repeats_whatever_else_is_equal() {
        for (before, again, is_repeated) in [
            (None, None, true),
            (None, Some(5), true),
            (Some(5), None, true),
            (Some(5), Some(5), true),
            (Some(5), Some(6), false),
        ] {
            let row = PaymentRow {
                payment: new(before).document(),
                received: Seq(7),
                changed: Seq(7),
                at: Timestamp::EPOCH,
            };
            let judged = new(again).says(&row.payment);
            assert_eq!(judged, is_repeated, "{before:?} {again:?}");
        }
    }
}
