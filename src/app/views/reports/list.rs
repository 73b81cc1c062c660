//! The list of reports: name, state of the entry, last times, and a line through the last latencies.

use eframe::egui::{Align, Align2, Layout, Rect, ScrollArea, Ui, pos2, vec2};

use crate::app::command::{Command, Commands};
use crate::app::format;
use crate::app::state::State;
use crate::app::theme::{Icon, Tone, colors, fonts, size, text};
use crate::app::widgets::{Badge, Button, ListRow, sparkline, text_at};
use crate::engine::{EntryState, Freshness};

use super::model::Item;

const ROW: f32 = 54.0;

/// The badge of a report that cannot be asked for before its parameters have values.
pub(super) const NEEDS_VALUES: (&str, Tone) = ("Needs values", Tone::Bypass);

/// What a badge says, and its colour and shape.
pub(super) fn badge_of(state: Option<&EntryState>, refreshing: bool) -> (&'static str, Tone) {
    if refreshing {
        return ("Refreshing", Tone::Wait);
    }
    let fails =
        state.is_some_and(|state| state.last_failure.is_some() && state.state != Freshness::Fresh);
    if fails {
        return ("Failing", Tone::Error);
    }
    match state.map(|state| state.state) {
        Some(Freshness::Fresh) => ("Fresh", Tone::Hit),
        Some(Freshness::Stale) => ("Stale", Tone::Stale),
        Some(Freshness::Missing) => ("Empty", Tone::Bypass),
        Some(Freshness::Unknown) => ("No cache", Tone::Error),
        None => ("...", Tone::Bypass),
    }
}

/// Whether the worker refreshes an entry of the report now.
pub(super) fn is_refreshing(state: &State, report: &str) -> bool {
    state.worker_status().is_some_and(|status| {
        status
            .queue
            .iter()
            .any(|queued| queued.report == report && queued.started.is_some())
    })
}

pub(super) fn show(ui: &mut Ui, state: &mut State, out: &mut Commands) {
    ui.spacing_mut().item_spacing.y = 0.0;
    let (head, _) = ui.allocate_exact_size(
        vec2(ui.available_width(), size::TOP_BAR),
        eframe::egui::Sense::hover(),
    );
    let inner = head.shrink2(vec2(size::SPACE_12, 0.0));
    let mut bar = ui.new_child(
        eframe::egui::UiBuilder::new()
            .max_rect(inner)
            .layout(Layout::left_to_right(Align::Center)),
    );
    bar.label(text::heading(&bar, "Reports"));
    bar.with_layout(Layout::right_to_left(Align::Center), |ui| {
        let new = Button::new("New")
            .bare()
            .icon(Icon::Plus)
            .named("New report")
            .tooltip("Write a new report (Ctrl N)");
        if ui
            .add_enabled(!state.reports.sources.is_empty(), new)
            .clicked()
        {
            out.send(Command::NewReport);
        }
    });

    let selected = state.reports.selected().map(str::to_owned);
    let mut draft = None;
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        for item in &state.reports.list {
            let chosen = selected.as_deref() == Some(&item.report.name);
            let name = &item.report.name;
            let mut list_row = ListRow::new(name, ROW).selected(chosen);
            let edited = state.reports.is_edited(name);
            if edited {
                list_row = list_row.described("edited, not saved");
            }
            let response = list_row.show(ui, |ui, rect| row(ui, rect, state, item, edited));
            if response.clicked() {
                out.send(Command::SelectReport(item.report.name.clone()));
            }
        }
        for broken in &state.reports.broken {
            let name = broken.part.to_string();
            let name = broken.report().unwrap_or(&name);
            let row = ListRow::new(name, ROW).described(&broken.message);
            row.show(ui, |ui, rect| broken_row(ui, rect, name, &broken.message));
        }
        for (opened_as, name) in state.reports.drafts() {
            let chosen = selected.as_deref() == Some(opened_as);
            let response = ListRow::new(name, ROW)
                .selected(chosen)
                .show(ui, |ui, rect| {
                    let colors = colors(ui);
                    let left = rect.left() + size::SPACE_12;
                    let at = pos2(left, rect.top() + 17.0);
                    text_at(
                        ui.painter(),
                        at,
                        Align2::LEFT_CENTER,
                        name,
                        fonts::body(),
                        colors.strong,
                        rect.width() - 110.0,
                    );
                    let at = pos2(left, rect.top() + 37.0);
                    text_at(
                        ui.painter(),
                        at,
                        Align2::LEFT_CENTER,
                        "not saved",
                        fonts::small(),
                        colors.weak,
                        120.0,
                    );
                    Badge::new("New", Tone::Accent)
                        .paint_right(ui, pos2(rect.right() - size::SPACE_12, rect.top() + 17.0));
                });
            if response.clicked() {
                draft = Some(opened_as.to_owned());
            }
        }
    });
    if let Some(name) = draft {
        state.reports.select_draft(&name);
    }
}

