//! The sums above the table: a chip for each type, and three cards.

use eframe::egui::accesskit::Role;
use eframe::egui::{
    Align, Align2, Color32, Layout, Rect, Response, Sense, StrokeKind, Ui, WidgetInfo, lerp, pos2,
    vec2,
};

use super::{Command, Keys, What, structure, treemap};
use crate::app::command::{Command as AppCommand, Commands};
use crate::app::format;
use crate::app::theme::{Structure, colors, faint, fonts, line, size, text};
use crate::app::widgets::{Button, Tip, focus_ring, text_at, text_width};
use crate::inspect::{Count, Kind, TtlBucket, TtlRange, View, display};

/// Space between chips.
const GAP: f32 = 7.0;
/// What the label of a TTL bucket needs.
const BUCKET: f32 = 38.0;
/// What the buttons beside the chips need.
const BUTTONS: f32 = 150.0;

/// The chips: each shows or hides its type in the table.
pub(super) fn chips(ui: &mut Ui, keys: &mut Keys, view: &View, commands: &mut Commands) {
    let mut toggled = None;
    let keys_shown = format!("{} shown", format::count(view.shown.keys));
    let all_shown = format!("{keys_shown}, {}", format::bytes(view.shown.bytes));
    ui.horizontal_centered(|ui| {
        ui.add_space(size::SPACE_12);
        ui.spacing_mut().item_spacing.x = GAP;
        // What does not fit is left out whole: first the bytes, then the chips' counts; tooltips have both.
        let width = |with_counts: bool| -> f32 {
            let kinds = view.state.totals.kinds();
            kinds
                .map(|(kind, count)| GAP + chip_width(ui, kind, with_counts.then_some(count.keys)))
                .sum()
        };
        let needed = text_width(ui, &keys_shown, fonts::body()) + 2.0 * size::SPACE_12 + BUTTONS;
        let with_counts = width(true) + needed < ui.available_width();
        for (kind, count) in view.state.totals.kinds() {
            let shown = !keys.question.filter.hidden.contains(&kind);
            if chip(ui, kind, count.keys, with_counts, shown).clicked() {
                toggled = Some(kind);
            }
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.add_space(size::SPACE_4);
            switches(ui, keys, commands);
            let room = ui.available_width() - GAP;
            let fits = |text: &str| text_width(ui, text, fonts::body()) < room;
            let shown = [&all_shown, &keys_shown]
                .into_iter()
                .find(|text| fits(text));
            if let Some(shown) = shown {
                ui.label(text::weak(ui, shown)).tip(&all_shown);
            }
        });
    });
    if let Some(kind) = toggled {
        let hidden = &mut keys.question.filter.hidden;
        match hidden.iter().position(|other| *other == kind) {
            Some(at) => {
                hidden.remove(at);
            }
            None => hidden.push(kind),
        }
        keys.ask(commands);
    }
}

/// The analysis instead of the keys, and the export of either.
fn switches(ui: &mut Ui, keys: &mut Keys, commands: &mut Commands) {
    let analysed = keys.question.analysis.is_some();
    let export = Button::new("Export")
        .bare()
        .tooltip("Write the shown keys or their analysis to a file");
    if ui.add(export).clicked() {
        let what = if analysed { What::Analysis } else { What::Keys };
        commands.send(AppCommand::Keys(Command::Export(what)));
    }
    let analysis = Button::new("Analysis")
        .bare()
        .selected(analysed)
        .tooltip(if analysed {
            "Back to the keys"
        } else {
            "Sum the shown keys up: by type, time to live, encoding, last use and prefix; the biggest; what grew"
        });
    if ui.add(analysis).clicked() {
        keys.analyse(!analysed, commands);
    }
}

fn chip_width(ui: &Ui, kind: Kind, count: Option<u64>) -> f32 {
    let name = text_width(ui, kind.name(), fonts::small_strong());
    let count = count.map_or(0.0, |count| {
        8.0 + text_width(ui, &format::count(count), fonts::small())
    });
    (19.0 + name + count + 10.0).ceil()
}

