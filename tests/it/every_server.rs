//! What every database server must do as a source: one suite, run against MariaDB, PostgreSQL and SQL Server. What only
//! one of them has is in `source_mysql.rs`, `source_postgres.rs` and `source_mssql.rs`.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::NaiveDate;
use lookaside::detector::{self, Observation};
use lookaside::report::{Dependencies, Params, Value};
use lookaside::source::{CheckResult, Query, SourceError};
use lookaside::workspace::SourceConfig;
use tokio_util::sync::CancellationToken;

use crate::servers::{MariaDb, MsSql, PASSWORD, Postgres};
use crate::source_postgres::{cell, collect, config, query, source, texts};

const MINUTE: Duration = Duration::from_mins(1);

/// A server, and where on it the test may do as it likes.
enum Server {
    MariaDb(Arc<MariaDb>, String),
    Postgres(Arc<Postgres>, String),
    /// The database is the user's own, so names in it must be fresh ones.
    MsSql(MsSql),
}

impl Server {
    /// The server of this name, where there is one.
    fn given(name: &str) -> Option<Self> {
        match name {
            "mariadb" => {
                let server = MariaDb::shared();
                let (_, name) = server.fresh_database();
                Some(Self::MariaDb(server, name))
            }
            "postgres" => {
                let server = Postgres::shared();
                let (_, name) = server.fresh_database();
                Some(Self::Postgres(server, name))
            }
            _ => MsSql::given().map(Self::MsSql),
        }
    }

    fn url(&self) -> String {
        match self {
            Self::MariaDb(server, name) => server.url_of(name),
            Self::Postgres(server, name) => server.url_of(name),
            Self::MsSql(server) => server.url(),
        }
    }

    fn url_of(&self, database: &str) -> String {
        match self {
            Self::MariaDb(server, _) => server.url_of(database),
            Self::Postgres(server, _) => server.url_of(database),
            Self::MsSql(server) => server.url_of(database),
        }
    }

    fn url_with(&self, password: &str) -> String {
        match self {
            Self::MsSql(server) => server.url_with(password),
            _ => self.url().replace(PASSWORD, password),
        }
    }

    /// Runs statements beside the source under test; answers what they print.
    fn run(&self, sql: &str) -> String {
        match self {
            Self::MariaDb(server, name) => server.client(name, sql, &["--skip-column-names"]),
            Self::Postgres(server, name) => server.client(name, sql, &[]),
            Self::MsSql(server) => server.client(&server.database(), sql),
        }
    }

    /// The text for this server: MariaDB's, PostgreSQL's, SQL Server's.
    fn by<'a>(&self, texts: [&'a str; 3]) -> &'a str {
        match self {
            Self::MariaDb(..) => texts[0],
            Self::Postgres(..) => texts[1],
            Self::MsSql(_) => texts[2],
        }
    }

    /// How many queries with this text run.
    fn running(&self, mark: &str) -> String {
        let sql = match self {
            Self::MariaDb(..) => {
                "SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE '%MARK%' AND id <> CONNECTION_ID()"
            }
            Self::Postgres(..) => {
                "SELECT COUNT(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%MARK%' AND pid <> \
                 pg_backend_pid()"
            }
            Self::MsSql(server) => {
                return server.running(&server.database(), mark).trim().to_owned();
            }
        };
        self.run(&sql.replace("MARK", mark)).trim().to_owned()
    }
}

/// A table of one test, and what stands on it; both go away with it.
struct Made<'a> {
    server: &'a Server,
    name: String,
    view: String,
}

impl<'a> Made<'a> {
    fn new(server: &'a Server) -> Self {
        let made = Self {
            server,
            name: MsSql::fresh("t"),
            view: MsSql::fresh("v"),
        };
        let text = server.by(["varchar(20)", "varchar(20)", "nvarchar(20)"]);
        let n = server.by(["", "", "N"]);
        let (name, view) = (&made.name, &made.view);
        server.run(&format!(
            "CREATE TABLE {name} (i int NOT NULL PRIMARY KEY, big bigint, d decimal(30,5), day date, s {text})"
        ));
        server.run(&format!(
            "INSERT INTO {name} VALUES (1, 9223372036854775807, -1234567890123456789012345.00001, '0001-01-01', \
             {n}'it''s 日本 😀'), (2, NULL, NULL, NULL, NULL), (3, -1, 0.5, '9999-12-31', '')"
        ));
        server.run(&format!("CREATE VIEW {view} AS SELECT i FROM {name}"));
        made
    }
}

impl Drop for Made<'_> {
    fn drop(&mut self) {
        // The others are in a database of the test's own.
        if let Server::MsSql(server) = self.server {
            for sql in [
                format!("DROP VIEW {}", self.view),
                format!("DROP TABLE {}", self.name),
            ] {
                let _ = server.try_client(&server.database(), &sql);
            }
        }
    }
}

