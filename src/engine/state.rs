//! The state of a report's entry, and why: what a badge shows and the sentence under it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::cache::{CacheError, Found, RefreshFailure, ServerTime, Verdict};
use crate::report::Dependencies;

/// What a badge says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Freshness {
    /// Equal to what the query would return now, within the detector's delay, or its TTL where nobody watches.
    Fresh,
    /// Old; may still be served, marked so.
    Stale,
    /// Nothing there.
    Missing,
    /// The cache cannot be asked, or the report has a mistake.
    Unknown,
}

/// The last failed refresh of an entry, until an answer is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedRefresh {
    /// The error in one sentence: the database's, or why the cache did not take the answer.
    pub message: String,
    /// The database's code, "1146" or "42P01", where there is one.
    pub code: Option<String>,
    /// Whether it does not pass with time: a missing table, no permission, an error in the SQL.
    pub permanent: bool,
    /// How often refreshes failed in a row.
    pub count: u64,
    /// When the first of them ended.
    pub first_at: Option<DateTime<Utc>>,
    /// When the last of them ended.
    pub last_at: Option<DateTime<Utc>>,
    /// When the worker tries again; `None` where no worker does.
    pub next_at: Option<DateTime<Utc>>,
}

impl From<&RefreshFailure> for FailedRefresh {
    fn from(failure: &RefreshFailure) -> Self {
        Self {
            message: failure.message.clone(),
            code: failure.code.clone(),
            permanent: failure.permanent,
            count: failure.count,
            first_at: moment(failure.first),
            last_at: moment(failure.last),
            next_at: failure.next.and_then(moment),
        }
    }
}

/// The server's time as a date.
fn moment(time: ServerTime) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_millis(i64::try_from(time.0).ok()?)
}

/// An entry as its header tells, with the verdict.
#[derive(Clone, Debug, PartialEq)]
pub struct EntryState {
    /// The verdict.
    pub state: Freshness,
    /// Why, in one sentence; "unwatched" where only the TTL vouches for it.
    pub reason: String,
    /// The whole Redis key of the header.
    pub redis_key: String,
    /// Time since its query ran.
    pub age: Option<Duration>,
    /// Time until it is no longer fresh; zero when past.
    pub ttl: Option<Duration>,
    /// Rows.
    pub rows: Option<u64>,
    /// Bytes stored in Redis.
    pub bytes: Option<u64>,
    /// Bytes of the same rows as uncompressed Arrow.
    pub raw_bytes: Option<u64>,
    /// Number of chunks; zero for a small result held in the header.
    pub chunks: Option<u32>,
    /// Who wrote it and why: "worker, changed", "window, miss".
    pub written_by: Option<String>,
    /// Why it was refreshed last, in one sentence; `None` where it was made by somebody's first request.
    pub refreshed_because: Option<String>,
    /// When.
    pub created_at: Option<DateTime<Utc>>,
    /// How long its query took.
    pub query_time: Option<Duration>,
    /// SHA-256 of its CSV form.
    pub sha256: Option<String>,
    /// Tables it depends on, or `*` for any change.
    pub tables: Vec<String>,
    /// Views on the way to these tables, as far as the SQL was resolved in this process.
    pub views: BTreeMap<String, Vec<String>>,
    /// Why any change of the source counts, where its tables are not known; as far as the SQL was resolved in this
    /// process.
    pub any_change: Option<String>,
    /// The detector that watches its source, "SQLite data_version, 50 ms"; `None` where nobody does.
    pub detector: Option<String>,
    /// The last failed refresh; `None` where none failed since an answer was stored. `reason` says it too.
    pub last_failure: Option<FailedRefresh>,
}

impl EntryState {
    /// The state as the cache told it; `known` are the dependencies as far as the SQL was resolved in this process.
    pub(super) fn of(
        found: Result<Found, CacheError>,
        source: &str,
        redis_key: String,
        known: Option<&Dependencies>,
    ) -> Self {
        let found = match found {
            Ok(found) => found,
            Err(problem) => {
                return Self {
                    redis_key,
                    ..Self::unknown(problem.message)
                };
            }
        };
        let state = match found.verdict {
            Verdict::Fresh => Freshness::Fresh,
            Verdict::Stale => Freshness::Stale,
            Verdict::Missing => Freshness::Missing,
        };
        let mut views = BTreeMap::new();
        let mut tables = Vec::new();
        if let Some(known) = known {
            tables = known.names();
            let under = |tables: &BTreeSet<String>| tables.iter().cloned().collect();
            views = known
                .views
                .iter()
                .map(|(view, tables)| (view.clone(), under(tables)))
                .collect();
        }
        let mut this = Self {
            state,
            reason: found.sentence_with_failure(source),
            last_failure: found.failure.as_ref().map(FailedRefresh::from),
            redis_key,
            any_change: known.and_then(|known| known.any_change.clone()),
            tables,
            views,
            detector: found.detector,
            ..Self::unknown(String::new())
        };
        if let Some(header) = found.header {
            this.age = Some(Duration::from_millis(
                found.now.0.saturating_sub(header.created.0),
            ));
            this.ttl = Some(Duration::from_millis(
                header.soft.0.saturating_sub(found.now.0),
            ));
            this.rows = Some(header.rows);
            this.bytes = Some(header.bytes);
            this.raw_bytes = Some(header.raw);
            this.chunks = u32::try_from(header.stored_chunks()).ok();
            this.created_at = moment(header.created);
            this.query_time = Some(header.query_time);
            this.refreshed_because = header.refreshed_because();
            this.written_by = Some(header.writer);
            this.sha256 = Some(header.sha256);
            this.tables = header.tables;
        }
        this
    }

    /// A state that cannot be told, for this reason.
    pub(super) fn unknown(reason: String) -> Self {
        Self {
            state: Freshness::Unknown,
            reason,
            redis_key: String::new(),
            age: None,
            ttl: None,
            rows: None,
            bytes: None,
            raw_bytes: None,
            chunks: None,
            written_by: None,
            refreshed_because: None,
            created_at: None,
            query_time: None,
            sha256: None,
            tables: Vec::new(),
            views: BTreeMap::new(),
            any_change: None,
            detector: None,
            last_failure: None,
        }
    }
}
