//! A race: one report cached and uncached in turn, nothing else changed, every answer compared by checksum. Cached means
//! by Redis: what this process has in memory is left aside.
//!
//! The window and `lookaside race` run it, so that both say the same numbers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::record_batch::RecordBatch;
use tokio_util::sync::CancellationToken;

use crate::cache::payload::raw_bytes;
use crate::report::{Params, Report};
use crate::source::SourceError;
use crate::table::Checksum;

use super::latency::{Side, Summary};
use super::{Engine, EngineError, Freshness, Mode, Outcome, Request};

/// Bytes of an answer that are in memory before its checksum is computed. A larger one is summed in parts, in pauses of
/// the clock, so that a race of millions of rows does not need memory for all of them.
const HELD: usize = 64 * 1024 * 1024;
/// How often a stale entry is looked at while somebody else refreshes it.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// One answered request of a race.
#[derive(Clone, Debug, PartialEq)]
pub struct Lap {
    /// Which pair it belongs to, from 0.
    pub pair: usize,
    /// Asked through the cache or past it.
    pub side: Side,
    /// What happened. A cached lap can be a miss, for example when its entry was evicted; it is no cached sample then.
    pub outcome: Outcome,
    /// Milliseconds from the call to the last row in memory, without the pauses in which rows are summed.
    pub ms: f64,
    /// Rows of the answer.
    pub rows: u64,
    /// SHA-256 of the answer's CSV form, computed from the rows that came, while the clock is stopped.
    pub sha256: String,
}

/// What the laps so far come to.
#[derive(Clone, Debug, Default)]
pub struct Race {
    /// Every lap in order.
    pub laps: Vec<Lap>,
}

impl Race {
    /// Takes in a lap.
    pub fn push(&mut self, lap: Lap) {
        self.laps.push(lap);
    }

    /// Milliseconds of one side's samples. A cached lap counts only when the cache served it.
    pub fn samples(&self, side: Side) -> impl Iterator<Item = f64> + '_ {
        self.laps
            .iter()
            .filter(move |lap| lap.side == side && (side == Side::Uncached || lap.was_served()))
            .map(|lap| lap.ms)
    }

    /// One side's percentiles.
    pub fn summary(&self, side: Side) -> Option<Summary> {
        Summary::of(self.samples(side))
    }

    /// The ratio of the medians.
    pub fn speedup(&self) -> Option<f64> {
        let (cached, uncached) = (self.summary(Side::Cached)?, self.summary(Side::Uncached)?);
        (cached.p50_ms > 0.0).then(|| uncached.p50_ms / cached.p50_ms)
    }

    /// How many pairs have a ratio, the smallest of the ratios, and the largest.
    pub fn speedup_range(&self) -> Option<(usize, f64, f64)> {
        let ratios = self
            .pairs()
            .filter(|(cached, _)| cached.was_served() && cached.ms > 0.0)
            .map(|(cached, uncached)| uncached.ms / cached.ms);
        ratios.fold(None, |range, ratio| {
            let (n, low, high) = range.unwrap_or((0, ratio, ratio));
            Some((n + 1, f64::min(low, ratio), f64::max(high, ratio)))
        })
    }

    /// Pairs whose answers were compared, and how many of them are identical. A cached answer that was marked stale
    /// does not claim to be the current one and is not compared, nor is one that did not come from the cache.
    pub fn compared(&self) -> (usize, usize) {
        self.pairs()
            .filter(|(cached, _)| cached.outcome == Outcome::Hit)
            .fold((0, 0), |(all, same), (cached, uncached)| {
                (
                    all + 1,
                    same + usize::from(cached.sha256 == uncached.sha256),
                )
            })
    }

    /// Whether there was something to compare and all of it was identical.
    pub fn identical(&self) -> bool {
        let (all, same) = self.compared();
        all > 0 && all == same
    }

    /// The last lap of a side.
    pub fn last(&self, side: Side) -> Option<&Lap> {
        self.laps.iter().rev().find(|lap| lap.side == side)
    }

    fn pairs(&self) -> impl Iterator<Item = (&Lap, &Lap)> {
        self.laps.iter().filter_map(|cached| {
            let other = |lap: &&Lap| lap.side == Side::Uncached && lap.pair == cached.pair;
            (cached.side == Side::Cached)
                .then(|| {
                    self.laps
                        .iter()
                        .find(other)
                        .map(|uncached| (cached, uncached))
                })
                .flatten()
        })
    }
}

impl Lap {
    fn was_served(&self) -> bool {
        matches!(self.outcome, Outcome::Hit | Outcome::StaleHit)
    }
}

