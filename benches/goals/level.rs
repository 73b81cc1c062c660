//! A repeated hit in the process that has the answer in memory, against `get` of an `Arc` in a moka cache.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use lookaside::engine::{Memory, Mode, Outcome};

use super::kit::{self, Canned};
use super::servers::Redis;

/// Asked so often each.
const ROUNDS: usize = 20_000;
/// The goal, in microseconds.
const GOAL: f64 = 5.0;

pub(crate) async fn run() {
    println!("\nlevel: a repeated hit in process, rows read to the end (microseconds)");
    println!(
        "{:<32} {:>9} {:>9} {:>14} {:>12}",
        "", "p50", "p99", "moka get p50", "Redis p50"
    );
    let redis = Redis::start();
    for (name, rows) in [("20 rows", 20), ("1 MB", 11_500)] {
        let table = kit::line_items(rows);
        let theirs = moka::sync::Cache::new(1000);
        let report = kit::report(&format!("SELECT {rows} /* level */"));
        let engine = kit::engine_that(&redis.url(), Canned::new(table.clone()), true);
        let key = engine
            .key(&report, &lookaside::report::Params::default())
            .unwrap();
        theirs.insert(key, Arc::new(table));
        kit::ask(&engine, &report, Mode::Cached).await;
        let mut past = Vec::new();
        for _ in 0..200 {
            past.push(kit::ask(&engine, &report, Mode::PastMemory).await.2);
            kit::ask(&engine, &report, Mode::Cached).await;
        }
        let Memory::Keeps { answers: 1, bytes } = engine.memory() else {
            panic!("the answer is not in memory: {:?}", engine.memory());
        };
        let (mut ours, mut other) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let (outcome, _, all) = kit::ask(&engine, &report, Mode::Cached).await;
            assert_eq!(outcome, Outcome::Hit);
            ours.push(all);
            let start = Instant::now();
            black_box(theirs.get(&key));
            other.push(kit::millis(start.elapsed()));
        }
        ours.sort_by(f64::total_cmp);
        let (p50, p99) = (ours[ROUNDS / 2] * 1e3, ours[ROUNDS * 99 / 100] * 1e3);
        println!(
            "{:<32} {p50:>9.2} {p99:>9.2} {:>14.2} {:>12.2}  goal {GOAL}{}",
            format!("{name} ({bytes} bytes kept)"),
            kit::median(other) * 1e3,
            kit::median(past) * 1e3,
            if p50 <= GOAL { "" } else { "  MISSED" }
        );
    }
}
