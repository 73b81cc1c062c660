//! Tables, views and functions, for what reports depend on.

use sqlx::mysql::{MySqlConnection, MySqlRow};
use sqlx::{Connection, Row};

use crate::report::Catalogue;
use crate::source::SourceError;
use crate::source::failure::Address;

const OTHERS: &str = "NOT IN ('mysql', 'information_schema', 'performance_schema', 'sys')";

/// Reads them over a connection of its own.
pub(super) async fn read(
    address: &Address,
    mut connection: MySqlConnection,
) -> Result<Catalogue, SourceError> {
    let failed = |error| address.catalogue_unread(&error);
    let name = |row: &MySqlRow| address.name(&text(row, 0), &text(row, 1));
    let mut catalogue = Catalogue {
        default_schema: address.database.clone(),
        ..Catalogue::default()
    };
    let sql = format!(
        "SELECT table_schema, table_name FROM information_schema.tables WHERE table_type = 'BASE TABLE' AND table_schema {OTHERS}"
    );
    let rows = sqlx::raw_sql(sqlx::AssertSqlSafe(sql))
        .fetch_all(&mut connection)
        .await
        .map_err(failed)?;
    catalogue.tables = rows.iter().map(name).collect();
    let sql = format!(
        "SELECT table_schema, table_name, view_definition FROM information_schema.views WHERE table_schema {OTHERS}"
    );
    let rows = sqlx::raw_sql(sqlx::AssertSqlSafe(sql))
        .fetch_all(&mut connection)
        .await
        .map_err(failed)?;
    catalogue.views = rows
        .iter()
        .map(|row| (name(row), text(row, 2)))
        // Without the privilege SHOW VIEW there is no definition, and what it reads stays unknown.
        .filter(|(_, definition)| !definition.is_empty())
        .collect();
    let sql = format!(
        "SELECT routine_schema, routine_name FROM information_schema.routines WHERE routine_type = 'FUNCTION' AND routine_schema {OTHERS}"
    );
    let rows = sqlx::raw_sql(sqlx::AssertSqlSafe(sql))
        .fetch_all(&mut connection)
        .await
        .map_err(failed)?;
    catalogue.routines = rows.iter().map(name).collect();
    let _ = connection.close().await;
    Ok(catalogue)
}

/// The text of a cell, empty for NULL. MySQL 8 gives names of its catalogue as binary.
pub(crate) fn text(row: &MySqlRow, column: usize) -> String {
    let bytes: Option<Vec<u8>> = row.try_get_unchecked(column).unwrap_or_default();
    String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned()
}
