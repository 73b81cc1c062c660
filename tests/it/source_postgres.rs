//! PostgreSQL as a source.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::Duration;

use arrow::datatypes::DataType;
use lookaside::report::{Params, Value};
use lookaside::source::{CheckResult, Query, Source, SourceError};
use lookaside::table::Table;
use lookaside::table::text::columns;
use lookaside::workspace::{ConnectionUrl, Publication, SourceConfig};
use tokio_util::sync::CancellationToken;

use crate::servers::{PASSWORD, Postgres, USER, closed_port};

/// A source over a URL.
pub(crate) fn source(url: &str) -> Arc<dyn Source> {
    lookaside::source::open(&config(url)).unwrap()
}

/// The configuration of a source over a URL.
pub(crate) fn config(url: &str) -> SourceConfig {
    SourceConfig {
        name: "db".to_owned(),
        url: ConnectionUrl::new(url),
        max_concurrent_queries: 2,
        query_timeout: Duration::from_mins(2),
        watermark: None,
        poll_interval: Duration::from_secs(1),
        triggers: false,
        forget_after: SourceConfig::FORGET_AFTER,
        max_refresh_load: 1.0,
        publication: Publication::Found,
    }
}

/// A query without parameters.
pub(crate) fn query(sql: &str) -> Query {
    Query {
        sql: sql.to_owned(),
        params: Params::default(),
        timeout: None,
        trusted: false,
    }
}

/// A query that the user answers for.
pub(crate) fn trusted(sql: &str) -> Query {
    Query {
        trusted: true,
        ..query(sql)
    }
}

/// All rows of a query.
pub(crate) async fn collect(source: &Arc<dyn Source>, query: Query) -> Result<Table, SourceError> {
    source
        .run(query, CancellationToken::new())
        .await?
        .stream
        .collect()
        .await
}

