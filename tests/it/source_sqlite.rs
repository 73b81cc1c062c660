//! SQLite as a source, against what the `sqlite3` command prints.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use arrow::datatypes::DataType;
use lookaside::report::{Catalogue, Params, Value};
use lookaside::source::{self, CheckResult, Query, Source, SourceError};
use lookaside::table::{DATABASE_TYPE, Table, text};
use lookaside::workspace::SourceConfig;
use tokio_util::sync::CancellationToken;

struct Database {
    folder: tempfile::TempDir,
    source: Arc<dyn Source>,
}

/// Runs the `sqlite3` command and gives what it prints.
fn sqlite3(file: &Path, arguments: &[&str], sql: &str) -> String {
    let output = Command::new("sqlite3")
        .args(arguments)
        .arg(file)
        .arg(sql)
        .output()
        .expect("the sqlite3 command is missing; install the package sqlite3");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

impl Database {
    fn with(sql: &str) -> Self {
        Self::configured(sql, |_| {})
    }

    fn configured(sql: &str, change: impl FnOnce(&mut SourceConfig)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("shop.db");
        sqlite3(&file, &[], sql);
        let mut config = SourceConfig::new("shop", &format!("sqlite:{}", file.display()));
        change(&mut config);
        Self {
            source: source::open(&config).unwrap(),
            folder,
        }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("shop.db")
    }

    async fn ask(&self, sql: &str, params: &[(&str, Value)]) -> Result<Table, SourceError> {
        let params = Params(
            params
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.clone()))
                .collect(),
        );
        let query = Query {
            sql: sql.to_owned(),
            params,
            timeout: None,
            trusted: false,
        };
        self.source
            .run(query, CancellationToken::new())
            .await?
            .stream
            .collect()
            .await
    }
}

/// Rows of texts, NULL as `None`.
fn texts(table: &Table) -> Vec<Vec<Option<String>>> {
    let mut rows = Vec::new();
    for batch in &table.batches {
        let columns = text::columns(batch);
        for row in 0..batch.num_rows() {
            rows.push(
                columns
                    .iter()
                    .map(|column| column.text(row).map(std::borrow::Cow::into_owned))
                    .collect(),
            );
        }
    }
    rows
}

fn kinds(table: &Table) -> Vec<DataType> {
    table
        .schema
        .fields()
        .iter()
        .map(|field| field.data_type().clone())
        .collect()
}

