//! What may stand on the command line. Raw: what a value means is checked where it is used.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use super::failure::usage;

/// Slow SQL reports from a cache that stays true, and what is in it.
///
/// Without a command the window opens.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
pub struct Cli {
    /// The workspace file; else lookaside.toml in this folder, else the one in your configuration folder. "demo" and
    /// "demo:1" are the demo at scale 0.1 and 1, for a command
    #[arg(long, global = true, value_name = "FILE")]
    pub workspace: Option<PathBuf>,
    /// Look at this Redis alone, without a workspace: for the window, keys, key and redis
    #[arg(long, global = true, value_name = "URL", conflicts_with = "workspace")]
    pub redis: Option<String>,
    /// Log to standard error; RUST_LOG chooses in more detail
    #[arg(long, short, global = true)]
    pub verbose: bool,
    /// How the window opens.
    #[command(flatten)]
    pub window: WindowArgs,
    /// The command; the window where there is none.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// How the window opens: for pictures and tests.
#[derive(Clone, Debug, Default, Args)]
pub struct WindowArgs {
    /// The view to begin with
    #[arg(long, global = true, hide = true, value_name = "VIEW")]
    pub view: Option<String>,
    /// dark or light
    #[arg(long, global = true, hide = true, value_name = "THEME")]
    pub theme: Option<String>,
    /// Width and height, 1280x800
    #[arg(long, global = true, hide = true, value_name = "WxH")]
    pub size: Option<String>,
}

impl Cli {
    /// Refuses an option that would be left unread. They may stand before and after a command, so that the parser
    /// takes each with every command.
    pub fn check(&self) -> anyhow::Result<()> {
        let Some(command) = &self.command else {
            return Ok(());
        };
        let is_demo = matches!(command, Command::Demo(_));
        let looks_at_redis = matches!(
            command,
            Command::Keys(_) | Command::Key(_) | Command::Redis(_)
        );
        let WindowArgs { view, theme, size } = &self.window;
        let wrong = if self.redis.is_some() && self.workspace.is_some() {
            "--redis looks at a Redis without a workspace; leave out --redis or --workspace"
        } else if self.redis.is_some() && !looks_at_redis {
            "--redis is for the window, keys, key and redis; name a workspace with --workspace FILE instead"
        } else if self.workspace.is_some() && is_demo {
            "the demo makes a workspace of its own; leave --workspace out"
        } else if !is_demo && (view.is_some() || theme.is_some() || size.is_some()) {
            "--view, --theme and --size are for the window; leave them out"
        } else {
            return Ok(());
        };
        Err(usage(wrong))
    }
}

/// A command, without a window.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// The demo: TPC-H data, a private cache, eight reports, and new orders that make them stale
    Demo(super::demo::DemoArgs),
    /// Run a report through the engine
    Run(super::run::RunArgs),
    /// Cached against uncached, one after the other: times, their ratio, and whether the answers are the same
    Race(super::race::RaceArgs),
    /// Fill what is not fresh, once
    Warm(super::warm::WarmArgs),
    /// Watch the sources and refresh what changed, until told to stop; events as JSON lines
    Worker(super::worker::WorkerArgs),
    /// Every report with the state of its entry
    Reports(super::reports::ReportsArgs),
    /// Compare every entry that is called fresh with what the database returns now
    Audit(super::audit::AuditArgs),
    /// The whole keyspace: count and bytes by type, prefix and TTL; the biggest keys
    Keys(super::keys::KeysArgs),
    /// One key: type, encoding, TTL, bytes, idle time, and the first page of its value
    Key(super::key::KeyArgs),
    /// Send one command to Redis, as redis-cli would; only reads, unless it is unlocked
    Redis(super::redis::RedisArgs),
    /// Try each connection step by step, and tell which detector each source gets and what it cannot see
    Check(super::check::CheckArgs),
    /// Take out of the databases what was put into them to watch them: triggers, publications, replication slots
    Unwatch(super::unwatch::UnwatchArgs),
}
