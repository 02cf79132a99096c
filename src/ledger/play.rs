//! A game server's request: judged under the locks of its id and its player, taken down, and
//! answered with the seq that the answer depends on.

use super::bring::{Brought, Missing};
use super::partners::PartnerRow;
use super::{Ledger, Space, Unavailable};
use crate::books::SessionPlace;
use crate::engine::command::{CancelOf, Command, Transaction};
use crate::engine::holdings::Holdings;
use crate::engine::ids::{IdKey, IdRow, IdState};
use crate::engine::play::{Table, Verdict};
use crate::engine::refusal::PlayRefusal;
use crate::engine::round::{Round, RoundKey};
use crate::id::{AccountNumber, Lang, PlayerId, RoundId, Seq, TransactionId};
use crate::journal::Permit;
use crate::money::{Amount, Currency};
use crate::time::Timestamp;

/// What became of a request. It may be told when `seq` is durable, not before
/// (wallet-api.md, Money rules 8).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Played {
    /// The answer.
    pub outcome: Outcome,
    /// The answer's time.
    pub at: Timestamp,
    /// The newest entry that the answer rests on.
    pub seq: Seq,
}

/// The answer to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The balance, as asked for.
    Balance {
        /// Whose.
        player_id: PlayerId,
        /// In which currency.
        currency: Currency,
        /// What the account holds.
        balance: Amount,
    },
    /// Taken, or taken before.
    Done {
        /// What the account holds now.
        balance: Amount,
    },
    /// Not taken.
    Refused {
        /// Why.
        refusal: PlayRefusal,
        /// What the account holds; none where no session is known.
        balance: Option<Amount>,
        /// The session's language, for the text that the player is shown.
        lang: Lang,
    },
}

impl Ledger {
    /// Judges a request in the session that `code` names, and takes it down where it is taken.
    /// Waits for a disk only where it touches what is not in memory, and holds no lock then.
    ///
    /// # Errors
    /// [`Unavailable`] where the queue to the disk or the memory is full, the ledger is being
    /// shut down, or there is no room for what would be written; nothing was touched. What writes nothing, such as a refusal or a
    /// repetition, is told however little room there is.
    pub fn play(
        &self,
        partner: &PartnerRow,
        code: &str,
        command: &Command,
    ) -> Result<Played, Unavailable> {
        let place = self.place_of(code)?;
        let Some(place) = place.filter(|place| place.partner == partner.number) else {
            let refusal = PlayRefusal::SessionUnknown;
            let outcome = Outcome::Refused {
                refusal,
                balance: None,
                lang: Lang::EN,
            };
            return Ok(Played {
                outcome,
                at: self.sequencer.now(),
                seq: Seq::NONE,
            });
        };
        match command {
            Command::Credit => self.credit(&place),
            Command::Bet(bet) => self.transact(partner, &place, Play::Bet(bet)),
            Command::Win(win) => self.transact(partner, &place, Play::Win(win)),
            Command::Cancel(of) => self.transact(partner, &place, Play::Cancel(of)),
        }
    }

    fn credit(&self, place: &SessionPlace) -> Result<Played, Unavailable> {
        let now = self.sequencer.now();
        let players = self.session_at(place)?;
        let table = set_table(&players.holdings, place, (None, None), true, now);
        let opened = &table.account().opened;
        let outcome = Outcome::Balance {
            player_id: opened.player_id.clone(),
            currency: opened.currency,
            balance: table.balance(),
        };
        Ok(Played {
            outcome,
            at: now,
            seq: table.newest(),
        })
    }

    fn transact(
        &self,
        partner: &PartnerRow,
        place: &SessionPlace,
        play: Play<'_>,
    ) -> Result<Played, Unavailable> {
        let mut permit = Some(self.reserve().ok_or(Unavailable)?);
        let mut brought = Brought::default();
        loop {
            match self.judge(partner, place, play, &mut permit, &mut brought) {
                Ok(played) => return played,
                Err(missing) => self.bring(place, missing, &mut brought)?,
            }
        }
    }

