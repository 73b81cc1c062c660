//! The dialogs of the view: which is open, and how does it end?
//!
//! | file | its one question |
//! | --- | --- |
//! | `change.rs` | how is a key changed? |
//! | `many.rs` | how are all keys that are shown changed? |
//! | `file.rs` | where does a value's file go? |

mod change;
mod file;
mod many;

use std::path::PathBuf;
use std::sync::Arc;

use eframe::egui::{
    Event, Frame, Id, Key as Keyboard, Label, Margin, Modal, ModalResponse, Modifiers, Ui,
};

pub(super) use super::edit::Edit;
use super::{Command, Keys};
use crate::app::command::{Command as AppCommand, Commands};
use crate::app::state::{Running, TaskId};
use crate::app::theme::{Tone, color, colors, size, text};
use crate::app::widgets::{Button, field_label, notice};
use crate::inspect::View;

use many::Many;

/// A longer value is not edited in a field.
pub(super) const LONGEST: usize = 1024 * 1024;

/// A dialog, while it is open.
#[derive(Clone, Debug)]
pub struct Dialog {
    what: What,
    /// Why it did not work.
    error: Option<String>,
    /// The task that carries it out.
    pub(super) task: Option<TaskId>,
    focus: bool,
    /// What was in its fields when it opened.
    began: [String; 3],
    /// Escape was pressed, and what was typed would be lost by another.
    asks: bool,
}

#[derive(Clone, Debug)]
enum What {
    Unlock(String),
    Edit(Edit),
    Many(Many),
    Download { path: String, taken: bool },
}

impl What {
    /// What is in its fields.
    fn typed(&self) -> [&str; 3] {
        match self {
            Self::Unlock(_) => ["", "", ""],
            Self::Edit(edit) => [&edit.name, &edit.value, &edit.number],
            Self::Many(many) => [many.ttl(), "", ""],
            Self::Download { path, .. } => [path, "", ""],
        }
    }
}

impl Dialog {
    fn new(what: What) -> Self {
        Self {
            began: what.typed().map(str::to_owned),
            what,
            error: None,
            task: None,
            focus: true,
            asks: false,
        }
    }

    /// Whether something was typed that closing it would lose.
    fn is_changed(&self) -> bool {
        let is_over = matches!(&self.what, What::Many(many) if many.outcome.is_some());
        !is_over && self.began != self.what.typed()
    }

    /// Whether it closes now: what was typed is neither lost by a press beside it, nor by a single Escape.
    fn is_left<T>(&mut self, ui: &Ui, response: &ModalResponse<T>) -> bool {
        let is_beside = response.backdrop_response.clicked() || response.response.should_close();
        let is_escaped = response.is_top_modal
            && !response.any_popup_open
            && ui.input_mut(|input| input.consume_key(Modifiers::NONE, Keyboard::Escape));
        if !self.is_changed() {
            return is_beside || is_escaped;
        }
        if is_escaped {
            let is_sure = self.asks;
            self.asks = true;
            ui.ctx().request_repaint();
            return is_sure;
        }
        // Whoever types on wants to keep it.
        self.asks &= !ui.input(|input| input.events.iter().any(is_typing));
        false
    }

    /// Asks whether the server is to be changed.
    pub fn unlock(address: String) -> Self {
        Self::new(What::Unlock(address))
    }

    /// Changes a key.
    pub(super) fn edit(edit: Edit) -> Self {
        Self::new(What::Edit(edit))
    }

    /// Changes all keys that are shown.
    pub fn many(view: Arc<View>, delete: bool) -> Self {
        Self::new(What::Many(Many::new(view, delete)))
    }

    /// Asks for a file.
    pub fn download(path: PathBuf) -> Self {
        Self::new(What::Download {
            path: path.to_string_lossy().into_owned(),
            taken: false,
        })
    }

    /// The change of many keys, if that is what it is about.
    pub fn as_many(&mut self) -> Option<&mut Many> {
        match &mut self.what {
            What::Many(many) => Some(many),
            _ => None,
        }
    }

    /// The task that carries it out.
    pub fn runs(&mut self, task: TaskId) {
        self.task = Some(task);
        self.error = None;
    }

    /// It did not work.
    pub fn failed(&mut self, error: String) {
        self.task = None;
        self.error = Some(error);
    }

    /// A file of that name is there.
    pub fn is_taken(&mut self) {
        self.task = None;
        if let What::Download { taken, .. } = &mut self.what {
            *taken = true;
        }
    }
}

