//! DRAFT of the ledger's face (bodies come from the ledger's own author).
#![allow(missing_docs, unused_variables, dead_code)]

use std::sync::Arc;

use crate::engine::command::{
    AccountName, Command, NewAdjustment, NewPartner, NewSession, PartnerChange,
};
use crate::engine::document::{Partner, PartnerSecrets, Session};
use crate::engine::entry::Anomaly;
use crate::engine::refusal::{OperatorRefusal, PlayRefusal};
use crate::id::{Code, GameNumber, Lang, PartnerNumber, PlayerId, RoundId, Seq, TransactionId};
use crate::money::{Amount, Currency, Sum};
use crate::time::Timestamp;

/// Something seen or done, and the seq that it depends on: no answer tells it before
/// `ledger.durable(seq).await` is `Ok`.
pub struct Observed<T> {
    pub value: T,
    pub seq: Seq,
}

/// What became of a game server's request.
pub struct Played {
    pub outcome: Outcome,
    pub at: Timestamp,
    pub seq: Seq,
}

pub enum Outcome {
    /// Answer to credit.
    Balance {
        player_id: PlayerId,
        currency: Currency,
        balance: Amount,
    },
    /// Bet, win, cancel taken, or repeated.
    Done { balance: Amount },
    /// balance is None for SessionUnknown only.
    Refused {
        refusal: PlayRefusal,
        balance: Option<Amount>,
        lang: Lang,
    },
}

/// Nothing was touched: the queue is full, or the ledger is shutting down.
#[derive(Debug)]
pub struct Unavailable;

/// The disk failed: nobody gets a verdict any more. Close the connection without a byte.
#[derive(Debug)]
pub struct Latched;

#[derive(Debug)]
pub enum OperatorError {
    Refused(OperatorRefusal, Seq),
    Unavailable,
    Journal(String),
}

pub struct AdjustmentDone {
    pub balance: Amount,
    pub repeated: bool,
}
pub struct PlayerView {
    pub partner: PartnerNumber,
    pub player_id: PlayerId,
    pub blocked: bool,
    pub balances: Vec<(Currency, Amount)>,
    pub open_sessions: u64,
}
pub enum SessionState {
    Open,
    Closed,
    Expired,
}
pub struct HistoryItem {
    pub seq: Seq,
    pub kind: HistoryKind,
    pub amount: Sum,
    pub balance_after: Amount,
    pub reference: Option<String>,
    pub round_id: Option<RoundId>,
    pub game: Option<GameNumber>,
    pub at: Timestamp,
}
pub enum HistoryKind {
    Bet,
    Win,
    Cancel,
    Adjustment,
} // has fn name(self) -> &'static str
pub struct Page<T> {
    pub items: Vec<T>,
    pub next: Option<Seq>,
}
pub struct TrialBalance {
    pub currencies: Vec<(Currency, Vec<(String, Sum)>, Sum)>,
}
pub struct Tally {
    pub count: u64,
    pub amount: Sum,
}
pub struct RoundView {
    pub partner: PartnerNumber,
    pub player_id: PlayerId,
    pub currency: Currency,
    pub round_id: RoundId,
    pub game: GameNumber,
    pub bets: Tally,
    pub wins: Tally,
    pub cancels: Tally,
    pub open: bool,
    pub first_at: Timestamp,
    pub last_at: Timestamp,
}
pub struct AnomalyView {
    pub seq: Seq,
    pub kind: Anomaly,
    pub at: Timestamp,
    pub partner: PartnerNumber,
    pub player_id: PlayerId,
    pub currency: Currency,
    pub transaction_type: HistoryKind,
    pub id: TransactionId,
    pub amount: Amount,
    pub game: GameNumber,
    pub round: Option<RoundView>,
}

pub struct Ledger;

impl Ledger {
    /// The partner of a Wallet URL, disabled ones too. Lock-free.
    pub fn partner_by_token(&self, token: &str) -> Option<Arc<Partner>> {
        todo!()
    }
    pub fn partner(&self, number: PartnerNumber) -> Option<Arc<Partner>> {
        todo!()
    }
    /// All, in the order of their numbers.
    pub fn partners(&self) -> Observed<Vec<Arc<Partner>>> {
        todo!()
    }

    /// Judges a game server's request and takes it down; never blocks on disk.
    pub fn play(
        &self,
        partner: &Partner,
        code: &str,
        command: &Command,
    ) -> Result<Played, Unavailable> {
        todo!()
    }

    /// Completes when everything up to `seq` is synced. The one wait before any answer.
    pub async fn durable(&self, seq: Seq) -> Result<(), Latched> {
        todo!()
    }
    /// For /readyz: journal writable, not latched, not shutting down.
    pub fn is_ready(&self) -> bool {
        todo!()
    }

    pub fn create_partner(
        &self,
        new: NewPartner,
        secrets: PartnerSecrets,
    ) -> Result<Observed<Arc<Partner>>, OperatorError> {
        todo!()
    }
    pub fn change_partner(
        &self,
        number: PartnerNumber,
        change: PartnerChange,
    ) -> Result<Observed<Arc<Partner>>, OperatorError> {
        todo!()
    }
    pub fn create_player(
        &self,
        account: AccountName,
        balance: Amount,
    ) -> Result<Observed<Amount>, OperatorError> {
        todo!()
    }
    pub fn set_blocked(
        &self,
        partner: PartnerNumber,
        player_id: &PlayerId,
        blocked: bool,
    ) -> Result<Observed<PlayerView>, OperatorError> {
        todo!()
    }
    pub fn player(
        &self,
        partner: PartnerNumber,
        player_id: &PlayerId,
    ) -> Result<Observed<PlayerView>, OperatorError> {
        todo!()
    }
    pub fn adjust(&self, new: NewAdjustment) -> Result<Observed<AdjustmentDone>, OperatorError> {
        todo!()
    }
    pub fn open_session(&self, new: NewSession) -> Result<Observed<Session>, OperatorError> {
        todo!()
    }
    pub fn close_session(
        &self,
        code: &Code,
    ) -> Result<Observed<(Session, SessionState)>, OperatorError> {
        todo!()
    }
    pub fn session(&self, code: &Code) -> Result<Observed<(Session, SessionState)>, OperatorError> {
        todo!()
    }
    /// Newest first; `before` is the previous page's `next`. Reads the journal: call it where blocking is allowed.
    pub fn history(
        &self,
        account: &AccountName,
        before: Option<Seq>,
        limit: usize,
    ) -> Result<Observed<Page<HistoryItem>>, OperatorError> {
        todo!()
    }
    pub fn trial_balance(&self, all: bool) -> Observed<TrialBalance> {
        todo!()
    }
    /// Oldest first; `after` is the previous page's `next`.
    pub fn open_rounds(&self, after: Option<Seq>, limit: usize) -> Observed<Page<RoundView>> {
        todo!()
    }
    pub fn anomalies(&self, after: Option<Seq>, limit: usize) -> Observed<Page<AnomalyView>> {
        todo!()
    }
}
