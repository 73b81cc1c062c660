//! Where a file that the program writes goes: the one place that decides how it comes to its name.
//!
//! A new file is written beside its place and takes its name when it is complete. An existing one is replaced in the same
//! way where nothing is lost by that; where it belongs to another user, has other names or attributes of its own, the
//! complete rows are copied into it. A link is followed, a device or pipe is written directly, and `-` is standard output.

use std::fs::{self, File};
use std::io::{self, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use parking_lot::Mutex;
use tempfile::NamedTempFile;

/// The name that means standard output; `./-` is a file of this name.
pub const STDOUT: &str = "-";

/// So many links are followed, as many as Linux follows.
const LINKS: usize = 40;

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
            K::InvalidFilename => {
                "its name is too long or not possible there; choose another".to_owned()
            }
            _ => format!("{}; try another folder", crate::human::io_words(error)),
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
    way: Way,
    file: File,
}

/// How what is written comes to the target.
enum Way {
    /// It is written there already.
    Direct,
    /// The complete file takes the target's name.
    Rename(Part),
    /// The complete file is copied into the target, which keeps its owner, links and attributes.
    Copy(Part),
}

impl Output {
    /// Opens what is written for `path`, which keeps what it holds until [`Output::commit`].
    pub(crate) fn create(path: &Path) -> Result<Self, WriteError> {
        let opened = if path == Path::new(STDOUT) {
            stdout().map(|file| Self {
                target: path.to_owned(),
                way: Way::Direct,
                file,
            })
        } else {
            Self::open(path)
        };
        opened.map_err(|error| WriteError::new(&error, &shown(path)))
    }

    fn open(path: &Path) -> io::Result<Self> {
        let target = resolve(path)?;
        let existing = match fs::metadata(&target) {
            Ok(existing) if existing.is_dir() => {
                return Err(io::Error::from(io::ErrorKind::IsADirectory));
            }
            Ok(existing) => existing,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let part = Part::new(&folder_of(&target), Readers::Usual)?;
                return Self::beside(target, part, Way::Rename);
            }
            Err(error) => return Err(error),
        };
        if existing.permissions().readonly() {
            return Err(io::Error::from(io::ErrorKind::PermissionDenied));
        }
        // A user who may not write into the file may not replace it either, also where the folder allows it.
        let file = File::options().write(true).open(&target)?;
        if !existing.is_file() {
            return Ok(Self {
                target,
                way: Way::Direct,
                file,
            });
        }
        // A user who may not read the file must not read its new rows either.
        match Part::new(&folder_of(&target), Readers::Owner) {
            Ok(part) if can_be_replaced(&target, &existing, &part)? => {
                part.file
                    .as_file()
                    .set_permissions(existing.permissions())?;
                Self::beside(target, part, Way::Rename)
            }
            Ok(part) => Self::beside(target, part, Way::Copy),
            // A file that may be written in a folder that may not.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                let part = Part::new(&std::env::temp_dir(), Readers::Owner)?;
                Self::beside(target, part, Way::Copy)
            }
            Err(error) => Err(error),
        }
    }

    fn beside(target: PathBuf, part: Part, way: impl FnOnce(Part) -> Way) -> io::Result<Self> {
        let file = part.file.reopen()?;
        let way = way(part);
        Ok(Self { target, way, file })
    }

    /// A handle to write through.
    pub(crate) fn handle(&self) -> io::Result<File> {
        self.file.try_clone()
    }

    /// Whether what was written can be read back and rewritten.
    pub(super) fn is_file(&self) -> bool {
        !matches!(self.way, Way::Direct)
    }

    /// The folder of the file, for scratch files.
    pub(super) fn folder(&self) -> PathBuf {
        match &self.way {
            Way::Direct => std::env::temp_dir(),
            Way::Rename(part) | Way::Copy(part) => folder_of(part.file.path()),
        }
    }

    /// Gives the complete file its name. Its rows are on the disk before that: a machine that fails must not leave the
    /// name with half of them, and a disk that only then says that it is full is an error too.
    pub(crate) fn commit(self) -> io::Result<()> {
        match self.way {
            Way::Direct => Ok(()),
            Way::Rename(part) => part.rename(&self.target),
            Way::Copy(part) => part.copy(&self.target),
        }
    }
}

/// Writes a whole file: it holds what it held before, or all of `bytes`.
///
/// # Errors
///
/// Where the file cannot be written; it is then as it was.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), WriteError> {
    let output = Output::create(path)?;
    output
        .handle()
        .and_then(|mut file| file.write_all(bytes))
        .and_then(|()| output.commit())
        .map_err(|error| WriteError::new(&error, &shown(path)))
}

/// What a target is called in messages: with the file behind a link.
pub(crate) fn shown(path: &Path) -> String {
    if path == Path::new(STDOUT) {
        return "standard output".to_owned();
    }
    let name = path.display();
    match fs::read_link(path) {
        Ok(target) => format!("{name} (a link to {})", target.display()),
        Err(_) => name.to_string(),
    }
}

/// Standard output as a file of its own, which is written at the place where the other one is.
fn stdout() -> io::Result<File> {
    #[cfg(unix)]
    {
        use std::os::fd::AsFd;
        io::stdout().as_fd().try_clone_to_owned().map(File::from)
    }
    #[cfg(windows)]
    {
        use std::os::windows::io::AsHandle;
        io::stdout()
            .as_handle()
            .try_clone_to_owned()
            .map(File::from)
    }
}

