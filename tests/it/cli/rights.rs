//! `lookaside check` against accounts and servers that lack something: it says what is lost, and `run` agrees.

use std::fs;

use serde_json::Value;

use super::{Place, texts};
use crate::servers::{MariaDb, PASSWORD, Postgres, Redis};

/// Every command that docs/protocol.md names for the engine and the worker.
fn documented() -> Vec<String> {
    let page = include_str!("../../../docs/protocol.md");
    let rules = page.split("needs `~P:*` and `").nth(1).unwrap();
    let rules = rules.split('`').next().unwrap();
    rules.split_whitespace().map(str::to_owned).collect()
}

struct Account {
    place: Place,
    url: String,
}

impl Account {
    /// An account that may do what is documented, and what `change` says.
    fn new(change: &[&str]) -> Self {
        let place = Place::new();
        let redis = place.redis.as_ref().unwrap();
        let rules = documented();
        let mut args = vec!["ACL", "SETUSER", "app", "on", ">pw", "~lookaside:*"];
        args.extend(rules.iter().map(String::as_str));
        args.extend(change);
        assert_eq!(redis.cli(&args).trim(), "OK", "{args:?}");
        let url = format!("redis://app:pw@127.0.0.1:{}/0", redis.port);
        let file = place.path("lookaside.toml");
        let text = fs::read_to_string(&file).unwrap();
        fs::write(&file, text.replace(&redis.url(), &url)).unwrap();
        Self { place, url }
    }

    /// The step of `check` that this role has, with its result.
    fn step(&self, role: &str) -> (String, String) {
        let check = self.place.output(&["check", "--json"]);
        let check: Value = serde_json::from_slice(&check.stdout).unwrap();
        let steps = check["cache"]["steps"].as_array().unwrap();
        let step = steps.iter().find(|step| step["what"] == role);
        let step = step.unwrap_or_else(|| panic!("{role} is not among {steps:?}"));
        let text = |name: &str| step[name].as_str().unwrap().to_owned();
        (text("result"), text("detail"))
    }

    /// Whether a second run of a large and of a small report is a hit.
    fn hits(&self) -> bool {
        ["all", "twice"].iter().all(|report| {
            self.place.output(&["run", report]);
            self.place.stats(&["run", report])["outcome"] == "hit"
        })
    }
}

const ENGINE: &str = "reads and stores entries";
const WORKER: &str = "watches sources and refreshes entries";

#[test]
fn check_agrees_with_run_for_each_command_taken_away() {
    let account = Account::new(&[]);
    assert_eq!(account.step(ENGINE).0, "ok");
    assert_eq!(account.step(WORKER).0, "ok");
    assert!(account.hits(), "{}", account.url);
    for command in [
        "set",
        "get",
        "del",
        "evalsha",
        "script|load",
        "time",
        "hset",
        "hmget",
        "hgetall",
        "exists",
        "pexpire",
        "pttl",
        "sadd",
    ] {
        let account = Account::new(&[&format!("-{command}")]);
        let (result, detail) = account.step(ENGINE);
        assert_eq!(result, "failed", "{command}: {detail}");
        let shown = command.to_uppercase().replace('|', " ");
        assert!(
            detail.contains(&format!("may not run {shown}, so reports run uncached")),
            "{command}: {detail}"
        );
        assert!(!account.hits(), "{command} is not needed after all");
        // The remedy is taken by the server, and is one.
        let remedy = detail
            .split("ACL ")
            .nth(1)
            .unwrap()
            .replace("ACCOUNT", "app");
        let words: Vec<&str> = std::iter::once("ACL").chain(remedy.split(' ')).collect();
        let redis = account.place.redis.as_ref().unwrap();
        assert_eq!(redis.cli(&words).trim(), "OK", "{words:?}");
        assert_eq!(account.step(ENGINE).0, "ok", "{command}");
        assert!(account.hits(), "{command}");
        // Whoever may not delete leaves a string that ends by itself.
        for key in redis.cli(&["--scan", "--pattern", "*check*"]).lines() {
            assert_eq!(command, "del");
            assert!(redis.cli(&["PTTL", key]).trim().parse::<i64>().unwrap() > 0);
        }
    }
    for command in [
        "eval", "hget", "ping", "info", "hkeys", "hdel", "hexists", "zadd", "xadd", "hincrby",
        "sscan", "xread",
    ] {
        let account = Account::new(&[&format!("-{command}")]);
        assert_eq!(account.step(ENGINE).0, "ok", "{command}");
        assert!(account.hits(), "{command} is needed");
        let worker = ["hget", "hkeys", "hdel", "hexists"].contains(&command);
        let result = if worker { "failed" } else { "ok" };
        assert_eq!(account.step(WORKER).0, result, "{command}");
    }
    // Keys, and a server that does not have a command.
    let account = Account::new(&["resetkeys", "~lookaside:{*"]);
    let (result, detail) = account.step(ENGINE);
    assert!(
        result == "failed" && detail.contains("~lookaside:*"),
        "{detail}"
    );
}

