//! Sessions: opened with a launch URL, shown, closed.

use super::{Done, Failed, done};
use crate::engine::command::{AccountName, NewSession};
use crate::engine::document::Session;
use crate::http::State;
use crate::ledger::{Ledger, Observed, SessionState};
use crate::protocol::admin::{Members, OpenSession, SessionNamed, SessionOpened, SessionShown};
use crate::secret::random_word;

pub(super) fn open(state: &State, members: Members) -> Result<Done, Failed> {
    let request = OpenSession::decode(members)?;
    // 32 characters carry 190 bits: nobody guesses a code (wallet-api.md, Sessions).
    let code = || {
        random_word(32)
            .parse()
            .expect("a word of letters and digits")
    };
    let opened = state.ledger.open_session(NewSession {
        account: AccountName {
            partner: request.partner,
            player_id: request.player_id,
            currency: request.currency,
        },
        code: request.code.unwrap_or_else(code),
        game: request.game,
        lang: request.lang,
        ttl: request.ttl.unwrap_or(state.admin.session_ttl),
    })?;
    let session = opened.value;
    let wallet = &state.ledger.partner(session.partner)?.value.wallet_token;
    let launch_url = session.game.and_then(|game| {
        let games = &state.admin.games;
        games.launch_url(game, &session.code, session.lang, wallet)
    });
    let reply = SessionOpened {
        code: session.code,
        expires_at: session.expires_at,
        launch_url,
    };
    Ok(done(&reply, opened.seq))
}

pub(super) fn show(ledger: &Ledger, members: Members) -> Result<Done, Failed> {
    let request = SessionNamed::decode(members)?;
    Ok(shown(ledger.session(&request.code)?))
}

pub(super) fn close(ledger: &Ledger, members: Members) -> Result<Done, Failed> {
    let request = SessionNamed::decode(members)?;
    Ok(shown(ledger.close_session(&request.code)?))
}

fn shown(observed: Observed<(Session, SessionState)>) -> Done {
    let (session, state) = observed.value;
    let reply = SessionShown {
        code: session.code,
        partner: session.partner,
        player_id: session.player_id,
        currency: session.currency,
        state: state.name(),
        expires_at: session.expires_at,
    };
    done(&reply, observed.seq)
}
