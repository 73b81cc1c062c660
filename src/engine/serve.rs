//! How does a cached answer reach who asked? Fetched in pipelines, decoded side by side on blocking threads, in
//! order, a bounded part ahead.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::record_batch::RecordBatch;
use futures::StreamExt;

use super::record::{Recorder, ms};
use super::{Engine, EngineError};
use crate::cache::payload::{self, Damaged};
use crate::cache::{Cache, CacheError, ChunkInfo, Header, SourceKeys};
use crate::report::EntryKey;
use crate::table::{BatchSender, BatchStream};

/// Up to this many stored bytes are fetched and verified as a whole before the first row is given: a damaged entry is
/// then a miss and nobody notices. A larger one starts with its first page.
const WHOLE: u64 = 1024 * 1024;
/// Chunks in one round trip.
const GROUP: usize = 4;
/// Groups under way at once.
const AHEAD: usize = 3;
/// Decoding less than this is not worth a thread.
const SMALL: usize = 64 * 1024;

/// Why a cached answer cannot be served.
pub(super) enum Unserved {
    /// Missing or damaged: a miss.
    Damaged(Damaged),
    /// The cache failed meanwhile.
    Cache(CacheError),
}

/// The rows of an entry.
pub(super) enum Loaded {
    /// All of them.
    Whole(Vec<RecordBatch>),
    /// The first page; the rest follows.
    Page(Vec<RecordBatch>),
}

/// Fetches and verifies what has to be there before the answer is given.
pub(super) async fn load(
    cache: &Arc<Cache>,
    header: &mut Header,
    recorder: &mut Recorder,
) -> Result<Loaded, Unserved> {
    let started = Instant::now();
    if let Some(inline) = header.inline.take() {
        let batches = payload::decode(inline, &header.chunks[0]).map_err(Unserved::Damaged)?;
        recorder.stages(|stages| stages.decode_ms += ms(started.elapsed()));
        return Ok(Loaded::Whole(batches));
    }
    let missing = Unserved::Damaged(Damaged("a chunk is gone"));
    if header.bytes <= WHOLE {
        let chunks = cache
            .read_chunks(&header.fill, 0..header.chunks.len())
            .await
            .map_err(Unserved::Cache)?;
        recorder.stages(|stages| stages.cache_ms += ms(started.elapsed()));
        let started = Instant::now();
        let mut work = Vec::with_capacity(chunks.len());
        for (bytes, info) in chunks.into_iter().zip(&header.chunks) {
            let Some(bytes) = bytes else {
                return Err(missing);
            };
            work.push(decode(bytes, *info));
        }
        let decoded = futures::future::join_all(work).await;
        recorder.stages(|stages| stages.decode_ms += ms(started.elapsed()));
        let mut batches = Vec::new();
        for (chunk, _) in decoded {
            batches.extend(chunk.map_err(Unserved::Damaged)?);
        }
        return Ok(Loaded::Whole(batches));
    }
    let (first, whole) = cache
        .first_chunk(&header.fill, header.chunks.len())
        .await
        .map_err(Unserved::Cache)?;
    recorder.stages(|stages| stages.cache_ms += ms(started.elapsed()));
    let (Some(first), true) = (first, whole) else {
        return Err(missing);
    };
    let (page, took) = decode(first, header.chunks[0]).await;
    recorder.stages(|stages| stages.decode_ms += ms(took));
    Ok(Loaded::Page(page.map_err(Unserved::Damaged)?))
}

/// A stream of rows that are all in memory. The event is in the log before the last row is read.
pub(super) async fn whole(
    batches: Vec<RecordBatch>,
    schema: arrow::datatypes::SchemaRef,
    mut recorder: Recorder,
    bytes: u64,
) -> BatchStream<EngineError> {
    let (sender, stream) = BatchStream::channel(schema, batches.len() + 1);
    let mut rows = 0;
    for batch in batches {
        rows += batch.num_rows() as u64;
        // There is room for every batch: this never waits.
        sender.send(batch).await;
    }
    recorder.count(rows, bytes);
    recorder.end(None);
    sender.finish().await;
    stream
}

