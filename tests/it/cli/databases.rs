//! The commands on MariaDB, PostgreSQL and SQL Server: the demo's data loaded by the command line, and everything on top of it.

use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use super::{Place, interrupt, texts};
use crate::servers::{MariaDb, MsSql, PASSWORD, Postgres, Redis};

/// A report that runs for hours; its comment is how it is found on the server.
const SLOW: &str = "
[[reports]]
name = \"slow\"
source = \"shop\"
sql = \"SELECT count(*) AS n FROM lineitem a, lineitem b, lineitem c WHERE a.l_partkey + b.l_partkey + c.l_partkey = -1 /* slow one */\"
";

/// Values that are easy to get wrong, and a late one that widens its column, over several chunks.
const MARIADB_VALUES: &str = "SELECT seq, IF(seq = 20000, CAST('0000-00-00' AS DATE), DATE '2024-01-01') AS late, 1 AS a, \
    2 AS a, 3 AS '', NULL AS n, '' AS e, 18446744073709551615 AS u, \
    CAST('-12345678901234567890123456789012345.123456789012345678901234567890' AS DECIMAL(65,30)) AS d, \
    x'00FF' AS b, POINT(1, 2) AS g, CAST('-838:59:59' AS TIME) AS t, 'a,b' AS q, CONCAT('x', CHAR(13, 10, 0), seq) AS c \
    FROM seq_1_to_20000 ORDER BY seq";
const POSTGRES_VALUES: &str = "SELECT g, CASE WHEN g = 20000 THEN 'infinity'::date ELSE '2024-01-01' END AS late, 1 AS a, \
    2 AS a, NULL AS n, '' AS e, 'NaN'::numeric AS nan, repeat('9', 1000)::numeric AS d, '0044-03-15 BC'::date AS bc, \
    decode('00ff', 'hex') AS b, '{1,NULL}'::int[] AS l, ROW(1, 'a b') AS r, '[1,5)'::int4range AS s, '24:00'::time AS t, \
    '10.0.0.0/8'::cidr AS i, 12.34::money AS m, 'a,b' AS q, 'x' || chr(13) || chr(10) || g AS c \
    FROM generate_series(1, 20000) g ORDER BY g";

const MSSQL_VALUES: &str = "WITH d AS (SELECT i FROM (VALUES (0),(1),(2),(3),(4),(5),(6),(7),(8),(9)) AS v(i)) \
    SELECT TOP 20000 a.i + 10 * b.i + 100 * c.i + 1000 * e.i + 10000 * f.i AS g, 1 AS a, 2 AS a, NULL AS n, '' AS e, \
    CAST('99999999999999999999999999999999999999' AS decimal(38,0)) AS d, CAST('225179981368.5247' AS money) AS m, \
    CAST('2026-02-28T13:14:15.997' AS datetime) AS t, CAST('0001-01-01' AS date) AS first, 0x00FF AS b, N'a,b' AS q, \
    N'日本 😀' AS u FROM d a, d b, d c, d e, d f ORDER BY g";

/// The same bytes uncached, on a miss and on a hit.
fn values_are_kept(place: &Place, sql: &str) {
    let file = place.path("lookaside.toml");
    let text = fs::read_to_string(&file).unwrap();
    let report =
        format!("[[reports]]\nname = \"values\"\nsource = \"shop\"\nsql = \"\"\"{sql}\"\"\"\n");
    fs::write(&file, text + &report).unwrap();
    let run = |more: &[&str], outcome: &str| {
        let stats = place.stats(&[&["run", "values", "-o", "values.csv"], more].concat());
        assert_eq!(
            (&stats["outcome"], &stats["rows"]),
            (&outcome.into(), &20_000.into()),
            "{stats}"
        );
        fs::read(place.path("values.csv")).unwrap()
    };
    let uncached = run(&["--uncached"], "bypass");
    assert!(uncached == run(&[], "miss"), "a miss differs");
    assert!(uncached == run(&[], "hit"), "a hit differs");
}

/// A workspace over a database that `lookaside demo --load` filled.
fn loaded(url: &str) -> Place {
    let place = Place::new();
    let (text, _) = place.good(&["demo", "--load", url, "--scale", "0.01"]);
    assert!(
        !text.contains(PASSWORD) && text.contains("${SHOP_PASSWORD}"),
        "{text}"
    );
    let redis = place.redis.as_ref().unwrap().url();
    let mut text = text.replace("redis://127.0.0.1:6379/0", &redis) + SLOW;
    // A server that we did not start has a password that we did not choose.
    let password = url::Url::parse(url).unwrap().password().unwrap().to_owned();
    if password != PASSWORD {
        text = text.replace("${SHOP_PASSWORD}", &password);
    }
    fs::write(place.path("lookaside.toml"), text).unwrap();
    place
}

