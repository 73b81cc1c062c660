//! The Reports view.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use eframe::egui::accesskit::Role;
use eframe::egui::{self, Key, Modifiers};
use egui_kittest::kittest::{NodeT, Queryable};
use lookaside::app::command::Command;
use lookaside::app::event::Event;
use lookaside::app::state::TaskId;
use lookaside::app::views::reports::{self, Command as Asked};
use lookaside::engine::{EntryState, Freshness, Mode, Outcome};
use lookaside::report::{ParamType, Value};

use lookaside::table::Table;

use crate::app_policy::retype;
use crate::app_shell::{
    Window, about, answered, answered_with, blank, open, table, window, workspace,
};

/// What the view asked for, in order.
pub(crate) fn asked(window: &Window) -> Vec<String> {
    window
        .state()
        .asked
        .iter()
        .map(|command| format!("{command:?}"))
        .collect()
}

#[test]
fn without_reports_the_view_says_how_to_get_one() {
    let mut state = open();
    state.reports.open(&lookaside::workspace::Workspace {
        reports: Vec::new(),
        broken: Vec::new(),
        ..workspace()
    });
    let mut window = window(state, [1280.0, 800.0], true);
    assert!(window.query_by_label("No reports yet").is_some());
    window
        .get_all_by_label("New report")
        .last()
        .unwrap_or_else(|| panic!("a button"))
        .click();
    window.run_steps(3);
    assert!(window.get_by_label("SQL of the report").is_focused());
    assert!(window.query_by_label("An empty report").is_some());
}

#[test]
fn a_report_that_was_not_run_says_so() {
    let window = window(open(), [1280.0, 800.0], true);
    assert!(window.query_by_label("Not run yet").is_some());
    assert!(window.query_by_label("TTL left 41 min 12 s").is_some());
    assert!(
        window
            .query_by_label("Size 64.2 KB, 5.1x smaller")
            .is_some()
    );
    assert!(window.query_by_label("Hit ratio 80.0 %").is_some());
}

#[test]
fn answers_of_other_reports_make_room() {
    let mut state = open();
    let names = ["monthly-revenue", "top-customers", "late-shipments"];
    for (i, name) in (7..).zip(names) {
        state.reports.select(name);
        // A hundred times the same batch counts a hundred times and costs once.
        let part = table(30_000);
        let table = Arc::new(Table {
            schema: part.schema.clone(),
            batches: vec![part.batches[0].clone(); 100],
        });
        let (task, now) = (TaskId(i), state.clock.now);
        state.reports.started(task, &Mode::Cached, now);
        let about = about(&table, Outcome::Hit, None);
        state.apply(Event::Reports(reports::Event::About { task, about }));
        let left_out = 0;
        state.apply(Event::Reports(reports::Event::Rows {
            task,
            table,
            left_out,
        }));
        state.apply(Event::Ended(task));
    }
    let mut kept = Vec::new();
    for name in names {
        state.reports.select(name);
        kept.push(state.reports.has_rows());
    }
    assert_eq!(kept, [false, true, true], "the oldest one went");
    state.reports.select(names[0]);
    let window = window(state, [1280.0, 800.0], true);
    assert!(window.query_by_label("Run it again").is_some());
}

#[test]
fn a_column_grows_for_what_comes_later() {
    let width_of = |rows: i64| {
        let numbers = Int64Array::from_iter_values(0..rows);
        let batch = RecordBatch::try_from_iter([("n", Arc::new(numbers) as ArrayRef)]);
        let batch = batch.unwrap_or_else(|error| panic!("{error}"));
        let table = Arc::new(Table {
            schema: batch.schema(),
            batches: vec![batch],
        });
        let window = window(
            answered_with(open(), table, Outcome::Hit, None),
            [1280.0, 800.0],
            true,
        );
        let title = window.get_by_role_and_label(Role::ColumnHeader, "n");
        title.rect().width()
    };
    assert!(width_of(10_000_000) > width_of(60) + 10.0);
}

