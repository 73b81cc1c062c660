//! Who reads a stream: its groups, their consumers, and what they have not acknowledged.

use std::time::Duration;

use eframe::egui::{ScrollArea, Ui};

use crate::app::format;
use crate::app::theme::{Tone, size, text};
use crate::app::widgets::{self, Cell, Column, column_row, column_titles, notice};
use crate::inspect::{Group, display};

/// Draws them.
pub(super) fn show(ui: &mut Ui, groups: Option<&Result<Vec<Group>, String>>) {
    let groups = match groups {
        None => return widgets::loading(ui, "Asking for the groups", ""),
        Some(Err(error)) => {
            notice(ui, Tone::Error, error);
            return;
        }
        Some(Ok(groups)) if groups.is_empty() => {
            return widgets::empty(ui, "No groups", "Nobody reads this stream by XREADGROUP.");
        }
        Some(Ok(groups)) => groups,
    };
    ScrollArea::vertical()
        .id_salt("groups")
        .auto_shrink(false)
        .show(ui, |ui| {
            for group in groups {
                one(ui, group);
                ui.add_space(size::SPACE_12);
            }
        });
}

fn one(ui: &mut Ui, group: &Group) {
    let lag = group.lag.map_or_else(
        || "lag unknown".to_owned(),
        |lag| format!("{} not delivered yet", format::count(lag)),
    );
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = size::SPACE_8;
        ui.label(text::mono(ui, display(&group.name)).color(crate::app::theme::colors(ui).strong));
        ui.label(text::weak(
            ui,
            format!(
                "{} pending, {lag}, last delivered {}",
                format::count(group.pending),
                group.last_delivered
            ),
        ));
    });
    let columns = [
        Column::text("Consumer", 160.0, 1.0),
        Column::number("Pending", 80.0, 0.0),
        Column::number("Idle", 110.0, 0.0),
    ];
    if group.consumers.is_empty() {
        ui.label(text::weak(ui, "No consumers"));
    } else {
        column_titles(ui, &columns);
        for consumer in &group.consumers {
            let cells = [
                Cell::Value(display(&consumer.name)),
                Cell::Strong(format::count(consumer.pending)),
                Cell::Text(idle(consumer.idle_ms)),
            ];
            column_row(ui, &columns, &cells);
        }
    }
    if group.oldest.is_empty() {
        return;
    }
    let columns = [
        Column::text("Oldest pending", 200.0, 0.0),
        Column::text("With", 120.0, 1.0),
        Column::number("Deliveries", 80.0, 0.0),
        Column::number("For", 110.0, 0.0),
    ];
    ui.add_space(size::SPACE_4);
    column_titles(ui, &columns);
    for pending in &group.oldest {
        let cells = [
            Cell::Mono(pending.id.clone()),
            Cell::Value(display(&pending.consumer)),
            Cell::Strong(format::count(pending.deliveries)),
            Cell::Text(idle(pending.idle_ms)),
        ];
        column_row(ui, &columns, &cells);
    }
}

fn idle(ms: u64) -> String {
    format::duration(Duration::from_millis(ms))
}
