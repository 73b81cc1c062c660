//! The window's frame: rail, palette, status line, themes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, Decimal128Array, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use chrono::{DateTime, TimeDelta, Utc};
use eframe::egui::{self, Key, Modifiers};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use lookaside::app::command::{Command, Commands, ThemeChoice, View};
use lookaside::app::event::Event;
use lookaside::app::state::{Clock, DemoInfo, Link, Open, Opening, Running, State, TaskId};
use lookaside::app::theme::Tone;
use lookaside::app::views::reports;
use lookaside::app::{frame, theme};
use lookaside::demo::reports_for;
use lookaside::engine::{
    About, Caller, EntryState, Event as Logged, Freshness, Mode, Outcome, RequestEvent, Stages,
};
use lookaside::report::{Dialect, EntryKey, Report};
use lookaside::table::Table;
use lookaside::worker::{Queued, Role, Status, Watch};
use lookaside::workspace::{CacheConfig, ConnectionUrl, SourceConfig, Workspace};

/// What a test looks at: the state, and what the views asked for.
pub(crate) struct Screen {
    pub(crate) state: State,
    pub(crate) asked: Vec<Command>,
}

pub(crate) type Window = Harness<'static, Screen>;

/// The whole window over `state`, without tasks: commands that need one are only noted.
pub(crate) fn window(state: State, size: [f32; 2], dark: bool) -> Window {
    let mut commands = Commands::default();
    let theme = if dark {
        egui::Theme::Dark
    } else {
        egui::Theme::Light
    };
    let mut harness = Harness::builder()
        .with_size(size)
        .with_theme(theme)
        .with_context_setup(theme::install)
        .build_ui_state(
            move |ui: &mut egui::Ui, screen: &mut Screen| {
                screen.state.dark_now = ui.visuals().dark_mode;
                frame::show(ui, &mut screen.state, &mut commands);
                for command in commands.take() {
                    if let Some(command) = screen.state.handle(command) {
                        screen.asked.push(command);
                    }
                }
            },
            Screen {
                state,
                asked: Vec::new(),
            },
        );
    harness.run_steps(3);
    harness
}

/// An empty state at a fixed time.
pub(crate) fn blank() -> State {
    State {
        clock: Clock {
            now: Instant::now(),
            utc: utc(0),
        },
        ..State::default()
    }
}

/// A moment, seconds before a fixed one.
pub(crate) fn utc(seconds_before: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_435_200, 0).unwrap_or_default()
        - TimeDelta::seconds(seconds_before)
}

/// The demo's reports over a cache and a source that are not there.
pub(crate) fn workspace() -> Workspace {
    Workspace {
        name: "shop-reports".into(),
        path: Some("/srv/shop-reports/lookaside.toml".into()),
        cache: CacheConfig {
            url: ConnectionUrl::new("redis://127.0.0.1:6379/0"),
            prefix: "lookaside".into(),
            memory: 0,
        },
        sources: BTreeMap::from([(
            "shop".to_owned(),
            SourceConfig::new("shop", "sqlite:/srv/shop.db"),
        )]),
        reports: reports_for(Dialect::Sqlite, "shop"),
        broken: Vec::new(),
    }
}

/// A state with an open workspace, a worker and a log.
pub(crate) fn open() -> State {
    let mut state = blank();
    state.opening = Some(Opening {
        task: TaskId(1),
        title: "shop".into(),
        what: String::new(),
        fraction: None,
    });
    let mut open = Open::new(Arc::new(workspace()));
    open.cache = Link::Up("Redis 7.0.15".into());
    open.sources
        .insert("shop".into(), Link::Up("SQLite 3.49.1".into()));
    open.worker = Some(Arc::new(status()));
    open.demo = Some(DemoInfo {
        orders_per_minute: 6,
        inserted: 12,
    });
    state.apply(Event::Opened {
        task: TaskId(1),
        open: Box::new(open),
    });
    state.toasts.clear();
    state.log.extend((0..40).flat_map(|i| {
        let outcome = if i % 5 == 0 {
            Outcome::Miss
        } else {
            Outcome::Hit
        };
        [Arc::new(Logged::Request(request(
            "monthly-revenue",
            outcome,
            i,
        )))]
    }));
    state.log.extend([Arc::new(Logged::Request(request(
        "top-customers",
        Outcome::Miss,
        1,
    )))]);
    let entries = state.reports.wanted().into_iter().map(|wanted| {
        let entry = entry(&wanted.report);
        (wanted, entry)
    });
    let entries = reports::Event::Entries(entries.collect());
    state.apply(Event::Reports(entries));
    state
}

