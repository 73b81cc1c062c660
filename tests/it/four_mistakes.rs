//! Four mistakes that caches in front of databases made, each as a test against the real engine and a real Redis.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use lookaside::engine::{Engine, EngineError, Freshness, Mode, Outcome};
use lookaside::report::{Params, Refresh, Report};
use lookaside::source::SourceError;

use crate::fake::{Fake, ask, cached, engine, read, report, request, until};
use crate::servers::Redis;

fn with(change: impl FnOnce(&mut Report)) -> Arc<Report> {
    let mut changed = Report::clone(&report(Refresh::Ttl));
    change(&mut changed);
    Arc::new(changed)
}

fn fails() -> SourceError {
    SourceError::Timeout(Duration::from_secs(3))
}

async fn state(engine: &Engine, report: &Report) -> Freshness {
    engine.state(report, &Params::default()).await.state
}

/// Whoever claims the refresh of an old entry must not make it look young to the others.
#[tokio::test]
async fn a_claim_does_not_mark_old_data_fresh() {
    let redis = Redis::start();
    let source = Fake::new();
    let (claimer, other) = (
        engine(&redis.url(), &source, true),
        engine(&redis.url(), &source, true),
    );
    let report = with(|report| report.ttl = Duration::ZERO);
    cached(&claimer, &report).await;
    source.version.store(2, Ordering::SeqCst);
    source.held.store(true, Ordering::SeqCst);
    assert_eq!(cached(&claimer, &report).await.outcome, Outcome::StaleHit);
    until("the refresh is claimed and runs", async || {
        source.runs() == 2
    })
    .await;
    assert!(redis.cli(&["KEYS", "*"]).contains(":l:"), "the claim");
    for engine in [&claimer, &other] {
        assert_eq!(state(engine, &report).await, Freshness::Stale);
        let answer = cached(engine, &report).await;
        assert_eq!(
            (answer.outcome, answer.version()),
            (Outcome::StaleHit, 1),
            "old, and marked so"
        );
    }
    assert_eq!(source.runs(), 2, "the claim holds the others off");
    source.held.store(false, Ordering::SeqCst);
    source.open();
    until("the new rows are there", async || {
        cached(&other, &report).await.version() == 2
    })
    .await;
}

/// A refresh that failed gives its lock back: the next one need not wait for its end.
#[tokio::test]
async fn a_failed_refresh_does_not_keep_its_lease() {
    let redis = Redis::start();
    let source = Fake::new();
    let (one, other) = (
        engine(&redis.url(), &source, false),
        engine(&redis.url(), &source, false),
    );
    let report = with(|report| report.ttl = Duration::ZERO);
    cached(&one, &report).await;
    *source.failure.lock() = Some(fails());
    assert_eq!(cached(&one, &report).await.outcome, Outcome::StaleHit);
    assert_eq!(source.runs(), 2, "it was tried");
    assert!(
        !redis.cli(&["KEYS", "*"]).contains(":l:"),
        "no lock is left"
    );
    *source.failure.lock() = None;
    source.version.store(2, Ordering::SeqCst);
    let answer = cached(&other, &report).await;
    assert_eq!((answer.outcome, answer.version()), (Outcome::Miss, 2));
}

/// However long the database fails or is busy: past its bound an old answer is not served.
#[tokio::test]
async fn stale_serving_has_a_bound() {
    let redis = Redis::start();
    let source = Fake::new();
    let engine = engine(&redis.url(), &source, true);
    let report = with(|report| {
        report.ttl = Duration::ZERO;
        report.stale_for = Duration::from_millis(300);
    });
    cached(&engine, &report).await;
    *source.failure.lock() = Some(fails());
    // Each failed refresh keeps the old answer, and none may make its bound longer.
    until("the bound has passed", async || {
        match ask(&engine, &report, Mode::Cached).await {
            Ok(answer) => {
                assert_eq!(answer.outcome, Outcome::StaleHit);
                false
            }
            Err(error) => matches!(error, EngineError::Source(SourceError::Timeout(_))),
        }
    })
    .await;
    assert_eq!(state(&engine, &report).await, Freshness::Missing);
    assert!(ask(&engine, &report, Mode::Cached).await.is_err());
}

/// Once the bound has passed, everybody who asks waits for one query.
#[tokio::test]
async fn past_the_bound_many_requests_run_one_query() {
    let redis = Redis::start();
    let source = Fake::new();
    let engines = [0; 3].map(|_| engine(&redis.url(), &source, true));
    let report = with(|report| report.ttl = Duration::ZERO);
    cached(&engines[0], &report).await;
    // Its bound passes now.
    let header = redis.cli(&["KEYS", "t:*:e:*"]);
    redis.cli(&["PEXPIRE", header.trim(), "1"]);
    until("the bound has passed", async || {
        state(&engines[0], &report).await == Freshness::Missing
    })
    .await;
    source.version.store(2, Ordering::SeqCst);
    source.held.store(true, Ordering::SeqCst);
    let asked: Vec<_> = engines
        .iter()
        .cycle()
        .take(90)
        .map(|engine| {
            let (engine, report) = (engine.clone(), report.clone());
            tokio::spawn(
                async move { read(engine.ask(request(&report, Mode::Cached)).await?).await },
            )
        })
        .collect();
    until("one runs the query and another process waits", async || {
        source.runs() == 2 && redis.cli(&["KEYS", "*"]).contains(":l:")
    })
    .await;
    source.open();
    for answer in asked {
        assert_eq!(answer.await.unwrap().unwrap().version(), 2);
    }
    assert_eq!(source.runs(), 2, "one query for all of them");
}
