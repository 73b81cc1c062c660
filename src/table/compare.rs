//! Are two answers the same rows? As multisets: a row that stands twice counts twice, and the order does not count
//! unless the caller names columns that fix it.
//!
//! Rows are compared by the exact text of their values, so that types may differ as they do between batches. Memory is
//! bounded: 20 bytes for each different row of the first answer up to [`MOST`], and the text of the first [`KEPT`] rows
//! that differ. What is left out is told, never passed over.

use std::collections::HashMap;

use arrow::datatypes::Schema;
use arrow::record_batch::RecordBatch;

use super::text::{Column, Kind, columns};
use crate::human;

/// Different rows of the first answer that are told apart.
const MOST: usize = 2_000_000;
/// Rows that differ whose text is kept.
const KEPT: usize = 10_000;
/// Bytes of such text.
const KEPT_BYTES: usize = 32 * 1024 * 1024;
/// How far floating point numbers may be apart, as a part of the larger: sums of the same numbers in another order are.
const CLOSE: f64 = 1e-11;
/// Digits that the shortest text of a float has at most, with those of its exponent.
const FLOAT_TEXT: usize = 17 + 3;
/// Characters of a row that a sentence shows.
const SHOWN: usize = 120;

/// What fixes the order of rows, and what does not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Order {
    /// The columns that rows are ordered by, first to last; `None` for what is not in the answer.
    pub columns: Vec<Option<usize>>,
    /// The ordered rows were cut: those tied with the first or the last one may be others.
    pub cut: bool,
}

/// How the second answer differs from the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// Not at all, up to what the order leaves open.
    None,
    /// In this, in one clause.
    Rows(String),
    /// That cannot be told, in one clause: there are too many rows.
    Untold(String),
}

/// Compares a first answer with a second: all of the first, then all of the second.
///
/// Where rows are left over after both, the first is given [`again`](Self::again), to name its rows.
pub struct Comparison {
    order: Order,
    most: usize,
    first: Side,
    second: Side,
    /// Rows of the first answer that the second has not matched yet; `None` where there are too many.
    counts: Option<HashMap<u128, u32>>,
    only_first: Kept,
    only_second: Kept,
}

/// What is known of one answer in a few bytes.
#[derive(Default)]
struct Side {
    rows: u64,
    /// The sum of the rows' hashes: the same for the same rows in any order.
    sum: u128,
    names: Vec<String>,
    kinds: Vec<Kind>,
    /// The columns of the order, up to the first whose order the database's collation decides.
    sequence: blake3::Hasher,
    /// How many columns these are, as long as that is the same in every batch.
    sequenced: Option<usize>,
    /// A column widened to text on the way: its order cannot be told.
    unsure: bool,
    ends: Option<[Vec<Cell>; 2]>,
}

/// The text of a value, `None` for NULL.
type Cell = Option<String>;

/// Rows that differ: the first of them with their text.
#[derive(Default)]
struct Kept {
    rows: Vec<Vec<Cell>>,
    bytes: usize,
    count: u64,
}

impl Comparison {
    /// Nothing compared yet.
    pub fn new(order: Order) -> Self {
        Self {
            order,
            most: MOST,
            first: Side::default(),
            second: Side::default(),
            counts: Some(HashMap::new()),
            only_first: Kept::default(),
            only_second: Kept::default(),
        }
    }

    /// Takes the schema of the first answer, which may have no rows.
    pub fn first_schema(&mut self, schema: &Schema) {
        self.first.schema(schema);
    }

    /// Takes the schema of the second answer.
    pub fn second_schema(&mut self, schema: &Schema) {
        self.second.schema(schema);
    }

    /// Takes rows of the first answer.
    pub fn first(&mut self, batch: &RecordBatch) {
        let most = self.most;
        self.first.take(batch, &self.order, |hash, _, _| {
            if let Some(counts) = &mut self.counts {
                *counts.entry(hash).or_default() += 1;
            }
            if self
                .counts
                .as_ref()
                .is_some_and(|counts| counts.len() > most)
            {
                self.counts = None;
            }
        });
    }