fn status() -> Status {
    Status {
        sources: vec![Watch {
            source: "shop".into(),
            detector: None,
            role: Role::Leader(utc(4000)),
            tables: vec!["lineitem".into(), "nation".into(), "orders".into()],
            last_change: Some(utc(90)),
            last_heartbeat: Some(utc(0)),
            audit: lookaside::cache::AuditTotals::default(),
        }],
        queue: vec![Queued {
            source: "shop".into(),
            report: "supplier-scorecard".into(),
            params: String::new(),
            key: "00".into(),
            reason: lookaside::engine::Reason::Changed,
            why: "changed: orders".into(),
            started: Some(utc(12)),
            cost: Some(Duration::from_secs(33)),
            demand: 1.0,
        }],
        paused: false,
        failing: Vec::new(),
    }
}

/// A request as the log has it.
pub(crate) fn request(report: &str, outcome: Outcome, i: i64) -> RequestEvent {
    let cached = outcome == Outcome::Hit;
    let stages = Stages {
        total_ms: if cached {
            5.8 + (i % 7) as f64 * 0.3
        } else {
            38_200.0 + (i * 37 % 900) as f64
        },
        cache_ms: if cached { 2.6 } else { 0.4 },
        decode_ms: if cached { 1.1 } else { 0.0 },
        query_ms: if cached { 0.0 } else { 38_000.0 },
        ..Stages::default()
    };
    RequestEvent {
        at: utc(60 * (40 - i)),
        report: report.into(),
        key: "9f2c41d8".repeat(8),
        params: String::new(),
        outcome,
        reason: None,
        caller: Caller::Window,
        rows: 2112,
        bytes: 65_741,
        stages,
        sha256: None,
        from_memory: false,
        notices: Vec::new(),
        error: None,
    }
}

fn entry(report: &Report) -> EntryState {
    let state = match report.name.as_str() {
        "late-shipments" => Freshness::Stale,
        "stock-cover" => Freshness::Missing,
        _ => Freshness::Fresh,
    };
    let reason = match state {
        Freshness::Stale => "lineitem changed 14 s ago; a refresh is queued.",
        Freshness::Missing => "Nobody has run it yet.",
        _ => {
            "no change of lineitem, nation and orders up to 0.4 s ago, says the detector of shop (SQLite data_version)"
        }
    };
    EntryState {
        state,
        reason: reason.into(),
        redis_key: format!("lookaside:{{shop}}:e:{}", "9f2c41d8".repeat(8)),
        age: Some(Duration::from_secs(1128)),
        ttl: Some(Duration::from_secs(2472)),
        rows: Some(2112),
        bytes: Some(65_741),
        raw_bytes: Some(335_000),
        chunks: Some(1),
        written_by: Some("worker, changed".into()),
        refreshed_because: Some(
            "changed: orders, committed 20:41:12 UTC, seen 35 ms later by SQLite data_version"
                .into(),
        ),
        created_at: Some(utc(1128)),
        query_time: Some(Duration::from_millis(38_200)),
        sha256: None,
        tables: vec!["lineitem".into(), "nation".into(), "orders".into()],
        views: BTreeMap::from([(
            "order_facts".to_owned(),
            vec![
                "orders".to_owned(),
                "lineitem".to_owned(),
                "nation".to_owned(),
            ],
        )]),
        any_change: None,
        detector: Some("SQLite data_version, 50 ms".into()),
        last_failure: None,
    }
}

