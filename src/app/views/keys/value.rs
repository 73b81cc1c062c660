//! The selected key: what it is, its value by type, and what can be done with it.

use chrono::{DateTime, SecondsFormat};
use eframe::egui::{
    Align, Key as Keyboard, Label, Layout, Popup, Rect, ScrollArea, Ui, pos2, vec2,
};

use super::dialog::{Dialog, Edit};
use super::opened::{Element, Shown, Side, Which};
use super::{Command, Keys, Opened, bytes, groups, map, region, rows, structure, table};
use crate::app::command::{Command as AppCommand, Commands};
use crate::app::format;
use crate::app::theme::{Tone, colors, line, size, text};
use crate::app::widgets::{self, Button, Field, Tip, dot};
use crate::inspect::{About, Kind, Ttl, Value, display, is_searchable, type_title};

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
    region(ui, "head", head, |ui| title(ui, keys, &name, now, commands));
    let has_tools = matches!(&keys.value, Some(Ok(opened)) if tools_of(opened));
    let tools_at = Rect::from_min_size(head.left_bottom(), vec2(head.width(), TOOLS));
    if has_tools {
        region(ui, "tools", tools_at, |ui| tools(ui, keys, commands));
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
                        show_element(ui, opened, element, unlocked, &mut wishes);
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

enum Wish {
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

fn title(ui: &mut Ui, keys: &mut Keys, name: &[u8], now: i64, commands: &mut Commands) {
    let shown = display(&name[..name.len().min(512)]);
    let unlocked = keys.is_unlocked();
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
        ui.spacing_mut().item_spacing.x = size::SPACE_4;
        let mut dialog = None;
        if let Some(Ok(opened)) = &keys.value {
            if unlocked {
                change_menu(ui, opened, &mut dialog);
            }
            let download = Button::new("Download").bare().tooltip(
                "Write the whole value to a file: exact bytes, or one JSON object an element",
            );
            if !matches!(opened.value, Value::Other) && ui.add(download).clicked() {
                commands.send(AppCommand::Keys(Command::AskDownload));
            }
            copy_menu(ui, opened, commands);
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
        if dialog.is_some() {
            keys.dialog = dialog;
        }
        let opened = match &keys.value {
            Some(Ok(opened)) => Some(opened),
            _ => None,
        };
        ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
            ui.spacing_mut().item_spacing.x = size::SPACE_8;
            if let Some(opened) = opened {
                dot(ui, colors(ui).structure(structure(opened.about.kind)));
            }
            // A long name leaves room for what the key is.
            ui.scope(|ui| {
                ui.set_max_width(ui.available_width() * 0.5);
                ui.add(Label::new(text::mono(ui, &shown).color(colors(ui).strong)).truncate())
                    .tip(&shown);
            });
            if let Some(opened) = opened {
                let sentence = sentence(&opened.about, now);
                ui.add(Label::new(text::weak(ui, &sentence)).truncate())
                    .tip(sentence);
            }
        });
    });
}

/// Copies the value's bytes as they are, or in a form that a text can carry exactly.
fn copy_menu(ui: &mut Ui, opened: &Opened, commands: &mut Commands) {
    let Some((bytes, _)) = opened.raw() else {
        let copy = Button::new("Copy")
            .bare()
            .tooltip("Copy the elements as far as they were read");
        if ui.add(copy).clicked() {
            commands.send(AppCommand::Copy(opened.copy()));
        }
        return;
    };
    let button = ui.add(
        Button::new("Copy")
            .bare()
            .tooltip("Copy the value as far as it was read"),
    );
    Popup::menu(&button).show(|ui| {
        ui.set_width(180.0);
        let mut offer = |ui: &mut Ui, label: &str, make: &dyn Fn() -> String| {
            if ui.add(Button::new(label).bare()).clicked() {
                commands.send(AppCommand::Copy(make()));
            }
        };
        offer(ui, "As text", &|| opened.copy());
        offer(ui, "As decoded", &|| {
            opened
                .bytes
                .as_ref()
                .map(|bytes| bytes.decoded.text())
                .unwrap_or_default()
        });
        offer(ui, "For redis-cli", &|| {
            crate::inspect::shown_command([bytes])
        });
        offer(ui, "In base64", &|| crate::inspect::base64_text(bytes));
        offer(ui, "In hexadecimal", &|| crate::inspect::hexadecimal(bytes));
    });
}

fn change_menu(ui: &mut Ui, opened: &Opened, dialog: &mut Option<Dialog>) {
    let button = ui.add(Button::new("Change").tooltip("Edit, TTL, rename, delete"));
    let key = &opened.about.name;
    Popup::menu(&button).show(|ui| {
        ui.set_width(180.0);
        let mut offer = |ui: &mut Ui, label: &str, edit: Edit| {
            if ui.add(Button::new(label).bare()).clicked() {
                *dialog = Some(Dialog::edit(edit));
            }
        };
        match opened.about.kind {
            Kind::String | Kind::Json => {
                if let Some((bytes, true)) = opened.raw()
                    && bytes.len() <= super::dialog::LONGEST
                {
                    let edit = Edit::value(key, bytes, opened.about.kind);
                    offer(ui, "Edit the value", edit);
                }
            }
            Kind::Other => {}
            kind => {
                let label = format!(
                    "Add a {}",
                    if kind == Kind::List {
                        "element"
                    } else {
                        kind.elements().0
                    }
                );
                let label = label.replace("a e", "an e");
                offer(ui, &label, Edit::add_element(key, kind));
            }
        }
        offer(ui, "Set the TTL", Edit::ttl(key, opened.about.ttl));
        offer(ui, "Rename", Edit::rename(key));
        offer(ui, "Delete", Edit::delete(key));
    });
}

