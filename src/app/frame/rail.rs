//! The rail: one place a view.

use eframe::egui::accesskit::Role;
use eframe::egui::{Align2, Rect, Sense, Stroke, StrokeKind, Ui, WidgetInfo, pos2, vec2};

use crate::app::command::{Command, Commands, View};
use crate::app::state::State;
use crate::app::theme::{Icon, colors, faint, fonts, size};
use crate::app::widgets::Tip;

const PLACES: [(View, Icon); 6] = [
    (View::Reports, Icon::Reports),
    (View::Keys, Icon::Keys),
    (View::Latency, Icon::Latency),
    (View::Worker, Icon::Worker),
    (View::Server, Icon::Server),
    (View::Console, Icon::Console),
];

pub(super) fn show(ui: &mut Ui, state: &State, out: &mut Commands) {
    ui.spacing_mut().item_spacing.y = 0.0;
    ui.add_space(size::SPACE_8);
    for (view, icon) in PLACES {
        let selected = state.view == view;
        let usable = state.open.is_some();
        let sense = if usable {
            Sense::click()
        } else {
            Sense::hover()
        };
        let (rect, response) = ui.allocate_exact_size(vec2(size::RAIL, size::RAIL_ITEM), sense);
        let colors = colors(ui);
        let painter = ui.painter();
        if selected {
            painter.rect_filled(rect, 0.0, colors.accent_ground);
            painter.rect_filled(
                Rect::from_min_size(rect.min, vec2(2.0, rect.height())),
                0.0,
                colors.accent,
            );
        } else if usable && response.hovered() {
            painter.rect_filled(rect, 0.0, faint(colors.hover, 0.7));
        }
        let color = if selected { colors.strong } else { colors.weak };
        let place = Rect::from_center_size(
            pos2(rect.center().x, rect.top() + 19.0),
            vec2(size::ICON_RAIL, size::ICON_RAIL),
        );
        icon.paint(painter, place, color);
        painter.text(
            pos2(rect.center().x, rect.top() + 36.0),
            Align2::CENTER_CENTER,
            view.name(),
            fonts::tiny(),
            color,
        );
        if response.has_focus() {
            painter.rect_stroke(
                rect.shrink(2.0),
                4.0,
                Stroke::new(1.5, colors.accent),
                StrokeKind::Inside,
            );
        }
        response.widget_info(|| WidgetInfo::selected(Role::Tab, usable, selected, view.name()));
        let response = if usable {
            response
        } else {
            response.tip("Open a workspace or the demo first")
        };
        if response.clicked() {
            out.send(Command::Show(view));
        }
    }
}
