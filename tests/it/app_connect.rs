//! The Connect view.

use eframe::egui::accesskit::Role;
use egui_kittest::kittest::{NodeT, Queryable};
use lookaside::app::command::{Command, View};
use lookaside::app::event::Event;
use lookaside::app::memory::Recent;
use lookaside::app::state::{Link, Opening, State, TaskId};
use lookaside::app::views::connect;
use lookaside::app::widgets::{Step, StepState};

use crate::app_shell::{blank, utc, window};

fn step(what: &str, detail: &str, state: StepState) -> Step {
    Step {
        what: what.into(),
        detail: detail.into(),
        state,
    }
}

fn full() -> State {
    let mut state = blank();
    let recent = |name: &str, about: &str, days: i64| Recent {
        path: format!("/srv/{name}/lookaside.toml").into(),
        name: name.into(),
        about: about.into(),
        at: utc(days * 86_400),
    };
    state.connect.recent = vec![
        recent(
            "shop-reports",
            "MariaDB at db.internal, Redis at cache.internal",
            0,
        ),
        recent("finance", "PostgreSQL at sql01, Redis at cache.internal", 3),
        recent("laptop", "SQLite file, embedded cache", 20),
    ];
    state.connect.form.database = "mysql://reader@db.internal:3306/shop".into();
    state.connect.form.password = "correct horse".into();
    state.connect.form.redis = "rediss://cache.internal:6380/0".into();
    state.connect.steps = vec![
        step("db.internal found, port open", "2 ms", StepState::Ok),
        step(
            "Signed in as reader, read-only transaction works",
            "MariaDB 10.11.19",
            StepState::Ok,
        ),
        step(
            "Changes: watermark query",
            "1.0 s",
            StepState::Warning("GRANT REPLICATION SLAVE would bring the binlog.".into()),
        ),
        step("Connecting to Redis", "", StepState::Running),
    ];
    state
}

#[test]
fn the_demo_is_one_click_away() {
    let mut window = window(blank(), [1280.0, 800.0], true);
    assert!(
        window
            .query_by_label("Workspaces that you open are listed here.")
            .is_some()
    );
    window.get_by_label("Start the demo").click();
    window.run_steps(2);
    assert!(
        matches!(window.state().asked.as_slice(), [Command::StartDemo { scale }] if (*scale - 0.1).abs() < 1e-9)
    );
}

#[test]
fn making_the_demo_shows_progress_and_can_be_cancelled() {
    let mut state = blank();
    let task = TaskId(3);
    state.opening = Some(Opening {
        task,
        title: "the demo".into(),
        what: String::new(),
        fraction: None,
    });
    state.apply(Event::Progress {
        task,
        what: "Making lineitem".into(),
        fraction: Some(0.4),
    });
    let mut window = window(state, [1280.0, 800.0], true);
    let bar = window.get_by_role_and_label(Role::ProgressIndicator, "Making lineitem");
    assert_eq!(
        bar.accesskit_node().numeric_value().map(f64::round),
        Some(40.0)
    );
    window.get_by_label("Cancel opening").click();
    window.run_steps(2);
    assert!(matches!(
        window.state().asked.as_slice(),
        [Command::Cancel(TaskId(3))]
    ));
    let error =
        "there is no redis-server on this machine; install it with apt-get install redis-server"
            .to_owned();
    window.state_mut().state.apply(Event::OpenFailed {
        task,
        error: error.clone(),
    });
    window.run_steps(2);
    assert!(window.query_by_label(&error).is_some());
    assert!(window.query_by_label("Start the demo").is_some());
}

#[test]
fn recent_workspaces_open_by_a_click() {
    let mut window = window(full(), [1280.0, 800.0], false);
    window
        .get_by_role_and_label(Role::ListItem, "finance")
        .click();
    window.run_steps(2);
    assert!(
        matches!(window.state().asked.as_slice(), [Command::OpenWorkspace(path)] if path.ends_with("finance/lookaside.toml"))
    );
}

