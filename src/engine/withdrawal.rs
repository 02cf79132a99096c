//! Withdrawals: what merchants have paid out to their payers, by an operator's word
//! (paykassma-api.md, Withdrawals and Small print).
//!
//! The money leaves the merchant's account with the request; the word sends it on or back. One that
//! is a test goes the whole way and moves nothing.

use serde::{Deserialize, Serialize};

use super::document::{Document, Partner};
use super::entry::{AccountRef, Actor, Posting, Record, RecordKind};
use super::gateway::{GatewayDocument, GatewayKey, Kept, List, Mark};
use super::merchant::{Holder, MerchantMove, leg, minus};
use super::postback::Telling;
use super::refusal::WithdrawalRefusal;
use crate::id::{
    GatewayText, Label, PartnerNumber, PostbackName, Reason, RequestSignature, Seq, WalletType,
    WithdrawalId,
};
use crate::money::{Amount, Currency, Sum};
use crate::time::Timestamp;

/// A withdrawal to be taken down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewWithdrawal {
    /// The merchant's name for it; without one the signature stands in for it, for ever.
    pub id: Option<WithdrawalId>,
    /// The name that it gets where the merchant gave none: what nobody can guess.
    pub made: WithdrawalId,
    /// The signature of the request, which was found right.
    pub signature: RequestSignature,
    /// What is asked for.
    pub asked: Asked,
}

/// What a merchant asks for: all that makes two requests under one name the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// The payment system to pay out by.
    pub wallet_type: WalletType,
    /// How much; never zero.
    pub amount: Amount,
    /// In which currency.
    pub currency: Currency,
    /// Whom it is for, in the merchant's words.
    pub label: Label,
    /// Whether it moves no money.
    #[serde(default)]
    pub is_test: bool,
    /// The merchant's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<GatewayText>,
    /// Whereto.
    #[serde(default)]
    pub details: PayoutDetails,
    /// What the old form says besides, where it was used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old_form: Option<OldForm>,
}

macro_rules! details {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// Where a withdrawal goes: what of it is required stands in the catalogue.
        #[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
        #[serde(default)]
        pub struct PayoutDetails {
            $(
                $(#[$doc])*
                #[serde(skip_serializing_if = "Option::is_none")]
                pub $name: Option<GatewayText>,
            )*
        }

        impl PayoutDetails {
            /// Each that was said, by its member's own name.
            pub fn said(&self) -> impl Iterator<Item = (&'static str, &GatewayText)> {
                let all = [$((stringify!($name), &self.$name)),*];
                all.into_iter().filter_map(|(name, text)| Some((name, text.as_ref()?)))
            }
        }
    };
}

details! {
    /// `account_number`.
    account_number,
    /// `account_name`.
    account_name,
    /// `account_email`; `email` of the old form.
    account_email,
    /// `receiver_name`.
    receiver_name,
    /// `payments_details.payments_method`.
    payments_method,
    /// `payments_details.payments_provider`.
    payments_provider,
    /// `bank_details.bank_code`.
    bank_code,
    /// `bank_details.branch_code`.
    branch_code,
    /// `bank_details.bank_code_in_payments_system`.
    bank_code_in_payments_system,
    /// `account_type`.
    account_type,
    /// `document_type`.
    document_type,
    /// `document_id`.
    document_id,
    /// `account_digit`.
    account_digit,
    /// `iban`.
    iban,
    /// `type`, as text.
    kind,
}

/// What the old form of a withdrawal says besides (paykassma-api.md, Withdrawals, *old*). Its
/// `wallet_recipient` is the label.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OldForm {
    /// `wallet_sender`.
    pub wallet_sender: GatewayText,
}

/// A withdrawal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withdrawal {
    /// The merchant.
    pub partner: PartnerNumber,
    /// Its name, unique per merchant for ever.
    pub id: WithdrawalId,
    /// Whether the merchant gave none, so that it must be told.
    #[serde(default)]
    pub id_made: bool,
    /// The request's signature.
    pub signature: RequestSignature,
    /// What was asked for.
    pub asked: Asked,
    /// What has become of it.
    pub state: WithdrawalState,
    /// The operator's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Reason>,
}

