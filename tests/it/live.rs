//! What others change comes into the keys that are shown, and what goes leaves them; bounded, harmless, and told.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use lookaside::inspect::{
    Bulk, Change, Connection, Explorer, Hears, Index, Key, Kind, Lock, NewValue, News, Pace, Phase,
    Question, Scan, ScanOptions, ScanState, Ttl, TtlBucket, apply, carry_out, turn_on_notices,
};
use lookaside::workspace::ConnectionUrl;
use rand::{RngExt as _, SeedableRng as _};
use tokio_util::sync::CancellationToken;

use crate::inspect::{connect, fill};
use crate::servers::{Cluster, Redis, stdout_of};

const NOTIFYING: [&str; 4] = ["--save", "", "--notify-keyspace-events", "KEA"];

async fn open(redis: &Redis, unlocked: bool) -> Connection {
    let lock = Lock::default();
    lock.set_unlocked(unlocked);
    let url = ConnectionUrl::new(&redis.url());
    Connection::open_with(&url, lock).await.unwrap()
}

fn following() -> ScanOptions {
    ScanOptions {
        follow: true,
        count_anyway: true,
        ..ScanOptions::default()
    }
}

fn names(state: &ScanState) -> BTreeSet<Vec<u8>> {
    state
        .keys
        .ids()
        .map(|id| state.keys.name(id).to_vec())
        .collect()
}

fn scanned(redis: &Redis) -> BTreeSet<Vec<u8>> {
    let text = redis.cli(&["--scan"]);
    text.lines().map(|line| line.as_bytes().to_vec()).collect()
}

/// Waits until the scan's state is as wanted.
async fn until(scan: &mut Scan, what: &str, wanted: impl Fn(&ScanState) -> bool) {
    let begun = Instant::now();
    while !wanted(&scan.state()) {
        assert!(
            begun.elapsed() < Duration::from_secs(40),
            "{what}: {:?} {:?} {:?}",
            scan.state().phase,
            scan.state().keys,
            scan.state().live
        );
        let _ = tokio::time::timeout(Duration::from_secs(1), scan.next()).await;
    }
}

fn is_over(state: &ScanState) -> bool {
    matches!(state.phase, Phase::Complete)
}

/// Sums by type, by TTL bucket and by prefix are those of the keys that are there.
fn assert_adds_up(state: &ScanState) {
    let (keys, totals) = (&state.keys, &state.totals);
    let bytes: u64 = keys.ids().map(|id| keys.bytes(id)).sum();
    assert_eq!(
        (totals.all.keys, totals.all.bytes),
        (keys.len() as u64, bytes)
    );
    assert_eq!(keys.ids().count(), keys.len());
    let types: u64 = totals.kinds().map(|(_, count)| count.bytes).sum();
    let buckets: u64 = TtlBucket::ALL
        .map(|bucket| totals.ttl(bucket).bytes)
        .iter()
        .sum();
    assert_eq!((types, buckets), (bytes, bytes));
    let index = Index::default().extended(keys);
    assert_eq!(index.total(keys, b""), totals.all);
    for kind in Kind::ALL {
        let counted = keys.ids().filter(|id| keys.get(*id).kind == kind).count();
        assert_eq!(totals.kind(kind).keys, counted as u64, "{kind:?}");
    }
}

