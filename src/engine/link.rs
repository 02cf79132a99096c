//! One-time links that lead a user into a game (partner-api.md, Users).
//!
//! A link is a session that waits: it is closed, its life is the link's, and its code is the keyed
//! hash of the link's token, so that nobody can come to the one from the other. Who brings the
//! token opens the session, once.

use serde::{Deserialize, Serialize};

use super::command::NewSession;
use super::document::{Document, Partner, Session};
use super::entry::{Actor, Record, RecordKind};
use super::holdings::{PlayerRow, SessionRow};
use super::operate::decide_session;
use super::refusal::{LinkRefusal, OperatorRefusal};
use crate::id::{AccountNumber, GameType, SessionNumber};
use crate::time::{Span, Timestamp};

/// The link that a session is opened by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthLink {
    /// The game that it leads into.
    pub game: GameType,
    /// Whether it was used.
    pub used: bool,
}

/// A link to make.
#[derive(Clone, Debug)]
pub struct NewLink {
    /// The game that it leads into.
    pub game: GameType,
    /// How long it can be used.
    pub life: Span,
}

/// A link comes into being, with the session that it will open.
///
/// # Errors
/// As [`decide_session`].
pub fn decide_link(
    player: Option<&PlayerRow>,
    partner: &Partner,
    (new, link): (NewSession, NewLink),
    numbers: (SessionNumber, AccountNumber),
    now: Timestamp,
) -> Result<(Record, Session), OperatorRefusal> {
    let (mut record, opened) = decide_session(player, partner, new, numbers, now)?;
    let session = Session {
        closed: true,
        expires_at: now.plus(link.life),
        link: Some(AuthLink {
            game: link.game,
            used: false,
        }),
        ..opened
    };
    record.by = Actor::Partner;
    record.kind = RecordKind::AuthLinkMade;
    record.documents.pop();
    let document = Document::Session(Box::new(session.clone()));
    record.documents.push(document);
    Ok((record, session))
}

/// A link is used, which opens its session.
///
/// # Errors
/// [`LinkRefusal`]: it was used, is past its life or never was, its partner is not live, or its
/// player is blocked.
pub fn decide_link_use(
    row: &SessionRow,
    player: &PlayerRow,
    partner: &Partner,
    now: Timestamp,
) -> Result<(Record, Session), LinkRefusal> {
    let session = &row.session;
    let link = session.link.as_ref().filter(|link| !link.used);
    let link = link.filter(|_| now < session.expires_at);
    let link = link.ok_or(LinkRefusal::Over)?;
    if !partner.is_live(now) {
        return Err(LinkRefusal::PartnerNotLive);
    }
    if player.blocked {
        return Err(LinkRefusal::PlayerBlocked);
    }
    let session = Session {
        closed: false,
        expires_at: now.plus(session.ttl),
        link: Some(AuthLink {
            game: link.game.clone(),
            used: true,
        }),
        ..session.clone()
    };
    let record = Record {
        by: Actor::Partner,
        kind: RecordKind::AuthLinkUsed,
        postings: Vec::new(),
        documents: vec![Document::Session(Box::new(session.clone()))],
    };
    Ok((record, session))
}
