//! A refresh that fails is told as one: in the entry's state, in every answer, in the worker's status and in the log. What
//! does not pass with time ends the serving of old rows, as `serve_on_error` says.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use lookaside::engine::{Freshness, Mode, Outcome, Request};
use lookaside::report::{Params, Refresh, Report, ServeOnError};
use lookaside::worker::Worker;
use tokio_util::sync::CancellationToken;

use super::rig::{At, ORDERS, Rig, report, source_config, until, workspace};
use crate::servers::{DATABASE, MariaDb, Postgres, Redis, USER};

/// The three policies, each with a report of its own that counts `what` in the same table. (Reports with one SQL share
/// an entry.)
fn counting(what: &str) -> Vec<Report> {
    let policies = [
        ("transient", ServeOnError::Transient),
        ("never", ServeOnError::Never),
        ("always", ServeOnError::Always),
    ];
    let report_of = |(name, serve_on_error)| Report {
        serve_on_error,
        ..report(
            name,
            &format!("SELECT COUNT({what}) AS n, '{name}' AS policy FROM orders"),
            Refresh::OnChange,
        )
    };
    policies.map(report_of).to_vec()
}

fn policies() -> Vec<Report> {
    counting("*")
}

/// How the answer came and why, or the error.
async fn ask(at: &At, name: &str) -> Result<(Outcome, String), String> {
    let request = Request {
        report: at.report(name),
        params: Params::default(),
        mode: Mode::Cached,
        cancel: CancellationToken::new(),
    };
    let answer = at
        .engine
        .ask(request)
        .await
        .map_err(|error| error.to_string())?;
    let (outcome, reason) = (answer.about.outcome, answer.about.reason);
    answer
        .rows
        .collect()
        .await
        .map_err(|error| error.to_string())?;
    Ok((outcome, reason.unwrap_or_default()))
}

/// Waits until the worker's refresh of the report failed twice.
async fn until_failed(at: &At, name: &str) {
    until(&format!("refreshes of {name} fail"), async || {
        let state = at.engine.state(&at.report(name), &Params::default()).await;
        state
            .last_failure
            .is_some_and(|failure| failure.count >= 2 && failure.next_at > failure.last_at)
    })
    .await;
}

/// After a failure that does not pass: the error for two policies, old rows with the error for the third.
async fn permanent_failure_is_told(at: &At, words: &str, code: Option<&str>) {
    for name in ["transient", "never", "always"] {
        until_failed(at, name).await;
        let state = at.engine.state(&at.report(name), &Params::default()).await;
        let failure = state.last_failure.unwrap();
        assert!(
            failure.permanent && failure.message.contains(words),
            "{failure:?}"
        );
        assert_eq!(failure.code.as_deref(), code);
        assert_eq!(state.state, Freshness::Stale);
        assert!(
            state.reason.contains("refreshes failed, the last"),
            "{}",
            state.reason
        );
        assert!(!state.reason.contains("under way"), "{}", state.reason);
    }
    for name in ["transient", "never"] {
        let error = ask(at, name).await.unwrap_err();
        assert!(error.contains(words), "{name}: {error}");
    }
    let (outcome, reason) = ask(at, "always").await.unwrap();
    assert_eq!(outcome, Outcome::StaleHit);
    assert!(
        reason.contains(words) && reason.contains("failed") && !reason.contains("under way"),
        "{reason}"
    );
    let failing = at.worker().status().failing.clone();
    let names: Vec<&str> = failing.iter().map(|one| one.report.as_str()).collect();
    for name in ["transient", "never", "always"] {
        assert!(names.contains(&name), "{failing:?}");
    }
    let event = at.refreshes("always").pop().unwrap();
    assert_eq!(event.failure.unwrap().message, event.error.unwrap());
}

