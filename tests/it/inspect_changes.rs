//! What may be sent while a server is locked, what an edit does when it is not, and the console under the same lock.
#![allow(clippy::unwrap_used)]

use lookaside::inspect::{
    Asker, Bulk, Change, Connection, InspectError, Lock, NewValue, Session, apply, carry_out,
    decide_command, hint, preview,
};
use lookaside::workspace::ConnectionUrl;
use tokio_util::sync::CancellationToken;

use super::Redis;
use crate::inspect::harmless;
use crate::inspect_values::writer;

pub(crate) async fn connect(redis: &Redis, unlocked: bool) -> Connection {
    let lock = Lock::default();
    lock.set_unlocked(unlocked);
    Connection::open_with(&ConnectionUrl::new(&harmless(redis)), lock)
        .await
        .unwrap()
}

/// Every change there is, each of a key that fits.
pub(crate) fn changes() -> Vec<Change> {
    let key = |name: &str| name.as_bytes().to_vec();
    let bytes = |text: &str| text.as_bytes().to_vec();
    vec![
        Change::SetString {
            key: key("string"),
            value: bytes("new\0\u{fc}"),
            was: Some(bytes("old")),
        },
        Change::SetField {
            key: key("hash"),
            field: bytes("a"),
            value: bytes("2"),
            was: Some(bytes("1")),
            keep_ttl: false,
        },
        Change::SetField {
            key: key("hash"),
            field: bytes("new"),
            value: bytes("3"),
            was: None,
            keep_ttl: false,
        },
        Change::DeleteField {
            key: key("hash"),
            field: bytes("b"),
        },
        Change::SetElement {
            key: key("list"),
            index: 1,
            value: bytes("B"),
            was: bytes("b"),
        },
        Change::DeleteElement {
            key: key("list"),
            index: 0,
            was: bytes("a"),
        },
        Change::Push {
            key: key("list"),
            value: bytes("d"),
        },
        Change::Member {
            key: key("set"),
            remove: Some(bytes("a")),
            add: Some(bytes("b")),
        },
        Change::SetScore {
            key: key("zset"),
            member: bytes("a"),
            score: "2.5".into(),
        },
        Change::DeleteScored {
            key: key("zset"),
            member: bytes("b"),
        },
        Change::AddEntry {
            key: key("stream"),
            fields: vec![(bytes("n"), bytes("2"))],
        },
        Change::DeleteEntry {
            key: key("stream"),
            id: "1-1".into(),
        },
        Change::Expire {
            key: key("hash"),
            after_ms: Some(1_000_000),
        },
        Change::Expire {
            key: key("gone-soon"),
            after_ms: None,
        },
        Change::Rename {
            key: key("gone-soon"),
            to: key("renamed"),
        },
        Change::Delete { key: key("doomed") },
        Change::Add {
            key: key("added"),
            value: NewValue::ZSet(bytes("m"), "1".into()),
            after_ms: Some(1_000_000),
        },
    ]
}

