//! The cache below the engine: the payload codec against honest and hostile bytes, and the protocol under random
//! interleavings on a real redis-server.
#![allow(clippy::unwrap_used, clippy::from_iter_instead_of_collect)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Decimal128Array, Float64Array, Int64Array,
    StringArray,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use lookaside::cache::payload::{self, Chunk, Chunker, Codec};
use lookaside::cache::{
    Begun, Cache, Change, Election, Epoch, Lead, NewEntry, Position, Protocol, PublishError,
    SourceKeys, Verdict,
};
use lookaside::report::{EntryKey, Refresh, Report, SourceIdentity};
use lookaside::workspace::{CacheConfig, ConnectionUrl};
use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::Redis;

// --- the codec ---------------------------------------------------------------------------------------------------

fn chunks(batches: &[RecordBatch], schema: &SchemaRef, codec: Option<Codec>) -> Vec<Chunk> {
    let mut chunker = Chunker::new(codec);
    let mut out = Vec::new();
    for batch in batches {
        chunker.push(batch, &mut out).unwrap();
    }
    chunker.finish(schema, &mut out).unwrap();
    out
}

fn decoded(chunks: &[Chunk]) -> Vec<RecordBatch> {
    chunks
        .iter()
        .flat_map(|chunk| payload::decode(chunk.bytes.clone(), &chunk.info).unwrap())
        .collect()
}

/// Every row of every batch as text, with NULL told from the empty string.
fn rows(batches: &[RecordBatch]) -> Vec<String> {
    use arrow::util::display::{ArrayFormatter, FormatOptions};
    let options = FormatOptions::new().with_null("\u{0}null");
    let mut rows = Vec::new();
    for batch in batches {
        let columns: Vec<_> = batch
            .columns()
            .iter()
            .map(|column| ArrayFormatter::try_new(column, &options).unwrap())
            .collect();
        for row in 0..batch.num_rows() {
            rows.push(
                columns
                    .iter()
                    .map(|column| column.value(row).to_string())
                    .collect::<Vec<_>>()
                    .join("\u{1}"),
            );
        }
    }
    rows
}

/// A cell of each column: nullable integer, text, bytes, truth value, float, decimal.
type Row = (
    Option<i64>,
    Option<String>,
    Option<Vec<u8>>,
    Option<bool>,
    f64,
    i128,
);

fn batch(rows: &[Row]) -> RecordBatch {
    let columns: Vec<(&str, ArrayRef)> = vec![
        (
            "i",
            Arc::new(Int64Array::from_iter(rows.iter().map(|row| row.0))),
        ),
        (
            "t",
            Arc::new(StringArray::from_iter(
                rows.iter().map(|row| row.1.as_deref()),
            )),
        ),
        (
            "b",
            Arc::new(BinaryArray::from_iter(
                rows.iter().map(|row| row.2.as_deref()),
            )),
        ),
        (
            "q",
            Arc::new(BooleanArray::from_iter(rows.iter().map(|row| row.3))),
        ),
        (
            "f",
            Arc::new(Float64Array::from_iter_values(rows.iter().map(|row| row.4))),
        ),
        (
            "d",
            Arc::new(
                Decimal128Array::from_iter_values(rows.iter().map(|row| row.5))
                    .with_precision_and_scale(38, 4)
                    .unwrap(),
            ),
        ),
    ];
    let fields: Vec<Field> = columns
        .iter()
        .map(|(name, column)| Field::new(*name, column.data_type().clone(), true))
        .collect();
    RecordBatch::try_new(
        Arc::new(Schema::new(fields)),
        columns.into_iter().map(|(_, column)| column).collect(),
    )
    .unwrap()
}

fn row() -> impl Strategy<Value = Row> {
    (
        any::<Option<i64>>(),
        prop::option::of(".{0,40}"),
        prop::option::of(prop::collection::vec(any::<u8>(), 0..60)),
        any::<Option<bool>>(),
        any::<f64>(),
        -(10i128.pow(37))..10i128.pow(37),
    )
}

