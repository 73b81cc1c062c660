//! Is the schema the same as before? Neither Change Tracking nor a counter tells of a view that was defined anew, of a
//! dropped column, or of a table that is watched from now on or not any more.

use super::super::Blind;
use super::ask::{Asker, Rows, blind, cell};
use super::look;

/// What differs after every change of an object that the account may see. (`modify_date` is the time of the last ALTER;
/// the sum and the count tell of what came and went.)
const OBJECTS: &str = "SELECT CONVERT(nvarchar(30), MAX(o.modify_date), 121), COUNT(*), SUM(CAST(o.object_id AS bigint)) \
     FROM sys.objects o WHERE o.is_ms_shipped = 0";
/// What else decides what a SELECT answers: who is who, which rights there are, and the settings of database and server. An
/// account sees the rights that concern it.
const RIGHTS: &str = "SELECT 'permissions', COUNT(*), SUM(CAST(BINARY_CHECKSUM(*) AS bigint)) FROM sys.database_permissions \
     UNION ALL SELECT 'principals', COUNT(*), SUM(CAST(BINARY_CHECKSUM(*) AS bigint)) FROM sys.database_principals \
     UNION ALL SELECT 'members', COUNT(*), SUM(CAST(BINARY_CHECKSUM(*) AS bigint)) FROM sys.database_role_members \
     UNION ALL SELECT 'types', COUNT(*), SUM(CAST(BINARY_CHECKSUM(*) AS bigint)) FROM sys.types \
     UNION ALL SELECT 'schemas', COUNT(*), SUM(CAST(BINARY_CHECKSUM(*) AS bigint)) FROM sys.schemas \
     UNION ALL SELECT 'database', 1, CAST(BINARY_CHECKSUM(compatibility_level, collation_name, is_ansi_nulls_on, \
     is_ansi_warnings_on, is_arithabort_on, is_concat_null_yields_null_on, is_quoted_identifier_on, is_numeric_roundabort_on, \
     containment) AS bigint) FROM sys.databases WHERE database_id = DB_ID()";
const SERVER: &str = "SELECT 'logins', COUNT(*), SUM(CAST(BINARY_CHECKSUM(*) AS bigint)) FROM sys.server_role_members \
     UNION ALL SELECT 'settings', COUNT(*), SUM(CAST(BINARY_CHECKSUM(configuration_id, value_in_use) AS bigint)) FROM \
     sys.configurations";
/// And after every table for which Change Tracking is switched on, off, or on again, or that is truncated.
const TRACKED: &str = "SELECT COUNT(*), SUM(CAST(c.object_id AS bigint)), SUM(c.begin_version) FROM \
     sys.change_tracking_tables c";

/// A text that differs after every change of the schema.
pub(super) async fn objects(asker: &Asker) -> Result<String, Blind> {
    let objects = asker.rows(OBJECTS).await;
    let mut found = objects.map(joined).map_err(|error| blind(&error))?;
    for sql in [RIGHTS, SERVER] {
        // `hidden` lists what the account may not read as a blind spot.
        let rows = asker.allowed(sql).await?.unwrap_or_default();
        for row in rows {
            found.push(' ');
            found.push_str(&joined(vec![row]));
        }
    }
    found.push(' ');
    found.push_str(&look::fork(asker).await?);
    Ok(found)
}

/// Which of these the account may not ask for, in words.
pub(super) async fn hidden(asker: &Asker) -> Result<Option<String>, Blind> {
    let mut hidden = Vec::new();
    for (sql, what) in [
        (RIGHTS, "rights, roles and settings of the database"),
        (SERVER, "server roles and settings"),
    ] {
        if asker.allowed(sql).await?.is_err() {
            hidden.push(what);
        }
    }
    Ok((!hidden.is_empty()).then(|| format!("changed {}", hidden.join(" and "))))
}

/// A text that differs after every change of the schema or of what is tracked.
pub(super) async fn tracked(asker: &Asker) -> Result<String, Blind> {
    let tracked = asker.rows(TRACKED).await.map_err(|error| blind(&error))?;
    Ok(format!("{} {}", objects(asker).await?, joined(tracked)))
}

fn joined(rows: Rows) -> String {
    let row = rows.into_iter().next().unwrap_or_default();
    let cells: Vec<&str> = (0..row.len()).map(|at| cell(&row, at)).collect();
    cells.join("/")
}
