//! What is refreshed next? Pure: it knows no clock, no Redis and no database; the time is handed in.
//!
//! An entry waits at most once, whatever is reported about it, and never runs twice at a time. Of those that are due,
//! the next is the one with the highest demand times cost divided by change rate, and waiting adds to it, so that
//! nothing starves.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::engine::Reason;
use crate::report::{EntryKey, Params, Report};

/// How long after the first change of a burst its entries wait for the rest of it.
pub(super) const DEBOUNCE: Duration = Duration::from_millis(20);
/// The first pause after a failure; each further failure doubles it.
const FIRST_BACKOFF: Duration = Duration::from_secs(1);
/// The longest pause after failures.
const LONGEST_BACKOFF: Duration = Duration::from_mins(1);
/// The longest pause that unchanged content brings, where the query itself takes less.
const LONGEST_CALM: Duration = Duration::from_secs(30);
/// How often unchanged content doubles the pause: sixteen times the query's time is rest enough, and a quick query is
/// never long behind a change that concerns it after many that did not.
const DOUBLED_AT_MOST: u32 = 4;
/// The cost of an entry whose query time is not known yet.
const UNKNOWN_COST: Duration = Duration::from_secs(1);
/// Waiting this long doubles an entry's rank.
const PATIENCE: Duration = Duration::from_secs(10);

/// An entry that can be refreshed.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) report: Arc<Report>,
    pub(super) params: Params,
    pub(super) key: EntryKey,
}

/// A refresh that waits or runs.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub(super) entry: Entry,
    pub(super) reason: Reason,
    /// Tables whose change is the reason; empty where it is another.
    pub(super) tables: BTreeSet<String>,
    /// The reason in words where no table is named.
    pub(super) note: String,
    /// A person waits for it: it runs whatever the cache holds, and also while the worker is paused.
    pub(super) forced: bool,
    /// When the first of what is merged here was noticed.
    pub(super) since: Instant,
    /// Not before.
    pub(super) due: Instant,
    /// When the first of the changes was committed, where the database tells.
    pub(super) committed_at: Option<chrono::DateTime<chrono::Utc>>,
    /// When the first of the changes was detected.
    pub(super) detected_at: Option<chrono::DateTime<chrono::Utc>>,
}

/// What the order depends on besides time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Worth {
    /// Requests in the last hour.
    pub(super) demand: f64,
    /// What its last query took.
    pub(super) cost: Option<Duration>,
    /// Changes of its tables a minute.
    pub(super) changes: f64,
}

/// How a refresh ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// New content.
    Changed,
    /// The same content as before.
    Unchanged,
    /// The last good result was kept.
    Failed,
}

/// What is remembered of an entry between its refreshes.
#[derive(Clone, Copy, Debug, Default)]
struct Past {
    worth: Worth,
    failures: u32,
    unchanged: u32,
    /// After a failure: for every reason but a person's wish.
    not_before: Option<Instant>,
    /// After a success: for the next change. A schedule and a TTL keep their own time.
    calm_until: Option<Instant>,
}

/// The refresh queue of one source.
pub(super) struct Queue {
    cap: usize,
    /// How long a place rests after a refresh, as a multiple of what that took.
    rest: f64,
    /// When places that rest may be used again.
    resting: Vec<Instant>,
    waiting: HashMap<EntryKey, Job>,
    running: HashMap<EntryKey, (Job, Instant)>,
    past: HashMap<EntryKey, Past>,
}

impl Job {
    /// A refresh for another reason than a change of tables.
    pub(super) fn new(entry: Entry, reason: Reason, note: &str, now: Instant) -> Self {
        Self {
            entry,
            reason,
            tables: BTreeSet::new(),
            note: note.to_owned(),
            forced: false,
            since: now,
            due: now,
            committed_at: None,
            detected_at: None,
        }
    }

    /// The reason in words: "changed: orders".
    pub(super) fn why(&self) -> String {
        let word = match self.reason {
            Reason::Changed => "changed",
            Reason::Expiring => "expiring",
            Reason::Scheduled => "scheduled",
            Reason::Asked => "asked",
        };
        let what = if self.tables.is_empty() {
            self.note.clone()
        } else {
            self.tables
                .iter()
                .map(String::as_str)
                .collect::<Vec<_>>()
                .join(", ")
        };
        if what.is_empty() {
            word.to_owned()
        } else {
            format!("{word}: {what}")
        }
    }

