//! MariaDB: numbers filled with zeros, the server's warnings, and the limits of a query.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use lookaside::report::{Params, Value};
use lookaside::source::{Query, Source, SourceError};
use tokio_util::sync::CancellationToken;

use crate::servers::MariaDb;
// What is tried here is no matter of which SQL is understood by us.
use crate::source_postgres::{cell, collect, source, texts, trusted as query};

/// Types with values; the server's own client says what they look like.
const FILLED: &[(&str, &[&str])] = &[
    ("INT(6) ZEROFILL", &["14", "0", "1234567"]),
    ("BIGINT ZEROFILL", &["18446744073709551615", "1"]),
    ("YEAR", &["1999"]),
    ("DECIMAL(10,2) ZEROFILL", &["12.5", "0", "99999999.99"]),
    ("DECIMAL(10,0) ZEROFILL", &["12"]),
    ("DECIMAL(65,30) ZEROFILL", &["1.5"]),
    ("DECIMAL(5,5) ZEROFILL", &["0.5"]),
    ("FLOAT ZEROFILL", &["1.5", "0", "100"]),
    ("FLOAT(10,2) ZEROFILL", &["1.5", "12.345", "0"]),
    ("DOUBLE ZEROFILL", &["1.5", "0", "12345.678"]),
    ("DOUBLE(12,4) ZEROFILL", &["1.5", "3.14159265", "0"]),
    ("REAL(8,3) ZEROFILL", &["2.5"]),
];

#[tokio::test]
async fn zerofill_numbers_keep_their_zeros() {
    let server = MariaDb::shared();
    let (url, database) = server.fresh_database();
    let source = source(&url);
    for (i, (kind, values)) in FILLED.iter().enumerate() {
        let rows: Vec<String> = values
            .iter()
            .chain(&["NULL"])
            .enumerate()
            .map(|(row, value)| format!("({row}, {value})"))
            .collect();
        server.client(
            &database,
            &format!(
                "CREATE TABLE t{i} (i int, v {kind}); INSERT INTO t{i} VALUES {}; CREATE VIEW v{i} AS SELECT * FROM t{i};",
                rows.join(", ")
            ),
            &[],
        );
        for from in [format!("t{i}"), format!("v{i}"), format!("t{i} AS x")] {
            let sql = format!("SELECT v FROM {from} ORDER BY i");
            let printed = server.client(&database, &sql, &["--raw", "--skip-column-names"]);
            let printed: Vec<_> = printed.lines().map(str::to_owned).collect();
            let ours: Vec<_> = texts(&collect(&source, query(&sql)).await.unwrap())
                .into_iter()
                .flatten()
                .map(|cell| cell.unwrap_or_else(|| "NULL".to_owned()))
                .collect();
            assert_eq!(ours, printed, "{kind} from {from}");
        }
        let bound = Query {
            params: Params(vec![("i".to_owned(), Value::Integer(0))]),
            ..query(&format!("SELECT v FROM t{i} WHERE i = :i"))
        };
        let plain = cell(&source, query(&format!("SELECT v FROM t{i} WHERE i = 0"))).await;
        assert_eq!(cell(&source, bound).await, plain, "{kind}");
    }
}

async fn said(source: &Arc<dyn Source>, sql: &str) -> Vec<String> {
    let rows = source
        .run(query(sql), CancellationToken::new())
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
    let times = Arc::clone(&rows.times);
    rows.stream.collect().await.unwrap();
    times.notices()
}

#[tokio::test]
async fn warnings_are_told_with_the_answer() {
    let server = MariaDb::shared();
    let (url, database) = server.fresh_database();
    server.client(
        &database,
        "CREATE TABLE t (n int, s text); INSERT INTO t SELECT seq, REPEAT('x', 1000) FROM seq_1_to_3000;",
        &[],
    );
    let source = source(&url);
    for (sql, want) in [
        ("SELECT 1", vec![]),
        ("SELECT 1 / 0", vec!["Division by 0 (1365)"]),
        (
            "SELECT n / 0 FROM t WHERE n <= 3",
            vec!["Division by 0 (1365), 3 times"],
        ),
        (
            "SELECT CAST('7 apples' AS SIGNED)",
            vec!["Truncated incorrect INTEGER value: '7 apples' (1292)"],
        ),
        ("SELECT n FROM t WHERE s = 5 LIMIT 0", vec![]),
    ] {
        assert_eq!(said(&source, sql).await, want, "{sql}");
    }
    // More than the server keeps.
    let many = said(&source, "SELECT n / 0 FROM t").await;
    assert_eq!(many.len(), 2, "{many:?}");
    assert!(
        many[0].ends_with("64 times") && many[1].contains("2,936 more"),
        "{many:?}"
    );
    // Nothing is left for the next report on the same connection.
    assert_eq!(said(&source, "SELECT 2").await, Vec::<String>::new());
}

#[tokio::test]
async fn answer_that_was_cut_short_says_so() {
    let server = MariaDb::shared();
    let (url, database) = server.fresh_database();
    server.client(
        &database,
        "CREATE TABLE t (n int, s text); INSERT INTO t SELECT seq, REPEAT('x', 1000) FROM seq_1_to_3000;",
        &[],
    );
    let source = source(&url);
    for sql in [
        "SELECT GROUP_CONCAT(s) FROM t",
        "SELECT * FROM t LIMIT ROWS EXAMINED 100",
        "SELECT REPEAT(s, 1000000) FROM t WHERE n = 1",
    ] {
        let said = said(&source, sql).await;
        assert!(
            said.iter()
                .any(|line| line.starts_with("the answer is not whole: ")),
            "{sql}: {said:?}"
        );
    }
    // A recursion is not cut short by a limit of the session that reports do not see.
    let deep = "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 5000) SELECT COUNT(*) FROM c";
    assert_eq!(cell(&source, query(deep)).await.as_deref(), Some("5000"));
}

