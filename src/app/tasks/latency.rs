//! Tasks of the Latency view.

use super::Tasks;
use crate::app::state::State;
use crate::app::views::latency::Command;

/// Carries out a command of the view.
pub(super) fn perform(_tasks: &mut Tasks, _state: &mut State, command: Command) {
    match command {}
}
