//! `/metrics`: what is counted and measured, as Prometheus reads it (operations.md, Admin
//! address). All labels are of few values, which nobody outside chooses.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeLabelSet, EncodeMetric, MetricEncoder, NoLabelSet, text,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use super::State;
use super::body::Answer;
use super::meters::{Api, Asked};
use super::reply::Reply;
use super::route::Side;
use crate::engine::postback::PostbackKind;
use crate::ledger::{Space, Vitals};
use crate::meter::{BOUNDS_MICROS, Counted};
use crate::protocol::wallet::reply::DONE;
use crate::time::Timestamp;

/// What the encoder writes.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// All that is known now. Some of it the disk knows.
pub(super) async fn answer(state: &Arc<State>) -> Reply {
    let state = Arc::clone(state);
    let told = tokio::task::spawn_blocking(move || {
        let mut registry = Registry::with_prefix("coffer");
        registry.register_collector(Box::new(Scrape(state)));
        let mut told = String::new();
        text::encode(&mut told, &registry).expect("a text takes all that is written to it");
        told
    });
    let told = told.await.expect("nothing panics where a text is written");
    let mut reply = Response::new(Answer::whole(told));
    *reply.status_mut() = StatusCode::OK;
    let kind = HeaderValue::from_static(OPEN_METRICS);
    reply.headers_mut().insert(CONTENT_TYPE, kind);
    reply
}

struct Scrape(Arc<State>);

impl fmt::Debug for Scrape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Scrape")
    }
}

impl Collector for Scrape {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut page = Page(&mut encoder);
        let build = [("version", env!("CARGO_PKG_VERSION"))];
        page.numbers("build_info", "What runs", [(build, 1)])?;
        self.requests(&mut page)?;
        self.connections(&mut page)?;
        let vitals = self.0.ledger.vitals();
        journal(&mut page, &vitals)?;
        books(&mut page, &vitals)?;
        state(&mut page, &vitals)?;
        self.postbacks(&mut page)?;
        self.scrub(&mut page)?;
        self.backup(&mut page)
    }
}

impl Scrape {
    fn requests(&self, page: &mut Page<'_, '_>) -> fmt::Result {
        let wallet = &self.0.meters.wallet;
        let answers = Asked::ALL.into_iter().flat_map(|asked| {
            let answers = wallet.answers(asked);
            // From the start on there is something to compare with.
            let told = move |&(result, count): &(usize, u64)| {
                count > 0 || (result == usize::from(DONE) && asked != Asked::Unread)
            };
            let labelled = move |(result, count)| {
                let labels = [
                    ("type", asked.name().to_owned()),
                    ("result", usize::to_string(&result)),
                ];
                (labels, count)
            };
            answers.filter(told).map(labelled)
        });
        page.counters(
            "wallet_requests",
            "Answers to game servers, by what was asked and the answer's result",
            answers,
        )?;
        page.durations(
            "wallet_request_duration_seconds",
            "From when a game server's request was read until its answer, durable, could leave",
            Asked::ALL.map(|asked| ([("type", asked.name())], wallet.times(asked))),
        )?;
        let requests = &self.0.meters.requests;
        let answers = Api::ALL.into_iter().flat_map(|api| {
            let answers = requests.answers(api).filter(|(_, count)| *count > 0);
            answers.map(move |(status, count)| {
                let labels = [
                    ("api", api.name().to_owned()),
                    ("status", usize::to_string(&status)),
                ];
                (labels, count)
            })
        });
        page.counters(
            "http_requests",
            "Answers, by who gave them and their HTTP status",
            answers,
        )
    }

    fn connections(&self, page: &mut Page<'_, '_>) -> fmt::Result {
        let sides = [("public", Side::Public), ("admin", Side::Admin)];
        let of = sides.map(|(name, side)| ([("address", name)], self.0.meters.connections(side)));
        let open = of.map(|(labels, of)| {
            // Read first: who has ended was accepted before.
            let ended = of.ended.so_far();
            (labels, of.accepted.so_far().saturating_sub(ended))
        });
        page.numbers("connections", "Connections that are open", open)?;
        page.counters(
            "connections_accepted",
            "Connections that were let in",
            of.map(|(labels, of)| (labels, of.accepted.so_far())),
        )?;
        page.counters(
            "connections_refused",
            "Connections that were turned away, since there were too many",
            of.map(|(labels, of)| (labels, of.refused.so_far())),
        )
    }

