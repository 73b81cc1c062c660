//! A report's SQL as it is sent, and the values that go with it.

use sqlx::{Arguments, Encode, Type};

use super::SourceError;
use crate::report::{Dialect, Template, Value, line_column};

/// Reads a report's SQL; the error says where it is wrong.
pub(super) fn template(sql: &str, dialect: Dialect) -> Result<Template, SourceError> {
    Template::parse(sql, dialect).map_err(|error| SourceError::Sql {
        position: Some(line_column(sql, error.at)),
        message: error.message,
    })
}

/// The values in the order of their placeholders. What has no type of its own in every protocol goes as text, and the
/// SQL around the placeholder makes it what it is; `utc` stands behind an instant.
pub(super) fn arguments<A: Arguments>(values: &[Value], utc: &str) -> Result<A, SourceError>
where
    for<'t> Option<String>: Encode<'t, A::Database> + Type<A::Database>,
    for<'t> String: Encode<'t, A::Database> + Type<A::Database>,
    for<'t> i64: Encode<'t, A::Database> + Type<A::Database>,
    for<'t> f64: Encode<'t, A::Database> + Type<A::Database>,
    for<'t> bool: Encode<'t, A::Database> + Type<A::Database>,
{
    let mut arguments = A::default();
    for value in values {
        let added = match value {
            Value::Null | Value::List(_) => arguments.add(None::<String>),
            Value::Text(text) | Value::Decimal(text) => arguments.add(text.clone()),
            Value::Integer(value) => arguments.add(*value),
            Value::Float(value) => arguments.add(*value),
            Value::Boolean(value) => arguments.add(*value),
            Value::Date(value) => arguments.add(value.format("%Y-%m-%d").to_string()),
            Value::Timestamp(value) => {
                arguments.add(value.format("%Y-%m-%d %H:%M:%S%.6f").to_string())
            }
            Value::TimestampUtc(value) => {
                arguments.add(format!("{}{utc}", value.format("%Y-%m-%d %H:%M:%S%.6f")))
            }
        };
        added
            .map_err(|error| SourceError::Param(format!("a parameter cannot be bound: {error}")))?;
    }
    Ok(arguments)
}
