//! The engine's outcomes against a real redis-server.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use lookaside::cache::{Change, Election, Lead, Position, Protocol};
use lookaside::engine::{Engine, EngineError, Event, Freshness, Mode, Outcome, Reason};
use lookaside::report::{Params, Refresh, Report};
use lookaside::source::SourceError;

use super::Redis;
use crate::fake::{Fake, TABLE, ask, cached, engine, read, report, request, until};

const LONG: Duration = Duration::from_mins(10);

/// A worker's part: lease, epoch, and the table taken in.
async fn watch(engine: &Engine) -> (Protocol, lookaside::cache::Epoch, Lead) {
    let protocol = engine.protocol("fake").unwrap();
    let Election::Leading { lead, now, .. } = protocol.lead("test", LONG).await.unwrap() else {
        panic!("nobody else leads")
    };
    let (mut epoch, now) = protocol
        .new_epoch(&lead, Position::from(1), now, LONG, "test detector", None)
        .await
        .unwrap();
    protocol
        .take_in(
            &mut epoch,
            &[TABLE.to_owned()],
            &Position::from(1),
            now,
            LONG,
        )
        .await
        .unwrap();
    (protocol, epoch, lead)
}

/// The worker of [`watch`] tells that it refreshes the report.
async fn refreshes(protocol: &Protocol, lead: &Lead, report: &Report) {
    assert!(protocol.refreshes(lead, [report]).await.unwrap());
}

fn with(report: &Arc<Report>, change: impl FnOnce(&mut Report)) -> Arc<Report> {
    let mut report = Report::clone(report);
    change(&mut report);
    Arc::new(report)
}

#[tokio::test]
async fn a_miss_fills_and_a_hit_serves_the_same_rows_without_the_database() {
    let redis = Redis::start();
    let source = Fake::new();
    for rows in [0, 1, 20, 1_000, 12_345, 200_000] {
        redis.cli(&["FLUSHALL"]);
        source.rows.store(rows, Ordering::SeqCst);
        let before = source.runs();
        let engine = engine(&redis.url(), &source, false);
        let report = report(Refresh::Ttl);
        let miss = cached(&engine, &report).await;
        assert_eq!(miss.outcome, Outcome::Miss, "{rows} rows");
        let hit = cached(&engine, &report).await;
        assert_eq!(hit.outcome, Outcome::Hit, "{rows} rows: {:?}", hit.reason);
        assert_eq!(source.runs(), before + 1);
        assert_eq!(hit.ids(), (0..rows as i64).collect::<Vec<_>>());
        assert_eq!(miss.ids(), hit.ids());
        assert_eq!(miss.event.rows, rows as u64);
        assert_eq!(hit.event.rows, rows as u64);
        assert_eq!(hit.event.bytes, miss.event.bytes, "one meaning of bytes");
        assert!(hit.event.sha256.is_some());
        assert_eq!(miss.event.sha256, hit.event.sha256);
        let mut checksum = lookaside::table::Checksum::new(&hit.table.schema);
        hit.table
            .batches
            .iter()
            .for_each(|batch| checksum.update(batch));
        assert_eq!(
            hit.event.sha256,
            Some(checksum.finish()),
            "the checksum is that of the rows served"
        );
        assert_eq!(hit.table.schema, miss.table.schema);
    }
}

#[tokio::test]
async fn uncached_leaves_the_cache_alone() {
    let redis = Redis::start();
    let source = Fake::new();
    let engine = engine(&redis.url(), &source, false);
    let answer = ask(&engine, &report(Refresh::Ttl), Mode::Uncached)
        .await
        .unwrap();
    assert_eq!(answer.outcome, Outcome::Bypass);
    engine.log().flush(Duration::from_secs(10)).await;
    assert_eq!(redis.cli(&["KEYS", "*"]).trim(), "t:events");
}

#[tokio::test]
async fn the_state_tells_what_the_header_says() {
    let redis = Redis::start();
    let source = Fake::new();
    let engine = engine(&redis.url(), &source, false);
    let report = report(Refresh::Ttl);
    let none = engine.state(&report, &Params::default()).await;
    assert_eq!(none.state, Freshness::Missing);
    cached(&engine, &report).await;
    let state = engine.state(&report, &Params::default()).await;
    assert_eq!(state.state, Freshness::Fresh);
    assert!(state.reason.contains("unwatched"), "{}", state.reason);
    assert_eq!(state.rows, Some(20));
    assert_eq!(state.chunks, Some(0), "a small answer lives in its header");
    assert_eq!(state.written_by.as_deref(), Some("command line, miss"));
    assert_eq!(state.tables, [TABLE]);
    assert_eq!(redis.cli(&["EXISTS", &state.redis_key]).trim(), "1");
}

