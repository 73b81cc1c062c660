//! The tooltip: what a control says when the pointer rests on it.

use eframe::egui::{Response, Ui, WidgetText};

/// Tooltips that give way to dialogs. egui keeps an open tooltip for as long as the pointer stays where it is, also
/// when a key opens a dialog over it; so views and widgets take these and not egui's own.
#[expect(
    clippy::return_self_not_must_use,
    reason = "a tooltip is shown by the call; what it gives back is for more calls"
)]
pub trait Tip: Sized {
    /// Says this when the pointer rests on the control, whether it can be pressed or not.
    fn tip(self, text: impl Into<WidgetText>) -> Self;

    /// Shows this when the pointer rests on the control.
    fn tip_ui(self, add: impl FnOnce(&mut Ui)) -> Self;
}

impl Tip for Response {
    fn tip(self, text: impl Into<WidgetText>) -> Self {
        if is_under_a_dialog(&self) {
            self
        } else if self.enabled() {
            self.on_hover_text(text)
        } else {
            self.on_disabled_hover_text(text)
        }
    }

    fn tip_ui(self, add: impl FnOnce(&mut Ui)) -> Self {
        if is_under_a_dialog(&self) {
            self
        } else {
            self.on_hover_ui(add)
        }
    }
}

fn is_under_a_dialog(response: &Response) -> bool {
    response
        .ctx
        .memory(|memory| !memory.is_above_modal_layer(response.layer_id))
}
