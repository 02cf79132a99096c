//! Deposits of merchants' payers: what becomes of them, and under what they are kept
//! (paykassma-api.md, Deposits and Small print). How they come by their money stands in
//! [`super::activation`].

use serde::{Deserialize, Serialize};

use super::document::{Partner, ReceivedPayment, WaitReason};
use super::gateway::{GatewayKey, Kept, List, Mark};
use super::hosted::Hosted;
use super::payment::PaymentKey;
use super::postback::{Delivery, Postback};
use crate::id::{
    DepositReference, GatewayText, Label, PartnerNumber, PaymentDetail, PaymentReference,
    PostbackName, Reason, Seq, WalletType,
};
use crate::money::{Amount, Currency};
use crate::time::Timestamp;

/// A deposit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deposit {
    /// What operators know it by.
    pub reference: DepositReference,
    /// The merchant.
    pub partner: PartnerNumber,
    /// In which payment system.
    pub wallet_type: WalletType,
    /// In which currency.
    pub currency: Currency,
    /// Who pays, in the merchant's words.
    pub label: Label,
    /// The merchant's name for it, unique per merchant for ever.
    pub custom_transaction_id: GatewayText,
    /// Whether that name was left for the label, and not said with the deposit.
    #[serde(default)]
    pub id_was_left: bool,
    /// The transaction number that the payer got, unique per wallet type over all merchants; `None`
    /// while its page waits for it.
    pub key1: Option<PaymentReference>,
    /// How much the merchant says that was paid, where it says so; never zero.
    pub amount: Option<Amount>,
    /// How it came.
    pub way: Way,
    /// When nobody waits for its payment any more.
    pub expires_at: Timestamp,
    /// What has become of it, but for its expiry.
    pub state: DepositState,
    /// What it brought, once it did.
    #[serde(default)]
    pub activated: Option<Activated>,
    /// The postback that tells of it, once one does.
    #[serde(default)]
    pub told: Option<PostbackName>,
    /// The operator's words.
    #[serde(default)]
    pub note: Option<Reason>,
    /// What its page shows, where it has one.
    #[serde(default)]
    pub hosted: Option<Hosted>,
}

/// How a deposit came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// By the payer's transaction number.
    Code,
    /// By hand: an operator decides, who may be shown a picture of the payment.
    Hand {
        /// The picture, in the attachments.
        screenshot: Option<Screenshot>,
    },
}

/// A picture of a payment (design.md, Entry: attachments).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Screenshot {
    /// Its hash: the name of its file.
    pub hash: String,
    /// `image/png`, `image/jpeg` or `application/pdf`.
    pub media_type: String,
}

/// What has become of a deposit. That it has waited too long time says, not its document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DepositState {
    /// Its payer has not named the payment yet.
    Open,
    /// Its payment may still come.
    Possible,
    /// An operator must decide.
    Waiting(WaitReason),
    /// It is activated, and saved up until there is enough.
    Saved,
    /// The merchant has it.
    Credited,
    /// An operator has said no.
    Rejected,
}

/// What a deposit brought.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activated {
    /// When.
    pub at: Timestamp,
    /// What was received.
    pub amount: Amount,
    /// In which currency.
    pub currency: Currency,
    /// Whether its received payment is known; otherwise an operator's word stands for it.
    pub by_payment: bool,
    /// What an operator's word had brought before, where a received payment has taken its place.
    #[serde(default)]
    pub word: Option<Amount>,
    /// Who paid.
    #[serde(default)]
    pub payer: Option<PaymentDetail>,
    /// What was said beside.
    #[serde(default)]
    pub note: Option<PaymentDetail>,
    /// What it was saved up or credited under.
    pub stockpiling_id: u64,
}

/// A deposit's state as outsiders see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DepositSeen {
    /// Its payer has not named the payment yet.
    Open,
    /// Its payment may still come.
    Possible,
    /// It waited too long.
    Expired,
    /// An operator must decide.
    Waiting,
    /// It is saved up.
    Saved,
    /// The merchant has it.
    Credited,
    /// An operator has said no.
    Rejected,
}

impl DepositSeen {
    /// All of them.
    pub const ALL: [DepositSeen; 7] = [
        DepositSeen::Open,
        DepositSeen::Possible,
        DepositSeen::Expired,
        DepositSeen::Waiting,
        DepositSeen::Saved,
        DepositSeen::Credited,
        DepositSeen::Rejected,
    ];

    /// The word for operators (operations.md, `deposit list`).
    pub fn name(self) -> &'static str {
        match self {
            DepositSeen::Open => "open",
            DepositSeen::Possible => "possible",
            DepositSeen::Expired => "expired",
            DepositSeen::Waiting => "waiting",
            DepositSeen::Saved => "saved",
            DepositSeen::Credited => "credited",
            DepositSeen::Rejected => "rejected",
        }
    }
}

impl Deposit {
    /// The name that it is found by.
    pub fn key_of(reference: &DepositReference) -> GatewayKey {
        GatewayKey::of::<Deposit>().text(reference.as_str())
    }

