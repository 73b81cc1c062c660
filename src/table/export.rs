//! The one way in which rows become a file or a stream, for the window and the command line.

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::columnar::{Columnar, Layout};
use super::csv::{Checksum, CsvOptions, CsvWriter, Hashing};
use super::json::JsonWriter;
use super::names::{Renamed, unique_names};
use super::output::{Output, WriteError};
use super::stream::{BatchStream, Interrupted};

/// A file format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// RFC 4180.
    #[default]
    Csv,
    /// One array of objects.
    Json,
    /// An Arrow IPC file, LZ4.
    Arrow,
    /// Parquet, Snappy.
    Parquet,
}

impl Format {
    /// Every format, in the order in which a dialog offers them.
    pub const ALL: [Self; 4] = [Self::Csv, Self::Json, Self::Parquet, Self::Arrow];

    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Csv => "CSV",
            Self::Json => "JSON",
            Self::Arrow => "Arrow",
            Self::Parquet => "Parquet",
        }
    }

    /// The ending of its files.
    pub fn ending(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Json => "json",
            Self::Arrow => "arrow",
            Self::Parquet => "parquet",
        }
    }

    /// The format that a file's ending stands for.
    pub fn of_path(path: &std::path::Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "csv" => Some(Self::Csv),
            "json" => Some(Self::Json),
            "arrow" | "feather" | "ipc" => Some(Self::Arrow),
            "parquet" => Some(Self::Parquet),
            _ => None,
        }
    }
}

/// How rows are exported.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExportOptions {
    /// The format.
    pub format: Format,
    /// How CSV is written.
    pub csv: CsvOptions,
    /// Also compute the SHA-256 of the canonical CSV form, whatever the format.
    pub checksum: bool,
}

/// Where an export goes.
pub enum Target {
    /// A file, replaced only when the new one is complete.
    File(PathBuf),
    /// A stream, with its name for messages.
    Stream(Box<dyn Write + Send>, String),
}

/// How far an export is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Rows written.
    pub rows: u64,
    /// Bytes of the file so far.
    pub bytes: u64,
}

impl ExportOptions {
    /// Options for a list with text from unknown authors, such as the names of keys: in CSV, no cell is a formula.
    pub fn guarded(format: Format) -> Self {
        Self {
            format,
            csv: CsvOptions {
                guard: true,
                ..CsvOptions::default()
            },
            ..Self::default()
        }
    }
}

/// A finished export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported {
    /// Rows written.
    pub rows: u64,
    /// Bytes of the file.
    pub bytes: u64,
    /// Columns under another name, because the format needs unique ones.
    pub renamed: Vec<Renamed>,
    /// SHA-256 of the canonical CSV form where it was asked for.
    pub sha256: Option<String>,
}

/// Why there is no file. What stood at the target before still does.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ExportError<E> {
    /// The rows ended with an error.
    #[error(transparent)]
    Rows(E),
    /// The user cancelled.
    #[error("cancelled; nothing was written")]
    Cancelled,
    /// The file could not be written.
    #[error(transparent)]
    Write(WriteError),
}

/// How long a cancelled export waits for its writer to take back what it wrote.
const TAKE_BACK: Duration = Duration::from_secs(1);

/// Resolves some time after the export was cancelled.
async fn given_up(cancel: &CancellationToken) {
    cancel.cancelled().await;
    tokio::time::sleep(TAKE_BACK).await;
}

