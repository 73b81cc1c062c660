//! Tasks of the Console view, on connections of its own, under the write lock of the Keys view.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use super::Tasks;
use crate::app::event::Event as AppEvent;
use crate::app::state::State;
use crate::app::theme::Tone;
use crate::app::views::console::{Command, Event};
use crate::inspect::{Connection, Heard, InspectError, Listen, Listener, Session};

/// Carries out a command of the view.
pub(super) fn perform(tasks: &mut Tasks, state: &mut State, command: Command) {
    match command {
        Command::Open => open(tasks, state),
        Command::Run { id, line } => run(tasks, state, id, line),
        Command::Listen { id, listen } => listen_to(tasks, state, id, listen),
        Command::Save { name, heard } => save(tasks, state, name, heard),
    }
}

fn open(tasks: &mut Tasks, state: &mut State) {
    let Some(session) = tasks.session() else {
        return;
    };
    let url = session.workspace.cache.url.clone();
    let lock = state.keys.lock().clone();
    tasks.spawn(state, None, |task| async move {
        let opening = async {
            let connection = Connection::open_with(&url, lock).await?;
            Session::open(&connection).await
        };
        let result = opening
            .await
            .map(Arc::new)
            .map_err(|error: InspectError| error.to_string());
        task.send(AppEvent::Console(Event::Opened(result))).await;
    });
}

/// The console's connection; `None` and an answer where it is not open yet.
fn session(state: &mut State) -> Result<Arc<Session>, String> {
    state
        .console
        .session()
        .cloned()
        .ok_or_else(|| "the connection is still being opened; type it again".to_owned())
}

fn run(tasks: &mut Tasks, state: &mut State, id: u64, line: String) {
    let session = match session(state) {
        Ok(session) => session,
        Err(why) => {
            state.console.apply(Event::Answered {
                id,
                answer: crate::inspect::Answer {
                    text: why,
                    is_whole: true,
                    is_error: true,
                    ..crate::inspect::Answer::default()
                },
            });
            return;
        }
    };
    let task = tasks.spawn(state, None, move |task| async move {
        let answer = session.run_until(&line, &task.cancel).await;
        task.send(AppEvent::Console(Event::Answered { id, answer }))
            .await;
    });
    state.console.runs(id, task, state.clock.now);
}

fn listen_to(tasks: &mut Tasks, state: &mut State, id: u64, listen: Listen) {
    let session = match session(state) {
        Ok(session) => session,
        Err(why) => {
            let result = Err(why);
            state.console.apply(Event::Listening { id, result });
            return;
        }
    };
    let task = tasks.spawn(state, None, move |task| async move {
        let cancel = task.cancel.clone();
        let listening = async {
            let started = Listener::start(session.connection(), &listen).await;
            let (result, listener) = match started {
                Ok(listener) => (Ok(()), Some(listener)),
                Err(error) => (Err(error.to_string()), None),
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
