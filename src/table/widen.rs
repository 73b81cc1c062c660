//! Casting the columns of an early batch to the types that a later one needed.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, LargeStringBuilder, StringBuilder, new_null_array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};

use super::text::Column;

/// `batch` with each column in the type that `schema` has for it, as text where that is wider.
///
/// The text of every value stays the same. A column that cannot take the type without losing something (no source
/// makes one) keeps its own.
pub fn widen(batch: &RecordBatch, schema: &SchemaRef) -> RecordBatch {
    if batch.schema_ref() == schema || batch.num_columns() != schema.fields().len() {
        return batch.clone();
    }
    let columns: Vec<ArrayRef> = batch
        .columns()
        .iter()
        .zip(schema.fields())
        .map(|(column, field)| cast(column, field.data_type()))
        .collect();
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    if let Ok(widened) =
        RecordBatch::try_new_with_options(Arc::clone(schema), columns.clone(), &options)
    {
        return widened;
    }
    // The promise "not nullable" of the schema, or a type that could not be reached, does not hold for this batch.
    let fields: Vec<Field> = schema
        .fields()
        .iter()
        .zip(&columns)
        .map(|(field, column)| {
            field
                .as_ref()
                .clone()
                .with_data_type(column.data_type().clone())
                .with_nullable(true)
        })
        .collect();
    let own = Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()));
    RecordBatch::try_new_with_options(own, columns, &options).unwrap_or_else(|_| batch.clone())
}

fn cast(column: &ArrayRef, to: &DataType) -> ArrayRef {
    match to {
        same if same == column.data_type() => Arc::clone(column),
        _ if column.data_type() == &DataType::Null => new_null_array(to, column.len()),
        DataType::Utf8 => as_text(column),
        DataType::LargeUtf8 => as_large_text(column),
        _ => losslessly(column, to).unwrap_or_else(|| Arc::clone(column)),
    }
}

/// Arrow's own cast (an integer to a wider one, say), taken only where no text changes.
fn losslessly(column: &ArrayRef, to: &DataType) -> Option<ArrayRef> {
    let options = arrow::compute::CastOptions {
        safe: false,
        ..Default::default()
    };
    let cast = arrow::compute::cast_with_options(column, to, &options).ok()?;
    let (before, after) = (Column::new(column), Column::new(&cast));
    (0..column.len())
        .all(|row| before.text(row) == after.text(row))
        .then_some(cast)
}

fn as_text(column: &ArrayRef) -> ArrayRef {
    let values = Column::new(column);
    let mut builder = StringBuilder::with_capacity(column.len(), column.len() * 8);
    for row in 0..column.len() {
        builder.append_option(values.text(row));
    }
    Arc::new(builder.finish())
}

fn as_large_text(column: &ArrayRef) -> ArrayRef {
    let values = Column::new(column);
    let mut builder = LargeStringBuilder::with_capacity(column.len(), column.len() * 8);
    for row in 0..column.len() {
        builder.append_option(values.text(row));
    }
    Arc::new(builder.finish())
}
