//! The Server view: how the Redis server is and how it was, what should be done about it, and how our own reports use
//! it. It is asked only while this view is shown.

mod charts;
mod clients;
mod config;
mod figures;
mod latency;
mod ours;
mod slow_log;
mod table;
mod tiles;
mod topology;
mod warnings;

use std::time::{Duration, Instant};

use eframe::egui::{Align, ComboBox, Id, Key as Keyboard, Layout, Modifiers, ScrollArea, Ui, vec2};

use crate::app::command::{Command as AppCommand, Commands};
use crate::app::state::{State, TaskId};
use crate::app::theme::{size, text};
use crate::app::widgets::{self, Button, Tip};
use crate::inspect::server::{ClientSort, Focus, News, Part, Seen};

use figures::Figures;
pub use figures::Span;
use ours::Ours;

/// A window that was not painted for so long is hidden, and nobody looks.
const HIDDEN: Duration = Duration::from_secs(10);

/// The parts in the order of the tabs, with their names.
const PARTS: [(Part, &str, &str); 6] = [
    (Part::Overview, "Overview", "The figures now and over time"),
    (Part::SlowLog, "Slow log", "Commands that took long"),
    (
        Part::Latency,
        "Latency",
        "What held the server up, and which commands take its time",
    ),
    (Part::Clients, "Clients", "Who is connected"),
    (Part::Config, "Config", "Every setting, with what it means"),
    (
        Part::Topology,
        "Topology",
        "Primary, replicas, sentinels and cluster slots",
    ),
];

/// What this view keeps.
#[derive(Debug, Default)]
pub struct ServerView {
    /// What was seen of the server; it stays while nobody looks.
    pub seen: Seen,
    /// What is looked at; shared with the task that asks.
    pub focus: Focus,
    /// The time that the charts show.
    pub span: Span,
    watch: Option<TaskId>,
    shown_at: Option<Instant>,
    figures: Figures,
    ours: Ours,
    /// The moment that the pointer is at, in every chart.
    pointed: Option<f64>,
    all_warnings: bool,
    slow_by_time: bool,
    slow_rising: bool,
    client_filter: String,
    client_sort: (ClientSort, bool),
    config_filter: String,
    only_changed: bool,
    /// The filter wants the keyboard.
    find: bool,
}

/// What this view asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Begin to look at the server.
    Watch,
}

/// What this view's tasks report.
#[derive(Debug)]
pub struct Event {
    /// The task that looks.
    pub task: TaskId,
    /// What it heard.
    pub news: News,
}

impl ServerView {
    /// A view of what was seen, for tests and pictures.
    pub fn of(seen: Seen) -> Self {
        Self {
            seen,
            watch: Some(TaskId(0)),
            ..Self::default()
        }
    }

    /// Whether a task looks at the server.
    pub fn is_watched(&self) -> bool {
        self.watch.is_some()
    }

    /// A task looks now.
    pub fn watched_by(&mut self, task: TaskId) {
        self.watch = Some(task);
    }

    /// The task to end because nobody looks any more.
    pub fn unwatch(&mut self, now: Instant, is_shown: bool) -> Option<TaskId> {
        let is_hidden = self.shown_at.is_some_and(|at| now - at > HIDDEN);
        self.watch.take_if(|_| !is_shown || is_hidden)
    }

    /// A task ended.
    pub fn ended(&mut self, task: TaskId) {
        self.watch.take_if(|watch| *watch == task);
    }

    /// Takes in what a task reports.
    pub fn apply(&mut self, event: Event) {
        if self.watch == Some(event.task) {
            self.seen.take(event.news);
        }
    }

    /// Whether what is shown has a filter.
    pub fn has_filter(&self) -> bool {
        matches!(self.focus.part(), Part::Clients | Part::Config)
    }

    /// Gives the keyboard to the filter.
    pub fn find(&mut self) {
        self.find = self.has_filter();
    }
}

