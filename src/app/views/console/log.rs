//! How are lines and their answers kept and drawn?

use std::collections::VecDeque;
use std::time::Instant;

use eframe::egui::{Align, Label, Layout, ScrollArea, Sense, Ui, vec2};

use super::Console;
use crate::app::command::{Command as AppCommand, Commands};
use crate::app::format;
use crate::app::state::TaskId;
use crate::app::theme::{Icon, Tone, colors, size, text};
use crate::app::views::keys;
use crate::app::widgets::{self, Button, notice};
use crate::inspect::Answer;

/// So many lines are kept, and so many bytes of their answers.
const KEPT: (usize, usize) = (500, 16 * 1024 * 1024);
/// So much of an answer is shown at first, and with each "Show more".
const LINES: (usize, usize) = (24, 500);
const BYTES: (usize, usize) = (8 * 1024, 64 * 1024);

/// What stands beside a line: how long it took, and the way to copy.
const ASIDE: f32 = 116.0;

/// Lines and answers, the oldest first.
#[derive(Default)]
pub(super) struct Log {
    exchanges: VecDeque<Exchange>,
    /// Of all answers.
    bytes: usize,
    /// How high all of it was drawn.
    height: f32,
}

/// A line and what came of it.
pub(super) struct Exchange {
    id: u64,
    line: String,
    /// The line without passwords.
    shown: String,
    state: Progress,
    /// The task that runs it.
    pub(super) task: Option<TaskId>,
    since: Option<Instant>,
    /// So often more was asked for.
    more: usize,
    /// How high it was drawn, at which width.
    height: Option<(f32, f32)>,
}

enum Progress {
    /// Behind another one.
    Queued,
    Running,
    Answered(Answer),
    /// Something that is no answer of the server.
    Told(&'static str),
}

impl Log {
    pub(super) fn is_empty(&self) -> bool {
        self.exchanges.is_empty()
    }

    pub(super) fn clear(&mut self) {
        // What is not answered yet stays: it runs.
        self.exchanges
            .retain(|exchange| matches!(exchange.state, Progress::Running | Progress::Queued));
        self.bytes = 0;
    }

    pub(super) fn add(&mut self, id: u64, line: String, shown: String) {
        self.exchanges.push_back(Exchange {
            id,
            line,
            shown,
            state: Progress::Queued,
            task: None,
            since: None,
            more: 0,
            height: None,
        });
        self.bound();
    }

    /// The line that is to be sent now, if none is being answered.
    pub(super) fn next_to_send(&mut self) -> Option<(u64, String)> {
        if self.running().is_some() {
            return None;
        }
        let next = self
            .exchanges
            .iter_mut()
            .find(|exchange| matches!(exchange.state, Progress::Queued))?;
        next.state = Progress::Running;
        // It may hold a password: once it is sent only what is shown is kept.
        let line = std::mem::take(&mut next.line);
        Some((next.id, line))
    }

    pub(super) fn running(&self) -> Option<&Exchange> {
        self.exchanges
            .iter()
            .find(|exchange| matches!(exchange.state, Progress::Running))
    }

    pub(super) fn runs(&mut self, id: u64, task: TaskId, now: Instant) {
        if let Some(exchange) = self.get(id) {
            exchange.task = Some(task);
            exchange.since = Some(now);
        }
    }

    pub(super) fn answered(&mut self, id: u64, answer: Answer) {
        let bytes = answer.text.len();
        if let Some(exchange) = self.get(id) {
            exchange.state = Progress::Answered(answer);
            exchange.height = None;
            self.bytes += bytes;
            self.bound();
        }
    }

    pub(super) fn refused(&mut self, id: u64, why: String) {
        let answer = Answer {
            text: why,
            is_whole: true,
            is_error: true,
            ..Answer::default()
        };
        self.answered(id, answer);
    }

    pub(super) fn told(&mut self, id: u64, what: &'static str) {
        if let Some(exchange) = self.get(id) {
            exchange.state = Progress::Told(what);
        }
    }

    fn get(&mut self, id: u64) -> Option<&mut Exchange> {
        self.exchanges.iter_mut().find(|exchange| exchange.id == id)
    }

