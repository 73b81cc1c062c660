//! The selected key: what it is, and its value by type.

use chrono::{DateTime, SecondsFormat};
use eframe::egui::{Align, Align2, Label, Layout, Popup, Rect, ScrollArea, Sense, Ui, pos2, vec2};

use super::opened::Shown;
use super::{Command, Keys, Opened, region, structure, table};
use crate::app::command::{Command as AppCommand, Commands};
use crate::app::format;
use crate::app::theme::{Tone, colors, fonts, line, size, text};
use crate::app::widgets::{
    self, Button, Cell, Column, Tip, column_row, column_titles, dot, text_at, text_width,
};
use crate::inspect::{About, Decoding, Kind, Ttl, Value, display};
use crate::table::Table;

const HEAD: f32 = 50.0;

/// Draws it.
pub(super) fn show(ui: &mut Ui, keys: &mut Keys, now: i64, commands: &mut Commands) {
    let whole = ui.max_rect();
    let head = Rect::from_min_size(whole.min, vec2(whole.width(), HEAD))
        .shrink2(vec2(size::SPACE_12, 0.0));
    let body = Rect::from_min_max(pos2(whole.left(), whole.top() + HEAD), whole.max)
        .shrink2(vec2(size::SPACE_12, 0.0));
    let name = keys.selected.clone().unwrap_or_default();
    region(ui, "head", head, |ui| title(ui, keys, &name, now, commands));
    let more = keys.more;
    let mut wish = None;
    region(ui, "body", body, |ui| match &keys.value {
        None => widgets::loading(ui, "Reading the value", ""),
        Some(Err(error)) => widgets::error(ui, "The value cannot be shown", error),
        Some(Ok(opened)) => {
            let facts = opened.facts();
            let side = if facts.is_empty() {
                0.0
            } else {
                (body.width() * 0.36).clamp(200.0, 340.0)
            };
            let value = Rect::from_min_max(body.min, pos2(body.right() - side, body.bottom()));
            region(ui, "value", value, |ui| wish = show_value(ui, opened, more));
            if side > 0.0 {
                let facts_at =
                    Rect::from_min_max(pos2(value.right() + size::SPACE_12, body.top()), body.max);
                region(ui, "facts", facts_at, |ui| show_facts(ui, &facts));
            }
        }
    });
    match wish {
        Some(Wish::More) => {
            keys.more = true;
            commands.send(AppCommand::Keys(Command::More));
        }
        Some(Wish::Anyway) => {
            keys.value = None;
            commands.send(AppCommand::Keys(Command::Open { name, anyway: true }));
        }
        None => {}
    }
}

#[derive(Clone, Copy)]
enum Wish {
    More,
    Anyway,
}

fn title(ui: &mut Ui, keys: &mut Keys, name: &[u8], now: i64, commands: &mut Commands) {
    let shown = display(&name[..name.len().min(512)]);
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
        if let Some(Ok(opened)) = &mut keys.value {
            decode_menu(ui, opened);
            if ui
                .add(
                    Button::new("Copy")
                        .bare()
                        .tooltip("Copy the value as far as it was read"),
                )
                .clicked()
            {
                commands.send(AppCommand::Copy(opened.copy()));
            }
            if let Some(report) = opened.report().map(str::to_owned)
                && ui
                    .add(
                        Button::new("Show report")
                            .bare()
                            .tooltip("Go to the report whose entry this is"),
                    )
                    .clicked()
            {
                commands.send(AppCommand::SelectReport(report));
            }
        }
        let opened = match &keys.value {
            Some(Ok(opened)) => Some(opened),
            _ => None,
        };
        ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
            if let Some(opened) = opened {
                dot(ui, colors(ui).structure(structure(opened.about.kind)));
            }
            // A long name leaves room for what the key is.
            ui.scope(|ui| {
                ui.set_max_width(ui.available_width() * 0.55);
                ui.add(Label::new(text::mono(ui, &shown).color(colors(ui).strong)).truncate())
                    .tip(&shown);
            });
            if let Some(opened) = opened {
                ui.add_space(size::SPACE_4);
                let sentence = sentence(&opened.about, now);
                ui.add(Label::new(text::weak(ui, &sentence)).truncate())
                    .tip(sentence);
            }
        });
    });
}

fn decode_menu(ui: &mut Ui, opened: &mut Opened) {
    let Some((decoding, chosen)) = opened.decoding() else {
        return;
    };
    let is_table = matches!(opened.shown, Shown::Table);
    let auto = if is_table { "entry" } else { decoding.name() };
    let label = if chosen {
        format!("Decode: {}", decoding.name())
    } else {
        format!("Decode: auto ({auto})")
    };
    let button = ui.add(
        Button::new(&label)
            .bare()
            .tooltip("How the bytes are shown"),
    );
    let mut choice = None;
    Popup::menu(&button).show(|ui| {
        if ui
            .add(
                Button::new("auto")
                    .bare()
                    .named("Decode automatically")
                    .selected(!chosen),
            )
            .clicked()
        {
            choice = Some(None);
        }
        for other in Decoding::ALL {
            let name = format!("Decode as {}", other.name());
            let button = Button::new(other.name())
                .bare()
                .named(&name)
                .selected(chosen && other == decoding);
            if ui.add(button).clicked() {
                choice = Some(Some(other));
            }
        }
    });
    if let Some(choice) = choice {
        opened.set_decoding(choice);
    }
}

