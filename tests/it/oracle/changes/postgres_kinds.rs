//! How the PostgreSQL database is changed at random.

/// The kinds of change that every round holds.
pub(super) const KINDS: &[(&str, &[&str])] = &[
    (
        "insert and update",
        &[
            "INSERT INTO orders VALUES ({id}, {n}, 'x', 'a') ON CONFLICT (id) DO UPDATE SET n = {n}",
            "UPDATE orders SET n = n + 1, label = CASE WHEN n % 2 = 0 THEN 'A' ELSE 'b' END WHERE id % 3 = {id} % 3",
            "INSERT INTO items VALUES ({id}, 1, {n}) ON CONFLICT (id) DO UPDATE SET n = {n}",
        ],
    ),
    (
        "cascade",
        &[
            "DELETE FROM orders WHERE id = {id}",
            "UPDATE orders SET id = id + 100 WHERE id = {id};;UPDATE orders SET id = id - 100 WHERE id > 100",
            "INSERT INTO orders SELECT i, i, 'Null', 'A' FROM generate_series(1, 20) i ON CONFLICT DO NOTHING",
        ],
    ),
    (
        "rolled back",
        &["BEGIN; UPDATE orders SET n = n + 50; DELETE FROM items; ROLLBACK"],
    ),
    (
        "savepoint",
        &[
            "BEGIN; UPDATE ledger SET n = {n} WHERE id = 1; SAVEPOINT a; UPDATE ledger SET n = n + 1000; ROLLBACK TO a; \
         UPDATE ledger SET n = {n} WHERE id = 2; RELEASE a; COMMIT",
        ],
    ),
    (
        "many tables at once",
        &[
            "BEGIN; UPDATE orders SET n = {n} WHERE id = {id}; UPDATE salaries SET n = {n} WHERE id = {id}; \
        UPDATE ledger SET n = {n} WHERE id = 3; COMMIT",
        ],
    ),
    (
        "long transaction",
        &[
            "@BEGIN; UPDATE ledger SET n = n + {n} WHERE id = 4; INSERT INTO trail VALUES ({n})",
            "@COMMIT",
            "@BEGIN; UPDATE ledger SET n = n + {n} WHERE id = 5",
            "@ROLLBACK",
        ],
    ),
    (
        "long schema change",
        &[
            "@BEGIN; CREATE OR REPLACE FUNCTION plus(int, int DEFAULT {n}) RETURNS int IMMUTABLE LANGUAGE sql \
        AS 'SELECT $1 + $2'",
            "@COMMIT",
        ],
    ),
    (
        "two-phase",
        &[
            "BEGIN; UPDATE ledger SET n = n + {n} WHERE id = 6; PREPARE TRANSACTION 'two'",
            "COMMIT PREPARED 'two'",
            "BEGIN; UPDATE ledger SET n = n + {n} WHERE id = 7; PREPARE TRANSACTION 'two'",
            "ROLLBACK PREPARED 'two'",
        ],
    ),
    (
        "asynchronous commit",
        &["SET synchronous_commit = off; UPDATE ledger SET n = {n} WHERE id = 8"],
    ),
    (
        "merge",
        &[
            "MERGE INTO ledger l USING orders o ON l.id = o.id AND l.id > 10 WHEN MATCHED THEN UPDATE SET n = o.n",
        ],
    ),
    (
        "copy and truncate",
        &[
            "TRUNCATE friends;;COPY friends FROM PROGRAM 'seq -f \"%g\t{n}\" 1 9'",
            "TRUNCATE trail",
            "TRUNCATE rates;;INSERT INTO rates SELECT i, i * 2 FROM generate_series(1, 20) i",
        ],
    ),
    (
        "other rows",
        &[
            "UPDATE salaries SET n = {n} WHERE id = {id}",
            "UPDATE diary SET n = {n} WHERE id = {id}",
            "UPDATE rates SET n = {n} WHERE id = {id}",
            "UPDATE doubled SET n = {n} WHERE id = {id}",
            "UPDATE docs SET body = 'running {n}' WHERE id = {id}",
            "UPDATE names SET name = 'n{n}' WHERE id = {id}",
            "UPDATE forms SET f = {n} / 7.0 WHERE id = {id}",
            "UPDATE east.stock SET n = {n}",
            "UPDATE west.stock SET n = {n}",
            "UPDATE public.stock SET n = {n}",
            "UPDATE secret SET n = {n}",
            "UPDATE payroll_secret SET n = {n} WHERE id = 1",
            "UPDATE vault.coins SET n = {n}",
            "UPDATE partial SET a = {n}",
            "UPDATE wide SET n = {n}",
            "UPDATE prices SET n = {n}",
            "UPDATE points SET p.x = {n} WHERE id = {id}",
            "UPDATE people SET n = {n} WHERE id = {id}",
            "INSERT INTO scratch VALUES (1, {n}) ON CONFLICT (id) DO UPDATE SET n = {n}",
            "SELECT nextval('numbers')",
        ],
    ),
    (
        "partitions",
        &[
            "INSERT INTO visits VALUES ({n}, 2025, {n})",
            "UPDATE visits SET year = 2026 WHERE id = {id}",
            "UPDATE visits_2026 SET n = n + 1",
            "ALTER TABLE visits DETACH PARTITION visits_2026",
            "UPDATE visits_2026 SET n = {n}",
            "ALTER TABLE visits ATTACH PARTITION visits_2026 FOR VALUES IN (2026)",
            "TRUNCATE visits_2025",
        ],
    ),
    (
        "inheritance",
        &[
            "ALTER TABLE friends NO INHERIT people",
            "ALTER TABLE friends INHERIT people",
        ],
    ),
    ("materialized view", &["REFRESH MATERIALIZED VIEW kept"]),
    (
        "views",
        &[
            "CREATE OR REPLACE VIEW order_items AS SELECT o.id AS order_id, i.n + {n} AS n FROM orders o JOIN items i ON i.order_id = o.id",
            "CREATE OR REPLACE VIEW order_items AS SELECT o.id AS order_id, i.n FROM orders o JOIN items i ON i.order_id = o.id",
            "ALTER VIEW invoked SET (security_invoker = false)",
            "ALTER VIEW invoked SET (security_invoker = true)",
            "ALTER VIEW kept_salaries OWNER TO tester",
            "ALTER VIEW kept_salaries OWNER TO keeper",
            "CREATE OR REPLACE VIEW guarded WITH (security_barrier) AS SELECT id, n FROM orders WHERE n > {n}",
        ],
    ),
    (
        "functions",
        &[
            "CREATE OR REPLACE FUNCTION tax(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT $1 * {n}'",
            "CREATE OR REPLACE FUNCTION orders_above(int) RETURNS bigint STABLE LANGUAGE sql AS 'SELECT count(*) + {n} FROM public.orders WHERE n > $1'",
            "ALTER FUNCTION orders_below(int) RENAME TO orders_under;;CREATE FUNCTION orders_below(int) RETURNS bigint STABLE LANGUAGE sql AS 'SELECT {n}::bigint'",
            "DROP FUNCTION orders_below(int);;ALTER FUNCTION orders_under(int) RENAME TO orders_below",
            "CREATE FUNCTION lower(varchar) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT ''a''::text'",
            "DROP FUNCTION lower(varchar)",
            "ALTER FUNCTION salary_sum() SECURITY INVOKER",
            "ALTER FUNCTION salary_sum() SECURITY DEFINER",
            "ALTER FUNCTION orders_above(int) SET search_path = west",
            "ALTER FUNCTION orders_above(int) RESET ALL",
            "ALTER FUNCTION to_euro(int) RENAME TO was_euro",
            "ALTER FUNCTION was_euro(int) RENAME TO to_euro",
        ],
    ),
    (
        "aggregate",
        &[
            "BEGIN; DROP AGGREGATE product(int); CREATE AGGREGATE product (int) (SFUNC = times, STYPE = int, INITCOND = '{n}'); COMMIT",
        ],
    ),
    (
        "operator",
        &[
            "BEGIN; DROP OPERATOR === (int, int); CREATE OPERATOR === (LEFTARG = int, RIGHTARG = int, FUNCTION = same_third); COMMIT",
            "CREATE OPERATOR east.=== (LEFTARG = int, RIGHTARG = int, FUNCTION = public.same_parity)",
            "DROP OPERATOR east.=== (int, int)",
            "BEGIN; DROP OPERATOR === (int, int); CREATE OPERATOR === (LEFTARG = int, RIGHTARG = int, FUNCTION = same_parity); COMMIT",
        ],
    ),
    (
        "cast",
        &[
            "BEGIN; DROP CAST (int AS euro); CREATE CAST (int AS euro) WITH FUNCTION to_old_euro(int) AS IMPLICIT; COMMIT",
            "BEGIN; DROP CAST (int AS euro); CREATE CAST (int AS euro) WITH FUNCTION to_euro(int) AS IMPLICIT; COMMIT",
        ],
    ),
    (
        "domain",
        &[
            "ALTER DOMAIN percent ADD CONSTRAINT half CHECK (VALUE < 50) NOT VALID",
            "ALTER DOMAIN percent DROP CONSTRAINT half",
        ],
    ),
    (
        "enum",
        &[
            "ALTER TYPE status RENAME VALUE 'open' TO 'opened'",
            "ALTER TYPE status RENAME VALUE 'opened' TO 'open'",
            "ALTER TYPE status ADD VALUE IF NOT EXISTS 'v{n}' BEFORE 'done';;UPDATE tickets SET status = 'lost' WHERE id = {id}",
            "UPDATE tickets SET status = 'open' WHERE id = {id}",
        ],
    ),
    (
        "composite",
        &[
            "ALTER TYPE point2 RENAME ATTRIBUTE y TO z",
            "ALTER TYPE point2 RENAME ATTRIBUTE z TO y",
            "ALTER TYPE point2 ADD ATTRIBUTE w int",
            "ALTER TYPE point2 DROP ATTRIBUTE w",
        ],
    ),
    (
        "text search",
        &[
            "ALTER TEXT SEARCH CONFIGURATION shop ALTER MAPPING FOR asciiword WITH english_stem",
            "ALTER TEXT SEARCH DICTIONARY shop_words (STOPWORDS = english)",
            "ALTER TEXT SEARCH CONFIGURATION shop ALTER MAPPING FOR asciiword WITH shop_words",
            "ALTER TEXT SEARCH DICTIONARY shop_words (STOPWORDS)",
            "CREATE TEXT SEARCH CONFIGURATION east.shop (COPY = pg_catalog.english)",
            "DROP TEXT SEARCH CONFIGURATION east.shop",
        ],
    ),
    (
        "collation",
        &[
            "BEGIN; DROP COLLATION natural_order; CREATE COLLATION natural_order (PROVIDER = icu, LOCALE = 'en'); COMMIT",
            "CREATE COLLATION east.natural_order (PROVIDER = icu, LOCALE = 'en-u-kn-true')",
            "DROP COLLATION east.natural_order",
            "BEGIN; DROP COLLATION natural_order; CREATE COLLATION natural_order (PROVIDER = icu, LOCALE = 'en-u-kn-true'); COMMIT",
        ],
    ),
    (
        "columns",
        &[
            "ALTER TABLE wide ADD COLUMN IF NOT EXISTS extra int DEFAULT {n}",
            "ALTER TABLE wide RENAME COLUMN t TO words",
            "ALTER TABLE wide ALTER COLUMN n TYPE numeric(8, 2)",
            "ALTER TABLE wide RENAME COLUMN words TO t",
            "ALTER TABLE wide DROP COLUMN IF EXISTS extra",
            "ALTER TABLE wide ALTER COLUMN n TYPE int",
            "ALTER TABLE doubled DROP COLUMN twice",
            "ALTER TABLE doubled ADD COLUMN twice int GENERATED ALWAYS AS (n * {n}) STORED",
        ],
    ),
    (
        "tables",
        &[
            "BEGIN; ALTER TABLE prices RENAME TO old; ALTER TABLE next_prices RENAME TO prices; ALTER TABLE old RENAME TO next_prices; \
         COMMIT",
            "DROP TABLE prices",
            "CREATE TABLE prices AS SELECT id, n + {n} AS n FROM next_prices;;ALTER TABLE prices REPLICA IDENTITY FULL; GRANT SELECT ON prices TO readers",
            // What depends on any change is not called fresh as long as there is one.
            "ALTER TABLE scratch SET UNLOGGED",
            "ALTER TABLE scratch SET LOGGED",
        ],
    ),
    (
        "shadowing",
        &[
            "CREATE TABLE east.orders (LIKE public.orders); GRANT SELECT ON east.orders TO readers",
            "DROP TABLE east.orders",
            "CREATE VIEW east.names AS SELECT id, 'other'::text AS name FROM public.names; GRANT SELECT ON east.names TO readers",
            "DROP VIEW east.names",
            "ALTER TABLE east.stock RENAME TO stocks",
            "ALTER TABLE east.stocks RENAME TO stock",
            "CREATE FUNCTION east.tax(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT {n}'",
            "DROP FUNCTION east.tax(int)",
            "ALTER SCHEMA east RENAME TO far",
            "ALTER SCHEMA far RENAME TO east",
        ],
    ),
];
