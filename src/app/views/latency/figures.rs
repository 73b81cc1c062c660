//! What the event log says about speed, computed when the log moved and not in every frame.

use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};

use crate::app::state::{Clock, Log};
use crate::app::widgets::plot;
use crate::engine::latency::{self, Comparison, Side, Summary};
use crate::engine::{Event, Outcome, RequestEvent};

/// How often the figures are computed while requests pour in.
const EVERY: Duration = Duration::from_millis(500);
/// How many requests the timeline draws; of more, the latest.
const DRAWN: usize = 4000;

/// The span of time that is looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Period {
    /// The last quarter of an hour.
    Quarter,
    /// The last hour.
    #[default]
    Hour,
    /// The last 24 hours.
    Day,
    /// Everything that the log keeps.
    All,
}

impl Period {
    /// Every period, in the order of the menu.
    pub const ALL: [Self; 4] = [Self::Quarter, Self::Hour, Self::Day, Self::All];

    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Quarter => "Last 15 minutes",
            Self::Hour => "Last hour",
            Self::Day => "Last 24 hours",
            Self::All => "All requests",
        }
    }

    fn since(self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let span = match self {
            Self::Quarter => TimeDelta::minutes(15),
            Self::Hour => TimeDelta::hours(1),
            Self::Day => TimeDelta::hours(24),
            Self::All => return None,
        };
        Some(now - span)
    }
}

/// Figures of the requests of a period.
#[derive(Debug, Default)]
pub(super) struct Figures {
    /// Requests that they are made of.
    pub requests: usize,
    /// When the first of them began.
    pub first: Option<DateTime<Utc>>,
    /// Cached against uncached, slowest uncached first.
    pub reports: Vec<Comparison>,
    /// The one number.
    pub speedup: Option<f64>,
    /// Percentiles of all answers of each side.
    pub cached: Option<Summary>,
    /// Percentiles of all answers from the database.
    pub uncached: Option<Summary>,
    /// Percentiles by outcome.
    pub outcomes: Vec<(Outcome, Summary)>,
    /// Share answered within, cached, on a log axis.
    pub share_cached: Vec<[f64; 2]>,
    /// Share answered within, uncached, on a log axis.
    pub share_uncached: Vec<[f64; 2]>,
    /// Every request by outcome: seconds since the epoch, log of milliseconds.
    pub points: Vec<(Outcome, Vec<[f64; 2]>)>,
    /// Failed requests; they have no place on a chart.
    pub failed: usize,
    made: Option<Made>,
}

#[derive(Debug, Clone, PartialEq)]
struct Made {
    version: u64,
    report: Option<String>,
    period: Period,
    at: Instant,
}

impl Figures {
    /// Brings the figures up to date where the log, the report or the period changed.
    pub(super) fn update(&mut self, log: &Log, report: Option<&str>, period: Period, clock: Clock) {
        if let Some(made) = &self.made {
            let same = made.report.as_deref() == report && made.period == period;
            let age = clock.now.saturating_duration_since(made.at);
            // Without new events only the edge of the period moves, which a few seconds' delay does not hurt.
            let current = made.version == log.version && age < 10 * EVERY;
            if same && (current || age < EVERY) {
                return;
            }
        }
        let since = period.since(clock.utc);
        let requests: Vec<&RequestEvent> = log
            .events
            .iter()
            .filter_map(|event| match &**event {
                Event::Request(request) => Some(request),
                _ => None,
            })
            .filter(|request| report.is_none_or(|report| request.report == report))
            .filter(|request| since.is_none_or(|since| request.at >= since))
            .collect();
        *self = Self::of(&requests);
        self.made = Some(Made {
            version: log.version,
            report: report.map(str::to_owned),
            period,
            at: clock.now,
        });
    }

    fn of(requests: &[&RequestEvent]) -> Self {
        let all = || requests.iter().copied();
        let side = |wanted| {
            let of_side = all().filter(move |request| latency::side(request) == Some(wanted));
            Summary::of(of_side.map(|request| request.stages.total_ms))
        };
        let share = |wanted| {
            let points = latency::share_within(all(), wanted, 200);
            let mut curve: Vec<[f64; 2]> = Vec::new();
            if let Some((ms, _)) = points.first() {
                curve.push([plot::log_ms(*ms), 0.0]);
            }
            for (index, (ms, share)) in points.iter().enumerate() {
                let point = [plot::log_ms(*ms), share * 100.0];
                // Points closer than a pixel make the line's joints burst.
                let apart = curve
                    .last()
                    .is_none_or(|last| point[0] - last[0] > 0.04 || point[1] - last[1] > 2.0);
                if apart || index + 1 == points.len() {
                    curve.push(point);
                }
            }
            curve
        };
        let cancelled = crate::source::SourceError::Cancelled.to_string();
        let mut reports = latency::compare(all());
        let median = |comparison: &Comparison| comparison.uncached.map_or(0.0, |side| side.p50_ms);
        reports.sort_by(|a, b| median(b).total_cmp(&median(a)));
        let outcomes = latency::by_outcome(all());
        let drawn = &requests[requests.len().saturating_sub(DRAWN)..];
        let points = outcomes
            .iter()
            .map(|(outcome, _)| {
                let points = drawn
                    .iter()
                    .filter(|request| request.outcome == *outcome && request.error.is_none())
                    .map(|request| {
                        let y = plot::log_ms(request.stages.total_ms);
                        [plot::seconds(request.at), y]
                    })
                    .collect();
                (*outcome, points)
            })
            .collect();
        Self {
            requests: requests.len(),
            first: requests.first().map(|request| request.at),
            speedup: latency::overall_speedup(&reports),
            reports,
            cached: side(Side::Cached),
            uncached: side(Side::Uncached),
            share_cached: share(Side::Cached),
            share_uncached: share(Side::Uncached),
            outcomes,
            points,
            // What the user ended did not fail.
            failed: all()
                .filter(|request| {
                    request
                        .error
                        .as_ref()
                        .is_some_and(|error| *error != cancelled)
                })
                .count(),
            made: None,
        }
    }
}
