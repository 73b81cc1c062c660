//! Which tables are meant? The catalogue's names for what the log names, and the tables that change with others.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::source::mysql::text;

use super::server::{Facts, Failure, Server};

/// A schema and a table in it.
pub(super) type Table = (String, String);

/// More tables than this are not asked for one by one how they were created.
const MOST: usize = 2000;

const SYSTEM: &str = "('mysql', 'information_schema', 'performance_schema', 'sys')";

/// What the catalogue says, as long as no schema changes.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// The tables that the account sees, by the catalogue's names.
    pub(super) tables: BTreeSet<String>,
    /// The catalogue's names, where the log may write a name another way: by the name in lower case.
    folded: Option<HashMap<Table, Table>>,
    /// Tables that a change of another one may change with it, which the log does not tell: a foreign key with CASCADE,
    /// SET NULL or SET DEFAULT.
    children: BTreeMap<Table, BTreeSet<Table>>,
    /// Tables that change with one that the account may not see: what changes that one is not known either, so any change
    /// may.
    orphans: BTreeSet<Table>,
}

impl Names {
    /// Reads the catalogue.
    pub(super) async fn read(server: &mut Server, facts: &Facts) -> Result<Self, Failure> {
        let fold = |table: &Table| (table.0.to_lowercase(), table.1.to_lowercase());
        let rows = server
            .ask(&format!(
                "SELECT table_schema, table_name FROM information_schema.tables \
                 WHERE table_type = 'BASE TABLE' AND table_schema NOT IN {SYSTEM}"
            ))
            .await?;
        let all: Vec<Table> = rows
            .iter()
            .map(|row| (text(row, 0), text(row, 1)))
            .collect();
        let folded = (!facts.exact_names).then(|| {
            all.iter()
                .map(|table| (fold(table), table.clone()))
                .collect()
        });
        let mut names = Self {
            tables: all
                .iter()
                .map(|(schema, table)| server.access.name(schema, table))
                .collect(),
            folded,
            children: BTreeMap::new(),
            orphans: BTreeSet::new(),
        };
        names.ask_each(server, &all).await?;
        Ok(names)
    }

    /// Reads the foreign keys of each table from how it was created. `information_schema.referential_constraints` is not
    /// asked: it hides them from an account that may do nothing but SELECT, and opens every view of the server, in which
    /// MariaDB 10.11.19 crashed.
    async fn ask_each(&mut self, server: &mut Server, all: &[Table]) -> Result<(), Failure> {
        let quoted = |part: &str| format!("`{}`", part.replace('`', "``"));
        for (at, table) in all.iter().enumerate() {
            let (schema, name) = (quoted(&table.0), quoted(&table.1));
            let asked = format!("SHOW CREATE TABLE {schema}.{name}");
            let created = if at < MOST {
                match server.ask(&asked).await {
                    Ok(rows) => rows.first().map(|row| text(row, 1)).unwrap_or_default(),
                    // Dropped since the list was read, or hidden.
                    Err(Failure::Denied(_) | Failure::Other(_)) => String::new(),
                    Err(failure) => return Err(failure),
                }
            } else {
                String::new()
            };
            if created.is_empty() {
                self.orphans.insert(table.clone());
            }
            for parent in cascading(&created, &table.0) {
                let parent = self.exact(parent);
                self.link(all, parent, table.clone());
            }
        }
        Ok(())
    }

    /// A change of `parent` may change `child`.
    fn link(&mut self, all: &[Table], parent: Table, child: Table) {
        if !all.contains(&parent) {
            self.orphans.insert(child.clone());
        }
        self.children.entry(parent).or_default().insert(child);
    }

    /// The name as the catalogue writes it.
    fn exact(&self, table: Table) -> Table {
        match &self.folded {
            Some(folded) => folded
                .get(&(table.0.to_lowercase(), table.1.to_lowercase()))
                .cloned()
                .unwrap_or(table),
            None => table,
        }
    }

