//! How is what was heard drawn: the warning before MONITOR, and the list.

use std::sync::Arc;
use std::time::{Duration, Instant};

use eframe::egui::{Align, Align2, Label, Layout, Rect, ScrollArea, Ui, pos2, vec2};

use super::live::{Live, Phase};
use super::{Command, Console};
use crate::app::command::{Command as AppCommand, Commands};
use crate::app::format;
use crate::app::theme::{Icon, Tone, colors, fonts, size, text};
use crate::app::widgets::{Badge, Button, Field, ListRow, Tip, notice, text_at};
use crate::inspect::{Heard, Limit, Listen};

/// How high the warning is.
pub(super) const ASKING: f32 = 164.0;

/// What can be chosen.
const TIMES: [u64; 4] = [10, 30, 60, 300];
const LINES: [u64; 3] = [1_000, 10_000, 100_000];

/// How wide the filter is.
const FILTER: f32 = 150.0;

/// The most of one line that a tooltip shows.
const TOLD: usize = 2_000;

/// Draws it.
pub(super) fn show(ui: &mut Ui, console: &mut Console, now: Instant, commands: &mut Commands) {
    let Some(mut live) = console.live.take() else {
        return;
    };
    if live.asks() {
        match ask(ui, &mut live) {
            Some(true) => console.start(live, commands),
            Some(false) => console.prompt.take_focus(),
            None => console.live = Some(live),
        }
        return;
    }
    let end = ui
        .vertical(|ui| {
            let end = bar(ui, &mut live, now, commands);
            list(ui, &mut live, commands);
            end
        })
        .inner;
    match end {
        Some(End::Again) => {
            let listen = live.listen.clone();
            console.live = Some(live);
            console.listen(listen, commands);
        }
        Some(End::Close) => {
            console.prompt.take_focus();
            console.live = Some(live);
            console.stop(commands);
            console.live = None;
        }
        Some(End::Stop) => {
            console.prompt.take_focus();
            console.live = Some(live);
            console.stop(commands);
        }
        None => console.live = Some(live),
    }
}

enum End {
    Stop,
    Close,
    Again,
}

/// The warning. Whether MONITOR is meant, once that was said.
fn ask(ui: &mut Ui, live: &mut Live) -> Option<bool> {
    let Listen::Monitor(limit) = &mut live.listen else {
        return Some(true);
    };
    ui.add_space(size::SPACE_12);
    ui.spacing_mut().item_spacing.y = size::SPACE_8;
    ui.label(text::heading(ui, "Watch every command of this server?"));
    notice(
        ui,
        Tone::Stale,
        "MONITOR can halve the throughput of a busy server while it runs, and it shows what all clients send: \
         keys, values and secrets among them.",
    );
    ui.add_space(size::SPACE_4);
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = size::SPACE_4;
        ui.label(text::weak(ui, "Ends by itself after"));
        for seconds in TIMES {
            let time = Duration::from_secs(seconds);
            let label = format::long(time);
            let label = label.trim_end_matches(" 00 s");
            let button = Button::new(label).selected(limit.time == time);
            if ui.add(button).clicked() {
                limit.time = time;
            }
        }
        ui.label(text::weak(ui, "or"));
        for lines in LINES {
            let label = format::plural(lines, "command", "commands");
            if ui
                .add(Button::new(&label).selected(limit.lines == lines))
                .clicked()
            {
                limit.lines = lines;
            }
        }
    });
    ui.add_space(size::SPACE_4);
    ui.horizontal(|ui| {
        let start = Button::new("Start MONITOR").primary();
        if ui.add(start).clicked() {
            return Some(true);
        }
        if ui.add(Button::new("Leave it").bare()).clicked() {
            return Some(false);
        }
        None
    })
    .inner
}

