//! Makes what is in the MariaDB databases that are changed at random.

/// Statements that make everything, separated by `;;`.
pub(super) const SETUP: &str = r"
CREATE USER keeper IDENTIFIED BY 's3cret-pw'; CREATE USER rep IDENTIFIED BY 's3cret-pw'; CREATE USER plain IDENTIFIED BY 's3cret-pw';
CREATE ROLE readers; CREATE ROLE payroll; CREATE ROLE clerks;
GRANT readers TO rep; SET DEFAULT ROLE readers FOR rep; GRANT readers TO plain; SET DEFAULT ROLE readers FOR plain;
CREATE DATABASE vault; CREATE DATABASE hidden;
GRANT SELECT, SHOW VIEW, EXECUTE ON shop.* TO readers; GRANT SELECT, SHOW VIEW, EXECUTE ON shop.* TO rep;
GRANT SELECT, SHOW VIEW, EXECUTE ON shop.* TO keeper; GRANT SELECT ON vault.* TO keeper;
GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO rep;;

CREATE TABLE orders (id INT PRIMARY KEY, n INT, note VARCHAR(40), d DATE) ENGINE=InnoDB;
INSERT INTO orders SELECT seq, seq * 7 % 20, IF(seq % 3 = 0, 'Null', CONCAT('a', seq)), DATE '2020-01-01' + INTERVAL seq DAY FROM seq_1_to_20;
CREATE TABLE items (id INT PRIMARY KEY, order_id INT, n INT, FOREIGN KEY (order_id) REFERENCES orders (id) ON DELETE CASCADE
    ON UPDATE CASCADE) ENGINE=InnoDB;
INSERT INTO items SELECT seq, seq, seq FROM seq_1_to_20;
CREATE TABLE parcels (id INT PRIMARY KEY, item_id INT, n INT, FOREIGN KEY (item_id) REFERENCES items (id) ON DELETE SET NULL)
    ENGINE=InnoDB;
INSERT INTO parcels SELECT seq, seq, seq FROM seq_1_to_20;
CREATE TABLE hidden.parents (id INT PRIMARY KEY, n INT) ENGINE=InnoDB; INSERT INTO hidden.parents SELECT seq, seq FROM seq_1_to_20;
CREATE TABLE children (id INT PRIMARY KEY, parent INT, n INT, FOREIGN KEY (parent) REFERENCES hidden.parents (id)
    ON DELETE CASCADE ON UPDATE CASCADE) ENGINE=InnoDB;
INSERT INTO children SELECT seq, seq, seq FROM seq_1_to_20;
CREATE VIEW order_items AS SELECT o.id AS order_id, i.n FROM orders o JOIN items i ON i.order_id = o.id;
CREATE VIEW order_totals AS SELECT order_id, SUM(n) AS total FROM order_items GROUP BY order_id;

CREATE TABLE vault.salaries (id INT PRIMARY KEY, n INT) ENGINE=InnoDB; INSERT INTO vault.salaries SELECT seq, seq FROM seq_1_to_20;
CREATE TABLE vault.secret (id INT PRIMARY KEY, n INT) ENGINE=InnoDB; INSERT INTO vault.secret SELECT seq, seq FROM seq_1_to_20;
CREATE TABLE vault.columns (id INT PRIMARY KEY, a INT, b INT) ENGINE=InnoDB;
INSERT INTO vault.columns SELECT seq, seq, seq FROM seq_1_to_20;
GRANT SELECT ON vault.secret TO payroll; GRANT SELECT (id, a) ON vault.columns TO readers;
CREATE DEFINER=keeper SQL SECURITY DEFINER VIEW kept_salaries AS SELECT id, n FROM vault.salaries;
CREATE SQL SECURITY INVOKER VIEW invoked AS SELECT id, n FROM orders WHERE n > 5;
GRANT SELECT ON vault.salaries TO payroll;

