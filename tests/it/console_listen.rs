//! MONITOR and channels against a real server: what is heard is exact, ends when it should, and is refused in a sentence.
#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use lookaside::inspect::{Batch, Connection, Heard, Limit, Listen, Listener};
use lookaside::workspace::ConnectionUrl;

use crate::inspect_values::writer;
use crate::servers::Redis;

async fn connect(redis: &Redis) -> Connection {
    Connection::open(&ConnectionUrl::new(&redis.url()))
        .await
        .unwrap()
}

/// What is heard until there are `wanted`, or the end.
async fn until(listener: &mut Listener, wanted: usize) -> (Vec<Heard>, Option<String>) {
    let mut heard = Vec::new();
    let gathering = async {
        while heard.len() < wanted {
            match listener.next().await {
                Some(Batch {
                    heard: more, ended, ..
                }) => {
                    heard.extend(more);
                    if ended.is_some() {
                        return ended;
                    }
                }
                None => return None,
            }
        }
        None
    };
    let ended = tokio::time::timeout(Duration::from_secs(30), gathering)
        .await
        .unwrap();
    (heard, ended)
}

#[tokio::test(flavor = "multi_thread")]
async fn channels_are_heard_exactly_and_end_with_their_listener() {
    let redis = Redis::start();
    redis.cli(&["CONFIG", "SET", "notify-keyspace-events", "KEA"]);
    let connection = connect(&redis).await;
    let mut link = writer(&redis).await;
    for line in ["SUBSCRIBE plain \"odd \\x00\"", "SSUBSCRIBE plain"] {
        let listen = Listen::from_line(line).unwrap().unwrap();
        let mut listener = Listener::start(&connection, &listen).await.unwrap();
        let verb = if line.starts_with('S') && line.contains("SSUB") {
            "SPUBLISH"
        } else {
            "PUBLISH"
        };
        for payload in [b"{\"a\": 1}".as_slice(), b"\xff\0x", b""] {
            redis::cmd(verb)
                .arg("plain")
                .arg(payload)
                .exec_async(&mut link)
                .await
                .unwrap();
        }
        let (heard, _) = until(&mut listener, 3).await;
        let texts: Vec<&str> = heard.iter().map(|heard| heard.text.as_str()).collect();
        assert_eq!(texts, ["{\"a\": 1}", "\"\\xff\\x00x\"", "\"\""], "{line}");
        assert_eq!(heard[0].from, "plain");
        drop(listener);
        // The server has no subscriber any more.
        let start = Instant::now();
        while redis.cli(&["PUBLISH", "plain", "x"]).trim() != "0"
            || redis.cli(&["PUBSUB", "SHARDCHANNELS"]).trim() != ""
        {
            assert!(start.elapsed() < Duration::from_secs(20));
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    let listen = Listen::from_line("PSUBSCRIBE __key*__:*").unwrap().unwrap();
    let mut listener = Listener::start(&connection, &listen).await.unwrap();
    redis.cli(&["-n", "2", "SET", "user:1", "x"]);
    let (heard, _) = until(&mut listener, 2).await;
    for heard in &heard {
        let event = heard.event.as_ref().unwrap();
        assert_eq!(
            (
                event.database.as_str(),
                event.event.as_str(),
                event.key.as_str()
            ),
            ("2", "set", "user:1")
        );
        assert_eq!(heard.pattern.as_deref(), Some("__key*__:*"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn monitor_ends_after_its_commands_or_its_time() {
    let redis = Redis::start();
    let connection = connect(&redis).await;
    let mut link = writer(&redis).await;
    let limit = Limit {
        lines: 5,
        time: Duration::from_mins(1),
    };
    let mut listener = Listener::start(&connection, &Listen::Monitor(limit))
        .await
        .unwrap();
    for n in 0_u8..9 {
        redis::cmd("SET")
            .arg("k")
            .arg([n, 0xff_u8].as_slice())
            .exec_async(&mut link)
            .await
            .unwrap();
    }
    let (heard, ended) = until(&mut listener, 99).await;
    assert_eq!(ended.as_deref(), Some("Ended after 5 commands, as chosen"));
    assert_eq!(heard.len(), 5);
    assert_eq!(heard[1].text, "\"SET\" \"k\" \"\\x01\\xff\"");
    assert!(
        heard[1].from.starts_with("0 127.0.0.1:"),
        "{}",
        heard[1].from
    );
    assert_eq!(listener.next().await, None);

    let limit = Limit {
        lines: 1_000,
        time: Duration::from_millis(300),
    };
    let mut listener = Listener::start(&connection, &Listen::Monitor(limit))
        .await
        .unwrap();
    let (_, ended) = until(&mut listener, 99).await;
    assert!(ended.unwrap().contains("as chosen"));
    // Nobody monitors any more.
    let start = Instant::now();
    while redis.cli(&["CLIENT", "LIST"]).contains("cmd=monitor") {
        assert!(start.elapsed() < Duration::from_secs(20));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_listen_is_told_in_a_sentence_and_a_lost_server_ends_it() {
    let mut redis = Redis::start();
    redis.cli(&[
        "ACL",
        "SETUSER",
        "ann",
        "on",
        ">pw",
        "~*",
        "+@all",
        "-monitor",
        "resetchannels",
    ]);
    let url = redis.url().replace("redis://", "redis://ann:pw@");
    let connection = Connection::open(&ConnectionUrl::new(&url)).await.unwrap();
    let error = Listener::start(&connection, &Listen::Monitor(Limit::default())).await;
    let error = error.err().unwrap().to_string();
    assert_eq!(
        error,
        "this Redis account may not run MONITOR; allow it with ACL SETUSER ... +monitor"
    );
    let listen = Listen::from_line("SUBSCRIBE c").unwrap().unwrap();
    let error = Listener::start(&connection, &listen)
        .await
        .err()
        .unwrap()
        .to_string();
    assert!(error.contains("&channel"), "{error}");

    let connection = connect(&redis).await;
    let mut channels = Listener::start(&connection, &listen).await.unwrap();
    let limit = Limit {
        lines: 1_000,
        time: Duration::from_mins(1),
    };
    let mut monitor = Listener::start(&connection, &Listen::Monitor(limit))
        .await
        .unwrap();
    redis.kill();
    for listener in [&mut channels, &mut monitor] {
        let (_, ended) = until(listener, 99).await;
        assert!(ended.unwrap().contains("was lost"));
    }
}
