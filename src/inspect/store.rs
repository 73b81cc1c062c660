//! How millions of keys are kept in little memory, each once.
//!
//! Rows live in segments of a fixed number of rows: names one after the other in one allocation, each column in its
//! own array (34 bytes a key; the table that finds repeats adds 5 to 11). A full segment never changes, so a snapshot
//! is a list of pointers and whoever reads one never waits for the scan.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use super::Kind;

/// Names a key within one scan; it stays the same in every later snapshot.
pub type RowId = u32;

const SEGMENT_BITS: u32 = 14;
const SEGMENT_ROWS: usize = 1 << SEGMENT_BITS;
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

#[derive(Clone, Default)]
struct Segment {
    names: Vec<u8>,
    /// Where each name ends.
    ends: Vec<u64>,
    expires: Vec<i64>,
    bytes: Vec<u64>,
    elements: Vec<u32>,
    used: Vec<u32>,
    types: Vec<u8>,
    encodings: Vec<u8>,
}

impl Segment {
    fn len(&self) -> usize {
        self.ends.len()
    }

    fn name(&self, row: usize) -> &[u8] {
        let start = if row == 0 {
            0
        } else {
            self.ends[row - 1] as usize
        };
        &self.names[start..self.ends[row] as usize]
    }

    fn shrink(mut self) -> Self {
        self.names.shrink_to_fit();
        self
    }
}

/// Type and encoding names, each kept once; a server has a few dozen of them.
#[derive(Clone, Default)]
struct Words(Arc<Vec<String>>);

impl Words {
    fn intern(&mut self, word: &str) -> u8 {
        if let Some(found) = self.0.iter().position(|known| known == word) {
            return found as u8;
        }
        if self.0.len() >= 255 {
            return 255;
        }
        Arc::make_mut(&mut self.0).push(word.to_owned());
        (self.0.len() - 1) as u8
    }

    fn get(&self, index: u8) -> &str {
        self.0.get(index as usize).map_or("", String::as_str)
    }
}

/// The keys found so far: a snapshot that never changes.
#[derive(Clone, Default)]
pub struct Keys {
    segments: Arc<Vec<Arc<Segment>>>,
    types: Words,
    encodings: Words,
    rows: usize,
}

impl Keys {
    /// How many.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// A key's name.
    pub fn name(&self, id: RowId) -> &[u8] {
        let (segment, row) = self.locate(id);
        segment.name(row)
    }

    /// A key's bytes of memory, zero where unknown.
    pub fn bytes(&self, id: RowId) -> u64 {
        let (segment, row) = self.locate(id);
        if segment.bytes[row] == UNKNOWN_BYTES {
            0
        } else {
            segment.bytes[row]
        }
    }

    /// Everything about a key.
    pub fn get(&self, id: RowId) -> Key<'_> {
        let (segment, row) = self.locate(id);
        let type_name = self.types.get(segment.types[row]);
        Key {
            name: segment.name(row),
            kind: kind(segment.types[row], type_name),
            type_name,
            ttl: match segment.expires[row] {
                NO_TTL => Ttl::Never,
                UNKNOWN_TTL => Ttl::Unknown,
                at => Ttl::At(at),
            },
            bytes: (segment.bytes[row] != UNKNOWN_BYTES).then_some(segment.bytes[row]),
            encoding: self.encodings.get(segment.encodings[row]),
            elements: known(segment.elements[row]),
            idle: known(segment.used[row]).filter(|used| used & FREQUENCY == 0),
            frequency: known(segment.used[row])
                .filter(|used| used & FREQUENCY != 0)
                .map(|used| used as u8),
        }
    }

    /// Bytes of our own memory above the names, without the tables that find repeats (at most 11 a key, gone with the
    /// scan) and order by name (12 a key).
    pub fn overhead(&self) -> usize {
        self.segments
            .iter()
            .map(|segment| segment.len() * (8 + 8 + 8 + 4 + 4 + 1 + 1))
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
        write!(f, "Keys({})", self.rows)
    }
}

fn known(value: u32) -> Option<u32> {
    (value != UNKNOWN).then_some(value)
}

fn kind(index: u8, name: &str) -> Kind {
    match Kind::from_index(index) {
        // The first names are interned in the kinds' order; what follows is a module's.
        Kind::Other => Kind::from_type(name),
        kind => kind,
    }
}

/// Takes keys in, each once.
pub(super) struct Builder {
    full: Vec<Arc<Segment>>,
    open: Segment,
    types: Words,
    encodings: Words,
    seen: Seen,
    hasher: RandomState,
}

