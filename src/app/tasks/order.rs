//! Sorting, filtering, counting and copying of a result, on threads of their own: a million rows take a while.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BinaryArray, UInt32Array};
use arrow::compute::{SortOptions, concat, sort_to_indices};
use tokio_util::sync::CancellationToken;

use crate::app::event::Event as AppEvent;
use crate::app::state::State;
use crate::app::theme::Tone;
use crate::app::views::reports::{Event, Facts, is_numeric_text};
use crate::app::widgets::grid::{CopyWhat, Rows};
use crate::table::Table;
use crate::table::decimal::order_key;
use crate::table::text::Column;

use super::Tasks;

/// The most text that goes to the clipboard.
const CLIPBOARD: usize = 64 << 20;

/// Sorts and filters the result anew, as the grid and the filter say.
pub(super) fn start(tasks: &mut Tasks, state: &mut State) {
    let Some(pane) = state.reports.pane() else {
        return;
    };
    let Some(answer) = &pane.answer else { return };
    let (table, sort) = (answer.rows.table.clone(), pane.grid.sort);
    let filter = pane.find.text.trim().to_lowercase();
    if let Some(old) = pane.ordering {
        tasks.cancel(old);
    }
    let id = tasks.spawn(state, None, move |task| async move {
        let stop = task.cancel.clone();
        let work = tokio::task::spawn_blocking(move || order(&table, sort, &filter, &stop));
        let problem = match work.await {
            Ok(Ok(Order::Stopped)) => return,
            Ok(Ok(order)) => {
                let order = match order {
                    Order::Rows(rows) => Some(Arc::new(rows)),
                    _ => None,
                };
                let event = Event::Ordered {
                    task: task.id,
                    order,
                };
                task.send(AppEvent::Reports(event)).await;
                return;
            }
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        task.message(Tone::Error, format!("The rows cannot be sorted: {problem}"))
            .await;
    });
    if let Some(pane) = state.reports.pane_mut() {
        pane.ordering = Some(id);
    }
}

/// What a search and a sort came to.
#[derive(Debug, PartialEq, Eq)]
enum Order {
    /// Something newer was asked for.
    Stopped,
    /// All rows as they came.
    All,
    /// These rows.
    Rows(Vec<u32>),
}

/// The rows to show.
fn order(
    table: &Table,
    sort: Option<(usize, bool)>,
    filter: &str,
    stop: &CancellationToken,
) -> Result<Order, arrow::error::ArrowError> {
    let kept = (!filter.is_empty()).then(|| matching(table, filter, stop));
    if stop.is_cancelled() {
        return Ok(Order::Stopped);
    }
    let sorted = match sort {
        None => None,
        Some((column, down)) => {
            let options = SortOptions {
                descending: down,
                nulls_first: false,
            };
            Some(sort_to_indices(
                &sort_keys(table, column)?,
                Some(options),
                None,
            )?)
        }
    };
    let is_kept = |row: u32, kept: &[bool]| kept.get(row as usize).copied().unwrap_or(false);
    Ok(match (sorted, kept) {
        _ if stop.is_cancelled() => Order::Stopped,
        (None, None) => Order::All,
        (Some(sorted), None) => Order::Rows(UInt32Array::values(&sorted).to_vec()),
        (None, Some(kept)) => Order::Rows(
            (0..kept.len() as u32)
                .filter(|row| is_kept(*row, &kept))
                .collect(),
        ),
        (Some(sorted), Some(kept)) => Order::Rows(
            sorted
                .values()
                .iter()
                .copied()
                .filter(|row| is_kept(*row, &kept))
                .collect(),
        ),
    })
}

/// A whole column as one array; text that holds numbers as bytes in the numbers' order.
fn sort_keys(table: &Table, column: usize) -> Result<ArrayRef, arrow::error::ArrowError> {
    if is_numeric_text(table.schema.field(column)) {
        let mut keys: Vec<Option<Vec<u8>>> = Vec::with_capacity(table.rows());
        for batch in &table.batches {
            let values = Column::new(batch.column(column));
            keys.extend(
                (0..batch.num_rows()).map(|row| values.text(row).and_then(|text| order_key(&text))),
            );
        }
        return Ok(Arc::new(BinaryArray::from_iter(keys)));
    }
    let parts: Vec<&dyn Array> = table
        .batches
        .iter()
        .map(|batch| batch.column(column).as_ref())
        .collect();
    match parts.as_slice() {
        [] => Ok(arrow::array::new_empty_array(
            table.schema.field(column).data_type(),
        )),
        parts => concat(parts),
    }
}

/// Which rows contain the text in any of their cells, whatever its case.
fn matching(table: &Table, filter: &str, stop: &CancellationToken) -> Vec<bool> {
    let mut kept = Vec::with_capacity(table.rows());
    for batch in &table.batches {
        if stop.is_cancelled() {
            break;
        }
        let columns: Vec<Column<'_>> = batch.columns().iter().map(Column::new).collect();
        kept.extend((0..batch.num_rows()).map(|row| {
            columns
                .iter()
                .any(|column| column.text(row).is_some_and(|text| contains(&text, filter)))
        }));
    }
    kept
}

fn contains(text: &str, lower: &str) -> bool {
    if text.is_ascii() && lower.is_ascii() {
        let (text, lower) = (text.as_bytes(), lower.as_bytes());
        return text
            .windows(lower.len())
            .any(|window| window.eq_ignore_ascii_case(lower));
    }
    text.to_lowercase().contains(lower)
}

/// Counts a column's statistics.
pub(super) fn facts(tasks: &mut Tasks, state: &mut State, column: usize) {
    let Some(answer) = state.reports.pane().and_then(|pane| pane.answer.as_ref()) else {
        return;
    };
    let table = answer.rows.table.clone();
    let id = tasks.spawn(state, None, move |task| async move {
        let stop = task.cancel.clone();
        let work =
            tokio::task::spawn_blocking(move || Facts::of(&table, column, || stop.is_cancelled()));
        if let Ok(Some(facts)) = work.await {
            task.send(AppEvent::Reports(Event::Facts {
                task: task.id,
                column,
                facts,
            }))
            .await;
        }
    });
    if let Some(pane) = state.reports.pane_mut() {
        pane.counting = Some(id);
    }
}

/// Puts a part of the result on the clipboard, as tab-separated text.
pub(super) fn copy(tasks: &mut Tasks, state: &mut State, what: CopyWhat) {
    let Some(pane) = state.reports.pane() else {
        return;
    };
    let Some(answer) = &pane.answer else { return };
    let rows = &answer.rows;
    let cell = |row, column| flat(&rows.text(row, column).unwrap_or_default());
    let columns = 0..rows.columns().len();
    let (table, order) = (rows.table.clone(), rows.order().cloned());
    match (what, pane.grid.row) {
        (CopyWhat::Cell, Some(row)) => {
            let text = rows.text(row, pane.grid.column).unwrap_or_default();
            state.copy(text);
            return;
        }
        (CopyWhat::Row, Some(row)) => {
            let cells: Vec<String> = columns.map(|column| cell(row, column)).collect();
            state.copy(cells.join("\t"));
            return;
        }
        (CopyWhat::Cell | CopyWhat::Row, None) => return,
        (CopyWhat::Column | CopyWhat::All, _) => {}
    }
    let columns: Vec<usize> = if what == CopyWhat::Column {
        vec![pane.grid.column]
    } else {
        columns.collect()
    };
    tasks.spawn(state, Some("Copying".into()), move |task| async move {
        let stop = task.cancel.clone();
        let work = tokio::task::spawn_blocking(move || {
            tabbed(
                &table,
                order.as_deref().map(Vec::as_slice),
                &columns,
                what == CopyWhat::All,
                &stop,
            )
        });
        match work.await {
            Ok(Some(text)) => {
                task.send(AppEvent::Copied(text)).await;
            }
            Ok(None) if task.cancel.is_cancelled() => {}
            _ => {
                let sentence = "That is more than a clipboard holds; export it to a file";
                task.message(Tone::Error, sentence).await;
            }
        }
    });
}

fn tabbed(
    table: &Table,
    order: Option<&[u32]>,
    columns: &[usize],
    titles: bool,
    stop: &CancellationToken,
) -> Option<String> {
    let mut out = String::new();
    if titles {
        let names: Vec<String> = columns
            .iter()
            .map(|column| flat(table.schema.field(*column).name()))
            .collect();
        out.push_str(&names.join("\t"));
        out.push('\n');
    }
    let batches: Vec<Vec<Column<'_>>> = table
        .batches
        .iter()
        .map(|batch| {
            columns
                .iter()
                .map(|at| Column::new(batch.column(*at)))
                .collect()
        })
        .collect();
    let mut starts = Vec::with_capacity(batches.len());
    let mut rows = 0;
    for batch in &table.batches {
        starts.push(rows);
        rows += batch.num_rows();
    }
    let count = order.map_or(rows, <[u32]>::len);
    for shown in 0..count {
        if shown % 4096 == 0 && (stop.is_cancelled() || out.len() > CLIPBOARD) {
            return None;
        }
        let row = order.map_or(shown, |order| order[shown] as usize);
        let batch = starts.partition_point(|start| *start <= row) - 1;
        for (i, column) in batches[batch].iter().enumerate() {
            if i > 0 {
                out.push('\t');
            }
            if let Some(text) = column.text(row - starts[batch]) {
                out.push_str(&flat(&text));
            }
        }
        out.push('\n');
    }
    (out.len() <= CLIPBOARD).then_some(out)
}

/// Tabs and line ends would break the rows of a spreadsheet.
fn flat(text: &str) -> String {
    text.replace(['\t', '\n', '\r'], " ")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use arrow::array::{Int64Array, RecordBatch, StringArray};
    use arrow::datatypes::{DataType, Field, Schema};

    use super::*;

    fn table() -> Table {
        let numeric = Field::new("amount", DataType::Utf8, true).with_metadata(
            std::collections::HashMap::from([(
                crate::table::DATABASE_TYPE.to_owned(),
                "numeric".to_owned(),
            )]),
        );
        let schema = Arc::new(Schema::new(vec![
            Field::new("n", DataType::Int64, true),
            Field::new("name", DataType::Utf8, true),
            numeric,
        ]));
        let batch = |numbers: Vec<Option<i64>>, names: Vec<&str>, amounts: Vec<&str>| {
            let columns: Vec<ArrayRef> = vec![
                Arc::new(Int64Array::from(numbers)),
                Arc::new(StringArray::from(names)),
                Arc::new(StringArray::from(amounts)),
            ];
            RecordBatch::try_new(schema.clone(), columns).unwrap()
        };
        let batches = vec![
            batch(
                vec![Some(3), None],
                vec!["Ägypten", "Kenya"],
                vec!["10.5", "9"],
            ),
            batch(
                vec![Some(10), Some(1)],
                vec!["Peru", "kenya north"],
                vec!["-1", "100"],
            ),
        ];
        Table { schema, batches }
    }

    #[test]
    fn decimals_of_39_digits_sort_exactly() {
        let long = "123456789012345678901234567890123456789";
        let longer = "123456789012345678901234567890123456790";
        let mut table = table();
        let amounts: ArrayRef = Arc::new(StringArray::from(vec![longer, long]));
        for batch in &mut table.batches {
            let mut columns = batch.columns().to_vec();
            columns[2] = amounts.clone();
            *batch = RecordBatch::try_new(table.schema.clone(), columns).unwrap();
        }
        let sorted = order(&table, Some((2, false)), "", &CancellationToken::new()).unwrap();
        assert_eq!(sorted, Order::Rows(vec![1, 3, 0, 2]));
    }

    #[test]
    fn rows_are_sorted_and_filtered() {
        let stop = CancellationToken::new();
        let ordered = |sort, filter| order(&table(), sort, filter, &stop).unwrap();
        assert_eq!(ordered(None, ""), Order::All);
        assert_eq!(
            ordered(Some((0, false)), ""),
            Order::Rows(vec![3, 0, 2, 1]),
            "NULL comes last"
        );
        assert_eq!(ordered(Some((0, true)), ""), Order::Rows(vec![2, 0, 3, 1]));
        assert_eq!(
            ordered(Some((2, false)), ""),
            Order::Rows(vec![2, 1, 0, 3]),
            "exact decimals sort as numbers"
        );
        assert_eq!(ordered(None, "kenya"), Order::Rows(vec![1, 3]));
        assert_eq!(ordered(None, "äg"), Order::Rows(vec![0]));
        assert_eq!(ordered(Some((0, false)), "kenya"), Order::Rows(vec![3, 1]));
        assert_eq!(ordered(None, "nowhere"), Order::Rows(vec![]));
        stop.cancel();
        assert_eq!(order(&table(), None, "x", &stop).unwrap(), Order::Stopped);
    }

    #[test]
    fn rows_are_copied_as_a_spreadsheet_takes_them() {
        let stop = CancellationToken::new();
        let text = tabbed(&table(), Some(&[2, 1]), &[1, 0], true, &stop).unwrap();
        assert_eq!(text, "name\tn\nPeru\t10\nKenya\t\n");
    }
}
