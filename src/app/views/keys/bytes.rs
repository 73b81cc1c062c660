//! How are decoded bytes drawn: the chain of decoders, and lines, a tree or rows under it.

use eframe::egui::{Align2, Label, Popup, Rect, ScrollArea, Sense, Ui, pos2, vec2};

use super::ready::{Bytes, Shown};
use crate::app::theme::{Icon, Tone, colors, fonts, line, size, text};
use crate::app::widgets::{Button, ListRow, Tip, notice, text_at};
use crate::inspect::{Content, Decoder};
use crate::table::Table;

/// Height of the chain.
pub(super) const CHAIN: f32 = 30.0;

/// What was pressed: the decoders that are to read the bytes from now on.
pub(super) type Choice = Option<Vec<Decoder>>;

/// The decoders, one a button, the outermost first; each offers all others in its place.
pub(super) fn chain(ui: &mut Ui, bytes: &Bytes) -> Choice {
    let decoded = &bytes.decoded;
    let mut used: Vec<Decoder> = decoded.layers.iter().map(|layer| layer.decoder).collect();
    used.push(decoded.form);
    let mut choice = None;
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 2.0;
        for (at, decoder) in used.iter().enumerate() {
            if at > 0 {
                let (rect, _) = ui.allocate_exact_size(vec2(10.0, size::BUTTON), Sense::hover());
                Icon::Right.paint(
                    ui.painter(),
                    Rect::from_center_size(rect.center(), vec2(7.0, 7.0)),
                    colors(ui).weak,
                );
            }
            let is_last = at + 1 == used.len();
            let label = if is_last && bytes.chosen.is_empty() {
                format!("{} (auto)", decoder.name())
            } else {
                decoder.name().to_owned()
            };
            let name = format!("Decoded as {}", decoder.name());
            let tip = match decoded.layers.get(at) {
                Some(layer) => format!(
                    "{} {} bytes, {} unpacked. Press to read them otherwise",
                    decoder.about(),
                    layer.packed,
                    layer.unpacked
                ),
                None => format!("{} Press to read the bytes otherwise", decoder.about()),
            };
            let button = ui.add(Button::new(&label).bare().named(&name).tooltip(tip));
            if let Some(chosen) = menu(ui, &button, &used[..at], *decoder, bytes) {
                choice = Some(chosen);
            }
        }
    });
    choice
}

fn menu(
    ui: &Ui,
    button: &eframe::egui::Response,
    before: &[Decoder],
    now: Decoder,
    bytes: &Bytes,
) -> Choice {
    let _ = ui;
    let mut choice = None;
    Popup::menu(button).show(|ui| {
        ui.set_width(260.0);
        let auto = Button::new("What fits")
            .bare()
            .named("Decode automatically")
            .selected(bytes.chosen.is_empty());
        if ui.add(auto).clicked() {
            choice = Some(Vec::new());
        }
        ui.horizontal_top(|ui| {
            for half in [
                &Decoder::ALL[..Decoder::ALL.len() / 2],
                &Decoder::ALL[Decoder::ALL.len() / 2..],
            ] {
                ui.vertical(|ui| {
                    ui.set_width(122.0);
                    for other in half {
                        let name = format!("Decode as {}", other.name());
                        let button = Button::new(other.name())
                            .bare()
                            .named(&name)
                            .tooltip(other.about())
                            .selected(!bytes.chosen.is_empty() && *other == now);
                        if ui.add(button).clicked() {
                            choice = Some([before, &[*other]].concat());
                        }
                    }
                });
            }
        });
    });
    choice
}

/// What the decoders made of the bytes, in all the room there is but `below`; the branch whose fold was pressed.
pub(super) fn show(ui: &mut Ui, bytes: &Bytes, below: f32) -> Option<usize> {
    for note in &bytes.decoded.notes {
        notice(ui, Tone::Stale, note);
        ui.add_space(size::SPACE_4);
    }
    let height = (ui.available_height() - below).max(40.0);
    match &bytes.shown {
        Shown::Lines(lines) => {
            bars_beside(ui);
            ScrollArea::both()
                .id_salt("lines")
                .max_height(height)
                .auto_shrink(false)
                .show_rows(ui, 18.0, lines.len(), |ui, range| {
                    ui.spacing_mut().item_spacing.y = 0.0;
                    for shown in &lines[range] {
                        ui.add(Label::new(text::mono(ui, shown)).selectable(true).extend());
                    }
                });
            None
        }
        Shown::Tree(folded, seen) => {
            let mut pressed = None;
            ScrollArea::vertical()
                .id_salt("tree")
                .max_height(height)
                .auto_shrink(false)
                .show_rows(ui, 20.0, seen.len(), |ui, range| {
                    for at in &seen[range] {
                        if branch(ui, bytes, *at, folded.contains(at)) {
                            pressed = Some(*at);
                        }
                    }
                });
            pressed
        }
        Shown::Table(table) => {
            rows_of(ui, table, height);
            None
        }
        Shown::Sentence(sentence) => {
            ui.add(Label::new(text::body(ui, sentence)).wrap());
            None
        }
        Shown::Rows(..) => None,
    }
}

