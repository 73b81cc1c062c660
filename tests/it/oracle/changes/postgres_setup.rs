//! Makes what is in the PostgreSQL database that is changed at random.

/// Statements that make everything, separated by `;;`.
pub(super) const SETUP: &str = r"
CREATE ROLE keeper; CREATE ROLE readers; CREATE ROLE payroll; CREATE ROLE clerks;
CREATE ROLE rep LOGIN REPLICATION PASSWORD 's3cret-pw' IN ROLE readers;
CREATE ROLE plain LOGIN PASSWORD 's3cret-pw' IN ROLE readers;
CREATE SCHEMA east; CREATE SCHEMA west; CREATE SCHEMA vault;
ALTER ROLE rep SET search_path = east, public; ALTER ROLE plain SET search_path = east, public;

CREATE TABLE orders (id int PRIMARY KEY, n int, note text, label varchar);
INSERT INTO orders SELECT i, i * 7 % 20, CASE WHEN i % 3 = 0 THEN 'Null' ELSE 'a' || i END, 'A' FROM generate_series(1, 20) i;
CREATE TABLE items (id int PRIMARY KEY, order_id int REFERENCES orders (id) ON DELETE CASCADE ON UPDATE CASCADE, n int);
INSERT INTO items SELECT i, i, i FROM generate_series(1, 20) i;
CREATE VIEW order_items AS SELECT o.id AS order_id, i.n FROM orders o JOIN items i ON i.order_id = o.id;
CREATE VIEW order_totals AS SELECT order_id, sum(n) AS total FROM order_items GROUP BY order_id;
CREATE VIEW guarded WITH (security_barrier) AS SELECT id, n FROM orders WHERE n > 5;

CREATE TABLE salaries (id int PRIMARY KEY, who text, n int);
INSERT INTO salaries SELECT i, CASE WHEN i % 2 = 0 THEN 'rep' ELSE 'ann' END, i FROM generate_series(1, 20) i;
ALTER TABLE salaries ENABLE ROW LEVEL SECURITY;
CREATE POLICY everybody ON salaries FOR SELECT USING (n < 5);
CREATE POLICY payroll ON salaries FOR SELECT TO payroll USING (true);
CREATE VIEW invoked WITH (security_invoker) AS SELECT id, n FROM salaries;
CREATE VIEW kept_salaries AS SELECT id, n FROM salaries;
GRANT SELECT ON salaries TO keeper; ALTER VIEW kept_salaries OWNER TO keeper;
CREATE TABLE diary (id int PRIMARY KEY, n int); INSERT INTO diary SELECT i, i FROM generate_series(1, 20) i;
ALTER TABLE diary ENABLE ROW LEVEL SECURITY; CREATE POLICY few ON diary USING (n > (SELECT min(n) + 3 FROM orders));

CREATE FUNCTION orders_above(int) RETURNS bigint STABLE LANGUAGE sql AS 'SELECT count(*) FROM public.orders WHERE n > $1';
CREATE FUNCTION orders_below(bound int) RETURNS bigint STABLE LANGUAGE plpgsql
    AS 'BEGIN RETURN (SELECT count(*) FROM public.orders WHERE n < bound); END';
CREATE FUNCTION orders_of(int) RETURNS TABLE (id int, n int) STABLE LANGUAGE sql
    AS 'SELECT id, n FROM public.orders WHERE id % 5 = $1';
