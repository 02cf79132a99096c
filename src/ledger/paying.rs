//! Received payments and orders in memory: found by all their names together, and changed
//! together.
//!
//! What belongs together is followed from name to name: an order that is asked for leads to the
//! reference that it names, a reference to all that it was named for and to its payments. There it
//! ends: however long a chain payers make of their corrections, little is read.

use std::collections::BTreeSet;
use std::sync::Arc;

use parking_lot::MutexGuard;

use super::gateway::Gateway;
use super::partners::PartnerRow;
use super::shard::Players;
use super::{Ledger, Unavailable};
use crate::books::{BooksError, View};
use crate::engine::claim::Claims;
use crate::engine::document::{Document, Order};
use crate::engine::entry::{AccountRef, Body, Entry, Record, RecordKind};
use crate::engine::gateway::{GatewayKey, GatewayRow};
use crate::engine::held::{Bin, Generation, Held};
use crate::engine::holdings::{AccountRow, Noted};
use crate::engine::order::{Desk, OrderKey, OrderRow, PaymentRules, goes_to_user};
use crate::engine::payment::{PaymentKey, PaymentRow};
use crate::id::{AccountNumber, OrderReference, PartnerNumber, PaymentReference, Seq, Utr};
use crate::time::Timestamp;

/// Received payments and orders.
#[derive(Default)]
pub(super) struct Payments {
    /// By wallet type and reference, for ever.
    pub(super) rows: Held<PaymentKey, PaymentRow>,
    /// By the entry that took them down.
    pub(super) listed: Noted<PaymentKey>,
    /// By what their pages are found by, for ever.
    pub(super) orders: Held<OrderReference, OrderRow>,
    /// By their partners' names for them, for ever.
    pub(super) named: Held<OrderKey, OrderReference>,
    /// By the entry that they came with.
    pub(super) listed_orders: Noted<OrderReference>,
    /// What banks' references were named for.
    pub(super) claims: Held<PaymentReference, Claims>,
}

/// What one turn has ended of them.
#[derive(Debug)]
pub(super) struct TurnedPayments {
    pub(super) rows: Arc<Generation<PaymentKey, PaymentRow>>,
    pub(super) orders: Arc<Generation<OrderReference, OrderRow>>,
    pub(super) claims: Arc<Generation<PaymentReference, Claims>>,
}

/// One of the names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    Payment(PaymentKey),
    Order(OrderReference),
    Named(OrderKey),
    Claimed(PaymentReference),
}

/// A name on the way from what is asked for to all that belongs to it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Followed {
    /// It leads on.
    Seed(Key),
    /// It is wanted itself and leads nowhere.
    End(Key),
}

/// What the books have under a name.
enum Row {
    Payment(PaymentRow),
    Order(OrderRow),
    Named(OrderKey, OrderReference),
    Claims(PaymentReference, Claims),
}

/// The payments and the gateway's documents with the piece of the players in which money is
/// counted: that of the user whose wallet it goes to, if it goes to one.
pub(super) struct Counter<'a> {
    pub(super) payments: MutexGuard<'a, Payments>,
    pub(super) gateway: MutexGuard<'a, Gateway>,
    /// Whose order the money is for, if it is for one.
    payee: Option<Arc<PartnerRow>>,
    wallet: Option<AccountNumber>,
    players: MutexGuard<'a, Players>,
}

/// Where entries are counted that are about no player.
pub(super) const NOBODY: AccountNumber = AccountNumber(0);

