//! The Server view: its tabs full, empty, refused and away.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use eframe::egui::accesskit::Role as AccessRole;
use eframe::egui::{Key as Keyboard, Modifiers, Theme};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};

use lookaside::app::command::{Command as AppCommand, Commands, View};
use lookaside::app::state::{State, TaskId};
use lookaside::app::views::server::{Command, Event, ServerView};
use lookaside::engine::{Caller, Event as EngineEvent, Outcome, RequestEvent, Stages};
use lookaside::inspect::server::{
    ClientSort, Clients, Cluster, ClusterNode, CommandStat, ConnectedClient, Info, LatencyEvent,
    LatencyReport, News, Part, Replica, Role, Sample, Seen, Sentinel, Setting, Shown, SlowCommand,
    Topology,
};

use super::app_latency::{open_state, picture, window};

type Window = Harness<'static, (State, Commands)>;

fn now() -> DateTime<Utc> {
    "2026-11-22T21:00:00Z".parse().unwrap()
}

/// Ten minutes of a cache under a load that comes and goes, with a restart in between.
fn figures() -> Vec<News> {
    let (mut hits, mut misses, mut commands, mut out, mut evicted, mut expired) =
        (0_u64, 0, 0, 0, 0, 0);
    let mut all = Vec::new();
    for second in 0..600_u64 {
        let is_after = second >= 420;
        if second == 420 {
            (hits, misses, commands, out, evicted, expired) = (0, 0, 0, 0, 0, 0);
        }
        let wave = 1.0 + (second as f64 / 37.0).sin() * 0.4 + (second as f64 / 5.0).sin() * 0.1;
        let rate = (9_000.0 * wave) as u64;
        hits += rate * 93 / 100;
        misses += rate * 7 / 100 + second % 40;
        commands += rate + 300;
        out += rate * 620;
        evicted += if second > 540 { 12 } else { 0 };
        expired += 30 + second % 17;
        let used = 180_000_000
            + if is_after {
                (second - 420) * 300_000
            } else {
                second * 110_000
            };
        let text = format!(
            "redis_version:7.0.15\nredis_mode:standalone\nrun_id:{is_after}\nuptime_in_seconds:{}\nconnected_clients:{}\nblocked_clients:2\nmaxclients:10000\nused_memory:{used}\nused_memory_rss:{}\nused_memory_peak:266000000\nmaxmemory:268435456\nmaxmemory_policy:allkeys-lru\nmem_fragmentation_ratio:{:.2}\nmem_allocator:jemalloc-5.3.0\ntotal_commands_processed:{commands}\ntotal_net_input_bytes:{}\ntotal_net_output_bytes:{out}\nexpired_keys:{expired}\nevicted_keys:{evicted}\nkeyspace_hits:{hits}\nkeyspace_misses:{misses}\nrole:master\nmaster_repl_offset:5242880\nused_cpu_sys:{:.2}\nused_cpu_user:0\ndb0:keys=412000,expires=398500,avg_ttl=1\n",
            if is_after {
                second - 420
            } else {
                266_000 + second
            },
            48 + second % 9,
            (used as f64 * 1.62) as u64,
            1.62 - second as f64 / 9_000.0,
            rate / 3 + commands * 60,
            second as f64 * 0.38,
        );
        let at = now() - TimeDelta::seconds(599 - second as i64);
        let info = Arc::new(Info::read(&text));
        all.push(News::Figures {
            sample: Sample::of(&info, at),
            info,
            cost: 1.2,
        });
    }
    all
}

fn setting(name: &str, value: &str, default: Option<&'static str>, about: &'static str) -> Setting {
    Setting {
        name: name.into(),
        value: Shown::Text(value.into()),
        about,
        default,
    }
}

