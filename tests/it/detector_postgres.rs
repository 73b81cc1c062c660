//! The detectors of PostgreSQL against a real server, one test a pitfall.
//!
//! An observation covers what was committed before it was asked for, so each test asks exactly once after what it does.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::Utc;
use lookaside::detector::{self, About, Blind, Detector, Observation, Touched};
use lookaside::source::{self, Source};
use lookaside::workspace::{Publication, SourceConfig};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection};

use crate::servers::{Certificates, DATABASE, PASSWORD, Postgres, USER};

/// How long something may take on a busy machine before the test gives up.
const PATIENCE: Duration = Duration::from_mins(1);
const LOG: &str = "PostgreSQL logical replication";
const SNAPSHOTS: &str = "PostgreSQL snapshots";

const SHOP: &str = "CREATE TABLE orders (id INT PRIMARY KEY, price INT);
    CREATE TABLE parts (id INT PRIMARY KEY, name TEXT);
    CREATE TABLE lines (id INT PRIMARY KEY, order_id INT REFERENCES orders ON DELETE CASCADE);";
const PUBLISHED: &str = "CREATE PUBLICATION lookaside FOR ALL TABLES;";

/// A database with tables, a writer to it, and a detector that has its baseline.
struct Shop {
    config: SourceConfig,
    source: Arc<dyn Source>,
    writer: PgConnection,
    detector: Box<dyn Detector>,
    position: String,
}

impl Shop {
    /// With the tables and these statements.
    async fn new(server: &Postgres, with: &str) -> Self {
        let (url, _) = server.fresh_database();
        let mut writer = PgConnection::connect(&url).await.unwrap();
        sql(&mut writer, SHOP).await;
        sql(&mut writer, with).await;
        Self::watch(config(&url), writer).await
    }

    async fn published(server: &Postgres) -> Self {
        Self::new(server, PUBLISHED).await
    }

    async fn watch(config: SourceConfig, writer: PgConnection) -> Self {
        let source = source::open(&config).unwrap();
        let mut detector = detector::watch(&config, &source);
        let first = detector.next().await.unwrap();
        let Observation::Gap { position, .. } = first else {
            panic!("the baseline is a gap: {first:?}")
        };
        Self {
            config,
            source,
            writer,
            detector,
            position: position.unwrap_or_default(),
        }
    }

    fn name(&self) -> &str {
        &self.detector.about().name
    }

    async fn sql(&mut self, text: &str) {
        sql(&mut self.writer, text).await;
    }

    /// What one look sees; every position lies above the one before.
    async fn sees(&mut self) -> Observation {
        let seen = self.detector.next().await.unwrap();
        if let Observation::Changed { position, .. } | Observation::Gap { position, .. } = &seen
            && let Some(position) = position
        {
            assert_eq!(position.len(), 20);
            assert!(
                *position > self.position,
                "{position} after {}",
                self.position
            );
            self.position.clone_from(position);
        }
        seen
    }

    /// Exactly these tables changed.
    async fn sees_changed(&mut self, tables: &[&str]) {
        let seen = self.sees().await;
        assert_eq!(
            touched(&seen),
            Some(Touched::Tables(set(tables))),
            "{seen:?}"
        );
    }

    async fn sees_anything(&mut self) {
        let seen = self.sees().await;
        assert_eq!(touched(&seen), Some(Touched::All), "{seen:?}");
    }

    async fn sees_nothing(&mut self) {
        assert_eq!(self.sees().await, Observation::Quiet);
    }

    async fn one<T>(&mut self, query: &str) -> T
    where
        T: Send + Unpin + for<'r> sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
    {
        sqlx::query_scalar(AssertSqlSafe(query.to_owned()))
            .fetch_one(&mut self.writer)
            .await
            .unwrap()
    }

    /// It says that it is blind, and then looks at everything anew.
    async fn goes_blind(&mut self) -> String {
        let start = Instant::now();
        let said = loop {
            match self.detector.next().await {
                Ok(Observation::Quiet) => assert!(start.elapsed() < PATIENCE, "never blind"),
                Ok(seen) => panic!("{seen:?} in the place of being blind"),
                Err(Blind(said)) => break said,
            }
        };
        assert!(!said.contains(PASSWORD), "{said}");
        self.until_it_sees().await;
        said
    }

