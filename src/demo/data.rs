//! The SQLite file with the demo's data: made once for each scale, whole or not at all.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::error::BoxDynError;
use sqlx::sqlite::{
    SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqliteLockingMode, SqliteSynchronous,
};
use sqlx::{Arguments as _, AssertSqlSafe, Connection as _, Executor as _, SqliteConnection};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::tables::{Cell, Rows, TABLES, Table, expected_rows};
use super::{DemoError, Progress, schema};
use crate::report::Dialect;

/// Goes into the file's name: a file of another layout is never taken for this one.
const LAYOUT: u32 = 1;

/// SQLite's limit on placeholders is 32,766; statements of this many rows stay well below and are as fast.
const ROWS_PER_STATEMENT: usize = 256;

/// Bytes of the file at scale 1, indices included, with some room.
const BYTES_PER_SCALE: f64 = 1.6e9;

/// A small one for tests.
const SMALL_SCALE: f64 = 0.01;

/// Others. Below, TPC-H has so few suppliers that it may give a part the same one twice.
const SCALES: std::ops::RangeInclusive<f64> = 0.025..=100.0;

/// The folder where the data lies unless the user names another.
pub(super) fn default_folder() -> Result<PathBuf, DemoError> {
    directories::ProjectDirs::from("", "", "lookaside")
        .map(|dirs| dirs.data_dir().join("demo"))
        .ok_or_else(|| {
            DemoError(
                "there is no home folder to keep the demo's data in; set HOME or XDG_DATA_HOME"
                    .to_owned(),
            )
        })
}

/// The data file for `scale`, which is made where it is missing.
pub(super) async fn ensure(
    folder: &Path,
    scale: f64,
    progress: &(impl Fn(Progress) + Send + Sync),
    cancel: &CancellationToken,
) -> Result<PathBuf, DemoError> {
    check_scale(scale)?;
    let path = folder.join(format!("shop-v{LAYOUT}-scale-{scale}.sqlite"));
    std::fs::create_dir_all(folder).map_err(|error| cannot(folder, &error))?;
    let lock_path = path.with_extension("lock");
    let lock = File::create(&lock_path).map_err(|error| cannot(&lock_path, &error))?;
    wait_for(&lock, &lock_path, progress, cancel).await?;
    // Under the lock, nobody else is making it, and whoever was has finished or died.
    if path.exists() {
        return Ok(path);
    }
    check_room(folder, scale)?;
    let making = path.with_extension("making");
    remove(&making);
    let made = make(&making, scale, progress, cancel).await;
    if let Err(error) = made {
        remove(&making);
        return Err(error);
    }
    std::fs::rename(&making, &path).map_err(|error| cannot(&path, &error))?;
    Ok(path)
}

/// Refuses a scale that the generator cannot or should not make.
pub fn check_scale(scale: f64) -> Result<(), DemoError> {
    if scale.to_bits() == SMALL_SCALE.to_bits() || SCALES.contains(&scale) {
        return Ok(());
    }
    Err(DemoError(format!(
        "the scale {scale} is out of range; choose {SMALL_SCALE}, or one from {} to {} (0.1 takes seconds, 1 is 6 million \
         order lines)",
        SCALES.start(),
        SCALES.end()
    )))
}

/// Waits while another program makes the same file.
async fn wait_for(
    lock: &File,
    path: &Path,
    progress: &(impl Fn(Progress) + Send + Sync),
    cancel: &CancellationToken,
) -> Result<(), DemoError> {
    loop {
        match lock.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::Error(error)) => return Err(cannot(path, &error)),
            Err(TryLockError::WouldBlock) => {}
        }
        progress(Progress {
            what: "Waiting for another Lookaside that makes the same data".to_owned(),
            fraction: 0.0,
        });
        tokio::select! {
            () = cancel.cancelled() => return Err(cancelled()),
            () = tokio::time::sleep(Duration::from_millis(200)) => {}
        }
    }
}

/// Finding out before minutes of work is kinder than after; a disk that fills meanwhile is still handled.
fn check_room(folder: &Path, scale: f64) -> Result<(), DemoError> {
    let needed = (BYTES_PER_SCALE * scale) as u64;
    let Ok(disk) = rustix::fs::statvfs(folder) else {
        return Ok(());
    };
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    if free >= needed {
        return Ok(());
    }
    Err(DemoError(format!(
        "the demo's data at scale {scale} needs about {} MB, but only {} MB are free in {}; free some space, choose a \
         smaller scale, or set XDG_DATA_HOME to a folder on another disk",
        needed.div_ceil(1_000_000),
        free / 1_000_000,
        folder.display()
    )))
}