#[tokio::test]
async fn on_change_without_a_worker_is_stale_and_says_so() {
    let redis = Redis::start();
    let source = Fake::new();
    let engine = engine(&redis.url(), &source, false);
    let report = report(Refresh::OnChange);
    cached(&engine, &report).await;
    let state = engine.state(&report, &Params::default()).await;
    assert_eq!(state.state, Freshness::Stale);
    assert_eq!(state.reason, "no worker is watching");
    // Nobody would refresh it, so the query is run and waited for.
    assert_eq!(cached(&engine, &report).await.outcome, Outcome::Miss);
    assert_eq!(source.runs(), 2);
}

#[tokio::test]
async fn what_asks_the_clock_is_fresh_by_its_ttl_alone_and_says_so() {
    let redis = Redis::start();
    let source = Fake::new();
    let engine = engine(&redis.url(), &source, false);
    let report = with(&report(Refresh::OnChange), |report| {
        report.sql = format!("SELECT *, CURRENT_DATE FROM {TABLE}");
    });
    let (protocol, mut epoch, _) = watch(&engine).await;
    cached(&engine, &report).await;
    let hit = cached(&engine, &report).await;
    assert_eq!(hit.outcome, Outcome::Hit);
    let state = engine.state(&report, &Params::default()).await;
    assert_eq!(state.state, Freshness::Fresh);
    for said in [state.reason, hit.reason.unwrap()] {
        assert!(
            said.contains("unwatched") && said.contains("CURRENT_DATE"),
            "{said}"
        );
    }
    let now = protocol.now().await.unwrap();
    protocol
        .publish(&mut epoch, Change::All, &Position::from(2), now, LONG)
        .await
        .unwrap();
    let state = engine.state(&report, &Params::default()).await;
    assert_eq!(state.state, Freshness::Stale, "a change still counts");
}

#[tokio::test]
async fn a_change_makes_the_entry_stale_and_a_refresh_makes_it_fresh() {
    let redis = Redis::start();
    let source = Fake::new();
    let engine = engine(&redis.url(), &source, false);
    let report = report(Refresh::OnChange);
    let (protocol, mut epoch, lead) = watch(&engine).await;
    cached(&engine, &report).await;
    assert_eq!(cached(&engine, &report).await.outcome, Outcome::Hit);

    source.version.store(2, Ordering::SeqCst);
    let now = protocol.now().await.unwrap();
    protocol
        .publish(
            &mut epoch,
            Change::Tables(&[TABLE.to_owned()]),
            &Position::from(2),
            now,
            LONG,
        )
        .await
        .unwrap();
    refreshes(&protocol, &lead, &report).await;
    let stale = cached(&engine, &report).await;
    assert_eq!(
        (stale.outcome, stale.version()),
        (Outcome::StaleHit, 1),
        "a worker is there to refresh it"
    );
    assert!(
        stale
            .reason
            .unwrap()
            .starts_with("the table orders changed")
    );

    let refreshed = ask(&engine, &report, Mode::Refresh(Reason::Changed))
        .await
        .unwrap();
    assert_eq!(refreshed.version(), 2);
    let hit = cached(&engine, &report).await;
    assert_eq!((hit.outcome, hit.version()), (Outcome::Hit, 2));

    protocol
        .resign(&match protocol.lead("other", LONG).await.unwrap() {
            Election::Standby(left) => {
                assert!(left > Duration::ZERO);
                return;
            }
            Election::Leading { lead, .. } => lead,
        })
        .await
        .unwrap();
    panic!("two workers lead one source");
}

#[tokio::test]
async fn nobody_waits_for_a_worker_that_does_not_refresh_the_report() {
    let redis = Redis::start();
    let source = Fake::new();
    let engine = engine(&redis.url(), &source, false);
    let report = report(Refresh::OnChange);
    let (protocol, mut epoch, lead) = watch(&engine).await;
    // Its workspace has a report of this name, with other SQL.
    let theirs = with(&report, |report| report.sql = "SELECT 2 FROM orders".into());
    refreshes(&protocol, &lead, &theirs).await;
    cached(&engine, &report).await;
    source.version.store(2, Ordering::SeqCst);
    let now = protocol.now().await.unwrap();
    protocol
        .publish(&mut epoch, Change::All, &Position::from(2), now, LONG)
        .await
        .unwrap();
    let answer = cached(&engine, &report).await;
    assert_eq!((answer.outcome, answer.version()), (Outcome::Miss, 2));
    let answer = cached(&engine, &report).await;
    assert_eq!(
        answer.outcome,
        Outcome::Hit,
        "and it is watched all the same"
    );
}

