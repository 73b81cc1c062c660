//! The first level: answers kept in this process's memory, against a real redis-server.
//!
//! "Alone" is an answer for which Redis was not asked. What another process writes is heard of through a connection of
//! its own, so the tests wait until it is; what this process writes is known at once.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use lookaside::cache::{Change, Election, Epoch, Lead, Position, Protocol, ServerTime, Verdict};
use lookaside::engine::{Caller, Engine, Memory, Mode, Outcome, Reason};
use lookaside::report::{Params, Refresh, Report};
use lookaside::source::Source;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::fake::{Fake, Read, TABLE, ask, cached, report, until, workspace};
use crate::servers::Redis;

const LONG: Duration = Duration::from_mins(10);
const MB: u64 = 1024 * 1024;

/// An engine that keeps answers in so much memory.
fn remembering(url: &str, source: &Arc<Fake>, memory: u64) -> Arc<Engine> {
    let mut workspace = workspace(url);
    workspace.cache.memory = memory;
    let source: Arc<dyn Source> = source.clone();
    let sources = [("fake".to_owned(), source)].into();
    Engine::new(&workspace, sources, Caller::Cli, true)
}

/// An engine as in another process.
fn other(url: &str, source: &Arc<Fake>) -> Arc<Engine> {
    crate::fake::engine(url, source, false)
}

fn is_alone(read: &Read) -> bool {
    read.event.from_memory && read.event.stages.cache_ms == 0.0
}

/// Asks until Redis is not asked any more.
async fn settle(engine: &Arc<Engine>, report: &Arc<Report>) {
    until("the answer comes from memory alone", async || {
        is_alone(&cached(engine, report).await)
    })
    .await;
}

/// How often a command was called since the last `CONFIG RESETSTAT`.
fn calls(redis: &Redis, command: &str) -> usize {
    redis
        .cli(&["INFO", "commandstats"])
        .lines()
        .find_map(|line| {
            line.strip_prefix(&format!("cmdstat_{command}:calls="))?
                .split(',')
                .next()?
                .parse()
                .ok()
        })
        .unwrap_or(0)
}

/// The ids of the connections that are told of writes.
fn told(redis: &Redis) -> Vec<String> {
    let field = |line: &str, name: &str| {
        line.split(' ')
            .find_map(|part| part.strip_prefix(name).map(str::to_owned))
            .unwrap_or_default()
    };
    redis
        .cli(&["CLIENT", "LIST"])
        .lines()
        .filter(|line| field(line, "flags=").contains('t'))
        .map(|line| field(line, "id="))
        .collect()
}

/// A worker's part, whose heartbeats vouch for `valid`.
struct Watch {
    protocol: Protocol,
    lead: Lead,
    epoch: Epoch,
    beat: ServerTime,
    position: u64,
    valid: Duration,
}

impl Watch {
    async fn start(engine: &Engine, valid: Duration) -> Self {
        let protocol = engine.protocol("fake").unwrap();
        let Election::Leading { lead, now, .. } = protocol.lead("test", LONG).await.unwrap() else {
            panic!("nobody else leads")
        };
        let (mut epoch, now) = protocol
            .new_epoch(&lead, Position::from(1), now, valid, "test", None)
            .await
            .unwrap();
        protocol
            .take_in(
                &mut epoch,
                &[TABLE.to_owned()],
                &Position::from(1),
                now,
                valid,
            )
            .await
            .unwrap();
        Self {
            protocol,
            lead,
            epoch,
            beat: now,
            position: 1,
            valid,
        }
    }

    async fn publish(&mut self, change: Change<'_>) {
        self.beat = self.protocol.now().await.unwrap();
        self.position += u64::from(change != Change::Nothing);
        self.protocol
            .publish(
                &mut self.epoch,
                change,
                &Position::from(self.position),
                self.beat,
                self.valid,
            )
            .await
            .unwrap();
    }

    async fn change(&mut self, source: &Fake) {
        source.version.fetch_add(1, Ordering::SeqCst);
        self.publish(Change::Tables(&[TABLE.to_owned()])).await;
    }
}

