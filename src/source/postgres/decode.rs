//! Values of PostgreSQL's binary protocol, straight from the row's bytes into Arrow builders.

use std::fmt::Write;

use sqlx::postgres::PgRow;
use sqlx::{Row, ValueRef};

use super::time::{
    DAY, EPOCH_DAYS, EPOCH_MICROS, PLAIN_DAYS, date_text, time_text, timestamp_text,
};
use super::types::Kind;
use crate::source::SourceError;
use crate::source::columns::{Batcher, Builder, Column};
use crate::source::pump::Decode;

/// Reads rows whose columns are of these kinds.
pub(super) struct Decoder {
    kinds: Vec<Kind>,
    /// The text of one value, kept for the next.
    text: String,
}

impl Decoder {
    pub(super) fn new(kinds: Vec<Kind>) -> Self {
        Self {
            kinds,
            text: String::new(),
        }
    }
}

impl Decode<PgRow> for Decoder {
    fn first(&mut self, row: &PgRow, batcher: &mut Batcher) {
        (self.kinds, *batcher) = super::run::columns_of(row);
    }

    fn append(&mut self, row: &PgRow, batcher: &mut Batcher) -> Result<usize, SourceError> {
        let mut size = 0;
        for (i, (kind, column)) in self.kinds.iter().zip(&mut batcher.columns).enumerate() {
            let value = row
                .try_get_raw(i)
                .map_err(|error| SourceError::Other(error.to_string()))?;
            if value.is_null() {
                column.builder.append_null();
                continue;
            }
            let bytes = value
                .as_bytes()
                .map_err(|error| SourceError::Other(error.to_string()))?;
            size += bytes.len();
            append(*kind, column, bytes, &mut self.text).ok_or_else(|| {
                SourceError::Other(format!(
                    "column {} holds a value that cannot be read as {kind:?}; cast it to text in the report's SQL",
                    i + 1
                ))
            })?;
        }
        Ok(size)
    }
}

/// `None` where the bytes are not what the type says.
fn append(kind: Kind, column: &mut Column, bytes: &[u8], text: &mut String) -> Option<()> {
    match (kind, &mut column.builder) {
        (Kind::Text | Kind::Cast, Builder::Text(builder)) => {
            builder.append_value(std::str::from_utf8(bytes).ok()?);
        }
        (Kind::Int32, Builder::Int32(builder)) => {
            builder.append_value(i32::from_be_bytes(bytes.try_into().ok()?));
        }
        (Kind::Int64, Builder::Int64(builder)) => {
            builder.append_value(i64::from_be_bytes(bytes.try_into().ok()?));
        }
        (Kind::Int16, Builder::Int16(builder)) => {
            builder.append_value(i16::from_be_bytes(bytes.try_into().ok()?));
        }
        (Kind::Oid, Builder::UInt32(builder)) => {
            builder.append_value(u32::from_be_bytes(bytes.try_into().ok()?));
        }
        (Kind::Float64, Builder::Float64(builder)) => {
            builder.append_value(f64::from_be_bytes(bytes.try_into().ok()?));
        }
        (Kind::Float32, Builder::Float32(builder)) => {
            builder.append_value(f32::from_be_bytes(bytes.try_into().ok()?));
        }
        (Kind::Boolean, Builder::Boolean(builder)) => builder.append_value(*bytes.first()? != 0),
        (Kind::Bytes, Builder::Binary(builder)) => builder.append_value(bytes),
        (Kind::Numeric, Builder::Text(builder)) => {
            text.clear();
            numeric(bytes, text)?;
            builder.append_value(&text);
        }
        (Kind::Jsonb, Builder::Text(builder)) => {
            // The first byte is the version of the format.
            let json = bytes.strip_prefix(&[1])?;
            builder.append_value(std::str::from_utf8(json).ok()?);
        }
        (Kind::Uuid, Builder::Text(builder)) => {
            text.clear();
            for (i, byte) in bytes.iter().enumerate() {
                if matches!(i, 4 | 6 | 8 | 10) {
                    text.push('-');
                }
                let _ = write!(text, "{byte:02x}");
            }
            builder.append_value(&text);
        }
        (Kind::Date, _) => date(column, i32::from_be_bytes(bytes.try_into().ok()?)),
        (Kind::Time, _) => time(column, i64::from_be_bytes(bytes.try_into().ok()?)),
        (Kind::Timestamp, _) => timestamp(column, i64::from_be_bytes(bytes.try_into().ok()?), ""),
        (Kind::TimestampUtc, _) => {
            timestamp(column, i64::from_be_bytes(bytes.try_into().ok()?), "+00");
        }
        _ => return None,
    }
    Some(())
}

fn date(column: &mut Column, days: i32) {
    match &mut column.builder {
        Builder::Date(builder)
            if PLAIN_DAYS.contains(&(i64::from(days) + i64::from(EPOCH_DAYS))) =>
        {
            builder.append_value(days + EPOCH_DAYS);
        }
        _ => column.append_text(&date_text(days)),
    }
}

fn time(column: &mut Column, micros: i64) {
    match &mut column.builder {
        Builder::Time(builder) if micros < DAY => builder.append_value(micros),
        _ => column.append_text(&time_text(micros)),
    }
}

fn timestamp(column: &mut Column, micros: i64, zone: &str) {
    let since_1970 = micros.checked_add(EPOCH_MICROS);
    let plain = since_1970.filter(|micros| PLAIN_DAYS.contains(&micros.div_euclid(DAY)));
    match (&mut column.builder, plain) {
        (Builder::Timestamp(builder), Some(micros)) => builder.append_value(micros),
        _ => column.append_text(&timestamp_text(micros, zone)),
    }
}

/// The text of a `numeric`: digits in base 10,000 with the exponent of the first, and the number of digits shown
/// behind the point.
fn numeric(bytes: &[u8], text: &mut String) -> Option<()> {
    let field = |i: usize| {
        Some(u16::from_be_bytes(
            bytes.get(2 * i..2 * i + 2)?.try_into().ok()?,
        ))
    };
    let (digits, weight, sign, scale) = (field(0)?, field(1)?.cast_signed(), field(2)?, field(3)?);
    match sign {
        0x0000 => {}
        0x4000 => text.push('-'),
        0xC000 => text.push_str("NaN"),
        0xD000 => text.push_str("Infinity"),
        0xF000 => text.push_str("-Infinity"),
        _ => return None,
    }
    if sign >= 0xC000 {
        return Some(());
    }
    let digit = |i: i32| -> Option<u16> {
        match usize::try_from(i) {
            Ok(i) if i < usize::from(digits) => field(4 + i),
            // Zeros at either end are not sent.
            _ => Some(0),
        }
    };
    let weight = i32::from(weight);
    if weight < 0 {
        text.push('0');
    } else {
        for i in 0..=weight {
            let value = digit(i)?;
            if i == 0 {
                let _ = write!(text, "{value}");
            } else {
                four(text, value);
            }
        }
    }
    if scale > 0 {
        text.push('.');
        let end = text.len() + usize::from(scale);
        let mut i = weight + 1;
        while text.len() < end {
            four(text, digit(i)?);
            i += 1;
        }
        text.truncate(end);
    }
    Some(())
}

/// Four digits with leading zeros.
fn four(text: &mut String, value: u16) {
    for power in [1000, 100, 10, 1] {
        text.push(char::from(b'0' + (value / power % 10) as u8));
    }
}
