//! How does a connection begin, and how is what it does ended?

use std::borrow::Cow;
use std::time::Duration;

use futures::TryStreamExt;
use tiberius::error::Error;
use tiberius::{Client, QueryItem, SqlBrowser};
use tokio::net::TcpStream;
use tokio_util::compat::{Compat, TokioAsyncWriteCompatExt};

use super::address::Settings;
use super::decode::text;
use crate::source::job::Limits;
use crate::source::server::{BETWEEN_LOOKS, GRACE, LOOKS};

/// Every setting of a session that changes what a SELECT answers, as we set it for each query. They are part of the
/// entry key, and what SQL Server's own tools set.
pub(super) const SESSION: [(&str, &str); 12] = [
    ("LANGUAGE", "us_english"),
    ("DATEFORMAT", "mdy"),
    ("DATEFIRST", "7"),
    ("ANSI_NULLS", "ON"),
    ("ANSI_PADDING", "ON"),
    ("ANSI_WARNINGS", "ON"),
    ("ARITHABORT", "ON"),
    ("CONCAT_NULL_YIELDS_NULL", "ON"),
    ("QUOTED_IDENTIFIER", "ON"),
    ("NUMERIC_ROUNDABORT", "OFF"),
    ("TEXTSIZE", "2147483647"),
    ("ROWCOUNT", "0"),
];

/// How long the server may take to say that a query has ended.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long the small statements around a report may take.
const MOMENT: Duration = Duration::from_secs(15);
/// A server may send us on to another one, that one too; a circle ends.
const ROUTES: usize = 3;
/// So much text may a small statement answer: the catalogue of a great database, and no flood.
const MOST_TEXT: usize = 256 << 20;
/// Tells how many transactions are open.
pub(super) const OPEN: &str = "SELECT CAST(@@TRANCOUNT AS int)";
/// Begins a transaction and tells the session's number.
const BEGIN: &str = "BEGIN TRANSACTION; SELECT CAST(@@SPID AS int)";

/// The first result of a small statement, as text.
pub(super) type Rows = Vec<Vec<Option<String>>>;

/// A connection.
pub(in crate::source) struct Link {
    pub(super) client: Client<Compat<TcpStream>>,
    /// Whether a statement of a report was sent and its answer not read to the end.
    pub(super) busy: bool,
    /// Whether the database lets a transaction read a snapshot.
    pub(super) allows_snapshot: bool,
    /// Whether the transaction that was begun last reads one.
    pub(super) snapshot: bool,
    /// Whether each statement reads a snapshot of its own without being asked to.
    pub(super) versions: bool,
    /// Whether the server refused what stands before BEGIN.
    refuses_settings: bool,
    /// How long the server may take to say that a query has ended.
    pub(super) patience: Duration,
    /// Whether the server tells a statement's columns before it runs.
    pub(super) describes: bool,
}

impl Link {
    /// Connects and signs in.
    pub(super) async fn open(settings: &Settings) -> Result<Self, Error> {
        // The driver takes what is installed; where nothing is, it could not choose.
        drop(rustls::crypto::ring::default_provider().install_default());
        let mut config = settings.config.clone();
        let mut routes = 0;
        let client = loop {
            let stream = TcpStream::connect_named(&config).await?;
            stream.set_nodelay(true)?;
            // The driver's handshake is too big a future to be part of ours.
            match Box::pin(Client::connect(config.clone(), stream.compat_write())).await {
                Err(Error::Routing { host, port }) if routes < ROUTES => {
                    routes += 1;
                    config.host(host);
                    config.port(port);
                }
                connected => break connected?,
            }
        };
        let mut link = Self {
            client,
            busy: false,
            allows_snapshot: false,
            snapshot: false,
            versions: false,
            refuses_settings: false,
            patience: PATIENCE,
            describes: false,
        };
        link.settle().await?;
        Ok(link)
    }

