//! Pointer, keyboard and menu of a grid.

use eframe::egui::{Event, EventFilter, Key, Modifiers, Response, Ui};

use super::{CopyWhat, GridResponse, GridState, Layout, Rows};

pub(super) fn pointer(
    ui: &Ui,
    response: &Response,
    state: &mut GridState,
    rows: &dyn Rows,
    layout: &Layout,
    out: &mut GridResponse,
) {
    if !(response.clicked() || response.secondary_clicked() || response.double_clicked()) {
        return;
    }
    let Some(pos) = response.interact_pointer_pos() else {
        return;
    };
    let _ = (ui, rows);
    if let Some(row) = layout.row_at(state, pos.y) {
        out.selected |= state.row != Some(row);
        state.row = Some(row);
        if let Some(column) = layout.column_at(state, pos.x) {
            state.column = column;
        }
        if response.double_clicked() {
            out.activated = Some(row);
        }
    }
    response.request_focus();
}

pub(super) fn keyboard(
    ui: &Ui,
    response: &Response,
    state: &mut GridState,
    rows: &dyn Rows,
    layout: &Layout,
    out: &mut GridResponse,
) {
    if !response.has_focus() || rows.is_empty() {
        return;
    }
    // Arrows move in the grid, not to the next control; Tab leaves it.
    let filter = EventFilter {
        tab: false,
        horizontal_arrows: true,
        vertical_arrows: true,
        escape: false,
    };
    ui.memory_mut(|memory| memory.set_focus_lock_filter(response.id, filter));
    let last = rows.len() - 1;
    let page = (layout.visible as usize).saturating_sub(1).max(1);
    let at = state.row;
    let step = |row: Option<usize>| row.map_or(0, |row| row.min(last));
    let (mut to, mut column, mut copy) = (None, state.column, None);
    ui.input_mut(|input| {
        let mut pressed = |key| input.consume_key(Modifiers::NONE, key);
        if pressed(Key::ArrowDown) {
            to = Some(at.map_or(0, |row| row.saturating_add(1)));
        }
        if pressed(Key::ArrowUp) {
            to = Some(step(at).saturating_sub(1));
        }
        if pressed(Key::PageDown) {
            to = Some(step(at) + page);
        }
        if pressed(Key::PageUp) {
            to = Some(step(at).saturating_sub(page));
        }
        if pressed(Key::Home) {
            to = Some(0);
        }
        if pressed(Key::End) {
            to = Some(last);
        }
        if pressed(Key::ArrowRight) {
            column = (column + 1).min(rows.columns().len().saturating_sub(1));
        }
        if pressed(Key::ArrowLeft) {
            column = column.saturating_sub(1);
        }
        if pressed(Key::Enter) {
            out.activated = at;
        }
        if input
            .events
            .iter()
            .any(|event| matches!(event, Event::Copy))
            && at.is_some()
        {
            input.events.retain(|event| !matches!(event, Event::Copy));
            copy = Some(CopyWhat::Cell);
        }
    });
    if column != state.column {
        state.column = column;
        let left = layout.column_left(state, column);
        let right = left + state.widths[column];
        if left < layout.left {
            state.x -= layout.left - left;
        } else if right > layout.body.right() {
            state.x += (right - layout.body.right()).min(left - layout.left);
        }
    }
    if let Some(to) = to {
        state.select(to.min(last));
        out.selected |= state.row != at;
        ui.ctx().request_repaint();
    }
    out.copy = out.copy.or(copy);
}

pub(super) fn menu(response: &Response, state: &GridState, out: &mut GridResponse) {
    response.context_menu(|ui| {
        let row = state.row.is_some();
        for (text, what, enabled) in [
            ("Copy cell", CopyWhat::Cell, row),
            ("Copy row", CopyWhat::Row, row),
            ("Copy column", CopyWhat::Column, true),
            ("Copy all", CopyWhat::All, true),
        ] {
            if ui
                .add_enabled(enabled, eframe::egui::Button::new(text))
                .clicked()
            {
                out.copy = Some(what);
                ui.close();
            }
        }
    });
}
