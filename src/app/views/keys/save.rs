//! The export of keys or of their analysis to a file.

use std::path::{Path, PathBuf};

use eframe::egui::{Frame, Id, Key, Modal, Modifiers, Ui};

use super::{Command, Keys};
use crate::app::command::{Command as AppCommand, Commands};
use crate::app::theme::{Tone, color, colors, size, text};
use crate::app::widgets::{Button, Field, notice};
use crate::table::Format;

/// What is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum What {
    /// The keys that the table shows, in its order, one row each.
    #[default]
    Keys,
    /// Their analysis.
    Analysis,
}

/// The dialog, while it is open.
#[derive(Clone, Debug, Default)]
pub struct Save {
    path: String,
    what: What,
    /// A file is there already.
    taken: bool,
    error: Option<String>,
    writing: bool,
}

impl Save {
    /// A dialog that begins with this file.
    pub fn new(path: PathBuf, what: What) -> Self {
        Self {
            path: path.to_string_lossy().into_owned(),
            what,
            ..Self::default()
        }
    }

    /// It was not written, for this reason.
    pub(super) fn failed(&mut self, error: String) {
        self.writing = false;
        self.error = Some(error);
    }

    /// A file is there already.
    pub(super) fn is_taken(&mut self) {
        self.writing = false;
        self.taken = true;
    }

    fn problem(&self) -> Option<&'static str> {
        match Format::of_path(Path::new(self.path.trim())) {
            None => Some("End the name with .csv, .json, .parquet or .arrow"),
            Some(_) => None,
        }
    }
}

/// Shows the dialog where it is open.
pub(super) fn show(ui: &mut Ui, keys: &mut Keys, commands: &mut Commands) {
    let Some(mut save) = keys.save.take() else {
        return;
    };
    let colors = colors(ui);
    let modal = Modal::new(Id::unique("export keys"))
        .backdrop_color(color::backdrop(colors))
        .frame(
            Frame::popup(ui.style())
                .fill(colors.raised)
                .inner_margin(size::SPACE_16),
        )
        .show(ui.ctx(), |ui| {
            ui.set_width(440.0);
            ui.spacing_mut().item_spacing.y = size::SPACE_12;
            content(ui, &mut save, keys, commands)
        });
    let keep = modal.inner && !modal.should_close();
    if keep {
        keys.save = Some(save);
    }
}

fn content(ui: &mut Ui, save: &mut Save, keys: &Keys, commands: &mut Commands) -> bool {
    ui.label(text::heading(ui, "Export"));
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = size::SPACE_4;
        let shown = format!(
            "{} shown",
            crate::app::format::plural(keys.view.shown.keys, "key", "keys")
        );
        for (what, label) in [
            (What::Keys, shown.as_str()),
            (What::Analysis, "Their analysis"),
        ] {
            if ui
                .add(Button::new(label).selected(save.what == what))
                .clicked()
            {
                save.what = what;
                save.taken = false;
            }
        }
    });
    let problem = save.problem();
    let field = Field::new("File")
        .mono()
        .problem(problem)
        .show(ui, &mut save.path);
    if field.changed() {
        save.taken = false;
        save.error = None;
    }
    if save.taken {
        notice(
            ui,
            Tone::Stale,
            "A file of that name is there; press Replace to write over it, or choose another name.",
        );
    }
    if let Some(error) = &save.error {
        notice(ui, Tone::Error, &crate::app::format::sentence(error));
    }
    let mut stays = true;
    ui.horizontal(|ui| {
        let label = match (save.writing, save.taken) {
            (true, _) => "Writing",
            (false, true) => "Replace",
            (false, false) => "Export",
        };
        let enabled = problem.is_none() && !save.writing;
        let enter = enabled
            && field.lost_focus()
            && ui.input_mut(|input| input.consume_key(Modifiers::NONE, Key::Enter));
        let write = Button::new(label)
            .named("Write the file")
            .primary()
            .enabled(enabled);
        if ui.add(write).clicked() || enter {
            save.writing = true;
            save.error = None;
            commands.send(AppCommand::Keys(Command::Save {
                path: PathBuf::from(save.path.trim()),
                what: save.what,
                replace: save.taken,
            }));
        }
        if ui.add(Button::new("Cancel").bare()).clicked() {
            stays = false;
        }
    });
    stays
}