    /// Settings that last as long as the connection.
    async fn settle(&mut self) -> Result<(), Error> {
        let all = SESSION.map(|(name, value)| format!("SET {name} {value};"));
        if let Err(error) = self.execute(&all.concat()).await {
            let Error::Server(refused) = error else {
                return Err(error);
            };
            // A setting that a server does not know changes nothing there.
            tracing::debug!(
                "one by one, for the server refused a setting: {}",
                refused.message()
            );
            for one in all {
                match self.execute(&one).await {
                    Ok(()) | Err(Error::Server(_)) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        let state = "SELECT CAST(snapshot_isolation_state AS int), CAST(is_read_committed_snapshot_on AS int) FROM \
                     sys.databases WHERE name = DB_NAME()";
        let state = self.optional(state).await?.into_iter().flatten().next();
        let state = state.unwrap_or_default();
        let is_on = |at: usize| {
            state
                .get(at)
                .is_some_and(|cell| cell.as_deref() == Some("1"))
        };
        (self.allows_snapshot, self.versions) = (is_on(0), is_on(1));
        let columns =
            "SELECT COUNT(*) FROM sys.dm_exec_describe_first_result_set(N'SELECT 1', NULL, 0)";
        let columns = self.optional(columns).await?;
        self.describes = columns.is_some_and(|rows| !rows.is_empty());
        Ok(())
    }

    /// What a server says to a question that it may not understand; asked outside a transaction, which an error might
    /// end.
    pub(super) async fn optional(&mut self, sql: &str) -> Result<Option<Rows>, Error> {
        match self.rows(sql).await {
            Ok(rows) => Ok(Some(rows)),
            Err(Error::Server(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Begins the transaction of a report, which never commits. Where the database allows a snapshot and the server
    /// begins none, it is done without.
    pub(super) async fn begin(&mut self, limits: &Limits) -> Result<i32, Error> {
        if self.allows_snapshot {
            let rows = self.optional(&begin_at("SNAPSHOT", limits)).await?;
            self.snapshot = rows.is_some();
            if let Some(rows) = rows {
                return number(&rows);
            }
            self.allows_snapshot = false;
            self.end().await?;
        }
        self.begin_without_snapshot(limits).await
    }

    /// The same at READ COMMITTED, or as the server begins one by itself.
    pub(super) async fn begin_without_snapshot(&mut self, limits: &Limits) -> Result<i32, Error> {
        self.snapshot = false;
        if !self.refuses_settings {
            if let Some(rows) = self.optional(&begin_at("READ COMMITTED", limits)).await? {
                return number(&rows);
            }
            self.refuses_settings = true;
            self.end().await?;
        }
        number(&self.rows(BEGIN).await?)
    }

    /// Ends the transaction: whatever a report may have written after all is undone.
    pub(super) async fn end(&mut self) -> Result<(), Error> {
        self.execute("IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION")
            .await
    }

    /// Ends another session, and answers whether nothing runs in it any more.
    pub(super) async fn is_gone_after_kill(&mut self, number: i32) -> Result<bool, Error> {
        match self.execute(&format!("KILL {number}")).await {
            // The query ended before the KILL.
            Err(Error::Server(error)) if error.code() == 6106 => return Ok(true),
            killed => killed?,
        }
        let look = format!(
            "SELECT CAST(session_id AS int) FROM sys.dm_exec_requests WHERE session_id = {number}"
        );
        for _ in 0..LOOKS {
            match self.optional(&look).await? {
                Some(rows) if !rows.is_empty() => tokio::time::sleep(BETWEEN_LOOKS).await,
                // Without VIEW SERVER STATE it may not be seen; the server took the order to end it.
                _ => return Ok(true),
            }
        }
        Ok(false)
    }

    /// Whether the transaction that was begun for a report is still open.
    pub(super) async fn in_transaction(&mut self) -> Result<bool, Error> {
        let rows = self.rows(OPEN).await?;
        number(&rows).map(|open| open > 0)
    }

    /// Whether rows of a report may be on their way.
    pub(super) fn is_busy(&self) -> bool {
        self.busy
    }

    /// Runs a statement to its end.
    pub(super) async fn execute(&mut self, sql: &str) -> Result<(), Error> {
        self.rows(sql).await.map(drop)
    }

    /// The first result of a small statement.
    pub(super) async fn rows(&mut self, sql: &str) -> Result<Rows, Error> {
        let client = &mut self.client;
        let read = async move {
            let mut stream = client.simple_query(sql).await?;
            let mut rows = Rows::new();
            let mut size = 0;
            while let Some(item) = stream.try_next().await? {
                if let QueryItem::Row(row) = item
                    && row.result_index() == 0
                {
                    let cells = row.cells();
                    let row: Vec<_> = cells
                        .map(|(_, cell)| text(cell).map(Cow::into_owned))
                        .collect();
                    let texts = row.iter().flatten().map(String::len);
                    size += size_of_val(row.as_slice()) + texts.sum::<usize>();
                    if size > MOST_TEXT {
                        return Err(Error::Protocol(
                            "a small statement has too great an answer".into(),
                        ));
                    }
                    rows.push(row);
                }
            }
            Ok(rows)
        };
        tokio::time::timeout(MOMENT, read)
            .await
            .unwrap_or_else(|_| {
                Err(Error::Io {
                    kind: std::io::ErrorKind::TimedOut,
                    message: "no answer to a small statement".to_owned(),
                })
            })
    }

    /// Tells the server to end what it does for us, waits until it says so, and drops the connection: after an
    /// Attention the driver may take leftovers for the answer to the next statement.
    pub(super) async fn stop(mut self) -> bool {
        let patience = self.patience;
        let ended = async {
            match self.client.cancel_query().await {
                Ok(()) => true,
                Err(Error::Io { .. }) => false,
                // The Attention is on its way, but the driver had stopped reading in the middle of a row and cannot
                // read on. It can skip to the end of the answer, which comes when the server has ended the query.
                Err(_) => !matches!(
                    self.client.simple_query("SELECT 1").await,
                    Err(Error::Io { .. } | Error::Protocol(_))
                ),
            }
        };
        tokio::time::timeout(patience, ended).await.unwrap_or(false)
    }
}

/// SQL Server ends no statement by the clock, but a wait for a lock. An error undoes the whole transaction, and no
/// statement begins one implicitly, which would stay open.
pub(super) fn begin_at(level: &str, limits: &Limits) -> String {
    let wait = limits.limit().saturating_add(GRACE);
    let wait = wait.as_millis().min(i32::MAX as u128);
    format!(
        "SET XACT_ABORT ON; SET IMPLICIT_TRANSACTIONS OFF; SET LOCK_TIMEOUT {wait}; SET TRANSACTION ISOLATION LEVEL {level}; {BEGIN}"
    )
}

/// The number that a row begins with.
fn number(rows: &[Vec<Option<String>>]) -> Result<i32, Error> {
    rows.first()
        .and_then(|row| row.first()?.as_deref()?.parse().ok())
        .ok_or_else(|| Error::Protocol("the server answered no number".into()))
}
