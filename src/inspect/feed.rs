//! Which keys are known to have changed, and are to be looked at again?
//!
//! Each once, with the latest that was heard of it. What the server tells is bounded: a flood neither grows memory
//! without bound nor makes us ask without end. What is left out is counted.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::{Ttl, cluster};

/// Names that wait at most; what the server tells beyond is left out.
const MOST: usize = 50_000;
/// Bytes of names that wait at most.
const MOST_BYTES: usize = 32 * 1024 * 1024;
/// Names of which nothing needs to be asked that are given out at once: a millisecond or two of work.
const AT_ONCE: usize = 10_000;

/// What is known of a key that has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// It is there, or not; it has to be asked for.
    Changed,
    /// It is gone.
    Gone,
    /// It is there with this TTL, and else as it was.
    Expires(Ttl),
}

impl News {
    /// What is known when this is heard after `before`.
    fn after(self, before: Option<Self>) -> Self {
        match (before, self) {
            (None | Some(Self::Expires(_)), news) => news,
            (_, Self::Gone) => Self::Gone,
            _ => Self::Changed,
        }
    }
}

/// The changed keys of one server, waiting.
#[derive(Default)]
pub(super) struct Feed {
    waiting: Mutex<Waiting>,
    /// Something waits.
    heard: Notify,
    /// There is room again.
    drained: Notify,
}

#[derive(Default)]
struct Waiting {
    order: VecDeque<Arc<[u8]>>,
    latest: HashMap<Arc<[u8]>, News>,
    bytes: usize,
    missed: u64,
    has_gap: bool,
}

/// What a feed gives out: what is known of some names, and names to be asked for.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) known: Vec<(Arc<[u8]>, News)>,
    pub(super) names: Vec<Vec<u8>>,
}

impl Waiting {
    fn is_full(&self) -> bool {
        self.order.len() >= MOST || self.bytes >= MOST_BYTES
    }

    fn take_in(&mut self, name: &[u8], news: News) {
        if let Some(before) = self.latest.get_mut(name) {
            *before = news.after(Some(*before));
            return;
        }
        let name: Arc<[u8]> = name.into();
        self.bytes += name.len();
        self.order.push_back(name.clone());
        self.latest.insert(name, news);
    }
}

impl Feed {
    /// Takes in what the server tells; `false` where there is no more room for it.
    pub(super) fn hear(&self, name: &[u8], news: News) -> bool {
        let mut waiting = self.waiting.lock();
        let fits = !waiting.is_full() || waiting.latest.contains_key(name);
        if fits {
            waiting.take_in(name, news);
        } else {
            waiting.missed += 1;
        }
        drop(waiting);
        self.heard.notify_one();
        fits
    }

    /// Takes in what we know ourselves: it is never left out.
    pub(super) fn tell(&self, name: &[u8], news: News) {
        self.waiting.lock().take_in(name, news);
        self.heard.notify_one();
    }

    /// Some changes could not be heard.
    pub(super) fn mark_gap(&self) {
        self.waiting.lock().has_gap = true;
    }

    /// Gives out what waits: `names` to be asked for at most.
    pub(super) fn take(&self, names: usize) -> Batch {
        let mut waiting = self.waiting.lock();
        let mut batch = Batch::default();
        while batch.names.len() < names && batch.known.len() < AT_ONCE {
            let Some(name) = waiting.order.pop_front() else {
                break;
            };
            waiting.bytes -= name.len();
            match waiting.latest.remove(&name) {
                Some(News::Changed) | None => batch.names.push(name.to_vec()),
                Some(news) => batch.known.push((name, news)),
            }
        }
        let has_room = waiting.order.len() < MOST / 2 && waiting.bytes < MOST_BYTES / 2;
        drop(waiting);
        if has_room {
            self.drained.notify_one();
        }
        batch
    }

    /// Waits until something waits; may return once too often.
    pub(super) async fn ready(&self) {
        if self.waiting.lock().order.is_empty() {
            self.heard.notified().await;
        }
    }

    /// Waits until half of the room is free.
    pub(super) async fn room(&self) {
        loop {
            {
                let waiting = self.waiting.lock();
                if waiting.order.len() < MOST / 2 && waiting.bytes < MOST_BYTES / 2 {
                    return;
                }
            }
            self.drained.notified().await;
        }
    }

    /// Keys that wait, changes that were left out, and whether some could not be heard.
    pub(super) fn figures(&self) -> (u64, u64, bool) {
        let waiting = self.waiting.lock();
        (waiting.order.len() as u64, waiting.missed, waiting.has_gap)
    }
}

/// The feeds of all servers that are scanned.
#[derive(Clone, Default)]
pub(super) struct Feeds(Arc<Mutex<Vec<Routed>>>);

/// A feed with the slots whose keys it takes.
pub(super) type Routed = (Slots, Arc<Feed>);

/// The ranges of slots of a cluster's node; empty where there is no cluster.
pub(super) type Slots = Vec<(u16, u16)>;

impl Feeds {
    /// From now on these.
    pub(super) fn set(&self, feeds: Vec<Routed>) {
        *self.0.lock() = feeds;
    }

    /// Takes in what we know ourselves of a key.
    pub(super) fn tell(&self, name: &[u8], news: News) {
        let feeds = self.0.lock();
        let slot = cluster::slot(name);
        let feed = feeds.iter().find(|(slots, _)| {
            slots.is_empty() || slots.iter().any(|(from, to)| (*from..=*to).contains(&slot))
        });
        if let Some((_, feed)) = feed {
            feed.tell(name, news);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_waits_once_with_the_latest_that_was_heard_of_it() {
        let feed = Feed::default();
        feed.hear(b"a", News::Changed);
        feed.hear(b"b", News::Gone);
        feed.hear(b"c", News::Expires(Ttl::Never));
        feed.hear(b"a", News::Gone);
        feed.hear(b"b", News::Changed);
        feed.hear(b"c", News::Expires(Ttl::At(1)));
        // A TTL says nothing of a key that was set before it was asked for.
        feed.hear(b"b", News::Expires(Ttl::Never));
        let batch = feed.take(9);
        assert_eq!(batch.names, [b"b".to_vec()]);
        let known: Vec<_> = batch
            .known
            .iter()
            .map(|(name, news)| (&name[..], *news))
            .collect();
        assert_eq!(
            known,
            [(&b"a"[..], News::Gone), (b"c", News::Expires(Ttl::At(1)))]
        );
        assert_eq!(feed.figures(), (0, 0, false));
    }

    #[test]
    fn a_flood_is_bounded_and_what_is_left_out_is_counted() {
        let feed = Feed::default();
        for i in 0..MOST as u32 + 10 {
            let fits = feed.hear(format!("k{i}").as_bytes(), News::Changed);
            assert_eq!(fits, (i as usize) < MOST);
        }
        // A key that waits is heard of all the same, and so is what we did ourselves.
        assert!(feed.hear(b"k5", News::Gone));
        feed.tell(b"own", News::Gone);
        assert_eq!(feed.figures(), (MOST as u64 + 1, 10, false));
        let large = Feed::default();
        let name = vec![b'x'; MOST_BYTES];
        assert!(large.hear(&name, News::Changed));
        assert!(!large.hear(b"y", News::Changed));
    }
}
