//! Serves a request from an entry, from the last good result, or from rows that another request of this process got.

use std::sync::Arc;
use std::time::Duration;

use super::ask::{Ask, Step};
use super::flight::{Kept, Shared};
use super::mend::Broken;
use super::serve::{self, Loaded, Unserved};
use super::{About, Answer, EngineError, Outcome};
use crate::cache::{Found, Header, Verdict, Why, payload};
use crate::table::BatchStream;

impl Ask {
    /// The database failed: the last good result, marked stale, where there is one within its bound.
    pub(super) async fn last_good(self, error: EngineError, old: Option<Header>) -> Step {
        let cancelled = matches!(&error, EngineError::Source(error) if error.is_cancelled());
        let policy = self.request.report.serve_on_error;
        let allowed = !cancelled && !self.is_refresh() && policy.allows(error.is_permanent());
        let Some(old) = old.filter(|_| allowed) else {
            return Step::Done(self.fail(error));
        };
        let now = self.arrival.unwrap_or_default();
        let reason = format!("the database failed, so this is the last good result: {error}");
        let found = Found {
            now,
            verdict: Verdict::Stale,
            why: Why::Expired,
            worker: false,
            filling: false,
            detector: None,
            holds_for: Duration::ZERO,
            header: None,
            heartbeat: None,
            failure: None,
        };
        match self
            .serve(old, &found, Outcome::StaleHit, Some(reason))
            .await
        {
            Step::Again(ask) => Step::Done(ask.fail(error)),
            done @ Step::Done(_) => done,
        }
    }

    /// Serves an entry; a damaged one is dropped, and the request goes another round.
    pub(super) async fn serve(
        mut self,
        mut header: Header,
        found: &Found,
        outcome: Outcome,
        reason: Option<String>,
    ) -> Step {
        let about = About {
            outcome,
            reason: reason.clone(),
            key: self.key,
            schema: match payload::decode_schema(&header.schema) {
                Ok(schema) => schema,
                Err(damage) => return self.repair(&header, damage).await,
            },
            rows: Some(header.rows),
            age: Duration::from_millis(found.now.0.saturating_sub(header.created.0)),
            ttl: Some(Duration::from_millis(
                header.soft.0.saturating_sub(found.now.0),
            )),
            sha256: Some(header.sha256.clone()),
        };
        let schema = about.schema.clone();
        let cache = self.engine.cache.clone();
        let check = self.check.take();
        let held = check.as_ref().and_then(|check| check.rows_of(&header));
        let pending = check.and_then(|check| {
            let (level, report) = (&self.engine.level, &self.request.report);
            level.pending(check, self.key, report, &header, found, reason.clone())
        });
        let loaded = match held {
            Some(held) => {
                // Its rows are counted as they are given.
                self.recorder.remembered(0, 0);
                Ok(Loaded::Whole(held.batches.clone()))
            }
            None => serve::load(&cache, &mut header, &schema, &mut self.recorder).await,
        };
        let loaded = match loaded {
            Ok(loaded) => loaded,
            Err(Unserved::Damaged(damage)) => return self.repair(&header, damage).await,
            Err(Unserved::Cache(problem)) => return Box::pin(self.without_cache(problem)).await,
        };
        self.recorder.outcome(outcome, reason);
        self.recorder.sha256(Some(header.sha256.clone()));
        self.recorder.notices(&header.notices);
        let (event, filled) = (self.recorder.slot(), self.filled);
        let rows = match loaded {
            Loaded::Whole(batches) => {
                if let Some(pending) = pending {
                    pending.keep(batches.clone());
                }
                serve::whole(batches, schema, self.recorder).await
            }
            Loaded::Page(page, shape) => {
                let (sender, stream) = BatchStream::channel(schema, 4);
                let tasks = self.engine.tasks.clone();
                let broken = Broken {
                    engine: self.engine,
                    source: self.source,
                    keys: self.keys,
                    request: self.request,
                    header: Arc::new(header),
                    given: 1,
                    sender,
                    recorder: self.recorder,
                };
                let mendable = !self.mends;
                tasks.spawn(serve::rest(cache, page, shape, broken, mendable, pending));
                stream
            }
        };
        Step::Done(Ok(Answer {
            about,
            rows,
            event,
            filled,
        }))
    }

    async fn repair(self, header: &Header, damage: payload::Damaged) -> Step {
        tracing::warn!(key = %self.key, %damage, "the entry is dropped");
        match self
            .engine
            .cache
            .drop_entry(&self.keys, &self.key, Some(&header.fill))
            .await
        {
            Ok(()) => Step::Again(Box::new(self)),
            // It cannot be dropped (a replica?), so it would be found again: around the cache this time.
            Err(problem) => Box::pin(self.without_cache(problem)).await,
        }
    }

    /// Rows that another request of this process got from the database.
    pub(super) async fn share(mut self, shared: &Shared) -> Answer {
        let count = match &shared.rows {
            Kept::Memory(batches) => batches.iter().map(|batch| batch.num_rows() as u64).sum(),
            Kept::Disk(spooled) => spooled.rows(),
        };
        self.recorder.outcome(Outcome::Wait, None);
        self.recorder.sha256(shared.sha256.clone());
        self.recorder.notices(&shared.notices);
        let about = About {
            outcome: Outcome::Wait,
            reason: None,
            key: self.key,
            schema: shared.schema.clone(),
            rows: Some(count),
            age: Duration::ZERO,
            ttl: None,
            sha256: shared.sha256.clone(),
        };
        let event = self.recorder.slot();
        let schema = shared.schema.clone();
        let rows = match &shared.rows {
            Kept::Memory(batches) => serve::whole(batches.clone(), schema, self.recorder).await,
            Kept::Disk(spooled) => spooled.clone().stream(schema, self.recorder),
        };
        Answer {
            about,
            rows,
            event,
            filled: self.filled,
        }
    }
}
