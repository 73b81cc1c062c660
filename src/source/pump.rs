//! Rows from a driver's stream into batches, until the last row or until nobody reads.

use std::time::Instant;

use futures::{Stream, StreamExt};

use super::SourceError;
use super::columns::Batcher;
use super::job::{Limits, Listener};

/// Appends one row to the batcher, and says about how many bytes it took.
pub(super) trait Decode<R> {
    /// Looks at the first row where it can tell the columns better than what was known before it.
    fn first(&mut self, _row: &R, _batcher: &mut Batcher) {}

    /// Appends one value to each column.
    fn append(&mut self, row: &R, batcher: &mut Batcher) -> Result<usize, SourceError>;
}

/// Sends every row. `known` says whether the columns are known before the first row; otherwise the listener hears of
/// them with the first row, which can tell a type more exactly.
pub(super) async fn pump<R: Send, E: Send, D: Decode<R> + Send>(
    rows: impl Stream<Item = Result<R, E>> + Send,
    decode: &mut D,
    mut batcher: Batcher,
    limits: &Limits,
    listener: &mut Listener,
    known: bool,
    failed: impl Fn(E) -> SourceError + Send + Sync,
) -> Result<(), SourceError> {
    let mut rows = std::pin::pin!(rows);
    let sent = Instant::now();
    if known {
        listener.columns_known(batcher.schema());
    }
    let first = limits
        .unless_over(listener.gone(), async {
            rows.next().await.transpose().map_err(&failed)
        })
        .await?;
    listener.times.set_query(sent.elapsed());
    let arrived = Instant::now();
    let mut full = false;
    if let Some(row) = &first {
        if !known {
            decode.first(row, &mut batcher);
        }
        let bytes = decode.append(row, &mut batcher)?;
        full = batcher.row_done(bytes);
    }
    if !known {
        listener.columns_known(batcher.schema());
    }
    let times = std::sync::Arc::clone(&listener.times);
    let Some(sender) = listener.sender() else {
        return Err(SourceError::Cancelled);
    };
    let all = async {
        if first.is_some() {
            if full && !sender.send(batcher.take()?).await {
                return Err(SourceError::Cancelled);
            }
            while let Some(row) = rows.next().await {
                let row = row.map_err(&failed)?;
                let bytes = decode.append(&row, &mut batcher)?;
                if batcher.row_done(bytes) && !sender.send(batcher.take()?).await {
                    return Err(SourceError::Cancelled);
                }
            }
            if !batcher.is_empty() && !sender.send(batcher.take()?).await {
                return Err(SourceError::Cancelled);
            }
        }
        Ok(())
    };
    let result = limits.unless_over(sender.closed(), all).await;
    times.set_fetch(arrived.elapsed());
    result
}
