//! The worker on a MariaDB server whose log it reads: on-change reports are kept true commit by commit, and a worker
//! that comes back goes on where the last one was.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use lookaside::engine::Freshness;
use lookaside::report::Refresh;

use crate::servers::{DATABASE, MariaDb, Redis};
use crate::worker::{At, ORDERS, report, source_config, until, workspace};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_keeps_reports_true_and_a_restarted_worker_goes_on_in_it() {
    let server = MariaDb::start_logging(&[]);
    let redis = Redis::start();
    let write = |sql: &str| drop(server.client(DATABASE, sql, &[]));
    write(
        "CREATE TABLE orders (id BIGINT PRIMARY KEY); CREATE TABLE parts (id BIGINT PRIMARY KEY)",
    );
    let reports = vec![
        report("orders", ORDERS, Refresh::OnChange),
        report(
            "parts",
            "SELECT COUNT(*) AS n FROM parts",
            Refresh::OnChange,
        ),
    ];
    let workspace = workspace(&redis, source_config(&server.url()), reports);
    let queries: Arc<AtomicUsize> = Arc::default();
    let at = At::start(&workspace, &queries);
    at.until_fresh("orders", 0).await;
    at.until_fresh("parts", 0).await;
    let watched = at.worker().status().sources[0].detector.clone().unwrap();
    assert_eq!(watched.name, "MariaDB binary log");

    write("INSERT INTO orders VALUES (1)");
    at.until_fresh("orders", 1).await;
    let before = queries.load(Ordering::SeqCst);
    write("BEGIN; INSERT INTO orders VALUES (2); ROLLBACK");
    // What came later is there, so what came before would be.
    write("INSERT INTO parts VALUES (1)");
    at.until_fresh("parts", 1).await;
    assert_eq!(
        queries.load(Ordering::SeqCst),
        before + 1,
        "a rollback runs no report, and a change of one table only its own"
    );
    assert_eq!(at.state("orders").await.0, Freshness::Fresh);
    at.stop().await;

    let at = At::start(&workspace, &queries);
    until("it goes on in the log", async || {
        at.told("watching")
            .iter()
            .any(|told| told.detail.contains("going on where the log was left"))
    })
    .await;
    at.until_fresh("orders", 1).await;
    at.until_fresh("parts", 1).await;
    assert_eq!(
        queries.load(Ordering::SeqCst),
        before + 1,
        "what was fresh stays so"
    );
    at.stop().await;

    // What was committed while no worker was there is found in the log.
    write("DELETE FROM orders");
    let at = At::start(&workspace, &queries);
    at.until_fresh("orders", 0).await;
    at.until_fresh("parts", 1).await;
    assert_eq!(queries.load(Ordering::SeqCst), before + 2);
    at.stop().await;
}
