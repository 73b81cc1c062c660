//! The engine's front: what can be asked of it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Mutex, RwLock};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::ask::Ask;
use super::dependencies::Catalogues;
use super::flight::Flights;
use super::level::{Level, Memory};
use super::{Answer, Caller, EngineError, EntryState, EventLog, Mode, Reason, Request};
use crate::cache::{Cache, CacheStatus, Failed, Protocol, ServerTime, SourceKeys};
use crate::report::{Dependencies, EntryKey, Params, Report};
use crate::source::{Source, SourceError};
use crate::workspace::{SourceConfig, Workspace};

type Hook = Arc<dyn Fn(&Arc<Report>, &Params) -> bool + Send + Sync>;

type WaitHook = Arc<dyn Fn(&str) + Send + Sync>;

/// The cache-aside engine over one workspace.
pub struct Engine {
    pub(super) cache: Arc<Cache>,
    sources: BTreeMap<String, Arc<dyn Source>>,
    keys: BTreeMap<String, SourceKeys>,
    pub(super) flights: Flights,
    pub(super) catalogues: Catalogues,
    pub(super) level: Arc<Level>,
    log: Arc<EventLog>,
    pub(super) caller: Caller,
    stays: bool,
    hook: RwLock<Option<Hook>>,
    wait_hook: RwLock<Option<WaitHook>>,
    /// Entries whose background refresh failed, how often in a row, and when the next one may be tried.
    resting: Mutex<HashMap<EntryKey, (u32, Instant)>>,
    /// Entries whose last answer the cache did not take: it is full, takes no writes, or the answer is too large.
    unstored: Arc<Mutex<HashSet<EntryKey>>>,
    /// How long a query of each source may run, unless its report says otherwise.
    limits: BTreeMap<String, Duration>,
    /// Fills that are under way, and what they still have to give back or remove.
    pub(super) tasks: TaskTracker,
}

impl Engine {
    /// An engine over `workspace`; connects when first asked, so it never fails.
    ///
    /// `stays` tells that this process will live on, refresh what it serves stale, and keep answers in its memory.
    pub fn new(
        workspace: &Workspace,
        sources: BTreeMap<String, Arc<dyn Source>>,
        caller: Caller,
        stays: bool,
    ) -> Arc<Self> {
        let cache = Cache::new(&workspace.cache);
        let keys: BTreeMap<_, _> = sources
            .iter()
            .map(|(name, source)| (name.clone(), cache.keys(name, source.identity())))
            .collect();
        // Who asks once has nothing to remember, and needs no connection for it.
        let memory = if stays { workspace.cache.memory } else { 0 };
        Arc::new(Self {
            log: EventLog::new(cache.clone()),
            level: Level::new(cache.clone(), keys.values().cloned().collect(), memory),
            cache,
            sources,
            keys,
            flights: Flights::default(),
            catalogues: Catalogues::default(),
            caller,
            stays,
            hook: RwLock::new(None),
            wait_hook: RwLock::new(None),
            resting: Mutex::default(),
            unstored: Arc::default(),
            limits: workspace
                .sources
                .iter()
                .map(|(name, source)| (name.clone(), source.query_timeout))
                .collect(),
            tasks: TaskTracker::new(),
        })
    }

    /// The same engine for this process's worker: the same connections, queries under way and log, but what it does
    /// is told apart from what people ask.
    #[must_use]
    pub fn for_worker(&self) -> Arc<Self> {
        Arc::new(Self {
            level: self.level.clone(),
            cache: self.cache.clone(),
            sources: self.sources.clone(),
            keys: self.keys.clone(),
            flights: self.flights.clone(),
            catalogues: Catalogues::default(),
            log: self.log.clone(),
            caller: Caller::Worker,
            stays: self.stays,
            hook: RwLock::new(None),
            wait_hook: RwLock::new(None),
            resting: Mutex::default(),
            unstored: self.unstored.clone(),
            limits: self.limits.clone(),
            tasks: self.tasks.clone(),
        })
    }

    /// Answers a request. Rows stream; an abandoned answer ends its query.
    pub async fn ask(self: &Arc<Self>, request: Request) -> Result<Answer, EngineError> {
        let (source, keys) = self.parts(&request.report)?;
        let report = request.report.clone();
        let dialect = source.dialect();
        let ask = match Ask::new(self.clone(), source, keys, request).recall() {
            Ok(answer) => return Ok(answer),
            Err(ask) => ask,
        };
        // After memory was asked: what was answered once has no mistake, and a hit has no time to read SQL.
        match report.check(dialect) {
            Ok(()) => ask.answer().await,
            Err(mistake) => ask.fail(
                SourceError::Sql {
                    message: mistake.message,
                    position: mistake.position,
                }
                .into(),
            ),
        }
    }

