//! How do keys come into the store, change there and go? Each once, with totals that always equal the rows.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use super::store::{Cells, DEAD, SEGMENT_BITS, SEGMENT_ROWS, Segment, Words, kind};
use super::{Key, Keys, Kind, RowId, Totals, Ttl, TtlBucket};

/// The store is made anew, without the names of keys that are gone, once there are more of those than this and more
/// than of keys that are there.
const MOST_GONE: usize = 1 << 16;

/// Takes keys in, each once.
pub(super) struct Builder {
    segments: Vec<Segment>,
    /// When the first key of each segment expires, or earlier.
    soonest: Vec<i64>,
    types: Words,
    encodings: Words,
    seen: Seen,
    hasher: RandomState,
    rows: usize,
    alive: usize,
    generation: u32,
    version: u64,
    totals: Totals,
}

fn place(id: RowId) -> (usize, usize) {
    (
        (id >> SEGMENT_BITS) as usize,
        id as usize & (SEGMENT_ROWS - 1),
    )
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
            segments: Vec::new(),
            soonest: Vec::new(),
            types,
            encodings: Words::default(),
            seen: Seen::default(),
            hasher: RandomState::new(),
            rows: 0,
            alive: 0,
            generation: 0,
            version: 0,
            totals: Totals::default(),
        }
    }

    /// How many keys are there.
    pub(super) fn len(&self) -> usize {
        self.alive
    }

    /// Grows with every change.
    pub(super) fn version(&self) -> u64 {
        self.version
    }

    /// The sums of what is there.
    pub(super) fn totals(&self) -> &Totals {
        &self.totals
    }

    fn name(&self, id: RowId) -> &[u8] {
        let (segment, row) = place(id);
        self.segments[segment].names.get(row)
    }

    fn cells(&self, id: RowId) -> Cells {
        let (segment, row) = place(id);
        self.segments[segment].columns.get(row)
    }

    /// Whether a key of this name is there.
    pub(super) fn contains(&self, name: &[u8]) -> bool {
        self.find(name).is_some()
    }

    /// The number of the key of this name, where it is there.
    pub(super) fn find(&self, name: &[u8]) -> Option<RowId> {
        self.met(name).filter(|id| self.cells(*id).kind != DEAD)
    }

    /// The number of a name that was ever there.
    fn met(&self, name: &[u8]) -> Option<RowId> {
        self.seen
            .find(self.hasher.hash_one(name), |id| self.name(id) == name)
    }

    /// Takes a key in as it was at `now`, in milliseconds since 1970; `true` where it was not there. The numbers run
    /// out at 4 billion keys.
    pub(super) fn put(&mut self, key: Key<'_>, now: i64) -> bool {
        let (types, encodings) = (&mut self.types, &mut self.encodings);
        let mut cells = Cells::of(
            &key,
            types.intern(key.type_name),
            encodings.intern(key.encoding),
            now,
        );
        if let Some(id) = self.met(key.name) {
            let before = self.cells(id);
            cells.keep_from(&before);
            self.replace(id, cells);
            return before.kind == DEAD;
        }
        if self.rows >= u32::MAX as usize - SEGMENT_ROWS {
            return false;
        }
        self.append(key.name, cells);
        true
    }

    fn append(&mut self, name: &[u8], cells: Cells) {
        let id = self.rows as RowId;
        if self.seen.is_crowded(self.rows) {
            let mut larger = Seen::with_room(self.rows * 2);
            for old in 0..id {
                larger.insert(self.hasher.hash_one(self.name(old)), old);
            }
            self.seen = larger;
        }
        self.seen.insert(self.hasher.hash_one(name), id);
        let (segment, _) = place(id);
        if segment == self.segments.len() {
            self.segments.push(Segment::default());
            self.soonest.push(i64::MAX);
        }
        let open = &mut self.segments[segment];
        let names = Arc::make_mut(&mut open.names);
        names.push(name);
        if names.len() == SEGMENT_ROWS {
            names.shrink();
        }
        Arc::make_mut(&mut open.columns).push(cells);
        self.rows += 1;
        self.counted(segment, &cells);
    }

    /// Gives a row other cells.
    fn replace(&mut self, id: RowId, cells: Cells) {
        let (segment, row) = place(id);
        let before = self.cells(id);
        if before.kind != DEAD {
            let kind = kind(before.kind, self.types.get(before.kind));
            self.totals.remove(kind, before.bucket, before.bytes());
            self.alive -= 1;
        }
        Arc::make_mut(&mut self.segments[segment].columns).set(row, cells);
        if cells.kind == DEAD {
            self.version += 1;
        } else {
            self.counted(segment, &cells);
        }
    }

    fn counted(&mut self, segment: usize, cells: &Cells) {
        let kind = kind(cells.kind, self.types.get(cells.kind));
        self.totals.put(kind, cells.bucket, cells.bytes());
        self.alive += 1;
        self.version += 1;
        if let Ttl::At(at) = cells.ttl() {
            self.soonest[segment] = self.soonest[segment].min(at);
        }
    }

    fn change(&mut self, name: &[u8], change: impl FnOnce(&mut Cells)) {
        if let Some(id) = self.find(name) {
            let mut cells = self.cells(id);
            change(&mut cells);
            self.replace(id, cells);
        }
    }

    /// Takes a key out.
    pub(super) fn remove(&mut self, name: &[u8]) {
        self.change(name, |cells| cells.kind = DEAD);
    }

    /// Gives a key that is there another TTL.
    pub(super) fn expire(&mut self, name: &[u8], ttl: Ttl, now: i64) {
        self.change(name, |cells| cells.expire(ttl, now));
    }

    /// Adds what was asked later of a key, where that is still there.
    pub(super) fn count(&mut self, name: &[u8], elements: Option<u32>, frequency: Option<u8>) {
        if elements.is_some() || frequency.is_some() {
            self.change(name, |cells| cells.count(elements, frequency));
        }
    }

    /// Names of keys whose time has passed at `now`, so many at most.
    pub(super) fn expired(&mut self, now: i64, most: usize) -> Vec<Vec<u8>> {
        let mut names = Vec::new();
        for (segment, soonest) in self.segments.iter().zip(&mut self.soonest) {
            if *soonest > now {
                continue;
            }
            let mut next = i64::MAX;
            for (row, at) in segment.columns.expiring() {
                if at <= now && names.len() < most {
                    names.push(segment.names.get(row).to_vec());
                }
                next = next.min(at);
            }
            *soonest = next;
        }
        names
    }

    /// Counts each key in the TTL bucket that it has reached at `now`.
    pub(super) fn age(&mut self, now: i64) {
        for at in 0..self.segments.len() {
            let columns = &self.segments[at].columns;
            let moved: Vec<(usize, Cells)> = columns
                .expiring()
                .filter_map(|(row, time)| {
                    let mut cells = columns.get(row);
                    let bucket = TtlBucket::of(Ttl::At(time), now) as u8;
                    (bucket != cells.bucket).then(|| {
                        cells.bucket = bucket;
                        (row, cells)
                    })
                })
                .collect();
            for (row, cells) in moved {
                self.replace(((at << SEGMENT_BITS) + row) as RowId, cells);
            }
        }
    }

    /// Whether most of the memory is of keys that are gone.
    pub(super) fn is_wasteful(&self) -> bool {
        let gone = self.rows - self.alive;
        gone > MOST_GONE && gone > self.alive
    }

    /// The same keys under new numbers, without those that are gone.
    pub(super) fn compacted(&self) -> Self {
        let mut new = Self {
            types: self.types.clone(),
            encodings: self.encodings.clone(),
            generation: self.generation + 1,
            version: self.version + 1,
            seen: Seen::with_room(self.alive * 2),
            ..Self::new()
        };
        for id in 0..self.rows as RowId {
            let cells = self.cells(id);
            if cells.kind != DEAD {
                new.append(self.name(id), cells);
            }
        }
        new
    }

    pub(super) fn snapshot(&self) -> Keys {
        Keys {
            segments: Arc::new(self.segments.clone()),
            types: self.types.clone(),
            encodings: self.encodings.clone(),
            rows: self.rows,
            alive: self.alive,
            generation: self.generation,
            version: self.version,
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
            let key = Key {
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
            };
            builder.put(key, 0);
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
                let key = Key {
                    name: name.as_bytes(),
                    kind: Kind::Other,
                    type_name: "MBbloom--",
                    ttl: Ttl::At(i64::from(i)),
                    bytes: None,
                    encoding: "raw",
                    elements: Some(i),
                    idle: i.is_multiple_of(2).then_some(i),
                    frequency: (i % 2 == 1).then_some(i as u8),
                };
                assert_eq!(builder.put(key, 0), round == 0);
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
    fn key(name: &[u8], bytes: u64, ttl: Ttl) -> Key<'_> {
        Key {
            name,
            kind: Kind::Set,
            type_name: "set",
            ttl,
            bytes: Some(bytes),
            encoding: "listpack",
            elements: None,
            idle: Some(1),
            frequency: None,
        }
    }

    /// The totals are those of the keys that are there.
    fn assert_adds_up(builder: &Builder) {
        let keys = builder.snapshot();
        let bytes: u64 = keys.ids().map(|id| keys.bytes(id)).sum();
        let totals = builder.totals();
        assert_eq!(
            (totals.all.keys, totals.all.bytes),
            (keys.len() as u64, bytes)
        );
        let sum = |counts: Vec<u64>| counts.into_iter().sum::<u64>();
        assert_eq!(
            sum(totals.kinds().map(|(_, count)| count.keys).collect()),
            totals.all.keys
        );
        let buckets = TtlBucket::ALL.map(|bucket| totals.ttl(bucket).bytes);
        assert_eq!(buckets.iter().sum::<u64>(), bytes);
    }

    #[test]
    fn keys_change_go_and_come_back_and_the_totals_follow() {
        let mut builder = Builder::new();
        assert!(builder.put(key(b"a", 10, Ttl::Never), 0));
        assert!(builder.put(key(b"b", 20, Ttl::At(5_000)), 0));
        builder.count(b"a", Some(7), None);
        let before = builder.snapshot();
        // What was not asked again stays as it was known.
        assert!(!builder.put(key(b"a", 15, Ttl::At(100_000)), 0));
        let a = builder.find(b"a").unwrap();
        assert_eq!(builder.snapshot().get(a).elements, Some(7));
        builder.remove(b"b");
        builder.remove(b"b");
        builder.count(b"b", Some(1), None);
        assert!(builder.find(b"b").is_none() && !builder.contains(b"b"));
        assert_adds_up(&builder);
        assert_eq!(builder.totals().ttl(TtlBucket::Hour).bytes, 15);
        // A snapshot stays as it was.
        assert_eq!((before.len(), before.bytes(a)), (2, 10));
        assert!(builder.put(key(b"b", 30, Ttl::Never), 0));
        builder.expire(b"b", Ttl::At(50_000), 0);
        assert_adds_up(&builder);
        assert_eq!(builder.totals().ttl(TtlBucket::Minute).keys, 1);
        assert!(builder.expired(49_999, 9).is_empty());
        assert_eq!(builder.expired(50_000, 9), [b"b".to_vec()]);
        builder.age(45_000);
        assert_eq!(builder.totals().ttl(TtlBucket::Minute).keys, 2);
        assert_adds_up(&builder);
    }

    #[test]
    fn names_of_keys_that_are_gone_do_not_pile_up() {
        let mut builder = Builder::new();
        for i in 0..150_000_u32 {
            let name = format!("session:{i}");
            builder.put(key(name.as_bytes(), 1, Ttl::Never), 0);
            if i % 10 > 0 {
                builder.remove(name.as_bytes());
            }
        }
        assert!(builder.is_wasteful());
        let new = builder.compacted();
        assert!(!new.is_wasteful());
        assert_eq!(new.len(), 15_000);
        assert_eq!(new.totals(), builder.totals());
        assert!(new.contains(b"session:70") && !new.contains(b"session:71"));
        assert!(new.snapshot().overhead() < builder.snapshot().overhead() / 5);
        assert_adds_up(&new);
    }
}
