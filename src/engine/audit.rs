//! Is an entry that is called fresh what the query returns? It is read as a reader gets it, the query is run past the
//! cache, and the rows are compared.
//!
//! A difference counts as wrong only if nothing explains it: the entry is the same fill and is called fresh before and
//! after by a look of the detector that began after the query ended; the query gives the same rows a second time; and
//! the SQL does not let the database choose. What is fresh by its TTL alone claims nothing that could be checked. A
//! wrong entry is told in the log, counted, dropped and filled anew at once.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::datatypes::Schema;
use chrono::Utc;
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;

use super::serve::{self, Unserved};
use super::{AuditEvent, Engine, EngineError, Event, Finding, Reason};
use crate::cache::{
    AuditTotals, CacheError, Found, Header, Protocol, ServerTime, SourceKeys, Verdict, Why, Wrong,
    payload,
};
use crate::report::{EntryKey, Leeway, OrderKey, Params, Refresh, Report};
use crate::source::{Query, Source, SourceError};
use crate::table::{Comparison, Difference, Order};

/// How often the cache is asked whether the detector has looked again.
const LOOK: Duration = Duration::from_millis(50);
/// How long that is waited for, beyond four times the detector's delay.
const PATIENCE: Duration = Duration::from_secs(10);
/// Why a check is void where the entry or its tables changed.
const CHANGED: &str = "changed meanwhile";

/// An entry in the cache that could be audited.
#[derive(Clone, Debug)]
pub struct Stored {
    /// Its report.
    pub report: Arc<Report>,
    /// Its parameters.
    pub params: Params,
    /// Its key.
    pub key: EntryKey,
}

/// What became of a check.
#[derive(Clone, Debug, PartialEq)]
pub struct Audited {
    /// What was found.
    pub finding: Finding,
    /// Why, or what differs, in one sentence; empty for an identical entry.
    pub detail: String,
    /// How long the queries of the check took; zero where none was run.
    pub queries: Duration,
}

impl Audited {
    fn skipped(detail: impl Into<String>) -> Self {
        Self {
            finding: Finding::Skipped,
            detail: detail.into(),
            queries: Duration::ZERO,
        }
    }
}

impl Engine {
    /// The entries of `reports` that are in the cache, with whatever parameters, and for a report without any the one
    /// of its defaults.
    pub async fn stored(&self, reports: &[Arc<Report>]) -> Result<Vec<Stored>, CacheError> {
        let mut stored = Vec::new();
        let sources: BTreeSet<&String> = reports.iter().map(|report| &report.source).collect();
        for source in sources {
            let Some(protocol) = self.protocol(source) else {
                continue;
            };
            let of_source = || reports.iter().filter(|report| report.source == *source);
            let mut keys = BTreeSet::new();
            for report in of_source() {
                if let Ok(params) = report.bind(&[])
                    && let Ok(key) = self.key(report, &params)
                {
                    keys.insert(key);
                    let report = report.clone();
                    stored.push(Stored {
                        report,
                        params,
                        key,
                    });
                }
            }
            for key in protocol.vouched().await? {
                if keys.contains(&key) {
                    continue;
                }
                let Some(header) = protocol.header(&key).await? else {
                    continue;
                };
                stored.extend(of_source().find_map(|report| self.entry_of(report, &header, key)));
            }
        }
        let place = |entry: &Stored| {
            let same = |report: &Arc<Report>| Arc::ptr_eq(report, &entry.report);
            reports.iter().position(same)
        };
        stored.sort_by_cached_key(|entry| (place(entry), entry.params.summary()));
        Ok(stored)
    }

    /// The entry of a header, if it is one of `report` as it is now.
    fn entry_of(&self, report: &Arc<Report>, header: &Header, key: EntryKey) -> Option<Stored> {
        if report.name != header.report {
            return None;
        }
        let params = Params::from_json(&serde_json::from_str(&header.params).ok()?).ok()?;
        let same = self.key(report, &params).ok()? == key;
        same.then(|| Stored {
            report: report.clone(),
            params,
            key,
        })
    }

