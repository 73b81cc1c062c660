//! Writes the chunks of a fill to the cache. Until their header is stored they last a minute and are renewed; a fill
//! that ends without a header removes them. Before and during the write the fill asks how much memory the cache has left.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::cache::payload::{self, Chunk};
use crate::cache::{Cache, ChunkInfo, Header, Room};

/// How long chunks without a header last: what a process leaves that was killed in the middle of a fill is gone then.
const UNCOMMITTED: Duration = Duration::from_mins(1);
/// How often they are renewed.
const RENEW: Duration = Duration::from_secs(20);
/// Encoded bytes sent in one round trip.
const SENT: usize = 1024 * 1024;
/// Encoded bytes held back while they equal what is stored already.
const HELD: usize = 32 * 1024 * 1024;
/// Bytes after which the cache is asked again how much room it has.
const ASK_AGAIN: u64 = 4 * 1024 * 1024;

/// What was written.
pub(super) struct Written {
    pub(super) chunks: Vec<ChunkInfo>,
    pub(super) payload: Payload,
}

/// Where the rows are.
pub(super) enum Payload {
    /// To be put into the header.
    Inline(Vec<u8>),
    /// In chunks of this fill.
    Stored,
    /// In the chunks of this fill, which are there already.
    Unchanged(String),
}

/// The chunks of a fill on their way.
pub(super) struct Chunks {
    cache: Arc<Cache>,
    fill: String,
    /// The entry that is there.
    old: Option<Header>,
    infos: Vec<ChunkInfo>,
    held: Vec<Vec<u8>>,
    held_bytes: usize,
    /// Chunks that are in the cache, or may be.
    sent: usize,
    sent_bytes: u64,
    room: Option<Room>,
    /// Bytes that were sent when the cache was last asked for its room; `None` before the first time.
    asked_at: Option<u64>,
}

impl Chunks {
    pub(super) fn new(cache: Arc<Cache>, fill: String, old: Option<Header>) -> Self {
        Self {
            cache,
            fill,
            old: old.filter(|old| old.stored_chunks() > 0),
            infos: Vec::new(),
            held: Vec::new(),
            held_bytes: 0,
            sent: 0,
            sent_bytes: 0,
            room: None,
            asked_at: None,
        }
    }

    /// Writes what comes, until the last chunk. `whole` tells at the end whether it was the last one: chunks of an
    /// abandoned fill, and those of a failed one, are removed.
    pub(super) async fn write(
        mut self,
        mut chunks: mpsc::Receiver<Chunk>,
        whole: Arc<AtomicBool>,
    ) -> Result<Written, String> {
        let written = match self.take_all(&mut chunks).await {
            Ok(()) if !whole.load(Ordering::Acquire) => Err("the answer was abandoned".to_owned()),
            Ok(()) => self.last().await,
            Err(problem) => Err(problem),
        };
        match written {
            Ok(payload) => Ok(Written {
                chunks: self.infos,
                payload,
            }),
            Err(problem) => {
                // The encoder must not wait for a queue that is no longer read while chunks are removed.
                drop(chunks);
                remove(&self.cache, &self.fill, self.sent).await;
                Err(problem)
            }
        }
    }

