//! The dialogs of the view: unlock, change a key, change many, download.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use eframe::egui::{
    Frame, Id, Key as Keyboard, Label, Margin, Modal, Modifiers, ScrollArea, Stroke, StrokeKind,
    TextEdit, Ui, vec2,
};

pub(super) use super::edit::Edit;
use super::edit::{self, Form};
use super::{Command, Keys};
use crate::app::command::{Command as AppCommand, Commands};
use crate::app::format;
use crate::app::state::{Running, TaskId};
use crate::app::theme::{Tone, color, colors, fonts, size, text};
use crate::app::widgets::{Button, Field, Tip, field_label, notice, progress};
use crate::inspect::{Bulk, Kind, Outcome, Preview, View};

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
}

#[derive(Clone, Debug)]
enum What {
    Unlock(String),
    Edit(Edit),
    Many(Many),
    Download { path: String, taken: bool },
}

/// A change of all keys that are shown.
#[derive(Clone, Debug)]
pub struct Many {
    /// What is shown.
    pub view: Arc<View>,
    /// Whether they are deleted; else they get a TTL.
    pub delete: bool,
    /// The TTL as typed.
    ttl: String,
    /// How many of them are there now.
    pub preview: Option<Preview>,
    /// What became of it, and where the log is.
    pub outcome: Option<(Outcome, PathBuf)>,
}

impl Many {
    /// What is to be done, or why that cannot be read.
    pub fn bulk(&self) -> Result<Bulk, String> {
        if self.delete {
            return Ok(Bulk::Delete);
        }
        Ok(edit::ttl(&self.ttl)?.map_or(Bulk::Persist, Bulk::Expire))
    }
}

impl Dialog {
    fn new(what: What) -> Self {
        Self {
            what,
            error: None,
            task: None,
            focus: true,
        }
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
        Self::new(What::Many(Many {
            view,
            delete,
            ttl: "1h".into(),
            preview: None,
            outcome: None,
        }))
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
        end = match &mut dialog.what {
            What::Unlock(address) => unlock(ui, address),
            What::Edit(edit) => change(ui, edit, busy, focus, error.as_deref()),
            What::Many(many) => self::many(ui, many, running, busy, error.as_deref()),
            What::Download { path, taken } => {
                file(ui, path, taken, running, busy, focus, error.as_deref())
            }
        };
    });
    let closes = dialog.task.is_none() && response.should_close();
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

