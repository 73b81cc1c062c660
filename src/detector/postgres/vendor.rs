//! Managed PostgreSQL services, where ALTER SYSTEM is not possible: which one it is, and its way to the settings.

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Row};

use super::super::Blind;
use super::link::Link;

/// Who runs the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Vendor {
    /// The user, who has the server's files.
    Own,
    Aws,
    Azure,
    CloudSql,
    AlloyDb,
    Neon,
    Supabase,
    DigitalOcean,
    Aiven,
}

/// A role that only this service has.
const ROLES: [(&str, Vendor); 8] = [
    ("alloydbsuperuser", Vendor::AlloyDb),
    ("avnadmin", Vendor::Aiven),
    ("azure_pg_admin", Vendor::Azure),
    ("cloudsqlsuperuser", Vendor::CloudSql),
    ("doadmin", Vendor::DigitalOcean),
    ("neon_superuser", Vendor::Neon),
    ("rds_superuser", Vendor::Aws),
    ("supabase_admin", Vendor::Supabase),
];

impl Vendor {
    /// Looks for the roles of the services.
    pub(super) async fn of(link: &Link, connection: &mut PgConnection) -> Result<Self, Blind> {
        let names = ROLES.map(|(role, _)| format!("'{role}'")).join(", ");
        let sql = format!("SELECT rolname::text FROM pg_roles WHERE rolname IN ({names})");
        let asked = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(connection);
        let rows = link.in_time(asked).await?;
        let names = rows.iter().map(|row| row.try_get(0));
        let found: Result<Vec<String>, _> = names.collect();
        let found = found.map_err(|error| link.unseen(&error))?;
        Ok(Self::by_roles(&found))
    }

    fn by_roles(found: &[String]) -> Self {
        // AlloyDB has the roles of Cloud SQL too, and stands before it.
        ROLES
            .iter()
            .find(|(role, _)| found.iter().any(|name| name == role))
            .map_or(Self::Own, |(_, vendor)| *vendor)
    }

    /// How its log is made to tell rows.
    pub(super) const fn enable_log(self) -> &'static str {
        match self {
            Self::Own => "ALTER SYSTEM SET wal_level = logical, then restart the server",
            Self::Aws => {
                "rds.logical_replication = 1 in the parameter group of the instance (Aurora: of the cluster), then \
                 reboot it"
            }
            Self::Azure => {
                "wal_level = LOGICAL under the server parameters in the Azure portal, then restart the server"
            }
            Self::CloudSql => {
                "the flag cloudsql.logical_decoding = on of the instance, which restarts it"
            }
            Self::AlloyDb => {
                "the flag alloydb.logical_decoding = on of the instance, which restarts it"
            }
            Self::Neon => "logical replication in the settings of the Neon project",
            Self::Supabase | Self::DigitalOcean | Self::Aiven => {
                "wal_level = logical in the settings of the service, then a restart"
            }
        }
    }

    /// How an account may read the log. `role` is quoted.
    pub(super) fn allow_replication(self, role: &str) -> String {
        match self {
            Self::Aws => format!("GRANT rds_replication TO {role}"),
            _ => format!("ALTER ROLE {role} REPLICATION"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn managed_service_gets_its_own_remedy() {
        let of = |roles: &[&str]| {
            let roles: Vec<String> = roles.iter().map(|role| (*role).to_owned()).collect();
            Vendor::by_roles(&roles)
        };
        assert!(of(&[]).enable_log().contains("ALTER SYSTEM"));
        for (roles, remedy) in [
            (&["rds_superuser"][..], "rds.logical_replication"),
            (&["azure_pg_admin"], "Azure portal"),
            (&["cloudsqlsuperuser"], "cloudsql.logical_decoding"),
            (
                &["cloudsqlsuperuser", "alloydbsuperuser"],
                "alloydb.logical_decoding",
            ),
            (&["neon_superuser"], "Neon project"),
        ] {
            let told = of(roles).enable_log();
            assert!(told.contains(remedy), "{told}");
            assert!(!told.contains("ALTER SYSTEM"), "{told}");
        }
        assert_eq!(
            of(&["rds_superuser"]).allow_replication("rep"),
            "GRANT rds_replication TO rep"
        );
        assert_eq!(
            of(&["doadmin"]).allow_replication("rep"),
            "ALTER ROLE rep REPLICATION"
        );
    }
}
