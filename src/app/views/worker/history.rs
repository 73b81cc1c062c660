//! The figures of the Worker view, from the event log.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use chrono::TimeDelta;

use crate::app::state::{Clock, Log};
use crate::app::widgets::plot;
use crate::engine::delay::{Delays, delays};
use crate::engine::latency::Summary;
use crate::engine::{AuditEvent, Event, Finding, RefreshEvent};

/// How many refreshes the history keeps.
const KEPT: usize = 500;
/// How often the figures are computed while events pour in.
const EVERY: Duration = Duration::from_millis(500);

/// What the worker did, newest first, and how fast.
#[derive(Debug, Default)]
pub(super) struct History {
    /// Refreshes, newest first.
    pub refreshes: Vec<RefreshEvent>,
    /// Time from the change to the fresh entry beyond the query's own time: seconds since the epoch, milliseconds.
    pub delays: Vec<[f64; 2]>,
    /// Their percentiles.
    pub delay: Option<Summary>,
    /// Whether the delays begin at the commit, which not every database tells, or at the detection.
    pub from_commit: bool,
    /// The percentiles of each report.
    pub reports: Vec<Delays>,
    /// What the auditor found wrong, newest first.
    pub wrong: Vec<AuditEvent>,
    /// Milliseconds of query time that refreshes took in the last hour, all sources together.
    pub hour_ms: f64,
    /// The parameters of entries, by key, as requests told them.
    params: HashMap<String, String>,
    made: Option<(u64, Instant)>,
}

impl History {
    /// The parameters that a refresh ran with; the entry's key where no request named them and the report has several.
    pub(super) fn params_of(&self, refresh: &RefreshEvent) -> String {
        let is_other =
            |other: &RefreshEvent| other.report == refresh.report && other.key != refresh.key;
        match self.params.get(&refresh.key) {
            Some(params) => params.clone(),
            None if self.refreshes.iter().any(is_other) => {
                format!("entry {}", refresh.key.chars().take(8).collect::<String>())
            }
            None => String::new(),
        }
    }

    /// Brings it up to date where the log moved.
    pub(super) fn update(&mut self, log: &Log, clock: Clock) {
        if let Some((version, at)) = self.made {
            let age = clock.now.saturating_duration_since(at);
            if age < EVERY || version == log.version && age < 10 * EVERY {
                return;
            }
        }
        let hour = clock.utc - TimeDelta::hours(1);
        let mut history = Self::default();
        for event in log.events.iter().rev() {
            let refresh = match &**event {
                Event::Refresh(refresh) => refresh,
                Event::Request(request) => {
                    let params = &mut history.params;
                    if !request.key.is_empty() && !params.contains_key(&request.key) {
                        params.insert(request.key.clone(), request.params.clone());
                    }
                    continue;
                }
                _ => continue,
            };
            if refresh.at >= hour {
                history.hour_ms += refresh.took_ms;
            } else if history.refreshes.len() >= KEPT {
                break;
            }
            if history.refreshes.len() < KEPT {
                if let Some((ms, from_commit)) = delay(refresh) {
                    history.from_commit |= from_commit;
                    history.delays.push([plot::seconds(refresh.at), ms]);
                }
                history.refreshes.push(refresh.clone());
            }
        }
        history.reports = delays(log.events.iter().filter_map(|event| match &**event {
            Event::Refresh(refresh) => Some(refresh),
            _ => None,
        }));
        let wrong = log.events.iter().rev().filter_map(|event| match &**event {
            Event::Audit(audit) if audit.finding == Finding::Wrong => Some(audit.clone()),
            _ => None,
        });
        history.wrong = wrong.take(KEPT).collect();
        history.delay = Summary::of(history.delays.iter().map(|point| point[1]));
        history.made = Some((log.version, clock.now));
        *self = history;
    }
}

/// Milliseconds from the change to the fresh entry beyond the query's own time, and whether that begins at the
/// commit.
fn delay(refresh: &RefreshEvent) -> Option<(f64, bool)> {
    if refresh.error.is_some() {
        return None;
    }
    let (whole, from_commit) = match (refresh.committed_to_fresh_ms, refresh.detected_to_fresh_ms) {
        (Some(ms), _) => (ms, true),
        (None, Some(ms)) => (ms, false),
        (None, None) => return None,
    };
    Some(((whole - refresh.took_ms).max(0.0), from_commit))
}
