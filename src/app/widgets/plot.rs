//! Plots in the theme's colours: a log axis of milliseconds, an axis of time, and marks by outcome.

use chrono::{DateTime, Local, Utc};
use eframe::egui::{FontFamily, FontId, Rangef, Ui, Vec2};
use egui_plot::{
    AxisHints, GridInput, GridMark, HoverPosition, MarkerShape, Plot, PlotPoint, Points,
};

use super::badge::{Mark, Shape};
use crate::app::format;
use crate::app::theme::colors;

/// The place of a duration on a log axis.
pub fn log_ms(ms: f64) -> f64 {
    ms.max(0.001).log10()
}

/// The duration at a place on a log axis, in milliseconds.
pub fn unlog_ms(value: f64) -> f64 {
    10f64.powf(value)
}

/// The label of a decade: `1 ms`, `10 s`.
pub fn decade(ms: f64) -> String {
    match ms {
        ms if ms < 0.0095 => format!("{:.0} µs", ms * 1000.0),
        ms if ms < 0.95 => format!("{:.0} µs", (ms * 1000.0).round()),
        ms if ms < 950.0 => format!("{ms:.0} ms"),
        ms => format!("{:.0} s", ms / 1000.0),
    }
}

/// The decades between two durations in milliseconds, at least one decade apart.
pub fn decades(low_ms: f64, high_ms: f64) -> (f64, f64) {
    let low = log_ms(low_ms).floor();
    (low, log_ms(high_ms).ceil().max(low + 1.0))
}

/// A plot without a ground, a legend or a frame, in the theme's type; hovering a point tells what `label` says of it.
pub fn plain<'a>(
    ui: &Ui,
    id: &'static str,
    label: impl Fn(&str, PlotPoint) -> Option<String> + 'a,
) -> Plot<'a> {
    Plot::new(id)
        .show_background(false)
        .show_crosshair(false)
        .allow_scroll(false)
        .allow_axis_zoom_drag(false)
        .allow_boxed_zoom(false)
        .allow_drag(false)
        .allow_zoom(false)
        .allow_double_click_reset(false)
        .set_margin_fraction(Vec2::new(0.0, 0.06))
        .grid_color(colors(ui).line)
        .grid_fade(0.0)
        .label_formatter(move |hover| match hover {
            HoverPosition::NearDataPoint {
                plot_name,
                position,
                ..
            } => label(plot_name, *position),
            HoverPosition::Elsewhere { .. } => None,
        })
}

/// An axis in the theme's type.
pub fn axis<'a>(ui: &Ui, axis: AxisHints<'a>) -> AxisHints<'a> {
    // Labels fade where the grid is denser than the spacing asked for: ours is chosen, so none should.
    axis.tick_label_color(colors(ui).weak)
        .tick_label_font(FontId::new(11.0, FontFamily::Proportional))
        .label_spacing(Rangef::new(10.0, 14.0))
}

/// A vertical axis of milliseconds on a log scale.
pub fn log_axis_y<'a>(ui: &Ui) -> AxisHints<'a> {
    axis(ui, AxisHints::new_y())
        .min_thickness(48.0)
        .formatter(|mark, _| decade(unlog_ms(mark.value)))
}

/// A horizontal axis of milliseconds on a log scale.
pub fn log_axis_x<'a>(ui: &Ui) -> AxisHints<'a> {
    axis(ui, AxisHints::new_x()).formatter(|mark, _| decade(unlog_ms(mark.value)))
}

/// Grid lines at whole decades, at every second one where they would crowd.
pub fn decade_grid(input: GridInput) -> Vec<GridMark> {
    every(
        input.bounds,
        if input.bounds.1 - input.bounds.0 > 7.0 {
            2.0
        } else {
            1.0
        },
    )
}

/// Grid lines at every second decade, for a narrow axis.
pub fn wide_decade_grid(input: GridInput) -> Vec<GridMark> {
    every(
        input.bounds,
        if input.bounds.1 - input.bounds.0 > 2.5 {
            2.0
        } else {
            1.0
        },
    )
}