impl Builder {
    pub(super) fn new() -> Self {
        let mut types = Words::default();
        for kind in &Kind::ALL[..7] {
            types.intern(if *kind == Kind::Json {
                "ReJSON-RL"
            } else {
                kind.name()
            });
        }
        Self {
            full: Vec::new(),
            open: Segment::default(),
            types,
            encodings: Words::default(),
            seen: Seen::default(),
            hasher: RandomState::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.full.len() * SEGMENT_ROWS + self.open.len()
    }

    fn name(&self, id: RowId) -> &[u8] {
        let (segment, row) = (
            (id >> SEGMENT_BITS) as usize,
            id as usize & (SEGMENT_ROWS - 1),
        );
        self.full
            .get(segment)
            .map_or(&self.open, |segment| segment.as_ref())
            .name(row)
    }

    /// Whether the scan has met this name before.
    pub(super) fn contains(&self, name: &[u8]) -> bool {
        self.find(name).is_some()
    }

    /// The number of a name that was met before.
    pub(super) fn find(&self, name: &[u8]) -> Option<RowId> {
        self.seen
            .find(self.hasher.hash_one(name), |id| self.name(id) == name)
    }

    /// Adds a key; `false` where it is there already (SCAN may repeat) or the numbers ran out (4 billion keys).
    pub(super) fn push(&mut self, key: Key<'_>) -> bool {
        if self.contains(key.name) || self.len() >= u32::MAX as usize - SEGMENT_ROWS {
            return false;
        }
        let id = self.len() as RowId;
        if self.seen.is_crowded(self.len()) {
            let mut larger = Seen::with_room(self.len() * 2);
            for old in 0..id {
                larger.insert(self.hasher.hash_one(self.name(old)), old);
            }
            self.seen = larger;
        }
        self.seen.insert(self.hasher.hash_one(key.name), id);
        let open = &mut self.open;
        open.names.extend_from_slice(key.name);
        open.ends.push(open.names.len() as u64);
        open.expires.push(match key.ttl {
            Ttl::Never => NO_TTL,
            Ttl::Unknown => UNKNOWN_TTL,
            Ttl::At(at) => at,
        });
        open.bytes.push(key.bytes.unwrap_or(UNKNOWN_BYTES));
        open.elements.push(key.elements.unwrap_or(UNKNOWN));
        open.used.push(match (key.frequency, key.idle) {
            (Some(frequency), _) => FREQUENCY | u32::from(frequency),
            (None, Some(idle)) => idle.min(FREQUENCY - 1),
            (None, None) => UNKNOWN,
        });
        open.types.push(self.types.intern(key.type_name));
        open.encodings.push(self.encodings.intern(key.encoding));
        if open.len() == SEGMENT_ROWS {
            self.full.push(Arc::new(std::mem::take(open).shrink()));
        }
        true
    }

    pub(super) fn snapshot(&self) -> Keys {
        let mut segments = self.full.clone();
        if self.open.len() > 0 {
            segments.push(Arc::new(self.open.clone()));
        }
        Keys {
            segments: Arc::new(segments),
            types: self.types.clone(),
            encodings: self.encodings.clone(),
            rows: self.len(),
        }
    }
}

/// An open-addressed table of row numbers plus one, zero for an empty place: 4 bytes a place.
#[derive(Default)]
struct Seen(Vec<u32>);

impl Seen {
    fn with_room(rows: usize) -> Self {
        Self(vec![0; (rows * 5 / 4).max(1024).next_power_of_two()])
    }

    fn is_crowded(&self, rows: usize) -> bool {
        rows * 5 >= self.0.len() * 4
    }

    fn find(&self, hash: u64, is: impl Fn(RowId) -> bool) -> Option<RowId> {
        self.places(hash)
            .map(|place| self.0[place])
            .take_while(|id| *id != 0)
            .map(|id| id - 1)
            .find(|id| is(*id))
    }

    fn insert(&mut self, hash: u64, id: RowId) {
        let free = self.places(hash).find(|place| self.0[*place] == 0);
        if let Some(place) = free {
            self.0[place] = id + 1;
        }
    }

    fn places(&self, hash: u64) -> impl Iterator<Item = usize> + use<> {
        let mask = self.0.len().wrapping_sub(1);
        (0..self.0.len()).map(move |step| (hash as usize).wrapping_add(step) & mask)
    }
}

#[cfg(test)]
pub(super) mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    pub(in super::super) fn sample(names: &[&[u8]]) -> Keys {
        let mut builder = Builder::new();
        for (i, name) in names.iter().enumerate() {
            builder.push(Key {
                name,
                kind: Kind::String,
                type_name: "string",
                ttl: if i % 2 == 0 {
                    Ttl::Never
                } else {
                    Ttl::At(1_000 * i as i64)
                },
                bytes: Some(10 * (i as u64 + 1)),
                encoding: "raw",
                elements: None,
                idle: None,
                frequency: None,
            });
        }
        builder.snapshot()
    }

    #[test]
    fn names_are_exact_and_kept_once() {
        let names: [&[u8]; 5] = [b"", b"\0\xff\n", b"a", b"a", b"a:b"];
        let keys = sample(&names);
        assert_eq!(keys.len(), 4);
        assert_eq!(
            (0..4).map(|id| keys.name(id)).collect::<Vec<_>>(),
            [&b""[..], b"\0\xff\n", b"a", b"a:b"]
        );
    }

    #[test]
    fn a_hundred_thousand_keys_span_segments_within_the_bound() {
        let mut builder = Builder::new();
        for round in 0..2 {
            for i in 0..100_000_u32 {
                let name = format!("key:{i}");
                let added = builder.push(Key {
                    name: name.as_bytes(),
                    kind: Kind::Other,
                    type_name: "MBbloom--",
                    ttl: Ttl::At(i64::from(i)),
                    bytes: None,
                    encoding: "raw",
                    elements: Some(i),
                    idle: i.is_multiple_of(2).then_some(i),
                    frequency: (i % 2 == 1).then_some(i as u8),
                });
                assert_eq!(added, round == 0);
            }
        }
        let keys = builder.snapshot();
        assert_eq!(keys.len(), 100_000);
        let key = keys.get(77_777);
        assert_eq!(
            (key.name, key.kind, key.type_name),
            (&b"key:77777"[..], Kind::Other, "MBbloom--")
        );
        assert_eq!(
            (key.ttl, key.bytes, key.elements),
            (Ttl::At(77_777), None, Some(77_777))
        );
        assert_eq!((key.idle, key.frequency), (None, Some(77_777_u32 as u8)));
        let key = keys.get(77_776);
        assert_eq!((key.idle, key.frequency), (Some(77_776), None));
        let bytes_a_key = (keys.overhead() + builder.seen.0.len() * 4) / keys.len();
        assert!(bytes_a_key < 64, "{bytes_a_key}");
    }
}
