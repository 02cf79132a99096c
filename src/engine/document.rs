//! Documents: what explains money and is not money. Each stands whole in the entry that changes
//! it, as it is from then on.
//!
//! In entries documents are JSON text. A member added later has a default, so that every entry
//! ever written is read for ever; a member is never given another meaning.

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::deposit::Deposit;
use super::gateway::{GatewayDocument, OfKind};
use super::link::AuthLink;
use super::rotation::FormerSecrets;
use super::settings::PartnerSettings;
use crate::id::{
    AccountNumber, Code, DepositReference, Email, GameNumber, IdSpaceName, IdSpaceNumber, Lang,
    Mobile, Name, OrderId, OrderNote, OrderReference, PartnerNumber, PaymentDetail,
    PaymentReference, PlayerId, Reason, Reference, SessionNumber, TransferId, UserName, UserNumber,
    Utr, WalletToken, WalletType,
};
use crate::money::{Amount, Currency};
use crate::secret::{KeyedHash, Sealed};
use crate::time::{Span, Timestamp};

/// A document as it is from its entry on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Document {
    /// A partner.
    Partner(Box<Partner>),
    /// A player.
    Player(Player),
    /// A player's account.
    Account(AccountOpened),
    /// A session.
    Session(Box<Session>),
    /// Why and under which reference a balance was adjusted.
    Adjustment(Adjustment),
    /// A user.
    User(Box<User>),
    /// A partner's deposit or withdrawal.
    Transfer(Box<Transfer>),
    /// Money that is said to have come from outside.
    ReceivedPayment(Box<ReceivedPayment>),
    /// A payment link.
    Order(Box<Order>),
    /// What the gateway keeps.
    Gateway(Box<GatewayDocument>),
}

impl From<GatewayDocument> for Document {
    fn from(document: GatewayDocument) -> Document {
        Document::Gateway(Box::new(document))
    }
}

impl Document {
    /// The session that it is of.
    pub fn session(&self) -> Option<SessionNumber> {
        match self {
            Document::Session(session) => Some(session.number),
            _ => None,
        }
    }

    /// The name of the file that belongs to it.
    pub fn attachment(&self) -> Option<&str> {
        match self {
            Document::Gateway(document) => Deposit::of(document)?.attachment(),
            _ => None,
        }
    }
}

/// A partner: whose game servers and players these are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partner {
    /// Its number.
    pub number: PartnerNumber,
    /// What people call it.
    pub name: Name,
    /// The currency of its own calls.
    pub currency: Currency,
    /// The last part of its Wallet URL.
    pub wallet_token: WalletToken,
    /// Where its game servers' ids are unique.
    pub id_space: IdSpaceNumber,
    /// That id space's name.
    pub id_space_name: IdSpaceName,
    /// Whether an operator has disabled it.
    pub disabled: bool,
    /// When it ends, if it does.
    pub expires_at: Option<Timestamp>,
    /// Where its game servers may call from; empty: anywhere.
    pub game_server_addresses: Vec<IpNet>,
    /// What an operator may set about its own calls.
    #[serde(default)]
    pub settings: PartnerSettings,
    /// When it came into being.
    pub created_at: Timestamp,
    /// What it proves itself with.
    pub secrets: PartnerSecrets,
}

/// A partner's credentials: hashes of what is only compared, ciphertext of what must be used
/// (design.md, Entry).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartnerSecrets {
    /// Names the partner; no secret.
    pub api_key: String,
    /// Hash of the API secret.
    pub api_secret: KeyedHash,
    /// Hash of the payment gateway's token.
    pub payment_token: KeyedHash,
    /// Hash of the gateway secret.
    pub pluginapi_secret: KeyedHash,
    /// The postbacks' access key.
    pub access_key: Sealed,
    /// The signatures' private key.
    pub private_key: Sealed,
    /// Those before, while they still open.
    #[serde(default)]
    pub former: FormerSecrets,
}

impl Partner {
    /// Whether it is enabled and not past its end (partner-api.md, Small print).
    pub fn is_live(&self, now: Timestamp) -> bool {
        !self.disabled && self.expires_at.is_none_or(|end| now < end)
    }
}