#[tokio::test]
async fn every_type_equals_what_the_client_prints() {
    let sql =
        "CREATE TABLE t (i INTEGER, r REAL, x TEXT, b BLOB, n DECIMAL(15,2), d DATE, o BOOLEAN, z);
        INSERT INTO t VALUES
            (9223372036854775807, 0.1, '00014', x'00FF', 5, '1995-01-01', 1, NULL),
            (-9223372036854775808, 1e300, '', x'', 12.5, '2024-02-29', 0, NULL),
            (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
            (0, -2.5, 'a,\"b''' || char(10) || 'é', x'61', -0.75, '0001-01-01', NULL, NULL)";
    let database = Database::with(sql);
    let table = database
        .ask("SELECT * FROM t ORDER BY rowid", &[])
        .await
        .unwrap();
    use DataType::{Binary, Float64, Int64, Null, Utf8};
    assert_eq!(
        kinds(&table),
        [Int64, Float64, Utf8, Binary, Float64, Utf8, Int64, Null]
    );
    // A column at a time, as the client knows no NULL apart from the empty text and prints blobs raw.
    for (i, column) in ["i", "r", "x", "'0x' || hex(b)", "n", "d", "o", "z"]
        .into_iter()
        .enumerate()
    {
        let select = format!("SELECT coalesce({column}, 'NULL') FROM t ORDER BY rowid");
        let printed = sqlite3(&database.file(), &["-newline", "|"], &select);
        let ours: Vec<_> = texts(&table)
            .into_iter()
            .map(|mut row| row.swap_remove(i).unwrap_or("NULL".to_owned()))
            .collect();
        let theirs = printed
            .replace("1.0e+300", "1e300")
            .replace("0x|0x", "0x|NULL|0x");
        let theirs: Vec<_> = theirs.trim_end_matches('|').split('|').collect();
        if column.contains("hex") {
            assert_eq!(ours, ["0x00FF", "0x", "NULL", "0x61"]);
        } else {
            assert_eq!(ours, theirs, "{column}");
        }
    }
}

#[tokio::test]
async fn a_column_of_several_types_becomes_exact_text() {
    let database = Database::with(
        "CREATE TABLE t (k INTEGER PRIMARY KEY, v);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
         INSERT INTO t SELECT i, CASE WHEN i < 10000 THEN i WHEN i = 10000 THEN 'ten' WHEN i = 10001 THEN x'0A' ELSE i / 2.0 END FROM n",
    );
    let table = database
        .ask("SELECT v, k FROM t ORDER BY k", &[])
        .await
        .unwrap();
    assert_eq!(
        (table.rows(), kinds(&table)),
        (20_000, vec![DataType::Utf8, DataType::Int64])
    );
    assert_eq!(
        table.schema.field(0).metadata().get(DATABASE_TYPE).unwrap(),
        "mixed"
    );
    let rows = texts(&table);
    let value = |i: usize| rows[i - 1][0].clone().unwrap();
    assert_eq!(
        [
            value(1),
            value(9999),
            value(10_000),
            value(10_001),
            value(10_003),
            value(10_004)
        ],
        ["1", "9999", "ten", "0x0A", "5001.5", "5002"]
    );

    // Integers and floats share a float column while that is exact, and text where it is not.
    let table = database
        .ask("SELECT 1 AS v UNION ALL SELECT 0.5", &[])
        .await
        .unwrap();
    assert_eq!(kinds(&table), [DataType::Float64]);
    let table = database
        .ask("SELECT 9007199254740993 AS v UNION ALL SELECT 0.5", &[])
        .await
        .unwrap();
    assert_eq!(kinds(&table), [DataType::Utf8]);
    assert_eq!(texts(&table)[0][0].as_deref(), Some("9007199254740993"));
}

#[tokio::test]
async fn hostile_values_are_kept() {
    let database = Database::with("CREATE TABLE t (x TEXT)");
    let table = database
        .ask("SELECT CAST(x'61006200' AS TEXT), CAST(x'FF61' AS TEXT), 18446744073709551615, '', NULL, 1e999", &[])
        .await
        .unwrap();
    let row: Vec<_> = texts(&table).remove(0);
    let row: Vec<_> = row.iter().map(Option::as_deref).collect();
    assert_eq!(
        row,
        [
            Some("a\0b\0"),
            Some("0xFF61"),
            Some("1.8446744073709552e19"),
            Some(""),
            None,
            Some("Infinity")
        ]
    );

    let table = database
        .ask("SELECT 1 AS a, 2 AS a, 3 AS \"\", 4", &[])
        .await
        .unwrap();
    let names: Vec<_> = table
        .schema
        .fields()
        .iter()
        .map(|field| field.name().as_str())
        .collect();
    assert_eq!(names, ["a", "a", "", "4"]);

    let table = database.ask("SELECT x FROM t", &[]).await.unwrap();
    assert_eq!((table.rows(), kinds(&table)), (0, vec![DataType::Utf8]));
    let table = database.ask("SELECT max(x) FROM t", &[]).await.unwrap();
    assert_eq!(
        (texts(&table), kinds(&table)),
        (vec![vec![None]], vec![DataType::Null])
    );

    let table = database
        .ask("SELECT zeroblob(50000000), 1 UNION ALL SELECT 'x', 2", &[])
        .await
        .unwrap();
    let rows = texts(&table);
    assert_eq!(rows[0][0].as_ref().unwrap().len(), 100_000_002);
    assert_eq!(rows[1][0].as_deref(), Some("x"));
}

#[tokio::test]
async fn parameters_of_each_type_are_bound() {
    let database = Database::with(
        "CREATE TABLE t (i INTEGER, n DECIMAL(15,2), d DATE, x TEXT);
         INSERT INTO t VALUES (1, 12.5, '1995-01-01', 'a''; DROP TABLE t; --'), (2, 13, '1996-01-01', 'b')",
    );
    let date = chrono::NaiveDate::from_ymd_opt(1995, 6, 1).unwrap();
    let at = date.and_hms_milli_opt(1, 2, 3, 500).unwrap();
    let shown = [
        (Value::Null, "null", None),
        (Value::Text("a'; DROP".to_owned()), "text", Some("a'; DROP")),
        (
            Value::Integer(i64::MIN),
            "integer",
            Some("-9223372036854775808"),
        ),
        (Value::Decimal("12.50".to_owned()), "real", Some("12.5")),
        (Value::Decimal("12".to_owned()), "integer", Some("12")),
        (Value::Float(0.25), "real", Some("0.25")),
        (Value::Boolean(true), "integer", Some("1")),
        (Value::Date(date), "text", Some("1995-06-01")),
        (Value::Timestamp(at), "text", Some("1995-06-01 01:02:03.5")),
        (
            Value::TimestampUtc(at.and_utc()),
            "text",
            Some("1995-06-01 01:02:03.5"),
        ),
    ];
    for (value, kind, want) in shown {
        let table = database
            .ask("SELECT typeof(:p), :p", &[("p", value)])
            .await
            .unwrap();
        assert_eq!(
            texts(&table),
            [[Some(kind.to_owned()), want.map(ToOwned::to_owned)]]
        );
    }
    let count = async |sql: &str, value: Value| {
        texts(&database.ask(sql, &[("p", value)]).await.unwrap())[0][0]
            .clone()
            .unwrap()
    };
    assert_eq!(
        count(
            "SELECT count(*) FROM t WHERE n > :p",
            Value::Decimal("12.5".to_owned())
        )
        .await,
        "1"
    );
    assert_eq!(
        count("SELECT count(*) FROM t WHERE d < :p", Value::Date(date)).await,
        "1"
    );
    let list = |values: &[i64]| Value::List(values.iter().copied().map(Value::Integer).collect());
    assert_eq!(
        count("SELECT count(*) FROM t WHERE i IN (:p)", list(&[1, 2, 3])).await,
        "2"
    );
    assert_eq!(
        count("SELECT count(*) FROM t WHERE i IN (:p)", list(&[])).await,
        "0"
    );
    assert_eq!(
        count("SELECT count(*) FROM t WHERE i NOT IN (:p)", list(&[])).await,
        "2"
    );
    let text = Value::List(vec![Value::Text("a'; DROP TABLE t; --".to_owned())]);
    assert_eq!(
        count("SELECT count(*) FROM t WHERE x IN (:p)", text).await,
        "1"
    );
    let error = database.ask("SELECT :p", &[]).await.unwrap_err();
    assert!(
        matches!(&error, SourceError::Param(why) if why.contains(":p")),
        "{error:?}"
    );
}

#[tokio::test]
async fn sql_errors_say_where() {
    let database = Database::with("CREATE TABLE t (i INTEGER, from_ TEXT)");
    let cases = [
        ("SELECT i FROM t\nWHERE i == = 5", Some((2, 12))),
        ("SELECT i,\n  nope FROM t", Some((2, 3))),
        ("SELECT i FROM nowhere", Some((1, 15))),
        (
            "SELECT i FROM t WHERE :long_name = 1 AND nope(2)",
            Some((1, 42)),
        ),
        ("SELECT FROM t WHERE i = 'FROM'", Some((1, 8))),
        ("SELECT i FROM t WHERE (i", Some((1, 25))),
        ("SELECT nope, 1 FROM t WHERE nope = 2", None),
        ("SELECT 'x", Some((1, 8))),
        ("SELECT abs(i, 2) FROM t", None),
    ];
    for (sql, want) in cases {
        match database
            .ask(sql, &[("long_name", Value::Integer(1))])
            .await
            .unwrap_err()
        {
            SourceError::Sql { message, position } => {
                assert_eq!(position, want, "{sql}: {message}");
            }
            other => panic!("{sql}: {other:?}"),
        }
    }
    // An error in the middle of the rows.
    let error = database
        .ask("SELECT abs(CASE WHEN value < 5000 THEN value ELSE -9223372036854775808 END) FROM (WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n) SELECT * FROM n)", &[])
        .await
        .unwrap_err();
    assert!(
        matches!(&error, SourceError::Sql { message, .. } if message.contains("integer overflow")),
        "{error:?}"
    );
}

#[tokio::test]
async fn writes_are_refused_and_nothing_changes() {
    let database = Database::with("CREATE TABLE t (i INTEGER); INSERT INTO t VALUES (1)");
    for sql in [
        "DELETE FROM t",
        "SELECT 1; DELETE FROM t",
        "WITH x AS (SELECT 1) DELETE FROM t",
        "PRAGMA user_version = 5",
        "ATTACH 'other.db' AS other",
        "VACUUM",
    ] {
        let error = database.ask(sql, &[]).await.unwrap_err();
        assert!(matches!(error, SourceError::Writes(_)), "{sql}: {error:?}");
    }
    assert_eq!(
        sqlite3(
            &database.file(),
            &[],
            "SELECT count(*) FROM t; PRAGMA user_version"
        ),
        "1\n0\n"
    );
}

/// A query that no machine finishes.
const ENDLESS: &str =
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
/// The same, with rows.
const ENDLESS_ROWS: &str =
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n";

fn endless(sql: &str, timeout: Option<Duration>) -> Query {
    Query {
        sql: sql.to_owned(),
        params: Params::default(),
        timeout,
        trusted: false,
    }
}

/// The single place is free again only when the connection before it is closed, so that a query which ran on would
/// keep these from answering.
async fn answers(database: &Database) {
    let table = database.ask("SELECT 1", &[]).await.unwrap();
    assert_eq!(texts(&table), [[Some("1".to_owned())]]);
}

#[tokio::test]
async fn cancel_timeout_and_dropping_end_the_query() {
    let database = Database::configured("CREATE TABLE t (i)", |config| {
        config.max_concurrent_queries = 1;
    });
    let source = &database.source;

    let cancel = CancellationToken::new();
    let (running, ()) = tokio::join!(source.run(endless(ENDLESS, None), cancel.clone()), async {
        tokio::task::yield_now().await;
        cancel.cancel();
    });
    assert!(matches!(running.err(), Some(SourceError::Cancelled)));
    answers(&database).await;

    let limit = Duration::from_millis(20);
    let late = source
        .run(endless(ENDLESS, Some(limit)), CancellationToken::new())
        .await
        .err();
    assert!(
        matches!(late, Some(SourceError::Timeout(given)) if given == limit),
        "{late:?}"
    );
    answers(&database).await;

    // In the middle of the rows: cancelled, too late, dropped.
    let cancel = CancellationToken::new();
    let mut rows = source
        .run(endless(ENDLESS_ROWS, None), cancel.clone())
        .await
        .unwrap();
    assert!(rows.stream.next().await.unwrap().is_ok());
    cancel.cancel();
    assert!(matches!(
        rows.stream.collect().await,
        Err(SourceError::Cancelled)
    ));
    answers(&database).await;

    let rows = source
        .run(endless(ENDLESS_ROWS, Some(limit)), CancellationToken::new())
        .await
        .unwrap();
    assert!(matches!(
        rows.stream.collect().await,
        Err(SourceError::Timeout(_))
    ));
    answers(&database).await;

    let rows = source
        .run(endless(ENDLESS_ROWS, None), CancellationToken::new())
        .await
        .unwrap();
    drop(rows);
    answers(&database).await;

    // The request itself abandoned before the first row.
    let abandoned = tokio::time::timeout(
        limit,
        source.run(endless(ENDLESS, None), CancellationToken::new()),
    )
    .await;
    assert!(abandoned.is_err());
    answers(&database).await;

    // Cancelled while it waits for a place.
    let rows = source
        .run(endless(ENDLESS_ROWS, None), CancellationToken::new())
        .await
        .unwrap();
    let cancel = CancellationToken::new();
    cancel.cancel();
    let waiting = source.run(endless("SELECT 1", None), cancel).await.err();
    assert!(matches!(waiting, Some(SourceError::Cancelled)));
    drop(rows);
}

#[tokio::test]
async fn a_running_report_sees_one_snapshot_beside_a_writer() {
    let database = Database::with(
        "PRAGMA journal_mode = WAL; CREATE TABLE t (i INTEGER);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) INSERT INTO t SELECT i FROM n",
    );
    let mut rows = database
        .source
        .run(endless("SELECT i FROM t", None), CancellationToken::new())
        .await
        .unwrap();
    let first = rows.stream.next().await.unwrap().unwrap().num_rows();
    sqlite3(&database.file(), &[], "DELETE FROM t");
    let rest = rows.stream.collect().await.unwrap().rows();
    assert_eq!(first + rest, 100_000);
    assert_eq!(
        database.ask("SELECT * FROM t", &[]).await.unwrap().rows(),
        0
    );
}

#[tokio::test]
async fn a_missing_or_wrong_file_is_named_and_never_made() {
    let database = Database::with("CREATE TABLE t (i)");
    let missing = database.folder.path().join("missing.db");
    let open = |file: &Path| {
        source::open(&SourceConfig::new(
            "s",
            &format!("sqlite:{}", file.display()),
        ))
        .unwrap()
    };
    let text = database.folder.path().join("text.db");
    std::fs::write(&text, "This is no database, and longer than a header of one hundred bytes, so that SQLite reads it as one at all.").unwrap();
    for (file, want) in [
        (missing.as_path(), "missing.db cannot be opened"),
        (database.folder.path(), "is not a file"),
        (&text, "not a database"),
    ] {
        let error = open(file)
            .run(
                endless("SELECT * FROM sqlite_schema", None),
                CancellationToken::new(),
            )
            .await
            .err()
            .unwrap();
        assert!(
            matches!(&error, SourceError::Connect(why) if why.contains(want)),
            "{error:?}"
        );
        assert!(!open(file).check(&|_| {}).await.ok);
    }
    assert!(!missing.exists());
}

#[tokio::test]
async fn check_and_catalogue_tell_what_is_there() {
    let database = Database::with(
        "CREATE TABLE orders (id INTEGER PRIMARY KEY AUTOINCREMENT); CREATE VIEW recent AS SELECT * FROM orders;
         CREATE VIRTUAL TABLE words USING fts5(word)",
    );
    let Catalogue {
        tables,
        views,
        default_schema,
        ..
    } = database.source.catalogue().await.unwrap();
    assert!(
        tables.contains("orders")
            && !tables.contains("words")
            && !tables.contains("sqlite_sequence")
    );
    assert_eq!(
        (default_schema.as_str(), views["recent"].as_str()),
        ("main", "CREATE VIEW recent AS SELECT * FROM orders")
    );

    let seen = parking_lot::Mutex::new(0);
    let check = database.source.check(&|_| *seen.lock() += 1).await;
    assert!(check.ok && check.server_version.unwrap().starts_with("SQLite 3."));
    assert_eq!(check.steps.len(), *seen.lock());
    assert!(
        check
            .steps
            .iter()
            .any(|step| matches!(&step.result, CheckResult::Warning(why) if why.contains("WAL")))
    );
}

#[tokio::test]
async fn no_more_queries_run_than_there_are_places() {
    let database = Database::configured("CREATE TABLE t (i)", |config| {
        config.max_concurrent_queries = 2;
    });
    let run = || {
        database
            .source
            .run(endless(ENDLESS_ROWS, None), CancellationToken::new())
    };
    let (one, two) = (run().await.unwrap(), run().await.unwrap());
    let mut third = Box::pin(run());
    assert!(futures::poll!(&mut third).is_pending());
    drop(one);
    let third = third.await.unwrap();
    assert!(third.times.pool() > Duration::ZERO);
    drop((two, third));
}
