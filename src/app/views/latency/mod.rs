//! The Latency view: what the cache is worth, from the engine's own event log.

mod charts;
mod figures;
mod race;

pub use figures::Period;
pub use race::{RACES, Race};

use eframe::egui::{Align, ComboBox, Layout, Rect, RichText, ScrollArea, Ui, UiBuilder, vec2};

use crate::app::command::{Command as AppCommand, Commands};
use crate::app::format;
use crate::app::state::{State, TaskId};
use crate::app::theme::{Tone, colors, fonts, size, text};
use crate::app::widgets::{
    self, Button, Cell, Column, card, column_row, column_titles, mark, plot, table_card,
};
use crate::engine::race::Lap;

use figures::Figures;

/// With less width the cards stand below one another.
const BESIDE: f32 = 760.0;
/// A wait is as slow as the query it joined and stands on neither side.
const NO_SIDE: &str = "Only waits so far";

/// What this view keeps.
#[derive(Debug, Default)]
pub struct Latency {
    /// The report that is looked at, `None` for all.
    pub report: Option<String>,
    /// The span of time that is looked at.
    pub period: Period,
    /// The race that runs or has ended; shown in place of the charts.
    pub race: Option<Race>,
    figures: Figures,
}

/// What this view asks for.
#[derive(Clone, Debug)]
pub enum Command {
    /// Race a report: cached against uncached in turn.
    Race {
        /// The report.
        report: String,
        /// Parameter values as typed; defaults stand in for the others.
        given: Vec<(String, String)>,
        /// How many pairs.
        pairs: usize,
    },
    /// Back from the race to the charts; ends one that runs.
    CloseRace,
}

/// What this view's tasks report.
#[derive(Debug)]
pub enum Event {
    /// A lap of a race ended.
    Lap {
        /// The race's task.
        task: TaskId,
        /// The lap.
        lap: Lap,
    },
    /// A race ended.
    RaceEnded {
        /// The race's task.
        task: TaskId,
        /// Why it ended before its time.
        error: Option<String>,
    },
}

impl Latency {
    /// Takes in what a task reports.
    pub fn apply(&mut self, event: Event) {
        let (Event::Lap { task, .. } | Event::RaceEnded { task, .. }) = &event;
        let task = *task;
        let Some(race) = self.race.as_mut().filter(|race| race.task == Some(task)) else {
            return;
        };
        match event {
            Event::Lap { lap, .. } => race.laps.push(lap),
            Event::RaceEnded { error, .. } => race.ended(error),
        }
    }
}

/// Shows the view.
pub fn show(ui: &mut Ui, state: &mut State, commands: &mut Commands) {
    if state.latency.race.is_some() {
        race::show(ui, state, commands);
        return;
    }
    let report = state.latency.report.clone();
    let mut figures = std::mem::take(&mut state.latency.figures);
    let period = state.latency.period;
    figures.update(&state.log, report.as_deref(), period, state.clock);
    ui.spacing_mut().item_spacing.y = 0.0;
    widgets::inset(ui, |ui| head(ui, state, commands, &figures));
    if figures.requests == 0 {
        widgets::inset(ui, |ui| nothing(ui, state));
    } else {
        // The bar stands beside the cards and not over them.
        ScrollArea::vertical()
            .auto_shrink(false)
            .show(ui, |ui| widgets::inset(ui, |ui| body(ui, &figures)));
    }
    state.latency.figures = figures;
}