#[test]
fn a_running_report_shows_its_time_and_can_be_cancelled() {
    let mut state = open();
    let now = state.clock.now;
    state.reports.started(TaskId(7), &Mode::Uncached, now);
    state.clock.now += std::time::Duration::from_secs(3);
    let mut window = window(state, [1280.0, 800.0], true);
    assert!(window.query_all_by_label("Running").next().is_some());
    assert!(window.query_by_label("3.0 s").is_some());
    window.get_by_label("Cancel").click();
    window.run_steps(2);
    assert_eq!(asked(&window), ["Cancel(TaskId(7))"]);
}

#[test]
fn an_answer_is_shown_with_its_outcome() {
    let mut window = window(
        answered(open(), 2112, Outcome::Hit, None),
        [1280.0, 800.0],
        true,
    );
    assert!(window.query_by_label("Hit").is_some());
    assert!(window.query_by_label("2,112").is_some());
    assert!(
        window
            .query_by_label_contains("cache 2.6, decode 1.1")
            .is_some()
    );
    assert!(
        window
            .query_by_label_contains("Brazil, 1995-01, 0, 0.00")
            .is_some()
    );
    // The grid only makes the rows that are seen.
    assert!(window.query_all_by_role(Role::Row).count() < 60);
    window
        .get_by_role_and_label(Role::ColumnHeader, "revenue")
        .click();
    window.run_steps(2);
    assert_eq!(asked(&window), ["Reports(Order)"]);
    assert!(
        window
            .query_by_role_and_label(Role::ColumnHeader, "revenue, sorted downwards")
            .is_some()
    );
}

#[test]
fn a_stale_answer_says_why() {
    let reason = "orders changed 14 s ago; a refresh is queued";
    let window = window(
        answered(open(), 10, Outcome::StaleHit, Some(reason)),
        [1280.0, 800.0],
        false,
    );
    assert!(window.query_by_label("Stale hit").is_some());
    assert!(
        window
            .query_by_label("Orders changed 14 s ago; a refresh is queued")
            .is_some()
    );
}

#[test]
#[allow(clippy::unwrap_used)]
fn what_the_database_says_stands_above_the_rows() {
    let mut state = answered(open(), 10, Outcome::Miss, None);
    let answer = state.reports.pane_mut().unwrap().answer.as_mut().unwrap();
    let said = ["low severity 42", "half done", "done", "never mind", "bye"];
    answer.event.as_mut().unwrap().notices = said.map(ToOwned::to_owned).to_vec();
    let window = window(state, [1280.0, 800.0], false);
    for notice in &said[..3] {
        assert!(window.query_by_label(notice).is_some(), "{notice}");
    }
    assert!(window.query_by_label("never mind").is_none());
    assert!(
        window
            .query_by_label("2 more; lookaside run shows them all")
            .is_some()
    );
}

#[test]
fn no_rows_is_an_answer() {
    let window = window(
        answered(open(), 0, Outcome::Miss, None),
        [1280.0, 800.0],
        true,
    );
    assert!(window.query_by_label("No rows").is_some());
    assert!(window.query_by_label_contains("n_name").is_some());
}

#[test]
fn an_error_names_the_place_in_the_sql() {
    let mut state = open();
    let (task, now) = (TaskId(7), state.clock.now);
    state.reports.started(task, &Mode::Cached, now);
    let message = "no such column: n_nme".to_owned();
    state.apply(Event::Reports(reports::Event::Failed {
        task,
        message,
        position: Some((1, 8)),
    }));
    state.apply(Event::Ended(task));
    let window = window(state, [1280.0, 800.0], true);
    assert!(
        window
            .query_by_label("No such column: n_nme (line 1, column 8)")
            .is_some()
    );
}

#[test]
fn a_wrong_parameter_is_told_before_anything_runs() {
    let mut state = open();
    if let Some(pane) = state.reports.pane_mut() {
        pane.values[0] = "1995-13-01".into();
    }
    let mut window = window(state, [1280.0, 800.0], true);
    assert!(
        window
            .query_all_by_label_contains("parameter \"since\"")
            .next()
            .is_some()
    );
    assert!(window.get_by_label("Run").accesskit_node().is_disabled());
    window.key_press_modifiers(Modifiers::COMMAND, Key::Enter);
    window.run_steps(2);
    assert!(window.state().asked.is_empty());
}

