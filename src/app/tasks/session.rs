//! An open workspace: its engine, its worker, and the demo where it is one.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use crate::app::frame::worker_line;
use crate::app::state::{DemoInfo, State};
use crate::demo::{Demo, PrivateServer};
use crate::engine::{Caller, Engine, Event};
use crate::source;
use crate::worker::Worker;
use crate::workspace::Workspace;

use super::wake::{Parts, Waker};
use super::{Task, watch};

/// How often the wanted entries are compared with those that are watched.
const LOOK: Duration = Duration::from_millis(200);
/// How long the cache may take to hear what is left to tell at the end.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// An open workspace.
pub struct Session {
    /// What the file says.
    pub workspace: Arc<Workspace>,
    /// The engine over it.
    pub engine: Arc<Engine>,
    /// The worker in this process.
    pub worker: Option<Arc<Worker>>,
    /// The demo, which ends with the session.
    pub demo: Option<Arc<Demo>>,
    /// The private server of a workspace whose cache is "embedded".
    server: Option<PrivateServer>,
    waker: Waker,
    entries: watch::Entries,
    links: Option<watch::Links>,
    end: CancellationToken,
    seen: u64,
    looked: Instant,
}

impl Session {
    /// Connects a workspace: engine, worker, and what keeps the window's dots and badges true. Must be called on the
    /// runtime.
    pub(super) fn start(
        mut workspace: Workspace,
        demo: Option<Demo>,
        server: Option<PrivateServer>,
        task: &Task,
    ) -> Self {
        let sources = source::open_all(&mut workspace);
        let engine = Engine::new(&workspace, sources, Caller::Window, true);
        let waker = task.waker.clone();
        let end = CancellationToken::new();
        let entries = watch::Entries::start(engine.clone(), task.clone(), end.clone());
        let (signal, events) = (entries.signal(), waker.clone());
        engine.log().on_event(move || {
            signal.notify_one();
            events.wake(Parts::EVENTS);
        });
        // A server that is only looked at has no events of reports, and asking it for them would count as misses there.
        if !workspace.sources.is_empty() {
            let (log, stop) = (engine.log().clone(), end.clone());
            tokio::spawn(async move {
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = log.follow() => {}
                }
            });
        }
        let mut session = Self {
            workspace: Arc::new(workspace),
            engine,
            worker: None,
            demo: demo.map(Arc::new),
            server,
            waker,
            entries,
            links: None,
            end,
            seen: 0,
            looked: Instant::now(),
        };
        session.start_worker();
        session
    }

    /// Keeps the dots of the top bar true. Must be called on the runtime, and when the workspace is the open one:
    /// what is said before that is not heard.
    pub(super) fn watch_links(&mut self, task: &Task) {
        self.links = Some(watch::Links::start(&self.engine, task, &self.end));
    }

    /// Whether its cache is a server of its own.
    pub(super) fn has_private_cache(&self) -> bool {
        self.server.is_some() || self.demo.is_some()
    }

    /// Starts a worker over the workspace as it is now.
    fn start_worker(&mut self) {
        if self.workspace.sources.is_empty() {
            return;
        }
        let worker = Arc::new(Worker::start(self.engine.for_worker(), &self.workspace));
        let (signal, waker) = (self.entries.signal(), self.waker.clone());
        let (watched, line) = (Arc::downgrade(&worker), Mutex::new(String::new()));
        worker.on_change(move || {
            signal.notify_one();
            waker.wake(Parts::WORKER);
            // What the status line says of it is seen in every view.
            let Some(worker) = watched.upgrade() else {
                return;
            };
            let now = worker_line(&worker.status());
            if std::mem::replace(&mut *line.lock(), now.clone()) != now {
                waker.wake(Parts::EVERYWHERE);
            }
        });
        let refresher = Arc::downgrade(&worker);
        self.engine.on_stale(move |report, params| {
            refresher
                .upgrade()
                .is_some_and(|worker| worker.served_stale(report, params))
        });
        self.worker = Some(worker);
    }

    /// Takes over a workspace file that was saved: the worker learns its reports, the connections stay. Must be called
    /// on the runtime.
    pub(super) fn replace_workspace(&mut self, saved: Arc<Workspace>) {
        let mut workspace = (*saved).clone();
        // The private server's address is not in the file.
        workspace.cache.clone_from(&self.workspace.cache);
        self.workspace = Arc::new(workspace);
        match &self.worker {
            Some(worker) => worker.take_over(&self.workspace),
            None => self.start_worker(),
        }
    }

    /// Takes in new events of the log and the worker's status. Never waits.
    pub(super) fn poll(&mut self, state: &mut State) {
        let (events, next) = self.engine.log().since(self.seen);
        self.seen = next;
        for event in &events {
            self.doubt(event);
        }
        state.log.extend(events);
        if self.looked.elapsed() >= LOOK {
            self.looked = Instant::now();
            self.entries.want(state.reports.wanted());
        }
        let Some(open) = &mut state.open else { return };
        open.worker = self.worker.as_ref().map(|worker| worker.status());
        open.demo = self.demo.as_ref().map(|demo| DemoInfo {
            orders_per_minute: demo.orders_per_minute(),
            inserted: demo.orders_inserted(),
        });
    }

    /// A query that failed may mean that its database is gone.
    fn doubt(&self, event: &Event) {
        let source = match event {
            Event::Request(request) if request.error.is_some() => self
                .workspace
                .report(&request.report)
                .map(|report| report.source.as_str())
                .ok(),
            Event::Refresh(refresh) if refresh.error.is_some() => Some(refresh.source.as_str()),
            _ => None,
        };
        if let (Some(links), Some(source)) = (&self.links, source) {
            links.doubt(source);
        }
    }

    /// Reads the entries' states again.
    pub(super) fn read_entries(&self) {
        self.entries.signal().notify_one();
    }

    /// Ends the worker, which gives its leases back, tells the cache what is left to tell, then ends the demo and its
    /// server.
    pub(super) async fn close(self) {
        self.end.cancel();
        if let Some(worker) = self.worker.and_then(Arc::into_inner) {
            worker.stop().await;
        }
        let last_words = async {
            self.engine.count_requests().await;
            self.engine.log().flush(LAST_WORDS).await;
        };
        // A cache that does not answer keeps nobody from leaving.
        let _ = tokio::time::timeout(LAST_WORDS, last_words).await;
        drop((self.demo, self.server));
    }
}
