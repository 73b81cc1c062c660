//! What a report's answer depends on: the tables, read from its SQL through CTEs, subqueries, views and functions; and
//! what no detector sees.

use std::collections::{BTreeMap, BTreeSet};

use super::lex::{self, Kind};
use super::mentions::{Call, Mentions, Part};
use super::volatility::{is_deterministic, is_syntax, volatile_part, volatile_value};
use super::{Catalogue, Params, Piece, Template};

/// The SQL dialect of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// SQLite.
    Sqlite,
    /// MySQL and MariaDB.
    MySql,
    /// PostgreSQL.
    Postgres,
    /// Microsoft SQL Server.
    MsSql,
}

/// What a report's answer depends on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dependencies {
    /// Tables, by the names detectors report.
    pub tables: BTreeSet<String>,
    /// Views the SQL names, directly or through another view, and the tables under each; for display.
    pub views: BTreeMap<String, BTreeSet<String>>,
    /// Why any change of the source counts, in one sentence; `None` where the tables are all there is.
    pub any_change: Option<String>,
    /// What else it depends on that no detector sees: the clock, chance, a foreign table. "now", "the sequence ids".
    pub unseen: Option<String>,
}

impl Dependencies {
    /// The pseudo-table whose position moves with every change of the source.
    pub const ANY: &'static str = "*";

    /// The longest text that `unseen` may be, in bytes: it stands in the header of each entry.
    pub const LONGEST_UNSEEN: usize = 100;

    /// Reads the dependencies of `sql`; where they cannot be known for certain, any change counts.
    pub fn of(sql: &str, dialect: Dialect, catalogue: &Catalogue) -> Self {
        let mut resolver = Resolver {
            dialect,
            catalogue,
            found: Self::default(),
            path: Vec::new(),
            called: BTreeSet::new(),
        };
        let tables = match without_params(sql, dialect) {
            Ok(sql) => resolver.read(&sql, "the SQL"),
            Err(why) => {
                resolver.any_change(format!("the SQL cannot be read: {why}"));
                resolver.unseen("SQL that cannot be read");
                BTreeSet::new()
            }
        };
        let mut found = resolver.found;
        if found.any_change.is_none() {
            // A view without tables may be defined otherwise, a setting changed: only a change of everything tells.
            if tables.is_empty() && found.unseen.is_none() {
                found.any_change = Some("the SQL reads no table".to_owned());
            }
            found.tables = tables;
        } else {
            // What was resolved beside it is not all there is.
            found.views.clear();
        }
        found
    }

    /// Those of a report whose tables the user names, without a catalogue: they are believed, and what no table decides in
    /// its SQL still counts.
    pub fn named(tables: &[String], sql: &str, dialect: Dialect) -> Self {
        Self {
            unseen: volatile_alone(sql, dialect).map(|what| shortened(&what)),
            ..Self::default()
        }
        .with_tables(tables)
    }

    /// The same with the tables that the user names in place of those that were read from the SQL.
    #[must_use]
    pub fn with_tables(self, tables: &[String]) -> Self {
        Self {
            tables: tables.iter().cloned().collect(),
            unseen: self.unseen,
            ..Self::default()
        }
    }

    /// Takes in the values of the report's parameters: a text among them may name the current time.
    #[must_use]
    pub fn with_params(mut self, params: &Params, dialect: Dialect) -> Self {
        if self.unseen.is_none() {
            self.unseen = volatile_value(params, dialect).map(|what| shortened(&what));
        }
        self
    }

    /// Names as kept in an entry's header: the tables, or [`Dependencies::ANY`] alone.
    pub fn names(&self) -> Vec<String> {
        match self.any_change {
            None => self.tables.iter().cloned().collect(),
            Some(_) => vec![Self::ANY.to_owned()],
        }
    }
}

/// The first part of a statement whose value no table decides, as far as that shows without a catalogue.
pub(crate) fn volatile_alone(sql: &str, dialect: Dialect) -> Option<String> {
    let plain = without_params(sql, dialect).unwrap_or_else(|_| sql.to_owned());
    let declared = Mentions::read(&plain, dialect)
        .map(|mentions| mentions.declared)
        .unwrap_or_default();
    volatile_part(sql, dialect, &|name| declared.contains(name))
}