#[tokio::test]
async fn more_values_than_the_server_takes_is_one_sentence() {
    let server = MariaDb::shared();
    let source = source(&server.url());
    let with = |count: i64| Query {
        params: Params(vec![(
            "p".to_owned(),
            Value::List((1..=count).map(Value::Integer).collect()),
        )]),
        ..query("SELECT 5 IN (:p) AS found")
    };
    assert_eq!(cell(&source, with(65_535)).await.as_deref(), Some("1"));
    let error = collect(&source, with(65_536)).await.unwrap_err();
    assert!(matches!(error, SourceError::Param(_)), "{error:?}");
    assert!(error.to_string().contains("65,536 values"), "{error}");
}

#[tokio::test]
async fn decimal_of_more_than_65_digits_is_refused() {
    let server = MariaDb::shared();
    let source = source(&server.url());
    let with = |text: &str| Query {
        params: Params(vec![("p".to_owned(), Value::Decimal(text.to_owned()))]),
        ..query("SELECT :p")
    };
    let most = "9".repeat(65);
    assert_eq!(cell(&source, with(&most)).await, Some(most.clone()));
    for long in [format!("{most}9"), format!("0.{}", "1".repeat(31))] {
        let error = collect(&source, with(&long)).await.unwrap_err();
        assert!(matches!(error, SourceError::Param(_)), "{error:?}");
        assert!(error.to_string().contains("more digits"), "{error}");
    }
}

/// A quoted literal and a text parameter are compared with each type in the same way.
#[tokio::test]
async fn text_parameter_answers_as_its_literal() {
    let server = MariaDb::shared();
    let (url, database) = server.fresh_database();
    server.client(
        &database,
        "CREATE TABLE e (i int, d decimal(30,10), day date, at datetime(6), t time, y year, b bit(8), en enum('a','b'), \
         se set('x','y'), j json, u uuid, ip inet6, bi varbinary(9), s varchar(20) COLLATE utf8mb4_general_ci); \
         INSERT INTO e VALUES (7, 12345678901234567890.5, '2024-02-29', '2024-02-29 12:00:00.5', '12:30', 2024, b'101', \
         'b', 'x,y', '{\"a\": 1}', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '::1', x'6162', 'Ab');",
        &[],
    );
    let source = source(&url);
    for (sql, value) in [
        ("SELECT COUNT(*) FROM e WHERE i = {}", "7"),
        (
            "SELECT COUNT(*) FROM e WHERE d = {}",
            "12345678901234567890.5",
        ),
        ("SELECT COUNT(*) FROM e WHERE day = {}", "2024-02-29"),
        (
            "SELECT COUNT(*) FROM e WHERE day BETWEEN {} AND {}",
            "2024-02-29",
        ),
        ("SELECT COUNT(*) FROM e WHERE at > {}", "2024-02-29"),
        ("SELECT COUNT(*) FROM e WHERE t = {}", "12:30"),
        ("SELECT COUNT(*) FROM e WHERE y = {}", "2024"),
        ("SELECT COUNT(*) FROM e WHERE en = {}", "b"),
        ("SELECT COUNT(*) FROM e WHERE FIND_IN_SET({}, se)", "y"),
        ("SELECT JSON_EXTRACT(j, {}) FROM e", "$.a"),
        (
            "SELECT COUNT(*) FROM e WHERE u = {}",
            "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11",
        ),
        ("SELECT COUNT(*) FROM e WHERE ip = {}", "0:0:0:0:0:0:0:1"),
        ("SELECT COUNT(*) FROM e WHERE bi = {}", "ab"),
        ("SELECT COUNT(*) FROM e WHERE s = {}", "aB"),
        ("SELECT COUNT(*) FROM e WHERE s LIKE {}", "a%"),
        ("SELECT i + {} FROM e", "1"),
        ("SELECT day + INTERVAL {} DAY FROM e", "1"),
        (
            "SELECT DATE_FORMAT(day, {}) FROM e GROUP BY DATE_FORMAT(day, {})",
            "%Y",
        ),
        ("SELECT COUNT(*) FROM e WHERE {} IN (s, 'z')", "ab"),
    ] {
        let literal = collect(&source, query(&sql.replace("{}", &format!("'{value}'"))))
            .await
            .unwrap();
        let bound = Query {
            params: Params(vec![("p".to_owned(), Value::Text(value.to_owned()))]),
            ..query(&sql.replace("{}", ":p"))
        };
        let bound = collect(&source, bound)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"));
        assert_eq!(texts(&bound), texts(&literal), "{sql}");
    }
}

#[test]
fn hit_tells_the_warnings_of_its_query() {
    let server = MariaDb::shared();
    let redis = crate::servers::Redis::start();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("lookaside.toml"),
        format!(
            "[cache]\nurl = \"{}\"\n[sources.s]\nurl = \"{}\"\n[[reports]]\nname = \"r\"\nsource = \"s\"\nsql = \"SELECT 1 / 0 \
             AS n\"\nttl = \"10m\"\n",
            redis.url(),
            server.url()
        ),
    )
    .unwrap();
    for outcome in ["miss", "hit"] {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_lookaside"))
            .args(["run", "r", "--stats"])
            .current_dir(folder.path())
            .env("HOME", folder.path())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("Division by 0 (1365)"), "{outcome}: {said}");
        assert!(
            said.contains(&format!("\"{outcome}\"")),
            "{outcome}: {said}"
        );
    }
}
