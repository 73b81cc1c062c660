//! What the shown keys hold, summed up: by type, time to live, encoding, last use and prefix; the biggest; what grew.

use chrono::{DateTime, Local};
use eframe::egui::{Align, Label, Layout, ScrollArea, Ui, vec2};

use super::model::Kept;
use super::{Command, Keys, filters};
use crate::app::command::{Command as AppCommand, Commands};
use crate::app::format;
use crate::app::theme::{Tone, size, text};
use crate::app::widgets::{
    Button, Cell, Column, column_row, column_titles, group_title, inset, loading, notice,
};
use crate::inspect::{
    Analysis, BigKey, Comparison, Filter, Growth, Kind, Portion, View, compare, display,
    is_estimate,
};

/// Draws of a sample: enough for shares within a percent.
const DRAWS: u64 = 20_000;
/// Prefixes and changes that are listed; an export has them all.
const SHOWN: usize = 100;

/// Draws it.
pub(super) fn show(ui: &mut Ui, keys: &mut Keys, view: &View, commands: &mut Commands) {
    let (analysis, filter) = match &keys.sampled {
        Some(Ok(sampled)) => (Some(sampled.clone()), &keys.sampled_filter),
        _ => (view.analysis.clone(), &view.question.filter),
    };
    let filter = filters::plain(filter);
    ui.allocate_ui_with_layout(
        vec2(ui.available_width(), size::TOP_BAR),
        Layout::left_to_right(Align::Center),
        |ui| {
            ui.add_space(size::SPACE_12);
            tools(ui, keys, analysis.as_deref(), &filter, commands);
        },
    );
    for error in [
        keys.sampled
            .as_ref()
            .and_then(|sampled| sampled.as_ref().err()),
        keys.before_error.as_ref(),
    ]
    .into_iter()
    .flatten()
    {
        inset(ui, |ui| {
            notice(ui, Tone::Error, &format::sentence(error));
            ui.add_space(size::SPACE_8);
        });
    }
    let Some(analysis) = analysis else {
        loading(ui, "Summing up", "The figures appear in a moment.");
        return;
    };
    ScrollArea::vertical()
        .id_salt("analysis")
        .auto_shrink(false)
        .show(ui, |ui| {
            let is_sample = analysis.sample.is_some();
            inset(ui, |ui| said(ui, &analysis, keys.view.has_estimates));
            if let Some(kept) = &keys.before
                && against(ui, kept, &analysis, &filter)
            {
                keys.before = None;
            }
            halves(
                ui,
                is_sample,
                |ui| groups(ui, "By type", "Type", &analysis.types),
                |ui| groups(ui, "By time to live", "Expires", &analysis.ttl),
            );
            halves(
                ui,
                is_sample,
                |ui| groups(ui, "By encoding", "Encoding", &analysis.encodings),
                |ui| groups(ui, "By last use", "Used", &analysis.used),
            );
            if is_sample {
                // Intervals need the whole width.
                groups(ui, "By prefix", "Prefix", &analysis.prefixes);
                groups(
                    ui,
                    "Without TTL, by prefix",
                    "Prefix",
                    &analysis.without_ttl,
                );
            } else {
                prefixes(ui, &analysis);
            }
            big(ui, "Biggest keys", &analysis.biggest, analysis.at);
            big(ui, "Longest collections", &analysis.longest, analysis.at);
        });
}