fn bar(ui: &mut Ui, live: &mut Live, now: Instant, commands: &mut Commands) -> Option<End> {
    let mut end = None;
    let bar = Rect::from_min_size(ui.cursor().min, vec2(ui.available_width(), size::TOP_BAR));
    let over = matches!(live.phase, Phase::Ended(_));
    ui.scope_builder(eframe::egui::UiBuilder::new().max_rect(bar), |ui| {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.spacing_mut().item_spacing.x = size::SPACE_4;
            if over {
                if ui
                    .add(Button::icon_only(Icon::Cross, "Close").tooltip("Close"))
                    .clicked()
                {
                    end = Some(End::Close);
                }
                if ui.add(Button::new("Again").bare()).clicked() {
                    end = Some(End::Again);
                }
            } else {
                let stop = Button::new("Stop").tooltip("Ends it, and closes its connection");
                if ui.add(stop).clicked() {
                    end = Some(End::Stop);
                }
                let paused = live.is_paused();
                let pause = Button::new(if paused { "Go on" } else { "Pause" }).bare();
                let pause = pause.tooltip("Holds the list still; what comes meanwhile is kept");
                if ui.add(pause.selected(paused)).clicked() {
                    live.pause(!paused);
                }
            }
            let shown = live.shown();
            let some = !shown.is_empty();
            let save = Button::icon_only(Icon::Export, "Save what is shown");
            let save = save.tooltip("Write what is shown to a file in your downloads");
            if ui.add(save.enabled(some)).clicked() {
                commands.send(AppCommand::Console(Command::Save {
                    name: if live.is_monitor() {
                        "monitor"
                    } else {
                        "messages"
                    },
                    heard: shown.to_vec(),
                }));
            }
            let copy = Button::icon_only(Icon::Copy, "Copy what is shown");
            if ui
                .add(copy.enabled(some).tooltip("Copy what is shown"))
                .clicked()
            {
                commands.send(AppCommand::Copy(lines(&shown)));
            }
            let room = vec2(FILTER, size::BUTTON);
            ui.allocate_ui_with_layout(room, Layout::top_down(Align::Min), |ui| {
                Field::new("Filter what was heard")
                    .inline()
                    .hint("Filter")
                    .width(FILTER)
                    .show(ui, &mut live.filter);
            });
            ui.add_space(size::SPACE_8);
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                ui.spacing_mut().item_spacing.x = size::SPACE_8;
                let (word, tone) = match live.phase {
                    Phase::Starting | Phase::Asking => ("opening", Tone::Wait),
                    Phase::Running if live.is_paused() => ("paused", Tone::Stale),
                    Phase::Running => ("live", Tone::Hit),
                    Phase::Ended(_) => ("ended", Tone::Bypass),
                };
                ui.add(Badge::new(word, tone));
                let facts = facts(live, now);
                let title = text::mono(ui, live.listen.title()).color(colors(ui).strong);
                ui.add(Label::new(title).truncate()).tip(facts.clone());
                ui.add(Label::new(text::small(ui, facts)).truncate());
            });
        });
    });
    ui.advance_cursor_after_rect(bar);
    if !over {
        ui.ctx().request_repaint_after_secs(0.25);
    }
    end
}

/// What is known of it, in one line.
fn facts(live: &mut Live, now: Instant) -> String {
    let (one, many) = if live.is_monitor() {
        ("command", "commands")
    } else {
        ("message", "messages")
    };
    let mut facts = vec![format::plural(live.heard, one, many)];
    if live.phase == Phase::Running {
        facts.push(format!("{} a second", format::count(live.per_second(now))));
    }
    match (&live.phase, &live.listen) {
        (Phase::Running, Listen::Monitor(limit)) => facts.push(left(*limit, live, now)),
        (Phase::Ended(why), _) => facts.push(why.clone()),
        _ => {}
    }
    if live.is_paused() {
        facts.push(format!(
            "{} since the pause",
            format::count(live.since_pause())
        ));
    }
    if live.missed > 0 {
        facts.push(format!(
            "{} came too fast to be kept",
            format::count(live.missed)
        ));
    }
    let dropped = live.heard - live.missed - live.kept() as u64;
    if dropped > 0 {
        facts.push(format!(
            "the last {} are kept",
            format::count(live.kept() as u64)
        ));
    }
    facts.join(" · ")
}

