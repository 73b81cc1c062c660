//! The whole keyspace against real servers: clusters, frequencies, elements, filters, samples, files, comparisons.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use lookaside::inspect::{
    Connection, Detail, Filter, InspectError, Pace, Phase, Range, Scan, ScanOptions, Ttl, TtlRange,
    analyse, compare, describe, from_json, list, page, sample, to_json,
};
use lookaside::inspect::{Index, Order, Sort, TtlBucket, Value};
use lookaside::workspace::ConnectionUrl;

use super::{Cluster, Redis};
use crate::inspect::{connect, fill, full, harmless, names, to_end, writer};

/// As the harmless account of every node, by the node at this place.
async fn open(cluster: &Cluster, at: usize) -> Connection {
    let urls: Vec<String> = cluster.nodes.iter().map(harmless).collect();
    let url = urls[at].replace("redis://", "redis-cluster://");
    Connection::open(&ConnectionUrl::new(&url)).await.unwrap()
}

fn commands(keys: std::ops::Range<u32>) -> String {
    let mut text = String::new();
    for i in keys {
        match i % 4 {
            0 => writeln!(text, "SET s:{i} v"),
            1 => writeln!(text, "HSET h:{i} f v g w"),
            2 => writeln!(text, "RPUSH l:{i} a b c"),
            _ => writeln!(text, "SET t:{i} v EX 5000"),
        }
        .unwrap();
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn every_primary_of_a_cluster_is_walked_while_keys_come_and_go() {
    let cluster = Arc::new(Cluster::start());
    cluster.send(&commands(0..6_000));
    let expected: BTreeSet<Vec<u8>> = cluster
        .scanned()
        .into_iter()
        .map(String::into_bytes)
        .collect();
    assert_eq!(expected.len(), 6_000);
    let stop = Arc::new(AtomicBool::new(false));
    let (churned, stopped) = (cluster.clone(), stop.clone());
    let churn = std::thread::spawn(move || {
        let mut round = 0;
        while !stopped.load(Ordering::Relaxed) {
            let mut text = String::new();
            for i in 0..300 {
                writeln!(text, "SET churn:{round}:{i} x\nUNLINK churn:{round}:{i}").unwrap();
            }
            churned.send(&text);
            round += 1;
        }
    });
    let connection = open(&cluster, 1).await;
    assert!(connection.server().is_cluster);
    for pace in [Pace::Full, Pace::Gentle] {
        let options = ScanOptions {
            pace,
            count_anyway: true,
            ..ScanOptions::default()
        };
        let state = to_end(&connection, options).await;
        assert!(matches!(state.phase, Phase::Complete), "{:?}", state.phase);
        assert_eq!(state.servers, 3);
        assert!(state.about >= 6_000);
        let seen = names(&state);
        assert_eq!(seen.len(), state.keys.len(), "a key was kept twice");
        let stayed: BTreeSet<_> = seen
            .into_iter()
            .filter(|name| !name.starts_with(b"churn:"))
            .collect();
        assert_eq!(stayed, expected);
    }
    stop.store(true, Ordering::Relaxed);
    churn.join().unwrap();

    // Keys of every node are read through the connection to one of them.
    for i in 0..40 {
        let name = format!("l:{}", i * 4 + 2).into_bytes();
        let about = describe(&connection, &name).await.unwrap();
        assert_eq!(about.elements, Some(3));
        let first = page(&connection, &about, None, false).await.unwrap();
        assert!(matches!(first.value, Value::List { items, .. } if items.len() == 3));
    }
    let missing = describe(&connection, b"nosuch:1").await;
    assert!(matches!(missing, Err(InspectError::NoKey)), "{missing:?}");
    let estimate = sample(
        &connection,
        1_500,
        &Filter::default(),
        Detail::default(),
        |_| {},
    )
    .await
    .unwrap()
    .unwrap();
    assert_eq!(estimate.all.count.keys, estimate.about);
    let hashes = estimate.types.iter().find(|group| group.name == b"hash");
    let hashes = hashes.unwrap().count.keys;
    assert!(
        (1_200..=1_800).contains(&hashes),
        "{hashes} of 1,500 hashes"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_a_slot_that_moves_during_the_scan_are_seen() {
    let cluster = Cluster::start();
    cluster.send(&commands(0..3_000));
    // All of these stand in one slot, the first node's.
    let slot: u16 = cluster.nodes[0]
        .cli(&["CLUSTER", "KEYSLOT", "{b}"])
        .trim()
        .parse()
        .unwrap();
    assert!(slot < 5_461, "the tag's slot is the first node's");
    let mut text = String::new();
    for i in 0..200 {
        writeln!(text, "SET {{b}}:{i} x").unwrap();
    }
    cluster.send(&text);
    let connection = open(&cluster, 0).await;
    let mut scan = Scan::start(connection, ScanOptions::default());
    scan.pause(true);
    while !matches!(scan.next().await.unwrap().phase, Phase::Paused) {}
    cluster.move_slot(slot, 0, 2);
    scan.set_pace(Pace::Full);
    scan.pause(false);
    while scan.next().await.is_some() {}
    let state = scan.state();
    assert!(matches!(state.phase, Phase::Complete), "{:?}", state.phase);
    assert_eq!(state.keys.len(), 3_200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_may_not_ask_for_the_nodes_sees_one_and_hears_why() {
    let cluster = Cluster::start();
    cluster.send(&commands(0..300));
    cluster.nodes[0].cli(&[
        "ACL", "SETUSER", "narrow", "on", ">pw-x7", "~*", "+@all", "-cluster",
    ]);
    let url = format!("redis://narrow:pw-x7@127.0.0.1:{}", cluster.nodes[0].port);
    let connection = Connection::open(&ConnectionUrl::new(&url)).await.unwrap();
    let state = to_end(&connection, full()).await;
    let Phase::Failed(error) = &state.phase else {
        panic!("{:?}", state.phase)
    };
    assert!(error.to_string().contains("+cluster|slots"), "{error}");
    let own = cluster.nodes[0].cli(&["DBSIZE"]);
    assert_eq!(state.keys.len().to_string(), own.trim());
}

#[tokio::test(flavor = "multi_thread")]
async fn frequencies_are_told_where_the_server_counts_them_and_stay_as_they_were() {
    // With this factor every use adds one, so that nothing is left to chance.
    let redis = Redis::start_with(&[
        "--save",
        "",
        "--maxmemory-policy",
        "allkeys-lfu",
        "--lfu-log-factor",
        "0",
        // Nor is anything forgotten as time goes by.
        "--lfu-decay-time",
        "0",
    ]);
    fill(&redis, 3_000).await;
    redis.cli(&["GET", "app:s:0"]);
    let connection = connect(&redis).await;
    let frequency = |key: &str| redis.cli(&["OBJECT", "FREQ", key]).trim().to_owned();
    let before = (frequency("app:s:0"), frequency("app:h:1"));
    assert_ne!(before.0, before.1);
    for _ in 0..2 {
        let state = to_end(&connection, full()).await;
        assert!(
            state.notes.iter().all(|note| !note.contains("Idle")),
            "{:?}",
            state.notes
        );
        for id in 0..state.keys.len() as u32 {
            let key = state.keys.get(id);
            assert!(key.frequency.is_some() && key.idle.is_none(), "{key:?}");
        }
        let index = Index::default().extended(&state.keys);
        let order = Order {
            by: Sort::Idle,
            descending: false,
        };
        let most = list(&state.keys, &index, &Filter::default(), order, 0)[0];
        assert_eq!(state.keys.name(most), b"app:s:0");
    }
    assert_eq!(before, (frequency("app:s:0"), frequency("app:h:1")));
    // Counting elements is use of a key to a server that cannot be asked otherwise, which is why it is not done unasked.
    let counting = ScanOptions {
        count_anyway: true,
        ..full()
    };
    to_end(&connection, counting).await;
    let untouched = connection.server().untouched;
    assert_eq!(frequency("app:h:1") == before.1, untouched);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_script_tells_of_many_keys_what_the_plain_questions_tell() {
    let redis = Redis::start();
    fill(&redis, 3_000).await;
    // More digits than a script writes exactly, and bytes that lines and words are made of.
    redis.cli(&["SET", "far", "v", "PX", "900000000000000001"]);
    redis.cli(&["EVAL", "redis.call('SET', 'a\\nnone\\n \\255', 'v')", "0"]);
    redis.cli(&[
        "ACL", "SETUSER", "plain", "on", ">pw-x7", "~*", "+@all", "-eval_ro",
    ]);
    let scripts = || {
        let stats = redis.cli(&["INFO", "commandstats"]);
        let calls = stats
            .lines()
            .find_map(|line| line.strip_prefix("cmdstat_eval_ro:calls="));
        calls.map_or(0, |rest| {
            rest.split(',').next().unwrap().parse::<u32>().unwrap()
        })
    };
    let facts = async |connection: &Connection| {
        let options = ScanOptions {
            count_anyway: true,
            ..full()
        };
        let state = to_end(connection, options).await;
        assert!(matches!(state.phase, Phase::Complete), "{:?}", state.phase);
        assert_eq!(state.notes, Vec::<String>::new());
        let mut facts: Vec<_> = (0..state.keys.len() as u32)
            .map(|id| state.keys.get(id))
            .map(|key| {
                let ttl = match key.ttl {
                    Ttl::At(at) => Some((at - state.at) / 100_000),
                    _ => None,
                };
                let words = (key.type_name.to_owned(), key.encoding.to_owned());
                assert!(key.idle.is_some());
                (
                    key.name.to_vec(),
                    words,
                    key.kind,
                    key.bytes,
                    key.elements,
                    ttl,
                )
            })
            .collect();
        facts.sort();
        facts
    };
    let bundled = facts(&connect(&redis).await).await;
    let ran = scripts();
    assert_eq!(bundled.len(), 3_002);
    assert!((15..=60).contains(&ran), "{ran} scripts for 3,002 keys");
    let far = bundled.iter().find(|facts| facts.0 == b"far").unwrap();
    assert!(far.5.unwrap() > 8_000_000_000_000);
    assert!(bundled.iter().any(|facts| facts.0 == b"a\nnone\n \xff"));
    let url = format!("redis://plain:pw-x7@127.0.0.1:{}/0", redis.port);
    let plain = Connection::open(&ConnectionUrl::new(&url)).await.unwrap();
    assert_eq!(facts(&plain).await, bundled);
    assert_eq!(scripts(), ran);
}

#[tokio::test(flavor = "multi_thread")]
async fn elements_are_counted_where_that_is_harmless_or_asked_for() {
    let redis = Redis::start();
    redis.cli(&["RPUSH", "list", "a", "b", "c"]);
    redis.cli(&["XADD", "stream", "*", "a", "b"]);
    redis.cli(&["SET", "string", "xyz"]);
    let connection = connect(&redis).await;
    let elements = async |count_anyway| {
        let options = ScanOptions {
            count_anyway,
            ..full()
        };
        let state = to_end(&connection, options).await;
        let mut elements: Vec<_> = (0..3)
            .map(|id| state.keys.get(id))
            .map(|key| (key.name.to_vec(), key.elements))
            .collect();
        elements.sort();
        (elements, state.notes.len())
    };
    let named = |list, stream| {
        vec![
            (b"list".to_vec(), list),
            (b"stream".to_vec(), stream),
            (b"string".to_vec(), None),
        ]
    };
    assert_eq!(elements(true).await, (named(Some(3), Some(1)), 0));
    let unasked = if connection.server().untouched {
        (named(Some(3), Some(1)), 0)
    } else {
        (named(None, None), 1)
    };
    assert_eq!(elements(false).await, unasked);
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_divide_the_keyspace_and_their_sums_are_the_whole() {
    let redis = Redis::start();
    fill(&redis, 6_000).await;
    redis.cli(&["SET", "soon", "x", "EX", "40"]);
    redis.cli(&["SETRANGE", "large", "200000", "x"]);
    redis.cli(&["RPUSH", "long", "1", "2", "3", "4", "5", "6"]);
    redis.cli(&["HSET", "lookaside:c:fill:0", "f", "v"]);
    redis.cli(&["SET", "lookaside:events", "v"]);
    let connection = connect(&redis).await;
    let options = ScanOptions {
        count_anyway: true,
        ..full()
    };
    let state = to_end(&connection, options).await;
    let index = Index::default().extended(&state.keys);
    let now = chrono::Utc::now().timestamp_millis();
    let shown = |filter: Filter| {
        let rows = list(&state.keys, &index, &filter, Order::default(), now);
        rows.iter()
            .map(|id| String::from_utf8_lossy(state.keys.name(*id)).into_owned())
            .collect::<Vec<_>>()
    };
    let ttl = |text: &str| {
        shown(Filter {
            ttl: TtlRange::read(text).unwrap(),
            ..Filter::default()
        })
    };
    assert_eq!(ttl("<1m"), ["soon"]);
    assert_eq!(ttl("some").len(), 1_001);
    assert_eq!(ttl("never").len() + ttl("some").len(), 6_005);
    assert_eq!(ttl("1m..").len() + ttl("<1m").len(), 1_001);
    let bytes = |text: &str| {
        shown(Filter {
            bytes: Range::bytes(text).unwrap(),
            ..Filter::default()
        })
    };
    assert_eq!(bytes(">100KB"), ["large"]);
    assert_eq!(bytes("<=100KB").len(), 6_004);
    let long = shown(Filter {
        elements: Range::count(">5").unwrap(),
        ..Filter::default()
    });
    assert_eq!(long, ["long"]);
    let idle = |text: &str| {
        shown(Filter {
            idle: Range::seconds(text).unwrap(),
            ..Filter::default()
        })
    };
    assert_eq!((idle("<1h").len(), idle(">=1h").len()), (6_005, 0));
    let entries = shown(Filter {
        entries: Some("lookaside".into()),
        ..Filter::default()
    });
    assert_eq!(entries, ["lookaside:c:fill:0"]);
    let encoded = |encoding: &str| {
        shown(Filter {
            encoding: encoding.into(),
            ..Filter::default()
        })
        .len()
    };
    let (raw, embstr, listpack) = (encoded("raw"), encoded("embstr"), encoded("listpack"));
    assert!(
        raw == 1 && embstr == 2_002 && listpack > 1_000,
        "{raw} {embstr} {listpack}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sample_estimates_what_a_scan_counts() {
    let redis = Redis::start();
    fill(&redis, 30_000).await;
    let connection = connect(&redis).await;
    let detail = Detail { depth: 1, top: 5 };
    let draw = async |draws| {
        sample(&connection, draws, &Filter::default(), detail, |_| {})
            .await
            .unwrap()
    };
    assert!(draw(30_000).await.is_none());
    let estimate = draw(10_000).await.unwrap();
    let (counted, ..) = analyse(&connection, full(), Filter::default(), detail, |_| {})
        .await
        .unwrap();
    assert_eq!(estimate.all.count.keys, 30_000);
    assert!(!estimate.complete && estimate.sample.unwrap().of == 30_000);
    // Ten standard errors: no chance of a false alarm, and still a sixth of the smallest group.
    for (estimated, counted) in [
        (&estimate.types, &counted.types),
        (&estimate.prefixes, &counted.prefixes),
        (&estimate.ttl, &counted.ttl),
    ] {
        for group in counted.iter().filter(|group| group.count.keys > 0) {
            let same = estimated.iter().find(|other| other.name == group.name);
            let close = |a: u64, b: u64| (a as f64 / b as f64 - 1.0).abs() < 0.25;
            let same = same.unwrap();
            assert!(
                close(same.count.keys, group.count.keys),
                "{same:?} {group:?}"
            );
            assert!(
                close(same.count.bytes, group.count.bytes),
                "{same:?} {group:?}"
            );
            let bounds = same.bounds.unwrap();
            assert!(bounds.low.keys <= same.count.keys && same.count.keys <= bounds.high.keys);
        }
    }
    redis.cli(&[
        "ACL",
        "SETUSER",
        "narrow",
        "on",
        ">pw-x7",
        "~*",
        "+@all",
        "-randomkey",
    ]);
    let url = format!("redis://narrow:pw-x7@127.0.0.1:{}/0", redis.port);
    let narrow = Connection::open(&ConnectionUrl::new(&url)).await.unwrap();
    let refused = sample(&narrow, 1_000, &Filter::default(), detail, |_| {}).await;
    assert!(refused.unwrap_err().to_string().contains("+randomkey"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_grew_between_two_scans_is_told() {
    let redis = Redis::start();
    fill(&redis, 1_200).await;
    let connection = connect(&redis).await;
    let analysis = async || {
        let detail = Detail::default();
        let (analysis, ..) = analyse(&connection, full(), Filter::default(), detail, |_| {})
            .await
            .unwrap();
        analysis
    };
    let before = analysis().await;
    let mut link = writer(&redis).await;
    let mut pipe = redis::pipe();
    for i in 0..50 {
        pipe.cmd("SET").arg(format!("new:{i}")).arg("value");
    }
    pipe.cmd("DEL").arg("app:s:0");
    pipe.exec_async(&mut link).await.unwrap();
    let read = from_json(&to_json(&before).to_string()).unwrap();
    let compared = compare(&read, &analysis().await);
    let changes: Vec<_> = compared
        .prefixes
        .iter()
        .map(|growth| (growth.name.as_slice(), growth.keys()))
        .collect();
    assert_eq!(changes, [(&b"new:"[..], 50), (b"app:", -1)]);
    assert_eq!(compared.all.keys(), 49);
}

fn lookaside(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_lookaside"))
        .args(arguments)
        .output()
        .unwrap()
}

fn good(arguments: &[&str]) -> String {
    let output = lookaside(arguments);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {error}");
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_filters_samples_compares_and_writes_files() {
    let redis = Redis::start();
    fill(&redis, 2_400).await;
    let mut link = writer(&redis).await;
    let mut pipe = redis::pipe();
    pipe.cmd("SET").arg(b"bin:\xff").arg("x");
    pipe.cmd("SET").arg("=1+1").arg("x");
    pipe.exec_async(&mut link).await.unwrap();
    let url = harmless(&redis);
    let keys = |more: &[&str]| {
        let mut arguments = vec!["keys", "--redis", url.as_str()];
        arguments.extend(more);
        good(&arguments)
    };
    let json = |more: &[&str]| -> serde_json::Value {
        let mut arguments = more.to_vec();
        arguments.push("--json");
        serde_json::from_str(&keys(&arguments)).unwrap()
    };
    assert_eq!(json(&["--ttl", "some"])["keys"], 400);
    assert_eq!(
        json(&["--encoding", "embstr", "--ttl", "never"])["keys"],
        402
    );
    assert_eq!(
        json(&["--elements", ">=1", "--count-elements"])["keys"],
        1_600
    );
    assert_eq!(json(&["--entries"])["keys"], 0);
    // What no key could answer is told, for "0 keys" alone would be wrong.
    let unanswered = json(&["--frequency", ">1"]);
    assert_eq!(unanswered["keys"], 0);
    let told = unanswered["notes"].to_string();
    assert!(told.contains("--frequency cannot be answered"), "{told}");
    // Newer servers refuse a type that they do not know.
    let other = lookaside(&["keys", "--redis", &url, "--type", "strings"]);
    let told = String::from_utf8([other.stdout, other.stderr].concat()).unwrap();
    assert!(
        told.contains("No key is of the type") || told.contains("unknown type name 'strings'"),
        "{told}"
    );
    // More than there are, and more than there can be.
    let most = usize::MAX.to_string();
    let all = json(&["--top", &most]);
    assert_eq!(all["top"].as_array().unwrap().len(), 2_402);

    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let list = file("keys.csv");
    keys(&["--list", &list, "--full-speed"]);
    let mut reader = csv::Reader::from_path(&list).unwrap();
    let header = "key,encoding_of_key,type,encoding,ttl_ms,bytes,elements,idle_s,frequency";
    assert_eq!(
        reader
            .headers()
            .unwrap()
            .iter()
            .collect::<Vec<_>>()
            .join(","),
        header
    );
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 2_402);
    // `bin:\xff` in base64.
    let binary = rows.iter().find(|row| &row[0] == "YmluOv8=").unwrap();
    assert_eq!(
        (&binary[1], &binary[2], &binary[4]),
        ("base64", "string", "")
    );
    let list = file("keys.json");
    keys(&["--list", &list, "--match", "session:*"]);
    let rows: serde_json::Value = serde_json::from_slice(&fs::read(&list).unwrap()).unwrap();
    assert_eq!(rows.as_array().unwrap().len(), 400);
    assert!(rows[0]["ttl_ms"].as_u64().unwrap() > 2_000_000);

    let figures = keys(&["--csv"]);
    let mut reader = csv::Reader::from_reader(figures.as_bytes());
    let all = reader.records().next().unwrap().unwrap();
    assert_eq!((&all[0], &all[3]), ("all", "2402"));

    let before = file("before.json");
    fs::write(&before, keys(&["--json"])).unwrap();
    redis.cli(&["SET", "grown:1", "x"]);
    let grown = json(&["--compare", &before]);
    assert_eq!(grown["grown"]["keys"], 1);
    assert_eq!(grown["grown"]["prefixes"][0]["prefix"], "grown:");
    assert!(keys(&["--compare", &before]).contains("+1 keys"));
    let other = lookaside(&[
        "keys",
        "--redis",
        &url,
        "--compare",
        &before,
        "--match",
        "app:*",
    ]);
    let error = String::from_utf8(other.stderr).unwrap();
    assert_eq!(other.status.code(), Some(2), "{error}");
    assert!(
        error.contains("of all keys, and this one is with --match app:*"),
        "{error}"
    );

    let sampled = json(&["--sample", "1000"]);
    assert_eq!(
        (&sampled["sample"]["of"], &sampled["complete"]),
        (&2_403.into(), &false.into())
    );
    let first = &sampled["types"][0];
    assert!(first["keys_low"].as_u64() < first["keys"].as_u64());
    assert!(keys(&["--sample", "1000"]).contains("95 of 100 samples"));
    assert_eq!(json(&["--sample", "5000"])["complete"], true);

    for (arguments, says) in [
        (
            &["--ttl", "soon"][..],
            "--ttl \"soon\" is no range; write never",
        ),
        (&["--bytes", "10"], "--bytes \"10\" is no range"),
        (&["--list", "keys.txt"], ".csv, .json, .parquet or .arrow"),
        (&["--sample", "5"], "at least 100"),
        (&["--compare", &file("keys.csv")], "no analysis"),
    ] {
        let mut all = vec!["keys", "--redis", url.as_str()];
        all.extend(arguments);
        let output = lookaside(&all);
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert!(
            error.contains(says) && error.lines().count() == 1,
            "{error}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ttl_of_the_last_moment_is_a_ttl() {
    let redis = Redis::start();
    redis.cli(&["SET", "k", "v"]);
    redis.cli(&["PEXPIREAT", "k", &i64::MAX.to_string()]);
    let state = to_end(&connect(&redis).await, full()).await;
    assert!(matches!(state.keys.get(0).ttl, Ttl::At(_)));
    assert_eq!(state.totals.ttl(TtlBucket::Never).keys, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_emptied_during_the_scan_is_told() {
    let redis = Redis::start();
    fill(&redis, 6_000).await;
    let options = ScanOptions {
        pace: Pace::Gentle,
        ..full()
    };
    let mut scan = Scan::start(connect(&redis).await, options);
    while scan.next().await.unwrap().keys.len() < 100 {}
    scan.pause(true);
    redis.cli(&["FLUSHALL"]);
    scan.pause(false);
    while scan.next().await.is_some() {}
    let state = scan.state();
    assert!(matches!(state.phase, Phase::Complete), "{:?}", state.phase);
    assert!(state.is_counted && state.about == 0);
    assert!(
        state
            .notes
            .iter()
            .any(|note| note.starts_with("The server has 0 keys at the end")),
        "{:?}",
        state.notes
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_searched_on_the_command_line_is_searched_to_the_end() {
    let redis = Redis::start();
    let mut link = writer(&redis).await;
    let mut pipe = redis::pipe();
    for i in 0..120_000 {
        pipe.cmd("ZADD")
            .arg("rank")
            .arg(i)
            .arg(format!("member-{i}"));
    }
    pipe.exec_async(&mut link).await.unwrap();
    let url = harmless(&redis);
    for (typed, finds) in [("er-77", 1_111), ("member-119999", 1), ("*-1234?", 10)] {
        let found = good(&["key", "rank", "--redis", &url, "--search", typed, "--json"]);
        let found: serde_json::Value = serde_json::from_str(&found).unwrap();
        let members = found["value"].as_array().unwrap();
        // Where there are more than anybody reads, the rest is left, and that is told.
        if finds > 1_000 {
            assert!(members.len() >= 1_000, "{typed}: {}", members.len());
        } else {
            assert_eq!(
                (members.len(), &found["truncated"]),
                (finds, &false.into()),
                "{typed}"
            );
        }
    }
}