    /// Takes in another reason for the same refresh.
    fn merge(&mut self, other: Self) {
        // A change is the reason that tells most, a person's wish the one that may not wait.
        if rank(other.reason) > rank(self.reason) {
            self.reason = other.reason;
            self.note = other.note;
        }
        self.tables.extend(other.tables);
        self.forced |= other.forced;
        self.since = self.since.min(other.since);
        self.due = self.due.min(other.due);
        self.committed_at = earlier(self.committed_at, other.committed_at);
        self.detected_at = earlier(self.detected_at, other.detected_at);
    }
}

fn earlier<T: Ord>(a: Option<T>, b: Option<T>) -> Option<T> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

fn rank(reason: Reason) -> u8 {
    match reason {
        Reason::Scheduled => 0,
        Reason::Expiring => 1,
        Reason::Asked => 2,
        Reason::Changed => 3,
    }
}

impl Queue {
    /// A queue for a source that runs `places` queries at once; one of several is left to people. Each of the others is
    /// used for `load` of the time at most.
    pub(super) fn new(places: usize, load: f64) -> Self {
        let cap = if places > 1 { places - 1 } else { 1 };
        Self {
            cap,
            rest: 1.0 / load.clamp(0.01, 1.0) - 1.0,
            resting: Vec::new(),
            waiting: HashMap::new(),
            running: HashMap::new(),
            past: HashMap::new(),
        }
    }

    /// Queues a refresh as soon as its entry's past allows, or merges it with the one that waits.
    ///
    /// While the entry's refresh runs, the new one waits for its end: what runs may have read the data before the
    /// change.
    pub(super) fn push(&mut self, mut job: Job) {
        let past = self.past.get(&job.entry.key).copied().unwrap_or_default();
        if job.reason == Reason::Changed {
            job.due = (job.due + DEBOUNCE).max(past.calm_until.unwrap_or(job.due));
        }
        job.due = job.due.max(past.not_before.unwrap_or(job.due));
        self.insert(job);
    }

    /// Queues a refresh that a person waits for: neither debounce nor back-off holds it.
    pub(super) fn push_now(&mut self, job: Job) {
        self.insert(Job {
            forced: true,
            ..job
        });
    }

    fn insert(&mut self, job: Job) {
        match self.waiting.entry(job.entry.key) {
            std::collections::hash_map::Entry::Occupied(mut waiting) => {
                waiting.get_mut().merge(job);
            }
            std::collections::hash_map::Entry::Vacant(place) => {
                place.insert(job);
            }
        }
    }

    /// Tells what the order depends on.
    pub(super) fn weigh(&mut self, key: EntryKey, worth: Worth) {
        self.past.entry(key).or_default().worth = worth;
    }

    /// What the order of an entry depends on, as last told.
    pub(super) fn worth(&self, key: &EntryKey) -> Worth {
        self.past
            .get(key)
            .map(|past| past.worth)
            .unwrap_or_default()
    }

    /// How long an entry will rest if its next refresh fails.
    pub(super) fn rest_after_failure(&self, key: &EntryKey) -> Duration {
        backoff(
            self.past
                .get(key)
                .map_or(0, |past| past.failures)
                .saturating_add(1),
        )
    }

    /// Takes the next refresh that is due, unless every place is taken; with `forced` only of those a person waits for.
    pub(super) fn pop(&mut self, now: Instant, forced: bool) -> Option<Job> {
        if self.running.len() >= self.cap {
            return None;
        }
        self.resting.retain(|until| *until > now);
        let forced = forced || self.running.len() + self.resting.len() >= self.cap;
        let key = self
            .waiting
            .values()
            .filter(|job| {
                job.due <= now
                    && (job.forced || !forced)
                    && !self.running.contains_key(&job.entry.key)
            })
            .max_by(|a, b| self.compare(a, b, now))
            .map(|job| job.entry.key)?;
        let job = self.waiting.remove(&key)?;
        self.running.insert(key, (job.clone(), now));
        Some(job)
    }

    /// When [`Queue::pop`] may have something that it has not now, by time alone; `None` where time changes nothing.
    pub(super) fn next_due(&self, forced: bool) -> Option<Instant> {
        if self.running.len() >= self.cap {
            return None;
        }
        let place = self.next_place();
        self.waiting
            .values()
            .filter(|job| (job.forced || !forced) && !self.running.contains_key(&job.entry.key))
            .map(|job| match place {
                Some(place) if !job.forced => job.due.max(place),
                _ => job.due,
            })
            .min()
    }

