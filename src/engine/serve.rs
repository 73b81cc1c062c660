//! How does a cached answer reach who asked? Fetched in pipelines, decoded side by side on blocking threads, in
//! order, a bounded part ahead.

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use futures::StreamExt;

use super::EngineError;
use super::level::Pending;
use super::mend::Broken;
use super::record::{Recorder, ms};
use crate::cache::payload::{self, Damaged};
use crate::cache::{Cache, CacheError, ChunkInfo, Header, Shape};
use crate::table::BatchStream;

/// Up to this many stored bytes are fetched and verified as a whole before the first row is given: a damaged entry is
/// then a miss and nobody notices. A larger one starts with its first page.
const WHOLE: u64 = 1024 * 1024;
/// And this many raw ones: all of it is held at once.
const WHOLE_RAW: u64 = 16 * 1024 * 1024;
/// Chunks in one round trip.
const GROUP: usize = 4;
/// Raw bytes in one round trip, unless a single chunk has more: what is decoded ahead of the reader is held at once.
const GROUP_RAW: u64 = 8 * 1024 * 1024;
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
    /// The first page, and what the rest has to look like.
    Page(Vec<RecordBatch>, Shape),
}

/// Fetches and verifies what has to be there before the answer is given.
pub(super) async fn load(
    cache: &Arc<Cache>,
    header: &mut Header,
    schema: &SchemaRef,
    recorder: &mut Recorder,
) -> Result<Loaded, Unserved> {
    let started = Instant::now();
    if let Some(inline) = header.inline.take() {
        let batches = payload::decode(inline, &header.chunks[0]).map_err(Unserved::Damaged)?;
        one_table(schema, &batches)?;
        recorder.stages(|stages| stages.decode_ms += ms(started.elapsed()));
        return Ok(Loaded::Whole(batches));
    }
    let missing = Unserved::Damaged(Damaged("a chunk is gone"));
    if header.bytes <= WHOLE && header.raw <= WHOLE_RAW {
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
        one_table(schema, &batches)?;
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
    let page = page.map_err(Unserved::Damaged)?;
    let mut shape = Shape::new(schema.clone());
    shape.admit(&page).map_err(Unserved::Damaged)?;
    Ok(Loaded::Page(page, shape))
}

/// Whether these are rows of the table that the header tells of, all of them.
fn one_table(schema: &SchemaRef, batches: &[RecordBatch]) -> Result<(), Unserved> {
    let mut shape = Shape::new(schema.clone());
    shape
        .admit(batches)
        .and_then(|()| shape.finish())
        .map_err(Unserved::Damaged)
}

/// A stream of rows that are all in memory. The event is in the log before the last row is read.
pub(super) async fn whole(
    batches: Vec<RecordBatch>,
    schema: SchemaRef,
    mut recorder: Recorder,
) -> BatchStream<EngineError> {
    let (sender, stream) = BatchStream::channel(schema, batches.len() + 1);
    for batch in batches {
        recorder.rows(&batch);
        // There is room for every batch: this never waits.
        sender.send(batch).await;
    }
    recorder.end(None);
    sender.finish();
    stream
}

/// The rest of an entry after its first page, with the cache to read it from. What breaks off is mended, unless it is
/// the mending of an answer itself: then it ends with the error. What came whole is kept in memory where it is `pending`.
pub(super) async fn rest(
    cache: Arc<Cache>,
    page: Vec<RecordBatch>,
    mut shape: Shape,
    mut broken: Broken,
    mendable: bool,
    pending: Option<Pending>,
) {
    let mut gathered = Vec::new();
    let mut gather = |batch: &RecordBatch| {
        if pending.is_some() {
            gathered.push(batch.clone());
        }
    };
    for batch in page {
        gather(&batch);
        broken.recorder.rows(&batch);
        if !broken.sender.send(batch).await {
            return;
        }
    }
    let header = broken.header.clone();
    let mut groups = futures::stream::iter(groups(&header.chunks))
        .map(|group| {
            let (cache, header) = (cache.clone(), header.clone());
            async move {
                let end = group.end;
                // A task of its own, so that fetching goes on while the reader is busy.
                let loaded = tokio::spawn(async move { load_group(&cache, &header, group).await })
                    .await
                    .unwrap_or(Err(Unserved::Damaged(Damaged(
                        "a chunk could not be decoded",
                    ))));
                (end, loaded)
            }
        })
        .buffered(AHEAD);
    let failed = loop {
        let next = tokio::select! {
            next = groups.next() => next,
            () = broken.sender.closed() => return,
        };
        let Some((end, loaded)) = next else {
            break shape.finish().err().map(Unserved::Damaged);
        };
        let (batches, fetched, decoded) = match loaded {
            Ok(loaded) => loaded,
            Err(why) => break Some(why),
        };
        if let Err(damage) = shape.admit(&batches) {
            break Some(Unserved::Damaged(damage));
        }
        broken.recorder.stages(|stages| {
            stages.cache_ms += ms(fetched);
            stages.decode_ms += ms(decoded);
        });
        for batch in batches {
            gather(&batch);
            broken.recorder.rows(&batch);
            if !broken.sender.send(batch).await {
                return;
            }
        }
        broken.given = end;
    };
    drop(groups);
    match failed {
        None => {
            if let Some(pending) = pending {
                pending.keep(gathered);
            }
            broken.recorder.end(None);
            broken.sender.finish();
        }
        Some(why) if mendable => broken.mend(why).await,
        Some(_) => {
            broken.recorder.end(Some(EngineError::Damaged.to_string()));
            broken.sender.fail(EngineError::Damaged);
        }
    }
}

/// The chunks after the first, a round trip each.
fn groups(chunks: &[ChunkInfo]) -> Vec<Range<usize>> {
    let mut groups = Vec::new();
    let (mut start, mut raw) = (1, 0);
    for (number, chunk) in chunks.iter().enumerate().skip(1) {
        if number - start == GROUP || number > start && raw + chunk.raw > GROUP_RAW {
            groups.push(start..number);
            (start, raw) = (number, 0);
        }
        raw += chunk.raw;
    }
    if start < chunks.len() {
        groups.push(start..chunks.len());
    }
    groups
}

async fn load_group(
    cache: &Cache,
    header: &Header,
    group: Range<usize>,
) -> Result<(Vec<RecordBatch>, Duration, Duration), Unserved> {
    let started = Instant::now();
    let chunks = cache
        .read_chunks(&header.fill, group.clone())
        .await
        .map_err(Unserved::Cache)?;
    let fetched = started.elapsed();
    let mut work = Vec::with_capacity(GROUP);
    for (bytes, info) in chunks.into_iter().zip(&header.chunks[group]) {
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

/// The rows of an entry, a part after the other, for who compares them and serves nobody.
pub(super) struct Parts<'a> {
    header: &'a Header,
    groups: std::vec::IntoIter<Range<usize>>,
    shape: Shape,
}

impl<'a> Parts<'a> {
    pub(super) fn of(header: &'a Header) -> Result<Self, Unserved> {
        let schema = payload::decode_schema(&header.schema).map_err(Unserved::Damaged)?;
        // The first chunk is a page of its own.
        let ranges: Vec<_> = std::iter::once(0..1)
            .chain(groups(&header.chunks))
            .collect();
        Ok(Self {
            header,
            groups: ranges.into_iter(),
            shape: Shape::new(schema),
        })
    }

    /// The next rows; `None` after the last ones, when all of them were those of one table.
    pub(super) async fn next(
        &mut self,
        cache: &Cache,
    ) -> Result<Option<Vec<RecordBatch>>, Unserved> {
        let Some(group) = self.groups.next() else {
            self.shape.finish().map_err(Unserved::Damaged)?;
            return Ok(None);
        };
        let batches = match &self.header.inline {
            Some(inline) => payload::decode(inline.clone(), &self.header.chunks[0])
                .map_err(Unserved::Damaged)?,
            None => load_group(cache, self.header, group).await?.0,
        };
        self.shape.admit(&batches).map_err(Unserved::Damaged)?;
        Ok(Some(batches))
    }
}
