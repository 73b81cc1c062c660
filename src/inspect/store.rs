//! How millions of keys are kept in little memory, each once.
//!
//! Rows live in segments of a fixed number of rows: names one after the other in one allocation, each column in its
//! own array (35 bytes a key; the table that finds repeats adds 5 to 11). A snapshot is a list of pointers, and what it
//! points to never changes: a change copies the columns of its segment first, so whoever reads a snapshot never waits.

use std::sync::Arc;

use super::{Kind, TtlBucket};

/// Names a key within one scan; it stays the same in every later snapshot.
pub type RowId = u32;

pub(super) const SEGMENT_BITS: u32 = 14;
pub(super) const SEGMENT_ROWS: usize = 1 << SEGMENT_BITS;
/// The type of a row whose key is gone.
pub(super) const DEAD: u8 = 255;
const NO_TTL: i64 = i64::MAX;
const UNKNOWN_TTL: i64 = i64::MIN;
const UNKNOWN_BYTES: u64 = u64::MAX;
const UNKNOWN: u32 = u32::MAX;
/// A use that is no idle time but a frequency has this bit; idle times have 24 bits on the server.
const FREQUENCY: u32 = 1 << 31;

/// When a key expires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ttl {
    /// It has no TTL.
    Never,
    /// The account may not ask.
    Unknown,
    /// At this time, in milliseconds since 1970 by this machine's clock.
    At(i64),
}

impl Ttl {
    /// Milliseconds left at `now`, `None` for no TTL or an unknown one; zero once it has passed.
    pub fn left(self, now: i64) -> Option<i64> {
        match self {
            Self::Never | Self::Unknown => None,
            Self::At(at) => Some((at - now).max(0)),
        }
    }
}

/// What the scan learned about one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key<'a> {
    /// The exact name, which may be any bytes.
    pub name: &'a [u8],
    /// The data structure.
    pub kind: Kind,
    /// What TYPE answered.
    pub type_name: &'a str,
    /// When it expires.
    pub ttl: Ttl,
    /// Bytes of memory on the server, `None` where the account may not ask.
    pub bytes: Option<u64>,
    /// The encoding on the server, empty where it is unknown.
    pub encoding: &'a str,
    /// Elements of a collection (fields, members, entries), `None` for strings and modules' types and where they were
    /// not counted. Above 4,294,967,294 that number stands.
    pub elements: Option<u32>,
    /// Seconds since it was last used, where the server counts that.
    pub idle: Option<u32>,
    /// How often it is used, where the server counts that instead: Redis's logarithmic counter, 0 to 255.
    pub frequency: Option<u8>,
}

impl Key<'_> {
    /// Returns whether its bytes are extrapolated from some of its elements, and not counted.
    pub fn is_estimate(&self) -> bool {
        super::is_estimate(self.kind, self.encoding, self.elements.map(u64::from))
    }
}

/// The names of a segment's rows; they stay when a key goes.
#[derive(Clone, Default)]
pub(super) struct Names {
    bytes: Vec<u8>,
    /// Where each ends.
    ends: Vec<u64>,
}

/// What is known of a segment's rows.
#[derive(Clone, Default)]
pub(super) struct Columns {
    expires: Vec<i64>,
    bytes: Vec<u64>,
    elements: Vec<u32>,
    used: Vec<u32>,
    types: Vec<u8>,
    encodings: Vec<u8>,
    /// The TTL bucket that the totals count a row in: where it stood when it was asked.
    buckets: Vec<u8>,
}

#[derive(Clone, Default)]
pub(super) struct Segment {
    pub(super) names: Arc<Names>,
    pub(super) columns: Arc<Columns>,
}

impl Names {
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn get(&self, row: usize) -> &[u8] {
        let start = if row == 0 {
            0
        } else {
            self.ends[row - 1] as usize
        };
        &self.bytes[start..self.ends[row] as usize]
    }

    pub(super) fn push(&mut self, name: &[u8]) {
        self.bytes.extend_from_slice(name);
        self.ends.push(self.bytes.len() as u64);
    }

