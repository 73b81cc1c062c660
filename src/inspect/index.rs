//! How many keys and bytes there are, by prefix: the keys in order of name, with running sums of their bytes, so that
//! every prefix is a range and its count and bytes are two subtractions.
//!
//! 12 bytes a key, 4 more once keys have gone. Building is linear in the keys that are there plus a sort of those that
//! are new.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use super::{Count, Keys, RowId};

/// The delimiter between the parts of a name.
const DELIMITER: u8 = b':';

/// The most prefixes listed under one; the row after them says how many more there are.
const MOST_CHILDREN: usize = 5_000;

/// The keys of a snapshot in order of name.
#[derive(Clone, Default)]
pub struct Index {
    /// Every row, those of keys that are gone included: a name keeps its place.
    all: Arc<Vec<RowId>>,
    order: Arc<Vec<RowId>>,
    sums: Arc<Vec<u64>>,
    generation: u32,
    version: u64,
}

/// A prefix and what is under it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prefix {
    /// All of it, with its last delimiter; empty for names without a delimiter.
    pub prefix: Vec<u8>,
    /// What is under it.
    pub count: Count,
}

/// A row of the prefix tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeRow {
    /// All of the prefix, with its last delimiter.
    pub prefix: Vec<u8>,
    /// Its last part.
    pub label: Vec<u8>,
    /// How deep it stands, from zero.
    pub depth: usize,
    /// What is under it.
    pub count: Count,
    /// Whether prefixes stand under it.
    pub opens: bool,
    /// Whether they are shown.
    pub open: bool,
    /// How many more prefixes there are at this place than are listed; such a row is only that remark.
    pub more: usize,
}

impl Index {
    /// The index of `keys`, given that of an earlier snapshot of the same scan.
    #[must_use]
    pub fn extended(&self, keys: &Keys) -> Self {
        let is_same = self.generation == keys.generation;
        if is_same && self.version == keys.version {
            return self.clone();
        }
        let known: &[RowId] = if is_same { &self.all } else { &[] };
        let mut new: Vec<RowId> = (known.len() as RowId..keys.rows as RowId).collect();
        new.sort_unstable_by(|a, b| keys.name(*a).cmp(keys.name(*b)));
        let all = if new.is_empty() {
            self.all.clone()
        } else {
            Arc::new(merge(known, &new, keys))
        };
        let order = if keys.len() == keys.rows {
            all.clone()
        } else {
            Arc::new(
                all.iter()
                    .copied()
                    .filter(|id| keys.is_there(*id))
                    .collect(),
            )
        };
        let mut sums = Vec::with_capacity(order.len() + 1);
        let mut sum = 0;
        sums.push(0);
        for id in order.iter() {
            sum += keys.bytes(*id);
            sums.push(sum);
        }
        Self {
            all,
            order,
            sums: Arc::new(sums),
            generation: keys.generation,
            version: keys.version,
        }
    }

    /// Whether it shows these keys as they are.
    pub(super) fn is_of(&self, keys: &Keys) -> bool {
        (self.generation, self.version) == (keys.generation, keys.version)
    }

    /// How many keys it covers.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether it covers none.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// The keys whose names begin with `prefix`, in order of name.
    pub fn under(&self, keys: &Keys, prefix: &[u8]) -> &[RowId] {
        &self.order[self.range(keys, prefix)]
    }

    /// The prefixes one part below `prefix`, in order of name.
    pub fn children(&self, keys: &Keys, prefix: &[u8]) -> Vec<Prefix> {
        let range = self.range(keys, prefix);
        let mut children = Vec::new();
        let mut at = range.start;
        while at < range.end {
            let name = keys.name(self.order[at]);
            let Some(part) = name[prefix.len()..]
                .iter()
                .position(|byte| *byte == DELIMITER)
            else {
                at += 1;
                continue;
            };
            let child = name[..=prefix.len() + part].to_vec();
            let end = at
                + self.order[at..range.end]
                    .partition_point(|id| keys.name(*id).starts_with(&child));
            children.push(Prefix {
                count: self.count(at..end),
                prefix: child,
            });
            at = end;
        }
        children
    }

    /// The rows of the tree where the prefixes in `open` are open.
    pub fn tree(&self, keys: &Keys, open: &BTreeSet<Vec<u8>>) -> Vec<TreeRow> {
        let mut rows = Vec::new();
        self.grow(keys, open, &[], 0, &mut rows);
        rows
    }

