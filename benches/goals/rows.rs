//! Rows from the database into Arrow, against the driver alone and the database's own client.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use lookaside::workspace::SourceConfig;
use tempfile::TempDir;

use super::kit;
use super::miss::{drained, streamed};
use super::servers::stdout_of;

const SQL: &str = "SELECT * FROM things";

pub(crate) async fn run(small: bool) {
    let rows = if small { 20_000 } else { 1_000_000 };
    kit::head(
        &format!("rows into Arrow: {rows} rows of SQLite"),
        "our source",
        "the other",
    );
    let (_folder, path) = sqlite_file(rows);
    let source = lookaside::source::open(&SourceConfig::new(
        "bench",
        &format!("sqlite:{}", path.display()),
    ))
    .unwrap();
    let (mut ours, mut driver, mut client) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..if small { 3 } else { 5 } {
        ours.push(streamed(source.as_ref(), SQL).await);
        driver.push(drained(&path, SQL).await);
        client.push(sqlite3_csv(&path, Path::new("/dev/null")));
    }
    let ours = kit::median(ours);
    kit::line(
        "SQLite: sqlx, values dropped",
        ours,
        kit::median(driver),
        None,
    );
    kit::line(
        "SQLite: sqlite3 -csv > /dev/null",
        ours,
        kit::median(client),
        None,
    );
}

/// A SQLite file with a table `things` of eight mixed columns.
pub(crate) fn sqlite_file(rows: usize) -> (TempDir, PathBuf) {
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

/// `sqlite3 -csv` from query to file.
pub(crate) fn sqlite3_csv(path: &Path, to: &Path) -> f64 {
    let start = Instant::now();
    let status = Command::new("sqlite3")
        .args(["-csv", "-header"])
        .arg(path)
        .arg(SQL)
        .stdout(Stdio::from(std::fs::File::create(to).unwrap()))
        .status()
        .unwrap();
    assert!(status.success());
    kit::millis(start.elapsed())
}
