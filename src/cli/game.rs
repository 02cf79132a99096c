//! The game of `coffer demo` that a person plays: nine tiles, by the launch URL of a session. It is
//! a game server like any other: all that moves goes through the Wallet URL.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Deserialize;
use tokio::sync::Mutex;

use super::failure::described;
use crate::http::client::{Call, ClientError, Connection};
use crate::http::{Game, Shown, Turn};
use crate::id::{Code, GameNumber, PlayerId, WalletToken};
use crate::money::{Amount, Currency};
use crate::page::{Said, TILES, Table, game};
use crate::protocol::percent;
use crate::sim::gameserver::Ids;
use crate::sim::seat::{Seat, Step};
use crate::time::Clock;

/// What can be bet, in cents.
const STAKES: [u64; 3] = [100, 500, 1000];

/// Tiles that hide double the stake.
const GOOD_TILES: u32 = 4;

/// All who play in their browsers.
pub(super) struct People {
    /// Where the Wallet URLs are.
    authority: String,
    clock: Arc<dyn Clock>,
    ids: Ids,
    /// One turn at a time: it is a demonstration.
    tables: Mutex<Tables>,
}

struct Tables {
    random: ChaCha8Rng,
    /// Those of sessions that the wallet knows.
    sittings: BTreeMap<(WalletToken, Code), Sitting>,
}

/// A session at its table.
struct Sitting {
    seat: Seat,
    said: Option<Said>,
}

/// Which session plays what.
struct Session {
    wallet: WalletToken,
    code: Code,
    number: GameNumber,
}

/// What the wallet answers, as far as people are shown it.
#[derive(Deserialize)]
struct Answer {
    result: u64,
    credit: Option<u64>,
    player_id: Option<PlayerId>,
    currency: Option<Currency>,
    err_desc: Option<String>,
}

impl People {
    /// Plays at the public address `authority`.
    pub(super) fn new(authority: String, clock: Arc<dyn Clock>, ids: Ids) -> People {
        let tables = Tables {
            random: ChaCha8Rng::seed_from_u64(clock.now().micros()),
            sittings: BTreeMap::new(),
        };
        People {
            authority,
            clock,
            ids,
            tables: Mutex::new(tables),
        }
    }

    async fn shown(&self, turn: Turn) -> Shown {
        let Some(session) = session(&turn.query) else {
            let text = "The address names no session. Open a game by its launch URL.";
            return Shown::Nothing(text.to_owned());
        };
        let mut tables = self.tables.lock().await;
        // Whoever asks, the wallet says whether there is such a session.
        let mut looking = Seat::new(session.code.clone());
        looking.begin(Step::Credit);
        let seen = match self.send(&session.wallet, &mut looking).await {
            Ok(seen) => seen,
            Err(error) => return Shown::Nothing(described(&error)),
        };
        let (Some(credit), Some(player), Some(currency)) =
            (seen.credit, seen.player_id, seen.currency)
        else {
            return Shown::Nothing(seen.err_desc.unwrap_or_default());
        };
        let Tables { random, sittings } = &mut *tables;
        let key = (session.wallet.clone(), session.code.clone());
        let sitting = sittings.entry(key).or_insert_with(|| Sitting {
            seat: Seat::new(session.code.clone()),
            said: None,
        });
        if let Some(form) = turn.form {
            self.play(sitting, &session, &form, random).await;
            return Shown::Done;
        }
        let amount = |cents| Amount::from_cents(cents).unwrap_or_default();
        let round = sitting.seat.round();
        let page = game(&Table {
            game: turn.game.as_str(),
            player: player.as_str(),
            balance: amount(credit),
            currency,
            stakes: &STAKES.map(amount),
            staked: round.map(|round| amount(round.staked)),
            said: sitting.said.as_ref(),
        });
        Shown::Page(page)
    }

