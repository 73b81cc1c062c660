//! How does an answer go on when its cached rows turn out damaged, or the cache goes away, after some were given?
//!
//! The query is run again, which repairs the entry too. Rows that were given are neither taken back nor given twice:
//! the new run is cut into chunks as the old one was, and where its first chunks are, by their hashes, the very ones
//! that were given, the answer goes on after them. So the caller has exactly the answer of the new run. Where they
//! differ (the data changed since, or a report without ORDER BY came in another order) there is no honest way on, and
//! the answer ends with an error; asking again finds the repaired entry.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;

use super::ask::Ask;
use super::record::Recorder;
use super::serve::Unserved;
use super::{Answer, Engine, EngineError, Mode, Request};
use crate::cache::payload::{Chunk, Chunker};
use crate::cache::{Header, SourceKeys};
use crate::source::{Source, SourceError};
use crate::table::{BatchSender, Interrupted};

/// An answer that broke off.
pub(super) struct Broken {
    pub(super) engine: Arc<Engine>,
    pub(super) source: Arc<dyn Source>,
    pub(super) keys: SourceKeys,
    pub(super) request: Request,
    pub(super) header: Arc<Header>,
    /// How many of the header's chunks were given.
    pub(super) given: usize,
    pub(super) sender: BatchSender<EngineError>,
    pub(super) recorder: Recorder,
}

impl Broken {
    /// Gives the rest of the rows, or the error.
    pub(super) async fn mend(mut self, why: Unserved) {
        let (mode, reason) = self.put_away(why).await;
        let ask = Ask::again(
            self.engine.clone(),
            self.source.clone(),
            self.keys.clone(),
            Request {
                mode,
                ..self.request.clone()
            },
        );
        let mut answer = match ask.answer().await {
            Ok(answer) => answer,
            Err(error) => return self.end(Some(error)),
        };
        self.recorder.outcome(answer.about.outcome, Some(reason));
        let mut again = Again::new(&self);
        loop {
            let next = tokio::select! {
                next = answer.rows.next() => next,
                () = self.sender.closed() => return self.abandon(answer).await,
            };
            let last = next.is_none();
            let taken = match next {
                Some(Ok(batch)) => again.take(Some(batch)).await,
                Some(Err(error)) => return self.end(Some(error)),
                None => again.take(None).await,
            };
            let rows = match taken {
                Ok((rest, rows)) => {
                    again = rest;
                    rows
                }
                Err(error) => {
                    self.end(Some(error));
                    // To its end all the same: whoever asks next finds a whole entry.
                    while let Some(Ok(_)) = answer.rows.next().await {}
                    return;
                }
            };
            for batch in rows {
                self.recorder.rows(&batch);
                if !self.sender.send(batch).await {
                    return self.abandon(answer).await;
                }
            }
            if last {
                break;
            }
        }
        if let Some(event) = answer.event.get() {
            self.recorder.sha256(event.sha256.clone());
            self.recorder.add_stages(&event.stages);
        }
        self.end(None);
    }

    /// Sees to it that nobody finds the damaged entry again; tells how the query is asked for, and why it is.
    async fn put_away(&self, why: Unserved) -> (Mode, String) {
        let cache = self.engine.cache();
        let damage = match why {
            Unserved::Damaged(damage) => damage,
            Unserved::Cache(problem) => {
                let reason = format!(
                    "the cache went away in the middle of the answer, so the query was run: {problem}"
                );
                return (Mode::Cached, reason);
            }
        };
        let key = &self.recorder.key();
        tracing::warn!(key = %key, %damage, "a cached answer broke off");
        let dropped = cache
            .drop_entry(&self.keys, key, Some(&self.header.fill))
            .await;
        // An entry that cannot be dropped (on a replica, say) would be found again.
        let mode = match dropped {
            Ok(()) => Mode::Cached,
            Err(_) => Mode::Uncached,
        };
        let reason = format!("the cached rows were damaged ({damage}), so the query was run again");
        (mode, reason)
    }

    /// Nobody reads any more: the new run ends, and the event tells how where it was cancelled.
    async fn abandon(self, mut answer: Answer) {
        if !self.request.cancel.is_cancelled() {
            return;
        }
        let mut how = EngineError::from(SourceError::Cancelled);
        while let Some(next) = answer.rows.next().await {
            how = next.err().unwrap_or(how);
        }
        self.end(Some(how));
    }

    fn end(self, error: Option<EngineError>) {
        self.recorder.end(error.as_ref().map(ToString::to_string));
        match error {
            Some(error) => self.sender.fail(error),
            None => self.sender.finish(),
        }
    }
}

/// The new run, compared with what was given.
struct Again {
    chunker: Chunker,
    header: Arc<Header>,
    given: usize,
    /// Chunks that turned out to be the same.
    same: usize,
    /// Rows that were given and are still to come.
    skip: usize,
    /// Rows after those, until it is known that they may follow.
    held: Vec<RecordBatch>,
    schema: SchemaRef,
}

impl Again {
    fn new(broken: &Broken) -> Self {
        let given = &broken.header.chunks[..broken.given];
        Self {
            chunker: Chunker::new(broken.engine.cache().codec()),
            header: broken.header.clone(),
            given: broken.given,
            same: 0,
            skip: given.iter().map(|chunk| chunk.rows as usize).sum(),
            held: Vec::new(),
            schema: Arc::new(arrow::datatypes::Schema::empty()),
        }
    }

    /// Takes a batch, or the end; gives the rows that follow what was given.
    async fn take(
        mut self,
        batch: Option<RecordBatch>,
    ) -> Result<(Self, Vec<RecordBatch>), EngineError> {
        if self.same == self.given {
            return Ok((self, batch.into_iter().collect()));
        }
        // Chunks are compressed: not on the runtime's threads.
        tokio::task::spawn_blocking(move || {
            let mut chunks = Vec::new();
            let cut = match &batch {
                Some(batch) => {
                    self.schema = batch.schema();
                    self.chunker.push(batch, &mut chunks)
                }
                None => self.chunker.finish(&self.schema, &mut chunks),
            };
            let known = cut.is_ok() && self.compare(&chunks);
            if !known || batch.is_none() && self.same < self.given {
                return Err(EngineError::Damaged);
            }
            if let Some(batch) = batch {
                self.hold(&batch);
            }
            let ready = if self.same == self.given {
                std::mem::take(&mut self.held)
            } else {
                Vec::new()
            };
            Ok((self, ready))
        })
        .await
        .unwrap_or_else(|_| Err(Interrupted.into()))
    }

    fn compare(&mut self, chunks: &[Chunk]) -> bool {
        for chunk in chunks.iter().take(self.given - self.same) {
            if self.header.chunks[self.same] != chunk.info {
                return false;
            }
            self.same += 1;
        }
        true
    }

    fn hold(&mut self, batch: &RecordBatch) {
        let rows = batch.num_rows();
        let skipped = self.skip.min(rows);
        self.skip -= skipped;
        if skipped < rows {
            self.held.push(batch.slice(skipped, rows - skipped));
        }
    }
}
