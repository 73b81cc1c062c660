//! What the two halves of the worker share: the watcher tells the refresher what changed, the refresher tells the
//! watcher which tables matter, and both tell people what they do.
//!
//! News are merged where they wait, so that nothing grows while the other half is busy.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::cache::{AuditTotals, Cache, Protocol, SourceKeys};
use crate::detector::Touched;
use crate::engine::{Engine, Event, WorkerEvent};
use crate::report::{EntryKey, Params, Refresh, Report};
use crate::workspace::SourceConfig;

use super::queue::Entry;
use super::{Failing, Queued, Role, Status, Watch};

/// What every source's watcher and refresher share.
pub(super) struct Hub {
    pub(super) paused: AtomicBool,
    wakers: Mutex<Vec<Box<dyn Fn() + Send + Sync>>>,
    sources: Mutex<Vec<Arc<Shared>>>,
}

impl Hub {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            paused: AtomicBool::new(false),
            wakers: Mutex::new(Vec::new()),
            sources: Mutex::new(Vec::new()),
        })
    }

    pub(super) fn add(&self, source: Arc<Shared>) {
        self.sources.lock().push(source);
    }

    pub(super) fn sources(&self) -> Vec<Arc<Shared>> {
        self.sources.lock().clone()
    }

    pub(super) fn on_change(&self, wake: impl Fn() + Send + Sync + 'static) {
        self.wakers.lock().push(Box::new(wake));
    }

    pub(super) fn changed(&self) {
        for wake in self.wakers.lock().iter() {
            wake();
        }
    }

    /// An entry was served stale by this process: it is looked at now. `false` where this worker will not refresh it,
    /// because another one leads or refreshing is paused.
    pub(super) fn served_stale(&self, report: &Arc<Report>, params: &Params) -> bool {
        let sources = self.sources.lock();
        let Some(source) = sources.iter().find(|source| source.name == report.source) else {
            return false;
        };
        let Ok(key) = source.engine.key(report, params) else {
            return false;
        };
        source.met(Entry {
            report: report.clone(),
            params: params.clone(),
            key,
        });
        source.is_leading() && !self.paused.load(Ordering::Relaxed)
    }

    pub(super) fn status(&self) -> Status {
        let sources = self.sources();
        Status {
            sources: sources
                .iter()
                .map(|source| source.watch.lock().clone())
                .collect(),
            queue: sources
                .iter()
                .flat_map(|source| source.queue.lock().clone())
                .collect(),
            paused: self.paused.load(Ordering::Relaxed),
            failing: sources
                .iter()
                .flat_map(|source| source.failing.lock().clone())
                .collect(),
        }
    }
}

/// One source, as its watcher and its refresher share it.
pub(super) struct Shared {
    pub(super) name: String,
    pub(super) config: SourceConfig,
    pub(super) engine: Arc<Engine>,
    pub(super) cache: Arc<Cache>,
    pub(super) keys: SourceKeys,
    pub(super) protocol: Protocol,
    reports: Mutex<Reports>,
    /// New reports are there, or the source is to be watched from now on.
    pub(super) reports_came: Notify,
    /// Whether an on-change report of this source was ever met: in the workspace, asked for, or in the cache.
    on_change: AtomicBool,
    pub(super) hub: Arc<Hub>,
    news: Mutex<News>,
    pub(super) news_came: Notify,
    /// Somebody audited: the totals are another's now.
    pub(super) audit_came: Notify,
    wanted: Mutex<BTreeSet<String>>,
    pub(super) wanted_came: Notify,
    watch: Mutex<Watch>,
    queue: Mutex<Vec<Queued>>,
    failing: Mutex<Vec<Failing>>,
}

/// The source's reports by name.
pub(super) type Reports = Arc<BTreeMap<String, Arc<Report>>>;

