//! Statistics of a result's column: what its title shows when the pointer rests there.

use std::collections::HashSet;

use arrow::datatypes::Field;
use eframe::egui::Ui;

use crate::app::format;
use crate::app::theme::text;
use crate::app::widgets::fact;
use crate::table::decimal::order_key;
use crate::table::text::{Column, Kind};
use crate::table::{DATABASE_TYPE, Table};

/// More different values than this are only said to be many.
const DISTINCT: usize = 100_000;

/// Statistics of a column.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// Rows.
    pub rows: u64,
    /// Rows that are NULL.
    pub nulls: u64,
    /// Different values; `None` for too many to count.
    pub distinct: Option<u64>,
    /// The smallest value.
    pub min: Option<String>,
    /// The largest value.
    pub max: Option<String>,
    /// The mean of numbers.
    pub mean: Option<f64>,
}

/// Whether a column of text holds numbers that no Arrow type holds exactly.
pub fn is_numeric_text(field: &Field) -> bool {
    // A type that another Arrow type holds is among these where a column was widened or is filled with zeros.
    const NUMBERS: [&str; 10] = [
        "numeric",
        "decimal",
        "tinyint",
        "smallint",
        "mediumint",
        "int",
        "bigint",
        "float",
        "double",
        "year",
    ];
    field.metadata().get(DATABASE_TYPE).is_some_and(|kind| {
        let kind = kind.to_ascii_lowercase();
        let base = kind.split(['(', ' ']).next().unwrap_or_default();
        NUMBERS.contains(&base)
    })
}

impl Facts {
    /// Counts a column; `stop` is asked between batches.
    pub fn of(table: &Table, column: usize, stop: impl Fn() -> bool) -> Option<Self> {
        let field = table.schema.field(column);
        let numeric = Kind::of(field.data_type()).is_number() || is_numeric_text(field);
        let mut facts = Self::default();
        let mut seen = HashSet::new();
        let mut counted = true;
        let (mut sum, mut numbers) = (0.0, 0_u64);
        let (mut low, mut high): (Option<Vec<u8>>, Option<Vec<u8>>) = (None, None);
        let mut value = Vec::new();
        for batch in &table.batches {
            if stop() {
                return None;
            }
            let values = Column::new(batch.column(column));
            for row in 0..batch.num_rows() {
                facts.rows += 1;
                if values.is_null(row) {
                    facts.nulls += 1;
                    continue;
                }
                value.clear();
                values.write(row, &mut value);
                if counted {
                    seen.insert(blake3::hash(&value));
                    counted = seen.len() <= DISTINCT;
                }
                let shown = || String::from_utf8_lossy(&value[..value.len().min(200)]).into_owned();
                if numeric {
                    let text = std::str::from_utf8(&value).unwrap_or_default();
                    let (Ok(number), Some(key)) = (text.parse::<f64>(), order_key(text)) else {
                        continue;
                    };
                    sum += number;
                    numbers += 1;
                    if low.as_ref().is_none_or(|low| key < *low) {
                        low = Some(key.clone());
                        facts.min = Some(shown());
                    }
                    if high.as_ref().is_none_or(|high| key > *high) {
                        high = Some(key);
                        facts.max = Some(shown());
                    }
                } else {
                    if facts
                        .min
                        .as_ref()
                        .is_none_or(|min| value.as_slice() < min.as_bytes())
                    {
                        facts.min = Some(shown());
                    }
                    if facts
                        .max
                        .as_ref()
                        .is_none_or(|max| value.as_slice() > max.as_bytes())
                    {
                        facts.max = Some(shown());
                    }
                }
            }
        }
        facts.distinct = counted.then_some(seen.len() as u64);
        facts.mean = (numbers > 0).then(|| sum / numbers as f64);
        Some(facts)
    }

    pub(super) fn show(&self, ui: &mut Ui, grouped: bool) {
        ui.set_width(240.0);
        ui.spacing_mut().item_spacing.y = 0.0;
        let number = |text: &str| {
            if grouped {
                format::group_digits(text)
            } else {
                text.to_owned()
            }
        };
        fact(ui, "Rows", &format::count(self.rows));
        fact(ui, "NULL", &format::count(self.nulls));
        let many = format!("more than {}", format::count(DISTINCT as u64));
        fact(
            ui,
            "Different values",
            &self.distinct.map_or(many, format::count),
        );
        if let Some(min) = &self.min {
            fact(ui, "Smallest", &number(min));
        }
        if let Some(max) = &self.max {
            fact(ui, "Largest", &number(max));
        }
        if let Some(mean) = self.mean {
            // A float has no more digits than these.
            let mean = if mean.abs() < 1e11 {
                format::group_digits(&format!("{mean:.4}"))
            } else {
                format!("{mean:.14e}")
            };
            fact(ui, "Mean", &mean);
        }
        ui.label(text::small(ui, "Click to sort"));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::Arc;

    use arrow::array::{Int64Array, RecordBatch, StringArray};
    use arrow::datatypes::{DataType, Schema};

    use super::*;

    #[test]
    fn a_column_is_counted() {
        let schema = Arc::new(Schema::new(vec![
            Field::new("n", DataType::Int64, true),
            Field::new("s", DataType::Utf8, true),
        ]));
        let numbers = Int64Array::from(vec![Some(9), None, Some(10), Some(9)]);
        let texts = StringArray::from(vec!["b", "a", "c", "a"]);
        let batch =
            RecordBatch::try_new(schema.clone(), vec![Arc::new(numbers), Arc::new(texts)]).unwrap();
        let table = Table {
            schema,
            batches: vec![batch],
        };
        let facts = Facts::of(&table, 0, || false).unwrap();
        assert_eq!((facts.rows, facts.nulls, facts.distinct), (4, 1, Some(2)));
        assert_eq!(
            (facts.min.as_deref(), facts.max.as_deref()),
            (Some("9"), Some("10"))
        );
        assert_eq!(facts.mean, Some(28.0 / 3.0));
        let near = Int64Array::from(vec![i64::MAX - 1, i64::MAX, i64::MAX - 2]);
        let schema = Arc::new(Schema::new(vec![Field::new("n", DataType::Int64, true)]));
        let near = Table {
            schema: schema.clone(),
            batches: vec![RecordBatch::try_new(schema, vec![Arc::new(near)]).unwrap()],
        };
        let facts = Facts::of(&near, 0, || false).unwrap();
        assert_eq!(
            (facts.min.as_deref(), facts.max.as_deref()),
            (Some("9223372036854775805"), Some("9223372036854775807"))
        );
        let facts = Facts::of(&table, 1, || false).unwrap();
        assert_eq!(
            (facts.min.as_deref(), facts.max.as_deref(), facts.mean),
            (Some("a"), Some("c"), None)
        );
        assert_eq!(Facts::of(&table, 1, || true), None);
    }
}