fn codec() -> impl Strategy<Value = Option<Codec>> {
    prop_oneof![
        Just(None),
        Just(Some(Codec::None)),
        Just(Some(Codec::Lz4)),
        Just(Some(Codec::Zstd))
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn what_goes_in_comes_out(parts in prop::collection::vec(prop::collection::vec(row(), 0..400), 0..5), codec in codec()) {
        let batches: Vec<RecordBatch> = parts.iter().map(|rows| batch(rows)).collect();
        let schema = batch(&[]).schema();
        let made = chunks(&batches, &schema, codec);
        prop_assert!(!made.is_empty());
        prop_assert_eq!(rows(&decoded(&made)), rows(&batches));
        for chunk in &made {
            prop_assert!(chunk.bytes.len() <= payload::CHUNK || chunk.info.rows == 1);
        }
        // The same batches always give the same chunks: that is how unchanged content is recognised.
        let again = chunks(&batches, &schema, codec);
        prop_assert!(made.iter().zip(&again).all(|(one, two)| one.info == two.info));
    }

    #[test]
    fn a_flipped_bit_is_damage(rows in prop::collection::vec(row(), 1..200), at in any::<prop::sample::Index>(), bit in 0u8..8) {
        let made = chunks(&[batch(&rows)], &batch(&[]).schema(), None);
        let chunk = &made[made.len() - 1];
        let mut bytes = chunk.bytes.clone();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        prop_assert!(payload::decode(bytes, &chunk.info).is_err());
    }

    /// Past the hash: a hostile writer can compute one too.
    #[test]
    fn bytes_of_unknown_origin_never_panic(
        rows in prop::collection::vec(row(), 0..100),
        codec in codec(),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
        cut in any::<Option<prop::sample::Index>>(),
    ) {
        let made = chunks(&[batch(&rows)], &batch(&[]).schema(), codec);
        let mut bytes = made[0].bytes.clone();
        for (at, value) in flips {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        if let Ok((_, batches)) = payload::read(bytes) {
            // What passes has to be safe to look at, too.
            let _ = self::rows(&batches);
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        let _ = payload::read(bytes);
    }
}

#[test]
fn a_declared_length_is_not_believed() {
    // A column of zeros compresses to almost nothing; its declared length is then raised.
    let column: ArrayRef = Arc::new(Int64Array::from(vec![0i64; 100_000]));
    let schema = Arc::new(Schema::new(vec![Field::new("zero", DataType::Int64, true)]));
    let batch = RecordBatch::try_new(schema.clone(), vec![column]).unwrap();
    for codec in [Codec::Lz4, Codec::Zstd] {
        let made = chunks(std::slice::from_ref(&batch), &schema, Some(codec));
        let bytes = &made.last().unwrap().bytes;
        let rows = made.last().unwrap().info.rows;
        let honest = (rows * 8).to_le_bytes();
        let at = bytes
            .windows(8)
            .position(|window| window == honest)
            .expect("the buffer's declared length");
        for declared in [1u64 << 62, 1 << 40, u64::MAX - 1, rows * 8 + 1] {
            let mut hostile = bytes.clone();
            hostile[at..at + 8].copy_from_slice(&declared.to_le_bytes());
            assert!(payload::read(hostile).is_err(), "{codec:?} {declared}");
        }
    }
}

#[test]
fn a_cell_of_fifty_megabytes_has_a_chunk_of_its_own() {
    let text = "x".repeat(50 * 1024 * 1024);
    let column: ArrayRef = Arc::new(StringArray::from(vec![
        Some("a"),
        Some(text.as_str()),
        None,
    ]));
    let schema = Arc::new(Schema::new(vec![Field::new("t", DataType::Utf8, true)]));
    let batch = RecordBatch::try_new(schema.clone(), vec![column]).unwrap();
    let made = chunks(std::slice::from_ref(&batch), &schema, Some(Codec::None));
    assert!(
        made.iter()
            .any(|chunk| chunk.bytes.len() > 50 * 1024 * 1024 && chunk.info.rows == 1)
    );
    assert_eq!(rows(&decoded(&made)), rows(&[batch]));
}

#[test]
fn the_first_page_stands_alone_and_a_small_answer_is_one_chunk() {
    let rows_of = |count: i64| -> Vec<Row> {
        (0..count)
            .map(|i| (Some(i), Some(format!("row {i}")), None, None, 0.5, 7))
            .collect()
    };
    let schema = batch(&[]).schema();
    let small = chunks(&[batch(&rows_of(20))], &schema, None);
    assert_eq!(small.len(), 1);
    assert!(small[0].info.raw <= payload::INLINE as u64);
    let large = chunks(
        &[batch(&rows_of(100)), batch(&rows_of(50_000))],
        &schema,
        None,
    );
    assert_eq!(large[0].info.rows, payload::PAGE as u64);
    let empty = chunks(&[], &schema, None);
    assert_eq!((empty.len(), empty[0].info.rows), (1, 0));
    assert_eq!(
        payload::decode_schema(&payload::encode_schema(&schema).unwrap()).unwrap(),
        schema
    );
}

#[test]
fn a_column_that_widens_begins_a_chunk_with_its_own_schema() {
    let narrow =
        RecordBatch::try_from_iter([("a", Arc::new(Int64Array::from(vec![1, 2])) as ArrayRef)])
            .unwrap();
    let wide =
        RecordBatch::try_from_iter([("a", Arc::new(StringArray::from(vec!["x"])) as ArrayRef)])
            .unwrap();
    let made = chunks(&[narrow.clone(), wide.clone()], &wide.schema(), None);
    let batches = decoded(&made);
    assert_eq!(batches[0].schema(), narrow.schema());
    assert_eq!(batches.last().unwrap().schema(), wide.schema());
}

// --- the protocol under random interleavings ---------------------------------------------------------------------

const TABLES: [&str; 3] = ["orders", "_parts", "lines"];
/// Long enough that nothing ends by itself while a schedule runs; "time passes" is a step of its own.
const VALID: Duration = Duration::from_mins(10);

/// A database that counts the commits of each table.
#[derive(Clone, Default, PartialEq, Debug)]
struct Content(BTreeMap<&'static str, u64>);

/// A worker that can be paused anywhere and wake up long after another one took over.
struct Worker {
    lead: Lead,
    epoch: Option<Epoch>,
    tick: Position,
    /// What it published, what it saw since then, and the server's time before it looked.
    seen: Content,
    looked: Option<Content>,
    as_of: lookaside::cache::ServerTime,
}

/// A fill between its begin and its commit.
struct Filling {
    entry: usize,
    begun: Begun,
    token: String,
    /// The snapshot, once it was opened.
    content: Option<Content>,
}

struct World {
    cache: Arc<Cache>,
    protocol: Protocol,
    keys: SourceKeys,
    redis: redis::aio::MultiplexedConnection,
    database: Content,
    workers: Vec<Worker>,
    fills: Vec<Filling>,
    /// What each stored fill holds.
    stored: BTreeMap<String, Content>,
    /// What every fresh answer has to contain: the detector's last published look.
    vouched: Content,
    /// The server as it will be after a failover that lost the last writes.
    replica: Option<(Dump, Content)>,
    random: StdRng,
    fresh: usize,
    fills_made: usize,
}

/// Every key with its value as DUMP writes it.
type Dump = Vec<(String, Vec<u8>)>;

/// Entries: which tables each depends on.
const ENTRIES: [&[&str]; 3] = [&["orders"], &["_parts", "lines"], &["orders", "lines"]];

fn entry(number: usize) -> EntryKey {
    EntryKey::from_hex(&format!("{number:02x}").repeat(32)).unwrap()
}

fn on_change() -> Report {
    Report {
        name: "r".into(),
        source: "fake".into(),
        sql: String::new(),
        params: Vec::new(),
        ttl: VALID,
        stale_for: VALID,
        serve_on_error: lookaside::report::ServeOnError::default(),
        refresh: Refresh::OnChange,
        tables: None,
        timeout: None,
        trusted_sql: false,
    }
}

impl World {
    async fn step(&mut self) {
        match self.random.random_range(0..100) {
            0..14 => {
                let table = TABLES[self.random.random_range(0..TABLES.len())];
                *self.database.0.entry(table).or_default() += 1;
            }
            14..32 => self.observe().await,
            32..50 => self.begin_fill().await,
            50..62 => {
                let database = self.database.clone();
                if let Some(fill) = self.any_fill() {
                    fill.content.get_or_insert(database);
                }
            }
            62..76 => self.commit_fill().await,
            76..88 => self.read().await,
            88..91 => self.time_passes().await,
            91..94 => self.new_worker().await,
            94..96 => {
                // A crash: whatever it was about to do never happens.
                if !self.workers.is_empty() {
                    let victim = self.random.random_range(0..self.workers.len());
                    self.workers.remove(victim);
                }
            }
            96..98 => self.replica = Some((self.dump().await, self.vouched.clone())),
            98 => self.failover().await,
            _ => self.evict().await,
        }
    }

    fn any_fill(&mut self) -> Option<&mut Filling> {
        if self.fills.is_empty() {
            return None;
        }
        let index = self.random.random_range(0..self.fills.len());
        Some(&mut self.fills[index])
    }

    /// A worker looks, or publishes what it saw when it looked: any time may pass in between.
    async fn observe(&mut self) {
        if self.workers.is_empty() {
            return self.new_worker().await;
        }
        let index = self.random.random_range(0..self.workers.len());
        let now = self.protocol.now().await.unwrap();
        let worker = &mut self.workers[index];
        let Some(epoch) = &mut worker.epoch else {
            // Its epoch is over: a new one begins at what it sees from now on.
            let (seen, tick) = (self.database.clone(), worker.tick.next());
            match self
                .protocol
                .new_epoch(&worker.lead, tick.clone(), now, VALID, "test", None)
                .await
            {
                Ok((mut epoch, now)) => {
                    let tables: Vec<String> =
                        TABLES.iter().map(|table| (*table).to_owned()).collect();
                    let taken = self
                        .protocol
                        .take_in(&mut epoch, &tables, &tick, now, VALID)
                        .await;
                    if let Ok(now) = taken {
                        (worker.epoch, worker.tick, worker.as_of) = (Some(epoch), tick, now);
                        (worker.seen, worker.looked) = (seen.clone(), None);
                        self.vouched = seen;
                    }
                }
                Err(_) => {
                    self.workers.remove(index);
                }
            }
            return;
        };
        // It looks, and publishes what it saw some steps later: meanwhile others go on.
        let Some(seen) = worker.looked.take() else {
            worker.looked = Some(self.database.clone());
            return;
        };
        let changed: Vec<String> = TABLES
            .iter()
            .filter(|table| seen.0.get(*table) != worker.seen.0.get(*table))
            .map(|table| (*table).to_owned())
            .collect();
        let (change, position) = if changed.is_empty() {
            (Change::Nothing, worker.tick.clone())
        } else if self.random.random_bool(0.2) {
            (Change::All, worker.tick.next())
        } else {
            (Change::Tables(&changed), worker.tick.next())
        };
        match self
            .protocol
            .publish(epoch, change, &position, worker.as_of, VALID)
            .await
        {
            Ok(now) => {
                for (table, version) in &seen.0 {
                    let vouched = self.vouched.0.entry(table).or_default();
                    *vouched = (*vouched).max(*version);
                }
                (worker.tick, worker.seen, worker.as_of) = (position, seen, now);
            }
            Err(PublishError::Lost) => {
                self.workers.remove(index);
            }
            Err(PublishError::Behind) => worker.epoch = None,
            Err(PublishError::Cache(problem)) => panic!("{problem}"),
        }
    }

    async fn new_worker(&mut self) {
        let id = format!("w{}", self.random.random::<u32>());
        if let Election::Leading { lead, known, now } =
            self.protocol.lead(&id, VALID).await.unwrap()
        {
            let tick = known.map_or_else(Position::zero, |known| known.position);
            self.workers.push(Worker {
                lead,
                epoch: None,
                tick,
                seen: Content::default(),
                looked: None,
                as_of: now,
            });
        }
    }

    async fn begin_fill(&mut self) {
        let number = self.random.random_range(0..ENTRIES.len());
        let token = format!("{}", self.random.random::<u64>());
        let begun = self
            .cache
            .begin(&self.keys, &entry(number), &token, VALID)
            .await
            .unwrap();
        // Correctness never rests on the lock: a fill goes on without it, too.
        self.fills.push(Filling {
            entry: number,
            begun,
            token,
            content: None,
        });
    }

    async fn commit_fill(&mut self) {
        if self.fills.is_empty() {
            return;
        }
        let index = self.random.random_range(0..self.fills.len());
        let fill = self.fills.remove(index);
        let Some(content) = fill.content else {
            // It died; its lock ends some time.
            let _ = self
                .cache
                .release(&self.keys, &entry(fill.entry), &fill.token)
                .await;
            return;
        };
        self.fills_made += 1;
        let name = format!("{:032x}", self.fills_made);
        let schema = Arc::new(Schema::new(vec![Field::new("a", DataType::Int64, true)]));
        let made = chunks(&[], &schema, None);
        let new = NewEntry {
            notices: Vec::new(),
            report: "r".into(),
            params: "{}".into(),
            fill: name.clone(),
            chunks: made.iter().map(|chunk| chunk.info).collect(),
            inline: Some(made[0].bytes.clone()),
            sha256: "0".repeat(64),
            schema: payload::encode_schema(&schema).unwrap(),
            tables: ENTRIES[fill.entry]
                .iter()
                .map(|table| (*table).to_owned())
                .collect(),
            on_change: true,
            unseen: None,
            query_time: Duration::ZERO,
            writer: "test".into(),
            because: None,
            soft: VALID,
            hard: VALID * 2,
        };
        self.cache
            .commit(
                &self.keys,
                &entry(fill.entry),
                &fill.token,
                &fill.begun,
                &new,
            )
            .await
            .unwrap();
        self.stored.insert(name, content);
    }

    async fn read(&mut self) {
        for (number, tables) in ENTRIES.iter().enumerate() {
            let found = self
                .cache
                .find(&self.keys, &entry(number), &on_change(), true)
                .await
                .unwrap();
            if found.verdict != Verdict::Fresh {
                continue;
            }
            self.fresh += 1;
            let content = &self.stored[&found.header.unwrap().fill];
            for table in *tables {
                let (has, needs) = (content.0.get(table), self.vouched.0.get(table));
                assert!(
                    has >= needs,
                    "a stale answer is called fresh: {table} at {has:?}, but {needs:?} was published"
                );
            }
        }
    }

    /// Everything that lasts a limited time ends: heartbeats, leases, locks. Whatever was committed until now has to
    /// be in what is called fresh from now on.
    async fn time_passes(&mut self) {
        let _: () = redis::pipe()
            .cmd("HSET")
            .arg(self.keys.versions())
            .arg("_hb")
            .arg(1)
            .ignore()
            .cmd("DEL")
            .arg(self.keys.worker())
            .ignore()
            .query_async(&mut self.redis)
            .await
            .unwrap();
        for number in 0..ENTRIES.len() {
            let _: () = redis::cmd("DEL")
                .arg(self.keys.lock(&entry(number)))
                .query_async(&mut self.redis)
                .await
                .unwrap();
        }
        // Those who looked before have an old "as of": it vouches for nothing any more.
        for worker in &mut self.workers {
            worker.as_of = lookaside::cache::ServerTime(1);
        }
        self.vouched = self.database.clone();
    }

    async fn dump(&mut self) -> Dump {
        let keys: Vec<String> = redis::cmd("KEYS")
            .arg("*")
            .query_async(&mut self.redis)
            .await
            .unwrap();
        let mut dumped = Vec::new();
        for key in keys {
            let value: Vec<u8> = redis::cmd("DUMP")
                .arg(&key)
                .query_async(&mut self.redis)
                .await
                .unwrap();
            dumped.push((key, value));
        }
        dumped
    }

    /// The last writes are lost. What was published in them is unknown to the server until a worker notices; until
    /// then (at most a heartbeat's validity) only the older publication is vouched for.
    async fn failover(&mut self) {
        let Some((keys, vouched)) = self.replica.take() else {
            return;
        };
        let _: () = redis::cmd("FLUSHALL")
            .query_async(&mut self.redis)
            .await
            .unwrap();
        for (key, value) in keys {
            let _: () = redis::cmd("RESTORE")
                .arg(key)
                .arg(0)
                .arg(value)
                .query_async(&mut self.redis)
                .await
                .unwrap();
        }
        self.vouched = vouched;
    }

    async fn evict(&mut self) {
        let number = self.random.random_range(0..ENTRIES.len());
        let _: () = redis::cmd("DEL")
            .arg(self.keys.header(&entry(number)))
            .query_async(&mut self.redis)
            .await
            .unwrap();
    }
}

/// Random schedules of commits, detectors, fills, readers, pauses, crashes, failovers and evictions, through the calls of
/// `Cache` and `Protocol` and over a real server. Far more of them, and more kinds of trouble, run over the model in
/// `schedules/`, which makes the scripts' arguments itself.
#[tokio::test]
async fn no_schedule_calls_a_stale_result_fresh() {
    let schedules = 300;
    let redis = Redis::start();
    let config = CacheConfig {
        url: ConnectionUrl::new(&redis.url()),
        prefix: "t".into(),
        memory: 0,
    };
    let cache = Cache::new(&config);
    let identity = SourceIdentity {
        kind: "fake".into(),
        server: "here".into(),
        database: String::new(),
        user: String::new(),
        session: Vec::new(),
    };
    let keys = cache.keys("fake", &identity);
    let client = redis::Client::open(redis.url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let mut fresh = 0;
    for seed in 0..schedules {
        let _: () = redis::cmd("FLUSHALL")
            .query_async(&mut connection)
            .await
            .unwrap();
        let mut world = World {
            cache: cache.clone(),
            protocol: Protocol::new(cache.clone(), keys.clone()),
            keys: keys.clone(),
            redis: connection.clone(),
            database: Content::default(),
            workers: Vec::new(),
            fills: Vec::new(),
            stored: BTreeMap::new(),
            vouched: Content::default(),
            replica: None,
            random: StdRng::seed_from_u64(seed),
            fresh: 0,
            fills_made: 0,
        };
        for _ in 0..80 {
            world.step().await;
        }
        fresh += world.fresh;
    }
    assert!(
        fresh > schedules as usize / 10,
        "schedules that never serve anything prove nothing: {fresh}"
    );
}
