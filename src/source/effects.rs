//! Which functions act beyond the transaction they are called in? A read-only transaction does not hold them back, so
//! a report that calls one is refused.

use crate::report::Dialect;

/// PostgreSQL's own functions, and those of the modules it comes with, by the manual's chapters "System Administration
/// Functions", "Large Objects", "adminpack" and "dblink". A `*` at the end stands for any ending.
///
/// What only looks like one and is undone with the transaction (`set_config`, `nextval`) or given back afterwards
/// (advisory locks) is not among them.
const POSTGRES: [&str; 41] = [
    "dblink_connect*",
    "dblink_exec",
    "dblink_send_query",
    "lo_create",
    "lo_creat",
    "lo_export",
    "lo_from_bytea",
    "lo_import",
    "lo_put",
    "lo_truncate*",
    "lo_unlink",
    "lowrite",
    "pg_backup_start",
    "pg_backup_stop",
    "pg_cancel_backend",
    "pg_clear_*",
    "pg_copy_logical_replication_slot",
    "pg_copy_physical_replication_slot",
    "pg_create_*",
    "pg_drop_replication_slot",
    "pg_file_*",
    "pg_import_system_collations",
    "pg_log_*",
    "pg_logical_emit_message",
    "pg_logical_slot_get_*",
    "pg_logfile_rotate",
    "pg_notify",
    "pg_promote",
    "pg_reload_conf",
    "pg_replication_origin_*",
    "pg_replication_slot_advance",
    "pg_restore_*",
    "pg_rotate_logfile*",
    "pg_start_backup",
    "pg_stat_reset*",
    "pg_stat_statements_reset",
    "pg_stop_backup",
    "pg_switch_*",
    "pg_sync_replication_slots",
    "pg_terminate_backend",
    "pg_wal_replay_*",
];

/// Whether a function of this name (without its schema, in any case) acts beyond its transaction.
pub(super) fn acts(function: &str, dialect: Dialect) -> bool {
    let name = function.trim_matches('"').to_ascii_lowercase();
    let is_listed = |known: &str| match known.strip_suffix('*') {
        Some(beginning) => name.starts_with(beginning),
        None => name == known,
    };
    // A name in escapes (`U&"\0070g_notify"`) could be any.
    dialect == Dialect::Postgres
        && (name.contains('\\') || POSTGRES.iter().any(|known| is_listed(known)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_beginnings_count() {
        for name in [
            "pg_switch_wal",
            "PG_DROP_REPLICATION_SLOT",
            "\"pg_notify\"",
            r#""\0070g_notify""#,
            "lo_export",
        ] {
            assert!(acts(name, Dialect::Postgres), "{name}");
            assert!(!acts(name, Dialect::MySql), "{name}");
        }
        for name in [
            "now",
            "pg_size_pretty",
            "lower",
            "pg_stat_get_wal",
            "lo_get",
        ] {
            assert!(!acts(name, Dialect::Postgres), "{name}");
        }
    }
}
