//! MySQL and MariaDB.
//!
//! | file | its one question |
//! | --- | --- |
//! | `run.rs` | how does a query run, and how is it ended on the server? |
//! | `params.rs` | how are parameters bound? |
//! | `types.rs` | which Arrow type has a column? |
//! | `decode.rs` | how does a value in the binary protocol become an Arrow value? |
//! | `catalogue.rs` | which tables and views are there? |
//! | `check.rs` | what works, step by step? |

mod catalogue;
mod check;
mod decode;
mod params;
mod run;
mod types;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection};
use sqlx::{ConnectOptions, Connection};
use tokio_util::sync::CancellationToken;

use super::failure::{Address, CONNECT};
use super::job::{Idle, Limits, Listener, Places};
use super::{CheckStep, Query, Rows, Source, SourceCheck, SourceError};
use crate::report::{Catalogue, Dialect, SourceIdentity};
use crate::workspace::SourceConfig;

/// A MySQL or MariaDB database as a source.
pub(super) struct MySql(Arc<Inner>);

struct Inner {
    options: MySqlConnectOptions,
    address: Address,
    identity: SourceIdentity,
    places: Places,
    idle: Idle<MySqlConnection>,
    timeout: Duration,
}

impl MySql {
    /// Reads the URL; connects to nothing yet.
    pub(super) fn new(config: &SourceConfig) -> Result<Self, SourceError> {
        let options: MySqlConnectOptions = config.url.expose().parse().map_err(|error| {
            SourceError::Connect(super::bad_url(
                &config.name,
                &error,
                "mysql://user:password@host:3306/database",
            ))
        })?;
        // The server's own SQL mode: a report means the same here as in the user's client.
        let options = options
            .pipes_as_concat(false)
            .no_engine_substitution(false)
            .timezone(Some("+00:00".to_owned()))
            .disable_statement_logging();
        let database = options.get_database().unwrap_or_default().to_owned();
        let (host, port) = match options.get_socket() {
            Some(socket) => (socket.display().to_string(), None),
            None => (options.get_host().to_owned(), Some(options.get_port())),
        };
        let address = Address {
            product: "MySQL",
            host,
            port,
            user: options.get_username().to_owned(),
            database: database.clone(),
        };
        let identity = SourceIdentity {
            kind: "mysql".to_owned(),
            server: address.to_string(),
            database,
            user: address.user.clone(),
            session: vec![("time_zone".to_owned(), "+00:00".to_owned())],
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
    async fn connect(&self) -> Result<MySqlConnection, SourceError> {
        match tokio::time::timeout(CONNECT, self.options.connect()).await {
            Ok(Ok(connection)) => Ok(connection),
            Ok(Err(error)) => Err(self.address.unreachable(&error)),
            Err(_) => Err(SourceError::Connect(self.address.silent())),
        }
    }

    /// Ends a connection and what it does, from a second one. Where that fails the server's own time limit is left.
    async fn kill(&self, id: u64) {
        let ended = async {
            let mut connection = self.connect().await?;
            let result = sqlx::raw_sql(sqlx::AssertSqlSafe(format!("KILL {id}")))
                .execute(&mut connection)
                .await;
            let _ = connection.close().await;
            match result {
                // It ended by itself meanwhile.
                Err(sqlx::Error::Database(error)) if error.message().contains("Unknown thread") => {
                    Ok(())
                }
                Err(error) => Err(self.address.lost(&error)),
                Ok(_) => Ok(()),
            }
        };
        if let Err(error) = ended.await {
            tracing::warn!(source = %self.address, "a query could not be ended on the server: {error}");
        }
    }
}

#[async_trait]
impl Source for MySql {
    fn identity(&self) -> &SourceIdentity {
        &self.0.identity
    }

    fn dialect(&self) -> Dialect {
        Dialect::MySql
    }

    async fn run(&self, query: Query, cancel: CancellationToken) -> Result<Rows, SourceError> {
        super::readonly::check(&query.sql, Dialect::MySql)?;
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