    fn grow(
        &self,
        keys: &Keys,
        open: &BTreeSet<Vec<u8>>,
        prefix: &[u8],
        depth: usize,
        rows: &mut Vec<TreeRow>,
    ) {
        let mut children = self.children(keys, prefix);
        let more = children.len().saturating_sub(MOST_CHILDREN);
        if more > 0 {
            // The largest stay: they are what someone looks for in a level this wide.
            children.select_nth_unstable_by_key(MOST_CHILDREN, |child| {
                std::cmp::Reverse(child.count.keys)
            });
            children.truncate(MOST_CHILDREN);
            children.sort_unstable_by(|a, b| a.prefix.cmp(&b.prefix));
        }
        for child in children {
            let is_open = open.contains(&child.prefix);
            let opens = self.opens(keys, &child);
            rows.push(TreeRow {
                label: child.prefix[prefix.len()..child.prefix.len() - 1].to_vec(),
                prefix: child.prefix.clone(),
                depth,
                count: child.count,
                opens,
                open: is_open && opens,
                more: 0,
            });
            if is_open && opens {
                self.grow(keys, open, &child.prefix, depth + 1, rows);
            }
        }
        if more > 0 {
            rows.push(TreeRow {
                prefix: prefix.to_vec(),
                label: Vec::new(),
                depth,
                count: Count::default(),
                opens: false,
                open: false,
                more,
            });
        }
    }

    /// Whether prefixes stand under this one. A wide prefix is not searched to its end: it is shown as one that opens.
    fn opens(&self, keys: &Keys, prefix: &Prefix) -> bool {
        const LOOK_AT: usize = 512;
        let range = self.range(keys, &prefix.prefix);
        range.len() > LOOK_AT
            || self.order[range]
                .iter()
                .any(|id| keys.name(*id)[prefix.prefix.len()..].contains(&DELIMITER))
    }

    /// What is under a prefix.
    pub fn total(&self, keys: &Keys, prefix: &[u8]) -> Count {
        self.count(self.range(keys, prefix))
    }

    fn count(&self, range: Range<usize>) -> Count {
        Count {
            keys: range.len() as u64,
            bytes: if range.is_empty() {
                0
            } else {
                self.sums[range.end] - self.sums[range.start]
            },
        }
    }

    fn range(&self, keys: &Keys, prefix: &[u8]) -> Range<usize> {
        let start = self.order.partition_point(|id| keys.name(*id) < prefix);
        let end =
            start + self.order[start..].partition_point(|id| keys.name(*id).starts_with(prefix));
        start..end
    }
}

fn merge(old: &[RowId], new: &[RowId], keys: &Keys) -> Vec<RowId> {
    let mut merged = Vec::with_capacity(old.len() + new.len());
    let (mut old, mut new) = (old, new);
    while let ([first_old, rest_old @ ..], [first_new, rest_new @ ..]) = (old, new) {
        if keys.name(*first_old) <= keys.name(*first_new) {
            merged.push(*first_old);
            old = rest_old;
        } else {
            merged.push(*first_new);
            new = rest_new;
        }
    }
    merged.extend_from_slice(old);
    merged.extend_from_slice(new);
    merged
}

#[cfg(test)]
mod tests {
    use super::super::builder::tests::sample;
    use super::*;

    fn shown(rows: &[TreeRow]) -> Vec<String> {
        rows.iter()
            .map(|row| {
                format!(
                    "{}{} {}",
                    " ".repeat(row.depth),
                    String::from_utf8_lossy(&row.label),
                    row.count.keys
                )
            })
            .collect()
    }

    #[test]
    fn the_tree_counts_every_prefix() {
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
        let index = Index::default().extended(&keys);
        assert_eq!(
            shown(&index.tree(&keys, &BTreeSet::new())),
            [" 1", "a 3", "c 1"]
        );
        let open = BTreeSet::from([b"a:".to_vec(), b"c:".to_vec()]);
        let rows = index.tree(&keys, &open);
        assert_eq!(shown(&rows), [" 1", "a 3", " 2 2", "c 1", " \u{fffd} 1"]);
        assert_eq!(rows[4].prefix, b"c:\xff:");
        assert_eq!(index.total(&keys, b"a:").bytes, 20 + 30 + 40);
        assert!(rows[1].opens && rows[1].open && !rows[2].opens);
    }

    #[test]
    fn an_index_built_in_steps_equals_one_built_at_once() {
        let names: Vec<Vec<u8>> = (0..500_u32)
            .map(|i| format!("k{}:{i}", i.wrapping_mul(7919) % 97).into_bytes())
            .collect();
        let all: Vec<&[u8]> = names.iter().map(Vec::as_slice).collect();
        let whole = sample(&all);
        let mut index = Index::default();
        for part in [0, 1, 10, 250, 500] {
            index = index.extended(&sample(&all[..part]));
            assert_eq!(index.len(), part);
        }
        let at_once = Index::default().extended(&whole);
        assert_eq!(index.order, at_once.order);
        assert_eq!(index.sums, at_once.sums);
    }
}
