//! The connection test, step by step.

use sqlx::postgres::PgConnection;
use sqlx::{Connection, Row};

use crate::source::failure::Address;
use crate::source::steps::Steps;

/// What works on a connection, and what the account may read.
pub(super) async fn look(
    address: &Address,
    mut connection: PgConnection,
    steps: &mut Steps<'_>,
) -> Result<(), sqlx::Error> {
    sqlx::raw_sql("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        .execute(&mut connection)
        .await?;
    let row = sqlx::query(
        "SELECT current_setting('server_version'), current_setting('transaction_read_only')",
    )
    .persistent(false)
    .fetch_one(&mut connection)
    .await?;
    let version: String = row.try_get(0)?;
    // Debian writes "15.6 (Debian 15.6-0+deb12u1)".
    let version = format!(
        "PostgreSQL {}",
        version.split(' ').next().unwrap_or(&version)
    );
    steps.version(&version);
    steps.ok(
        format!("Signed in as {}, read-only transaction works", address.user),
        version,
    );
    let tls: Option<(bool, Option<String>)> =
        sqlx::query_as("SELECT ssl, version FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
            .persistent(false)
            .fetch_optional(&mut connection)
            .await?;
    let tls =
        tls.and_then(|(on, version)| on.then_some(version.unwrap_or_else(|| "TLS".to_owned())));
    steps.encryption(address, tls.as_deref());
    let (readable, all): (i64, i64) = sqlx::query_as(
        r"SELECT count(*) FILTER (WHERE has_table_privilege(c.oid, 'SELECT')), count(*)
            FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
           WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
             AND n.nspname NOT LIKE 'pg\_toast%' AND n.nspname NOT LIKE 'pg\_temp\_%'",
    )
    .persistent(false)
    .fetch_one(&mut connection)
    .await?;
    steps.tables(&address.user, readable, all);
    connection.close().await
}
