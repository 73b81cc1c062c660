//! What the window keeps of the engine's event log: the events themselves for the charts, and a summary a report.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use crate::engine::{Caller, Event, Outcome, RequestEvent};

use super::names::Names;

/// How many events are kept for charts.
const KEPT: usize = 50_000;
/// How many latencies a sparkline shows.
const SPARK: usize = 40;

/// The events, oldest first, and summaries of them.
#[derive(Debug, Default)]
pub struct Log {
    /// The events, oldest first.
    pub events: VecDeque<Arc<Event>>,
    /// Counts every event that came; a chart redraws when it moved.
    pub version: u64,
    reports: BTreeMap<String, Summary>,
    names: Names,
}

/// What a report's requests came to.
#[derive(Debug, Default)]
pub struct Summary {
    /// Milliseconds of the last answer from the cache.
    pub last_cached_ms: Option<f64>,
    /// Milliseconds of the last answer from the database.
    pub last_uncached_ms: Option<f64>,
    /// Milliseconds of the last answers, oldest first.
    pub spark: VecDeque<f64>,
    day: VecDeque<(DateTime<Utc>, bool, f64)>,
}

/// A report's last 24 hours.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Day {
    /// Answers from the cache, fresh or stale, or from a query that ran anyway.
    pub avoided: u64,
    /// All answers through the cache.
    pub requests: u64,
    /// Milliseconds that the avoided queries would have taken, less what the answers took.
    pub saved_ms: f64,
}

impl Day {
    /// Avoided queries as a share of all requests, 0 to 1.
    pub fn hit_ratio(&self) -> Option<f64> {
        (self.requests > 0).then(|| self.avoided as f64 / self.requests as f64)
    }
}

impl Log {
    /// Takes in new events.
    pub fn extend(&mut self, events: impl IntoIterator<Item = Arc<Event>>) {
        for event in events {
            self.version += 1;
            self.names.learn(&event);
            let event = self.names.current(event);
            self.sum_up(&event);
            if self.events.len() == KEPT {
                self.events.pop_front();
            }
            self.events.push_back(event);
        }
    }

    /// Takes in the reports that the workspace has now: what is known of one stays with it under its name of now.
    pub fn set_reports(&mut self, names: BTreeSet<String>) {
        self.names.set(names);
        self.name_again();
    }

    /// Notes that a report has another name.
    pub fn rename(&mut self, from: &str, to: &str) {
        self.names.rename(from, to);
        self.name_again();
    }

    fn name_again(&mut self) {
        let events = std::mem::take(&mut self.events);
        for event in &events {
            self.names.learn(event);
        }
        self.reports.clear();
        for event in events {
            let event = self.names.current(event);
            self.sum_up(&event);
            self.events.push_back(event);
        }
        self.version += 1;
    }

    fn sum_up(&mut self, event: &Event) {
        match event {
            Event::Request(request) => self.take(request),
            Event::Refresh(refresh) if refresh.error.is_none() => {
                self.reports
                    .entry(refresh.report.clone())
                    .or_default()
                    .last_uncached_ms = Some(refresh.took_ms);
            }
            _ => {}
        }
    }

    /// The summary of a report that was ever asked for.
    pub fn summary(&self, report: &str) -> Option<&Summary> {
        self.reports.get(report)
    }

    fn take(&mut self, request: &RequestEvent) {
        if request.error.is_some() {
            return;
        }
        let summary = self.reports.entry(request.report.clone()).or_default();
        let ms = request.stages.total_ms;
        let avoided = matches!(
            request.outcome,
            Outcome::Hit | Outcome::StaleHit | Outcome::Wait
        );
        if matches!(request.outcome, Outcome::Hit | Outcome::StaleHit) {
            summary.last_cached_ms = Some(ms);
        } else if matches!(request.outcome, Outcome::Miss | Outcome::Bypass) {
            summary.last_uncached_ms = Some(ms);
        }
        if request.caller == Caller::Worker {
            return;
        }
        if summary.spark.len() == SPARK {
            summary.spark.pop_front();
        }
        summary.spark.push_back(ms);
        // "Run uncached" is asked for on purpose and says nothing about the cache.
        if request.outcome != Outcome::Bypass {
            let saved = match summary.last_uncached_ms {
                Some(uncached) if avoided => (uncached - ms).max(0.0),
                _ => 0.0,
            };
            summary.day.push_back((request.at, avoided, saved));
        }
    }
}

