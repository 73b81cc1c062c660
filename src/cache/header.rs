//! What an entry's header holds: everything about the answer but its rows, and a small answer's rows too.

use std::collections::HashMap;
use std::time::Duration;

use super::payload::{self, Damaged};
use super::{Position, ServerTime};
use crate::report::Dependencies;

/// The longest from an entry's fill to its hard expiry: `ttl` and `stale_for` are ten years each at most.
const LONGEST: u64 = 21 * 366 * 24 * 3600 * 1000;

/// The longest list of the database's sentences that is read.
const LONGEST_NOTICES: usize = 1 << 20;

/// The longest sentence about a refresh that is kept.
const LONGEST_BECAUSE: usize = 1_000;

/// The header of an entry, as read from its Redis hash.
#[derive(Clone, Debug, PartialEq)]
pub struct Header {
    /// The report's name.
    pub report: String,
    /// The parameters as JSON, see [`crate::report::Params::to_json`].
    pub params: String,
    /// Epoch at the fill's begin; empty where nobody watched.
    pub epoch: String,
    /// Position at the fill's begin.
    pub position: Position,
    /// Names the chunks.
    pub fill: String,
    /// The chunks in order; the single one of a small answer is `inline`.
    pub chunks: Vec<ChunkInfo>,
    /// The payload of a small answer.
    pub inline: Option<Vec<u8>>,
    /// Rows in all.
    pub rows: u64,
    /// Bytes of all chunks as stored.
    pub bytes: u64,
    /// Bytes of the same rows as uncompressed Arrow.
    pub raw: u64,
    /// SHA-256 of the canonical CSV form, in hexadecimal.
    pub sha256: String,
    /// The final schema: an Arrow IPC stream without batches.
    pub schema: Vec<u8>,
    /// Tables it depends on, or `*`.
    pub tables: Vec<String>,
    /// Whether whoever filled it wants it watched: only a live detector can vouch for it.
    pub on_change: bool,
    /// What else its answer depends on that no detector sees: the clock, chance, a foreign table.
    pub unseen: Option<String>,
    /// When it was stored.
    pub created: ServerTime,
    /// How long its query took.
    pub query_time: Duration,
    /// Who wrote it and why: "worker, changed".
    pub writer: String,
    /// Why it was refreshed, in one sentence, where whoever refreshed it told.
    pub because: Option<String>,
    /// What the database said besides the rows, one sentence each.
    pub notices: Vec<String>,
    /// No longer fresh from here on.
    pub soft: ServerTime,
    /// No longer served from here on.
    pub hard: ServerTime,
}

/// What the header says about one chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkInfo {
    /// Rows in it.
    pub rows: u64,
    /// Bytes as stored.
    pub bytes: u64,
    /// Bytes of the same rows as uncompressed Arrow.
    pub raw: u64,
    /// blake3 of the stored bytes.
    pub hash: [u8; 32],
}

