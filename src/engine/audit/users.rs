//! Users by their mobile numbers, and transfers: each belongs to the wallet and the money in its
//! entry, and stands in the books as its entry says.

use super::Audit;
use super::beside::Beside;
use super::facts::{Digest, Facts, Kind, Reader, digest};
use super::findings::Findings;
use crate::engine::document::{Document, Transfer, TransferKind, User};
use crate::engine::entry::{AccountRef, Record};
use crate::engine::transfer::TransferRow;
use crate::engine::user::{Registered, UserPlace};
use crate::id::{AccountNumber, Mobile, PartnerNumber, Seq, UserNumber};
use crate::money::{Amount, Sum};
use crate::time::Timestamp;

const BOOKED: u8 = 0;
const REGISTERED: u8 = 1;
const USED: u8 = 2;

/// What the facts so far have in common with the next one.
#[derive(Debug, Default)]
pub(super) struct Users {
    mobile: Option<OfMobile>,
}

/// A mobile number.
#[derive(Debug)]
struct OfMobile {
    mobile: String,
    /// What entries say so far.
    said: Vec<UserPlace>,
    row: Beside<Digest>,
}

fn whole_users(users: &[UserPlace]) -> Option<Digest> {
    (!users.is_empty()).then(|| {
        digest(|all| {
            for user in users {
                let all = all.small(user.partner.0).number(user.number.0);
                all.number(user.account.0).number(user.registered.0);
            }
        })
    })
}

fn whole_transfer(
    transfer: &Transfer,
    (seq, at): (Seq, Timestamp),
    balance_after: Amount,
) -> Digest {
    digest(|all| {
        let all = all.document(transfer).number(seq.0).at(at);
        all.number(balance_after.cents());
    })
}

impl Facts {
    fn of_mobile(
        &mut self,
        mobile: &Mobile,
        (seq, what): (Seq, u8),
        write: impl FnOnce(&mut super::facts::Writer<'_>),
    ) {
        self.add(Kind::User, |fact| {
            write(fact.text(mobile.as_str()).number(seq.0).byte(what));
        });
    }

    /// The users that the books have of a mobile number.
    pub(super) fn booked_users(&mut self, mobile: &Mobile, row: &Registered) {
        let bears = Registered::newest(Some(row));
        let whole = whole_users(&row.users).unwrap_or_default();
        self.of_mobile(mobile, (Seq::NONE, BOOKED), |fact| {
            fact.number(bears.0).digest(&whole);
        });
    }

    fn transfer(&mut self, transfer: &Transfer, of: (Seq, bool), whole: &Digest) {
        let key = (transfer.partner, transfer.id.as_str());
        self.once(Kind::Transfer, key, of, whole);
    }

    /// A transfer that the books have.
    pub(super) fn booked_transfer(&mut self, row: &TransferRow) {
        let whole = whole_transfer(&row.transfer, (row.seq, row.at), row.balance_after);
        self.transfer(&row.transfer, (row.seq, true), &whole);
    }
}

impl Audit {
    /// A user is registered in entry `seq`, which must open its wallet under its name.
    pub(super) fn user(&mut self, seq: Seq, user: &User, record: &Record, facts: &mut Facts) {
        self.partner(seq, user.partner);
        let number = user.number;
        if number <= self.last_user {
            let last = self.last_user;
            self.find(format!(
                "entry {seq} registers user {number} after user {last}"
            ));
        }
        self.last_user = self.last_user.max(number);
        let name = format!("usr-{number}");
        let opens = record.documents.iter().any(|document| match document {
            Document::Account(opened) => {
                let of = (opened.number, opened.partner, opened.player_id.as_str());
                of == (user.account, user.partner, &name)
            }
            _ => false,
        });
        if !opens {
            self.find(format!(
                "entry {seq} registers user {number} without a wallet"
            ));
        }
        facts.of_mobile(&user.mobile, (seq, REGISTERED), |fact| {
            let fact = fact.small(user.partner.0).number(number.0);
            fact.number(user.account.0);
        });
    }

