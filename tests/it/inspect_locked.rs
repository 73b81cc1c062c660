//! Nothing that a person types while the connection is locked reaches the server as a write: every command that the
//! server knows is typed, and the server itself is asked what it got.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use lookaside::inspect::{Connection, Session};
use lookaside::workspace::ConnectionUrl;

use super::Redis;
use crate::inspect::{harmless, writer};

/// What the server flags as administration, and what only tells something all the same.
const TELLING: &[&str] = &[
    "acl|cat",
    "acl|dryrun",
    "acl|genpass",
    "acl|getuser",
    "acl|list",
    "acl|users",
    "acl|whoami",
    "client|list",
    "cluster|countkeysinslot",
    "cluster|getkeysinslot",
    "cluster|replicas",
    "config|get",
    "latency|doctor",
    "latency|graph",
    "latency|histogram",
    "latency|history",
    "latency|latest",
    "module|list",
    "slowlog|get",
    "slowlog|len",
];

/// A command as COMMAND tells of it: `config|set`, its arity, and whether it changes something.
struct Known {
    name: String,
    arity: usize,
    harms: bool,
}

fn add(known: &mut Vec<Known>, command: &redis::Value) {
    let redis::Value::Array(parts) = command else {
        panic!("{command:?}")
    };
    let words = |at: usize| -> Vec<String> { redis::from_redis_value(parts[at].clone()).unwrap() };
    let name: String = redis::from_redis_value(parts[0].clone()).unwrap();
    let arity: i64 = redis::from_redis_value(parts[1].clone()).unwrap();
    let (flags, categories) = (words(2), words(6));
    let flagged = |flag: &str| flags.iter().any(|known| known == flag);
    let harms = flagged("write")
        || flagged("may_replicate")
        || flagged("admin") && !TELLING.contains(&name.as_str())
        || categories.iter().any(|category| category == "@scripting");
    // Two of the scripting commands only tell what there is.
    let harms = harms
        && !matches!(
            name.as_str(),
            "script|exists" | "function|list" | "function|stats" | "function|dump"
        );
    known.push(Known {
        name,
        arity: arity.unsigned_abs() as usize,
        harms,
    });
    if let redis::Value::Array(subcommands) = &parts[9] {
        for subcommand in subcommands {
            add(known, subcommand);
        }
    }
}

/// How often each command reached the server, refused ones included.
fn reached(redis: &crate::servers::Redis) -> BTreeMap<String, u64> {
    let number = |fields: &str, name: &str| -> u64 {
        let mut fields = fields.trim().split(',');
        let value = fields.find_map(|field| field.strip_prefix(name)?.strip_prefix('='));
        value.unwrap().parse().unwrap()
    };
    let stats = redis.cli(&["INFO", "commandstats"]);
    stats
        .lines()
        .filter_map(|line| line.strip_prefix("cmdstat_")?.split_once(':'))
        .map(|(name, fields)| {
            let calls = number(fields, "calls") + number(fields, "rejected_calls");
            (name.to_owned(), calls)
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_write_that_a_person_types_reaches_a_locked_server() {
    let redis = Redis::start_with(&["--save", "", "--enable-debug-command", "local"]);
    redis.cli(&["SET", "k", "v"]);
    redis.cli(&["PFADD", "hll", "a"]);
    let mut link = writer(&redis).await;
    let commands: Vec<redis::Value> = redis::cmd("COMMAND").query_async(&mut link).await.unwrap();
    let mut known = Vec::new();
    for command in &commands {
        add(&mut known, command);
    }
    // Also as an account that may not ask for the table: then the built-in lists decide.
    let full = harmless(&redis);
    let rights = "ACL SETUSER untold on >pw-x7 ~* +@all -command";
    redis.cli(&rights.split(' ').collect::<Vec<_>>());
    let untold = full.replace("harmless", "untold");
    for url in [full, untold] {
        let connection = Connection::open(&ConnectionUrl::new(&url)).await.unwrap();
        let session = Session::open(&connection).await.unwrap();
        let (digest, before) = (redis.cli(&["DEBUG", "DIGEST"]), reached(&redis));
        let (mut refused, mut sent) = (0, 0);
        for command in &known {
            // Alone, with as many arguments as it wants, and with more; in either case.
            let name = command.name.replace('|', " ");
            let words = name.split(' ').count();
            let wanted = command.arity.saturating_sub(words);
            for (name, arguments) in [
                (name.clone(), 0),
                (name.to_uppercase(), wanted),
                (name.to_uppercase(), wanted + 3),
            ] {
                let line = format!(
                    "{name} {}",
                    ["k", "1", "1", "1", "1", "1", "1"][..arguments.min(7)].join(" ")
                );
                let answer = session.run(&line).await;
                if answer.text.contains("was not sent") {
                    refused += 1;
                } else {
                    assert!(!command.harms, "{line}: {}", answer.text);
                    sent += 1;
                }
            }
        }
        assert!(refused > 500 && sent > 50, "{refused} {sent}");
        session.run("PFCOUNT hll").await;
        let after = reached(&redis);
        for command in known.iter().filter(|command| command.harms) {
            // These two are ours, to look.
            if !matches!(command.name.as_str(), "debug" | "info") {
                let times = |of: &BTreeMap<String, u64>| of.get(&command.name).copied();
                assert_eq!(times(&after), times(&before), "{} was sent", command.name);
            }
        }
        assert_eq!(redis.cli(&["DEBUG", "DIGEST"]), digest);
    }
}
