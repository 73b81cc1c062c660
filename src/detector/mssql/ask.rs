//! How is the server asked? Like by a report, over a connection of our own: a slow report that holds the source's only
//! place must not make the detector look away.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::report::Params;
use crate::source::{self, Query, Source, SourceError};
use crate::table::text;
use crate::workspace::SourceConfig;

use super::super::Blind;

/// The longest a look may take.
const LIMIT: Duration = Duration::from_secs(10);

/// Rows of small answers, as text.
pub(super) type Rows = Vec<Vec<Option<String>>>;

/// Asks.
pub(super) struct Asker(Arc<dyn Source>);

impl Asker {
    pub(super) fn new(config: &SourceConfig, shared: &Arc<dyn Source>) -> Self {
        let mut own = config.clone();
        own.max_concurrent_queries = 1;
        // The workspace opened this very URL before, so this cannot fail where that did not.
        Self(source::open(&own).unwrap_or_else(|_| shared.clone()))
    }

    /// The rows of a query.
    pub(super) async fn rows(&self, sql: &str) -> Result<Rows, SourceError> {
        let query = Query {
            sql: sql.to_owned(),
            params: Params::default(),
            timeout: Some(LIMIT),
            trusted: true,
        };
        let stop = CancellationToken::new();
        // Abandoning the look ends the query on the server too.
        let _ended = stop.clone().drop_guard();
        let table = self.0.run(query, stop).await?.stream.collect().await?;
        let mut rows = Rows::new();
        for batch in &table.batches {
            let columns = text::columns(batch);
            for row in 0..batch.num_rows() {
                let cells = columns
                    .iter()
                    .map(|column| Some(column.text(row)?.into_owned()));
                rows.push(cells.collect());
            }
        }
        Ok(rows)
    }

    /// The rows of a query that the account may not be allowed, or the server not know; `Err` inside where it says no.
    pub(super) async fn allowed(&self, sql: &str) -> Result<Result<Rows, String>, Blind> {
        match self.rows(sql).await {
            Ok(rows) => Ok(Ok(rows)),
            Err(SourceError::Sql { message, .. }) => Ok(Err(message)),
            Err(error) => Err(blind(&error)),
        }
    }
}

/// The sentence for a look that failed.
pub(super) fn blind(error: &SourceError) -> Blind {
    Blind(format!(
        "SQL Server could not be asked what changed: {error}"
    ))
}

/// A cell of a row that is not NULL.
pub(super) fn cell(row: &[Option<String>], at: usize) -> &str {
    row.get(at).and_then(Option::as_deref).unwrap_or_default()
}

/// `[schema].[name]`.
pub(super) fn quoted(schema: &str, name: &str) -> String {
    let part = |text: &str| format!("[{}]", text.replace(']', "]]"));
    format!("{}.{}", part(schema), part(name))
}

/// As a text in SQL.
pub(super) fn literal(text: &str) -> String {
    format!("N'{}'", text.replace('\'', "''"))
}
