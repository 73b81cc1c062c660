//! The look: colours, sizes, faces and icons as tokens, and how they become egui's style.
//!
//! Views and widgets take every colour from [`colors`], every size from [`size`] and every face from [`fonts`].

pub mod bidi;
pub mod color;
pub mod fonts;
mod icons;
mod missing;
pub mod size;
pub mod text;

pub use color::{Colors, Structure, Tone, faint};
pub use icons::Icon;

use eframe::egui::{self, CornerRadius, Margin, Shadow, Stroke, Theme, Ui, vec2};

/// The colours of the theme that `ui` shows.
pub fn colors(ui: &Ui) -> &'static Colors {
    if ui.visuals().dark_mode {
        &color::DARK
    } else {
        &color::LIGHT
    }
}

/// Installs faces and both themes' styles; the theme itself follows the system until the user chooses.
pub fn install(ctx: &egui::Context) {
    ctx.set_fonts(fonts::definitions());
    ctx.add_glyph_rasterizer(missing::rasterizer());
    ctx.set_style_of(Theme::Dark, style(&color::DARK));
    ctx.set_style_of(Theme::Light, style(&color::LIGHT));
}

/// A one-pixel line.
pub fn line(colors: &Colors) -> Stroke {
    Stroke::new(1.0, colors.line)
}

fn style(colors: &Colors) -> egui::Style {
    let mut style = egui::Style {
        text_styles: fonts::text_styles(),
        ..egui::Style::default()
    };
    style.animation_time = 0.0;
    style.scroll_animation = egui::style::ScrollAnimation::none();
    style.interaction.selectable_labels = false;
    style.interaction.tooltip_delay = 0.4;

    let spacing = &mut style.spacing;
    spacing.item_spacing = vec2(size::SPACE_8, size::SPACE_4);
    spacing.button_padding = vec2(10.0, 4.0);
    spacing.interact_size = vec2(24.0, size::BUTTON);
    spacing.menu_margin = Margin::symmetric(10, 8);
    spacing.window_margin = Margin::same(16);
    spacing.tooltip_width = 360.0;
    spacing.icon_width = 16.0;
    spacing.scroll = egui::style::ScrollStyle::floating();
    spacing.scroll.bar_width = 8.0;
    spacing.scroll.floating_width = 4.0;

    let mut visuals = if colors.dark {
        egui::Visuals::dark()
    } else {
        egui::Visuals::light()
    };
    visuals.panel_fill = colors.panel;
    visuals.window_fill = colors.raised;
    visuals.window_stroke = line(colors);
    visuals.window_corner_radius = CornerRadius::same(size::RADIUS_CARD as u8);
    visuals.menu_corner_radius = CornerRadius::same(size::RADIUS_CARD as u8);
    let shadow = Shadow {
        offset: [0, 8],
        blur: 24,
        spread: 0,
        color: color::shadow(colors),
    };
    visuals.window_shadow = shadow;
    visuals.popup_shadow = shadow;
    visuals.extreme_bg_color = colors.code;
    visuals.text_edit_bg_color = Some(colors.code);
    visuals.code_bg_color = colors.code;
    visuals.faint_bg_color = colors.hover;
    visuals.hyperlink_color = colors.accent;
    visuals.warn_fg_color = colors.stale;
    visuals.error_fg_color = colors.error;
    visuals.weak_text_color = Some(colors.weak);
    visuals.selection.bg_fill = color::selection(colors);
    visuals.selection.stroke = Stroke::new(1.0, colors.strong);
    visuals.text_cursor.stroke = Stroke::new(1.5, colors.accent);
    // A caret that blinks would draw two frames a second for as long as a field has the keyboard.
    visuals.text_cursor.blink = false;
    visuals.striped = false;
    visuals.slider_trailing_fill = true;

    let radius = CornerRadius::same(size::RADIUS_CONTROL as u8);
    let widgets = &mut visuals.widgets;
    for (state, ground, stroke, text) in [
        (
            &mut widgets.noninteractive,
            colors.panel,
            line(colors),
            colors.text,
        ),
        (
            &mut widgets.inactive,
            colors.hover,
            line(colors),
            colors.text,
        ),
        (
            &mut widgets.hovered,
            colors.hover,
            Stroke::new(1.0, colors.weak),
            colors.strong,
        ),
        (
            &mut widgets.active,
            colors.accent_ground,
            Stroke::new(1.0, colors.accent),
            colors.strong,
        ),
        (&mut widgets.open, colors.hover, line(colors), colors.strong),
    ] {
        state.bg_fill = ground;
        state.weak_bg_fill = ground;
        state.bg_stroke = stroke;
        state.corner_radius = radius;
        state.fg_stroke = Stroke::new(1.0, text);
        state.expansion = 0.0;
    }
    style.visuals = visuals;
    style
}
