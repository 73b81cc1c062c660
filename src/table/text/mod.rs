//! The exact text of every value: the one place where it is computed, for the grid, CSV, checksum and widening.
//!
//! | type | text |
//! | --- | --- |
//! | integers | decimal, `-5` |
//! | booleans | `true`, `false` |
//! | floats | the shortest that reads back the same: `1`, `0.1`, `1e20`, `NaN`, `Infinity`, `-Infinity` |
//! | decimals | with all digits of their scale, `5.0000` |
//! | dates | `YYYY-MM-DD`; years before 1 as ISO 8601 counts them, `-0043-03-15` |
//! | timestamps | `YYYY-MM-DD HH:MM:SS[.fraction]`; with `+00` appended where the type has a zone |
//! | times, durations | `HH:MM:SS[.fraction]`; a duration may be negative and longer than a day |
//! | binary | `0x` and upper-case hexadecimal |
//! | text | itself |
//!
//! A fraction has no trailing zeros. A timestamp with a zone is shown in UTC, which is how Arrow keeps it.

mod number;
mod temporal;

use std::borrow::Cow;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BinaryViewArray, BooleanArray, Decimal128Array,
    Decimal256Array, FixedSizeBinaryArray, Float32Array, Float64Array, LargeBinaryArray,
    LargeStringArray, StringArray, StringViewArray,
};
use arrow::buffer::{NullBuffer, ScalarBuffer};
use arrow::datatypes::{
    DataType, Date32Type, Date64Type, Decimal32Type, Decimal64Type, DurationMicrosecondType,
    DurationMillisecondType, DurationNanosecondType, DurationSecondType, Float16Type, Int8Type,
    Int16Type, Int32Type, Int64Type, Time32MillisecondType, Time32SecondType,
    Time64MicrosecondType, Time64NanosecondType, TimeUnit, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use arrow::record_batch::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};

/// One column of a batch, ready to give the text of any of its values.
///
/// Made once a column, so that a value costs no allocation and no type test beyond one branch.
pub struct Column<'a> {
    nulls: Option<&'a NullBuffer>,
    values: Values<'a>,
}

