//! Names of columns that are unique, for formats in which a name is a key.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};

/// A column that got another name, because its own was taken or empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renamed {
    /// Which column, from 1.
    pub column: usize,
    /// Its name in the result.
    pub from: String,
    /// Its name in the file.
    pub to: String,
}

impl std::fmt::Display for Renamed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.from.is_empty() {
            write!(
                f,
                "column {} has no name and is written as \"{}\"",
                self.column, self.to
            )
        } else {
            write!(
                f,
                "column {} is another \"{}\" and is written as \"{}\"",
                self.column, self.from, self.to
            )
        }
    }
}

/// The names of a schema's columns, each once: the second `total` becomes `total_2`, the third column without a name
/// `column_3`. The first column of a name keeps it.
pub fn unique_names(schema: &Schema) -> (Vec<String>, Vec<Renamed>) {
    let given: HashSet<&str> = schema
        .fields()
        .iter()
        .map(|field| field.name().as_str())
        .collect();
    let mut taken: HashSet<String> = HashSet::new();
    let mut renamed = Vec::new();
    let names = schema
        .fields()
        .iter()
        .enumerate()
        .map(|(i, field)| {
            let own = field.name();
            let mut name = if own.is_empty() {
                format!("column_{}", i + 1)
            } else {
                own.clone()
            };
            let mut count = 2;
            // A made-up name may not take one that a later column has as its own.
            while taken.contains(&name) || (name != *own && given.contains(name.as_str())) {
                let stem = if own.is_empty() {
                    format!("column_{}", i + 1)
                } else {
                    own.clone()
                };
                name = format!("{stem}_{count}");
                count += 1;
            }
            taken.insert(name.clone());
            if name != *own {
                renamed.push(Renamed {
                    column: i + 1,
                    from: own.clone(),
                    to: name.clone(),
                });
            }
            name
        })
        .collect();
    (names, renamed)
}

/// `schema` under other names.
pub(super) fn with_names(schema: &Schema, names: &[String]) -> SchemaRef {
    let fields: Vec<_> = schema
        .fields()
        .iter()
        .zip(names)
        .map(|(field, name)| field.as_ref().clone().with_name(name).with_nullable(true))
        .collect();
    Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::datatypes::{DataType, Field};

    fn names(of: &[&str]) -> Vec<String> {
        let fields: Vec<_> = of
            .iter()
            .map(|name| Field::new(*name, DataType::Int64, true))
            .collect();
        unique_names(&Schema::new(fields)).0
    }

    #[test]
    fn every_name_is_unique_and_the_first_keeps_its_own() {
        assert_eq!(names(&["a", "b"]), ["a", "b"]);
        assert_eq!(names(&["a", "a", "a"]), ["a", "a_2", "a_3"]);
        assert_eq!(names(&["a", "a", "a_2"]), ["a", "a_3", "a_2"]);
        assert_eq!(
            names(&["", "", "column_1"]),
            ["column_1_2", "column_2", "column_1"]
        );
    }
}
