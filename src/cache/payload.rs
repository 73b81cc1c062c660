//! How batches become chunks and back.
//!
//! A chunk is a complete Arrow IPC stream of at most 512 KB (one row larger than that has a chunk of its own),
//! readable by any Arrow library. Chunk 0 holds the first page alone, so that a viewer paints at once. A chunk keeps
//! its own schema: columns may widen from one to the next, and whoever collects widens to the last.

use std::panic::{AssertUnwindSafe, catch_unwind};

use arrow::array::{Array, AsArray, OffsetSizeTrait};
use arrow::buffer::Buffer;
use arrow::datatypes::{DataType, Schema, SchemaRef};
use arrow::ipc::CompressionType;
use arrow::ipc::reader::StreamDecoder;
use arrow::ipc::writer::{IpcWriteOptions, StreamWriter};
use arrow::record_batch::RecordBatch;

use super::ChunkInfo;
use super::verify::{self, Limit};

/// The largest chunk of more than one row, in stored bytes.
pub const CHUNK: usize = 512 * 1024;
/// The largest chunk of a single row, in stored and in raw bytes; Redis ends at 512 MB.
pub const ROW: usize = 256 * 1024 * 1024;
/// The largest chunk of more than one row, in raw bytes: what a reader has to be ready to hold of one chunk, however
/// well it is compressed.
pub const EXPANDED: usize = 16 * 1024 * 1024;
/// The most rows of a chunk. Rows without columns, or of NULL alone, take no bytes that would bound them.
pub const ROWS: usize = 1 << 20;
/// An answer up to this many raw bytes is held in the header.
pub const INLINE: usize = 16 * 1024;
/// Rows of the first page.
pub const PAGE: usize = 200;
/// Below this compression costs more than it saves (measured: see BENCHMARKS.md).
const WORTH_COMPRESSING: usize = 32 * 1024;
/// The raw bytes that a chunk aims at, however well they compress: chunks are also the unit of parallel decoding.
const RAW: usize = 2 * 1024 * 1024;
/// What a payload of unknown origin may decode to.
const UNKNOWN: Limit = Limit {
    bytes: 64 * 1024 * 1024,
    rows: ROWS as u64,
};

/// How chunks are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    /// Not at all.
    None,
    /// Fast: pays on loopback and in a data centre.
    Lz4,
    /// Smaller: pays on far links. Chosen by `?codec=zstd` in the cache URL.
    Zstd,
}

impl Codec {
    /// The codec that a cache URL asks for.
    pub(super) fn of_url(url: &str) -> Option<Self> {
        let url = redis::parse_redis_url(url)?;
        let (_, name) = url.query_pairs().find(|(name, _)| name == "codec")?;
        match name.as_ref() {
            "none" => Some(Self::None),
            "lz4" => Some(Self::Lz4),
            "zstd" => Some(Self::Zstd),
            _ => None,
        }
    }
}

/// A chunk that cannot be read; the entry is dropped and the query run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Damaged(pub &'static str);

/// Rows that cannot be cached; the answer itself is not harmed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum EncodeError {
    /// One row alone is larger than a Redis value may be.
    #[error("a row of {0} bytes is too large for the cache")]
    Row(usize),
    /// Arrow could not write it.
    #[error("the rows cannot be written as Arrow: {0}")]
    Arrow(String),
}

/// A chunk on its way to Redis.
#[derive(Clone, Debug)]
pub struct Chunk {
    /// The Arrow IPC stream.
    pub bytes: Vec<u8>,
    /// What the header says about it.
    pub info: ChunkInfo,
}

/// Cuts a stream of batches into chunks. The same batches always give the same chunks.
pub struct Chunker {
    codec: Option<Codec>,
    pending: Vec<RecordBatch>,
    pending_raw: usize,
    paged: bool,
    /// Stored bytes for each raw byte, as seen in the last chunk.
    ratio: f64,
    /// Chunks to leave uncompressed after compression did not pay.
    resting: u32,
}

