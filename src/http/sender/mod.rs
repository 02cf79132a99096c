//! Sends postbacks when they are due, for as long as the server runs (paykassma-api.md, Postbacks).
//!
//! What is due stands in the books ([`crate::ledger::Ledger::due_postbacks`]); what is sent when is
//! [`plan`]'s; one try is [`call`]'s. Here they are joined. A postback is sent when the entry that
//! it came with is durable, and what came of it is an entry in its turn: whoever ends between the
//! two sends it again at the next start.

mod call;
mod plan;
mod reach;

use std::sync::Arc;
use std::time::Duration;

use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::{Instant, timeout};

pub use self::call::{Teller, web_roots};
pub use self::plan::{Came, Lane, Places, Plan};
use crate::engine::postback::{DeliveryState, PostbackKind, PostbackOf, PostbackRules};
use crate::ledger::{DuePostback, Ledger, Observed, Unavailable};
use crate::time::Span;

/// However little happens, it is looked again after so long: a receiver may have been named since.
const LOOK: Duration = Duration::from_secs(5);

/// A receiver that takes longer to answer counts as slow.
const PROMPT: Duration = Duration::from_secs(2);

/// What is under way at the end has so long to come back.
const AT_THE_END: Duration = Duration::from_secs(3);

/// Who sends.
#[derive(Clone, Debug)]
pub struct Sender {
    /// What is due, and what came of it.
    pub ledger: Arc<Ledger>,
    /// When it is tried again.
    pub rules: PostbackRules,
    /// Makes one try.
    pub teller: Teller,
}

/// The lanes of all receivers that are named.
fn lanes(ledger: &Ledger) -> Vec<Lane> {
    let partners = ledger.partners().value;
    let lanes = partners.iter().flat_map(|partner| {
        let kinds = PostbackKind::ALL.into_iter();
        let named = kinds.filter(|kind| kind.url_of(partner).is_some());
        named.map(|kind| (partner.number, kind))
    });
    lanes.collect()
}

impl Sender {
    /// Sends until `end` comes.
    pub async fn run(self, end: impl Future<Output = ()>) {
        let mut plan = Plan::new(Places::default(), self.rules.longest());
        let mut under_way: JoinSet<(PostbackOf, Came)> = JoinSet::new();
        let mut end = std::pin::pin!(end);
        loop {
            let wake = self.begin(&mut plan, &mut under_way).await;
            tokio::select! {
                biased;
                () = &mut end => break,
                Some(done) = under_way.join_next() => {
                    // All that came back, since all lanes are looked at after it.
                    let mut came_back = Some(done);
                    while let Some(done) = came_back {
                        let (of, came) = done.expect("a panic in the ledger ends the process");
                        plan.done(&of, came, self.ledger.now());
                        came_back = under_way.try_join_next();
                    }
                }
                () = self.ledger.postback_rung() => {}
                () = tokio::time::sleep(wake) => {}
            }
        }
        // What does not come back is sent again after the next start.
        drop(
            timeout(AT_THE_END, async {
                while under_way.join_next().await.is_some() {}
            })
            .await,
        );
    }

    /// Begins what is to be sent now; how long nothing more is to be.
    async fn begin(
        &self,
        plan: &mut Plan,
        under_way: &mut JoinSet<(PostbackOf, Came)>,
    ) -> Duration {
        // What came of it could not be written down.
        if self.ledger.readiness().is_err() {
            return LOOK;
        }
        let (ledger, now) = (Arc::clone(&self.ledger), self.ledger.now());
        let mut planned =
            std::mem::replace(plan, Plan::new(Places::default(), self.rules.longest()));
        let looked = spawn_blocking(move || {
            let due = |(partner, kind), at_most| ledger.due_postbacks(partner, kind, at_most);
            let next = planned.next(&lanes(&ledger), now, due);
            (planned, next)
        });
        let (planned, next) = looked
            .await
            .expect("a panic in the ledger ends the process");
        *plan = planned;
        let Ok((begun, wake)) = next else {
            return LOOK;
        };
        for due in begun {
            let sender = self.clone();
            under_way.spawn(async move {
                let came = sender.send(&due).await;
                (due.of, came.unwrap_or(Came::Unknown))
            });
        }
        let until = wake.map(|at| Span::from_micros(at.micros() - now.micros()).duration());
        until.map_or(LOOK, |until| until.min(LOOK))
    }

    async fn send(&self, due: &DuePostback) -> Result<Came, Unavailable> {
        let (ledger, of) = (Arc::clone(&self.ledger), due.of.clone());
        let found = spawn_blocking(move || ledger.postback_of(&of)).await;
        let found = found.expect("a panic in the ledger ends the process")?;
        let Observed { value: found, seq } = found.expect("what is due was written");
        // Nobody is told of money that a power cut takes back. It may be told otherwise by now.
        let durable = self.ledger.durable(seq).await;
        durable.map_err(|_| Unavailable)?;
        let partner = self.ledger.partner(due.of.partner);
        let partner = partner.map_err(|_| Unavailable)?.value;
        let url = due.of.kind.url_of(&partner).cloned();
        let (Some(url), DeliveryState::Due(_)) = (url, found.delivery.document.state) else {
            return Ok(Came::NotTaken);
        };
        let began = Instant::now();
        let answer = self.teller.tell(&url, &found.postback.body).await;
        let came = match answer.taken {
            false => Came::NotTaken,
            true if began.elapsed() > PROMPT => Came::Late,
            true => Came::Taken,
        };
        let (ledger, rules, sent) = (Arc::clone(&self.ledger), self.rules.clone(), found.postback);
        let told = spawn_blocking(move || ledger.postback_tried(&sent, url, answer, &rules)).await;
        told.expect("a panic in the ledger ends the process")?;
        Ok(came)
    }
}
