//! Parquet and Arrow IPC files, whose types are fixed before the first row.
//!
//! Where a column widens on the way, what was written so far is read back, widened and written again: memory stays
//! bounded, and no value is lost.

use std::fs::File;
use std::io::{self, Seek, Write};
use std::path::PathBuf;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::ipc::CompressionType;
use arrow::ipc::reader::FileReader;
use arrow::ipc::writer::{FileWriter, IpcWriteOptions};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

use super::names::{unique_names, with_names};
use super::widen;

/// Bytes of rows that a Parquet row group gathers in memory.
const ROW_GROUP: usize = 64 << 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    Arrow,
    Parquet,
}

enum Inner {
    Arrow(Box<FileWriter<File>>),
    Parquet(Box<ArrowWriter<File>>),
}

/// Writes batches into a file that it may also read and rewrite.
pub(super) struct Columnar {
    layout: Layout,
    inner: Inner,
    names: Vec<String>,
    schema: SchemaRef,
    /// Where a scratch copy goes while the file is rewritten: beside the file, where there is room for it.
    scratch: PathBuf,
}

impl Columnar {
    pub(super) fn new(
        layout: Layout,
        file: File,
        schema: &SchemaRef,
        scratch: PathBuf,
    ) -> io::Result<Self> {
        let (names, _) = unique_names(schema);
        let schema = with_names(schema, &names);
        let inner = Inner::new(layout, file, &schema)?;
        Ok(Self {
            layout,
            inner,
            names,
            schema,
            scratch,
        })
    }

    pub(super) fn write(&mut self, batch: &RecordBatch) -> io::Result<()> {
        let wanted = with_names(batch.schema_ref(), &self.names);
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        let batch = RecordBatch::try_new_with_options(
            Arc::clone(&wanted),
            batch.columns().to_vec(),
            &options,
        )
        .map_err(arrow_error)?;
        if wanted != self.schema {
            let current = widen(&RecordBatch::new_empty(Arc::clone(&self.schema)), &wanted);
            if current.schema_ref() == &wanted {
                self.rewrite(wanted)?;
            } else {
                // Narrower again: a cached chunk keeps its own types, and the file has wider ones already.
                return self.inner.write(&widen(&batch, &self.schema));
            }
        }
        self.inner.write(&batch)
    }

    /// Rows that are in memory only count when they are written out.
    pub(super) fn bytes(&self) -> u64 {
        match &self.inner {
            Inner::Arrow(writer) => writer.get_ref().stream_position_hint(),
            Inner::Parquet(writer) => (writer.bytes_written() + writer.in_progress_size()) as u64,
        }
    }

    /// Completes the file and gives it back, at its start.
    pub(super) fn finish(self) -> io::Result<File> {
        self.inner.finish()
    }

    fn rewrite(&mut self, schema: SchemaRef) -> io::Result<()> {
        let mut copy = tempfile::tempfile_in(&self.scratch)?;
        let placeholder = Inner::new(
            Layout::Arrow,
            tempfile::tempfile_in(&self.scratch)?,
            &schema,
        )?;
        let mut file = std::mem::replace(&mut self.inner, placeholder).finish()?;
        io::copy(&mut file, &mut copy)?;
        copy.rewind()?;
        file.set_len(0)?;
        file.rewind()?;
        self.inner = Inner::new(self.layout, file, &schema)?;
        match self.layout {
            Layout::Arrow => {
                for batch in FileReader::try_new(copy, None).map_err(arrow_error)? {
                    self.inner
                        .write(&widen(&batch.map_err(arrow_error)?, &schema))?;
                }
            }
            Layout::Parquet => {
                let reader = ParquetRecordBatchReaderBuilder::try_new(copy)
                    .and_then(|reader| reader.with_batch_size(8_192).build());
                for batch in reader.map_err(parquet_error)? {
                    self.inner
                        .write(&widen(&batch.map_err(arrow_error)?, &schema))?;
                }
            }
        }
        self.schema = schema;
        Ok(())
    }
}

impl Inner {
    fn new(layout: Layout, file: File, schema: &SchemaRef) -> io::Result<Self> {
        match layout {
            Layout::Arrow => {
                let options = IpcWriteOptions::default()
                    .try_with_compression(Some(CompressionType::LZ4_FRAME))
                    .map_err(arrow_error)?;
                let writer =
                    FileWriter::try_new_with_options(file, schema, options).map_err(arrow_error)?;
                Ok(Self::Arrow(Box::new(writer)))
            }
            Layout::Parquet => {
                let properties = WriterProperties::builder()
                    .set_compression(Compression::SNAPPY)
                    .build();
                let writer = ArrowWriter::try_new(file, Arc::clone(schema), Some(properties))
                    .map_err(parquet_error)?;
                Ok(Self::Parquet(Box::new(writer)))
            }
        }
    }

    fn write(&mut self, batch: &RecordBatch) -> io::Result<()> {
        match self {
            Self::Arrow(writer) => writer.write(batch).map_err(arrow_error),
            Self::Parquet(writer) => {
                writer.write(batch).map_err(parquet_error)?;
                if writer.in_progress_size() > ROW_GROUP {
                    writer.flush().map_err(parquet_error)?;
                }
                Ok(())
            }
        }
    }

    fn finish(self) -> io::Result<File> {
        let mut file = match self {
            Self::Arrow(mut writer) => {
                writer.finish().map_err(arrow_error)?;
                writer.into_inner().map_err(arrow_error)?
            }
            Self::Parquet(writer) => writer.into_inner().map_err(parquet_error)?,
        };
        file.flush()?;
        file.rewind()?;
        Ok(file)
    }
}

trait PositionHint {
    fn stream_position_hint(&self) -> u64;
}

impl PositionHint for File {
    fn stream_position_hint(&self) -> u64 {
        let mut file = self;
        file.stream_position().unwrap_or_default()
    }
}

/// The operating system's error where there is one inside, so that a full disk is told as such.
fn arrow_error(error: ArrowError) -> io::Error {
    match error {
        ArrowError::IoError(_, inner) => inner,
        ArrowError::ExternalError(inner) => unwrapped(inner),
        other => io::Error::other(other.to_string()),
    }
}

fn parquet_error(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(inner) => unwrapped(inner),
        other => io::Error::other(other.to_string()),
    }
}

fn unwrapped(inner: Box<dyn std::error::Error + Send + Sync>) -> io::Error {
    match inner.downcast::<io::Error>() {
        Ok(error) => *error,
        Err(other) => io::Error::other(other),
    }
}
