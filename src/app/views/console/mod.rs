//! The Console view: a Redis command line with completion, hints and history, and the write lock of the Keys view.
//!
//! | file | its one question |
//! | --- | --- |
//! | `log.rs` | how are lines and their answers kept and drawn? |
//! | `prompt.rs` | how is a line typed, completed and brought back? |
//! | `history.rs` | which lines were typed before? |
//! | `live.rs` | what was heard of MONITOR or of channels, and how much of it is kept? |
//! | `panel.rs` | how is that drawn? |

mod history;
mod live;
mod log;
mod panel;
mod prompt;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use eframe::egui::{Align, Layout, Rect, Ui, pos2, vec2};

use crate::app::command::{Command as AppCommand, Commands};
use crate::app::state::{State, TaskId};
use crate::app::theme::{Tone, colors, line, size, text};
use crate::app::widgets::{Button, region};
use crate::inspect::{Answer, Batch, Doc, Heard, Listen, Session, SharedSession, Told};

pub use history::History;
use live::Live;
use log::Log;
use prompt::Prompt;

/// What this view keeps.
#[derive(Default)]
pub struct Console {
    /// Which lines were typed before; outlives the connection.
    pub history: History,
    asked: bool,
    /// The connection's console, shared with the tasks: a second one would not know the database that was selected.
    session: SharedSession,
    /// Why there is none.
    error: Option<String>,
    docs: Arc<BTreeMap<String, Doc>>,
    prompt: Prompt,
    log: Log,
    live: Option<Live>,
    next: u64,
}

/// What this view asks for.
#[derive(Clone, PartialEq, Eq)]
pub enum Command {
    /// Open the console's connection.
    Open,
    /// Send a line.
    Run {
        /// Names the answer.
        id: u64,
        /// The line.
        line: String,
    },
    /// Listen on a connection of its own.
    Listen {
        /// Names what is heard.
        id: u64,
        /// To what.
        listen: Listen,
    },
    /// Write what was heard to a file.
    Save {
        /// What the file is called, without its ending.
        name: &'static str,
        /// What it holds.
        heard: Vec<Arc<Heard>>,
    },
}

impl std::fmt::Debug for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // A line may hold a password.
        f.write_str(match self {
            Self::Open => "Open",
            Self::Run { .. } => "Run",
            Self::Listen { .. } => "Listen",
            Self::Save { .. } => "Save",
        })
    }
}

/// What this view's tasks report.
pub enum Event {
    /// The console can be used, or why not.
    Opened(Result<(), String>),
    /// An answer came.
    Answered {
        /// To which line.
        id: u64,
        /// The answer.
        answer: Answer,
    },
    /// Listening has begun, or why not.
    Listening {
        /// Which.
        id: u64,
        /// Why not.
        result: Result<(), String>,
    },
    /// Something was heard.
    Heard {
        /// By which listening.
        id: u64,
        /// What.
        batch: Batch,
    },
}

impl std::fmt::Debug for Event {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Answers are the user's data; a log has no business with them.
        f.write_str(match self {
            Self::Opened(_) => "Opened",
            Self::Answered { .. } => "Answered",
            Self::Listening { .. } => "Listening",
            Self::Heard { .. } => "Heard",
        })
    }
}

impl Console {
    /// A console that knows commands without a server, for tests and pictures.
    pub fn with_docs(docs: BTreeMap<String, Doc>) -> Self {
        Self {
            asked: true,
            docs: Arc::new(docs),
            ..Self::default()
        }
    }

    /// Forgets everything of a server but the lines that were typed.
    pub fn renew(&mut self) {
        let history = std::mem::take(&mut self.history);
        *self = Self {
            history,
            ..Self::default()
        };
    }

    /// The connection's console, where it is open.
    pub fn session(&self) -> Option<&Arc<Session>> {
        self.session.get()
    }

    /// The connection's console as the tasks share it that open it.
    pub fn shared_session(&self) -> &SharedSession {
        &self.session
    }

