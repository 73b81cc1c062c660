//! Values of the driver, into Arrow builders or as exact text.

use std::borrow::Cow;

use arrow::datatypes::DataType;
use tiberius::numeric::Numeric;
use tiberius::{ColumnData, Row};

use super::describe::{Described, Kind};
use super::time::{EPOCH, Ticks, date_text, offset_text, ticks, time_text};
use crate::source::SourceError;
use crate::source::columns::{Batcher, Builder, Column};
use crate::source::pump::Decode;

/// The driver reads `money` as a float. Up to this many ten-thousandths the float names one amount of money.
const EXACT_MONEY: f64 = 2_251_799_813_685_248.0;
/// The fraction digits of `money`.
const MONEY_SCALE: i8 = 4;

/// Reads rows whose columns were described.
pub(super) struct Decoder {
    /// Per column: the scale of its decimals, once it is known.
    scales: Vec<Option<i8>>,
    names: Vec<String>,
}

impl Decoder {
    /// A decoder and empty columns.
    pub(super) fn new(columns: &[Described]) -> (Self, Batcher) {
        let scales = columns
            .iter()
            .map(|column| match column.kind {
                Kind::Decimal { scale, .. } => Some(scale),
                _ => None,
            })
            .collect();
        let names = columns.iter().map(|column| column.name.clone()).collect();
        let empty = columns
            .iter()
            .map(|column| Column::new(&column.name, column.kind.arrow(), &column.type_name));
        let batcher = Batcher::new(empty.collect());
        (Self { scales, names }, batcher)
    }

    fn unread(&self, column: usize, why: &str) -> SourceError {
        let name = self.names.get(column).filter(|name| !name.is_empty());
        SourceError::Other(match name {
            Some(name) => format!("the column {name} {why}"),
            None => format!("column {} {why}", column + 1),
        })
    }
}

impl Decode<Row> for Decoder {
    fn append(&mut self, row: &Row, batcher: &mut Batcher) -> Result<usize, SourceError> {
        if row.len() != batcher.columns.len() {
            return Err(SourceError::Other(format!(
                "a row has {} values where the result has {} columns; run the report again",
                row.len(),
                batcher.columns.len()
            )));
        }
        let mut size = 0;
        for (i, (_, value)) in row.cells().enumerate() {
            let (Some(column), Some(scale)) = (batcher.columns.get_mut(i), self.scales.get_mut(i))
            else {
                continue;
            };
            match append(column, scale, value) {
                Ok(bytes) => size += bytes,
                Err(why) => return Err(self.unread(i, why)),
            }
        }
        Ok(size)
    }
}

