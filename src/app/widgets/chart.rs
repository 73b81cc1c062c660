//! The smallest charts: a sparkline and a progress line.

use eframe::egui::accesskit::Role;
use eframe::egui::{
    Color32, Rect, Response, Sense, Shape, Stroke, Ui, WidgetInfo, lerp, pos2, vec2,
};

use crate::app::theme::{Tone, colors};

/// A line through `values` in their order, on a log scale because latencies span decades; nothing for fewer than two.
pub fn sparkline(ui: &Ui, rect: Rect, values: &[f64], color: Color32) {
    let logs: Vec<f32> = values
        .iter()
        .map(|value| value.max(0.01).log10() as f32)
        .collect();
    if logs.len() < 2 {
        return;
    }
    let low = logs.iter().copied().fold(f32::INFINITY, f32::min);
    let high = logs
        .iter()
        .copied()
        .fold(f32::NEG_INFINITY, f32::max)
        .max(low + 0.3);
    let points = logs
        .iter()
        .enumerate()
        .map(|(i, value)| {
            let x = lerp(rect.x_range(), i as f32 / (logs.len() - 1) as f32);
            pos2(
                x,
                lerp(rect.bottom()..=rect.top(), (value - low) / (high - low)),
            )
        })
        .collect();
    ui.painter()
        .add(Shape::line(points, Stroke::new(1.2, color)));
}

/// A thin line that fills from the left; where the fraction is not known, a piece of it travels.
pub fn progress(
    ui: &mut Ui,
    name: &str,
    fraction: Option<f32>,
    tone: Tone,
    width: f32,
) -> Response {
    let colors = colors(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(width, 4.0), Sense::hover());
    let painter = ui.painter();
    painter.rect_filled(rect, 2.0, colors.line);
    let mut filled = rect;
    if let Some(fraction) = fraction {
        filled.set_width((rect.width() * fraction.clamp(0.0, 1.0)).max(4.0));
    } else {
        // Time, not frames: the speed is the same however often the window is painted.
        let at = (ui.input(|input| input.time) * 0.6).fract() as f32;
        let start = lerp(rect.left() - rect.width() * 0.3..=rect.right(), at);
        filled = Rect::from_x_y_ranges(start..=start + rect.width() * 0.3, rect.y_range())
            .intersect(rect);
        ui.ctx().request_repaint_after_secs(1.0 / 30.0);
    }
    painter.rect_filled(filled, 2.0, colors.tone(tone));
    response.widget_info(|| {
        let mut info = WidgetInfo::labeled(Role::ProgressIndicator, true, name);
        info.value = fraction.map(|fraction| f64::from(fraction) * 100.0);
        info
    });
    response
}
