//! Each account from its opening to its last movement: the chain, the balance, the floor, and the
//! books' rows beside them; and what all accounts of a currency add up to.

use std::collections::BTreeMap;

use super::beside::Beside;
use super::facts::{Digest, Facts, Kind, Reader, Writer, digest};
use super::findings::Findings;
use super::plays::IdFact;
use super::totals::Added;
use crate::engine::document::AccountOpened;
use crate::engine::entry::{Cancel, Link, Play};
use crate::engine::holdings::AccountRow;
use crate::id::{AccountNumber, IdSpaceNumber, PartnerNumber, Seq, TransactionId};
use crate::money::{Amount, Currency, Sum};
use crate::time::Timestamp;

const OPENED: u8 = 0;
const SESSION: u8 = 1;
const POSTED: u8 = 2;
pub(super) const BET: u8 = 3;
pub(super) const WIN: u8 = 4;
pub(super) const CANCEL: u8 = 5;
pub(super) const VOID: u8 = 6;
const BOOKED: u8 = 7;
const PLACED: u8 = 8;

/// The account that facts are about, and the sums over all.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    account: Option<Account>,
    players: BTreeMap<Currency, Sum>,
    others: BTreeMap<Currency, Sum>,
    /// What the books should have added up.
    pub(super) added: Added,
    /// Money of an account moved whose opening was not read: sums tell nothing then.
    blurred: bool,
}

#[derive(Debug)]
struct Account {
    number: AccountNumber,
    opened: Option<Opened>,
    /// What it holds, unless that is not known.
    balance: Option<Sum>,
    last: Seq,
    /// In its player's row, and the player's number there.
    row: Beside<Booked>,
    home: Option<AccountNumber>,
    /// Where the books say that its player is.
    place: Beside<(Digest, Option<AccountNumber>)>,
}

#[derive(Clone, Copy, Debug)]
struct Opened {
    partner: PartnerNumber,
    currency: Currency,
    space: IdSpaceNumber,
    whole: Digest,
}

/// What the books say of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Booked {
    whole: Digest,
    balance: Sum,
    last: Seq,
}

fn whole(opened: &AccountOpened, seq: Seq, at: Timestamp) -> Digest {
    digest(|all| {
        let all = all.text(opened.player_id.as_str()).small(opened.partner.0);
        let all = all.currency(opened.currency).small(opened.id_space.0);
        all.number(seq.0).at(at);
    })
}