#[tokio::test]
async fn a_repeated_hit_asks_redis_nothing() {
    let redis = Redis::start();
    let source = Fake::new();
    // Within the header, in one chunk, in several, and so many that they come page by page.
    for rows in [0, 1, 20, 5_000, 60_000, 250_000] {
        redis.cli(&["FLUSHALL"]);
        source.rows.store(rows, Ordering::SeqCst);
        let engine = remembering(&redis.url(), &source, 256 * MB);
        let report = report(Refresh::Ttl);
        let miss = cached(&engine, &report).await;
        assert_eq!(
            (miss.outcome, miss.event.from_memory),
            (Outcome::Miss, false)
        );
        settle(&engine, &report).await;
        redis.cli(&["CONFIG", "RESETSTAT"]);
        let mut trips = 0;
        for _ in 0..50 {
            let hit = cached(&engine, &report).await;
            assert_eq!((hit.outcome, hit.event.from_memory), (Outcome::Hit, true));
            assert_eq!(hit.ids(), miss.ids());
            assert_eq!(hit.table.schema, miss.table.schema);
            assert_eq!(hit.event.sha256, miss.event.sha256);
            assert_eq!(
                (hit.event.rows, hit.event.bytes),
                (miss.event.rows, miss.event.bytes)
            );
            trips += usize::from(!is_alone(&hit));
        }
        // A machine that stood still for a second asks again; whatever it says it did not ask, it did not.
        assert_eq!(calls(&redis, "evalsha"), trips, "{rows} rows");
        assert_eq!(calls(&redis, "get"), 0, "rows are not sent twice");
    }
}

#[tokio::test]
async fn a_heartbeat_costs_a_verdict_but_no_rows() {
    let redis = Redis::start();
    let source = Fake::new();
    source.rows.store(5_000, Ordering::SeqCst);
    let engine = remembering(&redis.url(), &source, 64 * MB);
    let report = report(Refresh::OnChange);
    let mut watch = Watch::start(&engine, LONG).await;
    cached(&engine, &report).await;
    settle(&engine, &report).await;
    redis.cli(&["CONFIG", "RESETSTAT"]);
    watch.publish(Change::Nothing).await;
    let hit = cached(&engine, &report).await;
    assert_eq!((hit.outcome, hit.event.from_memory), (Outcome::Hit, true));
    assert!(!is_alone(&hit), "the versions were written");
    assert_eq!(calls(&redis, "get"), 0);
    settle(&engine, &report).await;
}

#[tokio::test]
async fn a_change_that_this_process_publishes_is_seen_at_once() {
    let redis = Redis::start();
    let source = Fake::new();
    let engine = remembering(&redis.url(), &source, 64 * MB);
    engine.on_stale(|_, _| true);
    let report = report(Refresh::OnChange);
    let mut watch = Watch::start(&engine, LONG).await;
    cached(&engine, &report).await;
    for _ in 0..20 {
        settle(&engine, &report).await;
        watch.change(&source).await;
        let stale = cached(&engine, &report).await;
        assert_eq!(stale.outcome, Outcome::StaleHit);
        assert!(
            stale.event.from_memory && !is_alone(&stale),
            "old rows, new verdict"
        );
        let refreshed = ask(&engine, &report, Mode::Refresh(Reason::Changed)).await;
        assert!(!refreshed.unwrap().event.from_memory);
        let hit = cached(&engine, &report).await;
        assert_eq!(hit.version(), source.version.load(Ordering::SeqCst));
    }
    watch.protocol.resign(&watch.lead).await.unwrap();
    assert_eq!(cached(&engine, &report).await.outcome, Outcome::StaleHit);
}

#[tokio::test]
async fn what_another_process_publishes_or_stores_is_seen() {
    let redis = Redis::start();
    let source = Fake::new();
    let engine = remembering(&redis.url(), &source, 64 * MB);
    engine.on_stale(|_, _| true);
    let other = other(&redis.url(), &source);
    let (watched, timed) = (report(Refresh::OnChange), report(Refresh::Ttl));
    let mut watch = Watch::start(&other, LONG).await;
    cached(&engine, &watched).await;
    for _ in 0..5 {
        settle(&engine, &watched).await;
        watch.change(&source).await;
        until("the change is seen", async || {
            cached(&engine, &watched).await.outcome == Outcome::StaleHit
        })
        .await;
        settle(&engine, &timed).await;
        ask(&other, &timed, Mode::Refresh(Reason::Asked))
            .await
            .unwrap();
        let version = source.version.load(Ordering::SeqCst);
        until("the new entry is seen", async || {
            cached(&engine, &timed).await.version() == version
        })
        .await;
        assert_eq!(cached(&engine, &watched).await.outcome, Outcome::Hit);
    }
}

