//! What is asked of the engine: parsed, checked in form, not yet judged.

use ipnet::IpNet;

use super::document::TransferKind;
use super::settings::{PartnerSettings, SettingsChange};
use crate::id::{
    Code, Email, GameNumber, IdSpaceName, Lang, Mobile, Name, OrderId, OrderNote, PartnerNumber,
    PaymentDetail, PaymentReference, PlayerId, Reason, Reference, RoundId, TransactionId,
    TransferId, UserName, WalletToken, WalletType,
};
use crate::money::{Amount, Currency, Sum};
use crate::time::{Span, Timestamp};

/// A game server's request, in the session that a code names (wallet-api.md, Requests).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Read the balance.
    Credit,
    /// Debit the stake.
    Bet(Transaction),
    /// Credit the winnings; zero closes a lost round.
    Win(Transaction),
    /// Undo the bet under an id.
    Cancel(CancelOf),
}

/// A bet's or a win's content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transaction {
    /// The game server's id.
    pub id: TransactionId,
    /// The round, where one is named.
    pub round: Option<RoundId>,
    /// The game.
    pub game: GameNumber,
    /// The stake or the winnings.
    pub amount: Amount,
}

/// Which bet to cancel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CancelOf {
    /// The bet's id.
    pub id: TransactionId,
    /// The bet's round, where one is named.
    pub round: Option<RoundId>,
}

/// What is configured about judging (operations.md, Configuration, `[wallet]`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Rules {
    /// The largest stake, if there is one.
    pub bet_max: Option<Amount>,
    /// What becomes of a cancel in a round that has paid.
    pub cancel_after_win: CancelAfterWin,
}

/// What becomes of a cancel in a round that has paid more than 0 (wallet-api.md, code 14).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum CancelAfterWin {
    /// It is refused.
    #[default]
    Refuse,
    /// It is taken, and reported as an anomaly.
    Accept,
}

/// A partner to create. Its secrets are made elsewhere: the engine knows no randomness.
#[derive(Clone, Debug)]
pub struct NewPartner {
    /// What people call it.
    pub name: Name,
    /// The currency of its own calls.
    pub currency: Currency,
    /// The last part of its Wallet URL.
    pub wallet_token: WalletToken,
    /// Where its game servers' ids are unique.
    pub id_space: IdSpaceName,
    /// Where its game servers may call from; empty: anywhere.
    pub game_server_addresses: Vec<IpNet>,
    /// When it ends, if it does.
    pub expires_at: Option<Timestamp>,
    /// What is set about its own calls.
    pub settings: PartnerSettings,
}

/// What to change about a partner; `None` leaves as is.
#[derive(Clone, Debug, Default)]
pub struct PartnerChange {
    /// Disable (true) or enable (false).
    pub disabled: Option<bool>,
    /// Where its game servers may call from; empty: anywhere.
    pub game_server_addresses: Option<Vec<IpNet>>,
    /// When it ends; `Some(None)` takes the end away.
    pub expires_at: Option<Option<Timestamp>>,
    /// What to set about its own calls.
    pub settings: SettingsChange,
}

/// A player's account, as the commands name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountName {
    /// Whose player.
    pub partner: PartnerNumber,
    /// Which player.
    pub player_id: PlayerId,
    /// In which currency.
    pub currency: Currency,
}

/// A balance to adjust.
#[derive(Clone, Debug)]
pub struct NewAdjustment {
    /// Whose balance.
    pub account: AccountName,
    /// What to put on (positive) or take off (negative).
    pub amount: Sum,
    /// Unique per partner; repeating it with equal content changes nothing.
    pub reference: Reference,
    /// The operator's words.
    pub reason: Reason,
}

/// A session to open. Player and account come into being with it where they are missing.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// What it plays on.
    pub account: AccountName,
    /// What requests will name it by.
    pub code: Code,
    /// The game it is opened for.
    pub game: Option<GameNumber>,
    /// The language it is opened in.
    pub lang: Lang,
    /// How long it lives from its opening and from each accepted bet.
    pub ttl: Span,
}

/// A user to register (partner-api.md, Users).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewUser {
    /// What people call it.
    pub name: UserName,
    /// Where it is written to.
    pub email: Email,
    /// Unique per partner.
    pub mobile: Mobile,
}

/// A deposit or withdrawal to make (partner-api.md, Wallet).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTransfer {
    /// Which way.
    pub kind: TransferKind,
    /// Whose wallet.
    pub mobile: Mobile,
    /// How much; more than nothing.
    pub amount: Amount,
    /// Unique per partner, for ever.
    pub id: TransferId,
}

/// Money that is said to have come (operations.md, Received payments).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPayment {
    /// In which way.
    pub wallet_type: WalletType,
    /// Unique in the wallet type, for ever.
    pub reference: PaymentReference,
    /// How much; more than nothing.
    pub amount: Amount,
    /// In which currency.
    pub currency: Currency,
    /// The account that it came to.
    pub account: Option<PaymentDetail>,
    /// When it came; now, where nothing is said.
    pub received_at: Option<Timestamp>,
    /// Who paid.
    pub payer: Option<PaymentDetail>,
    /// What was said beside.
    pub note: Option<PaymentDetail>,
    /// Whether somebody must look at it before it is taken for anything.
    pub suspicious: bool,
}

/// A payment link to make (partner-api.md, Payment Gateway).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewOrder {
    /// Unique per partner, for ever.
    pub id: OrderId,
    /// How much is asked for; more than nothing.
    pub amount: Amount,
    /// What it is for.
    pub note: Option<OrderNote>,
    /// The payer's mobile number.
    pub mobile: Option<Mobile>,
    /// The payer's email address.
    pub email: Option<Email>,
}
