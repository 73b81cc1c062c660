//! The outcome line, the filter and the grid.

use eframe::egui::{Align, Frame, Id, Key, Layout, Margin, Modifiers, Ui};

use crate::app::command::{Command, Commands};
use crate::app::commands::{self, Id as CommandId};
use crate::app::format;
use crate::app::state::State;
use crate::app::theme::{Icon, Tone, fonts, size, text};
use crate::app::widgets::grid::{Grid, Rows};
use crate::app::widgets::{self, Badge, Button, Field, Tip, notice};
use crate::engine::{Outcome, RequestEvent};

use super::pane::{Answer, Pane, Run};

/// What an outcome is called, and its colour and shape.
pub(super) fn outcome_badge(outcome: Outcome) -> (&'static str, Tone) {
    match outcome {
        Outcome::Hit => ("Hit", Tone::Hit),
        Outcome::Miss => ("Miss", Tone::Miss),
        Outcome::StaleHit => ("Stale hit", Tone::Stale),
        Outcome::Bypass => ("Bypass", Tone::Bypass),
        Outcome::Wait => ("Wait", Tone::Wait),
    }
}

pub(super) fn outcome(ui: &mut Ui, state: &mut State, out: &mut Commands) {
    let now = state.clock.now;
    let Some(pane) = state.reports.pane_mut() else {
        return;
    };
    if let Some(failure) = &pane.failure {
        let place = failure
            .position
            .map(|(line, column)| format!(" (line {line}, column {column})"));
        notice(
            ui,
            Tone::Error,
            &format!(
                "{}{}",
                format::sentence(&failure.message),
                place.unwrap_or_default()
            ),
        );
    }
    if pane.run.is_none() && pane.answer.is_none() {
        return;
    }
    ui.horizontal(|ui| {
        ui.set_min_height(size::BUTTON);
        if let Some(run) = &pane.run {
            running(ui, run, pane.answer.as_ref(), now, out);
        } else if let Some(answer) = &pane.answer {
            if pane.failure.is_some() {
                previous(ui, answer);
            } else {
                finished(ui, answer);
            }
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let entry = commands::entry(CommandId::Export);
            let has_rows = pane
                .answer
                .as_ref()
                .is_some_and(|answer| answer.rows.total() > 0);
            let tooltip = if has_rows && pane.failure.is_some() {
                "The last run failed, so these rows do not answer it; run it again to export"
            } else if has_rows && pane.run.is_none() && !pane.is_answered() {
                "The run was ended before its last row; run it again to export"
            } else {
                entry.tooltip
            };
            let export = Button::new(entry.text).enabled(pane.is_answered() && has_rows);
            if ui.add(export.tooltip(tooltip)).clicked() {
                out.send(Command::Reports(super::Command::Export));
            }
            let entry = commands::entry(CommandId::Find);
            let tooltip = format!(
                "{} ({})",
                entry.tooltip,
                entry.shortcut_text().unwrap_or_default()
            );
            let find = Button::new(entry.text)
                .bare()
                .selected(pane.find.shown)
                .tooltip(tooltip);
            if ui.add(find.enabled(pane.answer.is_some())).clicked() {
                if pane.find.shown {
                    close_find(pane, out);
                } else {
                    pane.find.open();
                }
            }
        });
    });
    let answered = pane
        .answer
        .as_ref()
        .filter(|_| pane.run.is_none() && pane.failure.is_none());
    let newer = pane.newer();
    if let (Some(made), Some(answer)) = (newer, answered) {
        offer_newer(ui, made, answer, out);
    } else if let Some(answer) = answered
        && let Some(reason) = &answer.about.reason
    {
        // Why rows are stale is no longer true once the entry is fresh with the same rows.
        let is_over = answer.about.outcome == Outcome::StaleHit && pane.is_fresh_again();
        if is_over {
            ui.label(text::small(ui, "Checked since: these rows are up to date."));
        } else {
            ui.label(text::small(ui, format::sentence(reason)));
        }
    }
    if let Some(event) = answered.and_then(|answer| answer.event.as_ref()) {
        // The database speaks; a loop that prints must not push the rows away.
        for notice in event.notices.iter().take(NOTICES) {
            ui.label(text::small(ui, notice));
        }
        if event.notices.len() > NOTICES {
            let more = format::count((event.notices.len() - NOTICES) as u64);
            ui.label(text::small(
                ui,
                format!("{more} more; lookaside run shows them all"),
            ));
        }
    }
    if pane.find.shown {
        find(ui, pane, out);
    }
}

/// So many sentences of the database stand above the rows.
const NOTICES: usize = 3;

