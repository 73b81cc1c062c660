//! The Connect view: demo, recent workspaces, a new connection.

mod demo;
mod form;
mod passwords;
mod recent;

pub use form::Form;
pub use passwords::Lacking;

use std::path::PathBuf;

use chrono::Utc;
use eframe::egui::{Label, Rect, ScrollArea, Ui, UiBuilder, vec2};

use crate::app::command::Commands;
use crate::app::memory::{Memory, Recent};
use crate::app::state::{Open, State, TaskId};
use crate::app::theme::{Tone, size, text};
use crate::app::widgets::{Step, notice};
use crate::workspace::Workspace;

/// What this view keeps.
#[derive(Debug, Default)]
pub struct Connect {
    /// Workspaces that were open, the latest first.
    pub recent: Vec<Recent>,
    /// The new connection as typed.
    pub form: Form,
    /// The steps of the connection test.
    pub steps: Vec<Step>,
    /// The test's or the writer's task.
    pub testing: Option<TaskId>,
    /// Whether the connection as typed was tested and works.
    pub works: bool,
    /// Why something could not be opened.
    pub error: Option<String>,
    /// Passwords that the open workspace may lack.
    pub lacking: Vec<Lacking>,
}

/// What this view asks for.
#[derive(Clone)]
pub enum Command {
    /// Try the connection as typed, step by step.
    Test,
    /// Write a workspace file for the connection as typed, and open it.
    Connect,
    /// Open the workspace again with these passwords, each with its URL.
    UsePasswords(Vec<(String, String)>),
}

impl std::fmt::Debug for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Test => "Test",
            Self::Connect => "Connect",
            Self::UsePasswords(_) => "UsePasswords",
        })
    }
}

/// What this view's tasks report.
#[derive(Debug)]
pub enum Event {
    /// The steps so far.
    Steps {
        /// The task.
        task: TaskId,
        /// All of them, in order.
        steps: Vec<Step>,
    },
    /// The test ended.
    Tested {
        /// The task.
        task: TaskId,
        /// Whether both connections work.
        works: bool,
    },
    /// The workspace file could not be written.
    Failed {
        /// The task.
        task: TaskId,
        /// One sentence with cause and remedy.
        error: String,
    },
    /// The keyring does not keep the passwords, so that nothing was written.
    NoKeyring {
        /// The task.
        task: TaskId,
        /// One sentence with cause and remedy.
        error: String,
    },
    /// A workspace file was chosen or written and is to be opened, or none was chosen.
    Chosen(Option<PathBuf>),
}

impl Connect {
    /// Notes a workspace that was opened.
    pub fn remember(&mut self, open: &Open) {
        self.error = None;
        self.lacking = Lacking::of(open);
        let workspace = &open.workspace;
        if let Some(path) = &workspace.path {
            let mut memory = Memory {
                recent: std::mem::take(&mut self.recent),
                ..Memory::default()
            };
            let recent = Recent {
                path: path.clone(),
                name: workspace.name.clone(),
                about: about(workspace, open.private_cache),
                at: Utc::now(),
            };
            memory.opened(recent);
            self.recent = memory.recent;
        }
    }

    /// Shows why a workspace could not be opened.
    pub fn failed(&mut self, error: String) {
        self.error = Some(error);
    }

    /// A task ended.
    pub fn ended(&mut self, task: TaskId) {
        self.testing.take_if(|testing| *testing == task);
    }

    /// Takes in what a task reports.
    pub fn apply(&mut self, event: Event) {
        match event {
            Event::Steps { task, steps } if self.testing == Some(task) => self.steps = steps,
            Event::Tested { task, works } if self.testing == Some(task) => self.works = works,
            Event::Failed { task, error } if self.testing == Some(task) => self.error = Some(error),
            Event::NoKeyring { task, error } if self.testing == Some(task) => {
                // The next press on Connect goes on without it.
                self.form.session_only = true;
                self.error = Some(error);
            }
            Event::Chosen(_)
            | Event::NoKeyring { .. }
            | Event::Steps { .. }
            | Event::Tested { .. }
            | Event::Failed { .. } => {}
        }
    }
}

