//! Which keys a filter shows, and in which order.

use std::cmp::Ordering;

use crate::cache::{Ours, recognise};

use super::{Index, Key, Keys, Kind, Pattern, Range, RowId, Ttl, TtlRange};

/// What is shown.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filter {
    /// Names that begin with this.
    pub prefix: Vec<u8>,
    /// Names that match this.
    pub pattern: Pattern,
    /// Data structures left out.
    pub hidden: Vec<Kind>,
    /// Only what TYPE answers so, where not empty.
    pub type_name: String,
    /// Only these times to live.
    pub ttl: TtlRange,
    /// Only these bytes of memory.
    pub bytes: Range,
    /// Only collections with this many elements.
    pub elements: Range,
    /// Only keys that were last used this many seconds ago.
    pub idle: Range,
    /// Only keys that are used this often.
    pub frequency: Range,
    /// Only this encoding, where not empty.
    pub encoding: String,
    /// Only entries of reports (headers and chunks) under this prefix of a cache.
    pub entries: Option<String>,
}

impl Filter {
    /// Whether a key is shown at `now`, in milliseconds since 1970; its prefix is looked at elsewhere.
    pub fn shows(&self, key: &Key<'_>, now: i64) -> bool {
        !self.hidden.contains(&key.kind)
            && (self.type_name.is_empty() || self.type_name == key.type_name)
            && self.ttl.holds(key.ttl, now)
            && self.bytes.holds(key.bytes)
            && self.elements.holds(key.elements.map(u64::from))
            && self.idle.holds(key.idle.map(u64::from))
            && self.frequency.holds(key.frequency.map(u64::from))
            && (self.encoding.is_empty() || self.encoding == key.encoding)
            && self.pattern.matches(key.name)
            && self
                .entries
                .as_ref()
                .is_none_or(|prefix| is_of_an_entry(prefix, key.name))
    }

    /// Whether everything is shown.
    pub fn is_all(&self) -> bool {
        *self == Self::default()
    }
}

/// Whether a key holds a report's rows: the header or a chunk of an entry.
pub fn is_of_an_entry(prefix: &str, name: &[u8]) -> bool {
    std::str::from_utf8(name)
        .ok()
        .and_then(|name| recognise(prefix, name))
        .is_some_and(|ours| matches!(ours, Ours::Header(_) | Ours::Chunk(..)))
}

/// A column to sort by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// The data structure's name.
    Type,
    /// The name's bytes.
    #[default]
    Key,
    /// What expires soonest first, what never expires last.
    Ttl,
    /// Bytes of memory.
    Bytes,
    /// The encoding's name.
    Encoding,
    /// Elements of a collection.
    Elements,
    /// Time since the last use; how often it is used where the server counts that, the least used last.
    Idle,
}

/// A column and its direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Order {
    /// The column.
    pub by: Sort,
    /// Largest first.
    pub descending: bool,
}

/// The keys that `filter` shows at `now` (milliseconds since 1970), in `order`; equal ones in order of name.
pub fn list(keys: &Keys, index: &Index, filter: &Filter, order: Order, now: i64) -> Vec<RowId> {
    let mut rows: Vec<RowId> = index
        .under(keys, &filter.prefix)
        .iter()
        .copied()
        .filter(|id| filter.shows(&keys.get(*id), now))
        .collect();
    match order.by {
        Sort::Key if order.descending => rows.reverse(),
        Sort::Key => {}
        Sort::Type => sort(&mut rows, order.descending, |id| keys.get(id).type_name),
        Sort::Encoding => sort(&mut rows, order.descending, |id| keys.get(id).encoding),
        Sort::Bytes => sort(&mut rows, order.descending, |id| keys.get(id).bytes),
        Sort::Elements => sort(&mut rows, order.descending, |id| keys.get(id).elements),
        Sort::Idle => sort(&mut rows, order.descending, |id| {
            let key = keys.get(id);
            (key.idle, key.frequency.map(std::cmp::Reverse))
        }),
        Sort::Ttl => sort(&mut rows, order.descending, |id| match keys.get(id).ttl {
            Ttl::Never | Ttl::Unknown => i64::MAX,
            Ttl::At(at) => at,
        }),
    }
    rows
}

/// Sorts by a value that is computed once a row; stable, so equal rows stay in order of name.
fn sort<T: Ord>(rows: &mut [RowId], descending: bool, value: impl Fn(RowId) -> T) {
    let mut valued: Vec<(T, RowId)> = rows.iter().map(|id| (value(*id), *id)).collect();
    valued.sort_by(|(a, _), (b, _)| {
        let order: Ordering = a.cmp(b);
        if descending { order.reverse() } else { order }
    });
    for (row, (_, id)) in rows.iter_mut().zip(valued) {
        *row = id;
    }
}

#[cfg(test)]
mod tests {
    use super::super::TtlBucket;
    use super::super::builder::tests::sample;
    use super::*;

    fn names(filter: &Filter, order: Order) -> Vec<String> {
        let names: [&[u8]; 5] = [b"b:1", b"a:2", b"a:1", b"c", b"a:3"];
        let keys = sample(&names);
        let index = Index::default().extended(&keys);
        list(&keys, &index, filter, order, 0)
            .into_iter()
            .map(|id| String::from_utf8_lossy(keys.name(id)).into_owned())
            .collect()
    }

    #[test]
    fn filters_and_orders() {
        let all = Filter::default();
        let by = |by, descending| Order { by, descending };
        assert_eq!(
            names(&all, Order::default()),
            ["a:1", "a:2", "a:3", "b:1", "c"]
        );
        assert_eq!(
            names(&all, by(Sort::Key, true)),
            ["c", "b:1", "a:3", "a:2", "a:1"]
        );
        assert_eq!(
            names(&all, by(Sort::Bytes, true)),
            ["a:3", "c", "a:1", "a:2", "b:1"]
        );
        assert_eq!(
            names(&all, by(Sort::Ttl, false)),
            ["a:2", "c", "a:1", "a:3", "b:1"]
        );
        let under = Filter {
            prefix: b"a:".to_vec(),
            pattern: Pattern::typed("*[23]"),
            ..Filter::default()
        };
        assert_eq!(names(&under, Order::default()), ["a:2", "a:3"]);
        let soon = Filter {
            ttl: TtlRange::bucket(TtlBucket::Minute),
            ..Filter::default()
        };
        assert_eq!(names(&soon, Order::default()), ["a:2", "c"]);
        let never = Filter {
            ttl: TtlRange::Never,
            bytes: Range::bytes("<50").unwrap_or_default(),
            ..Filter::default()
        };
        assert_eq!(names(&never, Order::default()), ["a:1", "b:1"]);
        let none = Filter {
            hidden: vec![Kind::String],
            ..Filter::default()
        };
        assert!(names(&none, Order::default()).is_empty());
    }

    #[test]
    fn keys_of_reports_are_the_headers_and_chunks_of_this_cache() {
        let header = format!("p:{{shop-1}}:e:{}", "0f".repeat(32));
        assert!(is_of_an_entry("p", header.as_bytes()));
        assert!(is_of_an_entry("p", b"p:c:fill:0"));
        for other in [
            &b"p:events"[..],
            b"p:{shop-1}:v",
            b"q:c:fill:0",
            b"p:c:\xff:0",
            b"x",
        ] {
            assert!(!is_of_an_entry("p", other));
        }
    }
}