impl Ledger {
    /// The payments, with all in memory that is there under `seeds` and belongs to it.
    pub(super) fn payments_with(
        &self,
        seeds: &[Key],
        rules: &PaymentRules,
    ) -> Result<MutexGuard<'_, Payments>, Unavailable> {
        let mut looked: BTreeSet<Key> = BTreeSet::new();
        let mut sight = None;
        loop {
            let mut payments = self.shards.payments.lock();
            match sight.take().filter(|sight| self.is_fresh(sight)) {
                Some(sight) => payments.load(sight.found.into_iter().flatten()),
                None => looked.clear(),
            }
            let missing = payments.missing(seeds, rules, &looked);
            if missing.is_empty() {
                return Ok(payments);
            }
            drop(payments);
            looked.extend(missing);
            sight = Some(self.look(|view| read(view, &looked).map(Some))?);
        }
    }

    /// The same with the gateway's documents, those that `keys` names in memory if there are any.
    /// `keys` is asked again with what came.
    pub(super) fn payments_and_gateway(
        &self,
        (seeds, rules): (&[Key], &PaymentRules),
        keys: impl Fn(&Payments, &Gateway) -> Vec<GatewayKey>,
    ) -> Result<(MutexGuard<'_, Payments>, MutexGuard<'_, Gateway>), Unavailable> {
        let mut looked: BTreeSet<GatewayKey> = BTreeSet::new();
        let mut sight = None;
        loop {
            let payments = self.payments_with(seeds, rules)?;
            let mut gateway = self.shards.gateway.lock();
            match sight.take().filter(|sight| self.is_fresh(sight)) {
                Some(sight) => {
                    let found: Vec<GatewayRow> = sight.found.unwrap_or_default();
                    gateway.load(found);
                }
                None => looked.clear(),
            }
            let keys = keys(&payments, &gateway);
            let missing = gateway.missing(keys, &looked);
            if missing.is_empty() {
                return Ok((payments, gateway));
            }
            drop((gateway, payments));
            looked.extend(missing);
            sight = Some(self.look_for_gateway(&looked)?);
        }
    }

    /// The same with the wallet that the money of an order goes to, which `order` finds.
    pub(super) fn counter(
        &self,
        (seeds, rules): (&[Key], &PaymentRules),
        keys: impl Fn(&Payments, &Gateway) -> Vec<GatewayKey>,
        order: impl Fn(&Payments) -> Option<Order>,
    ) -> Result<Counter<'_>, Unavailable> {
        loop {
            let first = order(&*self.payments_with(seeds, rules)?);
            let wallet = match &first {
                Some(first) => self.wallet_for(first)?,
                None => None,
            };
            if let Some(home) = wallet {
                // So that it is in memory by the time that the payments are locked.
                drop(self.player_at(home)?);
            }
            let (payments, gateway) = self.payments_and_gateway((seeds, rules), &keys)?;
            if order(&payments) != first {
                continue;
            }
            let payee = first.and_then(|order| self.partners.by_number(order.partner));
            let mut players = self.shards.players.lock(&wallet.unwrap_or(NOBODY));
            if wallet.is_none_or(|home| players.keep(home)) {
                return Ok(Counter {
                    payments,
                    gateway,
                    payee,
                    wallet,
                    players,
                });
            }
        }
    }

    /// The wallet that an order's money goes to, or went to; none where it is the partner's.
    fn wallet_for(&self, order: &Order) -> Result<Option<AccountNumber>, Unavailable> {
        if let Some(paid) = &order.paid {
            return Ok(paid.wallet);
        }
        let partner = self.partners.by_number(order.partner);
        let partner = partner.filter(|partner| goes_to_user(partner, order));
        let (Some(partner), Some(mobile)) = (partner, &order.mobile) else {
            return Ok(None);
        };
        match self.user(&partner, mobile) {
            Ok(user) => Ok(Some(user.value.account)),
            Err(super::UserError::Refused(..)) => Ok(None),
            Err(super::UserError::Unavailable) => Err(Unavailable),
        }
    }

    /// Takes in a payment or an order of the tail. What the books say of it comes first.
    pub(super) fn index_paying(&self, entry: &Entry, record: &Record) -> Result<(), BooksError> {
        let mut payments = self.shards.payments.lock();
        let view = self.view.load();
        let mut keys = BTreeSet::new();
        for document in &record.documents {
            match document {
                Document::ReceivedPayment(payment) => {
                    keys.insert(Key::Payment(payment.key()));
                }
                Document::Order(order) => {
                    keys.insert(Key::Order(order.reference.clone()));
                    keys.extend(order.claimed().map(Key::Claimed));
                }
                _ => {}
            }
        }
        payments.load(read(&view, &keys)?.into_iter());
        payments.apply(entry);
        Ok(())
    }

    /// Counts an entry that moves money of no player.
    pub(super) fn count_for_nobody(&self, entry: &Entry, record: &Record) {
        if let Some(posting) = record.postings.first() {
            let mut players = self.shards.players.lock(&NOBODY);
            (players.holdings).count(entry, PartnerNumber(0), posting.currency);
        }
    }
}

