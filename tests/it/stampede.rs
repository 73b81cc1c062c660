//! 1,000 requests over five processes for one missing entry run one query; if the process that runs it is killed,
//! exactly one takes over.
//!
//! The processes are this test binary, started again with [`CHILD`] in the environment.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use arrow::array::Int64Array;
use arrow::record_batch::RecordBatch;
use async_trait::async_trait;
use lookaside::engine::{Caller, Engine, Mode};
use lookaside::report::{Catalogue, Dialect, Refresh, SourceIdentity};
use lookaside::source::{CheckStep, Query, Rows, Source, SourceCheck, SourceError, SourceTimes};
use lookaside::table::BatchStream;
use redis::AsyncCommands;
use tokio_util::sync::CancellationToken;

use crate::fake::{Fake, ask, report, until, workspace};
use crate::servers::Redis;

const CHILD: &str = "LOOKASIDE_STAMPEDE_REDIS";
const PROCESSES: usize = 5;
const REQUESTS: usize = 200;

/// A database whose query runs until the test opens the gate; it notes who runs it.
struct Gated {
    identity: SourceIdentity,
    redis: redis::aio::MultiplexedConnection,
}

#[async_trait]
impl Source for Gated {
    fn identity(&self) -> &SourceIdentity {
        &self.identity
    }

    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    async fn run(&self, _query: Query, _cancel: CancellationToken) -> Result<Rows, SourceError> {
        let mut redis = self.redis.clone();
        let _: usize = redis.rpush("runners", std::process::id()).await.unwrap();
        while !redis.exists::<_, bool>("gate").await.unwrap() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        let batch =
            RecordBatch::try_from_iter([("a", Arc::new(Int64Array::from(vec![42])) as _)]).unwrap();
        let (sender, stream) = BatchStream::channel(batch.schema(), 1);
        tokio::spawn(async move {
            sender.send(batch).await;
            sender.finish();
        });
        Ok(Rows {
            stream,
            times: Arc::new(SourceTimes::default()),
        })
    }

    async fn catalogue(&self) -> Result<Catalogue, SourceError> {
        Fake::new().catalogue().await
    }

    async fn check(&self, _progress: &(dyn Fn(CheckStep) + Send + Sync)) -> SourceCheck {
        SourceCheck::default()
    }
}

/// The part of one process: all its requests at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "started by the stampede tests, as a process of its own"]
async fn child() {
    let url = std::env::var(CHILD).expect("the stampede tests start this with a redis-server");
    let client = redis::Client::open(url.as_str()).unwrap();
    let mut redis = client.get_multiplexed_async_connection().await.unwrap();
    let identity = Fake::new().identity().clone();
    let source: Arc<dyn Source> = Arc::new(Gated {
        identity,
        redis: redis.clone(),
    });
    let engine = Engine::new(
        &workspace(&url),
        [("fake".to_owned(), source)].into(),
        Caller::Cli,
        false,
    );
    let _: usize = redis.incr("ready", 1).await.unwrap();
    until("every process is ready", async || {
        redis.exists("go").await.unwrap()
    })
    .await;
    let asked: Vec<_> = (0..REQUESTS)
        .map(|_| {
            let engine = engine.clone();
            tokio::spawn(async move {
                ask(&engine, &report(Refresh::Ttl), Mode::Cached)
                    .await
                    .unwrap()
            })
        })
        .collect();
    let _: usize = redis.incr("asked", REQUESTS).await.unwrap();
    for answer in asked {
        let answer = answer.await.unwrap();
        let column = answer.table.batches[0]
            .column(0)
            .as_any()
            .downcast_ref::<Int64Array>()
            .unwrap();
        assert_eq!(column.values(), &[42]);
        println!("\noutcome {:?}", answer.outcome);
    }
}

fn start(url: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["stampede::child", "--exact", "--ignored", "--nocapture"])
        .env(CHILD, url)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// What each of a process's requests came to.
fn outcomes(mut child: Child) -> Vec<String> {
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let found = lines
        .filter_map(|line| line.unwrap().strip_prefix("outcome ").map(str::to_owned))
        .collect::<Vec<_>>();
    child.wait().unwrap();
    found
}

struct Stampede {
    redis: Redis,
    connection: redis::aio::MultiplexedConnection,
    children: Vec<Child>,
}

impl Stampede {
    /// Every request is made, and one query runs.
    async fn begin() -> Self {
        let redis = Redis::start();
        let client = redis::Client::open(redis.url()).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        let children = (0..PROCESSES).map(|_| start(&redis.url())).collect();
        let mut count = connection.clone();
        until("every process is ready", async || {
            count.get::<_, Option<usize>>("ready").await.unwrap() == Some(PROCESSES)
        })
        .await;
        let _: () = connection.set("go", 1).await.unwrap();
        until("every request is made", async || {
            count.get::<_, Option<usize>>("asked").await.unwrap() == Some(PROCESSES * REQUESTS)
        })
        .await;
        let stampede = Self {
            redis,
            connection,
            children,
        };
        stampede.runners(1).await;
        stampede
    }

    /// Waits until `count` queries were begun, and tells whose.
    async fn runners(&self, count: usize) -> Vec<u32> {
        let mut connection = self.connection.clone();
        let mut runners: Vec<u32> = Vec::new();
        until("the query runs", async || {
            runners = connection.lrange("runners", 0, -1).await.unwrap();
            runners.len() >= count
        })
        .await;
        runners
    }

    async fn open(&mut self) {
        let _: () = self.connection.set("gate", 1).await.unwrap();
    }

    fn end(&mut self) -> Vec<String> {
        // All are asked to end before any is waited for.
        self.children.drain(..).flat_map(outcomes).collect()
    }
}

#[tokio::test]
async fn a_thousand_requests_over_five_processes_run_one_query() {
    let mut stampede = Stampede::begin().await;
    stampede.open().await;
    let outcomes = stampede.end();
    assert_eq!(outcomes.len(), PROCESSES * REQUESTS);
    assert_eq!(stampede.runners(1).await.len(), 1);
    assert_eq!(
        outcomes.iter().filter(|outcome| *outcome == "Miss").count(),
        1
    );
    assert!(
        outcomes
            .iter()
            .all(|outcome| ["Miss", "Wait", "Hit"].contains(&outcome.as_str()))
    );
}

#[tokio::test]
async fn when_the_process_that_runs_the_query_is_killed_exactly_one_takes_over() {
    let mut stampede = Stampede::begin().await;
    let runner = stampede.runners(1).await[0];
    let victim = stampede
        .children
        .iter()
        .position(|child| child.id() == runner)
        .unwrap();
    let mut victim = stampede.children.remove(victim);
    victim.kill().unwrap();
    victim.wait().unwrap();
    let runners = stampede.runners(2).await;
    assert_ne!(runners[1], runner);
    stampede.open().await;
    let outcomes = stampede.end();
    assert_eq!(outcomes.len(), (PROCESSES - 1) * REQUESTS);
    assert_eq!(stampede.runners(2).await.len(), 2, "exactly one took over");
    assert_eq!(
        outcomes.iter().filter(|outcome| *outcome == "Miss").count(),
        1
    );
    assert!(
        !stampede.redis.cli(&["KEYS", "t:*"]).contains(":l:"),
        "no lock is left"
    );
}