#[test]
fn a_connection_is_tested_step_by_step() {
    let mut window = window(full(), [1280.0, 800.0], true);
    window.get_by_label("Test the connection").click();
    window.run_steps(2);
    assert!(matches!(
        window.state().asked.as_slice(),
        [Command::Connect(connect::Command::Test)]
    ));
    let task = TaskId(4);
    window.state_mut().state.connect.testing = Some(task);
    let failed = StepState::Failed(
        "reader was refused: wrong password; check it, or the user's rights".into(),
    );
    let steps = vec![
        step("db.internal found, port open", "2 ms", StepState::Ok),
        step("Sign in", "", failed),
    ];
    let event = connect::Event::Steps { task, steps };
    window.state_mut().state.apply(Event::Connect(event));
    window.run_steps(2);
    assert!(window.query_by_label("Sign in failed").is_some());
    assert!(window.query_by_label_contains("wrong password").is_some());
    assert!(
        window
            .get_by_label("Connect")
            .accesskit_node()
            .is_disabled()
    );
    let event = connect::Event::Tested { task, works: true };
    window.state_mut().state.apply(Event::Connect(event));
    window.state_mut().state.apply(Event::Ended(task));
    window.run_steps(2);
    assert!(window.query_by_label("Both connections work.").is_some());
}

#[test]
fn another_url_makes_the_test_void() {
    let mut state = full();
    state.connect.works = true;
    let mut window = window(state, [1280.0, 800.0], true);
    window
        .get_by_role_and_label(Role::TextInput, "Redis")
        .focus();
    window.run_steps(2);
    window.event(eframe::egui::Event::Text("1".into()));
    window.run_steps(2);
    assert!(!window.state().state.connect.works);
    assert!(window.state().state.connect.steps.is_empty());
}

#[test]
fn looks_of_connect_dark() {
    window(full(), [1280.0, 800.0], true).snapshot("connect-dark");
}

#[test]
fn looks_of_connect_light() {
    window(full(), [1280.0, 800.0], false).snapshot("connect-light");
}

#[test]
fn looks_of_connect_small() {
    window(blank(), [1024.0, 640.0], true).snapshot("connect-small");
}

#[test]
fn connect_without_a_keyring_goes_on_for_this_session() {
    let mut state = full();
    state.connect.testing = Some(TaskId(3));
    let mut window = window(state, [1280.0, 800.0], true);
    for field in ["Database password", "Redis password"] {
        window.get_by_role_and_label(Role::PasswordInput, field);
    }
    let error = "The password cannot be kept: this system's keyring does not answer".to_owned();
    let event = connect::Event::NoKeyring {
        task: TaskId(3),
        error: error.clone(),
    };
    window.state_mut().state.apply(Event::Connect(event));
    window.run_steps(3);
    assert!(window.query_by_label(&error).is_some());
    assert!(window.state().state.connect.form.session_only);
    window.get_by_label("For this session only");
}

#[test]
fn connection_without_a_password_that_is_refused_asks_for_one() {
    let mut state = crate::app_shell::open();
    state.view = View::Connect;
    let mut workspace = crate::app_shell::workspace();
    workspace.path = None;
    if let Some(open) = &mut state.open {
        open.workspace = std::sync::Arc::new(workspace);
        open.cache = Link::Down("NOAUTH Authentication required".into());
    }
    let mut window = window(state, [1280.0, 800.0], false);
    let field = (Role::PasswordInput, "Password of Redis");
    window.get_by_role_and_label(field.0, field.1).focus();
    window.run_steps(2);
    window
        .get_by_role_and_label(field.0, field.1)
        .type_text("geheim");
    window.run_steps(2);
    window.get_by_label("Connect for this session").click();
    window.run_steps(2);
    let asked = window.state().asked.last();
    let Some(Command::Connect(connect::Command::UsePasswords(given))) = asked else {
        panic!("{asked:?}")
    };
    let given_to = ("redis://127.0.0.1:6379/0".to_owned(), "geheim".to_owned());
    assert_eq!(given, &[given_to]);
}