    fn bound(&mut self) {
        while self.exchanges.len() > KEPT.0 || self.bytes > KEPT.1 && self.exchanges.len() > 1 {
            let Some(oldest) = self.exchanges.pop_front() else {
                break;
            };
            if let Progress::Answered(answer) = oldest.state {
                self.bytes = self.bytes.saturating_sub(answer.text.len());
            }
        }
    }
}

/// What was pressed.
enum Pressed {
    Copy(String),
    Cancel(TaskId),
    Unlock,
}

/// Draws the log.
pub(super) fn show(ui: &mut Ui, console: &mut Console, now: Instant, commands: &mut Commands) {
    if let Some(error) = &console.error {
        let sentence = format!(
            "{}. It is tried again every 5 seconds.",
            format::sentence(error).trim_end_matches('.')
        );
        if console.log.is_empty() {
            widgets::error(ui, "The console cannot be opened", &sentence);
            return;
        }
        notice(ui, Tone::Error, &sentence);
    }
    if console.log.is_empty() {
        widgets::empty(
            ui,
            "Nothing was sent yet",
            "Type a Redis command below, such as INFO or SCAN 0. Tab completes it, arrow keys bring back earlier lines.",
        );
        return;
    }
    let mut pressed = None;
    let area = ScrollArea::vertical()
        .id_salt("exchanges")
        .auto_shrink(false)
        .stick_to_bottom(true)
        .show(ui, |ui| {
            ui.spacing_mut().item_spacing.y = 2.0;
            ui.add_space(size::SPACE_4);
            let width = ui.available_width();
            for exchange in &mut console.log.exchanges {
                // What is scrolled away is only as high as it was.
                if let Some((height, at)) = exchange.height
                    && at == width
                {
                    let rect =
                        eframe::egui::Rect::from_min_size(ui.cursor().min, vec2(width, height));
                    if !ui.is_rect_visible(rect) {
                        ui.allocate_exact_size(rect.size(), Sense::hover());
                        continue;
                    }
                }
                let drawn = ui.push_id(exchange.id, |ui| one(ui, exchange, now, &mut pressed));
                exchange.height = Some((drawn.response.rect.height(), width));
            }
        });
    let height = area.content_size.y;
    if (std::mem::replace(&mut console.log.height, height) - height).abs() > 0.5 {
        // The end is scrolled to in the frame after.
        ui.ctx().request_repaint();
    }
    if pressed.is_some() {
        console.prompt.take_focus();
    }
    match pressed {
        Some(Pressed::Copy(text)) => commands.send(AppCommand::Copy(text)),
        Some(Pressed::Cancel(task)) => commands.send(AppCommand::Cancel(task)),
        Some(Pressed::Unlock) => commands.send(AppCommand::Keys(keys::Command::AskUnlock)),
        None => {}
    }
}

fn one(ui: &mut Ui, exchange: &mut Exchange, now: Instant, pressed: &mut Option<Pressed>) {
    ui.vertical(|ui| {
        ui.set_min_width(ui.available_width());
        heading(ui, exchange, pressed);
        match &exchange.state {
            Progress::Queued => {
                ui.label(text::weak(ui, "behind the line before"));
            }
            Progress::Running => waiting(ui, exchange, now, pressed),
            Progress::Told(what) => {
                ui.label(text::weak(ui, *what));
            }
            Progress::Answered(answer) if answer.is_error => {
                let why = answer.text.trim_start_matches("(error) ");
                notice(ui, Tone::Error, why);
                if answer.is_locked {
                    let unlock = Button::new("Unlock...").tooltip("Asks first; then type it again");
                    if ui.add(unlock).clicked() {
                        *pressed = Some(Pressed::Unlock);
                    }
                }
            }
            Progress::Answered(answer) => {
                if shown(ui, answer, exchange.more) {
                    exchange.more += 1;
                }
            }
        }
        ui.add_space(size::SPACE_8);
    });
}

/// The line on the left; on the right how long its answer took, and the way to copy it.
fn heading(ui: &mut Ui, exchange: &Exchange, pressed: &mut Option<Pressed>) {
    ui.horizontal_top(|ui| {
        let room = vec2((ui.available_width() - ASIDE).max(ASIDE), size::BUTTON);
        ui.allocate_ui_with_layout(room, Layout::top_down(Align::Min), |ui| {
            ui.add_space(4.0);
            let sent = format!("> {}", exchange.shown);
            ui.add(Label::new(text::mono(ui, sent).color(colors(ui).accent)).wrap());
        });
        let Progress::Answered(answer) = &exchange.state else {
            return;
        };
        let room = vec2(ui.available_width(), size::BUTTON);
        ui.allocate_ui_with_layout(room, Layout::right_to_left(Align::Center), |ui| {
            ui.spacing_mut().item_spacing.x = size::SPACE_4;
            let name = format!("Copy the answer to {}", exchange.shown);
            let copy = Button::icon_only(Icon::Copy, &name).tooltip("Copy the answer");
            if ui.add(copy).clicked() {
                *pressed = Some(Pressed::Copy(answer.text.clone()));
            }
            if answer.took_us > 0 {
                let took = format::ms(answer.took_us as f64 / 1000.0);
                ui.label(text::small(ui, took));
            }
        });
    });
}

fn waiting(ui: &mut Ui, exchange: &Exchange, now: Instant, pressed: &mut Option<Pressed>) {
    let waited = exchange
        .since
        .map_or(0, |since| now.saturating_duration_since(since).as_secs());
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = size::SPACE_8;
        if waited == 0 {
            ui.label(text::tone(ui, Tone::Wait, "waiting"));
        } else {
            let time = format::long(std::time::Duration::from_secs(waited));
            ui.label(text::tone(ui, Tone::Wait, format!("waiting, {time}")));
        }
        if let Some(task) = exchange.task {
            let name = format!("Cancel {}", exchange.shown);
            let cancel = Button::new("Cancel").bare().shortcut("Esc").named(&name);
            let cancel = cancel.tooltip("Closes the connection, which ends a command that waits");
            if waited > 0 && ui.add(cancel).clicked() {
                *pressed = Some(Pressed::Cancel(task));
            }
        }
    });
    ui.ctx().request_repaint_after_secs(0.25);
}

