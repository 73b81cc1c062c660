//! The strip that stands above the keys while the server is unlocked: so that nobody forgets, and what can be done with
//! the keys shown.

use eframe::egui::{Align, Layout, Ui};

use super::dialog::{Dialog, Edit};
use super::{Command, Keys};
use crate::app::command::{Command as AppCommand, Commands};
use crate::app::format;
use crate::app::theme::{Tone, faint, size, text};
use crate::app::widgets::Button;
use crate::inspect::Kind;

/// Its height.
pub(super) const HEIGHT: f32 = 36.0;

/// Draws it.
pub(super) fn show(ui: &mut Ui, keys: &mut Keys, commands: &mut Commands) {
    let whole = ui.max_rect();
    let amber = crate::app::theme::colors(ui).tone(Tone::Stale);
    ui.painter().rect_filled(whole, 0.0, faint(amber, 0.13));
    let mut command = None;
    let connected = keys.away.is_none();
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
        ui.spacing_mut().item_spacing.x = size::SPACE_4;
        ui.add_space(size::SPACE_8);
        if ui
            .add(Button::new("Lock").bare().tooltip("Read only again"))
            .clicked()
        {
            command = Some(Command::Unlock(false));
        }
        let shown = keys.view.rows.len() as u64;
        let count = format::plural(shown, "key shown", "keys shown");
        let many = |verb: &str| format!("{verb} {count}");
        let delete = many("Delete");
        if ui
            .add(Button::new(&delete).bare().enabled(shown > 0 && connected))
            .clicked()
        {
            keys.dialog = Some(Dialog::many(keys.view.clone(), true));
            command = Some(Command::Preview);
        }
        let expire = many("Set the TTL of");
        if ui
            .add(Button::new(&expire).bare().enabled(shown > 0 && connected))
            .clicked()
        {
            keys.dialog = Some(Dialog::many(keys.view.clone(), false));
            command = Some(Command::Preview);
        }
        if ui
            .add(Button::new("Add a key").bare().enabled(connected))
            .clicked()
        {
            keys.dialog = Some(Dialog::edit(Edit::new_key(Kind::String)));
        }
        ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
            ui.add_space(size::SPACE_12);
            let told = if whole.width() > 760.0 {
                "Unlocked: this server can be changed"
            } else {
                "Unlocked"
            };
            ui.label(text::tone(ui, Tone::Stale, told));
        });
    });
    if let Some(command) = command {
        commands.send(AppCommand::Keys(command));
    }
}
