//! The selected key: what it is, its value by type, and what can be done with it.

use eframe::egui::{Label, Rect, ScrollArea, Ui, pos2, vec2};

use super::dialog::{Dialog, Edit};
use super::opened::{Side, Which};
use super::ready::Shown;
use super::{Command, Keys, Opened, bytes, element, groups, head, map, region, rows, tools};
use crate::app::command::{Command as AppCommand, Commands};
use crate::app::format;
use crate::app::theme::{Tone, colors, line, size, text};
use crate::app::widgets::{self, Button};
use crate::inspect::{Kind, Value};

const HEAD: f32 = 46.0;
const TOOLS: f32 = 34.0;
/// An element beside the others has this part of the width.
const BESIDE: f32 = 0.44;

/// Draws it.
pub(super) fn show(ui: &mut Ui, keys: &mut Keys, now: i64, commands: &mut Commands) {
    let whole = ui.max_rect();
    let inset = vec2(size::SPACE_12, 0.0);
    let head = Rect::from_min_size(whole.min, vec2(whole.width(), HEAD)).shrink2(inset);
    let name = keys.selected.clone().unwrap_or_default();
    region(ui, "head", head, |ui| {
        head::show(ui, keys, &name, now, commands);
    });
    let has_tools = matches!(&keys.value, Some(Ok(opened)) if tools::has_any(opened));
    let tools_at = Rect::from_min_size(head.left_bottom(), vec2(head.width(), TOOLS));
    if has_tools {
        region(ui, "tools", tools_at, |ui| tools::show(ui, keys, commands));
    }
    let top = if has_tools {
        tools_at.bottom()
    } else {
        head.bottom()
    };
    let body = Rect::from_min_max(pos2(whole.left(), top), whole.max).shrink2(inset);
    let (more, unlocked) = (keys.more, keys.is_unlocked());
    let mut wishes = Vec::new();
    region(ui, "body", body, |ui| match &keys.value {
        None => widgets::loading(ui, "Reading the value", ""),
        Some(Err(error)) => widgets::error(ui, "The value cannot be shown", error),
        Some(Ok(opened)) => {
            let facts = opened.facts();
            let beside = opened.element.is_some() && opened.side == Side::Elements;
            let side = if beside {
                body.width() * BESIDE
            } else if facts.is_empty() {
                0.0
            } else {
                (body.width() * 0.34).clamp(200.0, 320.0)
            };
            let value = Rect::from_min_max(body.min, pos2(body.right() - side, body.bottom()));
            region(ui, "value", value, |ui| {
                show_value(ui, opened, more, &mut wishes);
            });
            if side > 0.0 {
                ui.painter().vline(
                    value.right() + size::SPACE_12 / 2.0,
                    body.y_range(),
                    line(colors(ui)),
                );
                let side_at =
                    Rect::from_min_max(pos2(value.right() + size::SPACE_12, body.top()), body.max);
                region(ui, "beside", side_at, |ui| match &opened.element {
                    Some(element) if beside => {
                        element::show(ui, opened, element, unlocked, &mut wishes);
                    }
                    _ => show_facts(ui, &facts),
                });
            }
        }
    });
    for wish in wishes {
        carry_out(keys, wish, &name, commands);
    }
}

/// What was asked for inside the value.
pub(super) enum Wish {
    More,
    Anyway,
    Again,
    Select(usize),
    Deselect,
    Decode(Which, Vec<crate::inspect::Decoder>),
    Fold(Which, usize),
    Edit(Edit),
    Copy(String),
}

fn carry_out(keys: &mut Keys, wish: Wish, name: &[u8], commands: &mut Commands) {
    let mut send = |command| commands.send(AppCommand::Keys(command));
    match wish {
        Wish::More => {
            keys.more = true;
            send(Command::More);
        }
        Wish::Anyway => {
            keys.value = None;
            send(Command::Open {
                name: name.to_vec(),
                anyway: true,
            });
        }
        Wish::Again => send(Command::Open {
            name: name.to_vec(),
            anyway: false,
        }),
        Wish::Select(row) => send(Command::Decode {
            which: Which::Element(row),
            chosen: Vec::new(),
        }),
        Wish::Deselect => {
            if let Some(Ok(opened)) = &mut keys.value {
                opened.element = None;
            }
        }
        Wish::Decode(which, chosen) => send(Command::Decode { which, chosen }),
        Wish::Fold(which, branch) => {
            if let Some(Ok(opened)) = &mut keys.value {
                let bytes = match which {
                    Which::Value => opened.bytes.as_mut(),
                    Which::Element(_) => opened.element.as_mut().map(|element| &mut element.bytes),
                };
                if let Some(bytes) = bytes {
                    bytes.toggle(branch);
                }
            }
        }
        Wish::Edit(edit) => keys.dialog = Some(Dialog::edit(edit)),
        Wish::Copy(text) => commands.send(AppCommand::Copy(text)),
    }
}

