//! How does a result get into the cache while it streams to who asked? A tee: one thread computes the checksum of the
//! CSV form, another makes chunks, a task sends them to Redis. Whatever fails here does not harm the answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio_util::task::TaskTracker;

use super::chunks::{self, Chunks, Payload, Written};
use super::lock::Lock;
use crate::cache::payload::{self, Chunk, Chunker};
use crate::cache::{Begun, Header, NewEntry, ServerTime};
use crate::report::{Dependencies, Params, Report};
use crate::table::Checksum;

/// Batches that wait for the checksum and for the encoder.
const WAITING: usize = 8;

/// What became of a fill.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filled {
    /// Whether the entry was stored.
    pub stored: bool,
    /// A change was published while the query ran: the entry is stale already.
    pub born_stale: bool,
    /// Whether the cache has this answer or a newer one.
    pub taken: bool,
    /// The content is the same as before.
    pub unchanged: bool,
    /// Bytes stored.
    pub bytes: u64,
    /// SHA-256 of the CSV form.
    pub sha256: Option<String>,
    /// Why it was not stored, in one sentence.
    pub problem: Option<String>,
}

/// What a fill is about.
pub(super) struct About {
    pub(super) lock: Lock,
    pub(super) begun: Begun,
    pub(super) depends_on: Dependencies,
    pub(super) on_change: bool,
    /// The entry that is there, to find out whether anything changed.
    pub(super) old: Option<Header>,
    pub(super) writer: String,
    /// Why it is refreshed, in one sentence.
    pub(super) because: Option<String>,
}

/// A fill under way.
pub(super) struct Fill {
    about: About,
    entry: Settings,
    checksum: Option<mpsc::Sender<RecordBatch>>,
    encoder: Option<mpsc::Sender<RecordBatch>>,
    summing: JoinHandle<String>,
    encoding: JoinHandle<Option<String>>,
    writing: JoinHandle<Result<Written, String>>,
    /// Set when every row was pushed: chunks of an abandoned fill are dropped.
    whole: Arc<AtomicBool>,
}

struct Settings {
    report: String,
    params: String,
    fill: String,
    soft: Duration,
    hard: Duration,
}

impl Fill {
    /// Starts the threads of a fill.
    pub(super) fn start(
        about: About,
        report: &Report,
        params: &Params,
        schema: &SchemaRef,
        tasks: &TaskTracker,
    ) -> Self {
        let cache = about.lock.cache.clone();
        // Entries made together must not end together.
        let soft = report.ttl.mul_f64(rand::random_range(0.9..=1.0));
        let entry = Settings {
            report: report.name.clone(),
            params: params.to_json().to_string(),
            fill: format!("{:032x}", rand::random::<u128>()),
            soft,
            hard: report.ttl + report.stale_for,
        };
        let (checksum, mut to_sum) = mpsc::channel::<RecordBatch>(WAITING);
        let (encoder, mut to_encode) = mpsc::channel::<RecordBatch>(WAITING);
        let (chunks, to_write) = mpsc::channel::<Chunk>(WAITING);
        let whole = Arc::new(AtomicBool::new(false));
        let names = schema.clone();
        let summing = spawn_blocking(move || {
            let mut checksum = Checksum::new(&names);
            while let Some(batch) = to_sum.blocking_recv() {
                checksum.update(&batch);
            }
            checksum.finish()
        });
        let mut last = schema.clone();
        let mut chunker = Chunker::new(cache.codec());
        let encoding = spawn_blocking(move || {
            let mut ready = Vec::new();
            loop {
                let batch = to_encode.blocking_recv();
                let cut = match &batch {
                    Some(batch) => {
                        last = batch.schema();
                        chunker.push(batch, &mut ready)
                    }
                    None => chunker.finish(&last, &mut ready),
                };
                if let Err(problem) = cut {
                    return Some(problem.to_string());
                }
                for chunk in ready.drain(..) {
                    if chunks.blocking_send(chunk).is_err() {
                        return None;
                    }
                }
                batch.as_ref()?;
            }
        });
        let chunks = Chunks::new(cache, entry.fill.clone(), about.old.clone());
        let writing = tasks.spawn(chunks.write(to_write, whole.clone()));
        Self {
            whole,
            about,
            entry,
            checksum: Some(checksum),
            encoder: Some(encoder),
            summing,
            encoding,
            writing,
        }
    }

    /// When it began, on the cache's clock.
    pub(super) fn began(&self) -> ServerTime {
        self.about.begun.now
    }

    /// Takes a batch; waits while the cache is slower than the database.
    pub(super) async fn push(&mut self, batch: &RecordBatch) {
        for part in [&mut self.checksum, &mut self.encoder] {
            if let Some(sender) = part
                && sender.send(batch.clone()).await.is_err()
            {
                // That thread has given up; it will say why at the end.
                *part = None;
            }
        }
    }

