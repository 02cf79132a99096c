//! One request: its head is checked, its route found, its body read within bounds, its answer
//! made.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use hyper::header::HOST;
use hyper::http::request::Parts;
use hyper::{Method, Request, StatusCode, Version};

use super::connection::Caller;
use super::meters::Api;
use super::page::Sight;
use super::reply::{Reply, allowing, json, last, not_found, unsuccessful};
use super::route::{Route, Side, route};
use super::{
    State, address, admin, framing, gateway, health, link, metrics, openapi, page, partner, wallet,
};
use crate::ledger::{Latched, PartnerRow};
use crate::protocol::admin::Fault;
use crate::protocol::wallet::reply::{
    ADDRESS_NOT_ALLOWED, BODY_TOO_LARGE, METHOD_NOT_ALLOWED, UNKNOWN_WALLET_TOKEN,
};

/// Why a connection ends without an answer.
#[derive(Debug)]
pub(super) enum Unanswered {
    /// The disk failed: nobody gets a verdict any more.
    Latched,
    /// The body broke off, or took too long.
    Body,
}

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Unanswered::Latched => "the ledger is latched: restart the server",
            Unanswered::Body => "the caller did not send the whole body in time",
        })
    }
}

impl std::error::Error for Unanswered {}

impl From<Latched> for Unanswered {
    fn from(_: Latched) -> Unanswered {
        Unanswered::Latched
    }
}

/// Answers one request.
///
/// # Errors
/// [`Unanswered`]: the connection closes without a byte.
pub(super) async fn answer(
    state: &Arc<State>,
    side: Side,
    caller: &Caller,
    request: Request<Incoming>,
) -> Result<Reply, Unanswered> {
    let api = Api::from(route(side, request.uri().path()));
    let reply = reply_to(state, side, caller, request).await?;
    state.meters.requests.add(api, reply.status());
    Ok(reply)
}

async fn reply_to(
    state: &Arc<State>,
    side: Side,
    caller: &Caller,
    request: Request<Incoming>,
) -> Result<Reply, Unanswered> {
    if let Some((status, message)) = head_fault(caller, &request) {
        return Ok(last(match side {
            Side::Public => unsuccessful(status, message),
            Side::Admin => admin::refusal(Fault::HeadNotTaken {
                status: status.as_u16(),
                message,
            }),
        }));
    }
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    match route(side, request.uri().path()) {
        Route::Wallet(token) => {
            let partner = state.ledger.partner_by_token(token);
            serve_game_server(state, caller, partner, request).await
        }
        Route::Partner(call) => match partner::find(request.method(), call) {
            partner::Found::Call(asked) => {
                let (head, body) = request.into_parts();
                serve_partner(state, caller, asked, head, body).await
            }
            partner::Found::OtherMethod(right) => {
                let status = StatusCode::METHOD_NOT_ALLOWED;
                Ok(allowing(unsuccessful(status, "Method not allowed"), right))
            }
            partner::Found::Nothing => Ok(not_found()),
        },
        Route::Gateway => match gateway::find(request.method(), request.uri().path()) {
            gateway::Found::Call(asked) => {
                let (head, body) = request.into_parts();
                serve_merchant(state, caller, asked, head, body).await
            }
            gateway::Found::OtherMethod(right) => Ok(gateway::other_method(right)),
            gateway::Found::Nothing => Ok(gateway::not_found()),
        },
        Route::Hashed(hash) => Ok(gateway::redirect(state, request.method(), hash).await?),
        Route::Link(token) => Ok(link::answer(state, request.method(), token).await?),
        Route::Page(name) => serve_person(state, Sight::Order(name.to_owned()), request).await,
        Route::Hosted(name) => serve_person(state, Sight::Hosted(name.to_owned()), request).await,
        Route::Game(name) => serve_person(state, Sight::Game(name.to_owned()), request).await,
        Route::Admin => {
            let (head, body) = request.into_parts();
            operate(state, caller, head, body).await
        }
        Route::Metrics => Ok(measured(state, caller, request).await),
        Route::Alive | Route::Ready | Route::OpenApi if side == Side::Admin && !is_read => {
            Ok(read_only())
        }
        Route::OpenApi => Ok(openapi::answer(request.method(), side)),
        Route::Alive => Ok(health::alive(request.method())),
        Route::Ready => Ok(health::ready(
            request.method(),
            &state.ledger,
            &state.admin.scrubs,
        )),
        Route::Unknown => Ok(match side {
            Side::Public => not_found(),
            Side::Admin => admin::refusal(Fault::PathUnknown),
        }),
    }
}

