//! Commands that took long.

use eframe::egui::Ui;

use crate::app::command::{Command as AppCommand, Commands};
use crate::app::format;
use crate::app::state::State;
use crate::app::widgets::{self, Cell, Column, column_row_to_copy, column_titles_to_sort};
use crate::inspect::server::{Seen, Shown, SlowCommand};

use super::table::{self, Tools};

const COLUMNS: [Column; 4] = [
    Column::text("When", 146.0, 0.0),
    Column::number("Took", 80.0, 0.0),
    Column::text("Command", 300.0, 1.0),
    Column::text("Client", 190.0, 0.2),
];

pub(super) fn show(ui: &mut Ui, state: &mut State, commands: &mut Commands) {
    widgets::inset(ui, |ui| {
        let view = &mut state.server;
        let slow = match &view.seen.slow_log {
            None => return table::loading(ui, "Asking for the slow log"),
            Some(Err(why)) => return table::sentence(ui, why),
            Some(Ok(slow)) => slow,
        };
        let mut shown: Vec<&SlowCommand> = slow.iter().collect();
        if view.slow_by_time {
            shown.sort_by_key(|slow| slow.at);
        } else {
            shown.sort_by_key(|slow| slow.took_us);
        }
        if !view.slow_rising {
            shown.reverse();
        }
        let now = state.clock.utc;
        let tools = Tools {
            about: &about(&view.seen, slow.len()),
            filter: None,
            find: false,
            can_copy: !shown.is_empty(),
        };
        if table::tools(ui, tools, |_| {}) {
            let lines = shown.iter().map(|slow| {
                format!(
                    "{}\t{:.3} ms\t{}\t{}\n",
                    slow.at.format("%Y-%m-%dT%H:%M:%SZ"),
                    slow.took_us as f64 / 1000.0,
                    slow.command,
                    slow.client
                )
            });
            commands.send(AppCommand::Copy(lines.collect()));
        }
        if shown.is_empty() {
            widgets::empty(ui, "No slow command", &quiet(&view.seen));
            return;
        }
        let sorted = (usize::from(!view.slow_by_time), !view.slow_rising);
        let mut clicked = None;
        table::rows(
            ui,
            "slow log",
            shown.len(),
            |ui| clicked = column_titles_to_sort(ui, &COLUMNS, &[0, 1], sorted),
            |ui, at| {
                let slow = shown[at];
                let client = [slow.client_name.as_str(), slow.client.as_str()].join(" ");
                let cells = [
                    Cell::Mono(table::when(slow.at, now)),
                    Cell::Strong(format::ms(slow.took_us as f64 / 1000.0)),
                    Cell::Value(slow.command.clone()),
                    Cell::Weak(client.trim().to_owned()),
                ];
                if column_row_to_copy(ui, &COLUMNS, &cells, "") {
                    commands.send(AppCommand::Copy(slow.command.clone()));
                }
            },
        );
        if let Some(column) = clicked {
            let by_time = column == 0;
            view.slow_rising = by_time == view.slow_by_time && !view.slow_rising;
            view.slow_by_time = by_time;
        }
    });
}

/// From how long on a command is noted, where that may be read.
fn threshold(seen: &Seen) -> Option<i64> {
    let settings = seen.config.as_ref()?.as_ref().ok()?;
    let setting = settings
        .iter()
        .find(|setting| setting.name == "slowlog-log-slower-than")?;
    match &setting.value {
        Shown::Text(text) => text.parse().ok(),
        Shown::Secret { .. } => None,
    }
}

fn about(seen: &Seen, count: usize) -> String {
    let entries = format::plural(count as u64, "command", "commands");
    match threshold(seen) {
        Some(us) if us >= 0 => {
            let ms = format::ms(us as f64 / 1000.0);
            format!("The latest {entries} that took longer than {ms} (slowlog-log-slower-than)")
        }
        _ => format!("The latest {entries} of the slow log"),
    }
}

fn quiet(seen: &Seen) -> String {
    match threshold(seen) {
        Some(us) if us < 0 => {
            "The slow log is off (slowlog-log-slower-than is below 0); set it to 10000 to note what takes longer than 10 ms.".to_owned()
        }
        Some(us) => format!(
            "No command took longer than {} since the log was emptied.",
            format::ms(us as f64 / 1000.0)
        ),
        None => "The slow log is empty.".to_owned(),
    }
}