fn settings() -> Vec<Setting> {
    let mut all = vec![
        setting(
            "appendonly",
            "no",
            Some("no"),
            "Writes each change to a file, so that a restart loses little; a pure cache needs none",
        ),
        setting(
            "dir",
            "/var/lib/redis",
            None,
            "Folder of snapshots and the append-only file",
        ),
        setting(
            "hz",
            "50",
            Some("10"),
            "Housekeeping rounds a second: expiring, closing, resizing",
        ),
        setting(
            "latency-monitor-threshold",
            "0",
            Some("0"),
            "Milliseconds from which what holds the server up is noted; 0: nothing is",
        ),
        setting(
            "maxmemory",
            "268435456",
            Some("0"),
            "Bytes at which keys are evicted or writes refused; 0: no limit but the system's",
        ),
        setting(
            "maxmemory-policy",
            "allkeys-lru",
            Some("noeviction"),
            "Which keys go at the limit: noeviction refuses writes, allkeys-* any key, volatile-* those with a TTL",
        ),
        setting(
            "notify-keyspace-events",
            "",
            Some(""),
            "Which changes of keys are told to subscribers; empty: none, so nothing can react to them",
        ),
        setting(
            "slowlog-log-slower-than",
            "10000",
            Some("10000"),
            "Microseconds from which a command is noted in the slow log; -1: none is",
        ),
        setting("socket-mark-id", "0", None, ""),
    ];
    all.push(Setting {
        name: "requirepass".into(),
        value: Shown::Secret { is_set: true },
        about: "The password of the default account",
        default: None,
    });
    all
}

fn slow_log() -> Vec<SlowCommand> {
    let slow = |id, minutes, took_us, command: &str, name: &str| SlowCommand {
        id,
        at: now() - TimeDelta::minutes(minutes),
        took_us,
        command: command.into(),
        client: "10.0.4.17:51822".into(),
        client_name: name.into(),
    };
    vec![
        slow(5, 1, 412_870, "KEYS session:*", "ops-laptop"),
        slow(4, 12, 15_210, "SMEMBERS tags:all", "shop-web"),
        slow(
            3,
            47,
            61_004,
            "ZRANGE leaderboard 0 -1 WITHSCORES",
            "shop-web",
        ),
        slow(2, 190, 22_511, "HGETALL cart:archive:2026", ""),
        slow(
            1,
            3_000,
            10_402,
            "SET export:blob \"\\x1f\\x8b\\x08\\x00xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"…",
            "nightly",
        ),
    ]
}

fn clients() -> Clients {
    let client = |id: u64, name: &str, flags: &str, command: &str, memory| ConnectedClient {
        id,
        address: format!("10.0.4.{}:5{id:04}", 10 + id),
        name: name.into(),
        user: "default".into(),
        driver: if id.is_multiple_of(2) {
            "redis-py 5.0.1".into()
        } else {
            String::new()
        },
        age: Duration::from_secs(4_000 * id),
        idle: Duration::from_secs(id % 3),
        database: 0,
        command: command.into(),
        memory,
        waiting: 0,
        flags: flags.into(),
    };
    Clients {
        all: vec![
            client(1, "shop-web", "N", "get", 22_000),
            client(2, "shop-web", "N", "mget", 37_658),
            client(3, "jobs", "b", "blpop", 20_512),
            client(4, "lookaside-inspect", "N", "client list", 40_960),
            client(5, "", "P", "subscribe", 1_048_576),
            client(6, "", "S", "replconf", 90_112),
        ],
    }
}

fn latency() -> LatencyReport {
    let event = |name: &str, latest_ms, longest_ms| LatencyEvent {
        name: name.into(),
        at: now() - TimeDelta::minutes(2),
        latest_ms,
        longest_ms,
        history: (0..30)
            .map(|n| {
                let at = now().timestamp() - 3_000 + n * 97;
                [
                    at as f64,
                    ((n * 7) % 23 + 3) as f64 * latest_ms as f64 / 20.0,
                ]
            })
            .collect(),
    };
    LatencyReport {
        events: vec![event("command", 42, 412), event("fork", 18, 31), event("expire-cycle", 25, 25)],
        doctor: "Dave, I have observed latency spikes in this Redis instance.\n\n1. command: 30 latency spikes (average 62ms, mean deviation 41ms, period 97.00 sec). Worst all time event 412ms.\n\nI have a few advices for you:\n\n- Check your Slow Log to understand what are the commands you are running which are too slow to execute.".into(),
    }
}

fn commands() -> Vec<CommandStat> {
    let stat = |name: &str, calls, us, failed| CommandStat {
        name: name.into(),
        calls,
        us,
        failed,
    };
    vec![
        stat("keys", 14, 5_780_000, 0),
        stat("get", 1_802_113, 2_162_535, 0),
        stat("set", 120_874, 362_622, 3),
        stat("config get", 12, 3_400, 0),
    ]
}

