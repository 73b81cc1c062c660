//! `lookaside worker`: the worker until it is told to stop; what it sees and does as JSON lines.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use clap::Args;
use serde_json::{Map, Value, json};
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::output::{millis, note, print_json_line};
use super::session::Session;
use crate::engine::{AuditEvent, Caller, Event, RefreshEvent, WorkerEvent};
use crate::worker::{Role, Status, Worker};
use crate::workspace::{Workspace, WorkspaceError};

/// How often the workspace file is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// How long a worker that was told to stop waits until its last lines are read.
const UNREAD: Duration = Duration::from_secs(2);

/// Arguments of `worker`.
#[derive(Debug, Args)]
pub struct WorkerArgs {
    /// JSON lines, which it prints anyway
    #[arg(long, hide = true)]
    json: bool,
}

pub(super) async fn run(
    _args: WorkerArgs,
    workspace: Option<&Path>,
    cancel: CancellationToken,
) -> anyhow::Result<()> {
    let session = Session::open(workspace, Caller::Worker, true).await?;
    if let Some(why) = session.workspace.cache.url.problem() {
        anyhow::bail!("a worker needs the cache, which cannot be used: {why}");
    }
    tell_broken(&session.workspace);
    let log = Arc::clone(session.engine.log());
    // What happened before is read, so that demand is known, but told by whoever saw it.
    log.follow().await;
    let (_, mut position) = log.since(0);
    let news = Arc::new(Notify::new());
    let wake = Arc::downgrade(&news);
    log.on_event(move || {
        if let Some(news) = wake.upgrade() {
            news.notify_one();
        }
    });
    let worker = Worker::start(Arc::clone(&session.engine), &session.workspace);
    let mut file = Edited::new(session.workspace.path.clone());
    let mut printed;
    loop {
        let stopping = tokio::select! {
            () = cancel.cancelled() => true,
            () = news.notified() => false,
            edited = file.next() => {
                take_over(&worker, &session, edited);
                false
            }
        };
        let (events, next) = log.since(position);
        position = next;
        printed = tokio::select! {
            printed = print(events, worker.status()) => printed,
            // Its output is not read: the worker stops nevertheless.
            () = given_up(&cancel) => Err(unread()),
        };
        if stopping || printed.is_err() {
            break;
        }
    }
    note("lookaside: stopping");
    worker.stop().await;
    let (events, _) = log.since(position);
    if printed.is_ok() {
        printed = tokio::select! {
            printed = print(events, Arc::default()) => printed,
            () = given_up(&cancel) => Err(unread()),
        };
    }
    session.close().await;
    printed
}

/// The workspace file, looked at now and then.
struct Edited {
    path: Option<PathBuf>,
    seen: Option<(SystemTime, u64)>,
    look_at: Instant,
}

impl Edited {
    fn new(path: Option<PathBuf>) -> Self {
        let seen = path.as_deref().and_then(state);
        Self {
            path,
            seen,
            look_at: Instant::now() + LOOK,
        }
    }

    /// Waits until the file is another one, and reads it. Safe to cancel.
    async fn next(&mut self) -> Result<Workspace, WorkspaceError> {
        loop {
            tokio::time::sleep_until(self.look_at).await;
            self.look_at = Instant::now() + LOOK;
            let Some(path) = &self.path else { continue };
            // A file that is being replaced is not there for a moment.
            let Some(now) = state(path) else { continue };
            if self.seen != Some(now) {
                self.seen = Some(now);
                return Workspace::load(path);
            }
        }
    }
}

fn state(path: &Path) -> Option<(SystemTime, u64)> {
    let about = std::fs::metadata(path).ok()?;
    Some((about.modified().ok()?, about.len()))
}

