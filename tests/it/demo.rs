//! The demo's parts against a real redis-server.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use lookaside::demo::{Demo, Options, PrivateServer, Progress, load};
use lookaside::source::{self, Query};
use lookaside::workspace::Workspace;
use tokio_util::sync::CancellationToken;

use crate::servers::{MariaDb, Postgres};

async fn demo(folder: &Path) -> Demo {
    let options = Options {
        scale: 0.01,
        orders_per_minute: 0,
        folder: Some(folder.to_owned()),
    };
    Demo::start(options, |_| {}, CancellationToken::new())
        .await
        .unwrap()
}

fn listens(port: u16) -> bool {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// Waits for something that another process does; how long it takes is not what is tested.
fn eventually(what: &str, condition: impl Fn() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < Duration::from_secs(30), "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_server_answers_only_with_its_password_and_ends_with_us() {
    let server = PrivateServer::start().await.unwrap();
    let port = server.port();
    let mut known = redis::Client::open(server.url())
        .unwrap()
        .get_multiplexed_async_connection()
        .await
        .unwrap();
    redis::cmd("PING")
        .query_async::<String>(&mut known)
        .await
        .unwrap();
    let stranger = redis::Client::open(format!("redis://127.0.0.1:{port}")).unwrap();
    let mut stranger = stranger.get_multiplexed_async_connection().await.unwrap();
    let error = redis::cmd("PING")
        .query_async::<String>(&mut stranger)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("NOAUTH"), "{error}");
    assert!(!format!("{server:?}").contains("redis://"));
    drop(server);
    assert!(!listens(port));
}

/// Not a test of its own: the program that the next test kills.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "run by a_private_server_ends_when_its_program_is_killed"]
async fn holds_a_private_server() {
    let server = PrivateServer::start().await.unwrap();
    println!("\nport {}", server.port());
    std::future::pending::<()>().await;
}

#[test]
fn a_private_server_ends_when_its_program_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "demo::holds_a_private_server",
            "--ignored",
            "--nocapture",
        ])
        .env("TMPDIR", folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let port: u16 = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .find_map(|line| line.unwrap().strip_prefix("port ")?.parse().ok())
        .unwrap();
    assert!(listens(port));
    // SIGKILL: the program has no chance to clean up.
    child.kill().unwrap();
    child.wait().unwrap();
    eventually("the server outlived its program", || !listens(port));
    eventually("the server's folder was left", || {
        std::fs::read_dir(folder.path()).unwrap().next().is_none()
    });
}