/// What another client may do to a few hundred keys, at random but the same each time.
fn churn(random: &mut impl rand::Rng, tag: &str) -> String {
    let mut text = String::new();
    for _ in 0..200 {
        let (a, b) = (random.random_range(0..400), random.random_range(0..400));
        let key = format!("{tag}churn:{a}");
        match random.random_range(0..9) {
            0 => writeln!(text, "SET {key} {b}"),
            1 => writeln!(text, "UNLINK {key}"),
            2 => writeln!(text, "SET {key} {b} PX {}", 1 + b * 3),
            3 => writeln!(text, "RENAME {key} {tag}churn:{b}"),
            4 => writeln!(text, "SADD {tag}set:{a} {b}\nSREM {tag}set:{a} {b}"),
            5 => writeln!(text, "RPUSH {tag}list:{a} {b} {a}"),
            6 => writeln!(text, "PEXPIRE {tag}list:{a} {}", 1 + b * 5),
            7 => writeln!(text, "PERSIST {key}"),
            _ => writeln!(text, "UNLINK app:s:{}", b * 6),
        }
        .unwrap();
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_and_sums_follow_another_client_while_the_scan_runs_and_after_it() {
    let redis = Arc::new(Redis::start_with(&NOTIFYING));
    fill(&redis, 6_000).await;
    let stop = Arc::new(AtomicBool::new(false));
    let (churned, stopped) = (redis.clone(), stop.clone());
    let others = std::thread::spawn(move || {
        let mut random = rand::rngs::StdRng::seed_from_u64(7);
        let mut rounds = 0;
        while !stopped.load(Ordering::Relaxed) {
            let mut cli = churned.cli_command();
            cli.stdout(std::process::Stdio::null());
            stdout_of(cli, &churn(&mut random, ""));
            rounds += 1;
        }
        rounds
    });
    let mut scan = Scan::start(open(&redis, false).await, following());
    until(&mut scan, "the scan", is_over).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    stop.store(true, Ordering::Relaxed);
    assert!(others.join().unwrap() > 3);
    let connection = open(&redis, false).await;
    until(&mut scan, "the keys", |state| {
        state.live.waiting == 0 && names(state) == scanned(&redis)
    })
    .await;
    let state = scan.state();
    assert!(
        state.live.hears.is_all() && !state.live.is_behind(),
        "{:?}",
        state.live
    );
    assert_adds_up(&state);
    // What is told of each is what the server says now.
    let fresh = crate::inspect::to_end(
        &connection,
        ScanOptions {
            follow: false,
            ..following()
        },
    )
    .await;
    let all = state.keys.ids().map(|id| state.keys.get(id));
    let by_name: HashMap<&[u8], Key<'_>> = all.map(|key| (key.name, key)).collect();
    for id in fresh.keys.ids() {
        let now = fresh.keys.get(id);
        let shown = by_name[now.name];
        assert_eq!(
            (shown.type_name, shown.bytes, shown.elements, shown.encoding),
            (now.type_name, now.bytes, now.elements, now.encoding)
        );
        match (shown.ttl, now.ttl) {
            (Ttl::At(a), Ttl::At(b)) => assert!((a - b).abs() < 500, "{shown:?} {now:?}"),
            (a, b) => assert_eq!(a, b, "{shown:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_every_node_of_a_cluster_follow() {
    let cluster = Cluster::start();
    for node in &cluster.nodes {
        node.cli(&["CONFIG", "SET", "notify-keyspace-events", "EA"]);
    }
    let text: String = (0..900).fold(String::new(), |text, i| text + &format!("SET k:{i} v\n"));
    cluster.send(&text);
    let url = format!("redis-cluster://127.0.0.1:{}", cluster.nodes[1].port);
    let connection = Connection::open(&ConnectionUrl::new(&url)).await.unwrap();
    let mut scan = Scan::start(connection, following());
    until(&mut scan, "the scan", is_over).await;
    let text = (0..900).fold(String::new(), |text, i| match i % 3 {
        0 => text + &format!("UNLINK k:{i}\n"),
        1 => text + &format!("RPUSH l:{i} a b\n"),
        _ => text + &format!("SET k:{i} v PX {}\n", 200 + i),
    });
    cluster.send(&text);
    until(&mut scan, "the keys", |state| {
        let expected: BTreeSet<Vec<u8>> = cluster
            .scanned()
            .into_iter()
            .map(String::into_bytes)
            .collect();
        expected.len() == 600 && names(state) == expected
    })
    .await;
    assert!(scan.state().live.hears.is_all());
    assert_adds_up(&scan.state());
    // What is told by us goes to the node that has the key.
    for node in &cluster.nodes {
        node.cli(&["CONFIG", "SET", "notify-keyspace-events", ""]);
    }
    cluster.send("SET own:1 v\nSET own:2 v\nSET own:3 v\n");
    for name in ["own:1", "own:2", "own:3"] {
        scan.tell(name.as_bytes(), News::Changed);
    }
    until(&mut scan, "our own", |state| state.keys.len() == 603).await;
    until(&mut scan, "the setting", |state| {
        state.live.hears == Hears::Off
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_made_here_show_at_once_without_notifications() {
    let redis = Redis::start();
    fill(&redis, 3_000).await;
    let connection = open(&redis, true).await;
    let (wake, mut woken) = tokio::sync::mpsc::unbounded_channel();
    let explorer = Explorer::start(
        connection.clone(),
        following(),
        Question::default(),
        move |_| {
            let _ = wake.send(());
        },
    );
    while !is_over(&explorer.view().state) || explorer.view().rows.len() < 3_000 {
        woken.recv().await.unwrap();
    }
    assert_eq!(explorer.view().state.live.hears, Hears::Off);
    let key = |name: &str| name.as_bytes().to_vec();
    let changes = [
        Change::Add {
            key: key("new:1"),
            value: NewValue::List(b"x".to_vec()),
            after_ms: Some(5_000_000),
        },
        Change::Rename {
            key: key("app:s:0"),
            to: key("renamed"),
        },
        Change::Delete {
            key: key("app:h:1"),
        },
        Change::Expire {
            key: key("app:l:2"),
            after_ms: Some(7_000_000),
        },
        Change::Push {
            key: key("app:l:8"),
            value: b"w".to_vec(),
        },
    ];
    let begun = Instant::now();
    for change in &changes {
        apply(&connection, change).await.unwrap();
        for (name, news) in change.news() {
            explorer.tell(name, news);
        }
    }
    let shows = |explorer: &Explorer| {
        let view = explorer.view();
        let find = |name: &str| {
            let mut rows = view.rows.iter().map(|row| view.keys.get(*row));
            rows.find(|key| key.name == name.as_bytes())
        };
        let ttl = |name: &str| find(name).is_some_and(|key| matches!(key.ttl, Ttl::At(_)));
        ttl("new:1")
            && find("renamed").is_some()
            && find("app:s:0").is_none()
            && find("app:h:1").is_none()
            && ttl("app:l:2")
            && find("app:l:8").is_some_and(|key| key.elements == Some(2))
    };
    while !shows(&explorer) {
        woken.recv().await.unwrap();
    }
    assert!(
        begun.elapsed() < Duration::from_secs(3),
        "{:?}",
        begun.elapsed()
    );
    assert_adds_up(&explorer.view().state);

    // Many at once: TTLs, then deleted, and the prefix tree with them.
    let gone: Vec<Vec<u8>> = (0..500)
        .map(|i| format!("session:{}", i * 6 + 5).into_bytes())
        .collect();
    for bulk in [Bulk::Persist, Bulk::Delete] {
        let mut told = 0;
        let now = chrono::Utc::now().timestamp_millis();
        carry_out(
            &connection,
            bulk,
            &gone,
            &mut Vec::new(),
            &CancellationToken::new(),
            |done| {
                for name in &gone[told..done as usize] {
                    explorer.tell(name, bulk.news(now));
                }
                told = done as usize;
            },
        )
        .await
        .unwrap();
        if bulk == Bulk::Persist {
            // Only the new key and the one that was given a TTL still expire.
            while explorer.view().state.totals.ttl(TtlBucket::Never).keys != 2_998 {
                woken.recv().await.unwrap();
            }
        }
    }
    while explorer.view().rows.len() != 2_500 {
        woken.recv().await.unwrap();
    }
    assert!(
        explorer
            .view()
            .tree
            .iter()
            .all(|row| row.label != b"session")
    );
    assert_adds_up(&explorer.view().state);
    let listed = names(&explorer.view().state);
    assert_eq!(listed, scanned(&redis));

    // Turned on from here, what others do is told from then on.
    turn_on_notices(&connection).await.unwrap();
    explorer.look_for_notices();
    while !explorer.view().state.live.hears.is_all() {
        woken.recv().await.unwrap();
    }
    redis.cli(&["SET", "by:others", "v"]);
    while explorer.view().rows.len() != 2_501 {
        woken.recv().await.unwrap();
    }
    let locked = turn_on_notices(&open(&redis, false).await).await;
    assert!(locked.unwrap_err().to_string().contains("unlock"));
}

#[tokio::test(flavor = "multi_thread")]
async fn expired_keys_leave_though_nobody_tells_and_those_given_more_time_stay() {
    // The server does not look for expired keys by itself here, so that only asking finds them gone.
    let redis = Redis::start();
    redis.cli(&["DEBUG", "SET-ACTIVE-EXPIRE", "0"]);
    for i in 0..50 {
        redis.cli(&["SET", &format!("short:{i}"), "v", "PX", "4000"]);
    }
    redis.cli(&["SET", "kept", "v", "PX", "4000"]);
    let mut scan = Scan::start(open(&redis, false).await, following());
    until(&mut scan, "the scan", |state| {
        is_over(state) && state.keys.len() == 51
    })
    .await;
    redis.cli(&["PEXPIRE", "kept", "500000"]);
    until(&mut scan, "the end", |state| state.keys.len() == 1).await;
    let state = scan.state();
    let id = state.keys.ids().next().unwrap();
    assert_eq!(state.keys.name(id), b"kept");
    let left = state.keys.get(id).ttl.left(state.at).unwrap();
    assert!(left > 400_000, "{left}");
    assert_adds_up(&state);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_changes_is_bounded_and_told() {
    let redis = Redis::start_with(&NOTIFYING);
    fill(&redis, 600).await;
    let mut scan = Scan::start(open(&redis, false).await, following());
    until(&mut scan, "the scan", is_over).await;
    let begun = Instant::now();
    let before = asked(&redis);
    let mut link = crate::inspect::writer(&redis).await;
    for round in 0..12 {
        let mut pipe = redis::pipe();
        for i in 0..10_000 {
            pipe.cmd("SET")
                .arg(format!("flood:{round}:{i}"))
                .arg("v")
                .ignore();
        }
        pipe.exec_async(&mut link).await.unwrap();
    }
    until(&mut scan, "the flood", |state| {
        state.live.missed > 0 && !state.keys.is_empty()
    })
    .await;
    let state = scan.state();
    assert!(
        state.live.is_behind() && state.live.waiting <= 50_000,
        "{:?}",
        state.live
    );
    tokio::time::sleep(Duration::from_secs(2)).await;
    let asked = asked(&redis) - before;
    let most = begun.elapsed().as_secs_f64() * 2_200.0 + 500.0;
    assert!(
        (asked as f64) < most,
        "{asked} keys asked for, {most} at most"
    );
    assert_adds_up(&scan.state());
}

/// How many keys' types were asked for.
fn asked(redis: &Redis) -> u64 {
    let stats = redis.cli(&["INFO", "commandstats"]);
    let calls = stats
        .lines()
        .find_map(|line| line.strip_prefix("cmdstat_type:calls="));
    calls.map_or(0, |line| line.split(',').next().unwrap().parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_heard_is_told() {
    let redis = Redis::start_with(&["--save", "", "--notify-keyspace-events", "Ex"]);
    fill(&redis, 60).await;
    // An account without CONFIG and without channels: the scan works, and says that it is not live.
    let connection = connect(&redis).await;
    redis.cli(&["ACL", "SETUSER", "harmless", "resetchannels"]);
    let mut scan = Scan::start(connection, following());
    until(&mut scan, "the scan", is_over).await;
    assert_eq!(scan.state().live.hears, Hears::Denied);
    redis.cli(&["ACL", "SETUSER", "harmless", "allchannels"]);
    scan.look_for_notices();
    until(&mut scan, "the right", |state| {
        state.live.hears == Hears::Unknown
    })
    .await;
    let mut scan = Scan::start(open(&redis, false).await, following());
    until(&mut scan, "the scan", is_over).await;
    // The server writes what it was told in an order of its own.
    let Hears::Some(flags) = scan.state().live.hears.clone() else {
        panic!("{:?}", scan.state().live)
    };
    assert!(flags.contains('x') && flags.contains('E'), "{flags}");
    redis.cli(&["SET", "short", "v", "PX", "100"]);

    // A connection that is lost, and a database that is emptied without a word.
    redis.cli(&["CONFIG", "SET", "notify-keyspace-events", "KEA"]);
    until(&mut scan, "the setting", |state| state.live.hears.is_all()).await;
    redis.cli(&["CLIENT", "KILL", "TYPE", "pubsub"]);
    until(&mut scan, "the gap", |state| state.live.has_gap).await;
    until(&mut scan, "the next connection", |state| {
        state.live.hears.is_all()
    })
    .await;
    redis.cli(&["SET", "heard:again", "v"]);
    until(&mut scan, "the key", |state| {
        names(state).contains(b"heard:again".as_slice())
    })
    .await;
    let mut scan = Scan::start(open(&redis, false).await, following());
    until(&mut scan, "the scan", |state| {
        is_over(state) && !state.live.has_gap
    })
    .await;
    redis.cli(&["FLUSHDB"]);
    until(&mut scan, "the flush", |state| {
        state.live.has_gap && state.about == 0
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scan_that_is_paused_or_stopped_still_follows() {
    let redis = Redis::start_with(&NOTIFYING);
    fill(&redis, 30_000).await;
    let mut scan = Scan::start(open(&redis, false).await, following());
    scan.pause(true);
    until(&mut scan, "the pause", |state| {
        matches!(state.phase, Phase::Paused)
    })
    .await;
    redis.cli(&["SET", "while:paused", "v"]);
    scan.tell(b"while:paused", News::Changed);
    until(&mut scan, "a key", |state| {
        names(state).contains(b"while:paused".as_slice())
    })
    .await;
    scan.pause(false);
    scan.cancel();
    until(&mut scan, "the stop", |state| {
        matches!(state.phase, Phase::Cancelled)
    })
    .await;
    redis.cli(&["SET", "after:stop", "v"]);
    until(&mut scan, "a key", |state| {
        names(state).contains(b"after:stop".as_slice())
    })
    .await;
    assert!(scan.state().keys.len() < 30_000);
    redis.cli(&["UNLINK", "while:paused"]);
    until(&mut scan, "a key", |state| {
        !names(state).contains(b"while:paused".as_slice())
    })
    .await;
    assert_adds_up(&scan.state());
    scan.set_pace(Pace::Full);
    until(&mut scan, "the pace", |state| state.pace == Pace::Full).await;
}