#[tokio::test]
async fn a_change_while_the_query_runs_leaves_the_entry_born_stale() {
    let redis = Redis::start();
    let source = Fake::new();
    let engine = engine(&redis.url(), &source, false);
    let report = report(Refresh::OnChange);
    let (protocol, mut epoch, _) = watch(&engine).await;
    source.held.store(true, Ordering::SeqCst);
    let asked = tokio::spawn({
        let (engine, report) = (engine.clone(), report.clone());
        async move { engine.ask(request(&report, Mode::Cached)).await }
    });
    until("the query runs", async || source.runs() == 1).await;
    let now = protocol.now().await.unwrap();
    protocol
        .publish(&mut epoch, Change::All, &Position::from(2), now, LONG)
        .await
        .unwrap();
    source.open();
    let answer = asked.await.unwrap().unwrap();
    let filled = answer.filled.clone();
    read(answer).await.unwrap();
    assert!(filled.get().unwrap().stored && filled.get().unwrap().born_stale);
    let state = engine.state(&report, &Params::default()).await;
    assert_eq!(state.state, Freshness::Stale, "{}", state.reason);
}

#[tokio::test]
async fn a_view_that_was_redefined_a_moment_ago_is_not_taken_for_what_it_was() {
    let redis = Redis::start();
    let source = Fake::new();
    source.view("recent", "SELECT * FROM orders");
    let engine = engine(&redis.url(), &source, false);
    let report = with(&report(Refresh::OnChange), |report| {
        report.sql = "SELECT * FROM recent".into();
    });
    let (protocol, mut epoch, _) = watch(&engine).await;
    let tables = ["orders", "parts"].map(str::to_owned);
    let now = protocol.now().await.unwrap();
    protocol
        .take_in(&mut epoch, &tables, &Position::from(1), now, LONG)
        .await
        .unwrap();
    cached(&engine, &report).await;
    assert_eq!(cached(&engine, &report).await.outcome, Outcome::Hit);

    // Somebody redefines the view, which the detector takes for a change of everything; the entry is refilled.
    source.view("recent", "SELECT * FROM parts");
    let now = protocol.now().await.unwrap();
    let now = protocol
        .publish(&mut epoch, Change::All, &Position::from(2), now, LONG)
        .await
        .unwrap();
    ask(&engine, &report, Mode::Refresh(Reason::Changed))
        .await
        .unwrap();
    let state = engine.state(&report, &Params::default()).await;
    assert_eq!(
        (state.state, state.tables),
        (Freshness::Fresh, vec!["parts".to_owned()])
    );
    protocol
        .publish(
            &mut epoch,
            Change::Tables(&tables[1..]),
            &Position::from(3),
            now,
            LONG,
        )
        .await
        .unwrap();
    let state = engine.state(&report, &Params::default()).await;
    assert_eq!(state.state, Freshness::Stale, "{}", state.reason);
}

#[tokio::test]
async fn a_new_epoch_voids_every_entry_and_a_fill_that_began_before_it() {
    let redis = Redis::start();
    let source = Fake::new();
    let engine = engine(&redis.url(), &source, false);
    let report = report(Refresh::OnChange);
    let (protocol, ..) = watch(&engine).await;
    source.held.store(true, Ordering::SeqCst);
    let asked = tokio::spawn({
        let (engine, report) = (engine.clone(), report.clone());
        async move { engine.ask(request(&report, Mode::Cached)).await }
    });
    until("the query runs", async || source.runs() == 1).await;
    redis.cli(&["DEL", &protocol.keys().worker()]);
    let (_protocol, ..) = watch(&engine).await;
    source.open();
    read(asked.await.unwrap().unwrap()).await.unwrap();
    let state = engine.state(&report, &Params::default()).await;
    assert_eq!(state.state, Freshness::Stale, "{}", state.reason);
}