impl Counter<'_> {
    /// The wallet that the order's money goes to.
    pub(super) fn wallet(&self) -> Option<&AccountRow> {
        let home = self.wallet?;
        let row = self.players.holdings.players.row(&home)?;
        row.account(home)
    }

    /// Whether the partner is live whose order the money is for.
    pub(super) fn is_live(&self, now: Timestamp) -> bool {
        let payee = self.payee.as_ref();
        payee.is_none_or(|partner| partner.is_live(now))
    }

    /// Makes the change of an entry that was pushed a moment ago.
    pub(super) fn apply(&mut self, entry: &Entry) {
        let Body::Record(record) = &entry.body else {
            unreachable!("payments and orders are records");
        };
        let is_posted =
            |home| (record.postings.iter()).any(|leg| leg.account == AccountRef::Player(home));
        match self.wallet.filter(|home| is_posted(*home)) {
            Some(home) => self.players.holdings.apply(home, entry),
            None => {
                if let Some(posting) = record.postings.first() {
                    (self.players.holdings).count(entry, PartnerNumber(0), posting.currency);
                }
            }
        }
        self.payments.apply(entry);
        self.gateway.apply(entry);
    }
}

impl Payments {
    /// Begins new generations; what is over is to be written down.
    pub(super) fn turn(&mut self, bin: &mut Bin) -> TurnedPayments {
        // Each row says by what else it is found.
        self.listed.turn(bin);
        self.listed_orders.turn(bin);
        self.named.turn(bin);
        TurnedPayments {
            rows: self.rows.turn(bin),
            orders: self.orders.turn(bin),
            claims: self.claims.turn(bin),
        }
    }

    /// Lets go of all that was merely seen since the last turn.
    pub(super) fn shed(&mut self) {
        self.rows.shed();
        self.orders.shed();
        self.named.shed();
        self.claims.shed();
    }

    /// How many rows the current generations have.
    pub(super) fn len(&self) -> usize {
        self.rows.len() + self.orders.len() + self.claims.len()
    }

    /// The order under a partner's name.
    pub(super) fn order_named(&self, key: &OrderKey) -> Option<&OrderRow> {
        self.orders.row(self.named.row(key)?)
    }

    /// The orders that a reference was named for.
    pub(super) fn claimants(&self, reference: Option<&PaymentReference>) -> Vec<OrderRow> {
        let claims = reference.and_then(|reference| self.claims.row(reference));
        let by = claims.map_or(&[][..], |claims| &claims.by);
        let rows = by.iter().map(|claim| self.orders.row(&claim.by).cloned());
        let rows: Option<Vec<_>> = rows.collect();
        rows.expect("what a reference was named for is in memory with it")
    }

    /// The order that a payment with this reference would settle.
    pub(super) fn only_claimant(&self, key: &PaymentKey) -> Option<Order> {
        let utr: Utr = key.1.as_str().parse().ok()?;
        Desk::only_claimant(&self.claimants(Some(&key.1)), &utr).cloned()
    }

    /// The payments with a UTR as their reference, of the types that settle orders.
    pub(super) fn with_utr(&self, utr: &Utr, rules: &PaymentRules) -> Vec<PaymentRow> {
        let types = rules.wallet_types.iter();
        let rows = types.filter_map(|of| self.rows.row(&(*of, utr.reference())));
        rows.cloned().collect()
    }

    fn load(&mut self, rows: impl Iterator<Item = Row>) {
        for row in rows {
            match row {
                Row::Payment(row) => self.rows.load(row.payment.key(), row),
                Row::Order(row) => self.orders.load(row.order.reference.clone(), row),
                Row::Named(key, reference) => self.named.load(key, reference),
                Row::Claims(reference, claims) => self.claims.load(reference, claims),
            }
        }
    }

