//! Somebody else writes to our keys, and means harm: whatever stands there is a miss, is repaired, and costs no more
//! memory than an honest entry. The attacker here knows our formats and computes hashes that fit.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::sync::atomic::Ordering;

use arrow::array::{ArrayRef, Int64Array, NullArray, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::ipc::CompressionType;
use arrow::ipc::writer::{IpcWriteOptions, StreamWriter};
use lookaside::cache::payload;
use lookaside::engine::{Engine, Outcome};
use lookaside::report::{Params, Refresh, Report};
use redis::AsyncCommands;

use crate::fake::{Fake, cached, engine, report, until};
use crate::servers::Redis;

/// An entry of a real engine, and a connection to forge it with.
struct Rig {
    redis: Redis,
    source: Arc<Fake>,
    engine: Arc<Engine>,
    report: Arc<Report>,
    connection: redis::aio::MultiplexedConnection,
    header: String,
}

/// A chunk as an attacker would have it: any bytes, and what the header is made to say about them.
struct Forged {
    bytes: Vec<u8>,
    rows: u64,
    raw: u64,
}

impl Rig {
    async fn new(rows: usize) -> Self {
        let redis = Redis::start();
        let source = Fake::new();
        source.rows.store(rows, Ordering::SeqCst);
        let engine = engine(&redis.url(), &source, false);
        let report = report(Refresh::Ttl);
        cached(&engine, &report).await;
        let client = redis::Client::open(redis.url()).unwrap();
        let connection = client.get_multiplexed_async_connection().await.unwrap();
        let header = engine.state(&report, &Params::default()).await.redis_key;
        Self {
            redis,
            source,
            engine,
            report,
            connection,
            header,
        }
    }

    async fn field(&mut self, name: &str) -> Vec<u8> {
        self.connection.hget(&self.header, name).await.unwrap()
    }

    async fn set(&mut self, name: &str, value: impl redis::ToSingleRedisArg + Send + Sync) {
        let _: () = self
            .connection
            .hset(&self.header, name, value)
            .await
            .unwrap();
    }

    /// Puts these chunks in the place of the entry's, all figures fitting.
    async fn forge(&mut self, chunks: &[Forged]) {
        let fill = "f".repeat(32);
        let inline = !self.field("inline").await.is_empty();
        let sum = |of: fn(&Forged) -> u64| chunks.iter().map(of).sum::<u64>();
        let index: Vec<String> = chunks
            .iter()
            .map(|chunk| {
                let hash = blake3::hash(&chunk.bytes).to_hex();
                format!("{} {} {} {hash}", chunk.rows, chunk.bytes.len(), chunk.raw)
            })
            .collect();
        self.set("index", index.join("\n")).await;
        self.set("rows", sum(|chunk| chunk.rows)).await;
        self.set("raw", sum(|chunk| chunk.raw)).await;
        self.set("bytes", sum(|chunk| chunk.bytes.len() as u64))
            .await;
        if inline {
            self.set("inline", &chunks[0].bytes[..]).await;
            return;
        }
        self.set("fill", &fill).await;
        self.set("chunks", chunks.len()).await;
        for (number, chunk) in chunks.iter().enumerate() {
            let _: () = self
                .connection
                .set(format!("t:c:{fill}:{number}"), &chunk.bytes)
                .await
                .unwrap();
        }
    }

    /// The answer is right, the query ran for it, and the next one is a hit.
    async fn is_repaired(&self, what: &str) {
        let before = self.source.runs();
        let rows = self.source.rows.load(Ordering::SeqCst) as i64;
        let answer = cached(&self.engine, &self.report).await;
        assert_eq!(answer.ids(), (0..rows).collect::<Vec<_>>(), "{what}");
        assert_eq!(
            (answer.outcome, self.source.runs()),
            (Outcome::Miss, before + 1),
            "{what}"
        );
        let again = cached(&self.engine, &self.report).await;
        assert_eq!(
            (again.outcome, again.ids().len() as i64),
            (Outcome::Hit, rows),
            "{what}"
        );
    }
}

fn stream(batches: &[RecordBatch], times: usize, codec: Option<CompressionType>) -> Vec<u8> {
    let options = IpcWriteOptions::default()
        .try_with_compression(codec)
        .unwrap();
    let mut writer =
        StreamWriter::try_new_with_options(Vec::new(), &batches[0].schema(), options).unwrap();
    for _ in 0..times {
        for batch in batches {
            writer.write(batch).unwrap();
        }
    }
    writer.into_inner().unwrap()
}

/// A batch with the columns of the fake source.
fn rows(count: usize, text: &str) -> RecordBatch {
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(0..count as i64));
    let versions: ArrayRef = Arc::new(Int64Array::from(vec![1; count]));
    let texts: ArrayRef = Arc::new(StringArray::from(vec![text; count]));
    let columns = [("id", ids), ("version", versions), ("text", texts)];
    RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, true)))
        .unwrap()
}

