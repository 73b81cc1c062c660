//! MariaDB under the oracle: by its binary log, and by its end alone.

use async_trait::async_trait;
use sqlx::mysql::MySqlConnection;
use sqlx::{AssertSqlSafe, Connection, Row};

use super::{Database, Reports, World};
use crate::servers::{DATABASE, MariaDb, PASSWORD};

const REPORTS: Reports = &[
    (
        "orders",
        "SELECT count(*), CAST(coalesce(sum(n), 0) AS SIGNED) FROM orders",
    ),
    (
        "items",
        "SELECT count(*), CAST(coalesce(sum(n), 0) AS SIGNED) FROM items",
    ),
    (
        "joined",
        "SELECT count(*), CAST(coalesce(sum(n), 0) AS SIGNED) FROM order_items",
    ),
];

const TABLES: &str = "CREATE TABLE orders (id INT PRIMARY KEY, n INT) ENGINE=InnoDB;
    CREATE TABLE items (id INT PRIMARY KEY, order_id INT, n INT,
        FOREIGN KEY (order_id) REFERENCES orders (id) ON DELETE CASCADE) ENGINE=InnoDB;
    CREATE VIEW order_items AS SELECT o.id AS order_id, i.n AS n FROM orders o JOIN items i ON i.order_id = o.id;
    CREATE USER reader IDENTIFIED BY 's3cret-pw';
    GRANT SELECT, SHOW VIEW ON shop.* TO reader;";

struct Maria {
    server: MariaDb,
    /// Who the reports run as.
    user: &'static str,
}

impl Maria {
    async fn new(user: &'static str) -> Self {
        let mut this = Self {
            server: MariaDb::start_logging(&[]),
            user,
        };
        this.sql(TABLES).await;
        this
    }

    async fn connect(&self) -> MySqlConnection {
        MySqlConnection::connect(&self.server.url()).await.unwrap()
    }

    /// Ends every connection that reads the log.
    async fn end_readers_of_the_log(&mut self) {
        let mut connection = self.connect().await;
        let sql = "SELECT CAST(id AS SIGNED) FROM information_schema.processlist WHERE command = 'Binlog Dump'";
        let readers = sqlx::raw_sql(sql).fetch_all(&mut connection).await.unwrap();
        for reader in readers {
            let id: i64 = reader.get(0);
            let kill = format!("KILL {id}");
            sqlx::raw_sql(AssertSqlSafe(kill))
                .execute(&mut connection)
                .await
                .unwrap();
        }
    }
}

#[async_trait]
impl Database for Maria {
    fn config(&self) -> String {
        format!(
            "url = \"mysql://{}:{PASSWORD}@127.0.0.1:{}/{DATABASE}\"\npoll_interval = \"20ms\"",
            self.user, self.server.port
        )
    }

    async fn sql(&mut self, sql: &str) {
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
            .execute(&mut self.connect().await)
            .await
            .unwrap();
    }

    async fn answer(&mut self, sql: &str) -> (i64, i64) {
        let row = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
            .fetch_one(&mut self.connect().await)
            .await
            .unwrap();
        (row.get(0), row.get(1))
    }
}

impl World<Maria> {
    /// What only this database has.
    async fn its_own_life(&mut self) {
        self.sql(
            "a statement in the log",
            "SET SESSION binlog_format = 'STATEMENT'; UPDATE orders SET n = n + 1 WHERE id = 1",
        )
        .await;
        self.settle("a statement in the log").await;
        self.sql("a truncation", "TRUNCATE TABLE items").await;
        self.settle("a truncation").await;
        self.sql(
            "another log file",
            "FLUSH BINARY LOGS; INSERT INTO items (id, order_id, n) VALUES (7, 1, 1)",
        )
        .await;
        self.settle("another log file").await;
        self.act(
            "a reader of the log that is ended",
            async |maria: &mut Maria| {
                maria.end_readers_of_the_log().await;
                maria.sql("UPDATE orders SET n = n + 1 WHERE id = 1").await;
            },
        )
        .await;
        self.settle("a reader of the log that is ended").await;
        self.act("a server that dies", async |maria: &mut Maria| {
            maria.server.kill();
            maria.server.restart();
        })
        .await;
        self.sql(
            "a commit after that",
            "UPDATE orders SET n = n + 1 WHERE id = 1",
        )
        .await;
        self.settle("a server that dies").await;
        self.workers.clear();
        self.act("a log that is purged while nobody reads it", async |maria: &mut Maria| {
            maria
                .sql("UPDATE orders SET n = n + 1 WHERE id = 1; FLUSH BINARY LOGS; FLUSH BINARY LOGS")
                .await;
            maria.sql("PURGE BINARY LOGS BEFORE NOW() + INTERVAL 1 DAY").await;
        })
        .await;
        self.hire();
        self.hire();
        self.settle("a log that is purged while nobody reads it")
            .await;
        self.sql(
            "a log that begins anew",
            "RESET MASTER; UPDATE orders SET n = n + 1 WHERE id = 1",
        )
        .await;
        self.settle("a log that begins anew").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn never_stale_called_fresh_by_the_binary_log() {
    let mut world = World::new(Maria::new("tester").await, REPORTS).await;
    world.everyday_life().await;
    world.its_own_life().await;
    world.dying_workers().await;
    world.dying_cache().await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn never_stale_called_fresh_by_the_end_of_the_log() {
    let mut world = World::new(Maria::new("reader").await, REPORTS).await;
    world.everyday_life().await;
    world.its_own_life().await;
    world.dying_workers().await;
    world.dying_cache().await;
    world.end().await;
}
