//! The Console view: a Redis command line with hints from the server, history, and the write lock of the Keys view.

use std::collections::BTreeMap;
use std::sync::Arc;

use eframe::egui::text::{CCursor, CCursorRange};
use eframe::egui::{
    Id, Key as Keyboard, Label, Modifiers, Rect, ScrollArea, TextEdit, Ui, UiBuilder, pos2, vec2,
};

use crate::app::command::{Command as AppCommand, Commands};
use crate::app::format;
use crate::app::state::State;
use crate::app::theme::{Tone, colors, line, size, text};
use crate::app::widgets::{self, Button, Field, notice};
use crate::inspect::{Answer, Doc, Hint, Session, hint};

/// So many lines and answers are kept.
const KEPT: usize = 500;

/// What this view keeps.
#[derive(Default)]
pub struct Console {
    asked: bool,
    session: Option<Arc<Session>>,
    /// Why there is none.
    error: Option<String>,
    docs: Arc<BTreeMap<String, Doc>>,
    /// The line as typed.
    typed: String,
    /// What was sent, and what came of it.
    log: Vec<Exchange>,
    /// Where in the history the line comes from.
    at: Option<usize>,
    next: u64,
}

struct Exchange {
    id: u64,
    line: String,
    answer: Option<Answer>,
}

/// What this view asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Open the console's connection.
    Open,
    /// Send a line.
    Run {
        /// Names the answer.
        id: u64,
        /// The line.
        line: String,
    },
}

/// What this view's tasks report.
pub enum Event {
    /// The console can be used, or why not.
    Opened(Result<Arc<Session>, String>),
    /// An answer came.
    Answered {
        /// To which line.
        id: u64,
        /// The answer.
        answer: Answer,
    },
}

impl std::fmt::Debug for Event {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Answers are the user's data; a log has no business with them.
        f.write_str(match self {
            Self::Opened(_) => "Opened",
            Self::Answered { .. } => "Answered",
        })
    }
}

impl Console {
    /// A console that knows commands without a server, for tests and pictures.
    pub fn with_docs(docs: BTreeMap<String, Doc>) -> Self {
        Self {
            asked: true,
            docs: Arc::new(docs),
            ..Self::default()
        }
    }

    /// The connection's console, for the tasks.
    pub fn session(&self) -> Option<&Arc<Session>> {
        self.session.as_ref()
    }

    /// Takes in what a task reports.
    pub fn apply(&mut self, event: Event) {
        match event {
            Event::Opened(Ok(session)) => {
                self.docs = Arc::new(session.docs().clone());
                self.session = Some(session);
                self.error = None;
            }
            Event::Opened(Err(error)) => self.error = Some(error),
            Event::Answered { id, answer } => {
                if let Some(exchange) = self.log.iter_mut().find(|exchange| exchange.id == id) {
                    exchange.answer = Some(answer);
                }
            }
        }
    }

    fn run(&mut self, commands: &mut Commands) {
        let line = self.typed.trim().to_owned();
        if line.is_empty() {
            return;
        }
        self.typed.clear();
        self.at = None;
        self.next += 1;
        let id = self.next;
        if self.log.len() >= KEPT {
            self.log.remove(0);
        }
        self.log.push(Exchange {
            id,
            line: line.clone(),
            answer: None,
        });
        commands.send(AppCommand::Console(Command::Run { id, line }));
    }

    /// Puts an older or newer line into the field.
    fn recall(&mut self, older: bool) {
        let all = self.log.len();
        let at = match (self.at, older) {
            (None, true) => all.checked_sub(1),
            (Some(at), true) => Some(at.saturating_sub(1)),
            (Some(at), false) if at + 1 < all => Some(at + 1),
            (_, false) => None,
        };
        self.at = at;
        self.typed = at
            .and_then(|at| self.log.get(at))
            .map(|exchange| exchange.line.clone())
            .unwrap_or_default();
    }
}