fn show_facts(ui: &mut Ui, facts: &[(String, String)]) {
    ScrollArea::vertical()
        .id_salt("facts")
        .auto_shrink(false)
        .show(ui, |ui| {
            for (label, value) in facts {
                widgets::fact(ui, label, value);
            }
        });
}

fn show_value(ui: &mut Ui, opened: &Opened, reading: bool, wishes: &mut Vec<Wish>) {
    if opened.is_old {
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = size::SPACE_8;
            ui.label(text::tone(ui, Tone::Stale, "Changed since it was read"));
            if ui.add(Button::new("Read again").bare()).clicked() {
                wishes.push(Wish::Again);
            }
        });
    }
    let below = footer_height(opened);
    match opened.side {
        Side::Groups => return groups::show(ui, opened.groups.as_ref()),
        Side::Map => {
            map::show(ui, &opened.positions(), below);
            return footer(ui, opened, reading, wishes);
        }
        Side::Elements => {}
    }
    match (&opened.shown, &opened.bytes) {
        (Shown::Table(table), _) => bytes::rows_of(ui, table, ui.available_height()),
        (Shown::Rows(titles, all), _) => {
            if let Some(row) = rows::show(ui, opened, titles, all, below)
                && opened.element(row).is_some()
            {
                wishes.push(Wish::Select(row));
            }
            footer(ui, opened, reading, wishes);
        }
        (_, Some(decoded)) => {
            if let Some(chosen) = bytes::chain(ui, decoded) {
                wishes.push(Wish::Decode(Which::Value, chosen));
            }
            ui.add_space(size::SPACE_4);
            if let Some(branch) = bytes::show(ui, decoded, below) {
                wishes.push(Wish::Fold(Which::Value, branch));
            }
            footer(ui, opened, reading, wishes);
        }
        (Shown::Sentence(sentence), None) => {
            ui.add(Label::new(text::body(ui, sentence)).wrap());
            if matches!(opened.value, Value::Withheld(_)) {
                ui.add_space(size::SPACE_8);
                if ui.add(Button::new("Fetch one page anyway")).clicked() {
                    wishes.push(Wish::Anyway);
                }
            }
        }
        (Shown::Lines(_) | Shown::Tree(..), None) => {}
    }
}

fn footer_height(opened: &Opened) -> f32 {
    if opened.next.is_some() {
        38.0
    } else {
        size::SPACE_8
    }
}

/// "400 of 10,000 fields read" and the way to more.
fn footer(ui: &mut Ui, opened: &Opened, reading: bool, wishes: &mut Vec<Wish>) {
    if opened.next.is_none() {
        return;
    }
    ui.add_space(size::SPACE_4);
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = size::SPACE_8;
        let read = opened.value.len() as u64;
        let (_, many) = opened.about.kind.elements();
        let shown = match (opened.about.kind, opened.about.elements) {
            _ if opened.search.is_some() => "more may be found".to_owned(),
            (kind, Some(all)) if opened.from > 0 => {
                let end = opened.from + read;
                let shown = |at| {
                    if kind == Kind::String {
                        format::bytes(at)
                    } else {
                        format::count(at)
                    }
                };
                format!("{} to {} of {}", shown(opened.from), shown(end), shown(all))
            }
            (Kind::String, Some(all)) => {
                format!("{} of {} read", format::bytes(read), format::bytes(all))
            }
            (Kind::Other, _) | (_, None) => format!("{} read", format::count(read)),
            (_, Some(all)) => format!(
                "{} of {} {many} read",
                format::count(read),
                format::count(all)
            ),
        };
        if ui
            .add(
                Button::new("Read more")
                    .enabled(!reading)
                    .tooltip("The next page"),
            )
            .clicked()
        {
            wishes.push(Wish::More);
        }
        ui.label(if reading {
            text::tone(ui, Tone::Wait, "reading")
        } else {
            text::weak(ui, shown)
        });
    });
}
