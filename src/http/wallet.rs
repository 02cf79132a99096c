//! Joins the Wallet API to the ledger: decode, play, wait until it is durable, encode.

use std::cell::RefCell;
use std::time::Instant;

use hyper::StatusCode;

use super::State;
use super::meters;
use super::reply::{self, json};
use crate::ledger::{Latched, Outcome, PartnerRow, Played, Unavailable};
use crate::protocol::wallet::reply::{Reply, encode};
use crate::protocol::wallet::request::{DecodeError, Decoder};

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
    let begun = Instant::now();
    let (kind, asked) = ask(state, partner, body);
    let told = |status, words: Reply<'_>, at| {
        let reply = json(status, encode(&words, at, &state.settings.wording));
        let wallet = &state.meters.wallet;
        wallet.add(kind, words.result(), begun.elapsed());
        reply
    };
    match asked {
        Asked::Played(played) => {
            state.ledger.durable(played.seq).await?;
            Ok(told(StatusCode::OK, worded(&played.outcome), played.at))
        }
        Asked::Untouched(Unavailable) => {
            let status = StatusCode::SERVICE_UNAVAILABLE;
            Ok(told(status, Reply::Unavailable, state.clock.now()))
        }
        Asked::Unread(error) => {
            let words = Reply::from(error);
            Ok(told(StatusCode::OK, words, state.clock.now()))
        }
    }
}

fn ask(state: &State, partner: &PartnerRow, body: &[u8]) -> (meters::Asked, Asked) {
    DECODER.with_borrow_mut(|decoder| match decoder.decode(body) {
        Ok(request) => {
            let played = state.ledger.play(partner, request.code, &request.command);
            let asked = match played {
                Ok(played) => Asked::Played(played),
                Err(unavailable) => Asked::Untouched(unavailable),
            };
            (meters::Asked::from(&request.command), asked)
        }
        Err(error) => (meters::Asked::Unread, Asked::Unread(error)),
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
