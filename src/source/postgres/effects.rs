//! Refuses SQL that calls functions which may act beyond their transaction.
//!
//! PostgreSQL lets a VOLATILE function do anything in a read-only transaction that is no write to a table: take locks,
//! end other sessions, send notices, write files, connect elsewhere. STABLE and IMMUTABLE ones promise not to. So those
//! are called, and of the volatile ones only those below. A function in C can break that promise, so outside the server's own
//! those of known extensions alone are called. A function that an aggregate, a cast to a named type, a domain's CHECK or
//! an operator calls counts as called; those inside views and other functions are their owner's to answer for.

use std::collections::BTreeSet;

use sqlx::Row;
use sqlx::postgres::PgConnection;

use crate::report::Dialect;
use crate::report::lex::{self, Kind};
use crate::source::SourceError;
use crate::source::failure::Address;

/// Volatile functions that only tell something: of the clock and chance, of sizes, and of the state of the server. They
/// count where they are the server's own or an extension's.
const ONLY_TELL: &str = "
    bernoulli clock_timestamp crypt_gen_random current_query currval gen_random_bytes gen_random_uuid gen_salt lastval
    pg_blocking_pids pg_collation_actual_version pg_control_checkpoint pg_control_init pg_control_recovery
    pg_control_system pg_current_logfile pg_current_wal_flush_lsn pg_current_wal_insert_lsn pg_current_wal_lsn
    pg_database_collation_actual_version pg_database_size pg_get_wal_replay_pause_state pg_get_wal_resource_managers
    pg_indexes_size pg_is_in_recovery pg_is_wal_replay_paused pg_jit_available pg_last_committed_xact
    pg_last_wal_receive_lsn pg_last_wal_replay_lsn pg_last_xact_replay_timestamp pg_lock_status
    pg_notification_queue_usage pg_partition_ancestors pg_partition_tree pg_relation_size pg_sequence_last_value
    pg_sleep pg_sleep_for pg_sleep_until pg_stat_get_xact_blocks_fetched pg_stat_get_xact_blocks_hit
    pg_stat_get_xact_function_calls pg_stat_get_xact_numscans pg_stat_get_xact_tuples_deleted
    pg_stat_get_xact_tuples_fetched pg_stat_get_xact_tuples_inserted pg_stat_get_xact_tuples_returned
    pg_stat_get_xact_tuples_updated pg_stat_statements pg_stat_statements_info pg_table_size pg_tablespace_size
    pg_total_relation_size pg_xact_commit_timestamp pg_xact_status random random_normal system system_rows system_time
    time_bucket_gapfill timeofday txid_status uuid_generate_v1 uuid_generate_v1mc uuid_generate_v4 uuidv4 uuidv7";

/// Extensions whose functions in C only compute or read, and never run SQL that they are given as text, as those of
/// tablefunc, xml2 and dblink do although some are declared STABLE.
const ONLY_COMPUTE: &str = "
    address_standardizer amcheck bloom btree_gin btree_gist citext cube dict_int dict_xsyn earthdistance fuzzystrmatch
    hll hstore hypopg intagg intarray ip4r isn ltree pageinspect pg_buffercache pg_freespacemap pg_stat_statements
    pg_trgm pg_visibility pgcrypto pgrowlocks pgstattuple pgroonga plpgsql postgis postgis_raster postgis_sfcgal
    postgis_topology prefix roaringbitmap rum seg semver sslinfo tdigest tsm_system_rows tsm_system_time unaccent unit
    uuid-ossp vector";

