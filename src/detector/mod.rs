//! Change detection: what notices that a source's tables changed, one file a mechanism.
//!
//! A detector that goes blind says so at once; it never guesses that nothing changed.
//!
//! | file | its one question |
//! | --- | --- |
//! | `sqlite.rs` | did anyone commit to this SQLite file, and what can be told about it? |
//! | `triggers.rs` | which tables of the file changed, counted by triggers the user allowed? |
//! | `watermark.rs` | does the user's watermark query give another answer? |

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::report::Dialect;
use crate::source::Source;
use crate::workspace::SourceConfig;

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

    /// Waits for the next observation. Safe to cancel: a change that was not returned is returned next time.
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
    /// Committed changes.
    Changed {
        /// Which tables.
        tables: Touched,
        /// The log position where the database has a total order (20 digits); else the worker counts.
        position: Option<String>,
        /// When it was committed, where the database tells.
        committed_at: Option<DateTime<Utc>>,
    },
    /// Nothing changed up to the moment the check began: the heartbeat may advance to it.
    Quiet,
    /// Changes may have been missed: everything is refilled under a new epoch.
    Gap(String),
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

/// What would watch this source, without starting it.
pub fn about(config: &SourceConfig, source: &dyn Source) -> About {
    match mechanism(config, source) {
        Mechanism::Watermark(_) => watermark::about(config.poll_interval, source.dialect()),
        Mechanism::Sqlite => sqlite::about(config.poll_interval, config.triggers),
        Mechanism::None => About {
            name: "none".to_owned(),
            delay: Duration::ZERO,
            blind_spots: vec![
                "every change: entries of this source are true by their TTL alone".to_owned(),
            ],
            better_by: Some(format!(
                "set watermark = \"SELECT COUNT(*), MAX(updated_at) FROM ...\" in [sources.{}]: any change of its \
                 answer then refreshes the source's reports",
                config.name
            )),
        },
    }
}

/// The best detector for this source, ready to be asked; `None` where nothing can watch it.
///
/// A watermark query that the user wrote is taken at their word, also where the database has something better.
pub fn choose(
    config: &SourceConfig,
    source: &Arc<dyn Source>,
) -> (Option<Box<dyn Detector>>, About) {
    let about = about(config, source.as_ref());
    let detector: Option<Box<dyn Detector>> = match mechanism(config, source.as_ref()) {
        Mechanism::Watermark(sql) => Some(Box::new(watermark::Watermark::new(
            config,
            source,
            sql,
            about.clone(),
        ))),
        Mechanism::Sqlite => {
            let file = std::path::PathBuf::from(&source.identity().server);
            Some(Box::new(sqlite::Sqlite::new(
                file,
                config.poll_interval,
                config.triggers,
                about.clone(),
            )))
        }
        Mechanism::None => None,
    };
    (detector, about)
}

/// Takes the triggers and the counter table that `triggers = true` put into a SQLite file out again.
///
/// Returns how many triggers there were. The file is left as it was otherwise.
pub async fn remove_triggers(source: &dyn Source) -> Result<usize, Blind> {
    if source.dialect() != Dialect::Sqlite {
        return Err(Blind(
            "only a SQLite source has triggers of ours".to_owned(),
        ));
    }
    let file = std::path::PathBuf::from(&source.identity().server);
    triggers::remove(&file)
        .await
        .map_err(|error| Blind(sqlite::in_words(&file, &error)))
}

enum Mechanism<'a> {
    Watermark(&'a str),
    Sqlite,
    None,
}

fn mechanism<'a>(config: &'a SourceConfig, source: &dyn Source) -> Mechanism<'a> {
    match (&config.watermark, source.dialect()) {
        (Some(sql), _) => Mechanism::Watermark(sql),
        (None, Dialect::Sqlite) => Mechanism::Sqlite,
        (None, _) => Mechanism::None,
    }
}
