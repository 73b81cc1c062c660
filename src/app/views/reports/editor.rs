//! What a report is made of: its SQL, or its policy, in one place.

use eframe::egui::{Frame, Id, Label, Margin, ScrollArea, Stroke, StrokeKind, TextEdit, Ui};

use crate::app::state::State;
use crate::app::theme::{Tone, colors, fonts, line, size, text};
use crate::app::widgets::Button;

use super::pane::{Pane, Part};
use super::{policy, sql};

/// Height of a line of SQL.
const LINE: f32 = 19.0;

pub(super) fn show(ui: &mut Ui, state: &mut State) {
    let room = ui.available_height();
    let Some(pane) = state.reports.pane_mut() else {
        return;
    };
    parts(ui, pane);
    match pane.part {
        Part::Sql => sql_editor(ui, pane, room),
        Part::Policy => policy::show(ui, pane, room * 0.5),
    }
}

/// Which part is shown, and the policy in one line.
fn parts(ui: &mut Ui, pane: &mut Pane) {
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
        ui.add_space(size::SPACE_8);
        if pane.part == Part::Sql {
            let summary = text::small(ui, policy::summary(&pane.draft));
            ui.add(Label::new(summary).truncate());
        }
    });
}

fn sql_editor(ui: &mut Ui, pane: &mut Pane, room: f32) {
    let colors = colors(ui);
    let mark = pane
        .failure
        .as_ref()
        .filter(|failure| failure.sql == pane.draft.sql)
        .and_then(|failure| sql::word_at(&pane.draft.sql, failure.position?));
    // A long query scrolls, so that the result keeps at least half of the view.
    let most = (room * 0.33).clamp(4.0 * LINE, 12.0 * LINE) + 20.0;
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
                    .lock_focus(true)
                    .layouter(&mut layouter);
                let response = ui.add(edit).accessible_name("SQL of the report");
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
