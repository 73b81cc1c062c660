//! How our own reports fare in the cache, from the engine's own events.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use eframe::egui::Ui;

use crate::app::format;
use crate::app::state::{Log, State};
use crate::app::widgets::{Cell, Column, column_row, column_titles, plot, table_card};
use crate::engine::{Caller, Event, Outcome};

use super::table;

const COLUMNS: [Column; 7] = [
    Column::text("Our reports", 160.0, 1.0),
    Column::number("Hits", 70.0, 0.3),
    Column::number("Stale hits", 80.0, 0.3),
    Column::number("Misses", 70.0, 0.3),
    Column::number("Hit ratio", 80.0, 0.3),
    Column::number("From the cache", 110.0, 0.3),
    Column::number("From the database", 130.0, 0.3),
];

/// What a report's requests came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Fared {
    hits: u64,
    stale: u64,
    misses: u64,
    cached: u64,
    uncached: u64,
}

impl Fared {
    fn ratio(self) -> Option<f64> {
        let all = self.hits + self.stale + self.misses;
        (all > 0).then(|| (self.hits + self.stale) as f64 / all as f64)
    }
}

/// The sums of a log, kept until it moves.
#[derive(Debug, Default)]
pub(super) struct Ours {
    made: Option<u64>,
    reports: BTreeMap<String, Fared>,
    since: Option<DateTime<Utc>>,
}

impl Ours {
    /// Adds up who asked for a report and whether it was there. What the worker ran to refresh is no request of a
    /// reader, what was run past the cache on purpose says nothing about it, and a wait joined another's query.
    pub(super) fn update(&mut self, log: &Log) {
        if self.made == Some(log.version) {
            return;
        }
        self.made = Some(log.version);
        self.reports.clear();
        self.since = None;
        for event in &log.events {
            let Event::Request(request) = &**event else {
                continue;
            };
            if request.caller == Caller::Worker || request.error.is_some() {
                continue;
            }
            self.since = Some(self.since.map_or(request.at, |since| since.min(request.at)));
            let fared = self.reports.entry(request.report.clone()).or_default();
            match request.outcome {
                Outcome::Hit => fared.hits += 1,
                Outcome::StaleHit => fared.stale += 1,
                Outcome::Miss => fared.misses += 1,
                Outcome::Bypass | Outcome::Wait => continue,
            }
            if request.outcome == Outcome::Miss {
                fared.uncached += request.bytes;
            } else {
                fared.cached += request.bytes;
            }
        }
    }
}

/// Shows the table.
pub(super) fn show(ui: &mut Ui, state: &mut State) {
    let ours = &mut state.server.ours;
    ours.update(&state.log);
    table_card(ui, |ui| {
        column_titles(ui, &COLUMNS);
        if ours.reports.is_empty() {
            table::nothing(
                ui,
                "No report was asked for yet; each request then counts here as a hit or a miss.",
            );
        }
        for (report, fared) in &ours.reports {
            let ratio = fared.ratio().map_or_else(
                || Cell::Weak("–".to_owned()),
                |ratio| Cell::Strong(format::percent(ratio)),
            );
            let cells = [
                Cell::Strong(report.clone()),
                Cell::Text(format::count(fared.hits)),
                Cell::Text(format::count(fared.stale)),
                Cell::Text(format::count(fared.misses)),
                ratio,
                Cell::Text(format::bytes(fared.cached)),
                Cell::Text(format::bytes(fared.uncached)),
            ];
            column_row(ui, &COLUMNS, &cells);
        }
        if let Some(since) = ours.since {
            let since = plot::clock(plot::seconds(since), false);
            table::note(
                ui,
                &format!(
                    "Counted from the engine's own event log since {since}; bytes are those of the answers."
                ),
            );
        }
    });
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::engine::{RequestEvent, Stages};

    fn request(outcome: Outcome, caller: Caller) -> Arc<Event> {
        Arc::new(Event::Request(RequestEvent {
            at: Utc::now(),
            report: "r".into(),
            key: String::new(),
            params: String::new(),
            outcome,
            reason: None,
            caller,
            rows: 1,
            bytes: 100,
            stages: Stages::default(),
            sha256: None,
            from_memory: false,
            notices: Vec::new(),
            error: None,
        }))
    }

    #[test]
    fn only_what_readers_asked_the_cache_for_counts() {
        let mut log = Log::default();
        log.extend([
            request(Outcome::Hit, Caller::Window),
            request(Outcome::StaleHit, Caller::Cli),
            request(Outcome::Hit, Caller::Window),
            request(Outcome::Miss, Caller::Window),
            request(Outcome::Bypass, Caller::Window),
            request(Outcome::Wait, Caller::Window),
            request(Outcome::Miss, Caller::Worker),
        ]);
        let mut ours = Ours::default();
        ours.update(&log);
        let fared = ours.reports["r"];
        assert_eq!((fared.hits, fared.stale, fared.misses), (2, 1, 1));
        assert_eq!(
            (fared.ratio(), fared.cached, fared.uncached),
            (Some(0.75), 300, 100)
        );
        assert_eq!(Fared::default().ratio(), None);
    }
}
