//! What other clients feel while a scan runs: PINGs on a connection of its own.

use std::sync::Arc;
use std::time::{Duration, Instant};

use redis::Value;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::Connection;

/// How long the measuring of the quiet server may take before the scan begins.
const QUIET_WITHIN: Duration = Duration::from_millis(100);
/// Answers looked at to tell whether the server has slowed.
const RECENT: usize = 16;
/// Between two PINGs.
const EVERY: Duration = Duration::from_millis(5);

/// PINGs until dropped.
pub(super) struct Probe {
    times: Arc<parking_lot::Mutex<Times>>,
    _end: DropGuard,
}

struct Times {
    all: hdrhistogram::Histogram<u64>,
    /// Microseconds of a usual answer before the scan, slow ones left out.
    usual: u64,
    recent: [u64; RECENT],
    next: usize,
}

impl Probe {
    /// Measures the usual answer time, then keeps measuring until dropped. `None` where a second connection is refused.
    pub(super) async fn start(connection: &Connection) -> Option<Self> {
        let connection = connection.another().await.ok()?;
        let mut quiet = Vec::new();
        let begun = Instant::now();
        while quiet.len() < 5 || (quiet.len() < 25 && begun.elapsed() < QUIET_WITHIN) {
            quiet.push(ping(&connection).await?);
        }
        quiet.sort_unstable();
        let usual = quiet[quiet.len() * 3 / 4];
        let times = Arc::new(parking_lot::Mutex::new(Times {
            all: hdrhistogram::Histogram::new(3).ok()?,
            usual,
            recent: [usual; RECENT],
            next: 0,
        }));
        let cancel = CancellationToken::new();
        let (shared, ended) = (times.clone(), cancel.clone());
        tokio::spawn(ended.run_until_cancelled_owned(async move {
            while let Some(micros) = ping(&connection).await {
                shared.lock().add(micros);
                tokio::time::sleep(EVERY).await;
            }
        }));
        Some(Self {
            times,
            _end: cancel.drop_guard(),
        })
    }

    /// The 99th percentile since the scan began; `None` before there are enough.
    pub(super) fn p99(&self) -> Option<Duration> {
        let times = self.times.lock();
        (times.all.len() >= 10).then(|| Duration::from_micros(times.all.value_at_quantile(0.99)))
    }

    /// What an answer took before the scan.
    pub(super) fn usual(&self) -> Duration {
        Duration::from_micros(self.times.lock().usual)
    }

    /// Whether answers now take clearly longer than before the scan.
    pub(super) fn slowed(&self) -> bool {
        self.times.lock().slowed()
    }
}

impl Times {
    fn add(&mut self, micros: u64) {
        self.all.saturating_record(micros);
        self.recent[self.next % RECENT] = micros;
        self.next += 1;
    }

    /// Looks at the fourth slowest of the last answers: one slow answer is chance, a quarter of them is not.
    fn slowed(&self) -> bool {
        let mut recent = self.recent;
        recent.sort_unstable();
        recent[RECENT * 3 / 4] > self.usual * 3 / 2 + 100
    }
}

async fn ping(connection: &Connection) -> Option<u64> {
    let begun = Instant::now();
    connection.ask::<Value>(&redis::cmd("PING")).await.ok()?;
    Some(begun.elapsed().as_micros() as u64)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_quarter_of_slow_answers_is_a_slowed_server_and_one_is_not() {
        let mut times = Times {
            all: hdrhistogram::Histogram::new(3).unwrap(),
            usual: 100,
            recent: [100; RECENT],
            next: 0,
        };
        times.add(5_000);
        assert!(!times.slowed());
        for _ in 0..RECENT / 4 {
            times.add(300);
        }
        assert!(times.slowed());
        for _ in 0..RECENT {
            times.add(110);
        }
        assert!(!times.slowed());
    }
}
