//! Where is an answer kept that is too large to be shared in memory, while the cache is away? In a temporary file
//! without a name, which ends with the last who reads it.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, spawn_blocking};

use super::EngineError;
use super::record::Recorder;
use crate::cache::ChunkInfo;
use crate::cache::payload::{self, Chunk, Chunker, Codec};
use crate::table::{BatchStream, Interrupted, widen};

/// The most bytes of an answer that are put on the disk.
const MOST: u64 = 4 * 1024 * 1024 * 1024;
/// Batches that wait for the disk.
const WAITING: usize = 4;

/// A file under way.
pub(super) struct Spool {
    sender: Option<mpsc::Sender<RecordBatch>>,
    writing: JoinHandle<Option<Spooled>>,
}

/// The rows in a file.
pub(super) struct Spooled {
    file: Mutex<File>,
    chunks: Vec<ChunkInfo>,
}

impl Spool {
    /// Begins a file.
    pub(super) fn start(schema: SchemaRef) -> Self {
        let (sender, mut batches) = mpsc::channel::<RecordBatch>(WAITING);
        let writing = spawn_blocking(move || {
            let mut chunker = Chunker::new(Some(Codec::None));
            let (mut file, mut chunks, mut bytes) = (tempfile::tempfile().ok()?, Vec::new(), 0);
            let mut last = schema;
            let mut ready = Vec::new();
            loop {
                let batch = batches.blocking_recv();
                match &batch {
                    Some(batch) => {
                        last = batch.schema();
                        chunker.push(batch, &mut ready).ok()?;
                    }
                    None => chunker.finish(&last, &mut ready).ok()?,
                }
                for Chunk { bytes: chunk, info } in ready.drain(..) {
                    bytes += info.bytes;
                    if bytes > MOST {
                        return None;
                    }
                    file.write_all(&chunk).ok()?;
                    chunks.push(info);
                }
                if batch.is_none() {
                    let file = Mutex::new(file);
                    return Some(Spooled { file, chunks });
                }
            }
        });
        Self {
            sender: Some(sender),
            writing,
        }
    }

    /// Takes a batch. A full disk harms nobody: those who wait run the query themselves.
    pub(super) async fn push(&mut self, batch: &RecordBatch) {
        if let Some(sender) = &self.sender
            && sender.send(batch.clone()).await.is_err()
        {
            self.sender = None;
        }
    }

    /// After the last row; `None` where the file could not hold them.
    pub(super) async fn finish(mut self) -> Option<Spooled> {
        // Without a sender the thread has given up; dropping the sender tells it that this was all.
        self.sender.take()?;
        self.writing.await.ok().flatten()
    }
}

impl Spooled {
    /// Rows in all.
    pub(super) fn rows(&self) -> u64 {
        self.chunks.iter().map(|chunk| chunk.rows).sum()
    }

    /// The rows, for one of those who waited.
    pub(super) fn stream(
        self: Arc<Self>,
        schema: SchemaRef,
        mut recorder: Recorder,
    ) -> BatchStream<EngineError> {
        let (sender, stream) = BatchStream::channel(schema.clone(), 4);
        // A thread only while the disk is read: a reader that stalls must not hold one.
        tokio::spawn(async move {
            let mut offset = 0;
            for info in self.chunks.clone() {
                let file = self.clone();
                let read = spawn_blocking(move || file.read(offset, &info)).await;
                let Ok(Some(batches)) = read else {
                    recorder.end(Some(Interrupted.to_string()));
                    sender.fail(Interrupted.into());
                    return;
                };
                offset += info.bytes;
                for batch in batches {
                    recorder.rows(&batch);
                    if !sender.send(widen(&batch, &schema)).await {
                        return;
                    }
                }
            }
            recorder.end(None);
            sender.finish();
        });
        stream
    }

    fn read(&self, offset: u64, info: &ChunkInfo) -> Option<Vec<RecordBatch>> {
        let mut bytes = vec![0; info.bytes as usize];
        {
            let mut file = self.file.lock();
            file.seek(SeekFrom::Start(offset)).ok()?;
            file.read_exact(&mut bytes).ok()?;
        }
        payload::decode(bytes, info).ok()
    }
}

impl std::fmt::Debug for Spooled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Spooled({} rows)", self.rows())
    }
}