/// A player: one person at one partner, over all currencies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Player {
    /// Whose player.
    pub partner: PartnerNumber,
    /// The name there.
    pub player_id: PlayerId,
    /// No bets and no new sessions while true.
    pub blocked: bool,
}

/// A player's account in one currency, from the entry on that first names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountOpened {
    /// Its number.
    pub number: AccountNumber,
    /// Whose player.
    pub partner: PartnerNumber,
    /// Which player.
    pub player_id: PlayerId,
    /// In which currency.
    pub currency: Currency,
    /// Where ids of bets on it are unique.
    pub id_space: IdSpaceNumber,
}

/// A session: binds a code to an account (wallet-api.md, Sessions).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Its number.
    pub number: SessionNumber,
    /// What requests name it by. Never used again.
    pub code: Code,
    /// Whose session.
    pub partner: PartnerNumber,
    /// Which player.
    pub player_id: PlayerId,
    /// The account that it plays on.
    pub account: AccountNumber,
    /// That account's currency.
    pub currency: Currency,
    /// How long it lives from its opening and from each accepted bet.
    pub ttl: Span,
    /// When its life is over unless a bet is accepted before.
    pub expires_at: Timestamp,
    /// Whether it was closed.
    pub closed: bool,
    /// The game it was opened for.
    pub game: Option<GameNumber>,
    /// The language it was opened in.
    pub lang: Lang,
    /// The link that it is opened by, where one is; it waits, closed, until that is used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<AuthLink>,
}

/// Why a balance was adjusted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adjustment {
    /// Whose player.
    pub partner: PartnerNumber,
    /// Unique per partner.
    pub reference: Reference,
    /// The account adjusted.
    pub account: AccountNumber,
    /// Cents put on (positive) or taken off (negative).
    pub cents: i64,
    /// The operator's words.
    pub reason: Reason,
}

/// A user: a person whom a partner registered under a mobile number (partner-api.md, Users).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Its number.
    pub number: UserNumber,
    /// Who registered it.
    pub partner: PartnerNumber,
    /// What people call it.
    pub name: UserName,
    /// Where it is written to; need not be unique.
    pub email: Email,
    /// Unique per partner.
    pub mobile: Mobile,
    /// Its wallet: the account that came into being with it.
    pub account: AccountNumber,
}

/// What a partner puts on a user's wallet or takes off it (partner-api.md, Wallet).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfer {
    /// Whose user.
    pub partner: PartnerNumber,
    /// The partner's name for it, unique per partner over both kinds.
    pub id: TransferId,
    /// Which way.
    pub kind: TransferKind,
    /// The user's mobile number.
    pub mobile: Mobile,
    /// The user's wallet.
    pub account: AccountNumber,
    /// How much; never zero.
    pub amount: Amount,
}

/// Which way money goes between a partner and a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransferKind {
    /// Partner to user.
    Deposit,
    /// User to partner.
    Withdrawal,
}

impl TransferKind {
    /// The word in answers (partner-api.md, Wallet).
    pub fn name(self) -> &'static str {
        match self {
            TransferKind::Deposit => "deposit",
            TransferKind::Withdrawal => "withdrawal",
        }
    }
}

/// Money that is said to have come from outside (operations.md, Received payments).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceivedPayment {
    /// In which way it came.
    pub wallet_type: WalletType,
    /// The bank's or wallet's number for it, unique in the wallet type.
    pub reference: PaymentReference,
    /// How much; never zero.
    pub amount: Amount,
    /// In which currency.
    pub currency: Currency,
    /// The account that it came to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<PaymentDetail>,
    /// When it came, where somebody has said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub received_at: Option<Timestamp>,
    /// Who paid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payer: Option<PaymentDetail>,
    /// What was said beside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<PaymentDetail>,
    /// Whether somebody must look at it before it is taken for anything.
    #[serde(default)]
    pub suspicious: bool,
    /// Whose it is.
    #[serde(default)]
    pub state: PaymentState,
}

