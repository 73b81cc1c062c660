//! PostgreSQL under random changes: three accounts, of which one reads the log and is bound by row security, one may only
//! compare snapshots, and one is the superuser.

use async_trait::async_trait;
use rand::rngs::StdRng;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};

use super::plan::{Kind, fixed};
use super::postgres_kinds::KINDS;
use super::postgres_rights::RIGHTS;
use super::postgres_setup::SETUP;
use super::{Changing, run_and_expect_none_wrong, settings};
use crate::servers::{DATABASE, PASSWORD, Postgres};

/// Reports of the account that reads the log.
const REPORTS: &[(&str, &str)] = &[
    ("plain", "SELECT count(*), sum(n) FROM orders"),
    (
        "join",
        "SELECT o.id, sum(i.n) FROM orders o JOIN items i ON i.order_id = o.id GROUP BY o.id ORDER BY o.id",
    ),
    ("view over view", "SELECT * FROM order_totals ORDER BY 1"),
    ("barrier view", "SELECT count(*), sum(n) FROM guarded"),
    ("invoker view", "SELECT count(*), sum(n) FROM invoked"),
    ("row security", "SELECT who, n FROM salaries ORDER BY id"),
    (
        "row security of another table",
        "SELECT id, n FROM diary ORDER BY id",
    ),
    ("definer view", "SELECT count(*), sum(n) FROM kept_salaries"),
    ("sql function", "SELECT orders_above(10)"),
    ("plpgsql function", "SELECT orders_below(50)"),
    (
        "rows of a function",
        "SELECT * FROM orders_of(3) ORDER BY 1",
    ),
    ("definer function", "SELECT salary_sum()"),
    ("immutable function", "SELECT sum(tax(n)) FROM orders"),
    ("default argument", "SELECT sum(plus(n)) FROM orders"),
    (
        "aggregate",
        "SELECT product(n % 3 + 1 ORDER BY id) FROM orders WHERE id < 5",
    ),
    ("domain", "SELECT sum(n::percent) FROM rates"),
    (
        "enum",
        "SELECT status, count(*) FROM tickets GROUP BY status ORDER BY status",
    ),
    (
        "composite",
        "SELECT id, (p).x, p::text FROM points ORDER BY id",
    ),
    (
        "partitions",
        "SELECT year, count(*), sum(n) FROM visits GROUP BY year ORDER BY year",
    ),
    ("one partition", "SELECT count(*), sum(n) FROM visits_2026"),
    ("heirs", "SELECT count(*), sum(n) FROM people"),
    ("without heirs", "SELECT count(*), sum(n) FROM ONLY people"),
    ("cascade", "SELECT count(*), sum(n) FROM items"),
    ("materialized view", "SELECT * FROM kept ORDER BY 1"),
    ("generated column", "SELECT sum(twice) FROM doubled"),
    ("written by a trigger", "SELECT count(*), sum(n) FROM trail"),
    ("two-phase", "SELECT count(*), sum(n) FROM ledger"),
    (
        "text search",
        "SELECT id FROM docs WHERE to_tsvector(body) @@ to_tsquery('running') ORDER BY id",
    ),
    (
        "text search of a configuration",
        "SELECT id, to_tsvector('shop', body)::text FROM docs ORDER BY id",
    ),
    (
        "collation",
        "SELECT string_agg(name, ',' ORDER BY name COLLATE natural_order, name COLLATE \"C\") FROM names",
    ),
    (
        "values as text",
        "SELECT id, at::text, d::text, iv::text, b::text, f::text FROM forms ORDER BY id",
    ),
    (
        "formatted times",
        "SELECT id, to_char(at, 'YYYY-MM-DD HH24:MI'), date_trunc('day', at) FROM forms ORDER BY id",
    ),
    (
        "concatenated",
        "SELECT id, 'on ' || d || ' for ' || iv FROM forms ORDER BY id",
    ),
    (
        "as JSON",
        "SELECT id, to_jsonb(forms) FROM forms ORDER BY id",
    ),
    (
        "as XML",
        "SELECT id, xmlforest(b, at)::text FROM forms ORDER BY id",
    ),
    (
        "date literal",
        "SELECT count(*) FROM forms WHERE d >= '02/03/2020'",
    ),
    (
        "null equals",
        "SELECT count(*) FROM orders WHERE note = NULL",
    ),
    (
        "null in an array",
        "SELECT ('{null}'::text[])[1] IS NULL, count(*) FROM orders",
    ),
    ("backslash", r"SELECT length('a\\b'), count(*) FROM orders"),
    (
        "quoted name",
        "SELECT id, quote_ident(note) FROM orders WHERE note IS NOT NULL ORDER BY id",
    ),
    (
        "time zone abbreviation",
        "SELECT '2020-01-01 10:00 IST'::timestamptz, count(*) FROM forms",
    ),
    (
        "custom setting",
        "SELECT count(*) FROM orders WHERE n > coalesce(current_setting('app.least', true), '0')::int",
    ),
    ("operator", "SELECT count(*) FROM orders WHERE n === 3"),
    ("cast", "SELECT sum((n::euro).cents) FROM orders"),
    ("implicit cast", "SELECT sum(cents_of(n)) FROM orders"),
    ("search path", "SELECT count(*), sum(n) FROM stock"),
    (
        "overloaded function",
        "SELECT count(*) FROM orders WHERE lower(label) = 'a'",
    ),
    ("granted columns", "SELECT id, a FROM partial ORDER BY id"),
    ("granted table", "SELECT count(*), sum(n) FROM secret"),
    (
        "granted to a role",
        "SELECT count(*), sum(n) FROM payroll_secret",
    ),
    ("granted schema", "SELECT count(*), sum(n) FROM vault.coins"),
    ("star", "SELECT * FROM wide ORDER BY id"),
    ("swapped tables", "SELECT count(*), sum(n) FROM prices"),
    ("unlogged at times", "SELECT count(*), sum(n) FROM scratch"),
    ("sequence", "SELECT last_value FROM numbers"),
    ("current user", "SELECT current_user, count(*) FROM orders"),
];

