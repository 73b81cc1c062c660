//! The worker against a real redis-server and real databases: what is called fresh is true, what is stale is refreshed,
//! and nothing that goes wrong around it needs a restart.
//!
//! No test asserts a time. What has to happen is waited for; what must not happen is looked for after something that
//! would have brought it about.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use arrow::array::{Array, Int64Array};
use async_trait::async_trait;
use lookaside::engine::{
    Caller, Engine, Event, Freshness, Mode, Outcome, Reason, RefreshEvent, Request, WorkerEvent,
};
use lookaside::report::{Catalogue, Dialect, Params, Refresh, Report, SourceIdentity};
use lookaside::source::{self, CheckStep, Query, Rows, Source, SourceCheck, SourceError};
use lookaside::worker::{Role, Worker};
use lookaside::workspace::{CacheConfig, ConnectionUrl, Publication, SourceConfig, Workspace};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};
use sqlx::{AssertSqlSafe, Connection, SqliteConnection};
use tokio_util::sync::CancellationToken;

use crate::servers::{MariaDb, Postgres, Redis};

/// How long something may take on a busy machine before the test gives up.
const PATIENCE: Duration = Duration::from_mins(1);

/// A source that counts the report queries it is asked for.
struct Counted {
    inner: Arc<dyn Source>,
    queries: Arc<AtomicUsize>,
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
struct Rig {
    redis: Redis,
    folder: tempfile::TempDir,
    writer: SqliteConnection,
    workspace: Workspace,
    queries: Arc<AtomicUsize>,
}

pub(crate) fn report(name: &str, sql: &str, refresh: Refresh) -> Report {
    Report {
        name: name.to_owned(),
        source: "shop".to_owned(),
        sql: sql.to_owned(),
        params: Vec::new(),
        ttl: Duration::from_hours(1),
        stale_for: Duration::from_hours(1),
        refresh,
        tables: None,
        timeout: None,
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
    }
}

async fn connect(file: &std::path::Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .busy_timeout(Duration::from_secs(20));
    SqliteConnection::connect_with(&options).await.unwrap()
}

pub(crate) const ORDERS: &str = "SELECT COUNT(*) AS n FROM orders";
const PARTS: &str = "SELECT COUNT(*) AS n FROM parts";

impl Rig {
    async fn new(reports: Vec<Report>) -> Self {
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

    fn file(&self) -> PathBuf {
        self.folder.path().join("shop.db")
    }

    async fn sql(&mut self, text: &str) {
        sqlx::raw_sql(AssertSqlSafe(text.to_owned()))
            .execute(&mut self.writer)
            .await
            .unwrap();
    }

    /// A worker with an engine of its own, as another process would have it.
    fn start(&self) -> At {
        At::start(&self.workspace, &self.queries)
    }

    fn queries(&self) -> usize {
        self.queries.load(Ordering::SeqCst)
    }
}

/// An engine with its worker.
pub(crate) struct At {
    engine: Arc<Engine>,
    worker: Option<Worker>,
    workspace: Workspace,
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
    fn reader(workspace: &Workspace, queries: &Arc<AtomicUsize>) -> Self {
        let sources = source::open_all(&workspace.sources).unwrap();
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

    fn report(&self, name: &str) -> Arc<Report> {
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
    fn refreshing(&self, name: &str) -> bool {
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

    fn leads(&self) -> bool {
        matches!(self.worker().status().sources[0].role, Role::Leader(_))
    }

    fn blind(&self) -> Option<String> {
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_is_refreshed_and_says_why() {
    let mut rig = Rig::new(vec![report("orders", ORDERS, Refresh::OnChange)]).await;
    let at = rig.start();
    at.until_fresh("orders", 0).await;
    let warm = at.refreshes("orders");
    assert_eq!(
        (warm[0].reason, warm[0].why.as_str()),
        (Reason::Asked, "asked: warming an empty cache")
    );

    rig.sql("INSERT INTO orders VALUES (1, 1)").await;
    at.until_fresh("orders", 1).await;
    let last = at.refreshes("orders").pop().unwrap();
    assert_eq!(
        (last.reason, last.why.as_str()),
        (Reason::Changed, "changed: somewhere in shop")
    );
    assert_eq!((last.error, last.unchanged), (None, false));
    assert!(last.detected_to_fresh_ms.is_some() && last.took_ms > 0.0);
    assert!(!at.told("change").is_empty());

    // A commit that does not touch the answer is noticed too, and its refresh says that nothing is new.
    rig.sql("INSERT INTO parts VALUES (1)").await;
    until("the redundant refresh", async || {
        at.refreshes("orders").pop().unwrap().unchanged
    })
    .await;
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_nothing_changes_no_report_query_runs() {
    let mut rig = Rig::new(vec![
        report("orders", ORDERS, Refresh::OnChange),
        report("parts", PARTS, Refresh::OnChange),
        report(
            "plain",
            "SELECT COUNT(*) AS n FROM orders WHERE n > 0",
            Refresh::Ttl,
        ),
    ])
    .await;
    let at = rig.start();
    for name in ["orders", "parts", "plain"] {
        at.until_fresh(name, 0).await;
    }
    let warm = rig.queries();
    assert_eq!(warm, 3, "each report was warmed by one query");
    rig.sql("BEGIN; INSERT INTO orders VALUES (1, 1); ROLLBACK")
        .await;
    for _ in 0..3 {
        assert_eq!(at.ask("orders").await, Ok((0, Outcome::Hit)));
        at.until_published().await;
    }
    assert_eq!(
        rig.queries(),
        warm,
        "a rolled-back insert, requests and heartbeats bring no query about"
    );
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_triggers_only_reports_on_the_table_are_refreshed() {
    let mut rig = Rig::new(vec![
        report("orders", ORDERS, Refresh::OnChange),
        report("parts", PARTS, Refresh::OnChange),
    ])
    .await;
    rig.workspace.sources.get_mut("shop").unwrap().triggers = true;
    let at = rig.start();
    at.until_fresh("orders", 0).await;
    at.until_fresh("parts", 0).await;
    let before = at.refreshes("parts").len();
    rig.sql("INSERT INTO orders VALUES (1, 1)").await;
    at.until_fresh("orders", 1).await;
    assert_eq!(at.refreshes("orders").pop().unwrap().why, "changed: orders");
    at.until_published().await;
    assert_eq!(at.refreshes("parts").len(), before);
    assert_eq!(at.state("parts").await.0, Freshness::Fresh);
    rig.sql("INSERT INTO parts VALUES (1)").await;
    at.until_fresh("parts", 1).await;
    assert_eq!(at.refreshes("parts").pop().unwrap().why, "changed: parts");
    at.stop().await;
}

/// Somebody who does not stay: an old entry is served only where another refreshes it.
async fn passing_by(workspace: &Workspace) -> At {
    let sources = source::open_all(&workspace.sources).unwrap();
    At {
        engine: Engine::new(workspace, sources, Caller::Cli, false),
        worker: None,
        workspace: workspace.clone(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_on_change_report_that_is_added_later_is_watched_at_once() {
    let mut rig = Rig::new(vec![report("plain", PARTS, Refresh::Ttl)]).await;
    let mut at = rig.start();
    at.until_fresh("plain", 0).await;
    assert_eq!(at.worker().status().sources[0].detector, None);
    rig.workspace
        .reports
        .push(report("orders", ORDERS, Refresh::OnChange));
    at.worker().take_over(&rig.workspace);
    at.workspace = rig.workspace.clone();
    at.until_fresh("orders", 0).await;
    rig.sql("INSERT INTO orders VALUES (1, 1)").await;
    at.until_fresh("orders", 1).await;
    assert_eq!(
        at.refreshes("orders").pop().unwrap().reason,
        Reason::Changed
    );
    assert!(at.leads());
    // One that is taken out again is refreshed no more, and what is left goes on.
    let taken_out = rig.workspace.reports.pop().unwrap();
    rig.workspace.reports.push(report(
        "parts",
        "SELECT COUNT(*) + 0 AS n FROM parts",
        Refresh::OnChange,
    ));
    at.worker().take_over(&rig.workspace);
    let before = at.refreshes(&taken_out.name).len();
    at.workspace = rig.workspace.clone();
    at.until_fresh("parts", 0).await;
    rig.sql("INSERT INTO parts VALUES (1)").await;
    at.until_fresh("parts", 1).await;
    assert_eq!(at.refreshes(&taken_out.name).len(), before);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_that_only_its_reader_knows_is_watched_from_its_first_fill() {
    let mut rig = Rig::new(vec![report("plain", PARTS, Refresh::Ttl)]).await;
    let at = rig.start();
    at.until_fresh("plain", 0).await;
    let mut theirs = rig.workspace.clone();
    theirs.reports = vec![report("orders", ORDERS, Refresh::OnChange)];
    let reader = passing_by(&theirs).await;
    until("it is watched", async || {
        reader.ask("orders").await == Ok((0, Outcome::Hit))
    })
    .await;
    assert!(at.worker().status().sources[0].detector.is_some());
    rig.sql("INSERT INTO orders VALUES (1, 1)").await;
    at.until_published().await;
    assert_eq!(
        reader.ask("orders").await,
        Ok((1, Outcome::Miss)),
        "the worker has no SQL to refresh it with, so nobody is told to wait for it"
    );
    assert_eq!(reader.ask("orders").await, Ok((1, Outcome::Hit)));
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_that_is_not_in_the_workspace_is_kept_true_where_it_is_asked_for() {
    let mut rig = Rig::new(vec![report("plain", PARTS, Refresh::Ttl)]).await;
    let mut at = rig.start();
    at.until_fresh("plain", 0).await;
    at.workspace
        .reports
        .push(report("draft", ORDERS, Refresh::OnChange));
    at.ask("draft").await.unwrap();
    at.until_fresh("draft", 0).await;
    rig.sql("INSERT INTO orders VALUES (1, 1)").await;
    at.until_fresh("draft", 1).await;
    let last = at.refreshes("draft").pop().unwrap();
    assert_eq!(last.reason, Reason::Changed);
    at.stop().await;
}

#[test]
fn a_worker_that_dies_is_noticed_and_replaced() {
    let runtime = || {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap()
    };
    let (here, there) = (runtime(), runtime());
    let mut rig = here.block_on(Rig::new(vec![report("orders", ORDERS, Refresh::OnChange)]));
    let dying = there.block_on(async { rig.start() });
    there.block_on(dying.until_fresh("orders", 0));
    let reader = here.block_on(async { At::reader(&rig.workspace, &rig.queries) });
    let heir = here.block_on(async { rig.start() });
    // Every task of it ends where it stands: no lease is given back, no word is said.
    there.shutdown_background();
    here.block_on(async {
        until("the heir leads", async || heir.leads()).await;
        rig.sql("INSERT INTO orders VALUES (1, 1)").await;
        heir.until_fresh("orders", 1).await;
        heir.stop().await;
        until("nobody watches", async || {
            reader.state("orders").await == (Freshness::Stale, "no worker is watching".to_owned())
        })
        .await;
    });
    drop(dying);
}

#[test]
fn without_an_heir_its_entries_stop_being_fresh() {
    let runtime = || {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap()
    };
    let (here, there) = (runtime(), runtime());
    let rig = here.block_on(Rig::new(vec![report("orders", ORDERS, Refresh::OnChange)]));
    let dying = there.block_on(async { rig.start() });
    there.block_on(dying.until_fresh("orders", 0));
    there.shutdown_background();
    here.block_on(async {
        let reader = At::reader(&rig.workspace, &rig.queries);
        until("nobody watches", async || {
            reader.state("orders").await == (Freshness::Stale, "no worker is watching".to_owned())
        })
        .await;
    });
    drop(dying);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_worker_gives_its_lease_back() {
    let rig = Rig::new(vec![report("orders", ORDERS, Refresh::OnChange)]).await;
    let first = rig.start();
    first.until_fresh("orders", 0).await;
    let second = rig.start();
    until("the second stands by", async || {
        !second.told("standing_by").is_empty()
    })
    .await;
    assert!(first.leads() && !second.leads());
    let engine = first.engine.clone();
    first.stop().await;
    until("the second leads", async || second.leads()).await;
    second.until_fresh("orders", 0).await;
    second.stop().await;
    let state = engine
        .state(&rig.workspace.reports[0], &Params::default())
        .await;
    assert_eq!(
        (state.state, state.reason.as_str()),
        (Freshness::Stale, "no worker is watching")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_emptied_cache_is_warmed_again() {
    let mut rig = Rig::new(vec![
        report("orders", ORDERS, Refresh::OnChange),
        report("plain", PARTS, Refresh::Ttl),
    ])
    .await;
    let at = rig.start();
    at.until_fresh("orders", 0).await;
    at.until_fresh("plain", 0).await;
    rig.redis.cli(&["FLUSHALL"]);
    at.until_fresh("orders", 0).await;
    at.until_fresh("plain", 0).await;
    rig.sql("INSERT INTO orders VALUES (1, 1)").await;
    at.until_fresh("orders", 1).await;
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cache_that_dies_and_comes_back_empty_needs_no_restart() {
    let mut rig = Rig::new(vec![report("orders", ORDERS, Refresh::OnChange)]).await;
    let at = rig.start();
    at.until_fresh("orders", 0).await;
    rig.redis.kill();
    until("the worker says that the cache is away", async || {
        at.blind().is_some()
    })
    .await;
    rig.sql("INSERT INTO orders VALUES (1, 1)").await;
    assert_eq!(
        at.ask("orders").await.unwrap().0,
        1,
        "without the cache the query is run"
    );
    rig.redis.restart();
    at.until_fresh("orders", 1).await;
    rig.sql("INSERT INTO orders VALUES (2, 2)").await;
    at.until_fresh("orders", 2).await;
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn entries_are_refreshed_before_they_end_and_on_schedule() {
    let mut soon = report("soon", ORDERS, Refresh::AheadOfExpiry);
    soon.ttl = Duration::from_secs(2);
    let mut rig = Rig::new(vec![
        soon,
        report("often", PARTS, Refresh::Every(Duration::from_millis(300))),
    ])
    .await;
    let at = rig.start();
    let reasons = |name: &str| {
        at.refreshes(name)
            .iter()
            .map(|event| event.reason)
            .collect::<Vec<_>>()
    };
    until("two refreshes ahead of expiry", async || {
        reasons("soon")
            .iter()
            .filter(|reason| **reason == Reason::Expiring)
            .count()
            >= 2
    })
    .await;
    until("three on schedule", async || {
        reasons("often")
            .iter()
            .filter(|reason| **reason == Reason::Scheduled)
            .count()
            >= 3
    })
    .await;
    assert_eq!(
        at.refreshes("often").pop().unwrap().why,
        "scheduled: every 300ms"
    );
    rig.sql("INSERT INTO parts VALUES (1)").await;
    at.until_fresh("often", 1).await;
    assert_eq!(
        at.worker().status().sources[0].detector,
        None,
        "no report asks for one"
    );
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_refresh_keeps_the_last_good_result() {
    let mut rig = Rig::new(vec![report("orders", ORDERS, Refresh::OnChange)]).await;
    rig.sql("INSERT INTO orders VALUES (1, 1)").await;
    let at = rig.start();
    at.until_fresh("orders", 1).await;
    rig.sql("ALTER TABLE orders RENAME TO elsewhere").await;
    until("the failure is told", async || {
        at.refreshes("orders").iter().any(|event| {
            event
                .error
                .as_ref()
                .is_some_and(|error| error.contains("orders"))
        })
    })
    .await;
    let (number, outcome) = at.ask("orders").await.unwrap();
    assert_eq!(
        (number, outcome),
        (1, Outcome::StaleHit),
        "old, and marked so"
    );
    rig.sql("ALTER TABLE elsewhere RENAME TO orders; INSERT INTO orders VALUES (2, 2)")
        .await;
    at.until_fresh("orders", 2).await;
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_locked_or_replaced_file_is_said_and_nothing_is_called_fresh_meanwhile() {
    let mut rig = Rig::new(vec![report("orders", ORDERS, Refresh::OnChange)]).await;
    rig.sql("PRAGMA journal_mode = DELETE").await;
    let at = rig.start();
    at.until_fresh("orders", 0).await;
    rig.sql("BEGIN EXCLUSIVE").await;
    until("the lock is said", async || {
        at.blind().is_some_and(|why| why.contains("locked"))
    })
    .await;
    until("it is stale", async || {
        at.state("orders").await.0 == Freshness::Stale
    })
    .await;
    rig.sql("INSERT INTO orders VALUES (1, 1); COMMIT").await;
    at.until_fresh("orders", 1).await;
    assert!(!at.told("watching").is_empty());

    let other = rig.folder.path().join("other.db");
    let mut writer = connect(&other).await;
    let tables =
        "PRAGMA journal_mode = DELETE; CREATE TABLE orders (id INTEGER PRIMARY KEY, n INTEGER);
        INSERT INTO orders VALUES (1, 1), (2, 2), (3, 3)";
    sqlx::raw_sql(tables).execute(&mut writer).await.unwrap();
    drop(writer);
    std::fs::rename(&other, rig.file()).unwrap();
    at.until_fresh("orders", 3).await;
    assert!(
        at.told("blind")
            .iter()
            .any(|told| told.detail.contains("another file took the place"))
    );
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn paused_it_goes_on_detecting_and_a_person_is_served() {
    let mut rig = Rig::new(vec![
        report("orders", ORDERS, Refresh::OnChange),
        report("parts", PARTS, Refresh::OnChange),
    ])
    .await;
    let at = rig.start();
    at.until_fresh("orders", 0).await;
    at.until_fresh("parts", 0).await;
    at.worker().pause();
    assert!(at.worker().status().paused);
    let before = rig.queries();
    rig.sql("INSERT INTO orders VALUES (1, 1)").await;
    until("the change is detected and waits", async || {
        at.worker().status().queue.len() == 2
    })
    .await;
    assert_eq!(at.state("orders").await.0, Freshness::Stale);
    assert_eq!(rig.queries(), before);
    at.worker()
        .refresh(&at.report("orders"), &Params::default());
    at.until_fresh("orders", 1).await;
    assert_eq!(at.state("parts").await.0, Freshness::Stale);
    at.worker().resume();
    at.until_fresh("parts", 0).await;
    assert_eq!(at.told("paused").len() + at.told("resumed").len(), 2);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stale_hit_is_refreshed_whatever_the_policy() {
    let mut plain = report("plain", ORDERS, Refresh::Ttl);
    plain.ttl = Duration::from_millis(200);
    let mut rig = Rig::new(vec![plain]).await;
    let at = rig.start();
    until("it was warmed", async || at.refreshes("plain").len() == 1).await;
    rig.sql("INSERT INTO orders VALUES (1, 1)").await;
    until("it is stale", async || {
        at.state("plain").await.0 == Freshness::Stale
    })
    .await;
    assert_eq!(at.ask("plain").await, Ok((0, Outcome::StaleHit)));
    until("it was refreshed", async || at.refreshes("plain").len() > 1).await;
    let last = at.refreshes("plain").pop().unwrap();
    assert_eq!((last.reason, last.error), (Reason::Asked, None));
    until("the new answer is there", async || {
        at.ask("plain").await.unwrap().0 == 1
    })
    .await;
    at.stop().await;
}

/// Ten thousand commits one after the other: however fast this machine is, refreshes keep the distance that the queue's
/// rules give them, and the last one is true.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_is_a_bounded_number_of_refreshes() {
    const COMMITS: i64 = 10_000;
    let mut rig = Rig::new(vec![report("orders", ORDERS, Refresh::OnChange)]).await;
    rig.sql("PRAGMA synchronous = OFF").await;
    let at = rig.start();
    at.until_fresh("orders", 0).await;
    for id in 0..COMMITS {
        sqlx::query("INSERT INTO orders VALUES (?1, 1)")
            .bind(id)
            .execute(&mut rig.writer)
            .await
            .unwrap();
    }
    at.until_fresh("orders", COMMITS).await;
    let mut refreshes = at.refreshes("orders");
    refreshes.retain(|refresh| refresh.reason == Reason::Changed);
    assert!(!refreshes.is_empty() && refreshes.iter().all(|refresh| refresh.error.is_none()));
    let ms = |from: &RefreshEvent, to: &RefreshEvent| {
        (to.at - from.at).num_microseconds().unwrap() as f64 / 1e3
    };
    for pair in refreshes.windows(2) {
        // A pause as long as the refresh before, and then this one.
        let rule = pair[0].took_ms + pair[1].took_ms;
        assert!(ms(&pair[0], &pair[1]) >= rule - 1.0, "{pair:?}");
    }
    // And never two within the time that collects a burst (20 ms).
    let span = refreshes[0].took_ms + ms(&refreshes[0], refreshes.last().unwrap());
    assert!(
        (refreshes.len() - 1) as f64 <= span / 20.0,
        "{} in {span} ms",
        refreshes.len()
    );
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_asks_for_is_refreshed_no_more_until_somebody_does() {
    let mut rig = Rig::new(vec![
        report("orders", ORDERS, Refresh::OnChange),
        report(
            "asked-for",
            "SELECT COUNT(*) + 0 AS n FROM orders",
            Refresh::OnChange,
        ),
    ])
    .await;
    rig.workspace.sources.get_mut("shop").unwrap().forget_after = Duration::from_secs(1);
    let at = rig.start();
    at.until_fresh("orders", 0).await;
    let (mut commits, mut refreshed, mut unrefreshed) = (0, 0, 0);
    until("commits do not refresh it any more", async || {
        rig.sql(&format!("INSERT INTO orders VALUES ({commits}, 1)"))
            .await;
        commits += 1;
        // Somebody asks for this one all the time.
        at.until_fresh("asked-for", commits).await;
        let refreshes = at.refreshes("orders").len();
        let waits = at
            .worker()
            .status()
            .queue
            .iter()
            .any(|job| job.report == "orders");
        let stale = at.state("orders").await.0 == Freshness::Stale;
        // One that rests after a refresh is stale for some commits, too.
        let left_alone = stale && !waits && refreshes == refreshed;
        unrefreshed = if left_alone { unrefreshed + 1 } else { 0 };
        refreshed = refreshes;
        unrefreshed >= 10
    })
    .await;
    let before = at.refreshes("orders").len();
    let (number, outcome) = at.ask("orders").await.unwrap();
    assert!(
        number < commits && outcome == Outcome::StaleHit,
        "{number} {outcome:?}"
    );
    at.until_fresh("orders", commits).await;
    assert!(at.refreshes("orders").len() > before);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_in_a_view_leaves_the_entry_to_its_ttl_and_a_change_still_counts() {
    let lately = "SELECT COUNT(*) AS n FROM lately";
    let mut rig = Rig::new(vec![report("lately", lately, Refresh::OnChange)]).await;
    rig.sql("CREATE VIEW lately AS SELECT * FROM orders WHERE date('now') > '2000-01-01'")
        .await;
    let at = rig.start();
    at.until_fresh("lately", 0).await;
    let reason = at.state("lately").await.1;
    assert!(
        reason.contains("unwatched") && reason.contains("also depends on 'now'"),
        "{reason}"
    );
    rig.sql("INSERT INTO orders VALUES (1, 1)").await;
    at.until_fresh("lately", 1).await;
    at.stop().await;
}

/// The promise: an answer that is called a hit holds every commit that was published before it was asked for.
/// Writers, readers, and the worker run at once; the cache is emptied and a worker dies in the middle.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn never_stale_called_fresh() {
    let sum = "SELECT COALESCE(MAX(n), 0) AS n FROM orders";
    let mut rig = Rig::new(vec![report("orders", sum, Refresh::OnChange)]).await;
    for triggers in [false, true] {
        rig.workspace.sources.get_mut("shop").unwrap().triggers = triggers;
        let at = Arc::new(rig.start());
        at.until_fresh("orders", at.ask("orders").await.unwrap().0)
            .await;
        let committed = Arc::new(AtomicI64::new(0));
        let published = Arc::new(AtomicI64::new(0));
        let hits = Arc::new(AtomicUsize::new(0));
        let end = CancellationToken::new();
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..3 {
            let (at, published, hits, end) =
                (at.clone(), published.clone(), hits.clone(), end.clone());
            tasks.spawn(async move {
                while !end.is_cancelled() {
                    let floor = published.load(Ordering::SeqCst);
                    let (number, outcome) = at.ask("orders").await.unwrap();
                    if outcome == Outcome::Hit {
                        assert!(
                            number >= floor,
                            "{number} called fresh after {floor} was published"
                        );
                        hits.fetch_add(1, Ordering::SeqCst);
                    }
                }
            });
        }
        {
            let (at, committed, published, end) = (
                at.clone(),
                committed.clone(),
                published.clone(),
                end.clone(),
            );
            tasks.spawn(async move {
                while !end.is_cancelled() {
                    let number = committed.load(Ordering::SeqCst);
                    at.until_published().await;
                    published.store(number, Ordering::SeqCst);
                }
            });
        }
        let base: i64 = sqlx::query_scalar(sum)
            .fetch_one(&mut rig.writer)
            .await
            .unwrap();
        for round in 1..=120_i64 {
            rig.sql(&format!("INSERT INTO orders (n) VALUES ({})", base + round))
                .await;
            committed.store(base + round, Ordering::SeqCst);
            if round % 50 == 0 {
                rig.redis.cli(&["FLUSHALL"]);
            }
            // The pace of the writer, not a wait for anything.
            tokio::time::sleep(Duration::from_millis(u64::try_from(round % 40).unwrap())).await;
        }
        at.until_fresh("orders", base + 120).await;
        end.cancel();
        while let Some(task) = tasks.join_next().await {
            task.unwrap();
        }
        assert!(hits.load(Ordering::SeqCst) > 0, "hits were judged");
        Arc::into_inner(at).unwrap().stop().await;
    }
}

/// A watermark query keeps the reports of a server true.
async fn watermark_keeps_true(url: &str, mut write: impl FnMut(&str)) {
    write("CREATE TABLE orders (id BIGINT PRIMARY KEY)");
    let redis = Redis::start();
    let mut config = source_config(url);
    config.watermark = Some("SELECT COUNT(*), MAX(id) FROM orders".to_owned());
    let reports = vec![report("orders", ORDERS, Refresh::OnChange)];
    let at = At::start(&workspace(&redis, config, reports), &Arc::default());
    at.until_fresh("orders", 0).await;
    write("INSERT INTO orders VALUES (7)");
    at.until_fresh("orders", 1).await;
    write("DELETE FROM orders");
    at.until_fresh("orders", 0).await;
    let watched = at.worker().status().sources[0].detector.clone().unwrap();
    assert_eq!(watched.name, "watermark query");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watermark_keeps_mariadb_reports_true() {
    let server = MariaDb::shared();
    let (url, name) = server.fresh_database();
    watermark_keeps_true(&url, |sql| drop(server.client(&name, sql, &[]))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watermark_keeps_postgres_reports_true() {
    let server = Postgres::shared();
    let (url, name) = server.fresh_database();
    watermark_keeps_true(&url, |sql| drop(server.client(&name, sql, &[]))).await;
}

/// The log of PostgreSQL keeps a report true: a commit refreshes the reports on its tables, a rollback none.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_keeps_postgres_reports_true() {
    let server = Postgres::logical();
    let (url, name) = server.fresh_database();
    let write = |sql: &str| drop(server.client(&name, sql, &[]));
    write(
        "CREATE TABLE orders (id BIGINT PRIMARY KEY); CREATE TABLE parts (id BIGINT PRIMARY KEY);
         CREATE UNLOGGED TABLE scratch (id BIGINT PRIMARY KEY); CREATE PUBLICATION lookaside FOR ALL TABLES",
    );
    let redis = Redis::start();
    let scratch = "SELECT COUNT(*) AS n FROM scratch";
    let reports = vec![
        report("orders", ORDERS, Refresh::OnChange),
        report("parts", PARTS, Refresh::OnChange),
        report("scratch", scratch, Refresh::OnChange),
    ];
    let at = At::start(
        &workspace(&redis, source_config(&url), reports),
        &Arc::default(),
    );
    at.until_fresh("orders", 0).await;
    at.until_fresh("parts", 0).await;
    let watched = at.worker().status().sources[0].detector.clone().unwrap();
    assert_eq!(watched.name, "PostgreSQL logical replication");

    write("INSERT INTO orders VALUES (7)");
    at.until_fresh("orders", 1).await;
    assert_eq!(at.refreshes("orders").pop().unwrap().why, "changed: orders");
    let before = (at.refreshes("orders").len(), at.refreshes("parts").len());
    write("BEGIN; INSERT INTO orders VALUES (8); INSERT INTO parts VALUES (8); ROLLBACK");
    at.until_published().await;
    assert_eq!(
        (at.refreshes("orders").len(), at.refreshes("parts").len()),
        before,
        "neither is refreshed by a rollback, nor parts by a change of orders"
    );
    assert_eq!(at.ask("orders").await, Ok((1, Outcome::Hit)));
    // Nobody sees changes of an unlogged table, and nobody vouches for it.
    assert_eq!(
        at.state("scratch").await.0,
        Freshness::Stale,
        "{:?}",
        at.state("scratch").await
    );
    write("ALTER TABLE scratch SET LOGGED; INSERT INTO scratch VALUES (1)");
    at.until_fresh("scratch", 1).await;
    at.stop().await;
}
