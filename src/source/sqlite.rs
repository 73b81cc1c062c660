//! SQLite: one connection a query, opened read-only, its rows read by a task of their own.
//!
//! A fresh connection sees the file that is there now, also where it was replaced. Its one SELECT is its own snapshot,
//! taken at the first read. The progress handler ends a query that is cancelled, abandoned or too slow, wherever the
//! virtual machine is.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures::stream::BoxStream;
use sqlx::sqlite::{SqliteArguments, SqliteConnectOptions, SqliteConnection, SqliteRow};
use sqlx::{
    Arguments, AssertSqlSafe, Column, ConnectOptions, Connection, Executor, Row, SqlSafeStr,
    Statement,
};
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio_util::sync::CancellationToken;

use super::job::{Limits, Places};
use super::sqlite_error as errors;
use super::sqlite_rows::Batcher;
use super::{
    CheckStep, Query, Rows, Source, SourceCheck, SourceError, SourceTimes, bind, readonly,
    sqlite_check,
};
use crate::report::{Catalogue, Dialect, Rendered, SourceIdentity, Value, line_column};
use crate::table::{BatchSender, BatchStream};
use crate::workspace::SourceConfig;

/// Instructions of the virtual machine between two looks at whether to stop: some hundred microseconds.
const OPS_BETWEEN_LOOKS: i32 = 10_000;

/// Rows that sqlx may hold between its thread and ours. More saves switches between them, and costs memory where
/// cells are large.
const ROWS_BETWEEN: usize = 128;

/// How long the thread of a query may take to stop.
const STOPPING: Duration = Duration::from_secs(1);

/// How long to wait for a writer that holds the file locked.
const BUSY: Duration = Duration::from_secs(5);

/// A SQLite file.
pub(super) struct Sqlite {
    pub(super) path: PathBuf,
    identity: SourceIdentity,
    places: Places,
    timeout: Duration,
}

impl Sqlite {
    /// A source over the file of the URL; nothing is opened yet.
    pub(super) fn new(config: &SourceConfig) -> Result<Self, SourceError> {
        let path = config
            .url
            .sqlite_path()
            .filter(|path| !path.as_os_str().is_empty());
        let path = path
            .and_then(|path| std::path::absolute(path).ok())
            .ok_or_else(|| {
                SourceError::Connect(format!(
                    "the URL of source \"{}\" names no file; write sqlite:FILE",
                    config.name
                ))
            })?;
        let identity = SourceIdentity {
            kind: "sqlite".to_owned(),
            server: path.display().to_string(),
            database: String::new(),
            user: String::new(),
            session: Vec::new(),
        };
        let places = Places::new(config.max_concurrent_queries);
        Ok(Self {
            path,
            identity,
            places,
            timeout: config.query_timeout,
        })
    }

    pub(super) async fn connect(&self) -> Result<SqliteConnection, SourceError> {
        // SQLite's own message does not tell these apart.
        match std::fs::metadata(&self.path) {
            Err(error) => {
                return Err(SourceError::Connect(format!(
                    "the SQLite file {} cannot be opened: {}; check the source's URL",
                    self.path.display(),
                    crate::human::io_words(&error)
                )));
            }
            Ok(found) if !found.is_file() => {
                return Err(SourceError::Connect(format!(
                    "{} is not a file; check the source's URL",
                    self.path.display()
                )));
            }
            Ok(_) => {}
        }
        let options = SqliteConnectOptions::new()
            .filename(&self.path)
            .read_only(true)
            .create_if_missing(false)
            .busy_timeout(BUSY)
            .row_buffer_size(ROWS_BETWEEN)
            .pragma("query_only", "ON")
            .disable_statement_logging();
        options
            .connect()
            .await
            .map_err(|error| errors::on_open(error, &self.path))
    }
}

#[async_trait]
impl Source for Sqlite {
    fn identity(&self) -> &SourceIdentity {
        &self.identity
    }

    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    async fn run(&self, query: Query, cancel: CancellationToken) -> Result<Rows, SourceError> {
        let refusal = readonly::judge(&query, Dialect::Sqlite)?;
        let template = bind::template(&query.sql, Dialect::Sqlite)?;
        let rendered = template
            .render(&query.params, "SELECT NULL WHERE 0", |number, _| {
                format!("?{number}")
            })
            .map_err(|error| SourceError::Param(error.0))?;

        let times = Arc::new(SourceTimes::default());
        let began = Instant::now();
        let limit = query.timeout.unwrap_or(self.timeout);
        let place = self.places.take(&cancel, limit).await?;
        let limits = Limits::start(cancel, limit).checked(query.trusted, refusal);
        let connection = limits
            .unless_over(std::future::pending(), self.connect())
            .await?;
        times.set_pool(began.elapsed());

        let (reply, answer) = oneshot::channel();
        let run = Run {
            connection,
            original: query.sql,
            rendered,
            limits,
            times,
            stop: StopOnDrop(Arc::new(AtomicBool::new(false))),
            place,
        };
        tokio::spawn(run.until_the_end(reply));
        answer.await.unwrap_or_else(|_| {
            Err(SourceError::Other(
                "the query's task ended early; run the report again".to_owned(),
            ))
        })
    }