fn chip(ui: &mut Ui, kind: Kind, count: u64, with_count: bool, shown: bool) -> Response {
    let colors = colors(ui);
    let width = chip_width(ui, kind, with_count.then_some(count));
    let keys = format::plural(count, "key", "keys");
    let count = format::count(count);
    let (rect, response) = ui.allocate_exact_size(vec2(width, size::BADGE), Sense::click());
    let color = colors.structure(structure(kind));
    let painter = ui.painter();
    let text_color = if shown {
        colors.structure_text(structure(kind))
    } else {
        colors.weak
    };
    if shown {
        painter.rect_filled(
            rect,
            size::BADGE / 2.0,
            faint(color, if response.hovered() { 0.26 } else { 0.17 }),
        );
        painter.circle_filled(pos2(rect.left() + 10.0, rect.center().y), 3.5, color);
    } else {
        painter.rect_stroke(rect, size::BADGE / 2.0, line(colors), StrokeKind::Inside);
        painter.circle_stroke(
            pos2(rect.left() + 10.0, rect.center().y),
            3.0,
            eframe::egui::Stroke::new(1.2, color),
        );
    }
    let at = pos2(rect.left() + 19.0, rect.center().y);
    text_at(
        painter,
        at,
        Align2::LEFT_CENTER,
        kind.name(),
        fonts::small_strong(),
        text_color,
        width,
    );
    if with_count {
        let at = pos2(rect.right() - 10.0, rect.center().y);
        text_at(
            painter,
            at,
            Align2::RIGHT_CENTER,
            &count,
            fonts::small(),
            text_color,
            width,
        );
    }
    focus_ring(ui, &response);
    let name = format!("Type {}, {keys}", kind.name());
    response.widget_info(|| WidgetInfo::selected(Role::Button, true, shown, &name));
    response.tip(if shown {
        format!("{keys}. Leave these out of the table")
    } else {
        format!("{keys}. Show these in the table")
    })
}

/// The cards.
pub(super) fn show(ui: &mut Ui, keys: &mut Keys, view: &View, commands: &mut Commands) {
    let whole = ui.max_rect().shrink2(vec2(size::SPACE_12, 0.0));
    let gap = size::SPACE_12;
    let width = whole.width() - 2.0 * gap;
    // Every label of the middle card has its place also in a narrow window.
    let buckets = buckets(view).count() as f32;
    let ttl = (width * 0.31).max(buckets * BUCKET + 26.0);
    let widths = [(width - ttl) * 0.45, ttl, (width - ttl) * 0.55];
    let mut x = whole.left();
    let cards = widths.map(|width| {
        let rect = Rect::from_min_size(pos2(x, whole.top()), vec2(width, whole.height()));
        x += width + gap;
        rect
    });
    let inner = cards.map(|rect| rect.shrink2(vec2(13.0, size::SPACE_12)));
    for (rect, (inner, title)) in cards.into_iter().zip(inner.into_iter().zip([
        "Keys by type",
        "Keys by time to live",
        "Bytes by prefix",
    ])) {
        let colors = colors(ui);
        ui.painter()
            .rect_filled(rect, size::RADIUS_CARD, colors.raised);
        ui.painter()
            .rect_stroke(rect, size::RADIUS_CARD, line(colors), StrokeKind::Inside);
        let at = pos2(inner.left(), inner.top() + 9.0);
        text_at(
            ui.painter(),
            at,
            Align2::LEFT_CENTER,
            title,
            fonts::small_strong(),
            colors.weak,
            inner.width(),
        );
    }
    let chart =
        inner.map(|rect| Rect::from_min_max(pos2(rect.left(), rect.top() + 24.0), rect.max));
    by_type(ui, chart[0], view);
    by_ttl(ui, chart[1], keys, view, commands);
    by_prefix(ui, chart[2], keys, view, commands);
}

fn by_type(ui: &mut Ui, rect: Rect, view: &View) {
    let colors = colors(ui);
    let kinds: Vec<_> = view.state.totals.kinds().collect();
    let all = view.state.totals.all.keys.max(1);
    let most = kinds
        .iter()
        .map(|(_, count)| count.keys)
        .max()
        .unwrap_or(1)
        .max(1);
    let height = (rect.height() / kinds.len().max(1) as f32).min(20.0);
    let (from, to) = (rect.left() + 56.0, rect.right() - 56.0);
    for (i, (kind, count)) in kinds.into_iter().enumerate() {
        let middle = rect.top() + (i as f32 + 0.5) * height;
        let painter = ui.painter();
        text_at(
            painter,
            pos2(rect.left(), middle),
            Align2::LEFT_CENTER,
            kind.name(),
            fonts::small(),
            colors.weak,
            54.0,
        );
        let end = lerp(from..=to.max(from), count.keys as f32 / most as f32).max(from + 3.0);
        let bar = Rect::from_min_max(pos2(from, middle - 5.0), pos2(end, middle + 5.0));
        painter.rect_filled(bar, 2.0, colors.structure(structure(kind)));
        let share = format::percent(count.keys as f64 / all as f64);
        text_at(
            painter,
            pos2(end + 8.0, middle),
            Align2::LEFT_CENTER,
            &share,
            fonts::small(),
            colors.text,
            56.0,
        );
        let row = Rect::from_min_max(
            pos2(rect.left(), middle - height / 2.0),
            pos2(rect.right(), middle + height / 2.0),
        );
        let name = format!(
            "{}: {} keys, {}, {share}",
            kind.name(),
            format::count(count.keys),
            format::bytes(count.bytes)
        );
        part(ui, row, ("type", i), &name, false, Sense::hover());
    }
}