#[tokio::test]
async fn a_lost_connection_voids_what_it_vouched_for() {
    let mut redis = Redis::start();
    let source = Fake::new();
    let engine = remembering(&redis.url(), &source, 64 * MB);
    let report = report(Refresh::Ttl);
    cached(&engine, &report).await;
    for _ in 0..3 {
        settle(&engine, &report).await;
        let connections = told(&redis);
        assert_eq!(connections.len(), 1);
        redis.cli(&["CONFIG", "RESETSTAT"]);
        redis.cli(&["CLIENT", "KILL", "ID", &connections[0]]);
        until("another connection is told", async || {
            cached(&engine, &report).await;
            told(&redis).iter().any(|id| *id != connections[0])
        })
        .await;
        settle(&engine, &report).await;
        assert!(
            calls(&redis, "evalsha") > 0,
            "the verdict was asked for anew"
        );
    }
    redis.cli(&["FLUSHALL"]);
    until("an emptied server is seen", async || {
        cached(&engine, &report).await.outcome == Outcome::Miss
    })
    .await;
    settle(&engine, &report).await;
    let runs = source.runs();
    redis.kill();
    redis.restart();
    until("the query runs again", async || {
        cached(&engine, &report).await;
        source.runs() > runs
    })
    .await;
    settle(&engine, &report).await;
}

#[tokio::test]
async fn a_server_that_hangs_is_not_spoken_for() {
    let redis = Redis::start();
    let source = Fake::new();
    let engine = remembering(&redis.url(), &source, 64 * MB);
    let report = report(Refresh::Ttl);
    cached(&engine, &report).await;
    settle(&engine, &report).await;
    redis.freeze();
    until("nothing is said without proof", async || {
        !is_alone(&cached(&engine, &report).await)
    })
    .await;
    redis.thaw();
    settle(&engine, &report).await;
}

#[tokio::test]
async fn memory_never_vouches_longer_than_the_heartbeat() {
    let redis = Redis::start();
    let source = Fake::new();
    let engine = remembering(&redis.url(), &source, 64 * MB);
    engine.on_stale(|_, _| true);
    let report = report(Refresh::OnChange);
    let mut watch = Watch::start(&engine, Duration::from_secs(3)).await;
    cached(&engine, &report).await;
    let mut alone = 0;
    while alone == 0 {
        watch.publish(Change::Nothing).await;
        loop {
            let before = watch.protocol.now().await.unwrap();
            let answer = cached(&engine, &report).await;
            if is_alone(&answer) {
                alone += 1;
                let end = watch.beat.0 + watch.valid.as_millis() as u64;
                assert!(
                    before.0 <= end,
                    "the heartbeat vouched until {end}, it is {before:?}"
                );
            }
            if answer.outcome != Outcome::Hit {
                break;
            }
        }
    }
    let stale = cached(&engine, &report).await;
    assert!(stale.reason.unwrap().starts_with("no worker is watching"));
}

#[tokio::test]
async fn memory_never_vouches_past_the_soft_expiry_of_the_report_that_asks() {
    let redis = Redis::start();
    let source = Fake::new();
    let engine = remembering(&redis.url(), &source, 64 * MB);
    engine.on_stale(|_, _| true);
    let long = report(Refresh::Ttl);
    let mut brief = Report::clone(&long);
    brief.ttl = Duration::from_secs(3);
    let brief = Arc::new(brief);
    let protocol = engine.protocol("fake").unwrap();
    let key = engine.key(&long, &Params::default()).unwrap();
    let mut alone = 0;
    while alone == 0 {
        ask(&engine, &long, Mode::Refresh(Reason::Asked))
            .await
            .unwrap();
        let created = protocol.header(&key).await.unwrap().unwrap().created;
        loop {
            // The entry is one; what the other report may say of it is not what this one may.
            assert_eq!(cached(&engine, &long).await.outcome, Outcome::Hit);
            cached(&engine, &brief).await;
            let before = protocol.now().await.unwrap();
            let answer = cached(&engine, &brief).await;
            if is_alone(&answer) {
                alone += 1;
                assert!(before.0 < created.0 + 3000);
            }
            if answer.outcome != Outcome::Hit {
                break;
            }
        }
    }
}

