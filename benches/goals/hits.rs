//! A hit through the engine against GET and decode of the same result as one uncompressed Arrow value.

use std::io::Cursor;
use std::time::Instant;

use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use lookaside::engine::{Mode, Outcome};
use lookaside::table::Table;

use super::kit::{self, Canned};
use super::servers::Redis;

pub(crate) async fn run(small: bool) {
    kit::head("hits: verdict, fetch and decode", "engine", "GET + decode");
    let redis = Redis::start();
    let client = redis::Client::open(redis.url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let line_items: fn(usize) -> Table = kit::line_items;
    let sizes = [
        ("20 rows", line_items, 20, 400, Some(2.0)),
        ("1 MB", line_items, 11_500, 100, Some(1.2)),
        ("10 MB", line_items, 115_000, 30, Some(0.65)),
        ("90 MB", line_items, 1_035_000, 10, Some(0.45)),
        ("random 1 MB", kit::random, 11_000, 100, None),
        ("random 10 MB", kit::random, 110_000, 30, None),
        ("random 90 MB", kit::random, 1_000_000, 10, None),
    ];
    for (name, table, rows, rounds, goal) in
        sizes.into_iter().filter(|size| !small || size.2 < 200_000)
    {
        let table = table(rows);
        let mut bytes = Vec::new();
        let mut writer = StreamWriter::try_new(&mut bytes, &table.schema).unwrap();
        for batch in &table.batches {
            writer.write(batch).unwrap();
        }
        writer.finish().unwrap();
        let raw = bytes.len();
        redis::cmd("SET")
            .arg("bare")
            .arg(&bytes)
            .query_async::<()>(&mut connection)
            .await
            .unwrap();
        drop(bytes);
        let engine = kit::engine(&redis.url(), Canned::new(table));
        let report = kit::report(&format!("SELECT {rows} /* {name} */"));
        kit::ask(&engine, &report, Mode::Cached).await;
        let (mut ours, mut first, mut bare, mut trips) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for _ in 0..rounds {
            let (outcome, to_first, all) = kit::ask(&engine, &report, Mode::Cached).await;
            assert_eq!(outcome, Outcome::Hit);
            ours.push(all);
            first.push(to_first);
            let start = Instant::now();
            let value: bytes_of::Reply = redis::cmd("GET")
                .arg("bare")
                .query_async(&mut connection)
                .await
                .unwrap();
            for batch in StreamReader::try_new(Cursor::new(value.0), None).unwrap() {
                std::hint::black_box(batch.unwrap());
            }
            bare.push(kit::millis(start.elapsed()));
            let start = Instant::now();
            redis::cmd("PING")
                .query_async::<()>(&mut connection)
                .await
                .unwrap();
            trips.push(kit::millis(start.elapsed()));
        }
        kit::line(
            &format!("{name} ({rows} rows, {raw} bytes)"),
            kit::median(ours),
            kit::median(bare),
            goal,
        );
        let state = engine
            .state(&report, &lookaside::report::Params::default())
            .await;
        let stored = state.bytes.unwrap_or_default();
        println!(
            "    first page {:.2} ms above a bare round trip (goal 1); stored {stored} bytes, {:.2}x (goal 0.40x)",
            kit::median(first) - kit::median(trips),
            stored as f64 / raw as f64
        );
    }
}

/// The bytes of a reply, as the client has them, without a copy.
mod bytes_of {
    pub(crate) struct Reply(pub(crate) Vec<u8>);

    impl redis::FromRedisValue for Reply {
        fn from_redis_value(value: redis::Value) -> Result<Self, redis::ParsingError> {
            match value {
                redis::Value::BulkString(bytes) => Ok(Self(bytes)),
                other => Err(format!("not a string: {other:?}").into()),
            }
        }
    }
}
