//! How a query runs, and what the server says where it does not.

use sqlx::mysql::{MySqlConnection, MySqlDatabaseError};
use sqlx::{AssertSqlSafe, Executor, Row, SqlSafeStr, Statement as _};

use super::decode::Decoder;
use super::params::Statement;
use crate::source::SourceError;
use crate::source::failure::Address;
use crate::source::job::{Limits, Listener};
use crate::source::pump::pump;
use crate::source::server::GRACE;

/// Runs the statement and sends every row.
pub(super) async fn stream(
    address: &Address,
    connection: &mut MySqlConnection,
    statement: &Statement,
    limits: &Limits,
    listener: &mut Listener,
) -> Result<(), SourceError> {
    let failed = |error| failed(address, error, statement, limits);
    let sql = AssertSqlSafe(statement.sql().to_owned()).into_sql_str();
    let prepare = async { (&mut *connection).prepare(sql).await.map_err(failed) };
    let prepared = limits.unless_over(listener.gone(), prepare).await?;
    limits.refuse()?;
    let (mut decoder, batcher) = Decoder::new(prepared.columns());
    let known = !decoder.has_decimals() && !statement.binds();
    let rows = prepared
        .query_with(statement.arguments()?)
        .fetch(connection);
    pump(rows, &mut decoder, batcher, limits, listener, known, failed).await
}

/// The error of a query, with the position in the report's SQL where the server tells one.
fn failed(
    address: &Address,
    error: sqlx::Error,
    statement: &Statement,
    limits: &Limits,
) -> SourceError {
    let sqlx::Error::Database(database) = &error else {
        return address.lost(&error);
    };
    let Some(error) = database.try_downcast_ref::<MySqlDatabaseError>() else {
        return SourceError::Other(database.to_string());
    };
    let message = format!("{} ({})", error.message(), error.number());
    match error.number() {
        1969 | 3024 => SourceError::Timeout(limits.limit()),
        1053 | 1317 | 1927 => SourceError::Lost(format!(
            "the server {address} ended the query: {message}; run the report again"
        )),
        1792 => SourceError::Writes(format!(
            "the report's SQL would write, and reports run read-only: {message}"
        )),
        _ => SourceError::Sql {
            position: statement.position(error.message()),
            message,
        },
    }
}

/// Takes the snapshot, with a time limit of the server's own behind ours; answers the connection's number. MariaDB
/// reads the first comment and MySQL the second.
pub(super) async fn begin(
    connection: &mut MySqlConnection,
    limits: &Limits,
) -> Result<u64, sqlx::Error> {
    let seconds = limits
        .limit()
        .saturating_add(GRACE)
        .as_secs()
        .min(4_000_000);
    let sql = format!(
        "SET {} /*M! , max_statement_time = {seconds} */ /*!50708 , max_execution_time = {} */; \
         START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY; SELECT CONNECTION_ID()",
        super::SESSION
            .map(|(name, value)| format!("{name} = {value}"))
            .join(", "),
        seconds * 1000
    );
    let row = sqlx::raw_sql(AssertSqlSafe(sql))
        .fetch_one(connection)
        .await?;
    row.try_get_unchecked::<&str, _>(0)?
        .parse()
        .map_err(|_| sqlx::Error::Protocol("CONNECTION_ID() is no number".to_owned()))
}