/// What has become of a withdrawal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WithdrawalState {
    /// It waits for an operator.
    Processing,
    /// It was paid out.
    Processed,
    /// It was not.
    Rejected,
}

impl WithdrawalState {
    /// All of them.
    pub const ALL: [WithdrawalState; 3] = [
        WithdrawalState::Processing,
        WithdrawalState::Processed,
        WithdrawalState::Rejected,
    ];

    /// The word for operators (operations.md, `withdrawal list`).
    pub fn name(self) -> &'static str {
        match self {
            WithdrawalState::Processing => "processing",
            WithdrawalState::Processed => "processed",
            WithdrawalState::Rejected => "rejected",
        }
    }
}

/// That a request was accepted under a signature: for ever, since a repeated request must not pay
/// twice. Names of members are not signed, so that a request could come again with its
/// `withdrawal_id` under another name: this is kept of those that bear one, too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedRequest {
    /// The merchant.
    pub partner: PartnerNumber,
    /// The signature.
    pub signature: RequestSignature,
    /// What was accepted.
    pub withdrawal: WithdrawalId,
}

impl Withdrawal {
    /// The name that a merchant's withdrawal is found by.
    pub fn key_of(partner: PartnerNumber, id: &WithdrawalId) -> GatewayKey {
        let key = GatewayKey::of::<Withdrawal>().partner(partner);
        key.text(id.as_str())
    }

    /// What a postback that tells of it is named by.
    pub fn postback_name(&self) -> PostbackName {
        let name = self.id.as_str().parse();
        name.expect("a withdrawal's id is a line of at most 36 characters")
    }

    /// What a postback tells as its comment: the operator's words, else the request's.
    pub fn comment(&self) -> &str {
        let (note, comment) = (self.note.as_ref(), self.asked.comment.as_ref());
        let note = note.map(Reason::as_str);
        note.or(comment.map(GatewayText::as_str)).unwrap_or("")
    }
}

impl Kept for Withdrawal {
    fn key(&self) -> GatewayKey {
        Withdrawal::key_of(self.partner, &self.id)
    }

    fn marks(&self, created: Seq) -> Vec<Mark> {
        let list = Mark::of::<Withdrawal>;
        let mut marks = vec![
            list(List::All).created(created),
            list(List::OfPartner).partner(self.partner).created(created),
        ];
        if self.state == WithdrawalState::Processing {
            marks.push(list(List::Open).created(created));
        }
        marks
    }

    fn step(&self) -> Option<u8> {
        match self.state {
            WithdrawalState::Processing => Some(0),
            WithdrawalState::Processed | WithdrawalState::Rejected => Some(1),
        }
    }
}

impl SignedRequest {
    /// The name of what was accepted under a signature.
    pub fn key_of(partner: PartnerNumber, signature: &RequestSignature) -> GatewayKey {
        let key = GatewayKey::of::<SignedRequest>().partner(partner);
        key.text(signature.as_str())
    }
}

impl Kept for SignedRequest {
    fn key(&self) -> GatewayKey {
        SignedRequest::key_of(self.partner, &self.signature)
    }
}

/// What a withdrawal that is not refused comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WithdrawalVerdict {
    /// It is to be taken down.
    Accepted(Record),
    /// It was, under this name, and the first answer is given again.
    Repeated(WithdrawalId),
}

impl NewWithdrawal {
    /// The withdrawal that is asked for again, if this was asked for before. `named` is the one
    /// under its name, `signed` the one that was accepted under its signature.
    ///
    /// # Errors
    /// Its name or its signature belongs to another request.
    pub fn repeats<'a>(
        &self,
        (named, signed): (Option<&'a Withdrawal>, Option<&'a Withdrawal>),
    ) -> Result<Option<&'a Withdrawal>, WithdrawalRefusal> {
        let before = match self.id {
            Some(_) => named,
            None => signed,
        };
        match before {
            Some(before) if before.asked == self.asked && before.id_made == self.id.is_none() => {
                Ok(Some(before))
            }
            Some(_) if self.id.is_some() => Err(WithdrawalRefusal::IdUsed),
            Some(_) => Err(WithdrawalRefusal::SignatureUsed),
            None if signed.is_some() => Err(WithdrawalRefusal::SignatureUsed),
            None => Ok(None),
        }
    }
}

