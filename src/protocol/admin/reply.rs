//! What the operations answer: the shapes that scripts use (operations.md), member for member.
//!
//! Amounts are decimal texts, times RFC 3339, `next` is the cursor of the following page.

use ipnet::IpNet;
use serde::Serialize;

use crate::engine::rotation::SecretKind;
use crate::engine::settings::PartnerSettings;
use crate::id::{
    Code, GameNumber, IdSpaceName, Name, PartnerNumber, PlayerId, Reference, RoundId, Seq,
    TransactionId, WalletToken, as_optional_text, as_text,
};
use crate::money::{Amount, Currency, Sum};
use crate::time::{Day, Timestamp};

/// Some of a list's items, and where the others begin.
#[derive(Serialize)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// The next page's cursor; null on the last page.
    #[serde(serialize_with = "as_optional_text")]
    pub next: Option<u64>,
}

/// A backup, as far as it has come.
#[derive(Serialize)]
pub struct BackupShown {
    /// Counted since the server's start, from 1.
    pub number: u64,
    /// The directory.
    pub to: String,
    /// `running`, `done` or `failed`.
    pub state: &'static str,
    /// When it began.
    #[serde(serialize_with = "as_text")]
    pub began_at: Timestamp,
    /// Bytes copied and read back so far.
    pub done_bytes: u64,
    /// How many there are in all, as far as is known.
    pub total_bytes: u64,
    /// What it holds, once it is complete and verified.
    #[serde(flatten)]
    pub made: Option<BackupMade>,
    /// Why it failed, or null.
    pub error: Option<String>,
}

/// A backup that is complete, durable and verified.
#[derive(Serialize)]
pub struct BackupMade {
    /// Its last entry.
    pub seq: u64,
    /// The chain's hash there.
    pub hash: String,
    /// When it was made.
    #[serde(serialize_with = "as_text")]
    pub at: Timestamp,
    /// Bytes that were copied for it; the others were there already.
    pub copied_bytes: u64,
    /// Files that were copied for it.
    pub copied_files: u64,
    /// True: it was read back.
    pub verified: bool,
}

/// How far journal and books are, and what was last found about them.
#[derive(Serialize)]
pub struct Integrity {
    /// The last entry that is durable, and the chain's hash there.
    pub head: IntegrityHead,
    /// The entry that the books are up to.
    pub books_seq: Seq,
    /// The last round of reading history and books again, or null before the first has ended.
    pub scrub: Option<IntegrityScrub>,
    /// The newest backup that this server was asked for since its start, or null.
    pub backup: Option<BackupShown>,
}

/// The end of the chain.
#[derive(Serialize)]
pub struct IntegrityHead {
    /// The last entry.
    pub seq: Seq,
    /// The hash that stands for everything up to it.
    pub hash: String,
}

/// A round of reading history and books again.
#[derive(Serialize)]
pub struct IntegrityScrub {
    /// Whether all is as it was written.
    pub ok: bool,
    /// When it began.
    #[serde(serialize_with = "as_text")]
    pub began_at: Timestamp,
    /// When it ended.
    #[serde(serialize_with = "as_text")]
    pub ended_at: Timestamp,
    /// Whether every page of the books was looked at; not where flushes left no time for it.
    pub pages: bool,
    /// Finished files of history read.
    pub segments: u64,
    /// Entries in them.
    pub entries: u64,
    /// Rows of the books read.
    pub rows: u64,
    /// Bytes of all that.
    pub bytes: u64,
    /// What is wrong.
    pub findings: Vec<String>,
}

/// A partner that has just come into being, with the secrets that are shown this once.
#[derive(Serialize)]
pub struct PartnerCreated<'a> {
    /// Its number.
    pub partner: PartnerNumber,
    /// What people call it.
    pub name: &'a Name,
    /// The currency of its own calls.
    pub currency: Currency,
    /// The last part of its Wallet URL.
    pub wallet_token: &'a WalletToken,
    /// Where its game servers call.
    pub wallet_url: String,
    /// `X-API-Key`.
    pub api_key: &'a str,
    /// `X-API-Secret`.
    pub api_secret: &'a str,
    /// The payment gateway's `token`.
    pub payment_token: &'a str,
    /// The gateway's `pluginapi` secret.
    pub pluginapi_secret: &'a str,
    /// The postbacks' access key.
    pub access_key: &'a str,
    /// The signatures' private key.
    pub private_key: &'a str,
}

