//! The demo's card.

use eframe::egui::{Label, Ui};

use crate::app::command::{Command, Commands};
use crate::app::state::State;
use crate::app::theme::{Tone, size, text};
use crate::app::widgets::{Button, card, progress};

pub(super) fn show(ui: &mut Ui, state: &State, out: &mut Commands) {
    card(ui, |ui| {
        ui.spacing_mut().item_spacing.y = size::SPACE_8;
        ui.label(text::heading(ui, "Try the demo"));
        let sentence = "600,000 order lines in SQLite, a private Redis, eight slow reports and new orders coming in. \
                        Nothing to install or configure; takes about 10 seconds to make.";
        ui.add(Label::new(text::body(ui, sentence)).wrap());
        ui.add_space(size::SPACE_4);
        if let Some(opening) = &state.opening {
            let what = if opening.what.is_empty() {
                format!("Opening {}", opening.title)
            } else {
                opening.what.clone()
            };
            ui.horizontal(|ui| {
                ui.label(text::weak(ui, &what));
            });
            progress(
                ui,
                &what,
                opening.fraction,
                Tone::Wait,
                ui.available_width(),
            );
            if ui
                .add(Button::new("Cancel").named("Cancel opening"))
                .clicked()
            {
                out.send(Command::Cancel(opening.task));
            }
            return;
        }
        ui.horizontal(|ui| {
            // Once a connection is typed, its button is the primary one.
            let mut start = Button::new("Start the demo");
            if state.connect.form.is_empty() {
                start = start.primary();
            }
            if ui.add(start).clicked() {
                out.send(Command::StartDemo { scale: 0.1 });
            }
            let full = Button::new("Full size, 6 million lines")
                .tooltip("TPC-H at scale 1: takes some minutes and 2 GB");
            if ui.add(full).clicked() {
                out.send(Command::StartDemo { scale: 1.0 });
            }
        });
    });
}
