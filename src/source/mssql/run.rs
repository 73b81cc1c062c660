//! How does a query run?

use std::collections::BTreeMap;
use std::future::ready;

use futures::{Stream, StreamExt};
use tiberius::error::Error;
use tiberius::{ColumnData, QueryItem, QueryStream, Row, ToSql};

use super::decode::Decoder;
use super::describe::{self, Described, Kind};
use super::failure;
use super::link::Link;
use super::params::Statement;
use super::readonly;
use super::snapshot::{mixes, no_snapshot};
use crate::source::SourceError;
use crate::source::failure::Address;
use crate::source::job::{Limits, Listener};
use crate::source::notices::Notices;
use crate::source::pump::pump;

/// Results of a batch after the first, by their place: the names of the columns.
type Others = BTreeMap<usize, String>;
/// So many of them are named.
const NAMED: usize = 20;
/// What a transaction that reads a snapshot is refused, and another is not: a table of a database that allows none, a
/// table that is kept in memory.
const NOT_IN_A_SNAPSHOT: [u32; 4] = [3952, 3953, 3957, 41_332];

/// Runs the statement, sends every row of its first result, and tells what the server said besides.
pub(super) async fn stream(
    address: &Address,
    link: &mut Link,
    statement: &Statement,
    limits: &Limits,
    listener: &mut Listener,
) -> Result<(), SourceError> {
    let described = {
        let ask = async {
            let described = describe::ask(link, statement).await;
            described.map_err(|error| failure::lost(address, &error))
        };
        limits.unless_over(listener.gone(), ask).await
    };
    // Cancelled in the middle of its own question, a connection is as little worth as in the middle of rows.
    let described = described.inspect_err(|_| link.busy = true)?;
    let notices = Notices::of_mssql();
    let mut run = Run {
        address,
        statement,
        limits,
        others: Others::new(),
    };
    link.busy = true;
    let mut result = notices.listen(run.run(link, described, listener)).await;
    // The driver tells an error of the server when it has read the whole answer.
    link.busy = !matches!(
        result,
        Ok(()) | Err(SourceError::Sql { .. } | SourceError::Writes(_))
    );
    if result.is_ok() {
        let open = link.in_transaction().await;
        result = open
            .map_err(|error| failure::lost(address, &error))
            .and_then(|open| {
                let stays = if open {
                    Ok(())
                } else {
                    Err(ended_its_transaction())
                };
                stays.inspect_err(|_| link.busy = true)
            });
    }
    let ended_by_us = matches!(
        result,
        Err(SourceError::Cancelled | SourceError::Timeout(_))
    );
    if notices.committed() && !ended_by_us {
        (result, link.busy) = (Err(ended_its_transaction()), true);
    }
    let mut said = notices.said();
    said.extend(left_out(&run.others));
    if result.is_ok() && mixes(link, statement) {
        said.push(format!(
            "no snapshot was read: {}",
            no_snapshot(&address.database)
        ));
    }
    listener.times.set_notices(said);
    match (result, notices.errors().get(1..)) {
        // The driver's own error is the first of them.
        (Err(SourceError::Sql { message, position }), Some(more @ [_, ..])) => {
            Err(SourceError::Sql {
                message: format!("{message}; {}", more.join("; ")),
                position,
            })
        }
        (result, _) => result,
    }
}

struct Run<'a> {
    address: &'a Address,
    statement: &'a Statement,
    limits: &'a Limits,
    others: Others,
}

