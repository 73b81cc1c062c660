//! The auditor: takes an entry that is called fresh now and then, and compares it with the database.
//!
//! Only where this worker leads and its detector sees, never while the worker is paused or refreshes, and within a
//! budget: after a check it rests for so long that checks are a small part of all time.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::engine::audit::{Stored, is_auditable};
use crate::report::{EntryKey, Report};

use super::shared::Shared;

/// How often the totals are read, which other processes may have raised, and how soon the auditor asks again whether
/// it may check.
const LOOK: Duration = Duration::from_secs(5);

/// How much the auditor may do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    /// The rest before the first check: a worker that has just begun has better things to do.
    pub first: Duration,
    /// The shortest rest between two checks.
    pub shortest: Duration,
    /// Rests for this many times as long as a check took: with 99, checks are one part in a hundred of all time.
    pub rests: u32,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            first: Duration::from_mins(1),
            shortest: Duration::from_secs(10),
            rests: 99,
        }
    }
}

impl Pace {
    /// The rest after a check that took `cost`.
    fn rest(self, cost: Duration) -> Duration {
        cost.saturating_mul(self.rests).max(self.shortest)
    }
}

/// The auditor of one source.
pub(super) struct Auditor {
    shared: Arc<Shared>,
    pace: Pace,
    stop: CancellationToken,
    /// When each entry was checked last.
    checked: HashMap<EntryKey, Instant>,
}

impl Auditor {
    pub(super) fn new(shared: Arc<Shared>, pace: Pace, stop: CancellationToken) -> Self {
        Self {
            shared,
            pace,
            stop,
            checked: HashMap::new(),
        }
    }

    /// Audits until it is stopped.
    pub(super) async fn run(mut self) {
        let mut due = Instant::now() + self.pace.first;
        // A check that may not be made now is due until it may.
        let look = LOOK.min(self.pace.shortest);
        loop {
            self.show().await;
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = self.shared.audit_came.notified() => {}
                () = tokio::time::sleep(look) => {}
            }
            if Instant::now() < due || !self.may_check() {
                continue;
            }
            let cost = self.check().await;
            due = Instant::now() + self.pace.rest(cost);
        }
    }

    fn may_check(&self) -> bool {
        let paused = self.shared.hub.paused.load(Ordering::Relaxed);
        !paused && self.shared.is_watching() && !self.shared.is_refreshing()
    }

    /// Checks the entry whose last check is the longest ago; how long its queries took.
    async fn check(&mut self) -> Duration {
        // What cannot be asked now is asked after the next rest.
        let Some(entry) = self.next().await else {
            return Duration::ZERO;
        };
        self.checked.insert(entry.key, Instant::now());
        let engine = &self.shared.engine;
        let audited = engine.audit(&entry.report, &entry.params, &self.stop).await;
        // A check that asked the database nothing costs nothing.
        audited.map_or(Duration::ZERO, |audited| audited.queries)
    }

    async fn next(&mut self) -> Option<Stored> {
        let reports: Vec<Arc<Report>> = self
            .shared
            .reports()
            .values()
            .filter(|report| is_auditable(report))
            .cloned()
            .collect();
        let stored = self.shared.engine.stored(&reports).await.ok()?;
        self.checked
            .retain(|key, _| stored.iter().any(|entry| entry.key == *key));
        stored
            .into_iter()
            .min_by_key(|entry| self.checked.get(&entry.key).copied())
    }

    /// Shows the totals.
    async fn show(&self) {
        if let Ok(totals) = self.shared.protocol.audit_totals().await {
            self.shared.show_audit(totals);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_take_one_part_in_a_hundred_at_most() {
        let pace = Pace::default();
        let (mut queries, mut all) = (Duration::ZERO, Duration::ZERO);
        for cost in [0, 1, 150, 4_000, 45_000] {
            let cost = Duration::from_millis(cost);
            queries += cost;
            all += cost + pace.rest(cost);
        }
        assert!(queries.as_secs_f64() <= all.as_secs_f64() / 100.0);
        assert_eq!(
            pace.rest(Duration::ZERO),
            pace.shortest,
            "never without a pause"
        );
    }
}
