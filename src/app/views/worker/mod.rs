//! The Worker view: what each detector sees, what is refreshed next and why, and what was.

mod auditor;
mod failing;
mod freshness;
mod history;

use std::time::Duration;

use eframe::egui::{Align, Layout, Margin, Rect, ScrollArea, Ui, UiBuilder, pos2, vec2};

use crate::app::command::{Command as AppCommand, Commands};
use crate::app::format;
use crate::app::state::{State, TaskId};
use crate::app::theme::{Tone, size, text};
use crate::app::widgets::{
    self, Button, Cell, Column, card, column_row, column_titles, plot, table_card,
};
use crate::engine::{Reason, RefreshEvent};
use crate::worker::{Queued, Role, Status, Watch};

use history::History;

/// What this view keeps.
#[derive(Debug, Default)]
pub struct WorkerView {
    history: History,
    /// The audit that somebody asked for.
    auditing: Option<TaskId>,
}

/// What this view asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Stop refreshing; detecting goes on.
    Pause,
    /// Refresh again.
    Resume,
    /// Compare every fresh entry with the database.
    Audit,
}

/// What this view's tasks report.
#[derive(Debug)]
pub enum Event {}

impl WorkerView {
    /// Whether an audit runs that somebody asked for.
    pub fn is_auditing(&self) -> bool {
        self.auditing.is_some()
    }

    /// An audit was begun.
    pub fn audit(&mut self, task: TaskId) {
        self.auditing = Some(task);
    }

    /// A task ended.
    pub fn ended(&mut self, task: TaskId) {
        self.auditing.take_if(|auditing| *auditing == task);
    }

    /// Takes in what a task reports.
    pub fn apply(&mut self, event: Event) {
        match event {}
    }
}

/// Shows the view.
pub fn show(ui: &mut Ui, state: &mut State, commands: &mut Commands) {
    let mut history = std::mem::take(&mut state.worker.history);
    history.update(&state.log, state.clock);
    ui.spacing_mut().item_spacing.y = 0.0;
    let status = state.worker_status().cloned();
    widgets::inset(ui, |ui| head(ui, status.as_deref(), commands));
    match status {
        None => widgets::empty(
            ui,
            "No worker runs here",
            "Open a workspace with a cache and a source: its worker then watches the sources and refreshes the cached reports.",
        ),
        Some(status) => {
            // The bar stands beside the cards and not over them.
            ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
                widgets::inset(ui, |ui| body(ui, state, &status, &history, commands));
            });
        }
    }
    state.worker.history = history;
}

fn head(ui: &mut Ui, status: Option<&Status>, commands: &mut Commands) {
    ui.allocate_ui_with_layout(
        vec2(ui.available_width(), 52.0),
        Layout::right_to_left(Align::Center),
        |ui| {
            if let Some(status) = status {
                let (button, command) = if status.paused {
                    (Button::new("Resume").primary(), Command::Resume)
                } else {
                    (Button::new("Pause"), Command::Pause)
                };
                let tooltip = if status.paused {
                    "Refresh again; what changed meanwhile is refreshed first"
                } else {
                    "Stop refreshing; changes are still seen, and their entries turn stale"
                };
                if ui.add(button.tooltip(tooltip)).clicked() {
                    commands.send(AppCommand::Worker(command));
                }
                ui.add_space(size::SPACE_4);
                ui.label(text::weak(ui, part(status)));
            }
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                ui.label(text::heading(ui, "Worker"));
            });
        },
    );
}

/// Whether a source cannot be watched.
fn is_blind(status: &Status) -> bool {
    status
        .sources
        .iter()
        .any(|watch| matches!(watch.role, Role::Blind(_)))
}

/// "leader of 3 sources since 20:58".
fn part(status: &Status) -> String {
    let since: Vec<_> = status
        .sources
        .iter()
        .filter_map(|watch| match watch.role {
            Role::Leader(since) => Some(since),
            _ => None,
        })
        .collect();
    let paused = if status.paused { ", paused" } else { "" };
    match (since.len(), status.sources.len()) {
        (0, 0) => format!("nothing to watch{paused}"),
        (0, _) if is_blind(status) => format!("blind{paused}"),
        (0, _) => format!("standing by{paused}"),
        (leads, of) => {
            let sources = match (leads, of) {
                (1, 1) => "its source".to_owned(),
                (leads, of) if leads == of => format!("{of} sources"),
                (leads, of) => format!("{leads} of {of} sources"),
            };
            let first = since.into_iter().min().map_or(0.0, plot::seconds);
            format!(
                "leader of {sources} since {}{paused}",
                plot::clock(first, false)
            )
        }
    }
}