/// A result like that of monthly-revenue.
pub(crate) fn table(rows: usize) -> Arc<Table> {
    let schema = Arc::new(Schema::new(vec![
        Field::new("n_name", DataType::Utf8, false),
        Field::new("month", DataType::Utf8, false),
        Field::new("orders", DataType::Int64, false),
        Field::new("revenue", DataType::Decimal128(15, 2), false),
        Field::new("share", DataType::Float64, false),
        Field::new("region", DataType::Utf8, true),
    ]));
    let names = [
        "Brazil",
        "Canada",
        "China",
        "Egypt",
        "Ethiopia",
        "France",
        "Germany",
        "India",
        "Indonesia",
        "Iran",
    ];
    let numbers = || (0..rows).map(|row| (row * 7919) % 10_007);
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(
            (0..rows).map(|row| names[row % names.len()]),
        )),
        Arc::new(StringArray::from_iter_values(
            (0..rows).map(|row| format!("1995-{:02}", row % 12 + 1)),
        )),
        Arc::new(Int64Array::from_iter_values(numbers().map(|n| n as i64))),
        Arc::new(
            Decimal128Array::from_iter_values(numbers().map(|n| n as i128 * 89_731))
                .with_precision_and_scale(15, 2)
                .unwrap_or_else(|error| panic!("{error}")),
        ),
        Arc::new(Float64Array::from_iter_values(
            numbers().map(|n| n as f64 / 1000.0),
        )),
        Arc::new(
            (0..rows)
                .map(|row| (row % 4 != 3).then_some(["AM", "EU", "AS"][row % 3]))
                .collect::<StringArray>(),
        ),
    ];
    let batch =
        RecordBatch::try_new(schema.clone(), columns).unwrap_or_else(|error| panic!("{error}"));
    Arc::new(Table {
        schema,
        batches: vec![batch],
    })
}

/// How an answer was come by.
pub(crate) fn about(table: &Table, outcome: Outcome, reason: Option<&str>) -> About {
    About {
        outcome,
        reason: reason.map(str::to_owned),
        key: EntryKey::from_hex(&"9f2c41d8".repeat(8)).unwrap_or_else(|| panic!("a key")),
        schema: table.schema.clone(),
        rows: Some(table.rows() as u64),
        age: Duration::from_secs(1128),
        ttl: Some(Duration::from_secs(2472)),
        sha256: None,
    }
}

/// Runs the selected report to its end.
pub(crate) fn answered(state: State, rows: usize, outcome: Outcome, reason: Option<&str>) -> State {
    answered_with(state, table(rows), outcome, reason)
}

/// Runs the selected report to its end, with these rows.
pub(crate) fn answered_with(
    mut state: State,
    table: Arc<Table>,
    outcome: Outcome,
    reason: Option<&str>,
) -> State {
    let task = TaskId(7);
    let now = state.clock.now;
    state.reports.started(task, &Mode::Cached, now);
    let about = about(&table, outcome, reason);
    state.apply(Event::Reports(reports::Event::About { task, about }));
    state.apply(Event::Reports(reports::Event::Rows {
        task,
        table,
        left_out: 0,
    }));
    let event = Some(request("monthly-revenue", outcome, 3));
    state.apply(Event::Reports(reports::Event::Finished { task, event }));
    state.apply(Event::Ended(task));
    state
}

#[test]
fn the_rail_goes_to_every_view() {
    let mut window = window(open(), [1280.0, 800.0], true);
    for (name, view) in [
        ("Keys", View::Keys),
        ("Latency", View::Latency),
        ("Worker", View::Worker),
        ("Server", View::Server),
        ("Console", View::Console),
        ("Reports", View::Reports),
    ] {
        window
            .get_by_role_and_label(egui::accesskit::Role::Tab, name)
            .click();
        window.run_steps(2);
        assert_eq!(window.state().state.view, view);
    }
    window.key_press_modifiers(Modifiers::COMMAND, Key::Num2);
    window.run_steps(2);
    assert_eq!(window.state().state.view, View::Keys);
}

#[test]
fn without_a_workspace_there_is_only_connect() {
    let mut window = window(blank(), [1024.0, 640.0], false);
    window
        .get_by_role_and_label(egui::accesskit::Role::Tab, "Keys")
        .click();
    window.run_steps(2);
    assert_eq!(window.state().state.view, View::Connect);
    assert!(window.query_by_label("No workspace open").is_some());
}

#[test]
fn the_palette_finds_and_runs() {
    let mut window = window(open(), [1280.0, 800.0], true);
    window.key_press_modifiers(Modifiers::COMMAND, Key::K);
    window.run_steps(2);
    window.event(egui::Event::Text("late".into()));
    window.run_steps(2);
    assert!(
        window
            .query_by_role_and_label(egui::accesskit::Role::ListItem, "Save report")
            .is_none()
    );
    window.key_press(Key::ArrowDown);
    window.key_press(Key::ArrowUp);
    window.key_press(Key::Enter);
    window.run_steps(2);
    assert!(!window.state().state.palette.is_open());
    let selected = window.state().state.reports.selected().map(str::to_owned);
    // "late" is in late-shipments as a word, and in "Go to Latency" only as letters.
    assert_eq!(selected.as_deref(), Some("late-shipments"));
    window.key_press_modifiers(Modifiers::COMMAND, Key::K);
    window.run_steps(2);
    window.key_press(Key::Escape);
    window.run_steps(2);
    assert!(!window.state().state.palette.is_open());
}

