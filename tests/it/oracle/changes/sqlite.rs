//! SQLite under random changes: a file with a rollback journal that is also replaced as a whole, one with a write-ahead
//! log, and one whose changes triggers count.

use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use rand::rngs::StdRng;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode};
use sqlx::{AssertSqlSafe, ConnectOptions};

use super::plan::{Kind, fixed};
use super::reader::Claim;
use super::{Changing, Plan, run, run_and_expect_none_wrong};

const REPORTS: &[(&str, &str)] = &[
    ("plain", "SELECT count(*), sum(n) FROM orders"),
    (
        "join",
        "SELECT o.id, sum(i.n) FROM orders o JOIN items i ON i.order_id = o.id GROUP BY o.id ORDER BY o.id",
    ),
    ("view over view", "SELECT * FROM order_totals ORDER BY 1"),
    ("cascade", "SELECT count(*), sum(n) FROM items"),
    ("generated column", "SELECT sum(twice) FROM doubled"),
    ("written by a trigger", "SELECT count(*), sum(n) FROM trail"),
    ("star", "SELECT * FROM wide ORDER BY id"),
    ("swapped tables", "SELECT count(*), sum(n) FROM prices"),
    (
        "full text",
        "SELECT rowid FROM docs WHERE docs MATCH 'running' ORDER BY rowid",
    ),
    (
        "table function",
        "SELECT count(*) FROM orders, json_each('[1, 2]')",
    ),
];

const SETUP: &str = "
CREATE TABLE orders (id INTEGER PRIMARY KEY, n INT);
CREATE TABLE items (id INTEGER PRIMARY KEY, order_id INT REFERENCES orders (id) ON DELETE CASCADE, n INT);
CREATE VIEW order_items AS SELECT o.id AS order_id, i.n FROM orders o JOIN items i ON i.order_id = o.id;
CREATE VIEW order_totals AS SELECT order_id, sum(n) AS total FROM order_items GROUP BY order_id;
CREATE TABLE doubled (id INTEGER PRIMARY KEY, n INT, twice INT AS (n * 2));
CREATE TABLE trail (n INT);
CREATE TRIGGER trail AFTER UPDATE ON doubled BEGIN INSERT INTO trail VALUES (NEW.n); END;
CREATE TABLE wide (id INTEGER PRIMARY KEY, n INT, t TEXT);
CREATE TABLE prices (id INTEGER PRIMARY KEY, n INT);
CREATE TABLE next_prices (id INTEGER PRIMARY KEY, n INT);
CREATE VIRTUAL TABLE docs USING fts5(body);
WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < 20) INSERT INTO orders SELECT i, i FROM s;
INSERT INTO items SELECT id, id, n FROM orders; INSERT INTO doubled (id, n) SELECT id, n FROM orders;
INSERT INTO wide SELECT id, n, 't' FROM orders; INSERT INTO prices SELECT id, n FROM orders;
INSERT INTO next_prices SELECT id, n * 2 FROM orders; INSERT INTO docs SELECT 'running ' || id FROM orders";

/// Statements in capitals without SQL are done to the files.
const KINDS: &[(&str, &[&str])] = &[
    (
        "rows",
        &[
            "INSERT INTO orders VALUES ({id}, {n}) ON CONFLICT (id) DO UPDATE SET n = {n}",
            "UPDATE orders SET n = n + 1 WHERE id % 3 = {id} % 3",
            "REPLACE INTO items VALUES ({id}, 1, {n})",
            "UPDATE doubled SET n = {n} WHERE id = {id}",
            "UPDATE wide SET n = {n}",
            "UPDATE prices SET n = {n}",
            "UPDATE docs SET body = 'walking {n}' WHERE rowid = {id}",
            "UPDATE docs SET body = 'running {n}' WHERE rowid = {id}",
            "DELETE FROM trail",
        ],
    ),
    (
        "cascade",
        &[
            "DELETE FROM orders WHERE id = {id}",
            "INSERT OR IGNORE INTO orders SELECT id, n FROM doubled",
            "INSERT OR IGNORE INTO items SELECT id, id, {n} FROM orders",
        ],
    ),
    (
        "rolled back",
        &["BEGIN; UPDATE orders SET n = n + 50; DELETE FROM items; ROLLBACK"],
    ),
    (
        "savepoint",
        &[
            "BEGIN; UPDATE orders SET n = {n} WHERE id = 1; SAVEPOINT a; UPDATE orders SET n = 0; ROLLBACK TO a; COMMIT",
        ],
    ),
    (
        "views",
        &[
            "DROP VIEW order_items;;CREATE VIEW order_items AS SELECT o.id AS order_id, i.n + {n} AS n FROM orders o JOIN items i ON i.order_id = o.id",
        ],
    ),
    (
        "columns",
        &[
            "ALTER TABLE wide ADD COLUMN extra INT DEFAULT {n}",
            "ALTER TABLE wide RENAME COLUMN t TO words",
            "ALTER TABLE wide RENAME COLUMN words TO t",
            "ALTER TABLE wide DROP COLUMN extra",
        ],
    ),
    (
        "tables",
        &[
            "BEGIN; ALTER TABLE prices RENAME TO old; ALTER TABLE next_prices RENAME TO prices; ALTER TABLE old RENAME TO next_prices; COMMIT",
            "DROP TABLE prices",
            "CREATE TABLE prices AS SELECT id, n + {n} AS n FROM next_prices",
        ],
    ),
    (
        "maintenance",
        &[
            "VACUUM",
            "ANALYZE",
            "REINDEX",
            "PRAGMA user_version = {n}",
            "PRAGMA wal_checkpoint(TRUNCATE)",
            "PRAGMA optimize",
        ],
    ),
    (
        "file replaced by a copy",
        &[
            "FORK;;UPDATE orders SET n = n + 3;;WAIT;;COPY",
            "FORK;;UPDATE orders SET n = n + 4;;WAIT;;COPY",
        ],
    ),
    (
        "file replaced by a rename",
        &["FORK;;UPDATE orders SET n = n + 5;;WAIT;;MOVE"],
    ),
];

