//! The lists of functions that a watched report may call, against what each server says of its own functions.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use lookaside::report::{Catalogue, Dependencies, Dialect};
use lookaside::source::Source;

use crate::servers::{MariaDb, Postgres};
use crate::source_postgres::{collect, query, source, texts};

/// Whether a report that calls this function may be watched.
fn is_watched(function: &str, dialect: Dialect) -> bool {
    let sql = format!("SELECT {function}(a, b) FROM t");
    let catalogue = Catalogue {
        tables: ["t".to_owned()].into(),
        ..Catalogue::default()
    };
    Dependencies::of(&sql, dialect, &catalogue).unseen.is_none()
}

/// The names that a query answers.
async fn names(source: &Arc<dyn Source>, sql: &str) -> Vec<String> {
    let rows = texts(&collect(source, query(sql)).await.unwrap());
    let names: Vec<String> = rows
        .into_iter()
        .filter_map(|mut row| row.remove(0))
        .collect();
    assert!(!names.is_empty(), "{sql}");
    names
}

/// Volatile by declaration: they answer nothing.
const SLEEPS: [&str; 3] = ["pg_sleep", "pg_sleep_for", "pg_sleep_until"];

#[tokio::test]
async fn postgres_volatile_functions_are_never_watched() {
    let server = Postgres::shared();
    let (url, _) = server.fresh_database();
    let volatile =
        "SELECT DISTINCT proname::text FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace
        AND provolatile = 'v' ORDER BY 1";
    let names = names(&source(&url), volatile).await;
    assert!(names.len() > 100, "{names:?}");
    let mut watched = names;
    watched.retain(|name| is_watched(name, Dialect::Postgres));
    assert_eq!(watched, SLEEPS);
}

/// Stable by declaration: what they depend on besides their arguments is set by us for each session, is part of what a
/// source is, or is watched (settings, the catalogue).
const KEYED: [&str; 77] = [
    "age",
    "array_to_json",
    "array_to_string",
    "concat",
    "concat_ws",
    "convert",
    "convert_from",
    "convert_to",
    "current_database",
    "current_schema",
    "current_schemas",
    "current_user",
    "date",
    "date_part",
    "date_trunc",
    "enum_first",
    "enum_last",
    "enum_range",
    "extract",
    "format",
    "format_type",
    "generate_series",
    "get_current_ts_config",
    "getdatabaseencoding",
    "json_agg",
    "json_build_array",
    "json_build_object",
    "json_object_agg",
    "json_to_record",
    "json_to_recordset",
    "json_to_tsvector",
    "jsonb_agg",
    "jsonb_build_array",
    "jsonb_build_object",
    "jsonb_path_exists_tz",
    "jsonb_path_match_tz",
    "jsonb_path_query_array_tz",
    "jsonb_path_query_first_tz",
    "jsonb_path_query_tz",
    "jsonb_to_record",
    "jsonb_to_recordset",
    "jsonb_to_tsvector",
    "length",
    "make_timestamptz",
    "money",
    "numeric",
    "overlaps",
    "pg_client_encoding",
    "pg_collation_for",
    "pg_column_size",
    "pg_typeof",
    "phraseto_tsquery",
    "plainto_tsquery",
    "quote_literal",
    "quote_nullable",
    "row_to_json",
    "session_user",
    "time",
    "timestamp",
    "timestamptz",
    "timetz",
    "timezone",
    "to_char",
    "to_date",
    "to_json",
    "to_jsonb",
    "to_number",
    "to_timestamp",
    "to_tsquery",
    "to_tsvector",
    "ts_debug",
    "ts_headline",
    "ts_parse",
    "ts_token_type",
    "websearch_to_tsquery",
    "xml",
    "xml_is_well_formed",
];

#[tokio::test]
async fn postgres_stable_functions_are_watched_by_name_only() {
    let server = Postgres::shared();
    let (url, _) = server.fresh_database();
    let stable =
        "SELECT DISTINCT proname::text FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace
        AND provolatile = 's' AND oid NOT IN (SELECT oprcode FROM pg_operator) ORDER BY 1";
    let mut watched = names(&source(&url), stable).await;
    watched.retain(|name| is_watched(name, Dialect::Postgres));
    let unexpected: Vec<_> = watched
        .iter()
        .filter(|name| !KEYED.contains(&name.as_str()))
        .collect();
    assert!(unexpected.is_empty(), "{unexpected:?}");
}

