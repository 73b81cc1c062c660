//! The button: quiet at rest, one primary a view, its shortcut shown where that helps.

use eframe::egui::accesskit::Role;
use eframe::egui::{
    Align2, FontId, Response, Sense, Stroke, StrokeKind, Ui, Widget, WidgetInfo, WidgetText, pos2,
    vec2,
};

use super::Tip;
use super::paint::{focus_ring, square};
use crate::app::theme::{Icon, Tone, colors, fonts, size};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Look {
    Quiet,
    Primary,
    Danger,
    Bare,
}

/// A button. Its text is its accessible name.
#[must_use = "add it to a Ui"]
pub struct Button<'a> {
    text: &'a str,
    name: Option<&'a str>,
    mono: Option<&'a str>,
    shortcut: Option<&'a str>,
    icon: Option<Icon>,
    tone: Option<Tone>,
    tooltip: Option<WidgetText>,
    look: Look,
    enabled: bool,
    selected: bool,
}

impl<'a> Button<'a> {
    /// A quiet button.
    pub fn new(text: &'a str) -> Self {
        Self {
            text,
            name: None,
            mono: None,
            shortcut: None,
            icon: None,
            tone: None,
            tooltip: None,
            look: Look::Quiet,
            enabled: true,
            selected: false,
        }
    }

    /// A button that shows only an icon; `name` is what it is called.
    pub fn icon_only(icon: Icon, name: &'a str) -> Self {
        Self {
            name: Some(name),
            icon: Some(icon),
            look: Look::Bare,
            ..Self::new("")
        }
    }

    /// The one button of a view that people come for.
    pub fn primary(mut self) -> Self {
        self.look = Look::Primary;
        self
    }

    /// What it does cannot be undone.
    pub fn danger(mut self) -> Self {
        self.look = Look::Danger;
        self
    }

    /// No ground until the pointer is over it.
    pub fn bare(mut self) -> Self {
        self.look = Look::Bare;
        self
    }

    /// An icon before the text.
    pub fn icon(mut self, icon: Icon) -> Self {
        self.icon = Some(icon);
        self
    }

    /// A value after the text, in the mono face.
    pub fn value(mut self, value: &'a str) -> Self {
        self.mono = Some(value);
        self
    }

    /// The shortcut, shown in a small frame.
    pub fn shortcut(mut self, shortcut: &'a str) -> Self {
        self.shortcut = Some(shortcut);
        self
    }

    /// Text in the colour of a meaning.
    pub fn tone(mut self, tone: Tone) -> Self {
        self.tone = Some(tone);
        self
    }

    /// What it does, shown when the pointer rests on it.
    pub fn tooltip(mut self, text: impl Into<WidgetText>) -> Self {
        self.tooltip = Some(text.into());
        self
    }

    /// Whether it can be pressed.
    pub fn enabled(mut self, enabled: bool) -> Self {
        self.enabled = enabled;
        self
    }

    /// Whether it is the chosen one of several.
    pub fn selected(mut self, selected: bool) -> Self {
        self.selected = selected;
        self
    }

    /// The accessible name where the text alone does not say enough.
    pub fn named(mut self, name: &'a str) -> Self {
        self.name = Some(name);
        self
    }

    /// Whether it has a ground of its own colour.
    fn is_filled(&self) -> bool {
        matches!(self.look, Look::Primary | Look::Danger)
    }

    fn font(&self) -> FontId {
        if self.is_filled() {
            fonts::body_strong()
        } else {
            fonts::body()
        }
    }
}

