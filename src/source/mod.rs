//! Databases: one trait. Rows stream into Arrow batches with bounded memory, in read-only transactions.
//!
//! A source never writes to the user's database and never shows a password.
//!
//! | file | its one question |
//! | --- | --- |
//! | `sqlite.rs`, `sqlite_*.rs`, `mysql/`, `postgres/`, `mssql/` | how does this database do it? |
//! | `server.rs` | what do database servers share? |
//! | `readonly.rs`, `query_only.rs`, `effects.rs` | would this SQL write, or act otherwise? |
//! | `bind.rs` | how do a report's values go with its SQL? |
//! | `job.rs` | who waits for a query, for how long, and when is it its turn? |
//! | `pump.rs`, `columns.rs` | how do rows become batches? |
//! | `transient.rs` | which of a database's errors pass with time? |
//! | `notices.rs` | what does the server say besides the rows? |
//! | `failure.rs`, `steps.rs` | why is there no connection, and how far does one get? |

mod bind;
mod columns;
mod effects;
mod failure;
mod job;
mod mssql;
pub(crate) mod mysql;
mod notices;
pub(crate) mod postgres;
mod pump;
mod query_only;
mod readonly;
mod server;
mod sqlite;
mod sqlite_check;
mod sqlite_error;
mod sqlite_rows;
mod steps;
mod transient;

pub(crate) use failure::words;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use crate::report::{Catalogue, Dialect, Params, SourceIdentity};
use crate::table::{BatchStream, Interrupted};
use crate::workspace::{SourceConfig, Workspace};

/// A database that runs reports.
#[async_trait]
pub trait Source: Send + Sync {
    /// What it is, known without connecting: a hit must not need the database.
    fn identity(&self) -> &SourceIdentity;

    /// The SQL dialect of its reports.
    fn dialect(&self) -> Dialect;

    /// Runs one SELECT in a read-only transaction opened after this call, and returns once the columns are known.
    ///
    /// Waits for one of the source's `max_concurrent_queries` places first. Cancelling the token, dropping the
    /// stream and the timeout each end the query on the server, not only here.
    async fn run(&self, query: Query, cancel: CancellationToken) -> Result<Rows, SourceError>;

    /// Tables and views, for dependencies. Names of the default schema stand unqualified.
    async fn catalogue(&self) -> Result<Catalogue, SourceError>;

    /// Connects and tries what reports need, step by step; never fails as a whole, a failed step says why.
    async fn check(&self, progress: &(dyn Fn(CheckStep) + Send + Sync)) -> SourceCheck;
}

/// One query to run.
#[derive(Clone, Debug)]
pub struct Query {
    /// The report's SQL with `:name` parameters.
    pub sql: String,
    /// Their values, bound and never pasted.
    pub params: Params,
    /// How long it may run, waiting for a place not included; the source's own limit where `None`.
    pub timeout: Option<Duration>,
    /// Whether the user answers for the SQL, `trusted_sql` in the workspace file.
    pub trusted: bool,
}

/// The rows of a running query.
pub struct Rows {
    /// The batches.
    pub stream: BatchStream<SourceError>,
    /// Where the time went; complete when the stream has ended.
    pub times: Arc<SourceTimes>,
}

/// Where a query's time went, in nanoseconds, and what the server said besides the rows; read with the methods.
#[derive(Debug, Default)]
pub struct SourceTimes {
    pool: AtomicU64,
    query: AtomicU64,
    fetch: AtomicU64,
    notices: Mutex<Vec<String>>,
}

impl SourceTimes {
    /// Waiting for a place and a connection.
    pub fn pool(&self) -> Duration {
        Duration::from_nanos(self.pool.load(Ordering::Relaxed))
    }

    /// From sending the query to its first row (or its end).
    pub fn query(&self) -> Duration {
        Duration::from_nanos(self.query.load(Ordering::Relaxed))
    }

    /// From the first row to the last.
    pub fn fetch(&self) -> Duration {
        Duration::from_nanos(self.fetch.load(Ordering::Relaxed))
    }

    /// What the server said besides the rows (`PRINT`, warnings), and what of its answer is not among them; one
    /// sentence each.
    pub fn notices(&self) -> Vec<String> {
        self.notices.lock().clone()
    }

    pub(crate) fn set_notices(&self, notices: Vec<String>) {
        *self.notices.lock() = notices;
    }

    pub(crate) fn set_pool(&self, time: Duration) {
        self.pool.store(time.as_nanos() as u64, Ordering::Relaxed);
    }

    pub(crate) fn set_query(&self, time: Duration) {
        self.query.store(time.as_nanos() as u64, Ordering::Relaxed);
    }

    pub(crate) fn set_fetch(&self, time: Duration) {
        self.fetch.store(time.as_nanos() as u64, Ordering::Relaxed);
    }
}

/// One step of a connection test.
#[derive(Clone, Debug)]
pub struct CheckStep {
    /// What was tried: "Signed in as reader".
    pub what: String,
    /// How it went.
    pub result: CheckResult,
    /// A short fact shown beside it: a version, a time.
    pub detail: String,
}

/// How a step went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckResult {
    /// It works.
    Ok,
    /// It works, but: one sentence with the remedy.
    Warning(String),
    /// It does not work: one sentence with cause and remedy.
    Failed(String),
}

/// The outcome of a connection test.
#[derive(Clone, Debug, Default)]
pub struct SourceCheck {
    /// Whether reports can run.
    pub ok: bool,
    /// Product and version, "MariaDB 10.11.6".
    pub server_version: Option<String>,
    /// Every step in order.
    pub steps: Vec<CheckStep>,
}

