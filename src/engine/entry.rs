//! The one record of anything that happened: an [`Entry`], its postings and its documents.
//!
//! Bets, wins, cancels and voids have members of their own, so that the journal can write them in
//! few bytes. All else is a [`Record`]: postings and document changes side by side, so that money
//! and what explains it can never part. An entry says all that is needed to apply it; nothing
//! is judged again when it is read back.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::document::Document;
use crate::id::{
    AccountNumber, GameNumber, PartnerNumber, RoundId, Seq, SessionNumber, TransactionId,
    WalletType,
};
use crate::money::{Amount, Currency, Sum};
use crate::time::Timestamp;

/// Something that happened. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its number: one more than the entry's before.
    pub seq: Seq,
    /// When it was taken down: never before the entry ahead of it.
    pub at: Timestamp,
    /// What happened.
    pub body: Body,
}

impl Entry {
    /// The names of the files that belong to its documents.
    pub fn attachments(&self) -> impl Iterator<Item = &str> {
        let documents = match &self.body {
            Body::Record(record) => &record.documents[..],
            _ => &[],
        };
        documents.iter().filter_map(Document::attachment)
    }
}

/// What an entry says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// A stake was taken: player to house.
    Bet(Play),
    /// Winnings were given: house to player. Zero closes a lost round.
    Win(Play),
    /// A bet was undone: house to player.
    Cancel(Cancel),
    /// An unknown id was cancelled, so that its late bet is refused. Moves no money.
    Void(Void),
    /// Anything else.
    Record(Arc<Record>),
}

/// A bet or a win, by the game server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Play {
    /// The player's account.
    pub account: AccountNumber,
    /// The session that the request came in.
    pub session: SessionNumber,
    /// The game server's id.
    pub id: TransactionId,
    /// The round, where one was named.
    pub round: Option<RoundId>,
    /// The game.
    pub game: GameNumber,
    /// The stake or the winnings.
    pub amount: Amount,
    /// The account's chain.
    pub link: Link,
    /// What was odd about it.
    pub anomalies: Anomalies,
}

/// A bet undone, by the game server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cancel {
    /// The player's account: the one the bet came from.
    pub account: AccountNumber,
    /// The session that the cancel came in.
    pub session: SessionNumber,
    /// The bet's id.
    pub id: TransactionId,
    /// The bet's entry.
    pub bet: Seq,
    /// The bet's round.
    pub round: Option<RoundId>,
    /// The bet's game.
    pub game: GameNumber,
    /// The bet's stake, which goes back.
    pub amount: Amount,
    /// The account's chain.
    pub link: Link,
    /// What was odd about it.
    pub anomalies: Anomalies,
}

/// An id that was cancelled before anything came under it, by the game server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Void {
    /// The account of the player whose session named the id.
    pub account: AccountNumber,
    /// The session that the cancel came in.
    pub session: SessionNumber,
    /// The id that is now bound.
    pub id: TransactionId,
}

/// One link of an account's chain: each entry on it names the one before and the balance after.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// The previous entry on this account, or [`Seq::NONE`].
    pub previous: Seq,
    /// What the account holds after this entry.
    pub balance_after: Amount,
}

/// What is worth an operator's look about a transaction that was taken all the same
/// (wallet-api.md, Money rules 5): a set of [`Anomaly`] in one byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Anomalies(u8);

/// One kind of oddity. The numbers stand in entries for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Anomaly {
    /// A win in a round that no bet was ever seen of.
    WinWithoutBet = 1,
    /// A win in a session that takes no bets any more: closed, past its life, or its partner's is.
    WinOnExpiredSession = 2,
    /// A win for a blocked player.
    WinForBlockedPlayer = 4,
    /// A bet cancelled in a round that had paid.
    CancelAfterWin = 8,
}

impl Anomaly {
    /// Every kind, in the order of their numbers.
    pub const ALL: [Anomaly; 4] = [
        Anomaly::WinWithoutBet,
        Anomaly::WinOnExpiredSession,
        Anomaly::WinForBlockedPlayer,
        Anomaly::CancelAfterWin,
    ];

    /// The kind's name in reports (operations.md, Shapes that scripts use).
    pub fn name(self) -> &'static str {
        match self {
            Anomaly::WinWithoutBet => "win_without_bet",
            Anomaly::WinOnExpiredSession => "win_on_expired_session",
            Anomaly::WinForBlockedPlayer => "win_for_blocked_player",
            Anomaly::CancelAfterWin => "cancel_after_win",
        }
    }
}

impl Anomalies {
    /// Nothing odd.
    pub const NONE: Anomalies = Anomalies(0);

    /// These and `anomaly`, where `present`.
    #[must_use]
    pub fn with(self, anomaly: Anomaly, present: bool) -> Anomalies {
        if present {
            Anomalies(self.0 | anomaly as u8)
        } else {
            self
        }
    }

    /// The set as it stands in an entry.
    pub fn bits(self) -> u8 {
        self.0
    }

    /// The set that `bits` stand for, or `None` where a bit has no meaning.
    pub fn from_bits(bits: u8) -> Option<Anomalies> {
        let known = Anomaly::ALL
            .iter()
            .fold(0, |all, &anomaly| all | anomaly as u8);
        if bits & !known == 0 {
            Some(Anomalies(bits))
        } else {
            None
        }
    }

    /// Those in the set.
    pub fn iter(self) -> impl Iterator<Item = Anomaly> {
        Anomaly::ALL
            .into_iter()
            .filter(move |&anomaly| self.0 & anomaly as u8 != 0)
    }
}

