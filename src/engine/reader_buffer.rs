//! Holds rows for a reader that is slower than the query, so that neither the query nor the fill of the cache waits for
//! it: a bounded part in memory, the rest in a temporary file without a name.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::record_batch::RecordBatch;
use parking_lot::Mutex;
use tokio::sync::{Notify, mpsc};
use tokio::task::spawn_blocking;

use super::EngineError;
use crate::cache::payload::{self, raw_bytes};
use crate::human;
use crate::table::{BatchSender, Interrupted};

/// Bytes of rows that wait in memory for one reader.
const MEMORY: usize = 32 * 1024 * 1024;
/// Bytes of rows that wait on the disk for one reader.
const DISK: u64 = 4 * 1024 * 1024 * 1024;

/// The query's end of the buffer. Dropped without [`ReaderBuffer::end`], the reader gets an error after its rows.
pub(super) struct ReaderBuffer {
    items: mpsc::UnboundedSender<Item>,
    state: Arc<State>,
    file: Spill,
}

/// What became of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pushed {
    /// It waits for the reader.
    Taken,
    /// The reader is gone.
    Closed,
    /// Neither memory nor disk has room for it.
    Full,
}

impl Pushed {
    fn of(taken: bool) -> Self {
        if taken { Self::Taken } else { Self::Closed }
    }
}

/// What waits, in order.
enum Item {
    Memory(RecordBatch, usize),
    /// Offset and length in the file.
    Disk(Arc<Mutex<File>>, u64, usize),
    End(Option<EngineError>),
}

#[derive(Default)]
struct State {
    /// Bytes that wait in memory.
    bytes: AtomicUsize,
    /// Batches that wait on the disk.
    on_disk: AtomicUsize,
    /// The reader took something.
    taken: Notify,
}

enum Spill {
    Unopened,
    Open(Arc<Mutex<File>>, u64),
    /// Why nothing more is written.
    Full(String),
}

impl ReaderBuffer {
    /// A buffer in front of `sender`.
    pub(super) fn new(sender: BatchSender<EngineError>) -> Self {
        let (items, waiting) = mpsc::unbounded_channel();
        let state = Arc::<State>::default();
        tokio::spawn(deliver(waiting, sender, state.clone()));
        Self {
            items,
            state,
            file: Spill::Unopened,
        }
    }

    /// Takes a batch; waits for the disk, and never for the reader.
    pub(super) async fn push(&mut self, batch: RecordBatch) -> Pushed {
        let bytes = raw_bytes(&batch).max(1);
        if self.has_room(bytes) {
            return self.remember(batch, bytes);
        }
        match self.write(&batch).await {
            Ok(item) => {
                self.state.on_disk.fetch_add(1, Ordering::AcqRel);
                Pushed::of(self.items.send(item).is_ok())
            }
            Err(why) => {
                if self.is_paced().is_none() {
                    tracing::info!(why, "rows of a slow reader are not kept any more");
                    self.file = Spill::Full(why);
                }
                Pushed::Full
            }
        }
    }

    /// Takes a batch that [`ReaderBuffer::push`] had no room for; waits for the reader. `false` means that the reader is
    /// gone.
    pub(super) async fn wait_for(&self, batch: RecordBatch) -> bool {
        let bytes = raw_bytes(&batch).max(1);
        loop {
            let taken = self.state.taken.notified();
            if self.has_room(bytes) {
                return self.remember(batch, bytes) == Pushed::Taken;
            }
            tokio::select! {
                () = taken => {}
                () = self.items.closed() => return false,
            }
        }
    }

    fn has_room(&self, bytes: usize) -> bool {
        let waiting = self.state.bytes.load(Ordering::Acquire);
        waiting == 0 || waiting + bytes <= MEMORY
    }

    /// Why the query waits for its reader, where it does.
    pub(super) fn is_paced(&self) -> Option<&str> {
        match &self.file {
            Spill::Full(why) => Some(why),
            Spill::Unopened | Spill::Open(..) => None,
        }
    }

    /// Resolves when the reader is gone.
    pub(super) async fn closed(&self) {
        self.items.closed().await;
    }

    /// Ends the rows, with an error or well. Does not wait for the reader.
    pub(super) fn end(self, error: Option<EngineError>) {
        let _ = self.items.send(Item::End(error));
    }

    fn remember(&self, batch: RecordBatch, bytes: usize) -> Pushed {
        self.state.bytes.fetch_add(bytes, Ordering::AcqRel);
        Pushed::of(self.items.send(Item::Memory(batch, bytes)).is_ok())
    }

