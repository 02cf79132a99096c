//! A small game server: plays rounds against a Wallet URL the way real ones do. It knows no
//! socket: [`GameServer::request`] gives what to send, [`GameServer::take`] takes the answer.
//!
//! Seeded, so that the same answers lead to the same play. A request stays the same until it is
//! answered, as the Wallet API asks of whoever lost an answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

pub use super::seat::Told;
use super::seat::{Seat, Step};
use crate::id::{Code, GameNumber, TransactionId};
use crate::time::Timestamp;

/// The largest stake, in cents.
const STAKE_MAX: u64 = 500;

/// Games that are played: any numbers do.
const GAMES: [GameNumber; 3] = [GameNumber(1012), GameNumber(1014), GameNumber(1053)];

/// Ids for bets and wins, for all who play at one game server.
#[derive(Clone)]
pub struct Ids(Arc<AtomicU64>);

impl Ids {
    /// From `first` on.
    pub fn new(first: TransactionId) -> Ids {
        Ids(Arc::new(AtomicU64::new(first.0)))
    }

    /// One that nobody has had. Past the last id the numbers start again, far from where this play
    /// began.
    pub fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}

/// Rounds for a few players, one step at a time.
pub struct GameServer {
    random: ChaCha8Rng,
    ids: Ids,
    seats: Vec<Seat>,
    /// Who has sent a request that is not answered yet.
    pending: Option<usize>,
}

impl GameServer {
    /// Plays for the players behind `codes`, one at least.
    pub fn new(seed: u64, ids: Ids, codes: Vec<Code>) -> GameServer {
        GameServer {
            random: ChaCha8Rng::seed_from_u64(seed),
            ids,
            seats: codes.into_iter().map(Seat::new).collect(),
            pending: None,
        }
    }

    /// The next request's body; the same as before where that had no answer yet.
    ///
    /// # Panics
    /// Never: who has begun a step has a request.
    pub fn request(&mut self, now: Timestamp) -> String {
        let seat = match self.pending {
            Some(seat) => seat,
            None => {
                let seat = self.random.random_range(0..self.seats.len());
                let step = self.step(seat);
                self.seats[seat].begin(step);
                seat
            }
        };
        self.pending = Some(seat);
        let request = self.seats[seat].request(now);
        request.expect("a step was begun")
    }

    /// Takes the answer to the last request.
    ///
    /// # Errors
    /// It is no answer of a Wallet URL: the request is still open.
    pub fn take(&mut self, answer: &[u8]) -> Result<Told, serde_json::Error> {
        let Some(seat) = self.pending else {
            return Ok(Told::PlaysOn);
        };
        let told = self.seats[seat].take(answer)?;
        self.pending = None;
        Ok(told)
    }

    fn step(&mut self, seat: usize) -> Step {
        let luck = self.random.random_range(0..100_u32);
        let stake = self.random.random_range(1..=STAKE_MAX);
        match self.seats[seat].round() {
            None if luck < 15 => Step::Credit,
            None => Step::Bet {
                id: self.ids.next(),
                game: GAMES[self.random.random_range(0..GAMES.len())],
                stake,
            },
            // A second bet in the round, as on a split or a raise.
            Some(round) if luck < 10 => Step::Bet {
                id: self.ids.next(),
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
                let id = self.ids.next();
                Step::Win { id, won }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn server() -> GameServer {
        let code = |text: &str| text.parse().unwrap();
        GameServer::new(7, Ids::new(TransactionId(1000)), vec![code("a"), code("b")])
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