#[tokio::test]
async fn postgres_immutable_functions_are_watched() {
    let server = Postgres::shared();
    let (url, _) = server.fresh_database();
    // Those that people call: no function behind an operator, an index, a type or an aggregate.
    let immutable = r"SELECT DISTINCT p.proname::text FROM pg_proc p WHERE p.pronamespace = 'pg_catalog'::regnamespace
        AND p.provolatile = 'i' AND obj_description(p.oid, 'pg_proc') NOT LIKE 'implementation of%'
        AND obj_description(p.oid, 'pg_proc') NOT LIKE 'I/O%'
        AND NOT EXISTS (SELECT FROM pg_amproc a WHERE a.amproc = p.oid)
        AND NOT EXISTS (SELECT FROM pg_operator o WHERE p.oid IN (o.oprcode, o.oprrest, o.oprjoin))
        AND NOT EXISTS (SELECT FROM pg_aggregate g WHERE p.oid IN (g.aggtransfn, g.aggfinalfn, g.aggcombinefn,
              g.aggserialfn, g.aggdeserialfn, g.aggmtransfn, g.aggminvtransfn, g.aggmfinalfn))
        AND NOT EXISTS (SELECT FROM pg_range r WHERE p.oid IN (r.rngcanonical, r.rngsubdiff))
        AND NOT EXISTS (SELECT FROM pg_type t WHERE p.oid IN (t.typmodin, t.typmodout))
        AND 'internal'::regtype <> ALL (p.proargtypes) AND p.prorettype <> 'internal'::regtype
        AND p.proname !~ '^(acldefault|brin_|broadcast|d(exp|log1|log10|round|trunc)$|gin_|int[48]_sum|int4inc|makeaclitem|nameconcat|numeric_|pg_|postgresql_fdw|satisfies_|shell_|textlen|ts_rewrite)'
        AND p.proname <> 'similar_escape' ORDER BY 1";
    let names = names(&source(&url), immutable).await;
    assert!(names.len() > 250, "{names:?}");
    let mut missing = names;
    missing.retain(|name| !is_watched(name, Dialect::Postgres));
    assert!(missing.is_empty(), "{missing:?}");
}

/// MariaDB's functions of the clock, of chance, of the session and of the server.
const MARIADB_VOLATILE: [&str; 30] = [
    "binlog_gtid_pos",
    "connection_id",
    "curdate",
    "curtime",
    "decode_histogram",
    "des_encrypt",
    "encrypt",
    "found_rows",
    "get_lock",
    "is_free_lock",
    "is_used_lock",
    "last_insert_id",
    "load_file",
    "master_gtid_wait",
    "master_pos_wait",
    "now",
    "rand",
    "random_bytes",
    "release_all_locks",
    "release_lock",
    "row_count",
    "session_user",
    "sys_guid",
    "system_user",
    "uuid",
    "uuid_short",
    "version",
    "wsrep_last_seen_gtid",
    "wsrep_last_written_gtid",
    "wsrep_sync_wait_upto_gtid",
];

#[tokio::test]
async fn mariadb_functions_are_watched_but_for_the_volatile() {
    let server = MariaDb::shared();
    let (url, _) = server.fresh_database();
    let functions = "SELECT LOWER(`function`) FROM information_schema.sql_functions \
                     WHERE `function` <> 'SCHEMAS' ORDER BY 1";
    let mut found = names(&source(&url), functions).await;
    found.retain(|name| !is_watched(name, Dialect::MySql));
    found.sort();
    assert_eq!(found, MARIADB_VOLATILE);
}

/// Aggregates and window functions, which SQLite does not call deterministic.
const SQLITE_OVER_ROWS: [&str; 23] = [
    "avg",
    "count",
    "cume_dist",
    "dense_rank",
    "first_value",
    "group_concat",
    "lag",
    "last_value",
    "lead",
    "max",
    "median",
    "min",
    "nth_value",
    "ntile",
    "percent_rank",
    "percentile",
    "percentile_cont",
    "percentile_disc",
    "rank",
    "row_number",
    "string_agg",
    "sum",
    "total",
];

#[tokio::test]
async fn sqlite_functions_are_watched_as_it_flags_them() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("empty.db");
    std::fs::write(&file, b"").unwrap();
    let source = source(&format!("sqlite:{}", file.display()));
    // 0x800: deterministic. The names of operators are left out.
    let of = |flag: &str| {
        format!(
            "SELECT name FROM pragma_function_list WHERE builtin AND name GLOB '[a-z]*' AND name <> 'sqlite_log' \
             GROUP BY name HAVING MAX(flags & 0x800) {flag}"
        )
    };
    let mut missing = names(&source, &of("<> 0")).await;
    missing.retain(|name| !is_watched(name, Dialect::Sqlite));
    assert!(missing.is_empty(), "{missing:?}");
    let mut unexpected = names(&source, &of("= 0")).await;
    unexpected.retain(|name| {
        is_watched(name, Dialect::Sqlite) && !SQLITE_OVER_ROWS.contains(&name.as_str())
    });
    assert!(unexpected.is_empty(), "{unexpected:?}");
}

#[tokio::test]
async fn named_tables_hide_no_clock_in_a_view() {
    let server = Postgres::shared();
    let (url, database) = server.fresh_database();
    server.client(
        &database,
        "CREATE TABLE orders (id int, d date); CREATE VIEW lately AS SELECT id FROM orders WHERE d > CURRENT_DATE",
        &[],
    );
    let catalogue = source(&url).catalogue().await.unwrap();
    let found = Dependencies::of("SELECT * FROM lately", Dialect::Postgres, &catalogue);
    let named = found.with_tables(&["orders".to_owned()]);
    assert_eq!(named.names(), ["orders"]);
    assert_eq!(named.unseen.as_deref(), Some("CURRENT_DATE"));
}
