//! The exact text of values, CSV through an independent reader, the checksum, and widening.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Decimal256Array,
    DurationMicrosecondArray, Float32Array, Float64Array, Int8Array, Int64Array, NullArray,
    StringArray, StringViewArray, Time64MicrosecondArray, TimestampMicrosecondArray,
    TimestampNanosecondArray, UInt64Array,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, i256};
use arrow::record_batch::RecordBatch;
use lookaside::table::text::Column;
use lookaside::table::{Checksum, CsvOptions, CsvWriter, widen};
use proptest::prelude::*;

fn texts(array: ArrayRef) -> Vec<Option<String>> {
    let column = Column::new(&array);
    (0..array.len())
        .map(|row| {
            let text = column.text(row).map(std::borrow::Cow::into_owned);
            let mut out = Vec::new();
            column.write(row, &mut out);
            assert_eq!(
                String::from_utf8(out).unwrap(),
                text.clone().unwrap_or_default()
            );
            assert_eq!(column.is_null(row), text.is_none());
            text
        })
        .collect()
}

fn check(array: impl arrow::array::Array + 'static, expected: &[&str]) {
    let found: Vec<String> = texts(Arc::new(array))
        .into_iter()
        .map(|text| text.unwrap_or("NULL".into()))
        .collect();
    assert_eq!(found, expected);
}

pub(crate) fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    let fields: Vec<Field> = columns
        .iter()
        .map(|(name, array)| Field::new(*name, array.data_type().clone(), true))
        .collect();
    RecordBatch::try_new(
        Arc::new(Schema::new(fields)),
        columns.into_iter().map(|(_, array)| array).collect(),
    )
    .unwrap()
}

fn csv(batch: &RecordBatch, options: CsvOptions) -> String {
    let mut writer = CsvWriter::new(Vec::new(), batch.schema_ref(), options);
    writer.write(batch).unwrap();
    let bytes = writer.bytes();
    let out = writer.finish().unwrap();
    assert_eq!(out.len() as u64, bytes);
    String::from_utf8(out).unwrap()
}

#[test]
fn numbers_have_their_exact_text() {
    check(
        Int64Array::from(vec![Some(i64::MIN), None, Some(0), Some(i64::MAX)]),
        &["-9223372036854775808", "NULL", "0", "9223372036854775807"],
    );
    check(UInt64Array::from(vec![u64::MAX]), &["18446744073709551615"]);
    check(Int8Array::from(vec![-128]), &["-128"]);
    check(
        BooleanArray::from(vec![Some(true), Some(false), None]),
        &["true", "false", "NULL"],
    );
    let floats = [
        0.1,
        1.0,
        -0.0,
        5e-324,
        f64::MAX,
        1e20,
        1e-7,
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        123_456.75,
    ];
    check(
        Float64Array::from(floats.to_vec()),
        &[
            "0.1",
            "1",
            "-0",
            "5e-324",
            "1.7976931348623157e308",
            "1e20",
            "1e-7",
            "NaN",
            "Infinity",
            "-Infinity",
            "123456.75",
        ],
    );
    check(
        Float32Array::from(vec![0.1, 16_777_216.0, 3.4e38]),
        &["0.1", "16777216", "3.4e38"],
    );
}

#[test]
fn decimals_keep_every_digit_and_their_scale() {
    let decimals = |values: Vec<i128>, scale| {
        Decimal128Array::from(values)
            .with_precision_and_scale(38, scale)
            .unwrap()
    };
    check(
        decimals(
            vec![
                0,
                5,
                -5,
                123_456,
                99_999_999_999_999_999_999_999_999_999_999_999_999,
            ],
            4,
        ),
        &[
            "0.0000",
            "0.0005",
            "-0.0005",
            "12.3456",
            "9999999999999999999999999999999999.9999",
        ],
    );
    check(decimals(vec![-7], 0), &["-7"]);
    check(decimals(vec![7, 0], -3), &["7000", "0"]);
    let wide = i256::from_string(
        "-1234567890123456789012345678901234567890123456789012345678901234567890",
    )
    .unwrap();
    let wide = Decimal256Array::from(vec![wide, i256::from_i128(-1)])
        .with_precision_and_scale(76, 70)
        .unwrap();
    check(
        wide,
        &[
            "-0.1234567890123456789012345678901234567890123456789012345678901234567890",
            "-0.0000000000000000000000000000000000000000000000000000000000000000000001",
        ],
    );
}