/// The text of every cell, row by row; `None` for NULL.
pub(crate) fn texts(table: &Table) -> Vec<Vec<Option<String>>> {
    let mut rows = Vec::new();
    for batch in &table.batches {
        let columns = columns(batch);
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

/// The one cell of a result.
pub(crate) async fn cell(source: &Arc<dyn Source>, query: Query) -> Option<String> {
    let rows = texts(&collect(source, query).await.unwrap());
    assert_eq!((rows.len(), rows[0].len()), (1, 1));
    rows[0][0].clone()
}

/// Every type with values that are easy to get wrong: column type and literals. NULL is added to each.
const TYPES: &[(&str, &[&str])] = &[
    ("boolean", &["true", "false"]),
    ("smallint", &["-32768", "32767", "0"]),
    ("integer", &["-2147483648", "2147483647"]),
    ("bigint", &["-9223372036854775808", "9223372036854775807"]),
    ("oid", &["4294967295", "0"]),
    (
        "real",
        &[
            "0.1",
            "'-0'",
            "1e20",
            "3.4028235e38",
            "1e-45",
            "'NaN'",
            "'Infinity'",
            "'-Infinity'",
        ],
    ),
    (
        "double precision",
        &[
            "0.1",
            "1e300",
            "5e-324",
            "123456789012345680",
            "'NaN'",
            "'-Infinity'",
        ],
    ),
    (
        "numeric",
        &[
            "0",
            "0.00",
            "-0.0001",
            "1e-20",
            "12345678901234567890123456789012345678901234567890.12345678901234567890",
            "-9999.9999",
            "10000",
            "100000000",
            "'NaN'",
            "'Infinity'",
            "'-Infinity'",
            "1e100",
            "0.00010000",
        ],
    ),
    ("numeric(12,2)", &["1234567890.12", "-0.5", "0", "'NaN'"]),
    ("numeric(5,-2)", &["12300", "50"]),
    (
        "numeric",
        &[
            "repeat('9', 1000)::numeric",
            "('0.' || repeat('7', 1000))::numeric",
        ],
    ),
    ("money", &["12.34", "-1234567.89"]),
    (
        "pair[]",
        &["ARRAY[ROW(1, 'a,b'), NULL, ROW(NULL, '\"')]::pair[]"],
    ),
    ("mood[]", &["'{happy,\"so so\",NULL}'"]),
    ("daterange", &["'[0044-03-15 BC,infinity)'"]),
    ("positive[]", &["'{1,2}'"]),
    (
        "text",
        &[
            "''",
            "'NULL'",
            "'00014'",
            "' a '",
            "E'a\\tb\\\\c'",
            "'漢字 😀 é'",
            "'\"q\", ''s'''",
        ],
    ),
    ("varchar(10)", &["'abc'", "''"]),
    ("char(5)", &["'ab'", "''"]),
    ("\"char\"", &["'x'"]),
    ("name", &["'pg'"]),
    ("bytea", &["'\\x'", "'\\x00ff10'", "'abc'"]),
    (
        "date",
        &[
            "'2024-02-29'",
            "'0001-01-01'",
            "'9999-12-31'",
            "'0044-03-15 BC'",
            "'10000-01-01'",
            "'infinity'",
            "'-infinity'",
            "'1969-12-31'",
        ],
    ),
    (
        "time",
        &["'00:00'", "'23:59:59.999999'", "'24:00:00'", "'12:30:00.5'"],
    ),
    (
        "time with time zone",
        &["'12:30:00.5+05:30'", "'24:00:00-12'"],
    ),
    (
        "timestamp",
        &[
            "'2024-02-29 12:34:56.789'",
            "'0044-03-15 01:02:03 BC'",
            "'294276-12-31 23:59:59.999999'",
            "'infinity'",
            "'1969-12-31 23:59:59.999999'",
        ],
    ),
    (
        "timestamptz",
        &[
            "'2024-07-01 12:00+02'",
            "'0001-01-01 00:00+01'",
            "'-infinity'",
            "'2024-03-31 02:30 Europe/Zurich'",
        ],
    ),
    (
        "interval",
        &[
            "'1 year -2 mons 3 days -04:05:06.7'",
            "'0'",
            "'178000000 years'",
        ],
    ),
    ("uuid", &["'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'"]),
    ("json", &["'{\"a\":  1, \"a\": 2.50}'", "'null'"]),
    ("jsonb", &["'{\"b\": 1.50, \"a\": [1, null]}'", "'\"x\"'"]),
    ("xml", &["'<a>&lt;</a>'"]),
    ("inet", &["'192.168.0.1/24'", "'::1'"]),
    ("cidr", &["'10.0.0.0/8'"]),
    ("macaddr", &["'08:00:2b:01:02:03'"]),
    ("macaddr8", &["'08:00:2b:01:02:03:04:05'"]),
    ("bit(5)", &["B'00101'"]),
    ("bit varying", &["B'1'", "B''"]),
    ("point", &["'(1.5,-2)'"]),
    ("polygon", &["'((0,0),(1,1),(1,0))'"]),
    ("circle", &["'<(1,2),3>'"]),
    ("int4range", &["'[1,5)'", "'empty'"]),
    ("tstzrange", &["'[2024-01-01 00:00+00,)'"]),
    ("int4multirange", &["'{[1,3),[5,7)}'", "'{}'"]),
    (
        "datemultirange",
        &["'{[2024-01-01,2024-02-01),[infinity,)}'"],
    ),
    ("int8multirange[]", &["'{\"{[1,3)}\",NULL}'"]),
    (
        "spans",
        &["ROW(1, '{[1,3),[5,7)}')", "ROW(NULL, NULL)", "ROW(2, NULL)"],
    ),
    ("integer[]", &["'{1,NULL,3}'", "'{}'", "'{{1,2},{3,4}}'"]),
    ("text[]", &["'{a,\"b,c\",NULL,\"NULL\",\"\"}'"]),
    ("numeric[]", &["'{1.50,NaN}'"]),
    ("timestamptz[]", &["'{2024-01-01 00:00+00}'"]),
    ("mood", &["'happy'", "'so so'"]),
    ("pair", &["ROW(1, 'a b')", "ROW(NULL, '')"]),
    ("positive", &["7"]),
    ("tsvector", &["'fat cat:2'"]),
    ("tsquery", &["'fat & rat'"]),
    ("pg_lsn", &["'16/B374D848'"]),
    ("regclass", &["'pg_class'"]),
    ("jsonpath", &["'$.a'"]),
    ("int2vector", &["'1 2'"]),
    ("txid_snapshot", &["'10:20:10,14'"]),
];

#[tokio::test]
async fn every_type_has_the_text_that_psql_prints() {
    let server = Postgres::shared();
    let (url, database) = server.fresh_database();
    server.client(
        &database,
        "CREATE TYPE mood AS ENUM ('happy', 'so so'); CREATE TYPE pair AS (a int, b text);
         CREATE TYPE spans AS (a int, b int4multirange);
         CREATE DOMAIN positive AS int CHECK (VALUE > 0);",
        &[],
    );
    let source = source(&url);
    for (i, (kind, literals)) in TYPES.iter().enumerate() {
        let values: Vec<String> = literals
            .iter()
            .chain(&["NULL"])
            .enumerate()
            .map(|(row, literal)| format!("({row}, {literal})"))
            .collect();
        server.client(
            &database,
            &format!(
                "CREATE TABLE t{i} (row int, v {kind}); INSERT INTO t{i} VALUES {};",
                values.join(", ")
            ),
            &[],
        );
        let sql = format!("SELECT v FROM t{i} ORDER BY row");
        // One record ends with \x02, so that values may hold anything else; NULL is \x03.
        let printed = server.client(&database, &sql, &["-R", "\u{2}", "-P", "null=\u{3}"]);
        let printed: Vec<Option<String>> = printed
            .trim_end_matches(['\n', '\u{2}'])
            .split('\u{2}')
            .map(|text| (text != "\u{3}").then(|| as_we_write(kind, text)))
            .collect();
        let ours: Vec<Option<String>> = texts(
            &collect(&source, query(&sql))
                .await
                .unwrap_or_else(|error| panic!("{kind}: {error}")),
        )
        .into_iter()
        .map(|mut row| row.remove(0))
        .map(|text| text.map(|text| as_we_write(kind, &text)))
        .collect();
        assert_eq!(ours, printed, "{kind}");
    }
}

/// The three spellings in which ours differs from psql's on purpose: booleans, binary, and the exponent of floats.
fn as_we_write(kind: &str, text: &str) -> String {
    match kind {
        "boolean" => match text {
            "t" => "true".to_owned(),
            "f" => "false".to_owned(),
            other => other.to_owned(),
        },
        "bytea" if text.starts_with("\\x") => format!("0x{}", text[2..].to_ascii_uppercase()),
        "real" | "double precision" => text
            .parse::<f64>()
            .map_or(text.to_owned(), |value| format!("{value:e}")),
        _ => text.to_owned(),
    }
}

#[tokio::test]
async fn shapes_of_results() {
    let server = Postgres::shared();
    let source = source(&server.url());
    let none = collect(&source, query("SELECT 1 AS a, now() AS b WHERE false"))
        .await
        .unwrap();
    assert_eq!((none.rows(), none.schema.fields().len()), (0, 2));
    let twice = collect(
        &source,
        query("SELECT 1 AS a, '{2}'::int[] AS a, 3 AS \"\u{a0}\"; -- end"),
    )
    .await
    .unwrap();
    assert_eq!(twice.schema.field(1).name(), "a");
    assert_eq!(
        texts(&twice),
        [[
            Some("1".to_owned()),
            Some("{2}".to_owned()),
            Some("3".to_owned())
        ]]
    );
    let many = collect(
        &source,
        query("SELECT g, repeat('x', 100) FROM generate_series(1, 100000) g"),
    )
    .await
    .unwrap();
    assert_eq!(many.rows(), 100_000);
    assert!(
        many.batches[0].num_rows() < 1000,
        "the first page comes early"
    );
    assert!(
        many.batches
            .iter()
            .all(|batch| batch.get_array_memory_size() < 8 << 20)
    );
    // A late value that Arrow's date cannot hold widens the column, and nothing before it changes.
    let late = collect(
        &source,
        query("SELECT CASE WHEN g = 20000 THEN 'infinity' ELSE '2024-01-01'::date + g END FROM generate_series(1, 20000) g"),
    )
    .await
    .unwrap();
    let rows = texts(&late);
    assert_eq!(
        (rows[0][0].as_deref(), rows[19_999][0].as_deref()),
        (Some("2024-01-02"), Some("infinity"))
    );
    let big = collect(
        &source,
        query("SELECT repeat('x', 50000000) FROM generate_series(1, 2)"),
    )
    .await
    .unwrap();
    assert_eq!(texts(&big)[1][0].as_ref().unwrap().len(), 50_000_000);
    let multirange = "SELECT '{[1,3), [5,7)}'::int4multirange";
    assert_eq!(
        cell(&source, query(multirange)).await.as_deref(),
        Some("{[1,3),[5,7)}")
    );
    let asked = collect(
        &source,
        with(
            "SELECT :n AS \"the \"\"n\"\"\", m, m, NULL::inet, 1.50 FROM (SELECT '{}'::nummultirange AS m) AS x WHERE :t <> ''",
            &[("n", Value::Integer(7)), ("t", Value::Text("a".to_owned()))],
        ),
    )
    .await
    .unwrap();
    let columns: Vec<(&str, &DataType)> = asked
        .schema
        .fields()
        .iter()
        .map(|field| (field.name().as_str(), field.data_type()))
        .collect();
    let text = &DataType::Utf8;
    assert_eq!(
        columns,
        [
            ("the \"n\"", &DataType::Int64),
            ("m", text),
            ("m", text),
            ("inet", text),
            ("?column?", text)
        ],
        "where the server is asked in SQL which columns there are"
    );
    assert_eq!(
        texts(&asked),
        [[Some("7"), Some("{}"), Some("{}"), None, Some("1.50")]
            .map(|text| text.map(str::to_owned))]
    );
    assert_eq!(
        cell(&source, query("SHOW server_encoding"))
            .await
            .as_deref(),
        Some("UTF8")
    );
    let wide = (1..=1600)
        .map(|i| format!("{i} AS c{i}"))
        .collect::<Vec<_>>()
        .join(", ");
    assert_eq!(
        texts(
            &collect(&source, query(&format!("SELECT {wide}")))
                .await
                .unwrap()
        )[0]
        .len(),
        1600
    );
}

fn with(sql: &str, params: &[(&str, Value)]) -> Query {
    Query {
        params: Params(
            params
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.clone()))
                .collect(),
        ),
        ..query(sql)
    }
}

