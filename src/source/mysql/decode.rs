//! Values of MySQL's binary protocol, straight from the row's bytes into Arrow builders.

use std::fmt::Write;

use arrow::datatypes::{DataType, i256};
use chrono::NaiveDate;
use sqlx::mysql::{MySql, MySqlColumn, MySqlRow};
use sqlx::{Column as _, Row};

use super::types::{Filled, Kind};
use crate::source::SourceError;
use crate::source::columns::{Batcher, Builder, Column};
use crate::source::pump::Decode;

/// Days from year 1 to 1970-01-01, as chrono counts them.
const EPOCH_DAYS: i32 = 719_163;

/// Reads rows whose columns are of these kinds.
pub(super) struct Decoder {
    kinds: Vec<Kind>,
    /// Per column: the digits after the point of a float that is filled with zeros, where its column declares them.
    decimals: Vec<Option<usize>>,
    /// Per column: the scale of the decimals so far.
    scales: Vec<Option<usize>>,
}

impl Decoder {
    /// A decoder and empty columns for these columns of a result.
    pub(super) fn new(columns: &[MySqlColumn]) -> (Self, Batcher) {
        let kinds: Vec<Kind> = columns.iter().map(Kind::of).collect();
        let empty = columns.iter().zip(&kinds).map(|(column, kind)| {
            Column::new(column.name(), kind.arrow(), &super::types::name(column))
        });
        let batcher = Batcher::new(empty.collect());
        let scales = vec![None; kinds.len()];
        let decimals = vec![None; kinds.len()];
        let decoder = Self {
            kinds,
            decimals,
            scales,
        };
        (decoder, batcher)
    }

    /// The places of the floats that are filled with zeros. The protocol tells how many digits they have after the point,
    /// and the driver does not.
    pub(super) fn filled_floats(&self) -> Vec<usize> {
        let floats = self.kinds.iter().enumerate().filter(|(_, kind)| {
            matches!(
                kind,
                Kind::ZeroFill {
                    number: Filled::Float32 | Filled::Float64,
                    ..
                }
            )
        });
        floats.map(|(i, _)| i).collect()
    }

    /// Sets the digits after the point of such a column.
    pub(super) fn set_decimals(&mut self, column: usize, decimals: usize) {
        if let Some(known) = self.decimals.get_mut(column) {
            *known = Some(decimals);
        }
    }

    /// Whether a decimal is among the columns, whose scale only a value tells.
    pub(super) fn has_decimals(&self) -> bool {
        self.kinds
            .iter()
            .any(|kind| matches!(kind, Kind::Decimal { .. }))
    }
}

impl Decode<MySqlRow> for Decoder {
    /// With the values of parameters the server may give columns other types than without.
    fn first(&mut self, row: &MySqlRow, batcher: &mut Batcher) {
        let decimals = std::mem::take(&mut self.decimals);
        (*self, *batcher) = Self::new(row.columns());
        if decimals.len() == self.kinds.len() {
            self.decimals = decimals;
        }
    }

    fn append(&mut self, row: &MySqlRow, batcher: &mut Batcher) -> Result<usize, SourceError> {
        let mut size = 0;
        let columns = self
            .kinds
            .iter()
            .zip(&mut self.scales)
            .zip(&self.decimals)
            .zip(&mut batcher.columns);
        for (i, (((kind, scale), decimals), column)) in columns.enumerate() {
            let value = row
                .try_get_raw(i)
                .map_err(|error| SourceError::Other(error.to_string()))?;
            // Not `is_null`, which takes '0000-00-00' for NULL; NULL alone has no bytes.
            let Ok(bytes) = <&[u8] as sqlx::Decode<MySql>>::decode(value) else {
                column.builder.append_null();
                continue;
            };
            size += bytes.len();
            let appended = match kind {
                Kind::ZeroFill { width, number } => {
                    zero_filled(number, *decimals, bytes).map(|text| {
                        column.append_text(&format!("{text:0>width$}"));
                    })
                }
                kind => append(kind, scale, column, bytes),
            };
            appended.ok_or_else(|| {
                SourceError::Other(format!(
                    "column {} holds a value that cannot be read as {kind:?}; cast it to CHAR or BINARY in the report's SQL",
                    i + 1
                ))
            })?;
        }
        Ok(size)
    }
}