    /// Refreshes an entry for a reason, and leaves in it why, in one sentence, for whoever asks later.
    pub async fn refresh_because(
        self: &Arc<Self>,
        report: &Arc<Report>,
        params: &Params,
        reason: Reason,
        why: String,
        cancel: CancellationToken,
    ) -> Result<Answer, EngineError> {
        let request = Request {
            report: report.clone(),
            params: params.clone(),
            mode: Mode::Refresh(reason),
            cancel,
        };
        let (source, keys) = self.parts(report)?;
        Ask::new(self.clone(), source, keys, request)
            .because(why)
            .answer()
            .await
    }

    /// The state of an entry, without counting as a request.
    pub async fn state(&self, report: &Report, params: &Params) -> EntryState {
        match self.parts(report) {
            Ok((source, keys)) => {
                if let Err(mistake) = report.check(source.dialect()) {
                    return EntryState::unknown(mistake.to_string());
                }
                let key = EntryKey::new(source.identity(), report, params);
                let known = self.catalogues.known(report, source.as_ref());
                let found = self.cache.find(&keys, &key, report, false).await;
                EntryState::of(found, &report.source, keys.header(&key), known.as_ref())
            }
            Err(error) => EntryState::unknown(error.to_string()),
        }
    }

    /// The entry key of a report with parameters.
    pub fn key(&self, report: &Report, params: &Params) -> Result<EntryKey, EngineError> {
        let (source, _) = self.parts(report)?;
        Ok(EntryKey::new(source.identity(), report, params))
    }

    /// A source by name.
    pub fn source(&self, name: &str) -> Option<Arc<dyn Source>> {
        self.sources.get(name).cloned()
    }

    /// Every source by name.
    pub fn sources(&self) -> &BTreeMap<String, Arc<dyn Source>> {
        &self.sources
    }

    /// The cache of this workspace.
    pub fn cache(&self) -> &Arc<Cache> {
        &self.cache
    }

    /// The freshness protocol of a source, for its worker; `None` for a name that the workspace does not have.
    pub fn protocol(&self, source: &str) -> Option<Protocol> {
        Some(Protocol::new(
            self.cache.clone(),
            self.keys.get(source)?.clone(),
        ))
    }

    /// Sets the hook that is called for each stale hit: it queues a refresh, returns at once, and returns whether one is
    /// queued. Where none is, or without a hook, an engine that stays refreshes in the background.
    pub fn on_stale(
        &self,
        refresh: impl Fn(&Arc<Report>, &Params) -> bool + Send + Sync + 'static,
    ) {
        *self.hook.write() = Some(Arc::new(refresh));
    }

    /// Calls `notify` with one sentence when a request has waited for the query of another process for two seconds.
    pub fn on_wait(&self, notify: impl Fn(&str) + Send + Sync + 'static) {
        *self.wait_hook.write() = Some(Arc::new(notify));
    }

    /// Reports that a request waits for another process, for `most` at most.
    pub(super) fn notify_waiting(&self, report: &Report, most: Duration) {
        let hook = self.wait_hook.read().clone();
        if let Some(notify) = hook {
            notify(&format!(
                "{} is being run by another process; waiting for its answer, {} at most",
                report.name,
                crate::human::long(most)
            ));
        }
    }

    /// How the cache is, as far as it is known without asking: for the status dot.
    pub fn cache_status(&self) -> CacheStatus {
        self.cache.status()
    }

    /// What this process keeps in memory, or why it keeps nothing.
    pub fn memory(&self) -> Memory {
        self.level.status()
    }

    /// Counts in Redis now what was answered from memory, which otherwise happens every ten seconds. For a process that
    /// is about to end.
    pub async fn count_requests(&self) {
        self.level.count().await;
    }

    /// What `report` depends on, with the catalogue of its source (asked again when it is older than a few seconds).
    pub async fn dependencies(&self, report: &Report) -> Result<Dependencies, EngineError> {
        let (source, _) = self.parts(report)?;
        Ok(self.catalogues.resolve(report, source.as_ref()).await?)
    }

    /// Tells that a source's views and tables may have been redefined: the next fill asks its catalogue anew.
    pub fn forget_catalogue(&self, source: &str) {
        self.catalogues.forget(source);
    }

    /// Waits until fills that were abandoned have given back their locks and removed what they wrote, or `at_most` has
    /// passed. For a process that is about to end.
    pub async fn settle(&self, at_most: Duration) {
        self.tasks.close();
        let _ = tokio::time::timeout(at_most, self.tasks.wait()).await;
        self.tasks.reopen();
    }

    /// How long a report's query may run.
    pub(super) fn limit(&self, report: &Report) -> Duration {
        let source = || self.limits.get(&report.source).copied();
        report
            .timeout
            .or_else(source)
            .unwrap_or(SourceConfig::QUERY_TIMEOUT)
    }

    /// The event log of this workspace.
    pub fn log(&self) -> &Arc<EventLog> {
        &self.log
    }

