//! The in-memory store of the protocol's model (`schedules/store.rs`) against a real redis-server: random calls of every
//! script, and keys of the wrong kind.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

use crate::schedules::scripts::{Script, Scripts};
use crate::schedules::store::{Reply, Store, Text, Value};
use crate::servers::Redis;

/// Whatever a script is given, the model answers as Redis does, and holds the same keys afterwards.
#[test]
fn the_model_does_what_redis_does() {
    let redis = Redis::start();
    let client = redis::Client::open(redis.url()).unwrap();
    let mut connection = client.get_connection().unwrap();
    let scripts = Scripts::new(|_, text| text.to_owned());
    let (mut answered, mut failed) = (BTreeSet::new(), 0);
    for seed in 0..150 {
        let mut random = StdRng::seed_from_u64(seed);
        let _: () = redis::cmd("FLUSHALL").query(&mut connection).unwrap();
        let mut both = Both {
            scripts: &scripts,
            model: Store::new(),
            redis: &mut connection,
        };
        let mut told = Vec::new();
        for _ in 0..40 {
            match random.random_range(0..10) {
                0 => both.command(&stray(&mut random)),
                1 => both.time_passes(random.random_range(1..30) * HOUR),
                _ => {
                    let (script, keys, args) = call(&mut random);
                    told.push(format!("{script:?} {keys:?} {args:?}"));
                    let (model, real) = both.script(script, &keys, &args);
                    assert!(alike(&model, &real), "{model:?}, but {real:?}\n{told:#?}");
                    if matches!(real, Reply::Error(_)) {
                        failed += 1;
                    } else {
                        answered.insert(script as usize);
                    }
                }
            }
            both.compare(&told);
        }
    }
    assert_eq!(answered.len(), Script::ALL.len(), "every script ran");
    assert!(failed > 0, "scripts met keys of the wrong kind");
}

const HOUR: u64 = 3_600_000;
/// A little time passes on the real server while a schedule runs; every time limit is far larger.
const SLACK: u64 = 120_000;

struct Both<'a> {
    scripts: &'a Scripts,
    model: Store,
    redis: &'a mut redis::Connection,
}

impl Both<'_> {
    fn script(&mut self, script: Script, keys: &[Text], args: &[Text]) -> (Reply, Reply) {
        let model = self.scripts.run(&mut self.model, script, keys, args);
        // The real server cannot be given a clock, but what the script reads from it can be.
        let (seconds, micros) = (self.model.now / 1000, self.model.now % 1000 * 1000);
        let clock = format!("{{'{seconds}', '{micros}'}}");
        let mut command = redis::cmd("EVAL");
        command
            .arg(script.text().replace("redis.call('TIME')", &clock))
            .arg(keys.len());
        for part in keys.iter().chain(args) {
            command.arg(&**part);
        }
        (model, self.real(&command))
    }

    fn command(&mut self, parts: &[Text]) {
        self.model.expire();
        let model = self.model.call(parts);
        let mut command = redis::Cmd::new();
        for part in parts {
            command.arg(&**part);
        }
        let real = self.real(&command);
        assert!(alike(&model, &real), "{parts:?}: {model:?}, but {real:?}");
    }

    fn real(&mut self, command: &redis::Cmd) -> Reply {
        match command.query::<redis::Value>(self.redis) {
            Ok(value) => reply(value),
            Err(error) => Reply::Error(error.to_string()),
        }
    }

    /// On the real server every time limit is moved by as much instead.
    fn time_passes(&mut self, ms: u64) {
        self.model.now += ms;
        self.model.expire();
        for key in self.real_keys() {
            let left: i64 = redis::cmd("PTTL").arg(&key).query(self.redis).unwrap();
            if left >= 0 {
                let _: i64 = redis::cmd("PEXPIRE")
                    .arg(&key)
                    .arg(left - ms as i64)
                    .query(self.redis)
                    .unwrap();
            }
        }
    }

    fn real_keys(&mut self) -> BTreeSet<Vec<u8>> {
        redis::cmd("KEYS").arg("*").query(self.redis).unwrap()
    }

    /// Every key, what it holds and when it ends.
    fn compare(&mut self, told: &[String]) {
        self.model.expire();
        let ours: BTreeSet<Vec<u8>> = self.model.keys.keys().map(|key| key.to_vec()).collect();
        assert_eq!(ours, self.real_keys(), "{told:#?}");
        for (key, kept) in &self.model.keys {
            let ask = |redis: &mut redis::Connection, name: &str, rest: &[&str]| {
                let mut command = redis::cmd(name);
                command.arg(&**key);
                for part in rest {
                    command.arg(part);
                }
                command.query::<redis::Value>(redis).unwrap()
            };
            let same = match &kept.value {
                Value::Text(text) => {
                    reply(ask(self.redis, "GET", &[])) == Reply::Bulk(text.clone())
                }
                Value::Hash(hash) => pairs(ask(self.redis, "HGETALL", &[])) == *hash,
                Value::Set(set) => {
                    let Reply::Many(members) = reply(ask(self.redis, "SMEMBERS", &[])) else {
                        panic!("no set");
                    };
                    let members: BTreeSet<Text> = members.into_iter().map(plain).collect();
                    members == *set
                }
                Value::Sorted(set) => {
                    let members = pairs(ask(self.redis, "ZRANGE", &["0", "-1", "WITHSCORES"]));
                    members.len() == set.len()
                        && members.iter().all(|(member, score)| {
                            let score: f64 = std::str::from_utf8(score).unwrap().parse().unwrap();
                            set.get(member) == Some(&score.to_bits())
                        })
                }
            };
            let real = ask(self.redis, "PTTL", &[]);
            let until = kept
                .until
                .map_or(-1, |until| (until - self.model.now) as i64);
            let (Reply::Int(left), true) = (reply(real), same) else {
                panic!(
                    "{} differs: {kept:?}\n{told:#?}",
                    String::from_utf8_lossy(key)
                );
            };
            assert!(
                (left < 0) == (until < 0) && left.abs_diff(until) < SLACK,
                "{} ends in {until}, but {left}\n{told:#?}",
                String::from_utf8_lossy(key)
            );
        }
    }
}