/// The most memory this process ever had, where it runs this test alone.
fn peak() -> Option<u64> {
    std::env::var_os("NEXTEST")?;
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(
        line.trim()
            .trim_end_matches(" kB")
            .trim()
            .parse::<u64>()
            .unwrap()
            * 1024,
    )
}

#[tokio::test]
async fn a_bomb_is_a_miss_and_does_not_go_off() {
    // Thirty batches of 32 MB each, a few kilobytes when compressed.
    let block = rows(1, &"0".repeat(32 * 1024 * 1024));
    let zstd = stream(
        std::slice::from_ref(&block),
        30,
        Some(CompressionType::ZSTD),
    );
    let lz4 = stream(
        std::slice::from_ref(&block),
        30,
        Some(CompressionType::LZ4_FRAME),
    );
    let whole = payload::raw_bytes(&block) as u64 * 30;
    drop(block);
    assert!(zstd.len() < 512 * 1024, "{} bytes", zstd.len());
    for held in [20, 20_000] {
        let mut rig = Rig::new(held).await;
        let before = peak();
        for bytes in [&zstd, &lz4] {
            // The header keeps quiet about it; or it tells the truth; or it calls it one enormous row.
            for (rows, raw) in [
                (30, 1000),
                (30, 16_000),
                (30, whole),
                (1, 1 << 28),
                (1, u64::MAX),
            ] {
                rig.forge(&[Forged {
                    bytes: bytes.clone(),
                    rows,
                    raw,
                }])
                .await;
                rig.is_repaired(&format!("{} bytes, {rows} rows, {raw} raw", bytes.len()))
                    .await;
            }
        }
        if let (Some(before), Some(after)) = (before, peak()) {
            let grown = (after - before) / 1024 / 1024;
            assert!(grown < 200, "the bombs took {grown} MB");
        }
    }
}

#[tokio::test]
async fn many_small_bombs_in_one_answer_are_not_decoded_at_once() {
    // Each is within what a chunk may hold; together they are 1.5 GB, in an answer that claims to be whole.
    let mut rig = Rig::new(20_000).await;
    let block = rows(2, &"0".repeat(7 * 1024 * 1024));
    let bytes = stream(std::slice::from_ref(&block), 1, Some(CompressionType::ZSTD));
    let raw = payload::raw_bytes(&block) as u64;
    drop(block);
    let chunks: Vec<Forged> = (0..100)
        .map(|_| Forged {
            bytes: bytes.clone(),
            rows: 2,
            raw,
        })
        .collect();
    rig.forge(&chunks).await;
    let before = peak();
    let mut answer = rig
        .engine
        .ask(crate::fake::request(
            &rig.report,
            lookaside::engine::Mode::Cached,
        ))
        .await
        .unwrap();
    // It is well-formed in every respect, so it is served: as it comes, never all at once.
    let mut seen = 0;
    while let Some(batch) = answer.rows.next().await {
        seen += batch.unwrap().num_rows();
    }
    assert_eq!(seen, 200);
    if let (Some(before), Some(after)) = (before, peak()) {
        let grown = (after - before) / 1024 / 1024;
        assert!(grown < 500, "the answer took {grown} MB at once");
    }
}

