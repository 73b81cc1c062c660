//! Values of every data structure against real servers: what is shown, what is searched, what becomes a file.
#![allow(clippy::unwrap_used)]

use std::process::Command;

use lookaside::inspect::{
    Connection, DownloadError, Field, Kind, Ttl, Value, describe, download, facts, groups, page,
    position, search, tail,
};
use lookaside::workspace::ConnectionUrl;
use tokio_util::sync::CancellationToken;

use super::Redis;
use crate::inspect::{harmless, patient};

pub(crate) async fn connect(redis: &Redis) -> Connection {
    Connection::open(&ConnectionUrl::new(&harmless(redis)))
        .await
        .unwrap()
}

/// A writer of its own, as any other client.
pub(crate) async fn writer(redis: &Redis) -> redis::aio::MultiplexedConnection {
    redis::Client::open(redis.url())
        .unwrap()
        .get_multiplexed_async_connection_with_config(&patient())
        .await
        .unwrap()
}

/// The facts of a key by their labels.
async fn facts_of(connection: &Connection, name: &str) -> Vec<(String, String)> {
    let about = describe(connection, name.as_bytes()).await.unwrap();
    let first = page(connection, &about, None, false).await.unwrap();
    facts(connection, &about, &first.value).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_estimate_of_a_hyperloglog_leaves_its_bytes_alone() {
    let redis = Redis::start();
    let mut link = writer(&redis).await;
    let mut command = redis::cmd("PFADD");
    command.arg("hll");
    for i in 0..5_000 {
        command.arg(format!("visitor{i}"));
    }
    command.exec_async(&mut link).await.unwrap();
    let dump = || redis.cli(&["DUMP", "hll"]);
    let before = dump();
    let connection = connect(&redis).await;
    let facts = facts_of(&connection, "hll").await;
    assert_eq!(dump(), before, "looking at it changed it");
    let told: u64 = redis.cli(&["PFCOUNT", "hll"]).trim().parse().unwrap();
    let shown = format!("{} distinct", lookaside::human::count(told));
    assert_eq!(facts, [("Estimate".to_owned(), shown)]);
    // PFCOUNT of the key alone does change it, or this test would prove nothing.
    assert_ne!(dump(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_collection_is_searched_on_the_server() {
    let redis = Redis::start();
    let mut link = writer(&redis).await;
    let mut pipe = redis::pipe();
    for i in 0..20_000_u32 {
        pipe.cmd("HSET").arg("hash").arg(format!("user:{i}")).arg(i);
        pipe.cmd("SADD").arg("set").arg(format!("user:{i}"));
        pipe.cmd("ZADD").arg("zset").arg(i).arg(format!("user:{i}"));
    }
    pipe.cmd("RPUSH").arg("list").arg("x");
    pipe.exec_async(&mut link).await.unwrap();
    let connection = connect(&redis).await;
    for name in ["hash", "set", "zset"] {
        let about = describe(&connection, name.as_bytes()).await.unwrap();
        let found = search(&connection, &about, b"user:1999?", None)
            .await
            .unwrap();
        assert_eq!(
            (found.page.value.len(), found.looked_at, &found.page.next),
            (10, 20_000, &None),
            "{name}"
        );
        let mut names: Vec<Vec<u8>> = match found.page.value {
            Value::Hash(fields) => fields.into_iter().map(|field| field.name).collect(),
            Value::Set(members) => members,
            Value::ZSet { items, .. } => items.into_iter().map(|(member, _)| member).collect(),
            other => panic!("{other:?}"),
        };
        names.sort();
        assert_eq!(
            (names[0].as_slice(), names[9].as_slice()),
            (&b"user:19990"[..], &b"user:19999"[..])
        );
        // What matches everything comes page by page too.
        let mut all = search(&connection, &about, b"*", None).await.unwrap();
        assert!(all.page.value.len() >= 100 && all.page.next.is_some());
        let mut value = all.page.value;
        while let Some(from) = all.page.next {
            all = search(&connection, &about, b"*", Some(&from))
                .await
                .unwrap();
            value.append(all.page.value);
            all.page.value = Value::Other;
        }
        assert_eq!(value.len(), 20_000, "{name}");
    }
    let list = describe(&connection, b"list").await.unwrap();
    let all = search(&connection, &list, b"*", None).await.unwrap();
    assert_eq!(all.page.value, Value::Found(vec![(0, b"x".to_vec())]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_tells_its_groups_and_what_is_new() {
    let redis = Redis::start();
    for i in 1..=250 {
        redis.cli(&["XADD", "s", &format!("{i}-1"), "n", &i.to_string()]);
    }
    redis.cli(&["XGROUP", "CREATE", "s", "workers", "0"]);
    redis.cli(&[
        "XREADGROUP",
        "GROUP",
        "workers",
        "anna",
        "COUNT",
        "3",
        "STREAMS",
        "s",
        ">",
    ]);
    redis.cli(&["XACK", "s", "workers", "1-1"]);
    let connection = connect(&redis).await;
    let groups = groups(&connection, b"s").await.unwrap();
    assert_eq!(groups.len(), 1);
    let group = &groups[0];
    assert_eq!(
        (
            group.name.as_slice(),
            group.pending,
            group.last_delivered.as_str(),
            group.lag
        ),
        (&b"workers"[..], 2, "3-1", Some(247))
    );
    assert_eq!(
        (
            group.consumers[0].name.as_slice(),
            group.consumers[0].pending
        ),
        (&b"anna"[..], 2)
    );
    let oldest: Vec<_> = group
        .oldest
        .iter()
        .map(|one| (one.id.as_str(), one.deliveries))
        .collect();
    assert_eq!(oldest, [("2-1", 1), ("3-1", 1)]);

    let last = tail(&connection, b"s", None).await.unwrap();
    assert_eq!(
        (last.len(), last[0].id.as_str(), last[99].id.as_str()),
        (100, "151-1", "250-1")
    );
    assert!(
        tail(&connection, b"s", Some("250-1"))
            .await
            .unwrap()
            .is_empty()
    );
    redis.cli(&["XADD", "s", "251-1", "n", "x"]);
    let new = tail(&connection, b"s", Some("250-1")).await.unwrap();
    assert_eq!((new.len(), new[0].id.as_str()), (1, "251-1"));
    let facts = facts_of(&connection, "s").await;
    assert!(
        facts.contains(&("Groups".into(), "1".into()))
            && facts.contains(&("Last id".into(), "251-1".into())),
        "{facts:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn members_of_a_geo_set_stand_where_the_server_says() {
    let redis = Redis::start();
    let places = [
        ("-122.4194", "37.7749"),
        ("151.2093", "-33.8688"),
        ("-0.0001", "0.0001"),
        ("179.9999", "85.05"),
        ("-179.9999", "-85.05"),
    ];
    for (i, (east, north)) in places.iter().enumerate() {
        redis.cli(&["GEOADD", "geo", east, north, &i.to_string()]);
    }
    let connection = connect(&redis).await;
    let about = describe(&connection, b"geo").await.unwrap();
    let Value::ZSet { items, .. } = page(&connection, &about, None, false).await.unwrap().value
    else {
        panic!()
    };
    assert_eq!(items.len(), places.len());
    for (member, score) in items {
        let told = redis.cli(&["GEOPOS", "geo", std::str::from_utf8(&member).unwrap()]);
        let told: Vec<f64> = told
            .lines()
            .filter_map(|line| line.trim().parse().ok())
            .collect();
        let at = position(&score).unwrap();
        // The cells are 0.6 m wide; both tell their middle.
        assert!(
            (at.longitude - told[0]).abs() < 1e-9 && (at.latitude - told[1]).abs() < 1e-9,
            "{at:?} {told:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_becomes_a_file_exactly_or_not_at_all() {
    let redis = Redis::start();
    let mut link = writer(&redis).await;
    let bytes: Vec<u8> = (0..3_000_000_u32)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    let mut pipe = redis::pipe();
    pipe.cmd("SET").arg("string").arg(&bytes);
    for i in 0..1_000_u32 {
        pipe.cmd("RPUSH").arg("list").arg(format!("item{i}"));
        pipe.cmd("HSET")
            .arg("hash")
            .arg(format!("f{i}"))
            .arg(b"\xff");
    }
    pipe.exec_async(&mut link).await.unwrap();
    let connection = connect(&redis).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("value");
    let cancel = CancellationToken::new();

    let about = describe(&connection, b"string").await.unwrap();
    let mut steps = Vec::new();
    let done = download(&connection, &about, &file, &cancel, |done| steps.push(done))
        .await
        .unwrap();
    assert_eq!(
        (done.count, std::fs::read(&file).unwrap()),
        (3_000_000, bytes)
    );
    assert!(!done.changed);
    assert!(steps.len() > 3 && steps.is_sorted());

    let list = describe(&connection, b"list").await.unwrap();
    assert_eq!(
        download(&connection, &list, &file, &cancel, |_| {})
            .await
            .unwrap()
            .count,
        1_000
    );
    let text = std::fs::read_to_string(&file).unwrap();
    assert_eq!(text.lines().count(), 1_000);
    assert_eq!(text.lines().nth(999), Some(r#"{"value":"item999"}"#));
    let hash = describe(&connection, b"hash").await.unwrap();
    download(&connection, &hash, &file, &cancel, |_| {})
        .await
        .unwrap();
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(
        text.lines()
            .all(|line| line.contains(r#""value":"/w==","encoding_of_value":"base64""#)),
        "{text}"
    );

    // Cancelled in the middle, and shortened in the middle: the file that was there stays.
    let before = std::fs::read(&file).unwrap();
    let stop = cancel.clone();
    let cancelled = download(&connection, &about, &file, &cancel, |_| stop.cancel()).await;
    assert!(matches!(cancelled, Err(DownloadError::Cancelled)));
    let cut = |_| drop(redis.cli(&["SET", "string", "short"]));
    let changed = download(&connection, &about, &file, &CancellationToken::new(), cut).await;
    assert!(
        matches!(changed, Err(DownloadError::Changed)),
        "{changed:?}"
    );
    // Overwritten by as many bytes, and deleted.
    let long = "y".repeat(2_000_000);
    redis.cli(&["SETRANGE", "string", "1999999", "x"]);
    let about = describe(&connection, b"string").await.unwrap();
    let over = |_| drop(redis.cli(&["SETRANGE", "string", "0", &long[..100]]));
    let torn = download(&connection, &about, &file, &CancellationToken::new(), over).await;
    assert!(matches!(torn, Err(DownloadError::Changed)), "{torn:?}");
    let gone = |_| drop(redis.cli(&["DEL", "list"]));
    let gone = download(&connection, &list, &file, &CancellationToken::new(), gone).await;
    assert!(matches!(gone, Err(DownloadError::Changed)), "{gone:?}");
    assert_eq!(std::fs::read(&file).unwrap(), before);
    assert_eq!(
        std::fs::read_dir(folder.path()).unwrap().count(),
        1,
        "a part was left behind"
    );
    // A collection that changes is worth having all the same, and that it changed is told.
    let added = |_| drop(redis.cli(&["HSET", "hash", "f0", "new"]));
    let saved = download(&connection, &hash, &file, &CancellationToken::new(), added).await;
    let saved = saved.unwrap();
    assert!(saved.changed && saved.count == 1_000, "{saved:?}");
    // A link keeps pointing where it points, and a device stays one.
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(&file, &link).unwrap();
    std::fs::write(&file, "old").unwrap();
    for place in [link.as_path(), std::path::Path::new("/dev/null")] {
        download(
            &connection,
            &about,
            place,
            &CancellationToken::new(),
            |_| {},
        )
        .await
        .unwrap();
    }
    assert!(link.is_symlink() && std::fs::metadata(&file).unwrap().len() == 2_000_000);
    assert!(!std::fs::metadata("/dev/null").unwrap().is_file());
}

#[tokio::test(flavor = "multi_thread")]
async fn fields_of_a_hash_have_a_ttl_where_the_server_keeps_one() {
    let redis = Redis::start();
    redis.cli(&["HSET", "h", "stays", "1", "goes", "2"]);
    let answer = redis.cli(&["HEXPIRE", "h", "1000", "FIELDS", "1", "goes"]);
    let connection = connect(&redis).await;
    let about = describe(&connection, b"h").await.unwrap();
    let Value::Hash(mut fields) = page(&connection, &about, None, false).await.unwrap().value
    else {
        panic!()
    };
    fields.sort_by(|a, b| a.name.cmp(&b.name));
    let has_them = !answer.contains("unknown command");
    assert_eq!(
        connection.server().has_field_ttl(),
        has_them,
        "{:?}",
        connection.server()
    );
    if has_them {
        assert_eq!(fields[1].ttl, Ttl::Never);
        let now = chrono::Utc::now().timestamp_millis();
        let is_it = |left: i64| assert!((900_000..=1_000_000).contains(&left), "{left}");
        is_it(fields[0].ttl.left(now).unwrap());
        // Searched, printed and exported it is the same.
        let found = search(&connection, &about, b"go*", None).await.unwrap();
        let Value::Hash(found) = found.page.value else {
            panic!()
        };
        assert_eq!(found.len(), 1);
        is_it(found[0].ttl.left(now).unwrap());
        let url = harmless(&redis);
        let shown = lookaside(&["key", "--redis", &url, "h"]).stdout;
        let shown = String::from_utf8(shown).unwrap();
        assert!(shown.contains("goes  2  (TTL 16 min"), "{shown}");
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("h");
        download(
            &connection,
            &about,
            &file,
            &CancellationToken::new(),
            |_| {},
        )
        .await
        .unwrap();
        let lines = std::fs::read_to_string(&file).unwrap();
        let mut lines: Vec<serde_json::Value> = lines
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        lines.sort_by_key(|line| line["field"].as_str().unwrap().to_owned());
        is_it(lines[0]["ttl_ms"].as_i64().unwrap());
        assert!(lines[1]["ttl_ms"].is_null());
    } else {
        let unknown = |field: &Field| field.ttl == Ttl::Unknown;
        assert!(fields.len() == 2 && fields.iter().all(unknown));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_touched_key_is_told_of() {
    let redis = Redis::start();
    redis.cli(&["SET", "k", "1"]);
    let connection = connect(&redis).await;
    let mut watch = lookaside::inspect::Watch::start(&connection, b"k")
        .await
        .unwrap();
    for command in [
        &["SET", "k", "2"][..],
        &["APPEND", "k", "3"],
        &["DEL", "k"],
        &["LPUSH", "k", "x"],
    ] {
        redis.cli(command);
        assert!(watch.changed(&connection).await, "{command:?}");
    }
    drop(redis);
    assert!(!watch.changed(&connection).await);
}

fn lookaside(arguments: &[&str]) -> std::process::Output {
    Command::new(env!("CARGO_BIN_EXE_lookaside"))
        .args(arguments)
        .output()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_decodes_searches_and_downloads() {
    let redis = Redis::start();
    let url = harmless(&redis);
    let nested = "H4sIAAAAAAACA6tWykxRsjLXUcpLzE1VslLKMzIxMDQwU9JRKklML1ayilZKBLKTlGJrAVKReoQqAAAA";
    redis.cli(&["SET", "packed", nested]);
    redis.cli(&["HSET", "h", "name", "x", "mail", "y"]);
    let key = |more: &[&str]| {
        let output = lookaside(&[&["key", "--redis", &url][..], more].concat());
        (
            output.status.code().unwrap(),
            String::from_utf8(output.stdout).unwrap(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    let (_, text, _) = key(&["packed"]);
    assert!(
        text.contains("Decoded   base64, gzip, JSON") && text.contains("\"name\": \"n240106\""),
        "{text}"
    );
    let (_, text, _) = key(&["packed", "--decode", "base64,hex"]);
    assert!(text.contains("00000000  1f 8b 08"), "{text}");
    let (_, json, _) = key(&["packed", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        (&json["value"], &json["decoded"]["as"]),
        (&nested.into(), &"base64, gzip, JSON".into())
    );
    let (_, text, _) = key(&["h", "--search", "na*"]);
    assert!(text.contains("name  x") && !text.contains("mail"), "{text}");
    for (wrong, part) in [
        (["h", "--decode", "rot13"], "is no decoder"),
        (["packed", "--search", "x"], "no elements to search"),
    ] {
        let (status, _, error) = key(&wrong);
        assert!(status == 2 && error.contains(part), "{error}");
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("f");
    let (status, _, _) = key(&["packed", "-o", file.to_str().unwrap()]);
    assert_eq!(
        (status, std::fs::read_to_string(&file).unwrap()),
        (0, nested.to_owned())
    );
    assert_eq!(Kind::from_type("vectorset"), Kind::Other);
}