#[test]
fn keys_run_export_and_find() {
    let mut window = window(
        answered(open(), 100, Outcome::Hit, None),
        [1280.0, 800.0],
        true,
    );
    window.key_press_modifiers(Modifiers::COMMAND, Key::Enter);
    window.key_press_modifiers(Modifiers::COMMAND | Modifiers::SHIFT, Key::Enter);
    window.key_press_modifiers(Modifiers::COMMAND, Key::E);
    window.run_steps(3);
    assert_eq!(
        asked(&window),
        ["Reports(Run)", "Reports(RunUncached)", "Reports(Export)"]
    );
    window.key_press_modifiers(Modifiers::COMMAND, Key::F);
    window.run_steps(2);
    window.event(egui::Event::Text("Braz".into()));
    window.run_steps(2);
    assert_eq!(
        window
            .state()
            .state
            .reports
            .pane()
            .map(|pane| pane.find.text.as_str()),
        Some("Braz")
    );
    assert!(asked(&window).contains(&"Reports(Order)".to_owned()));
}

#[test]
fn a_new_answer_is_filtered_like_the_one_before() {
    let mut state = answered(open(), 100, Outcome::Hit, None);
    if let Some(pane) = state.reports.pane_mut() {
        pane.find.text = "Braz".into();
    }
    let window = window(
        answered(state, 200, Outcome::Miss, None),
        [1280.0, 800.0],
        true,
    );
    assert_eq!(asked(&window), ["Reports(Order)"]);
}

#[test]
fn the_grid_is_walked_by_keys_and_copied() {
    let mut window = window(
        answered(open(), 1_000_000, Outcome::Hit, None),
        [1280.0, 800.0],
        true,
    );
    window.get_by_label("Result, 1000000 rows").click();
    window.run_steps(2);
    window.key_press(Key::End);
    window.run_steps(3);
    let row = |window: &Window| {
        window
            .state()
            .state
            .reports
            .pane()
            .and_then(|pane| pane.grid.row)
    };
    assert_eq!(row(&window), Some(999_999));
    window.key_press(Key::ArrowUp);
    window.run_steps(2);
    assert_eq!(row(&window), Some(999_998));
    window.event(egui::Event::Copy);
    window.run_steps(2);
    assert!(asked(&window).contains(&"Reports(Copy(Cell))".to_owned()));
}

#[test]
fn a_name_in_the_sql_becomes_a_parameter() {
    let mut state = open();
    state.reports.new_report();
    if let Some(pane) = state.reports.pane_mut() {
        pane.draft.sql =
            "SELECT * FROM orders WHERE o_orderdate >= :day AND o_clerk = :clerk".into();
        pane.sql_edited();
        assert_eq!(
            pane.draft
                .params
                .iter()
                .map(|spec| spec.name.as_str())
                .collect::<Vec<_>>(),
            ["day", "clerk"]
        );
        pane.draft.sql = "SELECT 1 FROM t WHERE c = :clerk".into();
        pane.sql_edited();
        assert_eq!((pane.draft.params.len(), pane.values.len()), (1, 1));
    }
    let window = window(state, [1280.0, 800.0], true);
    assert!(window.query_by_label("Parameter clerk").is_some());
    assert!(window.query_by_label("Type of clerk").is_some());
}