fn place_of(partner: PartnerNumber, currency: Currency, space: IdSpaceNumber) -> Digest {
    digest(|all| {
        all.small(partner.0).currency(currency).small(space.0);
    })
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

    pub(super) fn opened(&mut self, seq: Seq, part: u32, opened: &AccountOpened, at: Timestamp) {
        self.of_account((opened.number, seq, part), OPENED, |fact| {
            let fact = fact.small(opened.partner.0).currency(opened.currency);
            let fact = fact.small(opened.id_space.0);
            fact.digest(&whole(opened, seq, at));
        });
    }

    /// An account in the row of the player `home`, which bears entry `bears`.
    pub(super) fn booked_account(&mut self, home: AccountNumber, bears: Seq, row: &AccountRow) {
        self.of_account((row.opened.number, Seq::NONE, 0), BOOKED, |fact| {
            let fact = fact.number(home.0).number(bears.0);
            let fact = fact.digest(&whole(&row.opened, row.changed, row.opened_at));
            fact.number(row.balance.cents()).number(row.last.0);
        });
    }

    /// Where the books say that the player of an account is.
    pub(super) fn placed(
        &mut self,
        number: AccountNumber,
        home: AccountNumber,
        (partner, currency, space): (PartnerNumber, Currency, IdSpaceNumber),
    ) {
        self.of_account((number, Seq::NONE, 0), PLACED, |fact| {
            let fact = fact.number(home.0);
            fact.digest(&place_of(partner, currency, space));
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

    pub(super) fn played(&mut self, what: u8, seq: Seq, play: &Play, at: Timestamp) {
        self.of_account((play.account, seq, 0), what, |fact| {
            let fact = link_to(fact.number(play.amount.cents()), play.link);
            let fact = fact.at(at);
            fact.number(play.id.0).round(play.round).small(play.game.0);
        });
    }

    pub(super) fn cancelled(&mut self, seq: Seq, cancel: &Cancel, at: Timestamp) {
        self.of_account((cancel.account, seq, 0), CANCEL, |fact| {
            let fact = link_to(fact.number(cancel.amount.cents()), cancel.link);
            let fact = fact.at(at).number(cancel.id.0).round(cancel.round);
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
        let mut account = self.account_of(number, findings);
        if what != VOID && seq > Seq::NONE {
            let now = account.now();
            let named = || format!("players: account {number}");
            (account.row).before(seq, now.as_ref(), named, findings);
        }
        match what {
            BOOKED => account.book(&mut fact, findings),
            PLACED => {
                let home = Some(fact.account());
                let row = (fact.digest(), home);
                let named = || format!("accounts: account {number}");
                (account.place).book(Seq(u64::MAX), row, named, findings);
            }
            OPENED => self.open(&mut account, seq, &mut fact, findings),
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
                if let Some(opened) = held
                    && findings.is_booked(seq)
                {
                    self.added.players(opened.partner, currency, moved);
                }
                if held.is_some_and(|held| held.currency != currency) {
                    findings.tell(format!(
                        "entry {seq} moves {currency} on an account of another currency"
                    ));
                }
            }
            VOID => facts.id_of(account.space(), IdFact::voided(seq, number, fact.id())),
            _ => {
                let amount = fact.amount();
                let link = link(&mut fact);
                let at = fact.at();
                let moved = moved(what, amount);
                let held = self.post(&mut account, seq, moved, link, findings);
                let id = IdFact::of_play(what, (seq, number, amount), &mut fact);
                if let Some(opened) = held {
                    self.other(opened.currency, moved.negated());
                    if findings.is_booked(seq) {
                        let of = (opened.partner, opened.currency);
                        (self.added).play(what, of, (id.game(), at), (amount, moved));
                    }
                }
                facts.id_of(account.space(), id);
            }
        }
        self.account = Some(account);
    }

    /// The account so far; the one before is at its end.
    fn account_of(&mut self, number: AccountNumber, findings: &mut Findings) -> Account {
        match self.account.take() {
            Some(account) if account.number == number => account,
            before => {
                if let Some(before) = before {
                    before.end(findings);
                }
                Account {
                    number,
                    opened: None,
                    balance: None,
                    last: Seq::NONE,
                    row: Beside::default(),
                    home: None,
                    place: Beside::default(),
                }
            }
        }
    }

    fn open(
        &mut self,
        account: &mut Account,
        seq: Seq,
        fact: &mut Reader<'_>,
        findings: &mut Findings,
    ) {
        let number = account.number;
        if account.opened.is_some() {
            findings.tell(format!("entry {seq} opens account {number} again"));
        }
        let (partner, currency) = (PartnerNumber(fact.small()), fact.currency());
        let opened = Opened {
            partner,
            currency,
            space: IdSpaceNumber(fact.small()),
            whole: fact.digest(),
        };
        let named = || format!("accounts: account {number}");
        account.place.before(seq, None, named, findings);
        account.opened = Some(opened);
        account.balance.get_or_insert(Sum::ZERO);
        if findings.is_booked(seq) {
            self.added.players(partner, currency, Sum::ZERO);
        }
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
    ) -> Option<Opened> {
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
        let Some(opened) = account.opened else {
            self.blurred |= findings.lacks_before(seq);
            return None;
        };
        add(&mut self.players, opened.currency, moved);
        Some(opened)
    }

    /// Whether all accounts of each currency add up to nothing, and the books' sums to these.
    pub(super) fn finish(&mut self, findings: &mut Findings) {
        if let Some(last) = self.account.take() {
            last.end(findings);
        }
        self.added.compare(findings);
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

impl Account {
    fn space(&self) -> Option<(IdSpaceNumber, Currency)> {
        self.opened.map(|opened| (opened.space, opened.currency))
    }

    /// What entries say so far.
    fn now(&self) -> Option<Booked> {
        Some(Booked {
            whole: self.opened?.whole,
            balance: self.balance?,
            last: self.last,
        })
    }

    fn book(&mut self, fact: &mut Reader<'_>, findings: &mut Findings) {
        let number = self.number;
        self.home = Some(fact.account());
        let bears = fact.seq();
        let row = Booked {
            whole: fact.digest(),
            balance: Sum::from(fact.amount()),
            last: fact.seq(),
        };
        let named = || format!("players: account {number}");
        self.row.book(bears, row, named, findings);
    }

    fn end(&self, findings: &mut Findings) {
        let number = self.number;
        let now = self.now();
        let named = || format!("players: account {number}");
        self.row.end(now.as_ref(), named, findings);
        let place = self.opened.map(|of| {
            // Of an account that no player's row has yet nobody knows the player's number.
            let home = self.home.or(self.place.booked().and_then(|row| row.1));
            (place_of(of.partner, of.currency, of.space), home)
        });
        let named = || format!("accounts: account {number}");
        self.place.end(place.as_ref(), named, findings);
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