fn reply(value: redis::Value) -> Reply {
    match value {
        redis::Value::Int(number) => Reply::Int(number),
        redis::Value::BulkString(bytes) => Reply::Bulk(bytes.into()),
        redis::Value::Array(items) => Reply::Many(items.into_iter().map(reply).collect()),
        redis::Value::Okay => Reply::Ok,
        redis::Value::Nil => Reply::Nil,
        redis::Value::SimpleString(text) => Reply::Bulk(text.into_bytes().into()),
        other => Reply::Error(format!("{other:?}")),
    }
}

fn plain(reply: Reply) -> Text {
    match reply {
        Reply::Bulk(text) => text,
        other => panic!("not a text: {other:?}"),
    }
}

fn pairs(value: redis::Value) -> BTreeMap<Text, Text> {
    let Reply::Many(items) = reply(value) else {
        panic!("no pairs");
    };
    items
        .chunks(2)
        .map(|pair| (plain(pair[0].clone()), plain(pair[1].clone())))
        .collect()
}

/// Equal, but for the words of an error, the order of fields, and the time that a lease has left.
fn alike(one: &Reply, other: &Reply) -> bool {
    match (one, other) {
        (Reply::Error(_), Reply::Error(_)) => true,
        (Reply::Many(one), Reply::Many(other)) => {
            let fields = |items: &[Reply]| -> Option<BTreeSet<(Text, Text)>> {
                let texts: Option<Vec<Text>> = items
                    .iter()
                    .map(|item| match item {
                        Reply::Bulk(text) => Some(text.clone()),
                        _ => None,
                    })
                    .collect();
                let texts = texts.filter(|texts| texts.len() % 2 == 0)?;
                Some(
                    texts
                        .chunks(2)
                        .map(|pair| (pair[0].clone(), pair[1].clone()))
                        .collect(),
                )
            };
            one.len() == other.len()
                && (one.iter().zip(other).all(|(one, other)| alike(one, other))
                    || fields(one).is_some_and(|ours| Some(ours) == fields(other)))
        }
        // What the lease has left: the real server's clock moved on a little.
        (Reply::Int(one), Reply::Int(other)) => {
            one == other || *one > 60_000 && one.abs_diff(*other) < SLACK
        }
        _ => one == other,
    }
}

fn text(text: impl AsRef<str>) -> Text {
    text.as_ref().as_bytes().into()
}

fn one_of(random: &mut StdRng, choices: &[&str]) -> Text {
    text(choices.choose(random).unwrap())
}

