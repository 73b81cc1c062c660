//! How soon after a change entries are fresh: each refresh as a point, and the percentiles of each report.

use eframe::egui::{ScrollArea, Ui, vec2};

use crate::app::format;
use crate::app::theme::{Tone, size, text};
use crate::app::widgets::{self, Cell, Column, column_row, column_titles, plot};
use crate::engine::delay::Delays;
use crate::engine::latency::Summary;

use super::history::History;

/// Reports that the table shows at once.
const SHOWN: usize = 6;

/// How high the table is.
pub(super) fn height(history: &History) -> f32 {
    let rows = history.reports.len().clamp(1, SHOWN);
    size::HEADER_ROW + rows as f32 * size::TABLE_ROW
}

/// A point a refresh, over time.
pub(super) fn chart(ui: &mut Ui, history: &History) {
    let title = if history.from_commit {
        "Commit to fresh"
    } else {
        "Detected to fresh"
    };
    widgets::group_title(ui, title);
    let Some(delay) = history.delay else {
        ui.vertical_centered(|ui| {
            ui.add_space(56.0);
            ui.label(text::strong(ui, "No change was refreshed yet"));
            ui.label(text::weak(
                ui,
                "Each refresh after a change is a point here.",
            ));
        });
        return;
    };
    let figures = format!(
        "p50 {}, p99 {}, query time not counted",
        format::ms(delay.p50_ms),
        format::ms(delay.p99_ms)
    );
    ui.label(text::small(ui, figures));
    ui.add_space(size::SPACE_4);
    let label = |_: &str, at: egui_plot::PlotPoint| {
        Some(format!(
            "{} at {}",
            format::ms(at.y),
            plot::clock(at.x, true)
        ))
    };
    let points = plot::marks(ui, "delay", Tone::Accent, history.delays.clone());
    plot::plain(ui, "delays", label)
        .custom_x_axes(vec![plot::time_axis(ui)])
        .custom_y_axes(vec![
            plot::axis(ui, egui_plot::AxisHints::new_y())
                .min_thickness(52.0)
                .formatter(|mark, _| plot::linear_ms(mark.value)),
        ])
        .x_grid_spacer(plot::time_grid(ui))
        .y_grid_spacer(plot::round_grid)
        .show_grid([false, true])
        .set_margin_fraction(vec2(0.06, 0.08))
        .include_y(0.0)
        .include_y(delay.max_ms * 1.1)
        .show(ui, |chart| chart.points(points));
}

/// The percentiles of each report.
pub(super) fn table(ui: &mut Ui, history: &History) {
    const COLUMNS: [Column; 6] = [
        Column::text("Freshness, p50 and p99", 160.0, 1.0),
        Column::text("Source", 70.0, 0.4),
        Column::number("Refreshes", 64.0, 0.0),
        Column::number("Commit to detected", 140.0, 0.2),
        Column::number("Detected to fresh", 140.0, 0.2),
        Column::number("Commit to fresh", 140.0, 0.2),
    ];
    column_titles(ui, &COLUMNS);
    if history.reports.is_empty() {
        ui.add_space(size::SPACE_4);
        super::inset(ui, |ui| {
            ui.label(text::weak(
                ui,
                "Needs a report with refresh = \"on-change\", and a change of its tables while the worker watches.",
            ));
        });
        return;
    }
    ScrollArea::vertical()
        .id_salt("freshness")
        .max_height(SHOWN as f32 * size::TABLE_ROW)
        .auto_shrink([false, true])
        .show_rows(ui, size::TABLE_ROW, history.reports.len(), |ui, rows| {
            for delays in &history.reports[rows] {
                column_row(ui, &COLUMNS, &cells(delays));
            }
        });
}

fn cells(delays: &Delays) -> [Cell; 6] {
    let both = |summary: Option<Summary>| match summary {
        Some(summary) => Cell::Text(format!(
            "{}, {}",
            format::ms(summary.p50_ms),
            format::ms(summary.p99_ms)
        )),
        None => Cell::Weak("commit time not told".into()),
    };
    [
        Cell::Strong(delays.report.clone()),
        Cell::Weak(delays.source.clone()),
        Cell::Text(format::count(delays.n as u64)),
        both(delays.committed_to_detected),
        both(delays.detected_to_fresh),
        both(delays.committed_to_fresh),
    ]
}