fn tools(
    ui: &mut Ui,
    keys: &mut Keys,
    analysis: Option<&Analysis>,
    filter: &Filter,
    commands: &mut Commands,
) {
    let mut send = |command| commands.send(AppCommand::Keys(command));
    ui.spacing_mut().item_spacing.x = size::SPACE_8;
    let depth = keys.question.analysis.map_or(1, |detail| detail.depth);
    ui.label(text::weak(
        ui,
        format!(
            "Prefixes of {}",
            format::plural(depth as u64, "part", "parts")
        ),
    ));
    let mut change = 0_i32;
    if ui
        .add(
            Button::new("–")
                .named("Shorter prefixes")
                .enabled(depth > 1),
        )
        .clicked()
    {
        change = -1;
    }
    if ui
        .add(
            Button::new("+")
                .named("Longer prefixes")
                .enabled(depth < 16),
        )
        .clicked()
    {
        change = 1;
    }
    if change != 0
        && let Some(detail) = &mut keys.question.analysis
    {
        detail.depth = detail.depth.saturating_add_signed(change as isize);
        send(Command::Ask(Box::new(keys.question.clone())));
        if matches!(keys.sampled, Some(Ok(_))) {
            send(Command::Sample(DRAWS));
        }
    }
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
        ui.add_space(size::SPACE_12);
        if keys.before.is_some() {
            if ui.add(Button::new("Stop comparing").bare()).clicked() {
                keys.before = None;
            }
        } else {
            if ui
                .add(Button::new("Compare with file").bare().tooltip(
                    "Show what grew since an analysis that Export or lookaside keys --json wrote",
                ))
                .clicked()
            {
                send(Command::CompareWith);
            }
            if let Some(analysis) = analysis
                && ui
                    .add(Button::new("Keep").bare().tooltip(
                        "Keep these figures, and show what grew after the next scan",
                    ))
                    .clicked()
            {
                keys.before = Some(Kept {
                    analysis: analysis.clone(),
                    filter: Some(filter.clone()),
                });
                keys.before_error = None;
            }
        }
        if keys.sampling {
            ui.label(text::tone(ui, Tone::Wait, "Drawing a sample"));
        } else if keys.sampled.is_some() {
            if ui.add(Button::new("Back to the scan").bare()).clicked() {
                keys.sampled = None;
            }
        } else if ui
            .add(Button::new("Sample").bare().tooltip(format!(
                "Estimate the whole server from {} keys drawn at random, without waiting for a scan",
                format::count(DRAWS)
            )))
            .clicked()
        {
            send(Command::Sample(DRAWS));
        }
    });
}

/// Of what the figures speak, and how surely.
fn said(ui: &mut Ui, analysis: &Analysis, has_estimates: bool) {
    let all = analysis.all.count;
    let figures = format!(
        "{}, {}",
        format::plural(all.keys, "key", "keys"),
        format::bytes_about(all.bytes, has_estimates || analysis.sample.is_some())
    );
    let how = match analysis.sample {
        Some(sample) => format!(
            "estimated from {} draws of {} keys; beside each figure stands where it lies in 95 of 100 samples",
            format::count(sample.draws),
            format::count(sample.of)
        ),
        None if analysis.complete => "counted, the scan is complete".to_owned(),
        None => format!(
            "counted so far, of about {} keys on the server",
            format::count(analysis.about)
        ),
    };
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = size::SPACE_8;
        ui.label(text::name(ui, figures));
        ui.label(text::weak(ui, how));
    });
    for note in &analysis.notes {
        ui.add(Label::new(text::small(ui, note)).wrap());
    }
    ui.add_space(size::SPACE_12);
}

/// Two things side by side; under one another where they are `wide` or the window is narrow.
fn halves(ui: &mut Ui, wide: bool, left: impl FnOnce(&mut Ui), right: impl FnOnce(&mut Ui)) {
    if wide || ui.available_width() < 620.0 {
        left(ui);
        right(ui);
        return;
    }
    ui.spacing_mut().item_spacing.x = size::SPACE_24;
    ui.columns(2, |columns| {
        left(&mut columns[0]);
        right(&mut columns[1]);
    });
}

/// The title of a table, above its first column.
fn heading(ui: &mut Ui, title: &str) {
    inset(ui, |ui| group_title(ui, title));
    ui.add_space(size::SPACE_4);
}

fn between(low: String, high: String) -> String {
    format!("{low} to {high}")
}

fn text_of(name: &[u8]) -> String {
    if name.is_empty() {
        "(none)".into()
    } else {
        display(name)
    }
}

