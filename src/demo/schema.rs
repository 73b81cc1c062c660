//! The demo's tables, view and indices in each dialect.
//!
//! SQLite has no decimal type, and sums of its floating-point numbers depend on the order of the rows. So money is
//! kept there as whole cents and a discount or tax as whole percent, and every sum is exact; MySQL, PostgreSQL and SQL Server keep
//! `DECIMAL(15,2)`. The view `order_facts` has the same columns and the same values in all of them.

use crate::report::Dialect;

/// A table's name, its primary key, and each column's name and kind.
type Columns = (&'static str, &'static str, &'static [(&'static str, Kind)]);

const COLUMNS: [Columns; 8] = [
    (
        "region",
        "r_regionkey",
        &[
            ("r_regionkey", Kind::Key),
            ("r_name", Kind::Text(25)),
            ("r_comment", Kind::Text(152)),
        ],
    ),
    (
        "nation",
        "n_nationkey",
        &[
            ("n_nationkey", Kind::Key),
            ("n_name", Kind::Text(25)),
            ("n_regionkey", Kind::Integer),
            ("n_comment", Kind::Text(152)),
        ],
    ),
    (
        "supplier",
        "s_suppkey",
        &[
            ("s_suppkey", Kind::Key),
            ("s_name", Kind::Text(25)),
            ("s_address", Kind::Text(40)),
            ("s_nationkey", Kind::Integer),
            ("s_phone", Kind::Text(15)),
            ("s_acctbal", Kind::Money),
            ("s_comment", Kind::Text(101)),
        ],
    ),
    (
        "customer",
        "c_custkey",
        &[
            ("c_custkey", Kind::Key),
            ("c_name", Kind::Text(25)),
            ("c_address", Kind::Text(40)),
            ("c_nationkey", Kind::Integer),
            ("c_phone", Kind::Text(15)),
            ("c_acctbal", Kind::Money),
            ("c_mktsegment", Kind::Text(10)),
            ("c_comment", Kind::Text(117)),
        ],
    ),
    (
        "part",
        "p_partkey",
        &[
            ("p_partkey", Kind::Key),
            ("p_name", Kind::Text(55)),
            ("p_mfgr", Kind::Text(25)),
            ("p_brand", Kind::Text(10)),
            ("p_type", Kind::Text(25)),
            ("p_size", Kind::Integer),
            ("p_container", Kind::Text(10)),
            ("p_retailprice", Kind::Money),
            ("p_comment", Kind::Text(23)),
        ],
    ),
    (
        "partsupp",
        "ps_partkey, ps_suppkey",
        &[
            ("ps_partkey", Kind::Integer),
            ("ps_suppkey", Kind::Integer),
            ("ps_availqty", Kind::Integer),
            ("ps_supplycost", Kind::Money),
            ("ps_comment", Kind::Text(199)),
        ],
    ),
    (
        "orders",
        "o_orderkey",
        &[
            ("o_orderkey", Kind::Key),
            ("o_custkey", Kind::Integer),
            ("o_orderstatus", Kind::Text(1)),
            ("o_totalprice", Kind::Money),
            ("o_orderdate", Kind::Date),
            ("o_orderpriority", Kind::Text(15)),
            ("o_clerk", Kind::Text(15)),
            ("o_shippriority", Kind::Integer),
            ("o_comment", Kind::Text(79)),
        ],
    ),
    (
        "lineitem",
        "l_orderkey, l_linenumber",
        &[
            ("l_orderkey", Kind::Integer),
            ("l_partkey", Kind::Integer),
            ("l_suppkey", Kind::Integer),
            ("l_linenumber", Kind::Integer),
            ("l_quantity", Kind::Integer),
            ("l_extendedprice", Kind::Money),
            ("l_discount", Kind::Money),
            ("l_tax", Kind::Money),
            ("l_returnflag", Kind::Text(1)),
            ("l_linestatus", Kind::Text(1)),
            ("l_shipdate", Kind::Date),
            ("l_commitdate", Kind::Date),
            ("l_receiptdate", Kind::Date),
            ("l_shipinstruct", Kind::Text(25)),
            ("l_shipmode", Kind::Text(10)),
            ("l_comment", Kind::Text(44)),
        ],
    ),
];