fn topology() -> Topology {
    Topology {
        role: Role::Primary,
        replicas: vec![
            Replica {
                address: "10.0.4.21:6379".into(),
                state: "online".into(),
                behind: Some(42),
                lag: Some(0),
            },
            Replica {
                address: "10.0.4.22:6379".into(),
                state: "wait bgsave".into(),
                behind: None,
                lag: None,
            },
        ],
        sentinels: vec![Sentinel {
            name: "1a2b3c4d".into(),
            address: "10.0.4.31".into(),
            state: "watches this server".into(),
        }],
        ..Topology::default()
    }
}

fn cluster() -> Topology {
    let node = |id: &str, port: u16, slots: &[(u16, u16)], of: Option<&str>| ClusterNode {
        id: id.into(),
        address: format!("10.0.4.40:{port}"),
        primary: of.map(str::to_owned),
        slots: slots.to_vec(),
        is_self: id == "a",
        problem: if id == "c" { "failed" } else { "" },
    };
    Topology {
        role: Role::Primary,
        cluster: Some(Cluster {
            state: "fail".into(),
            nodes: vec![
                node("a", 7001, &[(0, 5460)], None),
                node("x", 7004, &[], Some("a")),
                node("b", 7002, &[(5461, 10_922)], None),
                node("c", 7003, &[(10_923, 16_000)], None),
            ],
        }),
        ..Topology::default()
    }
}

fn reports(state: &mut State) {
    let event = |report: &str, outcome, bytes| {
        Arc::new(EngineEvent::Request(RequestEvent {
            at: now() - TimeDelta::minutes(40),
            report: report.into(),
            key: String::new(),
            params: String::new(),
            outcome,
            reason: None,
            caller: Caller::Window,
            rows: 10,
            bytes,
            stages: Stages::default(),
            sha256: None,
            from_memory: false,
            notices: Vec::new(),
            error: None,
        }))
    };
    for n in 0..60 {
        let outcome = match n % 20 {
            0 => Outcome::Miss,
            1 => Outcome::StaleHit,
            _ => Outcome::Hit,
        };
        state
            .log
            .extend([event("monthly-revenue", outcome, 65_741)]);
        if n % 3 == 0 {
            state
                .log
                .extend([event("top-customers", Outcome::Hit, 9_200)]);
        }
    }
}

fn full() -> State {
    let mut seen = Seen::default();
    for news in figures() {
        seen.take(news);
    }
    seen.take(News::Config(Ok(settings())));
    seen.take(News::SlowLog(Ok(slow_log())));
    seen.take(News::Latency(Ok(latency())));
    seen.take(News::Commands(Ok(commands())));
    seen.take(News::Clients(Ok(clients())));
    seen.take(News::Topology(topology()));
    let mut state = open_state(View::Server);
    state.clock.utc = now();
    state.server = ServerView::of(seen);
    reports(&mut state);
    state
}

fn at(part: Part, size: (f32, f32), theme: Theme) -> Window {
    let state = full();
    state.server.focus.set(part);
    window(state, size, theme)
}

fn press(harness: &mut Window, key: Keyboard) {
    harness.key_press_modifiers(Modifiers::COMMAND, key);
    harness.run_ok();
}

/// The last text that was to be copied.
fn copied(harness: &Window) -> String {
    let sent = harness.state().1.sent().iter().rev();
    let mut texts = sent.filter_map(|command| match command {
        AppCommand::Copy(text) => Some(text.clone()),
        _ => None,
    });
    texts.next().unwrap_or_default()
}

const LARGE: (f32, f32) = (1280.0, 800.0);
const SMALL: (f32, f32) = (1024.0, 640.0);

#[test]
fn figures_of_now_and_over_time_with_what_should_be_done() {
    let mut harness = at(Part::Overview, LARGE, Theme::Dark);
    harness.get_by_label("asks 1.2 commands a second");
    harness.get_by_label_contains("Server Redis 7.0.15, standalone, up 2 min 59 s");
    harness.get_by_label_contains("Keys 412,000, 398,500 with a TTL");
    harness.get_by_label_contains("Keys are evicted (");
    harness.get_by_label_contains("Fragmentation is 1.62");
    for chart in [
        "Hit ratio",
        "Lookups",
        "Commands",
        "Network",
        "Memory",
        "Fragmentation",
        "Keys gone",
        "Clients",
    ] {
        harness.get_by_role_and_label(AccessRole::Label, chart);
    }
    harness.get_by_label_contains("monthly-revenue, 54, 3, 3, 95.0 %");
    picture(&mut harness, "server-dark");
    // The other warnings are one press away, each with the command that is its remedy.
    harness.get_by_label("2 more").click();
    harness.run_ok();
    harness
        .get_by_label("CONFIG SET latency-monitor-threshold 100")
        .click();
    harness.run_ok();
    assert_eq!(copied(&harness), "CONFIG SET latency-monitor-threshold 100");
}

