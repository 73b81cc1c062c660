//! Cards, the lines between regions, and rows of label and value.

use eframe::egui::accesskit::Role;
use eframe::egui::{
    Align2, CornerRadius, CursorIcon, Frame, InnerResponse, Margin, Sense, Stroke, Ui, WidgetInfo,
    pos2, vec2,
};

use super::Tip;
use super::paint::{focus_ring, text_at};
use crate::app::theme::{Tone, colors, fonts, line, size, text};

/// A card: for things that are really separate, never inside another card.
pub fn card<R>(ui: &mut Ui, add: impl FnOnce(&mut Ui) -> R) -> InnerResponse<R> {
    let colors = colors(ui);
    Frame::NONE
        .fill(colors.raised)
        .stroke(line(colors))
        .corner_radius(CornerRadius::same(size::RADIUS_CARD as u8))
        .inner_margin(Margin::same(size::SPACE_16 as i8))
        .show(ui, |ui| {
            ui.set_min_width(ui.available_width());
            add(ui)
        })
}

/// A card whose rows reach its edges.
pub fn table_card(ui: &mut Ui, add: impl FnOnce(&mut Ui)) {
    let colors = colors(ui);
    Frame::NONE
        .fill(colors.raised)
        .stroke(line(colors))
        .corner_radius(CornerRadius::same(size::RADIUS_CARD as u8))
        .inner_margin(Margin::symmetric(0, size::SPACE_4 as i8))
        .show(ui, |ui| {
            ui.set_min_width(ui.available_width());
            ui.spacing_mut().item_spacing.y = 0.0;
            add(ui);
        });
}

/// The part of a view between its insets.
pub fn inset(ui: &mut Ui, add: impl FnOnce(&mut Ui)) {
    Frame::NONE
        .inner_margin(Margin::symmetric(size::SPACE_12 as i8, 0))
        .show(ui, add);
}

/// A line across, with air above and below.
pub fn divider(ui: &mut Ui) {
    let (rect, _) = ui.allocate_exact_size(
        vec2(ui.available_width(), 2.0 * size::SPACE_12 + 1.0),
        Sense::hover(),
    );
    ui.painter().hline(
        rect.x_range(),
        rect.center().y.floor() + 0.5,
        line(colors(ui)),
    );
}

/// A line across without air, between a region and the next.
pub fn region_line(ui: &mut Ui) {
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), 1.0), Sense::hover());
    ui.painter()
        .hline(rect.x_range(), rect.center().y, line(colors(ui)));
}

/// The title of a group.
pub fn group_title(ui: &mut Ui, title: &str) {
    ui.label(text::group(ui, title));
}

/// A label on the left and its value on the right, in the strength of running text.
pub fn fact(ui: &mut Ui, label: &str, value: &str) {
    fact_with(ui, label, FactValue::Text(value));
}

/// How the value of a fact looks.
#[derive(Clone, Copy)]
pub enum FactValue<'a> {
    /// Running text.
    Text(&'a str),
    /// The one a person looks for.
    Strong(&'a str),
    /// Mono and clickable.
    Link(&'a str),
    /// In the colour of a meaning.
    Tone(Tone, &'a str),
}

/// Like [`fact`], with the value as `value` says; returns whether a clickable one was clicked.
pub fn fact_with(ui: &mut Ui, label: &str, value: FactValue<'_>) -> bool {
    let colors = colors(ui);
    let (shown, font, color) = match value {
        FactValue::Text(text) => (text, fonts::body(), colors.text),
        FactValue::Strong(text) => (text, fonts::body_strong(), colors.strong),
        FactValue::Link(text) => (text, fonts::mono(), colors.accent),
        FactValue::Tone(tone, text) => (text, fonts::body(), colors.tone(tone)),
    };
    let link = matches!(value, FactValue::Link(_));
    let sense = if link { Sense::click() } else { Sense::hover() };
    let (rect, response) =
        ui.allocate_exact_size(vec2(ui.available_width(), size::LIST_ROW), sense);
    let middle = rect.center().y;
    let painter = ui.painter();
    let left = pos2(rect.left(), middle);
    let label_rect = text_at(
        painter,
        left,
        Align2::LEFT_CENTER,
        label,
        fonts::body(),
        colors.weak,
        rect.width(),
    );
    let room = rect.right() - label_rect.right() - size::SPACE_12;
    let right = pos2(rect.right(), middle);
    let place = text_at(
        painter,
        right,
        Align2::RIGHT_CENTER,
        shown,
        font,
        color,
        room,
    );
    if link && (response.hovered() || response.has_focus()) {
        painter.hline(
            place.x_range(),
            place.bottom() - 1.0,
            Stroke::new(1.0, color),
        );
    }
    if link {
        focus_ring(ui, &response);
    }
    let role = if link { Role::Link } else { Role::Label };
    response.widget_info(|| WidgetInfo::labeled(role, true, format!("{label} {shown}")));
    let clicked = response.clicked();
    if link {
        response
            .on_hover_cursor(CursorIcon::PointingHand)
            .tip(shown);
    } else if place.width() >= room - 1.0 {
        response.tip(shown);
    }
    clicked
}