    /// Ends the fill after the last row: stores the entry, or removes everything and returns the reason.
    pub(super) async fn finish(
        self,
        schema: &SchemaRef,
        query_time: Duration,
        notices: Vec<String>,
    ) -> Filled {
        self.whole.store(true, Ordering::Release);
        drop((self.checksum, self.encoder));
        let sha256 = self.summing.await.ok();
        let encoded = match self.encoding.await {
            Ok(None) => Ok(()),
            Ok(Some(problem)) => Err(problem),
            Err(_) => Err("the rows could not be encoded".to_owned()),
        };
        let written = self
            .writing
            .await
            .unwrap_or_else(|_| Err("the rows could not be written".to_owned()));
        let (cache, fill) = (self.about.lock.cache.clone(), self.entry.fill.clone());
        let own = match &written {
            Ok(written) if matches!(written.payload, Payload::Stored) => written.chunks.len(),
            _ => 0,
        };
        let ended = Ended {
            sha256: sha256.clone(),
            schema,
            query_time,
            notices,
        };
        let entry = encoded
            .and(written)
            .and_then(|written| new_entry(&self.about, self.entry, written, ended));
        let filled = match entry {
            Ok(entry) => store(self.about, &entry, own > 0).await,
            Err(problem) => Err(problem),
        };
        if !filled.as_ref().is_ok_and(|filled| filled.stored) {
            chunks::remove(&cache, &fill, own).await;
        }
        filled.unwrap_or_else(|problem| Filled {
            sha256,
            problem: Some(problem),
            ..Filled::default()
        })
    }
}

/// What is known of an answer after its last row.
struct Ended<'a> {
    sha256: Option<String>,
    schema: &'a SchemaRef,
    query_time: Duration,
    notices: Vec<String>,
}

/// The header of an answer whose chunks are written.
fn new_entry(
    about: &About,
    entry: Settings,
    written: Written,
    ended: Ended<'_>,
) -> Result<NewEntry, String> {
    let sha256 = ended
        .sha256
        .ok_or_else(|| "the checksum could not be computed".to_owned())?;
    let schema = payload::encode_schema(ended.schema).map_err(|problem| problem.to_string())?;
    let (fill, inline) = match written.payload {
        Payload::Inline(bytes) => (entry.fill, Some(bytes)),
        Payload::Stored => (entry.fill, None),
        Payload::Unchanged(fill) => (fill, None),
    };
    Ok(NewEntry {
        report: entry.report,
        params: entry.params,
        fill,
        chunks: written.chunks,
        inline,
        sha256,
        schema,
        tables: about.depends_on.names(),
        on_change: about.on_change,
        unseen: about.depends_on.unseen.clone(),
        query_time: ended.query_time,
        writer: about.writer.clone(),
        because: about.because.clone(),
        notices: ended.notices,
        soft: entry.soft,
        hard: entry.hard,
    })
}

/// Stores the header, and then lets its chunks last as long. A process that dies between the two leaves an entry that is
/// gone a minute later; the other order would leave chunks without a header for the whole `hard`.
async fn store(about: About, entry: &NewEntry, own: bool) -> Result<Filled, String> {
    let mut lock = about.lock;
    let committed = lock
        .cache
        .commit(&lock.keys, &lock.key, &lock.token, &about.begun, entry)
        .await;
    let kept = match &committed {
        Ok(committed) => {
            lock.committed();
            if committed.stored && entry.inline.is_none() {
                // A little longer than the header, which is read first.
                let hard = entry.hard + Duration::from_secs(10);
                chunks::keep(&lock.cache, &entry.fill, entry.chunks.len(), hard).await
            } else {
                Ok(())
            }
        }
        // Perhaps it was stored, and only the answer is lost.
        Err(problem) if own => Err(problem.message.clone()),
        Err(problem) => return Err(problem.message.clone()),
    };
    if let Err(problem) = kept {
        let _ = lock
            .cache
            .drop_entry(&lock.keys, &lock.key, Some(&entry.fill))
            .await;
        return Err(problem);
    }
    let Ok(committed) = committed else {
        return Err("the entry was not stored".to_owned());
    };
    Ok(Filled {
        stored: committed.stored,
        taken: true,
        born_stale: committed.born_stale,
        unchanged: about
            .old
            .as_ref()
            .is_some_and(|old| old.sha256 == entry.sha256),
        bytes: entry.chunks.iter().map(|chunk| chunk.bytes).sum(),
        sha256: Some(entry.sha256.clone()),
        problem: (!committed.stored).then(|| "a newer answer is cached already".to_owned()),
    })
}
