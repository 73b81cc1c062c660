//! Parameters as SQL Server takes them: bound through `sp_executesql`, each with its type.

use std::borrow::Cow;

use chrono::{Datelike, NaiveDate, NaiveDateTime, Timelike};
use tiberius::ColumnData;
use tiberius::numeric::Numeric;
use tiberius::time::{Date, DateTime2, DateTimeOffset, Time};

use crate::report::{Dialect, ParamType, Rendered, Value, line_column};
use crate::source::bind::{self, Slots};
use crate::source::{Query, SourceError};

/// A longer text travels as `nvarchar(max)`; the driver counts bytes.
const SHORT_TEXT: usize = 4000;
/// More digits than a decimal has here go as text.
const DIGITS: usize = 38;
/// Values that one query takes: 2,100, of which `sp_executesql` has two for itself.
const MOST: usize = 2098;

/// A report's SQL with the values to bind.
pub(in crate::source) struct Statement {
    original: String,
    rendered: Rendered,
    values: Vec<ColumnData<'static>>,
}

impl Statement {
    pub(super) fn new(query: &Query) -> Result<Self, SourceError> {
        let template = bind::template(&query.sql, Dialect::MsSql)?;
        // One parameter is one @P1 at each of its places, so that GROUP BY takes an expression with it for the same.
        let slots = Slots::of(&template, &query.params);
        bind::refuse_too_many(slots.values.len(), MOST, "SQL Server")?;
        // An empty list has a place of its own, and is not among what is rendered one by one.
        let is_list = |slot: &Option<usize>| {
            slot.is_some_and(|slot| matches!(slots.values[slot], Value::List(_)))
        };
        let places: Vec<Option<usize>> = slots
            .places
            .iter()
            .filter(|slot| !is_list(slot))
            .copied()
            .collect();
        if let Some(long) = slots.values.iter().find(|value| is_too_long(value)) {
            return Err(SourceError::Param(format!(
                "the decimal {} has more digits than the {DIGITS} of SQL Server; declare the parameter as float or text",
                long.text()
            )));
        }
        let rendered = template
            .render(&query.params, "SELECT NULL WHERE 1 = 0", |number, value| {
                placeholder(places.get(number - 1).copied().flatten(), value)
            })
            .map_err(|error| SourceError::Param(error.to_string()))?;
        let values = slots.values.iter().map(bound).collect();
        Ok(Self {
            original: query.sql.clone(),
            rendered,
            values,
        })
    }

    /// What is sent.
    pub(super) fn sql(&self) -> &str {
        &self.rendered.sql
    }

    /// The values in the order of the placeholders. A NULL is never referenced.
    pub(super) fn values(&self) -> &[ColumnData<'static>] {
        &self.values
    }

    /// The types of the values, as `sp_executesql` has them declared.
    pub(super) fn declarations(&self) -> String {
        let declared = self
            .values
            .iter()
            .enumerate()
            .map(|(i, value)| format!("@P{} {}", i + 1, declared(value)));
        declared.collect::<Vec<_>>().join(",")
    }

    /// Where a line of what was sent stands in the report's SQL.
    pub(super) fn position(&self, line: u32) -> Option<(usize, usize)> {
        let sent = &self.rendered.sql;
        let line = usize::try_from(line).ok()?.checked_sub(1)?;
        let start: usize = sent.split_inclusive('\n').take(line).map(str::len).sum();
        // The first line alone says nothing that is not plain.
        let rest = sent.get(start..).filter(|_| line > 0)?;
        let at = start + (rest.len() - rest.trim_start().len());
        Some(line_column(&self.original, self.rendered.original(at)))
    }
}

/// A NULL stands in the SQL itself, with its type; the driver would send it without one, which a server may refuse.
fn placeholder(slot: Option<usize>, value: &Value) -> String {
    let number = slot.map_or(0, |slot| slot + 1);
    match value {
        Value::NullOf(kind) => format!("CAST(NULL AS {})", null_type(*kind)),
        Value::Null | Value::List(_) => "CAST(NULL AS nvarchar(4000))".to_owned(),
        Value::Decimal(text) if numeric(text).is_none() => {
            let fraction = text
                .split_once('.')
                .map_or(0, |(_, fraction)| fraction.len());
            format!("CAST(@P{number} AS decimal({DIGITS},{fraction}))")
        }
        _ => format!("@P{number}"),
    }
}

/// Whether no decimal of the server's holds the value: then it is refused, for a float would be another value.
fn is_too_long(value: &Value) -> bool {
    let Value::Decimal(text) = value else {
        return false;
    };
    let is_fraction =
        matches!(text.split_once('.'), Some(("0" | "-0", fraction)) if fraction.len() <= DIGITS);
    numeric(text).is_none() && !is_fraction
}

/// The type of a NULL. That of a decimal leaves room on both sides of the point for what it is combined with: the type
/// of `COALESCE(NULL, price)` is made of both.
const fn null_type(kind: ParamType) -> &'static str {
    match kind {
        ParamType::Text => "nvarchar(4000)",
        ParamType::Integer => "bigint",
        ParamType::Decimal => "decimal(38,10)",
        ParamType::Float => "float(53)",
        ParamType::Boolean => "bit",
        ParamType::Date => "date",
        ParamType::Timestamp => "datetime2",
    }
}

