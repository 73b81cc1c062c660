//! A small table: a header and rows of text, badges and numbers under one another. For results with many columns or
//! rows there is the grid.

use eframe::egui::accesskit::Role;
use eframe::egui::{Align2, Rect, Sense, Ui, WidgetInfo, pos2, vec2};

use super::Tip;
use super::badge::{Badge, Mark};
use super::paint::text_at;
use crate::app::theme::{Tone, colors, fonts, line, size};

/// A column of a small table.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Its title; may be empty.
    pub title: &'static str,
    /// Points that it needs.
    pub width: f32,
    /// Its part of the width that is left.
    pub grow: f32,
    /// Whether its content stands on the right, as numbers do.
    pub right: bool,
}

impl Column {
    /// A column of text.
    pub const fn text(title: &'static str, width: f32, grow: f32) -> Self {
        Self {
            title,
            width,
            grow,
            right: false,
        }
    }

    /// A column of numbers.
    pub const fn number(title: &'static str, width: f32, grow: f32) -> Self {
        Self {
            title,
            width,
            grow,
            right: true,
        }
    }
}

/// What stands in a cell.
#[derive(Clone, Debug)]
pub enum Cell {
    /// Running text.
    Text(String),
    /// The name or number a person looks for.
    Strong(String),
    /// A label.
    Weak(String),
    /// A time, a position: what a row is found by.
    Mono(String),
    /// A key, a value: what a row is about.
    Value(String),
    /// Text in the colour of a meaning.
    Tone(Tone, String),
    /// A badge.
    Badge(Mark, String),
}

impl Cell {
    fn text(&self) -> &str {
        match self {
            Self::Text(text)
            | Self::Strong(text)
            | Self::Weak(text)
            | Self::Mono(text)
            | Self::Value(text)
            | Self::Tone(_, text)
            | Self::Badge(_, text) => text,
        }
    }
}

/// The header of a small table, with a line under it.
pub fn column_titles(ui: &mut Ui, columns: &[Column]) {
    let colors = colors(ui);
    let (rect, _) =
        ui.allocate_exact_size(vec2(ui.available_width(), size::HEADER_ROW), Sense::hover());
    for (column, place) in columns.iter().zip(places(columns, rect)) {
        let (at, align) = anchor(column, place);
        text_at(
            ui.painter(),
            at,
            align,
            column.title,
            fonts::small_strong(),
            colors.weak,
            place.width(),
        );
    }
    ui.painter()
        .hline(rect.x_range(), rect.bottom() - 0.5, line(colors));
}

/// One row of a small table. Its accessible name is the text of its cells.
pub fn column_row(ui: &mut Ui, columns: &[Column], cells: &[Cell]) {
    let colors = colors(ui);
    let (rect, response) =
        ui.allocate_exact_size(vec2(ui.available_width(), size::TABLE_ROW), Sense::hover());
    if ui.is_rect_visible(rect) {
        let mut cut = String::new();
        for ((column, place), cell) in columns.iter().zip(places(columns, rect)).zip(cells) {
            let (at, align) = anchor(column, place);
            let (font, color) = match cell {
                Cell::Badge(mark, text) => {
                    let badge = Badge::new(text, *mark);
                    let right = at.x + badge.width(ui);
                    badge.paint_right(ui, pos2(right, at.y));
                    continue;
                }
                Cell::Text(_) => (fonts::body(), colors.text),
                Cell::Strong(_) => (fonts::body(), colors.strong),
                Cell::Weak(_) => (fonts::body(), colors.weak),
                Cell::Mono(_) => (fonts::mono(), colors.weak),
                Cell::Value(_) => (fonts::mono(), colors.text),
                Cell::Tone(tone, _) => (fonts::body(), colors.tone(*tone)),
            };
            let text = cell.text();
            let drawn = text_at(ui.painter(), at, align, text, font, color, place.width());
            if drawn.width() >= place.width() - 2.0 {
                cut.push_str(text);
                cut.push('\n');
            }
        }
        // What had no room is shown when the pointer rests on the row.
        if !cut.is_empty() {
            response.clone().tip(cut.trim_end());
        }
    }
    response.widget_info(|| {
        let text: Vec<&str> = cells
            .iter()
            .map(Cell::text)
            .filter(|text| !text.is_empty())
            .collect();
        WidgetInfo::labeled(Role::Row, true, text.join(", "))
    });
}

fn anchor(column: &Column, place: Rect) -> (eframe::egui::Pos2, Align2) {
    if column.right {
        (place.right_center(), Align2::RIGHT_CENTER)
    } else {
        (place.left_center(), Align2::LEFT_CENTER)
    }
}

fn places(columns: &[Column], rect: Rect) -> Vec<Rect> {
    let inset = size::SPACE_12;
    let gap = size::SPACE_16;
    let needed: f32 = columns.iter().map(|column| column.width).sum::<f32>()
        + gap * columns.len().saturating_sub(1) as f32
        + 2.0 * inset;
    let grow: f32 = columns.iter().map(|column| column.grow).sum();
    let left_over = (rect.width() - needed).max(0.0);
    // A narrow window shrinks every column alike rather than losing the last.
    let scale = (rect.width() / needed).min(1.0);
    let mut x = rect.left() + inset * scale;
    columns
        .iter()
        .map(|column| {
            let share = if grow > 0.0 { column.grow / grow } else { 0.0 };
            let width = column.width * scale + left_over * share;
            let place = Rect::from_min_size(pos2(x, rect.top()), vec2(width, rect.height()));
            x += width + gap * scale;
            place
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_fill_a_wide_row_and_shrink_into_a_narrow_one() {
        let columns = [
            Column::text("a", 100.0, 1.0),
            Column::number("b", 50.0, 0.0),
        ];
        for width in [90.0, 600.0] {
            let rect = Rect::from_min_size(pos2(10.0, 0.0), vec2(width, 22.0));
            let places = places(&columns, rect);
            assert!(places[0].right() <= places[1].left());
            assert!(
                places[1].right() <= rect.right() + 0.5,
                "{width}: {places:?}"
            );
        }
    }
}