    /// Its state.
    pub fn seen(&self, now: Timestamp) -> DepositSeen {
        match self.state {
            DepositState::Open | DepositState::Possible if now >= self.expires_at => {
                DepositSeen::Expired
            }
            DepositState::Open => DepositSeen::Open,
            DepositState::Possible => DepositSeen::Possible,
            DepositState::Waiting(_) => DepositSeen::Waiting,
            DepositState::Saved => DepositSeen::Saved,
            DepositState::Credited => DepositSeen::Credited,
            DepositState::Rejected => DepositSeen::Rejected,
        }
    }

    /// Whether it may still come to something without a new request.
    pub fn is_open(&self, now: Timestamp) -> bool {
        let seen = self.seen(now);
        matches!(
            seen,
            DepositSeen::Open | DepositSeen::Possible | DepositSeen::Waiting
        )
    }

    /// What it has brought by an operator's word, where its payment is not known yet.
    pub fn by_word(&self) -> Option<&Activated> {
        self.activated.as_ref().filter(|of| !of.by_payment)
    }

    /// Whether it is activated, and its payment is not known yet.
    pub fn lacks_payment(&self) -> bool {
        self.by_word().is_some()
    }

    /// What its money would be saved up in, where it comes in a currency.
    pub fn savings_in(&self, currency: Currency) -> SavingsOf {
        SavingsOf {
            partner: self.partner,
            label: self.label.clone(),
            wallet_type: self.wallet_type,
            currency,
        }
    }

    /// The name of its payment, once it is known.
    pub fn payment(&self) -> Option<PaymentKey> {
        self.key1.clone().map(|key1| (self.wallet_type, key1))
    }

    /// The name of its picture in the attachments.
    pub fn attachment(&self) -> Option<&str> {
        match &self.way {
            Way::Hand {
                screenshot: Some(screenshot),
            } => Some(&screenshot.hash),
            _ => None,
        }
    }

    /// Whether this is its payment's number.
    pub fn names(&self, payment: &ReceivedPayment) -> bool {
        (self.wallet_type, self.key1.as_ref()) == (payment.wallet_type, Some(&payment.reference))
    }

    /// What a postback is named by that it brings about.
    pub fn postback_name(&self) -> PostbackName {
        let name = self.custom_transaction_id.as_str().parse();
        name.expect("both are lines of at most 255 characters")
    }
}

impl Kept for Deposit {
    fn key(&self) -> GatewayKey {
        Deposit::key_of(&self.reference)
    }

    fn marks(&self, created: Seq) -> Vec<Mark> {
        let list = Mark::of::<Deposit>;
        let mut marks = vec![
            list(List::All).created(created),
            list(List::OfPartner).partner(self.partner).created(created),
        ];
        if matches!(self.state, DepositState::Waiting(_)) {
            marks.push(list(List::Open).created(created));
        }
        marks
    }

    /// It may be credited by an operator's word first, and find its payment later.
    fn step(&self) -> Option<u8> {
        let step = match self.state {
            DepositState::Open => 0,
            DepositState::Possible => 1,
            DepositState::Waiting(_) => 2,
            DepositState::Saved => 3,
            DepositState::Credited | DepositState::Rejected => 5,
        };
        let has_payment = self.activated.as_ref().is_some_and(|of| of.by_payment);
        Some(step + u8::from(has_payment))
    }
}

/// Which deposit a merchant means by a custom_transaction_id: for ever.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DepositNamed {
    /// The merchant.
    pub partner: PartnerNumber,
    /// Its name for it.
    pub custom_transaction_id: GatewayText,
    /// The deposit.
    pub deposit: DepositReference,
}

impl DepositNamed {
    /// The name of what a merchant means.
    pub fn key_of(partner: PartnerNumber, id: &GatewayText) -> GatewayKey {
        let key = GatewayKey::of::<DepositNamed>().partner(partner);
        key.text(id.as_str())
    }
}

impl Kept for DepositNamed {
    fn key(&self) -> GatewayKey {
        DepositNamed::key_of(self.partner, &self.custom_transaction_id)
    }
}

/// Which deposit has used a payer's transaction number: for ever.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key1Used {
    /// In which payment system.
    pub wallet_type: WalletType,
    /// The number.
    pub key1: PaymentReference,
    /// The deposit.
    pub deposit: DepositReference,
}

impl Key1Used {
    /// The name of what has used a number.
    pub fn key_of(wallet_type: WalletType, key1: &PaymentReference) -> GatewayKey {
        let key = GatewayKey::of::<Key1Used>().text(wallet_type.as_str());
        key.text(key1.as_str())
    }
}

impl Kept for Key1Used {
    fn key(&self) -> GatewayKey {
        Key1Used::key_of(self.wallet_type, &self.key1)
    }
}

/// The name that a merchant left for a label's next deposit (paykassma-api.md,
/// `save-transaction-custom-id`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftId {
    /// The merchant.
    pub partner: PartnerNumber,
    /// Whose next deposit.
    pub label: Label,
    /// The name; none once it was used.
    pub id: Option<GatewayText>,
    /// The deposit with a page that used it: asked for again, it is found.
    #[serde(default)]
    pub deposit: Option<DepositReference>,
}