#[tokio::test]
async fn forged_chunks_of_every_kind_are_a_miss() {
    for held in [20, 20_000] {
        let mut rig = Rig::new(held).await;
        let honest = rows(10, "row");
        let whole = stream(std::slice::from_ref(&honest), 1, None);
        let raw = payload::raw_bytes(&honest) as u64;
        let other_columns = RecordBatch::try_from_iter([(
            "id",
            Arc::new(Int64Array::from(vec![1; 10])) as ArrayRef,
        )])
        .unwrap();
        let other_types = RecordBatch::try_from_iter([
            ("id", Arc::new(StringArray::from(vec!["x"; 10])) as ArrayRef),
            (
                "version",
                Arc::new(Int64Array::from(vec![1; 10])) as ArrayRef,
            ),
            (
                "text",
                Arc::new(StringArray::from(vec!["x"; 10])) as ArrayRef,
            ),
        ])
        .unwrap();
        let nothing_but_rows = RecordBatch::try_new(
            Arc::new(Schema::new(vec![Field::new("n", DataType::Null, true)])),
            vec![Arc::new(NullArray::new(1 << 30))],
        )
        .unwrap();
        let random: Vec<u8> = (0..5000).map(|_| rand::random::<u8>()).collect();
        let mut renamed = whole.clone();
        let at = renamed.windows(7).position(|at| at == b"version").unwrap();
        renamed[at] = b'V';
        let cases = [
            ("random bytes", random, 10, raw),
            ("nothing", Vec::new(), 10, raw),
            ("cut off", whole[..whole.len() / 2].to_vec(), 10, raw),
            (
                "without its end",
                whole[..whole.len() - 8].to_vec(),
                10,
                raw,
            ),
            (
                "a schema and no rows",
                whole[..whole.len() / 3].to_vec(),
                0,
                0,
            ),
            ("fewer columns", stream(&[other_columns], 1, None), 10, 80),
            ("other types", stream(&[other_types], 1, None), 10, raw),
            ("another name", renamed, 10, raw),
            ("more rows than it says", whole.clone(), 9, raw),
            ("fewer rows than it says", whole.clone(), 11, raw),
            (
                "a thousand million rows",
                stream(&[nothing_but_rows], 1, None),
                1 << 30,
                0,
            ),
        ];
        for (what, bytes, rows, raw) in cases {
            rig.forge(&[Forged { bytes, rows, raw }]).await;
            rig.is_repaired(what).await;
        }
    }
}

#[tokio::test]
async fn a_header_that_lies_is_a_miss() {
    let far = 40 * 365 * 24 * 3600 * 1000_u64;
    for held in [20, 20_000] {
        let mut rig = Rig::new(held).await;
        let now: u64 = String::from_utf8(rig.field("created").await)
            .unwrap()
            .parse()
            .unwrap();
        let cases = [
            ("created", (now + far).to_string()),
            ("soft", "0".to_owned()),
            ("soft", (now + far).to_string()),
            ("hard", (now + far).to_string()),
            ("hard", u64::MAX.to_string()),
            ("created", "nan".to_owned()),
            ("soft", "inf".to_owned()),
            ("sha256", String::new()),
            ("sha256", "0".repeat(63)),
            ("sha256", "0".repeat(65)),
            ("sha256", "g".repeat(64)),
            ("rows", u64::MAX.to_string()),
            ("raw", u64::MAX.to_string()),
            ("bytes", "1".to_owned()),
            ("chunks", u64::MAX.to_string()),
            ("chunks", "1e300".to_owned()),
            ("fill", "../../x:0".to_owned()),
            ("index", format!("20 {0} {0} {1}", u64::MAX, "0".repeat(64))),
            ("index", "1 1 1 0\n".repeat(100_000)),
            ("tables", "[[1]]".to_owned()),
            ("tables", "[null]".to_owned()),
            ("tables", "{\"a\":1}".to_owned()),
            ("tables", "[".repeat(5000)),
            ("query_ms", "-1".to_owned()),
            ("query_ms", "1e400".to_owned()),
        ];
        for (field, value) in cases {
            rig.set(field, &value).await;
            let shown: String = value.chars().take(30).collect();
            rig.is_repaired(&format!("{field} = {shown}")).await;
        }
    }
}

#[tokio::test]
async fn a_dependency_that_is_no_name_does_not_stop_an_on_change_report() {
    let rig = Rig::new(20).await;
    let report = report(Refresh::OnChange);
    let protocol = rig.engine.protocol("fake").unwrap();
    let versions = protocol.keys().versions();
    let now = protocol.now().await.unwrap().0.to_string();
    let values = [
        "_e",
        "1-a",
        "_p",
        "00000000000000000001",
        "_hb",
        &now,
        "_valid",
        "600000",
    ];
    rig.redis
        .cli(&[&["HSET", &versions][..], &values[..]].concat());
    cached(&rig.engine, &report).await;
    rig.redis
        .cli(&["HSET", &rig.header, "epoch", "1-a", "tables", "[[1]]"]);
    let answer = cached(&rig.engine, &report).await;
    assert_eq!(answer.outcome, Outcome::Miss, "{:?}", answer.reason);
}

