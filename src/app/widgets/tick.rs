//! Times that count up or down: they draw a frame when their text changes, and not before.

use std::time::Duration;

use eframe::egui::Ui;

use crate::app::format;

/// Returns the text of a time that counts down, and has it drawn again when that changes.
pub fn counts_down(ui: &Ui, left: Duration) -> String {
    if !left.is_zero() {
        let step = step(left);
        let part = Duration::from_nanos((left.as_nanos() % step.as_nanos()) as u64);
        again(ui, part);
    }
    format::long(left)
}

/// Returns the text of a time that counts up, and has it drawn again when that changes.
pub fn counts_up(ui: &Ui, passed: Duration) -> String {
    let step = step(passed);
    let part = Duration::from_nanos((passed.as_nanos() % step.as_nanos()) as u64);
    again(ui, step.saturating_sub(part));
    format::long(passed)
}

/// Has the window drawn again when a text changes that does so after this time.
pub fn again(ui: &Ui, after: Duration) {
    // A moment later, so that the frame does not come just before the change.
    let moment = Duration::from_millis(5);
    ui.ctx().request_repaint_after(after + moment);
}

/// How long a text of [`format::long`] stands, which tells two units.
fn step(time: Duration) -> Duration {
    match time.as_secs() {
        0..3_600 => Duration::from_secs(1),
        3_600..86_400 => Duration::from_mins(1),
        _ => Duration::from_hours(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_changes_after_a_step_and_not_before() {
        for seconds in [0, 59, 60, 3_599, 3_600, 7_260, 86_399, 86_400, 200_000] {
            let time = Duration::from_secs(seconds);
            let until = step(time).saturating_sub(Duration::from_nanos(
                (time.as_nanos() % step(time).as_nanos()) as u64,
            ));
            let before = format::long(time + until.saturating_sub(Duration::from_millis(1)));
            assert_eq!(format::long(time), before, "{seconds}");
            assert_ne!(format::long(time), format::long(time + until), "{seconds}");
        }
    }
}
