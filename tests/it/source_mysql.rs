//! MySQL and MariaDB as a source.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::Duration;

use lookaside::report::{Dependencies, Params, Value};
use lookaside::source::{CheckResult, Query, SourceError};
use tokio_util::sync::CancellationToken;

use crate::servers::{MariaDb, PASSWORD, USER, closed_port};
use crate::source_postgres::{cell, collect, query, source, texts, trusted};

/// Every type with values that are easy to get wrong: column type, what the client is asked for, and literals. NULL
/// is added to each.
const TYPES: &[(&str, &str, &[&str])] = &[
    ("TINYINT", "v", &["-128", "127"]),
    ("TINYINT(1) UNSIGNED", "v", &["0", "255"]),
    ("BOOLEAN", "v", &["true", "false", "7"]),
    ("SMALLINT", "v", &["-32768", "32767"]),
    ("SMALLINT UNSIGNED", "v", &["65535"]),
    ("MEDIUMINT", "v", &["-8388608", "8388607"]),
    ("MEDIUMINT UNSIGNED", "v", &["16777215"]),
    ("INT", "v", &["-2147483648", "2147483647"]),
    ("INT UNSIGNED", "v", &["4294967295"]),
    ("INT(5) ZEROFILL", "v", &["14", "0", "1234567"]),
    ("TINYINT ZEROFILL", "v", &["7"]),
    (
        "BIGINT",
        "v",
        &["-9223372036854775808", "9223372036854775807"],
    ),
    ("BIGINT UNSIGNED", "v", &["18446744073709551615", "0"]),
    ("DECIMAL(12,2)", "v", &["1234567890.12", "-0.5", "0"]),
    ("DECIMAL(10,0)", "v", &["-1234567890", "5"]),
    (
        "DECIMAL(38,10)",
        "v",
        &["1234567890123456789012345678.0123456789", "-0.0000000001"],
    ),
    (
        "DECIMAL(65,0)",
        "v",
        &[
            "99999999999999999999999999999999999999999999999999999999999999999",
            "-1",
        ],
    ),
    (
        "DECIMAL(65,30)",
        "v",
        &["-12345678901234567890123456789012345.123456789012345678901234567890"],
    ),
    ("DECIMAL(10,3) UNSIGNED", "v", &["1.5"]),
    ("FLOAT", "v", &["0.1", "-1.5", "1e20", "3e-5"]),
    (
        "DOUBLE",
        "v",
        &["0.1", "1e300", "-5e-310", "123456789012345680"],
    ),
    ("BIT(1)", "v+0", &["b'1'", "b'0'"]),
    (
        "BIT(64)",
        "v+0",
        &[
            "b'1111111111111111111111111111111111111111111111111111111111111111'",
            "b'101'",
        ],
    ),
    (
        "DATE",
        "v",
        &[
            "'2024-02-29'",
            "'0000-00-00'",
            "'9999-12-31'",
            "'0001-01-01'",
            "'2024-00-00'",
            "'1969-12-31'",
        ],
    ),
    (
        "TIME",
        "v",
        &["'-838:59:59'", "'838:59:59'", "'00:00:00'", "'12:30:00'"],
    ),
    ("TIME(6)", "v", &["'-00:00:00.000001'", "'12:30:00.5'"]),
    (
        "DATETIME",
        "v",
        &[
            "'2024-02-29 12:34:56'",
            "'0000-00-00 00:00:00'",
            "'9999-12-31 23:59:59'",
        ],
    ),
    (
        "DATETIME(6)",
        "v",
        &[
            "'2024-02-29 12:34:56.789'",
            "'1969-12-31 23:59:59.999999'",
            "'2024-02-29'",
        ],
    ),
    (
        "TIMESTAMP NULL",
        "v",
        &[
            "'2024-07-01 12:00:00'",
            "'0000-00-00 00:00:00'",
            "'1970-01-01 00:00:01'",
        ],
    ),
    ("TIMESTAMP(3) NULL", "v", &["'2024-07-01 12:00:00.120'"]),
    ("YEAR", "v", &["1901", "2155", "0"]),
    ("CHAR(5)", "v", &["'ab'", "''", "'00014'"]),
    (
        "VARCHAR(50)",
        "v",
        &["''", "'NULL'", "' a '", "'漢字 😀 é'", "'\"q\", ''s'''"],
    ),
    ("VARCHAR(50) COLLATE utf8mb4_bin", "v", &["'Bin'"]),
    ("VARCHAR(20) CHARACTER SET latin1", "v", &["'é'"]),
    ("TINYTEXT", "v", &["'x'"]),
    ("TEXT", "v", &["'x y'", "''"]),
    ("LONGTEXT", "v", &["'x'"]),
    ("JSON", "v", &["'{\"a\":  1.50}'"]),
    ("ENUM('a b','c')", "v", &["'a b'"]),
    ("SET('x','y')", "v", &["'x,y'", "''"]),
    ("BINARY(4)", "v", &["'ab'"]),
    ("VARBINARY(10)", "v", &["x'00FF10'", "''"]),
    ("BLOB", "v", &["x'00'", "'abc'"]),
    ("POINT", "v", &["POINT(1, 2)"]),
    ("VARCHAR(9) CHARACTER SET utf16", "v", &["'é😀'", "'a\\0b'"]),
    ("LINESTRING", "v", &["LINESTRING(POINT(0, 0), POINT(1, 1))"]),
    (
        "JSON",
        "v",
        &["'{\"n\": 123456789012345678901234567890.5, \"t\": \"\\\\u0000\"}'"],
    ),
    ("UUID", "v", &["'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'"]),
    ("INET6", "v", &["'::1'", "'2001:db8::ff00:42:8329'"]),
];

