//! The connection that loads, and the second one that stops it and clears up.

use std::str::FromStr as _;

use sqlx::mysql::MySqlConnectOptions;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _, MySqlConnection, PgConnection};

use super::mssql::MsSql;
use super::{Existing, MARK};
use crate::demo::tables::TABLES;
use crate::demo::{DemoError, schema};
use crate::report::Dialect;
use crate::workspace::ConnectionUrl;

/// A database that is being loaded.
pub(super) struct Database {
    url: ConnectionUrl,
    connection: Connection,
    /// The connection's number on the server, for ending it from another one.
    id: i64,
    /// Whether anything was changed that `undo` must take back.
    changed: bool,
}

enum Connection {
    MySql(MySqlConnection),
    Postgres(PgConnection),
    MsSql(Box<MsSql>),
}

/// What a driver says; the sentence around it names the database.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{}", crate::source::words(.0))]
    Sqlx(#[from] sqlx::Error),
    #[error(transparent)]
    Tiberius(#[from] tiberius::error::Error),
    #[error(transparent)]
    Source(#[from] crate::source::SourceError),
}

impl Connection {
    async fn open(url: &ConnectionUrl, dialect: Dialect) -> Result<Self, Failure> {
        Ok(match dialect {
            Dialect::MySql => Self::MySql(
                MySqlConnectOptions::from_str(url.expose())?
                    .connect()
                    .await?,
            ),
            Dialect::MsSql => Self::MsSql(Box::new(MsSql::open(url).await?)),
            _ => {
                // A pooler refuses the startup parameter that the driver would send.
                let options = PgConnectOptions::from_str(url.expose())?.extra_float_digits(None);
                Self::Postgres(options.connect().await?)
            }
        })
    }

    async fn execute(&mut self, sql: String) -> Result<(), Failure> {
        match self {
            Self::MySql(connection) => connection.execute(AssertSqlSafe(sql)).await.map(|_| ())?,
            Self::Postgres(connection) => {
                connection.execute(AssertSqlSafe(sql)).await.map(|_| ())?;
            }
            Self::MsSql(connection) => connection.execute(&sql).await?,
        }
        Ok(())
    }

    /// Whether the database is none of SQL Server's own, where an account without one ends up.
    async fn is_users_own(&mut self) -> Result<bool, Failure> {
        match self {
            Self::MsSql(connection) => Ok(connection.is_users_own().await?),
            _ => Ok(true),
        }
    }

    /// SQL Server has no use for one.
    async fn number(&mut self, sql: &'static str) -> Result<Option<i64>, Failure> {
        Ok(match self {
            Self::MySql(connection) => sqlx::query_scalar(sql).fetch_one(connection).await?,
            Self::Postgres(connection) => sqlx::query_scalar(sql).fetch_one(connection).await?,
            Self::MsSql(_) => None,
        })
    }
}

impl Database {
    /// Connects; nothing is changed yet.
    pub(super) async fn open(url: &ConnectionUrl, dialect: Dialect) -> Result<Self, DemoError> {
        let failed = |error: Failure| match error {
            // Its sentence has the remedy.
            Failure::Source(error) => DemoError(error.to_string()),
            error => DemoError(format!(
                "cannot connect to {url}: {error}; check the URL, the password and that the server runs"
            )),
        };
        url.check_source().map_err(DemoError)?;
        let mut connection = Connection::open(url, dialect).await.map_err(failed)?;
        let (id, named) = match dialect {
            Dialect::MySql => (
                connection
                    .number("SELECT CAST(CONNECTION_ID() AS SIGNED)")
                    .await
                    .map_err(failed)?,
                connection
                    .number("SELECT DATABASE() IS NOT NULL")
                    .await
                    .map_err(failed)?
                    == Some(1),
            ),
            Dialect::MsSql => (None, connection.is_users_own().await.map_err(failed)?),
            _ => (
                connection
                    .number("SELECT CAST(pg_backend_pid() AS bigint)")
                    .await
                    .map_err(failed)?,
                true,
            ),
        };
        if !named {
            let scheme = if dialect == Dialect::MsSql {
                "mssql"
            } else {
                "mysql"
            };
            return Err(DemoError(format!(
                "{url} names no database; add one of your own, as in {scheme}://user@host/shop"
            )));
        }
        Ok(Self {
            url: url.clone(),
            connection,
            id: id.unwrap_or_default(),
            changed: false,
        })
    }

    pub(super) fn dialect(&self) -> Dialect {
        match self.connection {
            Connection::MySql(_) => Dialect::MySql,
            Connection::Postgres(_) => Dialect::Postgres,
            Connection::MsSql(_) => Dialect::MsSql,
        }
    }

    /// What there is of the demo's names in the URL's database, PostgreSQL: in the schema where tables are made.
    pub(super) async fn existing(&mut self) -> Result<Vec<Existing>, DemoError> {
        let rows: Result<Vec<(String, bool, bool)>, Failure> = match &mut self.connection {
            Connection::MySql(connection) => {
                sqlx::query_as(
                    "SELECT CAST(table_name AS CHAR), table_type = 'VIEW', table_comment = ? FROM information_schema.tables \
                     WHERE table_schema = DATABASE() ORDER BY table_name",
                )
                .bind(MARK)
                .fetch_all(connection)
                .await
                .map_err(Failure::from)
            }
            Connection::Postgres(connection) => {
                sqlx::query_as(
                    "SELECT CAST(relname AS text), relkind <> 'r', coalesce(obj_description(oid, 'pg_class') = $1, false) \
                     FROM pg_class WHERE relnamespace = CAST(current_schema() AS regnamespace) \
                     AND relkind IN ('r', 'p', 'f', 'v', 'm') ORDER BY relname",
                )
                .bind(MARK)
                .fetch_all(connection)
                .await
                .map_err(Failure::from)
            }
            Connection::MsSql(connection) => connection.existing().await.map_err(Failure::from),
        };
        let names =
            |name: &str| name == schema::VIEW || TABLES.iter().any(|table| table.name == name);
        Ok(rows
            .map_err(|error| self.explain(&error))?
            .into_iter()
            .map(|(name, is_view, ours)| Existing {
                name: name.to_lowercase(),
                is_view,
                ours,
            })
            .filter(|existing| names(&existing.name))
            .collect())
    }

    /// Says on a table that it was made here.
    pub(super) async fn mark(&mut self, table: &str) -> Result<(), DemoError> {
        let done = match &mut self.connection {
            Connection::MsSql(connection) => connection.mark(table).await.map_err(Failure::from),
            connection => {
                let sql = format!("COMMENT ON TABLE {table} IS '{MARK}'");
                connection.execute(sql).await
            }
        };
        done.map_err(|error| self.explain(&error))
    }

    /// From here on there is something to take back. PostgreSQL and SQL Server do it all in one transaction.
    pub(super) async fn begin(&mut self) -> Result<(), DemoError> {
        self.changed = true;
        match self.dialect() {
            // The rows are right, and nobody else writes here.
            Dialect::MySql => {
                self.execute("SET unique_checks = 0, foreign_key_checks = 0".to_owned())
                    .await
            }
            Dialect::MsSql => self.execute("BEGIN TRANSACTION".to_owned()).await,
            _ => self.execute("BEGIN".to_owned()).await,
        }
    }

    pub(super) async fn execute(&mut self, sql: String) -> Result<(), DemoError> {
        let done = self.connection.execute(sql).await;
        done.map_err(|error| self.explain(&error))
    }

    /// Each of MySQL's tables is one transaction: one a statement would wait for the disk a thousand times.
    pub(super) async fn begin_table(&mut self) -> Result<(), DemoError> {
        match self.dialect() {
            Dialect::MySql => self.execute("BEGIN".to_owned()).await,
            _ => Ok(()),
        }
    }

    pub(super) async fn end_table(&mut self) -> Result<(), DemoError> {
        match self.dialect() {
            Dialect::MySql => self.execute("COMMIT".to_owned()).await,
            _ => Ok(()),
        }
    }

    /// Inserts rows that were written as text for this database.
    pub(super) async fn insert(&mut self, table: &str, rows: String) -> Result<(), DemoError> {
        let inserted = match &mut self.connection {
            Connection::MySql(connection) => connection
                .execute(AssertSqlSafe(format!("INSERT INTO {table} VALUES {rows}")))
                .await
                .map(|_| ())
                .map_err(Failure::from),
            Connection::Postgres(connection) => {
                copy(connection, table, rows).await.map_err(Failure::from)
            }
            Connection::MsSql(connection) => connection
                .insert(table, &schema::kinds(table), &rows)
                .await
                .map_err(Failure::from),
        };
        inserted.map_err(|error| self.explain(&error))
    }

    pub(super) async fn commit(&mut self) -> Result<(), DemoError> {
        if self.dialect() != Dialect::MySql {
            self.execute("COMMIT".to_owned()).await?;
        }
        self.changed = false;
        Ok(())
    }

    /// Ends what is running on the server and takes away what was loaded. Needs a connection of its own, because the
    /// first may be in the middle of a statement.
    pub(super) async fn undo(self) -> Result<(), DemoError> {
        if !self.changed {
            return Ok(());
        }
        let explain = |error: Failure| DemoError(error.to_string());
        let dialect = self.dialect();
        if dialect == Dialect::MsSql {
            // It waits for rows of ours or runs one of our statements; either ends with the connection, and so does
            // the transaction.
            return Ok(());
        }
        let mut second = Connection::open(&self.url, dialect)
            .await
            .map_err(explain)?;
        match dialect {
            Dialect::MySql => {
                // It may just have ended by itself, which is as good.
                let _ = second.execute(format!("KILL CONNECTION {}", self.id)).await;
                drop(self.connection);
                second
                    .execute(format!("DROP VIEW IF EXISTS {}", schema::VIEW))
                    .await
                    .map_err(explain)?;
                let tables: Vec<_> = TABLES.iter().map(|table| table.name).collect();
                second
                    .execute(format!("DROP TABLE IF EXISTS {}", tables.join(", ")))
                    .await
                    .map_err(explain)
            }
            // The end of the connection is the end of its transaction.
            _ => second
                .execute(format!("SELECT pg_terminate_backend({})", self.id))
                .await
                .map_err(explain),
        }
    }

    fn explain(&self, error: &Failure) -> DemoError {
        DemoError(format!("{} refused the demo's data: {error}", self.url))
    }
}

async fn copy(connection: &mut PgConnection, table: &str, rows: String) -> Result<(), sqlx::Error> {
    let mut copy = connection
        .copy_in_raw(&format!("COPY {table} FROM STDIN"))
        .await?;
    copy.send(rows.into_bytes()).await?;
    copy.finish().await.map(|_| ())
}
