//! Rounds, and the transaction ids of bets, wins, cancels and voids.

use super::InRound;
use super::accounts::{BET, CANCEL, VOID, WIN};
use super::beside::Beside;
use super::facts::{Facts, Kind, Reader, Writer};
use super::findings::Findings;
use crate::engine::entry::{Anomalies, Anomaly};
use crate::engine::ids::{IdKey, IdRow, IdState};
use crate::engine::round::{Round as RoundRow, RoundKey, Tally};
use crate::id::{AccountNumber, GameNumber, IdSpaceNumber, RoundId, Seq, TransactionId};
use crate::money::{Amount, Currency, Sum};
use crate::time::Timestamp;

const BOOKED: u8 = 7;
const LISTED_OPEN: u8 = 8;
const LISTED_FOREIGN: u8 = 9;

/// The round that facts are about.
#[derive(Debug, Default)]
pub(super) struct Rounds(Option<Round>);

#[derive(Debug)]
struct Round {
    key: RoundKey,
    /// What entries say so far.
    said: Option<RoundRow>,
    row: Beside<RoundRow>,
    /// The entries under which the books list it among open rounds, and among foreign ones.
    open: Option<Seq>,
    foreign: Option<Seq>,
}

impl Facts {
    fn of_round(&mut self, of: RoundKey, seq: Seq, what: u8, write: impl FnOnce(&mut Writer<'_>)) {
        self.add(Kind::Round, |fact| {
            let fact = fact.number(of.account.0).number(of.round.0);
            write(fact.number(seq.0).byte(what));
        });
    }

    pub(super) fn in_round(&mut self, seq: Seq, round: RoundId, play: &InRound) {
        let account = play.account;
        self.of_round(RoundKey { account, round }, seq, play.what, |fact| {
            let fact = fact.number(play.amount.cents());
            let fact = fact.byte(play.anomalies.bits()).small(play.game.0);
            fact.byte(u8::from(play.id.0 != round.0)).at(play.at);
        });
    }

    pub(super) fn booked_round(&mut self, of: RoundKey, row: &RoundRow) {
        self.of_round(of, Seq::NONE, BOOKED, |fact| {
            for tally in [&row.bets, &row.wins, &row.cancels] {
                fact.number(tally.count).sum(tally.amount);
            }
            let fact = fact.small(row.game.0).byte(u8::from(row.foreign));
            let fact = fact.byte(u8::from(row.open));
            let fact = fact.number(row.first.0).at(row.first_at);
            fact.number(row.last.0).at(row.last_at);
        });
    }

    /// The books list a round among those that are open or foreign.
    pub(super) fn listed_round(&mut self, of: RoundKey, first: Seq, foreign: bool) {
        let what = [LISTED_OPEN, LISTED_FOREIGN][usize::from(foreign)];
        self.of_round(of, Seq::NONE, what, |fact| {
            fact.number(first.0);
        });
    }
}

impl Rounds {
    /// What is odd about a play is said, and nothing else is (wallet-api.md, Money rules 5).
    pub(super) fn judge(&mut self, mut fact: Reader<'_>, findings: &mut Findings) {
        let key = RoundKey {
            account: fact.account(),
            round: RoundId(fact.number()),
        };
        let (seq, what) = (fact.seq(), fact.byte());
        if self.0.as_ref().is_none_or(|round| round.key != key) {
            self.finish(findings);
        }
        let round = self.0.get_or_insert(Round {
            key,
            said: None,
            row: Beside::default(),
            open: None,
            foreign: None,
        });
        match what {
            BOOKED => {
                let row = booked_round(&mut fact);
                (round.row).book(row.last, row, || key_text(key), findings);
            }
            LISTED_OPEN => round.open = Some(fact.seq()),
            LISTED_FOREIGN => round.foreign = Some(fact.seq()),
            _ => round.play(seq, what, &mut fact, findings),
        }
    }

