//! How the MariaDB databases are changed at random.

/// The kinds of change that every round holds.
pub(super) const KINDS: &[(&str, &[&str])] = &[
    (
        "insert and update",
        &[
            "INSERT INTO orders VALUES ({id}, {n}, 'x', '2020-01-01') ON DUPLICATE KEY UPDATE n = {n}",
            "REPLACE INTO ledger VALUES ({id}, {n})",
            "UPDATE orders SET n = n + 1 WHERE id % 3 = {id} % 3",
            "INSERT IGNORE INTO items VALUES ({id}, 1, {n})",
        ],
    ),
    (
        "cascade",
        &[
            "DELETE FROM orders WHERE id = {id}",
            "INSERT IGNORE INTO orders SELECT seq, seq, 'Null', '2020-01-01' FROM seq_1_to_20",
            "UPDATE orders SET id = id + 100 WHERE id = {id};;UPDATE orders SET id = id - 100 WHERE id > 100",
            "INSERT IGNORE INTO items SELECT seq, seq, seq FROM seq_1_to_20",
        ],
    ),
    (
        "cascade from a hidden table",
        &[
            "DELETE FROM hidden.parents WHERE id = {id}",
            "INSERT IGNORE INTO hidden.parents SELECT seq, seq FROM seq_1_to_20",
            "UPDATE hidden.parents SET id = id + 100 WHERE id = {id};;UPDATE hidden.parents SET id = id - 100 WHERE id > 100",
            "INSERT IGNORE INTO children SELECT seq, seq, {n} FROM seq_1_to_20",
        ],
    ),
    (
        "several tables in one statement",
        &[
            "UPDATE orders o JOIN ledger l ON o.id = l.id SET o.n = {n}, l.n = {n} WHERE o.id = {id}",
            "DELETE l, s FROM ledger l JOIN swap_a s ON s.id = l.id WHERE l.id = {id}",
            "INSERT IGNORE INTO ledger SELECT seq, {n} FROM seq_1_to_20;;INSERT IGNORE INTO swap_a SELECT seq, {n} FROM seq_1_to_9",
        ],
    ),
    (
        "rolled back",
        &[
            "BEGIN; UPDATE orders SET n = n + 50; DELETE FROM items; ROLLBACK",
            "BEGIN; UPDATE orders SET n = n + 50; UPDATE mine SET n = {n}; ROLLBACK",
        ],
    ),
    (
        "savepoint",
        &[
            "BEGIN; UPDATE ledger SET n = {n} WHERE id = 1; SAVEPOINT a; UPDATE ledger SET n = n + 1000 WHERE id < 9; ROLLBACK TO a; \
         UPDATE ledger SET n = {n} WHERE id = 2; RELEASE SAVEPOINT a; COMMIT",
        ],
    ),
    (
        "long transaction",
        &[
            "@BEGIN; UPDATE ledger SET n = n + {n} WHERE id = 14; INSERT INTO trail VALUES ({n})",
            "@COMMIT",
            "@BEGIN; UPDATE ledger SET n = n + {n} WHERE id = 15",
            "@ROLLBACK",
        ],
    ),
    (
        "two-phase",
        &[
            "@XA START 'two'; UPDATE ledger SET n = n + {n} WHERE id = 16; XA END 'two'; XA PREPARE 'two'",
            "@XA COMMIT 'two'",
            "@XA START 'two'; UPDATE ledger SET n = n + {n} WHERE id = 17; XA END 'two'; XA PREPARE 'two'",
            "@XA ROLLBACK 'two'",
            "@XA START 'two'; UPDATE ledger SET n = n + {n} WHERE id = 18; XA END 'two'; XA COMMIT 'two' ONE PHASE",
        ],
    ),
    (
        "statements in the log",
        &[
            "SET binlog_format = STATEMENT; UPDATE orders SET n = n + 1 WHERE id = {id}",
            "SET binlog_format = MIXED; UPDATE mine SET n = n + {n}",
            "SET binlog_format = STATEMENT; DELETE FROM hidden.parents WHERE id = {id}",
            "SET binlog_format = STATEMENT; CALL add_orders({n})",
            "SET binlog_row_image = MINIMAL; UPDATE ledger SET n = {n} WHERE id = 3",
        ],
    ),
    (
        "not in the log",
        &[
            "~sql_log_bin|SET sql_log_bin = 0; UPDATE orders SET n = {n} WHERE id = {id};;\
        SET sql_log_bin = 1; UPDATE orders SET n = {n} + 1 WHERE id = {id}",
        ],
    ),
    (
        "other rows",
        &[
            "UPDATE vault.salaries SET n = {n} WHERE id = {id}",
            "UPDATE vault.secret SET n = {n}",
            "UPDATE vault.columns SET a = {n}",
            "UPDATE prices SET n = {n} WHERE id = 3",
            "UPDATE doubled SET n = {n} WHERE id = {id}",
            "UPDATE tickets SET status = 1 + {n} % 3",
            "UPDATE mine SET n = {n}",
            "UPDATE aria SET n = {n}",
            "UPDATE memory SET n = {n}",
            "UPDATE wide SET n = {n}",
            "UPDATE swap_a SET n = {n}",
            "UPDATE parcels SET n = {n} WHERE id = {id}",
            "UPDATE words SET w = CONCAT(w, {n}) WHERE id = {id}",
            "SELECT NEXTVAL(numbers)",
            "UPDATE visits SET n = {n} WHERE id = {id}",
            "CALL add_orders({n})",
            "INSERT DELAYED INTO mine VALUES (100 + {n}, 1)",
            "DELETE HISTORY FROM prices",
        ],
    ),
    (
        "load and truncate",
        &[
            "TRUNCATE TABLE parcels",
            "INSERT IGNORE INTO parcels SELECT id, id, {n} FROM items",
            "TRUNCATE TABLE trail",
            "TRUNCATE TABLE memory",
            "INSERT INTO memory SELECT seq, {n} FROM seq_1_to_9 ON DUPLICATE KEY UPDATE n = {n}",
            "DELETE FROM aria;;LOAD",
            "TRUNCATE TABLE mine;;INSERT INTO mine SELECT seq, {n} FROM seq_1_to_9",
        ],
    ),
    (
        "partitions",
        &[
            "INSERT INTO visits VALUES ({n}, 2025, {n})",
            "UPDATE visits SET year = 2026 WHERE id = {id}",
            "ALTER TABLE visits TRUNCATE PARTITION p2025",
            "ALTER TABLE visits EXCHANGE PARTITION p2025 WITH TABLE old_visits",
            "ALTER TABLE visits ADD PARTITION (PARTITION p2027 VALUES IN (2027));;INSERT INTO visits VALUES (1, 2027, {n})",
            "ALTER TABLE visits DROP PARTITION p2027",
            "ALTER TABLE visits REMOVE PARTITIONING",
            "ALTER TABLE visits PARTITION BY LIST (year) (PARTITION p2025 VALUES IN (2025), PARTITION p2026 VALUES IN (2026))",
        ],
    ),
    (
        "views",
        &[
            "CREATE OR REPLACE VIEW order_items AS SELECT o.id AS order_id, i.n + {n} AS n FROM orders o JOIN items i ON i.order_id = o.id",
            "CREATE OR REPLACE VIEW order_items AS SELECT o.id AS order_id, i.n FROM orders o JOIN items i ON i.order_id = o.id",
            "ALTER DEFINER=keeper SQL SECURITY INVOKER VIEW kept_salaries AS SELECT id, n FROM vault.salaries",
            "ALTER DEFINER=keeper SQL SECURITY DEFINER VIEW kept_salaries AS SELECT id, n FROM vault.salaries",
            "SET sql_mode = 'ANSI_QUOTES';;CREATE OR REPLACE SQL SECURITY INVOKER VIEW invoked AS SELECT id, n FROM orders WHERE n > {n}",
        ],
    ),
    (
        "functions",
        &[
            "CREATE OR REPLACE FUNCTION tax(a INT) RETURNS INT DETERMINISTIC RETURN a * {n}",
            "CREATE OR REPLACE FUNCTION orders_above(a INT) RETURNS INT READS SQL DATA RETURN (SELECT COUNT(*) + {n} FROM orders WHERE n > a)",
            "DROP FUNCTION tax",
            "CREATE FUNCTION tax(a INT) RETURNS INT DETERMINISTIC RETURN a * 2",
            "ALTER FUNCTION salary_sum SQL SECURITY INVOKER",
            "ALTER FUNCTION salary_sum SQL SECURITY DEFINER",
        ],
    ),
    (
        "columns",
        &[
            "ALTER TABLE wide ADD COLUMN IF NOT EXISTS extra INT DEFAULT {n}",
            "ALTER TABLE wide RENAME COLUMN t TO words",
            "ALTER TABLE wide MODIFY n DECIMAL(8, 2)",
            "ALTER TABLE wide RENAME COLUMN words TO t",
            "ALTER TABLE wide DROP COLUMN IF EXISTS extra",
            "ALTER TABLE wide MODIFY n INT",
            "ALTER TABLE doubled MODIFY twice INT AS (n * {n}) STORED",
            "ALTER TABLE doubled MODIFY thrice INT AS (n * {n}) VIRTUAL",
            "ALTER TABLE orders CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
            "ALTER TABLE orders CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci",
            "ALTER TABLE tickets MODIFY status ENUM('opened', 'done', 'lost', 'v{n}')",
            "ALTER TABLE tickets MODIFY status ENUM('open', 'done', 'lost')",
        ],
    ),
    (
        "tables",
        &[
            "RENAME TABLE swap_a TO swap_c, swap_b TO swap_a, swap_c TO swap_b",
            "DROP TABLE swap_a",
            "CREATE TABLE swap_a AS SELECT id, n + {n} AS n FROM swap_b",
            "CREATE OR REPLACE TABLE aria (id INT PRIMARY KEY, n INT) ENGINE=Aria AS SELECT seq AS id, {n} AS n FROM seq_1_to_9",
            "ALTER TABLE mine ENGINE=InnoDB",
            "ALTER TABLE mine ENGINE=MyISAM",
            "CREATE TEMPORARY TABLE orders (id INT); INSERT INTO orders VALUES ({n})",
            "ALTER TABLE prices DROP SYSTEM VERSIONING",
            "ALTER TABLE prices ADD SYSTEM VERSIONING",
            "ALTER TABLE children DROP FOREIGN KEY children_ibfk_1",
            "DELETE FROM children WHERE parent NOT IN (SELECT id FROM hidden.parents);;ALTER TABLE children ADD CONSTRAINT children_ibfk_1 FOREIGN KEY (parent) \
         REFERENCES hidden.parents (id) ON DELETE CASCADE ON UPDATE CASCADE",
        ],
    ),
    (
        "grants",
        &[
            "GRANT SELECT ON vault.secret TO rep",
            "REVOKE SELECT ON vault.secret FROM rep",
            "REVOKE SELECT (a) ON vault.columns FROM readers",
            "GRANT SELECT (a) ON vault.columns TO readers",
            "REVOKE SELECT ON vault.* FROM keeper",
            "GRANT SELECT ON vault.* TO keeper",
            "REVOKE EXECUTE ON shop.* FROM readers",
            "GRANT EXECUTE ON shop.* TO readers",
            "GRANT SELECT ON vault.salaries TO PUBLIC",
            "REVOKE SELECT ON vault.salaries FROM PUBLIC",
        ],
    ),
    (
        "membership",
        &[
            "GRANT payroll TO readers",
            "REVOKE payroll FROM readers",
            "GRANT payroll TO clerks;;GRANT clerks TO readers",
            "REVOKE clerks FROM readers;;REVOKE payroll FROM clerks",
        ],
    ),
    (
        "privilege tables",
        &[
            "GRANT SELECT ON vault.codes TO readers",
            "DELETE FROM mysql.tables_priv WHERE user = 'readers' AND table_name = 'codes';;FLUSH PRIVILEGES",
        ],
    ),
    (
        "privilege tables, not in the log",
        &[
            "GRANT SELECT ON vault.codes TO readers",
            "~NO_WRITE_TO_BINLOG|DELETE FROM mysql.tables_priv WHERE user = 'readers' AND table_name = 'codes';;\
            FLUSH NO_WRITE_TO_BINLOG PRIVILEGES;;FLUSH PRIVILEGES",
        ],
    ),
    (
        "maintenance",
        &[
            "ANALYZE TABLE orders",
            "OPTIMIZE TABLE ledger",
            "FLUSH BINARY LOGS",
            "FLUSH TABLES",
            "CHECK TABLE mine",
            "ALTER TABLE ledger FORCE",
        ],
    ),
    (
        "time zone tables",
        &[
            "REPLACE INTO mysql.time_zone_name VALUES ('Shop/Here', 9999); REPLACE INTO mysql.time_zone VALUES (9999, 'N'); \
        REPLACE INTO mysql.time_zone_transition_type VALUES (9999, 0, 3600, 0, 'HRE')",
        ],
    ),
];