/// `None` where the bytes are not what the type says.
fn append(kind: &Kind, scale: &mut Option<usize>, column: &mut Column, bytes: &[u8]) -> Option<()> {
    match (kind, &mut column.builder) {
        (Kind::Text, Builder::Text(builder)) => {
            builder.append_value(std::str::from_utf8(bytes).ok()?);
        }
        (Kind::Int32, Builder::Int32(builder)) => {
            builder.append_value(i32::from_le_bytes(bytes.try_into().ok()?));
        }
        (Kind::Int64, Builder::Int64(builder)) => {
            builder.append_value(i64::from_le_bytes(bytes.try_into().ok()?));
        }
        (Kind::Int8, Builder::Int8(builder)) => {
            builder.append_value(i8::from_le_bytes(bytes.try_into().ok()?));
        }
        (Kind::Int16, Builder::Int16(builder)) => {
            builder.append_value(i16::from_le_bytes(bytes.try_into().ok()?));
        }
        (Kind::UInt8, Builder::UInt8(builder)) => {
            builder.append_value(u8::from_le_bytes(bytes.try_into().ok()?));
        }
        (Kind::UInt16, Builder::UInt16(builder)) => {
            builder.append_value(u16::from_le_bytes(bytes.try_into().ok()?));
        }
        (Kind::UInt32, Builder::UInt32(builder)) => {
            builder.append_value(u32::from_le_bytes(bytes.try_into().ok()?));
        }
        (Kind::UInt64, Builder::UInt64(builder)) => {
            builder.append_value(u64::from_le_bytes(bytes.try_into().ok()?));
        }
        (Kind::Float32, Builder::Float32(builder)) => {
            builder.append_value(f32::from_le_bytes(bytes.try_into().ok()?));
        }
        (Kind::Float64, Builder::Float64(builder)) => {
            builder.append_value(f64::from_le_bytes(bytes.try_into().ok()?));
        }
        (Kind::Bytes, Builder::Binary(builder)) => builder.append_value(bytes),
        (Kind::Bit, Builder::UInt64(builder)) => {
            builder.append_value(
                bytes
                    .iter()
                    .fold(0, |bits, byte| bits << 8 | u64::from(*byte)),
            );
        }
        (Kind::Decimal { width }, _) => decimal(*width, scale, column, bytes)?,
        (Kind::Date, _) => date(column, bytes)?,
        (Kind::DateTime, _) => date_time(column, bytes, "")?,
        (Kind::Timestamp, _) => date_time(column, bytes, "+00")?,
        (Kind::Time, _) => column.append_text(&time(bytes)?),
        (Kind::Year, _) => match (
            &mut column.builder,
            u16::from_le_bytes(bytes.try_into().ok()?),
        ) {
            (Builder::UInt16(builder), year @ 1..) => builder.append_value(year),
            (_, year) => column.append_text(&format!("{year:04}")),
        },
        _ => return None,
    }
    Some(())
}

/// The text of a number that is never negative, before its zeros.
fn zero_filled(number: &Filled, decimals: Option<usize>, bytes: &[u8]) -> Option<String> {
    // A float of so many digits is rounded to them, as the server does in its own text.
    let float = |value: f64, text: &dyn Fn() -> String| match decimals {
        Some(decimals) => format!("{value:.decimals$}"),
        None => text(),
    };
    let shortest = |text: &str| text.strip_suffix(".0").unwrap_or(text).to_owned();
    Some(match number {
        Filled::Integer => bytes
            .iter()
            .rev()
            .fold(0, |value: u64, byte| value << 8 | u64::from(*byte))
            .to_string(),
        Filled::Decimal => std::str::from_utf8(bytes).ok()?.to_owned(),
        Filled::Float32 => {
            let value = f32::from_le_bytes(bytes.try_into().ok()?);
            float(f64::from(value), &|| {
                shortest(ryu::Buffer::new().format(value))
            })
        }
        Filled::Float64 => {
            let value = f64::from_le_bytes(bytes.try_into().ok()?);
            float(value, &|| shortest(ryu::Buffer::new().format(value)))
        }
    })
}