async fn values_have_their_exact_text_and_null_is_null(server: &Server) {
    let made = Made::new(server);
    let sql = format!("SELECT big, d, day, s FROM {} ORDER BY i", made.name);
    let rows = texts(&collect(&source(&server.url()), query(&sql)).await.unwrap());
    let some = |texts: [&str; 4]| texts.map(|text| Some(text.to_owned())).to_vec();
    let first = [
        "9223372036854775807",
        "-1234567890123456789012345.00001",
        "0001-01-01",
        "it's 日本 😀",
    ];
    let last = ["-1", "0.50000", "9999-12-31", ""];
    assert_eq!(rows, [some(first), vec![None; 4], some(last)]);
}

async fn parameters_are_bound_typed_null_and_lists_too(server: &Server) {
    let made = Made::new(server);
    let source = source(&server.url());
    let count = async |what: &str, value: Value| {
        let query = Query {
            params: Params(vec![("v".to_owned(), value)]),
            ..query(&format!("SELECT COUNT(*) FROM {} WHERE {what}", made.name))
        };
        cell(&source, query).await.unwrap()
    };
    let text = |text: &str| Value::Text(text.to_owned());
    assert_eq!(count("s = :v", text("it's 日本 😀")).await, "1");
    assert_eq!(count("s = :v", text("'; DROP TABLE x; --")).await, "0");
    assert_eq!(count("big = :v", Value::Integer(i64::MAX)).await, "1");
    let decimal = Value::Decimal("-1234567890123456789012345.00001".to_owned());
    assert_eq!(count("d = :v", decimal).await, "1");
    let day = NaiveDate::from_ymd_opt(9999, 12, 31).unwrap();
    assert_eq!(count("day = :v", Value::Date(day)).await, "1");
    for column in ["big", "d", "day", "s"] {
        assert_eq!(count(&format!("{column} = :v"), Value::Null).await, "0");
    }
    let list = Value::List(vec![
        Value::Integer(1),
        Value::Integer(3),
        Value::Integer(5),
    ]);
    assert_eq!(count("i IN (:v)", list).await, "2");
    assert_eq!(count("i IN (:v)", Value::List(Vec::new())).await, "0");
}

async fn many_rows_come_in_many_batches(server: &Server) {
    let sql = "WITH d AS (SELECT 0 AS i UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 UNION \
               ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9) SELECT a.i + 10 * \
               b.i + 100 * c.i + 1000 * e.i + 10000 * f.i AS n FROM d a, d b, d c, d e, d f";
    let table = collect(&source(&server.url()), query(sql)).await.unwrap();
    assert_eq!(table.rows(), 100_000);
    assert!(table.batches.len() > 3, "{}", table.batches.len());
}

async fn mistakes_are_named_and_the_source_goes_on(server: &Server) {
    let source = source(&server.url());
    for _ in 0..3 {
        let sql = "SELECT * FROM no_such_table_of_ours";
        let error = collect(&source, query(sql)).await.unwrap_err();
        assert!(matches!(error, SourceError::Sql { .. }), "{error:?}");
        let sentence = error.to_string();
        assert!(sentence.contains("no_such_table_of_ours"), "{sentence}");
        assert_eq!(cell(&source, query("SELECT 1")).await.as_deref(), Some("1"));
    }
}

async fn nothing_is_written(server: &Server) {
    let made = Made::new(server);
    let (source, name) = (source(&server.url()), &made.name);
    for sql in [
        format!("DELETE FROM {name}"),
        format!("INSERT INTO {name} (i) VALUES (9)"),
        format!("UPDATE {name} SET i = i + 10"),
        format!("DROP TABLE {name}"),
        format!("SELECT i INTO {name}_2 FROM {name}"),
        format!("SELECT 1; DELETE FROM {name}"),
    ] {
        let error = collect(&source, query(&sql)).await.unwrap_err();
        assert!(!matches!(error, SourceError::Lost(_)), "{sql}: {error:?}");
    }
    let sum = server.run(&format!("SELECT SUM(i) FROM {name}"));
    assert_eq!(sum.trim(), "6");
}