impl Widget for Button<'_> {
    fn ui(self, ui: &mut Ui) -> Response {
        let colors = colors(ui);
        let filled = self.is_filled();
        let text_color = match (self.enabled, self.look, self.tone) {
            (false, ..) => colors.weak,
            (true, Look::Primary | Look::Danger, _) => colors.on_accent,
            (true, _, Some(tone)) => colors.tone(tone),
            (true, ..) => colors.strong,
        };
        let galley = ui
            .painter()
            .layout_no_wrap(self.text.to_owned(), self.font(), text_color);
        let value = self.mono.map(|value| {
            ui.painter()
                .layout_no_wrap(value.to_owned(), fonts::mono(), text_color)
        });
        let shortcut = self.shortcut.map(|text| {
            let color = if filled && self.enabled {
                colors.on_accent
            } else {
                colors.weak
            };
            ui.painter()
                .layout_no_wrap(text.to_owned(), FontId::monospace(11.0), color)
        });
        let padding = if self.text.is_empty() { 6.0 } else { 10.0 };
        let icon_width = self.icon.map_or(0.0, |_| {
            size::ICON + if self.text.is_empty() { 0.0 } else { 6.0 }
        });
        let width = 2.0 * padding
            + icon_width
            + galley.size().x
            + value.as_ref().map_or(0.0, |value| 8.0 + value.size().x)
            + shortcut
                .as_ref()
                .map_or(0.0, |shortcut| 18.0 + shortcut.size().x);
        let sense = if self.enabled {
            Sense::click()
        } else {
            Sense::hover()
        };
        let (rect, response) = ui.allocate_exact_size(vec2(width.ceil(), size::BUTTON), sense);

        if ui.is_rect_visible(rect) {
            let painter = ui.painter();
            let over = self.enabled && (response.hovered() || response.has_focus());
            let ground = match self.look {
                Look::Primary if self.enabled => Some(colors.accent),
                Look::Danger if self.enabled => Some(colors.error),
                _ if self.selected => Some(colors.accent_ground),
                Look::Primary | Look::Danger | Look::Quiet => Some(colors.hover),
                Look::Bare => over.then_some(colors.hover),
            };
            if let Some(ground) = ground {
                painter.rect_filled(rect, size::RADIUS_CONTROL, ground);
            }
            if over && self.look == Look::Quiet {
                painter.rect_stroke(
                    rect,
                    size::RADIUS_CONTROL,
                    Stroke::new(1.0, colors.line),
                    StrokeKind::Inside,
                );
            }
            let mut x = rect.min.x + padding;
            let middle = rect.center().y;
            if let Some(icon) = self.icon {
                icon.paint(
                    painter,
                    square(pos2(x + size::ICON / 2.0, middle), size::ICON),
                    text_color,
                );
                x += icon_width;
            }
            let text_width = galley.size().x;
            let at = Align2::LEFT_CENTER.anchor_size(pos2(x, middle), galley.size());
            painter.galley(pos2(at.min.x, at.min.y.round()), galley, text_color);
            x += text_width;
            if let Some(value) = value {
                let width = value.size().x;
                let at = Align2::LEFT_CENTER.anchor_size(pos2(x + 8.0, middle), value.size());
                painter.galley(pos2(at.min.x, at.min.y.round()), value, text_color);
                x += 8.0 + width;
            }
            if let Some(shortcut) = shortcut {
                let frame = eframe::egui::Rect::from_min_size(
                    pos2(x + 8.0, middle - 8.0),
                    vec2(shortcut.size().x + 10.0, 16.0),
                );
                let stroke = if filled && self.enabled {
                    colors.on_accent
                } else {
                    colors.line
                };
                painter.rect_stroke(frame, 3.0, Stroke::new(1.0, stroke), StrokeKind::Inside);
                let at = Align2::CENTER_CENTER.anchor_size(frame.center(), shortcut.size());
                painter.galley(pos2(at.min.x, at.min.y.round()), shortcut, text_color);
            }
            focus_ring(ui, &response);
        }
        let name = self.name.unwrap_or(self.text);
        response.widget_info(|| {
            if self.selected {
                WidgetInfo::selected(Role::Button, self.enabled, true, name)
            } else {
                WidgetInfo::labeled(Role::Button, self.enabled, name)
            }
        });
        match self.tooltip {
            Some(text) => response.tip(text),
            None => response,
        }
    }
}
