//! A SQLite file that something other than SQLite writes: what the detector sees, and what a report then reads.
#![allow(clippy::unwrap_used)]

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lookaside::detector::{self, Detector, Observation, Touched};
use lookaside::source::{self, Source};

use crate::detector::config;
use crate::servers::stdout_of;
use crate::source_postgres::{cell, query};

fn sqlite3(file: &Path, sql: &str) -> String {
    let mut command = std::process::Command::new("sqlite3");
    command.arg("-bail").arg(file);
    stdout_of(command, sql)
}

/// A file, and another with as many commits, the same size and other rows.
struct Twins {
    folder: tempfile::TempDir,
    source: Arc<dyn Source>,
    detector: Box<dyn Detector>,
}

impl Twins {
    async fn new(journal: &str, triggers: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, n) in [("shop.db", 1), ("new.db", 2)] {
            let sql = format!(
                "PRAGMA journal_mode = {journal}; CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER); INSERT INTO t VALUES (1, {n});"
            );
            sqlite3(&folder.path().join(name), &sql);
        }
        let mut config = config(&format!(
            "sqlite:{}",
            folder.path().join("shop.db").display()
        ));
        config.triggers = triggers;
        let source = source::open(&config).unwrap();
        let mut detector = detector::watch(&config, &source);
        let first = detector.next().await.unwrap();
        assert!(matches!(first, Observation::Gap { .. }), "{first:?}");
        assert_eq!(detector.next().await.unwrap(), Observation::Quiet);
        Self {
            folder,
            source,
            detector,
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The counter of changes in the header, and the version that it is valid for.
    fn counters(&self, name: &str) -> (Vec<u8>, Vec<u8>) {
        let bytes = std::fs::read(self.file(name)).unwrap();
        (bytes[24..28].to_vec(), bytes[92..96].to_vec())
    }

    async fn n(&self) -> Option<String> {
        cell(&self.source, query("SELECT n FROM t")).await
    }

    async fn sees_everything_changed(&mut self, what: &str) {
        let seen = self.detector.next().await.unwrap();
        let all = Observation::Changed {
            tables: Touched::All,
            position: None,
            committed_at: None,
        };
        assert_eq!(seen, all, "{what}");
        assert_eq!(
            self.detector.next().await.unwrap(),
            Observation::Quiet,
            "{what}"
        );
    }
}

/// Writes one file over another: the inode stays.
fn write_over(from: &Path, to: &Path) {
    let bytes = std::fs::read(from).unwrap();
    let mut file = File::options().write(true).truncate(true).open(to).unwrap();
    file.write_all(&bytes).unwrap();
}

#[tokio::test]
async fn file_replaced_in_place_is_a_change_of_all() {
    for (journal, triggers) in [
        ("delete", false),
        ("delete", true),
        ("truncate", false),
        ("wal", false),
    ] {
        let mut twins = Twins::new(journal, triggers).await;
        if !triggers {
            assert_eq!(
                twins.counters("shop.db"),
                twins.counters("new.db"),
                "{journal}"
            );
        }
        assert_eq!(twins.n().await.as_deref(), Some("1"), "{journal}");
        write_over(&twins.file("new.db"), &twins.file("shop.db"));
        twins.sees_everything_changed(journal).await;
        assert_eq!(twins.n().await.as_deref(), Some("2"), "{journal}");
        // The connection is that of the new file: the next commit is seen, and is no gap.
        sqlite3(&twins.file("shop.db"), "UPDATE t SET n = 3");
        let seen = twins.detector.next().await.unwrap();
        assert!(
            matches!(seen, Observation::Changed { .. }),
            "{journal}: {seen:?}"
        );
        assert_eq!(twins.n().await.as_deref(), Some("3"), "{journal}");
    }
}

#[tokio::test]
async fn restored_time_of_a_replaced_file_hides_nothing() {
    let mut twins = Twins::new("delete", false).await;
    let shop = twins.file("shop.db");
    let before = std::fs::metadata(&shop).unwrap();
    write_over(&twins.file("new.db"), &shop);
    let file = File::options().write(true).open(&shop).unwrap();
    file.set_modified(before.modified().unwrap()).unwrap();
    drop(file);
    let after = std::fs::metadata(&shop).unwrap();
    assert_eq!(
        (before.len(), before.modified().unwrap()),
        (after.len(), after.modified().unwrap())
    );
    twins.sees_everything_changed("the time is as it was").await;
}

#[tokio::test]
async fn file_moved_over_the_old_one_is_a_gap() {
    let mut twins = Twins::new("delete", false).await;
    std::fs::rename(twins.file("new.db"), twins.file("shop.db")).unwrap();
    let blind = twins.detector.next().await.unwrap_err();
    assert!(
        blind.to_string().contains("another file took the place"),
        "{blind}"
    );
    let seen = twins.detector.next().await.unwrap();
    assert!(matches!(seen, Observation::Gap { .. }), "{seen:?}");
    assert_eq!(twins.n().await.as_deref(), Some("2"));
}

#[tokio::test]
async fn backup_restored_by_sqlite_is_a_change() {
    let mut twins = Twins::new("delete", false).await;
    let (shop, new) = (twins.file("shop.db"), twins.file("new.db"));
    sqlite3(&shop, &format!(".restore {}", new.display()));
    let seen = twins.detector.next().await.unwrap();
    assert!(matches!(seen, Observation::Changed { .. }), "{seen:?}");
    assert_eq!(twins.n().await.as_deref(), Some("2"));
}
