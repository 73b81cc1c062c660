//! What is the outcome of a request? Hit, stale hit, wait, miss or bypass: decided here.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use futures::future::BoxFuture;

use super::fill;
use super::flight::{Joined, Landed, Leader, Part};
use super::level::Check;
use super::lock::{LOCK, Lock, MARGIN, WaitLimit};
use super::pump::{self, Run};
use super::record::{Recorder, ms};
use super::{Answer, Caller, Engine, EngineError, Filled, Mode, Outcome, Reason, Request};
use crate::cache::{CacheError, Found, Header, ServerTime, SourceKeys, Verdict};
use crate::report::{Dependencies, EntryKey, Refresh};
use crate::source::{Source, SourceError};

/// How often somebody else's fill is looked at: often at first, then less.
const LOOK: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(100));

/// A request on its way to an answer.
pub(super) struct Ask {
    pub(super) engine: Arc<Engine>,
    pub(super) source: Arc<dyn Source>,
    pub(super) keys: SourceKeys,
    pub(super) key: EntryKey,
    pub(super) request: Request,
    pub(super) recorder: Recorder,
    pub(super) filled: Arc<OnceLock<Filled>>,
    /// The server's clock when this request came: an answer whose fill ended after it is one we waited for.
    pub(super) arrival: Option<ServerTime>,
    /// The entry that was there when this request came: fill and time. That one is none we waited for.
    seen: Option<(String, ServerTime)>,
    waited: bool,
    /// Why the entry is refreshed, in one sentence that is kept in its header.
    because: Option<String>,
    /// What was known before the cache was asked last, where the answer may be kept in memory.
    pub(super) check: Option<Check>,
    /// This request mends another's answer: it leaves no event of its own, and is not mended in turn.
    pub(super) mends: bool,
}

/// After a step: an answer, or the request for another round.
pub(super) enum Step {
    Done(Result<Answer, EngineError>),
    Again(Box<Ask>),
}

impl Ask {
    pub(super) fn new(
        engine: Arc<Engine>,
        source: Arc<dyn Source>,
        keys: SourceKeys,
        request: Request,
    ) -> Self {
        Self::with(engine, source, keys, request, false)
    }

    /// A request for what another request's answer lacks.
    pub(super) fn again(
        engine: Arc<Engine>,
        source: Arc<dyn Source>,
        keys: SourceKeys,
        request: Request,
    ) -> Self {
        Self::with(engine, source, keys, request, true)
    }

    /// The same request, which tells why the entry is refreshed.
    #[must_use]
    pub(super) fn because(mut self, why: String) -> Self {
        self.because = Some(why);
        self
    }

    fn with(
        engine: Arc<Engine>,
        source: Arc<dyn Source>,
        keys: SourceKeys,
        request: Request,
        mends: bool,
    ) -> Self {
        let key = EntryKey::new(source.identity(), &request.report, &request.params);
        let of_worker = engine.caller == Caller::Worker && matches!(request.mode, Mode::Refresh(_));
        let recorder = Recorder::new(
            engine.log().clone(),
            engine.caller,
            &request.report,
            &request.params,
            key,
            mends || of_worker,
        );
        Self {
            engine,
            source,
            keys,
            key,
            request,
            recorder,
            filled: Arc::default(),
            arrival: None,
            seen: None,
            waited: false,
            because: None,
            check: None,
            mends,
        }
    }

