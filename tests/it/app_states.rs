//! What the window shows must be true: rows under an error, keys of a server that is away, names that cannot be seen.
#![allow(clippy::unwrap_used)]

use eframe::egui::accesskit::Role;
use eframe::egui::{Key, Modifiers, Theme};
use egui_kittest::kittest::{NodeT, Queryable};
use lookaside::app::command::View;
use lookaside::app::event::Event;
use lookaside::app::state::{Link, TaskId};
use lookaside::app::views::console::Console;
use lookaside::app::views::reports;
use lookaside::engine::{FailedRefresh, Mode, Outcome};
use lookaside::inspect::{Key as RedisKey, Kind, Question, ScanState, Ttl, View as Answer};
use lookaside::worker::Failing;

use crate::app_keys::{full, state_with};
use crate::app_latency::{self, open_state};
use crate::app_reports::asked;
use crate::app_shell::{answered, blank, open, window};

const WIDE: [f32; 2] = [1280.0, 800.0];

#[test]
fn failed_run_marks_the_rows_before_it_as_previous() {
    let mut state = answered(open(), 2112, Outcome::Hit, None);
    state
        .reports
        .started(TaskId(9), &Mode::Cached, state.clock.now);
    state.apply(Event::Reports(reports::Event::Failed {
        task: TaskId(9),
        message: "near \"FORM\": syntax error".into(),
        position: None,
    }));
    state.apply(Event::Ended(TaskId(9)));
    let mut window = window(state, WIDE, true);
    window.get_by_label("Previous answer");
    window.get_by_label("Near \"FORM\": syntax error");
    assert!(window.query_by_label("Hit").is_none());
    assert!(window.get_by_label("Export").accesskit_node().is_disabled());
    window.key_press_modifiers(Modifiers::COMMAND, Key::E);
    window.run_steps(2);
    assert!(asked(&window).is_empty(), "{:?}", asked(&window));
}

#[test]
fn rows_of_a_run_that_failed_midway_are_not_exported() {
    let mut state = open();
    let task = TaskId(7);
    state.reports.started(task, &Mode::Cached, state.clock.now);
    let table = crate::app_shell::table(50);
    let about = crate::app_shell::about(&table, Outcome::Miss, None);
    state.apply(Event::Reports(reports::Event::About { task, about }));
    state.apply(Event::Reports(reports::Event::Rows {
        task,
        table,
        left_out: 0,
    }));
    state.apply(Event::Reports(reports::Event::Failed {
        task,
        message: "the connection to shop was lost".into(),
        position: None,
    }));
    state.apply(Event::Ended(task));
    let window = window(state, WIDE, false);
    window.get_by_label("Not whole");
    window.get_by_label("50 rows came before the run failed");
    assert!(window.get_by_label("Export").accesskit_node().is_disabled());
}

#[test]
fn keys_of_a_server_that_is_away_offer_no_change() {
    let mut state = full();
    state.keys.lock().set_unlocked(true);
    if let Some(open) = &mut state.open {
        open.cache = Link::Down("no cache answers at 127.0.0.1:6379; start it".into());
    }
    let harness = app_latency::window(state, (1280.0, 800.0), Theme::Dark);
    harness.get_by_label("No connection: the keys are as they were seen last");
    harness.get_by_label("not connected");
    assert!(harness.query_by_label("complete").is_none());
    for label in [
        "Delete 602 keys shown",
        "Set the TTL of 602 keys shown",
        "Add a key",
    ] {
        let button = harness.get_by_label(label);
        assert!(button.accesskit_node().is_disabled(), "{label}");
    }
}

