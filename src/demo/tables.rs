//! The eight TPC-H tables as rows of cells, generated and never read from anywhere.

use std::sync::LazyLock;

use arrow::array::{
    Array, AsArray, Date32Array, Decimal128Array, Int32Array, Int64Array, StringViewArray,
};
use arrow::datatypes::{DataType, Date32Type, Decimal128Type, Int32Type, Int64Type};
use arrow::error::ArrowError;
use arrow::record_batch::{RecordBatch, RecordBatchReader};
use tpchgen::generators as rows;

/// A table that the generator makes.
pub(super) struct Table {
    /// Its TPC-H name.
    pub(super) name: &'static str,
    /// Number of its columns.
    pub(super) columns: usize,
    /// Rows at a scale; for `lineitem` on average.
    per_scale: f64,
    fixed: u64,
    make: fn(f64) -> Box<dyn RecordBatchReader + Send>,
}

/// A value of a generated row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cell<'a> {
    /// A whole number.
    Integer(i64),
    /// A number with two decimals, in hundredths: cents, or percent for a discount.
    Hundredths(i64),
    /// Text.
    Text(&'a str),
    /// A date as `YYYY-MM-DD`.
    Date(&'static str),
}

/// One generated batch, its columns ready for reading by row.
pub(super) struct Rows {
    columns: Vec<Column>,
    rows: usize,
}

enum Column {
    Long(Int64Array),
    Int(Int32Array),
    Hundredths(Decimal128Array),
    /// A decimal column whose values are whole numbers.
    Whole(Decimal128Array),
    Text(StringViewArray),
    Date(Date32Array),
}

macro_rules! table {
    ($name:literal, $columns:literal, $per_scale:literal, $fixed:literal, $generator:ident, $arrow:ident) => {
        Table {
            name: $name,
            columns: $columns,
            per_scale: $per_scale,
            fixed: $fixed,
            make: |scale| {
                Box::new(tpchgen_arrow::$arrow::new(rows::$generator::new(
                    scale, 1, 1,
                )))
            },
        }
    };
}

/// Every table, the small ones first.
pub(super) static TABLES: [Table; 8] = [
    table!("region", 3, 0.0, 5, RegionGenerator, RegionArrow),
    table!("nation", 4, 0.0, 25, NationGenerator, NationArrow),
    table!("supplier", 7, 10_000.0, 0, SupplierGenerator, SupplierArrow),
    table!(
        "customer",
        8,
        150_000.0,
        0,
        CustomerGenerator,
        CustomerArrow
    ),
    table!("part", 9, 200_000.0, 0, PartGenerator, PartArrow),
    table!(
        "partsupp",
        5,
        800_000.0,
        0,
        PartSuppGenerator,
        PartSuppArrow
    ),
    table!("orders", 9, 1_500_000.0, 0, OrderGenerator, OrderArrow),
    table!(
        "lineitem",
        16,
        6_000_000.0,
        0,
        LineItemGenerator,
        LineItemArrow
    ),
];

impl Table {
    /// About how many rows it has at `scale`.
    pub(super) fn expected_rows(&self, scale: f64) -> u64 {
        self.fixed + (self.per_scale * scale) as u64
    }

    /// Generates its rows, some thousands at a time.
    pub(super) fn generate(
        &self,
        scale: f64,
    ) -> impl Iterator<Item = Result<Rows, ArrowError>> + Send + use<> {
        (self.make)(scale).map(|batch| batch.map(|batch| Rows::new(&batch)))
    }
}

/// Rows of all tables at `scale`, about.
pub(super) fn expected_rows(scale: f64) -> u64 {
    TABLES.iter().map(|table| table.expected_rows(scale)).sum()
}

impl Rows {
    fn new(batch: &RecordBatch) -> Self {
        let schema = batch.schema();
        let columns = schema
            .fields()
            .iter()
            .zip(batch.columns())
            .map(|(field, column)| match column.data_type() {
                DataType::Int64 => Column::Long(column.as_primitive::<Int64Type>().clone()),
                DataType::Int32 => Column::Int(column.as_primitive::<Int32Type>().clone()),
                DataType::Date32 => Column::Date(column.as_primitive::<Date32Type>().clone()),
                DataType::Decimal128(_, _) if field.name() == "l_quantity" => {
                    Column::Whole(column.as_primitive::<Decimal128Type>().clone())
                }
                DataType::Decimal128(_, _) => {
                    Column::Hundredths(column.as_primitive::<Decimal128Type>().clone())
                }
                _ => Column::Text(column.as_string_view().clone()),
            })
            .collect();
        Self {
            columns,
            rows: batch.num_rows(),
        }
    }

    /// Number of rows.
    pub(super) fn len(&self) -> usize {
        self.rows
    }

    /// The cells of row `row`, from 0.
    pub(super) fn row(&self, row: usize) -> impl Iterator<Item = Cell<'_>> {
        self.columns.iter().map(move |column| match column {
            Column::Long(values) => Cell::Integer(values.value(row)),
            Column::Int(values) => Cell::Integer(i64::from(values.value(row))),
            Column::Hundredths(values) => Cell::Hundredths(values.value(row) as i64),
            Column::Whole(values) => Cell::Integer(values.value(row) as i64 / 100),
            Column::Text(values) => Cell::Text(values.value(row)),
            Column::Date(values) => Cell::Date(date_text(values.value(row))),
        })
    }
}

/// The text of a day of TPC-H's seven years: made once, because every order line has three of them.
fn date_text(day: i32) -> &'static str {
    const FIRST: i32 = 8_000;
    static DAYS: LazyLock<Vec<String>> = LazyLock::new(|| {
        (FIRST..11_000)
            .map(|day| {
                Date32Type::to_naive_date_opt(day)
                    .map(|date| date.to_string())
                    .unwrap_or_default()
            })
            .collect()
    });
    DAYS.get((day - FIRST) as usize)
        .map_or("1998-12-31", String::as_str)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_table_has_the_columns_and_rows_it_says() {
        for table in &TABLES {
            let mut rows = 0;
            for batch in table.generate(0.01).map(Result::unwrap) {
                assert_eq!(batch.row(0).count(), table.columns, "{}", table.name);
                rows += batch.len() as u64;
            }
            let expected = table.expected_rows(0.01);
            assert!(
                rows.abs_diff(expected) * 50 <= expected,
                "{}: {rows} rows, {expected} expected",
                table.name
            );
        }
    }

    #[test]
    fn cells_are_what_the_generator_says() {
        let line = TABLES[7]
            .generate(0.01)
            .map(Result::unwrap)
            .next()
            .map(|batch| {
                batch
                    .row(0)
                    .map(|cell| format!("{cell:?}"))
                    .collect::<Vec<_>>()
                    .join(" ")
            });
        let expected = rows::LineItemGenerator::new(0.01, 1, 1).iter().next();
        let (Some(line), Some(expected)) = (line, expected) else {
            panic!("no rows")
        };
        assert!(line.contains(&format!(
            "Integer({}) Hundredths({})",
            expected.l_quantity,
            expected.l_extendedprice.into_inner()
        )));
        assert!(line.contains(&format!("Date(\"{}\")", expected.l_shipdate)));
    }
}
