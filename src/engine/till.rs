//! What it takes to credit deposits, and how small ones are saved up until there is enough
//! (paykassma-api.md, Savings and Small print).

use super::deposit::{
    Activated, Credited, Deposit, DepositState, Savings, Stockpiles, TellOfDeposits, ToldBefore,
};
use super::document::{Partner, ReceivedPayment};
use super::entry::{AccountRef, Posting};
use super::gateway::GatewayDocument;
use super::merchant::{Holder, OutOfRange, leg, minus};
use super::postback::{PostbackKind, PostbackOf, Telling};
use super::refusal::DepositRefusal;
use crate::money::{Amount, Currency, Sum};
use crate::time::Timestamp;

/// How many deposits are saved up: with the last of them they are credited, though they are less
/// than the minimum. One postback, and one entry, holds no more.
pub const SAVED_MAX: usize = 100;

/// What it takes to credit a deposit, in one payment system and currency.
#[derive(Clone, Copy)]
pub struct Till<'a> {
    /// The merchant.
    pub partner: &'a Partner,
    /// What it holds.
    pub holder: &'a Holder,
    /// What the label has saved up in the currency.
    pub savings: Option<&'a Savings>,
    /// The deposits of that, in their order.
    pub saved: &'a [Deposit],
    /// The last number that the merchant's deposits were credited under.
    pub last_stockpile: u64,
    /// Below it deposits are saved up.
    pub minimum: Amount,
    /// What the merchant was told of the deposit, where it was told of it.
    pub told: Option<&'a ToldBefore>,
    /// Makes the postback.
    pub tell: &'a TellOfDeposits<'a>,
}

/// What a deposit has got: from a received payment, or by an operator's word.
pub(super) struct Got<'a> {
    pub(super) amount: Amount,
    pub(super) currency: Currency,
    pub(super) payment: Option<&'a ReceivedPayment>,
}

impl<'a> Got<'a> {
    /// What an operator's word brings: that of the payment, or else as much as the merchant said.
    ///
    /// # Errors
    /// [`DepositRefusal::AmountUnknown`].
    pub(super) fn approved(
        deposit: &Deposit,
        payment: Option<&'a ReceivedPayment>,
    ) -> Result<Got<'a>, DepositRefusal> {
        let said = deposit.amount.map(|amount| (amount, deposit.currency));
        let received = payment.map(|payment| (payment.amount, payment.currency));
        let (amount, currency) = received.or(said).ok_or(DepositRefusal::AmountUnknown)?;
        Ok(Got {
            amount,
            currency,
            payment,
        })
    }
}

/// What moves, and the documents that change.
pub(super) type Moved = (Vec<Posting>, Vec<GatewayDocument>);

