//! `race`, `warm`, `reports` and `check`.

use std::fs;
use std::process::Stdio;

use serde_json::Value;

use super::{Place, texts};

#[test]
fn a_race_compares_times_and_answers() {
    let place = Place::new();
    let race = place.json(&["race", "all", "-n", "3", "--json"]);
    assert_eq!(race["report"], "all");
    assert_eq!(race["n"], 3);
    assert_eq!(race["identical"], true, "{race}");
    assert!(race["speedup"].as_f64().unwrap() > 0.0);
    for side in ["cached", "uncached"] {
        assert_eq!(race[side]["n"], 3, "{race}");
        for field in ["min_ms", "p50_ms", "p95_ms", "p99_ms", "max_ms"] {
            assert!(race[side][field].as_f64().unwrap() > 0.0);
        }
    }
    // Nobody watches this one, so the race does.
    let race = place.json(&["race", "watched", "-n", "2", "--json"]);
    assert_eq!(
        (&race["identical"], &race["cached"]["n"]),
        (&true.into(), &2.into()),
        "{race}"
    );
    let (text, _) = place.good(&["race", "all", "-n", "1"]);
    assert!(
        text.contains("p50") && text.contains("the answers are identical"),
        "{text}"
    );
}

#[test]
fn warm_fills_once_and_reports_tell_the_state() {
    let place = Place::new();
    let reports = place.json(&["reports", "--json"]);
    assert_eq!(reports[0]["name"], "all");
    assert_eq!(reports[0]["state"], "missing");
    let warmed = place.json(&["warm", "all", "none", "--json"]);
    assert_eq!(
        (&warmed[0]["filled"], &warmed[0]["rows"]),
        (&true.into(), &5000.into()),
        "{warmed}"
    );
    assert_eq!(warmed[1]["filled"], true);
    let again = place.json(&["warm", "all", "--json"]);
    assert_eq!(
        (&again[0]["state"], &again[0]["filled"]),
        (&"fresh".into(), &false.into()),
        "{again}"
    );
    assert_eq!(place.stats(&["run", "all"])["outcome"], "hit");
    let reports = place.json(&["reports", "--json"]);
    let all = &reports[0];
    let fields = [
        "name",
        "params",
        "state",
        "reason",
        "age_ms",
        "ttl_ms",
        "rows",
        "bytes",
        "key",
        "tables",
        "detector",
        "hits",
        "misses",
        "last_cached_ms",
        "last_uncached_ms",
    ];
    for field in fields {
        assert!(all.get(field).is_some(), "{field} is missing in {all}");
    }
    assert_eq!(
        (&all["state"], &all["rows"], &all["hits"]),
        (&"fresh".into(), &5000.into(), &1.into()),
        "{all}"
    );
    assert!(all["last_cached_ms"].as_f64().unwrap() > 0.0);
    assert_eq!(all["tables"], serde_json::json!(["things"]));
    let (text, _) = place.good(&["reports"]);
    assert!(
        text.lines().count() == 12 && text.contains("unwatched"),
        "{text}"
    );
    // One that fails does not stop the others, and is said.
    let output = place.output(&["warm", "wrong", "twice"]);
    let (out, err) = texts(&output);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        err.contains("nosuch") && out.contains("filled"),
        "{out} {err}"
    );
}

#[test]
fn a_report_with_a_mistake_is_told_and_the_others_work() {
    let place = Place::new();
    let file = place.path("lookaside.toml");
    let mut text = fs::read_to_string(&file).unwrap();
    text.push_str("\n[[reports]]\nname = \"open\"\nsource = \"shop\"\nsql = \"\"\"SELECT 1\n  /* never closed\"\"\"\n");
    fs::write(&file, text).unwrap();
    let said = "the comment that begins here does not end; close it";
    let output = place.output(&["run", "open"]);
    let (_, err) = texts(&output);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        err.contains(said) && err.contains("line 2, column 3"),
        "{err}"
    );
    let listed = place.json(&["reports", "--json"]);
    let open = listed.as_array().unwrap().last().unwrap();
    assert_eq!(open["state"], "unknown");
    assert_eq!(
        open["reason"],
        format!("line 2, column 3 of the SQL: {said}")
    );
    let (out, _) = texts(&place.output(&["check"]));
    assert!(out.contains("report open") && out.contains(said), "{out}");
    let check = place.output(&["check", "--json"]);
    assert_eq!(check.status.code(), Some(1));
    let check: Value = serde_json::from_slice(&check.stdout).unwrap();
    assert_eq!(check["mistakes"][0]["report"], "open");
    assert_eq!(place.stats(&["run", "all"])["rows"], 5000);
}

#[test]
fn any_change_says_why() {
    let place = Place::new();
    place.sql("CREATE VIRTUAL TABLE words USING fts5(word)");
    let file = place.path("lookaside.toml");
    let mut text = fs::read_to_string(&file).unwrap();
    text.push_str("\n[[reports]]\nname = \"words\"\nsource = \"shop\"\nsql = \"SELECT count(*) FROM words\"\n");
    fs::write(&file, text).unwrap();
    place.good(&["run", "words"]);
    let listed = place.json(&["reports", "--json"]);
    let words = listed.as_array().unwrap().last().unwrap();
    assert_eq!(words["tables"], serde_json::json!(["*"]));
    assert_eq!(
        words["any_change"],
        "the SQL reads words, which is a virtual table"
    );
    assert_eq!(listed[0]["any_change"], Value::Null);
}

#[test]
fn check_tells_each_step_and_what_watches() {
    let place = Place::new();
    let check = place.json(&["check", "--json"]);
    assert_eq!(check["cache"]["ok"], true);
    assert!(
        check["cache"]["server_version"]
            .as_str()
            .unwrap()
            .contains('.')
    );
    let source = &check["sources"][0];
    assert_eq!(
        (&source["name"], &source["ok"]),
        (&"shop".into(), &true.into())
    );
    for field in [
        "server_version",
        "detector",
        "delay_ms",
        "blind_spots",
        "better_by",
    ] {
        assert!(
            source.get(field).is_some(),
            "{field} is missing in {source}"
        );
    }
    let (text, _) = place.good(&["check"]);
    assert!(
        text.contains("detector:") && !text.contains("FAILED"),
        "{text}"
    );
    // Nothing of it stays in the cache.
    assert!(
        !place
            .redis
            .as_ref()
            .unwrap()
            .cli(&["--scan"])
            .contains("check")
    );
}

#[test]
fn an_embedded_cache_lives_as_long_as_the_command() {
    let place = Place::with_cache("embedded");
    let race = place.json(&["race", "all", "-n", "2", "--json"]);
    assert_eq!(
        (&race["identical"], &race["cached"]["n"]),
        (&true.into(), &2.into()),
        "{race}"
    );
}

#[test]
fn a_race_of_millions_of_rows_stays_in_bounded_memory() {
    let place = Place::new();
    let race = ["race", "rows", "-p", "n=10000000", "-n", "1", "--json"];
    let mut child = place.command(&race).stdout(Stdio::piped()).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let now = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
        peak = peak.max(now.unwrap_or_default());
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let (out, _) = texts(&child.wait_with_output().unwrap());
    let race: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (&race["rows"], &race["identical"]),
        (&10_000_000.into(), &true.into())
    );
    assert!((1..400_000).contains(&peak), "{peak} kB resident");
}
