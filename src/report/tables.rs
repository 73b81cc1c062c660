//! The tables a report depends on, read from its SQL through CTEs, subqueries and views.

use std::collections::{BTreeMap, BTreeSet};

use super::mentions::{Mentions, Name, Part};
use super::{Piece, Template};

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

/// What the source's catalogue says, as far as dependencies need it.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    /// Base tables, by the name as the detector reports it (`orders`, `schema.orders` outside the default schema).
    pub tables: BTreeSet<String>,
    /// Views and the SELECT (or CREATE VIEW) that defines each.
    pub views: BTreeMap<String, String>,
    /// The schema whose names stand unqualified (`main`, `public`, the database in MySQL); empty where there is none.
    pub default_schema: String,
    /// Functions that users defined, whose bodies may read any table.
    pub routines: BTreeSet<String>,
}

/// What a report's answer depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dependencies {
    /// These base tables and nothing else; with each view on the way, for display.
    Tables {
        /// Base tables.
        tables: BTreeSet<String>,
        /// Views the SQL names, directly or through another view, and the base tables under each.
        views: BTreeMap<String, BTreeSet<String>>,
    },
    /// Any change of the source, with the reason in one sentence.
    AnyChange(String),
}

impl Dependencies {
    /// The pseudo-table whose position moves with every change of the source.
    pub const ANY: &'static str = "*";

    /// Reads the dependencies of `sql`; where they cannot be known for certain, any change counts.
    pub fn of(sql: &str, dialect: Dialect, catalogue: &Catalogue) -> Self {
        let mut views = BTreeMap::new();
        let sql = match without_params(sql, dialect) {
            Ok(sql) => sql,
            Err(why) => return Self::AnyChange(format!("the SQL cannot be read: {why}")),
        };
        let mut resolver = Resolver {
            dialect,
            catalogue,
            views: &mut views,
        };
        match resolver.tables_of(&sql, "the SQL", &mut Vec::new()) {
            Ok(tables) => Self::Tables { tables, views },
            Err(why) => Self::AnyChange(why),
        }
    }

    /// Names as kept in an entry's header: the tables, or [`Dependencies::ANY`] alone.
    pub fn names(&self) -> Vec<String> {
        match self {
            Self::Tables { tables, .. } => tables.iter().cloned().collect(),
            Self::AnyChange(_) => vec![Self::ANY.to_owned()],
        }
    }
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
    /// Views resolved so far, with their base tables.
    views: &'a mut BTreeMap<String, BTreeSet<String>>,
}

impl Resolver<'_> {
    /// Base tables under `sql`; `path` holds the views on the way here, to end at a cycle.
    fn tables_of(
        &mut self,
        sql: &str,
        what: &str,
        path: &mut Vec<String>,
    ) -> Result<BTreeSet<String>, String> {
        if self.dialect == Dialect::MySql && (sql.contains("/*!") || sql.contains("/*M!")) {
            return Err(format!(
                "{what} holds an executable comment, which the server may run"
            ));
        }
        let named = Mentions::read(sql, self.dialect).map_err(|why| format!("{what} {why}"))?;
        let mut tables = BTreeSet::new();
        for routine in &named.functions {
            if self.reads_anything(routine) {
                return Err(format!(
                    "{what} calls {}, which may read any table",
                    routine.join(".")
                ));
            }
        }
        for name in &named.relations {
            match self.find(name) {
                Some(Found::Table(table)) => {
                    tables.insert(table);
                }
                Some(Found::View(view)) => {
                    let under = self.view(&view, path)?;
                    tables.extend(under);
                }
                None if name.parts.len() == 1
                    && named.ctes.iter().any(|cte| self.same(cte, &name.parts[0])) => {}
                None => {
                    return Err(format!(
                        "{what} reads {}, which the catalogue does not list as a table",
                        name.joined()
                    ));
                }
            }
        }
        Ok(tables)
    }

    fn view(&mut self, view: &str, path: &mut Vec<String>) -> Result<BTreeSet<String>, String> {
        if let Some(known) = self.views.get(view) {
            return Ok(known.clone());
        }
        if path.iter().any(|above| above == view) {
            return Err(format!("the view {view} is defined through itself"));
        }
        path.push(view.to_owned());
        let definition = self.catalogue.views.get(view).cloned().unwrap_or_default();
        let tables = self.tables_of(&definition, &format!("the view {view}"), path)?;
        path.pop();
        self.views.insert(view.to_owned(), tables.clone());
        Ok(tables)
    }

    fn same(&self, one: &Part, other: &Part) -> bool {
        match self.dialect {
            Dialect::Postgres => one.folded() == other.folded(),
            _ => one.text.to_lowercase() == other.text.to_lowercase(),
        }
    }

    /// The catalogue's entry for a name. PostgreSQL folds what is not quoted; in the others case does not count,
    /// except where two names differ by case alone (MySQL on Linux).
    fn find(&self, name: &Name) -> Option<Found> {
        let parts: Vec<String> = name
            .parts
            .iter()
            .map(|part| {
                if self.dialect == Dialect::Postgres {
                    part.folded()
                } else {
                    part.text.clone()
                }
            })
            .collect();
        let same = |one: &str, other: &str| {
            if self.dialect == Dialect::Postgres {
                one == other
            } else {
                one.to_lowercase() == other.to_lowercase()
            }
        };
        let wanted = match parts.as_slice() {
            [table] => table.clone(),
            [.., schema, table] if same(schema, &self.catalogue.default_schema) => table.clone(),
            [.., schema, table] => format!("{schema}.{table}"),
            [] => return None,
        };
        let catalogue = self.catalogue;
        let exact = catalogue
            .tables
            .get(&wanted)
            .map(|table| Found::Table(table.clone()));
        let exact = exact.or_else(|| {
            catalogue
                .views
                .contains_key(&wanted)
                .then(|| Found::View(wanted.clone()))
        });
        if exact.is_some() || self.dialect == Dialect::Postgres {
            return exact;
        }
        let table = catalogue
            .tables
            .iter()
            .find(|table| same(table, &wanted))
            .cloned()
            .map(Found::Table);
        table.or_else(|| {
            catalogue
                .views
                .keys()
                .find(|view| same(view, &wanted))
                .cloned()
                .map(Found::View)
        })
    }

    fn reads_anything(&self, function: &[String]) -> bool {
        let Some(name) = function.last().map(|name| name.to_lowercase()) else {
            return false;
        };
        if self.dialect == Dialect::Postgres
            && POSTGRES_READERS
                .iter()
                .any(|prefix| name.starts_with(prefix))
        {
            return true;
        }
        self.catalogue.routines.iter().any(|routine| {
            let routine = routine.to_lowercase();
            routine == name || routine.rsplit('.').next() == Some(&name)
        })
    }
}

