//! A game that people play in the browser at `/v3/game/`, where links into games lead that have no
//! launch base (partner-api.md, Users). `demo` has one; for `serve` there is nothing there.

use std::future::Future;
use std::pin::Pin;

use hyper::header::{HeaderValue, LOCATION};
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};

use super::html;
use crate::http::State;
use crate::http::reply::{Reply, allowing, not_found};
use crate::id::GameType;
use crate::page::{GAME_ASSETS, notice};

/// What a person asks of a game.
pub struct Turn {
    /// Which game.
    pub game: GameType,
    /// What the launch URL says of the session.
    pub query: String,
    /// The form that was sent; `None` where the page is only looked at.
    pub form: Option<String>,
}

/// What a person is shown.
pub enum Shown {
    /// A page.
    Page(Vec<u8>),
    /// Why there is no game.
    Nothing(String),
    /// The form is done: the page is loaded again, so that nothing is sent twice.
    Done,
}

/// Something that people play.
pub trait Game: Send + Sync {
    /// Does what a form says, or shows the table. What does not work is shown.
    fn turn(&self, turn: Turn) -> Pin<Box<dyn Future<Output = Shown> + Send + '_>>;
}

/// Answers a request for what lies below `/v3/game/` under `name`.
pub(super) async fn answer(state: &State, head: &Parts, name: &str, body: &[u8]) -> Reply {
    let game = state.game.as_ref().zip(name.parse().ok());
    let Some((table, game)) = game else {
        return not_found();
    };
    let form = match head.method {
        Method::GET | Method::HEAD => None,
        Method::POST => Some(String::from_utf8_lossy(body).into_owned()),
        _ => {
            let told = notice("This is not possible here", "", GAME_ASSETS);
            return allowing(
                html(StatusCode::METHOD_NOT_ALLOWED, told),
                "GET, HEAD, POST",
            );
        }
    };
    let query = head.uri.query().unwrap_or_default();
    let turn = Turn {
        game,
        query: query.to_owned(),
        form,
    };
    match table.turn(turn).await {
        Shown::Page(bytes) => html(StatusCode::OK, bytes),
        Shown::Nothing(text) => html(StatusCode::NOT_FOUND, notice("No game", &text, GAME_ASSETS)),
        Shown::Done => {
            let mut reply = html(StatusCode::SEE_OTHER, Vec::new());
            let target = HeaderValue::from_str(&format!("{name}?{query}"));
            let target = target.expect("it came as part of an address");
            reply.headers_mut().insert(LOCATION, target);
            reply
        }
    }
}
