//! What a request leaves in the log, however it ends: exactly one event.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use arrow::record_batch::RecordBatch;
use chrono::Utc;

use super::{Caller, Event, EventLog, Outcome, RequestEvent, Stages};
use crate::cache::payload;
use crate::report::{EntryKey, Params, Report};
use crate::source::SourceTimes;

/// Gathers a request's event; dropped without an end, it records that the answer was abandoned.
pub(super) struct Recorder {
    log: Arc<EventLog>,
    slot: Arc<OnceLock<RequestEvent>>,
    key: EntryKey,
    clock: Instant,
    event: Option<RequestEvent>,
    /// A refresh by the worker leaves the worker's own event.
    silent: bool,
}

impl Recorder {
    pub(super) fn new(
        log: Arc<EventLog>,
        caller: Caller,
        report: &Report,
        params: &Params,
        key: EntryKey,
        silent: bool,
    ) -> Self {
        let event = RequestEvent {
            at: Utc::now(),
            report: report.name.clone(),
            key: key.hex(),
            params: params.summary(),
            outcome: Outcome::Miss,
            reason: None,
            caller,
            rows: 0,
            bytes: 0,
            stages: Stages::default(),
            sha256: None,
            from_memory: false,
            notices: Vec::new(),
            error: None,
        };
        Self {
            log,
            slot: Arc::default(),
            key,
            clock: Instant::now(),
            event: Some(event),
            silent,
        }
    }

    /// Where the event will be when the request has ended.
    pub(super) fn slot(&self) -> Arc<OnceLock<RequestEvent>> {
        self.slot.clone()
    }

    /// What happened, and why.
    pub(super) fn outcome(&mut self, outcome: Outcome, reason: Option<String>) {
        if let Some(event) = &mut self.event {
            event.outcome = outcome;
            event.reason = reason;
        }
    }

    /// Adds a reason where there is none yet.
    pub(super) fn remark(&mut self, reason: Option<String>) {
        if let Some(event) = &mut self.event
            && event.reason.is_none()
        {
            event.reason = reason;
        }
    }

    /// The entry that was asked for.
    pub(super) fn key(&self) -> EntryKey {
        self.key
    }

    /// Counts rows of the answer; tells how many bytes they are.
    pub(super) fn rows(&mut self, batch: &RecordBatch) -> usize {
        let bytes = payload::raw_bytes(batch);
        if let Some(event) = &mut self.event {
            event.rows += batch.num_rows() as u64;
            event.bytes += bytes as u64;
        }
        bytes
    }

    /// Adds the time that another request took on behalf of this one.
    pub(super) fn add_stages(&mut self, more: &Stages) {
        self.stages(|stages| {
            stages.cache_ms += more.cache_ms;
            stages.pool_ms += more.pool_ms;
            stages.query_ms += more.query_ms;
            stages.fetch_ms += more.fetch_ms;
            stages.decode_ms += more.decode_ms;
            stages.wait_ms += more.wait_ms;
        });
    }

    /// The whole answer was in memory.
    pub(super) fn remembered(&mut self, rows: u64, bytes: u64) {
        if let Some(event) = &mut self.event {
            (event.rows, event.bytes, event.from_memory) = (rows, bytes, true);
        }
    }

    pub(super) fn sha256(&mut self, sha256: Option<String>) {
        if let Some(event) = &mut self.event {
            event.sha256 = sha256;
        }
    }

    pub(super) fn stages(&mut self, change: impl FnOnce(&mut Stages)) {
        if let Some(event) = &mut self.event {
            change(&mut event.stages);
        }
    }

    /// What the database said when the answer was computed.
    pub(super) fn notices(&mut self, notices: &[String]) {
        if let Some(event) = &mut self.event {
            event.notices = notices.to_vec();
        }
    }

    /// Takes over where the database spent its time, and what it said meanwhile.
    pub(super) fn source(&mut self, times: &SourceTimes) {
        self.stages(|stages| {
            stages.pool_ms = ms(times.pool());
            stages.query_ms = ms(times.query());
            stages.fetch_ms = ms(times.fetch());
        });
        if let Some(event) = &mut self.event {
            event.notices = times.notices();
        }
    }

    /// Ends well, or with the error.
    pub(super) fn end(mut self, error: Option<String>) {
        self.close(error);
    }

    fn close(&mut self, error: Option<String>) {
        let Some(mut event) = self.event.take() else {
            return;
        };
        event.stages.total_ms = ms(self.clock.elapsed());
        event.error = error;
        let _ = self.slot.set(event.clone());
        if !self.silent {
            self.log.record(Event::Request(event));
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.close(Some(
            "the answer was abandoned before its last row".to_owned(),
        ));
    }
}

/// Milliseconds with fractions.
pub(super) fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
