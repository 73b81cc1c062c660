//! A grid's titles: sort by a click, size by dragging the edge, statistics when the pointer rests.

use eframe::egui::accesskit::Role;
use eframe::egui::{Align2, CursorIcon, Id, Rect, Sense, Ui, WidgetInfo, pos2, vec2};

use super::{Grid, GridResponse, GridState, INSET, Layout, Rows, fit};
use crate::app::theme::{Icon, colors, fonts, size};
use crate::app::widgets::Tip;
use crate::app::widgets::paint::{square, text_at};

#[expect(
    clippy::too_many_arguments,
    reason = "what a frame of a grid is made of"
)]
pub(super) fn show(
    ui: &mut Ui,
    id: Id,
    rect: Rect,
    grid: &Grid<'_>,
    state: &mut GridState,
    rows: &dyn Rows,
    layout: &Layout,
    out: &mut GridResponse,
) {
    let colors = colors(ui);
    if grid.numbered {
        let at = pos2(layout.number_right, rect.center().y);
        text_at(
            ui.painter(),
            at,
            Align2::RIGHT_CENTER,
            "#",
            fonts::small_strong(),
            colors.weak,
            40.0,
        );
    }
    for (column, about) in rows.columns().iter().enumerate() {
        let place = layout.cell(state, column, rect);
        if place.right() < rect.left() || place.left() > rect.right() {
            continue;
        }
        let sense = if grid.sortable {
            Sense::click()
        } else {
            Sense::hover()
        };
        let response = ui.interact(
            place.shrink2(vec2(3.0, 0.0)),
            id.with(("title", column)),
            sense,
        );
        let sorted = state
            .sort
            .filter(|(by, _)| *by == column)
            .map(|(_, down)| down);
        let color = if response.hovered() && grid.sortable || sorted.is_some() {
            colors.text
        } else {
            colors.weak
        };
        let inner = place.shrink2(vec2(INSET, 0.0));
        let icon_room = if sorted.is_some() { 14.0 } else { 0.0 };
        let room = inner.width() - icon_room;
        let middle = rect.center().y;
        let painter = ui.painter();
        let font = fonts::small_strong();
        let icon_at = if about.right {
            let at = pos2(inner.right() - icon_room, middle);
            text_at(
                painter,
                at,
                Align2::RIGHT_CENTER,
                &about.name,
                font,
                color,
                room,
            );
            inner.right() - 4.0
        } else {
            let at = pos2(inner.left(), middle);
            text_at(
                painter,
                at,
                Align2::LEFT_CENTER,
                &about.name,
                font,
                color,
                room,
            )
            .right()
                + 10.0
        };
        if let Some(down) = sorted {
            let icon = if down { Icon::Down } else { Icon::Up };
            icon.paint(painter, square(pos2(icon_at, middle), 10.0), color);
        }
        response.widget_info(|| {
            let order = match sorted {
                None => "",
                Some(true) => ", sorted downwards",
                Some(false) => ", sorted upwards",
            };
            WidgetInfo::labeled(Role::ColumnHeader, true, format!("{}{order}", about.name))
        });
        if response.clicked() {
            // Numbers are mostly wanted largest first.
            state.sort = match sorted {
                None => Some((column, about.right)),
                Some(down) if down == about.right => Some((column, !down)),
                Some(_) => None,
            };
            out.sorted = true;
        }
        if rows.has_about(column) {
            response.tip_ui(|ui| rows.about(ui, column));
        }

        let edge = Rect::from_center_size(pos2(place.right(), middle), vec2(6.0, size::HEADER_ROW));
        let edge = ui.interact(edge, id.with(("edge", column)), Sense::CLICK | Sense::DRAG);
        let edge = edge.on_hover_and_drag_cursor(CursorIcon::ResizeHorizontal);
        if edge.hovered() || edge.dragged() {
            ui.painter().vline(
                place.right(),
                rect.y_range(),
                crate::app::theme::line(colors),
            );
        }
        if edge.dragged() {
            state.widths[column] = (state.widths[column] + edge.drag_delta().x).clamp(32.0, 2000.0);
            state.sized[column] = true;
        }
        if edge.double_clicked() {
            state.widths[column] = fit(ui, rows, column);
            state.sized[column] = false;
        }
    }
}
