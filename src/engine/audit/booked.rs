//! The books' rows as the audit takes them.

use super::Audit;
use super::beside::Beside;
use super::facts::{Digest, Facts, Kind, Reader, digest};
use super::findings::Findings;
use super::sessions::CodePlace;
use super::totals::Claim;
use crate::engine::claim::Claims;
use crate::engine::document::Document;
use crate::engine::document::{Adjustment, Partner};
use crate::engine::entry::{AccountRef, Body, Entry};
use crate::engine::gateway::{GatewayKey, GatewayRow, Mark};
use crate::engine::holdings::{PlayerRow, SessionRow};
use crate::engine::ids::{IdKey, IdRow};
use crate::engine::order::OrderRow;
use crate::engine::payment::{PaymentKey, PaymentRow};
use crate::engine::round::{OddPlay, Round, RoundKey};
use crate::engine::totals::{DayKey, DayTotals, SumOf};
use crate::engine::transfer::TransferRow;
use crate::engine::user::Registered;
use crate::id::{
    AccountNumber, IdSpaceNumber, Mobile, OrderReference, PartnerNumber, PaymentReference, Seq,
    SessionNumber, UserNumber,
};
use crate::money::{Currency, Sum};
use crate::time::Timestamp;

/// A row of the books, to be compared with what entries say.
#[derive(Clone, Debug)]
pub enum Booked {
    /// What the books say of themselves. Comes first.
    Applied {
        /// The last entry that is wholly in them.
        seq: Seq,
        /// When it was made.
        at: Timestamp,
        /// The highest number that an account has.
        accounts: AccountNumber,
        /// The highest number that a session has.
        sessions: SessionNumber,
        /// The highest number that a user has.
        users: UserNumber,
    },
    /// A partner's document and the entry that changed it.
    Partner(Box<Partner>, Seq),
    /// Where an account's player is.
    Account {
        /// The account.
        number: AccountNumber,
        /// Its player's number.
        home: AccountNumber,
        /// Whose player.
        partner: PartnerNumber,
        /// In which currency.
        currency: Currency,
        /// Where its ids are unique.
        id_space: IdSpaceNumber,
    },
    /// A player's number, by name.
    Name(PartnerNumber, String, AccountNumber),
    /// A player, by number.
    Player(AccountNumber, PlayerRow),
    /// A session that its player's row does not list, and the entry that this row bears.
    PastSession(Seq, SessionRow),
    /// Where a code leads.
    Code(String, CodePlace),
    /// An adjustment and its entry.
    Adjustment(Adjustment, Seq),
    /// Who is registered under a mobile number.
    Registered(Mobile, Registered),
    /// A partner's deposit or withdrawal.
    Transfer(TransferRow),
    /// A received payment.
    Payment(PaymentRow),
    /// A payment in the list of all, and the entry that it stands under.
    ListedPayment(PaymentKey, Seq),
    /// A document of the gateway.
    Gateway(Box<GatewayRow>),
    /// A place in a list, and the document that stands there.
    GatewayMark(Mark, GatewayKey),
    /// An order.
    Order(OrderRow),
    /// Which order a partner means by a name.
    OrderNamed(PartnerNumber, String, OrderReference),
    /// An order in the list of all, and the entry that it stands under.
    ListedOrder(OrderReference, Seq),
    /// The orders that a UTR was named for.
    Claims(PaymentReference, Claims),
    /// What an id stands for.
    Id(IdKey, IdRow),
    /// A round.
    Round(RoundKey, Round),
    /// A round among the open ones, by the entry that began it.
    OpenRound(RoundKey, Seq),
    /// A round among the foreign ones, and the entry that began it.
    ForeignRound(RoundKey, Seq),
    /// A transaction that was odd, by its entry.
    OddPlay(Seq, OddPlay),
    /// A sum.
    Sum(Currency, SumOf, Sum),
    /// A day.
    Day(DayKey, DayTotals),
}

impl Audit {
    /// Takes a row of the books. All come before the first entry, [`Booked::Applied`] first.
    pub fn book(&mut self, row: Booked, facts: &mut Facts) {
        match row {
            Booked::Applied {
                seq,
                at,
                accounts,
                sessions,
                users,
            } => {
                self.findings.applied = Some(seq);
                self.claim = Some(Claim {
                    seq,
                    at,
                    accounts: accounts.0,
                    sessions: sessions.0,
                    users,
                });
            }
            Booked::Partner(partner, seq) => facts.partner(&partner, seq, true),
            Booked::Account {
                number,
                home,
                partner,
                currency,
                id_space,
            } => facts.placed(number, home, (partner, currency, id_space)),
            Booked::Name(partner, name, home) => facts.booked_name((partner, &name), home),
            Booked::Player(home, row) => {
                facts.booked_player(home, &row);
                for account in &row.accounts {
                    facts.booked_account(home, row.last, account);
                }
                for session in &row.sessions {
                    facts.booked_session(row.last, session);
                }
            }
            Booked::PastSession(bears, row) => facts.booked_session(bears, &row),
            Booked::Code(code, place) => facts.booked_code(&code, &place),
            Booked::Adjustment(adjustment, seq) => facts.reference(&adjustment, seq, true),
            Booked::Registered(mobile, row) => facts.booked_users(&mobile, &row),
            Booked::Transfer(row) => facts.booked_transfer(&row),
            Booked::Payment(row) => facts.booked_payment(&row),
            Booked::ListedPayment(key, seq) => facts.listed_payment(&key, seq),
            Booked::Gateway(row) => facts.booked_gateway(&row),
            Booked::GatewayMark(mark, key) => facts.gateway_mark(&mark, &key),
            Booked::Order(row) => facts.booked_order(&row),
            Booked::OrderNamed(partner, id, of) => facts.order_named(&of, partner, &id),
            Booked::ListedOrder(of, seq) => facts.listed_order(&of, seq),
            Booked::Claims(reference, row) => facts.booked_claims(&reference, &row),
            Booked::Id(key, row) => facts.booked_id(&key, &row),
            Booked::Round(key, row) => facts.booked_round(key, &row),
            Booked::OpenRound(key, first) => facts.listed_round(key, first, false),
            Booked::ForeignRound(key, first) => facts.listed_round(key, first, true),
            Booked::OddPlay(seq, play) => facts.odd(seq, &play, true),
            Booked::Sum(currency, of, sum) => self.accounts.added.book_sum(currency, of, sum),
            Booked::Day(key, day) => self.accounts.added.book_day(key, day),
        }
    }