/// A part of the workspace file that cannot be used, and why.
fn broken_row(ui: &Ui, rect: Rect, name: &str, why: &str) {
    let colors = colors(ui);
    let (left, right) = (rect.left() + size::SPACE_12, rect.right() - size::SPACE_12);
    let (first, second) = (rect.top() + 17.0, rect.top() + 37.0);
    let badge = Badge::new("Cannot be used", Tone::Error).paint_right(ui, pos2(right, first));
    for (text, y, end, font, color) in [
        (
            name,
            first,
            badge.left() - 8.0,
            fonts::body(),
            colors.strong,
        ),
        (why, second, right, fonts::small(), colors.weak),
    ] {
        text_at(
            ui.painter(),
            pos2(left, y),
            Align2::LEFT_CENTER,
            text,
            font,
            color,
            end - left,
        );
    }
}

fn row(ui: &Ui, rect: Rect, state: &State, item: &Item, edited: bool) {
    let colors = colors(ui);
    let name = &item.report.name;
    let (left, right) = (rect.left() + size::SPACE_12, rect.right() - size::SPACE_12);
    let (first, second) = (rect.top() + 17.0, rect.top() + 37.0);
    let refreshing = is_refreshing(state, name);
    // The selected report is shown here as in the entry card: with the values that are typed.
    let pane = state
        .reports
        .pane()
        .filter(|_| state.reports.selected() == Some(name));
    let (entry, needs_values) = match pane {
        Some(pane) => {
            let entry = pane.entry.as_ref().filter(|_| pane.request().is_ok());
            (entry, pane.needs_values())
        }
        None => {
            let needs = item.report.params.iter().any(|spec| spec.default.is_none());
            (item.entry.as_ref(), needs && item.entry.is_none())
        }
    };
    let entry = entry.map(|(state, _)| state);
    let (word, tone) = if needs_values {
        NEEDS_VALUES
    } else {
        badge_of(entry, refreshing)
    };
    let badge = Badge::new(word, tone).paint_right(ui, pos2(right, first));
    let painter = ui.painter();
    let room = badge.left() - left - 8.0 - if edited { 14.0 } else { 0.0 };
    let title = text_at(
        painter,
        pos2(left, first),
        Align2::LEFT_CENTER,
        name,
        fonts::body(),
        colors.strong,
        room,
    );
    if edited {
        painter.circle_filled(pos2(title.right() + 9.0, first), 2.5, colors.weak);
    }

    let summary = state.log.summary(name);
    let query = entry
        .and_then(|entry| entry.query_time)
        .map(|time| time.as_secs_f64() * 1000.0);
    let uncached = summary
        .and_then(|summary| summary.last_uncached_ms)
        .or(query);
    let shown = uncached.map_or_else(
        || "uncached not yet".to_owned(),
        |ms| format!("uncached {}", format::ms(ms)),
    );
    let at = pos2(right, second);
    let end = text_at(
        painter,
        at,
        Align2::RIGHT_CENTER,
        &shown,
        fonts::small(),
        colors.weak,
        rect.width() * 0.6,
    );
    let cached = summary.and_then(|summary| summary.last_cached_ms);
    let shown = cached.map_or_else(
        || "cached not yet".to_owned(),
        |ms| format!("cached {}", format::ms(ms)),
    );
    let at = pos2(left, second);
    let begin = text_at(
        painter,
        at,
        Align2::LEFT_CENTER,
        &shown,
        fonts::small(),
        colors.weak,
        rect.width() * 0.5,
    );
    if let Some(summary) = summary.filter(|summary| summary.spark.len() > 2) {
        let room = Rect::from_min_max(
            pos2(begin.right() + 8.0, second - 6.0),
            pos2(end.left() - 8.0, second + 6.0),
        );
        if room.width() > 16.0 {
            let values: Vec<f64> = summary.spark.iter().copied().collect();
            sparkline(
                ui,
                room,
                &values,
                crate::app::theme::faint(colors.weak, 0.8),
            );
        }
    }
}
