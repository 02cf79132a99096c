//! Where an order's money goes, and an operator's word on it (partner-api.md, Payment Gateway;
//! operations.md, `order approve`).
//!
//! What is received is what an order brings, whatever was asked for. A word brings what was asked
//! for, until an operator says which payment it stood for: then that one's money takes its place.

use super::document::{Claimant, Order, OrderState, Paid, PaymentState, ReceivedPayment};
use super::entry::{AccountRef, Actor, Link, Posting, Record, RecordKind};
use super::order::{Desk, Settlement};
use super::refusal::OrderRefusal;
use crate::id::{Utr, WalletType};
use crate::money::Amount;
use crate::time::Timestamp;

impl Paid {
    /// The account that got it.
    fn account(&self, order: &Order) -> AccountRef {
        let partner = AccountRef::Partner(order.partner);
        self.wallet.map_or(partner, AccountRef::Player)
    }

    /// What that has moved.
    pub(super) fn legs(&self, order: &Order) -> [(AccountRef, i64); 2] {
        let cents = i64::try_from(self.amount.cents()).expect("an amount is at most 2^53-1");
        let from = AccountRef::Received(self.from);
        [(from, -cents), (self.account(order), cents)]
    }
}

impl Desk<'_> {
    /// In which way the money is to come that a word stands for.
    pub(super) fn word_is_for(&self, order: &Order) -> WalletType {
        let paid = order.paid.as_ref();
        paid.map_or(self.rules.wallet_types[0], |paid| paid.from)
    }

    /// What an order brings from now on, where `amount` is `from` what was received.
    fn paid(&self, order: &Order, amount: Amount, from: WalletType) -> Paid {
        let wallet = match &order.paid {
            Some(before) => before.wallet,
            None => self
                .wallet_in(order.currency)
                .map(|wallet| wallet.opened.number),
        };
        Paid {
            amount,
            from,
            wallet,
        }
    }

    /// The payment is the order's, and its money goes where the order's goes.
    pub(super) fn pay(&self, order: &Order, mut payment: ReceivedPayment) -> Settlement {
        payment.state = PaymentState::Matched(Claimant::Order(order.reference.clone()));
        // What earlier versions settled by word does not say what has moved: it stays as it is.
        let is_known = order.state == OrderState::Pending || order.paid.is_some();
        let paid = is_known.then(|| self.paid(order, payment.amount, payment.wallet_type));
        let postings = paid.as_ref().map(|paid| self.postings(order, paid));
        let utr = payment.reference.as_str().parse().ok();
        let settled = Order {
            payment: Some(payment.key()),
            utr: utr.or_else(|| order.utr.clone()),
            ..succeeded(order, paid, self.now)
        };
        Settlement {
            postings: postings.unwrap_or_default(),
            order: Some(settled),
            ..Settlement::without(payment)
        }
    }

    /// What moves where the order is to have brought `paid` instead of what it has so far.
    fn postings(&self, order: &Order, paid: &Paid) -> Vec<Posting> {
        let legs = moved(order, paid).into_iter();
        let posting = |(account, cents)| {
            let link = match account {
                AccountRef::Player(_) => self.wallet.map(|row| Link {
                    previous: row.last,
                    balance_after: shifted(row.balance, cents)
                        .expect("there is room, as was seen before"),
                }),
                _ => None,
            };
            Posting {
                account,
                currency: order.currency,
                cents,
                link,
            }
        };
        legs.map(posting).collect()
    }

    /// Whether the user's wallet allows that.
    fn allows(&self, order: &Order, paid: &Paid) -> Result<(), OrderRefusal> {
        let legs = moved(order, paid);
        let in_wallet =
            |(account, _): &&(AccountRef, i64)| matches!(account, AccountRef::Player(_));
        let wallet = self.wallet.zip(legs.iter().find(in_wallet));
        match wallet {
            Some((row, (_, cents))) if shifted(row.balance, *cents).is_none() => {
                Err(if *cents < 0 {
                    OrderRefusal::InsufficientFunds
                } else {
                    OrderRefusal::BalanceOutOfRange
                })
            }
            _ => Ok(()),
        }
    }

    /// An operator says that an order is paid: by `payment`, whatever its amount and whatever else
    /// there is about it, or by word alone. Of one that is paid by word, which payment that was.
    ///
    /// # Errors
    /// [`OrderRefusal::NotPending`] unless it is pending, expired or paid by word;
    /// [`OrderRefusal::PaymentUnknown`], [`OrderRefusal::PaymentTaken`],
    /// [`OrderRefusal::OtherCurrency`], [`OrderRefusal::InsufficientFunds`],
    /// [`OrderRefusal::BalanceOutOfRange`].
    pub fn decide_approval(
        &self,
        order: &Order,
        utr: Option<&Utr>,
        payment: Option<&ReceivedPayment>,
    ) -> Result<Record, OrderRefusal> {
        let by_word = order.is_paid_by_word();
        if order.state != OrderState::Pending && !by_word {
            return Err(OrderRefusal::NotPending);
        }
        let settled = match payment {
            None if by_word && utr.is_some() => return Err(OrderRefusal::PaymentUnknown),
            None if by_word => return Err(OrderRefusal::NotPending),
            None => self.approve_by_word(order, utr)?,
            Some(payment) => self.approve_by(order, payment)?,
        };
        Ok(Record {
            by: Actor::Operator,
            kind: RecordKind::OrderApproved,
            postings: settled.postings.clone(),
            documents: settled.documents().collect(),
        })
    }

    fn approve_by(
        &self,
        order: &Order,
        payment: &ReceivedPayment,
    ) -> Result<Settlement, OrderRefusal> {
        if matches!(payment.state, PaymentState::Matched(_)) {
            return Err(OrderRefusal::PaymentTaken);
        }
        // Who asks for an order's state is told an amount and no currency.
        if payment.currency != order.currency {
            return Err(OrderRefusal::OtherCurrency);
        }
        let is_exact =
            (payment.amount, payment.wallet_type) == (order.amount, self.word_is_for(order));
        if order.is_paid_by_word() && order.paid.is_none() && !is_exact {
            return Err(OrderRefusal::NotPending);
        }
        let paid = self.paid(order, payment.amount, payment.wallet_type);
        self.allows(order, &paid)?;
        Ok(self.pay(order, payment.clone()))
    }

    fn approve_by_word(
        &self,
        order: &Order,
        utr: Option<&Utr>,
    ) -> Result<Settlement, OrderRefusal> {
        let paid = self.paid(order, order.amount, self.rules.wallet_types[0]);
        self.allows(order, &paid)?;
        let postings = self.postings(order, &paid);
        let named = Order {
            utr: utr.or(order.utr.as_ref()).cloned(),
            ..succeeded(order, Some(paid), self.now)
        };
        Ok(Settlement {
            postings,
            payment: None,
            order: Some(named),
            gateway: Vec::new(),
        })
    }
}