async fn make(
    path: &Path,
    scale: f64,
    progress: &(impl Fn(Progress) + Send + Sync),
    cancel: &CancellationToken,
) -> Result<(), DemoError> {
    let failed = |error: sqlx::Error| explain(path, &error);
    // Nobody reads the file before it is whole, and a half-made one is thrown away: no journal, no waiting for the disk.
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .page_size(8192)
        .journal_mode(SqliteJournalMode::Off)
        .synchronous(SqliteSynchronous::Off)
        .locking_mode(SqliteLockingMode::Exclusive)
        .pragma("cache_size", "-131072");
    let mut connection = SqliteConnection::connect_with(&options)
        .await
        .map_err(failed)?;
    for statement in schema::create_tables(Dialect::Sqlite) {
        connection
            .execute(AssertSqlSafe(statement))
            .await
            .map_err(failed)?;
    }
    // The indices and statistics take about as long as a quarter of the rows.
    let total = expected_rows(scale) as f64 * 1.25;
    let mut done = 0.0;
    connection.execute("BEGIN").await.map_err(failed)?;
    for table in &TABLES {
        let (mut statements, generator) = generate(table, scale);
        let full = insert(table, ROWS_PER_STATEMENT);
        while let Some((rows, arguments)) = statements.recv().await {
            let sql = if rows == ROWS_PER_STATEMENT {
                full.clone()
            } else {
                insert(table, rows)
            };
            unless(
                cancel,
                sqlx::query_with(AssertSqlSafe(sql), arguments).execute(&mut connection),
            )
            .await?
            .map_err(failed)?;
            done += rows as f64;
            progress(Progress {
                what: format!("Making {}", table.name),
                fraction: (done / total).min(0.8) as f32,
            });
        }
        match generator.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                return Err(DemoError(format!(
                    "the TPC-H generator failed on {}: {error}",
                    table.name
                )));
            }
            Err(error) => {
                return Err(DemoError(format!(
                    "the TPC-H generator failed on {}: {error}",
                    table.name
                )));
            }
        }
    }
    connection.execute("COMMIT").await.map_err(failed)?;
    let finish = schema::finish(Dialect::Sqlite);
    let step = 0.2 / finish.len() as f32;
    for (i, statement) in finish.into_iter().enumerate() {
        progress(Progress {
            what: "Making indices".to_owned(),
            fraction: 0.8 + step * i as f32,
        });
        unless(cancel, connection.execute(AssertSqlSafe(statement)))
            .await?
            .map_err(failed)?;
    }
    // Readers and the writer of new orders then do not block each other.
    connection
        .execute("PRAGMA locking_mode = NORMAL")
        .await
        .map_err(failed)?;
    connection
        .execute("PRAGMA synchronous = NORMAL")
        .await
        .map_err(failed)?;
    connection
        .execute("PRAGMA journal_mode = WAL")
        .await
        .map_err(failed)?;
    connection.close().await.map_err(failed)?;
    File::open(path)
        .and_then(|file| file.sync_all())
        .map_err(|error| cannot(path, &error))
}

/// Waits for `work` unless the user cancels. SQLite's own thread then still ends the statement it is at, in a file
/// that has no name any more.
async fn unless<T>(
    cancel: &CancellationToken,
    work: impl Future<Output = T>,
) -> Result<T, DemoError> {
    tokio::select! {
        biased;
        () = cancel.cancelled() => Err(cancelled()),
        result = work => Ok(result),
    }
}

type Statements = mpsc::Receiver<(usize, SqliteArguments)>;
type Generator = tokio::task::JoinHandle<Result<(), BoxDynError>>;

/// Generates a table's rows on a thread of their own, so that generating and inserting share two cores.
fn generate(table: &'static Table, scale: f64) -> (Statements, Generator) {
    let (sender, receiver) = mpsc::channel(8);
    let generator = tokio::task::spawn_blocking(move || {
        for rows in table.generate(scale) {
            let rows = rows?;
            for first in (0..rows.len()).step_by(ROWS_PER_STATEMENT) {
                let count = ROWS_PER_STATEMENT.min(rows.len() - first);
                if sender
                    .blocking_send((count, bind(table, &rows, first, count)?))
                    .is_err()
                {
                    return Ok(());
                }
            }
        }
        Ok(())
    });
    (receiver, generator)
}

fn bind(
    table: &Table,
    rows: &Rows,
    first: usize,
    count: usize,
) -> Result<SqliteArguments, BoxDynError> {
    let mut arguments = SqliteArguments::default();
    arguments.reserve(count * table.columns, 0);
    for row in first..first + count {
        for cell in rows.row(row) {
            match cell {
                Cell::Integer(value) | Cell::Hundredths(value) => arguments.add(value)?,
                Cell::Text(value) | Cell::Date(value) => arguments.add(value)?,
            }
        }
    }
    Ok(arguments)
}

fn insert(table: &Table, rows: usize) -> String {
    let row = format!("({})", vec!["?"; table.columns].join(","));
    format!(
        "INSERT INTO {} VALUES {}",
        table.name,
        vec![row.as_str(); rows].join(",")
    )
}

fn remove(path: &Path) {
    for suffix in ["", "-journal", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        // It is usually not there.
        let _ = std::fs::remove_file(PathBuf::from(name));
    }
}