impl LeftId {
    /// The name of what was left for a label.
    pub fn key_of(partner: PartnerNumber, label: &Label) -> GatewayKey {
        let key = GatewayKey::of::<LeftId>().partner(partner);
        key.text(label.as_str())
    }
}

impl Kept for LeftId {
    fn key(&self) -> GatewayKey {
        LeftId::key_of(self.partner, &self.label)
    }

    fn step(&self) -> Option<u8> {
        None
    }
}

/// Whose savings, in what.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SavingsOf {
    /// The merchant.
    pub partner: PartnerNumber,
    /// Its payer.
    pub label: Label,
    /// In which payment system.
    pub wallet_type: WalletType,
    /// In which currency.
    pub currency: Currency,
}

/// Deposits below the minimum that wait to be credited together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Savings {
    /// Whose.
    pub of: SavingsOf,
    /// What they are told under.
    pub stockpiling_id: u64,
    /// What they come to.
    pub sum: Amount,
    /// The deposits, in their order; none after they were credited.
    pub deposits: Vec<DepositReference>,
}

impl Savings {
    /// The name of somebody's savings.
    pub fn key_of(of: &SavingsOf) -> GatewayKey {
        let key = GatewayKey::of::<Savings>().partner(of.partner);
        let key = key.text(of.wallet_type.as_str()).text(of.currency.as_str());
        key.text(of.label.as_str())
    }
}

impl Kept for Savings {
    fn key(&self) -> GatewayKey {
        Savings::key_of(&self.of)
    }

    fn step(&self) -> Option<u8> {
        None
    }
}

/// The last `stockpiling_id` that a merchant was told, or will be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stockpiles {
    /// The merchant.
    pub partner: PartnerNumber,
    /// The number.
    pub last: u64,
}

impl Stockpiles {
    /// The name of a merchant's last number.
    pub fn key_of(partner: PartnerNumber) -> GatewayKey {
        GatewayKey::of::<Stockpiles>().partner(partner)
    }
}

impl Kept for Stockpiles {
    fn key(&self) -> GatewayKey {
        Stockpiles::key_of(self.partner)
    }

    fn step(&self) -> Option<u8> {
        None
    }
}

/// Deposits that are credited together, as they are from then on: what one postback tells of.
#[derive(Clone, Copy, Debug)]
pub struct Credited<'a> {
    /// The merchant.
    pub partner: &'a Partner,
    /// All of it.
    pub amount: Amount,
    /// In which currency.
    pub currency: Currency,
    /// The deposits, at least one, the last of which has brought it about.
    pub deposits: &'a [Deposit],
    /// When.
    pub now: Timestamp,
}

/// What a merchant was told of a deposit, and of which others with it.
#[derive(Clone, Debug)]
pub struct ToldBefore {
    /// The postback.
    pub postback: Postback,
    /// How far the telling is.
    pub delivery: Delivery,
    /// The deposits, as they are.
    pub deposits: Vec<Deposit>,
}

/// Makes the bytes of a postback that tells of deposits: JSON, with its signature.
pub type TellOfDeposits<'a> = dyn Fn(&Credited<'_>) -> String + 'a;

#[cfg(test)]
mod tests {
    use super::*;

    fn deposit(state: DepositState) -> Deposit {
        Deposit {
            reference: "r1".parse().unwrap(),
            partner: PartnerNumber(1),
            wallet_type: "upi".parse().unwrap(),
            currency: "INR".parse().unwrap(),
            label: "55".parse().unwrap(),
            custom_transaction_id: "c1".parse().unwrap(),
            id_was_left: false,
            key1: Some("k1".parse().unwrap()),
            amount: None,
            way: Way::Code,
            expires_at: Timestamp::from_micros(5),
            state,
            activated: None,
            told: None,
            note: None,
            hosted: None,
        }
    }

    #[test]
    fn only_one_whose_payment_may_still_come_expires_and_that_at_its_time() {
        let waiting = DepositState::Waiting(WaitReason::ByHand);
        for (state, before, at) in [
            (
                DepositState::Possible,
                DepositSeen::Possible,
                DepositSeen::Expired,
            ),
            (waiting, DepositSeen::Waiting, DepositSeen::Waiting),
            (
                DepositState::Credited,
                DepositSeen::Credited,
                DepositSeen::Credited,
            ),
        ] {
            let deposit = deposit(state);
            assert_eq!(deposit.seen(Timestamp::from_micros(4)), before);
            assert_eq!(deposit.seen(Timestamp::from_micros(5)), at);
        }
    }

    #[test]
    fn those_that_wait_for_an_operator_stand_in_a_list_of_their_own() {
        let open = Mark::of::<Deposit>(List::Open).created(Seq(7));
        for (state, is_open) in [
            (DepositState::Possible, false),
            (DepositState::Waiting(WaitReason::ByHand), true),
            (DepositState::Saved, false),
            (DepositState::Credited, false),
            (DepositState::Rejected, false),
        ] {
            let marks = deposit(state).marks(Seq(7));
            assert_eq!(marks.contains(&open), is_open, "{state:?}");
        }
    }
}
