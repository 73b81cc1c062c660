//! Typed report parameters: declaration, reading a value from text, and the values that are bound to a query.

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};

/// The declared type of a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ParamType {
    /// Any text.
    Text,
    /// A signed 64-bit integer.
    Integer,
    /// A decimal of any precision, kept as its exact text.
    Decimal,
    /// A 64-bit IEEE 754 number.
    Float,
    /// `true` or `false`.
    Boolean,
    /// A calendar date, `YYYY-MM-DD`.
    Date,
    /// A date and time, with or without a zone offset.
    Timestamp,
}

/// A declared parameter of a report.
#[derive(Clone, Debug, PartialEq)]
pub struct ParamSpec {
    /// Its name, as in `:name`.
    pub name: String,
    /// The type of the value, or of each value of a list.
    pub kind: ParamType,
    /// Whether it takes a list of values, for `IN (:name)`.
    pub list: bool,
    /// Used where the caller gives no value.
    pub default: Option<Value>,
}

/// A value bound to a parameter.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// SQL NULL.
    Null,
    /// Any text.
    Text(String),
    /// A signed 64-bit integer.
    Integer(i64),
    /// The decimal's exact text: optional sign, digits, optional point and digits.
    Decimal(String),
    /// A 64-bit IEEE 754 number.
    Float(f64),
    /// A truth value.
    Boolean(bool),
    /// A calendar date.
    Date(NaiveDate),
    /// A date and time without a zone, to the microsecond.
    Timestamp(NaiveDateTime),
    /// An instant, to the microsecond.
    TimestampUtc(DateTime<Utc>),
    /// Values for `IN (:name)`.
    List(Vec<Value>),
}

/// A value for every parameter of a report, in the report's order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Params(pub Vec<(String, Value)>);

/// A parameter that cannot be used as given; the message names it, the cause and the remedy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ParamError(pub String);

impl super::Report {
    /// Reads `name=value` texts against the declarations; fills in defaults; refuses unknown and missing names.
    pub fn bind(&self, _given: &[(String, String)]) -> Result<Params, ParamError> {
        todo!()
    }
}

impl Params {
    /// One line for people, `since=1995-01-01 region=ASIA`; empty for no parameters.
    pub fn summary(&self) -> String {
        todo!()
    }

    /// The parameters as one JSON object of `{type, value}`, as kept in an entry's header.
    pub fn to_json(&self) -> serde_json::Value {
        todo!()
    }

    /// Reads [`Params::to_json`] back, exactly.
    pub fn from_json(_json: &serde_json::Value) -> Result<Self, ParamError> {
        todo!()
    }
}
