//! What is the selected key, and what can be done with it as a whole?

use chrono::{DateTime, SecondsFormat};
use eframe::egui::accesskit::Role;
use eframe::egui::{Align, Label, Layout, Popup, Ui, WidgetInfo};

use super::dialog::{Dialog, Edit};
use super::{Command, Keys, Opened, structure, table};
use crate::app::command::{Command as AppCommand, Commands};
use crate::app::format;
use crate::app::theme::{colors, size, text};
use crate::app::widgets::{Button, Tip, cut, dot};
use crate::inspect::{About, Kind, Ttl, Value, type_title};

/// Draws it.
pub(super) fn show(ui: &mut Ui, keys: &mut Keys, name: &[u8], now: i64, commands: &mut Commands) {
    let shown = table::name_of(name);
    let unlocked = keys.is_unlocked();
    let connected = keys.away.is_none();
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
        ui.spacing_mut().item_spacing.x = size::SPACE_4;
        let mut dialog = None;
        if let Some(Ok(opened)) = &keys.value {
            if unlocked {
                change_menu(ui, opened, connected, &mut dialog);
            }
            let download = Button::new("Download").bare().tooltip(
                "Write the whole value to a file: exact bytes, or one JSON object an element",
            );
            if !matches!(opened.value, Value::Other)
                && ui.add(download.enabled(connected)).clicked()
            {
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
                let name = cut(ui, &shown, ui.available_width());
                let label = Label::new(text::mono(ui, name).color(colors(ui).strong)).truncate();
                let response = ui.add(label).tip(&shown);
                response.widget_info(|| WidgetInfo::labeled(Role::Label, true, &shown));
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

fn change_menu(ui: &mut Ui, opened: &Opened, connected: bool, dialog: &mut Option<Dialog>) {
    let button = Button::new("Change").enabled(connected);
    let button = ui.add(button.tooltip("Edit, TTL, rename, delete"));
    if !connected {
        return;
    }
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
        let bytes = format::bytes_about(bytes, about.is_estimate());
        parts.push(format!("{bytes} in memory"));
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
