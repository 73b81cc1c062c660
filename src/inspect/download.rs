//! A whole value as a file: a string's exact bytes, the elements of anything else as one JSON object a line.

use std::io::Write as _;
use std::path::Path;

use chrono::Utc;
use tempfile::NamedTempFile;
use tokio_util::sync::CancellationToken;

use super::{About, Connection, Continue, InspectError, Kind, Value, elements_json, page};

/// How many bytes of a string one request brings: large enough for speed, small enough for the server.
const PIECE: u64 = 512 * 1024;

/// Why a value did not become a file.
#[derive(Debug, thiserror::Error)]
pub enum DownloadError {
    /// The server cannot be asked.
    #[error(transparent)]
    Inspect(#[from] InspectError),
    /// The file cannot be written.
    #[error("{0} cannot be written ({1}); choose another folder")]
    File(String, std::io::Error),
    /// The value became shorter or longer while it was read.
    #[error("the value changed while it was read, so no file was written; try again")]
    Changed,
    /// The user ended it.
    #[error("the download was cancelled; no file was written")]
    Cancelled,
    /// There is nothing to write.
    #[error("a {0} has no elements that could be written to a file")]
    Nothing(String),
}

/// Writes the value of `about` to `path`; it takes its name only once it is whole. `progress` hears how much is done: bytes
/// of a string, else elements. Answers that figure at the end.
pub async fn download(
    connection: &Connection,
    about: &About,
    path: &Path,
    cancel: &CancellationToken,
    mut progress: impl FnMut(u64),
) -> Result<u64, DownloadError> {
    let failed = |error| DownloadError::File(path.display().to_string(), error);
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let mut file = NamedTempFile::new_in(folder.unwrap_or(Path::new("."))).map_err(failed)?;
    let mut done = 0;
    if about.kind == Kind::String {
        let all = about.elements.unwrap_or_default();
        while done < all {
            let mut command = redis::cmd("GETRANGE");
            command.arg(&about.name).arg(done).arg(done + PIECE - 1);
            let piece: Vec<u8> = unless(cancel, connection.ask(&command)).await?;
            if piece.is_empty() {
                return Err(DownloadError::Changed);
            }
            file.write_all(&piece).map_err(failed)?;
            done += piece.len() as u64;
            progress(done);
        }
        let now: u64 = connection
            .ask(redis::cmd("STRLEN").arg(&about.name))
            .await?;
        if now != all || done != all {
            return Err(DownloadError::Changed);
        }
    } else {
        let mut from: Option<Continue> = None;
        loop {
            let next = unless(cancel, page(connection, about, from.as_ref(), true)).await?;
            match &next.value {
                Value::Json(bytes) => {
                    file.write_all(bytes).map_err(failed)?;
                    done += bytes.len() as u64;
                }
                value => {
                    let items = elements_json(value, Utc::now().timestamp_millis())
                        .ok_or_else(|| DownloadError::Nothing(about.type_name.clone()))?;
                    for item in items {
                        writeln!(file, "{item}").map_err(failed)?;
                        done += 1;
                    }
                }
            }
            progress(done);
            from = next.next;
            if from.is_none() {
                break;
            }
        }
    }
    file.as_file().sync_all().map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(done)
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
