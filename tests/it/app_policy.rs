//! The policy of a report, edited in the window.

use std::sync::Arc;
use std::time::{Duration, Instant};

use eframe::egui::accesskit::Role;
use eframe::egui::{self, Key, Modifiers};
use egui_kittest::kittest::{NodeT, Queryable};
use lookaside::report::{ParamType, Refresh, Value};

use crate::app_reports::asked;
use crate::app_shell::{Window, open, window, workspace};

fn policy() -> Window {
    let mut window = window(open(), [1280.0, 800.0], true);
    window.get_by_label("Policy").click();
    window.run_steps(3);
    window
}

/// Replaces the text of a field.
pub(crate) fn retype(window: &mut Window, field: &str, text: &str) {
    window.get_by_role_and_label(Role::TextInput, field).focus();
    window.run_steps(2);
    window.key_press_modifiers(Modifiers::COMMAND, Key::A);
    window.run_steps(1);
    if text.is_empty() {
        window.key_press(Key::Delete);
    } else {
        window.event(egui::Event::Text(text.into()));
    }
    window.run_steps(2);
}

#[test]
fn a_policy_is_edited_and_saved() {
    let mut window = policy();
    retype(&mut window, "TTL", "90m");
    retype(&mut window, "Stale for", "0s");
    retype(&mut window, "Tables", " orders ,lineitem, ");
    retype(&mut window, "Time limit", "30s");
    retype(&mut window, "Default of since", "1996-02-29");
    let draft = |window: &Window| {
        let pane = window.state().state.reports.pane();
        pane.map_or_else(
            || panic!("a report is open"),
            |pane| (pane.draft.clone(), pane.values.clone()),
        )
    };
    let (report, values) = draft(&window);
    assert_eq!(report.ttl, Duration::from_mins(90));
    assert_eq!(report.stale_for, Duration::ZERO);
    assert_eq!(
        report.tables,
        Some(vec!["orders".to_owned(), "lineitem".into()])
    );
    assert_eq!(report.timeout, Some(Duration::from_secs(30)));
    assert_eq!(
        report.params[0].default.as_ref().map(Value::text),
        Some("1996-02-29".into())
    );
    assert_eq!(values[0], "1996-02-29", "the value went with its default");
    window.key_press_modifiers(Modifiers::COMMAND, Key::S);
    window.run_steps(2);
    assert_eq!(asked(&window), ["Reports(Save)"]);

    retype(&mut window, "Tables", "");
    retype(&mut window, "Default of since", "");
    let (report, _) = draft(&window);
    assert_eq!((report.tables, &report.params[0].default), (None, &None));
}

#[test]
fn a_policy_that_will_not_do_says_what_would_and_is_not_saved() {
    let mut window = policy();
    let before = window
        .state()
        .state
        .reports
        .pane()
        .map(|pane| pane.draft.ttl);
    retype(&mut window, "TTL", "soon");
    assert!(
        window
            .query_by_label_contains("such as 5m or 1h 30m")
            .is_some()
    );
    assert_eq!(
        window
            .state()
            .state
            .reports
            .pane()
            .map(|pane| pane.draft.ttl),
        before
    );
    assert!(
        window
            .get_by_label("Save report")
            .accesskit_node()
            .is_disabled()
    );
    window.key_press_modifiers(Modifiers::COMMAND, Key::S);
    window.run_steps(2);
    assert!(window.state().asked.is_empty());
    retype(&mut window, "TTL", "0s");
    assert!(window.query_by_label_contains("longer than zero").is_some());
    retype(&mut window, "Default of since", "1996-02-30");
    window.get_by_label("Revert").click();
    window.run_steps(3);
    assert!(window.query_by_label_contains("longer than zero").is_none());
    let pane = window.state().state.reports.pane();
    assert!(pane.is_some_and(|pane| !pane.is_changed()));
}

fn type_letters(window: &mut Window, field: &str, text: &str) {
    retype(window, field, "");
    for letter in text.chars() {
        window.event(egui::Event::Text(letter.into()));
        window.run_steps(2);
    }
}

/// The default and the value of the first parameter.
fn first_param(window: &Window) -> (Option<String>, String) {
    let pane = window.state().state.reports.pane();
    pane.map_or_else(
        || panic!("a report is open"),
        |pane| {
            let default = pane.draft.params[0].default.as_ref();
            (default.map(Value::text), pane.values[0].clone())
        },
    )
}