impl Till<'_> {
    /// Activates a deposit: it is credited, with what was saved up if that is enough now, or saved
    /// up itself.
    ///
    /// # Errors
    /// The merchant's account would pass its limit.
    pub(super) fn activate(
        &self,
        deposit: &Deposit,
        got: &Got<'_>,
        now: Timestamp,
    ) -> Result<Moved, OutOfRange> {
        let savings = self.savings.filter(|savings| !savings.deposits.is_empty());
        let is_small = got.amount < self.minimum;
        // What is enough since the minimum was lowered, and nobody has looked at, goes along with
        // whatever comes next.
        let goes_on = savings.filter(|of| is_small || of.sum >= self.minimum);
        let stockpiling_id = goes_on.map_or(self.last_stockpile + 1, |of| of.stockpiling_id);
        let mut documents = Vec::new();
        if goes_on.is_none() {
            let last = Stockpiles {
                partner: deposit.partner,
                last: stockpiling_id,
            };
            documents.push(last.into());
        }
        let activated = Deposit {
            activated: Some(Activated {
                at: now,
                amount: got.amount,
                currency: got.currency,
                by_payment: got.payment.is_some(),
                word: None,
                payer: got.payment.and_then(|payment| payment.payer.clone()),
                note: got.payment.and_then(|payment| payment.note.clone()),
                stockpiling_id,
            }),
            ..deposit.clone()
        };
        let before = goes_on.map_or(Amount::ZERO, |savings| savings.sum);
        let sum = before.plus(got.amount).ok_or(OutOfRange)?;
        let count = goes_on.map_or(0, |savings| savings.deposits.len()) + 1;
        if is_small && sum < self.minimum && count < SAVED_MAX {
            documents.extend(saved_up(activated, goes_on, (sum, got.currency)));
            return Ok((Vec::new(), documents));
        }
        let mut together = match goes_on {
            Some(_) => self.saved.to_vec(),
            None => Vec::new(),
        };
        together.push(activated);
        let (postings, credited) = self.credit(together, (sum, got.currency), now)?;
        documents.extend(credited);
        if let Some(savings) = goes_on {
            documents.push(savings.spent().into());
        }
        Ok((postings, documents))
    }

    /// What is saved up is credited where it is enough, since the minimum was lowered. `None` where
    /// it is not.
    ///
    /// # Errors
    /// The merchant's account would pass its limit.
    pub(super) fn credit_saved(&self, now: Timestamp) -> Result<Option<Moved>, OutOfRange> {
        let enough = self.savings.filter(|of| of.are_enough(self.minimum));
        let Some(savings) = enough else {
            return Ok(None);
        };
        let of = (savings.sum, savings.of.currency);
        let (postings, mut documents) = self.credit(self.saved.to_vec(), of, now)?;
        documents.push(savings.spent().into());
        Ok(Some((postings, documents)))
    }

    /// The merchant gets the money of all of them, and one postback tells it.
    ///
    /// # Errors
    /// The merchant's account would pass its limit.
    pub(super) fn credit(
        &self,
        mut together: Vec<Deposit>,
        (amount, currency): (Amount, Currency),
        now: Timestamp,
    ) -> Result<Moved, OutOfRange> {
        let last = together.last().expect("at least one is credited");
        let (partner, name) = (last.partner, last.postback_name());
        let of = (last.wallet_type, currency);
        for deposit in &mut together {
            deposit.state = DepositState::Credited;
            deposit.told = Some(name.clone());
        }
        let moved = self.holder.decide_move(partner, of, Sum::from(amount))?;
        let received = leg(AccountRef::Received(of.0), currency, minus(amount));
        let telling = Telling {
            of: PostbackOf {
                partner,
                kind: PostbackKind::Deposit,
                name,
            },
            body: self.body(&together, (amount, currency), now),
            deposits: together.iter().map(|of| of.reference.clone()).collect(),
            has_url: self.has_url(),
        };
        let deposits = together.into_iter().map(GatewayDocument::from);
        let documents = deposits
            .chain(moved.documents)
            .chain(telling.documents(now));
        Ok((vec![received, moved.posting], documents.collect()))
    }

    /// The bytes that tell of them.
    pub(super) fn body(
        &self,
        deposits: &[Deposit],
        (amount, currency): (Amount, Currency),
        now: Timestamp,
    ) -> String {
        (self.tell)(&Credited {
            partner: self.partner,
            amount,
            currency,
            deposits,
            now,
        })
    }

    /// Whether there is anywhere to tell it.
    pub(super) fn has_url(&self) -> bool {
        PostbackKind::Deposit.url_of(self.partner).is_some()
    }
}

impl Savings {
    /// Whether there is anything, and no less than the minimum.
    pub fn are_enough(&self, minimum: Amount) -> bool {
        !self.deposits.is_empty() && self.sum >= minimum
    }

    /// The same once they are credited.
    pub(super) fn spent(&self) -> Savings {
        Savings {
            sum: Amount::ZERO,
            deposits: Vec::new(),
            ..self.clone()
        }
    }
}

/// A deposit that is saved up, and the savings with it.
fn saved_up(
    activated: Deposit,
    savings: Option<&Savings>,
    (sum, currency): (Amount, Currency),
) -> [GatewayDocument; 2] {
    let stockpiling_id = activated.activated.as_ref().map(|of| of.stockpiling_id);
    let mut deposits = savings.map_or_else(Vec::new, |savings| savings.deposits.clone());
    deposits.push(activated.reference.clone());
    let savings = Savings {
        of: activated.savings_in(currency),
        stockpiling_id: stockpiling_id.expect("it was activated a moment ago"),
        sum,
        deposits,
    };
    let deposit = Deposit {
        state: DepositState::Saved,
        ..activated
    };
    [deposit.into(), savings.into()]
}
