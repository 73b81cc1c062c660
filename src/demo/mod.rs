//! The demo: TPC-H data in SQLite, a private redis-server, sample reports and keys, and a writer of new orders.
//!
//! Nothing here sleeps to look slow: the slow reports are slow because of what they compute.
//!
//! | file | its one question |
//! | --- | --- |
//! | `data.rs` | how does the SQLite file come about, whole or not at all? |
//! | `tables.rs` | what are the rows of the TPC-H tables? |
//! | `schema.rs` | what are the tables, the view and the indices in each dialect? |
//! | `reports.rs`, `sql/` | which reports are there? |
//! | `server.rs` | how does a private redis-server start, and end with us? |
//! | `keys.rs` | what does a web shop leave in Redis? |
//! | `load/` | how does the same data get into a database of the user's? |
//! | `writer.rs` | how do new orders arrive? |

mod data;
mod keys;
mod load;
mod reports;
mod schema;
mod server;
mod tables;
mod writer;

pub use data::check_scale;
pub use load::load;
pub use reports::reports_for;
pub use server::{PrivateServer, SERVER_VARIABLE};

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tokio_util::sync::CancellationToken;

use crate::report::Dialect;
use crate::workspace::{CacheConfig, ConnectionUrl, SourceConfig, Workspace};

/// How the demo is made.
#[derive(Clone, Debug)]
pub struct Options {
    /// TPC-H scale factor: 1 is 6 million order lines.
    pub scale: f64,
    /// New orders a minute that the writer inserts; 0 for none.
    pub orders_per_minute: u32,
    /// Where the data file is kept; the platform's data folder where `None`.
    pub folder: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            scale: 0.1,
            orders_per_minute: 4,
            folder: None,
        }
    }
}

/// What is being made, for a progress bar.
#[derive(Clone, Debug)]
pub struct Progress {
    /// "Making lineitem".
    pub what: String,
    /// Done so far, 0 to 1.
    pub fraction: f32,
}

/// A running demo. Dropping it ends the writer and the private server.
pub struct Demo {
    /// The workspace to open: SQLite source `shop`, the private server, eight reports.
    pub workspace: Workspace,
    data: PathBuf,
    writer: writer::Writer,
    server: PrivateServer,
}

/// Why there is no demo; the message names cause and remedy.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct DemoError(pub String);

impl Demo {
    /// Makes the data where it is missing, starts the server, and fills the sample keys.
    ///
    /// Cancelling leaves nothing half-made behind.
    pub async fn start(
        options: Options,
        progress: impl Fn(Progress) + Send + Sync + 'static,
        cancel: CancellationToken,
    ) -> Result<Self, DemoError> {
        let folder = match options.folder {
            Some(folder) => folder,
            None => data::default_folder()?,
        };
        let path = data::ensure(&folder, options.scale, &progress, &cancel).await?;
        progress(Progress {
            what: "Starting a private Redis server".to_owned(),
            fraction: 1.0,
        });
        let rest = async {
            let server = PrivateServer::start().await?;
            progress(Progress {
                what: "Writing sample keys".to_owned(),
                fraction: 1.0,
            });
            keys::fill(&server.url()).await?;
            let writer = writer::Writer::start(&path, options.orders_per_minute).await?;
            Ok(Self {
                workspace: workspace(&path, &server),
                data: path.clone(),
                writer,
                server,
            })
        };
        tokio::select! {
            biased;
            () = cancel.cancelled() => Err(DemoError("starting the demo was cancelled".to_owned())),
            demo = rest => demo,
        }
    }

    /// Changes how many new orders a minute the writer inserts.
    pub fn set_orders_per_minute(&self, rate: u32) {
        self.writer.set_rate(rate);
    }

    /// Current rate of the writer.
    pub fn orders_per_minute(&self) -> u32 {
        self.writer.rate()
    }

    /// Orders inserted since the start.
    pub fn orders_inserted(&self) -> u64 {
        self.writer.inserted()
    }

    /// Inserts one order now and returns its number and the time of its commit.
    pub async fn insert_order(&self) -> Result<(i64, chrono::DateTime<chrono::Utc>), DemoError> {
        self.writer.insert().await
    }

    /// The SQLite file with the data.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// The private server.
    pub fn server(&self) -> &PrivateServer {
        &self.server
    }
}

fn workspace(data: &Path, server: &PrivateServer) -> Workspace {
    let shop = SourceConfig {
        // The file is the demo's own: triggers tell which table changed, so that other reports stay fresh.
        triggers: true,
        ..SourceConfig::new("shop", &format!("sqlite:{}", data.display()))
    };
    Workspace {
        name: "demo".to_owned(),
        path: None,
        cache: CacheConfig {
            url: ConnectionUrl::new(&server.url()),
            prefix: "lookaside".to_owned(),
            memory: CacheConfig::MEMORY,
        },
        sources: BTreeMap::from([("shop".to_owned(), shop)]),
        reports: reports_for(Dialect::Sqlite, "shop"),
        broken: Vec::new(),
    }
}