/// Draws as much of an answer as was asked for. Whether more was asked for now.
fn shown(ui: &mut Ui, answer: &Answer, more: usize) -> bool {
    let (first, rest) = cut(
        &answer.text,
        LINES.0 + more * LINES.1,
        BYTES.0 + more * BYTES.1,
    );
    ui.add(Label::new(text::mono(ui, first)).wrap());
    let mut asked = false;
    if !rest.is_empty() {
        let lines = rest.lines().count() as u64;
        let left = if lines > 1 {
            format::plural(lines, "more line", "more lines")
        } else {
            format!("{} more", format::bytes(rest.len() as u64))
        };
        asked = ui
            .add(
                Button::new("Show more")
                    .named("Show more")
                    .tooltip(left.clone()),
            )
            .clicked();
        ui.label(text::small(ui, left));
    } else if !answer.is_whole {
        ui.label(text::small(
            ui,
            "The rest is longer than the console keeps; lookaside redis prints all of it",
        ));
    }
    asked
}

/// The beginning of a text, at most so many lines and bytes, and the rest.
fn cut(text: &str, lines: usize, bytes: usize) -> (&str, &str) {
    let mut end = text.len().min(text.floor_char_boundary(bytes));
    if let Some((at, _)) = text[..end].match_indices('\n').nth(lines.saturating_sub(1)) {
        end = at;
    }
    let (first, rest) = text.split_at(end);
    (first, rest.trim_start_matches('\n'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_answer_is_cut_at_lines_and_bytes() {
        assert_eq!(cut("a\nb\nc", 2, 99), ("a\nb", "c"));
        assert_eq!(cut("a\nb", 2, 99), ("a\nb", ""));
        assert_eq!(cut("éé", 9, 3), ("é", "é"));
        assert_eq!(cut("", 1, 1), ("", ""));
    }

    #[test]
    fn lines_go_one_after_the_other_and_the_log_is_bounded() {
        let mut log = Log::default();
        for id in 0..3 {
            log.add(id, id.to_string(), id.to_string());
        }
        assert_eq!(log.next_to_send(), Some((0, "0".into())));
        assert_eq!(log.next_to_send(), None);
        log.answered(0, Answer::default());
        assert_eq!(log.next_to_send(), Some((1, "1".into())));
        log.clear();
        assert_eq!(log.exchanges.len(), 2);
        for id in 10..10 + KEPT.0 as u64 {
            log.add(id, String::new(), String::new());
        }
        assert_eq!(log.exchanges.len(), KEPT.0);
        for id in 500..510 {
            let text = "x".repeat(4 * 1024 * 1024);
            log.answered(
                id,
                Answer {
                    text,
                    ..Answer::default()
                },
            );
        }
        assert!(log.bytes <= KEPT.1 && log.exchanges.len() < 20);
    }
}
