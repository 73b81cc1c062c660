//! What held the server up, what it says of that itself, and which commands take its time.

use eframe::egui::{Label, Rect, ScrollArea, Ui, UiBuilder, pos2, vec2};
use egui_plot::AxisHints;

use crate::app::command::{Command as AppCommand, Commands};
use crate::app::format;
use crate::app::state::State;
use crate::app::theme::{Tone, size, text};
use crate::app::widgets::{
    self, Button, Cell, Column, card, column_row, column_row_to_copy, column_titles, plot,
    table_card,
};
use crate::inspect::server::{CommandStat, LatencyReport};

use super::table;

const EVENTS: [Column; 5] = [
    Column::text("Event", 110.0, 0.3),
    Column::text("Last seen", 100.0, 0.0),
    Column::number("Latest", 60.0, 0.0),
    Column::number("Longest", 60.0, 0.0),
    Column::text("What it means", 160.0, 1.0),
];
const COMMANDS: [Column; 6] = [
    Column::text("Command", 140.0, 0.6),
    Column::number("Share of the time", 110.0, 0.3),
    Column::number("Time", 90.0, 0.3),
    Column::number("Calls", 110.0, 0.3),
    Column::number("Each", 90.0, 0.3),
    Column::number("Failed", 80.0, 0.3),
];
/// Commands that the table shows: the others take next to nothing.
const BUSIEST: usize = 12;
/// Events that the table shows at once.
const ROWS: f32 = 7.0;

pub(super) fn show(ui: &mut Ui, state: &mut State, commands: &mut Commands) {
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        widgets::inset(ui, |ui| {
            let seen = &state.server.seen;
            match &seen.latency {
                None => return table::loading(ui, "Asking what held the server up"),
                Some(Err(why)) => table::sentence(ui, why),
                Some(Ok(report)) => {
                    events(ui, state, report);
                }
            }
            ui.add_space(size::SPACE_12);
            match &seen.commands {
                Some(Ok(stats)) => busiest(ui, stats, commands),
                Some(Err(why)) => table::sentence(ui, why),
                None => {}
            }
            ui.add_space(size::SPACE_12);
            if let Some(Ok(report)) = &seen.latency {
                doctor(ui, report, commands);
                ui.add_space(size::SPACE_12);
            }
        });
    });
}

fn events(ui: &mut Ui, state: &State, report: &LatencyReport) {
    let width = ui.available_width();
    let height = size::HEADER_ROW + ROWS * size::TABLE_ROW + 12.0;
    let has_chart = report.events.iter().any(|event| event.history.len() > 1);
    let row = ui.allocate_space(vec2(width, height)).1;
    let left = if has_chart {
        (width * 0.58).floor()
    } else {
        width
    };
    let place = Rect::from_min_size(row.min, vec2(left, height));
    let mut child = ui.new_child(UiBuilder::new().max_rect(place));
    table_card(&mut child, |ui| {
        ui.set_min_height(height - 10.0);
        ui.set_max_height(height - 10.0);
        column_titles(ui, &EVENTS);
        if report.events.is_empty() {
            table::nothing(
                ui,
                "The latency monitor has seen nothing. It notes what takes longer than latency-monitor-threshold, and nothing while that is 0.",
            );
        }
        ScrollArea::vertical()
            .id_salt("events")
            .auto_shrink([false, true])
            .show_rows(ui, size::TABLE_ROW, report.events.len(), |ui, rows| {
                for event in &report.events[rows] {
                    let cells = [
                        Cell::Strong(event.name.clone()),
                        Cell::Mono(table::when(event.at, state.clock.utc)),
                        Cell::Text(format::ms(event.latest_ms as f64)),
                        Cell::Text(format::ms(event.longest_ms as f64)),
                        Cell::Weak(event.about().to_owned()),
                    ];
                    column_row(ui, &EVENTS, &cells);
                }
            });
    });
    if has_chart {
        let min = pos2(place.right() + size::SPACE_12, row.top());
        let place = Rect::from_min_max(min, row.max);
        let mut child = ui.new_child(UiBuilder::new().max_rect(place));
        card(&mut child, |ui| {
            ui.set_min_height(height - 34.0);
            ui.set_max_height(height - 34.0);
            chart(ui, report);
        });
    }
}

