//! Tasks of the Console view, on connections of its own, under the write lock of the Keys view.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::{Task, Tasks};
use crate::app::event::Event as AppEvent;
use crate::app::state::State;
use crate::app::theme::Tone;
use crate::app::views::console::{Command, Event};
use crate::inspect::{Heard, Listen, Listener, Lock, Session, SharedSession};
use crate::workspace::ConnectionUrl;

/// Carries out a command of the view.
pub(super) fn perform(tasks: &mut Tasks, state: &mut State, command: Command) {
    match command {
        Command::Open => open(tasks, state),
        Command::Run { id, line } => run(tasks, state, id, line),
        Command::Listen { id, listen } => listen_to(tasks, state, id, listen),
        Command::Save { name, heard } => save(tasks, state, name, heard),
    }
}

/// The pause before a server that cannot be reached is tried again.
const PAUSE: Duration = Duration::from_secs(5);

/// The way to the console's session: the one that is open, or what is needed to open one.
struct Opener {
    session: SharedSession,
    url: ConnectionUrl,
    lock: Lock,
}

impl Opener {
    fn new(tasks: &Tasks, state: &State) -> Option<Self> {
        Some(Self {
            session: state.console.shared_session().clone(),
            url: tasks.session()?.workspace.cache.url.clone(),
            lock: state.keys.lock().clone(),
        })
    }

    /// Returns the session, opened where there is none yet; the window learns what came of that.
    async fn session(&self, task: &Task) -> Result<Arc<Session>, String> {
        if let Some(session) = self.session.get() {
            return Ok(session.clone());
        }
        let opened = self.session.open(&self.url, &self.lock).await;
        let result = opened.map_err(|error| error.to_string());
        let told = result.as_ref().map(|_| ()).map_err(Clone::clone);
        task.send(AppEvent::Console(Event::Opened(told))).await;
        result
    }
}

/// Opens the session, again and again until the server answers or the workspace is closed.
fn open(tasks: &mut Tasks, state: &mut State) {
    let Some(opener) = Opener::new(tasks, state) else {
        return;
    };
    tasks.spawn(state, None, |task| async move {
        let opening = async {
            while opener.session(&task).await.is_err() {
                tokio::time::sleep(PAUSE).await;
            }
        };
        task.cancel.run_until_cancelled(opening).await;
    });
}

fn run(tasks: &mut Tasks, state: &mut State, id: u64, line: String) {
    let Some(opener) = Opener::new(tasks, state) else {
        return;
    };
    let task = tasks.spawn(state, None, move |task| async move {
        let session = task
            .cancel
            .run_until_cancelled(opener.session(&task))
            .await
            .unwrap_or_else(|| Err("cancelled; nothing was sent".to_owned()));
        let answer = match session {
            Ok(session) => session.run_until(&line, &task.cancel).await,
            Err(why) => crate::inspect::Answer {
                text: why,
                is_whole: true,
                is_error: true,
                ..crate::inspect::Answer::default()
            },
        };
        task.send(AppEvent::Console(Event::Answered { id, answer }))
            .await;
    });
    state.console.runs(id, task, state.clock.now);
}

fn listen_to(tasks: &mut Tasks, state: &mut State, id: u64, listen: Listen) {
    let Some(opener) = Opener::new(tasks, state) else {
        return;
    };
    let task = tasks.spawn(state, None, move |task| async move {
        let cancel = task.cancel.clone();
        let listening = async {
            let started = match opener.session(&task).await {
                Ok(session) => Listener::start(session.connection(), &listen)
                    .await
                    .map_err(|error| error.to_string()),
                Err(why) => Err(why),
            };
            let (result, listener) = match started {
                Ok(listener) => (Ok(()), Some(listener)),
                Err(error) => (Err(error), None),
            };
            task.send(AppEvent::Console(Event::Listening { id, result }))
                .await;
            let Some(mut listener) = listener else { return };
            while let Some(batch) = listener.next().await {
                if !task
                    .send(AppEvent::Console(Event::Heard { id, batch }))
                    .await
                {
                    return;
                }
            }
        };
        cancel.run_until_cancelled(listening).await;
    });
    state.console.listens(id, task);
}

fn save(tasks: &mut Tasks, state: &mut State, name: &'static str, heard: Vec<Arc<Heard>>) {
    let folder = super::export::usual_folder().unwrap_or_default();
    let stem = format!("{name}-{}", state.clock.utc.format("%Y%m%d-%H%M%S"));
    tasks.spawn(state, None, move |task| async move {
        let written = tokio::task::spawn_blocking(move || write(folder, &stem, &heard)).await;
        match written {
            Ok(Ok(path)) => {
                task.message(Tone::Hit, format!("Written to {}", path.display()))
                    .await;
            }
            Ok(Err((path, error))) => {
                let path = path.display();
                let said =
                    format!("{path} cannot be written ({error}); copy what is shown instead");
                task.message(Tone::Error, said).await;
            }
            // It panicked, and `spawn` says so.
            Err(_) => {}
        }
    });
}

/// Writes a new file; none that is there is replaced.
fn write(
    folder: PathBuf,
    stem: &str,
    heard: &[Arc<Heard>],
) -> Result<PathBuf, (PathBuf, std::io::Error)> {
    let path = folder.join(format!("{stem}.txt"));
    let write = || {
        let file = std::fs::File::create_new(&path)?;
        let mut out = std::io::BufWriter::new(file);
        for heard in heard {
            writeln!(out, "{}", heard.line())?;
        }
        out.flush()
    };
    match write() {
        Ok(()) => Ok(path),
        Err(error) => Err((path, error)),
    }
}
