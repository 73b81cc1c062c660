//! How does a result get into the cache while it streams to who asked? A tee: one thread computes the checksum of the
//! CSV form, another makes chunks, a task sends them to Redis. Whatever fails here does not harm the answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, spawn_blocking};

use crate::cache::payload::{self, Chunk, Chunker};
use crate::cache::{Begun, Cache, ChunkInfo, Header, NewEntry, SourceKeys};
use crate::report::{Dependencies, EntryKey, Params, Report};
use crate::table::Checksum;

/// How long a fill lock lasts without being renewed: after this, somebody else takes over from a dead process.
pub(super) const LOCK: Duration = Duration::from_secs(5);
/// Batches that wait for the checksum and for the encoder.
const WAITING: usize = 8;
/// Encoded bytes sent in one round trip.
const SENT: usize = 1024 * 1024;
/// Encoded bytes held back while they equal what is stored already.
const HELD: usize = 32 * 1024 * 1024;
/// Chunks are written before their header; they must not end before it.
const MARGIN: Duration = Duration::from_hours(1);

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

/// The fill lock of an entry, renewed until dropped. Dropped without a commit it is given back at once: a failed
/// fill must not keep others waiting.
pub(super) struct Lock {
    cache: Arc<Cache>,
    keys: SourceKeys,
    key: EntryKey,
    token: String,
    renewing: JoinHandle<()>,
    held: bool,
}

impl Lock {
    /// Keeps a lock that was just taken.
    pub(super) fn keep(cache: Arc<Cache>, keys: SourceKeys, key: EntryKey, token: String) -> Self {
        let renewing = tokio::spawn({
            let (cache, keys, token) = (cache.clone(), keys.clone(), token.clone());
            async move {
                loop {
                    tokio::time::sleep(LOCK / 3).await;
                    // Lost or unreachable: somebody else may run the query too. That is waste, not harm.
                    let _ = cache.hold(&keys, &key, &token, LOCK).await;
                }
            }
        });
        Self {
            cache,
            keys,
            key,
            token,
            renewing,
            held: true,
        }
    }

    /// Gives the lock back and waits until that is done.
    pub(super) async fn release(mut self) {
        self.held = false;
        let _ = self.cache.release(&self.keys, &self.key, &self.token).await;
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        self.renewing.abort();
        if self.held
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            let (cache, keys, key, token) = (
                self.cache.clone(),
                self.keys.clone(),
                self.key,
                std::mem::take(&mut self.token),
            );
            runtime.spawn(async move {
                let _ = cache.release(&keys, &key, &token).await;
            });
        }
    }
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

struct Written {
    chunks: Vec<ChunkInfo>,
    payload: Payload,
}

enum Payload {
    /// In the header.
    Inline(Vec<u8>),
    /// In chunks of this fill.
    Stored,
    /// In the chunks that are there already.
    Unchanged(String),
}