#[tokio::test]
async fn parameters_are_bound_with_their_type() {
    let server = Postgres::shared();
    let source = source(&server.url());
    let day = chrono::NaiveDate::from_ymd_opt(2024, 2, 29).unwrap();
    let noon = day.and_hms_micro_opt(12, 0, 0, 5).unwrap();
    for (value, kind, text) in [
        (
            Value::Text("'; DROP TABLE x; --".to_owned()),
            "text",
            "'; DROP TABLE x; --",
        ),
        (Value::Integer(i64::MIN), "bigint", "-9223372036854775808"),
        (
            Value::Decimal("123456789012345678901234567890.50".to_owned()),
            "numeric",
            "123456789012345678901234567890.50",
        ),
        (Value::Float(0.1), "double precision", "0.1"),
        (Value::Boolean(true), "boolean", "true"),
        (Value::Date(day), "date", "2024-02-29"),
        (
            Value::Timestamp(noon),
            "timestamp without time zone",
            "2024-02-29 12:00:00.000005",
        ),
        (
            Value::TimestampUtc(noon.and_utc()),
            "timestamp with time zone",
            "2024-02-29 12:00:00.000005+00",
        ),
    ] {
        assert_eq!(
            cell(&source, with("SELECT :p", &[("p", value.clone())]))
                .await
                .as_deref(),
            Some(text)
        );
        assert_eq!(
            cell(&source, with("SELECT pg_typeof(:p)::text", &[("p", value)]))
                .await
                .as_deref(),
            Some(kind)
        );
    }
    let list = Value::List(vec![Value::Integer(1), Value::Integer(3)]);
    let sql = "SELECT count(*) FROM generate_series(1, 5) g WHERE g IN (:l) AND :n IS NULL AND (g = :n) IS NULL";
    assert_eq!(
        cell(&source, with(sql, &[("l", list), ("n", Value::Null)]))
            .await
            .as_deref(),
        Some("2")
    );
    for (column, kind) in [
        ("1", "int"),
        ("'a'", "text"),
        ("now()", "timestamptz"),
        ("'2024-01-01'", "date"),
        ("true", "boolean"),
        ("1.5", "numeric"),
    ] {
        let sql =
            format!("SELECT count(*) FROM (SELECT {column}::{kind} AS v) t WHERE v NOT IN (:l)");
        assert_eq!(
            cell(&source, with(&sql, &[("l", Value::List(Vec::new()))]))
                .await
                .as_deref(),
            Some("1"),
            "{kind}"
        );
    }
}

