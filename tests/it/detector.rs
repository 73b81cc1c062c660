//! Detectors against real SQLite files, MariaDB and PostgreSQL: what they see, what they must not see, and that they
//! say so when they cannot see.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use lookaside::detector::{self, Blind, Detector, Observation, Touched};
use lookaside::source::{self, Source};
use lookaside::workspace::{ConnectionUrl, Publication, SourceConfig};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};
use sqlx::{AssertSqlSafe, Connection, SqliteConnection};

use crate::servers::{MariaDb, Postgres, closed_port};

pub(crate) fn config(url: &str) -> SourceConfig {
    SourceConfig {
        name: "shop".to_owned(),
        url: ConnectionUrl::new(url),
        max_concurrent_queries: 1,
        query_timeout: Duration::from_secs(30),
        watermark: None,
        poll_interval: Duration::from_millis(5),
        triggers: false,
        forget_after: SourceConfig::FORGET_AFTER,
        max_refresh_load: 1.0,
        publication: Publication::Found,
    }
}

async fn open(file: &Path, journal: SqliteJournalMode) -> SqliteConnection {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .journal_mode(journal)
        .busy_timeout(Duration::from_secs(10));
    SqliteConnection::connect_with(&options).await.unwrap()
}

async fn sql(connection: &mut SqliteConnection, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
        .execute(connection)
        .await
        .unwrap();
}

const SHOP: &str = "CREATE TABLE orders (id INTEGER PRIMARY KEY, price REAL);
    CREATE TABLE parts (id INTEGER PRIMARY KEY, name TEXT);
    CREATE TABLE lines (id INTEGER PRIMARY KEY, order_id INTEGER REFERENCES orders(id) ON DELETE CASCADE);";

/// A file with tables, a writer to it, and a detector that has its baseline.
struct Shop {
    folder: tempfile::TempDir,
    writer: SqliteConnection,
    config: SourceConfig,
    source: Arc<dyn Source>,
    detector: Box<dyn Detector>,
}

impl Shop {
    async fn new(journal: SqliteJournalMode, triggers: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("shop.db");
        let mut writer = open(&file, journal).await;
        sql(&mut writer, SHOP).await;
        let mut config = config(&format!("sqlite:{}", file.display()));
        config.triggers = triggers;
        let source = source::open(&config).unwrap();
        let about = detector::about(&config, &source).await;
        let mut detector = detector::watch(&config, &source);
        let first = detector.next().await.unwrap();
        assert!(
            matches!(first, Observation::Gap { .. }),
            "the baseline is a gap: {first:?}"
        );
        assert_eq!(&about, detector.about());
        Self {
            folder,
            writer,
            config,
            source,
            detector,
        }
    }

    async fn sql(&mut self, text: &str) {
        sql(&mut self.writer, text).await;
    }

    /// Whatever is seen within one look after what was done.
    async fn sees(&mut self) -> Observation {
        self.detector.next().await.unwrap()
    }

    fn file(&self) -> std::path::PathBuf {
        self.folder.path().join("shop.db")
    }
}

fn changed(tables: &[&str]) -> Observation {
    let tables = tables.iter().map(|table| (*table).to_owned()).collect();
    Observation::Changed {
        tables: Touched::Tables(tables),
        position: None,
        committed_at: None,
    }
}

fn anything() -> Observation {
    Observation::Changed {
        tables: Touched::All,
        position: None,
        committed_at: None,
    }
}

#[tokio::test]
async fn sqlite_sees_commits_and_nothing_else() {
    for journal in [SqliteJournalMode::Wal, SqliteJournalMode::Delete] {
        let mut shop = Shop::new(journal, false).await;
        assert_eq!(shop.sees().await, Observation::Quiet);
        shop.sql("BEGIN; INSERT INTO orders VALUES (1, 2.5)").await;
        assert_eq!(
            shop.sees().await,
            Observation::Quiet,
            "not before the commit"
        );
        shop.sql("COMMIT").await;
        assert_eq!(shop.sees().await, anything());
        assert_eq!(shop.sees().await, Observation::Quiet);
        shop.sql(
            "BEGIN; INSERT INTO orders VALUES (2, 2.5); UPDATE orders SET price = 0; ROLLBACK",
        )
        .await;
        assert_eq!(
            shop.sees().await,
            Observation::Quiet,
            "a rollback is no change"
        );
        let count: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM orders")
            .fetch_one(&mut shop.writer)
            .await
            .unwrap();
        assert_eq!(count, 1);
        assert_eq!(
            shop.sees().await,
            Observation::Quiet,
            "reading is no change"
        );
    }
}