/// What the refresher has not heard yet.
#[derive(Default)]
pub(super) struct News {
    /// Whether this worker holds the lease.
    pub(super) leading: bool,
    /// Whether the detector sees, in an open epoch.
    pub(super) watching: bool,
    /// Whether the detector tells tables apart.
    pub(super) tells_apart: bool,
    /// Tables whose changes it never sees.
    pub(super) unseen: Arc<BTreeSet<String>>,
    /// Every entry is to be looked at anew, an empty cache warmed.
    pub(super) first: bool,
    /// The workspace has other reports than before.
    pub(super) other_reports: bool,
    /// Changes, merged.
    pub(super) change: Option<Change>,
    /// What people asked to be refreshed.
    pub(super) asked: BTreeMap<EntryKey, Entry>,
    /// Entries that were served stale, or filled while a change came in.
    pub(super) served_stale: BTreeMap<EntryKey, Entry>,
}

/// Published changes.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) tables: Touched,
    pub(super) committed_at: Option<DateTime<Utc>>,
    pub(super) detected_at: DateTime<Utc>,
}

impl Change {
    /// Two changes as one: the moments are those of the first.
    pub(super) fn merge(&mut self, other: Self) {
        match (&mut self.tables, other.tables) {
            (Touched::Tables(tables), Touched::Tables(more)) => tables.extend(more),
            (tables, _) => *tables = Touched::All,
        }
        self.committed_at = match (self.committed_at, other.committed_at) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        self.detected_at = self.detected_at.min(other.detected_at);
    }
}

impl Shared {
    #[allow(clippy::too_many_arguments)]
    pub(super) fn new(
        name: &str,
        config: SourceConfig,
        engine: Arc<Engine>,
        cache: Arc<Cache>,
        keys: SourceKeys,
        reports: Reports,
        hub: Arc<Hub>,
    ) -> Arc<Self> {
        Arc::new(Self {
            on_change: AtomicBool::new(has_on_change(&reports)),
            reports: Mutex::new(reports),
            reports_came: Notify::new(),
            name: name.to_owned(),
            config,
            engine,
            protocol: Protocol::new(cache.clone(), keys.clone()),
            cache,
            keys,
            hub,
            news: Mutex::new(News::default()),
            news_came: Notify::new(),
            audit_came: Notify::new(),
            wanted: Mutex::new(BTreeSet::new()),
            wanted_came: Notify::new(),
            watch: Mutex::new(Watch {
                source: name.to_owned(),
                detector: None,
                role: Role::StandingBy,
                tables: Vec::new(),
                last_change: None,
                last_heartbeat: None,
                audit: AuditTotals::default(),
            }),
            queue: Mutex::new(Vec::new()),
            failing: Mutex::new(Vec::new()),
        })
    }

    /// Tells the refresher something.
    pub(super) fn tell(&self, what: impl FnOnce(&mut News)) {
        what(&mut self.news.lock());
        self.news_came.notify_one();
    }

    /// An entry was asked for: it is looked at now, and watched where it wants to be.
    pub(super) fn met(&self, entry: Entry) {
        if entry.report.refresh == Refresh::OnChange {
            self.watch_for();
        }
        self.tell(|news| {
            news.served_stale.insert(entry.key, entry);
        });
    }

    /// Takes what has been told. The standing facts (leading, watching) are copied, the rest is taken.
    pub(super) fn take_news(&self) -> News {
        let mut news = self.news.lock();
        News {
            leading: news.leading,
            watching: news.watching,
            tells_apart: news.tells_apart,
            unseen: news.unseen.clone(),
            first: std::mem::take(&mut news.first),
            other_reports: std::mem::take(&mut news.other_reports),
            change: news.change.take(),
            asked: std::mem::take(&mut news.asked),
            served_stale: std::mem::take(&mut news.served_stale),
        }
    }

    /// The source's reports, as the workspace has them now.
    pub(super) fn reports(&self) -> Reports {
        self.reports.lock().clone()
    }

    /// Takes over the reports of a workspace that was edited.
    pub(super) fn take_over(&self, reports: Reports) {
        let on_change = has_on_change(&reports);
        *self.reports.lock() = reports;
        if on_change {
            self.on_change.store(true, Ordering::Release);
        }
        self.reports_came.notify_one();
        self.tell(|news| news.other_reports = true);
    }

