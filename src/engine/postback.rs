//! Postbacks: what merchants are told, and how often it is tried (paykassma-api.md, Postbacks).
//!
//! What is told is written once, in the entry of the money that it tells of, as the very bytes that
//! are sent each time. How far the telling is stands beside it, in a [`Delivery`]; what came of each
//! try is an [`Attempt`], written when it is known. So a postback is sent once more where nobody
//! lived to write down what came of it, and never forgotten.
//!
//! Where what was told turns out to be otherwise the postback is put right, and sent as if it were
//! new: what came of a try of the bytes before says nothing of those.

use serde::{Deserialize, Serialize};

use super::document::{Document, Partner};
use super::entry::{Actor, Record, RecordKind};
use super::gateway::{GatewayDocument, GatewayKey, Kept, List, Mark, OfKind};
use crate::id::{DepositReference, PartnerNumber, PostbackName, PostbackUrl, Seq};
use crate::time::{Span, Timestamp};

/// So often a postback is put right at most: each deposit that it tells of once, and of savings
/// there are seldom more.
pub const CORRECTIONS_MAX: u8 = 250;

/// What a postback tells of, and by that where it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum PostbackKind {
    /// Money that came for a merchant.
    Deposit = 1,
    /// A withdrawal that was decided.
    Withdrawal = 2,
}

impl PostbackKind {
    /// Both.
    pub const ALL: [PostbackKind; 2] = [PostbackKind::Deposit, PostbackKind::Withdrawal];

    /// The word for it (paykassma-api.md, `type`).
    pub fn name(self) -> &'static str {
        match self {
            PostbackKind::Deposit => "deposit",
            PostbackKind::Withdrawal => "withdrawal",
        }
    }

    /// Where a partner wants to be told of it.
    pub fn url_of(self, partner: &Partner) -> Option<&PostbackUrl> {
        let settings = &partner.settings;
        match self {
            PostbackKind::Deposit => settings.deposit_postback_url.as_ref(),
            PostbackKind::Withdrawal => settings.withdrawal_postback_url.as_ref(),
        }
    }
}

/// Whom a postback tells, and of what.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PostbackOf {
    /// The merchant.
    pub partner: PartnerNumber,
    /// Of what kind of thing.
    pub kind: PostbackKind,
    /// Of which one.
    pub name: PostbackName,
}

impl PostbackOf {
    fn key<T: OfKind>(&self) -> GatewayKey {
        let key = GatewayKey::of::<T>().partner(self.partner);
        key.small(self.kind as u32).text(self.name.as_str())
    }
}

/// What a merchant is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Postback {
    /// Whom, and of what.
    pub of: PostbackOf,
    /// The bytes that are sent: JSON, with its signature.
    pub body: String,
    /// The deposits that it tells of, in their order; none where an earlier version wrote it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deposits: Vec<DepositReference>,
    /// How often it was put right.
    #[serde(default)]
    pub corrections: u8,
}

/// How far the telling is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// Whom, and of what.
    pub of: PostbackOf,
    /// What is to be done.
    pub state: DeliveryState,
    /// Tries in all.
    pub attempts: u32,
    /// Tries since it was queued, or an operator has asked for more.
    pub tries: u32,
    /// Since when these go on.
    pub since: Timestamp,
}

/// What is to be done about a postback.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// To be sent at this time.
    Due(Timestamp),
    /// The merchant has taken it.
    Delivered,
    /// It was tried in vain for long, or there was nowhere to send it: an operator must see to it.
    Waiting,
}

impl DeliveryState {
    /// The words of all.
    pub const NAMES: [&'static str; 3] = ["due", "delivered", "waiting"];

    /// The word for operators.
    pub fn name(self) -> &'static str {
        match self {
            DeliveryState::Due(_) => "due",
            DeliveryState::Delivered => "delivered",
            DeliveryState::Waiting => "waiting",
        }
    }
}

/// What came of one try.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Whom, and of what.
    pub of: PostbackOf,
    /// Which try, from 1.
    pub number: u32,
    /// Where it went.
    pub url: PostbackUrl,
    /// What came back.
    pub answer: Answer,
    /// How often the postback had been put right whose bytes were sent.
    #[serde(default)]
    pub corrections: u8,
}

/// What a try came to, in few words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tried {
    /// The merchant has taken it.
    Taken,
    /// The merchant answered something else.
    NotTaken,
    /// There was no answer.
    NoAnswer,
}

impl Tried {
    /// All, in the order in which they are declared.
    pub const ALL: [Tried; 3] = [Tried::Taken, Tried::NotTaken, Tried::NoAnswer];