fn head(ui: &mut Ui, state: &mut State, commands: &mut Commands, figures: &Figures) {
    ui.allocate_ui_with_layout(
        vec2(ui.available_width(), 52.0),
        Layout::right_to_left(Align::Center),
        |ui| {
            ui.spacing_mut().item_spacing.x = size::SPACE_8;
            race_button(ui, state, commands);
            ComboBox::from_id_salt("period")
                .selected_text(state.latency.period.name())
                .show_ui(ui, |ui| {
                    for period in Period::ALL {
                        ui.selectable_value(&mut state.latency.period, period, period.name());
                    }
                })
                .response
                .widget_info(|| named("Period"));
            let shown = state.latency.report.as_deref().unwrap_or("All reports");
            let shown = shown.to_owned();
            ComboBox::from_id_salt("report")
                .selected_text(shown)
                .width(150.0)
                .show_ui(ui, |ui| {
                    let chosen = &mut state.latency.report;
                    ui.selectable_value(chosen, None, "All reports");
                    for name in state.reports.names() {
                        ui.selectable_value(chosen, Some(name.to_owned()), name);
                    }
                })
                .response
                .widget_info(|| named("Report"));
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                ui.label(text::heading(ui, "Latency"));
                if let Some(first) = figures.first {
                    let requests = format::plural(figures.requests as u64, "request", "requests");
                    let since = plot::clock(plot::seconds(first), false);
                    ui.add_space(size::SPACE_4);
                    ui.label(text::small(ui, format!("{requests} since {since}")));
                }
            });
        },
    );
}

fn named(name: &str) -> eframe::egui::WidgetInfo {
    eframe::egui::WidgetInfo::labeled(eframe::egui::accesskit::Role::ComboBox, true, name)
}

fn race_button(ui: &mut Ui, state: &State, commands: &mut Commands) {
    let report = state
        .latency
        .report
        .clone()
        .or_else(|| state.reports.names().next().map(str::to_owned));
    let tooltip = match &report {
        Some(report) => format!("Run {report} cached and uncached in turn and compare"),
        None => "There is no report to race".to_owned(),
    };
    let button = Button::new("Race")
        .primary()
        .enabled(report.is_some())
        .tooltip(tooltip);
    if ui.add(button).clicked()
        && let Some(report) = report
    {
        commands.send(AppCommand::Latency(Command::Race {
            report,
            given: Vec::new(),
            pairs: RACES,
        }));
    }
}

fn nothing(ui: &mut Ui, state: &State) {
    let hint = if state.latency.report.is_some() || state.latency.period != Period::All {
        "Run the report, or look at all reports and a longer time."
    } else {
        "Run a report in Reports: each request then stands here with its outcome and time."
    };
    widgets::empty(ui, "No requests yet", hint);
}

fn body(ui: &mut Ui, figures: &Figures) {
    let width = ui.available_width();
    let narrow = width < 1100.0;
    let top = 256.0;
    let number = if narrow { 236.0 } else { 300.0 };
    let share = if narrow { 232.0 } else { 284.0 };
    let gap = size::SPACE_12;
    let row = ui.allocate_space(vec2(width, top)).1;
    let place = |left: f32, width: f32| {
        let at = eframe::egui::pos2(row.left() + left, row.top());
        Rect::from_min_size(at, vec2(width, top))
    };
    // Where three cards have no room side by side, the medians stand below the other two.
    let half = ((width - gap) / 2.0).floor();
    let (number, medians, share) = if width < BESIDE {
        ui.add_space(gap);
        let below = ui.allocate_space(vec2(width, top)).1;
        (place(0.0, half), below, place(half + gap, half))
    } else {
        let middle = width - number - share - 2.0 * gap;
        (
            place(0.0, number),
            place(number + gap, middle),
            place(width - share, share),
        )
    };
    in_card(ui, number, |ui| the_number(ui, figures));
    in_card(ui, medians, |ui| {
        widgets::group_title(ui, "Median per report, log scale");
        ui.add_space(size::SPACE_8);
        if figures.cached.is_none() && figures.uncached.is_none() {
            ui.label(text::weak(ui, NO_SIDE));
        }
        charts::medians(ui, &figures.reports);
    });
    in_card(ui, share, |ui| {
        widgets::group_title(ui, "Share answered within");
        ui.add_space(size::SPACE_8);
        if figures.cached.is_none() && figures.uncached.is_none() {
            ui.label(text::weak(ui, NO_SIDE));
        }
        charts::share(ui, figures);
    });
    ui.add_space(gap);
    let timeline = ui.allocate_space(vec2(width, 258.0)).1;
    in_card(ui, timeline, |ui| {
        ui.horizontal(|ui| {
            widgets::group_title(ui, "Every request");
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                charts::legend(ui, figures);
            });
        });
        ui.add_space(size::SPACE_4);
        charts::timeline(ui, figures);
    });
    ui.add_space(gap);
    percentiles(ui, figures);
    ui.add_space(gap);
}