#[test]
fn names_that_cannot_be_seen_are_shown() {
    let state = state_with(|state| {
        let now = state.clock.utc.timestamp_millis();
        let names: [&[u8]; 3] = [b"", b"  ", b"a\x1b[31m"];
        let keys = names.map(|name| RedisKey {
            name,
            kind: Kind::String,
            type_name: "string",
            ttl: Ttl::Never,
            bytes: Some(56),
            encoding: "raw",
            elements: None,
            idle: Some(1),
            frequency: None,
        });
        Answer::of(ScanState::seen(keys, now), Question::default())
    });
    let harness = app_latency::window(state, (1280.0, 800.0), Theme::Light);
    harness.get_by_label("(empty name), string, TTL never, 56 B");
    harness.get_by_label("\"  \", string, TTL never, 56 B");
    harness.get_by_label("a\\x1b[31m, string, TTL never, 56 B");
}

#[test]
fn bytes_are_called_about_only_where_they_are_estimated() {
    let state = state_with(|state| {
        let now = state.clock.utc.timestamp_millis();
        let key = |name: &'static str, kind: Kind, encoding: &'static str, elements| RedisKey {
            name: name.as_bytes(),
            kind,
            type_name: kind.name(),
            ttl: Ttl::Never,
            bytes: Some(14_848),
            encoding,
            elements,
            idle: Some(1),
            frequency: None,
        };
        let keys = [
            key("lookaside:{shop}:e:9f", Kind::Hash, "hashtable", Some(21)),
            key("small", Kind::Hash, "listpack", Some(400)),
            key("large", Kind::Hash, "hashtable", Some(400)),
            key("text", Kind::String, "raw", None),
        ];
        Answer::of(ScanState::seen(keys, now), Question::default())
    });
    let harness = app_latency::window(state, (1280.0, 800.0), Theme::Light);
    harness.get_by_label("lookaside:{shop}:e:9f, hash, TTL never, 14.5 KB");
    harness.get_by_label("small, hash, TTL never, 14.5 KB");
    harness.get_by_label("large, hash, TTL never, about 14.5 KB");
    harness.get_by_label("text, string, TTL never, 14.5 KB");
}

#[test]
fn selected_report_is_shown_alike_in_list_and_card() {
    let mut state = open();
    let name = state
        .reports
        .list
        .iter()
        .find(|item| !item.report.params.is_empty())
        .map(|item| item.report.name.clone())
        .unwrap();
    state.reports.select(&name);
    if let Some(value) = state
        .reports
        .pane_mut()
        .and_then(|pane| pane.values.first_mut())
    {
        value.clear();
    }
    let needs = state
        .reports
        .pane()
        .is_some_and(lookaside::app::views::reports::Pane::needs_values);
    let window = window(state, WIDE, true);
    window.get_by_role_and_label(Role::ListItem, &name);
    assert!(needs);
    // Once in the list and once in the card.
    assert_eq!(window.get_all_by_label("Needs values").count(), 1);
    assert!(window.query_by_label("Fresh").is_none());
}

#[test]
fn console_prompt_has_the_keyboard_on_every_visit() {
    let mut state = open_state(View::Console);
    state.console = Console::with_docs(std::collections::BTreeMap::new());
    let mut harness = app_latency::window(state, (1280.0, 800.0), Theme::Dark);
    assert!(harness.get_by_label("Command line").is_focused());
    harness.state_mut().0.view = View::Latency;
    harness.run_ok();
    harness.state_mut().0.view = View::Console;
    harness.run_ok();
    assert!(harness.get_by_label("Command line").is_focused());
    // A dialog gives the keyboard back.
    harness.state_mut().0.palette.open();
    harness.run_ok();
    assert!(!harness.get_by_label("Command line").is_focused());
    harness.key_press_modifiers(Modifiers::NONE, Key::Escape);
    harness.run_ok();
    assert!(harness.get_by_label("Command line").is_focused());
    // Also where the palette leads to the view, and a control of the view before had the keyboard.
    harness.state_mut().0.view = View::Latency;
    harness.run_ok();
    harness.key_press_modifiers(Modifiers::NONE, Key::Tab);
    harness.run_ok();
    harness.state_mut().0.palette.open();
    harness.run_ok();
    harness.state_mut().0.view = View::Console;
    harness.key_press_modifiers(Modifiers::NONE, Key::Escape);
    harness.run_ok();
    assert!(harness.get_by_label("Command line").is_focused());
}

