//! The export dialog: where to, in which form, how far it is.

use std::path::{Path, PathBuf};

use eframe::egui::{Frame, Id, Key, Modal, Modifiers, Ui};

use crate::app::command::{Command, Commands};
use crate::app::state::{State, TaskId};
use crate::app::theme::{Tone, colors, size, text};
use crate::app::widgets::{Button, Field, Tip, notice, progress};
use crate::table::Format;

/// The export dialog, while it is open.
#[derive(Clone, Debug)]
pub struct ExportDialog {
    /// The file; its ending says the format.
    pub path: String,
    /// A byte order mark, for spreadsheets that expect one.
    pub bom: bool,
    /// Text for NULL; empty for an empty field without quotes.
    pub null: String,
    /// Cells that a spreadsheet would run as a formula get an apostrophe.
    pub guard: bool,
    /// Only the rows that the filter shows, in the order they are shown.
    pub shown_only: bool,
    /// A file that is there may be written over: the user said so, here or in the desktop's dialog.
    pub replace: bool,
    /// A file is there, and nobody has said yet that it may be written over.
    pub taken: bool,
    /// Why it did not work.
    pub error: Option<String>,
    /// The task that asks for a file.
    pub choosing: Option<TaskId>,
    /// The task that writes.
    pub writing: Option<TaskId>,
    /// The path field is to get the keyboard.
    focus: bool,
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
            replace: false,
            taken: false,
            error: None,
            choosing: None,
            writing: None,
            focus: true,
        }
    }

    /// The format that the file's ending stands for; CSV where it stands for none.
    pub fn format(&self) -> Format {
        Format::of_path(Path::new(self.path.trim())).unwrap_or_default()
    }

    fn set_format(&mut self, format: Format) {
        let path = Path::new(self.path.trim()).with_extension(format.ending());
        self.set_path(path);
    }

    fn set_path(&mut self, path: PathBuf) {
        self.path = path.to_string_lossy().into_owned();
        self.path_changed();
    }

    /// What was said of one file does not hold for another.
    fn path_changed(&mut self) {
        self.replace = false;
        self.taken = false;
        self.error = None;
    }

    pub(super) fn chosen(&mut self, task: TaskId, path: Option<PathBuf>) {
        if self
            .choosing
            .take_if(|choosing| *choosing == task)
            .is_none()
        {
            return;
        }
        // Without a desktop's dialog there is no file either: the field is the way.
        self.focus = true;
        if let Some(path) = path {
            self.set_path(path);
            self.replace = true;
        }
    }

    pub(super) fn runs(&self, task: TaskId) -> bool {
        self.writing == Some(task)
    }

    pub(super) fn is_taken(&mut self) {
        self.writing = None;
        self.taken = true;
    }

    pub(super) fn failed(&mut self, error: String) {
        self.writing = None;
        self.error = Some(error);
        self.focus = true;
    }

    pub(super) fn ended(&mut self, task: TaskId) {
        self.choosing.take_if(|choosing| *choosing == task);
        self.writing.take_if(|writing| *writing == task);
    }
}