#[test]
fn a_value_goes_with_whole_defaults_only() {
    let mut window = policy();
    if let Some(pane) = window.state_mut().state.reports.pane_mut() {
        pane.draft.params[0].kind = ParamType::Integer;
        pane.draft.params[0].default = Some(Value::Integer(7));
        pane.values[0] = "7".into();
    }
    window.run_steps(2);
    type_letters(&mut window, "Default of since", "2024");
    assert_eq!(first_param(&window), (Some("2024".into()), "2024".into()));
    type_letters(&mut window, "Default of since", "1995-01-31");
    assert_eq!(
        first_param(&window),
        (Some("7".into()), "7".into()),
        "\"1995\" was on the way to something that is no integer"
    );
}

#[test]
fn a_value_that_was_typed_stays_while_a_default_passes_it() {
    let mut window = policy();
    if let Some(pane) = window.state_mut().state.reports.pane_mut() {
        pane.draft.params[0].kind = ParamType::Text;
        pane.values[0] = "2024".into();
    }
    window.run_steps(2);
    type_letters(&mut window, "Default of since", "2024-01");
    assert_eq!(
        first_param(&window),
        (Some("2024-01".into()), "2024".into())
    );
}

#[test]
fn a_mistake_moves_no_row() {
    let mut window = policy();
    let below = |window: &Window| {
        let field = window.get_by_role_and_label(Role::TextInput, "Default of since");
        field.rect().top()
    };
    let before = below(&window);
    retype(&mut window, "TTL", "soon");
    assert!(
        window
            .query_by_label_contains("such as 5m or 1h 30m")
            .is_some()
    );
    assert!((below(&window) - before).abs() < 0.5);
}

#[test]
fn a_mistake_does_not_take_the_keyboard_away() {
    let mut window = policy();
    window
        .get_by_role_and_label(Role::TextInput, "Stale for")
        .focus();
    window.run_steps(2);
    window.key_press_modifiers(Modifiers::COMMAND, Key::A);
    // "9" is no time, "90m" is one.
    for letter in ["9", "0", "m"] {
        window.event(egui::Event::Text(letter.into()));
        window.run_steps(2);
    }
    let stale_for = |window: &Window| {
        let pane = window.state().state.reports.pane();
        pane.map(|pane| pane.draft.stale_for)
    };
    assert_eq!(stale_for(&window), Some(Duration::from_mins(90)));
    retype(&mut window, "TTL", "9");
    for letter in ["0", "s"] {
        window.event(egui::Event::Text(letter.into()));
        window.run_steps(2);
    }
    let pane = window.state().state.reports.pane();
    assert_eq!(
        pane.map(|pane| pane.draft.ttl),
        Some(Duration::from_secs(90))
    );
}

#[test]
fn a_report_is_put_on_a_schedule() {
    let mut window = policy();
    window
        .get_by_role_and_label(Role::ComboBox, "Refresh")
        .click();
    window.run_steps(2);
    window.get_by_label("On a schedule").click();
    window.run_steps(3);
    retype(&mut window, "Schedule", "15m");
    let pane = window.state().state.reports.pane();
    assert_eq!(
        pane.map(|pane| pane.draft.refresh),
        Some(Refresh::Every(Duration::from_mins(15)))
    );
    retype(&mut window, "Schedule", "10ms");
    assert!(window.query_by_label_contains("at least 1s").is_some());
}

#[test]
fn a_saved_report_is_renamed_and_removed() {
    let mut window = policy();
    retype(&mut window, "Name", "top-customers");
    assert!(
        window
            .query_by_label_contains("Another report is called")
            .is_some()
    );
    retype(&mut window, "Name", "revenue");
    window.key_press_modifiers(Modifiers::COMMAND, Key::S);
    window.run_steps(2);
    assert_eq!(asked(&window), ["Reports(Save)"]);
    let name = |window: &Window| {
        let pane = window.state().state.reports.pane();
        pane.map(|pane| pane.draft.name.clone())
    };
    assert_eq!(name(&window).as_deref(), Some("revenue"));
    window.get_by_label("Revert").click();
    window.run_steps(3);
    assert_eq!(name(&window).as_deref(), Some("monthly-revenue"));

    window.get_by_label("Remove report").click();
    window.run_steps(2);
    assert!(asked(&window).contains(&"Reports(Remove)".to_owned()));
    let reports = &mut window.state_mut().state.reports;
    let workspace = lookaside::workspace::Workspace {
        reports: Vec::new(),
        broken: Vec::new(),
        ..workspace()
    };
    let removed = lookaside::app::views::reports::Event::Removed {
        name: "monthly-revenue".into(),
        workspace: Arc::new(workspace),
    };
    reports.apply(removed, Instant::now());
    assert_eq!(reports.names().count(), 0);
    let drafts: Vec<_> = reports.drafts().map(|(_, name)| name.to_owned()).collect();
    assert_eq!(
        drafts,
        ["monthly-revenue"],
        "what was removed can be saved again"
    );
}

#[test]
fn looks_of_the_policy() {
    policy().snapshot("policy-dark");
}