impl Run<'_> {
    fn failed(&self, error: &Error) -> SourceError {
        failure::query(self.address, error, self.statement, self.limits)
    }

    async fn run(
        &mut self,
        link: &mut Link,
        described: Option<Vec<Described>>,
        listener: &mut Listener,
    ) -> Result<(), SourceError> {
        if link.describes && described.is_none() {
            // What the server could not tell may have ended the transaction.
            let in_snapshot = link.snapshot;
            let again = self.begin_again(link, in_snapshot);
            self.limits.unless_over(listener.gone(), again).await?;
        }
        let values = self.statement.values();
        let exact = described
            .as_ref()
            .filter(|_| readonly::is_single(self.statement.sql()))
            .and_then(|columns| describe::without_money(columns, self.statement));
        if let Some(sql) = exact {
            let around = [
                ColumnData::String(Some(self.statement.sql().to_owned().into())),
                ColumnData::String(Some(self.statement.declarations().into())),
            ];
            let params: Vec<&dyn ToSql> = around.iter().chain(values).map(param).collect();
            if let Some(rows) = self
                .limits
                .unless_over(listener.gone(), async {
                    match link.client.query(sql, &params).await {
                        Ok(rows) => Ok(Some(rows)),
                        // Is the report wrong, or what stands around it? Without it the answer is the report's own.
                        Err(Error::Server(_)) => Ok(None),
                        Err(error) => Err(self.failed(&error)),
                    }
                })
                .await?
            {
                return self.read(rows, described, listener).await;
            }
            // The error may have ended the transaction.
            let in_snapshot = link.snapshot;
            let again = self.begin_again(link, in_snapshot);
            self.limits.unless_over(listener.gone(), again).await?;
        }
        let params: Vec<&dyn ToSql> = values.iter().map(param).collect();
        loop {
            let in_snapshot = link.snapshot;
            if let Some(rows) = self
                .limits
                .unless_over(listener.gone(), async {
                    match link.client.query(self.statement.sql(), &params).await {
                        Ok(rows) => Ok(Some(rows)),
                        Err(Error::Server(error))
                            if in_snapshot && NOT_IN_A_SNAPSHOT.contains(&error.code()) =>
                        {
                            Ok(None)
                        }
                        Err(error) => Err(self.failed(&error)),
                    }
                })
                .await?
            {
                return self.read(rows, described, listener).await;
            }
            let again = self.begin_again(link, false);
            self.limits.unless_over(listener.gone(), again).await?;
        }
    }

    /// Begins the transaction anew.
    async fn begin_again(&self, link: &mut Link, snapshot: bool) -> Result<(), SourceError> {
        let begun = async {
            link.end().await?;
            if snapshot {
                link.begin(self.limits).await
            } else {
                link.begin_without_snapshot(self.limits).await
            }
        };
        begun.await.map(drop).map_err(|error| self.failed(&error))
    }

    /// Sends the rows of the first result.
    async fn read(
        &mut self,
        mut rows: QueryStream<'_>,
        described: Option<Vec<Described>>,
        listener: &mut Listener,
    ) -> Result<(), SourceError> {
        let told = self
            .limits
            .unless_over(listener.gone(), async {
                let columns = rows.columns().await.map_err(|error| self.failed(&error))?;
                Ok(columns.map(|columns| columns.iter().map(Described::of).collect::<Vec<_>>()))
            })
            .await?;
        let Some(told) = told else {
            return Err(SourceError::Sql {
                message: "the SQL has no result; write a SELECT".to_owned(),
                position: None,
            });
        };
        let columns = match described {
            Some(described) if described.len() == told.len() => described,
            _ => told,
        };
        let known = columns.iter().all(|column| column.kind != Kind::AnyDecimal);
        let (mut decoder, batcher) = Decoder::new(&columns);
        let (address, statement, limits) = (self.address, self.statement, self.limits);
        let failed = |error: Error| failure::query(address, &error, statement, limits);
        let rows = first_result(rows, &mut self.others);
        pump(rows, &mut decoder, batcher, limits, listener, known, failed).await
    }
}

/// The sentence for SQL that passed every check and ended the transaction that would have undone its writes.
fn ended_its_transaction() -> SourceError {
    SourceError::Writes(
        "the report ended the transaction that it ran in, so that nothing it wrote was undone; look at what it changed, \
         correct its SQL, and give its source a login that can only read"
            .to_owned(),
    )
}

fn param<'a>(value: &'a ColumnData<'static>) -> &'a dyn ToSql {
    value
}

/// The rows of the first result; of the others only their columns are remembered.
fn first_result(
    rows: QueryStream<'_>,
    others: &mut Others,
) -> impl Stream<Item = Result<Row, Error>> + Send {
    rows.filter_map(move |item| {
        ready(match item {
            Ok(QueryItem::Row(row)) => (row.result_index() == 0).then_some(Ok(row)),
            Ok(QueryItem::Metadata(result)) => {
                if result.result_index() > 0 {
                    let names = result.columns().iter().map(tiberius::Column::name);
                    let named = others.len() < NAMED;
                    let names = if named { names.collect() } else { Vec::new() };
                    others.insert(result.result_index(), names.join(", "));
                }
                None
            }
            Err(error) => Some(Err(error)),
        })
    })
}

/// The sentence about results that are not the report's.
fn left_out(others: &Others) -> Option<String> {
    let named: Vec<_> = others
        .iter()
        .take(NAMED)
        .map(|(i, names)| format!("result {} ({names})", i + 1))
        .collect();
    let more = if others.len() > NAMED { ", ..." } else { "" };
    (!named.is_empty()).then(|| {
        format!(
            "the SQL has {} results, and the first is the report; left out: {}{more}",
            others.len() + 1,
            named.join(", ")
        )
    })
}
