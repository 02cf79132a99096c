//! A game server's request: judged under the locks of its id and its player, taken down, and
//! answered with the seq that the answer depends on.

use super::partners::PartnerRow;
use super::shard::SessionPlace;
use super::{Ledger, Space, Unavailable};
use crate::engine::command::{CancelOf, Command, Transaction};
use crate::engine::holdings::Holdings;
use crate::engine::ids::{IdKey, IdRow};
use crate::engine::play::{Table, Verdict};
use crate::engine::refusal::PlayRefusal;
use crate::id::{Lang, PlayerId, RoundId, Seq, TransactionId};
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
    /// Never waits for a disk.
    ///
    /// # Errors
    /// [`Unavailable`] where the queue to the disk is full or closed, or there is no room for
    /// what would be written; nothing was touched. What writes nothing, such as a refusal or a
    /// repetition, is told however little room there is.
    pub fn play(
        &self,
        partner: &PartnerRow,
        code: &str,
        command: &Command,
    ) -> Result<Played, Unavailable> {
        let place = self.shards.codes.lock(code).place(code);
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
            Command::Credit => Ok(self.credit(&place)),
            Command::Bet(bet) => self.transact(partner, &place, Play::Bet(bet)),
            Command::Win(win) => self.transact(partner, &place, Play::Win(win)),
            Command::Cancel(of) => self.transact(partner, &place, Play::Cancel(of)),
        }
    }

    fn credit(&self, place: &SessionPlace) -> Played {
        let now = self.sequencer.now();
        let holdings = self.shards.holdings.lock_index(place.holdings);
        let table = set_table(&holdings, place, None, true, now);
        let opened = &table.account().opened;
        let outcome = Outcome::Balance {
            player_id: opened.player_id.clone(),
            currency: opened.currency,
            balance: table.balance(),
        };
        Played {
            outcome,
            at: now,
            seq: table.newest(None),
        }
    }

    fn transact(
        &self,
        partner: &PartnerRow,
        place: &SessionPlace,
        play: Play<'_>,
    ) -> Result<Played, Unavailable> {
        let permit = self.sequencer.queue().permit().ok_or(Unavailable)?;
        let now = self.sequencer.now();
        let key = IdKey {
            space: place.id_space,
            currency: place.currency,
            id: play.id(),
        };
        let mut ids = self.shards.ids.lock(&key);
        let mut holdings = self.shards.holdings.lock_index(place.holdings);
        let table = set_table(&holdings, place, ids.row(&key), partner.is_live(now), now);
        let verdict = match play {
            Play::Bet(bet) => table.decide_bet(bet, &self.rules),
            Play::Win(win) => table.decide_win(win),
            Play::Cancel(of) => table.decide_cancel(of, &self.rules),
        };
        let balance = table.balance();
        let seq = table.newest(play.round(ids.row(&key))).max(partner.changed);
        match verdict {
            Verdict::Accepted(_) if self.space() < play.least_space() => Err(Unavailable),
            Verdict::Accepted(body) => {
                let balance = body
                    .house_to_player()
                    .map_or(balance, |(_, _, link)| link.balance_after);
                let entry = self.sequencer.push(permit, body);
                ids.apply(key, &entry);
                holdings.apply(&entry);
                Ok(Played {
                    outcome: Outcome::Done { balance },
                    at: entry.at,
                    seq: entry.seq,
                })
            }
            Verdict::Repeated => Ok(Played {
                outcome: Outcome::Done { balance },
                at: now,
                seq,
            }),
            Verdict::Refused(refusal) => {
                let outcome = Outcome::Refused {
                    refusal,
                    balance: Some(balance),
                    lang: table.lang(),
                };
                Ok(Played {
                    outcome,
                    at: now,
                    seq,
                })
            }
        }
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

    /// The round that it is judged by: a cancel is judged by its bet's.
    fn round(&self, row: Option<&IdRow>) -> Option<RoundId> {
        match self {
            Play::Bet(of) | Play::Win(of) => of.round,
            Play::Cancel(_) => row.and_then(|row| row.round),
        }
    }
}

fn set_table<'a>(
    holdings: &'a Holdings,
    place: &SessionPlace,
    id: Option<&'a IdRow>,
    partner_is_live: bool,
    now: Timestamp,
) -> Table<'a> {
    let table = Table::new(holdings, place.number, id, partner_is_live, now);
    table.expect("a code leads to the shard of its session and account")
}