    /// The books are of another journal, which was told: nothing of them is compared.
    pub fn forget_books(&mut self) {
        self.findings.forget_books();
        self.claim = None;
    }

    /// Whether anything was found about the books.
    pub fn are_books_false(&self) -> bool {
        self.findings.are_books_false()
    }

    /// Compares what the books say of themselves with what they should say at entry `entry`.
    pub(super) fn claimed(&mut self, entry: &Entry) {
        let Body::Record(record) = &entry.body else {
            self.compare_claim(entry);
            return;
        };
        for document in &record.documents {
            match document {
                Document::Account(opened) => {
                    self.numbers.0 = self.numbers.0.max(opened.number.0);
                }
                Document::Session(session) => {
                    self.numbers.1 = self.numbers.1.max(session.number.0);
                }
                Document::User(user) => self.numbers.2 = self.numbers.2.max(user.number),
                Document::Partner(_)
                | Document::Player(_)
                | Document::Adjustment(_)
                | Document::Transfer(_)
                | Document::ReceivedPayment(_)
                | Document::Gateway(_)
                | Document::Order(_) => {}
            }
        }
        self.compare_claim(entry);
    }

    fn compare_claim(&mut self, entry: &Entry) {
        if let Some(claim) = self.claim.take_if(|claim| claim.seq == entry.seq) {
            let seq = claim.seq;
            let (accounts, sessions, users) = self.numbers;
            // Numbers may be given out that no entry bears, but to users.
            let behind = claim.at < entry.at
                || claim.accounts < accounts
                || claim.sessions < sessions
                || claim.users < users;
            if behind && !self.findings.lacks_before(seq) {
                self.findings.of_books(format!(
                    "about: they say less of entry {seq} than is so: an earlier time, or smaller \
                     numbers of accounts, sessions and users"
                ));
            }
        }
    }
}

/// A row that is as its entry says, word by word.
#[derive(Debug, Default)]
pub(super) struct Plain {
    of: Option<(u64, Option<Digest>, Beside<Digest>)>,
}

impl Facts {
    fn plain(&mut self, kind: Kind, key: u64, (seq, booked): (Seq, bool), whole: Digest) {
        self.add(kind, |fact| {
            let fact = fact.number(key).number(if booked { 0 } else { seq.0 });
            fact.number(seq.0).digest(&whole);
        });
    }

    pub(super) fn partner(&mut self, partner: &Partner, seq: Seq, booked: bool) {
        let whole = digest(|all| {
            all.document(partner);
        });
        let key = u64::from(partner.number.0);
        self.plain(Kind::Partner, key, (seq, booked), whole);
    }

    pub(super) fn odd(&mut self, seq: Seq, play: &OddPlay, booked: bool) {
        let whole = digest(|all| {
            let all = all.byte(play.anomalies.bits()).byte(u8::from(play.is_win));
            let all = all.at(play.at).number(play.account.0).number(play.id.0);
            all.number(play.amount.cents())
                .small(play.game.0)
                .round(play.round);
        });
        self.plain(Kind::Odd, seq.0, (seq, booked), whole);
    }
}

impl Plain {
    pub(super) fn judge(&mut self, table: &str, mut fact: Reader<'_>, findings: &mut Findings) {
        let (key, place, seq) = (fact.number(), fact.seq(), fact.seq());
        let whole = fact.digest();
        if self.of.as_ref().is_none_or(|of| of.0 != key) {
            self.finish(table, findings);
        }
        let (_, said, row) = self.of.get_or_insert((key, None, Beside::default()));
        let what = || format!("{table}: row {key}");
        if place == Seq::NONE {
            row.book(seq, whole, what, findings);
        } else {
            row.before(seq, said.as_ref(), what, findings);
            *said = Some(whole);
        }
    }

    pub(super) fn finish(&mut self, table: &str, findings: &mut Findings) {
        if let Some((key, said, row)) = self.of.take() {
            row.end(said.as_ref(), || format!("{table}: row {key}"), findings);
        }
    }
}

impl Audit {
    /// Money of an account without a chain moved in entry `seq`.
    pub(super) fn other(&mut self, seq: Seq, account: AccountRef, currency: Currency, moved: Sum) {
        self.accounts.other(currency, moved);
        if self.findings.is_booked(seq) {
            self.accounts.added.other(account, currency, moved);
        }
    }
}
