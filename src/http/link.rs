//! One-time links into games: the first GET opens the session and leads the player on
//! (partner-api.md, Users).

use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, LOCATION, REFERRER_POLICY};
use hyper::{Method, Response, StatusCode};

use super::State;
use super::body::Answer;
use super::reply::{Reply, allowing, unsuccessful};
use crate::config::Games;
use crate::engine::document::{Partner, Session};
use crate::engine::refusal::LinkRefusal;
use crate::id::Code;
use crate::ledger::{Latched, LinkError};
use crate::protocol::partner::reply::game_path;
use crate::secret::Secret;

/// Characters of the longest token that is looked up: none is longer.
const TOKEN_LENGTH_MAX: usize = 128;

/// Answers a request for `/auth/token/{token}`. Anybody may ask: the token is the proof.
///
/// # Errors
/// The journal failed under way: the connection must close without a byte.
pub(super) async fn answer(state: &State, method: &Method, token: &str) -> Result<Reply, Latched> {
    // Those who look before a person does must not use it up.
    if *method == Method::HEAD {
        return Ok(page(StatusCode::OK, ""));
    }
    if *method != Method::GET {
        let refusal = unsuccessful(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed");
        return Ok(allowing(refusal, "GET, HEAD"));
    }
    if token.len() > TOKEN_LENGTH_MAX {
        return Ok(over());
    }
    let code = code_of(state, &Secret::new(token.to_owned()));
    match state.ledger.use_link(&code) {
        Ok(opened) => {
            state.ledger.durable(opened.seq).await?;
            let (session, partner) = opened.value;
            Ok(lead(&target(state, &session, &partner)))
        }
        Err(LinkError::Refused(refusal, seq)) => {
            state.ledger.durable(seq).await?;
            Ok(match refusal {
                LinkRefusal::Over | LinkRefusal::PartnerNotLive => over(),
                LinkRefusal::PlayerBlocked => page(StatusCode::FORBIDDEN, "User is blocked"),
            })
        }
        Err(LinkError::Unavailable) => Ok(page(
            StatusCode::SERVICE_UNAVAILABLE,
            "This is not possible at the moment. Please try again.",
        )),
    }
}

/// The code of the session that a link's token opens.
pub(super) fn code_of(state: &State, token: &Secret) -> Code {
    let code = state.admin.secret_key.link_code(token);
    code.parse().expect("hex digits are a code")
}

fn over() -> Reply {
    page(
        StatusCode::GONE,
        "This link was used or has expired. Please ask for a new one.",
    )
}

/// Where a link's session is played.
fn target(state: &State, session: &Session, partner: &Partner) -> String {
    let (link, game) =
        (session.link.as_ref().zip(session.game)).expect("a link's session is one of a game");
    let games = &state.admin.games;
    let own = || format!("{}{}", state.settings.public_url, game_path(&link.game));
    let base = games.launch_base(&link.game);
    let base = base.map_or_else(own, str::to_owned);
    let wallet = &partner.wallet_token;
    Games::real_url(&base, game, &session.code, session.lang, wallet)
}

fn lead(target: &str) -> Reply {
    let mut reply = page(StatusCode::FOUND, "");
    let target = HeaderValue::from_str(target).expect("addresses are printable ASCII");
    reply.headers_mut().insert(LOCATION, target);
    reply
}

/// A plain page. Neither page nor address is kept or passed on: they are as good as a password.
fn page(status: StatusCode, text: &'static str) -> Reply {
    let mut reply = Response::new(Answer::whole(text));
    *reply.status_mut() = status;
    let headers = reply.headers_mut();
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    headers.insert(CONTENT_TYPE, plain);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    reply
}
