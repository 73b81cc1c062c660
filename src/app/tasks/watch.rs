//! What keeps the dots of the top bar and the badges of entries true while a workspace is open.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use crate::app::event::Event;
use crate::app::state::Link;
use crate::app::views::reports::{self, Wanted};
use crate::engine::Engine;

use super::Task;

/// How often entries are read when nothing happens: freshness also ends by time alone.
const ENTRIES: Duration = Duration::from_secs(2);
/// The shortest pause between two readings, so that a burst of changes is read once.
const PAUSE: Duration = Duration::from_millis(100);
/// How often connections are tried.
const LINKS: Duration = Duration::from_secs(5);

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
    wanted: watch::Receiver<Vec<Wanted>>,
    signal: Arc<Notify>,
) {
    loop {
        let entries = wanted.borrow().clone();
        let mut states = Vec::with_capacity(entries.len());
        for wanted in entries {
            let state = engine.state(&wanted.report, &wanted.params).await;
            states.push((wanted, state));
        }
        if !states.is_empty()
            && !task
                .send(Event::Reports(reports::Event::Entries(states)))
                .await
        {
            return;
        }
        tokio::time::sleep(PAUSE).await;
        tokio::select! {
            () = end.cancelled() => return,
            () = signal.notified() => {}
            () = tokio::time::sleep(ENTRIES) => {}
        }
    }
}

/// Tries the cache and each source, again and again, and says how they are.
pub(super) fn links(engine: &Arc<Engine>, task: &Task, end: &CancellationToken) {
    let cache = engine.cache().clone();
    let (own, stop) = (task.clone(), end.clone());
    tokio::spawn(async move {
        let try_cache = || async {
            match cache.ping().await {
                Ok(version) if version.is_empty() => Link::Up("Redis".to_owned()),
                Ok(version) => Link::Up(version),
                Err(error) => Link::Down(error.to_string()),
            }
        };
        repeat(&own, &stop, try_cache, Event::Cache, true).await;
    });
    for (name, source) in engine.sources() {
        let (own, stop, name, source) = (task.clone(), end.clone(), name.clone(), source.clone());
        tokio::spawn(async move {
            let try_source = || async {
                let check = source.check(&|_| {}).await;
                if check.ok {
                    return Link::Up(
                        check
                            .server_version
                            .unwrap_or_else(|| "connected".to_owned()),
                    );
                }
                let failed = check.steps.into_iter().find_map(|step| match step.result {
                    crate::source::CheckResult::Failed(why) => Some(why),
                    _ => None,
                });
                Link::Down(failed.unwrap_or_else(|| "the database does not answer".to_owned()))
            };
            // A database that answered is not asked again and again: reports will tell when it fails.
            repeat(
                &own,
                &stop,
                try_source,
                |link| Event::Source {
                    name: name.clone(),
                    link,
                },
                false,
            )
            .await;
        });
    }
}

async fn repeat<F: Future<Output = Link>>(
    task: &Task,
    end: &CancellationToken,
    attempt: impl Fn() -> F,
    event: impl Fn(Link) -> Event,
    always: bool,
) {
    let mut last = Link::Trying;
    loop {
        let link = tokio::select! {
            () = end.cancelled() => return,
            link = attempt() => link,
        };
        if link != last {
            last = link.clone();
            if !task.send(event(link)).await {
                return;
            }
        }
        if !always && matches!(last, Link::Up(_)) {
            return;
        }
        tokio::select! {
            () = end.cancelled() => return,
            () = tokio::time::sleep(LINKS) => {}
        }
    }
}