fn shortened(what: &str) -> String {
    let mut end = what.len().min(Dependencies::LONGEST_UNSEEN);
    while !what.is_char_boundary(end) {
        end -= 1;
    }
    what[..end].to_owned()
}

/// The SQL with NULL in place of each parameter, which every dialect's grammar takes.
pub(super) fn without_params(sql: &str, dialect: Dialect) -> Result<String, String> {
    let template = Template::parse(sql, dialect).map_err(|error| error.message)?;
    Ok(template
        .0
        .into_iter()
        .map(|piece| match piece {
            Piece::Sql(sql) => sql,
            Piece::Param(_) => "NULL".to_owned(),
        })
        .collect())
}

struct Resolver<'a> {
    dialect: Dialect,
    catalogue: &'a Catalogue,
    found: Dependencies,
    /// Views and filters on the way here, to end at a cycle.
    path: Vec<String>,
    /// Functions looked into so far.
    called: BTreeSet<String>,
}

impl<'a> Resolver<'a> {
    fn any_change(&mut self, why: String) {
        self.found.any_change.get_or_insert(why);
    }

    fn unseen(&mut self, what: &str) {
        self.found.unseen.get_or_insert_with(|| shortened(what));
    }

    /// The tables that a query reads. What makes any change count, and what no detector sees, is noted on the way.
    fn read(&mut self, sql: &str, what: &str) -> BTreeSet<String> {
        let hidden =
            self.dialect == Dialect::MySql && (sql.contains("/*!") || sql.contains("/*M!"));
        if hidden {
            self.unseen("an executable comment");
            self.any_change(format!(
                "{what} holds an executable comment, which the server may run"
            ));
        }
        let mentions = match Mentions::read(sql, self.dialect) {
            Ok(mentions) => mentions,
            Err(why) => {
                self.any_change(format!("{what} {why}"));
                self.scan(sql, what);
                return BTreeSet::new();
            }
        };
        self.beside_names(sql, what, &mentions.declared);
        for call in &mentions.functions {
            self.call(call, what);
        }
        let mut tables = BTreeSet::new();
        for name in &mentions.relations {
            let parts: Vec<String> = name.parts.iter().map(|part| self.folded(part)).collect();
            match self.find(&parts) {
                Some(relation) => {
                    let relation = relation.to_owned();
                    tables.extend(self.relation(&relation, what));
                }
                None if self.computes(&parts)
                    || parts.len() == 1
                        && mentions
                            .ctes
                            .iter()
                            .any(|cte| self.same(cte, &name.parts[0])) => {}
                None => {
                    let name = name.joined();
                    // SQLite's tables that need no definition tell of the connection (`pragma_database_list`).
                    let schema = ["sqlite_schema", "sqlite_master"]
                        .iter()
                        .any(|schema| name.eq_ignore_ascii_case(schema));
                    if self.dialect == Dialect::Sqlite && !schema {
                        self.unseen(&format!("{name}, which the catalogue does not list"));
                    }
                    self.any_change(format!(
                        "{what} reads {name}, which the catalogue does not list as a table"
                    ));
                }
            }
        }
        tables
    }

    /// Notes what shows in a piece of SQL without its names being resolved: what no table decides, and operators that users
    /// defined. `declared` are the names that the SQL gives to relations.
    fn beside_names(&mut self, sql: &str, what: &str, declared: &BTreeSet<String>) {
        let catalogue = self.catalogue;
        let known = |name: &str| declared.contains(name) || self.is_known(name);
        if let Some(part) = volatile_part(sql, self.dialect, &known) {
            self.unseen(&part);
        }
        for routine in self.attributes(sql) {
            self.routine(&routine, what);
        }
        // A type without quotes may be written in capitals.
        let lower = sql.to_lowercase();
        for (operator, routine) in &catalogue.operators {
            if sql.contains(operator.as_str()) || lower.contains(operator.as_str()) {
                self.routine(routine, what);
            }
        }
    }