    async fn catalogue(&self) -> Result<Catalogue, SourceError> {
        tokio::time::timeout(self.timeout, self.read_catalogue())
            .await
            .unwrap_or(Err(SourceError::Timeout(self.timeout)))
    }

    async fn check(&self, progress: &(dyn Fn(CheckStep) + Send + Sync)) -> SourceCheck {
        sqlite_check::look(self, progress).await
    }
}

impl Sqlite {
    async fn read_catalogue(&self) -> Result<Catalogue, SourceError> {
        let mut connection = self.connect().await?;
        let rows = sqlx::query(
            "SELECT type, name, sql FROM sqlite_schema WHERE type IN ('table', 'view')",
        )
        .fetch_all(&mut connection)
        .await
        .map_err(|error| errors::on_run(&error, None))?;
        let mut catalogue = Catalogue {
            default_schema: "main".to_owned(),
            ..Catalogue::default()
        };
        for row in rows {
            let text = |i: usize| row.try_get::<String, _>(i).unwrap_or_default();
            let (kind, name, sql) = (text(0), text(1), text(2));
            let is_virtual = sql
                .get(..14)
                .is_some_and(|start| start.eq_ignore_ascii_case("CREATE VIRTUAL"));
            if kind == "view" {
                catalogue.views.insert(name, sql);
            // What these read is in the file, and the detector sees that something in it changed.
            } else if is_virtual {
                catalogue
                    .unclear
                    .insert(name, "is a virtual table".to_owned());
            } else if name.starts_with("sqlite_") {
                let why = "is a table of SQLite's own".to_owned();
                catalogue.unclear.insert(name, why);
            } else {
                catalogue.tables.insert(name);
            }
        }
        Ok(catalogue)
    }
}

