//! The window draws a frame only for what it shows, and the console comes back with its server.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use lookaside::app::command::{Command as Asked, View};
use lookaside::app::state::{Clock, Link, State};
use lookaside::app::tasks::Tasks;
use lookaside::app::views::{connect, console, keys};

use crate::servers::Redis;

/// The window without a screen: its tasks, its state, and how often it was woken.
struct Headless {
    runtime: tokio::runtime::Runtime,
    tasks: Option<Tasks>,
    state: State,
    woken: Arc<AtomicU64>,
}

impl Headless {
    fn open(redis: &Redis) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .unwrap();
        let woken = Arc::new(AtomicU64::new(0));
        let counted = woken.clone();
        let wake = Arc::new(move |_| {
            counted.fetch_add(1, Ordering::SeqCst);
        });
        let tasks = Tasks::new(runtime.handle().clone(), wake);
        let mut window = Self {
            runtime,
            tasks: Some(tasks),
            state: State::default(),
            woken,
        };
        window.perform(Asked::OpenRedis(redis.url()));
        window.until(|state| !matches!(cache(state), None | Some(Link::Trying)));
        window
    }

    fn perform(&mut self, command: Asked) {
        let tasks = self.tasks.as_mut().unwrap();
        tasks.perform(&mut self.state, command);
    }

    fn shows(&mut self, view: View) {
        self.state.view = view;
        let _ = self.tasks.as_ref().unwrap().shows(view);
    }

    fn woken(&self) -> u64 {
        self.woken.load(Ordering::SeqCst)
    }

    /// Takes in what tasks report until the state is so.
    fn until(&mut self, mut is_so: impl FnMut(&State) -> bool) {
        let start = Instant::now();
        loop {
            self.state.clock = Clock {
                now: Instant::now(),
                utc: chrono::Utc::now(),
            };
            self.tasks.as_mut().unwrap().poll(&mut self.state);
            if is_so(&self.state) {
                return;
            }
            assert!(start.elapsed() < Duration::from_secs(40), "it never was so");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Headless {
    fn drop(&mut self) {
        if let Some(tasks) = self.tasks.take() {
            let _entered = self.runtime.enter();
            drop(tasks);
        }
    }
}

/// How the cache of the open workspace is.
fn cache(state: &State) -> Option<&Link> {
    state.open.as_ref().map(|open| &open.cache)
}

#[test]
fn password_given_for_the_session_opens_the_connection() {
    let redis = Redis::start_with(&["--save", "", "--requirepass", "geheim"]);
    let mut window = Headless::open(&redis);
    assert!(matches!(cache(&window.state), Some(Link::Down(_))));
    let given = vec![(redis.url(), "geheim".to_owned())];
    assert!(!format!("{:?}", connect::Command::UsePasswords(given.clone())).contains("geheim"));
    window.perform(Asked::Connect(connect::Command::UsePasswords(given)));
    window.until(|state| matches!(cache(state), Some(Link::Up(_))));
}

fn listed(state: &State) -> usize {
    state
        .keys
        .explorer()
        .map_or(0, |explorer| explorer.view().rows.len())
}

fn set(redis: &Redis, from: u32, to: u32) {
    let script = format!("for i = {from}, {to} do redis.call('SET', 'k' .. i, i) end");
    redis.cli(&["EVAL", &script, "0"]);
}

#[test]
fn keys_that_change_wake_no_other_view() {
    let redis = Redis::start_with(&["--save", "", "--notify-keyspace-events", "KEA"]);
    set(&redis, 1, 100);
    let mut window = Headless::open(&redis);
    window.shows(View::Keys);
    window.state.keys.start();
    window.perform(Asked::Keys(keys::Command::Scan));
    window.until(|state| {
        let view = state.keys.explorer().map(|explorer| explorer.view());
        view.is_some_and(|view| view.rows.len() == 100 && view.state.live.hears.is_all())
    });
    for other in [
        View::Latency,
        View::Worker,
        View::Reports,
        View::Server,
        View::Console,
    ] {
        window.shows(other);
        let (before, keys) = (window.woken(), listed(&window.state) as u32);
        set(&redis, keys + 1, keys + 50);
        window.until(|state| listed(state) as u32 == keys + 50);
        assert_eq!(window.woken(), before, "{other:?}");
    }
    // Where the keys are shown, they are drawn.
    window.shows(View::Keys);
    let before = window.woken();
    set(&redis, 1_000, 1_010);
    let woken = window.woken.clone();
    window.until(|_| woken.load(Ordering::SeqCst) > before);
}

#[test]
fn console_works_again_after_its_server_was_away() {
    let mut redis = Redis::start();
    let mut window = Headless::open(&redis);
    window.shows(View::Console);
    redis.kill();
    window.perform(Asked::Console(console::Command::Open));
    window.until(|state| state.console.error().is_some());
    redis.restart();
    // Neither the line nor the view has to be asked for again.
    window.until(|state| state.console.session().is_some());
    assert!(window.state.console.error().is_none());
    // And one that was open survives the next time the server is away.
    let session = window.state.console.session().cloned().unwrap();
    let run = |line: &'static str| {
        let session = session.clone();
        window
            .runtime
            .block_on(async move { session.run(line).await })
    };
    assert_eq!(run("PING").text, "PONG");
    redis.kill();
    assert!(run("PING").is_error);
    redis.restart();
    assert_eq!(run("PING").text, "PONG");
    let unknown = run("FOO bar");
    assert!(
        !unknown.is_locked && unknown.text.contains("no such command"),
        "{}",
        unknown.text
    );
    let unknown = run("CONFIG FOO");
    assert!(
        !unknown.is_locked && unknown.text.contains("CONFIG FOO"),
        "{}",
        unknown.text
    );
    let write = run("SET a 1");
    assert!(write.is_locked, "{}", write.text);
}
