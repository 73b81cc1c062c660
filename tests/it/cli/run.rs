//! `lookaside run`: what it says, cached and not, and how it ends.

use std::fs;
use std::process::Stdio;

use rustix::process::Signal;
use serde_json::Value;

use super::{Place, interrupt, sha256sum, texts};
use crate::servers::closed_port;

#[test]
fn a_report_says_the_same_uncached_on_a_miss_and_on_a_hit() {
    let place = Place::new();
    let csv = |args: &[&str]| {
        let mut all = vec!["run", "all", "--format", "csv", "--stats"];
        all.extend(args);
        let (out, err) = place.good(&all);
        (
            out,
            serde_json::from_str::<Value>(err.lines().last().unwrap()).unwrap(),
        )
    };
    let (uncached, bypass) = csv(&["--uncached"]);
    let (missed, miss) = csv(&[]);
    let (found, hit) = csv(&[]);
    assert_eq!(
        [&bypass["outcome"], &miss["outcome"], &hit["outcome"]],
        ["bypass", "miss", "hit"],
        "{miss} {hit}"
    );
    assert!(uncached == missed && missed == found);
    assert!(uncached.starts_with("id,name,amount,note\r\n1,\"thing, 1\",0.25,\"\"\r\n2,"));
    assert!(
        uncached.contains("\r\n3,\"thing, 3\",0.75,\r\n")
            && uncached.contains("\"say \"\"hi\"\"\"")
    );
    assert_eq!(uncached.lines().count(), 5001);
    let file = place.path("all.csv");
    fs::write(&file, &found).unwrap();
    for stats in [&bypass, &miss, &hit] {
        assert_eq!(stats["sha256"], sha256sum(&file).as_str());
        assert_eq!(stats["rows"], 5000);
        let fields = [
            "report",
            "outcome",
            "reason",
            "rows",
            "bytes",
            "total_ms",
            "cache_ms",
            "db_ms",
            "decode_ms",
            "age_ms",
            "ttl_ms",
            "key",
            "sha256",
        ];
        for field in fields {
            assert!(stats.get(field).is_some(), "{field} is missing in {stats}");
        }
    }
    let key = hit["key"].as_str().unwrap();
    assert_eq!(
        place.redis.as_ref().unwrap().cli(&["EXISTS", key]).trim(),
        "1"
    );
}

#[test]
fn a_table_shows_the_first_rows_and_says_how_many_more() {
    let place = Place::new();
    let (out, _) = place.good(&["run", "all", "--limit", "2", "-p", "max=1234"]);
    assert!(
        out.contains("thing, 2") && !out.contains("thing, 3"),
        "{out}"
    );
    assert!(out.contains("2 rows of 1,234 shown; 1,232 more"), "{out}");
    assert!(place.good(&["run", "none"]).0.ends_with("0 rows\n"));
}

#[test]
fn what_the_database_refuses_is_told_with_its_place() {
    let place = Place::new();
    let error = place.bad(&["run", "wrong"], 1);
    assert!(error.contains("nosuch"), "{error}");
    let error = place.bad(&["run", "writes"], 1);
    assert_eq!(
        place.sql("SELECT count(*) FROM things").trim(),
        "5000",
        "{error}"
    );
    fs::remove_file(place.path("shop.db")).unwrap();
    let error = place.bad(&["run", "watched"], 1);
    assert!(error.contains("shop.db"), "{error}");
    assert!(!place.path("shop.db").exists());
}

#[test]
fn a_cache_that_is_away_never_stops_a_report() {
    let place = Place::with_cache(&format!("redis://127.0.0.1:{}/0", closed_port()));
    let (out, err) = place.good(&["run", "watched", "--format", "csv"]);
    assert_eq!(out, "n,total\r\n5000,3125625\r\n");
    assert!(
        err.starts_with("lookaside: bypass: ") && err.lines().count() == 1,
        "{err}"
    );
    let stats = place.stats(&["run", "watched"]);
    assert_eq!(stats["outcome"], "bypass");
    assert!(
        stats["reason"].as_str().unwrap().contains("127.0.0.1"),
        "{stats}"
    );
    let output = place.output(&["warm", "watched"]);
    assert_eq!(output.status.code(), Some(1), "{}", texts(&output).1);
    let check = place.output(&["check", "--json"]);
    assert_eq!(check.status.code(), Some(1));
    let check: Value = serde_json::from_slice(&check.stdout).unwrap();
    assert_eq!(check["cache"]["ok"], false);
    assert_eq!(check["sources"][0]["ok"], true, "{check}");
}

#[test]
fn ctrl_c_ends_the_query_and_leaves_nothing() {
    let place = Place::new();
    let child = place
        .command(&["run", "endless", "-p", "step=1", "-o", "out.csv"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The query runs when its fill lock is there.
    let redis = place.redis.as_ref().unwrap();
    while redis
        .cli(&["--scan", "--pattern", "lookaside:*:l:*"])
        .trim()
        .is_empty()
    {
        std::thread::yield_now();
    }
    interrupt(&child, Signal::INT);
    let output = child.wait_with_output().unwrap();
    let (_, err) = texts(&output);
    assert_eq!(output.status.code(), Some(1), "{err}");
    assert!(err.contains("cancelled"), "{err}");
    assert!(!place.path("out.csv").exists() && place.leftovers().is_empty());
}

#[test]
fn an_answer_that_could_not_be_cached_says_why() {
    let place = Place::new();
    let redis = place.redis.as_ref().unwrap();
    redis.cli(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
    let info = redis.cli(&["INFO", "memory"]);
    let used = info
        .lines()
        .find_map(|line| line.strip_prefix("used_memory:"));
    let most = used.unwrap().trim().parse::<u64>().unwrap() + 1_000_000;
    redis.cli(&["CONFIG", "SET", "maxmemory", &most.to_string()]);
    let stats = place.stats(&[
        "run",
        "rows",
        "-p",
        "n=2000000",
        "--format",
        "csv",
        "-o",
        "x",
    ]);
    assert_eq!(
        (&stats["outcome"], &stats["rows"]),
        (&"miss".into(), &2_000_000.into())
    );
    let reason = stats["reason"].as_str().unwrap();
    assert!(
        reason.starts_with("not cached: the answer takes more than"),
        "{reason}"
    );
}
