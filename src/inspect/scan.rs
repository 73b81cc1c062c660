//! Which keys there are: a background SCAN of the whole keyspace that can be paused, slowed, resumed and cancelled.
//!
//! On a cluster every primary is walked with a cursor of its own, all at once. Where slots moved meanwhile, the
//! primaries are walked again for what the first walk could not see. A scan that follows goes on after its end with what
//! changes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::Utc;
use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::builder::Builder;
use super::cluster::Topology;
use super::feed::{Feed, Feeds, News, Slots};
use super::notices::Notices;
use super::questions::Questions;
use super::walk::{Seen, Walk, Wish, nothing_seen};
use super::{Connection, InspectError, Key, Keys, Live, Pace, Totals};
use crate::human;

/// Where a scan stands.
#[derive(Clone, Debug, Default)]
pub enum Phase {
    /// Keys arrive.
    #[default]
    Running,
    /// Waiting to be resumed.
    Paused,
    /// Every key that was there from begin to end has been seen.
    Complete,
    /// Ended by the user; what has been seen stays.
    Cancelled,
    /// Ended by an error; what has been seen stays.
    Failed(InspectError),
}

/// What a scan has seen so far.
#[derive(Clone, Debug, Default)]
pub struct ScanState {
    /// The keys.
    pub keys: Keys,
    /// Their sums.
    pub totals: Totals,
    /// When they were seen, in milliseconds since 1970 by this machine's clock.
    pub at: i64,
    /// Where it stands.
    pub phase: Phase,
    /// How many keys the server says it has, on a cluster all primaries together; zero where it does not say.
    pub about: u64,
    /// Whether it says so.
    pub is_counted: bool,
    /// How many servers are walked: one, or a cluster's primaries.
    pub servers: usize,
    /// Time at work, pauses left out.
    pub elapsed: Duration,
    /// The 99th percentile of a PING beside the scan, of the slowest server: what other clients feel. `None` before
    /// there are enough.
    pub ping_p99: Option<Duration>,
    /// How hard it works.
    pub pace: Pace,
    /// What could not be learned and why, each one sentence.
    pub notes: Vec<String>,
    /// How far it follows what changes.
    pub live: Live,
}

impl ScanState {
    /// A finished scan that saw these keys at `now`, in milliseconds since 1970.
    pub fn seen<'a>(keys: impl IntoIterator<Item = Key<'a>>, now: i64) -> Self {
        let mut builder = Builder::new();
        for key in keys {
            builder.put(key, now);
        }
        Self {
            keys: builder.snapshot(),
            about: builder.totals().all.keys,
            is_counted: true,
            at: now,
            servers: 1,
            totals: builder.totals().clone(),
            phase: Phase::Complete,
            ..Self::default()
        }
    }
}

/// What to scan.
#[derive(Clone, Debug, Default)]
pub struct ScanOptions {
    /// Only names that match, where not empty; matched by the server.
    pub pattern: Vec<u8>,
    /// Only this type, where not empty; matched by the server.
    pub type_name: String,
    /// How hard to work at first.
    pub pace: Pace,
    /// Count elements also where the server takes that for use of the key (see [`Server::untouched`]).
    ///
    /// [`Server::untouched`]: super::Server::untouched
    pub count_anyway: bool,
    /// Go on after the end with what changes: what the server tells, what [`Scan::tell`] tells, and what expires. Only
    /// for a scan of all keys.
    pub follow: bool,
}

/// A running scan; dropping it ends it.
pub struct Scan {
    state: watch::Receiver<Arc<ScanState>>,
    wish: watch::Sender<Wish>,
    cancel: CancellationToken,
    feeds: Feeds,
    look: Arc<Notify>,
    _end: DropGuard,
}

