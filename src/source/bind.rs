//! A report's SQL as it is sent, and the values that go with it.

use std::collections::HashMap;

use sqlx::{Arguments, Encode, Type};

use super::SourceError;
use crate::report::{Dialect, Params, Piece, Template, Value, line_column};

/// Reads a report's SQL; the error says where it is wrong.
pub(super) fn template(sql: &str, dialect: Dialect) -> Result<Template, SourceError> {
    Template::parse(sql, dialect).map_err(|error| SourceError::Sql {
        position: Some(line_column(sql, error.at)),
        message: error.message,
    })
}

/// The values of a report, each once however often its parameter stands in the SQL.
pub(super) struct Slots {
    /// The values to bind: no NULL, which stands in the SQL itself, and an empty list as it is.
    pub(super) values: Vec<Value>,
    /// For each value in the order of the SQL, its place in `values`; `None` for NULL. An empty list counts as one.
    pub(super) places: Vec<Option<usize>>,
}

impl Slots {
    /// Counts the values of a report.
    pub(super) fn of(template: &Template, params: &Params) -> Self {
        let (mut values, mut places) = (Vec::new(), Vec::new());
        let mut known: HashMap<(&str, usize), usize> = HashMap::new();
        for piece in &template.0 {
            let Piece::Param(name) = piece else { continue };
            let parts = match params.get(name) {
                Some(Value::List(parts)) if !parts.is_empty() => parts.as_slice(),
                Some(value) => std::slice::from_ref(value),
                None => &[],
            };
            for (i, value) in parts.iter().enumerate() {
                places.push((!value.is_null()).then(|| {
                    *known.entry((name.as_str(), i)).or_insert_with(|| {
                        values.push(value.clone());
                        values.len() - 1
                    })
                }));
            }
        }
        Self { values, places }
    }
}

/// Refuses a query with more values than `product` takes in one.
pub(super) fn refuse_too_many(
    values: usize,
    most: usize,
    product: &str,
) -> Result<(), SourceError> {
    if values <= most {
        return Ok(());
    }
    Err(SourceError::Param(format!(
        "the report binds {} values, and {product} takes at most {} in one query; give shorter lists, or keep the values \
         in a table and join it",
        crate::human::count(values as u64),
        crate::human::count(most as u64)
    )))
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
            Value::Null | Value::NullOf(_) | Value::List(_) => arguments.add(None::<String>),
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
