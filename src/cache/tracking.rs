//! What has changed on the server, for what this process remembers of it.
//!
//! A connection of its own, in RESP3, is told of every write to the versions and headers of some sources (`CLIENT
//! TRACKING ... BCAST`). Whoever wants to remember an answer takes a [`Mark`] *before* asking for it; the answer may be
//! used again as long as the mark holds: the connection lived all the time, told of no write to the keys, and is known
//! to have told of all that happened until a moment ago. `docs/protocol.md` says what that promises.
//!
//! On Redis Cluster each node would need such a connection; a cluster is not spoken to yet.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant, SystemTime};

use parking_lot::Mutex;
use redis::{Client, PushInfo, PushKind, Value};
use tokio::sync::Notify;
use tokio_util::task::AbortOnDropHandle;

use super::connect::{RETRY, address, open_listening};
use super::{CacheError, Problem, SourceKeys};

/// How often the server is asked to prove that it has told everything.
const PROVE: Duration = Duration::from_millis(250);
/// How old that proof may be: a write is noticed this late at the latest, on a connection that hangs.
const LATE: Duration = Duration::from_secs(1);
/// After so long without a question the server is left alone until the next one.
const IDLE: Duration = Duration::from_secs(10);
/// When a server that cannot do it is asked again.
const REFUSED: Duration = Duration::from_mins(1);
/// Keys share this many counters of writes; two that share one only forget more than they have to.
const SLOTS: usize = 4096;

/// A moment on this machine's clocks. Neither knows all: one stands still while the machine sleeps, the other may be set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment(Instant, SystemTime);

impl Moment {
    pub(crate) fn now() -> Self {
        Self(Instant::now(), SystemTime::now())
    }

    /// The time since then, by the clock that saw more of it.
    pub(crate) fn elapsed(&self) -> Duration {
        self.0.elapsed().max(self.1.elapsed().unwrap_or_default())
    }
}

/// What was known of two keys at a moment, see [`Tracking::mark`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    life: u64,
    writes: [(usize, u64); 2],
}

/// What the server told about writes, and whether it still does.
pub(crate) struct Tracking {
    told: Mutex<Told>,
    wanted: Arc<Notify>,
    task: OnceLock<AbortOnDropHandle<()>>,
}

struct Told {
    /// Names the connection; another one vouches for nothing that this one did.
    life: u64,
    /// While the connection lives: every write before this moment was told.
    proof: Option<Moment>,
    /// Writes by the key's slot.
    writes: Box<[u64]>,
    /// When somebody last wanted to know.
    asked: Moment,
    /// Why the server does not tell.
    problem: Option<String>,
}

impl Tracking {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            told: Mutex::new(Told {
                life: 0,
                proof: None,
                writes: vec![0; SLOTS].into(),
                asked: Moment::now(),
                problem: None,
            }),
            wanted: Arc::default(),
            task: OnceLock::new(),
        })
    }

    /// Begins to listen for writes to the versions and headers of these sources; once, until the cache is dropped.
    pub(super) fn listen<'a>(
        self: &Arc<Self>,
        client: &Client,
        sources: impl IntoIterator<Item = &'a SourceKeys>,
    ) {
        self.task.get_or_init(|| {
            let listener = Listener(Arc::downgrade(self));
            let client = client.clone();
            let prefixes: Vec<String> = sources
                .into_iter()
                .flat_map(|keys| [keys.versions(), keys.headers()])
                .collect();
            AbortOnDropHandle::new(tokio::spawn(async move {
                listener.keep(&client, &prefixes).await;
            }))
        });
    }

    /// What is known of these keys now; `None` while the server does not tell of writes.
    pub(crate) fn mark(&self, keys: [&str; 2]) -> Option<Mark> {
        let mut told = self.told.lock();
        self.want(&mut told);
        told.proof?;
        let writes = keys.map(|key| {
            let slot = slot(key.as_bytes());
            (slot, told.writes[slot])
        });
        Some(Mark {
            life: told.life,
            writes,
        })
    }

    /// Whether nothing was written to the keys since the mark was taken, as far as is known and that is recent.
    pub(crate) fn holds(&self, mark: &Mark) -> bool {
        let mut told = self.told.lock();
        self.want(&mut told);
        told.proof.is_some_and(|proof| proof.elapsed() <= LATE)
            && told.life == mark.life
            && mark.writes.iter().all(|(slot, n)| told.writes[*slot] == *n)
    }

    /// This process wrote to these keys itself: nobody here has to wait until the server tells.
    pub(super) fn wrote<'a>(&self, keys: impl IntoIterator<Item = &'a String>) {
        let mut told = self.told.lock();
        for key in keys {
            told.writes[slot(key.as_bytes())] += 1;
        }
    }

    /// Why the server does not tell of writes, as far as that is known.
    pub(super) fn problem(&self) -> Option<String> {
        self.told.lock().problem.clone()
    }

    fn want(&self, told: &mut Told) {
        if told.asked.elapsed() >= IDLE {
            self.wanted.notify_one();
        }
        told.asked = Moment::now();
    }

    /// A new connection's name; until [`Tracking::vouch`] nothing is known by it.
    fn begin(&self) -> u64 {
        let mut told = self.told.lock();
        told.proof = None;
        told.life += 1;
        told.life
    }

    /// Every write before `moment` was told by the connection `life`; `false` where that one has ended.
    fn vouch(&self, life: u64, moment: Moment) -> bool {
        let mut told = self.told.lock();
        if told.life == life {
            told.proof = Some(moment);
            told.problem = None;
        }
        told.life == life
    }

    fn hear(&self, life: u64, push: PushInfo) {
        match (push.kind, push.data.into_iter().next()) {
            (PushKind::Disconnection, _) => self.end(life),
            (PushKind::Invalidate, Some(Value::Array(keys))) => {
                let mut told = self.told.lock();
                for key in keys {
                    if let Value::BulkString(key) = key {
                        told.writes[slot(&key)] += 1;
                    }
                }
            }
            // Emptied, or something newer than we are: everything may have changed.
            (PushKind::Invalidate, _) => {
                let mut told = self.told.lock();
                told.writes.iter_mut().for_each(|writes| *writes += 1);
            }
            _ => {}
        }
    }

    fn end(&self, life: u64) {
        let mut told = self.told.lock();
        if told.life == life {
            told.life += 1;
            told.proof = None;
        }
    }

    /// Tells the reason once, however often it comes up.
    fn fail(&self, problem: &CacheError) {
        let reason = problem.message.clone();
        let mut told = self.told.lock();
        if told.problem.as_ref() != Some(&reason) {
            if is_refusal(problem) {
                tracing::warn!("answers are not kept in memory: {reason}");
            }
            told.problem = Some(reason);
        }
    }
}

