//! The Keys view: the whole keyspace as a tree, as sums and as a table, and the value of one key.
//!
//! | file | its one question |
//! | --- | --- |
//! | `side.rs` | which prefixes are there, and how far is the scan? |
//! | `sums.rs` | how many keys and bytes, by type, TTL and prefix? |
//! | `treemap.rs` | where does each part of the treemap stand? |
//! | `table.rs` | which keys are shown? |
//! | `opened.rs` | what was read of the selected key, made ready to be drawn? |
//! | `value.rs` | how is the selected key's value drawn? |
//! | `bytes.rs`, `rows.rs`, `map.rs`, `groups.rs` | how are decoded bytes, elements, positions, readers of a stream drawn? |
//! | `edit.rs` | which change does it mean what was typed? |
//! | `dialog.rs` | how are changes and downloads asked for? |
//! | `writing.rs` | what can be done with the keys shown while the server is unlocked? |

mod bytes;
mod dialog;
mod edit;
mod groups;
mod map;
mod opened;
mod rows;
mod side;
mod sums;
mod table;
mod treemap;
mod value;
mod writing;

use std::sync::Arc;

use eframe::egui::{Id, Key as Keyboard, Modifiers, Rect, Ui, UiBuilder, pos2, vec2};

use crate::app::command::{Command as AppCommand, Commands};
use crate::app::state::{State, TaskId};
use crate::app::theme::{Structure, colors, line};
use crate::app::widgets;
use crate::inspect::{
    Bulk, Change, Connection, Decoder, Explorer, Group, Kind, Lock, Outcome, Pace, Page, Phase,
    Preview, Question, StreamEntry, View,
};

pub use dialog::Dialog;
pub use opened::{Bytes, Opened, Which};

/// What this view keeps.
#[derive(Default)]
pub struct Keys {
    /// The running or finished scan; ends with this.
    explorer: Option<Arc<Explorer>>,
    connection: Option<Connection>,
    /// Whether a scan was asked for.
    asked: bool,
    /// Why there is none.
    error: Option<String>,
    /// The latest answer.
    view: Arc<View>,
    /// What the table and the tree are to show.
    question: Question,
    /// The filter as typed.
    filter: String,
    find: bool,
    /// The selected key's exact name.
    selected: Option<Vec<u8>>,
    /// Where it stood in the table when it was selected.
    at: Option<usize>,
    /// Bring the selected row into sight.
    reveal: bool,
    /// Its value, or why it cannot be shown; `None` while it is read.
    value: Option<Result<Opened, String>>,
    /// Whether another page is being read.
    more: bool,
    /// Whether a key in sight has expired since the scan saw it.
    expired: bool,
    /// The write lock of every connection of this view.
    lock: Lock,
    /// The dialog that is open.
    dialog: Option<Dialog>,
    /// What is searched for in the opened collection, as typed.
    sought: String,
    /// Whether new entries of the opened stream are shown as they come.
    following: bool,
    /// Read the selected key again: it changed.
    again: bool,
    /// The task that watches or follows the opened key.
    watch: Option<TaskId>,
}

/// What this view asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Scan from the beginning.
    Scan,
    /// Pause or resume the scan.
    Pause(bool),
    /// How hard the scan works.
    SetPace(Pace),
    /// End the scan and keep what it saw.
    Stop,
    /// Show something else.
    Ask(Question),
    /// Read a key; with `anyway` also elements that are large.
    Open {
        /// The exact name.
        name: Vec<u8>,
        /// Fetch large elements too.
        anyway: bool,
    },
    /// Read the next page of the selected key.
    More,
    /// Read bytes by these decoders; by those that fit where there are none.
    Decode {
        /// Which bytes.
        which: Which,
        /// The decoders, the outermost first.
        chosen: Vec<Decoder>,
    },
    /// Show only the elements that match; all of them for nothing.
    Search(String),
    /// Read the groups of the selected stream.
    Groups,
    /// Show new entries of the selected stream as they come, or no more.
    Follow(bool),
    /// Ask for a file for the selected key's value.
    AskDownload,
    /// Write the selected key's value to a file.
    Download {
        /// The file.
        path: std::path::PathBuf,
        /// Whether one of that name may be written over.
        replace: bool,
    },
    /// Ask whether to unlock the server.
    AskUnlock,
    /// Let writes through, or no more.
    Unlock(bool),
    /// Change a key.
    Change(Change),
    /// Count which of the dialog's keys are there.
    Preview,
    /// Change the dialog's keys.
    ChangeMany(Bulk),
}

