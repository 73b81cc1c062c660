//! The workspace: one TOML file with a cache, sources and reports; read, checked and edited in place.
//!
//! A secret never goes into the file: a URL may hold `${ENV_NAME}`, and the window keeps passwords in the operating
//! system's keyring.
//!
//! | file | its one question |
//! | --- | --- |
//! | `read.rs` | what does the file say, and where is it wrong? |
//! | `connections.rs` | what do `[cache]` and `[sources.NAME]` say? |
//! | `broken.rs` | which parts of it cannot be used? |
//! | `cursor.rs` | which value stands under a key, of the right type? |
//! | `edit.rs` | how is the file changed, keeping comments and order? |
//! | `parameters.rs` | which schemes and parameters may a URL have? |
//! | `url.rs`, `ado.rs` | how is a URL (or SQL Server's connection string) completed, and shown without its secrets? |
//! | `keyring.rs` | which password does the operating system keep? |

mod ado;
mod broken;
mod connections;
mod cursor;
mod edit;
mod keyring;
mod parameters;
mod read;
mod sql_file;
mod url;

pub use broken::{Broken, Part};
pub use edit::WorkspaceFile;
pub use keyring::{keep_for_session, store_password};
pub use url::ConnectionUrl;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::report::{Report, line_column};

/// So many names are listed in a message; more would hide what it says.
const LISTED: usize = 8;

/// A longer workspace file, in bytes, is something else.
const LONGEST: u64 = 64 * 1024 * 1024;

/// The file's name where none is given.
pub const FILE_NAME: &str = "lookaside.toml";

/// A workspace as read from its file.
#[derive(Clone, Debug)]
pub struct Workspace {
    /// What people call it: the file's folder name, or `demo`.
    pub name: String,
    /// The file, `None` for the demo and for `--redis URL`.
    pub path: Option<PathBuf>,
    /// Where results are cached.
    pub cache: CacheConfig,
    /// Database connections by name.
    pub sources: BTreeMap<String, SourceConfig>,
    /// Reports in the file's order.
    pub reports: Vec<Report>,
    /// The parts of the file that cannot be used as they are written.
    pub broken: Vec<Broken>,
}

/// `[cache]`.
#[derive(Clone, Debug)]
pub struct CacheConfig {
    /// `redis://`, `rediss://`, `redis+unix://`; `embedded` is replaced by the private server's URL before use.
    pub url: ConnectionUrl,
    /// Prefix of every key we write.
    pub prefix: String,
    /// Bytes of decoded answers that a process which stays (the window, the worker) may keep in its own memory; 0 keeps
    /// none, and opens no connection for it.
    pub memory: u64,
}

/// `[sources.NAME]`.
#[derive(Clone, Debug)]
pub struct SourceConfig {
    /// The name reports use.
    pub name: String,
    /// `sqlite:`, `mysql://`, `mariadb://`, `postgres://`, `mssql://`, or an ADO connection string.
    pub url: ConnectionUrl,
    /// How many report queries may run on it at once.
    pub max_concurrent_queries: usize,
    /// How long a report's query may run.
    pub query_timeout: Duration,
    /// The user's watermark query: any change of its one-row answer is a change of every table.
    pub watermark: Option<String>,
    /// How often polling detectors look.
    pub poll_interval: Duration,
    /// Whether we may put change-counting triggers into the database (SQLite).
    pub triggers: bool,
    /// An entry that nobody asked for within this time is not refreshed.
    pub forget_after: Duration,
    /// The part of the time that the worker's refreshes may take of it, more than 0, at most 1.
    pub max_refresh_load: f64,
    /// Which publication tells of changes (PostgreSQL).
    pub publication: Publication,
}

/// What a PostgreSQL database publishes its changes through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Publication {
    /// One named `lookaside`, where the user made it.
    #[default]
    Found,
    /// The one of this name, which the user made: `publication = "name"`.
    Named(String),
    /// One named `lookaside`, which we may make and take out again: `publication = true`.
    Ours,
}

impl Publication {
    /// The name of the publication that nobody named.
    pub const NAME: &'static str = "lookaside";

    /// Its name in the database.
    pub fn name(&self) -> &str {
        match self {
            Self::Named(name) => name,
            Self::Found | Self::Ours => Self::NAME,
        }
    }
}

/// A mistake in a workspace file: line, column and what would be right.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct WorkspaceError {
    /// Cause and remedy in one sentence, with `file:line:column` where there is one.
    pub message: String,
}

impl CacheConfig {
    /// The prefix where the file names none.
    pub const PREFIX: &'static str = "lookaside";

    /// The memory where the file names none: 64 MB.
    pub const MEMORY: u64 = 64 * 1024 * 1024;

    /// The URL that asks for a private server of our own.
    pub const EMBEDDED: &'static str = "embedded";

    /// A cache that cannot be used, for the reason that is given: reports run without it.
    pub(crate) fn unusable(why: &str) -> Self {
        Self {
            url: ConnectionUrl::unusable(why),
            prefix: Self::PREFIX.to_owned(),
            memory: 0,
        }
    }

    /// Whether a private server is to be started for it.
    pub fn is_embedded(&self) -> bool {
        self.url.expose() == Self::EMBEDDED
    }
}

