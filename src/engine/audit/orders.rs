//! Orders by their references, by their partners' names for them, and by the banks' references that
//! were named for them: each comes once, ends once, is paid once, and stands in the books as its entries say.

use std::collections::BTreeMap;

use super::Audit;
use super::beside::Beside;
use super::facts::{Digest, Facts, Kind, Reader, Writer, digest};
use super::findings::Findings;
use crate::engine::claim::Claims;
use crate::engine::document::{
    Claimant, Document, Order, OrderState, PaymentState, ReceivedPayment,
};
use crate::engine::entry::{AccountRef, Posting, Record, RecordKind};
use crate::engine::order::OrderRow;
use crate::id::{OrderReference, PartnerNumber, PaymentReference, Seq};
use crate::money::{Currency, Sum};

const BOOKED: u8 = 0;
const LISTED: u8 = 1;
const NAMED: u8 = 2;
const SAID: u8 = 3;

const CREATES: u8 = 1;
const PAYS: u8 = 2;
/// It says what it has brought.
const TELLS: u8 = 4;

const UNPAID: &str = "pays an order twice, or calls it paid without its money";

/// What the facts so far have in common with the next one.
#[derive(Debug, Default)]
pub(super) struct Orders {
    of: Option<OfOrder>,
    name: Option<(u32, String)>,
    claim: Option<OfClaim>,
}

#[derive(Debug)]
struct OfOrder {
    reference: String,
    said: Option<Said>,
    row: Beside<Digest>,
    /// The entry that it came with and its name, as its row has them.
    booked: Option<(Seq, Digest)>,
    /// The same, as the other tables have them.
    listed: Vec<Seq>,
    named: Vec<Digest>,
}

/// What entries say of an order so far.
#[derive(Debug)]
struct Said {
    created: Seq,
    /// All that never changes.
    same: Digest,
    state: u8,
    whole: Digest,
    /// What it has brought, account by account.
    brought: Digest,
}

/// A reference that was named.
#[derive(Debug)]
struct OfClaim {
    reference: String,
    said: Claims,
    row: Beside<Digest>,
}

fn state_byte(state: OrderState) -> u8 {
    match state {
        OrderState::Pending => 0,
        OrderState::Success => 1,
        OrderState::Failed => 2,
        OrderState::Cancelled => 3,
    }
}

fn of_document(order: &Order) -> Digest {
    digest(|all| {
        all.document(order);
    })
}

fn whole(document: &Digest, created: Seq, changed: Seq) -> Digest {
    digest(|all| {
        all.digest(document).number(created.0).number(changed.0);
    })
}

/// All that never changes.
fn same(order: &Order) -> Digest {
    of_document(&Order {
        state: OrderState::Pending,
        state_at: order.created_at,
        utr: None,
        corrections: 0,
        payment: None,
        reason: None,
        paid: None,
        ..order.clone()
    })
}

fn name(partner: PartnerNumber, id: &str) -> Digest {
    digest(|all| {
        all.small(partner.0).text(id);
    })
}

fn whole_claims(claims: &Claims) -> Option<Digest> {
    (!claims.by.is_empty()).then(|| {
        digest(|all| {
            for claim in &claims.by {
                all.document(&claim.by).number(claim.named.0);
            }
        })
    })
}

impl Facts {
    fn of_order(
        &mut self,
        reference: &OrderReference,
        (place, what): (Seq, u8),
        write: impl FnOnce(&mut Writer<'_>),
    ) {
        self.add(Kind::Order, |fact| {
            write(fact.text(reference.as_str()).number(place.0).byte(what));
        });
    }

    /// An order that the books have.
    pub(super) fn booked_order(&mut self, row: &OrderRow) {
        let order = &row.order;
        let whole = whole(&of_document(order), row.created, row.changed);
        self.of_order(&order.reference, (Seq::NONE, BOOKED), |fact| {
            let fact = fact.number(row.changed.0).digest(&whole);
            let name = name(order.partner, order.id.as_str());
            fact.number(row.created.0).digest(&name);
        });
    }

    /// An order in the list of the books.
    pub(super) fn listed_order(&mut self, reference: &OrderReference, created: Seq) {
        self.of_order(reference, (Seq::NONE, LISTED), |fact| {
            fact.number(created.0);
        });
    }

    /// An order under a partner's name for it, in the books.
    pub(super) fn order_named(
        &mut self,
        reference: &OrderReference,
        partner: PartnerNumber,
        id: &str,
    ) {
        self.of_order(reference, (Seq::NONE, NAMED), |fact| {
            fact.digest(&name(partner, id));
        });
    }

    /// All that the books have a reference named for.
    pub(super) fn booked_claims(&mut self, reference: &PaymentReference, row: &Claims) {
        let whole = whole_claims(row).unwrap_or_default();
        self.add(Kind::Claim, |fact| {
            let fact = fact.text(reference.as_str()).number(0).byte(BOOKED);
            fact.number(row.newest().0).digest(&whole);
        });
    }
}

/// What moves on from what was received, without what is received in the same entry.
pub(super) fn settling(record: &Record) -> &[Posting] {
    match record.kind {
        RecordKind::PaymentReceived => record.postings.get(2..).unwrap_or_default(),
        _ => &record.postings,
    }
}

/// The received payment that settles the order in this entry.
fn settled_by<'a>(order: &Order, record: &'a Record) -> Option<&'a ReceivedPayment> {
    let mut documents = record.documents.iter();
    documents.find_map(|document| match document {
        Document::ReceivedPayment(payment) if order.payment == Some(payment.key()) => {
            Some(&**payment)
        }
        _ => None,
    })
}

