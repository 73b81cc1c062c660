//! What a report is made of: its SQL, or its policy, in one place.

use eframe::egui::{
    Align, Frame, Id, Label, Layout, Margin, ScrollArea, Stroke, StrokeKind, TextEdit, Ui,
};

use crate::app::command::{Command, Commands};
use crate::app::commands;
use crate::app::state::State;
use crate::app::theme::{Tone, colors, fonts, line, size, text};
use crate::app::widgets::{Button, Tip};

use super::pane::{Pane, Part};
use super::{NO_FILE, policy, sql};

/// Height of a line of SQL.
const LINE: f32 = 19.0;

pub(super) fn show(ui: &mut Ui, state: &mut State, out: &mut Commands) {
    let room = ui.available_height();
    parts(ui, state, out);
    // Only the policy needs them: a frame that shows the SQL copies no names.
    let is_policy = |pane: &Pane| pane.part == Part::Policy;
    let others = if state.reports.pane().is_some_and(is_policy) {
        state.reports.other_names()
    } else {
        Vec::new()
    };
    let Some(pane) = state.reports.pane_mut() else {
        return;
    };
    match pane.part {
        Part::Sql => sql_editor(ui, pane, room),
        Part::Policy => {
            if policy::show(ui, pane, room * 0.5, &others) {
                out.send(Command::Reports(super::Command::Remove));
            }
        }
    }
}

/// Which part is shown, the policy in one line, and what can be done with changes.
fn parts(ui: &mut Ui, state: &mut State, out: &mut Commands) {
    let can_save = state.reports.can_save();
    let has_file = state.reports.has_file;
    let Some(pane) = state.reports.pane_mut() else {
        return;
    };
    let mut discard = false;
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = size::SPACE_4;
        for (part, name) in [(Part::Sql, "SQL"), (Part::Policy, "Policy")] {
            let mut button = Button::new(name).bare().selected(pane.part == part);
            if part == Part::Policy && pane.unsavable().is_some() {
                button = button.tone(Tone::Error);
            }
            if ui.add(button).clicked() {
                pane.part = part;
            }
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if pane.is_changed() {
                discard = changes(ui, pane, can_save, has_file, out);
            }
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                if pane.part == Part::Sql {
                    ui.add_space(size::SPACE_8);
                    let summary = policy::summary(&pane.draft);
                    ui.add(Label::new(text::small(ui, &summary)).truncate())
                        .tip(summary);
                }
            });
        });
    });
    if discard {
        state.reports.discard_draft();
    }
}

/// Save and Revert; whether the whole draft is to go.
fn changes(
    ui: &mut Ui,
    pane: &mut Pane,
    can_save: bool,
    has_file: bool,
    out: &mut Commands,
) -> bool {
    let entry = commands::entry(commands::Id::Save);
    let why = match (can_save, has_file) {
        (true, _) => format!(
            "{} ({})",
            entry.tooltip,
            entry.shortcut_text().unwrap_or_default()
        ),
        (false, true) => "The policy has a mistake".to_owned(),
        (false, false) => NO_FILE.to_owned(),
    };
    let save = Button::new("Save").named(entry.text).enabled(can_save);
    if ui.add(save.tooltip(why)).clicked() {
        out.send(Command::Reports(super::Command::Save));
    }
    let (word, tooltip) = if pane.saved.is_some() {
        ("Revert", "Back to the saved report")
    } else {
        ("Discard", "Give this new report up")
    };
    if ui.add(Button::new(word).bare().tooltip(tooltip)).clicked() {
        pane.revert();
        return pane.saved.is_none();
    }
    false
}

fn sql_editor(ui: &mut Ui, pane: &mut Pane, room: f32) {
    let colors = colors(ui);
    let mark = pane
        .failure
        .as_ref()
        .filter(|failure| failure.sql == pane.draft.sql)
        .and_then(|failure| sql::word_at(&pane.draft.sql, failure.position?));
    // A long query scrolls, so that the result keeps at least half of the view.
    let most = (room * 0.33).clamp(3.0 * LINE, 12.0 * LINE) + 20.0;
    let frame = Frame::NONE
        .fill(colors.code)
        .stroke(line(colors))
        .corner_radius(size::RADIUS_CONTROL);
    let id = Id::unique("report sql");
    let shown = frame.show(ui, |ui| {
        ui.set_min_width(ui.available_width());
        ScrollArea::vertical()
            .id_salt(("sql", pane.draft.name.as_str()))
            .max_height(most)
            .show(ui, |ui| {
                let mut layouter = |ui: &Ui, text: &dyn eframe::egui::TextBuffer, wrap: f32| {
                    ui.fonts_mut(|fonts| {
                        fonts.layout_job(sql::layout(text.as_str(), colors, wrap, mark.clone()))
                    })
                };
                let edit = TextEdit::multiline(&mut pane.draft.sql)
                    .id(id)
                    .font(fonts::mono())
                    .frame(Frame::NONE.inner_margin(Margin {
                        left: 12,
                        right: 12,
                        top: 10,
                        bottom: 10,
                    }))
                    .desired_width(f32::INFINITY)
                    .desired_rows(3)
                    .hint_text("SELECT ... WHERE day >= :since")
                    // Tab leads on from here too: SQL is indented with spaces.
                    .lock_focus(false)
                    .layouter(&mut layouter);
                let response = ui.add(edit).accessible_name("SQL of the report");
                if std::mem::take(&mut pane.focus) {
                    response.request_focus();
                }
                (response.changed(), response.has_focus())
            })
            .inner
    });
    let (changed, focused) = shown.inner;
    if changed {
        pane.sql_edited();
    }
    if focused {
        let stroke = Stroke::new(1.5, colors.accent);
        ui.painter().rect_stroke(
            shown.response.rect,
            size::RADIUS_CONTROL,
            stroke,
            StrokeKind::Inside,
        );
    }
}
