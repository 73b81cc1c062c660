//! New orders arrive: what the worker sees and refreshes, as its own events tell it, and whether the refreshed
//! entries are what the database now says.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use chrono::{DateTime, Utc};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::measure::{Measured, ask};
use super::screen::Screen;
use crate::demo::Demo;
use crate::engine::{Engine, Event, Freshness, Mode, Outcome};
use crate::human;
use crate::report::Refresh;
use crate::worker::Worker;

/// So many new orders are let in.
const ORDERS: u64 = 3;

/// How long the worker may take before the demo goes on without it: some rounds of all it has to refresh.
fn patience(watched: &[&Measured]) -> Duration {
    let round: f64 = watched.iter().map(|one| one.uncached.ms).sum();
    Duration::from_secs(30) + Duration::from_secs_f64(4.0 * round / 1000.0)
}

/// A callback that may be called from any thread, and what it wakes.
pub(super) fn wake() -> (impl Fn() + Send + Sync + 'static, Arc<Notify>) {
    let notify = Arc::new(Notify::new());
    let woken = Arc::clone(&notify);
    (move || notify.notify_one(), woken)
}

/// Lets orders in, shows the worker's events, and compares each refreshed answer with an uncached one. `false` where
/// they differ.
pub(super) async fn show(
    screen: &Screen,
    engine: &Arc<Engine>,
    worker: &Worker,
    demo: &Demo,
    measured: &[Measured],
    orders_per_minute: u32,
    cancel: &CancellationToken,
) -> anyhow::Result<bool> {
    let watched: Vec<&Measured> = measured
        .iter()
        .filter(|one| one.report.refresh == Refresh::OnChange)
        .collect();
    screen.say(&format!(
        "\n{ORDERS} new orders arrive; the worker refreshes what depends on them."
    ));
    screen.doing("Waiting for new orders");
    let (event, woken) = wake();
    engine.log().on_event(event);
    let (_, mut seen) = engine.log().since(0);
    worker.resume();
    let before = demo.orders_inserted();
    let mut commits = Vec::new();
    let mut ticks = tokio::time::interval(Duration::from_mins(1) / orders_per_minute);
    let patience = patience(&watched);
    let limit = tokio::time::sleep(patience);
    tokio::pin!(limit);
    let mut changes_seen: Option<DateTime<Utc>> = None;
    let mut to_refresh: BTreeSet<&str> =
        watched.iter().map(|one| one.report.name.as_str()).collect();
    loop {
        tokio::select! {
            () = cancel.cancelled() => bail!("cancelled"),
            () = &mut limit => {
                screen.say(&format!("The worker is not done after {} seconds; the demo goes on.", patience.as_secs()));
                break;
            }
            _ = ticks.tick(), if demo.orders_inserted() - before < ORDERS => {
                let (order, at) = demo.insert_order().await?;
                commits.push(at);
                screen.say(&format!("{}  order {order} committed", clock(at)));
            }
            () = woken.notified() => {}
        }
        let (events, next) = engine.log().since(seen);
        seen = next;
        for event in events {
            if let Some(line) = line(&event, &commits) {
                screen.say(&line);
            }
            match &*event {
                Event::Worker(event) if event.event == "change" => changes_seen = Some(event.at),
                Event::Refresh(event) => {
                    to_refresh.remove(event.report.as_str());
                }
                _ => {}
            }
        }
        let last = commits.last().filter(|_| commits.len() as u64 == ORDERS);
        // A change that the worker saw after the last commit covers it; then fresh means refreshed.
        let covered = last.is_some_and(|last| changes_seen.is_some_and(|seen| seen >= *last));
        if covered && to_refresh.is_empty() && all_fresh(engine, &watched).await? {
            break;
        }
    }
    worker.pause();
    compare(screen, engine, &watched, cancel).await
}

async fn all_fresh(engine: &Arc<Engine>, watched: &[&Measured]) -> anyhow::Result<bool> {
    for one in watched {
        if engine
            .state(&one.report, &one.report.bind(&[])?)
            .await
            .state
            != Freshness::Fresh
        {
            return Ok(false);
        }
    }
    Ok(true)
}

async fn compare(
    screen: &Screen,
    engine: &Arc<Engine>,
    watched: &[&Measured],
    cancel: &CancellationToken,
) -> anyhow::Result<bool> {
    let mut rows = vec![
        ["report", "outcome", "time", "answer", "same as uncached"]
            .map(str::to_owned)
            .to_vec(),
    ];
    let mut all_same = true;
    for one in watched {
        screen.doing(&format!("Comparing {} with the database", one.report.name));
        let cached = ask(engine, &one.report, Mode::Cached, cancel).await?;
        let uncached = ask(engine, &one.report, Mode::Uncached, cancel).await?;
        let same = cached.sha256 == uncached.sha256;
        all_same &= same;
        rows.push(vec![
            one.report.name.clone(),
            word(cached.outcome),
            human::ms(cached.ms),
            if cached.sha256 == one.uncached.sha256 {
                "as before"
            } else {
                "changed"
            }
            .to_owned(),
            if same { "yes" } else { "NO" }.to_owned(),
        ]);
    }
    screen.say(&format!(
        "\n{}",
        human::columns(&rows, |i| i > 0).trim_end()
    ));
    Ok(all_same)
}

/// An outcome as people say it: `stale hit`.
fn word(outcome: Outcome) -> String {
    serde_json::to_value(outcome)
        .ok()
        .and_then(|value| value.as_str().map(|word| word.replace('_', " ")))
        .unwrap_or_default()
}

/// What an event of the worker says, with the time since the latest commit before it.
fn line(event: &Event, commits: &[DateTime<Utc>]) -> Option<String> {
    let since = |at: DateTime<Utc>| {
        let commit = commits.iter().rev().find(|commit| **commit <= at)?;
        let ms = (at - *commit).num_microseconds()? as f64 / 1000.0;
        Some(format!(", {} after the commit", human::ms(ms)))
    };
    match event {
        Event::Worker(worker) if worker.event == "change" => {
            let after = since(worker.at).unwrap_or_default();
            Some(format!(
                "{}  change seen: {}{after}",
                clock(worker.at),
                worker.tables.join(", ")
            ))
        }
        Event::Refresh(refresh) => {
            let how = match (&refresh.error, refresh.unchanged) {
                (Some(error), _) => format!("not refreshed: {error}"),
                (None, true) => format!(
                    "refreshed in {}, the content is the same",
                    human::ms(refresh.took_ms)
                ),
                (None, false) => format!("refreshed in {}", human::ms(refresh.took_ms)),
            };
            Some(format!(
                "{}  {} {how} ({})",
                clock(refresh.at),
                refresh.report,
                refresh.why
            ))
        }
        _ => None,
    }
}

fn clock(at: DateTime<Utc>) -> String {
    at.format("%H:%M:%S%.3f").to_string()
}
