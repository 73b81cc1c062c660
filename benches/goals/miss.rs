//! A miss (query, fill, answer) against the same query by the driver alone, streamed and dropped.

use std::time::Instant;

use futures::TryStreamExt;
use lookaside::engine::Mode;
use lookaside::report::Params;
use lookaside::source::{Query, Source};
use lookaside::workspace::SourceConfig;
use sqlx::{Connection, Row};
use tokio_util::sync::CancellationToken;

use super::servers::Redis;
use super::{data, kit};

pub(crate) async fn run(small: bool) {
    kit::head("miss: query, fill and answer", "engine", "driver alone");
    let redis = Redis::start();
    let (_folder, path) = data::sqlite(if small { 20_000 } else { 600_000 });
    let source = lookaside::source::open(&SourceConfig::new(
        "bench",
        &format!("sqlite:{}", path.display()),
    ))
    .unwrap();
    let queries = [
        ("many rows", "SELECT * FROM things"),
        (
            "few rows of many",
            "SELECT city, count(*), sum(amount), avg(ratio) FROM things GROUP BY city, day ORDER BY 3",
        ),
    ];
    for (name, sql) in queries {
        let engine = kit::engine(&redis.url(), source.clone());
        let report = kit::report(sql);
        let (mut ours, mut alone, mut driver) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..if small { 3 } else { 7 } {
            driver.push(drained(&path, sql).await);
            alone.push(streamed(source.as_ref(), sql).await);
            redis.cli(&["FLUSHALL"]);
            let (outcome, _, all) = kit::ask(&engine, &report, Mode::Cached).await;
            assert_eq!(outcome, lookaside::engine::Outcome::Miss);
            ours.push(all);
        }
        let ours = kit::median(ours);
        kit::line(
            &format!("{name}: engine / sqlx"),
            ours,
            kit::median(driver),
            Some(1.10),
        );
        kit::line(
            &format!("{name}: engine / our source into Arrow"),
            ours,
            kit::median(alone),
            None,
        );
    }
}

/// The driver alone: every value of every row is looked at once, and dropped.
pub(crate) async fn drained(path: &std::path::Path, sql: &str) -> f64 {
    let mut connection = sqlx::SqliteConnection::connect(&format!("sqlite:{}", path.display()))
        .await
        .unwrap();
    let start = Instant::now();
    let mut rows = sqlx::query(sqlx::AssertSqlSafe(sql)).fetch(&mut connection);
    while let Some(row) = rows.try_next().await.unwrap() {
        for i in 0..row.len() {
            std::hint::black_box(row.try_get_raw(i).unwrap());
        }
    }
    kit::millis(start.elapsed())
}

/// Our source alone, into Arrow, dropped.
pub(crate) async fn streamed(source: &dyn Source, sql: &str) -> f64 {
    let start = Instant::now();
    let query = Query {
        sql: sql.to_owned(),
        params: Params::default(),
        timeout: None,
        trusted: false,
    };
    let mut rows = source.run(query, CancellationToken::new()).await.unwrap();
    while let Some(batch) = rows.stream.next().await {
        std::hint::black_box(batch.unwrap());
    }
    kit::millis(start.elapsed())
}
