//! INFO as charts over time. The pointer in one of them marks the same moment in all, and their legends then tell the
//! values of that moment.

use eframe::egui::{Align, Layout, Rect, Sense, Stroke, Ui, UiBuilder, pos2, vec2};

use crate::app::theme::{Tone, colors, fonts, size, text};
use crate::app::widgets::time_chart::{Series, TimeChart, Unit};
use crate::app::widgets::{self, Tip, card, plot, text_width};
use crate::inspect::server::Figure;

use super::figures::Figures;

/// Height of a chart's card.
const HEIGHT: f32 = 176.0;

struct Chart {
    title: &'static str,
    unit: Unit,
    about: &'static str,
    series: &'static [(&'static str, Option<Tone>, Figure)],
}

const CHARTS: [Chart; 8] = [
    Chart {
        title: "Hit ratio",
        unit: Unit::Share,
        about: "Of the keys that clients looked up, the share that was there. Nothing is drawn where nothing was looked up. Below about 80 % a cache does little: keys expire or are evicted too soon, or are asked for once only.",
        series: &[("", Some(Tone::Hit), Figure::HitRatio)],
    },
    Chart {
        title: "Lookups",
        unit: Unit::PerSecond,
        about: "Keys a second that were looked up and found, or not found.",
        series: &[
            ("found", Some(Tone::Hit), Figure::Hits),
            ("not", Some(Tone::Miss), Figure::Misses),
        ],
    },
    Chart {
        title: "Commands",
        unit: Unit::PerSecond,
        about: "Commands a second that the server carried out, those of this view included.",
        series: &[("", Some(Tone::Accent), Figure::Commands)],
    },
    Chart {
        title: "Network",
        unit: Unit::BytesPerSecond,
        about: "Bytes a second from clients (in) and to them (out).",
        series: &[
            ("out", Some(Tone::Accent), Figure::NetOut),
            ("in", None, Figure::NetIn),
        ],
    },
    Chart {
        title: "Memory",
        unit: Unit::Bytes,
        about: "What the data and the server take (used), and what the system gave for it (held). The amber line is maxmemory, where it is near.",
        series: &[
            ("used", Some(Tone::Accent), Figure::Used),
            ("held", None, Figure::Resident),
            ("", Some(Tone::Stale), Figure::Limit),
        ],
    },
    Chart {
        title: "Fragmentation",
        unit: Unit::Ratio,
        about: FRAGMENTATION,
        series: &[("", Some(Tone::Accent), Figure::Fragmentation)],
    },
    Chart {
        title: "Keys gone",
        unit: Unit::PerSecond,
        about: "Keys a second whose TTL ended (expired), which is how it should be, and keys that were thrown out because memory was full (evicted).",
        series: &[
            ("evicted", Some(Tone::Stale), Figure::Evicted),
            ("expired", None, Figure::Expired),
        ],
    },
    Chart {
        title: "Clients",
        unit: Unit::Count,
        about: "Connections that are open, and those of them that wait for something (BLPOP, WAIT and the like).",
        series: &[
            ("open", Some(Tone::Accent), Figure::Clients),
            ("waiting", Some(Tone::Wait), Figure::Blocked),
        ],
    },
];

/// What fragmentation means and when it is bad.
pub(super) const FRAGMENTATION: &str = "Memory that the system gave, against what the data needs. 1.0 to 1.5 is well. Above 1.5 memory is held and not used, after many keys were deleted or changed their size; below 1.0 a part was swapped out to disk, which makes everything slow. With less than 100 MB in use it says nothing: the program itself is most of it.";

/// Shows the charts; gives back the moment that is pointed at.
pub(super) fn show(ui: &mut Ui, figures: &Figures, pointed: Option<f64>) -> Option<f64> {
    let width = ui.available_width();
    let gap = size::SPACE_12;
    let columns = if width < 1100.0 { 2 } else { 4 };
    let each = ((width - gap * (columns - 1) as f32) / columns as f32).floor();
    let mut found = None;
    for (at, row) in CHARTS.chunks(columns).enumerate() {
        if at > 0 {
            ui.add_space(gap);
        }
        let place = ui.allocate_space(vec2(width, HEIGHT)).1;
        for (at, chart) in row.iter().enumerate() {
            let left = place.left() + at as f32 * (each + gap);
            let rect = Rect::from_min_size(pos2(left, place.top()), vec2(each, HEIGHT));
            let mut child = ui.new_child(UiBuilder::new().id_salt(chart.title).max_rect(rect));
            let shown = card(&mut child, |ui| {
                let inner = HEIGHT - 2.0 * size::SPACE_16 - 2.0;
                ui.set_min_height(inner);
                ui.set_max_height(inner);
                chart.show(ui, figures, pointed)
            });
            found = found.or(shown.inner);
        }
    }
    found
}

