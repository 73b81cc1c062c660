//! Everything the window shows. It can be made without a server, which is how the tests make it.
//!
//! Views read it and send [`Command`]s; [`State::handle`] carries out those that need no task, and
//! [`State::apply`] takes in what tasks report.

mod log;
mod names;
mod open;
mod remote;
mod running;

pub use log::{Day, Log, Summary};
pub use open::{DemoInfo, Link, Open, Opening};
pub use remote::Remote;
pub use running::{Running, TaskId};

use std::sync::Arc;
use std::time::Instant;

use chrono::{DateTime, Utc};

use crate::human;

use super::command::{Command, ThemeChoice, View};
use super::event::Event;
use super::frame::focus::Focus;
use super::frame::palette::Palette;
use super::theme::Tone;
use super::views::{
    connect::Connect,
    console::Console,
    keys::Keys,
    latency::Latency,
    reports::{self, NO_FILE, Reports},
    server::ServerView,
    worker::WorkerView,
};
use super::widgets::Toast;

/// The time of this frame: everything that counts up or down in one frame agrees on it.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// For durations.
    pub now: Instant,
    /// For dates.
    pub utc: DateTime<Utc>,
}

/// Everything the window shows.
pub struct State {
    /// The time of this frame.
    pub clock: Clock,
    /// The view to show when a workspace is open; Reports where `None`, or Keys for a cache alone.
    pub first_view: Option<View>,
    /// The view in the middle.
    pub view: View,
    /// Whether the window shows the dark theme now.
    pub dark_now: bool,
    /// Light, dark, or as the system says.
    pub theme: ThemeChoice,
    /// How large everything is shown, 1 for the usual size.
    pub zoom: f32,
    /// How large it is to be shown from now on.
    pub set_zoom: Option<f32>,
    /// The open workspace.
    pub open: Option<Open>,
    /// A workspace or demo that is being opened.
    pub opening: Option<Opening>,
    /// What runs, for the status line.
    pub running: Vec<Running>,
    /// Messages in the corner.
    pub toasts: Vec<Toast>,
    /// Text for the clipboard, until the window takes it.
    pub clipboard: Option<String>,
    /// The command palette.
    pub palette: Palette,
    /// What has the keyboard.
    pub focus: Focus,
    /// The engine's events.
    pub log: Log,
    /// The Connect view.
    pub connect: Connect,
    /// The Reports view.
    pub reports: Reports,
    /// The Keys view.
    pub keys: Keys,
    /// The Latency view.
    pub latency: Latency,
    /// The Worker view.
    pub worker: WorkerView,
    /// The Server view.
    pub server: ServerView,
    /// The Console view.
    pub console: Console,
}

impl Default for State {
    fn default() -> Self {
        Self {
            clock: Clock {
                now: Instant::now(),
                utc: Utc::now(),
            },
            first_view: None,
            view: View::Connect,
            dark_now: true,
            theme: ThemeChoice::System,
            zoom: 1.0,
            set_zoom: None,
            open: None,
            opening: None,
            running: Vec::new(),
            toasts: Vec::new(),
            clipboard: None,
            palette: Palette::default(),
            focus: Focus::default(),
            log: Log::default(),
            connect: Connect::default(),
            reports: Reports::default(),
            keys: Keys::default(),
            latency: Latency::default(),
            worker: WorkerView::default(),
            server: ServerView::default(),
            console: Console::default(),
        }
    }
}

impl State {
    /// Shows a message in the corner.
    pub fn toast(&mut self, tone: Tone, text: impl Into<String>) {
        self.toasts.push(Toast::new(tone, text, self.clock.now));
    }

    /// Puts text on the clipboard, and says what.
    pub fn copy(&mut self, text: String) {
        self.toast(Tone::Hit, copied(&text));
        self.clipboard = Some(text);
    }

    /// The open workspace's worker status, where a worker runs in this process.
    pub fn worker_status(&self) -> Option<&Arc<crate::worker::Status>> {
        self.open.as_ref()?.worker.as_ref()
    }

    /// Carries out a command that needs no task; gives back one that does.
    pub fn handle(&mut self, command: Command) -> Option<Command> {
        match command {
            Command::Show(view) => self.show(view),
            Command::SetTheme(theme) => self.theme = theme,
            Command::SetZoom(zoom) => self.set_zoom = Some(zoom),
            Command::OpenPalette => self.palette.open(),
            Command::Find => match self.view {
                View::Keys => self.keys.find(),
                View::Server => self.server.find(),
                _ => self.reports.find(),
            },
            Command::SelectReport(name) => {
                self.view = View::Reports;
                self.reports.select(&name);
                return Some(Command::ReadEntries);
            }
            Command::Copy(text) => self.copy(text),
            Command::NewReport => self.reports.new_report(),
            Command::Reports(reports::Command::Save | reports::Command::Remove)
                if !self.reports.has_file =>
            {
                self.toast(Tone::Stale, NO_FILE);
            }
            Command::ShowKey(key) => {
                self.view = View::Keys;
                return self.keys.show_key(key).map(Command::Keys);
            }
            other => return Some(other),
        }
        None
    }