pub(crate) fn begin(redis: &Redis) {
    for line in [
        "SET string old EX 5000",
        "HSET hash a 1 b 2",
        "RPUSH list a b c",
        "SADD set a",
        "ZADD zset 1 a 2 b",
        "XADD stream 1-1 n 1",
        "SET gone-soon x EX 5000",
        "SET doomed x",
    ] {
        redis.cli(&line.split(' ').collect::<Vec<_>>());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_does_what_its_commands_say_and_keeps_the_rest() {
    let redis = Redis::start();
    begin(&redis);
    let connection = connect(&redis, true).await;
    for change in changes() {
        apply(&connection, &change)
            .await
            .unwrap_or_else(|error| panic!("{}: {error}", change.shown()));
    }
    let told = |line: &str| {
        redis
            .cli(&line.split(' ').collect::<Vec<_>>())
            .trim()
            .to_owned()
    };
    assert_eq!(told("GET string"), "new\0\u{fc}");
    assert!(
        told("TTL string").parse::<i64>().unwrap() > 4_000,
        "the TTL was lost"
    );
    assert_eq!(told("HGETALL hash"), "a\n2\nnew\n3");
    assert!(told("TTL hash").parse::<i64>().unwrap() > 900);
    assert_eq!(told("LRANGE list 0 -1"), "B\nc\nd");
    assert_eq!(told("SMEMBERS set"), "b");
    assert_eq!(told("ZRANGE zset 0 -1 WITHSCORES"), "a\n2.5");
    assert_eq!(told("XLEN stream"), "1");
    assert_eq!(told("TTL renamed"), "-1");
    assert_eq!(told("EXISTS doomed gone-soon"), "0");
    assert_eq!(told("ZRANGE added 0 -1"), "m");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ttl_of_a_field_is_changed_alone_and_survives_an_edit() {
    let redis = Redis::start();
    redis.cli(&["HSET", "h", "a", "1", "b", "2"]);
    let connection = connect(&redis, true).await;
    let (key, field) = (b"h".to_vec(), b"a".to_vec());
    let expire = |after_ms| Change::ExpireField {
        key: key.clone(),
        field: field.clone(),
        after_ms,
    };
    let edit = |was: &str| Change::SetField {
        key: key.clone(),
        field: field.clone(),
        value: b"new".to_vec(),
        was: Some(was.as_bytes().to_vec()),
        keep_ttl: true,
    };
    let set = apply(&connection, &expire(Some(1_000_000))).await;
    if !connection.server().has_field_ttl() {
        let error = set.unwrap_err().to_string();
        assert!(
            error.contains("HPEXPIRE") && error.contains("unknown"),
            "{error}"
        );
        assert_eq!(redis.cli(&["HGETALL", "h"]).trim(), "a\n1\nb\n2");
        return;
    }
    set.unwrap();
    let left = || -> i64 {
        let told = redis.cli(&["HPTTL", "h", "FIELDS", "2", "a", "b"]);
        let told: Vec<i64> = told.lines().map(|line| line.parse().unwrap()).collect();
        assert_eq!(told[1], -1, "the other field");
        told[0]
    };
    assert!((900_000..=1_000_000).contains(&left()));
    apply(&connection, &edit("1")).await.unwrap();
    assert_eq!(redis.cli(&["HGET", "h", "a"]).trim(), "new");
    assert!(
        (900_000..=1_000_000).contains(&left()),
        "the edit took the TTL"
    );
    let theirs = apply(&connection, &edit("1")).await;
    assert!(
        matches!(theirs, Err(InspectError::Changed(_))),
        "{theirs:?}"
    );
    apply(&connection, &expire(None)).await.unwrap();
    assert_eq!(left(), -1);
    redis.cli(&["HDEL", "h", "a"]);
    for change in [expire(Some(1_000)), expire(None), edit("new")] {
        let gone = apply(&connection, &change).await;
        assert!(matches!(gone, Err(InspectError::Changed(_))), "{gone:?}");
    }
    assert_eq!(redis.cli(&["HGETALL", "h"]).trim(), "b\n2");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_connection_changes_nothing_and_says_so_in_one_sentence() {
    let redis = Redis::start_with(&["--save", "", "--enable-debug-command", "local"]);
    begin(&redis);
    let connection = connect(&redis, false).await;
    let before = redis.cli(&["DEBUG", "DIGEST"]);
    assert_eq!(before.trim().len(), 40, "{before}");
    for change in changes() {
        let error = apply(&connection, &change).await.unwrap_err();
        assert!(matches!(error, InspectError::Refused(_)), "{error}");
        assert!(
            error.to_string().contains("was not sent") && error.to_string().contains("unlock"),
            "{error}"
        );
    }
    let names = [b"doomed".to_vec()];
    for bulk in [Bulk::Delete, Bulk::Expire(1), Bulk::Persist] {
        let mut log = Vec::new();
        let refused = carry_out(
            &connection,
            bulk,
            &names,
            &mut log,
            &CancellationToken::new(),
            |_| {},
        )
        .await;
        assert!(matches!(refused, Err(InspectError::Refused(_))) && log.is_empty());
    }
    assert_eq!(redis.cli(&["DEBUG", "DIGEST"]), before);
    // Unlocked and locked again, while it is open.
    connection.lock().set_unlocked(true);
    let change = Change::Delete {
        key: b"doomed".to_vec(),
    };
    apply(&connection, &change).await.unwrap();
    connection.lock().set_unlocked(false);
    let change = Change::Delete {
        key: b"string".to_vec(),
    };
    assert!(apply(&connection, &change).await.is_err());
    assert_eq!(redis.cli(&["EXISTS", "doomed", "string"]).trim(), "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_else_changed_meanwhile_is_left_alone() {
    let redis = Redis::start();
    begin(&redis);
    let connection = connect(&redis, true).await;
    redis.cli(&["SET", "string", "theirs"]);
    redis.cli(&["HSET", "hash", "a", "theirs"]);
    redis.cli(&["LPUSH", "list", "theirs"]);
    redis.cli(&["SET", "renamed", "theirs"]);
    redis.cli(&["SET", "added", "theirs"]);
    redis.cli(&["DEL", "doomed"]);
    let mut refused = Vec::new();
    for change in changes() {
        if let Err(error) = apply(&connection, &change).await {
            let kind = match error {
                InspectError::Changed(_) => "changed",
                InspectError::Taken(_) => "taken",
                InspectError::NoKey => "gone",
                other => panic!("{other}"),
            };
            refused.push((
                change.commands()[0].args_iter().count(),
                kind,
                String::from_utf8_lossy(change.key()).into_owned(),
            ));
        }
    }
    let told: Vec<_> = refused
        .iter()
        .map(|(_, kind, key)| (*kind, key.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            ("changed", "string"),
            ("changed", "hash"),
            ("changed", "list"),
            ("changed", "list"),
            ("taken", "gone-soon"),
            ("gone", "doomed"),
            ("taken", "added")
        ]
    );
    assert_eq!(redis.cli(&["GET", "string"]).trim(), "theirs");
    // A score that is none is refused by the server, in its words.
    let wrong = Change::SetScore {
        key: b"zset".to_vec(),
        member: b"a".to_vec(),
        score: "x".into(),
    };
    let error = apply(&connection, &wrong).await.unwrap_err().to_string();
    assert!(
        error.contains("ZADD") && error.contains("not a valid float"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_selection_is_counted_changed_logged_and_cancelled() {
    let redis = Redis::start();
    let mut link = writer(&redis).await;
    let mut pipe = redis::pipe();
    let mut names: Vec<Vec<u8>> = (0..5_000).map(|i| format!("k:{i}").into_bytes()).collect();
    names.push(b"bin:\xff".to_vec());
    for name in &names {
        pipe.cmd("SET").arg(name).arg("x");
    }
    pipe.cmd("SET").arg("kept").arg("x");
    pipe.exec_async(&mut link).await.unwrap();
    redis.cli(&["DEL", "k:7"]);
    let connection = connect(&redis, true).await;
    let cancel = CancellationToken::new();
    let counted = preview(&connection, &names, &cancel, |_| {}).await.unwrap();
    assert_eq!((counted.there, counted.gone), (5_000, 1));

    let mut log = Vec::new();
    let done = carry_out(
        &connection,
        Bulk::Expire(1_000_000),
        &names,
        &mut log,
        &cancel,
        |_| {},
    )
    .await
    .unwrap();
    assert_eq!((done.done, done.unchanged), (5_000, 1));
    assert!(redis.cli(&["TTL", "k:8"]).trim().parse::<i64>().unwrap() > 900);
    let done = carry_out(
        &connection,
        Bulk::Persist,
        &names,
        &mut log,
        &cancel,
        |_| {},
    )
    .await
    .unwrap();
    assert_eq!(
        (done.done, redis.cli(&["TTL", "k:8"]).trim()),
        (5_000, "-1")
    );

    // Cancelled after the first batch: what was done is told and logged, the rest is there.
    let stop = CancellationToken::new();
    let mut log = Vec::new();
    let cancelled = carry_out(
        &connection,
        Bulk::Delete,
        &names,
        &mut log,
        &stop.clone(),
        |_| stop.cancel(),
    )
    .await
    .unwrap();
    assert!(cancelled.cancelled && cancelled.done == 499 && cancelled.unchanged == 1);
    assert_eq!(redis.cli(&["DBSIZE"]).trim(), "4502");
    let mut steps = Vec::new();
    let rest = carry_out(
        &connection,
        Bulk::Delete,
        &names,
        &mut log,
        &cancel,
        |done| steps.push(done),
    )
    .await
    .unwrap();
    assert_eq!(
        (rest.done, rest.unchanged, rest.cancelled),
        (4_501, 500, false)
    );
    assert_eq!(steps.last(), Some(&5_001));
    assert_eq!(redis.cli(&["KEYS", "*"]).trim(), "kept");
    let log = String::from_utf8(log).unwrap();
    assert_eq!(log.lines().count(), 5_000);
    let last: serde_json::Value = serde_json::from_str(log.lines().last().unwrap()).unwrap();
    assert_eq!(
        (&last["command"], &last["key"], &last["encoding_of_key"]),
        (&"UNLINK".into(), &"YmluOv8=".into(), &"base64".into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn read_only_holds_for_every_write_that_the_server_knows() {
    let redis = Redis::start();
    let connection = connect(&redis, false).await;
    let table = connection.commands().await;
    let (mut writes, mut reads) = (0, 0);
    for name in table.names() {
        let (command, sub) = name.split_once('|').unwrap_or((name, ""));
        let traits = table.traits(command, sub).unwrap();
        // With and without arguments, in any case, by whoever asks.
        for words in [vec![command, sub], vec![command, sub, "a", "b", "c"]] {
            let words: Vec<String> = words
                .into_iter()
                .filter(|word| !word.is_empty())
                .map(str::to_lowercase)
                .collect();
            let of = |asker, unlocked| {
                decide_command(asker, unlocked, table, words.iter().map(String::as_bytes))
            };
            let two_or_more = command == "PFCOUNT" && words.len() > 2;
            if traits.writes && !two_or_more {
                assert!(
                    of(Asker::Person, false).is_err() && of(Asker::Program, false).is_err(),
                    "{name} passed"
                );
                writes += 1;
            }
            if traits.holds {
                assert!(
                    of(Asker::Person, true).is_err(),
                    "{name} would hold the connection"
                );
            }
            if of(Asker::Person, false).is_ok() {
                reads += 1;
            }
            // The inspector itself sends nothing unlocked that its edits do not need.
            if of(Asker::Program, true).is_ok() && of(Asker::Program, false).is_err() {
                assert!(!traits.dangerous, "{name}");
            }
        }
    }
    assert!(writes > 200 && reads > 100, "{writes} {reads}");

    // And really: what a person types on a locked console leaves the server as it is.
    redis.cli(&["SET", "k", "v"]);
    let session = Session::open(&connection).await.unwrap();
    for line in [
        "SET k x",
        "set k x",
        "EVAL \"redis.call('SET','k','x')\" 0",
        "EVAL_RO \"return 1\" 0",
        "FUNCTION LOAD \"#!lua name=f\\nredis.register_function('f', function() end)\"",
        "FUNCTION FLUSH",
        "SCRIPT FLUSH",
        "FCALL f 0",
        "FLUSHALL",
        "CONFIG SET maxmemory 1",
        "DEBUG SLEEP 0",
        "PFCOUNT k",
        "SORT k STORE l",
        "GETEX k PERSIST",
        "MULTI",
        "NOSUCHCOMMAND k",
        "SUBSCRIBE c",
        "MONITOR",
        "BLPOP k 0",
        "PUBLISH c x",
        "CLIENT KILL ID 1",
    ] {
        let answer = session.run(line).await;
        assert!(
            answer.is_error && answer.text.contains("was not sent"),
            "{line}: {}",
            answer.text
        );
    }
    assert_eq!(redis.cli(&["GET", "k"]).trim(), "v");
    assert_eq!(redis.cli(&["DBSIZE"]).trim(), "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_console_reads_writes_when_unlocked_and_knows_the_commands() {
    let redis = Redis::start();
    let connection = connect(&redis, false).await;
    let session = Session::open(&connection).await.unwrap();
    redis.cli(&["RPUSH", "l", "a", "b"]);
    for (line, expected) in [
        ("LRANGE l 0 -1", "1) \"a\"\n2) \"b\""),
        ("llen l", "(integer) 2"),
        ("GET nothing", "(nil)"),
        ("TYPE l", "list"),
        ("EXISTS \"l\"", "(integer) 1"),
    ] {
        let answer = session.run(line).await;
        assert_eq!(
            (answer.text.as_str(), answer.is_error),
            (expected, false),
            "{line}"
        );
    }
    let wrong = session.run("GET l").await;
    assert!(
        wrong.is_error && wrong.text.contains("WRONGTYPE"),
        "{}",
        wrong.text
    );
    assert!(
        session
            .run("INFO server")
            .await
            .text
            .contains("\nredis_version:")
    );
    connection.lock().set_unlocked(true);
    assert_eq!(session.run("SET \"a b\" '\"x\"'").await.text, "OK");
    assert_eq!(session.run("GET \"a b\"").await.text, "\"\\\"x\\\"\"");
    // A transaction stays on the console's own connection.
    assert_eq!(session.run("MULTI").await.text, "OK");
    assert_eq!(session.run("SET t 1").await.text, "QUEUED");
    assert_eq!(session.run("EXEC").await.text, "1) OK");
    let help = hint(session.docs(), "getrange ");
    assert_eq!(help.arguments(), "key start end");
    assert!(!help.summary.is_empty());
    assert!(
        hint(session.docs(), "CONFIG G")
            .completions
            .contains(&"CONFIG GET".to_owned())
    );
    let set = hint(session.docs(), "SET ");
    assert!(
        set.arguments().starts_with("key value [") && set.arguments().contains("EX seconds"),
        "{}",
        set.arguments()
    );
}
