//! The table of keys. Only the rows in sight are drawn; sorting and filtering happen elsewhere.

use std::time::Duration;

use eframe::egui::accesskit::Role;
use eframe::egui::{Align2, Rect, ScrollArea, Sense, Ui, WidgetInfo, pos2, vec2};

use super::{Command, Keys, scan, structure};
use crate::app::command::{Command as AppCommand, Commands};
use crate::app::format;
use crate::app::theme::{Icon, colors, fonts, line, size};
use crate::app::widgets::{self, Button, ListRow, Tip, text_at};
use crate::inspect::{Key, Order, Sort, Ttl, View, display, is_header};

const COLUMNS: [(&str, Sort); 7] = [
    ("Type", Sort::Type),
    ("Key", Sort::Key),
    ("TTL", Sort::Ttl),
    ("Bytes", Sort::Bytes),
    ("Elements", Sort::Elements),
    ("Encoding", Sort::Encoding),
    ("Idle", Sort::Idle),
];

/// Milliseconds after which an expired key that is still listed is worth a hint.
const LINGERS: i64 = 5_000;

/// Draws it.
pub(super) fn show(ui: &mut Ui, keys: &mut Keys, view: &View, now: i64, commands: &mut Commands) {
    header(ui, keys, commands);
    if view.rows.is_empty() {
        nothing(ui, keys, view, commands);
        return;
    }
    let mut area = ScrollArea::vertical().id_salt("keys").auto_shrink(false);
    if std::mem::take(&mut keys.reveal)
        && let Some(at) = keys.at
    {
        let height = ui.available_height();
        let top = at as f32 * size::TABLE_ROW;
        area = area.vertical_scroll_offset((top - height / 2.0).max(0.0));
    }
    let mut clicked = None;
    let mut expired = false;
    let mut changes = None;
    area.show_rows(ui, size::TABLE_ROW, view.rows.len(), |ui, range| {
        for at in range {
            let key = view.keys.get(view.rows[at]);
            // A moment later it is usually gone.
            expired |= has_ended(key.ttl, now - LINGERS);
            changes = changes.into_iter().chain(stands_for(key.ttl, now)).min();
            let selected = keys.selected.as_deref() == Some(key.name);
            if row(ui, &key, &keys.prefix, selected, now) {
                clicked = Some((key.name.to_vec(), at));
            }
        }
    });
    keys.expired = expired;
    // TTLs count down. Their seconds end at different moments: a frame for each row would be thirty in a second.
    if let Some(changes) = changes {
        widgets::again(ui, changes.max(Duration::from_secs(1)));
    }
    if let Some((name, at)) = clicked {
        // The first value takes half of the table's place, and the row may stand in it.
        keys.reveal = keys.selected.is_none();
        let command = keys.select(name, Some(at));
        commands.send(AppCommand::Keys(command));
    }
}

/// What stands where the rows would: why a filter shows nothing.
fn nothing(ui: &mut Ui, keys: &Keys, view: &View, commands: &mut Commands) {
    let Some(why) = unanswered(view) else {
        widgets::empty(
            ui,
            "No key matches",
            "Widen the pattern or the other filters, choose another prefix, or show more types.",
        );
        return;
    };
    widgets::empty(ui, "This filter cannot be answered", &why.sentence);
    if why.counting_helps && !keys.counts_elements {
        ui.vertical_centered(|ui| {
            let button = Button::new("Count them")
                .named("Count the elements of each collection")
                .tooltip(scan::COUNTS);
            if ui.add(button).clicked() {
                commands.send(AppCommand::Keys(Command::CountElements));
            }
        });
    }
}

/// Why a filter shows nothing, whatever the keys are.
struct Unanswered {
    sentence: String,
    counting_helps: bool,
}

/// Whether the filter asks for what the scan could not learn of any key.
fn unanswered(view: &View) -> Option<Unanswered> {
    let filter = &view.question.filter;
    let note = |about: &str| {
        let notes = &view.state.notes;
        notes.iter().find(|note| note.starts_with(about)).cloned()
    };
    let [elements, idle, frequency] = learned(view);
    if !filter.elements.is_all()
        && !elements
        && let Some(sentence) = note("Elements are not")
    {
        let counting_helps = sentence.starts_with("Elements are not counted");
        return Some(Unanswered {
            sentence,
            counting_helps,
        });
    }
    let sentence = if !filter.idle.is_all() && !idle {
        "No key tells when it was last used: the server counts how often keys are used instead where maxmemory-policy \
         names LFU; filter by frequency there"
    } else if !filter.frequency.is_all() && !frequency {
        "No key tells how often it is used: the server counts that only where maxmemory-policy names LFU; \
         filter by last use instead"
    } else {
        return None;
    };
    Some(Unanswered {
        sentence: note("Idle times are not").unwrap_or_else(|| sentence.to_owned()),
        counting_helps: false,
    })
}

/// Whether elements, last use and frequency were learned: a server tells them of all of its keys or of none, so that a
/// few of them show it.
fn learned(view: &View) -> [bool; 3] {
    let mut learned = [false; 3];
    for id in view.keys.ids().take(1_000) {
        let key = view.keys.get(id);
        learned[0] |= key.elements.is_some();
        learned[1] |= key.idle.is_some();
        learned[2] |= key.frequency.is_some();
    }
    learned
}

