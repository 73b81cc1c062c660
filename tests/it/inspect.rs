//! The inspector against a real redis-server.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use lookaside::inspect::{
    About, Connection, Continue, Decoder, Detail, Explorer, Filter, InspectError, Kind, Order,
    Pace, Page, Pattern, Phase, Question, Scan, ScanOptions, ScanState, Sort, Ttl, TtlBucket,
    TtlRange, Value, analyse, check_command, decode, describe, page,
};
use lookaside::workspace::ConnectionUrl;

use super::Redis;

/// As an account without what could do harm, so that every test of the inspector shows that it is not needed.
pub(crate) fn harmless(redis: &crate::servers::Redis) -> String {
    let rights =
        "ACL SETUSER harmless on >pw-x7 ~* &* +@all -keys -flushall -flushdb -debug -config";
    redis.cli(&rights.split(' ').collect::<Vec<_>>());
    format!("redis://harmless:pw-x7@127.0.0.1:{}/0", redis.port)
}

pub(crate) async fn connect(redis: &Redis) -> Connection {
    Connection::open(&ConnectionUrl::new(&harmless(redis)))
        .await
        .unwrap()
}

/// On a busy machine half a second, which the library waits by itself, is little.
pub(crate) fn patient() -> redis::AsyncConnectionConfig {
    redis::AsyncConnectionConfig::new()
        .set_response_timeout(Some(std::time::Duration::from_mins(1)))
}

/// A writer of its own, as any other client.
pub(crate) async fn writer(redis: &Redis) -> redis::aio::MultiplexedConnection {
    redis::Client::open(redis.url())
        .unwrap()
        .get_multiplexed_async_connection_with_config(&patient())
        .await
        .unwrap()
}

pub(crate) async fn fill(redis: &Redis, keys: u32) {
    let mut link = writer(redis).await;
    let mut pipe = redis::pipe();
    for i in 0..keys {
        match i % 6 {
            0 => pipe.cmd("SET").arg(format!("app:s:{i}")).arg("v"),
            1 => pipe.cmd("HSET").arg(format!("app:h:{i}")).arg("f").arg("v"),
            2 => pipe.cmd("RPUSH").arg(format!("app:l:{i}")).arg("v"),
            3 => pipe.cmd("SADD").arg(format!("app:set:{i}")).arg("v"),
            4 => pipe
                .cmd("ZADD")
                .arg(format!("app:z:{i}"))
                .arg("1.5")
                .arg("v"),
            _ => pipe
                .cmd("SET")
                .arg(format!("session:{i}"))
                .arg("v")
                .arg("EX")
                .arg(3_000),
        };
        if pipe.len() == 10_000 {
            pipe.exec_async(&mut link).await.unwrap();
            pipe.clear();
        }
    }
    if !pipe.is_empty() {
        pipe.exec_async(&mut link).await.unwrap();
    }
}

pub(crate) async fn to_end(connection: &Connection, options: ScanOptions) -> Arc<ScanState> {
    let mut scan = Scan::start(connection.clone(), options);
    while scan.next().await.is_some() {}
    scan.state()
}

pub(crate) fn names(state: &ScanState) -> BTreeSet<Vec<u8>> {
    (0..state.keys.len() as u32)
        .map(|id| state.keys.name(id).to_vec())
        .collect()
}

