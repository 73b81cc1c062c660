//! Nodes of a cluster that die, take over, speak TLS or have the key that is changed.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fmt::Write;
use std::process::Command;

use lookaside::inspect::{
    Bulk, Connection, Lock, Pace, Phase, Scan, ScanOptions, apply, carry_out, describe, preview,
};
use lookaside::workspace::ConnectionUrl;
use tokio_util::sync::CancellationToken;

use super::{Cluster, Redis};
use crate::inspect::{full, harmless, names, to_end};
use crate::inspect_changes::changes;

fn fill(cluster: &Cluster, keys: u32) {
    let mut text = String::new();
    for i in 0..keys {
        writeln!(text, "SET k:{i} v").unwrap();
    }
    cluster.send(&text);
}

/// The harmless account on every node, unlocked, by the first of them.
async fn open(cluster: &Cluster) -> Connection {
    let urls: Vec<String> = cluster.nodes.iter().map(harmless).collect();
    let lock = Lock::default();
    lock.set_unlocked(true);
    Connection::open_with(&ConnectionUrl::new(&urls[0]), lock)
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_every_node_are_changed_through_one() {
    let cluster = Cluster::start();
    let connection = open(&cluster).await;
    cluster.send(
        "SET string old EX 5000\nHSET hash a 1 b 2\nRPUSH list a b c\nSADD set a\nZADD zset 1 a 2 b\n\
         XADD stream 1-1 n 1\nSET gone-soon x EX 5000\nSET doomed x\n",
    );
    let told = |line: &str| {
        let mut cli = cluster.nodes[0].cli_command();
        cli.arg("-c").args(line.split(' '));
        let output = cli.output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    for change in changes() {
        let done = apply(&connection, &change).await;
        // Two keys of one command have to stand on one node, which is the server's rule.
        if let Err(error) = done {
            let error = error.to_string();
            assert!(
                error.contains("RENAMENX") && error.contains("CROSSSLOT"),
                "{error}"
            );
        }
    }
    assert_eq!(told("GET string"), "new\0\u{fc}");
    assert_eq!(told("HGETALL hash"), "a\n2\nnew\n3");
    assert_eq!(told("LRANGE list 0 -1"), "B\nc\nd");
    assert_eq!(told("SMEMBERS set"), "b");
    assert_eq!(told("ZRANGE zset 0 -1 WITHSCORES"), "a\n2.5");
    assert_eq!(told("XLEN stream"), "1");
    assert_eq!(told("EXISTS doomed"), "0");
    assert_eq!(told("ZRANGE added 0 -1"), "m");

    // A selection too: each key once, each in the log.
    fill(&cluster, 1_200);
    let names: Vec<Vec<u8>> = (0..1_200).map(|i| format!("k:{i}").into_bytes()).collect();
    let cancel = CancellationToken::new();
    let counted = preview(&connection, &names, &cancel, |_| {}).await.unwrap();
    assert_eq!((counted.there, counted.gone), (1_200, 0));
    let mut log = Vec::new();
    let outcome = carry_out(&connection, Bulk::Delete, &names, &mut log, &cancel, |_| {})
        .await
        .unwrap();
    assert_eq!(
        (outcome.done, outcome.failed),
        (1_200, 0),
        "{:?}",
        outcome.why
    );
    assert_eq!(String::from_utf8(log).unwrap().lines().count(), 1_200);
    assert!(cluster.scanned().iter().all(|name| !name.starts_with("k:")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_node_costs_its_keys_alone_also_when_it_is_the_one_that_was_named() {
    let mut cluster = Cluster::start();
    let connection = open(&cluster).await;
    fill(&cluster, 1_500);
    let all: BTreeSet<Vec<u8>> = cluster
        .scanned()
        .into_iter()
        .map(String::into_bytes)
        .collect();
    let lost: BTreeSet<Vec<u8>> = cluster.nodes[0]
        .cli(&["--scan"])
        .lines()
        .map(|name| name.as_bytes().to_vec())
        .collect();
    let left = &all - &lost;
    cluster.nodes[0].kill();
    // The command that meets the loss fails; the next goes to another node.
    let _ = describe(&connection, b"k:1").await;
    let state = to_end(&connection, full()).await;
    let Phase::Failed(error) = &state.phase else {
        panic!("a part passed for the whole: {:?}", state.phase)
    };
    let error = error.to_string();
    let address = format!("127.0.0.1:{}", cluster.nodes[0].port);
    assert!(
        error.contains(&address) && error.lines().count() == 1,
        "{error}"
    );
    assert_eq!(names(&state), left);
    let reached = left.iter().next().unwrap();
    describe(&connection, reached).await.unwrap();
    // What it has cannot be deleted, the rest can, and each is told.
    let some: Vec<Vec<u8>> = all.iter().take(300).cloned().collect();
    let gone = some.iter().filter(|name| lost.contains(*name)).count() as u64;
    let (mut log, cancel) = (Vec::new(), CancellationToken::new());
    let outcome = carry_out(
        &connection,
        Bulk::Expire(100_000_000),
        &some,
        &mut log,
        &cancel,
        |_| {},
    )
    .await;
    // A cluster without one of its nodes refuses to write at all, by its default settings, once it knows.
    let outcome = outcome.unwrap();
    assert_eq!(outcome.done + outcome.failed, 300);
    assert!(
        outcome.failed >= gone && outcome.why.is_some(),
        "{outcome:?}"
    );
    assert_eq!(
        String::from_utf8(log).unwrap().lines().count() as u64,
        outcome.done
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failover_in_the_middle_of_a_scan_loses_no_key() {
    let cluster = Cluster::start();
    fill(&cluster, 3_000);
    let replica = cluster.add_replica(1);
    let url = format!("redis://127.0.0.1:{}", cluster.nodes[0].port);
    let connection = Connection::open(&ConnectionUrl::new(&url)).await.unwrap();
    let mut scan = Scan::start(connection, ScanOptions::default());
    scan.pause(true);
    while !matches!(scan.next().await.unwrap().phase, Phase::Paused) {}
    assert_eq!(replica.cli(&["CLUSTER", "FAILOVER"]).trim(), "OK");
    let start = std::time::Instant::now();
    let took_over = || {
        let slots = cluster.nodes[0].cli(&["CLUSTER", "SLOTS"]);
        let ports: Vec<&str> = slots.lines().map(str::trim).collect();
        let (old, new) = (cluster.nodes[1].port.to_string(), replica.port.to_string());
        let place = |port: &str| ports.iter().position(|line| line == &port);
        place(&new).is_some() && place(&new) < place(&old)
    };
    while !took_over() {
        assert!(start.elapsed().as_secs() < 30, "no failover");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    scan.set_pace(Pace::Full);
    scan.pause(false);
    while scan.next().await.is_some() {}
    let state = scan.state();
    assert!(matches!(state.phase, Phase::Complete), "{:?}", state.phase);
    assert_eq!(state.keys.len(), 3_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_counts_what_redis_cli_scans() {
    let redis = Redis::start();
    let mut text = String::new();
    for i in 0..700 {
        writeln!(text, "SET \"bin:\\xff\\x00\\n{i}\" v\nHSET h:{i} a b").unwrap();
    }
    let mut cli = redis.cli_command();
    cli.stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null());
    let mut child = cli.spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), text.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
    let cluster = Cluster::start();
    fill(&cluster, 900);
    for node in &cluster.nodes {
        harmless(node);
    }
    let count = |url: &str| -> u64 {
        let output = Command::new(env!("CARGO_BIN_EXE_lookaside"))
            .args(["keys", "--redis", url, "--json"])
            .output()
            .unwrap();
        let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(document["complete"], true);
        document["keys"].as_u64().unwrap()
    };
    // Names with line ends are several lines of redis-cli, so that one is asked for its number.
    let told = redis.cli(&["DBSIZE"]);
    assert_eq!((count(&harmless(&redis)), told.trim()), (1_400, "1400"));
    let scanned = cluster.scanned().len() as u64;
    assert_eq!((count(&harmless(&cluster.nodes[2])), scanned), (900, 900));
}
