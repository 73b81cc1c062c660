use super::super::Routine;
use super::*;

fn catalogue() -> Catalogue {
    let texts = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let pairs = |pairs: &[(&str, &str)]| {
        pairs
            .iter()
            .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
            .collect()
    };
    let routine = |name: &str, body: &str, volatile| {
        let routine = Routine {
            body: body.to_owned(),
            volatile,
        };
        (name.to_owned(), routine)
    };
    Catalogue {
        tables: texts(&[
            "orders",
            "customer",
            "nation",
            "archive.orders",
            "Mixed",
            "tenants",
        ]),
        views: pairs(&[
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
            ("lately", "SELECT * FROM orders WHERE d > now()"),
            ("abroad", "SELECT * FROM remote, nation"),
        ]),
        unseen: pairs(&[
            ("remote", "the foreign table remote"),
            ("ids", "the sequence ids"),
            ("pg_class", "the system table pg_class"),
            ("hidden", "the view hidden"),
        ]),
        unclear: pairs(&[
            ("hidden", "nobody can read"),
            ("words", "is a virtual table"),
        ]),
        filters: pairs(&[(
            "tenants",
            "SELECT (id IN (SELECT id FROM customer)), (until > clock_timestamp())",
        )]),
        other_names: pairs(&[
            ("second.nation", "nation"),
            ("public.orders", "orders"),
            ("pg_catalog.pg_class", "pg_class"),
        ]),
        default_schema: "main".to_owned(),
        database: "shop".to_owned(),
        routines: BTreeMap::from([
            routine("dblink", "", true),
            routine("total", "SELECT sum(x) FROM orders", false),
            routine("shop.dice", "", true),
            routine("outer_one", "BEGIN RETURN shop.inner_one(1); END", false),
            routine("shop.inner_one", "SELECT last_value FROM ids", false),
            routine("round_and_round", "SELECT round_and_round()", false),
            routine("made", "BEGIN EXECUTE 'SELECT now()'; END", false),
            routine("through_view", "SELECT count(*) FROM lately", false),
        ]),
        operators: [("<~>", "dice"), ("<~>", "total"), ("euro", "dice")]
            .map(|(operator, routine)| (operator.to_owned(), routine.to_owned()))
            .into(),
        pure: texts(&["st_area"]),
    }
}

fn names(sql: &str, dialect: Dialect) -> Vec<String> {
    Dependencies::of(sql, dialect, &catalogue()).names()
}

#[test]
fn tables_are_found_wherever_they_stand() {
    use Dialect::{MsSql, MySql, Postgres, Sqlite};
    let cases: [(Dialect, &str, &[&str]); 22] = [
        (Sqlite, "SELECT 1", &["*"]),
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
            "SELECT * FROM nation OPTION (RECOMPILE, USE HINT ('FORCE_LEGACY_CARDINALITY_ESTIMATION'));",
            &["nation"],
        ),
        (
            MsSql,
            "SELECT * FROM orders WHERE a = :a OPTION (MAXDOP 1, OPTIMIZE FOR (@P1 UNKNOWN)) -- as told",
            &["orders"],
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
            "calls dblink",
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
        (
            Sqlite,
            "SELECT * FROM words",
            "reads words, which is a virtual table",
        ),
        (Sqlite, "SELECT * FROM words('a')", "table function words"),
        // What is called in FROM is no relation, and hides none that is called alike.
        (
            Postgres,
            "SELECT * FROM nation, LATERAL total(1) JOIN total ON true",
            "calls total",
        ),
        (MySql, "SELECT * FROM seq_1_to_x", "reads seq_1_to_x"),
    ];
    for (dialect, sql, want) in cases {
        let found = Dependencies::of(sql, dialect, &catalogue());
        let why = found.any_change.as_deref().unwrap_or_default();
        assert!(why.contains(want), "{sql}: {found:?}");
    }
    assert_eq!(names("SELECT * FROM nowhere", Sqlite), ["*"]);
}

#[test]
fn views_on_the_way_are_told_with_their_tables() {
    let found = Dependencies::of("SELECT * FROM open_orders", Dialect::Sqlite, &catalogue());
    let list: Vec<_> = found
        .views
        .iter()
        .map(|(view, tables)| (view.as_str(), tables.len()))
        .collect();
    assert_eq!(list, [("big_customers", 1), ("open_orders", 2)]);
}

