//! Where each part of a treemap stands: squarified, so that areas can be compared by eye.

use eframe::egui::{Rect, pos2, vec2};

/// A place for each value, the largest first; areas are in proportion to the values.
pub(super) fn places(values: &[f64], rect: Rect) -> Vec<Rect> {
    let sum: f64 = values.iter().sum();
    if sum <= 0.0 || !rect.is_positive() {
        return vec![Rect::from_min_size(rect.min, vec2(0.0, 0.0)); values.len()];
    }
    let scale = f64::from(rect.width()) * f64::from(rect.height()) / sum;
    let areas: Vec<f32> = values.iter().map(|value| (value * scale) as f32).collect();
    let mut places = Vec::with_capacity(values.len());
    let mut free = rect;
    let mut rest = areas.as_slice();
    while !rest.is_empty() {
        let side = free.width().min(free.height()).max(0.001);
        let mut take = 1;
        while take < rest.len() && worst(&rest[..=take], side) <= worst(&rest[..take], side) {
            take += 1;
        }
        let (row, others) = rest.split_at(take);
        let area: f32 = row.iter().sum();
        let depth = area / side;
        let along_height = free.width() >= free.height();
        let mut at = 0.0;
        for part in row {
            let length = if depth > 0.0 { part / depth } else { 0.0 };
            places.push(if along_height {
                Rect::from_min_size(pos2(free.left(), free.top() + at), vec2(depth, length))
            } else {
                Rect::from_min_size(pos2(free.left() + at, free.top()), vec2(length, depth))
            });
            at += length;
        }
        if along_height {
            free.min.x = (free.min.x + depth).min(free.max.x);
        } else {
            free.min.y = (free.min.y + depth).min(free.max.y);
        }
        rest = others;
    }
    places
}

/// The worst ratio of sides in a row of parts along `side`.
fn worst(row: &[f32], side: f32) -> f32 {
    let area: f32 = row.iter().sum();
    let (low, high) = row
        .iter()
        .fold((f32::INFINITY, 0.0_f32), |(low, high), part| {
            (low.min(*part), high.max(*part))
        });
    let (side, area) = (side * side, area * area);
    (side * high / area).max(area / (side * low.max(f32::MIN_POSITIVE)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn areas_fill_the_place_in_proportion_and_do_not_overlap() {
        let rect = Rect::from_min_size(pos2(10.0, 20.0), vec2(306.0, 120.0));
        for values in [
            vec![1.0],
            vec![51.0, 44.0, 34.0, 29.0, 15.0, 3.0],
            vec![5.0; 24],
            vec![1e12, 1.0, 0.0],
        ] {
            let places = places(&values, rect);
            let sum: f64 = values.iter().sum();
            for (value, place) in values.iter().zip(&places) {
                let share = f64::from(place.area()) / f64::from(rect.area());
                assert!((share - value / sum).abs() < 0.001, "{value} {share}");
                assert!(rect.expand(0.5).contains_rect(*place), "{place:?}");
            }
            for (i, a) in places.iter().enumerate() {
                for b in &places[..i] {
                    assert!(a.intersect(*b).area() < 1.0 || !a.intersect(*b).is_positive());
                }
            }
        }
    }

    #[test]
    fn nothing_has_no_place() {
        let rect = Rect::from_min_size(pos2(0.0, 0.0), vec2(10.0, 10.0));
        assert!(places(&[], rect).is_empty());
        assert!(places(&[0.0], rect)[0].area() < 0.001);
    }
}
