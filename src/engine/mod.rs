//! The cache-aside engine: look in Redis; on a miss run the query, answer, and put the result back.
//!
//! Redis being down, slow, full or read-only never breaks a report: it runs uncached and says so.
//!
//! | file | its one question |
//! | --- | --- |
//! | `api.rs` | what can be asked of the engine? |
//! | `ask.rs` | what is the outcome of a request? |
//! | `level.rs` | which decoded answers are kept in memory, and when may one be used again? |
//! | `recall.rs` | how is a request answered from memory alone? |
//! | `serve.rs` | how does a cached answer reach who asked? |
//! | `serve_request.rs` | how is a request served from an entry, the last good result, or shared rows? |
//! | `mend.rs` | how does an answer go on when its cached rows turn out damaged in the middle? |
//! | `pump.rs` | how do a query's rows reach who asked? |
//! | `dependencies.rs` | which tables does a report depend on, now? |
//! | `record.rs` | which event does a request leave, however it ends? |
//! | `fill.rs` | how does a result get into the cache while it streams to who asked? |
//! | `lock.rs` | who fills an entry, and how long is another waited for? |
//! | `chunks.rs` | how do the chunks of a fill get into the cache, and what removes them? |
//! | `reader_buffer.rs` | where do rows wait for a reader that is slower than the query? |
//! | `spool.rs` | where is an answer kept that is too large to be shared in memory? |
//! | `flight.rs` | who runs the query when many ask at once? |
//! | `event.rs` | what does each request leave in the log? |
//! | `log.rs` | where is the log kept, and how is it read? |
//! | `latency.rs` | what do the events say about speed? |
//! | `delay.rs` | how soon after a commit is the entry fresh? |
//! | `audit.rs` | is an entry that is called fresh what the query returns? |
//! | `race.rs` | cached against uncached, in turn: how fast, and the same answer? |
//! | `state.rs` | what is the state of a report's entry, and why? |

mod api;
mod ask;
pub mod audit;
mod chunks;
pub mod delay;
mod dependencies;
mod event;
mod fill;
mod flight;
pub mod latency;
mod level;
mod lock;
mod log;
mod mend;
mod pump;
pub mod race;
mod reader_buffer;
mod recall;
mod record;
mod serve;
mod serve_request;
mod spool;
mod state;

pub use api::Engine;
pub use fill::Filled;
pub use level::Memory;
pub use log::EventLog;
pub use state::{EntryState, FailedRefresh, Freshness};

pub use event::{
    AuditEvent, Caller, Event, Finding, Outcome, Reason, RefreshEvent, RequestEvent, Stages,
    WorkerEvent,
};

use std::sync::Arc;
use std::time::Duration;

use arrow::datatypes::SchemaRef;
use tokio_util::sync::CancellationToken;

use crate::report::{EntryKey, Params, Report};
use crate::source::SourceError;
use crate::table::{BatchStream, Interrupted};

/// What someone asks the engine.
#[derive(Clone, Debug)]
pub struct Request {
    /// The report.
    pub report: Arc<Report>,
    /// A value for each of its parameters.
    pub params: Params,
    /// Whether the cache is used.
    pub mode: Mode,
    /// Ends the request and its query.
    pub cancel: CancellationToken,
}

/// How a request uses the cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Cache-aside; by what this process has in memory where that is certainly as fresh.
    Cached,
    /// Cache-aside by what is in Redis, past this process's memory: for measuring what Redis is worth.
    PastMemory,
    /// Straight to the database, leaving the cache alone.
    Uncached,
    /// Run the query and replace the entry, for this reason.
    Refresh(Reason),
}

/// The engine's answer: rows on their way, and how they were come by.
pub struct Answer {
    /// What happened, known before the first row.
    pub about: About,
    /// The rows. When they have been read to the end, the request's event is in the log.
    pub rows: BatchStream<EngineError>,
    /// The request's event, filled when `rows` has ended (also by an error).
    pub event: Arc<std::sync::OnceLock<RequestEvent>>,
    /// What became of the entry where this request ran the query for the cache, filled when `rows` has ended.
    pub filled: Arc<std::sync::OnceLock<Filled>>,
}

/// How an answer was come by.
#[derive(Clone, Debug)]
pub struct About {
    /// Hit, miss, stale hit, bypass or wait.
    pub outcome: Outcome,
    /// Why it is stale, or why the cache was bypassed, in one sentence.
    pub reason: Option<String>,
    /// The entry's key.
    pub key: EntryKey,
    /// The schema as known before the first row.
    pub schema: SchemaRef,
    /// Rows in the whole answer where it comes from the cache.
    pub rows: Option<u64>,
    /// Time since the answer's query ran, zero for one that is running.
    pub age: Duration,
    /// Time until the entry is no longer fresh; `None` for an uncached answer.
    pub ttl: Option<Duration>,
    /// SHA-256 of the answer's CSV form as kept in the entry, in hexadecimal.
    pub sha256: Option<String>,
}

/// Why a request has no answer. The message names the cause and the remedy.
#[derive(Clone, Debug, thiserror::Error)]
pub enum EngineError {
    /// The database did not answer, and there is no last good result to serve.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The report names a source that the workspace does not have.
    #[error(
        "the report \"{report}\" names the source \"{source_name}\", which the workspace does not have; add [sources.{source_name}]"
    )]
    NoSource {
        /// The report.
        report: String,
        /// The missing source.
        source_name: String,
    },
    /// The cached rows turned out damaged after some were given, and the query gives others now; asking again gives
    /// those.
    #[error(
        "the cached rows were damaged in the middle, and the query now gives others than those already given; run the \
         report again"
    )]
    Damaged,
    /// The rows ended without an end.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

impl EngineError {
    /// Whether the failure does not pass with time, see [`SourceError::is_permanent`].
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::Source(error) => error.is_permanent(),
            Self::NoSource { .. } => true,
            Self::Damaged | Self::Interrupted(_) => false,
        }
    }
}
