//! Record batches on their way from a database or the cache to whoever asked, through a bounded queue.
//!
//! The end is always explicit: a producer that dies leaves an [`Interrupted`] error, never a short result that looks
//! whole.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use parking_lot::Mutex;
use tokio::sync::mpsc;

use super::Table;

/// The producer of a stream ended without saying that it was done.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the rows stopped before the end; run the report again")]
pub struct Interrupted;

/// How a stream ended, beside its batches: telling it never waits for a reader.
type End<E> = Arc<Mutex<Option<Result<(), E>>>>;

/// The sending half: a task that reads a database or the cache holds it.
pub struct BatchSender<E> {
    batches: mpsc::Sender<RecordBatch>,
    end: End<E>,
}

/// Record batches in order, ending with `None` only after the producer said that it was done.
///
/// A column may *widen* on the way (SQLite keeps a type per value, not per column): a later batch then has a wider
/// type for it, at last exact text. Widening is monotone, so the last batch has the result's schema, and the text of
/// a value is the same before and after.
pub struct BatchStream<E> {
    schema: SchemaRef,
    batches: mpsc::Receiver<RecordBatch>,
    end: End<E>,
    done: bool,
}

impl<E> BatchSender<E> {
    /// Waits for room, then sends. `false` means that nobody listens any more: stop producing.
    pub async fn send(&self, batch: RecordBatch) -> bool {
        self.batches.send(batch).await.is_ok()
    }

    /// Like [`BatchSender::send`], from a thread outside the runtime.
    pub fn blocking_send(&self, batch: RecordBatch) -> bool {
        self.batches.blocking_send(batch).is_ok()
    }

    /// Ends the stream with an error, which comes after the batches that were sent. Does not wait for the reader.
    pub fn fail(self, error: E) {
        *self.end.lock() = Some(Err(error));
    }

    /// Ends the stream: every row was sent. Does not wait for the reader.
    pub fn finish(self) {
        *self.end.lock() = Some(Ok(()));
    }

    /// Resolves when nobody listens any more.
    pub async fn closed(&self) {
        self.batches.closed().await;
    }
}

impl<E: From<Interrupted>> BatchStream<E> {
    /// A stream and its sender; at most `capacity` batches wait in between.
    pub fn channel(schema: SchemaRef, capacity: usize) -> (BatchSender<E>, Self) {
        let (sender, batches) = mpsc::channel(capacity);
        let end = End::default();
        let stream = Self {
            schema,
            batches,
            end: end.clone(),
            done: false,
        };
        let batches = sender;
        (BatchSender { batches, end }, stream)
    }

    /// The rows of a table that is in memory, for what takes a stream.
    pub fn of(table: Table) -> Self {
        let (sender, stream) = Self::channel(table.schema, table.batches.len().max(1));
        for batch in table.batches {
            // The queue has room for all of them.
            let _ = sender.batches.try_send(batch);
        }
        sender.finish();
        stream
    }

    /// The schema as known before the first batch; see the type's docs on widening.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The next batch, `None` after the last.
    pub async fn next(&mut self) -> Option<Result<RecordBatch, E>> {
        if self.done {
            return None;
        }
        if let Some(batch) = self.batches.recv().await {
            self.schema = batch.schema();
            return Some(Ok(batch));
        }
        self.done = true;
        match self.end.lock().take() {
            Some(Ok(())) => None,
            Some(Err(error)) => Some(Err(error)),
            None => Some(Err(Interrupted.into())),
        }
    }

    /// All rows in memory, widened to the final schema.
    pub async fn collect(mut self) -> Result<Table, E> {
        let mut batches = Vec::new();
        while let Some(batch) = self.next().await {
            batches.push(batch?);
        }
        let schema = self.schema;
        for batch in &mut batches {
            if batch.schema() != schema {
                *batch = super::widen(batch, &schema);
            }
        }
        Ok(Table { schema, batches })
    }
}
