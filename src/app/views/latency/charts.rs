//! The charts of the Latency view.

use eframe::egui::{Align2, Rect, Sense, Stroke, Ui, pos2, vec2};
use egui_plot::{Line, LineStyle, Points};

use super::figures::Figures;
use crate::app::format;
use crate::app::theme::{Tone, colors, faint, fonts, line, size, text};
use crate::app::widgets::{Tip, mark, plot, text_at};
use crate::engine::Outcome;
use crate::engine::latency::Comparison;

/// The colour of an outcome.
pub(super) fn tone(outcome: Outcome) -> Tone {
    match outcome {
        Outcome::Hit => Tone::Hit,
        Outcome::StaleHit => Tone::Stale,
        Outcome::Wait => Tone::Wait,
        Outcome::Miss => Tone::Miss,
        Outcome::Bypass => Tone::Bypass,
    }
}

/// What an outcome is called.
pub(super) fn name(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Hit => "Hit",
        Outcome::StaleHit => "Stale hit",
        Outcome::Wait => "Wait",
        Outcome::Miss => "Miss",
        Outcome::Bypass => "Bypass",
    }
}

/// The medians of each report on both sides, joined by a line, on a log axis.
pub(super) fn medians(ui: &mut Ui, reports: &[Comparison]) {
    let colors = colors(ui);
    let (rect, response) = ui.allocate_exact_size(ui.available_size(), Sense::hover());
    let painter = ui.painter_at(rect);
    let all = reports
        .iter()
        .flat_map(|report| [report.cached, report.uncached])
        .flatten()
        .map(|side| side.p50_ms);
    let (low, high) = all.fold((f64::INFINITY, 0.0), |(low, high), ms| {
        (f64::min(low, ms), f64::max(high, ms))
    });
    if !low.is_finite() {
        return;
    }
    let (low, high) = plot::decades(low, high);
    let names = (rect.width() * 0.28).clamp(90.0, 150.0);
    let ratios = 56.0;
    let axis = Rect::from_min_max(
        pos2(rect.left() + names + size::SPACE_16, rect.top()),
        pos2(rect.right() - ratios, rect.bottom() - 20.0),
    );
    let x = |ms: f64| {
        let share = (plot::log_ms(ms) - low) / (high - low);
        axis.left() + axis.width() * share as f32
    };
    let step = if high - low > 5.0 { 2 } else { 1 };
    for power in (low as i32..=high as i32).step_by(step) {
        let ms = plot::unlog_ms(f64::from(power));
        let at = x(ms).round() + 0.5;
        painter.vline(at, axis.y_range(), line(colors));
        painter.text(
            pos2(at, axis.bottom() + 5.0),
            Align2::CENTER_TOP,
            plot::decade(ms),
            fonts::tiny(),
            colors.weak,
        );
    }
    let row = (axis.height() / reports.len().max(1) as f32).min(34.0);
    let shown = ((axis.height() / 14.0) as usize).max(1);
    for (index, report) in reports.iter().take(shown).enumerate() {
        let row = row.max(14.0);
        let y = axis.top() + row * (index as f32 + 0.5);
        text_at(
            &painter,
            pos2(rect.left() + names, y),
            Align2::RIGHT_CENTER,
            &report.report,
            fonts::small(),
            colors.strong,
            names,
        );
        if let (Some(cached), Some(uncached)) = (report.cached, report.uncached) {
            let stroke = Stroke::new(2.5, faint(colors.weak, 0.45));
            painter.hline(x(cached.p50_ms)..=x(uncached.p50_ms), y, stroke);
        }
        if let Some(cached) = report.cached {
            mark(&painter, colors, pos2(x(cached.p50_ms), y), 10.0, Tone::Hit);
        }
        if let Some(uncached) = report.uncached {
            let at = pos2(x(uncached.p50_ms), y);
            mark(&painter, colors, at, 10.0, Tone::Miss);
            if let Some(speedup) = report.speedup() {
                painter.text(
                    at + vec2(10.0, 0.0),
                    Align2::LEFT_CENTER,
                    plot::ratio(speedup),
                    fonts::tiny(),
                    colors.weak,
                );
            }
        }
    }
    if let Some(pointer) = response.hover_pos() {
        let index = ((pointer.y - axis.top()) / row.max(14.0)).max(0.0) as usize;
        if let Some(report) = reports.get(index).filter(|_| index < shown) {
            response.tip(about(report));
        }
    }
}

fn about(report: &Comparison) -> String {
    let side = |name: &str, side: Option<crate::engine::latency::Summary>| match side {
        Some(side) => format!(
            "{name} median {} of {}, {} to {}",
            format::ms(side.p50_ms),
            format::count(side.n as u64),
            format::ms(side.min_ms),
            format::ms(side.max_ms)
        ),
        None => format!("{name} not yet"),
    };
    format!(
        "{}\n{}\n{}",
        report.report,
        side("Cached", report.cached),
        side("Uncached", report.uncached)
    )
}

