//! The workspace: one TOML file with a cache, sources and reports; read, checked and edited in place.
//!
//! A secret never goes into the file: a URL may hold `${ENV_NAME}`, and the window keeps passwords in the operating
//! system's keyring.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

use crate::report::Report;

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
}

/// `[cache]`.
#[derive(Clone, Debug)]
pub struct CacheConfig {
    /// `redis://`, `rediss://`, `redis+unix://`; `embedded` is replaced by the private server's URL before use.
    pub url: ConnectionUrl,
    /// Prefix of every key we write.
    pub prefix: String,
}

/// `[sources.NAME]`.
#[derive(Clone, Debug)]
pub struct SourceConfig {
    /// The name reports use.
    pub name: String,
    /// `sqlite:`, `mysql://`, `mariadb://`, `postgres://`.
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
}

/// A connection URL whose secrets are resolved; shown and logged only with the password masked.
#[derive(Clone)]
pub struct ConnectionUrl {
    secret: SecretString,
    shown: String,
}

/// A mistake in a workspace file: line, column and what would be right.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct WorkspaceError {
    /// Cause and remedy in one sentence, with `file:line:column` where there is one.
    pub message: String,
}

impl std::fmt::Debug for ConnectionUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.shown)
    }
}

impl std::fmt::Display for ConnectionUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.shown)
    }
}

impl ConnectionUrl {
    /// A URL whose secrets are already in place.
    pub fn new(_url: &str) -> Self {
        todo!()
    }

    /// The URL with its password, only for opening a connection.
    pub fn expose(&self) -> &str {
        secrecy::ExposeSecret::expose_secret(&self.secret)
    }
}

impl Workspace {
    /// The report called `name`; the error lists the names there are.
    pub fn report(&self, name: &str) -> Result<&Report, WorkspaceError> {
        self.reports
            .iter()
            .find(|report| report.name == name)
            .ok_or_else(|| WorkspaceError {
                message: format!(
                    "there is no report \"{name}\" in this workspace; it has {}",
                    self.reports
                        .iter()
                        .map(|report| report.name.as_str())
                        .collect::<Vec<_>>()
                        .join(", ")
                ),
            })
    }
}