#[tokio::test]
async fn many_requests_in_one_process_run_one_query() {
    let redis = Redis::start();
    let source = Fake::new();
    source.held.store(true, Ordering::SeqCst);
    let engine = engine(&redis.url(), &source, false);
    let report = report(Refresh::Ttl);
    let asked: Vec<_> = (0..100)
        .map(|_| {
            let (engine, report) = (engine.clone(), report.clone());
            tokio::spawn(async move { cached(&engine, &report).await })
        })
        .collect();
    until("the query runs", async || source.runs() == 1).await;
    source.open();
    let mut outcomes = Vec::new();
    for answer in asked {
        outcomes.push(answer.await.unwrap().outcome);
    }
    assert_eq!(source.runs(), 1);
    assert_eq!(
        outcomes
            .iter()
            .filter(|outcome| **outcome == Outcome::Miss)
            .count(),
        1
    );
    assert!(
        outcomes
            .iter()
            .all(|outcome| [Outcome::Miss, Outcome::Wait, Outcome::Hit].contains(outcome))
    );
}

#[tokio::test]
async fn when_the_runner_gives_up_exactly_one_of_the_others_takes_over() {
    let redis = Redis::start();
    let source = Fake::new();
    source.held.store(true, Ordering::SeqCst);
    let engine = engine(&redis.url(), &source, false);
    let report = report(Refresh::Ttl);
    let first = request(&report, Mode::Cached);
    let cancel = first.cancel.clone();
    let runner = tokio::spawn({
        let engine = engine.clone();
        async move { engine.ask(first).await.map(|_| ()) }
    });
    until("the query runs", async || source.runs() == 1).await;
    let others: Vec<_> = (0..20)
        .map(|_| {
            let (engine, report) = (engine.clone(), report.clone());
            tokio::spawn(async move { cached(&engine, &report).await })
        })
        .collect();
    cancel.cancel();
    assert!(matches!(
        runner.await.unwrap(),
        Err(EngineError::Source(SourceError::Cancelled))
    ));
    until("another runs it", async || source.runs() == 2).await;
    source.open();
    for other in others {
        assert_eq!(other.await.unwrap().version(), 1);
    }
    assert_eq!(source.runs(), 2);
    assert_eq!(
        source.ended_early.load(Ordering::SeqCst),
        1,
        "the cancelled query was ended"
    );
}

#[tokio::test]
async fn an_abandoned_answer_ends_its_query_and_leaves_an_event_and_no_lock() {
    let redis = Redis::start();
    let source = Fake::new();
    source.rows.store(1_000_000, Ordering::SeqCst);
    let engine = engine(&redis.url(), &source, false);
    let report = report(Refresh::Ttl);
    let mut answer = engine.ask(request(&report, Mode::Cached)).await.unwrap();
    answer.rows.next().await.unwrap().unwrap();
    let event = answer.event.clone();
    drop(answer);
    until("the event is there", async || event.get().is_some()).await;
    assert!(
        event
            .get()
            .unwrap()
            .error
            .as_deref()
            .unwrap()
            .contains("abandoned")
    );
    until("the lock is given back", async || {
        !redis.cli(&["KEYS", "t:*:l:*"]).contains(":l:")
    })
    .await;
    until("its chunks are gone", async || {
        !redis.cli(&["KEYS", "t:c:*"]).contains(":c:")
    })
    .await;
    source.rows.store(5, Ordering::SeqCst);
    assert_eq!(cached(&engine, &report).await.outcome, Outcome::Miss);
}

#[tokio::test]
async fn a_failing_database_serves_the_last_good_result_within_its_bound() {
    let redis = Redis::start();
    let source = Fake::new();
    let engine = engine(&redis.url(), &source, false);
    let report = with(&report(Refresh::Ttl), |report| report.ttl = Duration::ZERO);
    cached(&engine, &report).await;
    *source.failure.lock() = Some(SourceError::Timeout(Duration::from_secs(3)));
    let answer = cached(&engine, &report).await;
    assert_eq!(answer.outcome, Outcome::StaleHit);
    let reason = answer.reason.unwrap();
    assert!(
        reason.contains("last good result") && reason.contains("3.0 s"),
        "{reason}"
    );
    // A failed query leaves no lock behind.
    assert!(!redis.cli(&["KEYS", "*"]).contains(":l:"));
    // Past its bound there is nothing to serve.
    let brief = with(&report, |report| {
        report.stale_for = Duration::from_millis(1);
        report.sql = "SELECT id FROM orders".into();
    });
    *source.failure.lock() = None;
    cached(&engine, &brief).await;
    *source.failure.lock() = Some(SourceError::Timeout(Duration::from_secs(3)));
    until("the entry has ended", async || {
        engine.state(&brief, &Params::default()).await.state == Freshness::Missing
    })
    .await;
    assert!(matches!(
        ask(&engine, &brief, Mode::Cached).await,
        Err(EngineError::Source(SourceError::Timeout(_)))
    ));
}