/// The columns' places in a row: type, key, TTL, bytes, elements, encoding, last use.
fn places(rect: Rect) -> [Rect; 7] {
    let scale = (rect.width() / 760.0).min(1.0);
    let widths = [80.0, 0.0, 100.0, 96.0, 74.0, 80.0, 58.0].map(|width: f32| width * scale);
    let fixed: f32 = widths.iter().sum();
    let gap = 14.0 * scale;
    let left_over = (rect.width() - fixed - 6.0 * gap - 2.0 * 10.0).max(60.0);
    let mut x = rect.left() + 10.0;
    widths.map(|width| {
        let width = if width == 0.0 { left_over } else { width };
        let place = Rect::from_min_size(pos2(x, rect.top()), vec2(width, rect.height()));
        x += width + gap;
        place
    })
}

fn is_right(sort: Sort) -> bool {
    matches!(sort, Sort::Ttl | Sort::Bytes | Sort::Elements | Sort::Idle)
}

fn header(ui: &mut Ui, keys: &mut Keys, commands: &mut Commands) {
    let colors = colors(ui);
    let (rect, _) =
        ui.allocate_exact_size(vec2(ui.available_width(), size::HEADER_ROW), Sense::hover());
    let mut clicked = None;
    for ((title, sort), place) in COLUMNS.into_iter().zip(places(rect)) {
        let response = ui.interact(place, ui.scope_id().with(title), Sense::click());
        let order = keys.question.order;
        let chosen = order.by == sort;
        let color = if chosen || response.hovered() {
            colors.strong
        } else {
            colors.weak
        };
        let (at, align) = if is_right(sort) {
            (
                place.right_center() - vec2(if chosen { 14.0 } else { 0.0 }, 0.0),
                Align2::RIGHT_CENTER,
            )
        } else {
            (place.left_center(), Align2::LEFT_CENTER)
        };
        let drawn = text_at(
            ui.painter(),
            at,
            align,
            title,
            fonts::small_strong(),
            color,
            place.width(),
        );
        if chosen {
            let icon = if order.descending {
                Icon::Down
            } else {
                Icon::Up
            };
            let center = pos2(drawn.right() + 8.0, place.center().y);
            icon.paint(
                ui.painter(),
                Rect::from_center_size(center, vec2(9.0, 9.0)),
                color,
            );
        }
        widgets::focus_ring(ui, &response);
        let name = format!("Sort by {title}");
        response.widget_info(|| WidgetInfo::selected(Role::ColumnHeader, true, chosen, &name));
        if response.clicked() {
            clicked = Some(sort);
        }
    }
    ui.painter()
        .hline(rect.x_range(), rect.bottom() - 0.5, line(colors));
    if let Some(by) = clicked {
        let descending = keys.question.order.by == by && !keys.question.order.descending;
        keys.question.order = Order { by, descending };
        keys.ask(commands);
    }
}

fn row(ui: &mut Ui, key: &Key<'_>, prefix: &str, selected: bool, now: i64) -> bool {
    let name = name_of(key.name);
    let (ttl, soon) = ttl(key.ttl, now);
    let ended = has_ended(key.ttl, now);
    let bytes = key.bytes.map_or_else(
        || "–".to_owned(),
        |bytes| {
            let is_estimate = key.is_estimate() && !is_header(prefix, key.name);
            format::bytes_about(bytes, is_estimate)
        },
    );
    let elements = key
        .elements
        .map_or_else(String::new, |elements| format::count(u64::from(elements)));
    // A frequency stands where the server counts that instead: a bare number, as OBJECT FREQ tells it.
    let used = match (key.idle, key.frequency) {
        (Some(seconds), _) => short(u64::from(seconds)),
        (None, Some(frequency)) => format!("{frequency} freq"),
        (None, None) => "–".to_owned(),
    };
    let label = format!("{name}, {}, TTL {ttl}, {bytes}", key.type_name);
    let mut cut = false;
    let response = ListRow::new(&label, size::TABLE_ROW)
        .selected(selected)
        .show(ui, |ui, rect| {
            let colors = colors(ui);
            let painter = ui.painter();
            let [
                kind_at,
                key_at,
                ttl_at,
                bytes_at,
                elements_at,
                encoding_at,
                used_at,
            ] = places(rect);
            // What is no longer there is grey, until a rescan drops it.
            let strength = |usual| if ended { colors.weak } else { usual };
            painter.circle_filled(
                pos2(kind_at.left() + 3.5, rect.center().y),
                3.5,
                strength(colors.structure(structure(key.kind))),
            );
            let left = |place: Rect, shown: &str, font, color| {
                text_at(
                    painter,
                    place.left_center(),
                    Align2::LEFT_CENTER,
                    shown,
                    font,
                    color,
                    place.width(),
                )
            };
            let right = |place: Rect, shown: &str, color| {
                text_at(
                    painter,
                    place.right_center(),
                    Align2::RIGHT_CENTER,
                    shown,
                    fonts::body(),
                    color,
                    place.width(),
                );
            };
            let kind_at =
                Rect::from_min_max(pos2(kind_at.left() + 14.0, kind_at.top()), kind_at.max);
            left(kind_at, key.type_name, fonts::body(), strength(colors.text));
            let shown = widgets::cut(ui, &name, key_at.width());
            left(key_at, &shown, fonts::mono(), strength(colors.strong));
            cut = shown != name;
            right(
                ttl_at,
                &ttl,
                strength(if soon { colors.miss } else { colors.text }),
            );
            right(bytes_at, &bytes, strength(colors.text));
            left(encoding_at, key.encoding, fonts::body(), colors.weak);
            right(elements_at, &elements, strength(colors.text));
            right(used_at, &used, colors.weak);
        });
    let clicked = response.clicked();
    if cut {
        response.tip(name);
    }
    clicked
}

