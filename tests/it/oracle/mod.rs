//! Never stale called fresh, with real servers and real worker processes: while a writer commits, rolls back, truncates,
//! alters and imports, while servers restart and workers die, readers ask all the time; an oracle compares every answer
//! that was called a hit with what a direct query said.
//!
//! What "fresh" promises, exactly: the answer is what the query returned at some moment that is not earlier than the
//! heartbeat that vouched for it. So a reader notes the heartbeat in the cache *before* it asks; the heartbeat that the
//! verdict was computed from cannot be older than that one.
#![allow(clippy::unwrap_used)]

mod changes;
mod history;
mod mariadb;
mod postgres;
mod sqlite;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use lookaside::engine::{Caller, Engine, Freshness, Mode, Outcome, Request};
use lookaside::report::{Params, Report};
use lookaside::source;
use lookaside::workspace::Workspace;
use parking_lot::Mutex;
use rustix::process::{Pid, Signal, kill_process};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::servers::Redis;
use history::{History, State};

/// How long the world may take to come to rest after an act, on a busy machine, before the test gives up.
const PATIENCE: Duration = Duration::from_mins(2);

/// A database under test, and a direct way to it.
#[async_trait]
trait Database: Send {
    /// The lines of its `[sources.shop]`.
    fn config(&self) -> String;
    /// Runs statements, each committed by itself.
    async fn sql(&mut self, sql: &str);
    /// Runs statements in one transaction that is rolled back.
    async fn roll_back(&mut self, sql: &str) {
        self.sql(&format!("BEGIN; {sql}; ROLLBACK")).await;
    }
    /// The one row of two numbers that the query returns.
    async fn answer(&mut self, sql: &str) -> (i64, i64);
}

/// A report's name and SQL; each returns one row of two numbers.
type Reports = &'static [(&'static str, &'static str)];

/// An answer that was called a hit.
struct Hit {
    report: &'static str,
    /// The heartbeat in the cache before it was asked for.
    vouched: u64,
    answered: u64,
    answer: (i64, i64),
}

/// A `lookaside worker` of its own.
struct WorkerProcess(Child);

impl WorkerProcess {
    fn start(workspace: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lookaside"));
        command.arg("worker").arg("--workspace").arg(workspace);
        command.env("HOME", workspace.parent().unwrap());
        command.stdin(Stdio::null()).stdout(Stdio::null());
        Self(command.stderr(Stdio::null()).spawn().unwrap())
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.0.id()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }
}

impl Drop for WorkerProcess {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Everything: the database, the cache, two workers, readers, and what was seen.
struct World<D> {
    database: D,
    redis: Redis,
    workers: Vec<WorkerProcess>,
    file: PathBuf,
    reports: Reports,
    engine: Arc<Engine>,
    workspace: Workspace,
    history: History<(i64, i64)>,
    hits: Arc<Mutex<Vec<Hit>>>,
    judged: usize,
    stop: CancellationToken,
    readers: JoinSet<()>,
    _folder: tempfile::TempDir,
}

impl<D: Database> World<D> {
    /// Starts two workers and two readers over a database whose tables are there.
    async fn new(mut database: D, reports: Reports) -> Self {
        let redis = Redis::start();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("lookaside.toml");
        let mut text = format!(
            "[cache]\nurl = \"{}\"\n\n[sources.shop]\n{}\n",
            redis.url(),
            database.config()
        );
        for (name, sql) in reports {
            write!(
                text,
                "\n[[reports]]\nname = \"{name}\"\nsource = \"shop\"\nsql = \"\"\"{sql}\"\"\"\nrefresh = \"on-change\"\n"
            )
            .unwrap();
        }
        std::fs::write(&file, text).unwrap();
        let workspace = Workspace::load(&file).unwrap();
        let sources = source::open_all(&mut workspace.clone());
        let engine = Engine::new(&workspace, sources, Caller::Cli, false);
        let began = now();
        let truth = truth(&mut database, reports).await;
        let mut history = History::default();
        history.push(State {
            began,
            ended: now(),
            change: "the beginning".to_owned(),
            blind: false,
            truth,
        });
        let mut world = Self {
            workers: vec![WorkerProcess::start(&file), WorkerProcess::start(&file)],
            database,
            redis,
            file,
            reports,
            engine,
            workspace,
            history,
            hits: Arc::default(),
            judged: 0,
            stop: CancellationToken::new(),
            readers: JoinSet::new(),
            _folder: folder,
        };
        for _ in 0..2 {
            world.read_on();
        }
        world.settle("the beginning").await;
        world
    }

