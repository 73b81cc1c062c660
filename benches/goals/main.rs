//! The goals on speed, measured side by side: `cargo bench --bench goals -- [hits] [level] [fresh] [miss] [rows]
//! [csv] [clients]`.
//!
//! Plain loops and a printed table, no statistics framework: what matters is the ratio of medians taken in turn in one
//! run. The servers are private ones, started here and ended with the program. `--small` shrinks the data for a quick
//! look.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod clients;
mod csv;
mod data;
mod fresh;
mod hits;
mod kit;
mod level;
mod miss;
mod rows;
#[path = "../../tests/it/servers/mod.rs"]
mod servers;

fn main() {
    let args: Vec<String> = std::env::args()
        .skip(1)
        .filter(|arg| arg != "--bench")
        .collect();
    let small = args.iter().any(|arg| arg == "--small");
    let named: Vec<&str> = args
        .iter()
        .map(String::as_str)
        .filter(|arg| !arg.starts_with("--"))
        .collect();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let wanted = |name: &str| named.is_empty() || named.contains(&name);
    if wanted("hits") {
        runtime.block_on(hits::run(small));
    }
    if wanted("level") {
        runtime.block_on(level::run());
    }
    if wanted("fresh") {
        runtime.block_on(fresh::run(small));
    }
    if wanted("miss") {
        runtime.block_on(miss::run(small));
    }
    if wanted("rows") {
        runtime.block_on(rows::run(small));
    }
    if wanted("csv") {
        csv::run(small);
    }
    if wanted("clients") {
        clients::run(small);
    }
}
