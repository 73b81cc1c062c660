//! Tasks of the Keys view.

use super::Tasks;
use crate::app::state::State;
use crate::app::views::keys::Command;

/// Carries out a command of the view.
pub(super) fn perform(_tasks: &mut Tasks, _state: &mut State, command: Command) {
    match command {}
}
