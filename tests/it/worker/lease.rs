//! Who works: a worker that dies, stops, or loses its cache.

use lookaside::engine::Freshness;
use lookaside::report::{Params, Refresh};

use super::rig::*;

#[test]
fn a_worker_that_dies_is_noticed_and_replaced() {
    let runtime = || {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap()
    };
    let (here, there) = (runtime(), runtime());
    let mut rig = here.block_on(Rig::new(vec![report("orders", ORDERS, Refresh::OnChange)]));
    let dying = there.block_on(async { rig.start() });
    there.block_on(dying.until_fresh("orders", 0));
    let reader = here.block_on(async { At::reader(&rig.workspace, &rig.queries) });
    let heir = here.block_on(async { rig.start() });
    // Every task of it ends where it stands: no lease is given back, no word is said.
    there.shutdown_background();
    here.block_on(async {
        until("the heir leads", async || heir.leads()).await;
        rig.sql("INSERT INTO orders VALUES (1, 1)").await;
        heir.until_fresh("orders", 1).await;
        heir.stop().await;
        until("nobody watches", async || {
            reader.state("orders").await == (Freshness::Stale, "no worker is watching".to_owned())
        })
        .await;
    });
    drop(dying);
}

#[test]
fn without_an_heir_its_entries_stop_being_fresh() {
    let runtime = || {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap()
    };
    let (here, there) = (runtime(), runtime());
    let rig = here.block_on(Rig::new(vec![report("orders", ORDERS, Refresh::OnChange)]));
    let dying = there.block_on(async { rig.start() });
    there.block_on(dying.until_fresh("orders", 0));
    there.shutdown_background();
    here.block_on(async {
        let reader = At::reader(&rig.workspace, &rig.queries);
        until("nobody watches", async || {
            reader.state("orders").await == (Freshness::Stale, "no worker is watching".to_owned())
        })
        .await;
    });
    drop(dying);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_worker_gives_its_lease_back() {
    let rig = Rig::new(vec![report("orders", ORDERS, Refresh::OnChange)]).await;
    let first = rig.start();
    first.until_fresh("orders", 0).await;
    let second = rig.start();
    until("the second stands by", async || {
        !second.told("standing_by").is_empty()
    })
    .await;
    assert!(first.leads() && !second.leads());
    let engine = first.engine.clone();
    first.stop().await;
    until("the second leads", async || second.leads()).await;
    second.until_fresh("orders", 0).await;
    second.stop().await;
    let state = engine
        .state(&rig.workspace.reports[0], &Params::default())
        .await;
    assert_eq!(
        (state.state, state.reason.as_str()),
        (Freshness::Stale, "no worker is watching")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_emptied_cache_is_warmed_again() {
    let mut rig = Rig::new(vec![
        report("orders", ORDERS, Refresh::OnChange),
        report("plain", PARTS, Refresh::Ttl),
    ])
    .await;
    let at = rig.start();
    at.until_fresh("orders", 0).await;
    at.until_fresh("plain", 0).await;
    rig.redis.cli(&["FLUSHALL"]);
    at.until_fresh("orders", 0).await;
    at.until_fresh("plain", 0).await;
    rig.sql("INSERT INTO orders VALUES (1, 1)").await;
    at.until_fresh("orders", 1).await;
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cache_that_dies_and_comes_back_empty_needs_no_restart() {
    let mut rig = Rig::new(vec![report("orders", ORDERS, Refresh::OnChange)]).await;
    let at = rig.start();
    at.until_fresh("orders", 0).await;
    rig.redis.kill();
    until("the worker says that the cache is away", async || {
        at.blind().is_some()
    })
    .await;
    rig.sql("INSERT INTO orders VALUES (1, 1)").await;
    assert_eq!(
        at.ask("orders").await.unwrap().0,
        1,
        "without the cache the query is run"
    );
    rig.redis.restart();
    at.until_fresh("orders", 1).await;
    rig.sql("INSERT INTO orders VALUES (2, 2)").await;
    at.until_fresh("orders", 2).await;
    at.stop().await;
}
