//! A result as the grid asks for it: any cell at once, in the order that sorting and filtering left.

use std::borrow::Cow;
use std::cell::Cell as Slot;
use std::collections::BTreeMap;
use std::sync::Arc;

use eframe::egui::Ui;

use crate::app::format;
use crate::app::theme::text;
use crate::app::widgets::grid::{Cell, Column, Rows, Style};
use crate::table::Table;
use crate::table::text::{Column as TextColumn, Kind};

use super::facts::{Facts, is_numeric_text};

/// The most text of a cell that is ever laid out.
const PREVIEW: usize = 512;

/// A result as the grid asks for it.
pub struct ResultRows {
    /// The rows as they came.
    pub table: Arc<Table>,
    columns: Vec<Column>,
    grouped: Vec<bool>,
    /// The first row of each batch, and the end.
    starts: Vec<usize>,
    order: Option<Arc<Vec<u32>>>,
    facts: BTreeMap<usize, Facts>,
    /// The column whose statistics the pointer asks for.
    asked: Slot<Option<usize>>,
}

impl ResultRows {
    /// A result in its own order.
    pub fn new(table: Arc<Table>) -> Self {
        let numeric: Vec<bool> = table
            .schema
            .fields()
            .iter()
            .map(|field| Kind::of(field.data_type()).is_number() || is_numeric_text(field))
            .collect();
        let columns = table
            .schema
            .fields()
            .iter()
            .zip(&numeric)
            .map(|(field, right)| Column {
                name: field.name().clone(),
                right: *right,
            })
            .collect();
        let grouped = table
            .schema
            .fields()
            .iter()
            .zip(&numeric)
            .map(|(field, numeric)| *numeric && counts(field.name()))
            .collect();
        let mut starts = Vec::with_capacity(table.batches.len() + 1);
        let mut rows = 0;
        for batch in &table.batches {
            starts.push(rows);
            rows += batch.num_rows();
        }
        starts.push(rows);
        Self {
            table,
            columns,
            grouped,
            starts,
            order: None,
            facts: BTreeMap::new(),
            asked: Slot::new(None),
        }
    }

    /// Takes in more rows of the same answer.
    pub(super) fn grow(&mut self, more: Self) {
        *self = Self {
            order: self.order.take(),
            ..more
        };
    }

    /// Shows these rows in this order; all as they came for `None`.
    pub fn set_order(&mut self, order: Option<Arc<Vec<u32>>>) {
        self.order = order;
    }

    /// The rows that are shown, where that is not all as they came.
    pub fn order(&self) -> Option<&Arc<Vec<u32>>> {
        self.order.as_ref()
    }

    /// Number of rows before filtering.
    pub fn total(&self) -> usize {
        self.starts.last().copied().unwrap_or(0)
    }

    pub(super) fn set_facts(&mut self, column: usize, facts: Facts) {
        self.facts.insert(column, facts);
    }

    /// The column whose statistics were asked for since the last call, and are not known.
    pub fn take_asked(&self) -> Option<usize> {
        self.asked
            .take()
            .filter(|column| !self.facts.contains_key(column))
    }

    /// Where a shown row stands: its batch, and the row in it.
    fn locate(&self, row: usize) -> Option<(usize, usize)> {
        let row = match &self.order {
            Some(order) => *order.get(row)? as usize,
            None => row,
        };
        let batch = self
            .starts
            .partition_point(|start| *start <= row)
            .checked_sub(1)?;
        (batch < self.table.batches.len()).then(|| (batch, row - self.starts[batch]))
    }

    /// The exact text of a shown cell, `None` for NULL.
    pub fn text(&self, row: usize, column: usize) -> Option<String> {
        let (batch, row) = self.locate(row)?;
        let column = TextColumn::new(self.table.batches[batch].column(column));
        column.text(row).map(Cow::into_owned)
    }
}

impl Rows for ResultRows {
    fn columns(&self) -> &[Column] {
        &self.columns
    }

    fn len(&self) -> usize {
        self.order
            .as_ref()
            .map_or_else(|| self.total(), |order| order.len())
    }

