//! The entry card: the selected report's entry, its state and why, and what it was worth.

use std::time::Duration;

use eframe::egui::{Frame, Label, Margin, ScrollArea, Ui};

use crate::app::command::{Command, Commands};
use crate::app::format;
use crate::app::state::State;
use crate::app::theme::{Tone, size, text};
use crate::app::widgets::{
    Badge, Button, FactValue, counts_down, counts_up, divider, fact, fact_with, group_title,
};
use crate::engine::{EntryState, Freshness};
use crate::report::{Dependencies, Refresh};

use super::list::{NEEDS_VALUES, badge_of, is_refreshing};

pub(super) fn show(ui: &mut Ui, state: &mut State, out: &mut Commands) {
    let Some(pane) = state.reports.pane() else {
        return;
    };
    let name = pane.draft.name.clone();
    let request = pane.request();
    let refreshing = request.is_ok() && is_refreshing(state, &name);
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        Frame::NONE
            .inner_margin(Margin {
                left: 12,
                right: 12,
                top: 12,
                bottom: 12,
            })
            .show(ui, |ui| {
                ui.spacing_mut().item_spacing.y = 0.0;
                group_title(ui, "Entry");
                ui.add_space(size::SPACE_8);
                // Without every value there is no entry to speak of, whatever was shown of another one.
                let entry = pane.entry.as_ref().filter(|_| request.is_ok());
                let (word, tone) = match request {
                    Ok(_) => badge_of(entry.map(|(state, _)| state), refreshing),
                    Err(_) if pane.needs_values() => NEEDS_VALUES,
                    Err(_) => ("Not ready", Tone::Bypass),
                };
                ui.add(Badge::new(word, tone));
                ui.add_space(size::SPACE_8);
                match (entry, &request) {
                    (_, Err(problem)) => small(ui, &format::sentence(problem)),
                    (None, Ok(_)) => small(ui, "Asking the cache..."),
                    (Some((entry, read)), Ok(_)) => {
                        let since = state.clock.now.saturating_duration_since(*read);
                        about(ui, entry, since, out);
                        if !entry.tables.is_empty() {
                            divider(ui);
                            depends_on(ui, entry, pane.draft.refresh);
                        }
                    }
                }
                let day = state
                    .log
                    .summary(&name)
                    .map(|summary| summary.day(state.clock.utc))
                    .unwrap_or_default();
                divider(ui);
                group_title(ui, "Last 24 hours");
                ui.add_space(size::SPACE_4);
                match day.hit_ratio() {
                    Some(ratio) => {
                        fact_with(ui, "Hit ratio", FactValue::Strong(&format::percent(ratio)));
                        fact(ui, "Queries avoided", &format::count(day.avoided));
                        fact(ui, "Database time saved", &saved(day.saved_ms));
                    }
                    None => small(ui, "Nobody asked for it through the cache yet."),
                }
                ui.add_space(size::SPACE_12);
                buttons(ui, state, refreshing, out);
            });
    });
}

fn saved(ms: f64) -> String {
    if ms < 60_000.0 {
        format::ms(ms)
    } else {
        format::long(Duration::from_secs_f64(ms / 1000.0))
    }
}

fn small(ui: &mut Ui, sentence: &str) {
    ui.add(Label::new(text::small(ui, sentence)).wrap());
}

