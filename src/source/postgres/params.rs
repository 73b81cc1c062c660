//! Parameters as PostgreSQL takes them: bound, each with its type.

use sqlx::Type;
use sqlx::postgres::{PgArguments, PgTypeInfo, Postgres as Pg};

use crate::report::{Dialect, Params, Rendered, Value, lex, line_column};
use crate::source::{SourceError, bind};

/// A type for the rows that an empty list does not have: `x IN (SELECT ...)` is checked although there are none.
const LIST_TYPES: [&str; 4] = ["text", "bigint", "timestamp", "boolean"];

/// A report's SQL with the values to bind.
pub(in crate::source) struct Statement {
    /// The report's SQL.
    original: String,
    rendered: Rendered,
    /// What to try in turn where a list is empty; else only one.
    variants: Vec<Rendered>,
}

impl Statement {
    pub(super) fn new(sql: &str, params: &Params) -> Result<Self, SourceError> {
        let template = bind::template(sql, Dialect::Postgres)?;
        let has_empty_list = params
            .0
            .iter()
            .any(|(_, value)| matches!(value, Value::List(values) if values.is_empty()));
        let types = if has_empty_list {
            &LIST_TYPES[..]
        } else {
            &LIST_TYPES[..1]
        };
        let mut variants = types
            .iter()
            .map(|kind| {
                let none = format!("SELECT NULL::{kind} WHERE false");
                template
                    .render(params, &none, placeholder)
                    .map_err(|error| SourceError::Param(error.to_string()))
            })
            .collect::<Result<Vec<_>, _>>()?;
        let rendered = variants.remove(0);
        Ok(Self {
            original: sql.to_owned(),
            rendered,
            variants,
        })
    }

    /// What is sent, without the semicolon and what stands behind it, which would not fit into a subselect.
    pub(super) fn sql(&self) -> &str {
        let sql = &self.rendered.sql;
        let end = lex::tokens(sql, Dialect::Postgres)
            .flatten()
            .find(|token| token.kind == lex::Kind::Symbol && &sql[token.at..token.end] == ";")
            .map_or(sql.len(), |token| token.at);
        &sql[..end]
    }

    /// Tries another type for the empty lists; `false` when there is none left.
    pub(super) fn next_variant(&mut self) -> bool {
        if self.variants.is_empty() {
            return false;
        }
        self.rendered = self.variants.remove(0);
        true
    }

    /// Line and column in the report's SQL of a character position (from 1) in what was sent, `before` bytes of
    /// which precede [`Statement::sql`].
    pub(super) fn position(
        &self,
        sent: &str,
        character: usize,
        before: usize,
    ) -> Option<(usize, usize)> {
        let at = sent
            .char_indices()
            .nth(character.checked_sub(1)?)
            .map_or(sent.len(), |(at, _)| at);
        let at = at.checked_sub(before)?;
        Some(line_column(&self.original, self.rendered.original(at)))
    }

    /// The types of the values, as they are bound.
    pub(super) fn types(&self) -> Vec<PgTypeInfo> {
        let kind = |value: &Value| match value {
            Value::Integer(_) => <i64 as Type<Pg>>::type_info(),
            Value::Float(_) => <f64 as Type<Pg>>::type_info(),
            Value::Boolean(_) => <bool as Type<Pg>>::type_info(),
            _ => <String as Type<Pg>>::type_info(),
        };
        self.rendered.values.iter().map(kind).collect()
    }

    /// The values in the order of the placeholders. A NULL is never referenced: it stands in the SQL itself, where it
    /// takes any type.
    pub(super) fn arguments(&self) -> Result<PgArguments, SourceError> {
        bind::arguments(&self.rendered.values, "+00")
    }
}

fn placeholder(number: usize, value: &Value) -> String {
    match value {
        Value::Null | Value::List(_) => "NULL".to_owned(),
        Value::Text(_) => format!("${number}"),
        Value::Decimal(_) => format!("(${number}::text::numeric)"),
        Value::Integer(_) => format!("(${number}::bigint)"),
        Value::Float(_) => format!("(${number}::float8)"),
        Value::Boolean(_) => format!("(${number}::boolean)"),
        Value::Date(_) => format!("(${number}::text::date)"),
        Value::Timestamp(_) => format!("(${number}::text::timestamp)"),
        Value::TimestampUtc(_) => format!("(${number}::text::timestamptz)"),
    }
}