    /// An on-change report was met, perhaps one that is not in the workspace: without a detector it is never fresh.
    pub(super) fn watch_for(&self) {
        if !self.on_change.swap(true, Ordering::AcqRel) {
            self.reports_came.notify_one();
        }
    }

    /// Whether the source is to be watched.
    pub(super) fn is_to_be_watched(&self) -> bool {
        self.on_change.load(Ordering::Acquire)
    }

    /// Tells the watcher that entries depend on these tables.
    pub(super) fn want(&self, tables: impl IntoIterator<Item = String>) {
        let mut wanted = self.wanted.lock();
        let before = wanted.len();
        wanted.extend(tables);
        if wanted.len() > before {
            self.watch.lock().tables = wanted.iter().cloned().collect();
            self.wanted_came.notify_one();
        }
    }

    /// Every table that entries depend on.
    pub(super) fn wanted(&self) -> BTreeSet<String> {
        self.wanted.lock().clone()
    }

    /// Changes what people are shown of the watching.
    pub(super) fn show(&self, what: impl FnOnce(&mut Watch)) {
        self.show_if(true, what);
    }

    /// Sets the worker's role, and notifies the views where it is new.
    pub(super) fn show_role(&self, role: Role) {
        let is_new = self.watch.lock().role != role;
        self.show_if(is_new, |watch| watch.role = role);
    }

    /// Changes it, and wakes whoever shows it only where that is worth it.
    pub(super) fn show_if(&self, wake: bool, what: impl FnOnce(&mut Watch)) {
        what(&mut self.watch.lock());
        if wake {
            self.hub.changed();
        }
    }

    /// Shows what auditors found, and wakes whoever shows it where that is new.
    pub(super) fn show_audit(&self, totals: AuditTotals) {
        let is_new = self.watch.lock().audit != totals;
        self.show_if(is_new, |watch| watch.audit = totals);
    }

    /// Whether a refresh runs.
    pub(super) fn is_refreshing(&self) -> bool {
        self.queue.lock().iter().any(|job| job.started.is_some())
    }

    /// Whether this worker leads.
    fn is_leading(&self) -> bool {
        self.news.lock().leading
    }

    /// Whether this worker leads, and its detector sees.
    pub(super) fn is_watching(&self) -> bool {
        let news = self.news.lock();
        news.leading && news.watching
    }

    /// What the detector is called, as far as one is open.
    pub(super) fn detector(&self) -> Option<String> {
        let watch = self.watch.lock();
        watch.detector.as_ref().map(|about| about.name.clone())
    }

    /// Changes what people are shown of the queue.
    pub(super) fn show_queue(&self, queue: Vec<Queued>) {
        let mut shown = self.queue.lock();
        let same = shown.len() == queue.len()
            && shown.iter().zip(&queue).all(|(a, b)| {
                (&a.key, &a.why, a.started.is_some(), a.cost)
                    == (&b.key, &b.why, b.started.is_some(), b.cost)
            });
        if !same {
            *shown = queue;
            drop(shown);
            self.hub.changed();
        }
    }

    /// Sets the failing entries of the status.
    pub(super) fn show_failing(&self, failing: Vec<Failing>) {
        let mut shown = self.failing.lock();
        if *shown != failing {
            *shown = failing;
            drop(shown);
            self.hub.changed();
        }
    }

    /// Writes into the log what the worker saw or did.
    pub(super) fn log(&self, event: &str, detail: impl Into<String>, tables: Vec<String>) {
        self.engine.log().record(Event::Worker(WorkerEvent {
            at: Utc::now(),
            source: self.name.clone(),
            event: event.to_owned(),
            detail: detail.into(),
            tables,
        }));
    }
}

fn has_on_change(reports: &Reports) -> bool {
    reports
        .values()
        .any(|report| report.refresh == Refresh::OnChange)
}
