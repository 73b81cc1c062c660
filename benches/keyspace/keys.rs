//! The keys: every core data structure, a third with a TTL, the same every time.
//!
//! Key `i` has this type by `i % 20`:
//!
//! | `i % 20` | type | content |
//! | --- | --- | --- |
//! | 0 to 8 | string | a number, or 8 to 700 bytes |
//! | 9 to 12 | hash | 3 to 8 fields; every fiftieth 200 fields (a hashtable) |
//! | 13, 14 | list | 4 to 12 elements; every fiftieth 300 |
//! | 15, 16 | set | 4 to 12 numbers (an intset); every second 4 to 12 words |
//! | 17, 18 | sorted set | 4 to 12 members; every fiftieth 300 (a skiplist) |
//! | 19 | stream | 3 entries |
//!
//! Its name is `app:GROUP:N:i` with one of ten groups and `N` below 1,000; where `i % 3 == 0` it expires in one hour to
//! thirty days.

use std::time::{Duration, Instant};

use redis::Pipeline;

use super::servers::Redis;

const GROUPS: [&str; 10] = [
    "session", "user", "cart", "rank", "queue", "page", "token", "job", "feed", "lock",
];

/// Fills a server; how long that took.
pub(crate) async fn fill(redis: &Redis, count: u64) -> Duration {
    let mut link = redis::Client::open(redis.url())
        .unwrap()
        .get_multiplexed_async_connection_with_config(
            &redis::AsyncConnectionConfig::new().set_response_timeout(None),
        )
        .await
        .unwrap();
    let start = Instant::now();
    let mut pipe = Pipeline::new();
    for i in 0..count {
        key(&mut pipe, i);
        if pipe.len() >= 4_000 {
            pipe.exec_async(&mut link).await.unwrap();
            pipe.clear();
        }
    }
    if !pipe.is_empty() {
        pipe.exec_async(&mut link).await.unwrap();
    }
    start.elapsed()
}

fn mixed(i: u64) -> u64 {
    i.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 17
}

/// The name of key `i`.
pub(crate) fn name(i: u64) -> String {
    let random = mixed(i);
    format!(
        "app:{}:{}:{i}",
        GROUPS[random as usize % 10],
        random / 10 % 1_000
    )
}

fn key(pipe: &mut Pipeline, i: u64) {
    let (name, random) = (name(i), mixed(i));
    let rare = random % 50 == 0;
    let few = 4 + random % 9;
    let many = if rare { 300 } else { few };
    match i % 20 {
        0 => {
            pipe.cmd("SET").arg(&name).arg(random % 1_000_000);
        }
        1..=8 => {
            let long = if random % 4 == 0 { 700 } else { 60 };
            let value = vec![b'a' + (random % 26) as u8; 8 + (random % long) as usize];
            pipe.cmd("SET").arg(&name).arg(value);
        }
        9..=12 => {
            pipe.cmd("HSET").arg(&name);
            let fields = if rare { 200 } else { 3 + random % 6 };
            for field in 0..fields {
                pipe.arg(format!("field{field}"))
                    .arg(mixed(random + field) % 100_000);
            }
        }
        13 | 14 => {
            pipe.cmd("RPUSH").arg(&name);
            for item in 0..many {
                pipe.arg(format!("item {}", mixed(random + item) % 10_000));
            }
        }
        15 => {
            pipe.cmd("SADD").arg(&name);
            for member in 0..few {
                pipe.arg(mixed(random + member) % 100_000);
            }
        }
        16 => {
            pipe.cmd("SADD").arg(&name);
            for member in 0..few {
                pipe.arg(format!("word{}", mixed(random + member) % 10_000));
            }
        }
        17 | 18 => {
            pipe.cmd("ZADD").arg(&name);
            for member in 0..many {
                pipe.arg(mixed(random + member) % 1_000)
                    .arg(format!("member{member}"));
            }
        }
        _ => {
            for entry in 1..=3_u64 {
                pipe.cmd("XADD")
                    .arg(&name)
                    .arg(format!("{}-0", entry + i))
                    .arg("n")
                    .arg(random);
            }
        }
    }
    if i.is_multiple_of(3) {
        let seconds = 3_600 + random % (30 * 86_400);
        pipe.cmd("EXPIRE").arg(&name).arg(seconds);
    }
}
