#![allow(clippy::unwrap_used)]
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, StringArray};
use arrow::datatypes::{DataType, Field};

use super::*;

/// An id, a name and an amount each.
type Row = (Option<i64>, &'static str, f64);

fn batch(rows: &[Row]) -> RecordBatch {
    let schema = Schema::new(vec![
        Field::new("id", DataType::Int64, true),
        Field::new("name", DataType::Utf8, true),
        Field::new("amount", DataType::Float64, true),
    ]);
    let columns: Vec<ArrayRef> = vec![
        Arc::new(rows.iter().map(|row| row.0).collect::<Int64Array>()),
        Arc::new(rows.iter().map(|row| Some(row.1)).collect::<StringArray>()),
        Arc::new(rows.iter().map(|row| Some(row.2)).collect::<Float64Array>()),
    ];
    RecordBatch::try_new(Arc::new(schema), columns).unwrap()
}

fn compared(mut comparison: Comparison, first: &[Row], second: &[Row]) -> Difference {
    comparison.first_schema(&batch(&[]).schema());
    comparison.second_schema(&batch(&[]).schema());
    // In two batches, as answers come.
    for rows in first.chunks(2) {
        comparison.first(&batch(rows));
    }
    for rows in second.chunks(3) {
        comparison.second(&batch(rows));
    }
    if comparison.wants_again() {
        comparison.again(&batch(first));
    }
    comparison.finish("here", "there")
}

fn compare(order: Order, first: &[Row], second: &[Row]) -> Difference {
    compared(Comparison::new(order), first, second)
}

fn by(columns: &[usize], cut: bool) -> Order {
    Order {
        columns: columns.iter().copied().map(Some).collect(),
        cut,
    }
}

fn rows(text: &str) -> Difference {
    Difference::Rows(text.to_owned())
}

const A: Row = (Some(1), "a", 0.5);
const B: Row = (Some(2), "b", 1.5);
const C: Row = (Some(3), "c", 2.5);

#[test]
fn the_order_of_rows_counts_only_where_it_is_fixed() {
    assert_eq!(
        compare(Order::default(), &[A, B, C], &[C, A, B]),
        Difference::None
    );
    let ordered = compare(by(&[0], false), &[A, B, C], &[C, A, B]);
    assert_eq!(
        ordered,
        rows("the same rows in another order than ORDER BY asks for")
    );
    assert_eq!(
        compare(by(&[0], false), &[A, B, C], &[A, B, C]),
        Difference::None
    );
    // Rows that are tied may stand in any order, and so may texts, whose order the database's collation decides.
    let tied = (Some(1), "z", 9.0);
    assert_eq!(
        compare(by(&[0], false), &[A, tied, B], &[tied, A, B]),
        Difference::None
    );
    assert_eq!(compare(by(&[1], false), &[A, B], &[B, A]), Difference::None);
}

#[test]
fn a_row_counts_as_often_as_it_stands() {
    let twice = compare(Order::default(), &[A, A, B], &[A, B, B]);
    assert_eq!(
        twice,
        rows("1 row only here, 1 row only there; the first there: 2, b, 1.5")
    );
    let less = compare(Order::default(), &[A, A], &[A]);
    assert_eq!(less, rows("1 row only here; the first here: 1, a, 0.5"));
    assert_eq!(
        compare(Order::default(), &[A, A, B], &[A, B, A]),
        Difference::None
    );
}

#[test]
fn values_do_not_run_into_one_another() {
    let null = (None, "a", 0.5);
    assert_ne!(compare(Order::default(), &[A], &[null]), Difference::None);
    assert_ne!(
        compare(
            Order::default(),
            &[(Some(1), "1", 0.5)],
            &[(Some(11), "", 0.5)]
        ),
        Difference::None
    );
}

#[test]
fn a_sum_in_another_order_is_the_same_sum() {
    let sum = |digits: f64| (Some(1), "a", digits);
    let (one, other) = (sum(0.1 + 0.2 + 0.3), sum(0.3 + 0.2 + 0.1));
    assert_ne!(one.2.to_bits(), other.2.to_bits());
    assert_eq!(
        compare(Order::default(), &[one, B], &[B, other]),
        Difference::None
    );
    assert_ne!(
        compare(Order::default(), &[one], &[sum(0.6001)]),
        Difference::None
    );
    // Each pairs with one: the same sum twice is not the same as two sums.
    assert_ne!(
        compare(Order::default(), &[one, sum(5.0)], &[other, one]),
        Difference::None
    );
}

#[test]
fn rows_tied_where_a_limit_cuts_may_be_others() {
    let (tied, other) = ((Some(3), "x", 1.0), (Some(3), "y", 2.0));
    assert_eq!(
        compare(by(&[0], true), &[A, B, tied], &[A, B, other]),
        Difference::None
    );
    let changed = (Some(2), "b", 99.0);
    assert_eq!(
        compare(by(&[0], true), &[A, B, C], &[A, changed, C]),
        rows("1 row only here, 1 row only there; the first there: 2, b, 99")
    );
}

#[test]
fn too_many_rows_are_counted_and_told() {
    let few = |order| Comparison {
        most: 2,
        ..Comparison::new(order)
    };
    assert_eq!(
        compared(few(Order::default()), &[A, B, C], &[C, B, A]),
        Difference::None
    );
    assert_eq!(
        compared(few(Order::default()), &[A, B, C], &[C, B, B]),
        Difference::Untold("3 rows are too many to be matched one by one".to_owned())
    );
}

#[test]
fn columns_of_another_name_are_a_difference_without_any_row() {
    let mut comparison = Comparison::new(Order::default());
    comparison.first_schema(&Schema::new(vec![Field::new("a", DataType::Int64, true)]));
    comparison.second_schema(&Schema::new(vec![Field::new("b", DataType::Int64, true)]));
    assert_eq!(
        comparison.finish("here", "there"),
        rows("other columns: a here, b there")
    );
}

#[test]
fn a_difference_is_cut_to_a_line() {
    let long: Row = (
        Some(1),
        "a very long name\nof a thing that goes on and on and on and on and on and on and on and on \
        and on and on and on and on and on",
        0.5,
    );
    let Difference::Rows(told) = compare(Order::default(), &[], &[long]) else {
        unreachable!("they differ")
    };
    assert!(told.ends_with('…') && !told.contains('\n'), "{told}");
}