#[tokio::test]
async fn every_type_has_the_text_that_mariadb_prints() {
    let server = MariaDb::shared();
    let (url, database) = server.fresh_database();
    let source = source(&url);
    for (i, (kind, asked, literals)) in TYPES.iter().enumerate() {
        let values: Vec<String> = literals
            .iter()
            .chain(&["NULL"])
            .enumerate()
            .map(|(row, literal)| format!("({row}, {literal})"))
            .collect();
        server.client(
            &database,
            &format!(
                "SET time_zone = '+00:00', sql_mode = ''; CREATE TABLE t{i} (`row` int, v {kind}); INSERT INTO t{i} VALUES {};",
                values.join(", ")
            ),
            &[],
        );
        let printed = server.client(
            &database,
            &format!("SET time_zone = '+00:00'; SELECT {asked} FROM t{i} ORDER BY `row`"),
            &["--raw", "--skip-column-names", "--binary-as-hex"],
        );
        // With hexadecimal on, the client prints NULL like an empty value.
        let printed = if ["BINARY", "BLOB", "POINT", "LINESTRING"]
            .iter()
            .any(|binary| kind.contains(binary))
        {
            format!("{}NULL\n", printed.strip_suffix("0x\n").unwrap())
        } else {
            printed
        };
        let printed: Vec<String> = printed
            .strip_suffix('\n')
            .unwrap()
            .split('\n')
            .map(|text| as_we_write(kind, text))
            .collect();
        let rows = texts(
            &collect(
                &source,
                query(&format!("SELECT v FROM t{i} ORDER BY `row`")),
            )
            .await
            .unwrap_or_else(|error| panic!("{kind}: {error}")),
        );
        assert_eq!(rows.last().unwrap()[0], None, "{kind}");
        let ours: Vec<String> = rows
            .into_iter()
            // The client prints NULL for NULL, and a VARCHAR above holds that text too.
            .map(|mut row| as_we_write(kind, &row.remove(0).unwrap_or_else(|| "NULL".to_owned())))
            .collect();
        assert_eq!(ours, printed, "{kind}");
    }
}

/// The spellings in which ours differs from mariadb's on purpose: trailing zeros of fractions of seconds, the zone of
/// instants, and the exponent of floats.
fn as_we_write(kind: &str, text: &str) -> String {
    if kind.starts_with("TIME") || kind.starts_with("DATETIME") {
        let text = text.trim_end_matches("+00");
        return match text.split_once('.') {
            Some((whole, fraction)) if !fraction.trim_end_matches('0').is_empty() => {
                format!("{whole}.{}", fraction.trim_end_matches('0'))
            }
            Some((whole, _)) => whole.to_owned(),
            None => text.to_owned(),
        };
    }
    match kind {
        "FLOAT" | "DOUBLE" => text
            .parse::<f64>()
            .map_or(text.to_owned(), |value| format!("{value:e}")),
        _ => text.to_owned(),
    }
}

