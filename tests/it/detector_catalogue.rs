//! What decides an answer besides rows of tables: roles, rights, settings, functions, operators. A change of any of them is
//! seen, and the next query runs with it.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::Duration;

use lookaside::detector::{self, Detector, Observation, Touched};
use lookaside::source::{self, Source};
use lookaside::workspace::SourceConfig;

use crate::servers::{DATABASE, MariaDb, Postgres};
use crate::source_postgres::{collect, query, texts};

fn config(url: &str) -> SourceConfig {
    SourceConfig {
        poll_interval: Duration::from_millis(1),
        ..SourceConfig::new("shop", url)
    }
}

/// A detector that has its baseline.
async fn watching(url: &str) -> Box<dyn Detector> {
    let config = config(url);
    let source = source::open(&config).unwrap();
    let mut detector = detector::watch(&config, &source);
    let first = detector.next().await.unwrap();
    assert!(matches!(first, Observation::Gap { .. }), "{first:?}");
    detector
}

/// Whether everything counts as changed.
fn is_anything(seen: &Observation) -> bool {
    matches!(
        seen,
        Observation::Gap { .. }
            | Observation::Changed {
                tables: Touched::All,
                ..
            }
    )
}

/// Each statement changes what a SELECT may answer, and no row of a table.
const DECIDES: &[&str] = &[
    "GRANT payroll_{db} TO rep_{db}",
    "REVOKE payroll_{db} FROM rep_{db}",
    "ALTER ROLE rep_{db} BYPASSRLS",
    "ALTER ROLE rep_{db} NOINHERIT",
    "ALTER ROLE rep_{db} SET timezone = 'Asia/Tokyo'",
    "ALTER ROLE rep_{db} IN DATABASE {db} SET search_path = other",
    "ALTER DATABASE {db} SET default_text_search_config = 'simple'",
    "GRANT SELECT (id) ON orders TO rep_{db}",
    "REVOKE USAGE ON SCHEMA public FROM PUBLIC",
    "ALTER TABLE orders ENABLE ROW LEVEL SECURITY",
    "CREATE POLICY p ON orders TO payroll_{db} USING (id > 1)",
    "ALTER POLICY p ON orders USING (id > 2)",
    "ALTER TABLE orders OWNER TO payroll_{db}",
    "CREATE OPERATOR <~> (LEFTARG = int, RIGHTARG = int, FUNCTION = int4pl)",
    "DROP OPERATOR <~> (int, int); CREATE OPERATOR <~> (LEFTARG = int, RIGHTARG = int, FUNCTION = int4mi)",
    "CREATE TEXT SEARCH CONFIGURATION words (COPY = english)",
    "ALTER TEXT SEARCH CONFIGURATION words DROP MAPPING FOR asciiword",
    "ALTER TEXT SEARCH DICTIONARY plain (STOPWORDS = english)",
    "CREATE TYPE mood AS ENUM ('low', 'high')",
    "ALTER TYPE mood ADD VALUE 'middle' BEFORE 'high'",
    "CREATE CAST (int AS mood) WITH FUNCTION to_mood(int)",
    "CREATE OR REPLACE FUNCTION one() RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT 2'",
    "CREATE AGGREGATE total(int) (SFUNC = int4pl, STYPE = int)",
    "CREATE OR REPLACE VIEW nothing AS SELECT 2 AS a",
    "CREATE COLLATION c (provider = icu, locale = 'und-u-kn-true')",
    "CREATE DOMAIN positive AS int CHECK (VALUE > 0)",
];

async fn every_change_is_seen(server: &Postgres, with: &str) {
    let (url, db) = server.fresh_database();
    let sql = |text: &str| server.client(&db, &text.replace("{db}", &db), &[]);
    sql(
        "CREATE ROLE rep_{db}; CREATE ROLE payroll_{db}; CREATE TABLE orders (id int PRIMARY KEY);
         CREATE FUNCTION one() RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT 1';
         CREATE VIEW nothing AS SELECT 1 AS a;
         CREATE TEXT SEARCH DICTIONARY plain (TEMPLATE = simple);",
    );
    sql(with);
    let mut detector = watching(&url).await;
    for statement in DECIDES {
        if statement.contains("to_mood") {
            sql(
                "CREATE FUNCTION to_mood(int) RETURNS mood LANGUAGE sql AS $$ SELECT 'low'::mood $$",
            );
            detector.next().await.unwrap();
        }
        sql(statement);
        let seen = detector.next().await.unwrap();
        assert!(is_anything(&seen), "{statement}: {seen:?}");
        // Whatever comes after belongs to the next statement.
        assert_eq!(
            detector.next().await.unwrap(),
            Observation::Quiet,
            "{statement}"
        );
    }
}