    /// Answers. Boxed: the steps of a request are many, and an answer that is mended asks anew within itself.
    pub(super) fn answer(self) -> BoxFuture<'static, Result<Answer, EngineError>> {
        Box::pin(self.rounds())
    }

    async fn rounds(self) -> Result<Answer, EngineError> {
        if self.request.mode == Mode::Uncached {
            let reason = "asked to skip the cache".to_owned();
            return self
                .run(Run {
                    outcome: Outcome::Bypass,
                    reason: Some(reason),
                    ..Run::default()
                })
                .await;
        }
        let mut ask = self;
        loop {
            if ask.request.cancel.is_cancelled() {
                return ask.fail(SourceError::Cancelled.into());
            }
            let step = match ask.find().await {
                Err(problem) => Box::pin(ask.without_cache(problem)).await,
                Ok(found) => Box::pin(ask.with_entry(found)).await,
            };
            match step {
                Step::Done(answer) => return answer,
                Step::Again(again) => ask = *again,
            }
        }
    }

    pub(super) fn is_refresh(&self) -> bool {
        matches!(self.request.mode, Mode::Refresh(_))
    }

    fn watched(&self) -> bool {
        self.request.report.refresh == Refresh::OnChange
    }

    async fn find(&mut self) -> Result<Found, CacheError> {
        let started = Instant::now();
        let first = self.arrival.is_none();
        let count = first && !self.is_refresh();
        let report = &self.request.report;
        self.check = if self.may_remember() {
            self.engine.level.check(&self.keys, &self.key, report)
        } else {
            None
        };
        let known = self.check.as_ref().map(Check::known).unwrap_or_default();
        let cache = &self.engine.cache;
        let found = cache
            .find_more(&self.keys, &self.key, report, count, known)
            .await;
        self.recorder
            .stages(|stages| stages.cache_ms += ms(started.elapsed()));
        if let Ok(found) = &found
            && first
        {
            self.arrival = Some(found.now);
            self.seen = found
                .header
                .as_ref()
                .map(|header| (header.fill.clone(), header.created));
        }
        found
    }

    /// The entry's header where it may be served at all.
    fn servable(found: &mut Found) -> Option<Header> {
        // Redis drops the header at its hard expiry; this holds where its clock and ours disagree on "now".
        found.header.take().filter(|header| found.now < header.hard)
    }

    /// Whether the entry was stored after this request came, so that it is an answer worth having waited for. A refresh
    /// wants more: an entry that no change has overtaken, because its query may have begun before the change.
    fn is_awaited(&self, header: &Header, verdict: Verdict) -> bool {
        let same = self
            .seen
            .as_ref()
            .is_some_and(|(fill, created)| *fill == header.fill && *created == header.created);
        !same
            && self.arrival.is_some_and(|arrival| {
                if self.is_refresh() {
                    header.created > arrival && verdict == Verdict::Fresh
                } else {
                    header.created >= arrival
                }
            })
    }

    async fn with_entry(self, mut found: Found) -> Step {
        if found.why == crate::cache::Why::Damaged {
            let _ = self
                .engine
                .cache
                .drop_entry(&self.keys, &self.key, None)
                .await;
        }
        let header = Self::servable(&mut found);
        let Some(header) = header else {
            return Box::pin(self.join_or_lead(None)).await;
        };
        if self.waited && self.is_awaited(&header, found.verdict) {
            return self.serve(header, &found, Outcome::Wait, None).await;
        }
        if self.is_refresh() {
            return Box::pin(self.join_or_lead(Some(header))).await;
        }
        if found.verdict == Verdict::Fresh {
            let outcome = if self.waited {
                Outcome::Wait
            } else {
                Outcome::Hit
            };
            // A hit needs no reason, unless it is true in a narrower sense than its policy says.
            let narrower = matches!(found.why, crate::cache::Why::Unseen(_));
            let reason = narrower.then(|| found.why.sentence());
            return self.serve(header, &found, outcome, reason).await;
        }
        // Old: served at once only where someone will refresh it, and the last refresh did not fail for good.
        let policy = self.request.report.serve_on_error;
        let allowed = found
            .failure
            .as_ref()
            .is_none_or(|failure| policy.allows(failure.permanent));
        if !self.waited && allowed && self.engine.can_store(self.key) {
            let (report, params) = (&self.request.report, &self.request.params);
            let own = self.engine.refresh_soon(report, params, self.key);
            // A worker elsewhere refreshes what is in its workspace; a report by TTL alone is left to the others.
            let elsewhere = found.worker && report.refresh != Refresh::Ttl;
            if elsewhere || own.is_some() {
                let next = match (found.failed(), own) {
                    (Some(failed), _) => failed,
                    (None, _) if found.filling => "a refresh is under way".to_owned(),
                    (None, Some(own)) => own.to_owned(),
                    // True of every request: it is counted where the worker looks.
                    (None, None) => "the worker has been asked to refresh it".to_owned(),
                };
                let why = found.sentence(&report.source);
                let reason = Some(format!("{why}; {next}"));
                return self.serve(header, &found, Outcome::StaleHit, reason).await;
            }
        }
        Box::pin(self.join_or_lead(Some(header))).await
    }

    /// Joins a query that this process runs already, or leads.
    async fn join_or_lead(self, old: Option<Header>) -> Step {
        match self.engine.flights.enter(self.key) {
            Part::Join(joined) => Box::pin(self.join(joined, old)).await,
            Part::Lead(leader) => Box::pin(self.lead(leader, old)).await,
        }
    }

    async fn join(mut self, mut joined: Joined, old: Option<Header>) -> Step {
        let started = Instant::now();
        let cancel = self.request.cancel.clone();
        let most = self
            .engine
            .limit(&self.request.report)
            .saturating_add(MARGIN);
        let landed = loop {
            let landed = tokio::select! {
                landed = joined.landed(most) => landed,
                () = cancel.cancelled() => return Step::Done(self.fail(SourceError::Cancelled.into())),
            };
            if let Some(landed) = landed {
                break landed;
            }
            // It took longer than a query may run: one of those who joined runs it.
            match self.engine.flights.enter_unless(self.key, Some(&joined)) {
                Part::Join(other) => joined = other,
                Part::Lead(leader) => return Box::pin(self.lead(leader, old)).await,
            }
        };
        self.recorder
            .stages(|stages| stages.wait_ms += ms(started.elapsed()));
        self.waited = true;
        match landed {
            // A refresh wants a query that began after it was asked for; the entry tells by its time.
            Landed::Rows(shared) if !self.is_refresh() => Step::Done(Ok(self.share(&shared).await)),
            Landed::Failed(error) => self.last_good(error, old).await,
            Landed::Rows(_) | Landed::Cached | Landed::Nothing => Step::Again(Box::new(self)),
        }
    }

    /// Leads this process's flight: takes the fill lock and runs the query, or waits for the process that has it.
    async fn lead(mut self, leader: Leader, old: Option<Header>) -> Step {
        let token = format!("{:032x}", rand::random::<u128>());
        let limit = self.engine.limit(&self.request.report);
        let mut wait = WaitLimit::new(limit);
        let mut pause = LOOK.0;
        loop {
            // Who has waited as long as a fill may take runs the query itself, and takes the lock for that.
            let take = wait.is_over();
            let begun = self
                .engine
                .cache
                .begin_or_take(&self.keys, &self.key, &token, LOCK, take)
                .await;
            let mut begun = match begun {
                Ok(begun) => begun,
                Err(problem) => {
                    self.engine.note_stored(self.key, false);
                    return Step::Done(Box::pin(self.bypass(leader, &problem, old)).await);
                }
            };
            let lock = begun.ours.then(|| {
                Lock::keep(
                    self.engine.cache.clone(),
                    self.keys.clone(),
                    self.key,
                    token.clone(),
                    limit,
                    self.engine.tasks.clone(),
                )
            });
            // Somebody may have stored the entry since we looked; and whoever holds the lock may be done.
            let found = match self
                .engine
                .cache
                .find(&self.keys, &self.key, &self.request.report, false)
                .await
            {
                Ok(found) => found,
                Err(problem) => {
                    return Step::Done(Box::pin(self.bypass(leader, &problem, old)).await);
                }
            };
            let arrived = found.header.as_ref().is_some_and(|header| {
                self.is_awaited(header, found.verdict)
                    || found.verdict == Verdict::Fresh && !self.is_refresh()
            });
            if arrived {
                if let Some(lock) = lock {
                    lock.release().await;
                }
                leader.land(Landed::Cached);
                self.waited = true;
                return Step::Again(Box::new(self));
            }
            if let Some(lock) = lock {
                leader.goes_on();
                let old = old.or(found.header);
                let depends_on = match self.depends_on().await {
                    Ok(depends_on) => depends_on,
                    Err(error) => {
                        let error = EngineError::from(error);
                        self.note_failure(Some(begun.now), &error).await;
                        lock.release().await;
                        leader.land(Landed::Failed(error.clone()));
                        return self.last_good(error, old).await;
                    }
                };
                let about = fill::About {
                    lock,
                    begun,
                    depends_on,
                    on_change: self.watched(),
                    old: old.clone(),
                    writer: format!(
                        "{}, {}",
                        caller(self.engine.caller),
                        why(&self.request.mode)
                    ),
                    because: self.because.clone(),
                };
                let fallback = if self.is_refresh() { None } else { old };
                let run = Run {
                    outcome: Outcome::Miss,
                    reason: None,
                    fill: Some(about),
                    leader: Some(leader),
                    fallback,
                };
                return Step::Done(self.run(run).await);
            }
            self.waited = true;
            if wait.waits_for(std::mem::take(&mut begun.holder)) {
                leader.goes_on();
            }
            if wait.should_notify() {
                let report = &self.request.report;
                self.engine.notify_waiting(report, wait.most());
            }
            let started = Instant::now();
            let cancel = self.request.cancel.clone();
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = cancel.cancelled() => return Step::Done(self.fail(SourceError::Cancelled.into())),
            }
            self.recorder
                .stages(|stages| stages.wait_ms += ms(started.elapsed()));
            pause = (pause * 2).min(LOOK.1);
        }
    }

    /// What the answer of a fill that has begun depends on. Where a detector vouches for them the catalogue is
    /// asked now: a view that is redefined later is a change after the fill began, and one that was redefined earlier
    /// must not be taken for what it was.
    async fn depends_on(&self) -> Result<Dependencies, SourceError> {
        let (report, source) = (&self.request.report, self.source.as_ref());
        let at = Instant::now();
        let catalogues = &self.engine.catalogues;
        let found = if self.watched() {
            catalogues.resolve_since(report, source, at).await?
        } else {
            catalogues.resolve(report, source).await?
        };
        Ok(found.with_params(&self.request.params, source.dialect()))
    }

    /// Notes in the cache that the entry's refresh failed.
    pub(super) async fn note_failure(&self, began: Option<ServerTime>, error: &EngineError) {
        self.engine
            .note_failure(&self.keys, &self.key, &self.request.report, began, error)
            .await;
    }

    /// The cache cannot be asked: the report runs uncached, once for all who ask in this process.
    pub(super) async fn without_cache(self, problem: CacheError) -> Step {
        match self.engine.flights.enter(self.key) {
            Part::Join(joined) => Box::pin(self.join(joined, None)).await,
            Part::Lead(leader) => Step::Done(Box::pin(self.bypass(leader, &problem, None)).await),
        }
    }

    async fn bypass(
        self,
        leader: Leader,
        problem: &CacheError,
        old: Option<Header>,
    ) -> Result<Answer, EngineError> {
        let run = Run {
            outcome: Outcome::Bypass,
            reason: Some(problem.message.clone()),
            fill: None,
            leader: Some(leader),
            fallback: if self.is_refresh() { None } else { old },
        };
        self.run(run).await
    }

    /// Runs the query.
    async fn run(self, run: Run) -> Result<Answer, EngineError> {
        match Box::pin(pump::run(self, run)).await {
            Ok(answer) => Ok(answer),
            Err((ask, error, fallback)) => match ask.last_good(error, fallback).await {
                Step::Done(answer) => answer,
                // The last good result turned out damaged meanwhile: there is none.
                Step::Again(ask) => ask.fail(EngineError::Damaged),
            },
        }
    }

    pub(super) fn fail(self, error: EngineError) -> Result<Answer, EngineError> {
        self.recorder.end(Some(error.to_string()));
        Err(error)
    }
}

fn caller(caller: Caller) -> &'static str {
    match caller {
        Caller::Window => "window",
        Caller::Cli => "command line",
        Caller::Worker => "worker",
    }
}

fn why(mode: &Mode) -> &'static str {
    match mode {
        Mode::Cached | Mode::PastMemory | Mode::Uncached => "miss",
        Mode::Refresh(Reason::Changed) => "changed",
        Mode::Refresh(Reason::Expiring) => "expiring",
        Mode::Refresh(Reason::Scheduled) => "scheduled",
        Mode::Refresh(Reason::Asked) => "asked",
    }
}