fn running(
    ui: &mut Ui,
    run: &Run,
    answer: Option<&Answer>,
    now: std::time::Instant,
    out: &mut Commands,
) {
    let mine = answer.filter(|answer| answer.task == run.task);
    ui.add(Badge::new("Running", Tone::Wait));
    let elapsed = format::duration(now.saturating_duration_since(run.started));
    ui.label(text::strong(ui, elapsed));
    let doing = match (mine, &run.about) {
        (Some(answer), _) => {
            let rows = answer.rows.total() as u64 + answer.left_out;
            format::plural(rows, "row so far", "rows so far")
        }
        (None, Some(about)) if about.outcome == Outcome::Wait => {
            "waiting for a query that runs already".to_owned()
        }
        _ => "the query runs".to_owned(),
    };
    ui.label(text::weak(ui, doing));
    let cancel = Button::new("Cancel")
        .shortcut("Esc")
        .tooltip("Ends the query on the server too");
    if ui.add(cancel).clicked() {
        out.send(Command::Cancel(run.task));
    }
    ui.ctx().request_repaint_after_secs(0.1);
}

/// Says that a newer answer stands in the cache; the rows change only when that is asked for.
fn offer_newer(
    ui: &mut Ui,
    made: chrono::DateTime<chrono::Utc>,
    answer: &Answer,
    out: &mut Commands,
) {
    let colors = crate::app::theme::colors(ui);
    Frame::NONE
        .fill(colors.accent_ground)
        .corner_radius(size::RADIUS_CONTROL)
        .inner_margin(Margin::symmetric(10, 4))
        .show(ui, |ui| {
            ui.horizontal(|ui| {
                ui.set_min_width(ui.available_width());
                ui.label(text::strong(ui, "Newer answer ready"));
                let of = |at: chrono::DateTime<chrono::Utc>| {
                    at.with_timezone(&chrono::Local).format("%H:%M:%S")
                };
                let times = format!("made {}; these rows are of {}", of(made), of(answer.made));
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                    let show = Button::new("Show").named("Show the newer answer");
                    if ui.add(show.tooltip("Read it from the cache")).clicked() {
                        out.send(Command::Reports(super::Command::Run));
                    }
                    ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                        ui.add(eframe::egui::Label::new(text::body(ui, times)).truncate());
                    });
                });
            });
        });
}

/// The rows of the run before the one that failed, or those that came before it failed.
fn previous(ui: &mut Ui, answer: &Answer) {
    let whole = answer.event.is_some();
    let word = if whole {
        "Previous answer"
    } else {
        "Not whole"
    };
    ui.add(Badge::new(word, Tone::Bypass));
    let rows = answer.rows.total() as u64 + answer.left_out;
    let rows = format::plural(rows, "row", "rows");
    let at = answer.ended.map(|at| {
        let at = at.with_timezone(&chrono::Local);
        at.format("%H:%M:%S").to_string()
    });
    let said = match (whole, at) {
        (true, Some(at)) => format!("{rows} of {at}, before the run that failed"),
        (true, None) => format!("{rows} from before the run that failed"),
        (false, _) => format!("{rows} came before the run failed"),
    };
    ui.add(eframe::egui::Label::new(text::weak(ui, said)).truncate());
}

fn finished(ui: &mut Ui, answer: &Answer) {
    let (word, tone) = outcome_badge(answer.about.outcome);
    ui.add(Badge::new(word, tone));
    ui.spacing_mut().item_spacing.x = 0.0;
    ui.add_space(size::SPACE_12);
    let rows = answer.rows.total() as u64 + answer.left_out;
    ui.label(text::strong(ui, format::count(rows)));
    let Some(event) = &answer.event else {
        ui.label(text::body(ui, " rows, then cancelled"));
        return;
    };
    ui.label(text::body(
        ui,
        if rows == 1 { " row in " } else { " rows in " },
    ));
    ui.label(text::strong(ui, format::ms(event.stages.total_ms)));
    ui.add_space(size::SPACE_12);
    // Find and Export stand on the right.
    let room = ui.available_width() - 140.0;
    if room > 60.0 {
        ui.scope(|ui| {
            ui.set_max_width(room);
            let stages = stages(event);
            ui.add(eframe::egui::Label::new(text::weak(ui, &stages)).truncate())
                .tip(format!(
                    "{stages}, in milliseconds where nothing else is said"
                ));
        });
    }
}