impl Chunker {
    /// A chunker that compresses as `codec` says, or where it pays.
    pub fn new(codec: Option<Codec>) -> Self {
        Self {
            codec,
            pending: Vec::new(),
            pending_raw: 0,
            paged: false,
            ratio: 0.5,
            resting: 0,
        }
    }

    /// Takes a batch; finished chunks are pushed to `out`.
    pub fn push(&mut self, batch: &RecordBatch, out: &mut Vec<Chunk>) -> Result<(), EncodeError> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        if self
            .pending
            .first()
            .is_some_and(|first| first.schema() != batch.schema())
        {
            self.paged = true;
            self.flush(out)?;
        }
        let raw = raw_bytes(batch);
        if !self.paged {
            self.pending.push(batch.clone());
            self.pending_raw += raw;
            if self.pending_raw > INLINE {
                self.paged = true;
                let held = std::mem::take(&mut self.pending);
                self.pending_raw = 0;
                self.page(held, out)?;
            }
            return Ok(());
        }
        self.take(batch.clone(), raw, out)
    }

    /// Ends the stream: at least one chunk in all, also for no rows.
    pub fn finish(&mut self, schema: &SchemaRef, out: &mut Vec<Chunk>) -> Result<(), EncodeError> {
        if self.pending.is_empty() && !self.paged {
            self.pending.push(RecordBatch::new_empty(schema.clone()));
        }
        self.flush(out)
    }

    /// The first page alone, then the rest.
    fn page(&mut self, held: Vec<RecordBatch>, out: &mut Vec<Chunk>) -> Result<(), EncodeError> {
        let mut room = PAGE;
        for batch in held {
            let rows = batch.num_rows();
            if rows < room {
                room -= rows;
                self.pending_raw += raw_bytes(&batch);
                self.pending.push(batch);
                continue;
            }
            if room > 0 {
                self.pending.push(batch.slice(0, room));
                self.flush(out)?;
            }
            if rows > room {
                let rest = batch.slice(room, rows - room);
                let raw = raw_bytes(&rest);
                self.take(rest, raw, out)?;
            }
            room = 0;
        }
        // Few large rows: they are the page.
        if room > 0 { self.flush(out) } else { Ok(()) }
    }

    fn take(
        &mut self,
        mut batch: RecordBatch,
        mut raw: usize,
        out: &mut Vec<Chunk>,
    ) -> Result<(), EncodeError> {
        loop {
            let target = ((CHUNK as f64 * 0.9 / self.ratio) as usize).clamp(CHUNK / 2, RAW);
            let room = target.saturating_sub(self.pending_raw);
            if raw <= room {
                self.pending_raw += raw;
                self.pending.push(batch);
                return Ok(());
            }
            let rows = batch.num_rows();
            let fit = (rows as f64 * room as f64 / raw as f64) as usize;
            let fit = if fit == 0 && self.pending.is_empty() {
                1
            } else {
                fit.min(rows)
            };
            if fit > 0 {
                self.pending.push(batch.slice(0, fit));
            }
            self.flush(out)?;
            if fit == rows {
                return Ok(());
            }
            batch = batch.slice(fit, rows - fit);
            raw = raw_bytes(&batch);
        }
    }

    fn flush(&mut self, out: &mut Vec<Chunk>) -> Result<(), EncodeError> {
        let batches = std::mem::take(&mut self.pending);
        self.pending_raw = 0;
        if batches.is_empty() {
            Ok(())
        } else {
            self.encode(&batches, out)
        }
    }

    fn encode(&mut self, batches: &[RecordBatch], out: &mut Vec<Chunk>) -> Result<(), EncodeError> {
        let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
        let raw: usize = batches.iter().map(raw_bytes).sum();
        if rows > ROWS || raw > EXPANDED && rows > 1 {
            return self.halve(batches, rows, out);
        }
        if raw > ROW {
            return Err(EncodeError::Row(raw));
        }
        let bytes = self.compress(batches, raw)?;
        if bytes.len() > CHUNK && rows > 1 {
            self.ratio = (bytes.len() as f64 / raw.max(1) as f64).clamp(0.05, 1.1);
            return self.halve(batches, rows, out);
        }
        if bytes.len() > ROW {
            return Err(EncodeError::Row(bytes.len()));
        }
        if raw > WORTH_COMPRESSING {
            self.ratio = (bytes.len() as f64 / raw as f64).clamp(0.05, 1.1);
        }
        let hash = *blake3::hash(&bytes).as_bytes();
        let info = ChunkInfo {
            rows: rows as u64,
            bytes: bytes.len() as u64,
            raw: raw as u64,
            hash,
        };
        out.push(Chunk { bytes, info });
        Ok(())
    }

    fn halve(
        &mut self,
        batches: &[RecordBatch],
        rows: usize,
        out: &mut Vec<Chunk>,
    ) -> Result<(), EncodeError> {
        let (left, right) = halves(batches, rows / 2);
        self.encode(&left, out)?;
        self.encode(&right, out)
    }

    fn compress(&mut self, batches: &[RecordBatch], raw: usize) -> Result<Vec<u8>, EncodeError> {
        match self.codec {
            Some(codec) => write(batches, codec, raw),
            None if raw < WORTH_COMPRESSING => write(batches, Codec::None, raw),
            None if self.resting > 0 => {
                self.resting -= 1;
                write(batches, Codec::None, raw)
            }
            None => {
                let bytes = write(batches, Codec::Lz4, raw)?;
                if bytes.len() * 10 < raw * 9 {
                    return Ok(bytes);
                }
                self.resting = 15;
                write(batches, Codec::None, raw)
            }
        }
    }
}