    /// Compares an entry that is called fresh with what its query returns now.
    pub async fn audit(
        self: &Arc<Self>,
        report: &Arc<Report>,
        params: &Params,
        cancel: &CancellationToken,
    ) -> Result<Audited, EngineError> {
        let (source, keys) = self.parts(report)?;
        let key = EntryKey::new(source.identity(), report, params);
        let check = Check {
            engine: self,
            source: source.as_ref(),
            keys: &keys,
            key,
            report,
            params,
            leeway: Leeway::of(&report.sql, source.dialect()),
            cancel,
        };
        let (audited, header) = Box::pin(check.run()).await;
        if audited.finding != Finding::Skipped {
            self.tell(&keys, key, report, params, &audited).await;
        }
        if let (Finding::Wrong, Some(header)) = (audited.finding, header) {
            let what = &audited.detail;
            Box::pin(self.repair(&keys, key, report, params, &header.fill, what, cancel)).await;
        }
        Ok(audited)
    }

    async fn tell(
        &self,
        keys: &SourceKeys,
        key: EntryKey,
        report: &Report,
        params: &Params,
        audited: &Audited,
    ) {
        let at = Utc::now();
        let is = |finding| u64::from(audited.finding == finding);
        let totals = AuditTotals {
            checked: is(Finding::Identical) + is(Finding::Wrong),
            wrong: is(Finding::Wrong),
            void: is(Finding::Void),
            last_at: Some(at),
            last_wrong: (audited.finding == Finding::Wrong).then(|| Wrong {
                at,
                report: report.name.clone(),
                params: params.summary(),
                key: keys.header(&key),
                what: audited.detail.clone(),
            }),
        };
        // The log tells it all the same where the cache went away meanwhile.
        let protocol = Protocol::new(self.cache().clone(), keys.clone());
        if let Err(problem) = protocol.audited(&totals).await {
            tracing::info!(%problem, "the audit is not counted");
        }
        self.log().record(Event::Audit(AuditEvent {
            at,
            source: report.source.clone(),
            report: report.name.clone(),
            params: params.summary(),
            key: keys.header(&key),
            finding: audited.finding,
            detail: audited.detail.clone(),
            took_ms: audited.queries.as_secs_f64() * 1e3,
        }));
    }

    /// Nobody is served the wrong entry again.
    #[allow(clippy::too_many_arguments)]
    async fn repair(
        self: &Arc<Self>,
        keys: &SourceKeys,
        key: EntryKey,
        report: &Arc<Report>,
        params: &Params,
        fill: &str,
        what: &str,
        cancel: &CancellationToken,
    ) {
        tracing::warn!(report = report.name, what, "a fresh entry was wrong");
        let cache = self.cache();
        if let Err(problem) = cache.drop_entry(keys, &key, Some(fill)).await {
            tracing::warn!(%problem, "the wrong entry is not dropped");
        }
        let why = format!("asked: the auditor found it wrong: {what}");
        let filled = self
            .refresh_because(report, params, Reason::Asked, why, cancel.clone())
            .await;
        if let Ok(mut answer) = filled {
            // Without it the entry is missing, which is no claim: whoever asks next runs the query.
            while let Some(Ok(_)) = answer.rows.next().await {}
        }
    }
}

/// One check under way.
struct Check<'a> {
    engine: &'a Engine,
    source: &'a dyn Source,
    keys: &'a SourceKeys,
    key: EntryKey,
    report: &'a Report,
    params: &'a Params,
    leeway: Leeway,
    cancel: &'a CancellationToken,
}

/// Why two answers could not be compared.
enum Uncompared {
    /// The entry cannot be read: whoever asks for it next finds that out and runs the query.
    Entry(String),
    /// The query failed.
    Query(SourceError),
}

/// Two answers compared.
struct Compared {
    difference: Difference,
    /// What the query returned: rows, and a sum that is the same for the same rows.
    second: (u64, u128),
}

