//! What a report is: a named SQL query with typed parameters and a cache policy; and the key of its entries.
//!
//! This module never runs a query.

mod catalogue;
mod key;
mod leeway;
pub mod lex;
mod limits;
mod mentions;
mod param;
pub(crate) mod parse;
mod plain;
mod policy;
mod sql;
mod tables;
mod value;
mod volatility;

pub(crate) use tables::volatile_alone;

pub use catalogue::{Catalogue, Routine};
pub use key::{EntryKey, SourceIdentity};
pub use leeway::{Leeway, OrderKey};
pub use param::{ParamError, ParamSpec, ParamType, Params, Value};
pub use policy::{Refresh, ServeOnError, read_time, write_time};
pub use sql::{Mistake, Piece, Rendered, Template, TemplateError, line_column};
pub use tables::{Dependencies, Dialect};

use std::time::Duration;

/// A named SQL query with typed parameters and a cache policy.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// Unique in its workspace.
    pub name: String,
    /// Name of the source it runs on.
    pub source: String,
    /// One SELECT (or WITH ... SELECT) with `:name` parameters.
    pub sql: String,
    /// Declared parameters in the file's order.
    pub params: Vec<ParamSpec>,
    /// After this the entry is no longer fresh.
    pub ttl: Duration,
    /// How long past `ttl` the entry may still be served, marked stale.
    pub stale_for: Duration,
    /// Whether old rows may be served after a refresh that failed.
    pub serve_on_error: ServeOnError,
    /// When the worker re-runs it.
    pub refresh: Refresh,
    /// Tables it depends on, where the user names them; else they are read from the SQL.
    pub tables: Option<Vec<String>>,
    /// How long the query may run; the source's timeout where it is `None`.
    pub timeout: Option<Duration>,
    /// Whether the user answers for the SQL: it runs although it cannot be parsed as one SELECT, and whichever
    /// functions it calls.
    pub trusted_sql: bool,
}
