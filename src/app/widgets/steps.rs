//! A list of steps, each as it goes: a connection test.

use eframe::egui::accesskit::Role;
use eframe::egui::{Align2, Label, Sense, Ui, WidgetInfo, pos2, vec2};

use super::paint::{square, text_at};
use super::{Mark, Shape, mark};
use crate::app::theme::{Icon, Tone, colors, fonts, size, text};

/// How a step goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepState {
    /// It is being tried.
    Running,
    /// It works.
    Ok,
    /// It works, but.
    Warning(String),
    /// It does not work: cause and remedy.
    Failed(String),
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What is tried.
    pub what: String,
    /// A short fact shown on the right.
    pub detail: String,
    /// How it goes.
    pub state: StepState,
}

/// Shows steps, one a row, with the sentence of a warning or a failure under its row.
pub fn steps(ui: &mut Ui, list: &[Step]) {
    for step in list {
        let colors = colors(ui);
        let (rect, response) =
            ui.allocate_exact_size(vec2(ui.available_width(), size::LIST_ROW), Sense::hover());
        let middle = rect.center().y;
        let at = pos2(rect.left() + 6.0, middle);
        let painter = ui.painter();
        match &step.state {
            StepState::Ok => Icon::Check.paint(painter, square(at, 12.0), colors.hit),
            StepState::Running => mark(painter, colors, at, 9.0, Tone::Wait),
            StepState::Warning(_) => mark(
                painter,
                colors,
                at,
                9.0,
                Mark {
                    tone: Tone::Stale,
                    shape: Shape::Ring,
                },
            ),
            StepState::Failed(_) => mark(painter, colors, at, 11.0, Tone::Error),
        }
        let detail = text_at(
            painter,
            pos2(rect.right(), middle),
            Align2::RIGHT_CENTER,
            &step.detail,
            fonts::body(),
            colors.weak,
            rect.width() * 0.5,
        );
        let room = detail.left() - rect.left() - 36.0;
        let from = pos2(rect.left() + 24.0, middle);
        text_at(
            painter,
            from,
            Align2::LEFT_CENTER,
            &step.what,
            fonts::body(),
            colors.text,
            room,
        );
        let outcome = match &step.state {
            StepState::Running => "running",
            StepState::Ok => "ok",
            StepState::Warning(_) => "warning",
            StepState::Failed(_) => "failed",
        };
        response.widget_info(|| {
            WidgetInfo::labeled(Role::ListItem, true, format!("{} {outcome}", step.what))
        });
        if let StepState::Warning(sentence) | StepState::Failed(sentence) = &step.state {
            let tone = if matches!(step.state, StepState::Failed(_)) {
                Tone::Error
            } else {
                Tone::Stale
            };
            ui.horizontal_top(|ui| {
                ui.add_space(24.0);
                ui.add(Label::new(text::tone(ui, tone, sentence).font(fonts::small())).wrap());
            });
        }
    }
}