/// A table of groups, with intervals where it is of a sample.
fn groups(ui: &mut Ui, title: &str, first: &'static str, groups: &[Portion]) {
    if groups.is_empty() {
        return;
    }
    ui.spacing_mut().item_spacing.y = 0.0;
    heading(ui, title);
    let sampled = groups.iter().any(|group| group.bounds.is_some());
    let mut columns = vec![
        Column::text(first, 80.0, 1.0),
        Column::number("Keys", 80.0, 0.0),
    ];
    if sampled {
        columns.push(Column::number("95 %", 216.0, 0.0));
    }
    columns.push(Column::number("Bytes", 74.0, 0.0));
    if sampled {
        columns.push(Column::number("95 %", 164.0, 0.0));
    }
    column_titles(ui, &columns);
    for group in groups.iter().take(SHOWN) {
        let mut cells = vec![
            Cell::Strong(text_of(&group.name)),
            Cell::Text(format::count(group.count.keys)),
        ];
        let bounds = group.bounds.unwrap_or_default();
        if sampled {
            let (low, high) = (bounds.low.keys, bounds.high.keys);
            cells.push(Cell::Weak(between(format::count(low), format::count(high))));
        }
        cells.push(Cell::Text(format::bytes(group.count.bytes)));
        if sampled {
            let (low, high) = (bounds.low.bytes, bounds.high.bytes);
            cells.push(Cell::Weak(between(format::bytes(low), format::bytes(high))));
        }
        column_row(ui, &columns, &cells);
    }
    more(ui, groups.len());
    ui.add_space(size::SPACE_16);
}

/// Every prefix with what never expires under it.
fn prefixes(ui: &mut Ui, analysis: &Analysis) {
    const COLUMNS: [Column; 6] = [
        Column::text("Prefix", 160.0, 1.0),
        Column::number("Keys", 80.0, 0.0),
        Column::number("Bytes", 80.0, 0.0),
        Column::number("Share of bytes", 90.0, 0.0),
        Column::number("Without TTL", 80.0, 0.0),
        Column::number("Bytes of those", 90.0, 0.0),
    ];
    if analysis.prefixes.is_empty() {
        return;
    }
    ui.spacing_mut().item_spacing.y = 0.0;
    heading(ui, "By prefix");
    column_titles(ui, &COLUMNS);
    let lasting: std::collections::HashMap<&[u8], &Portion> = analysis
        .without_ttl
        .iter()
        .map(|group| (group.name.as_slice(), group))
        .collect();
    let all = analysis.all.count.bytes.max(1);
    for group in analysis.prefixes.iter().take(SHOWN) {
        let without = lasting
            .get(group.name.as_slice())
            .map(|group| group.count)
            .unwrap_or_default();
        column_row(
            ui,
            &COLUMNS,
            &[
                Cell::Value(text_of(&group.name)),
                Cell::Text(format::count(group.count.keys)),
                Cell::Text(format::bytes(group.count.bytes)),
                Cell::Weak(format::percent(group.count.bytes as f64 / all as f64)),
                Cell::Text(format::count(without.keys)),
                Cell::Text(format::bytes(without.bytes)),
            ],
        );
    }
    more(ui, analysis.prefixes.len());
    ui.add_space(size::SPACE_16);
}

fn more(ui: &mut Ui, all: usize) {
    if let Some(more) = all.checked_sub(SHOWN).filter(|more| *more > 0) {
        inset(ui, |ui| {
            let more = format!(
                "and {} more, which an export lists",
                format::count(more as u64)
            );
            ui.label(text::small(ui, more));
        });
    }
}

