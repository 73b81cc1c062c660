//! The limit: a plain loop that pipelines the same questions, one SCAN ahead, and keeps nothing but sums.

use std::hint::black_box;
use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;
use redis::{Pipeline, Value};

use super::servers::Redis;

const COUNT: usize = 2_000;

/// Which questions each key is asked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    /// Type, TTL, encoding, bytes: what goals.md names.
    Four,
    /// And the idle time, as ours.
    Five,
}

/// Walks over everything; keys seen, and how long it took.
pub(crate) async fn walk(redis: &Redis, asked: Asked) -> (u64, Duration) {
    let link = redis::Client::open(redis.url())
        .unwrap()
        // A step that a busy machine holds up is slow, not lost.
        .get_multiplexed_async_connection_with_config(
            &redis::AsyncConnectionConfig::new().set_response_timeout(None),
        )
        .await
        .unwrap();
    let start = Instant::now();
    let mut keys = 0;
    let mut names: Vec<Vec<u8>> = Vec::new();
    let mut cursor = Some(b"0".to_vec());
    let mut next = tokio::spawn(send(link.clone(), Vec::new(), cursor.clone(), asked));
    loop {
        let mut values = next.await.unwrap();
        let mut found = Vec::new();
        if cursor.is_some() {
            let (to, listed): (Vec<u8>, Vec<Vec<u8>>) =
                redis::from_redis_value(values.pop().unwrap()).unwrap();
            cursor = (to != b"0").then_some(to);
            found = listed;
        }
        let ended = cursor.is_none() && found.is_empty();
        next = tokio::spawn(send(link.clone(), found.clone(), cursor.clone(), asked));
        keys += names.len() as u64;
        black_box(&values);
        names = found;
        if ended {
            black_box(next.await.unwrap());
            return (keys, start.elapsed());
        }
    }
}

async fn send(
    mut link: MultiplexedConnection,
    names: Vec<Vec<u8>>,
    cursor: Option<Vec<u8>>,
    asked: Asked,
) -> Vec<Value> {
    let mut pipe = Pipeline::with_capacity(names.len() * 5 + 1);
    for name in &names {
        pipe.cmd("TYPE").arg(name);
        pipe.cmd("PTTL").arg(name);
        pipe.cmd("OBJECT").arg("ENCODING").arg(name);
        if asked == Asked::Five {
            pipe.cmd("OBJECT").arg("IDLETIME").arg(name);
        }
        pipe.cmd("MEMORY")
            .arg("USAGE")
            .arg(name)
            .arg("SAMPLES")
            .arg(5);
    }
    if let Some(cursor) = cursor {
        pipe.cmd("SCAN").arg(cursor).arg("COUNT").arg(COUNT);
    }
    if pipe.is_empty() {
        return Vec::new();
    }
    link.send_packed_commands(&pipe, 0, pipe.len())
        .await
        .unwrap()
}