fn in_card(ui: &mut Ui, rect: Rect, add: impl FnOnce(&mut Ui)) {
    let mut child = ui.new_child(UiBuilder::new().max_rect(rect));
    card(&mut child, |ui| {
        ui.set_min_height(rect.height() - 2.0 * size::SPACE_16 - 2.0);
        ui.set_max_height(rect.height() - 2.0 * size::SPACE_16 - 2.0);
        add(ui);
    });
}

fn the_number(ui: &mut Ui, figures: &Figures) {
    ui.label(text::weak(ui, "Cached against uncached"));
    ui.add_space(size::SPACE_8);
    match figures.speedup {
        Some(speedup) => {
            let shown = plot::ratio(speedup);
            // The number gives way before it is cut: a ratio of six digits still fits a narrow card.
            let points = if shown.len() > 6 && ui.available_width() < 240.0 {
                40.0
            } else {
                52.0
            };
            let font = eframe::egui::FontId::new(points, fonts::semibold());
            let number = RichText::new(shown).font(font).color(colors(ui).strong);
            ui.label(number);
            let reports = figures
                .reports
                .iter()
                .filter(|report| report.speedup().is_some())
                .count();
            let over = if reports == 1 {
                "faster, by the medians".to_owned()
            } else {
                format!("faster, mean of {reports} reports")
            };
            ui.label(text::strong(ui, over));
        }
        None => {
            ui.label(text::heading(ui, "Not yet"));
            ui.add(
                eframe::egui::Label::new(text::weak(
                    ui,
                    "Needs one request from the cache and one from the database.",
                ))
                .wrap(),
            );
        }
    }
    ui.add_space(size::SPACE_16);
    for (name, tone, summary) in [
        ("cached median", Tone::Hit, figures.cached),
        ("uncached median", Tone::Miss, figures.uncached),
    ] {
        let Some(summary) = summary else { continue };
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = size::SPACE_4;
            let (rect, _) = ui.allocate_exact_size(vec2(12.0, 20.0), eframe::egui::Sense::hover());
            mark(ui.painter(), colors(ui), rect.center(), 10.0, tone);
            ui.label(text::body(ui, name));
            ui.label(text::strong(ui, format::ms(summary.p50_ms)));
            ui.label(text::weak(
                ui,
                format!("of {}", format::count(summary.n as u64)),
            ));
        });
    }
    if figures.failed > 0 {
        ui.add_space(size::SPACE_8);
        let failed = format::plural(figures.failed as u64, "request failed", "requests failed");
        widgets::notice(
            ui,
            Tone::Error,
            &format!("{failed}, left out of the charts"),
        );
    }
}

fn percentiles(ui: &mut Ui, figures: &Figures) {
    const COLUMNS: [Column; 7] = [
        Column::text("Outcome", 120.0, 1.0),
        Column::number("n", 70.0, 1.0),
        Column::number("min", 80.0, 1.0),
        Column::number("p50", 80.0, 1.0),
        Column::number("p95", 80.0, 1.0),
        Column::number("p99", 80.0, 1.0),
        Column::number("max", 80.0, 1.0),
    ];
    table_card(ui, |ui| {
        column_titles(ui, &COLUMNS);
        for (outcome, summary) in &figures.outcomes {
            let mut cells = vec![
                Cell::Badge(charts::tone(*outcome).into(), charts::name(*outcome).into()),
                Cell::Text(format::count(summary.n as u64)),
            ];
            cells.extend(
                [
                    summary.min_ms,
                    summary.p50_ms,
                    summary.p95_ms,
                    summary.p99_ms,
                    summary.max_ms,
                ]
                .map(|ms| Cell::Text(format::ms(ms))),
            );
            column_row(ui, &COLUMNS, &cells);
        }
    });
}
