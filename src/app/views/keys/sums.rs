//! The sums above the table: three cards, by type, time to live and prefix.

use eframe::egui::accesskit::Role;
use eframe::egui::{Align2, Rect, Response, Sense, StrokeKind, Ui, WidgetInfo, lerp, pos2, vec2};

use super::{Keys, prefixes, structure};
use crate::app::command::Commands;
use crate::app::format;
use crate::app::theme::{colors, faint, fonts, line, size};
use crate::app::widgets::{Tip, text_at};
use crate::inspect::{Count, TtlBucket, TtlRange, View, is_estimate};

/// What the label of a TTL bucket needs.
const BUCKET: f32 = 38.0;
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
    for (rect, (inner, title)) in
        cards.into_iter().zip(
            inner
                .into_iter()
                .zip(["Keys by type", "Keys by time to live", ""]),
        )
    {
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
    prefixes::title(
        ui,
        Rect::from_min_max(inner[2].min, chart[2].right_top()),
        keys,
        commands,
    );
    by_type(ui, chart[0], view);
    by_ttl(ui, chart[1], keys, view, commands);
    prefixes::show(ui, chart[2], keys, view, commands);
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
            format::bytes_about(
                count.bytes,
                view.has_estimates && is_estimate(kind, "", None)
            )
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

/// A part of a chart that says what it is.
pub(super) fn part(
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
