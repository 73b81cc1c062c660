//! The worker: detectors and schedule feed a refresh queue, the engine empties it; one leader a source by lease.
//!
//! The same code runs inside the window and as `lookaside worker`. It never calls anything fresh itself: it publishes
//! what its detectors saw, and the cache's read script judges.
//!
//! | file | its one question |
//! | --- | --- |
//! | `watch.rs` | who leads, and what did the detector see? |
//! | `publish.rs` | how does what it saw reach the cache? |
//! | `refresh.rs` | which entries are there, and which of them are queued? |
//! | `decide.rs` | is this entry to be refreshed now, and why? |
//! | `queue.rs` | what is refreshed next? |
//! | `run.rs` | how does one refresh go, and what does it leave in the log? |
//! | `audit.rs` | is what is called fresh true? |
//! | `shared.rs` | what do the halves tell each other, and people? |

mod audit;
mod decide;
mod publish;
mod queue;
mod refresh;
mod run;
mod shared;
mod watch;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::cache::{AuditTotals, Cache};
use crate::engine::{Engine, FailedRefresh, Reason};
use crate::report::Report;
use crate::workspace::Workspace;

use audit::Auditor;
use queue::Entry;
use refresh::Refresher;
use shared::{Hub, Reports, Shared};
use watch::Watcher;

pub use audit::Pace;

/// A running worker; dropping it stops it and gives its leases back.
pub struct Worker {
    hub: Arc<Hub>,
    stop: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
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
    /// Entries whose last refresh failed, the one that failed most often first.
    pub failing: Vec<Failing>,
}

/// An entry whose last refresh failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failing {
    /// The source.
    pub source: String,
    /// The report.
    pub report: String,
    /// The parameters in one line.
    pub params: String,
    /// The entry's key in hexadecimal.
    pub key: String,
    /// How, when and how often, and when it is tried again.
    pub failure: FailedRefresh,
}

/// How one source is watched.
#[derive(Clone, Debug)]
pub struct Watch {
    /// The source.
    pub source: String,
    /// The detector, `None` as long as no report asks for on-change.
    pub detector: Option<crate::detector::About>,
    /// Leading, standing by (another worker leads), or unable, with why.
    pub role: Role,
    /// Tables that cached reports depend on.
    pub tables: Vec<String>,
    /// The last change it saw.
    pub last_change: Option<DateTime<Utc>>,
    /// The last time it proved that it sees.
    pub last_heartbeat: Option<DateTime<Utc>>,
    /// What auditors found in this source's entries so far, this one and others.
    pub audit: AuditTotals,
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
    /// Starts watching, refreshing and auditing on the current tokio runtime.
    pub fn start(engine: Arc<Engine>, workspace: &Workspace) -> Self {
        Self::start_at(engine, workspace, Pace::default())
    }

    /// The same, with the auditor at this pace.
    pub fn start_at(engine: Arc<Engine>, workspace: &Workspace, pace: Pace) -> Self {
        let hub = Hub::new();
        let stop = CancellationToken::new();
        // A connection of its own: heartbeats must not wait behind somebody's payload.
        let cache = Cache::new(&workspace.cache);
        let id = format!("{}-{:08x}", std::process::id(), rand::random::<u32>());
        let mut tasks = Vec::new();
        for (name, config) in &workspace.sources {
            let Some(source) = engine.source(name) else {
                continue;
            };
            let keys = cache.keys(name, source.identity());
            let shared = Shared::new(
                name,
                config.clone(),
                engine.clone(),
                cache.clone(),
                keys,
                reports_of(workspace, name),
                hub.clone(),
            );
            hub.add(shared.clone());
            let refresher = Refresher::new(shared.clone(), stop.clone());
            let watcher = Watcher {
                shared,
                config: config.clone(),
                source,
                id: id.clone(),
                stop: stop.clone(),
            };
            let auditor = Auditor::new(watcher.shared.clone(), pace, stop.clone());
            tasks.push(tokio::spawn(auditor.run()));
            tasks.push(tokio::spawn(watcher.run()));
            tasks.push(tokio::spawn(refresher.run()));
        }
        // Whoever was served an old entry counts on a refresh. The survey finds that out for other processes.
        let told = Arc::downgrade(&hub);
        engine.on_stale(move |report, params| {
            told.upgrade()
                .is_some_and(|hub| hub.served_stale(report, params))
        });
        Self { hub, stop, tasks }
    }

