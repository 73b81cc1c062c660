//! The whole answer for the command line: a scan to its end, summed up, with the biggest keys.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use super::{
    Connection, Index, InspectError, Key, Phase, Prefix, RowId, Scan, ScanOptions, ScanState, read,
};

/// A whole keyspace, summed up.
pub struct Analysis {
    /// What the scan saw, and whether it is complete.
    pub state: Arc<ScanState>,
    /// Keys and bytes by prefix, the largest first.
    pub prefixes: Vec<Prefix>,
    /// The keys with the most bytes, the largest first.
    pub top: Vec<BigKey>,
}

/// One of the biggest keys.
#[derive(Clone, Debug)]
pub struct BigKey {
    /// Which one, in the state's keys.
    pub id: RowId,
    /// Its elements, `None` where it is gone or they cannot be counted.
    pub elements: Option<u64>,
}

impl Analysis {
    /// A key's details.
    pub fn key(&self, id: RowId) -> Key<'_> {
        self.state.keys.get(id)
    }
}

/// Scans to the end and sums up. `progress` hears of what has been seen so far.
///
/// A scan that an error ends in the middle is given back as far as it came, its phase telling the error, unless it saw
/// nothing at all.
pub async fn analyse(
    connection: &Connection,
    options: ScanOptions,
    prefix_depth: usize,
    top: usize,
    mut progress: impl FnMut(&ScanState),
) -> Result<Analysis, InspectError> {
    let mut scan = Scan::start(connection.clone(), options);
    while let Some(state) = scan.next().await {
        progress(&state);
    }
    let state = scan.state();
    if let Phase::Failed(error) = &state.phase
        && state.keys.is_empty()
    {
        return Err(error.clone());
    }
    let summed = state.clone();
    let (prefixes, biggest) = tokio::task::spawn_blocking(move || {
        let index = Index::default().extended(&summed.keys);
        (
            index.prefixes(&summed.keys, prefix_depth),
            biggest(&summed, top),
        )
    })
    .await
    .map_err(|_| InspectError::Answer("the scan".into()))?;
    let mut keys = Vec::with_capacity(biggest.len());
    for id in biggest {
        // A key that is gone meanwhile, or that may not be counted, is still one of the biggest that were seen.
        let elements = read::describe(connection, state.keys.name(id))
            .await
            .ok()
            .and_then(|about| about.elements);
        keys.push(BigKey { id, elements });
    }
    Ok(Analysis {
        state,
        prefixes,
        top: keys,
    })
}

fn biggest(state: &ScanState, top: usize) -> Vec<RowId> {
    let mut heap = BinaryHeap::with_capacity(top + 1);
    for id in 0..state.keys.len() as RowId {
        heap.push(Reverse((state.keys.bytes(id), Reverse(id))));
        if heap.len() > top {
            heap.pop();
        }
    }
    heap.into_sorted_vec()
        .into_iter()
        .map(|Reverse((_, Reverse(id)))| id)
        .collect()
}
