//! The whole keyspace, measured: `cargo bench --bench keyspace -- [KEYS] [speed] [memory] [others] [giants]`.
//!
//! A private server is filled by the generator of `keys.rs` (1,000,000 keys unless another number is given); a plain
//! loop, `redis-cli` and ours walk over it in turn, and the ratios of medians are printed.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod bare;
mod giants;
mod keys;
mod memory;
mod others;
#[path = "../../tests/it/servers/mod.rs"]
mod servers;
mod speed;

use servers::Redis;

fn main() {
    let args: Vec<String> = std::env::args()
        .skip(1)
        .filter(|arg| arg != "--bench")
        .collect();
    if let [word, url] = args.as_slice()
        && word == "gets"
    {
        return others::gets(url);
    }
    let count: u64 = args
        .iter()
        .find_map(|arg| arg.parse().ok())
        .unwrap_or(1_000_000);
    let named: Vec<&String> = args
        .iter()
        .filter(|arg| arg.parse::<u64>().is_err())
        .collect();
    let wanted = |name: &str| named.is_empty() || named.iter().any(|named| *named == name);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    if wanted("giants") {
        runtime.block_on(giants::run());
    }
    if named.iter().all(|name| *name == "giants") && !named.is_empty() {
        return;
    }
    let redis = Redis::start();
    let took = runtime.block_on(keys::fill(&redis, count));
    println!("{count} mixed keys, made in {:.1} s", took.as_secs_f64());
    if wanted("speed") {
        runtime.block_on(speed::run(&redis));
    }
    if wanted("memory") {
        memory::run(&redis);
    }
    if wanted("others") {
        runtime.block_on(others::run(&redis));
    }
}