/// What this view's tasks report.
pub enum Event {
    /// A scan runs.
    Started {
        /// The scan and its questions.
        explorer: Arc<Explorer>,
        /// For values.
        connection: Connection,
    },
    /// The server cannot be looked at: one sentence.
    Failed(String),
    /// A key was read, or why not.
    Opened {
        /// The exact name.
        name: Vec<u8>,
        /// What it holds.
        result: Result<Box<Opened>, String>,
    },
    /// The next page was read, or why not.
    More {
        /// The exact name.
        name: Vec<u8>,
        /// What it holds, and the bytes so far, decoded.
        result: Result<(Page, Option<Bytes>), String>,
    },
    /// Bytes were decoded.
    Decoded {
        /// The key's name.
        name: Vec<u8>,
        /// Which bytes.
        which: Which,
        /// What became of them.
        bytes: Box<Bytes>,
    },
    /// The groups of a stream were read, or why not.
    Groups {
        /// The key's name.
        name: Vec<u8>,
        /// The groups.
        result: Result<Vec<Group>, String>,
    },
    /// New entries of a stream.
    Tail {
        /// The key's name.
        name: Vec<u8>,
        /// The entries, the whole tail at first.
        entries: Vec<StreamEntry>,
        /// Whether these are the first.
        first: bool,
    },
    /// The opened key was changed by somebody.
    Touched(Vec<u8>),
    /// A file of the chosen name is there already.
    FileTaken,
    /// A dialog's work is done.
    Done,
    /// It did not work: one sentence.
    Undone(String),
    /// A change was carried out.
    Changed(Change),
    /// The dialog's keys were counted.
    Counted(Preview),
    /// The dialog's keys were changed; each is named in the file.
    ChangedMany(Outcome, std::path::PathBuf),
}

impl std::fmt::Debug for Event {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Values are the user's data; a log has no business with them.
        f.write_str(match self {
            Self::Started { .. } => "Started",
            Self::Failed(_) => "Failed",
            Self::Opened { .. } => "Opened",
            Self::More { .. } => "More",
            Self::Decoded { .. } => "Decoded",
            Self::Groups { .. } => "Groups",
            Self::Tail { .. } => "Tail",
            Self::Touched(_) => "Touched",
            Self::FileTaken => "FileTaken",
            Self::Done => "Done",
            Self::Undone(_) => "Undone",
            Self::Changed(_) => "Changed",
            Self::Counted(_) => "Counted",
            Self::ChangedMany(..) => "ChangedMany",
        })
    }
}

impl Keys {
    /// A view of keys that are known already, for tests and pictures.
    pub fn with_view(view: View) -> Self {
        Self {
            asked: true,
            question: (*view.question).clone(),
            view: Arc::new(view),
            ..Self::default()
        }
    }

