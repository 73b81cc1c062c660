//! Large values: nothing is asked unasked that is more than 64 KB or 100 elements, and what is asked for is bounded.
#![allow(clippy::unwrap_used)]

use lookaside::inspect::{
    Connection, Continue, Value, decode, describe, facts, find_text, page, search,
};
use lookaside::workspace::ConnectionUrl;
use tokio_util::sync::CancellationToken;

use crate::inspect::writer;
use crate::servers::Redis;

const STRING: u64 = 50 * 1024 * 1024;
const ELEMENTS: u64 = 1_000_000;

async fn build(redis: &Redis) {
    let mut link = writer(redis).await;
    let mut pipe = redis::pipe();
    for (at, text) in [
        (STRING - 1, "x"),
        (700_000, "needle"),
        (65_534, "across"),
        (0, "{\"a\""),
    ] {
        pipe.cmd("SETRANGE")
            .arg("string")
            .arg(at)
            .arg(text)
            .ignore();
    }
    pipe.exec_async(&mut link).await.unwrap();
    for from in (0..ELEMENTS).step_by(1_000) {
        let mut pipe = redis::pipe();
        let batch = from..from + 1_000;
        let list = pipe.cmd("RPUSH").arg("list");
        for i in batch.clone() {
            list.arg(format!("element {i}"));
        }
        let hash = pipe.cmd("HSET").arg("hash");
        for i in batch.clone() {
            hash.arg(format!("field:{i}")).arg(i);
        }
        let set = pipe.cmd("SADD").arg("set");
        for i in batch.clone() {
            set.arg(format!("member:{i}"));
        }
        let zset = pipe.cmd("ZADD").arg("zset");
        for i in batch {
            zset.arg(i).arg(format!("member:{i}"));
        }
        for i in 0..20 {
            pipe.cmd("XADD")
                .arg("stream")
                .arg("*")
                .arg("n")
                .arg(from + i);
        }
        pipe.exec_async(&mut link).await.unwrap();
    }
}

async fn start() -> (Redis, Connection) {
    let redis = Redis::start_logging();
    build(&redis).await;
    let url = ConnectionUrl::new(&redis.url());
    let connection = Connection::open(&url).await.unwrap();
    redis.cli(&["SLOWLOG", "RESET"]);
    (redis, connection)
}

