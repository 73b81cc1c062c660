//! SQL that is too large or too deep is one sentence, and what the limits let through overflows no stack: not that of
//! the parser, of its tree, of the functions that walk it, nor of SQLite.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use lookaside::report::{Catalogue, Dependencies, Dialect, Leeway, Template};
use lookaside::source::{Query, SourceError};

use crate::servers::{MariaDb, Postgres};
use crate::source_postgres::{collect, query, source};

const ALL: [Dialect; 4] = [
    Dialect::Sqlite,
    Dialect::MySql,
    Dialect::Postgres,
    Dialect::MsSql,
];

/// Every shape that makes a tree grow, with `count` parts.
fn shapes(count: usize) -> Vec<(&'static str, String)> {
    let nested = |open: &str, inner: &str, close: &str| {
        format!(
            "SELECT {}{inner}{} AS n",
            open.repeat(count),
            close.repeat(count)
        )
    };
    vec![
        ("sums", format!("SELECT 1{} AS n", " + 1".repeat(count))),
        (
            "ors",
            format!("SELECT 1 AS n WHERE 1 = 0{}", " OR 1 = 1".repeat(count)),
        ),
        (
            "concatenations",
            format!("SELECT 'a'{} AS n", " || 'a'".repeat(count)),
        ),
        ("nots", nested("NOT ", "1", "")),
        ("signs", nested("- ", "1", "")),
        ("brackets", nested("(", "1", ")")),
        ("subqueries", nested("(SELECT ", "1", ")")),
        ("exists", nested("EXISTS (SELECT ", "1", ")")),
        ("cases", nested("CASE WHEN 1 = 1 THEN ", "1", " END")),
        ("calls", nested("abs(", "1", ")")),
        ("casts", nested("CAST(", "1", " AS INTEGER)")),
        ("lists", nested("1 IN (", "1", ")")),
        ("betweens", nested("1 BETWEEN 0 AND ", "1", "")),
        (
            "is nulls",
            format!("SELECT 1{} AS n", " IS NULL".repeat(count)),
        ),
        (
            "unions",
            format!("SELECT 1 AS n{}", " UNION ALL SELECT 1".repeat(count)),
        ),
        (
            "derived tables",
            format!(
                "SELECT 1 AS n FROM {}t{}",
                "(SELECT 1 AS a FROM ".repeat(count),
                ") x".repeat(count)
            ),
        ),
        (
            "bracketed tables",
            format!(
                "SELECT 1 AS n FROM {}t{}",
                "(".repeat(count),
                ")".repeat(count)
            ),
        ),
        (
            "joins",
            format!("SELECT 1 AS n FROM t{}", " JOIN t ON 1 = 1".repeat(count)),
        ),
        (
            "with",
            format!(
                "{}SELECT 1 AS n{}",
                "WITH x AS (".repeat(count),
                ") SELECT 1 AS n".repeat(count)
            ),
        ),
        (
            "values",
            format!("SELECT 1 AS n WHERE 1 IN (1{})", ", 1".repeat(count)),
        ),
    ]
}

#[test]
fn sql_beyond_the_limits_is_one_sentence() {
    for dialect in ALL {
        for (shape, sql) in shapes(130_000) {
            let error = match Template::parse(&sql, dialect) {
                Err(error) => error.message,
                // A list is as long as it likes within the limit of the whole.
                Ok(_) if shape == "values" => continue,
                Ok(_) => panic!("{dialect:?}: {shape} were let through"),
            };
            assert!(
                error.starts_with("the SQL ")
                    && error.ends_with("put the values into a table and join it"),
                "{dialect:?} {shape}: {error}"
            );
        }
    }
    let million = format!("SELECT 1 WHERE 1 IN (1{})", ", 1".repeat(1_000_000));
    assert!(Template::parse(&million, Dialect::Postgres).is_err());
}

#[test]
fn sql_within_the_limits_overflows_no_stack() {
    for dialect in ALL {
        for count in [199, 1_900, 17_000] {
            for (_, sql) in shapes(count) {
                let _ = Dependencies::of(&sql, dialect, &Catalogue::default());
                let _ = Leeway::of(&sql, dialect);
            }
        }
    }
}

/// A server or a library answers, or says in words that it will not.
async fn all_answered(url: &str) {
    let source = source(url);
    for count in [60, 199, 1_900, 17_000] {
        for (shape, sql) in shapes(count) {
            let query = Query {
                timeout: Some(Duration::from_secs(3)),
                ..query(&sql)
            };
            // MariaDB takes for ever over 60 nested WITH.
            if let Err(error) = collect(&source, query).await {
                assert!(
                    matches!(
                        error,
                        SourceError::Sql { .. }
                            | SourceError::Writes(_)
                            | SourceError::Other(_)
                            | SourceError::Timeout(_)
                            | SourceError::GoesOn { .. }
                    ),
                    "{count} {shape}: {error:?}"
                );
            }
        }
    }
    assert!(collect(&source, query("SELECT 1")).await.is_ok());
}

#[tokio::test]
async fn sqlite_survives_the_largest_sql_let_through() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("t.db");
    let made = std::process::Command::new("sqlite3")
        .arg(&file)
        .arg("CREATE TABLE t (a)")
        .status();
    assert!(made.unwrap().success());
    all_answered(&format!("sqlite:{}", file.display())).await;
}

#[tokio::test]
async fn postgresql_survives_the_largest_sql_let_through() {
    let server = Postgres::shared();
    let (url, database) = server.fresh_database();
    server.client(&database, "CREATE TABLE t (a INTEGER)", &[]);
    all_answered(&url).await;
}

#[tokio::test]
async fn mariadb_survives_the_largest_sql_let_through() {
    let server = MariaDb::shared();
    let (url, database) = server.fresh_database();
    server.client(&database, "CREATE TABLE t (a INTEGER)", &[]);
    all_answered(&url).await;
}
