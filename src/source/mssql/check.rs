//! The connection test, step by step.

use tiberius::error::Error;

use super::address::Settings;
use super::link::Link;
use super::snapshot::no_snapshot;
use crate::source::failure::Address;
use crate::source::steps::Steps;

/// What works on a connection, and what the account may read.
pub(super) async fn look(
    address: &Address,
    settings: &Settings,
    mut link: Link,
    steps: &mut Steps<'_>,
) -> Result<(), Error> {
    let version = "SELECT CAST(@@VERSION AS nvarchar(1000)), CAST(SERVERPROPERTY('ProductVersion') AS nvarchar(128))";
    let rows = link.optional(version).await?;
    let mut cells = rows.into_iter().flatten().flatten();
    let banner = cells.next().flatten().unwrap_or_default();
    let number = cells.next().flatten().unwrap_or_default();
    let version = product(&banner, &number);
    steps.version(&version);
    link.execute("BEGIN TRANSACTION; SELECT 1; ROLLBACK TRANSACTION")
        .await?;
    steps.ok(
        format!(
            "Signed in as {}; what a report does is rolled back",
            address.user
        ),
        version,
    );
    steps.encryption(address, settings.encrypted.then_some("TLS"));
    if link.allows_snapshot {
        steps.ok("Reports read a snapshot", "");
    } else if link.versions {
        steps.ok("Each SELECT reads a snapshot", "");
    } else {
        steps.warn("Reports read no snapshot", no_snapshot(&address.database));
    }
    // The server lists only what the account has some right on.
    let may = "SELECT CAST(SUM(HAS_PERMS_BY_NAME(QUOTENAME(SCHEMA_NAME(schema_id)) + '.' + QUOTENAME(name), 'OBJECT', \
               'SELECT')) AS bigint), CAST(COUNT(*) AS bigint) FROM sys.objects WHERE type IN ('U', 'V') AND \
               is_ms_shipped = 0";
    let Some(rows) = link.optional(may).await? else {
        steps.warn(
            "Tables",
            format!(
                "the server does not tell which tables {} may read",
                address.user
            ),
        );
        return Ok(());
    };
    let mut counts = rows
        .into_iter()
        .flatten()
        .map(|count| count.and_then(|count| count.parse().ok()).unwrap_or(0));
    let (readable, all) = (counts.next().unwrap_or(0), counts.next().unwrap_or(0));
    steps.tables(&address.user, readable, all);
    Ok(())
}

/// `SQL Server 2022 16.0.1000.6`; another product that speaks the protocol by its own name.
fn product(banner: &str, number: &str) -> String {
    let first = banner.lines().next().unwrap_or_default();
    if let Some(rest) = first.strip_prefix("Microsoft SQL Server ") {
        let year = rest.split(' ').next().unwrap_or_default();
        return format!("SQL Server {year} {number}");
    }
    match first.split(['(', '-']).next().map(str::trim) {
        Some(name) if !name.is_empty() => name.to_owned(),
        _ => format!("SQL Server {number}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_are_called_what_they_are() {
        for (banner, want) in [
            (
                "Microsoft SQL Server 2022 (RTM) - 16.0.1000.6 (X64)\n\tOct",
                "SQL Server 2022 16.0",
            ),
            (
                "Babelfish for PostgreSQL with SQL Server Compatibility - 12.0.2000.8",
                "Babelfish for PostgreSQL with SQL Server Compatibility",
            ),
            ("", "SQL Server 16.0"),
        ] {
            assert_eq!(product(banner, "16.0"), want);
        }
    }
}
