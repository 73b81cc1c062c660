//! The commands, one file each. Errors become exit statuses in one place, [`failure`].
//!
//! A command prints its data on standard output and nothing else there; progress, notes and errors go to standard
//! error. It imports the engine, never the window.

mod args;
mod audit;
mod check;
pub mod demo;
mod elements;
pub mod failure;
mod key;
mod keys;
mod output;
mod progress;
mod race;
mod redis;
mod reports;
mod run;
mod session;
mod signals;
mod target;
mod unwatch;
mod warm;
mod worker;

pub use args::{Cli, Command, WindowArgs};
pub use session::locate;
pub use signals::ctrl_c;

use tokio_util::sync::CancellationToken;

/// Runs a command to its end. Cancelling `cancel` ends its query on the server too.
pub async fn run(cli: Cli, cancel: CancellationToken) -> anyhow::Result<()> {
    let workspace = cli.workspace.as_deref();
    let redis = cli.redis.as_deref();
    match cli.command {
        Some(Command::Run(args)) => run::run(args, workspace, cancel).await,
        Some(Command::Race(args)) => race::run(args, workspace, cancel).await,
        Some(Command::Warm(args)) => warm::run(args, workspace, cancel).await,
        Some(Command::Worker(args)) => worker::run(args, workspace, cancel).await,
        Some(Command::Reports(args)) => reports::run(args, workspace, cancel).await,
        Some(Command::Audit(args)) => audit::run(args, workspace, cancel).await,
        Some(Command::Unwatch(args)) => unwatch::run(args, workspace, cancel).await,
        Some(Command::Check(args)) => check::run(args, workspace, cancel).await,
        Some(Command::Keys(args)) => {
            let cache = target::open(redis, workspace)?;
            until(cancel.clone(), Box::pin(keys::run(&args, cache, cancel))).await
        }
        Some(Command::Key(args)) => {
            let cache = target::open(redis, workspace)?;
            until(cancel.clone(), Box::pin(key::run(&args, cache, cancel))).await
        }
        Some(Command::Redis(args)) => {
            redis::run(&args, target::open(redis, workspace)?, cancel).await
        }
        Some(Command::Demo(args)) => args.run(cancel).await,
        None => Err(failure::usage(
            "name a command; lookaside --help lists them",
        )),
    }
}

/// A command that only reads can be left at any time.
async fn until(
    cancel: CancellationToken,
    command: impl Future<Output = anyhow::Result<()>>,
) -> anyhow::Result<()> {
    cancel
        .run_until_cancelled(command)
        .await
        .unwrap_or_else(|| Err(anyhow::anyhow!("cancelled")))
}