/// The share of requests answered within a time, both sides.
pub(super) fn share(ui: &mut Ui, figures: &Figures) {
    let colors = colors(ui);
    let sides = [
        ("cached", Tone::Hit, &figures.share_cached, LineStyle::Solid),
        (
            "uncached",
            Tone::Miss,
            &figures.share_uncached,
            LineStyle::dashed_dense(),
        ),
    ];
    let edge = |pick: fn(f64, f64) -> f64, start: f64| {
        sides
            .iter()
            .flat_map(|(_, _, points, _)| points.iter())
            .fold(start, |edge, point| pick(edge, point[0]))
    };
    let (low, high) = (
        edge(f64::min, f64::INFINITY),
        edge(f64::max, f64::NEG_INFINITY),
    );
    if !low.is_finite() {
        return;
    }
    let (low, high) = plot::decades(plot::unlog_ms(low), plot::unlog_ms(high));
    let label = |name: &str, at: egui_plot::PlotPoint| {
        Some(format!(
            "{:.0} % {name} within {}",
            at.y,
            format::ms(plot::unlog_ms(at.x))
        ))
    };
    let response = plot::plain(ui, "share answered within", label)
        .custom_x_axes(vec![plot::log_axis_x(ui)])
        .custom_y_axes(vec![
            plot::axis(ui, egui_plot::AxisHints::new_y())
                .min_thickness(44.0)
                .formatter(|mark, _| format!("{:.0} %", mark.value)),
        ])
        .x_grid_spacer(plot::wide_decade_grid)
        .y_grid_spacer(|_| {
            [0.0, 50.0, 100.0]
                .map(|value| egui_plot::GridMark {
                    value,
                    step_size: 50.0,
                })
                .to_vec()
        })
        .include_x(low)
        // The last label stands whole beside its line.
        .include_x(high + (high - low) * 0.1)
        .include_y(0.0)
        .include_y(100.0)
        .show(ui, |chart| {
            let mut solid = Vec::new();
            for (name, tone, points, style) in sides {
                if points.is_empty() {
                    continue;
                }
                // The curve goes on at its end, so that "everything within" reads to the right edge.
                let mut points = points.clone();
                let last = points[points.len() - 1][1];
                points.push([high + (high - low) * 0.1, last]);
                let color = colors.tone(tone);
                if style == LineStyle::Solid {
                    chart.points(Points::new(name, points.clone()).radius(0.9).color(color));
                    solid.push((color, points));
                    continue;
                }
                let line = Line::new(name, points).color(color).width(1.8).style(style);
                chart.line(line);
            }
            solid
        });
    // A solid line through steep joints bursts in the tessellator; its pieces one by one do not.
    let painter = ui.painter().with_clip_rect(*response.transform.frame());
    for (color, points) in response.inner {
        let at = |point: &[f64; 2]| {
            response
                .transform
                .position_from_point(&egui_plot::PlotPoint::new(point[0], point[1]))
        };
        for pair in points.windows(2) {
            painter.line_segment([at(&pair[0]), at(&pair[1])], Stroke::new(1.8, color));
        }
    }
}

/// Every request at its time, by outcome.
pub(super) fn timeline(ui: &mut Ui, figures: &Figures) {
    let all = figures.points.iter().flat_map(|(_, points)| points);
    let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
    for point in all {
        low = low.min(point[1]);
        high = high.max(point[1]);
    }
    if !low.is_finite() {
        return;
    }
    let (low, high) = plot::decades(plot::unlog_ms(low), plot::unlog_ms(high));
    let label = |name: &str, at: egui_plot::PlotPoint| {
        Some(format!(
            "{name}, {} at {}",
            format::ms(plot::unlog_ms(at.y)),
            plot::clock(at.x, true)
        ))
    };
    let series: Vec<_> = figures
        .points
        .iter()
        .map(|(outcome, points)| plot::marks(ui, name(*outcome), tone(*outcome), points.clone()))
        .collect();
    plot::plain(ui, "every request", label)
        .custom_x_axes(vec![plot::time_axis(ui)])
        .custom_y_axes(vec![plot::log_axis_y(ui)])
        .x_grid_spacer(plot::time_grid(ui))
        .y_grid_spacer(plot::decade_grid)
        .show_grid([false, true])
        .set_margin_fraction(vec2(0.015, 0.05))
        .include_y(low)
        .include_y(high)
        .show(ui, |chart| {
            for points in series {
                chart.points(points);
            }
        });
}

/// The legend of the outcomes that are there.
pub(super) fn legend(ui: &mut Ui, figures: &Figures) {
    for (outcome, _) in figures.outcomes.iter().rev() {
        ui.label(text::small(ui, name(*outcome).to_lowercase()));
        let (rect, _) = ui.allocate_exact_size(vec2(10.0, 16.0), Sense::hover());
        mark(ui.painter(), colors(ui), rect.center(), 9.0, tone(*outcome));
        ui.add_space(size::SPACE_4);
    }
}