#[test]
fn the_overview_in_the_light_theme() {
    picture(&mut at(Part::Overview, LARGE, Theme::Light), "server-light");
}

#[test]
fn the_overview_in_the_smallest_window() {
    picture(&mut at(Part::Overview, SMALL, Theme::Dark), "server-small");
}

#[test]
fn the_pointer_in_one_chart_tells_the_moment_in_all() {
    let mut harness = at(Part::Overview, LARGE, Theme::Light);
    harness.hover_at(eframe::egui::pos2(230.0, 380.0));
    harness.run_ok();
    let times = harness.query_all_by_label_contains("20:5").count();
    assert!(times >= 8, "{times} charts show the moment");
    picture(&mut harness, "server-pointed");
}

#[test]
fn a_server_that_was_just_asked_shows_what_it_has() {
    let mut state = open_state(View::Server);
    state.clock.utc = now();
    let harness = window(state, LARGE, Theme::Dark);
    harness.get_by_label("Asking the server");
    let sent = harness.state().1.sent();
    assert!(
        sent.iter()
            .any(|command| matches!(command, AppCommand::Server(Command::Watch)))
    );

    let mut state = open_state(View::Server);
    state.clock.utc = now();
    state.server.watched_by(TaskId(7));
    let event = |task, news| Event {
        task: TaskId(task),
        news,
    };
    // What another task still had to say is not heard.
    state.server.apply(event(6, News::Lost("old".into())));
    assert!(state.server.seen.lost.is_none());
    let why = "127.0.0.1:6379 refused the connection; is Redis running?";
    state.server.apply(event(7, News::Lost(why.into())));
    let mut harness = window(state, SMALL, Theme::Dark);
    harness.get_by_label("The server does not answer");
    let info = Arc::new(Info::read("redis_version:7.0.15"));
    let sample = Sample::of(&info, now());
    let news = News::Figures {
        info,
        sample,
        cost: 1.0,
    };
    harness.state_mut().0.server.apply(event(7, news));
    harness.run_ok();
    // One sample is no rate yet, and nothing is made up.
    harness.get_by_label_contains("Commands –");
}

#[test]
fn looking_ends_when_nobody_looks() {
    let mut state = full();
    state.server.watched_by(TaskId(3));
    let now = state.clock.now;
    assert_eq!(state.server.unwatch(now, true), None);
    assert_eq!(state.server.unwatch(now, false), Some(TaskId(3)));
    assert!(!state.server.is_watched() && !state.server.seen.history.is_empty());
    // A window that is hidden is not painted, and looks no more either.
    state.server.watched_by(TaskId(4));
    let mut harness = window(state, SMALL, Theme::Dark);
    let state = &mut harness.state_mut().0;
    assert_eq!(
        state.server.unwatch(now + Duration::from_secs(5), true),
        None
    );
    let later = now + Duration::from_mins(1);
    assert_eq!(state.server.unwatch(later, true), Some(TaskId(4)));
}

#[test]
fn slow_commands_are_sorted_and_copied() {
    let mut harness = at(Part::SlowLog, LARGE, Theme::Dark);
    harness.get_by_label_contains("The latest 5 commands that took longer than 10.0 ms");
    let first = |harness: &Window| {
        let rows = harness.query_all_by_role(AccessRole::Row);
        rows.map(|row| row.accesskit_node().label().unwrap_or_default())
            .find(|label| label.contains("10.0.4.17"))
            .unwrap()
    };
    assert!(first(&harness).contains("KEYS session:*"));
    harness.get_by_label("Sort by took").click();
    harness.run_ok();
    assert!(
        first(&harness).contains("export:blob"),
        "{}",
        first(&harness)
    );
    harness.get_by_label("Sort by when").click();
    harness.run_ok();
    assert!(first(&harness).contains("KEYS session:*"));
    harness.get_by_label("Copy all").click();
    harness.run_ok();
    assert!(copied(&harness).starts_with("2026-11-22T20:59:00Z\t412.870 ms\tKEYS session:*\t"));
    picture(&mut harness, "server-slow-log");
}

