//! How long a whole analysis takes: ours with tree and sums, the plain loop, `redis-cli --memkeys` and `--bigkeys`.

use std::collections::BTreeSet;
use std::process::Stdio;
use std::time::{Duration, Instant};

use lookaside::inspect::{Connection, Detail, Filter, Index, Pace, ScanOptions, analyse, sample};
use lookaside::workspace::ConnectionUrl;

use super::bare::{self, Asked};
use super::servers::Redis;

const ROUNDS: usize = 3;

fn seconds(time: Duration) -> f64 {
    time.as_secs_f64()
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// Type, TTL, bytes, encoding and idle time of every key, into the tree and the sums.
async fn ours(redis: &Redis, pace: Pace, keys: u64) -> Duration {
    let connection = Connection::open(&ConnectionUrl::new(&redis.url()))
        .await
        .unwrap();
    let start = Instant::now();
    let options = ScanOptions {
        pace,
        ..ScanOptions::default()
    };
    let (analysis, state, _) = analyse(
        &connection,
        options,
        Filter::default(),
        Detail::default(),
        |_| {},
    )
    .await
    .unwrap();
    let index = Index::default().extended(&state.keys);
    let tree = index.tree(&state.keys, &BTreeSet::from([b"app:".to_vec()]));
    assert_eq!((analysis.all.count.keys, tree.len()), (keys, 11));
    start.elapsed()
}

fn cli(redis: &Redis, option: &str) -> Duration {
    let mut command = redis.cli_command();
    command.arg(option).stdout(Stdio::null());
    let start = Instant::now();
    assert!(command.status().unwrap().success());
    start.elapsed()
}

pub(crate) async fn run(redis: &Redis) {
    let keys = bare::walk(redis, Asked::Four).await.0;
    let (mut full, mut four, mut five) = (Vec::new(), Vec::new(), Vec::new());
    let (mut memkeys, mut bigkeys) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        full.push(seconds(ours(redis, Pace::Full, keys).await));
        four.push(seconds(bare::walk(redis, Asked::Four).await.1));
        five.push(seconds(bare::walk(redis, Asked::Five).await.1));
        memkeys.push(seconds(cli(redis, "--memkeys")));
        bigkeys.push(seconds(cli(redis, "--bigkeys")));
    }
    let full = median(full);
    println!("\nAnalysis of {keys} keys, full speed: {full:.2} s");
    for (what, times, goal) in [
        ("plain loop, type TTL encoding bytes", four, Some(1.2)),
        ("plain loop, and idle time, as ours", five, None),
        ("redis-cli --memkeys", memkeys, Some(0.5)),
        ("redis-cli --bigkeys", bigkeys, None),
    ] {
        let time = median(times);
        let goal = goal.map_or(String::new(), |goal| {
            let missed = if full / time <= goal { "" } else { "  MISSED" };
            format!("  goal {goal:.2}x{missed}")
        });
        println!(
            "  {what:<38} {time:>8.2} s  ours is {:.2}x{goal}",
            full / time
        );
    }
    let gentle = seconds(ours(redis, Pace::Gentle, keys).await);
    println!("  ours at the gentle pace                {gentle:>8.2} s");
    let connection = Connection::open(&ConnectionUrl::new(&redis.url()))
        .await
        .unwrap();
    let start = Instant::now();
    let drawn = sample(
        &connection,
        20_000,
        &Filter::default(),
        Detail::default(),
        |_| {},
    )
    .await
    .unwrap();
    if let Some(bounds) = drawn.and_then(|drawn| drawn.all.bounds) {
        println!(
            "  ours, a sample of 20,000               {:>8.2} s  bytes between {} and {}",
            seconds(start.elapsed()),
            bounds.low.bytes,
            bounds.high.bytes
        );
    }
}
