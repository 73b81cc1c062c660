//! How a query runs, and what the server says where it does not.

use sqlx::mysql::{MySqlColumn, MySqlConnection, MySqlDatabaseError};
use sqlx::{AssertSqlSafe, Column, Executor, Row, SqlSafeStr, Statement as _};

use super::catalogue::text;
use super::decode::Decoder;
use super::params::Statement;
use crate::source::SourceError;
use crate::source::failure::Address;
use crate::source::job::{Limits, Listener};
use crate::source::pump::pump;
use crate::source::server::{BETWEEN_LOOKS, GRACE, LOOKS};
use crate::source::transient;

/// Warnings that rows or values are missing: GROUP_CONCAT was cut, LIMIT ROWS EXAMINED or a limit of recursion was
/// reached, a value was truncated, a function's result was larger than `max_allowed_packet`.
const CUT_SHORT: [&str; 4] = ["1260", "1265", "1301", "1931"];

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
    for column in decoder.filled_floats() {
        let scale = scale(connection, &prepared.columns()[column]);
        let scale = limits.unless_over(listener.gone(), async { scale.await.map_err(failed) });
        if let Some(scale) = scale.await? {
            decoder.set_decimals(column, scale);
        }
    }
    let known = !decoder.has_decimals() && !statement.binds();
    let rows = prepared
        .query_with(statement.arguments()?)
        .fetch(&mut *connection);
    pump(rows, &mut decoder, batcher, limits, listener, known, failed).await?;
    let warned = async { Ok(warnings(connection).await.unwrap_or_default()) };
    let warned = limits.unless_over(listener.gone(), warned).await?;
    listener.times.set_notices(warned);
    Ok(())
}

/// The digits after the point that a column of floats declares; `None` where it declares none.
async fn scale(
    connection: &mut MySqlConnection,
    column: &MySqlColumn,
) -> Result<Option<usize>, sqlx::Error> {
    let origin = column.origin();
    let Some(origin) = origin.table_column() else {
        return Ok(None);
    };
    // The driver writes a table with its database in front.
    let row = sqlx::query(
        "SELECT CAST(numeric_scale AS CHAR) FROM information_schema.columns WHERE ? IN (table_name, \
         CONCAT(table_schema, '.', table_name)) AND column_name = ? ORDER BY table_schema <> DATABASE() LIMIT 1",
    )
    .bind(&*origin.table)
    .bind(&*origin.name)
    .fetch_optional(connection)
    .await?;
    Ok(row.and_then(|row| text(&row, 0).parse().ok()))
}

/// What SHOW WARNINGS answers after a statement, equal ones counted.
async fn warnings(connection: &mut MySqlConnection) -> Result<Vec<String>, sqlx::Error> {
    let rows = sqlx::raw_sql("SHOW WARNINGS LIMIT 100")
        .fetch_all(&mut *connection)
        .await?;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let all = sqlx::raw_sql("SHOW COUNT(*) WARNINGS")
        .fetch_one(connection)
        .await?;
    let all: u64 = text(&all, 0).parse().unwrap_or(0);
    let mut counted: Vec<(String, u64)> = Vec::new();
    for row in &rows {
        let (code, message) = (text(row, 1), text(row, 2));
        let cut = if CUT_SHORT.contains(&code.as_str()) {
            "the answer is not whole: "
        } else {
            ""
        };
        let said = format!("{cut}{message} ({code})");
        match counted.iter_mut().find(|(known, _)| *known == said) {
            Some((_, count)) => *count += 1,
            None => counted.push((said, 1)),
        }
    }
    let told = rows.len() as u64;
    let mut said: Vec<String> = counted
        .into_iter()
        .map(|(said, count)| match count {
            1 => said,
            count => format!("{said}, {count} times"),
        })
        .collect();
    if all > told {
        said.push(format!(
            "{} more of the server's warnings are not shown",
            crate::human::count(all - told)
        ));
    }
    Ok(said)
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
        number if transient::mysql(number) => SourceError::Busy(message),
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
    // A statement that reads no table leaves the warnings of the one before as they are; a derived table counts as one.
    let (recursions, all_of_them) = super::MARIADB;
    let sql = format!(
        "SET {} /*M! , {recursions} = {all_of_them} , max_statement_time = {seconds} */ /*!50708 , max_execution_time = {} */; \
         START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY; SELECT * FROM (SELECT CONNECTION_ID()) AS own",
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

/// Ends another connection, and answers whether it is gone.
pub(super) async fn kill(connection: &mut MySqlConnection, id: u64) -> Result<bool, sqlx::Error> {
    match sqlx::raw_sql(AssertSqlSafe(format!("KILL {id}")))
        .execute(&mut *connection)
        .await
    {
        // The query ended before the KILL.
        Err(sqlx::Error::Database(error)) if error.message().contains("Unknown thread") => {
            return Ok(true);
        }
        Err(error) => return Err(error),
        Ok(_) => {}
    }
    // KILL only leaves a mark, which a query sees when it looks for one.
    let look = format!("SELECT id FROM information_schema.processlist WHERE id = {id}");
    for _ in 0..LOOKS {
        let found = sqlx::raw_sql(AssertSqlSafe(look.clone()))
            .fetch_optional(&mut *connection)
            .await?;
        if found.is_none() {
            return Ok(true);
        }
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
    Ok(false)
}
