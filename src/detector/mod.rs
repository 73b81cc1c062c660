//! Change detection: what notices that a source's tables changed, one file a mechanism.
//!
//! A detector that goes blind says so at once; it never guesses that nothing changed.
//!
//! | file | its one question |
//! | --- | --- |
//! | `best.rs` | which mechanism is the best that the account may use, now? |
//! | `mssql/` | what does SQL Server's Change Tracking say, or its counters? |
//! | `mysql/` | what does a MySQL or MariaDB server's log say, or its counters? |
//! | `pace.rs` | how long does a detector that asks wait between two looks? |
//! | `postgres/` | what does a PostgreSQL server's log say, or its counters? |
//! | `sqlite.rs` | did anyone commit to this SQLite file, and what can be told about it? |
//! | `triggers.rs` | which tables of the file changed, counted by triggers the user allowed? |
//! | `watermark.rs` | does the user's watermark query give another answer? |

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::report::Dialect;
use crate::source::Source;
use crate::workspace::SourceConfig;

mod best;
mod mssql;
mod mysql;
mod pace;
mod postgres;
mod sqlite;
mod triggers;
mod watermark;

/// What notices changes of one source.
///
/// Log-based detectors (MySQL binlog, PostgreSQL logical replication) and polling ones (SQLite `data_version`, a
/// watermark query) fit the same trait: each call of [`Detector::next`] waits until something is known.
///
/// The first observation of a detector that cannot continue from an earlier one is a [`Observation::Gap`]: its
/// baseline stands by then, so whatever is filled after it is watched from before its snapshot.
#[async_trait]
pub trait Detector: Send {
    /// What it is and what it cannot see. It may change between observations (a lost privilege, a slower pace).
    fn about(&self) -> &About;

    /// The tables it tells apart; `None` where any change may be a change of every table.
    ///
    /// A table that a report names and that is not among these counts as changed with every change.
    fn tells_apart(&self) -> Option<&BTreeSet<String>> {
        None
    }

    /// Tables whose changes it never sees, such as unlogged ones: the worker does not take them in, so that no report on
    /// them is called fresh. Where it becomes another set, the observation is a [`Observation::Gap`].
    fn cannot_see(&self) -> Option<&BTreeSet<String>> {
        None
    }

    /// Offers a place in a log to go on from, before the first observation. Whoever can go on from exactly there, in
    /// that very log, having missed nothing, begins without a [`Observation::Gap`]; everybody else ignores it.
    fn resume(&mut self, _from: &Checkpoint) {}

    /// Which log it reads, once it does; `None` for a detector without one. Two logs whose positions cannot be compared
    /// (another server, a log that was begun anew) differ here.
    fn log(&self) -> Option<&str> {
        None
    }

    /// Waits for the next observation, which covers everything that was committed before the call. Safe to cancel: a
    /// change that was not returned is returned next time.
    ///
    /// After [`Blind`], calling it again tries to see again; where changes may have slipped by meanwhile, the first
    /// observation then is a [`Observation::Gap`].
    async fn next(&mut self) -> Result<Observation, Blind>;
}

/// What a detector is, in words for the window and for `lookaside check`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// "SQLite data_version", "watermark query"; "none" where nothing watches the source.
    pub name: String,
    /// The longest time from commit to detection while all is well.
    pub delay: Duration,
    /// What slips through, one clause each; empty for nothing.
    pub blind_spots: Vec<String>,
    /// The exact setting or GRANT that would enable a better detector, with what it would bring.
    pub better_by: Option<String>,
}

/// What a detector came to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Observation {
    /// Committed changes; all there were up to the moment the call began.
    Changed {
        /// Which tables.
        tables: Touched,
        /// The log position where the database has a total order (20 digits); else the worker counts. It lies above
        /// every one told before, and covers everything that anybody could see when it is told: a fill that begins
        /// afterwards holds all of it.
        position: Option<String>,
        /// When it was committed, where the database tells.
        committed_at: Option<DateTime<Utc>>,
    },
    /// Nothing changed up to the moment the check began: the heartbeat may advance to it.
    Quiet,
    /// Changes may have been missed: everything is refilled under a new epoch.
    Gap {
        /// Why, in words that follow a colon.
        why: String,
        /// The log position that everything up to now is covered by, where there is a log.
        position: Option<String>,
    },
}

impl Observation {
    /// A gap of a detector without a log.
    fn gap(why: impl Into<String>) -> Self {
        Self::Gap {
            why: why.into(),
            position: None,
        }
    }
}

/// A place in a log: everything up to it has been published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log, as [`Detector::log`] called it.
    pub log: String,
    /// The position in it, 20 digits.
    pub position: String,
}

/// Which tables changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Touched {
    /// These.
    Tables(BTreeSet<String>),
    /// Any of them.
    All,
}

/// The detector cannot see changes any more; the sentence says why and what to do.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct Blind(pub String);

/// What would watch this source. Asks the server what its settings and the account allow, and the user's watermark query
/// once; nothing is begun.
pub async fn about(config: &SourceConfig, source: &Arc<dyn Source>) -> About {
    let tried = async {
        let mut detector = best::choose(config, source).await?;
        if config.watermark.is_some() {
            detector.next().await?;
        }
        Ok(detector)
    };
    match tried.await {
        Ok(detector) => detector.about().clone(),
        Err(Blind(why)) => About {
            name: "none".to_owned(),
            delay: Duration::ZERO,
            blind_spots: vec![
                "every change: entries of this source are true by their TTL alone".to_owned(),
            ],
            better_by: Some(why),
        },
    }
}

/// Runs the watermark query of a source once, where it has one; answers how long it took.
///
/// # Errors
///
/// Where it cannot watch: it fails, takes too long, or does not return one row.
pub async fn try_watermark(
    config: &SourceConfig,
    source: &Arc<dyn Source>,
) -> Option<Result<Duration, Blind>> {
    let sql = config.watermark.as_ref()?;
    let about = watermark::about(config.poll_interval, source.dialect());
    let mut watermark = watermark::Watermark::new(config, source, sql, about);
    let start = Instant::now();
    Some(watermark.next().await.map(|_| start.elapsed()))
}

/// What watches this source best, as long as it does: it chooses at the first observation, and again when what it
/// chose goes blind or something better has become possible.
pub fn watch(config: &SourceConfig, source: &Arc<dyn Source>) -> Box<dyn Detector> {
    Box::new(best::Best::new(config, source))
}

/// Takes out of a source what was put into it: the triggers and the counter table of `triggers = true`, the publication
/// of `publication = true`, and slots that a worker holds open. Nothing else is touched.
///
/// Returns how many things there were. A worker that runs meanwhile goes on with what is left to it.
pub async fn remove(config: &SourceConfig, source: &dyn Source) -> Result<usize, Blind> {
    match source.dialect() {
        Dialect::Sqlite => {
            let file = std::path::PathBuf::from(&source.identity().server);
            triggers::remove(&file)
                .await
                .map_err(|error| Blind(sqlite::in_words(&file, &error)))
        }
        Dialect::Postgres => postgres::remove(config).await,
        // Nothing is ever put into these.
        Dialect::MySql | Dialect::MsSql => Ok(0),
    }
}
