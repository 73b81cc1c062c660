//! The demo's load into SQL Server, against a server that reads what a bulk insert sends. Whether SQL Server takes it is for
//! `source_mssql.rs`.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use lookaside::demo::{Demo, Options, load};
use tokio_util::sync::CancellationToken;

use crate::replay::{Manners, Recordings, Replay};
use crate::source_postgres::{collect, query, texts};

const SCALE: f64 = 0.01;

fn replay() -> Replay {
    let manners = Manners {
        describes: true,
        snapshot: true,
    };
    Replay::start(&Recordings::load(), manners)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_row_goes_by_bulk_insert_as_it_is_in_the_other_demo() {
    let replay = replay();
    replay.take_tables();
    let workspace = load(
        &replay.url(),
        SCALE,
        false,
        |_| {},
        CancellationToken::new(),
    )
    .await
    .unwrap();
    assert_eq!(workspace.reports.len(), 8);
    let heard = replay.heard();
    let position = |part: &str| heard.iter().position(|sql| sql.contains(part));
    assert!(position("BEGIN TRANSACTION") < position("CREATE TABLE"));
    assert!(
        heard
            .iter()
            .any(|sql| sql.starts_with("CREATE VIEW order_facts"))
    );
    assert_eq!(heard.last().map(String::as_str), Some("COMMIT"));
    let marks = heard
        .iter()
        .filter(|sql| sql.contains("sp_addextendedproperty"));
    assert_eq!(marks.count(), 8);

    let folder = tempfile::tempdir().unwrap();
    let options = Options {
        scale: SCALE,
        orders_per_minute: 0,
        folder: Some(folder.path().to_owned()),
    };
    let demo = Demo::start(options, |_| {}, CancellationToken::new())
        .await
        .unwrap();
    let shop = lookaside::source::open(&demo.workspace.sources["shop"]).unwrap();
    let tables = replay.tables();
    assert_eq!(tables.len(), 8);
    for table in tables {
        let sql = format!("SELECT * FROM {}", table.name);
        let other = texts(&collect(&shop, query(&sql)).await.unwrap());
        let mut found: BTreeMap<Vec<String>, i64> = BTreeMap::new();
        for row in other {
            let cells = row.into_iter().map(Option::unwrap).collect();
            *found.entry(cells).or_default() += 1;
        }
        let rows = table.rows.len();
        assert!(rows > 4, "{} has {rows} rows", table.name);
        // SQLite has cents where SQL Server has a decimal.
        let decimals = table.decimals();
        for mut row in table.rows {
            for at in &decimals {
                row[*at] = row[*at]
                    .replace('.', "")
                    .parse::<i64>()
                    .unwrap()
                    .to_string();
            }
            *found.entry(row).or_default() -= 1;
        }
        found.retain(|_, count| *count != 0);
        let first: Vec<_> = found.iter().take(3).collect();
        assert!(first.is_empty(), "{}: {first:?}", table.name);
    }
}

#[tokio::test]
async fn the_servers_own_databases_are_not_loaded_into() {
    let replay = replay();
    replay.take_tables();
    replay.say_number("DB_NAME() IN", 1);
    let url = replay.url().replace("/recdb", "");
    let error = load(&url, SCALE, true, |_| {}, CancellationToken::new())
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("names no database") && error.contains("mssql://user@host/shop"),
        "{error}"
    );
    assert!(!error.contains("recorded-password"), "{error}");
    assert!(replay.tables().is_empty());
}

#[tokio::test]
async fn a_sign_in_that_fails_is_one_sentence() {
    let replay = replay();
    let url = replay.url().replace("recorded-password", "wr0ng");
    let error = load(&url, SCALE, true, |_| {}, CancellationToken::new())
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("refused the password of recorded_user (18456); correct user or password"),
        "{error}"
    );
    assert_eq!(error.matches(';').count(), 1, "{error}");
}
