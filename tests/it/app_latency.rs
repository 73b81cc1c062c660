//! The Latency view: empty, full, and the race screen.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::Instant;

use chrono::TimeDelta;
use eframe::egui::{Theme, vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;

use lookaside::app::command::{Command, Commands, View};
use lookaside::app::frame;
use lookaside::app::state::{Open, State};
use lookaside::app::theme;
use lookaside::app::views::latency::{self, Race};
use lookaside::engine::latency::Side;
use lookaside::engine::race::Lap;
use lookaside::engine::{Caller, Event, Outcome, RequestEvent, Stages};
use lookaside::workspace::Workspace;

/// The whole window around `state`; what views send is kept beside it.
pub(crate) fn window(
    state: State,
    size: (f32, f32),
    theme: Theme,
) -> Harness<'static, (State, Commands)> {
    let mut harness = Harness::builder()
        .with_size(vec2(size.0, size.1))
        .with_theme(theme)
        .with_max_steps(8)
        .with_context_setup(theme::install)
        .build_ui_state(
            |ui, (state, commands)| frame::show(ui, state, commands),
            (state, Commands::default()),
        );
    harness.run_ok();
    harness
}

/// Renders the window and compares it with the picture in `tests/snapshots`.
pub(crate) fn picture(harness: &mut Harness<'static, (State, Commands)>, name: &str) {
    let options = egui_kittest::SnapshotOptions::new()
        .threshold(2.0)
        .max_failed_pixels(400);
    harness.snapshot_options(name, &options);
}

/// A state with an open workspace of a cache alone.
pub(crate) fn open_state(view: View) -> State {
    let workspace = Workspace::for_redis("redis://127.0.0.1:6379/0").unwrap();
    State {
        open: Some(Open::new(Arc::new(workspace))),
        view,
        ..State::default()
    }
}

/// A day of requests with every outcome, the same each time.
fn requests(state: &mut State) {
    // A fixed evening, so that the picture does not depend on the clock.
    state.clock.utc = "2026-11-22T21:00:00Z".parse().unwrap();
    let reports = [
        ("order-lines-export", 61.0, 29_500.0),
        ("late-shipments", 9.0, 41_700.0),
        ("monthly-revenue", 6.0, 38_200.0),
        ("top-customers", 4.0, 12_900.0),
        ("returns-by-reason", 2.0, 8_100.0),
    ];
    let mut events = Vec::new();
    for minute in 0..58 {
        for (index, (report, cached, uncached)) in reports.iter().enumerate() {
            let (outcome, ms) = match (minute * 7 + index * 3) % 23 {
                0 => (Outcome::Miss, *uncached),
                1 => (Outcome::Wait, uncached * 0.6),
                2 | 3 => (Outcome::StaleHit, cached * 1.3),
                4 => (Outcome::Bypass, uncached * 1.02),
                n => (Outcome::Hit, cached * (0.8 + n as f64 / 40.0)),
            };
            events.push(Arc::new(Event::Request(RequestEvent {
                at: state.clock.utc
                    - TimeDelta::seconds(3500 - minute as i64 * 60 - index as i64 * 7),
                report: (*report).into(),
                key: "00".into(),
                params: String::new(),
                outcome,
                reason: None,
                caller: Caller::Window,
                rows: 2112,
                bytes: 65_741,
                stages: Stages {
                    total_ms: ms,
                    ..Stages::default()
                },
                sha256: None,
                from_memory: false,
                notices: Vec::new(),
                error: None,
            })));
        }
    }
    state.log.extend(events);
}

fn race(pairs: usize, laps: usize) -> Race {
    let mut race = Race::new(
        "monthly-revenue".into(),
        "since=1995-01-01".into(),
        pairs,
        Instant::now(),
    );
    for pair in 0..laps {
        for (side, outcome, ms) in [
            (Side::Cached, Outcome::Hit, 5.8 + pair as f64 / 10.0),
            (
                Side::Uncached,
                Outcome::Bypass,
                38_200.0 + pair as f64 * 40.0,
            ),
        ] {
            race.laps.push(Lap {
                pair,
                side,
                outcome,
                ms,
                rows: 2112,
                sha256: "9f2c41d8a07be3c1".repeat(4),
            });
        }
    }
    race
}

#[test]
fn without_requests_it_says_what_would_stand_here() {
    let harness = window(open_state(View::Latency), (1280.0, 800.0), Theme::Dark);
    harness.get_by_label("No requests yet");
    assert!(harness.query_by_label("Every request").is_none());
}

fn full(size: (f32, f32), theme: Theme, name: &str) {
    let mut state = open_state(View::Latency);
    requests(&mut state);
    let mut harness = window(state, size, theme);
    harness.get_by_label("Median per report, log scale");
    harness.get_by_label("Share answered within");
    harness.get_by_label("Every request");
    harness.get_by_label("faster, mean of 5 reports");
    harness.get_by_label("cached median");
    harness.get_by_label_contains("Stale hit,");
    picture(&mut harness, name);
}

#[test]
fn with_requests_it_shows_the_number_the_charts_and_the_percentiles() {
    full((1280.0, 800.0), Theme::Dark, "latency-dark");
}

#[test]
fn in_the_light_theme_too() {
    full((1280.0, 800.0), Theme::Light, "latency-light");
}

#[test]
fn in_a_small_window_too() {
    full((1024.0, 640.0), Theme::Dark, "latency-small");
}

#[test]
fn a_report_without_a_second_side_has_no_number() {
    let mut state = open_state(View::Latency);
    requests(&mut state);
    state.latency.report = Some("never-run".into());
    let harness = window(state, (1280.0, 800.0), Theme::Dark);
    harness.get_by_label("No requests yet");
}

fn racing(theme: Theme, name: &str) {
    let mut state = open_state(View::Latency);
    state.latency.race = Some(race(20, 13));
    let mut harness = window(state, (1280.0, 800.0), theme);
    harness.get_by_label("13 of 13 identical");
    harness.get_by_label_contains("Cached median 6.4 ms, 13 of 20 done");
    harness.get_by_label_contains("range of 13 pairs");
    picture(&mut harness, name);
}

#[test]
fn a_race_shows_both_lanes_and_the_same_answer() {
    racing(Theme::Dark, "race-dark");
}

#[test]
fn a_race_in_the_light_theme() {
    racing(Theme::Light, "race-light");
}

#[test]
fn an_ended_race_can_be_closed_and_run_again() {
    let mut state = open_state(View::Latency);
    let mut ended = race(3, 3);
    ended.running = false;
    ended.error = Some("the database went away; start it and race again".into());
    state.latency.race = Some(ended);
    let mut harness = window(state, (1024.0, 640.0), Theme::Dark);
    harness.get_by_label("the database went away; start it and race again");
    harness.get_by_label("Close").click();
    harness.run_ok();
    harness.get_by_label("Race again").click();
    harness.run_ok();
    let sent = harness.state().1.sent();
    assert!(
        sent.iter()
            .any(|command| matches!(command, Command::Latency(latency::Command::CloseRace)))
    );
    assert!(sent.iter().any(|command| matches!(
        command,
        Command::Latency(latency::Command::Race { pairs: 3, .. })
    )));
}
