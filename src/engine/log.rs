//! Where the log is kept, and how it is read: a ring in this process, and a capped stream in Redis that brings what
//! other processes did.

use std::collections::VecDeque;
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::{Mutex, RwLock};
use redis::streams::{StreamId, StreamRangeReply, StreamReadReply};
use tokio::sync::{mpsc, watch};

use super::Event;
use crate::cache::{Cache, CacheError, CacheStatus, events};

/// Events kept in this process.
const KEPT: usize = 50_000;
/// Events kept in Redis, about.
const STREAMED: usize = 10_000;
/// Events that wait while Redis is away; more are not shared with other processes.
const BACKLOG: usize = 1_000;
/// How long a process that ends waits for a Redis that it never asked before.
const UNKNOWN: Duration = Duration::from_millis(200);

/// The one log of requests, refreshes and changes: this process's own events at once, those of other processes on
/// the same cache as they arrive through Redis.
pub struct EventLog {
    ring: Mutex<Ring>,
    wakers: RwLock<Vec<Arc<dyn Fn() + Send + Sync>>>,
    cache: Arc<Cache>,
    /// Tells our own events from those of others in the stream.
    writer: String,
    outbox: mpsc::Sender<String>,
    /// Taken by the task that sends, when the first event is recorded.
    unsent: Mutex<Option<mpsc::Receiver<String>>>,
    backlog: Arc<watch::Sender<Backlog>>,
}

/// What is not in Redis yet.
#[derive(Default)]
struct Backlog {
    events: usize,
    /// The last try failed: waiting would take as long as Redis is away.
    failed: bool,
}

#[derive(Default)]
struct Ring {
    events: VecDeque<Arc<Event>>,
    /// Position of the first event kept.
    first: u64,
}

impl EventLog {
    pub(super) fn new(cache: Arc<Cache>) -> Arc<Self> {
        let (outbox, unsent) = mpsc::channel(BACKLOG);
        Arc::new(Self {
            ring: Mutex::default(),
            wakers: RwLock::default(),
            cache,
            writer: format!("{:016x}", rand::random::<u64>()),
            outbox,
            unsent: Mutex::new(Some(unsent)),
            backlog: Arc::new(watch::Sender::new(Backlog::default())),
        })
    }

    /// Records an event here, and in Redis as soon as that is possible; never waits.
    pub fn record(&self, event: Event) {
        // A full backlog means that Redis has been away for long: the ring here still has every event.
        if let Ok(json) = serde_json::to_string(&event)
            && let Ok(place) = self.outbox.try_reserve()
        {
            self.backlog.send_modify(|backlog| backlog.events += 1);
            place.send(json);
        }
        self.keep(event);
        if let Ok(runtime) = tokio::runtime::Handle::try_current()
            && let Some(unsent) = self.unsent.lock().take()
        {
            runtime.spawn(send(
                unsent,
                self.cache.clone(),
                self.writer.clone(),
                self.backlog.clone(),
            ));
        }
    }

    /// The events after position `after` (0 for all that are kept), in order, and the position to ask from next.
    pub fn since(&self, after: u64) -> (Vec<Arc<Event>>, u64) {
        let ring = self.ring.lock();
        let skip = after
            .saturating_sub(ring.first)
            .min(ring.events.len() as u64) as usize;
        (
            ring.events.iter().skip(skip).cloned().collect(),
            ring.first + ring.events.len() as u64,
        )
    }

    /// Calls `wake` after each new event, from any thread; it must not wait.
    pub fn on_event(&self, wake: impl Fn() + Send + Sync + 'static) {
        self.wakers.write().push(Arc::new(wake));
    }

    /// Waits until every recorded event is in Redis, Redis does not take them, or `at_most` has passed. For a process
    /// that is about to end.
    pub async fn flush(&self, at_most: Duration) {
        let at_most = match self.cache.status() {
            CacheStatus::Connected(_) => at_most,
            // One that was never asked and does not answer at once is not waited for.
            CacheStatus::NotYet => at_most.min(UNKNOWN),
            CacheStatus::Problem(_) => return,
        };
        let mut backlog = self.backlog.subscribe();
        let sent = backlog.wait_for(|backlog| backlog.events == 0 || backlog.failed);
        let _ = tokio::time::timeout(at_most, sent).await;
    }

