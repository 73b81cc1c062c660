//! PostgreSQL.
//!
//! | file | its one question |
//! | --- | --- |
//! | `session.rs` | how does a connection or a transaction begin, through a pooler too? |
//! | `run.rs` | how does a query run? |
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
mod session;
mod time;
mod types;

use std::time::Duration;

use async_trait::async_trait;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgSslMode};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Row};

use super::failure::{Address, TlsWords};
use super::job::{Limits, Listener};
use super::server::{BETWEEN_LOOKS, LOOKS, Remote, Server};
use super::steps::Steps;
use super::{Query, SourceError};
use crate::report::{Catalogue, Dialect};
use crate::workspace::SourceConfig;
pub(crate) use session::{ROLE_SETTINGS, Settings, begin_look};

/// How long a statement that reads the catalogue may take.
const CATALOGUE: Duration = Duration::from_mins(1);

/// A PostgreSQL server.
pub(super) struct Postgres {
    options: PgConnectOptions,
    settings: Settings,
    address: Address,
}

/// Reads the URL; connects to nothing yet.
pub(super) fn open(config: &SourceConfig) -> Result<Remote<Postgres>, SourceError> {
    let (options, settings) = Settings::of(&config.url).map_err(|error| {
        SourceError::Connect(super::bad_url(
            &config.name,
            &error,
            "postgres://user:password@host:5432/database",
        ))
    })?;
    let options = options.disable_statement_logging();
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
    let server = Postgres {
        options,
        settings: settings.clone(),
        address,
    };
    Ok(Remote::new(server, "postgres", &settings.all(), config))
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
        params::Statement::new(query)
    }

    async fn connect(&self) -> Result<PgConnection, SourceError> {
        self.options
            .connect()
            .await
            .map_err(|error| self.address.unreachable(&error))
    }

    async fn granted(&self, connection: &mut PgConnection) -> Result<String, SourceError> {
        let row = sqlx::raw_sql(ROLE_SETTINGS).fetch_one(connection).await;
        row.and_then(|row| row.try_get(0))
            .map_err(|error| self.address.unreachable(&error))
    }

    async fn begin(
        &self,
        connection: &mut PgConnection,
        limits: &Limits,
    ) -> Result<i32, SourceError> {
        session::begin(connection, &self.settings, limits)
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
        run::stream(
            &self.address,
            &self.settings,
            connection,
            statement,
            limits,
            listener,
        )
        .await
    }

    async fn reset(&self, connection: &mut PgConnection, _: &params::Statement) -> bool {
        sqlx::raw_sql("ROLLBACK; SELECT pg_advisory_unlock_all()")
            .execute(&mut *connection)
            .await
            .is_ok()
    }

    async fn kill(&self, mut connection: PgConnection, pid: i32) -> Result<bool, SourceError> {
        let gone = async {
            // One statement a transaction, and no name: through a pooler too.
            let end = format!("SELECT pg_terminate_backend({pid})");
            sqlx::raw_sql(AssertSqlSafe(end))
                .execute(&mut connection)
                .await?;
            let look = format!("SELECT pid FROM pg_stat_activity WHERE pid = {pid}");
            for _ in 0..LOOKS {
                let found = sqlx::raw_sql(AssertSqlSafe(look.clone()))
                    .fetch_optional(&mut connection)
                    .await?;
                if found.is_none() {
                    return Ok(true);
                }
                tokio::time::sleep(BETWEEN_LOOKS).await;
            }
            Ok(false)
        };
        let gone = gone.await;
        let _ = connection.close().await;
        gone.map_err(|error| self.address.lost(&error))
    }

    async fn catalogue(&self, mut connection: PgConnection) -> Result<Catalogue, SourceError> {
        begin_look(&mut connection, &self.settings, CATALOGUE)
            .await
            .map_err(|error| self.address.catalogue_unread(&error))?;
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