/// A name as far as a line could ever show it: of one that is megabytes long the beginning and the end.
pub(super) fn name_of(name: &[u8]) -> String {
    const END: usize = 256;
    if name.len() <= 2 * END {
        return format::visible_name(&display(name), "name").into_owned();
    }
    // A character of several bytes is not split: it begins at one that is no continuation.
    let begins = |at: &usize| name[*at] & 0b1100_0000 != 0b1000_0000;
    let last = name.len() - END;
    let head = (END - 3..=END).rev().find(begins).unwrap_or(END);
    let tail = (last..last + 4).find(begins).unwrap_or(last);
    format!("{}…{}", display(&name[..head]), display(&name[tail..]))
}

/// Whether a TTL has ended since the scan saw it.
pub(super) fn has_ended(ttl: Ttl, now: i64) -> bool {
    ttl.left(now) == Some(0)
}

/// How long the text of a TTL stands before it changes, see [`ttl`]; `None` where it does not count down.
fn stands_for(ttl: Ttl, now: i64) -> Option<Duration> {
    let left = ttl.left(now)?.cast_unsigned();
    if left == 0 {
        // What has expired is named as such a little later.
        return matches!(ttl, Ttl::At(_) if !has_ended(ttl, now - LINGERS))
            .then_some(Duration::from_millis(LINGERS.cast_unsigned()));
    }
    let step = match left.div_ceil(1_000) {
        0..3_600 => 1_000,
        3_600..86_400 => 60_000,
        _ => 3_600_000,
    };
    // Whole seconds are rounded up, the larger units down.
    let rest = (left - 1) % step + 1;
    Some(Duration::from_millis(rest.min(step)))
}

/// What is left of a TTL, and whether that is less than a minute.
pub(super) fn ttl(ttl: Ttl, now: i64) -> (String, bool) {
    match (ttl, ttl.left(now)) {
        (Ttl::Unknown, _) => ("–".into(), false),
        (_, None) => ("never".into(), false),
        (_, Some(0)) => ("expired".into(), true),
        (_, Some(ms)) => {
            let seconds = ms.cast_unsigned().div_ceil(1000);
            let shown = match seconds {
                0..60 => format!("{seconds} s"),
                60..3_600 => format!("{} m {:02} s", seconds / 60, seconds % 60),
                3_600..86_400 => format!("{} h {:02} m", seconds / 3_600, seconds / 60 % 60),
                _ => format!("{} d {} h", seconds / 86_400, seconds / 3_600 % 24),
            };
            (shown, seconds < 60)
        }
    }
}

/// A time in its largest unit.
fn short(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} m", seconds / 60),
        3_600..86_400 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ttl_counts_down() {
        for (left, shown) in [
            (0, "expired"),
            (1, "1 s"),
            (58_000, "58 s"),
            (125_000, "2 m 05 s"),
            (7_440_000, "2 h 04 m"),
            (180_000_000, "2 d 2 h"),
        ] {
            assert_eq!(ttl(Ttl::At(1_000_000 + left), 1_000_000).0, shown);
        }
        assert_eq!(ttl(Ttl::Never, 0).0, "never");
        assert_eq!(short(200), "3 m");
    }

    #[test]
    fn a_giant_name_keeps_both_ends_and_no_character_is_split() {
        assert_eq!(name_of(b"a:\xff"), "a:\\xff");
        for (before, after) in [(0, 0), (1, 2), (2, 1), (3, 0)] {
            let name = format!(
                "{}{}:end{}",
                "x".repeat(before),
                "東".repeat(400),
                "y".repeat(after)
            );
            let shown = name_of(name.as_bytes());
            assert!(shown.len() < 520 && !shown.contains('\\'), "{shown}");
            assert!(shown.contains("東…東") && shown.contains(":end"));
        }
    }

    #[test]
    fn columns_stay_inside_and_apart() {
        for width in [420.0, 700.0, 924.0] {
            let rect = Rect::from_min_size(pos2(356.0, 0.0), vec2(width, 22.0));
            let places = places(rect);
            assert!(places[6].right() <= rect.right() + 0.5, "{width}");
            assert!(
                places
                    .windows(2)
                    .all(|pair| pair[0].right() <= pair[1].left())
            );
        }
    }
}
