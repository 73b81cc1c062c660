//! Painting that several widgets share.

use std::sync::Arc;

use eframe::egui::{
    Align2, Color32, FontId, Galley, Painter, Pos2, Rect, Response, Stroke, StrokeKind, Ui,
    UiBuilder, vec2,
};

use crate::app::theme::{colors, fonts, size, text};

/// Draws a ring around a control that has the keyboard.
pub fn focus_ring(ui: &Ui, response: &Response) {
    if response.has_focus() {
        ui.painter().rect_stroke(
            response.rect.expand(2.0),
            size::RADIUS_CONTROL + 1.0,
            Stroke::new(1.5, colors(ui).accent),
            StrokeKind::Inside,
        );
    }
}

/// A part of a view with a place and an id of its own; what is drawn in it stays in it.
pub fn region(ui: &mut Ui, name: &str, rect: Rect, add: impl FnOnce(&mut Ui)) {
    let mut child = ui.new_child(UiBuilder::new().id_salt(name).max_rect(rect));
    child.set_clip_rect(rect.intersect(ui.clip_rect()));
    add(&mut child);
}

/// One line of text in at most `width` points, with an ellipsis where it is longer.
pub fn elide(
    painter: &Painter,
    text: &str,
    font: FontId,
    color: Color32,
    width: f32,
) -> Arc<Galley> {
    // A cell may hold megabytes: lay out no more than could ever be seen in one line.
    let limit = (width / 2.0).max(8.0) as usize;
    let end = text
        .char_indices()
        .nth(limit)
        .map_or(text.len(), |(at, _)| at);
    let mut shown = text[..end].replace(['\n', '\r', '\t'], " ");
    shown = text::drawn(&shown).into_owned();
    if end < text.len() {
        shown.push('…');
    }
    let mut job = eframe::egui::text::LayoutJob::simple_singleline(shown, font, color);
    job.wrap = eframe::egui::text::TextWrapping::truncate_at_width(width.max(1.0));
    painter.layout_job(job)
}

/// Draws one line of text, vertically centred at `pos`, elided at `width`; returns where it stands.
pub fn text_at(
    painter: &Painter,
    pos: Pos2,
    align: Align2,
    text: &str,
    font: FontId,
    color: Color32,
    width: f32,
) -> Rect {
    let galley = elide(painter, text, font, color, width);
    let rect = align.anchor_size(pos, galley.size());
    // Whole points vertically, so that rows of text do not dance.
    painter.galley(
        eframe::egui::pos2(rect.min.x, rect.min.y.round()),
        galley,
        color,
    );
    rect
}

/// The width of a line of text.
pub fn text_width(ui: &Ui, text: &str, font: FontId) -> f32 {
    ui.painter()
        .layout_no_wrap(text.to_owned(), font, colors(ui).text)
        .size()
        .x
}

/// A name in the mono face, cut in the middle where it is wider than `width`.
pub fn cut(ui: &Ui, name: &str, width: f32) -> String {
    let wide = |name: &str| text_width(ui, name, fonts::mono());
    // Less than a point is lost to rounding.
    let room = (width - 1.0).max(1.0);
    let most = (room / wide("0").max(1.0)) as usize;
    let shown = text::middle(name, most);
    let width = wide(&shown);
    if width <= room {
        return shown;
    }
    // Letters of other scripts are wider.
    let fewer = shown.chars().count() as f32 * room / width;
    text::middle(name, fewer as usize)
}

/// A rectangle of `side` around `center`.
pub(super) fn square(center: Pos2, side: f32) -> Rect {
    Rect::from_center_size(center, vec2(side, side))
}