fn every((low, high): (f64, f64), step: f64) -> Vec<GridMark> {
    let first = (low / step).ceil() as i64;
    let last = (high / step).floor() as i64;
    (first..=last)
        .take(64)
        .map(|mark| GridMark {
            value: mark as f64 * step,
            step_size: step,
        })
        .collect()
}

/// Milliseconds on a linear axis: whole ones without a fraction.
pub fn linear_ms(ms: f64) -> String {
    if ms.fract().abs() < 1e-6 && ms < 1000.0 {
        format!("{ms:.0} ms")
    } else {
        format::ms(ms)
    }
}

/// A horizontal axis of local clock time; values are seconds since the epoch.
pub fn time_axis<'a>(ui: &Ui) -> AxisHints<'a> {
    let width = f64::from((ui.available_width() - Y_LABELS).max(1.0));
    axis(ui, AxisHints::new_x()).formatter(move |mark, range| {
        let span = range.end() - range.start();
        let whole_minutes = mark.step_size >= 60.0 || span > 1200.0;
        let label = clock(mark.value, !whole_minutes);
        let at = (mark.value - range.start()) / span.max(f64::MIN_POSITIVE) * width;
        if comes_under_y_labels(at, &label) {
            String::new()
        } else {
            label
        }
    })
}

/// About what the labels of the vertical axis take of a chart's width.
const Y_LABELS: f32 = 50.0;

/// Whether a time around this many points from the left end would stand under the lowest label of the vertical axis,
/// which is so near above it that the two read as one.
fn comes_under_y_labels(at: f64, label: &str) -> bool {
    const LETTER: f64 = 6.4;
    at < label.len() as f64 * LETTER / 2.0
}

/// Grid lines at round clock times, as many as their labels have room for in what is left of the width, eight at most.
pub fn time_grid(ui: &Ui) -> impl Fn(GridInput) -> Vec<GridMark> + use<> {
    const LABEL: f32 = 76.0;
    let most = (ui.available_width() / LABEL).floor().clamp(2.0, 8.0);
    move |input| time_marks(input, f64::from(most))
}

fn time_marks(input: GridInput, most: f64) -> Vec<GridMark> {
    const STEPS: [f64; 15] = [
        1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 7200.0,
        21600.0, 86400.0,
    ];
    let (low, high) = input.bounds;
    let wanted = (high - low) / most;
    let step = STEPS
        .into_iter()
        .find(|step| *step >= wanted)
        .unwrap_or_else(|| (wanted / 86400.0).ceil() * 86400.0);
    let first = (low / step).ceil() as i64;
    (first..)
        .map(|mark| mark as f64 * step)
        // A label at the very edge would stand half outside.
        .take_while(|value| *value <= high - (high - low) * 0.03)
        .take(64)
        .map(|value| GridMark {
            value,
            step_size: step,
        })
        .collect()
}

/// Grid lines at round values (1, 2, 2.5 or 5 times a power of ten), about four of them.
pub fn round_grid(input: GridInput) -> Vec<GridMark> {
    let (low, high) = input.bounds;
    let wanted = ((high - low) / 4.0).max(f64::MIN_POSITIVE);
    let decade = 10_f64.powf(wanted.log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0, 10.0]
        .map(|times| times * decade)
        .into_iter()
        .find(|step| *step >= wanted * (1.0 - 1e-9))
        .unwrap_or(wanted);
    grid_lines((low, high), step)
}

/// Grid lines at the multiples of a step, a few at most.
pub(super) fn grid_lines((low, high): (f64, f64), step: f64) -> Vec<GridMark> {
    let first = (low / step).ceil() as i64;
    (first..)
        .map(|mark| mark as f64 * step)
        .take_while(|value| *value <= high)
        .take(8)
        .map(|value| GridMark {
            value,
            step_size: step,
        })
        .collect()
}