#[tokio::test]
async fn shapes_of_results() {
    let server = MariaDb::shared();
    let source = source(&server.url());
    let none = collect(
        &source,
        query("SELECT 1 AS a, NOW() AS b, 1.5 AS c FROM DUAL WHERE FALSE"),
    )
    .await
    .unwrap();
    assert_eq!((none.rows(), none.schema.fields().len()), (0, 3));
    let twice = collect(&source, query("SELECT 1 AS a, 'x' AS a, 3 AS ''; -- end"))
        .await
        .unwrap();
    assert_eq!(
        (
            twice.schema.field(1).name().as_str(),
            twice.schema.field(2).name().as_str()
        ),
        ("a", "")
    );
    let many = collect(
        &source,
        query("SELECT seq, REPEAT('x', 100), IF(seq < 10, NULL, seq / 3) FROM seq_1_to_100000"),
    )
    .await
    .unwrap();
    assert_eq!(many.rows(), 100_000);
    assert!(
        many.batches[0].num_rows() < 1000,
        "the first page comes early"
    );
    // A decimal whose scale changes from row to row keeps the text of each value.
    let rows = texts(
        &collect(
            &source,
            query("SELECT IF(seq < 9000, 1.5, 2.25) FROM seq_1_to_10000"),
        )
        .await
        .unwrap(),
    );
    let printed = server.client(
        "shop",
        "SELECT IF(seq < 9000, 1.5, 2.25) FROM seq_1_to_10000",
        &["--skip-column-names"],
    );
    let printed: Vec<&str> = printed.lines().collect();
    assert_eq!(
        rows.iter()
            .map(|row| row[0].as_deref().unwrap())
            .collect::<Vec<_>>(),
        printed
    );
    // A late zero date widens the column, and nothing before it changes.
    let rows = texts(
        &collect(&source, query("SELECT IF(seq = 20000, CAST('0000-00-00' AS DATE), '2024-01-01' + INTERVAL seq DAY) FROM seq_1_to_20000"))
            .await
            .unwrap(),
    );
    assert_eq!(rows[0][0].as_deref(), Some("2024-01-02"));
    let big = collect(&source, query("SELECT REPEAT('x', 50000000)")).await;
    // The server caps a string at its max_allowed_packet, which the tests raise.
    assert_eq!(
        texts(&big.unwrap())[0][0].as_ref().unwrap().len(),
        50_000_000
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
    let server = MariaDb::shared();
    let source = source(&server.url());
    let day = chrono::NaiveDate::from_ymd_opt(2024, 2, 29).unwrap();
    let noon = day.and_hms_micro_opt(12, 0, 0, 5).unwrap();
    for (value, text) in [
        (
            Value::Text("'; DROP TABLE x; --".to_owned()),
            "'; DROP TABLE x; --",
        ),
        (Value::Integer(i64::MIN), "-9223372036854775808"),
        (
            Value::Decimal("123456789012345678901234567890.50".to_owned()),
            "123456789012345678901234567890.50",
        ),
        (Value::Float(0.1), "0.1"),
        (Value::Boolean(true), "1"),
        (Value::Date(day), "2024-02-29"),
        (Value::Timestamp(noon), "2024-02-29 12:00:00.000005"),
        (
            Value::TimestampUtc(noon.and_utc()),
            "2024-02-29 12:00:00.000005",
        ),
    ] {
        assert_eq!(
            cell(&source, with("SELECT :p", &[("p", value)]))
                .await
                .as_deref(),
            Some(text)
        );
    }
    let list = Value::List(vec![Value::Integer(1), Value::Integer(3)]);
    let sql =
        "SELECT COUNT(*) FROM seq_1_to_5 WHERE seq IN (:l) AND :n IS NULL AND (seq = :n) IS NULL";
    assert_eq!(
        cell(&source, with(sql, &[("l", list), ("n", Value::Null)]))
            .await
            .as_deref(),
        Some("2")
    );
    let sql = "SELECT COUNT(*) FROM seq_1_to_5 WHERE seq NOT IN (:l)";
    assert_eq!(
        cell(&source, with(sql, &[("l", Value::List(Vec::new()))]))
            .await
            .as_deref(),
        Some("5")
    );
}

#[tokio::test]
async fn mistakes_in_the_sql_say_where() {
    let server = MariaDb::shared();
    let source = source(&server.url());
    let long = Value::List((0..50).map(Value::Integer).collect());
    let error = collect(
        &source,
        with(
            "SELECT 1\nFROM DUAL WHERE 1 IN (:l) AND AND :p",
            &[("l", long), ("p", Value::Integer(1))],
        ),
    )
    .await
    .unwrap_err();
    assert!(
        matches!(
            error,
            SourceError::Sql {
                position: Some((2, 31)),
                ..
            }
        ),
        "{error:?}"
    );
    let error = collect(&source, query("SELECT nonsense FROM DUAL"))
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("nonsense") && error.to_string().contains("1054"),
        "{error}"
    );
    assert_eq!(cell(&source, query("SELECT 1")).await.as_deref(), Some("1"));
}

