//! The Worker view: no worker, idle, blind, and busy.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use eframe::egui::Theme;
use egui_kittest::kittest::Queryable;

use lookaside::app::command::{Command, View};
use lookaside::app::event::Event as AppEvent;
use lookaside::app::state::{State, TaskId};
use lookaside::app::views::worker;
use lookaside::cache::AuditTotals;
use lookaside::detector::About;
use lookaside::engine::{AuditEvent, Event, Finding, Reason, RefreshEvent};
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
        audit: AuditTotals::default(),
    }
}

fn audited(checked: u64, wrong: u64, void: u64) -> AuditTotals {
    AuditTotals {
        checked,
        wrong,
        void,
        last_at: Some("2026-11-22T20:58:12Z".parse().unwrap()),
        last_wrong: None,
    }
}

/// A worker over two sources whose entries were checked.
fn with_audits(shop: AuditTotals, crm: AuditTotals) -> State {
    let state = with(Status::default());
    let watch = |source, audit| Watch {
        audit,
        ..watch(&state, source, None)
    };
    let sources = vec![watch("shop", shop), watch("crm", crm)];
    with(Status {
        sources,
        ..Status::default()
    })
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
        sources: vec![Watch {
            audit: audited(4118, 0, 3),
            ..watch(&state, "shop", None)
        }],
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
        failing: Vec::new(),
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
            failure: None,
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
    harness.get_by_label("Nothing was checked yet");
    harness.get_by_label_contains("Needs a report with refresh = \"on-change\"");
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
    harness.get_by_label("0 wrong");
    harness.get_by_label("of 4,118 fresh entries checked against the database");
    harness.get_by_label_contains("late-shipments, shop, 13, commit time not told, 12.9 s, 12.9 s");
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

#[test]
fn nothing_wrong_is_said_a_source_and_in_all() {
    let state = with_audits(audited(4000, 0, 0), audited(118, 0, 0));
    let harness = window(state, (1280.0, 800.0), Theme::Light);
    harness.get_by_label("0 wrong");
    harness.get_by_label("shop: checked 4,000, wrong 0");
    harness.get_by_label("crm: checked 118, wrong 0");
}

#[test]
fn a_wrong_entry_is_told_with_what_differed() {
    let mut state = with_audits(audited(4000, 1, 0), audited(118, 0, 2));
    let what = "1 row only in the database; the first in the database: 4, 7";
    let event = AuditEvent {
        at: state.clock.utc - TimeDelta::minutes(2),
        source: "shop".into(),
        report: "monthly-revenue".into(),
        params: "since=1995-01-01".into(),
        key: "lookaside:{shop}:e:00".into(),
        finding: Finding::Wrong,
        detail: what.into(),
        took_ms: 1200.0,
    };
    state.log.extend([Arc::new(Event::Audit(event))]);
    let mut harness = window(state, (1280.0, 800.0), Theme::Dark);
    harness.get_by_label("1 wrong");
    harness.get_by_label("shop: checked 4,000, wrong 1");
    harness.get_by_label(&format!(
        "20:58:00, monthly-revenue  since=1995-01-01, {what}"
    ));
    picture(&mut harness, "worker-wrong");
}

#[test]
fn an_audit_is_started_and_cancelled_by_one_button() {
    let state = with_audits(audited(4000, 0, 0), AuditTotals::default());
    let mut harness = window(state, (1280.0, 800.0), Theme::Dark);
    harness.get_by_label("Audit now").click();
    harness.run_ok();
    let sent = |harness: &egui_kittest::Harness<'_, (State, lookaside::app::command::Commands)>| {
        harness.state().1.sent().last().cloned()
    };
    assert!(matches!(
        sent(&harness),
        Some(Command::Worker(worker::Command::Audit))
    ));
    let task = TaskId(7);
    harness.state_mut().0.worker.audit(task);
    harness.run_ok();
    harness.get_by_label("Cancel the audit").click();
    harness.run_ok();
    assert!(matches!(sent(&harness), Some(Command::Cancel(cancelled)) if cancelled == task));
    harness.state_mut().0.apply(AppEvent::Ended(task));
    harness.run_ok();
    harness.get_by_label("Audit now");
}