    /// Takes in what a task reports.
    pub fn apply(&mut self, event: Event) {
        match event {
            Event::Started {
                explorer,
                connection,
            } => {
                self.error = None;
                explorer.ask(self.question.clone());
                self.explorer = Some(explorer);
                self.connection = Some(connection);
            }
            Event::Failed(error) => self.error = Some(error),
            Event::Opened { name, result } if self.selected.as_ref() == Some(&name) => {
                let mut result = result.map(|opened| *opened);
                if let (Ok(opened), Some(Ok(before))) = (&mut result, &self.value)
                    && opened.about.name == before.about.name
                {
                    opened.keep_from(before);
                }
                self.value = Some(result);
                self.more = false;
            }
            Event::More { name, result } if self.selected.as_ref() == Some(&name) => {
                self.more = false;
                match (result, &mut self.value) {
                    (Ok((page, bytes)), Some(Ok(opened))) => opened.append(page, bytes),
                    (Err(error), _) => self.value = Some(Err(error)),
                    _ => {}
                }
            }
            Event::Decoded { name, which, bytes } if self.selected.as_ref() == Some(&name) => {
                if let Some(Ok(opened)) = &mut self.value {
                    opened.decoded(which, *bytes);
                }
            }
            Event::Groups { name, result } if self.selected.as_ref() == Some(&name) => {
                if let Some(Ok(opened)) = &mut self.value {
                    opened.groups = Some(result);
                }
            }
            Event::Tail {
                name,
                entries,
                first,
            } if self.selected.as_ref() == Some(&name) => {
                if let Some(Ok(opened)) = &mut self.value {
                    opened.tail(entries, first);
                }
            }
            Event::Touched(name) if self.selected.as_ref() == Some(&name) => self.touched(),
            // Another key was selected meanwhile.
            Event::Opened { .. }
            | Event::More { .. }
            | Event::Decoded { .. }
            | Event::Groups { .. }
            | Event::Tail { .. }
            | Event::Touched(_) => {}
            Event::FileTaken => {
                if let Some(dialog) = &mut self.dialog {
                    dialog.is_taken();
                }
            }
            Event::Done => self.dialog = None,
            Event::Undone(error) => {
                if let Some(dialog) = &mut self.dialog {
                    dialog.failed(error);
                }
            }
            Event::Changed(change) => {
                self.dialog = None;
                self.changed(&change);
            }
            Event::Counted(preview) => {
                if let Some(dialog) = &mut self.dialog {
                    dialog.task = None;
                    if let Some(many) = dialog.as_many() {
                        many.preview = Some(preview);
                    }
                }
            }
            Event::ChangedMany(outcome, log) => {
                self.expired = true;
                self.again = self.selected.is_some();
                if let Some(dialog) = &mut self.dialog {
                    dialog.task = None;
                    if let Some(many) = dialog.as_many() {
                        many.outcome = Some((outcome, log));
                    }
                }
            }
        }
    }

    /// Whether this server may be changed.
    pub fn is_unlocked(&self) -> bool {
        self.lock.is_unlocked()
    }

    /// The write lock, for the tasks' connections.
    pub fn lock(&self) -> &Lock {
        &self.lock
    }

    /// Opens a dialog.
    pub fn ask_with(&mut self, dialog: Dialog) {
        self.dialog = Some(dialog);
    }

    /// The dialog that is open, for the tasks.
    pub fn dialog(&mut self) -> Option<&mut Dialog> {
        self.dialog.as_mut()
    }

    /// The selected key's exact name.
    pub fn selected(&self) -> Option<&[u8]> {
        self.selected.as_deref()
    }

    /// Remembers the task that watches or follows the opened key; gives back the one before, to be ended.
    pub fn set_watch(&mut self, task: Option<TaskId>, following: bool) -> Option<TaskId> {
        self.following = following;
        std::mem::replace(&mut self.watch, task)
    }

    /// Somebody changed the opened key. It is read again, unless that would take away what the user is looking at.
    fn touched(&mut self) {
        if self.following || self.dialog.is_some() {
            return;
        }
        if let Some(Ok(opened)) = &mut self.value {
            if opened.is_first_page() {
                self.again = true;
            } else {
                opened.is_old = true;
            }
        }
    }

    fn changed(&mut self, change: &Change) {
        match change {
            Change::Delete { .. } => {
                self.expired = true;
                self.selected = None;
                self.value = None;
            }
            Change::Rename { to, .. } => {
                self.expired = true;
                self.selected = Some(to.clone());
                self.again = true;
            }
            Change::Add { key, .. } => {
                self.expired = true;
                self.selected = Some(key.clone());
                self.again = true;
            }
            _ => self.again = true,
        }
    }

    /// Gives the keyboard to the filter.
    pub fn find(&mut self) {
        self.find = true;
    }

    /// Selects a Redis key by its whole name; the command that reads it, where one is needed.
    pub fn show_key(&mut self, key: String) -> Option<Command> {
        self.filter.clear();
        self.question.filter.pattern = crate::inspect::Pattern::default();
        self.question.filter.prefix.clear();
        Some(self.select(key.into_bytes(), None))
    }

    /// The scan, for the tasks.
    pub fn explorer(&self) -> Option<&Arc<Explorer>> {
        self.explorer.as_ref()
    }

