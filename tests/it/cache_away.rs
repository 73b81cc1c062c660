//! While the cache is away a run costs no more than its query: nobody waits at the end for a log that cannot be written.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use lookaside::engine::{Mode, Outcome};
use lookaside::report::Refresh;

use crate::fake::{Fake, ask, engine, report};
use crate::servers::{Redis, closed_port};

/// An hour would be waited for where the log were.
const HOUR: Duration = Duration::from_hours(1);

#[tokio::test]
async fn process_ends_at_once_while_the_cache_is_away() {
    let source = Fake::new();
    for mode in [Mode::Cached, Mode::Uncached] {
        let engine = engine(
            &format!("redis://127.0.0.1:{}", closed_port()),
            &source,
            false,
        );
        let answer = ask(&engine, &report(Refresh::Ttl), mode).await.unwrap();
        assert_eq!(answer.outcome, Outcome::Bypass);
        engine.settle(HOUR).await;
        engine.log().flush(HOUR).await;
    }
}

#[tokio::test]
async fn process_ends_at_once_while_the_cache_hangs() {
    let redis = Redis::start();
    redis.freeze();
    let source = Fake::new();
    for mode in [Mode::Cached, Mode::Uncached] {
        let engine = engine(&redis.url(), &source, false);
        let answer = ask(&engine, &report(Refresh::Ttl), mode).await.unwrap();
        assert_eq!(answer.outcome, Outcome::Bypass);
        engine.settle(HOUR).await;
        engine.log().flush(HOUR).await;
    }
    redis.thaw();
}

#[tokio::test]
async fn events_are_in_redis_when_the_process_ends() {
    let redis = Redis::start();
    let source = Fake::new();
    let engine = engine(&redis.url(), &source, false);
    ask(&engine, &report(Refresh::Ttl), Mode::Cached)
        .await
        .unwrap();
    engine.log().flush(HOUR).await;
    assert_eq!(redis.cli(&["XLEN", "t:events"]).trim(), "1");
}