impl SourceConfig {
    /// `forget_after` where the file names none: one day.
    pub const FORGET_AFTER: Duration = Duration::from_hours(24);

    /// `query_timeout` where the file names none: five minutes.
    pub const QUERY_TIMEOUT: Duration = Duration::from_mins(5);
    /// The most that `forget_after` may be: so long are requests remembered.
    pub const REMEMBERED: Duration = Duration::from_hours(48);

    /// A source with the defaults: two queries at once, five minutes each, looked at every 50 ms (SQLite) or
    /// second (others).
    pub fn new(name: &str, url: &str) -> Self {
        let url = ConnectionUrl::new(url);
        let local = url.scheme() == "sqlite";
        Self {
            name: name.to_owned(),
            url,
            max_concurrent_queries: 2,
            query_timeout: Self::QUERY_TIMEOUT,
            watermark: None,
            poll_interval: Duration::from_millis(if local { 50 } else { 1000 }),
            triggers: false,
            forget_after: Self::FORGET_AFTER,
            max_refresh_load: 1.0,
            publication: Publication::Found,
        }
    }
}

impl Workspace {
    /// The file to read: the one given, else `lookaside.toml` in the current folder, else the one in the platform's
    /// configuration folder. `None` where neither of these is there; an error where the given one is not.
    pub fn locate(given: Option<&Path>) -> Result<Option<PathBuf>, WorkspaceError> {
        if let Some(given) = given {
            let path = if given.is_dir() {
                given.join(FILE_NAME)
            } else {
                given.to_owned()
            };
            return if path.is_file() {
                Ok(Some(path))
            } else {
                Err(WorkspaceError {
                    message: format!(
                        "there is no workspace file {}; check --workspace",
                        path.display()
                    ),
                })
            };
        }
        let configured = directories::ProjectDirs::from("", "", "lookaside")
            .map(|dirs| dirs.config_dir().join(FILE_NAME));
        Ok(std::iter::once(PathBuf::from(FILE_NAME))
            .chain(configured)
            .find(|path| path.is_file()))
    }

    /// Reads and checks a file; URLs get their `${NAME}` from the environment and passwords from the keyring.
    ///
    /// # Errors
    ///
    /// Where the file cannot be read as a whole. A mistake in one part of it is listed in [`Workspace::broken`].
    pub fn load(path: &Path) -> Result<Self, WorkspaceError> {
        let fail = |what: std::io::Error| WorkspaceError {
            message: format!(
                "{} cannot be read: {}",
                path.display(),
                crate::human::io_words(&what)
            ),
        };
        if std::fs::metadata(path).map_err(fail)?.len() > LONGEST {
            return Err(fail(std::io::Error::other("it is longer than 64 MB")));
        }
        let text = std::fs::read(path).map_err(fail)?;
        let text = String::from_utf8(text).map_err(|error| {
            let end = error.utf8_error().valid_up_to();
            let before = String::from_utf8_lossy(&error.as_bytes()[..end]);
            let (line, column) = line_column(&before, end);
            WorkspaceError {
                message: format!(
                    "{}:{line}:{column}: this is not UTF-8 text; save the file as UTF-8",
                    path.display()
                ),
            }
        })?;
        let path = std::path::absolute(path).map_err(fail)?;
        read::workspace(
            &text,
            &path,
            &|name| std::env::var(name).ok(),
            &keyring::complete,
        )
    }

    /// A workspace of one cache alone, for looking at any Redis.
    pub fn for_redis(url: &str) -> Result<Self, WorkspaceError> {
        let url = connections::cache_url(url, &|name| std::env::var(name).ok())
            .map_err(|message| WorkspaceError { message })?;
        if url.expose() == CacheConfig::EMBEDDED {
            let message = "an embedded cache lives only inside a running command; give the URL of a running Redis";
            return Err(WorkspaceError {
                message: message.to_owned(),
            });
        }
        Ok(Self {
            name: url.to_string(),
            path: None,
            cache: CacheConfig {
                url: keyring::complete(url),
                prefix: CacheConfig::PREFIX.to_owned(),
                memory: CacheConfig::MEMORY,
            },
            sources: BTreeMap::new(),
            reports: Vec::new(),
            broken: Vec::new(),
        })
    }

    /// The report called `name`.
    ///
    /// # Errors
    ///
    /// Where the report cannot be used as it is written, or does not exist; then the names there are, or the nearest of
    /// many, are listed.
    pub fn report(&self, name: &str) -> Result<&Report, WorkspaceError> {
        if let Some(report) = self.reports.iter().find(|report| report.name == name) {
            return Ok(report);
        }
        if let Some(broken) = self.broken_report(name) {
            return Err(WorkspaceError {
                message: broken.message.clone(),
            });
        }
        let names: Vec<_> = self
            .reports
            .iter()
            .map(|report| report.name.as_str())
            .collect();
        let has = match names.len() {
            0 => "it has none".to_owned(),
            1..=LISTED => format!("it has {}", names.join(", ")),
            many => format!(
                "the nearest of its {} are {}; lookaside reports lists them",
                crate::human::count(many as u64),
                cursor::nearest_few(name, &names, LISTED).join(", ")
            ),
        };
        Err(WorkspaceError {
            message: format!("there is no report \"{name}\" in this workspace; {has}"),
        })
    }
}
