//! The auditor against a real redis-server and SQLite: what is true is found identical, what is wrong is found, told and
//! put right, and what explains itself is void.
//!
//! The worker of most tests is made here, so that it can be blind: it vouches for what it did not see.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use arrow::array::Int64Array;
use async_trait::async_trait;
use lookaside::cache::{AuditTotals, Change, Election, Epoch, Position, Protocol, ServerTime};
use lookaside::engine::audit::Audited;
use lookaside::engine::{
    AuditEvent, Caller, Engine, Event, Finding, Freshness, Mode, Outcome, Request,
};
use lookaside::report::{
    Catalogue, Dialect, ParamSpec, ParamType, Params, Refresh, Report, SourceIdentity,
};
use lookaside::source::{self, CheckStep, Query, Rows, Source, SourceCheck, SourceError};
use lookaside::worker::{Pace, Worker};
use lookaside::workspace::{CacheConfig, ConnectionUrl, SourceConfig, Workspace};
use parking_lot::Mutex;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};
use sqlx::{AssertSqlSafe, Connection, SqliteConnection};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::servers::Redis;

/// How long something may take on a busy machine before the test gives up.
const PATIENCE: Duration = Duration::from_mins(1);
/// How long a heartbeat of the blind worker vouches.
const VALID: Duration = Duration::from_mins(10);

const ORDERS: &str = "SELECT id, n FROM orders ORDER BY id";
const NUMBERS: &str = "SELECT n FROM orders";

/// What happens in the middle of a query.
type Hook = Box<dyn Fn() + Send + Sync>;

/// A source that counts its queries, and lets something happen while one runs.
struct Hooked {
    inner: Arc<dyn Source>,
    shared: Arc<Hooks>,
}

#[derive(Default)]
struct Hooks {
    queries: AtomicUsize,
    meanwhile: Mutex<Option<Hook>>,
}

#[async_trait]
impl Source for Hooked {
    fn identity(&self) -> &SourceIdentity {
        self.inner.identity()
    }

    fn dialect(&self) -> Dialect {
        self.inner.dialect()
    }

    async fn run(&self, query: Query, cancel: CancellationToken) -> Result<Rows, SourceError> {
        self.shared.queries.fetch_add(1, Ordering::SeqCst);
        if let Some(meanwhile) = &*self.shared.meanwhile.lock() {
            meanwhile();
        }
        self.inner.run(query, cancel).await
    }

    async fn catalogue(&self) -> Result<Catalogue, SourceError> {
        self.inner.catalogue().await
    }

    async fn check(&self, progress: &(dyn Fn(CheckStep) + Send + Sync)) -> SourceCheck {
        self.inner.check(progress).await
    }
}

/// A worker that vouches for every table all the time, and sees a change only when it is told.
struct Blind {
    told: Arc<AtomicBool>,
    task: JoinHandle<()>,
}

impl Blind {
    async fn start(protocol: Protocol) -> Self {
        let Election::Leading { lead, now, .. } = protocol
            .lead("blind", Duration::from_mins(10))
            .await
            .unwrap()
        else {
            unreachable!("nobody else leads here")
        };
        let words = "blind test, 20 ms";
        let (mut epoch, now) = protocol
            .new_epoch(&lead, Position::zero().next(), now, VALID, words, None)
            .await
            .unwrap();
        let tables = ["orders".to_owned(), "*".to_owned()];
        let position = epoch.position.clone();
        let now = protocol
            .take_in(&mut epoch, &tables, &position, now, VALID)
            .await
            .unwrap();
        let told = Arc::new(AtomicBool::new(false));
        let task = tokio::spawn(Self::beat(protocol, epoch, now, told.clone()));
        Self { told, task }
    }