/// PostgreSQL's own functions that run SQL given as text, or read what no table lists.
const POSTGRES_READERS: [&str; 9] = [
    "query_to_xml",
    "table_to_xml",
    "schema_to_xml",
    "database_to_xml",
    "cursor_to_xml",
    "lo_get",
    "pg_read_",
    "pg_stat_",
    "ts_stat",
];

enum Found {
    Table(String),
    View(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalogue() -> Catalogue {
        let texts = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Catalogue {
            tables: texts(&["orders", "customer", "nation", "archive.orders", "Mixed"]),
            views: [
                (
                    "open_orders",
                    "SELECT * FROM orders o JOIN big_customers b ON b.id = o.id",
                ),
                (
                    "big_customers",
                    "CREATE VIEW big_customers AS SELECT * FROM customer WHERE total > 5",
                ),
                ("loop_a", "SELECT * FROM loop_b"),
                ("loop_b", "SELECT * FROM loop_a"),
                ("odd", "SELEKT"),
                ("calling", "SELECT total(1)"),
            ]
            .into_iter()
            .map(|(name, sql)| (name.to_owned(), sql.to_owned()))
            .collect(),
            default_schema: "main".to_owned(),
            routines: texts(&["total"]),
        }
    }

    fn names(sql: &str, dialect: Dialect) -> Vec<String> {
        Dependencies::of(sql, dialect, &catalogue()).names()
    }

    #[test]
    fn tables_are_found_wherever_they_stand() {
        use Dialect::{MsSql, MySql, Postgres, Sqlite};
        let cases: [(Dialect, &str, &[&str]); 20] = [
            (Sqlite, "SELECT 1", &[]),
            (
                Sqlite,
                "SELECT * FROM orders WHERE d >= :since AND r IN (:regions) LIMIT :n",
                &["orders"],
            ),
            (
                Sqlite,
                "SELECT (SELECT max(x) FROM nation) FROM orders WHERE EXISTS (SELECT 1 FROM customer);",
                &["customer", "nation", "orders"],
            ),
            (
                Sqlite,
                "WITH a AS (SELECT * FROM orders), b AS (SELECT * FROM a) SELECT * FROM b",
                &["orders"],
            ),
            // The inner name is the table, though the CTE has the same name.
            (
                Sqlite,
                "WITH orders AS (SELECT * FROM orders) SELECT * FROM orders",
                &["orders"],
            ),
            (
                Sqlite,
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 9) SELECT * FROM N, nation",
                &["nation"],
            ),
            (
                Sqlite,
                "SELECT * FROM main.Orders UNION SELECT * FROM [customer] EXCEPT SELECT * FROM `nation`",
                &["customer", "nation", "orders"],
            ),
            (
                Sqlite,
                "SELECT * FROM open_orders, json_each('[1]')",
                &["customer", "orders"],
            ),
            (
                Sqlite,
                "SELECT * FROM (SELECT * FROM (orders JOIN nation USING (id)))",
                &["nation", "orders"],
            ),
            (
                Sqlite,
                "SELECT sum(x) OVER (PARTITION BY y ORDER BY (SELECT z FROM nation)) FROM orders ORDER BY (SELECT 1 FROM customer)",
                &["customer", "nation", "orders"],
            ),
            (
                MySql,
                "SELECT * FROM `main`.`orders` o STRAIGHT_JOIN nation WHERE a = :a",
                &["nation", "orders"],
            ),
            (MySql, "SELECT * FROM archive.orders", &["archive.orders"]),
            (
                MySql,
                "SELECT STRAIGHT_JOIN @a := 1 FROM customer # :x",
                &["customer"],
            ),
            (
                Postgres,
                "SELECT a::text, :b::date FROM ORDERS",
                &["orders"],
            ),
            (
                Postgres,
                "SELECT * FROM \"Mixed\" m, LATERAL (SELECT * FROM nation n WHERE n.id = m.id) x",
                &["Mixed", "nation"],
            ),
            (
                Postgres,
                "SELECT * FROM archive.orders, generate_series(1, 5) g",
                &["archive.orders"],
            ),
            (
                Postgres,
                "SELECT * FROM customer WHERE id = ANY (ARRAY(SELECT id FROM nation))",
                &["customer", "nation"],
            ),
            (
                Postgres,
                "SELECT DISTINCT ON (a) a, count(*) FILTER (WHERE x IN (SELECT y FROM nation)) FROM orders",
                &["nation", "orders"],
            ),
            (
                MsSql,
                "SELECT TOP 5 * FROM [main].[orders] WHERE id = :id",
                &["orders"],
            ),
            (
                MsSql,
                "SELECT * FROM ORDERS CROSS APPLY (SELECT * FROM nation) n",
                &["nation", "orders"],
            ),
        ];
        for (dialect, sql, want) in cases {
            assert_eq!(
                names(sql, dialect),
                want,
                "{dialect:?} {sql}: {:?}",
                Dependencies::of(sql, dialect, &catalogue())
            );
        }
    }

