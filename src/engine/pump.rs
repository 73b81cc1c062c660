//! How do a query's rows reach who asked? As they come, with a copy for the cache and one for those who joined. None of
//! the three waits for another: rows that a slow reader has not taken yet wait in its buffer.

use std::sync::Arc;
use std::time::Instant;

use arrow::record_batch::RecordBatch;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::ask::Ask;
use super::fill::{self, Fill};
use super::flight::{Kept, Landed, Leader, Shared};
use super::reader_buffer::{Pushed, ReaderBuffer};
use super::record::ms;
use super::spool::Spool;
use super::{About, Answer, EngineError, Filled, Outcome};
use crate::cache::Header;
use crate::report::Refresh;
use crate::source::{Query, Rows, SourceError};
use crate::table::{BatchStream, widen};

/// An answer up to this many bytes is shared in memory with those who joined.
const SHARED: usize = 16 * 1024 * 1024;

/// How a query is run.
#[derive(Default)]
pub(super) struct Run {
    pub(super) outcome: Outcome,
    pub(super) reason: Option<String>,
    /// The fill, where the answer goes into the cache.
    pub(super) fill: Option<fill::About>,
    /// The flight to be landed.
    pub(super) leader: Option<Leader>,
    /// The last good result, should the database fail.
    pub(super) fallback: Option<Header>,
}

/// Runs the query. On an error before the first row the request comes back, with the last good result to serve.
pub(super) async fn run(
    mut ask: Ask,
    run: Run,
) -> Result<Answer, (Ask, EngineError, Option<Header>)> {
    let Run {
        outcome,
        reason,
        fill,
        leader,
        fallback,
    } = run;
    let cancel = ask.request.cancel.child_token();
    let guard = cancel.clone().drop_guard();
    let query = Query {
        sql: ask.request.report.sql.clone(),
        params: ask.request.report.typed(&ask.request.params),
        timeout: ask.request.report.timeout,
        trusted: ask.request.report.trusted_sql,
    };
    let mut rows = match ask.source.run(query, cancel.clone()).await {
        Ok(rows) => rows,
        Err(error) => return Err(failed(ask, error, fill, leader, fallback).await),
    };
    // Where there is a last good result, the database gets the chance to fail before an answer is given.
    let mut first = None;
    if fallback.is_some() {
        first = match rows.stream.next().await {
            Some(Err(error)) => {
                ask.recorder.source(&rows.times);
                return Err(failed(ask, error, fill, leader, fallback).await);
            }
            Some(Ok(batch)) => Some(batch),
            None => None,
        };
    }
    ask.recorder.outcome(outcome, reason.clone());
    let schema = rows.stream.schema().clone();
    let fill = fill.map(|about| {
        let (request, tasks) = (&ask.request, &ask.engine.tasks);
        Fill::start(about, &request.report, &request.params, &schema, tasks)
    });
    let (sender, stream) = BatchStream::channel(schema.clone(), 4);
    let tasks = ask.engine.tasks.clone();
    let about = About {
        outcome,
        reason,
        key: ask.key,
        schema,
        rows: None,
        age: std::time::Duration::ZERO,
        ttl: None,
        sha256: None,
    };
    let (event, filled) = (ask.recorder.slot(), ask.filled.clone());
    let pump = Pump {
        ask,
        rows,
        first,
        reader: ReaderBuffer::new(sender),
        fill,
        paced: None,
        leader,
        cancel,
        _guard: guard,
        kept: Keeping::Memory(Vec::new()),
        bytes: 0,
    };
    tasks.spawn(pump.go());
    Ok(Answer {
        about,
        rows: stream,
        event,
        filled,
    })
}

async fn failed(
    ask: Ask,
    error: SourceError,
    fill: Option<fill::About>,
    leader: Option<Leader>,
    fallback: Option<Header>,
) -> (Ask, EngineError, Option<Header>) {
    if let Some(fill) = fill {
        ask.note_failure(Some(fill.begun.now), &error.clone().into())
            .await;
        fill.lock.release().await;
    }
    land_failure(leader, &error);
    (ask, error.into(), fallback)
}

/// Those who joined hear the error too; but if only this request was cancelled, one of them takes over.
fn land_failure(leader: Option<Leader>, error: &SourceError) {
    if let Some(leader) = leader
        && !error.is_cancelled()
    {
        leader.land(Landed::Failed(error.clone().into()));
    }
}

struct Pump {
    ask: Ask,
    rows: Rows,
    first: Option<RecordBatch>,
    reader: ReaderBuffer,
    fill: Option<Fill>,
    /// Why the answer does not go into the cache any more: the query waits for its reader.
    paced: Option<String>,
    leader: Option<Leader>,
    cancel: CancellationToken,
    /// However this task ends, the query does not outlive it.
    _guard: DropGuard,
    kept: Keeping,
    bytes: usize,
}

/// The copy for those who joined.
enum Keeping {
    Memory(Vec<RecordBatch>),
    Disk(Spool),
    /// The answer is too large to be kept: they read it from the cache, or one of them runs the query.
    Nothing,
}