/// Every command once.
fn commands_work(url: &str, product: &str, values: &str) -> Place {
    let place = loaded(url);
    values_are_kept(&place, values);
    let again = place.bad(&["demo", "--load", url, "--scale", "0.01"], 1);
    assert!(again.contains("--replace"), "{again}");

    let check = place.json(&["check", "--json"]);
    let source = &check["sources"][0];
    assert_eq!(
        (&source["name"], &source["ok"]),
        (&"shop".into(), &true.into()),
        "{check}"
    );
    assert!(
        source["server_version"]
            .as_str()
            .unwrap()
            .starts_with(product),
        "{check}"
    );

    let reports = place.json(&["reports", "--json"]);
    let reports = reports.as_array().unwrap();
    assert_eq!(reports.len(), 10);
    assert!(
        reports[..8]
            .iter()
            .all(|report| report["state"] == "missing"),
        "{reports:?}"
    );
    let names: Vec<&str> = reports[..8]
        .iter()
        .map(|report| report["name"].as_str().unwrap())
        .collect();
    let warmed = place.json(&[&["warm", "--json"], &names[..]].concat());
    for report in warmed.as_array().unwrap() {
        assert_eq!(
            (&report["filled"], &report["error"]),
            (&true.into(), &Value::Null),
            "{warmed}"
        );
    }
    // This one keeps by its time to live alone, so it needs no worker.
    let run = |more: &[&str]| {
        let args = [
            &["run", "order-lines-export", "--format", "csv", "--stats"],
            more,
        ]
        .concat();
        let (out, err) = place.good(&args);
        let stats: Value = serde_json::from_str(err.lines().last().unwrap()).unwrap();
        (out, stats)
    };
    let (hit, stats) = run(&[]);
    assert_eq!(stats["outcome"], "hit", "{stats}");
    let (uncached, stats) = run(&["--uncached"]);
    assert_eq!(stats["outcome"], "bypass", "{stats}");
    assert!(hit == uncached && hit.lines().count() > 10, "{hit}");
    for report in ["order-lines-export", "monthly-revenue"] {
        // The second is refreshed on change: the race's own worker asks the watermark.
        let race = place.json(&["race", report, "-n", "2", "--json"]);
        assert_eq!(
            (&race["identical"], &race["cached"]["n"]),
            (&true.into(), &2.into()),
            "{race}"
        );
    }

    place
}