impl Scan {
    /// Starts a scan on the current runtime.
    pub fn start(connection: Connection, mut options: ScanOptions) -> Self {
        options.follow &= options.pattern.is_empty() && options.type_name.is_empty();
        let (publish, state) = watch::channel(Arc::default());
        let (wish, wishes) = watch::channel(Wish {
            paused: false,
            stopped: false,
            pace: options.pace,
        });
        let end = CancellationToken::new();
        let cancel = end.child_token();
        let (feeds, look) = (Feeds::default(), Arc::new(Notify::new()));
        let questions = Questions::new(connection.server(), options.count_anyway);
        let run = Run {
            connection,
            seen: nothing_seen(questions),
            state: ScanState {
                pace: options.pace,
                ..ScanState::default()
            },
            publish,
            worked: Duration::ZERO,
            since: Instant::now(),
            options,
            wishes,
            nodes: Vec::new(),
            walks: JoinSet::new(),
            feeds: feeds.clone(),
            look: look.clone(),
            shown: 0,
        };
        tokio::spawn(
            end.clone()
                .run_until_cancelled_owned(run.run(cancel.clone())),
        );
        Self {
            state,
            wish,
            _end: end.drop_guard(),
            cancel,
            feeds,
            look,
        }
    }

    /// What it has seen so far.
    pub fn state(&self) -> Arc<ScanState> {
        self.state.borrow().clone()
    }

    /// Waits until it has seen more or has ended; `None` when nothing more will come.
    pub async fn next(&mut self) -> Option<Arc<ScanState>> {
        self.state.changed().await.ok()?;
        Some(self.state.borrow_and_update().clone())
    }

    /// Another way to hear of what it sees.
    pub(super) fn watch(&mut self) -> watch::Receiver<Arc<ScanState>> {
        self.state.clone()
    }

    /// Pauses or resumes it.
    pub fn pause(&self, paused: bool) {
        self.wish.send_modify(|wish| wish.paused = paused);
    }

    /// Changes how hard it works.
    pub fn set_pace(&self, pace: Pace) {
        self.wish.send_modify(|wish| wish.pace = pace);
    }

    /// Looks for no more keys; what has been seen stays.
    pub fn cancel(&self) {
        self.wish.send_modify(|wish| wish.stopped = true);
        self.cancel.cancel();
    }

    /// Takes in what is known of a key without the server's telling.
    pub fn tell(&self, name: &[u8], news: News) {
        self.feeds.tell(name, news);
    }

    /// The server may tell of its changes from now on: look at once.
    pub fn look_for_notices(&self) {
        self.look.notify_one();
    }
}

/// Between two publications of what was seen.
const PUBLISH_EVERY: Duration = Duration::from_millis(100);
/// How often a cluster whose slots move is walked before the scan gives up.
const WALKS: usize = 3;

/// How often keys whose time has passed are looked for, and at most how many.
const EXPIRED_EVERY: Duration = Duration::from_secs(1);
const EXPIRED: usize = 2_000;
/// An expired key is asked for so much later: clocks differ a little, and the server usually tells first.
const EXPIRED_AFTER: i64 = 500;
/// How often the server is asked how many keys it has.
const COUNT_EVERY: Duration = Duration::from_secs(5);
/// Counting TTL buckets anew takes no more than one part in so many of the time.
const AGE_PART: u32 = 100;

/// A server with what is heard of it.
struct Node {
    connection: Connection,
    feed: Arc<Feed>,
    /// What the server tells of its changes, where that is listened to.
    notices: Option<Notices>,
}

struct Run {
    connection: Connection,
    options: ScanOptions,
    seen: Arc<Mutex<Seen>>,
    state: ScanState,
    publish: watch::Sender<Arc<ScanState>>,
    worked: Duration,
    since: Instant,
    wishes: watch::Receiver<Wish>,
    nodes: Vec<Node>,
    walks: JoinSet<()>,
    feeds: Feeds,
    look: Arc<Notify>,
    /// The version of the keys that was published last.
    shown: u64,
}

impl Run {
    async fn run(mut self, cancel: CancellationToken) {
        let phase = tokio::select! {
            () = cancel.cancelled() => Phase::Cancelled,
            result = self.scan() => match result {
                Ok(()) => Phase::Complete,
                Err(error) => Phase::Failed(error),
            },
        };
        if !matches!(self.state.phase, Phase::Paused) {
            self.worked += self.since.elapsed();
        }
        self.publish(phase);
        if self.options.follow && !self.nodes.is_empty() {
            self.follow().await;
        }
    }

