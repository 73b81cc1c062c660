//! Gives the keyboard to where it is wanted: to a view's own field on each visit, and after a dialog back to the control
//! that had it before.

use eframe::egui::{Context, Id};

use crate::app::command::View;
use crate::app::state::State;

/// What had the keyboard in the frame before.
#[derive(Debug, Default)]
pub struct Focus {
    view: Option<View>,
    /// The control outside any dialog that had the keyboard last.
    usual: Option<Id>,
    /// Whether a dialog was open.
    dialog: bool,
}

/// Looks at what changed since the frame before.
pub(super) fn follow(ctx: &Context, state: &mut State) {
    let (dialog, focused) = ctx.memory(|memory| {
        let dialog = memory.top_modal_layer().is_some();
        (dialog, memory.focused())
    });
    let view = state.view;
    let was = &mut state.focus;
    let entered = was.view.replace(view) != Some(view);
    let closed = std::mem::replace(&mut was.dialog, dialog) && !dialog;
    if entered {
        // A control of the view before is not there any more, also where a dialog (the palette) is still open.
        was.usual = None;
    } else if !dialog && !closed {
        was.usual = focused;
    }
    if closed && !entered && focused.is_none() {
        match was.usual.take() {
            Some(usual) => ctx.memory_mut(|memory| memory.request_focus(usual)),
            None => state.take_focus(),
        }
    } else if entered && !dialog {
        state.take_focus();
    }
}
