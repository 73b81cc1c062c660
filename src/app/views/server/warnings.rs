//! What should somebody do something about, on top, the gravest first.

use eframe::egui::{Align, Layout, Ui};

use crate::app::command::{Command as AppCommand, Commands};
use crate::app::format;
use crate::app::state::State;
use crate::app::theme::{Tone, size};
use crate::app::widgets::{Button, notice};
use crate::inspect::server::{Severity, Warning};

/// Sentences that are shown at once; the others on demand.
const SHOWN: usize = 2;

/// Shows the sentences.
pub(super) fn show(ui: &mut Ui, state: &mut State, commands: &mut Commands) {
    let view = &mut state.server;
    let mut any = false;
    if let Some(why) = &view.seen.lost {
        let sentence =
            format!("The figures stand still: {why}; it is tried again every few seconds.");
        notice(ui, Tone::Error, &sentence);
        any = true;
    }
    let warnings = view.seen.warnings();
    let shown = if view.all_warnings {
        warnings.len()
    } else {
        // A single one that would be left is shown instead of a button that shows it.
        SHOWN + usize::from(warnings.len() == SHOWN + 1)
    };
    for warning in warnings.iter().take(shown) {
        one(ui, warning, commands);
        any = true;
    }
    let left = warnings.len().saturating_sub(SHOWN);
    if left > 1 {
        let text = if view.all_warnings {
            "Show fewer".to_owned()
        } else {
            format!("{} more", format::count((warnings.len() - shown) as u64))
        };
        if ui.add(Button::new(&text).bare()).clicked() {
            view.all_warnings = !view.all_warnings;
        }
    }
    if any {
        ui.add_space(size::SPACE_8);
    }
}

fn one(ui: &mut Ui, warning: &Warning, commands: &mut Commands) {
    let tone = match warning.severity {
        Severity::Failing => Tone::Error,
        Severity::Risk => Tone::Stale,
        Severity::Hint => Tone::Bypass,
    };
    let Some(command) = warning.command else {
        notice(ui, tone, &warning.text);
        ui.add_space(2.0);
        return;
    };
    ui.allocate_ui_with_layout(
        eframe::egui::vec2(ui.available_width(), size::BUTTON),
        Layout::right_to_left(Align::Center),
        |ui| {
            let button = Button::new("Copy command")
                .bare()
                .tooltip(command)
                .named(command);
            if ui.add(button).clicked() {
                commands.send(AppCommand::Copy(command.to_owned()));
            }
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                notice(ui, tone, &warning.text);
            });
        },
    );
}
