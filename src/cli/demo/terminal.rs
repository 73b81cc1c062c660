//! The demo in the terminal: every report uncached, on a miss and on a hit; then new orders, and what the worker does
//! about them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use tokio_util::sync::CancellationToken;

use super::measure::{Measured, measure};
use super::news;
use super::screen::Screen;
use crate::demo::{Demo, Options, Progress};
use crate::engine::{Caller, Engine, Outcome};
use crate::human;
use crate::source;
use crate::worker::{Role, Worker};

/// Runs the whole demo and fails where an answer from the cache was not the database's.
pub(super) async fn run(
    scale: f64,
    orders_per_minute: u32,
    cancel: &CancellationToken,
) -> anyhow::Result<()> {
    let begun = Instant::now();
    let screen = Arc::new(Screen::new());
    let showing = Arc::clone(&screen);
    let options = Options {
        scale,
        orders_per_minute: 0,
        folder: None,
    };
    let demo = Demo::start(
        options,
        move |progress: Progress| showing.progress(&progress),
        cancel.clone(),
    )
    .await?;
    screen.say(&format!(
        "TPC-H at scale {scale} in SQLite ({}), cached in a private Redis on port {}.\n",
        demo.data().display(),
        demo.server().port()
    ));

    let engine = Engine::new(
        &demo.workspace,
        source::open_all(&mut demo.workspace.clone()),
        Caller::Cli,
        true,
    );
    let worker = Worker::start(Arc::clone(&engine), &demo.workspace);
    // It watches from now on, but does not fill the cache before the misses were measured.
    worker.pause();
    let shown = show(&screen, &engine, &worker, &demo, orders_per_minute, cancel).await;
    worker.stop().await;
    shown?;
    screen.say(&format!(
        "\nAll of this took {}.",
        human::duration(begun.elapsed())
    ));
    Ok(())
}

async fn show(
    screen: &Screen,
    engine: &Arc<Engine>,
    worker: &Worker,
    demo: &Demo,
    orders_per_minute: u32,
    cancel: &CancellationToken,
) -> anyhow::Result<()> {
    screen.doing("Waiting for the worker to watch the database");
    watching(worker, cancel).await?;

    let mut measured = Vec::new();
    for report in &demo.workspace.reports {
        screen.doing(&format!(
            "Running {}: uncached, on a miss, on a hit",
            report.name
        ));
        let report = Arc::new(report.clone());
        measured.push(
            measure(engine, &report, cancel)
                .await
                .with_context(|| report.name.clone())?,
        );
    }
    screen.say(&table(&measured));
    screen.say(&summary(&measured));

    let mut true_ones = measured.iter().all(|one| one.identical);
    if orders_per_minute > 0 {
        true_ones &= news::show(
            screen,
            engine,
            worker,
            demo,
            &measured,
            orders_per_minute,
            cancel,
        )
        .await?;
    }
    if !true_ones {
        bail!("an answer from the cache was not the same as the database's");
    }
    Ok(())
}

/// Waits until the worker leads and has taken the tables in: from then on an entry can be fresh.
async fn watching(worker: &Worker, cancel: &CancellationToken) -> anyhow::Result<()> {
    let (changed, woken) = news::wake();
    worker.on_change(changed);
    let limit = tokio::time::sleep(Duration::from_secs(30));
    tokio::pin!(limit);
    loop {
        let status = worker.status();
        for watch in &status.sources {
            if let Role::Blind(why) = &watch.role {
                bail!("the worker cannot watch the demo's database: {why}");
            }
        }
        let ready = |watch: &crate::worker::Watch| {
            matches!(watch.role, Role::Leader(_)) && watch.last_heartbeat.is_some()
        };
        if !status.sources.is_empty() && status.sources.iter().all(ready) {
            return Ok(());
        }
        tokio::select! {
            () = cancel.cancelled() => bail!("cancelled"),
            () = &mut limit => bail!("the worker did not begin to watch the demo's database within 30 seconds"),
            () = woken.notified() => {}
        }
    }
}

fn table(measured: &[Measured]) -> String {
    let head = [
        "report",
        "rows",
        "uncached",
        "miss",
        "hit",
        "speed-up",
        "identical",
    ];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for one in measured {
        rows.push(vec![
            one.report.name.clone(),
            human::count(one.uncached.rows),
            human::ms(one.uncached.ms),
            human::ms(one.miss.ms),
            human::ms(one.hit.ms),
            human::times(one.speedup()),
            if one.identical { "yes" } else { "NO" }.to_owned(),
        ]);
    }
    human::columns(&rows, |i| i > 0)
}

fn summary(measured: &[Measured]) -> String {
    let uncached: f64 = measured.iter().map(|one| one.uncached.ms).sum();
    let hit: f64 = measured.iter().map(|one| one.hit.ms).sum();
    let identical = measured.iter().filter(|one| one.identical).count();
    let mut lines = vec![format!(
        "Together {} from the database and {} from the cache: {} faster; {identical} of {} answers identical.",
        human::ms(uncached),
        human::ms(hit),
        human::times(uncached / hit),
        measured.len()
    )];
    // What did not go as a demo should is said, not hidden in a number.
    for one in measured {
        for (lap, wanted) in [(&one.miss, Outcome::Miss), (&one.hit, Outcome::Hit)] {
            if lap.outcome != wanted {
                let why = lap
                    .reason
                    .as_deref()
                    .map(|why| format!(": {why}"))
                    .unwrap_or_default();
                lines.push(format!(
                    "{}: not a {wanted:?} but a {:?}{why}.",
                    one.report.name, lap.outcome
                ));
            }
        }
    }
    lines.join("\n")
}
