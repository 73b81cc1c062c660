//! A fill asks for room, stops early where there is none, and leaves nothing behind however it ends.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use lookaside::engine::{Caller, Engine, EngineError, Filled, Mode, Outcome, Request};
use lookaside::report::{Params, Refresh, Report};
use lookaside::source;
use lookaside::workspace::ConnectionUrl;
use tokio_util::sync::CancellationToken;

use crate::fake::until;
use crate::servers::{Cluster, Redis};
use crate::worker::{report, source_config, workspace};

/// Eighty megabytes that no codec makes smaller.
const BIG: &str = "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 1600) \
                   SELECT i, randomblob(50000) AS bytes FROM c";

struct Rig {
    redis: Redis,
    engine: Arc<Engine>,
    report: Arc<Report>,
    _folder: tempfile::TempDir,
}

impl Rig {
    fn new(sql: &str, args: &[&str]) -> Self {
        Self::signed_in(sql, args, None)
    }

    fn signed_in(sql: &str, args: &[&str], user: Option<&str>) -> Self {
        let redis = Redis::start_with(&[&["--save", ""], args].concat());
        Self::over(sql, redis, user)
    }

    fn over(sql: &str, redis: Redis, user: Option<&str>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("shop.db");
        std::fs::write(&file, b"").unwrap();
        let report = report("big", sql, Refresh::Ttl);
        let url = format!("sqlite:{}", file.display());
        let mut workspace = workspace(&redis, source_config(&url), vec![report.clone()]);
        if let Some(user) = user {
            let url = redis.url().replace("redis://", &format!("redis://{user}@"));
            workspace.cache.url = ConnectionUrl::new(&url);
        }
        let sources = source::open_all(&mut workspace.clone());
        let engine = Engine::new(&workspace, sources, Caller::Cli, false);
        Self {
            redis,
            engine,
            report: Arc::new(report),
            _folder: folder,
        }
    }

    /// Rows of the whole answer, and what became of the entry.
    async fn run(&self) -> Result<(usize, Option<Filled>), EngineError> {
        let request = Request {
            report: self.report.clone(),
            params: Params::default(),
            mode: Mode::Cached,
            cancel: CancellationToken::new(),
        };
        let mut answer = self.engine.ask(request).await?;
        assert_eq!(answer.about.outcome, Outcome::Miss);
        let mut rows = 0;
        while let Some(batch) = answer.rows.next().await {
            rows += batch?.num_rows();
        }
        Ok((rows, answer.filled.get().cloned()))
    }

    fn chunks(&self) -> usize {
        let keys = self.redis.cli(&["KEYS", "lookaside:c:*"]);
        keys.lines().filter(|line| !line.is_empty()).count()
    }

    fn used(&self) -> u64 {
        let info = self.redis.cli(&["INFO", "memory"]);
        let field = |line: &str| line.strip_prefix("used_memory:")?.trim().parse().ok();
        info.lines().find_map(field).unwrap()
    }
}

