//! Redis down, slow, full, read-only, loading, emptied, or holding garbage: a report runs all the same, says why the
//! cache was not used, and nothing has to be restarted.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::sync::atomic::Ordering;

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use lookaside::cache::CacheStatus;
use lookaside::engine::{Engine, EngineError, Freshness, Mode, Outcome, RequestEvent};
use lookaside::report::{Params, Refresh, Report};

use crate::fake::{Fake, cached, engine, report, request, until};
use crate::servers::Redis;

/// Every element of the key space that matches.
fn keys(redis: &Redis, pattern: &str) -> Vec<String> {
    redis
        .cli(&["KEYS", pattern])
        .lines()
        .filter(|key| !key.is_empty())
        .map(str::to_owned)
        .collect()
}

#[tokio::test]
async fn killing_redis_in_the_middle_of_a_run_loses_nothing_and_needs_no_restart() {
    let mut redis = Redis::start();
    let source = Fake::new();
    source.rows.store(300_000, Ordering::SeqCst);
    let engine = engine(&redis.url(), &source, false);
    let report = report(Refresh::Ttl);
    let mut answer = engine.ask(request(&report, Mode::Cached)).await.unwrap();
    let first = answer.rows.next().await.unwrap().unwrap();
    redis.kill();
    let mut rows = first.num_rows();
    while let Some(batch) = answer.rows.next().await {
        rows += batch.unwrap().num_rows();
    }
    assert_eq!(rows, 300_000);
    let event = answer.event.get().unwrap();
    assert!(
        event.reason.as_deref().unwrap().starts_with("not cached: "),
        "{event:?}"
    );

    let down = cached(&engine, &report).await;
    assert_eq!(down.outcome, Outcome::Bypass);
    assert!(
        down.reason
            .as_deref()
            .unwrap()
            .contains(&redis.port.to_string())
    );
    assert!(matches!(engine.cache_status(), CacheStatus::Problem(_)));
    assert_eq!(down.ids().len(), 300_000);

    redis.restart();
    until("the cache is used again", async || {
        cached(&engine, &report).await.outcome == Outcome::Hit
    })
    .await;
    assert!(matches!(engine.cache_status(), CacheStatus::Connected(_)));
}

#[tokio::test]
async fn a_restart_between_two_requests_costs_nothing() {
    let mut redis = Redis::start();
    let source = Fake::new();
    let engine = engine(&redis.url(), &source, false);
    let report = report(Refresh::Ttl);
    cached(&engine, &report).await;
    redis.restart();
    let answer = cached(&engine, &report).await;
    assert_eq!(answer.outcome, Outcome::Miss, "{:?}", answer.reason);
    assert_eq!(cached(&engine, &report).await.outcome, Outcome::Hit);
}

#[tokio::test]
async fn nobody_there_from_the_beginning_is_one_sentence() {
    let source = Fake::new();
    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let engine = engine(
        &format!("redis://:secret-word@127.0.0.1:{port}"),
        &source,
        false,
    );
    let answer = cached(&engine, &report(Refresh::Ttl)).await;
    assert_eq!(answer.outcome, Outcome::Bypass);
    let reason = answer.reason.unwrap();
    assert!(
        reason.contains("no cache answers") && reason.contains(&port.to_string()),
        "{reason}"
    );
    assert!(!reason.contains("secret-word"));
}

#[tokio::test]
async fn a_hung_redis_is_bypassed_and_used_again_when_it_answers() {
    let redis = Redis::start();
    let source = Fake::new();
    let engine = engine(&redis.url(), &source, false);
    let report = report(Refresh::Ttl);
    cached(&engine, &report).await;
    redis.freeze();
    let answer = cached(&engine, &report).await;
    assert_eq!(answer.outcome, Outcome::Bypass);
    assert!(answer.reason.unwrap().contains("did not answer in time"));
    redis.thaw();
    until("the cache is used again", async || {
        cached(&engine, &report).await.outcome == Outcome::Hit
    })
    .await;
}

