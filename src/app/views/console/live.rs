//! What was heard of MONITOR or of channels, and how much of it is kept?

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::app::state::TaskId;
use crate::inspect::{Batch, Heard, Listen};

/// So many are kept, and so many bytes of them.
const KEPT: (usize, usize) = (20_000, 16 * 1024 * 1024);
/// Over how long the rate is told.
const RATE: Duration = Duration::from_secs(3);

/// What is listened to.
pub(super) struct Live {
    pub(super) id: u64,
    pub(super) listen: Listen,
    pub(super) phase: Phase,
    pub(super) task: Option<TaskId>,
    /// The newest last.
    lines: VecDeque<Arc<Heard>>,
    bytes: usize,
    /// Everything, also what is not kept.
    pub(super) heard: u64,
    /// What came faster than it could be kept.
    pub(super) missed: u64,
    pub(super) filter: String,
    /// What is shown while it is paused, and how many had been heard then.
    paused: Option<(Arc<Vec<Arc<Heard>>>, u64)>,
    pub(super) started: Option<Instant>,
    rate: VecDeque<(Instant, u64)>,
    /// The lines that the filter shows.
    shown: Option<Shown>,
}

/// What was shown, and of what it was made.
struct Shown {
    heard: u64,
    paused: bool,
    filter: String,
    lines: Arc<Vec<Arc<Heard>>>,
}

/// How far it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Whether it is meant.
    Asking,
    /// The connection is being opened.
    Starting,
    Running,
    /// Why nothing more comes.
    Ended(String),
}

impl Live {
    pub(super) fn new(id: u64, listen: Listen) -> Self {
        let phase = match listen {
            Listen::Monitor(_) => Phase::Asking,
            Listen::Channels { .. } => Phase::Starting,
        };
        Self {
            id,
            listen,
            phase,
            task: None,
            lines: VecDeque::new(),
            bytes: 0,
            heard: 0,
            missed: 0,
            filter: String::new(),
            paused: None,
            started: None,
            rate: VecDeque::new(),
            shown: None,
        }
    }

    /// Whether somebody has to say first that it is meant.
    pub(super) fn asks(&self) -> bool {
        self.phase == Phase::Asking
    }

    pub(super) fn is_monitor(&self) -> bool {
        matches!(self.listen, Listen::Monitor(_))
    }

    pub(super) fn start(&mut self) {
        self.phase = Phase::Starting;
    }

    pub(super) fn began(&mut self) {
        if self.phase == Phase::Starting {
            self.phase = Phase::Running;
            self.started = Some(Instant::now());
        }
    }

    /// Ends it; the task that is to be ended.
    pub(super) fn stop(&mut self) -> Option<TaskId> {
        if matches!(self.phase, Phase::Starting | Phase::Running) {
            self.phase = Phase::Ended("Stopped".into());
        }
        self.task.take()
    }

    pub(super) fn hear(&mut self, batch: Batch, now: Instant) {
        let new = batch.heard.len() as u64 + batch.missed;
        self.heard += new;
        self.missed += batch.missed;
        for heard in batch.heard {
            self.bytes += heard.size();
            self.lines.push_back(Arc::new(heard));
            while self.lines.len() > KEPT.0 || self.bytes > KEPT.1 {
                let Some(oldest) = self.lines.pop_front() else {
                    break;
                };
                self.bytes -= oldest.size();
            }
        }
        self.rate.push_back((now, new));
        if let Some(why) = batch.ended
            && !matches!(self.phase, Phase::Ended(_))
        {
            self.phase = Phase::Ended(why);
            self.task = None;
        }
    }

    /// How many a second came lately.
    pub(super) fn per_second(&mut self, now: Instant) -> u64 {
        while self
            .rate
            .front()
            .is_some_and(|(at, _)| now.saturating_duration_since(*at) > RATE)
        {
            self.rate.pop_front();
        }
        let all: u64 = self.rate.iter().map(|(_, new)| new).sum();
        (all as f64 / RATE.as_secs_f64()).round() as u64
    }

