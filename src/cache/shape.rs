//! Do the chunks of an entry belong to one table? Each chunk is whole in itself, so one of another entry, or one that
//! somebody made, is noticed only by comparing it with what the header says of the result.

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;

use super::payload::Damaged;
use crate::table::widen;

/// Follows an entry's chunks in order.
///
/// A column may widen from one chunk to the next and ends in the header's type; once there, it stays.
pub struct Shape {
    schema: SchemaRef,
    reached: Vec<bool>,
    last: Option<SchemaRef>,
}

impl Shape {
    /// The shape of an entry whose header has this schema.
    pub fn new(schema: SchemaRef) -> Self {
        let reached = vec![false; schema.fields().len()];
        Self {
            schema,
            reached,
            last: None,
        }
    }

    /// Takes the next chunk's rows.
    pub fn admit(&mut self, batches: &[RecordBatch]) -> Result<(), Damaged> {
        for batch in batches {
            self.batch(batch)?;
        }
        Ok(())
    }

    /// After the last chunk.
    pub fn finish(&self) -> Result<(), Damaged> {
        let empty = self.last.is_none();
        if empty || self.reached.iter().all(|reached| *reached) {
            Ok(())
        } else {
            Err(Damaged("the chunks end in other types than the header's"))
        }
    }

    fn batch(&mut self, batch: &RecordBatch) -> Result<(), Damaged> {
        if self.last.as_ref() == Some(batch.schema_ref()) {
            return Ok(());
        }
        let other = Err(Damaged("a chunk belongs to another result"));
        let (fields, wanted) = (batch.schema_ref().fields(), self.schema.fields());
        if fields.len() != wanted.len() {
            return other;
        }
        for (i, (field, wanted)) in fields.iter().zip(wanted).enumerate() {
            let same = field.data_type() == wanted.data_type();
            if field.name() != wanted.name() || self.reached[i] && !same {
                return other;
            }
            self.reached[i] = same;
        }
        let widened = widen(batch, &self.schema);
        let fits = widened
            .schema_ref()
            .fields()
            .iter()
            .zip(wanted)
            .all(|(field, wanted)| field.data_type() == wanted.data_type());
        if !fits {
            return other;
        }
        self.last = Some(batch.schema());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::Arc;

    use arrow::array::{ArrayRef, BinaryArray, Int64Array, StringArray};

    use super::*;

    fn batch(name: &str, column: ArrayRef) -> RecordBatch {
        RecordBatch::try_from_iter_with_nullable([(name, column, true)]).unwrap()
    }

    #[test]
    fn a_column_widens_to_the_header_type_and_never_back() {
        let number = batch("a", Arc::new(Int64Array::from(vec![1])));
        let text = batch("a", Arc::new(StringArray::from(vec!["x"])));
        let bytes = batch("a", Arc::new(BinaryArray::from(vec![b"x".as_slice()])));
        let elsewhere = batch("b", Arc::new(StringArray::from(vec!["x"])));
        let shape = || Shape::new(text.schema());

        let mut honest = shape();
        honest.admit(&[number.clone(), text.clone()]).unwrap();
        honest.finish().unwrap();

        let mut back = shape();
        back.admit(std::slice::from_ref(&text)).unwrap();
        assert!(back.admit(std::slice::from_ref(&number)).is_err());

        let mut short = shape();
        short.admit(std::slice::from_ref(&number)).unwrap();
        assert!(short.finish().is_err());

        assert!(shape().admit(&[elsewhere]).is_err());
        assert!(
            Shape::new(number.schema()).admit(&[bytes]).is_err(),
            "bytes are no number"
        );
    }
}