fn bound(value: &Value) -> ColumnData<'static> {
    match value {
        // Not referenced, but the numbers of the others count it.
        Value::Null | Value::NullOf(_) | Value::List(_) => ColumnData::I32(None),
        Value::Text(text) => ColumnData::String(Some(Cow::Owned(text.clone()))),
        Value::Integer(value) => ColumnData::I64(Some(*value)),
        Value::Float(value) => ColumnData::F64(Some(*value)),
        Value::Boolean(value) => ColumnData::Bit(Some(*value)),
        Value::Decimal(text) => match numeric(text) {
            Some(value) => ColumnData::Numeric(Some(value)),
            None => ColumnData::String(Some(Cow::Owned(text.clone()))),
        },
        Value::Date(value) => ColumnData::Date(Some(Date::new(days(*value)))),
        Value::Timestamp(value) => ColumnData::DateTime2(Some(date_time(*value))),
        Value::TimestampUtc(value) => {
            ColumnData::DateTimeOffset(Some(DateTimeOffset::new(date_time(value.naive_utc()), 0)))
        }
    }
}

/// As the driver declares it.
fn declared(value: &ColumnData<'_>) -> Cow<'static, str> {
    match value {
        ColumnData::I32(_) => "int".into(),
        ColumnData::I64(_) => "bigint".into(),
        ColumnData::F64(_) => "float(53)".into(),
        ColumnData::Bit(_) => "bit".into(),
        ColumnData::String(Some(text)) if text.len() > SHORT_TEXT => "nvarchar(max)".into(),
        ColumnData::Numeric(Some(value)) => {
            format!("numeric({},{})", value.precision(), value.scale()).into()
        }
        ColumnData::Date(_) => "date".into(),
        ColumnData::DateTime2(_) => "datetime2".into(),
        ColumnData::DateTimeOffset(_) => "datetimeoffset".into(),
        _ => "nvarchar(4000)".into(),
    }
}

/// A decimal's text as the number it is; `None` where it has more digits than the server's.
fn numeric(text: &str) -> Option<Numeric> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all = format!("{whole}{fraction}");
    let counted = all.trim_start_matches('0').len().max(fraction.len() + 1);
    if counted > DIGITS {
        return None;
    }
    let value: i128 = all.parse().ok()?;
    Some(Numeric::new_with_scale(sign * value, fraction.len() as u8))
}

/// Days since the first of year 1. A day that the server does not have is sent as one that it refuses.
fn days(date: NaiveDate) -> u32 {
    const MOST: u32 = (1 << 24) - 1;
    u32::try_from(date.num_days_from_ce() - 1).map_or(MOST, |days| days.min(MOST))
}

fn date_time(value: NaiveDateTime) -> DateTime2 {
    let seconds = u64::from(value.num_seconds_from_midnight());
    let ticks = seconds * 10_000_000 + u64::from(value.nanosecond() % 1_000_000_000) / 100;
    DateTime2::new(Date::new(days(value.date())), Time::new(ticks, 7))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::report::Params;

    fn statement(sql: &str, params: Vec<(&str, Value)>) -> Statement {
        let params = params
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value));
        Statement::new(&Query {
            sql: sql.to_owned(),
            params: Params(params.collect()),
            timeout: None,
            trusted: false,
        })
        .unwrap()
    }

    #[test]
    fn every_value_has_a_type_and_a_null_stands_in_the_sql() {
        let params = vec![
            ("a", Value::Null),
            ("b", Value::Decimal("-12.50".to_owned())),
            (
                "c",
                Value::List(vec![Value::Integer(1), Value::Text("x".to_owned())]),
            ),
            ("d", Value::Decimal(format!("0.{}", "9".repeat(38)))),
            ("e", Value::List(Vec::new())),
            ("f", Value::Boolean(true)),
        ];
        let sql = "SELECT :a, :b WHERE 1 IN (:c) AND 2 < :d\n AND 3 IN (:e) AND :f = :f";
        let statement = statement(sql, params);
        assert_eq!(
            statement.sql(),
            "SELECT CAST(NULL AS nvarchar(4000)), @P1 WHERE 1 IN (@P2, @P3) AND 2 < CAST(@P4 AS decimal(38,38))\n AND 3 IN \
             (SELECT NULL WHERE 1 = 0) AND @P6 = @P6"
        );
        assert_eq!(
            statement.declarations(),
            "@P1 numeric(4,2),@P2 bigint,@P3 nvarchar(4000),@P4 nvarchar(4000),@P5 int,@P6 bit"
        );
        assert_eq!(statement.position(2), Some((2, 2)));
    }

    #[test]
    fn decimal_of_39_digits_is_refused() {
        let error = Statement::new(&Query {
            sql: "SELECT :d".to_owned(),
            params: Params(vec![("d".to_owned(), Value::Decimal("9".repeat(39)))]),
            timeout: None,
            trusted: false,
        });
        let sentence = error.err().unwrap().to_string();
        assert!(sentence.contains("more digits than the 38"), "{sentence}");
    }

    #[test]
    fn null_has_the_declared_type() {
        for (kind, want) in [
            (ParamType::Text, "nvarchar(4000)"),
            (ParamType::Integer, "bigint"),
            (ParamType::Decimal, "decimal(38,10)"),
            (ParamType::Float, "float(53)"),
            (ParamType::Boolean, "bit"),
            (ParamType::Date, "date"),
            (ParamType::Timestamp, "datetime2"),
        ] {
            let statement = statement("SELECT :p", vec![("p", Value::NullOf(kind))]);
            assert_eq!(statement.sql(), format!("SELECT CAST(NULL AS {want})"));
            assert_eq!(statement.declarations(), "");
        }
    }

    #[test]
    fn decimals_keep_all_their_digits() {
        for (text, want) in [
            ("0.05", Some((5, 2))),
            (
                "-99999999999999999999999999999999999999",
                Some((-99_999_999_999_999_999_999_999_999_999_999_999_999, 0)),
            ),
            ("0.99999999999999999999999999999999999999", None),
        ] {
            let found = numeric(text).map(|value| (value.value(), value.scale()));
            assert_eq!(found, want, "{text}");
        }
    }
}