/// The task that keeps the connection; it does not keep what it tells alive.
struct Listener(Weak<Tracking>);

impl Listener {
    /// Connects again and again, while somebody wants to know.
    async fn keep(self, client: &Client, prefixes: &[String]) {
        let mut pause = RETRY.0;
        loop {
            let began = Instant::now();
            let Some(problem) = self.connection(client, prefixes).await else {
                return;
            };
            if let Some(tracking) = self.0.upgrade() {
                tracking.fail(&problem);
            }
            pause = if is_refusal(&problem) {
                REFUSED
            } else if began.elapsed() > RETRY.1 {
                // One that lasted is not one more failure in a row.
                RETRY.0
            } else {
                (pause * 2).min(RETRY.1)
            };
            tokio::time::sleep(pause).await;
            if !self.is_wanted().await {
                return;
            }
        }
    }

    /// One connection until its end; `None` where nobody needs it any more.
    async fn connection(&self, client: &Client, prefixes: &[String]) -> Option<CacheError> {
        let life = self.0.upgrade()?.begin();
        let heard = self.0.clone();
        let opened = open_listening(client, LATE, move |push| {
            if let Some(tracking) = heard.upgrade() {
                tracking.hear(life, push);
            }
        });
        let mut connection = match opened.await {
            Ok(connection) => connection,
            Err(problem) => return Some(problem),
        };
        let mut ask = redis::cmd("CLIENT");
        ask.arg("TRACKING").arg("ON").arg("BCAST");
        for prefix in prefixes {
            ask.arg("PREFIX").arg(prefix);
        }
        loop {
            let start = Moment::now();
            // What comes before the answer on this connection was told before it; what was written before the question
            // comes before the answer.
            if let Err(error) = ask.query_async::<()>(&mut connection).await {
                self.0.upgrade()?.end(life);
                return Some(CacheError::read(&error, &address(client)));
            }
            if !self.0.upgrade()?.vouch(life, start) {
                let lost = format!("the connection to the cache at {} ended", address(client));
                return Some(CacheError::new(Problem::Lost, lost));
            }
            ask = redis::cmd("PING");
            tokio::time::sleep(PROVE).await;
            if !self.is_wanted().await {
                return None;
            }
        }
    }

    /// Waits until somebody wants to know; `false` where nobody ever will.
    async fn is_wanted(&self) -> bool {
        loop {
            let Some(tracking) = self.0.upgrade() else {
                return false;
            };
            if tracking.told.lock().asked.elapsed() < IDLE {
                return true;
            }
            let wanted = tracking.wanted.clone();
            drop(tracking);
            wanted.notified().await;
        }
    }
}

/// Whether the server is there and cannot do it, or this user may not.
fn is_refusal(problem: &CacheError) -> bool {
    matches!(
        problem.problem,
        Problem::Permission | Problem::NoCommand | Problem::Other
    )
}

fn slot(key: &[u8]) -> usize {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish() as usize % SLOTS
}
