//! MariaDB under random changes: one account reads the log, one may only ask for its end.

use async_trait::async_trait;
use rand::rngs::StdRng;
use sqlx::mysql::MySqlConnection;
use sqlx::{AssertSqlSafe, Connection};

use super::mariadb_kinds::KINDS;
use super::mariadb_setup::SETUP;
use super::plan::{Kind, fixed};
use super::{Changing, run_and_expect_none_wrong, settings};
use crate::servers::{DATABASE, MariaDb, PASSWORD};

/// Reports of both accounts.
const REPORTS: &[(&str, &str)] = &[
    ("plain", "SELECT COUNT(*), SUM(n) FROM orders"),
    (
        "join",
        "SELECT o.id, SUM(i.n) FROM orders o JOIN items i ON i.order_id = o.id GROUP BY o.id ORDER BY o.id",
    ),
    ("view over view", "SELECT * FROM order_totals ORDER BY 1"),
    ("definer view", "SELECT COUNT(*), SUM(n) FROM kept_salaries"),
    ("invoker view", "SELECT COUNT(*), SUM(n) FROM invoked"),
    ("function", "SELECT SUM(tax(n)) FROM orders"),
    ("reading function", "SELECT orders_above(10)"),
    ("definer function", "SELECT salary_sum()"),
    ("cascade", "SELECT COUNT(*), SUM(n) FROM items"),
    (
        "cascade of a cascade",
        "SELECT id, item_id, n FROM parcels ORDER BY id",
    ),
    (
        "cascade from a hidden table",
        "SELECT id, parent, n FROM children ORDER BY id",
    ),
    (
        "partitions",
        "SELECT year, COUNT(*), SUM(n) FROM visits GROUP BY year ORDER BY year",
    ),
    ("versioned", "SELECT COUNT(*), SUM(n) FROM prices"),
    (
        "all versions",
        "SELECT COUNT(*), SUM(n) FROM prices FOR SYSTEM_TIME ALL",
    ),
    (
        "generated columns",
        "SELECT SUM(twice), SUM(thrice) FROM doubled",
    ),
    ("written by a trigger", "SELECT COUNT(*), SUM(n) FROM trail"),
    (
        "enum",
        "SELECT status, COUNT(*) FROM tickets GROUP BY status ORDER BY status",
    ),
    ("MyISAM", "SELECT COUNT(*), SUM(n) FROM mine"),
    ("Aria", "SELECT COUNT(*), SUM(n) FROM aria"),
    ("MEMORY", "SELECT COUNT(*), SUM(n) FROM memory"),
    ("two-phase", "SELECT COUNT(*), SUM(n) FROM ledger"),
    ("star", "SELECT * FROM wide ORDER BY id"),
    ("swapped tables", "SELECT COUNT(*), SUM(n) FROM swap_a"),
    ("granted table", "SELECT COUNT(*), SUM(n) FROM vault.secret"),
    (
        "granted columns",
        "SELECT id, a FROM vault.columns ORDER BY id",
    ),
    (
        "granted to everybody",
        "SELECT COUNT(*), SUM(n) FROM vault.salaries",
    ),
    ("privilege tables", "SELECT COUNT(*) FROM vault.codes"),
    (
        "concatenated",
        "SELECT GROUP_CONCAT(note ORDER BY id), 'a' || 'b', \"c\" FROM orders",
    ),
    (
        "divided",
        "SELECT SUM(n) / 7, CAST(2 AS UNSIGNED) - 1, NOT 1 BETWEEN -5 AND 5 FROM orders",
    ),
    (
        "dates",
        "SELECT id, WEEK(d), DATE_FORMAT(d, '%M %W'), FROM_UNIXTIME(id * 100000) FROM orders ORDER BY id",
    ),
    (
        "compared texts",
        "SELECT COUNT(*), SUM(note = 'A1'), 'a' = 'A' FROM orders",
    ),
    (
        "sorted long texts",
        "SELECT GROUP_CONCAT(id ORDER BY w, id) FROM words",
    ),
    ("sorted rows", "SELECT id FROM words ORDER BY w, id"),
    (
        "recursion",
        "WITH RECURSIVE r AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM r WHERE i < 20) SELECT COUNT(*), (SELECT SUM(n) FROM orders) FROM r",
    ),
    ("null number", "SELECT COUNT(*) FROM words WHERE a IS NULL"),
    (
        "regular expression",
        "SELECT COUNT(*) FROM orders WHERE note REGEXP 'n u'",
    ),
    (
        "large join",
        "SELECT COUNT(*) FROM orders a JOIN orders b JOIN orders c",
    ),
    (
        "sequence",
        "SELECT COUNT(*) FROM orders WHERE id > (SELECT next_not_cached_value FROM numbers)",
    ),
    (
        "time zone",
        "SELECT CONVERT_TZ('2020-01-01', 'UTC', 'Shop/Here'), COUNT(*) FROM orders",
    ),
    (
        "current user",
        "SELECT CURRENT_USER(), CURRENT_ROLE(), COUNT(*) FROM orders",
    ),
];

