//! The Keys view: the whole keyspace as a tree, as sums and as a table, and the value of one key.
//!
//! | file | its one question |
//! | --- | --- |
//! | `filters.rs` | which other conditions are there? |
//! | `analysis.rs` | what do the shown keys hold, summed up, and what grew? |
//! | `save.rs` | what is written to a file, and where? |
//! | `side.rs` | which prefixes are there? |
//! | `scan.rs` | how far is the scan? |
//! | `live.rs` | does what is shown follow the server? |
//! | `sums.rs` | how many keys and bytes, by type, TTL and prefix? |
//! | `chips.rs` | how many keys has each type, and is it shown? |
//! | `prefixes.rs` | which prefixes take the bytes? |
//! | `treemap.rs` | where does each part of the treemap stand? |
//! | `table.rs` | which keys are shown? |
//! | `model.rs`, `message.rs` | what is kept, asked for and reported? |
//! | `opened.rs` | what was read of the selected key, made ready to be drawn? |
//! | `head.rs` | what is the selected key, and what can be done with it as a whole? |
//! | `tools.rs` | what can be done inside a large value? |
//! | `ready.rs` | how are bytes made ready to be drawn? |
//! | `value.rs` | how is the selected key's value drawn? |
//! | `element.rs` | what is one element of a collection? |
//! | `bytes.rs`, `rows.rs`, `map.rs`, `groups.rs` | how are decoded bytes, elements, positions, readers of a stream drawn? |
//! | `edit.rs` | which change does it mean what was typed? |
//! | `dialog.rs` | how are changes and downloads asked for? |
//! | `writing.rs` | what can be done with the keys shown while the server is unlocked? |

mod analysis;
mod bytes;
mod chips;
mod dialog;
mod edit;
mod element;
mod filters;
mod groups;
mod head;
mod live;
mod map;
mod message;
mod model;
mod opened;
mod prefixes;
mod ready;
mod rows;
mod save;
mod scan;
mod side;
mod sums;
mod table;
mod tools;
mod treemap;
mod value;
mod writing;

use eframe::egui::{
    Align, Id, Key as Keyboard, Label, Layout, Modifiers, Rect, Sense, Ui, pos2, vec2,
};

use crate::app::command::{Command as AppCommand, Commands};
use crate::app::format;
use crate::app::state::{Link, State};
use crate::app::theme::{Structure, Tone, colors, faint, line, size, text};
use crate::app::widgets::{self, Button, Tip};
use crate::inspect::{Kind, Phase, View};

pub use dialog::Dialog;
pub use message::{Command, Event};
pub use model::Keys;
pub use opened::{Opened, Which};
pub use ready::Bytes;
pub use save::{Save, What};

/// The filter's id, so that Ctrl+F can give it the keyboard.
fn filter_id() -> Id {
    Id::unique("keys filter")
}

/// The colours of a data structure.
fn structure(kind: Kind) -> Structure {
    match kind {
        Kind::String => Structure::String,
        Kind::Hash => Structure::Hash,
        Kind::List => Structure::List,
        Kind::Set => Structure::Set,
        Kind::ZSet => Structure::ZSet,
        Kind::Stream => Structure::Stream,
        Kind::Json => Structure::Json,
        Kind::Other => Structure::Other,
    }
}

const SIDE: f32 = 300.0;
/// With less width the prefixes are not shown beside the keys but in their place.
const SIDE_BESIDE: f32 = 640.0;
/// With less height a value is not shown below the keys but in their place.
const VALUE_BELOW: f32 = 380.0;
/// Height of the choice between parts.
const CHOICE: f32 = 34.0;
const CHIPS: f32 = 40.0;
const SUMS: f32 = 172.0;

/// Shows the view.
pub fn show(ui: &mut Ui, state: &mut State, commands: &mut Commands) {
    let mut keys = std::mem::take(&mut state.keys);
    if !keys.asked && state.open.is_some() {
        keys.start();
        commands.send(AppCommand::Keys(Command::Scan));
    }
    if let Some(explorer) = &keys.explorer {
        keys.view = explorer.view();
    }
    if let Some(open) = &state.open {
        keys.prefix.clone_from(&open.workspace.cache.prefix);
        keys.address = open.workspace.cache.url.to_string();
        keys.away = match &open.cache {
            Link::Down(why) => Some(why.clone()),
            Link::Up(_) | Link::Trying => None,
        };
    }
    let now = state.clock.utc.timestamp_millis();
    let whole = ui.available_rect_before_wrap();
    ui.advance_cursor_after_rect(whole);
    if whole.width() < SIDE_BESIDE {
        one_of_two(ui, whole, &mut keys, now, commands);
    } else {
        // A narrow window gives the table what it needs and the tree what is left.
        let side_width = SIDE.min((whole.width() * 0.28).max(220.0));
        let side = Rect::from_min_size(whole.min, vec2(side_width, whole.height()));
        let main = Rect::from_min_max(pos2(side.right() + 1.0, whole.top()), whole.max);
        ui.painter()
            .vline(side.right() + 0.5, whole.y_range(), line(colors(ui)));
        region(ui, "side", side, |ui| side::show(ui, &mut keys, commands));
        region(ui, "main", main, |ui| body(ui, &mut keys, now, commands));
    }
    if keys.dialog.is_none() {
        keyboard(ui, &mut keys, commands);
    }
    if std::mem::take(&mut keys.again)
        && let Some(name) = keys.selected.clone()
    {
        commands.send(AppCommand::Keys(Command::Open {
            name,
            anyway: false,
        }));
    }
    save::show(ui, &mut keys, commands);
    state.keys = keys;
}