    /// Takes rows of the second answer.
    pub fn second(&mut self, batch: &RecordBatch) {
        let (counts, only) = (&mut self.counts, &mut self.only_second);
        self.second.take(batch, &self.order, |hash, columns, row| {
            if let Some(counts) = counts
                && !match_one(counts, hash)
            {
                only.push(columns, row);
            }
        });
    }

    /// Whether rows of the first answer are left over, so that [`again`](Self::again) has something to name.
    pub fn wants_again(&self) -> bool {
        self.counts
            .as_ref()
            .is_some_and(|counts| !counts.is_empty())
    }

    /// Takes rows of the first answer once more, after all of the second.
    pub fn again(&mut self, batch: &RecordBatch) {
        let Some(counts) = &mut self.counts else {
            return;
        };
        let columns = columns(batch);
        let mut bytes = Vec::new();
        for row in 0..batch.num_rows() {
            if match_one(counts, hash(&columns, row, &mut bytes)) {
                self.only_first.push(&columns, row);
            }
        }
    }

    /// Rows and their sum in the second answer: the same for two answers with the same rows.
    pub fn second_sum(&self) -> (u64, u128) {
        (self.second.rows, self.second.sum)
    }

    /// How the two differ; `first` and `second` say where the rows are: "in the cache".
    pub fn finish(mut self, first: &str, second: &str) -> Difference {
        if self.first.names != self.second.names {
            return Difference::Rows(format!(
                "other columns: {} {first}, {} {second}",
                self.first.names.join(", "),
                self.second.names.join(", ")
            ));
        }
        if (self.first.rows, self.first.sum) == (self.second.rows, self.second.sum) {
            return self.order_of_rows();
        }
        if self.order.cut && self.order.columns.is_empty() {
            return Difference::Untold(
                "which rows a LIMIT without ORDER BY leaves is the database's choice".to_owned(),
            );
        }
        if self.order.cut && self.order.columns.contains(&None) {
            return Difference::Untold(
                "which rows are tied where the LIMIT cuts cannot be told from the answer"
                    .to_owned(),
            );
        }
        let floats: Vec<usize> = (0..self.first.kinds.len())
            .filter(|i| self.is_float(*i))
            .collect();
        if self.counts.is_none() {
            let rows = human::count(self.first.rows.max(self.second.rows));
            return if floats.is_empty() && !self.order.cut {
                Difference::Rows(format!(
                    "{rows} rows, too many to be matched one by one, are not the same"
                ))
            } else {
                Difference::Untold(format!("{rows} rows are too many to be matched one by one"))
            };
        }
        let whole = self.only_first.is_whole() && self.only_second.is_whole();
        if !whole && !floats.is_empty() {
            return Difference::Untold(format!(
                "more than {} rows with floating point numbers differ",
                human::count(KEPT as u64)
            ));
        }
        if !floats.is_empty() {
            pair(&mut self.only_first, &mut self.only_second, &floats);
        }
        if self.order.cut && whole {
            let ends = [&self.first, &self.second].map(|side| side.ends.clone());
            for only in [&mut self.only_first, &mut self.only_second] {
                only.drop_tied(&self.order, &ends);
            }
        }
        self.left_over(first, second)
    }

    /// The rows are the same: does their order differ where it is fixed?
    fn order_of_rows(&self) -> Difference {
        let unsure = self.first.unsure
            || self.second.unsure
            || self.first.sequenced != self.second.sequenced;
        if unsure || self.first.sequence.finalize() == self.second.sequence.finalize() {
            return Difference::None;
        }
        Difference::Rows("the same rows in another order than ORDER BY asks for".to_owned())
    }

