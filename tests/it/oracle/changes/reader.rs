//! Asks for the reports all the time and notes what each answer claimed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use lookaside::engine::{Engine, Mode, Outcome, Request};
use lookaside::report::{Params, Report};
use lookaside::table::{Table, text};
use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use redis::AsyncConnectionConfig;
use redis::aio::MultiplexedConnection;
use tokio_util::sync::CancellationToken;

use super::super::{PATIENCE, now};

/// What a query returns as text, with the names of its columns; `None` where it fails.
pub(super) type Answer = Option<Arc<str>>;

/// What an answer claimed of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Claim {
    /// Fresh by the word of a detector.
    Fresh,
    /// Fresh by its TTL alone: "unwatched".
    Unwatched,
    /// Stale, and marked so.
    Stale,
    /// The database answered it now.
    Queried,
    /// Joined a query that ran already.
    Joined,
    /// An error.
    Failed,
    /// The entry was replaced by one with another claim while it was asked for.
    Undecided,
}

/// An answer as it was received.
pub(super) struct Seen {
    pub(super) report: Arc<str>,
    /// When it was asked for, in milliseconds since 1970.
    pub(super) asked: u64,
    /// The heartbeat that was in the cache before that, less what this process's memory may be behind.
    pub(super) vouched: u64,
    pub(super) answered: u64,
    pub(super) claim: Claim,
    pub(super) answer: Answer,
    /// The fill that it came from, where it came from the cache.
    pub(super) fill: Option<String>,
}

/// A reader with an engine.
pub(super) struct Reader {
    pub(super) engine: Arc<Engine>,
    pub(super) client: redis::Client,
    pub(super) reports: Vec<Arc<Report>>,
    /// How far its memory may be behind the cache, in milliseconds.
    pub(super) behind: u64,
    pub(super) random: StdRng,
    pub(super) seen: Arc<Mutex<Vec<Seen>>>,
    /// The newest heartbeat of each source.
    pub(super) beats: Arc<Mutex<BTreeMap<String, u64>>>,
}

impl Reader {
    /// Reads until `stop`.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        // A busy machine answers late.
        let patient = AsyncConnectionConfig::new().set_response_timeout(Some(PATIENCE));
        let mut redis = self
            .client
            .get_multiplexed_async_connection_with_config(&patient)
            .await
            .unwrap();
        let names: BTreeMap<String, Arc<str>> = self
            .reports
            .iter()
            .map(|report| (report.name.clone(), report.name.as_str().into()))
            .collect();
        while !stop.is_cancelled() {
            self.reports.shuffle(&mut self.random);
            for report in &self.reports {
                if stop.is_cancelled() {
                    return;
                }
                let seen = self.ask(&mut redis, report, &names[&report.name]).await;
                self.seen.lock().push(seen);
                // Changes and refreshes want to be served, too.
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        }
    }

    async fn ask(
        &self,
        redis: &mut MultiplexedConnection,
        report: &Arc<Report>,
        name: &Arc<str>,
    ) -> Seen {
        let keys = self.engine.protocol(&report.source).unwrap().keys().clone();
        let key = self.engine.key(report, &Params::default()).unwrap();
        let beat: Option<u64> = redis::cmd("HGET")
            .arg(keys.versions())
            .arg("_hb")
            .query_async(redis)
            .await
            .unwrap();
        let beat = beat.unwrap_or(0);
        self.beats.lock().insert(report.source.clone(), beat);
        let header = keys.header(&key);
        let before = Entry::read(redis, &header).await;
        let asked = now();
        let (outcome, answer) = ask(&self.engine, report).await;
        let answered = now();
        let after = Entry::read(redis, &header).await;
        let entries = [before, after];
        let mut unseen = entries
            .iter()
            .filter(|entry| entry.fill.is_some())
            .map(|entry| entry.unseen.as_ref().is_some_and(|what| !what.is_empty()));
        let claim = match outcome {
            None => Claim::Failed,
            Some(Outcome::Hit) => match (unseen.clone().all(|is| is), unseen.any(|is| is)) {
                (true, true) => Claim::Unwatched,
                (_, false) => Claim::Fresh,
                _ => Claim::Undecided,
            },
            Some(Outcome::StaleHit) => Claim::Stale,
            Some(Outcome::Miss | Outcome::Bypass) => Claim::Queried,
            Some(Outcome::Wait) => Claim::Joined,
        };
        let [_, after] = entries;
        Seen {
            report: name.clone(),
            asked,
            vouched: beat.saturating_sub(self.behind).min(asked),
            answered,
            claim,
            answer,
            fill: after.fill.filter(|_| outcome == Some(Outcome::Hit)),
        }
    }
}

/// What the cache says of an entry.
struct Entry {
    fill: Option<String>,
    unseen: Option<String>,
}

impl Entry {
    async fn read(redis: &mut MultiplexedConnection, header: &str) -> Self {
        let (fill, unseen) = redis::cmd("HMGET")
            .arg(header)
            .arg(&["fill", "unseen"])
            .query_async(redis)
            .await
            .unwrap();
        Self { fill, unseen }
    }
}

async fn ask(engine: &Arc<Engine>, report: &Arc<Report>) -> (Option<Outcome>, Answer) {
    let request = Request {
        report: report.clone(),
        params: Params::default(),
        mode: Mode::Cached,
        cancel: CancellationToken::new(),
    };
    let Ok(answer) = engine.ask(request).await else {
        return (None, None);
    };
    let outcome = answer.about.outcome;
    match answer.rows.collect().await {
        Ok(table) => (Some(outcome), Some(written(&table))),
        Err(_) => (None, None),
    }
}

/// The names of the columns and the rows as text.
pub(super) fn written(table: &Table) -> Arc<str> {
    let names: Vec<&str> = table
        .schema
        .fields()
        .iter()
        .map(|field| field.name().as_str())
        .collect();
    let mut lines = vec![names.join("|")];
    for batch in &table.batches {
        let columns = text::columns(batch);
        for row in 0..batch.num_rows() {
            let values: Vec<String> = columns
                .iter()
                .map(|column| {
                    column
                        .text(row)
                        .map_or_else(|| "NULL".to_owned(), Into::into)
                })
                .collect();
            lines.push(values.join("|"));
        }
    }
    lines.join("\n").into()
}
