//! A one-line text field with its label, and the sentence under it when the text will not do.

use eframe::egui::{
    EventFilter, FontId, Frame, Id, Label, Margin, Response, Stroke, TextEdit, Ui, vec2,
};

use crate::app::theme::{Tone, colors, fonts, size, text};

/// A one-line text field.
#[must_use = "show it in a Ui"]
pub struct Field<'a> {
    name: &'a str,
    hint: &'a str,
    label: bool,
    password: bool,
    mono: bool,
    width: Option<f32>,
    problem: Option<&'a str>,
    wrong: bool,
    enabled: bool,
    id: Option<Id>,
    keys: Option<EventFilter>,
}

impl<'a> Field<'a> {
    /// A field called `name`, which also stands above it.
    pub fn new(name: &'a str) -> Self {
        Self {
            name,
            hint: "",
            label: true,
            password: false,
            mono: false,
            width: None,
            problem: None,
            wrong: false,
            enabled: true,
            id: None,
            keys: None,
        }
    }

    /// No label above it; the name is still its accessible name.
    pub fn inline(mut self) -> Self {
        self.label = false;
        self
    }

    /// Shown while it is empty.
    pub fn hint(mut self, hint: &'a str) -> Self {
        self.hint = hint;
        self
    }

    /// Shows dots.
    pub fn password(mut self) -> Self {
        self.password = true;
        self
    }

    /// URLs, keys, patterns.
    pub fn mono(mut self) -> Self {
        self.mono = true;
        self
    }

    /// Its width; else all there is.
    pub fn width(mut self, width: f32) -> Self {
        self.width = Some(width);
        self
    }

    /// Why the text will not do, `None` while it does.
    pub fn problem(mut self, problem: Option<&'a str>) -> Self {
        self.problem = problem;
        self
    }

    /// Whether the text will not do, where the sentence about it stands elsewhere.
    pub fn wrong(mut self, wrong: bool) -> Self {
        self.wrong = wrong;
        self
    }

    /// Whether it can be changed.
    pub fn enabled(mut self, enabled: bool) -> Self {
        self.enabled = enabled;
        self
    }

    /// A fixed id, so that a command can give it the keyboard.
    pub fn id(mut self, id: Id) -> Self {
        self.id = Some(id);
        self
    }

    /// The keys that do not take the keyboard from it.
    pub fn keys(mut self, keys: EventFilter) -> Self {
        self.keys = Some(keys);
        self
    }

    /// Shows it.
    pub fn show(self, ui: &mut Ui, value: &mut String) -> Response {
        ui.vertical(|ui| {
            ui.spacing_mut().item_spacing.y = size::SPACE_4;
            if self.label {
                field_label(ui, self.name);
            }
            let response = self.edit(ui, value);
            if let Some(problem) = self.problem {
                ui.add(
                    Label::new(text::tone(ui, Tone::Error, problem).font(fonts::small())).wrap(),
                );
            }
            response
        })
        .inner
    }

    fn edit(&self, ui: &mut Ui, value: &mut String) -> Response {
        let colors = colors(ui);
        let font: FontId = if self.mono {
            fonts::mono()
        } else {
            fonts::body()
        };
        let width = self.width.unwrap_or_else(|| ui.available_width());
        let mut edit = TextEdit::singleline(value)
            .hint_text(text::weak(ui, self.hint).font(font.clone()))
            .password(self.password)
            .font(font)
            .text_color(colors.strong)
            .align(eframe::egui::Align2::LEFT_CENTER)
            .min_size(vec2(width, size::BUTTON))
            .desired_width(width - 16.0)
            .frame(
                Frame::NONE
                    .fill(colors.code)
                    .corner_radius(size::RADIUS_CONTROL)
                    .inner_margin(Margin::symmetric(8, 0)),
            );
        if let Some(id) = self.id {
            edit = edit.id(id);
        }
        if let Some(keys) = self.keys {
            edit = edit.event_filter(keys);
        }
        let response = ui
            .add_enabled(self.enabled, edit)
            .accessible_name(self.name);
        let stroke = if self.wrong || self.problem.is_some() {
            Stroke::new(1.0, colors.error)
        } else if response.has_focus() {
            Stroke::new(1.5, colors.accent)
        } else {
            Stroke::new(1.0, colors.line)
        };
        ui.painter().rect_stroke(
            response.rect,
            size::RADIUS_CONTROL,
            stroke,
            eframe::egui::StrokeKind::Inside,
        );
        response
    }
}

/// The label above a field.
pub fn field_label(ui: &mut Ui, name: &str) {
    ui.label(text::small(ui, name));
}