/// The buckets with what is in them; "unknown" only where something is.
fn buckets(view: &View) -> impl Iterator<Item = (TtlBucket, Count)> {
    TtlBucket::ALL
        .into_iter()
        .map(move |bucket| (bucket, view.state.totals.ttl(bucket)))
        .filter(|(bucket, count)| *bucket != TtlBucket::Unknown || count.keys > 0)
}

fn by_ttl(ui: &mut Ui, rect: Rect, keys: &mut Keys, view: &View, commands: &mut Commands) {
    let colors = colors(ui);
    let buckets: Vec<_> = buckets(view).collect();
    let most = buckets
        .iter()
        .map(|(_, count)| count.keys)
        .max()
        .unwrap_or(1)
        .max(1);
    let step = rect.width() / buckets.len() as f32;
    let base = rect.bottom() - 18.0;
    let mut clicked = None;
    for (i, (bucket, count)) in buckets.into_iter().enumerate() {
        let middle = rect.left() + (i as f32 + 0.5) * step;
        let column = Rect::from_min_max(
            pos2(middle - step / 2.0, rect.top()),
            pos2(middle + step / 2.0, rect.bottom()),
        );
        let chosen = keys.question.filter.ttl == TtlRange::bucket(bucket);
        let name = format!(
            "TTL {}: {} keys, {}",
            bucket.name(),
            format::count(count.keys),
            format::bytes(count.bytes)
        );
        let response = part(ui, column, ("ttl", i), &name, chosen, Sense::click());
        let painter = ui.painter();
        if chosen || response.hovered() {
            painter.rect_filled(
                column,
                3.0,
                if chosen {
                    colors.accent_ground
                } else {
                    faint(colors.hover, 0.7)
                },
            );
        }
        let width = (step * 0.55).min(24.0);
        let full = base - rect.top() - 2.0;
        let high = if count.keys == 0 {
            0.0
        } else {
            (full * count.keys as f32 / most as f32).max(2.0)
        };
        let bar = Rect::from_min_max(
            pos2(middle - width / 2.0, base - high),
            pos2(middle + width / 2.0, base),
        );
        let color = if bucket == TtlBucket::Never {
            colors.bypass
        } else {
            colors.accent
        };
        painter.rect_filled(bar, 1.0, color);
        let at = pos2(middle, base + 10.0);
        text_at(
            painter,
            at,
            Align2::CENTER_CENTER,
            bucket.name(),
            fonts::tiny(),
            colors.weak,
            step,
        );
        if response.clicked() {
            clicked = Some(bucket);
        }
    }
    if let Some(bucket) = clicked {
        let ttl = &mut keys.question.filter.ttl;
        *ttl = if *ttl == TtlRange::bucket(bucket) {
            TtlRange::All
        } else {
            TtlRange::bucket(bucket)
        };
        keys.ask(commands);
    }
}

fn by_prefix(ui: &mut Ui, rect: Rect, keys: &mut Keys, view: &View, commands: &mut Commands) {
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
            "No prefix below this one"
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
        // Its parents open, so that the tree shows where it stands.
        for (at, _) in prefix.iter().enumerate().filter(|(_, byte)| **byte == b':') {
            keys.question.open.insert(prefix[..=at].to_vec());
        }
        keys.question.filter.prefix = prefix;
        keys.ask(commands);
    }
}

/// A part of a chart that says what it is.
fn part(
    ui: &Ui,
    rect: Rect,
    id: (&str, usize),
    name: &str,
    chosen: bool,
    sense: Sense,
) -> Response {
    let response = ui.interact(rect, ui.scope_id().with(id), sense);
    let role = if sense.senses_click() {
        Role::Button
    } else {
        Role::Label
    };
    response.widget_info(|| WidgetInfo::selected(role, true, chosen, name));
    response.tip(name)
}
