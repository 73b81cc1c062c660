//! A race of the selected report, in the view: cached and uncached in turn.

use eframe::egui::{Frame, Margin, Sense, Ui, vec2};

use crate::app::command::{Command, Commands};
use crate::app::format;
use crate::app::state::{State, TaskId};
use crate::app::theme::{Tone, colors, line, size, text};
use crate::app::widgets::{Button, mark};
use crate::engine::latency::Side;
use crate::engine::race::Race;

/// How a race stands.
#[derive(Clone, Debug, Default)]
pub struct RaceView {
    /// Pairs to run.
    pub n: usize,
    /// The laps so far.
    pub race: Race,
    /// Why it ended early.
    pub error: Option<String>,
}

/// The race as a strip above the result.
pub(super) fn show(ui: &mut Ui, state: &mut State, out: &mut Commands) {
    let Some(pane) = state.reports.pane() else {
        return;
    };
    let Some(race) = &pane.race else { return };
    let running = pane.racing;
    let (compared, same) = race.race.compared();
    let mut close = false;
    Frame::NONE
        .fill(colors(ui).raised)
        .stroke(line(colors(ui)))
        .corner_radius(size::RADIUS_CARD)
        .inner_margin(Margin::symmetric(12, 8))
        .show(ui, |ui| {
            ui.horizontal(|ui| {
                side(ui, Side::Cached, race);
                ui.add_space(size::SPACE_16);
                side(ui, Side::Uncached, race);
                ui.add_space(size::SPACE_16);
                if let Some(speedup) = race.race.speedup() {
                    let ratio = if speedup >= 10.0 {
                        format!("{speedup:.0}")
                    } else {
                        format!("{speedup:.1}")
                    };
                    ui.label(text::heading(
                        ui,
                        format!("{}x", format::group_digits(&ratio)),
                    ));
                    ui.label(text::weak(ui, "faster by the medians"));
                }
                ui.with_layout(
                    eframe::egui::Layout::right_to_left(eframe::egui::Align::Center),
                    |ui| {
                        close = buttons(ui, running, out);
                    },
                );
            });
            match &race.error {
                Some(error) => {
                    ui.label(text::tone(ui, Tone::Error, error));
                }
                None if compared > 0 => {
                    let tone = if same == compared {
                        Tone::Hit
                    } else {
                        Tone::Error
                    };
                    let sentence = format!(
                        "{same} of {compared} answers identical, by the checksum over every value"
                    );
                    ui.label(text::tone(ui, tone, sentence));
                }
                None => {}
            }
        });
    if close && let Some(pane) = state.reports.pane_mut() {
        pane.race = None;
    }
}

fn side(ui: &mut Ui, side: Side, view: &RaceView) {
    let (tone, name) = match side {
        Side::Cached => (Tone::Hit, "Cached"),
        Side::Uncached => (Tone::Miss, "Uncached"),
    };
    let (rect, _) = ui.allocate_exact_size(vec2(10.0, 20.0), Sense::hover());
    mark(ui.painter(), colors(ui), rect.center(), 9.0, tone);
    ui.label(text::body(ui, name));
    match view.race.summary(side) {
        Some(summary) => {
            ui.label(text::strong(ui, format::ms(summary.p50_ms)));
            ui.label(text::small(ui, format!("{} of {}", summary.n, view.n)));
        }
        None => {
            ui.label(text::weak(ui, "waiting"));
        }
    }
}

fn buttons(ui: &mut Ui, running: Option<TaskId>, out: &mut Commands) -> bool {
    match running {
        Some(task) => {
            if ui.add(Button::new("Stop").named("Stop the race")).clicked() {
                out.send(Command::Cancel(task));
            }
            false
        }
        None => ui
            .add(Button::icon_only(
                crate::app::theme::Icon::Cross,
                "Close the race",
            ))
            .clicked(),
    }
}