#[test]
fn dates_and_times_have_their_exact_text() {
    check(
        Date32Array::from(vec![
            0,
            -1,
            11_016,
            2_932_896,
            2_932_897,
            -719_162,
            -719_163,
            -719_529,
            i32::MAX,
        ]),
        &[
            "1970-01-01",
            "1969-12-31",
            "2000-02-29",
            "9999-12-31",
            "10000-01-01",
            "0001-01-01",
            "0000-12-31",
            "-0001-12-31",
            "5881580-07-11",
        ],
    );
    let micros = vec![0, 1, -1, 1_500_000, 946_684_799_999_999];
    let expected = [
        "1970-01-01 00:00:00",
        "1970-01-01 00:00:00.000001",
        "1969-12-31 23:59:59.999999",
        "1970-01-01 00:00:01.5",
        "1999-12-31 23:59:59.999999",
    ];
    check(TimestampMicrosecondArray::from(micros.clone()), &expected);
    let zoned: Vec<String> = expected.iter().map(|text| format!("{text}+00")).collect();
    let zoned: Vec<&str> = zoned.iter().map(String::as_str).collect();
    check(
        TimestampMicrosecondArray::from(micros).with_timezone("+00:00"),
        &zoned,
    );
    check(
        TimestampNanosecondArray::from(vec![100, i64::MIN]),
        &[
            "1970-01-01 00:00:00.0000001",
            "1677-09-21 00:12:43.145224192",
        ],
    );
    check(
        Time64MicrosecondArray::from(vec![0, 86_399_999_999, 86_400_000_000]),
        &["00:00:00", "23:59:59.999999", "24:00:00"],
    );
    check(
        DurationMicrosecondArray::from(vec![-3_020_399_000_000, -500_000]),
        &["-838:59:59", "-00:00:00.5"],
    );
}

#[test]
fn text_and_bytes_have_their_exact_text() {
    check(
        StringArray::from(vec![Some(""), None, Some("0\u{0}ä"), Some("00014")]),
        &["", "NULL", "0\u{0}ä", "00014"],
    );
    check(
        StringViewArray::from(vec!["a string longer than twelve bytes"]),
        &["a string longer than twelve bytes"],
    );
    check(
        BinaryArray::from(vec![&b""[..], &[0, 255, 171]]),
        &["0x", "0x00FFAB"],
    );
    check(NullArray::new(2), &["NULL", "NULL"]);
    let slice: ArrayRef = Arc::new(StringArray::from(vec![Some("a"), None, Some("c")]).slice(1, 2));
    assert_eq!(texts(slice), [None, Some("c".to_owned())]);
}

