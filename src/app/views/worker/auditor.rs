//! The auditor: how many fresh entries were compared with the database, and how many were wrong, which must be none.

use eframe::egui::{Align, Layout, Ui, vec2};

use crate::app::command::{Command as AppCommand, Commands};
use crate::app::format;
use crate::app::state::State;
use crate::app::theme::{Tone, size, text};
use crate::app::widgets::{
    self, Button, Cell, Column, column_row, column_titles, plot, table_card,
};
use crate::cache::AuditTotals;
use crate::worker::Status;

use super::Command;
use super::history::History;

/// What all sources come to.
pub(super) fn totals(status: &Status) -> AuditTotals {
    let mut totals = AuditTotals::default();
    for watch in &status.sources {
        totals.add(&watch.audit);
    }
    totals
}

/// How high the card is.
pub(super) fn height(status: &Status) -> f32 {
    let sources = status.sources.len();
    let lines = if sources > 1 { sources as f32 } else { 0.0 };
    92.0 + lines * 18.0
}

/// The figures, and the way to audit now.
pub(super) fn show(ui: &mut Ui, state: &State, status: &Status, commands: &mut Commands) {
    let totals = totals(status);
    ui.allocate_ui_with_layout(
        vec2(ui.available_width(), size::BUTTON),
        Layout::right_to_left(Align::Center),
        |ui| {
            let now = match state.worker.auditing {
                Some(task) => (
                    Button::new("Cancel")
                        .named("Cancel the audit")
                        .tooltip("End the audit, and its query on the server"),
                    AppCommand::Cancel(task),
                ),
                None => (
                    Button::new("Audit now").tooltip("Compare every fresh entry with the database"),
                    AppCommand::Worker(Command::Audit),
                ),
            };
            if ui.add(now.0).clicked() {
                commands.send(now.1);
            }
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                widgets::group_title(ui, "Auditor");
            });
        },
    );
    if totals.checked == 0 {
        ui.label(text::strong(ui, "Nothing was checked yet"));
        ui.label(text::small(
            ui,
            "Now and then an entry that a detector calls fresh is compared with the database.",
        ));
        return;
    }
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = size::SPACE_8;
        let figure = format!("{} wrong", format::count(totals.wrong));
        ui.label(if totals.wrong > 0 {
            text::tone(ui, Tone::Error, figure).font(crate::app::theme::fonts::heading())
        } else {
            text::heading(ui, figure)
        });
        let of = format!(
            "of {} checked against the database",
            format::plural(totals.checked, "fresh entry", "fresh entries")
        );
        ui.label(text::weak(ui, of));
    });
    ui.label(text::small(ui, detail(&totals)));
    if status.sources.len() > 1 {
        for watch in &status.sources {
            let AuditTotals { checked, wrong, .. } = &watch.audit;
            let line = format!(
                "{}: checked {}, wrong {}",
                watch.source,
                format::count(*checked),
                format::count(*wrong)
            );
            ui.label(text::small(ui, line));
        }
    }
}

/// "Last at 20:58:12; 3 checks void, because something changed meanwhile".
fn detail(totals: &AuditTotals) -> String {
    let last = totals.last_at.map_or_else(String::new, |at| {
        format!("Last at {}", plot::clock(plot::seconds(at), true))
    });
    match totals.void {
        0 => last,
        n => format!(
            "{last}; {} void, for what changed meanwhile or is the database's choice",
            format::plural(n, "check", "checks")
        ),
    }
}

/// What was wrong, newest first; nothing where nothing was.
pub(super) fn wrong(ui: &mut Ui, status: &Status, history: &History) {
    const COLUMNS: [Column; 3] = [
        Column::text("Found wrong", 90.0, 0.0),
        Column::text("", 160.0, 0.3),
        Column::text("", 300.0, 1.0),
    ];
    /// Rows shown; the log has the rest.
    const SHOWN: usize = 5;
    if totals(status).wrong == 0 {
        return;
    }
    let row = |at, report: &str, params: &str, what: &str| {
        let name = if params.is_empty() {
            report.to_owned()
        } else {
            format!("{report}  {params}")
        };
        [
            Cell::Mono(plot::clock(plot::seconds(at), true)),
            Cell::Strong(name),
            Cell::Tone(Tone::Error, what.to_owned()),
        ]
    };
    let mut rows: Vec<[Cell; 3]> = history
        .wrong
        .iter()
        .take(SHOWN)
        .map(|event| row(event.at, &event.report, &event.params, &event.detail))
        .collect();
    if rows.is_empty() {
        // Found by a process whose log is gone.
        let last = status.sources.iter();
        let last = last.filter_map(|watch| watch.audit.last_wrong.as_ref());
        rows.extend(last.map(|wrong| row(wrong.at, &wrong.report, &wrong.params, &wrong.what)));
    }
    table_card(ui, |ui| {
        column_titles(ui, &COLUMNS);
        for row in &rows {
            column_row(ui, &COLUMNS, row);
        }
    });
    ui.add_space(size::SPACE_12);
}
