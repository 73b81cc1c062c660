//! A source whose content, speed and failures a test decides, and an engine over it.
#![allow(clippy::unwrap_used, clippy::expect_used, dead_code)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use arrow::array::{Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use async_trait::async_trait;
use lookaside::engine::{
    Answer, Caller, Engine, EngineError, Mode, Outcome, Request, RequestEvent,
};
use lookaside::report::{Catalogue, Dialect, Params, Refresh, Report, SourceIdentity};
use lookaside::source::{CheckStep, Query, Rows, Source, SourceCheck, SourceError, SourceTimes};
use lookaside::table::{BatchStream, Table};
use lookaside::workspace::{CacheConfig, ConnectionUrl, Workspace};
use parking_lot::Mutex;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// The table every fake report reads.
pub(crate) const TABLE: &str = "orders";

pub(crate) struct Fake {
    identity: SourceIdentity,
    /// Queries begun.
    pub(crate) runs: AtomicUsize,
    /// Queries that ended before their last row.
    pub(crate) ended_early: AtomicUsize,
    /// What the rows say.
    pub(crate) version: AtomicI64,
    /// Rows of the answer, in batches of 1000.
    pub(crate) rows: AtomicUsize,
    /// Fails before the first row.
    pub(crate) failure: Mutex<Option<SourceError>>,
    /// Holds every query before its first row until [`Fake::open`].
    pub(crate) held: AtomicBool,
    views: Mutex<BTreeMap<String, String>>,
    gate: Semaphore,
}

impl Fake {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            identity: SourceIdentity {
                kind: "fake".into(),
                server: "here".into(),
                database: String::new(),
                user: String::new(),
                session: Vec::new(),
            },
            runs: AtomicUsize::new(0),
            ended_early: AtomicUsize::new(0),
            version: AtomicI64::new(1),
            rows: AtomicUsize::new(20),
            failure: Mutex::new(None),
            held: AtomicBool::new(false),
            views: Mutex::default(),
            gate: Semaphore::new(0),
        })
    }

    pub(crate) fn runs(&self) -> usize {
        self.runs.load(Ordering::SeqCst)
    }

    /// Defines a view anew.
    pub(crate) fn view(&self, name: &str, sql: &str) {
        self.views.lock().insert(name.to_owned(), sql.to_owned());
    }

    /// Lets one held query go on.
    pub(crate) fn open(&self) {
        self.gate.add_permits(1);
    }

    fn batch(&self, from: usize, rows: usize) -> RecordBatch {
        let version = self.version.load(Ordering::SeqCst);
        let numbers = (from..from + rows).map(|i| i as i64);
        let texts: StringArray = (from..from + rows)
            .map(|i| (i % 7 != 3).then(|| format!("row {i} of version {version}")))
            .collect();
        let schema = Schema::new(vec![
            Field::new("id", DataType::Int64, true),
            Field::new("version", DataType::Int64, true),
            Field::new("text", DataType::Utf8, true),
        ]);
        RecordBatch::try_new(
            Arc::new(schema),
            vec![
                Arc::new(Int64Array::from_iter_values(numbers)),
                Arc::new(Int64Array::from(vec![version; rows])),
                Arc::new(texts),
            ],
        )
        .unwrap()
    }
}

#[async_trait]
impl Source for Fake {
    fn identity(&self) -> &SourceIdentity {
        &self.identity
    }

    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    async fn run(&self, _query: Query, cancel: CancellationToken) -> Result<Rows, SourceError> {
        self.runs.fetch_add(1, Ordering::SeqCst);
        if self.held.load(Ordering::SeqCst) {
            tokio::select! {
                permit = self.gate.acquire() => permit.unwrap().forget(),
                () = cancel.cancelled() => {
                    self.ended_early.fetch_add(1, Ordering::SeqCst);
                    return Err(SourceError::Cancelled);
                }
            }
        }
        if let Some(failure) = self.failure.lock().clone() {
            return Err(failure);
        }
        let total = self.rows.load(Ordering::SeqCst);
        let batches: Vec<RecordBatch> = (0..total)
            .step_by(1000)
            .map(|from| self.batch(from, 1000.min(total - from)))
            .collect();
        let (sender, stream) = BatchStream::channel(self.batch(0, 0).schema(), 2);
        tokio::spawn(async move {
            for batch in batches {
                tokio::select! {
                    sent = sender.send(batch) => if !sent { return },
                    () = cancel.cancelled() => return sender.fail(SourceError::Cancelled),
                }
            }
            sender.finish();
        });
        Ok(Rows {
            stream,
            times: Arc::new(SourceTimes::default()),
        })
    }

