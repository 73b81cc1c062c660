//! The status line: what runs, how far it is, and how to end it.

use eframe::egui::{Align, DragValue, Layout, Ui};

use crate::app::command::{Command, Commands};
use crate::app::format;
use crate::app::state::State;
use crate::app::theme::{Tone, colors, fonts, size, text};
use crate::app::widgets::{Button, progress};
use crate::worker::{Role, Status};

pub(super) fn show(ui: &mut Ui, state: &State, out: &mut Commands) {
    ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
        ui.add_space(size::SPACE_12);
        ui.spacing_mut().item_spacing.x = size::SPACE_8;
        let summary = summary(state);
        ui.label(text::small(ui, summary));
        let mut moving = false;
        // The newest first: that is what the user just started.
        for running in state.running.iter().rev().take(2) {
            moving = true;
            ui.add_space(size::SPACE_8);
            let elapsed = state.clock.now.saturating_duration_since(running.started);
            let time = match running.expected {
                Some(expected) => format!(
                    "{} of about {}",
                    format::duration(elapsed),
                    format::duration(expected)
                ),
                None => format::duration(elapsed),
            };
            ui.label(text::small(ui, format!("{}  {time}", running.what)).color(colors(ui).text));
            progress(
                ui,
                &running.what,
                running.done(state.clock.now),
                Tone::Wait,
                72.0,
            );
            let name = format!("Cancel {}", running.what);
            let cancel = Button::new("Cancel")
                .bare()
                .named(&name)
                .tooltip("Ends it, and its query on the server");
            if ui.add(cancel).clicked() {
                out.send(Command::Cancel(running.task));
            }
        }
        if state.running.len() > 2 {
            ui.label(text::small(
                ui,
                format!("and {} more", state.running.len() - 2),
            ));
        }
        if moving {
            ui.ctx().request_repaint_after_secs(0.1);
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.add_space(size::SPACE_4);
            super::zoom::show(ui, state, out);
            ui.add_space(size::SPACE_8);
            if let Some(demo) = state.open.as_ref().and_then(|open| open.demo) {
                let mut rate = demo.orders_per_minute;
                if rate > 0 {
                    // The count grows without any input.
                    let often = (60.0 / rate as f32).max(1.0);
                    ui.ctx().request_repaint_after_secs(often);
                }
                ui.spacing_mut().item_spacing.x = size::SPACE_4;
                ui.spacing_mut().interact_size = eframe::egui::vec2(36.0, 20.0);
                ui.label(text::small(ui, "orders a minute"));
                let drag = DragValue::new(&mut rate)
                    .range(0..=6000)
                    .speed(1.0)
                    .update_while_editing(false);
                ui.style_mut().drag_value_text_style = eframe::egui::TextStyle::Small;
                if ui.add(drag).accessible_name("Orders a minute").changed() {
                    out.send(Command::SetOrdersPerMinute(rate));
                }
                ui.label(text::small(ui, "Demo writer").font(fonts::small()));
                ui.add_space(size::SPACE_8);
                ui.label(text::small(
                    ui,
                    format::plural(demo.inserted, "new order", "new orders"),
                ));
            }
        });
    });
}

fn summary(state: &State) -> String {
    if let Some(opening) = &state.opening {
        return format!("Opening {}", opening.title);
    }
    let Some(open) = &state.open else {
        return "No workspace open".to_owned();
    };
    match &open.worker {
        Some(worker) => worker_line(worker),
        None if state.keys.is_unlocked() => "Unlocked: this server can be changed from here".into(),
        None if open.workspace.sources.is_empty() => {
            "Read-only: nothing on this server can be changed from here".into()
        }
        None => "No worker in this window".into(),
    }
}

/// What the status line says of the worker.
pub(in crate::app) fn worker_line(status: &Status) -> String {
    if status.paused {
        return "Worker: paused".into();
    }
    let tables: usize = status.sources.iter().map(|watch| watch.tables.len()).sum();
    let watched = format::plural(tables as u64, "table", "tables");
    if status
        .sources
        .iter()
        .any(|watch| matches!(watch.role, Role::Blind(_)))
    {
        "Worker: cannot watch every source, see Worker".into()
    } else if status
        .sources
        .iter()
        .any(|watch| watch.role == Role::StandingBy)
    {
        format!("Worker: standing by, another one leads; {watched}")
    } else if tables == 0 {
        "Worker: nothing to watch".into()
    } else {
        format!("Worker: leader, watching {watched}")
    }
}
