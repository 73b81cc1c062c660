//! The race screen: cached against uncached in turn, for a room to watch.

use std::time::{Duration, Instant};

use eframe::egui::{
    Align, FontId, Label, Layout, Margin, Rect, RichText, ScrollArea, Sense, Ui, UiBuilder, pos2,
    vec2,
};

use super::Command;
use crate::app::command::{Command as AppCommand, Commands};
use crate::app::format;
use crate::app::state::{Link, State, TaskId};
use crate::app::theme::{Icon, Tone, colors, fonts, size, text};
use crate::app::widgets::{self, Button, Tip, card, mark, plot};
use crate::engine::latency::Side;
use crate::engine::race;
use crate::engine::{Event as LogEvent, Outcome, Reason};

/// How many pairs a race has where nobody says otherwise.
pub const RACES: usize = 20;

/// A race that runs or has ended.
#[derive(Debug)]
pub struct Race {
    /// The report.
    pub report: String,
    /// The parameters in one line.
    pub params: String,
    /// How many pairs were asked for.
    pub pairs: usize,
    /// Its task while it runs, `None` before it began.
    pub task: Option<TaskId>,
    /// The laps so far.
    pub laps: race::Race,
    /// When it began.
    pub started: Instant,
    /// Whether it still runs.
    pub running: bool,
    /// Why it ended before its time.
    pub error: Option<String>,
}

impl Race {
    /// A race that begins now.
    pub fn new(report: String, params: String, pairs: usize, started: Instant) -> Self {
        Self {
            report,
            params,
            pairs,
            task: None,
            laps: race::Race::default(),
            started,
            running: true,
            error: None,
        }
    }

    pub(super) fn ended(&mut self, error: Option<String>) {
        self.running = false;
        self.error = error;
    }

    fn done(&self, side: Side) -> usize {
        self.laps.laps.iter().filter(|lap| lap.side == side).count()
    }

    /// How long it will still take, judged by the laps so far.
    fn left(&self) -> Option<Duration> {
        let mean = |side: Side| {
            let laps = self.laps.laps.iter().filter(|lap| lap.side == side);
            let (n, sum) = laps.fold((0, 0.0), |(n, sum), lap| (n + 1, sum + lap.ms));
            (n > 0).then(|| sum / f64::from(n))
        };
        let left = |side| self.pairs.saturating_sub(self.done(side)) as f64;
        let ms = mean(Side::Uncached)? * left(Side::Uncached)
            + mean(Side::Cached).unwrap_or(0.0) * left(Side::Cached);
        Some(Duration::from_secs_f64(ms / 1000.0))
    }
}

/// Shows the race in place of the charts.
pub(super) fn show(ui: &mut Ui, state: &mut State, commands: &mut Commands) {
    let Some(race) = &state.latency.race else {
        return;
    };
    let wide = ui.available_width() > 1050.0;
    let inset = if wide { 40 } else { 16 };
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        eframe::egui::Frame::NONE
            .inner_margin(Margin::symmetric(inset, 20))
            .show(ui, |ui| {
                head(ui, state, race, commands);
                ui.add_space(size::SPACE_16);
                if let Some(error) = &race.error {
                    widgets::notice(ui, Tone::Error, error);
                    ui.add_space(size::SPACE_12);
                }
                lane(ui, race, Side::Cached, "Cached", Tone::Hit);
                lane(ui, race, Side::Uncached, "Uncached", Tone::Miss);
                ui.add_space(size::SPACE_16);
                cards(ui, state, race, commands);
                ui.add_space(size::SPACE_24);
                if let Some(sentence) = summary(race) {
                    ui.label(text::weak(ui, sentence));
                }
            });
    });
}

fn head(ui: &mut Ui, state: &State, race: &Race, commands: &mut Commands) {
    ui.horizontal(|ui| {
        ui.vertical(|ui| {
            ui.label(text::title(ui, &race.report));
            let mut about = String::new();
            let source = state.open.as_ref().and_then(|open| {
                let report = open
                    .workspace
                    .reports
                    .iter()
                    .find(|report| report.name == race.report)?;
                open.sources.get_key_value(&report.source)
            });
            if let Some((name, link)) = source {
                about = match link {
                    Link::Up(version) => format!("{version}, source {name}. "),
                    _ => format!("Source {name}. "),
                };
            }
            about.push_str("Cached and uncached in turn, nothing else changed.");
            if !race.params.is_empty() {
                about.push_str("  ");
                about.push_str(&race.params);
            }
            ui.label(text::weak(ui, about));
        });
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let button = if race.running {
                Button::new("Stop")
                    .shortcut("Esc")
                    .tooltip("End the race, and its query on the server")
            } else {
                Button::new("Close").tooltip("Back to the charts")
            };
            if ui.add(button).clicked() {
                match (race.running, race.task) {
                    (true, Some(task)) => commands.send(AppCommand::Cancel(task)),
                    _ => commands.send(AppCommand::Latency(Command::CloseRace)),
                }
            }
            if race.running {
                if let Some(left) = race.left() {
                    ui.label(text::weak(ui, format!("about {} left", format::long(left))));
                }
            } else {
                let again = Button::new("Race again").primary();
                if ui.add(again).clicked() {
                    commands.send(AppCommand::Latency(Command::Race {
                        report: race.report.clone(),
                        given: Vec::new(),
                        pairs: race.pairs,
                    }));
                }
            }
        });
    });
}

