//! The Connect view: demo, recent workspaces, a new connection.

use eframe::egui::Ui;

use crate::app::command::Commands;
use crate::app::memory::Recent;
use crate::app::state::{Open, State, TaskId};
use crate::app::widgets;

/// What this view keeps.
#[derive(Debug, Default)]
pub struct Connect {
    /// Workspaces that were open, the latest first.
    pub recent: Vec<Recent>,
    error: Option<String>,
}

/// What this view asks for.
#[derive(Clone, Debug)]
pub enum Command {}

/// What this view's tasks report.
#[derive(Debug)]
pub enum Event {}

impl Connect {
    /// Notes a workspace that was opened.
    pub fn remember(&mut self, _open: &Open) {
        self.error = None;
    }

    /// Shows why a workspace could not be opened.
    pub fn failed(&mut self, error: String) {
        self.error = Some(error);
    }

    /// A task ended.
    pub fn ended(&mut self, _task: TaskId) {}

    /// Takes in what a task reports.
    pub fn apply(&mut self, event: Event) {
        match event {}
    }
}

/// Shows the view.
pub fn show(ui: &mut Ui, state: &mut State, _commands: &mut Commands) {
    match &state.connect.error {
        Some(error) => widgets::error(ui, "Could not open", error),
        None => widgets::empty(ui, "See what your cache is worth, and what is in it", ""),
    }
}