/// A line of a tree; whether it was pressed.
fn branch(ui: &mut Ui, bytes: &Bytes, at: usize, folded: bool) -> bool {
    let Content::Tree(tree) = &bytes.decoded.content else {
        return false;
    };
    let Some(branch) = tree.branches.get(at) else {
        return false;
    };
    let opens = branch.inner > 0;
    let label = match (branch.name.as_str(), branch.text.as_str()) {
        ("", text) => text.to_owned(),
        (name, "") => name.to_owned(),
        (name, text) => format!("{name}: {text}"),
    };
    let mut cut = false;
    let response = ListRow::new(&label, 20.0).show(ui, |ui, rect| {
        let colors = colors(ui);
        let painter = ui.painter();
        let mut x = rect.left() + 6.0 + f32::from(branch.depth) * size::SPACE_16;
        if opens {
            let icon = if folded { Icon::Right } else { Icon::Down };
            let place = Rect::from_center_size(pos2(x + 4.0, rect.center().y), vec2(8.0, 8.0));
            icon.paint(painter, place, colors.weak);
        }
        x += 14.0;
        let mut put = |shown: &str, color| {
            let at = pos2(x, rect.center().y);
            let room = (rect.right() - x).max(0.0);
            let drawn = text_at(
                painter,
                at,
                Align2::LEFT_CENTER,
                shown,
                fonts::mono(),
                color,
                room,
            );
            cut |= drawn.width() >= room - 2.0;
            x = drawn.right() + size::SPACE_8;
        };
        if !branch.name.is_empty() {
            put(&branch.name, colors.weak);
        }
        let is_plain = opens || branch.text.starts_with(['{', '[']);
        put(
            &branch.text,
            if is_plain { colors.weak } else { colors.strong },
        );
    });
    let pressed = opens && response.clicked();
    let wants_copy = !opens && response.secondary_clicked();
    if wants_copy {
        ui.ctx().copy_text(branch.text.clone());
    }
    if cut {
        response.tip(label);
    }
    pressed
}

/// A bar across stands under the last line, not over it.
fn bars_beside(ui: &mut Ui) {
    let scroll = &mut ui.spacing_mut().scroll;
    scroll.floating_allocated_width = scroll.bar_width;
}

/// The rows of a table.
pub(super) fn rows_of(ui: &mut Ui, table: &Table, height: f32) {
    const WIDTH: f32 = 130.0;
    let fields = table.schema.fields();
    bars_beside(ui);
    ScrollArea::horizontal()
        .id_salt("columns")
        .auto_shrink(false)
        .show(ui, |ui| {
            let width = (fields.len() as f32 * WIDTH).max(ui.available_width());
            let step = width / fields.len().max(1) as f32;
            ui.set_min_width(width);
            let (rect, _) = ui.allocate_exact_size(vec2(width, size::HEADER_ROW), Sense::hover());
            let place = |rect: Rect, i: usize| {
                Rect::from_min_size(
                    pos2(rect.left() + i as f32 * step, rect.top()),
                    vec2(step - size::SPACE_12, rect.height()),
                )
            };
            for (i, field) in fields.iter().enumerate() {
                let at = place(rect, i);
                text_at(
                    ui.painter(),
                    at.left_center(),
                    Align2::LEFT_CENTER,
                    field.name(),
                    fonts::small_strong(),
                    colors(ui).weak,
                    at.width(),
                );
            }
            ui.painter()
                .hline(rect.x_range(), rect.bottom() - 0.5, line(colors(ui)));
            ScrollArea::vertical()
                .id_salt("entry")
                .max_height((height - size::HEADER_ROW).max(40.0))
                .auto_shrink(false)
                .show_rows(ui, size::TABLE_ROW, table.rows(), |ui, range| {
                    let mut first = 0;
                    for batch in &table.batches {
                        let rows = range.start.max(first)..range.end.min(first + batch.num_rows());
                        if !rows.is_empty() {
                            let columns = crate::table::text::columns(batch);
                            for row in rows {
                                let (rect, _) = ui.allocate_exact_size(
                                    vec2(width, size::TABLE_ROW),
                                    Sense::hover(),
                                );
                                for (i, column) in columns.iter().enumerate() {
                                    let at = place(rect, i);
                                    let (shown, color) = match column.preview(row - first, 256) {
                                        Some((shown, _)) => (shown.into_owned(), colors(ui).text),
                                        None => ("NULL".to_owned(), colors(ui).weak),
                                    };
                                    text_at(
                                        ui.painter(),
                                        at.left_center(),
                                        Align2::LEFT_CENTER,
                                        &shown,
                                        fonts::mono(),
                                        color,
                                        at.width(),
                                    );
                                }
                            }
                        }
                        first += batch.num_rows();
                    }
                });
        });
}
