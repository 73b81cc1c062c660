//! What do the server's settings and the account allow?

use std::collections::{BTreeMap, BTreeSet};

use crate::report::Dependencies;

use super::super::Blind;
use super::ask::{Asker, cell, quoted};

/// Every table of the database, whether Change Tracking is on for it, and whether it could be: it needs a primary key.
const TABLES: &str = "SELECT SCHEMA_NAME(t.schema_id), t.name, \
     CASE WHEN SCHEMA_NAME(t.schema_id) = SCHEMA_NAME() THEN 1 ELSE 0 END, \
     CASE WHEN EXISTS (SELECT 1 FROM sys.change_tracking_tables c WHERE c.object_id = t.object_id) THEN 1 ELSE 0 END, \
     CASE WHEN EXISTS (SELECT 1 FROM sys.indexes i WHERE i.object_id = t.object_id AND i.is_primary_key = 1) THEN 1 \
     ELSE 0 END FROM sys.tables t WHERE t.is_ms_shipped = 0";
/// The same of a server that has no Change Tracking.
const NAMES: &str = "SELECT SCHEMA_NAME(t.schema_id), t.name, \
     CASE WHEN SCHEMA_NAME(t.schema_id) = SCHEMA_NAME() THEN 1 ELSE 0 END, 0, 1 FROM sys.tables t WHERE t.is_ms_shipped = 0";

/// Tables that no Change Tracking and no counter tells of, and why. Servers before 2016 do not know the columns.
const BEYOND: &str = "SELECT SCHEMA_NAME(t.schema_id), t.name, \
     CASE WHEN SCHEMA_NAME(t.schema_id) = SCHEMA_NAME() THEN 1 ELSE 0 END, \
     CASE WHEN t.temporal_type = 1 THEN 'history' WHEN t.is_memory_optimized = 1 THEN 'memory-optimized' ELSE 'external' \
     END FROM sys.tables t WHERE t.is_ms_shipped = 0 AND (t.temporal_type = 1 OR t.is_memory_optimized = 1 OR \
     t.is_external = 1)";

/// The database, its user, and whether Change Tracking is on.
const DATABASE: &str = "SELECT DB_NAME(), USER_NAME(), \
     CASE WHEN EXISTS (SELECT 1 FROM sys.change_tracking_databases c WHERE c.database_id = d.database_id) THEN 1 ELSE 0 \
     END FROM sys.databases d WHERE d.database_id = DB_ID()";

/// Which of its histories the database is in: another one after each RESTORE to a point in time. (`service_broker_guid` is
/// restored with the database.) NULL for an account that may not see it.
const FORK: &str = "SELECT CAST(r.recovery_fork_guid AS nvarchar(36)) FROM sys.database_recovery_status r WHERE \
     r.database_id = DB_ID()";

/// Whether the counters of writes, and the transactions that are open, may be seen.
pub(super) const OPEN: &str = "SELECT COUNT(*) FROM sys.dm_tran_database_transactions WHERE database_id = DB_ID() AND \
     database_transaction_begin_time IS NOT NULL";
const COUNTS: &str = "SELECT COUNT(*) FROM sys.dm_db_index_usage_stats WHERE database_id = DB_ID()";

/// How long SQL Server is told to keep what changed: a detector that was away for less misses nothing.
const RETENTION: &str = "CHANGE_RETENTION = 2 DAYS, AUTO_CLEANUP = ON";

/// What there is to work with.
pub(super) struct Look {
    database: String,
    user: String,
    /// Which history of the database it is; empty where the account may not see it.
    pub(super) history: String,
    /// Whether the server has Change Tracking at all; another product that speaks the protocol may not.
    has_tracking: bool,
    /// Tables whose changes cannot be seen, as reports call them, and of what kind each is.
    pub(super) beyond: BTreeMap<String, String>,
    /// Whether Change Tracking is on for the database.
    on: bool,
    /// Tables with Change Tracking: as reports call them, and as SQL does.
    pub(super) tracked: BTreeMap<String, String>,
    /// Tables without it, and whether it could be switched on.
    pub(super) untracked: Vec<(String, bool)>,
    /// Why Change Tracking cannot be read though it is on.
    pub(super) refused: Option<String>,
    /// Whether the counters can be read.
    pub(super) counts: bool,
}

