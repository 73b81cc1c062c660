//! The export dialog: where to, in which form, how far it is.

use std::path::PathBuf;

use eframe::egui::{Frame, Id, Modal, Ui};

use crate::app::command::{Command, Commands};
use crate::app::state::{State, TaskId};
use crate::app::theme::{Tone, colors, size, text};
use crate::app::widgets::{Button, Field, notice, progress};

/// The export dialog, while it is open.
#[derive(Clone, Debug)]
pub struct ExportDialog {
    /// The file.
    pub path: String,
    /// A byte order mark, for spreadsheets that expect one.
    pub bom: bool,
    /// Text for NULL; empty for an empty field without quotes.
    pub null: String,
    /// Cells that a spreadsheet would run as a formula get an apostrophe.
    pub guard: bool,
    /// Only the rows that the filter shows, in the order they are shown.
    pub shown_only: bool,
    /// Why it did not work.
    pub error: Option<String>,
    /// The task that asks for a file.
    pub choosing: Option<TaskId>,
    /// The task that writes.
    pub writing: Option<TaskId>,
}

impl ExportDialog {
    /// A dialog for a report, with the guard on.
    pub fn new(path: PathBuf) -> Self {
        Self {
            path: path.to_string_lossy().into_owned(),
            bom: false,
            null: String::new(),
            guard: true,
            shown_only: false,
            error: None,
            choosing: None,
            writing: None,
        }
    }

    pub(super) fn chosen(&mut self, task: TaskId, path: Option<PathBuf>) {
        if self
            .choosing
            .take_if(|choosing| *choosing == task)
            .is_some()
            && let Some(path) = path
        {
            self.path = path.to_string_lossy().into_owned();
        }
    }

    pub(super) fn runs(&self, task: TaskId) -> bool {
        self.writing == Some(task)
    }

    pub(super) fn failed(&mut self, error: String) {
        self.writing = None;
        self.error = Some(error);
    }

    pub(super) fn ended(&mut self, task: TaskId) {
        self.choosing.take_if(|choosing| *choosing == task);
        self.writing.take_if(|writing| *writing == task);
    }
}

pub(super) fn show(ui: &mut Ui, state: &mut State, out: &mut Commands) {
    let filtered = state
        .reports
        .pane()
        .and_then(|pane| pane.answer.as_ref())
        .is_some_and(|answer| answer.rows.order().is_some());
    let fraction = state.reports.export.as_ref().and_then(|export| {
        state
            .running
            .iter()
            .find(|running| Some(running.task) == export.writing)?
            .fraction
    });
    let Some(export) = &mut state.reports.export else {
        return;
    };
    let mut close = false;
    let modal = Modal::new(Id::unique("export"))
        .backdrop_color(crate::app::theme::color::backdrop(colors(ui)))
        .frame(Frame::popup(ui.style()).inner_margin(size::SPACE_16));
    let response = modal.show(ui.ctx(), |ui| {
        ui.set_width(460.0);
        ui.spacing_mut().item_spacing.y = size::SPACE_12;
        ui.label(text::heading(ui, "Export CSV"));
        ui.horizontal(|ui| {
            Field::new("File").inline().mono().width(360.0).enabled(export.writing.is_none()).show(ui, &mut export.path);
            let choose = Button::new("Choose...").enabled(export.choosing.is_none() && export.writing.is_none());
            if ui.add(choose.tooltip("Ask with the desktop's file dialog")).clicked() {
                out.send(Command::Reports(super::Command::ChooseFile));
            }
        });
        ui.checkbox(&mut export.guard, "Guard against formulas")
            .on_hover_text("Text that a spreadsheet would run as a formula (=, +, -, @) gets an apostrophe before it");
        ui.checkbox(&mut export.bom, "Byte order mark")
            .on_hover_text("Older spreadsheets need it to read the file as UTF-8");
        if filtered {
            ui.checkbox(&mut export.shown_only, "Only the rows shown, in their order");
        }
        ui.horizontal(|ui| {
            ui.label(text::weak(ui, "NULL as"));
            Field::new("NULL as").inline().hint("an empty field").mono().width(140.0).show(ui, &mut export.null);
        });
        if let Some(error) = &export.error {
            notice(ui, Tone::Error, error);
        }
        if export.writing.is_some() {
            progress(ui, "Writing the file", fraction, Tone::Wait, ui.available_width());
        }
        ui.horizontal(|ui| {
            if let Some(task) = export.writing {
                if ui.add(Button::new("Cancel").named("Cancel the export")).clicked() {
                    out.send(Command::Cancel(task));
                }
                return;
            }
                let ready = !export.path.trim().is_empty();
                if ui.add(Button::new("Write file").primary().enabled(ready)).clicked() {
                    export.error = None;
                    out.send(Command::Reports(super::Command::WriteFile));
                }
                close = ui.add(Button::new("Close").bare().named("Close the export")).clicked();
        });
    });
    if close || response.should_close() && export.writing.is_none() {
        state.reports.export = None;
    }
}