#[derive(Clone, Copy)]
enum Kind {
    /// The single-column primary key.
    Key,
    Integer,
    Money,
    Date,
    Text(u16),
}

/// The name of the view over orders, their lines, customers and nations.
pub(super) const VIEW: &str = "order_facts";

/// One `CREATE TABLE` for each table, in the order of `tables::TABLES`.
pub(super) fn create_tables(dialect: Dialect) -> Vec<String> {
    COLUMNS
        .iter()
        .map(|(table, key, columns)| {
            let columns: Vec<_> = columns
                .iter()
                .map(|(name, kind)| format!("{name} {} NOT NULL", kind.sql(dialect)))
                .collect();
            // Clustered by their keys, as MySQL does it anyway: the lines of an order lie side by side.
            let clustered = dialect == Dialect::Sqlite && key.contains(',');
            let options = if clustered { " WITHOUT ROWID" } else { "" };
            format!(
                "CREATE TABLE {table} ({}, PRIMARY KEY ({key})){options}",
                columns.join(", ")
            )
        })
        .collect()
}

/// The kinds of a table's columns: `i` a whole number, `m` money, `d` a date, `t` text.
pub(super) fn kinds(table: &str) -> Vec<char> {
    let columns = COLUMNS.iter().find(|(name, _, _)| *name == table);
    columns
        .into_iter()
        .flat_map(|(_, _, columns)| columns.iter())
        .map(|(_, kind)| match kind {
            Kind::Key | Kind::Integer => 'i',
            Kind::Money => 'm',
            Kind::Date => 'd',
            Kind::Text(_) => 't',
        })
        .collect()
}

/// What is made after the rows: the indices a shop would have, the view, and the planner's statistics.
pub(super) fn finish(dialect: Dialect) -> Vec<String> {
    let mut statements = vec![
        "CREATE INDEX orders_customer ON orders (o_custkey)".to_owned(),
        "CREATE INDEX lineitem_part ON lineitem (l_partkey, l_suppkey)".to_owned(),
        create_view(dialect),
    ];
    match dialect {
        Dialect::MySql => statements.push(
            "ANALYZE TABLE region, nation, supplier, customer, part, partsupp, orders, lineitem"
                .to_owned(),
        ),
        // It keeps statistics by itself.
        Dialect::MsSql => {}
        _ => statements.push("ANALYZE".to_owned()),
    }
    statements
}

fn create_view(dialect: Dialect) -> String {
    let revenue = match dialect {
        Dialect::Sqlite => "(l_extendedprice * (100 - l_discount) + 50) / 100",
        Dialect::MySql => "CAST(round(l_extendedprice * (1 - l_discount), 2) * 100 AS SIGNED)",
        _ => "CAST(round(l_extendedprice * (1 - l_discount), 2) * 100 AS bigint)",
    };
    format!(
        "CREATE VIEW {VIEW} AS SELECT o_orderkey, o_orderdate, o_orderpriority, o_orderstatus, l_linenumber, l_partkey, \
         l_suppkey, l_quantity, {revenue} AS revenue_cents, l_returnflag, l_shipdate, l_commitdate, l_receiptdate, \
         l_shipmode, c_custkey, c_name, c_mktsegment, n_name, n_regionkey \
         FROM orders JOIN lineitem ON l_orderkey = o_orderkey JOIN customer ON c_custkey = o_custkey \
         JOIN nation ON n_nationkey = c_nationkey"
    )
}

impl Kind {
    fn sql(self, dialect: Dialect) -> String {
        match (self, dialect) {
            // Exactly this word makes the column SQLite's row number.
            (Self::Key | Self::Integer | Self::Money, Dialect::Sqlite) => "INTEGER".to_owned(),
            (Self::Key | Self::Integer, _) => "BIGINT".to_owned(),
            (Self::Money, _) => "DECIMAL(15,2)".to_owned(),
            (Self::Date, _) => "DATE".to_owned(),
            (Self::Text(_), Dialect::Sqlite) => "TEXT".to_owned(),
            (Self::Text(length), _) => format!("VARCHAR({length})"),
        }
    }
}
