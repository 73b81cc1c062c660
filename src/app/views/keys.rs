//! The Keys view.

use eframe::egui::Ui;

use crate::app::command::Commands;
use crate::app::state::State;
use crate::app::theme::{size, text};
use crate::app::widgets;

/// What this view keeps.
#[derive(Debug, Default)]
pub struct Keys {}

/// What this view asks for.
#[derive(Clone, Debug)]
pub enum Command {}

/// What this view's tasks report.
#[derive(Debug)]
pub enum Event {}

impl Keys {
    /// Takes in what a task reports.
    pub fn apply(&mut self, event: Event) {
        match event {}
    }

    /// Gives the keyboard to the filter.
    pub fn find(&mut self) {}

    /// Selects a Redis key by its whole name; the command that reads it, where one is needed.
    pub fn show_key(&mut self, _key: String) -> Option<Command> {
        None
    }
}

/// Shows the view.
pub fn show(ui: &mut Ui, _state: &mut State, _commands: &mut Commands) {
    ui.add_space(size::SPACE_12);
    ui.label(text::heading(ui, "Keys"));
    widgets::empty(ui, "Nothing to show yet", "");
}