/// Shows the view.
pub fn show(ui: &mut Ui, state: &mut State, commands: &mut Commands) {
    if !state.console.asked && state.open.is_some() {
        state.console.asked = true;
        commands.send(AppCommand::Console(Command::Open));
    }
    let whole = ui.available_rect_before_wrap();
    ui.advance_cursor_after_rect(whole);
    let inset = vec2(size::SPACE_12, 0.0);
    let head = Rect::from_min_size(whole.min, vec2(whole.width(), size::TOP_BAR));
    let foot = Rect::from_min_max(pos2(whole.left(), whole.bottom() - 104.0), whole.max);
    let log = Rect::from_min_max(head.left_bottom(), foot.right_top());
    let unlocked = state.keys.is_unlocked();
    region(ui, "head", head.shrink2(inset), |ui| {
        ui.horizontal_centered(|ui| {
            ui.spacing_mut().item_spacing.x = size::SPACE_12;
            ui.label(text::heading(ui, "Console"));
            if unlocked {
                ui.label(text::tone(
                    ui,
                    Tone::Stale,
                    "Unlocked: what you type is sent",
                ));
            } else {
                ui.label(text::weak(
                    ui,
                    "Read-only: commands that write are not sent",
                ));
            }
        });
    });
    ui.painter()
        .hline(whole.x_range(), head.bottom() - 0.5, line(colors(ui)));
    let console = &mut state.console;
    region(ui, "log", log.shrink2(inset), |ui| show_log(ui, console));
    ui.painter()
        .hline(whole.x_range(), foot.top() + 0.5, line(colors(ui)));
    region(ui, "foot", foot.shrink(size::SPACE_12), |ui| {
        prompt(ui, console, commands);
    });
}

fn region(ui: &mut Ui, name: &str, rect: Rect, add: impl FnOnce(&mut Ui)) {
    let mut child = ui.new_child(UiBuilder::new().id_salt(name).max_rect(rect));
    child.set_clip_rect(rect.intersect(ui.clip_rect()));
    add(&mut child);
}

fn show_log(ui: &mut Ui, console: &Console) {
    if let Some(error) = &console.error {
        widgets::error(ui, "The console cannot be opened", error);
        return;
    }
    if console.log.is_empty() {
        widgets::empty(
            ui,
            "Nothing was sent yet",
            "Type a Redis command below, such as INFO or SCAN 0. Arrow keys bring back earlier lines.",
        );
        return;
    }
    ScrollArea::vertical()
        .id_salt("exchanges")
        .auto_shrink(false)
        .stick_to_bottom(true)
        .show(ui, |ui| {
            ui.spacing_mut().item_spacing.y = 2.0;
            ui.add_space(size::SPACE_8);
            for exchange in &console.log {
                let sent = format!("> {}", exchange.line);
                ui.add(Label::new(text::mono(ui, sent).color(colors(ui).accent)).wrap());
                match &exchange.answer {
                    None => {
                        ui.label(text::tone(ui, Tone::Wait, "waiting"));
                    }
                    Some(answer) if answer.is_error => {
                        notice(ui, Tone::Error, answer.text.trim_start_matches("(error) "));
                    }
                    Some(answer) => {
                        ui.add(Label::new(text::mono(ui, &answer.text)).wrap());
                        let took = format::ms(answer.took_us as f64 / 1000.0);
                        ui.label(text::small(ui, took));
                    }
                }
                ui.add_space(size::SPACE_8);
            }
        });
}

fn prompt(ui: &mut Ui, console: &mut Console, commands: &mut Commands) {
    ui.spacing_mut().item_spacing.y = 0.0;
    let id = Id::unique("console line");
    if ui.memory(|memory| memory.has_focus(id)) {
        let pressed = |key| ui.input_mut(|input| input.consume_key(Modifiers::NONE, key));
        let (up, down) = (pressed(Keyboard::ArrowUp), pressed(Keyboard::ArrowDown));
        if up || down {
            console.recall(up);
            to_end(ui, id, &console.typed);
        }
    }
    let response = Field::new("Command line")
        .inline()
        .mono()
        .hint("A Redis command")
        .id(id)
        .show(ui, &mut console.typed);
    if response.changed() {
        console.at = None;
    }
    if response.lost_focus() && ui.input(|input| input.key_pressed(Keyboard::Enter)) {
        console.run(commands);
        response.request_focus();
    }
    ui.add_space(size::SPACE_8);
    let Hint {
        completions,
        arguments,
        summary,
        complexity,
    } = hint(&console.docs, &console.typed);
    if !completions.is_empty() {
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = size::SPACE_4;
            for name in completions.iter().take(8) {
                let label = format!("Complete {name}");
                if ui.add(Button::new(name).bare().named(&label)).clicked() {
                    console.typed = format!("{name} ");
                    to_end(ui, id, &console.typed);
                    response.request_focus();
                }
            }
        });
    } else if !summary.is_empty() {
        ui.add(Label::new(text::mono(ui, arguments)).truncate());
        let about = [summary, complexity].join("  ");
        ui.add(Label::new(text::small(ui, about)).truncate());
    }
}

/// Puts the caret behind a line that was not typed.
fn to_end(ui: &Ui, id: Id, line: &str) {
    let mut state = TextEdit::load_state(ui.ctx(), id).unwrap_or_default();
    let end = CCursor::new(line.chars().count());
    state.cursor.set_char_range(Some(CCursorRange::one(end)));
    state.store(ui.ctx(), id);
}
