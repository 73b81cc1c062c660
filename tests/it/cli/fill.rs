//! `lookaside run` that ends in the middle of a fill, or whose output nobody reads.

use std::fs;
use std::io::Read;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::{Place, interrupt, texts};

/// Twenty megabytes at once, and then an answer that never ends.
const ENDLESS: &str = r#"
[[reports]]
name = "stuck"
source = "shop"
sql = """WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 500)
SELECT i, CASE WHEN i < 400 THEN randomblob(50000) ELSE
  (WITH RECURSIVE d(k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM d) SELECT max(k + i) FROM d) END AS b FROM c"""

[[reports]]
name = "big"
source = "shop"
sql = "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 800) SELECT i, zeroblob(50000 + i) AS b FROM c"
"#;

fn place() -> Place {
    let place = Place::new();
    let file = place.path("lookaside.toml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text + ENDLESS).unwrap();
    place
}

fn keys(place: &Place, pattern: &str) -> Vec<String> {
    let keys = place.redis.as_ref().unwrap().cli(&["KEYS", pattern]);
    keys.lines()
        .filter(|key| !key.is_empty())
        .map(str::to_owned)
        .collect()
}

fn until(what: &str, mut is: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is() {
        assert!(
            began.elapsed() < Duration::from_mins(1),
            "waited in vain until {what}"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A run in the middle of its fill.
fn filling(place: &Place, out: Stdio) -> Child {
    let mut command = place.command(&["run", "stuck", "--format", "csv"]);
    let child = command.stdout(out).stderr(Stdio::piped()).spawn().unwrap();
    until("chunks are written", || {
        keys(place, "lookaside:c:*").len() > 5
    });
    child
}

#[test]
fn interrupted_run_leaves_nothing_in_redis() {
    let place = place();
    for signal in [Signal::INT, Signal::TERM] {
        let child = filling(&place, Stdio::null());
        interrupt(&child, signal);
        let output = child.wait_with_output().unwrap();
        assert!(!output.status.success());
        let (_, err) = texts(&output);
        assert!(err.contains("cancelled"), "{err}");
        assert!(keys(&place, "lookaside:c:*").is_empty(), "{signal:?}");
        assert!(keys(&place, "lookaside:*:l:*").is_empty(), "{signal:?}");
    }
}

#[test]
fn closed_pipe_leaves_nothing_in_redis() {
    let place = place();
    let mut child = filling(&place, Stdio::piped());
    let mut pipe = child.stdout.take().unwrap();
    pipe.read_exact(&mut [0; 1000]).unwrap();
    drop(pipe);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", texts(&output).1);
    assert!(keys(&place, "lookaside:c:*").is_empty());
    assert!(keys(&place, "lookaside:*:l:*").is_empty());
}

#[test]
fn chunks_of_a_killed_run_end_within_a_minute() {
    let place = place();
    let child = filling(&place, Stdio::null());
    interrupt(&child, Signal::KILL);
    child.wait_with_output().unwrap();
    let chunks = keys(&place, "lookaside:c:*");
    assert!(!chunks.is_empty());
    for chunk in chunks {
        let left = place.redis.as_ref().unwrap().cli(&["PTTL", &chunk]);
        let left: i64 = left.trim().parse().unwrap();
        assert!((-2..=60_000).contains(&left) && left != -1, "{left}");
    }
}

/// `lookaside run big --format csv` into a pipe that nobody reads: others are served, and it ends when told.
#[test]
fn output_that_nobody_reads_holds_up_nobody() {
    let place = place();
    let mut child = place
        .command(&["run", "big", "--format", "csv"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It has begun, and its pipe is full.
    child
        .stdout
        .as_mut()
        .unwrap()
        .read_exact(&mut [0; 10])
        .unwrap();
    let stats = place.stats(&["run", "big", "--format", "csv", "-o", "big.csv"]);
    assert!(
        matches!(stats["outcome"].as_str(), Some("hit" | "wait")),
        "{stats}"
    );
    assert_eq!(stats["rows"], 800);
    assert!(keys(&place, "lookaside:*:l:*").is_empty());
    // Its pipe is still full, and nobody reads it.
    interrupt(&child, Signal::INT);
    until("it ends", || child.try_wait().unwrap().is_some());
}
