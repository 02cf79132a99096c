//! Joins the Wallet API to the ledger: decode, play, wait until it is durable, encode.

use std::cell::RefCell;

use hyper::StatusCode;

use super::State;
use super::reply::{self, json};
use crate::ledger::{Latched, Outcome, PartnerRow, Played, Unavailable};
use crate::protocol::wallet::reply::{Reply, encode};
use crate::protocol::wallet::request::{DecodeError, Decoder};
use crate::time::Timestamp;

thread_local! {
    /// Its buffers serve one request after another: playing never waits.
    static DECODER: RefCell<Decoder> = RefCell::default();
}

/// What became of a body before anything was waited for.
enum Asked {
    Played(Played),
    Untouched(Unavailable),
    Unread(DecodeError),
}

/// Answers one request to a partner's Wallet URL.
///
/// # Errors
/// [`Latched`]: the outcome is unknown and the connection closes without a byte.
pub(super) async fn answer(
    state: &State,
    partner: &PartnerRow,
    body: &[u8],
) -> Result<reply::Reply, Latched> {
    match ask(state, partner, body) {
        Asked::Played(played) => {
            state.ledger.durable(played.seq).await?;
            let words = worded(&played.outcome);
            Ok(told(state, StatusCode::OK, &words, played.at))
        }
        Asked::Untouched(Unavailable) => {
            let status = StatusCode::SERVICE_UNAVAILABLE;
            Ok(told(state, status, &Reply::Unavailable, state.clock.now()))
        }
        Asked::Unread(error) => {
            let words = Reply::from(error);
            Ok(told(state, StatusCode::OK, &words, state.clock.now()))
        }
    }
}

fn ask(state: &State, partner: &PartnerRow, body: &[u8]) -> Asked {
    DECODER.with_borrow_mut(|decoder| match decoder.decode(body) {
        Ok(request) => match state.ledger.play(partner, request.code, &request.command) {
            Ok(played) => Asked::Played(played),
            Err(unavailable) => Asked::Untouched(unavailable),
        },
        Err(error) => Asked::Unread(error),
    })
}

fn worded(outcome: &Outcome) -> Reply<'_> {
    match outcome {
        Outcome::Balance {
            player_id,
            currency,
            balance,
        } => Reply::Balance {
            player_id,
            currency: *currency,
            balance: *balance,
        },
        Outcome::Done { balance } => Reply::Done { balance: *balance },
        Outcome::Refused {
            refusal,
            balance,
            lang,
        } => Reply::Refused {
            refusal: *refusal,
            balance: *balance,
            lang: *lang,
        },
    }
}

fn told(state: &State, status: StatusCode, words: &Reply<'_>, at: Timestamp) -> reply::Reply {
    json(status, encode(words, at, &state.settings.wording))
}
