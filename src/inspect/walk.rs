//! One walk over the keys of one server: SCAN, the questions about each key, and the rests that the pace asks for.
//!
//! One round trip a step: questions about the keys at hand and the SCAN for the next ones travel together.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::Utc;
use parking_lot::Mutex;
use redis::{Pipeline, Value};
use tokio::sync::watch;

use super::probe::Probe;
use super::questions::{Answered, Ask, Questions};
use super::store::Builder;
use super::{Connection, InspectError, Pace, ScanOptions, Totals};

/// What the walks of one scan share.
pub(super) struct Seen {
    /// The keys.
    pub(super) builder: Builder,
    /// Their sums.
    pub(super) totals: Totals,
    /// What is asked, and what could not be learned.
    pub(super) questions: Questions,
    /// The slowest 99th percentile of the PINGs beside the walks.
    pub(super) ping_p99: Option<Duration>,
}

/// What the user wants of a scan.
#[derive(Clone, Copy)]
pub(super) struct Wish {
    /// Wait.
    pub(super) paused: bool,
    /// How hard to work.
    pub(super) pace: Pace,
}

/// Keys whose questions travel together at full speed.
const FULL: usize = 2_000;
/// The same at the gentle pace: so few that the server is held for less than a usual answer takes, and more where it
/// turns out not to mind.
const GENTLE: std::ops::RangeInclusive<usize> = 20..=250;
/// A SCAN step of this many times as many keys holds the server about as long as their questions.
const SCAN_FACTOR: usize = 2;
/// The longest rest after a step.
const LONGEST_REST: Duration = Duration::from_millis(50);

/// How many keys travel together; grows and shrinks with what the probe measures.
struct Effort(usize);

impl Effort {
    fn adapt(&mut self, pace: Pace, slowed: bool) {
        self.0 = match pace {
            Pace::Full => FULL,
            Pace::Gentle => {
                let keys = if slowed {
                    self.0 / 2
                } else {
                    self.0 + self.0 / 8 + 1
                };
                keys.clamp(*GENTLE.start(), *GENTLE.end())
            }
        };
    }

    fn depth(&self) -> usize {
        self.0
    }

    fn count(&self) -> usize {
        if self.0 == FULL {
            FULL
        } else {
            self.0 * SCAN_FACTOR
        }
    }
}

/// Whether SCAN gets anywhere. The cursors of a server at work do not repeat, but for a few where its table is resized
/// meanwhile; those of one that lies may go round for ever.
#[derive(Default)]
struct Progress {
    steps: u64,
    /// A cursor that was met, renewed after twice as many steps each time.
    kept: Vec<u8>,
    met: u32,
}

impl Progress {
    /// Cursors met so often again go round.
    const ROUNDS: u32 = 100;
    /// More steps than the largest server needs, at ten of its buckets for each key asked for.
    const STEPS: u64 = 1 << 26;

    fn is_endless(&mut self, cursor: &[u8]) -> bool {
        self.steps += 1;
        self.met += u32::from(self.kept == cursor);
        if self.steps.is_power_of_two() {
            self.kept = cursor.to_vec();
        }
        self.met > Self::ROUNDS || self.steps > Self::STEPS
    }
}

/// What one step asked, in this order: the second round about some keys, the first about others, a SCAN.
#[derive(Default)]
struct Step {
    second: Vec<Answered>,
    first: Vec<Vec<u8>>,
    scans: bool,
}

struct Walk<'a> {
    node: &'a Connection,
    options: &'a ScanOptions,
    seen: &'a Mutex<Seen>,
    /// Where SCAN goes on, `None` at the end.
    cursor: Option<Vec<u8>>,
    progress: Progress,
    /// Names that were not asked about yet.
    names: VecDeque<Vec<u8>>,
    /// Keys that the second round is to ask about.
    half: Vec<Answered>,
    effort: Effort,
}

type Request = futures::future::BoxFuture<'static, Result<Vec<Value>, InspectError>>;

/// Walks to the end of a server's keys.
pub(super) async fn walk(
    node: &Connection,
    options: &ScanOptions,
    seen: &Mutex<Seen>,
    mut wishes: watch::Receiver<Wish>,
) -> Result<(), InspectError> {
    let probe = Probe::start(node).await;
    let pace = wishes.borrow().pace;
    let mut walk = Walk {
        node,
        options,
        seen,
        cursor: Some(b"0".to_vec()),
        progress: Progress::default(),
        names: VecDeque::new(),
        half: Vec::new(),
        effort: Effort(100),
    };
    let (mut step, mut ask, mut request) = walk.step(pace);
    loop {
        let sent = Instant::now();
        let mut answers = request.await?;
        let took = sent.elapsed();
        if step.scans {
            walk.scanned(answers.pop())?;
        }
        let pace = rest(&mut wishes, took).await;
        let slowed = probe.as_ref().is_some_and(Probe::slowed);
        walk.effort.adapt(pace, slowed);
        let next;
        let asked;
        (next, asked, request) = walk.step(pace);
        let is_last = next.second.is_empty() && next.first.is_empty() && !next.scans;
        walk.take(
            std::mem::replace(&mut step, next),
            std::mem::replace(&mut ask, asked),
            answers,
            probe.as_ref().and_then(Probe::p99),
        );
        if is_last && walk.half.is_empty() {
            return Ok(());
        }
    }
}

