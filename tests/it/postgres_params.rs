//! Parameters of PostgreSQL: wherever a literal works, a parameter works and answers the same.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use lookaside::report::{Params, Value};
use lookaside::source::{Query, Source, SourceError};

use crate::servers::Postgres;
// What is tried here is no matter of which SQL is understood by us.
use crate::source_postgres::{cell, collect, source, texts, trusted as query};

fn with(sql: &str, params: &[(&str, Value)]) -> Query {
    let params = params
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()));
    Query {
        params: Params(params.collect()),
        ..query(sql)
    }
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

const SETUP: &str = r#"
CREATE EXTENSION IF NOT EXISTS citext;
CREATE TYPE mood AS ENUM ('sad', 'happy');
CREATE DOMAIN amount AS numeric(10,2) CHECK (VALUE >= 0);
CREATE TYPE pair AS (a int, b text);
CREATE FUNCTION wants_small(n smallint) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT 'small ' || n $$;
CREATE FUNCTION wants_uuid(u uuid) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT 'uuid ' || u $$;
CREATE TABLE e (id uuid, m mood, ip inet, net cidr, mac macaddr, jb jsonb, j json, n numeric, i int, s smallint,
  b bigint, f float8, d date, t time, tz timetz, ts timestamp, tstz timestamptz, iv interval, ok boolean, raw bytea,
  bits bit(3), vbits varbit, cash money, r int4range, dr daterange, a int[], ta text[], ua uuid[], dom amount, p pair,
  ci citext, x xml, pt point, q tsquery, v tsvector, o oid, rc regclass, c "char", nm name, ch char(5), vc varchar(9),
  tx text, lsn pg_lsn);
INSERT INTO e VALUES ('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'happy', '10.0.0.1', '10.0.0.0/8', '08:00:2b:01:02:03',
  '{"a": [1, {"b": null}]}', '{"a":  1}', 12.50, 7, 7, 7000000000, 0.1, '2024-02-29', '12:30', '12:30+02',
  '2024-02-29 12:00:00.5', '2024-02-29 12:00+00', '1 day 2 hours', true, '\x00ff', B'101', B'10', '12.34', '[1,5)',
  '[2024-01-01,2024-02-01)', '{1,2}', '{a,"b c"}', '{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}', 5.00, ROW(1, 'x y'),
  'Hello', '<a/>', '(1,2)', 'fat & rat', 'fat:1 rat:2', 42, 'pg_class', 'z', 'nm', 'ab', 'vc', 'tx', '0/16B3748');
"#;