/// Writes rows as they come. The query ends when the export is cancelled, fails or is dropped; writing goes on beside
/// reading, on a thread of its own.
pub async fn export<E: From<Interrupted>>(
    mut rows: BatchStream<E>,
    target: Target,
    options: ExportOptions,
    mut progress: impl FnMut(Progress) + Send + 'static,
    cancel: CancellationToken,
) -> Result<Exported, ExportError<E>> {
    let schema = SchemaRef::clone(rows.schema());
    let (sender, mut batches) = mpsc::channel::<Message>(2);
    let writing = tokio::task::spawn_blocking(move || {
        let mut exporter = Exporter::new(target, &schema, options)?;
        loop {
            match batches.blocking_recv() {
                Some(Message::Batch(batch)) => {
                    exporter.write(&batch)?;
                    progress(exporter.progress());
                }
                Some(Message::Done) => return exporter.finish().map(Some),
                // Without the word "done" the rows were not all there: drop what is written.
                None => return Ok(None),
            }
        }
    });
    let mut failed = None;
    loop {
        let next = tokio::select! {
            biased;
            () = cancel.cancelled() => {
                failed = Some(ExportError::Cancelled);
                break;
            }
            next = rows.next() => next,
            // The writer has failed: the next row may be long in coming.
            () = sender.closed() => break,
        };
        let message = match next {
            Some(Ok(batch)) => Message::Batch(batch),
            Some(Err(error)) => {
                failed = Some(ExportError::Rows(error));
                break;
            }
            None => Message::Done,
        };
        let last = matches!(message, Message::Done);
        // A writer that failed has closed the queue; its error follows below. One that writes into a pipe that is
        // not read has not.
        let sent = tokio::select! {
            biased;
            sent = sender.send(message) => sent,
            () = cancel.cancelled() => {
                failed = Some(ExportError::Cancelled);
                break;
            }
        };
        if sent.is_err() || last {
            break;
        }
    }
    drop(sender);
    drop(rows);
    let written = tokio::select! {
        written = writing => written,
        // What it wrote is taken back by then, unless it hangs in a pipe.
        () = given_up(&cancel) => return Err(ExportError::Cancelled),
    };
    if let Some(failed) = failed {
        return Err(failed);
    }
    match written {
        Ok(Ok(Some(exported))) => Ok(exported),
        Ok(Ok(None)) => Err(ExportError::Rows(Interrupted.into())),
        Ok(Err(error)) => Err(ExportError::Write(error)),
        Err(_) => Err(ExportError::Write(WriteError {
            message: "the export stopped unexpectedly; nothing was written".to_owned(),
            broken_pipe: false,
        })),
    }
}

enum Message {
    Batch(RecordBatch),
    Done,
}

type Out = Box<dyn Write + Send>;

enum Writer {
    Csv(CsvWriter<Out>),
    HashedCsv(CsvWriter<Hashing<Out>>),
    Json(JsonWriter<Out>),
    Columnar(Box<Columnar>),
}

/// The synchronous half of [`export`]: a file under way. Dropped before [`Exporter::finish`] it leaves no trace.
pub struct Exporter {
    writer: Writer,
    checksum: Option<Checksum>,
    destination: Destination,
    name: String,
    rows: u64,
    renamed: Vec<Renamed>,
}

enum Destination {
    File(Output),
    /// The stream itself belongs to the writer.
    Stream,
    /// Formats that must be rewritten where a column widens go to the stream when they are complete.
    Spooled(Out),
}

impl Exporter {
    /// Opens the target.
    pub fn new(
        target: Target,
        schema: &SchemaRef,
        options: ExportOptions,
    ) -> Result<Self, WriteError> {
        options.csv.check().map_err(|message| WriteError {
            message,
            broken_pipe: false,
        })?;
        let name = match &target {
            Target::File(path) => super::output::shown(path),
            Target::Stream(_, name) => name.clone(),
        };
        Self::open(target, schema, options, name.clone()).map_err(|error| match error {
            Opening::Io(error) => WriteError::new(&error, &name),
            Opening::Write(error) => error,
        })
    }

