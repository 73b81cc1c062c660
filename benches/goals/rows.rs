//! Rows from the database into Arrow, against the driver alone, the database's own client, and connectorx.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use lookaside::workspace::SourceConfig;

use super::miss::{drained, streamed};
use super::{data, kit};

const SQL: &str = "SELECT * FROM things";

pub(crate) async fn run(small: bool) {
    let rows = if small { 20_000 } else { 1_000_000 };
    kit::head(
        &format!("rows into Arrow: {rows} rows"),
        "our source",
        "the other",
    );
    let rounds = if small { 3 } else { 5 };
    let (_folder, path) = data::sqlite(rows);
    let url = format!("sqlite:{}", path.display());
    let source = lookaside::source::open(&SourceConfig::new("bench", &url)).unwrap();
    let (mut ours, mut driver, mut client) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
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
    against_connectorx(
        "SQLite",
        &url,
        &format!("sqlite://{}", path.display()),
        rounds,
    )
    .await;
    let mariadb = data::mariadb(rows);
    let url = mariadb.url();
    let theirs = url.replacen("mariadb://", "mysql://", 1);
    against_connectorx("MariaDB", &url, &theirs, rounds).await;
    drop(mariadb);
    let postgres = data::postgres(rows);
    let url = postgres.url();
    let theirs = url.replacen("postgres://", "postgresql://", 1);
    against_connectorx("PostgreSQL", &url, &theirs, rounds).await;
}

/// connectorx is measured in its own program, Python: only its call is timed, not the start of the interpreter.
const CONNECTORX: &str = "
import sys, time
import connectorx, pyarrow
start = time.perf_counter()
table = connectorx.read_sql(sys.argv[1], sys.argv[2], return_type='arrow')
print((time.perf_counter() - start) * 1000, table.num_rows)
";

async fn against_connectorx(name: &str, url: &str, theirs: &str, rounds: usize) {
    let source = lookaside::source::open(&SourceConfig::new("bench", url)).unwrap();
    let (mut ours, mut other) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        match connectorx(theirs) {
            Some(time) => other.push(time),
            None => return,
        }
        ours.push(streamed(source.as_ref(), SQL).await);
    }
    kit::line(
        &format!("{name}: connectorx"),
        kit::median(ours),
        kit::median(other),
        Some(1.0),
    );
}

/// The time of one call in milliseconds, or none where Python has no connectorx.
fn connectorx(url: &str) -> Option<f64> {
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let output = Command::new(python)
        .args(["-c", CONNECTORX, url, SQL])
        .stderr(Stdio::piped())
        .output()
        .ok()?;
    if !output.status.success() {
        let error = String::from_utf8_lossy(&output.stderr);
        let last = error.trim().lines().last().unwrap_or_default();
        println!(
            "connectorx is not measured (pip install connectorx pyarrow; PYTHON names the interpreter): {last}"
        );
        return None;
    }
    let text = String::from_utf8(output.stdout).ok()?;
    text.split_whitespace().next()?.parse().ok()
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
