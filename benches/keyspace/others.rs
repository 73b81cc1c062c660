//! What another client feels: a GET every half millisecond beside a scan, from a process of its own.

use std::io::Read;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use lookaside::inspect::{Connection, Pace, Scan, ScanOptions};
use lookaside::workspace::ConnectionUrl;

use super::bare::{self, Asked};
use super::servers::Redis;

/// What the other process does: it sends GETs until its standard input ends, and prints the microseconds that the median
/// and the 99th percentile took.
pub(crate) fn gets(url: &str) {
    let ended = std::thread::spawn(|| std::io::stdin().read_to_end(&mut Vec::new()));
    let mut link = redis::Client::open(url).unwrap().get_connection().unwrap();
    let mut times = Vec::new();
    while !ended.is_finished() {
        let start = Instant::now();
        let _: redis::Value = redis::cmd("GET").arg("other").query(&mut link).unwrap();
        times.push(start.elapsed().as_micros() as u64);
        std::thread::sleep(Duration::from_micros(500));
    }
    times.sort_unstable();
    println!(
        "{} {}",
        times[times.len() / 2],
        times[times.len() * 99 / 100]
    );
}

/// The median and the 99th percentile while `work` runs.
async fn beside(redis: &Redis, work: impl Future<Output = ()>) -> (u64, u64) {
    let client = Command::new(std::env::current_exe().unwrap())
        .args(["gets", &redis.url()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    work.await;
    let told = String::from_utf8(client.wait_with_output().unwrap().stdout).unwrap();
    let (p50, p99) = told.trim().split_once(' ').unwrap();
    (p50.parse().unwrap(), p99.parse().unwrap())
}

async fn scan(redis: &Redis, pace: Pace) {
    let connection = Connection::open(&ConnectionUrl::new(&redis.url()))
        .await
        .unwrap();
    let options = ScanOptions {
        pace,
        ..ScanOptions::default()
    };
    let mut scan = Scan::start(connection, options);
    while scan.next().await.is_some() {}
}

pub(crate) async fn run(redis: &Redis) {
    redis.cli(&["SET", "other", "value"]);
    println!("\nAnother client's GET            p50          p99");
    let mut usual = 0;
    let quiet = || tokio::time::sleep(Duration::from_secs(10));
    let line = |what: &str, (p50, p99): (u64, u64), usual: u64| {
        let ratio = if usual > 0 {
            format!("  {:.2}x", p99 as f64 / usual as f64)
        } else {
            String::new()
        };
        println!("  {what:<26} {p50:>6} us  {p99:>8} us{ratio}");
        p99
    };
    for _ in 0..2 {
        // The quiet server is measured between the others, for machines are noisy.
        usual = line("a quiet server", beside(redis, quiet()).await, 0);
        line(
            "gentle pace (goal 2x)",
            beside(redis, scan(redis, Pace::Gentle)).await,
            usual,
        );
    }
    line(
        "full speed",
        beside(redis, scan(redis, Pace::Full)).await,
        usual,
    );
    let bare = async {
        bare::walk(redis, Asked::Five).await;
    };
    line("the plain loop", beside(redis, bare).await, usual);
}
