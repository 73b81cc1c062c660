//! MySQL and MariaDB.
//!
//! | file | its one question |
//! | --- | --- |
//! | `access.rs` | how does one get to a server, as the URL tells it? |
//! | `run.rs` | how does a query run, and how is it ended on the server? |
//! | `params.rs` | how are parameters bound? |
//! | `types.rs` | which Arrow type has a column? |
//! | `decode.rs` | how does a value in the binary protocol become an Arrow value? |
//! | `catalogue.rs` | which tables and views are there? |
//! | `check.rs` | what works, step by step? |

mod access;
mod catalogue;
mod check;
mod decode;
mod effects;
mod params;
mod run;
mod types;

use async_trait::async_trait;
use sqlx::Connection;
use sqlx::mysql::MySqlConnection;

pub(crate) use access::{Access, settings};
pub(crate) use catalogue::text;

use super::failure::Address;
use super::job::{Limits, Listener};
use super::server::{Remote, Server};
use super::steps::Steps;
use super::{Query, SourceError};
use crate::report::{Catalogue, Dialect};
use crate::workspace::SourceConfig;

/// Every setting of a session that changes what a SELECT answers, as we set it for each query. They are part of the
/// entry key: an entry must mean the same whatever a server's defaults are today, and a hit does not ask the server.
///
/// The SQL mode is what both products begin with, as far as it concerns reading, without the one that refuses a GROUP
/// BY which the other takes.
const SESSION: [(&str, &str); 7] = [
    ("time_zone", "'+00:00'"),
    (
        "sql_mode",
        "'STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'",
    ),
    ("div_precision_increment", "4"),
    ("lc_time_names", "'en_US'"),
    ("default_week_format", "0"),
    ("group_concat_max_len", "1048576"),
    ("sql_select_limit", "18446744073709551615"),
];

/// The same for what MariaDB alone has: it ends a recursion after so many steps, with a warning and what it has so far,
/// where MySQL has an error.
const MARIADB: (&str, &str) = ("max_recursive_iterations", "4294967295");

/// A MySQL or MariaDB server.
pub(super) struct MySql {
    access: Access,
}

/// Reads the URL; connects to nothing yet.
pub(super) fn open(config: &SourceConfig) -> Result<Remote<MySql>, SourceError> {
    let access = Access::new(config)?;
    let mut session = SESSION.to_vec();
    session.push(MARIADB);
    Ok(Remote::new(MySql { access }, "mysql", &session, config))
}

#[async_trait]
impl Server for MySql {
    type Connection = MySqlConnection;
    type Statement = params::Statement;
    type Number = u64;

    const DIALECT: Dialect = Dialect::MySql;

    fn address(&self) -> &Address {
        &self.access.address
    }

    fn statement(&self, query: &Query) -> Result<params::Statement, SourceError> {
        params::Statement::new(query)
    }

    async fn connect(&self) -> Result<MySqlConnection, SourceError> {
        self.access.connect().await
    }

    async fn granted(&self, connection: &mut MySqlConnection) -> Result<String, SourceError> {
        let asked = format!("SHOW GRANTS; {}", settings());
        let rows = sqlx::raw_sql(sqlx::AssertSqlSafe(asked))
            .fetch_all(connection)
            .await
            .map_err(|error| self.access.address.unreachable(&error))?;
        let rows = rows.iter().map(|row| text(row, 0) + " " + &text(row, 1));
        Ok(rows.collect::<Vec<_>>().join("\n"))
    }

    async fn begin(
        &self,
        connection: &mut MySqlConnection,
        limits: &Limits,
    ) -> Result<u64, SourceError> {
        run::begin(connection, limits)
            .await
            .map_err(|error| self.access.address.unreachable(&error))
    }

    async fn stream(
        &self,
        connection: &mut MySqlConnection,
        statement: &mut params::Statement,
        limits: &Limits,
        listener: &mut Listener,
    ) -> Result<(), SourceError> {
        run::stream(
            &self.access.address,
            connection,
            statement,
            limits,
            listener,
        )
        .await
    }

    async fn reset(&self, connection: &mut MySqlConnection, statement: &params::Statement) -> bool {
        // A variable of the session cannot be taken back.
        !statement.sql().contains('@')
            && sqlx::raw_sql("ROLLBACK; DO RELEASE_ALL_LOCKS()")
                .execute(&mut *connection)
                .await
                .is_ok()
            && connection.clear_cached_statements().await.is_ok()
    }

    async fn kill(&self, mut connection: MySqlConnection, id: u64) -> Result<bool, SourceError> {
        let gone = run::kill(&mut connection, id).await;
        let _ = connection.close().await;
        gone.map_err(|error| self.access.address.lost(&error))
    }

    async fn catalogue(&self, connection: MySqlConnection) -> Result<Catalogue, SourceError> {
        catalogue::read(&self.access.address, connection).await
    }

    async fn look(
        &self,
        connection: MySqlConnection,
        steps: &mut Steps<'_>,
    ) -> Result<(), SourceError> {
        check::look(&self.access.address, connection, steps)
            .await
            .map_err(|error| self.access.address.refused(&error))
    }
}