    /// Why there is no connection.
    pub fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }

    /// Notes which task runs a line.
    pub fn runs(&mut self, id: u64, task: TaskId, now: Instant) {
        self.log.runs(id, task, now);
    }

    /// Notes which task listens.
    pub fn listens(&mut self, id: u64, task: TaskId) {
        if let Some(live) = self.live.as_mut().filter(|live| live.id == id) {
            live.task = Some(task);
        }
    }

    /// The task of the line that is not answered yet.
    pub fn waits_for(&self) -> Option<TaskId> {
        self.log.running().and_then(|running| running.task)
    }

    /// Takes in what a task reports.
    pub fn apply(&mut self, event: Event) {
        match event {
            Event::Opened(result) => match (self.session.get(), result) {
                // One that is open opens itself again.
                (Some(session), _) => {
                    self.docs = Arc::new(session.docs().clone());
                    self.error = None;
                }
                (None, Err(error)) => self.error = Some(error),
                // That of a workspace that was open before.
                (None, Ok(())) => {}
            },
            Event::Answered { id, answer } => self.log.answered(id, answer),
            Event::Listening { id, result } => match result {
                Ok(()) => {
                    if let Some(live) = self.live.as_mut().filter(|live| live.id == id) {
                        live.began();
                    }
                }
                Err(why) => {
                    self.live.take_if(|live| live.id == id);
                    self.log.refused(id, why);
                }
            },
            Event::Heard { id, batch } => {
                if let Some(live) = self.live.as_mut().filter(|live| live.id == id) {
                    live.hear(batch, Instant::now());
                }
            }
        }
    }

    /// Gives the keyboard to the prompt.
    pub fn take_focus(&mut self) {
        self.prompt.take_focus();
    }

    /// Takes a line from the prompt.
    fn enter(&mut self, typed: &str, commands: &mut Commands) {
        let line = typed.trim().to_owned();
        if line.is_empty() {
            return;
        }
        if line.eq_ignore_ascii_case("clear") {
            self.log.clear();
            return;
        }
        let told = Told::new(&line);
        if !told.is_secret {
            // A word that the server does not know may be a password in the wrong place: that stays in memory.
            let first = line.split_whitespace().next().unwrap_or_default();
            let known = self.docs.contains_key(&first.to_ascii_uppercase());
            self.history.add(&line, known);
        }
        self.next += 1;
        match Listen::from_line(&line) {
            Some(Ok(listen)) => self.listen(listen, commands),
            Some(Err(why)) => {
                self.log.add(self.next, line, told.line);
                self.log.refused(self.next, why);
            }
            None => self.log.add(self.next, line, told.line),
        }
    }

    /// Begins to listen, or asks whether it is meant. What was listened to before ends.
    fn listen(&mut self, listen: Listen, commands: &mut Commands) {
        self.stop(commands);
        self.next += 1;
        let live = Live::new(self.next, listen);
        if live.asks() {
            self.live = Some(live);
        } else {
            self.start(live, commands);
        }
    }

    fn start(&mut self, mut live: Live, commands: &mut Commands) {
        self.prompt.take_focus();
        let title = live.listen.title();
        self.log.add(live.id, title.clone(), title);
        self.log
            .told(live.id, "Listening below, on a connection of its own");
        live.start();
        commands.send(AppCommand::Console(Command::Listen {
            id: live.id,
            listen: live.listen.clone(),
        }));
        self.live = Some(live);
    }

    fn stop(&mut self, commands: &mut Commands) {
        if let Some(task) = self.live.as_mut().and_then(Live::stop) {
            commands.send(AppCommand::Cancel(task));
        }
    }
}

/// Shows the view.
pub fn show(ui: &mut Ui, state: &mut State, commands: &mut Commands) {
    if !state.console.asked && state.open.is_some() {
        state.console.asked = true;
        commands.send(AppCommand::Console(Command::Open));
    }
    let whole = ui.available_rect_before_wrap();
    ui.advance_cursor_after_rect(whole);
    let inset = vec2(size::SPACE_12, 0.0);
    let unlocked = state.keys.is_unlocked();
    let names = state.keys.explorer().map(|explorer| explorer.view());
    let console = &mut state.console;
    let head = Rect::from_min_size(whole.min, vec2(whole.width(), size::TOP_BAR));
    let drawer = console.live.as_ref().map_or(0.0, |live| {
        let most = (whole.height() * 0.46).floor();
        if live.asks() {
            panel::ASKING.min(most)
        } else {
            most
        }
    });
    let drawer = Rect::from_min_max(pos2(whole.left(), whole.bottom() - drawer), whole.max);
    let foot = prompt::height(console);
    let foot = Rect::from_min_max(
        pos2(whole.left(), drawer.top() - foot),
        pos2(whole.right(), drawer.top()),
    );
    let log = Rect::from_min_max(head.left_bottom(), foot.right_top());
    region(ui, "head", head.shrink2(inset), |ui| {
        show_head(ui, console, unlocked, commands);
    });
    let part = line(colors(ui));
    ui.painter()
        .hline(whole.x_range(), head.bottom() - 0.5, part);
    region(ui, "log", log.shrink2(inset), |ui| {
        log::show(ui, console, state.clock.now, commands);
    });
    ui.painter().hline(whole.x_range(), foot.top() + 0.5, part);
    region(ui, "foot", foot.shrink(size::SPACE_12), |ui| {
        prompt::show(ui, console, names.as_deref(), commands);
    });
    if console.live.is_some() {
        ui.painter()
            .hline(whole.x_range(), drawer.top() + 0.5, part);
        region(ui, "drawer", drawer.shrink2(inset), |ui| {
            panel::show(ui, console, state.clock.now, commands);
        });
    }
    // One after the other, as they were typed.
    if let Some((id, line)) = console.log.next_to_send() {
        commands.send(AppCommand::Console(Command::Run { id, line }));
    }
}

fn show_head(ui: &mut Ui, console: &mut Console, unlocked: bool, commands: &mut Commands) {
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
        ui.spacing_mut().item_spacing.x = size::SPACE_4;
        let clear = Button::new("Clear").bare().enabled(!console.log.is_empty());
        if ui
            .add(clear.tooltip("Forget these answers (Ctrl L)"))
            .clicked()
        {
            console.log.clear();
        }
        let search = Button::new("History").bare();
        let some = !console.history.is_empty();
        let search = search
            .enabled(some)
            .tooltip("Search earlier lines (Ctrl R)");
        if ui.add(search).clicked() {
            console.prompt.search(&console.history);
        }
        let monitor = Button::new("Monitor").bare();
        let monitor =
            monitor.tooltip("See every command that the server runs, for a while; asks first");
        if ui.add(monitor).clicked() {
            console.listen(Listen::Monitor(console_limit(console)), commands);
        }
        ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
            ui.spacing_mut().item_spacing.x = size::SPACE_12;
            ui.label(text::heading(ui, "Console"));
            if unlocked {
                ui.label(text::tone(
                    ui,
                    Tone::Stale,
                    "Unlocked: what you type is sent",
                ));
            } else {
                ui.label(text::weak(
                    ui,
                    "Read-only: commands that write are not sent",
                ));
            }
        });
    });
}

/// The limit that was chosen last.
fn console_limit(console: &Console) -> crate::inspect::Limit {
    match console.live.as_ref().map(|live| &live.listen) {
        Some(Listen::Monitor(limit)) => *limit,
        _ => crate::inspect::Limit::default(),
    }
}
