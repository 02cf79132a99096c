//! Each account from its opening to its last movement: the chain, the balance, the floor; and what
//! all accounts of a currency add up to.

use std::collections::BTreeMap;

use super::facts::{Facts, Kind, Reader, Writer};
use super::findings::Findings;
use super::plays::IdFact;
use crate::engine::entry::{Cancel, Link, Play};
use crate::id::{AccountNumber, IdSpaceNumber, Seq, TransactionId};
use crate::money::{Amount, Currency, Sum};

const OPENED: u8 = 0;
const SESSION: u8 = 1;
const POSTED: u8 = 2;
pub(super) const BET: u8 = 3;
pub(super) const WIN: u8 = 4;
pub(super) const CANCEL: u8 = 5;
pub(super) const VOID: u8 = 6;

/// The account that facts are about, and the sums over all.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    account: Option<Account>,
    players: BTreeMap<Currency, Sum>,
    others: BTreeMap<Currency, Sum>,
    /// Money of an account moved whose opening was not read: sums tell nothing then.
    blurred: bool,
}

#[derive(Debug)]
struct Account {
    number: AccountNumber,
    opened: Option<(IdSpaceNumber, Currency)>,
    /// What it holds, unless that is not known.
    balance: Option<Sum>,
    last: Seq,
}

/// Where a fact about an account stands: the account, the entry, and its part of the entry.
type Place = (AccountNumber, Seq, u32);

impl Facts {
    fn of_account(
        &mut self,
        (account, seq, part): Place,
        what: u8,
        write: impl FnOnce(&mut Writer<'_>),
    ) {
        self.add(Kind::Account, |fact| {
            write(fact.number(account.0).number(seq.0).small(part).byte(what));
        });
    }

    pub(super) fn opened(&mut self, place: Place, currency: Currency, space: IdSpaceNumber) {
        self.of_account(place, OPENED, |fact| {
            fact.currency(currency).small(space.0);
        });
    }

    pub(super) fn session_on(&mut self, place: Place) {
        self.of_account(place, SESSION, |_| {});
    }

    pub(super) fn posted(&mut self, place: Place, cents: i64, currency: Currency, link: Link) {
        self.of_account(place, POSTED, |fact| {
            link_to(fact.cents(cents).currency(currency), link);
        });
    }

    pub(super) fn played(&mut self, what: u8, seq: Seq, play: &Play) {
        self.of_account((play.account, seq, 0), what, |fact| {
            let fact = link_to(fact.number(play.amount.cents()), play.link);
            fact.number(play.id.0).round(play.round).small(play.game.0);
        });
    }

    pub(super) fn cancelled(&mut self, seq: Seq, cancel: &Cancel) {
        self.of_account((cancel.account, seq, 0), CANCEL, |fact| {
            let fact = link_to(fact.number(cancel.amount.cents()), cancel.link);
            let fact = fact.number(cancel.id.0).round(cancel.round);
            fact.small(cancel.game.0).number(cancel.bet.0);
        });
    }

    pub(super) fn voided(&mut self, account: AccountNumber, seq: Seq, id: TransactionId) {
        self.of_account((account, seq, 0), VOID, |fact| {
            fact.number(id.0);
        });
    }
}

fn link_to<'a, 'b>(fact: &'a mut Writer<'b>, link: Link) -> &'a mut Writer<'b> {
    fact.number(link.previous.0)
        .number(link.balance_after.cents())
}

fn link(fact: &mut Reader<'_>) -> Link {
    Link {
        previous: fact.seq(),
        balance_after: fact.amount(),
    }
}

impl Accounts {
    /// Money moved of an account that has no chain.
    pub(super) fn other(&mut self, currency: Currency, moved: Sum) {
        add(&mut self.others, currency, moved);
    }

