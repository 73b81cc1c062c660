//! One walk over the keys of one server: SCAN, the questions about each key, and the rests that the pace asks for.
//!
//! One round trip a step: questions about the keys at hand and the SCAN for the next ones travel together. Keys that are
//! known to have changed go first, and answers are taken in in the order in which they were asked for, so that what is
//! kept of a key is never older than what was heard of it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::Utc;
use parking_lot::Mutex;
use redis::{Pipeline, Value};
use tokio::sync::{oneshot, watch};

use super::builder::Builder;
use super::bundle::{self, Told};
use super::feed::{Batch, Feed, News};
use super::pace::{Effort, FULL, USUAL, at_once};
use super::probe::Probe;
use super::questions::{Answered, Ask, Questions};
use super::{Connection, InspectError, Pace, ScanOptions};

/// What the walks of one scan share.
pub(super) struct Seen {
    /// The keys with their sums.
    pub(super) builder: Builder,
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
    /// Look for no more keys.
    pub(super) stopped: bool,
    /// How hard to work.
    pub(super) pace: Pace,
}

/// Changed keys that are asked for together once the scan has ended, and the least rest after them: at most 2,000 keys
/// a second, however many change.
const CHANGED: usize = 100;
const AFTER_CHANGED: Duration = Duration::from_millis(50);
/// After a connection was lost it is tried again so soon.
const RETRY: Duration = Duration::from_secs(2);

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

/// What one step asked, in this order: the second round about some keys, the first about others, scripts about others, a
/// SCAN; and what is known of others without being asked.
#[derive(Default)]
struct Step {
    second: Vec<Answered>,
    first: Vec<Vec<u8>>,
    bundled: Vec<Vec<u8>>,
    known: Vec<(Arc<[u8]>, News)>,
    scans: bool,
}

/// A step on its way.
struct Flight {
    step: Step,
    ask: Ask,
    request: Request,
    sent: Instant,
}

/// A walk over one server's keys.
pub(super) struct Walk {
    node: Connection,
    options: ScanOptions,
    seen: Arc<Mutex<Seen>>,
    feed: Arc<Feed>,
    /// Where SCAN goes on, `None` at the end.
    cursor: Option<Vec<u8>>,
    /// A SCAN is on its way.
    scans: bool,
    progress: Progress,
    /// Names that were not asked about yet.
    names: VecDeque<Vec<u8>>,
    /// What is to be asked before anything else.
    left: Left,
    effort: Effort,
}

/// What the answers of a step have left to be asked.
#[derive(Default)]
struct Left {
    /// Keys that the second round is to ask about.
    half: Vec<Answered>,
    /// Names that a script could not answer for.
    odd: Vec<Vec<u8>>,
}

impl Left {
    fn is_empty(&self) -> bool {
        self.half.is_empty() && self.odd.is_empty()
    }
}

type Request = futures::future::BoxFuture<'static, Result<Vec<Value>, InspectError>>;

impl Walk {
    pub(super) fn new(
        node: Connection,
        options: ScanOptions,
        seen: Arc<Mutex<Seen>>,
        feed: Arc<Feed>,
    ) -> Self {
        Self {
            node,
            options,
            seen,
            feed,
            cursor: Some(b"0".to_vec()),
            scans: false,
            progress: Progress::default(),
            names: VecDeque::new(),
            left: Left::default(),
            effort: Effort::default(),
        }
    }

    /// Walks to the end of the server's keys and says so; then follows their changes, where that is wanted.
    pub(super) async fn run(
        mut self,
        mut wishes: watch::Receiver<Wish>,
        ended: oneshot::Sender<Result<(), InspectError>>,
    ) {
        let result = self.scan(&mut wishes).await;
        if result.is_err() {
            // Changed keys that were on their way are not known.
            self.feed.mark_gap();
        }
        // Nobody hears it where the scan was stopped.
        drop(ended.send(result));
        if self.options.follow {
            self.cursor = None;
            self.names.clear();
            self.left = Left::default();
            self.follow(&mut wishes, |_| false).await;
        }
    }

