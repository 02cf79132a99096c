//! One-time links into games, made for a partner's user.

use hyper::HeaderMap;

use super::guard::{NOT_LIVE, single};
use super::users::{malformed, told, told_at_once, unavailable};
use super::{Call, Told};
use crate::engine::command::{AccountName, NewSession};
use crate::engine::link::NewLink;
use crate::engine::refusal::{OperatorRefusal, UserRefusal};
use crate::http::{State, link};
use crate::id::{GameNumber, GameType, Lang};
use crate::ledger::{OperatorError, PartnerRow, UserError};
use crate::protocol::partner::reply::Reply;
use crate::protocol::partner::request::decode_mobile_by;
use crate::protocol::partner::texts;
use crate::secret::Secret;

/// What the mobile number is called: rightly, as the document misprints it, and as some clients
/// do (partner-api.md, Users).
const MOBILE: [&str; 3] = ["mobile", "mboile", "username"];

/// Judges header, number, user and permission, in this order.
pub(super) fn generate_url(state: &State, call: &Call, body: &[u8]) -> Told {
    let partner = &call.partner;
    let Some((game, number)) = game(state, partner, &call.head.headers) else {
        return told_at_once(Reply::refusal(400, texts::GAME_TYPE));
    };
    let mobile = match decode_mobile_by(body, &MOBILE) {
        Ok(Ok(mobile)) => mobile,
        Ok(Err(faults)) => return told_at_once(Reply::invalid(&faults)),
        Err(_) => return malformed(),
    };
    let user = match state.ledger.user(partner, &mobile) {
        Ok(user) => user,
        Err(UserError::Refused(refusal, seq)) => {
            let reply = match refusal {
                UserRefusal::NotThePartnersUser => Reply::refusal(403, texts::NOT_PERMITTED),
                _ => Reply::refusal(401, texts::INVALID_USER),
            };
            return told(reply, seq);
        }
        Err(UserError::Unavailable) => return unavailable(),
    };
    if !partner.settings.permits(&game) {
        return told(Reply::refusal(403, texts::NOT_PERMITTED), user.seq);
    }
    let token = Secret::random();
    let new = NewSession {
        account: AccountName {
            partner: partner.number,
            player_id: user.value.number.player_id(),
            currency: partner.currency,
        },
        code: link::code_of(state, &token),
        game: Some(number),
        lang: Lang::EN,
        ttl: state.admin.session_ttl,
    };
    let life = state.settings.payments.auth_link_ttl;
    let of = NewLink {
        game: game.clone(),
        life,
    };
    match state.ledger.make_link(new, of) {
        Ok(made) => {
            let public_url = &state.settings.public_url;
            let url = format!("{public_url}/auth/token/{}", token.expose());
            told(Reply::link(&url, &game), made.seq.max(user.seq))
        }
        Err(OperatorError::Refused(refusal, seq)) => {
            let message = match refusal {
                OperatorRefusal::PlayerBlocked => texts::USER_BLOCKED,
                OperatorRefusal::PartnerNotLive => NOT_LIVE,
                _ => return unavailable(),
            };
            told(Reply::refusal(403, message), seq)
        }
        Err(OperatorError::Unavailable | OperatorError::Journal(_)) => unavailable(),
    }
}

/// The game that the header names, or the partner's own where there is none.
fn game(
    state: &State,
    partner: &PartnerRow,
    headers: &HeaderMap,
) -> Option<(GameType, GameNumber)> {
    let name = "x-game-type";
    let game = if headers.contains_key(name) {
        single(headers, name)?.parse().ok()?
    } else {
        partner.settings.default_game.clone()?
    };
    let number = state.admin.games.number(&game)?;
    Some((game, number))
}