#[test]
fn sql_that_is_typed_anew_keeps_its_parameters() {
    let mut state = open();
    state.reports.new_report();
    let Some(pane) = state.reports.pane_mut() else {
        panic!("a report is open")
    };
    let sql = "SELECT * FROM orders WHERE o_orderdate >= :day AND o_clerk = :clerk";
    pane.draft.sql = sql.into();
    pane.sql_edited();
    pane.draft.params[0].kind = ParamType::Date;
    pane.draft.params[0].default = Some(Value::Text("1995-01-01".into()));
    pane.values = vec!["1996-02-29".into(), "Clerk#1".into()];
    let before = (pane.draft.params.clone(), pane.values.clone());
    // Select all, and type: after each letter the parameters are those that are named so far.
    for end in 1..=sql.len() {
        pane.draft.sql = sql[..end].into();
        pane.sql_edited();
    }
    assert_eq!((pane.draft.params.clone(), pane.values.clone()), before);
}

#[test]
fn an_empty_text_without_a_default_needs_a_value() {
    let mut state = open();
    state.reports.new_report();
    if let Some(pane) = state.reports.pane_mut() {
        pane.draft.sql = "SELECT * FROM orders WHERE o_clerk = :clerk".into();
        pane.sql_edited();
    }
    let mut window = window(state, [1280.0, 800.0], true);
    let cannot_run = |window: &Window| window.get_by_label("Run").accesskit_node().is_disabled();
    assert!(window.query_by_label("Needs values").is_some());
    assert!(cannot_run(&window));
    retype(&mut window, "Parameter clerk", "Clerk#1");
    assert!(window.query_by_label("Needs values").is_none());
    assert!(!cannot_run(&window));
    retype(&mut window, "Parameter clerk", "");
    assert!(cannot_run(&window));
    // A default that is empty says that an empty text is meant.
    if let Some(pane) = window.state_mut().state.reports.pane_mut() {
        pane.draft.params[0].default = Some(Value::Text(String::new()));
    }
    window.run_steps(2);
    assert!(!cannot_run(&window));
}

#[test]
fn an_edited_report_is_marked_in_the_list() {
    let mut window = window(open(), [1280.0, 800.0], true);
    let mark = |window: &Window| {
        let row = window.get_by_role_and_label(Role::ListItem, "monthly-revenue");
        row.accesskit_node().description()
    };
    assert_eq!(mark(&window), None);
    if let Some(pane) = window.state_mut().state.reports.pane_mut() {
        pane.draft.ttl = Duration::from_secs(7);
    }
    window.run_steps(2);
    assert_eq!(mark(&window).as_deref(), Some("edited, not saved"));
}

#[test]
fn without_a_file_save_says_so() {
    let mut state = open();
    state.reports.has_file = false;
    let mut window = window(state, [1280.0, 800.0], true);
    window.key_press_modifiers(Modifiers::COMMAND, Key::S);
    window.run_steps(3);
    assert!(window.state().asked.is_empty());
    let toasts = &window.state().state.toasts;
    assert!(toasts[0].text.contains("no file to save to"));
    assert!(toasts[0].text.contains("lookaside demo --load"));

    window.get_by_label("Policy").click();
    window.run_steps(3);
    window.get_by_label("Remove report").click();
    window.run_steps(3);
    assert!(
        window.state().asked.is_empty(),
        "there is none to change either"
    );
    assert_eq!(window.state().state.toasts.len(), 2);
}

#[test]
fn the_key_leads_to_keys_and_no_cache_says_so() {
    let mut window = window(open(), [1280.0, 800.0], true);
    window.get_by_label("Key …e:9f2c41d8").click();
    window.run_steps(2);
    assert_eq!(window.state().state.view.name(), "Keys");

    let mut state = open();
    let unknown = |wanted: reports::Wanted| {
        let reason = "127.0.0.1:6379 refused the connection; is Redis running?".to_owned();
        let entry = EntryState {
            state: Freshness::Unknown,
            reason,
            redis_key: String::new(),
            age: None,
            ttl: None,
            rows: None,
            bytes: None,
            raw_bytes: None,
            chunks: None,
            written_by: None,
            refreshed_because: None,
            created_at: None,
            query_time: None,
            sha256: None,
            tables: Vec::new(),
            views: std::collections::BTreeMap::new(),
            any_change: None,
            detector: None,
            last_failure: None,
        };
        (wanted, entry)
    };
    let entries = state.reports.wanted().into_iter().map(unknown).collect();
    state.apply(Event::Reports(reports::Event::Entries(entries)));
    let window = crate::app_shell::window(state, [1280.0, 800.0], false);
    assert!(window.query_by_label("No cache").is_some());
    assert!(
        window
            .query_by_label_contains("refused the connection")
            .is_some()
    );
}

