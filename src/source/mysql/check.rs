//! The connection test, step by step.

use sqlx::Connection;
use sqlx::mysql::MySqlConnection;

use super::catalogue::text;
use crate::source::failure::Address;
use crate::source::steps::Steps;

/// What works on a connection, and what the account may read.
pub(super) async fn look(
    address: &Address,
    mut connection: MySqlConnection,
    steps: &mut Steps<'_>,
) -> Result<(), sqlx::Error> {
    let row =
        sqlx::raw_sql("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY; SELECT VERSION()")
            .fetch_one(&mut connection)
            .await?;
    let version = text(&row, 0);
    let product = if version.contains("MariaDB") {
        "MariaDB"
    } else {
        "MySQL"
    };
    let version = format!(
        "{product} {}",
        version.split('-').next().unwrap_or(&version)
    );
    steps.version(&version);
    steps.ok(
        format!("Signed in as {}, read-only transaction works", address.user),
        version,
    );
    let tls = sqlx::raw_sql("SHOW SESSION STATUS LIKE 'Ssl_version'")
        .fetch_optional(&mut connection)
        .await?
        .map(|row| text(&row, 1))
        .filter(|version| !version.is_empty());
    steps.encryption(address, tls.as_deref());
    // The server lists only tables that the account has some right on.
    let row = sqlx::raw_sql(
        "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema NOT IN ('mysql', 'information_schema', 'performance_schema', 'sys')",
    )
    .fetch_one(&mut connection)
    .await?;
    let tables = text(&row, 0).parse().unwrap_or(0);
    steps.tables(&address.user, tables, tables);
    connection.close().await
}
