//! The same table `things` of eight mixed columns in each database.

use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use super::servers::{DATABASE, MariaDb, Postgres, stdout_of};

const TABLE: &str = "CREATE TABLE things (id BIGINT PRIMARY KEY, customer VARCHAR(40), city VARCHAR(40), amount DECIMAL(15,2),
  ratio DOUBLE PRECISION, day DATE, at TIMESTAMP NULL, paid BOOLEAN)";

/// A SQLite file with the table.
pub(crate) fn sqlite(rows: usize) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bench.db");
    let mut sqlite = Command::new("sqlite3");
    sqlite.arg(&path);
    stdout_of(
        sqlite,
        &format!(
            "CREATE TABLE things (id INTEGER PRIMARY KEY, customer TEXT, city TEXT, amount NUMERIC, ratio REAL, day TEXT,
               at TEXT, paid BOOLEAN);
             INSERT INTO things WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < {rows})
             SELECT i, printf('Customer#%09d', i * 7919 % 150000),
               CASE i % 8 WHEN 0 THEN NULL WHEN 1 THEN 'Lisbon, old town' ELSE 'Hamburg ' || (i % 50) END,
               i * 7919 % 10000000, (i * 7919 % 1000003) / 1e6, date('1995-01-01', (i % 2500) || ' days'),
               datetime(800000000 + i * 977, 'unixepoch'), i % 3 = 0 FROM c;"
        ),
    );
    (folder, path)
}

/// A MariaDB server with the table.
pub(crate) fn mariadb(rows: usize) -> MariaDb {
    let server = MariaDb::start();
    server.client(DATABASE, TABLE, &[]);
    server.client(
        DATABASE,
        &format!(
            "INSERT INTO things SELECT seq, CONCAT('Customer#', LPAD(seq * 7919 % 150000, 9, '0')),
               CASE seq % 8 WHEN 0 THEN NULL WHEN 1 THEN 'Lisbon, old town' ELSE CONCAT('Hamburg ', seq % 50) END,
               (seq * 7919 % 10000000) / 100, (seq * 7919 % 1000003) / 1e6, '1995-01-01' + INTERVAL (seq % 2500) DAY,
               FROM_UNIXTIME(800000000 + seq % 5000000), seq % 3 = 0 FROM seq_1_to_{rows}"
        ),
        &[],
    );
    server
}

/// A PostgreSQL server with the table.
pub(crate) fn postgres(rows: usize) -> Postgres {
    let server = Postgres::start();
    server.client(DATABASE, TABLE, &[]);
    server.client(
        DATABASE,
        &format!(
            "INSERT INTO things SELECT i, 'Customer#' || lpad((i * 7919 % 150000)::text, 9, '0'),
               CASE i % 8 WHEN 0 THEN NULL WHEN 1 THEN 'Lisbon, old town' ELSE 'Hamburg ' || (i % 50) END,
               (i * 7919 % 10000000) / 100.0, (i * 7919 % 1000003) / 1e6, date '1995-01-01' + (i % 2500)::int,
               to_timestamp(800000000 + i * 977), i % 3 = 0 FROM generate_series(1::bigint, {rows}) AS g(i)"
        ),
        &[],
    );
    server
}