    pub(super) fn shrink(&mut self) {
        self.bytes.shrink_to_fit();
    }
}

/// A row's columns.
#[derive(Clone, Copy)]
pub(super) struct Cells {
    pub(super) expires: i64,
    bytes: u64,
    elements: u32,
    used: u32,
    pub(super) kind: u8,
    encoding: u8,
    pub(super) bucket: u8,
}

impl Cells {
    pub(super) fn of(key: &Key<'_>, kind: u8, encoding: u8, now: i64) -> Self {
        Self {
            expires: expires(key.ttl),
            bytes: key.bytes.unwrap_or(UNKNOWN_BYTES),
            elements: key.elements.unwrap_or(UNKNOWN),
            used: used(key.idle, key.frequency),
            kind,
            encoding,
            bucket: TtlBucket::of(key.ttl, now) as u8,
        }
    }

    pub(super) fn bytes(&self) -> Option<u64> {
        (self.bytes != UNKNOWN_BYTES).then_some(self.bytes)
    }

    pub(super) fn ttl(&self) -> Ttl {
        ttl(self.expires)
    }

    pub(super) fn expire(&mut self, ttl: Ttl, now: i64) {
        self.expires = expires(ttl);
        self.bucket = TtlBucket::of(ttl, now) as u8;
    }

    pub(super) fn count(&mut self, elements: Option<u32>, frequency: Option<u8>) {
        if let Some(elements) = elements {
            self.elements = elements;
        }
        if frequency.is_some() {
            self.used = used(None, frequency);
        }
    }

    /// What was not asked yet stays as it was known of a key of the same type.
    pub(super) fn keep_from(&mut self, before: &Self) {
        if before.kind == self.kind {
            if self.elements == UNKNOWN {
                self.elements = before.elements;
            }
            if self.used == UNKNOWN {
                self.used = before.used;
            }
        }
    }
}

impl Columns {
    pub(super) fn get(&self, row: usize) -> Cells {
        Cells {
            expires: self.expires[row],
            bytes: self.bytes[row],
            elements: self.elements[row],
            used: self.used[row],
            kind: self.types[row],
            encoding: self.encodings[row],
            bucket: self.buckets[row],
        }
    }

    pub(super) fn push(&mut self, cells: Cells) {
        self.expires.push(cells.expires);
        self.bytes.push(cells.bytes);
        self.elements.push(cells.elements);
        self.used.push(cells.used);
        self.types.push(cells.kind);
        self.encodings.push(cells.encoding);
        self.buckets.push(cells.bucket);
    }

    pub(super) fn set(&mut self, row: usize, cells: Cells) {
        self.expires[row] = cells.expires;
        self.bytes[row] = cells.bytes;
        self.elements[row] = cells.elements;
        self.used[row] = cells.used;
        self.types[row] = cells.kind;
        self.encodings[row] = cells.encoding;
        self.buckets[row] = cells.bucket;
    }

    /// Rows that expire, each with when; those that are gone left out.
    pub(super) fn expiring(&self) -> impl Iterator<Item = (usize, i64)> + '_ {
        let times = self.expires.iter().zip(&self.types).enumerate();
        times
            .filter(|(_, (at, kind))| **kind != DEAD && !matches!(**at, NO_TTL | UNKNOWN_TTL))
            .map(|(row, (at, _))| (row, *at))
    }
}

/// Type and encoding names, each kept once; a server has a few dozen of them.
#[derive(Clone, Default)]
pub(super) struct Words(Arc<Vec<String>>);

impl Words {
    pub(super) fn intern(&mut self, word: &str) -> u8 {
        if let Some(found) = self.0.iter().position(|known| known == word) {
            return found as u8;
        }
        // The last numbers stand for "too many" and for what is gone.
        if self.0.len() >= usize::from(DEAD - 1) {
            return DEAD - 1;
        }
        Arc::make_mut(&mut self.0).push(word.to_owned());
        (self.0.len() - 1) as u8
    }

    pub(super) fn get(&self, index: u8) -> &str {
        self.0.get(index as usize).map_or("", String::as_str)
    }
}

