//! Typed report parameters: their declarations, the values bound to a query, and both as JSON.
//!
//! Reading one value from text is in `value.rs`.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use serde_json::{Map, json};

use super::value;

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
    /// SQL NULL of a declared type: what [`super::Report::typed`] makes of [`Value::Null`] for a query.
    NullOf(ParamType),
    /// Any text.
    Text(String),
    /// A signed 64-bit integer.
    Integer(i64),
    /// The decimal's exact text: optional minus sign, digits, optional point and digits; no needless leading zero.
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

impl ParamType {
    /// Every type, in the order in which a form offers them.
    pub const ALL: [Self; 7] = [
        Self::Text,
        Self::Integer,
        Self::Decimal,
        Self::Float,
        Self::Boolean,
        Self::Date,
        Self::Timestamp,
    ];

    /// Its name in the workspace file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Integer => "integer",
            Self::Decimal => "decimal",
            Self::Float => "float",
            Self::Boolean => "boolean",
            Self::Date => "date",
            Self::Timestamp => "timestamp",
        }
    }

    /// The type with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

impl ParamSpec {
    /// The type as the workspace file writes it: `date`, `list of date`.
    pub fn type_name(&self) -> String {
        if self.list {
            format!("list of {}", self.kind.name())
        } else {
            self.kind.name().to_owned()
        }
    }

    /// Reads the type as the workspace file writes it: the element's type and whether it is a list.
    pub fn parse_type(text: &str) -> Option<(ParamType, bool)> {
        match text.strip_prefix("list of ") {
            Some(kind) => Some((ParamType::from_name(kind.trim())?, true)),
            None => Some((ParamType::from_name(text.trim())?, false)),
        }
    }

    /// Reads a value for this parameter, as typed on the command line or into a form.
    ///
    /// `\N` is NULL. A list is written with commas, `ASIA, EUROPE`; a value that holds a comma, or is empty, stands
    /// in double quotes, with a double quote inside it doubled; the empty text is the empty list.
    pub fn read(&self, text: &str) -> Result<Value, ParamError> {
        let read = if self.list {
            value::read_list(self.kind, text)
        } else {
            value::read(self.kind, text)
        };
        read.map_err(|why| ParamError(format!("parameter \"{}\": {why}", self.name)))
    }
}

impl super::Report {
    /// Reads `name=value` texts against the declarations (see [`ParamSpec::read`]); fills in defaults; refuses
    /// unknown and missing names. A list may be given several times, which joins the lists.
    pub fn bind(&self, given: &[(String, String)]) -> Result<Params, ParamError> {
        let mut values: BTreeMap<&str, Value> = BTreeMap::new();
        for (name, text) in given {
            let spec = self
                .params
                .iter()
                .find(|spec| spec.name == *name)
                .ok_or_else(|| self.unknown(name))?;
            let value = spec.read(text)?;
            match (values.get_mut(spec.name.as_str()), value) {
                (None, value) => {
                    values.insert(&spec.name, value);
                }
                (Some(Value::List(list)), Value::List(more)) => list.extend(more),
                (Some(_), _) => {
                    return Err(ParamError(format!(
                        "parameter \"{name}\" is given twice, and it takes one {}; give it once",
                        spec.kind.name()
                    )));
                }
            }
        }
        let mut bound = Vec::with_capacity(self.params.len());
        for spec in &self.params {
            let value = values.remove(spec.name.as_str()).or_else(|| spec.default.clone()).ok_or_else(|| {
                ParamError(format!(
                    "the report \"{}\" needs a value for parameter \"{}\" ({}); give -p {}=VALUE",
                    self.name,
                    spec.name,
                    spec.type_name(),
                    spec.name
                ))
            })?;
            bound.push((spec.name.clone(), value));
        }
        Ok(Params(bound))
    }

    /// The values with the declared type on each NULL, for a database where a NULL has a type too.
    pub fn typed(&self, params: &Params) -> Params {
        let typed = |kind: ParamType, value: &Value| match value {
            Value::Null => Value::NullOf(kind),
            value => value.clone(),
        };
        let values = params.0.iter().map(|(name, value)| {
            let spec = self.params.iter().find(|spec| spec.name == *name);
            let value = match (spec, value) {
                (Some(spec), Value::List(values)) => {
                    Value::List(values.iter().map(|value| typed(spec.kind, value)).collect())
                }
                (Some(spec), value) => typed(spec.kind, value),
                (None, value) => value.clone(),
            };
            (name.clone(), value)
        });
        Params(values.collect())
    }