#[tokio::test]
async fn nothing_of_a_report_is_left_on_its_connection() {
    let server = MariaDb::shared();
    let source = source(&server.url());
    let locked = cell(&source, trusted("SELECT GET_LOCK('lookaside-test', 0)")).await;
    assert_eq!(locked.as_deref(), Some("1"));
    let free = server.client(
        "shop",
        "SELECT IS_FREE_LOCK('lookaside-test')",
        &["--skip-column-names"],
    );
    assert_eq!(free, "1\n");
    for _ in 0..3 {
        let counted = cell(&source, query("SELECT @n := COALESCE(@n, 0) + 1")).await;
        assert_eq!(counted.as_deref(), Some("1"));
    }
}

#[tokio::test]
async fn nothing_is_written() {
    let server = MariaDb::shared();
    let (url, database) = server.fresh_database();
    server.client(
        &database,
        "CREATE TABLE t (a int);\nDELIMITER //\nCREATE FUNCTION f() RETURNS int BEGIN INSERT INTO t VALUES (1); RETURN 1; END//\n",
        &[],
    );
    let source = source(&url);
    for sql in [
        "DELETE FROM t",
        "SELECT f()",
        "DROP TABLE t",
        "SELECT 1 INTO OUTFILE '/tmp/never'",
        "SELECT a FROM t FOR UPDATE",
        "SELECT a FROM t LOCK IN SHARE MODE",
        "SELECT a INTO @x FROM t",
        "(SELECT 1 INTO DUMPFILE '/tmp/never')",
        "SELECT 1 /*! INTO OUTFILE '/tmp/never' */",
        "WITH x AS (SELECT 1) DELETE FROM t",
        "CALL p()",
        "DO f()",
    ] {
        for query in [query(sql), trusted(sql)] {
            let error = collect(&source, query).await.unwrap_err();
            assert!(matches!(error, SourceError::Writes(_)), "{sql}: {error:?}");
        }
    }
    assert_eq!(
        server.client(
            &database,
            "SELECT COUNT(*) FROM t",
            &["--skip-column-names"]
        ),
        "0\n"
    );
}

/// Waits until the server runs no query with this mark in it any more (or does, where `there`).
async fn until_running(server: &Arc<MariaDb>, mark: &str, there: bool) {
    let sql = format!(
        "SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE '%{mark}%' AND id <> CONNECTION_ID()"
    );
    loop {
        let (server, sql) = (Arc::clone(server), sql.clone());
        let count = tokio::task::spawn_blocking(move || {
            server.client("shop", &sql, &["--skip-column-names"])
        })
        .await
        .unwrap();
        if (count.trim() != "0") == there {
            return;
        }
    }
}

const SLOW: &str = "SELECT COUNT(*), 1.5 FROM seq_1_to_1000000 a, seq_1_to_1000000 b WHERE (a.seq + b.seq) % 3 = 7";

#[tokio::test(flavor = "multi_thread")]
async fn cancel_timeout_and_hanging_up_end_the_query_on_the_server() {
    let server = MariaDb::shared();
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

    // Whoever asked goes away before there are columns.
    let asked = tokio::spawn({
        let source = Arc::clone(&source);
        async move {
            source
                .run(
                    query(&format!("{SLOW} /* two */")),
                    CancellationToken::new(),
                )
                .await
                .map(drop)
        }
    });
    until_running(&server, "/* two", true).await;
    asked.abort();
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
        .run(query("SELECT a.seq, REPEAT('x', 1000) FROM seq_1_to_1000000 a, seq_1_to_1000 b /* four */"), CancellationToken::new())
        .await
        .unwrap();
    assert!(rows.stream.next().await.unwrap().unwrap().num_rows() > 0);
    until_running(&server, "/* four", true).await;
    drop(rows);
    until_running(&server, "/* four", false).await;
    assert_eq!(cell(&source, query("SELECT 1")).await.as_deref(), Some("1"));
    assert_eq!(cell(&source, query("SELECT 2")).await.as_deref(), Some("2"));
}

