//! How is a line typed, completed and brought back?

use eframe::egui::text::{CCursor, CCursorRange, LayoutJob, TextFormat};
use eframe::egui::{
    EventFilter, FocusDirection, Id, Key as Keyboard, Label, Modifiers, Sense, Stroke, TextEdit,
    Ui, vec2,
};

use super::{Console, History};
use crate::app::command::Commands;
use crate::app::theme::{colors, fonts, size, text};
use crate::app::widgets::{Button, Field, ListRow, text_at, text_width};
use crate::inspect::{Hint, View, hint, shared_beginning, shown_command};

/// How many earlier lines a search shows.
const FOUND: usize = 7;
/// How many keys are looked through for a name.
const KEYS: usize = 50_000;
/// The most names that Tab offers.
const OFFERED: usize = 200;

/// The line being typed.
#[derive(Default)]
pub(super) struct Prompt {
    typed: String,
    /// What Tab goes through.
    tab: Option<Tab>,
    search: Option<Search>,
    /// Whether the field is to take the keyboard.
    focus: bool,
}

/// What Tab offers, one after the other.
struct Tab {
    /// What stands before it.
    before: String,
    names: Vec<String>,
    at: Option<usize>,
    /// The line that it made; another one ends it.
    made: String,
}

#[derive(Default)]
struct Search {
    text: String,
    at: usize,
    focused: bool,
}

impl Prompt {
    /// Begins to search earlier lines.
    pub(super) fn search(&mut self, history: &History) {
        self.search = (!history.is_empty()).then(Search::default);
    }

    /// The field takes the keyboard again.
    pub(super) fn take_focus(&mut self) {
        self.focus = true;
    }

    fn take(&mut self) -> String {
        self.tab = None;
        std::mem::take(&mut self.typed)
    }

    /// Tab was pressed.
    fn complete(&mut self, hint: &Hint, keys: Option<&View>, back: bool) {
        if let Some(tab) = self.tab.as_mut().filter(|tab| tab.made == self.typed) {
            let all = tab.names.len();
            let at = match (tab.at, back) {
                (None, false) => 0,
                (None, true) => all - 1,
                (Some(at), false) => (at + 1) % all,
                (Some(at), true) => (at + all - 1) % all,
            };
            tab.at = Some(at);
            tab.made = format!("{}{}", tab.before, tab.names[at]);
            self.typed.clone_from(&tab.made);
            return;
        }
        let (before, names) = match &hint.key {
            Some(begun) if hint.completions.is_empty() => {
                let before = self.typed[..self.typed.len() - begun.len()].to_owned();
                (
                    before,
                    keys.map(|keys| named(keys, begun)).unwrap_or_default(),
                )
            }
            _ => (String::new(), hint.completions.clone()),
        };
        let offered = match names.as_slice() {
            [] => return,
            [only] => format!("{only} "),
            several => shared_beginning(several).to_owned(),
        };
        let line = format!("{before}{offered}");
        if line.len() > self.typed.len() {
            self.typed = line;
        }
        self.tab = (names.len() > 1).then(|| Tab {
            before,
            names,
            at: None,
            made: self.typed.clone(),
        });
    }
}

/// Keys whose names begin so, as they are typed; of those that were scanned already.
fn named(keys: &View, begun: &str) -> Vec<String> {
    // A quoted name cannot be looked up by its beginning.
    if begun.contains(['"', '\'']) {
        return Vec::new();
    }
    let mut names: Vec<String> = keys
        .rows
        .iter()
        .take(KEYS)
        .map(|&row| keys.keys.name(row))
        .filter(|name| name.starts_with(begun.as_bytes()))
        .take(OFFERED)
        .map(|name| shown_command([name]))
        .filter(|name| name.starts_with(begun))
        .collect();
    names.sort_unstable();
    names
}

/// How high the prompt is.
pub(super) fn height(console: &Console) -> f32 {
    match &console.prompt.search {
        Some(search) => {
            let found = console.history.find(&search.text, FOUND).len().max(1);
            2.0 * size::SPACE_12
                + 2.0 * size::BUTTON
                + size::SPACE_8
                + found as f32 * size::LIST_ROW
        }
        None => 104.0,
    }
}

