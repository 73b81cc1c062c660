//! Where do the members of a geo set stand? Degrees on two axes; the part of the world that holds them all.

use eframe::egui::{Align2, Rect, Sense, Stroke, Ui, pos2, vec2};

use crate::app::theme::{colors, fonts, line, size};
use crate::app::widgets::{Tip, text_at};
use crate::inspect::Position;

/// Draws the members in the room there is.
pub(super) fn show(ui: &mut Ui, members: &[(String, Position)], below: f32) {
    let room = vec2(
        ui.available_width(),
        (ui.available_height() - below).max(80.0),
    );
    let (whole, response) = ui.allocate_exact_size(room, Sense::hover());
    let colors = colors(ui);
    let painter = ui.painter_at(whole);
    let plot = Rect::from_min_max(
        whole.min + vec2(52.0, size::SPACE_8),
        whole.max - vec2(size::SPACE_12, 22.0),
    );
    let east = bounds(members.iter().map(|(_, at)| at.longitude), 180.0);
    let north = bounds(members.iter().map(|(_, at)| at.latitude), 85.06);
    let place = |at: &Position| {
        let x = (at.longitude - east.0) / (east.1 - east.0);
        let y = (at.latitude - north.0) / (north.1 - north.0);
        pos2(
            plot.left() + x as f32 * plot.width(),
            plot.bottom() - y as f32 * plot.height(),
        )
    };
    for at in ticks(east) {
        let x = place(&Position {
            longitude: at,
            latitude: north.0,
        })
        .x;
        painter.vline(x, plot.y_range(), line(colors));
        let label = degrees(at, "E", "W");
        let at = pos2(x, plot.bottom() + 11.0);
        text_at(
            &painter,
            at,
            Align2::CENTER_CENTER,
            &label,
            fonts::tiny(),
            colors.weak,
            80.0,
        );
    }
    for at in ticks(north) {
        let y = place(&Position {
            longitude: east.0,
            latitude: at,
        })
        .y;
        painter.hline(plot.x_range(), y, line(colors));
        let label = degrees(at, "N", "S");
        let at = pos2(plot.left() - 6.0, y);
        text_at(
            &painter,
            at,
            Align2::RIGHT_CENTER,
            &label,
            fonts::tiny(),
            colors.weak,
            60.0,
        );
    }
    let pointer = response.hover_pos();
    let mut nearest: Option<(f32, &(String, Position))> = None;
    for member in members {
        let at = place(&member.1);
        painter.circle_filled(at, 4.0, colors.accent);
        painter.circle_stroke(at, 4.0, Stroke::new(1.0, colors.panel));
        if let Some(pointer) = pointer
            && pointer.distance(at) < nearest.map_or(12.0, |(distance, _)| distance)
        {
            nearest = Some((pointer.distance(at), member));
        }
    }
    // Few members can carry their names.
    if members.len() <= 12 {
        for (name, at) in members {
            let at = place(at);
            let to_the_left = at.x > plot.center().x + plot.width() * 0.3;
            let (at, align) = if to_the_left {
                (at - vec2(8.0, 0.0), Align2::RIGHT_CENTER)
            } else {
                (at + vec2(8.0, 0.0), Align2::LEFT_CENTER)
            };
            text_at(
                &painter,
                at,
                align,
                name,
                fonts::mono(),
                colors.strong,
                220.0,
            );
        }
    }
    if let Some((_, (name, at))) = nearest {
        let shown = format!(
            "{name}\n{}, {}",
            degrees(at.latitude, "N", "S"),
            degrees(at.longitude, "E", "W")
        );
        response.tip(shown);
    }
}

/// The least and the greatest with air around them, inside the limits.
fn bounds(values: impl Iterator<Item = f64>, limit: f64) -> (f64, f64) {
    let (low, high) = values.fold((f64::MAX, f64::MIN), |(low, high), value| {
        (low.min(value), high.max(value))
    });
    if low > high {
        return (-limit, limit);
    }
    let air = ((high - low) * 0.12).max(0.002);
    ((low - air).max(-limit), (high + air).min(limit))
}

/// Round degrees between the bounds, about five.
fn ticks((low, high): (f64, f64)) -> Vec<f64> {
    let rough = (high - low) / 5.0;
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|part| part * power)
        .find(|step| *step >= rough)
        .unwrap_or(power);
    let first = (low / step).ceil() as i64;
    let last = (high / step).floor() as i64;
    (first..=last).map(|n| n as f64 * step).collect()
}

fn degrees(value: f64, positive: &str, negative: &str) -> String {
    let direction = if value < 0.0 { negative } else { positive };
    let text = format!("{:.4}", value.abs());
    let text = text.trim_end_matches('0').trim_end_matches('.');
    format!("{text}\u{b0} {direction}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_inside() {
        assert_eq!(ticks((12.9, 15.6)), [13.0, 14.0, 15.0]);
        assert_eq!(degrees(-13.5, "E", "W"), "13.5\u{b0} W");
        let (low, high) = bounds([1.0].into_iter(), 180.0);
        assert!(low < 1.0 && high > 1.0 && !ticks((low, high)).is_empty());
    }
}
