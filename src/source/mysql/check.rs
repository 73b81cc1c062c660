//! The connection test, step by step.

use sqlx::Connection;
use sqlx::mysql::MySqlConnection;

use super::Inner;
use super::catalogue::text;
use crate::source::steps::Steps;
use crate::source::{CheckStep, SourceCheck, SourceError};

impl Inner {
    pub(super) async fn check(&self, progress: &(dyn Fn(CheckStep) + Send + Sync)) -> SourceCheck {
        let mut steps = Steps::new(progress);
        if !steps.reach(&self.address).await {
            return steps.done();
        }
        let mut connection = match self.connect().await {
            Ok(connection) => connection,
            Err(error) => {
                steps.fail(format!("Sign in as {}", self.address.user), &error);
                return steps.done();
            }
        };
        if let Err(error) = self.look(&mut connection, &mut steps).await {
            steps.fail(
                "Read-only transaction",
                &SourceError::Other(format!(
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
        connection: &mut MySqlConnection,
        steps: &mut Steps<'_>,
    ) -> Result<(), sqlx::Error> {
        let row = sqlx::raw_sql(
            "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY; SELECT VERSION()",
        )
        .fetch_one(&mut *connection)
        .await?;
        let version = text(&row, 0);
        let product = if version.contains("MariaDB") {
            "MariaDB"
        } else {
            "MySQL"
        };
        let version = format!(
            "{product} {}",
            version.split('-').next().unwrap_or(&version)
        );
        steps.version(&version);
        steps.ok(
            format!(
                "Signed in as {}, read-only transaction works",
                self.address.user
            ),
            version,
        );
        let tls = sqlx::raw_sql("SHOW SESSION STATUS LIKE 'Ssl_version'")
            .fetch_optional(&mut *connection)
            .await?
            .map(|row| text(&row, 1))
            .filter(|version| !version.is_empty());
        steps.encryption(&self.address, tls.as_deref(), "ssl-mode=VERIFY_IDENTITY");
        // The server lists only tables that the account has some right on.
        let row = sqlx::raw_sql(
            "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema NOT IN ('mysql', 'information_schema', 'performance_schema', 'sys')",
        )
        .fetch_one(&mut *connection)
        .await?;
        let tables = text(&row, 0).parse().unwrap_or(0);
        steps.tables(&self.address.user, tables, tables);
        sqlx::raw_sql("ROLLBACK").execute(&mut *connection).await?;
        Ok(())
    }
}