/// Ends the query also where its task is dropped with the whole runtime.
struct StopOnDrop(Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// One query on its way.
struct Run {
    connection: SqliteConnection,
    original: String,
    rendered: Rendered,
    limits: Limits,
    times: Arc<SourceTimes>,
    stop: StopOnDrop,
    place: OwnedSemaphorePermit,
}

type Reply = oneshot::Sender<Result<Rows, SourceError>>;

impl Run {
    /// Answers with the first batch's columns, then sends every batch. Whatever ends it, the connection is closed
    /// before the place is given back.
    async fn until_the_end(mut self, mut reply: Reply) {
        let began = Instant::now();
        let limits = self.limits.clone();
        let stopped = limits.over();
        tokio::pin!(stopped);

        let prepared = tokio::select! {
            prepared = self.prepare() => Some(prepared),
            error = &mut stopped => Some(Err(error)),
            () = reply.closed() => None,
        };
        let mut batcher = match prepared {
            Some(Ok(batcher)) => batcher,
            Some(Err(error)) => {
                self.end().await;
                let _ = reply.send(Err(error));
                return;
            }
            None => return self.end().await,
        };
        let arguments = arguments(&self.rendered.values);
        let sql = AssertSqlSafe(self.rendered.sql.clone());
        let mut rows = sqlx::query_with(sql, arguments).fetch(&mut self.connection);
        let first = tokio::select! {
            first = batcher.next(&mut rows) => Some(first),
            error = &mut stopped => Some(Err(Failed::Ours(error))),
            () = reply.closed() => None,
        };
        self.times
            .set_query(batcher.first_row.unwrap_or_else(Instant::now) - began);
        let mut batch = match first {
            Some(Ok(batch)) => batch,
            Some(Err(error)) => {
                drop(rows);
                let error = self.explain(error).await;
                self.end().await;
                let _ = reply.send(Err(error));
                return;
            }
            None => {
                drop(rows);
                self.end().await;
                return;
            }
        };

        let (sender, stream) = BatchStream::channel(batcher.schema(), 2);
        let times = Arc::clone(&self.times);
        let _ = reply.send(Ok(Rows {
            stream,
            times: Arc::clone(&times),
        }));
        let first_row = batcher.first_row.unwrap_or_else(Instant::now);
        let sending = send_all(&sender, &mut batch, &mut batcher, &mut rows);
        let sent = tokio::select! {
            sent = sending => Some(sent),
            error = &mut stopped => Some(Err(Failed::Ours(error))),
            () = sender.closed() => None,
        };
        drop(rows);
        times.set_fetch(first_row.elapsed());
        match sent {
            Some(Ok(())) => {
                self.end().await;
                sender.finish();
            }
            Some(Err(error)) => {
                let error = self.explain(error).await;
                self.end().await;
                sender.fail(error);
            }
            None => self.end().await,
        }
    }

    /// Sets the brake, and learns the columns.
    async fn prepare(&mut self) -> Result<Batcher, SourceError> {
        let stop = Arc::clone(&self.stop.0);
        self.connection
            .lock_handle()
            .await
            .map_err(|error| errors::on_run(&error, None))?
            .set_progress_handler(OPS_BETWEEN_LOOKS, move || !stop.load(Ordering::Relaxed));
        let sql = AssertSqlSafe(self.rendered.sql.clone()).into_sql_str();
        match self.connection.prepare(sql).await {
            Ok(statement) => self.limits.refuse().map(|()| {
                Batcher::new(statement.columns().iter().map(|column| {
                    (
                        column.name().to_owned(),
                        sqlx::TypeInfo::name(column.type_info()).to_owned(),
                    )
                }))
            }),
            Err(error) => Err(self.explain(Failed::Theirs(error)).await),
        }
    }

    /// The error with its place in the report's SQL.
    async fn explain(&mut self, failed: Failed) -> SourceError {
        let error = match failed {
            Failed::Ours(error) => return error,
            Failed::Theirs(error) => error,
        };
        let place = errors::place(&error, &self.rendered.sql, &mut self.connection);
        let at = tokio::time::timeout(STOPPING, place).await.ok().flatten();
        let position = at.map(|at| line_column(&self.original, self.rendered.original(at)));
        errors::on_run(&error, position)
    }

    /// Stops the virtual machine, and waits for its thread, but not longer than a caller can be kept waiting: a function
    /// that does not come back (a pattern of LIKE with many wildcards) cannot be stopped. Its place stays taken.
    async fn end(self) {
        self.stop.0.store(true, Ordering::Relaxed);
        let Self {
            connection,
            place,
            stop,
            ..
        } = self;
        let closing = tokio::spawn(async move {
            if let Err(error) = connection.close().await {
                tracing::debug!("closing a SQLite connection: {error}");
            }
            drop((place, stop));
        });
        if tokio::time::timeout(STOPPING, closing).await.is_err() {
            tracing::warn!(
                "a query on a SQLite file cannot be stopped; it keeps its place until it ends"
            );
        }
    }
}

/// Why a query did not run to its end.
pub(super) enum Failed {
    /// We stopped it.
    Ours(SourceError),
    /// The database did.
    Theirs(sqlx::Error),
}

async fn send_all(
    sender: &BatchSender<SourceError>,
    batch: &mut Option<arrow::record_batch::RecordBatch>,
    batcher: &mut Batcher,
    rows: &mut BoxStream<'_, Result<SqliteRow, sqlx::Error>>,
) -> Result<(), Failed> {
    while let Some(ready) = batch.take() {
        if !sender.send(ready).await {
            return Ok(());
        }
        *batch = batcher.next(rows).await?;
    }
    Ok(())
}

/// SQLite has neither decimals nor dates: a decimal is bound as the number that the same digits are in SQL, a date
/// and a timestamp as the text that its date functions make, an instant in UTC.
fn arguments(values: &[Value]) -> SqliteArguments {
    let mut arguments = SqliteArguments::default();
    for value in values {
        let added = match value {
            Value::Null | Value::NullOf(_) | Value::List(_) => arguments.add(None::<i64>),
            Value::Text(text) => arguments.add(text.clone()),
            Value::Integer(number) => arguments.add(*number),
            Value::Float(number) => arguments.add(*number),
            Value::Boolean(truth) => arguments.add(i64::from(*truth)),
            Value::Decimal(digits) => match (digits.parse::<i64>(), digits.parse::<f64>()) {
                (Ok(number), _) => arguments.add(number),
                (_, Ok(number)) => arguments.add(number),
                _ => arguments.add(digits.clone()),
            },
            Value::TimestampUtc(at) => arguments.add(Value::Timestamp(at.naive_utc()).text()),
            Value::Date(_) | Value::Timestamp(_) => arguments.add(value.text()),
        };
        debug_assert!(added.is_ok(), "plain values always encode");
    }
    arguments
}