#[tokio::test]
async fn memory_is_bounded_and_the_least_recently_used_answer_goes_first() {
    let redis = Redis::start();
    let source = Fake::new();
    source.rows.store(1_000, Ordering::SeqCst);
    let engine = remembering(&redis.url(), &source, MB / 4);
    let reports: Vec<_> = (0..30)
        .map(|n| {
            let mut report = Report::clone(&report(Refresh::Ttl));
            report.sql = format!("SELECT {n} FROM {TABLE}");
            Arc::new(report)
        })
        .collect();
    for report in &reports {
        cached(&engine, report).await;
        settle(&engine, report).await;
        let Memory::Keeps { answers, bytes } = engine.memory() else {
            panic!("{:?}", engine.memory())
        };
        assert!(
            answers >= 1 && bytes > 0 && bytes <= MB / 4,
            "{answers} answers, {bytes} bytes"
        );
    }
    let Memory::Keeps { answers, .. } = engine.memory() else {
        panic!("{:?}", engine.memory())
    };
    assert!(answers < reports.len());
    assert!(!cached(&engine, &reports[0]).await.event.from_memory);
    // Larger than its share: never kept.
    source.rows.store(20_000, Ordering::SeqCst);
    let mut large = Report::clone(&reports[0]);
    large.sql = format!("SELECT 'large' FROM {TABLE}");
    let large = Arc::new(large);
    for _ in 0..5 {
        assert!(!cached(&engine, &large).await.event.from_memory);
    }
}

#[tokio::test]
async fn a_server_that_may_not_tell_is_asked_as_ever() {
    let redis = Redis::start();
    redis.cli(&[
        "ACL",
        "SETUSER",
        "plain",
        "on",
        ">pw-plain",
        "~*",
        "+@all",
        "-client|tracking",
    ]);
    let source = Fake::new();
    let url = format!("redis://plain:pw-plain@127.0.0.1:{}/0", redis.port);
    let engine = remembering(&url, &source, 64 * MB);
    let report = report(Refresh::Ttl);
    assert_eq!(cached(&engine, &report).await.outcome, Outcome::Miss);
    until("the reason is known", async || {
        assert!(!cached(&engine, &report).await.event.from_memory);
        matches!(engine.memory(), Memory::Off(_))
    })
    .await;
    let Memory::Off(reason) = engine.memory() else {
        panic!("it is off")
    };
    assert!(
        reason.contains("may not do what the cache needs"),
        "{reason}"
    );
    assert!(!reason.contains("pw-plain"));
    assert_eq!(cached(&engine, &report).await.outcome, Outcome::Hit);
    assert_eq!(source.runs(), 1);
}

#[tokio::test]
async fn who_keeps_nothing_opens_no_connection_for_it() {
    let redis = Redis::start();
    let source = Fake::new();
    let report = report(Refresh::Ttl);
    let passing = other(&redis.url(), &source);
    let none = remembering(&redis.url(), &source, 0);
    let measured = remembering(&redis.url(), &source, 64 * MB);
    for _ in 0..3 {
        assert!(!cached(&passing, &report).await.event.from_memory);
        assert!(!cached(&none, &report).await.event.from_memory);
        let hit = ask(&measured, &report, Mode::PastMemory).await.unwrap();
        assert!(!hit.event.from_memory);
    }
    assert!(matches!(none.memory(), Memory::Off(_)));
    assert_eq!(told(&redis), [""; 0]);
    // It keeps answers now, and still measures Redis.
    settle(&measured, &report).await;
    let hit = ask(&measured, &report, Mode::PastMemory).await.unwrap();
    assert_eq!((hit.outcome, hit.event.from_memory), (Outcome::Hit, false));
}

#[tokio::test]
async fn requests_answered_from_memory_count_as_demand() {
    let redis = Redis::start();
    let source = Fake::new();
    let engine = remembering(&redis.url(), &source, 64 * MB);
    let report = report(Refresh::Ttl);
    for _ in 0..500 {
        cached(&engine, &report).await;
    }
    engine.count_requests().await;
    let demand = engine.protocol("fake").unwrap().demand().await.unwrap();
    assert_eq!(demand.len(), 1);
    // They fade by e an hour, so a slow machine counts a few less.
    assert!((450.0..500.5).contains(&demand[0].1), "{demand:?}");
}

