//! The command palette: every command and every report, found by a few letters.

use eframe::egui::{
    Align2, CornerRadius, Frame, Id, Key, Margin, Modal, Modifiers, ScrollArea, Ui, pos2, vec2,
};

use crate::app::command::{Command, Commands};
use crate::app::commands;
use crate::app::state::State;
use crate::app::theme::{colors, fonts, line, size};
use crate::app::widgets::{Field, ListRow, text_at};

/// The palette's state.
#[derive(Debug, Default)]
pub struct Palette {
    open: bool,
    just_opened: bool,
    query: String,
    chosen: usize,
}

impl Palette {
    /// Opens it, empty.
    pub fn open(&mut self) {
        *self = Self {
            open: true,
            just_opened: true,
            ..Self::default()
        };
    }

    /// Whether it is open.
    pub fn is_open(&self) -> bool {
        self.open
    }
}

struct Found {
    text: String,
    detail: String,
    shortcut: Option<String>,
    command: Command,
}

pub(super) fn show(ui: &mut Ui, state: &mut State, out: &mut Commands) {
    if !state.palette.open {
        return;
    }
    let (up, down, enter) = ui.input_mut(|input| {
        (
            input.consume_key(Modifiers::NONE, Key::ArrowUp),
            input.consume_key(Modifiers::NONE, Key::ArrowDown),
            input.consume_key(Modifiers::NONE, Key::Enter),
        )
    });
    let found = find(state);
    let palette = &mut state.palette;
    let last = found.len().saturating_sub(1);
    if down {
        palette.chosen = (palette.chosen + 1).min(last);
    }
    if up {
        palette.chosen = palette.chosen.saturating_sub(1);
    }
    palette.chosen = palette.chosen.min(last);
    let mut run = if enter {
        found.get(palette.chosen).map(|found| found.command.clone())
    } else {
        None
    };

    let colors = colors(ui);
    let id = Id::unique("palette");
    let frame = Frame::NONE
        .fill(colors.raised)
        .stroke(line(colors))
        .shadow(ui.visuals().popup_shadow)
        .corner_radius(CornerRadius::same(size::RADIUS_CARD as u8))
        .inner_margin(Margin::same(8));
    let area = Modal::default_area(id)
        .anchor(Align2::CENTER_TOP, vec2(0.0, 72.0))
        .accessible_name("Commands");
    let shown = Modal::new(id)
        .area(area)
        .backdrop_color(crate::app::theme::color::backdrop(colors))
        .frame(frame)
        .show(ui.ctx(), |ui| {
            ui.set_width(520.0);
            ui.spacing_mut().item_spacing.y = 0.0;
            let field = Field::new("Search commands and reports")
                .inline()
                .hint("Search commands and reports");
            let response = field
                .id(Id::unique("palette query"))
                .show(ui, &mut palette.query);
            if palette.just_opened {
                response.request_focus();
                palette.just_opened = false;
            }
            if response.changed() {
                palette.chosen = 0;
            }
            ui.add_space(size::SPACE_8);
            if found.is_empty() {
                ui.label(crate::app::theme::text::weak(
                    ui,
                    "No command or report has these letters",
                ));
            }
            ScrollArea::vertical().max_height(360.0).show(ui, |ui| {
                for (i, found) in found.iter().enumerate() {
                    let row = ListRow::new(&found.text, 30.0).selected(i == palette.chosen);
                    let response = row.show(ui, |ui, rect| {
                        let painter = ui.painter();
                        let left = pos2(rect.left() + 10.0, rect.center().y);
                        let name = text_at(
                            painter,
                            left,
                            Align2::LEFT_CENTER,
                            &found.text,
                            fonts::body(),
                            colors.strong,
                            300.0,
                        );
                        let mut right = rect.right() - 10.0;
                        if let Some(shortcut) = &found.shortcut {
                            let at = pos2(right, rect.center().y);
                            right = text_at(
                                painter,
                                at,
                                Align2::RIGHT_CENTER,
                                shortcut,
                                fonts::mono(),
                                colors.weak,
                                120.0,
                            )
                            .left()
                                - 12.0;
                        }
                        let room = right - name.right() - 16.0;
                        if room > 40.0 {
                            let at = pos2(name.right() + 12.0, rect.center().y);
                            text_at(
                                painter,
                                at,
                                Align2::LEFT_CENTER,
                                &found.detail,
                                fonts::small(),
                                colors.weak,
                                room,
                            );
                        }
                    });
                    if i == palette.chosen && (up || down) {
                        response.scroll_to_me(None);
                    }
                    if response.clicked() {
                        run = Some(found.command.clone());
                    }
                }
            });
        });
    if shown.should_close() || run.is_some() {
        state.palette.open = false;
    }
    if let Some(command) = run {
        out.send(command);
    }
}

fn find(state: &State) -> Vec<Found> {
    let query = state.palette.query.trim().to_lowercase();
    let commands = commands::ALL.iter().filter_map(|entry| {
        Some(Found {
            text: entry.text.to_owned(),
            detail: entry.tooltip.to_owned(),
            shortcut: entry.shortcut_text(),
            command: (entry.command)(state)?,
        })
    });
    let reports = state.reports.names().map(|name| Found {
        text: name.to_owned(),
        detail: "report".to_owned(),
        shortcut: None,
        command: Command::SelectReport(name.to_owned()),
    });
    let mut found: Vec<(u32, Found)> = commands
        .chain(reports)
        .filter(|found| !matches!(found.command, Command::OpenPalette))
        .filter_map(|found| Some((score(&query, &found.text.to_lowercase())?, found)))
        .collect();
    found.sort_by_key(|(score, _)| *score);
    found.into_iter().map(|(_, found)| found).collect()
}

/// How well `text` fits; smaller is better. Its letters must come in order: "rud" finds "Run uncached".
fn score(query: &str, text: &str) -> Option<u32> {
    if query.is_empty() {
        return Some(0);
    }
    if let Some(at) = text.find(query) {
        let word_start = at == 0 || !text.as_bytes()[at - 1].is_ascii_alphanumeric();
        return Some(if at == 0 {
            0
        } else {
            1 + u32::from(!word_start)
        });
    }
    let mut rest = text.chars();
    query
        .chars()
        .filter(|letter| !letter.is_whitespace())
        .all(|letter| rest.any(|other| other == letter))
        .then_some(9)
}

#[cfg(test)]
mod tests {
    use super::score;

    #[test]
    fn letters_in_order_find_a_command() {
        assert_eq!(score("run", "run uncached"), Some(0));
        assert_eq!(score("unc", "run uncached"), Some(1));
        assert_eq!(score("rud", "run uncached"), Some(9));
        assert_eq!(score("xyz", "run uncached"), None);
    }
}
