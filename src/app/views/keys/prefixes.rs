//! Which prefixes take the bytes? A treemap of those under the chosen one, to any depth, and the way back.

use eframe::egui::{Align2, Color32, Rect, Sense, Ui, pos2, vec2};

use super::sums::part;
use super::{Keys, treemap};
use crate::app::command::Commands;
use crate::app::format;
use crate::app::theme::{Structure, colors, faint, fonts};
use crate::app::widgets::{text_at, text_width};
use crate::inspect::{View, display};

/// Where the keyspace begins, in the way back.
const ALL: &str = "Bytes by prefix";
const BETWEEN: &str = " : ";

/// Shows a prefix. Its parents open in the tree, so that it tells where the prefix stands.
fn go(keys: &mut Keys, prefix: Vec<u8>, commands: &mut Commands) {
    for (at, _) in prefix.iter().enumerate().filter(|(_, byte)| **byte == b':') {
        keys.question.open.insert(prefix[..=at].to_vec());
    }
    keys.question.filter.prefix = prefix;
    keys.ask(commands);
}

/// The prefixes above the chosen one and itself, the outermost first: each whole, and its last part.
fn way(prefix: &[u8]) -> Vec<(Vec<u8>, String)> {
    let mut from = 0;
    let ends = prefix.iter().enumerate().filter(|(_, byte)| **byte == b':');
    ends.map(|(at, _)| {
        let label = display(&prefix[from..at]);
        from = at + 1;
        let label = if label.is_empty() {
            "(empty)".to_owned()
        } else {
            label
        };
        (prefix[..=at].to_vec(), label)
    })
    .collect()
}

/// The title of the card: where the treemap stands; each step is a way back.
pub(super) fn title(ui: &mut Ui, rect: Rect, keys: &mut Keys, commands: &mut Commands) {
    let mut steps = vec![(Vec::new(), ALL.to_owned())];
    steps.extend(way(&keys.question.filter.prefix));
    // What does not fit is left out in the middle: the beginning and the last steps say where one is.
    let width = |ui: &Ui, text: &str| text_width(ui, text, fonts::small_strong());
    let total = |ui: &Ui, steps: &[(Vec<u8>, String)]| -> f32 {
        steps
            .iter()
            .map(|(_, label)| width(ui, label) + width(ui, BETWEEN))
            .sum()
    };
    if steps.len() > 1 {
        steps[0].1 = "All".into();
    }
    while steps.len() > 3 && total(ui, &steps) > rect.width() {
        steps.remove(1);
    }
    let (last, mut x, middle) = (steps.len() - 1, rect.left(), rect.top() + 9.0);
    let mut chosen = None;
    for (at, (prefix, label)) in steps.into_iter().enumerate() {
        let room = (rect.right() - x).max(0.0);
        let is_link = at < last;
        let place = Rect::from_min_max(
            pos2(x, middle - 9.0),
            pos2((x + width(ui, &label)).min(rect.right()), middle + 9.0),
        );
        let mut color = colors(ui).weak;
        if is_link {
            let shown = if prefix.is_empty() {
                "all keys".to_owned()
            } else {
                display(&prefix)
            };
            let name = format!("Back to {shown}");
            let response = part(ui, place, ("way", at), &name, false, Sense::click());
            color = colors(ui).accent;
            if response.clicked() {
                chosen = Some(prefix);
            }
        }
        let painter = ui.painter();
        let mut draw = |text: &str, color: Color32, room: f32| {
            let left = Align2::LEFT_CENTER;
            x = text_at(
                painter,
                pos2(x, middle),
                left,
                text,
                fonts::small_strong(),
                color,
                room,
            )
            .right();
        };
        draw(&label, color, room);
        if is_link {
            draw(BETWEEN, colors(ui).weak, room);
        }
    }
    if let Some(prefix) = chosen {
        go(keys, prefix, commands);
    }
}

/// Draws the treemap; a part that is pressed is opened.
pub(super) fn show(ui: &mut Ui, rect: Rect, keys: &mut Keys, view: &View, commands: &mut Commands) {
    const HUES: [Structure; 6] = [
        Structure::String,
        Structure::Hash,
        Structure::List,
        Structure::ZSet,
        Structure::Set,
        Structure::Stream,
    ];
    let colors = colors(ui);
    if view.parts.is_empty() {
        let at = rect.left_top() + vec2(0.0, 10.0);
        let why = if keys.question.filter.prefix.is_empty() {
            "No key has a prefix"
        } else {
            "No prefix below this one: its keys are in the table"
        };
        text_at(
            ui.painter(),
            at,
            Align2::LEFT_CENTER,
            why,
            fonts::body(),
            colors.weak,
            rect.width(),
        );
        return;
    }
    let values: Vec<f64> = view
        .parts
        .iter()
        .map(|part| part.count.bytes as f64)
        .collect();
    let mut clicked = None;
    for (i, (part_of, place)) in view
        .parts
        .iter()
        .zip(treemap::places(&values, rect))
        .enumerate()
    {
        if place.width() < 1.0 || place.height() < 1.0 {
            continue;
        }
        let label = display(part_of.prefix.strip_suffix(b":").unwrap_or(&part_of.prefix));
        let short = label
            .rsplit_once(':')
            .map_or(label.as_str(), |(_, last)| last);
        let name = format!(
            "Prefix {label}: {}, {} keys",
            format::bytes(part_of.count.bytes),
            format::count(part_of.count.keys)
        );
        let response = part(ui, place, ("part", i), &name, false, Sense::click());
        let strength = if colors.dark { 0.42 } else { 0.38 };
        let hue: Color32 = colors.structure(HUES[i % HUES.len()]);
        let color = faint(
            hue,
            if response.hovered() {
                strength + 0.15
            } else {
                strength
            },
        );
        ui.painter().rect_filled(place.shrink(1.0), 2.0, color);
        if place.width() > 24.0 && place.height() > 18.0 {
            let at = pos2(place.left() + 6.0, place.top() + 11.0);
            text_at(
                ui.painter(),
                at,
                Align2::LEFT_CENTER,
                short,
                fonts::tiny(),
                colors.strong,
                place.width() - 9.0,
            );
        }
        if response.clicked() {
            clicked = Some(part_of.prefix.clone());
        }
    }
    if let Some(prefix) = clicked {
        go(keys, prefix, commands);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_names_every_prefix_above() {
        assert!(way(b"").is_empty());
        let steps = way(b"app:\xff::");
        let labels: Vec<&str> = steps.iter().map(|(_, label)| label.as_str()).collect();
        assert_eq!(labels, ["app", "\\xff", "(empty)"]);
        assert_eq!(steps[1].0, b"app:\xff:");
    }
}
