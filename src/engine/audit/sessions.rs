//! Sessions: their codes, their accounts, and how long they live.

use super::beside::Beside;
use super::facts::{Digest, Facts, Kind, Reader, digest};
use super::findings::Findings;
use crate::engine::document::Session as SessionDocument;
use crate::engine::holdings::SessionRow;
use crate::id::{AccountNumber, PartnerNumber, Seq, SessionNumber};
use crate::money::Currency;
use crate::time::{Span, Timestamp};

const KEPT: u8 = 0;
const USED: u8 = 1;
const BOOKED: u8 = 2;

/// What the facts so far have in common with the next one.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    code: Option<Code>,
    session: Option<Session>,
}

#[derive(Debug)]
struct Code {
    text: String,
    said: Option<(SessionNumber, Digest)>,
    row: Beside<Digest>,
}

#[derive(Debug)]
struct Session {
    number: SessionNumber,
    said: Option<Said>,
    row: Beside<Said>,
}

/// A session as it is at some entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Said {
    account: AccountNumber,
    ttl: Span,
    expires_at: Timestamp,
    state: State,
    changed: Seq,
    /// What of it never changes.
    rest: Digest,
}

/// Whether it takes bets, and whether the link that opens it was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct State(u8);

impl State {
    const CLOSED: u8 = 1;
    const LINKED: u8 = 2;
    const USED: u8 = 4;

    fn of(session: &SessionDocument) -> State {
        let mut bits = u8::from(session.closed) * State::CLOSED;
        if let Some(link) = &session.link {
            bits |= State::LINKED + u8::from(link.used) * State::USED;
        }
        State(bits)
    }

    fn has(self, bit: u8) -> bool {
        self.0 & bit != 0
    }

    /// Whether a session may be so after it was as `before`: opened again only by its link, which
    /// can be used once.
    fn may_follow(self, before: State) -> bool {
        let reopened = before.has(State::CLOSED) && !self.has(State::CLOSED);
        let by_link =
            before.has(State::LINKED) && !before.has(State::USED) && self.has(State::USED);
        let forgotten = before.has(State::USED) && !self.has(State::USED);
        (!reopened || by_link) && !forgotten
    }
}

/// Where a code leads, as the books have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodePlace {
    /// The session.
    pub number: SessionNumber,
    /// The account that it plays on.
    pub account: AccountNumber,
    /// Whose player.
    pub partner: PartnerNumber,
    /// The account's currency.
    pub currency: Currency,
    /// The entry that opened it.
    pub opened: Seq,
}

impl CodePlace {
    fn digest(&self) -> Digest {
        digest(|all| {
            let all = all.number(self.number.0).number(self.account.0);
            let all = all.small(self.partner.0).currency(self.currency);
            all.number(self.opened.0);
        })
    }
}

fn rest(of: &SessionDocument) -> Digest {
    digest(|all| {
        let all = all.text(of.code.as_str()).small(of.partner.0);
        let all = all.text(of.player_id.as_str()).currency(of.currency);
        let link = of.link.as_ref().map(|link| &link.game);
        all.document(&(of.game, of.lang, link));
    })
}

impl Facts {
    /// A session's document is a fact about its code, its number and its account.
    pub(super) fn session(&mut self, seq: Seq, part: u32, session: &SessionDocument) {
        let place = CodePlace {
            number: session.number,
            account: session.account,
            partner: session.partner,
            currency: session.currency,
            opened: seq,
        };
        self.code(session.code.as_str(), seq, &place);
        self.session_row(KEPT, seq, seq, session, seq);
        self.session_on((session.account, seq, part));
    }

    fn code(&mut self, code: &str, seq: Seq, place: &CodePlace) {
        self.add(Kind::Code, |fact| {
            let of = fact.text(code).number(seq.0).number(place.opened.0);
            of.number(place.number.0).digest(&place.digest());
        });
    }

    pub(super) fn booked_code(&mut self, code: &str, place: &CodePlace) {
        self.code(code, Seq::NONE, place);
    }

    /// A session in the books, in rows that bear entry `bears`.
    pub(super) fn booked_session(&mut self, bears: Seq, row: &SessionRow) {
        self.session_row(BOOKED, Seq::NONE, bears, &row.session, row.changed);
    }

    fn session_row(&mut self, what: u8, seq: Seq, bears: Seq, of: &SessionDocument, changed: Seq) {
        self.add(Kind::Session, |fact| {
            let fact = fact.number(of.number.0).number(seq.0).byte(what);
            let fact = fact.number(of.account.0).number(bears.0);
            let fact = fact.number(of.ttl.micros()).at(of.expires_at);
            let fact = fact.byte(State::of(of).0).number(changed.0);
            fact.digest(&rest(of));
        });
    }

