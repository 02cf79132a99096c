//! Postbacks: looked up, found due, tried, and tried again (paykassma-api.md, Postbacks).

use std::sync::Arc;

use tokio::sync::Notify;

use super::operate::refused;
use super::report::Page;
use super::{Ledger, Observed, OperatorError, Space, Unavailable};
use crate::engine::gateway::{Found, List, Mark};
use crate::engine::postback::{
    Answer, Attempt, Delivery, DeliveryState, Postback, PostbackKind, PostbackOf, PostbackRules,
    Tried, decide_attempt, decide_retry,
};
use crate::engine::refusal::OperatorRefusal;
use crate::id::{PartnerNumber, PostbackUrl, Seq};
use crate::time::Timestamp;

/// What a merchant is told, and how far that is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostbackView {
    /// What is told.
    pub postback: Postback,
    /// How far it is.
    pub delivery: Found<Delivery>,
}

/// A postback that is to be sent at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DuePostback {
    /// Whom, and of what.
    pub of: PostbackOf,
    /// When.
    pub at: Timestamp,
    /// The newest entry that it rests on: nothing is sent before that is durable.
    pub changed: Seq,
}

/// Which postbacks are asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct PostbacksAsked {
    /// A merchant's alone.
    pub partner: Option<PartnerNumber>,
    /// Those that are in this state, by its word.
    pub state: Option<&'static str>,
}

/// What waits to be sent of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Queue {
    /// How many; of one receiver no more than 1000 are counted.
    pub due: u64,
    /// When the first of them is, or was, to be sent.
    pub first: Option<Timestamp>,
}

/// Postbacks to one receiver that are counted.
const COUNTED_MAX: usize = 1000;

/// Rings when something may have come to be sent.
#[derive(Clone, Debug, Default)]
pub(super) struct Bell(Arc<Notify>);

impl Ledger {
    /// Tells whoever sends postbacks to look.
    pub(super) fn ring(&self) {
        self.bell.0.notify_one();
    }

    /// Completes when a postback was written, or was since this was last waited for. One waits.
    pub async fn postback_rung(&self) {
        self.bell.0.notified().await;
    }