fn lane(ui: &mut Ui, race: &Race, side: Side, name: &str, tone: Tone) {
    let colors = colors(ui);
    let width = ui.available_width();
    let (rect, response) = ui.allocate_exact_size(vec2(width, 64.0), Sense::hover());
    let painter = ui.painter();
    let middle = rect.center().y;
    mark(painter, colors, pos2(rect.left() + 8.0, middle), 15.0, tone);
    let left = eframe::egui::Align2::LEFT_CENTER;
    painter.text(
        pos2(rect.left() + 28.0, middle),
        left,
        name,
        FontId::new(20.0, fonts::semibold()),
        colors.strong,
    );
    let samples: Vec<f64> = race.laps.samples(side).collect();
    let median = race.laps.summary(side).map(|summary| summary.p50_ms);
    let shown = match median {
        Some(ms) => format::ms(ms),
        None if race.running && race.laps.laps.is_empty() => "waiting for a fresh entry".to_owned(),
        None if race.running => "running".to_owned(),
        None => "–".to_owned(),
    };
    let (points, color) = if median.is_some() {
        (44.0, colors.strong)
    } else {
        (20.0, colors.weak)
    };
    painter.text(
        pos2(rect.left() + (width * 0.17).max(150.0), middle),
        left,
        &shown,
        FontId::new(points, fonts::semibold()),
        color,
    );
    // One tile a lap; with many pairs they become a line.
    let done = race.done(side);
    let from = rect.left() + (width * 0.41).max(360.0);
    let to = rect.right() - 72.0;
    let pitch = (to - from) / race.pairs.max(1) as f32;
    let gap = if pitch > 6.0 { 4.0 } else { 0.0 };
    for index in 0..race.pairs {
        let tile = Rect::from_min_size(
            pos2(from + pitch * index as f32, middle - 8.0),
            vec2((pitch - gap).max(1.0), 16.0),
        );
        let ground = if index < done {
            colors.tone(tone)
        } else {
            colors.hover
        };
        painter.rect_filled(tile, 3.0, ground);
    }
    painter.text(
        pos2(rect.right(), middle),
        eframe::egui::Align2::RIGHT_CENTER,
        format!("{done} of {}", race.pairs),
        fonts::body(),
        colors.weak,
    );
    let label = format!(
        "{name} median {shown}, {done} of {} done, {} counted",
        race.pairs,
        samples.len()
    );
    response.widget_info(|| {
        eframe::egui::WidgetInfo::labeled(eframe::egui::accesskit::Role::Label, true, &label)
    });
}

fn cards(ui: &mut Ui, state: &State, race: &Race, commands: &mut Commands) {
    let width = ui.available_width();
    let gap = size::SPACE_16;
    let height = 236.0;
    let row = ui.allocate_space(vec2(width, height)).1;
    let third = (width - 2.0 * gap) / 3.0;
    let place = |index: f32| {
        Rect::from_min_size(
            pos2(row.left() + (third + gap) * index, row.top()),
            vec2(third, height),
        )
    };
    let mut in_card = |rect: Rect, add: &mut dyn FnMut(&mut Ui)| {
        let mut child = ui.new_child(UiBuilder::new().max_rect(rect));
        card(&mut child, |ui| {
            ui.set_min_height(height - 2.0 * size::SPACE_16 - 2.0);
            add(ui);
        });
    };
    in_card(place(0.0), &mut |ui| faster(ui, race));
    in_card(place(1.0), &mut |ui| same(ui, race));
    in_card(place(2.0), &mut |ui| stays_true(ui, state, race, commands));
}

fn faster(ui: &mut Ui, race: &Race) {
    widgets::group_title(ui, "Faster, by the medians");
    let Some(speedup) = race.laps.speedup() else {
        ui.add_space(size::SPACE_24);
        ui.label(text::weak(
            ui,
            if race.running {
                "After the first pair"
            } else {
                "No pair was completed"
            },
        ));
        return;
    };
    let shown = plot::ratio(speedup);
    // As large as the card allows, for the back row of the room.
    let points = (ui.available_width() / (shown.len() as f32 * 0.62)).clamp(36.0, 96.0);
    let number = RichText::new(shown)
        .font(FontId::new(points, fonts::semibold()))
        .color(colors(ui).strong);
    ui.add(Label::new(number).extend());
    if let Some((pairs, low, high)) = race.laps.speedup_range() {
        let range = format!(
            "range of {}: {} to {}",
            format::plural(pairs as u64, "pair", "pairs"),
            plot::ratio(low),
            plot::ratio(high)
        );
        ui.label(text::weak(ui, range));
    }
}

