//! Limits how often a detector that polls looks, so that looking takes only a part of the time.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// A look takes at most one part in this many of the time.
const SHARE: u32 = 10;
/// Of so many looks the fastest tells how long one takes: a single slow one (a cold cache, a lock) is no measure.
const RECENT: usize = 3;

/// The pace of one detector.
pub(super) struct Pace {
    poll: Duration,
    begun: bool,
    recent: VecDeque<Duration>,
    next: Option<Instant>,
}

impl Pace {
    /// A pace of one look each `poll`, or less often where looks are slow.
    pub(super) fn new(poll: Duration) -> Self {
        Self {
            poll: poll.max(Duration::from_millis(1)),
            begun: false,
            recent: VecDeque::new(),
            next: None,
        }
    }

    /// Waits until the next look is due.
    pub(super) async fn wait(&self) {
        if let Some(at) = self.next {
            tokio::time::sleep_until(at).await;
        }
    }

    /// Takes in how long a look took; returns the longest time from a commit to its detection.
    pub(super) fn looked(&mut self, took: Duration) -> Duration {
        let (pause, delay) = self.pause(took);
        self.next = Some(Instant::now() + pause);
        delay
    }

    /// How long to wait after a look that took so long, and the delay of detection then.
    fn pause(&mut self, took: Duration) -> (Duration, Duration) {
        // The first one connects, reads what is not in memory, and tells nothing of the next.
        if std::mem::replace(&mut self.begun, true) {
            self.recent.push_back(took);
            if self.recent.len() > RECENT {
                self.recent.pop_front();
            }
        }
        let usual = self.recent.iter().min().copied().unwrap_or_default();
        let pause = self.poll.max(usual * SHARE);
        (pause, pause + took)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn slow_first_look_does_not_set_the_pause() {
        let mut pace = Pace::new(20 * MS);
        assert_eq!(pace.pause(5000 * MS), (20 * MS, 5020 * MS));
        assert_eq!(pace.pause(MS), (20 * MS, 21 * MS));
        assert_eq!(pace.pause(5000 * MS), (20 * MS, 5020 * MS));
    }

    #[test]
    fn slow_looks_are_taken_less_often() {
        let mut pace = Pace::new(20 * MS);
        for _ in 0..3 {
            pace.pause(100 * MS);
        }
        assert_eq!(pace.pause(100 * MS), (1000 * MS, 1100 * MS));
        // One fast look is enough to look often again.
        assert_eq!(pace.pause(MS).0, 20 * MS);
    }
}