    /// What was told, or is to be, of something; none where nothing is.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub fn postback_of(
        &self,
        of: &PostbackOf,
    ) -> Result<Option<Observed<PostbackView>>, Unavailable> {
        let keys = [Postback::key_of(of), Delivery::key_of(of)];
        let gateway = self.gateway_with(|_| keys.to_vec())?;
        let Some(postback) = gateway.read::<Postback>(&keys[0]).cloned() else {
            return Ok(None);
        };
        let delivery = gateway.of::<Delivery>(&keys[1]);
        let delivery = delivery.and_then(|(_, row)| row.found::<Delivery>());
        let delivery = delivery.expect("a postback is delivered or to be");
        let seq = delivery.changed;
        let value = PostbackView { postback, delivery };
        Ok(Some(Observed { value, seq }))
    }

    /// A postback by its number: the entry that it came with. Reads the disk.
    ///
    /// # Errors
    /// Refused where there is none.
    pub fn postback(&self, number: Seq) -> Result<Observed<PostbackView>, OperatorError> {
        let list = Mark::of::<Delivery>(List::All);
        let unknown = || refused(OperatorRefusal::PostbackUnknown, Seq::NONE);
        let key = self.gateway_created(&list, number)?.ok_or_else(unknown)?;
        let gateway = self.gateway_with(|_| vec![key.clone()])?;
        let of = gateway.read::<Delivery>(&key).map(|of| of.of.clone());
        drop(gateway);
        let of = of.expect("what stands in a list is there");
        self.postback_of(&of)?.ok_or_else(unknown)
    }

    /// Postbacks, the newest first (operations.md, `postback list`); `before` is the last page's
    /// `next`. Reads the disk.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub fn postbacks(
        &self,
        asked: PostbacksAsked,
        before: Option<Seq>,
        limit: usize,
    ) -> Result<Observed<Page<Found<Delivery>>>, Unavailable> {
        let PostbacksAsked { partner, state } = asked;
        let of = Mark::of::<Delivery>;
        let is_done = state == Some(DeliveryState::Delivered.name());
        let list = match (partner, state) {
            (_, Some(_)) if !is_done => of(List::Open),
            (Some(partner), _) => of(List::OfPartner).partner(partner),
            (None, _) => of(List::All),
        };
        let page = self.gateway_page(&list, before, limit, |row| {
            row.read::<Delivery>().is_some_and(|of| {
                partner.is_none_or(|partner| of.of.partner == partner)
                    && state.is_none_or(|state| of.state.name() == state)
            })
        })?;
        Ok(page.found())
    }

    /// What came of the last `limit` tries, the newest first. Reads the disk.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub fn attempts(
        &self,
        delivery: &Delivery,
        limit: u32,
    ) -> Result<Vec<Found<Attempt>>, Unavailable> {
        let last = delivery.attempts;
        let numbers = (1..=last).rev().take(usize::try_from(limit).unwrap_or(0));
        let keys: Vec<_> = numbers
            .map(|number| Attempt::key_of(&delivery.of, number))
            .collect();
        let gateway = self.gateway_with(|_| keys.clone())?;
        let found = keys.iter().filter_map(|key| gateway.of::<Attempt>(key));
        Ok(found.filter_map(|(_, row)| row.found()).collect())
    }

    /// What is to be sent to one receiver, the first ones. Reads the disk.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub fn due_postbacks(
        &self,
        partner: PartnerNumber,
        kind: PostbackKind,
        at_most: usize,
    ) -> Result<Vec<DuePostback>, Unavailable> {
        let list = Delivery::due_list(partner, kind);
        let (found, _) = self.gateway_first(&list, at_most)?;
        let due = found.iter().filter_map(|(_, row)| {
            let delivery = row.read::<Delivery>()?;
            match delivery.state {
                DeliveryState::Due(at) => Some(DuePostback {
                    of: delivery.of.clone(),
                    at,
                    changed: row.changed,
                }),
                DeliveryState::Delivered | DeliveryState::Waiting => None,
            }
        });
        Ok(due.collect())
    }

    /// What is to be sent of one kind, to all receivers together. Reads the disk.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub fn postback_queue(&self, kind: PostbackKind) -> Result<Queue, Unavailable> {
        let mut queue = Queue {
            due: 0,
            first: None,
        };
        for partner in self.partners().value {
            let due = self.due_postbacks(partner.number, kind, COUNTED_MAX)?;
            queue.due += due.len() as u64;
            let firsts = due.first().map(|due| due.at).into_iter();
            queue.first = firsts.chain(queue.first).min();
        }
        Ok(queue)
    }

    /// How often it was tried to send postbacks since the start, by what came of it.
    pub fn postback_tries(&self) -> [(Tried, u64); 3] {
        Tried::ALL.map(|outcome| (outcome, self.postback_tries[outcome as usize].so_far()))
    }

    /// Takes down what came of a try to send `sent`, which may have been put right since. While there
    /// is little room this has what there is: what was told and is not known to be told is told
    /// again.
    ///
    /// # Errors
    /// [`Unavailable`]: then nobody knows of the try.
    pub fn postback_tried(
        &self,
        sent: &Postback,
        url: PostbackUrl,
        answer: Answer,
        rules: &PostbackRules,
    ) -> Result<Observed<Delivery>, Unavailable> {
        let permit = self.reserve();
        let (key, postback) = (Delivery::key_of(&sent.of), Postback::key_of(&sent.of));
        let mut gateway = self.gateway_with(|_| vec![key.clone(), postback.clone()])?;
        let before = gateway.read::<Delivery>(&key);
        let before = before.expect("who sends has found it due");
        let postback = gateway.read::<Postback>(&postback);
        let postback = postback.expect("what is due was written");
        let now = self.sequencer.now();
        let outcome = answer.outcome();
        let record = decide_attempt((sent, postback), before, (url, answer), rules, now);
        if self.space() == Space::Full {
            return Err(Unavailable);
        }
        let entry = self.take_gateway_down(permit.ok_or(Unavailable)?, &mut gateway, record);
        let value = gateway.read::<Delivery>(&key).cloned();
        let value = value.expect("it was applied under this lock");
        let seq = entry.seq;
        self.postback_tries[outcome as usize].add();
        Ok(Observed { value, seq })
    }

    /// A postback is to be sent once more (operations.md, `postback retry`), also one that was
    /// taken.
    ///
    /// # Errors
    /// Refused where there is no such postback.
    pub fn retry_postback(&self, number: Seq) -> Result<Observed<PostbackView>, OperatorError> {
        let permit = self.permit();
        let of = self.postback(number)?.value.postback.of;
        let key = Delivery::key_of(&of);
        let mut gateway = self.gateway_with(|_| vec![key.clone()])?;
        let before = gateway.read::<Delivery>(&key);
        let before = before.expect("it was there a moment ago, and stays");
        let record = decide_retry(before, self.sequencer.now());
        self.take_gateway_down(permit?, &mut gateway, record);
        drop(gateway);
        self.ring();
        self.postback(number)
    }
}
