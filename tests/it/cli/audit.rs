//! `audit`, and what `reports` tells of it.

use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use super::{Place, interrupt, texts};

/// Waits until the reports tell it.
fn until(place: &Place, what: &str, is: impl Fn(&Value) -> bool) -> Value {
    let began = Instant::now();
    loop {
        let reports = place.json(&["reports", "--json"]);
        let watched = reports.as_array().unwrap().iter();
        let watched = watched.clone().find(|report| report["name"] == "watched");
        let watched = watched.unwrap();
        if is(watched) {
            return watched.clone();
        }
        assert!(
            began.elapsed() < Duration::from_mins(1),
            "{what}: {watched}"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn audit_tells_what_is_identical_what_differs_and_what_was_not_checked() {
    let place = Place::new();
    // Without a worker nothing is claimed, so nothing is wrong.
    let audit = place.json(&["audit", "--json"]);
    assert_eq!(
        (&audit["checked"], &audit["wrong"]),
        (&0.into(), &0.into()),
        "{audit}"
    );

    let mut worker = place
        .command(&["worker"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    until(&place, "it is fresh", |report| report["state"] == "fresh");
    place.sql("INSERT INTO things VALUES (9001, 'new', 1.0, NULL)");
    let watched = until(&place, "the change is refreshed", |report| {
        report["state"] == "fresh" && !report["freshness"].is_null()
    });
    let because = watched["refreshed_because"].as_str().unwrap();
    assert!(
        because.starts_with("changed: somewhere in shop, seen ")
            && because.ends_with(" UTC by SQLite data_version"),
        "{because}"
    );
    let reason = watched["reason"].as_str().unwrap();
    assert!(
        reason.starts_with("no change of things up to ")
            && reason.ends_with(" s ago, says the detector of shop (SQLite data_version)"),
        "{reason}"
    );
    assert!(
        watched["freshness"]["detected_to_fresh_p99_ms"]
            .as_f64()
            .unwrap()
            > 0.0
    );
    assert_eq!(
        watched["freshness"]["committed_to_fresh_p50_ms"],
        Value::Null
    );

    place.good(&["warm", "all"]);
    let audit = place.json(&["audit", "--json"]);
    let entry = |audit: &Value, name: &str| {
        let entries = audit["entries"].as_array().unwrap().clone();
        entries
            .into_iter()
            .find(|entry| entry["report"] == name)
            .unwrap()
    };
    assert_eq!(
        (&audit["checked"], &audit["wrong"]),
        (&1.into(), &0.into()),
        "{audit}"
    );
    let watched = entry(&audit, "watched");
    assert_eq!(watched["outcome"], "identical");
    assert!(watched["took_ms"].as_f64().unwrap() > 0.0);
    let all = entry(&audit, "all");
    assert_eq!(all["outcome"], "not_checked");
    assert_eq!(
        all["detail"],
        "no detector vouches for it: within its TTL; unwatched"
    );

    // Another answer's rows in its place.
    let wrong =
        "redis.call('HSET', KEYS[1], 'inline', redis.call('HGET', KEYS[2], 'inline'), 'index',
        redis.call('HGET', KEYS[2], 'index'), 'rows', redis.call('HGET', KEYS[2], 'rows'), 'bytes',
        redis.call('HGET', KEYS[2], 'bytes'), 'raw', redis.call('HGET', KEYS[2], 'raw'), 'schema',
        redis.call('HGET', KEYS[2], 'schema')) return 'done'";
    place.good(&["warm", "twice"]);
    let twice = entry(&audit, "twice")["key"].as_str().unwrap().to_owned();
    let key = watched["key"].as_str().unwrap();
    let said = place
        .redis
        .as_ref()
        .unwrap()
        .cli(&["EVAL", wrong, "2", key, &twice]);
    assert!(said.contains("done"), "{said}");
    let output = place.output(&["audit", "watched", "--json"]);
    let (out, err) = texts(&output);
    assert_eq!(output.status.code(), Some(1), "{out} {err}");
    let audit: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(entry(&audit, "watched")["outcome"], "differs");
    let detail = entry(&audit, "watched")["detail"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(detail.starts_with("other columns"), "{detail}");

    // It is right again, the figure stays.
    let (text, _) = place.good(&["audit", "watched"]);
    assert!(
        text.contains("identical") && text.ends_with("checked 1, wrong 0\n"),
        "{text}"
    );
    let reports = place.json(&["reports", "--json"]);
    let figures = &reports[0]["audit"];
    // The worker may have checked some itself.
    assert!(figures["checked"].as_u64().unwrap() >= 3, "{figures}");
    assert_eq!(figures["wrong"], 1, "{figures}");
    let (text, _) = place.good(&["reports"]);
    assert!(
        text.contains(" fresh entries checked against the database, 1 wrong"),
        "{text}"
    );
    assert!(place.bad(&["audit", "nosuch"], 2).contains("nosuch"));

    interrupt(&worker, Signal::TERM);
    assert!(worker.wait().unwrap().success());
}