/// "hash, 5 fields, 136 B, expires 2026-11-23 10:34:07 UTC, in 11 h 30 m".
fn sentence(about: &About, now: i64) -> String {
    let mut parts = vec![about.type_name.clone()];
    if let Some(elements) = about.elements.filter(|_| about.kind != Kind::String) {
        let (one, many) = about.kind.elements();
        parts.push(format::plural(elements, one, many));
    }
    if about.kind == Kind::String {
        parts.push(format!(
            "{} long",
            format::bytes(about.elements.unwrap_or_default())
        ));
    }
    if let Some(bytes) = about.bytes {
        parts.push(format!("{} in memory", format::bytes(bytes)));
    }
    match about.ttl {
        Ttl::Never => parts.push("never expires".into()),
        Ttl::Unknown => {}
        Ttl::At(at) => {
            let when = DateTime::from_timestamp_millis(at).map(|at| {
                at.to_rfc3339_opts(SecondsFormat::Secs, true)
                    .replace('T', " ")
                    .replace('Z', " UTC")
            });
            let left = table::ttl(about.ttl, now).0;
            parts.push(match when {
                Some(when) if !table::has_ended(about.ttl, now) => {
                    format!("expires {when}, in {left}")
                }
                _ => "expired since it was read".into(),
            });
        }
    }
    parts.join(", ")
}

fn show_facts(ui: &mut Ui, facts: &[(&'static str, String)]) {
    ScrollArea::vertical()
        .id_salt("facts")
        .auto_shrink(false)
        .show(ui, |ui| {
            for (label, value) in facts {
                widgets::fact(ui, label, value);
            }
        });
}

fn show_value(ui: &mut Ui, opened: &Opened, reading: bool) -> Option<Wish> {
    match &opened.shown {
        Shown::Sentence(sentence) => {
            ui.label(text::body(ui, sentence));
            if matches!(opened.value, Value::Withheld(_)) {
                ui.add_space(size::SPACE_8);
                if ui.add(Button::new("Fetch one page anyway")).clicked() {
                    return Some(Wish::Anyway);
                }
            }
            None
        }
        Shown::Table => {
            if let Some(table) = &opened.table {
                entry_rows(ui, table);
            }
            None
        }
        Shown::Lines(lines) => {
            let height = ui.available_height() - footer_height(opened);
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
            footer(ui, opened, reading)
        }
        Shown::Rows(titles, rows) => {
            let columns: Vec<Column> = titles
                .iter()
                .enumerate()
                .map(|(i, title)| {
                    let wide = i + 1 == titles.len();
                    if matches!(*title, "Index" | "Score") {
                        Column::number(title, widest(ui, rows, i), 0.0)
                    } else {
                        Column::text(title, 140.0, if wide { 1.0 } else { 0.15 })
                    }
                })
                .collect();
            column_titles(ui, &columns);
            let height = ui.available_height() - footer_height(opened);
            ScrollArea::vertical()
                .id_salt("rows")
                .max_height(height)
                .auto_shrink(false)
                .show_rows(ui, size::TABLE_ROW, rows.len(), |ui, range| {
                    for row in &rows[range] {
                        let cells: Vec<Cell> =
                            row.iter().map(|cell| Cell::Value(cell.clone())).collect();
                        column_row(ui, &columns, &cells);
                    }
                });
            footer(ui, opened, reading)
        }
    }
}

/// Room for the longest number of a column; every digit is as wide as the next.
fn widest(ui: &Ui, rows: &[Vec<String>], column: usize) -> f32 {
    let longest = rows
        .iter()
        .filter_map(|row| row.get(column))
        .max_by_key(|cell| cell.len());
    longest
        .map_or(0.0, |cell| text_width(ui, cell, fonts::mono()))
        .clamp(60.0, 260.0)
}

fn footer_height(opened: &Opened) -> f32 {
    if opened.next.is_some() { 34.0 } else { 0.0 }
}

/// "400 of 10,000 fields read" and the way to more.
fn footer(ui: &mut Ui, opened: &Opened, reading: bool) -> Option<Wish> {
    opened.next.as_ref()?;
    let mut wish = None;
    ui.add_space(size::SPACE_4);
    ui.horizontal(|ui| {
        let read = opened.value.len() as u64;
        let all = opened.about.elements.unwrap_or_default();
        let shown = if opened.about.kind == Kind::String {
            format!("{} of {} read", format::bytes(read), format::bytes(all))
        } else {
            format!(
                "{} of {} {} read",
                format::count(read),
                format::count(all),
                opened.about.kind.elements().1
            )
        };
        if ui
            .add(
                Button::new("Read more")
                    .enabled(!reading)
                    .tooltip("The next page"),
            )
            .clicked()
        {
            wish = Some(Wish::More);
        }
        ui.label(if reading {
            text::tone(ui, Tone::Wait, "reading")
        } else {
            text::weak(ui, shown)
        });
    });
    wish
}

/// The rows of one of our own payloads.
fn entry_rows(ui: &mut Ui, table: &Table) {
    const WIDTH: f32 = 130.0;
    let fields = table.schema.fields();
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
