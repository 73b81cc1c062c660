//! The most memory that the whole command holds, above the names of the keys.

use std::process::{Command, Stdio};
use std::time::Duration;

use super::servers::Redis;

/// Kilobytes that a command held at most.
fn peak(redis: &Redis, arguments: &[&str]) -> u64 {
    let mut child = Command::new(env!("CARGO_BIN_EXE_lookaside"))
        .args(["keys", "--full-speed", "--redis", &redis.url()])
        .args(arguments)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    let ended = loop {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
        peak = peak.max(kilobytes.unwrap_or(0));
        if let Some(ended) = child.try_wait().unwrap() {
            break ended;
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    assert!(ended.success());
    peak
}

pub(crate) fn run(redis: &Redis) {
    let keys: u64 = redis.cli(&["DBSIZE"]).trim().parse().unwrap();
    // What the command holds without any key.
    let empty = peak(redis, &["--match", "no such name"]);
    let all = peak(redis, &[]);
    let names: u64 = (0..keys).map(|i| super::keys::name(i).len() as u64).sum();
    let ours = (all - empty) * 1_024;
    println!(
        "\nMemory: {:.0} MB resident at most, {:.0} MB above an empty scan; names {:.0} MB; above them {:.0} bytes a key  goal 200 (aim 64)",
        all as f64 / 1_024.0,
        ours as f64 / 1e6,
        names as f64 / 1e6,
        ours.saturating_sub(names) as f64 / keys as f64
    );
}
