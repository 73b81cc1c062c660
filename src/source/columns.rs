//! Rows into Arrow batches: one builder a column, filled value by value and emptied batch by batch.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryBuilder, BooleanBuilder, Date32Builder, Decimal128Builder, Decimal256Builder,
    Float32Builder, Float64Builder, Int8Builder, Int16Builder, Int32Builder, Int64Builder,
    StringArray, StringBuilder, Time64MicrosecondBuilder, TimestampMicrosecondBuilder,
    UInt8Builder, UInt16Builder, UInt32Builder, UInt64Builder,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};

use super::SourceError;
use crate::table::{self, DATABASE_TYPE};

/// The first batch is small, so that a first page is there early.
const FIRST_ROWS: usize = 256;
/// Rows in a later batch.
const ROWS: usize = 8192;
/// A batch is also full when its values take this many bytes, so that huge cells do not add up.
const BYTES: usize = 1 << 20;
/// The zone of a UTC timestamp in Arrow.
pub(super) const UTC: &str = "+00:00";

macro_rules! builders {
    ($($name:ident($builder:ty)),* $(,)?) => {
        /// The values of a column so far, in its Arrow type.
        #[derive(Debug)]
        pub(super) enum Builder { $($name($builder)),* }

        impl Builder {
            /// Appends NULL.
            pub(super) fn append_null(&mut self) {
                match self { $(Self::$name(builder) => builder.append_null()),* }
            }

            fn finish(&mut self) -> ArrayRef {
                match self { $(Self::$name(builder) => Arc::new(builder.finish())),* }
            }
        }
    };
}

builders! {
    Boolean(BooleanBuilder),
    Int8(Int8Builder),
    Int16(Int16Builder),
    Int32(Int32Builder),
    Int64(Int64Builder),
    UInt8(UInt8Builder),
    UInt16(UInt16Builder),
    UInt32(UInt32Builder),
    UInt64(UInt64Builder),
    Float32(Float32Builder),
    Float64(Float64Builder),
    Decimal128(Decimal128Builder),
    Decimal256(Decimal256Builder),
    Date(Date32Builder),
    Time(Time64MicrosecondBuilder),
    Timestamp(TimestampMicrosecondBuilder),
    Text(StringBuilder),
    Binary(BinaryBuilder),
}

impl Builder {
    /// An empty builder for a type. Types that no source makes become text.
    fn new(kind: &DataType) -> Self {
        match kind {
            DataType::Boolean => Self::Boolean(BooleanBuilder::new()),
            DataType::Int8 => Self::Int8(Int8Builder::new()),
            DataType::Int16 => Self::Int16(Int16Builder::new()),
            DataType::Int32 => Self::Int32(Int32Builder::new()),
            DataType::Int64 => Self::Int64(Int64Builder::new()),
            DataType::UInt8 => Self::UInt8(UInt8Builder::new()),
            DataType::UInt16 => Self::UInt16(UInt16Builder::new()),
            DataType::UInt32 => Self::UInt32(UInt32Builder::new()),
            DataType::UInt64 => Self::UInt64(UInt64Builder::new()),
            DataType::Float32 => Self::Float32(Float32Builder::new()),
            DataType::Float64 => Self::Float64(Float64Builder::new()),
            DataType::Decimal128(..) => {
                Self::Decimal128(Decimal128Builder::new().with_data_type(kind.clone()))
            }
            DataType::Decimal256(..) => {
                Self::Decimal256(Decimal256Builder::new().with_data_type(kind.clone()))
            }
            DataType::Date32 => Self::Date(Date32Builder::new()),
            DataType::Time64(TimeUnit::Microsecond) => Self::Time(Time64MicrosecondBuilder::new()),
            DataType::Timestamp(TimeUnit::Microsecond, _) => {
                Self::Timestamp(TimestampMicrosecondBuilder::new().with_data_type(kind.clone()))
            }
            DataType::Binary => Self::Binary(BinaryBuilder::new()),
            _ => Self::Text(StringBuilder::new()),
        }
    }
}

/// A column on its way: its Arrow type, the database's name for it, and its values so far.
#[derive(Debug)]
pub(super) struct Column {
    name: String,
    kind: DataType,
    database_type: String,
    /// Values that are not in a batch yet.
    pub(super) builder: Builder,
}