/// Secrets that have just been exchanged, the new ones shown this once.
#[derive(Serialize)]
pub struct SecretRotated<'a> {
    /// Whose.
    pub partner: PartnerNumber,
    /// Which.
    pub what: SecretKind,
    /// `X-API-Key`, which stays.
    pub api_key: &'a str,
    /// When those before cease to open.
    #[serde(serialize_with = "as_text")]
    pub former_until: Timestamp,
    /// The new secrets under their names.
    #[serde(flatten)]
    pub secrets: NewlyShown<'a>,
}

/// New secrets under their names.
#[derive(Serialize)]
#[serde(untagged)]
pub enum NewlyShown<'a> {
    /// For the API.
    Api {
        /// `X-API-Secret`.
        api_secret: &'a str,
    },
    /// For the payment gateway.
    Payment {
        /// `token`.
        payment_token: &'a str,
    },
    /// For merchants.
    Paykassma {
        /// The gateway's `pluginapi` secret.
        pluginapi_secret: &'a str,
        /// The postbacks' access key.
        access_key: &'a str,
        /// The signatures' private key.
        private_key: &'a str,
    },
}

/// A partner in a list.
#[derive(Serialize)]
pub struct PartnerItem {
    /// Its number.
    pub partner: PartnerNumber,
    /// What people call it.
    pub name: Name,
    /// The currency of its own calls.
    pub currency: Currency,
    /// The last part of its Wallet URL.
    pub wallet_token: WalletToken,
    /// `enabled`, `disabled` or `expired`.
    pub state: &'static str,
    /// When it came into being.
    #[serde(serialize_with = "as_text")]
    pub created_at: Timestamp,
}

/// A partner with its settings, never a secret.
#[derive(Serialize)]
pub struct PartnerShown {
    /// As in a list.
    #[serde(flatten)]
    pub item: PartnerItem,
    /// Where its game servers call.
    pub wallet_url: String,
    /// Where its game servers' ids are unique.
    pub id_space: IdSpaceName,
    /// Where its game servers may call from; empty: anywhere.
    pub game_server_addresses: Vec<IpNet>,
    /// When it ends, or null.
    #[serde(serialize_with = "as_optional_text")]
    pub expires_at: Option<Timestamp>,
    /// What is set about its own calls.
    #[serde(flatten)]
    pub settings: PartnerSettings,
}

/// A player's account that has just come into being.
#[derive(Serialize)]
pub struct PlayerCreated {
    /// Whose player.
    pub partner: PartnerNumber,
    /// Which player.
    pub player_id: PlayerId,
    /// In which currency.
    pub currency: Currency,
    /// What it holds.
    #[serde(serialize_with = "as_text")]
    pub balance: Amount,
}

/// What an account holds.
#[derive(Serialize)]
pub struct CurrencyBalance {
    /// In which currency.
    pub currency: Currency,
    /// How much.
    #[serde(serialize_with = "as_text")]
    pub balance: Amount,
}

/// A player.
#[derive(Serialize)]
pub struct PlayerShown {
    /// Whose player.
    pub partner: PartnerNumber,
    /// Which player.
    pub player_id: PlayerId,
    /// Whether bets and new sessions are refused.
    pub blocked: bool,
    /// Each account.
    pub balances: Vec<CurrencyBalance>,
    /// Sessions neither closed nor past their life.
    pub open_sessions: usize,
}

/// An adjustment made, or made before.
#[derive(Serialize)]
pub struct AdjustmentDone {
    /// Whose player.
    pub partner: PartnerNumber,
    /// Which player.
    pub player_id: PlayerId,
    /// In which currency.
    pub currency: Currency,
    /// What the account holds.
    #[serde(serialize_with = "as_text")]
    pub balance: Amount,
    /// The adjustment's name.
    pub reference: Reference,
    /// Whether it was made before, so that nothing moved now.
    pub repeated: bool,
}

/// One thing that moved an account.
#[derive(Serialize)]
pub struct HistoryItem {
    /// Its entry.
    pub seq: Seq,
    /// `bet`, `win`, `cancel` or `adjustment`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// How much came in, or with a minus went out.
    #[serde(serialize_with = "as_text")]
    pub amount: Sum,
    /// What the account held afterwards.
    #[serde(serialize_with = "as_text")]
    pub balance_after: Amount,
    /// What names it: an adjustment's reference, a game server's id.
    pub reference: Option<String>,
    /// The round, where there is one.
    pub round_id: Option<RoundId>,
    /// The game, where there is one.
    pub game: Option<GameNumber>,
    /// When.
    #[serde(serialize_with = "as_text")]
    pub at: Timestamp,
}