fn big(ui: &mut Ui, title: &str, keys: &[BigKey], now: i64) {
    const COLUMNS: [Column; 5] = [
        Column::text("Key", 160.0, 1.0),
        Column::text("Type", 70.0, 0.0),
        Column::number("Bytes", 80.0, 0.0),
        Column::number("Elements", 80.0, 0.0),
        Column::number("TTL", 100.0, 0.0),
    ];
    if keys.is_empty() {
        return;
    }
    ui.spacing_mut().item_spacing.y = 0.0;
    heading(ui, title);
    column_titles(ui, &COLUMNS);
    for key in keys {
        let name = &key.name[..key.name.len().min(512)];
        column_row(
            ui,
            &COLUMNS,
            &[
                Cell::Value(display(name)),
                Cell::Text(key.type_name.clone()),
                Cell::Text(key.bytes.map_or_else(
                    || "–".into(),
                    |bytes| {
                        let kind = Kind::from_type(&key.type_name);
                        format::bytes_about(bytes, is_estimate(kind, "", key.elements))
                    },
                )),
                Cell::Text(key.elements.map_or_else(|| "–".into(), format::count)),
                Cell::Text(super::table::ttl(key.ttl, now).0),
            ],
        );
    }
    ui.add_space(size::SPACE_16);
}

/// What grew since the kept analysis, or why that cannot be told. Returns whether the kept one is to be dropped.
fn against(ui: &mut Ui, kept: &Kept, analysis: &Analysis, filter: &Filter) -> bool {
    let other = kept.filter.as_ref().filter(|kept| *kept != filter);
    if let Some(other) = other {
        let sentence = format!(
            "The kept analysis was of another selection ({}); set the same filter to compare",
            filters::words(other)
        );
        let mut drops = false;
        inset(ui, |ui| {
            notice(ui, Tone::Stale, &sentence);
            ui.add_space(size::SPACE_4);
            let button = Button::new("Drop the kept analysis");
            drops = ui.add(button).clicked();
            ui.add_space(size::SPACE_16);
        });
        return drops;
    }
    if kept.filter.is_some() && kept.analysis.at == analysis.at {
        let sentence = format!(
            "Kept at {}: rescan, and what grew since then stands here",
            local(kept.analysis.at, "%H:%M")
        );
        inset(ui, |ui| {
            notice(ui, Tone::Hit, &sentence);
            ui.add_space(size::SPACE_16);
        });
        return false;
    }
    ui.scope(|ui| grown(ui, &compare(&kept.analysis, analysis)));
    false
}

/// A moment in milliseconds since 1970, by this machine's clock.
fn local(at: i64, shown: &str) -> String {
    DateTime::from_timestamp_millis(at).map_or_else(String::new, |time| {
        time.with_timezone(&Local).format(shown).to_string()
    })
}

fn grown(ui: &mut Ui, compared: &Comparison) {
    const COLUMNS: [Column; 5] = [
        Column::text("What grew", 160.0, 1.0),
        Column::number("Keys", 90.0, 0.0),
        Column::number("Bytes", 90.0, 0.0),
        Column::number("Bytes before", 90.0, 0.0),
        Column::number("Bytes now", 90.0, 0.0),
    ];
    ui.spacing_mut().item_spacing.y = 0.0;
    let since = local(compared.since, "%Y-%m-%d %H:%M:%S");
    heading(ui, &format!("Since {since}"));
    column_titles(ui, &COLUMNS);
    let mut row = |name: String, growth: &Growth| {
        let name = if growth.certain {
            name
        } else {
            format!("{name} (may be chance)")
        };
        column_row(
            ui,
            &COLUMNS,
            &[
                Cell::Value(name),
                Cell::Strong(signed(growth.keys(), format::count)),
                Cell::Strong(signed(growth.bytes(), format::bytes)),
                Cell::Weak(format::bytes(growth.before.bytes)),
                Cell::Weak(format::bytes(growth.now.bytes)),
            ],
        );
    };
    row("everything".into(), &compared.all);
    for growth in &compared.types {
        row(text_of(&growth.name), growth);
    }
    for growth in compared.prefixes.iter().take(SHOWN) {
        row(text_of(&growth.name), growth);
    }
    more(ui, compared.prefixes.len());
    ui.add_space(size::SPACE_16);
}

fn signed(change: i64, shown: fn(u64) -> String) -> String {
    let sign = match change {
        0 => "",
        1.. => "+",
        _ => "-",
    };
    format!("{sign}{}", shown(change.unsigned_abs()))
}