    fn postbacks(&self, page: &mut Page<'_, '_>) -> fmt::Result {
        let ledger = &self.0.ledger;
        page.counters(
            "postback_attempts",
            "Tries to tell merchants, by what came of them",
            ledger
                .postback_tries()
                .map(|(outcome, count)| ([("outcome", outcome.name())], count)),
        )?;
        let queues = PostbackKind::ALL.map(|kind| (kind, ledger.postback_queue(kind)));
        let known = queues.iter().filter_map(|(kind, queue)| {
            let labels = [("type", kind.name())];
            Some((labels, *queue.as_ref().ok()?))
        });
        page.numbers(
            "postbacks_due",
            "Postbacks that are to be sent; of one receiver no more than 1000 are counted",
            known.clone().map(|(labels, queue)| (labels, queue.due)),
        )?;
        let firsts = known.filter_map(|(labels, queue)| Some((labels, seconds(queue.first?))));
        let firsts: Vec<_> = firsts.collect();
        if firsts.is_empty() {
            return Ok(());
        }
        page.numbers(
            "postback_first_due_timestamp_seconds",
            "When the first postback that is to be sent is, or was, due",
            firsts,
        )
    }

    fn scrub(&self, page: &mut Page<'_, '_>) -> fmt::Result {
        let Some(scrub) = self.0.admin.scrubs.last() else {
            return Ok(());
        };
        page.number(
            "scrub_ok",
            "Whether history and books were as written when they were last read through",
            u64::from(scrub.findings.is_empty()),
        )?;
        page.number(
            "scrub_findings",
            "What was wrong with history and books when they were last read through",
            scrub.findings.len() as u64,
        )?;
        page.number(
            "scrub_end_timestamp_seconds",
            "When history and books had last been read through",
            seconds(scrub.ended_at),
        )
    }

    fn backup(&self, page: &mut Page<'_, '_>) -> fmt::Result {
        let backups = &self.0.admin.backups;
        let running = backups
            .status(None)
            .is_some_and(|last| last.outcome.is_none());
        page.number(
            "backup_running",
            "Whether a backup is being made",
            u64::from(running),
        )?;
        let Some((last, outcome)) = (backups.last_ended())
            .and_then(|last| last.outcome.clone().map(|outcome| (last, outcome)))
        else {
            return Ok(());
        };
        page.number(
            "backup_ok",
            "Whether the last backup since the start that has ended was made and verified",
            u64::from(outcome.is_ok()),
        )?;
        page.number(
            "backup_begin_timestamp_seconds",
            "When the last backup since the start that has ended was begun",
            seconds(last.began_at),
        )?;
        match outcome {
            Ok(made) => page.number(
                "backup_seq",
                "The last entry in the last backup",
                made.head.seq.0,
            ),
            Err(_) => Ok(()),
        }
    }
}

fn journal(page: &mut Page<'_, '_>, vitals: &Vitals) -> fmt::Result {
    let (waiting, most) = vitals.queue;
    page.number("journal_last_seq", "The newest entry", vitals.last.0)?;
    page.number(
        "journal_durable_seq",
        "The last entry that is synced",
        vitals.durable.0,
    )?;
    page.number(
        "journal_queue_entries",
        "Entries that wait for the journal, with those that are about to",
        waiting as u64,
    )?;
    page.number(
        "journal_queue_entries_max",
        "Entries that may wait for the journal",
        most as u64,
    )?;
    page.duration(
        "journal_commit_duration_seconds",
        "How long the journal's commits took, each with one sync",
        &vitals.commits,
    )
}

