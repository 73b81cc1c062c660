//! A query from its place to its last row, and its end on the server when it is not wanted any more.

use std::time::Instant;

use sqlx::mysql::{MySqlConnection, MySqlDatabaseError};
use sqlx::{AssertSqlSafe, Connection, Executor, Row, SqlSafeStr, Statement as _};

use super::Inner;
use super::decode::Decoder;
use super::params::Statement;
use crate::source::SourceError;
use crate::source::job::{Limits, Listener};
use crate::source::pump::pump;

/// The server ends the query this many seconds after us, should we not be there any more.
const GRACE: u64 = 10;

impl Inner {
    /// Runs the statement and tells the listener all about it.
    pub(super) async fn run(
        &self,
        statement: Statement,
        limits: Limits,
        mut listener: Listener,
        started: Instant,
    ) {
        let session = limits
            .unless_over(listener.gone(), self.session(&limits))
            .await;
        let (mut connection, id) = match session {
            Ok(session) => session,
            Err(error) => return listener.end(Err(error)).await,
        };
        listener.times.set_pool(started.elapsed());
        let result = self
            .stream(&mut connection, &statement, &limits, &mut listener)
            .await;
        if matches!(
            result,
            Err(SourceError::Cancelled | SourceError::Timeout(_))
        ) {
            drop(connection);
            self.kill(id).await;
            return listener.end(result).await;
        }
        let broken = matches!(result, Err(SourceError::Lost(_)));
        listener.end(result).await;
        // Schemas change between runs: nothing prepared is kept.
        if !broken
            && sqlx::raw_sql("ROLLBACK")
                .execute(&mut connection)
                .await
                .is_ok()
            && connection.clear_cached_statements().await.is_ok()
        {
            self.idle.put(connection);
        }
    }

    /// A connection in a read-only transaction with its snapshot taken, and its number on the server.
    async fn session(&self, limits: &Limits) -> Result<(MySqlConnection, u64), SourceError> {
        // One that waited may have been closed meanwhile; a new one tells the truth.
        while let Some(mut connection) = self.idle.take() {
            if let Ok(id) = begin(&mut connection, limits).await {
                return Ok((connection, id));
            }
        }
        let mut connection = self.connect().await?;
        let ready = async {
            // For the session too: a statement that ends the transaction by itself finds the next one read-only.
            sqlx::raw_sql("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ; SET SESSION TRANSACTION READ ONLY")
                .execute(&mut connection)
                .await?;
            begin(&mut connection, limits).await
        };
        let id = ready
            .await
            .map_err(|error| self.address.unreachable(&error))?;
        Ok((connection, id))
    }

    async fn stream(
        &self,
        connection: &mut MySqlConnection,
        statement: &Statement,
        limits: &Limits,
        listener: &mut Listener,
    ) -> Result<(), SourceError> {
        let failed = |error| self.failed(error, statement, limits);
        let sql = AssertSqlSafe(statement.sql().to_owned()).into_sql_str();
        let prepare = async { (&mut *connection).prepare(sql).await.map_err(failed) };
        let prepared = limits.unless_over(listener.gone(), prepare).await?;
        let (mut decoder, batcher) = Decoder::new(prepared.columns());
        let known = !decoder.has_decimals() && !statement.binds();
        let rows = prepared
            .query_with(statement.arguments()?)
            .fetch(connection);
        pump(rows, &mut decoder, batcher, limits, listener, known, failed).await
    }

    /// The error of a query, with the position in the report's SQL where the server tells one.
    fn failed(&self, error: sqlx::Error, statement: &Statement, limits: &Limits) -> SourceError {
        let sqlx::Error::Database(database) = &error else {
            return self.address.lost(&error);
        };
        let Some(error) = database.try_downcast_ref::<MySqlDatabaseError>() else {
            return SourceError::Other(database.to_string());
        };
        let message = format!("{} ({})", error.message(), error.number());
        match error.number() {
            1969 | 3024 => SourceError::Timeout(limits.limit()),
            1053 | 1317 | 1927 => SourceError::Lost(format!(
                "the server {} ended the query: {message}; run the report again",
                self.address
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
}

/// Takes the snapshot, with a time limit of the server's own behind ours; answers the connection's number. MariaDB
/// reads the first comment and MySQL the second.
async fn begin(connection: &mut MySqlConnection, limits: &Limits) -> Result<u64, sqlx::Error> {
    let seconds = limits
        .limit()
        .as_secs()
        .saturating_add(GRACE)
        .min(4_000_000);
    let sql = format!(
        "SET time_zone = '+00:00' /*M! , max_statement_time = {seconds} */ /*!50708 , max_execution_time = {} */; \
         START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY; SELECT CONNECTION_ID()",
        seconds * 1000
    );
    let row = sqlx::raw_sql(AssertSqlSafe(sql))
        .fetch_one(connection)
        .await?;
    row.try_get_unchecked::<&str, _>(0)?
        .parse()
        .map_err(|_| sqlx::Error::Protocol("CONNECTION_ID() is no number".to_owned()))
}