fn about(ui: &mut Ui, entry: &EntryState, since: Duration, out: &mut Commands) {
    small(ui, &format::sentence(&entry.reason));
    ui.add_space(size::SPACE_8);
    if entry.state == Freshness::Unknown {
        return;
    }
    if !entry.redis_key.is_empty()
        && fact_with(ui, "Key", FactValue::Link(&short_key(&entry.redis_key)))
    {
        out.send(Command::ShowKey(entry.redis_key.clone()));
    }
    if entry.state == Freshness::Missing {
        return;
    }
    if let Some(ttl) = entry.ttl {
        let left = ttl.saturating_sub(since);
        if left.is_zero() {
            fact_with(ui, "TTL left", FactValue::Tone(Tone::Stale, "past"));
        } else {
            let left = counts_down(ui, left);
            fact_with(ui, "TTL left", FactValue::Strong(&left));
        }
    }
    if let Some(age) = entry.age {
        let age = counts_up(ui, age + since);
        fact(ui, "Age", &age);
    }
    if let Some(rows) = entry.rows {
        fact(ui, "Rows", &format::count(rows));
    }
    if let Some(bytes) = entry.bytes {
        let smaller = entry.raw_bytes.filter(|raw| *raw > bytes && bytes > 0);
        let ratio = smaller.map(|raw| format!(", {:.1}x smaller", raw as f64 / bytes as f64));
        fact(
            ui,
            "Size",
            &format!("{}{}", format::bytes(bytes), ratio.unwrap_or_default()),
        );
    }
    match entry.chunks {
        Some(0) => fact(ui, "Chunks", "held in the header"),
        Some(chunks) => fact(ui, "Chunks", &format::count(u64::from(chunks))),
        None => {}
    }
    if let Some(writer) = &entry.written_by {
        fact(ui, "Written by", writer);
    }
    if let Some(because) = &entry.refreshed_because {
        small(ui, &format!("Refreshed because: {because}."));
        ui.add_space(size::SPACE_4);
    }
    if let Some(time) = entry.query_time {
        fact(ui, "Query took", &format::duration(time));
    }
}

/// The end of a key, which is what tells two entries apart.
fn short_key(key: &str) -> String {
    match key.rsplit_once(':') {
        Some((before, hash)) if hash.len() > 12 => {
            let kind = before.rsplit_once(':').map_or("", |(_, kind)| kind);
            format!("…{kind}:{}", hash.chars().take(8).collect::<String>())
        }
        _ => key.to_owned(),
    }
}

fn depends_on(ui: &mut Ui, entry: &EntryState, refresh: Refresh) {
    group_title(ui, "Depends on");
    ui.add_space(size::SPACE_4);
    let watched = match (&entry.detector, refresh) {
        (Some(detector), Refresh::OnChange) => Some(detector.as_str()),
        _ => None,
    };
    let mut shown: Vec<&str> = Vec::new();
    for (view, tables) in &entry.views {
        fact(ui, &format!("{view} (view)"), "");
        for table in tables {
            shown.push(table);
            table_row(ui, &format!("  {table}"), watched);
        }
    }
    for table in entry
        .tables
        .iter()
        .filter(|table| !shown.contains(&table.as_str()))
    {
        let name = if table == Dependencies::ANY {
            "any change of the source"
        } else {
            table
        };
        table_row(ui, name, watched);
    }
    if let Some(why) = &entry.any_change {
        small(ui, &format!("Any change, because {why}."));
    }
    if let Some((name, _)) = watched.and_then(|detector| detector.rsplit_once(", ")) {
        ui.add_space(size::SPACE_4);
        small(ui, &format!("Watched by {name}."));
    }
}

fn table_row(ui: &mut Ui, table: &str, watched: Option<&str>) {
    match watched {
        // The delay beside each table; what it is the delay of stands once below.
        Some(detector) => {
            let delay = detector
                .rsplit_once(", ")
                .map_or(detector, |(_, delay)| delay);
            fact_with(ui, table, FactValue::Tone(Tone::Hit, delay))
        }
        None => fact_with(ui, table, FactValue::Tone(Tone::Bypass, "unwatched")),
    };
}

fn buttons(ui: &mut Ui, state: &State, refreshing: bool, out: &mut Commands) {
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = size::SPACE_8;
        let key = state.reports.entry_key();
        let missing = state
            .reports
            .pane()
            .and_then(|pane| pane.entry.as_ref())
            .is_none_or(|(entry, _)| {
                matches!(entry.state, Freshness::Missing | Freshness::Unknown)
            });
        let show = Button::new("Show in Keys").enabled(key.is_some() && !missing);
        if ui
            .add(show.tooltip("Show this entry's key in Keys"))
            .clicked()
            && let Some(key) = key
        {
            out.send(Command::ShowKey(key));
        }
        let refresh = Button::new("Refresh now").enabled(state.reports.can_run() && !refreshing);
        if ui
            .add(refresh.tooltip("Run the query and replace the entry (F5)"))
            .clicked()
        {
            out.send(Command::Reports(super::Command::Refresh));
        }
    });
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_key_is_known_by_its_end() {
        let hash = "9f2c41d8".repeat(8);
        assert_eq!(
            super::short_key(&format!("lookaside:{{shop}}:e:{hash}")),
            "…e:9f2c41d8"
        );
        assert_eq!(super::short_key("short:key"), "short:key");
    }
}