pub(super) fn show(ui: &mut Ui, state: &mut State, out: &mut Commands) {
    let answer = state
        .reports
        .pane()
        .and_then(|pane| Some((pane.draft.name.clone(), pane.answer.as_ref()?)));
    let filtered = answer
        .as_ref()
        .is_some_and(|(_, answer)| answer.rows.order().is_some());
    let title = answer.map_or_else(String::new, |(name, _)| format!("Export {name}"));
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
    let modal = Modal::new(Id::unique("export"))
        .backdrop_color(crate::app::theme::color::backdrop(colors(ui)))
        .frame(Frame::popup(ui.style()).inner_margin(size::SPACE_16));
    let mut write = false;
    let mut close = false;
    let response = modal.show(ui.ctx(), |ui| {
        ui.set_width(480.0);
        ui.spacing_mut().item_spacing.y = size::SPACE_12;
        ui.label(text::heading(ui, &title));
        write |= file(ui, export, out);
        format(ui, export);
        if export.format() == Format::Csv {
            write |= csv(ui, export);
        }
        if filtered {
            ui.checkbox(
                &mut export.shown_only,
                "Only the rows shown, in their order",
            );
        }
        if let Some(error) = &export.error {
            notice(ui, Tone::Error, error);
        } else if export.taken {
            notice(
                ui,
                Tone::Stale,
                "This file is there already; replace it, or give another name",
            );
        }
        if export.writing.is_some() {
            progress(
                ui,
                "Writing the file",
                fraction,
                Tone::Wait,
                ui.available_width(),
            );
        }
        ui.horizontal(|ui| match export.writing {
            Some(task) => {
                let cancel = Button::new("Cancel")
                    .named("Cancel the export")
                    .shortcut("Esc");
                if ui.add(cancel).clicked() {
                    out.send(Command::Cancel(task));
                }
            }
            None => {
                let word = if export.taken {
                    "Replace file"
                } else {
                    "Write file"
                };
                let ready = !export.path.trim().is_empty();
                let button = Button::new(word).primary().shortcut("Enter").enabled(ready);
                write |= ui.add(button).clicked();
                let button = Button::new("Close").bare().named("Close the export");
                close = ui.add(button.tooltip("Esc")).clicked();
            }
        });
    });
    if write && export.writing.is_none() && !export.path.trim().is_empty() {
        export.error = None;
        export.replace |= export.taken;
        export.taken = false;
        out.send(Command::Reports(super::Command::WriteFile));
        return;
    }
    match export.writing {
        // A click beside the dialog must not end an export that runs; Escape says so on purpose.
        Some(task) => {
            if ui.input_mut(|input| input.consume_key(Modifiers::NONE, Key::Escape)) {
                out.send(Command::Cancel(task));
            }
        }
        None => {
            if close || response.should_close() {
                state.reports.export = None;
            }
        }
    }
}

/// The file, and the way to the desktop's dialog; whether Enter was pressed in it.
fn file(ui: &mut Ui, export: &mut ExportDialog, out: &mut Commands) -> bool {
    ui.horizontal(|ui| {
        let field = Field::new("File")
            .inline()
            .mono()
            .width(380.0)
            .enabled(export.writing.is_none());
        let response = field.show(ui, &mut export.path);
        if std::mem::take(&mut export.focus) {
            response.request_focus();
        }
        if response.changed() {
            export.path_changed();
        }
        let choose =
            Button::new("Choose...").enabled(export.choosing.is_none() && export.writing.is_none());
        if ui
            .add(choose.tooltip("Ask with the desktop's file dialog"))
            .clicked()
        {
            out.send(Command::Reports(super::Command::ChooseFile));
        }
        entered(ui, &response)
    })
    .inner
}

fn format(ui: &mut Ui, export: &mut ExportDialog) {
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = size::SPACE_4;
        for format in Format::ALL {
            let button = Button::new(format.name())
                .bare()
                .selected(export.format() == format)
                .enabled(export.writing.is_none());
            if ui.add(button).clicked() {
                export.set_format(format);
            }
        }
    });
}

/// How CSV is written; whether Enter was pressed in the field.
fn csv(ui: &mut Ui, export: &mut ExportDialog) -> bool {
    ui.checkbox(&mut export.guard, "Guard against formulas")
        .tip("Text that a spreadsheet would run as a formula (=, +, -, @) gets an apostrophe before it");
    ui.checkbox(&mut export.bom, "Byte order mark")
        .tip("Older spreadsheets need it to read the file as UTF-8");
    ui.horizontal(|ui| {
        ui.label(text::weak(ui, "NULL as"));
        let field = Field::new("NULL as").inline().mono().width(140.0);
        let response = field.hint("an empty field").show(ui, &mut export.null);
        entered(ui, &response)
    })
    .inner
}

fn entered(ui: &Ui, response: &eframe::egui::Response) -> bool {
    response.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter))
}
