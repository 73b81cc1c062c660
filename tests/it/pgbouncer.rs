//! PostgreSQL behind PgBouncer, in session and in transaction mode.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use lookaside::detector::{self, Observation};
use lookaside::report::{Params, Refresh, Value};
use lookaside::source::{CheckResult, Query, SourceError};
use tokio_util::sync::CancellationToken;

use crate::detector::config;
use crate::servers::{PgBouncer, Postgres, Redis};
// What is tried here is no matter of which SQL is understood by us.
use crate::source_postgres::{cell, collect, source, texts, trusted as query};
use crate::worker::{At, ORDERS, report, source_config, workspace};

const MODES: [&str; 2] = ["session", "transaction"];

#[tokio::test(flavor = "multi_thread")]
async fn reports_run_behind_pgbouncer() {
    let server = Postgres::shared();
    for mode in MODES {
        let pooler = PgBouncer::start(&server, mode);
        let (_, database) = server.fresh_database();
        server.client(
            &database,
            "CREATE TYPE mood AS ENUM ('sad', 'happy'); CREATE TABLE t (id uuid, m mood, r int4multirange, f float8, \
             iv interval); INSERT INTO t VALUES ('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'happy', '{[1,5)}', 0.1, '1 day')",
            &[],
        );
        let source = source(&pooler.url_of(&database));
        let check = source.check(&|_| {}).await;
        let failed = |step: &&_| matches!(step, CheckResult::Failed(_));
        let failed: Vec<_> = check
            .steps
            .iter()
            .map(|step| &step.result)
            .filter(failed)
            .collect();
        assert!(check.ok && failed.is_empty(), "{mode}: {check:?}");
        // More runs than the pooler has connections, so that each connection sees several of ours.
        let running: Vec<_> = (0..12)
            .map(|i| {
                let source = Arc::clone(&source);
                tokio::spawn(async move {
                    let bound = Query {
                        params: Params(vec![
                            (
                                "id".to_owned(),
                                Value::Text("A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11".to_owned()),
                            ),
                            ("n".to_owned(), Value::Integer(i)),
                        ]),
                        ..query("SELECT m, r, f, iv, :n AS n FROM t WHERE id = :id")
                    };
                    texts(&collect(&source, bound).await.unwrap()).remove(0)
                })
            })
            .collect();
        for (i, row) in running.into_iter().enumerate() {
            let n = i.to_string();
            let want = ["happy", "{[1,5)}", "0.1", "1 day", &n];
            let row: Vec<_> = row.await.unwrap().into_iter().flatten().collect();
            assert_eq!(row, want, "{mode}");
        }
        let catalogue = source.catalogue().await.unwrap();
        assert!(catalogue.tables.contains("t"), "{mode}: {catalogue:?}");
        let settings = "SELECT current_setting('TimeZone')";
        assert_eq!(
            cell(&source, query(settings)).await.as_deref(),
            Some("UTC"),
            "{mode}"
        );
        let error = collect(&source, query("SELECT * FROM nothing"))
            .await
            .unwrap_err();
        assert!(
            matches!(error, SourceError::Sql { .. }),
            "{mode}: {error:?}"
        );
        assert_eq!(
            cell(&source, query("SELECT 1")).await.as_deref(),
            Some("1"),
            "{mode}"
        );
        // What was set for a report is not left to others who get the same connection.
        let others = crate::source_postgres::source(&pooler.url_of(&database));
        let left = "SELECT count(*) FROM pg_prepared_statements";
        assert_eq!(
            cell(&others, query(left)).await.as_deref(),
            Some("0"),
            "{mode}"
        );
    }
}

