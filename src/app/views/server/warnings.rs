//! What should somebody do something about, on top, the gravest first.

use eframe::egui::{Align, Layout, Rect, Ui, UiBuilder, vec2};

use crate::app::command::{Command as AppCommand, Commands};
use crate::app::format;
use crate::app::state::State;
use crate::app::theme::{Tone, size};
use crate::app::widgets::{Button, notice};
use crate::inspect::server::{Part, Severity, Warning};

/// Sentences that are shown at once; the others on demand.
const SHOWN: usize = 2;
/// What the buttons on the right take.
const BUTTONS: f32 = 130.0;
/// The height of a sentence's first line.
const LINE: f32 = 20.0;

/// Shows the sentences: that nothing is heard in every tab, the others in the overview.
pub(super) fn show(ui: &mut Ui, state: &mut State, commands: &mut Commands) {
    let view = &mut state.server;
    let mut any = false;
    if let Some(why) = &view.seen.lost {
        let sentence =
            format!("The figures stand still: {why}; it is tried again every few seconds.");
        notice(ui, Tone::Error, &sentence);
        any = true;
    }
    let warnings = match view.focus.part() {
        Part::Overview => view.seen.warnings(),
        _ => Vec::new(),
    };
    let shown = if view.all_warnings {
        warnings.len()
    } else {
        // A single one that would be left is shown instead of a button that shows it.
        SHOWN + usize::from(warnings.len() == SHOWN + 1)
    };
    let more = match warnings.len().saturating_sub(SHOWN) {
        0 | 1 => String::new(),
        _ if view.all_warnings => "Show fewer".to_owned(),
        left => format!("{} more", format::count(left as u64)),
    };
    for (at, warning) in warnings.iter().take(shown).enumerate() {
        let more = if at == 0 { more.as_str() } else { "" };
        if one(ui, warning, more, commands) {
            view.all_warnings = !view.all_warnings;
        }
        any = true;
    }
    if any {
        ui.add_space(size::SPACE_8);
    }
}

/// A sentence, and on the right what can be pressed. Returns whether `more` was.
fn one(ui: &mut Ui, warning: &Warning, more: &str, commands: &mut Commands) -> bool {
    let tone = match warning.severity {
        Severity::Failing => Tone::Error,
        Severity::Risk => Tone::Stale,
        Severity::Hint => Tone::Bypass,
    };
    let row = ui.available_rect_before_wrap();
    let text = Rect::from_min_max(row.min + vec2(0.0, 1.0), row.max - vec2(BUTTONS, 0.0));
    let mut child = ui.new_child(UiBuilder::new().max_rect(text));
    let used = notice(&mut child, tone, &warning.text).rect;
    let height = (used.height() + 2.0).max(size::LIST_ROW);
    let place = Rect::from_min_size(row.min, vec2(row.width(), height));
    ui.advance_cursor_after_rect(place);
    // A button is higher than a line: it stands around the middle of the first one, so that their words are level.
    let middle = text.top() + LINE / 2.0;
    let half = size::BUTTON / 2.0;
    let first = Rect::from_x_y_ranges(row.x_range(), middle - half..=middle + half);
    let layout = Layout::right_to_left(Align::Center);
    let mut buttons = ui.new_child(UiBuilder::new().max_rect(first).layout(layout));
    let pressed = !more.is_empty() && buttons.add(Button::new(more).bare()).clicked();
    if let Some(command) = warning.command {
        let button = Button::new("Copy command")
            .bare()
            .tooltip(command)
            .named(command);
        if buttons.add(button).clicked() {
            commands.send(AppCommand::Copy(command.to_owned()));
        }
    }
    pressed
}
