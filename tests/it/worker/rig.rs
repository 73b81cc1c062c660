//! A shop, a cache and a worker over them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use arrow::array::{Array, Int64Array};
use async_trait::async_trait;
use lookaside::engine::{
    Caller, Engine, Event, Freshness, Mode, Outcome, RefreshEvent, Request, WorkerEvent,
};
use lookaside::report::{Catalogue, Dialect, Params, Refresh, Report, SourceIdentity};
use lookaside::source::{self, CheckStep, Query, Rows, Source, SourceCheck, SourceError};
use lookaside::worker::{Role, Worker};
use lookaside::workspace::{CacheConfig, ConnectionUrl, Publication, SourceConfig, Workspace};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};
use sqlx::{AssertSqlSafe, Connection, SqliteConnection};
use tokio_util::sync::CancellationToken;

use crate::servers::Redis;

/// How long something may take on a busy machine before the test gives up.
pub(super) const PATIENCE: Duration = Duration::from_mins(1);

/// A source that counts the report queries it is asked for.
pub(super) struct Counted {
    pub(super) inner: Arc<dyn Source>,
    pub(super) queries: Arc<AtomicUsize>,
}

#[async_trait]
impl Source for Counted {
    fn identity(&self) -> &SourceIdentity {
        self.inner.identity()
    }

    fn dialect(&self) -> Dialect {
        self.inner.dialect()
    }

    async fn run(&self, query: Query, cancel: CancellationToken) -> Result<Rows, SourceError> {
        self.queries.fetch_add(1, Ordering::SeqCst);
        self.inner.run(query, cancel).await
    }

    async fn catalogue(&self) -> Result<Catalogue, SourceError> {
        self.inner.catalogue().await
    }

    async fn check(&self, progress: &(dyn Fn(CheckStep) + Send + Sync)) -> SourceCheck {
        self.inner.check(progress).await
    }
}

/// A shop in SQLite, a cache, and reports on it.
pub(super) struct Rig {
    pub(super) redis: Redis,
    pub(super) folder: tempfile::TempDir,
    pub(super) writer: SqliteConnection,
    pub(super) workspace: Workspace,
    pub(super) queries: Arc<AtomicUsize>,
}

pub(crate) fn report(name: &str, sql: &str, refresh: Refresh) -> Report {
    Report {
        name: name.to_owned(),
        source: "shop".to_owned(),
        sql: sql.to_owned(),
        params: Vec::new(),
        ttl: Duration::from_hours(1),
        stale_for: Duration::from_hours(1),
        serve_on_error: lookaside::report::ServeOnError::default(),
        refresh,
        tables: None,
        timeout: None,
        trusted_sql: false,
    }
}

pub(crate) fn source_config(url: &str) -> SourceConfig {
    SourceConfig {
        name: "shop".to_owned(),
        url: ConnectionUrl::new(url),
        max_concurrent_queries: 2,
        query_timeout: Duration::from_secs(30),
        watermark: None,
        poll_interval: Duration::from_millis(5),
        triggers: false,
        forget_after: SourceConfig::FORGET_AFTER,
        max_refresh_load: 1.0,
        publication: Publication::Found,
    }
}

pub(crate) fn workspace(redis: &Redis, source: SourceConfig, reports: Vec<Report>) -> Workspace {
    Workspace {
        name: "test".to_owned(),
        path: None,
        cache: CacheConfig {
            url: ConnectionUrl::new(&redis.url()),
            prefix: "lookaside".to_owned(),
            memory: 0,
        },
        sources: BTreeMap::from([("shop".to_owned(), source)]),
        reports,
        broken: Vec::new(),
    }
}

pub(super) async fn connect(file: &std::path::Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .busy_timeout(Duration::from_secs(20));
    SqliteConnection::connect_with(&options).await.unwrap()
}

pub(crate) const ORDERS: &str = "SELECT COUNT(*) AS n FROM orders";
pub(super) const PARTS: &str = "SELECT COUNT(*) AS n FROM parts";

impl Rig {
    pub(super) async fn new(reports: Vec<Report>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("shop.db");
        let mut writer = connect(&file).await;
        let tables = "CREATE TABLE orders (id INTEGER PRIMARY KEY, n INTEGER); CREATE TABLE parts (id INTEGER PRIMARY KEY)";
        sqlx::raw_sql(tables).execute(&mut writer).await.unwrap();
        let redis = Redis::start();
        let workspace = workspace(
            &redis,
            source_config(&format!("sqlite:{}", file.display())),
            reports,
        );
        Self {
            redis,
            folder,
            writer,
            workspace,
            queries: Arc::default(),
        }
    }

    pub(super) fn file(&self) -> PathBuf {
        self.folder.path().join("shop.db")
    }

    pub(super) async fn sql(&mut self, text: &str) {
        sqlx::raw_sql(AssertSqlSafe(text.to_owned()))
            .execute(&mut self.writer)
            .await
            .unwrap();
    }

    /// A worker with an engine of its own, as another process would have it.
    pub(super) fn start(&self) -> At {
        At::start(&self.workspace, &self.queries)
    }

