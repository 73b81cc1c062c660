//! What `run` says of a cancelled query that the server did not confirm to have ended.

use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::{Place, interrupt, texts};
use crate::servers::{MariaDb, PASSWORD, Postgres};

const GOES_ON: &str = "cancelled, but the query may go on at the server";

/// A place whose source is `url`, with the report "slow".
fn place(url: &str, sql: &str) -> Place {
    let place = Place::new();
    let file = place.path("lookaside.toml");
    let text = fs::read_to_string(&file).unwrap();
    let slow = format!("[[reports]]\nname = \"slow\"\nsource = \"shop\"\nsql = \"{sql}\"\n");
    fs::write(&file, text.replace("sqlite:shop.db", url) + &slow).unwrap();
    place
}

fn waits_for(wanted: &str, found: impl Fn() -> String) {
    let begun = Instant::now();
    while found().trim() != wanted {
        assert!(begun.elapsed() < Duration::from_mins(1), "never {wanted}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Runs the report, and interrupts it once `running` says that its query runs; answers what it says.
fn interrupted(place: &Place, args: &[&str], running: impl FnOnce()) -> String {
    let child = place.command(args).stderr(Stdio::piped()).spawn().unwrap();
    running();
    interrupt(&child, Signal::INT);
    let output = child.wait_with_output().unwrap();
    let (_, err) = texts(&output);
    assert_eq!(output.status.code(), Some(1), "{args:?}: {err}");
    assert_eq!(err.lines().count(), 1, "{args:?}: {err}");
    assert!(place.leftovers().is_empty());
    err
}

/// The last event of the log that the processes share.
fn last_event(place: &Place) -> String {
    let redis = place.redis.as_ref().unwrap();
    redis.cli(&["XREVRANGE", "lookaside:events", "+", "-", "COUNT", "1"])
}

/// The account has no connection left to end the query with.
#[test]
fn cancelled_query_that_may_go_on_is_said_so() {
    let server = Postgres::shared();
    let (_, database) = server.fresh_database();
    let role = format!("lone_{database}");
    let tell = |sql: &str| server.client(&database, sql, &[]);
    tell(&format!("CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}'"));
    let place = place(
        &format!(
            "postgres://{role}:{PASSWORD}@127.0.0.1:{}/{database}",
            server.port
        ),
        "SELECT count(*) AS n FROM generate_series(1, 100000000000) g WHERE g % 3 = 7",
    );
    // Not what was asked about the statement before it runs, which ends at once.
    let active = || {
        tell(&format!(
            "SELECT count(*) FROM pg_stat_activity WHERE usename = '{role}' AND state = 'active' \
             AND query LIKE 'SELECT count%'"
        ))
    };
    for args in [
        &["run", "slow", "--uncached"][..],
        &["run", "slow", "--uncached", "-o", "out.csv"],
        &["run", "slow", "-o", "out.csv"],
        &["run", "slow"],
    ] {
        tell(&format!("ALTER ROLE {role} CONNECTION LIMIT -1"));
        let err = interrupted(&place, args, || {
            waits_for("1", active);
            tell(&format!("ALTER ROLE {role} CONNECTION LIMIT 1"));
        });
        assert!(err.contains(GOES_ON), "{args:?}: {err}");
        let event = last_event(&place);
        assert!(event.contains(GOES_ON), "{args:?}: {event}");
        assert!(!place.path("out.csv").exists());
        // The server finds out by itself that nobody waits any more.
        waits_for("0", active);
    }
    // Where it can be ended, it is not said to go on.
    tell(&format!("ALTER ROLE {role} CONNECTION LIMIT -1"));
    for args in [
        &["run", "slow", "--uncached"][..],
        &["run", "slow", "-o", "out.csv"],
    ] {
        let err = interrupted(&place, args, || waits_for("1", active));
        assert_eq!(err, "lookaside: cancelled; nothing was written\n");
        assert_eq!(active().trim(), "0");
        let event = last_event(&place);
        assert!(event.contains("cancelled") && !event.contains(GOES_ON));
    }
}

/// The account is locked once its query runs, so that nobody can sign in to end it.
#[test]
fn cancelled_query_that_may_go_on_in_mariadb_is_said_so() {
    let server = MariaDb::shared();
    let (_, database) = server.fresh_database();
    let user = format!("lone_{database}");
    let tell = |sql: &str| server.client(&database, sql, &["--skip-column-names"]);
    tell(&format!(
        "CREATE USER {user}@'%' IDENTIFIED BY '{PASSWORD}'; GRANT SELECT ON {database}.* TO {user}@'%'"
    ));
    let place = place(
        &format!(
            "mariadb://{user}:{PASSWORD}@127.0.0.1:{}/{database}",
            server.port
        ),
        "SELECT SLEEP(20) AS n",
    );
    let active = || {
        tell(&format!(
            "SELECT COUNT(*) FROM information_schema.processlist WHERE user = '{user}' AND state = 'User sleep'"
        ))
    };
    for args in [
        &["run", "slow", "--uncached"][..],
        &["run", "slow", "-o", "out.csv"],
    ] {
        tell(&format!("ALTER USER {user}@'%' ACCOUNT UNLOCK"));
        let err = interrupted(&place, args, || {
            waits_for("1", active);
            tell(&format!("ALTER USER {user}@'%' ACCOUNT LOCK"));
        });
        assert!(err.contains(GOES_ON), "{args:?}: {err}");
        let event = last_event(&place);
        assert!(event.contains(GOES_ON), "{args:?}: {event}");
        waits_for("0", active);
    }
}