/// Local time of day of a moment in seconds since the epoch.
pub fn clock(seconds: f64, with_seconds: bool) -> String {
    let moment = DateTime::<Utc>::from_timestamp_millis((seconds * 1000.0) as i64);
    let format = if with_seconds { "%H:%M:%S" } else { "%H:%M" };
    moment.map_or_else(String::new, |moment| {
        moment.with_timezone(&Local).format(format).to_string()
    })
}

/// A moment as a place on a time axis.
pub fn seconds(at: DateTime<Utc>) -> f64 {
    at.timestamp_millis() as f64 / 1000.0
}

/// Points that look like a mark.
pub fn marks<'a>(ui: &Ui, name: &str, mark: impl Into<Mark>, points: Vec<[f64; 2]>) -> Points<'a> {
    let mark = mark.into();
    let (shape, radius) = match mark.shape {
        Shape::Circle => (MarkerShape::Circle, 2.5),
        Shape::Square => (MarkerShape::Square, 3.0),
        Shape::Triangle => (MarkerShape::Up, 3.5),
        Shape::Diamond => (MarkerShape::Diamond, 3.5),
        Shape::Ring => (MarkerShape::Circle, 3.0),
        Shape::Cross => (MarkerShape::Cross, 3.5),
    };
    Points::new(name, points)
        .shape(shape)
        .radius(radius)
        .filled(mark.shape != Shape::Ring)
        .color(colors(ui).tone(mark.tone))
}

/// The ratio a person reads aloud: `4,260x`, `12.4x`.
pub fn ratio(value: f64) -> String {
    if value < 100.0 {
        format!("{value:.1}x")
    } else {
        format!("{}x", format::count(value.round() as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decades_cover_the_values_and_read_as_units() {
        assert_eq!(decades(2.0, 38_000.0), (0.0, 5.0));
        assert_eq!(decades(5.0, 5.0), (0.0, 1.0));
        let labels: Vec<_> = (-3..6)
            .map(|power| decade(unlog_ms(f64::from(power))))
            .collect();
        assert_eq!(
            labels,
            [
                "1 µs", "10 µs", "100 µs", "1 ms", "10 ms", "100 ms", "1 s", "10 s", "100 s"
            ]
        );
    }

    #[test]
    fn a_time_axis_has_about_as_many_round_marks_as_there_is_room_for() {
        for span in [10.0, 3600.0, 86_400.0 * 30.0] {
            for (most, marks) in [(8.0, 3..=9), (3.0, 1..=4)] {
                let input = GridInput {
                    bounds: (1000.0, 1000.0 + span),
                    base_step_size: 1.0,
                };
                let n = time_marks(input, most).len();
                assert!(marks.contains(&n), "{span}: {n}");
            }
        }
    }

    #[test]
    fn a_time_at_the_left_end_has_no_label_and_the_next_one_has() {
        for label in ["20:55", "20:55:30"] {
            assert!(comes_under_y_labels(0.0, label) && comes_under_y_labels(14.0, label));
            // As far apart as time_grid sets them.
            assert!(!comes_under_y_labels(60.0, label));
        }
    }

    #[test]
    fn a_linear_axis_has_a_few_round_marks() {
        for high in [0.07, 1.2, 9.9, 1_300.0, 86_000.0] {
            let marks = round_grid(GridInput {
                bounds: (0.0, high),
                base_step_size: 1.0,
            });
            assert!((3..=5).contains(&marks.len()), "{high}: {}", marks.len());
        }
        let marks = round_grid(GridInput {
            bounds: (-10.0, 1_300.0),
            base_step_size: 1.0,
        });
        let values: Vec<_> = marks.iter().map(|mark| mark.value).collect();
        assert_eq!(values, [0.0, 500.0, 1000.0]);
    }

    #[test]
    fn ratios_read_aloud() {
        assert_eq!(ratio(4260.4), "4,260x");
        assert_eq!(ratio(12.44), "12.4x");
    }
}