    /// Reads what other processes left in Redis before now, and follows what they add, until the log is dropped.
    ///
    /// Returns when the past has been read; following goes on in the background.
    pub async fn follow(self: &Arc<Self>) {
        let mut last = "-".to_owned();
        while let Ok(Some(next)) = self.page(&last).await {
            last = next;
        }
        let after = last.strip_prefix('(').unwrap_or("0").to_owned();
        tokio::spawn(follow(Arc::downgrade(self), after));
    }

    /// One page of the past; the start of the next one.
    async fn page(&self, from: &str) -> Result<Option<String>, CacheError> {
        let key = events(self.cache.prefix());
        let page: StreamRangeReply = self
            .cache
            .query(
                redis::cmd("XRANGE")
                    .arg(key)
                    .arg(from)
                    .arg("+")
                    .arg("COUNT")
                    .arg(1000),
            )
            .await?;
        for id in &page.ids {
            self.adopt(id);
        }
        Ok(page.ids.last().map(|id| format!("({}", id.id)))
    }

    /// Keeps another process's event; our own are here already.
    fn adopt(&self, id: &StreamId) {
        if id.get::<String>("by").as_deref() == Some(self.writer.as_str()) {
            return;
        }
        // What a newer version or somebody else wrote, and we cannot read, is no event of ours.
        if let Some(event) = id
            .get::<String>("json")
            .and_then(|json| serde_json::from_str(&json).ok())
        {
            self.keep(event);
        }
    }

    fn keep(&self, event: Event) {
        {
            let mut ring = self.ring.lock();
            ring.events.push_back(Arc::new(event));
            if ring.events.len() > KEPT {
                ring.events.pop_front();
                ring.first += 1;
            }
        }
        let wakers = self.wakers.read().clone();
        for wake in wakers {
            wake();
        }
    }
}

/// Sends events to the stream in batches; what cannot be sent waits.
async fn send(
    mut unsent: mpsc::Receiver<String>,
    cache: Arc<Cache>,
    writer: String,
    backlog: Arc<watch::Sender<Backlog>>,
) {
    let key = events(cache.prefix());
    let mut waiting: Vec<String> = Vec::new();
    loop {
        if waiting.is_empty() && unsent.recv_many(&mut waiting, 100).await == 0 {
            return;
        }
        let mut pipeline = redis::pipe();
        for json in &waiting {
            pipeline
                .cmd("XADD")
                .arg(&key)
                .arg("MAXLEN")
                .arg("~")
                .arg(STREAMED)
                .arg("*")
                .arg("by")
                .arg(&writer)
                .arg("json")
                .arg(json)
                .ignore();
        }
        match cache.small_pipeline::<()>(&pipeline).await {
            Ok(()) => {
                backlog.send_modify(|backlog| {
                    backlog.events -= waiting.len();
                    backlog.failed = false;
                });
                waiting.clear();
            }
            Err(problem) => {
                tracing::debug!(%problem, "events wait");
                backlog.send_modify(|backlog| backlog.failed = true);
                tokio::time::sleep(Duration::from_secs(1)).await;
                while waiting.len() < BACKLOG
                    && let Ok(json) = unsent.try_recv()
                {
                    waiting.push(json);
                }
            }
        }
    }
}

/// Follows the stream on a connection of its own, because it blocks.
async fn follow(log: Weak<EventLog>, mut last: String) {
    const BLOCK: Duration = Duration::from_secs(2);
    loop {
        let Some(cache) = log.upgrade().map(|log| log.cache.clone()) else {
            return;
        };
        let key = events(cache.prefix());
        if let Ok(mut connection) = cache.open(BLOCK * 3).await {
            loop {
                let mut read = redis::cmd("XREAD");
                read.arg("COUNT")
                    .arg(500)
                    .arg("BLOCK")
                    .arg(BLOCK.as_millis() as u64);
                read.arg("STREAMS").arg(&key).arg(&last);
                let reply: Result<Option<StreamReadReply>, _> =
                    read.query_async(&mut connection).await;
                let Some(log) = log.upgrade() else { return };
                match reply {
                    Ok(Some(reply)) => {
                        for id in reply.keys.iter().flat_map(|stream| &stream.ids) {
                            log.adopt(id);
                            last.clone_from(&id.id);
                        }
                    }
                    Ok(None) => {}
                    Err(_) => break,
                }
            }
        }
        // An emptied server counts its ids from the clock again, so `last` stays right.
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}