    pub(super) fn judge(
        &mut self,
        mut fact: Reader<'_>,
        findings: &mut Findings,
        facts: &mut Facts,
    ) {
        let (number, seq) = (fact.account(), fact.seq());
        let (_part, what) = (fact.small(), fact.byte());
        let same = self.account.take_if(|account| account.number == number);
        let mut account = same.unwrap_or(Account {
            number,
            opened: None,
            balance: None,
            last: Seq::NONE,
        });
        match what {
            OPENED => {
                if account.opened.is_some() {
                    findings.tell(format!("entry {seq} opens account {number} again"));
                }
                let (currency, space) = (fact.currency(), IdSpaceNumber(fact.small()));
                account.opened = Some((space, currency));
                account.balance.get_or_insert(Sum::ZERO);
            }
            SESSION => {
                if account.opened.is_none() && !findings.lacks_before(seq) {
                    findings.tell(format!(
                        "entry {seq} opens a session on an account that was never opened"
                    ));
                }
            }
            POSTED => {
                let (moved, currency) = (fact.cents(), fact.currency());
                let held = self.post(&mut account, seq, moved, link(&mut fact), findings);
                if held.is_some_and(|held| held != currency) {
                    findings.tell(format!(
                        "entry {seq} moves {currency} on an account of another currency"
                    ));
                }
            }
            VOID => facts.id_of(account.opened, IdFact::voided(seq, number, fact.id())),
            _ => {
                let amount = fact.amount();
                let link = link(&mut fact);
                let moved = moved(what, amount);
                if let Some(held) = self.post(&mut account, seq, moved, link, findings) {
                    self.other(held, moved.negated());
                }
                let id = IdFact::of_play(what, (seq, number, amount), &mut fact);
                facts.id_of(account.opened, id);
            }
        }
        self.account = Some(account);
    }

    /// Judges one movement; the account's currency, where that is known. What the entry says of
    /// the balance counts from then on, so that one fault is not told with every later entry.
    fn post(
        &mut self,
        account: &mut Account,
        seq: Seq,
        moved: Sum,
        link: Link,
        findings: &mut Findings,
    ) -> Option<Currency> {
        let number = account.number;
        let (last, said) = (account.last, Sum::from(link.balance_after));
        if account.opened.is_none() && !findings.lacks_before(seq) {
            findings.tell(format!(
                "entry {seq} moves money of account {number}, which was never opened"
            ));
        }
        // Whether entries between the two were not read: what they did is not known.
        let blurred = link.previous > last && findings.lacks(link.previous);
        if last != link.previous && !blurred && account.balance.is_some() {
            findings.tell(format!(
                "entry {seq} names {} as the entry before on account {number}; it is {last}",
                link.previous
            ));
        }
        if let Some(before) = account.balance.filter(|_| !blurred) {
            let after = before.plus(moved);
            if after != said {
                findings.tell(format!(
                    "entry {seq} says that account {number} holds {said} afterwards; it holds {after}"
                ));
            }
            if after < Sum::ZERO {
                findings.tell(format!(
                    "entry {seq} takes account {number} below zero, to {after}"
                ));
            }
        }
        (account.balance, account.last) = (Some(said), seq);
        let Some((_, currency)) = account.opened else {
            self.blurred |= findings.lacks_before(seq);
            return None;
        };
        add(&mut self.players, currency, moved);
        Some(currency)
    }

    /// Whether all accounts of each currency add up to nothing.
    pub(super) fn finish(&self, findings: &mut Findings) {
        if self.blurred {
            return;
        }
        let mut sums = self.players.clone();
        for (&currency, &sum) in &self.others {
            add(&mut sums, currency, sum);
        }
        for (currency, sum) in sums {
            if !sum.is_zero() {
                findings.tell(format!("{currency}: accounts add up to {sum}, not to zero"));
            }
        }
    }
}

/// What a play brings the player.
fn moved(what: u8, amount: Amount) -> Sum {
    if what == BET {
        Sum::from(amount).negated()
    } else {
        Sum::from(amount)
    }
}

fn add(sums: &mut BTreeMap<Currency, Sum>, currency: Currency, moved: Sum) {
    let sum = sums.entry(currency).or_default();
    *sum = sum.plus(moved);
}