async fn a_cancelled_query_ends_on_the_server(server: &Server) {
    let source = source(&server.url());
    let mark = MsSql::fresh("mark");
    let tens = "(SELECT 0 AS i UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 UNION ALL SELECT 5 \
                UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9)";
    let from: Vec<_> = "abcdefghjklmnp"
        .chars()
        .map(|name| format!("{tens} {name}"))
        .collect();
    let slow = format!(
        "SELECT COUNT(*) AS {mark} FROM {} WHERE a.i * b.i + c.i * d.i + e.i * f.i + g.i * h.i + j.i * k.i + l.i * m.i + n.i \
         * p.i < -1",
        from.join(", ")
    );
    assert_eq!(server.running(&mark), "0");
    let cancel = CancellationToken::new();
    let running = tokio::spawn({
        let (source, cancel) = (source.clone(), cancel.clone());
        // Where the columns are known beforehand, they are answered before the query has an answer.
        async move {
            let rows = source.run(query(&slow), cancel).await?;
            rows.stream.collect().await.map(drop)
        }
    });
    let begun = Instant::now();
    while server.running(&mark) == "0" {
        assert!(!running.is_finished(), "{:?}", running.await);
        assert!(
            begun.elapsed() < MINUTE,
            "the query is not among those that the server says run"
        );
    }
    cancel.cancel();
    let ended = running.await.unwrap();
    assert!(matches!(ended, Err(SourceError::Cancelled)), "{ended:?}");
    let begun = Instant::now();
    while server.running(&mark) != "0" {
        assert!(begun.elapsed() < MINUTE, "the query still runs");
    }
    assert_eq!(cell(&source, query("SELECT 1")).await.as_deref(), Some("1"));
}

async fn sign_ins_that_fail_say_why_and_keep_the_secret(server: &Server) {
    for (url, part) in [
        (server.url_with("wr0ng-pw"), "refused the password"),
        (
            server.url_of("no_such_database_of_ours"),
            "has no database no_such_database_of_ours",
        ),
    ] {
        let error = collect(&source(&url), query("SELECT 1")).await.unwrap_err();
        assert!(
            matches!(error, SourceError::Connect(_) | SourceError::SignIn(_)),
            "{error:?}"
        );
        let sentence = error.to_string();
        assert!(
            sentence.contains(part) && !sentence.contains('\n'),
            "{sentence}"
        );
        assert!(
            !format!("{error:?} {sentence}").contains("wr0ng"),
            "{sentence}"
        );
    }
}

async fn tables_are_found_under_a_view_and_the_connection_test_passes(server: &Server) {
    let made = Made::new(server);
    let source = source(&server.url());
    let catalogue = source.catalogue().await.unwrap();
    for relation in [&made.name, &made.view] {
        let sql = format!("SELECT i FROM {relation}");
        let found = Dependencies::of(&sql, source.dialect(), &catalogue);
        assert_eq!(found.names(), [made.name.as_str()], "{found:?}");
        assert_eq!(found.unseen, None);
    }
    let check = source.check(&|_| {}).await;
    let failed = |step: &&_| matches!(step, CheckResult::Failed(_));
    let failed: Vec<_> = check
        .steps
        .iter()
        .map(|step| &step.result)
        .filter(failed)
        .collect();
    assert!(check.ok && failed.is_empty(), "{check:?}");
    assert!(check.server_version.is_some(), "{check:?}");
}

async fn a_watermark_sees_a_commit(server: &Server) {
    let made = Made::new(server);
    let config = SourceConfig {
        watermark: Some(format!("SELECT COUNT(*), MAX(i) FROM {}", made.name)),
        poll_interval: Duration::from_millis(1),
        ..config(&server.url())
    };
    let source = lookaside::source::open(&config).unwrap();
    let mut detector = detector::watch(&config, &source);
    let first = detector.next().await.unwrap();
    assert!(matches!(first, Observation::Gap { .. }), "{first:?}");
    assert_eq!(detector.next().await.unwrap(), Observation::Quiet);
    for sql in ["INSERT INTO T (i) VALUES (4)", "DELETE FROM T WHERE i = 2"] {
        server.run(&sql.replace(" T ", &format!(" {} ", made.name)));
        let seen = detector.next().await.unwrap();
        assert!(matches!(seen, Observation::Changed { .. }), "{seen:?}");
        assert_eq!(detector.next().await.unwrap(), Observation::Quiet);
    }
}

/// The suite over each server. A test of a server that is not there says that it was skipped.
macro_rules! suite {
    ($($test:ident)*) => {
        suite!(@ mariadb $($test)*);
        suite!(@ postgres $($test)*);
        suite!(@ mssql $($test)*);
    };
    (@ $server:ident $($test:ident)*) => {
        mod $server {
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $test() {
                    let Some(server) = super::Server::given(stringify!($server)) else { return };
                    super::$test(&server).await;
                }
            )*
        }
    };
}

suite! {
    values_have_their_exact_text_and_null_is_null
    parameters_are_bound_typed_null_and_lists_too
    many_rows_come_in_many_batches
    mistakes_are_named_and_the_source_goes_on
    nothing_is_written
    a_cancelled_query_ends_on_the_server
    sign_ins_that_fail_say_why_and_keep_the_secret
    tables_are_found_under_a_view_and_the_connection_test_passes
    a_watermark_sees_a_commit
}