    async fn beat(
        protocol: Protocol,
        mut epoch: Epoch,
        mut as_of: ServerTime,
        told: Arc<AtomicBool>,
    ) {
        loop {
            let position = epoch.position.clone();
            let (change, at) = if told.swap(false, Ordering::SeqCst) {
                (Change::All, position.next())
            } else {
                (Change::Nothing, position)
            };
            let said = protocol
                .publish(&mut epoch, change, &at, as_of, VALID)
                .await;
            // Whoever ends its epoch ends it.
            let Ok(now) = said else { return };
            as_of = now;
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Drop for Blind {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A shop in SQLite, a cache, an engine, and nobody who watches yet.
struct Rig {
    redis: Redis,
    folder: tempfile::TempDir,
    writer: SqliteConnection,
    workspace: Workspace,
    engine: Arc<Engine>,
    hooks: Arc<Hooks>,
}

fn report(name: &str, sql: &str, refresh: Refresh) -> Report {
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

impl Rig {
    async fn new(reports: Vec<Report>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("shop.db");
        let options = SqliteConnectOptions::new()
            .filename(&file)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .busy_timeout(Duration::from_secs(20));
        let mut writer = SqliteConnection::connect_with(&options).await.unwrap();
        let tables = "CREATE TABLE orders (id INTEGER PRIMARY KEY, n INTEGER);
            INSERT INTO orders VALUES (1, 10), (2, 20), (3, 20)";
        sqlx::raw_sql(tables).execute(&mut writer).await.unwrap();
        let redis = Redis::start();
        let source = SourceConfig {
            query_timeout: Duration::from_secs(30),
            poll_interval: Duration::from_millis(5),
            ..SourceConfig::new("shop", &format!("sqlite:{}", file.display()))
        };
        let workspace = Workspace {
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
        };
        let hooks: Arc<Hooks> = Arc::default();
        let sources = source::open_all(&mut workspace.clone()).into_iter();
        let sources = sources.map(|(name, inner)| {
            let shared = hooks.clone();
            (name, Arc::new(Hooked { inner, shared }) as Arc<dyn Source>)
        });
        let engine = Engine::new(&workspace, sources.collect(), Caller::Cli, false);
        Self {
            redis,
            folder,
            writer,
            workspace,
            engine,
            hooks,
        }
    }

    fn protocol(&self) -> Protocol {
        self.engine.protocol("shop").unwrap()
    }

    async fn blind(&self) -> Blind {
        Blind::start(self.protocol()).await
    }

    async fn sql(&mut self, text: &str) {
        sqlx::raw_sql(AssertSqlSafe(text.to_owned()))
            .execute(&mut self.writer)
            .await
            .unwrap();
    }

    fn report(&self, name: &str) -> Arc<Report> {
        Arc::new(self.workspace.report(name).unwrap().clone())
    }

    /// The rows' last column added up, and how they were come by.
    async fn ask(&self, name: &str) -> (i64, Outcome) {
        self.ask_with(name, Params::default()).await
    }

    async fn ask_with(&self, name: &str, params: Params) -> (i64, Outcome) {
        let request = Request {
            report: self.report(name),
            params,
            mode: Mode::Cached,
            cancel: CancellationToken::new(),
        };
        let answer = self.engine.ask(request).await.unwrap();
        let outcome = answer.about.outcome;
        let table = answer.rows.collect().await.unwrap();
        let sums = table.batches.iter().map(|batch| {
            let last = batch.column(batch.num_columns() - 1);
            let numbers = last.as_any().downcast_ref::<Int64Array>();
            numbers.map_or(0, |numbers| numbers.iter().flatten().sum::<i64>())
        });
        (sums.sum(), outcome)
    }

    async fn audit(&self, name: &str) -> Audited {
        let cancel = CancellationToken::new();
        self.engine
            .audit(&self.report(name), &Params::default(), &cancel)
            .await
            .unwrap()
    }

    async fn totals(&self) -> AuditTotals {
        self.protocol().audit_totals().await.unwrap()
    }

    /// Checked, wrong, void.
    async fn counts(&self) -> (u64, u64, u64) {
        let totals = self.totals().await;
        (totals.checked, totals.wrong, totals.void)
    }

    fn told(&self) -> Vec<AuditEvent> {
        let (events, _) = self.engine.log().since(0);
        let audit = |event: &Arc<Event>| match event.as_ref() {
            Event::Audit(audit) => Some(audit.clone()),
            _ => None,
        };
        events.iter().filter_map(audit).collect()
    }

    async fn key(&self, name: &str) -> String {
        let report = self.report(name);
        self.engine
            .state(&report, &Params::default())
            .await
            .redis_key
    }

    /// Puts the rows of one entry in the place of another's; everything but what names the entry is consistent.
    async fn swap_rows(&self, of: &str, by: &str) {
        let script = "for _, field in ipairs({'inline', 'index', 'rows', 'bytes', 'raw', 'schema'}) do
            redis.call('HSET', KEYS[1], field, redis.call('HGET', KEYS[2], field)) end return 'done'";
        let (of, by) = (self.key(of).await, self.key(by).await);
        let said = self.redis.cli(&["EVAL", script, "2", &of, &by]);
        assert!(said.contains("done"), "{said}");
    }

    fn queries(&self) -> usize {
        self.hooks.queries.load(Ordering::SeqCst)
    }
}

async fn until(what: &str, mut is: impl AsyncFnMut() -> bool) {
    let start = Instant::now();
    while !is().await {
        assert!(start.elapsed() < PATIENCE, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_true_entry_is_identical_and_counted() {
    let rig = Rig::new(vec![report("orders", ORDERS, Refresh::OnChange)]).await;
    let _blind = rig.blind().await;
    assert_eq!(rig.ask("orders").await, (50, Outcome::Miss));
    let before = rig.queries();
    let audited = rig.audit("orders").await;
    assert_eq!(
        (audited.finding, audited.detail.as_str()),
        (Finding::Identical, "")
    );
    assert_eq!(rig.queries() - before, 1);
    assert!(audited.queries > Duration::ZERO);
    assert_eq!(rig.counts().await, (1, 0, 0));
    let told = rig.told();
    assert_eq!(
        (
            told.len(),
            told[0].finding,
            told[0].report.as_str(),
            told[0].source.as_str()
        ),
        (1, Finding::Identical, "orders", "shop")
    );
    // A check is nobody's request.
    assert_eq!(rig.ask("orders").await, (50, Outcome::Hit));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missed_commit_is_found_told_and_put_right() {
    let mut rig = Rig::new(vec![report("orders", ORDERS, Refresh::OnChange)]).await;
    let _blind = rig.blind().await;
    rig.ask("orders").await;
    rig.sql("INSERT INTO orders VALUES (4, 7); DELETE FROM orders WHERE id = 1")
        .await;
    assert_eq!(
        rig.ask("orders").await,
        (50, Outcome::Hit),
        "the worker is blind"
    );

    let audited = rig.audit("orders").await;
    let what =
        "1 row only in the cache, 1 row only in the database; the first in the database: 4, 7";
    assert_eq!(
        (audited.finding, audited.detail.as_str()),
        (Finding::Wrong, what)
    );
    assert_eq!(rig.counts().await, (1, 1, 0));
    let key = rig.key("orders").await;
    let wrong = rig.totals().await.last_wrong.unwrap();
    assert_eq!(
        (wrong.report.as_str(), &wrong.key, wrong.what.as_str()),
        ("orders", &key, what)
    );
    let told = rig.told().pop().unwrap();
    assert_eq!(
        (told.finding, told.key, told.detail.as_str()),
        (Finding::Wrong, key, what)
    );

    assert_eq!(
        rig.ask("orders").await,
        (47, Outcome::Hit),
        "it was filled anew"
    );
    let state = rig
        .engine
        .state(&rig.report("orders"), &Params::default())
        .await;
    assert_eq!(state.state, Freshness::Fresh);
    let because = state.refreshed_because.unwrap();
    assert!(
        because.starts_with("asked: the auditor found it wrong: 1 row only"),
        "{because}"
    );
    assert_eq!(rig.audit("orders").await.finding, Finding::Identical);
    assert_eq!(rig.counts().await, (2, 1, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_that_were_changed_behind_our_back_are_found_whatever_the_header_says() {
    let other = "SELECT id, n + 1 AS n FROM orders ORDER BY id";
    let rig = Rig::new(vec![
        report("orders", ORDERS, Refresh::OnChange),
        report("other", other, Refresh::OnChange),
    ])
    .await;
    let _blind = rig.blind().await;
    rig.ask("orders").await;
    rig.ask("other").await;
    // The checksum in the header is still that of the true rows: the rows themselves are compared.
    rig.swap_rows("orders", "other").await;
    assert_eq!(rig.ask("orders").await, (53, Outcome::Hit));
    assert_eq!(rig.audit("orders").await.finding, Finding::Wrong);
    assert_eq!(rig.ask("orders").await, (50, Outcome::Hit));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_in_between_makes_a_check_void() {
    let mut rig = Rig::new(vec![report("orders", ORDERS, Refresh::OnChange)]).await;
    let blind = rig.blind().await;
    rig.ask("orders").await;
    rig.sql("INSERT INTO orders VALUES (4, 7)").await;
    // Detected, but only after the query has begun: the entry is called fresh before, and a moment after, too.
    let told = blind.told.clone();
    *rig.hooks.meanwhile.lock() = Some(Box::new(move || told.store(true, Ordering::SeqCst)));
    let audited = rig.audit("orders").await;
    assert_eq!(
        (audited.finding, audited.detail.as_str()),
        (Finding::Void, "changed meanwhile")
    );
    assert_eq!(rig.counts().await, (0, 0, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_stops_in_between_makes_a_check_void() {
    let mut rig = Rig::new(vec![report("orders", ORDERS, Refresh::OnChange)]).await;
    let _blind = rig.blind().await;
    rig.ask("orders").await;
    rig.sql("INSERT INTO orders VALUES (4, 7)").await;
    let versions = rig.protocol().keys().versions();
    let url = rig.redis.url();
    *rig.hooks.meanwhile.lock() = Some(Box::new(move || {
        let mut cli = redis::Client::open(url.as_str())
            .unwrap()
            .get_connection()
            .unwrap();
        // As an old leader's term ends.
        redis::cmd("HSET")
            .arg(&versions)
            .arg("_e")
            .arg("another")
            .exec(&mut cli)
            .unwrap();
    }));
    assert_eq!(rig.audit("orders").await.finding, Finding::Void);
    assert_eq!(rig.counts().await, (0, 0, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_a_detectors_word_is_checked() {
    let rig = Rig::new(vec![
        report("watched", ORDERS, Refresh::OnChange),
        report("plain", NUMBERS, Refresh::Ttl),
        report(
            "today",
            "SELECT date('now') AS day, n FROM orders",
            Refresh::OnChange,
        ),
        report(
            "never asked",
            "SELECT max(n) AS n FROM orders",
            Refresh::OnChange,
        ),
    ])
    .await;
    let why = async |name: &str| {
        let audited = rig.audit(name).await;
        assert_eq!(
            (audited.finding, audited.queries),
            (Finding::Skipped, Duration::ZERO)
        );
        audited.detail
    };
    rig.ask("watched").await;
    assert_eq!(
        why("watched").await,
        "not called fresh: no worker is watching"
    );
    let _blind = rig.blind().await;
    for name in ["plain", "today"] {
        rig.ask(name).await;
    }
    let filled = rig.queries();
    assert_eq!(
        why("plain").await,
        "no detector vouches for it: within its TTL; unwatched"
    );
    assert!(why("today").await.contains("no detector sees"));
    assert_eq!(why("never asked").await, "nothing cached");
    assert_eq!((rig.queries(), rig.counts().await), (filled, (0, 0, 0)));
    assert!(rig.told().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_order_counts_where_order_by_fixes_it_and_rows_count_as_often_as_they_stand() {
    let reports = [
        ("set", "SELECT id, n FROM orders"),
        ("set backwards", "SELECT id, n FROM orders ORDER BY id DESC"),
        ("ordered", ORDERS),
        ("backwards", "SELECT id, n FROM orders ORDER BY -id"),
        ("bag", NUMBERS),
        (
            "other bag",
            "SELECT CASE id WHEN 3 THEN 10 ELSE n END AS n FROM orders",
        ),
        ("some", "SELECT id, n FROM orders WHERE id < 10 LIMIT 2"),
        ("other", "SELECT id, n FROM orders WHERE id > 1 LIMIT 2"),
    ];
    let reports = reports.map(|(name, sql)| report(name, sql, Refresh::OnChange));
    let rig = Rig::new(reports.to_vec()).await;
    let _blind = rig.blind().await;
    for report in &rig.workspace.reports {
        rig.ask(&report.name).await;
    }
    rig.swap_rows("set", "set backwards").await;
    assert_eq!(rig.audit("set").await.finding, Finding::Identical);
    rig.swap_rows("ordered", "backwards").await;
    let ordered = rig.audit("ordered").await;
    assert_eq!(ordered.finding, Finding::Wrong);
    assert!(
        ordered.detail.contains("another order"),
        "{}",
        ordered.detail
    );
    // 10, 20, 20 and 10, 20, 10 are the same set of numbers, and not the same rows.
    rig.swap_rows("bag", "other bag").await;
    assert_eq!(rig.audit("bag").await.finding, Finding::Wrong);
    // Any two rows would be right.
    rig.swap_rows("some", "other").await;
    let some = rig.audit("some").await;
    assert_eq!(some.finding, Finding::Void);
    assert!(
        some.detail.contains("LIMIT without ORDER BY"),
        "{}",
        some.detail
    );
    assert_eq!(rig.counts().await, (3, 2, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn entries_are_found_with_whatever_parameters() {
    let mut least = report(
        "least",
        "SELECT id, n FROM orders WHERE n >= :least",
        Refresh::OnChange,
    );
    least.params = vec![ParamSpec {
        name: "least".to_owned(),
        kind: ParamType::Integer,
        list: false,
        default: None,
    }];
    let rig = Rig::new(vec![least, report("orders", ORDERS, Refresh::OnChange)]).await;
    let _blind = rig.blind().await;
    let reports = [rig.report("least"), rig.report("orders")];
    let names = async || -> Vec<String> {
        let stored = rig.engine.stored(&reports).await.unwrap();
        stored
            .iter()
            .map(|entry| format!("{} {}", entry.report.name, entry.params.summary()))
            .collect()
    };
    assert_eq!(
        names().await,
        ["orders "],
        "one that needs a value has no entry yet"
    );
    for least in ["15", "5"] {
        let given = [("least".to_owned(), least.to_owned())];
        let params = rig.report("least").bind(&given).unwrap();
        rig.ask_with("least", params).await;
    }
    let all = ["least least=15", "least least=5", "orders "];
    assert_eq!(names().await, all);
    // Also those that nobody has asked for in days.
    rig.redis.cli(&["DEL", &rig.protocol().keys().demand()]);
    assert_eq!(names().await, all);
}

/// A worker's auditor that never rests for long.
const EAGER: Pace = Pace {
    first: Duration::ZERO,
    shortest: Duration::from_millis(10),
    rests: 0,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_worker_audits_by_itself_and_not_while_it_is_paused() {
    let other = "SELECT id, n + 1 AS n FROM orders ORDER BY id";
    let rig = Rig::new(vec![
        report("orders", ORDERS, Refresh::OnChange),
        report("other", other, Refresh::OnChange),
    ])
    .await;
    let worker = Worker::start_at(rig.engine.for_worker(), &rig.workspace, EAGER);
    until("every entry was checked", async || {
        let checked = |name| rig.told().iter().any(|told| told.report == name);
        checked("orders") && checked("other")
    })
    .await;
    assert!(
        rig.told()
            .iter()
            .all(|told| told.finding == Finding::Identical)
    );

    worker.pause();
    let heartbeat = || worker.status().sources[0].last_heartbeat;
    let beats = async |n: usize| {
        for _ in 0..n {
            let before = heartbeat();
            until("another heartbeat", async || heartbeat() != before).await;
        }
    };
    // The check that was under way ends first.
    beats(2).await;
    let paused = rig.queries();
    rig.swap_rows("orders", "other").await;
    beats(2).await;
    assert_eq!(
        rig.queries(),
        paused,
        "nothing is checked while it is paused"
    );

    worker.resume();
    until("the wrong rows are put right", async || {
        rig.ask("orders").await.0 == 50
    })
    .await;
    until("the window's figure", async || {
        worker.status().sources[0].audit.wrong == 1
    })
    .await;
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_check_the_worker_rests_by_what_its_query_took() {
    let rig = Rig::new(vec![report("orders", ORDERS, Refresh::OnChange)]).await;
    let frugal = Pace {
        rests: u32::MAX,
        ..EAGER
    };
    let worker = Worker::start_at(rig.engine.for_worker(), &rig.workspace, frugal);
    until("the first check", async || !rig.told().is_empty()).await;
    let checked = rig.queries();
    let looks = worker.status().sources[0].last_heartbeat;
    until("some more heartbeats", async || {
        let now = worker.status().sources[0].last_heartbeat;
        now.zip(looks)
            .is_some_and(|(now, then)| (now - then).num_seconds() >= 2)
    })
    .await;
    assert_eq!((rig.queries(), rig.told().len()), (checked, 1));
    drop(rig.folder);
    worker.stop().await;
}
