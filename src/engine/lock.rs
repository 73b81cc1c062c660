//! Holds the fill lock of an entry: renewed while the query runs, and no longer than a query may run.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;

use crate::cache::{Cache, SourceKeys};
use crate::report::EntryKey;

/// How long a fill lock lasts without being renewed: after this, another process takes over from a dead one.
pub(super) const LOCK: Duration = Duration::from_secs(5);
/// What a fill may take beyond the time limit of its query: finding out what it depends on, the last chunks, the
/// commit. After that its lock is not renewed any more, and no request waits for it.
pub(super) const MARGIN: Duration = Duration::from_secs(10);

/// After this time the caller is notified that a request waits for another process.
const NOTIFY_AFTER: Duration = Duration::from_secs(2);

/// How long a request waits for the fill of another process before it runs the query itself: as long as one fill may take,
/// counted again from the start for another holder of the lock, and twice that in all.
pub(super) struct WaitLimit {
    most: Duration,
    began: Instant,
    holder: Vec<u8>,
    since: Instant,
    notified: bool,
}

impl WaitLimit {
    /// Waits for fills whose query may run for `limit`.
    pub(super) fn new(limit: Duration) -> Self {
        Self {
            most: limit.saturating_add(MARGIN),
            began: Instant::now(),
            holder: Vec::new(),
            since: Instant::now(),
            notified: false,
        }
    }

    /// The lock has this holder. Returns whether that is another one than before.
    pub(super) fn waits_for(&mut self, holder: Vec<u8>) -> bool {
        let other = holder != self.holder;
        if other {
            (self.holder, self.since) = (holder, Instant::now());
        }
        other
    }

    /// How long it waits for one fill.
    pub(super) fn most(&self) -> Duration {
        self.most
    }

    /// Whether the caller is to be notified now; true once.
    pub(super) fn should_notify(&mut self) -> bool {
        !self.notified && {
            self.notified = self.began.elapsed() >= NOTIFY_AFTER;
            self.notified
        }
    }

    /// Whether it has waited long enough.
    pub(super) fn is_over(&self) -> bool {
        self.since.elapsed() >= self.most || self.began.elapsed() >= self.most.saturating_mul(2)
    }
}

/// The fill lock of an entry, renewed until dropped. Dropped without a commit it is given back at once: a failed
/// fill must not keep others waiting.
pub(super) struct Lock {
    pub(super) cache: Arc<Cache>,
    pub(super) keys: SourceKeys,
    pub(super) key: EntryKey,
    pub(super) token: String,
    renewing: JoinHandle<()>,
    tasks: TaskTracker,
    held: bool,
}

impl Lock {
    /// Keeps a lock that was just taken, for a query that may run for `limit`.
    pub(super) fn keep(
        cache: Arc<Cache>,
        keys: SourceKeys,
        key: EntryKey,
        token: String,
        limit: Duration,
        tasks: TaskTracker,
    ) -> Self {
        // A limit beyond the clock's range is no limit.
        let end = Instant::now().checked_add(limit.saturating_add(MARGIN));
        let renewing = tokio::spawn({
            let (cache, keys, token) = (cache.clone(), keys.clone(), token.clone());
            async move {
                while end.is_none_or(|end| Instant::now() < end) {
                    tokio::time::sleep(LOCK / 3).await;
                    // An unreachable cache may be back in time. A lock that another process took is left to it: that
                    // process runs the query too, which is waste and does no harm.
                    if let Ok(false) = cache.hold(&keys, &key, &token, LOCK).await {
                        return;
                    }
                }
            }
        });
        Self {
            cache,
            keys,
            key,
            token,
            renewing,
            tasks,
            held: true,
        }
    }

    /// Gives the lock back and waits until that is done.
    pub(super) async fn release(mut self) {
        self.held = false;
        let _ = self.cache.release(&self.keys, &self.key, &self.token).await;
    }

    /// The commit gave the lock back.
    pub(super) fn committed(&mut self) {
        self.held = false;
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        self.renewing.abort();
        if self.held
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            let (cache, keys, key, token) = (
                self.cache.clone(),
                self.keys.clone(),
                self.key,
                std::mem::take(&mut self.token),
            );
            let release = async move {
                let _ = cache.release(&keys, &key, &token).await;
            };
            self.tasks.spawn_on(release, &runtime);
        }
    }
}