fn write(batches: &[RecordBatch], codec: Codec, raw: usize) -> Result<Vec<u8>, EncodeError> {
    let failed = |error: arrow::error::ArrowError| EncodeError::Arrow(error.to_string());
    let compression = match codec {
        Codec::None => None,
        Codec::Lz4 => Some(CompressionType::LZ4_FRAME),
        Codec::Zstd => Some(CompressionType::ZSTD),
    };
    let options = IpcWriteOptions::default()
        .try_with_compression(compression)
        .map_err(failed)?;
    let room = if codec == Codec::None {
        raw + raw / 16 + 2048
    } else {
        raw / 2 + 2048
    };
    let schema = batches[0].schema();
    let mut writer = StreamWriter::try_new_with_options(Vec::with_capacity(room), &schema, options)
        .map_err(failed)?;
    for batch in batches {
        writer.write(batch).map_err(failed)?;
    }
    writer.finish().map_err(failed)?;
    writer.into_inner().map_err(failed)
}

/// Rows as one uncompressed Arrow IPC stream, for a file of ours that [`decode_rows`] reads back.
pub(crate) fn encode_rows(rows: &RecordBatch) -> Result<Vec<u8>, EncodeError> {
    write(std::slice::from_ref(rows), Codec::None, raw_bytes(rows))
}

/// Reads [`encode_rows`] back.
pub(crate) fn decode_rows(bytes: Vec<u8>) -> Result<Vec<RecordBatch>, Damaged> {
    let any = Limit {
        bytes: u64::MAX,
        rows: u64::MAX,
    };
    read_within(bytes, any).map(|(_, rows)| rows)
}

fn halves(batches: &[RecordBatch], at: usize) -> (Vec<RecordBatch>, Vec<RecordBatch>) {
    let (mut left, mut right, mut room) = (Vec::new(), Vec::new(), at);
    for batch in batches {
        let take = room.min(batch.num_rows());
        if take > 0 {
            left.push(batch.slice(0, take));
        }
        if take < batch.num_rows() {
            right.push(batch.slice(take, batch.num_rows() - take));
        }
        room -= take;
    }
    (left, right)
}