    /// The connection that reads values, for the tasks; apart from the engine's.
    pub fn connection(&self) -> Option<&Connection> {
        self.connection.as_ref()
    }

    /// The selected key as far as it was read, for the tasks.
    pub fn opened(&self) -> Option<&Opened> {
        self.value.as_ref()?.as_ref().ok()
    }

    /// Marks that a scan starts, so that only one does; forgets the one before.
    pub fn start(&mut self) {
        self.asked = true;
        self.error = None;
        self.explorer = None;
        self.expired = false;
        self.dialog = None;
        self.view = Arc::default();
    }

    fn select(&mut self, name: Vec<u8>, at: Option<usize>) -> Command {
        self.at = at;
        self.value = None;
        self.more = false;
        self.sought.clear();
        self.following = false;
        self.selected = Some(name.clone());
        Command::Open {
            name,
            anyway: false,
        }
    }

    fn ask(&self, commands: &mut Commands) {
        commands.send(AppCommand::Keys(Command::Ask(self.question.clone())));
    }
}

/// The filter's id, so that Ctrl+F can give it the keyboard.
fn filter_id() -> Id {
    Id::unique("keys filter")
}

/// The colours of a data structure.
fn structure(kind: Kind) -> Structure {
    match kind {
        Kind::String => Structure::String,
        Kind::Hash => Structure::Hash,
        Kind::List => Structure::List,
        Kind::Set => Structure::Set,
        Kind::ZSet => Structure::ZSet,
        Kind::Stream => Structure::Stream,
        Kind::Json => Structure::Json,
        Kind::Other => Structure::Other,
    }
}

const SIDE: f32 = 300.0;
const CHIPS: f32 = 40.0;
const SUMS: f32 = 172.0;

/// Shows the view.
pub fn show(ui: &mut Ui, state: &mut State, commands: &mut Commands) {
    let mut keys = std::mem::take(&mut state.keys);
    if !keys.asked && state.open.is_some() {
        keys.start();
        commands.send(AppCommand::Keys(Command::Scan));
    }
    if let Some(explorer) = &keys.explorer {
        keys.view = explorer.view();
    }
    let now = state.clock.utc.timestamp_millis();
    let whole = ui.available_rect_before_wrap();
    ui.advance_cursor_after_rect(whole);
    // A narrow window gives the table what it needs and the tree what is left.
    let side_width = SIDE.min((whole.width() * 0.28).max(220.0));
    let side = Rect::from_min_size(whole.min, vec2(side_width, whole.height()));
    let main = Rect::from_min_max(pos2(side.right() + 1.0, whole.top()), whole.max);
    ui.painter()
        .vline(side.right() + 0.5, whole.y_range(), line(colors(ui)));
    region(ui, "side", side, |ui| side::show(ui, &mut keys, commands));
    region(ui, "main", main, |ui| body(ui, &mut keys, now, commands));
    if keys.dialog.is_none() {
        keyboard(ui, &mut keys, commands);
    }
    if std::mem::take(&mut keys.again)
        && let Some(name) = keys.selected.clone()
    {
        commands.send(AppCommand::Keys(Command::Open {
            name,
            anyway: false,
        }));
    }
    state.keys = keys;
}

/// The dialog of this view, also above the others: the lock is asked for from the top bar.
pub fn show_dialog(ui: &mut Ui, state: &mut State, commands: &mut Commands) {
    dialog::show(ui, &mut state.keys, &state.running, commands);
}