    /// The round is at its end.
    pub(super) fn finish(&mut self, findings: &mut Findings) {
        let Some(round) = self.0.take() else { return };
        let named = || key_text(round.key);
        round.row.end(round.said.as_ref(), named, findings);
        let booked = round.row.booked();
        let open = booked.filter(|row| row.open).map(|row| row.first);
        if open != round.open {
            let is = if open.is_some() {
                "not listed"
            } else {
                "listed"
            };
            let text = key_text(round.key);
            findings.of_books(format!("{text} is {is} in open_rounds, against its row"));
        }
        let foreign = booked.filter(|row| row.foreign).map(|row| row.first);
        if foreign != round.foreign {
            let text = key_text(round.key);
            findings.of_books(format!("{text} contradicts foreign_rounds"));
        }
    }
}

fn key_text(key: RoundKey) -> String {
    format!("rounds: round {} of account {}", key.round, key.account)
}

fn booked_round(fact: &mut Reader<'_>) -> RoundRow {
    let mut tally = || Tally {
        count: fact.number(),
        amount: fact.sum(),
    };
    let (bets, wins, cancels) = (tally(), tally(), tally());
    RoundRow {
        bets,
        wins,
        cancels,
        game: fact.game(),
        foreign: fact.byte() == 1,
        open: fact.byte() == 1,
        first: fact.seq(),
        first_at: fact.at(),
        last: fact.seq(),
        last_at: fact.at(),
    }
}

impl Round {
    fn play(&mut self, seq: Seq, what: u8, fact: &mut Reader<'_>, findings: &mut Findings) {
        let key = self.key;
        let (amount, bits) = (fact.amount(), fact.byte());
        let (game, foreign, at) = (fact.game(), fact.byte() == 1, fact.at());
        let said = Anomalies::from_bits(bits).expect("they were read from an entry");
        let before = self.said.as_ref();
        let has_bet = before.is_some_and(|row| row.bets.count > 0);
        let has_paid = before.is_some_and(|row| !row.wins.amount.is_zero());
        let odd = Anomalies::NONE
            .with(Anomaly::WinWithoutBet, what == WIN && !has_bet)
            .with(Anomaly::CancelAfterWin, what == CANCEL && has_paid);
        for anomaly in [Anomaly::WinWithoutBet, Anomaly::CancelAfterWin] {
            let holds = |odd: Anomalies| odd.iter().any(|one| one == anomaly);
            if holds(said) != holds(odd) && !findings.lacks_before(seq) {
                let is = if holds(said) { "says" } else { "does not say" };
                findings.tell(format!(
                    "entry {seq} {is} {}, which round {} of account {} contradicts",
                    anomaly.name(),
                    key.round,
                    key.account
                ));
            }
        }
        self.row.before(seq, before, || key_text(key), findings);
        let row = self
            .said
            .get_or_insert_with(|| began(game, foreign, seq, at));
        let tally = match what {
            BET => &mut row.bets,
            WIN => &mut row.wins,
            _ => &mut row.cancels,
        };
        tally.count += 1;
        tally.amount = tally.amount.plus(Sum::from(amount));
        row.open = match what {
            BET => true,
            WIN => false,
            _ => row.open && row.cancels.count < row.bets.count,
        };
        (row.last, row.last_at) = (seq, at);
    }
}

fn began(game: GameNumber, foreign: bool, seq: Seq, at: Timestamp) -> RoundRow {
    let none = Tally::default();
    RoundRow {
        game,
        foreign,
        bets: none,
        wins: none,
        cancels: none,
        open: false,
        first_at: at,
        last_at: at,
        first: seq,
        last: seq,
    }
}

/// What an entry says of a transaction id.
pub(super) struct IdFact {
    what: u8,
    seq: Seq,
    account: AccountNumber,
    id: TransactionId,
    amount: Amount,
    round: Option<RoundId>,
    game: GameNumber,
    /// The entry of the bet that a cancel names.
    bet: Seq,
}

impl IdFact {
    pub(super) fn voided(seq: Seq, account: AccountNumber, id: TransactionId) -> IdFact {
        IdFact {
            what: VOID,
            seq,
            account,
            id,
            amount: Amount::ZERO,
            round: None,
            game: GameNumber(0),
            bet: Seq::NONE,
        }
    }

