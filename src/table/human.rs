//! A result as a table for a terminal: the first rows, aligned, with what could harm a terminal made visible.

use std::fmt::Write;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use unicode_width::UnicodeWidthStr;

use super::text::{Kind, columns};

/// Columns wider than this are cut, with an ellipsis.
const MAX_WIDTH: usize = 48;

/// Gathers the first rows of a stream and counts the others.
pub struct HumanTable {
    schema: SchemaRef,
    limit: usize,
    cells: Vec<Vec<Option<String>>>,
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
                            .map(|(text, more)| visible(&text, more))
                    })
                    .collect(),
            );
        }
    }

    /// The table, and below it how many rows there are and how many of them are not shown.
    pub fn finish(self) -> String {
        let names: Vec<String> = self
            .schema
            .fields()
            .iter()
            .map(|field| visible(field.name(), false))
            .collect();
        let right: Vec<bool> = self
            .schema
            .fields()
            .iter()
            .map(|field| Kind::of(field.data_type()).is_number())
            .collect();
        let text = |cell: &Option<String>| cell.as_deref().unwrap_or("NULL").to_owned();
        let widths: Vec<usize> = (0..names.len())
            .map(|i| {
                self.cells
                    .iter()
                    .map(|row| text(&row[i]).width())
                    .chain([names[i].width()])
                    .max()
                    .unwrap_or_default()
            })
            .collect();
        let mut out = String::new();
        line(&mut out, &names, &widths, &right);
        let rule: Vec<String> = widths.iter().map(|&width| "─".repeat(width)).collect();
        line(&mut out, &rule, &widths, &right);
        for row in &self.cells {
            line(
                &mut out,
                &row.iter().map(text).collect::<Vec<_>>(),
                &widths,
                &right,
            );
        }
        let shown = self.cells.len() as u64;
        let _ = if shown < self.rows {
            writeln!(
                out,
                "{} of {} shown; {} more with --limit, or all of them with -o FILE",
                rows(shown),
                grouped(self.rows),
                grouped(self.rows - shown)
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
        grouped(count),
        if count == 1 { "row" } else { "rows" }
    )
}

/// A count with commas between thousands: `2,112`.
pub fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

fn line(out: &mut String, cells: &[String], widths: &[usize], right: &[bool]) {
    let mut text = String::new();
    for (i, cell) in cells.iter().enumerate() {
        let blank = " ".repeat(widths[i] - cell.width());
        let gap = if i == 0 { "" } else { "  " };
        let _ = if right[i] {
            write!(text, "{gap}{blank}{cell}")
        } else {
            write!(text, "{gap}{cell}{blank}")
        };
    }
    out.push_str(text.trim_end());
    out.push('\n');
}

/// Text that cannot move the cursor, change colours or break the line, cut to the widest a column may be.
fn visible(text: &str, more: bool) -> String {
    let mut out = String::new();
    let mut width = 0;
    for character in text.chars() {
        let piece = match character {
            '\n' => "⏎".to_owned(),
            '\t' => "→".to_owned(),
            hidden if hidden.is_control() || is_directional(hidden) => {
                hidden.escape_default().to_string()
            }
            shown => shown.to_string(),
        };
        width += piece.width();
        if width > MAX_WIDTH {
            out.push('…');
            return out;
        }
        out.push_str(&piece);
    }
    if more {
        out.push('…');
    }
    out
}

/// Characters that reorder the text around them.
fn is_directional(character: char) -> bool {
    matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
}
