//! The same data in a MySQL, MariaDB, PostgreSQL or SQL Server database that the user owns.
//!
//! The rule that keeps the user's tables safe: every table made here carries a comment that says so. Where a table or
//! view of the same name is already there, nothing is done; with `replace`, tables with that comment are made again,
//! and one without it still stops everything. A load that is cancelled or fails takes away what it made.

mod database;
mod mssql;
mod text;

use tokio_util::sync::CancellationToken;

use super::tables::{TABLES, expected_rows};
use super::{DemoError, Progress, data, reports_for, schema};
use crate::report::Dialect;
use crate::workspace::{CacheConfig, ConnectionUrl, SourceConfig, Workspace};
use database::Database;

/// The comment on every table made here.
const MARK: &str = "Lookaside demo data (TPC-H)";

/// Loads the data at `scale` into the database that `url` names, and returns a workspace over it with the sample
/// reports for its dialect.
pub async fn load(
    url: &str,
    scale: f64,
    replace: bool,
    progress: impl Fn(Progress) + Send + Sync + 'static,
    cancel: CancellationToken,
) -> Result<Workspace, DemoError> {
    data::check_scale(scale)?;
    let url = ConnectionUrl::new(url);
    let dialect = match url.dialect() {
        Some(dialect @ (Dialect::MySql | Dialect::Postgres | Dialect::MsSql)) => dialect,
        Some(Dialect::Sqlite) => {
            return Err(DemoError(
                "the demo makes its own SQLite file; --load is for mysql://, mariadb://, postgres:// and mssql:// URLs".to_owned(),
            ));
        }
        None => {
            return Err(DemoError(format!(
                "{url} is no database the demo can be loaded into; give a mysql://, mariadb://, postgres:// or mssql:// URL"
            )));
        }
    };
    let mut database = Database::open(&url, dialect).await?;
    let there = database.existing().await?;
    refuse_unless_ours(&there, replace)?;
    let work = fill(&mut database, &there, scale, &progress);
    let done = tokio::select! {
        biased;
        () = cancel.cancelled() => Err(DemoError("loading was cancelled; what was loaded has been removed".to_owned())),
        done = work => done,
    };
    if let Err(error) = done {
        return Err(match database.undo().await {
            Ok(()) => error,
            Err(undo) => DemoError(format!(
                "{error}; what was loaded could not be removed ({undo}), load again with --replace"
            )),
        });
    }
    // No watermark: it would take the place of a detector that sees every change.
    let source = SourceConfig::new("shop", url.expose());
    Ok(Workspace {
        name: "shop".to_owned(),
        path: None,
        cache: CacheConfig {
            url: ConnectionUrl::new("redis://127.0.0.1:6379/0"),
            prefix: CacheConfig::PREFIX.to_owned(),
            memory: CacheConfig::MEMORY,
        },
        sources: [("shop".to_owned(), source)].into(),
        reports: reports_for(dialect, "shop"),
        broken: Vec::new(),
    })
}

/// A table or view of the demo's names that is already in the database.
#[derive(Debug)]
struct Existing {
    name: String,
    is_view: bool,
    /// Whether it carries our comment. Views cannot in MySQL: one goes with the tables it reads.
    ours: bool,
}

fn refuse_unless_ours(there: &[Existing], replace: bool) -> Result<(), DemoError> {
    if there.is_empty() {
        return Ok(());
    }
    let names = |existing: &mut dyn Iterator<Item = &Existing>| {
        existing
            .map(|existing| existing.name.as_str())
            .collect::<Vec<_>>()
            .join(", ")
    };
    let tables = || there.iter().filter(|existing| !existing.is_view);
    let foreign = names(&mut tables().filter(|table| !table.ours));
    if !foreign.is_empty() || tables().next().is_none() {
        let foreign = if foreign.is_empty() {
            names(&mut there.iter())
        } else {
            foreign
        };
        return Err(DemoError(format!(
            "the database already has {foreign}, which the demo did not make and will not touch; load into a database of \
             its own"
        )));
    }
    if replace {
        return Ok(());
    }
    Err(DemoError(format!(
        "the database already has the demo's {}; add --replace to make them again",
        names(&mut there.iter())
    )))
}

async fn fill(
    database: &mut Database,
    there: &[Existing],
    scale: f64,
    progress: &(impl Fn(Progress) + Send + Sync),
) -> Result<(), DemoError> {
    let dialect = database.dialect();
    database.begin().await?;
    for existing in there.iter().filter(|existing| existing.is_view) {
        database
            .execute(format!("DROP VIEW {}", existing.name))
            .await?;
    }
    for existing in there.iter().filter(|existing| !existing.is_view) {
        database
            .execute(format!("DROP TABLE {}", existing.name))
            .await?;
    }
    for (table, create) in TABLES.iter().zip(schema::create_tables(dialect)) {
        if dialect == Dialect::MySql {
            database
                .execute(format!("{create} COMMENT = '{MARK}'"))
                .await?;
        } else {
            database.execute(create).await?;
            database.mark(table.name).await?;
        }
    }
    let total = expected_rows(scale) as f64 * 1.25;
    let mut done = 0.0;
    for table in &TABLES {
        let (mut chunks, generator) = text::generate(table, scale, dialect);
        database.begin_table().await?;
        while let Some((rows, text)) = chunks.recv().await {
            database.insert(table.name, text).await?;
            done += rows as f64;
            progress(Progress {
                what: format!("Loading {}", table.name),
                fraction: (done / total).min(0.8) as f32,
            });
        }
        database.end_table().await?;
        generator
            .await
            .map_err(|error| error.to_string())
            .and_then(|generated| generated.map_err(|error| error.to_string()))
            .map_err(|error| {
                DemoError(format!(
                    "the TPC-H generator failed on {}: {error}",
                    table.name
                ))
            })?;
    }
    let finish = schema::finish(dialect);
    let step = 0.2 / finish.len() as f32;
    for (i, statement) in finish.into_iter().enumerate() {
        progress(Progress {
            what: "Making indices".to_owned(),
            fraction: 0.8 + step * i as f32,
        });
        database.execute(statement).await?;
    }
    database.commit().await
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn existing(name: &str, is_view: bool, ours: bool) -> Existing {
        Existing {
            name: name.to_owned(),
            is_view,
            ours,
        }
    }

    #[test]
    fn only_our_own_tables_are_replaced() {
        let refused = |there: &[Existing], replace| {
            refuse_unless_ours(there, replace)
                .err()
                .map(|error| error.0)
        };
        assert_eq!(refused(&[], false), None);
        let ours = [
            existing("orders", false, true),
            existing("order_facts", true, false),
        ];
        assert!(refused(&ours, false).unwrap().contains("add --replace"));
        assert_eq!(refused(&ours, true), None);
        let theirs = [
            existing("orders", false, false),
            existing("part", false, true),
        ];
        for replace in [false, true] {
            assert!(
                refused(&theirs, replace)
                    .unwrap()
                    .contains("already has orders, which the demo did not make")
            );
        }
        // A view alone cannot be ours.
        assert!(
            refused(&[existing("order_facts", true, false)], true)
                .unwrap()
                .contains("will not touch")
        );
    }

    #[tokio::test]
    async fn other_databases_are_refused_before_anything_is_done() {
        for (url, words) in [
            ("sqlite:shop.db", "its own SQLite file"),
            ("oracle://u:secret@h/d", "is no database"),
        ] {
            let error = load(url, 0.01, false, |_| {}, CancellationToken::new())
                .await
                .unwrap_err()
                .0;
            assert!(
                error.contains(words) && !error.contains("secret"),
                "{error}"
            );
        }
    }
}
