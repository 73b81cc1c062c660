//! The refreshing half: looks at the entries of a source, decides, and empties the queue through the engine.
//!
//! Invariant: while the database does not change and nothing ends, it asks Redis and never the database.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use chrono::Utc;
use futures::StreamExt;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::cache::{CacheError, Found, Header, Verdict, Why};
use crate::detector::Touched;
use crate::engine::{FailedRefresh, Reason};
use crate::report::{Dependencies, EntryKey, Params, Refresh};

use super::decide::{Decision, LOOK_AGAIN, Look, SETTLE, decide};
use super::queue::{Ended, Entry, Job, Queue, Worth};
use super::run::{Done, run};
use super::shared::{Change, News, Shared};
use super::{Failing, Queued};

/// How often demand is read, to find new entries and stale hits of other processes.
const SURVEY: Duration = Duration::from_secs(1);
/// How many entries are looked at in the cache at a time.
const LOOKS: usize = 16;

/// The refreshing half of the worker for one source.
pub(super) struct Refresher {
    shared: Arc<Shared>,
    stop: CancellationToken,
    queue: Queue,
    entries: HashMap<EntryKey, Known>,
    /// Entries of reports that are not in the workspace, and when their headers were read.
    foreign: HashMap<EntryKey, Instant>,
    runs: JoinSet<Done>,
    keys: HashMap<tokio::task::Id, EntryKey>,
    leading: bool,
    watching: bool,
    tells_apart: bool,
    unseen: Arc<BTreeSet<String>>,
    surveyed: Option<Instant>,
    warmed_at: Option<Instant>,
}

/// What is remembered of an entry between two looks.
struct Known {
    entry: Entry,
    tables: BTreeSet<String>,
    look_at: Instant,
    first: bool,
    asked: bool,
    read: bool,
    demand: f64,
    demand_at: Instant,
    /// When it was asked for last, as far as that is known.
    asked_at: Instant,
    /// Nobody asked for it for so long that it is not refreshed.
    forgotten: bool,
    changes: f64,
    changed_at: Instant,
    cost: Option<Duration>,
    /// The last failed refresh, by this worker or anybody else.
    failure: Option<FailedRefresh>,
}

impl Refresher {
    pub(super) fn new(shared: Arc<Shared>, stop: CancellationToken) -> Self {
        let config = &shared.config;
        let queue = Queue::new(config.max_concurrent_queries, config.max_refresh_load);
        Self {
            shared,
            stop,
            queue,
            entries: HashMap::new(),
            foreign: HashMap::new(),
            runs: JoinSet::new(),
            keys: HashMap::new(),
            leading: false,
            watching: false,
            tells_apart: false,
            unseen: Arc::default(),
            surveyed: None,
            warmed_at: None,
        }
    }

    /// Refreshes until it is stopped; ends what runs.
    pub(super) async fn run(mut self) {
        loop {
            let wake = self.wake_at();
            tokio::select! {
                () = self.stop.cancelled() => break,
                () = self.shared.news_came.notified() => {}
                Some(done) = self.runs.join_next_with_id() => self.joined(done),
                () = tokio::time::sleep_until(wake.into()) => {}
            }
            let news = self.shared.take_news();
            self.hear(news);
            if self.leading {
                // A cache that is away is told by the watching half; the next survey tries again.
                let _ = self.survey().await;
                let _ = self.look().await;
            }
            self.dispatch();
            self.show();
        }
        while self.runs.join_next().await.is_some() {}
        self.shared.show_queue(Vec::new());
    }

    fn paused(&self) -> bool {
        self.shared.hub.paused.load(Ordering::Relaxed)
    }

    /// When something is to be done, by time alone.
    fn wake_at(&self) -> Instant {
        let now = Instant::now();
        let mut at = now + LOOK_AGAIN;
        if self.leading {
            at = at.min(self.surveyed.map_or(now, |surveyed| surveyed + SURVEY));
            let looks = self
                .entries
                .values()
                .filter(|known| !known.forgotten && !self.queue.holds(&known.entry.key));
            at = looks.map(|known| known.look_at).fold(at, Instant::min);
        }
        if let Some(due) = self.queue.next_due(self.paused() || !self.leading) {
            at = at.min(due);
        }
        // A cache that is away leaves looks due: without a floor they would be tried without a pause.
        at.max(now + Duration::from_millis(5))
    }