#[test]
fn tab_reaches_the_query_before_the_entry_card() {
    let mut window = window(open(), WIDE, true);
    let mut order = Vec::new();
    for _ in 0..60 {
        window.key_press_modifiers(Modifiers::NONE, Key::Tab);
        window.run_steps(1);
        for label in ["SQL", "Policy", "Refresh now"] {
            if !order.contains(&label)
                && window.get_all_by_label(label).any(|node| node.is_focused())
            {
                order.push(label);
            }
        }
    }
    assert_eq!(order, ["SQL", "Policy", "Refresh now"]);
}

#[test]
fn report_saved_under_a_new_name_has_it_everywhere() {
    let mut state = open();
    state.apply(Event::Reports(reports::Event::Renamed {
        from: "monthly-revenue".into(),
        to: "sales".into(),
    }));
    let mut workspace = crate::app_shell::workspace();
    workspace.reports[0].name = "sales".into();
    let sent = Box::new(workspace.reports[0].clone());
    state.apply(Event::Reports(reports::Event::Saved {
        name: "sales".into(),
        sent,
        workspace: std::sync::Arc::new(workspace),
    }));
    assert!(state.log.summary("monthly-revenue").is_none());
    assert!(state.log.summary("sales").is_some());
}

#[test]
fn zoom_of_200_percent_keeps_every_part_in_reach() {
    // What is left of 1280 by 800 at 200 %.
    let state = answered(open(), 2112, Outcome::Hit, None);
    let mut window = window(state, [640.0, 400.0], true);
    window.get_by_label("Show query").click();
    window.run_steps(2);
    let sql = window.get_by_label("SQL of the report").rect();
    assert!(sql.width() > 400.0 && sql.height() > 50.0, "{sql:?}");
    window.get_by_label("Show result").click();
    window.run_steps(2);
    let rows = window.get_by_label("Result, 2112 rows").rect();
    assert!(rows.width() > 500.0 && rows.height() > 120.0, "{rows:?}");
    window.get_by_label("Show entry").click();
    window.run_steps(2);
    window.get_by_label("Refresh now");
    window.get_by_label("Show reports").click();
    window.run_steps(2);
    window.get_by_label("top-customers").click();
    window.run_steps(3);
    assert_eq!(
        asked(&window).last().map(String::as_str),
        Some("ReadEntries")
    );
    window.get_by_label("SQL of the report");
}

#[test]
fn zoom_is_chosen_in_the_status_line_and_by_keys() {
    let mut window = window(blank(), WIDE, true);
    window.get_by_label("Zoom").click();
    window.run_steps(3);
    window.get_by_label("Zoom 150 %").click();
    window.run_steps(3);
    assert!((window.ctx.zoom_factor() - 1.5).abs() < 0.01);
    window.state_mut().state.set_zoom = Some(9.0);
    window.run_steps(2);
    assert!((window.state().state.zoom - 2.0).abs() < 0.01);
}

#[test]
fn keys_at_200_percent_show_prefixes_or_keys() {
    let mut harness = app_latency::window(full(), (640.0, 400.0), Theme::Dark);
    assert!(harness.query_by_label("Filter keys").is_none());
    harness.get_by_label("Show prefixes").click();
    harness.run_ok();
    harness.get_by_label("Filter keys");
}