#[test]
fn the_theme_changes_and_is_kept() {
    let mut window = window(open(), [1280.0, 800.0], true);
    window.get_by_label("Light theme").click();
    window.run_steps(2);
    assert_eq!(window.state().state.theme, ThemeChoice::Light);
}

#[test]
fn running_work_can_be_cancelled_from_the_status_line() {
    let mut state = open();
    let mut running = Running::new(TaskId(5), "Refreshing supplier-scorecard", state.clock.now);
    running.expected = Some(Duration::from_secs(33));
    state.running.push(running);
    state.clock.now += Duration::from_secs(12);
    let mut window = window(state, [1280.0, 800.0], true);
    assert!(
        window
            .query_by_label_contains("12.0 s of about 33.0 s")
            .is_some()
    );
    window
        .get_by_label("Cancel Refreshing supplier-scorecard")
        .click();
    window.run_steps(2);
    assert!(matches!(
        window.state().asked.as_slice(),
        [Command::Cancel(TaskId(5))]
    ));
    window.key_press(Key::Escape);
    window.run_steps(2);
    assert_eq!(window.state().asked.len(), 2);
    window.state_mut().state.apply(Event::Ended(TaskId(5)));
    window.run_steps(2);
    assert!(
        window
            .query_by_label_contains("Refreshing supplier-scorecard")
            .is_none()
    );
}

#[test]
fn a_message_is_shown_and_closed() {
    let mut state = open();
    state.toast(Tone::Error, "the disk is full; nothing was written");
    let mut window = window(state, [1280.0, 800.0], false);
    assert!(
        window
            .query_by_label("the disk is full; nothing was written")
            .is_some()
    );
    window.get_by_label("Close message").click();
    window.run_steps(2);
    assert!(window.state().state.toasts.is_empty());
}

#[test]
fn the_dots_say_how_the_connections_are() {
    let mut state = open();
    let refused = Link::Down("127.0.0.1:6379 refused the connection; is Redis running?".into());
    state.apply(Event::Cache(refused));
    let window = window(state, [1280.0, 800.0], true);
    assert!(
        window
            .query_by_label_contains("refused the connection")
            .is_some()
    );
    assert!(window.query_by_label_contains("SQLite 3.49.1").is_some());
}

#[test]
fn a_private_cache_is_remembered_as_one() {
    for (private_cache, expected) in [
        (false, "SQLite file, Redis at 127.0.0.1"),
        (true, "SQLite file, embedded cache"),
    ] {
        let mut state = blank();
        let open = Open {
            private_cache,
            ..Open::new(Arc::new(workspace()))
        };
        state.connect.remember(&open);
        assert_eq!(state.connect.recent[0].about, expected);
    }
}

#[test]
fn a_late_answer_of_an_old_task_changes_nothing() {
    let mut state = open();
    let open = Open::new(Arc::new(Workspace {
        name: "late".into(),
        ..workspace()
    }));
    state.apply(Event::Opened {
        task: TaskId(99),
        open: Box::new(open),
    });
    assert_eq!(
        state.open.as_ref().map(|open| open.workspace.name.as_str()),
        Some("shop-reports")
    );
    state.apply(Event::OpenFailed {
        task: TaskId(99),
        error: "late".into(),
    });
    assert!(state.connect.error.is_none());
}

#[test]
fn looks_of_the_palette() {
    let mut window = window(
        answered(open(), 2112, Outcome::Hit, None),
        [1280.0, 800.0],
        false,
    );
    window.key_press_modifiers(Modifiers::COMMAND, Key::K);
    window.run_steps(3);
    window.snapshot("palette-light");
}

#[test]
fn what_is_copied_is_said() {
    let mut state = blank();
    for (text, said) in [
        ("app:session:1", "Copied app:session:1"),
        ("1\t2\n3\t4\n", "Copied 2 lines"),
        ("", "Copied an empty text"),
    ] {
        assert!(state.handle(Command::Copy(text.into())).is_none());
        assert_eq!(state.clipboard.as_deref(), Some(text));
        let toast = state.toasts.pop();
        assert_eq!(toast.map(|toast| toast.text).as_deref(), Some(said));
    }
}