/// Why a query did not run to its end. The message names the cause and the remedy and holds no secret.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SourceError {
    /// The database cannot be reached or refused the sign-in.
    #[error("{0}")]
    Connect(String),
    /// The database refused the SQL.
    #[error("{message}")]
    Sql {
        /// The database's message with its code.
        message: String,
        /// Line and column in the report's SQL, from 1, where the database tells.
        position: Option<(usize, usize)>,
    },
    /// The SQL would write.
    #[error("{0}")]
    Writes(String),
    /// A parameter cannot be bound.
    #[error("{0}")]
    Param(String),
    /// The database refused the sign-in, or the account may not use the database.
    #[error("{0}")]
    SignIn(String),
    /// The database could not run the query just now: a deadlock, no memory, no connection left. The same query may
    /// succeed later.
    #[error("{0}")]
    Busy(String),
    /// The query ran longer than it may.
    #[error("the query was ended after {}, its time limit; raise query_timeout or make the report smaller", crate::human::duration(*.0))]
    Timeout(Duration),
    /// The user cancelled.
    #[error("cancelled")]
    Cancelled,
    /// The user cancelled, or the time was over, and the server did not confirm that the query has ended there.
    #[error("{}, but the query may go on at the server: {why}; the server ends it at the latest {} after its time limit", .timeout.map_or("cancelled".to_owned(), |limit| format!("given up after {}, its time limit", crate::human::duration(limit))), crate::human::duration(server::GRACE))]
    GoesOn {
        /// The time limit, where that was over; `None` where the user cancelled.
        timeout: Option<Duration>,
        /// Why the end is not confirmed.
        why: String,
    },
    /// The connection was lost in the middle of the rows.
    #[error("{0}")]
    Lost(String),
    /// Anything else, with the database's words.
    #[error("{0}")]
    Other(String),
    /// The rows ended without an end.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

impl SourceError {
    /// Whether the failure does not pass with time: the database's answer to this SQL, these values or this account.
    /// Which of the database's codes pass is decided in `transient.rs`.
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::Sql { .. } | Self::Writes(_) | Self::Param(_) | Self::SignIn(_) => true,
            Self::Connect(_)
            | Self::Busy(_)
            | Self::Timeout(_)
            | Self::Cancelled
            | Self::GoesOn { .. }
            | Self::Lost(_)
            | Self::Other(_)
            | Self::Interrupted(_) => false,
        }
    }

    /// Whether the user cancelled.
    pub fn is_cancelled(&self) -> bool {
        matches!(self, Self::Cancelled | Self::GoesOn { timeout: None, .. })
    }

    /// The database's code, "1146" or "42P01", where its message has one: it stands there in parentheses.
    pub fn code(&self) -> Option<String> {
        let (Self::Sql { message, .. }
        | Self::Busy(message)
        | Self::Writes(message)
        | Self::SignIn(message)
        | Self::Lost(message)) = self
        else {
            return None;
        };
        let mut codes = message
            .split('(')
            .filter_map(|part| part.split_once(')'))
            .map(|(code, _)| code.strip_prefix("code ").unwrap_or(code))
            .map(|code| code.split_once(", ").map_or(code, |(code, _)| code))
            .filter(|code| (1..=5).contains(&code.len()))
            .filter(|code| {
                code.bytes()
                    .all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase())
                    && code.bytes().any(|byte| byte.is_ascii_digit())
            });
        codes.next_back().map(str::to_owned)
    }
}

/// The source for a URL's scheme; nothing is connected yet.
pub fn open(config: &SourceConfig) -> Result<Arc<dyn Source>, SourceError> {
    // More than one is built, and sqlx takes none by itself then. Where one was chosen before, that one stays.
    let _ = rustls::crypto::ring::default_provider().install_default();
    // Before a driver reads it: one would write the value of a parameter that it does not know into the log.
    let bad = |why| SourceError::Connect(format!("the source \"{}\": {why}", config.name));
    config.url.check_source().map_err(bad)?;
    match config.url.dialect() {
        Some(Dialect::Sqlite) => Ok(Arc::new(sqlite::Sqlite::new(config)?)),
        Some(Dialect::MySql) => Ok(Arc::new(mysql::open(config)?)),
        Some(Dialect::Postgres) => Ok(Arc::new(postgres::open(config)?)),
        Some(Dialect::MsSql) => Ok(Arc::new(mssql::open(config)?)),
        None => Err(SourceError::Connect(format!(
            "the source \"{}\" has a URL that begins with \"{}:\"; write sqlite:, mysql://, mariadb://, postgres:// or mssql://",
            config.name,
            config.url.scheme()
        ))),
    }
}

/// A connection to SQL Server, for whoever loads data into a database of their own; a source never writes.
pub(crate) async fn mssql_client(
    config: &SourceConfig,
) -> Result<tiberius::Client<tokio_util::compat::Compat<tokio::net::TcpStream>>, SourceError> {
    mssql::client(config).await
}

/// The sentence for a URL that cannot be read. Why is told without the URL, which may hold a password.
fn bad_url(name: &str, error: &sqlx::Error, example: &str) -> String {
    let why = failure::words(error);
    format!("the URL of the source \"{name}\" cannot be read: {why}; write it like {example}")
}

/// Opens every source of a workspace by name, without connecting yet. One that cannot be opened is set aside with its
/// reports.
pub fn open_all(workspace: &mut Workspace) -> BTreeMap<String, Arc<dyn Source>> {
    let mut sources = BTreeMap::new();
    let mut failed = Vec::new();
    for (name, config) in &workspace.sources {
        match open(config) {
            Ok(source) => drop(sources.insert(name.clone(), source)),
            Err(error) => failed.push((name.clone(), error.to_string())),
        }
    }
    for (name, why) in failed {
        workspace.set_aside(&name, &why);
    }
    sources
}
