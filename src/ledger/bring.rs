//! What a play is judged by, brought into memory where it is not there.

use super::load::{Sight, Unit};
use super::shard::{Ids, Players};
use super::{Ledger, Unavailable};
use crate::books::{BooksError, SessionPlace};
use crate::engine::holdings::SessionRow;
use crate::engine::ids::{IdKey, IdRow};
use crate::engine::round::{Round, RoundKey};
use parking_lot::MutexGuard;

/// What is not in memory.
#[derive(Debug)]
pub(super) enum Missing {
    /// The player, with what of the tail is pending.
    Player(Option<u32>),
    /// The session, which its player's row does not list.
    Session,
    /// The row of the id, if there is one.
    Id(IdKey),
    /// The round, if there is one.
    Round(RoundKey),
}

/// What was brought: to be taken in under the locks.
#[derive(Debug, Default)]
pub(super) struct Brought {
    player: Option<Unit>,
    session: Option<Sight<SessionRow>>,
    id: Option<Sight<IdRow>>,
    round: Option<(RoundKey, Sight<Round>)>,
}

/// What is known not to be anywhere.
#[derive(Debug, Default)]
pub(super) struct Absent {
    /// The id was never taken.
    pub(super) no_id: bool,
    /// There is no such round.
    pub(super) no_round: Option<RoundKey>,
}

impl Brought {
    /// Takes in what was brought, and sees to it that player and session are there.
    pub(super) fn take_in(
        &mut self,
        ledger: &Ledger,
        place: &SessionPlace,
        key: IdKey,
        ids: &mut Ids,
        players: &mut Players,
    ) -> Result<Absent, Missing> {
        if let Some(unit) = self.player.take() {
            ledger.admit(players, unit);
        }
        if !players.keep(place.home) {
            return Err(Missing::Player(players.pending.get(&place.home).copied()));
        }
        let past = (place.home, place.number);
        if let Some(sight) = self.session.take()
            && ledger.is_fresh(&sight)
            && let Some(row) = sight.found
        {
            players.holdings.load_past(past, row);
        }
        if players.holdings.session(place.home, place.number).is_none() {
            return Err(Missing::Session);
        }
        let mut absent = Absent::default();
        // Both are kept for the next round: the locks were let go in between.
        if let Some(sight) = self.id.as_ref().filter(|sight| ledger.is_fresh(sight)) {
            match sight.found {
                Some(row) => ids.rows.load(key, row),
                None => absent.no_id = true,
            }
        }
        if let Some((round, sight)) = self.round.as_ref()
            && ledger.is_fresh(sight)
        {
            match sight.found {
                Some(row) => players.holdings.rounds.load(*round, row),
                None => absent.no_round = Some(*round),
            }
        }
        Ok(absent)
    }
}

impl Ledger {
    /// Reads what is missing. No lock is held.
    pub(super) fn bring(
        &self,
        place: &SessionPlace,
        missing: Missing,
        brought: &mut Brought,
    ) -> Result<(), Unavailable> {
        match missing {
            Missing::Player(pending) => {
                brought.player = self.read_unit(place.home, pending)?;
            }
            Missing::Session => {
                let sight = self.look(|view| view.past_session(place.home, place.number))?;
                if sight.found.is_none() && self.is_fresh(&sight) {
                    let lost = BooksError::Unreadable("lacks a session that it names");
                    return Err(self.fail(lost));
                }
                brought.session = Some(sight);
            }
            Missing::Id(key) => brought.id = Some(self.look(|view| view.id(&key))?),
            Missing::Round(round) => {
                let (id_space, currency) = (place.id_space, place.currency);
                let sight = self.look(|view| view.round(id_space, currency, round))?;
                brought.round = Some((round, sight));
            }
        }
        Ok(())
    }

    /// The piece of a session's player, with both in memory.
    pub(super) fn session_at(
        &self,
        place: &SessionPlace,
    ) -> Result<MutexGuard<'_, Players>, Unavailable> {
        let mut brought = Brought::default();
        loop {
            let mut players = self.player_at(place.home)?;
            if let Some(sight) = brought.session.take()
                && self.is_fresh(&sight)
                && let Some(row) = sight.found
            {
                let past = (place.home, place.number);
                players.holdings.load_past(past, row);
            }
            if players.holdings.session(place.home, place.number).is_some() {
                return Ok(players);
            }
            drop(players);
            self.bring(place, Missing::Session, &mut brought)?;
        }
    }
}
