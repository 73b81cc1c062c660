//! The Keys view: the whole keyspace as a tree, as sums and as a table, and the value of one key.
//!
//! | file | its one question |
//! | --- | --- |
//! | `filters.rs` | which other conditions are there? |
//! | `analysis.rs` | what do the shown keys hold, summed up, and what grew? |
//! | `save.rs` | what is written to a file, and where? |
//! | `side.rs` | which prefixes are there, and how far is the scan? |
//! | `sums.rs` | how many keys and bytes, by type, TTL and prefix? |
//! | `treemap.rs` | where does each part of the treemap stand? |
//! | `table.rs` | which keys are shown? |
//! | `opened.rs` | what was read of the selected key, made ready to be drawn? |
//! | `value.rs` | how is the selected key's value drawn? |

mod analysis;
mod filters;
mod opened;
mod save;
mod side;
mod sums;
mod table;
mod treemap;
mod value;

use std::path::PathBuf;
use std::sync::Arc;

use eframe::egui::{Id, Key as Keyboard, Modifiers, Rect, Ui, UiBuilder, pos2, vec2};

use crate::app::command::{Command as AppCommand, Commands};
use crate::app::state::State;
use crate::app::theme::{Structure, colors, line};
use crate::app::widgets;
use crate::inspect::{Analysis, Connection, Detail, Explorer, Kind, Pace, Phase, Question, View};

pub use opened::Opened;
pub use save::{Save, What};

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
    /// The other conditions as typed.
    typed: filters::Typed,
    /// What our keys in this cache begin with.
    prefix: String,
    find: bool,
    /// A sample that was drawn, or why not; shown instead of the scan's figures.
    sampled: Option<Result<Arc<Analysis>, String>>,
    /// Whether one is being drawn.
    sampling: bool,
    /// What the figures are compared with.
    before: Option<Analysis>,
    /// Why there is nothing to compare with.
    before_error: Option<String>,
    /// The export dialog, while it is open.
    save: Option<Save>,
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
    Ask(Box<Question>),
    /// Read a key; with `anyway` also elements that are large.
    Open {
        /// The exact name.
        name: Vec<u8>,
        /// Fetch large elements too.
        anyway: bool,
    },
    /// Read the next page of the selected key.
    More,
    /// Draw a sample of this many keys.
    Sample(u64),
    /// Ask for a file with an earlier analysis.
    CompareWith,
    /// Open the export dialog.
    Export(What),
    /// Write a file.
    Save {
        /// Where; its ending says the format.
        path: PathBuf,
        /// What.
        what: What,
        /// A file that is there may be written over.
        replace: bool,
    },
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
        /// What it holds.
        result: Result<crate::inspect::Page, String>,
    },
    /// A sample was drawn, or why not.
    Sampled(Result<Box<Analysis>, String>),
    /// An earlier analysis was read, or why not.
    Before(Result<Box<Analysis>, String>),
    /// A file was written, or why not.
    Saved(Result<(), String>),
    /// A file of that name is there already.
    Taken,
}

impl std::fmt::Debug for Event {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Values are the user's data; a log has no business with them.
        f.write_str(match self {
            Self::Started { .. } => "Started",
            Self::Failed(_) => "Failed",
            Self::Opened { .. } => "Opened",
            Self::More { .. } => "More",
            Self::Sampled(_) => "Sampled",
            Self::Before(_) => "Before",
            Self::Saved(_) => "Saved",
            Self::Taken => "Taken",
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
                self.value = Some(result.map(|opened| *opened));
                self.more = false;
            }
            Event::More { name, result } if self.selected.as_ref() == Some(&name) => {
                self.more = false;
                match (result, &mut self.value) {
                    (Ok(page), Some(Ok(opened))) => opened.append(page),
                    (Err(error), _) => self.value = Some(Err(error)),
                    _ => {}
                }
            }
            Event::Sampled(result) => {
                self.sampling = false;
                self.sampled = Some(result.map(Arc::from));
            }
            Event::Before(result) => match result {
                Ok(before) => {
                    self.before = Some(*before);
                    self.before_error = None;
                }
                Err(error) => self.before_error = Some(error),
            },
            Event::Saved(Ok(())) => self.save = None,
            Event::Saved(Err(error)) => {
                if let Some(save) = &mut self.save {
                    save.failed(error);
                }
            }
            Event::Taken => {
                if let Some(save) = &mut self.save {
                    save.is_taken();
                }
            }
            // Another key was selected meanwhile.
            Event::Opened { .. } | Event::More { .. } => {}
        }
    }

    /// Gives the keyboard to the filter.
    pub fn find(&mut self) {
        self.find = true;
    }

    /// Selects a Redis key by its whole name; the command that reads it, where one is needed.
    pub fn show_key(&mut self, key: String) -> Option<Command> {
        self.filter.clear();
        self.typed = filters::Typed::default();
        self.question.filter = crate::inspect::Filter::default();
        self.question.analysis = None;
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

    /// What the view shows, for the tasks.
    pub fn view(&self) -> &Arc<View> {
        &self.view
    }

    /// The sample that is shown instead of the scan's figures, for the tasks.
    pub fn sampled(&self) -> Option<&Arc<Analysis>> {
        self.sampled.as_ref()?.as_ref().ok()
    }

    /// What the table and the tree are to show, for the tasks.
    pub fn question(&self) -> &Question {
        &self.question
    }

    /// Marks that a sample is being drawn.
    pub fn sample_begins(&mut self) {
        self.sampling = true;
        self.sampled = None;
    }

    /// Opens the export dialog.
    pub fn export(&mut self, save: Save) {
        self.save = Some(save);
    }

    /// Marks that a scan starts, so that only one does; forgets the one before.
    pub fn start(&mut self) {
        self.asked = true;
        self.error = None;
        self.explorer = None;
        self.expired = false;
        self.sampled = None;
        self.view = Arc::default();
    }

    fn select(&mut self, name: Vec<u8>, at: Option<usize>) -> Command {
        self.at = at;
        self.value = None;
        self.more = false;
        self.selected = Some(name.clone());
        Command::Open {
            name,
            anyway: false,
        }
    }

    /// Shows the analysis, or the keys again.
    fn analyse(&mut self, shown: bool, commands: &mut Commands) {
        self.question.analysis = shown.then(Detail::default);
        self.ask(commands);
    }

    fn ask(&self, commands: &mut Commands) {
        commands.send(AppCommand::Keys(Command::Ask(Box::new(
            self.question.clone(),
        ))));
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
    if let Some(open) = &state.open {
        keys.prefix.clone_from(&open.workspace.cache.prefix);
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
    save::show(ui, &mut keys, commands);
    keyboard(ui, &mut keys, commands);
    state.keys = keys;
}

fn body(ui: &mut Ui, keys: &mut Keys, now: i64, commands: &mut Commands) {
    let view = keys.view.clone();
    if view.state.keys.is_empty() {
        nothing(ui, keys, &view);
        return;
    }
    let whole = ui.max_rect();
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
    if keys.question.analysis.is_some() {
        let below = Rect::from_min_max(chips.left_bottom(), whole.max);
        region(ui, "analysis", below, |ui| {
            analysis::show(ui, keys, &view, commands);
        });
        return;
    }
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
    if ui.ctx().text_edit_focused() || keys.question.analysis.is_some() || keys.save.is_some() {
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
