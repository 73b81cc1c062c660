//! How a query runs, and what the server says where it does not.
//!
//! Everything is in one transaction and in statements without a name, so that a pooler between us and the server may give
//! each transaction another connection.

use std::collections::BTreeSet;

use sqlx::postgres::{PgConnection, PgDatabaseError, PgRow};
use sqlx::{AssertSqlSafe, Executor, Row};

use super::decode::Decoder;
use super::describe::{self, Described};
use super::effects;
use super::params::{ATTEMPTS, Attempt, Inferred, Sent, Statement, without_semicolon};
use super::session;
use super::types::Kind;
use crate::report::{Dialect, lex};
use crate::source::SourceError;
use crate::source::columns::{Batcher, Column};
use crate::source::failure::Address;
use crate::source::job::{Limits, Listener};
use crate::source::notices::Notices;
use crate::source::pump::pump;
use crate::source::transient;

/// A parameter takes part in no type that can be inferred: the server then reads a quoted literal as text.
const NO_TYPE: &str = "42P18";
/// After so many of these every parameter is text.
const NO_TYPES: usize = 16;
/// A function or an operator that does not exist for these types, or more than one that does.
const MISMATCHES: [&str; 7] = [
    "42883", "42804", "42725", "42P08", "42846", "42803", NO_TYPE,
];
/// The statement without a name is gone: to learn a type, the driver asked in between, which ends it. Now it knows the
/// type.
const GONE: &str = "26000";
/// What stands around the report may be what the server does not understand.
const SYNTAX: &str = "42601";

/// What does not change while a query is prepared.
struct Run<'a> {
    address: &'a Address,
    limits: &'a Limits,
    settings: &'a session::Settings,
}

/// A statement that is ready to be sent.
struct Prepared {
    sent: String,
    /// Bytes of `sent` before the report's own.
    before: usize,
    /// Whether the columns are known before the first row.
    known: bool,
    batcher: Batcher,
    decoder: Decoder,
}

/// Runs the statement, sends every row, and keeps the server's notices.
pub(super) async fn stream(
    address: &Address,
    settings: &session::Settings,
    connection: &mut PgConnection,
    statement: &mut Statement,
    limits: &Limits,
    listener: &mut Listener,
) -> Result<(), SourceError> {
    let run = Run {
        address,
        limits,
        settings,
    };
    let Prepared {
        sent,
        before,
        known,
        batcher,
        mut decoder,
    } = limits
        .unless_over(listener.gone(), run.prepare(connection, statement))
        .await?;
    let query = unnamed(&sent, statement)?;
    let sent = Sent::new(statement.rendered(), &sent, before);
    let failed = |error| failed(address, &error, statement, limits, Some(sent));
    let rows = query.fetch(connection);
    let notices = Notices::of_postgres();
    let pumped = pump(rows, &mut decoder, batcher, limits, listener, known, failed);
    let result = notices.listen(pumped).await;
    listener.times.set_notices(notices.said());
    result
}