impl Header {
    /// Reads the fields of a header; anything missing or malformed makes it damaged.
    pub fn read(fields: Vec<(Vec<u8>, Vec<u8>)>) -> Result<Self, Damaged> {
        let mut fields: HashMap<Vec<u8>, Vec<u8>> = fields.into_iter().collect();
        let inline = fields.remove(b"inline".as_slice());
        let schema = fields
            .remove(b"schema".as_slice())
            .ok_or(Damaged("the header has no schema"))?;
        let text = |name: &str| -> Result<String, Damaged> {
            let bytes = fields
                .get(name.as_bytes())
                .ok_or(Damaged("the header lacks a field"))?;
            Ok(std::str::from_utf8(bytes)
                .map_err(|_| Damaged("the header is not UTF-8"))?
                .to_owned())
        };
        let number = |name: &str| {
            text(name)?
                .parse::<u64>()
                .map_err(|_| Damaged("the header has a malformed number"))
        };
        let header = Self {
            report: text("report")?,
            params: text("params")?,
            epoch: text("epoch")?,
            position: Position::parse(&text("pos")?)
                .ok_or(Damaged("the header has a malformed position"))?,
            fill: text("fill")?,
            chunks: text("index")?
                .lines()
                .map(ChunkInfo::parse)
                .collect::<Option<_>>()
                .ok_or(Damaged("the header's list of chunks is malformed"))?,
            inline,
            rows: number("rows")?,
            bytes: number("bytes")?,
            raw: number("raw")?,
            sha256: text("sha256")?,
            schema,
            tables: serde_json::from_str(&text("tables")?)
                .map_err(|_| Damaged("the header's list of tables is malformed"))?,
            on_change: number("on_change")? == 1,
            unseen: text("unseen")
                .ok()
                .filter(|what| !what.is_empty() && what.len() <= Dependencies::LONGEST_UNSEEN),
            created: ServerTime(number("created")?),
            query_time: Duration::from_micros(
                text("query_ms")?
                    .parse::<f64>()
                    .ok()
                    .filter(|ms| ms.is_finite() && *ms >= 0.0 && *ms < 1e12)
                    .map(|ms| (ms * 1e3) as u64)
                    .ok_or(Damaged("the header has a malformed number"))?,
            ),
            writer: text("writer")?,
            notices: text("notices")
                .ok()
                .filter(|list| list.len() <= LONGEST_NOTICES)
                .and_then(|list| serde_json::from_str(&list).ok())
                .unwrap_or_default(),
            because: text("because")
                .ok()
                .filter(|why| !why.is_empty() && why.len() <= LONGEST_BECAUSE),
            soft: ServerTime(number("soft")?),
            hard: ServerTime(number("hard")?),
        };
        let stored = number("chunks")?;
        let consistent = match &header.inline {
            Some(inline) => {
                stored == 0
                    && header.chunks.len() == 1
                    && header.chunks[0].bytes == inline.len() as u64
            }
            None => !header.chunks.is_empty() && stored == header.chunks.len() as u64,
        };
        // Sums that overflow are as wrong as sums that differ.
        let sum = |of: fn(&ChunkInfo) -> u64| {
            header
                .chunks
                .iter()
                .try_fold(0u64, |sum, chunk| sum.checked_add(of(chunk)))
        };
        let sums = (
            sum(|chunk| chunk.rows),
            sum(|chunk| chunk.bytes),
            sum(|chunk| chunk.raw),
        );
        let safe_fill =
            header.fill.len() <= 64 && header.fill.bytes().all(|b| b.is_ascii_alphanumeric());
        if !consistent
            || sums != (Some(header.rows), Some(header.bytes), Some(header.raw))
            || !safe_fill
        {
            return Err(Damaged("the header contradicts itself"));
        }
        let whole_sum =
            header.sha256.len() == 64 && header.sha256.bytes().all(|b| b.is_ascii_hexdigit());
        if !whole_sum {
            return Err(Damaged("the header has a malformed checksum"));
        }
        let in_order = header.created <= header.soft
            && header.soft <= header.hard
            && header.hard.0 - header.created.0 <= LONGEST;
        if !in_order {
            return Err(Damaged("the header's times contradict each other"));
        }
        let too_large_inline = header.inline.is_some() && header.raw > payload::INLINE as u64;
        if too_large_inline || !header.chunks.iter().all(ChunkInfo::is_possible) {
            return Err(Damaged("the header tells of chunks that we never write"));
        }
        Ok(header)
    }

    /// Number of chunk keys; zero for a small answer held in the header.
    pub fn stored_chunks(&self) -> usize {
        if self.inline.is_some() {
            0
        } else {
            self.chunks.len()
        }
    }
}

impl ChunkInfo {
    /// One line: rows, stored bytes, raw bytes, blake3.
    pub(super) fn line(&self) -> String {
        format!(
            "{} {} {} {}",
            self.rows,
            self.bytes,
            self.raw,
            blake3::Hash::from_bytes(self.hash).to_hex()
        )
    }

    /// Whether a chunk may be this large: memory is set aside by these figures.
    fn is_possible(&self) -> bool {
        let (bytes, raw) = if self.rows > 1 {
            (payload::CHUNK, payload::EXPANDED)
        } else {
            (payload::ROW, payload::ROW)
        };
        self.rows <= payload::ROWS as u64 && self.bytes <= bytes as u64 && self.raw <= raw as u64
    }

    fn parse(line: &str) -> Option<Self> {
        let mut parts = line.split(' ');
        let mut number = || parts.next()?.parse::<u64>().ok();
        let (rows, bytes, raw) = (number()?, number()?, number()?);
        let hash = *blake3::Hash::from_hex(parts.next()?).ok()?.as_bytes();
        parts.next().is_none().then_some(Self {
            rows,
            bytes,
            raw,
            hash,
        })
    }
}