/// Judges a request, beside what [`NewWithdrawal::repeats`] asks for. `holder` is what the merchant
/// has.
///
/// # Errors
/// [`WithdrawalRefusal`]: then neither name nor signature is used up.
pub fn decide_withdrawal(
    new: &NewWithdrawal,
    partner: &Partner,
    before: (Option<&Withdrawal>, Option<&Withdrawal>),
    holder: &Holder,
) -> Result<WithdrawalVerdict, WithdrawalRefusal> {
    let asked = &new.asked;
    if let Some(before) = new.repeats(before)? {
        return Ok(WithdrawalVerdict::Repeated(before.id.clone()));
    }
    let withdrawal = Withdrawal {
        partner: partner.number,
        id: new.id.clone().unwrap_or_else(|| new.made.clone()),
        id_made: new.id.is_none(),
        signature: new.signature.clone(),
        asked: asked.clone(),
        state: WithdrawalState::Processing,
        note: None,
    };
    let request = SignedRequest {
        partner: partner.number,
        signature: new.signature.clone(),
        withdrawal: withdrawal.id.clone(),
    };
    let mut documents = vec![withdrawal.into(), request.into()];
    let mut postings = Vec::new();
    if !asked.is_test {
        let amount = Sum::from(asked.amount);
        let held = holder.balance(asked.currency);
        if partner.settings.check_withdrawal_funds && held < amount {
            return Err(WithdrawalRefusal::InsufficientBalance);
        }
        let of = (asked.wallet_type, asked.currency);
        let moved = holder.decide_move(partner.number, of, minus(asked.amount));
        let moved = moved.map_err(|_| WithdrawalRefusal::BalanceOutOfRange)?;
        let payouts = AccountRef::Payouts(asked.wallet_type);
        postings = vec![moved.posting, leg(payouts, asked.currency, amount)];
        documents.extend(moved.documents);
    }
    let record = (RecordKind::WithdrawalCreated, Actor::Partner);
    Ok(WithdrawalVerdict::Accepted(taken_down(
        record, postings, documents,
    )))
}

fn taken_down(
    (kind, by): (RecordKind, Actor),
    postings: Vec<Posting>,
    documents: Vec<GatewayDocument>,
) -> Record {
    let documents = documents.into_iter();
    Record {
        by,
        kind,
        postings,
        documents: documents.map(Document::from).collect(),
    }
}

/// An operator's word on a withdrawal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WithdrawalWord {
    /// It was paid out.
    Approve(Option<Reason>),
    /// It is not paid out.
    Reject(Reason),
}

impl Withdrawal {
    /// The withdrawal after an operator's word; `None` where that was given already.
    ///
    /// # Errors
    /// [`WithdrawalRefusal::Decided`] where another was.
    pub fn after(&self, word: &WithdrawalWord) -> Result<Option<Withdrawal>, WithdrawalRefusal> {
        let (state, note) = match word {
            WithdrawalWord::Approve(note) => (WithdrawalState::Processed, note.clone()),
            WithdrawalWord::Reject(reason) => (WithdrawalState::Rejected, Some(reason.clone())),
        };
        match self.state {
            WithdrawalState::Processing => Ok(Some(Withdrawal {
                state,
                note,
                ..self.clone()
            })),
            before if before == state => Ok(None),
            WithdrawalState::Processed | WithdrawalState::Rejected => {
                Err(WithdrawalRefusal::Decided(self.state))
            }
        }
    }
}