#[test]
fn names_are_resolved_as_the_server_does() {
    use Dialect::{MySql, Postgres};
    let cases: [(Dialect, &str, &[&str]); 7] = [
        (
            Postgres,
            "SELECT * FROM second.nation, public.orders",
            &["nation", "orders"],
        ),
        (Postgres, "SELECT * FROM shop.public.orders", &["orders"]),
        (
            Postgres,
            "SELECT * FROM archive.orders",
            &["archive.orders"],
        ),
        (
            Postgres,
            "SELECT * FROM nation n, jsonb_to_recordset(n.j) AS x(a int)",
            &["nation"],
        ),
        // A policy reads tables of its own, and asks about the table it guards.
        (Postgres, "SELECT * FROM tenants", &["customer", "tenants"]),
        (
            MySql,
            "SELECT * FROM MAIN.Orders, seq_1_to_10, seq_1_to_9_step_2",
            &["orders"],
        ),
        (MySql, "SELECT * FROM Archive.ORDERS", &["archive.orders"]),
    ];
    for (dialect, sql, want) in cases {
        assert_eq!(names(sql, dialect), want, "{dialect:?} {sql}");
    }
}

#[test]
fn what_no_detector_sees_is_told_wherever_it_stands() {
    use Dialect::{MySql, Postgres, Sqlite};
    let cases = [
        (
            Postgres,
            "SELECT * FROM orders WHERE d > now()",
            Some("now"),
        ),
        (Postgres, "SELECT * FROM lately", Some("now")),
        (
            Postgres,
            "SELECT * FROM abroad",
            Some("the foreign table remote"),
        ),
        (
            Postgres,
            "SELECT last_value FROM ids",
            Some("the sequence ids"),
        ),
        (
            Postgres,
            "SELECT * FROM pg_catalog.pg_class",
            Some("the system table pg_class"),
        ),
        (Postgres, "SELECT * FROM tenants", Some("clock_timestamp")),
        (Postgres, "SELECT \"now\"() FROM orders", Some("now")),
        (
            Postgres,
            "SELECT query_to_xml('SELECT 1', true, true, '')",
            Some("query_to_xml"),
        ),
        (
            Postgres,
            "SELECT dice() FROM orders",
            Some("the volatile function dice"),
        ),
        (
            Postgres,
            "SELECT a <~> b FROM orders",
            Some("the volatile function dice"),
        ),
        (
            Postgres,
            "SELECT CAST(a AS EURO) FROM orders",
            Some("the volatile function dice"),
        ),
        (
            Postgres,
            "SELECT * FROM dblink('x') AS t(a int)",
            Some("the volatile function dblink"),
        ),
        (
            Postgres,
            "SELECT outer_one() FROM orders",
            Some("the sequence ids"),
        ),
        (Postgres, "SELECT round_and_round(), total(1)", None),
        (Postgres, "SELECT made()", Some("'SELECT now()'")),
        (Postgres, "SELECT through_view()", Some("now")),
        // A function of a row, as an attribute of it.
        (
            Postgres,
            "SELECT o.dice FROM orders o",
            Some("the volatile function dice"),
        ),
        (
            Postgres,
            "SELECT (o).\"outer_one\" FROM orders o",
            Some("the sequence ids"),
        ),
        (
            MySql,
            "SELECT /*!50000 NOW(), */ a FROM orders",
            Some("an executable comment"),
        ),
        (MySql, "SELECT * FROM hidden", Some("the view hidden")),
        // Also where nothing else can be made of the SQL.
        (
            Postgres,
            "SELECT OVER THE TOP FROM \"remote\"",
            Some("the foreign table remote"),
        ),
        (Postgres, "SELECT OVER THE TOP FROM lately", Some("now")),
        (MySql, "SHOW STATUS", Some("SHOW")),
        (Sqlite, "SELECT * FROM orders, nation", None),
    ];
    for (dialect, sql, want) in cases {
        let found = Dependencies::of(sql, dialect, &catalogue());
        assert_eq!(found.unseen.as_deref(), want, "{sql}: {found:?}");
    }
}

#[test]
fn tables_that_the_user_names_are_believed_and_the_clock_still_counts() {
    let found = Dependencies::named(&["a".to_owned()], "SELECT now() FROM b", Dialect::Postgres);
    assert_eq!(
        (found.names(), found.unseen.as_deref()),
        (vec!["a".to_owned()], Some("now"))
    );
    assert_eq!((found.any_change, found.views.len()), (None, 0));
}

#[test]
fn what_is_unseen_fits_into_a_header() {
    let mut catalogue = catalogue();
    catalogue.unseen.insert("far".to_owned(), "é".repeat(80));
    let found = Dependencies::of("SELECT * FROM far", Dialect::Postgres, &catalogue);
    assert_eq!(found.unseen, Some("é".repeat(50)));
}