    /// Goes to a view. Without a workspace there is only Connect.
    pub fn show(&mut self, view: View) {
        self.view = if self.open.is_some() {
            view
        } else {
            View::Connect
        };
    }

    /// What every view knows of a report goes with it when it is renamed.
    fn follow_names(&mut self, event: &reports::Event) {
        match event {
            reports::Event::Renamed { from, to } => {
                self.log.rename(from, to);
                let chosen = &mut self.latency.report;
                if chosen.as_deref() == Some(from) {
                    *chosen = Some(to.clone());
                }
                if let Some(race) = self
                    .latency
                    .race
                    .as_mut()
                    .filter(|race| race.report == *from)
                {
                    race.report.clone_from(to);
                }
            }
            reports::Event::Saved { workspace, .. } => {
                self.log.set_reports(names(workspace));
            }
            reports::Event::Removed { name, workspace } => {
                self.log.set_reports(names(workspace));
                self.latency
                    .report
                    .take_if(|chosen| chosen.as_str() == name);
            }
            _ => {}
        }
    }

    /// Gives the keyboard to the field that people come to this view for, where it has one.
    pub(super) fn take_focus(&mut self) {
        if self.view == View::Console {
            self.console.take_focus();
        }
    }

    /// Takes in what a task reports. An answer to a task that nobody waits for any more changes nothing.
    pub fn apply(&mut self, event: Event) {
        match event {
            Event::Opened { task, open } => {
                if self
                    .opening
                    .take_if(|opening| opening.task == task)
                    .is_some()
                {
                    self.reports.open(&open.workspace);
                    self.keys = Keys::default();
                    self.latency = Latency::default();
                    self.worker = WorkerView::default();
                    self.console.renew();
                    self.server = ServerView::default();
                    self.log = Log::default();
                    self.log.set_reports(names(&open.workspace));
                    self.connect.remember(&open);
                    let alone = open.workspace.sources.is_empty();
                    self.open = Some(*open);
                    if self.view == View::Connect {
                        let usual = if alone { View::Keys } else { View::Reports };
                        self.view = self.first_view.take().unwrap_or(usual);
                    }
                }
            }
            Event::OpenFailed { task, error } => {
                if self
                    .opening
                    .take_if(|opening| opening.task == task)
                    .is_some()
                {
                    self.connect.failed(error);
                    if self.open.is_none() {
                        self.view = View::Connect;
                    }
                }
            }
            Event::Progress {
                task,
                what,
                fraction,
            } => {
                if let Some(opening) = self.opening.as_mut().filter(|opening| opening.task == task)
                {
                    opening.what.clone_from(&what);
                    opening.fraction = fraction;
                }
                if let Some(running) = self.running.iter_mut().find(|running| running.task == task)
                {
                    running.progress(what, fraction);
                }
            }
            Event::Ended(task) => {
                self.opening.take_if(|opening| opening.task == task);
                self.running.retain(|running| running.task != task);
                self.reports.ended(task);
                self.worker.ended(task);
                self.server.ended(task);
                self.connect.ended(task);
            }
            Event::Cache(link) => {
                if let Some(open) = &mut self.open {
                    open.cache = link;
                }
            }
            Event::Source { name, link } => {
                if let Some(open) = &mut self.open {
                    open.sources.insert(name, link);
                }
            }
            Event::Copied(text) => {
                self.copy(text);
            }
            Event::Message { tone, text } => self.toast(tone, text),
            Event::Connect(event) => self.connect.apply(event),
            Event::Reports(event) => {
                self.follow_names(&event);
                for (tone, text) in self.reports.apply(event, self.clock.now) {
                    self.toast(tone, text);
                }
            }
            Event::Keys(event) => self.keys.apply(event),
            Event::Latency(event) => self.latency.apply(event),
            Event::Worker(event) => self.worker.apply(event),
            Event::Server(event) => self.server.apply(event),
            Event::Console(event) => self.console.apply(event),
        }
    }
}

/// The names of the workspace's reports.
fn names(workspace: &crate::workspace::Workspace) -> std::collections::BTreeSet<String> {
    let reports = workspace.reports.iter();
    reports.map(|report| report.name.clone()).collect()
}

/// What is on the clipboard now: the text itself where it is short, else how much of it there is.
fn copied(text: &str) -> String {
    const SHORT: usize = 40;
    let lines = text.lines().count();
    if lines > 1 {
        return format!("Copied {} lines", human::count(lines as u64));
    }
    if text.trim().is_empty() {
        return "Copied an empty text".to_owned();
    }
    let shown = human::line(text);
    match shown.char_indices().nth(SHORT) {
        Some((cut, _)) => format!("Copied {}…", &shown[..cut]),
        None => format!("Copied {shown}"),
    }
}
