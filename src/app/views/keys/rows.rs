//! How are the elements of a collection drawn? One line each; the selected one stands beside them, decoded.

use std::borrow::Cow;

use eframe::egui::{Align2, Rect, ScrollArea, Sense, Ui, pos2, vec2};

use super::opened::Opened;
use crate::app::format;
use crate::app::theme::{colors, fonts, line, size};
use crate::app::widgets::{ListRow, Tip, text_at, text_width};

/// Draws titles and rows in all the room there is but `below`; the row that was pressed.
pub(super) fn show(
    ui: &mut Ui,
    opened: &Opened,
    titles: &[&'static str],
    rows: &[Vec<String>],
    below: f32,
) -> Option<usize> {
    let widths: Vec<f32> = titles
        .iter()
        .enumerate()
        .map(|(column, title)| width(ui, title, rows, column))
        .collect();
    let (rect, _) =
        ui.allocate_exact_size(vec2(ui.available_width(), size::HEADER_ROW), Sense::hover());
    for ((title, place), right) in titles.iter().zip(places(&widths, rect)).zip(rights(titles)) {
        put(
            ui,
            place,
            title,
            fonts::small_strong(),
            colors(ui).weak,
            right,
        );
    }
    ui.painter()
        .hline(rect.x_range(), rect.bottom() - 0.5, line(colors(ui)));
    let selected = opened.element.as_ref().map(|element| element.row);
    let mut pressed = None;
    ScrollArea::vertical()
        .id_salt("rows")
        .max_height((ui.available_height() - below).max(40.0))
        .auto_shrink(false)
        .show_rows(ui, size::TABLE_ROW, rows.len(), |ui, range| {
            for at in range {
                let cells: Vec<Cow<'_, str>> = titles
                    .iter()
                    .zip(&rows[at])
                    .map(|(title, cell)| shown(title, cell))
                    .collect();
                let label = cells.join(", ");
                let mut cut = String::new();
                let response = ListRow::new(&label, size::TABLE_ROW)
                    .selected(selected == Some(at))
                    .show(ui, |ui, rect| {
                        let colors = colors(ui);
                        let all = cells.iter().zip(places(&widths, rect)).zip(rights(titles));
                        for (column, ((cell, place), right)) in all.enumerate() {
                            let last = column + 1 == cells.len();
                            let color = if last || titles.len() == 1 {
                                colors.strong
                            } else {
                                colors.text
                            };
                            if put(ui, place, cell, fonts::mono(), color, right) {
                                cut.push_str(cell);
                                cut.push('\n');
                            }
                        }
                    });
                if response.clicked() {
                    pressed = Some(at);
                }
                if !cut.is_empty() {
                    response.tip(cut.trim_end());
                }
            }
        });
    pressed
}

/// A cell as it is drawn: a field, a member or an element can be seen also where it is empty.
fn shown<'a>(title: &str, cell: &'a str) -> Cow<'a, str> {
    match title {
        "Field" => format::visible_name(cell, "field"),
        "Member" => format::visible_name(cell, "member"),
        "Element" => format::visible_name(cell, "element"),
        _ => Cow::Borrowed(cell),
    }
}

fn rights<'a>(titles: &'a [&'static str]) -> impl Iterator<Item = bool> + 'a {
    titles
        .iter()
        .map(|title| matches!(*title, "Index" | "Score" | "Sample"))
}

/// The columns' places: each as wide as it needs, the last as wide as what is left.
fn places(widths: &[f32], rect: Rect) -> Vec<Rect> {
    let mut x = rect.left() + size::SPACE_12;
    let end = rect.right() - size::SPACE_12;
    widths
        .iter()
        .enumerate()
        .map(|(column, width)| {
            let right = if column + 1 == widths.len() {
                end
            } else {
                (x + width).min(end)
            };
            let place = Rect::from_min_max(pos2(x, rect.top()), pos2(right.max(x), rect.bottom()));
            x = right + size::SPACE_16;
            place
        })
        .collect()
}

/// Room for the longest cell of a column that could be in sight, within reason; every digit is as wide as the next.
fn width(ui: &Ui, title: &str, rows: &[Vec<String>], column: usize) -> f32 {
    let longest = rows
        .iter()
        .filter_map(|row| row.get(column))
        .max_by_key(|cell| cell.len().min(80));
    let needed = longest.map_or(0.0, |cell| {
        let shown: String = cell.chars().take(80).collect();
        text_width(ui, &shown, fonts::mono())
    });
    let most = if matches!(title, "Field" | "Member") {
        0.32 * ui.available_width()
    } else {
        260.0
    };
    needed.clamp(60.0, most.max(60.0))
}

/// Draws a cell; whether it had to be cut.
fn put(
    ui: &Ui,
    place: Rect,
    shown: &str,
    font: eframe::egui::FontId,
    color: eframe::egui::Color32,
    right: bool,
) -> bool {
    let (at, align) = if right {
        (place.right_center(), Align2::RIGHT_CENTER)
    } else {
        (place.left_center(), Align2::LEFT_CENTER)
    };
    let drawn = text_at(ui.painter(), at, align, shown, font, color, place.width());
    drawn.width() >= place.width() - 2.0 && place.width() > 8.0
}
