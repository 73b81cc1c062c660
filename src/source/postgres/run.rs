//! How a query runs, and what the server says where it does not.

use sqlx::postgres::{PgConnection, PgDatabaseError};
use sqlx::{AssertSqlSafe, Executor, Row, Statement as _};

use super::decode::Decoder;
use super::describe::{self, Described};
use super::effects;
use super::params::Statement;
use super::types::Kind;
use crate::source::SourceError;
use crate::source::columns::{Batcher, Column};
use crate::source::failure::Address;
use crate::source::job::{Limits, Listener};
use crate::source::pump::pump;
use crate::source::server::GRACE;

/// Runs the statement and sends every row.
pub(super) async fn stream(
    address: &Address,
    connection: &mut PgConnection,
    statement: &mut Statement,
    limits: &Limits,
    listener: &mut Listener,
) -> Result<(), SourceError> {
    let (sent, before, batcher, mut decoder, prepared) = limits
        .unless_over(
            listener.gone(),
            prepare(address, connection, statement, limits),
        )
        .await?;
    let arguments = statement.arguments()?;
    let rows = prepared.query_with(arguments).fetch(connection);
    pump(
        rows,
        &mut decoder,
        batcher,
        limits,
        listener,
        true,
        |error| failed(address, error, statement, limits, &sent, before),
    )
    .await
}

/// Prepares the statement, in a second form where the server must cast columns to text.
async fn prepare(
    address: &Address,
    connection: &mut PgConnection,
    statement: &mut Statement,
    limits: &Limits,
) -> Result<Prepared, SourceError> {
    let types = statement.types();
    let (plain, described) = loop {
        let sql = AssertSqlSafe(statement.sql().to_owned());
        match (&mut *connection)
            .prepare_with(sqlx::SqlSafeStr::into_sql_str(sql), &types)
            .await
        {
            Ok(prepared) => {
                check(address, connection, statement, limits).await?;
                let described = prepared.columns().iter().map(Described::of).collect();
                break (Some(prepared), described);
            }
            // The driver asks the server for types it does not know, and does not understand every answer.
            Err(sqlx::Error::ColumnDecode { .. }) => {
                check(address, connection, statement, limits).await?;
                let described: Vec<Described> = describe::ask(connection, statement)
                    .await
                    .map_err(|error| failed(address, error, statement, limits, "", 0))?;
                break (None, described);
            }
            Err(error) => {
                let mismatch = error
                    .as_database_error()
                    .and_then(sqlx::error::DatabaseError::code)
                    .is_some_and(|code| ["42883", "42804"].contains(&code.as_ref()));
                if !(mismatch && statement.next_variant()) {
                    return Err(failed(
                        address,
                        error,
                        statement,
                        limits,
                        statement.sql(),
                        0,
                    ));
                }
                sqlx::raw_sql("ROLLBACK")
                    .execute(&mut *connection)
                    .await
                    .map_err(|error| address.lost(&error))?;
                begin(connection, limits)
                    .await
                    .map_err(|error| address.lost(&error))?;
            }
        }
    };
    let kinds: Vec<Kind> = described.iter().map(|column| column.kind).collect();
    let columns = described
        .iter()
        .map(|column| Column::new(&column.name, column.kind.arrow(), &column.type_name))
        .collect();
    let batcher = Batcher::new(columns);
    if let Some(plain) = plain.filter(|_| !kinds.contains(&Kind::Cast)) {
        return Ok((
            statement.sql().to_owned(),
            0,
            batcher,
            Decoder::new(kinds),
            plain,
        ));
    }
    // The type's own output function, as psql prints it: a cast to text may differ (`inet`). The test for NULL
    // is the one that takes a composite of NULLs for a value.
    let picked = kinds
        .iter()
        .enumerate()
        .map(|(i, kind)| match (i + 1, kind) {
            (i, Kind::Cast) => {
                format!("CASE WHEN c{i} IS DISTINCT FROM NULL THEN format('%s', c{i}) END")
            }
            (i, _) => format!("c{i}"),
        })
        .collect::<Vec<_>>()
        .join(", ");
    let before = format!("SELECT {picked} FROM (\n");
    let names = describe::names(kinds.len());
    let sent = format!("{before}{}\n) AS report ({names})", statement.sql());
    let sql = sqlx::SqlSafeStr::into_sql_str(AssertSqlSafe(sent.clone()));
    let prepared = (&mut *connection)
        .prepare_with(sql, &types)
        .await
        .map_err(|error| failed(address, error, statement, limits, &sent, before.len()))?;
    Ok((sent, before.len(), batcher, Decoder::new(kinds), prepared))
}

/// Refuses SQL that is not known to only read. Nothing of it has run yet.
async fn check(
    address: &Address,
    connection: &mut PgConnection,
    statement: &Statement,
    limits: &Limits,
) -> Result<(), SourceError> {
    limits.refuse()?;
    if limits.trusted() {
        return Ok(());
    }
    effects::check(address, connection, statement.sql()).await
}

/// The error of a query, with the position in the report's SQL where the server tells one.
fn failed(
    address: &Address,
    error: sqlx::Error,
    statement: &Statement,
    limits: &Limits,
    sent: &str,
    before: usize,
) -> SourceError {
    let sqlx::Error::Database(database) = &error else {
        return address.lost(&error);
    };
    let Some(error) = database.try_downcast_ref::<PgDatabaseError>() else {
        return SourceError::Other(database.to_string());
    };
    let message = format!("{} ({})", error.message(), error.code());
    match error.code() {
        "57014" if error.message().contains("statement timeout") => {
            SourceError::Timeout(limits.limit())
        }
        "57P01" | "57P02" | "57P03" => SourceError::Lost(format!(
            "the server ended the connection to {address}: {message}; run the report again"
        )),
        "25006" => SourceError::Writes(format!(
            "the report's SQL would write, and reports run read-only: {message}"
        )),
        _ => SourceError::Sql {
            message: error
                .hint()
                .map_or(message.clone(), |hint| format!("{message}. {hint}")),
            position: match error.position() {
                Some(sqlx::postgres::PgErrorPosition::Original(at)) => {
                    statement.position(sent, at, before)
                }
                _ => None,
            },
        },
    }
}

type Prepared = (String, usize, Batcher, Decoder, sqlx::postgres::PgStatement);

/// Opens the snapshot, with a time limit of the server's own behind ours; answers the process id.
pub(super) async fn begin(
    connection: &mut PgConnection,
    limits: &Limits,
) -> Result<i32, sqlx::Error> {
    let limit = limits
        .limit()
        .saturating_add(GRACE)
        .as_millis()
        .min(i32::MAX as u128);
    let sql = format!(
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = {limit}; \
         SET LOCAL standard_conforming_strings = on; SELECT pg_backend_pid()"
    );
    sqlx::raw_sql(AssertSqlSafe(sql))
        .fetch_one(connection)
        .await?
        .try_get(0)
}
