//! Tasks of the Worker view.

use super::Tasks;
use crate::app::state::State;
use crate::app::views::worker::Command;

/// Carries out a command of the view.
pub(super) fn perform(tasks: &mut Tasks, _state: &mut State, command: Command) {
    let Some(worker) = tasks.session().and_then(|session| session.worker.clone()) else {
        return;
    };
    match command {
        Command::Pause => worker.pause(),
        Command::Resume => worker.resume(),
    }
}
