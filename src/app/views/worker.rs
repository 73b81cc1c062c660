//! The Worker view.

use eframe::egui::Ui;

use crate::app::command::Commands;
use crate::app::state::State;
use crate::app::theme::{size, text};
use crate::app::widgets;

/// What this view keeps.
#[derive(Debug, Default)]
pub struct WorkerView {}

/// What this view asks for.
#[derive(Clone, Debug)]
pub enum Command {}

/// What this view's tasks report.
#[derive(Debug)]
pub enum Event {}

impl WorkerView {
    /// Takes in what a task reports.
    pub fn apply(&mut self, event: Event) {
        match event {}
    }
}

/// Shows the view.
pub fn show(ui: &mut Ui, _state: &mut State, _commands: &mut Commands) {
    ui.add_space(size::SPACE_12);
    ui.label(text::heading(ui, "Worker"));
    widgets::empty(ui, "Nothing to show yet", "");
}
