//! The title row: the report's name, its parameters as a form, and the buttons.

use eframe::egui::{
    Align, ComboBox, Frame, Id as WidgetId, Layout, Margin, Stroke, StrokeKind, TextEdit, Ui, vec2,
};

use crate::app::command::{Command, Commands};
use crate::app::commands::{self, Id};
use crate::app::state::State;
use crate::app::theme::{Tone, colors, fonts, size, text};
use crate::app::widgets::{Button, Field, Tip, text_width};
use crate::report::{ParamSpec, ParamType};

use super::pane::{Pane, Part};
use super::policy::type_choice;

/// Room for Run, Run uncached and Race.
const BUTTONS: f32 = 330.0;

pub(super) fn show(ui: &mut Ui, state: &mut State, out: &mut Commands) {
    let can_run = state.reports.can_run();
    let names: Vec<String> = state.reports.names().map(str::to_owned).collect();
    let sources = state.reports.sources.clone();
    let Some(pane) = state.reports.pane_mut() else {
        return;
    };

    let title = text_width(ui, &pane.draft.name, fonts::heading());
    let form: f32 = (0..pane.draft.params.len())
        .map(|param| param_width(ui, pane, param) + size::SPACE_8)
        .sum();
    let one_row = title + form + BUTTONS < ui.available_width() && pane.saved.is_some();
    ui.horizontal(|ui| {
        ui.set_min_height(size::BUTTON);
        if pane.saved.is_some() {
            let room = (ui.available_width() - BUTTONS).max(120.0);
            ui.allocate_ui(vec2(room.min(title + 2.0), size::BUTTON), |ui| {
                ui.add(eframe::egui::Label::new(text::heading(ui, &pane.draft.name)).truncate());
            });
        } else {
            let taken = names.contains(&pane.draft.name);
            let problem = taken.then_some("another report has this name");
            Field::new("Report name")
                .inline()
                .width(180.0)
                .problem(problem)
                .show(ui, &mut pane.draft.name);
            if sources.len() > 1 {
                ComboBox::from_id_salt("source")
                    .selected_text(&pane.draft.source)
                    .show_ui(ui, |ui| {
                        for source in &sources {
                            ui.selectable_value(&mut pane.draft.source, source.clone(), source);
                        }
                    });
            }
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.spacing_mut().item_spacing.x = size::SPACE_8;
            let narrow = ui.available_width() < 420.0;
            actions(ui, can_run, narrow, out);
            if one_row {
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                    for param in (0..pane.draft.params.len()).rev() {
                        param_field(ui, pane, param);
                    }
                });
            }
        });
    });
    if !one_row && !pane.draft.params.is_empty() {
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing = vec2(size::SPACE_8, size::SPACE_4);
            for param in 0..pane.draft.params.len() {
                // What the SQL newly names has a type to be chosen; the policy has the types of all.
                if pane.part == Part::Sql && pane.is_new(param) {
                    type_choice(ui, &mut pane.draft.params[param]);
                }
                param_field(ui, pane, param);
            }
        });
    }
    if let Some(problem) = (0..pane.draft.params.len()).find_map(|param| pane.problem(param)) {
        ui.label(text::tone(ui, Tone::Error, problem).font(fonts::small()));
    }
}

fn actions(ui: &mut Ui, can_run: bool, narrow: bool, out: &mut Commands) {
    // From the right, because the row is laid out from the right.
    for (id, command) in [
        (Id::Race, super::Command::Race),
        (Id::RunUncached, super::Command::RunUncached),
        (Id::Run, super::Command::Run),
    ] {
        let entry = commands::entry(id);
        let shortcut = entry.shortcut_text().unwrap_or_default();
        let mut button = Button::new(entry.text)
            .enabled(can_run)
            .tooltip(format!("{} ({shortcut})", entry.tooltip));
        if id == Id::Run {
            button = button.primary();
            if !narrow {
                button = button.shortcut(&shortcut);
            }
        }
        if ui.add(button).clicked() {
            out.send(Command::Reports(command));
        }
    }
}

/// Room for the value of a parameter.
fn value_width(spec: &ParamSpec) -> f32 {
    match (spec.list, spec.kind) {
        (true, _) => 180.0,
        (_, ParamType::Timestamp) => 156.0,
        (_, ParamType::Date) => 84.0,
        (_, ParamType::Boolean) => 52.0,
        (_, ParamType::Text) => 96.0,
        _ => 64.0,
    }
}

fn param_width(ui: &Ui, pane: &Pane, param: usize) -> f32 {
    let spec = &pane.draft.params[param];
    text_width(ui, &spec.name, fonts::body()) + value_width(spec) + 28.0
}

/// A parameter: its name and its value in one quiet field.
fn param_field(ui: &mut Ui, pane: &mut Pane, param: usize) {
    let problem = pane.problem(param);
    let spec = pane.draft.params[param].clone();
    let colors = colors(ui);
    let frame = Frame::NONE
        .fill(colors.hover)
        .corner_radius(size::RADIUS_CONTROL)
        .inner_margin(Margin::symmetric(10, 0));
    let shown = frame.show(ui, |ui| {
        ui.allocate_ui_with_layout(
            vec2(param_width(ui, pane, param) - 20.0, size::BUTTON),
            Layout::left_to_right(Align::Center),
            |ui| {
                ui.spacing_mut().item_spacing.x = size::SPACE_8;
                ui.set_min_height(size::BUTTON);
                ui.label(text::name(ui, &spec.name));
                let Some(value) = pane.values.get_mut(param) else {
                    return false;
                };
                let edit = TextEdit::singleline(value)
                    .id(WidgetId::unique(("parameter", spec.name.as_str())))
                    .font(fonts::mono())
                    .text_color(colors.strong)
                    .desired_width(value_width(&spec))
                    .min_size(vec2(value_width(&spec), size::BUTTON))
                    .align(eframe::egui::Align2::LEFT_CENTER)
                    .hint_text(hint(&spec))
                    .frame(Frame::NONE);
                let name = format!("Parameter {}", spec.name);
                ui.add(edit)
                    .accessible_name(name)
                    .tip(spec.type_name())
                    .has_focus()
            },
        )
        .inner
    });
    let stroke = match (&problem, shown.inner) {
        (Some(_), _) => Stroke::new(1.0, colors.error),
        (None, true) => Stroke::new(1.5, colors.accent),
        (None, false) => Stroke::NONE,
    };
    ui.painter().rect_stroke(
        shown.response.rect,
        size::RADIUS_CONTROL,
        stroke,
        StrokeKind::Inside,
    );
}

fn hint(spec: &ParamSpec) -> &'static str {
    match (spec.list, spec.kind) {
        (true, _) => "a, b, c",
        (_, ParamType::Date) => "2026-01-31",
        (_, ParamType::Timestamp) => "2026-01-31 12:00:00",
        (_, ParamType::Boolean) => "true",
        (_, ParamType::Text) => "text",
        _ => "0",
    }
}
