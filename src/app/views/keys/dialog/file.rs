//! Where does a value's file go?

use std::path::PathBuf;

use eframe::egui::{Key as Keyboard, Ui};

use super::{Command, End, cancels, closes};
use crate::app::format;
use crate::app::state::Running;
use crate::app::theme::{Tone, text};
use crate::app::widgets::{Button, Field, notice, progress};

/// Draws it.
pub(super) fn show(
    ui: &mut Ui,
    path: &mut String,
    taken: &mut bool,
    running: Option<&Running>,
    busy: bool,
    focus: bool,
    error: Option<&str>,
) -> Option<End> {
    ui.label(text::heading(ui, "Download the value"));
    let response = Field::new("File").mono().enabled(!busy).show(ui, path);
    if focus {
        response.request_focus();
    }
    if response.changed() {
        *taken = false;
    }
    let entered = response.lost_focus() && ui.input(|input| input.key_pressed(Keyboard::Enter));
    if *taken {
        notice(
            ui,
            Tone::Stale,
            "This file is there already; replace it, or give another name",
        );
    }
    if let Some(error) = error {
        notice(ui, Tone::Error, &format::sentence(error));
    }
    if let Some(running) = running {
        progress(
            ui,
            "Reading the value",
            running.fraction,
            Tone::Wait,
            ui.available_width(),
        );
    }
    let mut end = None;
    ui.horizontal(|ui| {
        if busy {
            end = cancels(ui, "Cancel the download");
            return;
        }
        let word = if *taken { "Replace file" } else { "Write file" };
        let ready = !path.trim().is_empty();
        if (ui.add(Button::new(word).primary().enabled(ready)).clicked() || entered) && ready {
            end = Some(End::Send(Command::Download {
                path: PathBuf::from(path.trim()),
                replace: *taken,
            }));
        }
        end = closes(ui).or(end.take());
    });
    end
}
