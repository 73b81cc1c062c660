//! What is one element of a collection? Its bytes, decoded, and what can be done with it.

use eframe::egui::{Align, Label, Layout, Ui, vec2};

use super::dialog::Edit;
use super::opened::{Element, Which};
use super::value::Wish;
use super::{Opened, bytes};
use crate::app::theme::{colors, size, text};
use crate::app::widgets::{Button, Tip};
use crate::inspect::display;

/// Draws it.
pub(super) fn show(
    ui: &mut Ui,
    opened: &Opened,
    element: &Element,
    unlocked: bool,
    wishes: &mut Vec<Wish>,
) {
    let bytes = opened.element(element.row).map(|(_, bytes)| bytes);
    ui.allocate_ui_with_layout(
        vec2(ui.available_width(), bytes::CHAIN),
        Layout::right_to_left(Align::Center),
        |ui| {
            ui.spacing_mut().item_spacing.x = 0.0;
            if ui
                .add(Button::icon_only(
                    crate::app::theme::Icon::Cross,
                    "Close the element",
                ))
                .clicked()
            {
                wishes.push(Wish::Deselect);
            }
            if let Some(bytes) = bytes {
                if unlocked {
                    for (label, edit) in Edit::of_element(opened, element.row) {
                        let name = format!("{label} this {}", opened.about.kind.elements().0);
                        if ui.add(Button::new(label).bare().named(&name)).clicked() {
                            wishes.push(Wish::Edit(edit));
                        }
                    }
                }
                let copy = Button::new("Copy").bare().named("Copy the element");
                if ui.add(copy).clicked() {
                    let text =
                        std::str::from_utf8(bytes).map_or_else(|_| display(bytes), str::to_owned);
                    wishes.push(Wish::Copy(text));
                }
            }
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                let name = text::mono(ui, &element.name).color(colors(ui).strong);
                ui.add(Label::new(name).truncate()).tip(&element.name);
            });
        },
    );
    if let Some(chosen) = bytes::chain(ui, &element.bytes) {
        wishes.push(Wish::Decode(Which::Element(element.row), chosen));
    }
    ui.add_space(size::SPACE_4);
    if let Some(branch) = bytes::show(ui, &element.bytes, 0.0) {
        wishes.push(Wish::Fold(Which::Element(element.row), branch));
    }
}
