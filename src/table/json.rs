//! JSON: one array of objects, an object a row, written row by row.
//!
//! Lossless in any reader: whole numbers beyond 2^53 - 1 either way, decimals, NaN and the infinities are strings;
//! other numbers are numbers; dates, times and binary are their text; NULL is `null`. A column whose values turn out
//! to be of several types (SQLite) is strings from the first batch that needs it.

use std::io::{self, Write};

use arrow::datatypes::Schema;
use arrow::record_batch::RecordBatch;

use super::names::unique_names;
use super::text::{Column, Kind, columns};

const BUFFER: usize = 256 * 1024;
/// The largest whole number that every JSON reader holds exactly.
const SAFE: u64 = (1 << 53) - 1;

/// Writes batches as one JSON array.
pub(super) struct JsonWriter<W: Write> {
    out: W,
    buffer: Vec<u8>,
    names: Vec<Vec<u8>>,
    rows: u64,
    written: u64,
}

impl<W: Write> JsonWriter<W> {
    pub(super) fn new(out: W, schema: &Schema) -> Self {
        let (names, _) = unique_names(schema);
        let names = names.iter().map(|name| quoted(name)).collect();
        Self {
            out,
            buffer: b"[".to_vec(),
            names,
            rows: 0,
            written: 0,
        }
    }

    pub(super) fn write(&mut self, batch: &RecordBatch) -> io::Result<()> {
        let columns = columns(batch);
        let kinds: Vec<Kind> = batch
            .columns()
            .iter()
            .map(|column| Kind::of(column.data_type()))
            .collect();
        for row in 0..batch.num_rows() {
            self.buffer
                .extend_from_slice(if self.rows == 0 { b"\n{" } else { b",\n{" });
            self.rows += 1;
            for (i, (column, name)) in columns.iter().zip(&self.names).enumerate() {
                if i > 0 {
                    self.buffer.push(b',');
                }
                self.buffer.extend_from_slice(name);
                self.buffer.push(b':');
                value(&mut self.buffer, column, row, kinds[i]);
            }
            self.buffer.push(b'}');
            if self.buffer.len() >= BUFFER {
                self.hand_on()?;
            }
        }
        Ok(())
    }

    pub(super) fn bytes(&self) -> u64 {
        self.written + self.buffer.len() as u64
    }

    pub(super) fn finish(mut self) -> io::Result<u64> {
        self.buffer
            .extend_from_slice(if self.rows == 0 { b"]\n" } else { b"\n]\n" });
        self.hand_on()?;
        self.out.flush()?;
        Ok(self.written)
    }

    fn hand_on(&mut self) -> io::Result<()> {
        self.out.write_all(&self.buffer)?;
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        self.buffer.shrink_to(2 * BUFFER);
        Ok(())
    }
}

fn quoted(text: &str) -> Vec<u8> {
    serde_json::to_vec(text).unwrap_or_default()
}

fn value(out: &mut Vec<u8>, column: &Column<'_>, row: usize, kind: Kind) {
    if column.is_null(row) {
        out.extend_from_slice(b"null");
        return;
    }
    if let Some(text) = column.str(row) {
        // Writing to memory does not fail.
        let _ = serde_json::to_writer(out, text);
        return;
    }
    let start = out.len();
    out.push(b'"');
    column.write(row, out);
    let text = &out[start + 1..];
    let plain = match kind {
        Kind::Boolean => true,
        Kind::Integer => is_safe(text),
        Kind::Float => text.last().is_some_and(u8::is_ascii_digit),
        _ => false,
    };
    if plain {
        out.remove(start);
    } else {
        // Numbers, times and hexadecimal hold nothing that JSON escapes.
        out.push(b'"');
    }
}

fn is_safe(text: &[u8]) -> bool {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    digits.len() < 16
        || std::str::from_utf8(digits)
            .ok()
            .and_then(|text| text.parse::<u64>().ok())
            .is_some_and(|value| value <= SAFE)
}