impl Check<'_> {
    /// The finding, with the header that it is about.
    async fn run(&self) -> (Audited, Option<Header>) {
        let header = match self.find().await.map(claim) {
            Ok(Ok(header)) => header,
            Ok(Err(why)) => return (Audited::skipped(why), None),
            Err(problem) => return (Audited::skipped(problem.message), None),
        };
        let mut queries = Duration::ZERO;
        let (finding, detail) = Box::pin(self.judge(&header, &mut queries)).await;
        let audited = Audited {
            finding,
            detail,
            queries,
        };
        (audited, Some(header))
    }

    async fn judge(&self, header: &Header, queries: &mut Duration) -> (Finding, String) {
        let void = |why: &str| (Finding::Void, why.to_owned());
        let first = match Box::pin(self.compare(header, queries)).await {
            Ok(first) => first,
            Err(uncompared) => return self.uncompared(header, uncompared).await,
        };
        if first.difference == Difference::None {
            return (Finding::Identical, String::new());
        }
        if let Err(why) = self.still_claimed(header).await {
            return void(&why);
        }
        if let Some(choice) = &self.leeway.choice {
            return void(&format!("the database chooses {choice}"));
        }
        // Somebody's right answer may differ from itself: sums by parallel workers, ties, functions of the user's.
        let second = match Box::pin(self.compare(header, queries)).await {
            Ok(second) => second,
            Err(uncompared) => return self.uncompared(header, uncompared).await,
        };
        if second.second != first.second {
            return void("the query gives other rows each time it is run");
        }
        match first.difference {
            Difference::Rows(what) => (Finding::Wrong, what),
            Difference::Untold(why) => void(&why),
            Difference::None => (Finding::Identical, String::new()),
        }
    }

    /// What follows from an entry that cannot be read, or a query that fails: nothing about the entry.
    async fn uncompared(&self, header: &Header, why: Uncompared) -> (Finding, String) {
        match why {
            Uncompared::Query(error) => (Finding::Skipped, error.to_string()),
            // Chunks of an entry that was replaced meanwhile go, too.
            Uncompared::Entry(why) => match self.find().await.map(claim) {
                Ok(Ok(now)) if is_same(header, &now) => (Finding::Skipped, why),
                _ => (Finding::Void, CHANGED.to_owned()),
            },
        }
    }

    async fn find(&self) -> Result<Found, CacheError> {
        self.engine
            .cache()
            .find(self.keys, &self.key, self.report, false)
            .await
    }

    /// Waits until the detector has looked again, from after this call on, and says that the same entry is fresh.
    async fn still_claimed(&self, header: &Header) -> Result<(), String> {
        let started = Instant::now();
        let mut from: Option<ServerTime> = None;
        loop {
            let found = self.find().await.map_err(|problem| problem.message)?;
            let delay = found.detector_delay_ms().unwrap_or_default();
            let from = *from.get_or_insert(ServerTime(found.now.0 + delay));
            let looked = found.heartbeat.is_some_and(|beat| beat >= from);
            match claim(found) {
                Ok(now) if is_same(header, &now) => {}
                _ => return Err(CHANGED.to_owned()),
            }
            if looked {
                return Ok(());
            }
            if started.elapsed() > PATIENCE + Duration::from_millis(4 * delay) {
                return Err("the detector did not look again".to_owned());
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                () = self.cancel.cancelled() => return Err(SourceError::Cancelled.to_string()),
            }
        }
    }

    /// Compares the rows of the entry with those of the query, as they come.
    ///
    /// What the query takes is added to `queries`, also where it fails: a query that times out costs as well.
    async fn compare(
        &self,
        header: &Header,
        queries: &mut Duration,
    ) -> Result<Compared, Uncompared> {
        let schema = payload::decode_schema(&header.schema)
            .map_err(|damage| Uncompared::Entry(damage.to_string()))?;
        let order = self.order(&schema);
        let mut comparison = Comparison::new(order);
        comparison.first_schema(&schema);
        comparison = self
            .with_entry(header, comparison, Comparison::first)
            .await?;
        let started = Instant::now();
        let compared = self.with_query(comparison).await;
        *queries += started.elapsed();
        comparison = compared?;
        if comparison.wants_again() {
            comparison = self
                .with_entry(header, comparison, Comparison::again)
                .await?;
        }
        let second = comparison.second_sum();
        Ok(Compared {
            difference: comparison.finish("in the cache", "in the database"),
            second,
        })
    }

    /// Runs the query and gives its rows to the comparison.
    async fn with_query(&self, mut comparison: Comparison) -> Result<Comparison, Uncompared> {
        let query = Query {
            sql: self.report.sql.clone(),
            params: self.report.typed(self.params),
            timeout: self.report.timeout,
            trusted: self.report.trusted_sql,
        };
        let rows = self.source.run(query, self.cancel.child_token()).await;
        let mut rows = rows.map_err(Uncompared::Query)?.stream;
        comparison.second_schema(rows.schema());
        while let Some(batch) = rows.next().await {
            let batch = batch.map_err(Uncompared::Query)?;
            comparison =
                off_thread(comparison, move |comparison| comparison.second(&batch)).await?;
        }
        Ok(comparison)
    }

    /// Gives every row of the entry to the comparison.
    async fn with_entry(
        &self,
        header: &Header,
        comparison: Comparison,
        take: fn(&mut Comparison, &arrow::record_batch::RecordBatch),
    ) -> Result<Comparison, Uncompared> {
        let mut parts = serve::Parts::of(header).map_err(uncached)?;
        let mut comparison = comparison;
        while let Some(batches) = parts.next(self.engine.cache()).await.map_err(uncached)? {
            comparison = off_thread(comparison, move |comparison| {
                for batch in &batches {
                    take(comparison, batch);
                }
            })
            .await?;
        }
        Ok(comparison)
    }

    /// The order that the SQL asks for, in the columns of the answer.
    fn order(&self, schema: &Schema) -> Order {
        let column = |key: &OrderKey| match key {
            OrderKey::Number(number) => (*number < schema.fields().len()).then_some(*number),
            OrderKey::Name(name) => schema
                .fields()
                .iter()
                .position(|field| field.name().eq_ignore_ascii_case(name)),
        };
        let terms = self.leeway.order.iter();
        Order {
            columns: terms.map(|key| key.as_ref().and_then(column)).collect(),
            cut: self.leeway.cut,
        }
    }
}

