//! Which Arrow type a column has; `docs/types.md` lists them all.

use arrow::datatypes::{DataType, TimeUnit};
use sqlx::mysql::{MySql, MySqlColumn};
use sqlx::{Column, Type, TypeInfo};

use crate::source::columns::UTC;

/// How the values of a column are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Int8,
    Int16,
    Int32,
    Int64,
    UInt8,
    UInt16,
    UInt32,
    UInt64,
    Float32,
    Float64,
    /// With the number of characters it may take.
    Decimal {
        width: u32,
    },
    Bit,
    Text,
    Bytes,
    Date,
    DateTime,
    Timestamp,
    Time,
    Year,
    /// A number shown with leading zeros up to this width, which only text can keep.
    ZeroFill {
        width: usize,
        number: Filled,
    },
}

/// What is filled with zeros.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Filled {
    Integer,
    Decimal,
    Float32,
    Float64,
}

impl Kind {
    pub(super) fn of(column: &MySqlColumn) -> Self {
        let info = column.type_info();
        let unsigned = <u64 as Type<MySql>>::compatible(info);
        let name = info.name();
        let (width, zero_fill) = details(&format!("{info:?}"));
        let base = name.trim_end_matches(" UNSIGNED");
        if zero_fill {
            let number = match base {
                "BOOLEAN" | "TINYINT" | "SMALLINT" | "MEDIUMINT" | "INT" | "BIGINT" if unsigned => {
                    Some(Filled::Integer)
                }
                "DECIMAL" => Some(Filled::Decimal),
                "FLOAT" => Some(Filled::Float32),
                "DOUBLE" => Some(Filled::Float64),
                _ => None,
            };
            if let Some(number) = number {
                let width = width as usize;
                return Self::ZeroFill { width, number };
            }
        }
        match base {
            "BOOLEAN" | "TINYINT" if unsigned => Self::UInt8,
            "BOOLEAN" | "TINYINT" => Self::Int8,
            "SMALLINT" if unsigned => Self::UInt16,
            "SMALLINT" => Self::Int16,
            "INT" | "MEDIUMINT" if unsigned => Self::UInt32,
            "INT" | "MEDIUMINT" => Self::Int32,
            "BIGINT" if unsigned => Self::UInt64,
            "BIGINT" => Self::Int64,
            "FLOAT" => Self::Float32,
            "DOUBLE" => Self::Float64,
            "DECIMAL" => Self::Decimal { width },
            "YEAR" => Self::Year,
            "BIT" => Self::Bit,
            "DATE" => Self::Date,
            "DATETIME" => Self::DateTime,
            "TIMESTAMP" => Self::Timestamp,
            "TIME" => Self::Time,
            "GEOMETRY" => Self::Bytes,
            "ENUM" | "SET" | "JSON" | "NULL" => Self::Text,
            _ if <str as Type<MySql>>::compatible(info) => Self::Text,
            _ => Self::Bytes,
        }
    }

    /// Its Arrow type; that of a decimal is known with its first value.
    pub(super) fn arrow(&self) -> DataType {
        match self {
            Self::Int8 => DataType::Int8,
            Self::Int16 => DataType::Int16,
            Self::Int32 => DataType::Int32,
            Self::Int64 => DataType::Int64,
            Self::UInt8 => DataType::UInt8,
            Self::UInt16 | Self::Year => DataType::UInt16,
            Self::UInt32 => DataType::UInt32,
            Self::UInt64 | Self::Bit => DataType::UInt64,
            Self::Float32 => DataType::Float32,
            Self::Float64 => DataType::Float64,
            Self::Decimal { .. } => DataType::Decimal128(38, 0),
            Self::Bytes => DataType::Binary,
            Self::Date => DataType::Date32,
            Self::DateTime => DataType::Timestamp(TimeUnit::Microsecond, None),
            Self::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into())),
            Self::Text | Self::Time | Self::ZeroFill { .. } => DataType::Utf8,
        }
    }
}

/// The display width of a column and whether it is filled with zeros. sqlx tells them in the `Debug` form of a type
/// alone; where that changes, columns are merely shown without their zeros, and a test says so.
fn details(debug: &str) -> (u32, bool) {
    let width = debug
        .split_once("max_size: Some(")
        .and_then(|(_, rest)| rest.split_once(')'))
        .and_then(|(width, _)| width.parse().ok())
        .unwrap_or(0);
    (width, debug.contains("ZEROFILL"))
}

/// The database's name of a column's type.
pub(super) fn name(column: &MySqlColumn) -> String {
    column.type_info().name().to_ascii_lowercase()
}
