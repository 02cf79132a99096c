//! One player's play at a Wallet URL, one request at a time: what is sent, and what an answer
//! changes. A request stays the same until it is answered, as the Wallet API asks of whoever lost
//! an answer.

use serde::Deserialize;
use serde_json::json;

use crate::id::{Code, GameNumber};
use crate::time::{Timestamp, UtcOffset};

/// A player, and the round that is being played.
pub struct Seat {
    code: Code,
    round: Option<Round>,
    /// Sent, and not answered yet.
    pending: Option<Step>,
}

/// A round with a stake on the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Round {
    /// Which game.
    pub game: GameNumber,
    /// Its first bet.
    pub first: u64,
    /// Its last bet.
    pub last_bet: u64,
    /// All its stakes, in cents.
    pub staked: u64,
}

/// What can be asked next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// What does the account hold?
    Credit,
    /// A stake.
    Bet {
        /// Its id.
        id: u64,
        /// In which game.
        game: GameNumber,
        /// How much, in cents.
        stake: u64,
    },
    /// The round is over.
    Win {
        /// The id.
        id: u64,
        /// What the player gets, in cents: nothing where the round is lost.
        won: u64,
    },
    /// The bet is undone.
    Cancel {
        /// Which.
        id: u64,
    },
}

/// What came of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// The play goes on.
    PlaysOn,
    /// The player behind this code has too little left.
    OutOfFunds(Code),
    /// The server of credits said no with this code.
    Refused(u64),
}

#[derive(Deserialize)]
struct Answer {
    result: u64,
}

impl Seat {
    /// A player who has not begun a round.
    pub fn new(code: Code) -> Seat {
        Seat {
            code,
            round: None,
            pending: None,
        }
    }

    /// The round that is being played.
    pub fn round(&self) -> Option<Round> {
        self.round
    }

    /// The step that has no answer yet.
    pub fn pending(&self) -> Option<Step> {
        self.pending
    }

    /// Takes the next step, unless one has no answer yet.
    pub fn begin(&mut self, step: Step) {
        self.pending.get_or_insert(step);
    }

    /// The body of the request that has no answer yet, if there is one.
    pub fn request(&self, now: Timestamp) -> Option<String> {
        let Seat { code, round, .. } = self;
        let time = now.wallet_text(UtcOffset::UTC);
        let time = String::from_utf8_lossy(&time);
        let round_id = round.map(|round| round.first);
        let body = match self.pending? {
            Step::Credit => json!({"type": "credit", "code": code, "time": time}),
            Step::Bet { id, game, stake } => json!({
                "type": "bet", "code": code, "game": game, "id": id, "bet": stake,
                "round_id": round_id.unwrap_or(id), "time": time,
            }),
            Step::Win { id, won } => json!({
                "type": "win", "code": code, "game": round.map(|round| round.game), "id": id,
                "win": won, "round_id": round_id, "time": time,
            }),
            Step::Cancel { id } => json!({
                "type": "cancel", "code": code, "id": id, "round_id": round_id, "time": time,
            }),
        };
        Some(body.to_string())
    }

    /// Takes the answer to the request.
    ///
    /// # Errors
    /// It is no answer of a Wallet URL: the request is still open.
    pub fn take(&mut self, answer: &[u8]) -> Result<Told, serde_json::Error> {
        let Answer { result } = serde_json::from_slice(answer)?;
        let Some(step) = self.pending.take() else {
            return Ok(Told::PlaysOn);
        };
        if result == 1 {
            self.round = match step {
                Step::Credit => self.round,
                Step::Bet { id, game, stake } => Some(Round {
                    game,
                    first: self.round.map_or(id, |round| round.first),
                    last_bet: id,
                    staked: stake + self.round.map_or(0, |round| round.staked),
                }),
                Step::Win { .. } | Step::Cancel { .. } => None,
            };
            return Ok(Told::PlaysOn);
        }
        match (result, step) {
            (4, _) => Ok(Told::OutOfFunds(self.code.clone())),
            (_, Step::Bet { .. } | Step::Credit) => Ok(Told::Refused(result)),
            (_, Step::Win { .. } | Step::Cancel { .. }) => {
                self.round = None;
                Ok(Told::Refused(result))
            }
        }
    }
}