/// The file behind links, also where it is not there yet.
fn resolve(path: &Path) -> io::Result<PathBuf> {
    let mut at = path.to_owned();
    for _ in 0..LINKS {
        if let Ok(target) = fs::canonicalize(&at) {
            return Ok(target);
        }
        match fs::read_link(&at) {
            Ok(next) => at = folder_of(&at).join(next),
            Err(_) => return Ok(at),
        }
    }
    Err(io::Error::other("its links lead in a circle"))
}

/// Whether a new file in its place is as good: it has one name, our owner and group, and no access list.
#[cfg(unix)]
fn can_be_replaced(target: &Path, existing: &fs::Metadata, part: &Part) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let new = part.file.as_file().metadata()?;
    Ok(existing.nlink() == 1
        && (existing.uid(), existing.gid()) == (new.uid(), new.gid())
        && !has_attributes(target))
}

#[cfg(not(unix))]
fn can_be_replaced(_: &Path, _: &fs::Metadata, _: &Part) -> io::Result<bool> {
    Ok(true)
}

/// Whether it has extended attributes, besides those that every new file gets.
#[cfg(any(target_os = "linux", target_os = "macos"))]
fn has_attributes(path: &Path) -> bool {
    let mut names = vec![0_u8; 64 * 1024];
    let read = match rustix::fs::listxattr(path, names.as_mut_slice()) {
        Ok(read) => read,
        Err(rustix::io::Errno::RANGE) => return true,
        // The file system has none.
        Err(_) => return false,
    };
    names[..read].split(|byte| *byte == 0).any(|name| {
        !name.is_empty() && name != b"security.selinux" && !name.starts_with(b"com.apple.")
    })
}

#[cfg(all(unix, not(any(target_os = "linux", target_os = "macos"))))]
fn has_attributes(_: &Path) -> bool {
    false
}

/// The temporary files that are under way.
static PARTS: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Removes every file under way, for a process that ends at once.
pub fn discard_unfinished() {
    for part in PARTS.lock().drain(..) {
        let _ = fs::remove_file(part);
    }
}

/// A temporary file under way; removed when it is dropped.
struct Part {
    file: NamedTempFile,
    _listed: Listed,
}

/// Its place in [`PARTS`].
struct Listed(PathBuf);

/// Who may read a temporary file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Readers {
    /// Its owner alone.
    Owner,
    /// Those who may read a new file: the umask applies.
    Usual,
}

impl Part {
    fn new(folder: &Path, readers: Readers) -> io::Result<Self> {
        let mut builder = tempfile::Builder::new();
        builder.prefix(".lookaside-").suffix(".part");
        #[cfg(unix)]
        if readers == Readers::Usual {
            use std::os::unix::fs::PermissionsExt;
            // A temporary file is otherwise private.
            builder.permissions(fs::Permissions::from_mode(0o666));
        }
        #[cfg(not(unix))]
        let _ = readers;
        let file = builder.tempfile_in(folder)?;
        let path = file.path().to_owned();
        PARTS.lock().push(path.clone());
        Ok(Self {
            file,
            _listed: Listed(path),
        })
    }

    fn rename(self, target: &Path) -> io::Result<()> {
        self.file.as_file().sync_all()?;
        self.file.persist(target).map_err(|failed| failed.error)?;
        // The name itself. The file is whole either way, and not every file system can do this.
        #[cfg(unix)]
        if let Ok(folder) = File::open(folder_of(target)) {
            let _ = folder.sync_all();
        }
        Ok(())
    }

    fn copy(&self, target: &Path) -> io::Result<()> {
        let mut from = self.file.reopen()?;
        let mut to = File::options().write(true).open(target)?;
        let (old, new) = (to.metadata()?.len(), from.metadata()?.len());
        // The old content is lost with the first byte, so that there must be room for the last one before.
        if let Err(error) = extend(&mut to, old, new) {
            to.set_len(old)?;
            return Err(error);
        }
        to.rewind()?;
        io::copy(&mut from, &mut to)?;
        to.set_len(new)?;
        to.sync_all()
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        PARTS.lock().retain(|part| *part != self.0);
    }
}

/// Makes a file longer by writing zeros, which take room on the disk.
fn extend(file: &mut File, old: u64, new: u64) -> io::Result<()> {
    file.seek(io::SeekFrom::End(0))?;
    io::copy(
        &mut io::Read::take(io::repeat(0), new.saturating_sub(old)),
        file,
    )?;
    file.sync_all()
}

fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

#[cfg(test)]
#[cfg(unix)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn rows_for_a_private_file_are_private_on_their_way() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("out.csv");
        fs::write(&target, "old").unwrap();
        fs::set_permissions(&target, fs::Permissions::from_mode(0o600)).unwrap();
        // Renamed into its place, then copied into it because it has a second name.
        for _ in 0..2 {
            let output = Output::create(&target).unwrap();
            assert_eq!(
                output.file.metadata().unwrap().permissions().mode() & 0o077,
                0
            );
            output.handle().unwrap().write_all(b"new").unwrap();
            output.commit().unwrap();
            assert_eq!(fs::read(&target).unwrap(), b"new");
            fs::hard_link(&target, folder.path().join("second.csv")).ok();
        }
    }
}