struct Maria {
    server: MariaDb,
    session: MySqlConnection,
    lasting: MySqlConnection,
    folder: tempfile::TempDir,
}

impl Maria {
    async fn new() -> Self {
        let server = MariaDb::start_logging(&[]);
        let mut session = connect(&server).await;
        for statement in SETUP.split(";;") {
            sqlx::raw_sql(AssertSqlSafe(statement))
                .execute(&mut session)
                .await
                .unwrap_or_else(|error| panic!("{statement}: {error}"));
        }
        let lasting = connect(&server).await;
        Self {
            server,
            session,
            lasting,
            folder: tempfile::tempdir().unwrap(),
        }
    }
}

/// A session whose settings no change reaches, and that waits for no lock for long.
async fn connect(server: &MariaDb) -> MySqlConnection {
    let mut session = MySqlConnection::connect(&server.url()).await.unwrap();
    let own = "SET sql_mode = 'STRICT_TRANS_TABLES', lock_wait_timeout = 1, innodb_lock_wait_timeout = 1, sql_select_limit = DEFAULT, \
               sql_big_selects = 1, system_versioning_asof = DEFAULT, max_statement_time = 0";
    sqlx::raw_sql(own).execute(&mut session).await.unwrap();
    session
}

#[async_trait]
impl Changing for Maria {
    const NAME: &'static str = "MariaDB";

    fn sources(&self) -> Vec<(&'static str, String)> {
        let account = |user| {
            let port = self.server.port;
            format!(
                "url = \"mysql://{user}:{PASSWORD}@127.0.0.1:{port}/{DATABASE}\"\npoll_interval = \"50ms\""
            )
        };
        vec![("rep", account("rep")), ("plain", account("plain"))]
    }

    fn reports(&self) -> Vec<(&'static str, &'static str, &'static str, &'static str)> {
        let of = |source| {
            REPORTS
                .iter()
                .map(move |(name, sql)| (source, *name, "", *sql))
        };
        // Any commit refreshes all of the second account's, so it has fewer.
        of("rep").chain(of("plain").step_by(2)).collect()
    }

    fn kinds(&self, random: &mut StdRng) -> Vec<Kind> {
        let mut kinds = fixed(KINDS);
        kinds.extend(settings::mariadb(random));
        kinds
    }

    async fn begin(&mut self) {
        let session = connect(&self.server).await;
        let _ = std::mem::replace(&mut self.session, session).close().await;
    }

    async fn change(&mut self, statement: &str, lasting: bool) -> Result<(), String> {
        let sql = if statement == "LOAD" {
            let file = self.folder.path().join("rows");
            std::fs::write(&file, "1\t5\n2\t6\n3\t7\n").unwrap();
            format!(
                "LOAD DATA INFILE '{}' REPLACE INTO TABLE aria",
                file.display()
            )
        } else {
            statement.to_owned()
        };
        let session = if lasting {
            &mut self.lasting
        } else {
            &mut self.session
        };
        sqlx::raw_sql(AssertSqlSafe(sql))
            .execute(&mut *session)
            .await
            .map(drop)
            .map_err(|error| error.to_string())
    }
}

#[ignore = "finds changes that are not noticed yet"]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mariadb_random_changes_are_never_missed() {
    run_and_expect_none_wrong(Maria::new().await).await;
}