/// Appends a value; answers about how many bytes it took, or why it cannot be read.
fn append(
    column: &mut Column,
    scale: &mut Option<i8>,
    value: &ColumnData<'static>,
) -> Result<usize, &'static str> {
    let plain = match (value, &mut column.builder) {
        (ColumnData::String(Some(text)), Builder::Text(builder)) => {
            builder.append_value(text);
            text.len()
        }
        (ColumnData::Binary(Some(bytes)), Builder::Binary(builder)) => {
            builder.append_value(bytes);
            bytes.len()
        }
        (ColumnData::Bit(Some(value)), Builder::Boolean(builder)) => {
            builder.append_value(*value);
            1
        }
        (ColumnData::U8(Some(value)), Builder::UInt8(builder)) => {
            builder.append_value(*value);
            1
        }
        (ColumnData::I16(Some(value)), Builder::Int16(builder)) => {
            builder.append_value(*value);
            2
        }
        (ColumnData::I32(Some(value)), Builder::Int32(builder)) => {
            builder.append_value(*value);
            4
        }
        (ColumnData::I64(Some(value)), Builder::Int64(builder)) => {
            builder.append_value(*value);
            8
        }
        (ColumnData::F32(Some(value)), Builder::Float32(builder)) => {
            builder.append_value(*value);
            4
        }
        (ColumnData::F64(Some(value)), Builder::Float64(builder)) => {
            builder.append_value(*value);
            8
        }
        (ColumnData::F64(Some(value)), Builder::Decimal128(builder)) => {
            builder.append_value(money(*value)?);
            8
        }
        // In a `sql_variant`, where the driver does not tell a float from `money`.
        (ColumnData::F64(Some(float)), Builder::Text(_)) if may_be_rounded(*float) => {
            return Err(
                "holds a sql_variant with a float or an amount of money too great to be read exactly; write CAST(... AS \
                 decimal(19,4)), or CAST(... AS float), in the report's SQL",
            );
        }
        (ColumnData::Numeric(Some(value)), Builder::Decimal128(_)) => {
            decimal(column, scale, *value);
            16
        }
        (ColumnData::Date(Some(value)), Builder::Date(builder)) => {
            builder.append_value((i64::from(value.days()) - EPOCH) as i32);
            4
        }
        (ColumnData::Time(Some(value)), Builder::Time(builder)) => {
            match ticks(*value) {
                ticks if ticks % 10 == 0 => builder.append_value(ticks / 10),
                ticks => column.append_text(&time_text(ticks)),
            }
            8
        }
        (ColumnData::DateTime2(Some(value)), Builder::Timestamp(_)) => {
            moment(column, Ticks::from(*value))
        }
        (ColumnData::DateTime(Some(value)), Builder::Timestamp(_)) => {
            moment(column, Ticks::from(*value))
        }
        (ColumnData::SmallDateTime(Some(value)), Builder::Timestamp(_)) => {
            moment(column, Ticks::from(*value))
        }
        _ => match text(value) {
            Some(text) => {
                column.append_text(&text);
                text.len()
            }
            None => {
                column.builder.append_null();
                0
            }
        },
    };
    Ok(plain)
}

/// Microseconds; a finer fraction makes its column exact text.
fn moment(column: &mut Column, at: Ticks) -> usize {
    match (&mut column.builder, at.micros()) {
        (Builder::Timestamp(builder), Some(micros)) => builder.append_value(micros),
        _ => column.append_text(&at.text()),
    }
    8
}

/// A column has one scale. Where the server did not tell it the first value does.
fn decimal(column: &mut Column, known: &mut Option<i8>, value: Numeric) {
    let scale = value.scale() as i8;
    if known.is_none() {
        *known = Some(scale);
        column.change_kind(DataType::Decimal128(38, scale));
    }
    match &mut column.builder {
        Builder::Decimal128(builder) if *known == Some(scale) => {
            builder.append_value(value.value());
        }
        _ => column.append_text(&numeric_text(value)),
    }
}

/// Ten-thousandths, where the float still names exactly one amount.
fn money(value: f64) -> Result<i128, &'static str> {
    let scaled = (value * 1e4).round();
    if scaled.abs() < EXACT_MONEY {
        Ok(scaled as i128)
    } else {
        Err(
            "holds an amount of money too great to be read exactly; write CAST(... AS decimal(19,4)) in the report's SQL",
        )
    }
}

/// Whether a float may be an amount of `money` that it does not name exactly.
fn may_be_rounded(value: f64) -> bool {
    const MOST: f64 = 922_337_203_685_477.6;
    money(value).is_err() && value.abs() <= MOST
}