#[test]
fn what_held_the_server_up_and_which_commands_take_its_time() {
    let mut harness = at(Part::Latency, LARGE, Theme::Light);
    harness.get_by_label_contains(
        "fork, 20:58:00, 18.0 ms, 31.0 ms, copying the process's page tables",
    );
    harness.get_by_label_contains("Check your Slow Log");
    harness.get_by_label_contains("KEYS, 69.6 %");
    picture(&mut harness, "server-latency");
}

#[test]
fn clients_are_filtered_and_sorted() {
    let mut harness = at(Part::Clients, SMALL, Theme::Light);
    harness.get_by_label("6 clients");
    press(&mut harness, Keyboard::F);
    // In the window `State::handle` carries it out; here the command stands for it.
    harness.state_mut().0.server.find();
    harness.run_ok();
    harness.get_by_label("Filter").type_text("redis-py");
    harness.run_ok();
    harness.get_by_label("3 of 6 clients");
    harness.get_by_label("Copy all").click();
    harness.run_ok();
    assert_eq!(copied(&harness).lines().count(), 3);
    picture(&mut harness, "server-clients");
    assert_eq!(clients().select("", ClientSort::Memory, true)[0].id, 5);
}

#[test]
fn settings_are_explained_and_secrets_not_shown() {
    let mut harness = at(Part::Config, LARGE, Theme::Dark);
    harness.get_by_label("10 of 10 settings, 4 known to differ from the default");
    harness.get_by_label_contains("requirepass, set, not shown");
    harness.get_by_label_contains("hz, 50, 10, Housekeeping rounds");
    picture(&mut harness, "server-config");
    harness.get_by_label("Only changed").click();
    harness.run_ok();
    harness.get_by_label("4 of 10 settings, 4 known to differ from the default");
    harness.get_by_label("Copy all").click();
    harness.run_ok();
    assert_eq!(
        copied(&harness),
        "hz 50\nmaxmemory 268435456\nmaxmemory-policy allkeys-lru\nrequirepass set\n"
    );
}

#[test]
fn servers_that_belong_together() {
    let mut harness = at(Part::Topology, LARGE, Theme::Light);
    harness.get_by_label_contains("10.0.4.21:6379, online, 42 B, 0 s ago");
    harness.get_by_label_contains("1a2b3c4d, 10.0.4.31, watches this server");
    picture(&mut harness, "server-topology");
}

#[test]
fn a_cluster_shows_its_slots_and_what_is_wrong() {
    let mut state = full();
    state.server.seen.take(News::Topology(cluster()));
    state.server.focus.set(Part::Topology);
    let mut harness = window(state, LARGE, Theme::Dark);
    harness.get_by_label_contains("383 slots are served by nobody");
    harness.get_by_label_contains("10.0.4.40:7003, primary, 5,078, 10923 to 16000, failed");
    picture(&mut harness, "server-cluster");
}

#[test]
fn what_may_not_be_asked_is_one_sentence_in_its_place() {
    let mut state = full();
    let why =
        "this Redis account may not run CONFIG GET; allow it with ACL SETUSER ... +config|get";
    let seen = &mut state.server.seen;
    seen.take(News::Config(Err(why.into())));
    seen.take(News::NoFigures(
        "this Redis account may not run INFO; allow it with ACL SETUSER ... +info".into(),
    ));
    let mut harness = window(state, SMALL, Theme::Dark);
    harness.get_by_label_contains("This Redis account may not run INFO");
    // Our own reports need no right there.
    harness.get_by_label_contains("monthly-revenue, 54, 3, 3, 95.0 %");
    harness.get_by_label("Show config").click();
    harness.run_ok();
    harness.get_by_label_contains("This Redis account may not run CONFIG GET");
    picture(&mut harness, "server-refused");
}

#[test]
fn tabs_are_turned_by_keys() {
    let mut harness = at(Part::Overview, SMALL, Theme::Dark);
    let part = |harness: &Window| harness.state().0.server.focus.part();
    press(&mut harness, Keyboard::PageDown);
    assert_eq!(part(&harness), Part::SlowLog);
    press(&mut harness, Keyboard::PageUp);
    press(&mut harness, Keyboard::PageUp);
    assert_eq!(part(&harness), Part::Topology);
    harness.get_by_label("Show clients").click();
    harness.run_ok();
    assert_eq!(part(&harness), Part::Clients);
}