fn is_typing(event: &Event) -> bool {
    match event {
        Event::Text(_) | Event::Paste(_) => true,
        Event::Key { key, pressed, .. } => *pressed && *key != Keyboard::Escape,
        _ => false,
    }
}

/// Shows the dialog that is open.
pub(super) fn show(ui: &mut Ui, keys: &mut Keys, running: &[Running], out: &mut Commands) {
    let Some(mut dialog) = keys.dialog.take() else {
        return;
    };
    let running = running
        .iter()
        .find(|running| Some(running.task) == dialog.task);
    let mut end = None;
    let modal = Modal::new(Id::unique("keys dialog"))
        .backdrop_color(color::backdrop(colors(ui)))
        .frame(Frame::popup(ui.style()).inner_margin(size::SPACE_16));
    let response = modal.show(ui.ctx(), |ui| {
        ui.set_width(520.0);
        ui.spacing_mut().item_spacing.y = size::SPACE_12;
        let busy = dialog.task.is_some();
        let focus = std::mem::take(&mut dialog.focus);
        let error = dialog.error.clone();
        let asks = dialog.asks;
        end = match &mut dialog.what {
            What::Unlock(address) => unlock(ui, address),
            What::Edit(edit) => change::show(ui, edit, busy, focus, error.as_deref()),
            What::Many(many) => {
                many::show(ui, many, &keys.address, running, busy, error.as_deref())
            }
            What::Download { path, taken } => {
                file::show(ui, path, taken, running, busy, focus, error.as_deref())
            }
        };
        if asks {
            notice(
                ui,
                Tone::Stale,
                "Press Escape again to discard what you typed",
            );
        }
    });
    let closes = dialog.task.is_none() && dialog.is_left(ui, &response);
    let stops = dialog.task.is_some()
        && ui.input_mut(|input| input.consume_key(Modifiers::NONE, Keyboard::Escape));
    let mut send = |command| out.send(AppCommand::Keys(command));
    match end {
        Some(End::Close) => return,
        Some(End::Cancel) => {
            if let Some(task) = dialog.task {
                out.send(AppCommand::Cancel(task));
            }
        }
        Some(End::Send(command)) => {
            let unlocks = matches!(command, Command::Unlock(_));
            dialog.error = None;
            send(command);
            if unlocks {
                return;
            }
        }
        None if stops => {
            if let Some(task) = dialog.task {
                out.send(AppCommand::Cancel(task));
            }
        }
        None if closes => return,
        None => {}
    }
    keys.dialog = Some(dialog);
}

/// What was pressed.
enum End {
    Close,
    Cancel,
    Send(Command),
}

/// The button that closes the dialog.
fn closes(ui: &mut Ui) -> Option<End> {
    let button = Button::new("Close")
        .bare()
        .named("Close the dialog")
        .tooltip("Esc");
    ui.add(button).clicked().then_some(End::Close)
}

/// The button that ends what is under way.
fn cancels(ui: &mut Ui, name: &str) -> Option<End> {
    let button = Button::new("Cancel").named(name).shortcut("Esc");
    ui.add(button).clicked().then_some(End::Cancel)
}

fn unlock(ui: &mut Ui, address: &str) -> Option<End> {
    ui.label(text::heading(ui, "Unlock this server for writing?"));
    let sentence = format!(
        "Keys on {address} can then be edited, given a TTL, renamed and deleted from this window, and the console \
         sends what you type. It locks again when the workspace is closed."
    );
    ui.add(Label::new(text::body(ui, sentence)).wrap());
    let mut end = None;
    ui.horizontal(|ui| {
        if ui
            .add(Button::new("Unlock for writing").primary())
            .clicked()
        {
            end = Some(End::Send(Command::Unlock(true)));
        }
        if ui
            .add(Button::new("Stay read-only").bare().tooltip("Esc"))
            .clicked()
        {
            end = Some(End::Close);
        }
    });
    end
}

/// The commands that will be sent.
fn sends(ui: &mut Ui, commands: &str) {
    ui.scope(|ui| {
        ui.spacing_mut().item_spacing.y = size::SPACE_4;
        field_label(ui, "Sends");
        Frame::NONE
            .fill(colors(ui).code)
            .corner_radius(size::RADIUS_CONTROL)
            .inner_margin(Margin::symmetric(8, 6))
            .show(ui, |ui| {
                ui.set_width(ui.available_width());
                for line in commands.lines().take(4) {
                    let shown: String = line.chars().take(400).collect();
                    ui.add(Label::new(text::mono(ui, &shown)).truncate());
                }
            });
    });
}
