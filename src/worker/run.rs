//! One refresh: through the engine, to the end of its rows, and into the log.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use tokio_util::sync::CancellationToken;

use crate::cache::{Found, Verdict};
use crate::engine::{Event, FailedRefresh, Filled, Outcome, Reason, RefreshEvent};
use crate::report::EntryKey;

use super::queue::{Ended, Entry, Job};
use super::refresh::find;
use super::shared::Shared;

/// What became of a job.
pub(super) struct Done {
    pub(super) key: EntryKey,
    /// `None` where it turned out not to be needed, or was stopped.
    pub(super) ended: Option<Ended>,
    pub(super) took: Duration,
    /// The failure as it stands in the entry's state.
    pub(super) failure: Option<FailedRefresh>,
}

/// Refreshes the job's entry, unless somebody else did so meanwhile.
///
/// `rest` is how long the entry rests if this fails: when it is tried again.
pub(super) async fn run(
    shared: &Shared,
    job: Job,
    rest: Duration,
    stop: CancellationToken,
) -> Done {
    let key = job.entry.key;
    let not_needed = Done {
        key,
        ended: None,
        took: Duration::ZERO,
        failure: None,
    };
    let before = match find(shared, &job.entry).await {
        Ok(found) if !job.forced && is_done(&found, &job) => return not_needed,
        Ok(found) => Some(found),
        // Without the cache a refresh is of no use to anyone; the next look tries again.
        Err(_) => return not_needed,
    };

    let began = Instant::now();
    let outcome = refresh(shared, &job, stop.clone()).await;
    let took = began.elapsed();
    if stop.is_cancelled() {
        return not_needed;
    }
    let mut after = find(shared, &job.entry).await.ok();
    let outcome = outcome.and_then(|filled| kept(before.as_ref(), after.as_ref(), filled));
    if outcome.is_err() {
        // The engine noted why; only the queue knows when it is tried again.
        let noted = shared.cache.note_next_try(&shared.keys, &key, rest).await;
        if noted.is_ok() {
            after = find(shared, &job.entry).await.ok();
        }
    }
    let failure = after
        .as_ref()
        .and_then(|found| found.failure.as_ref())
        .filter(|_| outcome.is_err())
        .map(FailedRefresh::from);
    let ended = match &outcome {
        Ok(true) => Ended::Unchanged,
        Ok(false) => Ended::Changed,
        Err(_) => Ended::Failed,
    };

    let now = Utc::now();
    let since = |moment: Option<DateTime<Utc>>| {
        let moment = moment.filter(|_| outcome.is_ok())?;
        Some((now - moment).num_microseconds()?.max(0) as f64 / 1e3)
    };
    let committed_to_detected_ms = match (job.committed_at, job.detected_at) {
        (Some(committed), Some(detected)) => (detected - committed)
            .num_microseconds()
            .map(|micros| micros.max(0) as f64 / 1e3),
        _ => None,
    };
    shared.engine.log().record(Event::Refresh(RefreshEvent {
        at: now,
        source: shared.name.clone(),
        report: job.entry.report.name.clone(),
        key: key.hex(),
        reason: job.reason,
        why: job.why(),
        took_ms: took.as_secs_f64() * 1e3,
        unchanged: ended == Ended::Unchanged,
        error: outcome.as_ref().err().cloned(),
        failure: failure.clone(),
        committed_to_detected_ms,
        detected_to_fresh_ms: since(job.detected_at),
        committed_to_fresh_ms: since(job.committed_at),
    }));
    Done {
        key,
        ended: Some(ended),
        took,
        failure,
    }
}

/// Whether what the job is for has been done by somebody else since it was noticed.
fn is_done(found: &Found, job: &Job) -> bool {
    let Some(header) = found
        .header
        .as_ref()
        .filter(|_| found.verdict == Verdict::Fresh)
    else {
        return false;
    };
    let waited = job.since.elapsed().as_millis() as u64;
    job.reason == Reason::Changed || found.now.0.saturating_sub(header.created.0) < waited
}

/// Runs the query and reads its rows to the end, where the engine stores the entry. The answer is what became of the
/// entry; `None` where this refresh waited for somebody else's.
async fn refresh(
    shared: &Shared,
    job: &Job,
    cancel: CancellationToken,
) -> Result<Option<Filled>, String> {
    let Entry { report, params, .. } = &job.entry;
    let because = because(job, shared.detector().as_deref());
    let mut answer = shared
        .engine
        .refresh_because(report, params, job.reason, because, cancel)
        .await
        .map_err(|error| error.to_string())?;
    let bypassed = answer.about.outcome == Outcome::Bypass;
    while let Some(batch) = answer.rows.next().await {
        batch.map_err(|error| error.to_string())?;
    }
    if bypassed {
        return Err(answer
            .about
            .reason
            .unwrap_or_else(|| "the cache could not be used".to_owned()));
    }
    Ok(answer.filled.get().cloned())
}

/// Why the job's entry is refreshed, with when that was committed and seen: what its header keeps.
fn because(job: &Job, detector: Option<&str>) -> String {
    let why = job.why();
    let Some(detected) = job.detected_at else {
        return why;
    };
    let clock = |moment: DateTime<Utc>| moment.format("%H:%M:%S UTC");
    let seen_by = detector.map_or_else(String::new, |name| format!(" by {name}"));
    match job.committed_at {
        Some(committed) => {
            let later = (detected - committed).num_milliseconds().max(0);
            format!(
                "{why}, committed {}, seen {later} ms later{seen_by}",
                clock(committed)
            )
        }
        None => format!("{why}, seen {}{seen_by}", clock(detected)),
    }
}

/// Whether the cache has a new answer (ours or somebody's), and whether that is the same as the old one.
fn kept(
    before: Option<&Found>,
    after: Option<&Found>,
    filled: Option<Filled>,
) -> Result<bool, String> {
    if let Some(filled) = filled.as_ref().filter(|filled| filled.stored) {
        return Ok(filled.unchanged);
    }
    let problem = filled.and_then(|filled| filled.problem);
    let refused = || problem.unwrap_or_else(|| "the cache did not keep the new result".to_owned());
    let Some(new) = after.and_then(|found| found.header.as_ref()) else {
        return Err(refused());
    };
    let Some(old) = before.and_then(|found| found.header.as_ref()) else {
        return Ok(false);
    };
    if (new.created, &new.position, &new.epoch) == (old.created, &old.position, &old.epoch) {
        return Err(refused());
    }
    Ok(new.sha256 == old.sha256)
}
