//! The detectors of MariaDB against real servers: what their log tells, what it does not, and what happens to it.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use lookaside::detector::{self, Blind, Checkpoint, Detector, Observation, Touched};
use lookaside::source::{self, Source};
use lookaside::workspace::SourceConfig;
use sqlx::mysql::MySqlConnection;
use sqlx::{AssertSqlSafe, Connection};

use crate::detector::config;
use crate::servers::{Certificates, DATABASE, MariaDb, PASSWORD};

const TABLES: &str = "CREATE TABLE orders (id INT PRIMARY KEY, n INT);
    CREATE TABLE parts (id INT PRIMARY KEY);
    CREATE TABLE notes (id INT) ENGINE = MyISAM;
    CREATE TABLE `Odd Na``me` (id INT);
    CREATE TABLE parents (id INT PRIMARY KEY);
    CREATE TABLE children (id INT PRIMARY KEY, parent INT REFERENCES parents(id) ON DELETE CASCADE);
    CREATE TABLE grandchildren (id INT PRIMARY KEY, child INT,
        FOREIGN KEY (child) REFERENCES children(id) ON UPDATE CASCADE ON DELETE SET NULL);
    CREATE TABLE strangers (id INT PRIMARY KEY, parent INT, FOREIGN KEY (parent) REFERENCES parents(id));
    CREATE DATABASE other; CREATE TABLE other.remarks (id INT)";

/// A server, someone who writes to it, and a detector that has its baseline.
struct Shop {
    server: MariaDb,
    writer: MySqlConnection,
    config: SourceConfig,
    source: Arc<dyn Source>,
    detector: Box<dyn Detector>,
    /// The position told last.
    position: String,
}

async fn execute(connection: &mut MySqlConnection, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
        .execute(connection)
        .await
        .unwrap();
}

impl Shop {
    async fn new(args: &[&str]) -> Self {
        let server = MariaDb::start_logging(args);
        let url = server.url();
        let mut writer = MySqlConnection::connect(&url).await.unwrap();
        execute(&mut writer, TABLES).await;
        Self::watched(server, writer, config(&url)).await
    }

    async fn watched(server: MariaDb, writer: MySqlConnection, config: SourceConfig) -> Self {
        let source = source::open(&config).unwrap();
        let mut shop = Self {
            detector: detector::watch(&config, &source),
            server,
            writer,
            config,
            source,
            position: String::new(),
        };
        assert_eq!(shop.gap().await, "watching begins");
        shop
    }

    async fn sql(&mut self, sql: &str) {
        execute(&mut self.writer, sql).await;
    }

    async fn sees(&mut self) -> Observation {
        self.detector.next().await.unwrap()
    }

    /// The tables of the one observation that covers all that was done before; `None` for every table.
    async fn changed(&mut self) -> Option<Vec<String>> {
        let seen = self.sees().await;
        let Observation::Changed {
            tables,
            position: Some(position),
            committed_at: Some(at),
        } = seen
        else {
            panic!("no change of a log: {seen:?}");
        };
        assert!(
            position > self.position && position.len() == 20,
            "{position}"
        );
        self.position = position;
        let age = Utc::now() - at;
        assert!(
            age > chrono::TimeDelta::zero() && age < chrono::TimeDelta::minutes(5),
            "{at}"
        );
        match tables {
            Touched::All => None,
            Touched::Tables(tables) => Some(tables.into_iter().collect()),
        }
    }

    /// What was done is one change of these tables and no more.
    async fn changed_are(&mut self, tables: &[&str]) {
        let tables = tables.iter().map(|table| (*table).to_owned()).collect();
        assert_eq!(self.changed().await, Some(tables));
        self.quiet().await;
    }

    async fn quiet(&mut self) {
        assert_eq!(self.sees().await, Observation::Quiet);
    }