    async fn catalogue(&self) -> Result<Catalogue, SourceError> {
        Ok(Catalogue {
            tables: BTreeSet::from([TABLE.to_owned(), "parts".to_owned()]),
            views: self.views.lock().clone(),
            ..Catalogue::default()
        })
    }

    async fn check(&self, _progress: &(dyn Fn(CheckStep) + Send + Sync)) -> SourceCheck {
        SourceCheck {
            ok: true,
            ..SourceCheck::default()
        }
    }
}

/// A workspace whose only source is called `fake`.
pub(crate) fn workspace(url: &str) -> Workspace {
    Workspace {
        name: "test".into(),
        path: None,
        cache: CacheConfig {
            url: ConnectionUrl::new(url),
            prefix: "t".into(),
            memory: 0,
        },
        sources: BTreeMap::new(),
        reports: Vec::new(),
        broken: Vec::new(),
    }
}

pub(crate) fn engine(url: &str, source: &Arc<Fake>, stays: bool) -> Arc<Engine> {
    let sources: BTreeMap<String, Arc<dyn Source>> =
        BTreeMap::from([("fake".to_owned(), source.clone() as Arc<dyn Source>)]);
    Engine::new(&workspace(url), sources, Caller::Cli, stays)
}

pub(crate) fn report(refresh: Refresh) -> Arc<Report> {
    Arc::new(Report {
        name: "orders".into(),
        source: "fake".into(),
        sql: format!("SELECT * FROM {TABLE}"),
        params: Vec::new(),
        ttl: Duration::from_hours(1),
        stale_for: Duration::from_hours(1),
        serve_on_error: lookaside::report::ServeOnError::default(),
        refresh,
        tables: None,
        timeout: None,
        trusted_sql: false,
    })
}

pub(crate) fn request(report: &Arc<Report>, mode: Mode) -> Request {
    Request {
        report: report.clone(),
        params: Params::default(),
        mode,
        cancel: CancellationToken::new(),
    }
}

/// An answer that was read to its end.
#[derive(Debug)]
pub(crate) struct Read {
    pub(crate) table: Table,
    pub(crate) event: RequestEvent,
    pub(crate) outcome: Outcome,
    pub(crate) reason: Option<String>,
}

impl Read {
    /// The version that every row has.
    pub(crate) fn version(&self) -> i64 {
        let mut versions = BTreeSet::new();
        for batch in &self.table.batches {
            let column = batch
                .column(1)
                .as_any()
                .downcast_ref::<Int64Array>()
                .unwrap();
            versions.extend(column.values().iter().copied());
        }
        assert_eq!(
            versions.len(),
            1,
            "rows of several versions in one answer: {versions:?}"
        );
        *versions.first().unwrap()
    }

    pub(crate) fn ids(&self) -> Vec<i64> {
        self.table
            .batches
            .iter()
            .flat_map(|batch| {
                batch
                    .column(0)
                    .as_any()
                    .downcast_ref::<Int64Array>()
                    .unwrap()
                    .values()
                    .to_vec()
            })
            .collect()
    }
}

pub(crate) async fn read(answer: Answer) -> Result<Read, EngineError> {
    let Answer {
        about, rows, event, ..
    } = answer;
    let table = rows.collect().await?;
    let event = event
        .get()
        .expect("the event is there when the rows have ended")
        .clone();
    assert_eq!(event.outcome, about.outcome);
    Ok(Read {
        table,
        event,
        outcome: about.outcome,
        reason: about.reason,
    })
}

pub(crate) async fn ask(
    engine: &Arc<Engine>,
    report: &Arc<Report>,
    mode: Mode,
) -> Result<Read, EngineError> {
    read(engine.ask(request(report, mode)).await?).await
}

pub(crate) async fn cached(engine: &Arc<Engine>, report: &Arc<Report>) -> Read {
    ask(engine, report, Mode::Cached).await.unwrap()
}

/// Waits until `done` is true; a minute of patience is for a busy machine, not part of what is tested.
pub(crate) async fn until(what: &str, mut done: impl AsyncFnMut() -> bool) {
    let start = Instant::now();
    while !done().await {
        assert!(
            start.elapsed() < Duration::from_mins(1),
            "waited in vain until {what}"
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