    async fn scan(&mut self) -> Result<(), InspectError> {
        for _ in 0..WALKS {
            let before = match self.topology().await {
                Ok(topology) => topology,
                Err(denied @ InspectError::Denied { .. }) => {
                    // The keys of this node are better than none, and the scan is told as partial.
                    self.state.servers = 1;
                    self.begin(vec![(self.connection.clone(), Slots::new())])
                        .await;
                    self.count().await?;
                    self.walk().await?;
                    return Err(denied);
                }
                Err(error) => return Err(error),
            };
            let (nodes, missing) = self.connection.nodes(&before).await?;
            self.state.servers = before.len().max(1);
            self.begin(nodes).await;
            self.count().await?;
            self.walk().await?;
            if let Some(missing) = missing {
                // The others' keys are better than none, and the scan is told as partial.
                return Err(missing);
            }
            if self.topology().await? == before {
                self.count().await?;
                self.look_for_emptying();
                return Ok(());
            }
        }
        Err(InspectError::Moving)
    }

    async fn topology(&self) -> Result<Topology, InspectError> {
        if self.connection.server().is_cluster {
            self.connection.topology().await
        } else {
            Ok(Topology::new())
        }
    }

    /// Notes that most keys went while they were looked at: what is listed is then no longer there.
    fn look_for_emptying(&self) {
        let mut seen = self.seen.lock();
        let listed = seen.builder.len() as u64;
        if self.state.is_counted && self.state.about < listed / 2 {
            let now = human::plural(self.state.about, "key", "keys");
            seen.questions.note(&format!(
                "The server has {now} at the end: most of those listed went while they were looked at."
            ));
        }
    }

    /// From now on these servers are walked and listened to. Listening begins before the walk, so that nothing that
    /// changes between is missed.
    async fn begin(&mut self, nodes: Vec<(Connection, Slots)>) {
        self.walks.abort_all();
        let (nodes, feeds): (Vec<_>, Vec<_>) = nodes
            .into_iter()
            .map(|(node, slots)| (node, (slots, Arc::<Feed>::default())))
            .unzip();
        self.feeds.set(feeds.clone());
        self.nodes.clear();
        for (connection, (_, feed)) in nodes.into_iter().zip(feeds) {
            let notices = if self.options.follow {
                Some(Notices::start(&connection, feed.clone()).await)
            } else {
                None
            };
            self.nodes.push(Node {
                connection,
                feed,
                notices,
            });
        }
    }

    /// Walks every server to its end, also where another one fails, and publishes what is seen meanwhile.
    async fn walk(&mut self) -> Result<(), InspectError> {
        let mut ends = Vec::with_capacity(self.nodes.len());
        for node in &self.nodes {
            let (ended, end) = oneshot::channel();
            let walk = Walk::new(
                node.connection.clone(),
                self.options.clone(),
                self.seen.clone(),
                node.feed.clone(),
            );
            self.walks.spawn(walk.run(self.wishes.clone(), ended));
            ends.push(end);
        }
        let mut ends = futures::future::join_all(ends);
        let mut ticks = tokio::time::interval(PUBLISH_EVERY / 4);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut wishes = self.wishes.clone();
        let mut published = Instant::now();
        let mut is_wished = true;
        loop {
            tokio::select! {
                biased;
                changed = wishes.changed(), if is_wished => {
                    is_wished = changed.is_ok();
                    let wish = *wishes.borrow_and_update();
                    self.heed(wish);
                }
                ended = &mut ends => {
                    // One that was ended tells nothing, and then there is nothing to tell.
                    return ended.into_iter().flatten().collect();
                }
                _ = ticks.tick() => {
                    // The first keys are shown at once, the next in larger steps.
                    let due = self.shown == 0 || published.elapsed() >= PUBLISH_EVERY;
                    if due && self.has_changed() {
                        published = Instant::now();
                        self.publish(self.state.phase.clone());
                    }
                }
            }
        }
    }

    /// Takes in what the user wishes: the walks do it, here it is told.
    fn heed(&mut self, wish: Wish) {
        self.state.pace = wish.pace;
        match (wish.paused, matches!(self.state.phase, Phase::Paused)) {
            (true, false) => {
                self.worked += self.since.elapsed();
                self.publish(Phase::Paused);
            }
            (false, true) => {
                self.since = Instant::now();
                self.publish(Phase::Running);
            }
            _ => {}
        }
    }

