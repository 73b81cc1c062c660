//! How soon after a commit is it detected, and the entry fresh? Percentiles a source and report, from the refreshes in
//! the event log.

use std::collections::BTreeMap;

use super::RefreshEvent;
use super::latency::Summary;

/// The delays of one report's refreshes after a change.
#[derive(Clone, Debug, PartialEq)]
pub struct Delays {
    /// The source.
    pub source: String,
    /// The report.
    pub report: String,
    /// Refreshes after a change that ended well.
    pub n: usize,
    /// From commit to detection, where the database tells the commit time.
    pub committed_to_detected: Option<Summary>,
    /// From detection to the fresh entry.
    pub detected_to_fresh: Option<Summary>,
    /// From commit to the fresh entry, where the database tells the commit time.
    pub committed_to_fresh: Option<Summary>,
}

/// Every report's delays, by source and name. Refreshes that failed, or had another reason than a change, tell nothing.
pub fn delays<'a>(refreshes: impl IntoIterator<Item = &'a RefreshEvent>) -> Vec<Delays> {
    let mut by_report: BTreeMap<(&str, &str), Vec<&RefreshEvent>> = BTreeMap::new();
    for refresh in refreshes {
        if refresh.error.is_none() && refresh.detected_to_fresh_ms.is_some() {
            by_report
                .entry((&refresh.source, &refresh.report))
                .or_default()
                .push(refresh);
        }
    }
    let summary = |refreshes: &[&RefreshEvent], of: fn(&RefreshEvent) -> Option<f64>| {
        Summary::of(refreshes.iter().filter_map(|refresh| of(refresh)))
    };
    by_report
        .into_iter()
        .map(|((source, report), refreshes)| Delays {
            source: source.to_owned(),
            report: report.to_owned(),
            n: refreshes.len(),
            committed_to_detected: summary(&refreshes, |refresh| refresh.committed_to_detected_ms),
            detected_to_fresh: summary(&refreshes, |refresh| refresh.detected_to_fresh_ms),
            committed_to_fresh: summary(&refreshes, |refresh| refresh.committed_to_fresh_ms),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::Reason;
    use super::*;

    fn refresh(report: &str, detected: Option<f64>, committed: Option<f64>) -> RefreshEvent {
        RefreshEvent {
            at: chrono::Utc::now(),
            source: "shop".to_owned(),
            report: report.to_owned(),
            key: String::new(),
            reason: Reason::Changed,
            why: String::new(),
            took_ms: 1.0,
            unchanged: false,
            error: None,
            failure: None,
            committed_to_detected_ms: committed.zip(detected).map(|(all, part)| all - part),
            detected_to_fresh_ms: detected,
            committed_to_fresh_ms: committed,
        }
    }

    #[test]
    fn delays_are_summed_a_report_where_the_database_tells_them() {
        let failed = RefreshEvent {
            error: Some("timed out".to_owned()),
            ..refresh("b", Some(9_000.0), None)
        };
        let all = [
            refresh("b", Some(10.0), None),
            refresh("a", Some(20.0), Some(25.0)),
            refresh("a", Some(30.0), Some(33.0)),
            refresh("a", None, None),
            failed,
        ];
        let delays = delays(&all);
        let names: Vec<_> = delays.iter().map(|d| (d.report.as_str(), d.n)).collect();
        assert_eq!(names, [("a", 2), ("b", 1)]);
        let p99 = |summary: Option<Summary>| summary.map(|summary| summary.p99_ms);
        assert_eq!(p99(delays[0].committed_to_detected), Some(5.0));
        assert_eq!(p99(delays[0].committed_to_fresh), Some(33.0));
        assert_eq!(p99(delays[1].detected_to_fresh), Some(10.0));
        assert_eq!(delays[1].committed_to_fresh, None);
    }
}