/// The rest of an entry after its first page, in the background.
pub(super) fn rest(
    engine: &Arc<Engine>,
    keys: SourceKeys,
    key: EntryKey,
    header: Header,
    page: Vec<RecordBatch>,
    schema: arrow::datatypes::SchemaRef,
    recorder: Recorder,
) -> BatchStream<EngineError> {
    let (sender, stream) = BatchStream::channel(schema, 4);
    tokio::spawn(pump(
        engine.cache.clone(),
        keys,
        key,
        header,
        page,
        sender,
        recorder,
    ));
    stream
}

async fn pump(
    cache: Arc<Cache>,
    keys: SourceKeys,
    key: EntryKey,
    header: Header,
    page: Vec<RecordBatch>,
    sender: BatchSender<EngineError>,
    mut recorder: Recorder,
) {
    let header = Arc::new(header);
    recorder.count(0, header.bytes);
    for batch in page {
        recorder.count(batch.num_rows() as u64, 0);
        if !sender.send(batch).await {
            return;
        }
    }
    let starts: Vec<usize> = (1..header.chunks.len()).step_by(GROUP).collect();
    let mut groups = futures::stream::iter(starts)
        .map(|start| {
            let (cache, header) = (cache.clone(), header.clone());
            async move {
                // A task of its own, so that fetching goes on while the reader is busy.
                tokio::spawn(async move { group(&cache, &header, start).await })
                    .await
                    .unwrap_or(Err(Unserved::Damaged(Damaged(
                        "a chunk could not be decoded",
                    ))))
            }
        })
        .buffered(AHEAD);
    while let Some(loaded) = groups.next().await {
        match loaded {
            Ok((batches, fetched, decoded)) => {
                recorder.stages(|stages| {
                    stages.cache_ms += ms(fetched);
                    stages.decode_ms += ms(decoded);
                });
                for batch in batches {
                    recorder.count(batch.num_rows() as u64, 0);
                    if !sender.send(batch).await {
                        return;
                    }
                }
            }
            Err(why) => {
                let why = match why {
                    Unserved::Damaged(damage) => damage.to_string(),
                    Unserved::Cache(problem) => problem.message,
                };
                tracing::warn!(%key, why, "a cached answer broke off");
                let _ = cache.drop_entry(&keys, &key, Some(&header.fill)).await;
                recorder.end(Some(EngineError::Damaged.to_string()));
                sender.fail(EngineError::Damaged).await;
                return;
            }
        }
    }
    recorder.end(None);
    sender.finish().await;
}

async fn group(
    cache: &Cache,
    header: &Header,
    start: usize,
) -> Result<(Vec<RecordBatch>, Duration, Duration), Unserved> {
    let end = (start + GROUP).min(header.chunks.len());
    let started = Instant::now();
    let chunks = cache
        .read_chunks(&header.fill, start..end)
        .await
        .map_err(Unserved::Cache)?;
    let fetched = started.elapsed();
    let mut work = Vec::with_capacity(GROUP);
    for (bytes, info) in chunks.into_iter().zip(&header.chunks[start..end]) {
        work.push(decode(
            bytes.ok_or(Unserved::Damaged(Damaged("a chunk is gone")))?,
            *info,
        ));
    }
    let mut batches = Vec::new();
    let mut decoding = Duration::ZERO;
    for (chunk, took) in futures::future::join_all(work).await {
        batches.extend(chunk.map_err(Unserved::Damaged)?);
        decoding += took;
    }
    Ok((batches, fetched, decoding))
}

/// Decodes a chunk, on a blocking thread where that pays; with the time it took.
async fn decode(bytes: Vec<u8>, info: ChunkInfo) -> (Result<Vec<RecordBatch>, Damaged>, Duration) {
    let work = move || {
        let started = Instant::now();
        (payload::decode(bytes, &info), started.elapsed())
    };
    if info.bytes <= SMALL as u64 {
        return work();
    }
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or((Err(Damaged("a chunk could not be decoded")), Duration::ZERO))
}