    fn hear(&mut self, news: News) {
        let now = Instant::now();
        if self.leading && !news.leading {
            self.queue.clear();
            self.entries.clear();
        }
        (self.leading, self.watching, self.tells_apart) =
            (news.leading, news.watching, news.tells_apart);
        self.unseen = news.unseen;
        if news.other_reports {
            // Each may have another policy now. Those that are asked for come back with the next survey.
            self.queue.clear();
            self.entries.clear();
            self.foreign.clear();
        }
        if news.first || news.other_reports {
            self.warmed_at = Some(now);
            self.surveyed = None;
            for known in self.entries.values_mut() {
                (known.first, known.look_at) = (true, now);
            }
        }
        if let Some(change) = news.change {
            self.changed(&change, now);
        }
        // Where another worker leads, its survey finds them.
        for (key, entry) in news.served_stale.into_iter().filter(|_| self.leading) {
            let known = self
                .entries
                .entry(key)
                .or_insert_with(|| Known::new(entry, false, now));
            known.asked_now(now);
        }
        for entry in news.asked.into_values() {
            self.queue
                .push_now(Job::new(entry, Reason::Asked, "refresh now", now));
        }
    }

    /// Queues every on-change entry that depends on what changed.
    fn changed(&mut self, change: &Change, now: Instant) {
        let somewhere = self.somewhere();
        for known in self.entries.values_mut() {
            if known.forgotten || known.entry.report.refresh != Refresh::OnChange {
                continue;
            }
            let tables: BTreeSet<String> = match &change.tables {
                Touched::All => BTreeSet::new(),
                Touched::Tables(tables) if known.tables.contains(Dependencies::ANY) => {
                    tables.clone()
                }
                Touched::Tables(tables) => tables.intersection(&known.tables).cloned().collect(),
            };
            if tables.is_empty() && change.tables != Touched::All {
                continue;
            }
            let elapsed = now
                .saturating_duration_since(known.changed_at)
                .as_secs_f64();
            known.changes = known.changes * (-elapsed / 60.0).exp() + 1.0;
            known.changed_at = now;
            self.queue.weigh(known.entry.key, known.worth());
            self.queue.push(Job {
                tables,
                committed_at: change.committed_at,
                detected_at: Some(change.detected_at),
                ..Job::new(known.entry.clone(), Reason::Changed, &somewhere, now)
            });
        }
    }

    /// What changed, where the detector does not tell.
    fn somewhere(&self) -> String {
        format!("somewhere in {}", self.shared.name)
    }

    /// Finds the entries: reports that need no parameters, and what was asked for lately.
    async fn survey(&mut self) -> Result<(), CacheError> {
        let now = Instant::now();
        let first = self.surveyed.is_none();
        if self
            .surveyed
            .is_some_and(|surveyed| now < surveyed + SURVEY)
        {
            return Ok(());
        }
        self.surveyed = Some(now);
        let forget_after = self.shared.config.forget_after;
        let mut there: BTreeSet<EntryKey> = BTreeSet::new();
        let mut warm: BTreeSet<EntryKey> = BTreeSet::new();
        if self.warmed_at.is_some_and(|at| now < at + forget_after) {
            for report in self.shared.reports().values() {
                let Ok(params) = report.bind(&[]) else {
                    continue;
                };
                let Ok(key) = self.shared.engine.key(report, &params) else {
                    continue;
                };
                warm.insert(key);
                let entry = Entry {
                    report: report.clone(),
                    params,
                    key,
                };
                self.entries
                    .entry(key)
                    .or_insert_with(|| Known::new(entry, true, now));
            }
        }
        for (key, demand) in self.shared.protocol.demand().await? {
            // The last request is at least as old as one alone would be that has faded to this.
            let silent = Duration::from_secs_f64(3600.0 * (-demand.ln()).clamp(0.0, 1e6));
            if silent > forget_after {
                continue;
            }
            if let Some(known) = self.entries.get_mut(&key) {
                known.demanded(demand, now);
            } else if self
                .foreign
                .get(&key)
                .is_none_or(|seen| *seen + LOOK_AGAIN < now)
            {
                let Some(header) = self.shared.protocol.header(&key).await? else {
                    continue;
                };
                let Some(entry) = self.entry(key, &header) else {
                    self.foreign.insert(key, now);
                    self.meet_foreign(&header);
                    continue;
                };
                let mut known = Known::new(entry, first, now);
                // Who comes up between two surveys was asked for between them.
                (known.asked, known.read, known.demand) = (!first, !first, demand);
                known.asked_at = now.checked_sub(silent).unwrap_or(now);
                self.entries.insert(key, known);
            }
            there.insert(key);
        }
        self.entries.retain(|key, known| {
            let is_warm = warm.contains(key);
            known.forgotten = !is_warm && known.asked_at + forget_after <= now;
            // What was served stale a moment ago is still to be looked at, also where its report is not the workspace's.
            let stays = known.asked || is_warm || there.contains(key);
            if known.forgotten || !stays {
                self.queue.forget(key);
            }
            stays
        });
        self.foreign.retain(|_, seen| *seen + 2 * LOOK_AGAIN > now);
        Ok(())
    }