/// Postings and document changes of one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Who caused it.
    pub by: Actor,
    /// What it was.
    pub kind: RecordKind,
    /// What moved; sums to zero per currency.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub postings: Vec<Posting>,
    /// The documents as they are from now on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub documents: Vec<Document>,
}

/// Who caused an entry. Bets, wins, cancels and voids are the game server's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// A person with the admin key.
    Operator,
    /// A partner's own call.
    Partner,
    /// Coffer itself, when something was due.
    Engine,
    /// A payer on an order's page.
    Payer,
}

/// What a record tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordKind {
    /// A partner came into being.
    PartnerCreated,
    /// A partner's settings or state changed.
    PartnerChanged,
    /// Some of a partner's secrets were exchanged for new ones.
    PartnerSecretRotated,
    /// A player, or a player's account in a further currency, came into being.
    PlayerCreated,
    /// A player was blocked or unblocked.
    PlayerChanged,
    /// A session began.
    SessionOpened,
    /// A partner was given a link, which a session waits for.
    AuthLinkMade,
    /// A link was used, which opened its session.
    AuthLinkUsed,
    /// A session was closed.
    SessionClosed,
    /// An operator put money on a player's account or took it off.
    Adjustment,
    /// A partner registered a user.
    UserRegistered,
    /// A partner put money on a user's wallet or took it off.
    Transfer,
    /// Money is said to have come from outside.
    PaymentReceived,
    /// A merchant asked for a withdrawal.
    WithdrawalCreated,
    /// An operator said that a withdrawal was paid out.
    WithdrawalApproved,
    /// An operator said that a withdrawal is not paid out.
    WithdrawalRejected,
    /// A merchant asked for a deposit to be activated.
    DepositActivated,
    /// An operator said that a deposit's money has come.
    DepositApproved,
    /// An operator said that a deposit's money has not come.
    DepositRejected,
    /// A payer was given what to pay to.
    RequisitesGiven,
    /// A merchant left a name for a label's next deposit.
    CustomIdLeft,
    /// A merchant was told something, or was not reached.
    PostbackTried,
    /// An operator has asked to tell a merchant something again.
    PostbackRetried,
    /// A partner made a payment link.
    OrderCreated,
    /// A payer named the bank's reference for a payment.
    UtrNamed,
    /// An operator said that an order is paid.
    OrderApproved,
    /// An operator said that an order is not paid.
    OrderRejected,
    /// An order was taken back.
    OrderCancelled,
    /// A merchant has hashed addresses.
    UrlsHashed,
    /// An operator has set rates.
    RatesSet,
    /// A merchant asked for a page that a deposit is paid on.
    PaymentPageMade,
    /// What was saved up is enough since the minimum was lowered.
    SavingsCredited,
}

impl RecordKind {
    /// Whether a session comes into being, and its code with it.
    pub fn begins_session(self) -> bool {
        matches!(self, RecordKind::SessionOpened | RecordKind::AuthLinkMade)
    }
}

/// One leg of an entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Posting {
    /// Whose money.
    pub account: AccountRef,
    /// In which currency.
    pub currency: Currency,
    /// Cents in (positive) or out (negative).
    pub cents: i64,
    /// The chain, where the account has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<Link>,
}

/// An account by its holder. All but the player's are sums without a floor or a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountRef {
    /// A player's account.
    Player(AccountNumber),
    /// What the house of a partner has won and lost.
    House(PartnerNumber),
    /// Where an operator's adjustments come from.
    Adjustments,
    /// Where a partner's deposits come from and its withdrawals go.
    Partner(PartnerNumber),
    /// Where money comes from that is received in a wallet type.
    Outside(WalletType),
    /// What was received in a wallet type and belongs to nobody yet.
    Received(WalletType),
    /// What a merchant holds in a wallet type. Its chain stands in the documents beside
    /// ([`super::merchant::MerchantAccount`]), since it may be below zero.
    Merchant(PartnerNumber, WalletType),
    /// What was asked to be paid out in a wallet type and is not yet.
    Payouts(WalletType),
    /// What was paid out in a wallet type.
    PaidOut(WalletType),
}

impl AccountRef {
    /// The account's name in reports (operations.md, `report trial-balance`), and whose it is where
    /// it is a partner's. `None` for a player's, which its player names.
    pub fn named(self) -> Option<(String, Option<PartnerNumber>)> {
        Some(match self {
            AccountRef::Player(_) => return None,
            AccountRef::House(partner) => (format!("house/{partner}"), Some(partner)),
            AccountRef::Partner(partner) => (format!("partner/{partner}"), Some(partner)),
            AccountRef::Merchant(partner, of) => {
                (format!("merchant/{partner}/{of}"), Some(partner))
            }
            AccountRef::Outside(of) => (format!("outside/{of}"), None),
            AccountRef::Received(of) => (format!("received/{of}"), None),
            AccountRef::Payouts(of) => (format!("payouts/{of}"), None),
            AccountRef::PaidOut(of) => (format!("paid-out/{of}"), None),
            AccountRef::Adjustments => ("adjustments".to_owned(), None),
        })
    }
}

impl Body {
    /// The amount that a bet, win or cancel moves from the house to the player, and the account.
    pub fn house_to_player(&self) -> Option<(AccountNumber, Sum, Link)> {
        match self {
            Body::Bet(play) => Some((play.account, Sum::from(play.amount).negated(), play.link)),
            Body::Win(play) => Some((play.account, Sum::from(play.amount), play.link)),
            Body::Cancel(cancel) => Some((cancel.account, Sum::from(cancel.amount), cancel.link)),
            Body::Void(_) | Body::Record(_) => None,
        }
    }
}
