//! Change detection: what notices that a source's tables changed, one file a mechanism.
//!
//! A detector that goes blind says so at once; it never guesses that nothing changed.

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

/// What notices changes of one source.
///
/// Log-based detectors (MySQL binlog, PostgreSQL logical replication) and polling ones (SQLite `data_version`, a
/// watermark query) fit the same trait: each call of [`Detector::next`] waits until something is known.
#[async_trait]
pub trait Detector: Send {
    /// What it is and what it cannot see.
    fn about(&self) -> &About;

    /// Waits for the next observation. Safe to cancel: a change that was not returned is returned next time.
    async fn next(&mut self) -> Result<Observation, Blind>;
}

/// What a detector is, in words for the window and for `lookaside check`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// "SQLite data_version", "watermark query".
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
