//! Which keys there are: a background SCAN of the whole keyspace that can be paused, slowed, resumed and cancelled.
//!
//! On a cluster every primary is walked with a cursor of its own, all at once. Where slots moved meanwhile, the
//! primaries are walked again for what the first walk could not see.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::Utc;
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::questions::Questions;
use super::store::Builder;
use super::walk::{Seen, Wish, nothing_seen, walk};
use super::{Connection, InspectError, Key, Keys, Totals};

/// How hard the scan works.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pace {
    /// Small batches with as long a rest after each, made smaller where other clients' answers become slower.
    #[default]
    Gentle,
    /// As fast as the server answers.
    Full,
}

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
}

impl ScanState {
    /// A finished scan that saw these keys at `now`, in milliseconds since 1970.
    pub fn seen<'a>(keys: impl IntoIterator<Item = Key<'a>>, now: i64) -> Self {
        let mut builder = Builder::new();
        let mut totals = Totals::default();
        for key in keys {
            if builder.push(key) {
                totals.add(&key, now);
            }
        }
        Self {
            keys: builder.snapshot(),
            about: totals.all.keys,
            at: now,
            servers: 1,
            totals,
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
}

/// A running scan; dropping it ends it.
pub struct Scan {
    state: watch::Receiver<Arc<ScanState>>,
    wish: watch::Sender<Wish>,
    cancel: CancellationToken,
    _end: DropGuard,
}

impl Scan {
    /// Starts a scan on the current runtime.
    pub fn start(connection: Connection, options: ScanOptions) -> Self {
        let (publish, state) = watch::channel(Arc::default());
        let (wish, wishes) = watch::channel(Wish {
            paused: false,
            pace: options.pace,
        });
        let cancel = CancellationToken::new();
        tokio::spawn(run(connection, options, wishes, cancel.clone(), publish));
        Self {
            state,
            wish,
            _end: cancel.clone().drop_guard(),
            cancel,
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

    /// Ends it; what has been seen stays.
    pub fn cancel(&self) {
        self.cancel.cancel();
    }
}

/// Between two publications of what was seen.
const PUBLISH_EVERY: Duration = Duration::from_millis(100);
/// How often a cluster whose slots move is walked before the scan gives up.
const WALKS: usize = 3;

struct Run {
    connection: Connection,
    options: ScanOptions,
    seen: Arc<Mutex<Seen>>,
    state: ScanState,
    publish: watch::Sender<Arc<ScanState>>,
    worked: Duration,
    since: Instant,
}

async fn run(
    connection: Connection,
    options: ScanOptions,
    wishes: watch::Receiver<Wish>,
    cancel: CancellationToken,
    publish: watch::Sender<Arc<ScanState>>,
) {
    let questions = Questions::new(connection.server(), options.count_anyway);
    let mut run = Run {
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
    };
    let phase = tokio::select! {
        () = cancel.cancelled() => Phase::Cancelled,
        result = run.scan(&wishes) => match result {
            Ok(()) => Phase::Complete,
            Err(error) => Phase::Failed(error),
        },
    };
    run.publish(phase);
}

impl Run {
    async fn scan(&mut self, wishes: &watch::Receiver<Wish>) -> Result<(), InspectError> {
        for _ in 0..WALKS {
            let before = match self.topology().await {
                Ok(topology) => topology,
                Err(denied @ InspectError::Denied { .. }) => {
                    // The keys of this node are better than none, and the scan is told as partial.
                    let node = [self.connection.clone()];
                    self.state.servers = 1;
                    self.count(&node).await?;
                    self.walk(&node, wishes).await?;
                    return Err(denied);
                }
                Err(error) => return Err(error),
            };
            let (nodes, missing) = self.connection.reachable_primaries().await?;
            self.state.servers = nodes.len() + usize::from(missing.is_some());
            self.count(&nodes).await?;
            self.walk(&nodes, wishes).await?;
            if let Some(missing) = missing {
                // The others' keys are better than none, and the scan is told as partial.
                return Err(missing);
            }
            if self.topology().await? == before {
                return self.count(&nodes).await;
            }
        }
        Err(InspectError::Moving)
    }

    async fn topology(&self) -> Result<super::cluster::Topology, InspectError> {
        if self.connection.server().is_cluster {
            self.connection.topology().await
        } else {
            Ok(super::cluster::Topology::new())
        }
    }

    /// Walks every server to its end, also where another one fails, and publishes what is seen meanwhile.
    async fn walk(
        &mut self,
        nodes: &[Connection],
        wishes: &watch::Receiver<Wish>,
    ) -> Result<(), InspectError> {
        let (options, seen) = (self.options.clone(), self.seen.clone());
        let walks = nodes
            .iter()
            .map(|node| walk(node, &options, &seen, wishes.clone()));
        let mut walks = std::pin::pin!(futures::future::join_all(walks));
        let mut wishes = wishes.clone();
        let mut ticks = tokio::time::interval(PUBLISH_EVERY / 4);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut published, mut shown) = (Instant::now(), 0);
        let mut is_wished = true;
        loop {
            tokio::select! {
                biased;
                changed = wishes.changed(), if is_wished => {
                    is_wished = changed.is_ok();
                    self.follow(*wishes.borrow_and_update());
                }
                ended = &mut walks => return ended.into_iter().collect(),
                _ = ticks.tick() => {
                    let keys = self.seen.lock().builder.len();
                    // The first keys are shown at once, the next in larger steps.
                    let due = shown == 0 || published.elapsed() >= PUBLISH_EVERY;
                    if keys > shown && due && matches!(self.state.phase, Phase::Running) {
                        (published, shown) = (Instant::now(), keys);
                        self.publish(Phase::Running);
                    }
                }
            }
        }
    }

    /// Takes in what the user wishes: the walks do it, here it is told.
    fn follow(&mut self, wish: Wish) {
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

    async fn count(&mut self, nodes: &[Connection]) -> Result<(), InspectError> {
        let mut about = 0;
        for node in nodes {
            match node.ask::<u64>(&redis::cmd("DBSIZE")).await {
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
        self.state.about = about;
        Ok(())
    }

    fn publish(&mut self, phase: Phase) {
        self.state.elapsed = self.worked
            + if matches!(phase, Phase::Paused) {
                Duration::ZERO
            } else {
                self.since.elapsed()
            };
        self.state.phase = phase;
        self.state.at = Utc::now().timestamp_millis();
        {
            let seen = self.seen.lock();
            self.state.keys = seen.builder.snapshot();
            self.state.totals = seen.totals.clone();
            self.state.notes.clone_from(&seen.questions.notes);
            self.state.ping_p99 = seen.ping_p99;
        }
        self.publish.send_replace(Arc::new(self.state.clone()));
    }
}
