//! A row of a list: the whole width reacts, the selection is a ground and not a frame.

use eframe::egui::accesskit::{self, Role};
use eframe::egui::{Rect, Response, Sense, Ui, WidgetInfo, vec2};

use super::Tip;
use crate::app::theme::{colors, faint};

/// A row of a list; its content is painted by whoever shows it.
#[must_use = "show it in a Ui"]
pub struct ListRow<'a> {
    name: &'a str,
    height: f32,
    selected: bool,
    described: Option<&'a str>,
}

impl<'a> ListRow<'a> {
    /// A row with an accessible name.
    pub fn new(name: &'a str, height: f32) -> Self {
        Self {
            name,
            height,
            selected: false,
            described: None,
        }
    }

    /// Whether it is the selected one.
    pub fn selected(mut self, selected: bool) -> Self {
        self.selected = selected;
        self
    }

    /// What a mark in it means, for those who do not see it and as its tooltip.
    pub fn described(mut self, text: &'a str) -> Self {
        self.described = Some(text);
        self
    }

    /// Takes the row's place; `paint` draws into it.
    pub fn show(self, ui: &mut Ui, paint: impl FnOnce(&Ui, Rect)) -> Response {
        let (rect, response) =
            ui.allocate_exact_size(vec2(ui.available_width(), self.height), Sense::click());
        if ui.is_rect_visible(rect) {
            let colors = colors(ui);
            if self.selected {
                ui.painter().rect_filled(rect, 0.0, colors.accent_ground);
            } else if response.hovered() {
                ui.painter()
                    .rect_filled(rect, 0.0, faint(colors.hover, 0.7));
            }
            paint(ui, rect);
            if response.has_focus() {
                let stroke = eframe::egui::Stroke::new(1.5, colors.accent);
                ui.painter().rect_stroke(
                    rect.shrink(1.0),
                    2.0,
                    stroke,
                    eframe::egui::StrokeKind::Inside,
                );
            }
        }
        response
            .widget_info(|| WidgetInfo::selected(Role::ListItem, true, self.selected, self.name));
        let Some(text) = self.described else {
            return response;
        };
        let write = |node: &mut accesskit::Node| node.set_description(text);
        ui.ctx().accesskit_node_builder(response.id, write);
        response.tip(text)
    }
}