#[test]
fn the_dates_agree_with_chrono() {
    let start = chrono::NaiveDate::from_ymd_opt(1970, 1, 1).unwrap();
    let days: Vec<i32> = (-719_000..2_932_000).step_by(97).collect();
    let expected: Vec<String> = days
        .iter()
        .map(|&day| {
            (start + chrono::TimeDelta::days(i64::from(day)))
                .format("%Y-%m-%d")
                .to_string()
        })
        .collect();
    let found: Vec<String> = texts(Arc::new(Date32Array::from(days)))
        .into_iter()
        .flatten()
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn canonical_csv_is_exactly_this() {
    let rows = batch(vec![
        (
            "n",
            Arc::new(Int64Array::from(vec![Some(-5), None])) as ArrayRef,
        ),
        (
            "a \"name\"",
            Arc::new(StringArray::from(vec![Some("x,y"), Some("")])),
        ),
        (
            "",
            Arc::new(StringArray::from(vec![Some("line\nend"), None])),
        ),
    ]);
    let expected = "n,\"a \"\"name\"\"\",\"\"\r\n-5,\"x,y\",\"line\nend\"\r\n,\"\",\r\n";
    assert_eq!(csv(&rows, CsvOptions::default()), expected);
    let mut checksum = Checksum::new(rows.schema_ref());
    checksum.update(&rows.slice(0, 1));
    checksum.update(&rows.slice(1, 1));
    // printf '...' | sha256sum, over the text above.
    assert_eq!(checksum.finish(), sha256(expected.as_bytes()));
    let none = Checksum::new(rows.schema_ref()).finish();
    assert_eq!(none, sha256(b"n,\"a \"\"name\"\"\",\"\"\r\n"));
}

fn sha256(bytes: &[u8]) -> String {
    use std::io::Write;
    use std::process::{Command, Stdio};
    let mut child = Command::new("sha256sum")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(bytes).unwrap();
    let out = child.wait_with_output().unwrap().stdout;
    String::from_utf8(out).unwrap()[..64].to_owned()
}

#[test]
fn csv_options_change_what_they_say() {
    let rows = batch(vec![
        (
            "=h",
            Arc::new(StringArray::from(vec![
                Some("=1+1"),
                Some("\\N"),
                None,
                Some("-5"),
            ])) as ArrayRef,
        ),
        (
            "n",
            Arc::new(Int64Array::from(vec![Some(-5), None, Some(0), Some(1)])),
        ),
    ]);
    let guarded = CsvOptions {
        bom: true,
        null: "\\N".into(),
        guard: true,
    };
    assert_eq!(
        csv(&rows, guarded),
        "\u{feff}\"'=h\",n\r\n\"'=1+1\",-5\r\n\"\\N\",\\N\r\n\\N,0\r\n-5,1\r\n"
    );
    let zero = CsvOptions {
        null: "0".into(),
        ..CsvOptions::default()
    };
    assert_eq!(
        csv(&rows, zero),
        "=h,n\r\n=1+1,-5\r\n\\N,0\r\n0,\"0\"\r\n-5,1\r\n"
    );
    assert!(
        CsvOptions {
            null: "a,b".into(),
            ..CsvOptions::default()
        }
        .check()
        .is_err()
    );
    assert!(
        CsvOptions {
            null: "=1".into(),
            guard: true,
            ..CsvOptions::default()
        }
        .check()
        .is_err()
    );
    assert!(
        CsvOptions {
            null: "NULL".into(),
            guard: true,
            bom: true
        }
        .check()
        .is_ok()
    );
}

fn any_column(rows: usize) -> impl Strategy<Value = ArrayRef> {
    let awkward = "[ -~]{0,6}|[\"',\r\n=+@\t\\-]{0,4}|\\PC{0,40}|[a-z]{14,18}[,\"]?";
    fn of<T: std::fmt::Debug + Clone>(
        value: impl Strategy<Value = T>,
        rows: usize,
    ) -> impl Strategy<Value = Vec<Option<T>>> {
        prop::collection::vec(prop::option::of(value), rows)
    }
    prop_oneof![
        of(awkward, rows).prop_map(|values| Arc::new(StringArray::from(values)) as ArrayRef),
        of(any::<i64>(), rows).prop_map(|values| Arc::new(Int64Array::from(values)) as ArrayRef),
        of(any::<u64>(), rows).prop_map(|values| Arc::new(UInt64Array::from(values)) as ArrayRef),
        of(any::<f64>(), rows).prop_map(|values| Arc::new(Float64Array::from(values)) as ArrayRef),
        of(any::<f32>(), rows).prop_map(|values| Arc::new(Float32Array::from(values)) as ArrayRef),
        of(any::<bool>(), rows).prop_map(|values| Arc::new(BooleanArray::from(values)) as ArrayRef),
        of(any::<i32>(), rows).prop_map(|values| Arc::new(Date32Array::from(values)) as ArrayRef),
        of(any::<i64>(), rows)
            .prop_map(|values| Arc::new(TimestampMicrosecondArray::from(values)) as ArrayRef),
        of(prop::collection::vec(any::<u8>(), 0..9), rows)
            .prop_map(|values| Arc::new(BinaryArray::from_iter(values)) as ArrayRef),
        of(any::<i128>(), rows).prop_map(|values| {
            let values = values
                .into_iter()
                .map(|value| value.map(|value| value % 10_i128.pow(38)));
            Arc::new(
                values
                    .collect::<Decimal128Array>()
                    .with_precision_and_scale(38, 9)
                    .unwrap(),
            ) as ArrayRef
        }),
        Just(Arc::new(NullArray::new(rows)) as ArrayRef),
    ]
}

fn any_batch() -> impl Strategy<Value = RecordBatch> {
    (0..6_usize, 1..5_usize).prop_flat_map(|(rows, columns)| {
        prop::collection::vec((any_column(rows), "\\PC{0,5}"), columns).prop_map(|columns| {
            batch(
                columns
                    .iter()
                    .map(|(array, name)| (name.as_str(), Arc::clone(array)))
                    .collect(),
            )
        })
    })
}

/// Rows as an independent reader sees them. It skips empty lines, so callers give NULL a text.
fn read(text: &str) -> Vec<Vec<String>> {
    let mut reader = ::csv::ReaderBuilder::new()
        .has_headers(false)
        .from_reader(text.as_bytes());
    reader
        .records()
        .map(|record| record.unwrap().iter().map(str::to_owned).collect())
        .collect()
}

/// The unquoted cells of a text, which alone may stand for NULL.
fn expected(batch: &RecordBatch, null: &str) -> Vec<Vec<String>> {
    let columns = lookaside::table::text::columns(batch);
    let header = batch
        .schema_ref()
        .fields()
        .iter()
        .map(|field| field.name().clone())
        .collect();
    let rows = (0..batch.num_rows()).map(|row| {
        columns
            .iter()
            .map(|column| {
                column
                    .text(row)
                    .map_or(null.to_owned(), std::borrow::Cow::into_owned)
            })
            .collect()
    });
    std::iter::once(header).chain(rows).collect()
}

proptest! {
    #[test]
    fn csv_reads_back(batch in any_batch()) {
        let options = CsvOptions { null: "\\N".into(), ..CsvOptions::default() };
        prop_assert_eq!(read(&csv(&batch, options)), expected(&batch, "\\N"));
    }

    #[test]
    fn a_guarded_csv_holds_no_live_formula(batch in any_batch()) {
        let options = CsvOptions { null: "NULL".into(), guard: true, bom: false };
        for (row, plain) in read(&csv(&batch, options)).iter().zip(expected(&batch, "NULL")) {
            for (cell, plain) in row.iter().zip(plain) {
                if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) {
                    let number = cell.parse::<f64>();
                    prop_assert!(number.is_ok(), "{cell:?} is live");
                }
                // The guard adds one apostrophe and changes nothing else.
                prop_assert!(*cell == plain || *cell == format!("'{plain}"), "{cell:?} {plain:?}");
            }
        }
    }

    #[test]
    fn widening_to_text_keeps_the_text(batch in any_batch()) {
        let schema = as_text(&batch);
        let wide = widen(&batch, &schema);
        prop_assert_eq!(wide.schema_ref(), &schema);
        prop_assert_eq!(csv(&wide, CsvOptions::default()), csv(&batch, CsvOptions::default()));
        let mut checksum = Checksum::new(batch.schema_ref());
        checksum.update(&wide);
        let mut narrow = Checksum::new(batch.schema_ref());
        narrow.update(&batch);
        prop_assert_eq!(checksum.finish(), narrow.finish());
    }

    #[test]
    fn floats_read_back_bit_for_bit(bits in any::<u64>()) {
        let value = f64::from_bits(bits);
        let text = texts(Arc::new(Float64Array::from(vec![value])))[0].clone().unwrap();
        let back: f64 = text.parse().unwrap();
        prop_assert!(back.to_bits() == bits || (back.is_nan() && value.is_nan()));
    }
}

