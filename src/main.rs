//! Arguments, logging, runtime; picks the window or a command.

use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use lookaside::cli::{self, Cli, failure};
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let cli = Cli::parse();
    log(cli.verbose);
    let result = if cli.command.is_none() { window(cli) } else { command(cli) };
    failure::status(&result)
}

/// Off by default. Everything that is logged goes to standard error, and no part of the program logs a secret.
fn log(verbose: bool) {
    let filter = match std::env::var("RUST_LOG") {
        Ok(filter) => EnvFilter::new(filter),
        Err(_) if verbose => EnvFilter::new("warn,lookaside=debug"),
        Err(_) => return,
    };
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
}

fn command(cli: Cli) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start threads")?;
    let result = runtime.block_on(async { cli::run(cli, cli::ctrl_c()).await });
    // A thread that still writes to a pipe nobody reads must not keep the process.
    runtime.shutdown_timeout(std::time::Duration::from_millis(500));
    result
}

#[cfg(feature = "gui")]
fn window(cli: Cli) -> anyhow::Result<()> {
    use lookaside::app::{Options, Start};
    let start = match (&cli.redis, &cli.workspace) {
        (Some(url), _) => Start::Redis(url.clone()),
        (None, Some(path)) => Start::Workspace(cli::locate(Some(path))?),
        (None, None) => cli::locate(None).map_or(Start::Welcome, Start::Workspace),
    };
    lookaside::app::run(Options { start, ..Options::default() })
}

#[cfg(not(feature = "gui"))]
fn window(_cli: Cli) -> anyhow::Result<()> {
    Err(failure::usage("this build has no window; name a command, lookaside --help lists them"))
}
