//! A small game server: plays rounds against a Wallet URL the way real ones do. It knows no
//! socket: [`GameServer::request`] gives what to send, [`GameServer::take`] takes the answer.
//!
//! Seeded, so that the same answers lead to the same play. A request stays the same until it is
//! answered, as the Wallet API asks of whoever lost an answer.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Deserialize;
use serde_json::json;

use crate::id::{Code, GameNumber, TransactionId};
use crate::time::{Timestamp, UtcOffset};

/// The largest stake, in cents.
const STAKE_MAX: u64 = 500;

/// Games that are played: any numbers do.
const GAMES: [GameNumber; 3] = [GameNumber(1012), GameNumber(1014), GameNumber(1053)];

/// Rounds for a few players, one step at a time.
pub struct GameServer {
    random: ChaCha8Rng,
    next_id: u64,
    seats: Vec<Seat>,
    /// Sent, and not answered yet.
    pending: Option<(usize, Step)>,
}

struct Seat {
    code: Code,
    round: Option<Round>,
}

/// A round with a stake on the table.
#[derive(Clone, Copy)]
struct Round {
    game: GameNumber,
    first: u64,
    last_bet: u64,
    staked: u64,
}

#[derive(Clone, Copy)]
enum Step {
    Credit,
    Bet {
        id: u64,
        game: GameNumber,
        stake: u64,
    },
    Win {
        id: u64,
        won: u64,
    },
    Cancel {
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

impl GameServer {
    /// Plays for the players behind `codes`, one at least, numbering from `first_id` on.
    pub fn new(seed: u64, first_id: TransactionId, codes: Vec<Code>) -> GameServer {
        let seat = |code| Seat { code, round: None };
        GameServer {
            random: ChaCha8Rng::seed_from_u64(seed),
            next_id: first_id.0,
            seats: codes.into_iter().map(seat).collect(),
            pending: None,
        }
    }

    /// The next request's body; the same as before where that had no answer yet.
    pub fn request(&mut self, now: Timestamp) -> String {
        let (seat, step) = match self.pending {
            Some(pending) => pending,
            None => {
                let seat = self.random.random_range(0..self.seats.len());
                let step = self.step(seat);
                (seat, step)
            }
        };
        self.pending = Some((seat, step));
        let Seat { code, round } = &self.seats[seat];
        let time = now.wallet_text(UtcOffset::UTC);
        let time = String::from_utf8_lossy(&time);
        let round_id = round.map(|round| round.first);
        let body = match step {
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
        body.to_string()
    }

    /// Takes the answer to the last request.
    ///
    /// # Errors
    /// It is no answer of a Wallet URL: the request is still open.
    pub fn take(&mut self, answer: &[u8]) -> Result<Told, serde_json::Error> {
        let Answer { result } = serde_json::from_slice(answer)?;
        let Some((seat, step)) = self.pending.take() else {
            return Ok(Told::PlaysOn);
        };
        let seat = &mut self.seats[seat];
        if result == 1 {
            seat.round = match step {
                Step::Credit => seat.round,
                Step::Bet { id, game, stake } => Some(Round {
                    game,
                    first: seat.round.map_or(id, |round| round.first),
                    last_bet: id,
                    staked: stake + seat.round.map_or(0, |round| round.staked),
                }),
                Step::Win { .. } | Step::Cancel { .. } => None,
            };
            return Ok(Told::PlaysOn);
        }
        match (result, step) {
            (4, _) => Ok(Told::OutOfFunds(seat.code.clone())),
            (_, Step::Bet { .. } | Step::Credit) => Ok(Told::Refused(result)),
            (_, Step::Win { .. } | Step::Cancel { .. }) => {
                seat.round = None;
                Ok(Told::Refused(result))
            }
        }
    }

    fn step(&mut self, seat: usize) -> Step {
        let luck = self.random.random_range(0..100_u32);
        let stake = self.random.random_range(1..=STAKE_MAX);
        match self.seats[seat].round {
            None if luck < 15 => Step::Credit,
            None => Step::Bet {
                id: self.id(),
                game: GAMES[self.random.random_range(0..GAMES.len())],
                stake,
            },
            // A second bet in the round, as on a split or a raise.
            Some(round) if luck < 10 => Step::Bet {
                id: self.id(),
                game: round.game,
                stake,
            },
            // Only the first bet of a round of one: the game could not start.
            Some(round) if luck < 15 && round.first == round.last_bet => {
                Step::Cancel { id: round.last_bet }
            }
            Some(round) => {
                let won = match luck {
                    15..55 => 0,
                    55..85 => round.staked,
                    _ => round.staked * self.random.random_range(2..=5),
                };
                Step::Win { id: self.id(), won }
            }
        }
    }

    fn id(&mut self) -> u64 {
        let id = self.next_id;
        // Past the last id the numbers start again, far from where this play began.
        self.next_id = self.next_id.wrapping_add(1);
        id
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn server() -> GameServer {
        let code = |text: &str| text.parse().unwrap();
        GameServer::new(7, TransactionId(1000), vec![code("a"), code("b")])
    }

    #[test]
    fn every_round_is_closed_and_no_id_serves_twice() {
        let mut server = server();
        let mut ids = BTreeSet::new();
        let mut kinds = BTreeSet::new();
        for _ in 0..1000 {
            let body = server.request(Timestamp::EPOCH);
            let body: serde_json::Value = serde_json::from_str(&body).unwrap();
            let kind = body["type"].as_str().unwrap().to_owned();
            if kind == "bet" || kind == "win" {
                assert!(ids.insert(body["id"].as_u64().unwrap()));
                assert!(body["game"].is_u64() && body["round_id"].is_u64());
            }
            if kind == "cancel" {
                assert!(ids.contains(&body["id"].as_u64().unwrap()));
            }
            kinds.insert(kind);
            assert_eq!(server.take(br#"{"result":1}"#).unwrap(), Told::PlaysOn);
        }
        assert_eq!(kinds.len(), 4, "{kinds:?}");
    }

    #[test]
    fn an_unanswered_request_is_repeated() {
        let mut server = server();
        let body = server.request(Timestamp::EPOCH);
        assert!(server.take(b"<html>").is_err());
        assert_eq!(server.request(Timestamp::EPOCH), body);
        assert_eq!(server.take(br#"{"result":9}"#).unwrap(), Told::Refused(9));
        assert_ne!(server.request(Timestamp::EPOCH), body);
    }

    #[test]
    fn who_has_too_little_is_named() {
        let mut server = server();
        let told = loop {
            let body = server.request(Timestamp::EPOCH);
            if body.contains("\"bet\"") {
                break server.take(br#"{"result":4}"#).unwrap();
            }
            server.take(br#"{"result":1}"#).unwrap();
        };
        assert!(matches!(told, Told::OutOfFunds(_)));
    }
}