/// Whether anything stands between the title and the value.
fn tools_of(opened: &Opened) -> bool {
    is_searchable(opened.about.kind) || opened.about.kind == Kind::Stream
}

fn tools(ui: &mut Ui, keys: &mut Keys, commands: &mut Commands) {
    let following = keys.following;
    let Some(Ok(opened)) = &mut keys.value else {
        return;
    };
    let mut send = |command| commands.send(AppCommand::Keys(command));
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = size::SPACE_4;
        if is_searchable(opened.about.kind) {
            let names = opened.about.kind.elements().1;
            let name = format!("Search {names}");
            let hint = format!("Search all {names}: a word or a pattern");
            let response = Field::new(&name)
                .inline()
                .mono()
                .hint(&hint)
                .width(300.0)
                .show(ui, &mut keys.sought);
            let entered =
                response.lost_focus() && ui.input(|input| input.key_pressed(Keyboard::Enter));
            let search =
                Button::new("Search").tooltip("The server looks through the whole collection");
            if entered || ui.add(search).clicked() {
                send(Command::Search(keys.sought.trim().to_owned()));
            }
            if let Some((_, looked_at)) = &opened.search {
                let all = opened.about.elements.unwrap_or(*looked_at);
                let sentence = format!(
                    "{} found in {} of {} {names}",
                    format::count(opened.value.len() as u64),
                    format::count(*looked_at),
                    format::count(all)
                );
                ui.add_space(size::SPACE_4);
                ui.label(text::weak(ui, sentence));
                if ui.add(Button::new("Show all").bare()).clicked() {
                    keys.sought.clear();
                    send(Command::Search(String::new()));
                }
            }
        }
        let (is_stream, may_be_geo) = (opened.about.kind == Kind::Stream, opened.may_be_geo());
        let side = &mut opened.side;
        let mut choose = |ui: &mut Ui, label: &str, to: Side| {
            let pressed = ui
                .add(Button::new(label).bare().selected(*side == to))
                .clicked();
            let changes = pressed && *side != to;
            if pressed {
                *side = to;
            }
            changes
        };
        if is_stream {
            choose(ui, "Entries", Side::Elements);
            if choose(ui, "Groups", Side::Groups) {
                send(Command::Groups);
            }
            let follow = Button::new("Follow")
                .bare()
                .selected(following)
                .tooltip("Show new entries as they come");
            if ui.add(follow).clicked() {
                send(Command::Follow(!following));
            }
        } else if may_be_geo {
            choose(ui, "Members", Side::Elements);
            choose(ui, "Map", Side::Map);
        }
    });
}

/// "hash, 5 fields, 136 B, expires 2026-11-23 10:34:07 UTC, in 11 h 30 m".
fn sentence(about: &About, now: i64) -> String {
    let mut parts = vec![type_title(&about.type_name).to_owned()];
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

/// An element by itself: its bytes decoded, and what can be done with it.
fn show_element(
    ui: &mut Ui,
    opened: &Opened,
    element: &Element,
    unlocked: bool,
    wishes: &mut Vec<Wish>,
) {
    let bytes = opened.element(element.row).map(|(_, bytes)| bytes);
    ui.allocate_ui_with_layout(
        vec2(ui.available_width(), bytes::CHAIN),
        Layout::right_to_left(Align::Center),
        |ui| {
            ui.spacing_mut().item_spacing.x = 0.0;
            if ui
                .add(Button::icon_only(
                    crate::app::theme::Icon::Cross,
                    "Close the element",
                ))
                .clicked()
            {
                wishes.push(Wish::Deselect);
            }
            if let Some(bytes) = bytes {
                if unlocked {
                    for (label, edit) in Edit::of_element(opened, element.row) {
                        let name = format!("{label} this {}", opened.about.kind.elements().0);
                        if ui.add(Button::new(label).bare().named(&name)).clicked() {
                            wishes.push(Wish::Edit(edit));
                        }
                    }
                }
                let copy = Button::new("Copy").bare().named("Copy the element");
                if ui.add(copy).clicked() {
                    let text =
                        std::str::from_utf8(bytes).map_or_else(|_| display(bytes), str::to_owned);
                    wishes.push(Wish::Copy(text));
                }
            }
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                let name = text::mono(ui, &element.name).color(colors(ui).strong);
                ui.add(Label::new(name).truncate()).tip(&element.name);
            });
        },
    );
    if let Some(chosen) = bytes::chain(ui, &element.bytes) {
        wishes.push(Wish::Decode(Which::Element(element.row), chosen));
    }
    ui.add_space(size::SPACE_4);
    if let Some(branch) = bytes::show(ui, &element.bytes, 0.0) {
        wishes.push(Wish::Fold(Which::Element(element.row), branch));
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
