//! What grew between two analyses.

use std::collections::BTreeMap;

use super::{Analysis, Bounds, Count, Portion};

/// How a group changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Growth {
    /// The group's name, see [`Portion::name`].
    pub name: Vec<u8>,
    /// What it held before.
    pub before: Count,
    /// What it holds now.
    pub now: Count,
    /// Whether the change is more than the intervals of samples can explain; always true of counted keys.
    pub certain: bool,
}

impl Growth {
    /// Keys more; negative for fewer.
    pub fn keys(&self) -> i64 {
        self.now.keys as i64 - self.before.keys as i64
    }

    /// Bytes more; negative for fewer.
    pub fn bytes(&self) -> i64 {
        self.now.bytes as i64 - self.before.bytes as i64
    }
}

/// Two analyses side by side, each list with what changed most first; what did not change is left out.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// When the earlier one was made, in milliseconds since 1970.
    pub since: i64,
    /// Everything.
    pub all: Growth,
    /// By data structure.
    pub types: Vec<Growth>,
    /// By prefix; empty where the two were made with prefixes of different depth.
    pub prefixes: Vec<Growth>,
}

/// What changed from `before` to `now`.
pub fn compare(before: &Analysis, now: &Analysis) -> Comparison {
    let prefixes = if before.depth == now.depth {
        growths(&before.prefixes, &now.prefixes)
    } else {
        Vec::new()
    };
    Comparison {
        since: before.at,
        all: growth(Vec::new(), Some(&before.all), Some(&now.all)),
        types: growths(&before.types, &now.types),
        prefixes,
    }
}

fn growths(before: &[Portion], now: &[Portion]) -> Vec<Growth> {
    let mut pairs: BTreeMap<&[u8], [Option<&Portion>; 2]> = BTreeMap::new();
    for group in before {
        pairs.entry(&group.name).or_default()[0] = Some(group);
    }
    for group in now {
        pairs.entry(&group.name).or_default()[1] = Some(group);
    }
    let mut growths: Vec<Growth> = pairs
        .into_iter()
        .map(|(name, [before, now])| growth(name.to_vec(), before, now))
        .filter(|growth| growth.before != growth.now)
        .collect();
    growths.sort_by_key(|growth| {
        let change = (growth.bytes().unsigned_abs(), growth.keys().unsigned_abs());
        (std::cmp::Reverse(change), growth.name.clone())
    });
    growths
}

fn growth(name: Vec<u8>, before: Option<&Portion>, now: Option<&Portion>) -> Growth {
    let (before, now) = (
        before.cloned().unwrap_or_default(),
        now.cloned().unwrap_or_default(),
    );
    let (a, b) = (bounds(&before), bounds(&now));
    let apart =
        |pick: fn(&Count) -> u64| pick(&a.high) < pick(&b.low) || pick(&b.high) < pick(&a.low);
    let certain = before.bounds.is_none() && now.bounds.is_none()
        || apart(|count| count.keys)
        || apart(|count| count.bytes);
    Growth {
        name,
        before: before.count,
        now: now.count,
        certain,
    }
}

fn bounds(group: &Portion) -> Bounds {
    group.bounds.unwrap_or(Bounds {
        low: group.count,
        high: group.count,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(name: &str, keys: u64, bytes: u64) -> Portion {
        Portion {
            name: name.into(),
            count: Count { keys, bytes },
            bounds: None,
        }
    }

    #[test]
    fn what_changed_most_stands_first_and_what_did_not_is_left_out() {
        let before = Analysis {
            at: 5,
            depth: 1,
            all: group("", 30, 300),
            prefixes: vec![
                group("a:", 10, 100),
                group("b:", 10, 100),
                group("c:", 10, 100),
            ],
            ..Analysis::default()
        };
        let now = Analysis {
            all: group("", 26, 1_250),
            prefixes: vec![
                group("d:", 5, 1_000),
                group("a:", 10, 100),
                group("b:", 11, 150),
            ],
            ..before.clone()
        };
        let compared = compare(&before, &now);
        let shown: Vec<_> = compared
            .prefixes
            .iter()
            .map(|growth| (growth.name.as_slice(), growth.keys(), growth.bytes()))
            .collect();
        assert_eq!(
            shown,
            [(&b"d:"[..], 5, 1_000), (b"c:", -10, -100), (b"b:", 1, 50)]
        );
        assert_eq!((compared.since, compared.all.bytes()), (5, 950));
        assert!(compared.prefixes.iter().all(|growth| growth.certain));
        let deeper = Analysis { depth: 2, ..now };
        assert!(compare(&before, &deeper).prefixes.is_empty());
    }

    #[test]
    fn a_change_within_the_intervals_of_samples_is_not_certain() {
        let sampled = |keys: u64| Portion {
            bounds: Some(Bounds {
                low: Count {
                    keys: keys - 10,
                    bytes: 0,
                },
                high: Count {
                    keys: keys + 10,
                    bytes: 1_000,
                },
            }),
            ..group("a:", keys, 500)
        };
        let certain =
            |a: u64, b: u64| growth(Vec::new(), Some(&sampled(a)), Some(&sampled(b))).certain;
        assert!(!certain(100, 115));
        assert!(certain(100, 125));
    }
}