/// Rests as the pace asks and waits while paused; the pace to go on with.
async fn rest(wishes: &mut watch::Receiver<Wish>, took: Duration) -> Pace {
    let mut wish = *wishes.borrow_and_update();
    while wish.paused {
        if wishes.changed().await.is_err() {
            break;
        }
        wish = *wishes.borrow_and_update();
    }
    if wish.pace == Pace::Gentle {
        tokio::time::sleep(took.min(LONGEST_REST)).await;
    }
    wish.pace
}

impl Walk<'_> {
    /// Sends the next step.
    fn step(&mut self, pace: Pace) -> (Step, Ask, Request) {
        let ask = self.seen.lock().questions.ask;
        let depth = self.effort.depth();
        let second = std::mem::take(&mut self.half);
        let first: Vec<_> = self.names.drain(..depth.min(self.names.len())).collect();
        let mut pipe = Pipeline::with_capacity(second.len() + first.len() * 5 + 1);
        for key in &second {
            ask.second(&mut pipe, key);
        }
        for name in &first {
            ask.first(&mut pipe, name);
        }
        // A SCAN may give more names than it was asked for; then they are asked about before the next.
        let cursor = self.cursor.as_ref().filter(|_| self.names.len() < depth);
        if let Some(cursor) = cursor {
            pipe.cmd("SCAN")
                .arg(cursor)
                .arg("COUNT")
                .arg(self.effort.count());
            if !self.options.pattern.is_empty() {
                pipe.arg("MATCH").arg(&self.options.pattern);
            }
            if !self.options.type_name.is_empty() {
                pipe.arg("TYPE").arg(&self.options.type_name);
            }
        }
        let step = Step {
            second,
            first,
            scans: cursor.is_some(),
        };
        let node = self.node.clone();
        let request: Request = Box::pin(async move { node.ask_all(&pipe).await });
        if pace == Pace::Gentle {
            return (step, ask, request);
        }
        // While the server works on the next step, this one is taken in.
        let task = tokio::spawn(request);
        let request = async move {
            task.await
                .map_err(|_| InspectError::Answer("SCAN".into()))?
        };
        (step, ask, Box::pin(request))
    }

    /// Takes in where the scan goes on and the names that it has not met before.
    fn scanned(&mut self, answer: Option<Value>) -> Result<(), InspectError> {
        let unknown = || InspectError::Answer("SCAN".into());
        let parts = match answer {
            Some(Value::ServerError(error)) => {
                return Err(Connection::server_error(&error, "SCAN"));
            }
            Some(Value::Array(parts)) => parts,
            _ => return Err(unknown()),
        };
        let [cursor, names] = <[Value; 2]>::try_from(parts).map_err(|_| unknown())?;
        let cursor: Vec<u8> = redis::from_redis_value(cursor).map_err(|_| unknown())?;
        let names: Vec<Vec<u8>> = redis::from_redis_value(names).map_err(|_| unknown())?;
        self.cursor = (cursor != b"0").then_some(cursor);
        if let Some(cursor) = &self.cursor
            && self.progress.is_endless(cursor)
        {
            return Err(InspectError::Endless);
        }
        let seen = self.seen.lock();
        self.names.extend(
            names
                .into_iter()
                .filter(|name| !seen.builder.contains(name)),
        );
        Ok(())
    }

    /// Takes a step's answers in.
    fn take(&mut self, step: Step, ask: Ask, answers: Vec<Value>, p99: Option<Duration>) {
        let now = Utc::now().timestamp_millis();
        let mut answers = answers.into_iter();
        let mut seen = self.seen.lock();
        let mut whole = step.second;
        seen.questions.completed(ask, &mut whole, &mut answers);
        let keys = seen.questions.answered(ask, step.first, &mut answers, now);
        let ask = seen.questions.ask;
        let (half, done): (Vec<_>, Vec<_>) = keys.into_iter().partition(|key| ask.has_second(key));
        self.half = half;
        whole.extend(done);
        let Seen {
            builder, totals, ..
        } = &mut *seen;
        for key in &whole {
            let key = key.key();
            if builder.push(key) {
                totals.add(&key, now);
            }
        }
        seen.ping_p99 = seen.ping_p99.max(p99);
    }
}

/// What is shared by walks that have not begun.
pub(super) fn nothing_seen(questions: Questions) -> Arc<Mutex<Seen>> {
    Arc::new(Mutex::new(Seen {
        builder: Builder::new(),
        totals: Totals::default(),
        questions,
        ping_p99: None,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_that_go_round_are_told_from_those_that_get_on() {
        let mut progress = Progress::default();
        assert!(!(0..100_000_u32).any(|at| progress.is_endless(at.to_string().as_bytes())));
        for length in [1, 2, 7, 1_000] {
            let mut progress = Progress::default();
            let ends = (0..10_000_000_u32)
                .position(|at| progress.is_endless((at % length).to_string().as_bytes()));
            assert!(ends.is_some_and(|steps| steps < 1_000_000), "{length}");
        }
    }

    #[test]
    fn a_gentle_walk_shrinks_its_steps_while_others_wait_and_grows_them_back() {
        let mut effort = Effort(100);
        for _ in 0..10 {
            effort.adapt(Pace::Gentle, true);
        }
        assert_eq!((effort.depth(), effort.count()), (20, 40));
        for _ in 0..100 {
            effort.adapt(Pace::Gentle, false);
        }
        assert_eq!((effort.depth(), effort.count()), (250, 500));
        effort.adapt(Pace::Full, true);
        assert_eq!((effort.depth(), effort.count()), (FULL, FULL));
        effort.adapt(Pace::Gentle, false);
        assert_eq!(effort.depth(), 250);
    }
}