/// Where the prefixes and the keys have no room side by side, one of them is shown.
fn one_of_two(ui: &mut Ui, whole: Rect, keys: &mut Keys, now: i64, commands: &mut Commands) {
    let head = Rect::from_min_size(whole.min, vec2(whole.width(), CHOICE));
    let rest = Rect::from_min_max(head.left_bottom(), whole.max);
    region(ui, "parts", head, |ui| {
        ui.horizontal_centered(|ui| {
            ui.spacing_mut().item_spacing.x = size::SPACE_4;
            ui.add_space(size::SPACE_8);
            for (name, is_side) in [("Prefixes", true), ("Keys", false)] {
                let label = format!("Show {}", name.to_lowercase());
                let button = Button::new(name).bare().named(&label);
                if ui
                    .add(button.selected(keys.shows_side == is_side))
                    .clicked()
                {
                    keys.shows_side = is_side;
                }
            }
        });
    });
    ui.painter()
        .hline(head.x_range(), head.bottom() - 0.5, line(colors(ui)));
    if keys.shows_side {
        region(ui, "side", rest, |ui| side::show(ui, keys, commands));
    } else {
        region(ui, "main", rest, |ui| body(ui, keys, now, commands));
    }
}

/// The dialog of this view, also above the others: the lock is asked for from the top bar.
pub fn show_dialog(ui: &mut Ui, state: &mut State, commands: &mut Commands) {
    dialog::show(ui, &mut state.keys, &state.running, commands);
}

fn body(ui: &mut Ui, keys: &mut Keys, now: i64, commands: &mut Commands) {
    let view = keys.view.clone();
    if view.state.keys.is_empty() {
        nothing(ui, keys, &view);
        return;
    }
    let mut whole = ui.max_rect();
    if let Some(why) = &keys.away {
        let strip = Rect::from_min_size(whole.min, vec2(whole.width(), writing::HEIGHT));
        region(ui, "away", strip, |ui| away(ui, why));
        whole.min.y = strip.bottom();
    }
    if keys.is_unlocked() {
        let strip = Rect::from_min_size(whole.min, vec2(whole.width(), writing::HEIGHT));
        region(ui, "writing", strip, |ui| writing::show(ui, keys, commands));
        whole.min.y = strip.bottom();
    }
    if keys.selected.is_some() && whole.height() < VALUE_BELOW && keys.question.analysis.is_none() {
        instead_of_table(ui, whole, keys, now, commands);
        return;
    }
    let chips = Rect::from_min_size(whole.min, vec2(whole.width(), CHIPS));
    let sums_at = Rect::from_min_size(chips.left_bottom(), vec2(whole.width(), SUMS));
    // Small windows leave the charts out rather than the keys.
    let shows_sums = whole.height() > 620.0;
    let rest = Rect::from_min_max(
        if shows_sums {
            sums_at.left_bottom() + vec2(0.0, 12.0)
        } else {
            chips.left_bottom()
        },
        whole.max,
    );
    let split = if keys.selected.is_some() {
        rest.top() + (rest.height() * 0.38).max(120.0)
    } else {
        rest.bottom()
    };
    region(ui, "chips", chips, |ui| {
        chips::show(ui, keys, &view, commands);
    });
    if keys.question.analysis.is_some() {
        let below = Rect::from_min_max(chips.left_bottom(), whole.max);
        region(ui, "analysis", below, |ui| {
            analysis::show(ui, keys, &view, commands);
        });
        return;
    }
    if shows_sums {
        region(ui, "sums", sums_at, |ui| {
            sums::show(ui, keys, &view, commands);
        });
    }
    let table_at = Rect::from_min_max(rest.min, pos2(rest.right(), split));
    region(ui, "table", table_at, |ui| {
        table::show(ui, keys, &view, now, commands);
    });
    if keys.selected.is_some() {
        let value_at = Rect::from_min_max(pos2(rest.left(), split), rest.max);
        ui.painter()
            .hline(value_at.x_range(), value_at.top() + 0.5, line(colors(ui)));
        region(ui, "value", value_at, |ui| {
            value::show(ui, keys, now, commands);
        });
    }
}

/// The value in the place of the keys, and the way back to them.
fn instead_of_table(ui: &mut Ui, whole: Rect, keys: &mut Keys, now: i64, commands: &mut Commands) {
    let head = Rect::from_min_size(whole.min, vec2(whole.width(), CHOICE));
    let mut back = false;
    region(ui, "back", head, |ui| {
        ui.horizontal_centered(|ui| {
            ui.add_space(size::SPACE_8);
            back = ui.add(Button::new("Back to the keys").bare()).clicked();
        });
    });
    let rest = Rect::from_min_max(head.left_bottom(), whole.max);
    region(ui, "value", rest, |ui| value::show(ui, keys, now, commands));
    if back {
        keys.selected = None;
        keys.value = None;
    }
}