impl Chart {
    fn show(&self, ui: &mut Ui, figures: &Figures, pointed: Option<f64>) -> Option<f64> {
        let most = figures
            .of(Figure::Used)
            .iter()
            .flatten()
            .map(|point| point[1])
            .fold(0.0, f64::max);
        let series: Vec<Series<'_>> = self
            .series
            .iter()
            .map(|(name, tone, figure)| Series {
                name,
                tone: *tone,
                lines: figures.of(*figure),
            })
            // A limit far above what is used would press everything else to the ground.
            .filter(|series| {
                let is_limit = self.unit == Unit::Bytes && series.name.is_empty();
                !is_limit || series.last().is_some_and(|limit| limit < most * 4.0)
            })
            .collect();
        self.legend(ui, &series, figures, pointed);
        ui.add_space(size::SPACE_8);
        let chart = TimeChart {
            id: self.title,
            unit: self.unit,
            span: figures.span,
            breaks: &figures.restarts,
            pointed,
        };
        chart.show(ui, &series)
    }

    /// The title, or the moment that is pointed at; and each figure with its value.
    fn legend(&self, ui: &mut Ui, series: &[Series<'_>], figures: &Figures, pointed: Option<f64>) {
        ui.allocate_ui_with_layout(
            vec2(ui.available_width(), 18.0),
            Layout::left_to_right(Align::Center),
            |ui| {
                ui.spacing_mut().item_spacing.x = size::SPACE_4;
                let title = match pointed {
                    Some(moment) => plot::clock(moment, true),
                    None => self.title.to_owned(),
                };
                ui.label(text::group(ui, title)).tip(self.about);
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                    for series in series.iter().rev() {
                        if self.unit == Unit::Bytes && series.name.is_empty() {
                            continue;
                        }
                        let within = (figures.span.1 - figures.span.0) / 60.0;
                        let value = match pointed {
                            Some(moment) => series.at(moment, within),
                            None => series.last().filter(|_| is_current(series, figures)),
                        };
                        let shown =
                            value.map_or_else(|| "–".to_owned(), |value| self.unit.text(value));
                        value_of(ui, series, &shown);
                    }
                });
            },
        );
    }
}

/// Whether a line reaches the present: an old value is not shown as the present one.
fn is_current(series: &Series<'_>, figures: &Figures) -> bool {
    let last = series.lines.last().and_then(|line| line.last());
    last.is_some_and(|point| figures.span.1 - point[0] <= 6.0)
}

/// A piece of the line, its name and its value; nothing but the value where there is one figure alone.
fn value_of(ui: &mut Ui, series: &Series<'_>, value: &str) {
    let name = if series.name.is_empty() {
        value.to_owned()
    } else {
        format!("{} {value}", series.name)
    };
    let font = fonts::small();
    let mark = if series.name.is_empty() { 0.0 } else { 12.0 };
    let width = text_width(ui, &name, font.clone()) + mark;
    if width > ui.available_width() {
        return;
    }
    let (rect, response) = ui.allocate_exact_size(vec2(width + 2.0, 18.0), Sense::hover());
    let colors = colors(ui);
    let mut x = rect.left();
    if mark > 0.0 {
        let color = series.tone.map_or(colors.weak, |tone| colors.tone(tone));
        let line = [pos2(x, rect.center().y), pos2(x + 8.0, rect.center().y)];
        ui.painter().line_segment(line, Stroke::new(2.0, color));
        x += mark;
        let label = widgets::text_at(
            ui.painter(),
            pos2(x, rect.center().y),
            eframe::egui::Align2::LEFT_CENTER,
            series.name,
            font.clone(),
            colors.weak,
            width,
        );
        x = label.right() + 4.0;
    }
    widgets::text_at(
        ui.painter(),
        pos2(x, rect.center().y),
        eframe::egui::Align2::LEFT_CENTER,
        value,
        font,
        colors.strong,
        width,
    );
    response.widget_info(|| {
        eframe::egui::WidgetInfo::labeled(eframe::egui::accesskit::Role::Label, true, &name)
    });
}
