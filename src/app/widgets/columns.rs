//! A small table: a header and rows of text, badges and numbers under one another. For results with many columns or
//! rows there is the grid.

use eframe::egui::accesskit::Role;
use eframe::egui::{Align2, Rect, Response, Sense, Ui, WidgetInfo, pos2, vec2};

use super::Tip;
use super::badge::{Badge, Mark};
use super::paint::{focus_ring, text_at, text_width};
use crate::app::theme::{Icon, Tone, colors, faint, fonts, line, size};

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

/// Like [`column_titles`], where a click on some of the titles sorts: `sorted` is the column and whether it falls.
/// Returns the column that was clicked.
pub fn column_titles_to_sort(
    ui: &mut Ui,
    columns: &[Column],
    sortable: &[usize],
    sorted: (usize, bool),
) -> Option<usize> {
    let colors = colors(ui);
    let row = ui.available_rect_before_wrap();
    let row = Rect::from_min_size(row.min, vec2(row.width(), size::HEADER_ROW));
    column_titles(ui, columns);
    let mut clicked = None;
    for (at, (column, place)) in columns.iter().zip(places(columns, row)).enumerate() {
        if !sortable.contains(&at) {
            continue;
        }
        let id = ui.scope_id().with(("title", at));
        let response = ui.interact(place, id, Sense::click());
        let is_sorted = sorted.0 == at;
        if is_sorted || response.hovered() || response.has_focus() {
            let icon = if is_sorted && !sorted.1 {
                Icon::Up
            } else {
                Icon::Down
            };
            let width = text_width(ui, column.title, fonts::small_strong());
            let x = if column.right {
                place.right() - width - 9.0
            } else {
                place.left() + width + 9.0
            };
            let place = Rect::from_center_size(pos2(x, place.center().y), vec2(10.0, 10.0));
            icon.paint(ui.painter(), place, colors.weak);
        }
        focus_ring(ui, &response);
        response.widget_info(|| {
            let name = format!("Sort by {}", column.title.to_lowercase());
            WidgetInfo::labeled(Role::Button, true, name)
        });
        if response.clicked() {
            clicked = Some(at);
        }
    }
    clicked
}

/// One row of a small table. Its accessible name is the text of its cells.
pub fn column_row(ui: &mut Ui, columns: &[Column], cells: &[Cell]) {
    row(ui, columns, cells, Sense::hover(), "");
}

/// Like [`column_row`], where a click copies something; `tip` says more of the row. Returns whether it was clicked.
pub fn column_row_to_copy(ui: &mut Ui, columns: &[Column], cells: &[Cell], tip: &str) -> bool {
    let tip = format!("{tip}\nClick to copy");
    row(ui, columns, cells, Sense::click(), tip.trim_start()).clicked()
}

fn row(ui: &mut Ui, columns: &[Column], cells: &[Cell], sense: Sense, tip: &str) -> Response {
    let colors = colors(ui);
    let (rect, response) =
        ui.allocate_exact_size(vec2(ui.available_width(), size::TABLE_ROW), sense);
    if ui.is_rect_visible(rect) {
        let mut cut = String::new();
        if sense.senses_click() && (response.hovered() || response.has_focus()) {
            let ground = faint(colors.hover, 0.7);
            ui.painter().rect_filled(rect, 0.0, ground);
        }
        for ((column, place), cell) in columns.iter().zip(places(columns, rect)).zip(cells) {
            let (at, align) = anchor(column, place);
            let (font, color) = match cell {
                Cell::Badge(mark, text) => {
                    let badge = Badge::new(text, *mark);
                    if badge.width(ui) <= place.width() {
                        let right = at.x + badge.width(ui);
                        badge.paint_right(ui, pos2(right, at.y));
                    } else {
                        // Without its ground it can be cut like any other text.
                        let center = pos2(place.left() + 5.0, at.y);
                        super::mark(ui.painter(), colors, center, 7.0, *mark);
                        let at = pos2(place.left() + 14.0, at.y);
                        let room = place.width() - 14.0;
                        let color = colors.tone(mark.tone);
                        let font = fonts::small_strong();
                        text_at(ui.painter(), at, align, text, font, color, room);
                        cut.push_str(text);
                        cut.push('\n');
                    }
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
        cut.push_str(tip);
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
    response
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