#[tokio::test]
async fn a_failed_query_fails_once_for_all_who_joined() {
    let redis = Redis::start();
    let source = Fake::new();
    source.held.store(true, Ordering::SeqCst);
    *source.failure.lock() = Some(SourceError::Other("no".into()));
    let engine = engine(&redis.url(), &source, false);
    let report = report(Refresh::Ttl);
    let asked: Vec<_> = (0..20)
        .map(|_| {
            let (engine, report) = (engine.clone(), report.clone());
            tokio::spawn(async move { ask(&engine, &report, Mode::Cached).await })
        })
        .collect();
    until("the query runs", async || source.runs() == 1).await;
    // Every request but the runner has to be waiting before the query fails.
    tokio::task::yield_now().await;
    source.open();
    source.held.store(false, Ordering::SeqCst);
    for answer in asked {
        assert!(answer.await.unwrap().is_err());
    }
    let requests = engine.log().since(0).0;
    assert_eq!(requests.len(), 20, "every request leaves one event");
}

#[tokio::test]
async fn a_process_that_stays_serves_stale_at_once_and_refreshes_once() {
    let redis = Redis::start();
    let source = Fake::new();
    let engine = engine(&redis.url(), &source, true);
    let report = with(&report(Refresh::Ttl), |report| report.ttl = Duration::ZERO);
    cached(&engine, &report).await;
    source.version.store(2, Ordering::SeqCst);
    source.held.store(true, Ordering::SeqCst);
    for _ in 0..10 {
        let stale = cached(&engine, &report).await;
        assert_eq!((stale.outcome, stale.version()), (Outcome::StaleHit, 1));
    }
    until("it is refreshed in the background", async || {
        source.runs() == 2
    })
    .await;
    source.open();
    until("the new rows are there", async || {
        let answer = cached(&engine, &report).await;
        source.open();
        answer.version() == 2
    })
    .await;
}

#[tokio::test]
async fn a_refresh_that_finds_the_same_rows_keeps_the_chunks() {
    let redis = Redis::start();
    let source = Fake::new();
    source.rows.store(50_000, Ordering::SeqCst);
    let engine = engine(&redis.url(), &source, false);
    let report = report(Refresh::Ttl);
    cached(&engine, &report).await;
    let chunks = || {
        let mut keys: Vec<String> = redis
            .cli(&["KEYS", "t:c:*"])
            .lines()
            .map(str::to_owned)
            .collect();
        keys.sort();
        keys
    };
    let before = chunks();
    assert!(before.len() > 1);
    let answer = engine
        .ask(request(&report, Mode::Refresh(Reason::Scheduled)))
        .await
        .unwrap();
    let filled = answer.filled.clone();
    read(answer).await.unwrap();
    let filled = filled.get().unwrap();
    assert!(filled.stored && filled.unchanged, "{filled:?}");
    assert_eq!(chunks(), before, "unchanged content is not rewritten");
    source.version.store(2, Ordering::SeqCst);
    ask(&engine, &report, Mode::Refresh(Reason::Scheduled))
        .await
        .unwrap();
    assert_ne!(chunks(), before);
    let hit = cached(&engine, &report).await;
    assert_eq!((hit.outcome, hit.version()), (Outcome::Hit, 2));
}

#[tokio::test]
async fn every_request_leaves_one_event_that_other_processes_read() {
    let redis = Redis::start();
    let source = Fake::new();
    let one = engine(&redis.url(), &source, false);
    let two = engine(&redis.url(), &source, false);
    cached(&one, &report(Refresh::Ttl)).await;
    one.log().flush(Duration::from_secs(10)).await;
    two.log().follow().await;
    assert_eq!(two.log().since(0).0.len(), 1, "what was left before");
    cached(&two, &report(Refresh::Ttl)).await;
    cached(&one, &report(Refresh::Ttl)).await;
    until("the other's request is followed", async || {
        two.log().since(0).0.len() >= 3
    })
    .await;
    two.log().flush(Duration::from_secs(10)).await;
    let (events, next) = two.log().since(0);
    assert_eq!(events.len(), 3, "own events are not read twice");
    assert!(
        events
            .iter()
            .all(|event| matches!(**event, Event::Request(_)))
    );
    assert_eq!(two.log().since(next).0.len(), 0);
}