    /// The word for those who count them.
    pub fn name(self) -> &'static str {
        match self {
            Tried::Taken => "taken",
            Tried::NotTaken => "not_taken",
            Tried::NoAnswer => "no_answer",
        }
    }
}

/// What came back of a try.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// Whether the merchant has taken it.
    pub taken: bool,
    /// The status of its answer, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// What the answer said, cut short, or why there was none.
    pub text: String,
}

/// Characters of an answer that are kept.
pub const ANSWER_TEXT_MAX: usize = 500;

impl Answer {
    /// In few words.
    pub fn outcome(&self) -> Tried {
        match (self.taken, self.status) {
            (true, _) => Tried::Taken,
            (false, Some(_)) => Tried::NotTaken,
            (false, None) => Tried::NoAnswer,
        }
    }

    /// An answer, of which so much is kept as operators need.
    pub fn new(taken: bool, status: Option<u16>, text: &str) -> Answer {
        let shown = text.chars().map(|character| match character.is_control() {
            true => ' ',
            false => character,
        });
        let text = shown.take(ANSWER_TEXT_MAX).collect();
        Answer {
            taken,
            status,
            text,
        }
    }
}

/// When a postback is sent again (operations.md, `[postbacks]`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostbackRules {
    /// How long after each of the first tries.
    pub schedule: Vec<Span>,
    /// How long after each of the others.
    pub then_every: Span,
    /// After so long it waits for an operator.
    pub give_up_after: Span,
}

impl Default for PostbackRules {
    fn default() -> PostbackRules {
        let seconds = [10, 30, 60, 5 * 60, 30 * 60];
        PostbackRules {
            schedule: seconds.map(Span::from_seconds).to_vec(),
            then_every: Span::from_seconds(60 * 60),
            give_up_after: Span::from_seconds(3 * 24 * 60 * 60),
        }
    }
}

impl PostbackRules {
    /// The longest that a postback waits for its next try.
    pub fn longest(&self) -> Span {
        let longest = self.schedule.iter().copied().max();
        longest.unwrap_or_default().max(self.then_every)
    }

    /// When a postback is sent again after `tries` in vain, the last of them at `now`; `None` where
    /// it has been tried for long enough.
    fn next(&self, tries: u32, since: Timestamp, now: Timestamp) -> Option<Timestamp> {
        let place = usize::try_from(tries).ok()?.checked_sub(1)?;
        let delay = self.schedule.get(place).unwrap_or(&self.then_every);
        let next = now.plus(*delay);
        (next <= since.plus(self.give_up_after)).then_some(next)
    }
}

impl Postback {
    /// The name of what is told.
    pub fn key_of(of: &PostbackOf) -> GatewayKey {
        of.key::<Postback>()
    }
}

impl Postback {
    /// Whether it is known what it tells of, and it was not put right too often.
    pub(super) fn may_be_put_right(&self) -> bool {
        !self.deposits.is_empty() && self.corrections < CORRECTIONS_MAX
    }
}

impl Kept for Postback {
    fn key(&self) -> GatewayKey {
        Postback::key_of(&self.of)
    }

    fn step(&self) -> Option<u8> {
        Some(self.corrections)
    }
}

impl Delivery {
    /// The name of how far the telling is.
    pub fn key_of(of: &PostbackOf) -> GatewayKey {
        of.key::<Delivery>()
    }

    /// The list of what is to be sent to one receiver, in the order of time.
    pub fn due_list(partner: PartnerNumber, kind: PostbackKind) -> Mark {
        let list = Mark::of::<Delivery>(List::Due).partner(partner);
        list.number(kind as u64)
    }
}

impl Kept for Delivery {
    fn key(&self) -> GatewayKey {
        Delivery::key_of(&self.of)
    }

    fn marks(&self, created: Seq) -> Vec<Mark> {
        let PostbackOf { partner, kind, .. } = self.of;
        let list = Mark::of::<Delivery>;
        let mut marks = vec![
            list(List::All).created(created),
            list(List::OfPartner).partner(partner).created(created),
        ];
        match self.state {
            DeliveryState::Due(at) => {
                marks.push(Delivery::due_list(partner, kind).at(at).created(created));
                marks.push(list(List::Open).created(created));
            }
            DeliveryState::Waiting => marks.push(list(List::Open).created(created)),
            DeliveryState::Delivered => {}
        }
        marks
    }

    fn step(&self) -> Option<u8> {
        None
    }
}

