//! The badge and the mark: a state as a word, a colour and a shape, so that colour is never the only signal.

use eframe::egui::accesskit::Role;
use eframe::egui::{
    self, Align2, Painter, Pos2, Rect, Response, Sense, Stroke, Ui, Widget, WidgetInfo, pos2, vec2,
};

use super::paint::square;
use crate::app::theme::{Colors, Tone, colors, fonts, size};

/// The shape of a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Shape {
    /// Served from the cache; fresh.
    Circle,
    /// Went to the database.
    Square,
    /// Old.
    Triangle,
    /// Working or waiting.
    Diamond,
    /// Skipped, or not there.
    Ring,
    /// Failed.
    Cross,
}

/// What a mark shows: a shape in the colour of a meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Mark {
    /// The colour.
    pub tone: Tone,
    /// The shape.
    pub shape: Shape,
}

impl From<Tone> for Mark {
    fn from(tone: Tone) -> Self {
        let shape = match tone {
            Tone::Hit | Tone::Accent => Shape::Circle,
            Tone::Miss => Shape::Square,
            Tone::Stale => Shape::Triangle,
            Tone::Wait => Shape::Diamond,
            Tone::Bypass => Shape::Ring,
            Tone::Error => Shape::Cross,
        };
        Self { tone, shape }
    }
}

/// Draws a mark of `side` points around `center`; also for charts.
pub fn mark(painter: &Painter, colors: &Colors, center: Pos2, side: f32, mark: impl Into<Mark>) {
    let mark = mark.into();
    let color = colors.tone(mark.tone);
    let r = side / 2.0;
    match mark.shape {
        Shape::Circle => {
            painter.circle_filled(center, r, color);
        }
        Shape::Square => {
            painter.rect_filled(square(center, side * 0.9), 0.5, color);
        }
        Shape::Triangle => {
            let points = vec![
                center + vec2(0.0, -r),
                center + vec2(r, r * 0.8),
                center + vec2(-r, r * 0.8),
            ];
            painter.add(egui::Shape::convex_polygon(points, color, Stroke::NONE));
        }
        Shape::Diamond => {
            let r = r * 1.1;
            let points = vec![
                center + vec2(0.0, -r),
                center + vec2(r, 0.0),
                center + vec2(0.0, r),
                center + vec2(-r, 0.0),
            ];
            painter.add(egui::Shape::convex_polygon(points, color, Stroke::NONE));
        }
        Shape::Ring => {
            painter.circle_stroke(center, r - 0.75, Stroke::new(1.5, color));
        }
        Shape::Cross => {
            let r = r * 0.8;
            let stroke = Stroke::new(1.6, color);
            painter.line_segment([center + vec2(-r, -r), center + vec2(r, r)], stroke);
            painter.line_segment([center + vec2(r, -r), center + vec2(-r, r)], stroke);
        }
    }
}

/// A plain dot in any colour of the theme, for legends.
pub fn dot(ui: &mut Ui, color: egui::Color32) {
    let (rect, _) = ui.allocate_exact_size(vec2(8.0, 16.0), Sense::hover());
    ui.painter().circle_filled(rect.center(), 3.5, color);
}

/// A state as a word on a faint ground of its colour.
#[must_use = "add it to a Ui or paint it"]
pub struct Badge<'a> {
    text: &'a str,
    mark: Mark,
}

impl<'a> Badge<'a> {
    /// A badge.
    pub fn new(text: &'a str, mark: impl Into<Mark>) -> Self {
        Self {
            text,
            mark: mark.into(),
        }
    }

    /// Its width.
    pub fn width(&self, ui: &Ui) -> f32 {
        (super::text_width(ui, self.text, fonts::small_strong()) + 28.0).ceil()
    }

    /// Draws it with the right end at `right`, vertically centred; returns its rectangle.
    pub fn paint_right(&self, ui: &Ui, right: Pos2) -> Rect {
        let rect = Align2::RIGHT_CENTER.anchor_size(right, vec2(self.width(ui), size::BADGE));
        self.paint(ui, rect);
        rect
    }

    fn paint(&self, ui: &Ui, rect: Rect) {
        let colors = colors(ui);
        let painter = ui.painter();
        painter.rect_filled(rect, size::BADGE / 2.0, colors.ground(self.mark.tone));
        mark(
            painter,
            colors,
            pos2(rect.min.x + 11.0, rect.center().y),
            7.0,
            self.mark,
        );
        let color = colors.tone(self.mark.tone);
        painter.text(
            pos2(rect.min.x + 19.0, rect.center().y.round()),
            Align2::LEFT_CENTER,
            self.text,
            fonts::small_strong(),
            color,
        );
    }
}

impl Widget for Badge<'_> {
    fn ui(self, ui: &mut Ui) -> Response {
        let (rect, response) =
            ui.allocate_exact_size(vec2(self.width(ui), size::BADGE), Sense::hover());
        self.paint(ui, rect);
        response.widget_info(|| WidgetInfo::labeled(Role::Label, true, self.text));
        response
    }
}
