//! What are the tables called, who inherits from whom, and which of them does nobody see change?

use std::collections::{BTreeMap, BTreeSet};

use sqlx::postgres::PgConnection;

use crate::report::Dependencies;

use super::super::Touched;
use super::probe;

/// The tables of the database, by the numbers that the log calls them by.
#[derive(Debug, Default)]
pub(super) struct Relations {
    names: BTreeMap<u32, String>,
    /// Child and parent, for partitions and for what inherits.
    inherits: Vec<(u32, u32)>,
    partitioned: BTreeSet<u32>,
    /// Every name there is.
    pub(super) all: BTreeSet<String>,
    /// The names of those whose changes are not seen.
    pub(super) unseen: BTreeSet<String>,
}

/// Which changes are looked for.
#[derive(Clone, Copy)]
pub(super) enum Seen<'a> {
    /// What this publication tells.
    Published(&'a str),
    /// Whatever is committed.
    Committed,
}

/// With the names that reports use: unqualified where the search path finds it.
const RELATIONS: &str = r"
SELECT c.oid::int8,
       CASE WHEN pg_table_is_visible(c.oid) THEN c.relname::text ELSE n.nspname || '.' || c.relname END,
       c.relkind::text, c.relpersistence::text
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p', 'm', 'f', 'S') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
   AND n.nspname NOT LIKE 'pg\_toast%' AND n.nspname NOT LIKE 'pg\_temp\_%'";

impl Relations {
    /// Reads the catalogue.
    pub(super) async fn read(
        connection: &mut PgConnection,
        seen: Seen<'_>,
    ) -> Result<Self, sqlx::Error> {
        let rows: Vec<(i64, String, String, String)> = sqlx::query_as(RELATIONS)
            .persistent(false)
            .fetch_all(&mut *connection)
            .await?;
        let inherits: Vec<(i64, i64)> =
            sqlx::query_as("SELECT inhrelid::int8, inhparent::int8 FROM pg_inherits")
                .persistent(false)
                .fetch_all(&mut *connection)
                .await?;
        let mut unseen: BTreeSet<u32> = match seen {
            Seen::Published(publication) => {
                let outside = probe::outside(connection, publication).await?;
                outside.into_iter().map(|(oid, _)| oid as u32).collect()
            }
            Seen::Committed => BTreeSet::new(),
        };
        let mut relations = Self {
            inherits: inherits
                .into_iter()
                .map(|(child, parent)| (child as u32, parent as u32))
                .collect(),
            ..Self::default()
        };
        let mut sequences = BTreeSet::new();
        for (oid, name, kind, persistence) in rows {
            let oid = oid as u32;
            match kind.as_str() {
                "S" => {
                    sequences.insert(name);
                    continue;
                }
                "f" => drop(unseen.insert(oid)),
                "r" if persistence == "u" && matches!(seen, Seen::Published(_)) => {
                    unseen.insert(oid);
                }
                "p" => drop(relations.partitioned.insert(oid)),
                _ => {}
            }
            relations.all.insert(name.clone());
            relations.names.insert(oid, name);
        }
        relations.hide(&unseen);
        relations.unseen.extend(sequences);
        Ok(relations)
    }

    /// What is not seen, with everything that shows its rows too.
    fn hide(&mut self, unseen: &BTreeSet<u32>) {
        let above = unseen.iter().flat_map(|oid| self.above(*oid));
        let names = above.filter_map(|oid| self.names.get(&oid).cloned());
        self.unseen = names.collect();
        if !self.unseen.is_empty() {
            // Whoever depends on any change depends on these too.
            self.unseen.insert(Dependencies::ANY.to_owned());
        }
    }

    /// The names of what changed with these. One that is not known counts as any.
    pub(super) fn touched<'a>(&self, oids: impl Iterator<Item = &'a u32>) -> Touched {
        let mut touched = BTreeSet::new();
        for oid in oids {
            // A publication by way of the partitions' root does not tell which partition it was.
            let below = if self.partitioned.contains(oid) {
                self.below(*oid)
            } else {
                BTreeSet::new()
            };
            for oid in self.above(*oid).union(&below) {
                match self.names.get(oid) {
                    Some(name) => drop(touched.insert(name.clone())),
                    None => return Touched::All,
                }
            }
        }
        Touched::Tables(touched)
    }

    /// The table and all that it is a part of.
    fn above(&self, oid: u32) -> BTreeSet<u32> {
        self.closure(oid, |(child, parent)| (child, parent))
    }

    /// The table and all its parts.
    fn below(&self, oid: u32) -> BTreeSet<u32> {
        self.closure(oid, |(child, parent)| (parent, child))
    }

    fn closure(&self, oid: u32, step: impl Fn((u32, u32)) -> (u32, u32)) -> BTreeSet<u32> {
        let mut found = BTreeSet::from([oid]);
        let mut open = vec![oid];
        while let Some(from) = open.pop() {
            for (_, to) in self
                .inherits
                .iter()
                .map(|pair| step(*pair))
                .filter(|(a, _)| *a == from)
            {
                if found.insert(to) {
                    open.push(to);
                }
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tables(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    /// `root` is partitioned into `leaf` and `other`; nothing is a part of `lone`.
    fn relations() -> Relations {
        let named = [(1, "root"), (2, "leaf"), (3, "other"), (4, "lone")];
        Relations {
            names: named.map(|(oid, name)| (oid, name.to_owned())).into(),
            inherits: vec![(2, 1), (3, 1)],
            partitioned: BTreeSet::from([1]),
            ..Relations::default()
        }
    }

    #[test]
    fn a_partition_changes_with_its_parent_and_the_parent_with_it() {
        let relations = relations();
        let touched = |oids: &[u32]| relations.touched(oids.iter());
        assert_eq!(touched(&[2]), Touched::Tables(tables(&["leaf", "root"])));
        assert_eq!(
            touched(&[1]),
            Touched::Tables(tables(&["leaf", "other", "root"]))
        );
        assert_eq!(touched(&[4]), Touched::Tables(tables(&["lone"])));
        assert_eq!(touched(&[4, 9]), Touched::All);
    }

    #[test]
    fn what_shows_unseen_rows_is_not_seen_either() {
        let mut relations = relations();
        relations.hide(&BTreeSet::from([3]));
        assert_eq!(relations.unseen, tables(&["*", "other", "root"]));
        relations.hide(&BTreeSet::new());
        assert_eq!(relations.unseen, BTreeSet::new());
    }
}