impl Summary {
    /// The last 24 hours before `now`.
    pub fn day(&self, now: DateTime<Utc>) -> Day {
        let since = now - TimeDelta::hours(24);
        let mut day = Day::default();
        for (_, avoided, saved) in self.day.iter().rev().take_while(|(at, ..)| *at >= since) {
            day.requests += 1;
            if *avoided {
                day.avoided += 1;
                day.saved_ms += saved;
            }
        }
        day
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Stages;

    fn request(outcome: Outcome, total_ms: f64, hours_ago: i64) -> Arc<Event> {
        Arc::new(Event::Request(RequestEvent {
            at: Utc::now() - TimeDelta::hours(hours_ago),
            report: "r".into(),
            key: String::new(),
            params: String::new(),
            outcome,
            reason: None,
            caller: Caller::Window,
            rows: 1,
            bytes: 1,
            stages: Stages {
                total_ms,
                ..Stages::default()
            },
            sha256: None,
            from_memory: false,
            notices: Vec::new(),
            error: None,
        }))
    }

    #[test]
    fn renamed_report_keeps_its_history_under_one_name() {
        let named = |name: &str, key: &str| {
            let mut event = (*request(Outcome::Hit, 5.0, 1)).clone();
            if let Event::Request(request) = &mut event {
                name.clone_into(&mut request.report);
                key.clone_into(&mut request.key);
            }
            Arc::new(event)
        };
        let of = |log: &Log| -> Vec<String> {
            let events = log.events.iter().map(|event| match &**event {
                Event::Request(request) => request.report.clone(),
                _ => String::new(),
            });
            events.collect()
        };
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let mut log = Log::default();
        log.set_reports(names(&["other"]));
        log.extend([named("new-report", "k1"), named("other", "k2")]);
        log.rename("new-report", "sales");
        log.set_reports(names(&["other", "sales"]));
        assert_eq!(of(&log), ["sales", "other"]);
        // A run that began before, and an event of another process that knows the older name.
        log.extend([named("new-report", "k3"), named("ancient", "k1")]);
        assert_eq!(of(&log), ["sales", "other", "sales", "sales"]);
        assert_eq!(
            log.summary("sales").map(|summary| summary.spark.len()),
            Some(3)
        );
        assert!(log.summary("new-report").is_none());
        // Another report takes the old name: from now on it is that one's.
        log.set_reports(names(&["new-report", "other", "sales"]));
        log.extend([named("new-report", "k4")]);
        assert_eq!(of(&log).last().map(String::as_str), Some("new-report"));
    }

    #[test]
    fn a_day_counts_what_the_cache_saved() {
        let mut log = Log::default();
        log.extend([
            request(Outcome::Miss, 1000.0, 30),
            request(Outcome::Hit, 5.0, 26),
            request(Outcome::Hit, 5.0, 2),
            request(Outcome::Miss, 2000.0, 1),
            request(Outcome::StaleHit, 10.0, 0),
            request(Outcome::Bypass, 3000.0, 0),
        ]);
        let summary = log.summary("r").unwrap_or_else(|| panic!("no summary"));
        let day = summary.day(Utc::now());
        assert_eq!((day.requests, day.avoided), (3, 2));
        assert!((day.saved_ms - (995.0 + 1990.0)).abs() < 1e-6);
        assert_eq!(
            (summary.last_cached_ms, summary.last_uncached_ms),
            (Some(10.0), Some(3000.0))
        );
        assert_eq!(log.version, 6);
    }
}