    /// Functions of users that stand as an attribute of a row, `t.total` for `total(t)`, as PostgreSQL takes them.
    fn attributes(&self, sql: &str) -> Vec<String> {
        if self.dialect != Dialect::Postgres {
            return Vec::new();
        }
        let tokens: Vec<_> = lex::tokens(sql, self.dialect)
            .map_while(Result::ok)
            .filter(|token| token.kind != Kind::Comment)
            .filter_map(|token| sql.get(token.at..token.end))
            .collect();
        let parts = tokens.windows(2).filter(|pair| pair[0] == ".");
        parts
            .map(|pair| self.unquoted(pair[1]).to_lowercase())
            .filter(|name| !self.catalogue.routines_called(name).is_empty())
            .collect()
    }

    /// Whether a function is declared as one that computes, is looked into, or is called by the name of a relation (SQLite's
    /// virtual tables).
    fn is_known(&self, name: &str) -> bool {
        self.catalogue.pure.contains(name)
            || !self.catalogue.routines_called(name).is_empty()
            || self.dialect == Dialect::Sqlite && self.catalogue.unclear.contains_key(name)
    }

    /// The tables under a relation of the catalogue.
    fn relation(&mut self, name: &str, what: &str) -> BTreeSet<String> {
        let catalogue = self.catalogue;
        if let Some(unseen) = catalogue.unseen.get(name) {
            self.unseen(unseen);
        }
        if let Some(why) = catalogue.unclear.get(name) {
            self.any_change(format!("{what} reads {name}, which {why}"));
        }
        let mut tables = BTreeSet::new();
        if catalogue.tables.contains(name) {
            tables.insert(name.to_owned());
            if let Some(filter) = catalogue.filters.get(name) {
                tables.extend(self.beneath(name, filter, &format!("the row security of {name}")));
            }
        } else if let Some(definition) = catalogue.views.get(name) {
            if let Some(known) = self.found.views.get(name) {
                return known.clone();
            }
            if self.path.iter().any(|above| above == name) {
                self.any_change(format!("the view {name} is defined through itself"));
                return tables;
            }
            tables = self.beneath(name, definition, &format!("the view {name}"));
            self.found.views.insert(name.to_owned(), tables.clone());
        }
        tables
    }

    /// The tables of a definition that belongs to the relation `name`.
    fn beneath(&mut self, name: &str, definition: &str, what: &str) -> BTreeSet<String> {
        // A policy may ask about its own table.
        if self.path.iter().any(|above| above == name) {
            return BTreeSet::new();
        }
        self.path.push(name.to_owned());
        let tables = self.read(definition, what);
        self.path.pop();
        tables
    }

    fn call(&mut self, call: &Call, what: &str) {
        let name = &call.name;
        if self.routine(name, what) {
            return;
        }
        let computes =
            is_deterministic(name, self.dialect) || is_syntax(name) || self.is_known(name);
        // A name that the statement also gives to a relation is seen only here.
        if !computes {
            self.unseen(name);
        }
        if self.dialect == Dialect::Postgres && READERS.iter().any(|known| name.starts_with(known))
        {
            self.any_change(format!("{what} calls {name}, which may read any table"));
        }
        let reads = self.dialect != Dialect::Postgres && !COMPUTE.contains(&name.as_str());
        if call.in_from && reads {
            self.any_change(format!(
                "{what} reads the table function {name}, whose tables are not known"
            ));
        }
    }

    /// Notes what the user's functions of this name may do; `false` where there is none.
    fn routine(&mut self, name: &str, what: &str) -> bool {
        let name = &name.to_lowercase();
        let catalogue = self.catalogue;
        let called = catalogue.routines_called(name);
        if called.is_empty() {
            return false;
        }
        self.any_change(format!("{what} calls {name}, which may read any table"));
        for full in called {
            let Some(routine) = catalogue.routines.get(full) else {
                continue;
            };
            if routine.volatile {
                self.unseen(&format!("the volatile function {name}"));
            }
            if self.called.insert(full.clone()) {
                self.scan(&routine.body, &format!("the function {name}"));
            }
        }
        true
    }

