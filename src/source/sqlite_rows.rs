//! SQLite rows into Arrow batches. SQLite keeps a type for each value, so a column takes the type it is declared
//! with, or that of its first value, and widens to exact text when a value does not fit.

use std::sync::Arc;
use std::time::Instant;

use arrow::array::{
    ArrayRef, BinaryBuilder, Float64Builder, Int64Builder, NullArray, StringBuilder,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use futures::StreamExt;
use futures::stream::BoxStream;
use sqlx::sqlite::{Sqlite, SqliteRow, SqliteValueRef};
use sqlx::{Decode, Row, TypeInfo, ValueRef};

use super::sqlite::Failed;
use crate::table::{DATABASE_TYPE, text};

/// Rows of the first batch: what a screen shows, at once.
const FIRST_ROWS: usize = 256;
/// Rows of the others.
const ROWS: usize = 8192;
/// A batch ends early when it holds this much, so that memory stays bounded with large cells.
const BYTES: usize = 8 << 20;
/// Integers up to here are exact as floats too, and have the same text.
const EXACT_IN_FLOAT: u64 = 1 << 53;

/// Makes batches of rows.
pub(super) struct Batcher {
    columns: Vec<Column>,
    limit: usize,
    done: bool,
    /// When the first row came, or the end where there was none.
    pub(super) first_row: Option<Instant>,
}

struct Column {
    name: String,
    values: Values,
    /// Whether values of different types stand in it as text.
    mixed: bool,
    /// Whether it held an integer that a float does not keep.
    large: bool,
}

enum Values {
    /// Only NULL so far.
    Null(usize),
    Integer(Int64Builder),
    Real(Float64Builder),
    Text(StringBuilder),
    Blob(BinaryBuilder),
}

/// One value as it comes out of SQLite. Text that is not UTF-8 is a blob.
#[derive(Clone, Copy)]
enum Cell<'r> {
    Null,
    Integer(i64),
    Real(f64),
    Text(&'r str),
    Blob(&'r [u8]),
}

impl Batcher {
    /// Columns by name and declared type, as sqlx names it.
    pub(super) fn new(columns: impl Iterator<Item = (String, String)>) -> Self {
        let columns = columns
            .map(|(name, declared)| Column {
                name,
                values: match declared.as_str() {
                    "INTEGER" | "BOOLEAN" => Values::Integer(Int64Builder::new()),
                    "REAL" => Values::Real(Float64Builder::new()),
                    "TEXT" => Values::Text(StringBuilder::new()),
                    "BLOB" => Values::Blob(BinaryBuilder::new()),
                    // DATE and DECIMAL hold text or numbers; an expression declares nothing.
                    _ => Values::Null(0),
                },
                mixed: false,
                large: false,
            })
            .collect();
        Self {
            columns,
            limit: FIRST_ROWS,
            done: false,
            first_row: None,
        }
    }

    /// Names and types as known now.
    pub(super) fn schema(&self) -> SchemaRef {
        Arc::new(Schema::new(
            self.columns.iter().map(Column::field).collect::<Vec<_>>(),
        ))
    }

    /// The next batch; `None` after the last. A result without rows has no batch.
    pub(super) async fn next(
        &mut self,
        rows: &mut BoxStream<'_, Result<SqliteRow, sqlx::Error>>,
    ) -> Result<Option<RecordBatch>, Failed> {
        let (mut count, mut bytes) = (0, 0);
        while !self.done && count < self.limit && bytes < BYTES {
            let Some(row) = rows.next().await else {
                self.done = true;
                self.first_row.get_or_insert_with(Instant::now);
                break;
            };
            let row = row.map_err(Failed::Theirs)?;
            self.first_row.get_or_insert_with(Instant::now);
            for (i, column) in self.columns.iter_mut().enumerate() {
                let value = row.try_get_raw(i).map_err(Failed::Theirs)?;
                let cell = cell(value).map_err(Failed::Theirs)?;
                bytes += column.push(cell);
            }
            count += 1;
        }
        if count == 0 {
            return Ok(None);
        }
        self.limit = ROWS;
        let arrays = self.columns.iter_mut().map(Column::finish).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(count));
        RecordBatch::try_new_with_options(self.schema(), arrays, &options)
            .map(Some)
            .map_err(|error| Failed::Theirs(sqlx::Error::Protocol(error.to_string())))
    }
}

fn cell(value: SqliteValueRef<'_>) -> Result<Cell<'_>, sqlx::Error> {
    if value.is_null() {
        return Ok(Cell::Null);
    }
    let kind = value.type_info();
    let cell = match kind.name() {
        "INTEGER" => {
            Cell::Integer(<i64 as Decode<Sqlite>>::decode(value).map_err(sqlx::Error::Decode)?)
        }
        "REAL" => Cell::Real(<f64 as Decode<Sqlite>>::decode(value).map_err(sqlx::Error::Decode)?),
        name => {
            let is_text = name == "TEXT";
            let bytes = <&[u8] as Decode<Sqlite>>::decode(value).map_err(sqlx::Error::Decode)?;
            match std::str::from_utf8(bytes) {
                Ok(text) if is_text => Cell::Text(text),
                _ => Cell::Blob(bytes),
            }
        }
    };
    Ok(cell)
}

impl Column {
    fn field(&self) -> Field {
        let kind = match self.values {
            Values::Null(_) => DataType::Null,
            Values::Integer(_) => DataType::Int64,
            Values::Real(_) => DataType::Float64,
            Values::Text(_) => DataType::Utf8,
            Values::Blob(_) => DataType::Binary,
        };
        let field = Field::new(&self.name, kind, true);
        if self.mixed {
            field.with_metadata([(DATABASE_TYPE.to_owned(), "mixed".to_owned())])
        } else {
            field
        }
    }

    /// Appends a value and gives its size in bytes.
    fn push(&mut self, cell: Cell<'_>) -> usize {
        match (&mut self.values, cell) {
            (Values::Null(count), Cell::Null) => *count += 1,
            (Values::Integer(values), Cell::Null) => values.append_null(),
            (Values::Real(values), Cell::Null) => values.append_null(),
            (Values::Text(values), Cell::Null) => values.append_null(),
            (Values::Blob(values), Cell::Null) => values.append_null(),
            (Values::Integer(values), Cell::Integer(number)) => {
                self.large |= number.unsigned_abs() > EXACT_IN_FLOAT;
                values.append_value(number);
            }
            (Values::Real(values), Cell::Real(number)) => values.append_value(number),
            (Values::Real(values), Cell::Integer(number))
                if number.unsigned_abs() <= EXACT_IN_FLOAT =>
            {
                values.append_value(number as f64);
            }
            (Values::Text(values), Cell::Text(text)) => {
                values.append_value(text);
                return text.len();
            }
            (Values::Blob(values), Cell::Blob(bytes)) => {
                values.append_value(bytes);
                return bytes.len();
            }
            (Values::Text(values), cell) => {
                self.mixed = true;
                let text = exact_text(cell);
                values.append_value(&text);
                return text.len();
            }
            (_, cell) => {
                self.widen(cell);
                return self.push(cell);
            }
        }
        8
    }

    /// Takes the type that the values so far and this one share.
    fn widen(&mut self, cell: Cell<'_>) {
        let wider = match (&self.values, cell) {
            (Values::Null(_), Cell::Integer(_)) => Values::Integer(Int64Builder::new()),
            (Values::Null(_), Cell::Real(_)) => Values::Real(Float64Builder::new()),
            (Values::Null(_), Cell::Blob(_)) => Values::Blob(BinaryBuilder::new()),
            (Values::Integer(_), Cell::Real(_)) if !self.large => {
                Values::Real(Float64Builder::new())
            }
            _ => Values::Text(StringBuilder::new()),
        };
        self.mixed = matches!(wider, Values::Text(_)) && !matches!(self.values, Values::Null(_));
        let before = self.finish();
        let column = text::Column::new(&before);
        self.values = wider;
        for row in 0..before.len() {
            match (&mut self.values, column.text(row)) {
                (Values::Null(count), _) => *count += 1,
                (Values::Integer(values), _) => values.append_null(),
                (Values::Real(values), text) => {
                    values.append_option(text.and_then(|text| text.parse().ok()));
                }
                (Values::Blob(values), _) => values.append_null(),
                (Values::Text(values), text) => values.append_option(text),
            }
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match &mut self.values {
            Values::Null(count) => Arc::new(NullArray::new(std::mem::take(count))),
            Values::Integer(values) => Arc::new(values.finish()),
            Values::Real(values) => Arc::new(values.finish()),
            Values::Text(values) => Arc::new(values.finish()),
            Values::Blob(values) => Arc::new(values.finish()),
        }
    }
}

/// The text of one value, from the one place that makes texts.
fn exact_text(cell: Cell<'_>) -> String {
    let array: ArrayRef = match cell {
        Cell::Null => return String::new(),
        Cell::Text(text) => return text.to_owned(),
        Cell::Integer(number) => return number.to_string(),
        Cell::Real(number) => Arc::new(arrow::array::Float64Array::from(vec![number])),
        Cell::Blob(bytes) => Arc::new(arrow::array::BinaryArray::from(vec![bytes])),
    };
    text::Column::new(&array)
        .text(0)
        .map(|text| text.to_string())
        .unwrap_or_default()
}
