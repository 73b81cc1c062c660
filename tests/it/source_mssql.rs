//! What SQL Server alone has, against a server of one's own; what every server must do is asked in `every_server.rs`.
//!
//! `LOOKASIDE_TEST_MSSQL_URL=mssql://user:password@host/database` names the server; its user must be able to make tables
//! there, and databases. Without it each test says that it was skipped (the source's own tests replay recorded answers,
//! see `src/source/mssql/tests/`). What a server lacks, Change Tracking say, fails one test, which says what is missing.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::time::Duration;

use lookaside::demo::load;
use lookaside::detector::{self, Detector, Observation, Touched};
use lookaside::report::{Dependencies, Dialect, Params, Value};
use lookaside::source::{Query, SourceError};
use lookaside::workspace::SourceConfig;
use tokio_util::sync::CancellationToken;

use crate::servers::MsSql;
use crate::source_postgres::{cell, collect, query, source, texts};

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
    ("money", "-225179981368.5247", "-225179981368.5247"),
    ("smallmoney", "-214748.3648", "-214748.3648"),
    ("real", "1.5", "1.5"),
    ("float", "1.7976931348623157e308", "1.7976931348623157e308"),
    ("date", "'0001-01-01'", "0001-01-01"),
    ("date", "'9999-12-31'", "9999-12-31"),
    ("time(0)", "'23:59:59'", "23:59:59"),
    ("time(6)", "'13:14:15.123456'", "13:14:15.123456"),
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
        "datetime2(6)",
        "'9999-12-31T23:59:59.999999'",
        "9999-12-31 23:59:59.999999",
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
];

