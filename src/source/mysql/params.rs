//! Parameters as MySQL takes them: bound, with a cast where the protocol would lose the type.

use sqlx::mysql::MySqlArguments;

use crate::report::{Dialect, Params, Rendered, Value, line_column};
use crate::source::{SourceError, bind};

/// A report's SQL with the values to bind.
pub(in crate::source) struct Statement {
    original: String,
    rendered: Rendered,
}

impl Statement {
    pub(super) fn new(sql: &str, params: &Params) -> Result<Self, SourceError> {
        let rendered = bind::template(sql, Dialect::MySql)?
            .render(params, "SELECT NULL FROM DUAL WHERE FALSE", |_, value| {
                placeholder(value)
            })
            .map_err(|error| SourceError::Param(error.to_string()))?;
        Ok(Self {
            original: sql.to_owned(),
            rendered,
        })
    }

    /// What is sent.
    pub(super) fn sql(&self) -> &str {
        &self.rendered.sql
    }

    /// Whether values are bound.
    pub(super) fn binds(&self) -> bool {
        !self.rendered.values.is_empty()
    }

    /// Line and column in the report's SQL, read from the message: `... near 'FROM t' at line 3`.
    pub(super) fn position(&self, message: &str) -> Option<(usize, usize)> {
        let (before, line) = message.rsplit_once("' at line ")?;
        let line: usize = line.trim().parse().ok()?;
        let sent = &self.rendered.sql;
        let start: usize = sent
            .split_inclusive('\n')
            .take(line.checked_sub(1)?)
            .map(str::len)
            .sum();
        let (_, near) = before.split_once("near '")?;
        let at = if near.is_empty() {
            sent.trim_end().len()
        } else {
            start + sent.get(start..)?.find(near).unwrap_or(0)
        };
        Some(line_column(&self.original, self.rendered.original(at)))
    }

    /// The values in the order of the placeholders. The session's time zone is UTC.
    pub(super) fn arguments(&self) -> Result<MySqlArguments, SourceError> {
        bind::arguments(&self.rendered.values, "")
    }
}

fn placeholder(value: &Value) -> String {
    match value {
        Value::Decimal(text) => {
            let digits = |text: &str| text.bytes().filter(u8::is_ascii_digit).count();
            let scale = text
                .split_once('.')
                .map_or(0, |(_, fraction)| digits(fraction));
            let precision = digits(text).max(scale).max(1);
            if precision <= 65 && scale <= 30 {
                format!("CAST(? AS DECIMAL({precision},{scale}))")
            } else {
                // More digits than the server has: it compares what it can.
                "(? + 0)".to_owned()
            }
        }
        Value::Date(_) => "CAST(? AS DATE)".to_owned(),
        Value::Timestamp(_) | Value::TimestampUtc(_) => "CAST(? AS DATETIME(6))".to_owned(),
        _ => "?".to_owned(),
    }
}