    async fn take_all(&mut self, chunks: &mut mpsc::Receiver<Chunk>) -> Result<(), String> {
        let mut renew = interval_at(Instant::now() + RENEW, RENEW);
        renew.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let chunk = tokio::select! {
                chunk = chunks.recv() => chunk,
                _ = renew.tick() => {
                    self.renew().await?;
                    continue;
                }
            };
            let Some(chunk) = chunk else { return Ok(()) };
            self.infos.push(chunk.info);
            self.held_bytes += chunk.bytes.len();
            self.held.push(chunk.bytes);
            let keep = self.is_inline() || self.is_same() && self.held_bytes <= HELD;
            if !keep && self.held_bytes >= SENT {
                self.send().await?;
            }
        }
    }

    async fn last(&mut self) -> Result<Payload, String> {
        if self.infos.is_empty() {
            return Err("the rows could not be encoded".to_owned());
        }
        if self.sent == 0
            && self.is_same()
            && let Some(old) = &self.old
            && old.chunks.len() == self.infos.len()
            && self
                .cache
                .has_chunks(&old.fill, old.chunks.len())
                .await
                .unwrap_or(false)
        {
            return Ok(Payload::Unchanged(old.fill.clone()));
        }
        if self.sent == 0 && self.is_inline() {
            return Ok(Payload::Inline(self.held.pop().unwrap_or_default()));
        }
        self.send().await?;
        Ok(Payload::Stored)
    }

    fn is_inline(&self) -> bool {
        self.infos.len() == 1 && self.infos[0].raw <= payload::INLINE as u64
    }

    /// Whether the chunks so far are the first ones of the entry that is there.
    fn is_same(&self) -> bool {
        self.old
            .as_ref()
            .is_some_and(|old| old.chunks.starts_with(&self.infos))
    }

    async fn renew(&mut self) -> Result<(), String> {
        if self.sent == 0 {
            return Ok(());
        }
        // An outage may be over before they end.
        match self
            .cache
            .expire_chunks(&self.fill, self.sent, UNCOMMITTED)
            .await
        {
            Ok(false) => Err(EVICTED.to_owned()),
            Ok(true) | Err(_) => Ok(()),
        }
    }

    async fn send(&mut self) -> Result<(), String> {
        let chunks = std::mem::take(&mut self.held);
        self.held_bytes = 0;
        let mut rest = chunks.as_slice();
        while !rest.is_empty() {
            let mut bytes = 0;
            let fits = rest
                .iter()
                .take_while(|chunk| {
                    bytes += chunk.len();
                    bytes <= 2 * SENT
                })
                .count()
                .max(1);
            let bytes: u64 = rest[..fits].iter().map(|chunk| chunk.len() as u64).sum();
            self.ask_for_room(bytes).await?;
            let first = self.sent;
            // Before they are sent: what fails may have written some of them.
            self.sent += fits;
            self.cache
                .write_chunks(&self.fill, first, &rest[..fits], UNCOMMITTED)
                .await
                .map_err(|problem| problem.message)?;
            self.sent_bytes += bytes;
            rest = &rest[fits..];
        }
        Ok(())
    }

    async fn ask_for_room(&mut self, more: u64) -> Result<(), String> {
        let due = self.asked_at.is_none_or(|at| {
            let limited = self.room.as_ref().is_some_and(Room::is_limited);
            limited && self.sent_bytes - at >= ASK_AGAIN
        });
        // What it takes at least: the entry that is there tells, before the first chunk is sent.
        let mut expected = more;
        if due {
            if self.asked_at.is_none() {
                let old = self.old.as_ref().map_or(0, |old| old.bytes / 2);
                expected = expected.max(old);
            }
            self.room = self.cache.room().await.map_err(|problem| problem.message)?;
            self.asked_at = Some(self.sent_bytes);
        }
        let Some(room) = &self.room else {
            return Ok(());
        };
        // Since it was asked the server has got what was sent since then.
        let since = self.sent_bytes - self.asked_at.unwrap_or(self.sent_bytes);
        room.fits(self.sent_bytes, since, expected)
    }
}

/// The message where chunks were evicted while their entry was written.
const EVICTED: &str =
    "the cache evicted parts of the answer while it was written; raise its maxmemory";

/// Removes chunks that no header names. Where that fails they expire a minute after they were renewed last.
pub(super) async fn remove(cache: &Cache, fill: &str, chunks: usize) {
    if chunks > 0
        && let Err(problem) = cache.drop_chunks(fill, chunks).await
    {
        tracing::debug!(%problem, "chunks of a failed fill end by their TTL");
    }
}

/// Lets chunks last as long as the header that was just stored; tells why where some are gone.
pub(super) async fn keep(
    cache: &Cache,
    fill: &str,
    chunks: usize,
    hard: Duration,
) -> Result<(), String> {
    match cache.expire_chunks(fill, chunks, hard).await {
        Ok(true) => Ok(()),
        Ok(false) => Err(EVICTED.to_owned()),
        Err(problem) => Err(problem.message),
    }
}
