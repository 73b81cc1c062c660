//! The tables a report depends on, read from its SQL through CTEs, subqueries and views.

use std::collections::{BTreeMap, BTreeSet};

/// The SQL dialect of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// SQLite.
    Sqlite,
    /// MySQL and MariaDB.
    MySql,
    /// PostgreSQL.
    Postgres,
    /// Microsoft SQL Server.
    MsSql,
}

/// What the source's catalogue says, as far as dependencies need it.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    /// Base tables, by the name as the detector reports it (`orders`, `schema.orders` outside the default schema).
    pub tables: BTreeSet<String>,
    /// Views and the SELECT that defines each.
    pub views: BTreeMap<String, String>,
}

/// What a report's answer depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dependencies {
    /// These base tables and nothing else; with each view on the way, for display.
    Tables {
        /// Base tables.
        tables: BTreeSet<String>,
        /// Views the SQL names, directly or through another view, and the base tables under each.
        views: BTreeMap<String, BTreeSet<String>>,
    },
    /// Any change of the source, with the reason in one sentence.
    AnyChange(String),
}

impl Dependencies {
    /// The pseudo-table whose position moves with every change of the source.
    pub const ANY: &'static str = "*";

    /// Reads the dependencies of `sql`.
    pub fn of(_sql: &str, _dialect: Dialect, _catalogue: &Catalogue) -> Self {
        todo!()
    }

    /// Names as kept in an entry's header: the tables, or [`Dependencies::ANY`] alone.
    pub fn names(&self) -> Vec<String> {
        match self {
            Self::Tables { tables, .. } => tables.iter().cloned().collect(),
            Self::AnyChange(_) => vec![Self::ANY.to_owned()],
        }
    }
}
