//! SQL Server as a source, against a server of one's own: what the suites of PostgreSQL and MariaDB ask, asked here.
//!
//! `LOOKASIDE_TEST_MSSQL_URL=mssql://user:password@host/database` names the server; its user must be able to make tables
//! in that database. Without it nothing is run here (the source's own tests replay recorded answers, see
//! `src/source/mssql/tests/`). What a server lacks, Change Tracking say, fails one test, which says what is missing.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::TryStreamExt;
use lookaside::demo::load;
use lookaside::detector::{self, Detector, Observation, Touched};
use lookaside::report::{Dependencies, Dialect, Params, Value};
use lookaside::source::{CheckResult, Query, SourceError};
use lookaside::workspace::SourceConfig;
use tiberius::{AuthMethod, Client, Config, EncryptionLevel};
use tokio::net::TcpStream;
use tokio_util::compat::{Compat, TokioAsyncWriteCompatExt};
use tokio_util::sync::CancellationToken;

use crate::source_postgres::{cell, collect, query, source, texts};

/// The server's URL, where there is one.
fn url() -> Option<String> {
    let url = std::env::var("LOOKASIDE_TEST_MSSQL_URL").ok()?;
    (!url.is_empty()).then_some(url)
}

/// Who prepares what a test reads: the driver alone, not the source under test.
struct Writer(Client<Compat<TcpStream>>);

impl Writer {
    async fn connect(url: &str) -> Self {
        let url = url::Url::parse(url)
            .expect("LOOKASIDE_TEST_MSSQL_URL is written mssql://user:password@host/database");
        let option = |wanted: &str| {
            url.query_pairs()
                .find(|(name, _)| name.eq_ignore_ascii_case(wanted))
                .map(|(_, value)| value.to_lowercase())
        };
        let plain = |text: &str| {
            url::form_urlencoded::parse(format!("x={text}").as_bytes())
                .next()
                .unwrap()
                .1
                .into_owned()
        };
        let mut config = Config::new();
        config.host(url.host_str().unwrap());
        config.port(url.port().unwrap_or(1433));
        config.database(url.path().trim_start_matches('/'));
        let (user, password) = (
            plain(url.username()),
            plain(url.password().unwrap_or_default()),
        );
        config.authentication(AuthMethod::sql_server(user, password));
        config.encryption(match option("encrypt").as_deref() {
            Some("none") => EncryptionLevel::NotSupported,
            Some("off" | "false") => EncryptionLevel::Off,
            _ => EncryptionLevel::Required,
        });
        if option("trustservercertificate").as_deref() == Some("true") {
            config.trust_cert();
        }
        let stream = TcpStream::connect(config.get_addr()).await.unwrap();
        Self(
            Box::pin(Client::connect(config, stream.compat_write()))
                .await
                .unwrap(),
        )
    }

    async fn try_run(&mut self, sql: &str) -> Result<(), tiberius::error::Error> {
        let stream = self.0.simple_query(sql).await?;
        stream.try_for_each(|_| std::future::ready(Ok(()))).await
    }

    async fn run(&mut self, sql: &str) {
        self.try_run(sql)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
}

/// A name that no other test has.
fn fresh(what: &str) -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("lookaside_{}_{number}_{what}", std::process::id())
}