/// What the order has brought by now, and what that was before this entry: what accounts got of it.
fn brought(order: &Order, record: &Record) -> (Digest, Digest) {
    let legs = order.paid.iter().flat_map(|paid| paid.legs(order));
    let mut sums: BTreeMap<(AccountRef, Currency), i64> = BTreeMap::new();
    for (account, cents) in legs {
        *sums.entry((account, order.currency)).or_default() += cents;
    }
    let now = whole_sums(&sums);
    for leg in settling(record) {
        *sums.entry((leg.account, leg.currency)).or_default() -= leg.cents;
    }
    (now, whole_sums(&sums))
}

fn whole_sums(sums: &BTreeMap<(AccountRef, Currency), i64>) -> Digest {
    digest(|all| {
        for (account, cents) in sums.iter().filter(|(_, cents)| **cents != 0) {
            all.document(account).cents(*cents);
        }
    })
}

/// Whether an order says that it has brought what it was given, if it says anything.
fn is_told(order: &Order, record: &Record) -> bool {
    let Some(paid) = &order.paid else {
        return true;
    };
    let given = settled_by(order, record).map(|payment| (payment.amount, payment.wallet_type));
    let by_word = (order.amount, paid.from);
    order.state == OrderState::Success && (paid.amount, paid.from) == given.unwrap_or(by_word)
}

/// Whether what moves on is the order's money, and goes where it may.
fn is_paid(order: &Order, record: &Record) -> bool {
    let [from, to] = settling(record) else {
        return false;
    };
    let amount = settled_by(order, record).map_or(order.amount, |payment| payment.amount);
    let amount = Sum::from(amount);
    let goes_right = match to.account {
        AccountRef::Player(_) => true,
        account => account == AccountRef::Partner(order.partner),
    };
    matches!(from.account, AccountRef::Received(_))
        && goes_right
        && from.currency == to.currency
        && Sum::from(from.cents) == amount.negated()
        && Sum::from(to.cents) == amount
}

/// Whether the payment that an order says it was paid by is given to it in the same entry.
fn is_given(order: &Order, record: &Record) -> bool {
    let Some(key) = &order.payment else {
        return true;
    };
    let of_order = PaymentState::Matched(Claimant::Order(order.reference.clone()));
    record.documents.iter().any(|document| match document {
        Document::ReceivedPayment(payment) => payment.key() == *key && payment.state == of_order,
        _ => false,
    })
}

impl Audit {
    /// An order comes or changes in entry `seq`.
    pub(super) fn order(&mut self, seq: Seq, order: &Order, record: &Record, facts: &mut Facts) {
        self.partner(seq, order.partner);
        let pays = !settling(record).is_empty();
        let is_unknown = order.paid.is_none();
        if is_unknown && pays && !is_paid(order, record) || !is_told(order, record) {
            self.find(format!("entry {seq} moves other money than its order's"));
        }
        if !is_given(order, record) {
            self.find(format!(
                "entry {seq} does not give its order the payment that it says"
            ));
        }
        let creates = record.kind == RecordKind::OrderCreated;
        let tells = order.paid.is_some();
        let flags =
            (CREATES * u8::from(creates)) | (PAYS * u8::from(pays)) | (TELLS * u8::from(tells));
        let (brought, brought_before) = brought(order, record);
        facts.of_order(&order.reference, (seq, SAID), |fact| {
            let fact = fact.byte(flags).byte(state_byte(order.state));
            fact.digest(&same(order)).digest(&of_document(order));
            fact.digest(&brought).digest(&brought_before);
        });
        if creates {
            facts.add(Kind::OrderId, |fact| {
                let fact = fact.small(order.partner.0).text(order.id.as_str());
                fact.number(seq.0);
            });
        }
        if let Some(utr) = &order.utr {
            facts.add(Kind::Claim, |fact| {
                let fact = fact.text(utr.as_str()).number(seq.0).byte(SAID);
                fact.text(order.reference.as_str());
            });
        }
    }
}