/// Each value beside a NULL of its type; answers what is not as it should be.
async fn wrong(server: &MsSql, values: &[(&str, &str, &str)]) -> Vec<String> {
    let source = source(&server.url());
    let mut wrong = Vec::new();
    for (kind, literal, want) in values {
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
    wrong
}

#[tokio::test]
async fn every_type_has_its_exact_text_and_null_is_null() {
    let Some(server) = MsSql::given() else { return };
    let wrong = wrong(&server, TYPES).await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn money_is_exact_to_its_last_digit() {
    let Some(server) = MsSql::given() else { return };
    let describe =
        "SELECT COUNT(*) FROM sys.dm_exec_describe_first_result_set(N'SELECT 1', NULL, 0)";
    if let Err(error) = server.try_client(&server.database(), describe) {
        panic!(
            "this server does not tell the columns of a result beforehand, so an amount beyond 225 billion is refused, \
             never rounded: {error}"
        );
    }
    let amounts = [
        ("money", "922337203685477.5807", "922337203685477.5807"),
        ("money", "-922337203685477.5808", "-922337203685477.5808"),
    ];
    let wrong = wrong(&server, &amounts).await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn the_seventh_digit_of_a_second_is_kept() {
    let Some(server) = MsSql::given() else { return };
    let moments = [
        ("time(7)", "'13:14:15.1234567'", "13:14:15.1234567"),
        (
            "datetime2(7)",
            "'9999-12-31T23:59:59.9999999'",
            "9999-12-31 23:59:59.9999999",
        ),
    ];
    let wrong = wrong(&server, &moments).await;
    let why = "this server keeps fewer digits of a second than SQL Server, or we lose one";
    assert!(wrong.is_empty(), "{why}:\n{}", wrong.join("\n"));
}

#[tokio::test]
async fn a_hierarchyid_is_its_bytes() {
    let Some(server) = MsSql::given() else { return };
    let node = "hierarchyid::Parse('/1/')";
    if let Err(error) = server.try_client(&server.database(), &format!("SELECT {node}")) {
        panic!("this server has no hierarchyid: {error}");
    }
    let wrong = wrong(&server, &[("hierarchyid", node, "0x58")]).await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What the others have no type for, or not with these digits.
#[tokio::test]
async fn parameters_keep_time_zone_fraction_and_characters() {
    let Some(server) = MsSql::given() else { return };
    let source = source(&server.url());
    let day = chrono::NaiveDate::from_ymd_opt(2026, 2, 28).unwrap();
    let at = day.and_hms_micro_opt(13, 14, 15, 123_456).unwrap();
    for (value, want) in [
        (Value::Null, None),
        (Value::Text("日本 'é' 😀".to_owned()), Some("日本 'é' 😀")),
        (Value::Integer(i64::MIN), Some("-9223372036854775808")),
        (Value::Boolean(true), Some("true")),
        (Value::Float(0.1), Some("0.1")),
        (Value::Timestamp(at), Some("2026-02-28 13:14:15.123456")),
        (
            Value::TimestampUtc(at.and_utc()),
            Some("2026-02-28 13:14:15.123456 +00:00"),
        ),
    ] {
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
}

#[tokio::test]
async fn names_are_kept_and_what_is_said_besides_is_told() {
    let Some(server) = MsSql::given() else { return };
    let source = source(&server.url());
    let sql = "SELECT 1 AS a, N'x' AS a, 3 AS [b c] WHERE 1 = 0";
    let table = collect(&source, query(sql)).await.unwrap();
    let names = table.schema.fields().iter();
    let names: Vec<_> = names.map(|field| field.name().clone()).collect();
    assert_eq!(names, ["a", "a", "b c"]);
    assert_eq!(table.rows(), 0);

    let sql = "SELECT 1 AS a SELECT 2 AS b; PRINT 'said'";
    let rows = source
        .run(
            Query {
                trusted: true,
                ..query(sql)
            },
            CancellationToken::new(),
        )
        .await
        .unwrap();
    let times = rows.times.clone();
    assert_eq!(rows.stream.collect().await.unwrap().rows(), 1);
    let notices = times.notices();
    for part in ["said", "result 2 (b)"] {
        assert!(
            notices.iter().any(|notice| notice.contains(part)),
            "{notices:?}"
        );
    }
}

#[tokio::test]
async fn errors_have_sql_servers_numbers() {
    let Some(server) = MsSql::given() else { return };
    let source = source(&server.url());
    let mut wrong = Vec::new();
    for (sql, number) in [
        ("SELECT * FROM dbo.no_such_table_of_ours", 208),
        ("SELECT no_such_column FROM sys.objects", 207),
        ("SELECT 1/0", 8134),
        ("SELECT CAST('abc' AS int)", 245),
    ] {
        let error = collect(&source, query(sql)).await.unwrap_err();
        assert!(matches!(error, SourceError::Sql { .. }), "{sql}: {error:?}");
        if !error.to_string().contains(&format!("({number}, state")) {
            wrong.push(format!("{sql}: {number} is expected: {error}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "this server has numbers of its own:\n{}",
        wrong.join("\n")
    );
}

#[tokio::test]
async fn a_synonym_means_its_table() {
    let Some(server) = MsSql::given() else { return };
    let database = server.fresh_database();
    server.client(
        &database.name,
        "CREATE TABLE orders (i int NOT NULL PRIMARY KEY)",
    );
    if let Err(error) = server.try_client(&database.name, "CREATE SYNONYM things FOR dbo.orders") {
        panic!("this server has no synonyms: {error}");
    }
    let catalogue = source(&server.url_of(&database.name))
        .catalogue()
        .await
        .unwrap();
    for sql in [
        "SELECT * FROM things".to_owned(),
        format!("SELECT * FROM {}.dbo.orders", database.name),
    ] {
        let found = Dependencies::of(&sql, Dialect::MsSql, &catalogue);
        assert_eq!(found.names(), ["orders"], "{sql}: {found:?}");
    }
}

async fn seen(detector: &mut Box<dyn Detector>) -> Observation {
    tokio::time::timeout(Duration::from_secs(30), detector.next())
        .await
        .expect("nothing was observed for half a minute")
        .unwrap()
}

/// Watches a database with two tables and tells what was seen after each of these statements on the first.
async fn watched(server: &MsSql, database: &str, name: &str) -> Vec<(String, Observation)> {
    let config = SourceConfig {
        poll_interval: Duration::from_millis(20),
        ..SourceConfig::new("shop", &server.url_of(database))
    };
    let source = lookaside::source::open(&config).unwrap();
    let mut detector = detector::watch(&config, &source);
    let first = seen(&mut detector).await;
    assert!(matches!(first, Observation::Gap { .. }), "{first:?}");
    assert_eq!(detector.about().name, name);
    assert_eq!(seen(&mut detector).await, Observation::Quiet);
    let mut observed = Vec::new();
    for sql in [
        "INSERT watched VALUES (1)",
        "UPDATE watched SET i = 2",
        "DELETE FROM watched",
        "INSERT watched VALUES (3)",
        "TRUNCATE TABLE watched",
    ] {
        server.client(database, sql);
        // What was committed before it was asked for is in the first answer.
        observed.push((sql.to_owned(), seen(&mut detector).await));
        while seen(&mut detector).await != Observation::Quiet {}
    }
    observed
}

fn names_the_watched_table(observed: Vec<(String, Observation)>) {
    for (sql, seen) in observed {
        // Change Tracking begins anew for a table that was truncated, which reads like a change of the schema.
        if sql.starts_with("TRUNCATE") && matches!(seen, Observation::Gap { .. }) {
            continue;
        }
        let Observation::Changed {
            tables: Touched::Tables(tables),
            ..
        } = seen
        else {
            panic!("{sql}: {seen:?}");
        };
        assert_eq!(tables.into_iter().collect::<Vec<_>>(), ["watched"], "{sql}");
    }
}

const TABLES: &str = "CREATE TABLE watched (i int NOT NULL PRIMARY KEY); CREATE TABLE still (i int NOT NULL PRIMARY KEY)";

#[tokio::test]
async fn change_tracking_names_the_tables_that_changed() {
    let Some(server) = MsSql::given() else { return };
    // A database of its own: the detector wants every table tracked, and other tests make tables meanwhile.
    let database = server.fresh_database();
    let name = &database.name;
    let on = format!(
        "ALTER DATABASE {name} SET CHANGE_TRACKING = ON (CHANGE_RETENTION = 2 DAYS, AUTO_CLEANUP = ON)"
    );
    if let Err(error) = server.try_client(name, &on) {
        panic!("this server has no Change Tracking, which the detector needs: {error}");
    }
    server.client(name, TABLES);
    for table in ["watched", "still"] {
        server.client(name, &format!("ALTER TABLE {table} ENABLE CHANGE_TRACKING"));
    }
    names_the_watched_table(watched(&server, name, "SQL Server Change Tracking").await);
}

#[tokio::test]
async fn counters_name_the_tables_that_changed() {
    let Some(server) = MsSql::given() else { return };
    let database = server.fresh_database();
    let name = &database.name;
    let counters = "SELECT COUNT(*) FROM sys.dm_db_index_usage_stats; SELECT COUNT(*) FROM sys.dm_tran_database_transactions";
    if let Err(error) = server.try_client(name, counters) {
        panic!("this server has no counters of writes, or its user no VIEW SERVER STATE: {error}");
    }
    server.client(name, TABLES);
    names_the_watched_table(watched(&server, name, "SQL Server's counters of writes").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_loads_and_its_reports_run() {
    let Some(server) = MsSql::given() else { return };
    let database = server.fresh_database();
    let url = server.url_of(&database.name);
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
            trusted: false,
        };
        match collect(&source, query).await {
            Ok(table) if table.rows() > 0 => {}
            Ok(_) => wrong.push(format!("{}: no rows", report.name)),
            Err(error) => wrong.push(format!("{}: {error}", report.name)),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
