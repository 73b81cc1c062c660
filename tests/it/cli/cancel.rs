//! What `run` says of a cancelled query that the server did not confirm to have ended.

use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::{Place, interrupt, texts};
use crate::servers::{PASSWORD, Postgres};

/// The account may have one connection, so that none is left to end the query with.
#[test]
fn cancelled_query_that_may_go_on_is_said_so() {
    let server = Postgres::shared();
    let (_, database) = server.fresh_database();
    let role = format!("lone_{database}");
    server.client(
        &database,
        &format!("CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}' CONNECTION LIMIT 1"),
        &[],
    );
    let place = Place::new();
    let file = place.path("lookaside.toml");
    let text = fs::read_to_string(&file).unwrap();
    let url = format!(
        "postgres://{role}:{PASSWORD}@127.0.0.1:{}/{database}",
        server.port
    );
    let slow = "[[reports]]\nname = \"slow\"\nsource = \"shop\"\n\
                sql = \"SELECT count(*) AS n FROM generate_series(1, 100000000000) g WHERE g % 3 = 7\"\n";
    fs::write(&file, text.replace("sqlite:shop.db", &url) + slow).unwrap();
    let active = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE usename = '{role}' AND query LIKE '%generate_series%'"
    );
    let waits_for = |count: &str| {
        let begun = Instant::now();
        while server.client(&database, &active, &[]).trim() != count {
            assert!(begun.elapsed() < Duration::from_mins(1), "never {count}");
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    for args in [
        &["run", "slow", "--uncached"][..],
        &["run", "slow", "-o", "out.csv"],
        &["run", "slow"],
    ] {
        let child = place.command(args).stderr(Stdio::piped()).spawn().unwrap();
        waits_for("1");
        interrupt(&child, Signal::INT);
        let output = child.wait_with_output().unwrap();
        let (_, err) = texts(&output);
        assert_eq!(output.status.code(), Some(1), "{args:?}: {err}");
        assert!(
            err.contains("cancelled, but the query may go on at the server"),
            "{args:?}: {err}"
        );
        assert!(place.leftovers().is_empty());
        // The server finds out by itself that nobody waits any more.
        waits_for("0");
    }
}
