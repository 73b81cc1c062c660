//! A result: Arrow record batches, whole or on their way, and everything that turns them into text and files.
//!
//! This module never talks to a database or to Redis.

mod columnar;
mod compare;
pub mod csv;
pub mod decimal;
mod export;
mod guard;
mod human;
mod json;
mod names;
mod output;
mod stream;
pub mod text;
mod widen;

pub use compare::{Comparison, Difference, Order};
pub use csv::{Checksum, CsvOptions, CsvWriter};
pub use export::{
    ExportError, ExportOptions, Exported, Exporter, Format, Progress, Target, export,
};
pub use human::HumanTable;
pub use names::{Renamed, unique_names};
pub(crate) use output::{Output, shown};
pub use output::{STDOUT, WriteError, discard_unfinished, write_whole};
pub use stream::{BatchSender, BatchStream, Interrupted};
pub use widen::widen;

use arrow::array::{Array, ArrayRef};
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;

/// Field metadata that names the database's own type (`numeric`, `json`, `interval`...) of a column that travels as
/// exact text or in a wider Arrow type.
pub const DATABASE_TYPE: &str = "lookaside.type";

/// A whole result in memory. Every batch has this table's schema.
#[derive(Clone, Debug)]
pub struct Table {
    /// Names and types of the columns.
    pub schema: SchemaRef,
    /// The rows, in order.
    pub batches: Vec<RecordBatch>,
}

impl Table {
    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }

    /// Bytes of memory that the rows occupy.
    pub fn bytes(&self) -> usize {
        self.batches.iter().map(bytes_of).sum()
    }
}

/// Bytes of memory that a batch's rows occupy. What columns share, as those of a decoded chunk do, is counted once.
pub fn bytes_of(batch: &RecordBatch) -> usize {
    let column = |column: &ArrayRef| {
        let slice = column.to_data().get_slice_memory_size();
        slice.unwrap_or_else(|_| column.get_array_memory_size())
    };
    batch.columns().iter().map(column).sum()
}