#[test]
fn a_server_that_does_not_start_says_why() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    // Another process, because the variable is this process's environment.
    if std::env::var_os("LOOKASIDE_REDIS_SERVER").is_none() {
        let output = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "demo::a_server_that_does_not_start_says_why",
                "--nocapture",
            ])
            .env("LOOKASIDE_REDIS_SERVER", "/bin/false")
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        return;
    }
    let error = runtime
        .block_on(PrivateServer::start())
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("/bin/false did not start on port"),
        "{error}"
    );
    assert!(error.contains("LOOKASIDE_REDIS_SERVER"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sample_keys_have_every_structure() {
    let folder = tempfile::tempdir().unwrap();
    let demo = demo(folder.path()).await;
    let url = demo.workspace.cache.url.expose().to_owned();
    let mut connection = redis::Client::open(url)
        .unwrap()
        .get_multiplexed_async_connection()
        .await
        .unwrap();
    let (mut cursor, mut types, mut without_ttl) = (0u64, BTreeMap::<String, usize>::new(), 0);
    loop {
        let (next, keys): (u64, Vec<Vec<u8>>) = redis::cmd("SCAN")
            .arg(cursor)
            .arg("COUNT")
            .arg(500)
            .query_async(&mut connection)
            .await
            .unwrap();
        for key in keys {
            let kind: String = redis::cmd("TYPE")
                .arg(&key)
                .query_async(&mut connection)
                .await
                .unwrap();
            let ttl: i64 = redis::cmd("PTTL")
                .arg(&key)
                .query_async(&mut connection)
                .await
                .unwrap();
            *types.entry(kind).or_default() += 1;
            without_ttl += usize::from(ttl == -1);
        }
        cursor = next;
        if cursor == 0 {
            break;
        }
    }
    assert_eq!(
        types.keys().map(String::as_str).collect::<Vec<_>>(),
        ["hash", "list", "set", "stream", "string", "zset"]
    );
    let keys: usize = types.values().sum();
    assert!(
        keys > 2_500 && without_ttl > 500 && without_ttl < keys,
        "{keys} keys, {without_ttl} without a TTL"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_arrive_at_the_rate_that_was_set() {
    let folder = tempfile::tempdir().unwrap();
    let demo = demo(folder.path()).await;
    let (first, at) = demo.insert_order().await.unwrap();
    let (second, later) = demo.insert_order().await.unwrap();
    assert_eq!(second, first + 1);
    assert!(later >= at);
    assert_eq!((demo.orders_inserted(), demo.orders_per_minute()), (2, 0));
    demo.set_orders_per_minute(60_000);
    eventually("no orders arrived", || demo.orders_inserted() > 10);
    demo.set_orders_per_minute(0);
    assert_eq!(demo.orders_per_minute(), 0);
}

/// The demo's tables and views in a database, as its own client lists them.
fn tables(client: &dyn Fn(&str) -> String) -> Vec<String> {
    let listed = client(
        "SELECT table_name FROM information_schema.tables WHERE table_schema NOT IN ('information_schema', 'pg_catalog') \
         AND table_schema NOT LIKE 'mysql%' AND table_schema NOT IN ('performance_schema', 'sys') ORDER BY 1",
    );
    let mut names: Vec<_> = listed.lines().map(str::to_owned).collect();
    // Each database has an order of its own.
    names.sort();
    names
}

const ALL: [&str; 9] = [
    "customer",
    "lineitem",
    "nation",
    "order_facts",
    "orders",
    "part",
    "partsupp",
    "region",
    "supplier",
];

async fn loads_with_care(url: &str, client: &(dyn Fn(&str) -> String + Sync)) {
    let plain = |replace| load(url, 0.01, replace, |_| {}, CancellationToken::new());
    let workspace = plain(false).await.unwrap();
    assert_eq!(workspace.reports.len(), 8);
    assert_eq!(tables(client), ALL);
    let lines = client("SELECT count(*), sum(l_extendedprice), min(l_shipdate) FROM lineitem");

    let error = plain(false).await.unwrap_err().0;
    assert!(error.contains("add --replace"), "{error}");
    client("DELETE FROM lineitem WHERE l_linenumber = 1");
    plain(true).await.unwrap();
    assert_eq!(
        client("SELECT count(*), sum(l_extendedprice), min(l_shipdate) FROM lineitem"),
        lines
    );

    // A table of the user's own with one of the names: nothing is touched, whatever was asked for.
    client("DROP VIEW order_facts");
    client("DROP TABLE region");
    client("CREATE TABLE region (mine int)");
    for replace in [false, true] {
        let error = plain(replace).await.unwrap_err().0;
        assert!(
            error.contains("already has region, which the demo did not make"),
            "{error}"
        );
    }
    assert_eq!(tables(client).len(), 8);
}

async fn cancelled_leaves_nothing(url: &str, client: &(dyn Fn(&str) -> String + Sync)) {
    let cancel = CancellationToken::new();
    let cancelled = cancel.clone();
    let progress = move |progress: Progress| {
        if progress.what.contains("orders") {
            cancelled.cancel();
        }
    };
    let error = load(url, 0.01, false, progress, cancel)
        .await
        .unwrap_err()
        .0;
    assert!(
        error.contains("what was loaded has been removed"),
        "{error}"
    );
    eventually("tables of a cancelled load were left", || {
        tables(client).is_empty()
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn loads_into_mariadb_and_harms_nothing() {
    let server = MariaDb::shared();
    let (url, name) = server.fresh_database();
    let client = |sql: &str| server.client(&name, sql, &["-N"]);
    cancelled_leaves_nothing(&url, &client).await;
    loads_with_care(&url, &client).await;
    let error = load(
        &server.url_of(""),
        0.01,
        false,
        |_| {},
        CancellationToken::new(),
    )
    .await
    .unwrap_err()
    .0;
    assert!(error.contains("names no database"), "{error}");
    let error = load(
        "mysql://tester:wrong-secret@127.0.0.1:1/x",
        0.01,
        false,
        |_| {},
        CancellationToken::new(),
    );
    let error = error.await.unwrap_err().0;
    assert!(
        error.starts_with("cannot connect to mysql://tester:***@127.0.0.1:1/x")
            && !error.contains("wrong-secret")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn loads_into_postgres_and_harms_nothing() {
    let server = Postgres::shared();
    let (url, name) = server.fresh_database();
    let client = |sql: &str| server.client(&name, sql, &[]);
    cancelled_leaves_nothing(&url, &client).await;
    loads_with_care(&url, &client).await;
}

/// What each report answers, cell by cell. Numbers are compared as numbers: 12.50 in one database is 12.5 in another.
async fn answers(workspace: &Workspace) -> BTreeMap<String, Vec<Vec<String>>> {
    let source = source::open(&workspace.sources["shop"]).unwrap();
    let mut answers = BTreeMap::new();
    for report in &workspace.reports {
        let query = Query {
            sql: report.sql.clone(),
            params: report.bind(&[]).unwrap(),
            timeout: None,
            trusted: false,
        };
        let rows = source.run(query, CancellationToken::new()).await;
        let table = rows
            .unwrap_or_else(|error| panic!("{}: {error}", report.name))
            .stream
            .collect()
            .await
            .unwrap();
        let mut cells = Vec::new();
        for batch in &table.batches {
            let columns = lookaside::table::text::columns(batch);
            for row in 0..batch.num_rows() {
                cells.push(
                    columns
                        .iter()
                        .map(|column| column.text(row).map_or("NULL".to_owned(), plain))
                        .collect(),
                );
            }
        }
        answers.insert(report.name.clone(), cells);
    }
    answers
}

fn plain(text: std::borrow::Cow<'_, str>) -> String {
    text.parse::<f64>()
        .map_or_else(|_| text.into_owned(), |number| number.to_string())
}

fn same(mut ours: BTreeMap<String, Vec<Vec<String>>>, theirs: BTreeMap<String, Vec<Vec<String>>>) {
    for (report, theirs) in theirs {
        let ours = ours.remove(&report).unwrap();
        assert_eq!(ours.len(), theirs.len(), "{report}");
        assert!(!ours.is_empty(), "{report}");
        for (ours, theirs) in ours.iter().zip(&theirs) {
            assert_eq!(ours, theirs, "{report}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_reports_answer_the_same_in_every_database() {
    let folder = tempfile::tempdir().unwrap();
    let demo = demo(folder.path()).await;
    let sqlite = answers(&demo.workspace).await;
    let (mariadb, postgres) = (MariaDb::shared(), Postgres::shared());
    for url in [mariadb.fresh_database().0, postgres.fresh_database().0] {
        let workspace = load(&url, 0.01, false, |_| {}, CancellationToken::new())
            .await
            .unwrap();
        same(sqlite.clone(), answers(&workspace).await);
    }
}