impl Run<'_> {
    /// Finds out the types of the values and of the columns. The next attempt is made where types do not fit; if none
    /// succeeds, what is wrong with the first is what is wrong with the report.
    async fn prepare(
        &self,
        connection: &mut PgConnection,
        statement: &mut Statement,
    ) -> Result<Prepared, SourceError> {
        self.check(connection, statement).await?;
        let mut first = None;
        let attempts = if statement.binds() {
            &ATTEMPTS[..]
        } else {
            &ATTEMPTS[..1]
        };
        for attempt in attempts {
            match self.attempt(connection, statement, *attempt).await? {
                Ok(prepared) => return Ok(prepared),
                Err(error) => drop(first.get_or_insert(error)),
            }
            self.begin_again(connection).await?;
        }
        Err(first.unwrap_or(SourceError::Cancelled))
    }

    /// The outer error ends all attempts, the inner one this attempt.
    async fn attempt(
        &self,
        connection: &mut PgConnection,
        statement: &mut Statement,
        attempt: Attempt,
    ) -> Result<Result<Prepared, SourceError>, SourceError> {
        let types = match self.infer(connection, statement, attempt).await? {
            Ok(types) => types,
            Err(error) => return Ok(Err(error)),
        };
        statement.take(attempt, &types)?;
        let mut learned = false;
        loop {
            let (sql, before) = describe::around(statement.sql());
            let query = unnamed(&sql, statement)?;
            let described = match query.fetch_one(&mut *connection).await {
                Ok(row) => row.columns().iter().map(Described::of).collect(),
                // The driver asks the server for types it does not know, and does not understand every answer.
                Err(sqlx::Error::ColumnDecode { .. }) => {
                    match describe::ask(connection, statement).await {
                        Ok(described) => described,
                        Err(error) => return Err(self.failed(&error, statement, None)),
                    }
                }
                Err(error) => match code(&error).as_deref() {
                    Some(GONE) if !learned => {
                        learned = true;
                        self.begin_again(connection).await?;
                        continue;
                    }
                    // SHOW and EXPLAIN have no place in a subselect; an error of the report is reported without the text around it.
                    Some(SYNTAX) => {
                        self.begin_again(connection).await?;
                        if !self.limits.trusted() && !is_show(statement.sql()) {
                            let parsed = self.parses(connection, statement).await;
                            parsed.map_err(|(error, _)| error)?;
                        }
                        return Ok(Ok(Prepared::plain(statement)));
                    }
                    found => {
                        let mismatch = found.is_some_and(|code| MISMATCHES.contains(&code));
                        let sent = Sent::new(statement.rendered(), &sql, before);
                        let error = self.failed(&error, statement, Some(sent));
                        return if mismatch { Ok(Err(error)) } else { Err(error) };
                    }
                },
            };
            return Ok(Ok(Prepared::new(statement, described)));
        }
    }

    /// The types that the server infers for the placeholders. They are asked for with PREPARE, which plans nothing, and
    /// which leaves nothing behind.
    async fn infer(
        &self,
        connection: &mut PgConnection,
        statement: &Statement,
        attempt: Attempt,
    ) -> Result<Result<Inferred, SourceError>, SourceError> {
        let Some((rendered, numbers)) = statement.probe(attempt)? else {
            return Ok(Ok(Inferred::new()));
        };
        let mut texts = BTreeSet::new();
        loop {
            let name = format!("lookaside_{:016x}", rand::random::<u64>());
            let declared: Vec<&str> = (1..=numbers)
                .map(|number| {
                    if texts.contains(&number) || texts.len() > NO_TYPES {
                        "text"
                    } else {
                        "unknown"
                    }
                })
                .collect();
            let before = if texts.is_empty() {
                format!("PREPARE {name} AS ")
            } else {
                format!("PREPARE {name} ({}) AS ", declared.join(", "))
            };
            let sent = before.clone() + without_semicolon(&rendered.sql);
            let Err(error) = ours(&sent).execute(&mut *connection).await else {
                return self.types(connection, &name).await.map(Ok);
            };
            let code = code(&error).unwrap_or_default();
            if code == NO_TYPE && number(&error).is_some_and(|number| texts.insert(number)) {
                self.begin_again(connection).await?;
            } else if MISMATCHES.contains(&code.as_str()) {
                let sent = Sent::new(&rendered, &sent, before.len());
                return Ok(Err(self.failed(&error, statement, Some(sent))));
            } else {
                // The statement itself reports any other error, without the PREPARE around it.
                self.begin_again(connection).await?;
                return Ok(Ok(Inferred::new()));
            }
        }
    }

    async fn types(
        &self,
        connection: &mut PgConnection,
        name: &str,
    ) -> Result<Inferred, SourceError> {
        let asked = async {
            let rows = ours(&format!(
                "SELECT CASE WHEN t.typtype <> 'p' AND t.oid NOT IN (25, 705) THEN format_type(t.oid, -1) END \
                   FROM pg_prepared_statements s, unnest(s.parameter_types) WITH ORDINALITY AS p (type, place) \
                   JOIN pg_type t ON t.oid = p.type WHERE s.name = '{name}' ORDER BY p.place"
            ))
            .fetch_all(&mut *connection)
            .await?;
            ours(&format!("DEALLOCATE {name}"))
                .execute(&mut *connection)
                .await?;
            rows.iter().map(|row| row.try_get(0)).collect()
        };
        let types: Result<Inferred, sqlx::Error> = asked.await;
        types.map_err(|error| self.address.lost(&error))
    }

    /// Refuses SQL that is not known to only read, before anything runs that it stands in. Where the server finds an
    /// error in it, that error is returned instead.
    async fn check(
        &self,
        connection: &mut PgConnection,
        statement: &Statement,
    ) -> Result<(), SourceError> {
        if self.limits.trusted() {
            return Ok(());
        }
        let Err(refusal) = self.limits.refuse() else {
            return effects::check(self.address, connection, statement.sql()).await;
        };
        match self.parses(connection, statement).await {
            Err((error, code)) if !MISMATCHES.contains(&code.as_str()) => Err(error),
            _ => Err(refusal),
        }
    }

    /// Has the server read the report as it stands, and nothing more. An error comes with the server's code.
    async fn parses(
        &self,
        connection: &mut PgConnection,
        statement: &Statement,
    ) -> Result<(), (SourceError, String)> {
        let name = format!("lookaside_{:016x}", rand::random::<u64>());
        let before = format!("PREPARE {name} AS ");
        let sent = before.clone() + statement.sql();
        let prepared = ours(&sent).execute(&mut *connection).await;
        prepared.map_err(|error| {
            let sent = Sent::new(statement.rendered(), &sent, before.len());
            let code = code(&error).unwrap_or_default();
            (self.failed(&error, statement, Some(sent)), code)
        })?;
        let ended = ours(&format!("DEALLOCATE {name}"))
            .execute(&mut *connection)
            .await;
        ended
            .map(drop)
            .map_err(|error| (self.address.lost(&error), String::new()))
    }

    fn failed(
        &self,
        error: &sqlx::Error,
        statement: &Statement,
        sent: Option<Sent<'_>>,
    ) -> SourceError {
        failed(self.address, error, statement, self.limits, sent)
    }

    /// An error has ended the transaction.
    async fn begin_again(&self, connection: &mut PgConnection) -> Result<(), SourceError> {
        let begun = async {
            (&mut *connection).execute("ROLLBACK").await?;
            session::begin(connection, self.settings, self.limits).await
        };
        begun
            .await
            .map(drop)
            .map_err(|error| self.address.lost(&error))
    }
}