    async fn write(&mut self, batch: &RecordBatch) -> Result<Item, String> {
        let (file, end) = match &self.file {
            Spill::Full(why) => return Err(why.clone()),
            Spill::Open(file, end) => (file.clone(), *end),
            Spill::Unopened => {
                let file = spawn_blocking(tempfile::tempfile).await;
                let file = file
                    .map_err(|error| error.to_string())?
                    .map_err(|error| unwritable(&error))?;
                (Arc::new(Mutex::new(file)), 0)
            }
        };
        // What was written before is read: the file begins again.
        let start = if self.state.on_disk.load(Ordering::Acquire) == 0 {
            0
        } else {
            end
        };
        let (rows, target) = (batch.clone(), file.clone());
        let written = spawn_blocking(move || {
            let bytes = payload::encode_rows(&rows).map_err(|error| error.to_string())?;
            if start + bytes.len() as u64 > DISK {
                let most = human::bytes(DISK);
                return Err(format!("more than {most} of rows wait for their reader"));
            }
            let mut file = target.lock();
            file.seek(SeekFrom::Start(start))
                .and_then(|_| file.write_all(&bytes))
                .map_err(|error| unwritable(&error))?;
            Ok(bytes.len())
        });
        let length = written.await.map_err(|error| error.to_string())??;
        self.file = Spill::Open(file.clone(), start + length as u64);
        Ok(Item::Disk(file, start, length))
    }
}

fn unwritable(error: &std::io::Error) -> String {
    format!(
        "the temporary folder {} takes no more rows for a slow reader ({error})",
        std::env::temp_dir().display()
    )
}

/// Sends the reader what waits, until all is sent or the reader is gone.
async fn deliver(
    mut waiting: mpsc::UnboundedReceiver<Item>,
    sender: BatchSender<EngineError>,
    state: Arc<State>,
) {
    loop {
        let item = tokio::select! {
            item = waiting.recv() => item,
            () = sender.closed() => return,
        };
        let batches = match item {
            Some(Item::Memory(batch, bytes)) => {
                let sent = sender.send(batch).await;
                state.bytes.fetch_sub(bytes, Ordering::AcqRel);
                state.taken.notify_one();
                if sent {
                    continue;
                }
                return;
            }
            Some(Item::Disk(file, offset, length)) => {
                let read = spawn_blocking(move || read(&file, offset, length)).await;
                state.on_disk.fetch_sub(1, Ordering::AcqRel);
                match read {
                    Ok(Some(batches)) => batches,
                    _ => return sender.fail(Interrupted.into()),
                }
            }
            Some(Item::End(None)) => return sender.finish(),
            Some(Item::End(Some(error))) => return sender.fail(error),
            // The query's task died.
            None => return,
        };
        for batch in batches {
            if !sender.send(batch).await {
                return;
            }
        }
    }
}

fn read(file: &Mutex<File>, offset: u64, length: usize) -> Option<Vec<RecordBatch>> {
    let mut bytes = vec![0; length];
    {
        let mut file = file.lock();
        file.seek(SeekFrom::Start(offset)).ok()?;
        file.read_exact(&mut bytes).ok()?;
    }
    payload::decode_rows(bytes).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::Arc;

    use arrow::array::{ArrayRef, AsArray, StringArray};
    use arrow::datatypes::SchemaRef;

    use super::*;
    use crate::table::BatchStream;

    fn batch(number: usize) -> RecordBatch {
        let text = format!("{number:08}").repeat(1024 * 1024 / 8);
        let column: ArrayRef = Arc::new(StringArray::from(vec![text]));
        RecordBatch::try_from_iter([("text", column)]).unwrap()
    }

    fn channel(schema: SchemaRef) -> (ReaderBuffer, BatchStream<EngineError>) {
        let (sender, stream) = BatchStream::channel(schema, 1);
        (ReaderBuffer::new(sender), stream)
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn stalled_reader_gets_every_row_in_order_from_disk() {
        const BATCHES: usize = 100;
        let (mut buffer, mut stream) = channel(batch(0).schema());
        // The reader takes nothing yet: a queue of one would block without end.
        for number in 0..BATCHES {
            assert_eq!(buffer.push(batch(number)).await, Pushed::Taken);
        }
        assert!(buffer.state.bytes.load(Ordering::Acquire) <= MEMORY);
        assert!(buffer.state.on_disk.load(Ordering::Acquire) > 0);
        buffer.end(None);
        for number in 0..BATCHES {
            let rows = stream.next().await.unwrap().unwrap();
            let text = rows.column(0).as_string::<i32>().value(0);
            assert_eq!(text[..8], format!("{number:08}"));
        }
        assert!(stream.next().await.is_none());
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn full_disk_makes_the_query_wait_for_its_reader() {
        let (mut buffer, mut stream) = channel(batch(0).schema());
        buffer.file = Spill::Full("no space left on device".to_owned());
        let pushing = tokio::spawn(async move {
            for number in 0..100 {
                if buffer.push(batch(number)).await == Pushed::Full {
                    assert!(buffer.wait_for(batch(number)).await);
                }
            }
            assert_eq!(buffer.is_paced(), Some("no space left on device"));
            buffer.end(None);
        });
        let mut rows = 0;
        while let Some(batch) = stream.next().await {
            rows += batch.unwrap().num_rows();
        }
        pushing.await.unwrap();
        assert_eq!(rows, 100);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn reader_that_left_is_noticed() {
        let (mut buffer, stream) = channel(batch(0).schema());
        drop(stream);
        buffer.closed().await;
        assert_eq!(buffer.push(batch(0)).await, Pushed::Closed);
    }
}
