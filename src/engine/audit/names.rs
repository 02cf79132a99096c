//! What is unique by its name, and stays with whom it was given to: players and their accounts,
//! references, codes, sessions.

use super::facts::{Facts, Kind, Reader};
use super::findings::Findings;
use crate::engine::document::{AccountOpened, Session};
use crate::id::{AccountNumber, PartnerNumber, PlayerId, Reference, Seq, SessionNumber};
use crate::money::Currency;

const PLAYER: u8 = 0;
const ACCOUNT: u8 = 1;

const SESSION_KEPT: u8 = 0;
pub(super) const SESSION_USED: u8 = 1;

/// What the facts so far have in common with the next one.
#[derive(Debug, Default)]
pub(super) struct Names {
    player: Option<Player>,
    reference: Option<(u32, String)>,
    code: Option<(String, SessionNumber)>,
    session: Option<(SessionNumber, Option<AccountNumber>)>,
}

#[derive(Debug)]
struct Player {
    partner: u32,
    name: String,
    created: bool,
    accounts: Vec<Currency>,
}

impl Facts {
    pub(super) fn player(
        &mut self,
        (partner, name): (PartnerNumber, &PlayerId),
        seq: Seq,
        part: u32,
    ) {
        self.add(Kind::Player, |fact| {
            let of = fact.small(partner.0).text(name.as_str());
            of.number(seq.0).small(part).byte(PLAYER);
        });
    }

    /// An account is a fact about its player, and one about itself.
    pub(super) fn account_opened(&mut self, seq: Seq, part: u32, opened: &AccountOpened) {
        self.add(Kind::Player, |fact| {
            let of = fact.small(opened.partner.0).text(opened.player_id.as_str());
            let of = of.number(seq.0).small(part).byte(ACCOUNT);
            of.currency(opened.currency);
        });
        self.opened((opened.number, seq, part), opened.currency, opened.id_space);
    }

    pub(super) fn reference(&mut self, partner: PartnerNumber, reference: &Reference, seq: Seq) {
        self.add(Kind::Reference, |fact| {
            fact.small(partner.0).text(reference.as_str()).number(seq.0);
        });
    }

    /// A session's document is a fact about its code, its number and its account.
    pub(super) fn session(&mut self, seq: Seq, part: u32, session: &Session) {
        self.add(Kind::Code, |fact| {
            let of = fact.text(session.code.as_str());
            of.number(seq.0).number(session.number.0);
        });
        self.session_fact(SESSION_KEPT, session.number, seq, session.account);
        self.session_on((session.account, seq, part));
    }

    pub(super) fn session_fact(
        &mut self,
        what: u8,
        session: SessionNumber,
        seq: Seq,
        account: AccountNumber,
    ) {
        self.add(Kind::Session, |fact| {
            let of = fact.number(session.0).number(seq.0);
            of.byte(what).number(account.0);
        });
    }
}

impl Names {
    pub(super) fn judge_player(&mut self, mut fact: Reader<'_>, findings: &mut Findings) {
        let (partner, name, seq) = (fact.small(), fact.text(), fact.seq());
        let (_part, what) = (fact.small(), fact.byte());
        let same = self
            .player
            .take_if(|player| player.partner == partner && player.name == name);
        let mut player = same.unwrap_or_else(|| Player {
            partner,
            name: name.to_owned(),
            created: false,
            accounts: Vec::new(),
        });
        if what == PLAYER {
            player.created = true;
        } else {
            let currency = fact.currency();
            if !player.created && !findings.lacks_before(seq) {
                findings.tell(format!(
                    "entry {seq} opens an account of a player that was never created"
                ));
            }
            if player.accounts.contains(&currency) {
                findings.tell(format!(
                    "entry {seq} opens a second account in {currency} of one player"
                ));
            } else {
                player.accounts.push(currency);
            }
        }
        self.player = Some(player);
    }

    pub(super) fn judge_reference(&mut self, mut fact: Reader<'_>, findings: &mut Findings) {
        let (partner, reference, seq) = (fact.small(), fact.text(), fact.seq());
        let same = |before: &(u32, String)| before.0 == partner && before.1 == reference;
        if self.reference.as_ref().is_some_and(same) {
            findings.tell(format!("entry {seq} uses an adjustment's reference again"));
        } else {
            self.reference = Some((partner, reference.to_owned()));
        }
    }

    pub(super) fn judge_code(&mut self, mut fact: Reader<'_>, findings: &mut Findings) {
        let (code, seq, session) = (fact.text(), fact.seq(), fact.session());
        match &self.code {
            Some((before, given)) if before == code => {
                if *given != session {
                    findings.tell(format!("entry {seq} gives a session the code of another"));
                }
            }
            _ => self.code = Some((code.to_owned(), session)),
        }
    }

    pub(super) fn judge_session(&mut self, mut fact: Reader<'_>, findings: &mut Findings) {
        let (session, seq) = (fact.session(), fact.seq());
        let (what, account) = (fact.byte(), fact.account());
        let same = self.session.filter(|(before, _)| *before == session);
        let on = same.and_then(|(_, on)| on);
        if what == SESSION_USED {
            let may_be = on.is_none() && findings.lacks_before(seq);
            if on != Some(account) && !may_be {
                findings.tell(format!(
                    "entry {seq} names session {session}, which is not on account {account}"
                ));
            }
            self.session = Some((session, on));
        } else {
            if on.is_some_and(|on| on != account) {
                findings.tell(format!(
                    "entry {seq} moves session {session} to another account"
                ));
            }
            self.session = Some((session, Some(account)));
        }
    }
}
