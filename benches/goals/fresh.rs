//! From an acknowledged commit to the fresh entry, as another process sees it: a `lookaside worker` watches, this process
//! commits and looks.
//!
//! The time to beat is the detector's stated delay plus the query's own time, which is measured in the same run by asking
//! past the cache. Transactions that are rolled back must start no query at all.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use lookaside::detector;
use lookaside::engine::{Caller, Engine, Freshness, Mode, Outcome, Request};
use lookaside::report::{Params, Report};
use lookaside::source;
use lookaside::workspace::Workspace;
use sqlx::{AssertSqlSafe, Connection, Executor, MySqlConnection, PgConnection};
use tokio_util::sync::CancellationToken;

use super::kit::{self, millis};
use super::servers::{DATABASE, MariaDb, Postgres, Redis};

/// Rows that the report reads.
const ROWS: usize = 300_000;
/// What the goal allows above the detector's delay and the query, in milliseconds.
const ALLOWED: f64 = 100.0;
/// How long a commit may take to be seen before the run gives up.
const PATIENCE: Duration = Duration::from_mins(1);
const REPORT: &str = "SELECT region, COUNT(*) AS orders, SUM(amount) AS amount FROM orders GROUP BY region ORDER BY region";

pub(crate) async fn run(small: bool) {
    let commits = if small { 20 } else { 200 };
    println!(
        "\nfresh: {commits} commits each, from the acknowledged commit to the fresh entry (milliseconds)\n{:<34} {:>8} {:>8} \
         {:>8} {:>10} {:>10} {:>8}",
        "", "p50", "p99", "max", "query p50", "query p99", "delay"
    );
    let mariadb = MariaDb::start_logging(&[]);
    mariadb.client(
        DATABASE,
        &format!(
            "CREATE TABLE orders (id BIGINT PRIMARY KEY AUTO_INCREMENT, region INT, amount INT);
             INSERT INTO orders (region, amount) SELECT seq % 25, seq % 1000 FROM seq_1_to_{ROWS}"
        ),
        &[],
    );
    let writer = MySqlConnection::connect(&mariadb.url()).await.unwrap();
    measure(&mariadb.url(), writer, commits).await;

    let postgres = Postgres::start_logical();
    postgres.client(
        DATABASE,
        &format!(
            "CREATE TABLE orders (id BIGSERIAL PRIMARY KEY, region INT, amount INT);
             INSERT INTO orders (region, amount) SELECT i % 25, i % 1000 FROM generate_series(1, {ROWS}) AS g(i);
             CREATE PUBLICATION lookaside FOR ALL TABLES"
        ),
        &[],
    );
    let writer = PgConnection::connect(&postgres.url()).await.unwrap();
    measure(&postgres.url(), writer, commits).await;
}

/// One database: commits one after the other, each waited for, at moments that have nothing to do with anything else.
async fn measure<C: Connection>(url: &str, mut writer: C, commits: usize)
where
    for<'c> &'c mut C: Executor<'c>,
{
    let redis = Redis::start();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("lookaside.toml");
    let text = format!(
        "[cache]\nurl = \"{}\"\n[sources.shop]\nurl = \"{url}\"\n[[reports]]\nname = \"orders\"\nsource = \"shop\"\n\
         sql = \"{REPORT}\"\nrefresh = \"on-change\"\n",
        redis.url()
    );
    std::fs::write(&file, text).unwrap();
    let workspace = Workspace::load(&file).unwrap();
    let sources = source::open_all(&mut workspace.clone());
    let about = detector::about(&workspace.sources["shop"], &sources["shop"]).await;
    let engine = Engine::new(&workspace, sources, Caller::Cli, false);
    let report = Arc::new(workspace.report("orders").unwrap().clone());
    let _worker = Worker::start(&file);
    let mut made = until_fresh(&engine, &report, None).await;
    let before = answered(&engine, &report).await;

    let (mut queries, mut times) = (Vec::new(), Vec::new());
    for i in 0..commits {
        let rolled_back = [
            "BEGIN",
            "INSERT INTO orders (region, amount) VALUES (2, 1)",
            "ROLLBACK",
        ];
        for sql in rolled_back {
            writer.execute(sql).await.ok().unwrap();
        }
        if i % 4 == 0 {
            queries.push(kit::ask(&engine, &report, Mode::Uncached).await.2);
        }
        tokio::time::sleep(Duration::from_millis(rand::random_range(20..300))).await;
        let insert = AssertSqlSafe(format!(
            "INSERT INTO orders (region, amount) VALUES (1, {i})"
        ));
        writer.execute(insert).await.ok().unwrap();
        let committed = Instant::now();
        made = until_fresh(&engine, &report, made).await;
        times.push(millis(committed.elapsed()));
        let now = answered(&engine, &report).await;
        assert_eq!(now, before + i as i64 + 1, "the fresh entry has the commit");
    }
    // The worker tells of the last one a moment after the entry is there.
    let began = Instant::now();
    while refreshes(&redis) < commits && began.elapsed() < PATIENCE {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(
        refreshes(&redis),
        commits,
        "one refresh a commit, and none for what was rolled back"
    );
    let (delay, query) = (millis(about.delay), kit::percentile(&mut queries, 99));
    let p99 = kit::percentile(&mut times, 99);
    let goal = delay + query + ALLOWED;
    println!(
        "{:<34} {:>8.1} {p99:>8.1} {:>8.1} {:>10.1} {query:>10.1} {delay:>8.0}  goal {goal:.0}{}",
        about.name,
        kit::percentile(&mut times, 50),
        kit::percentile(&mut times, 100),
        kit::percentile(&mut queries, 50),
        if p99 <= goal { "" } else { "  MISSED" }
    );
}

/// Waits until the entry is fresh and not the one that was made at `old`; returns when it was made.
async fn until_fresh(
    engine: &Arc<Engine>,
    report: &Report,
    old: Option<chrono::DateTime<chrono::Utc>>,
) -> Option<chrono::DateTime<chrono::Utc>> {
    let began = Instant::now();
    loop {
        let state = engine.state(report, &Params::default()).await;
        if state.state == Freshness::Fresh && state.created_at != old {
            return state.created_at;
        }
        assert!(began.elapsed() < PATIENCE, "not fresh: {}", state.reason);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// The orders of region 1, from a hit.
async fn answered(engine: &Arc<Engine>, report: &Arc<Report>) -> i64 {
    let request = Request {
        report: report.clone(),
        params: Params::default(),
        mode: Mode::Cached,
        cancel: CancellationToken::new(),
    };
    let answer = engine.ask(request).await.unwrap();
    assert_eq!(answer.about.outcome, Outcome::Hit);
    let table = answer.rows.collect().await.unwrap();
    let columns = lookaside::table::text::columns(&table.batches[0]);
    columns[1].text(1).unwrap().parse().unwrap()
}

/// How many refreshes after a change the event log holds.
fn refreshes(redis: &Redis) -> usize {
    let events = redis.cli(&["XRANGE", "lookaside:events", "-", "+"]);
    events.matches("\"reason\":\"changed\"").count()
}

/// A worker that ends with the measurement.
struct Worker(Child);

impl Worker {
    fn start(workspace: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lookaside"));
        command.arg("worker").arg("--workspace").arg(workspace);
        command.env("HOME", workspace.parent().unwrap());
        command.stdin(Stdio::null()).stdout(Stdio::null());
        Self(command.stderr(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