    /// An entry of a report that is not in the workspace. It cannot be refreshed without its SQL, but where it wants to
    /// be watched it is: whoever fills it then gets a fresh one.
    fn meet_foreign(&self, header: &Header) {
        if header.on_change {
            self.shared.watch_for();
            self.shared.want(header.tables.iter().cloned());
        }
    }

    /// The entry of a header, unless its report has gone or changed since.
    fn entry(&self, key: EntryKey, header: &Header) -> Option<Entry> {
        let reports = self.shared.reports();
        let report = reports.get(&header.report)?;
        let params = Params::from_json(&serde_json::from_str(&header.params).ok()?).ok()?;
        let same = self.shared.engine.key(report, &params).ok()? == key;
        same.then(|| Entry {
            report: report.clone(),
            params,
            key,
        })
    }

    /// Looks at the entries whose time has come, and queues what is to be refreshed.
    async fn look(&mut self) -> Result<(), CacheError> {
        let now = Instant::now();
        let due: Vec<Entry> = self
            .entries
            .values()
            .filter(|known| !known.forgotten && known.look_at <= now)
            .filter(|known| !self.queue.holds(&known.entry.key))
            .map(|known| known.entry.clone())
            .collect();
        let shared = &self.shared;
        let found: Vec<(EntryKey, Result<Found, CacheError>)> = futures::stream::iter(due)
            .map(|entry| async move { (entry.key, find(shared, &entry).await) })
            .buffer_unordered(LOOKS)
            .collect()
            .await;
        for (key, found) in found {
            match found {
                Ok(found) => self.judge(key, &found),
                Err(error) => {
                    for known in self.entries.values_mut() {
                        known.look_at = known.look_at.max(now + SURVEY);
                    }
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    fn judge(&mut self, key: EntryKey, found: &Found) {
        let now = Instant::now();
        let somewhere = self.somewhere();
        let Some(known) = self.entries.get_mut(&key) else {
            return;
        };
        let report = known.entry.report.clone();
        let (mut age, mut left, mut query_time) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
        if let Some(header) = &found.header {
            age = Duration::from_millis(found.now.0.saturating_sub(header.created.0));
            left = Duration::from_millis(header.soft.0.saturating_sub(found.now.0));
            query_time = header.query_time;
            known.tables = header.tables.iter().cloned().collect();
            known.cost = Some(query_time);
            if report.refresh == Refresh::OnChange {
                self.shared.want(header.tables.iter().cloned());
            }
        }
        // Nobody ever vouches for an entry on a table that cannot be seen.
        let seen = !matches!(&found.why, Why::Unknown(table) if self.unseen.contains(table));
        let look = Look {
            refresh: report.refresh,
            ttl: report.ttl,
            why: found.why.clone(),
            age,
            left,
            query_time,
            asked: std::mem::take(&mut known.asked),
            read: known.read,
            watching: self.watching && seen,
            first: known.first,
        };
        known.first = false;
        known.failure = found.failure.as_ref().map(FailedRefresh::from);
        self.queue.weigh(key, known.worth());
        match decide(&look) {
            Decision::Wait(time) => {
                // The answer of a stale hit said that a refresh follows, at the latest after the pause.
                known.asked = look.asked && found.verdict == Verdict::Stale;
                known.look_at = now + time;
            }
            Decision::TakeIn => {
                known.look_at = now + SETTLE;
                self.shared.wanted_came.notify_one();
            }
            Decision::Refresh(reason, note) => {
                let note = match &look.why {
                    Why::Changed(_) if reason == Reason::Changed && !self.tells_apart => somewhere,
                    _ => note,
                };
                self.queue
                    .push(Job::new(known.entry.clone(), reason, &note, now));
            }
        }
    }

    /// Starts what is due, as far as there are places.
    fn dispatch(&mut self) {
        let forced = self.paused() || !self.leading;
        while let Some(job) = self.queue.pop(Instant::now(), forced) {
            let (shared, stop) = (self.shared.clone(), self.stop.child_token());
            let key = job.entry.key;
            let rest = self.queue.rest_after_failure(&key);
            let task = self
                .runs
                .spawn(async move { run(&shared, job, rest, stop).await });
            self.keys.insert(task.id(), key);
        }
    }

    fn joined(&mut self, done: Result<(tokio::task::Id, Done), tokio::task::JoinError>) {
        match done {
            Ok((id, done)) => {
                self.keys.remove(&id);
                self.ended(done);
            }
            // A refresh that panicked gives its place back, and is tried again later like any failure.
            Err(error) => {
                if let Some(key) = self.keys.remove(&error.id()) {
                    self.ended(Done {
                        key,
                        ended: Some(Ended::Failed),
                        took: Duration::ZERO,
                        failure: None,
                    });
                }
            }
        }
    }

    fn ended(&mut self, done: Done) {
        let now = Instant::now();
        let Done {
            key,
            ended,
            took,
            failure,
        } = done;
        match ended {
            Some(ended) => self.queue.finish(&key, ended, took, now),
            None => self.queue.skip(&key),
        }
        if let Some(known) = self.entries.get_mut(&key) {
            known.look_at = now;
            known.failure = failure.or(known.failure.take().filter(|_| ended.is_none()));
            if ended.is_some_and(|ended| ended != Ended::Failed) {
                (known.read, known.cost) = (false, Some(took));
            }
        }
    }

    fn show(&self) {
        let (now, clock) = (Instant::now(), Utc::now());
        let shown = self.queue.list(now).into_iter().map(|(job, started)| {
            let worth = self.queue.worth(&job.entry.key);
            Queued {
                source: self.shared.name.clone(),
                report: job.entry.report.name.clone(),
                params: job.entry.params.summary(),
                key: job.entry.key.hex(),
                reason: job.reason,
                why: job.why(),
                started: started.map(|at| clock - now.saturating_duration_since(at)),
                cost: worth.cost,
                demand: worth.demand,
            }
        });
        self.shared.show_queue(shown.collect());
        let failing = self.entries.values().filter_map(|known| {
            Some(Failing {
                source: self.shared.name.clone(),
                report: known.entry.report.name.clone(),
                params: known.entry.params.summary(),
                key: known.entry.key.hex(),
                failure: known.failure.clone()?,
            })
        });
        let mut failing: Vec<_> = failing.collect();
        failing.sort_by(|a, b| {
            let rank = |one: &Failing| std::cmp::Reverse(one.failure.count);
            (rank(a), &a.report, &a.key).cmp(&(rank(b), &b.report, &b.key))
        });
        self.shared.show_failing(failing);
    }
}

/// An entry with its verdict, without counting as a request.
pub(super) async fn find(shared: &Shared, entry: &Entry) -> Result<Found, CacheError> {
    shared
        .cache
        .find(&shared.keys, &entry.key, &entry.report, false)
        .await
}

impl Known {
    fn new(entry: Entry, first: bool, now: Instant) -> Self {
        Self {
            entry,
            tables: BTreeSet::new(),
            look_at: now,
            first,
            asked: false,
            read: false,
            demand: 0.0,
            demand_at: now,
            asked_at: now,
            forgotten: false,
            changes: 0.0,
            changed_at: now,
            cost: None,
            failure: None,
        }
    }

    /// Demand fades by e an hour and grows by one with each request, so growth tells of requests.
    fn demanded(&mut self, demand: f64, now: Instant) {
        let hours = now.saturating_duration_since(self.demand_at).as_secs_f64() / 3600.0;
        if demand > self.demand * (-hours).exp() + 0.5 {
            self.asked_now(now);
        }
        (self.demand, self.demand_at) = (demand, now);
    }

    /// Somebody asked for it: it is looked at.
    fn asked_now(&mut self, now: Instant) {
        (self.asked, self.read, self.look_at) = (true, true, now);
        (self.asked_at, self.forgotten) = (now, false);
    }

    fn worth(&self) -> Worth {
        let elapsed = self.changed_at.elapsed().as_secs_f64();
        Worth {
            demand: self.demand,
            cost: self.cost,
            changes: self.changes * (-elapsed / 60.0).exp(),
        }
    }
}