/// "MariaDB at db.internal, Redis at cache.internal", from the URLs alone.
fn about(workspace: &Workspace, private_cache: bool) -> String {
    let place = |url: &crate::workspace::ConnectionUrl| {
        let shown = url.to_string();
        let rest = shown
            .split_once("://")
            .map_or(shown.as_str(), |(_, rest)| rest)
            .to_owned();
        let rest = rest
            .rsplit_once('@')
            .map_or(rest.as_str(), |(_, host)| host)
            .to_owned();
        rest.split(['/', '?', ':'])
            .next()
            .unwrap_or_default()
            .to_owned()
    };
    let mut parts: Vec<String> = workspace
        .sources
        .values()
        .map(|source| match source.url.scheme().as_str() {
            "sqlite" => "SQLite file".to_owned(),
            "mysql" => format!("MySQL at {}", place(&source.url)),
            "mariadb" => format!("MariaDB at {}", place(&source.url)),
            "postgres" | "postgresql" => format!("PostgreSQL at {}", place(&source.url)),
            "mssql" | "sqlserver" => {
                let named = source.url.ado().into_iter().flatten();
                let mut server = named
                    .filter(|(name, _)| name == "server")
                    .map(|(_, host)| host);
                let server = server.next_back().unwrap_or_else(|| place(&source.url));
                format!("SQL Server at {server}")
            }
            other => format!("{other} at {}", place(&source.url)),
        })
        .collect();
    if !private_cache
        && workspace.cache.url.scheme().starts_with("redis")
        && !place(&workspace.cache.url).is_empty()
    {
        parts.push(format!("Redis at {}", place(&workspace.cache.url)));
    } else {
        parts.push("embedded cache".to_owned());
    }
    parts.join(", ")
}

/// Shows the view.
pub fn show(ui: &mut Ui, state: &mut State, out: &mut Commands) {
    let top = if ui.available_height() > 640.0 {
        52.0
    } else {
        size::SPACE_24
    };
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        let full = ui.available_width();
        let width = (full - 2.0 * size::SPACE_24).min(940.0);
        let side = ((full - width) / 2.0).max(size::SPACE_24).floor();
        let start = ui.cursor().min + vec2(side, top);
        let rect = Rect::from_min_size(start, vec2(width, HIGHEST));
        let mut inner = ui.new_child(UiBuilder::new().max_rect(rect));
        content(&mut inner, state, out);
        let height = top + inner.min_rect().height() + size::SPACE_24;
        ui.allocate_space(vec2(full, height));
    });
}

/// Higher than everything that is in it.
const HIGHEST: f32 = 4_000.0;
/// With less width the cards stand below one another.
const BESIDE: f32 = 640.0;

fn content(ui: &mut Ui, state: &mut State, out: &mut Commands) {
    let width = ui.available_width();
    ui.spacing_mut().item_spacing.y = size::SPACE_8;
    let title = text::title(ui, "See what your cache is worth, and what is in it");
    ui.add(Label::new(title).wrap());
    let sentence = "Run a slow report through Redis, watch it stay true, and take the proof away.";
    ui.add(Label::new(text::weak(ui, sentence)).wrap());
    if let Some(error) = &state.connect.error {
        notice(ui, Tone::Error, error);
    }
    ui.add_space(size::SPACE_16);
    if width < BESIDE {
        ui.spacing_mut().item_spacing.y = size::SPACE_4;
        passwords::show(ui, state, out);
        demo::show(ui, state, out);
        ui.add_space(size::SPACE_12);
        form::show(ui, state, out);
        ui.add_space(size::SPACE_12);
        recent::show(ui, state, out);
        return;
    }
    let left = (width * 0.395).floor();
    let right = width - left - size::SPACE_16;
    let start = ui.cursor().min;
    let column = |ui: &mut Ui, x: f32, width: f32, add: &mut dyn FnMut(&mut Ui)| {
        let rect = Rect::from_min_size(start + vec2(x, 0.0), vec2(width, HIGHEST));
        let mut child = ui.new_child(UiBuilder::new().max_rect(rect));
        child.spacing_mut().item_spacing.y = size::SPACE_4;
        add(&mut child);
        child.min_rect().height()
    };
    let first = column(ui, 0.0, left, &mut |ui| {
        demo::show(ui, state, out);
        ui.add_space(size::SPACE_12);
        recent::show(ui, state, out);
    });
    let second = column(ui, left + size::SPACE_16, right, &mut |ui| {
        passwords::show(ui, state, out);
        form::show(ui, state, out);
    });
    ui.allocate_space(vec2(width, first.max(second)));
}
