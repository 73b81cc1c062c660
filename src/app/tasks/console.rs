//! Tasks of the Console view, on a connection of its own, under the write lock of the Keys view.

use std::sync::Arc;

use super::Tasks;
use crate::app::event::Event as AppEvent;
use crate::app::state::State;
use crate::app::views::console::{Command, Event};
use crate::inspect::{Connection, InspectError, Session};

/// Carries out a command of the view.
pub(super) fn perform(tasks: &mut Tasks, state: &mut State, command: Command) {
    match command {
        Command::Open => open(tasks, state),
        Command::Run { id, line } => {
            let Some(session) = state.console.session().cloned() else {
                return;
            };
            tasks.spawn(state, None, move |task| async move {
                let answer = session.run(&line).await;
                task.send(AppEvent::Console(Event::Answered { id, answer }))
                    .await;
            });
        }
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
