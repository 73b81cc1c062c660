//! Which keys there are: a background SCAN of the whole keyspace that can be paused, slowed, resumed and cancelled.
//!
//! One round trip a batch: the details of the keys at hand and the SCAN for the next ones travel together.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::Utc;
use redis::{Pipeline, ServerErrorKind, Value};
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::store::Builder;
use super::{Connection, InspectError, Key, Keys, Kind, Totals, Ttl};

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
    /// Where it stands.
    pub phase: Phase,
    /// How many keys the server says it has.
    pub about: u64,
    /// Time at work, pauses left out.
    pub elapsed: Duration,
    /// The 99th percentile of a PING beside the scan: what other clients feel. `None` before there are enough.
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
}

/// A running scan; dropping it ends it.
pub struct Scan {
    state: watch::Receiver<Arc<ScanState>>,
    wish: watch::Sender<Wish>,
    cancel: CancellationToken,
    _end: DropGuard,
}

#[derive(Clone, Copy)]
struct Wish {
    paused: bool,
    pace: Pace,
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

const PUBLISH_EVERY: Duration = Duration::from_millis(100);
const FULL_BATCH: usize = 2_000;
const GENTLE_BATCHES: std::ops::RangeInclusive<usize> = 100..=1_000;
/// MEMORY USAGE looks at this many elements of a collection and extrapolates: bounded work on the server.
const SAMPLES: usize = 5;

/// The questions asked of each key, in this order. One that the account may not ask is dropped and noted.
const QUESTIONS: [&str; 5] = [
    "TYPE",
    "PTTL",
    "OBJECT ENCODING",
    "OBJECT IDLETIME",
    "MEMORY USAGE",
];

struct Run {
    connection: Connection,
    options: ScanOptions,
    builder: Builder,
    state: ScanState,
    asked: [bool; QUESTIONS.len()],
    batch: usize,
    worked: Duration,
    since: Instant,
}

async fn run(
    connection: Connection,
    options: ScanOptions,
    mut wishes: watch::Receiver<Wish>,
    cancel: CancellationToken,
    publish: watch::Sender<Arc<ScanState>>,
) {
    let mut run = Run {
        connection,
        builder: Builder::new(),
        state: ScanState {
            pace: options.pace,
            ..ScanState::default()
        },
        asked: [true; QUESTIONS.len()],
        batch: 100,
        worked: Duration::ZERO,
        since: Instant::now(),
        options,
    };
    let phase = tokio::select! {
        () = cancel.cancelled() => Phase::Cancelled,
        result = run.scan(&mut wishes, &publish) => match result {
            Ok(()) => Phase::Complete,
            Err(error) => Phase::Failed(error),
        },
    };
    run.publish(phase, &publish);
}

impl Run {
    async fn scan(
        &mut self,
        wishes: &mut watch::Receiver<Wish>,
        publish: &watch::Sender<Arc<ScanState>>,
    ) -> Result<(), InspectError> {
        self.count().await?;
        let probe = Probe::start(&self.connection).await;
        let mut published: Option<Instant> = None;
        let mut names: Vec<Vec<u8>> = Vec::new();
        let mut cursor = Some(b"0".to_vec());
        let mut asked = self.asked;
        let mut request = self.send(&names, cursor.as_deref());
        loop {
            let sent = Instant::now();
            let mut answers = request.await?;
            let took = sent.elapsed();
            let mut next_names = Vec::new();
            if cursor.is_some() {
                (cursor, next_names) = self.scanned(answers.pop())?;
            }
            self.wait(wishes, publish, took, probe.as_ref()).await;
            let ended = cursor.is_none() && next_names.is_empty();
            let answered = std::mem::replace(&mut asked, self.asked);
            request = self.send(&next_names, cursor.as_deref());
            if self.state.pace == Pace::Full && !ended {
                // While the server works on the next batch, this one is taken in.
                let task = tokio::spawn(request);
                request = Box::pin(async move {
                    task.await
                        .map_err(|_| InspectError::Answer("SCAN".into()))?
                });
            }
            self.take(
                &std::mem::replace(&mut names, next_names),
                answers,
                answered,
            );
            self.state.ping_p99 = probe.as_ref().and_then(Probe::p99);
            if published.is_none_or(|at| at.elapsed() >= PUBLISH_EVERY) && self.builder.len() > 0 {
                self.publish(Phase::Running, publish);
                published = Some(Instant::now());
            }
            if ended {
                break;
            }
        }
        self.count().await
    }