#[tokio::test]
async fn a_change_that_nobody_took_is_told_again() {
    let mut shop = Shop::new(SqliteJournalMode::Wal, true).await;
    shop.sql("INSERT INTO orders VALUES (1, 2.5)").await;
    // Given up at every point it can be given up at.
    for polls in 0..60 {
        let mut next = shop.detector.next();
        for _ in 0..polls {
            if let std::task::Poll::Ready(seen) = futures::poll!(&mut next) {
                assert_eq!(seen.unwrap(), changed(&["orders"]), "after {polls} polls");
                return;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    panic!("never seen");
}

#[tokio::test]
async fn triggers_tell_tables_apart() {
    for journal in [SqliteJournalMode::Wal, SqliteJournalMode::Delete] {
        let mut shop = Shop::new(journal, true).await;
        let apart = ["lines", "orders", "parts"].map(str::to_owned);
        assert_eq!(shop.detector.tells_apart(), Some(&BTreeSet::from(apart)));
        assert_eq!(
            shop.sees().await,
            Observation::Quiet,
            "putting triggers in place is no change of data"
        );

        shop.sql("INSERT INTO orders VALUES (1, 2.5)").await;
        assert_eq!(shop.sees().await, changed(&["orders"]));
        shop.sql("INSERT INTO lines VALUES (1, 1)").await;
        assert_eq!(shop.sees().await, changed(&["lines"]));
        shop.sql("UPDATE orders SET price = 3; INSERT INTO parts VALUES (1, 'nut')")
            .await;
        assert_eq!(shop.sees().await, changed(&["orders", "parts"]));
        shop.sql("BEGIN; DELETE FROM parts; ROLLBACK").await;
        assert_eq!(shop.sees().await, Observation::Quiet);
        shop.sql("DELETE FROM parts").await;
        assert_eq!(
            shop.sees().await,
            changed(&["parts"]),
            "DELETE without WHERE is counted too"
        );
        shop.sql("REPLACE INTO orders VALUES (1, 9)").await;
        assert!(matches!(shop.sees().await, Observation::Changed { .. }));
        shop.sql("INSERT INTO lines VALUES (2, 1); ").await;
        shop.sees().await;
        shop.sql("PRAGMA foreign_keys = ON; DELETE FROM orders")
            .await;
        assert_eq!(
            shop.sees().await,
            changed(&["lines", "orders"]),
            "a cascade is a change of the child"
        );
    }
}

#[tokio::test]
async fn a_table_without_triggers_counts_with_every_commit() {
    let mut shop = Shop::new(SqliteJournalMode::Wal, true).await;
    shop.sql(
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT); INSERT INTO notes VALUES (1, 'a')",
    )
    .await;
    assert_eq!(
        shop.sees().await,
        anything(),
        "a change of the schema is a change of everything"
    );
    // The new table has its triggers by now, and putting them in is not told as another change of one table.
    while shop.sees().await != Observation::Quiet {}
    shop.sql("UPDATE notes SET text = 'b'").await;
    assert_eq!(shop.sees().await, changed(&["notes"]));

    shop.sql("ALTER TABLE notes RENAME TO remarks").await;
    assert_eq!(shop.sees().await, anything());
    while shop.sees().await != Observation::Quiet {}
    shop.sql("UPDATE remarks SET text = 'c'").await;
    assert_eq!(shop.sees().await, changed(&["remarks"]));

    shop.sql("CREATE VIRTUAL TABLE found USING fts5(text)")
        .await;
    while shop.sees().await != Observation::Quiet {}
    assert!(!shop.detector.tells_apart().unwrap().contains("found"));
    shop.sql("INSERT INTO found VALUES ('nut')").await;
    assert_eq!(shop.sees().await, anything(), "no counter knows of it");

    shop.sql("DROP TRIGGER lookaside_orders_update").await;
    while shop.sees().await != Observation::Quiet {}
    shop.sql("UPDATE orders SET price = 7; INSERT INTO orders VALUES (7, 7)")
        .await;
    assert_eq!(
        shop.sees().await,
        changed(&["orders"]),
        "a trigger that was taken away is put back"
    );
}

#[tokio::test]
async fn what_was_put_into_the_file_comes_out_again() {
    let mut shop = Shop::new(SqliteJournalMode::Wal, true).await;
    shop.sql("CREATE TRIGGER lookaside_mine AFTER INSERT ON parts BEGIN DELETE FROM lines; END")
        .await;
    while shop.sees().await != Observation::Quiet {}
    assert_eq!(
        detector::remove(&shop.config, shop.source.as_ref())
            .await
            .unwrap(),
        9
    );
    let left: Vec<String> =
        sqlx::query_scalar("SELECT name FROM sqlite_schema WHERE name LIKE 'lookaside%'")
            .fetch_all(&mut shop.writer)
            .await
            .unwrap();
    assert_eq!(
        left,
        ["lookaside_mine"],
        "a trigger of the user's stays, whatever its name"
    );
}

#[tokio::test]
async fn a_locked_file_is_said_and_what_was_committed_under_the_lock_is_seen() {
    let mut shop = Shop::new(SqliteJournalMode::Delete, false).await;
    shop.sql("BEGIN EXCLUSIVE; INSERT INTO orders VALUES (1, 1)")
        .await;
    let Blind(said) = shop.detector.next().await.unwrap_err();
    assert!(
        said.contains("locked") && said.contains("end its transaction"),
        "{said}"
    );
    shop.sql("ROLLBACK").await;
    assert_eq!(shop.sees().await, Observation::Quiet);
    shop.sql("BEGIN EXCLUSIVE; INSERT INTO orders VALUES (1, 1)")
        .await;
    shop.detector.next().await.unwrap_err();
    shop.sql("COMMIT").await;
    assert_eq!(shop.sees().await, anything());
}

#[tokio::test]
async fn a_replaced_file_is_said_and_then_a_gap() {
    let mut shop = Shop::new(SqliteJournalMode::Delete, false).await;
    let other = shop.folder.path().join("other.db");
    sql(&mut open(&other, SqliteJournalMode::Delete).await, SHOP).await;
    std::fs::rename(&other, shop.file()).unwrap();
    let Blind(said) = shop.detector.next().await.unwrap_err();
    assert!(said.contains("another file took the place"), "{said}");
    assert!(matches!(shop.sees().await, Observation::Gap { .. }));
    let mut writer = open(&shop.file(), SqliteJournalMode::Delete).await;
    sql(&mut writer, "INSERT INTO orders VALUES (1, 1)").await;
    assert_eq!(shop.sees().await, anything(), "it watches the new file");

    std::fs::remove_file(shop.file()).unwrap();
    let Blind(said) = shop.detector.next().await.unwrap_err();
    assert!(said.contains("cannot be seen"), "{said}");
    std::fs::write(
        shop.file(),
        b"this is no database, however long one looks at it, and looks at it again...",
    )
    .unwrap();
    let Blind(said) = shop.detector.next().await.unwrap_err();
    assert!(said.contains("not a sound SQLite database"), "{said}");
}

/// `with` is a watermark query over the table `t`; `write` runs a statement that commits.
async fn watermark_sees<F: AsyncFnMut(&str)>(mut config: SourceConfig, mut write: F) {
    config.watermark = Some("SELECT COUNT(*), MAX(id) FROM t".to_owned());
    let source = source::open(&config).unwrap();
    let about = detector::about(&config, &source).await;
    assert_eq!(about.name, "watermark query");
    assert!(
        about.blind_spots.iter().any(|spot| spot.contains("delete")),
        "{about:?}"
    );
    let mut detector = detector::watch(&config, &source);
    assert!(matches!(
        detector.next().await.unwrap(),
        Observation::Gap { .. }
    ));
    assert_eq!(detector.next().await.unwrap(), Observation::Quiet);
    write("INSERT INTO t VALUES (1)").await;
    assert_eq!(detector.next().await.unwrap(), anything());
    assert_eq!(detector.next().await.unwrap(), Observation::Quiet);
    write("DELETE FROM t").await;
    assert_eq!(
        detector.next().await.unwrap(),
        anything(),
        "COUNT tells of deletes"
    );
    write("ALTER TABLE t RENAME TO u").await;
    let Blind(said) = detector.next().await.unwrap_err();
    assert!(said.starts_with("the watermark query failed"), "{said}");
    write("INSERT INTO u VALUES (5)").await;
    write("ALTER TABLE u RENAME TO t").await;
    assert_eq!(
        detector.next().await.unwrap(),
        anything(),
        "what happened while it was blind"
    );
}

#[tokio::test]
async fn a_watermark_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("w.db");
    let mut writer = open(&file, SqliteJournalMode::Wal).await;
    sql(&mut writer, "CREATE TABLE t (id INTEGER)").await;
    watermark_sees(
        config(&format!("sqlite:{}", file.display())),
        async |text| sql(&mut writer, text).await,
    )
    .await;
}

#[tokio::test]
async fn a_watermark_on_mariadb() {
    let server = MariaDb::shared();
    let (url, name) = server.fresh_database();
    server.client(&name, "CREATE TABLE t (id BIGINT)", &[]);
    watermark_sees(config(&url), async |text| {
        drop(server.client(&name, text, &[]));
    })
    .await;
}

#[tokio::test]
async fn a_watermark_on_postgres() {
    let server = Postgres::shared();
    let (url, name) = server.fresh_database();
    server.client(&name, "CREATE TABLE t (id BIGINT)", &[]);
    watermark_sees(config(&url), async |text| {
        drop(server.client(&name, text, &[]));
    })
    .await;
}

#[tokio::test]
async fn a_watermark_of_many_rows_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("w.db");
    sql(
        &mut open(&file, SqliteJournalMode::Wal).await,
        "CREATE TABLE t (id INTEGER); INSERT INTO t VALUES (1), (2)",
    )
    .await;
    let mut config = config(&format!("sqlite:{}", file.display()));
    config.watermark = Some("SELECT id FROM t".to_owned());
    let source = source::open(&config).unwrap();
    let Blind(said) = detector::watch(&config, &source).next().await.unwrap_err();
    assert_eq!(
        said,
        "the watermark query returned 2 rows; make it return exactly one, such as SELECT COUNT(*), MAX(updated_at)"
    );
}