#[test]
fn renamed_command_is_named_by_check() {
    let redis = Redis::start_with(&["--save", "", "--rename-command", "EVALSHA", ""]);
    let place = Place::with_cache(&redis.url());
    let check = place.output(&["check", "--json"]);
    let check: Value = serde_json::from_slice(&check.stdout).unwrap();
    assert_eq!(check["cache"]["ok"], false);
    let detail = check["cache"]["steps"][1]["detail"].as_str().unwrap();
    assert!(
        detail.contains("the server does not have EVALSHA, so reports run uncached"),
        "{detail}"
    );
    let stats = place.stats(&["run", "twice"]);
    let reason = stats["reason"].as_str().unwrap();
    assert!(!reason.contains("ResponseError"), "{reason}");
}

#[test]
fn watermark_is_tried_by_check() {
    for (watermark, said) in [
        ("SELECT count(*) FROM things", None),
        ("SELECT max(nosuch) FROM things", Some("nosuch")),
        ("SELECT id FROM things LIMIT 2", Some("returned 2 rows")),
        (
            "SELECT id FROM things WHERE id < 0",
            Some("returned 0 rows"),
        ),
        ("DELETE FROM things", Some("write")),
        ("", Some("watermark of [sources.shop] is empty")),
    ] {
        let place = Place::new();
        let file = place.path("lookaside.toml");
        let text = fs::read_to_string(&file).unwrap();
        let line = format!("[sources.shop]\nwatermark = \"{watermark}\"");
        fs::write(&file, text.replace("[sources.shop]", &line)).unwrap();
        let output = place.output(&["check"]);
        let (out, _) = texts(&output);
        assert_eq!(
            output.status.success(),
            said.is_none(),
            "{watermark}: {out}"
        );
        if let Some(said) = said {
            assert!(
                out.contains("FAILED") && out.contains(said),
                "{watermark}: {out}"
            );
        }
        assert_eq!(place.sql("SELECT count(*) FROM things").trim(), "5000");
    }
}

/// A place whose source is this account of this database.
fn source(url: &str) -> Place {
    let place = Place::new();
    let file = place.path("lookaside.toml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("sqlite:shop.db", url)).unwrap();
    place
}

fn detector(place: &Place) -> (String, String) {
    let check = place.output(&["check", "--json"]);
    let check: Value = serde_json::from_slice(&check.stdout).unwrap();
    let source = &check["sources"][0];
    let text = |name: &str| source[name].as_str().unwrap_or_default().to_owned();
    (text("detector"), text("better_by"))
}

#[test]
fn remedy_for_mariadb_is_taken_by_the_server() {
    let server = MariaDb::start_logging(&["--binlog-format=MIXED"]);
    let (_, name) = server.fresh_database();
    server.client(
        &name,
        &format!(
            "CREATE TABLE t (id INT PRIMARY KEY); CREATE USER 'odd''r eader'@'%' IDENTIFIED BY '{PASSWORD}'; \
             GRANT SELECT ON `{name}`.* TO 'odd''r eader'@'%';"
        ),
        &[],
    );
    let port = url::Url::parse(&server.url()).unwrap().port().unwrap();
    let place = source(&format!(
        "mysql://odd'r%20eader:{PASSWORD}@127.0.0.1:{port}/{name}"
    ));
    let mut seen = Vec::new();
    for _ in 0..3 {
        let (detector, better) = detector(&place);
        if better.is_empty() {
            break;
        }
        let end = better.find([';']).unwrap_or(better.len());
        let statement = better[..end].split(" (").next().unwrap();
        let statement = statement.split(" lets ").next().unwrap().to_owned();
        assert!(
            !seen.contains(&statement),
            "{statement} changes nothing: {better}"
        );
        server.client(&name, &format!("{statement};"), &[]);
        seen.push(statement);
        assert!(!detector.is_empty());
    }
    assert_eq!(detector(&place).0, "MariaDB binary log", "{seen:?}");
    assert!(!seen.is_empty());
}

#[test]
fn remedy_for_postgres_is_taken_by_the_server() {
    let server = Postgres::start_logical();
    let (_, name) = server.fresh_database();
    server.client(
        &name,
        &format!(
            "CREATE TABLE t (id int PRIMARY KEY); CREATE ROLE \"Odd Reader\" LOGIN PASSWORD '{PASSWORD}'; \
             GRANT SELECT ON t TO \"Odd Reader\";"
        ),
        &[],
    );
    let port = url::Url::parse(&server.url()).unwrap().port().unwrap();
    let place = source(&format!(
        "postgres://Odd%20Reader:{PASSWORD}@127.0.0.1:{port}/{name}"
    ));
    let (before, better) = detector(&place);
    assert!(
        better.contains("ALTER ROLE \"Odd Reader\" REPLICATION"),
        "{better}"
    );
    assert!(better.contains("CREATE PUBLICATION"), "{better}");
    let statements = [
        "ALTER ROLE \"Odd Reader\" REPLICATION",
        "CREATE PUBLICATION lookaside FOR ALL TABLES",
    ];
    for statement in statements {
        assert!(better.contains(statement), "{better}");
        server.client(&name, &format!("{statement};"), &[]);
    }
    let (after, _) = detector(&place);
    assert_ne!(before, after);
    assert!(after.contains("logical"), "{after}");
}
