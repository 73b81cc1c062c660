//! How is a key changed? What is typed, and the commands that it sends.

use eframe::egui::{
    Frame, Key as Keyboard, Label, Margin, ScrollArea, Stroke, StrokeKind, TextEdit, Ui, vec2,
};

use super::{Command, End, closes, sends};
use crate::app::format;
use crate::app::theme::{Tone, colors, fonts, size, text};
use crate::app::views::keys::edit::{Edit, Form};
use crate::app::widgets::{Button, Field, Tip, field_label, notice};
use crate::inspect::Kind;

/// Draws it.
pub(super) fn show(
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
        let button = Button::new(edit.verb());
        let button = if is_delete {
            button.danger()
        } else {
            button.primary()
        };
        let button = button.enabled(!busy && change.is_ok());
        let pressed = ui.add(button).clicked() || entered && !is_delete;
        if pressed
            && !busy
            && let Ok(change) = change
        {
            end = Some(End::Send(Command::Change(change)));
        }
        end = closes(ui).or(end.take());
        if busy {
            ui.label(text::tone(ui, Tone::Wait, "sending"));
        }
    });
    end
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