    /// What it is doing now.
    pub fn status(&self) -> Arc<Status> {
        Arc::new(self.hub.status())
    }

    /// Calls `wake` whenever the status changed, from any thread; it must not wait.
    pub fn on_change(&self, wake: impl Fn() + Send + Sync + 'static) {
        self.hub.on_change(wake);
    }

    /// Stops refreshing, goes on detecting. What a person asks for is still refreshed.
    pub fn pause(&self) {
        self.set_paused(true);
    }

    /// Refreshes again.
    pub fn resume(&self) {
        self.set_paused(false);
    }

    fn set_paused(&self, paused: bool) {
        if self.hub.paused.swap(paused, Ordering::Relaxed) == paused {
            return;
        }
        let (event, detail) = if paused {
            ("paused", "refreshing is paused; changes are still detected")
        } else {
            ("resumed", "refreshing goes on")
        };
        for source in self.hub.sources() {
            source.log(event, detail, Vec::new());
            source.news_came.notify_one();
            // A paused worker refreshes no report, so no reader may wait for it.
            source.reports_came.notify_one();
        }
        self.hub.changed();
    }

    /// Queues a refresh because someone asked. It runs whatever the cache holds, also where another worker leads.
    /// Returns whether it is queued: not for a source that the worker does not have.
    pub fn refresh(&self, report: &Report, params: &crate::report::Params) -> bool {
        let Some(source) = self
            .hub
            .sources()
            .into_iter()
            .find(|source| source.name == report.source)
        else {
            return false;
        };
        let Ok(key) = source.engine.key(report, params) else {
            return false;
        };
        let entry = Entry {
            report: Arc::new(report.clone()),
            params: params.clone(),
            key,
        };
        // Where nobody knew of it so far, it is watched from now on.
        source.met(entry.clone());
        source.tell(|news| {
            news.asked.insert(key, entry);
        });
        true
    }

    /// Looks at an entry that was served stale. Returns whether this worker refreshes it: not where another worker leads, or
    /// where refreshing is paused. Unlike [`Worker::refresh`] it keeps the pause after a failed refresh.
    pub fn served_stale(&self, report: &Arc<Report>, params: &crate::report::Params) -> bool {
        self.hub.served_stale(report, params)
    }

    /// Shows soon what auditors found, after somebody else audited in this process.
    pub fn audited(&self) {
        for source in self.hub.sources() {
            source.audit_came.notify_one();
        }
    }

    /// Takes over the reports of a workspace that was edited; leases and what is fresh stay. Sources are those that
    /// the worker was started with.
    pub fn take_over(&self, workspace: &Workspace) {
        for source in self.hub.sources() {
            source.take_over(reports_of(workspace, &source.name));
        }
        self.hub.changed();
    }

    /// Ends running refreshes, gives the leases back, and waits until that is done.
    pub async fn stop(mut self) {
        self.stop.cancel();
        for task in std::mem::take(&mut self.tasks) {
            // A task that panicked has ended too, which is all that is waited for.
            let _ = task.await;
        }
    }
}

/// The reports on a source that can be run: one with a mistake would fail again and again.
fn reports_of(workspace: &Workspace, source: &str) -> Reports {
    let config = workspace.sources.get(source);
    let dialect = config.and_then(|config| config.url.dialect());
    let can_run = |report: &&Report| dialect.is_none_or(|dialect| report.check(dialect).is_ok());
    let reports = workspace.reports.iter().filter(can_run);
    Arc::new(
        reports
            .filter(|report| report.source == source)
            .map(|report| (report.name.clone(), Arc::new(report.clone())))
            .collect(),
    )
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