/// The worker goes on with the reports of the edited file; connections are those it was started with.
fn take_over(worker: &Worker, session: &Session, edited: Result<Workspace, WorkspaceError>) {
    let edited = match edited {
        Ok(edited) => edited,
        Err(error) => {
            note(&format!(
                "lookaside: the edited workspace is not taken over: {error}"
            ));
            return;
        }
    };
    let unknown = edited.sources.keys();
    for name in unknown.filter(|name| session.engine.source(name).is_none()) {
        note(&format!(
            "lookaside: the source {name} is new; restart the worker to have it watched"
        ));
    }
    tell_broken(&edited);
    worker.take_over(&edited);
    note(&format!(
        "lookaside: goes on with the edited workspace, {} reports",
        edited.reports.len()
    ));
}

/// Notes what the file has and the worker goes without.
fn tell_broken(workspace: &Workspace) {
    for broken in &workspace.broken {
        note(&format!(
            "lookaside: {} is left out: {}",
            broken.part, broken.message
        ));
    }
}

/// Prints on a separate thread: a pipe that is not read blocks only that thread.
async fn print(events: Vec<Arc<Event>>, status: Arc<Status>) -> anyhow::Result<()> {
    let printing = tokio::task::spawn_blocking(move || tell(&events, &status));
    printing.await.unwrap_or_else(|error| Err(error.into()))
}

/// Resolves some time after the worker was told to stop.
async fn given_up(cancel: &CancellationToken) {
    cancel.cancelled().await;
    tokio::time::sleep(UNREAD).await;
}

fn unread() -> anyhow::Error {
    anyhow::anyhow!("stopped; the last lines on standard output were not read")
}

fn tell(events: &[Arc<Event>], status: &Status) -> anyhow::Result<()> {
    for event in events {
        if let Some(line) = line(event, status) {
            print_json_line(&line)?;
        }
    }
    Ok(())
}

/// The line for an event of this worker. The log also tells what the leader did where this one stands by.
fn line(event: &Event, status: &Status) -> Option<Value> {
    let standing_by = |source: &str| {
        status
            .sources
            .iter()
            .any(|watch| watch.source == source && watch.role == Role::StandingBy)
    };
    match event {
        Event::Refresh(event) if !standing_by(&event.source) => Some(refresh(event)),
        Event::Worker(event) if event.event == "standing_by" || !standing_by(&event.source) => {
            Some(other(event))
        }
        Event::Audit(event) if !standing_by(&event.source) => Some(audit(event)),
        _ => None,
    }
}

fn refresh(event: &RefreshEvent) -> Value {
    let name = match (&event.error, event.unchanged) {
        (Some(_), _) => "refresh_failed",
        (None, true) => "unchanged",
        (None, false) => "refreshed",
    };
    let mut line = Map::new();
    line.insert("at".into(), json!(event.at));
    line.insert("event".into(), json!(name));
    line.insert("source".into(), json!(event.source));
    line.insert("report".into(), json!(event.report));
    line.insert("reason".into(), json!(event.reason));
    line.insert("why".into(), json!(event.why));
    line.insert("took_ms".into(), json!(millis(event.took_ms)));
    line.insert("key".into(), json!(event.key));
    for (name, value) in [
        ("committed_to_detected_ms", event.committed_to_detected_ms),
        ("detected_to_fresh_ms", event.detected_to_fresh_ms),
        ("committed_to_fresh_ms", event.committed_to_fresh_ms),
    ] {
        if let Some(value) = value {
            line.insert(name.into(), json!(millis(value)));
        }
    }
    if let Some(error) = &event.error {
        line.insert("error".into(), json!(error));
    }
    if let Some(failure) = &event.failure {
        line.insert("code".into(), json!(failure.code));
        line.insert("permanent".into(), json!(failure.permanent));
        line.insert("failures".into(), json!(failure.count));
        line.insert("next_try_at".into(), json!(failure.next_at));
    }
    Value::Object(line)
}

fn audit(event: &AuditEvent) -> Value {
    json!({
        "at": event.at,
        "event": "audit",
        "source": event.source,
        "report": event.report,
        "params": event.params,
        "finding": event.finding,
        "detail": event.detail,
        "took_ms": millis(event.took_ms),
        "key": event.key,
    })
}

fn other(event: &WorkerEvent) -> Value {
    json!({
        "at": event.at,
        "event": event.event,
        "source": event.source,
        "detail": event.detail,
        "tables": event.tables,
    })
}
