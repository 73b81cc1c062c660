//! Scrolling a grid: wheel and bars.

use eframe::egui::{Id, Rect, Sense, Ui, pos2, vec2};

use super::{GridState, Layout};
use crate::app::theme::{colors, faint, size};

const BAR: f32 = 8.0;
/// A bar and the air beside it.
const STRIP: f32 = BAR + 4.0;

/// What the bars leave of the room: rows and columns stand beside them and never under them.
pub(super) fn beside_bars(room: Rect, width: f32, rows: usize) -> Rect {
    let height = rows as f32 * size::TABLE_ROW;
    let mut body = room;
    // A bar takes room of the other direction, which may then need one too.
    for _ in 0..2 {
        if height > body.height() {
            body.max.x = room.right() - STRIP;
        }
        if width > body.width() {
            body.max.y = room.bottom() - STRIP;
        }
    }
    body
}

pub(super) fn wheel(ui: &Ui, body: Rect, state: &mut GridState, layout: &Layout) {
    if !ui.rect_contains_pointer(body) {
        return;
    }
    let delta = ui.input_mut(|input| std::mem::take(&mut input.smooth_scroll_delta));
    state.first =
        (state.first - f64::from(delta.y / size::TABLE_ROW)).clamp(0.0, layout.last_first());
    state.x = (state.x - delta.x).clamp(0.0, layout.last_x());
}

pub(super) fn bars(ui: &mut Ui, id: Id, state: &mut GridState, layout: &Layout) {
    let (body, outer) = (layout.body, layout.outer);
    if layout.last_first() > 0.0 {
        let track = Rect::from_min_max(
            pos2(body.right() + 2.0, body.top() + 2.0),
            pos2(outer.right() - 2.0, body.bottom() - 2.0),
        );
        let share = (layout.visible / layout.rows as f64) as f32;
        let at = (state.first / layout.last_first()) as f32;
        if let Some(at) = bar(ui, id.with("rows"), track, share, at, true) {
            state.first = f64::from(at) * layout.last_first();
        }
    }
    if layout.last_x() > 0.0 {
        let track = Rect::from_min_max(
            pos2(body.left() + 2.0, body.bottom() + 2.0),
            pos2(body.right() - 2.0, outer.bottom() - 2.0),
        );
        let share = body.width() / (body.width() + layout.last_x());
        if let Some(at) = bar(
            ui,
            id.with("columns"),
            track,
            share,
            state.x / layout.last_x(),
            false,
        ) {
            state.x = at * layout.last_x();
        }
    }
}

/// A bar; the place it was dragged to, 0 to 1.
fn bar(ui: &mut Ui, id: Id, track: Rect, share: f32, at: f32, vertical: bool) -> Option<f32> {
    let response = ui.interact(track, id, Sense::CLICK | Sense::DRAG);
    let length = if vertical {
        track.height()
    } else {
        track.width()
    };
    let thumb = (length * share).clamp(28.0_f32.min(length), length);
    let start = (length - thumb) * at;
    let thumb_rect = if vertical {
        Rect::from_min_size(pos2(track.left(), track.top() + start), vec2(BAR, thumb))
    } else {
        Rect::from_min_size(pos2(track.left() + start, track.top()), vec2(thumb, BAR))
    };
    let colors = colors(ui);
    let active = response.hovered() || response.dragged();
    let color = faint(colors.weak, if active { 0.7 } else { 0.35 });
    ui.painter().rect_filled(
        if active {
            thumb_rect
        } else {
            thumb_rect.shrink(1.5)
        },
        BAR / 2.0,
        color,
    );
    let pointer = response.interact_pointer_pos()?;
    if !(response.dragged() || response.clicked()) || length <= thumb {
        return None;
    }
    let offset = if vertical {
        pointer.y - track.top()
    } else {
        pointer.x - track.left()
    };
    Some(((offset - thumb / 2.0) / (length - thumb)).clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_stand_beside_the_rows_and_not_over_them() {
        let room = Rect::from_min_size(pos2(0.0, 0.0), vec2(400.0, 10.0 * size::TABLE_ROW));
        assert_eq!(beside_bars(room, 300.0, 10), room);
        let long = beside_bars(room, 300.0, 11);
        assert_eq!(
            (long.width(), long.height()),
            (400.0 - STRIP, room.height())
        );
        let wide = beside_bars(room, 500.0, 3);
        assert_eq!(
            (wide.width(), wide.height()),
            (400.0, room.height() - STRIP)
        );
        // The one bar takes the room that makes the other one needed.
        for (width, rows) in [(395.0, 11), (405.0, 10)] {
            let both = beside_bars(room, width, rows);
            assert_eq!(both.size(), room.size() - vec2(STRIP, STRIP));
        }
    }
}