/// What moves where an order is to have brought `paid` instead of what it has so far.
fn moved(order: &Order, paid: &Paid) -> Vec<(AccountRef, i64)> {
    let before = order.paid.iter().flat_map(|paid| paid.legs(order));
    instead(before, paid.legs(order))
}

/// What moves where `after` is to have moved instead of `before`: each account once, and those alone
/// that something moves on.
pub(super) fn instead(
    before: impl IntoIterator<Item = (AccountRef, i64)>,
    after: impl IntoIterator<Item = (AccountRef, i64)>,
) -> Vec<(AccountRef, i64)> {
    let back = before.into_iter().map(|(account, cents)| (account, -cents));
    let mut legs: Vec<(AccountRef, i64)> = Vec::new();
    for (account, cents) in after.into_iter().chain(back) {
        match legs.iter_mut().find(|leg| leg.0 == account) {
            Some(leg) => leg.1 += cents,
            None => legs.push((account, cents)),
        }
    }
    legs.retain(|(_, cents)| *cents != 0);
    legs
}

fn shifted(balance: Amount, cents: i64) -> Option<Amount> {
    let magnitude = Amount::from_cents(cents.unsigned_abs())?;
    match cents < 0 {
        true => balance.minus(magnitude),
        false => balance.plus(magnitude),
    }
}

fn succeeded(order: &Order, paid: Option<Paid>, now: Timestamp) -> Order {
    let state_at = match order.state {
        OrderState::Success => order.state_at,
        _ => now,
    };
    Order {
        state: OrderState::Success,
        state_at,
        paid,
        ..order.clone()
    }
}