/// Those that the other accounts have too.
const PLAIN: &[&str] = &[
    "plain",
    "view over view",
    "row security",
    "definer view",
    "sql function",
    "aggregate",
    "values as text",
    "operator",
    "cast",
    "collation",
    "domain",
    "granted to a role",
    "search path",
    "two-phase",
];
const SUPERUSER: &[&str] = &[
    "plain",
    "row security",
    "star",
    "values as text",
    "search path",
];

struct Pg {
    server: Postgres,
    session: PgConnection,
    lasting: PgConnection,
}

impl Pg {
    async fn new() -> Self {
        let server = Postgres::start_logical();
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
        }
    }

    /// When a new session says that the configuration was read.
    async fn loaded(&self) -> String {
        let mut session = connect(&self.server).await;
        let loaded = sqlx::query_scalar("SELECT pg_conf_load_time()::text");
        let loaded = loaded.fetch_one(&mut session).await.unwrap();
        session.close().await.unwrap();
        loaded
    }
}

/// A session whose settings no change reaches, and that waits for no lock for long.
async fn connect(server: &Postgres) -> PgConnection {
    let options: PgConnectOptions = server.url().parse().unwrap();
    let own = [
        ("search_path", "public"),
        ("lock_timeout", "500ms"),
        ("standard_conforming_strings", "on"),
        ("role", "none"),
    ];
    options.options(own).connect().await.unwrap()
}

#[async_trait]
impl Changing for Pg {
    const NAME: &'static str = "PostgreSQL";

    fn sources(&self) -> Vec<(&'static str, String)> {
        let account = |user| {
            let port = self.server.port;
            format!(
                "url = \"postgres://{user}:{PASSWORD}@127.0.0.1:{port}/{DATABASE}\"\npoll_interval = \"50ms\""
            )
        };
        vec![
            ("rep", account("rep")),
            ("plain", account("plain")),
            ("boss", account("tester")),
        ]
    }

    fn reports(&self) -> Vec<(&'static str, &'static str, &'static str, &'static str)> {
        let of = |source, names: Option<&'static [&'static str]>| {
            let wanted =
                move |(name, _): &&(&str, &str)| names.is_none_or(|names| names.contains(name));
            REPORTS
                .iter()
                .filter(wanted)
                .map(move |(name, sql)| (source, *name, "", *sql))
        };
        of("rep", None)
            .chain(of("plain", Some(PLAIN)))
            .chain(of("boss", Some(SUPERUSER)))
            .collect()
    }

    fn kinds(&self, random: &mut StdRng) -> Vec<Kind> {
        let mut kinds = fixed(KINDS);
        kinds.extend(fixed(RIGHTS));
        kinds.extend(settings::postgres(random));
        kinds
    }

    async fn begin(&mut self) {
        let session = connect(&self.server).await;
        let _ = std::mem::replace(&mut self.session, session).close().await;
    }

    async fn change(&mut self, statement: &str, lasting: bool) -> Result<(), String> {
        let reloads = statement == "RELOAD";
        let sql = if reloads {
            "SELECT pg_reload_conf()"
        } else {
            statement
        };
        let before = if reloads {
            self.loaded().await
        } else {
            String::new()
        };
        let session = if lasting {
            &mut self.lasting
        } else {
            &mut self.session
        };
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
            .execute(&mut *session)
            .await
            .map_err(|error| error.to_string())?;
        // The server takes its time to hand new settings to new sessions.
        while reloads && self.loaded().await == before {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        Ok(())
    }
}

#[ignore = "finds changes that are not noticed yet"]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_random_changes_are_never_missed() {
    run_and_expect_none_wrong(Pg::new().await).await;
}
