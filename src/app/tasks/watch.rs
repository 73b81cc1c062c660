//! What keeps the dots of the top bar and the badges of entries true while a workspace is open.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use crate::app::event::Event;
use crate::app::state::Link;
use crate::app::views::reports::{self, Wanted};
use crate::engine::{Engine, EntryState};
use crate::source::{CheckResult, Source};

use super::Task;

/// How often entries are read when nothing happens: freshness also ends by time alone.
const ENTRIES: Duration = Duration::from_secs(2);
/// The shortest pause between two readings, so that a burst of changes is read once.
const PAUSE: Duration = Duration::from_millis(100);
/// The shortest pause between two tries of a connection.
const SOON: Duration = Duration::from_secs(5);
/// The pause between two tries of a database that answers.
const USUAL: Duration = Duration::from_mins(1);

/// The reader of entry states.
pub(super) struct Entries {
    wanted: watch::Sender<Vec<Wanted>>,
    signal: Arc<Notify>,
}

impl Entries {
    pub(super) fn start(engine: Arc<Engine>, task: Task, end: CancellationToken) -> Self {
        let (wanted, watched) = watch::channel(Vec::new());
        let signal = Arc::new(Notify::new());
        tokio::spawn(read(engine, task, end, watched, signal.clone()));
        Self { wanted, signal }
    }

    /// Notify it to read again, soon.
    pub(super) fn signal(&self) -> Arc<Notify> {
        self.signal.clone()
    }

    /// Says which entries are shown.
    pub(super) fn want(&self, wanted: Vec<Wanted>) {
        let changed = self.wanted.send_if_modified(|old| {
            let same = old.len() == wanted.len()
                && old.iter().zip(&wanted).all(|(old, new)| {
                    old.params == new.params
                        && old.selected == new.selected
                        && *old.report == *new.report
                });
            if !same {
                *old = wanted;
            }
            !same
        });
        if changed {
            self.signal.notify_one();
        }
    }
}

async fn read(
    engine: Arc<Engine>,
    task: Task,
    end: CancellationToken,
    mut wanted: watch::Receiver<Vec<Wanted>>,
    signal: Arc<Notify>,
) {
    // As they were told last: what is as it was then draws no frame.
    let mut told: Vec<(EntryState, Instant)> = Vec::new();
    loop {
        let entries = {
            if wanted.has_changed().unwrap_or_default() {
                told.clear();
            }
            wanted.borrow_and_update().clone()
        };
        let mut states = Vec::with_capacity(entries.len());
        for wanted in entries {
            let state = engine.state(&wanted.report, &wanted.params).await;
            states.push((wanted, state));
        }
        let now = Instant::now();
        let is_known = told.len() == states.len()
            && told.iter().zip(&states).all(|((told, at), (_, state))| {
                is_as_it_was(told, now.saturating_duration_since(*at), state)
            });
        if !is_known {
            told = states
                .iter()
                .map(|(_, state)| (state.clone(), now))
                .collect();
            let event = Event::Reports(reports::Event::Entries(states));
            if !task.send(event).await {
                return;
            }
        }
        tokio::time::sleep(PAUSE).await;
        tokio::select! {
            () = end.cancelled() => return,
            () = signal.notified() => {}
            () = tokio::time::sleep(ENTRIES) => {}
        }
    }
}

/// Whether an entry is as it was `since` then, but for the time that has passed: that is counted without being told.
fn is_as_it_was(before: &EntryState, since: Duration, now: &EntryState) -> bool {
    const ROUNDED: Duration = Duration::from_millis(500);
    let near = |a: Option<Duration>, b: Option<Duration>| match (a, b) {
        (Some(a), Some(b)) => a.abs_diff(b) < ROUNDED,
        (a, b) => a == b,
    };
    let expected = EntryState {
        age: now.age,
        ttl: now.ttl,
        ..before.clone()
    };
    expected == *now
        && near(before.age.map(|age| age + since), now.age)
        && near(before.ttl.map(|ttl| ttl.saturating_sub(since)), now.ttl)
}

/// The connections that are watched, and the way to doubt them.
pub(super) struct Links {
    sources: BTreeMap<String, Arc<Notify>>,
}

impl Links {
    /// Tries the cache and each source, again and again, and says how they are.
    pub(super) fn start(engine: &Arc<Engine>, task: &Task, end: &CancellationToken) -> Self {
        let cache = engine.cache().clone();
        let watched = Watched::new(task, end, cache_pause);
        tokio::spawn(async move {
            let try_cache = || async {
                match cache.ping().await {
                    Ok(version) if version.is_empty() => Link::Up("Redis".to_owned()),
                    Ok(version) => Link::Up(version),
                    Err(error) => Link::Down(error.to_string()),
                }
            };
            watched.repeat(try_cache, Event::Cache).await;
        });
        let mut sources = BTreeMap::new();
        for (name, source) in engine.sources() {
            let watched = Watched::new(task, end, source_pause);
            sources.insert(name.clone(), watched.doubt.clone());
            let (name, source) = (name.clone(), source.clone());
            tokio::spawn(async move {
                let event = |link| Event::Source {
                    name: name.clone(),
                    link,
                };
                watched.repeat(|| try_source(source.as_ref()), event).await;
            });
        }
        Self { sources }
    }

