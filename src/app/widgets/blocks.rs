//! What a list or a view shows when it has nothing else to show: empty, loading, failed.

use std::sync::Arc;

use eframe::egui::accesskit::Role;
use eframe::egui::{
    Align, FontSelection, Label, Response, RichText, Sense, Ui, WidgetInfo, WidgetText, vec2,
};

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
        let lines = lines(ui, text::tone(ui, tone, sentence));
        ui.add(Label::new(text::tone(ui, tone, lines)).extend())
            .widget_info(|| WidgetInfo::labeled(Role::Label, ui.is_enabled(), sentence));
    })
    .response
}

/// A text with line ends where it has to be broken. Left to break it itself, egui draws a glyph where it would stand
/// within its pixel in one long line, and a second line begins up to a point right of the first.
fn lines(ui: &Ui, text: RichText) -> String {
    let job =
        WidgetText::from(text).into_layout_job(ui.style(), FontSelection::Default, Align::TOP);
    let mut job = Arc::unwrap_or_clone(job);
    job.wrap.max_width = ui.available_width();
    let galley = ui.fonts_mut(|fonts| fonts.layout_job(job));
    let rows: Vec<String> = galley
        .rows
        .iter()
        .map(|row| row.text().trim_end().to_owned())
        .collect();
    rows.join("\n")
}