#[tokio::test]
async fn while_redis_is_down_many_requests_still_run_one_query() {
    let source = Fake::new();
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let engine = engine(&format!("redis://127.0.0.1:{port}"), &source, false);
    let report = report(Refresh::Ttl);
    cached(&engine, &report).await;
    source.held.store(true, Ordering::SeqCst);
    let asked: Vec<_> = (0..50)
        .map(|_| {
            let (engine, report) = (engine.clone(), report.clone());
            tokio::spawn(async move { cached(&engine, &report).await.outcome })
        })
        .collect();
    until("the query runs", async || source.runs() == 2).await;
    // The others need no answer from Redis to join: they are waiting as soon as they were scheduled.
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
    source.open();
    let mut waited = 0;
    for outcome in asked {
        waited += usize::from(outcome.await.unwrap() == Outcome::Wait);
    }
    assert_eq!((source.runs(), waited), (2, 49));
}

#[tokio::test]
async fn while_redis_is_down_a_large_answer_is_shared_too() {
    let source = Fake::new();
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let engine = engine(&format!("redis://127.0.0.1:{port}"), &source, false);
    let report = report(Refresh::Ttl);
    // So that the outage is known and nobody asks Redis any more.
    cached(&engine, &report).await;
    source.rows.store(700_000, Ordering::SeqCst);
    source.held.store(true, Ordering::SeqCst);
    let asked: Vec<_> = (0..6)
        .map(|_| {
            let (engine, report) = (engine.clone(), report.clone());
            tokio::spawn(async move { cached(&engine, &report).await })
        })
        .collect();
    until("the query runs", async || source.runs() == 2).await;
    // The others need no answer from Redis to join: they are waiting as soon as they were scheduled.
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
    source.open();
    let mut waited = 0;
    for answer in asked {
        let answer = answer.await.unwrap();
        assert!(answer.ids() == (0..700_000).collect::<Vec<_>>());
        assert!(answer.event.bytes > 16 * 1024 * 1024);
        waited += usize::from(answer.outcome == Outcome::Wait);
    }
    assert_eq!((source.runs(), waited), (2, 5));
}