    /// A session was used; `bet_at` is when a bet was accepted in it, which prolongs it.
    pub(super) fn session_used(
        &mut self,
        session: SessionNumber,
        seq: Seq,
        account: AccountNumber,
        bet_at: Option<Timestamp>,
    ) {
        self.add(Kind::Session, |fact| {
            let of = fact.number(session.0).number(seq.0).byte(USED);
            let of = of.number(account.0).byte(u8::from(bet_at.is_some()));
            of.at(bet_at.unwrap_or(Timestamp::EPOCH));
        });
    }
}

impl Sessions {
    pub(super) fn judge_code(&mut self, mut fact: Reader<'_>, findings: &mut Findings) {
        let (text, place, seq) = (fact.text(), fact.seq(), fact.seq());
        let (session, whole) = (fact.session(), fact.digest());
        if self.code.as_ref().is_none_or(|code| code.text != text) {
            self.finish_code(findings);
        }
        let code = self.code.get_or_insert_with(|| Code {
            text: text.to_owned(),
            said: None,
            row: Beside::default(),
        });
        let what = || code_text(session);
        match code.said {
            _ if place == Seq::NONE => code.row.book(seq, whole, what, findings),
            Some((given, _)) if given != session => {
                findings.tell(format!("entry {seq} gives a session the code of another"));
            }
            Some(_) => {}
            None => {
                code.row.before(seq, None, what, findings);
                code.said = Some((session, whole));
            }
        }
    }

    fn finish_code(&mut self, findings: &mut Findings) {
        if let Some(code) = self.code.take() {
            let session = code.said.map_or(SessionNumber(0), |said| said.0);
            let whole = code.said.map(|said| said.1);
            (code.row).end(whole.as_ref(), || code_text(session), findings);
        }
    }

    pub(super) fn judge_session(&mut self, mut fact: Reader<'_>, findings: &mut Findings) {
        let (number, seq) = (fact.session(), fact.seq());
        let (what, account) = (fact.byte(), fact.account());
        if self.session.as_ref().is_none_or(|of| of.number != number) {
            self.finish_session(findings);
        }
        let session = self.session.get_or_insert(Session {
            number,
            said: None,
            row: Beside::default(),
        });
        let named = || session_text(number);
        if what == USED {
            let on = session.said.map(|said| said.account);
            let may_be = on.is_none() && findings.lacks_before(seq);
            if on != Some(account) && !may_be {
                findings.tell(format!(
                    "entry {seq} names session {number}, which is not on account {account}"
                ));
            }
            let (is_bet, at) = (fact.byte() == 1, fact.at());
            if is_bet {
                (session.row).before(seq, session.said.as_ref(), named, findings);
                if let Some(said) = &mut session.said {
                    said.expires_at = at.plus(said.ttl);
                }
            }
            return;
        }
        let bears = fact.seq();
        let said = Said {
            account,
            ttl: Span::from_micros(fact.number()),
            expires_at: fact.at(),
            state: State(fact.byte()),
            changed: fact.seq(),
            rest: fact.digest(),
        };
        if what == BOOKED {
            session.row.book(bears, said, named, findings);
            return;
        }
        if session.said.is_some_and(|before| before.account != account) {
            findings.tell(format!(
                "entry {seq} moves session {number} to another account"
            ));
        }
        if session
            .said
            .is_some_and(|before| !said.state.may_follow(before.state))
        {
            findings.tell(format!(
                "entry {seq} opens session {number} again, which was closed"
            ));
        }
        (session.row).before(seq, session.said.as_ref(), named, findings);
        session.said = Some(said);
    }

    fn finish_session(&mut self, findings: &mut Findings) {
        if let Some(of) = self.session.take() {
            let named = || session_text(of.number);
            of.row.end(of.said.as_ref(), named, findings);
        }
    }

    /// All are at their end.
    pub(super) fn finish(&mut self, findings: &mut Findings) {
        self.finish_code(findings);
        self.finish_session(findings);
    }
}

/// A code is as good as a password: what is told names its session.
fn code_text(session: SessionNumber) -> String {
    format!("codes: the code of session {session}")
}

fn session_text(session: SessionNumber) -> String {
    format!("players or past_sessions: session {session}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_session_is_opened_by_its_link_alone_and_once() {
        let (open, closed, linked) = (State(0), State(State::CLOSED), State::LINKED);
        let waiting = State(linked | State::CLOSED);
        let used = State(linked | State::USED);
        let ended = State(linked | State::USED | State::CLOSED);
        for (before, after, may) in [
            (open, closed, true),
            (waiting, used, true),
            (used, ended, true),
            (closed, open, false),
            (ended, used, false),
            (ended, waiting, false),
            (waiting, State(linked), false),
        ] {
            assert_eq!(after.may_follow(before), may, "{before:?} {after:?}");
        }
    }
}
