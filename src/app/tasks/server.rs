//! Tasks of the Server view: it is asked over a connection of its own that never writes, while the view is shown.

use std::time::Duration;

use super::{Task, Tasks};
use crate::app::command::View;
use crate::app::event::Event as AppEvent;
use crate::app::state::State;
use crate::app::views::server::{Command, Event};
use crate::inspect::Connection;
use crate::inspect::server::{Focus, News, observe};
use crate::workspace::ConnectionUrl;

/// The pause before a server that cannot be reached is tried again.
const PAUSE: Duration = Duration::from_secs(5);

/// Carries out a command of the view.
pub(super) fn perform(tasks: &mut Tasks, state: &mut State, command: Command) {
    match command {
        Command::Watch => {
            let Some(session) = tasks.session() else {
                return;
            };
            if state.server.is_watched() {
                return;
            }
            let url = session.workspace.cache.url.clone();
            let focus = state.server.focus.clone();
            let task = tasks.spawn(state, None, |task| async move {
                tokio::select! {
                    () = task.cancel.cancelled() => {}
                    () = watch(&task, &url, &focus) => {}
                }
            });
            state.server.watched_by(task);
        }
    }
}

/// Ends the asking when nobody looks any more.
pub(super) fn tend(tasks: &mut Tasks, state: &mut State) {
    let is_shown = state.view == View::Server;
    if let Some(task) = state.server.unwatch(state.clock.now, is_shown) {
        tasks.cancel(task);
    }
}

async fn watch(task: &Task, url: &ConnectionUrl, focus: &Focus) {
    let tell = |news| {
        task.send(AppEvent::Server(Event {
            task: task.id,
            news,
        }))
    };
    loop {
        match Connection::open(url).await {
            Ok(connection) => return observe(&connection, focus, tell).await,
            Err(error) => {
                if !tell(News::Lost(error.to_string())).await {
                    return;
                }
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}
