//! How what was received takes the place of an operator's word on a deposit (paykassma-api.md, Small
//! print: a mismatch that an operator approves credits the received amount).

use super::approval::instead;
use super::deposit::{Activated, Deposit, DepositState, Savings};
use super::document::ReceivedPayment;
use super::entry::AccountRef;
use super::merchant::{OutOfRange, leg};
use super::postback::put_right;
use super::refusal::DepositRefusal;
use super::till::{Moved, Till};
use crate::money::{Amount, Sum};
use crate::time::Timestamp;

impl From<OutOfRange> for DepositRefusal {
    fn from(_: OutOfRange) -> DepositRefusal {
        DepositRefusal::BalanceOutOfRange
    }
}

impl Deposit {
    /// The same where what was received stands for itself, and `word` no longer for it.
    pub(super) fn brought_by(&self, payment: &ReceivedPayment, word: &Activated) -> Deposit {
        Deposit {
            activated: Some(Activated {
                amount: payment.amount,
                by_payment: true,
                word: Some(word.amount),
                payer: payment.payer.clone(),
                note: payment.note.clone(),
                ..word.clone()
            }),
            ..self.clone()
        }
    }

    /// What has moved where it has brought so much.
    fn legs(&self, amount: Amount) -> [(AccountRef, i64); 2] {
        let cents = i64::try_from(amount.cents()).expect("an amount is at most 2^53-1");
        let merchant = AccountRef::Merchant(self.partner, self.wallet_type);
        [
            (AccountRef::Received(self.wallet_type), -cents),
            (merchant, cents),
        ]
    }
}

impl Till<'_> {
    /// The payment of a deposit that has brought `word` so far: the difference moves, and the
    /// merchant is told again what it was told otherwise. What is saved up becomes more or less,
    /// and is credited where that makes it enough.
    ///
    /// # Errors
    /// [`DepositRefusal::OtherCurrency`], [`DepositRefusal::ToldUnknown`],
    /// [`DepositRefusal::BalanceOutOfRange`].
    pub(super) fn join(
        &self,
        (deposit, word): (&Deposit, &Activated),
        payment: &ReceivedPayment,
        now: Timestamp,
    ) -> Result<Moved, DepositRefusal> {
        if payment.currency != word.currency {
            return Err(DepositRefusal::OtherCurrency);
        }
        let joined = deposit.brought_by(payment, word);
        if payment.amount == word.amount {
            return Ok((Vec::new(), vec![joined.into()]));
        }
        match self.savings.filter(|_| joined.state == DepositState::Saved) {
            Some(savings) => self.save_instead(joined, savings, now),
            None => self.credit_instead(joined, (word.amount, payment.amount), now),
        }
    }

    fn save_instead(
        &self,
        joined: Deposit,
        savings: &Savings,
        now: Timestamp,
    ) -> Result<Moved, DepositRefusal> {
        let others = self.saved.iter();
        let others = others.filter(|of| of.reference != joined.reference);
        let together: Vec<Deposit> = others.chain([&joined]).cloned().collect();
        let sum = sum_of(&together)?;
        if sum < self.minimum {
            let savings = Savings {
                sum,
                ..savings.clone()
            };
            return Ok((Vec::new(), vec![joined.into(), savings.into()]));
        }
        let (postings, mut documents) = self.credit(together, (sum, savings.of.currency), now)?;
        documents.push(savings.spent().into());
        Ok((postings, documents))
    }

    fn credit_instead(
        &self,
        joined: Deposit,
        (before, after): (Amount, Amount),
        now: Timestamp,
    ) -> Result<Moved, DepositRefusal> {
        let told = self.told.filter(|told| told.postback.may_be_put_right());
        let told = told.ok_or(DepositRefusal::ToldUnknown)?;
        let activated = joined.activated.as_ref().expect("it was credited");
        let of = (joined.wallet_type, activated.currency);
        let (mut postings, mut documents) = (Vec::new(), Vec::new());
        for (account, cents) in instead(joined.legs(before), joined.legs(after)) {
            if let AccountRef::Merchant(partner, _) = account {
                let moved = self.holder.decide_move(partner, of, Sum::from(cents))?;
                postings.push(moved.posting);
                documents.extend(moved.documents);
            } else {
                postings.push(leg(account, of.1, Sum::from(cents)));
            }
        }
        let now_told = told.deposits.iter().map(|of| match of {
            of if of.reference == joined.reference => joined.clone(),
            of => of.clone(),
        });
        let now_told: Vec<Deposit> = now_told.collect();
        let body = self.body(&now_told, (sum_of(&now_told)?, of.1), now);
        let before = (&told.postback, &told.delivery);
        documents.extend(put_right(before, body, self.has_url(), now));
        documents.push(joined.into());
        Ok((postings, documents))
    }
}

/// What deposits have brought together.
fn sum_of(deposits: &[Deposit]) -> Result<Amount, OutOfRange> {
    let amounts = deposits.iter().filter_map(|of| of.activated.as_ref());
    let mut amounts = amounts.map(|of| of.amount);
    amounts
        .try_fold(Amount::ZERO, |sum, amount| sum.plus(amount))
        .ok_or(OutOfRange)
}