/// The keys found so far: a snapshot that never changes.
#[derive(Clone, Default)]
pub struct Keys {
    pub(super) segments: Arc<Vec<Segment>>,
    pub(super) types: Words,
    pub(super) encodings: Words,
    /// Rows, those of keys that are gone included.
    pub(super) rows: usize,
    pub(super) alive: usize,
    /// Grows whenever the rows get new numbers.
    pub(super) generation: u32,
    /// Grows with every change.
    pub(super) version: u64,
}

impl Keys {
    /// How many.
    pub fn len(&self) -> usize {
        self.alive
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.alive == 0
    }

    /// The numbers of all that are there.
    pub fn ids(&self) -> impl Iterator<Item = RowId> + '_ {
        (0..self.rows as RowId).filter(|id| self.is_there(*id))
    }

    /// Whether a key is there; one that is gone keeps its number.
    pub fn is_there(&self, id: RowId) -> bool {
        let (segment, row) = self.locate(id);
        segment.columns.types[row] != DEAD
    }

    /// A key's name.
    pub fn name(&self, id: RowId) -> &[u8] {
        let (segment, row) = self.locate(id);
        segment.names.get(row)
    }

    /// A key's bytes of memory, zero where unknown.
    pub fn bytes(&self, id: RowId) -> u64 {
        let (segment, row) = self.locate(id);
        segment.columns.get(row).bytes().unwrap_or(0)
    }

    /// Everything about a key.
    pub fn get(&self, id: RowId) -> Key<'_> {
        let (segment, row) = self.locate(id);
        let cells = segment.columns.get(row);
        let type_name = self.types.get(cells.kind);
        Key {
            name: segment.names.get(row),
            kind: kind(cells.kind, type_name),
            type_name,
            ttl: cells.ttl(),
            bytes: cells.bytes(),
            encoding: self.encodings.get(cells.encoding),
            elements: known(cells.elements),
            idle: known(cells.used).filter(|used| used & FREQUENCY == 0),
            frequency: known(cells.used)
                .filter(|used| used & FREQUENCY != 0)
                .map(|used| used as u8),
        }
    }

    /// Bytes of our own memory above the names, without the tables that find repeats (at most 11 a key, gone with the
    /// scan) and order by name (12 a key, 4 more once keys have gone).
    pub fn overhead(&self) -> usize {
        self.segments
            .iter()
            .map(|segment| segment.names.len() * (8 + 8 + 8 + 4 + 4 + 1 + 1 + 1))
            .sum()
    }

    fn locate(&self, id: RowId) -> (&Segment, usize) {
        (
            &self.segments[(id >> SEGMENT_BITS) as usize],
            id as usize & (SEGMENT_ROWS - 1),
        )
    }
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Keys({})", self.alive)
    }
}

fn known(value: u32) -> Option<u32> {
    (value != UNKNOWN).then_some(value)
}

fn expires(ttl: Ttl) -> i64 {
    match ttl {
        Ttl::Never => NO_TTL,
        Ttl::Unknown => UNKNOWN_TTL,
        // The last moment there is means something else here.
        Ttl::At(at) => at.clamp(UNKNOWN_TTL + 1, NO_TTL - 1),
    }
}

fn ttl(expires: i64) -> Ttl {
    match expires {
        NO_TTL => Ttl::Never,
        UNKNOWN_TTL => Ttl::Unknown,
        at => Ttl::At(at),
    }
}

fn used(idle: Option<u32>, frequency: Option<u8>) -> u32 {
    match (frequency, idle) {
        (Some(frequency), _) => FREQUENCY | u32::from(frequency),
        (None, Some(idle)) => idle.min(FREQUENCY - 1),
        (None, None) => UNKNOWN,
    }
}

/// The data structure of an interned type.
pub(super) fn kind(index: u8, name: &str) -> Kind {
    match Kind::from_index(index) {
        // The first names are interned in the kinds' order; what follows is a module's.
        Kind::Other => Kind::from_type(name),
        kind => kind,
    }
}
