//! What the benches share: rows of eight mixed columns, a source that serves them, medians, a table.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array, RecordBatch,
    StringArray, TimestampMicrosecondArray,
};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use async_trait::async_trait;
use lookaside::engine::{Caller, Engine, Mode, Request};
use lookaside::report::{Catalogue, Dialect, Params, Refresh, Report, SourceIdentity};
use lookaside::source::{CheckStep, Query, Rows, Source, SourceCheck, SourceError, SourceTimes};
use lookaside::table::{BatchStream, Table};
use lookaside::workspace::{CacheConfig, ConnectionUrl, Workspace};
use tokio_util::sync::CancellationToken;
use tpchgen::generators::LineItemGenerator;
use tpchgen_arrow::LineItemArrow;

/// Rows in a batch.
pub(crate) const BATCH: usize = 8_192;

/// Rows `from..from + count` of eight mixed columns, about 90 bytes each, the same every time.
pub(crate) fn batch(from: usize, count: usize) -> RecordBatch {
    let each = |i: usize| (i as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20;
    let range = || from..from + count;
    let cities = [
        "Hamburg",
        "Lisbon, old town",
        "Oslo",
        "São Paulo",
        "Kyoto",
        "New \"York\"",
        "Quito",
        "",
    ];
    let columns: Vec<(&str, ArrayRef)> = vec![
        (
            "id",
            Arc::new(Int64Array::from_iter_values(range().map(|i| i as i64))),
        ),
        (
            "customer",
            Arc::new(StringArray::from_iter_values(
                range().map(|i| format!("Customer#{:09}", each(i) % 150_000)),
            )),
        ),
        (
            "city",
            Arc::new(
                range()
                    .map(|i| (i % 11 != 0).then_some(cities[each(i) as usize % 8]))
                    .collect::<StringArray>(),
            ),
        ),
        (
            "amount",
            Arc::new(
                range()
                    .map(|i| Some(i128::from(each(i) % 10_000_000)))
                    .collect::<Decimal128Array>()
                    .with_precision_and_scale(15, 2)
                    .unwrap(),
            ),
        ),
        (
            "ratio",
            Arc::new(Float64Array::from_iter_values(
                range().map(|i| each(i) as f64 / 1e12),
            )),
        ),
        (
            "day",
            Arc::new(Date32Array::from_iter_values(
                range().map(|i| 8_000 + (each(i) % 2_500) as i32),
            )),
        ),
        (
            "at",
            Arc::new(TimestampMicrosecondArray::from_iter_values(range().map(
                |i| 800_000_000_000_000 + (each(i) % 90_000_000_000) as i64 * 1_000,
            ))),
        ),
        (
            "paid",
            Arc::new(
                range()
                    .map(|i| Some(each(i) % 3 == 0))
                    .collect::<BooleanArray>(),
            ),
        ),
    ];
    RecordBatch::try_from_iter_with_nullable(
        columns
            .into_iter()
            .map(|(name, column)| (name, column, true)),
    )
    .unwrap()
}

/// `rows` line items of TPC-H: eight of their columns, of mixed types, as a report would list them.
pub(crate) fn line_items(rows: usize) -> Table {
    const COLUMNS: [&str; 8] = [
        "l_orderkey",
        "l_linenumber",
        "l_quantity",
        "l_extendedprice",
        "l_shipdate",
        "l_shipmode",
        "l_returnflag",
        "l_comment",
    ];
    let mut left = rows;
    let mut batches = Vec::new();
    for batch in LineItemArrow::new(LineItemGenerator::new(1.0, 1, 1)).with_batch_size(BATCH) {
        let batch = batch.unwrap();
        let batch = batch.slice(0, left.min(batch.num_rows()));
        left -= batch.num_rows();
        let column = |name| {
            let column = batch.column_by_name(name).unwrap();
            // Sources give text as Utf8, the generator as views.
            match column.data_type() {
                DataType::Utf8View => cast(column, &DataType::Utf8).unwrap(),
                _ => column.clone(),
            }
        };
        let columns = COLUMNS.map(|name| (name, column(name), true));
        batches.push(RecordBatch::try_from_iter_with_nullable(columns).unwrap());
        if left == 0 {
            break;
        }
    }
    Table {
        schema: batches[0].schema(),
        batches,
    }
}

/// `rows` rows of [`batch`] as a table: half of its columns are random, the worst case for compression.
pub(crate) fn random(rows: usize) -> Table {
    let batches: Vec<_> = (0..rows.div_ceil(BATCH))
        .map(|n| batch(n * BATCH, BATCH.min(rows - n * BATCH)))
        .collect();
    Table {
        schema: batches[0].schema(),
        batches,
    }
}

/// A source that serves a table.
pub(crate) struct Canned {
    identity: SourceIdentity,
    table: Table,
}

impl Canned {
    pub(crate) fn new(table: Table) -> Arc<Self> {
        let identity = SourceIdentity {
            kind: "canned".into(),
            server: format!("{} rows", table.rows()),
            database: String::new(),
            user: String::new(),
            session: Vec::new(),
        };
        Arc::new(Self { identity, table })
    }
}

#[async_trait]
impl Source for Canned {
    fn identity(&self) -> &SourceIdentity {
        &self.identity
    }

    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    async fn run(&self, _query: Query, _cancel: CancellationToken) -> Result<Rows, SourceError> {
        Ok(Rows {
            stream: BatchStream::of(self.table.clone()),
            times: Arc::new(SourceTimes::default()),
        })
    }

    async fn catalogue(&self) -> Result<Catalogue, SourceError> {
        Ok(Catalogue {
            tables: ["things".to_owned()].into(),
            ..Catalogue::default()
        })
    }

    async fn check(&self, _progress: &(dyn Fn(CheckStep) + Send + Sync)) -> SourceCheck {
        SourceCheck::default()
    }
}

/// A report by TTL on the source `bench`.
pub(crate) fn report(sql: &str) -> Arc<Report> {
    Arc::new(Report {
        name: "bench".into(),
        source: "bench".into(),
        sql: sql.into(),
        params: Vec::new(),
        ttl: Duration::from_hours(1),
        stale_for: Duration::from_hours(1),
        serve_on_error: lookaside::report::ServeOnError::default(),
        refresh: Refresh::Ttl,
        tables: Some(vec!["things".into()]),
        timeout: None,
        trusted_sql: false,
    })
}

/// An engine with one source, `bench`.
pub(crate) fn engine(redis: &str, source: Arc<dyn Source>) -> Arc<Engine> {
    engine_that(redis, source, false)
}

/// One that `stays` keeps answers in its memory.
pub(crate) fn engine_that(redis: &str, source: Arc<dyn Source>, stays: bool) -> Arc<Engine> {
    let workspace = Workspace {
        name: "bench".into(),
        path: None,
        cache: CacheConfig {
            url: ConnectionUrl::new(redis),
            prefix: "bench".into(),
            memory: CacheConfig::MEMORY,
        },
        sources: BTreeMap::new(),
        reports: Vec::new(),
        broken: Vec::new(),
    };
    Engine::new(
        &workspace,
        BTreeMap::from([("bench".to_owned(), source)]),
        Caller::Cli,
        stays,
    )
}

/// Asks, and drops the rows as they come. Returns the outcome, the time to the first batch and to the last.
pub(crate) async fn ask(
    engine: &Arc<Engine>,
    report: &Arc<Report>,
    mode: Mode,
) -> (lookaside::engine::Outcome, f64, f64) {
    let start = Instant::now();
    let request = Request {
        report: Arc::clone(report),
        params: Params::default(),
        mode,
        cancel: CancellationToken::new(),
    };
    let mut answer = engine.ask(request).await.unwrap();
    let mut first = None;
    while let Some(batch) = answer.rows.next().await {
        std::hint::black_box(batch.unwrap());
        first.get_or_insert_with(|| start.elapsed());
    }
    let all = start.elapsed();
    (
        answer.about.outcome,
        millis(first.unwrap_or(all)),
        millis(all),
    )
}

pub(crate) fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

pub(crate) fn median(mut samples: Vec<f64>) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples[samples.len() / 2]
}

/// The value that so many percent of the samples do not exceed.
pub(crate) fn percentile(samples: &mut [f64], percent: usize) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples[(samples.len() * percent).div_ceil(100).max(1) - 1]
}

/// A line of results: what, ours, theirs, their ratio, and the goal where there is one.
pub(crate) fn line(what: &str, ours: f64, theirs: f64, goal: Option<f64>) {
    let goal = goal.map_or(String::new(), |goal| {
        format!(
            "  goal {goal:.2}x{}",
            if ours / theirs <= goal {
                ""
            } else {
                "  MISSED"
            }
        )
    });
    println!(
        "{what:<44} {ours:>10.2} ms  {theirs:>10.2} ms  {:>6.2}x{goal}",
        ours / theirs
    );
}

pub(crate) fn head(title: &str, ours: &str, theirs: &str) {
    println!("\n{title}\n{:<44} {ours:>13}  {theirs:>13}   ratio", "");
}
