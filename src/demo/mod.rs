//! The demo: TPC-H data in SQLite, a private redis-server, sample reports and keys, and a writer of new orders.
//!
//! Nothing here sleeps to look slow: the slow reports are slow because of what they compute.

use tokio_util::sync::CancellationToken;

use crate::workspace::Workspace;

/// How the demo is made.
#[derive(Clone, Debug)]
pub struct Options {
    /// TPC-H scale factor: 1 is 6 million order lines.
    pub scale: f64,
    /// New orders a minute that the writer inserts; 0 for none.
    pub orders_per_minute: u32,
    /// Where the data file is kept; the platform's data folder where `None`.
    pub folder: Option<std::path::PathBuf>,
}

/// What is being made, for a progress bar.
#[derive(Clone, Debug)]
pub struct Progress {
    /// "Making order lines".
    pub what: String,
    /// Done so far, 0 to 1.
    pub fraction: f32,
}

/// A running demo. Dropping it ends the writer and the private server.
pub struct Demo {
    /// The workspace to open: SQLite source `shop`, the private server, eight reports.
    pub workspace: Workspace,
    _private: (),
}

/// Why there is no demo; the message names cause and remedy.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct DemoError(pub String);

impl Demo {
    /// Makes the data where it is missing, starts the server, and fills the sample keys.
    pub async fn start(
        _options: Options,
        _progress: impl Fn(Progress) + Send + Sync + 'static,
        _cancel: CancellationToken,
    ) -> Result<Self, DemoError> {
        todo!()
    }

    /// Changes how many new orders a minute the writer inserts.
    pub fn set_orders_per_minute(&self, _rate: u32) {
        todo!()
    }

    /// Current rate of the writer.
    pub fn orders_per_minute(&self) -> u32 {
        todo!()
    }

    /// Orders inserted since the start.
    pub fn orders_inserted(&self) -> u64 {
        todo!()
    }

    /// Inserts one order now and returns its number and the time of its commit.
    pub async fn insert_order(&self) -> Result<(i64, chrono::DateTime<chrono::Utc>), DemoError> {
        todo!()
    }
}