/// Where the time went: "cache 2.6, decode 1.1", in milliseconds where nothing else is said.
fn stages(event: &RequestEvent) -> String {
    let stages = &event.stages;
    let parts = [
        ("cache", stages.cache_ms),
        ("wait", stages.wait_ms),
        ("pool", stages.pool_ms),
        ("query", stages.query_ms),
        ("fetch", stages.fetch_ms),
        ("decode", stages.decode_ms),
    ];
    let shown: Vec<String> = parts
        .iter()
        .filter(|(_, ms)| *ms >= 0.05)
        .map(|(name, ms)| {
            let time = format::ms(*ms);
            format!("{name} {}", time.strip_suffix(" ms").unwrap_or(&time))
        })
        .collect();
    shown.join(", ")
}

fn find(ui: &mut Ui, pane: &mut Pane, out: &mut Commands) {
    ui.horizontal(|ui| {
        let field = Field::new("Show rows that contain")
            .inline()
            .hint("Show rows that contain")
            .width(260.0);
        let response = field
            .id(Id::unique("find rows"))
            .show(ui, &mut pane.find.text);
        if std::mem::take(&mut pane.find.focus) {
            response.request_focus();
        }
        if response.changed() {
            out.send(Command::Reports(super::Command::Order));
        }
        let escape = response.lost_focus()
            && ui.input_mut(|input| input.consume_key(Modifiers::NONE, Key::Escape));
        if let Some(answer) = &pane.answer {
            let shown = format::count(answer.rows.len() as u64);
            let total = format::count(answer.rows.total() as u64);
            ui.label(text::small(ui, format!("{shown} of {total} rows")));
        }
        if pane.ordering.is_some() {
            ui.label(text::small(ui, "searching..."));
        }
        if ui
            .add(Button::icon_only(Icon::Cross, "Close the filter"))
            .clicked()
            || escape
        {
            close_find(pane, out);
        }
    });
}

fn close_find(pane: &mut Pane, out: &mut Commands) {
    pane.find.shown = false;
    if !std::mem::take(&mut pane.find.text).is_empty() {
        out.send(Command::Reports(super::Command::Order));
    }
}

pub(super) fn grid(ui: &mut Ui, state: &mut State, out: &mut Commands) {
    let Some(pane) = state.reports.pane_mut() else {
        return;
    };
    let Some(answer) = &pane.answer else {
        nothing(ui, pane);
        return;
    };
    let old =
        pane.failure.is_some() || pane.run.as_ref().is_some_and(|run| run.task != answer.task);
    if answer.left_out > 0 {
        let shown = format::count(answer.rows.total() as u64);
        Frame::NONE.inner_margin(Margin::symmetric(12, 0)).show(ui, |ui| {
            notice(ui, Tone::Stale, &format!("The first {shown} rows are shown, more do not fit; an export writes all of them"));
        });
    }
    if answer.rows.total() == 0 && !old {
        ui.horizontal(|ui| {
            ui.add_space(size::SPACE_12);
            let names: Vec<&str> = answer
                .rows
                .columns()
                .iter()
                .map(|column| column.name.as_str())
                .collect();
            ui.label(text::small(ui, names.join("   ")).font(fonts::small_strong()));
        });
        if pane.run.is_none() {
            widgets::empty(ui, "No rows", "The query ran and found nothing.");
        }
        return;
    }
    if answer.rows.is_empty() && !pane.find.text.is_empty() && pane.ordering.is_none() {
        let sentence = format!(
            "None of the {} rows contains \"{}\".",
            format::count(answer.rows.total() as u64),
            pane.find.text
        );
        widgets::empty(ui, "No row matches", &sentence);
        return;
    }
    if std::mem::take(&mut pane.unfiltered) {
        out.send(Command::Reports(super::Command::Order));
    }
    let response =
        Grid::new("Result")
            .numbered()
            .dimmed(old)
            .show(ui, &mut pane.grid, &answer.rows);
    if response.sorted {
        out.send(Command::Reports(super::Command::Order));
    }
    if let Some(column) = answer.rows.take_asked()
        && pane.counting.is_none()
    {
        out.send(Command::Reports(super::Command::Facts(column)));
    }
    if let Some(what) = response.copy {
        out.send(Command::Reports(super::Command::Copy(what)));
    }
}

fn nothing(ui: &mut Ui, pane: &Pane) {
    if pane.failure.is_some() {
        return;
    }
    match &pane.run {
        Some(_) => widgets::loading(
            ui,
            "Running",
            "The first rows appear here as soon as they come.",
        ),
        None if pane.draft.sql.trim().is_empty() => {
            widgets::empty(
                ui,
                "An empty report",
                "Write a SELECT above. A :name in it becomes a parameter.",
            );
        }
        None if pane.let_go => widgets::empty(
            ui,
            "Run it again",
            "Its rows were let go to make room for those of another report.",
        ),
        None => widgets::empty(
            ui,
            "Not run yet",
            "Run it to see its rows: from the cache where it is fresh.",
        ),
    }
}