    /// One more reader that asks all the time, whatever happens.
    fn read_on(&mut self) {
        let (engine, hits, stop) = (self.engine.clone(), self.hits.clone(), self.stop.clone());
        let all: Vec<(&'static str, Arc<Report>)> = self
            .reports
            .iter()
            .map(|(name, _)| {
                (
                    *name,
                    Arc::new(self.workspace.report(name).unwrap().clone()),
                )
            })
            .collect();
        let client = redis::Client::open(self.redis.url()).unwrap();
        let versions = engine.protocol("shop").unwrap().keys().versions();
        self.readers.spawn(async move {
            let mut connection = None;
            while !stop.is_cancelled() {
                for (name, report) in &all {
                    if connection.is_none() {
                        connection = client.get_multiplexed_async_connection().await.ok();
                    }
                    let Some(redis) = &mut connection else {
                        tokio::time::sleep(Duration::from_millis(20)).await;
                        continue;
                    };
                    let beat: Result<Option<u64>, _> = redis::cmd("HGET")
                        .arg(&versions)
                        .arg("_hb")
                        .query_async(redis)
                        .await;
                    let Ok(beat) = beat else {
                        connection = None;
                        continue;
                    };
                    if let Some((answer, Outcome::Hit)) = ask(&engine, report).await {
                        hits.lock().push(Hit {
                            report: name,
                            vouched: beat.unwrap_or(0),
                            answered: now(),
                            answer,
                        });
                    }
                    // Others want to be served, too.
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
            }
        });
    }

    /// Something happens to the database; what the reports answer from then on is asked of it directly.
    async fn act(&mut self, what: &str, act: impl AsyncFnOnce(&mut D)) {
        let began = now();
        act(&mut self.database).await;
        let ended = now();
        let truth = truth(&mut self.database, self.reports).await;
        self.history.push(State {
            began,
            ended,
            change: what.to_owned(),
            blind: false,
            truth,
        });
    }

    /// Statements that each commit.
    async fn sql(&mut self, what: &str, sql: &str) {
        self.act(what, async |database: &mut D| database.sql(sql).await)
            .await;
    }

    /// Waits until every report is fresh with what a direct query says, and judges every hit so far.
    async fn settle(&mut self, what: &str) {
        let began = Instant::now();
        for (name, sql) in self.reports {
            let report = Arc::new(self.workspace.report(name).unwrap().clone());
            let direct = self.database.answer(sql).await;
            loop {
                self.judge();
                let state = self.engine.state(&report, &Params::default()).await;
                let answer = ask(&self.engine, &report).await;
                if state.state == Freshness::Fresh && answer == Some((direct, Outcome::Hit)) {
                    break;
                }
                assert!(
                    began.elapsed() < PATIENCE,
                    "after {what}, {name} does not become fresh with {direct:?}: {:?}, {}; asked, it answers {answer:?}",
                    state.state,
                    state.reason
                );
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
        self.judge();
    }

    /// Every answer that was called a hit was true at some moment that its heartbeat does not lie behind.
    fn judge(&mut self) {
        let hits = self.hits.lock();
        for hit in &hits[self.judged..] {
            let last_true = self
                .history
                .last_true(hit.report, &hit.answer, hit.answered);
            let known = self.history.last();
            assert!(
                last_true.is_some_and(|at| at >= hit.vouched),
                "{} was called fresh with {:?}, vouched for at {}, answered at {}; after \"{}\" ({} to {}) a direct query \
                 says {:?}",
                hit.report,
                hit.answer,
                hit.vouched,
                hit.answered,
                known.change,
                known.began,
                known.ended,
                known.truth[hit.report]
            );
        }
        self.judged = hits.len();
    }

    /// The acts that every database has, each on a world that has come to rest.
    async fn everyday_life(&mut self) {
        self.sql("an insert", "INSERT INTO orders (id, n) VALUES (1, 10), (2, 20); INSERT INTO items (id, order_id, n) VALUES (1, 1, 5), (2, 2, 7), (3, 2, 9)").await;
        self.settle("an insert").await;
        self.sql("an update", "UPDATE orders SET n = n + 1 WHERE id = 1")
            .await;
        self.settle("an update").await;
        self.act("a rolled back transaction", async |database: &mut D| {
            database
                .roll_back("INSERT INTO orders (id, n) VALUES (3, 30)")
                .await;
        })
        .await;
        self.settle("a rolled back transaction").await;
        self.sql("a delete that cascades", "DELETE FROM orders WHERE id = 2")
            .await;
        self.settle("a delete that cascades").await;
        for i in 0..200 {
            let sql = format!("INSERT INTO orders (id, n) VALUES ({}, {i})", 100 + i);
            self.sql("a burst of commits", &sql).await;
        }
        self.settle("a burst of commits").await;
        let rows: Vec<String> = (0..20_000)
            .map(|i| format!("({}, 1, {i})", 1_000 + i))
            .collect();
        let import = format!(
            "INSERT INTO items (id, order_id, n) VALUES {}",
            rows.join(", ")
        );
        self.sql("an import", &import).await;
        self.settle("an import").await;
        self.sql(
            "a new column",
            "ALTER TABLE orders ADD COLUMN note INTEGER; UPDATE orders SET n = n + 1",
        )
        .await;
        self.settle("a new column").await;
        self.sql("a view defined anew", "DROP VIEW order_items; CREATE VIEW order_items AS SELECT o.id AS order_id, i.n + 1000 AS n FROM orders o JOIN items i ON i.order_id = o.id")
            .await;
        self.settle("a view defined anew").await;
    }

    /// One more worker.
    fn hire(&mut self) {
        self.workers.push(WorkerProcess::start(&self.file));
    }

    /// Workers that die or hang.
    async fn dying_workers(&mut self) {
        // One of the two leads; whichever it is, both are killed in turn, and each has an heir.
        for i in 0..2 {
            self.workers[i].signal(Signal::KILL);
            self.sql(
                "a commit while a worker is dead",
                "UPDATE orders SET n = n + 1 WHERE id = 1",
            )
            .await;
            self.workers[i] = WorkerProcess::start(&self.file);
            self.settle("a killed worker").await;
        }
        for i in 0..2 {
            self.workers[i].signal(Signal::STOP);
            self.sql(
                "a commit while a worker hangs",
                "UPDATE orders SET n = n + 1 WHERE id = 1",
            )
            .await;
            self.settle("a hanging worker").await;
            self.sql(
                "a commit under its heir",
                "UPDATE orders SET n = n + 1 WHERE id = 1",
            )
            .await;
            self.workers[i].signal(Signal::CONT);
            self.sql(
                "a commit after it woke up",
                "UPDATE orders SET n = n + 1 WHERE id = 1",
            )
            .await;
            self.settle("an old leader that woke up").await;
        }
    }

    /// A cache that dies and comes back empty.
    async fn dying_cache(&mut self) {
        self.redis.kill();
        self.sql(
            "a commit while the cache is dead",
            "UPDATE orders SET n = n + 1 WHERE id = 1",
        )
        .await;
        self.redis.restart();
        self.sql(
            "a commit into an empty cache",
            "UPDATE orders SET n = n + 1 WHERE id = 1",
        )
        .await;
        self.settle("an empty cache").await;
        self.redis.cli(&["FLUSHALL"]);
        self.sql(
            "a commit after the cache was emptied",
            "UPDATE orders SET n = n + 1 WHERE id = 1",
        )
        .await;
        self.settle("an emptied cache").await;
    }

    /// Ends it; there must have been enough hits to prove something.
    async fn end(mut self) {
        self.stop.cancel();
        while let Some(ended) = self.readers.join_next().await {
            ended.unwrap();
        }
        self.judge();
        let hits = self.hits.lock().len();
        assert!(hits > 500, "{hits} hits prove little");
    }
}

/// The answer's two numbers and how they were come by; `None` where the report could not be answered.
async fn ask(engine: &Arc<Engine>, report: &Arc<Report>) -> Option<((i64, i64), Outcome)> {
    let request = Request {
        report: report.clone(),
        params: Params::default(),
        mode: Mode::Cached,
        cancel: CancellationToken::new(),
    };
    let answer = engine.ask(request).await.ok()?;
    let outcome = answer.about.outcome;
    let table = answer.rows.collect().await.ok()?;
    let batch = table.batches.iter().find(|batch| batch.num_rows() > 0)?;
    let columns = lookaside::table::text::columns(batch);
    let number = |i: usize| columns[i].text(0)?.parse::<i64>().ok();
    Some(((number(0)?, number(1)?), outcome))
}

async fn truth<D: Database>(database: &mut D, reports: Reports) -> BTreeMap<String, (i64, i64)> {
    let mut truth = BTreeMap::new();
    for (name, sql) in reports {
        truth.insert((*name).to_owned(), database.answer(sql).await);
    }
    truth
}

fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_millis() as u64
}
