//! What a read-only transaction does not hold back, and what a user may answer for.
#![allow(clippy::unwrap_used)]

use lookaside::source::SourceError;
use lookaside::workspace::Workspace;

use crate::servers::{MariaDb, Postgres};
use crate::source_postgres::{cell, collect, query, source, texts, trusted};

#[tokio::test]
async fn postgresql_function_that_may_act_is_refused() {
    let server = Postgres::shared();
    let (url, database) = server.fresh_database();
    server.client(
        &database,
        "CREATE TABLE t (a int); INSERT INTO t VALUES (1); CREATE SEQUENCE s;
         CREATE FUNCTION acts() RETURNS int LANGUAGE sql VOLATILE AS 'SELECT 1';
         CREATE FUNCTION of_row(r t) RETURNS int LANGUAGE sql VOLATILE AS 'SELECT 1';
         CREATE FUNCTION \"Sum\"(int) RETURNS int LANGUAGE sql VOLATILE AS 'SELECT 1';
         CREATE FUNCTION beside(int, int) RETURNS int LANGUAGE sql VOLATILE AS 'SELECT 1';
         CREATE OPERATOR <-|-> (FUNCTION = beside, LEFTARG = int, RIGHTARG = int);
         CREATE EXTENSION tablefunc; CREATE EXTENSION xml2;
         CREATE FUNCTION positive(int) RETURNS bool LANGUAGE sql VOLATILE AS 'SELECT $1 > 0';
         CREATE DOMAIN natural_number AS int CHECK (positive(VALUE));
         CREATE TYPE box_size AS (w int);
         CREATE FUNCTION sized(int) RETURNS box_size LANGUAGE sql VOLATILE AS 'SELECT ROW($1)::box_size';
         CREATE CAST (int AS box_size) WITH FUNCTION sized(int);
         CREATE AGGREGATE total_of(int) (SFUNC = beside, STYPE = int, INITCOND = '0');
         CREATE FUNCTION with_default(r t, more int DEFAULT 1) RETURNS int LANGUAGE sql VOLATILE AS 'SELECT 1';
         CREATE FUNCTION of_any(r anyelement) RETURNS int LANGUAGE sql VOLATILE AS 'SELECT 1';",
        &[],
    );
    let source = source(&url);
    for sql in [
        "SELECT * FROM crosstab('SELECT pg_notify(''a'', ''b'')::text, ''a''::text, ''1''::text') AS t(a text, b text)",
        "SELECT * FROM connectby('(SELECT 1 a, 2 b) x', 'a', 'b', '1', 1) AS t(a int, b int, l int)",
        "SELECT * FROM xpath_table('a', 'a', 't', '/', 'true') AS t(a int, b text)",
        "SELECT 5::natural_number",
        "SELECT CAST(6 AS box_size)",
        "SELECT total_of(a) FROM t",
        "SELECT t.with_default FROM t",
        "SELECT t.of_any FROM t",
        "SELECT pg_notify('a', 'b')",
        "SELECT pg_catalog . \"pg_notify\" /* */ ('a', 'b')",
        "SELECT U&\"\\0070g_notify\"('a', 'b')",
        "SELECT set_config('statement_timeout', '0', false)",
        "SELECT pg_advisory_lock(1)",
        "SELECT pg_try_advisory_xact_lock(1)",
        "SELECT lo_create(0)",
        "SELECT pg_export_snapshot()",
        "SELECT pg_reload_conf()",
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE false",
        "SELECT query_to_xml('SELECT pg_notify(''a'', ''b'')', true, true, '')",
        "SELECT * FROM ts_stat('SELECT pg_notify(''a'', ''b'')')",
        "SELECT acts()",
        "SELECT (t).of_row FROM t",
        "SELECT t.of_row FROM t",
        "SELECT \"Sum\"(1)",
        "SELECT 1 <-|-> 2",
        "WITH x AS (SELECT acts() AS a) SELECT a FROM x",
        "SELECT * FROM ROWS FROM (acts())",
    ] {
        let error = collect(&source, query(sql)).await.unwrap_err();
        assert!(matches!(error, SourceError::Writes(_)), "{sql}: {error:?}");
    }
    // What is put around a report cannot be closed by it, whoever answers for it.
    let closes = "SELECT 1 AS a) AS report WHERE false) AS report ON true, (SELECT acts()";
    for query in [query(closes), trusted(closes)] {
        let error = collect(&source, query).await.unwrap_err().to_string();
        assert!(
            error.contains("a bracket here that it did not open"),
            "{error}"
        );
    }
    for sql in [
        "SELECT acts()",
        "SELECT t.of_row FROM t",
        "SELECT 1 <-|-> 2",
    ] {
        assert_eq!(
            cell(&source, trusted(sql)).await.as_deref(),
            Some("1"),
            "{sql}"
        );
    }
}

