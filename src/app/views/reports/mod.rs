//! The Reports view: list, editor, result and entry.

mod editor;
mod entry;
mod event;
mod export;
mod facts;
mod list;
mod model;
mod pane;
mod policy;
mod result;
mod rows;
mod sql;
mod title;

pub use event::{Command, Event};
pub use export::ExportDialog;
pub use facts::{Facts, is_numeric_text};
pub use model::{Item, Reports, Wanted};
pub use pane::{Answer, Failure, Pane, Part, Run};
pub use policy::Policy;
pub use rows::ResultRows;

use eframe::egui::{Frame, Margin, Rect, Ui, pos2, vec2};

use crate::app::command::{Command as Asked, Commands};
use crate::app::state::State;
use crate::app::theme::{colors, line, size};
use crate::app::widgets::{self, Button, region};

/// Why Save does nothing in the demo, and what to do.
pub const NO_FILE: &str = "This workspace has no file to save to; write one with `lookaside demo --load URL` or by hand, and open it";

/// Which part is shown where there is no room for all of them side by side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shown {
    /// The list.
    Reports,
    /// The query, and under it the rows where they fit.
    #[default]
    Query,
    /// The rows.
    Result,
    /// The entry card.
    Entry,
}

/// With less width the entry card, and with still less the list, are not shown beside the query but in its place.
const ENTRY_BESIDE: f32 = 900.0;
const LIST_BESIDE: f32 = 640.0;
/// With less height the query and its rows are shown one at a time.
const ROWS_BELOW: f32 = 400.0;
/// Height of the choice between the parts.
const CHOICE: f32 = 34.0;

/// Shows the view.
pub fn show(ui: &mut Ui, state: &mut State, out: &mut Commands) {
    let whole = ui.available_rect_before_wrap();
    ui.advance_cursor_after_rect(whole);
    let width = whole.width();
    let wide = width > 1100.0;
    let has_pane = state.reports.pane().is_some();
    let list_beside = width >= LIST_BESIDE || !has_pane;
    let entry_beside = width >= ENTRY_BESIDE;
    let rows_below = whole.height() >= ROWS_BELOW;
    let mut rest = whole;
    if list_beside {
        let list = if wide {
            264.0
        } else {
            224.0_f32.min(width * 0.3)
        };
        let place = Rect::from_min_size(whole.min, vec2(list, whole.height()));
        region(ui, "report list", place, |ui| list::show(ui, state, out));
        ui.painter()
            .vline(place.right() - 0.5, place.y_range(), line(colors(ui)));
        rest.min.x = place.right();
    }
    if !has_pane {
        region(ui, "no report", rest, |ui| nothing(ui, state, out));
        return;
    }
    let mut entry = None;
    if entry_beside {
        let card = if wide { 288.0 } else { 240.0 };
        entry = Some(Rect::from_min_max(
            pos2(rest.right() - card, rest.top()),
            rest.max,
        ));
        rest.max.x -= card;
    }
    let mut parts: Vec<(Shown, &str)> = Vec::new();
    if !list_beside {
        parts.push((Shown::Reports, "Reports"));
    }
    parts.push((Shown::Query, "Query"));
    if !rows_below {
        parts.push((Shown::Result, "Result"));
    }
    if !entry_beside {
        parts.push((Shown::Entry, "Entry"));
    }
    let mut shown = Shown::Query;
    if parts.len() > 1 {
        if parts.iter().any(|(part, _)| *part == state.reports.shown) {
            shown = state.reports.shown;
        }
        let place = Rect::from_min_size(rest.min, vec2(rest.width(), CHOICE));
        region(ui, "parts", place, |ui| {
            choice(ui, &parts, shown, &mut state.reports.shown);
        });
        ui.painter()
            .hline(place.x_range(), place.bottom() - 0.5, line(colors(ui)));
        rest.min.y = place.bottom();
    }
    // Tab goes from the query to its entry and not the other way round.
    region(ui, "report", rest, |ui| match shown {
        Shown::Reports => list::show(ui, state, out),
        Shown::Entry => entry::show(ui, state, out),
        Shown::Query => report(ui, state, out, true, rows_below),
        Shown::Result => report(ui, state, out, false, true),
    });
    if let Some(place) = entry {
        ui.painter()
            .vline(place.left() + 0.5, place.y_range(), line(colors(ui)));
        region(ui, "entry card", place, |ui| entry::show(ui, state, out));
    }
    export::show(ui, state, out);
}

fn choice(ui: &mut Ui, parts: &[(Shown, &str)], shown: Shown, chosen: &mut Shown) {
    ui.horizontal_centered(|ui| {
        ui.spacing_mut().item_spacing.x = size::SPACE_4;
        ui.add_space(size::SPACE_8);
        for (part, name) in parts {
            let label = format!("Show {}", name.to_lowercase());
            let button = Button::new(name).bare().named(&label);
            if ui.add(button.selected(*part == shown)).clicked() {
                *chosen = *part;
            }
        }
    });
}

/// The report: its title row, its query, and what came of it.
fn report(ui: &mut Ui, state: &mut State, out: &mut Commands, query: bool, result: bool) {
    ui.spacing_mut().item_spacing.y = size::SPACE_8;
    let inset = Frame::NONE.inner_margin(Margin {
        left: 12,
        right: 12,
        top: 11,
        bottom: 0,
    });
    inset.show(ui, |ui| {
        title::show(ui, state, out);
        if query {
            editor::show(ui, state, out);
        }
        if result {
            result::outcome(ui, state, out);
        }
    });
    if result {
        result::grid(ui, state, out);
    }
}

fn nothing(ui: &mut Ui, state: &State, out: &mut Commands) {
    if state.reports.sources.is_empty() {
        widgets::empty(
            ui,
            "No reports here",
            "This is a cache without databases. Keys shows what it holds.",
        );
        return;
    }
    widgets::empty(
        ui,
        "No reports yet",
        "A report is a SELECT with a name. Its result is cached and kept true.",
    );
    ui.vertical_centered(|ui| {
        if ui.add(Button::new("New report").primary()).clicked() {
            out.send(Asked::NewReport);
        }
    });
}