    /// Judges under the locks of id and player.
    ///
    /// # Errors
    /// What is not in memory and has to be brought first.
    fn judge(
        &self,
        partner: &PartnerRow,
        place: &SessionPlace,
        play: Play<'_>,
        permit: &mut Option<Permit<'_>>,
        brought: &mut Brought,
    ) -> Result<Result<Played, Unavailable>, Missing> {
        let now = self.sequencer.now();
        let key = play.key(place);
        let mut ids = self.shards.ids_of(&key);
        let mut players = self.shards.players.lock(&place.home);
        let known = brought.take_in(self, place, key, &mut ids, &mut players)?;
        let row = ids.rows.row(&key);
        let round = play.round(row, place.account);
        // Nothing is forgotten while a lock is held: what neither memory nor this view has is not.
        let is_new = || ids.recent.is_new(key.place(), key.id.0) || self.view.load().lacks_id(&key);
        if row.is_none() && !known.no_id && !is_new() {
            return Err(Missing::Id(key));
        }
        let holdings = &players.holdings;
        let round_row = round.and_then(|round| holdings.rounds.row(&round));
        if let Some(round) = round.filter(|_| round_row.is_none() && play.may_change(row)) {
            let is_own = row.is_none() && play.begins(round.round);
            let is_new = is_own && players.foreign.is_new(key.place(), round.round.0);
            let lacks = || {
                let view = self.view.load();
                view.lacks_round(key.space, key.currency, round)
            };
            if !is_new && !lacks() && known.no_round != Some(round) {
                return Err(Missing::Round(round));
            }
        }
        let table = set_table(holdings, place, (row, round_row), partner.is_live(now), now);
        let verdict = match play {
            Play::Bet(bet) => table.decide_bet(bet, &self.rules),
            Play::Win(win) => table.decide_win(win),
            Play::Cancel(of) => table.decide_cancel(of, &self.rules),
        };
        let balance = table.balance();
        let seq = table.newest().max(partner.changed);
        let (outcome, at, seq) = match verdict {
            Verdict::Accepted(_) if self.space() < play.least_space() => {
                return Ok(Err(Unavailable));
            }
            Verdict::Accepted(body) => {
                let link = body.house_to_player().map(|(_, _, link)| link);
                let permit = permit.take().expect("one thing is taken down, once");
                let entry = self.sequencer.push(permit, body);
                ids.apply(key, &entry);
                players.apply(place.home, &entry, key.place());
                let balance = link.map_or(balance, |link| link.balance_after);
                (Outcome::Done { balance }, entry.at, entry.seq)
            }
            Verdict::Repeated => (Outcome::Done { balance }, now, seq),
            Verdict::Refused(refusal) => {
                let outcome = Outcome::Refused {
                    refusal,
                    balance: Some(balance),
                    lang: table.lang(),
                };
                (outcome, now, seq)
            }
        };
        Ok(Ok(Played { outcome, at, seq }))
    }
}

/// A command that takes an id.
#[derive(Clone, Copy)]
enum Play<'a> {
    Bet(&'a Transaction),
    Win(&'a Transaction),
    Cancel(&'a CancelOf),
}

impl Play<'_> {
    fn id(&self) -> TransactionId {
        match self {
            Play::Bet(of) | Play::Win(of) => of.id,
            Play::Cancel(of) => of.id,
        }
    }

    /// The least room with which it is taken. What ends rounds is taken longer than what opens
    /// them.
    fn least_space(&self) -> Space {
        match self {
            Play::Bet(_) => Space::Ample,
            Play::Win(_) | Play::Cancel(_) => Space::Low,
        }
    }

    fn key(&self, place: &SessionPlace) -> IdKey {
        IdKey {
            space: place.id_space,
            currency: place.currency,
            id: self.id(),
        }
    }

    /// The round that it is judged by: a cancel is judged by its bet's.
    fn round(&self, row: Option<&IdRow>, account: AccountNumber) -> Option<RoundKey> {
        let round = match self {
            Play::Bet(of) | Play::Win(of) => of.round,
            Play::Cancel(_) => row.and_then(|row| row.round),
        };
        round.map(|round| RoundKey { account, round })
    }

    /// Whether it may be taken down, and change its round, where `row` is that of its id.
    fn may_change(&self, row: Option<&IdRow>) -> bool {
        match self {
            Play::Bet(_) | Play::Win(_) => row.is_none(),
            Play::Cancel(_) => row.is_some_and(|row| row.state == IdState::Bet),
        }
    }

    /// Whether it is the transaction that the round is named by.
    fn begins(&self, round: RoundId) -> bool {
        self.id().0 == round.0
    }
}

fn set_table<'a>(
    holdings: &'a Holdings,
    place: &SessionPlace,
    rows: (Option<&'a IdRow>, Option<&'a Round>),
    partner_is_live: bool,
    now: Timestamp,
) -> Table<'a> {
    let player = holdings.players.row(&place.home);
    let session = holdings.session(place.home, place.number);
    let (player, session) = player.zip(session).expect("they were brought into memory");
    let table = Table::new(player, session, rows, partner_is_live, now);
    table.expect("a session is on an account of its player")
}