    pub(super) fn queries(&self) -> usize {
        self.queries.load(Ordering::SeqCst)
    }
}

/// An engine with its worker.
pub(crate) struct At {
    pub(super) engine: Arc<Engine>,
    pub(super) worker: Option<Worker>,
    pub(super) workspace: Workspace,
}

impl At {
    pub(crate) fn start(workspace: &Workspace, queries: &Arc<AtomicUsize>) -> Self {
        let reader = Self::reader(workspace, queries);
        let worker = Worker::start(reader.engine.clone(), workspace);
        Self {
            worker: Some(worker),
            ..reader
        }
    }

    /// An engine without a worker.
    pub(super) fn reader(workspace: &Workspace, queries: &Arc<AtomicUsize>) -> Self {
        let sources = source::open_all(&mut workspace.clone());
        let sources: BTreeMap<String, Arc<dyn Source>> = sources
            .into_iter()
            .map(|(name, inner)| {
                let counted: Arc<dyn Source> = Arc::new(Counted {
                    inner,
                    queries: queries.clone(),
                });
                (name, counted)
            })
            .collect();
        let engine = Engine::new(workspace, sources, Caller::Worker, true);
        Self {
            engine,
            worker: None,
            workspace: workspace.clone(),
        }
    }

    pub(crate) fn worker(&self) -> &Worker {
        self.worker.as_ref().unwrap()
    }

    pub(super) fn report(&self, name: &str) -> Arc<Report> {
        Arc::new(self.workspace.report(name).unwrap().clone())
    }

    /// The report's single number, and how it was come by.
    pub(crate) async fn ask(&self, name: &str) -> Result<(i64, Outcome), String> {
        let request = Request {
            report: self.report(name),
            params: Params::default(),
            mode: Mode::Cached,
            cancel: CancellationToken::new(),
        };
        let answer = self
            .engine
            .ask(request)
            .await
            .map_err(|error| error.to_string())?;
        let outcome = answer.about.outcome;
        let table = answer
            .rows
            .collect()
            .await
            .map_err(|error| error.to_string())?;
        let batch = table
            .batches
            .iter()
            .find(|batch| batch.num_rows() > 0)
            .unwrap();
        let column = batch
            .column(0)
            .as_any()
            .downcast_ref::<Int64Array>()
            .unwrap();
        Ok((
            if column.is_null(0) {
                0
            } else {
                column.value(0)
            },
            outcome,
        ))
    }

    pub(crate) async fn state(&self, name: &str) -> (Freshness, String) {
        let state = self
            .engine
            .state(&self.report(name), &Params::default())
            .await;
        (state.state, state.reason)
    }

    /// Waits until the report is fresh and its answer this number.
    pub(crate) async fn until_fresh(&self, name: &str, number: i64) {
        until(&format!("{name} is fresh with {number}"), async || {
            self.state(name).await.0 == Freshness::Fresh
                && self.ask(name).await == Ok((number, Outcome::Hit))
                && !self.refreshing(name)
        })
        .await;
    }

    /// A refresh is in the log only some moments after its entry is fresh.
    pub(super) fn refreshing(&self, name: &str) -> bool {
        let of = |worker: &Worker| {
            let status = worker.status();
            status
                .queue
                .iter()
                .any(|job| job.report == name && job.started.is_some())
        };
        self.worker.as_ref().is_some_and(of)
    }

    pub(crate) fn refreshes(&self, name: &str) -> Vec<RefreshEvent> {
        let (events, _) = self.engine.log().since(0);
        let refresh = |event: &Arc<Event>| match event.as_ref() {
            Event::Refresh(refresh) if refresh.report == name => Some(refresh.clone()),
            _ => None,
        };
        events.iter().filter_map(refresh).collect()
    }

    pub(crate) fn told(&self, word: &str) -> Vec<WorkerEvent> {
        let (events, _) = self.engine.log().since(0);
        let told = |event: &Arc<Event>| match event.as_ref() {
            Event::Worker(told) if told.event == word => Some(told.clone()),
            _ => None,
        };
        events.iter().filter_map(told).collect()
    }

    pub(super) fn leads(&self) -> bool {
        matches!(self.worker().status().sources[0].role, Role::Leader(_))
    }

    pub(super) fn blind(&self) -> Option<String> {
        match &self.worker().status().sources[0].role {
            Role::Blind(why) => Some(why.clone()),
            _ => None,
        }
    }

    /// Waits until the detector has begun a look and had it published, both after this call: what was committed
    /// before the call is published by then.
    pub(crate) async fn until_published(&self) {
        let heartbeat = || self.worker().status().sources[0].last_heartbeat;
        let start = Instant::now();
        for _ in 0..2 {
            let before = heartbeat();
            while heartbeat() == before {
                assert!(start.elapsed() < PATIENCE, "waited in vain for a heartbeat");
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        }
    }

    pub(crate) async fn stop(mut self) {
        self.worker.take().unwrap().stop().await;
    }
}

pub(crate) async fn until(what: &str, mut is: impl AsyncFnMut() -> bool) {
    let start = Instant::now();
    while !is().await {
        assert!(start.elapsed() < PATIENCE, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