fn body(ui: &mut Ui, state: &State, status: &Status, history: &History, commands: &mut Commands) {
    let gap = size::SPACE_12;
    // What fails comes first.
    failing::show(ui, state, status, commands);
    sources(ui, status);
    ui.add_space(gap);
    // What must not be comes first.
    auditor::wrong(ui, status, history);
    let width = ui.available_width();
    let height = 218.0;
    let row = ui.allocate_space(vec2(width, height)).1;
    let (left, right) = if width < BESIDE {
        ui.add_space(gap);
        (row, ui.allocate_space(vec2(width, height)).1)
    } else {
        // The queue's columns need their room; a chart is still a chart when it is narrow.
        let queue = ((width - gap) / 2.0).max(QUEUE.min(width * 0.62)).floor();
        let left = Rect::from_min_size(row.min, vec2(queue, height));
        let right = Rect::from_min_max(pos2(left.right() + gap, row.top()), row.max);
        (left, right)
    };
    let mut child = ui.new_child(UiBuilder::new().max_rect(left));
    table_card(&mut child, |ui| {
        ui.set_min_height(height - 10.0);
        ui.set_max_height(height - 10.0);
        next(ui, state, status);
    });
    let mut child = ui.new_child(UiBuilder::new().max_rect(right));
    card(&mut child, |ui| {
        ui.set_min_height(height - 34.0);
        ui.set_max_height(height - 34.0);
        freshness::chart(ui, history);
    });
    ui.add_space(gap);
    table_card(ui, |ui| freshness::table(ui, history));
    ui.add_space(gap);
    let others = freshness::height(history) + auditor::height(status) + 540.0;
    table_card(ui, |ui| {
        past(
            ui,
            history,
            (ui.ctx().content_rect().height() - others).max(PAST),
        );
    });
    ui.add_space(gap);
    let height = auditor::height(status);
    let row = ui.allocate_space(vec2(width, height)).1;
    let (left, right) = if width < BESIDE {
        ui.add_space(gap);
        (row, ui.allocate_space(vec2(width, height)).1)
    } else {
        let half = ((width - gap) / 2.0).floor();
        let left = Rect::from_min_size(row.min, vec2(half, height));
        let right = Rect::from_min_max(pos2(left.right() + gap, row.top()), row.max);
        (left, right)
    };
    for (place, which) in [(left, Bottom::Auditor), (right, Bottom::Load)] {
        let mut child = ui.new_child(UiBuilder::new().max_rect(place));
        card(&mut child, |ui| {
            ui.set_min_height(height - 34.0);
            ui.set_max_height(height - 34.0);
            match which {
                Bottom::Auditor => auditor::show(ui, state, status, commands),
                Bottom::Load => load(ui, state, status, history),
            }
        });
    }
    ui.add_space(gap);
}

/// The cards at the bottom.
enum Bottom {
    Auditor,
    Load,
}

fn sources(ui: &mut Ui, status: &Status) {
    const COLUMNS: [Column; 6] = [
        Column::text("Source", 70.0, 0.3),
        Column::text("Detector", 190.0, 0.4),
        Column::number("Delay", 60.0, 0.0),
        Column::text("Role", 80.0, 0.2),
        Column::text("Tables", 150.0, 1.0),
        Column::text("What it cannot see", 200.0, 1.6),
    ];
    table_card(ui, |ui| {
        column_titles(ui, &COLUMNS);
        for watch in &status.sources {
            column_row(ui, &COLUMNS, &source_cells(watch));
        }
        if status.sources.is_empty() {
            ui.add_space(size::SPACE_8);
            inset(ui, |ui| {
                ui.label(text::weak(
                    ui,
                    "No report asks the worker for anything: set refresh = \"on-change\" on one.",
                ));
            });
            ui.add_space(size::SPACE_8);
        }
        for watch in &status.sources {
            if let Role::Blind(why) = &watch.role {
                ui.add_space(size::SPACE_4);
                inset(ui, |ui| {
                    widgets::notice(ui, Tone::Error, &format!("{}: {why}", watch.source));
                });
            }
            if let Some(better) = watch
                .detector
                .as_ref()
                .and_then(|about| about.better_by.as_ref())
            {
                ui.add_space(size::SPACE_4);
                inset(ui, |ui| {
                    widgets::notice(ui, Tone::Stale, &format!("{}: {better}", watch.source));
                });
            }
        }
    });
}