/// Draws it.
pub(super) fn show(
    ui: &mut Ui,
    console: &mut Console,
    keys: Option<&View>,
    commands: &mut Commands,
) {
    ui.spacing_mut().item_spacing.y = 0.0;
    if console.prompt.search.is_some() {
        search(ui, console);
        return;
    }
    let id = Id::unique("console line");
    let mut tab = None;
    if ui.memory(|memory| memory.has_focus(id)) {
        let pressed = |modifiers, key| ui.input_mut(|input| input.consume_key(modifiers, key));
        let back = pressed(Modifiers::SHIFT, Keyboard::Tab);
        if back || pressed(Modifiers::NONE, Keyboard::Tab) {
            // Behind what was typed in this very frame.
            tab = Some(back);
        }
        let up = pressed(Modifiers::NONE, Keyboard::ArrowUp);
        if up || pressed(Modifiers::NONE, Keyboard::ArrowDown) {
            let prompt = &mut console.prompt;
            prompt.typed = console.history.recall(up, &prompt.typed);
            to_end(ui, id, &console.prompt.typed);
        }
        if pressed(Modifiers::COMMAND, Keyboard::L) {
            console.log.clear();
        }
        if pressed(Modifiers::COMMAND, Keyboard::R) {
            console.prompt.search(&console.history);
            ui.ctx().request_repaint();
        }
    }
    let field = Field::new("Command line")
        .inline()
        .mono()
        .hint("A Redis command")
        .id(id)
        .keys(EventFilter {
            tab: true,
            escape: true,
            horizontal_arrows: true,
            vertical_arrows: true,
        });
    let response = field.show(ui, &mut console.prompt.typed);
    if response.changed() {
        console.history.leave();
    }
    if let Some(back) = tab {
        if console.prompt.typed.is_empty() {
            // On an empty line Tab leads on, as everywhere.
            ui.memory_mut(|memory| {
                memory.move_focus(if back {
                    FocusDirection::Previous
                } else {
                    FocusDirection::Next
                });
            });
        } else {
            let hint = hint(&console.docs, &console.prompt.typed);
            console.prompt.complete(&hint, keys, back);
            to_end(ui, id, &console.prompt.typed);
        }
    }
    if std::mem::take(&mut console.prompt.focus) {
        response.request_focus();
        to_end(ui, id, &console.prompt.typed);
    }
    if response.lost_focus() && ui.input(|input| input.key_pressed(Keyboard::Enter)) {
        let line = console.prompt.take();
        console.enter(&line, commands);
        response.request_focus();
    }
    ui.add_space(size::SPACE_8);
    // After a key was pressed, for what the line is now.
    let hint = hint(&console.docs, &console.prompt.typed);
    hints(ui, console, &hint);
}

fn hints(ui: &mut Ui, console: &mut Console, hint: &Hint) {
    let tab = console
        .prompt
        .tab
        .as_ref()
        .filter(|tab| tab.made == console.prompt.typed);
    let (names, chosen, before) = match tab {
        Some(tab) => (tab.names.clone(), tab.at, tab.before.clone()),
        None => (hint.completions.clone(), None, String::new()),
    };
    let about = [
        hint.summary.clone(),
        hint.complexity.clone(),
        if hint.since.is_empty() {
            String::new()
        } else {
            format!("since {}", hint.since)
        },
    ];
    let about: Vec<String> = about.into_iter().filter(|part| !part.is_empty()).collect();
    if !names.is_empty() {
        if let Some(taken) = offered(ui, &names, chosen) {
            console.prompt.typed = format!("{before}{taken} ");
            console.prompt.tab = None;
            console.prompt.focus = true;
            ui.ctx().request_repaint();
        }
    } else if console.prompt.typed.trim().is_empty() {
        let keys = "Arrow keys bring back earlier lines  ·  Ctrl R searches them  ·  Ctrl L clears";
        ui.label(text::small(ui, keys));
        return;
    } else if !hint.command.is_empty() {
        ui.add(Label::new(arguments(ui, hint)).truncate());
    }
    if names.is_empty() || !about.is_empty() {
        ui.add(Label::new(text::small(ui, about.join("  ·  "))).truncate());
    } else {
        ui.label(text::small(ui, "Tab completes"));
    }
}

/// The names that the line may become, as many as fit. Which was pressed.
fn offered(ui: &mut Ui, names: &[String], chosen: Option<usize>) -> Option<String> {
    let mut taken = None;
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = size::SPACE_4;
        // The chosen one is always among those that are seen.
        let from = chosen.map_or(0, |at| at.saturating_sub(3));
        for (at, name) in names.iter().enumerate().skip(from) {
            let width = text_width(ui, name, fonts::body()) + 20.0;
            if ui.available_width() < width + 60.0 && at > from {
                let rest = format!("and {} more", names.len() - at);
                ui.label(text::small(ui, rest));
                break;
            }
            let label = format!("Complete {name}");
            let button = Button::new(name).bare().named(&label);
            if ui.add(button.selected(chosen == Some(at))).clicked() {
                taken = Some(name.clone());
            }
        }
    });
    taken
}

/// What the command takes; what comes next stands out.
fn arguments(ui: &Ui, hint: &Hint) -> LayoutJob {
    let colors = colors(ui);
    let format = |strong: bool| TextFormat {
        font_id: fonts::mono(),
        color: if strong { colors.strong } else { colors.weak },
        line_height: Some(18.0),
        underline: if strong {
            Stroke::new(1.0, colors.accent)
        } else {
            Stroke::NONE
        },
        ..TextFormat::default()
    };
    let mut job = LayoutJob::default();
    for (at, piece) in hint.pieces.iter().enumerate() {
        if at > 0 {
            job.append(" ", 0.0, format(false));
        }
        job.append(&piece.text, 0.0, format(piece.is_current));
    }
    if hint.pieces.is_empty() {
        job.append("takes nothing", 0.0, format(false));
    }
    job
}

