//! Latency figures from the event log: percentiles, cached against uncached per report, and the speed-up.
//!
//! Pure functions over events, so that the window, `race` and `reports` say the same numbers.

use std::collections::BTreeMap;

use super::{Outcome, RequestEvent};

/// Percentiles of some durations, in milliseconds. Exact: computed from every sample, nearest rank.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    /// Number of samples, at least one.
    pub n: usize,
    /// The shortest.
    pub min_ms: f64,
    /// The median.
    pub p50_ms: f64,
    /// 95 of 100 are at most this.
    pub p95_ms: f64,
    /// 99 of 100 are at most this.
    pub p99_ms: f64,
    /// The longest.
    pub max_ms: f64,
}

impl Summary {
    /// The summary of `samples` in milliseconds; `None` without samples.
    pub fn of(samples: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<f64> = samples.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let (first, last) = (*sorted.first()?, *sorted.last()?);
        let rank = |share: f64| {
            let index = (share * sorted.len() as f64).ceil() as usize;
            sorted[index.clamp(1, sorted.len()) - 1]
        };
        Some(Self {
            n: sorted.len(),
            min_ms: first,
            p50_ms: rank(0.50),
            p95_ms: rank(0.95),
            p99_ms: rank(0.99),
            max_ms: last,
        })
    }
}

/// Which side of the comparison a request is on, `None` where it is on neither: a wait is as slow as the query it
/// joined and says nothing about the cache, a failed request has no answer to compare, and rows that were in this
/// process's memory do not tell how fast Redis is.
pub fn side(event: &RequestEvent) -> Option<Side> {
    if event.error.is_some() || event.from_memory {
        return None;
    }
    match event.outcome {
        Outcome::Hit | Outcome::StaleHit => Some(Side::Cached),
        Outcome::Miss | Outcome::Bypass => Some(Side::Uncached),
        Outcome::Wait => None,
    }
}

/// A side of the comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Side {
    /// Served from the cache.
    Cached,
    /// Answered by the database.
    Uncached,
}

/// One report's latency on both sides.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// The report.
    pub report: String,
    /// Requests served from the cache.
    pub cached: Option<Summary>,
    /// Requests answered by the database.
    pub uncached: Option<Summary>,
}

impl Comparison {
    /// The ratio of the medians, `None` while one side has no request.
    pub fn speedup(&self) -> Option<f64> {
        let (cached, uncached) = (self.cached?, self.uncached?);
        (cached.p50_ms > 0.0).then(|| uncached.p50_ms / cached.p50_ms)
    }
}

/// Every report's comparison, by name.
pub fn compare<'a>(events: impl IntoIterator<Item = &'a RequestEvent>) -> Vec<Comparison> {
    let mut samples: BTreeMap<&str, [Vec<f64>; 2]> = BTreeMap::new();
    for event in events {
        if let Some(side) = side(event) {
            samples.entry(&event.report).or_default()[side as usize].push(event.stages.total_ms);
        }
    }
    let summary = |samples: Vec<f64>| Summary::of(samples);
    samples
        .into_iter()
        .map(|(report, [cached, uncached])| Comparison {
            report: report.to_owned(),
            cached: summary(cached),
            uncached: summary(uncached),
        })
        .collect()
}

/// The one number for many reports: the geometric mean of their speed-ups, so that no single report carries it.
/// `None` while no report has been seen on both sides.
pub fn overall_speedup(comparisons: &[Comparison]) -> Option<f64> {
    let logs: Vec<f64> = comparisons
        .iter()
        .filter_map(Comparison::speedup)
        .map(f64::ln)
        .collect();
    (!logs.is_empty()).then(|| (logs.iter().sum::<f64>() / logs.len() as f64).exp())
}

