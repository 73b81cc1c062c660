//! A million random schedules of the freshness protocol, and how fast each mistake is caught:
//! `cargo bench --bench schedules -- 1000000 [random] [systematic] [mistakes]`. Schedules are numbered; the same number
//! is the same schedule.
#![allow(clippy::unwrap_used)]

use std::time::Instant;

#[path = "../tests/it/schedules/mod.rs"]
mod schedules;

use schedules::random::{Explored, explore};
use schedules::systematic::scenarios;
use schedules::variant::Variant;

const THREADS: u64 = 2;

fn main() {
    let args: Vec<String> = std::env::args()
        .skip(1)
        .filter(|arg| arg != "--bench")
        .collect();
    let count: u64 = args
        .iter()
        .find_map(|arg| arg.parse().ok())
        .unwrap_or(100_000);
    let named: Vec<&String> = args
        .iter()
        .filter(|arg| arg.parse::<u64>().is_err())
        .collect();
    let wanted = |name: &str| named.is_empty() || named.iter().any(|named| *named == name);
    let mut broken = false;
    if wanted("random") {
        broken |= at_random(count);
    }
    if wanted("systematic") {
        broken |= systematically();
    }
    if wanted("mistakes") {
        broken |= mistakes();
    }
    if broken {
        std::process::exit(1);
    }
}

/// Whether a schedule broke the promise.
fn at_random(count: u64) -> bool {
    let start = Instant::now();
    let parts: Vec<Explored> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|part| scope.spawn(move || explore(None, (part..count).step_by(THREADS as usize))))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    let all = parts.into_iter().fold(Explored::default(), Explored::and);
    let counts = all.counts;
    println!(
        "{} schedules, {} steps, {} script calls in {:.1} s on {THREADS} threads",
        all.schedules,
        all.steps,
        counts.calls,
        start.elapsed().as_secs_f64()
    );
    println!(
        "verdicts: {} fresh ({} of them held a commit; in {} schedules), {} stale, {} missing",
        counts.fresh, counts.fresh_after_change, all.served, counts.stale, counts.missing
    );
    println!(
        "stale called fresh, or published by an old leader: {}",
        u8::from(all.broken.is_some())
    );
    if let Some(told) = &all.broken {
        println!("{told}");
    }
    all.broken.is_some()
}

/// Whether an interleaving broke the promise.
fn systematically() -> bool {
    let mut broken = false;
    for scenario in scenarios(true) {
        let start = Instant::now();
        let covered = scenario.cover(None);
        println!(
            "every interleaving, {}: {} of them, {} states, {} fresh verdicts in {:.1} s",
            scenario.title(),
            covered.interleavings,
            covered.states,
            covered.fresh,
            start.elapsed().as_secs_f64()
        );
        if let Some(told) = covered.broken {
            println!("{told}");
            broken = true;
        }
    }
    broken
}

/// Whether a mistake slipped through.
fn mistakes() -> bool {
    let mut slipped = false;
    for variant in Variant::ALL {
        let start = Instant::now();
        let explored = explore(Some(variant), 0..1_000_000);
        let caught = explored.broken.is_some();
        println!(
            "{}: {} in {} schedules, {:.2} s",
            variant.sentence(),
            if caught { "caught" } else { "NOT caught" },
            explored.schedules,
            start.elapsed().as_secs_f64()
        );
        slipped |= !caught;
    }
    slipped
}