/// A session that was just opened.
#[derive(Serialize)]
pub struct SessionOpened {
    /// What requests name it by.
    pub code: Code,
    /// When its life is over unless a bet is accepted before.
    #[serde(serialize_with = "as_text")]
    pub expires_at: Timestamp,
    /// Where the player plays, or null where the game has no launch base.
    pub launch_url: Option<String>,
}

/// A session.
#[derive(Serialize)]
pub struct SessionShown {
    /// What requests name it by.
    pub code: Code,
    /// Whose session.
    pub partner: PartnerNumber,
    /// Which player.
    pub player_id: PlayerId,
    /// What it plays in.
    pub currency: Currency,
    /// `open`, `closed` or `expired`.
    pub state: &'static str,
    /// When its life is, or was, over.
    #[serde(serialize_with = "as_text")]
    pub expires_at: Timestamp,
}

/// Every account, added up.
#[derive(Serialize)]
pub struct TrialBalance {
    /// One report a currency.
    pub currencies: Vec<CurrencyReport>,
}

/// The accounts in one currency.
#[derive(Serialize)]
pub struct CurrencyReport {
    /// Which.
    pub currency: Currency,
    /// Every account ever touched.
    pub accounts: Vec<ReportAccount>,
    /// What they add up to: `0.00`.
    #[serde(serialize_with = "as_text")]
    pub sum: Sum,
}

/// One account of a trial balance.
#[derive(Serialize)]
pub struct ReportAccount {
    /// Its name, such as `house/p1`.
    pub account: String,
    /// What it adds up to.
    #[serde(serialize_with = "as_text")]
    pub balance: Sum,
}

/// How many, and how much.
#[derive(Serialize)]
pub struct Tally {
    /// How many.
    pub count: u64,
    /// How much together.
    #[serde(serialize_with = "as_text")]
    pub amount: Sum,
}

/// A round.
#[derive(Serialize)]
pub struct RoundItem {
    /// Whose player.
    pub partner: PartnerNumber,
    /// Which player.
    pub player_id: PlayerId,
    /// In which currency.
    pub currency: Currency,
    /// The game server's number for it.
    pub round_id: RoundId,
    /// The game.
    pub game: GameNumber,
    /// Stakes taken.
    pub bets: Tally,
    /// Winnings given.
    pub wins: Tally,
    /// Bets undone.
    pub cancels: Tally,
    /// When its first transaction came.
    #[serde(serialize_with = "as_text")]
    pub first_at: Timestamp,
    /// When its last transaction came.
    #[serde(serialize_with = "as_text")]
    pub last_at: Timestamp,
}

/// Something odd that was taken all the same.
#[derive(Serialize)]
pub struct AnomalyItem {
    /// What was odd, such as `win_without_bet`.
    pub kind: &'static str,
    /// Whose player.
    pub partner: PartnerNumber,
    /// Which player.
    pub player_id: PlayerId,
    /// In which currency.
    pub currency: Currency,
    /// What was taken.
    pub transaction: AnomalyTransaction,
    /// Its round, or null.
    pub round: Option<RoundItem>,
}

/// The transaction that was odd.
#[derive(Serialize)]
pub struct AnomalyTransaction {
    /// Its entry.
    pub seq: Seq,
    /// `win` or `cancel`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The game server's id.
    pub id: TransactionId,
    /// How much.
    #[serde(serialize_with = "as_text")]
    pub amount: Amount,
    /// The game.
    pub game: GameNumber,
    /// When.
    #[serde(serialize_with = "as_text")]
    pub at: Timestamp,
}

/// What was played on one day in one game, of one partner in one currency (operations.md,
/// `report revenue`).
#[derive(Serialize)]
pub struct RevenueItem {
    /// The UTC day of the transactions, such as `2026-11-21`.
    #[serde(serialize_with = "as_text")]
    pub day: Day,
    /// Whose players.
    pub partner: PartnerNumber,
    /// In which currency.
    pub currency: Currency,
    /// The game.
    pub game: GameNumber,
    /// Stakes taken.
    pub bets: Tally,
    /// Winnings given.
    pub wins: Tally,
    /// Bets undone on that day.
    pub cancels: Tally,
    /// Stakes less winnings less what was given back.
    #[serde(serialize_with = "as_text")]
    pub revenue: Sum,
}
