//! A small chart of figures over time: lines with gaps, units on the axes, and a hairline at the moment that is pointed
//! at, which several charts of a view share.

use eframe::egui::{Shape, Stroke, Ui, vec2};
use egui_plot::{AxisHints, GridInput, GridMark, PlotPoint};

use super::plot::{self, grid_lines};
use crate::app::format;
use crate::app::theme::{Tone, colors, faint};

/// What a figure is measured in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A share from 0 to 1.
    Share,
    /// Something a second.
    PerSecond,
    /// Bytes.
    Bytes,
    /// Bytes a second.
    BytesPerSecond,
    /// One against another.
    Ratio,
    /// How many.
    Count,
}

/// Lines of one figure.
#[derive(Clone, Debug)]
pub struct Series<'a> {
    /// What it is called.
    pub name: &'static str,
    /// Its colour, `None` for the weak one.
    pub tone: Option<Tone>,
    /// Seconds since the epoch and value; between two lines is a gap.
    pub lines: &'a [Vec<[f64; 2]>],
}

/// What a chart shows besides its lines.
#[derive(Clone, Copy, Debug)]
pub struct TimeChart<'a> {
    /// Names it among the charts of a view.
    pub id: &'static str,
    /// What its figures are measured in.
    pub unit: Unit,
    /// The first and the last moment, in seconds since the epoch.
    pub span: (f64, f64),
    /// Moments with a vertical line: the server was restarted.
    pub breaks: &'a [f64],
    /// The moment that is pointed at.
    pub pointed: Option<f64>,
}

impl Unit {
    /// A value with its unit.
    pub fn text(self, value: f64) -> String {
        match self {
            Self::Share => format::percent(value),
            Self::PerSecond if value > 0.0 && value < 9.95 => format!("{value:.1}/s"),
            Self::PerSecond => format!("{}/s", format::count(value.round() as u64)),
            Self::Bytes => short_bytes(value),
            Self::BytesPerSecond => format!("{}/s", short_bytes(value)),
            Self::Ratio => format!("{value:.2}"),
            Self::Count => format::count(value.round() as u64),
        }
    }

    /// A value at an axis, short.
    fn label(self, value: f64) -> String {
        let short = |value: f64| match value {
            value if value >= 1e6 => format!("{}M", trim(value / 1e6)),
            value if value >= 1e4 => format!("{}k", trim(value / 1e3)),
            value => format::group_digits(&trim(value)),
        };
        match self {
            Self::Share => format!("{:.0} %", value * 100.0),
            Self::PerSecond => format!("{}/s", short(value)),
            Self::Bytes | Self::BytesPerSecond => {
                let text = format::bytes(value.round() as u64).replace(".0 ", " ");
                if self == Self::Bytes {
                    text
                } else {
                    format!("{text}/s")
                }
            }
            Self::Ratio => trim(value),
            Self::Count => short(value),
        }
    }

    /// The top of the axis above a largest value.
    fn top(self, largest: f64) -> f64 {
        match self {
            Self::Share if largest <= 1.0 => 1.06,
            Self::Share | Self::Ratio => (largest * 1.15).max(1.0),
            Self::PerSecond | Self::Count => (largest * 1.15).max(4.0),
            Self::Bytes | Self::BytesPerSecond => (largest * 1.15).max(4096.0),
        }
    }

    fn grid(self, input: GridInput) -> Vec<GridMark> {
        match self {
            Self::Bytes | Self::BytesPerSecond => {
                grid_lines(input.bounds, byte_step(input.bounds.1))
            }
            Self::Share if input.bounds.1 <= 1.1 => grid_lines(input.bounds, 0.5),
            _ => plot::round_grid(input),
        }
    }
}

/// A size in a few digits and a unit: from a hundred on a fraction says nothing.
fn short_bytes(value: f64) -> String {
    let text = format::bytes(value.round() as u64);
    let parts = text.split_once(' ');
    let number = parts.and_then(|(number, _)| number.parse::<f64>().ok());
    match (parts, number) {
        (Some((_, unit)), Some(number)) if number >= 100.0 => format!("{number:.0} {unit}"),
        _ => text,
    }
}

