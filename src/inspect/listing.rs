//! Which keys a filter shows, and in which order.

use std::cmp::Ordering;

use super::{Index, Keys, Kind, Pattern, RowId, Ttl, TtlBucket};

/// What is shown.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filter {
    /// Names that begin with this.
    pub prefix: Vec<u8>,
    /// Names that match this.
    pub pattern: Pattern,
    /// Data structures left out.
    pub hidden: Vec<Kind>,
    /// Only keys that expire this soon.
    pub ttl: Option<TtlBucket>,
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
    /// Time since the last use.
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
    let hidden = |kind: Kind| filter.hidden.contains(&kind);
    let mut rows: Vec<RowId> = index
        .under(keys, &filter.prefix)
        .iter()
        .copied()
        .filter(|id| {
            let key = keys.get(*id);
            !hidden(key.kind)
                && filter
                    .ttl
                    .is_none_or(|bucket| TtlBucket::of(key.ttl, now) == bucket)
                && filter.pattern.matches(key.name)
        })
        .collect();
    match order.by {
        Sort::Key if order.descending => rows.reverse(),
        Sort::Key => {}
        Sort::Type => sort(&mut rows, order.descending, |id| keys.get(id).type_name),
        Sort::Encoding => sort(&mut rows, order.descending, |id| keys.get(id).encoding),
        Sort::Bytes => sort(&mut rows, order.descending, |id| keys.get(id).bytes),
        Sort::Idle => sort(&mut rows, order.descending, |id| keys.get(id).idle),
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
    use super::super::store::tests::sample;
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
            ttl: Some(TtlBucket::Minute),
            ..Filter::default()
        };
        assert_eq!(names(&soon, Order::default()), ["a:2", "c"]);
        let none = Filter {
            hidden: vec![Kind::String],
            ..Filter::default()
        };
        assert!(names(&none, Order::default()).is_empty());
    }
}