#[tokio::test]
async fn a_server_that_cannot_be_asked_is_watched_by_nothing_and_says_why() {
    let config = config("postgres://reader:s3cret@127.0.0.1:1/shop");
    let source = source::open(&config).unwrap();
    let about = detector::about(&config, &source).await;
    assert_eq!(about.name, "none");
    let why = about.better_by.unwrap();
    assert!(
        why.contains("127.0.0.1:1/shop cannot be seen") && !why.contains("s3cret"),
        "{why}"
    );
    let Blind(said) = detector::watch(&config, &source).next().await.unwrap_err();
    assert_eq!(said, why);
}

#[tokio::test]
async fn without_a_log_nothing_watches_mariadb_and_says_what_would() {
    let server = MariaDb::shared();
    let (url, _) = server.fresh_database();
    let config = config(&url);
    let source = source::open(&config).unwrap();
    let about = detector::about(&config, &source).await;
    assert_eq!(about.name, "none");
    let remedy = about.better_by.unwrap();
    for part in [
        "log_bin = ON, binlog_format = ROW and a server_id",
        "or set watermark",
        "[sources.shop]",
    ] {
        assert!(remedy.contains(part), "{remedy}");
    }
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_is_said() {
    let config = config(&format!("mysql://reader@127.0.0.1:{}/shop", closed_port()));
    let source = source::open(&config).unwrap();
    let Blind(said) = detector::watch(&config, &source).next().await.unwrap_err();
    assert!(said.contains("nothing listens at 127.0.0.1"), "{said}");
}
