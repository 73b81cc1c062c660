//! Parameters as MySQL takes them: bound, with a cast where the protocol would lose the type.

use sqlx::mysql::MySqlArguments;

use crate::report::{Dialect, Rendered, Value, line_column};
use crate::source::{Query, SourceError, bind};

/// Values that one query takes: the protocol counts them in 16 bits.
const MOST: usize = 65_535;
/// The digits of a decimal, and those of them that may stand after the point.
const DIGITS: usize = 65;
const SCALE: usize = 30;

/// A report's SQL with the values to bind.
pub(in crate::source) struct Statement {
    original: String,
    rendered: Rendered,
}

impl Statement {
    pub(super) fn new(query: &Query) -> Result<Self, SourceError> {
        let rendered = bind::template(&query.sql, Dialect::MySql)?
            .render(
                &query.params,
                "SELECT NULL FROM DUAL WHERE FALSE",
                |_, value| placeholder(value),
            )
            .map_err(|error| SourceError::Param(error.to_string()))?;
        if let Some(long) = rendered.values.iter().find(|value| is_too_long(value)) {
            return Err(SourceError::Param(format!(
                "the decimal {} has more digits than the server's decimals: {DIGITS}, of which {SCALE} after the point; \
                 declare the parameter as float or text",
                long.text()
            )));
        }
        bind::refuse_too_many(rendered.values.len(), MOST, "the server")?;
        Ok(Self {
            original: query.sql.clone(),
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

/// The digits of a decimal, and those after its point.
fn digits(text: &str) -> (usize, usize) {
    let count = |text: &str| text.bytes().filter(u8::is_ascii_digit).count();
    let scale = text
        .split_once('.')
        .map_or(0, |(_, fraction)| count(fraction));
    let whole = text
        .split('.')
        .next()
        .map_or(0, |whole| count(whole.trim_start_matches(['-', '0'])));
    ((whole + scale).max(1), scale)
}

/// Whether no decimal of the server's holds the value: then it is refused, for a float would be another value.
fn is_too_long(value: &Value) -> bool {
    let Value::Decimal(text) = value else {
        return false;
    };
    let (precision, scale) = digits(text);
    precision > DIGITS || scale > SCALE
}

fn placeholder(value: &Value) -> String {
    match value {
        Value::Decimal(text) => {
            let (precision, scale) = digits(text);
            format!("CAST(? AS DECIMAL({precision},{scale}))")
        }
        Value::Date(_) => "CAST(? AS DATE)".to_owned(),
        Value::Timestamp(_) | Value::TimestampUtc(_) => "CAST(? AS DATETIME(6))".to_owned(),
        _ => "?".to_owned(),
    }
}
