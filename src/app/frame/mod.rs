//! The frame around the views: top bar, rail, status line, palette and messages.

pub mod palette;
mod rail;
mod status;
mod top;

use eframe::egui::{CentralPanel, Frame, Panel, Ui};

use super::command::Commands;
use super::commands;
use super::state::State;
use super::theme::{colors, line, size};
use super::{views, widgets};

/// Shows the whole window.
pub fn show(ui: &mut Ui, state: &mut State, out: &mut Commands) {
    commands::keyboard(ui, state, out);
    let colors = colors(ui);
    let bar = Frame::NONE.fill(colors.panel);
    ui.painter().rect_filled(ui.max_rect(), 0.0, colors.panel);

    Panel::top("top bar")
        .exact_size(size::TOP_BAR)
        .resizable(false)
        .show_separator_line(false)
        .frame(bar)
        .show(ui, |ui| {
            top::show(ui, state, out);
            let rect = ui.max_rect();
            ui.painter()
                .hline(rect.x_range(), rect.bottom() - 0.5, line(colors));
        });
    Panel::bottom("status line")
        .exact_size(size::STATUS_LINE)
        .resizable(false)
        .show_separator_line(false)
        .frame(bar)
        .show(ui, |ui| {
            let rect = ui.max_rect();
            ui.painter()
                .hline(rect.x_range(), rect.top() + 0.5, line(colors));
            status::show(ui, state, out);
        });
    Panel::left("rail")
        .exact_size(size::RAIL)
        .resizable(false)
        .show_separator_line(false)
        .frame(bar)
        .show(ui, |ui| {
            rail::show(ui, state, out);
            let rect = ui.max_rect();
            ui.painter()
                .vline(rect.right() - 0.5, rect.y_range(), line(colors));
        });
    CentralPanel::no_frame().frame(bar).show(ui, |ui| {
        views::show(ui, state, out);
    });
    views::keys::show_dialog(ui, state, out);
    palette::show(ui, state, out);
    widgets::toasts(ui.ctx(), &mut state.toasts, state.clock.now);
}