    /// A query of this source failed: it is tried soon, and not only when its turn comes.
    pub(super) fn doubt(&self, source: &str) {
        if let Some(doubt) = self.sources.get(source) {
            doubt.notify_one();
        }
    }
}

async fn try_source(source: &dyn Source) -> Link {
    let check = source.check(&|_| {}).await;
    if check.ok {
        let version = check.server_version;
        return Link::Up(version.unwrap_or_else(|| "connected".to_owned()));
    }
    let failed = check.steps.into_iter().find_map(|step| match step.result {
        CheckResult::Failed(why) => Some(why),
        _ => None,
    });
    Link::Down(failed.unwrap_or_else(|| "the database does not answer".to_owned()))
}

/// How long a connection rests after it was found so, and after how many failures in a row.
type Pause = fn(&Link, u32) -> Duration;

/// A PING costs nothing.
fn cache_pause(_: &Link, _: u32) -> Duration {
    SOON
}

/// A sign-in costs a database something: one that works is tried once a minute, one that fails ever more rarely.
fn source_pause(link: &Link, failures: u32) -> Duration {
    match link {
        Link::Down(_) => SOON * 2_u32.saturating_pow(failures.saturating_sub(1)).min(6),
        Link::Up(_) | Link::Trying => USUAL,
    }
}

struct Watched {
    task: Task,
    end: CancellationToken,
    doubt: Arc<Notify>,
    pause: Pause,
    shortest: Duration,
}

impl Watched {
    fn new(task: &Task, end: &CancellationToken, pause: Pause) -> Self {
        Self {
            task: task.clone(),
            end: end.clone(),
            doubt: Arc::default(),
            pause,
            shortest: SOON,
        }
    }

    async fn repeat<F: Future<Output = Link>>(
        &self,
        attempt: impl Fn() -> F,
        event: impl Fn(Link) -> Event,
    ) {
        let mut last = Link::Trying;
        let mut failures = 0;
        loop {
            let link = tokio::select! {
                () = self.end.cancelled() => return,
                link = attempt() => link,
            };
            failures = match link {
                Link::Down(_) => failures + 1,
                _ => 0,
            };
            if link != last {
                last = link.clone();
                if !self.task.send(event(link)).await {
                    return;
                }
            }
            let pause = (self.pause)(&last, failures);
            let rest = async {
                // However many queries fail, a database is not tried more often than this.
                tokio::time::sleep(self.shortest).await;
                tokio::select! {
                    () = self.doubt.notified() => {}
                    () = tokio::time::sleep(pause.saturating_sub(self.shortest)) => {}
                }
            };
            tokio::select! {
                () = self.end.cancelled() => return,
                () = rest => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn a_database_that_fails_is_tried_more_rarely_and_never_forgotten() {
        let down = Link::Down("refused".into());
        let pauses: Vec<u64> = (1..7)
            .map(|failures| source_pause(&down, failures).as_secs())
            .collect();
        assert_eq!(pauses, [5, 10, 20, 30, 30, 30]);
        assert_eq!(source_pause(&Link::Up("x".into()), 0).as_secs(), 60);
        assert_eq!(cache_pause(&down, 9).as_secs(), 5);
    }

    #[tokio::test]
    async fn a_connection_that_answered_is_tried_again_where_it_is_doubted_or_fails() {
        let (sender, mut events) = tokio::sync::mpsc::channel(16);
        let watched = Watched {
            shortest: Duration::from_millis(1),
            // One that answers rests for longer than this test: only a doubt brings the second try.
            pause: |link, _| match link {
                Link::Down(_) => Duration::ZERO,
                _ => Duration::from_hours(1),
            },
            ..Watched::new(
                &Task::for_test(sender),
                &CancellationToken::new(),
                cache_pause,
            )
        };
        let (doubt, end) = (watched.doubt.clone(), watched.end.clone());
        let tries = AtomicU32::new(0);
        let attempt = || async {
            match tries.fetch_add(1, Ordering::Relaxed) {
                0 => Link::Up("one".into()),
                1 => Link::Down("gone".into()),
                _ => Link::Up("two".into()),
            }
        };
        let said = async {
            let mut said = Vec::new();
            while let Some(Event::Cache(link)) = events.recv().await {
                if said.is_empty() {
                    doubt.notify_one();
                }
                said.push(link);
                if said.len() == 3 {
                    break;
                }
            }
            end.cancel();
            said
        };
        let (said, ()) = tokio::join!(said, watched.repeat(attempt, Event::Cache));
        let expected = [
            Link::Up("one".into()),
            Link::Down("gone".into()),
            Link::Up("two".into()),
        ];
        assert_eq!(said, expected);
    }
}