#[tokio::test]
async fn mistakes_in_the_sql_say_where() {
    let server = Postgres::shared();
    let source = source(&server.url());
    let long = Value::List((0..50).map(Value::Integer).collect());
    let sql = "SELECT 1\nWHERE 1 IN (:l) AND nonsense = :p";
    let error = collect(&source, with(sql, &[("l", long), ("p", Value::Integer(1))]))
        .await
        .unwrap_err();
    let SourceError::Sql { message, position } = error else {
        panic!("{error:?}")
    };
    assert_eq!(position, Some((2, 21)));
    assert!(
        message.contains("nonsense") && message.contains("42703"),
        "{message}"
    );
    let error = collect(&source, query("SELECT é FROM\n  (SELECT 'x'::point) t,"))
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            SourceError::Sql {
                position: Some((2, 25)),
                ..
            }
        ),
        "{error:?}"
    );
    let error = collect(
        &source,
        query("SELECT 1 / (g - 5000) FROM generate_series(1, 9000) g"),
    )
    .await
    .unwrap_err();
    assert!(error.to_string().contains("division by zero"), "{error:?}");
    // The connection is clean after all that.
    assert_eq!(cell(&source, query("SELECT 1")).await.as_deref(), Some("1"));
}

#[tokio::test]
async fn nothing_of_a_report_is_left_on_its_connection() {
    let server = Postgres::shared();
    let (url, database) = server.fresh_database();
    let source = source(&url);
    collect(&source, trusted("SELECT pg_advisory_lock(4711)"))
        .await
        .unwrap();
    let free = server.client(&database, "SELECT pg_try_advisory_lock(4711)", &[]);
    assert_eq!(free, "t\n");
    collect(
        &source,
        trusted("SELECT set_config('TimeZone', 'Asia/Tokyo', false), set_config('DateStyle', 'German', false)"),
    )
    .await
    .unwrap();
    assert_eq!(
        cell(
            &source,
            query("SELECT '2024-01-01 00:00+00'::timestamptz::text")
        )
        .await
        .as_deref(),
        Some("2024-01-01 00:00:00+00")
    );
}

