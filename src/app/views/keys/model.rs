//! What the view keeps, and what a report of its tasks means for it.

use std::sync::Arc;

use super::{Command, Dialog, Event, Opened, Save, filters};
use crate::app::command::{Command as AppCommand, Commands};
use crate::app::state::TaskId;
use crate::inspect::{
    Analysis, Change, Connection, Detail, Explorer, Filter, Lock, Question, View,
};

/// An earlier analysis.
pub(super) struct Kept {
    pub(super) analysis: Analysis,
    /// What it was of, see [`filters::plain`]; a file does not tell.
    pub(super) filter: Option<Filter>,
}

/// What this view keeps.
#[derive(Default)]
pub struct Keys {
    /// The running or finished scan; ends with this.
    pub(super) explorer: Option<Arc<Explorer>>,
    pub(super) connection: Option<Connection>,
    /// Whether a scan was asked for.
    pub(super) asked: bool,
    /// Why there is none.
    pub(super) error: Option<String>,
    /// Why the server does not answer now; what is shown is as it was seen last.
    pub(super) away: Option<String>,
    /// The latest answer.
    pub(super) view: Arc<View>,
    /// What the table and the tree are to show.
    pub(super) question: Question,
    /// The filter as typed.
    pub(super) filter: String,
    /// The other conditions as typed.
    pub(super) typed: filters::Typed,
    /// What our keys in this cache begin with.
    pub(super) prefix: String,
    /// Which server it is.
    pub(super) address: String,
    pub(super) find: bool,
    /// Whether the prefixes are shown where there is room for them or the keys.
    pub(super) shows_side: bool,
    /// A sample that was drawn, or why not; shown instead of the scan's figures.
    pub(super) sampled: Option<Result<Arc<Analysis>, String>>,
    /// The filter that it was drawn with.
    pub(super) sampled_filter: Filter,
    /// Whether one is being drawn.
    pub(super) sampling: bool,
    /// What the figures are compared with.
    pub(super) before: Option<Kept>,
    /// Why there is nothing to compare with.
    pub(super) before_error: Option<String>,
    /// The export dialog, while it is open.
    pub(super) save: Option<Save>,
    /// The selected key's exact name.
    pub(super) selected: Option<Vec<u8>>,
    /// Where it stood in the table when it was selected.
    pub(super) at: Option<usize>,
    /// Bring the selected row into sight.
    pub(super) reveal: bool,
    /// Its value, or why it cannot be shown; `None` while it is read.
    pub(super) value: Option<Result<Opened, String>>,
    /// Whether another page is being read.
    pub(super) more: bool,
    /// Whether a key in sight has expired since the scan saw it.
    pub(super) expired: bool,
    /// The write lock of every connection of this view.
    pub(super) lock: Lock,
    /// The dialog that is open.
    pub(super) dialog: Option<Dialog>,
    /// What is searched for in the opened value, as typed.
    pub(super) sought: String,
    /// Where to go in the opened value, as typed.
    pub(super) jump: String,
    /// Whether elements are counted also where the server takes that for use.
    pub(super) counts_elements: bool,
    /// Whether new entries of the opened stream are shown as they come.
    pub(super) following: bool,
    /// Read the selected key again: it changed.
    pub(super) again: bool,
    /// The task that watches or follows the opened key.
    pub(super) watch: Option<TaskId>,
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
            Event::Sought {
                name,
                text,
                until,
                told,
            } if self.selected.as_ref() == Some(&name) => {
                if let Some(Ok(opened)) = &mut self.value {
                    opened.sought = Some((text, until));
                    opened.told = Some(told);
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
            Event::Sampled(result) => {
                self.sampling = false;
                self.sampled = Some(result.map(Arc::from));
            }
            Event::Before(result) => match result {
                Ok(before) => {
                    self.before = Some(Kept {
                        analysis: *before,
                        filter: None,
                    });
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
            Event::Opened { .. }
            | Event::More { .. }
            | Event::Sought { .. }
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
                self.selected = None;
                self.value = None;
            }
            Change::Rename { to, .. } => {
                self.selected = Some(to.clone());
                self.again = true;
            }
            Change::Add { key, .. } => {
                self.selected = Some(key.clone());
                self.again = true;
            }
            _ => self.again = true,
        }
    }

    /// From the next scan on elements are counted also where the server takes that for use.
    pub fn count_elements(&mut self) {
        self.counts_elements = true;
    }

    /// Whether elements are counted also where the server takes that for use.
    pub fn counts_elements(&self) -> bool {
        self.counts_elements
    }

    /// Gives the keyboard to the filter.
    pub fn find(&mut self) {
        self.find = true;
        self.shows_side = true;
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
        self.sampled_filter = self.question.filter.clone();
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
        self.dialog = None;
        self.sampled = None;
        self.view = Arc::default();
    }

    pub(super) fn select(&mut self, name: Vec<u8>, at: Option<usize>) -> Command {
        self.at = at;
        self.value = None;
        self.more = false;
        self.sought.clear();
        self.jump.clear();
        self.following = false;
        self.selected = Some(name.clone());
        Command::Open {
            name,
            anyway: false,
        }
    }

    /// Shows the analysis, or the keys again.
    pub(super) fn analyse(&mut self, shown: bool, commands: &mut Commands) {
        self.question.analysis = shown.then(Detail::default);
        self.ask(commands);
    }

    pub(super) fn ask(&self, commands: &mut Commands) {
        commands.send(AppCommand::Keys(Command::Ask(Box::new(
            self.question.clone(),
        ))));
    }
}