#[test]
fn rows_of_a_task_that_is_not_waited_for_are_dropped() {
    let mut state = open();
    let (task, table) = (TaskId(55), table(10));
    let about = about(&table, Outcome::Hit, None);
    state.apply(Event::Reports(reports::Event::About { task, about }));
    state.apply(Event::Reports(reports::Event::Rows {
        task,
        table,
        left_out: 0,
    }));
    assert!(!state.reports.has_rows());
}

#[test]
fn the_export_dialog_writes_with_the_guard_on() {
    let mut state = answered(open(), 100, Outcome::Hit, None);
    state.reports.export = Some(reports::ExportDialog::new(
        "/tmp/monthly-revenue.csv".into(),
    ));
    let mut window = window(state, [1280.0, 800.0], true);
    window.run_steps(2);
    let guard = window.get_by_label("Guard against formulas");
    assert_eq!(
        guard.accesskit_node().toggled(),
        Some(egui::accesskit::Toggled::True)
    );
    window.get_by_label("Write file").click();
    window.run_steps(2);
    assert!(matches!(
        window.state().asked.as_slice(),
        [Command::Reports(Asked::WriteFile)]
    ));
    let task = TaskId(9);
    if let Some(export) = &mut window.state_mut().state.reports.export {
        export.writing = Some(task);
    }
    let error = "there is no space left; nothing was written".to_owned();
    window
        .state_mut()
        .state
        .apply(Event::Reports(reports::Event::ExportFailed { task, error }));
    window.run_steps(2);
    assert!(
        window
            .query_by_label("there is no space left; nothing was written")
            .is_some()
    );
    window.get_by_label("Close the export").click();
    window.run_steps(2);
    assert!(window.state().state.reports.export.is_none());
}

fn export_dialog() -> Window {
    let mut state = answered(open(), 100, Outcome::Hit, None);
    state.reports.export = Some(reports::ExportDialog::new(
        "/tmp/monthly-revenue.csv".into(),
    ));
    let mut window = window(state, [1280.0, 800.0], true);
    window.run_steps(3);
    window
}

#[test]
fn the_export_dialog_has_the_keyboard() {
    let mut window = export_dialog();
    assert!(window.get_by_label("File").is_focused());
    window.key_press(Key::Enter);
    window.run_steps(2);
    assert_eq!(asked(&window), ["Reports(WriteFile)"]);

    let mut window = export_dialog();
    window.key_press(Key::Escape);
    window.run_steps(2);
    assert!(window.state().state.reports.export.is_none());
    assert!(window.state().asked.is_empty());

    // While it writes, Escape ends the writing and not only the dialog.
    let mut window = export_dialog();
    if let Some(export) = &mut window.state_mut().state.reports.export {
        export.writing = Some(TaskId(9));
    }
    window.run_steps(2);
    window.key_press(Key::Escape);
    window.run_steps(2);
    assert_eq!(asked(&window), ["Cancel(TaskId(9))"]);
    assert!(window.state().state.reports.export.is_some());
}

#[test]
fn the_ending_of_the_file_is_the_format() {
    let mut window = export_dialog();
    window.get_by_label("Parquet").click();
    window.run_steps(2);
    let path = |window: &Window| {
        let export = window.state().state.reports.export.as_ref();
        export.map(|export| export.path.clone()).unwrap_or_default()
    };
    assert_eq!(path(&window), "/tmp/monthly-revenue.parquet");
    assert!(window.query_by_label("Guard against formulas").is_none());
    window.get_by_label("CSV").click();
    window.run_steps(2);
    assert_eq!(path(&window), "/tmp/monthly-revenue.csv");
    assert!(window.query_by_label("Guard against formulas").is_some());
}

