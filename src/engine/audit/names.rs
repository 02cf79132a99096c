//! What is unique by its name, and stays with whom it was given to: players and their accounts,
//! references, codes, sessions.

use super::beside::Beside;
use super::facts::{Digest, Facts, Kind, Reader, digest};
use super::findings::Findings;
use crate::engine::document::{AccountOpened, Adjustment, Player as PlayerDocument};
use crate::engine::holdings::PlayerRow;
use crate::id::{AccountNumber, PartnerNumber, Seq};
use crate::money::Currency;
use crate::time::Timestamp;

const PLAYER: u8 = 0;
const ACCOUNT: u8 = 1;
const BOOKED: u8 = 2;
const NAMED: u8 = 3;

/// What the facts so far have in common with the next one.
#[derive(Debug, Default)]
pub(super) struct Names {
    player: Option<Player>,
}

#[derive(Debug)]
struct Player {
    partner: u32,
    name: String,
    created: bool,
    accounts: Vec<Currency>,
    /// What entries say so far.
    said: PlayerSaid,
    row: Beside<PlayerSaid>,
    named: Beside<AccountNumber>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct PlayerSaid {
    /// The player's number: that of its first account.
    home: AccountNumber,
    blocked: bool,
    changed: Seq,
}

fn whole(adjustment: &Adjustment, seq: Seq) -> Digest {
    digest(|all| {
        all.number(seq.0).document(adjustment);
    })
}

impl Facts {
    fn of_player(
        &mut self,
        (partner, name): (PartnerNumber, &str),
        (seq, part): (Seq, u32),
        what: u8,
        write: impl FnOnce(&mut super::facts::Writer<'_>),
    ) {
        self.add(Kind::Player, |fact| {
            let of = fact.small(partner.0).text(name);
            write(of.number(seq.0).small(part).byte(what));
        });
    }

    pub(super) fn player(&mut self, player: &PlayerDocument, seq: Seq, part: u32) {
        let key = (player.partner, player.player_id.as_str());
        self.of_player(key, (seq, part), PLAYER, |of| {
            of.byte(u8::from(player.blocked));
        });
    }

    /// An account is a fact about its player, and one about itself.
    pub(super) fn account_opened(
        &mut self,
        seq: Seq,
        part: u32,
        opened: &AccountOpened,
        at: Timestamp,
    ) {
        let key = (opened.partner, opened.player_id.as_str());
        self.of_player(key, (seq, part), ACCOUNT, |of| {
            of.currency(opened.currency).number(opened.number.0);
        });
        self.opened(seq, part, opened, at);
    }

    pub(super) fn booked_player(&mut self, home: AccountNumber, row: &PlayerRow) {
        let key = (row.partner, row.player_id.as_str());
        self.of_player(key, (Seq::NONE, 0), BOOKED, |of| {
            let of = of.number(row.last.0).number(home.0);
            of.byte(u8::from(row.blocked)).number(row.changed.0);
        });
    }

    pub(super) fn booked_name(&mut self, key: (PartnerNumber, &str), home: AccountNumber) {
        self.of_player(key, (Seq::NONE, 0), NAMED, |of| {
            of.number(home.0);
        });
    }

    /// An adjustment by its reference, in entry `seq`; or in the books, which say that it is.
    pub(super) fn reference(&mut self, adjustment: &Adjustment, seq: Seq, booked: bool) {
        let key = (adjustment.partner, adjustment.reference.as_str());
        let whole = whole(adjustment, seq);
        self.once(Kind::Reference, key, (seq, booked), &whole);
    }
}

impl Names {
    pub(super) fn judge_player(&mut self, mut fact: Reader<'_>, findings: &mut Findings) {
        let (partner, name, seq) = (fact.small(), fact.text(), fact.seq());
        let (_part, what) = (fact.small(), fact.byte());
        let same = |player: &Player| player.partner == partner && player.name == name;
        if !self.player.as_ref().is_some_and(same) {
            self.finish_player(findings);
        }
        let player = self.player.get_or_insert_with(|| Player {
            partner,
            name: name.to_owned(),
            created: false,
            accounts: Vec::new(),
            said: PlayerSaid {
                home: AccountNumber(0),
                blocked: false,
                changed: Seq::NONE,
            },
            row: Beside::default(),
            named: Beside::default(),
        });
        if matches!(what, PLAYER | ACCOUNT) {
            let now = player.said();
            (player.row).before(
                seq,
                now.as_ref(),
                || text("players", partner, name),
                findings,
            );
        }
        match what {
            BOOKED => {
                let bears = fact.seq();
                let row = PlayerSaid {
                    home: fact.account(),
                    blocked: fact.byte() == 1,
                    changed: fact.seq(),
                };
                (player.row).book(bears, row, || text("players", partner, name), findings);
            }
            NAMED => {
                let home = fact.account();
                let what = || text("names", partner, name);
                (player.named).book(Seq(u64::MAX), home, what, findings);
            }
            PLAYER => {
                player.created = true;
                (player.said.blocked, player.said.changed) = (fact.byte() == 1, seq);
            }
            _ => player.open(seq, &mut fact, findings),
        }
    }

    fn finish_player(&mut self, findings: &mut Findings) {
        if let Some(player) = self.player.take() {
            let Player { partner, name, .. } = &player;
            let said = player.said();
            (player.row).end(said.as_ref(), || text("players", *partner, name), findings);
            let home = said.map(|said| said.home);
            (player.named).end(home.as_ref(), || text("names", *partner, name), findings);
        }
    }

    /// All are at their end.
    pub(super) fn finish(&mut self, findings: &mut Findings) {
        self.finish_player(findings);
    }
}

pub(super) fn text(table: &str, partner: u32, name: &str) -> String {
    format!("{table}: {name} of p{partner}")
}

impl Player {
    /// What entries say so far, once they say that there is one.
    fn said(&self) -> Option<PlayerSaid> {
        (!self.accounts.is_empty()).then_some(self.said)
    }

    fn open(&mut self, seq: Seq, fact: &mut Reader<'_>, findings: &mut Findings) {
        let (currency, number) = (fact.currency(), fact.account());
        if !self.created && !findings.lacks_before(seq) {
            findings.tell(format!(
                "entry {seq} opens an account of a player that was never created"
            ));
        }
        if self.accounts.is_empty() {
            self.said.home = number;
            let what = || text("names", self.partner, &self.name);
            self.named.before(seq, None, what, findings);
        }
        if self.accounts.contains(&currency) {
            findings.tell(format!(
                "entry {seq} opens a second account in {currency} of one player"
            ));
        } else {
            self.accounts.push(currency);
        }
    }
}