    async fn count(&mut self) -> Result<(), InspectError> {
        match self.connection.ask::<u64>(&redis::cmd("DBSIZE")).await {
            Ok(keys) => self.state.about = keys,
            Err(InspectError::Denied { .. }) => {
                self.note("How many keys there are is not known: the account may not run DBSIZE.");
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Rests as the pace asks and waits while paused.
    async fn wait(
        &mut self,
        wishes: &mut watch::Receiver<Wish>,
        publish: &watch::Sender<Arc<ScanState>>,
        took: Duration,
        probe: Option<&Probe>,
    ) {
        let mut wish = *wishes.borrow_and_update();
        while wish.paused {
            self.worked += self.since.elapsed();
            self.since = Instant::now();
            self.publish(Phase::Paused, publish);
            if wishes.changed().await.is_err() {
                return;
            }
            self.since = Instant::now();
            wish = *wishes.borrow_and_update();
        }
        self.state.pace = wish.pace;
        if wish.pace == Pace::Full {
            self.batch = FULL_BATCH;
            return;
        }
        let slowed = probe.is_some_and(Probe::slowed);
        let batch = if slowed {
            self.batch / 2
        } else {
            self.batch + self.batch / 4
        };
        self.batch = batch.clamp(*GENTLE_BATCHES.start(), *GENTLE_BATCHES.end());
        tokio::time::sleep(took.min(Duration::from_millis(50))).await;
    }

    /// One round trip: every question about `names`, and the SCAN at `cursor` where there is more.
    fn send(&self, names: &[Vec<u8>], cursor: Option<&[u8]>) -> Request {
        let mut pipe = Pipeline::with_capacity(names.len() * QUESTIONS.len() + 1);
        for name in names {
            for (question, _) in QUESTIONS.iter().zip(self.asked).filter(|(_, asked)| *asked) {
                let mut words = question.split(' ');
                pipe.cmd(words.next().unwrap_or_default());
                for word in words {
                    pipe.arg(word);
                }
                pipe.arg(name);
                if *question == "MEMORY USAGE" {
                    pipe.arg("SAMPLES").arg(SAMPLES);
                }
            }
        }
        if let Some(cursor) = cursor {
            pipe.cmd("SCAN").arg(cursor).arg("COUNT").arg(self.batch);
            if !self.options.pattern.is_empty() {
                pipe.arg("MATCH").arg(&self.options.pattern);
            }
            if !self.options.type_name.is_empty() {
                pipe.arg("TYPE").arg(&self.options.type_name);
            }
        }
        let connection = self.connection.clone();
        Box::pin(async move { connection.ask_all(&pipe).await })
    }

    /// Where the scan goes on and the names it has not met before.
    fn scanned(&self, answer: Option<Value>) -> Result<Found, InspectError> {
        let unknown = || InspectError::Answer("SCAN".into());
        match answer {
            Some(Value::ServerError(error)) => Err(Connection::server_error(&error, "SCAN")),
            Some(Value::Array(parts)) => {
                let [cursor, names] = <[Value; 2]>::try_from(parts).map_err(|_| unknown())?;
                let cursor: Vec<u8> = redis::from_redis_value(cursor).map_err(|_| unknown())?;
                let mut names: Vec<Vec<u8>> =
                    redis::from_redis_value(names).map_err(|_| unknown())?;
                names.retain(|name| !self.builder.contains(name));
                Ok(((cursor != b"0").then_some(cursor), names))
            }
            _ => Err(unknown()),
        }
    }

    /// Takes a batch's answers in.
    fn take(&mut self, names: &[Vec<u8>], answers: Vec<Value>, asked: [bool; QUESTIONS.len()]) {
        let now = Utc::now().timestamp_millis();
        let mut answers = answers.into_iter();
        for name in names {
            let mut answer: [Option<Value>; QUESTIONS.len()] = Default::default();
            for (slot, _) in answer.iter_mut().zip(asked).filter(|(_, asked)| *asked) {
                *slot = answers.next();
            }
            let [kind, ttl, encoding, idle, bytes] = answer;
            let type_name = match kind {
                Some(Value::SimpleString(name)) => name,
                Some(Value::ServerError(error)) => {
                    self.refused(0, &error);
                    "unknown".into()
                }
                _ => "unknown".into(),
            };
            let ttl = self.number(1, ttl);
            if type_name == "none" || ttl == Some(-2) {
                // It expired or was deleted between SCAN and TYPE.
                continue;
            }
            let encoding = match encoding {
                Some(Value::BulkString(name)) => String::from_utf8_lossy(&name).into_owned(),
                Some(Value::SimpleString(name)) => name,
                Some(Value::ServerError(error)) => {
                    self.refused(2, &error);
                    String::new()
                }
                _ => String::new(),
            };
            let idle = self.number(3, idle);
            let bytes = self.number(4, bytes);
            let key = Key {
                name,
                kind: Kind::from_type(&type_name),
                type_name: &type_name,
                ttl: match ttl {
                    Some(ttl) if ttl >= 0 => Ttl::At(now.saturating_add(ttl)),
                    Some(_) => Ttl::Never,
                    None => Ttl::Unknown,
                },
                bytes: bytes.map(i64::cast_unsigned),
                encoding: &encoding,
                idle: idle.map(|seconds| u32::try_from(seconds).unwrap_or(u32::MAX - 1)),
            };
            if self.builder.push(key) {
                self.state.totals.add(&key, now);
            }
        }
    }

    fn number(&mut self, question: usize, answer: Option<Value>) -> Option<i64> {
        match answer {
            Some(Value::Int(number)) => Some(number),
            Some(Value::ServerError(error)) => {
                self.refused(question, &error);
                None
            }
            _ => None,
        }
    }

    /// A question that the server refuses in principle is not asked again.
    fn refused(&mut self, question: usize, error: &redis::ServerError) {
        if !self.asked[question] {
            return;
        }
        let name = QUESTIONS[question];
        let what = ["Types", "TTLs", "Encodings", "Idle times", "Bytes"][question];
        if error.kind() == Some(ServerErrorKind::NoPerm) {
            self.note(&format!(
                "{what} are not known: the account may not run {name}; allow it with ACL SETUSER ... +{}.",
                name.to_lowercase().replace(' ', "|")
            ));
        } else if name == "OBJECT IDLETIME"
            && error.details().is_some_and(|words| words.contains("LFU"))
        {
            self.note("Idle times are not known: this server counts how often keys are used instead (an LFU policy).");
        } else if error
            .details()
            .is_some_and(|words| words.contains("unknown command"))
        {
            self.note(&format!("{what} are not known: this server has no {name}."));
        } else {
            return;
        }
        self.asked[question] = false;
    }

    fn note(&mut self, note: &str) {
        if !self.state.notes.iter().any(|known| known == note) {
            self.state.notes.push(note.to_owned());
        }
    }

    fn publish(&mut self, phase: Phase, publish: &watch::Sender<Arc<ScanState>>) {
        self.state.elapsed = self.worked
            + if matches!(phase, Phase::Paused) {
                Duration::ZERO
            } else {
                self.since.elapsed()
            };
        self.state.phase = phase;
        self.state.keys = self.builder.snapshot();
        publish.send_replace(Arc::new(self.state.clone()));
    }
}

/// Where SCAN goes on, `None` at the end, and names that were not met before.
type Found = (Option<Vec<u8>>, Vec<Vec<u8>>);

type Request = futures::future::BoxFuture<'static, Result<Vec<Value>, InspectError>>;

/// PINGs on a connection of its own: what other clients feel while the scan runs.
struct Probe {
    times: Arc<parking_lot::Mutex<Times>>,
    _end: DropGuard,
}

struct Times {
    all: hdrhistogram::Histogram<u64>,
    usual: u64,
    recent: u64,
}

impl Probe {
    /// Measures the usual answer time, then keeps measuring until dropped. `None` where a second connection is refused.
    async fn start(connection: &Connection) -> Option<Self> {
        let connection = connection.another().await.ok()?;
        let mut quiet = Vec::new();
        for _ in 0..9 {
            quiet.push(ping(&connection).await?);
        }
        quiet.sort_unstable();
        let all = hdrhistogram::Histogram::new(3).ok()?;
        let times = Arc::new(parking_lot::Mutex::new(Times {
            all,
            usual: quiet[quiet.len() / 2],
            recent: 0,
        }));
        let cancel = CancellationToken::new();
        let (shared, ended) = (times.clone(), cancel.clone());
        tokio::spawn(ended.run_until_cancelled_owned(async move {
            while let Some(micros) = ping(&connection).await {
                {
                    let mut times = shared.lock();
                    times.all.saturating_record(micros);
                    times.recent = u64::midpoint(times.recent, micros);
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }));
        Some(Self {
            times,
            _end: cancel.drop_guard(),
        })
    }

    fn p99(&self) -> Option<Duration> {
        let times = self.times.lock();
        (times.all.len() >= 10).then(|| Duration::from_micros(times.all.value_at_quantile(0.99)))
    }

    /// Whether answers now take clearly longer than before the scan.
    fn slowed(&self) -> bool {
        let times = self.times.lock();
        times.recent > times.usual * 2 + 200
    }
}

async fn ping(connection: &Connection) -> Option<u64> {
    let begun = Instant::now();
    connection.ask::<Value>(&redis::cmd("PING")).await.ok()?;
    Some(begun.elapsed().as_micros() as u64)
}