/// Each time that something held the server up is a point.
fn chart(ui: &mut Ui, report: &LatencyReport) {
    widgets::group_title(ui, "How long the server was held up");
    ui.add_space(size::SPACE_4);
    let all = report.events.iter().flat_map(|event| &event.history);
    let most = all.clone().map(|point| point[1]).fold(1.0, f64::max);
    let label = |name: &str, at: egui_plot::PlotPoint| {
        let time = plot::clock(at.x, true);
        Some(format!("{name}, {} at {time}", format::ms(at.y)))
    };
    let series: Vec<_> = report
        .events
        .iter()
        .map(|event| plot::marks(ui, &event.name, Tone::Accent, event.history.clone()))
        .collect();
    plot::plain(ui, "latency events", label)
        .custom_x_axes(vec![plot::time_axis(ui)])
        .custom_y_axes(vec![
            plot::axis(ui, AxisHints::new_y())
                .min_thickness(52.0)
                .formatter(|mark, _| plot::linear_ms(mark.value)),
        ])
        .x_grid_spacer(plot::time_grid(ui))
        .y_grid_spacer(plot::round_grid)
        .show_grid([false, true])
        .set_margin_fraction(vec2(0.05, 0.06))
        .include_y(0.0)
        .include_y(most * 1.1)
        .show(ui, |chart| {
            for points in series {
                chart.points(points);
            }
        });
}

fn doctor(ui: &mut Ui, report: &LatencyReport, commands: &mut Commands) {
    if report.doctor.is_empty() {
        return;
    }
    card(ui, |ui| {
        ui.horizontal(|ui| {
            widgets::group_title(ui, "The latency doctor says");
            let button = Button::new("Copy")
                .bare()
                .named("Copy what the doctor says");
            if ui.add(button).clicked() {
                commands.send(AppCommand::Copy(report.doctor.clone()));
            }
        });
        ui.add_space(size::SPACE_4);
        ui.add(Label::new(text::body(ui, &report.doctor)).wrap());
    });
}

fn busiest(ui: &mut Ui, stats: &[CommandStat], commands: &mut Commands) {
    let all: u64 = stats.iter().map(|stat| stat.us).sum();
    table_card(ui, |ui| {
        column_titles(ui, &COMMANDS);
        if stats.is_empty() {
            table::nothing(ui, "The server tells nothing of its commands.");
        }
        for stat in stats.iter().take(BUSIEST) {
            let share = stat.us as f64 / all.max(1) as f64;
            let failed = match stat.failed {
                0 => Cell::Weak("–".to_owned()),
                failed => Cell::Tone(Tone::Error, format::count(failed)),
            };
            let cells = [
                Cell::Value(stat.name.to_uppercase()),
                Cell::Strong(format::percent(share)),
                Cell::Text(format::ms(stat.us as f64 / 1000.0)),
                Cell::Text(format::count(stat.calls)),
                Cell::Text(micros(stat.us_per_call())),
                failed,
            ];
            if column_row_to_copy(
                ui,
                &COMMANDS,
                &cells,
                "Since the server's start, or since CONFIG RESETSTAT",
            ) {
                let line = format!("{}\t{}\t{}\n", stat.name, stat.calls, stat.us);
                commands.send(AppCommand::Copy(line));
            }
        }
    });
}

/// Most commands take microseconds.
fn micros(us: f64) -> String {
    if us < 1000.0 {
        format!("{us:.1} µs")
    } else {
        format::ms(us / 1000.0)
    }
}