    async fn scan(&mut self, wishes: &mut watch::Receiver<Wish>) -> Result<(), InspectError> {
        let probe = Probe::start(&self.node).await;
        let mut flights = VecDeque::new();
        loop {
            let mut wish = *wishes.borrow_and_update();
            if (wish.paused || wish.stopped) && flights.is_empty() {
                if !wish.stopped {
                    self.follow(wishes, |wish| !wish.paused || wish.stopped)
                        .await;
                    wish = *wishes.borrow_and_update();
                }
                if wish.stopped {
                    return Ok(());
                }
            }
            let at_once = if wish.paused || wish.stopped {
                0
            } else {
                at_once(wish.pace)
            };
            while flights.len() < at_once
                && let Some(flight) = self.step(wish.pace)
            {
                flights.push_back(flight);
            }
            let Some(Flight {
                step,
                ask,
                request,
                sent,
            }) = flights.pop_front()
            else {
                return Ok(());
            };
            let mut answers = request.await?;
            let took = sent.elapsed();
            if step.scans {
                self.scanned(answers.pop())?;
            }
            let usual = probe.as_ref().map_or(USUAL, Probe::usual);
            let slowed = probe.as_ref().is_some_and(Probe::slowed);
            let held = took.saturating_sub(usual);
            self.effort.adapt(wish.pace, held, usual, slowed);
            if let Some(rest) = self.effort.rest() {
                tokio::time::sleep(rest).await;
            }
            // What is on its way keeps the server at work while this is taken in.
            self.take(step, ask, answers, probe.as_ref().and_then(Probe::p99));
        }
    }

    /// Looks again at keys that have changed, until a wish ends it.
    async fn follow(&mut self, wishes: &mut watch::Receiver<Wish>, ends: impl Fn(&Wish) -> bool) {
        loop {
            tokio::select! {
                biased;
                changed = wishes.changed() => {
                    if changed.is_err() || ends(&wishes.borrow_and_update()) {
                        return;
                    }
                    continue;
                }
                () = self.feed.ready() => {}
            }
            let pace = wishes.borrow().pace;
            let (most, rest) = match pace {
                Pace::Gentle => (CHANGED, AFTER_CHANGED),
                Pace::Full => (FULL / 2, Duration::ZERO),
            };
            let sent = Instant::now();
            if self.look_again(most).await.is_err() {
                // What changed meanwhile may be told to nobody.
                self.feed.mark_gap();
                tokio::time::sleep(RETRY).await;
            }
            if pace == Pace::Gentle {
                tokio::time::sleep(sent.elapsed().clamp(rest, 10 * rest)).await;
            }
        }
    }

    /// Both rounds about some of the keys that have changed.
    async fn look_again(&mut self, most: usize) -> Result<(), InspectError> {
        let Batch { known, names } = self.feed.take(most);
        // What the scan has left for later stays where it is.
        let later = std::mem::take(&mut self.left);
        let mut step = self.about(names, known);
        let result = loop {
            let (ask, pipe) = self.asked(&step, None);
            match self.node.ask_here(&pipe).await {
                Ok(answers) => self.take(step, ask, answers, None),
                Err(error) => break Err(error),
            }
            if self.left.is_empty() {
                break Ok(());
            }
            step = self.about(Vec::new(), Vec::new());
        };
        self.left = later;
        result
    }

    /// A step about what was left, and about these names.
    fn about(&mut self, names: Vec<Vec<u8>>, known: Vec<(Arc<[u8]>, News)>) -> Step {
        let Left { half, odd } = std::mem::take(&mut self.left);
        let mut step = Step {
            second: half,
            first: odd,
            known,
            ..Step::default()
        };
        if names.len() >= bundle::FEWEST && self.seen.lock().questions.ask.bundles() {
            step.bundled = names;
        } else {
            step.first.extend(names);
        }
        step
    }