/// Tells an operator what was counted and measured.
async fn measured(state: &Arc<State>, caller: &Caller, request: Request<Incoming>) -> Reply {
    let (head, body) = request.into_parts();
    let is_read = matches!(head.method, Method::GET | Method::HEAD);
    match admin::turned_away(state, caller.peer, &head) {
        Some(refusal) => over(refusal, &body),
        None if is_read => over(metrics::answer(state).await, &body),
        None => over(read_only(), &body),
    }
}

/// Answers an operator. Nothing of the body is read before the key has opened: a stranger must
/// neither fill memory nor hold the connection with it.
async fn operate(
    state: &Arc<State>,
    caller: &Caller,
    head: Parts,
    body: Incoming,
) -> Result<Reply, Unanswered> {
    if let Some(refusal) = admin::turned_away(state, caller.peer, &head) {
        return Ok(over(refusal, &body));
    }
    match read(body, state.settings.limits.body_bytes_max).await? {
        Some(body) => Ok(admin::answer(state, head, body).await?),
        None => Ok(last(admin::refusal(Fault::BodyTooLarge))),
    }
}

/// An answer that is given whatever the body is: where there is one, it is the connection's last.
fn over(reply: Reply, body: &Incoming) -> Reply {
    if body.is_end_stream() {
        reply
    } else {
        last(reply)
    }
}

/// The admin address's answer to another method than those that read.
fn read_only() -> Reply {
    allowing(admin::refusal(Fault::MethodNotAllowed), "GET, HEAD")
}

/// Answers a game server. Its body is read when the token is a partner's, which it may call from
/// where it is.
async fn serve_game_server(
    state: &State,
    caller: &Caller,
    partner: Option<Arc<PartnerRow>>,
    request: Request<Incoming>,
) -> Result<Reply, Unanswered> {
    let Some(partner) = partner else {
        return Ok(json(StatusCode::NOT_FOUND, UNKNOWN_WALLET_TOKEN));
    };
    if *request.method() != Method::POST {
        let refusal = json(StatusCode::METHOD_NOT_ALLOWED, METHOD_NOT_ALLOWED);
        return Ok(allowing(refusal, "POST"));
    }
    let from = &partner.game_server_addresses;
    let proxies = &state.settings.trusted_proxies;
    if !from.is_empty()
        && !address::caller(caller.peer, request.headers(), proxies)
            .is_some_and(|address| address::contains(from, address))
    {
        return Ok(json(StatusCode::FORBIDDEN, ADDRESS_NOT_ALLOWED));
    }
    let bytes_max = state.settings.limits.wallet_body_bytes_max;
    match read(request.into_body(), bytes_max).await? {
        Some(body) => Ok(wallet::answer(state, &partner, &body).await?),
        None => Ok(last(json(StatusCode::PAYLOAD_TOO_LARGE, BODY_TOO_LARGE))),
    }
}

/// Answers a partner, whose body is read when its credentials have opened.
async fn serve_partner(
    state: &Arc<State>,
    caller: &Caller,
    asked: partner::Asked,
    head: Parts,
    body: Incoming,
) -> Result<Reply, Unanswered> {
    if asked.is_of_gateway() {
        return match read(body, state.settings.limits.body_bytes_max).await? {
            Some(body) => Ok(partner::answer_gateway(state, caller, &asked, &head, &body).await?),
            None => Ok(last(body_too_large())),
        };
    }
    let call = match partner::admit(state, caller, asked, head) {
        Ok(call) => call,
        Err(refusal) => {
            let refusal = refusal.durable(state).await?;
            return Ok(over(refusal, &body));
        }
    };
    match read(body, state.settings.limits.body_bytes_max).await? {
        Some(body) => Ok(partner::answer(state, call, body).await?),
        None => Ok(last(body_too_large())),
    }
}

