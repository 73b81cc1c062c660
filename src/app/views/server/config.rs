//! Every setting, what it means, and what differs from the default.

use eframe::egui::Ui;

use crate::app::command::{Command as AppCommand, Commands};
use crate::app::format;
use crate::app::state::State;
use crate::app::widgets::{self, Button, Cell, Column, column_row_to_copy, column_titles};
use crate::inspect::server::{Setting, Shown};

use super::table::{self, Tools};

const COLUMNS: [Column; 4] = [
    Column::text("Setting", 220.0, 0.0),
    Column::text("Value", 150.0, 0.4),
    Column::text("Default", 100.0, 0.15),
    Column::text("What it means", 280.0, 1.0),
];

pub(super) fn show(ui: &mut Ui, state: &mut State, commands: &mut Commands) {
    widgets::inset(ui, |ui| {
        let view = &mut state.server;
        let settings = match &view.seen.config {
            None => return table::loading(ui, "Asking for the settings"),
            Some(Err(why)) => return table::sentence(ui, why),
            Some(Ok(settings)) => settings,
        };
        let changed = settings
            .iter()
            .filter(|setting| setting.is_changed())
            .count();
        let shown: Vec<&Setting> = settings
            .iter()
            .filter(|setting| !view.only_changed || setting.is_changed())
            .filter(|setting| setting.contains(&view.config_filter))
            .collect();
        let about = format!(
            "{} of {}, {} known to differ from the default",
            format::count(shown.len() as u64),
            format::plural(settings.len() as u64, "setting", "settings"),
            format::count(changed as u64)
        );
        let tools = Tools {
            about: &about,
            filter: Some((&mut view.config_filter, "Name, value or meaning")),
            find: std::mem::take(&mut view.find),
            can_copy: !shown.is_empty(),
        };
        let only = &mut view.only_changed;
        let copy = table::tools(ui, tools, |ui| {
            let button = Button::new("Only changed")
                .selected(*only)
                .tooltip("Show only what is known to differ from the default");
            if ui.add(button).clicked() {
                *only = !*only;
            }
        });
        if copy {
            let lines = shown.iter().map(|setting| copied(setting) + "\n");
            commands.send(AppCommand::Copy(lines.collect()));
        }
        if shown.is_empty() {
            widgets::empty(
                ui,
                "No setting contains this",
                "Clear the filter to see all of them.",
            );
            return;
        }
        table::rows(
            ui,
            "settings",
            shown.len(),
            |ui| column_titles(ui, &COLUMNS),
            |ui, at| {
                let setting = shown[at];
                if column_row_to_copy(ui, &COLUMNS, &cells(setting), "") {
                    commands.send(AppCommand::Copy(copied(setting)));
                }
            },
        );
    });
}

fn cells(setting: &Setting) -> [Cell; 4] {
    let value = match (&setting.value, setting.is_changed()) {
        (Shown::Secret { .. }, _) => Cell::Weak(format!("{}, not shown", setting.value.text())),
        (Shown::Text(_), true) => Cell::Strong(setting.value.text().to_owned()),
        (Shown::Text(text), false) if text.is_empty() => Cell::Weak("(empty)".to_owned()),
        (Shown::Text(text), false) => Cell::Text(text.clone()),
    };
    let default = match setting.default {
        Some(default) if setting.is_changed() => Cell::Weak(
            if default.is_empty() {
                "(empty)"
            } else {
                default
            }
            .to_owned(),
        ),
        Some(_) => Cell::Weak("the same".to_owned()),
        None => Cell::Weak(String::new()),
    };
    [
        Cell::Value(setting.name.clone()),
        value,
        default,
        Cell::Text(setting.about.to_owned()),
    ]
}

/// As a configuration file has it; a secret as what is known of it.
fn copied(setting: &Setting) -> String {
    format!("{} {}", setting.name, setting.value.text())
}