    fn cell(&self, row: usize, column: usize) -> Cell<'_> {
        let Some((batch, row)) = self.locate(row) else {
            return Cell::default();
        };
        let values = TextColumn::new(self.table.batches[batch].column(column));
        match values.preview(row, PREVIEW) {
            None => Cell {
                text: "NULL".into(),
                style: Style::Weak,
                dot: None,
            },
            Some((text, _)) if self.grouped[column] => Cell {
                text: format::group_digits(&text).into(),
                ..Cell::default()
            },
            Some((text, _)) => Cell {
                text: text.into_owned().into(),
                ..Cell::default()
            },
        }
    }

    fn has_about(&self, _column: usize) -> bool {
        true
    }

    fn about(&self, ui: &mut Ui, column: usize) {
        let field = self.table.schema.field(column);
        ui.set_max_width(300.0);
        ui.label(text::strong(ui, field.name()));
        let kind = field.metadata().get(crate::table::DATABASE_TYPE).cloned();
        ui.label(text::small(
            ui,
            kind.unwrap_or_else(|| field.data_type().to_string()),
        ));
        if let Some(facts) = self.facts.get(&column) {
            facts.show(ui, self.grouped[column]);
        } else {
            self.asked.set(Some(column));
            ui.label(text::small(ui, "Counting..."));
        }
    }
}

/// Whether a column's numbers are amounts, whose digits are grouped, and not names like years and keys.
fn counts(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let ends = |suffix: &str| {
        name.strip_suffix(suffix)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with(['_', ' ', '-', '.']))
    };
    !(name.ends_with("key")
        || [
            "id", "year", "no", "nr", "number", "code", "port", "zip", "pid",
        ]
        .iter()
        .any(|suffix| ends(suffix)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use arrow::array::{Int64Array, RecordBatch, StringArray};
    use arrow::datatypes::{DataType, Field, Schema};

    use super::*;

    #[test]
    fn rows_are_found_across_batches_and_in_order() {
        let schema = Arc::new(Schema::new(vec![
            Field::new("n", DataType::Int64, true),
            Field::new("c_custkey", DataType::Int64, true),
            Field::new("s", DataType::Utf8, true),
        ]));
        let batch = |from: i64, rows: i64| {
            let numbers = (from..from + rows)
                .map(|n| (n != 3).then_some(n * 1000))
                .collect::<Int64Array>();
            let keys = Int64Array::from_iter_values((from..from + rows).map(|n| n * 1000));
            let texts =
                StringArray::from_iter_values((from..from + rows).map(|n| format!("row {n}")));
            RecordBatch::try_new(
                schema.clone(),
                vec![Arc::new(numbers), Arc::new(keys), Arc::new(texts)],
            )
            .unwrap()
        };
        let batches = vec![batch(0, 2), batch(2, 0), batch(2, 3)];
        let mut rows = ResultRows::new(Arc::new(Table {
            schema: schema.clone(),
            batches,
        }));
        assert_eq!((rows.len(), rows.total()), (5, 5));
        assert_eq!(rows.cell(4, 2).text, "row 4");
        assert_eq!(
            (rows.cell(3, 0).text.as_ref(), rows.cell(3, 0).style),
            ("NULL", Style::Weak)
        );
        assert_eq!(
            (rows.cell(2, 0).text.as_ref(), rows.cell(2, 1).text.as_ref()),
            ("2,000", "2000")
        );
        assert_eq!(
            (rows.text(2, 0).as_deref(), rows.text(3, 0)),
            (Some("2000"), None)
        );
        rows.set_order(Some(Arc::new(vec![4, 0])));
        assert_eq!((rows.len(), rows.total()), (2, 5));
        assert_eq!(rows.cell(0, 2).text, "row 4");
        assert!(rows.columns()[0].right && !rows.columns()[2].right);
    }

    #[test]
    fn years_and_keys_are_not_amounts() {
        for (name, amount) in [
            ("revenue", true),
            ("year", false),
            ("o_year", false),
            ("l_orderkey", false),
            ("id", false),
            ("paid", true),
            ("customer_id", false),
        ] {
            assert_eq!(counts(name), amount, "{name}");
        }
    }
}
