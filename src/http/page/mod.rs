//! Pages that people open, and what those load.

mod game;
mod hosted;
mod order;

use hyper::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION,
    REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use hyper::http::request::Parts;
use hyper::{Method, Response, StatusCode};

use super::State;
use super::body::Answer;
use super::reply::{Reply, allowing, not_found};
use crate::ledger::Latched;
use crate::page::{self, Asset, POLICY};
use crate::protocol::percent;

pub use game::{Game, Shown, Turn};

/// What a person asks for, by the last piece of its path.
pub(super) enum Sight {
    /// The page of a payment link, or what pages load.
    Order(String),
    /// The page that a merchant's payer pays on, or what pages load.
    Hosted(String),
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
        Sight::Hosted(name) => hosted::answer(state, head, name, form).await,
        Sight::Game(name) => Ok(game::answer(state, head, name, form).await),
    }
}

/// Where assets lie, as seen from a payment's page: beside it.
const ASSETS: &str = "";

/// The most that is shown again of what was typed, in characters.
const TYPED_MAX: usize = 64;

fn is_read(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

/// The answer to what is no request for a payment's page: for what such pages load, which lies
/// beside them, for what lies below them, and by methods that nothing there takes.
fn asked_wrongly(method: &Method, name: &str) -> Option<Reply> {
    if name.contains('/') {
        return Some(not_found());
    }
    let asset = page::asset(name);
    if !is_read(method) && (*method != Method::POST || asset.is_some()) {
        let status = StatusCode::METHOD_NOT_ALLOWED;
        let told = notice(status, "This is not possible here", "");
        let allowed = ["GET, HEAD, POST", "GET, HEAD"][usize::from(asset.is_some())];
        return Some(allowing(told, allowed));
    }
    asset.map(kept)
}

/// What a form's field holds; nothing where it is not there. In a form `+` is a blank.
fn typed(form: &[u8], field: &str) -> String {
    let form = std::str::from_utf8(form).unwrap_or_default();
    member(&form.replace('+', " "), field).unwrap_or_default()
}

fn member(query: &str, name: &str) -> Option<String> {
    let members = percent::decode_query(query)?;
    let mut members = members.into_iter();
    members.find_map(|(known, value)| (known == name).then_some(value))
}

/// To the page under the address at which it was asked for, which is printable ASCII. Relative, so
/// that it holds behind any proxy.
fn see(target: &str) -> Reply {
    let mut reply = html(StatusCode::SEE_OTHER, Vec::new());
    let target = HeaderValue::from_str(target).expect("references are letters and digits");
    reply.headers_mut().insert(LOCATION, target);
    reply
}

fn unknown() -> Reply {
    let text = "There is no payment at this address. Please look at the link again.";
    notice(StatusCode::NOT_FOUND, "Not found", text)
}

/// A disabled partner's, or one's that is past its end.
fn gone() -> Reply {
    let text = "Please do not pay. If you have paid already, tell whom you have paid, and name the \
                bank's reference.";
    notice(StatusCode::GONE, "Payment is not possible", text)
}

fn unavailable() -> Reply {
    let text = "Nothing was changed. Please try again in a moment.";
    notice(StatusCode::SERVICE_UNAVAILABLE, "Not possible now", text)
}

/// A form that is too long to be one of ours.
pub(super) fn too_long() -> Reply {
    notice(StatusCode::PAYLOAD_TOO_LARGE, "Too much was sent", "")
}

fn notice(status: StatusCode, title: &str, text: &str) -> Reply {
    html(status, page::notice(title, text, ASSETS))
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
