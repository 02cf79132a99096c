//! One-time links into games: made for a partner's user, used once (partner-api.md, Users).

use std::fmt;
use std::sync::Arc;

use super::partners::PartnerRow;
use super::{Ledger, Observed, OperatorError, Space, Unavailable};
use crate::engine::command::NewSession;
use crate::engine::document::Session;
use crate::engine::link::{NewLink, decide_link_use};
use crate::engine::refusal::LinkRefusal;
use crate::id::{Code, Seq};

/// Why a link did not lead anywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkError {
    /// The rules say no; it may be told when the seq is durable.
    Refused(LinkRefusal, Seq),
    /// Nothing was touched: the link can be used yet.
    Unavailable,
}

impl fmt::Display for LinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LinkError::Refused(refusal, _) => write!(f, "refused: {refusal:?}"),
            LinkError::Unavailable => Unavailable.fmt(f),
        }
    }
}

impl std::error::Error for LinkError {}

impl From<Unavailable> for LinkError {
    fn from(_: Unavailable) -> LinkError {
        LinkError::Unavailable
    }
}

impl Ledger {
    /// Makes a link, which will open the session. The session's code must be such that only the
    /// link's token leads to it.
    ///
    /// # Errors
    /// Refused where the partner is not live, the player is blocked, or the code was ever used.
    pub fn make_link(
        &self,
        new: NewSession,
        link: NewLink,
    ) -> Result<Observed<Session>, OperatorError> {
        if self.space() < Space::Ample {
            return Err(OperatorError::Unavailable);
        }
        let permit = self.reserve().ok_or(Unavailable)?;
        self.begin_session(permit, new, Some(link))
    }

    /// Uses the link whose session has this code: opens the session, once.
    ///
    /// # Errors
    /// Refused where there is no such link, it was used or is past its life, its partner is not
    /// live, or its player is blocked.
    pub fn use_link(&self, code: &Code) -> Result<Observed<(Session, Arc<PartnerRow>)>, LinkError> {
        let permit = self.reserve().ok_or(Unavailable)?;
        let unknown = LinkError::Refused(LinkRefusal::Over, Seq::NONE);
        let place = self.place_of(code.as_str())?.ok_or(unknown)?;
        let partner = self.partners.by_number(place.partner).ok_or(unknown)?;
        let mut players = self.session_at(&place)?;
        let holdings = &mut players.holdings;
        let row = holdings.session(place.home, place.number);
        let row = row.expect("it was brought into memory");
        let player = holdings.players.row(&place.home);
        let player = player.expect("a session in memory is a player's who is");
        let seen = row.changed.max(player.changed).max(partner.changed);
        let (record, session) = decide_link_use(row, player, &partner, self.sequencer.now())
            .map_err(|refusal| LinkError::Refused(refusal, seen))?;
        if self.space() < Space::Ample {
            return Err(LinkError::Unavailable);
        }
        let entry = self.push(permit, record);
        holdings.apply(place.home, &entry);
        Ok(Observed {
            value: (session, partner),
            seq: entry.seq.max(seen),
        })
    }
}