/// A query with `{}` where a literal or a parameter stands, and its text.
#[rustfmt::skip]
const CASES: &[(&str, &str)] = &[
    ("SELECT count(*) FROM e WHERE id = {}", "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11"),
    ("SELECT count(*) FROM e WHERE id IN ({})", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
    ("SELECT count(*) FROM e WHERE id NOT IN ({}, {})", "b0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
    ("SELECT wants_uuid({})", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
    ("SELECT {}::uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
    ("SELECT CAST({} AS uuid)", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
    ("SELECT count(*) FROM e WHERE m = {}", "happy"),
    ("SELECT count(*) FROM e WHERE m > {}", "sad"),
    ("SELECT count(*) FROM e WHERE ip = {}", "10.0.0.1"),
    ("SELECT count(*) FROM e WHERE ip << {}", "10.0.0.0/8"),
    ("SELECT count(*) FROM e WHERE net >>= {}", "10.2.3.4"),
    ("SELECT count(*) FROM e WHERE mac = {}", "08-00-2b-01-02-03"),
    ("SELECT count(*) FROM e WHERE jb @> {}", "{\"a\": [1]}"),
    ("SELECT jb -> {} FROM e", "a"),
    ("SELECT count(*) FROM e WHERE jb ? {}", "a"),
    ("SELECT jsonb_path_query(jb, {}) FROM e", "$.a[0]"),
    ("SELECT j ->> {} FROM e", "a"),
    ("SELECT jb || {} FROM e", "{\"z\": 1}"),
    ("SELECT {}::json -> 'a'", "{\"a\": 1.50}"),
    ("SELECT count(*) FROM e WHERE n = {}", "12.5"),
    ("SELECT n + {} FROM e", "0.001"),
    ("SELECT count(*) FROM e WHERE i = {}", "7"),
    ("SELECT i + {} FROM e", "1"),
    ("SELECT count(*) FROM e WHERE s = {}", "7"),
    ("SELECT count(*) FROM e WHERE b < {}", "8000000000"),
    ("SELECT count(*) FROM e WHERE f = {}", "0.1"),
    ("SELECT count(*) FROM e WHERE d = {}", "2024-02-29"),
    ("SELECT count(*) FROM e WHERE d BETWEEN {} AND {}", "29 Feb 2024"),
    ("SELECT d - {} FROM e", "2024-01-01"),
    ("SELECT count(*) FROM e WHERE t = {}", "12:30"),
    ("SELECT count(*) FROM e WHERE tz = {}", "12:30+02"),
    ("SELECT count(*) FROM e WHERE ts >= {}", "2024-02-29"),
    ("SELECT count(*) FROM e WHERE tstz = {}", "2024-02-29 14:00+02"),
    ("SELECT ts + {} FROM e", "1 day"),
    ("SELECT count(*) FROM e WHERE iv = {}", "26 hours"),
    ("SELECT count(*) FROM e WHERE ts > '2024-03-01'::timestamp - {}::interval", "2 days"),
    ("SELECT count(*) FROM e WHERE ok = {}", "yes"),
    ("SELECT count(*) FROM e WHERE ok AND {}", "t"),
    ("SELECT count(*) FROM e WHERE raw = {}", "\\x00ff"),
    ("SELECT encode({}, 'base64')", "\\x616263"),
    ("SELECT count(*) FROM e WHERE bits = {}", "101"),
    ("SELECT count(*) FROM e WHERE vbits = {}", "10"),
    ("SELECT count(*) FROM e WHERE cash > {}", "12.33"),
    ("SELECT count(*) FROM e WHERE r @> {}", "[2,3)"),
    ("SELECT count(*) FROM e WHERE r && {}", "[4,9)"),
    ("SELECT count(*) FROM e WHERE dr @> {}", "[2024-01-02,2024-01-03)"),
    ("SELECT count(*) FROM e WHERE a = {}", "{1,2}"),
    ("SELECT count(*) FROM e WHERE i = ANY({})", "{6,7}"),
    ("SELECT count(*) FROM e WHERE id = ANY({})", "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}"),
    ("SELECT count(*) FROM e WHERE a @> {}", "{2}"),
    ("SELECT count(*) FROM e WHERE ta && {}", "{\"b c\"}"),
    ("SELECT count(*) FROM e WHERE {} = ANY(ta)", "b c"),
    ("SELECT count(*) FROM e WHERE {} = ANY(ua)", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
    ("SELECT array_append(a, {}) FROM e", "3"),
    ("SELECT count(*) FROM e WHERE dom = {}", "5"),
    ("SELECT {}::amount", "7.5"),
    ("SELECT count(*) FROM e WHERE p = {}::pair", "(1,\"x y\")"),
    ("SELECT ({}::pair).b", "(1,\"x y\")"),
    ("SELECT count(*) FROM e WHERE ci = {}", "hELLO"),
    ("SELECT xpath({}, x) FROM e", "/a"),
    ("SELECT xmlconcat(x, {}) FROM e", "<b/>"),
    ("SELECT pt <-> {} FROM e", "(4,6)"),
    ("SELECT count(*) FROM e WHERE pt <@ {}::box", "(3,3),(0,0)"),
    ("SELECT count(*) FROM e WHERE v @@ {}", "rat"),
    ("SELECT count(*) FROM e WHERE v @@ to_tsquery('simple', {})", "rat"),
    ("SELECT to_tsvector({}, 'The rats')", "english"),
    ("SELECT count(*) FROM e WHERE o = {}", "42"),
    ("SELECT count(*) FROM e WHERE rc = {}::regclass", "pg_catalog.pg_class"),
    ("SELECT {}::regclass::oid", "pg_class"),
    ("SELECT count(*) FROM e WHERE c = {}", "z"),
    ("SELECT count(*) FROM e WHERE nm = {}", "nm"),
    ("SELECT count(*) FROM e WHERE ch = {}", "ab"),
    ("SELECT count(*) FROM e WHERE ch LIKE {}", "ab%"),
    ("SELECT count(*) FROM e WHERE vc = {}", "vc"),
    ("SELECT count(*) FROM e WHERE tx LIKE {}", "t%"),
    ("SELECT count(*) FROM e WHERE tx ILIKE '%' || {} || '%'", "X"),
    ("SELECT count(*) FROM e WHERE tx ~ {}", "^t"),
    ("SELECT count(*) FROM e WHERE lsn = {}", "0/16B3748"),
    ("SELECT {}", "x"),
    ("SELECT {} AS a, {} || 'y' AS b", "x"),
    ("SELECT concat({}, 1)", "x"),
    ("SELECT format('%s|%s', {}, {})", "x"),
    ("SELECT json_build_object('a', {})", "x"),
    ("SELECT jsonb_build_array({}, 1)", "x"),
    ("SELECT count(*) FROM e WHERE {} IS NOT NULL", "x"),
    ("SELECT count(*) FROM e WHERE ({} = '' OR m = 'happy')", "x"),
    ("SELECT coalesce({}, i) FROM e", "8"),
    ("SELECT CASE WHEN i = {} THEN 'yes' ELSE 'no' END FROM e", "7"),
    ("SELECT nullif(d, {}) FROM e", "2024-02-29"),
    ("SELECT greatest(d, {}) FROM e", "2025-01-01"),
    ("SELECT 1 AS n UNION SELECT {} ORDER BY n", "2"),
    ("SELECT count(*) FROM (VALUES (1), ({})) v (n) WHERE n > 1", "2"),
    ("SELECT g FROM generate_series(1, 5) g LIMIT {}", "2"),
    ("SELECT g FROM generate_series(1, 5) g ORDER BY g OFFSET {}", "3"),
    ("SELECT left(tx, {}) FROM e", "1"),
    ("SELECT wants_small({})", "3"),
    ("SELECT date_trunc({}, ts) FROM e GROUP BY date_trunc({}, ts)", "day"),
    ("SELECT extract(year FROM {}::date)", "2024-05-06"),
    ("SELECT ts AT TIME ZONE {} FROM e", "Europe/Berlin"),
    ("SELECT to_char(ts, {}) FROM e", "YYYY"),
    ("SELECT age(d, {}) FROM e", "2023-02-28"),
    ("SELECT d::text FROM e WHERE d > {}::date - 1", "2024-02-29"),
    ("SELECT count(*) FROM e WHERE (i, d) = (7, {})", "2024-02-29"),
    ("SELECT make_interval(days => {})", "3"),
    ("SELECT string_agg(tx, {}) FROM e", ", "),
    ("SELECT count(*) FROM e WHERE tx = {} AND vc <> {}", "tx"),
    ("SELECT count(*) FROM e WHERE id = {} OR tx = {}", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
    ("WITH w AS (SELECT {} AS a) SELECT a FROM w", "x"),
    ("SELECT (SELECT count(*) FROM e WHERE d = {}) AS n", "2024-02-29"),
    ("SELECT count(*) FROM e JOIN LATERAL (SELECT {} AS k) l ON l.k = e.tx", "tx"),
    ("SELECT encode(digest, 'hex') FROM (SELECT sha256({}) AS digest) s", "abc"),
];

#[tokio::test]
async fn text_parameter_answers_as_its_literal() {
    let server = Postgres::shared();
    let (url, database) = server.fresh_database();
    server.client(&database, SETUP, &[]);
    let source = source(&url);
    let mut wrong = Vec::new();
    for (sql, value) in CASES {
        let quoted = format!("'{}'", value.replace('\'', "''"));
        let literal = collect(&source, query(&sql.replace("{}", &quoted)))
            .await
            .unwrap_or_else(|error| panic!("{sql} with the literal: {error}"));
        let bound = with(&sql.replace("{}", ":p"), &[("p", text(value))]);
        match collect(&source, bound).await {
            Ok(table) if texts(&table) == texts(&literal) => {}
            Ok(table) => wrong.push(format!(
                "{sql}: {:?}, not {:?}",
                texts(&table),
                texts(&literal)
            )),
            Err(error) => wrong.push(format!("{sql}: {error}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Values of other types, with the literal that a person would write.
#[tokio::test]
async fn typed_parameter_answers_as_its_literal() {
    let server = Postgres::shared();
    let (url, database) = server.fresh_database();
    server.client(&database, SETUP, &[]);
    let source = source(&url);
    let int = Value::Integer;
    let day = Value::Date(chrono::NaiveDate::from_ymd_opt(2024, 2, 29).unwrap());
    let day_literal = "'2024-02-29'";
    let decimal = |text: &str| Value::Decimal(text.to_owned());
    let cases: Vec<(&str, Value, &str)> = vec![
        ("SELECT left('abc', {})", int(2), "2"),
        ("SELECT right(tx, {}) FROM e", int(1), "1"),
        ("SELECT repeat('a', {})", int(3), "3"),
        ("SELECT substr('abcdef', {}, {})", int(2), "2"),
        ("SELECT round(n, {}) FROM e", int(1), "1"),
        ("SELECT lpad(tx, {}, '*') FROM e", int(5), "5"),
        ("SELECT split_part('a,b,c', ',', {})", int(2), "2"),
        ("SELECT make_date({}, 1, 2)", int(2024), "2024"),
        ("SELECT make_interval(days => {})", int(2), "2"),
        ("SELECT d + {} FROM e", int(3), "3"),
        ("SELECT jb -> 'a' -> {} FROM e", int(0), "0"),
        ("SELECT a[{}] FROM e", int(1), "1"),
        ("SELECT array_position(a, {}) FROM e", int(2), "2"),
        ("SELECT count(*) FROM e WHERE r @> {}", int(3), "3"),
        (
            "SELECT count(*) FROM e WHERE s = {} AND b > {}",
            int(7),
            "7",
        ),
        (
            "SELECT count(*) FROM e WHERE i = ANY(ARRAY[{}, 9])",
            int(7),
            "7",
        ),
        ("SELECT {} / 2", int(7), "7"),
        (
            "SELECT g FROM generate_series(1, 9) g LIMIT {}",
            int(2),
            "2",
        ),
        ("SELECT chr({})", int(65), "65"),
        ("SELECT tx FROM e ORDER BY i % {}", int(3), "3"),
        ("SELECT ntile({}) OVER (ORDER BY i) FROM e", int(2), "2"),
        ("SELECT lag(tx, {}) OVER (ORDER BY i) FROM e", int(1), "1"),
        ("SELECT {}::text", int(5_000_000_000), "5000000000"),
        (
            "SELECT date_trunc('month', {})::text",
            day.clone(),
            "DATE '2024-02-29'",
        ),
        (
            "SELECT count(*) FROM e WHERE d = {}",
            day.clone(),
            day_literal,
        ),
        (
            "SELECT count(*) FROM e WHERE tstz > {}",
            day.clone(),
            day_literal,
        ),
        (
            "SELECT count(*) FROM e WHERE dr @> {}",
            day.clone(),
            "DATE '2024-02-29'",
        ),
        ("SELECT 'on ' || {}", day.clone(), day_literal),
        ("SELECT round({}, 1)", Value::Float(2.25), "2.25"),
        ("SELECT n * {} FROM e", decimal("0.10"), "0.10"),
        ("SELECT f * {} FROM e", Value::Float(2.0), "2.0"),
        (
            "SELECT count(*) FROM e WHERE ok = {}",
            Value::Boolean(true),
            "true",
        ),
        ("SELECT width_bucket(n, 0, 20, {}) FROM e", int(4), "4"),
    ];
    let mut wrong = Vec::new();
    for (sql, value, literal) in cases {
        let literal = collect(&source, query(&sql.replace("{}", literal)))
            .await
            .unwrap_or_else(|error| panic!("{sql} with {literal}: {error}"));
        let bound = with(&sql.replace("{}", ":p"), &[("p", value)]);
        match collect(&source, bound).await {
            Ok(table) if texts(&table) == texts(&literal) => {}
            Ok(table) => wrong.push(format!(
                "{sql}: {:?}, not {:?}",
                texts(&table),
                texts(&literal)
            )),
            Err(error) => wrong.push(format!("{sql}: {error}")),
        }
    }
    // An integer also goes where only its place says how small it must be, which a literal does not.
    let small = with("SELECT wants_small(:p)", &[("p", int(3))]);
    assert_eq!(cell(&source, small).await.as_deref(), Some("small 3"));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

async fn count(source: &Arc<dyn Source>, sql: &str, value: Value) -> Option<String> {
    cell(source, with(sql, &[("p", value)])).await
}

#[tokio::test]
async fn list_parameter_takes_the_type_of_its_column() {
    let server = Postgres::shared();
    let (url, database) = server.fresh_database();
    server.client(&database, SETUP, &[]);
    let source = source(&url);
    for (column, value) in [
        ("id", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
        ("m", "happy"),
        ("ip", "10.0.0.1"),
        ("d", "2024-02-29"),
        ("ok", "true"),
        ("n", "12.50"),
        ("i", "7"),
        ("iv", "26:00"),
        ("raw", "\\x00ff"),
        ("ci", "HELLO"),
        ("r", "[1,5)"),
    ] {
        let sql = |not: &str| format!("SELECT count(*) FROM e WHERE {column} {not} IN (:p)");
        let list = |values: &[&str]| Value::List(values.iter().map(|value| text(value)).collect());
        assert_eq!(
            count(&source, &sql(""), list(&[value, value]))
                .await
                .as_deref(),
            Some("1"),
            "{column}"
        );
        assert_eq!(
            count(&source, &sql("NOT"), list(&[value])).await.as_deref(),
            Some("0"),
            "{column}"
        );
        assert_eq!(
            count(&source, &sql(""), list(&[])).await.as_deref(),
            Some("0"),
            "{column}"
        );
        assert_eq!(
            count(&source, &sql("NOT"), list(&[])).await.as_deref(),
            Some("1"),
            "{column}"
        );
        let with_null = Value::List(vec![text(value), Value::Null]);
        assert_eq!(
            count(&source, &sql(""), with_null).await.as_deref(),
            Some("1"),
            "{column}"
        );
    }
}

#[tokio::test]
async fn wrong_value_is_named_with_its_type() {
    let server = Postgres::shared();
    let (url, database) = server.fresh_database();
    server.client(&database, SETUP, &[]);
    let source = source(&url);
    for (sql, value, want) in [
        (
            "SELECT count(*) FROM e WHERE id = :p",
            "no uuid",
            "invalid input syntax for type uuid",
        ),
        (
            "SELECT count(*) FROM e WHERE m = :p",
            "angry",
            "invalid input value for enum mood",
        ),
        (
            "SELECT count(*) FROM e WHERE d = :p",
            "2024-02-30",
            "out of range",
        ),
        (
            "SELECT count(*) FROM e WHERE nothing = :p",
            "x",
            "column \"nothing\" does not exist",
        ),
        (
            "SELECT no_such(:p)",
            "x",
            "function no_such(unknown) does not exist",
        ),
        (
            "SELECT count(*) FROM e WHERE d = :p AND",
            "x",
            "syntax error",
        ),
        (
            "SELECT DATE :p",
            "2024-01-01",
            "write CAST(:name AS interval)",
        ),
        (
            "SELECT INTERVAL :p",
            "1 day",
            "write CAST(:name AS interval)",
        ),
    ] {
        let error = collect(&source, with(sql, &[("p", text(value))]))
            .await
            .unwrap_err();
        assert!(matches!(error, SourceError::Sql { .. }), "{error:?}");
        assert!(error.to_string().contains(want), "{sql}: {error}");
    }
    let error = collect(
        &source,
        with("SELECT 1,\n no_such(:p)", &[("p", text("x"))]),
    )
    .await;
    let Err(SourceError::Sql { position, .. }) = error else {
        panic!("{error:?}")
    };
    assert_eq!(position, Some((2, 2)));
    // Nothing is left of what was asked on the way.
    let left = "SELECT count(*) FROM pg_prepared_statements";
    assert_eq!(cell(&source, query(left)).await.as_deref(), Some("0"));
}

#[tokio::test]
async fn more_values_than_the_protocol_takes_is_one_sentence() {
    let server = Postgres::shared();
    let source = source(&server.url());
    let list = |count: i64| Value::List((1..=count).map(Value::Integer).collect());
    let sql = "SELECT count(*) FROM generate_series(1, 10) g WHERE g IN (:p) OR g IN (:p)";
    assert_eq!(
        count(&source, sql, list(65_535)).await.as_deref(),
        Some("10")
    );
    let error = collect(&source, with(sql, &[("p", list(65_536))]))
        .await
        .unwrap_err();
    assert!(matches!(error, SourceError::Param(_)), "{error:?}");
    let sentence = error.to_string();
    assert!(
        sentence.contains("65,536 values") && sentence.contains("at most 65,535"),
        "{sentence}"
    );
    assert_eq!(cell(&source, query("SELECT 1")).await.as_deref(), Some("1"));
}

#[tokio::test]
async fn notices_are_told_with_the_answer() {
    let server = Postgres::shared();
    let (url, database) = server.fresh_database();
    server.client(
        &database,
        "CREATE FUNCTION talks() RETURNS int LANGUAGE plpgsql STABLE AS $$ BEGIN RAISE NOTICE 'half of %', 7; \
         RAISE WARNING 'rounded'; RAISE DEBUG 'unheard'; RETURN 3; END $$; \
         CREATE FUNCTION shouts() RETURNS int LANGUAGE plpgsql STABLE AS $$ BEGIN RAISE NOTICE '%', repeat('x', 5000); \
         RETURN 3; END $$;",
        &[],
    );
    let source = source(&url);
    // They are kept with the entry, so each has a bound.
    let long = "x".repeat(1000) + "...";
    for (sql, said) in [
        ("SELECT talks()", vec!["half of 7", "rounded"]),
        ("SELECT 1", vec![]),
        ("SELECT shouts()", vec![long.as_str()]),
    ] {
        let rows = source
            .run(query(sql), tokio_util::sync::CancellationToken::new())
            .await
            .unwrap();
        let times = Arc::clone(&rows.times);
        rows.stream.collect().await.unwrap();
        assert_eq!(times.notices(), said, "{sql}");
    }
}

#[tokio::test]
async fn show_answers_without_being_a_query() {
    let server = Postgres::shared();
    let source = source(&server.url());
    for sql in ["SHOW TimeZone", "/* now */ show TimeZone;"] {
        assert_eq!(cell(&source, query(sql)).await.as_deref(), Some("UTC"));
    }
    let explain = crate::source_postgres::query("EXPLAIN SELECT 1");
    assert!(collect(&source, explain).await.is_err());
}

#[tokio::test]
async fn options_in_the_url_are_kept() {
    let server = Postgres::shared();
    let (url, database) = server.fresh_database();
    server.client(
        &database,
        "CREATE SCHEMA sales; CREATE TABLE sales.t AS SELECT 5 AS n",
        &[],
    );
    let source = source(&format!("{url}?options=-csearch_path%3Dsales"));
    assert_eq!(
        cell(&source, query("SELECT n FROM t")).await.as_deref(),
        Some("5")
    );
    assert_eq!(source.catalogue().await.unwrap().default_schema, "sales");
    let settings = &source.identity().session;
    assert!(
        settings.contains(&("search_path".to_owned(), "sales".to_owned())),
        "{settings:?}"
    );
}