fn left(limit: Limit, live: &Live, now: Instant) -> String {
    let ran = live.started.map_or(Duration::ZERO, |started| {
        now.saturating_duration_since(started)
    });
    // Rounded up: it counts down to one.
    let left = limit.time.saturating_sub(ran).as_secs_f64().ceil() as u64;
    let lines = limit.lines.saturating_sub(live.heard);
    format!(
        "ends in {} or {}",
        format::long(Duration::from_secs(left)),
        format::plural(lines, "command", "commands")
    )
}

fn lines(heard: &[Arc<Heard>]) -> String {
    let mut text = String::new();
    for heard in heard {
        text.push_str(&heard.line());
        text.push('\n');
    }
    text
}

fn list(ui: &mut Ui, live: &mut Live, commands: &mut Commands) {
    let shown = live.shown();
    if shown.is_empty() {
        let why = match (&live.phase, live.filter.is_empty()) {
            (_, false) if live.kept() > 0 => "Nothing that was heard contains this",
            (Phase::Ended(_), _) => "Nothing was heard",
            _ => "Nothing was heard yet",
        };
        ui.label(text::weak(ui, why));
        return;
    }
    ui.spacing_mut().item_spacing.y = 0.0;
    let area = ScrollArea::vertical()
        .id_salt("heard")
        .auto_shrink(false)
        .stick_to_bottom(!live.is_paused());
    area.show_rows(ui, size::TABLE_ROW, shown.len(), |ui, range| {
        for heard in &shown[range] {
            row(ui, heard, commands);
        }
    });
}

fn row(ui: &mut Ui, heard: &Heard, commands: &mut Commands) {
    let name = format!(
        "{} {}",
        heard.from,
        &heard.text[..heard.text.floor_char_boundary(200)]
    );
    let drawn = ListRow::new(&name, size::TABLE_ROW).show(ui, |ui, rect| {
        let colors = colors(ui);
        let painter = ui.painter().with_clip_rect(rect.intersect(ui.clip_rect()));
        let at = |x: f32, text: &str, color, width: f32| {
            let place = pos2(rect.left() + x, rect.center().y);
            text_at(
                &painter,
                place,
                Align2::LEFT_CENTER,
                text,
                fonts::mono(),
                color,
                width,
            );
        };
        at(
            0.0,
            &heard.at.format("%H:%M:%S%.3f").to_string(),
            colors.weak,
            96.0,
        );
        let (text, color) = match &heard.event {
            Some(event) => (format!("{}  {}", event.event, event.key), colors.strong),
            None => (heard.text.clone(), colors.strong),
        };
        let label = match (&heard.event, &heard.pattern) {
            (Some(event), _) => format!("key event, db {}", event.database),
            (None, _) => heard.from.clone(),
        };
        at(104.0, &label, colors.weak, 172.0);
        let shown = &text[..text.floor_char_boundary(600)];
        let cut = heard
            .cut_from
            .map(|all| format!("  ({} in all)", format::bytes(all as u64)))
            .unwrap_or_default();
        let left = rect.width() - 288.0;
        at(284.0, &format!("{shown}{cut}"), color, left);
    });
    if drawn.clicked() {
        commands.send(AppCommand::Copy(heard.text.clone()));
    }
    let told = &heard.text[..heard.text.floor_char_boundary(TOLD)];
    let from = match &heard.pattern {
        Some(pattern) => format!("{} (by {pattern})", heard.from),
        None => heard.from.clone(),
    };
    drawn.tip(format!("{from}\n{told}\nPress to copy"));
}
