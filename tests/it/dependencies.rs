//! What reports depend on, by the catalogues of real databases: names mean what the server means by them, and what no
//! detector sees is told.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use lookaside::report::{Catalogue, Dependencies, Dialect};
use lookaside::source::Source;

use crate::servers::{MariaDb, Postgres};
use crate::source_postgres::{collect, config, source, trusted};

/// A report's SQL, the tables it depends on (`*` for any change), and a part of what is unseen (empty for nothing).
type Case<'a> = (&'a str, &'a [&'a str], &'a str);

/// Each report runs on the server, and depends on what is said.
async fn each_depends(source: &Arc<dyn Source>, cases: &[Case<'_>]) -> Catalogue {
    let catalogue = source.catalogue().await.unwrap();
    for (sql, tables, unseen) in cases {
        let ran = collect(source, trusted(sql)).await;
        assert!(ran.is_ok(), "{sql}: {:?}", ran.err());
        let found = Dependencies::of(sql, source.dialect(), &catalogue);
        assert_eq!(found.names(), *tables, "{sql}: {found:?}");
        match (&found.unseen, *unseen) {
            (None, "") => {}
            (Some(told), part) if !part.is_empty() => assert!(told.contains(part), "{sql}: {told}"),
            _ => panic!("{sql}: {found:?}"),
        }
    }
    catalogue
}

#[tokio::test]
async fn postgres_names_mean_what_the_search_path_finds() {
    let server = Postgres::shared();
    let (url, database) = server.fresh_database();
    let sql = format!(
        "CREATE SCHEMA tester; CREATE SCHEMA sales; CREATE SCHEMA \"Odd one\";
         CREATE TABLE tester.a (i int); CREATE TABLE sales.a (i int); CREATE TABLE public.a (i int);
         CREATE TABLE sales.b (i int); CREATE TABLE public.b (i int); CREATE TABLE public.c (i int);
         CREATE TABLE \"Odd one\".\"T\" (i int); CREATE TABLE public.pg_class (i int);
         SET search_path = public;
         CREATE VIEW v AS SELECT a.i FROM a JOIN sales.b USING (i) JOIN pg_catalog.pg_class p ON true;
         CREATE VIEW sales.w AS SELECT a.i FROM sales.a JOIN b USING (i) JOIN \"Odd one\".\"T\" USING (i);
         ALTER DATABASE {database} SET search_path = '$user', sales, public;"
    );
    server.client(&database, &sql, &[]);
    let source = source(&url);
    let catalogue = each_depends(
        &source,
        &[
            ("SELECT * FROM a", &["a"], ""),
            (
                "SELECT * FROM tester.a, sales.a, public.a",
                &["a", "public.a", "sales.a"],
                "",
            ),
            ("SELECT * FROM b, sales.b AS again", &["b"], ""),
            (
                "SELECT * FROM public.b, public.c, C AS again",
                &["c", "public.b"],
                "",
            ),
            ("SELECT * FROM \"Odd one\".\"T\"", &["Odd one.T"], ""),
            // `pg_catalog` comes first, also where nobody names it.
            ("SELECT 1 FROM pg_class", &[], "the system table pg_class"),
            ("SELECT * FROM public.pg_class", &["public.pg_class"], ""),
            // A view means what it meant where it was made, whatever finds the names now.
            (
                "SELECT * FROM v",
                &["b", "public.a"],
                "the system table pg_class",
            ),
            ("SELECT * FROM w", &["Odd one.T", "public.b", "sales.a"], ""),
        ],
    )
    .await;
    assert_eq!(catalogue.default_schema, "tester");
}

#[tokio::test]
async fn postgres_relations_and_functions_of_every_kind() {
    let server = Postgres::shared();
    let (url, database) = server.fresh_database();
    server.client(
        &database,
        "CREATE TABLE orders (id serial, d date, total numeric); CREATE TABLE rates (x int);
         CREATE MATERIALIZED VIEW sums AS SELECT sum(total) FROM orders;
         CREATE TABLE log (d date) PARTITION BY RANGE (d);
         CREATE TABLE log_24 PARTITION OF log FOR VALUES FROM ('2024-01-01') TO ('2025-01-01') PARTITION BY RANGE (d);
         CREATE TABLE log_24_a PARTITION OF log_24 FOR VALUES FROM ('2024-01-01') TO ('2024-07-01');
         CREATE TABLE base (i int); CREATE TABLE heir () INHERITS (base);
         CREATE TABLE split (i int) PARTITION BY LIST (i);
         CREATE UNLOGGED TABLE split_1 PARTITION OF split FOR VALUES IN (1);
         CREATE EXTENSION dblink;
         CREATE FUNCTION vat(numeric) RETURNS numeric STABLE LANGUAGE sql AS 'SELECT $1 * max(x) FROM rates';
         CREATE FUNCTION modern(int) RETURNS bigint STABLE LANGUAGE sql
           RETURN (SELECT count(*) FROM orders WHERE d > CURRENT_DATE);
         CREATE FUNCTION lately() RETURNS SETOF orders STABLE LANGUAGE plpgsql AS
           $$ BEGIN RETURN QUERY SELECT * FROM orders WHERE d > now(); END $$;
         CREATE FUNCTION calls_it() RETURNS bigint STABLE LANGUAGE sql AS 'SELECT count(*) FROM lately()';
         CREATE FUNCTION careless() RETURNS int LANGUAGE sql AS 'SELECT 1';
         CREATE FUNCTION step(int, int) RETURNS int STABLE LANGUAGE sql AS 'SELECT $1 + $2 + count(*)::int FROM rates';
         CREATE AGGREGATE odd_sum(int) (SFUNC = step, STYPE = int, INITCOND = 0);
         CREATE AGGREGATE plain_sum(int) (SFUNC = int4pl, STYPE = int, INITCOND = 0);
         CREATE OPERATOR <~> (LEFTARG = int, RIGHTARG = int, FUNCTION = step);
         CREATE TABLE tenants (id int, until date);
         ALTER TABLE tenants ENABLE ROW LEVEL SECURITY;
         CREATE POLICY p ON tenants FOR SELECT USING (until > '2024-01-01' AND id IN (SELECT x FROM rates));
         CREATE POLICY q ON tenants FOR INSERT WITH CHECK (until > now());
         CREATE VIEW clocked AS SELECT id FROM orders WHERE d = CURRENT_DATE;
         CREATE VIEW seen AS SELECT EXTRACT(year FROM d) AS y, sum(total) FROM orders GROUP BY ROLLUP (1);",
        &[],
    );
    let source = source(&url);
    let any: &[&str] = &["*"];
    let catalogue = each_depends(
        &source,
        &[
            ("SELECT * FROM sums", &["sums"], ""),
            ("SELECT * FROM log", &["log"], ""),
            ("SELECT * FROM log_24_a", &["log_24_a"], ""),
            ("SELECT * FROM base", &["base"], ""),
            ("SELECT * FROM ONLY base", any, ""),
            ("SELECT * FROM heir", &["heir"], ""),
            ("SELECT * FROM seen", &["orders"], ""),
            (
                "SELECT * FROM orders, generate_series(1, 3) g, jsonb_each('{}')",
                &["orders"],
                "",
            ),
            (
                "SELECT * FROM regexp_split_to_table('a b', ' ') AS w, orders",
                &["orders"],
                "",
            ),
            ("SELECT plain_sum(x) FROM rates", &["rates"], ""),
            ("SELECT * FROM tenants", &["rates", "tenants"], ""),
            ("SELECT * FROM clocked", &["orders"], "CURRENT_DATE"),
            (
                "SELECT * FROM orders WHERE d < 'today'",
                &["orders"],
                "'today'",
            ),
            (
                "SELECT * FROM orders TABLESAMPLE BERNOULLI (10)",
                &["orders"],
                "TABLESAMPLE",
            ),
            // No detector sees these.
            ("SELECT * FROM split", &["split"], "split_1"),
            (
                "SELECT * FROM split_1",
                &["split_1"],
                "the unlogged table split_1",
            ),
            (
                "SELECT last_value FROM orders_id_seq",
                &[],
                "the sequence orders_id_seq",
            ),
            (
                "SELECT n_tup_ins FROM pg_stat_user_tables",
                &[],
                "the system table pg_stat_user_tables",
            ),
            (
                "SELECT table_name FROM information_schema.tables",
                &[],
                "information_schema.tables",
            ),
            (
                "SELECT pg_total_relation_size('orders')",
                &[],
                "pg_total_relation_size",
            ),
            ("SHOW work_mem", any, "SHOW"),
            // A function may read anything, and is looked into for what no detector sees.
            ("SELECT vat(total) FROM orders", any, ""),
            ("SELECT modern(1)", any, "CURRENT_DATE"),
            ("SELECT * FROM lately()", any, "now"),
            ("SELECT calls_it()", any, "now"),
            ("SELECT careless()", any, "the volatile function careless"),
            ("SELECT odd_sum(x) FROM rates", any, ""),
            ("SELECT 1 <~> 2", any, ""),
            (
                "SELECT query_to_xml('SELECT 1', true, true, '')::text",
                any,
                "query_to_xml",
            ),
        ],
    )
    .await;
    // What needs a server elsewhere is not run.
    server.client(
        &database,
        "CREATE FOREIGN DATA WRAPPER nothing; CREATE SERVER far FOREIGN DATA WRAPPER nothing;
         CREATE FOREIGN TABLE remote (i int) SERVER far; CREATE FOREIGN TABLE base_far () INHERITS (base) SERVER far;",
        &[],
    );
    let later = source.catalogue().await.unwrap();
    for (sql, catalogue, want) in [
        ("SELECT * FROM remote", &later, "the foreign table remote"),
        ("SELECT * FROM base", &later, "base_far"),
        (
            "SELECT * FROM dblink('x', 'SELECT 1') AS t(i int)",
            &catalogue,
            "the volatile function dblink",
        ),
    ] {
        let unseen = Dependencies::of(sql, Dialect::Postgres, catalogue).unseen;
        assert!(
            unseen.as_ref().is_some_and(|told| told.contains(want)),
            "{sql}: {unseen:?}"
        );
    }
}

/// The server calls the function of an implicit cast for SQL that does not name it, so each of them counts.
#[tokio::test]
async fn postgres_every_implicit_cast_is_checked() {
    let server = Postgres::shared();
    let (url, database) = server.fresh_database();
    server.client(
        &database,
        "CREATE TABLE t (a int); CREATE TYPE euro AS (cents int); CREATE TYPE yen AS (number int);
         CREATE FUNCTION to_euro(int) RETURNS euro STABLE LANGUAGE sql
           AS 'SELECT ROW(EXTRACT(day FROM now())::int)::euro';
         CREATE FUNCTION to_yen(int) RETURNS yen IMMUTABLE LANGUAGE sql AS 'SELECT ROW($1)::yen';
         CREATE CAST (int AS euro) WITH FUNCTION to_euro(int) AS IMPLICIT;
         CREATE CAST (int AS yen) WITH FUNCTION to_yen(int) AS IMPLICIT;",
        &[],
    );
    each_depends(&source(&url), &[("SELECT a FROM t", &["*"], "now")]).await;
}

#[tokio::test]
async fn mariadb_relations_and_functions_of_every_kind() {
    let server = MariaDb::shared();
    let (url, database) = server.fresh_database();
    let (_, other) = server.fresh_database();
    server.client(
        &database,
        &format!(
            "CREATE TABLE orders (id int, d date); CREATE TABLE Orders (id int); CREATE TABLE {other}.items (id int);
             CREATE TABLE prices (id int, p int) WITH SYSTEM VERSIONING; CREATE SEQUENCE ids;
             CREATE TABLE m1 (i int) ENGINE=MyISAM; CREATE TABLE m2 (i int) ENGINE=MyISAM;
             CREATE TABLE both_of_them (i int) ENGINE=MERGE UNION=(m1, m2);
             INSTALL SONAME 'ha_federatedx';
             CREATE TABLE far (id int) ENGINE=FEDERATED
               CONNECTION='mysql://tester:s3cret-pw@127.0.0.1:{port}/{other}/items';
             CREATE VIEW recent AS SELECT o.id FROM orders o JOIN {other}.items i USING (id);
             CREATE SQL SECURITY INVOKER VIEW clocked AS SELECT id FROM orders WHERE d = CURDATE();
             CREATE VIEW state AS SELECT table_name FROM information_schema.tables;
             CREATE FUNCTION reads_it() RETURNS int RETURN (SELECT COUNT(*) FROM orders);
             CREATE FUNCTION dice() RETURNS int RETURN FLOOR(RAND() * 6);
             CREATE FUNCTION throws() RETURNS int RETURN dice();
             CREATE FUNCTION counts() RETURNS int RETURN (SELECT COUNT(*) FROM clocked);
             CREATE USER 'narrow'@'%' IDENTIFIED BY 'narrow'; GRANT SELECT ON {database}.* TO 'narrow'@'%';",
            port = server.port,
        ),
        &[],
    );
    let items = format!("{other}.items");
    let everywhere = format!("SELECT * FROM {database}.`orders`, {other}.items");
    let any: &[&str] = &["*"];
    each_depends(
        &source(&url),
        &[
            ("SELECT * FROM orders", &["orders"], ""),
            // Names that differ by case alone are two tables here.
            ("SELECT * FROM Orders", &["Orders"], ""),
            (&everywhere, &["orders", &items], ""),
            ("SELECT * FROM recent", &["orders", &items], ""),
            ("SELECT * FROM prices", &["prices"], ""),
            ("SELECT * FROM prices FOR SYSTEM_TIME ALL", any, ""),
            ("SELECT seq FROM seq_1_to_3, m1", &["m1"], ""),
            ("SELECT * FROM both_of_them", any, ""),
            ("SELECT * FROM clocked", &["orders"], "curdate"),
            (
                "SELECT * FROM orders WHERE d = UTC_DATE",
                &["orders"],
                "UTC_DATE",
            ),
            ("SELECT @@hostname", &[], "@@hostname"),
            (
                "SELECT * FROM state",
                &[],
                "the system table information_schema.TABLES",
            ),
            (
                "SELECT COUNT(*) FROM Information_Schema.processlist",
                &[],
                "PROCESSLIST",
            ),
            (
                "SELECT COUNT(*) FROM mysql.user",
                &[],
                "the system table mysql.user",
            ),
            (
                "SELECT next_not_cached_value FROM ids",
                &[],
                "the sequence ids",
            ),
            ("SELECT * FROM far", &[], "the FEDERATED table far"),
            ("SHOW TABLES", any, "SHOW"),
            ("SELECT reads_it()", any, ""),
            ("SELECT throws()", any, "RAND"),
            ("SELECT counts()", any, "curdate"),
        ],
    )
    .await;

    // Who may not see how a view or a function is defined cannot tell what it depends on.
    let url = format!("mysql://narrow:narrow@127.0.0.1:{}/{database}", server.port);
    let narrow = lookaside::source::open(&config(&url)).unwrap();
    let catalogue = narrow.catalogue().await.unwrap();
    let found = Dependencies::of("SELECT * FROM recent", Dialect::MySql, &catalogue);
    assert!(found.any_change.unwrap().contains("grant it SHOW VIEW"));
    assert!(found.unseen.unwrap().contains("the view recent"));
}

#[tokio::test]
async fn mariadb_folds_names_where_the_server_does() {
    let server = MariaDb::start_with(&["--lower-case-table-names=1"]);
    server.client(
        "shop",
        "CREATE TABLE Orders (id int); CREATE VIEW Recent AS SELECT id FROM ORDERS",
        &[],
    );
    let catalogue = each_depends(
        &source(&server.url_of("Shop")),
        &[
            ("SELECT * FROM OrderS", &["orders"], ""),
            ("SELECT * FROM SHOP.orders", &["orders"], ""),
            ("SELECT * FROM reCent", &["orders"], ""),
        ],
    )
    .await;
    assert_eq!(catalogue.default_schema, "shop");
}

#[tokio::test]
async fn sqlite_relations_of_every_kind() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("shop.db");
    let options = sqlx::sqlite::SqliteConnectOptions::new()
        .filename(&file)
        .create_if_missing(true);
    let mut writer = sqlx::ConnectOptions::connect(&options).await.unwrap();
    let sql = "CREATE TABLE orders (id INTEGER PRIMARY KEY AUTOINCREMENT, d TEXT);
               CREATE VIRTUAL TABLE words USING fts5(word);
               CREATE VIRTUAL TABLE boxes USING rtree(id, a, b);
               CREATE VIEW recent AS SELECT * FROM Orders;
               CREATE VIEW clocked AS SELECT * FROM orders WHERE d > date('now', '-1 day')";
    sqlx::raw_sql(sql).execute(&mut writer).await.unwrap();
    let any: &[&str] = &["*"];
    each_depends(
        &source(&format!("sqlite:{}", file.display())),
        &[
            ("SELECT * FROM recent, json_each('[1]')", &["orders"], ""),
            ("SELECT * FROM main.ORDERS", &["orders"], ""),
            ("SELECT * FROM clocked", &["orders"], "'now'"),
            (
                "SELECT id FROM orders WHERE d < datetime()",
                &["orders"],
                "datetime",
            ),
            ("SELECT id, strftime('%Y', d) FROM orders", &["orders"], ""),
            // What these read is in the file, and any commit to it is seen.
            ("SELECT * FROM words", any, ""),
            ("SELECT * FROM words('a')", any, ""),
            ("SELECT * FROM boxes", any, ""),
            ("SELECT name FROM sqlite_schema", any, ""),
            ("SELECT name FROM sqlite_master", any, ""),
            ("SELECT seq FROM sqlite_sequence", any, ""),
            ("SELECT name FROM pragma_table_info('orders')", any, ""),
            // The hidden tables behind a virtual one are tables of the file.
            ("SELECT id FROM words_content", &["words_content"], ""),
        ],
    )
    .await;
}