CREATE FUNCTION salary_sum() RETURNS bigint STABLE SECURITY DEFINER LANGUAGE sql AS 'SELECT sum(n) FROM public.salaries';
ALTER FUNCTION salary_sum() OWNER TO keeper;
CREATE FUNCTION tax(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT $1 * 2';
CREATE FUNCTION plus(int, int DEFAULT 1) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT $1 + $2';
CREATE FUNCTION same_parity(int, int) RETURNS bool IMMUTABLE LANGUAGE sql AS 'SELECT $1 % 2 = $2 % 2';
CREATE FUNCTION same_third(int, int) RETURNS bool IMMUTABLE LANGUAGE sql AS 'SELECT $1 % 3 = $2 % 3';
CREATE OPERATOR === (LEFTARG = int, RIGHTARG = int, FUNCTION = same_parity);
CREATE FUNCTION times(int, int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT $1 * $2';
CREATE AGGREGATE product (int) (SFUNC = times, STYPE = int, INITCOND = '1');
CREATE TYPE euro AS (cents int);
CREATE FUNCTION to_euro(int) RETURNS euro IMMUTABLE LANGUAGE sql AS 'SELECT ROW($1 * 100)::public.euro';
CREATE FUNCTION to_old_euro(int) RETURNS euro IMMUTABLE LANGUAGE sql AS 'SELECT ROW($1 * 51)::public.euro';
CREATE CAST (int AS euro) WITH FUNCTION to_euro(int) AS IMPLICIT;
CREATE FUNCTION cents_of(euro) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT $1.cents';

CREATE DOMAIN percent AS int CHECK (VALUE < 100); CREATE TABLE rates (id int PRIMARY KEY, n int);
INSERT INTO rates SELECT i, i * 3 FROM generate_series(1, 20) i;
CREATE TYPE status AS ENUM ('open', 'done', 'lost'); CREATE TABLE tickets (id int PRIMARY KEY, status status);
INSERT INTO tickets SELECT i, (ARRAY['open', 'done', 'lost'])[i % 3 + 1]::status FROM generate_series(1, 20) i;
CREATE TYPE point2 AS (x int, y int); CREATE TABLE points (id int PRIMARY KEY, p point2);
INSERT INTO points SELECT i, ROW(i, i)::point2 FROM generate_series(1, 20) i;
CREATE TABLE visits (id int, year int, n int) PARTITION BY LIST (year);
CREATE TABLE visits_2025 PARTITION OF visits FOR VALUES IN (2025);
CREATE TABLE visits_2026 PARTITION OF visits FOR VALUES IN (2026);
CREATE TABLE visits_other PARTITION OF visits DEFAULT;
ALTER TABLE visits_2025 REPLICA IDENTITY FULL; ALTER TABLE visits_2026 REPLICA IDENTITY FULL;
ALTER TABLE visits_other REPLICA IDENTITY FULL; ALTER TABLE visits REPLICA IDENTITY FULL;
INSERT INTO visits SELECT i, 2025 + i % 2, i FROM generate_series(1, 20) i;
CREATE TABLE people (id int, n int); CREATE TABLE friends () INHERITS (people);
ALTER TABLE people REPLICA IDENTITY FULL; ALTER TABLE friends REPLICA IDENTITY FULL;
INSERT INTO people SELECT i, i FROM generate_series(1, 9) i; INSERT INTO friends SELECT i, i FROM generate_series(1, 9) i;
CREATE MATERIALIZED VIEW kept AS SELECT id, n FROM orders;
CREATE TABLE doubled (id int PRIMARY KEY, n int, twice int GENERATED ALWAYS AS (n * 2) STORED);
INSERT INTO doubled (id, n) SELECT i, i FROM generate_series(1, 20) i;
CREATE TABLE trail (n int);
CREATE FUNCTION trail() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO public.trail VALUES (NEW.n); RETURN NEW; END';
CREATE TRIGGER trail AFTER INSERT OR UPDATE ON doubled FOR EACH ROW EXECUTE FUNCTION trail();
CREATE TABLE ledger (id int PRIMARY KEY, n int); INSERT INTO ledger SELECT i, i FROM generate_series(1, 20) i;
CREATE TABLE docs (id int PRIMARY KEY, body text);
INSERT INTO docs SELECT i, (ARRAY['he runs', 'running', 'the run', 'a walk'])[i % 4 + 1] FROM generate_series(1, 20) i;
CREATE TEXT SEARCH DICTIONARY shop_words (TEMPLATE = simple);
CREATE TEXT SEARCH CONFIGURATION shop (COPY = pg_catalog.simple);
ALTER TEXT SEARCH CONFIGURATION shop ALTER MAPPING FOR asciiword WITH shop_words;
CREATE COLLATION natural_order (PROVIDER = icu, LOCALE = 'en-u-kn-true'); CREATE TABLE names (id int PRIMARY KEY, name text);
INSERT INTO names SELECT i, 'n' || i FROM generate_series(1, 20) i;
CREATE TABLE forms (id int PRIMARY KEY, at timestamptz, d date, iv interval, b bytea, f float8);
INSERT INTO forms SELECT i, '2020-01-30 22:30:00+00'::timestamptz + i * '7 h'::interval, '2020-01-30'::date + i,
    i * '1 day 2 h'::interval, '\x01ab', i / 3.0 FROM generate_series(1, 20) i;
CREATE TABLE public.stock (id int PRIMARY KEY, n int); CREATE TABLE east.stock (id int PRIMARY KEY, n int);
CREATE TABLE west.stock (id int PRIMARY KEY, n int);
INSERT INTO public.stock VALUES (1, 1); INSERT INTO east.stock VALUES (1, 2), (2, 2); INSERT INTO west.stock VALUES (1, 3);
CREATE TABLE partial (id int PRIMARY KEY, a int, b int); INSERT INTO partial SELECT i, i, i FROM generate_series(1, 9) i;
CREATE TABLE secret (id int PRIMARY KEY, n int); INSERT INTO secret SELECT i, i FROM generate_series(1, 9) i;
CREATE TABLE payroll_secret (id int PRIMARY KEY, n int); INSERT INTO payroll_secret SELECT i, i FROM generate_series(1, 9) i;
CREATE TABLE vault.coins (id int PRIMARY KEY, n int); INSERT INTO vault.coins SELECT i, i FROM generate_series(1, 9) i;
CREATE TABLE wide (id int PRIMARY KEY, n int, t text); INSERT INTO wide SELECT i, i, 't' || i FROM generate_series(1, 9) i;
CREATE TABLE prices (id int PRIMARY KEY, n int); INSERT INTO prices SELECT i, i FROM generate_series(1, 9) i;
CREATE TABLE next_prices (id int PRIMARY KEY, n int); INSERT INTO next_prices SELECT i, i * 2 FROM generate_series(1, 9) i;
CREATE TABLE scratch (id int PRIMARY KEY, n int); CREATE SEQUENCE numbers;

GRANT SELECT ON ALL TABLES IN SCHEMA public, east, west, vault TO readers;
GRANT SELECT ON SEQUENCE numbers TO readers;
GRANT USAGE ON SCHEMA east, west, vault TO readers;
REVOKE SELECT ON partial, payroll_secret FROM readers; GRANT SELECT (id, a) ON partial TO readers;
GRANT SELECT ON payroll_secret TO payroll;
CREATE PUBLICATION lookaside FOR ALL TABLES";