#[tokio::test]
async fn postgresql_function_that_reads_is_called() {
    let server = Postgres::shared();
    let (url, database) = server.fresh_database();
    server.client(
        &database,
        "CREATE TABLE t (a int);
         CREATE FUNCTION reads() RETURNS bigint LANGUAGE sql STABLE AS 'SELECT count(*) FROM t';",
        &[],
    );
    let source = source(&url);
    for sql in [
        "SELECT random(), clock_timestamp(), gen_random_uuid(), timeofday()",
        "SELECT pg_relation_size('t'), pg_size_pretty(pg_database_size(current_database()))",
        "SELECT reads(), pg_sleep(0), sum(a), version(), pg_is_in_recovery() FROM t",
        "SELECT current_setting('server_version'), a.acts FROM (SELECT 1 AS acts) a",
        "SELECT a FROM t TABLESAMPLE SYSTEM (10)",
    ] {
        collect(&source, query(sql)).await.unwrap();
    }
}

#[tokio::test]
async fn query_that_cannot_be_parsed_runs_when_trusted() {
    let server = Postgres::shared();
    let (url, _) = server.fresh_database();
    let source = source(&url);
    let sql = "SELECT * FROM ROWS FROM (generate_series(1, 2), generate_series(1, 3)) AS x (a, b)";
    let error = collect(&source, query(sql)).await.unwrap_err();
    assert!(matches!(error, SourceError::Writes(_)), "{error:?}");
    assert!(error.to_string().contains("trusted_sql = true"), "{error}");
    let rows = collect(&source, trusted(sql)).await.unwrap();
    assert_eq!(texts(&rows).len(), 3);
    // What the server finds wrong it tells better.
    let error = collect(&source, query("SELECT * FROM WHERE"))
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            SourceError::Sql {
                position: Some((1, 15)),
                ..
            }
        ),
        "{error:?}"
    );
    // Trust switches off the grammar alone.
    for sql in [
        "SELECT 1; SELECT 2",
        "DELETE FROM t",
        "SELECT 1\0",
        "SELECT 1a",
    ] {
        assert!(collect(&source, trusted(sql)).await.is_err(), "{sql}");
    }
}

#[tokio::test]
async fn strings_end_where_the_check_sees_it_whatever_the_role_sets() {
    let server = Postgres::start();
    server.client(
        "shop",
        "ALTER ROLE tester SET standard_conforming_strings = off",
        &[],
    );
    let source = source(&server.url());
    let answer = cell(&source, query("SELECT 'a\\' || 'b'")).await;
    assert_eq!(answer.as_deref(), Some("a\\b"));
}

#[tokio::test]
async fn mariadb_function_that_may_act_is_refused() {
    let server = MariaDb::shared();
    let (url, database) = server.fresh_database();
    server.client(
        &database,
        "CREATE FUNCTION f() RETURNS int DETERMINISTIC RETURN 1;
         CREATE FUNCTION st_own(a int) RETURNS int DETERMINISTIC RETURN 1;
         CREATE FUNCTION any_value(a int) RETURNS int DETERMINISTIC RETURN 1;",
        &[],
    );
    let source = source(&url);
    for sql in [
        "SELECT GET_LOCK('a', 0)",
        "SELECT `GET_LOCK`('a', 0)",
        "SELECT RELEASE_ALL_LOCKS()",
        "SELECT MASTER_POS_WAIT('a', 4, 1)",
        "SELECT 1 --GET_LOCK('a', 0)",
        "SELECT f()",
        "SELECT st_own(1)",
        "SELECT any_value(1)",
        "SELECT `Any_Value`/**/(1)",
        "SELECT LOAD_FILE('/etc/hostname')",
    ] {
        let error = collect(&source, query(sql)).await.unwrap_err();
        assert!(matches!(error, SourceError::Writes(_)), "{sql}: {error:?}");
    }
    assert_eq!(
        cell(&source, trusted("SELECT f()")).await.as_deref(),
        Some("1")
    );
}

#[test]
fn trusted_sql_is_read_from_the_file_and_written_to_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("lookaside.toml");
    let text = "[cache]\nurl = \"embedded\"\n\n[sources.s]\nurl = \"sqlite:s.db\"\n\n[[reports]]\nname = \"a\"\n\
                source = \"s\"\nsql = \"SELECT 1\"\ntrusted_sql = true\n\n[[reports]]\nname = \"b\"\nsource = \"s\"\n\
                sql = \"SELECT 1\"\n";
    std::fs::write(&file, text).unwrap();
    let workspace = Workspace::load(&file).unwrap();
    let trusts: Vec<bool> = workspace
        .reports
        .iter()
        .map(|report| report.trusted_sql)
        .collect();
    assert_eq!(trusts, [true, false]);
    let written = workspace.to_toml().unwrap();
    assert_eq!(
        written.matches("trusted_sql = true").count(),
        1,
        "{written}"
    );
}
