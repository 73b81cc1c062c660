//! The `:name` parameters in a report's SQL: found once, outside strings, quoted names, comments and `::` casts.

/// A piece of a report's SQL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// SQL that is sent as it stands.
    Sql(String),
    /// A parameter's name, to be replaced by the database's placeholder.
    Param(String),
}

/// SQL split at its parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(pub Vec<Piece>);

/// SQL that cannot be split, for example an unterminated string.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct TemplateError {
    /// Cause and remedy.
    pub message: String,
    /// Byte offset into the SQL.
    pub at: usize,
}

impl Template {
    /// Splits `sql` at its `:name` parameters.
    pub fn parse(_sql: &str, _dialect: super::Dialect) -> Result<Self, TemplateError> {
        todo!()
    }

    /// Names of the parameters in order of first use.
    pub fn names(&self) -> Vec<&str> {
        todo!()
    }
}