fn body(ui: &mut Ui, keys: &mut Keys, now: i64, commands: &mut Commands) {
    let view = keys.view.clone();
    if view.state.keys.is_empty() {
        nothing(ui, keys, &view);
        return;
    }
    let mut whole = ui.max_rect();
    if keys.is_unlocked() {
        let strip = Rect::from_min_size(whole.min, vec2(whole.width(), writing::HEIGHT));
        region(ui, "writing", strip, |ui| writing::show(ui, keys, commands));
        whole.min.y = strip.bottom();
    }
    let chips = Rect::from_min_size(whole.min, vec2(whole.width(), CHIPS));
    let sums_at = Rect::from_min_size(chips.left_bottom(), vec2(whole.width(), SUMS));
    // Small windows leave the charts out rather than the keys.
    let shows_sums = whole.height() > 620.0;
    let rest = Rect::from_min_max(
        if shows_sums {
            sums_at.left_bottom() + vec2(0.0, 12.0)
        } else {
            chips.left_bottom()
        },
        whole.max,
    );
    let split = if keys.selected.is_some() {
        rest.top() + (rest.height() * 0.38).max(120.0)
    } else {
        rest.bottom()
    };
    region(ui, "chips", chips, |ui| {
        sums::chips(ui, keys, &view, commands);
    });
    if shows_sums {
        region(ui, "sums", sums_at, |ui| {
            sums::show(ui, keys, &view, commands);
        });
    }
    let table_at = Rect::from_min_max(rest.min, pos2(rest.right(), split));
    region(ui, "table", table_at, |ui| {
        table::show(ui, keys, &view, now, commands);
    });
    if keys.selected.is_some() {
        let value_at = Rect::from_min_max(pos2(rest.left(), split), rest.max);
        ui.painter()
            .hline(value_at.x_range(), value_at.top() + 0.5, line(colors(ui)));
        region(ui, "value", value_at, |ui| {
            value::show(ui, keys, now, commands);
        });
    }
}

/// A part of the view with a place and an id of its own; what is drawn in it stays in it.
fn region(ui: &mut Ui, name: &str, rect: Rect, add: impl FnOnce(&mut Ui)) {
    let mut child = ui.new_child(UiBuilder::new().id_salt(name).max_rect(rect));
    child.set_clip_rect(rect.intersect(ui.clip_rect()));
    child.spacing_mut().item_spacing.y = 0.0;
    add(&mut child);
}

/// What stands where the keys would.
fn nothing(ui: &mut Ui, keys: &Keys, view: &View) {
    if let Some(error) = &keys.error {
        widgets::error(ui, "The cache cannot be looked at", error);
        return;
    }
    match &view.state.phase {
        Phase::Failed(error) => widgets::error(ui, "The scan ended", &error.to_string()),
        Phase::Complete => {
            widgets::empty(
                ui,
                "No keys",
                "This database is empty. Run a report, and its entry appears here after a rescan.",
            );
        }
        Phase::Cancelled => {
            widgets::empty(ui, "Nothing was scanned", "Press Rescan to look again.");
        }
        Phase::Running | Phase::Paused if keys.asked => {
            widgets::loading(
                ui,
                "Looking at the keyspace",
                "The first keys appear as soon as they are known.",
            );
        }
        Phase::Running | Phase::Paused => {
            widgets::empty(ui, "No cache is open", "Open a workspace or a Redis first.");
        }
    }
}

/// Arrows move the selection, Enter reads it again, Ctrl+C copies its name; not while a field has the keyboard.
fn keyboard(ui: &Ui, keys: &mut Keys, commands: &mut Commands) {
    if ui.ctx().text_edit_focused() {
        return;
    }
    let rows = keys.view.rows.len();
    let step = ui.input_mut(|input| {
        // A slow frame may bring several presses.
        let mut pressed = |key| input.count_and_consume_key(Modifiers::NONE, key) as isize;
        pressed(Keyboard::ArrowDown) - pressed(Keyboard::ArrowUp)
            + 20 * (pressed(Keyboard::PageDown) - pressed(Keyboard::PageUp))
    });
    if step != 0 && rows > 0 {
        let at = keys
            .at
            .map_or(0, |at| at.saturating_add_signed(step))
            .min(rows - 1);
        let name = keys.view.keys.name(keys.view.rows[at]).to_vec();
        keys.reveal = true;
        let command = keys.select(name, Some(at));
        commands.send(AppCommand::Keys(command));
    }
    let Some(name) = keys.selected.clone() else {
        return;
    };
    if ui.input_mut(|input| input.consume_key(Modifiers::NONE, Keyboard::Enter))
        && ui.ctx().memory(|memory| memory.focused().is_none())
    {
        commands.send(AppCommand::Keys(Command::Open {
            name: name.clone(),
            anyway: false,
        }));
    }
    if ui.input(|input| {
        input
            .events
            .iter()
            .any(|event| matches!(event, eframe::egui::Event::Copy))
    }) {
        commands.send(AppCommand::Copy(crate::inspect::display(&name)));
    }
}