fn numeric_text(value: Numeric) -> String {
    let scale = usize::from(value.scale());
    let digits = value.value().unsigned_abs().to_string();
    let digits = format!("{digits:0>width$}", width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let sign = if value.value() < 0 { "-" } else { "" };
    let point = if scale > 0 { "." } else { "" };
    format!("{sign}{whole}{point}{fraction}")
}

/// The exact text of a value, as SQL Server's own tools write it; `None` for NULL.
pub(super) fn text<'a>(value: &'a ColumnData<'static>) -> Option<Cow<'a, str>> {
    Some(match value {
        ColumnData::String(text) => Cow::Borrowed(text.as_ref()?.as_ref()),
        ColumnData::Xml(xml) => xml.as_ref()?.to_string().into(),
        ColumnData::Guid(guid) => {
            let mut buffer = tiberius::Uuid::encode_buffer();
            let text = (*guid)?.hyphenated().encode_upper(&mut buffer);
            text.to_owned().into()
        }
        ColumnData::U8(value) => (*value)?.to_string().into(),
        ColumnData::I16(value) => (*value)?.to_string().into(),
        ColumnData::I32(value) => (*value)?.to_string().into(),
        ColumnData::I64(value) => (*value)?.to_string().into(),
        ColumnData::F32(value) => ryu::Buffer::new().format((*value)?).to_owned().into(),
        ColumnData::F64(value) => ryu::Buffer::new().format((*value)?).to_owned().into(),
        ColumnData::Bit(value) => Cow::Borrowed(if (*value)? { "1" } else { "0" }),
        ColumnData::Binary(bytes) => {
            let mut text = String::from("0x");
            for byte in bytes.as_ref()?.iter() {
                // Writing to a String cannot fail.
                let _ = std::fmt::Write::write_fmt(&mut text, format_args!("{byte:02X}"));
            }
            text.into()
        }
        ColumnData::Numeric(value) => numeric_text((*value)?).into(),
        ColumnData::DateTime(value) => Ticks::from((*value)?).text().into(),
        ColumnData::SmallDateTime(value) => Ticks::from((*value)?).text().into(),
        ColumnData::Time(value) => time_text(ticks((*value)?)).into(),
        ColumnData::Date(value) => date_text(i64::from((*value)?.days())).into(),
        ColumnData::DateTime2(value) => Ticks::from((*value)?).text().into(),
        ColumnData::DateTimeOffset(value) => offset_text((*value)?).into(),
    })
}

/// What `money` and `smallmoney` are in Arrow.
pub(super) const fn money_kind(small: bool) -> Kind {
    Kind::Decimal {
        precision: if small { 10 } else { 19 },
        scale: MONEY_SCALE,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn money_is_exact_or_refused() {
        for ten_thousandths in [
            0_i64,
            1,
            -1,
            12_345_678_901,
            2_251_799_813_685_247,
            -2_251_799_813_685_247,
        ] {
            let float = ten_thousandths as f64 / 1e4;
            assert_eq!(money(float), Ok(i128::from(ten_thousandths)));
        }
        assert!(money(922_337_203_685_477.6).is_err());
    }

    #[test]
    fn money_in_a_sql_variant_is_exact_or_refused() {
        let read = |value: f64| {
            let mut batcher = Batcher::new(vec![Column::new("v", DataType::Utf8, "sql_variant")]);
            append(
                &mut batcher.columns[0],
                &mut None,
                &ColumnData::F64(Some(value)),
            )?;
            batcher.row_done(8);
            let batch = batcher.take().unwrap();
            let column = crate::table::text::Column::new(batch.column(0));
            Ok::<_, &'static str>(column.text(0).map(|text| text.to_string()))
        };
        assert_eq!(read(12.3456).unwrap().as_deref(), Some("12.3456"));
        // The first amount that a float does not name.
        assert!(read(225_179_981_368.524_8).is_err());
        assert!(
            read(-922_337_203_685_477.6)
                .unwrap_err()
                .contains("decimal(19,4)")
        );
        // More than money can be.
        assert_eq!(read(1e300).unwrap().as_deref(), Some("1e300"));
    }

    #[test]
    fn decimals_are_written_with_all_digits() {
        for (value, scale, want) in [(-5, 2, "-0.05"), (12, 0, "12"), (0, 3, "0.000")] {
            assert_eq!(numeric_text(Numeric::new_with_scale(value, scale)), want);
        }
    }
}