    /// A transfer is taken down in entry `seq`, whose postings must move what it says.
    pub(super) fn transfer(
        &mut self,
        seq: Seq,
        transfer: &Transfer,
        record: &Record,
        facts: &mut Facts,
    ) {
        let amount = Sum::from(transfer.amount);
        let to_user = match transfer.kind {
            TransferKind::Deposit => amount,
            TransferKind::Withdrawal => amount.negated(),
        };
        let moved = |account: AccountRef| {
            let mut postings = record.postings.iter();
            postings.find(|posting| posting.account == account)
        };
        let partner = moved(AccountRef::Partner(transfer.partner));
        let user = moved(AccountRef::Player(transfer.account));
        let is_moved = partner.is_some_and(|leg| Sum::from(leg.cents) == to_user.negated())
            && user.is_some_and(|leg| Sum::from(leg.cents) == to_user)
            && record.postings.len() == 2;
        if !is_moved || transfer.amount.is_zero() {
            self.find(format!(
                "entry {seq} moves other money than its transfer says"
            ));
        }
        facts.of_mobile(&transfer.mobile, (seq, USED), |fact| {
            fact.small(transfer.partner.0).number(transfer.account.0);
        });
        if let Some(link) = user.and_then(|leg| leg.link) {
            let whole = whole_transfer(transfer, (seq, self.at), link.balance_after);
            facts.transfer(transfer, (seq, false), &whole);
        }
    }
}

impl Users {
    pub(super) fn judge_mobile(&mut self, mut fact: Reader<'_>, findings: &mut Findings) {
        let (mobile, seq, what) = (fact.text(), fact.seq(), fact.byte());
        if self.mobile.as_ref().is_none_or(|of| of.mobile != mobile) {
            self.finish_mobile(findings);
        }
        let of = self.mobile.get_or_insert_with(|| OfMobile {
            mobile: mobile.to_owned(),
            said: Vec::new(),
            row: Beside::default(),
        });
        match what {
            BOOKED => {
                let (bears, whole) = (fact.seq(), fact.digest());
                of.row.book(bears, whole, || named(mobile), findings);
            }
            REGISTERED => {
                let now = whole_users(&of.said);
                of.row.before(seq, now.as_ref(), || named(mobile), findings);
                let partner = PartnerNumber(fact.small());
                if of.said.iter().any(|user| user.partner == partner) {
                    findings.tell(format!(
                        "entry {seq} registers a mobile number of {partner} again"
                    ));
                }
                of.said.push(UserPlace {
                    partner,
                    number: UserNumber(fact.number()),
                    account: fact.account(),
                    registered: seq,
                });
            }
            _ => {
                let (partner, account) = (PartnerNumber(fact.small()), fact.account());
                of.used(seq, partner, account, findings);
            }
        }
    }

    fn finish_mobile(&mut self, findings: &mut Findings) {
        if let Some(of) = self.mobile.take() {
            let now = whole_users(&of.said);
            of.row.end(now.as_ref(), || named(&of.mobile), findings);
        }
    }

    /// All are at their end.
    pub(super) fn finish(&mut self, findings: &mut Findings) {
        self.finish_mobile(findings);
    }
}

fn named(mobile: &str) -> String {
    format!("users: mobile number {mobile}")
}

impl OfMobile {
    /// Money moved for the number's user of a partner.
    fn used(
        &self,
        seq: Seq,
        partner: PartnerNumber,
        account: AccountNumber,
        findings: &mut Findings,
    ) {
        let mut users = self.said.iter();
        let is_theirs = users.any(|user| (user.partner, user.account) == (partner, account));
        if !is_theirs && !findings.lacks_before(seq) {
            findings.tell(format!(
                "entry {seq} moves money of account {account}, which is not the wallet of the user \
                 that it names"
            ));
        }
    }
}
