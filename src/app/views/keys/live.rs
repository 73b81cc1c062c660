//! Does what is shown follow the server? A sign, and what would help where it does not.

use eframe::egui::{Align, Label, Layout, Response, Ui, vec2};

use super::{Command, Keys};
use crate::app::command::{Command as AppCommand, Commands};
use crate::app::format;
use crate::app::theme::{Tone, colors, size, text};
use crate::app::widgets::{Tip, dot, focus_ring};
use crate::inspect::{Hears, Live, Phase, ScanState};

const TURNS_ON: &str = "CONFIG SET notify-keyspace-events KEA";

/// What the sign says.
struct Sign {
    tone: Tone,
    word: String,
    why: String,
    /// What can be pressed, and what that does.
    offer: Option<(&'static str, Command)>,
}

/// Draws it.
pub(super) fn show(ui: &mut Ui, keys: &Keys, commands: &mut Commands) {
    let state = &keys.view.state;
    let Some(mut sign) = sign(&state.live, keys.is_unlocked()) else {
        return;
    };
    let is_over = !matches!(state.phase, Phase::Running | Phase::Paused);
    if sign.offer.is_none() && is_over && is_outdated(state) {
        sign.offer = Some(("Rescan", Command::Scan));
    }
    let width = ui.available_width();
    let row = Layout::left_to_right(Align::Center);
    ui.allocate_ui_with_layout(vec2(width, 18.0), row, |ui| {
        ui.spacing_mut().item_spacing.x = size::SPACE_8;
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if let Some((word, command)) = sign.offer
                && link(ui, word).clicked()
            {
                commands.send(AppCommand::Keys(command));
            }
            ui.with_layout(row, |ui| {
                let color = colors(ui).tone(sign.tone);
                dot(ui, color);
                let word = text::small(ui, &sign.word).color(color);
                ui.add(Label::new(word).truncate()).tip(&sign.why);
            });
        });
    });
}

/// Small words that can be pressed, with a ring where they have the keyboard.
pub(super) fn link(ui: &mut Ui, word: &str) -> Response {
    let text = text::small(ui, word).color(colors(ui).accent);
    let response = ui.link(text);
    focus_ring(ui, &response);
    response
}

/// Whether a scan that was complete no longer is what the server has.
pub(super) fn is_outdated(state: &ScanState) -> bool {
    let is_followed = state.live.hears.is_all() && !state.live.is_behind();
    !is_followed
        && state.live.hears != Hears::Unasked
        && state.is_counted
        && has_drifted(state.totals.all.keys, state.about)
}

/// Whether the server has clearly more or fewer keys than are listed; a few come and go all the time.
fn has_drifted(listed: u64, about: u64) -> bool {
    listed.abs_diff(about) > (listed / 100).max(1)
}

fn sign(live: &Live, unlocked: bool) -> Option<Sign> {
    let turn_on = unlocked.then_some(("Turn on", Command::TurnOnNotices));
    let (tone, word, why, offer) = match &live.hears {
        Hears::Unasked => return None,
        Hears::All(_) if live.missed > 0 => (
            Tone::Stale,
            format!("{}+ changes behind", format::count(live.missed)),
            "Keys changed faster than they could be looked at without burdening the server; \
             a rescan shows all of them as they are"
                .to_owned(),
            Some(("Rescan", Command::Scan)),
        ),
        Hears::All(_) if live.has_gap => (
            Tone::Stale,
            "Changes were missed".to_owned(),
            "The connection was lost for a while, the database was emptied or slots moved; a rescan shows the keys as \
             they are"
                .to_owned(),
            Some(("Rescan", Command::Scan)),
        ),
        Hears::All(_) if live.waiting > 500 => (
            Tone::Wait,
            format!("Live, {} to look at", format::plural(live.waiting, "key", "keys")),
            "Changed keys are asked for again at a pace that does not burden the server".to_owned(),
            None,
        ),
        Hears::All(_) => (
            Tone::Hit,
            "Live".to_owned(),
            "The server tells of every change, and the table follows".to_owned(),
            None,
        ),
        Hears::Some(flags) => (
            Tone::Stale,
            "Partly live".to_owned(),
            format!(
                "The server tells of some changes only (notify-keyspace-events is {flags}); \
                 {TURNS_ON} lets it tell of all"
            ),
            turn_on,
        ),
        Hears::Unknown => (
            Tone::Bypass,
            "Live where the server tells".to_owned(),
            "Whether the server tells of its changes is not known: the account may not run CONFIG GET; \
             allow it with ACL SETUSER ... +config|get"
                .to_owned(),
            None,
        ),
        Hears::Off => (
            Tone::Bypass,
            "Not live: notifications are off".to_owned(),
            format!(
                "Keyspace notifications are off on this server; {TURNS_ON} turns them on, \
                 until it restarts"
            ),
            turn_on,
        ),
        Hears::Denied => (
            Tone::Bypass,
            "Not live: no right to listen".to_owned(),
            "The account may not hear keyspace notifications; allow it with ACL SETUSER ... \
             +psubscribe allchannels"
                .to_owned(),
            None,
        ),
        Hears::Lost => (
            Tone::Stale,
            "Not live: no connection".to_owned(),
            "The connection on which the server tells of its changes was lost; it is tried again every 5 seconds"
                .to_owned(),
            None,
        ),
    };
    Some(Sign {
        tone,
        word,
        why,
        offer,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_help_is_offered_only_where_it_may_be_done() {
        let live = |hears| Live {
            hears,
            ..Live::default()
        };
        assert!(sign(&live(Hears::Unasked), true).is_none());
        let off = live(Hears::Off);
        let locked = sign(&off, false);
        assert!(locked.as_ref().is_some_and(|sign| sign.offer.is_none()));
        assert!(locked.is_some_and(|sign| sign.why.contains(TURNS_ON)));
        let offer = sign(&off, true).and_then(|sign| sign.offer);
        assert_eq!(offer, Some(("Turn on", Command::TurnOnNotices)));
        let flood = Live {
            missed: 12,
            ..live(Hears::All(0))
        };
        let word = sign(&flood, false).map(|sign| sign.word);
        assert_eq!(word.as_deref(), Some("12+ changes behind"));
    }

    #[test]
    fn a_few_keys_more_are_no_reason_for_a_rescan() {
        assert!(!has_drifted(10_000, 10_050) && !has_drifted(1, 2));
        assert!(has_drifted(10_000, 10_200) && has_drifted(10, 7) && has_drifted(10, 0));
    }
}
