//! Record batches on their way from a database or the cache to whoever asked, through a bounded queue.
//!
//! The end is always explicit: a producer that dies leaves an [`Interrupted`] error, never a short result that looks
//! whole.

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use tokio::sync::mpsc;

use super::Table;

/// The producer of a stream ended without saying that it was done.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the rows stopped before the end; run the report again")]
pub struct Interrupted;

enum Item<E> {
    Batch(RecordBatch),
    Failed(E),
    Done,
}

/// The sending half: a task that reads a database or the cache holds it.
pub struct BatchSender<E>(mpsc::Sender<Item<E>>);

/// Record batches in order, ending with `None` only after the producer said that it was done.
///
/// A column may *widen* on the way (SQLite keeps a type per value, not per column): a later batch then has a wider
/// type for it, at last exact text. Widening is monotone, so the last batch has the result's schema, and the text of
/// a value is the same before and after.
pub struct BatchStream<E> {
    schema: SchemaRef,
    items: mpsc::Receiver<Item<E>>,
    done: bool,
}

impl<E> BatchSender<E> {
    /// Waits for room, then sends. `false` means that nobody listens any more: stop producing.
    pub async fn send(&self, batch: RecordBatch) -> bool {
        self.0.send(Item::Batch(batch)).await.is_ok()
    }

    /// Like [`BatchSender::send`], from a thread outside the runtime.
    pub fn blocking_send(&self, batch: RecordBatch) -> bool {
        self.0.blocking_send(Item::Batch(batch)).is_ok()
    }

    /// Ends the stream with an error.
    pub async fn fail(self, error: E) {
        let _ = self.0.send(Item::Failed(error)).await;
    }

    /// Ends the stream: every row was sent.
    pub async fn finish(self) {
        let _ = self.0.send(Item::Done).await;
    }

    /// Resolves when nobody listens any more.
    pub async fn closed(&self) {
        self.0.closed().await;
    }
}

impl<E: From<Interrupted>> BatchStream<E> {
    /// A stream and its sender; at most `capacity` batches wait in between.
    pub fn channel(schema: SchemaRef, capacity: usize) -> (BatchSender<E>, Self) {
        let (sender, items) = mpsc::channel(capacity);
        (
            BatchSender(sender),
            Self {
                schema,
                items,
                done: false,
            },
        )
    }

    /// The rows of a table that is in memory, for what takes a stream.
    pub fn of(table: Table) -> Self {
        let (sender, items) = mpsc::channel(table.batches.len() + 1);
        for batch in table.batches {
            // The queue has room for all of them.
            let _ = sender.try_send(Item::Batch(batch));
        }
        let _ = sender.try_send(Item::Done);
        Self {
            schema: table.schema,
            items,
            done: false,
        }
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
        match self.items.recv().await {
            Some(Item::Batch(batch)) => {
                self.schema = batch.schema();
                Some(Ok(batch))
            }
            Some(Item::Done) => {
                self.done = true;
                None
            }
            Some(Item::Failed(error)) => {
                self.done = true;
                Some(Err(error))
            }
            None => {
                self.done = true;
                Some(Err(Interrupted.into()))
            }
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