impl Prepared {
    /// As the report stands; the first row tells the columns.
    fn plain(statement: &Statement) -> Self {
        Self {
            sent: statement.sql().to_owned(),
            before: 0,
            known: false,
            batcher: Batcher::new(Vec::new()),
            decoder: Decoder::new(Vec::new()),
        }
    }

    /// In a second form where the server must make the text of a column.
    fn new(statement: &Statement, described: Vec<Described>) -> Self {
        let kinds: Vec<Kind> = described.iter().map(|column| column.kind).collect();
        let (before, after) = if kinds.contains(&Kind::Cast) {
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
            let names = describe::names(kinds.len());
            (
                format!("SELECT {picked} FROM (\n"),
                format!("\n) AS report ({names})"),
            )
        } else {
            (String::new(), String::new())
        };
        Self {
            sent: format!("{before}{}{after}", statement.sql()),
            before: before.len(),
            known: true,
            batcher: Batcher::new(described.iter().map(Described::column).collect()),
            decoder: Decoder::new(kinds),
        }
    }
}

impl Described {
    /// An empty column of a result.
    pub(super) fn column(&self) -> Column {
        Column::new(&self.name, self.kind.arrow(), &self.type_name)
    }
}

type PgQuery<'q> = sqlx::query::Query<'q, sqlx::Postgres, sqlx::postgres::PgArguments>;

