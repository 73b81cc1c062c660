//! Tasks of the Reports view.

use super::Tasks;
use crate::app::state::State;
use crate::app::views::reports::Command;

/// Carries out a command of the view.
pub(super) fn perform(_tasks: &mut Tasks, _state: &mut State, command: Command) {
    let _ = command;
}
