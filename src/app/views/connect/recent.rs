//! The recent workspaces' card.

use chrono::{DateTime, Local, Utc};
use eframe::egui::{Align2, Ui, pos2};

use crate::app::command::{Command, Commands};
use crate::app::commands::{self, Id};
use crate::app::state::State;
use crate::app::theme::{colors, fonts, size, text};
use crate::app::widgets::{Button, ListRow, Tip, card, text_at};

pub(super) fn show(ui: &mut Ui, state: &State, out: &mut Commands) {
    card(ui, |ui| {
        ui.spacing_mut().item_spacing.y = size::SPACE_4;
        ui.label(text::heading(ui, "Recent"));
        if state.connect.recent.is_empty() {
            ui.label(text::weak(ui, "Workspaces that you open are listed here."));
        }
        for recent in &state.connect.recent {
            let response = ListRow::new(&recent.name, 44.0).show(ui, |ui, rect| {
                let colors = colors(ui);
                let painter = ui.painter();
                let when = when(recent.at, state.clock.utc);
                let at = pos2(rect.right() - 4.0, rect.center().y);
                let end = text_at(
                    painter,
                    at,
                    Align2::RIGHT_CENTER,
                    &when,
                    fonts::body(),
                    colors.weak,
                    90.0,
                );
                let room = end.left() - rect.left() - 16.0;
                let at = pos2(rect.left() + 4.0, rect.top() + 13.0);
                text_at(
                    painter,
                    at,
                    Align2::LEFT_CENTER,
                    &recent.name,
                    fonts::body(),
                    colors.strong,
                    room,
                );
                let at = pos2(rect.left() + 4.0, rect.top() + 31.0);
                text_at(
                    painter,
                    at,
                    Align2::LEFT_CENTER,
                    &recent.about,
                    fonts::small(),
                    colors.weak,
                    room,
                );
            });
            let response = response.tip(recent.path.display().to_string());
            if response.clicked() && state.opening.is_none() {
                out.send(Command::OpenWorkspace(recent.path.clone()));
            }
        }
        ui.add_space(size::SPACE_8);
        let entry = commands::entry(Id::OpenWorkspace);
        let open = Button::new(entry.text)
            .enabled(state.opening.is_none())
            .tooltip(entry.tooltip);
        if ui.add(open).clicked() {
            out.send(Command::AskWorkspace);
        }
    });
}

/// "today", "Thursday", "3 Nov", "2024".
fn when(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let (day, today) = (
        at.with_timezone(&Local).date_naive(),
        now.with_timezone(&Local).date_naive(),
    );
    match (today - day).num_days() {
        ..=0 => "today".into(),
        1 => "yesterday".into(),
        2..=6 => day.format("%A").to_string(),
        7..=300 => day.format("%-d %b").to_string(),
        _ => day.format("%b %Y").to_string(),
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn days_read_as_people_say_them() {
        let now = DateTime::from_timestamp(1_795_435_200, 0).unwrap_or_default();
        assert_eq!(when(now, now), "today");
        assert_eq!(when(now - TimeDelta::days(1), now), "yesterday");
        assert!(when(now - TimeDelta::days(3), now).ends_with("day"));
        assert!(when(now - TimeDelta::days(20), now).contains(' '));
    }
}
