//! PostgreSQL.
//!
//! | file | its one question |
//! | --- | --- |
//! | `run.rs` | how does a query run, and how is it ended on the server? |
//! | `effects.rs` | does the SQL call functions that act? |
//! | `params.rs` | how are parameters bound? |
//! | `types.rs` | which Arrow type has a column, and which is cast to text by the server? |
//! | `decode.rs` | how does a value in the binary protocol become an Arrow value? |
//! | `time.rs` | what does PostgreSQL print for dates that Arrow's calendar does not have? |
//! | `catalogue.rs` | which tables and views are there? |
//! | `check.rs` | what works, step by step? |

mod catalogue;
mod check;
mod decode;
mod describe;
mod effects;
mod params;
mod run;
mod time;
mod types;

use async_trait::async_trait;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgSslMode};
use sqlx::{ConnectOptions, Connection};

use super::failure::{Address, TlsWords};
use super::job::{Limits, Listener};
use super::server::{Remote, Server};
use super::steps::Steps;
use super::{Query, SourceError};
use crate::report::{Catalogue, Dialect};
use crate::workspace::SourceConfig;

/// A PostgreSQL server.
pub(super) struct Postgres {
    options: PgConnectOptions,
    address: Address,
}

/// Reads the URL; connects to nothing yet.
pub(super) fn open(config: &SourceConfig) -> Result<Remote<Postgres>, SourceError> {
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
        database: options
            .get_database()
            .unwrap_or(options.get_username())
            .to_owned(),
        tls: TlsWords {
            mode: "sslmode",
            some: "require",
            best: "verify-full",
            authority: "sslrootcert",
        },
        encrypts: !matches!(options.get_ssl_mode(), PgSslMode::Disable),
        missing_file: super::failure::missing_file(&config.url),
    };
    let server = Postgres { options, address };
    Ok(Remote::new(
        server,
        "postgres",
        &[("time_zone", "UTC")],
        config,
    ))
}

#[async_trait]
impl Server for Postgres {
    type Connection = PgConnection;
    type Statement = params::Statement;
    /// The process id.
    type Number = i32;

    const DIALECT: Dialect = Dialect::Postgres;

    fn address(&self) -> &Address {
        &self.address
    }

    fn statement(&self, query: &Query) -> Result<params::Statement, SourceError> {
        params::Statement::new(&query.sql, &query.params)
    }

    async fn connect(&self) -> Result<PgConnection, SourceError> {
        let mut connection = self
            .options
            .connect()
            .await
            .map_err(|error| self.address.unreachable(&error))?;
        if connection
            .server_version_num()
            .is_some_and(|version| version >= 140_000)
        {
            // Should this process die, the server notices although it has nothing to send. Not every platform can.
            let _ = sqlx::raw_sql("SET client_connection_check_interval = '2s'")
                .execute(&mut connection)
                .await;
        }
        Ok(connection)
    }

    async fn begin(
        &self,
        connection: &mut PgConnection,
        limits: &Limits,
    ) -> Result<i32, SourceError> {
        run::begin(connection, limits)
            .await
            .map_err(|error| self.address.unreachable(&error))
    }

    async fn stream(
        &self,
        connection: &mut PgConnection,
        statement: &mut params::Statement,
        limits: &Limits,
        listener: &mut Listener,
    ) -> Result<(), SourceError> {
        run::stream(&self.address, connection, statement, limits, listener).await
    }

    async fn reset(&self, connection: &mut PgConnection, _: &params::Statement) -> bool {
        sqlx::raw_sql("ROLLBACK; SELECT pg_advisory_unlock_all()")
            .execute(&mut *connection)
            .await
            .is_ok()
            && connection.clear_cached_statements().await.is_ok()
    }

    async fn kill(&self, mut connection: PgConnection, pid: i32) -> Result<(), SourceError> {
        let killed = sqlx::query("SELECT pg_terminate_backend($1)")
            .bind(pid)
            .execute(&mut connection)
            .await;
        let _ = connection.close().await;
        killed.map(drop).map_err(|error| self.address.lost(&error))
    }

    async fn catalogue(&self, connection: PgConnection) -> Result<Catalogue, SourceError> {
        catalogue::read(&self.address, connection).await
    }

    async fn look(
        &self,
        connection: PgConnection,
        steps: &mut Steps<'_>,
    ) -> Result<(), SourceError> {
        check::look(&self.address, connection, steps)
            .await
            .map_err(|error| self.address.refused(&error))
    }
}