impl Look {
    /// Asks the server; nothing is begun.
    pub(super) async fn take(asker: &Asker) -> Result<Self, Blind> {
        let database = asker.allowed(DATABASE).await?.unwrap_or_default();
        let database = database.into_iter().next().unwrap_or_default();
        let tables = asker.allowed(TABLES).await?;
        let has_tracking = tables.is_ok();
        let tables = match tables {
            Ok(tables) => tables,
            Err(_) => asker.allowed(NAMES).await?.map_err(|why| {
                Blind(format!(
                    "the tables of the database cannot be listed: {why}; grant the account VIEW DEFINITION"
                ))
            })?,
        };
        let mut look = Self {
            database: cell(&database, 0).to_owned(),
            user: cell(&database, 1).to_owned(),
            history: fork(asker).await?,
            beyond: BTreeMap::new(),
            has_tracking,
            on: cell(&database, 2) == "1",
            tracked: BTreeMap::new(),
            untracked: Vec::new(),
            refused: None,
            counts: false,
        };
        for row in asker.allowed(BEYOND).await?.unwrap_or_default() {
            look.beyond.insert(name(&row), cell(&row, 3).to_owned());
        }
        for row in &tables {
            if look.beyond.contains_key(&name(row)) {
                continue;
            }
            let sql = quoted(cell(row, 0), cell(row, 1));
            if cell(row, 3) == "1" {
                look.tracked.insert(name(row), sql);
            } else {
                look.untracked.push((sql, cell(row, 4) == "1"));
            }
        }
        if let Some(sql) = look.tracked.values().next() {
            let changes = format!("SELECT TOP 1 1 FROM CHANGETABLE(CHANGES {sql}, NULL) AS c");
            look.refused = asker.allowed(&changes).await?.err();
        }
        look.counts = asker.allowed(COUNTS).await?.is_ok() && asker.allowed(OPEN).await?.is_ok();
        Ok(look)
    }

    /// The tables whose changes cannot be seen, with "any change" where others do not change with them: a history table
    /// changes with its own.
    pub(super) fn unseen(&self) -> BTreeSet<String> {
        let mut unseen: BTreeSet<String> = self.beyond.keys().cloned().collect();
        if self.beyond.values().any(|kind| kind != "history") {
            unseen.insert(Dependencies::ANY.to_owned());
        }
        unseen
    }

    /// What cannot be seen because of what the database is, in words.
    pub(super) fn blind_spots(&self) -> Vec<String> {
        let mut spots = Vec::new();
        if !self.beyond.is_empty() {
            let listed: Vec<String> = self
                .beyond
                .iter()
                .map(|(table, kind)| format!("{table} ({kind})"))
                .collect();
            spots.push(format!(
                "the tables {}: reports on these are never called fresh",
                listed.join(", ")
            ));
        }
        if self.history.is_empty() {
            spots.push(format!(
                "a RESTORE of the database to another time while no worker is connected, because this account may not see \
                 recovery_fork_guid; GRANT VIEW ANY DEFINITION TO the login of {}",
                self.user
            ));
        }
        spots
    }

    /// Whether Change Tracking is on for every table that can have it, and may be read.
    pub(super) fn is_tracked(&self) -> bool {
        self.untracked.is_empty() && self.refused.is_none() && !self.tracked.is_empty()
    }

    /// The exact statements that would enable Change Tracking for every table; `None` where the server has none.
    pub(super) fn statements(&self) -> Option<String> {
        if !self.has_tracking {
            return None;
        }
        let mut statements = Vec::new();
        let part = |text: &str| format!("[{}]", text.replace(']', "]]"));
        if !self.on {
            statements.push(format!(
                "ALTER DATABASE {} SET CHANGE_TRACKING = ON ({RETENTION})",
                part(&self.database)
            ));
        }
        for (table, can) in &self.untracked {
            if *can {
                statements.push(format!("ALTER TABLE {table} ENABLE CHANGE_TRACKING"));
            } else {
                statements.push(format!(
                    "give {table} a primary key and ALTER TABLE {table} ENABLE CHANGE_TRACKING"
                ));
            }
        }
        // The owner may do everything already, and the server refuses to grant it anything.
        let owns = self.user.eq_ignore_ascii_case("dbo");
        if !owns && (self.refused.is_some() || self.tracked.is_empty()) {
            let schemas: BTreeSet<&str> = self
                .untracked
                .iter()
                .map(|(table, _)| table.as_str())
                .chain(self.tracked.values().map(String::as_str))
                .filter_map(|table| table.split_once("].[").map(|(schema, _)| schema))
                .collect();
            for schema in schemas {
                statements.push(format!(
                    "GRANT VIEW CHANGE TRACKING ON SCHEMA::{schema}] TO {}",
                    part(&self.user)
                ));
            }
        }
        Some(statements.join("; "))
    }

