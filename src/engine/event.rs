//! What each request, refresh and detected change leaves in the one log that the window, the command line and the
//! charts all read.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::FailedRefresh;

/// What happened when the engine was asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// A fresh entry was served.
    Hit,
    /// Nothing there: the query was run.
    #[default]
    Miss,
    /// An old entry was served while a refresh is queued (or because the database failed).
    StaleHit,
    /// The cache was skipped, on request or because it cannot be used.
    Bypass,
    /// Joined a query that was already running.
    Wait,
}

/// Why an entry is refreshed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// A table it depends on changed.
    Changed,
    /// Its TTL is about to end.
    Expiring,
    /// Its schedule says so.
    Scheduled,
    /// Someone asked for it: a warm-up, a stale hit, "Refresh now".
    Asked,
}

/// Who called the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Caller {
    /// The window.
    Window,
    /// The command line.
    Cli,
    /// The worker.
    Worker,
}

/// Where a request's time went, in milliseconds with fractions; zero for a stage it did not have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Stages {
    /// The whole request, from the call to the last row.
    pub total_ms: f64,
    /// Redis: verdict, chunks, lock and fill.
    pub cache_ms: f64,
    /// Waiting for a database connection.
    pub pool_ms: f64,
    /// From sending the query to its first row.
    pub query_ms: f64,
    /// From the first row to the last.
    pub fetch_ms: f64,
    /// Decoding chunks into rows.
    pub decode_ms: f64,
    /// Waiting for another request's query.
    pub wait_ms: f64,
}

/// One request, as it ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RequestEvent {
    /// When the request began.
    pub at: DateTime<Utc>,
    /// The report.
    pub report: String,
    /// The entry's key in hexadecimal.
    pub key: String,
    /// The parameters in one line.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub params: String,
    /// What happened.
    pub outcome: Outcome,
    /// Why it was stale or bypassed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Who asked.
    pub caller: Caller,
    /// Rows of the answer.
    pub rows: u64,
    /// Bytes of the answer's values as uncompressed Arrow, however they came: a hit and a miss of one answer tell the
    /// same. What an entry takes in Redis is the entry's to tell.
    pub bytes: u64,
    /// Where the time went.
    #[serde(flatten)]
    pub stages: Stages,
    /// SHA-256 of the answer's CSV form where it was computed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Its rows were in this process's memory. Where Redis was not asked either, `cache_ms` is zero.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub from_memory: bool,
    /// What the database said besides the rows, where the query was run: one sentence each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<String>,
    /// Why there was no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// One refresh by the worker, as it ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RefreshEvent {
    /// When it ended.
    pub at: DateTime<Utc>,
    /// The source.
    pub source: String,
    /// The report.
    pub report: String,
    /// The entry's key in hexadecimal.
    pub key: String,
    /// Why it was refreshed.
    pub reason: Reason,
    /// The reason in words: "changed: orders".
    pub why: String,
    /// How long the query and the fill took, in milliseconds.
    pub took_ms: f64,
    /// `true` where the content was the same and was not rewritten.
    pub unchanged: bool,
    /// Why it failed; the last good result was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The failure as it stands in the entry's state: code, how often in a row, next try.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<FailedRefresh>,
    /// From commit to detection, where the database tells the commit time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub committed_to_detected_ms: Option<f64>,
    /// From detection to the fresh entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detected_to_fresh_ms: Option<f64>,
    /// From commit to the fresh entry, where the database tells the commit time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub committed_to_fresh_ms: Option<f64>,
}

/// Something the worker saw or did besides refreshing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WorkerEvent {
    /// When.
    pub at: DateTime<Utc>,
    /// The source.
    pub source: String,
    /// `leading`, `standing_by`, `change`, `blind`, `watching`, `paused`, `resumed`.
    pub event: String,
    /// In one sentence.
    pub detail: String,
    /// The tables that changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tables: Vec<String>,
}

/// What the auditor found of an entry that is called fresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finding {
    /// It is what the query returns.
    Identical,
    /// It is not, and nothing explains that.
    Wrong,
    /// It differs, and something explains that: it changed meanwhile, or the SQL lets the database choose.
    Void,
    /// It was not compared: nothing is claimed, or the query failed.
    Skipped,
}

/// One entry that was compared with the database.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AuditEvent {
    /// When that ended.
    pub at: DateTime<Utc>,
    /// The source.
    pub source: String,
    /// The report.
    pub report: String,
    /// The parameters in one line.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub params: String,
    /// The whole Redis key of the entry's header.
    pub key: String,
    /// What was found; never [`Finding::Skipped`].
    pub finding: Finding,
    /// What differs, or why the check is void, in one sentence.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// How long the queries of the check took, in milliseconds.
    pub took_ms: f64,
}

/// An entry of the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Event {
    /// Someone asked the engine.
    Request(RequestEvent),
    /// The worker refreshed an entry.
    Refresh(RefreshEvent),
    /// The worker saw or did something else.
    Worker(WorkerEvent),
    /// The auditor compared an entry with the database.
    Audit(AuditEvent),
}
