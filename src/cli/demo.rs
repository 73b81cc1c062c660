//! `lookaside demo`: the demo in the terminal, or its data loaded into a database of the user's own.
//!
//! The window has its own way to the demo; which of the two is shown is decided in `main.rs`.

mod load;
mod measure;
mod news;
mod screen;
mod terminal;

use tokio_util::sync::CancellationToken;

/// What follows `lookaside demo`.
#[derive(Clone, Debug, clap::Args)]
pub struct DemoArgs {
    /// TPC-H scale factor: 0.1 is 600,000 order lines and takes seconds to make, 1 is the full size.
    #[arg(long, default_value_t = 0.1, value_name = "N")]
    pub scale: f64,
    /// Stay in the terminal even where there is a display.
    #[arg(long)]
    pub terminal: bool,
    /// New orders a minute that arrive while the demo runs, 0 for none; 4 in the window, 12 in the terminal where
    /// nobody wants to wait.
    #[arg(long, value_name = "N")]
    pub orders_per_minute: Option<u32>,
    /// Load the same data into this database instead: an empty one of your own, mysql://, mariadb://, postgres:// or mssql://.
    #[arg(long, value_name = "URL", conflicts_with = "terminal")]
    pub load: Option<String>,
    /// With --load: replace tables of the demo that are already there. Tables it did not make itself are never touched.
    #[arg(long, requires = "load")]
    pub replace: bool,
}

impl Default for DemoArgs {
    fn default() -> Self {
        Self {
            scale: 0.1,
            terminal: false,
            orders_per_minute: None,
            load: None,
            replace: false,
        }
    }
}

impl DemoArgs {
    /// Runs what does not need a window. Cancelling ends the running query, and everything that was started.
    pub async fn run(self, cancel: CancellationToken) -> anyhow::Result<()> {
        match self.load {
            Some(url) => load::run(&url, self.scale, self.replace, &cancel).await,
            None => {
                let orders = self.orders_per_minute.unwrap_or(12);
                terminal::run(self.scale, orders, &cancel).await
            }
        }
    }
}
