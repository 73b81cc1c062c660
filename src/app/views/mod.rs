//! The views. Each has its state, its commands, its events and one `show`; none of them waits for anything.

pub mod connect;
pub mod console;
pub mod keys;
pub mod latency;
pub mod reports;
pub mod server;
pub mod worker;

use eframe::egui::Ui;

use super::command::{Commands, View};
use super::state::State;

/// Shows the view that `state` names.
pub fn show(ui: &mut Ui, state: &mut State, commands: &mut Commands) {
    match state.view {
        View::Connect => connect::show(ui, state, commands),
        View::Reports => reports::show(ui, state, commands),
        View::Keys => keys::show(ui, state, commands),
        View::Latency => latency::show(ui, state, commands),
        View::Worker => worker::show(ui, state, commands),
        View::Server => server::show(ui, state, commands),
        View::Console => console::show(ui, state, commands),
    }
}