#[tokio::test]
async fn connections_that_fail_say_why_and_keep_the_secret() {
    let server = MariaDb::shared();
    let closed = closed_port();
    for (url, want) in [
        (
            format!("mysql://{USER}:{PASSWORD}@127.0.0.1:{closed}/shop"),
            "nothing listens at 127.0.0.1:",
        ),
        (
            format!("mysql://{USER}:{PASSWORD}@no-such-host.invalid/shop"),
            "the host no-such-host.invalid is not known",
        ),
        (
            format!(
                "mysql://{USER}:wrong-{PASSWORD}@127.0.0.1:{}/shop",
                server.port
            ),
            "refused the password of tester",
        ),
        (server.url_of("nowhere"), "has no database nowhere"),
        (
            format!("{}?ssl-mode=REQUIRED", server.url()),
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
        "mariadb://{USER}:{PASSWORD}@localhost/shop?socket={}",
        server.socket().display()
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
    let mut server = MariaDb::start();
    let source = source(&server.url());
    let mut rows = source
        .run(
            query("SELECT a.seq, REPEAT('x', 1000) FROM seq_1_to_1000000 a, seq_1_to_1000 b"),
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
    let server = MariaDb::shared();
    let (url, database) = server.fresh_database();
    let (_, other) = server.fresh_database();
    server.client(
        &database,
        &format!(
            "CREATE TABLE orders (id int); CREATE TABLE {other}.items (id int);
             CREATE VIEW recent AS SELECT o.id FROM orders o JOIN {other}.items i USING (id);
             CREATE FUNCTION reads_it() RETURNS int RETURN (SELECT COUNT(*) FROM orders);"
        ),
        &[],
    );
    let source = source(&url);
    let catalogue = source.catalogue().await.unwrap();
    assert!(
        catalogue.tables.contains("orders") && catalogue.tables.contains(&format!("{other}.items"))
    );
    assert!(catalogue.routines.contains_key("reads_it"));
    let dependencies = Dependencies::of("SELECT * FROM recent", source.dialect(), &catalogue);
    assert_eq!(
        dependencies.names(),
        ["orders".to_owned(), format!("{other}.items")]
    );

    let check = source.check(&|_| ()).await;
    assert!(check.ok, "{check:?}");
    assert!(
        check
            .server_version
            .as_ref()
            .unwrap()
            .starts_with("MariaDB 1"),
        "{check:?}"
    );
    assert!(
        check
            .steps
            .iter()
            .all(|step| step.result == CheckResult::Ok),
        "{check:?}"
    );
    assert!(
        check.steps[1]
            .what
            .contains("Signed in as tester, read-only transaction works")
    );
}

#[tokio::test]
async fn a_report_means_the_same_whatever_the_server_begins_a_session_with() {
    let odd = MariaDb::start_with(&[
        "--sql-mode=PIPES_AS_CONCAT,ANSI_QUOTES,NO_BACKSLASH_ESCAPES,ONLY_FULL_GROUP_BY",
        "--group-concat-max-len=4",
        "--div-precision-increment=9",
        "--lc-time-names=de_DE",
        "--default-week-format=3",
        "--default-time-zone=+05:00",
    ]);
    let usual = MariaDb::shared();
    let sql = r#"SELECT 1 || 0 AS oder, "a" AS text, 'a\'b' AS quoted, GROUP_CONCAT(DISTINCT n) AS all_of_them,
        SUM(n) / 7 AS part, MONTHNAME('2024-03-01') AS month, WEEK('2024-01-01') AS week, n AS any_of_them,
        FROM_UNIXTIME(0) AS began FROM (SELECT 111 AS n UNION ALL SELECT 111) AS numbers"#;
    let mut answers = Vec::new();
    for url in [odd.url(), usual.url()] {
        let source = source(&url);
        let settings = &source.identity().session;
        assert!(
            settings.iter().any(|(name, _)| name == "sql_mode"),
            "what is set is part of the entry key: {settings:?}"
        );
        answers.push(texts(&collect(&source, query(sql)).await.unwrap()));
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0][0][1].as_deref(), Some("a"));
}
