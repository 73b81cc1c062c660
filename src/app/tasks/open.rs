//! Opening: the demo, a workspace file, a cache alone.

use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::app::event::Event;
use crate::app::state::{Open, Opening, State, TaskId};
use crate::app::theme::Tone;
use crate::demo::{Demo, Options, PrivateServer};
use crate::workspace::{ConnectionUrl, Workspace};

use super::session::Session;
use super::{Task, Tasks};

/// Where a task leaves the session that it opened. It does not travel in an event because events reach the state,
/// which must not hold connections.
#[derive(Clone, Default)]
pub(super) struct Slot(Arc<Mutex<Option<(TaskId, Session)>>>);

impl Slot {
    fn put(&self, task: TaskId, session: Session) {
        *self.0.lock() = Some((task, session));
    }

    pub(super) fn take(&self, task: TaskId) -> Option<Session> {
        self.0
            .lock()
            .take_if(|(opened, _)| *opened == task)
            .map(|(_, session)| session)
    }
}

/// Makes and opens the demo.
pub(super) fn demo(tasks: &mut Tasks, state: &mut State, scale: f64) {
    demo_with(
        tasks,
        state,
        Options {
            scale,
            ..Options::default()
        },
    );
}

/// Makes and opens the demo as `options` say.
pub(super) fn demo_with(tasks: &mut Tasks, state: &mut State, options: Options) {
    opening(
        tasks,
        state,
        "the demo".to_owned(),
        move |task| async move {
            let progress = task.clone();
            let report = move |step: crate::demo::Progress| {
                progress.progress(step.what, Some(step.fraction));
            };
            let demo = Demo::start(options, report, task.cancel.clone())
                .await
                .map_err(|error| error.to_string())?;
            Ok(Session::start(
                demo.workspace.clone(),
                Some(demo),
                None,
                &task,
            ))
        },
    );
}

/// Opens a workspace file.
pub(super) fn file(tasks: &mut Tasks, state: &mut State, path: PathBuf) {
    let title = path.display().to_string();
    opening(tasks, state, title, move |task| async move {
        task.progress("Reading the workspace file", None);
        let read = tokio::task::spawn_blocking(move || Workspace::load(&path)).await;
        let mut workspace = read
            .map_err(|error| error.to_string())?
            .map_err(|error| error.to_string())?;
        let server = embedded(&mut workspace, &task).await?;
        Ok(Session::start(workspace, None, server, &task))
    });
}

/// Opens a cache alone.
pub(super) fn redis(tasks: &mut Tasks, state: &mut State, url: String) {
    opening(
        tasks,
        state,
        ConnectionUrl::new(&url).to_string(),
        move |task| async move {
            let workspace = Workspace::for_redis(&url).map_err(|error| error.to_string())?;
            Ok(Session::start(workspace, None, None, &task))
        },
    );
}

/// Starts a private server where the workspace asks for one.
async fn embedded(workspace: &mut Workspace, task: &Task) -> Result<Option<PrivateServer>, String> {
    if !workspace.cache.is_embedded() {
        return Ok(None);
    }
    task.progress("Starting a private Redis server", None);
    let server = PrivateServer::start()
        .await
        .map_err(|error| error.to_string())?;
    workspace.cache.url = ConnectionUrl::new(&server.url());
    Ok(Some(server))
}

fn opening<F>(
    tasks: &mut Tasks,
    state: &mut State,
    title: String,
    open: impl FnOnce(Task) -> F + Send + 'static,
) where
    F: Future<Output = Result<Session, String>> + Send + 'static,
{
    if let Some(opening) = state.opening.take() {
        tasks.cancel(opening.task);
    }
    let slot = tasks.opened.clone();
    let what = format!("Opening {title}");
    let id = tasks.spawn(state, Some(what), move |task| async move {
        let work = open(task.clone());
        let result = tokio::select! {
            biased;
            result = work => result,
            () = task.cancel.cancelled() => return,
        };
        match result {
            Ok(session) => {
                let mut open = Open::new(session.workspace.clone());
                open.private_cache = session.has_private_cache();
                open.demo = session
                    .demo
                    .as_ref()
                    .map(|demo| crate::app::state::DemoInfo {
                        orders_per_minute: demo.orders_per_minute(),
                        inserted: demo.orders_inserted(),
                    });
                slot.put(task.id, session);
                task.send(Event::Opened {
                    task: task.id,
                    open: Box::new(open),
                })
                .await;
            }
            Err(_) if task.cancel.is_cancelled() => {}
            Err(error) => {
                task.send(Event::OpenFailed {
                    task: task.id,
                    error,
                })
                .await;
            }
        }
    });
    state.opening = Some(Opening {
        task: id,
        title,
        what: String::new(),
        fraction: None,
    });
}

/// Asks for a workspace file with the desktop's dialog, and opens it.
pub(super) fn ask(tasks: &mut Tasks, state: &mut State) {
    tasks.spawn(state, None, |task| async move {
        let dialog = rfd::AsyncFileDialog::new()
            .set_title("Open a workspace")
            .add_filter("Workspace", &["toml"]);
        let file = dialog.pick_file().await.map(|file| file.path().to_owned());
        task.send(Event::Connect(crate::app::views::connect::Event::Chosen(
            file,
        )))
        .await;
    });
}

/// Inserts an order into the demo's data.
pub(super) fn insert_order(tasks: &mut Tasks, state: &mut State) {
    let Some(demo) = tasks.session().and_then(|session| session.demo.clone()) else {
        return;
    };
    tasks.spawn(state, None, |task| async move {
        match demo.insert_order().await {
            Ok((number, _)) => {
                let number = crate::app::format::count(number.unsigned_abs());
                task.message(Tone::Hit, format!("Order {number} committed"))
                    .await;
            }
            Err(error) => task.message(Tone::Error, error.to_string()).await,
        }
    });
}