    /// What belongs to `seeds`, is not in memory, and was not `looked` up.
    fn missing(&mut self, seeds: &[Key], rules: &PaymentRules, looked: &BTreeSet<Key>) -> Vec<Key> {
        let mut queue: Vec<Followed> = seeds.iter().cloned().map(Followed::Seed).collect();
        let (mut seen, mut missing) = (BTreeSet::new(), Vec::new());
        while let Some(followed) = queue.pop() {
            if !seen.insert(followed.clone()) {
                continue;
            }
            let (Followed::Seed(key) | Followed::End(key)) = &followed;
            let is_there = match key {
                Key::Payment(of) => self.rows.keep(of).map(drop),
                Key::Order(of) => self.orders.keep(of).map(drop),
                Key::Named(of) => self.named.keep(of).map(drop),
                Key::Claimed(of) => self.claims.keep(of).map(drop),
            };
            if is_there.is_none() && !looked.contains(key) {
                missing.push(key.clone());
            }
            if let Followed::Seed(key) = followed {
                self.follow(&key, rules, &mut queue);
            }
        }
        missing
    }

    /// The names that a name leads to.
    fn follow(&self, key: &Key, rules: &PaymentRules, queue: &mut Vec<Followed>) {
        match key {
            Key::Payment(of) => queue.push(Followed::Seed(Key::Claimed(of.1.clone()))),
            Key::Named(of) => {
                let order = self.named.row(of).cloned().map(Key::Order);
                queue.extend(order.map(Followed::Seed));
            }
            Key::Order(of) => {
                let row = self.orders.row(of);
                let claimed = row.and_then(|row| row.order.claimed()).map(Key::Claimed);
                queue.extend(claimed.map(Followed::Seed));
            }
            Key::Claimed(of) => {
                let claims = self.claims.row(of);
                let by = claims.map_or(&[][..], |claims| &claims.by);
                let orders = by.iter().map(|claim| Key::Order(claim.by.clone()));
                queue.extend(orders.map(Followed::End));
                let types = rules.wallet_types.iter();
                let payments = types.map(|wallet_type| Key::Payment((*wallet_type, of.clone())));
                queue.extend(payments.map(Followed::End));
            }
        }
    }

    /// Makes the change of an entry.
    pub(super) fn apply(&mut self, entry: &Entry) {
        let Body::Record(record) = &entry.body else {
            return;
        };
        for document in &record.documents {
            match document {
                Document::ReceivedPayment(payment) => {
                    let key = payment.key();
                    let before = self.rows.row(&key);
                    let first = (entry.seq, entry.at);
                    let (received, at) = before.map_or(first, |row| (row.received, row.at));
                    if received == entry.seq {
                        self.listed.note(received, key.clone());
                    }
                    let row = PaymentRow {
                        payment: (**payment).clone(),
                        received,
                        changed: entry.seq,
                        at,
                    };
                    self.rows.put(key, row);
                }
                Document::Order(order) => self.apply_order(order, record.kind, entry.seq),
                _ => {}
            }
        }
    }

    fn apply_order(&mut self, order: &Order, kind: RecordKind, seq: Seq) {
        let reference = order.reference.clone();
        let created = match kind {
            RecordKind::OrderCreated => seq,
            _ => {
                let before = self.orders.row(&reference);
                before
                    .expect("what changes an order comes after it")
                    .created
            }
        };
        if created == seq {
            self.listed_orders.note(seq, reference.clone());
        }
        self.named.put(order.key(), reference.clone());
        if let Some(claimed) = order.claimed() {
            let mut claims = self.claims.row(&claimed).cloned().unwrap_or_default();
            claims.add(reference.clone(), seq);
            self.claims.put(claimed, claims);
        }
        let row = OrderRow {
            order: order.clone(),
            created,
            changed: seq,
        };
        self.orders.put(reference, row);
    }
}

fn read(view: &View, keys: &BTreeSet<Key>) -> Result<Vec<Row>, BooksError> {
    let mut rows = Vec::new();
    for key in keys {
        rows.extend(match key {
            Key::Payment(of) => view.payment(of)?.map(Row::Payment),
            Key::Order(of) => view.order(of)?.map(Row::Order),
            Key::Named(of) => {
                let reference = view.order_named(of)?;
                reference.map(|reference| Row::Named(of.clone(), reference))
            }
            Key::Claimed(of) => view.claims(of)?.map(|row| Row::Claims(of.clone(), row)),
        });
    }
    Ok(rows)
}
