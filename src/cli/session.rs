//! What a command works with: the workspace, its cache (a private server where it says "embedded"), the engine.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio_util::sync::CancellationToken;

use crate::cli::failure::usage;
use crate::cli::progress::Progress;
use crate::demo::{Demo, Options, PrivateServer};
use crate::engine::{Caller, Engine};
use crate::report::{Params, Report};
use crate::workspace::{ConnectionUrl, Workspace};

/// How long a process that is about to end waits until its events are in Redis.
const FLUSH: Duration = Duration::from_secs(1);

/// How long it waits for a fill that was abandoned to remove what it wrote.
const SETTLE: Duration = Duration::from_secs(2);

/// An open workspace.
pub(crate) struct Session {
    pub(crate) workspace: Workspace,
    pub(crate) engine: Arc<Engine>,
    /// Ends with the session.
    _server: Option<PrivateServer>,
    /// Where the workspace is the demo: ends with the session.
    _demo: Option<Demo>,
}

impl Session {
    /// Opens the workspace; connects to nothing yet, but starts the private server where one is asked for.
    pub(crate) async fn open(
        file: Option<&Path>,
        caller: Caller,
        stays: bool,
    ) -> anyhow::Result<Self> {
        if let Some(scale) = file.and_then(Path::to_str).and_then(demo_scale) {
            return Self::demo(scale?, caller, stays).await;
        }
        let path = locate(file)?;
        let mut workspace = Workspace::load(&path)?;
        let mut server = None;
        if workspace.cache.is_embedded() {
            let started = PrivateServer::start().await?;
            workspace.cache.url = ConnectionUrl::new(&started.url());
            server = Some(started);
        }
        let sources = crate::source::open_all(&mut workspace);
        let engine = Engine::new(&workspace, sources, caller, stays);
        Ok(Self {
            workspace,
            engine,
            _server: server,
            _demo: None,
        })
    }

    /// `--workspace demo`: the demo's data and reports, a private cache, and no new orders.
    async fn demo(scale: f64, caller: Caller, stays: bool) -> anyhow::Result<Self> {
        let options = Options {
            scale,
            orders_per_minute: 0,
            folder: None,
        };
        let bar = Progress::new("Opening the demo", true);
        let shown = bar.clone();
        let demo = Demo::start(
            options,
            move |progress| shown.say(&progress.what),
            CancellationToken::new(),
        )
        .await?;
        bar.clear();
        let mut workspace = demo.workspace.clone();
        let sources = crate::source::open_all(&mut workspace);
        let engine = Engine::new(&workspace, sources, caller, stays);
        Ok(Self {
            workspace,
            engine,
            _server: None,
            _demo: Some(demo),
        })
    }

    /// A report by name.
    pub(crate) fn report(&self, name: &str) -> anyhow::Result<Arc<Report>> {
        let report = self.workspace.report(name).map_err(|error| {
            // One that is there and has a mistake was not asked for wrongly.
            match self.workspace.broken_report(name) {
                Some(_) => error.into(),
                None => usage(error.message),
            }
        })?;
        Ok(Arc::new(report.clone()))
    }

    /// The whole Redis key of an entry's header.
    pub(crate) fn redis_key(&self, report: &Report, params: &Params) -> Option<String> {
        let key = self.engine.key(report, params).ok()?;
        let source = self.engine.source(&report.source)?;
        Some(
            self.engine
                .cache()
                .keys(&report.source, source.identity())
                .header(&key),
        )
    }

    /// Waits, not long, until what happened is in the log that the other processes read.
    pub(crate) async fn close(self) {
        self.engine.settle(SETTLE).await;
        self.engine.count_requests().await;
        self.engine.log().flush(FLUSH).await;
    }
}

/// The scale that `demo` or `demo:SCALE` names, `None` where the text is a file's name.
fn demo_scale(file: &str) -> Option<anyhow::Result<f64>> {
    let scale = match file.strip_prefix("demo")? {
        "" => return Some(Ok(Options::default().scale)),
        rest => rest.strip_prefix(':')?,
    };
    Some(scale.parse().map_err(|_| {
        usage(format!(
            "\"{scale}\" is no scale of the demo; write --workspace demo:1"
        ))
    }))
}

/// The workspace file: the one given, else the one found.
pub fn locate(file: Option<&Path>) -> anyhow::Result<PathBuf> {
    Workspace::locate(file)?.context(
        "there is no workspace: make a lookaside.toml in this folder, name one with --workspace FILE, or try \
         lookaside demo",
    )
}

/// `name=value` as given with `-p`.
pub(crate) fn parameter(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write it as name=value".to_owned()),
    }
}