fn body_too_large() -> Reply {
    unsuccessful(StatusCode::PAYLOAD_TOO_LARGE, "Request body too large")
}

/// Answers a person with a page. Only a form has a body that is listened to.
async fn serve_person(
    state: &State,
    sight: Sight,
    request: Request<Incoming>,
) -> Result<Reply, Unanswered> {
    let (head, body) = request.into_parts();
    if head.method != Method::POST {
        return Ok(over(page::answer(state, &head, &sight, &[]).await?, &body));
    }
    match read(body, state.settings.limits.body_bytes_max).await? {
        Some(form) => Ok(page::answer(state, &head, &sight, &form).await?),
        None => Ok(last(page::too_long())),
    }
}

/// Answers a merchant, whose body is read when its secret has opened, or where it is signed.
async fn serve_merchant(
    state: &Arc<State>,
    caller: &Caller,
    asked: gateway::Asked,
    head: Parts,
    body: Incoming,
) -> Result<Reply, Unanswered> {
    let bytes_max = asked.body_bytes_max(state.settings.limits.body_bytes_max);
    if asked.is_signed() {
        return match read(body, bytes_max).await? {
            Some(body) => Ok(gateway::withdraw(state, caller, &head, &body).await?),
            None => Ok(last(gateway::too_large())),
        };
    }
    let call = match gateway::admit(state, caller, asked, head) {
        Ok(call) => call,
        Err(refusal) => {
            let refusal = refusal.durable(state).await?;
            return Ok(over(refusal, &body));
        }
    };
    match read(body, bytes_max).await? {
        Some(body) => Ok(gateway::answer(state, call, body).await?),
        None => Ok(last(gateway::too_large())),
    }
}

/// What is wrong with a head that the parser lets pass (operations.md, Limits). All of these end
/// the connection: where a head is doubtful, so is the place of the next one.
fn head_fault(caller: &Caller, request: &Request<Incoming>) -> Option<(StatusCode, &'static str)> {
    let fault = caller.next_request();
    if request.version() != Version::HTTP_11 {
        return Some((
            StatusCode::HTTP_VERSION_NOT_SUPPORTED,
            "Only HTTP/1.1 is spoken here",
        ));
    }
    let mut hosts = request.headers().get_all(HOST).iter();
    let one_host = hosts.next().is_some() && hosts.next().is_none();
    match fault {
        None if one_host => None,
        None => Some((StatusCode::BAD_REQUEST, "There must be one Host header")),
        Some(framing::Fault::RepeatedContentLength) => Some((
            StatusCode::BAD_REQUEST,
            "There must be at most one Content-Length header",
        )),
        Some(framing::Fault::BareLineFeed) => {
            Some((StatusCode::BAD_REQUEST, "Header lines must end with CR LF"))
        }
        Some(framing::Fault::TooManyHeaders) => Some((
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            "Too many headers",
        )),
    }
}

/// The whole body, or `None` where it is more than `bytes_max`. A body that came in one piece is
/// not copied.
async fn read(mut body: Incoming, bytes_max: usize) -> Result<Option<Bytes>, Unanswered> {
    if body.size_hint().lower() > bytes_max as u64 {
        return Ok(None);
    }
    let mut whole = Bytes::new();
    let mut pieces = Vec::new();
    while !body.is_end_stream() {
        let Some(frame) = body.frame().await else {
            break;
        };
        let Ok(data) = frame.map_err(|_| Unanswered::Body)?.into_data() else {
            continue;
        };
        if whole.len() + pieces.len() + data.len() > bytes_max {
            return Ok(None);
        }
        if whole.is_empty() && pieces.is_empty() {
            whole = data;
        } else {
            pieces.extend_from_slice(&std::mem::take(&mut whole));
            pieces.extend_from_slice(&data);
        }
    }
    Ok(Some(if pieces.is_empty() {
        whole
    } else {
        pieces.into()
    }))
}