/// Types with values that are easy to get wrong: the type, a literal, and the text.
const TYPES: &[(&str, &str, &str)] = &[
    ("bit", "1", "true"),
    ("tinyint", "255", "255"),
    ("smallint", "-32768", "-32768"),
    ("int", "-2147483648", "-2147483648"),
    ("bigint", "9223372036854775807", "9223372036854775807"),
    (
        "decimal(38,0)",
        "99999999999999999999999999999999999999",
        "99999999999999999999999999999999999999",
    ),
    (
        "numeric(38,38)",
        "-0.99999999999999999999999999999999999999",
        "-0.99999999999999999999999999999999999999",
    ),
    ("decimal(9,2)", "-0.05", "-0.05"),
    ("money", "922337203685477.5807", "922337203685477.5807"),
    ("money", "-922337203685477.5808", "-922337203685477.5808"),
    ("smallmoney", "-214748.3648", "-214748.3648"),
    ("real", "1.5", "1.5"),
    ("float", "1.7976931348623157e308", "1.7976931348623157e308"),
    ("date", "'0001-01-01'", "0001-01-01"),
    ("date", "'9999-12-31'", "9999-12-31"),
    ("time(0)", "'23:59:59'", "23:59:59"),
    ("time(7)", "'13:14:15.1234567'", "13:14:15.1234567"),
    (
        "datetime",
        "'2026-02-28T13:14:15.997'",
        "2026-02-28 13:14:15.997",
    ),
    (
        "smalldatetime",
        "'2079-06-06T23:59:00'",
        "2079-06-06 23:59:00",
    ),
    (
        "datetime2(3)",
        "'2026-02-28T13:14:15.120'",
        "2026-02-28 13:14:15.12",
    ),
    (
        "datetime2(7)",
        "'9999-12-31T23:59:59.9999999'",
        "9999-12-31 23:59:59.9999999",
    ),
    (
        "datetimeoffset(3)",
        "'2026-02-28T13:14:15.120+05:30'",
        "2026-02-28 13:14:15.12 +05:30",
    ),
    ("char(5)", "'ab'", "ab   "),
    ("varchar(20)", "'it''s'", "it's"),
    ("nvarchar(20)", "N'日本 😀 é'", "日本 😀 é"),
    ("nvarchar(max)", "N'x'", "x"),
    ("binary(4)", "0x00FF", "0x00FF0000"),
    ("varbinary(max)", "0x00FF10", "0x00FF10"),
    (
        "uniqueidentifier",
        "'6f9619ff-8b86-d011-b42d-00c04fc964ff'",
        "6F9619FF-8B86-D011-B42D-00C04FC964FF",
    ),
    ("xml", "N'<a b=\"1\">é</a>'", "<a b=\"1\">é</a>"),
    ("sql_variant", "CAST(12.34 AS decimal(5,2))", "12.34"),
    ("hierarchyid", "hierarchyid::Parse('/1/')", "0x58"),
];

