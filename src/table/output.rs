//! Where an export goes: a temporary file beside the target that takes its name only when it is complete, or a stream.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// A file was not written; nothing that was there before is lost. One sentence with cause and remedy.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct WriteError {
    /// Cause and remedy.
    pub message: String,
    /// Whoever read the stream has gone (`| head`), which is no failure of ours.
    pub broken_pipe: bool,
}

impl WriteError {
    /// What an error of the operating system means for whoever wants `target` ("standard output", a path).
    pub fn new(error: &io::Error, target: &str) -> Self {
        use io::ErrorKind as K;
        let why = match error.kind() {
            K::StorageFull => {
                "the disk is full; free some space or choose another folder".to_owned()
            }
            K::QuotaExceeded => {
                "your disk quota is used up; free some space or choose another folder".to_owned()
            }
            K::FileTooLarge => {
                "the file would be larger than is allowed there; choose another folder".to_owned()
            }
            K::PermissionDenied => "you may not write there; choose another folder".to_owned(),
            K::ReadOnlyFilesystem => {
                "the file system is read-only; choose another folder".to_owned()
            }
            K::NotFound | K::NotADirectory => {
                "its folder does not exist; make it first or choose another".to_owned()
            }
            K::IsADirectory => "it is a folder; give the name of a file".to_owned(),
            _ => format!("{error}; try another folder"),
        };
        Self {
            message: format!("{target} was not written: {why}"),
            broken_pipe: error.kind() == K::BrokenPipe,
        }
    }
}

/// A file under way. Dropping it without [`Output::commit`] leaves no trace, and the old file as it was.
pub(crate) struct Output {
    target: PathBuf,
    temporary: Option<NamedTempFile>,
    file: File,
}

impl Output {
    /// Opens a temporary file beside `path`; a device or a pipe is written directly.
    pub(crate) fn create(path: &Path) -> Result<Self, WriteError> {
        let explain = |error: &io::Error| WriteError::new(error, &path.display().to_string());
        if path.is_dir() {
            return Err(explain(&io::Error::from(io::ErrorKind::IsADirectory)));
        }
        // A link keeps pointing where it points: the file behind it is replaced.
        let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let existing = fs::metadata(&target).ok();
        if existing
            .as_ref()
            .is_some_and(|existing| !existing.is_file())
        {
            let file = File::options()
                .write(true)
                .open(&target)
                .map_err(|error| explain(&error))?;
            return Ok(Self {
                target,
                temporary: None,
                file,
            });
        }
        if existing
            .as_ref()
            .is_some_and(|existing| existing.permissions().readonly())
        {
            return Err(explain(&io::Error::from(io::ErrorKind::PermissionDenied)));
        }
        let folder = folder_of(&target);
        let mut builder = tempfile::Builder::new();
        builder.prefix(".lookaside-").suffix(".part");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            // The usual permissions of a new file (the umask applies), not the private ones of a temporary file.
            builder.permissions(fs::Permissions::from_mode(0o666));
        }
        let temporary = builder
            .tempfile_in(&folder)
            .map_err(|error| explain(&error))?;
        if let Some(existing) = existing {
            temporary
                .as_file()
                .set_permissions(existing.permissions())
                .map_err(|error| explain(&error))?;
        }
        let file = temporary.reopen().map_err(|error| explain(&error))?;
        Ok(Self {
            target,
            temporary: Some(temporary),
            file,
        })
    }

    /// A handle to write through.
    pub(crate) fn handle(&self) -> io::Result<File> {
        self.file.try_clone()
    }

    /// Whether what was written can be read back and rewritten.
    pub(super) fn is_file(&self) -> bool {
        self.temporary.is_some()
    }

    /// The folder of the file, for scratch files.
    pub(super) fn folder(&self) -> PathBuf {
        if self.is_file() {
            folder_of(&self.target)
        } else {
            std::env::temp_dir()
        }
    }

    /// Gives the complete file its name. Its rows are on the disk before that: a machine that fails must not leave the
    /// name with half of them, and a disk that only then says that it is full is an error too.
    pub(crate) fn commit(self) -> io::Result<()> {
        let Some(temporary) = self.temporary else {
            return Ok(());
        };
        temporary.as_file().sync_all()?;
        temporary
            .persist(&self.target)
            .map_err(|failed| failed.error)?;
        // The name itself. The file is whole either way, and not every file system can do this.
        #[cfg(unix)]
        if let Ok(folder) = File::open(folder_of(&self.target)) {
            let _ = folder.sync_all();
        }
        Ok(())
    }
}

fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}