struct Sqlite {
    name: &'static str,
    lines: &'static str,
    reports: &'static [(&'static str, &'static str)],
    journal: SqliteJournalMode,
    file: PathBuf,
    session: SqliteConnection,
    lasting: SqliteConnection,
    folder: tempfile::TempDir,
}

impl Sqlite {
    async fn new(name: &'static str, journal: SqliteJournalMode, lines: &'static str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("shop.db");
        let mut session = connect(&file, journal).await;
        sqlx::raw_sql(SETUP).execute(&mut session).await.unwrap();
        Self {
            name,
            lines,
            reports: REPORTS,
            journal,
            lasting: connect(&file, journal).await,
            file,
            session,
            folder,
        }
    }

    /// A copy of the file with another content and, after the next commit to the file itself, the same count of changes.
    async fn fork(&self) {
        let fork = self.folder.path().join("fork.db");
        std::fs::copy(&self.file, &fork).unwrap();
        let mut session = connect(&fork, self.journal).await;
        let other = "UPDATE orders SET n = n + 1000 WHERE id < 9";
        sqlx::raw_sql(other).execute(&mut session).await.unwrap();
    }
}

async fn connect(file: &std::path::Path, journal: SqliteJournalMode) -> SqliteConnection {
    SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .foreign_keys(true)
        .journal_mode(journal)
        .busy_timeout(Duration::from_secs(5))
        .connect()
        .await
        .unwrap()
}

#[async_trait]
impl Changing for Sqlite {
    const NAME: &'static str = "SQLite";

    fn sources(&self) -> Vec<(&'static str, String)> {
        let url = format!("url = \"sqlite:{}\"\n{}", self.file.display(), self.lines);
        vec![(self.name, url)]
    }

    fn reports(&self) -> Vec<(&'static str, &'static str, &'static str, &'static str)> {
        let wrong = |name: &str| {
            if name == "wrong tables" {
                "tables = [\"items\"]"
            } else {
                ""
            }
        };
        let reports = self.reports.iter();
        reports
            .map(|(name, sql)| (self.name, *name, wrong(name), *sql))
            .collect()
    }

    fn kinds(&self, _: &mut StdRng) -> Vec<Kind> {
        let mut kinds = fixed(KINDS);
        // A log beside the file belongs to the file that was.
        kinds.retain(|kind| {
            self.journal != SqliteJournalMode::Wal || !kind.name.starts_with("file replaced")
        });
        kinds
    }

    async fn begin(&mut self) {
        self.session = connect(&self.file, self.journal).await;
    }

    async fn change(&mut self, statement: &str, lasting: bool) -> Result<(), String> {
        let fork = self.folder.path().join("fork.db");
        match statement {
            "FORK" => self.fork().await,
            // The detector looks at the file that is replaced then.
            "WAIT" => tokio::time::sleep(Duration::from_millis(300)).await,
            "COPY" => drop(std::fs::copy(&fork, &self.file).unwrap()),
            "MOVE" => std::fs::rename(&fork, &self.file).unwrap(),
            sql => {
                let session = if lasting {
                    &mut self.lasting
                } else {
                    &mut self.session
                };
                sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
                    .execute(&mut *session)
                    .await
                    .map_err(|error| error.to_string())?;
            }
        }
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_file_random_changes_are_never_missed() {
    run_and_expect_none_wrong(Sqlite::new("file", SqliteJournalMode::Delete, "").await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_log_random_changes_are_never_missed() {
    run_and_expect_none_wrong(Sqlite::new("log", SqliteJournalMode::Wal, "").await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_trigger_random_changes_are_never_missed() {
    run_and_expect_none_wrong(
        Sqlite::new("counted", SqliteJournalMode::Wal, "triggers = true").await,
    )
    .await;
}

/// A report whose tables are named wrongly by its user is called fresh although it is not: the oracle must notice that,
/// and nothing else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn oracle_notices_a_report_with_wrong_tables() {
    let mut seed = 1;
    // On a busy machine few changes fit into ten seconds, and other seeds follow.
    let figures = loop {
        let mut database = Sqlite::new("file", SqliteJournalMode::Wal, "triggers = true").await;
        database.reports = &[
            ("plain", "SELECT count(*), sum(n) FROM orders"),
            ("wrong tables", "SELECT sum(n), count(*) FROM orders"),
        ];
        let figures = run(database, Plan { seconds: 10, seed }).await;
        if !figures.wrong.is_empty() || seed == 6 {
            break figures;
        }
        seed += 1;
    };
    assert!(figures.claimed(Claim::Fresh) > 0);
    assert!(!figures.wrong.is_empty(), "{figures}");
    let wrong = figures
        .wrong
        .keys()
        .find(|(report, _)| &**report != "file wrong tables");
    assert_eq!(wrong, None, "{figures}");
}
