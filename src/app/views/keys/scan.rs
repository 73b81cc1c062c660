//! How far is the scan, and what could it not learn?

use eframe::egui::{Align, Label, Layout, Sense, Ui, vec2};

use super::{Command, Keys, live};
use crate::app::command::{Command as AppCommand, Commands};
use crate::app::format;
use crate::app::theme::{Tone, size, text};
use crate::app::widgets::{Tip, progress};
use crate::inspect::{Pace, Phase, ScanState};

/// What counting elements costs on a server that takes it for use.
pub(super) const COUNTS: &str = "Scan again and count the elements of each collection. This server takes that for use: the idle time of \
     every collection begins again at zero, and eviction by last use takes it for just used";

/// Draws it: "1,000,412 of 1,000,412 keys  complete", a line that fills, and how it went.
pub(super) fn show(ui: &mut Ui, keys: &Keys, state: &ScanState, commands: &mut Commands) {
    let (word, tone) = match &state.phase {
        _ if keys.error.is_some() => ("failed", Tone::Error),
        _ if keys.away.is_some() => ("not connected", Tone::Error),
        Phase::Running => ("partial", Tone::Wait),
        Phase::Paused => ("partial, paused", Tone::Stale),
        Phase::Complete if live::is_outdated(state) => ("outdated", Tone::Stale),
        Phase::Complete => ("complete", Tone::Hit),
        Phase::Cancelled => ("partial, stopped", Tone::Stale),
        Phase::Failed(_) => ("partial, failed", Tone::Error),
    };
    if keys.error.is_some() {
        ui.label(text::tone(ui, tone, "Nothing was scanned"));
        return;
    }
    let seen = state.totals.all.keys;
    let complete =
        matches!(state.phase, Phase::Complete) && !live::is_outdated(state) && keys.away.is_none();
    let about = state.about.max(seen);
    // What came and went in the last seconds is no part of the scan.
    let of = if complete { seen } else { about };
    let about_word = if complete { "" } else { "about " };
    let servers = state.servers as u64;
    let width = ui.available_width();
    ui.allocate_ui_with_layout(
        vec2(width, 22.0),
        Layout::right_to_left(Align::Center),
        |ui| {
            ui.label(text::tone(ui, tone, word));
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                let shown = format!(
                    "{} of {about_word}{} keys",
                    format::count(seen),
                    format::count(of)
                );
                ui.add(Label::new(text::name(ui, shown)).truncate());
            });
        },
    );
    ui.add_space(size::SPACE_4);
    let fraction = if complete || of == 0 {
        1.0
    } else {
        seen as f32 / of as f32
    };
    progress(ui, "Scan", Some(fraction), tone, width);
    ui.add_space(size::SPACE_8);
    let mut detail = format::duration(state.elapsed);
    detail.push_str(if state.pace == Pace::Full {
        ", full speed"
    } else {
        ", gentle pace"
    });
    if servers > 1 {
        detail.push_str(", ");
        detail.push_str(&format::plural(servers, "primary", "primaries"));
    }
    if let Some(p99) = state.ping_p99 {
        detail.push_str(", server p99 ");
        detail.push_str(&format::duration(p99));
    }
    let runs = keys.explorer.is_some() && matches!(state.phase, Phase::Running | Phase::Paused);
    ui.allocate_ui_with_layout(
        vec2(width, 18.0),
        Layout::right_to_left(Align::Center),
        |ui| {
            ui.spacing_mut().item_spacing.x = size::SPACE_8;
            if runs {
                let (word, pace) = if state.pace == Pace::Full {
                    ("Gentle pace", Pace::Gentle)
                } else {
                    ("Full speed", Pace::Full)
                };
                if live::link(ui, word).clicked() {
                    commands.send(AppCommand::Keys(Command::SetPace(pace)));
                }
            }
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                let response = ui.add(
                    Label::new(text::small(ui, &detail))
                        .truncate()
                        .sense(Sense::hover()),
                );
                if state.notes.is_empty() {
                    response.tip(detail);
                } else {
                    response.tip(format!("{detail}\n{}", state.notes.join("\n")));
                }
            });
        },
    );
    live::show(ui, keys, commands);
    if keys.expired && !matches!(state.phase, Phase::Running | Phase::Paused) {
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = size::SPACE_8;
            ui.label(text::small(ui, "Keys have expired since"));
            if live::link(ui, "Rescan now").clicked() {
                commands.send(AppCommand::Keys(Command::Scan));
            }
        });
    } else if let Some(note) = state.notes.first() {
        told(ui, keys, note, &state.notes, commands);
    }
}

/// What could not be learned; elements are counted where the user takes what that costs.
fn told(ui: &mut Ui, keys: &Keys, note: &str, notes: &[String], commands: &mut Commands) {
    let row = Layout::right_to_left(Align::Center);
    ui.allocate_ui_with_layout(vec2(ui.available_width(), 18.0), row, |ui| {
        ui.spacing_mut().item_spacing.x = size::SPACE_8;
        let is_offered =
            !keys.counts_elements && notes.iter().any(|note| note.starts_with("Elements"));
        if is_offered {
            let link = live::link(ui, "Count them");
            if link.clicked() {
                commands.send(AppCommand::Keys(Command::CountElements));
            }
            link.tip(COUNTS);
        }
        ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
            // Why it is so, and what would help, stands in the tip: a side panel has no room for it.
            let what = note.split(':').next().unwrap_or(note);
            ui.add(Label::new(text::small(ui, what)).truncate())
                .tip(notes.join("\n"));
        });
    });
}
