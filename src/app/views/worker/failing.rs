//! Shows which reports cannot be refreshed, why, what their readers get, and when the worker tries again.

use std::time::Duration;

use chrono::{DateTime, Utc};
use eframe::egui::{Align, CornerRadius, Frame, Label, Layout, Margin, Sense, Stroke, Ui, vec2};

use crate::app::command::{Command as AppCommand, Commands};
use crate::app::format;
use crate::app::state::State;
use crate::app::theme::{Tone, colors, size, text};
use crate::app::widgets::{self, Button, counts_down, plot};
use crate::report::ServeOnError;
use crate::worker::{Failing, Status};

/// So many have a card; the others are counted.
const SHOWN: usize = 6;

/// Draws a card for each report that fails.
pub(super) fn show(ui: &mut Ui, state: &State, status: &Status, commands: &mut Commands) {
    for failing in status.failing.iter().take(SHOWN) {
        one(ui, state, failing, commands);
        ui.add_space(size::SPACE_8);
    }
    let more = status.failing.len().saturating_sub(SHOWN);
    if more > 0 {
        let more = format::plural(more as u64, "more report fails", "more reports fail");
        ui.label(text::small(ui, more));
    }
    if !status.failing.is_empty() {
        ui.add_space(size::SPACE_4);
    }
}

fn one(ui: &mut Ui, state: &State, failing: &Failing, commands: &mut Commands) {
    let name = if failing.params.is_empty() {
        failing.report.clone()
    } else {
        format!("{}, {}", failing.report, failing.params)
    };
    let colors = colors(ui);
    Frame::NONE
        .fill(colors.raised)
        .stroke(Stroke::new(1.0, colors.tone(Tone::Error)))
        .corner_radius(CornerRadius::same(size::RADIUS_CARD as u8))
        .inner_margin(Margin::symmetric(size::SPACE_12 as i8, size::SPACE_8 as i8))
        .show(ui, |ui| {
            ui.set_min_width(ui.available_width());
            ui.spacing_mut().item_spacing.y = size::SPACE_4;
            let row = Layout::right_to_left(Align::Center);
            let place = vec2(ui.available_width(), size::BUTTON);
            ui.allocate_ui_with_layout(place, row, |ui| {
                ui.spacing_mut().item_spacing.x = size::SPACE_8;
                let label = format!("Open {}", failing.report);
                let open = Button::new("Open report").named(&label);
                if ui.add(open).clicked() {
                    commands.send(AppCommand::SelectReport(failing.report.clone()));
                }
                ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                    let (rect, _) = ui.allocate_exact_size(vec2(12.0, 18.0), Sense::hover());
                    let center = rect.center();
                    widgets::mark(ui.painter(), colors, center, 10.0, Tone::Error);
                    let name = text::strong(ui, format!("{name} fails"));
                    ui.add(Label::new(name).truncate());
                });
            });
            let message = format::sentence(&failing.failure.message);
            let code = failing.failure.code.as_deref();
            let code = code.map(|code| format!(" ({code})")).unwrap_or_default();
            let message = format!("{}{code}.", message.trim_end_matches('.'));
            ui.add(Label::new(text::body(ui, message)).wrap());
            let told = [
                often(failing),
                served(state, failing).to_owned(),
                next(ui, state, failing),
            ];
            ui.add(Label::new(text::small(ui, told.join(" "))).wrap());
        });
}

/// "Failed 8 times since 20:41:12."
fn often(failing: &Failing) -> String {
    let clock = |at: DateTime<Utc>| plot::clock(plot::seconds(at), true);
    let failure = &failing.failure;
    match (failure.count, failure.first_at, failure.last_at) {
        (0 | 1, _, Some(last)) => format!("Failed at {}.", clock(last)),
        (count, Some(first), _) => {
            format!(
                "Failed {} times since {}.",
                format::count(count),
                clock(first)
            )
        }
        (count, ..) => format!("Failed {} times.", format::count(count)),
    }
}

/// What readers get until a refresh succeeds, by the report's policy.
fn served(state: &State, failing: &Failing) -> &'static str {
    let workspace = state.open.as_ref().map(|open| &open.workspace);
    let report = workspace.and_then(|workspace| workspace.report(&failing.report).ok());
    let policy = report
        .map(|report| report.serve_on_error)
        .unwrap_or_default();
    let is_served = match policy {
        ServeOnError::Never => false,
        ServeOnError::Transient => !failing.failure.permanent,
        ServeOnError::Always => true,
    };
    if is_served {
        "Readers get the older rows, marked stale, as long as they may be served."
    } else {
        "Readers get this error and no older rows."
    }
}

fn next(ui: &Ui, state: &State, failing: &Failing) -> String {
    match failing.failure.next_at {
        Some(at) => {
            let left = (at - state.clock.utc).to_std().unwrap_or(Duration::ZERO);
            if left.is_zero() {
                "It is tried again now.".to_owned()
            } else {
                format!("It is tried again in {}.", counts_down(ui, left))
            }
        }
        None => "No worker tries it again; run it to see whether it works.".to_owned(),
    }
}