#[tokio::test]
async fn postgres_log_sees_what_decides_an_answer() {
    let server = Postgres::start_logical();
    every_change_is_seen(&server, "CREATE PUBLICATION lookaside FOR ALL TABLES").await;
}

#[tokio::test]
async fn postgres_snapshots_see_what_decides_an_answer() {
    every_change_is_seen(&Postgres::start(), "").await;
}

#[tokio::test]
async fn postgres_setting_in_a_file_is_a_change() {
    for (server, with) in [
        (
            Postgres::start_logical(),
            "CREATE PUBLICATION lookaside FOR ALL TABLES",
        ),
        (Postgres::start(), "SELECT 1"),
    ] {
        let (url, db) = server.fresh_database();
        server.client(&db, with, &[]);
        let mut detector = watching(&url).await;
        server.client(&db, "ALTER SYSTEM SET bytea_output = escape", &[]);
        server.client(&db, "SELECT pg_reload_conf()", &[]);
        // The server tells its sessions a moment after the answer.
        let mut seen = Observation::Quiet;
        for _ in 0..100 {
            seen = detector.next().await.unwrap();
            if seen != Observation::Quiet {
                break;
            }
        }
        assert!(is_anything(&seen), "{seen:?}");
    }
}

#[tokio::test]
async fn postgres_standby_is_watched_by_what_it_replayed() {
    let primary = Postgres::start();
    primary.client(DATABASE, "CREATE TABLE orders (id int)", &[]);
    let standby = Postgres::start_standby(&primary);
    let mut detector = watching(&standby.url()).await;
    assert_eq!(detector.about().name, "PostgreSQL standby replay");
    primary.client(DATABASE, "INSERT INTO orders VALUES (1)", &[]);
    // The row, or what it took to write it: in the end the standby shows it, and that was seen.
    let source = source::open(&config(&standby.url())).unwrap();
    let mut seen = Vec::new();
    for _ in 0..10_000 {
        let shown = answer(&source, "SELECT count(*) FROM orders").await == "1";
        seen.push(detector.next().await.unwrap());
        if shown {
            break;
        }
    }
    assert!(seen.iter().any(is_anything), "{seen:?}");
    assert_eq!(answer(&source, "SELECT count(*) FROM orders").await, "1");
}

async fn answer(source: &Arc<dyn Source>, sql: &str) -> String {
    let rows = texts(&collect(source, query(sql)).await.unwrap());
    rows[0][0].clone().unwrap_or_default()
}

#[tokio::test]
async fn postgres_waiting_connection_takes_new_role_settings() {
    let server = Postgres::shared();
    let (_, db) = server.fresh_database();
    let sql = |text: &str| server.client(&db, &text.replace("{db}", &db), &[]);
    sql(
        "CREATE ROLE rep_{db} LOGIN PASSWORD 'rep'; CREATE SCHEMA one; CREATE SCHEMA two;
         CREATE TABLE one.t AS SELECT 1 AS n; CREATE TABLE two.t AS SELECT 2 AS n;
         GRANT USAGE ON SCHEMA one, two TO PUBLIC; GRANT SELECT ON one.t, two.t TO PUBLIC;
         ALTER ROLE rep_{db} SET search_path = one;",
    );
    let url = format!("postgres://rep_{db}:rep@127.0.0.1:{}/{db}", server.port);
    let source = source::open(&config(&url)).unwrap();
    // More than once: the connection waits for the next query.
    for _ in 0..3 {
        assert_eq!(answer(&source, "SELECT n FROM t").await, "1");
    }
    sql("ALTER ROLE rep_{db} SET search_path = two");
    assert_eq!(answer(&source, "SELECT n FROM t").await, "2");
    sql("ALTER ROLE rep_{db} RESET search_path; ALTER DATABASE {db} SET search_path = one");
    assert_eq!(answer(&source, "SELECT n FROM t").await, "1");
}