impl Column {
    /// An empty column. `database_type` is kept in the field's metadata where the Arrow type alone does not say it.
    pub(super) fn new(name: &str, kind: DataType, database_type: &str) -> Self {
        let builder = Builder::new(&kind);
        Self {
            name: name.to_owned(),
            builder,
            kind,
            database_type: database_type.to_owned(),
        }
    }

    /// Appends text, which makes it a text column if it is not one yet.
    pub(super) fn append_text(&mut self, text: &str) {
        self.widen_to_text();
        if let Builder::Text(builder) = &mut self.builder {
            builder.append_value(text);
        }
    }

    /// From now on every value is exact text; the ones that wait for their batch are converted.
    pub(super) fn widen_to_text(&mut self) {
        if self.kind != DataType::Utf8 {
            self.change_kind(DataType::Utf8);
        }
    }

    /// From now on values have another, wider type; the ones that wait for their batch are converted.
    pub(super) fn change_kind(&mut self, kind: DataType) {
        let waiting = self.builder.finish();
        let before = Arc::new(Schema::new(vec![self.field()]));
        self.kind = kind;
        self.builder = Builder::new(&self.kind);
        if waiting.is_empty() {
            return;
        }
        let after = Arc::new(Schema::new(vec![self.field()]));
        let widened = RecordBatch::try_new(before, vec![waiting])
            .map(|batch| table::widen(&batch, &after).column(0).clone());
        match (widened, &mut self.builder) {
            (Ok(array), Builder::Text(builder)) => {
                for text in array
                    .as_any()
                    .downcast_ref::<StringArray>()
                    .into_iter()
                    .flatten()
                {
                    builder.append_option(text);
                }
            }
            // Only text takes values of another type; other changes happen while all values are NULL.
            (array, builder) => {
                for _ in 0..array.map_or(0, |array| array.len()) {
                    builder.append_null();
                }
            }
        }
    }

    fn field(&self) -> Field {
        let field = Field::new(&self.name, self.kind.clone(), true);
        let says_it_all = match self.kind {
            DataType::Utf8 => matches!(
                self.database_type.as_str(),
                "text" | "varchar" | "VARCHAR" | "TEXT" | "CHAR" | "char"
            ),
            _ => true,
        };
        if says_it_all || self.database_type.is_empty() {
            field
        } else {
            field.with_metadata([(DATABASE_TYPE.to_owned(), self.database_type.clone())])
        }
    }
}

/// Collects rows and cuts them into batches.
pub(super) struct Batcher {
    /// One a column of the result; every row appends exactly one value to each.
    pub(super) columns: Vec<Column>,
    rows: usize,
    bytes: usize,
    limit: usize,
}

impl Batcher {
    pub(super) fn new(columns: Vec<Column>) -> Self {
        Self {
            columns,
            rows: 0,
            bytes: 0,
            limit: FIRST_ROWS,
        }
    }

    /// The schema that the next batch would have.
    pub(super) fn schema(&self) -> SchemaRef {
        Arc::new(Schema::new(
            self.columns.iter().map(Column::field).collect::<Vec<_>>(),
        ))
    }

    /// Counts a row whose values took about `bytes`. `true` when the batch is full: take it.
    pub(super) fn row_done(&mut self, bytes: usize) -> bool {
        self.rows += 1;
        self.bytes += bytes;
        self.rows >= self.limit || self.bytes >= BYTES
    }

    /// Whether rows wait for their batch.
    pub(super) fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// The rows so far as a batch.
    pub(super) fn take(&mut self) -> Result<RecordBatch, SourceError> {
        let schema = self.schema();
        let arrays = self
            .columns
            .iter_mut()
            .map(|column| column.builder.finish())
            .collect();
        // A result may have no columns at all (`SELECT FROM t` in PostgreSQL).
        let options = RecordBatchOptions::new().with_row_count(Some(self.rows));
        let batch =
            RecordBatch::try_new_with_options(schema, arrays, &options).map_err(|error| {
                SourceError::Other(format!("the rows do not fit together: {error}"))
            })?;
        self.rows = 0;
        self.bytes = 0;
        self.limit = ROWS;
        Ok(batch)
    }
}