fn books(page: &mut Page<'_, '_>, vitals: &Vitals) -> fmt::Result {
    let (resident, most) = vitals.resident_bytes;
    page.number(
        "books_applied_seq",
        "The last entry that is in the books",
        vitals.booked.0,
    )?;
    page.duration(
        "checkpoint_duration_seconds",
        "How long checkpoints took",
        &vitals.checkpoints,
    )?;
    page.number(
        "resident_bytes",
        "What was touched since the last checkpoint began takes so much memory, roughly",
        resident,
    )?;
    page.number(
        "resident_bytes_max",
        "Where it takes more, a checkpoint is due",
        most,
    )
}

fn state(page: &mut Page<'_, '_>, vitals: &Vitals) -> fmt::Result {
    page.number(
        "pressed",
        "Whether what would be written is turned away until the books have caught up",
        u64::from(vitals.pressed),
    )?;
    let spaces = [
        ("ample", Space::Ample),
        ("low", Space::Low),
        ("full", Space::Full),
    ];
    page.numbers(
        "disk_space",
        "What the disk has room for: 1 at what holds now",
        spaces.map(|(name, space)| ([("state", name)], u64::from(space == vitals.space))),
    )?;
    page.number(
        "ready",
        "Whether entries are taken, as /readyz tells",
        u64::from(vitals.not_ready.is_none()),
    )?;
    page.number(
        "latched",
        "Whether a write has failed, so that nothing is answered until the next start",
        u64::from(vitals.latched),
    )
}

fn seconds(at: Timestamp) -> u64 {
    at.micros() / 1_000_000
}

/// Where everything is written, one name after the other.
struct Page<'a, 'b>(&'a mut DescriptorEncoder<'b>);

impl Page<'_, '_> {
    fn metric<'s>(
        &'s mut self,
        name: &'s str,
        help: &str,
        kind: MetricType,
    ) -> Result<MetricEncoder<'s>, fmt::Error> {
        self.0.encode_descriptor(name, help, None, kind)
    }

    fn number(&mut self, name: &str, help: &str, number: u64) -> fmt::Result {
        ConstGauge::new(number).encode(self.metric(name, help, MetricType::Gauge)?)
    }

    fn numbers(
        &mut self,
        name: &str,
        help: &str,
        numbers: impl IntoIterator<Item = (impl EncodeLabelSet, u64)>,
    ) -> fmt::Result {
        let mut metric = self.metric(name, help, MetricType::Gauge)?;
        for (labels, number) in numbers {
            ConstGauge::new(number).encode(metric.encode_family(&labels)?)?;
        }
        Ok(())
    }

    fn counters(
        &mut self,
        name: &str,
        help: &str,
        counts: impl IntoIterator<Item = (impl EncodeLabelSet, u64)>,
    ) -> fmt::Result {
        let mut metric = self.metric(name, help, MetricType::Counter)?;
        for (labels, count) in counts {
            ConstCounter::new(count).encode(metric.encode_family(&labels)?)?;
        }
        Ok(())
    }

    fn duration(&mut self, name: &str, help: &str, times: &Counted) -> fmt::Result {
        put(self.metric(name, help, MetricType::Histogram)?, times)
    }

    fn durations(
        &mut self,
        name: &str,
        help: &str,
        times: impl IntoIterator<Item = (impl EncodeLabelSet, Counted)>,
    ) -> fmt::Result {
        let mut metric = self.metric(name, help, MetricType::Histogram)?;
        for (labels, times) in times {
            put(metric.encode_family(&labels)?, &times)?;
        }
        Ok(())
    }
}

fn put(mut metric: MetricEncoder<'_>, times: &Counted) -> fmt::Result {
    let bounds = BOUNDS_MICROS.map(|bound| Duration::from_micros(bound).as_secs_f64());
    let bounds = bounds.into_iter().chain([f64::INFINITY]);
    let groups: Vec<(f64, u64)> = bounds.zip(times.groups).collect();
    let sum = Duration::from_micros(times.micros).as_secs_f64();
    let count = times.groups.iter().sum();
    metric.encode_histogram::<NoLabelSet>(sum, count, &groups, None)
}
