//! `lookaside worker`.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;
use tempfile::NamedTempFile;

use super::{Place, interrupt};

/// A `lookaside worker`, the lines that it prints, and the file with what it says besides.
struct WorkerProcess {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
    said: NamedTempFile,
}

impl WorkerProcess {
    fn start(place: &Place) -> Self {
        let said = NamedTempFile::new().unwrap();
        let mut child = place
            .command(&["worker"])
            .stdout(Stdio::piped())
            .stderr(said.reopen().unwrap())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines, said }
    }

    /// What it has said on standard error.
    fn said(&self) -> String {
        fs::read_to_string(self.said.path()).unwrap()
    }

    fn until_said(&self, words: &str) {
        let began = Instant::now();
        while !self.said().contains(words) {
            assert!(
                began.elapsed() < Duration::from_mins(1),
                "waited in vain for \"{words}\": {}",
                self.said()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
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

    fn stop(mut self) {
        interrupt(&self.child, Signal::TERM);
        // Read to the end, so that it never waits for a reader.
        self.lines.by_ref().for_each(drop);
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{}", self.said());
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
    worker.until_said("is not taken over");
    fs::write(&file, text).unwrap();
    worker.until(|event| event["event"] == "watching");
    worker.until(|event| event["report"] == "watched" && event["reason"] == "changed");
    place.sql("INSERT INTO things VALUES (9001, 'new', 1.0, NULL)");
    worker.until(|event| event["event"] == "change");
    worker.until(|event| event["report"] == "watched" && event["reason"] == "changed");
    worker.until_said("goes on with the edited workspace");
    worker.stop();
}

#[test]
fn what_watching_put_into_the_file_comes_out_again() {
    let place = Place::new();
    let file = place.path("lookaside.toml");
    let text = fs::read_to_string(&file).unwrap();
    let (text, triggers) = (text.as_str(), "url = \"sqlite:shop.db\"\ntriggers = true");
    fs::write(&file, text.replace("url = \"sqlite:shop.db\"", triggers)).unwrap();
    let mut worker = WorkerProcess::start(&place);
    worker.until(|event| event["report"] == "watched" && event["event"] == "refreshed");
    worker.stop();
    let ours = || {
        place.sql("SELECT count(*) FROM sqlite_schema WHERE name LIKE 'lookaside%' AND type IN ('table', 'trigger')")
    };
    assert_eq!(ours().trim(), "4");

    assert!(
        place
            .bad(&["unwatch", "nosuch"], 2)
            .contains("this workspace has shop")
    );
    let (out, err) = place.good(&["unwatch", "shop"]);
    assert_eq!(out, "shop: 3 things removed\n");
    assert!(err.contains("[sources.shop] says triggers = true"), "{err}");
    assert_eq!(ours().trim(), "0");
    fs::write(&file, text).unwrap();
    let (out, err) = place.good(&["unwatch"]);
    assert_eq!(
        (out.as_str(), err.as_str()),
        ("shop: nothing of ours was there\n", "")
    );
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

#[test]
fn failing_report_is_told_by_worker_run_and_reports() {
    let place = Place::new();
    let mut worker = WorkerProcess::start(&place);
    worker.until(|event| event["report"] == "watched" && event["event"] == "refreshed");
    place.sql("ALTER TABLE things RENAME TO gone");
    let event =
        worker.until(|event| event["report"] == "watched" && event["event"] == "refresh_failed");
    assert_eq!(event["permanent"], true, "{event}");
    assert_eq!(event["failures"], 1, "{event}");
    assert!(event["next_try_at"].is_string(), "{event}");
    let error = place.bad(&["run", "watched"], 1);
    assert!(error.contains("no such table: things"), "{error}");
    let reports = place.json(&["reports", "--json"]);
    let mut watched = reports.as_array().unwrap().iter();
    let watched = watched.find(|report| report["name"] == "watched").unwrap();
    assert_eq!(watched["last_failure"]["permanent"], true, "{watched}");
    let reason = watched["reason"].as_str().unwrap();
    assert!(
        reason.contains("failed") && reason.contains("no such table: things"),
        "{reason}"
    );
    worker.stop();
}