/// Makes an operator's word so: the money goes on or back, and the merchant is told. `decided` is
/// what [`Withdrawal::after`] gave.
///
/// # Errors
/// [`WithdrawalRefusal::BalanceOutOfRange`].
pub fn decide_on_withdrawal(
    decided: &Withdrawal,
    holder: &Holder,
    telling: Telling,
    now: Timestamp,
) -> Result<Record, WithdrawalRefusal> {
    let Withdrawal { partner, asked, .. } = decided;
    let is_paid = decided.state == WithdrawalState::Processed;
    let kind = match is_paid {
        true => RecordKind::WithdrawalApproved,
        false => RecordKind::WithdrawalRejected,
    };
    let mut documents = vec![GatewayDocument::from(decided.clone())];
    let mut postings = Vec::new();
    if !asked.is_test {
        let (wallet_type, currency) = (asked.wallet_type, asked.currency);
        let payouts = AccountRef::Payouts(wallet_type);
        postings.push(leg(payouts, currency, minus(asked.amount)));
        let amount = Sum::from(asked.amount);
        if is_paid {
            let paid_out = AccountRef::PaidOut(wallet_type);
            postings.push(leg(paid_out, currency, amount));
        } else {
            let back = holder.decide_move(*partner, (wallet_type, currency), amount);
            let MerchantMove {
                posting,
                documents: account,
            } = back.map_err(|_| WithdrawalRefusal::BalanceOutOfRange)?;
            postings.push(posting);
            documents.extend(account);
        }
    }
    documents.extend(telling.documents(now));
    Ok(taken_down((kind, Actor::Operator), postings, documents))
}

#[cfg(test)]
mod tests {
    use super::super::world::World;
    use super::*;

    fn new(id: Option<&str>, signature: char, cents: u64) -> NewWithdrawal {
        let signature = signature.to_string().repeat(40);
        NewWithdrawal {
            id: id.map(|id| id.parse().unwrap()),
            made: "made".parse().unwrap(),
            signature: signature.parse().unwrap(),
            asked: Asked {
                wallet_type: "upi_ib".parse().unwrap(),
                amount: Amount::from_cents(cents).unwrap(),
                currency: "INR".parse().unwrap(),
                label: "55".parse().unwrap(),
                is_test: false,
                comment: None,
                details: PayoutDetails::default(),
                old_form: None,
            },
        }
    }

    /// A merchant with so many cents in another wallet type.
    fn holder(cents: i64) -> Holder {
        let account = super::super::merchant::MerchantAccount {
            partner: PartnerNumber(1),
            wallet_type: "nagad".parse().unwrap(),
            currency: "INR".parse().unwrap(),
            cents,
            previous: Seq::NONE,
        };
        Holder {
            accounts: vec![(account, Seq(5))],
        }
    }

    fn accepted(new: &NewWithdrawal) -> Withdrawal {
        let world = World::new();
        let verdict = decide_withdrawal(new, &world.partner, (None, None), &holder(1000));
        let Ok(WithdrawalVerdict::Accepted(record)) = verdict else {
            panic!("{verdict:?}");
        };
        let Document::Gateway(document) = &record.documents[0] else {
            panic!("{record:?}");
        };
        let GatewayDocument::Withdrawal(withdrawal) = &**document else {
            panic!("{record:?}");
        };
        withdrawal.clone()
    }

    #[test]
    fn those_that_wait_for_an_operator_stand_in_a_list_of_their_own() {
        let open = Mark::of::<Withdrawal>(List::Open).created(Seq(7));
        let mut withdrawal = accepted(&new(Some("a"), 'a', 100));
        for state in WithdrawalState::ALL {
            withdrawal.state = state;
            let is_open = withdrawal.marks(Seq(7)).contains(&open);
            assert_eq!(is_open, state == WithdrawalState::Processing, "{state:?}");
        }
    }