/// At most two decimals, none that say nothing.
fn trim(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A round number of bytes for about three lines: a power of two, since units are steps of 1,024.
fn byte_step(high: f64) -> f64 {
    2f64.powf((high / 4.0).max(1.0).log2().ceil())
}

impl Series<'_> {
    /// The value at a moment, where one is known near it.
    pub fn at(&self, moment: f64, within: f64) -> Option<f64> {
        let near = |point: &&[f64; 2]| (point[0] - moment).abs();
        self.lines
            .iter()
            .filter_map(|line| {
                let after = line.partition_point(|point| point[0] < moment);
                line.get(after.saturating_sub(1)..(after + 1).min(line.len()))?
                    .iter()
                    .min_by(|a, b| near(a).total_cmp(&near(b)))
            })
            .min_by(|a, b| near(a).total_cmp(&near(b)))
            .filter(|point| near(point) <= within)
            .map(|point| point[1])
    }

    /// The latest value.
    pub fn last(&self) -> Option<f64> {
        self.lines.last()?.last().map(|point| point[1])
    }
}

impl TimeChart<'_> {
    /// Shows it in what is left of the height; gives back the moment that is pointed at.
    pub fn show(self, ui: &mut Ui, series: &[Series<'_>]) -> Option<f64> {
        let unit = self.unit;
        let largest = series
            .iter()
            .flat_map(|series| series.lines.iter().flatten())
            .map(|point| point[1])
            .fold(0.0, f64::max);
        let top = unit.top(largest);
        let (from, to) = self.span;
        let response = plot::plain(ui, self.id, |_, _| None)
            .custom_x_axes(vec![plot::time_axis(ui)])
            .custom_y_axes(vec![
                plot::axis(ui, AxisHints::new_y())
                    .min_thickness(46.0)
                    .formatter(move |mark, _| unit.label(mark.value)),
            ])
            .x_grid_spacer(plot::time_grid(ui))
            .y_grid_spacer(move |input| unit.grid(input))
            .show_grid([false, true])
            .set_margin_fraction(vec2(0.0, 0.0))
            .default_x_bounds(from, to)
            .default_y_bounds(-top * 0.04, top)
            .show(ui, |chart| {
                chart.set_plot_bounds_x(from..=to);
                chart.set_plot_bounds_y(-top * 0.04..=top);
            });
        let colors = colors(ui);
        let transform = &response.transform;
        let place = |x: f64, y: f64| transform.position_from_point(&PlotPoint::new(x, y));
        let frame = *transform.frame();
        let painter = ui.painter().with_clip_rect(frame);
        for moment in self.breaks {
            let x = place(*moment, 0.0).x;
            let line = [
                eframe::egui::pos2(x, frame.top()),
                eframe::egui::pos2(x, frame.bottom()),
            ];
            let stroke = Stroke::new(1.0, colors.stale);
            painter.extend(Shape::dashed_line(&line, stroke, 3.0, 3.0));
        }
        if let Some(moment) = self.pointed {
            let x = place(moment, 0.0).x;
            painter.vline(
                x,
                frame.y_range(),
                Stroke::new(1.0, faint(colors.weak, 0.6)),
            );
        }
        // The first series lies on top.
        for series in series.iter().rev() {
            let color = series.tone.map_or(colors.weak, |tone| colors.tone(tone));
            for line in series.lines {
                match line.as_slice() {
                    [] => {}
                    [point] => {
                        painter.circle_filled(place(point[0], point[1]), 1.5, color);
                    }
                    // Pieces one by one: a whole line bursts at steep joints in the tessellator.
                    points => {
                        // A level stretch is one piece: short level ones are rounded to pixels and look dashed.
                        let piece = |from: [f64; 2], to: [f64; 2]| {
                            let ends = [place(from[0], from[1]), place(to[0], to[1])];
                            painter.line_segment(ends, Stroke::new(1.5, color));
                        };
                        let (mut from, last) = (points[0], points[points.len() - 1]);
                        for pair in points.windows(2) {
                            if pair[0][1] == pair[1][1] {
                                continue;
                            }
                            if from != pair[0] {
                                piece(from, pair[0]);
                            }
                            piece(pair[0], pair[1]);
                            from = pair[1];
                        }
                        if from != last {
                            piece(from, last);
                        }
                    }
                }
            }
            if let Some(moment) = self.pointed
                && let Some(value) = series.at(moment, (to - from) / 60.0)
            {
                painter.circle_filled(place(moment, value), 3.0, color);
            }
        }
        response
            .response
            .hover_pos()
            .map(|at| transform.value_from_position(at).x)
    }
}