/// A statement that another client left under the driver's own name is in nobody's way.
#[tokio::test(flavor = "multi_thread")]
async fn prepared_statement_of_another_client_is_harmless() {
    let server = Postgres::shared();
    let pooler = PgBouncer::start(&server, "transaction");
    let (_, database) = server.fresh_database();
    let options: sqlx::postgres::PgConnectOptions = pooler.url_of(&database).parse().unwrap();
    let options = options.extra_float_digits(None);
    for _ in 0..4 {
        let mut other = sqlx::ConnectOptions::connect(&options).await.unwrap();
        let _ = sqlx::query("SELECT $1::int4")
            .bind(1)
            .fetch_one(&mut other)
            .await;
        std::mem::forget(other);
    }
    let source = source(&pooler.url_of(&database));
    for n in 0..6 {
        let bound = Query {
            params: Params(vec![("n".to_owned(), Value::Integer(n))]),
            ..query("SELECT :n")
        };
        assert_eq!(cell(&source, bound).await, Some(n.to_string()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelled_query_ends_behind_pgbouncer() {
    let server = Postgres::shared();
    for mode in MODES {
        let pooler = PgBouncer::start(&server, mode);
        let source = source(&pooler.url_of("shop"));
        let token = CancellationToken::new();
        let mark = format!("behind {mode}");
        let slow = format!(
            "SELECT count(*) FROM generate_series(1, 100000000000) g WHERE g % 3 = 7 /* {mark} */"
        );
        let running = tokio::spawn({
            let (source, token) = (Arc::clone(&source), token.clone());
            async move {
                source
                    .run(query(&slow), token)
                    .await?
                    .stream
                    .collect()
                    .await
            }
        });
        let count = async || {
            let (server, sql) = (
                Arc::clone(&server),
                format!(
                    "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%{mark} */' AND query LIKE \
                     'SELECT count(*)%' AND pid <> pg_backend_pid()"
                ),
            );
            tokio::task::spawn_blocking(move || server.client("shop", &sql, &[]))
                .await
                .unwrap()
        };
        let begun = Instant::now();
        while count().await.trim() == "0" {
            assert!(!running.is_finished(), "{mode}: {:?}", running.await);
            assert!(
                begun.elapsed() < Duration::from_mins(1),
                "{mode}: it does not run"
            );
        }
        token.cancel();
        let error = running.await.unwrap().unwrap_err();
        assert!(matches!(error, SourceError::Cancelled), "{mode}: {error:?}");
        assert_eq!(count().await.trim(), "0", "{mode}: the end was confirmed");
        assert_eq!(
            cell(&source, query("SELECT 1")).await.as_deref(),
            Some("1"),
            "{mode}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn detector_sees_commits_behind_pgbouncer() {
    let server = Postgres::start();
    for mode in MODES {
        let pooler = PgBouncer::start(&server, mode);
        let (_, database) = server.fresh_database();
        server.client(&database, "CREATE TABLE t (i int)", &[]);
        let config = config(&pooler.url_of(&database));
        let source = lookaside::source::open(&config).unwrap();
        let about = detector::about(&config, &source).await;
        assert_eq!(about.name, "PostgreSQL snapshots", "{mode}: {about:?}");
        let mut detector = detector::watch(&config, &source);
        let first = detector.next().await.unwrap();
        assert!(
            matches!(first, Observation::Gap { .. }),
            "{mode}: {first:?}"
        );
        assert_eq!(detector.next().await.unwrap(), Observation::Quiet, "{mode}");
        for i in 0..3 {
            server.client(&database, &format!("INSERT INTO t VALUES ({i})"), &[]);
            let seen = detector.next().await.unwrap();
            assert!(
                matches!(seen, Observation::Changed { .. }),
                "{mode}: {seen:?}"
            );
            assert_eq!(detector.next().await.unwrap(), Observation::Quiet, "{mode}");
        }
        // Others who get the detector's connections may write.
        server.client(&database, "CREATE TABLE written (i int)", &[]);
        let url = pooler.url_of(&database);
        for _ in 0..4 {
            let options: sqlx::postgres::PgConnectOptions = url.parse().unwrap();
            let options = options.extra_float_digits(None);
            let mut other = sqlx::ConnectOptions::connect(&options).await.unwrap();
            sqlx::raw_sql("INSERT INTO written VALUES (1)")
                .execute(&mut other)
                .await
                .unwrap();
            sqlx::Connection::close(other).await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn worker_refreshes_reports_behind_pgbouncer() {
    let server = Postgres::start();
    for mode in MODES {
        let pooler = PgBouncer::start(&server, mode);
        let redis = Redis::start();
        let (_, database) = server.fresh_database();
        let write = |sql: &str| drop(server.client(&database, sql, &[]));
        write("CREATE TABLE orders (id bigint PRIMARY KEY)");
        let reports = vec![report("orders", ORDERS, Refresh::OnChange)];
        let source = source_config(&pooler.url_of(&database));
        let workspace = workspace(&redis, source, reports);
        let at = At::start(&workspace, &Arc::default());
        at.until_fresh("orders", 0).await;
        for n in 1..=3 {
            write(&format!("INSERT INTO orders VALUES ({n})"));
            at.until_fresh("orders", n).await;
        }
        at.stop().await;
    }
}