    fn left_over(&self, first: &str, second: &str) -> Difference {
        let (here, there) = (&self.only_first, &self.only_second);
        if here.count + there.count == 0 {
            return Difference::None;
        }
        let rows = |kept: &Kept, place: &str| {
            (kept.count > 0).then(|| {
                let rows = human::plural(kept.count, "row", "rows");
                format!("{rows} only {place}")
            })
        };
        let counted: Vec<String> = [rows(here, first), rows(there, second)]
            .into_iter()
            .flatten()
            .collect();
        let example = match (there.rows.first(), here.rows.first()) {
            (Some(row), _) => Some((row, second)),
            (None, Some(row)) => Some((row, first)),
            (None, None) => None,
        };
        let example = example.map_or_else(String::new, |(row, place)| {
            format!("; the first {place}: {}", shown(row))
        });
        Difference::Rows(counted.join(", ") + &example)
    }

    fn is_float(&self, column: usize) -> bool {
        let kind = |side: &Side| side.kinds.get(column) == Some(&Kind::Float);
        kind(&self.first) || kind(&self.second)
    }
}

impl Side {
    fn schema(&mut self, schema: &Schema) {
        self.names = schema
            .fields()
            .iter()
            .map(|field| field.name().clone())
            .collect();
        self.kinds = schema
            .fields()
            .iter()
            .map(|field| Kind::of(field.data_type()))
            .collect();
    }

