//! A whole value as a file: a string's exact bytes, the elements of anything else as one JSON object a line.

use std::io::{BufWriter, Write as _};
use std::path::Path;

use chrono::Utc;
use tokio_util::sync::CancellationToken;

use super::{About, Connection, Continue, InspectError, Kind, Value, Watch, elements_json, page};
use crate::table::{Output, WriteError, shown};

/// How many bytes of a string one request brings: large enough for speed, small enough for the server.
const PIECE: u64 = 512 * 1024;

/// Why a value did not become a file.
#[derive(Debug, thiserror::Error)]
pub enum DownloadError {
    /// The server cannot be asked.
    #[error(transparent)]
    Inspect(#[from] InspectError),
    /// The file cannot be written.
    #[error(transparent)]
    File(#[from] WriteError),
    /// The string was changed while it was read, or the key is gone.
    #[error("the value changed while it was read, so no file was written; try again")]
    Changed,
    /// The user ended it.
    #[error("the download was cancelled; no file was written")]
    Cancelled,
    /// There is nothing to write.
    #[error("a {0} has no elements that could be written to a file")]
    Nothing(String),
}

/// What became a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Saved {
    /// Bytes of a string or document, else elements.
    pub count: u64,
    /// The collection was changed while it was read: what was in it all the time is in the file, and what came or went
    /// meanwhile may be or not. Where lists grow or shrink at their head, elements may stand twice or be missing.
    pub changed: bool,
}

/// Writes the value of `about` to `path`, which keeps what it holds until the value is whole; a device or a pipe is written
/// as it comes. `progress` hears how much is done: bytes of a string, else elements.
///
/// A string that changes meanwhile is an error, for its bytes belong together.
pub async fn download(
    connection: &Connection,
    about: &About,
    path: &Path,
    cancel: &CancellationToken,
    progress: impl FnMut(u64),
) -> Result<Saved, DownloadError> {
    let target = shown(path);
    let failed = |error: &std::io::Error| WriteError::new(error, &target);
    let output = Output::create(path)?;
    let file = BufWriter::new(output.handle().map_err(|error| failed(&error))?);
    // Some servers and accounts have no watching; then lengths are all that can be compared.
    let mut watch = Watch::start(connection, &about.name).await.ok();
    let mut reading = Reading {
        connection,
        about,
        cancel,
        file,
        target: target.clone(),
        done: 0,
        progress,
    };
    if about.kind == Kind::String {
        reading.string().await?;
    } else {
        reading.elements().await?;
    }
    reading.file.flush().map_err(|error| failed(&error))?;
    let count = reading.done;
    let now = super::describe(connection, &about.name).await;
    let told = match &mut watch {
        Some(watch) => watch.was_changed(connection).await.unwrap_or(true),
        None => false,
    };
    let now = match now {
        Err(InspectError::NoKey) => return Err(DownloadError::Changed),
        now => now?,
    };
    let changed = told || now.elements != about.elements;
    if now.type_name != about.type_name || changed && about.kind == Kind::String {
        return Err(DownloadError::Changed);
    }
    output.commit().map_err(|error| failed(&error))?;
    Ok(Saved { count, changed })
}

/// A value on its way into a file.
struct Reading<'a, P> {
    connection: &'a Connection,
    about: &'a About,
    cancel: &'a CancellationToken,
    file: BufWriter<std::fs::File>,
    target: String,
    done: u64,
    progress: P,
}

impl<P: FnMut(u64)> Reading<'_, P> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), DownloadError> {
        self.file
            .write_all(bytes)
            .map_err(|error| WriteError::new(&error, &self.target).into())
    }

    async fn string(&mut self) -> Result<(), DownloadError> {
        // Where the length is not known, a short piece is the last.
        let all = self.about.elements;
        while all.is_none_or(|all| self.done < all) {
            let mut command = redis::cmd("GETRANGE");
            command
                .arg(&self.about.name)
                .arg(self.done)
                .arg(self.done + PIECE - 1);
            let piece: Vec<u8> = unless(self.cancel, self.connection.ask(&command)).await?;
            if piece.is_empty() && all.is_some() {
                return Err(DownloadError::Changed);
            }
            self.write(&piece)?;
            self.done += piece.len() as u64;
            (self.progress)(self.done);
            if all.is_none() && (piece.len() as u64) < PIECE {
                break;
            }
        }
        Ok(())
    }

    async fn elements(&mut self) -> Result<(), DownloadError> {
        let mut from: Option<Continue> = None;
        loop {
            let reading = page(self.connection, self.about, from.as_ref(), true);
            let next = unless(self.cancel, reading).await?;
            match &next.value {
                Value::Json(bytes) => {
                    self.write(bytes)?;
                    self.done += bytes.len() as u64;
                }
                value => {
                    let items = elements_json(value, Utc::now().timestamp_millis())
                        .ok_or_else(|| DownloadError::Nothing(self.about.type_name.clone()))?;
                    for item in items {
                        self.write(format!("{item}\n").as_bytes())?;
                        self.done += 1;
                    }
                }
            }
            (self.progress)(self.done);
            from = next.next;
            if from.is_none() {
                return Ok(());
            }
        }
    }
}

async fn unless<T>(
    cancel: &CancellationToken,
    work: impl Future<Output = Result<T, InspectError>>,
) -> Result<T, DownloadError> {
    tokio::select! {
        biased;
        () = cancel.cancelled() => Err(DownloadError::Cancelled),
        result = work => Ok(result?),
    }
}