    #[test]
    fn all_wallet_types_of_a_currency_together_are_enough_unless_nobody_asks() {
        let mut world = World::new();
        let ask = |world: &World, cents, held, is_test| {
            let mut new = new(Some("a"), 'a', cents);
            new.asked.is_test = is_test;
            decide_withdrawal(&new, &world.partner, (None, None), &holder(held))
        };
        let moved = |verdict| match verdict {
            Ok(WithdrawalVerdict::Accepted(record)) => {
                let cents = record.postings.iter().map(|leg| leg.cents);
                assert_eq!(cents.clone().sum::<i64>(), 0);
                cents.collect::<Vec<_>>()
            }
            other => panic!("{other:?}"),
        };
        let poor = Err(WithdrawalRefusal::InsufficientBalance);
        assert_eq!(moved(ask(&world, 1000, 1000, false)), [-1000, 1000]);
        assert_eq!(ask(&world, 1001, 1000, false), poor);
        assert_eq!(ask(&world, 1, -5, false), poor);
        assert!(moved(ask(&world, 1001, 1000, true)).is_empty());
        world.partner.settings.check_withdrawal_funds = false;
        assert_eq!(moved(ask(&world, 1001, 1000, false)), [-1001, 1001]);
    }

    #[test]
    fn a_name_or_without_one_the_signature_is_used_once() {
        let world = World::new();
        let (with, without) = (new(Some("a"), 'a', 10), new(None, 'b', 10));
        let (named, made) = (accepted(&with), accepted(&without));
        assert_eq!((named.id.as_str(), made.id.as_str()), ("a", "made"));
        let ask = |new: &NewWithdrawal, named, signed| {
            decide_withdrawal(new, &world.partner, (named, signed), &holder(0))
        };
        let repeated = |of: &Withdrawal| Ok(WithdrawalVerdict::Repeated(of.id.clone()));
        assert_eq!(ask(&with, Some(&named), Some(&named)), repeated(&named));
        // A key was exchanged meanwhile.
        assert_eq!(ask(&with, Some(&named), None), repeated(&named));
        assert_eq!(ask(&without, None, Some(&made)), repeated(&made));
        let other = new(Some("a"), 'c', 11);
        let used = Err(WithdrawalRefusal::IdUsed);
        assert_eq!(ask(&other, Some(&named), None), used);
        let used = Err(WithdrawalRefusal::SignatureUsed);
        assert_eq!(ask(&new(None, 'b', 11), None, Some(&made)), used);
        // Its name was moved to where no name stands, which the signature does not tell.
        assert_eq!(ask(&new(None, 'a', 10), None, Some(&named)), used);
        assert_eq!(ask(&new(Some("b"), 'a', 10), None, Some(&named)), used);
    }

    #[test]
    fn a_word_is_given_once_and_moves_the_money_on_or_back() {
        let withdrawal = accepted(&new(Some("a"), 'a', 700));
        let reason: Reason = "no such account".parse().unwrap();
        let approve = WithdrawalWord::Approve(None);
        let reject = WithdrawalWord::Reject(reason);
        let telling = || Telling {
            of: super::super::postback::PostbackOf {
                partner: withdrawal.partner,
                kind: super::super::postback::PostbackKind::Withdrawal,
                name: withdrawal.postback_name(),
            },
            body: "{}".into(),
            deposits: Vec::new(),
            has_url: true,
        };
        for (word, other, to) in [
            (&approve, &reject, "paid-out/upi_ib"),
            (&reject, &approve, "merchant/p1/upi_ib"),
        ] {
            let decided = withdrawal.after(word).unwrap().unwrap();
            assert_eq!(decided.after(word), Ok(None));
            let refused = Err(WithdrawalRefusal::Decided(decided.state));
            assert_eq!(decided.after(other), refused);
            let now = Timestamp::EPOCH;
            let record = decide_on_withdrawal(&decided, &holder(0), telling(), now).unwrap();
            let legs = record.postings.iter().map(|leg| {
                let (name, _) = leg.account.named().unwrap();
                (name, leg.cents)
            });
            let legs: Vec<_> = legs.collect();
            assert_eq!(legs, [("payouts/upi_ib".into(), -700), (to.into(), 700)]);
        }
        let rejected = withdrawal.after(&reject).unwrap().unwrap();
        assert_eq!(rejected.comment(), "no such account");
    }
}