#[tokio::test]
async fn mariadb_waiting_connection_loses_what_was_revoked() {
    let server = MariaDb::shared();
    let (_, db) = server.fresh_database();
    let sql = |text: &str| server.client(&db, &text.replace("{db}", &db), &[]);
    sql(
        "CREATE TABLE t AS SELECT 1 AS n; CREATE USER 'rep_{db}'@'%' IDENTIFIED BY 'rep';
         GRANT SELECT ON *.* TO 'rep_{db}'@'%';",
    );
    let url = format!("mysql://rep_{db}:rep@127.0.0.1:{}/{db}", server.port);
    let source = source::open(&config(&url)).unwrap();
    for _ in 0..3 {
        assert_eq!(answer(&source, "SELECT n FROM t").await, "1");
    }
    sql("REVOKE SELECT ON *.* FROM 'rep_{db}'@'%'");
    let refused = collect(&source, query("SELECT n FROM t")).await;
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("may not use"), "{refused}");
}

#[tokio::test]
async fn mariadb_setting_of_the_server_is_a_change() {
    let server = MariaDb::start_logging(&[]);
    let (url, db) = server.fresh_database();
    let mut detector = watching(&url).await;
    for statement in [
        "SET GLOBAL max_sort_length = 64",
        "CREATE USER rep IDENTIFIED BY 'rep'",
        "GRANT SELECT ON *.* TO rep",
        "CREATE ROLE payroll",
        "GRANT payroll TO rep",
        "SET DEFAULT ROLE payroll FOR rep",
        "REVOKE payroll FROM rep",
        "CREATE FUNCTION one() RETURNS int DETERMINISTIC RETURN 1",
        "CREATE OR REPLACE FUNCTION one() RETURNS int DETERMINISTIC RETURN 2",
    ] {
        server.client(&db, statement, &[]);
        let seen = detector.next().await.unwrap();
        assert!(is_anything(&seen), "{statement}: {seen:?}");
    }
}

#[tokio::test]
async fn mariadb_cascade_is_followed_by_an_account_that_only_selects() {
    let server = MariaDb::start_logging(&[]);
    let (_, db) = server.fresh_database();
    let sql = |text: &str| server.client(&db, &text.replace("{db}", &db), &[]);
    sql("CREATE TABLE orders (id INT PRIMARY KEY);
         CREATE TABLE items (id INT PRIMARY KEY, o INT, FOREIGN KEY (o) REFERENCES orders(id) ON DELETE CASCADE);
         CREATE TABLE hidden (id INT PRIMARY KEY, o INT, FOREIGN KEY (o) REFERENCES orders(id) ON DELETE CASCADE);
         CREATE TABLE parcels (id INT PRIMARY KEY, h INT, FOREIGN KEY (h) REFERENCES hidden(id) ON DELETE CASCADE);
         CREATE TABLE parts (id INT PRIMARY KEY);
         CREATE USER rep IDENTIFIED BY 'rep'; GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO rep;
         GRANT SELECT ON orders TO rep; GRANT SELECT ON items TO rep; GRANT SELECT ON parcels TO rep;
         GRANT SELECT ON parts TO rep; INSERT INTO orders VALUES (1);");
    let url = format!("mysql://rep:rep@127.0.0.1:{}/{db}", server.port);
    let mut detector = watching(&url).await;
    assert_eq!(detector.about().name, "MariaDB binary log");
    sql("DELETE FROM orders");
    let seen = detector.next().await.unwrap();
    let Observation::Changed {
        tables: Touched::Tables(tables),
        ..
    } = seen
    else {
        panic!("{seen:?}");
    };
    // What the account may not see lies between orders and parcels: any change may change these.
    let tables: Vec<_> = tables.into_iter().collect();
    assert_eq!(tables, ["hidden", "items", "orders", "parcels"]);
}