/// Percentiles by outcome, in the order in which the outcomes are listed everywhere; outcomes without requests are
/// left out. Failed requests do not count, nor do answers from memory.
pub fn by_outcome<'a>(
    events: impl IntoIterator<Item = &'a RequestEvent>,
) -> Vec<(Outcome, Summary)> {
    const ORDER: [Outcome; 5] = [
        Outcome::Hit,
        Outcome::StaleHit,
        Outcome::Wait,
        Outcome::Miss,
        Outcome::Bypass,
    ];
    let mut samples: [Vec<f64>; 5] = Default::default();
    for event in events
        .into_iter()
        .filter(|event| event.error.is_none() && !event.from_memory)
    {
        if let Some(place) = ORDER.iter().position(|outcome| *outcome == event.outcome) {
            samples[place].push(event.stages.total_ms);
        }
    }
    ORDER
        .into_iter()
        .zip(samples)
        .filter_map(|(outcome, samples)| Some((outcome, Summary::of(samples)?)))
        .collect()
}

/// The distribution of one side: points (milliseconds, share answered within), at most `points` of them, ending at
/// share 1.
pub fn share_within<'a>(
    events: impl IntoIterator<Item = &'a RequestEvent>,
    wanted: Side,
    points: usize,
) -> Vec<(f64, f64)> {
    let mut sorted: Vec<f64> = events
        .into_iter()
        .filter(|event| side(event) == Some(wanted))
        .map(|event| event.stages.total_ms)
        .collect();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len();
    let step = n.div_ceil(points.max(1)).max(1);
    sorted
        .iter()
        .enumerate()
        .filter(|(index, _)| (index + 1) % step == 0 || index + 1 == n)
        .map(|(index, ms)| (*ms, (index + 1) as f64 / n as f64))
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use chrono::Utc;

    use super::*;
    use crate::engine::{Caller, Stages};

    fn event(report: &str, outcome: Outcome, total_ms: f64) -> RequestEvent {
        RequestEvent {
            at: Utc::now(),
            report: report.into(),
            key: String::new(),
            params: String::new(),
            outcome,
            reason: None,
            caller: Caller::Cli,
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
        }
    }

    #[test]
    fn percentiles_are_nearest_rank() {
        let summary = Summary::of((1..=100).rev().map(f64::from)).unwrap();
        assert_eq!(
            (summary.n, summary.min_ms, summary.max_ms),
            (100, 1.0, 100.0)
        );
        assert_eq!(
            (summary.p50_ms, summary.p95_ms, summary.p99_ms),
            (50.0, 95.0, 99.0)
        );
        assert_eq!(Summary::of([]), None);
        assert_eq!(Summary::of([7.0]).unwrap().p99_ms, 7.0);
    }

    #[test]
    fn the_speedup_is_the_ratio_of_medians_and_ignores_waits_and_failures() {
        let mut failed = event("a", Outcome::Miss, 1.0);
        failed.error = Some("no".into());
        let events = [
            event("a", Outcome::Hit, 2.0),
            event("a", Outcome::StaleHit, 2.0),
            event("a", Outcome::Miss, 1000.0),
            event("a", Outcome::Bypass, 1000.0),
            event("a", Outcome::Wait, 900.0),
            failed,
            event("b", Outcome::Hit, 1.0),
        ];
        let comparisons = compare(&events);
        assert_eq!(comparisons[0].speedup(), Some(500.0));
        assert_eq!(comparisons[1].speedup(), None);
        assert_eq!(overall_speedup(&comparisons).map(f64::round), Some(500.0));
        assert_eq!(overall_speedup(&[]), None);
    }

    #[test]
    fn the_distribution_ends_at_everything() {
        let events: Vec<_> = (0..1000)
            .map(|ms| event("a", Outcome::Hit, f64::from(ms)))
            .collect();
        let points = share_within(&events, Side::Cached, 64);
        assert!(points.len() <= 65);
        assert_eq!(points.last(), Some(&(999.0, 1.0)));
        assert!(points.is_sorted_by(|a, b| a.0 <= b.0 && a.1 < b.1));
        assert!(share_within(&events, Side::Uncached, 64).is_empty());
    }

    #[test]
    fn outcomes_keep_their_order() {
        let events = [
            event("a", Outcome::Miss, 5.0),
            event("a", Outcome::Hit, 1.0),
        ];
        let outcomes: Vec<_> = by_outcome(&events)
            .into_iter()
            .map(|(outcome, _)| outcome)
            .collect();
        assert_eq!(outcomes, [Outcome::Hit, Outcome::Miss]);
    }
}