/// The header of an entry that a detector vouches for, or why nothing is claimed that could be checked.
fn claim(found: Found) -> Result<Header, String> {
    let is_watched = found.verdict == Verdict::Fresh && found.why == Why::Watched;
    if is_watched && let Some(header) = found.header {
        return Ok(header);
    }
    Err(match found.verdict {
        Verdict::Fresh => format!("no detector vouches for it: {}", found.why.sentence()),
        Verdict::Stale => format!("not called fresh: {}", found.why.sentence()),
        Verdict::Missing => found.why.sentence(),
    })
}

/// Whether it is still the entry that was there: the same fill from the same position.
fn is_same(before: &Header, now: &Header) -> bool {
    (
        &before.fill,
        before.created,
        &before.epoch,
        &before.position,
    ) == (&now.fill, now.created, &now.epoch, &now.position)
}

fn uncached(why: Unserved) -> Uncompared {
    Uncompared::Entry(match why {
        Unserved::Damaged(damage) => damage.to_string(),
        Unserved::Cache(problem) => problem.message,
    })
}

/// Hashing a batch of rows takes longer than a task may.
async fn off_thread(
    mut comparison: Comparison,
    work: impl FnOnce(&mut Comparison) + Send + 'static,
) -> Result<Comparison, Uncompared> {
    spawn_blocking(move || {
        work(&mut comparison);
        comparison
    })
    .await
    .map_err(|_| Uncompared::Entry("the rows could not be compared".to_owned()))
}

/// Whether a report's entries are worth a check: only a detector's word can be checked.
pub fn is_auditable(report: &Report) -> bool {
    report.refresh == Refresh::OnChange
}