fn inset(ui: &mut Ui, add: impl FnOnce(&mut Ui)) {
    eframe::egui::Frame::NONE
        .inner_margin(Margin::symmetric(size::SPACE_12 as i8, size::SPACE_4 as i8))
        .show(ui, add);
}

fn source_cells(watch: &Watch) -> [Cell; 6] {
    let (detector, delay, blind_spots) = match &watch.detector {
        Some(about) => {
            let tone = match watch.role {
                Role::Blind(_) => Tone::Error,
                _ if about.blind_spots.is_empty() => Tone::Hit,
                _ => Tone::Stale,
            };
            let blind = if about.blind_spots.is_empty() {
                Cell::Weak("nothing".into())
            } else {
                Cell::Text(about.blind_spots.join("; "))
            };
            (
                Cell::Badge(tone.into(), about.name.clone()),
                Cell::Text(plot::linear_ms(about.delay.as_secs_f64() * 1000.0)),
                blind,
            )
        }
        None => (
            Cell::Badge(Tone::Bypass.into(), "Unwatched".into()),
            Cell::Weak("–".into()),
            Cell::Weak("every change: its reports are fresh by TTL alone".into()),
        ),
    };
    let role = match watch.role {
        Role::Leader(_) => Cell::Text("leader".into()),
        Role::StandingBy => Cell::Weak("standing by".into()),
        Role::Blind(_) => Cell::Tone(Tone::Error, "blind".into()),
    };
    let tables = if watch.tables.is_empty() {
        Cell::Weak("none yet".into())
    } else {
        Cell::Text(watch.tables.join(", "))
    };
    [
        Cell::Strong(watch.source.clone()),
        detector,
        delay,
        role,
        tables,
        blind_spots,
    ]
}

/// The least that the history needs: its header and four rows.
const PAST: f32 = 112.0;
/// With less width the cards stand below one another.
const BESIDE: f32 = 760.0;
/// What the queue's columns need.
const QUEUE: f32 = 620.0;

fn next(ui: &mut Ui, state: &State, status: &Status) {
    const COLUMNS: [Column; 4] = [
        Column::text("Next", 120.0, 0.5),
        Column::text("Parameters", 96.0, 0.5),
        Column::text("", 130.0, 0.4),
        Column::text("", 200.0, 0.4),
    ];
    column_titles(ui, &COLUMNS);
    if status.queue.is_empty() {
        let (title, hint) = if status.paused {
            (
                "Paused",
                "Changes are still seen; press Resume to refresh what they touched.",
            )
        } else if is_blind(status) {
            (
                "Nothing is seen",
                "What is wrong stands above; entries are not called fresh meanwhile.",
            )
        } else {
            (
                "Nothing to refresh",
                "Every watched entry is as the database has it.",
            )
        };
        ui.vertical_centered(|ui| {
            ui.add_space(48.0);
            ui.label(text::strong(ui, title));
            ui.label(text::weak(ui, hint));
        });
        return;
    }
    ScrollArea::vertical()
        .id_salt("queue")
        .auto_shrink(false)
        .show_rows(ui, size::TABLE_ROW, status.queue.len(), |ui, rows| {
            for at in rows {
                let queued = &status.queue[at];
                if queued.started.is_some() {
                    widgets::again(ui, Duration::from_secs(1));
                }
                let again = again(&status.queue, at);
                column_row(ui, &COLUMNS, &queue_cells(state, queued, again));
            }
        });
}

/// Why a report with the same parameters stands in the queue once more; `None` for its first row.
fn again(queue: &[Queued], at: usize) -> Option<String> {
    let queued = &queue[at];
    let same = |other: &&Queued| (&other.report, &other.params) == (&queued.report, &queued.params);
    let first = queue[..at].iter().find(same)?;
    Some(if first.key == queued.key {
        "queued again".to_owned()
    } else {
        // The report was edited: its older entry is still asked for or kept.
        format!("entry {}", queued.key.chars().take(8).collect::<String>())
    })
}