#[test]
fn a_file_that_is_there_is_replaced_only_when_asked_twice() {
    let mut window = export_dialog();
    let task = TaskId(9);
    if let Some(export) = &mut window.state_mut().state.reports.export {
        export.writing = Some(task);
    }
    let taken = Event::Reports(reports::Event::FileTaken { task });
    window.state_mut().state.apply(taken);
    window.run_steps(2);
    assert!(window.query_by_label_contains("there already").is_some());
    window.get_by_label("Replace file").click();
    window.run_steps(4);
    assert_eq!(asked(&window), ["Reports(WriteFile)"]);
    let export = window.state().state.reports.export.as_ref();
    assert!(export.is_some_and(|export| export.replace && !export.taken));
    window.get_by_label("JSON").click();
    window.run_steps(2);
    let export = window.state().state.reports.export.as_ref();
    assert!(export.is_some_and(|export| !export.replace));
}

#[test]
fn a_dialog_hides_the_tooltips_under_it() {
    for open_dialog in [Key::E, Key::K] {
        let mut window = window(
            answered(open(), 100, Outcome::Hit, None),
            [1280.0, 800.0],
            true,
        );
        window
            .get_by_role_and_label(Role::ColumnHeader, "revenue")
            .hover();
        window.run_steps(6);
        assert!(window.query_by_label("Counting...").is_some());
        window.key_press_modifiers(Modifiers::COMMAND, open_dialog);
        window.run_steps(1);
        if open_dialog == Key::E {
            let dialog = reports::ExportDialog::new("/tmp/x.csv".into());
            window.state_mut().state.reports.export = Some(dialog);
        }
        window.run_steps(4);
        assert!(window.query_by_label("Counting...").is_none());
    }
}

#[test]
fn a_missing_value_is_no_state_of_an_entry() {
    let mut state = open();
    if let Some(pane) = state.reports.pane_mut() {
        pane.values[0].clear();
    }
    let window = window(state, [1280.0, 800.0], true);
    assert!(window.query_by_label("Needs values").is_some());
    assert!(window.query_by_label_contains("TTL left").is_none());
    assert!(
        window
            .get_by_label("Show in Keys")
            .accesskit_node()
            .is_disabled()
    );
    assert_eq!(window.state().state.reports.entry_key(), None);
}

#[test]
fn a_new_report_is_listed_under_the_name_it_was_given() {
    let mut state = open();
    state.reports.new_report();
    if let Some(pane) = state.reports.pane_mut() {
        pane.draft.name = "slow-orders".into();
    }
    let mut window = window(state, [1280.0, 800.0], true);
    assert!(
        window
            .query_by_role_and_label(Role::ListItem, "slow-orders")
            .is_some()
    );
    assert!(
        window
            .query_by_role_and_label(Role::ListItem, "new-report")
            .is_none()
    );
    window.get_by_label("Discard").click();
    window.run_steps(2);
    assert_eq!(
        window.state().state.reports.selected(),
        Some("monthly-revenue")
    );
    assert_eq!(window.state().state.reports.drafts().count(), 0);
}

#[test]
fn looks_of_the_export_dialog() {
    export_dialog().snapshot("export-dark");
}

#[test]
fn nothing_open_shows_connect_instead() {
    let window = window(blank(), [1280.0, 800.0], true);
    assert!(window.query_by_label("Start the demo").is_some());
}

fn look(dark: bool, size: [f32; 2], name: &str) {
    let mut state = answered(open(), 2112, Outcome::Hit, None);
    if let Some(pane) = state.reports.pane_mut() {
        pane.grid.select(4);
    }
    window(state, size, dark).snapshot(name);
}

#[test]
fn looks_of_reports_dark() {
    look(true, [1280.0, 800.0], "reports-dark");
}

#[test]
fn looks_of_reports_light() {
    look(false, [1280.0, 800.0], "reports-light");
}

#[test]
fn looks_of_reports_small() {
    look(true, [1024.0, 640.0], "reports-small");
}
