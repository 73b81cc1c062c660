//! One report three ways: past the cache, on a miss, on a hit; and whether the answers are the same.

use std::sync::Arc;

use anyhow::Context as _;
use tokio_util::sync::CancellationToken;

use crate::engine::{Engine, Mode, Outcome, Request};
use crate::report::Report;
use crate::table::Checksum;

/// Hits are so short that one alone says little; the median of this many is shown.
const HITS: usize = 5;

/// A request that was answered.
#[derive(Clone, Debug)]
pub(super) struct Lap {
    pub(super) outcome: Outcome,
    /// Why it was stale or went past the cache.
    pub(super) reason: Option<String>,
    pub(super) ms: f64,
    pub(super) rows: u64,
    /// SHA-256 of the answer's CSV form, computed here from the rows that came, after the clock was stopped.
    pub(super) sha256: String,
}

/// A report as measured.
#[derive(Clone, Debug)]
pub(super) struct Measured {
    pub(super) report: Arc<Report>,
    pub(super) uncached: Lap,
    pub(super) miss: Lap,
    /// The median of some.
    pub(super) hit: Lap,
    /// Whether all answers were the same, byte for byte.
    pub(super) identical: bool,
}

impl Measured {
    pub(super) fn speedup(&self) -> f64 {
        self.uncached.ms / self.hit.ms
    }
}

/// Asks once, with the report's own parameters, and reads all rows.
pub(super) async fn ask(
    engine: &Arc<Engine>,
    report: &Arc<Report>,
    mode: Mode,
    cancel: &CancellationToken,
) -> anyhow::Result<Lap> {
    let request = Request {
        report: Arc::clone(report),
        params: report.bind(&[])?,
        mode,
        cancel: cancel.clone(),
    };
    let answer = engine.ask(request).await?;
    let (about, event) = (answer.about, answer.event);
    let table = answer.rows.collect().await?;
    let event = event
        .get()
        .context("the engine left no event of a request that was answered")?;
    let (ms, rows) = (event.stages.total_ms, table.rows() as u64);
    let sha256 = tokio::task::spawn_blocking(move || {
        let mut checksum = Checksum::new(&table.schema);
        for batch in &table.batches {
            checksum.update(batch);
        }
        checksum.finish()
    })
    .await?;
    Ok(Lap {
        outcome: about.outcome,
        reason: about.reason,
        ms,
        rows,
        sha256,
    })
}

/// Asks past the cache, then for the first time, then again.
pub(super) async fn measure(
    engine: &Arc<Engine>,
    report: &Arc<Report>,
    cancel: &CancellationToken,
) -> anyhow::Result<Measured> {
    let uncached = ask(engine, report, Mode::Uncached, cancel).await?;
    let miss = ask(engine, report, Mode::PastMemory, cancel).await?;
    let mut hits = Vec::with_capacity(HITS);
    for _ in 0..HITS {
        hits.push(ask(engine, report, Mode::PastMemory, cancel).await?);
    }
    hits.sort_by(|a, b| a.ms.total_cmp(&b.ms));
    let identical = hits
        .iter()
        .chain([&miss])
        .all(|lap| lap.sha256 == uncached.sha256);
    let hit = hits.swap_remove(HITS / 2);
    Ok(Measured {
        report: Arc::clone(report),
        uncached,
        miss,
        hit,
        identical,
    })
}