impl Pump {
    async fn go(mut self) {
        loop {
            let next = match self.first.take() {
                Some(batch) => Some(Ok(batch)),
                None => {
                    tokio::select! {
                        next = self.rows.stream.next() => next,
                        () = self.reader.closed() => return self.abandon().await,
                    }
                }
            };
            match next {
                Some(Ok(batch)) => {
                    if !self.pass(batch).await {
                        return self.abandon().await;
                    }
                }
                Some(Err(error)) => return self.fail(error).await,
                None => return self.finish().await,
            }
        }
    }

    async fn pass(&mut self, batch: RecordBatch) -> bool {
        self.bytes += self.ask.recorder.rows(&batch);
        self.keep(&batch).await;
        match self.reader.push(batch.clone()).await {
            Pushed::Taken => {}
            Pushed::Closed => return false,
            Pushed::Full => {
                // A reader may stall for any time: the lock is released, and no request waits for this query.
                self.paced = self.reader.is_paced().map(str::to_owned);
                (self.fill, self.leader) = (None, None);
                return self.reader.wait_for(batch).await;
            }
        }
        if let Some(fill) = &mut self.fill {
            fill.push(&batch).await;
        }
        true
    }

    async fn keep(&mut self, batch: &RecordBatch) {
        let Some(leader) = &self.leader else { return };
        match &mut self.kept {
            Keeping::Memory(batches) if self.bytes <= SHARED => batches.push(batch.clone()),
            // Without a fill there will be no entry. Who comes later than this waits for the next run.
            Keeping::Memory(batches) if self.fill.is_none() && leader.is_awaited() => {
                let mut spool = Spool::start(batch.schema());
                for batch in batches.iter().chain([batch]) {
                    spool.push(batch).await;
                }
                self.kept = Keeping::Disk(spool);
            }
            Keeping::Memory(_) => self.kept = Keeping::Nothing,
            Keeping::Disk(spool) => spool.push(batch).await,
            Keeping::Nothing => {}
        }
    }

    /// The reader is gone: releases the lock, so that a request that joined takes over, and ends the query. The event tells
    /// how it ended: where it was cancelled, whether the database confirmed the end.
    async fn abandon(mut self) {
        self.cancel.cancel();
        (self.fill, self.leader) = (None, None);
        let mut how = SourceError::Cancelled;
        while let Some(next) = self.rows.stream.next().await {
            how = next.err().unwrap_or(how);
        }
        // A reader that left by itself did not cancel.
        if self.ask.request.cancel.is_cancelled() || !matches!(how, SourceError::Cancelled) {
            self.ask.recorder.end(Some(how.to_string()));
        }
    }

    async fn fail(mut self, error: SourceError) {
        self.cancel.cancel();
        // The lock goes back at once: a failed query must not keep others waiting.
        let began = self.fill.take().map(|fill| fill.began());
        if began.is_some() {
            self.ask.note_failure(began, &error.clone().into()).await;
        }
        land_failure(self.leader.take(), &error);
        self.ask.recorder.source(&self.rows.times);
        self.ask.recorder.end(Some(error.to_string()));
        self.reader.end(Some(error.into()));
    }

    async fn finish(mut self) {
        let schema = self.rows.stream.schema().clone();
        self.ask.recorder.source(&self.rows.times);
        let started = Instant::now();
        let times = self.rows.times.clone();
        let mut filled = Filled {
            problem: self.paced.take(),
            ..Filled::default()
        };
        if let Some(fill) = self.fill.take() {
            let began = fill.began();
            filled = fill
                .finish(&schema, times.query() + times.fetch(), times.notices())
                .await;
            self.ask
                .recorder
                .stages(|stages| stages.cache_ms += ms(started.elapsed()));
            self.ask.engine.note_stored(self.ask.key, filled.taken);
            self.ask.recorder.sha256(filled.sha256.clone());
            self.ask.recorder.remark(
                filled
                    .problem
                    .as_ref()
                    .map(|problem| format!("not cached: {problem}")),
            );
            if let Some(problem) = filled.problem.as_ref().filter(|_| !filled.taken) {
                let ask = &self.ask;
                ask.engine
                    .note_unstored(
                        &ask.keys,
                        &ask.key,
                        &ask.request.report,
                        Some(began),
                        problem,
                    )
                    .await;
            }
            if filled.stored
                && filled.born_stale
                && self.ask.request.report.refresh == Refresh::OnChange
            {
                self.ask.engine.born_stale(&self.ask.request);
            }
        }
        if let Some(leader) = self.leader.take() {
            let rows = match std::mem::replace(&mut self.kept, Keeping::Nothing) {
                Keeping::Memory(batches) => Some(Kept::Memory(
                    batches.iter().map(|batch| widen(batch, &schema)).collect(),
                )),
                Keeping::Disk(spool) => spool.finish().await.map(Arc::new).map(Kept::Disk),
                Keeping::Nothing => None,
            };
            leader.land(match rows {
                Some(rows) => Landed::Rows(Arc::new(Shared {
                    schema,
                    rows,
                    sha256: filled.sha256.clone(),
                    notices: times.notices(),
                })),
                None if filled.stored => Landed::Cached,
                None => Landed::Nothing,
            });
        }
        let _ = self.ask.filled.set(filled);
        self.ask.recorder.end(None);
        self.reader.end(None);
    }
}
