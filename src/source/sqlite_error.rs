//! What SQLite's errors mean, and where in the SQL they are.

use std::path::Path;

use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, Executor, SqlSafeStr};

use super::{SourceError, transient};
use crate::report::{Dialect, lex};

/// Extended codes of `SQLITE_READONLY`: a file that can only be read with more rights than the account has.
const READONLY_RECOVERY: i32 = 8 | 1 << 8;
const READONLY_CANTLOCK: i32 = 8 | 2 << 8;
const READONLY_ROLLBACK: i32 = 8 | 3 << 8;
const READONLY_DBMOVED: i32 = 8 | 4 << 8;
const READONLY_CANTINIT: i32 = 8 | 5 << 8;
const READONLY_DIRECTORY: i32 = 8 | 6 << 8;

/// An error while the file is opened.
pub(super) fn on_open(error: sqlx::Error, path: &Path) -> SourceError {
    match on_run(&error, None) {
        SourceError::Sql { message, .. }
        | SourceError::Busy(message)
        | SourceError::Other(message) => SourceError::Connect(format!(
            "the SQLite file {} cannot be opened: {message}; check that it is a SQLite database and readable",
            path.display()
        )),
        error => error,
    }
}

/// An error of a query.
pub(super) fn on_run(error: &sqlx::Error, position: Option<(usize, usize)>) -> SourceError {
    let sqlx::Error::Database(database) = error else {
        return match error {
            sqlx::Error::WorkerCrashed => {
                SourceError::Lost("SQLite's thread ended early; run the report again".to_owned())
            }
            other => SourceError::Other(format!("SQLite: {other}")),
        };
    };
    let code: i32 = database
        .code()
        .and_then(|code| code.parse().ok())
        .unwrap_or_default();
    let message = database.message();
    match code & 0xff {
        _ if message.contains("variable number must be between")
            || message.contains("too many SQL variables") =>
        {
            SourceError::Param(format!(
                "the report binds more values than SQLite takes in one query ({message}); give shorter lists, or keep \
                 the values in a table and join it"
            ))
        }
        1 if message.starts_with("no such function") && option_env!("LIBSQLITE3_FLAGS").is_none() => {
            SourceError::Sql {
                message: format!(
                    "SQLite: {message}; this program was built without the options of .cargo/config.toml, which bring \
                     the math functions: build it inside the project's folder"
                ),
                position,
            }
        }
        1 | 18 | 20 | 25 => SourceError::Sql {
            message: format!("SQLite: {message}"),
            position,
        },
        5 | 6 => SourceError::Busy(format!(
            "SQLite: {message} for five seconds; end the writer's transaction, or switch the file to WAL"
        )),
        8 => match code {
            READONLY_RECOVERY | READONLY_CANTLOCK | READONLY_CANTINIT | READONLY_DIRECTORY => {
                SourceError::Connect(
                    "the SQLite file is in WAL mode, and to read it this account must be able to make its -wal and -shm \
                     files; let the account write the file's folder, or run PRAGMA journal_mode = DELETE once on the \
                     file with an account that may write it"
                        .to_owned(),
                )
            }
            READONLY_ROLLBACK => SourceError::Connect(
                "a program was cut off in the middle of a transaction on the SQLite file, and this account may not roll \
                 it back; open the file once with an account that may write it and its folder"
                    .to_owned(),
            ),
            READONLY_DBMOVED => SourceError::Lost(
                "the SQLite file was moved or replaced while the query ran; run the report again".to_owned(),
            ),
            _ => SourceError::Writes(format!(
                "the report was not run: it would write ({message}); a report only reads"
            )),
        },
        9 => SourceError::Cancelled,
        14 => SourceError::Connect(format!(
            "SQLite: {message}; check the file and its folder's permissions"
        )),
        11 | 26 => SourceError::Connect(format!(
            "SQLite: {message}; check the file with PRAGMA integrity_check"
        )),
        _ if transient::sqlite(code) => {
            SourceError::Busy(format!("SQLite: {message} (code {code})"))
        }
        _ => SourceError::Sql {
            message: format!("SQLite: {message} (code {code})"),
            position,
        },
    }
}

/// Byte offset of an error in the SQL that was sent, where it can be told for certain. SQLite knows it and sqlx does
/// not hand it out, so that it is found again from the message.
pub(super) async fn place(
    error: &sqlx::Error,
    sql: &str,
    connection: &mut SqliteConnection,
) -> Option<usize> {
    let message = error.as_database_error()?.message().to_owned();
    let tokens: Vec<lex::Token> = lex::tokens(sql, Dialect::Sqlite)
        .collect::<Result<_, _>>()
        .ok()?;
    if message == "incomplete input" {
        return Some(sql.trim_end().len());
    }
    if let Some(near) = message
        .strip_prefix("near \"")
        .and_then(|rest| rest.strip_suffix("\": syntax error"))
    {
        // SQL up to a token is merely incomplete as long as the grammar still follows.
        for token in tokens
            .iter()
            .filter(|token| sql[token.at..].starts_with(near))
        {
            let until = sql[..token.at + near.len()].to_owned();
            let Err(error) = connection
                .prepare(AssertSqlSafe(until).into_sql_str())
                .await
            else {
                continue;
            };
            if error
                .as_database_error()
                .is_some_and(|error| error.message() == message)
            {
                return Some(token.at);
            }
        }
        return None;
    }
    let name = [
        "no such column: ",
        "no such table: ",
        "no such function: ",
        "ambiguous column name: ",
    ]
    .into_iter()
    .find_map(|start| message.strip_prefix(start))?;
    let name = name.rsplit('.').next()?;
    let mut found = tokens.iter().filter(|token| {
        let text = sql[token.at..token.end].trim_matches(['"', '`', '[', ']']);
        token.kind != lex::Kind::Comment
            && !sql[token.at..].starts_with('\'')
            && text.eq_ignore_ascii_case(name)
    });
    match (found.next(), found.next()) {
        (Some(only), None) => Some(only.at),
        _ => None,
    }
}
