//! What can be done inside a large value: search it, go somewhere in it, look at another side of it.

use eframe::egui::{Key as Keyboard, Modifiers, Response, Ui};

use super::opened::Side;
use super::{Command, Keys, Opened};
use crate::app::command::{Command as AppCommand, Commands};
use crate::app::format;
use crate::app::theme::{size, text};
use crate::app::widgets::{Button, Field, Tip};
use crate::inspect::{AT_A_TIME, FIRST_BYTES, Kind, is_searchable};

/// Whether there is anything of it.
pub(super) fn has_any(opened: &Opened) -> bool {
    is_searchable(opened.about.kind) || opened.about.kind == Kind::Stream || is_long_string(opened)
}

/// Whether a string is longer than a page.
fn is_long_string(opened: &Opened) -> bool {
    let length = opened.about.elements.unwrap_or_default();
    opened.about.kind == Kind::String && length > FIRST_BYTES
}

/// What a place in the value is called, where one can go to it.
fn place(opened: &Opened) -> Option<&'static str> {
    let many = opened.about.elements.unwrap_or_default() > AT_A_TIME;
    match opened.about.kind {
        Kind::String if is_long_string(opened) => Some("byte"),
        Kind::List if many => Some("index"),
        Kind::ZSet if many => Some("rank"),
        _ => None,
    }
}

/// A place as typed: digits, with or without commas.
fn read_place(typed: &str, all: u64) -> Result<u64, String> {
    let digits: String = typed
        .chars()
        .filter(|c| !matches!(c, ',' | '_' | ' '))
        .collect();
    match digits.parse::<u64>() {
        Ok(at) if at < all => Ok(at),
        Ok(_) => Err(format!(
            "The last is {}",
            format::count(all.saturating_sub(1))
        )),
        Err(_) => Err("A whole number is wanted".to_owned()),
    }
}

/// Draws it.
pub(super) fn show(ui: &mut Ui, keys: &mut Keys, commands: &mut Commands) {
    let following = keys.following;
    let Some(Ok(opened)) = &mut keys.value else {
        return;
    };
    let mut send = |command| commands.send(AppCommand::Keys(command));
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = size::SPACE_4;
        if is_searchable(opened.about.kind) || is_long_string(opened) {
            search(ui, opened, &mut keys.sought, &mut send);
        }
        if let Some(what) = place(opened) {
            go(ui, opened, what, &mut keys.jump, &mut send);
        }
        said(ui, opened, &mut keys.sought, &mut send);
        let (is_stream, may_be_geo) = (opened.about.kind == Kind::Stream, opened.may_be_geo());
        let side = &mut opened.side;
        let mut choose = |ui: &mut Ui, label: &str, to: Side| {
            let pressed = ui
                .add(Button::new(label).bare().selected(*side == to))
                .clicked();
            let changes = pressed && *side != to;
            if pressed {
                *side = to;
            }
            changes
        };
        if is_stream {
            choose(ui, "Entries", Side::Elements);
            if choose(ui, "Groups", Side::Groups) {
                send(Command::Groups);
            }
            let follow = Button::new("Follow")
                .bare()
                .selected(following)
                .tooltip("Show new entries as they come");
            if ui.add(follow).clicked() {
                send(Command::Follow(!following));
            }
        } else if may_be_geo {
            choose(ui, "Members", Side::Elements);
            choose(ui, "Map", Side::Map);
        }
    });
}

/// Whether Enter was pressed in a field; it means nothing else then, as reading the key again.
fn is_entered(ui: &Ui, field: &Response) -> bool {
    field.lost_focus() && ui.input_mut(|input| input.consume_key(Modifiers::NONE, Keyboard::Enter))
}

fn search(ui: &mut Ui, opened: &Opened, sought: &mut String, send: &mut impl FnMut(Command)) {
    let (name, hint) = if opened.about.kind == Kind::String {
        (
            "Find text".to_owned(),
            "Find text in the whole string".to_owned(),
        )
    } else {
        let names = opened.about.kind.elements().1;
        (
            format!("Search {names}"),
            format!("Search all {names}: a word or a pattern"),
        )
    };
    let width = (ui.available_width() * 0.4).clamp(140.0, 300.0);
    let response = Field::new(&name)
        .inline()
        .mono()
        .hint(&hint)
        .width(width)
        .show(ui, sought);
    let entered = is_entered(ui, &response);
    let tip = match opened.about.kind {
        Kind::String => "Read on in pages of 64 KB, 64 MB at most, until the text is found",
        Kind::List => "Look through the list in short ranges, 50,000 elements at a time",
        _ => "The server looks through the whole collection",
    };
    let is_string = opened.about.kind == Kind::String;
    let ready = !is_string || !sought.is_empty();
    let button = Button::new("Search").enabled(ready).tooltip(tip);
    if (ui.add(button).clicked() || entered) && ready {
        // Text is looked for exactly as typed.
        let typed = if is_string {
            sought.as_str()
        } else {
            sought.trim()
        };
        send(Command::Search(typed.to_owned()));
    }
}

fn go(ui: &mut Ui, opened: &Opened, what: &str, jump: &mut String, send: &mut impl FnMut(Command)) {
    let name = format!("Go to {what}");
    let response = Field::new(&name)
        .inline()
        .mono()
        .hint(&name)
        .width(112.0)
        .show(ui, jump);
    let entered = is_entered(ui, &response);
    let at = read_place(jump, opened.about.elements.unwrap_or_default());
    let button = Button::new("Go").named(&name).enabled(at.is_ok());
    let response = ui.add(button);
    if let Ok(at) = at
        && (response.clicked() || entered)
    {
        send(Command::Jump(at));
    } else if let Err(why) = at
        && !jump.is_empty()
    {
        response.tip(why);
    }
}

/// What a search came to, and the way back to the beginning.
fn said(ui: &mut Ui, opened: &Opened, sought: &mut String, send: &mut impl FnMut(Command)) {
    let told = if let Some((_, looked_at)) = &opened.search {
        let all = opened.about.elements.unwrap_or(*looked_at);
        Some(format!(
            "{} found in {} of {}",
            format::count(opened.value.len() as u64),
            format::count(*looked_at),
            format::plural(
                all,
                opened.about.kind.elements().0,
                opened.about.kind.elements().1
            )
        ))
    } else {
        opened.told.clone()
    };
    let is_elsewhere = opened.search.is_some() || opened.from > 0;
    if let Some(told) = &told {
        ui.add_space(size::SPACE_4);
        let room = ui.available_width() - if is_elsewhere { 90.0 } else { 0.0 };
        ui.scope(|ui| {
            ui.set_max_width(room.max(60.0));
            ui.add(eframe::egui::Label::new(text::weak(ui, told)).truncate())
                .tip(told);
        });
    }
    let word = if opened.search.is_some() {
        "Show all"
    } else {
        "To the start"
    };
    if is_elsewhere && ui.add(Button::new(word).bare()).clicked() {
        sought.clear();
        send(Command::Search(String::new()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_number_inside() {
        assert_eq!(read_place("1,234", 2_000), Ok(1_234));
        assert_eq!(
            read_place("2000", 2_000),
            Err("The last is 1,999".to_owned())
        );
        assert!(read_place("", 1).is_err() && read_place("-1", 9).is_err());
    }
}