    fn take(
        &mut self,
        batch: &RecordBatch,
        order: &Order,
        mut each: impl FnMut(u128, &[Column<'_>], usize),
    ) {
        self.schema(&batch.schema());
        let columns = columns(batch);
        // Text is ordered by a collation that only the database knows; numbers and times are not.
        let fixed: Vec<usize> = order
            .columns
            .iter()
            .map_while(|column| *column)
            .take_while(|column| {
                self.kinds
                    .get(*column)
                    .is_some_and(|kind| is_ordered(*kind))
            })
            .collect();
        self.unsure |= *self.sequenced.get_or_insert(fixed.len()) != fixed.len();
        let mut bytes = Vec::new();
        for row in 0..batch.num_rows() {
            let hash = hash(&columns, row, &mut bytes);
            (self.rows, self.sum) = (self.rows + 1, self.sum.wrapping_add(hash));
            if !fixed.is_empty() {
                bytes.clear();
                for column in &fixed {
                    cell_bytes(&columns[*column], row, &mut bytes);
                }
                self.sequence.update(&bytes);
            }
            each(hash, &columns, row);
        }
        if order.cut && batch.num_rows() > 0 {
            let key = |row| key(order, |column| columns.get(column).map(|c| cell(c, row)));
            let last = key(batch.num_rows() - 1);
            match &mut self.ends {
                Some(ends) => ends[1] = last,
                None => self.ends = Some([key(0), last]),
            }
        }
    }
}

impl Kept {
    fn push(&mut self, columns: &[Column<'_>], row: usize) {
        self.count += 1;
        if self.rows.len() < KEPT && self.bytes < KEPT_BYTES {
            let cells: Vec<Cell> = columns.iter().map(|column| cell(column, row)).collect();
            self.bytes += cells.iter().flatten().map(String::len).sum::<usize>();
            self.rows.push(cells);
        }
    }

    /// Whether every row that differs is kept.
    fn is_whole(&self) -> bool {
        self.rows.len() as u64 == self.count
    }

    /// Forgets rows that are tied with an end of either answer.
    fn drop_tied(&mut self, order: &Order, ends: &[Option<[Vec<Cell>; 2]>; 2]) {
        self.rows.retain(|row| {
            let key = key(order, |column| row.get(column).cloned());
            !ends.iter().flatten().flatten().any(|end| *end == key)
        });
        self.count = self.rows.len() as u64;
    }
}

/// The columns of the order, text without its case, which a collation may not tell apart.
fn key(order: &Order, cell: impl Fn(usize) -> Option<Cell>) -> Vec<Cell> {
    let columns = order.columns.iter().flatten();
    columns
        .map(|column| {
            let text = cell(*column).flatten()?;
            Some(text.trim_end().to_lowercase())
        })
        .collect()
}

fn is_ordered(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Null | Kind::Boolean | Kind::Integer | Kind::Decimal | Kind::Float | Kind::Temporal
    )
}

/// Matches a row with one of those left; `false` where there is none.
fn match_one(counts: &mut HashMap<u128, u32>, hash: u128) -> bool {
    let Some(count) = counts.get_mut(&hash) else {
        return false;
    };
    *count -= 1;
    if *count == 0 {
        counts.remove(&hash);
    }
    true
}

/// Takes out pairs of rows that are the same but for the last digits of floating point numbers.
fn pair(first: &mut Kept, second: &mut Kept, floats: &[usize]) {
    let plain = |row: &[Cell]| -> Vec<Cell> {
        let cells = row.iter().enumerate();
        cells
            .filter(|(i, _)| !floats.contains(i))
            .map(|(_, cell)| cell.clone())
            .collect()
    };
    let mut by_plain: HashMap<Vec<Cell>, Vec<usize>> = HashMap::new();
    for (i, row) in second.rows.iter().enumerate() {
        by_plain.entry(plain(row)).or_default().push(i);
    }
    let mut matched = vec![false; second.rows.len()];
    first.rows.retain(|row| {
        let Some(candidates) = by_plain.get_mut(&plain(row)) else {
            return true;
        };
        let close = |i: &usize| {
            let other = &second.rows[*i];
            floats
                .iter()
                .all(|column| close(&row[*column], &other[*column]))
        };
        let Some(at) = candidates.iter().position(close) else {
            return true;
        };
        matched[candidates.swap_remove(at)] = true;
        false
    });
    let mut matched = matched.into_iter();
    second.rows.retain(|_| !matched.next().unwrap_or_default());
    first.count = first.rows.len() as u64;
    second.count = second.rows.len() as u64;
}

fn close(a: &Cell, b: &Cell) -> bool {
    if a == b {
        return true;
    }
    // What has more digits than a float keeps is none, whatever the other answer holds in that column.
    let number = |cell: &Cell| {
        let text = cell.as_ref()?;
        let digits = text.bytes().filter(u8::is_ascii_digit).count();
        text.parse::<f64>().ok().filter(|_| digits <= FLOAT_TEXT)
    };
    match (number(a), number(b)) {
        (Some(a), Some(b)) => (a - b).abs() <= CLOSE * a.abs().max(b.abs()),
        _ => false,
    }
}

fn cell(column: &Column<'_>, row: usize) -> Cell {
    if column.is_null(row) {
        return None;
    }
    let mut bytes = Vec::new();
    column.write(row, &mut bytes);
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// A value so that no other value, and no two values, have the same bytes.
fn cell_bytes(column: &Column<'_>, row: usize, out: &mut Vec<u8>) {
    if column.is_null(row) {
        out.push(0);
        return;
    }
    out.push(1);
    let length = out.len();
    out.extend_from_slice(&[0; 8]);
    column.write(row, out);
    let written = (out.len() - length - 8) as u64;
    out[length..length + 8].copy_from_slice(&written.to_le_bytes());
}

fn hash(columns: &[Column<'_>], row: usize, bytes: &mut Vec<u8>) -> u128 {
    bytes.clear();
    for column in columns {
        cell_bytes(column, row, bytes);
    }
    let mut half = [0; 16];
    half.copy_from_slice(&blake3::hash(bytes).as_bytes()[..16]);
    u128::from_le_bytes(half)
}

/// A row in one line of bounded length.
fn shown(row: &[Cell]) -> String {
    let cells: Vec<&str> = row
        .iter()
        .map(|cell| cell.as_deref().unwrap_or("NULL"))
        .collect();
    let line = cells.join(", ");
    let line = human::line(&line);
    match line.char_indices().nth(SHOWN) {
        Some((cut, _)) => format!("{}…", &line[..cut]),
        None => line.into_owned(),
    }
}

#[cfg(test)]
#[path = "compare_tests.rs"]
mod tests;