/// Ctrl-C ends the query on the server too.
fn ctrl_c_ends_the_query(place: &Place, running: &dyn Fn(&str) -> String) {
    let until = |there: bool| {
        let begun = Instant::now();
        while (running("slow one").trim() != "0") != there {
            assert!(
                begun.elapsed() < Duration::from_mins(1),
                "the server's list of running queries never said {there}"
            );
        }
    };
    until(false);
    let child = place
        .command(&["run", "slow"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    until(true);
    interrupt(&child, Signal::INT);
    let output = child.wait_with_output().unwrap();
    let (_, err) = texts(&output);
    assert_eq!(output.status.code(), Some(1), "{err}");
    assert!(err.contains("cancelled"), "{err}");
    until(false);
}

#[test]
fn every_command_works_on_mariadb() {
    let server = MariaDb::shared();
    let (url, name) = server.fresh_database();
    let place = commands_work(&url, "MariaDB", MARIADB_VALUES);
    ctrl_c_ends_the_query(&place, &|mark| {
        let sql = format!(
            "SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE '%{mark}%' AND id <> CONNECTION_ID()"
        );
        server.client(&name, &sql, &["--skip-column-names"])
    });
}

#[test]
fn every_command_works_on_postgres() {
    let server = Postgres::shared();
    let (url, name) = server.fresh_database();
    let place = commands_work(&url, "PostgreSQL", POSTGRES_VALUES);
    ctrl_c_ends_the_query(&place, &|mark| {
        let sql = format!(
            "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%{mark}%' AND pid <> pg_backend_pid()"
        );
        server.client(&name, &sql, &[])
    });
}

#[test]
fn every_command_works_on_mssql() {
    let Some(server) = MsSql::given() else { return };
    let database = server.fresh_database();
    commands_work(&server.url_of(&database.name), "", MSSQL_VALUES);
}

#[test]
fn ctrl_c_ends_the_query_on_mssql() {
    let Some(server) = MsSql::given() else { return };
    let database = server.fresh_database();
    let place = loaded(&server.url_of(&database.name));
    ctrl_c_ends_the_query(&place, &|mark| server.running(&database.name, mark));
}

/// The rights that docs/protocol.md lists, as `ACL SETUSER` takes them.
fn listed_rights() -> Vec<&'static str> {
    let page = include_str!("../../../docs/protocol.md");
    let (_, rights) = page.split_once("## Permissions").unwrap();
    rights
        .split('`')
        .find(|part| part.starts_with('+'))
        .unwrap()
        .split_whitespace()
        .collect()
}

/// Every command that uses the cache, with a worker, as an account that may do what docs/protocol.md lists.
#[test]
fn an_account_with_exactly_the_listed_rights_is_enough() {
    let redis = Redis::start();
    let mut user = vec![
        "ACL",
        "SETUSER",
        "narrow",
        "on",
        ">pw-x7",
        "resetkeys",
        "~lookaside:*",
    ];
    let rights = listed_rights();
    user.extend(&rights);
    assert_eq!(redis.cli(&user).trim(), "OK");
    redis.cli(&["CONFIG", "RESETSTAT"]);
    let place = Place::with_cache(&format!("redis://narrow:pw-x7@127.0.0.1:{}/1", redis.port));
    let check = place.json(&["check", "--json"]);
    assert_eq!(check["cache"]["ok"], true, "{check}");
    // It also tries what the inspector would like to have.
    redis.cli(&["ACL", "LOG", "RESET"]);
    redis.cli(&["CONFIG", "RESETSTAT"]);
    assert_eq!(place.stats(&["run", "all"])["outcome"], "miss");
    assert_eq!(place.stats(&["run", "all"])["outcome"], "hit");
    // Large enough for chunks of its own.
    assert_eq!(
        place.stats(&["run", "rows", "-p", "n=300000"])["outcome"],
        "miss"
    );
    assert_eq!(
        place.stats(&["run", "rows", "-p", "n=300000"])["outcome"],
        "hit"
    );
    place.good(&["warm", "watched", "none"]);
    // With a worker of its own, which leads, refreshes and resigns.
    let race = place.json(&["race", "watched", "-n", "2", "--json"]);
    assert_eq!(race["cached"]["n"], 2, "{race}");
    place.good(&["reports"]);

    let denied = redis.cli(&["ACL", "LOG"]);
    assert_eq!(denied.trim(), "", "denied: {denied}");
    // And nothing is listed that nobody sends.
    let sent = redis.cli(&["INFO", "commandstats"]);
    let sent: Vec<&str> = sent
        .lines()
        .filter_map(|line| line.strip_prefix("cmdstat_")?.split(':').next())
        .collect();
    let unused: Vec<_> = rights
        .into_iter()
        .filter(|right| {
            let command = right.trim_start_matches('+');
            !sent
                .iter()
                .any(|sent| *sent == command || sent.split('|').next() == Some(command))
        })
        .collect();
    // These may be for a second worker, a change of the whole source, an entry that went away meanwhile, and an audit
    // while a worker watches.
    let rare = [
        "+ping",
        "+pttl",
        "+hkeys",
        "+hincrby",
        "+sscan",
        "+sismember",
    ];
    assert!(
        unused.iter().all(|right| rare.contains(right)),
        "{unused:?} are listed and not used; sent are {sent:?}"
    );

    // The inspector sees the whole keyspace, also what is not ours.
    redis.cli(&[
        "ACL", "SETUSER", "reader", "on", ">pw-x7", "~*", "+ping", "+info", "+select", "+@read",
    ]);
    redis.cli(&["-n", "1", "SET", "another's", "x"]);
    let url = format!("redis://reader:pw-x7@127.0.0.1:{}/1", redis.port);
    let keys = place.json(&["keys", "--json", "--redis", &url]);
    assert_eq!(keys["complete"], true, "{keys}");
    // An older server cannot be asked for elements without use of the keys; no right is missing for that.
    let notes = keys["notes"].as_array().unwrap();
    assert!(
        notes.iter().all(|note| note
            .as_str()
            .unwrap()
            .starts_with("Elements are not counted")),
        "{notes:?}"
    );
    let key = place.json(&["key", "another's", "--json", "--redis", &url]);
    assert_eq!(
        (&key["value"], key["bytes"].is_u64()),
        (&"x".into(), true),
        "{key}"
    );
}
