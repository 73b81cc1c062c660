//! How large everything is shown, and the control for it in the status line. Ctrl +, Ctrl - and Ctrl 0 are egui's own.

use eframe::egui::{Context, Popup, Ui};

use crate::app::command::{Command, Commands};
use crate::app::state::State;
use crate::app::theme::size;
use crate::app::widgets::Button;

/// The sizes that the menu offers, as parts of the usual one.
pub const STEPS: [f32; 8] = [0.8, 0.9, 1.0, 1.1, 1.25, 1.5, 1.75, 2.0];

/// The next step up or down from a size.
pub fn step(zoom: f32, up: bool) -> f32 {
    let near = 0.01;
    let next = if up {
        STEPS.into_iter().find(|step| *step > zoom + near)
    } else {
        STEPS.into_iter().rev().find(|step| *step < zoom - near)
    };
    next.unwrap_or(zoom)
}

/// Keeps a size between the smallest and the largest at which the views hold together.
pub fn usable(zoom: f32) -> f32 {
    if zoom.is_finite() {
        zoom.clamp(STEPS[0], STEPS[STEPS.len() - 1])
    } else {
        1.0
    }
}

/// Applies the size that was asked for, and notes the one that is shown.
pub(super) fn follow(ctx: &Context, state: &mut State) {
    let shown = ctx.zoom_factor();
    let wanted = usable(state.set_zoom.take().unwrap_or(shown));
    if (wanted - shown).abs() > 0.001 {
        ctx.set_zoom_factor(wanted);
    }
    state.zoom = wanted;
}

/// "125 %", with the menu of sizes.
pub(super) fn show(ui: &mut Ui, state: &State, out: &mut Commands) {
    let percent = |zoom: f32| format!("{:.0} %", zoom * 100.0);
    let shown = percent(state.zoom);
    let button = Button::new(&shown)
        .bare()
        .named("Zoom")
        .tooltip("How large everything is shown (Ctrl +, Ctrl -, Ctrl 0)");
    let response = ui.add(button);
    Popup::menu(&response).show(|ui| {
        ui.set_width(96.0);
        ui.spacing_mut().item_spacing.y = size::SPACE_4;
        for step in STEPS {
            let text = percent(step);
            let name = format!("Zoom {text}");
            let is_shown = (step - state.zoom).abs() < 0.01;
            let choice = Button::new(&text).bare().named(&name).selected(is_shown);
            if ui.add(choice).clicked() {
                out.send(Command::SetZoom(step));
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zoom_steps_end_at_the_largest_and_the_smallest() {
        assert_eq!((step(1.0, true), step(1.0, false)), (1.1, 0.9));
        assert_eq!((step(1.3, true), step(1.3, false)), (1.5, 1.25));
        assert_eq!((step(2.0, true), step(0.8, false)), (2.0, 0.8));
        assert_eq!(
            (usable(5.0), usable(0.0), usable(f32::NAN)),
            (2.0, 0.8, 1.0)
        );
    }
}