#[tokio::test]
async fn swapped_chunks_of_two_entries_are_a_miss() {
    let mut rig = Rig::new(20_000).await;
    let mut other = (*rig.report).clone();
    other.sql = "SELECT 2 FROM orders".into();
    let other = Arc::new(other);
    rig.source.version.store(2, Ordering::SeqCst);
    cached(&rig.engine, &other).await;
    let there = rig.engine.state(&other, &Params::default()).await.redis_key;
    let (mine, theirs): (String, String) = redis::pipe()
        .hget(&rig.header, "fill")
        .hget(&there, "fill")
        .query_async(&mut rig.connection)
        .await
        .unwrap();
    for number in 0..2 {
        let keys = [&mine, &theirs].map(|fill| format!("t:c:{fill}:{number}"));
        let values: [Vec<u8>; 2] = rig.connection.mget(&keys).await.unwrap();
        let _: () = rig
            .connection
            .mset(&[(&keys[0], &values[1]), (&keys[1], &values[0])])
            .await
            .unwrap();
    }
    rig.is_repaired("swapped").await;
    let answer = cached(&rig.engine, &other).await;
    assert_eq!((answer.outcome, answer.version()), (Outcome::Miss, 2));
}

#[tokio::test]
async fn a_header_copied_from_another_entry_is_a_miss() {
    let mut rig = Rig::new(20).await;
    let mut other = (*rig.report).clone();
    other.sql = "SELECT 2 FROM orders".into();
    let other = Arc::new(other);
    rig.source.version.store(2, Ordering::SeqCst);
    cached(&rig.engine, &other).await;
    let there = rig.engine.state(&other, &Params::default()).await.redis_key;
    let _: () = redis::cmd("COPY")
        .arg(&there)
        .arg(&rig.header)
        .arg("REPLACE")
        .query_async(&mut rig.connection)
        .await
        .unwrap();
    rig.is_repaired("copied").await;
}

#[tokio::test]
async fn each_report_holds_a_shared_entry_to_its_own_ttl() {
    let rig = Rig::new(20).await;
    assert_eq!(cached(&rig.engine, &rig.report).await.outcome, Outcome::Hit);
    let mut hasty = (*rig.report).clone();
    hasty.ttl = std::time::Duration::from_millis(1);
    let state = rig.engine.state(&hasty, &Params::default()).await;
    assert_eq!(state.reason, "its TTL is over");
    assert_eq!(state.ttl, Some(std::time::Duration::ZERO));
    let state = rig.engine.state(&rig.report, &Params::default()).await;
    assert_eq!(state.state, lookaside::engine::Freshness::Fresh);
}

#[tokio::test]
async fn a_commit_goes_through_whatever_stands_in_its_sets_and_nothing_of_it_stays_for_ever() {
    let mut rig = Rig::new(20).await;
    rig.redis.cli(&["FLUSHALL"]);
    let table = rig
        .engine
        .protocol("fake")
        .unwrap()
        .keys()
        .table(crate::fake::TABLE);
    rig.source.held.store(true, Ordering::SeqCst);
    let asked = tokio::spawn({
        let (engine, report) = (rig.engine.clone(), rig.report.clone());
        async move { cached(&engine, &report).await }
    });
    until("the query runs", async || rig.source.runs() == 2).await;
    rig.redis.cli(&["SET", &table, "not a set"]);
    rig.source.open();
    let miss = asked.await.unwrap();
    assert_eq!(miss.event.reason, None, "it was stored");
    assert_eq!(cached(&rig.engine, &rig.report).await.outcome, Outcome::Hit);
    assert_eq!(rig.redis.cli(&["TYPE", &table]).trim(), "set");
    rig.engine
        .log()
        .flush(std::time::Duration::from_secs(10))
        .await;
    let keys: Vec<String> = rig.connection.keys("t:*").await.unwrap();
    for key in keys {
        let left: i64 = rig.connection.pttl(&key).await.unwrap();
        let lasting = key.ends_with("}:demand") || key == "t:events";
        assert_eq!(left > 0, !lasting, "{key} has {left} ms left");
    }
}