    /// Why there is a gap.
    async fn gap(&mut self) -> String {
        let seen = self.sees().await;
        let Observation::Gap {
            why,
            position: Some(position),
        } = seen
        else {
            panic!("no gap of a log: {seen:?}");
        };
        self.position = position;
        why
    }

    /// A place to go on from.
    fn checkpoint(&self) -> Checkpoint {
        Checkpoint {
            log: self.detector.log().unwrap().to_owned(),
            position: self.position.clone(),
        }
    }

    /// Another detector, which goes on from there.
    fn resume(&mut self, from: &Checkpoint) {
        self.detector = detector::watch(&self.config, &self.source);
        self.detector.resume(from);
    }
}

#[tokio::test]
async fn a_commit_is_seen_with_its_tables_and_a_rollback_is_not() {
    let mut shop = Shop::new(&[]).await;
    let about = detector::about(&shop.config, &shop.source).await;
    assert_eq!(about.name, "MariaDB binary log");
    assert_eq!(about.better_by, None);
    assert_eq!(&about, shop.detector.about());
    let apart = shop.detector.tells_apart().unwrap();
    for table in ["orders", "Odd Na`me", "other.remarks"] {
        assert!(apart.contains(table), "{apart:?}");
    }
    shop.quiet().await;

    shop.sql("INSERT INTO orders VALUES (1, 1)").await;
    shop.changed_are(&["orders"]).await;
    shop.sql("BEGIN; INSERT INTO orders VALUES (2, 1)").await;
    shop.quiet().await;
    shop.sql("ROLLBACK").await;
    shop.quiet().await;
    shop.sql("BEGIN; INSERT INTO orders VALUES (2, 1); INSERT INTO parts VALUES (1)")
        .await;
    shop.quiet().await;
    shop.sql("COMMIT").await;
    shop.changed_are(&["orders", "parts"]).await;

    shop.sql("UPDATE orders SET n = n + 1 WHERE id = 77").await;
    shop.quiet().await;
    shop.sql(
        "BEGIN; UPDATE orders SET n = 5; SAVEPOINT s; DELETE FROM parts; ROLLBACK TO s; COMMIT",
    )
    .await;
    assert!(shop.changed().await.unwrap().contains(&"orders".to_owned()));
    shop.sql("BEGIN; INSERT INTO notes VALUES (1); ROLLBACK")
        .await;
    shop.changed_are(&["notes"]).await;
    shop.sql("INSERT INTO `Odd Na``me` VALUES (1)").await;
    shop.changed_are(&["Odd Na`me"]).await;
    shop.sql("INSERT INTO other.remarks VALUES (1)").await;
    shop.changed_are(&["other.remarks"]).await;
    shop.sql("DELETE FROM orders WHERE id = 1; SELECT 1").await;
    shop.changed_are(&["orders"]).await;
    shop.sql("SET SESSION binlog_row_image = MINIMAL; UPDATE orders SET n = 9; SET SESSION binlog_row_image = FULL")
        .await;
    shop.changed_are(&["orders"]).await;
}

#[tokio::test]
async fn what_is_not_told_row_by_row_is_a_change_of_everything() {
    let mut shop = Shop::new(&[]).await;
    for sql in [
        "TRUNCATE orders",
        "ALTER TABLE orders ADD COLUMN more INT",
        "CREATE VIEW seen AS SELECT * FROM orders",
        "CREATE OR REPLACE VIEW seen AS SELECT * FROM parts",
        "CREATE TABLE copied AS SELECT * FROM parts",
        "SET SESSION binlog_format = STATEMENT; INSERT INTO parts VALUES (9)",
        "INSERT INTO notes VALUES (9); SET SESSION binlog_format = ROW",
        "GRANT SELECT ON shop.* TO tester",
        "XA START 'x'; INSERT INTO parts VALUES (10); XA END 'x'; XA PREPARE 'x'",
        "XA COMMIT 'x'",
        "DROP TABLE copied",
        "RENAME TABLE parts TO pieces",
        "SET GLOBAL log_bin_compress = ON, GLOBAL log_bin_compress_min_len = 10",
        "CREATE TABLE with_a_long_definition (id INT, text VARCHAR(1000) COMMENT 'so long that it is compressed')",
    ] {
        shop.sql(sql).await;
        if sql.starts_with("SET GLOBAL") {
            shop.quiet().await;
        } else {
            assert_eq!(shop.changed().await, None, "{sql}");
            shop.quiet().await;
        }
    }
    let apart = shop.detector.tells_apart().unwrap();
    assert!(
        apart.contains("with_a_long_definition") && apart.contains("pieces"),
        "{apart:?}"
    );
    assert!(!apart.contains("parts"), "{apart:?}");
    // Rows are compressed by now too.
    shop.sql("INSERT INTO with_a_long_definition VALUES (1, REPEAT('x', 900))")
        .await;
    shop.changed_are(&["with_a_long_definition"]).await;
}