    /// From what an account's fact says after the money.
    pub(super) fn of_play(
        what: u8,
        (seq, account, amount): (Seq, AccountNumber, Amount),
        fact: &mut Reader<'_>,
    ) -> IdFact {
        IdFact {
            what,
            seq,
            account,
            id: fact.id(),
            amount,
            round: fact.round(),
            game: fact.game(),
            bet: if what == CANCEL {
                fact.seq()
            } else {
                Seq::NONE
            },
        }
    }
}

impl IdFact {
    pub(super) fn game(&self) -> GameNumber {
        self.game
    }
}

impl Facts {
    /// What the books say of an id.
    pub(super) fn booked_id(&mut self, of: &IdKey, row: &IdRow) {
        self.add(Kind::Id, |fact| {
            let fact = fact.small(of.space.0).currency(of.currency).number(of.id.0);
            let fact = fact.number(Seq::NONE.0).byte(BOOKED).number(row.account.0);
            let fact = fact.number(row.amount.cents()).round(row.round);
            let fact = fact
                .small(row.game.map_or(0, |game| game.0))
                .number(row.taken.0);
            let fact = fact
                .number(row.changed.0)
                .byte(u8::from(row.game.is_some()));
            fact.byte(match row.state {
                IdState::Bet => BET,
                IdState::Win => WIN,
                IdState::Cancelled => CANCEL,
                IdState::Voided => VOID,
            });
        });
    }

    /// Of an account that was never opened nobody knows where its ids are unique.
    pub(super) fn id_of(&mut self, account: Option<(IdSpaceNumber, Currency)>, of: IdFact) {
        let Some((space, currency)) = account else {
            return;
        };
        self.add(Kind::Id, |fact| {
            let fact = fact.small(space.0).currency(currency).number(of.id.0);
            let fact = fact.number(of.seq.0).byte(of.what).number(of.account.0);
            let fact = fact.number(of.amount.cents()).round(of.round);
            fact.small(of.game.0).number(of.bet.0);
        });
    }
}

/// The transaction id that facts are about.
#[derive(Debug, Default)]
pub(super) struct Ids(Option<Id>);

#[derive(Debug)]
struct Id {
    key: IdKey,
    said: Option<IdRow>,
    row: Beside<IdRow>,
}

impl Ids {
    pub(super) fn judge(&mut self, mut fact: Reader<'_>, findings: &mut Findings) {
        let key = IdKey {
            space: IdSpaceNumber(fact.small()),
            currency: fact.currency(),
            id: fact.id(),
        };
        let (seq, what) = (fact.seq(), fact.byte());
        if self.0.as_ref().is_none_or(|id| id.key != key) {
            self.finish(findings);
        }
        let id = self.0.get_or_insert(Id {
            key,
            said: None,
            row: Beside::default(),
        });
        let (account, amount) = (fact.account(), fact.amount());
        let (round, game, bet) = (fact.round(), fact.game(), fact.seq());
        let mut row = IdRow {
            state: state(what),
            account,
            amount,
            game: (what != VOID).then_some(game),
            round,
            taken: if what == CANCEL { bet } else { seq },
            changed: seq,
        };
        if what == BOOKED {
            (row.taken, row.changed) = (bet, fact.seq());
            row.game = (fact.byte() == 1).then_some(game);
            row.state = state(fact.byte());
            (id.row).book(row.changed, row, || id_text(&key), findings);
        } else {
            id.take(row, findings);
        }
    }

    /// The id is at its end.
    pub(super) fn finish(&mut self, findings: &mut Findings) {
        if let Some(id) = self.0.take() {
            id.row.end(id.said.as_ref(), || id_text(&id.key), findings);
        }
    }
}

fn id_text(key: &IdKey) -> String {
    let IdKey {
        space,
        currency,
        id,
    } = key;
    format!("ids: transaction {id} in id space {}, {currency}", space.0)
}

fn state(what: u8) -> IdState {
    match what {
        BET => IdState::Bet,
        WIN => IdState::Win,
        CANCEL => IdState::Cancelled,
        _ => IdState::Voided,
    }
}

impl Id {
    /// An entry takes the id or cancels its bet, so that it stands for `row`.
    fn take(&mut self, row: IdRow, findings: &mut Findings) {
        let (seq, id) = (row.changed, self.key.id);
        let before = self.said.as_ref();
        if row.state == IdState::Cancelled {
            let bet = IdRow {
                state: IdState::Bet,
                changed: row.taken,
                ..row
            };
            let may_be = before.is_none() && findings.lacks(row.taken);
            if before != Some(&bet) && !may_be {
                findings.tell(format!(
                    "entry {seq} cancels transaction {id}, which is no open bet of that account, \
                     amount, round and game"
                ));
            }
        } else if before.is_some() {
            findings.tell(format!("entry {seq} uses transaction id {id} again"));
        }
        (self.row).before(seq, before, || id_text(&self.key), findings);
        self.said = Some(row);
    }
}
