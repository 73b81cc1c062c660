//! PostgreSQL.
//!
//! | file | its one question |
//! | --- | --- |
//! | `run.rs` | how does a query run, and how is it ended on the server? |
//! | `params.rs` | how are parameters bound? |
//! | `types.rs` | which Arrow type has a column, and which is cast to text by the server? |
//! | `decode.rs` | how does a value in the binary protocol become an Arrow value? |
//! | `time.rs` | what does PostgreSQL print for dates that Arrow's calendar does not have? |
//! | `catalogue.rs` | which tables and views are there? |
//! | `check.rs` | what works, step by step? |

mod catalogue;
mod check;
mod decode;
mod params;
mod run;
mod time;
mod types;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Connection};
use tokio_util::sync::CancellationToken;

use super::failure::{Address, CONNECT};
use super::job::{Idle, Limits, Listener, Places};
use super::{CheckStep, Query, Rows, Source, SourceCheck, SourceError};
use crate::report::{Catalogue, Dialect, SourceIdentity};
use crate::workspace::SourceConfig;

/// A PostgreSQL database as a source.
pub(super) struct Postgres(Arc<Inner>);

struct Inner {
    options: PgConnectOptions,
    address: Address,
    identity: SourceIdentity,
    places: Places,
    idle: Idle<PgConnection>,
    timeout: Duration,
}

impl Postgres {
    /// Reads the URL; connects to nothing yet.
    pub(super) fn new(config: &SourceConfig) -> Result<Self, SourceError> {
        let options: PgConnectOptions = config.url.expose().parse().map_err(|error| {
            SourceError::Connect(super::bad_url(
                &config.name,
                &error,
                "postgres://user:password@host:5432/database",
            ))
        })?;
        let options = options
            .application_name("lookaside")
            // Every digit of a float, whatever the server's default.
            .extra_float_digits(3)
            .disable_statement_logging();
        let database = options
            .get_database()
            .unwrap_or(options.get_username())
            .to_owned();
        let (host, port) = match options.get_socket() {
            Some(socket) => (
                format!("{}/.s.PGSQL.{}", socket.display(), options.get_port()),
                None,
            ),
            None => (options.get_host().to_owned(), Some(options.get_port())),
        };
        let address = Address {
            product: "PostgreSQL",
            host,
            port,
            user: options.get_username().to_owned(),
            database: database.clone(),
        };
        let identity = SourceIdentity {
            kind: "postgres".to_owned(),
            server: address.to_string(),
            database,
            user: address.user.clone(),
            session: vec![("time_zone".to_owned(), "UTC".to_owned())],
        };
        Ok(Self(Arc::new(Inner {
            options,
            address,
            identity,
            places: Places::new(config.max_concurrent_queries),
            idle: Idle::new(),
            timeout: config.query_timeout,
        })))
    }
}

impl Inner {
    /// A new connection.
    async fn connect(&self) -> Result<PgConnection, SourceError> {
        match tokio::time::timeout(CONNECT, self.options.connect()).await {
            Ok(Ok(connection)) => Ok(connection),
            Ok(Err(error)) => Err(self.address.unreachable(&error)),
            Err(_) => Err(SourceError::Connect(self.address.silent())),
        }
    }

    /// Ends a connection and what it does, from a second one. Where that fails the server notices by itself: the
    /// session was told to check that we are there.
    async fn terminate(&self, pid: i32) {
        let ended = async {
            let mut connection = self.connect().await?;
            let result = sqlx::query("SELECT pg_terminate_backend($1)")
                .bind(pid)
                .execute(&mut connection)
                .await;
            let _ = connection.close().await;
            result.map_err(|error| self.address.lost(&error))
        };
        if let Err(error) = ended.await {
            tracing::warn!(source = %self.address, "a query could not be ended on the server: {error}");
        }
    }
}

#[async_trait]
impl Source for Postgres {
    fn identity(&self) -> &SourceIdentity {
        &self.0.identity
    }

    fn dialect(&self) -> Dialect {
        Dialect::Postgres
    }

    async fn run(&self, query: Query, cancel: CancellationToken) -> Result<Rows, SourceError> {
        super::readonly::check(&query.sql, Dialect::Postgres)?;
        let statement = params::Statement::new(&query.sql, &query.params)?;
        let started = std::time::Instant::now();
        let place = self.0.places.take(&cancel).await?;
        let limits = Limits::start(cancel, query.timeout.unwrap_or(self.0.timeout));
        let (listener, answered) = Listener::new();
        let inner = Arc::clone(&self.0);
        tokio::spawn(async move {
            inner.run(statement, limits, listener, started).await;
            drop(place);
        });
        Listener::answered(answered).await
    }

    async fn catalogue(&self) -> Result<Catalogue, SourceError> {
        self.0.catalogue().await
    }

    async fn check(&self, progress: &(dyn Fn(CheckStep) + Send + Sync)) -> SourceCheck {
        self.0.check(progress).await
    }
}