#[tokio::test]
async fn a_cascade_is_a_change_of_child_and_grandchild() {
    let mut shop = Shop::new(&[]).await;
    shop.sql("INSERT INTO parents VALUES (1); INSERT INTO children VALUES (1, 1); INSERT INTO grandchildren VALUES (1, 1)")
        .await;
    shop.changed_are(&["children", "grandchildren", "parents"])
        .await;
    shop.sql("DELETE FROM parents").await;
    shop.changed_are(&["children", "grandchildren", "parents"])
        .await;
    let gone: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM children")
        .fetch_one(&mut shop.writer)
        .await
        .unwrap();
    assert_eq!(gone, 0, "the cascade took place");
    // A new one is known from its own change of the schema on.
    shop.sql("ALTER TABLE parts ADD COLUMN n INT REFERENCES orders(id) ON DELETE SET NULL")
        .await;
    assert_eq!(shop.changed().await, None);
    shop.sql("INSERT INTO orders VALUES (1, 1)").await;
    shop.changed_are(&["orders", "parts"]).await;
}

#[tokio::test]
async fn a_large_import_and_many_small_commits_are_one_observation_each() {
    let mut shop = Shop::new(&[]).await;
    shop.sql("INSERT INTO orders SELECT seq, seq FROM seq_1_to_100000")
        .await;
    shop.changed_are(&["orders"]).await;
    let before = Utc::now() - chrono::TimeDelta::seconds(2);
    let inserts = "INSERT INTO parts VALUES (NULL);".repeat(100);
    shop.sql("ALTER TABLE parts MODIFY id INT AUTO_INCREMENT")
        .await;
    assert_eq!(shop.changed().await, None);
    for _ in 0..50 {
        shop.sql(&inserts).await;
    }
    let Observation::Changed {
        tables,
        committed_at,
        ..
    } = shop.sees().await
    else {
        panic!("5,000 commits are a change");
    };
    assert_eq!(
        tables,
        Touched::Tables(BTreeSet::from(["parts".to_owned()]))
    );
    let first: DateTime<Utc> = committed_at.unwrap();
    assert!(first > before, "{first}");
    shop.quiet().await;
}

