//! What a source's catalogue says, as far as dependencies need it, and what a name means there.

use std::collections::{BTreeMap, BTreeSet};

/// What the source's catalogue says, as far as dependencies need it.
///
/// A relation is called as its detector reports it: `orders` where the name may stand alone, `archive.orders` elsewhere.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    /// Tables whose changes a detector sees. A materialized view is one of them: it changes when it is refreshed.
    pub tables: BTreeSet<String>,
    /// Views and the SELECT (or CREATE VIEW) that defines each.
    pub views: BTreeMap<String, String>,
    /// Relations whose changes no detector sees, and what each is: "the sequence ids".
    pub unseen: BTreeMap<String, String>,
    /// Relations that read what cannot be told, each with why, as a clause that follows its name.
    pub unclear: BTreeMap<String, String>,
    /// What the server evaluates with every read of a table (row security, computed columns), as a SELECT.
    pub filters: BTreeMap<String, String>,
    /// Other names of all these: `public.orders` for `orders` where the search path finds it.
    pub other_names: BTreeMap<String, String>,
    /// The schema whose names stand unqualified (`main`, `public`, the database in MySQL); empty where there is none.
    pub default_schema: String,
    /// The database, where its name may stand before a schema, and that of another too; else empty.
    pub database: String,
    /// Functions that users defined, whose bodies may read any table.
    pub routines: BTreeMap<String, Routine>,
    /// Operators that users defined, and the types that explicit casts of theirs go to, each with a routine behind it;
    /// by an empty text, a routine that the server may call for any statement (an implicit cast). One operator has a routine
    /// for each pair of types.
    pub operators: BTreeSet<(String, String)>,
    /// Functions of extensions, without their schema, that compute from their arguments alone, by their declaration.
    pub pure: BTreeSet<String>,
}

/// A function that a user defined.
#[derive(Clone, Debug, Default)]
pub struct Routine {
    /// Its body where that is SQL and may be read, else empty.
    pub body: String,
    /// Whether it may answer otherwise while no table changes, by its declaration.
    pub volatile: bool,
}

impl Catalogue {
    /// How a relation is called: without its schema where that is the default one.
    pub fn name(&self, schema: &str, relation: &str) -> String {
        if schema == self.default_schema {
            relation.to_owned()
        } else {
            format!("{schema}.{relation}")
        }
    }

    /// Takes in an expression that the server evaluates with every read of a table.
    pub fn add_filter(&mut self, name: String, expression: &str) {
        let filter = self
            .filters
            .entry(name)
            .or_insert_with(|| "SELECT 1".to_owned());
        filter.push_str(", ");
        filter.push_str(expression);
    }

    /// Takes in a function; those of one name count as one.
    pub fn add_routine(&mut self, name: String, routine: Routine) {
        let known = self.routines.entry(name).or_default();
        known.volatile |= routine.volatile;
        known.body.push('\n');
        known.body.push_str(&routine.body);
    }

    /// The relation that a name means, outermost schema first. Where `exact` is false case does not count, except where
    /// two names differ by case alone (MySQL on Linux).
    pub(super) fn find(&self, parts: &[String], exact: bool) -> Option<&str> {
        let same = |one: &str, other: &str| {
            one == other || !exact && one.to_lowercase() == other.to_lowercase()
        };
        let known = || {
            let relations = self.tables.iter().chain(self.views.keys());
            let others = self.unseen.keys().chain(self.unclear.keys());
            relations.chain(others).map(String::as_str)
        };
        let look = |wanted: &str| {
            if let Some(found) = known().find(|name| *name == wanted) {
                return Some(found);
            }
            if let Some(found) = self.other_names.get(wanted) {
                return Some(found.as_str());
            }
            known().find(|name| same(name, wanted))
        };
        match parts {
            [] => None,
            [table] => look(table),
            [.., schema, table] => look(&format!("{schema}.{table}")).or_else(|| {
                same(schema, &self.default_schema)
                    .then(|| look(table))
                    .flatten()
            }),
        }
    }

    /// Functions called `name`, in whatever schema.
    pub(super) fn routines_called(&self, name: &str) -> Vec<&String> {
        let same = |routine: &&String| {
            let routine = routine.to_lowercase();
            routine == name || routine.rsplit('.').next() == Some(name)
        };
        self.routines.keys().filter(same).collect()
    }
}
