//! The source against recorded answers, and against a server that misbehaves.
//!
//! These tests stand beside the source because they run what it would refuse: recorded statements that write.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod failures;
mod hostile;
mod lexer;
mod mock;
mod recordings;
#[path = "../../../../tests/tds/replay/mod.rs"]
mod replay;
mod snapshot;
mod walls;

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{MsSql, address};
use crate::report::Params;
use crate::source::job::{Limits, Listener};
use crate::source::server::Server;
use crate::source::{Query, SourceError};
use crate::table::{Table, text};
use crate::workspace::SourceConfig;

/// What came of a statement.
struct Outcome {
    result: Result<Table, SourceError>,
    notices: Vec<String>,
}

impl Outcome {
    fn rows(&self) -> Vec<Vec<Option<String>>> {
        texts(self.result.as_ref().unwrap())
    }

    fn error(&self) -> String {
        self.result.as_ref().unwrap_err().to_string()
    }
}

fn config(url: &str) -> SourceConfig {
    SourceConfig::new("shop", url)
}

fn mssql(url: &str) -> MsSql {
    let (settings, address) = address::read(&config(url)).unwrap();
    MsSql { settings, address }
}

/// Runs a statement as the source does, but for the look whether it writes.
async fn run(server: &MsSql, sql: &str) -> Outcome {
    let query = Query {
        sql: sql.to_owned(),
        params: Params::default(),
        timeout: None,
        trusted: false,
    };
    let limits = Limits::start(CancellationToken::new(), Duration::from_mins(1));
    let (mut listener, answered) = Listener::new();
    let times = listener.times.clone();
    let all = async {
        let result = attempt(server, &query, &limits, &mut listener).await;
        listener.end(result);
    };
    let read = async {
        let rows = Listener::answered(answered).await?;
        rows.stream.collect().await
    };
    let (result, ()) = tokio::join!(read, all);
    Outcome {
        result,
        notices: times.notices(),
    }
}

async fn attempt(
    server: &MsSql,
    query: &Query,
    limits: &Limits,
    listener: &mut Listener,
) -> Result<(), SourceError> {
    let mut statement = server.statement(query)?;
    let mut link = server.connect().await?;
    server.begin(&mut link, limits).await?;
    let result = server
        .stream(&mut link, &mut statement, limits, listener)
        .await;
    if !matches!(
        result,
        Err(SourceError::Lost(_) | SourceError::Other(_) | SourceError::Writes(_))
    ) {
        assert!(server.reset(&mut link, &statement).await, "{}", query.sql);
    }
    result
}

/// Every row as text.
fn texts(table: &Table) -> Vec<Vec<Option<String>>> {
    let mut rows = Vec::new();
    for batch in &table.batches {
        let columns: Vec<_> = batch.columns().iter().map(text::Column::new).collect();
        for row in 0..batch.num_rows() {
            let cells = columns
                .iter()
                .map(|column| Some(column.text(row)?.into_owned()));
            rows.push(cells.collect());
        }
    }
    rows
}

/// Waits for what another task or thread does.
async fn until(is_so: impl Fn() -> bool) {
    let begun = std::time::Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_mins(1), "it never came");
        tokio::task::yield_now().await;
    }
}