#[tokio::test]
async fn nothing_is_written() {
    let server = Postgres::shared();
    let (url, database) = server.fresh_database();
    server.client(
        &database,
        "CREATE TABLE t (a int); CREATE SEQUENCE s;
         CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'INSERT INTO t VALUES (1) RETURNING a';",
        &[],
    );
    let source = source(&url);
    for sql in [
        "DELETE FROM t",
        "SELECT f()",
        "SELECT nextval('s')",
        "SELECT setval('s', 9)",
        "SELECT 1 AS a INTO copied",
        "SELECT a FROM t FOR KEY SHARE",
        "EXPLAIN ANALYZE DELETE FROM t",
        "COPY t TO PROGRAM 'id'",
        "DO $$ BEGIN DELETE FROM t; END $$",
        "WITH x AS (INSERT INTO t VALUES (1) RETURNING a) SELECT * FROM x",
        "SELECT 1; COMMIT; DROP TABLE t",
    ] {
        for query in [query(sql), trusted(sql)] {
            let error = collect(&source, query).await.unwrap_err();
            assert!(matches!(error, SourceError::Writes(_)), "{sql}: {error:?}");
        }
    }
    // What a read-only transaction does not hold back.
    for sql in [
        "SELECT pg_logical_emit_message(false, 'a', 'b')",
        "SELECT * FROM pg_create_physical_replication_slot('left_behind')",
    ] {
        let error = collect(&source, query(sql)).await.unwrap_err();
        assert!(matches!(error, SourceError::Writes(_)), "{sql}: {error:?}");
    }
    assert_eq!(
        server.client(&database, "SELECT count(*) FROM t", &[]),
        "0\n"
    );
}