/// Asks the server about every name in `sql` that may be a function's.
///
/// # Errors
/// A function, or the function of an operator, that is not known to only read; a server that does not answer.
pub(super) async fn check(
    address: &Address,
    connection: &mut PgConnection,
    sql: &str,
) -> Result<(), SourceError> {
    let names = Names::of(sql)?;
    let question = format!(
        "WITH f AS (SELECT p.oid, p.proname::text, p.proargtypes[0] AS first, p.pronargs, \
           p.pronargs - p.pronargdefaults AS required, p.provolatile = 'v' AS volatile, \
           p.pronamespace = 'pg_catalog'::regnamespace AS own, l.lanname = 'c' AS c, e.extname::text \
           FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_language l ON l.oid = p.prolang \
           LEFT JOIN pg_catalog.pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e' \
           LEFT JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid \
           WHERE p.provolatile = 'v' OR l.lanname = 'c' AND p.pronamespace <> 'pg_catalog'::regnamespace), \
         called AS (SELECT f.* FROM f WHERE f.proname = ANY (ARRAY[{called}]::text[]) \
           OR f.proname = ANY (ARRAY[{words}]::text[]) AND f.pronargs > 0 AND f.required <= 1 AND EXISTS \
             (SELECT FROM pg_catalog.pg_type t WHERE t.oid = f.first AND t.typtype IN ('c', 'd', 'p')) \
           OR NOT f.own AND EXISTS (SELECT FROM pg_catalog.pg_operator o \
             WHERE o.oprcode = f.oid AND o.oprname = ANY (ARRAY[{operators}]::text[])) \
           OR NOT f.own AND EXISTS (SELECT FROM pg_catalog.pg_aggregate a JOIN pg_catalog.pg_proc p ON p.oid = a.aggfnoid \
             WHERE f.oid IN (a.aggtransfn, a.aggfinalfn, a.aggcombinefn, a.aggmtransfn, a.aggminvtransfn, a.aggmfinalfn) \
             AND p.proname = ANY (ARRAY[{called}]::text[])) \
           OR NOT f.own AND EXISTS (SELECT FROM pg_catalog.pg_cast c JOIN pg_catalog.pg_type t \
             ON t.oid IN (c.castsource, c.casttarget) WHERE c.castfunc = f.oid AND t.typname = ANY (ARRAY[{words}]::text[])) \
           OR NOT f.own AND EXISTS (SELECT FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_constraint k ON k.oid = d.objid \
             JOIN pg_catalog.pg_type t ON t.oid = k.contypid WHERE d.classid = 'pg_constraint'::regclass \
             AND d.refclassid = 'pg_proc'::regclass AND d.refobjid = f.oid AND t.typname = ANY (ARRAY[{words}]::text[]))) \
         SELECT proname, volatile FROM called \
         WHERE volatile AND NOT (proname = ANY (ARRAY[{known}]::text[]) AND (own OR extname IS NOT NULL)) \
           OR c AND NOT own AND NOT COALESCE(extname = ANY (ARRAY[{computes}]::text[]), false) \
         ORDER BY 1 LIMIT 1",
        called = literals(&names.called),
        words = literals(&names.words),
        operators = literals(&names.operators),
        known = literals(ONLY_TELL.split_ascii_whitespace()),
        computes = literals(ONLY_COMPUTE.split_ascii_whitespace()),
    );
    let found = sqlx::raw_sql(sqlx::AssertSqlSafe(question))
        .fetch_optional(connection)
        .await
        .map_err(|error| address.lost(&error))?;
    match found {
        None => Ok(()),
        Some(row) => {
            let name: String = row.try_get(0).unwrap_or_default();
            let why = if row.try_get(1).unwrap_or(true) {
                "which is VOLATILE and so may act beyond a read-only transaction; declare it STABLE if it only reads"
            } else {
                "which is written in C and may run SQL of its own, as those of tablefunc do; call a function in SQL"
            };
            Err(SourceError::Writes(format!(
                "the report was not run: it calls the function {name}, {why}, or, if you answer for it, set \
                 trusted_sql = true on the report and give its source an account that can only read"
            )))
        }
    }
}

/// What may be the name of a function, as the server looks it up.
#[derive(Default)]
struct Names {
    /// Directly before a bracket.
    called: BTreeSet<String>,
    /// Anywhere: `a.f` may be `f(a)`.
    words: BTreeSet<String>,
    /// Runs of signs, and every part of one.
    operators: BTreeSet<String>,
}

impl Names {
    fn of(sql: &str) -> Result<Self, SourceError> {
        let mut names = Self::default();
        let (mut last, mut signs, mut end) = (None, String::new(), 0);
        for token in lex::tokens(sql, Dialect::Postgres) {
            let token = token.map_err(|error| SourceError::Sql {
                message: error.message,
                position: None,
            })?;
            let text = &sql[token.at..token.end];
            if token.kind == Kind::Comment {
                continue;
            }
            if text == "(" {
                names.called.extend(last.take());
            }
            last = match token.kind {
                Kind::Word => Some(text.to_ascii_lowercase()),
                Kind::Quoted if text.starts_with('"') => {
                    if text.contains('\\') {
                        return Err(SourceError::Writes(
                            "the report was not run: a quoted name holds a backslash, which may be an escape; write \
                             the name without it"
                                .to_owned(),
                        ));
                    }
                    Some(text[1..text.len() - 1].replace("\"\"", "\""))
                }
                _ => None,
            };
            names.words.extend(last.clone());
            if token.kind == Kind::Symbol && "+-*/<>=~!@#%^&|`?".contains(text) {
                if token.at != end {
                    signs.clear();
                }
                signs.push_str(text);
                end = token.end;
                for from in 0..signs.len() {
                    names.operators.insert(signs[from..].to_owned());
                }
                // No operator is longer than a name.
                if signs.len() > 63 {
                    signs.remove(0);
                }
            }
        }
        Ok(names)
    }
}

/// Texts as a list of literals; strings conform to the standard in our sessions.
fn literals<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> String {
    texts
        .into_iter()
        .map(|text| format!("'{}'", text.as_ref().replace('\'', "''")))
        .collect::<Vec<_>>()
        .join(",")
}
