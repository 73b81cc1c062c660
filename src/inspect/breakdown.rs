//! How keys divide by type, time to live, encoding, use and prefix. The sums of each equal the whole.

use std::collections::HashMap;
use std::hash::Hash;

use super::estimate::{Draws, Estimate};
use super::{Count, Key, Keys, RowId, Ttl, TtlBucket, UseBucket};

/// The delimiter between the parts of a name.
const DELIMITER: u8 = b':';

/// Keys that have something in common.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Portion {
    /// What: a type, a bucket, an encoding, or all of a prefix with its last delimiter (empty for none).
    pub name: Vec<u8>,
    /// How many keys and bytes; an estimate in a sample.
    pub count: Count,
    /// Where they lie with 95% confidence; `None` where they were counted.
    pub bounds: Option<Bounds>,
}

/// Where figures lie with 95% confidence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    /// The least.
    pub low: Count,
    /// The most.
    pub high: Count,
}

/// How often each key was drawn into a sample, out of how many draws, from how many keys.
#[derive(Clone, Debug, Default)]
pub(super) struct Drawn {
    /// Draws of each key, by its number.
    pub(super) times: Vec<u32>,
    /// Draws altogether.
    pub(super) draws: u64,
    /// Keys of the server.
    pub(super) of: u64,
}

/// Keys by what they have in common, each list with the largest first unless it has an order of its own.
#[derive(Clone, Debug, Default)]
pub(super) struct Breakdown {
    pub(super) all: Portion,
    pub(super) types: Vec<Portion>,
    pub(super) ttl: Vec<Portion>,
    pub(super) encodings: Vec<Portion>,
    pub(super) used: Vec<Portion>,
    pub(super) prefixes: Vec<Portion>,
    pub(super) without_ttl: Vec<Portion>,
}

/// The prefix made of the first `depth` parts of a name, with its last delimiter; of fewer where it has fewer.
pub(super) fn prefix(name: &[u8], depth: usize) -> &[u8] {
    let mut end = 0;
    let mut parts = 0;
    while parts < depth {
        let Some(at) = memchr::memchr(DELIMITER, &name[end..]) else {
            break;
        };
        end += at + 1;
        parts += 1;
    }
    &name[..end]
}

#[derive(Clone, Copy, Default)]
struct Sum {
    count: Count,
    draws: Draws,
}

impl Sum {
    fn add(&mut self, key: &Key<'_>, times: u32) {
        self.count.add(key.bytes);
        self.draws.add(key.bytes.unwrap_or(0), times);
    }

    fn group(&self, name: Vec<u8>, drawn: Option<&Drawn>) -> Portion {
        let Some(drawn) = drawn else {
            return Portion {
                name,
                count: self.count,
                bounds: None,
            };
        };
        let keys = self.draws.keys(drawn.draws, drawn.of);
        let bytes = self.draws.bytes(drawn.draws, drawn.of);
        let whole = |pick: fn(&Estimate) -> f64| Count {
            keys: pick(&keys).round() as u64,
            bytes: pick(&bytes).round() as u64,
        };
        let (value, low, high) = (whole(|e| e.value), whole(|e| e.low), whole(|e| e.high));
        // What was seen is there.
        Portion {
            name,
            count: value,
            bounds: Some(Bounds {
                low: Count {
                    keys: low.keys.max(self.count.keys).min(high.keys),
                    bytes: low.bytes.max(self.count.bytes).min(high.bytes),
                },
                high,
            }),
        }
    }
}

/// Sums by something; remembers the last one, for neighbours mostly share it.
struct By<K> {
    places: HashMap<K, usize>,
    sums: Vec<Sum>,
    last: Option<(K, usize)>,
}

impl<K: Hash + Eq + Copy> By<K> {
    fn new() -> Self {
        Self {
            places: HashMap::new(),
            sums: Vec::new(),
            last: None,
        }
    }

    fn add(&mut self, name: K, key: &Key<'_>, times: u32) {
        let place = match self.last {
            Some((last, place)) if last == name => place,
            _ => {
                let next = self.sums.len();
                let place = *self.places.entry(name).or_insert(next);
                if place == next {
                    self.sums.push(Sum::default());
                }
                self.last = Some((name, place));
                place
            }
        };
        self.sums[place].add(key, times);
    }

    /// The largest first.
    fn groups(self, drawn: Option<&Drawn>, name: impl Fn(K) -> Vec<u8>) -> Vec<Portion> {
        let mut groups: Vec<Portion> = self
            .places
            .into_iter()
            .map(|(of, place)| self.sums[place].group(name(of), drawn))
            .collect();
        groups.sort_by(|a, b| {
            (b.count.bytes, b.count.keys, &a.name).cmp(&(a.count.bytes, a.count.keys, &b.name))
        });
        groups
    }
}

