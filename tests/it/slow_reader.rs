//! A reader that stops reading holds up nobody: not the fill, not the database's places, not other processes.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use lookaside::engine::{Mode, Outcome};
use lookaside::report::{EntryKey, Params, Refresh, Report};
use lookaside::source::Source;

use crate::fake::{Fake, cached, engine, report, request, until};
use crate::servers::Redis;

/// More rows than wait anywhere between a query and its reader without a buffer.
const MANY: usize = 300_000;

/// The fill lock of the report's entry.
fn lock(redis: &Redis, source: &Arc<Fake>, report: &Report) -> String {
    let key = EntryKey::new(source.identity(), report, &Params::default());
    let lock = redis.cli(&["KEYS", &format!("t:*:e:{}", key.hex())]);
    let header = lock.lines().next().unwrap_or_default();
    header.replace(":e:", ":l:")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stalled_reader_does_not_hold_up_the_fill() {
    let redis = Redis::start();
    let source = Fake::new();
    source.rows.store(MANY, Ordering::SeqCst);
    let (one, other) = (
        engine(&redis.url(), &source, false),
        engine(&redis.url(), &source, false),
    );
    let report = report(Refresh::Ttl);
    // It reads the first rows and no more.
    let mut stalled = one.ask(request(&report, Mode::Cached)).await.unwrap();
    let first = stalled.rows.next().await.unwrap().unwrap();
    let answer = cached(&other, &report).await;
    assert!(matches!(answer.outcome, Outcome::Hit | Outcome::Wait));
    assert_eq!(answer.ids().len(), MANY);
    assert_eq!(source.runs(), 1);
    assert_eq!(
        redis.cli(&["KEYS", "t:*:l:*"]).trim(),
        "",
        "the lock is given back"
    );
    // And it may go on whenever it likes.
    let mut rows = first.num_rows();
    while let Some(batch) = stalled.rows.next().await {
        rows += batch.unwrap().num_rows();
    }
    assert_eq!(rows, MANY);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stalled_reader_does_not_hold_up_who_joined() {
    let redis = Redis::start();
    let source = Fake::new();
    source.rows.store(MANY, Ordering::SeqCst);
    let engine = engine(&redis.url(), &source, true);
    let report = report(Refresh::Ttl);
    let stalled = engine.ask(request(&report, Mode::Cached)).await.unwrap();
    let answer = cached(&engine, &report).await;
    assert_eq!(answer.ids().len(), MANY);
    assert_eq!(source.runs(), 1);
    drop(stalled);
}

/// A query without the cache ends too: its rows wait for their reader, the database does not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stalled_uncached_reader_holds_no_query() {
    let redis = Redis::start();
    let source = Fake::new();
    source.rows.store(MANY, Ordering::SeqCst);
    let engine = engine(&redis.url(), &source, false);
    let report = report(Refresh::Ttl);
    let mut stalled = engine.ask(request(&report, Mode::Uncached)).await.unwrap();
    until("the query has ended", async || {
        stalled.event.get().is_some()
    })
    .await;
    assert_eq!(stalled.event.get().unwrap().rows, MANY as u64);
    let mut rows = 0;
    while let Some(batch) = stalled.rows.next().await {
        rows += batch.unwrap().num_rows();
    }
    assert_eq!(rows, MANY);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reader_that_leaves_ends_the_query_and_frees_the_lock() {
    let redis = Redis::start();
    let source = Fake::new();
    source.rows.store(MANY, Ordering::SeqCst);
    let engine = engine(&redis.url(), &source, false);
    let report = report(Refresh::Ttl);
    let answer = engine.ask(request(&report, Mode::Cached)).await.unwrap();
    drop(answer);
    engine.settle(Duration::from_secs(30)).await;
    assert_eq!(redis.cli(&["KEYS", "t:*:l:*"]).trim(), "");
}

/// A lock without an end, or with a far one, was left by no fill.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lock_that_no_fill_left_is_taken_over() {
    for end in [None, Some("3600000")] {
        let redis = Redis::start();
        let source = Fake::new();
        let engine = engine(&redis.url(), &source, false);
        let report = report(Refresh::Ttl);
        cached(&engine, &report).await;
        let lock = lock(&redis, &source, &report);
        let header = lock.replace(":l:", ":e:");
        redis.cli(&["DEL", &header]);
        match end {
            None => redis.cli(&["SET", &lock, "somebody"]),
            Some(end) => redis.cli(&["SET", &lock, "somebody", "PX", end]),
        };
        let answer = cached(&engine, &report).await;
        assert_eq!(
            (answer.outcome, source.runs()),
            (Outcome::Miss, 2),
            "{end:?}"
        );
        assert_eq!(
            redis.cli(&["EXISTS", &lock, &header]).trim(),
            "1",
            "{end:?}"
        );
    }
}

/// Somebody renews the lock and never ends: the query is run after the time that a fill may take.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lock_that_is_renewed_for_ever_is_not_waited_for() {
    let redis = Redis::start();
    let source = Fake::new();
    let engine = engine(&redis.url(), &source, false);
    let report = Arc::new(Report {
        timeout: Some(Duration::from_millis(500)),
        ..Report::clone(&report(Refresh::Ttl))
    });
    cached(&engine, &report).await;
    let lock = lock(&redis, &source, &report);
    let header = lock.replace(":l:", ":e:");
    redis.cli(&["DEL", &header]);
    redis.cli(&["SET", &lock, "somebody", "PX", "4000"]);
    let renewing = async {
        loop {
            redis.cli(&["PEXPIRE", &lock, "4000"]);
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    };
    let answer = tokio::select! {
        answer = cached(&engine, &report) => answer,
        () = renewing => unreachable!("it never ends"),
    };
    assert_eq!((answer.outcome, source.runs()), (Outcome::Miss, 2));
}