impl Orders {
    pub(super) fn judge(&mut self, mut fact: Reader<'_>, findings: &mut Findings) {
        let (reference, seq, what) = (fact.text(), fact.seq(), fact.byte());
        if self.of.as_ref().is_none_or(|of| of.reference != reference) {
            self.finish_order(findings);
        }
        let of = self.of.get_or_insert_with(|| OfOrder {
            reference: reference.to_owned(),
            said: None,
            row: Beside::default(),
            booked: None,
            listed: Vec::new(),
            named: Vec::new(),
        });
        match what {
            BOOKED => {
                let (bears, whole) = (fact.seq(), fact.digest());
                of.booked = Some((fact.seq(), fact.digest()));
                let table = || format!("orders: {reference}");
                of.row.book(bears, whole, table, findings);
            }
            LISTED => of.listed.push(fact.seq()),
            NAMED => of.named.push(fact.digest()),
            _ => of.say(seq, &mut fact, findings),
        }
    }

    /// A partner names each of its orders otherwise.
    pub(super) fn judge_name(&mut self, mut fact: Reader<'_>, findings: &mut Findings) {
        let (partner, id, seq) = (fact.small(), fact.text(), fact.seq());
        let name = (partner, id.to_owned());
        if self.name.as_ref() == Some(&name) {
            findings.tell(format!("entry {seq} names a second order as the first"));
        }
        self.name = Some(name);
    }

    pub(super) fn judge_claim(&mut self, mut fact: Reader<'_>, findings: &mut Findings) {
        let (reference, seq, what) = (fact.text(), fact.seq(), fact.byte());
        if (self.claim.as_ref()).is_none_or(|of| of.reference != reference) {
            self.finish_claim(findings);
        }
        let of = self.claim.get_or_insert_with(|| OfClaim {
            reference: reference.to_owned(),
            said: Claims::default(),
            row: Beside::default(),
        });
        let table = || format!("claims: {reference}");
        if what == BOOKED {
            let (bears, whole) = (fact.seq(), fact.digest());
            of.row.book(bears, whole, table, findings);
            return;
        }
        let by: OrderReference = fact.text().parse().expect("a fact reads as it was written");
        if of.said.by.iter().all(|claim| claim.by != by) {
            let now = whole_claims(&of.said);
            of.row.before(seq, now.as_ref(), table, findings);
            of.said.add(by, seq);
        }
    }

    fn finish_order(&mut self, findings: &mut Findings) {
        let Some(of) = self.of.take() else {
            return;
        };
        let whole = of.said.as_ref().map(|said| &said.whole);
        of.row
            .end(whole, || format!("orders: {}", of.reference), findings);
        let listed = of.booked.iter().map(|(created, _)| created);
        let named = of.booked.iter().map(|(_, name)| name);
        let right = [
            ("listed_orders", listed.eq(&of.listed)),
            ("order_ids", named.eq(&of.named)),
        ];
        for (table, _) in right.into_iter().filter(|(_, is_right)| !is_right) {
            findings.of_books(format!(
                "{table}: {} does not stand there as its row says",
                of.reference
            ));
        }
    }

    fn finish_claim(&mut self, findings: &mut Findings) {
        if let Some(of) = self.claim.take() {
            let now = whole_claims(&of.said);
            let table = || format!("claims: {}", of.reference);
            of.row.end(now.as_ref(), table, findings);
        }
    }

    /// All are at their end.
    pub(super) fn finish(&mut self, findings: &mut Findings) {
        self.finish_order(findings);
        self.finish_claim(findings);
    }
}

impl OfOrder {
    /// What entry `seq` says of it.
    fn say(&mut self, seq: Seq, fact: &mut Reader<'_>, findings: &mut Findings) {
        let (flags, state) = (fact.byte(), fact.byte());
        let (same, document) = (fact.digest(), fact.digest());
        let (brought, brought_before) = (fact.digest(), fact.digest());
        let before = self.said.as_ref();
        let whole_before = before.map(|said| &said.whole);
        let table = || format!("orders: {}", self.reference);
        self.row.before(seq, whole_before, table, findings);
        let (pays, tells) = (flags & PAYS != 0, flags & TELLS != 0);
        let success = state_byte(OrderState::Success);
        let fault = match before {
            Some(_) if flags & CREATES != 0 => Some("makes an order again"),
            None if flags & CREATES != 0 && tells => Some(UNPAID),
            None if flags & CREATES == 0 && !findings.lacks_before(seq) => {
                Some("changes an order that was never made")
            }
            Some(said) if said.same != same => Some("makes an order another one"),
            Some(said) if said.state != 0 && said.state != state => {
                Some("changes what has become of an order")
            }
            Some(said) if tells && said.brought != brought_before => Some(UNPAID),
            Some(said) if !tells && pays != (said.state == 0 && state == success) => Some(UNPAID),
            _ => None,
        };
        if let Some(fault) = fault {
            findings.tell(format!("entry {seq} {fault}"));
        }
        let created = before.map_or(seq, |said| said.created);
        self.said = Some(Said {
            created,
            same,
            state,
            whole: whole(&document, created, seq),
            brought,
        });
    }
}