    /// When a place has rested enough; `None` where one is free.
    fn next_place(&self) -> Option<Instant> {
        let mut resting = self.resting.clone();
        resting.sort_unstable();
        let too_many = (self.running.len() + resting.len()).checked_sub(self.cap)?;
        resting.get(too_many).copied()
    }

    /// A refresh ended. A failed one waits again, longer each time.
    pub(super) fn finish(&mut self, key: &EntryKey, ended: Ended, took: Duration, now: Instant) {
        let Some((job, _)) = self.running.remove(key) else {
            return;
        };
        if self.rest > 0.0 {
            self.resting.push(now + took.mul_f64(self.rest));
        }
        let past = self.past.entry(*key).or_default();
        let pause = match ended {
            Ended::Changed => {
                (past.failures, past.unchanged) = (0, 0);
                // An entry whose table never rests gets at most half of the time.
                took
            }
            Ended::Unchanged => {
                past.failures = 0;
                past.unchanged = past.unchanged.saturating_add(1);
                doubled(took, past.unchanged.min(DOUBLED_AT_MOST)).min(LONGEST_CALM.max(took))
            }
            Ended::Failed => {
                past.failures = past.failures.saturating_add(1);
                backoff(past.failures)
            }
        };
        if ended != Ended::Failed {
            past.worth.cost = Some(took);
        }
        let at = now + pause;
        if ended == Ended::Failed {
            past.not_before = Some(at);
            self.insert(Job {
                due: at,
                forced: false,
                ..job
            });
        } else {
            (past.not_before, past.calm_until) = (None, Some(at));
        }
        // What came in meanwhile keeps its reasons but not its impatience.
        if let Some(waiting) = self.waiting.get_mut(key).filter(|waiting| !waiting.forced) {
            waiting.due = waiting.due.max(at);
        }
    }

    /// A refresh turned out not to be needed.
    pub(super) fn skip(&mut self, key: &EntryKey) {
        self.running.remove(key);
    }

    /// Forgets an entry that nobody asks for any more; what runs goes on.
    pub(super) fn forget(&mut self, key: &EntryKey) {
        if self.waiting.get(key).is_none_or(|job| !job.forced) {
            self.waiting.remove(key);
            self.past.remove(key);
        }
    }

    /// Forgets what waits, unless a person waits for it; what runs goes on.
    pub(super) fn clear(&mut self) {
        self.waiting.retain(|_, job| job.forced);
    }

    /// Whether the entry waits or runs.
    pub(super) fn holds(&self, key: &EntryKey) -> bool {
        self.waiting.contains_key(key) || self.running.contains_key(key)
    }

    /// Running refreshes with their start, then the waiting ones in the order they would run if all were due.
    pub(super) fn list(&self, now: Instant) -> Vec<(&Job, Option<Instant>)> {
        let mut running: Vec<_> = self
            .running
            .values()
            .map(|(job, start)| (job, Some(*start)))
            .collect();
        running.sort_by_key(|(_, start)| *start);
        let mut waiting: Vec<_> = self.waiting.values().collect();
        waiting.sort_by(|a, b| self.compare(b, a, now));
        running
            .into_iter()
            .chain(waiting.into_iter().map(|job| (job, None)))
            .collect()
    }

    fn compare(&self, a: &Job, b: &Job, now: Instant) -> std::cmp::Ordering {
        // The key decides between equals, so that the order is the same at every look.
        self.score(a, now)
            .total_cmp(&self.score(b, now))
            .then_with(|| b.entry.key.cmp(&a.entry.key))
    }

    /// Demand times cost, divided by change rate. Nobody's wish still counts for something, else the warm-up of a
    /// new cache would have no order.
    fn score(&self, job: &Job, now: Instant) -> f64 {
        let worth = self.worth(&job.entry.key);
        let cost = worth.cost.unwrap_or(UNKNOWN_COST).as_secs_f64().max(0.001);
        let waited =
            now.saturating_duration_since(job.since).as_secs_f64() / PATIENCE.as_secs_f64();
        (1.0 + worth.demand) * cost / (1.0 + worth.changes) * (1.0 + waited)
    }
}

/// How long an entry rests after this many failures in a row.
fn backoff(failures: u32) -> Duration {
    doubled(FIRST_BACKOFF, failures.saturating_sub(1)).min(LONGEST_BACKOFF)
}

fn doubled(pause: Duration, times: u32) -> Duration {
    pause.saturating_mul(1_u32.checked_shl(times.min(20)).unwrap_or(u32::MAX))
}

#[cfg(test)]
#[path = "queue_tests.rs"]
mod tests;