#[tokio::test]
async fn every_type_has_its_exact_text_and_null_is_null() {
    let Some(url) = url() else { return };
    let source = source(&url);
    let mut wrong = Vec::new();
    for (kind, literal, want) in TYPES {
        let sql =
            format!("SELECT CAST({literal} AS {kind}) AS v UNION ALL SELECT CAST(NULL AS {kind})");
        match collect(&source, query(&sql)).await {
            Ok(table) => {
                let rows = texts(&table);
                let found: BTreeSet<_> = rows.iter().map(|row| row[0].as_deref()).collect();
                if rows.len() != 2 || found != BTreeSet::from([None, Some(*want)]) {
                    wrong.push(format!("{kind} {literal}: {rows:?}"));
                }
            }
            Err(error) => wrong.push(format!("{kind} {literal}: {error}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn parameters_are_bound_with_their_type() {
    let Some(url) = url() else { return };
    let source = source(&url);
    let day = chrono::NaiveDate::from_ymd_opt(2026, 2, 28).unwrap();
    let at = day.and_hms_micro_opt(13, 14, 15, 123_456).unwrap();
    let values = [
        (Value::Null, None),
        (Value::Text("日本 'é' 😀".to_owned()), Some("日本 'é' 😀")),
        (Value::Integer(i64::MIN), Some("-9223372036854775808")),
        (
            Value::Decimal("-12345678901234567890.123456789".to_owned()),
            Some("-12345678901234567890.123456789"),
        ),
        (Value::Boolean(true), Some("true")),
        (Value::Float(0.1), Some("0.1")),
        (Value::Date(day), Some("2026-02-28")),
        (Value::Timestamp(at), Some("2026-02-28 13:14:15.123456")),
        (
            Value::TimestampUtc(at.and_utc()),
            Some("2026-02-28 13:14:15.123456 +00:00"),
        ),
    ];
    for (value, want) in values {
        let sql = match value {
            Value::Text(_) => "SELECT CAST(:v AS nvarchar(max))",
            _ => "SELECT :v",
        };
        let query = Query {
            params: Params(vec![("v".to_owned(), value.clone())]),
            ..query(sql)
        };
        assert_eq!(cell(&source, query).await.as_deref(), want, "{value:?}");
    }
    let list = |values: Vec<Value>| Query {
        params: Params(vec![("l".to_owned(), Value::List(values))]),
        ..query("SELECT COUNT(*) FROM (VALUES (1), (2), (3)) AS t(i) WHERE i IN (:l)")
    };
    let three = list(vec![Value::Integer(1), Value::Integer(3), Value::Null]);
    assert_eq!(cell(&source, three).await.as_deref(), Some("2"));
    assert_eq!(cell(&source, list(Vec::new())).await.as_deref(), Some("0"));
}

/// A number of rows, computed and not read; each a little wide.
fn many(rows: u32) -> String {
    format!(
        "WITH d AS (SELECT i FROM (VALUES (0),(1),(2),(3),(4),(5),(6),(7),(8),(9)) AS v(i)), n AS (SELECT a.i + 10 * b.i + \
         100 * c.i + 1000 * e.i + 10000 * f.i + 100000 * g.i AS i FROM d a, d b, d c, d e, d f, d g) SELECT i, \
         REPLICATE('x', 50) AS filler FROM n WHERE i < {rows}"
    )
}

#[tokio::test]
async fn many_rows_stream_and_shapes_are_kept() {
    let Some(url) = url() else { return };
    let source = source(&url);
    let mut rows = source
        .run(query(&many(300_000)), CancellationToken::new())
        .await
        .unwrap();
    let (mut batches, mut total) = (0, 0);
    while let Some(batch) = rows.stream.next().await {
        total += batch.unwrap().num_rows();
        batches += 1;
    }
    assert_eq!(total, 300_000);
    assert!(batches > 10, "{batches}");

    let table = collect(
        &source,
        query("SELECT 1 AS a, N'x' AS a, 3 AS [b c] WHERE 1 = 0"),
    )
    .await
    .unwrap();
    let names: Vec<_> = table
        .schema
        .fields()
        .iter()
        .map(|field| field.name().clone())
        .collect();
    assert_eq!(
        (names, table.rows()),
        (vec!["a".to_owned(), "a".to_owned(), "b c".to_owned()], 0)
    );

    let rows = source
        .run(
            query("SELECT 1 AS a SELECT 2 AS b; PRINT 'said'"),
            CancellationToken::new(),
        )
        .await
        .unwrap();
    let times = rows.times.clone();
    assert_eq!(rows.stream.collect().await.unwrap().rows(), 1);
    let notices = times.notices();
    assert!(notices.iter().any(|notice| notice == "said"), "{notices:?}");
    assert!(
        notices.iter().any(|notice| notice.contains("result 2 (b)")),
        "{notices:?}"
    );
}

#[tokio::test]
async fn mistakes_and_writes_say_what_is_wrong() {
    let Some(url) = url() else { return };
    let source = source(&url);
    for (sql, number) in [
        ("SELECT * FROM dbo.no_such_table_of_ours", 208),
        ("SELECT 1/0", 8134),
        ("SELECT CAST('abc' AS int)", 245),
    ] {
        let error = collect(&source, query(sql)).await.unwrap_err();
        assert!(matches!(error, SourceError::Sql { .. }), "{sql}: {error:?}");
        assert!(
            error.to_string().contains(&format!("({number}, state")),
            "{sql}: {error}"
        );
    }
    let table = fresh("written");
    let mut writer = Writer::connect(&url).await;
    writer
        .run(&format!("CREATE TABLE {table} (i int NOT NULL)"))
        .await;
    for sql in [
        format!("SELECT 1 DELETE FROM {table}"),
        format!("SELECT 1 AS i INTO {table}_2"),
    ] {
        let error = collect(&source, query(&sql)).await.unwrap_err();
        assert!(matches!(error, SourceError::Writes(_)), "{sql}: {error:?}");
    }
    writer.run(&format!("DROP TABLE {table}")).await;
}

#[tokio::test]
async fn a_cancelled_query_ends_on_the_server() {
    let Some(url) = url() else { return };
    let source = source(&url);
    let mark = fresh("mark");
    let slow = format!(
        "WITH d AS (SELECT i FROM (VALUES (0),(1),(2),(3),(4),(5),(6),(7),(8),(9)) AS v(i)) SELECT COUNT_BIG(*) AS {mark} \
         FROM d a, d b, d c, d e, d f, d g, d h, d j, d k, d l, d m WHERE a.i + b.i * 7 + c.i * l.i + e.i * m.i < -1"
    );
    let cancel = CancellationToken::new();
    let stop = cancel.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(2)).await;
        stop.cancel();
    });
    let result = source.run(query(&slow), cancel).await;
    assert!(matches!(result.err(), Some(SourceError::Cancelled)));
    let running = format!(
        "SELECT COUNT(*) FROM sys.dm_exec_requests r CROSS APPLY sys.dm_exec_sql_text(r.sql_handle) t WHERE r.session_id \
         <> @@SPID AND t.text LIKE '%AS {mark} FROM%'"
    );
    match collect(&source, query(&running)).await {
        Ok(table) => assert_eq!(texts(&table)[0][0].as_deref(), Some("0"), "it still runs"),
        Err(error) => panic!(
            "this server cannot tell whether the query has ended (sys.dm_exec_requests): {error}"
        ),
    }
    assert_eq!(cell(&source, query("SELECT 1")).await.as_deref(), Some("1"));
}

#[tokio::test]
async fn failed_sign_ins_say_why_and_keep_the_secret() {
    let Some(url) = url() else { return };
    let mut wrong = url::Url::parse(&url).unwrap();
    wrong.set_password(Some("wr0ng-s3cret")).unwrap();
    let error = collect(&source(wrong.as_str()), query("SELECT 1"))
        .await
        .unwrap_err();
    let text = error.to_string();
    assert!(text.contains("18456") && !text.contains("wr0ng"), "{text}");
    let mut elsewhere = url::Url::parse(&url).unwrap();
    elsewhere.set_path("/no_such_database_of_ours");
    let error = collect(&source(elsewhere.as_str()), query("SELECT 1"))
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("no_such_database_of_ours"),
        "{error}"
    );
}