#[tokio::test(flavor = "multi_thread")]
async fn opening_a_giant_fetches_a_page_and_asks_bounded_commands_only() {
    let (redis, connection) = start().await;
    for name in ["string", "list", "hash", "set", "zset", "stream"] {
        redis.cli(&["SLOWLOG", "RESET"]);
        let counting = {
            let before = redis.sent();
            redis.sent() - before
        };
        let before = redis.sent();
        let about = describe(&connection, name.as_bytes()).await.unwrap();
        let first = page(&connection, &about, None, false).await.unwrap();
        let _ = facts(&connection, &about, &first.value).await;
        if let Value::String { bytes, .. } = &first.value {
            assert_eq!(bytes.len(), 64 * 1024);
            let _ = decode(bytes, false, &[]);
        } else {
            assert!(
                (90..=200).contains(&first.value.len()),
                "{name}: {}",
                first.value.len()
            );
        }
        assert!(first.next.is_some());
        let fetched = (redis.sent() - before).saturating_sub(counting);
        let most = if name == "string" {
            64 * 1024 + 2_048
        } else {
            16 * 1024
        };
        assert!(fetched < most, "{name}: {fetched} bytes fetched");
        for (_, words) in redis.logged() {
            let number = |at: usize| words[at].parse::<u64>().unwrap();
            match words[0].as_str() {
                "GETRANGE" => assert!(number(3) - number(2) < 64 * 1024, "{words:?}"),
                "LRANGE" | "ZREVRANGE" => assert!(number(3) - number(2) < 100, "{words:?}"),
                "HSCAN" | "SSCAN" => assert_eq!((words[3].as_str(), number(4)), ("COUNT", 100)),
                "XRANGE" => assert_eq!((words[4].as_str(), number(5)), ("COUNT", 100)),
                "MEMORY" => assert!(number(4) <= 50, "{words:?}"),
                "TYPE" | "PTTL" | "OBJECT" | "STRLEN" | "LLEN" | "HLEN" | "SCARD" | "ZCARD"
                | "XLEN" | "XINFO" => {}
                other => panic!("{name} was asked {other}"),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn going_far_into_a_giant_reads_the_page_there() {
    let (redis, connection) = start().await;
    let at = |place| Some(Continue::Offset(place));
    let list = describe(&connection, b"list").await.unwrap();
    let there = page(&connection, &list, at(654_321).as_ref(), true)
        .await
        .unwrap();
    let Value::List { start, items } = there.value else {
        panic!()
    };
    assert_eq!(
        (start, items[0].as_slice()),
        (654_321, &b"element 654321"[..])
    );
    assert_eq!(items.len(), 100);
    let zset = describe(&connection, b"zset").await.unwrap();
    let there = page(&connection, &zset, at(999_999).as_ref(), true)
        .await
        .unwrap();
    assert!(there.next.is_none());
    assert!(
        matches!(there.value, Value::ZSet { start: 999_999, items } if items[0].0 == b"member:0")
    );

    // Elements of a list are searched in steps, each goes on where the last ended.
    let found = search(&connection, &list, b"*4999?", None).await.unwrap();
    let Value::Found(elements) = found.page.value else {
        panic!()
    };
    let indexes: Vec<u64> = elements.iter().map(|(index, _)| *index).collect();
    assert_eq!(indexes, (49_990..50_000).collect::<Vec<_>>());
    assert_eq!(found.looked_at, 50_000);
    let more = search(
        &connection,
        &list,
        b"element 60000",
        found.page.next.as_ref(),
    )
    .await
    .unwrap();
    assert_eq!(
        more.page.value,
        Value::Found(vec![(60_000, b"element 60000".to_vec())])
    );

    // Text of a string, also where it stands across two pages; a bounded number of pages, and cancelled at once.
    let string = describe(&connection, b"string").await.unwrap();
    let cancel = CancellationToken::new();
    let look = async |text: &[u8], from| {
        find_text(&connection, &string, text, from, &cancel, |_| {})
            .await
            .unwrap()
    };
    assert_eq!(look(b"across", 0).await.at, Some(65_534));
    assert_eq!(look(b"needle", 0).await.at, Some(700_000));
    assert_eq!(look(b"needle", 700_000).await.at, Some(700_000));
    let none = look(b"needle", 700_001).await;
    assert_eq!((none.at, none.until), (None, STRING));
    cancel.cancel();
    let cancelled = look(b"needle", 0).await;
    assert_eq!((cancelled.at, cancelled.until), (None, 0));
    drop(redis);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_of_millions_is_weighed_without_having_the_server_step_over_it() {
    const FILL: &str = "for i = 1, tonumber(ARGV[2]) do redis.call(ARGV[1], KEYS[1], 'field:' .. i, 'value ' .. i) end";
    let redis = Redis::start_logging();
    for (name, command, calls) in [("hash", "HSET", "2100000"), ("set", "SADD", "1050000")] {
        redis.cli(&["EVAL", FILL, "1", name, command, calls]);
        let connection = Connection::open(&ConnectionUrl::new(&redis.url()))
            .await
            .unwrap();
        redis.cli(&["SLOWLOG", "RESET"]);
        let about = describe(&connection, name.as_bytes()).await.unwrap();
        let asked = redis.logged();
        assert!(
            asked.iter().all(|(_, words)| words[0] != "MEMORY"),
            "{asked:?}"
        );
        assert_eq!(about.elements, Some(2_100_000));
        let said: f64 = redis
            .cli(&["MEMORY", "USAGE", name, "SAMPLES", "1000"])
            .trim()
            .parse()
            .unwrap();
        let ratio = about.bytes.unwrap() as f64 / said;
        assert!((0.75..1.35).contains(&ratio), "{name}: {ratio} of {said}");
        redis.cli(&["UNLINK", name]);
    }
}