fn cancelled() -> DemoError {
    DemoError(
        "making the demo's data was cancelled; what was made so far has been removed".to_owned(),
    )
}

fn cannot(path: &Path, error: &std::io::Error) -> DemoError {
    if error.kind() == std::io::ErrorKind::StorageFull {
        return full(path);
    }
    DemoError(format!(
        "cannot write the demo's data to {}: {error}; check the folder's permissions",
        path.display()
    ))
}

fn full(path: &Path) -> DemoError {
    DemoError(format!(
        "the disk filled up while the demo's data was written to {}; free some space or choose a smaller scale",
        path.display()
    ))
}

/// SQLite's error about the data file as one sentence.
pub(super) fn explain(path: &Path, error: &sqlx::Error) -> DemoError {
    const SQLITE_FULL: u32 = 13;
    const SQLITE_BUSY: u32 = 5;
    let code = error
        .as_database_error()
        .and_then(|error| error.code()?.parse::<u32>().ok());
    // The low byte is the kind of error, the rest tells more about it.
    match code.map(|code| code & 0xff) {
        Some(SQLITE_FULL) => full(path),
        Some(SQLITE_BUSY) => DemoError(format!(
            "another program holds {} locked; close it and try again",
            path.display()
        )),
        _ => DemoError(format!(
            "SQLite failed on {}: {error}; delete the file to have it made again",
            path.display()
        )),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    async fn count(path: &Path, sql: &'static str) -> i64 {
        let options = SqliteConnectOptions::new().filename(path).read_only(true);
        let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
        sqlx::query_scalar(sql)
            .fetch_one(&mut connection)
            .await
            .unwrap()
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[tokio::test]
    async fn the_file_is_made_once_and_holds_every_row() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(
            folder.path().join("shop-v1-scale-0.01.making"),
            "left by a program that was killed",
        )
        .unwrap();
        let none = CancellationToken::new();
        let path = ensure(folder.path(), 0.01, &|_| {}, &none).await.unwrap();
        assert_eq!(
            names(folder.path()),
            ["shop-v1-scale-0.01.lock", "shop-v1-scale-0.01.sqlite"]
        );
        for table in &TABLES {
            let made: usize = table.generate(0.01).map(|rows| rows.unwrap().len()).sum();
            let sql: &'static str = format!("SELECT count(*) FROM {}", table.name).leak();
            assert_eq!(count(&path, sql).await, made as i64, "{}", table.name);
        }
        // The view rounds each line to the cent, half up, as the others do with decimals.
        let different = "SELECT count(*) FROM lineitem JOIN order_facts ON o_orderkey = l_orderkey AND                          order_facts.l_linenumber = lineitem.l_linenumber WHERE abs(revenue_cents -                          l_extendedprice * (100 - l_discount) / 100.0) > 0.5";
        assert_eq!(count(&path, different).await, 0);
        let modified = std::fs::metadata(&path).unwrap().modified().unwrap();
        let asked = std::sync::atomic::AtomicBool::new(false);
        ensure(
            folder.path(),
            0.01,
            &|_| asked.store(true, std::sync::atomic::Ordering::Relaxed),
            &none,
        )
        .await
        .unwrap();
        assert!(!asked.into_inner(), "it was made again");
        assert_eq!(
            std::fs::metadata(&path).unwrap().modified().unwrap(),
            modified
        );
    }

    #[tokio::test]
    async fn cancelling_leaves_nothing_but_the_lock() {
        let folder = tempfile::tempdir().unwrap();
        let cancel = CancellationToken::new();
        let cancelled = cancel.clone();
        let progress = move |progress: Progress| {
            if progress.what.contains("lineitem") {
                cancelled.cancel();
            }
        };
        let error = ensure(folder.path(), 0.01, &progress, &cancel)
            .await
            .unwrap_err();
        assert!(error.0.contains("cancelled"), "{error}");
        assert_eq!(names(folder.path()), ["shop-v1-scale-0.01.lock"]);
    }

    #[tokio::test]
    async fn two_at_once_make_one_file() {
        let folder = tempfile::tempdir().unwrap();
        let none = CancellationToken::new();
        let nothing = |_| {};
        let (a, b) = tokio::join!(
            ensure(folder.path(), 0.01, &nothing, &none),
            ensure(folder.path(), 0.01, &nothing, &none)
        );
        assert_eq!(a.unwrap(), b.unwrap());
    }

    #[tokio::test]
    async fn a_folder_that_cannot_be_written_is_one_sentence() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        let error = ensure(&file.join("demo"), 0.01, &|_| {}, &CancellationToken::new())
            .await
            .unwrap_err();
        assert!(
            error.0.starts_with("cannot write the demo's data to "),
            "{error}"
        );
    }

    #[test]
    fn scales_out_of_range_are_refused() {
        for scale in [0.0, -1.0, 0.012, 1e9, f64::NAN] {
            assert!(check_scale(scale).unwrap_err().0.contains("out of range"));
        }
    }
}
