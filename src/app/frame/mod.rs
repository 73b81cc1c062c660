//! The frame around the views: top bar, rail, status line, palette and messages.

pub mod focus;
pub mod palette;
mod rail;
mod status;
mod top;
pub mod zoom;

pub(super) use status::worker_line;

use eframe::egui::{Rect, Ui, pos2, vec2};

use super::command::Commands;
use super::commands;
use super::state::State;
use super::theme::{colors, line, size};
use super::views;
use super::widgets::{self, region};

/// Shows the whole window. The parts come in the order in which Tab goes through them.
pub fn show(ui: &mut Ui, state: &mut State, out: &mut Commands) {
    zoom::follow(ui.ctx(), state);
    focus::follow(ui.ctx(), state);
    commands::keyboard(ui, state, out);
    let colors = colors(ui);
    let whole = ui.max_rect();
    ui.painter().rect_filled(whole, 0.0, colors.panel);
    let top = Rect::from_min_size(whole.min, vec2(whole.width(), size::TOP_BAR));
    let status = Rect::from_min_max(
        pos2(whole.left(), whole.bottom() - size::STATUS_LINE),
        whole.max,
    );
    let rail = Rect::from_min_max(
        top.left_bottom(),
        pos2(whole.left() + size::RAIL, status.top()),
    );
    let middle = Rect::from_min_max(rail.right_top(), status.right_top());
    let line = line(colors);
    region(ui, "top bar", top, |ui| top::show(ui, state, out));
    ui.painter().hline(top.x_range(), top.bottom() - 0.5, line);
    region(ui, "rail", rail, |ui| rail::show(ui, state, out));
    ui.painter().vline(rail.right() - 0.5, rail.y_range(), line);
    region(ui, "view", middle, |ui| views::show(ui, state, out));
    ui.painter()
        .hline(status.x_range(), status.top() + 0.5, line);
    region(ui, "status line", status, |ui| status::show(ui, state, out));
    views::keys::show_dialog(ui, state, out);
    palette::show(ui, state, out);
    widgets::toasts(ui.ctx(), &mut state.toasts, state.clock.now);
}
