//! Arguments, logging, runtime; picks the window or a command.

use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use lookaside::cli::demo::DemoArgs;
use lookaside::cli::{self, Cli, Command, failure};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

fn main() -> ExitCode {
    let cli = Cli::parse();
    log(cli.verbose);
    failure::status(&cli.check().and_then(|()| run(cli)))
}

fn run(cli: Cli) -> anyhow::Result<()> {
    match &cli.command {
        None => window(cli),
        Some(Command::Demo(demo)) if !demo.terminal && demo.load.is_none() && has_display() => {
            window(cli)
        }
        Some(_) => command(cli),
    }
}

/// Whether a window can be opened at all.
fn has_display() -> bool {
    cfg!(feature = "gui")
        && (cfg!(not(all(unix, not(target_os = "macos"))))
            || ["DISPLAY", "WAYLAND_DISPLAY", "WAYLAND_SOCKET"]
                .iter()
                .any(|name| std::env::var_os(name).is_some()))
}

/// Off by default. Everything that is logged goes to standard error, and no part of the program logs a secret. Libraries
/// do (sqlx the values of URL parameters that it does not know), so only what Lookaside itself says is logged, whatever
/// RUST_LOG asks for.
fn log(verbose: bool) {
    let filter = match std::env::var("RUST_LOG") {
        Ok(filter) => EnvFilter::new(filter),
        Err(_) if verbose => EnvFilter::new("warn,lookaside=debug"),
        Err(_) => return,
    };
    let own = filter_fn(|event| event.target().starts_with("lookaside"));
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    tracing_subscriber::registry()
        .with(filter)
        .with(lines.with_filter(own))
        .init();
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

/// The window; without a display the demo in the terminal, unless something else was asked for.
fn window(mut cli: Cli) -> anyhow::Result<()> {
    if has_display() {
        return open_window(&cli);
    }
    let why = if cfg!(feature = "gui") {
        "there is no display"
    } else {
        "this build has no window"
    };
    if cli.workspace.is_some() || cli.redis.is_some() {
        return Err(failure::usage(format!(
            "{why}; name a command, lookaside --help lists them"
        )));
    }
    eprintln!(
        "lookaside: {why}, so the demo runs in the terminal; lookaside --help lists the other commands"
    );
    cli.command = Some(Command::Demo(DemoArgs {
        terminal: true,
        ..DemoArgs::default()
    }));
    command(cli)
}

#[cfg(feature = "gui")]
fn open_window(cli: &Cli) -> anyhow::Result<()> {
    use lookaside::app::command::{ThemeChoice, View};
    use lookaside::app::{self, Options, Start};
    let start = match (&cli.command, &cli.redis, &cli.workspace) {
        (Some(Command::Demo(demo)), ..) => {
            lookaside::demo::check_scale(demo.scale)
                .map_err(|error| failure::usage(error.to_string()))?;
            let usual = lookaside::demo::Options::default();
            Start::Demo(lookaside::demo::Options {
                scale: demo.scale,
                orders_per_minute: demo.orders_per_minute.unwrap_or(usual.orders_per_minute),
                ..usual
            })
        }
        (_, Some(url), _) => {
            // What no server has to be asked about fails here and not in the window.
            lookaside::workspace::Workspace::for_redis(url)
                .map_err(|error| failure::usage(error.to_string()))?;
            Start::Redis(url.clone())
        }
        (_, None, Some(path)) => Start::Workspace(cli::locate(Some(path))?),
        (_, None, None) => cli::locate(None).map_or(Start::Welcome, Start::Workspace),
    };
    let view = cli.window.view.as_deref().map(|name| {
        View::from_name(name).ok_or_else(|| {
            failure::usage(format!("there is no view \"{name}\"; try reports or keys"))
        })
    });
    let theme = cli.window.theme.as_deref().map(|name| match name {
        "dark" => Ok(ThemeChoice::Dark),
        "light" => Ok(ThemeChoice::Light),
        "system" => Ok(ThemeChoice::System),
        other => Err(failure::usage(format!(
            "there is no theme \"{other}\"; choose dark, light or system"
        ))),
    });
    let size = cli.window.size.as_deref().map(|text| {
        text.split_once('x')
            .and_then(|(width, height)| Some((width.parse().ok()?, height.parse().ok()?)))
            .ok_or_else(|| failure::usage(format!("\"{text}\" is no size; write it as 1280x800")))
    });
    app::run(Options {
        start,
        view: view.transpose()?,
        theme: theme.transpose()?,
        size: size.transpose()?,
    })
}

#[cfg(not(feature = "gui"))]
fn open_window(_cli: &Cli) -> anyhow::Result<()> {
    Err(failure::usage(
        "this build has no window; name a command, lookaside --help lists them",
    ))
}