/// Whose a received payment is.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentState {
    /// Nothing has asked for it.
    #[default]
    Unclaimed,
    /// Something has, and an operator must decide.
    Waiting(WaitReason),
    /// Something has, and got it.
    Matched(Claimant),
}

/// What a received payment may be for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Claimant {
    /// An order.
    Order(OrderReference),
    /// A deposit of the gateway.
    Deposit(DepositReference),
}

/// Why a received payment waits for an operator. Declared in the order in which it is tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitReason {
    /// It is marked as suspicious.
    Suspicious,
    /// Several orders claim it.
    SeveralOrders,
    /// Its order was paid by another payment.
    Duplicate,
    /// Its order is expired, failed or cancelled.
    Late,
    /// Its order's partner is disabled or past its end.
    PartnerNotLive,
    /// Its order is in another currency.
    OtherCurrency,
    /// Its order is over another amount.
    OtherAmount,
    /// The user's wallet would pass its limit.
    WalletFull,
    /// An order and a deposit claim it.
    OrderToo,
    /// Its deposit has expired.
    DepositExpired,
    /// Its deposit is in another currency.
    DepositCurrency,
    /// Its deposit is over another amount.
    DepositAmount,
    /// Its deposit is one that operators decide.
    ByHand,
    /// The merchant's account would pass its limit.
    MerchantFull,
}

/// A payment link, and what becomes of it (partner-api.md, Payment Gateway).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Whose order.
    pub partner: PartnerNumber,
    /// The partner's name for it, unique per partner.
    pub id: OrderId,
    /// What its page is found by.
    pub reference: OrderReference,
    /// How much is asked for; never zero.
    pub amount: Amount,
    /// In which currency: the partner's when it came into being.
    pub currency: Currency,
    /// What it is for.
    pub note: Option<OrderNote>,
    /// The payer's mobile number.
    pub mobile: Option<Mobile>,
    /// The payer's email address.
    pub email: Option<Email>,
    /// When it came into being.
    pub created_at: Timestamp,
    /// When it has waited too long.
    pub expires_at: Timestamp,
    /// What has become of it, but for its expiry.
    pub state: OrderState,
    /// Since when it is in that state.
    pub state_at: Timestamp,
    /// The bank's reference that the payer names.
    pub utr: Option<Utr>,
    /// How often the payer has corrected it.
    pub corrections: u8,
    /// The payment that settled it.
    pub payment: Option<(WalletType, PaymentReference)>,
    /// Why it was rejected or cancelled, in the operator's words.
    pub reason: Option<Reason>,
    /// What it has brought. Orders that earlier versions settled do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paid: Option<Paid>,
}

/// What an order has brought, in its currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paid {
    /// What was received, or until then what an operator's word stands for.
    pub amount: Amount,
    /// Out of what was received in which way.
    pub from: WalletType,
    /// The user's wallet that got it; none where the partner did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wallet: Option<AccountNumber>,
}

/// What has become of an order. That it has waited too long time says, not its document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderState {
    /// Nothing yet.
    Pending,
    /// It is paid.
    Success,
    /// An operator has said no.
    Failed,
    /// The partner or an operator has taken it back.
    Cancelled,
}

impl WaitReason {
    /// What an operator is told.
    pub fn text(self) -> &'static str {
        match self {
            WaitReason::Suspicious => "it is marked as suspicious",
            WaitReason::SeveralOrders => "several orders name its reference",
            WaitReason::Duplicate => "its order is paid already",
            WaitReason::Late => "its order is expired, failed or cancelled",
            WaitReason::PartnerNotLive => "its order's partner is disabled or past its end",
            WaitReason::OtherCurrency => "its order is in another currency",
            WaitReason::OtherAmount => "its order is over another amount",
            WaitReason::WalletFull => "the user's wallet would pass its limit",
            WaitReason::OrderToo => "an order and a deposit name its reference",
            WaitReason::DepositExpired => "its deposit is expired",
            WaitReason::DepositCurrency => "its deposit is in another currency",
            WaitReason::DepositAmount => "its deposit is over another amount",
            WaitReason::ByHand => "its deposit is for an operator to decide",
            WaitReason::MerchantFull => "the merchant's account would pass its limit",
        }
    }
}
