//! What is drawn for a character that no font has: a quiet hollow box, so that it is seen that something stands there.

use eframe::egui::epaint::text::{
    GlyphBitmap, GlyphRasterizer, GlyphRasterizerRequest, RasterizedGlyph,
};
use eframe::egui::{Color32, ColorImage, vec2};

/// The rasterizer that is asked last.
pub(super) fn rasterizer() -> GlyphRasterizer {
    GlyphRasterizer::new("lookaside::missing", |asked| Some(hollow_box(asked)))
}

fn hollow_box(asked: &GlyphRasterizerRequest<'_>) -> RasterizedGlyph {
    // The proportions of a capital letter.
    let size = asked.font_size_px.max(4.0);
    let (width, height) = (
        (size * 0.5).round() as usize,
        (size * 0.68).round() as usize,
    );
    let stroke = (size / 14.0).round().max(1.0) as usize;
    let mut image = ColorImage::filled([width, height], Color32::TRANSPARENT);
    for y in 0..height {
        for x in 0..width {
            let edge = x < stroke || y < stroke || x + stroke >= width || y + stroke >= height;
            if edge {
                image.pixels[y * width + x] = Color32::from_white_alpha(150);
            }
        }
    }
    RasterizedGlyph {
        bitmap: GlyphBitmap {
            image,
            offset_px: vec2((size * 0.08).round(), -(height as f32)),
            is_color: false,
        },
        advance_px: (width as f32 + size * 0.16).round(),
    }
}