impl Fill {
    /// Starts the threads of a fill.
    pub(super) fn start(
        about: About,
        report: &Report,
        params: &Params,
        schema: &SchemaRef,
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
        let writing = tokio::spawn(write(
            cache,
            entry.fill.clone(),
            entry.hard,
            about.old.clone(),
            to_write,
            whole.clone(),
        ));
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

    /// Ends the fill after the last row: the entry is stored, or the reason told.
    pub(super) async fn finish(
        mut self,
        schema: &SchemaRef,
        query_time: Duration,
        notices: Vec<String>,
    ) -> Filled {
        self.whole.store(true, Ordering::Release);
        self.checksum = None;
        self.encoder = None;
        let sha256 = self.summing.await.ok();
        let encoding = self
            .encoding
            .await
            .unwrap_or(Some("the rows could not be encoded".to_owned()));
        let written = self
            .writing
            .await
            .unwrap_or_else(|_| Err("the rows could not be written".to_owned()));
        let failed = |problem: String| Filled {
            sha256: sha256.clone(),
            problem: Some(problem),
            ..Filled::default()
        };
        if let Some(problem) = encoding {
            return failed(problem);
        }
        let written = match written {
            Ok(written) => written,
            Err(problem) => return failed(problem),
        };
        let Some(sum) = sha256.clone() else {
            return failed("the checksum could not be computed".to_owned());
        };
        let schema = match payload::encode_schema(schema) {
            Ok(schema) => schema,
            Err(problem) => return failed(problem.to_string()),
        };
        let unchanged = self.about.old.as_ref().is_some_and(|old| old.sha256 == sum);
        let (fill, inline) = match written.payload {
            Payload::Inline(bytes) => (self.entry.fill, Some(bytes)),
            Payload::Stored => (self.entry.fill, None),
            Payload::Unchanged(fill) => (fill, None),
        };
        let entry = NewEntry {
            report: self.entry.report,
            params: self.entry.params,
            fill,
            chunks: written.chunks,
            inline,
            sha256: sum,
            schema,
            tables: self.about.depends_on.names(),
            on_change: self.about.on_change,
            unseen: self.about.depends_on.unseen,
            query_time,
            writer: self.about.writer,
            because: self.about.because,
            notices,
            soft: self.entry.soft,
            hard: self.entry.hard,
        };
        let mut lock = self.about.lock;
        let bytes = entry.chunks.iter().map(|chunk| chunk.bytes).sum();
        let committed = lock
            .cache
            .commit(
                &lock.keys,
                &lock.key,
                &lock.token,
                &self.about.begun,
                &entry,
            )
            .await;
        match committed {
            Ok(committed) => {
                // The commit gave the lock back.
                lock.held = false;
                if committed.stored && entry.inline.is_none() {
                    let (cache, fill, count) =
                        (lock.cache.clone(), entry.fill.clone(), entry.chunks.len());
                    let hard = entry.hard + Duration::from_secs(10);
                    tokio::spawn(async move {
                        let _ = cache.expire_chunks(&fill, count, hard).await;
                    });
                }
                Filled {
                    stored: committed.stored,
                    taken: true,
                    born_stale: committed.born_stale,
                    unchanged,
                    bytes,
                    sha256,
                    problem: (!committed.stored)
                        .then(|| "a newer answer is cached already".to_owned()),
                }
            }
            Err(problem) => failed(problem.message),
        }
    }
}

/// Sends chunks to Redis. Those that equal what is stored already are held back: if all of them do, nothing is sent.
async fn write(
    cache: Arc<Cache>,
    fill: String,
    hard: Duration,
    old: Option<Header>,
    mut chunks: mpsc::Receiver<Chunk>,
    whole: Arc<AtomicBool>,
) -> Result<Written, String> {
    let mut infos: Vec<ChunkInfo> = Vec::new();
    let mut held: Vec<Vec<u8>> = Vec::new();
    let (mut held_bytes, mut sent) = (0, 0);
    let old = old.filter(|old| old.inline.is_none() && old.stored_chunks() > 0);
    let mut same = old.is_some();
    let inline = |infos: &[ChunkInfo]| infos.len() == 1 && infos[0].raw <= payload::INLINE as u64;
    while let Some(chunk) = chunks.recv().await {
        same =
            same && old.as_ref().and_then(|old| old.chunks.get(infos.len())) == Some(&chunk.info);
        infos.push(chunk.info);
        held_bytes += chunk.bytes.len();
        held.push(chunk.bytes);
        let keep = inline(&infos) || same && held_bytes <= HELD;
        if !keep && held_bytes >= SENT {
            send(&cache, &fill, hard, &mut sent, &mut held).await?;
            held_bytes = 0;
        }
    }
    if !whole.load(Ordering::Acquire) {
        let _ = cache
            .expire_chunks(&fill, sent, Duration::from_millis(1))
            .await;
        return Err("the answer was abandoned".to_owned());
    }
    if infos.is_empty() {
        return Err("the rows could not be encoded".to_owned());
    }
    if let Some(old) = &old
        && same
        && sent == 0
        && old.chunks.len() == infos.len()
        && cache
            .expire_chunks(&old.fill, infos.len(), hard + MARGIN)
            .await
            .unwrap_or(false)
    {
        return Ok(Written {
            chunks: infos,
            payload: Payload::Unchanged(old.fill.clone()),
        });
    }
    if sent == 0 && inline(&infos) {
        let bytes = held.pop().unwrap_or_default();
        return Ok(Written {
            chunks: infos,
            payload: Payload::Inline(bytes),
        });
    }
    send(&cache, &fill, hard, &mut sent, &mut held).await?;
    Ok(Written {
        chunks: infos,
        payload: Payload::Stored,
    })
}

async fn send(
    cache: &Cache,
    fill: &str,
    hard: Duration,
    sent: &mut usize,
    held: &mut Vec<Vec<u8>>,
) -> Result<(), String> {
    let chunks = std::mem::take(held);
    let mut rest = chunks.as_slice();
    while !rest.is_empty() {
        let mut bytes = 0;
        let fits = rest
            .iter()
            .take_while(|chunk| {
                bytes += chunk.len();
                bytes <= 2 * SENT
            })
            .count()
            .max(1);
        cache
            .write_chunks(fill, *sent, &rest[..fits], hard + MARGIN)
            .await
            .map_err(|problem| problem.message)?;
        *sent += fits;
        rest = &rest[fits..];
    }
    Ok(())
}