#[tokio::test]
async fn a_full_redis_answers_uncached_and_still_serves_hits() {
    let redis = Redis::start();
    let source = Fake::new();
    let engine = engine(&redis.url(), &source, false);
    let small = report(Refresh::Ttl);
    cached(&engine, &small).await;
    redis.cli(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
    redis.cli(&["CONFIG", "SET", "maxmemory", "1"]);
    assert_eq!(
        cached(&engine, &small).await.outcome,
        Outcome::Hit,
        "a full cache still answers"
    );
    let mut other = (*small).clone();
    other.sql = "SELECT 2 FROM orders".into();
    let other = std::sync::Arc::new(other);
    let answer = cached(&engine, &other).await;
    assert_eq!(answer.outcome, Outcome::Bypass);
    assert!(answer.reason.unwrap().contains("the cache is full"));
    redis.cli(&["CONFIG", "SET", "maxmemory", "0"]);
    assert_eq!(cached(&engine, &other).await.outcome, Outcome::Miss);
    assert_eq!(cached(&engine, &other).await.outcome, Outcome::Hit);
}

#[tokio::test]
async fn a_refresh_that_a_full_redis_does_not_take_is_not_announced_again() {
    let redis = Redis::start();
    let source = Fake::new();
    // A process that stays refreshes what it serves stale; nobody watches, so every entry is stale.
    let engine = engine(&redis.url(), &source, true);
    let report = report(Refresh::OnChange);
    assert_eq!(cached(&engine, &report).await.outcome, Outcome::Miss);
    redis.cli(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
    redis.cli(&["CONFIG", "SET", "maxmemory", "1"]);
    let first = cached(&engine, &report).await;
    assert_eq!(first.outcome, Outcome::StaleHit);
    assert!(first.reason.unwrap().contains("a refresh is under way"));
    until("the refresh has ended", async || source.runs() == 2).await;
    until("its end is known", async || {
        cached(&engine, &report).await.outcome == Outcome::Bypass
    })
    .await;
    let uncached = cached(&engine, &report).await;
    assert_eq!(uncached.outcome, Outcome::Bypass);
    assert!(uncached.reason.unwrap().contains("the cache is full"));
    redis.cli(&["CONFIG", "SET", "maxmemory", "0"]);
    assert_eq!(cached(&engine, &report).await.outcome, Outcome::Miss);
    assert_eq!(cached(&engine, &report).await.outcome, Outcome::StaleHit);
}

#[tokio::test]
async fn running_full_in_the_middle_of_a_fill_does_not_harm_the_answer() {
    let redis = Redis::start();
    let source = Fake::new();
    source.rows.store(300_000, Ordering::SeqCst);
    let engine = engine(&redis.url(), &source, false);
    let report = report(Refresh::Ttl);
    redis.cli(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
    let used: u64 = redis
        .cli(&["INFO", "memory"])
        .lines()
        .find_map(|line| line.strip_prefix("used_memory:"))
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    redis.cli(&[
        "CONFIG",
        "SET",
        "maxmemory",
        &(used + 1_500_000).to_string(),
    ]);
    let answer = cached(&engine, &report).await;
    assert_eq!(
        (answer.outcome, answer.ids().len()),
        (Outcome::Miss, 300_000)
    );
    let reason = answer.event.reason.unwrap();
    assert!(
        reason.starts_with("not cached: the answer takes more than"),
        "{reason}"
    );
}

#[tokio::test]
async fn a_replica_serves_hits_and_never_stores() {
    let primary = Redis::start();
    let source = Fake::new();
    let engine_of_primary = engine(&primary.url(), &source, false);
    let report = report(Refresh::Ttl);
    cached(&engine_of_primary, &report).await;
    let replica = Redis::start();
    replica.cli(&["REPLICAOF", "127.0.0.1", &primary.port.to_string()]);
    until("the replica has the entry", async || {
        !keys(&replica, "t:*:e:*").is_empty()
    })
    .await;
    let engine = engine(&replica.url(), &source, false);
    assert_eq!(cached(&engine, &report).await.outcome, Outcome::Hit);
    primary.cli(&["FLUSHALL"]);
    until("the replica has lost the entry", async || {
        keys(&replica, "t:*:e:*").is_empty()
    })
    .await;
    let answer = cached(&engine, &report).await;
    assert_eq!(answer.outcome, Outcome::Bypass);
    assert!(
        answer
            .reason
            .as_deref()
            .unwrap()
            .contains("takes no writes"),
        "{:?}",
        answer.reason
    );
}

/// What the cache says while something is wrong with it, and that it is used again by itself afterwards.
async fn says_and_recovers(
    redis: &Redis,
    says: &str,
    begin: impl FnOnce(&Redis),
    end: impl FnOnce(&Redis),
) {
    let source = Fake::new();
    begin(redis);
    let engine = engine(&redis.url(), &source, false);
    let report = report(Refresh::Ttl);
    let answer = cached(&engine, &report).await;
    let reason = answer.reason.unwrap_or_default();
    assert_eq!(
        (answer.outcome, answer.event.rows),
        (Outcome::Bypass, 20),
        "{reason}"
    );
    assert!(reason.contains(says), "{reason}");
    end(redis);
    until("the cache is used again", async || {
        cached(&engine, &report).await.outcome == Outcome::Hit
    })
    .await;
}

#[tokio::test]
async fn a_cache_that_wants_a_password_says_so() {
    let redis = Redis::start();
    says_and_recovers(
        &redis,
        "refused the sign-in",
        |redis| drop(redis.cli(&["CONFIG", "SET", "requirepass", "new-word"])),
        |redis| {
            let words = ["--no-auth-warning", "-a", "new-word", "CONFIG", "SET"];
            redis.cli(&[&words[..], &["requirepass", ""]].concat());
        },
    )
    .await;
}

#[tokio::test]
async fn a_cache_that_cannot_save_says_so_and_serves_hits() {
    // It saves over a folder, which fails until that is gone.
    let redis = Redis::start_with(&["--save", "86400 1000000"]);
    let file = redis.folder().join("dump.rdb");
    let saved = |redis: &Redis, status: &str| {
        redis.cli(&["BGSAVE"]);
        while !redis
            .cli(&["INFO", "persistence"])
            .contains(&format!("rdb_last_bgsave_status:{status}"))
        {}
    };
    let source = Fake::new();
    let engine = engine(&redis.url(), &source, false);
    let mut other = (*report(Refresh::Ttl)).clone();
    other.sql = "SELECT 2 FROM orders".into();
    let other = Arc::new(other);
    cached(&engine, &other).await;
    says_and_recovers(
        &redis,
        "cannot save to its disk",
        |redis| {
            std::fs::create_dir(&file).unwrap();
            saved(redis, "err");
        },
        |redis| {
            std::fs::remove_dir(&file).unwrap();
            saved(redis, "ok");
        },
    )
    .await;
    std::fs::remove_file(&file).unwrap();
    std::fs::create_dir(&file).unwrap();
    saved(&redis, "err");
    assert_eq!(cached(&engine, &other).await.outcome, Outcome::Hit);
}

#[tokio::test]
async fn a_cache_without_a_place_says_so() {
    let redis = Redis::start();
    let client = redis::Client::open(redis.url()).unwrap();
    let mut inside = client.get_connection().unwrap();
    let mut set = |value: &str| {
        let mut command = redis::cmd("CONFIG");
        command.arg("SET").arg("maxclients").arg(value);
        command.query::<()>(&mut inside).unwrap();
    };
    set("1");
    let source = Fake::new();
    let engine = engine(&redis.url(), &source, false);
    let report = report(Refresh::Ttl);
    let answer = cached(&engine, &report).await;
    assert_eq!(answer.outcome, Outcome::Bypass);
    let reason = answer.reason.unwrap();
    assert!(reason.contains("no place for another client"), "{reason}");
    set("100");
    until("the cache is used again", async || {
        cached(&engine, &report).await.outcome == Outcome::Hit
    })
    .await;
}

#[tokio::test]
async fn a_loading_cache_says_so_and_is_used_when_it_is_ready() {
    let redis = Redis::start_with(&[
        "--save",
        "",
        "--enable-debug-command",
        "yes",
        "--key-load-delay",
        "500",
        "--loading-process-events-interval-bytes",
        "1024",
    ]);
    redis.cli(&["DEBUG", "POPULATE", "10000"]);
    let port = redis.port.to_string();
    let mut reload = std::process::Command::new("redis-cli")
        .args(["-p", &port, "DEBUG", "RELOAD"])
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let source = Fake::new();
    let engine = engine(&redis.url(), &source, false);
    let report = report(Refresh::Ttl);
    // Until the server begins to load, it fills and serves.
    let mut reason = String::new();
    until("the cache says that it is loading", async || {
        reason = cached(&engine, &report).await.reason.unwrap_or_default();
        reason.contains("still loading its data")
    })
    .await;
    until("the cache is used again", async || {
        cached(&engine, &report).await.outcome == Outcome::Hit
    })
    .await;
    reload.wait().unwrap();
}

#[tokio::test]
async fn a_replica_that_becomes_the_primary_is_filled_again() {
    let primary = Redis::start();
    let replica = Redis::start();
    replica.cli(&["REPLICAOF", "127.0.0.1", &primary.port.to_string()]);
    until("the replica follows", async || {
        replica
            .cli(&["INFO", "replication"])
            .contains("master_link_status:up")
    })
    .await;
    says_and_recovers(
        &replica,
        "takes no writes",
        |_| (),
        |replica| drop(replica.cli(&["REPLICAOF", "NO", "ONE"])),
    )
    .await;
}

#[tokio::test]
async fn an_emptied_redis_is_a_miss() {
    let redis = Redis::start();
    let source = Fake::new();
    let engine = engine(&redis.url(), &source, false);
    cached(&engine, &report(Refresh::Ttl)).await;
    redis.cli(&["FLUSHALL"]);
    redis.cli(&["SCRIPT", "FLUSH"]);
    assert_eq!(
        cached(&engine, &report(Refresh::Ttl)).await.outcome,
        Outcome::Miss
    );
    assert_eq!(
        cached(&engine, &report(Refresh::Ttl)).await.outcome,
        Outcome::Hit
    );
}

#[tokio::test]
async fn wrong_password_and_missing_permission_are_named_without_the_secret() {
    let redis = Redis::start();
    redis.cli(&[
        "ACL",
        "SETUSER",
        "limited",
        "on",
        ">pw-of-limited",
        "~*",
        "+ping",
        "+info",
        "+client",
    ]);
    let source = Fake::new();
    let report = report(Refresh::Ttl);
    let wrong = engine(
        &format!("redis://limited:not-this@127.0.0.1:{}/0", redis.port),
        &source,
        false,
    );
    let answer = cached(&wrong, &report).await;
    assert_eq!(answer.outcome, Outcome::Bypass);
    let reason = answer.reason.unwrap();
    assert!(
        reason.contains("refused the sign-in") && !reason.contains("not-this"),
        "{reason}"
    );
    let limited = engine(
        &format!("redis://limited:pw-of-limited@127.0.0.1:{}/0", redis.port),
        &source,
        false,
    );
    let answer = cached(&limited, &report).await;
    let reason = answer.reason.unwrap();
    assert!(
        reason.contains("may not do what the cache needs"),
        "{reason}"
    );
    let tls = engine(
        &format!("rediss://127.0.0.1:{}", redis.port),
        &source,
        false,
    );
    let reason = cached(&tls, &report).await.reason.unwrap();
    assert!(reason.contains("TLS"), "{reason}");
    let nonsense = engine("http://127.0.0.1:1", &source, false);
    let reason = cached(&nonsense, &report).await.reason.unwrap();
    assert!(reason.contains("begins with no scheme"), "{reason}");
}

#[tokio::test]
async fn a_unix_socket_works() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("redis.sock");
    let _redis = Redis::start_with(&["--save", "", "--unixsocket", socket.to_str().unwrap()]);
    let source = Fake::new();
    let engine = engine(
        &format!("redis+unix://{}", socket.display()),
        &source,
        false,
    );
    assert_eq!(
        cached(&engine, &report(Refresh::Ttl)).await.outcome,
        Outcome::Miss
    );
    assert_eq!(
        cached(&engine, &report(Refresh::Ttl)).await.outcome,
        Outcome::Hit
    );
}

#[tokio::test]
async fn damage_of_every_kind_is_a_miss_and_is_repaired() {
    let redis = Redis::start();
    let source = Fake::new();
    let report = report(Refresh::Ttl);
    for rows in [20, 20_000] {
        source.rows.store(rows, Ordering::SeqCst);
        redis.cli(&["FLUSHALL"]);
        let engine = engine(&redis.url(), &source, false);
        cached(&engine, &report).await;
        let header = engine.state(&report, &Params::default()).await.redis_key;
        let chunk = keys(&redis, "t:c:*").into_iter().next();
        let mut damages: Vec<Vec<String>> = vec![
            vec!["DEL".into(), header.clone()],
            vec!["SET".into(), header.clone(), "a string".into()],
            vec!["HDEL".into(), header.clone(), "schema".into()],
            vec!["HSET".into(), header.clone(), "pos".into(), "zzz".into()],
            vec![
                "HSET".into(),
                header.clone(),
                "tables".into(),
                "not json".into(),
            ],
            vec!["HSET".into(), header.clone(), "soft".into(), "soon".into()],
            vec![
                "HSET".into(),
                header.clone(),
                "rows".into(),
                "99999999999".into(),
            ],
            vec!["HSET".into(), header.clone(), "index".into(), String::new()],
            vec![
                "HSET".into(),
                header.clone(),
                "schema".into(),
                "not arrow".into(),
            ],
            vec![
                "HSET".into(),
                header.clone(),
                "\u{1}\u{2}".into(),
                "more".into(),
            ],
        ];
        if let Some(chunk) = chunk {
            damages.push(vec!["DEL".into(), chunk.clone()]);
            damages.push(vec![
                "SETRANGE".into(),
                chunk.clone(),
                "300".into(),
                "XXXXXXXX".into(),
            ]);
            damages.push(vec!["SET".into(), chunk.clone(), String::new()]);
            damages.push(vec!["APPEND".into(), chunk.clone(), "X".into()]);
        } else {
            damages.push(vec![
                "HSET".into(),
                header.clone(),
                "inline".into(),
                "garbage".into(),
            ]);
        }
        for damage in damages {
            // The chunks of an entry have other names after each repair.
            let damage: Vec<String> = damage
                .iter()
                .map(|word| match word.strip_prefix("t:c:") {
                    Some(_) => {
                        let state = redis.cli(&["HGET", &header, "fill"]);
                        format!("t:c:{}:{}", state.trim(), word.rsplit(':').next().unwrap())
                    }
                    None => word.clone(),
                })
                .collect();
            let words: Vec<&str> = damage.iter().map(String::as_str).collect();
            redis.cli(&words);
            let before = source.runs();
            let answer = cached(&engine, &report).await;
            assert_eq!(answer.ids().len(), rows, "{words:?}");
            let harmless = words.last() == Some(&"more");
            if !harmless {
                assert_eq!(
                    (answer.outcome, source.runs()),
                    (Outcome::Miss, before + 1),
                    "{words:?}"
                );
            }
            let repaired = cached(&engine, &report).await;
            assert_eq!(
                repaired.outcome,
                Outcome::Hit,
                "{words:?}: {:?}",
                repaired.reason
            );
        }
    }
}

/// The first rows of an answer, the ids of all of them, and how it ended. What the event says may differ from what was
/// told before the first row.
async fn to_the_end(
    engine: &Arc<Engine>,
    report: &Arc<Report>,
    after_first: impl FnOnce(),
) -> (Vec<i64>, Option<EngineError>, RequestEvent) {
    let mut answer = engine.ask(request(report, Mode::Cached)).await.unwrap();
    assert_eq!(answer.about.outcome, Outcome::Hit);
    let (mut ids, mut after_first, mut ended) = (Vec::new(), Some(after_first), None);
    while let Some(batch) = answer.rows.next().await {
        match batch {
            Ok(batch) => ids.extend(batch.column(0).as_primitive::<Int64Type>().values()),
            Err(error) => ended = Some(error),
        }
        if let Some(after_first) = after_first.take() {
            after_first();
        }
    }
    (ids, ended, answer.event.get().unwrap().clone())
}

/// Breaks one chunk of the report's entry.
async fn rot(redis: &Redis, engine: &Engine, report: &Report, from_the_end: usize) {
    let header = engine.state(report, &Params::default()).await.redis_key;
    let field = |name: &str| redis.cli(&["HGET", &header, name]).trim().to_owned();
    let chunks: usize = field("chunks").parse().unwrap();
    assert!(chunks > 2 * from_the_end && chunks > 3, "{chunks} chunks");
    let chunk = format!("t:c:{}:{}", field("fill"), chunks - from_the_end);
    redis.cli(&["SETRANGE", &chunk, "1000", "XXXXXXXX"]);
}

#[tokio::test]
async fn rot_in_the_middle_of_a_large_answer_is_mended_without_a_row_twice() {
    let redis = Redis::start();
    let source = Fake::new();
    source.rows.store(400_000, Ordering::SeqCst);
    let engine = engine(&redis.url(), &source, false);
    let report = report(Refresh::Ttl);
    let before = cached(&engine, &report).await;
    for from_the_end in [1, 4] {
        rot(&redis, &engine, &report, from_the_end).await;
        let runs = source.runs();
        let (ids, error, event) = to_the_end(&engine, &report, || ()).await;
        assert!(error.is_none(), "{error:?}");
        assert!(
            ids == (0..400_000).collect::<Vec<_>>(),
            "{} rows",
            ids.len()
        );
        assert_eq!(source.runs(), runs + 1);
        assert_eq!((event.outcome, event.rows), (Outcome::Miss, 400_000));
        assert_eq!(event.sha256, before.event.sha256);
        let reason = event.reason.unwrap();
        assert!(reason.contains("the cached rows were damaged"), "{reason}");
        let again = cached(&engine, &report).await;
        assert_eq!((again.outcome, again.ids().len()), (Outcome::Hit, 400_000));
        let events = engine.log().since(0).0.len();
        assert_eq!(
            events,
            if from_the_end == 1 { 3 } else { 5 },
            "one event a request"
        );
    }
    // A chunk that is gone, evicted say, is seen before the first row.
    let header = engine.state(&report, &Params::default()).await.redis_key;
    let fill = redis.cli(&["HGET", &header, "fill"]);
    redis.cli(&["DEL", &format!("t:c:{}:3", fill.trim())]);
    assert_eq!(cached(&engine, &report).await.outcome, Outcome::Miss);
}

#[tokio::test]
async fn rot_in_an_answer_whose_data_changed_since_ends_it_and_the_next_one_is_whole() {
    let redis = Redis::start();
    let source = Fake::new();
    source.rows.store(400_000, Ordering::SeqCst);
    let engine = engine(&redis.url(), &source, false);
    let report = report(Refresh::Ttl);
    cached(&engine, &report).await;
    rot(&redis, &engine, &report, 1).await;
    source.version.store(2, Ordering::SeqCst);
    let (_, error, event) = to_the_end(&engine, &report, || ()).await;
    let error = error.unwrap();
    assert!(matches!(error, EngineError::Damaged), "{error}");
    assert!(event.error.unwrap().contains("run the report again"));
    until("the repaired entry is there", async || {
        engine.state(&report, &Params::default()).await.state == Freshness::Fresh
    })
    .await;
    let again = cached(&engine, &report).await;
    assert_eq!((again.outcome, again.version()), (Outcome::Hit, 2));
    assert_eq!(source.runs(), 2);
}

#[tokio::test]
async fn killing_redis_in_the_middle_of_a_hit_loses_nothing() {
    let mut redis = Redis::start();
    let source = Fake::new();
    source.rows.store(2_000_000, Ordering::SeqCst);
    let engine = engine(&redis.url(), &source, false);
    let report = report(Refresh::Ttl);
    cached(&engine, &report).await;
    let (ids, error, event) = to_the_end(&engine, &report, || redis.kill()).await;
    assert!(error.is_none(), "{error:?}");
    assert!(
        ids == (0..2_000_000).collect::<Vec<_>>(),
        "{} rows",
        ids.len()
    );
    assert_eq!((event.outcome, source.runs()), (Outcome::Bypass, 2));
    let reason = event.reason.unwrap();
    assert!(reason.contains("the cache went away"), "{reason}");
}

#[tokio::test]
async fn versions_of_the_wrong_type_are_a_bypass_that_says_so() {
    let redis = Redis::start();
    let source = Fake::new();
    let engine = engine(&redis.url(), &source, false);
    let versions = engine.protocol("fake").unwrap().keys().versions();
    redis.cli(&["SET", &versions, "mine"]);
    let answer = cached(&engine, &report(Refresh::Ttl)).await;
    assert_eq!(answer.outcome, Outcome::Bypass);
    assert!(answer.reason.unwrap().contains("another type"));
    assert_eq!(
        redis.cli(&["GET", &versions]).trim(),
        "mine",
        "what is not ours is left alone"
    );
}

#[tokio::test]
async fn events_recorded_while_redis_is_away_arrive_when_it_is_back() {
    let mut redis = Redis::start();
    let source = Fake::new();
    let engine = engine(&redis.url(), &source, false);
    redis.kill();
    cached(&engine, &report(Refresh::Ttl)).await;
    redis.restart();
    until("the event is there", async || {
        redis.cli(&["XLEN", "t:events"]).trim() == "1"
    })
    .await;
}