/// Fewer points for the same picture: of each stretch of time the least and the largest value, in their order.
pub fn thin(
    lines: Vec<Vec<[f64; 2]>>,
    (from, to): (f64, f64),
    stretches: f64,
) -> Vec<Vec<[f64; 2]>> {
    let stretch = ((to - from) / stretches).max(f64::MIN_POSITIVE);
    let all: usize = lines.iter().map(Vec::len).sum();
    if all as f64 <= stretches * 2.0 {
        return lines;
    }
    lines
        .into_iter()
        .map(|line| {
            let mut kept = Vec::new();
            for chunk in line.chunk_by(|a, b| (a[0] / stretch).floor() == (b[0] / stretch).floor())
            {
                let least = chunk.iter().min_by(|a, b| a[1].total_cmp(&b[1]));
                let largest = chunk.iter().max_by(|a, b| a[1].total_cmp(&b[1]));
                let (Some(least), Some(largest)) = (least, largest) else {
                    continue;
                };
                kept.extend(match least[0].total_cmp(&largest[0]) {
                    std::cmp::Ordering::Equal => vec![*least],
                    std::cmp::Ordering::Less => vec![*least, *largest],
                    std::cmp::Ordering::Greater => vec![*largest, *least],
                });
            }
            kept
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_read_with_their_units() {
        let texts = [
            Unit::Share.text(0.972),
            Unit::PerSecond.text(0.4),
            Unit::PerSecond.text(12_345.4),
            Unit::BytesPerSecond.text(1_572_864.0),
            Unit::Ratio.text(1.654),
            Unit::Bytes.text(233_700_000.0),
            Unit::Bytes.text(900.0),
        ];
        assert_eq!(
            texts,
            [
                "97.2 %", "0.4/s", "12,345/s", "1.5 MB/s", "1.65", "223 MB", "900 B"
            ]
        );
        let labels = [
            Unit::PerSecond.label(2500.0),
            Unit::PerSecond.label(250_000.0),
            Unit::Bytes.label(2_097_152.0),
            Unit::Ratio.label(1.5),
            Unit::Share.label(0.5),
        ];
        assert_eq!(labels, ["2,500/s", "250k/s", "2 MB", "1.5", "50 %"]);
    }

    #[test]
    fn bytes_have_round_lines() {
        for high in [4096.0, 3e6, 7e9] {
            let input = GridInput {
                bounds: (-0.04 * high, high),
                base_step_size: 1.0,
            };
            let lines = Unit::Bytes.grid(input).len();
            assert!((3..=5).contains(&lines), "{high}: {lines}");
        }
    }

    #[test]
    fn thinning_keeps_peaks_and_gaps() {
        let line: Vec<[f64; 2]> = (0..1000)
            .map(|i| [f64::from(i), if i == 500 { 99.0 } else { 1.0 }])
            .collect();
        let thinned = thin(vec![line.clone(), vec![[2000.0, 3.0]]], (0.0, 2000.0), 50.0);
        assert_eq!(thinned.len(), 2);
        assert!(thinned[0].len() <= 60 && thinned[0].contains(&[500.0, 99.0]));
        assert!(thinned[0].is_sorted_by(|a, b| a[0] < b[0]));
        let short = thin(vec![line[..10].to_vec()], (0.0, 10.0), 50.0);
        assert_eq!(short[0].len(), 10);
    }

    #[test]
    fn a_value_is_found_near_a_moment_and_not_in_a_gap() {
        let lines = [vec![[1.0, 10.0], [2.0, 20.0]], vec![[50.0, 5.0]]];
        let series = Series {
            name: "x",
            tone: None,
            lines: &lines,
        };
        assert_eq!(series.at(1.4, 1.0), Some(10.0));
        assert_eq!(series.at(1.6, 1.0), Some(20.0));
        assert_eq!((series.at(25.0, 1.0), series.last()), (None, Some(5.0)));
    }
}
