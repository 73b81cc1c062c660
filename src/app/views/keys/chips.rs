//! A chip for each type above the table: how many keys it has, and whether the table shows them.

use eframe::egui::accesskit::Role;
use eframe::egui::containers::scroll_area::ScrollBarVisibility;
use eframe::egui::{
    Align, Align2, Layout, Response, ScrollArea, Sense, Stroke, StrokeKind, Ui, WidgetInfo, pos2,
    vec2,
};

use super::{Command, Keys, What, structure};
use crate::app::command::{Command as AppCommand, Commands};
use crate::app::format;
use crate::app::theme::{colors, faint, fonts, line, size, text};
use crate::app::widgets::{Button, Tip, focus_ring, text_at, text_width};
use crate::inspect::{Kind, View};

/// What the buttons beside the chips need.
const BUTTONS: f32 = 150.0;

/// How much room chips take.
#[derive(Clone, Copy)]
struct Fit {
    gap: f32,
    /// From the left edge to the name, and from the count to the right edge.
    insets: (f32, f32),
    /// Counts in full, else in thousands and millions.
    exact: bool,
}

const WIDE: Fit = Fit {
    gap: 7.0,
    insets: (19.0, 10.0),
    exact: true,
};
const TIGHT: Fit = Fit {
    gap: 4.0,
    insets: (16.0, 6.0),
    exact: false,
};

impl Fit {
    fn count(self, count: u64) -> String {
        match count {
            _ if self.exact => format::count(count),
            0..1_000 => count.to_string(),
            1_000..1_000_000 => short(count, 1_000, "k"),
            _ => short(count, 1_000_000, "M"),
        }
    }

    fn width(self, ui: &Ui, kind: Kind, count: u64) -> f32 {
        let name = text_width(ui, kind.name(), fonts::small_strong());
        let count = text_width(ui, &self.count(count), fonts::small());
        (self.insets.0 + name + 6.0 + count + self.insets.1).ceil()
    }
}

/// "1.2k", "345k".
fn short(count: u64, unit: u64, name: &str) -> String {
    let tenths = count * 10 / unit;
    if tenths < 100 {
        format!("{}.{}{name}", tenths / 10, tenths % 10)
    } else {
        format!("{}{name}", tenths / 10)
    }
}

/// Draws them: each shows or hides its type in the table.
pub(super) fn show(ui: &mut Ui, keys: &mut Keys, view: &View, commands: &mut Commands) {
    let mut toggled = None;
    let keys_shown = format!("{} shown", format::count(view.shown.keys));
    let all_shown = format!(
        "{keys_shown}, {}",
        format::bytes_about(view.shown.bytes, view.has_estimates)
    );
    ui.horizontal_centered(|ui| {
        ui.add_space(size::SPACE_12);
        let width = |fit: Fit| -> f32 {
            let kinds = view.state.totals.kinds();
            kinds
                .map(|(kind, count)| fit.gap + fit.width(ui, kind, count.keys))
                .sum()
        };
        // What does not fit gives way in this order: the sums beside the chips, air, exact counts. Tooltips have all.
        let fit = if width(WIDE) + BUTTONS < ui.available_width() {
            WIDE
        } else {
            TIGHT
        };
        ui.spacing_mut().item_spacing.x = fit.gap;
        // Where even these have no room they scroll, and never stand under the buttons.
        let room = ui.available_width() - BUTTONS;
        ScrollArea::horizontal()
            .id_salt("chips")
            .max_width(room.max(80.0))
            .scroll_bar_visibility(ScrollBarVisibility::AlwaysHidden)
            .show(ui, |ui| {
                ui.horizontal_centered(|ui| {
                    for (kind, count) in view.state.totals.kinds() {
                        let shown = !keys.question.filter.hidden.contains(&kind);
                        if chip(ui, kind, count.keys, fit, shown).clicked() {
                            toggled = Some(kind);
                        }
                    }
                });
            });
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.add_space(size::SPACE_4);
            switches(ui, keys, commands);
            let room = ui.available_width() - WIDE.gap;
            let fits = |text: &str| text_width(ui, text, fonts::body()) < room;
            let shown = [&all_shown, &keys_shown]
                .into_iter()
                .find(|text| fits(text));
            if let Some(shown) = shown {
                ui.label(text::weak(ui, shown)).tip(&all_shown);
            }
        });
    });
    if let Some(kind) = toggled {
        let hidden = &mut keys.question.filter.hidden;
        match hidden.iter().position(|other| *other == kind) {
            Some(at) => {
                hidden.remove(at);
            }
            None => hidden.push(kind),
        }
        keys.ask(commands);
    }
}

/// The analysis instead of the keys, and the export of either.
fn switches(ui: &mut Ui, keys: &mut Keys, commands: &mut Commands) {
    let analysed = keys.question.analysis.is_some();
    let export = Button::new("Export")
        .bare()
        .tooltip("Write the shown keys or their analysis to a file");
    if ui.add(export).clicked() {
        let what = if analysed { What::Analysis } else { What::Keys };
        commands.send(AppCommand::Keys(Command::Export(what)));
    }
    let analysis = Button::new("Analysis")
        .bare()
        .selected(analysed)
        .tooltip(if analysed {
            "Back to the keys"
        } else {
            "Sum the shown keys up: by type, time to live, encoding, last use and prefix; the biggest; what grew"
        });
    if ui.add(analysis).clicked() {
        keys.analyse(!analysed, commands);
    }
}

fn chip(ui: &mut Ui, kind: Kind, count: u64, fit: Fit, shown: bool) -> Response {
    let colors = colors(ui);
    let width = fit.width(ui, kind, count);
    let keys = format::plural(count, "key", "keys");
    let count = fit.count(count);
    let (rect, response) = ui.allocate_exact_size(vec2(width, size::BADGE), Sense::click());
    let color = colors.structure(structure(kind));
    let painter = ui.painter();
    let text_color = if shown {
        colors.structure_text(structure(kind))
    } else {
        colors.weak
    };
    let dot = pos2(rect.left() + fit.insets.0 - 9.0, rect.center().y);
    if shown {
        painter.rect_filled(
            rect,
            size::BADGE / 2.0,
            faint(color, if response.hovered() { 0.26 } else { 0.17 }),
        );
        painter.circle_filled(dot, 3.5, color);
    } else {
        painter.rect_stroke(rect, size::BADGE / 2.0, line(colors), StrokeKind::Inside);
        painter.circle_stroke(dot, 3.0, Stroke::new(1.2, color));
    }
    let write = |x: f32, align, text: &str, font| {
        let at = pos2(x, rect.center().y);
        text_at(painter, at, align, text, font, text_color, width);
    };
    let (left, right) = (rect.left() + fit.insets.0, rect.right() - fit.insets.1);
    write(
        left,
        Align2::LEFT_CENTER,
        kind.name(),
        fonts::small_strong(),
    );
    write(right, Align2::RIGHT_CENTER, &count, fonts::small());
    focus_ring(ui, &response);
    let name = format!("Type {}, {keys}", kind.name());
    response.widget_info(|| WidgetInfo::selected(Role::Button, true, shown, &name));
    response.tip(if shown {
        format!("{keys}. Leave these out of the table")
    } else {
        format!("{keys}. Show these in the table")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_shrink_and_stay_true() {
        for (count, expected) in [
            (7, "7"),
            (999, "999"),
            (1_234, "1.2k"),
            (45_678, "45k"),
            (999_999, "999k"),
            (12_345_678, "12M"),
        ] {
            assert_eq!(TIGHT.count(count), expected);
        }
        assert_eq!(WIDE.count(1_234), "1,234");
    }
}