const MB: u64 = 1024 * 1024;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answer_without_room_leaves_redis_as_it_was() {
    let rig = Rig::new(BIG, &["--maxmemory", "60mb"]);
    rig.redis.cli(&["SET", "theirs", "before"]);
    let before = rig.used();
    let stop = CancellationToken::new();
    let others = tokio::task::spawn_blocking({
        let (stop, url) = (stop.clone(), rig.redis.url());
        move || {
            let client = redis::Client::open(url).unwrap();
            let mut link = client.get_connection().unwrap();
            let mut written = 0;
            while !stop.is_cancelled() {
                let set = redis::cmd("SET")
                    .arg("others")
                    .arg("x".repeat(1000))
                    .query(&mut link);
                let () = set.expect("another client's write is taken while the report is filled");
                written += 1;
            }
            written
        }
    });
    let (rows, filled) = rig.run().await.unwrap();
    stop.cancel();
    assert!(others.await.unwrap() > 0);
    assert_eq!(rows, 1600, "the answer is whole");
    let filled = filled.unwrap();
    assert!(!filled.stored && filled.sha256.is_some());
    let problem = filled.problem.unwrap();
    assert!(
        problem.contains("of 60.0 MB left, of which 6.0 MB are kept for others (noeviction)"),
        "{problem}"
    );
    assert_eq!(rig.chunks(), 0);
    let after = rig.used();
    assert!(
        after < before + 3 * MB,
        "{before} bytes before, {after} after"
    );
    assert_eq!(rig.redis.cli(&["SET", "theirs", "after"]).trim(), "OK");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answer_that_would_evict_others_is_not_cached() {
    let lru = ["--maxmemory", "60mb", "--maxmemory-policy", "allkeys-lru"];
    let rig = Rig::new(BIG, &lru);
    let value = "x".repeat(100_000);
    for number in 0..200 {
        rig.redis.cli(&["SET", &format!("theirs:{number}"), &value]);
    }
    let (rows, filled) = rig.run().await.unwrap();
    assert_eq!(rows, 1600);
    let problem = filled.unwrap().problem.unwrap();
    assert!(
        problem.contains("a quarter of the cache's memory"),
        "{problem}"
    );
    assert_eq!(rig.chunks(), 0);
    let theirs = rig.redis.cli(&["KEYS", "theirs:*"]);
    assert_eq!(theirs.lines().count(), 200, "nothing of theirs was evicted");
}

/// An account that may not ask for INFO finds out by the server's refusal, and still removes what it wrote.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refused_write_removes_what_was_written() {
    let rig = Rig::signed_in(
        BIG,
        &[
            "--maxmemory",
            "40mb",
            "--user",
            "poor",
            "on",
            ">word",
            "~*",
            "+@all",
            "-info",
        ],
        Some("poor:word"),
    );
    let (rows, filled) = rig.run().await.unwrap();
    assert_eq!(rows, 1600);
    let problem = filled.unwrap().problem.unwrap();
    assert!(problem.contains("the cache is full"), "{problem}");
    assert_eq!(rig.chunks(), 0);
    assert_eq!(rig.redis.cli(&["SET", "theirs", "after"]).trim(), "OK");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failing_query_removes_what_was_written() {
    let sql = BIG.replace(
        "SELECT i, ",
        "SELECT CASE WHEN i = 1500 THEN abs(-9223372036854775807 - 1) ELSE i END AS i, ",
    );
    let rig = Rig::new(&sql, &[]);
    let error = rig.run().await.unwrap_err();
    assert!(error.to_string().contains("integer overflow"), "{error}");
    until("its chunks are gone", async || rig.chunks() == 0).await;
    let state = rig.engine.state(&rig.report, &Params::default()).await;
    let failure = state.last_failure.unwrap();
    assert!(failure.message.contains("integer overflow") && failure.permanent);
}

/// Chunks last as long as their header once it is stored, and no longer than a minute before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stored_chunks_last_as_long_as_their_header() {
    let rig = Rig::new(&BIG.replace("1600", "100"), &[]);
    let (_, filled) = rig.run().await.unwrap();
    assert!(filled.unwrap().stored);
    let left = |key: &str| rig.redis.cli(&["PTTL", key]).trim().parse::<i64>().unwrap();
    let keys = rig.redis.cli(&["KEYS", "lookaside:*:e:*"]);
    let header = left(keys.trim());
    assert!(header > 3_600_000, "{header}");
    let chunks = rig.redis.cli(&["KEYS", "lookaside:c:*"]);
    assert!(chunks.lines().count() > 5);
    for chunk in chunks.lines() {
        assert!(left(chunk) > header, "{chunk}");
    }
}

/// A node of a cluster takes some keys and refuses others (MOVED): nothing is cached, and nothing is left.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusal_of_a_cluster_node_leaves_nothing() {
    let cluster = Cluster::start();
    for node in cluster.nodes {
        let rig = Rig::over(&BIG.replace("1600", "200"), node, None);
        let request = Request {
            report: rig.report.clone(),
            params: Params::default(),
            mode: Mode::Cached,
            cancel: CancellationToken::new(),
        };
        let mut answer = rig.engine.ask(request).await.unwrap();
        let mut rows = 0;
        while let Some(batch) = answer.rows.next().await {
            rows += batch.unwrap().num_rows();
        }
        assert_eq!(rows, 200);
        let reason = answer.event.get().unwrap().reason.clone().unwrap();
        assert!(reason.contains("is a node of a Redis Cluster"), "{reason}");
        assert_eq!(rig.chunks(), 0);
    }
}
