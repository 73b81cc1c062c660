//! What a locked console refuses never reaches the server: by the server's own statistics of what arrived.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};

use lookaside::inspect::{Connection, Session};
use lookaside::workspace::ConnectionUrl;

use crate::servers::Redis;

/// How many of each command arrived, whatever came of it: `config|get` and `get` by the names of the server.
fn arrived(redis: &Redis) -> BTreeMap<String, u64> {
    redis
        .cli(&["INFO", "commandstats"])
        .lines()
        .filter_map(|line| {
            let (name, figures) = line.strip_prefix("cmdstat_")?.split_once(':')?;
            let of = |figure: &str| -> u64 {
                let at = figures
                    .split(',')
                    .find_map(|part| part.strip_prefix(figure));
                at.map_or(0, |value| value.trim().parse().unwrap())
            };
            Some((name.to_owned(), of("calls=") + of("rejected_calls=")))
        })
        .collect()
}

/// Named one by one, so that a table that lost them would be noticed.
const WRITES: &[&str] = &[
    "SET k v",
    "EVAL return 1 0",
    "EVALSHA abc 0",
    "FCALL f 0",
    "FUNCTION LOAD x",
    "FUNCTION DELETE x",
    "FUNCTION FLUSH",
    "FUNCTION KILL",
    "FUNCTION RESTORE x",
    "SCRIPT LOAD x",
    "SCRIPT FLUSH",
    "SCRIPT KILL",
    "SCRIPT DEBUG NO",
    "CONFIG SET maxmemory 1",
    "CONFIG RESETSTAT",
    "CONFIG REWRITE",
    "DEBUG SLEEP 0",
    "FLUSHALL",
    "FLUSHDB",
    "CLUSTER RESET",
    "CLUSTER MEET 127.0.0.1 1",
    "ACL SETUSER ann on",
    "ACL DELUSER ann",
    "ACL LOG RESET",
    "CLIENT KILL ID 1",
    "CLIENT PAUSE 1",
    "SHUTDOWN NOSAVE",
    "REPLICAOF NO ONE",
    "SLAVEOF NO ONE",
    "FAILOVER",
    "MIGRATE 127.0.0.1 1 k 0 5",
    "RESTORE k 0 x",
    "PFCOUNT k",
    "GETEX k PERSIST",
    "GETDEL k",
    "GETSET k v",
    "SORT k STORE l",
    "BITFIELD k SET u8 0 1",
    "XREADGROUP GROUP g c STREAMS s >",
    "XREADGROUP GROUP g c BLOCK 0 STREAMS s >",
    "BLPOP k 0",
    "PUBLISH c x",
    "SPUBLISH c x",
    "SWAPDB 0 1",
    "MOVE k 1",
    "BGSAVE",
    "BGREWRITEAOF",
    "SAVE",
    "MODULE LOAD x",
    "LATENCY RESET",
    "SLOWLOG RESET",
    "MEMORY PURGE",
    "MULTI",
    "AUTH x",
    "HELLO 3",
    "RESET",
    "QUIT",
    "MONITOR",
    "SUBSCRIBE c",
    "SYNC",
    "PSYNC x 1",
];

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_writes_reaches_a_locked_server_and_every_read_does() {
    let redis = Redis::start();
    let connection = Connection::open(&ConnectionUrl::new(&redis.url()))
        .await
        .unwrap();
    let session = Session::open(&connection).await.unwrap();
    let table = connection.commands().await;
    let mut refused = BTreeSet::new();
    let mut passed = BTreeSet::new();
    redis.cli(&["CONFIG", "RESETSTAT"]);

    let mut lines: Vec<String> = WRITES.iter().map(|&line| line.to_owned()).collect();
    // And all that the server itself knows, without arguments and with some; BLOCK nowhere, so that nothing waits.
    for name in table.names() {
        let words = name.replace('|', " ").to_lowercase();
        lines.extend([words.clone(), format!("{words} 1 2 3 4")]);
    }
    for line in &lines {
        let answer = session.run(line).await;
        let name = line.to_lowercase();
        let mut words = name.split(' ');
        let (first, second) = (words.next().unwrap(), words.next().unwrap_or_default());
        let with_sub = format!("{first}|{second}");
        let is_sub = table
            .names()
            .any(|known| known.eq_ignore_ascii_case(&with_sub));
        let name = if is_sub { with_sub } else { first.to_owned() };
        if answer.text.contains("was not sent") {
            assert!(answer.is_error, "{line}");
            refused.insert(name);
        } else {
            passed.insert(name);
        }
    }
    for line in WRITES {
        let answer = session.run(line).await;
        assert!(
            answer.text.contains("was not sent") && answer.is_error,
            "{line}: {}",
            answer.text
        );
        assert_eq!(answer.is_locked, answer.text.contains("unlock"), "{line}");
    }
    let arrived = arrived(&redis);
    // PFCOUNT of several keys is a read.
    let mixed: BTreeSet<_> = refused.intersection(&passed).cloned().collect();
    assert!(
        mixed
            .iter()
            .all(|name| name == "pfcount" || name == "command"),
        "{mixed:?}"
    );
    for name in refused.difference(&mixed) {
        // INFO and CONFIG RESETSTAT of the test itself come by another client.
        let own = u64::from(name == "config|resetstat");
        assert_eq!(
            arrived.get(name).copied().unwrap_or_default(),
            own,
            "{name}"
        );
    }
    // Every command that writes, by its flag or by what it does to a key, was refused.
    for name in table.names() {
        let (command, sub) = name.split_once('|').unwrap_or((name, ""));
        let traits = table.traits(command, sub).unwrap();
        if traits.writes && name != "PFCOUNT" {
            assert!(refused.contains(&name.to_lowercase()), "{name} passed");
        }
        // And what only reads went through, unless the server itself calls it dangerous.
        if traits.reads && !traits.writes && !traits.dangerous {
            let name = name.to_lowercase();
            assert!(passed.contains(&name), "{name} was refused");
            assert!(arrived.get(&name).is_some_and(|&n| n > 0), "{name}");
        }
    }
    for telling in [
        "config|get",
        "client|list",
        "pubsub|channels",
        "slowlog|get",
        "acl|whoami",
    ] {
        assert!(passed.contains(telling), "{telling}");
    }
    assert!(
        refused.len() > 150 && passed.len() > 80,
        "{} {}",
        refused.len(),
        passed.len()
    );
    assert_eq!(redis.cli(&["DBSIZE"]).trim(), "0");
}
