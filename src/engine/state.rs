//! The state of a report's entry, and why: what a badge shows and the sentence under it.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};

/// What a badge says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Freshness {
    /// Equal to what the query would return now, within the detector's delay, or its TTL where nobody watches.
    Fresh,
    /// Old; may still be served, marked so.
    Stale,
    /// Nothing there.
    Missing,
    /// The cache cannot be asked.
    Unknown,
}

/// An entry as its header tells, with the verdict.
#[derive(Clone, Debug)]
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
    /// The detector that watches its source, "SQLite data_version, 50 ms"; `None` where nobody does.
    pub detector: Option<String>,
}
