//! What a keyspace holds, summed up: of a whole scan, of what a filter shows of it, or of a sample.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;

use super::breakdown::{self, Drawn};
use super::{
    Connection, Filter, Index, InspectError, Keys, Order, Phase, Portion, RowId, Scan, ScanOptions,
    ScanState, Ttl, list, read,
};

/// What an analysis is to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Detail {
    /// How many parts of a name make its prefix.
    pub depth: usize,
    /// How many of the biggest keys are named.
    pub top: usize,
}

impl Default for Detail {
    fn default() -> Self {
        Self { depth: 1, top: 10 }
    }
}

/// A keyspace, summed up. The sums of types, TTL buckets, encodings, use and prefixes each equal the whole.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Analysis {
    /// When, in milliseconds since 1970.
    pub at: i64,
    /// Everything; its name is empty.
    pub all: Portion,
    /// How many keys the server said it has, zero where it did not.
    pub about: u64,
    /// Which keys it is of, in the words of who asked; empty for all.
    pub selection: String,
    /// Whether every key was seen. A sample never is.
    pub complete: bool,
    /// The sample, where it is one.
    pub sample: Option<Sampled>,
    /// Time at work.
    pub elapsed: Duration,
    /// What could not be learned and why, each one sentence.
    pub notes: Vec<String>,
    /// How many parts of a name make its prefix.
    pub depth: usize,
    /// By data structure, modules' one by one.
    pub types: Vec<Portion>,
    /// By TTL bucket, in order of time.
    pub ttl: Vec<Portion>,
    /// By encoding.
    pub encodings: Vec<Portion>,
    /// By idle time or frequency, in order.
    pub used: Vec<Portion>,
    /// By prefix.
    pub prefixes: Vec<Portion>,
    /// Keys without TTL, by prefix.
    pub without_ttl: Vec<Portion>,
    /// The keys with the most bytes, the largest first.
    pub biggest: Vec<BigKey>,
    /// The collections with the most elements, the longest first.
    pub longest: Vec<BigKey>,
}

/// How a sample was drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sampled {
    /// Draws, of which a key may have had several.
    pub draws: u64,
    /// From how many keys.
    pub of: u64,
}

/// One of the biggest keys.
#[derive(Clone, Debug, PartialEq)]
pub struct BigKey {
    /// Its exact name.
    pub name: Vec<u8>,
    /// What TYPE answered.
    pub type_name: String,
    /// Bytes of memory on the server.
    pub bytes: Option<u64>,
    /// Its elements (bytes of a string), `None` where they were not counted.
    pub elements: Option<u64>,
    /// When it expires.
    pub ttl: Ttl,
}

impl Analysis {
    /// Sums up `rows` of `keys`, which are what the scan had seen then or shortly before.
    pub fn of(state: &ScanState, keys: &Keys, rows: &[RowId], detail: Detail) -> Self {
        Self {
            about: state.about,
            complete: matches!(state.phase, Phase::Complete),
            elapsed: state.elapsed,
            notes: state.notes.clone(),
            ..Self::new(keys, rows, detail, state.at, None)
        }
    }

    pub(super) fn new(
        keys: &Keys,
        rows: &[RowId],
        detail: Detail,
        now: i64,
        drawn: Option<&Drawn>,
    ) -> Self {
        let parts = breakdown::divide(keys, rows, detail.depth, now, drawn);
        let big = |id: RowId| {
            let key = keys.get(id);
            BigKey {
                name: key.name.to_vec(),
                type_name: key.type_name.to_owned(),
                bytes: key.bytes,
                elements: key.elements.map(u64::from),
                ttl: key.ttl,
            }
        };
        let most = |figure: &dyn Fn(RowId) -> Option<u64>| {
            most(rows, detail.top, figure)
                .into_iter()
                .map(big)
                .collect()
        };
        Self {
            at: now,
            all: parts.all,
            sample: drawn.map(|drawn| Sampled {
                draws: drawn.draws,
                of: drawn.of,
            }),
            depth: detail.depth,
            types: parts.types,
            ttl: parts.ttl,
            encodings: parts.encodings,
            used: parts.used,
            prefixes: parts.prefixes,
            without_ttl: parts.without_ttl,
            biggest: most(&|id| keys.get(id).bytes),
            longest: most(&|id| keys.get(id).elements.map(u64::from)),
            ..Self::default()
        }
    }

    /// Counts the elements of the biggest keys where the scan did not, as long as the server answers.
    pub(super) async fn count_elements(&mut self, connection: &Connection) {
        for key in &mut self.biggest {
            if key.elements.is_some() {
                continue;
            }
            key.elements = match read::describe(connection, &key.name).await {
                Ok(about) => about.elements,
                Err(InspectError::Lost { .. }) => return,
                // A key that is gone meanwhile, or that may not be counted, is still one of the biggest that were seen.
                Err(_) => None,
            };
        }
    }
}

/// Scans to the end and sums up what `filter` shows. `progress` hears of what has been seen so far. With the state, for
/// whoever wants the keys too, and the rows that the filter shows, in order of name.
///
/// A scan that an error ends in the middle is given back as far as it came, its phase telling the error, unless it saw
/// nothing at all.
pub async fn analyse(
    connection: &Connection,
    options: ScanOptions,
    filter: Filter,
    detail: Detail,
    mut progress: impl FnMut(&ScanState),
) -> Result<(Analysis, Arc<ScanState>, Vec<RowId>), InspectError> {
    let mut scan = Scan::start(connection.clone(), options);
    while let Some(state) = scan.next().await {
        progress(&state);
    }
    let state = scan.state();
    drop(scan);
    if let Phase::Failed(error) = &state.phase
        && state.keys.is_empty()
    {
        return Err(error.clone());
    }
    let summed = state.clone();
    let (mut analysis, rows) = tokio::task::spawn_blocking(move || {
        let now = Utc::now().timestamp_millis();
        let index = Index::default().extended(&summed.keys);
        let rows = list(&summed.keys, &index, &filter, Order::default(), now);
        (Analysis::of(&summed, &summed.keys, &rows, detail), rows)
    })
    .await
    .map_err(|_| InspectError::Answer("the scan".into()))?;
    if !matches!(state.phase, Phase::Failed(_)) {
        analysis.count_elements(connection).await;
    }
    Ok((analysis, state, rows))
}

/// The rows with the highest figures, the highest first; equal ones in order of `rows`.
fn most(rows: &[RowId], top: usize, figure: &dyn Fn(RowId) -> Option<u64>) -> Vec<RowId> {
    if top == 0 {
        return Vec::new();
    }
    let mut heap = BinaryHeap::with_capacity(top.min(rows.len()));
    for (at, id) in rows.iter().enumerate() {
        let Some(figure) = figure(*id) else { continue };
        let new = Reverse((figure, Reverse(at)));
        if heap.len() < top {
            heap.push(new);
        } else if heap.peek().is_some_and(|least| new < *least) {
            heap.pop();
            heap.push(new);
        }
    }
    heap.into_sorted_vec()
        .into_iter()
        .map(|Reverse((_, Reverse(at)))| rows[at])
        .collect()
}
