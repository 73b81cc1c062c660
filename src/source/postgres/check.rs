//! The connection test, step by step.

use sqlx::{Connection, Row};

use super::Inner;
use crate::source::steps::Steps;
use crate::source::{CheckStep, SourceCheck};

impl Inner {
    pub(super) async fn check(&self, progress: &(dyn Fn(CheckStep) + Send + Sync)) -> SourceCheck {
        let mut steps = Steps::new(progress);
        if !steps.reach(&self.address).await {
            return steps.done();
        }
        let user = &self.address.user;
        let mut connection = match self.connect().await {
            Ok(connection) => connection,
            Err(error) => {
                steps.fail(format!("Sign in as {user}"), &error);
                return steps.done();
            }
        };
        if let Err(error) = self.look(&mut connection, &mut steps).await {
            steps.fail(
                "Read-only transaction",
                &crate::source::SourceError::Other(format!(
                    "{} refused what reports need: {error}",
                    self.address
                )),
            );
        }
        let _ = connection.close().await;
        steps.done()
    }

    async fn look(
        &self,
        connection: &mut sqlx::postgres::PgConnection,
        steps: &mut Steps<'_>,
    ) -> Result<(), sqlx::Error> {
        sqlx::raw_sql("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            .execute(&mut *connection)
            .await?;
        let row = sqlx::query(
            "SELECT current_setting('server_version'), current_setting('transaction_read_only')",
        )
        .fetch_one(&mut *connection)
        .await?;
        let version: String = row.try_get(0)?;
        // Debian writes "15.6 (Debian 15.6-0+deb12u1)".
        let version = format!(
            "PostgreSQL {}",
            version.split(' ').next().unwrap_or(&version)
        );
        steps.version(&version);
        steps.ok(
            format!(
                "Signed in as {}, read-only transaction works",
                self.address.user
            ),
            version,
        );
        let tls: Option<(bool, Option<String>)> =
            sqlx::query_as("SELECT ssl, version FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
                .fetch_optional(&mut *connection)
                .await?;
        let tls =
            tls.and_then(|(on, version)| on.then_some(version.unwrap_or_else(|| "TLS".to_owned())));
        steps.encryption(&self.address, tls.as_deref(), "sslmode=verify-full");
        let (readable, all): (i64, i64) = sqlx::query_as(
            r"SELECT count(*) FILTER (WHERE has_table_privilege(c.oid, 'SELECT')), count(*)
                FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
               WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
                 AND n.nspname NOT LIKE 'pg\_toast%' AND n.nspname NOT LIKE 'pg\_temp\_%'",
        )
        .fetch_one(&mut *connection)
        .await?;
        steps.tables(&self.address.user, readable, all);
        sqlx::raw_sql("ROLLBACK").execute(&mut *connection).await?;
        Ok(())
    }
}
