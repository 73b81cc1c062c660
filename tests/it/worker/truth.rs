//! What is called fresh is true, while others write.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;

use lookaside::engine::{Freshness, Outcome};
use lookaside::report::Refresh;
use tokio_util::sync::CancellationToken;

use crate::servers::{MariaDb, Postgres, Redis};

use super::rig::*;

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
