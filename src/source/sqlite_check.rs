//! The connection test of a SQLite file, step by step.

use std::time::Instant;

use sqlx::Row;
use sqlx::sqlite::SqliteConnection;

use super::sqlite::Sqlite;
use super::sqlite_error as errors;
use super::{CheckResult, CheckStep, SourceCheck, SourceError};

/// Opens the file and tries what reports need.
pub(super) async fn look(
    file: &Sqlite,
    progress: &(dyn Fn(CheckStep) + Send + Sync),
) -> SourceCheck {
    let mut check = SourceCheck::default();
    let mut step = |what: &str, result: CheckResult, detail: String| {
        let step = CheckStep {
            what: what.to_owned(),
            result,
            detail,
        };
        progress(step.clone());
        check.steps.push(step);
    };
    let began = Instant::now();
    let opened = file.connect().await;
    let mut connection = match opened {
        Ok(connection) => connection,
        Err(error) => {
            step(
                "Open the file read-only",
                CheckResult::Failed(error.to_string()),
                file.path.display().to_string(),
            );
            return check;
        }
    };
    step(
        "Open the file read-only",
        CheckResult::Ok,
        crate::human::duration(began.elapsed()),
    );

    let version = one_text(&mut connection, "SELECT sqlite_version()").await;
    let readable = one_text(
        &mut connection,
        "SELECT count(*) FROM sqlite_schema WHERE type IN ('table', 'view')",
    )
    .await;
    let ok = match readable {
        Ok(count) => {
            step(
                "Read the schema",
                CheckResult::Ok,
                match count.parse() {
                    Ok(count) => crate::human::plural(count, "table or view", "tables and views"),
                    Err(_) => count,
                },
            );
            true
        }
        Err(error) => {
            step(
                "Read the schema",
                CheckResult::Failed(error.to_string()),
                String::new(),
            );
            false
        }
    };
    if ok {
        let mode = one_text(&mut connection, "PRAGMA journal_mode")
            .await
            .unwrap_or_default();
        let result = if mode.eq_ignore_ascii_case("wal") {
            CheckResult::Ok
        } else {
            CheckResult::Warning(
                "a running report keeps writers waiting; run PRAGMA journal_mode = WAL once on this file".to_owned(),
            )
        };
        step(
            "Let reports and writers work side by side",
            result,
            format!("journal mode {mode}"),
        );
    }
    check.ok = ok;
    check.server_version = version.ok().map(|version| format!("SQLite {version}"));
    check
}

/// The first value of a query of ours, as text.
async fn one_text(
    connection: &mut SqliteConnection,
    sql: &'static str,
) -> Result<String, SourceError> {
    let row = sqlx::query(sql)
        .fetch_one(connection)
        .await
        .map_err(|error| errors::on_run(&error, None))?;
    row.try_get_unchecked::<String, _>(0)
        .map_err(|error| errors::on_run(&error, None))
}