enum Values<'a> {
    Null,
    Boolean(&'a BooleanArray),
    Signed8(&'a ScalarBuffer<i8>),
    Signed16(&'a ScalarBuffer<i16>),
    Signed32(&'a ScalarBuffer<i32>),
    Signed64(&'a ScalarBuffer<i64>),
    Unsigned8(&'a ScalarBuffer<u8>),
    Unsigned16(&'a ScalarBuffer<u16>),
    Unsigned32(&'a ScalarBuffer<u32>),
    Unsigned64(&'a ScalarBuffer<u64>),
    Float32(&'a Float32Array),
    Float64(&'a Float64Array),
    Decimal32(&'a ScalarBuffer<i32>, i8),
    Decimal64(&'a ScalarBuffer<i64>, i8),
    Decimal128(&'a Decimal128Array, i8),
    Decimal256(&'a Decimal256Array, i8),
    Days(&'a ScalarBuffer<i32>),
    DayMillis(&'a ScalarBuffer<i64>),
    Timestamp {
        values: &'a ScalarBuffer<i64>,
        unit: TimeUnit,
        zone: bool,
    },
    Time32(&'a ScalarBuffer<i32>, TimeUnit),
    Time64(&'a ScalarBuffer<i64>, TimeUnit),
    Text(&'a StringArray),
    LargeText(&'a LargeStringArray),
    TextView(&'a StringViewArray),
    Binary(&'a BinaryArray),
    LargeBinary(&'a LargeBinaryArray),
    BinaryView(&'a BinaryViewArray),
    FixedBinary(&'a FixedSizeBinaryArray),
    /// Values computed ahead, for types that no source of ours makes: half floats, dictionaries, lists, structs.
    Ready(Vec<Option<String>>),
}

/// What kind of text a column has, for alignment, quoting and JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only NULL.
    Null,
    /// `true` and `false`.
    Boolean,
    /// A whole number.
    Integer,
    /// A binary floating point number.
    Float,
    /// A decimal number.
    Decimal,
    /// A date, a time, a timestamp or a duration.
    Temporal,
    /// Free text.
    Text,
    /// `0x...`.
    Binary,
    /// Anything else, as Arrow shows it.
    Other,
}

impl Kind {
    /// The kind of a type's text.
    pub fn of(kind: &DataType) -> Self {
        match kind {
            DataType::Null => Self::Null,
            DataType::Boolean => Self::Boolean,
            kind if kind.is_integer() => Self::Integer,
            kind if kind.is_floating() => Self::Float,
            kind if kind.is_decimal() => Self::Decimal,
            DataType::Date32
            | DataType::Date64
            | DataType::Time32(_)
            | DataType::Time64(_)
            | DataType::Timestamp(_, _)
            | DataType::Duration(_) => Self::Temporal,
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Self::Text,
            DataType::Binary
            | DataType::LargeBinary
            | DataType::BinaryView
            | DataType::FixedSizeBinary(_) => Self::Binary,
            _ => Self::Other,
        }
    }

    /// Whether values of this kind stand on the right of a column.
    pub fn is_number(self) -> bool {
        matches!(self, Self::Integer | Self::Float | Self::Decimal)
    }
}

/// The columns of a batch.
pub fn columns(batch: &RecordBatch) -> Vec<Column<'_>> {
    batch.columns().iter().map(Column::new).collect()
}

impl<'a> Column<'a> {
    /// Prepares a column. `array` may be a slice.
    pub fn new(array: &'a ArrayRef) -> Self {
        use DataType as D;
        use Values as V;
        macro_rules! values {
            ($kind:ty) => {
                array.as_primitive::<$kind>().values()
            };
        }
        let values = match array.data_type() {
            D::Null => V::Null,
            D::Boolean => V::Boolean(array.as_boolean()),
            D::Int8 => V::Signed8(values!(Int8Type)),
            D::Int16 => V::Signed16(values!(Int16Type)),
            D::Int32 => V::Signed32(values!(Int32Type)),
            D::Int64 => V::Signed64(values!(Int64Type)),
            D::UInt8 => V::Unsigned8(values!(UInt8Type)),
            D::UInt16 => V::Unsigned16(values!(UInt16Type)),
            D::UInt32 => V::Unsigned32(values!(UInt32Type)),
            D::UInt64 => V::Unsigned64(values!(UInt64Type)),
            D::Float32 => V::Float32(array.as_primitive()),
            D::Float64 => V::Float64(array.as_primitive()),
            D::Decimal32(_, scale) => V::Decimal32(values!(Decimal32Type), *scale),
            D::Decimal64(_, scale) => V::Decimal64(values!(Decimal64Type), *scale),
            D::Decimal128(_, scale) => V::Decimal128(array.as_primitive(), *scale),
            D::Decimal256(_, scale) => V::Decimal256(array.as_primitive(), *scale),
            D::Date32 => V::Days(values!(Date32Type)),
            D::Date64 => V::DayMillis(values!(Date64Type)),
            D::Timestamp(unit, zone) => V::Timestamp {
                values: match unit {
                    TimeUnit::Second => values!(TimestampSecondType),
                    TimeUnit::Millisecond => values!(TimestampMillisecondType),
                    TimeUnit::Microsecond => values!(TimestampMicrosecondType),
                    TimeUnit::Nanosecond => values!(TimestampNanosecondType),
                },
                unit: *unit,
                zone: zone.is_some(),
            },
            D::Time32(TimeUnit::Second) => V::Time32(values!(Time32SecondType), TimeUnit::Second),
            D::Time32(TimeUnit::Millisecond) => {
                V::Time32(values!(Time32MillisecondType), TimeUnit::Millisecond)
            }
            D::Time64(TimeUnit::Microsecond) => {
                V::Time64(values!(Time64MicrosecondType), TimeUnit::Microsecond)
            }
            D::Time64(TimeUnit::Nanosecond) => {
                V::Time64(values!(Time64NanosecondType), TimeUnit::Nanosecond)
            }
            D::Duration(unit) => V::Time64(
                match unit {
                    TimeUnit::Second => values!(DurationSecondType),
                    TimeUnit::Millisecond => values!(DurationMillisecondType),
                    TimeUnit::Microsecond => values!(DurationMicrosecondType),
                    TimeUnit::Nanosecond => values!(DurationNanosecondType),
                },
                *unit,
            ),
            D::Utf8 => V::Text(array.as_string()),
            D::LargeUtf8 => V::LargeText(array.as_string()),
            D::Utf8View => V::TextView(array.as_string_view()),
            D::Binary => V::Binary(array.as_binary()),
            D::LargeBinary => V::LargeBinary(array.as_binary()),
            D::BinaryView => V::BinaryView(array.as_binary_view()),
            D::FixedSizeBinary(_) => V::FixedBinary(array.as_fixed_size_binary()),
            _ => V::Ready(ready(array)),
        };
        Self {
            nulls: array.nulls(),
            values,
        }
    }

    /// Whether the value is NULL.
    #[inline]
    pub fn is_null(&self, row: usize) -> bool {
        match &self.values {
            Values::Null => true,
            Values::Ready(values) => values[row].is_none(),
            _ => self.nulls.is_some_and(|nulls| nulls.is_null(row)),
        }
    }

    /// The value of a text column as it stands, `None` for every other type. NULL is the caller's to test.
    #[inline]
    pub(crate) fn str(&self, row: usize) -> Option<&str> {
        match &self.values {
            Values::Text(array) => Some(array.value(row)),
            Values::LargeText(array) => Some(array.value(row)),
            Values::TextView(array) => Some(array.value(row)),
            Values::Ready(values) => values[row].as_deref(),
            _ => None,
        }
    }

    /// The bytes of a binary column, `None` for every other type.
    pub fn bytes(&self, row: usize) -> Option<&[u8]> {
        match &self.values {
            Values::Binary(array) => Some(array.value(row)),
            Values::LargeBinary(array) => Some(array.value(row)),
            Values::BinaryView(array) => Some(array.value(row)),
            Values::FixedBinary(array) => Some(array.value(row)),
            _ => None,
        }
    }

    /// Appends the text of the value, nothing for NULL. What is appended is UTF-8.
    #[inline]
    pub fn write(&self, row: usize, out: &mut Vec<u8>) {
        if self.is_null(row) {
            return;
        }
        match &self.values {
            Values::Null => {}
            Values::Signed64(values) => number::integer(out, values[row]),
            Values::Signed32(values) => number::integer(out, values[row]),
            Values::Text(array) => out.extend_from_slice(array.value(row).as_bytes()),
            Values::Float64(array) => number::float64(out, array.value(row)),
            Values::Decimal128(array, scale) => number::decimal128(out, array.value(row), *scale),
            Values::Days(values) => temporal::date(out, i64::from(values[row])),
            Values::Timestamp { values, unit, zone } => {
                temporal::timestamp(out, values[row], *unit, *zone);
            }
            Values::Boolean(array) => {
                out.extend_from_slice(if array.value(row) { b"true" } else { b"false" });
            }
            Values::Signed8(values) => number::integer(out, values[row]),
            Values::Signed16(values) => number::integer(out, values[row]),
            Values::Unsigned8(values) => number::integer(out, values[row]),
            Values::Unsigned16(values) => number::integer(out, values[row]),
            Values::Unsigned32(values) => number::integer(out, values[row]),
            Values::Unsigned64(values) => number::integer(out, values[row]),
            Values::Float32(array) => number::float32(out, array.value(row)),
            Values::Decimal32(values, scale) => {
                number::decimal128(out, i128::from(values[row]), *scale);
            }
            Values::Decimal64(values, scale) => {
                number::decimal128(out, i128::from(values[row]), *scale);
            }
            Values::Decimal256(array, scale) => number::decimal256(out, array.value(row), *scale),
            Values::DayMillis(values) => temporal::date(out, values[row].div_euclid(86_400_000)),
            Values::Time32(values, unit) => temporal::time(out, i64::from(values[row]), *unit),
            Values::Time64(values, unit) => temporal::time(out, values[row], *unit),
            Values::LargeText(array) => out.extend_from_slice(array.value(row).as_bytes()),
            Values::TextView(array) => out.extend_from_slice(array.value(row).as_bytes()),
            Values::Binary(array) => number::hex(out, array.value(row)),
            Values::LargeBinary(array) => number::hex(out, array.value(row)),
            Values::BinaryView(array) => number::hex(out, array.value(row)),
            Values::FixedBinary(array) => number::hex(out, array.value(row)),
            Values::Ready(values) => {
                out.extend_from_slice(values[row].as_deref().unwrap_or_default().as_bytes());
            }
        }
    }

    /// The text of the value, `None` for NULL.
    pub fn text(&self, row: usize) -> Option<Cow<'_, str>> {
        if self.is_null(row) {
            return None;
        }
        if let Some(text) = self.str(row) {
            return Some(Cow::Borrowed(text));
        }
        let mut out = Vec::new();
        self.write(row, &mut out);
        // Everything but text columns writes ASCII, so this never replaces anything.
        Some(Cow::Owned(String::from_utf8(out).unwrap_or_default()))
    }

    /// The start of the value's text: about `limit` bytes of it and whether there is more. A cell of 50 MB costs no
    /// more than a small one.
    pub fn preview(&self, row: usize, limit: usize) -> Option<(Cow<'_, str>, bool)> {
        if self.is_null(row) {
            return None;
        }
        if let Some(text) = self.str(row) {
            let end = text.floor_char_boundary(limit.min(text.len()));
            return Some((Cow::Borrowed(&text[..end]), end < text.len()));
        }
        if let Some(bytes) = self.bytes(row) {
            let end = bytes.len().min(limit / 2);
            let mut out = Vec::with_capacity(2 + 2 * end);
            number::hex(&mut out, &bytes[..end]);
            return Some((
                Cow::Owned(String::from_utf8(out).unwrap_or_default()),
                end < bytes.len(),
            ));
        }
        self.text(row).map(|text| (text, false))
    }
}

/// The text of every value of a type that has no fast path.
fn ready(array: &ArrayRef) -> Vec<Option<String>> {
    if let DataType::Dictionary(_, values) = array.data_type()
        && let Ok(plain) = arrow::compute::cast(array, values)
    {
        return owned(&plain);
    }
    if array.data_type() == &DataType::Float16 {
        // Every half is exactly a single, and the shortest text of that single reads back as the half.
        let wide: Float32Array = array.as_primitive::<Float16Type>().unary(f32::from);
        let wide: ArrayRef = std::sync::Arc::new(wide);
        return owned(&wide);
    }
    let options = FormatOptions::new().with_display_error(true);
    let Ok(formatter) = ArrayFormatter::try_new(array.as_ref(), &options) else {
        return vec![Some(format!("({} cannot be shown)", array.data_type())); array.len()];
    };
    (0..array.len())
        .map(|row| (!array.is_null(row)).then(|| formatter.value(row).to_string()))
        .collect()
}

fn owned(array: &ArrayRef) -> Vec<Option<String>> {
    let column = Column::new(array);
    (0..array.len())
        .map(|row| column.text(row).map(Cow::into_owned))
        .collect()
}