    /// These tables, and all that change with them.
    pub(super) fn with_children(&self, tables: impl IntoIterator<Item = Table>) -> BTreeSet<Table> {
        let mut found = BTreeSet::new();
        let mut left: Vec<Table> = tables.into_iter().map(|table| self.exact(table)).collect();
        if !left.is_empty() {
            left.extend(self.orphans.iter().cloned());
        }
        while let Some(table) = left.pop() {
            // What was found before has its children in already: a circle ends here.
            if found.insert(table.clone()) {
                left.extend(self.children.get(&table).into_iter().flatten().cloned());
            }
        }
        found
    }
}

/// The tables that a table's foreign keys with CASCADE, SET NULL or SET DEFAULT lead to, by its SHOW CREATE TABLE.
fn cascading(created: &str, schema: &str) -> Vec<Table> {
    let mut found = Vec::new();
    for line in created.lines() {
        let Some((key, rest)) = line.split_once(" REFERENCES ") else {
            continue;
        };
        let acts = ["CASCADE", "SET NULL", "SET DEFAULT"];
        if !key.contains("FOREIGN KEY") || !acts.iter().any(|action| rest.contains(action)) {
            continue;
        }
        let (first, rest) = name(rest);
        match rest.strip_prefix('.').map(name) {
            Some((second, _)) => found.push((first, second)),
            None => found.push((schema.to_owned(), first)),
        }
    }
    found
}

/// The name in backticks that a text begins with, and what follows.
fn name(text: &str) -> (String, &str) {
    let mut found = String::new();
    let mut rest = text.strip_prefix('`').unwrap_or(text);
    while let Some(end) = rest.find('`') {
        found.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix('`') {
            Some(more) => {
                found.push('`');
                rest = more;
            }
            None => break,
        }
    }
    (found, rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(name: &str) -> Table {
        ("shop".to_owned(), name.to_owned())
    }

    #[test]
    fn a_cascade_is_followed_to_its_end_and_a_circle_ends() {
        let mut names = Names::default();
        for (parent, child) in [
            ("orders", "lines"),
            ("lines", "parcels"),
            ("parcels", "orders"),
            ("other", "lines"),
        ] {
            names
                .children
                .entry(table(parent))
                .or_default()
                .insert(table(child));
        }
        let found = names.with_children([table("orders")]);
        assert_eq!(
            found,
            BTreeSet::from([table("lines"), table("orders"), table("parcels")])
        );
        let alone = names.with_children([table("parts")]);
        assert_eq!(alone, BTreeSet::from([table("parts")]));
    }

    #[test]
    fn foreign_keys_are_read_from_how_a_table_was_created() {
        let created = "CREATE TABLE `lines` (\n  `a` int COMMENT ' REFERENCES `x` CASCADE',\n  CONSTRAINT `c` FOREIGN KEY (`a`) \
            REFERENCES `orders` (`id`) ON DELETE CASCADE,\n  CONSTRAINT `d` FOREIGN KEY (`b`) REFERENCES `odd``db`.`t` (`id`) \
            ON UPDATE SET NULL,\n  CONSTRAINT `e` FOREIGN KEY (`c`) REFERENCES `parts` (`id`)\n)";
        assert_eq!(
            cascading(created, "shop"),
            [table("orders"), ("odd`db".to_owned(), "t".to_owned())]
        );
    }

    #[test]
    fn child_of_unseen_table_changes_with_any() {
        let mut names = Names::default();
        names.orphans.insert(table("lines"));
        names
            .children
            .insert(table("lines"), BTreeSet::from([table("parcels")]));
        let found = names.with_children([table("orders")]);
        assert_eq!(
            found,
            BTreeSet::from([table("lines"), table("orders"), table("parcels")])
        );
        assert_eq!(names.with_children([]), BTreeSet::new());
    }

    #[test]
    fn a_server_that_folds_names_is_understood() {
        let mut names = Names {
            folded: Some(HashMap::from([(table("orders"), table("Orders"))])),
            ..Names::default()
        };
        names.children.insert(table("Orders"), BTreeSet::new());
        assert_eq!(
            names.with_children([table("orders"), table("parts")]),
            BTreeSet::from([table("Orders"), table("parts")])
        );
    }
}