async fn until_healed(at: &At, number: i64) {
    for name in ["transient", "never", "always"] {
        // A person's request runs the query at once; the worker does so within a minute.
        let _ = ask(at, name).await;
        at.until_fresh(name, number).await;
        let state = at.engine.state(&at.report(name), &Params::default()).await;
        assert_eq!(state.last_failure, None);
    }
    until("nothing fails any more", async || {
        at.worker().status().failing.is_empty()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_dropped_table_is_an_error_and_heals() {
    let mut rig = Rig::new(policies()).await;
    let at = rig.start();
    for name in ["transient", "never", "always"] {
        at.until_fresh(name, 0).await;
    }
    rig.sql("DROP TABLE orders").await;
    permanent_failure_is_told(&at, "no such table: orders", None).await;
    rig.sql("CREATE TABLE orders (id INTEGER PRIMARY KEY); INSERT INTO orders VALUES (1)")
        .await;
    until_healed(&at, 1).await;
    at.stop().await;
}

/// The window's engine leaves stale hits to its worker: each of them must not run a query that just failed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stale_hits_keep_the_pause_of_a_failed_refresh() {
    let mut rig = Rig::new(policies()).await;
    let at = At::reader(&rig.workspace, &rig.queries);
    let worker = Arc::new(Worker::start(at.engine.for_worker(), &rig.workspace));
    let refresher = Arc::downgrade(&worker);
    at.engine.on_stale(move |report, params| {
        refresher
            .upgrade()
            .is_some_and(|worker| worker.served_stale(report, params))
    });
    at.until_fresh("always", 0).await;
    rig.sql("DROP TABLE orders").await;
    until_failed(&at, "always").await;
    let failures = async || {
        let (report, params) = (at.report("always"), Params::default());
        let state = at.engine.state(&report, &params).await;
        state.last_failure.unwrap().count
    };
    let before = failures().await;
    for _ in 0..100 {
        assert_eq!(ask(&at, "always").await.unwrap().0, Outcome::StaleHit);
    }
    // The pause doubles with each failure: these would take longer than the test may.
    assert!(failures().await < before + 10);
    Arc::into_inner(worker).unwrap().stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_dropped_column_is_an_error() {
    let mut rig = Rig::new(counting("n")).await;
    let at = rig.start();
    for name in ["transient", "never", "always"] {
        at.until_fresh(name, 0).await;
    }
    rig.sql("ALTER TABLE orders DROP COLUMN n").await;
    permanent_failure_is_told(&at, "no such column: n", None).await;
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mariadb_revoked_select_is_an_error_and_heals() {
    let server = MariaDb::start_logging(&[]);
    let redis = Redis::start();
    let root = |sql: &str| drop(server.client(DATABASE, sql, &[]));
    root(
        "CREATE TABLE orders (id BIGINT PRIMARY KEY); CREATE USER rep IDENTIFIED BY 'rep-word'; \
         GRANT SELECT ON shop.orders TO rep; CREATE TABLE parts (id BIGINT PRIMARY KEY); \
         GRANT SELECT ON shop.parts TO rep; GRANT BINLOG MONITOR, REPLICATION SLAVE ON *.* TO rep",
    );
    let url = format!("mysql://rep:rep-word@127.0.0.1:{}/{DATABASE}", server.port);
    let workspace = workspace(&redis, source_config(&url), policies());
    let at = At::start(&workspace, &Arc::<AtomicUsize>::default());
    for name in ["transient", "never", "always"] {
        at.until_fresh(name, 0).await;
    }
    root("REVOKE SELECT ON shop.orders FROM rep; INSERT INTO orders VALUES (1)");
    permanent_failure_is_told(&at, "command denied to user 'rep'", Some("1142")).await;
    root("GRANT SELECT ON shop.orders TO rep");
    until_healed(&at, 1).await;
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_dropped_table_is_an_error_and_heals() {
    let server = Postgres::start_logical();
    let redis = Redis::start();
    let (url, database) = server.fresh_database();
    let root = |sql: &str| drop(server.client(&database, sql, &[]));
    root("CREATE TABLE orders (id BIGINT PRIMARY KEY)");
    assert!(url.contains(USER));
    let workspace = workspace(&redis, source_config(&url), policies());
    let at = At::start(&workspace, &Arc::<AtomicUsize>::default());
    for name in ["transient", "never", "always"] {
        at.until_fresh(name, 0).await;
    }
    root("DROP TABLE orders");
    permanent_failure_is_told(&at, "relation \"orders\" does not exist", Some("42P01")).await;
    root("CREATE TABLE orders (id BIGINT PRIMARY KEY); INSERT INTO orders VALUES (1)");
    until_healed(&at, 1).await;
    at.stop().await;
}

/// A server that is away comes back: old rows are served with the true sentence, and `never` gives the error.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopped_server_leaves_old_rows_with_the_reason() {
    let mut server = MariaDb::start_logging(&[]);
    let redis = Redis::start();
    drop(server.client(DATABASE, "CREATE TABLE orders (id BIGINT PRIMARY KEY)", &[]));
    let workspace = workspace(&redis, source_config(&server.url()), policies());
    let at = At::start(&workspace, &Arc::<AtomicUsize>::default());
    for name in ["transient", "never", "always"] {
        at.until_fresh(name, 0).await;
    }
    server.stop();
    for name in ["transient", "always"] {
        until("it is stale", async || {
            at.state(name).await.0 == Freshness::Stale
        })
        .await;
        until("the failure is told", async || {
            let (outcome, reason) = ask(&at, name).await.unwrap();
            assert!(
                matches!(outcome, Outcome::StaleHit | Outcome::Hit),
                "{outcome:?}"
            );
            reason.contains("failed") && reason.contains("nothing listens at")
        })
        .await;
        let state = at.engine.state(&at.report(name), &Params::default()).await;
        assert!(!state.last_failure.unwrap().permanent);
    }
    until("never gives the error", async || {
        ask(&at, "never")
            .await
            .is_err_and(|error| error.contains("nothing listens at"))
    })
    .await;
    server.restart();
    until_healed(&at, 0).await;
    at.stop().await;
}

/// A paused worker refreshes nothing, so nobody is left waiting for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn paused_worker_leaves_the_refresh_to_the_reader() {
    let mut rig = Rig::new(vec![report("orders", ORDERS, Refresh::OnChange)]).await;
    let at = rig.start();
    at.until_fresh("orders", 0).await;
    // Another process, which does not stay.
    let reader = lookaside::engine::Engine::new(
        &rig.workspace,
        lookaside::source::open_all(&mut rig.workspace.clone()),
        lookaside::engine::Caller::Cli,
        false,
    );
    let reader = At {
        engine: reader,
        worker: None,
        workspace: rig.workspace.clone(),
    };
    at.worker().pause();
    rig.sql("INSERT INTO orders VALUES (1, 1)").await;
    until("the change is seen", async || {
        at.state("orders").await.0 == Freshness::Stale
    })
    .await;
    until("the reader runs the query", async || {
        reader.ask("orders").await == Ok((1, Outcome::Miss))
    })
    .await;
    at.stop().await;
}
