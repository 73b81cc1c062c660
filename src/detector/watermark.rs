//! Does the user's watermark query give another answer? Any difference counts as a change of every table.
//!
//! It runs like a report, in a read-only transaction, over a connection of its own: a slow report that holds the
//! source's only place must not make the detector look away.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::util::display::{ArrayFormatter, FormatOptions};
use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use crate::report::{Dialect, Params};
use crate::source::{self, Query, Source};
use crate::table::Table;
use crate::workspace::SourceConfig;

use super::pace::Pace;
use super::{About, Blind, Detector, Observation, Touched};

/// The longest a single watermark may run.
const LIMIT: Duration = Duration::from_secs(10);

/// The detector that asks the user's query.
pub(super) struct Watermark {
    source: Arc<dyn Source>,
    sql: String,
    pace: Pace,
    about: About,
    last: Option<Vec<String>>,
}

impl Watermark {
    pub(super) fn new(
        config: &SourceConfig,
        shared: &Arc<dyn Source>,
        sql: &str,
        about: About,
    ) -> Self {
        let mut own = config.clone();
        own.max_concurrent_queries = 1;
        // The workspace opened this very URL before, so this cannot fail where that did not.
        let source = source::open(&own).unwrap_or_else(|_| shared.clone());
        Self {
            source,
            sql: sql.to_owned(),
            pace: Pace::new(config.poll_interval),
            about,
            last: None,
        }
    }

    async fn ask(&self) -> Result<Vec<String>, Blind> {
        let blind = |error: source::SourceError| {
            Blind(format!(
                "the watermark query failed: {error}; correct it, or what it needs"
            ))
        };
        let query = Query {
            sql: self.sql.clone(),
            params: Params::default(),
            timeout: Some(LIMIT),
            trusted: false,
        };
        let stop = CancellationToken::new();
        // Abandoning the look ends the query on the server too.
        let _ended = stop.clone().drop_guard();
        let table = self
            .source
            .run(query, stop)
            .await
            .map_err(blind)?
            .stream
            .collect()
            .await
            .map_err(blind)?;
        answer(&table)
    }
}

#[async_trait]
impl Detector for Watermark {
    fn about(&self) -> &About {
        &self.about
    }

    async fn next(&mut self) -> Result<Observation, Blind> {
        self.pace.wait().await;
        let began = Instant::now();
        let answer = self.ask().await;
        self.about.delay = self.pace.looked(began.elapsed());

        let answer = answer?;
        let observation = match &self.last {
            None => Observation::gap("watching begins".to_owned()),
            Some(last) if *last == answer => Observation::Quiet,
            Some(_) => Observation::Changed {
                tables: Touched::All,
                position: None,
                committed_at: None,
            },
        };
        self.last = Some(answer);
        Ok(observation)
    }
}

/// The one row as text, with the column types: `1` and `'1'` differ.
fn answer(table: &Table) -> Result<Vec<String>, Blind> {
    let rows = table.rows();
    if rows != 1 {
        return Err(Blind(format!(
            "the watermark query returned {rows} rows; make it return exactly one, such as SELECT COUNT(*), MAX(updated_at)"
        )));
    }
    let options = FormatOptions::new().with_null("\u{0}");
    let mut cells = Vec::new();
    for batch in table.batches.iter().filter(|batch| batch.num_rows() > 0) {
        for column in batch.columns() {
            let cannot = |error| {
                Blind(format!(
                    "the watermark's answer cannot be compared: {error}; return numbers or text"
                ))
            };
            let text = ArrayFormatter::try_new(column, &options).map_err(cannot)?;
            cells.push(format!(
                "{}:{}",
                column.data_type(),
                text.value(0).try_to_string().map_err(cannot)?
            ));
        }
    }
    Ok(cells)
}

/// What the watermark query is worth, before it is asked.
pub(super) fn about(poll: Duration, dialect: Dialect) -> About {
    About {
        name: "watermark query".to_owned(),
        delay: poll,
        blind_spots: vec![
            "deletes and updates that do not move what it asks for (MAX alone misses deletes; add COUNT or a checksum)"
                .to_owned(),
            "commits that come later than a higher value (ask with an overlap)".to_owned(),
            "which table: any difference counts as a change of every table".to_owned(),
            "a view, a function, a right or a setting that is changed".to_owned(),
        ],
        better_by: (dialect == Dialect::Sqlite).then(|| {
            "leave watermark out: PRAGMA data_version sees every commit to a SQLite file".to_owned()
        }),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use arrow::array::{ArrayRef, Int64Array, StringArray};
    use arrow::record_batch::RecordBatch;

    fn table(column: ArrayRef) -> Table {
        let batch = RecordBatch::try_from_iter_with_nullable([("w", column, true)]).unwrap();
        Table {
            schema: batch.schema(),
            batches: vec![batch],
        }
    }

    #[test]
    fn one_row_and_its_types_are_compared() {
        let number = answer(&table(Arc::new(Int64Array::from(vec![1])))).unwrap();
        let text = answer(&table(Arc::new(StringArray::from(vec!["1"])))).unwrap();
        let null = answer(&table(Arc::new(StringArray::from(vec![None::<&str>])))).unwrap();
        let empty = answer(&table(Arc::new(StringArray::from(vec![""])))).unwrap();
        assert_ne!(number, text);
        assert_ne!(null, empty);
        let two = answer(&table(Arc::new(Int64Array::from(vec![1, 2])))).unwrap_err();
        assert!(two.0.contains("returned 2 rows"), "{two}");
    }
}
