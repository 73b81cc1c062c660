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

use eframe::egui::{CentralPanel, Frame, Margin, Panel, Ui};

use crate::app::command::{Command as Asked, Commands};
use crate::app::state::State;
use crate::app::theme::{colors, line, size};
use crate::app::widgets::{self, Button};

/// Why Save does nothing in the demo, and what to do.
pub const NO_FILE: &str = "This workspace has no file to save to; write one with `lookaside demo --load URL` or by hand, and open it";

/// Shows the view.
pub fn show(ui: &mut Ui, state: &mut State, out: &mut Commands) {
    let wide = ui.available_width() > 1100.0;
    let side = Panel::left("report list").exact_size(if wide { 264.0 } else { 224.0 });
    side.resizable(false)
        .show_separator_line(false)
        .frame(Frame::NONE)
        .show(ui, |ui| {
            list::show(ui, state, out);
            let rect = ui.max_rect();
            ui.painter()
                .vline(rect.right() - 0.5, rect.y_range(), line(colors(ui)));
        });
    if state.reports.pane().is_none() {
        nothing(ui, state, out);
        return;
    }
    let card = Panel::right("entry card").exact_size(if wide { 288.0 } else { 240.0 });
    card.resizable(false)
        .show_separator_line(false)
        .frame(Frame::NONE)
        .show(ui, |ui| {
            let rect = ui.max_rect();
            ui.painter()
                .vline(rect.left() + 0.5, rect.y_range(), line(colors(ui)));
            entry::show(ui, state, out);
        });
    CentralPanel::no_frame().show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = size::SPACE_8;
        let inset = Frame::NONE.inner_margin(Margin {
            left: 12,
            right: 12,
            top: 11,
            bottom: 0,
        });
        inset.show(ui, |ui| {
            title::show(ui, state, out);
            editor::show(ui, state, out);
            result::outcome(ui, state, out);
        });
        result::grid(ui, state, out);
    });
    export::show(ui, state, out);
}

fn nothing(ui: &mut Ui, state: &State, out: &mut Commands) {
    CentralPanel::no_frame().show(ui, |ui| {
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
    });
}
