//! How many keys and bytes there are, by type and TTL bucket. The sums of either equal the whole.

use super::{Key, Kind, TtlBucket};

/// Keys and their bytes of memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// How many keys.
    pub keys: u64,
    /// Their bytes on the server.
    pub bytes: u64,
}

impl Count {
    /// Counts one key.
    pub fn add(&mut self, bytes: Option<u64>) {
        self.keys += 1;
        // What a server says may be anything.
        self.bytes = self.bytes.saturating_add(bytes.unwrap_or(0));
    }
}

/// Keys and bytes by type and by TTL bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Everything.
    pub all: Count,
    kinds: [Count; Kind::ALL.len()],
    ttl: [Count; TtlBucket::ALL.len()],
}

impl Totals {
    /// Counts a key seen at `now`, in milliseconds since 1970.
    pub fn add(&mut self, key: &Key<'_>, now: i64) {
        self.all.add(key.bytes);
        self.kinds[key.kind as usize].add(key.bytes);
        self.ttl[TtlBucket::of(key.ttl, now) as usize].add(key.bytes);
    }

    /// Of one data structure.
    pub fn kind(&self, kind: Kind) -> Count {
        self.kinds[kind as usize]
    }

    /// Of one TTL bucket.
    pub fn ttl(&self, bucket: TtlBucket) -> Count {
        self.ttl[bucket as usize]
    }

    /// Data structures that occur, in the order they are shown.
    pub fn kinds(&self) -> impl Iterator<Item = (Kind, Count)> + '_ {
        Kind::ALL
            .into_iter()
            .map(|kind| (kind, self.kind(kind)))
            .filter(|(_, count)| count.keys > 0)
    }
}