/// A decimal comes as text. Its column has one scale, which the first value tells; an expression may change it from
/// row to row (`IF(a, 1.5, 2.25)`), and then the column is exact text.
fn decimal(width: u32, known: &mut Option<usize>, column: &mut Column, bytes: &[u8]) -> Option<()> {
    let text = std::str::from_utf8(bytes).ok()?;
    let point = bytes.iter().position(|byte| *byte == b'.');
    let scale = point.map_or(0, |point| bytes.len() - point - 1);
    if known.is_none() {
        *known = Some(scale);
        let digits = bytes.iter().filter(|byte| byte.is_ascii_digit()).count();
        // The width counts a sign and a point.
        let precision = (width as usize)
            .saturating_sub(1 + usize::from(scale > 0))
            .max(digits)
            .max(1);
        let kind = match (precision as u8, scale as i8) {
            (precision @ ..=38, scale) => DataType::Decimal128(precision, scale),
            (precision @ ..=76, scale) => DataType::Decimal256(precision, scale),
            _ => DataType::Utf8,
        };
        column.change_kind(kind);
    }
    let digits = |from: &[u8]| -> Option<i128> {
        let (negative, from) = from
            .strip_prefix(b"-")
            .map_or((false, from), |rest| (true, rest));
        let mut value = 0_i128;
        for byte in from.iter().filter(|byte| **byte != b'.') {
            let digit = byte.checked_sub(b'0').filter(|digit| *digit < 10)?;
            value = value.checked_mul(10)?.checked_add(i128::from(digit))?;
        }
        Some(if negative { -value } else { value })
    };
    match &mut column.builder {
        Builder::Decimal128(builder) if *known == Some(scale) => match digits(bytes) {
            Some(value) => builder.append_value(value),
            None => column.append_text(text),
        },
        Builder::Decimal256(builder) if *known == Some(scale) => {
            match i256::from_string(&text.replace('.', "")) {
                Some(value) => builder.append_value(value),
                None => column.append_text(text),
            }
        }
        _ => column.append_text(text),
    }
    Some(())
}

/// Length, then year, month and day; no more than the length for '0000-00-00'.
fn date_parts(bytes: &[u8]) -> Option<(u16, u8, u8)> {
    match *bytes {
        [0] => Some((0, 0, 0)),
        [4..=u8::MAX, low, high, month, day, ..] => {
            Some((u16::from_le_bytes([low, high]), month, day))
        }
        _ => None,
    }
}

/// The day since 1970, for days that exist: MySQL also has '2024-00-00' and, by a setting, '2024-02-31'.
fn day((year, month, day): (u16, u8, u8)) -> Option<i32> {
    use chrono::Datelike;
    let date = NaiveDate::from_ymd_opt(i32::from(year), u32::from(month), u32::from(day))?;
    (year > 0).then(|| date.num_days_from_ce() - EPOCH_DAYS)
}

fn date(column: &mut Column, bytes: &[u8]) -> Option<()> {
    let parts = date_parts(bytes)?;
    match (&mut column.builder, day(parts)) {
        (Builder::Date(builder), Some(day)) => builder.append_value(day),
        _ => column.append_text(&format!("{:04}-{:02}-{:02}", parts.0, parts.1, parts.2)),
    }
    Some(())
}

fn date_time(column: &mut Column, bytes: &[u8], zone: &str) -> Option<()> {
    let parts = date_parts(bytes)?;
    let (hour, minute, second) = match bytes {
        [7..=u8::MAX, _, _, _, _, hour, minute, second, ..] => (*hour, *minute, *second),
        _ => (0, 0, 0),
    };
    let micros = match bytes {
        [11, .., a, b, c, d] => u32::from_le_bytes([*a, *b, *c, *d]),
        _ => 0,
    };
    match (&mut column.builder, day(parts)) {
        (Builder::Timestamp(builder), Some(day)) => {
            let seconds = (i64::from(day) * 24 + i64::from(hour)) * 3600
                + i64::from(minute) * 60
                + i64::from(second);
            builder.append_value(seconds * 1_000_000 + i64::from(micros));
        }
        _ => {
            let (year, month, day) = parts;
            let mut text =
                format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}");
            fraction(&mut text, micros);
            text.push_str(zone);
            column.append_text(&text);
        }
    }
    Some(())
}

/// A time, which may be negative and longer than a day: length, sign, days, hours, minutes, seconds, microseconds.
fn time(bytes: &[u8]) -> Option<String> {
    let number = |from: usize| {
        let four = bytes.get(from..from + 4)?.try_into().ok()?;
        Some(u32::from_le_bytes(four))
    };
    let (sign, hours, minute, second) = match *bytes {
        [0] => (0, 0, 0, 0),
        [8 | 12, sign, _, _, _, _, hour, minute, second, ..] => (
            sign,
            number(2)?.checked_mul(24)? + u32::from(hour),
            minute,
            second,
        ),
        _ => return None,
    };
    let micros = if bytes.len() > 9 { number(9)? } else { 0 };
    let mut text = format!(
        "{}{hours:02}:{minute:02}:{second:02}",
        if sign == 0 { "" } else { "-" }
    );
    fraction(&mut text, micros);
    Some(text)
}

fn fraction(text: &mut String, micros: u32) {
    if micros != 0 {
        let _ = write!(text, ".{micros:06}");
        text.truncate(text.trim_end_matches('0').len());
    }
}