/// The search through earlier lines.
fn search(ui: &mut Ui, console: &mut Console) {
    let Some(search) = &mut console.prompt.search else {
        return;
    };
    let id = Id::unique("console search");
    let pressed = |modifiers, key| ui.input_mut(|input| input.consume_key(modifiers, key));
    let step = |search: &mut Search, by: isize| {
        search.at = search.at.saturating_add_signed(by).min(FOUND - 1);
    };
    if pressed(Modifiers::COMMAND, Keyboard::R) || pressed(Modifiers::NONE, Keyboard::ArrowUp) {
        step(search, 1);
    }
    if pressed(Modifiers::NONE, Keyboard::ArrowDown) {
        step(search, -1);
    }
    let ends = pressed(Modifiers::NONE, Keyboard::Escape);
    let takes = pressed(Modifiers::NONE, Keyboard::Enter);
    let response = Field::new("Search history")
        .inline()
        .mono()
        .hint("Part of an earlier line")
        .id(id)
        .show(ui, &mut search.text);
    if !std::mem::replace(&mut search.focused, true) {
        response.request_focus();
    }
    if response.changed() {
        search.at = 0;
    }
    let found: Vec<String> = console
        .history
        .find(&search.text, FOUND)
        .into_iter()
        .map(str::to_owned)
        .collect();
    search.at = search.at.min(found.len().saturating_sub(1));
    ui.add_space(size::SPACE_8);
    let mut taken = takes.then(|| found.get(search.at).cloned()).flatten();
    if found.is_empty() {
        let (rect, _) =
            ui.allocate_exact_size(vec2(ui.available_width(), size::LIST_ROW), Sense::hover());
        let none = text::weak(ui, "No earlier line contains this");
        ui.put(rect, Label::new(none).halign(eframe::egui::Align::LEFT));
    }
    for (at, line) in found.iter().enumerate() {
        let row = ListRow::new(line, size::LIST_ROW).selected(at == search.at);
        let drawn = row.show(ui, |ui, rect| {
            let place = rect.left_center() + vec2(size::SPACE_8, 0.0);
            let colors = colors(ui);
            text_at(
                &ui.painter().with_clip_rect(rect),
                place,
                eframe::egui::Align2::LEFT_CENTER,
                line,
                fonts::mono(),
                colors.strong,
                rect.width() - 2.0 * size::SPACE_8,
            );
        });
        if drawn.clicked() {
            taken = Some(line.clone());
        }
    }
    let mut forget = false;
    ui.horizontal(|ui| {
        ui.label(text::small(
            ui,
            "Enter takes the line, Ctrl R goes to an older one, Esc leaves",
        ));
        let button = Button::new("Forget all").bare();
        let button = button.tooltip("Earlier lines, also those kept for the next start");
        forget = ui.add(button).clicked();
    });
    if forget {
        console.history.forget();
    }
    if let Some(line) = taken {
        console.prompt.typed = line;
    } else if !ends && !takes && !forget {
        return;
    }
    console.prompt.search = None;
    console.prompt.focus = true;
    ui.ctx().request_repaint();
}

/// Puts the caret behind a line that was not typed.
fn to_end(ui: &Ui, id: Id, line: &str) {
    let mut state = TextEdit::load_state(ui.ctx(), id).unwrap_or_default();
    let end = CCursor::new(line.chars().count());
    state.cursor.set_char_range(Some(CCursorRange::one(end)));
    state.store(ui.ctx(), id);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hint_of(names: &[&str]) -> Hint {
        Hint {
            completions: names.iter().map(|&name| name.to_owned()).collect(),
            ..Hint::default()
        }
    }

    #[test]
    fn tab_completes_what_is_shared_and_then_goes_round() {
        let mut prompt = Prompt {
            typed: "getr".into(),
            ..Prompt::default()
        };
        prompt.complete(&hint_of(&["GETRANGE"]), None, false);
        assert_eq!(prompt.typed, "GETRANGE ");
        prompt.typed = "h".into();
        let hint = hint_of(&["HGET", "HGETALL"]);
        let mut seen = Vec::new();
        for back in [false, false, false, false, true] {
            prompt.complete(&hint, None, back);
            seen.push(prompt.typed.clone());
        }
        assert_eq!(seen, ["HGET", "HGET", "HGETALL", "HGET", "HGETALL"]);
        prompt.typed = "x".into();
        prompt.complete(&Hint::default(), None, false);
        assert_eq!(prompt.typed, "x");
    }
}
