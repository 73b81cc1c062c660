//! How are all keys that are shown changed? Counted before, with progress, and each named in a log.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use eframe::egui::{Label, Ui};

use super::{Command, End, cancels, closes, sends};
use crate::app::format;
use crate::app::state::Running;
use crate::app::theme::{Tone, text};
use crate::app::views::keys::edit;
use crate::app::widgets::{Button, Field, notice, progress};
use crate::inspect::{Bulk, Outcome, Preview, View};

/// A change of all keys that are shown.
#[derive(Clone, Debug)]
pub struct Many {
    /// What is shown.
    pub view: Arc<View>,
    /// Whether they are deleted; else they get a TTL.
    pub delete: bool,
    /// The TTL as typed.
    ttl: String,
    /// How many of them are there now.
    pub preview: Option<Preview>,
    /// What became of it, and where the log is.
    pub outcome: Option<(Outcome, PathBuf)>,
}

impl Many {
    pub(super) fn new(view: Arc<View>, delete: bool) -> Self {
        Self {
            view,
            delete,
            ttl: "1h".into(),
            preview: None,
            outcome: None,
        }
    }

    /// What is to be done, or why that cannot be read.
    pub fn bulk(&self) -> Result<Bulk, String> {
        if self.delete {
            return Ok(Bulk::Delete);
        }
        Ok(edit::ttl(&self.ttl)?.map_or(Bulk::Persist, Bulk::Expire))
    }
}

/// Draws it.
pub(super) fn show(
    ui: &mut Ui,
    many: &mut Many,
    running: Option<&Running>,
    busy: bool,
    error: Option<&str>,
) -> Option<End> {
    let shown = many.view.rows.len() as u64;
    let keys = format::plural(shown, "key", "keys");
    let title = if many.delete {
        format!("Delete {keys}")
    } else {
        format!("TTL of {keys}")
    };
    ui.label(text::heading(ui, title));
    let complete = matches!(many.view.state.phase, crate::inspect::Phase::Complete);
    let which = if complete {
        "These are all keys that the filter shows now."
    } else {
        "These are the keys that the filter shows now; the scan has not seen the whole keyspace."
    };
    ui.add(Label::new(text::body(ui, which)).wrap());
    if !many.delete {
        let enabled = !busy && many.outcome.is_none();
        Field::new("TTL: 30s, 2h, 7d, never")
            .mono()
            .width(220.0)
            .enabled(enabled)
            .show(ui, &mut many.ttl);
    }
    let bulk = many.bulk();
    match &bulk {
        Ok(bulk) => sends(
            ui,
            &format!("{}   for each, 500 in a round trip", bulk.shown()),
        ),
        Err(why) => {
            notice(ui, Tone::Stale, &format::sentence(why));
        }
    }
    let mut end = None;
    let sentence = |ui: &mut Ui, tone, text: &str| {
        notice(ui, tone, text);
    };
    match (&many.outcome, &many.preview) {
        (Some((outcome, log)), _) => {
            let done = if many.delete { "deleted" } else { "changed" };
            let mut told = format!("{} {done}", format::plural(outcome.done, "key", "keys"));
            if outcome.unchanged > 0 {
                let _ = write!(
                    told,
                    ", {} were gone or had nothing to change",
                    format::count(outcome.unchanged)
                );
            }
            if outcome.cancelled {
                told.push_str("; cancelled before the end");
            }
            sentence(
                ui,
                if outcome.cancelled {
                    Tone::Stale
                } else {
                    Tone::Hit
                },
                &told,
            );
            if let Some(why) = &outcome.why {
                let refused = format!(
                    "{} refused: {}",
                    format::plural(outcome.failed, "key", "keys"),
                    format::sentence(why)
                );
                sentence(ui, Tone::Error, &refused);
            }
            ui.add(
                Label::new(text::small(
                    ui,
                    format!("Each is named in {}", log.display()),
                ))
                .wrap(),
            );
        }
        (None, Some(preview)) if preview.gone > 0 => {
            let told = format!(
                "{} there now; {} since they were listed",
                format::plural(preview.there, "key is", "keys are"),
                format::plural(preview.gone, "is gone", "are gone")
            );
            sentence(ui, Tone::Stale, &told);
        }
        (None, Some(preview)) => {
            let told = format!(
                "All {} there now",
                format::plural(preview.there, "key is", "keys are")
            );
            sentence(ui, Tone::Hit, &told);
        }
        (None, None) => {
            ui.label(text::tone(
                ui,
                Tone::Wait,
                "Counting which of them are there",
            ));
        }
    }
    if let Some(running) = running {
        progress(
            ui,
            "Changing the keys",
            running.fraction,
            Tone::Wait,
            ui.available_width(),
        );
    }
    if let Some(error) = error {
        notice(ui, Tone::Error, &format::sentence(error));
    }
    ui.horizontal(|ui| {
        if busy {
            end = cancels(ui, "Cancel the change");
            return;
        }
        if many.outcome.is_none()
            && let (Some(preview), Ok(bulk)) = (many.preview, bulk)
        {
            let verb = if many.delete {
                "Delete"
            } else {
                "Set the TTL of"
            };
            let label = format!("{verb} {}", format::plural(preview.there, "key", "keys"));
            let button = Button::new(&label).primary().enabled(preview.there > 0);
            if ui.add(button).clicked() {
                end = Some(End::Send(Command::ChangeMany(bulk)));
            }
        }
        end = closes(ui).or(end.take());
    });
    end
}