    /// Does what a form says, where it fits what lies on the table: it may be an old one.
    async fn play(
        &self,
        sitting: &mut Sitting,
        session: &Session,
        form: &str,
        random: &mut ChaCha8Rng,
    ) {
        let asked = percent::decode_query(form).unwrap_or_default();
        let asked = asked
            .first()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        let step = match (asked, sitting.seat.round()) {
            (Some(("bet", stake)), None) => stake_of(stake).map(|stake| Step::Bet {
                id: self.ids.next(),
                game: session.number,
                stake,
            }),
            (Some(("pick", _)), Some(round)) => Some(Step::Win {
                id: self.ids.next(),
                won: match random.random_range(0..TILES) < GOOD_TILES {
                    true => round.staked * 2,
                    false => 0,
                },
            }),
            (Some(("cancel", _)), Some(round)) => Some(Step::Cancel { id: round.last_bet }),
            _ => None,
        };
        if let Some(step) = step {
            sitting.seat.begin(step);
        }
        // What has no answer yet goes first, and is all that is done.
        let Some(step) = sitting.seat.pending() else {
            return;
        };
        sitting.said = match self.send(&session.wallet, &mut sitting.seat).await {
            Err(error) => {
                let reason = described(&error);
                tracing::debug!(reason, "a Wallet URL did not answer");
                Some(Said::Unanswered)
            }
            Ok(answer) if answer.result != 1 => {
                Some(Said::Refused(answer.err_desc.unwrap_or_default()))
            }
            Ok(_) => match step {
                Step::Credit | Step::Bet { .. } => None,
                Step::Cancel { .. } => Some(Said::TakenBack),
                Step::Win { won: 0, .. } => Some(Said::Lost),
                Step::Win { won, .. } => Amount::from_cents(won).map(Said::Won),
            },
        };
    }

    /// Sends what a seat asks, and has it take the answer.
    async fn send(&self, wallet: &WalletToken, seat: &mut Seat) -> Result<Answer, PlayError> {
        let body = seat.request(self.clock.now()).unwrap_or_default();
        let path = format!("/wallet/{wallet}");
        let call = Call {
            method: "POST",
            path: &path,
            bearer: None,
            body: body.into_bytes(),
        };
        let mut connection = Connection::open(&self.authority).await?;
        let (_, answer) = connection.call(call).await?;
        seat.take(&answer)?;
        Ok(serde_json::from_slice(&answer)?)
    }
}

/// Why a turn has no answer.
#[derive(Debug)]
enum PlayError {
    /// It did not come.
    Client(ClientError),
    /// It is none of a Wallet URL.
    Answer(serde_json::Error),
}

impl fmt::Display for PlayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PlayError::Client(error) => error.fmt(f),
            PlayError::Answer(_) => f.write_str("a Wallet URL answered what it never does"),
        }
    }
}

impl std::error::Error for PlayError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            PlayError::Client(error) => error.source(),
            PlayError::Answer(error) => Some(error),
        }
    }
}

impl From<ClientError> for PlayError {
    fn from(error: ClientError) -> PlayError {
        PlayError::Client(error)
    }
}

impl From<serde_json::Error> for PlayError {
    fn from(error: serde_json::Error) -> PlayError {
        PlayError::Answer(error)
    }
}

impl Game for People {
    fn turn(&self, turn: Turn) -> Pin<Box<dyn Future<Output = Shown> + Send + '_>> {
        Box::pin(self.shown(turn))
    }
}

/// The session that a launch URL names (wallet-api.md, Launch URLs).
fn session(query: &str) -> Option<Session> {
    let members = percent::decode_query(query)?;
    let member = |name: &str| {
        let mut members = members.iter();
        members.find_map(|(known, value)| (known == name).then_some(value.as_str()))
    };
    Some(Session {
        wallet: member("wallet")?.parse().ok()?,
        code: member("token")?.parse().ok()?,
        number: GameNumber(member("gameID")?.parse().ok()?),
    })
}

/// The cents of a stake that is offered.
fn stake_of(text: &str) -> Option<u64> {
    let stake = Amount::from_decimal(text).ok()?.cents();
    STAKES.contains(&stake).then_some(stake)
}