/// The report's statement, with its values and without a name.
fn unnamed<'q>(sql: &str, statement: &Statement) -> Result<PgQuery<'q>, SourceError> {
    let arguments = statement.arguments()?;
    Ok(sqlx::query_with(AssertSqlSafe(sql.to_owned()), arguments).persistent(false))
}

/// A statement of ours, which is no batch of several: the server takes one alone in this protocol.
fn ours<'q>(sql: &str) -> PgQuery<'q> {
    sqlx::query(AssertSqlSafe(sql.to_owned())).persistent(false)
}

fn code(error: &sqlx::Error) -> Option<String> {
    Some(error.as_database_error()?.code()?.into_owned())
}

/// SHOW, which the server does not take for a query.
fn is_show(sql: &str) -> bool {
    lex::tokens(sql, Dialect::Postgres)
        .flatten()
        .find(|token| token.kind != lex::Kind::Comment)
        .is_some_and(|token| sql[token.at..token.end].eq_ignore_ascii_case("show"))
}

/// The number of the placeholder that a message names, in any language.
fn number(error: &sqlx::Error) -> Option<usize> {
    let message = error.as_database_error()?.message();
    let (_, rest) = message.split_once('$')?;
    let end = rest
        .find(|sign: char| !sign.is_ascii_digit())
        .unwrap_or(rest.len());
    rest[..end].parse().ok()
}

/// The error of a query, with the position in the report's SQL where the server tells one.
fn failed(
    address: &Address,
    error: &sqlx::Error,
    statement: &Statement,
    limits: &Limits,
    sent: Option<Sent<'_>>,
) -> SourceError {
    let Some(error) = error
        .as_database_error()
        .and_then(|error| error.try_downcast_ref::<PgDatabaseError>())
    else {
        return address.lost(error);
    };
    let message = format!("{} ({})", error.message(), error.code());
    match error.code() {
        "57014" if error.message().contains("statement timeout") => {
            SourceError::Timeout(limits.limit())
        }
        // The server or a pooler before it ended the connection.
        code if matches!(code, "57P01" | "57P02" | "57P03" | "57P05" | "25P03")
            || code.starts_with("08") =>
        {
            SourceError::Lost(format!(
                "the server ended the connection to {address}: {message}; run the report again"
            ))
        }
        // `INTERVAL :name`: the grammar has a type's name before a quoted literal alone.
        SYNTAX if statement.binds() && error.message().contains("\"$") => SourceError::Sql {
            message: format!(
                "{message}; a parameter does not follow the name of a type: write CAST(:name AS interval), not INTERVAL :name"
            ),
            position: position(error, statement, sent),
        },
        "25006" => SourceError::Writes(format!(
            "the report's SQL would write, and reports run read-only: {message}"
        )),
        code if transient::postgres(code) => SourceError::Busy(message),
        _ => SourceError::Sql {
            message: error
                .hint()
                .map_or(message.clone(), |hint| format!("{message}. {hint}")),
            position: position(error, statement, sent),
        },
    }
}

/// Line and column of an error in the report's SQL.
fn position(
    error: &PgDatabaseError,
    statement: &Statement,
    sent: Option<Sent<'_>>,
) -> Option<(usize, usize)> {
    match error.position() {
        Some(sqlx::postgres::PgErrorPosition::Original(at)) => {
            sent.and_then(|sent| statement.position(sent, at))
        }
        _ => None,
    }
}

/// The columns of a row, for a statement that only its first row describes.
pub(super) fn columns_of(row: &PgRow) -> (Vec<Kind>, Batcher) {
    let described: Vec<Described> = row.columns().iter().map(Described::of).collect();
    let batcher = Batcher::new(described.iter().map(Described::column).collect());
    (
        described.iter().map(|column| column.kind).collect(),
        batcher,
    )
}