#[test]
fn newer_answer_is_offered_and_shown_on_request() {
    let mut state = answered(open(), 2112, Outcome::StaleHit, Some("a refresh is queued"));
    let made = chrono::Utc::now() + chrono::TimeDelta::seconds(30);
    if let Some((entry, _)) = state
        .reports
        .pane_mut()
        .and_then(|pane| pane.entry.as_mut())
    {
        entry.created_at = Some(made);
        entry.sha256 = Some("other".into());
    }
    let mut window = window(state, WIDE, true);
    window.get_by_label("Newer answer ready");
    assert!(window.query_by_label("A refresh is queued").is_none());
    window.get_by_label("Show the newer answer").click();
    window.run_steps(2);
    assert_eq!(asked(&window), ["Reports(Run)"]);
}

#[test]
fn queue_says_why_a_report_stands_in_it_twice() {
    let mut state = open();
    state.view = View::Worker;
    if let Some(open) = &mut state.open {
        let mut status = (**open.worker.as_ref().unwrap()).clone();
        let mut again = status.queue[0].clone();
        again.started = None;
        let mut edited = again.clone();
        edited.key = "ab12cd34ef".into();
        let mut other = again.clone();
        other.params = "since=1995-01-01".into();
        status.queue.extend([again, edited, other]);
        open.worker = Some(std::sync::Arc::new(status));
    }
    let window = window(state, WIDE, true);
    for part in ["queued again", "entry ab12cd34", "since=1995-01-01"] {
        assert!(window.query_by_label_contains(part).is_some(), "{part}");
    }
}

#[test]
fn new_report_is_called_alike_in_title_and_policy() {
    let mut state = open();
    state.reports.new_report();
    let pane = state.reports.pane_mut().unwrap();
    pane.draft.sql = "SELECT 1 AS one".into();
    pane.draft.name = "sales".into();
    let sent = Box::new(pane.draft.clone());
    let mut workspace = crate::app_shell::workspace();
    workspace.reports.push((*sent).clone());
    state.apply(Event::Reports(reports::Event::Renamed {
        from: "new-report".into(),
        to: "sales".into(),
    }));
    state.apply(Event::Reports(reports::Event::Saved {
        name: "sales".into(),
        sent,
        workspace: std::sync::Arc::new(workspace),
    }));
    let mut window = window(state, WIDE, true);
    window.get_by_label("Policy").click();
    window.run_steps(3);
    assert_eq!(
        window
            .get_by_role_and_label(Role::TextInput, "Name")
            .value()
            .as_deref(),
        Some("sales")
    );
}

#[test]
fn failing_report_stands_first_with_what_its_readers_get() {
    let mut state = open();
    state.view = View::Worker;
    let utc = state.clock.utc;
    if let Some(open) = &mut state.open {
        let mut status = (**open.worker.as_ref().unwrap()).clone();
        status.failing = vec![Failing {
            source: "shop".into(),
            report: "late-shipments".into(),
            params: String::new(),
            key: "00".into(),
            failure: FailedRefresh {
                message: "no such table: lineitem".into(),
                code: Some("1".into()),
                permanent: true,
                count: 8,
                first_at: Some(utc - chrono::TimeDelta::seconds(150)),
                last_at: Some(utc - chrono::TimeDelta::seconds(10)),
                next_at: Some(utc + chrono::TimeDelta::seconds(20)),
            },
        }];
        open.worker = Some(std::sync::Arc::new(status));
    }
    let mut window = window(state, WIDE, true);
    let fails = window.get_by_label("late-shipments fails").rect();
    let sources = window.get_all_by_label_contains("leader, ");
    assert!(
        sources
            .into_iter()
            .all(|row| fails.top() < row.rect().top())
    );
    window.get_by_label("No such table: lineitem (1).");
    for part in [
        "Failed 8 times since",
        "Readers get this error and no older rows.",
        "It is tried again in 20 s.",
    ] {
        assert!(window.query_by_label_contains(part).is_some(), "{part}");
    }
    window.get_by_label("Open late-shipments").click();
    window.run_steps(2);
    assert_eq!(window.state().state.view, View::Reports);
    assert_eq!(
        window.state().state.reports.selected(),
        Some("late-shipments")
    );
}