/// A part of the view whose lines stand close together.
fn region(ui: &mut Ui, name: &str, rect: Rect, add: impl FnOnce(&mut Ui)) {
    widgets::region(ui, name, rect, |ui| {
        ui.spacing_mut().item_spacing.y = 0.0;
        add(ui);
    });
}

/// Says above the keys that they are as they were seen last.
fn away(ui: &mut Ui, why: &str) {
    let whole = ui.max_rect();
    let error = colors(ui).tone(Tone::Error);
    ui.painter().rect_filled(whole, 0.0, faint(error, 0.13));
    ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
        ui.spacing_mut().item_spacing.x = size::SPACE_8;
        ui.add_space(size::SPACE_12);
        let (rect, _) = ui.allocate_exact_size(vec2(10.0, 18.0), Sense::hover());
        widgets::mark(ui.painter(), colors(ui), rect.center(), 9.0, Tone::Error);
        let said = "No connection: the keys are as they were seen last";
        let label = Label::new(text::tone(ui, Tone::Error, said)).truncate();
        ui.add(label).tip(format::sentence(why));
    });
}

/// What stands where the keys would.
fn nothing(ui: &mut Ui, keys: &Keys, view: &View) {
    if let Some(why) = &keys.away {
        widgets::error(ui, "Redis does not answer", why);
        return;
    }
    if let Some(error) = &keys.error {
        widgets::error(ui, "The cache cannot be looked at", error);
        return;
    }
    match &view.state.phase {
        Phase::Failed(error) => widgets::error(ui, "The scan ended", &error.to_string()),
        Phase::Complete => {
            widgets::empty(
                ui,
                "No keys",
                if view.state.live.hears.is_all() {
                    "This database is empty. Run a report, and its entry appears here."
                } else {
                    "This database is empty. Run a report, and its entry appears here after a rescan."
                },
            );
        }
        Phase::Cancelled => {
            widgets::empty(ui, "Nothing was scanned", "Press Rescan to look again.");
        }
        Phase::Running | Phase::Paused if keys.asked => {
            widgets::loading(
                ui,
                "Looking at the keyspace",
                "The first keys appear as soon as they are known.",
            );
        }
        Phase::Running | Phase::Paused => {
            widgets::empty(ui, "No cache is open", "Open a workspace or a Redis first.");
        }
    }
}

/// Where the selected key stands now: rows above it may have come or gone since. Looked for only nearby.
fn place_of_selected(keys: &Keys) -> Option<usize> {
    const NEARBY: usize = 10_000;
    let (at, view) = (keys.at?, &keys.view);
    let name = keys.selected.as_deref()?;
    let is_it = |at: &usize| {
        let row = view.rows.get(*at);
        row.is_some_and(|row| view.keys.name(*row) == name)
    };
    let nearby = at.saturating_sub(NEARBY)..at.saturating_add(NEARBY);
    Some(at)
        .filter(is_it)
        .or_else(|| nearby.into_iter().find(is_it))
        .or(Some(at))
}

/// Arrows move the selection, Enter reads it again, Ctrl+C copies its name; not while a field has the keyboard.
fn keyboard(ui: &Ui, keys: &mut Keys, commands: &mut Commands) {
    if ui.ctx().text_edit_focused() || keys.question.analysis.is_some() || keys.save.is_some() {
        return;
    }
    let rows = keys.view.rows.len();
    let step = ui.input_mut(|input| {
        // A slow frame may bring several presses.
        let mut pressed = |key| input.count_and_consume_key(Modifiers::NONE, key) as isize;
        pressed(Keyboard::ArrowDown) - pressed(Keyboard::ArrowUp)
            + 20 * (pressed(Keyboard::PageDown) - pressed(Keyboard::PageUp))
    });
    if step != 0 && rows > 0 {
        let at = place_of_selected(keys)
            .map_or(0, |at| at.saturating_add_signed(step))
            .min(rows - 1);
        let name = keys.view.keys.name(keys.view.rows[at]).to_vec();
        keys.reveal = true;
        let command = keys.select(name, Some(at));
        commands.send(AppCommand::Keys(command));
    }
    let Some(name) = keys.selected.clone() else {
        return;
    };
    if ui.input_mut(|input| input.consume_key(Modifiers::NONE, Keyboard::Enter))
        && ui.ctx().memory(|memory| memory.focused().is_none())
    {
        commands.send(AppCommand::Keys(Command::Open {
            name: name.clone(),
            anyway: false,
        }));
    }
    if ui.input(|input| {
        input
            .events
            .iter()
            .any(|event| matches!(event, eframe::egui::Event::Copy))
    }) {
        commands.send(AppCommand::Copy(crate::inspect::display(&name)));
    }
}