    /// The questions of a step, and how they are asked.
    fn asked(&self, step: &Step, scan: Option<(&[u8], usize)>) -> (Ask, Pipeline) {
        let ask = self.seen.lock().questions.ask;
        let mut pipe = Pipeline::with_capacity(step.second.len() + step.first.len() * 5 + 1);
        for key in &step.second {
            ask.second(&mut pipe, key);
        }
        for name in &step.first {
            ask.first(&mut pipe, name);
        }
        bundle::ask(&mut pipe, ask, &step.bundled);
        if let Some((cursor, count)) = scan {
            pipe.cmd("SCAN").arg(cursor).arg("COUNT").arg(count);
            if !self.options.pattern.is_empty() {
                pipe.arg("MATCH").arg(&self.options.pattern);
            }
            if !self.options.type_name.is_empty() {
                pipe.arg("TYPE").arg(&self.options.type_name);
            }
        }
        (ask, pipe)
    }

    /// Sends the scan's next step; `None` where there is nothing left to ask.
    fn step(&mut self, pace: Pace) -> Option<Flight> {
        let depth = self.effort.keys;
        // Changed keys are looked at on the way, and by themselves once the scan has ended, however many there are.
        let is_on = self.cursor.is_some() || !self.names.is_empty();
        let Batch { known, names } = if is_on && self.options.follow {
            self.feed.take(depth / 2)
        } else {
            Batch::default()
        };
        let mut names = names;
        let rest = depth.saturating_sub(names.len()).min(self.names.len());
        names.extend(self.names.drain(..rest));
        // A SCAN may give more names than it was asked for; then they are asked about before the next.
        let waits = self.scans || self.names.len() >= depth * at_once(pace);
        let cursor = self.cursor.clone().filter(|_| !waits);
        if cursor.is_none() && names.is_empty() && known.is_empty() && self.left.is_empty() {
            return None;
        }
        self.scans |= cursor.is_some();
        let step = Step {
            scans: cursor.is_some(),
            ..self.about(names, known)
        };
        let count = depth * at_once(pace);
        let (ask, pipe) = self.asked(&step, cursor.as_deref().map(|cursor| (cursor, count)));
        let node = self.node.clone();
        let request: Request = Box::pin(async move { node.ask_here(&pipe).await });
        let request = if pace == Pace::Gentle {
            request
        } else {
            // While the server works on the next step, this one is taken in.
            let task = tokio::spawn(request);
            Box::pin(async move {
                task.await
                    .map_err(|_| InspectError::Answer("SCAN".into()))?
            })
        };
        Some(Flight {
            step,
            ask,
            request,
            sent: Instant::now(),
        })
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
        self.scans = false;
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
        let Seen {
            builder, questions, ..
        } = &mut *seen;
        let mut whole = step.second;
        questions.completed(ask, &mut whole, &mut answers);
        for key in &whole {
            // Only of what is still there: it may have gone since the first round.
            let (name, elements, frequency) = key.counted();
            builder.count(name, elements, frequency);
        }
        for (name, news) in &step.known {
            match news {
                News::Gone => builder.remove(name),
                News::Expires(ttl) => builder.expire(name, *ttl, now),
                News::Changed => {}
            }
        }
        let (keys, gone) = questions.answered(ask, step.first, &mut answers, now);
        for name in &gone {
            builder.remove(name);
        }
        let now_asked = questions.ask;
        for key in keys {
            builder.put(key.key(), now);
            if now_asked.has_second(&key) {
                self.left.half.push(key);
            }
        }
        let ran = bundle::told(
            ask,
            &step.bundled,
            &mut answers,
            now,
            |name, told| match told {
                Told::Key(key) => {
                    builder.put(key, now);
                }
                Told::Gone => builder.remove(name),
                Told::Odd => self.left.odd.push(name.to_vec()),
            },
        );
        if !ran {
            questions.without_script();
        }
        seen.ping_p99 = seen.ping_p99.max(p99);
    }
}

/// What is shared by walks that have not begun.
pub(super) fn nothing_seen(questions: Questions) -> Arc<Mutex<Seen>> {
    Arc::new(Mutex::new(Seen {
        builder: Builder::new(),
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
}
