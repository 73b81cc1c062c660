//! `lookaside worker`.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Output, Stdio};

use rustix::process::Signal;
use serde_json::Value;

use super::{Place, interrupt, texts};

/// A `lookaside worker` and the lines that it prints.
struct WorkerProcess {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl WorkerProcess {
    fn start(place: &Place) -> Self {
        let mut child = place
            .command(&["worker"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    fn until(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let line = self.lines.next().expect("the worker goes on").unwrap();
            let event: Value = serde_json::from_str(&line).unwrap();
            assert!(
                event["at"].is_string() && event["source"].is_string(),
                "{event}"
            );
            if wanted(&event) {
                return event;
            }
        }
    }

    fn stop(self) -> Output {
        interrupt(&self.child, Signal::TERM);
        let output = self.child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", texts(&output).1);
        output
    }
}

#[test]
fn the_worker_refreshes_what_changed_and_stops_when_told() {
    let place = Place::new();
    let mut worker = WorkerProcess::start(&place);
    worker.until(|event| event["report"] == "watched" && event["event"] == "refreshed");
    place.sql("INSERT INTO things VALUES (9001, 'new', 1.0, NULL)");
    let event = worker.until(|event| event["report"] == "watched" && event["reason"] == "changed");
    assert!(event["took_ms"].as_f64().unwrap() > 0.0, "{event}");
    worker.stop();
    let (out, _) = place.good(&["run", "watched", "--format", "csv", "--uncached"]);
    assert_eq!(out, "n,total\r\n5001,3125626\r\n");
}

#[test]
fn the_worker_goes_on_with_an_edited_workspace() {
    let place = Place::new();
    let file = place.path("lookaside.toml");
    let text = fs::read_to_string(&file).unwrap();
    // Without a report that asks for it, nothing is watched.
    fs::write(&file, text.replace("\"on-change\"", "\"ttl\"")).unwrap();
    let mut worker = WorkerProcess::start(&place);
    worker.until(|event| event["report"] == "watched" && event["event"] == "refreshed");
    fs::write(&file, "[[reports]]\nname = \"broken").unwrap();
    std::thread::sleep(std::time::Duration::from_millis(1500));
    fs::write(&file, text).unwrap();
    worker.until(|event| event["event"] == "watching");
    worker.until(|event| event["report"] == "watched" && event["reason"] == "changed");
    place.sql("INSERT INTO things VALUES (9001, 'new', 1.0, NULL)");
    worker.until(|event| event["event"] == "change");
    worker.until(|event| event["report"] == "watched" && event["reason"] == "changed");
    let (_, err) = texts(&worker.stop());
    assert!(err.contains("goes on with the edited workspace"), "{err}");
    assert!(err.contains("is not taken over"), "{err}");
}

#[test]
fn of_two_workers_one_leads_and_when_it_is_killed_the_other_does() {
    let place = Place::new();
    let mut first = WorkerProcess::start(&place);
    first.until(|event| event["report"] == "watched" && event["event"] == "refreshed");
    let mut second = WorkerProcess::start(&place);
    second.until(|event| event["event"] == "standing_by");
    let fresh = || {
        let stats = place.stats(&["run", "watched", "--format", "csv"]);
        stats["outcome"] == "hit"
    };
    while !fresh() {}

    first.child.kill().unwrap();
    first.child.wait().unwrap();
    place.sql("INSERT INTO things VALUES (9001, 'new', 1.0, NULL)");
    second.until(|event| event["event"] == "leading");
    // From the takeover on, nothing is called fresh by the word of the dead.
    let new = "n,total\r\n5001,3125626\r\n";
    for _ in 0..5 {
        let (out, err) = place.good(&["run", "watched", "--format", "csv", "--stats"]);
        let stats: Value = serde_json::from_str(err.lines().last().unwrap()).unwrap();
        assert!(
            out == new || stats["outcome"] == "stale_hit",
            "{out} {stats}"
        );
    }
    while !fresh() {}
    let (out, _) = place.good(&["run", "watched", "--format", "csv"]);
    assert_eq!(out, new);
    second.stop();
}