    #[test]
    fn what_is_not_certain_depends_on_any_change_and_says_why() {
        use Dialect::{MySql, Postgres, Sqlite};
        let cases = [
            (Sqlite, "SELEKT 1", "cannot be parsed"),
            (Sqlite, "SELECT 'x", "cannot be read"),
            (Sqlite, "", "is not one statement"),
            (Sqlite, "SELECT 1; SELECT 2", "is not one statement"),
            (Sqlite, "DELETE FROM orders", "is not a SELECT"),
            (Sqlite, "SELECT * FROM nowhere", "reads nowhere"),
            (Sqlite, "SELECT * FROM temp.orders", "reads temp.orders"),
            (Sqlite, "SELECT * FROM loop_a", "defined through itself"),
            (Sqlite, "SELECT * FROM odd", "the view odd cannot be parsed"),
            (
                Sqlite,
                "SELECT * FROM calling",
                "the view calling calls total",
            ),
            (
                Sqlite,
                "SELECT * FROM pragma_table_info('orders')",
                "table function",
            ),
            (Postgres, "SELECT * FROM Mixed", "reads Mixed"),
            (Postgres, "SELECT * FROM \"ORDERS\"", "reads ORDERS"),
            (
                Postgres,
                "SELECT * FROM dblink('x') AS t(a int)",
                "table function",
            ),
            (
                Postgres,
                "SELECT query_to_xml('SELECT 1', true, true, '')",
                "may read any table",
            ),
            (Postgres, "SELECT shop.Total(5)", "may read any table"),
            (
                Postgres,
                "WITH x AS (DELETE FROM orders RETURNING *) SELECT * FROM x",
                "writes",
            ),
            (Postgres, "SELECT 1 UNION TABLE orders", "TABLE name"),
            (MySql, "SELECT 1 /*! FROM orders */", "executable comment"),
        ];
        for (dialect, sql, want) in cases {
            let found = Dependencies::of(sql, dialect, &catalogue());
            let Dependencies::AnyChange(why) = &found else {
                panic!("{sql}: {found:?}")
            };
            assert!(why.contains(want), "{sql}: {why}");
        }
        assert_eq!(names("SELECT * FROM nowhere", Sqlite), ["*"]);
    }

    #[test]
    fn views_on_the_way_are_told_with_their_tables() {
        let found = Dependencies::of("SELECT * FROM open_orders", Dialect::Sqlite, &catalogue());
        let Dependencies::Tables { views, .. } = found else {
            panic!("{found:?}")
        };
        let list: Vec<_> = views
            .iter()
            .map(|(view, tables)| (view.as_str(), tables.len()))
            .collect();
        assert_eq!(list, [("big_customers", 1), ("open_orders", 2)]);
    }
}