fn same(ui: &mut Ui, race: &Race) {
    widgets::group_title(ui, "The same answer");
    ui.add_space(size::SPACE_8);
    let (all, identical) = race.laps.compared();
    if all == 0 {
        ui.label(text::weak(
            ui,
            "Every answer is compared by a checksum over all its values.",
        ));
        return;
    }
    let (tone, icon) = if all == identical {
        (Tone::Hit, Icon::Check)
    } else {
        (Tone::Error, Icon::Cross)
    };
    let color = colors(ui).tone(tone);
    ui.horizontal(|ui| {
        let (rect, _) = ui.allocate_exact_size(vec2(18.0, 26.0), Sense::hover());
        let place = Rect::from_center_size(rect.center(), vec2(16.0, 16.0));
        icon.paint(ui.painter(), place, color);
        let shown = format!("{identical} of {all} identical");
        let large = FontId::new(20.0, fonts::semibold());
        ui.label(RichText::new(shown).font(large).color(color));
    });
    ui.add_space(size::SPACE_8);
    for (name, side) in [("cached  ", Side::Cached), ("uncached", Side::Uncached)] {
        if let Some(lap) = race.laps.last(side) {
            let sum = lap.sha256.get(..16).unwrap_or(&lap.sha256);
            let (first, second) = sum.split_at(sum.len().min(8));
            ui.label(text::mono(ui, format!("{name}  {first} {second}")))
                .tip(format!("SHA-256 of the answer as CSV: {}", lap.sha256));
        }
    }
    ui.add_space(size::SPACE_8);
    if let Some(lap) = race.laps.laps.last() {
        let rows = format::plural(lap.rows, "row", "rows");
        ui.label(text::weak(ui, format!("{rows}, checksum over every value")));
    }
    if all != identical {
        let why = "Data that changes between two runs makes answers differ; stop new orders and race again.";
        ui.add(Label::new(text::small(ui, why)).wrap());
    }
}

fn stays_true(ui: &mut Ui, state: &State, race: &Race, commands: &mut Commands) {
    widgets::group_title(ui, "And it stays true");
    ui.add_space(size::SPACE_8);
    let lines = story(state, &race.report);
    if lines.is_empty() {
        let hint = "When a table it depends on changes, the worker sees it and refreshes the entry; that shows here.";
        ui.add(Label::new(text::weak(ui, hint)).wrap());
    }
    for (tone, line) in lines {
        let shown = match tone {
            Some(tone) => text::tone(ui, tone, line),
            None => text::body(ui, line),
        };
        ui.add(Label::new(shown).wrap());
    }
    if state.open.as_ref().is_some_and(|open| open.demo.is_some()) {
        ui.add_space(size::SPACE_8);
        let button = Button::new("Insert an order")
            .tooltip("Commit one new order to the demo's database now");
        if ui.add(button).clicked() {
            commands.send(AppCommand::InsertOrder);
        }
    }
}

/// The last change, what the worker did about it, and the first answer after it, from the event log.
fn story(state: &State, report: &str) -> Vec<(Option<Tone>, String)> {
    let clock = |at: chrono::DateTime<chrono::Utc>| {
        at.with_timezone(&chrono::Local)
            .format("%H:%M:%S%.3f")
            .to_string()
    };
    let mut refreshed = None;
    let mut served = None;
    let mut seen = None;
    for event in state.log.events.iter().rev().take(2000) {
        match &**event {
            LogEvent::Request(request)
                if request.report == report
                    && refreshed.is_none()
                    && request.outcome == Outcome::Hit
                    && request.error.is_none() =>
            {
                served = Some(request.at);
            }
            LogEvent::Refresh(refresh)
                if refresh.report == report && refreshed.is_none() && refresh.error.is_none() =>
            {
                let what = if refresh.unchanged {
                    "run again, same content"
                } else {
                    "refreshed by the worker"
                };
                let line = format!("{}  {what}, {}", clock(refresh.at), refresh.why);
                refreshed = Some((refresh.reason, line));
            }
            LogEvent::Worker(change) if refreshed.is_some() && change.event == "change" => {
                let seen_line = format!("{}  {}", clock(change.at), change.detail);
                seen = Some((None, seen_line));
                break;
            }
            _ => {}
        }
    }
    let Some((reason, refreshed)) = refreshed else {
        return Vec::new();
    };
    let served = served.map(|at| {
        let with = match reason {
            Reason::Changed => ", with the change",
            _ => "",
        };
        let line = format!("{}  served from the cache{with}", clock(at));
        (Some(Tone::Hit), line)
    });
    [seen, Some((None, refreshed)), served]
        .into_iter()
        .flatten()
        .collect()
}

fn summary(race: &Race) -> Option<String> {
    let (cached, uncached) = (
        race.laps.summary(Side::Cached)?,
        race.laps.summary(Side::Uncached)?,
    );
    let side = |n: usize, name: &str, summary: crate::engine::latency::Summary| {
        format!(
            "{} {} ({} to {})",
            format::plural(n as u64, &format!("{name} run"), &format!("{name} runs")),
            format::ms(summary.p50_ms),
            format::ms(summary.min_ms),
            format::ms(summary.max_ms)
        )
    };
    Some(format!(
        "Median of {} against {}. The database's own buffers were warm for both.",
        side(cached.n, "cached", cached),
        side(uncached.n, "uncached", uncached)
    ))
}