CREATE FUNCTION tax(a INT) RETURNS INT DETERMINISTIC RETURN a * 2;
CREATE FUNCTION orders_above(a INT) RETURNS INT READS SQL DATA RETURN (SELECT COUNT(*) FROM orders WHERE n > a);
CREATE DEFINER=keeper FUNCTION salary_sum() RETURNS INT READS SQL DATA SQL SECURITY DEFINER RETURN (SELECT SUM(n) FROM vault.salaries);
CREATE TABLE visits (id INT, year INT, n INT) ENGINE=InnoDB PARTITION BY LIST (year)
    (PARTITION p2025 VALUES IN (2025), PARTITION p2026 VALUES IN (2026));
INSERT INTO visits SELECT seq, 2025 + seq % 2, seq FROM seq_1_to_20;
CREATE TABLE old_visits (id INT, year INT, n INT) ENGINE=InnoDB; INSERT INTO old_visits SELECT seq, 2025, 100 FROM seq_1_to_5;
CREATE TABLE prices (id INT PRIMARY KEY, n INT) ENGINE=InnoDB WITH SYSTEM VERSIONING; INSERT INTO prices SELECT seq, seq FROM seq_1_to_9;
CREATE TABLE doubled (id INT PRIMARY KEY, n INT, twice INT AS (n * 2) STORED, thrice INT AS (n * 3) VIRTUAL) ENGINE=InnoDB;
INSERT INTO doubled (id, n) SELECT seq, seq FROM seq_1_to_20;
CREATE TABLE trail (n INT) ENGINE=InnoDB;
CREATE TRIGGER trail AFTER UPDATE ON doubled FOR EACH ROW INSERT INTO trail VALUES (NEW.n);
CREATE TABLE tickets (id INT PRIMARY KEY, status ENUM('open', 'done', 'lost')) ENGINE=InnoDB;
INSERT INTO tickets SELECT seq, 1 + seq % 3 FROM seq_1_to_20;
CREATE TABLE mine (id INT PRIMARY KEY, n INT) ENGINE=MyISAM; INSERT INTO mine SELECT seq, seq FROM seq_1_to_9;
CREATE TABLE aria (id INT PRIMARY KEY, n INT) ENGINE=Aria; INSERT INTO aria SELECT seq, seq FROM seq_1_to_9;
CREATE TABLE memory (id INT PRIMARY KEY, n INT) ENGINE=MEMORY; INSERT INTO memory SELECT seq, seq FROM seq_1_to_9;
CREATE TABLE ledger (id INT PRIMARY KEY, n INT) ENGINE=InnoDB; INSERT INTO ledger SELECT seq, seq FROM seq_1_to_20;
CREATE TABLE wide (id INT PRIMARY KEY, n INT, t TEXT) ENGINE=InnoDB; INSERT INTO wide SELECT seq, seq, seq FROM seq_1_to_9;
CREATE TABLE swap_a (id INT PRIMARY KEY, n INT) ENGINE=InnoDB; INSERT INTO swap_a SELECT seq, seq FROM seq_1_to_9;
CREATE TABLE swap_b (id INT PRIMARY KEY, n INT) ENGINE=InnoDB; INSERT INTO swap_b SELECT seq, seq * 2 FROM seq_1_to_9;
CREATE TABLE words (id INT PRIMARY KEY, w VARCHAR(90), a INT AUTO_INCREMENT UNIQUE) ENGINE=InnoDB;
INSERT INTO words (id, w) SELECT seq, CONCAT(REPEAT('x', 70), 21 - seq) FROM seq_1_to_20;
CREATE SEQUENCE numbers;
CREATE TABLE vault.codes (id INT PRIMARY KEY) ENGINE=InnoDB; INSERT INTO vault.codes SELECT seq FROM seq_1_to_5;
CREATE PROCEDURE add_orders(a INT) UPDATE orders SET n = n + a WHERE id < 4";
