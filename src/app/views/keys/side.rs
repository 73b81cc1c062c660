//! The left side: filter and prefix tree.

use eframe::egui::{Align, Align2, Layout, Rect, ScrollArea, Ui, pos2, vec2};

use super::{Command, Keys, filter_id, filters, region, scan};
use crate::app::command::{Command as AppCommand, Commands};
use crate::app::format;
use crate::app::theme::{Icon, colors, fonts, line, size, text};
use crate::app::widgets::{Button, Field, ListRow, Tip, text_at};
use crate::inspect::{Pattern, Phase, TreeRow, display};

const SCAN_BLOCK: f32 = 126.0;

/// Draws it.
pub(super) fn show(ui: &mut Ui, keys: &mut Keys, commands: &mut Commands) {
    let whole = ui.max_rect();
    let inset = size::SPACE_12;
    let head = Rect::from_min_size(whole.min, vec2(whole.width(), size::TOP_BAR));
    region(ui, "head", head.shrink2(vec2(inset, 0.0)), |ui| {
        ui.horizontal_centered(|ui| {
            ui.label(text::heading(ui, "Keys"));
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                buttons(ui, keys, commands);
            });
        });
    });
    let field = Rect::from_min_size(
        head.left_bottom() + vec2(inset, 0.0),
        vec2(whole.width() - 2.0 * inset, size::BUTTON),
    );
    region(ui, "filter", field, |ui| filter(ui, keys, commands));
    let only = Rect::from_min_size(
        field.left_bottom() + vec2(0.0, size::SPACE_4),
        vec2(field.width(), size::LIST_ROW),
    );
    let block = Rect::from_min_max(pos2(whole.left(), whole.bottom() - SCAN_BLOCK), whole.max);
    let tree = Rect::from_min_max(
        pos2(whole.left(), only.bottom() + size::SPACE_4),
        block.right_top(),
    );
    region(ui, "only", only, |ui| filters::entries(ui, keys, commands));
    region(ui, "tree", tree, |ui| show_tree(ui, keys, commands));
    ui.painter()
        .hline(block.x_range(), block.top() + 0.5, line(colors(ui)));
    region(ui, "scan", block.shrink(inset), |ui| {
        scan::show(ui, keys, &keys.view.state.clone(), commands);
    });
}

fn buttons(ui: &mut Ui, keys: &Keys, commands: &mut Commands) {
    let mut send = |command| commands.send(AppCommand::Keys(command));
    let running = keys.explorer.is_some();
    match keys.view.state.phase {
        Phase::Running if running => {
            if ui
                .add(
                    Button::new("Pause")
                        .bare()
                        .tooltip("Pause the scan; what it saw stays"),
                )
                .clicked()
            {
                send(Command::Pause(true));
            }
        }
        Phase::Paused if running => {
            if ui
                .add(Button::new("Resume").bare().tooltip("Go on with the scan"))
                .clicked()
            {
                send(Command::Pause(false));
            }
        }
        _ => {
            if ui
                .add(
                    Button::new("Rescan")
                        .bare()
                        .tooltip("Look at the whole keyspace again"),
                )
                .clicked()
            {
                send(Command::Scan);
            }
        }
    }
    if running
        && matches!(keys.view.state.phase, Phase::Running | Phase::Paused)
        && ui
            .add(
                Button::new("Stop")
                    .bare()
                    .tooltip("End the scan and keep what it saw"),
            )
            .clicked()
    {
        send(Command::Stop);
    }
}

fn filter(ui: &mut Ui, keys: &mut Keys, commands: &mut Commands) {
    let more = 82.0;
    let whole = ui.max_rect();
    let field = Rect::from_min_max(whole.min, pos2(whole.right() - more, whole.bottom()));
    region(
        ui,
        "more",
        Rect::from_min_max(pos2(field.right(), whole.top()), whole.max),
        |ui| {
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                filters::show(ui, keys, commands);
            });
        },
    );
    let response = Field::new("Filter keys")
        .inline()
        .width(field.width())
        .hint("Pattern or prefix")
        .id(filter_id())
        .show(ui, &mut keys.filter);
    if std::mem::take(&mut keys.find) {
        response.request_focus();
    }
    if response.changed() {
        keys.question.filter.pattern = Pattern::typed(&keys.filter);
        keys.ask(commands);
    }
}

