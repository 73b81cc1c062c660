//! The Reports view: list, editor, result and entry.

use std::time::Instant;

use eframe::egui::Ui;

use crate::app::command::Commands;
use crate::app::state::{State, TaskId};
use crate::app::theme::Tone;
use crate::app::widgets;
use crate::workspace::Workspace;

/// What this view keeps.
#[derive(Debug, Default)]
pub struct Reports {
    names: Vec<String>,
}

/// What this view asks for, of the selected report.
#[derive(Clone, Debug)]
pub enum Command {
    /// Run it through the cache.
    Run,
    /// Run its query past the cache.
    RunUncached,
    /// Cached against uncached.
    Race,
    /// Re-run the query and replace the entry.
    Refresh,
    /// Write the result to a file.
    Export,
    /// Write the report to the workspace file.
    Save,
}

/// What this view's tasks report.
#[derive(Debug)]
pub enum Event {}

impl Reports {
    /// Shows the reports of a workspace.
    pub fn open(&mut self, workspace: &Workspace) {
        self.names = workspace
            .reports
            .iter()
            .map(|report| report.name.clone())
            .collect();
    }

    /// The reports' names in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// Selects a report.
    pub fn select(&mut self, _name: &str) {}

    /// Begins a new report.
    pub fn new_report(&mut self) {}

    /// Gives the keyboard to the filter.
    pub fn find(&mut self) {}

    /// Whether there is a result.
    pub fn has_rows(&self) -> bool {
        false
    }

    /// Whether a report is selected and its parameters are in order.
    pub fn can_run(&self) -> bool {
        false
    }

    /// Whether there are changes to write to the workspace file.
    pub fn can_save(&self) -> bool {
        false
    }

    /// The Redis key of the selected report's entry.
    pub fn entry_key(&self) -> Option<String> {
        None
    }

    /// A task ended.
    pub fn ended(&mut self, _task: TaskId) {}

    /// Takes in what a task reports; gives back messages for the corner.
    pub fn apply(&mut self, event: Event, _now: Instant) -> Vec<(Tone, String)> {
        match event {}
    }
}

/// Shows the view.
pub fn show(ui: &mut Ui, _state: &mut State, _commands: &mut Commands) {
    widgets::empty(ui, "No reports", "");
}
