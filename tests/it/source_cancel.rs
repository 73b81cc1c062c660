//! A cancelled query whose end the server did not confirm is not called "cancelled".
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use lookaside::source::{Source, SourceError};
use tokio_util::sync::CancellationToken;

use crate::servers::{MariaDb, PASSWORD, Postgres};
use crate::source_postgres::{query, source};

/// Runs a query, cancels it once it runs, and answers how it ended.
async fn cancelled(
    source: &Arc<dyn Source>,
    sql: &str,
    timeout: Option<Duration>,
    runs: impl Fn() -> bool,
) -> SourceError {
    let cancel = CancellationToken::new();
    let mut query = query(sql);
    (query.timeout, query.trusted) = (timeout, true);
    let running = tokio::spawn({
        let (source, cancel) = (Arc::clone(source), cancel.clone());
        async move {
            source
                .run(query, cancel)
                .await?
                .stream
                .collect()
                .await
                .map(drop)
        }
    });
    let begun = Instant::now();
    while timeout.is_none() && !runs() {
        assert!(!running.is_finished(), "{:?}", running.await);
        assert!(begun.elapsed() < Duration::from_mins(1), "it does not run");
        tokio::task::yield_now().await;
    }
    if timeout.is_none() {
        cancel.cancel();
    }
    running.await.unwrap().unwrap_err()
}

fn is_told(error: &SourceError, timeout: bool) {
    let SourceError::GoesOn { timeout: limit, .. } = error else {
        panic!("{error:?}")
    };
    assert_eq!(limit.is_some(), timeout);
    let sentence = error.to_string();
    assert!(sentence.contains("may go on at the server"), "{sentence}");
    assert!(!sentence.contains(PASSWORD), "{sentence}");
}

/// The account may have one connection, so that none is left to end the query with.
#[tokio::test(flavor = "multi_thread")]
async fn postgres_cancel_without_confirmation_is_told() {
    let server = Postgres::shared();
    let (_, database) = server.fresh_database();
    let role = format!("lone_{database}");
    server.client(
        &database,
        &format!("CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}' CONNECTION LIMIT 1"),
        &[],
    );
    let source = source(&format!(
        "postgres://{role}:{PASSWORD}@127.0.0.1:{}/{database}",
        server.port
    ));
    let slow = "SELECT count(*) FROM generate_series(1, 100000000000) g WHERE g % 3 = 7";
    let active = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE usename = '{role}' AND query LIKE 'SELECT count%'"
    );
    let runs = || server.client(&database, &active, &[]).trim() == "1";
    is_told(&cancelled(&source, slow, None, runs).await, false);
    // The server finds out that nobody waits any more, and gives the connection back.
    let begun = Instant::now();
    while server.client(&database, &active, &[]).trim() != "0" {
        assert!(begun.elapsed() < Duration::from_mins(1), "it runs on");
    }
    is_told(
        &cancelled(&source, slow, Some(Duration::from_millis(500)), || true).await,
        true,
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn mariadb_cancel_without_confirmation_is_told() {
    let server = MariaDb::shared();
    let (_, database) = server.fresh_database();
    let user = format!("lone_{database}");
    server.client(
        &database,
        &format!(
            "CREATE USER {user}@'%' IDENTIFIED BY '{PASSWORD}' WITH MAX_USER_CONNECTIONS 1; GRANT SELECT ON {database}.* TO \
             {user}@'%'"
        ),
        &[],
    );
    let url = server.url();
    let port = url
        .rsplit_once(':')
        .unwrap()
        .1
        .split('/')
        .next()
        .unwrap()
        .to_owned();
    let source = source(&format!(
        "mariadb://{user}:{PASSWORD}@127.0.0.1:{port}/{database}"
    ));
    let active = format!(
        "SELECT COUNT(*) FROM information_schema.processlist WHERE user = '{user}' AND info LIKE '%SLEEP%'"
    );
    let runs = || {
        server
            .client(&database, &active, &["--skip-column-names"])
            .trim()
            == "1"
    };
    let error = cancelled(&source, "SELECT SLEEP(20)", None, runs).await;
    is_told(&error, false);
}
