//! What a list or a view shows when it has nothing else to show: empty, loading, failed.

use eframe::egui::{Label, Response, Sense, Ui, vec2};

use super::{Mark, mark};
use crate::app::format;
use crate::app::theme::{Tone, colors, size, text};

/// Nothing is there; says what would be, and how to get it.
pub fn empty(ui: &mut Ui, title: &str, hint: &str) {
    block(ui, None, title, hint);
}

/// Work in progress.
pub fn loading(ui: &mut Ui, title: &str, detail: &str) {
    block(ui, Some(Tone::Wait.into()), title, detail);
}

/// It did not work: one sentence with cause and remedy.
pub fn error(ui: &mut Ui, title: &str, sentence: &str) {
    block(ui, Some(Tone::Error.into()), title, sentence);
}

fn block(ui: &mut Ui, shown: Option<Mark>, title: &str, sentence: &str) {
    ui.vertical_centered(|ui| {
        ui.set_max_width(460.0);
        ui.add_space((ui.available_height() * 0.28).clamp(size::SPACE_24, 160.0));
        if let Some(shown) = shown {
            let (rect, _) = ui.allocate_exact_size(vec2(16.0, 16.0), Sense::hover());
            mark(ui.painter(), colors(ui), rect.center(), 12.0, shown);
            ui.add_space(size::SPACE_4);
        }
        ui.label(text::heading(ui, title));
        if !sentence.is_empty() {
            let sentence = format::sentence(sentence);
            ui.add(Label::new(text::weak(ui, sentence)).wrap());
        }
        ui.add_space(size::SPACE_8);
    });
}

/// A sentence with a mark before it, for a warning or a failure beside something that still works.
pub fn notice(ui: &mut Ui, tone: Tone, sentence: &str) -> Response {
    ui.horizontal_top(|ui| {
        let (rect, _) = ui.allocate_exact_size(vec2(12.0, 18.0), Sense::hover());
        mark(ui.painter(), colors(ui), rect.center(), 9.0, tone);
        ui.add(Label::new(text::tone(ui, tone, sentence)).wrap());
    })
    .response
}