/// Waits until the server runs no query with this mark in it any more (or does, where `there`).
async fn until_running(server: &Arc<Postgres>, mark: &str, there: bool) {
    let sql = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%{mark}%' AND pid <> pg_backend_pid()"
    );
    loop {
        let (server, sql) = (Arc::clone(server), sql.clone());
        let count = tokio::task::spawn_blocking(move || server.client("shop", &sql, &[]))
            .await
            .unwrap();
        if (count.trim() != "0") == there {
            return;
        }
    }
}

const SLOW: &str = "SELECT count(*) FROM generate_series(1, 100000000000) g WHERE g % 3 = 7";

#[tokio::test(flavor = "multi_thread")]
async fn cancel_timeout_and_hanging_up_end_the_query_on_the_server() {
    let server = Postgres::shared();
    let source = source(&server.url());
    let token = CancellationToken::new();
    let running = tokio::spawn({
        let (source, token) = (Arc::clone(&source), token.clone());
        async move {
            source
                .run(query(&format!("{SLOW} /* one */")), token)
                .await?
                .stream
                .collect()
                .await
        }
    });
    until_running(&server, "/* one", true).await;
    token.cancel();
    assert!(matches!(
        running.await.unwrap().unwrap_err(),
        SourceError::Cancelled
    ));
    until_running(&server, "/* one", false).await;

    let rows = source
        .run(
            query(&format!("{SLOW} /* two */")),
            CancellationToken::new(),
        )
        .await
        .unwrap();
    until_running(&server, "/* two", true).await;
    drop(rows);
    until_running(&server, "/* two", false).await;

    let mut limited = query(&format!("{SLOW} /* three */"));
    limited.timeout = Some(Duration::from_millis(300));
    let error = collect(&source, limited).await.unwrap_err();
    assert!(
        matches!(error, SourceError::Timeout(_)) && error.to_string().contains("300 ms"),
        "{error}"
    );
    until_running(&server, "/* three", false).await;

    // A reader that stops reading in the middle.
    let mut rows = source
        .run(
            query("SELECT g, repeat('x', 1000) FROM generate_series(1, 100000000) g /* four */"),
            CancellationToken::new(),
        )
        .await
        .unwrap();
    assert!(rows.stream.next().await.unwrap().unwrap().num_rows() > 0);
    until_running(&server, "/* four", true).await;
    drop(rows);
    until_running(&server, "/* four", false).await;
    // Both places are free again.
    assert_eq!(cell(&source, query("SELECT 1")).await.as_deref(), Some("1"));
    assert_eq!(cell(&source, query("SELECT 2")).await.as_deref(), Some("2"));
}

