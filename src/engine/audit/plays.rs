//! Rounds, and the transaction ids of bets, wins, cancels and voids.

use super::accounts::{BET, CANCEL, VOID, WIN};
use super::facts::{Facts, Kind, Reader};
use super::findings::Findings;
use crate::engine::entry::{Anomalies, Anomaly};
use crate::engine::ids::IdKey;
use crate::id::{AccountNumber, GameNumber, IdSpaceNumber, RoundId, Seq, TransactionId};
use crate::money::{Amount, Currency};

/// The round that facts are about.
#[derive(Debug, Default)]
pub(super) struct Rounds(Option<Round>);

#[derive(Debug)]
struct Round {
    key: (AccountNumber, RoundId),
    has_bet: bool,
    has_paid: bool,
}

impl Facts {
    pub(super) fn in_round(
        &mut self,
        what: u8,
        seq: Seq,
        (account, round): (AccountNumber, RoundId),
        amount: Amount,
        anomalies: Anomalies,
    ) {
        self.add(Kind::Round, |fact| {
            let fact = fact.number(account.0).number(round.0).number(seq.0);
            let fact = fact.byte(what).number(amount.cents());
            fact.byte(anomalies.bits());
        });
    }
}

impl Rounds {
    /// What is odd about a play is said, and nothing else is (wallet-api.md, Money rules 5).
    pub(super) fn judge(&mut self, mut fact: Reader<'_>, findings: &mut Findings) {
        let key = (fact.account(), RoundId(fact.number()));
        let (seq, what) = (fact.seq(), fact.byte());
        let (amount, bits) = (fact.amount(), fact.byte());
        let mut round = self.0.take_if(|round| round.key == key).unwrap_or(Round {
            key,
            has_bet: false,
            has_paid: false,
        });
        let odd = Anomalies::NONE
            .with(Anomaly::WinWithoutBet, what == WIN && !round.has_bet)
            .with(Anomaly::CancelAfterWin, what == CANCEL && round.has_paid);
        let said = Anomalies::from_bits(bits).expect("they were read from an entry");
        for anomaly in [Anomaly::WinWithoutBet, Anomaly::CancelAfterWin] {
            let holds = |odd: Anomalies| odd.iter().any(|one| one == anomaly);
            if holds(said) != holds(odd) && !findings.lacks_before(seq) {
                let is = if holds(said) { "says" } else { "does not say" };
                findings.tell(format!(
                    "entry {seq} {is} {}, which round {} of account {} contradicts",
                    anomaly.name(),
                    key.1,
                    key.0
                ));
            }
        }
        round.has_bet |= what == BET;
        round.has_paid |= what == WIN && !amount.is_zero();
        self.0 = Some(round);
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

impl Facts {
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
pub(super) struct Ids(Option<(IdKey, Taken)>);

/// What an id stands for, as far as a later cancel needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Taken {
    Nothing,
    Bet(Bet),
    Done,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Bet {
    seq: Seq,
    account: AccountNumber,
    amount: Amount,
    round: Option<RoundId>,
    game: GameNumber,
}

impl Ids {
    pub(super) fn judge(&mut self, mut fact: Reader<'_>, findings: &mut Findings) {
        let key = IdKey {
            space: IdSpaceNumber(fact.small()),
            currency: fact.currency(),
            id: fact.id(),
        };
        let (seq, what) = (fact.seq(), fact.byte());
        let mut bet = Bet {
            seq,
            account: fact.account(),
            amount: fact.amount(),
            round: fact.round(),
            game: fact.game(),
        };
        let same = self.0.filter(|(before, _)| *before == key);
        let before = same.map_or(Taken::Nothing, |(_, taken)| taken);
        if what == CANCEL {
            bet.seq = fact.seq();
            let may_be = before == Taken::Nothing && findings.lacks(bet.seq);
            if before != Taken::Bet(bet) && !may_be {
                findings.tell(format!(
                    "entry {seq} cancels transaction {}, which is no open bet of that account, \
                     amount, round and game",
                    key.id
                ));
            }
        } else if before != Taken::Nothing {
            findings.tell(format!("entry {seq} uses transaction id {} again", key.id));
        }
        let taken = if what == BET {
            Taken::Bet(bet)
        } else {
            Taken::Done
        };
        self.0 = Some((key, taken));
    }
}