impl Attempt {
    /// The name of one try.
    pub fn key_of(of: &PostbackOf, number: u32) -> GatewayKey {
        of.key::<Attempt>().small(number)
    }
}

impl Kept for Attempt {
    fn key(&self) -> GatewayKey {
        Attempt::key_of(&self.of, self.number)
    }
}

/// What is to be told in an entry, if anything.
#[derive(Clone, Debug)]
pub struct Telling {
    /// Whom, and of what: of what nothing was told before.
    pub of: PostbackOf,
    /// The bytes to send.
    pub body: String,
    /// The deposits that are told of, where it is deposits.
    pub deposits: Vec<DepositReference>,
    /// Whether there is anywhere to send it.
    pub has_url: bool,
}

impl Telling {
    /// The documents that go into the entry of the money.
    pub fn documents(self, now: Timestamp) -> [GatewayDocument; 2] {
        let delivery = queued(&self.of, self.has_url, 0, now);
        let postback = Postback {
            of: self.of,
            body: self.body,
            deposits: self.deposits,
            corrections: 0,
        };
        [postback.into(), delivery.into()]
    }
}

fn queued(of: &PostbackOf, has_url: bool, attempts: u32, now: Timestamp) -> Delivery {
    let state = match has_url {
        true => DeliveryState::Due(now),
        false => DeliveryState::Waiting,
    };
    Delivery {
        of: of.clone(),
        state,
        attempts,
        tries: 0,
        since: now,
    }
}

/// What was told is put right, and is to be sent whatever came of it before: the documents that go
/// into the entry of the money.
pub(super) fn put_right(
    (postback, delivery): (&Postback, &Delivery),
    body: String,
    has_url: bool,
    now: Timestamp,
) -> [GatewayDocument; 2] {
    let delivery = queued(&postback.of, has_url, delivery.attempts, now);
    let postback = Postback {
        body,
        corrections: postback.corrections + 1,
        ..postback.clone()
    };
    [postback.into(), delivery.into()]
}

/// Takes down what came of a try to send `sent`; `postback` is what is to be told by now.
pub fn decide_attempt(
    (sent, postback): (&Postback, &Postback),
    before: &Delivery,
    (url, answer): (PostbackUrl, Answer),
    rules: &PostbackRules,
    now: Timestamp,
) -> Record {
    let is_outdated = sent.corrections < postback.corrections;
    let attempts = before.attempts + 1;
    let tries = before.tries + u32::from(!is_outdated);
    let state = match before.state {
        state if is_outdated => state,
        _ if answer.taken => DeliveryState::Delivered,
        DeliveryState::Delivered => DeliveryState::Delivered,
        DeliveryState::Due(_) | DeliveryState::Waiting => {
            match rules.next(tries, before.since, now) {
                Some(at) => DeliveryState::Due(at),
                None => DeliveryState::Waiting,
            }
        }
    };
    let attempt = Attempt {
        of: before.of.clone(),
        number: attempts,
        url,
        answer,
        corrections: sent.corrections,
    };
    let delivery = Delivery {
        state,
        attempts,
        tries,
        ..before.clone()
    };
    record(
        (RecordKind::PostbackTried, Actor::Engine),
        [attempt.into(), delivery.into()],
    )
}

/// A postback is to be sent once more, by an operator's word, and then again as if it were new.
pub fn decide_retry(before: &Delivery, now: Timestamp) -> Record {
    let delivery = Delivery {
        state: DeliveryState::Due(now),
        tries: 0,
        since: now,
        ..before.clone()
    };
    record(
        (RecordKind::PostbackRetried, Actor::Operator),
        [delivery.into()],
    )
}

