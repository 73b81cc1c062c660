//! A result as a table for a terminal: the first rows, aligned.

use std::fmt::Write;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use unicode_width::UnicodeWidthChar;

use super::text::{Kind, columns};
use crate::human;

/// Columns wider than this are cut, with an ellipsis.
const MAX_WIDTH: usize = 48;

/// Gathers the first rows of a stream and counts the others.
pub struct HumanTable {
    schema: SchemaRef,
    limit: usize,
    cells: Vec<Vec<String>>,
    rows: u64,
}

impl HumanTable {
    /// Keeps at most `limit` rows.
    pub fn new(schema: &SchemaRef, limit: usize) -> Self {
        Self {
            schema: SchemaRef::clone(schema),
            limit,
            cells: Vec::new(),
            rows: 0,
        }
    }

    /// Adds the rows of a batch.
    pub fn add(&mut self, batch: &RecordBatch) {
        self.rows += batch.num_rows() as u64;
        let wanted = (self.limit - self.cells.len()).min(batch.num_rows());
        if wanted > 0 {
            self.schema = batch.schema();
        }
        let columns = columns(batch);
        for row in 0..wanted {
            self.cells.push(
                columns
                    .iter()
                    .map(|column| {
                        column
                            .preview(row, 4 * MAX_WIDTH)
                            .map_or_else(|| "NULL".to_owned(), |(text, more)| cut(&text, more))
                    })
                    .collect(),
            );
        }
    }

    /// The table, and below it how many rows there are; where some are not shown, `elsewhere` says where they are.
    pub fn finish(self, elsewhere: &str) -> String {
        let fields = self.schema.fields();
        let right: Vec<bool> = fields
            .iter()
            .map(|field| Kind::of(field.data_type()).is_number())
            .collect();
        let shown = self.cells.len() as u64;
        let names = fields.iter().map(|field| cut(field.name(), false));
        let mut table = vec![names.collect::<Vec<_>>()];
        table.extend(self.cells);
        let rule = human::widths(&table);
        table.insert(1, rule.into_iter().map(|width| "─".repeat(width)).collect());
        let mut out = human::columns(&table, |i| right[i]);
        let _ = if shown < self.rows {
            writeln!(
                out,
                "{} of {} shown; {} more {elsewhere}",
                rows(shown),
                human::count(self.rows),
                human::count(self.rows - shown)
            )
        } else {
            writeln!(out, "{}", rows(self.rows))
        };
        out
    }
}

fn rows(count: u64) -> String {
    format!(
        "{} {}",
        human::count(count),
        if count == 1 { "row" } else { "rows" }
    )
}

/// The text as one line, cut to the widest a column may be; `more` says that it is the beginning alone.
fn cut(text: &str, more: bool) -> String {
    let text = human::line(text);
    let mut width = 0;
    for (at, character) in text.char_indices() {
        width += character.width().unwrap_or(0);
        if width > MAX_WIDTH {
            return format!("{}…", &text[..at]);
        }
    }
    if more {
        format!("{text}…")
    } else {
        text.into_owned()
    }
}