#[tokio::test]
async fn the_catalogue_and_the_connection_test() {
    let Some(url) = url() else { return };
    let source = source(&url);
    let (table, view, synonym) = (fresh("t"), fresh("v"), fresh("s"));
    let mut writer = Writer::connect(&url).await;
    writer
        .run(&format!(
            "CREATE TABLE {table} (i int NOT NULL PRIMARY KEY)"
        ))
        .await;
    writer
        .run(&format!("CREATE VIEW {view} AS SELECT i FROM {table}"))
        .await;
    let has_synonyms = writer
        .try_run(&format!("CREATE SYNONYM {synonym} FOR {table}"))
        .await
        .is_ok();
    let catalogue = source.catalogue().await.unwrap();
    let of = |name: &str| {
        Dependencies::of(&format!("SELECT * FROM {name}"), Dialect::MsSql, &catalogue).names()
    };
    let (by_table, by_view, by_synonym) = (of(&table), of(&view), of(&synonym));
    let check = source.check(&|_| {}).await;
    if has_synonyms {
        writer.run(&format!("DROP SYNONYM {synonym}")).await;
    }
    writer.run(&format!("DROP VIEW {view}")).await;
    writer.run(&format!("DROP TABLE {table}")).await;
    assert_eq!(by_table, [table.as_str()]);
    assert_eq!(by_view, [table.as_str()]);
    let failed: Vec<_> = check
        .steps
        .iter()
        .filter(|step| matches!(step.result, CheckResult::Failed(_)))
        .collect();
    assert!(check.ok && failed.is_empty(), "{failed:?}");
    assert!(
        has_synonyms,
        "this server has no synonyms; the rest of the catalogue is right"
    );
    assert_eq!(by_synonym, [table]);
}

async fn seen(detector: &mut Box<dyn Detector>) -> Observation {
    tokio::time::timeout(Duration::from_secs(30), detector.next())
        .await
        .expect("nothing was observed for half a minute")
        .unwrap()
}

