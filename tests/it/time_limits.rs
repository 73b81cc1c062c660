//! No statement outlives its limit for the caller, whatever the server or the driver's thread does.
#![allow(clippy::unwrap_used)]

use std::process::Command;
use std::time::Duration;

use lookaside::report::{Params, Value};
use lookaside::source::{Query, SourceError};
use tokio_util::sync::CancellationToken;

use crate::servers::{MariaDb, Postgres};
use crate::source_postgres::{collect, query, source};

const LIMIT: Duration = Duration::from_millis(300);

fn limited(sql: &str) -> Query {
    Query {
        timeout: Some(LIMIT),
        ..query(sql)
    }
}

/// A SQLite file, and the folder that it is gone with.
fn file() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.db");
    let made = Command::new("sqlite3")
        .arg(&path)
        .arg("CREATE TABLE t (a)")
        .status();
    assert!(made.unwrap().success());
    let url = format!("sqlite:{}", path.display());
    (folder, url)
}

fn signal(name: &str, process: u32) {
    let sent = Command::new("kill")
        .args([name, &process.to_string()])
        .status();
    assert!(sent.unwrap().success());
}

/// A process and what it started.
fn family(process: u32) -> Vec<u32> {
    let children = std::fs::read_to_string(format!("/proc/{process}/task/{process}/children"));
    let children = children.unwrap();
    let children = children
        .split_whitespace()
        .map(|child| child.parse().unwrap());
    std::iter::once(process).chain(children).collect()
}

#[tokio::test]
async fn nul_in_sql_is_refused_on_every_database() {
    let (_folder, sqlite) = file();
    let (postgres, mariadb) = (Postgres::shared(), MariaDb::shared());
    for url in [sqlite, postgres.url(), mariadb.url()] {
        let source = source(&url);
        for sql in [
            "SELECT 1\0",
            "\0SELECT 1",
            "SELECT 'a\0b'",
            "SELECT 1 -- \0",
            "SELECT 1 /* \0 */",
            "SELECT 1;\0SELECT 2",
        ] {
            let error = collect(&source, query(sql)).await.unwrap_err().to_string();
            assert_eq!(
                error, "the SQL holds a NUL character, which no database takes; remove it",
                "{sql:?}"
            );
        }
        assert!(collect(&source, query("SELECT 1")).await.is_ok());
    }
}

#[tokio::test]
async fn nul_in_a_parameter_is_refused_where_it_cannot_stand() {
    let server = Postgres::shared();
    let source = source(&server.url());
    let nul = Value::Text("a\0b".to_owned());
    for value in [nul.clone(), Value::List(vec![nul])] {
        let query = Query {
            params: Params(vec![("p".to_owned(), value)]),
            ..query("SELECT 1 WHERE 'a' IN (:p)")
        };
        let error = collect(&source, query).await.unwrap_err();
        assert!(matches!(error, SourceError::Param(_)), "{error:?}");
        assert!(
            error
                .to_string()
                .contains("the parameter p holds a NUL character")
        );
    }
}

#[tokio::test]
async fn sqlite_function_that_never_returns_ends_for_its_caller() {
    let (_folder, url) = file();
    let source = source(&url);
    // A comparison of 5 MB for each of 5 million places, in one step of the virtual machine.
    let endless = "SELECT instr(hex(zeroblob(5000000)), hex(zeroblob(2500000)) || '1')";
    let error = collect(&source, limited(endless)).await.unwrap_err();
    assert!(matches!(error, SourceError::Timeout(LIMIT)), "{error:?}");
    assert!(collect(&source, query("SELECT 1")).await.is_ok());

    let error = collect(&source, limited(endless)).await.unwrap_err();
    assert!(matches!(error, SourceError::Timeout(LIMIT)), "{error:?}");

    // Both places are taken now; whoever waits for one is told.
    let error = collect(&source, limited("SELECT 1")).await.unwrap_err();
    assert!(
        error.to_string().contains("max_concurrent_queries"),
        "{error}"
    );
}

#[tokio::test]
async fn sqlite_sort_that_is_too_slow_ends_at_its_limit() {
    let (_folder, url) = file();
    let source = source(&url);
    let sort = "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c LIMIT 100000000) \
                SELECT i, hex(randomblob(100)) AS r FROM c ORDER BY r";
    let error = collect(&source, limited(sort)).await.unwrap_err();
    assert!(matches!(error, SourceError::Timeout(LIMIT)), "{error:?}");
}

#[tokio::test]
async fn stopped_mariadb_ends_for_its_caller() {
    let server = MariaDb::start();
    let source = source(&server.url());
    let rows = source
        .run(limited("SELECT SLEEP(100)"), CancellationToken::new())
        .await
        .unwrap();
    signal("-STOP", server.pid());
    let error = rows.stream.collect().await.unwrap_err();
    // Nobody there can say that the query has ended.
    let limit = Some(LIMIT);
    assert!(
        matches!(error, SourceError::GoesOn { timeout, .. } if timeout == limit),
        "{error:?}"
    );
    let error = collect(&source, limited("SELECT 1")).await.unwrap_err();
    assert!(matches!(error, SourceError::Timeout(LIMIT)), "{error:?}");
    signal("-CONT", server.pid());
    assert!(collect(&source, query("SELECT 1")).await.is_ok());
}

#[tokio::test]
async fn stopped_postgresql_ends_for_its_caller() {
    let server = Postgres::start();
    let source = source(&server.url());
    let rows = source
        .run(limited("SELECT pg_sleep(100)"), CancellationToken::new())
        .await
        .unwrap();
    let stopped = family(server.pid());
    for process in &stopped {
        signal("-STOP", *process);
    }
    let error = rows.stream.collect().await.unwrap_err();
    // Nobody there can say that the query has ended.
    let limit = Some(LIMIT);
    assert!(
        matches!(error, SourceError::GoesOn { timeout, .. } if timeout == limit),
        "{error:?}"
    );
    let error = collect(&source, limited("SELECT 1")).await.unwrap_err();
    assert!(matches!(error, SourceError::Timeout(LIMIT)), "{error:?}");
    for process in &stopped {
        signal("-CONT", *process);
    }
    assert!(collect(&source, query("SELECT 1")).await.is_ok());
}