    pub(super) fn is_paused(&self) -> bool {
        self.paused.is_some()
    }

    /// Holds what is shown as it is, or goes on.
    pub(super) fn pause(&mut self, paused: bool) {
        self.paused = paused.then(|| {
            let lines = Arc::new(self.lines.iter().cloned().collect());
            (lines, self.heard)
        });
    }

    /// How many came since it was paused.
    pub(super) fn since_pause(&self) -> u64 {
        self.paused.as_ref().map_or(0, |(_, at)| self.heard - at)
    }

    /// How many are kept.
    pub(super) fn kept(&self) -> usize {
        self.lines.len()
    }

    /// The lines that the filter shows; the same list until something changes.
    pub(super) fn shown(&mut self) -> Arc<Vec<Arc<Heard>>> {
        let paused = self.is_paused();
        if let Some(shown) = &self.shown
            && shown.filter == self.filter
            && shown.paused == paused
            && (paused || shown.heard == self.heard)
        {
            return shown.lines.clone();
        }
        let wanted = self.filter.to_lowercase();
        let fits = |heard: &&Arc<Heard>| {
            wanted.is_empty()
                || heard.text.to_lowercase().contains(&wanted)
                || heard.from.to_lowercase().contains(&wanted)
        };
        let lines: Vec<Arc<Heard>> = match &self.paused {
            Some((lines, _)) => lines.iter().filter(fits).cloned().collect(),
            None => self.lines.iter().filter(fits).cloned().collect(),
        };
        let lines = Arc::new(lines);
        self.shown = Some(Shown {
            heard: self.heard,
            paused,
            filter: self.filter.clone(),
            lines: lines.clone(),
        });
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(from: usize, to: usize) -> Batch {
        Batch {
            heard: (from..to)
                .map(|n| Heard::command(&format!("1.000001 [0 lua] \"GET\" \"k{n}\"")))
                .collect(),
            ..Batch::default()
        }
    }

    #[test]
    fn what_is_kept_is_bounded_filtered_and_held_while_paused() {
        let now = Instant::now();
        let mut live = Live::new(
            1,
            Listen::from_line("MONITOR")
                .and_then(Result::ok)
                .unwrap_or(Listen::Channels {
                    verb: "SUBSCRIBE",
                    names: Vec::new(),
                }),
        );
        assert!(live.asks());
        live.start();
        live.began();
        live.hear(batch(0, KEPT.0 + 10), now);
        assert_eq!((live.kept(), live.heard), (KEPT.0, KEPT.0 as u64 + 10));
        live.filter = "K19999\"".into();
        assert_eq!(live.shown().len(), 1);
        live.filter.clear();
        live.pause(true);
        let held = live.shown();
        live.hear(batch(0, 7), now);
        assert!(Arc::ptr_eq(&held, &live.shown()));
        assert_eq!(live.since_pause(), 7);
        live.pause(false);
        assert_eq!(
            live.shown().last().map(|heard| heard.text.clone()),
            Some("\"GET\" \"k6\"".into())
        );
        assert_eq!(live.per_second(now), 6_672);
        assert_eq!(live.per_second(now + RATE * 2), 0);
        let end = Batch {
            ended: Some("Ended after 10 s, as chosen".into()),
            ..Batch::default()
        };
        live.hear(end, now);
        assert_eq!(
            live.phase,
            Phase::Ended("Ended after 10 s, as chosen".into())
        );
        // Long words count by their bytes.
        let long = "x".repeat(12_000);
        for _ in 0..2_000 {
            let heard = vec![Heard::command(&format!("1.000001 [0 lua] {long}"))];
            live.hear(
                Batch {
                    heard,
                    ..Batch::default()
                },
                now,
            );
        }
        assert!(live.bytes <= KEPT.1 && live.kept() < 2_000);
    }
}