fn as_text(batch: &RecordBatch) -> SchemaRef {
    let fields: Vec<Field> = batch
        .schema_ref()
        .fields()
        .iter()
        .map(|field| Field::new(field.name(), DataType::Utf8, true))
        .collect();
    Arc::new(Schema::new(fields))
}

#[test]
fn widening_never_loses_a_value() {
    let rows = batch(vec![
        (
            "i",
            Arc::new(Int64Array::from(vec![Some(5), None])) as ArrayRef,
        ),
        ("null", Arc::new(NullArray::new(2))),
        ("big", Arc::new(Int64Array::from(vec![i64::MAX, 1]))),
    ]);
    let schema = Arc::new(Schema::new(vec![
        Field::new("i", DataType::Float64, true),
        Field::new("null", DataType::Date32, true),
        Field::new("big", DataType::Float64, true),
    ]));
    let wide = widen(&rows, &schema);
    assert_eq!(wide.column(0).data_type(), &DataType::Float64);
    assert_eq!(wide.column(1).data_type(), &DataType::Date32);
    // A float cannot hold i64::MAX, so the column keeps its type rather than its schema.
    assert_eq!(wide.column(2).data_type(), &DataType::Int64);
    assert_eq!(
        csv(&wide, CsvOptions::default()),
        csv(&rows, CsvOptions::default())
    );
}
