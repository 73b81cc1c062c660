//! The worker: detectors and schedule feed a refresh queue, the engine empties it; one leader a source by lease.
//!
//! The same code runs inside the window and as `lookaside worker`.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::engine::{Engine, Reason};
use crate::report::Report;
use crate::workspace::Workspace;

/// A running worker; dropping it stops it and gives its leases back.
pub struct Worker {
    _private: (),
}

/// What the worker is doing, for the window and `lookaside worker`.
#[derive(Clone, Debug, Default)]
pub struct Status {
    /// One a source.
    pub sources: Vec<Watch>,
    /// Running and waiting refreshes, in order.
    pub queue: Vec<Queued>,
    /// Whether the user paused it.
    pub paused: bool,
}

/// How one source is watched.
#[derive(Clone, Debug)]
pub struct Watch {
    /// The source.
    pub source: String,
    /// The detector, `None` where no report asks for on-change.
    pub detector: Option<crate::detector::About>,
    /// Leading, standing by (another worker leads), or unable, with why.
    pub role: Role,
    /// Tables that cached reports depend on.
    pub tables: Vec<String>,
    /// The last change it saw.
    pub last_change: Option<DateTime<Utc>>,
    /// The last time it proved that it sees.
    pub last_heartbeat: Option<DateTime<Utc>>,
}

/// The worker's part for a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// It holds the lease since.
    Leader(DateTime<Utc>),
    /// Another worker holds it.
    StandingBy,
    /// It cannot watch: one sentence with cause and remedy.
    Blind(String),
}

/// A refresh that waits or runs.
#[derive(Clone, Debug)]
pub struct Queued {
    /// The source.
    pub source: String,
    /// The report.
    pub report: String,
    /// The parameters in one line.
    pub params: String,
    /// The entry's key in hexadecimal.
    pub key: String,
    /// Why.
    pub reason: Reason,
    /// In words: "changed: orders".
    pub why: String,
    /// When it began to run; `None` while it waits.
    pub started: Option<DateTime<Utc>>,
    /// What its last query took.
    pub cost: Option<Duration>,
    /// Requests in the last hour.
    pub demand: f64,
}

impl Worker {
    /// Starts watching and refreshing on the current tokio runtime.
    pub fn start(_engine: Arc<Engine>, _workspace: &Workspace) -> Self {
        todo!()
    }

    /// What it is doing now.
    pub fn status(&self) -> Arc<Status> {
        todo!()
    }

    /// Calls `wake` whenever the status changed, from any thread; it must not wait.
    pub fn on_change(&self, _wake: impl Fn() + Send + Sync + 'static) {
        todo!()
    }

    /// Stops refreshing, goes on detecting.
    pub fn pause(&self) {
        todo!()
    }

    /// Refreshes again.
    pub fn resume(&self) {
        todo!()
    }

    /// Queues a refresh because someone asked.
    pub fn refresh(&self, _report: &Report, _params: &crate::report::Params) {
        todo!()
    }

    /// Ends running refreshes, gives the leases back, and waits until that is done.
    pub async fn stop(self) {
        todo!()
    }
}
