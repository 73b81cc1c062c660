//! CLIENT NO-TOUCH and writes never share a connection: Redis 8.0 to 8.2 and Valkey 8 end when a client that asked for
//! NO-TOUCH writes a key that another client waits for.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use lookaside::inspect::{
    Bulk, Connection, Lock, Session, apply, carry_out, describe, page, turn_on_notices,
};
use lookaside::workspace::ConnectionUrl;
use tokio_util::sync::CancellationToken;

use crate::inspect_changes::{begin, changes};
use crate::servers::{Recorder, Redis};

/// Which commands the server flags as writes, in upper case.
async fn writes(connection: &Connection) -> BTreeSet<String> {
    let table = connection.commands().await;
    let names = table.names();
    let writes = names.filter(|name| table.traits(name, "").is_some_and(|traits| traits.writes));
    let mut writes: BTreeSet<String> = writes.map(str::to_owned).collect();
    // Their content writes.
    for name in ["MULTI", "EXEC", "EVAL", "FCALL"] {
        writes.insert(name.to_owned());
    }
    writes
}

#[tokio::test(flavor = "multi_thread")]
async fn no_touch_connection_never_sends_a_write() {
    let redis = Redis::start();
    begin(&redis);
    let recorder = Recorder::start(redis.port);
    let url = ConnectionUrl::new(&recorder.url(&redis.url(), redis.port));
    let lock = Lock::default();
    lock.set_unlocked(true);
    let connection = Connection::open_with(&url, lock).await.unwrap();
    let writes = writes(&connection).await;
    for change in changes() {
        apply(&connection, &change).await.unwrap();
    }
    let about = describe(&connection, b"hash").await.unwrap();
    page(&connection, &about, None, false).await.unwrap();
    turn_on_notices(&connection).await.unwrap();
    let cancel = CancellationToken::new();
    for bulk in [Bulk::Expire(1_000_000), Bulk::Persist, Bulk::Delete] {
        let names = [b"hash".to_vec(), b"zset".to_vec()];
        let mut log = Vec::new();
        let done = carry_out(&connection, bulk, &names, &mut log, &cancel, |_| {}).await;
        assert_eq!(done.unwrap().done, 2, "{bulk:?}");
    }
    let session = Session::open(&connection).await.unwrap();
    for line in [
        "CLIENT NO-TOUCH ON",
        "client \"no-touch\" on",
        "SET k v",
        "LPUSH l a",
        "BLPOP l 0",
        "GETDEL k",
        "MULTI",
        "XADD s * a b",
        "EXEC",
        "EVAL \"return redis.call('SET', KEYS[1], 'x')\" 1 k",
        "CLIENT NO-TOUCH ON",
        "FLUSHDB",
    ] {
        let answer = session.run(line).await;
        let refused = line.to_ascii_uppercase().contains("NO-TOUCH");
        assert_eq!(answer.is_error, refused, "{line}: {}", answer.text);
        assert_eq!(refused, answer.text.contains("end the server"), "{line}");
    }
    // Whether the connection that reads could write, the lock being unlocked.
    let mut set = redis::cmd("SET");
    let direct = connection.ask_for_person(set.arg("k").arg("v"));
    assert!(direct.await.unwrap_err().to_string().contains("only reads"));

    let (mut quiet, mut writing) = (0, 0);
    for sent in recorder.connections() {
        let name = |words: &[Vec<u8>]| String::from_utf8_lossy(&words[0]).into_owned();
        let asked = sent
            .iter()
            .any(|words| words[0] == b"CLIENT" && words[1].eq_ignore_ascii_case(b"NO-TOUCH"));
        let wrote: Vec<_> = sent
            .iter()
            .map(|words| name(words))
            .filter(|name| writes.contains(name))
            .collect();
        assert!(!asked || wrote.is_empty(), "{wrote:?}");
        quiet += usize::from(asked);
        writing += usize::from(!wrote.is_empty());
    }
    // One reads; each change, each bulk and the console have their own.
    assert_eq!((quiet, writing), (1, changes().len() + 3 + 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn console_answers_again_after_redis_was_away() {
    let mut redis = Redis::start();
    let url = ConnectionUrl::new(&redis.url());
    let connection = Connection::open(&url).await.unwrap();
    let session = Session::open(&connection).await.unwrap();
    assert_eq!(session.run("ECHO a").await.text, "\"a\"");
    redis.kill();
    for _ in 0..3 {
        let answer = session.run("ECHO b").await;
        assert!(answer.is_error, "{}", answer.text);
    }
    redis.restart();
    // The command that meets the loss may fail, the next works.
    session.run("ECHO c").await;
    assert_eq!(session.run("ECHO d").await.text, "\"d\"");
    // What the server says of its commands is asked again, not taken for nothing.
    assert_eq!(session.run("SINTER a b").await.text, "(empty array)");
}
