//! Which Arrow type a column has; `docs/types.md` lists them all.

use crate::source::columns::UTC;
use arrow::datatypes::{DataType, TimeUnit};

/// How the values of a column are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Boolean,
    Int16,
    Int32,
    Int64,
    Oid,
    Float32,
    Float64,
    Numeric,
    Text,
    Jsonb,
    Uuid,
    Bytes,
    Date,
    Time,
    Timestamp,
    TimestampUtc,
    /// The server makes its text: what we do not decode ourselves.
    Cast,
}

impl Kind {
    /// The kind of a type by its number, which never changes for built-in types.
    pub(super) fn of(oid: Option<u32>, is_enum: bool) -> Self {
        match oid {
            Some(16) => Self::Boolean,
            Some(17) => Self::Bytes,
            Some(20) => Self::Int64,
            Some(21) => Self::Int16,
            Some(23) => Self::Int32,
            // name, text, json, xml, unknown, char(n), varchar, void: their binary form is their text.
            Some(19 | 25 | 114 | 142 | 705 | 1042 | 1043 | 2278) => Self::Text,
            Some(26) => Self::Oid,
            Some(700) => Self::Float32,
            Some(701) => Self::Float64,
            Some(1082) => Self::Date,
            Some(1083) => Self::Time,
            Some(1114) => Self::Timestamp,
            Some(1184) => Self::TimestampUtc,
            Some(1700) => Self::Numeric,
            Some(2950) => Self::Uuid,
            Some(3802) => Self::Jsonb,
            _ if is_enum => Self::Text,
            _ => Self::Cast,
        }
    }

    /// Its Arrow type.
    pub(super) fn arrow(self) -> DataType {
        match self {
            Self::Boolean => DataType::Boolean,
            Self::Int16 => DataType::Int16,
            Self::Int32 => DataType::Int32,
            Self::Int64 => DataType::Int64,
            Self::Oid => DataType::UInt32,
            Self::Float32 => DataType::Float32,
            Self::Float64 => DataType::Float64,
            Self::Bytes => DataType::Binary,
            Self::Date => DataType::Date32,
            Self::Time => DataType::Time64(TimeUnit::Microsecond),
            Self::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
            Self::TimestampUtc => DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into())),
            Self::Numeric | Self::Text | Self::Jsonb | Self::Uuid | Self::Cast => DataType::Utf8,
        }
    }
}