fn queue_cells(state: &State, queued: &Queued, again: Option<String>) -> [Cell; 4] {
    let what = match queued.started {
        Some(started) => {
            let ran = (state.clock.utc - started).to_std().unwrap_or_default();
            let of = queued.cost.map_or_else(String::new, |cost| {
                format!(" of about {}", format::duration(cost))
            });
            Cell::Tone(Tone::Wait, format!("running {}{of}", format::long(ran)))
        }
        None => {
            let cost = queued.cost.map_or_else(String::new, |cost| {
                format!(", cost {}", format::duration(cost))
            });
            let demand = match queued.demand.round() as u64 {
                0 => String::new(),
                1 => ", 1 request/h".to_owned(),
                n => format!(", {} requests/h", format::count(n)),
            };
            Cell::Weak(format!("waiting{cost}{demand}"))
        }
    };
    let params = match (again, queued.params.is_empty()) {
        (None, true) => Cell::Weak(String::new()),
        (None, false) => Cell::Text(queued.params.clone()),
        (Some(again), true) => Cell::Weak(again),
        (Some(again), false) => Cell::Text(format!("{}, {again}", queued.params)),
    };
    [
        Cell::Strong(queued.report.clone()),
        params,
        Cell::Text(queued.why.clone()),
        what,
    ]
}

fn past(ui: &mut Ui, history: &History, height: f32) {
    const COLUMNS: [Column; 6] = [
        Column::text("History", 70.0, 0.0),
        Column::text("", 120.0, 0.5),
        Column::text("", 80.0, 0.5),
        Column::text("", 160.0, 1.0),
        Column::number("", 70.0, 0.0),
        Column::text("", 180.0, 1.0),
    ];
    column_titles(ui, &COLUMNS);
    if history.refreshes.is_empty() {
        ui.add_space(size::SPACE_12);
        inset(ui, |ui| {
            ui.label(text::weak(ui, "Nothing was refreshed yet."));
        });
        return;
    }
    ScrollArea::vertical()
        .id_salt("history")
        .max_height(height - size::HEADER_ROW)
        .auto_shrink([false, true])
        .show_rows(ui, size::TABLE_ROW, history.refreshes.len(), |ui, rows| {
            for refresh in &history.refreshes[rows] {
                column_row(ui, &COLUMNS, &past_cells(history, refresh));
            }
        });
}

fn past_cells(history: &History, refresh: &RefreshEvent) -> [Cell; 6] {
    let outcome = match (&refresh.error, refresh.unchanged) {
        (Some(error), _) => Cell::Tone(Tone::Error, error.clone()),
        (None, true) => Cell::Weak("unchanged, not rewritten".into()),
        (None, false) => Cell::Tone(Tone::Hit, "new content".into()),
    };
    let why = if refresh.why.is_empty() {
        match refresh.reason {
            Reason::Changed => "changed",
            Reason::Expiring => "expiring",
            Reason::Scheduled => "scheduled",
            Reason::Asked => "asked",
        }
        .to_owned()
    } else {
        refresh.why.clone()
    };
    [
        Cell::Mono(plot::clock(plot::seconds(refresh.at), true)),
        Cell::Strong(refresh.report.clone()),
        Cell::Weak(history.params_of(refresh)),
        Cell::Text(why),
        Cell::Text(format::ms(refresh.took_ms)),
        outcome,
    ]
}

fn load(ui: &mut Ui, state: &State, status: &Status, history: &History) {
    widgets::group_title(ui, "Load on the database");
    ui.add_space(size::SPACE_4);
    let running = status
        .queue
        .iter()
        .filter(|queued| queued.started.is_some())
        .count();
    let places: usize = state.open.as_ref().map_or(0, |open| {
        open.workspace
            .sources
            .values()
            .map(|source| source.max_concurrent_queries)
            .sum()
    });
    let share = history.hour_ms / 3_600_000.0;
    ui.label(text::strong(
        ui,
        format!(
            "{running} of {} in use by refreshes",
            format::plural(places as u64, "place", "places"),
        ),
    ));
    ui.label(text::small(
        ui,
        format!(
            "{} of the last hour spent in their queries",
            format::percent(share)
        ),
    ));
}
