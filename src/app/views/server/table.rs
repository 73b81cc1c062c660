//! What the tabs share: the row of tools above a table, and the sentence in the place of one that could not be asked.

use chrono::{DateTime, Local, Utc};
use eframe::egui::{Align, Frame, Layout, Margin, ScrollArea, Ui, vec2};

use crate::app::theme::{Tone, size, text};
use crate::app::widgets::{self, Button, Field, notice, table_card};

/// What stands above a table.
pub(super) struct Tools<'a> {
    /// What is below, in a sentence.
    pub about: &'a str,
    /// The filter and what it says while it is empty.
    pub filter: Option<(&'a mut String, &'static str)>,
    /// Whether the filter takes the keyboard now.
    pub find: bool,
    /// Whether there is something to copy.
    pub can_copy: bool,
}

/// Shows the tools, `more` buttons among them; returns whether everything is to be copied.
pub(super) fn tools(ui: &mut Ui, tools: Tools<'_>, more: impl FnOnce(&mut Ui)) -> bool {
    let mut copy = false;
    ui.allocate_ui_with_layout(
        vec2(ui.available_width(), size::BUTTON),
        Layout::right_to_left(Align::Center),
        |ui| {
            ui.spacing_mut().item_spacing.x = size::SPACE_8;
            let button = Button::new("Copy all")
                .enabled(tools.can_copy)
                .tooltip("Copy what is listed, as lines with tabs between the columns");
            copy = ui.add(button).clicked();
            more(ui);
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                if let Some((filter, hint)) = tools.filter {
                    let response = Field::new("Filter")
                        .inline()
                        .hint(hint)
                        .width(240.0)
                        .id(super::filter_id())
                        .show(ui, filter);
                    if tools.find {
                        response.request_focus();
                    }
                }
                ui.add(eframe::egui::Label::new(text::small(ui, tools.about)).truncate());
            });
        },
    );
    ui.add_space(size::SPACE_8);
    copy
}

/// A table that takes the rest of the height: its titles stay, its rows scroll.
pub(super) fn rows(
    ui: &mut Ui,
    id: &'static str,
    count: usize,
    titles: impl FnOnce(&mut Ui),
    mut row: impl FnMut(&mut Ui, usize),
) {
    let height = ui.available_height() - size::SPACE_12;
    table_card(ui, |ui| {
        titles(ui);
        ScrollArea::vertical()
            .id_salt(id)
            .max_height(height - size::HEADER_ROW - 2.0 * size::SPACE_4 - 2.0)
            .auto_shrink([false, true])
            .show_rows(ui, size::TABLE_ROW, count, |ui, range| {
                for at in range {
                    row(ui, at);
                }
            });
    });
}

/// One sentence in the place of what could not be asked.
pub(super) fn sentence(ui: &mut Ui, why: &str) {
    table_card(ui, |ui| {
        inner(ui, |ui| {
            notice(ui, Tone::Stale, &crate::app::format::sentence(why));
        });
    });
}

/// A sentence under the rows.
pub(super) fn note(ui: &mut Ui, note: &str) {
    inner(ui, |ui| {
        ui.add(eframe::egui::Label::new(text::small(ui, note)).truncate());
    });
}

/// A hint in the place of rows.
pub(super) fn nothing(ui: &mut Ui, hint: &str) {
    inner(ui, |ui| {
        ui.label(text::weak(ui, hint));
    });
}

fn inner(ui: &mut Ui, add: impl FnOnce(&mut Ui)) {
    Frame::NONE
        .inner_margin(Margin::symmetric(size::SPACE_12 as i8, size::SPACE_8 as i8))
        .show(ui, add);
}

/// A part of the view whose answer has not come yet.
pub(super) fn loading(ui: &mut Ui, what: &str) {
    widgets::loading(ui, what, "");
}

/// A moment as people say it: the time of day today, with the date before.
pub(super) fn when(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let (at, now) = (at.with_timezone(&Local), now.with_timezone(&Local));
    let format = if at.date_naive() == now.date_naive() {
        "%H:%M:%S"
    } else {
        "%Y-%m-%d %H:%M:%S"
    };
    at.format(format).to_string()
}