/// Bytes of a batch's values as uncompressed Arrow: each number in its width, a text or binary value as long as it is
/// and its offset, a truth value as one byte. However rows are cut into batches, the sum stays the same, so that a hit
/// and a miss of one answer tell one size.
pub fn raw_bytes(batch: &RecordBatch) -> usize {
    batch
        .columns()
        .iter()
        .map(|column| {
            let offsets = column.len();
            match column.data_type() {
                DataType::Boolean => column.len(),
                DataType::Utf8 => 4 * offsets + span(column.as_string::<i32>().value_offsets()),
                DataType::Binary => 4 * offsets + span(column.as_binary::<i32>().value_offsets()),
                DataType::LargeUtf8 => {
                    8 * offsets + span(column.as_string::<i64>().value_offsets())
                }
                DataType::LargeBinary => {
                    8 * offsets + span(column.as_binary::<i64>().value_offsets())
                }
                DataType::FixedSizeBinary(width) => column.len() * (*width).max(0) as usize,
                kind => column.len() * kind.primitive_width().unwrap_or(0),
            }
        })
        .sum()
}

/// Bytes between the first offset and the last.
fn span<O: OffsetSizeTrait>(offsets: &[O]) -> usize {
    match (offsets.first(), offsets.last()) {
        (Some(first), Some(last)) => last.as_usize().saturating_sub(first.as_usize()),
        _ => 0,
    }
}

/// A schema as an Arrow IPC stream without batches, as kept in headers.
pub fn encode_schema(schema: &Schema) -> Result<Vec<u8>, EncodeError> {
    let failed = |error: arrow::error::ArrowError| EncodeError::Arrow(error.to_string());
    let mut writer = StreamWriter::try_new(Vec::new(), schema).map_err(failed)?;
    writer.finish().map_err(failed)?;
    writer.into_inner().map_err(failed)
}

/// Reads [`encode_schema`] back.
pub fn decode_schema(bytes: &[u8]) -> Result<SchemaRef, Damaged> {
    let nothing = Limit { bytes: 0, rows: 0 };
    read_within(bytes.to_vec(), nothing).map(|(schema, _)| schema)
}

/// Decodes a chunk that must be what the header says: its size, its hash, its number of rows.
pub fn decode(bytes: Vec<u8>, info: &ChunkInfo) -> Result<Vec<RecordBatch>, Damaged> {
    if bytes.len() as u64 != info.bytes {
        return Err(Damaged("a chunk has another size than its header says"));
    }
    if *blake3::hash(&bytes).as_bytes() != info.hash {
        return Err(Damaged("a chunk has another hash than its header says"));
    }
    let limit = Limit {
        // Validity bitmaps and the last offset of each column are not in the raw size; they never take more than it.
        bytes: info.raw.saturating_mul(2).saturating_add(64 * 1024),
        rows: info.rows,
    };
    let (_, batches) = read_within(bytes, limit)?;
    let rows: u64 = batches.iter().map(|batch| batch.num_rows() as u64).sum();
    if rows != info.rows {
        return Err(Damaged(
            "a chunk has another number of rows than its header says",
        ));
    }
    Ok(batches)
}

/// Decodes a complete Arrow IPC stream of unknown origin: never a panic, and memory is bounded.
pub fn read(bytes: Vec<u8>) -> Result<(SchemaRef, Vec<RecordBatch>), Damaged> {
    read_within(bytes, UNKNOWN)
}

fn read_within(bytes: Vec<u8>, limit: Limit) -> Result<(SchemaRef, Vec<RecordBatch>), Damaged> {
    // `verify` refuses every input that is known to make the reader panic or allocate without bound. The reader
    // promises neither, and a cache that others can write to must not end the program: what remains is caught here.
    let caught = catch_unwind(AssertUnwindSafe(|| {
        verify::stream(&bytes, limit)?;
        let mut buffer = Buffer::from_vec(bytes);
        let mut decoder = StreamDecoder::new();
        let mut batches = Vec::new();
        while !buffer.is_empty() {
            if let Some(batch) = decoder
                .decode(&mut buffer)
                .map_err(|_| Damaged("a chunk is not valid Arrow"))?
            {
                batches.push(batch);
            }
        }
        decoder
            .finish()
            .map_err(|_| Damaged("a chunk is cut off"))?;
        Ok((
            decoder.schema().ok_or(Damaged("a chunk has no schema"))?,
            batches,
        ))
    }));
    caught.unwrap_or(Err(Damaged("a chunk is not valid Arrow")))
}
