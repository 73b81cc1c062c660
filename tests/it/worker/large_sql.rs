//! One report that is too large for any parser beside a good one.

use lookaside::report::Refresh;

use super::rig::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn report_beyond_the_limits_does_not_stop_the_others() {
    let terms = format!("SELECT 1{} AS n FROM orders", " + 1".repeat(130_000));
    let nested = format!(
        "SELECT {}1{} AS n",
        "(SELECT ".repeat(20_000),
        ")".repeat(20_000)
    );
    let mut rig = Rig::new(vec![
        report("terms", &terms, Refresh::OnChange),
        report("nested", &nested, Refresh::OnChange),
        report("orders", ORDERS, Refresh::OnChange),
    ])
    .await;
    let at = rig.start();
    for name in ["terms", "nested"] {
        let error = at.ask(name).await.unwrap_err();
        assert!(error.contains("the SQL has"), "{error}");
    }
    rig.sql("INSERT INTO orders VALUES (1, 1)").await;
    at.until_fresh("orders", 1).await;
    rig.sql("INSERT INTO orders VALUES (2, 1)").await;
    at.until_fresh("orders", 2).await;
    at.stop().await;
}