    /// Looks for what no detector sees in SQL that is not, or cannot be, parsed: any change of the source counts for it
    /// already. A column that is called like such a relation is taken for it.
    fn scan(&mut self, sql: &str, what: &str) {
        self.beside_names(sql, what, &BTreeSet::new());
        let tokens: Vec<_> = lex::tokens(sql, self.dialect)
            .map_while(Result::ok)
            .filter(|token| token.kind != Kind::Comment)
            .collect();
        let text = |i: usize| tokens.get(i).and_then(|token| sql.get(token.at..token.end));
        let mut i = 0;
        while let Some(token) = tokens.get(i) {
            let mut parts = Vec::new();
            if matches!(token.kind, Kind::Word | Kind::Quoted) {
                parts.extend(text(i).map(|part| self.unquoted(part)));
                while text(i + 1) == Some(".") && text(i + 2).is_some() {
                    parts.extend(text(i + 2).map(|part| self.unquoted(part)));
                    i += 2;
                }
            }
            i += 1;
            let Some(last) = parts.last() else { continue };
            // SQL that a function makes itself cannot be looked into.
            if last.eq_ignore_ascii_case("execute") {
                self.unseen("SQL that a function makes");
            } else if text(i) == Some("(") {
                let last = last.clone();
                self.routine(&last, what);
            } else if let Some(name) = self.find(&parts) {
                let name = name.to_owned();
                self.relation(&name, what);
            }
        }
    }

    /// The relation of the catalogue that a name means. One of another database is noted as what no detector sees.
    fn find(&mut self, parts: &[String]) -> Option<&'a str> {
        if let [.., database, _, _] = parts
            && self.dialect == Dialect::MsSql
            && (parts.len() > 3
                || database.to_lowercase() != self.catalogue.database.to_lowercase())
        {
            self.unseen(&format!("{}, of another database", parts.join(".")));
            return None;
        }
        self.catalogue.find(parts, self.is_exact())
    }

    /// Whether case counts in the name of a relation, once it is folded.
    fn is_exact(&self) -> bool {
        self.dialect == Dialect::Postgres
    }

    fn folded(&self, part: &Part) -> String {
        if self.dialect == Dialect::Postgres {
            part.folded()
        } else {
            part.text.clone()
        }
    }

    /// A token as a name.
    fn unquoted(&self, token: &str) -> String {
        let quoted = token.starts_with(['"', '`', '[']);
        let inner = || token.get(1..token.len().saturating_sub(1));
        self.folded(&Part {
            text: inner().filter(|_| quoted).unwrap_or(token).to_owned(),
            quoted,
        })
    }

    fn same(&self, one: &Part, other: &Part) -> bool {
        match self.dialect {
            Dialect::Postgres => one.folded() == other.folded(),
            _ => one.text.to_lowercase() == other.text.to_lowercase(),
        }
    }

    /// MariaDB's tables of numbers: `seq_1_to_10`, `seq_1_to_10_step_3`.
    fn computes(&self, parts: &[String]) -> bool {
        let numbers = |name: &str| {
            let rest = name.strip_prefix("seq_")?;
            let (from, rest) = rest.split_once("_to_")?;
            let (to, step) = rest.split_once("_step_").unwrap_or((rest, "1"));
            let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
            Some(digits(from) && digits(to) && digits(step))
        };
        self.dialect == Dialect::MySql
            && matches!(parts, [name] if numbers(&name.to_lowercase()) == Some(true))
    }
}

/// PostgreSQL's own functions that run SQL given as text or read tables named by text, by how their names begin.
const READERS: [&str; 7] = [
    "cursor_to_xml",
    "database_to_xml",
    "query_to_xml",
    "schema_to_xml",
    "table_to_xml",
    "ts_rewrite",
    "ts_stat",
];

/// Table functions that read nothing but their arguments.
const COMPUTE: [&str; 5] = [
    "generate_series",
    "json_each",
    "json_tree",
    "openjson",
    "string_split",
];

#[cfg(test)]
#[path = "tables_tests.rs"]
mod tests;