#[tokio::test]
async fn a_damaged_entry_is_repaired_and_what_is_in_memory_stays_right() {
    let redis = Redis::start();
    let source = Fake::new();
    let engine = remembering(&redis.url(), &source, 64 * MB);
    let report = report(Refresh::Ttl);
    cached(&engine, &report).await;
    settle(&engine, &report).await;
    let key = engine.state(&report, &Params::default()).await.redis_key;
    // The payload alone: who has it does not need it.
    redis.cli(&["HSET", &key, "inline", "rubbish"]);
    let hit = cached(&engine, &report).await;
    assert_eq!((hit.outcome, hit.ids().len()), (Outcome::Hit, 20));
    // The header: it says nothing any more.
    redis.cli(&["HSET", &key, "schema", "", "rows", "7"]);
    until("the entry is filled anew", async || {
        let answer = cached(&engine, &report).await;
        assert_eq!(answer.ids().len(), 20);
        source.runs() == 2
    })
    .await;
}

/// Whatever happens, and whoever does it: memory alone never says fresh where the read script would not have said so
/// before the request came. For what this process does that holds at once, for what others do as soon as it is heard of.
#[tokio::test]
async fn memory_never_says_fresh_where_redis_would_not() {
    let schedules: u64 = std::env::var("LOOKASIDE_LEVEL_SCHEDULES")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(12);
    let redis = Redis::start();
    for seed in 0..schedules {
        redis.cli(&["FLUSHALL"]);
        let mut random = StdRng::seed_from_u64(seed);
        let source = Fake::new();
        let engine = remembering(&redis.url(), &source, 64 * MB);
        engine.on_stale(|_, _| true);
        let other = other(&redis.url(), &source);
        let reports = [report(Refresh::OnChange), report(Refresh::Ttl)];
        let keys = engine.protocol("fake").unwrap().keys().clone();
        let key = engine.key(&reports[0], &Params::default()).unwrap();
        let mut watch = Watch::start(&engine, LONG).await;
        // The same worker by way of another connection.
        let theirs = other.protocol("fake").unwrap();
        let mut alone = 0;
        for step in 0..60 {
            let ours = random.random_bool(0.5);
            let ours_protocol = engine.protocol("fake").unwrap();
            watch.protocol = if ours { ours_protocol } else { theirs.clone() };
            let filler = if ours { &engine } else { &other };
            let mut known_at_once = ours;
            match random.random_range(0..12) {
                0..3 => watch.change(&source).await,
                3 => watch.publish(Change::Nothing).await,
                4..8 => {
                    let report = &reports[random.random_range(0..2)];
                    ask(filler, report, Mode::Refresh(Reason::Asked))
                        .await
                        .unwrap();
                }
                8 => {
                    watch.protocol.resign(&watch.lead).await.unwrap();
                    let engine = if ours { &engine } else { &other };
                    let position = watch.position;
                    watch = Watch::start(engine, LONG).await;
                    watch.position = watch.position.max(position);
                }
                9 => {
                    redis.cli(&["DEL", &keys.header(&key)]);
                    known_at_once = false;
                }
                10 => {
                    for id in told(&redis) {
                        redis.cli(&["CLIENT", "KILL", "ID", &id]);
                    }
                }
                _ => {}
            }
            // Both, so that the next step begins with everything heard.
            for report in reports.iter().chain(&reports) {
                let version = source.version.load(Ordering::SeqCst);
                until("what others did is heard of", async || {
                    let direct = other
                        .cache()
                        .find(&keys, &key, report, false)
                        .await
                        .unwrap();
                    let answer = cached(&engine, report).await;
                    if !is_alone(&answer) {
                        return true;
                    }
                    alone += 1;
                    assert_eq!(answer.outcome, Outcome::Hit);
                    let right = direct.verdict == Verdict::Fresh
                        && (report.refresh == Refresh::Ttl || answer.version() == version);
                    assert!(
                        right || !known_at_once,
                        "seed {seed}, step {step}: {:?}, {:?}",
                        direct.verdict,
                        direct.why
                    );
                    right
                })
                .await;
            }
        }
        assert!(alone > 0, "seed {seed} never answered from memory");
    }
}
