//! Pages that people open, and what those load.

mod game;
mod order;

use hyper::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use hyper::http::request::Parts;
use hyper::{Response, StatusCode};

use super::State;
use super::body::Answer;
use super::reply::Reply;
use crate::ledger::Latched;
use crate::page::{Asset, POLICY};

pub use game::{Game, Shown, Turn};
pub(super) use order::too_long;

/// What a person asks for, by the last piece of its path.
pub(super) enum Sight {
    /// The page of a payment link, or what pages load.
    Order(String),
    /// A game.
    Game(String),
}

/// Answers a person.
///
/// # Errors
/// The journal failed under way: the connection must close without a byte.
pub(super) async fn answer(
    state: &State,
    head: &Parts,
    sight: &Sight,
    form: &[u8],
) -> Result<Reply, Latched> {
    match sight {
        Sight::Order(name) => order::answer(state, head, name, form).await,
        Sight::Game(name) => Ok(game::answer(state, head, name, form).await),
    }
}

/// A page: nobody keeps it, frames it or learns its address from it.
fn html(status: StatusCode, bytes: Vec<u8>) -> Reply {
    let mut reply = Response::new(Answer::whole(bytes));
    *reply.status_mut() = status;
    let headers: [(HeaderName, &'static str); 5] = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CACHE_CONTROL, "no-store"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    for (name, value) in headers {
        let value = HeaderValue::from_static(value);
        reply.headers_mut().insert(name, value);
    }
    reply
}

/// A file that never changes under its address.
fn kept(asset: &'static Asset) -> Reply {
    let mut reply = Response::new(Answer::whole(asset.bytes));
    for (name, value) in [
        (CONTENT_TYPE, asset.kind),
        (CACHE_CONTROL, "public, max-age=31536000, immutable"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        let value = HeaderValue::from_static(value);
        reply.headers_mut().insert(name, value);
    }
    reply
}