    /// What would let something watch this database.
    pub(super) fn remedy(&self) -> String {
        const COUNTERS: &str = "GRANT VIEW SERVER STATE to its login for the counters of writes";
        match self.statements().as_deref() {
            Some("") => COUNTERS.to_owned(),
            Some(statements) => format!("run {statements}, or {COUNTERS}"),
            None => format!("{COUNTERS}; this server has no Change Tracking"),
        }
    }
}

/// Which history of the database it is.
pub(super) async fn fork(asker: &Asker) -> Result<String, Blind> {
    let rows = asker.allowed(FORK).await?.unwrap_or_default();
    Ok(rows
        .first()
        .map(|row| cell(row, 0))
        .unwrap_or_default()
        .to_owned())
}

/// As reports call a table: without the schema where that is the account's own.
pub(super) fn name(row: &[Option<String>]) -> String {
    if cell(row, 2) == "1" {
        cell(row, 1).to_owned()
    } else {
        format!("{}.{}", cell(row, 0), cell(row, 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_statements_are_exact() {
        let mut look = Look {
            database: "sh]op".to_owned(),
            user: "reader".to_owned(),
            history: String::new(),
            has_tracking: true,
            beyond: BTreeMap::new(),
            on: false,
            tracked: BTreeMap::new(),
            untracked: vec![
                ("[dbo].[orders]".to_owned(), true),
                ("[dbo].[log]".to_owned(), false),
            ],
            refused: None,
            counts: false,
        };
        assert_eq!(
            look.statements().unwrap_or_default(),
            "ALTER DATABASE [sh]]op] SET CHANGE_TRACKING = ON (CHANGE_RETENTION = 2 DAYS, AUTO_CLEANUP = ON); ALTER TABLE \
             [dbo].[orders] ENABLE CHANGE_TRACKING; give [dbo].[log] a primary key and ALTER TABLE [dbo].[log] ENABLE \
             CHANGE_TRACKING; GRANT VIEW CHANGE TRACKING ON SCHEMA::[dbo] TO [reader]"
        );
        // "Cannot grant, deny, or revoke permissions to sa, dbo, ... or yourself."
        look.user = "dbo".to_owned();
        assert!(!look.remedy().contains("TO [dbo]"), "{}", look.remedy());
        look.has_tracking = false;
        assert!(!look.remedy().contains("ALTER"), "{}", look.remedy());
        look.has_tracking = true;
        look.on = true;
        look.untracked.clear();
        look.tracked = BTreeMap::from([("orders".to_owned(), "[dbo].[orders]".to_owned())]);
        assert_eq!(look.statements().as_deref(), Some(""));
    }

    #[test]
    fn table_that_cannot_be_tracked_is_named() {
        let look = |kind: &str| Look {
            database: "shop".to_owned(),
            user: "reader".to_owned(),
            history: "fork".to_owned(),
            has_tracking: true,
            beyond: BTreeMap::from([("old_orders".to_owned(), kind.to_owned())]),
            on: true,
            tracked: BTreeMap::from([("orders".to_owned(), "[dbo].[orders]".to_owned())]),
            untracked: Vec::new(),
            refused: None,
            counts: false,
        };
        let history = look("history");
        assert!(history.is_tracked());
        assert_eq!(history.unseen(), BTreeSet::from(["old_orders".to_owned()]));
        assert!(history.blind_spots()[0].contains("old_orders (history)"));
        assert!(
            look("memory-optimized")
                .unseen()
                .contains(Dependencies::ANY)
        );
        let unknown = Look {
            history: String::new(),
            ..look("history")
        };
        assert!(unknown.blind_spots()[1].contains("RESTORE"));
    }
}
