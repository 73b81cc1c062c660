//! What is watched, and what is refreshed for it.

use lookaside::engine::{Caller, Engine, Freshness, Outcome, Reason};
use lookaside::report::Refresh;
use lookaside::source::{self};
use lookaside::workspace::Workspace;

use super::rig::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_is_refreshed_and_says_why() {
    let mut rig = Rig::new(vec![report("orders", ORDERS, Refresh::OnChange)]).await;
    let at = rig.start();
    at.until_fresh("orders", 0).await;
    let warm = at.refreshes("orders");
    assert_eq!(
        (warm[0].reason, warm[0].why.as_str()),
        (Reason::Asked, "asked: warming an empty cache")
    );

    rig.sql("INSERT INTO orders VALUES (1, 1)").await;
    at.until_fresh("orders", 1).await;
    let last = at.refreshes("orders").pop().unwrap();
    assert_eq!(
        (last.reason, last.why.as_str()),
        (Reason::Changed, "changed: somewhere in shop")
    );
    assert_eq!((last.error, last.unchanged), (None, false));
    assert!(last.detected_to_fresh_ms.is_some() && last.took_ms > 0.0);
    assert!(!at.told("change").is_empty());

    // A commit that does not touch the answer is noticed too, and its refresh says that nothing is new.
    rig.sql("INSERT INTO parts VALUES (1)").await;
    until("the redundant refresh", async || {
        at.refreshes("orders").pop().unwrap().unchanged
    })
    .await;
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_nothing_changes_no_report_query_runs() {
    let mut rig = Rig::new(vec![
        report("orders", ORDERS, Refresh::OnChange),
        report("parts", PARTS, Refresh::OnChange),
        report(
            "plain",
            "SELECT COUNT(*) AS n FROM orders WHERE n > 0",
            Refresh::Ttl,
        ),
    ])
    .await;
    let at = rig.start();
    for name in ["orders", "parts", "plain"] {
        at.until_fresh(name, 0).await;
    }
    let warm = rig.queries();
    assert_eq!(warm, 3, "each report was warmed by one query");
    rig.sql("BEGIN; INSERT INTO orders VALUES (1, 1); ROLLBACK")
        .await;
    for _ in 0..3 {
        assert_eq!(at.ask("orders").await, Ok((0, Outcome::Hit)));
        at.until_published().await;
    }
    assert_eq!(
        rig.queries(),
        warm,
        "a rolled-back insert, requests and heartbeats bring no query about"
    );
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_triggers_only_reports_on_the_table_are_refreshed() {
    let mut rig = Rig::new(vec![
        report("orders", ORDERS, Refresh::OnChange),
        report("parts", PARTS, Refresh::OnChange),
    ])
    .await;
    rig.workspace.sources.get_mut("shop").unwrap().triggers = true;
    let at = rig.start();
    at.until_fresh("orders", 0).await;
    at.until_fresh("parts", 0).await;
    let before = at.refreshes("parts").len();
    rig.sql("INSERT INTO orders VALUES (1, 1)").await;
    at.until_fresh("orders", 1).await;
    assert_eq!(at.refreshes("orders").pop().unwrap().why, "changed: orders");
    at.until_published().await;
    assert_eq!(at.refreshes("parts").len(), before);
    assert_eq!(at.state("parts").await.0, Freshness::Fresh);
    rig.sql("INSERT INTO parts VALUES (1)").await;
    at.until_fresh("parts", 1).await;
    assert_eq!(at.refreshes("parts").pop().unwrap().why, "changed: parts");
    at.stop().await;
}

/// Somebody who does not stay: an old entry is served only where another refreshes it.
async fn passing_by(workspace: &Workspace) -> At {
    let sources = source::open_all(&mut workspace.clone());
    At {
        engine: Engine::new(workspace, sources, Caller::Cli, false),
        worker: None,
        workspace: workspace.clone(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_on_change_report_that_is_added_later_is_watched_at_once() {
    let mut rig = Rig::new(vec![report("plain", PARTS, Refresh::Ttl)]).await;
    let mut at = rig.start();
    at.until_fresh("plain", 0).await;
    assert_eq!(at.worker().status().sources[0].detector, None);
    rig.workspace
        .reports
        .push(report("orders", ORDERS, Refresh::OnChange));
    at.worker().take_over(&rig.workspace);
    at.workspace = rig.workspace.clone();
    at.until_fresh("orders", 0).await;
    rig.sql("INSERT INTO orders VALUES (1, 1)").await;
    at.until_fresh("orders", 1).await;
    assert_eq!(
        at.refreshes("orders").pop().unwrap().reason,
        Reason::Changed
    );
    assert!(at.leads());
    // One that is taken out again is refreshed no more, and what is left goes on.
    let taken_out = rig.workspace.reports.pop().unwrap();
    rig.workspace.reports.push(report(
        "parts",
        "SELECT COUNT(*) + 0 AS n FROM parts",
        Refresh::OnChange,
    ));
    at.worker().take_over(&rig.workspace);
    let before = at.refreshes(&taken_out.name).len();
    at.workspace = rig.workspace.clone();
    at.until_fresh("parts", 0).await;
    rig.sql("INSERT INTO parts VALUES (1)").await;
    at.until_fresh("parts", 1).await;
    assert_eq!(at.refreshes(&taken_out.name).len(), before);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_that_only_its_reader_knows_is_watched_from_its_first_fill() {
    let mut rig = Rig::new(vec![report("plain", PARTS, Refresh::Ttl)]).await;
    let at = rig.start();
    at.until_fresh("plain", 0).await;
    let mut theirs = rig.workspace.clone();
    theirs.reports = vec![report("orders", ORDERS, Refresh::OnChange)];
    let reader = passing_by(&theirs).await;
    until("it is watched", async || {
        reader.ask("orders").await == Ok((0, Outcome::Hit))
    })
    .await;
    assert!(at.worker().status().sources[0].detector.is_some());
    rig.sql("INSERT INTO orders VALUES (1, 1)").await;
    at.until_published().await;
    assert_eq!(
        reader.ask("orders").await,
        Ok((1, Outcome::Miss)),
        "the worker has no SQL to refresh it with, so nobody is told to wait for it"
    );
    assert_eq!(reader.ask("orders").await, Ok((1, Outcome::Hit)));
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_that_is_not_in_the_workspace_is_kept_true_where_it_is_asked_for() {
    let mut rig = Rig::new(vec![report("plain", PARTS, Refresh::Ttl)]).await;
    let mut at = rig.start();
    at.until_fresh("plain", 0).await;
    at.workspace
        .reports
        .push(report("draft", ORDERS, Refresh::OnChange));
    at.ask("draft").await.unwrap();
    at.until_fresh("draft", 0).await;
    rig.sql("INSERT INTO orders VALUES (1, 1)").await;
    at.until_fresh("draft", 1).await;
    let last = at.refreshes("draft").pop().unwrap();
    assert_eq!(last.reason, Reason::Changed);
    at.stop().await;
}
