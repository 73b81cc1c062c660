//! What runs in the background, for the status line.

use std::time::{Duration, Instant};

/// Names a task. Answers of a task that is no longer wanted are dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TaskId(pub u64);

/// A running task as the status line shows it.
#[derive(Clone, Debug)]
pub struct Running {
    /// Its id, for cancelling.
    pub task: TaskId,
    /// "Running monthly-revenue".
    pub what: String,
    /// When it began.
    pub started: Instant,
    /// How long it is expected to take, where that is known.
    pub expected: Option<Duration>,
    /// How much is done, 0 to 1.
    pub fraction: Option<f32>,
}

impl Running {
    /// A task that begins now.
    pub fn new(task: TaskId, what: impl Into<String>, started: Instant) -> Self {
        Self {
            task,
            what: what.into(),
            started,
            expected: None,
            fraction: None,
        }
    }

    /// Takes in a progress report.
    pub fn progress(&mut self, what: String, fraction: Option<f32>) {
        if !what.is_empty() {
            self.what = what;
        }
        self.fraction = fraction;
    }

    /// How much is done as far as one can tell, 0 to 1.
    pub fn done(&self, now: Instant) -> Option<f32> {
        self.fraction.or_else(|| {
            let expected = self.expected?.as_secs_f32();
            let elapsed = now.saturating_duration_since(self.started).as_secs_f32();
            (expected > 0.0 && elapsed < expected).then(|| elapsed / expected)
        })
    }
}
