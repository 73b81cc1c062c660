//! Refuses SQL that calls a stored function of the current database under a name that other servers have built in.
//!
//! A stored function may change settings and take locks in a read-only transaction. `SELECT any_value(1)` calls one on
//! MariaDB, which has no ANY_VALUE of its own, where somebody created it.

use std::collections::BTreeSet;

use sqlx::MySqlConnection;

use super::catalogue::text;
use crate::report::Dialect;
use crate::report::lex::{self, Kind};
use crate::source::SourceError;

/// Asks the server whether a name that is called in `sql` is one of its stored functions.
///
/// # Errors
/// Of the server, which did not answer; the inner one names the stored function.
pub(super) async fn check(
    connection: &mut MySqlConnection,
    sql: &str,
) -> Result<Result<(), SourceError>, sqlx::Error> {
    let called = called(sql);
    if called.is_empty() {
        return Ok(Ok(()));
    }
    let marks = vec!["?"; called.len()].join(", ");
    let question = format!(
        "SELECT routine_name FROM information_schema.routines WHERE routine_schema = DATABASE() AND routine_type = \
         'FUNCTION' AND LOWER(routine_name) IN ({marks}) ORDER BY 1 LIMIT 1"
    );
    let mut query = sqlx::query(sqlx::AssertSqlSafe(question));
    for name in called {
        query = query.bind(name);
    }
    let found = query.fetch_optional(connection).await?;
    Ok(match found {
        None => Ok(()),
        Some(row) => Err(SourceError::Writes(format!(
            "the report was not run: it calls the stored function {}, which may act beyond a read-only transaction; if \
             you answer for it, set trusted_sql = true on the report and give its source an account that can only read",
            text(&row, 0)
        ))),
    })
}

/// The names before an opening bracket, in lower case.
fn called(sql: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut last = None;
    for token in lex::tokens(sql, Dialect::MySql).map_while(Result::ok) {
        let text = &sql[token.at..token.end];
        if token.kind == Kind::Comment {
            continue;
        }
        if text == "(" {
            names.extend(last.take());
        }
        last = match token.kind {
            Kind::Word => Some(text.to_lowercase()),
            Kind::Quoted if text.starts_with('`') => {
                Some(text[1..text.len() - 1].replace("``", "`").to_lowercase())
            }
            _ => None,
        };
    }
    names
}