/// The groups of a fixed list of buckets that hold something, in that list's order.
fn buckets<B: Copy>(
    all: &[B],
    sums: &[Sum],
    drawn: Option<&Drawn>,
    name: impl Fn(B) -> &'static str,
    always: impl Fn(B) -> bool,
) -> Vec<Portion> {
    all.iter()
        .zip(sums)
        .filter(|(bucket, sum)| sum.count.keys > 0 || always(**bucket))
        .map(|(bucket, sum)| sum.group(name(*bucket).into(), drawn))
        .collect()
}

/// Divides `rows`, counted under the first `depth` parts of their names, at `now` (milliseconds since 1970).
pub(super) fn divide(
    keys: &Keys,
    rows: &[RowId],
    depth: usize,
    now: i64,
    drawn: Option<&Drawn>,
) -> Breakdown {
    let mut all = Sum::default();
    let mut types = By::new();
    let mut encodings = By::new();
    let mut prefixes = By::new();
    let mut without_ttl = By::new();
    let mut ttl = [Sum::default(); TtlBucket::ALL.len()];
    let mut used = [Sum::default(); UseBucket::ALL.len()];
    for id in rows {
        let key = keys.get(*id);
        let times = drawn.map_or(1, |drawn| {
            drawn.times.get(*id as usize).copied().unwrap_or(0)
        });
        all.add(&key, times);
        types.add(key.type_name, &key, times);
        encodings.add(key.encoding, &key, times);
        ttl[TtlBucket::of(key.ttl, now) as usize].add(&key, times);
        used[UseBucket::of(&key) as usize].add(&key, times);
        let prefix = prefix(key.name, depth);
        prefixes.add(prefix, &key, times);
        if key.ttl == Ttl::Never {
            without_ttl.add(prefix, &key, times);
        }
    }
    Breakdown {
        all: all.group(Vec::new(), drawn),
        types: types.groups(drawn, |name: &str| name.into()),
        encodings: encodings.groups(drawn, |name: &str| {
            if name.is_empty() { "unknown" } else { name }.into()
        }),
        prefixes: prefixes.groups(drawn, <[u8]>::to_vec),
        without_ttl: without_ttl.groups(drawn, <[u8]>::to_vec),
        ttl: buckets(&TtlBucket::ALL, &ttl, drawn, TtlBucket::name, |bucket| {
            bucket != TtlBucket::Unknown
        }),
        used: buckets(&UseBucket::ALL, &used, drawn, UseBucket::name, |_| false),
    }
}

#[cfg(test)]
mod tests {
    use super::super::builder::tests::sample;
    use super::*;

    fn sum(groups: &[Portion]) -> Count {
        groups.iter().fold(Count::default(), |sum, group| Count {
            keys: sum.keys + group.count.keys,
            bytes: sum.bytes + group.count.bytes,
        })
    }

    #[test]
    fn every_division_sums_up_to_the_whole() {
        let names: [&[u8]; 8] = [
            b"b",
            b"a:1",
            b"a:2:x",
            b"a:2:y",
            b"a",
            b"c:\xff:1",
            b"a!",
            b":x",
        ];
        let keys = sample(&names);
        let rows: Vec<RowId> = (0..8).collect();
        for depth in 0..4 {
            let parts = divide(&keys, &rows, depth, 0, None);
            assert_eq!(
                parts.all.count,
                Count {
                    keys: 8,
                    bytes: 360
                }
            );
            for groups in [
                &parts.types,
                &parts.encodings,
                &parts.ttl,
                &parts.used,
                &parts.prefixes,
            ] {
                assert_eq!(sum(groups), parts.all.count, "depth {depth}: {groups:?}");
            }
            let lasting = parts.ttl.iter().find(|group| group.name == b"never");
            assert_eq!(
                Some(sum(&parts.without_ttl)),
                lasting.map(|group| group.count)
            );
        }
        let parts = divide(&keys, &rows, 2, 0, None);
        let names: Vec<_> = parts
            .prefixes
            .iter()
            .map(|group| (group.name.as_slice(), group.count.keys))
            .collect();
        assert_eq!(
            names,
            [
                (&b""[..], 3),
                (b":", 1),
                (b"a:2:", 2),
                (b"c:\xff:", 1),
                (b"a:", 1)
            ]
        );
    }

    #[test]
    fn a_sample_estimates_the_whole_and_never_less_than_it_saw() {
        let names: [&[u8]; 4] = [b"a:1", b"a:2", b"b:1", b"b:2"];
        let keys = sample(&names);
        let drawn = Drawn {
            times: vec![25, 25, 25, 25],
            draws: 100,
            of: 4_000,
        };
        let parts = divide(&keys, &[0, 1, 2, 3], 1, 0, Some(&drawn));
        assert_eq!(parts.all.count.keys, 4_000);
        assert_eq!(parts.all.count.bytes, 100_000);
        for group in &parts.prefixes {
            assert_eq!(group.count.keys, 2_000);
            let bounds = group.bounds.unwrap_or_default();
            assert!(
                bounds.low.keys > 1_500 && bounds.high.keys < 2_500,
                "{bounds:?}"
            );
            assert!(bounds.low.bytes <= group.count.bytes);
            assert!(bounds.high.bytes >= group.count.bytes);
        }
    }
}