fn change(
    ui: &mut Ui,
    edit: &mut Edit,
    busy: bool,
    focus: bool,
    error: Option<&str>,
) -> Option<End> {
    ui.add(Label::new(text::heading(ui, edit.title())).truncate());
    if let Form::New { kind } = &mut edit.form {
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = size::SPACE_4;
            for other in [
                Kind::String,
                Kind::Hash,
                Kind::List,
                Kind::Set,
                Kind::ZSet,
                Kind::Stream,
            ] {
                let button = Button::new(other.name())
                    .bare()
                    .selected(*kind == other)
                    .enabled(!busy);
                if ui.add(button).clicked() {
                    *kind = other;
                }
            }
        });
    }
    let mut entered = false;
    let mut focus = focus;
    if let Some(label) = edit.name_label() {
        // A field is known by its name; another name would be another field.
        let fixed = matches!(
            edit.form,
            Form::Field { was: Some(_), .. } | Form::Scored { is_new: false }
        );
        let response = Field::new(label)
            .mono()
            .enabled(!busy && !fixed)
            .show(ui, &mut edit.name);
        if !fixed && std::mem::take(&mut focus) {
            response.request_focus();
        }
        entered |= response.lost_focus() && ui.input(|input| input.key_pressed(Keyboard::Enter));
    }
    if let Some(label) = edit.value_label() {
        let response = several_lines(ui, label, &mut edit.value, !busy);
        if std::mem::take(&mut focus) {
            response.request_focus();
        }
    }
    if let Some(label) = edit.number_label() {
        let response = Field::new(label)
            .mono()
            .width(220.0)
            .enabled(!busy)
            .show(ui, &mut edit.number);
        if std::mem::take(&mut focus) {
            response.request_focus();
        }
        entered |= response.lost_focus() && ui.input(|input| input.key_pressed(Keyboard::Enter));
    }
    if edit.name_label().is_some() || edit.value_label().is_some() {
        ui.checkbox(&mut edit.escaped, "Escapes")
            .tip("\\n, \\xff and the like stand for bytes, as in redis-cli");
    }
    let change = edit.change();
    let is_delete = edit.verb() == "Delete";
    match &change {
        Ok(change) => sends(ui, &change.shown()),
        Err(why) => {
            notice(ui, Tone::Stale, &format::sentence(why));
        }
    }
    if let Some(error) = error {
        notice(ui, Tone::Error, &format::sentence(error));
    }
    let mut end = None;
    ui.horizontal(|ui| {
        let button = Button::new(edit.verb())
            .primary()
            .enabled(!busy && change.is_ok());
        let pressed = ui.add(button).clicked() || entered && !is_delete;
        if pressed
            && !busy
            && let Ok(change) = change
        {
            end = Some(End::Send(Command::Change(change)));
        }
        if ui
            .add(
                Button::new("Close")
                    .bare()
                    .named("Close the dialog")
                    .tooltip("Esc"),
            )
            .clicked()
        {
            end = Some(End::Close);
        }
        if busy {
            ui.label(text::tone(ui, Tone::Wait, "sending"));
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

fn several_lines(
    ui: &mut Ui,
    label: &str,
    value: &mut String,
    enabled: bool,
) -> eframe::egui::Response {
    ui.vertical(|ui| {
        ui.spacing_mut().item_spacing.y = size::SPACE_4;
        field_label(ui, label);
        let colors = colors(ui);
        ScrollArea::vertical()
            .id_salt(label)
            .max_height(180.0)
            .show(ui, |ui| {
                let edit = TextEdit::multiline(value)
                    .font(fonts::mono())
                    .text_color(colors.strong)
                    .desired_rows(4)
                    .desired_width(ui.available_width() - 16.0)
                    .min_size(vec2(ui.available_width(), 84.0))
                    .frame(
                        Frame::NONE
                            .fill(colors.code)
                            .corner_radius(size::RADIUS_CONTROL)
                            .inner_margin(Margin::symmetric(8, 6)),
                    );
                let response = ui.add_enabled(enabled, edit).accessible_name(label);
                let stroke = if response.has_focus() {
                    Stroke::new(1.5, colors.accent)
                } else {
                    Stroke::new(1.0, colors.line)
                };
                ui.painter().rect_stroke(
                    response.rect,
                    size::RADIUS_CONTROL,
                    stroke,
                    StrokeKind::Inside,
                );
                response
            })
            .inner
    })
    .inner
}

fn many(
    ui: &mut Ui,
    many: &mut Many,
    running: Option<&Running>,
    busy: bool,
    error: Option<&str>,
) -> Option<End> {
    let shown = many.view.rows.len() as u64;
    let keys = format::plural(shown, "key", "keys");
    let title = if many.delete {
        format!("Delete {keys}")
    } else {
        format!("TTL of {keys}")
    };
    ui.label(text::heading(ui, title));
    let complete = matches!(many.view.state.phase, crate::inspect::Phase::Complete);
    let which = if complete {
        "These are all keys that the filter shows now."
    } else {
        "These are the keys that the filter shows now; the scan has not seen the whole keyspace."
    };
    ui.add(Label::new(text::body(ui, which)).wrap());
    if !many.delete {
        let enabled = !busy && many.outcome.is_none();
        Field::new("TTL: 30s, 2h, 7d, never")
            .mono()
            .width(220.0)
            .enabled(enabled)
            .show(ui, &mut many.ttl);
    }
    let bulk = many.bulk();
    match &bulk {
        Ok(bulk) => sends(
            ui,
            &format!("{}   for each, 500 in a round trip", bulk.shown()),
        ),
        Err(why) => {
            notice(ui, Tone::Stale, &format::sentence(why));
        }
    }
    let mut end = None;
    let sentence = |ui: &mut Ui, tone, text: &str| {
        notice(ui, tone, text);
    };
    match (&many.outcome, &many.preview) {
        (Some((outcome, log)), _) => {
            let done = if many.delete { "deleted" } else { "changed" };
            let mut told = format!("{} {done}", format::plural(outcome.done, "key", "keys"));
            if outcome.unchanged > 0 {
                let _ = write!(
                    told,
                    ", {} were gone or had nothing to change",
                    format::count(outcome.unchanged)
                );
            }
            if outcome.cancelled {
                told.push_str("; cancelled before the end");
            }
            sentence(
                ui,
                if outcome.cancelled {
                    Tone::Stale
                } else {
                    Tone::Hit
                },
                &told,
            );
            if let Some(why) = &outcome.why {
                let refused = format!(
                    "{} refused: {}",
                    format::plural(outcome.failed, "key", "keys"),
                    format::sentence(why)
                );
                sentence(ui, Tone::Error, &refused);
            }
            ui.add(
                Label::new(text::small(
                    ui,
                    format!("Each is named in {}", log.display()),
                ))
                .wrap(),
            );
        }
        (None, Some(preview)) if preview.gone > 0 => {
            let told = format!(
                "{} there now; {} since they were listed",
                format::plural(preview.there, "key is", "keys are"),
                format::plural(preview.gone, "is gone", "are gone")
            );
            sentence(ui, Tone::Stale, &told);
        }
        (None, Some(preview)) => {
            let told = format!(
                "All {} there now",
                format::plural(preview.there, "key is", "keys are")
            );
            sentence(ui, Tone::Hit, &told);
        }
        (None, None) => {
            ui.label(text::tone(
                ui,
                Tone::Wait,
                "Counting which of them are there",
            ));
        }
    }
    if let Some(running) = running {
        progress(
            ui,
            "Changing the keys",
            running.fraction,
            Tone::Wait,
            ui.available_width(),
        );
    }
    if let Some(error) = error {
        notice(ui, Tone::Error, &format::sentence(error));
    }
    ui.horizontal(|ui| {
        if busy {
            if ui
                .add(
                    Button::new("Cancel")
                        .named("Cancel the change")
                        .shortcut("Esc"),
                )
                .clicked()
            {
                end = Some(End::Cancel);
            }
            return;
        }
        if many.outcome.is_none()
            && let (Some(preview), Ok(bulk)) = (many.preview, bulk)
        {
            let verb = if many.delete {
                "Delete"
            } else {
                "Set the TTL of"
            };
            let label = format!("{verb} {}", format::plural(preview.there, "key", "keys"));
            let button = Button::new(&label).primary().enabled(preview.there > 0);
            if ui.add(button).clicked() {
                end = Some(End::Send(Command::ChangeMany(bulk)));
            }
        }
        if ui
            .add(
                Button::new("Close")
                    .bare()
                    .named("Close the dialog")
                    .tooltip("Esc"),
            )
            .clicked()
        {
            end = Some(End::Close);
        }
    });
    end
}

fn file(
    ui: &mut Ui,
    path: &mut String,
    taken: &mut bool,
    running: Option<&Running>,
    busy: bool,
    focus: bool,
    error: Option<&str>,
) -> Option<End> {
    ui.label(text::heading(ui, "Download the value"));
    let response = Field::new("File").mono().enabled(!busy).show(ui, path);
    if focus {
        response.request_focus();
    }
    if response.changed() {
        *taken = false;
    }
    let entered = response.lost_focus() && ui.input(|input| input.key_pressed(Keyboard::Enter));
    if *taken {
        notice(
            ui,
            Tone::Stale,
            "This file is there already; replace it, or give another name",
        );
    }
    if let Some(error) = error {
        notice(ui, Tone::Error, &format::sentence(error));
    }
    if let Some(running) = running {
        progress(
            ui,
            "Reading the value",
            running.fraction,
            Tone::Wait,
            ui.available_width(),
        );
    }
    let mut end = None;
    ui.horizontal(|ui| {
        if busy {
            if ui
                .add(
                    Button::new("Cancel")
                        .named("Cancel the download")
                        .shortcut("Esc"),
                )
                .clicked()
            {
                end = Some(End::Cancel);
            }
            return;
        }
        let word = if *taken { "Replace file" } else { "Write file" };
        let ready = !path.trim().is_empty();
        if (ui.add(Button::new(word).primary().enabled(ready)).clicked() || entered) && ready {
            end = Some(End::Send(Command::Download {
                path: PathBuf::from(path.trim()),
                replace: *taken,
            }));
        }
        if ui
            .add(
                Button::new("Close")
                    .bare()
                    .named("Close the dialog")
                    .tooltip("Esc"),
            )
            .clicked()
        {
            end = Some(End::Close);
        }
    });
    end
}
