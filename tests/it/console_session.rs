//! The console on a real server: what waits is cancelled, what was selected stays, and passwords are hidden.
#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use lookaside::inspect::{Connection, Lock, Session, hint};
use lookaside::workspace::ConnectionUrl;
use tokio_util::sync::CancellationToken;

use crate::servers::Redis;

async fn session(redis: &Redis, unlocked: bool) -> Session {
    let lock = Lock::default();
    lock.set_unlocked(unlocked);
    let url = ConnectionUrl::new(&redis.url());
    let connection = Connection::open_with(&url, lock).await.unwrap();
    Session::open(&connection).await.unwrap()
}

/// Until the server has so many clients that wait.
async fn blocked(redis: &Redis, wanted: &str) {
    let start = Instant::now();
    loop {
        let info = redis.cli(&["INFO", "clients"]);
        if info.lines().any(|line| line.trim() == wanted) {
            return;
        }
        assert!(start.elapsed() < Duration::from_secs(20), "{info}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_waits_is_cancelled_on_the_server_too() {
    let redis = Redis::start();
    let session = std::sync::Arc::new(session(&redis, true).await);
    assert_eq!(session.run("SELECT 3").await.text, "OK");
    for line in ["BLPOP nothing 0", "XREAD BLOCK 0 STREAMS nothing $"] {
        let cancel = CancellationToken::new();
        let (running, token) = (session.clone(), cancel.clone());
        let task = tokio::spawn(async move { running.run_until(line, &token).await });
        blocked(&redis, "blocked_clients:1").await;
        cancel.cancel();
        let answer = task.await.unwrap();
        assert!(
            answer.is_error && answer.text.contains("cancelled"),
            "{}",
            answer.text
        );
        blocked(&redis, "blocked_clients:0").await;
        // The console goes on, in the database that was selected.
        assert_eq!(session.run("SET here 1").await.text, "OK");
        assert_eq!(redis.cli(&["-n", "3", "EXISTS", "here"]).trim(), "1");
        redis.cli(&["-n", "3", "DEL", "here"]);
    }
    // One that is answered is no cancelled one.
    redis.cli(&["-n", "3", "RPUSH", "l", "x"]);
    assert_eq!(session.run("BLPOP l 0").await.text, "1) \"l\"\n2) \"x\"");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_console_may_wait_for_a_read_and_not_for_a_write() {
    let redis = Redis::start();
    redis.cli(&["XADD", "s", "1-1", "a", "1"]);
    let session = session(&redis, false).await;
    let read = session.run("XREAD BLOCK 1000 STREAMS s 0").await;
    assert!(
        !read.is_error && read.text.contains("\"1-1\""),
        "{}",
        read.text
    );
    let write = session.run("BLPOP s 0").await;
    assert!(
        write.is_locked && write.text.contains("unlock"),
        "{}",
        write.text
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn no_answer_repeats_a_password() {
    let redis = Redis::start();
    let session = session(&redis, true).await;
    let answer = session
        .run("CONFIG SET requirepass geheim nosuchsetting geheim")
        .await;
    assert!(
        answer.is_error && !answer.text.contains("geheim"),
        "{}",
        answer.text
    );
    let answer = session.run("AUTH geheim").await;
    assert!(
        answer.is_error && !answer.text.contains("geheim"),
        "{}",
        answer.text
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn hints_follow_what_is_typed_for_every_command_of_the_server() {
    let redis = Redis::start();
    let session = session(&redis, false).await;
    let docs = session.docs();
    let current = |line: &str| -> String {
        let pieces = hint(docs, line).pieces;
        let current: Vec<_> = pieces
            .into_iter()
            .filter(|piece| piece.is_current)
            .map(|piece| piece.text)
            .collect();
        current.join(" ")
    };
    assert_eq!(current("getrange k "), "start");
    assert_eq!(current("getrange k 0 "), "end");
    assert_eq!(current("getrange k 0 9 "), "");
    assert!(current("set k v ").contains("EX seconds"));
    assert!(
        current("set k v EX ").contains("EX seconds") && !current("set k v EX ").contains("NX")
    );
    assert!(current("zadd k 1 a ").contains("score member"));
    assert!(current("config set maxmemory ").contains("value"));
    let about = hint(docs, "getrange ");
    assert_eq!(
        (about.since.as_str(), about.key.as_deref()),
        ("2.4.0", Some(""))
    );
    assert_eq!(hint(docs, "mget a us").key.as_deref(), Some("us"));
    assert_eq!(hint(docs, "set k us").key, None);
    assert!(
        hint(docs, "object enc")
            .completions
            .contains(&"OBJECT ENCODING".to_owned())
    );
    // Whatever is typed behind any of them.
    for name in docs.keys() {
        for rest in [
            "",
            " ",
            " a",
            " a b c d e f g h ",
            " EX ",
            " STREAMS BY GET LIMIT 1",
        ] {
            let hint = hint(docs, &format!("{name}{rest}"));
            assert!(
                hint.pieces.iter().all(|piece| !piece.text.is_empty()),
                "{name}"
            );
        }
    }
}
