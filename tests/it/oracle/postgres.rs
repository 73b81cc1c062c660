//! PostgreSQL under the oracle: by logical replication, and by comparing what its catalogue counts.

use async_trait::async_trait;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection, Row};

use super::{Database, Reports, World};
use crate::servers::Postgres;

const REPORTS: Reports = &[
    (
        "orders",
        "SELECT count(*), coalesce(sum(n), 0)::bigint FROM orders",
    ),
    (
        "items",
        "SELECT count(*), coalesce(sum(n), 0)::bigint FROM items",
    ),
    (
        "joined",
        "SELECT count(*), coalesce(sum(n), 0)::bigint FROM order_items",
    ),
    (
        "by year",
        "SELECT count(*), coalesce(sum(n), 0)::bigint FROM visits",
    ),
    (
        "kept",
        "SELECT count(*), coalesce(sum(n), 0)::bigint FROM kept",
    ),
];

const TABLES: &str = "CREATE TABLE orders (id INT PRIMARY KEY, n INT);
    CREATE TABLE items (id INT PRIMARY KEY, order_id INT REFERENCES orders (id) ON DELETE CASCADE, n INT);
    CREATE VIEW order_items AS SELECT o.id AS order_id, i.n AS n FROM orders o JOIN items i ON i.order_id = o.id;
    CREATE TABLE visits (year INT, n INT) PARTITION BY LIST (year);
    CREATE TABLE visits_2025 PARTITION OF visits FOR VALUES IN (2025);
    CREATE TABLE visits_2026 PARTITION OF visits FOR VALUES IN (2026);
    CREATE MATERIALIZED VIEW kept AS SELECT year, n FROM visits;";

struct Pg {
    server: Postgres,
}

impl Pg {
    async fn by_the_log() -> Self {
        let mut this = Self {
            server: Postgres::start_logical(),
        };
        this.sql(TABLES).await;
        this.sql("CREATE PUBLICATION lookaside FOR ALL TABLES")
            .await;
        this
    }

    async fn by_comparing() -> Self {
        let mut this = Self {
            server: Postgres::start(),
        };
        this.sql(TABLES).await;
        this
    }

    async fn connect(&self) -> PgConnection {
        PgConnection::connect(&self.server.url()).await.unwrap()
    }
}

#[async_trait]
impl Database for Pg {
    fn config(&self) -> String {
        format!("url = \"{}\"\npoll_interval = \"20ms\"", self.server.url())
    }

    async fn sql(&mut self, sql: &str) {
        let mut connection = self.connect().await;
        // A string of statements would be one transaction.
        for statement in sql.split(';').filter(|text| !text.trim().is_empty()) {
            sqlx::raw_sql(AssertSqlSafe(statement.to_owned()))
                .execute(&mut connection)
                .await
                .unwrap();
        }
    }

    async fn answer(&mut self, sql: &str) -> (i64, i64) {
        let row = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
            .fetch_one(&mut self.connect().await)
            .await
            .unwrap();
        (row.get(0), row.get(1))
    }
}

impl World<Pg> {
    /// What only this database has.
    async fn its_own_life(&mut self) {
        self.sql(
            "a row in a partition",
            "INSERT INTO visits VALUES (2025, 3)",
        )
        .await;
        self.settle("a row in a partition").await;
        self.sql(
            "a row in the partition itself",
            "INSERT INTO visits_2026 VALUES (2026, 4)",
        )
        .await;
        self.settle("a row in the partition itself").await;
        self.sql(
            "a materialized view that is refreshed",
            "REFRESH MATERIALIZED VIEW kept",
        )
        .await;
        self.settle("a materialized view that is refreshed").await;
        self.sql(
            "a partition that goes",
            "ALTER TABLE visits DETACH PARTITION visits_2026",
        )
        .await;
        self.settle("a partition that goes").await;
        self.sql("a truncation", "TRUNCATE TABLE items").await;
        self.settle("a truncation").await;
        self.sql(
            "another segment of the log",
            "SELECT pg_switch_wal(); INSERT INTO items (id, order_id, n) VALUES (7, 1, 1)",
        )
        .await;
        self.settle("another segment of the log").await;
        self.sql(
            "connections that are ended",
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND usename IS NOT NULL; \
             UPDATE orders SET n = n + 1 WHERE id = 1",
        )
        .await;
        self.settle("connections that are ended").await;
        self.sql(
            "statistics that are reset",
            "SELECT pg_stat_reset(); UPDATE orders SET n = n + 1 WHERE id = 1",
        )
        .await;
        self.settle("statistics that are reset").await;
        self.act("a server that dies", async |pg: &mut Pg| {
            pg.server.kill();
            pg.server.restart();
        })
        .await;
        self.sql(
            "a commit after that",
            "UPDATE orders SET n = n + 1 WHERE id = 1",
        )
        .await;
        self.settle("a server that dies").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn never_stale_called_fresh_by_logical_replication() {
    let mut world = World::new(Pg::by_the_log().await, REPORTS).await;
    world.everyday_life().await;
    world.its_own_life().await;
    world.dying_workers().await;
    world.dying_cache().await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn never_stale_called_fresh_by_comparing() {
    let mut world = World::new(Pg::by_comparing().await, REPORTS).await;
    world.everyday_life().await;
    world.its_own_life().await;
    world.dying_workers().await;
    world.dying_cache().await;
    world.end().await;
}