pub(crate) fn full() -> ScanOptions {
    ScanOptions {
        pace: Pace::Full,
        ..ScanOptions::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scan_sees_what_redis_cli_sees_and_sums_it_up() {
    let redis = Redis::start();
    fill(&redis, 30_000).await;
    let connection = connect(&redis).await;
    for options in [full(), ScanOptions::default()] {
        let state = to_end(&connection, options).await;
        assert!(matches!(state.phase, Phase::Complete), "{:?}", state.phase);
        let expected: BTreeSet<Vec<u8>> = redis
            .cli(&["--scan"])
            .lines()
            .map(|line| line.as_bytes().to_vec())
            .collect();
        assert_eq!(names(&state), expected);
        assert_eq!((state.about, state.totals.all.keys), (30_000, 30_000));
        assert_eq!(state.totals.kind(Kind::String).keys, 10_000);
        assert_eq!(state.totals.kind(Kind::ZSet).keys, 5_000);
        assert_eq!(state.totals.ttl(TtlBucket::Hour).keys, 5_000);
        let by_ttl: u64 = TtlBucket::ALL
            .into_iter()
            .map(|bucket| state.totals.ttl(bucket).bytes)
            .sum();
        let by_kind: u64 = state.totals.kinds().map(|(_, count)| count.bytes).sum();
        assert_eq!(
            (by_ttl, by_kind),
            (state.totals.all.bytes, state.totals.all.bytes)
        );
        let key = (0..state.keys.len() as u32)
            .map(|id| state.keys.get(id))
            .find(|key| key.name == b"app:h:1")
            .unwrap();
        assert_eq!(
            (key.kind, key.encoding, key.ttl),
            (Kind::Hash, "listpack", Ttl::Never)
        );
        let bytes: u64 = redis
            .cli(&["MEMORY", "USAGE", "app:h:1"])
            .trim()
            .parse()
            .unwrap();
        assert_eq!(key.bytes, Some(bytes));
        assert!(key.idle.is_some());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_stay_are_all_seen_once_while_others_come_and_go() {
    let redis = Redis::start();
    fill(&redis, 20_000).await;
    let stop = Arc::new(AtomicBool::new(false));
    let mut link = writer(&redis).await;
    let stopped = stop.clone();
    let churn = tokio::spawn(async move {
        // Adding many and deleting them again makes the server grow and shrink its table, which makes SCAN repeat.
        let mut round = 0_u32;
        while !stopped.load(Ordering::Relaxed) {
            let mut pipe = redis::pipe();
            for i in 0..5_000 {
                pipe.cmd("SET").arg(format!("churn:{round}:{i}")).arg("x");
            }
            pipe.exec_async(&mut link).await.unwrap();
            let mut pipe = redis::pipe();
            for i in 0..5_000 {
                pipe.cmd("DEL").arg(format!("churn:{round}:{i}"));
            }
            pipe.exec_async(&mut link).await.unwrap();
            round += 1;
        }
    });
    let connection = connect(&redis).await;
    for _ in 0..3 {
        let state = to_end(&connection, full()).await;
        let seen = names(&state);
        assert_eq!(seen.len(), state.keys.len(), "a key was kept twice");
        let stayed: Vec<_> = seen
            .iter()
            .filter(|name| !name.starts_with(b"churn:"))
            .collect();
        assert_eq!(stayed.len(), 20_000);
    }
    stop.store(true, Ordering::Relaxed);
    churn.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scan_pauses_resumes_and_is_cancelled_keeping_what_it_saw() {
    let redis = Redis::start();
    fill(&redis, 20_000).await;
    let connection = connect(&redis).await;
    let mut scan = Scan::start(connection.clone(), ScanOptions::default());
    scan.pause(true);
    let paused = loop {
        let state = scan.next().await.unwrap();
        if matches!(state.phase, Phase::Paused) {
            break state;
        }
    };
    assert!(paused.keys.len() < 20_000);
    scan.pause(false);
    scan.set_pace(Pace::Full);
    while scan.next().await.is_some() {}
    assert_eq!(scan.state().keys.len(), 20_000);
    assert!(matches!(scan.state().phase, Phase::Complete));

    let mut scan = Scan::start(connection, ScanOptions::default());
    let some = scan.next().await.unwrap().keys.len();
    scan.cancel();
    while scan.next().await.is_some() {}
    assert!(matches!(scan.state().phase, Phase::Cancelled));
    assert!(some > 0 && scan.state().keys.len() >= some);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pattern_and_a_type_are_matched_by_the_server() {
    let redis = Redis::start();
    fill(&redis, 600).await;
    let connection = connect(&redis).await;
    let state = to_end(
        &connection,
        ScanOptions {
            pattern: b"app:*".to_vec(),
            type_name: "zset".into(),
            ..full()
        },
    )
    .await;
    assert_eq!(state.keys.len(), 100);
    assert!(names(&state).iter().all(|name| name.starts_with(b"app:z:")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_server_ends_the_scan_with_a_sentence_and_the_next_try_works() {
    let mut redis = Redis::start();
    fill(&redis, 5_000).await;
    // Not as an account that the restart forgets.
    let url = ConnectionUrl::new(&redis.url());
    let connection = Connection::open(&url).await.unwrap();
    let mut scan = Scan::start(connection.clone(), ScanOptions::default());
    scan.next().await.unwrap();
    redis.kill();
    while scan.next().await.is_some() {}
    let Phase::Failed(error) = &scan.state().phase else {
        panic!("{:?}", scan.state().phase)
    };
    assert!(!error.to_string().is_empty());
    assert!(!scan.state().keys.is_empty());
    redis.restart();
    // The first command may meet the old connection.
    let _ = describe(&connection, b"x").await;
    assert!(matches!(
        describe(&connection, b"x").await,
        Err(InspectError::NoKey)
    ));
}

/// Every page of a key's value, joined.
async fn whole(connection: &Connection, about: &About) -> (Value, usize) {
    let Page {
        mut value,
        mut next,
    } = page(connection, about, None, false).await.unwrap();
    let mut pages = 1;
    while let Some(from) = next {
        let more = page(connection, about, Some(&from), false).await.unwrap();
        value.append(more.value);
        next = more.next;
        pages += 1;
    }
    (value, pages)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_data_structure_is_read_page_by_page() {
    let redis = Redis::start();
    let mut link = writer(&redis).await;
    let mut pipe = redis::pipe();
    for i in 0..1_000_u32 {
        pipe.cmd("HSET")
            .arg("hash")
            .arg(format!("field{i}"))
            .arg(format!("value{i}"));
        pipe.cmd("RPUSH").arg("list").arg(format!("item{i}"));
        pipe.cmd("SADD").arg("set").arg(format!("member{i}"));
        pipe.cmd("ZADD")
            .arg("zset")
            .arg(f64::from(i) / 10.0)
            .arg(format!("member{i:04}"));
        pipe.cmd("XADD")
            .arg("stream")
            .arg(format!("{}-1", i + 1))
            .arg("n")
            .arg(i);
    }
    pipe.cmd("ZADD").arg("zset").arg("inf").arg("last");
    pipe.cmd("SET")
        .arg("string")
        .arg(vec![b'x'; 200_000])
        .arg("EX")
        .arg(100);
    pipe.exec_async(&mut link).await.unwrap();
    let connection = connect(&redis).await;

    for (name, kind, elements) in [
        ("string", Kind::String, 200_000),
        ("hash", Kind::Hash, 1_000),
        ("list", Kind::List, 1_000),
        ("set", Kind::Set, 1_000),
        ("zset", Kind::ZSet, 1_001),
        ("stream", Kind::Stream, 1_000),
    ] {
        let about = describe(&connection, name.as_bytes()).await.unwrap();
        assert_eq!(
            (about.kind, about.elements),
            (kind, Some(elements)),
            "{name}"
        );
        assert!(about.bytes.unwrap() > 0 && !about.encoding.is_empty());
        let first = page(&connection, &about, None, false).await.unwrap();
        assert!(
            first.next.is_some() && (first.value.len() as u64) < elements,
            "{name} came at once"
        );
        let (value, pages) = whole(&connection, &about).await;
        assert!(pages > 1);
        assert_eq!(value.len() as u64, elements, "{name}");
        match value {
            Value::List { items, .. } => assert_eq!(items[999], b"item999"),
            Value::ZSet { items, .. } => {
                assert_eq!(items[985], (b"member0015".to_vec(), "1.5".into()));
                assert_eq!(items[0], (b"last".to_vec(), "inf".into()));
            }
            Value::Stream(entries) => {
                assert_eq!(
                    (entries[7].id.as_str(), &entries[7].fields),
                    ("8-1", &vec![(b"n".to_vec(), b"7".to_vec())])
                );
            }
            Value::Hash(fields) => {
                let fields: BTreeSet<_> = fields
                    .into_iter()
                    .map(|field| (field.name, field.value))
                    .collect();
                assert_eq!(fields.len(), 1_000);
                assert!(fields.contains(&(b"field7".to_vec(), b"value7".to_vec())));
            }
            Value::Set(members) => {
                assert_eq!(members.into_iter().collect::<BTreeSet<_>>().len(), 1_000);
            }
            Value::String { bytes, .. } => assert_eq!(bytes, vec![b'x'; 200_000]),
            other => panic!("{other:?}"),
        }
    }
    assert!(matches!(
        describe(&connection, b"string").await.unwrap().ttl,
        Ttl::At(_)
    ));
    assert!(matches!(
        describe(&connection, b"nothing").await,
        Err(InspectError::NoKey)
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_names_and_values_stay_exact_and_bounded() {
    let redis = Redis::start();
    let mut link = writer(&redis).await;
    let hostile: [&[u8]; 6] = [
        b"",
        b"\0",
        b"\xff\xfe:\xfd:x",
        b"a\r\nb",
        b"*[?",
        "\u{202e}:x".as_bytes(),
    ];
    let mut pipe = redis::pipe();
    for name in hostile {
        pipe.cmd("SET").arg(name).arg(name);
    }
    pipe.cmd("SET").arg("big").arg(vec![0_u8; 10_000_000]);
    pipe.cmd("RPUSH")
        .arg("long")
        .arg(vec![b'y'; 3_000_000])
        .arg(vec![b'z'; 3_000_000]);
    pipe.exec_async(&mut link).await.unwrap();
    let connection = connect(&redis).await;
    let state = to_end(&connection, full()).await;
    let seen = names(&state);
    for name in hostile {
        assert!(seen.contains(name), "{name:?}");
        let about = describe(&connection, name).await.unwrap();
        let (value, _) = whole(&connection, &about).await;
        assert_eq!(
            value,
            Value::String {
                offset: 0,
                bytes: name.to_vec()
            }
        );
    }
    let big = describe(&connection, b"big").await.unwrap();
    let first = page(&connection, &big, None, false).await.unwrap();
    assert_eq!(first.value.len(), 64 * 1024);
    assert_eq!(first.next, Some(Continue::Offset(64 * 1024)));
    let Value::String { bytes, .. } = first.value else {
        panic!()
    };
    assert_eq!(decode(&bytes, false, &[]).form, Decoder::Hex);
    let long = describe(&connection, b"long").await.unwrap();
    assert!(
        matches!(page(&connection, &long, None, false).await.unwrap().value, Value::Withheld(average) if average > 2_000_000)
    );
    let Value::List { items, .. } = page(&connection, &long, None, true).await.unwrap().value
    else {
        panic!()
    };
    assert_eq!(
        items.len(),
        1,
        "one element at a time where each is that large"
    );
    // A value whose type changed under us is an error in words, not a panic.
    redis.cli(&["DEL", "long"]);
    redis.cli(&["SET", "long", "x"]);
    assert!(
        page(&connection, &long, None, true)
            .await
            .unwrap_err()
            .to_string()
            .contains("LRANGE")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_without_dangerous_rights_sees_everything() {
    let redis = Redis::start();
    fill(&redis, 600).await;
    redis.cli(&[
        "ACL",
        "SETUSER",
        "limited",
        "on",
        ">pw-x7",
        "~*",
        "+@all",
        "-keys",
        "-flushall",
        "-flushdb",
        "-debug",
        "-config",
    ]);
    redis.cli(&[
        "ACL",
        "SETUSER",
        "poor",
        "on",
        ">pw-x7",
        "~*",
        "+@all",
        "-memory|usage",
        "-object",
        "-dbsize",
        "-info",
        "-client",
    ]);
    redis.cli(&[
        "ACL", "SETUSER", "blind", "on", ">pw-x7", "~*", "+@all", "-scan", "-type",
    ]);
    let open = async |user: &str| {
        let url = format!("redis://{user}:pw-x7@127.0.0.1:{}/0", redis.port);
        Connection::open(&ConnectionUrl::new(&url)).await.unwrap()
    };
    let limited = to_end(&open("limited").await, full()).await;
    // What an older server would take for use of the keys is left out, and told; that has nothing to do with rights.
    let refused = |state: &ScanState| {
        let notes = state.notes.iter();
        notes
            .filter(|note| !note.starts_with("Elements are not counted"))
            .count()
    };
    assert_eq!((limited.keys.len(), refused(&limited)), (600, 0));

    let poor = open("poor").await;
    let state = to_end(&poor, full()).await;
    assert!(matches!(state.phase, Phase::Complete), "{:?}", state.phase);
    assert_eq!(state.keys.len(), 600);
    assert_eq!(refused(&state), 4, "{:?}", state.notes);
    assert!(
        state
            .notes
            .iter()
            .any(|note| note.contains("MEMORY USAGE") && note.contains("+memory|usage"))
    );
    let key = state.keys.get(0);
    assert_eq!((key.bytes, key.encoding, key.idle), (None, "", None));
    let about = describe(&poor, b"app:h:1").await.unwrap();
    assert_eq!((about.bytes, about.elements), (None, Some(1)));

    let blind = open("blind").await;
    let state = to_end(&blind, full()).await;
    let Phase::Failed(error) = &state.phase else {
        panic!("{:?}", state.phase)
    };
    assert!(error.to_string().contains("+scan"), "{error}");
    assert!(!format!("{error:?} {blind:?}").contains("pw-x7"));
    // What TYPE would have said the lengths tell.
    let about = describe(&blind, b"app:h:1").await.unwrap();
    assert_eq!((about.kind, about.elements), (Kind::Hash, Some(1)));
    assert!(matches!(
        describe(&blind, b"x").await,
        Err(InspectError::NoKey)
    ));
}

/// What is asked of the server itself, and never of its data.
const TELLING: &[&str] = &[
    "client|list",
    "config|get",
    "info",
    "latency|doctor",
    "latency|history",
    "latency|latest",
    "slowlog|get",
];

#[tokio::test(flavor = "multi_thread")]
async fn no_command_that_writes_passes_the_gate() {
    let redis = Redis::start();
    let mut link = writer(&redis).await;
    let commands: Vec<redis::Value> = redis::cmd("COMMAND").query_async(&mut link).await.unwrap();
    let mut refused = 0;
    let mut check = |command: &redis::Value| {
        let redis::Value::Array(parts) = command else {
            panic!("{command:?}")
        };
        let name: String = redis::from_redis_value(parts[0].clone()).unwrap();
        let flags: Vec<String> = redis::from_redis_value(parts[2].clone()).unwrap();
        let categories: Vec<String> = redis::from_redis_value(parts[6].clone()).unwrap();
        let harms = flags.iter().any(|flag| {
            ["write", "admin", "pubsub", "blocking", "may_replicate"].contains(&flag.as_str())
        }) || categories
            .iter()
            .any(|category| ["@dangerous", "@scripting"].contains(&category.as_str()));
        // These only read; that the server counts them as dangerous is about what they tell.
        if harms && !TELLING.contains(&name.as_str()) {
            let words: Vec<_> = name.split('|').map(str::as_bytes).collect();
            assert!(check_command(words).is_err(), "{name} passed");
            refused += 1;
        }
        parts[9].clone()
    };
    for command in &commands {
        if let redis::Value::Array(subcommands) = check(command) {
            for subcommand in &subcommands {
                check(subcommand);
            }
        }
    }
    assert!(refused > 150, "{refused}");
    let connection = connect(&redis).await;
    let error = connection
        .ask::<redis::Value>(redis::cmd("SET").arg("k").arg("v"))
        .await
        .unwrap_err();
    assert!(
        matches!(error, InspectError::Refused(_))
            && error.to_string().starts_with("SET was not sent")
    );
    assert_eq!(redis.cli(&["DBSIZE"]).trim(), "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_explorer_answers_questions_while_and_after_it_scans() {
    let redis = Redis::start();
    fill(&redis, 12_000).await;
    let (wake, mut woken) = tokio::sync::mpsc::unbounded_channel();
    let explorer = Explorer::start(
        connect(&redis).await,
        full(),
        Question::default(),
        move |_| {
            let _ = wake.send(());
        },
    );
    while !(matches!(explorer.view().state.phase, Phase::Complete)
        && explorer.view().rows.len() == 12_000)
    {
        woken.recv().await.unwrap();
    }
    let view = explorer.view();
    let prefixes: Vec<_> = view
        .tree
        .iter()
        .map(|row| (row.label.as_slice(), row.count.keys))
        .collect();
    assert_eq!(prefixes, [(&b"app"[..], 10_000), (b"session", 2_000)]);
    // app: is taken apart into what is under it; session: holds keys alone.
    assert_eq!(view.parts.len(), 6);
    assert_eq!(
        view.parts.iter().map(|part| part.count.keys).sum::<u64>(),
        12_000
    );
    let question = Question {
        filter: Filter {
            prefix: b"app:".to_vec(),
            pattern: Pattern::typed("app:s"),
            hidden: vec![Kind::Set],
            ttl: TtlRange::All,
            ..Filter::default()
        },
        order: Order {
            by: Sort::Key,
            descending: true,
        },
        open: BTreeSet::from([b"app:".to_vec()]),
        analysis: Some(Detail::default()),
    };
    explorer.ask(question.clone());
    while *explorer.view().question != question {
        woken.recv().await.unwrap();
    }
    let view = explorer.view();
    assert_eq!(view.tree.len(), 7);
    assert_eq!((view.rows.len(), view.shown.keys), (2_000, 2_000));
    let analysis = view.analysis.as_ref().unwrap();
    assert_eq!((analysis.all.count, analysis.complete), (view.shown, true));
    assert_eq!(view.keys.name(view.rows[0]), b"app:s:9996");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_analysis_names_the_biggest_keys() {
    let redis = Redis::start();
    fill(&redis, 6_000).await;
    redis.cli(&["SETRANGE", "app:huge", "500000", "x"]);
    let detail = Detail { depth: 2, top: 3 };
    let connection = connect(&redis).await;
    let (analysis, state, rows) = analyse(&connection, full(), Filter::default(), detail, |_| {})
        .await
        .unwrap();
    assert!(analysis.complete && matches!(state.phase, Phase::Complete));
    assert_eq!((rows.len(), analysis.all.count.keys), (6_001, 6_001));
    assert_eq!(analysis.biggest.len(), 3);
    let first = &analysis.biggest[0];
    assert_eq!(
        (first.name.as_slice(), first.elements),
        (&b"app:huge"[..], Some(500_001))
    );
    assert_eq!(analysis.prefixes[0].name, b"app:");
    for groups in [
        &analysis.types,
        &analysis.ttl,
        &analysis.encodings,
        &analysis.used,
        &analysis.prefixes,
    ] {
        let bytes: u64 = groups.iter().map(|group| group.count.bytes).sum();
        assert_eq!(bytes, state.totals.all.bytes);
    }
    assert!(
        analysis
            .prefixes
            .iter()
            .any(|group| group.name == b"app:h:" && group.count.keys == 1_000)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_there_and_nobody_there() {
    let redis = Redis::start();
    let connection = connect(&redis).await;
    let state = to_end(&connection, full()).await;
    assert!(matches!(state.phase, Phase::Complete) && state.keys.is_empty());
    let error = Connection::open(&ConnectionUrl::new("redis://u:pw-x7@127.0.0.1:1/0"))
        .await
        .unwrap_err();
    assert!(!format!("{error} {error:?}").contains("pw-x7"));
}

/// The command's one JSON document.
fn command(arguments: &[&str]) -> serde_json::Value {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_lookaside"))
        .args(arguments)
        .arg("--json")
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_commands_print_documented_json() {
    let redis = Redis::start();
    let mut link = writer(&redis).await;
    let mut pipe = redis::pipe();
    pipe.cmd("SET").arg(b"bin:\xff").arg(b"\xfe\0");
    pipe.cmd("ZADD")
        .arg("z:1")
        .arg("0.1")
        .arg("a")
        .arg("inf")
        .arg("b");
    pipe.exec_async(&mut link).await.unwrap();
    let url = harmless(&redis);
    let keys = command(&["keys", "--redis", &url, "--top", "1"]);
    assert_eq!(
        (keys["keys"].as_u64(), keys["complete"].as_bool()),
        (Some(2), Some(true))
    );
    for (list, fields) in [
        ("types", &["type", "keys", "bytes"][..]),
        ("ttl", &["bucket", "keys", "bytes"]),
        ("prefixes", &["prefix", "keys", "bytes"]),
        ("top", &["key", "type", "bytes", "elements", "ttl_ms"]),
    ] {
        let first = keys[list][0].as_object().unwrap();
        assert!(
            fields.iter().all(|field| first.contains_key(*field)),
            "{list}: {first:?}"
        );
    }
    let zset = command(&["key", "--redis", &url, "z:1"]);
    assert_eq!(
        zset["value"],
        serde_json::json!([{ "member": "b", "score": "inf" }, { "member": "a", "score": 0.1 }])
    );
    // `bin:\xff` in base64.
    let binary = command(&["key", "--redis", &url, "--base64", "YmluOv8="]);
    assert_eq!(binary["key"], "YmluOv8=");
    assert_eq!(
        (&binary["encoding_of_key"], &binary["encoding_of_value"]),
        (&"base64".into(), &"base64".into())
    );
    assert_eq!(
        (&binary["value"], &binary["truncated"]),
        (&"/gA=".into(), &false.into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chunk_of_ours_is_read_as_rows() {
    use arrow::array::{Int64Array, RecordBatch};
    use lookaside::cache::payload::Chunker;
    use lookaside::inspect::{Owned, owned, payload};

    let redis = Redis::start();
    let numbers: arrow::array::ArrayRef = Arc::new(Int64Array::from_iter_values(0..5));
    let batch = RecordBatch::try_from_iter([("n", numbers)]).unwrap();
    let (mut chunker, mut chunks) = (Chunker::new(None), Vec::new());
    chunker.push(&batch, &mut chunks).unwrap();
    chunker.finish(&batch.schema(), &mut chunks).unwrap();
    let mut link = writer(&redis).await;
    let mut pipe = redis::pipe();
    pipe.cmd("SET").arg("p:c:abc:0").arg(&chunks[0].bytes);
    pipe.cmd("SET").arg("p:c:abc:1").arg("no Arrow");
    pipe.exec_async(&mut link).await.unwrap();
    let connection = connect(&redis).await;
    let read = async |name: &str| {
        let about = describe(&connection, name.as_bytes()).await.unwrap();
        let first = page(&connection, &about, None, false).await.unwrap();
        let ours = owned("p", name.as_bytes(), &first.value).unwrap();
        assert!(matches!(ours, Owned::Chunk(_)));
        payload(&connection, "p", name.as_bytes(), &ours).await
    };
    assert_eq!(read("p:c:abc:0").await.unwrap().unwrap().batches, [batch]);
    assert!(read("p:c:abc:1").await.is_err());
    let strangers = Value::String {
        offset: 0,
        bytes: Vec::new(),
    };
    assert!(owned("p", b"q:c:abc:0", &strangers).is_none());
}