    fn unknown(&self, name: &str) -> ParamError {
        let has = if self.params.is_empty() {
            "it takes none".to_owned()
        } else {
            let names: Vec<_> = self
                .params
                .iter()
                .map(|spec| format!("{} ({})", spec.name, spec.type_name()))
                .collect();
            format!("it takes {}", names.join(", "))
        };
        ParamError(format!(
            "the report \"{}\" has no parameter \"{name}\"; {has}",
            self.name
        ))
    }
}

impl Params {
    /// The value of a parameter.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0
            .iter()
            .find(|(given, _)| given == name)
            .map(|(_, value)| value)
    }

    /// One line for people, `since=1995-01-01 region=ASIA`; empty for no parameters.
    pub fn summary(&self) -> String {
        let parts: Vec<_> = self
            .0
            .iter()
            .map(|(name, value)| format!("{name}={}", value.text()))
            .collect();
        parts.join(" ")
    }

    /// The parameters as one JSON object of `{type, value}`, as kept in an entry's header.
    pub fn to_json(&self) -> serde_json::Value {
        let object: Map<_, _> = self
            .0
            .iter()
            .map(|(name, value)| (name.clone(), value.to_json()))
            .collect();
        serde_json::Value::Object(object)
    }

    /// Reads [`Params::to_json`] back, exactly.
    pub fn from_json(json: &serde_json::Value) -> Result<Self, ParamError> {
        let object = json.as_object().ok_or_else(|| {
            ParamError("the stored parameters are not a JSON object; refresh the entry".to_owned())
        })?;
        let mut params = Vec::with_capacity(object.len());
        for (name, json) in object {
            let value = Value::from_json(json).ok_or_else(|| {
                ParamError(format!(
                    "the stored parameter \"{name}\" cannot be read; refresh the entry"
                ))
            })?;
            params.push((name.clone(), value));
        }
        Ok(Self(params))
    }
}

impl Value {
    /// Whether it is SQL NULL.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null | Self::NullOf(_))
    }

    /// `text`, `integer`... as in [`Params::to_json`]: the value's own type, which NULL and instants have too.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Null | Self::NullOf(_) => "null",
            Self::Text(_) => "text",
            Self::Integer(_) => "integer",
            Self::Decimal(_) => "decimal",
            Self::Float(_) => "float",
            Self::Boolean(_) => "boolean",
            Self::Date(_) => "date",
            Self::Timestamp(_) => "timestamp",
            Self::TimestampUtc(_) => "timestamp_utc",
            Self::List(_) => "list",
        }
    }

    fn to_json(&self) -> serde_json::Value {
        let value = match self {
            Self::Null | Self::NullOf(_) => serde_json::Value::Null,
            Self::Integer(number) => json!(number),
            Self::Boolean(truth) => json!(truth),
            Self::List(values) => values.iter().map(Self::to_json).collect(),
            // Text is not escaped here as it is in a form, and a float as text keeps -0, NaN and infinities.
            Self::Text(text) => json!(text),
            Self::Float(number) => json!(format!("{number:?}")),
            Self::Decimal(_) | Self::Date(_) | Self::Timestamp(_) | Self::TimestampUtc(_) => {
                json!(self.text())
            }
        };
        json!({"type": self.type_name(), "value": value})
    }

    fn from_json(json: &serde_json::Value) -> Option<Self> {
        let value = json.get("value")?;
        let exact = |kind| {
            value::read(kind, value.as_str()?)
                .ok()
                .filter(|value| *value != Self::Null)
        };
        match json.get("type")?.as_str()? {
            "null" => value.is_null().then_some(Self::Null),
            "text" => Some(Self::Text(value.as_str()?.to_owned())),
            "integer" => Some(Self::Integer(value.as_i64()?)),
            "decimal" => exact(ParamType::Decimal),
            "float" => Some(Self::Float(value.as_str()?.parse().ok()?)),
            "boolean" => Some(Self::Boolean(value.as_bool()?)),
            "date" => exact(ParamType::Date),
            "timestamp" => {
                exact(ParamType::Timestamp).filter(|value| matches!(value, Self::Timestamp(_)))
            }
            "timestamp_utc" => {
                exact(ParamType::Timestamp).filter(|value| matches!(value, Self::TimestampUtc(_)))
            }
            "list" => value
                .as_array()?
                .iter()
                .map(Self::from_json)
                .collect::<Option<_>>()
                .map(Self::List),
            _ => None,
        }
    }
}
