//! Which tables of a SQLite file changed: triggers count each table's writes in one small table of ours.
//!
//! They are put into the user's file only where the source says `triggers = true`. Each table gets three triggers
//! (insert, update, delete) that add one to its row in `lookaside_changes`; the count is part of the writer's own
//! transaction, so a rollback takes it back. The price is one small update for each row written. `remove` takes
//! everything out again. A table without our triggers (a virtual table, one made a moment ago) is not told apart and
//! counts as changed with every commit.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection};

/// The counter table. Its rows: table name, number of rows ever written.
const COUNTERS: &str = "lookaside_changes";
/// Every trigger of ours has a name that begins with this.
const OURS: &str = "lookaside_";

/// Counts by table, for the tables that have all three triggers.
pub(super) type Counts = BTreeMap<String, i64>;

/// Puts triggers where they are missing and takes out those that do not fit the schema any more.
///
/// Writes nothing where everything is in place.
pub(super) async fn install(file: &Path) -> Result<(), sqlx::Error> {
    let mut connection = writer(file).await?;
    let mut tx = connection.begin_with("BEGIN IMMEDIATE").await?;
    let (wanted, present) = (wanted(&tables(&mut tx).await?), present(&mut tx).await?);
    let counters: i64 =
        sqlx::query_scalar("SELECT COUNT(*) FROM sqlite_schema WHERE type = 'table' AND name = ?1")
            .bind(COUNTERS)
            .fetch_one(&mut *tx)
            .await?;
    if counters == 1
        && wanted
            .iter()
            .map(|(name, (_, sql))| (name, sql))
            .eq(present.iter())
    {
        return tx.rollback().await;
    }
    run(&mut tx, format!("CREATE TABLE IF NOT EXISTS {COUNTERS} (tbl TEXT PRIMARY KEY, n INTEGER NOT NULL) WITHOUT ROWID"))
        .await?;
    for (name, sql) in &present {
        if wanted.get(name).is_none_or(|(_, right)| right != sql) {
            run(&mut tx, format!("DROP TRIGGER {}", quoted(name))).await?;
        }
    }
    for (name, (table, sql)) in &wanted {
        if present.get(name) != Some(sql) {
            run(&mut tx, sql.clone()).await?;
        }
        sqlx::query("INSERT OR IGNORE INTO lookaside_changes (tbl, n) VALUES (?1, 0)")
            .bind(table)
            .execute(&mut *tx)
            .await?;
    }
    tx.commit().await?;
    connection.close().await
}

/// Takes our triggers and the counter table out of the file; the number of triggers there were.
pub(super) async fn remove(file: &Path) -> Result<usize, sqlx::Error> {
    let mut connection = writer(file).await?;
    let mut tx = connection.begin_with("BEGIN IMMEDIATE").await?;
    let present = present(&mut tx).await?;
    for name in present.keys() {
        run(&mut tx, format!("DROP TRIGGER {}", quoted(name))).await?;
    }
    run(&mut tx, format!("DROP TABLE IF EXISTS {COUNTERS}")).await?;
    tx.commit().await?;
    connection.close().await?;
    Ok(present.len())
}

/// The counts of every table that has all its triggers, as the transaction of `connection` sees them.
pub(super) async fn counts(connection: &mut SqliteConnection) -> Result<Counts, sqlx::Error> {
    let present = present(connection).await?;
    if present.is_empty() {
        return Ok(Counts::new());
    }
    let wanted = wanted(&tables(connection).await?);
    let mut whole: BTreeMap<&str, usize> = BTreeMap::new();
    for (name, (table, sql)) in &wanted {
        if present.get(name) == Some(sql) {
            *whole.entry(table).or_default() += 1;
        }
    }
    let rows: Vec<(String, i64)> = sqlx::query_as("SELECT tbl, n FROM lookaside_changes")
        .fetch_all(&mut *connection)
        .await?;
    Ok(rows
        .into_iter()
        .filter(|(table, _)| whole.get(table.as_str()) == Some(&WRITES.len()))
        .collect())
}

/// The kinds of write that a trigger can count.
const WRITES: [&str; 3] = ["insert", "update", "delete"];

/// Each trigger's name, with its table and its exact text.
fn wanted(tables: &BTreeSet<String>) -> BTreeMap<String, (String, String)> {
    let one = |table: &String, write: &str| {
        let name = format!("{OURS}{table}_{write}");
        let sql = format!(
            "CREATE TRIGGER {} AFTER {} ON {} BEGIN UPDATE {COUNTERS} SET n = n + 1 WHERE tbl = '{}'; END",
            quoted(&name),
            write.to_uppercase(),
            quoted(table),
            table.replace('\'', "''"),
        );
        (name, (table.clone(), sql))
    };
    tables
        .iter()
        .flat_map(|table| WRITES.map(|write| one(table, write)))
        .collect()
}

/// Base tables that can have triggers.
async fn tables(connection: &mut SqliteConnection) -> Result<BTreeSet<String>, sqlx::Error> {
    let names: Vec<String> = sqlx::query_scalar(
        "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table'",
    )
    .fetch_all(connection)
    .await?;
    Ok(names
        .into_iter()
        .filter(|name| !name.starts_with("sqlite_") && name != COUNTERS)
        .collect())
}

/// Our triggers as they stand in the file.
async fn present(
    connection: &mut SqliteConnection,
) -> Result<BTreeMap<String, String>, sqlx::Error> {
    let all: Vec<(String, String)> =
        sqlx::query_as("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'")
            .fetch_all(connection)
            .await?;
    // The name alone could be a user's; the body is not.
    Ok(all
        .into_iter()
        .filter(|(name, sql)| name.starts_with(OURS) && sql.contains(COUNTERS))
        .collect())
}

async fn writer(file: &Path) -> Result<SqliteConnection, sqlx::Error> {
    // Foreign keys and journal mode are the user's business: nothing here depends on them.
    let options = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(false)
        .busy_timeout(Duration::from_secs(2));
    SqliteConnection::connect_with(&options).await
}

async fn run(connection: &mut SqliteConnection, sql: String) -> Result<(), sqlx::Error> {
    // Every name in it went through `quoted`, and came out of the schema of this very file.
    sqlx::raw_sql(AssertSqlSafe(sql))
        .execute(connection)
        .await
        .map(|_| ())
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_table_name_stays_a_name() {
        let tables = BTreeSet::from(["o'rders\"; DROP TABLE x".to_owned()]);
        let wanted = wanted(&tables);
        assert_eq!(wanted.len(), 3);
        for (_, sql) in wanted.values() {
            assert!(sql.contains("ON \"o'rders\"\"; DROP TABLE x\""), "{sql}");
            assert!(sql.contains("tbl = 'o''rders\"; DROP TABLE x'"), "{sql}");
        }
    }
}