/// Runs `n` pairs and reports each lap as it ends. Which side goes first alternates, so that neither always finds the
/// other's warm buffers.
///
/// One request through the cache goes ahead and is not counted: it fills the entry where it is missing.
pub async fn race(
    engine: &Arc<Engine>,
    report: &Arc<Report>,
    params: &Params,
    n: usize,
    cancel: &CancellationToken,
    mut on_lap: impl FnMut(Lap),
) -> Result<(), EngineError> {
    run(engine, report, params, 0, Side::Cached, cancel).await?;
    for pair in 0..n {
        let order = if pair % 2 == 0 {
            [Side::Cached, Side::Uncached]
        } else {
            [Side::Uncached, Side::Cached]
        };
        for side in order {
            if cancel.is_cancelled() {
                return Err(SourceError::Cancelled.into());
            }
            on_lap(run(engine, report, params, pair, side, cancel).await?);
        }
    }
    Ok(())
}

/// Waits until the entry is fresh, for a race in which every cached answer claims to be the current one: it is asked
/// for once, so that it is there and whoever watches it refreshes it. Gives up after `at_most`, on cancel, and where
/// the cache cannot be asked; the race then shows what is.
pub async fn settle(
    engine: &Arc<Engine>,
    report: &Arc<Report>,
    params: &Params,
    at_most: Duration,
    cancel: &CancellationToken,
) {
    let settled = async {
        // What fails here fails in the race too, and is told there.
        let _ = run(engine, report, params, 0, Side::Cached, cancel).await;
        while engine.state(report, params).await.state == Freshness::Stale {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    };
    tokio::select! {
        _ = tokio::time::timeout(at_most, settled) => {}
        () = cancel.cancelled() => {}
    }
}

async fn run(
    engine: &Arc<Engine>,
    report: &Arc<Report>,
    params: &Params,
    pair: usize,
    side: Side,
    cancel: &CancellationToken,
) -> Result<Lap, EngineError> {
    let mut start = Instant::now();
    let mut answer = engine
        .ask(Request {
            report: report.clone(),
            params: params.clone(),
            mode: match side {
                Side::Cached => Mode::PastMemory,
                Side::Uncached => Mode::Uncached,
            },
            cancel: cancel.clone(),
        })
        .await?;
    let outcome = answer.about.outcome;
    let mut checksum = Checksum::new(answer.rows.schema());
    let (mut held, mut bytes, mut rows) = (Vec::new(), 0, 0);
    let mut time = Duration::ZERO;
    loop {
        let batch = answer.rows.next().await.transpose()?;
        let last = batch.is_none();
        if let Some(batch) = batch {
            rows += batch.num_rows() as u64;
            bytes += raw_bytes(&batch);
            held.push(batch);
        }
        if last || bytes > HELD {
            time += start.elapsed();
            checksum = sum(checksum, std::mem::take(&mut held)).await?;
            (bytes, start) = (0, Instant::now());
        }
        if last {
            break;
        }
    }
    let (ms, sha256) = (time.as_secs_f64() * 1000.0, checksum.finish());
    Ok(Lap {
        pair,
        side,
        outcome,
        ms,
        rows,
        sha256,
    })
}

/// The checksum with these rows, on a thread where it may take its time.
async fn sum(mut checksum: Checksum, rows: Vec<RecordBatch>) -> Result<Checksum, EngineError> {
    let summed = tokio::task::spawn_blocking(move || {
        for batch in &rows {
            checksum.update(batch);
        }
        checksum
    });
    Ok(summed.await.map_err(|_| crate::table::Interrupted)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lap(pair: usize, side: Side, outcome: Outcome, ms: f64, sha256: &str) -> Lap {
        Lap {
            pair,
            side,
            outcome,
            ms,
            rows: 1,
            sha256: sha256.into(),
        }
    }

    #[test]
    fn a_race_counts_only_what_the_cache_served_and_compares_only_what_claims_to_be_current() {
        let mut race = Race::default();
        assert!(!race.identical());
        for lap in [
            lap(0, Side::Cached, Outcome::Hit, 2.0, "a"),
            lap(0, Side::Uncached, Outcome::Bypass, 1000.0, "a"),
            lap(1, Side::Uncached, Outcome::Bypass, 3000.0, "b"),
            lap(1, Side::Cached, Outcome::StaleHit, 4.0, "a"),
            lap(2, Side::Cached, Outcome::Miss, 900.0, "b"),
            lap(2, Side::Uncached, Outcome::Bypass, 1000.0, "b"),
            lap(3, Side::Cached, Outcome::Hit, 2.0, "b"),
        ] {
            race.push(lap);
        }
        assert_eq!(
            race.samples(Side::Cached).collect::<Vec<_>>(),
            [2.0, 4.0, 2.0]
        );
        assert_eq!(race.speedup(), Some(500.0));
        assert_eq!(race.speedup_range(), Some((2, 500.0, 750.0)));
        assert_eq!(race.compared(), (1, 1));
        assert!(race.identical());
        race.push(lap(3, Side::Uncached, Outcome::Bypass, 1000.0, "other"));
        assert!(!race.identical());
    }
}