#[tokio::test]
async fn connections_that_fail_say_why_and_keep_the_secret() {
    let server = Postgres::shared();
    let closed = closed_port();
    for (url, want) in [
        (
            format!("postgres://{USER}:{PASSWORD}@127.0.0.1:{closed}/shop"),
            "nothing listens at 127.0.0.1:",
        ),
        (
            format!("postgres://{USER}:{PASSWORD}@no-such-host.invalid/shop"),
            "the host no-such-host.invalid is not known",
        ),
        (
            format!(
                "postgres://{USER}:wrong-{PASSWORD}@127.0.0.1:{}/shop",
                server.port
            ),
            "refused the password of tester",
        ),
        (server.url_of("nowhere"), "has no database nowhere"),
        (
            format!("{}?sslmode=require", server.url()),
            "no TLS connection",
        ),
    ] {
        let error = collect(&source(&url), query("SELECT 1")).await.unwrap_err();
        assert!(
            matches!(error, SourceError::Connect(_) | SourceError::SignIn(_)),
            "{error:?}"
        );
        assert!(error.to_string().contains(want), "{error}");
        assert!(!format!("{error:?} {error}").contains(PASSWORD), "{error}");
        assert!(!source(&url).check(&|_| ()).await.ok);
    }
    let by_socket = format!(
        "postgres://{USER}:{PASSWORD}@{}:{}/shop",
        server
            .socket_folder()
            .display()
            .to_string()
            .replace('/', "%2F"),
        server.port
    );
    assert_eq!(
        cell(&source(&by_socket), query("SELECT 1"))
            .await
            .as_deref(),
        Some("1")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_dies_in_the_middle_is_an_error() {
    let mut server = Postgres::start();
    let source = source(&server.url());
    let mut rows = source
        .run(
            query("SELECT g, repeat('x', 1000) FROM generate_series(1, 100000000) g"),
            CancellationToken::new(),
        )
        .await
        .unwrap();
    rows.stream.next().await.unwrap().unwrap();
    server.kill();
    let error = loop {
        match rows.stream.next().await {
            Some(Ok(_)) => {}
            Some(Err(error)) => break error,
            None => panic!("the rows ended as if they were all"),
        }
    };
    assert!(matches!(error, SourceError::Lost(_)), "{error:?}");
}

#[tokio::test]
async fn the_catalogue_and_the_connection_test() {
    let server = Postgres::shared();
    let (url, database) = server.fresh_database();
    server.client(
        &database,
        "CREATE TABLE orders (id int); CREATE SCHEMA other; CREATE TABLE other.items (id int);
         CREATE VIEW recent AS SELECT o.id FROM orders o JOIN other.items i USING (id);
         CREATE MATERIALIZED VIEW sums AS SELECT count(*) FROM orders;
         CREATE TABLE log (d date) PARTITION BY RANGE (d);
         CREATE TABLE log_2024 PARTITION OF log FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
         CREATE FUNCTION reads() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM orders';",
        &[],
    );
    let source = source(&url);
    let catalogue = source.catalogue().await.unwrap();
    assert_eq!(
        catalogue
            .tables
            .iter()
            .map(String::as_str)
            .collect::<Vec<_>>(),
        ["log", "log_2024", "orders", "other.items", "sums"]
    );
    assert_eq!(catalogue.default_schema, "public");
    assert!(catalogue.routines.contains_key("reads"));
    let dependencies = lookaside::report::Dependencies::of(
        "SELECT * FROM recent, log",
        source.dialect(),
        &catalogue,
    );
    assert_eq!(dependencies.names(), ["log", "orders", "other.items"]);

    let shown = parking_lot::Mutex::new(Vec::new());
    let check = source.check(&|step| shown.lock().push(step.what)).await;
    assert!(check.ok, "{check:?}");
    assert!(
        check
            .server_version
            .as_ref()
            .unwrap()
            .starts_with("PostgreSQL 1")
    );
    assert!(
        check
            .steps
            .iter()
            .all(|step| step.result == CheckResult::Ok),
        "{check:?}"
    );
    assert_eq!(
        *shown.lock(),
        check
            .steps
            .iter()
            .map(|step| step.what.clone())
            .collect::<Vec<_>>()
    );
    assert!(check.steps[0].what.contains("127.0.0.1 found"));
    assert!(
        check.steps[1]
            .what
            .contains("Signed in as tester, read-only transaction works")
    );
}