    fn open(
        target: Target,
        schema: &SchemaRef,
        options: ExportOptions,
        name: String,
    ) -> Result<Self, Opening> {
        let layout = match options.format {
            Format::Arrow => Some(Layout::Arrow),
            Format::Parquet => Some(Layout::Parquet),
            Format::Csv | Format::Json => None,
        };
        let keyed = options.format != Format::Csv;
        let hashed =
            options.checksum && options.format == Format::Csv && options.csv.is_canonical();
        let spool = |schema: &SchemaRef, layout| -> io::Result<Writer> {
            let folder = std::env::temp_dir();
            let file = tempfile::tempfile_in(&folder)?;
            Ok(Writer::Columnar(Box::new(Columnar::new(
                layout, file, schema, folder,
            )?)))
        };
        let text = |out: Out| match options.format {
            Format::Json => Writer::Json(JsonWriter::new(out, schema)),
            _ if hashed => Writer::HashedCsv(CsvWriter::new(
                Hashing::new(out),
                schema,
                options.csv.clone(),
            )),
            _ => Writer::Csv(CsvWriter::new(out, schema, options.csv.clone())),
        };
        let (writer, destination) = match (target, layout) {
            (Target::File(path), None) => {
                let output = Output::create(&path)?;
                (text(Box::new(output.handle()?)), Destination::File(output))
            }
            (Target::File(path), Some(layout)) => {
                let output = Output::create(&path)?;
                if output.is_file() {
                    let writer = Columnar::new(layout, output.handle()?, schema, output.folder())?;
                    (
                        Writer::Columnar(Box::new(writer)),
                        Destination::File(output),
                    )
                } else {
                    (
                        spool(schema, layout)?,
                        Destination::Spooled(Box::new(output.handle()?)),
                    )
                }
            }
            (Target::Stream(out, _), None) => (text(out), Destination::Stream),
            (Target::Stream(out, _), Some(layout)) => {
                (spool(schema, layout)?, Destination::Spooled(out))
            }
        };
        Ok(Self {
            writer,
            checksum: (options.checksum && !hashed).then(|| Checksum::new(schema)),
            destination,
            name,
            rows: 0,
            renamed: if keyed {
                unique_names(schema).1
            } else {
                Vec::new()
            },
        })
    }

    /// Writes the rows of a batch, whose columns may be wider than before.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), WriteError> {
        match &mut self.writer {
            Writer::Csv(writer) => writer.write(batch),
            Writer::HashedCsv(writer) => writer.write(batch),
            Writer::Json(writer) => writer.write(batch),
            Writer::Columnar(writer) => writer.write(batch),
        }
        .map_err(|error| WriteError::new(&error, &self.name))?;
        if let Some(checksum) = &mut self.checksum {
            checksum.update(batch);
        }
        self.rows += batch.num_rows() as u64;
        Ok(())
    }

    /// How far it is.
    pub fn progress(&self) -> Progress {
        let bytes = match &self.writer {
            Writer::Csv(writer) => writer.bytes(),
            Writer::HashedCsv(writer) => writer.bytes(),
            Writer::Json(writer) => writer.bytes(),
            Writer::Columnar(writer) => writer.bytes(),
        };
        Progress {
            rows: self.rows,
            bytes,
        }
    }

    /// Completes the file and gives it its name.
    pub fn finish(self) -> Result<Exported, WriteError> {
        let name = self.name.clone();
        self.complete()
            .map_err(|error| WriteError::new(&error, &name))
    }

    fn complete(self) -> io::Result<Exported> {
        let mut sha256 = self.checksum.map(Checksum::finish);
        let bytes = match self.writer {
            Writer::Csv(writer) => {
                let bytes = writer.bytes();
                writer.finish()?;
                bytes
            }
            Writer::HashedCsv(writer) => {
                let bytes = writer.bytes();
                let (_, hash) = writer.finish()?.finish();
                sha256 = Some(hash);
                bytes
            }
            Writer::Json(writer) => writer.finish()?,
            Writer::Columnar(writer) => {
                let mut file = writer.finish()?;
                let bytes = file.metadata()?.len();
                if let Destination::Spooled(mut out) = self.destination {
                    io::copy(&mut file, &mut out)?;
                    out.flush()?;
                    return Ok(Exported {
                        rows: self.rows,
                        bytes,
                        renamed: self.renamed,
                        sha256,
                    });
                }
                bytes
            }
        };
        if let Destination::File(output) = self.destination {
            output.commit()?;
        }
        Ok(Exported {
            rows: self.rows,
            bytes,
            renamed: self.renamed,
            sha256,
        })
    }
}

/// Why a target could not be opened.
enum Opening {
    Io(io::Error),
    Write(WriteError),
}

impl From<io::Error> for Opening {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<WriteError> for Opening {
    fn from(error: WriteError) -> Self {
        Self::Write(error)
    }
}