    /// Publishes what changes, for as long as somebody looks.
    async fn follow(&mut self) {
        let mut ticks = tokio::time::interval(PUBLISH_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let topology = self.topology().await.unwrap_or_default();
        let (mut expired, mut counted, mut aged) = (Instant::now(), Instant::now(), Instant::now());
        let mut age_after = COUNT_EVERY;
        let mut has_drifted = false;
        loop {
            let (look, pace) = (self.look.clone(), self.wishes.borrow().pace);
            tokio::select! {
                () = look.notified() => {
                    for notices in self.nodes.iter().filter_map(|node| node.notices.as_ref()) {
                        notices.look();
                    }
                }
                _ = ticks.tick() => {}
            }
            if expired.elapsed() >= EXPIRED_EVERY {
                expired = Instant::now();
                self.look_for_expired();
            }
            if counted.elapsed() >= COUNT_EVERY {
                counted = Instant::now();
                // A server that does not answer now is told of by the walks.
                let _ = self.count().await;
                let (drifted, before) = (self.has_drifted(), has_drifted);
                has_drifted = drifted;
                if drifted && before {
                    // Emptying a database is told to nobody.
                    self.mark_gap();
                }
                if !topology.is_empty() && self.topology().await.is_ok_and(|now| now != topology) {
                    self.mark_gap();
                }
            }
            if aged.elapsed() >= age_after {
                aged = Instant::now();
                self.seen.lock().builder.age(Utc::now().timestamp_millis());
                age_after = COUNT_EVERY.max(aged.elapsed() * AGE_PART);
            }
            if self.has_changed() || pace != self.state.pace || self.live() != self.state.live {
                self.state.pace = pace;
                self.publish(self.state.phase.clone());
            }
        }
    }

    /// Asks again for keys whose time has passed: most are gone, and some were given more.
    fn look_for_expired(&mut self) {
        let until = Utc::now().timestamp_millis() - EXPIRED_AFTER;
        let names = self.seen.lock().builder.expired(until, EXPIRED);
        for name in names {
            self.feeds.tell(&name, News::Changed);
        }
    }

    /// Whether the keys are no longer those that were published, or how many the server has.
    fn has_changed(&mut self) -> bool {
        self.seen.lock().builder.version() != self.shown
    }

    fn mark_gap(&self) {
        for node in &self.nodes {
            node.feed.mark_gap();
        }
    }

    /// Whether the server has other keys than those that are listed, though it tells of every change.
    fn has_drifted(&self) -> bool {
        let (about, live) = (self.state.about, self.live());
        let listed = self.seen.lock().builder.len() as u64;
        let much = (listed / 100).max(100);
        matches!(self.state.phase, Phase::Complete)
            && live.hears.is_all()
            && live.waiting == 0
            && (listed.abs_diff(about) > much || about == 0 && listed > 0)
    }

    fn live(&self) -> Live {
        let each = self.nodes.iter().map(|node| {
            let (waiting, missed, has_gap) = node.feed.figures();
            Live {
                hears: node
                    .notices
                    .as_ref()
                    .map(Notices::hears)
                    .unwrap_or_default(),
                waiting,
                missed,
                has_gap,
            }
        });
        each.reduce(Live::and).unwrap_or_default()
    }

    async fn count(&mut self) -> Result<(), InspectError> {
        let mut about = 0;
        for node in &self.nodes {
            match node.connection.ask::<u64>(&redis::cmd("DBSIZE")).await {
                Ok(keys) => about = u64::saturating_add(about, keys),
                Err(InspectError::Denied { .. }) => {
                    self.seen.lock().questions.note(
                        "How many keys there are is not known: the account may not run DBSIZE; allow it with ACL SETUSER ... +dbsize.",
                    );
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
        }
        self.state.is_counted = true;
        if about != self.state.about {
            self.state.about = about;
            self.shown = 0;
        }
        Ok(())
    }

    fn publish(&mut self, phase: Phase) {
        self.state.elapsed = self.worked
            + if matches!(phase, Phase::Running) {
                self.since.elapsed()
            } else {
                Duration::ZERO
            };
        self.state.phase = phase;
        self.state.at = Utc::now().timestamp_millis();
        self.state.live = self.live();
        {
            let mut seen = self.seen.lock();
            if seen.builder.is_wasteful() {
                seen.builder = seen.builder.compacted();
            }
            self.state.keys = seen.builder.snapshot();
            self.state.totals = seen.builder.totals().clone();
            self.state.notes.clone_from(&seen.questions.notes);
            self.state.ping_p99 = seen.ping_p99;
            self.shown = seen.builder.version();
        }
        self.publish.send_replace(Arc::new(self.state.clone()));
    }
}