fn show_tree(ui: &mut Ui, keys: &mut Keys, commands: &mut Commands) {
    let tree = keys.view.tree.clone();
    let mut clicked = None;
    ScrollArea::vertical()
        .id_salt("prefixes")
        .auto_shrink(false)
        .show_rows(ui, size::LIST_ROW, tree.len(), |ui, rows| {
            for row in &tree[rows] {
                if row.more > 0 {
                    let rest = format!(
                        "and {}",
                        format::plural(row.more as u64, "more prefix", "more prefixes")
                    );
                    ListRow::new(&rest, size::LIST_ROW).show(ui, |ui, rect| {
                        let at = pos2(rect.left() + 30.0, rect.center().y);
                        text_at(
                            ui.painter(),
                            at,
                            Align2::LEFT_CENTER,
                            &rest,
                            fonts::small(),
                            colors(ui).weak,
                            rect.width(),
                        );
                    });
                } else if let Some(click) = prefix_row(
                    ui,
                    row,
                    keys.view.has_estimates,
                    keys.question.filter.prefix == row.prefix,
                ) {
                    clicked = Some((row.clone(), click));
                }
            }
        });
    let Some((row, click)) = clicked else { return };
    if click == Click::Toggle || !keys.question.open.contains(&row.prefix) && row.opens {
        if !keys.question.open.remove(&row.prefix) {
            keys.question.open.insert(row.prefix.clone());
        }
    } else if keys.question.filter.prefix == row.prefix {
        // A second click takes the choice back.
        keys.question.filter.prefix.clear();
        keys.ask(commands);
        return;
    }
    if click == Click::Select {
        keys.question.filter.prefix = row.prefix;
    }
    keys.ask(commands);
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Click {
    Toggle,
    Select,
}

/// A name as far as a line shows it: names may be megabytes, and each is laid out in every frame.
fn short(name: &[u8]) -> String {
    display(&name[..name.len().min(512)])
}

fn prefix_row(ui: &mut Ui, row: &TreeRow, is_estimate: bool, selected: bool) -> Option<Click> {
    let label = if row.label.is_empty() {
        "(empty)".to_owned()
    } else {
        format::visible_name(&short(&row.label), "name").into_owned()
    };
    let count = format::count(row.count.keys);
    let keys = format::plural(row.count.keys, "key", "keys");
    let bytes = format::bytes(row.count.bytes);
    let name = format!("Prefix {}, {keys}, {bytes}", short(&row.prefix));
    let mut arrow = Rect::NOTHING;
    let response = ListRow::new(&name, size::LIST_ROW)
        .selected(selected)
        .show(ui, |ui, rect| {
            let colors = colors(ui);
            let painter = ui.painter();
            let middle = rect.center().y;
            let left = rect.left() + size::SPACE_12 + row.depth as f32 * size::SPACE_16;
            arrow = Rect::from_min_max(
                pos2(left - 6.0, rect.top()),
                pos2(left + 12.0, rect.bottom()),
            );
            if row.opens {
                let icon = if row.open { Icon::Down } else { Icon::Right };
                icon.paint(
                    painter,
                    Rect::from_center_size(pos2(left + 3.0, middle), vec2(8.0, 8.0)),
                    colors.weak,
                );
            }
            let right = rect.right() - size::SPACE_12;
            let number = |x: f32, shown: &str, color, width: f32| {
                text_at(
                    painter,
                    pos2(x, middle),
                    Align2::RIGHT_CENTER,
                    shown,
                    fonts::body(),
                    color,
                    width,
                )
            };
            number(right, &bytes, colors.weak, 66.0);
            let place = number(right - 68.0, &count, colors.weak, 90.0);
            let room = place.left() - left - 24.0;
            text_at(
                painter,
                pos2(left + 17.0, middle),
                Align2::LEFT_CENTER,
                &label,
                fonts::mono(),
                colors.strong,
                room,
            );
        });
    let on_arrow = response
        .interact_pointer_pos()
        .is_some_and(|at| arrow.contains(at));
    let clicked = response.clicked();
    let mut tip = short(&row.prefix);
    if is_estimate {
        // Which sums hold an estimate is not kept: of large collections the server measures some elements.
        tip.push_str("\nLarge collections in it count as estimates");
    }
    response.tip(tip);
    clicked.then_some(if on_arrow && row.opens {
        Click::Toggle
    } else {
        Click::Select
    })
}