    /// The first that it sees again is a gap.
    async fn until_it_sees(&mut self) {
        let start = Instant::now();
        loop {
            match self.detector.next().await {
                Ok(Observation::Gap { position, .. }) => {
                    self.position = position.unwrap_or_default();
                    return;
                }
                Ok(seen) => panic!("{seen:?} in the place of a gap"),
                Err(Blind(said)) => assert!(start.elapsed() < PATIENCE, "still blind: {said}"),
            }
            // The pace of asking, as the worker has one.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

fn config(url: &str) -> SourceConfig {
    let mut config = SourceConfig::new("shop", url);
    config.poll_interval = Duration::from_millis(5);
    config
}

async fn sql(connection: &mut PgConnection, text: &str) {
    sqlx::raw_sql(AssertSqlSafe(text.to_owned()))
        .execute(connection)
        .await
        .unwrap();
}

async fn about(config: &SourceConfig) -> About {
    detector::about(config, &source::open(config).unwrap()).await
}

fn touched(seen: &Observation) -> Option<Touched> {
    match seen {
        Observation::Changed { tables, .. } => Some(tables.clone()),
        _ => None,
    }
}

fn set(tables: &[&str]) -> BTreeSet<String> {
    tables.iter().map(|table| (*table).to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_tells_committed_tables_and_when() {
    let server = Postgres::logical();
    let mut shop = Shop::published(&server).await;
    assert_eq!(shop.name(), LOG);
    assert_eq!(shop.detector.about(), &about(&shop.config).await);
    assert_eq!(
        shop.detector.tells_apart(),
        Some(&set(&["lines", "orders", "parts"]))
    );
    assert!(shop.detector.log().unwrap().ends_with("-1"));
    shop.sees_nothing().await;
    let before = Utc::now();
    shop.sql("BEGIN; INSERT INTO orders VALUES (1, 1)").await;
    shop.sees_nothing().await;
    shop.sql("COMMIT").await;
    let seen = shop.sees().await;
    let Observation::Changed {
        tables,
        committed_at,
        ..
    } = seen
    else {
        panic!("{seen:?}")
    };
    assert_eq!(tables, Touched::Tables(set(&["orders"])));
    assert!((before..=Utc::now()).contains(&committed_at.unwrap()));

    shop.sql("UPDATE orders SET price = 2; INSERT INTO parts VALUES (1, 'nut')")
        .await;
    shop.sees_changed(&["orders", "parts"]).await;
    shop.sql("BEGIN; DELETE FROM parts; UPDATE orders SET price = 9; ROLLBACK")
        .await;
    shop.sees_nothing().await;
    shop.sql(
        "BEGIN; SAVEPOINT a; DELETE FROM parts; ROLLBACK TO a; UPDATE orders SET price = 3; COMMIT",
    )
    .await;
    shop.sees_changed(&["orders"]).await;
    shop.sql("INSERT INTO lines VALUES (1, 1), (2, 1)").await;
    shop.sees_changed(&["lines"]).await;
    shop.sql("DELETE FROM orders").await;
    shop.sees_changed(&["lines", "orders"]).await;
    shop.sees_nothing().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_not_taken_is_told_again() {
    let server = Postgres::logical();
    let mut shop = Shop::published(&server).await;
    shop.sql("INSERT INTO orders VALUES (1, 1)").await;
    // Given up at every point it can be given up at.
    for polls in 0..200 {
        let mut next = shop.detector.next();
        for _ in 0..polls {
            if let std::task::Poll::Ready(seen) = futures::poll!(&mut next) {
                let seen = seen.unwrap();
                let orders = Touched::Tables(set(&["orders"]));
                assert_eq!(
                    touched(&seen),
                    Some(orders),
                    "after {polls} polls: {seen:?}"
                );
                return;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    panic!("never seen");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_server_is_quiet_and_an_open_transaction_holds_nobody_up() {
    let server = Postgres::logical();
    let mut shop = Shop::published(&server).await;
    for _ in 0..5 {
        shop.sees_nothing().await;
    }
    // The log ends at the border of a file: the next record begins behind a header.
    let mut other = PgConnection::connect(shop.config.url.expose())
        .await
        .unwrap();
    sql(&mut other, "SELECT pg_switch_wal(); CHECKPOINT").await;
    sql(&mut other, "SELECT pg_switch_wal()").await;
    shop.sees_nothing().await;
    // What it writes stays unwritten to disk, behind what another one commits.
    sql(&mut other, "BEGIN; INSERT INTO parts VALUES (1, 'nut')").await;
    shop.sql("INSERT INTO orders VALUES (1, 1)").await;
    sql(&mut other, "INSERT INTO parts VALUES (2, 'nut')").await;
    assert!(matches!(shop.sees().await, Observation::Changed { .. }));
    sql(&mut other, "COMMIT").await;
    while shop.sees().await != Observation::Quiet {}
    // A commit that is seen by all before it is on disk.
    for id in 2..10 {
        shop.sql(&format!(
            "SET synchronous_commit = off; INSERT INTO orders VALUES ({id}, 1)"
        ))
        .await;
        assert!(matches!(shop.sees().await, Observation::Changed { .. }));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_is_not_told_before_everybody_sees_it() {
    let server = Postgres::start_logical();
    let mut shop = Shop::published(&server).await;
    let orders = "SELECT COUNT(*) FROM orders";
    let wait_for_nobody = "ALTER SYSTEM SET synchronous_standby_names = 'nobody'";
    let hangs = "SELECT COUNT(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
    sql(&mut shop.writer, "SET synchronous_commit = local").await;
    sql(&mut shop.writer, wait_for_nobody).await;
    sql(&mut shop.writer, "SELECT pg_reload_conf()").await;
    let mut other = PgConnection::connect(shop.config.url.expose())
        .await
        .unwrap();
    let late = tokio::spawn(async move {
        sql(&mut other, "INSERT INTO orders VALUES (1, 1)").await;
    });
    let start = Instant::now();
    while shop.one::<i64>(hangs).await == 0 {
        assert!(start.elapsed() < PATIENCE, "the commit does not wait");
    }
    // The setting that was loaded, and no commit.
    shop.sees_anything().await;
    shop.sees_nothing().await;
    // A later transaction is seen by all before it, and comes before it.
    shop.sql("INSERT INTO parts VALUES (1, 'nut')").await;
    assert_eq!(shop.one::<i64>(orders).await, 0);
    shop.sees_changed(&["parts"]).await;
    shop.sees_nothing().await;

    // Who begins to watch while it hangs is told of it by no slot: its commit is in the log already.
    let mut second = {
        let writer = PgConnection::connect(shop.config.url.expose())
            .await
            .unwrap();
        let config = shop.config.clone();
        tokio::spawn(async move { Shop::watch(config, writer).await })
    };
    let begun = tokio::time::timeout(Duration::from_millis(300), &mut second).await;
    shop.sql("ALTER SYSTEM RESET synchronous_standby_names")
        .await;
    shop.sql("SELECT pg_reload_conf()").await;
    late.await.unwrap();
    assert_eq!(shop.one::<i64>(orders).await, 1);
    shop.sees_anything().await;
    match begun {
        // The slot waited for it, so what is filled after the baseline holds it.
        Err(_) => drop(second.await.unwrap()),
        Ok(second) => second.unwrap().sees_anything().await,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_schema_is_a_change_of_everything() {
    let server = Postgres::logical();
    let prepare = "CREATE VIEW dear AS SELECT * FROM orders WHERE price > 9;
        CREATE MATERIALIZED VIEW sums AS SELECT COUNT(*) AS n FROM orders;
        CREATE UNIQUE INDEX ON sums (n);
        CREATE FUNCTION one() RETURNS INT LANGUAGE SQL AS 'SELECT 1';";
    let mut shop = Shop::new(&server, &format!("{PUBLISHED} {prepare}")).await;
    for statement in [
        "ALTER TABLE orders ADD COLUMN note TEXT",
        "ALTER TABLE orders DROP COLUMN note",
        "ALTER TABLE parts ALTER COLUMN name TYPE VARCHAR(9)",
        "ALTER TABLE parts RENAME COLUMN name TO title",
        "CREATE OR REPLACE VIEW dear AS SELECT * FROM orders WHERE price > 99",
        "CREATE OR REPLACE FUNCTION one() RETURNS INT LANGUAGE SQL AS 'SELECT 2'",
        "REFRESH MATERIALIZED VIEW sums",
        "REFRESH MATERIALIZED VIEW CONCURRENTLY sums",
        "TRUNCATE parts",
        "CREATE TABLE notes (id INT PRIMARY KEY); INSERT INTO notes VALUES (1)",
        "ALTER TABLE notes RENAME TO remarks",
        "DROP TABLE remarks",
        "ALTER TABLE orders ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON orders USING (id > 1)",
    ] {
        shop.sql(statement).await;
        let seen = shop.sees().await;
        assert_eq!(touched(&seen), Some(Touched::All), "{statement}: {seen:?}");
        shop.sees_nothing().await;
    }
    for statement in [
        "BEGIN; ALTER TABLE orders ADD COLUMN note TEXT; ROLLBACK",
        "CREATE TEMP TABLE t (id INT PRIMARY KEY); INSERT INTO t VALUES (1); DROP TABLE t",
        "ANALYZE",
        "VACUUM",
        "CREATE INDEX ON parts (title)",
    ] {
        shop.sql(statement).await;
        let seen = shop.sees().await;
        assert_eq!(seen, Observation::Quiet, "{statement}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn partitions_and_heirs_change_with_their_parents() {
    let server = Postgres::logical();
    let tables = "CREATE TABLE sales (id INT PRIMARY KEY) PARTITION BY RANGE (id);
        CREATE TABLE sales_1 PARTITION OF sales FOR VALUES FROM (0) TO (10);
        CREATE TABLE sales_2 PARTITION OF sales FOR VALUES FROM (10) TO (20);
        CREATE TABLE rare_orders (PRIMARY KEY (id)) INHERITS (orders);";
    let mut shop = Shop::new(&server, &format!("{PUBLISHED} {tables}")).await;
    shop.sql("INSERT INTO sales VALUES (1)").await;
    shop.sees_changed(&["sales", "sales_1"]).await;
    shop.sql("UPDATE sales SET id = 11").await;
    shop.sees_changed(&["sales", "sales_1", "sales_2"]).await;
    shop.sql("INSERT INTO rare_orders VALUES (1, 1)").await;
    shop.sees_changed(&["orders", "rare_orders"]).await;

    let by_root = "CREATE PUBLICATION lookaside FOR ALL TABLES WITH (publish_via_partition_root);";
    let mut shop = Shop::new(&server, &format!("{by_root} {tables}")).await;
    assert_eq!(shop.name(), LOG);
    shop.sql("INSERT INTO sales VALUES (1)").await;
    shop.sees_changed(&["sales", "sales_1", "sales_2"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_log_leaves_out_is_said_and_never_vouched_for() {
    let server = Postgres::logical();
    let mut shop = Shop::published(&server).await;
    assert_eq!(shop.detector.cannot_see(), Some(&set(&[])));
    shop.sql("CREATE UNLOGGED TABLE scratch (id INT PRIMARY KEY)")
        .await;
    assert!(matches!(shop.sees().await, Observation::Gap { .. }));
    assert_eq!(shop.detector.cannot_see(), Some(&set(&["*", "scratch"])));
    shop.sql("INSERT INTO scratch VALUES (1)").await;
    shop.sees_nothing().await;
    shop.sql("ALTER TABLE scratch SET LOGGED; CREATE SEQUENCE numbers")
        .await;
    assert!(matches!(shop.sees().await, Observation::Gap { .. }));
    assert_eq!(shop.detector.cannot_see(), Some(&set(&["numbers"])));
    assert!(shop.detector.about().blind_spots[0].contains("unlogged"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_prepared_transaction_is_told_when_it_is_committed() {
    let server = Postgres::logical();
    let mut shop = Shop::published(&server).await;
    shop.sql("BEGIN; INSERT INTO orders VALUES (1, 1); PREPARE TRANSACTION 'later'")
        .await;
    shop.sees_nothing().await;
    shop.sql("COMMIT PREPARED 'later'").await;
    shop.sees_changed(&["orders"]).await;
    shop.sql("BEGIN; INSERT INTO parts VALUES (1, 'nut'); PREPARE TRANSACTION 'never'")
        .await;
    shop.sql("ROLLBACK PREPARED 'never'").await;
    shop.sees_nothing().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_and_many_small_commits_are_few_observations() {
    let server = Postgres::logical();
    let mut shop = Shop::published(&server).await;
    let mut writer = PgConnection::connect(shop.config.url.expose())
        .await
        .unwrap();
    let import = tokio::spawn(async move {
        let rows = "INSERT INTO parts SELECT n, repeat('x', 100) FROM generate_series(1, 100000) n";
        sql(&mut writer, rows).await;
        for id in 1..=5000 {
            sql(&mut writer, &format!("INSERT INTO orders VALUES ({id}, 1)")).await;
        }
    });
    let (mut observations, mut all) = (0, BTreeSet::new());
    while !import.is_finished() || shop.sees().await != Observation::Quiet {
        if let Observation::Changed { tables, .. } = shop.sees().await {
            observations += 1;
            if let Touched::Tables(tables) = tables {
                all.extend(tables);
            }
        }
    }
    import.await.unwrap();
    assert!(
        (1..1000).contains(&observations),
        "{observations} observations"
    );
    assert!(all.contains("orders"), "{all:?}");
    let confirmed =
        "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn)::int8 < 1000000
        FROM pg_replication_slots WHERE database = current_database()";
    let start = Instant::now();
    while !shop.one::<bool>(confirmed).await {
        shop.sees_nothing().await;
        assert!(start.elapsed() < PATIENCE, "what was read is not given up");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_is_said_and_then_a_gap() {
    let mut server = Postgres::start_logical();
    let mut shop = Shop::published(&server).await;
    server.kill();
    let Blind(said) = shop.detector.next().await.unwrap_err();
    assert!(said.contains("cannot be seen"), "{said}");
    server.restart();
    shop.until_it_sees().await;
    shop.writer = PgConnection::connect(shop.config.url.expose())
        .await
        .unwrap();
    shop.sql("INSERT INTO orders VALUES (1, 1)").await;
    shop.sees_changed(&["orders"]).await;

    // With another setting there is no log to be read any more, but there are snapshots.
    server.restart_with(&["-c", "wal_level=replica"]);
    shop.detector.next().await.unwrap_err();
    shop.until_it_sees().await;
    assert_eq!(shop.name(), SNAPSHOTS);
    assert_eq!(shop.detector.log(), None);
    let better = shop.detector.about().better_by.clone().unwrap();
    assert!(
        better.contains("ALTER SYSTEM SET wal_level = logical"),
        "{better}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slot_that_is_taken_away_is_said_and_then_a_gap() {
    let server = Postgres::start_logical();
    let mut shop = Shop::published(&server).await;
    let end = "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots";
    assert!(shop.one::<bool>(end).await);
    let start = Instant::now();
    while shop
        .one::<i64>("SELECT COUNT(*) FROM pg_replication_slots")
        .await
        > 0
    {
        assert!(start.elapsed() < PATIENCE, "the slot stays");
    }
    shop.sql("INSERT INTO orders VALUES (1, 1)").await;
    shop.goes_blind().await;
    shop.sql("INSERT INTO orders VALUES (2, 1)").await;
    shop.sees_changed(&["orders"]).await;

    // So far behind that the server gives the log up.
    shop.sql("ALTER SYSTEM SET max_slot_wal_keep_size = '1MB'")
        .await;
    shop.sql("SELECT pg_reload_conf()").await;
    for part in 0..3 {
        let first = part * 100_000;
        shop.sql(&format!(
            "INSERT INTO parts SELECT n, repeat('x', 200) FROM generate_series({}, {}) n",
            first + 1,
            first + 100_000
        ))
        .await;
        shop.sql("SELECT pg_switch_wal()").await;
    }
    // It waits for the sender to end, which waits for us to read.
    let mut other = PgConnection::connect(shop.config.url.expose())
        .await
        .unwrap();
    let checkpoint = tokio::spawn(async move { sql(&mut other, "CHECKPOINT").await });
    let start = Instant::now();
    while shop.detector.next().await.is_ok() {
        assert!(start.elapsed() < PATIENCE, "never blind");
    }
    checkpoint.await.unwrap();
    shop.until_it_sees().await;
    let limit = shop.detector.about().blind_spots.join(" ");
    assert!(limit.contains("max_slot_wal_keep_size"), "{limit}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_right_that_is_taken_away_leaves_the_snapshots_and_comes_back() {
    let server = Postgres::start_logical();
    let mut shop = Shop::published(&server).await;
    shop.sql("CREATE ROLE reader LOGIN REPLICATION PASSWORD 'r3ader'; GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader")
        .await;
    let url = shop
        .config
        .url
        .expose()
        .replace("tester:s3cret-pw", "reader:r3ader");
    let writer = PgConnection::connect(shop.config.url.expose())
        .await
        .unwrap();
    let mut reader = Shop::watch(config(&url), writer).await;
    assert_eq!(reader.name(), LOG);
    reader.sql("INSERT INTO orders VALUES (1, 1)").await;
    reader.sees_changed(&["orders"]).await;
    reader.sql("ALTER ROLE reader NOREPLICATION").await;
    let end = "SELECT pg_terminate_backend(s.active_pid) FROM pg_replication_slots s
        JOIN pg_stat_activity a ON a.pid = s.active_pid WHERE a.usename = 'reader'";
    assert!(reader.one::<bool>(end).await);
    reader.goes_blind().await;
    assert_eq!(reader.name(), SNAPSHOTS);
    let better = reader.detector.about().better_by.clone().unwrap();
    assert!(
        better.ends_with("it needs: ALTER ROLE reader REPLICATION"),
        "{better}"
    );
    reader.sql("INSERT INTO orders VALUES (2, 1)").await;
    reader.sees_anything().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_publication_that_lacks_something_is_not_relied_on() {
    let server = Postgres::logical();
    let (url, _) = server.fresh_database();
    let config = config(&url);
    let mut writer = PgConnection::connect(&url).await.unwrap();
    sql(&mut writer, SHOP).await;
    for (change, lacks) in [
        (
            "",
            "CREATE PUBLICATION lookaside FOR ALL TABLES, or publication = true in [sources.shop]",
        ),
        (
            "CREATE TABLE keyless (id INT)",
            "REPLICA IDENTITY FULL or a primary key for keyless (or their UPDATE and DELETE would fail",
        ),
        (
            "DROP TABLE keyless; CREATE PUBLICATION lookaside FOR TABLE orders, lines",
            "ALTER PUBLICATION lookaside ADD TABLE parts",
        ),
        (
            "ALTER PUBLICATION lookaside ADD TABLE parts WHERE (id > 5)",
            "the publication lookaside without the row filter of parts",
        ),
        (
            "DROP PUBLICATION lookaside; CREATE PUBLICATION lookaside FOR ALL TABLES WITH (publish = 'insert')",
            "ALTER PUBLICATION lookaside SET (publish = 'insert, update, delete, truncate')",
        ),
    ] {
        sql(&mut writer, change).await;
        let about = about(&config).await;
        assert_eq!(about.name, SNAPSHOTS, "{change}");
        let better = about.better_by.unwrap();
        assert!(better.contains(lacks), "{change}: {better}");
    }
    sql(
        &mut writer,
        "DROP PUBLICATION lookaside; CREATE PUBLICATION \"Mine\" FOR TABLE orders, lines, parts",
    )
    .await;
    let mut named = config.clone();
    named.publication = Publication::Named("Mine".to_owned());
    assert_eq!(about(&config).await.name, SNAPSHOTS);
    assert_eq!(about(&named).await.name, LOG);
    let mut shop = Shop::watch(named, writer).await;
    shop.sql("INSERT INTO orders VALUES (1, 1)").await;
    shop.sees_changed(&["orders"]).await;
    // A table that is not in it is not seen, and nobody vouches for it.
    shop.sql("CREATE TABLE notes (id INT PRIMARY KEY)").await;
    assert!(matches!(shop.sees().await, Observation::Gap { .. }));
    assert_eq!(shop.detector.cannot_see(), Some(&set(&["*", "notes"])));
    shop.sql("INSERT INTO notes VALUES (1)").await;
    shop.sees_nothing().await;
    shop.sql("ALTER PUBLICATION \"Mine\" ADD TABLE notes").await;
    assert!(matches!(shop.sees().await, Observation::Gap { .. }));
    shop.sql("INSERT INTO notes VALUES (2)").await;
    shop.sees_changed(&["notes"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn narrowed_publication_is_given_up_for_snapshots() {
    let server = Postgres::logical();
    for change in [
        "ALTER PUBLICATION \"Mine\" SET (publish = 'insert')",
        "ALTER PUBLICATION \"Mine\" SET TABLE orders WHERE (id > 5), lines, parts",
        "DROP PUBLICATION \"Mine\"",
    ] {
        let (url, _) = server.fresh_database();
        let mut writer = PgConnection::connect(&url).await.unwrap();
        sql(&mut writer, SHOP).await;
        let publication = "CREATE PUBLICATION \"Mine\" FOR TABLE orders, lines, parts";
        sql(&mut writer, publication).await;
        let mut config = config(&url);
        config.publication = Publication::Named("Mine".to_owned());
        let mut shop = Shop::watch(config, writer).await;
        assert_eq!(shop.detector.about().name, LOG);
        shop.sql(change).await;
        let blind = loop {
            match shop.detector.next().await {
                Ok(Observation::Quiet) => {}
                Ok(seen) => panic!("{change}: {seen:?}"),
                Err(blind) => break blind,
            }
        };
        assert!(blind.0.contains("does not tell every change"), "{blind}");
        // Something else watches now, and begins with a gap.
        let seen = shop.detector.next().await.unwrap();
        assert!(matches!(seen, Observation::Gap { .. }), "{seen:?}");
        assert_eq!(shop.detector.about().name, SNAPSHOTS, "{change}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_put_into_the_database_comes_out_again() {
    let server = Postgres::start_logical();
    let (url, _) = server.fresh_database();
    let mut config = config(&url);
    config.publication = Publication::Ours;
    let mut writer = PgConnection::connect(&url).await.unwrap();
    sql(
        &mut writer,
        &format!("{SHOP} CREATE TABLE keyless (id INT)"),
    )
    .await;
    let better = about(&config).await.better_by.unwrap();
    assert!(better.contains("primary key for keyless"), "{better}");
    sql(&mut writer, "ALTER TABLE keyless REPLICA IDENTITY FULL").await;
    assert_eq!(about(&config).await.name, LOG);
    let publications = "SELECT COUNT(*) FROM pg_publication";
    let made: i64 = sqlx::query_scalar(publications)
        .fetch_one(&mut writer)
        .await
        .unwrap();
    assert_eq!(made, 0, "asking makes nothing");

    let mut shop = Shop::watch(config, writer).await;
    assert_eq!(shop.one::<i64>(publications).await, 1);
    shop.sql("INSERT INTO keyless VALUES (1); UPDATE keyless SET id = 2")
        .await;
    shop.sees_changed(&["keyless"]).await;
    let removed = detector::remove(&shop.config, shop.source.as_ref())
        .await
        .unwrap();
    assert_eq!(removed, 2, "the publication and the slot");
    let left = "SELECT (SELECT COUNT(*) FROM pg_publication) + (SELECT COUNT(*) FROM pg_replication_slots)";
    assert_eq!(shop.one::<i64>(left).await, 0);

    shop.sql("CREATE PUBLICATION lookaside FOR ALL TABLES")
        .await;
    let removed = detector::remove(&shop.config, shop.source.as_ref())
        .await
        .unwrap();
    assert_eq!(removed, 0, "the user's own stays");
    shop.until_blind_is_over().await;
    drop(shop.detector);
    let mut slots = PgConnection::connect(shop.config.url.expose())
        .await
        .unwrap();
    let start = Instant::now();
    loop {
        let left: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM pg_replication_slots")
            .fetch_one(&mut slots)
            .await
            .unwrap();
        if left == 0 {
            break;
        }
        assert!(start.elapsed() < PATIENCE, "a slot is left behind");
    }
}

impl Shop {
    /// After the connection was ended by someone.
    async fn until_blind_is_over(&mut self) {
        self.detector.next().await.unwrap_err();
        self.until_it_sees().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn snapshots_see_commits_and_nothing_else() {
    let server = Postgres::start();
    let with = "CREATE UNLOGGED TABLE scratch (id INT); CREATE SEQUENCE numbers;
        CREATE TABLE sales (id INT) PARTITION BY RANGE (id);
        CREATE TABLE sales_1 PARTITION OF sales FOR VALUES FROM (0) TO (10);";
    let mut shop = Shop::new(&server, with).await;
    assert_eq!(shop.name(), SNAPSHOTS);
    assert_eq!(shop.detector.tells_apart(), None);
    assert_eq!(shop.detector.cannot_see(), Some(&set(&["numbers"])));
    let better = shop.detector.about().better_by.clone().unwrap();
    assert!(
        better.starts_with(
            "logical replication tells which table changed; it needs: ALTER SYSTEM SET wal_level = logical, then \
             restart the server; "
        ),
        "{better}"
    );
    shop.sees_nothing().await;
    shop.sql("BEGIN; INSERT INTO orders VALUES (1, 1)").await;
    shop.sees_nothing().await;
    shop.sql("COMMIT").await;
    shop.sees_anything().await;
    for rolled_back in [
        "BEGIN; DELETE FROM orders; ROLLBACK",
        "BEGIN; SAVEPOINT a; DELETE FROM orders; RELEASE a; ROLLBACK",
        "SELECT 1",
    ] {
        shop.sql(rolled_back).await;
        shop.sees_nothing().await;
    }
    // What counters miss or tell late.
    for committed in [
        "TRUNCATE parts",
        "INSERT INTO sales VALUES (1)",
        "INSERT INTO scratch VALUES (1)",
        "ALTER TABLE orders ADD COLUMN note TEXT",
    ] {
        shop.sql(committed).await;
        shop.sees_anything().await;
        shop.sees_nothing().await;
    }
    // A session that goes on into its next transaction keeps its counters to itself.
    shop.sql("INSERT INTO parts VALUES (7, 'nut')").await;
    shop.sql("BEGIN; SELECT 1").await;
    shop.sees_anything().await;
    shop.sql("COMMIT").await;
    shop.sees_nothing().await;
    // An older transaction that ends after a younger one.
    let mut older = PgConnection::connect(shop.config.url.expose())
        .await
        .unwrap();
    sql(&mut older, "BEGIN; INSERT INTO orders VALUES (5, 5)").await;
    shop.sql("INSERT INTO orders VALUES (6, 6)").await;
    shop.sees_anything().await;
    sql(&mut older, "COMMIT").await;
    shop.sees_anything().await;
    shop.sees_nothing().await;
    // So many that they are not asked for one by one.
    shop.sql(
        "DO $$ BEGIN FOR i IN 1..1200 LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$",
    )
    .await;
    shop.sees_anything().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_is_read_over_tls_as_the_url_says_and_over_a_socket() {
    let (ours, others) = (Certificates::make(), Certificates::make());
    let server = Postgres::start_tls_logical(&ours);
    server.client(DATABASE, &format!("{SHOP} {PUBLISHED}"), &[]);
    let authority = ours.authority().display().to_string();
    let other = others.authority().display().to_string();
    for (query, name) in [
        ("", LOG),
        ("?sslmode=require", LOG),
        (
            &*format!("?sslmode=verify-full&sslrootcert={authority}"),
            LOG,
        ),
        (&*format!("?sslmode=verify-ca&sslrootcert={other}"), "none"),
        ("?sslmode=disable", "none"),
    ] {
        let about = about(&config(&format!("{}{query}", server.url()))).await;
        assert_eq!(about.name, name, "{query}: {about:?}");
    }
    let writer = PgConnection::connect(&server.url()).await.unwrap();
    let mut shop = Shop::watch(config(&server.url()), writer).await;
    let encrypted = "SELECT bool_and(s.ssl) FROM pg_stat_ssl s JOIN pg_replication_slots r ON r.active_pid = s.pid";
    assert!(shop.one::<bool>(encrypted).await);
    let folder = server.socket_folder().display();
    let socket = format!(
        "postgres://{USER}:{PASSWORD}@localhost:{}/{DATABASE}?host={folder}",
        server.port
    );
    let writer = PgConnection::connect(&server.url()).await.unwrap();
    let mut shop = Shop::watch(config(&socket), writer).await;
    shop.sql("INSERT INTO orders VALUES (1, 1)").await;
    shop.sees_changed(&["orders"]).await;
}
