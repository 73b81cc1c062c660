//! How are all keys that are shown changed? Counted before, with progress, and each named in a log.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use eframe::egui::accesskit::Role;
use eframe::egui::{Align2, Label, Sense, Ui, WidgetInfo, vec2};

use super::{Command, End, cancels, closes, sends};
use crate::app::format;
use crate::app::state::Running;
use crate::app::theme::{Tone, colors, fonts, size, text};
use crate::app::views::keys::{edit, filters, table};
use crate::app::widgets::{Button, Field, cut, notice, progress, text_at};
use crate::inspect::{Bulk, Outcome, Phase, Preview, View};

/// Names that are shown; the log has them all.
const NAMED: usize = 5;
/// What the words before the facts take.
const WORDS: f32 = 76.0;

/// A change of all keys that are shown.
#[derive(Clone, Debug)]
pub struct Many {
    /// What is shown.
    pub view: Arc<View>,
    /// Whether they are deleted; else they get a TTL.
    pub delete: bool,
    /// The TTL as typed.
    ttl: String,
    /// How many keys are deleted, as typed by who is sure of it.
    typed: String,
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
            typed: String::new(),
            preview: None,
            outcome: None,
        }
    }

    /// The TTL as typed.
    pub(super) fn ttl(&self) -> &str {
        &self.ttl
    }

    /// Whether it is every key that is known, by the filter's words or by what it happens to show.
    fn is_everything(&self) -> bool {
        let filter = filters::plain(&self.view.question.filter);
        filter.is_all() || self.view.rows.len() >= self.view.keys.len()
    }

    /// Whether so many keys may be deleted: where they are all there are, their number is typed first.
    fn is_sure(&self, there: u64) -> bool {
        let digits = self.typed.trim().replace([',', ' '], "");
        !self.delete || !self.is_everything() || digits == there.to_string()
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
    address: &str,
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
    about(ui, many, address);
    if !matches!(many.view.state.phase, Phase::Complete) {
        let which = "These are the keys seen so far; the scan has not seen the whole keyspace.";
        ui.add(Label::new(text::body(ui, which)).wrap());
    }
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
    if many.delete && many.outcome.is_none() {
        notice(ui, Tone::Error, "This cannot be undone");
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
    if !busy && many.delete && many.outcome.is_none() && many.is_everything() {
        let there = many.preview.map(|preview| preview.there);
        if let Some(there) = there.filter(|there| *there > 0) {
            let label = format!("Type {} to delete every key", format::count(there));
            Field::new(&label)
                .mono()
                .width(220.0)
                .show(ui, &mut many.typed);
        }
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
            let button = Button::new(&label);
            let button = if many.delete {
                button.danger()
            } else {
                button.primary()
            };
            let ready = preview.there > 0 && many.is_sure(preview.there);
            if ui.add(button.enabled(ready)).clicked() {
                end = Some(End::Send(Command::ChangeMany(bulk)));
            }
        }
        end = closes(ui).or(end.take());
    });
    end
}

/// Where the keys are, by which filter they were chosen, and which they are.
fn about(ui: &mut Ui, many: &Many, address: &str) {
    let view = &many.view;
    ui.scope(|ui| {
        ui.spacing_mut().item_spacing.y = size::SPACE_4;
        said(ui, "Server", address);
        said(ui, "Selected", &filters::words(&view.question.filter));
        if view.shown.bytes > 0 {
            said(
                ui,
                "Memory",
                &format::bytes_about(view.shown.bytes, view.has_estimates),
            );
        }
        for (at, row) in view.rows.iter().take(NAMED).enumerate() {
            let name = table::name_of(view.keys.name(*row));
            named(ui, if at == 0 { "Keys" } else { "" }, &name);
        }
        let more = view.rows.len().saturating_sub(NAMED) as u64;
        if more > 0 {
            said(ui, "", &format!("and {} more", format::count(more)));
        }
    });
}

/// A word, and as many lines as its sentence needs: nobody agrees to what is cut off.
fn said(ui: &mut Ui, word: &str, sentence: &str) {
    ui.horizontal_top(|ui| {
        before(ui, word);
        ui.add(Label::new(text::body(ui, sentence)).wrap())
            .widget_info(|| {
                let told = format!("{word} {sentence}");
                WidgetInfo::labeled(Role::Label, true, told.trim_start())
            });
    });
}

/// A key's name, both ends of a long one.
fn named(ui: &mut Ui, word: &str, name: &str) {
    ui.horizontal_top(|ui| {
        before(ui, word);
        let shown = cut(ui, name, ui.available_width());
        ui.add(Label::new(text::mono(ui, shown)).truncate())
            .widget_info(|| WidgetInfo::labeled(Role::Label, true, name));
    });
}

fn before(ui: &mut Ui, word: &str) {
    let (rect, _) = ui.allocate_exact_size(vec2(WORDS, 20.0), Sense::hover());
    text_at(
        ui.painter(),
        rect.left_center(),
        Align2::LEFT_CENTER,
        word,
        fonts::body(),
        colors(ui).weak,
        rect.width(),
    );
}