#[tokio::test]
async fn change_tracking_names_the_tables_that_changed() {
    let Some(url) = url() else { return };
    let mut server = Writer::connect(&url).await;
    // A database of its own: the detector wants every table tracked, and other tests make tables meanwhile.
    let database = fresh("tracked");
    server.run(&format!("CREATE DATABASE {database}")).await;
    let on = format!(
        "ALTER DATABASE {database} SET CHANGE_TRACKING = ON (CHANGE_RETENTION = 2 DAYS, AUTO_CLEANUP = ON)"
    );
    if let Err(error) = server.try_run(&on).await {
        server.run(&format!("DROP DATABASE {database}")).await;
        panic!("this server has no Change Tracking, which the detector needs: {error}");
    }
    let mut own = url::Url::parse(&url).unwrap();
    own.set_path(&format!("/{database}"));
    let url = own.to_string();
    let mut writer = Writer::connect(&url).await;
    let (table, other) = (fresh("watched"), fresh("still"));
    for name in [&table, &other] {
        writer
            .run(&format!("CREATE TABLE {name} (i int NOT NULL PRIMARY KEY); ALTER TABLE {name} ENABLE CHANGE_TRACKING"))
            .await;
    }
    let config = SourceConfig {
        poll_interval: Duration::from_millis(20),
        ..SourceConfig::new("shop", &url)
    };
    let source = lookaside::source::open(&config).unwrap();
    let mut detector = detector::watch(&config, &source);
    let first = seen(&mut detector).await;
    let name = detector.about().name.clone();
    let mut observed = Vec::new();
    for sql in [
        format!("INSERT {table} VALUES (1)"),
        format!("UPDATE {table} SET i = 2"),
        format!("DELETE FROM {table}"),
        format!("TRUNCATE TABLE {table}"),
    ] {
        writer.run(&sql).await;
        loop {
            match seen(&mut detector).await {
                Observation::Quiet if sql.starts_with("TRUNCATE") => break,
                Observation::Quiet => {}
                Observation::Changed {
                    tables: Touched::Tables(tables),
                    ..
                } if !tables.contains(&table) => {}
                other => {
                    observed.push((sql, other));
                    break;
                }
            }
        }
    }
    drop((detector, source, writer));
    server
        .run(&format!(
            "ALTER DATABASE {database} SET SINGLE_USER WITH ROLLBACK IMMEDIATE; DROP DATABASE {database}"
        ))
        .await;
    assert_eq!(name, "SQL Server Change Tracking");
    assert!(matches!(first, Observation::Gap { .. }), "{first:?}");
    assert!(observed.len() >= 3, "{observed:?}");
    for (sql, seen) in observed {
        let Observation::Changed {
            tables: Touched::Tables(tables),
            position,
            ..
        } = seen
        else {
            panic!("{sql}: {seen:?}");
        };
        assert!(
            tables.contains(&table) && !tables.contains(&other),
            "{sql}: {tables:?}"
        );
        assert_eq!(position.unwrap().len(), 20);
    }
}

#[tokio::test]
async fn a_watermark_sees_changes_here_too() {
    let Some(url) = url() else { return };
    let table = fresh("marked");
    let mut writer = Writer::connect(&url).await;
    writer
        .run(&format!(
            "CREATE TABLE {table} (i int NOT NULL PRIMARY KEY)"
        ))
        .await;
    let config = SourceConfig {
        poll_interval: Duration::from_millis(20),
        watermark: Some(format!("SELECT COUNT(*), MAX(i) FROM {table}")),
        ..SourceConfig::new("shop", &url)
    };
    let source = lookaside::source::open(&config).unwrap();
    let mut detector = detector::watch(&config, &source);
    assert!(matches!(seen(&mut detector).await, Observation::Gap { .. }));
    assert_eq!(seen(&mut detector).await, Observation::Quiet);
    writer.run(&format!("INSERT {table} VALUES (1)")).await;
    let changed = seen(&mut detector).await;
    writer.run(&format!("DROP TABLE {table}")).await;
    assert!(
        matches!(
            changed,
            Observation::Changed {
                tables: Touched::All,
                ..
            }
        ),
        "{changed:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_loads_and_its_reports_run() {
    let Some(url) = url() else { return };
    let workspace = match load(&url, 0.01, true, |_| {}, CancellationToken::new()).await {
        Ok(workspace) => workspace,
        Err(error) => panic!("the demo's data could not be loaded: {error}"),
    };
    let source = source(&url);
    let mut wrong = Vec::new();
    for report in &workspace.reports {
        let query = Query {
            sql: report.sql.clone(),
            params: report.bind(&[]).unwrap(),
            timeout: Some(Duration::from_mins(2)),
        };
        match collect(&source, query).await {
            Ok(table) if table.rows() > 0 => {}
            Ok(_) => wrong.push(format!("{}: no rows", report.name)),
            Err(error) => wrong.push(format!("{}: {error}", report.name)),
        }
    }
    let mut writer = Writer::connect(&url).await;
    writer.run("DROP VIEW order_facts").await;
    for table in [
        "region", "nation", "supplier", "customer", "part", "partsupp", "orders", "lineitem",
    ] {
        writer.run(&format!("DROP TABLE {table}")).await;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