/// Shows the view.
pub fn show(ui: &mut Ui, state: &mut State, commands: &mut Commands) {
    state.server.shown_at = Some(state.clock.now);
    if state.open.is_some() && !state.server.is_watched() {
        commands.send(AppCommand::Server(Command::Watch));
    }
    turn(ui, &state.server.focus);
    ui.spacing_mut().item_spacing.y = 0.0;
    widgets::inset(ui, |ui| head(ui, state));
    let part = state.server.focus.part();
    if state.server.seen.is_empty() {
        waiting(ui, state);
        return;
    }
    widgets::inset(ui, |ui| warnings::show(ui, state, commands));
    match part {
        Part::Overview => {
            // The bar stands beside the cards and not over them.
            ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
                widgets::inset(ui, |ui| overview(ui, state));
            });
        }
        Part::SlowLog => slow_log::show(ui, state, commands),
        Part::Latency => latency::show(ui, state, commands),
        Part::Clients => clients::show(ui, state, commands),
        Part::Config => config::show(ui, state, commands),
        Part::Topology => topology::show(ui, state, commands),
    }
}

/// Ctrl Page Down and Ctrl Page Up go through the tabs.
fn turn(ui: &Ui, focus: &Focus) {
    let step = ui.input_mut(|input| {
        let mut pressed = |key| input.consume_key(Modifiers::COMMAND, key);
        usize::from(pressed(Keyboard::PageDown))
            + (PARTS.len() - 1) * usize::from(pressed(Keyboard::PageUp))
    });
    let at = PARTS.iter().position(|(part, ..)| *part == focus.part());
    if step > 0
        && let Some(at) = at
    {
        focus.set(PARTS[(at + step) % PARTS.len()].0);
    }
}

fn head(ui: &mut Ui, state: &mut State) {
    let view = &mut state.server;
    // The rail names the view; a narrow window keeps its room for the tabs.
    let narrow = ui.available_width() < 720.0;
    ui.allocate_ui_with_layout(
        vec2(ui.available_width(), 52.0),
        Layout::right_to_left(Align::Center),
        |ui| {
            ui.spacing_mut().item_spacing.x = size::SPACE_8;
            if view.focus.part() == Part::Overview {
                ComboBox::from_id_salt("server span")
                    .selected_text(view.span.name())
                    .show_ui(ui, |ui| {
                        for span in Span::ALL {
                            ui.selectable_value(&mut view.span, span, span.name());
                        }
                    })
                    .response
                    .widget_info(|| {
                        eframe::egui::WidgetInfo::labeled(
                            eframe::egui::accesskit::Role::ComboBox,
                            true,
                            "Time",
                        )
                    });
            }
            if view.seen.cost > 0.0 && !narrow {
                ui.label(text::small(ui, format!("asks {:.1} commands a second", view.seen.cost)))
                    .tip("What this view costs the server: INFO each second, and what the open tab needs every 5 seconds. Nothing is asked while another view is shown.");
            }
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                if !narrow {
                    ui.label(text::heading(ui, "Server"));
                    ui.add_space(size::SPACE_8);
                }
                ui.spacing_mut().item_spacing.x = 2.0;
                for (part, name, tip) in PARTS {
                    let label = format!("Show {}", name.to_lowercase());
                    let button = Button::new(name)
                        .bare()
                        .named(&label)
                        .selected(view.focus.part() == part)
                        .tooltip(tip);
                    if ui.add(button).clicked() {
                        view.focus.set(part);
                    }
                }
            });
        },
    );
}

fn waiting(ui: &mut Ui, state: &State) {
    match &state.server.seen.lost {
        Some(why) => widgets::error(
            ui,
            "The server does not answer",
            &format!("{why}; it is tried again every few seconds"),
        ),
        None => widgets::loading(ui, "Asking the server", "Figures come each second."),
    }
}

fn overview(ui: &mut Ui, state: &mut State) {
    let now = state.clock.utc;
    let view = &mut state.server;
    let mut figures = std::mem::take(&mut view.figures);
    figures.update(&view.seen.history, view.span, now);
    if let Some(why) = &view.seen.no_info {
        table::sentence(ui, why);
    } else {
        tiles::show(ui, &view.seen);
        ui.add_space(size::SPACE_12);
        let pointed = charts::show(ui, &figures, view.pointed);
        if pointed != view.pointed {
            view.pointed = pointed;
            // The other charts follow the pointer in the next frame.
            ui.ctx().request_repaint();
        }
    }
    view.figures = figures;
    ui.add_space(size::SPACE_12);
    ours::show(ui, state);
    ui.add_space(size::SPACE_12);
}

/// The id of the filter field, which Ctrl F gives the keyboard to.
fn filter_id() -> Id {
    Id::unique("server filter")
}