const ROLES: [&str; 9] = ["v", "w", "d", "r", "e0", "l0", "f0", "t:orders", "t:_parts"];

/// A key that somebody else wrote or removed.
fn stray(random: &mut StdRng) -> Vec<Text> {
    let key = one_of(random, &ROLES);
    match random.random_range(0..6) {
        0 => vec![text("SET"), key, text("stray")],
        1 => vec![text("SADD"), key, text("stray")],
        2 => vec![text("ZADD"), key, text("1.5"), text("stray")],
        3 => vec![
            text("HSET"),
            key,
            one_of(random, &["_f", "_hb", "tables", "chunks", "first"]),
            text("x"),
        ],
        _ => vec![text("DEL"), key],
    }
}

/// A script with keys and arguments like those of the product, and sometimes unlike.
fn call(random: &mut StdRng) -> (Script, Vec<Text>, Vec<Text>) {
    let script = *Script::ALL.choose(random).unwrap();
    let position = |random: &mut StdRng| text(format!("{:020}", random.random_range(0..4)));
    let epoch = |random: &mut StdRng| one_of(random, &["", "1-a", "2-b"]);
    let time = |random: &mut StdRng| {
        let now = 1_700_000_000_000_u64 + random.random_range(0..30) * HOUR;
        text(now.to_string())
    };
    let valid = text((10 * HOUR + HOUR / 2).to_string());
    let token = |random: &mut StdRng| one_of(random, &["1:a", "2:a", "3:b"]);
    let tables = |random: &mut StdRng| -> Vec<Text> {
        let names = ["orders", "_parts", "*"];
        (0..random.random_range(0..3))
            .map(|_| one_of(random, &names))
            .collect()
    };
    let keys = |names: &[&str]| -> Vec<Text> { names.iter().map(text).collect() };
    let r = random;
    let (mut keys, args) = match script {
        Script::Begin => (keys(&["v", "l0"]), vec![token(r), valid]),
        Script::Commit => {
            let mut args = vec![
                token(r),
                epoch(r),
                position(r),
                valid.clone(),
                valid,
                text("e0"),
            ];
            let lists = ["[\"orders\"]", "[\"_parts\",\"*\"]", "[]", "{", "3"];
            for (name, values) in [
                ("fill", ["f1", "f2", "not a name"].as_slice()),
                ("chunks", &["0", "3", "-1", "many"]),
                ("tables", &lists[..if r.random_bool(0.9) { 3 } else { 5 }]),
            ] {
                args.extend([text(name), one_of(r, values)]);
            }
            (keys(&["v", "e0", "l0", "f0", "t:orders", "t:_parts"]), args)
        }
        Script::Drop => (keys(&["e0"]), vec![one_of(r, &["f1", "f2", "*"])]),
        Script::Epoch => (
            keys(&["v"]),
            vec![
                token(r),
                epoch(r),
                position(r),
                time(r),
                valid,
                text("d"),
                one_of(r, &["", "log1"]),
            ],
        ),
        Script::Lead => (keys(&["w", "v", "r"]), vec![one_of(r, &["a", "b"]), valid]),
        Script::Owned => (
            keys(&[["w", "l0"][r.random_range(0..2)]]),
            vec![token(r), [valid, text("0")][r.random_range(0..2)].clone()],
        ),
        Script::Publish => {
            let verb = one_of(r, &["take_in", "bump", "bump", "bump_all"]);
            let mut args = vec![
                token(r),
                epoch(r),
                position(r),
                position(r),
                time(r),
                valid,
                verb,
            ];
            args.extend(tables(r));
            (keys(&["v"]), args)
        }
        Script::Read => (
            keys(&["v", "e0", "d", "w", "l0", "r", "f0"]),
            vec![
                one_of(r, &["0", "1"]),
                text("e0"),
                one_of(r, &["0", "1"]),
                text("id1"),
                valid,
                one_of(r, &["", "f1"]),
            ],
        ),
        Script::Refreshes => (keys(&["w", "r"]), vec![token(r), text("id1"), text("id2")]),
        Script::Resign => (keys(&["w", "v", "r"]), vec![token(r)]),
        Script::Resume => (
            keys(&["v"]),
            vec![token(r), epoch(r), position(r), time(r), valid, text("d")],
        ),
    };
    if r.random_bool(0.03) {
        let which = r.random_range(0..keys.len());
        keys[which] = one_of(r, &ROLES);
    }
    (script, keys, args)
}
