//! When entries are refreshed, and what happens where that fails.

use std::time::Duration;

use lookaside::engine::{Freshness, Outcome, Reason, RefreshEvent};
use lookaside::report::{Params, Refresh, Report, ServeOnError};

use super::rig::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn entries_are_refreshed_before_they_end_and_on_schedule() {
    let mut soon = report("soon", ORDERS, Refresh::AheadOfExpiry);
    soon.ttl = Duration::from_secs(2);
    let mut rig = Rig::new(vec![
        soon,
        report("often", PARTS, Refresh::Every(Duration::from_millis(300))),
    ])
    .await;
    let at = rig.start();
    let reasons = |name: &str| {
        at.refreshes(name)
            .iter()
            .map(|event| event.reason)
            .collect::<Vec<_>>()
    };
    until("two refreshes ahead of expiry", async || {
        reasons("soon")
            .iter()
            .filter(|reason| **reason == Reason::Expiring)
            .count()
            >= 2
    })
    .await;
    until("three on schedule", async || {
        reasons("often")
            .iter()
            .filter(|reason| **reason == Reason::Scheduled)
            .count()
            >= 3
    })
    .await;
    assert_eq!(
        at.refreshes("often").pop().unwrap().why,
        "scheduled: every 300ms"
    );
    rig.sql("INSERT INTO parts VALUES (1)").await;
    at.until_fresh("often", 1).await;
    assert_eq!(
        at.worker().status().sources[0].detector,
        None,
        "no report asks for one"
    );
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_refresh_keeps_the_last_good_result() {
    let kept = Report {
        serve_on_error: ServeOnError::Always,
        ..report("orders", ORDERS, Refresh::OnChange)
    };
    let mut rig = Rig::new(vec![kept]).await;
    rig.sql("INSERT INTO orders VALUES (1, 1)").await;
    let at = rig.start();
    at.until_fresh("orders", 1).await;
    rig.sql("ALTER TABLE orders RENAME TO elsewhere").await;
    until("the failure is told", async || {
        at.refreshes("orders").iter().any(|event| {
            event
                .error
                .as_ref()
                .is_some_and(|error| error.contains("orders"))
        })
    })
    .await;
    let (number, outcome) = at.ask("orders").await.unwrap();
    assert_eq!(
        (number, outcome),
        (1, Outcome::StaleHit),
        "old, and marked so"
    );
    rig.sql("ALTER TABLE elsewhere RENAME TO orders; INSERT INTO orders VALUES (2, 2)")
        .await;
    at.until_fresh("orders", 2).await;
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_locked_or_replaced_file_is_said_and_nothing_is_called_fresh_meanwhile() {
    let mut rig = Rig::new(vec![report("orders", ORDERS, Refresh::OnChange)]).await;
    rig.sql("PRAGMA journal_mode = DELETE").await;
    let at = rig.start();
    at.until_fresh("orders", 0).await;
    rig.sql("BEGIN EXCLUSIVE").await;
    until("the lock is said", async || {
        at.blind().is_some_and(|why| why.contains("locked"))
    })
    .await;
    until("it is stale", async || {
        at.state("orders").await.0 == Freshness::Stale
    })
    .await;
    rig.sql("INSERT INTO orders VALUES (1, 1); COMMIT").await;
    at.until_fresh("orders", 1).await;
    assert!(!at.told("watching").is_empty());

    let other = rig.folder.path().join("other.db");
    let mut writer = connect(&other).await;
    let tables =
        "PRAGMA journal_mode = DELETE; CREATE TABLE orders (id INTEGER PRIMARY KEY, n INTEGER);
        INSERT INTO orders VALUES (1, 1), (2, 2), (3, 3)";
    sqlx::raw_sql(tables).execute(&mut writer).await.unwrap();
    drop(writer);
    std::fs::rename(&other, rig.file()).unwrap();
    at.until_fresh("orders", 3).await;
    assert!(
        at.told("blind")
            .iter()
            .any(|told| told.detail.contains("another file took the place"))
    );
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn paused_it_goes_on_detecting_and_a_person_is_served() {
    let mut rig = Rig::new(vec![
        report("orders", ORDERS, Refresh::OnChange),
        report("parts", PARTS, Refresh::OnChange),
    ])
    .await;
    let at = rig.start();
    at.until_fresh("orders", 0).await;
    at.until_fresh("parts", 0).await;
    at.worker().pause();
    assert!(at.worker().status().paused);
    let before = rig.queries();
    rig.sql("INSERT INTO orders VALUES (1, 1)").await;
    until("the change is detected and waits", async || {
        at.worker().status().queue.len() == 2
    })
    .await;
    assert_eq!(at.state("orders").await.0, Freshness::Stale);
    assert_eq!(rig.queries(), before);
    at.worker()
        .refresh(&at.report("orders"), &Params::default());
    at.until_fresh("orders", 1).await;
    assert_eq!(at.state("parts").await.0, Freshness::Stale);
    at.worker().resume();
    at.until_fresh("parts", 0).await;
    assert_eq!(at.told("paused").len() + at.told("resumed").len(), 2);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stale_hit_is_refreshed_whatever_the_policy() {
    let mut plain = report("plain", ORDERS, Refresh::Ttl);
    plain.ttl = Duration::from_millis(200);
    let mut rig = Rig::new(vec![plain]).await;
    let at = rig.start();
    until("it was warmed", async || at.refreshes("plain").len() == 1).await;
    rig.sql("INSERT INTO orders VALUES (1, 1)").await;
    until("it is stale", async || {
        at.state("plain").await.0 == Freshness::Stale
    })
    .await;
    assert_eq!(at.ask("plain").await, Ok((0, Outcome::StaleHit)));
    until("it was refreshed", async || at.refreshes("plain").len() > 1).await;
    let last = at.refreshes("plain").pop().unwrap();
    assert_eq!((last.reason, last.error), (Reason::Asked, None));
    until("the new answer is there", async || {
        at.ask("plain").await.unwrap().0 == 1
    })
    .await;
    at.stop().await;
}

/// Ten thousand commits one after the other: however fast this machine is, refreshes keep the distance that the queue's
/// rules give them, and the last one is true.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_is_a_bounded_number_of_refreshes() {
    const COMMITS: i64 = 10_000;
    let mut rig = Rig::new(vec![report("orders", ORDERS, Refresh::OnChange)]).await;
    rig.sql("PRAGMA synchronous = OFF").await;
    let at = rig.start();
    at.until_fresh("orders", 0).await;
    for id in 0..COMMITS {
        sqlx::query("INSERT INTO orders VALUES (?1, 1)")
            .bind(id)
            .execute(&mut rig.writer)
            .await
            .unwrap();
    }
    at.until_fresh("orders", COMMITS).await;
    let mut refreshes = at.refreshes("orders");
    refreshes.retain(|refresh| refresh.reason == Reason::Changed);
    assert!(!refreshes.is_empty() && refreshes.iter().all(|refresh| refresh.error.is_none()));
    let ms = |from: &RefreshEvent, to: &RefreshEvent| {
        (to.at - from.at).num_microseconds().unwrap() as f64 / 1e3
    };
    for pair in refreshes.windows(2) {
        // A pause as long as the refresh before, and then this one.
        let rule = pair[0].took_ms + pair[1].took_ms;
        assert!(ms(&pair[0], &pair[1]) >= rule - 1.0, "{pair:?}");
    }
    // And never two within the time that collects a burst (20 ms).
    let span = refreshes[0].took_ms + ms(&refreshes[0], refreshes.last().unwrap());
    assert!(
        (refreshes.len() - 1) as f64 <= span / 20.0,
        "{} in {span} ms",
        refreshes.len()
    );
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_asks_for_is_refreshed_no_more_until_somebody_does() {
    let mut rig = Rig::new(vec![
        report("orders", ORDERS, Refresh::OnChange),
        report(
            "asked-for",
            "SELECT COUNT(*) + 0 AS n FROM orders",
            Refresh::OnChange,
        ),
    ])
    .await;
    rig.workspace.sources.get_mut("shop").unwrap().forget_after = Duration::from_secs(1);
    let at = rig.start();
    at.until_fresh("orders", 0).await;
    let (mut commits, mut refreshed, mut unrefreshed) = (0, 0, 0);
    until("commits do not refresh it any more", async || {
        rig.sql(&format!("INSERT INTO orders VALUES ({commits}, 1)"))
            .await;
        commits += 1;
        // Somebody asks for this one all the time.
        at.until_fresh("asked-for", commits).await;
        let refreshes = at.refreshes("orders").len();
        let waits = at
            .worker()
            .status()
            .queue
            .iter()
            .any(|job| job.report == "orders");
        let stale = at.state("orders").await.0 == Freshness::Stale;
        // One that rests after a refresh is stale for some commits, too.
        let left_alone = stale && !waits && refreshes == refreshed;
        unrefreshed = if left_alone { unrefreshed + 1 } else { 0 };
        refreshed = refreshes;
        unrefreshed >= 10
    })
    .await;
    let before = at.refreshes("orders").len();
    let (number, outcome) = at.ask("orders").await.unwrap();
    assert!(
        number < commits && outcome == Outcome::StaleHit,
        "{number} {outcome:?}"
    );
    at.until_fresh("orders", commits).await;
    assert!(at.refreshes("orders").len() > before);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_in_a_view_leaves_the_entry_to_its_ttl_and_a_change_still_counts() {
    let lately = "SELECT COUNT(*) AS n FROM lately";
    let mut rig = Rig::new(vec![report("lately", lately, Refresh::OnChange)]).await;
    rig.sql("CREATE VIEW lately AS SELECT * FROM orders WHERE date('now') > '2000-01-01'")
        .await;
    let at = rig.start();
    at.until_fresh("lately", 0).await;
    let reason = at.state("lately").await.1;
    assert!(
        reason.contains("unwatched") && reason.contains("also depends on 'now'"),
        "{reason}"
    );
    rig.sql("INSERT INTO orders VALUES (1, 1)").await;
    at.until_fresh("lately", 1).await;
    at.stop().await;
}
