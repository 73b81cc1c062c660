//! How is a request answered from memory alone, without asking Redis?

use super::ask::Ask;
use super::level::Recalled;
use super::{About, Answer, Mode, Outcome};
use crate::table::{BatchStream, Table};

impl Ask {
    /// The answer from this process's memory, or the request back.
    pub(super) fn recall(mut self) -> Result<Answer, Box<Self>> {
        let recalled = if self.may_remember() && !self.request.cancel.is_cancelled() {
            let level = &self.engine.level;
            level.recall(&self.keys, &self.key, &self.request.report)
        } else {
            None
        };
        let Some(Recalled {
            held,
            reason,
            age,
            ttl,
        }) = recalled
        else {
            return Err(Box::new(self));
        };
        let (schema, sha256) = (held.schema.clone(), Some(held.sha256.clone()));
        self.recorder.outcome(Outcome::Hit, reason.clone());
        self.recorder.sha256(sha256.clone());
        self.recorder.notices(&held.notices);
        self.recorder.remembered(held.rows, held.bytes);
        let event = self.recorder.slot();
        self.recorder.end(None);
        Ok(Answer {
            about: About {
                outcome: Outcome::Hit,
                reason,
                key: self.key,
                schema: schema.clone(),
                rows: Some(held.rows),
                age,
                ttl: Some(ttl),
                sha256,
            },
            rows: BatchStream::of(Table {
                schema,
                batches: held.batches.clone(),
            }),
            event,
            filled: self.filled,
        })
    }

    /// Whether this request may be answered from memory, and its answer kept there.
    pub(super) fn may_remember(&self) -> bool {
        self.request.mode == Mode::Cached && !self.mends && self.engine.level.is_on()
    }
}
