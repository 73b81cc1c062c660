//! The Worker view: no worker, idle, blind, and busy.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use eframe::egui::Theme;
use egui_kittest::kittest::Queryable;

use lookaside::app::command::{Command, View};
use lookaside::app::state::State;
use lookaside::app::views::worker;
use lookaside::detector::About;
use lookaside::engine::{Event, Reason, RefreshEvent};
use lookaside::worker::{Queued, Role, Status, Watch};

use super::app_latency::{open_state, picture, window};

fn with(status: Status) -> State {
    let mut state = open_state(View::Worker);
    state.clock.utc = "2026-11-22T21:00:00Z".parse().unwrap();
    if let Some(open) = &mut state.open {
        open.worker = Some(Arc::new(status));
    }
    state
}

fn watch(state: &State, source: &str, role: Option<Role>) -> Watch {
    Watch {
        source: source.into(),
        detector: Some(About {
            name: "SQLite data_version".into(),
            delay: Duration::from_millis(50),
            blind_spots: vec!["which table changed".into()],
            better_by: None,
        }),
        role: role.unwrap_or(Role::Leader(state.clock.utc - TimeDelta::minutes(62))),
        tables: vec!["lineitem".into(), "nation".into(), "orders".into()],
        last_change: None,
        last_heartbeat: None,
    }
}

fn busy() -> State {
    let mut state = with(Status::default());
    let now = state.clock.utc;
    let queued = |report: &str, why: &str, started, cost: u64, demand| Queued {
        source: "shop".into(),
        report: report.into(),
        params: String::new(),
        key: "00".into(),
        reason: Reason::Changed,
        why: why.into(),
        started,
        cost: Some(Duration::from_millis(cost)),
        demand,
    };
    let status = Status {
        sources: vec![watch(&state, "shop", None)],
        queue: vec![
            queued(
                "supplier-scorecard",
                "changed: orders",
                Some(now - TimeDelta::seconds(12)),
                33_000,
                4.0,
            ),
            queued("late-shipments", "changed: lineitem", None, 41_700, 9.0),
            queued("stock-cover", "empty", None, 17_800, 1.0),
        ],
        paused: false,
    };
    let events = (0..40).map(|i: i64| {
        Arc::new(Event::Refresh(RefreshEvent {
            at: now - TimeDelta::seconds(2400 - i * 60),
            source: "shop".into(),
            report: ["monthly-revenue", "top-customers", "late-shipments"][(i % 3) as usize].into(),
            key: "00".into(),
            reason: Reason::Changed,
            why: "changed: orders".into(),
            took_ms: 12_900.0,
            unchanged: i % 5 == 1,
            error: (i == 37).then(|| "timed out; last good result kept, stale".into()),
            committed_to_detected_ms: None,
            detected_to_fresh_ms: Some(12_900.0 + 10.0 + (i * 7 % 30) as f64),
            committed_to_fresh_ms: None,
        }))
    });
    state.log.extend(events);
    if let Some(open) = &mut state.open {
        open.worker = Some(Arc::new(status));
    }
    state
}

#[test]
fn without_a_worker_it_says_how_to_get_one() {
    let harness = window(open_state(View::Worker), (1280.0, 800.0), Theme::Dark);
    harness.get_by_label("No worker runs here");
}

#[test]
fn an_idle_worker_has_nothing_to_refresh() {
    let state = with(Status::default());
    let status = Status {
        sources: vec![watch(&state, "shop", None)],
        ..Status::default()
    };
    let harness = window(with(status), (1024.0, 640.0), Theme::Light);
    harness.get_by_label("Nothing to refresh");
    harness.get_by_label("No change was refreshed yet");
    harness.get_by_label("Nothing was refreshed yet.");
}

#[test]
fn a_blind_detector_says_why() {
    let state = with(Status::default());
    let why = "the file was replaced; Lookaside opens the new one";
    let status = Status {
        sources: vec![watch(&state, "shop", Some(Role::Blind(why.into())))],
        ..Status::default()
    };
    let harness = window(with(status), (1280.0, 800.0), Theme::Dark);
    harness.get_by_label(&format!("shop: {why}"));
    harness.get_by_label("Nothing is seen");
    assert!(harness.query_by_label("Nothing to refresh").is_none());
}

fn full(size: (f32, f32), theme: Theme, name: &str) {
    let mut harness = window(busy(), size, theme);
    harness.get_by_label_contains("supplier-scorecard, changed: orders, running 12 s");
    harness.get_by_label_contains("timed out; last good result kept, stale");
    harness.get_by_label("Detected to fresh");
    harness.get_by_label_contains("query time not counted");
    harness.get_by_label_contains("1 of 0 places in use");
    picture(&mut harness, name);
}

#[test]
fn a_busy_worker_shows_queue_history_and_delays() {
    full((1280.0, 800.0), Theme::Dark, "worker-dark");
}

#[test]
fn a_busy_worker_in_the_light_theme() {
    full((1280.0, 800.0), Theme::Light, "worker-light");
}

#[test]
fn a_busy_worker_in_a_small_window() {
    full((1024.0, 640.0), Theme::Dark, "worker-small");
}

#[test]
fn pause_and_resume_are_one_button() {
    let mut harness = window(busy(), (1280.0, 800.0), Theme::Dark);
    harness.get_by_label("Pause").click();
    harness.run_ok();
    assert!(
        harness
            .state()
            .1
            .sent()
            .iter()
            .any(|command| matches!(command, Command::Worker(worker::Command::Pause)))
    );
}