fn record<const N: usize>(
    (kind, by): (RecordKind, Actor),
    documents: [GatewayDocument; N],
) -> Record {
    Record {
        by,
        kind,
        postings: Vec::new(),
        documents: documents.map(Document::from).to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u32 = 60 * 60;

    fn at(seconds: u32) -> Timestamp {
        Timestamp::EPOCH.plus(Span::from_seconds(seconds))
    }

    fn postback(corrections: u8) -> Postback {
        Postback {
            of: PostbackOf {
                partner: PartnerNumber(1),
                kind: PostbackKind::Withdrawal,
                name: "w1".parse().unwrap(),
            },
            body: String::new(),
            deposits: Vec::new(),
            corrections,
        }
    }

    fn first() -> Delivery {
        queued(&postback(0).of, true, 0, at(0))
    }

    fn tried(before: &Delivery, taken: bool, now: Timestamp) -> Delivery {
        tried_of((0, 0), before, taken, now)
    }

    /// A try of what had been put right so often.
    fn tried_of(
        (sent, by_now): (u8, u8),
        before: &Delivery,
        taken: bool,
        now: Timestamp,
    ) -> Delivery {
        let url = "https://shop.example.com".parse().unwrap();
        let answer = Answer::new(taken, Some(200), "{}");
        let rules = PostbackRules::default();
        let (sent, by_now) = (postback(sent), postback(by_now));
        let record = decide_attempt((&sent, &by_now), before, (url, answer), &rules, now);
        let mut deliveries = record
            .documents
            .iter()
            .filter_map(|document| match document {
                Document::Gateway(document) => Delivery::of(document).cloned(),
                _ => None,
            });
        deliveries.next_back().unwrap()
    }

    #[test]
    fn it_is_sent_ever_more_seldom_for_three_days_and_then_waits() {
        let (mut delivery, mut times) = (first(), Vec::new());
        while let DeliveryState::Due(due) = delivery.state {
            times.push(due);
            delivery = tried(&delivery, false, due);
        }
        let first = [0, 10, 40, 100, 400, 2200, 2200 + HOUR, 2200 + 2 * HOUR];
        assert_eq!(times[..8], first.map(at));
        let last = *times.last().unwrap();
        assert!(last <= at(72 * HOUR) && at(71 * HOUR) < last);
        assert_eq!(delivery.state, DeliveryState::Waiting);
        assert_eq!(delivery.attempts as usize, times.len());
        // An operator's word begins it anew, and counts on.
        let again = decide_retry(&delivery, at(100 * HOUR));
        let Document::Gateway(document) = &again.documents[0] else {
            panic!("{again:?}");
        };
        let again = Delivery::of(document).unwrap();
        assert_eq!(again.state, DeliveryState::Due(at(100 * HOUR)));
        let again = tried(again, false, at(100 * HOUR));
        assert_eq!(again.state, DeliveryState::Due(at(100 * HOUR + 10)));
        assert_eq!(again.attempts, delivery.attempts + 1);
    }

    #[test]
    fn the_last_try_is_at_the_end_of_its_time() {
        let rules = PostbackRules {
            schedule: vec![Span::from_seconds(10)],
            then_every: Span::from_seconds(20),
            give_up_after: Span::from_seconds(30),
        };
        assert_eq!(rules.longest(), Span::from_seconds(20));
        assert_eq!(rules.next(1, at(0), at(0)), Some(at(10)));
        assert_eq!(rules.next(2, at(0), at(10)), Some(at(30)));
        assert_eq!(rules.next(2, at(0), at(11)), None);
    }

    #[test]
    fn what_was_taken_is_not_sent_again() {
        let delivery = tried(&first(), true, at(3));
        assert_eq!(delivery.state, DeliveryState::Delivered);
        assert_eq!(delivery.marks(Seq(9)).len(), 2);
        // Somebody was slow to write down what came of an earlier try.
        let late = tried(&delivery, false, at(5));
        assert_eq!((late.state, late.attempts), (DeliveryState::Delivered, 2));
    }

    #[test]
    fn whoever_took_what_was_put_right_since_is_told_all_the_same() {
        let document = put_right((&postback(0), &first()), String::new(), true, at(5));
        let again = Delivery::of(&document[1]).unwrap();
        for taken in [true, false] {
            let late = tried_of((0, 1), again, taken, at(6));
            let due = DeliveryState::Due(at(5));
            assert_eq!((late.state, late.attempts, late.tries), (due, 1, 0));
            let told = tried_of((1, 1), &late, true, at(7));
            assert_eq!(told.state, DeliveryState::Delivered);
        }
    }

    #[test]
    fn so_often_as_can_be_counted_it_may_be_put_right() {
        let of = |corrections| Postback {
            deposits: vec!["D1".parse().unwrap()],
            ..postback(corrections)
        };
        let may =
            [0, CORRECTIONS_MAX - 1, CORRECTIONS_MAX].map(|often| of(often).may_be_put_right());
        assert_eq!(may, [true, true, false]);
        assert!(
            !postback(0).may_be_put_right(),
            "nobody knows what it tells of"
        );
    }

    #[test]
    fn answers_are_cut_short_and_hold_nothing_that_moves_a_terminal() {
        let answer = Answer::new(false, None, &"\u{1b}\u{e4}".repeat(ANSWER_TEXT_MAX));
        assert_eq!(answer.text.chars().count(), ANSWER_TEXT_MAX);
        assert!(!answer.text.chars().any(char::is_control));
    }
}
