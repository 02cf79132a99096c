//! A history made quickly: accounts and transactions played into a ledger as fast as it takes them.
//!
//! Everything goes the way of a game server's requests, through [`Ledger::play`] and the
//! committer; what is left out is the wait for each answer. Many entries are under way at once, and
//! only a full queue is waited for.

mod plan;
mod plays;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use self::plan::{Ids, Order, PARTNERS, Plan, PlanError};
pub use self::plays::{Play, Plays};
use super::sample;
use crate::engine::command::{NewPartner, NewSession};
use crate::engine::document::PartnerSecrets;
use crate::id::{Lang, Seq};
use crate::ledger::{
    Ledger, NotReady, OperatorError, Outcome, PartnerRow, Played, Space, Unavailable,
};
use crate::money::Amount;
use crate::time::Span;

/// What each account begins with, in cents: more than any fill's luck can lose.
const CENTS: u64 = 10_000_000_000;

/// How long sessions live: a filled directory is of use for years.
const TTL: Span = Span::from_seconds(10 * 365 * 24 * 3600);

/// Between two looks whether the books have caught up.
const CATCHING_UP: Duration = Duration::from_millis(5);

/// Why a fill does not go on.
#[derive(Debug)]
pub enum FillError {
    /// The ledger takes nothing more.
    NotReady(NotReady),
    /// The disk has too little room left for bets.
    LittleRoom,
    /// A partner, an account or a session could not be created.
    Operator(OperatorError),
    /// A transaction was not taken; the text says which and why.
    Refused(String),
}

impl fmt::Display for FillError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FillError::NotReady(reason) => reason.fmt(f),
            FillError::LittleRoom => f.write_str("the disk has too little room left"),
            FillError::Operator(error) => error.fmt(f),
            FillError::Refused(which) => write!(f, "the fill was refused {which}"),
        }
    }
}

impl std::error::Error for FillError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            FillError::NotReady(error) => Some(error),
            FillError::Operator(error) => Some(error),
            FillError::LittleRoom | FillError::Refused(_) => None,
        }
    }
}

/// A fill under way. The ledger's committer must run.
pub struct Filling {
    ledger: Arc<Ledger>,
    plan: Plan,
    partners: Vec<Arc<PartnerRow>>,
    /// Accounts that are open, with their sessions.
    opened: u64,
    plays: Plays,
    /// The newest entry.
    last: Seq,
}

impl Filling {
    /// Creates the partners of the first fill that `ledger` has not seen begun.
    ///
    /// # Errors
    /// Nothing is taken any more.
    pub async fn begin(ledger: Arc<Ledger>, order: Order) -> Result<Filling, FillError> {
        let plans = (1..).map(|run| Plan { run, order });
        let is_new = |plan: &Plan| {
            let token = plan.wallet_token(0);
            ledger.partner_by_token(token.as_str()).is_none()
        };
        let plan = { plans }.find(is_new).expect("fills can be counted");
        let mut filling = Filling {
            ledger,
            plan,
            partners: Vec::new(),
            opened: 0,
            plays: Plays::of(plan),
            last: Seq::NONE,
        };
        for partner in 0..PARTNERS {
            let created = filling.operate(|ledger| {
                let new = NewPartner {
                    name: plan.name(),
                    id_space: plan.id_space(),
                    ..sample::partner(plan.wallet_token(partner).as_str(), plan.currency())
                };
                let secrets = PartnerSecrets {
                    api_key: new.wallet_token.to_string(),
                    ..sample::secrets()
                };
                let created = ledger.create_partner(new, secrets)?;
                Ok((created.value, created.seq))
            });
            let (row, seq) = created.await?;
            filling.partners.push(row);
            filling.last = seq;
        }
        Ok(filling)
    }

    /// What it consists of.
    pub fn plan(&self) -> Plan {
        self.plan
    }

    /// Opens at most `at_most` further accounts with their sessions; how many it was, 0 when all
    /// are open.
    ///
    /// # Errors
    /// Nothing is taken any more.
    pub async fn open(&mut self, at_most: u64) -> Result<u64, FillError> {
        let first = self.opened;
        let end = self.plan.order.accounts.min(first.saturating_add(at_most));
        let balance = Amount::from_cents(CENTS).expect("the balance is in its range");
        for number in first..end {
            let plan = self.plan;
            let partner = self.partner(number).number;
            let account = plan.account(partner, number);
            let created = self.operate(|ledger| Ok(ledger.create_player(&account, balance)?.seq));
            self.last = created.await?;
            let session = NewSession {
                account,
                code: plan.code(number),
                game: None,
                lang: Lang::EN,
                ttl: TTL,
            };
            let opened = self.operate(|ledger| Ok(ledger.open_session(session.clone())?.seq));
            self.last = opened.await?;
            self.opened += 1;
        }
        Ok(end - first)
    }

    /// Plays at most `at_most` further transactions; how many it was, 0 when all are played. To be
    /// called when all accounts are open.
    ///
    /// # Errors
    /// Nothing is taken any more, or a transaction was refused.
    pub async fn play(&mut self, at_most: u64) -> Result<u64, FillError> {
        let mut played = 0;
        while played < at_most {
            let Some(play) = self.plays.next() else { break };
            let code = self.plan.code(play.account);
            let done = loop {
                let partner = self.partner(play.account);
                match self.ledger.play(partner, code.as_str(), &play.command) {
                    Ok(done) => break done,
                    Err(Unavailable) => self.room().await?,
                }
            };
            self.last = taken(&play, done)?;
            played += 1;
        }
        Ok(played)
    }

    /// Waits until all of it is synced.
    ///
    /// # Errors
    /// The journal failed.
    pub async fn synced(&self) -> Result<(), FillError> {
        let waited = self.ledger.durable(self.last).await;
        waited.map_err(|_| FillError::NotReady(NotReady::Latched))
    }

    fn partner(&self, account: u64) -> &PartnerRow {
        let place = usize::try_from(self.plan.partner_of(account));
        &self.partners[place.expect("there are few partners")]
    }

    /// Does `command` as soon as there is room for it.
    async fn operate<T>(
        &self,
        command: impl Fn(&Ledger) -> Result<T, OperatorError>,
    ) -> Result<T, FillError> {
        loop {
            match command(&self.ledger) {
                Ok(done) => return Ok(done),
                Err(OperatorError::Unavailable) => self.room().await?,
                Err(error) => return Err(FillError::Operator(error)),
            }
        }
    }

    /// Waits until half of the queue to the disk has been synced.
    async fn room(&self) -> Result<(), FillError> {
        match self.ledger.readiness().map_err(FillError::NotReady)? {
            Space::Ample => {}
            Space::Low | Space::Full => return Err(FillError::LittleRoom),
        }
        let synced = self.ledger.durable_seq();
        let under_way = self.last.0.saturating_sub(synced.0);
        if under_way == 0 {
            // Then it is the books that have to catch up.
            tokio::time::sleep(CATCHING_UP).await;
        }
        let half = Seq(synced.0 + under_way.div_ceil(2));
        let waited = self.ledger.durable(half).await;
        waited.map_err(|_| FillError::NotReady(NotReady::Latched))
    }
}

impl fmt::Debug for Filling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Filling")
            .field("plan", &self.plan)
            .field("opened", &self.opened)
            .finish_non_exhaustive()
    }
}

/// The entry that a transaction became.
fn taken(play: &Play, done: Played) -> Result<Seq, FillError> {
    match done.outcome {
        Outcome::Done { .. } => Ok(done.seq),
        refused => Err(FillError::Refused(format!("{play:?}: {refused:?}"))),
    }
}