#[tokio::test]
async fn an_observation_that_nobody_took_is_told_again() {
    let mut shop = Shop::new(&[]).await;
    shop.sql("INSERT INTO orders VALUES (1, 1)").await;
    // Given up at every point it can be given up at.
    for polls in 0..200 {
        let mut next = shop.detector.next();
        for _ in 0..polls {
            if let std::task::Poll::Ready(seen) = futures::poll!(&mut next) {
                let seen = seen.unwrap();
                let is_it = matches!(&seen, Observation::Changed { tables: Touched::Tables(tables), .. }
                    if tables.contains("orders"));
                assert!(is_it, "after {polls} polls: {seen:?}");
                return;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    panic!("never seen");
}

/// A commit is in the log, and sent to replicas, before others can see it. Here that moment lasts: the server waits for
/// a replica that never comes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_is_told_only_when_it_can_be_seen() {
    let mut shop = Shop::new(&[]).await;
    shop.sql(
        "SET GLOBAL rpl_semi_sync_master_wait_point = AFTER_SYNC, GLOBAL rpl_semi_sync_master_timeout = 1500, \
         GLOBAL rpl_semi_sync_master_enabled = ON",
    )
    .await;
    let url = shop.server.url();
    let mut reader = MySqlConnection::connect(&url).await.unwrap();
    let (mut other, end) = (
        MySqlConnection::connect(&url).await.unwrap(),
        async |c: &mut MySqlConnection| {
            let row = sqlx::raw_sql("SHOW MASTER STATUS")
                .fetch_one(c)
                .await
                .unwrap();
            sqlx::Row::get::<u64, _>(&row, 1)
        },
    );
    let before = end(&mut other).await;
    let insert = tokio::spawn(async move {
        let mut writer = MySqlConnection::connect(&url).await.unwrap();
        execute(&mut writer, "INSERT INTO orders VALUES (1, 1)").await;
    });
    let count = "SELECT COUNT(*) FROM orders";
    let mut unseen = 0;
    loop {
        let logged = end(&mut other).await > before;
        let seen = shop.sees().await;
        let there: i64 = sqlx::query_scalar(count)
            .fetch_one(&mut reader)
            .await
            .unwrap();
        if seen != Observation::Quiet {
            assert_eq!(there, 1, "told before it could be seen: {seen:?}");
            break;
        }
        unseen += i32::from(logged && there == 0);
    }
    assert!(unseen > 0, "the moment between log and snapshot was met");
    insert.await.unwrap();
}

#[tokio::test]
async fn rotation_is_followed() {
    let mut shop = Shop::new(&[]).await;
    let log = shop.detector.log().unwrap().to_owned();
    for round in 1..4 {
        shop.sql("FLUSH BINARY LOGS").await;
        shop.quiet().await;
        shop.sql(&format!(
            "FLUSH BINARY LOGS; INSERT INTO parts VALUES ({round}); FLUSH BINARY LOGS"
        ))
        .await;
        shop.changed_are(&["parts"]).await;
    }
    assert_eq!(shop.detector.log(), Some(log.as_str()));
    assert!(shop.position.starts_with("0000000009"), "{}", shop.position);
}

#[tokio::test]
async fn going_on_from_a_checkpoint_misses_nothing_and_has_no_gap() {
    let mut shop = Shop::new(&[]).await;
    shop.sql("INSERT INTO orders VALUES (1, 1)").await;
    shop.changed_are(&["orders"]).await;
    let from = shop.checkpoint();
    shop.resume(&from);
    shop.quiet().await;
    assert_eq!(shop.detector.log(), Some(from.log.as_str()));

    shop.resume(&from);
    shop.sql("INSERT INTO parts VALUES (1); FLUSH BINARY LOGS; INSERT INTO notes VALUES (1)")
        .await;
    shop.changed_are(&["notes", "parts"]).await;
    assert_eq!(shop.detector.log(), Some(from.log.as_str()));

    for (log, why) in [
        (
            "mariadb:7@elsewhere:3306 1700000000 1690000000 binlog.000001",
            "another server's",
        ),
        ("another detector's", "another detector"),
    ] {
        shop.resume(&Checkpoint {
            log: log.to_owned(),
            position: from.position.clone(),
        });
        let said = shop.gap().await;
        assert!(said.contains(why), "{said}");
        shop.quiet().await;
    }
}

#[tokio::test]
async fn a_purged_log_is_a_gap() {
    let mut shop = Shop::new(&[]).await;
    shop.sql("INSERT INTO orders VALUES (1, 1)").await;
    shop.changed_are(&["orders"]).await;
    let from = shop.checkpoint();
    shop.sql("FLUSH BINARY LOGS; INSERT INTO orders VALUES (2, 2); FLUSH BINARY LOGS")
        .await;
    // The stream holds on to the file it reads.
    shop.resume(&from);
    crate::worker::until("the file is purged", async || {
        let rows = sqlx::raw_sql("PURGE BINARY LOGS TO 'binlog.000003'; SHOW BINARY LOGS")
            .fetch_all(&mut shop.writer)
            .await
            .unwrap();
        rows.len() == 1
    })
    .await;
    let said = shop.gap().await;
    assert!(said.contains("purged"), "{said}");
    shop.sql("INSERT INTO orders VALUES (3, 3)").await;
    shop.changed_are(&["orders"]).await;
}

#[tokio::test]
async fn a_log_that_was_begun_anew_is_a_gap() {
    let mut shop = Shop::new(&[]).await;
    shop.sql("INSERT INTO orders VALUES (1, 1)").await;
    shop.changed_are(&["orders"]).await;
    let from = shop.checkpoint();
    // A file is known by the second in which it was begun.
    let second: i64 = sqlx::query_scalar("SELECT UNIX_TIMESTAMP() DIV 1")
        .fetch_one(&mut shop.writer)
        .await
        .unwrap();
    crate::worker::until("the second is over", async || {
        let now: i64 = sqlx::query_scalar("SELECT UNIX_TIMESTAMP() DIV 1")
            .fetch_one(&mut shop.writer)
            .await
            .unwrap();
        now > second
    })
    .await;
    shop.sql("RESET MASTER; INSERT INTO orders VALUES (2, 2)")
        .await;
    let said = shop.gap().await;
    assert!(said.contains("begun anew"), "{said}");
    assert!(shop.position < from.position, "{}", shop.position);
    shop.sql("INSERT INTO orders VALUES (3, 3)").await;
    shop.changed_are(&["orders"]).await;
    assert_ne!(shop.detector.log(), Some(from.log.as_str()));

    // Also where it has grown past the place by then.
    shop.sql("INSERT INTO parts SELECT seq FROM seq_1_to_10000")
        .await;
    shop.resume(&from);
    let said = shop.gap().await;
    assert!(said.contains("begun anew"), "{said}");
    assert!(shop.position > from.position, "{}", shop.position);
}

/// Servers tell in whole seconds when they were started.
fn until_up_for_a_while(server: &MariaDb) {
    let uptime = || {
        let said = server.client(DATABASE, "SHOW GLOBAL STATUS LIKE 'Uptime'", &["-N"]);
        said.split_whitespace()
            .last()
            .unwrap()
            .parse::<u32>()
            .unwrap()
    };
    while uptime() < 3 {
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[tokio::test]
async fn a_server_that_is_restarted_is_a_gap_and_followed_again() {
    let mut shop = Shop::new(&[]).await;
    shop.sql("INSERT INTO orders VALUES (1, 1)").await;
    shop.changed_are(&["orders"]).await;
    until_up_for_a_while(&shop.server);
    shop.server.stop();
    let Blind(said) = shop.detector.next().await.unwrap_err();
    assert!(
        said.contains("127.0.0.1") && !said.contains(PASSWORD),
        "{said}"
    );
    shop.server.restart();
    shop.writer = MySqlConnection::connect(&shop.server.url()).await.unwrap();
    let said = shop.gap().await;
    assert!(said.contains("restarted"), "{said}");
    shop.sql("INSERT INTO parts VALUES (1)").await;
    shop.changed_are(&["parts"]).await;

    // Its log is off, and then on again: nobody sees what it did meanwhile.
    for (args, says) in [
        (&["--skip-log-bin"][..], "log_bin"),
        (&["--binlog-ignore-db=shop"], "binlog_ignore_db"),
    ] {
        until_up_for_a_while(&shop.server);
        shop.server.stop();
        shop.detector.next().await.unwrap_err();
        shop.server.restart_with(args);
        shop.writer = MySqlConnection::connect(&shop.server.url()).await.unwrap();
        shop.sql("INSERT INTO orders VALUES (8, 8); DELETE FROM orders WHERE id = 8")
            .await;
        let Blind(said) = shop.detector.next().await.unwrap_err();
        assert!(said.contains(says), "{said}");
        shop.server.stop();
        shop.server.restart();
        shop.writer = MySqlConnection::connect(&shop.server.url()).await.unwrap();
        shop.gap().await;
    }

    until_up_for_a_while(&shop.server);
    shop.server.kill();
    shop.detector.next().await.unwrap_err();
    shop.server.restart();
    shop.writer = MySqlConnection::connect(&shop.server.url()).await.unwrap();
    let said = shop.gap().await;
    assert!(said.contains("restarted"), "{said}");
    shop.sql("INSERT INTO parts VALUES (2)").await;
    shop.changed_are(&["parts"]).await;
}

const READER: &str = "CREATE USER reader@'%' IDENTIFIED BY 'r'; GRANT SELECT ON *.* TO reader@'%'";
const GRANT: &str = "GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO 'reader'@'%'";

fn reader(server: &MariaDb) -> SourceConfig {
    config(&format!(
        "mysql://reader:r@127.0.0.1:{}/{DATABASE}",
        server.port
    ))
}

/// What any commit is for the fallback.
fn anything() -> Observation {
    Observation::Changed {
        tables: Touched::All,
        position: None,
        committed_at: None,
    }
}

#[tokio::test]
async fn a_lost_right_is_said_and_the_fallback_takes_over() {
    let server = MariaDb::start_logging(&[]);
    let mut writer = MySqlConnection::connect(&server.url()).await.unwrap();
    execute(&mut writer, &format!("{TABLES}; {READER}; {GRANT}")).await;
    let config = reader(&server);
    let mut shop = Shop::watched(server, writer, config).await;
    assert_eq!(shop.detector.about().name, "MariaDB binary log");
    shop.sql("INSERT INTO orders VALUES (1, 1)").await;
    shop.changed_are(&["orders"]).await;

    shop.sql("REVOKE REPLICATION SLAVE, REPLICATION CLIENT ON *.* FROM reader@'%'")
        .await;
    assert_eq!(shop.changed().await, None);
    shop.sql("KILL USER reader").await;
    let Blind(said) = shop.detector.next().await.unwrap_err();
    assert!(said.contains(GRANT), "{said}");
    assert!(matches!(shop.sees().await, Observation::Gap { .. }));
    let about = shop.detector.about();
    assert_eq!(about.name, "MariaDB log position");
    assert!(
        about.better_by.as_ref().unwrap().starts_with(GRANT),
        "{about:?}"
    );
    shop.sql("INSERT INTO orders VALUES (2, 2)").await;
    assert_eq!(shop.sees().await, anything());
}

#[tokio::test]
async fn an_account_that_may_not_read_the_log_gets_the_fallback() {
    let server = MariaDb::start_logging(&[]);
    let mut writer = MySqlConnection::connect(&server.url()).await.unwrap();
    execute(&mut writer, &format!("{TABLES}; {READER}")).await;
    let config = reader(&server);
    let source = source::open(&config).unwrap();
    let mut detector = detector::watch(&config, &source);
    for half in ["REPLICATION SLAVE", "REPLICATION CLIENT"] {
        let about = detector::about(&config, &source).await;
        assert_eq!(about.name, "MariaDB log position", "without {half}");
        execute(&mut writer, &format!("GRANT {half} ON *.* TO reader@'%'")).await;
    }
    assert_eq!(
        detector::about(&config, &source).await.name,
        "MariaDB binary log"
    );
    execute(
        &mut writer,
        "REVOKE REPLICATION SLAVE ON *.* FROM reader@'%'",
    )
    .await;

    assert!(matches!(
        detector.next().await.unwrap(),
        Observation::Gap { .. }
    ));
    assert_eq!((detector.log(), detector.tells_apart()), (None, None));
    assert!(
        detector
            .about()
            .better_by
            .as_ref()
            .unwrap()
            .starts_with(GRANT)
    );
    assert_eq!(detector.next().await.unwrap(), Observation::Quiet);
    for sql in [
        "INSERT INTO orders VALUES (1, 1)",
        "INSERT INTO notes VALUES (1)",
        "TRUNCATE orders",
        "CREATE VIEW seen AS SELECT * FROM orders",
        "FLUSH BINARY LOGS",
    ] {
        execute(&mut writer, sql).await;
        assert_eq!(detector.next().await.unwrap(), anything(), "{sql}");
        assert_eq!(detector.next().await.unwrap(), Observation::Quiet, "{sql}");
    }
    execute(&mut writer, "BEGIN; INSERT INTO orders VALUES (2, 2)").await;
    assert_eq!(detector.next().await.unwrap(), Observation::Quiet);
    execute(&mut writer, "ROLLBACK").await;
    assert_eq!(detector.next().await.unwrap(), Observation::Quiet);
}

#[tokio::test]
async fn a_log_of_statements_or_without_the_database_is_not_taken() {
    let server = MariaDb::start_logging(&["--binlog-format=MIXED", "--binlog-ignore-db=quiet"]);
    let config = config(&server.url());
    let source = source::open(&config).unwrap();
    let about = detector::about(&config, &source).await;
    assert_eq!(about.name, "MariaDB log position");
    let better = about.better_by.unwrap();
    assert!(
        better.starts_with("SET GLOBAL binlog_format = ROW"),
        "{better}"
    );
    let spots = about.blind_spots.join("; ");
    assert!(
        spots.contains("the databases quiet, because of binlog_ignore_db"),
        "{spots}"
    );
    server.client(
        DATABASE,
        "SET GLOBAL binlog_format = ROW; CREATE DATABASE quiet",
        &[],
    );
    let about = detector::about(&config, &source).await;
    assert_eq!(about.name, "MariaDB binary log");

    let config = crate::detector::config(&server.url_of("quiet"));
    let source = source::open(&config).unwrap();
    let about = detector::about(&config, &source).await;
    assert_eq!(about.name, "none");
    let remedy = about.better_by.unwrap();
    assert!(
        remedy.contains("binlog_ignore_db keeps quiet out"),
        "{remedy}"
    );
}

#[tokio::test]
async fn the_log_is_read_over_the_tls_that_the_url_asks_for() {
    let ours = Certificates::make();
    let others = Certificates::make();
    let (certificate, key) = ours.server();
    let server = MariaDb::start_logging(&[
        &format!("--ssl-cert={}", certificate.display()),
        &format!("--ssl-key={}", key.display()),
        &format!("--ssl-ca={}", ours.authority().display()),
        "--require-secure-transport=ON",
    ]);
    let url = server.url();
    let (authority, other) = (ours.authority(), others.authority());
    for query in [
        String::new(),
        "?ssl-mode=REQUIRED".to_owned(),
        format!("?ssl-mode=VERIFY_CA&ssl-ca={}", authority.display()),
        format!("?ssl-mode=VERIFY_IDENTITY&ssl-ca={}", authority.display()),
    ] {
        let config = config(&format!("{url}{query}"));
        let source = source::open(&config).unwrap();
        let about = detector::about(&config, &source).await;
        assert_eq!(about.name, "MariaDB binary log", "{query}: {about:?}");
    }
    for query in [
        "?ssl-mode=DISABLED".to_owned(),
        format!("?ssl-mode=VERIFY_CA&ssl-ca={}", other.display()),
    ] {
        let config = config(&format!("{url}{query}"));
        let source = source::open(&config).unwrap();
        let about = detector::about(&config, &source).await;
        assert_eq!(about.name, "none", "{query}: {about:?}");
    }
    let socket = server.socket().display().to_string();
    let config = config(&format!("{url}?socket={socket}"));
    let source = source::open(&config).unwrap();
    let about = detector::about(&config, &source).await;
    assert_eq!(about.name, "MariaDB binary log", "{about:?}");
}