    pub(super) fn parts(
        &self,
        report: &Report,
    ) -> Result<(Arc<dyn Source>, SourceKeys), EngineError> {
        match (
            self.sources.get(&report.source),
            self.keys.get(&report.source),
        ) {
            (Some(source), Some(keys)) => Ok((source.clone(), keys.clone())),
            _ => Err(EngineError::NoSource {
                report: report.name.clone(),
                source_name: report.source.clone(),
            }),
        }
    }

    /// Sees to it that a stale entry is refreshed by this process: by the hook's queue, else in the background where the
    /// engine stays. Returns a clause for the answer's reason; `None` where this process refreshes nothing.
    pub(super) fn refresh_soon(
        self: &Arc<Self>,
        report: &Arc<Report>,
        params: &Params,
        key: EntryKey,
    ) -> Option<&'static str> {
        let hook = self.hook.read().clone();
        if hook.is_some_and(|hook| hook(report, params)) {
            return Some("a refresh is queued");
        }
        if !self.stays {
            return None;
        }
        const RUNNING: Option<&str> = Some("a refresh is under way");
        if self.flights.is_running(key) {
            return RUNNING;
        }
        let resting = self.resting.lock().get(&key).map(|(_, until)| *until);
        if resting.is_some_and(|until| Instant::now() < until) {
            return Some("the last refresh failed; a request after the pause tries again");
        }
        let (engine, report, params) = (self.clone(), report.clone(), params.clone());
        tokio::spawn(async move {
            let failed = engine.refresh(&report, &params).await.err();
            let mut resting = engine.resting.lock();
            match failed {
                None => {
                    resting.remove(&key);
                }
                // The last good result is kept, and the database is not asked again for every stale hit.
                Some(error) => {
                    let failures = resting.get(&key).map_or(0, |(failures, _)| *failures);
                    let pause = Duration::from_secs(1 << failures.min(8));
                    resting.insert(key, (failures.saturating_add(1), Instant::now() + pause));
                    tracing::info!(report = report.name, %error, "background refresh failed");
                }
            }
        });
        RUNNING
    }

    /// Notes in the cache that a refresh of an entry failed, for the next request of the entry. A cancelled refresh did not
    /// fail, and a cache that does not take the note does no harm.
    pub(super) async fn note_failure(
        &self,
        keys: &SourceKeys,
        key: &EntryKey,
        report: &Report,
        began: Option<ServerTime>,
        error: &EngineError,
    ) {
        let (code, permanent) = match error {
            EngineError::Source(error) if error.is_cancelled() => return,
            EngineError::Source(error) => (error.code(), error.is_permanent()),
            _ => (None, false),
        };
        self.note(
            keys,
            key,
            report,
            began,
            &error.to_string(),
            code,
            permanent,
        )
        .await;
    }

    /// Notes in the cache that it did not take the answer of a refresh.
    pub(super) async fn note_unstored(
        &self,
        keys: &SourceKeys,
        key: &EntryKey,
        report: &Report,
        began: Option<ServerTime>,
        problem: &str,
    ) {
        self.note(keys, key, report, began, problem, None, false)
            .await;
    }

    #[allow(clippy::too_many_arguments)]
    async fn note(
        &self,
        keys: &SourceKeys,
        key: &EntryKey,
        report: &Report,
        began: Option<ServerTime>,
        message: &str,
        code: Option<String>,
        permanent: bool,
    ) {
        let failed = Failed {
            began,
            keep: report.ttl + report.stale_for,
            message,
            code: code.as_deref(),
            permanent,
        };
        if let Err(problem) = self.cache.note_failure(keys, key, &failed).await {
            tracing::debug!(%problem, "a failed refresh is not noted");
        }
    }

    /// Whether a refresh of this entry is worth announcing, as far as is known: one whose answer the cache does not take
    /// leaves the entry as old as it was.
    pub(super) fn can_store(&self, key: EntryKey) -> bool {
        !self.unstored.lock().contains(&key)
    }

    /// The cache took an answer, or did not.
    pub(super) fn note_stored(&self, key: EntryKey, stored: bool) {
        let mut unstored = self.unstored.lock();
        if stored {
            unstored.remove(&key);
        } else {
            unstored.insert(key);
        }
    }

    /// A change was published while the query ran: whoever refreshes hears of it.
    pub(super) fn born_stale(&self, request: &Request) {
        let hook = self.hook.read().clone();
        if let Some(hook) = hook {
            let _queued = hook(&request.report, &request.params);
        }
    }

    async fn refresh(
        self: &Arc<Self>,
        report: &Arc<Report>,
        params: &Params,
    ) -> Result<(), EngineError> {
        let request = Request {
            report: report.clone(),
            params: params.clone(),
            mode: Mode::Refresh(Reason::Asked),
            cancel: CancellationToken::new(),
        };
        let mut answer = self.ask(request).await?;
        while let Some(batch) = answer.rows.next().await {
            batch?;
        }
        Ok(())
    }
}
