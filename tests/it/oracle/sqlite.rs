//! SQLite under the oracle.

use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode};
use sqlx::{AssertSqlSafe, ConnectOptions, Row};

use super::{Database, Reports, World};

const REPORTS: Reports = &[
    ("orders", "SELECT count(*), coalesce(sum(n), 0) FROM orders"),
    ("items", "SELECT count(*), coalesce(sum(n), 0) FROM items"),
    (
        "joined",
        "SELECT count(*), coalesce(sum(n), 0) FROM order_items",
    ),
];

struct Sqlite {
    file: PathBuf,
    triggers: bool,
    writer: SqliteConnection,
    _folder: tempfile::TempDir,
}

impl Sqlite {
    async fn new(triggers: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("shop.db");
        let mut writer = SqliteConnectOptions::new()
            .filename(&file)
            .create_if_missing(true)
            .foreign_keys(true)
            .journal_mode(SqliteJournalMode::Wal)
            .busy_timeout(Duration::from_secs(30))
            .connect()
            .await
            .unwrap();
        let tables = "CREATE TABLE orders (id INTEGER PRIMARY KEY, n INTEGER);
            CREATE TABLE items (id INTEGER PRIMARY KEY, order_id INTEGER REFERENCES orders (id) ON DELETE CASCADE, n INTEGER);
            CREATE VIEW order_items AS SELECT o.id AS order_id, i.n AS n FROM orders o JOIN items i ON i.order_id = o.id";
        sqlx::raw_sql(tables).execute(&mut writer).await.unwrap();
        Self {
            file,
            triggers,
            writer,
            _folder: folder,
        }
    }
}

#[async_trait]
impl Database for Sqlite {
    fn config(&self) -> String {
        format!(
            "url = \"sqlite:{}\"\ntriggers = {}",
            self.file.display(),
            self.triggers
        )
    }

    async fn sql(&mut self, sql: &str) {
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
            .execute(&mut self.writer)
            .await
            .unwrap();
    }

    async fn answer(&mut self, sql: &str) -> (i64, i64) {
        let row = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
            .fetch_one(&mut self.writer)
            .await
            .unwrap();
        (row.get(0), row.get(1))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn never_stale_called_fresh_by_data_version() {
    let mut world = World::new(Sqlite::new(false).await, REPORTS).await;
    world.everyday_life().await;
    world.dying_workers().await;
    world.dying_cache().await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn never_stale_called_fresh_by_triggers() {
    let mut world = World::new(Sqlite::new(true).await, REPORTS).await;
    world.everyday_life().await;
    world.dying_workers().await;
    world.dying_cache().await;
    world.end().await;
}
