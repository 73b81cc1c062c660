//! The Console view: completion, history, what waits, what is refused, and what is listened to.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::time::Duration;

use eframe::egui::{Key as Keyboard, Modifiers, Theme};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;

use lookaside::app::command::{Command as AppCommand, Commands, View};
use lookaside::app::state::{State, TaskId};
use lookaside::app::views::console::{Command, Console, Event};
use lookaside::app::views::keys;
use lookaside::inspect::{Answer, Argument, Batch, Doc, Heard, Limit, Listen};

use super::app_latency::{open_state, picture, window};

type Window = Harness<'static, (State, Commands)>;

fn docs() -> BTreeMap<String, Doc> {
    let doc = |summary: &str, arguments: &str| Doc {
        summary: summary.into(),
        since: "1.0.0".into(),
        complexity: "O(1)".into(),
        arguments: arguments
            .split(' ')
            .filter(|word| !word.is_empty())
            .map(Argument::word)
            .collect(),
    };
    [
        (
            "AUTH",
            doc("Authenticates the connection.", "username password"),
        ),
        (
            "BLPOP",
            doc(
                "Removes and returns the first element of a list, or waits for one.",
                "key timeout",
            ),
        ),
        (
            "CONFIG",
            doc("A container for server configuration commands.", ""),
        ),
        (
            "CONFIG GET",
            doc(
                "Returns the effective values of configuration parameters.",
                "parameter",
            ),
        ),
        (
            "CONFIG SET",
            doc(
                "Sets configuration parameters in-flight.",
                "parameter value",
            ),
        ),
        (
            "GETRANGE",
            doc(
                "Returns a part of the string stored at a key.",
                "key start end",
            ),
        ),
        (
            "HGET",
            doc("Returns the value of a field in a hash.", "key field"),
        ),
        (
            "HGETALL",
            doc("Returns all fields and values in a hash.", "key"),
        ),
        ("SET", doc("Sets the string value of a key.", "key value")),
    ]
    .map(|(name, doc)| (name.to_owned(), doc))
    .into()
}

fn console(size: (f32, f32), theme: Theme) -> Window {
    let mut state = open_state(View::Console);
    state.console = Console::with_docs(docs());
    let mut harness = window(state, size, theme);
    harness.get_by_label("Command line").focus();
    harness.run_ok();
    harness
}

fn press(harness: &mut Window, modifiers: Modifiers, key: Keyboard) {
    harness.key_press_modifiers(modifiers, key);
    harness.run_ok();
}

fn write(harness: &mut Window, text: &str) {
    harness.get_by_label("Command line").type_text(text);
    harness.run_ok();
}

fn line(harness: &Window) -> String {
    harness
        .get_by_label("Command line")
        .value()
        .unwrap_or_default()
}

fn send(harness: &mut Window, text: &str) {
    harness.get_by_label("Command line").focus();
    harness.run_ok();
    write(harness, text);
    press(harness, Modifiers::NONE, Keyboard::Enter);
}

/// The latest line that was sent.
fn sent(harness: &Window) -> (u64, String) {
    let mut sent = harness.state().1.sent().iter().rev();
    sent.find_map(|command| match command {
        AppCommand::Console(Command::Run { id, line }) => Some((*id, line.clone())),
        _ => None,
    })
    .unwrap()
}

fn answer(harness: &mut Window, answer: Answer) {
    let (id, _) = sent(harness);
    let event = Event::Answered { id, answer };
    harness.state_mut().0.console.apply(event);
    harness.run_ok();
}

fn text(text: &str) -> Answer {
    Answer {
        text: text.into(),
        is_whole: true,
        took_us: 240,
        ..Answer::default()
    }
}

fn refusal() -> Answer {
    Answer {
        text: "(error) SET was not sent: this connection only reads; unlock it for writing or use another client".into(),
        is_whole: true,
        is_error: true,
        is_locked: true,
        took_us: 0,
    }
}

#[test]
fn tab_completes_and_the_argument_at_the_caret_stands_out() {
    let mut harness = console((1280.0, 800.0), Theme::Dark);
    write(&mut harness, "hg");
    press(&mut harness, Modifiers::NONE, Keyboard::Tab);
    assert_eq!(line(&harness), "HGET");
    press(&mut harness, Modifiers::NONE, Keyboard::Tab);
    press(&mut harness, Modifiers::NONE, Keyboard::Tab);
    assert_eq!(line(&harness), "HGETALL");
    press(&mut harness, Modifiers::SHIFT, Keyboard::Tab);
    assert_eq!(line(&harness), "HGET");
    send(&mut harness, "");
    answer(&mut harness, text("(nil)"));
    write(&mut harness, "config s");
    press(&mut harness, Modifiers::NONE, Keyboard::Tab);
    assert_eq!(line(&harness), "CONFIG SET ");
    write(&mut harness, "maxmemory ");
    harness.get_by_label("parameter value");
    harness.get_by_label("Sets configuration parameters in-flight.  ·  O(1)  ·  since 1.0.0");
    picture(&mut harness, "console-hint");
}

#[test]
fn earlier_lines_come_back_by_arrows_and_by_search_and_passwords_never() {
    let mut harness = console((1024.0, 640.0), Theme::Light);
    for typed in [
        "GETRANGE a 0 1",
        "HGETALL user:1",
        "AUTH ann geheim",
        "AUHT geheim",
    ] {
        send(&mut harness, typed);
        answer(&mut harness, text("1) \"name\"\n2) \"Ann\""));
    }
    harness.get_by_label("> AUTH ann (hidden)");
    assert!(harness.query_by_label_contains("ann geheim").is_none());
    let history = &harness.state().0.console.history;
    // What the server does not know may be a password in the wrong place.
    assert_eq!(history.kept(), ["GETRANGE a 0 1", "HGETALL user:1"]);
    write(&mut harness, "draft");
    let mut seen = Vec::new();
    for key in [
        Keyboard::ArrowUp,
        Keyboard::ArrowUp,
        Keyboard::ArrowDown,
        Keyboard::ArrowDown,
    ] {
        press(&mut harness, Modifiers::NONE, key);
        seen.push(line(&harness));
    }
    assert_eq!(
        seen,
        ["AUHT geheim", "HGETALL user:1", "AUHT geheim", "draft"]
    );
    press(&mut harness, Modifiers::COMMAND, Keyboard::R);
    harness.get_by_label("Search history").type_text("GET");
    harness.run_ok();
    press(&mut harness, Modifiers::COMMAND, Keyboard::R);
    picture(&mut harness, "console-search");
    press(&mut harness, Modifiers::NONE, Keyboard::Enter);
    assert_eq!(line(&harness), "GETRANGE a 0 1");
    press(&mut harness, Modifiers::COMMAND, Keyboard::L);
    harness.get_by_label("Nothing was sent yet");
    // Another workspace: the lines stay, the answers do not.
    harness.state_mut().0.console.renew();
    assert_eq!(harness.state().0.console.history.kept().len(), 2);
}

#[test]
fn what_waits_is_cancelled_and_the_next_line_waits_its_turn() {
    let mut harness = console((1280.0, 800.0), Theme::Light);
    send(&mut harness, "BLPOP queue 0");
    let (id, _) = sent(&harness);
    let now = harness.state().0.clock.now;
    harness.state_mut().0.console.runs(
        id,
        TaskId(77),
        now.checked_sub(Duration::from_secs(7)).unwrap(),
    );
    send(&mut harness, "GETRANGE a 0 1");
    assert_eq!(sent(&harness).1, "BLPOP queue 0");
    harness.get_by_label("waiting, 7 s");
    harness.get_by_label("behind the line before");
    picture(&mut harness, "console-waits");
    press(&mut harness, Modifiers::NONE, Keyboard::Escape);
    let cancels = |harness: &Window| {
        let sent = harness.state().1.sent().iter();
        sent.filter(|command| matches!(command, AppCommand::Cancel(TaskId(77))))
            .count()
    };
    assert_eq!(cancels(&harness), 1);
    harness.get_by_label("Cancel BLPOP queue 0").click();
    harness.run_ok();
    assert_eq!(cancels(&harness), 2);
    answer(
        &mut harness,
        Answer {
            is_error: true,
            ..text("(error) cancelled")
        },
    );
    harness.run_ok();
    assert_eq!(sent(&harness).1, "GETRANGE a 0 1");
}

#[test]
fn a_refusal_leads_to_the_lock_and_a_long_answer_to_more() {
    let mut harness = console((1280.0, 800.0), Theme::Dark);
    let rows: Vec<String> = (1..=700)
        .map(|n| format!("{n:>3}) \"element {n}\""))
        .collect();
    send(&mut harness, "HGETALL user:1");
    answer(&mut harness, text(&rows.join("\n")));
    harness.get_by_label("676 more lines");
    harness
        .get_by_label("Copy the answer to HGETALL user:1")
        .click();
    harness.run_ok();
    let copied =
        harness.state().1.sent().iter().any(
            |command| matches!(command, AppCommand::Copy(text) if text.lines().count() == 700),
        );
    assert!(copied);
    harness.run_ok();
    // The line has the keyboard again.
    write(&mut harness, "SET k v");
    press(&mut harness, Modifiers::NONE, Keyboard::Enter);
    answer(&mut harness, refusal());
    picture(&mut harness, "console-refused");
    harness.get_by_label("Unlock...").click();
    harness.run_ok();
    let sent = harness.state().1.sent();
    assert!(
        matches!(
            sent.last(),
            Some(AppCommand::Keys(keys::Command::AskUnlock))
        ),
        "{sent:?}"
    );
    harness.get_by_label("Show more").click();
    harness.run_ok();
    harness.run_ok();
    harness.get_by_label("176 more lines");
}

fn commands(from: u64, to: u64) -> Batch {
    Batch {
        heard: (from..to)
            .map(|n| {
                let words = match n % 4 {
                    0 => format!("\"GET\" \"session:{n}\""),
                    1 => format!("\"HSET\" \"user:{n}\" \"name\" \"\\xc3\\xa9\\x00\""),
                    2 => "\"INFO\" \"server\"".to_owned(),
                    _ => format!("\"SET\" \"page:{n}\" \"{}\"", "x".repeat(300)),
                };
                Heard::command(&format!(
                    "1795640000.{n:06} [0 10.0.0.{}:52114] {words}",
                    n % 9
                ))
            })
            .collect(),
        ..Batch::default()
    }
}

/// What was asked to be listened to.
fn listened(harness: &Window) -> (u64, Listen) {
    let mut sent = harness.state().1.sent().iter().rev();
    sent.find_map(|command| match command {
        AppCommand::Console(Command::Listen { id, listen }) => Some((*id, listen.clone())),
        _ => None,
    })
    .unwrap()
}

fn monitor(harness: &mut Window) -> u64 {
    send(harness, "monitor");
    let listens = |harness: &Window| {
        let mut sent = harness.state().1.sent().iter();
        sent.any(|command| matches!(command, AppCommand::Console(Command::Listen { .. })))
    };
    assert!(!listens(harness), "nothing is sent before it was meant");
    harness.get_by_label("10,000 commands").click();
    harness.run_ok();
    harness.get_by_label("Start MONITOR").click();
    harness.run_ok();
    let (id, listen) = listened(harness);
    let limit = Limit {
        lines: 10_000,
        time: Duration::from_secs(10),
    };
    assert_eq!(listen, Listen::Monitor(limit));
    harness
        .state_mut()
        .0
        .console
        .apply(Event::Listening { id, result: Ok(()) });
    harness.state_mut().0.console.listens(id, TaskId(5));
    id
}

#[test]
fn monitor_asks_first_and_then_shows_what_it_hears() {
    let mut harness = console((1280.0, 800.0), Theme::Dark);
    send(&mut harness, "MONITOR");
    harness.get_by_label("Watch every command of this server?");
    picture(&mut harness, "console-monitor-asks");
    harness.get_by_label("Leave it").click();
    harness.run_ok();
    assert!(harness.query_by_label("Start MONITOR").is_none());
    let id = monitor(&mut harness);
    let batch = commands(0, 400);
    harness
        .state_mut()
        .0
        .console
        .apply(Event::Heard { id, batch });
    harness.run_ok();
    harness.get_by_label("live");
    harness.get_by_label("Filter what was heard").focus();
    harness.run_ok();
    harness
        .get_by_label("Filter what was heard")
        .type_text("HSET");
    harness.run_ok();
    harness.get_by_label("Pause").click();
    harness.run_ok();
    let batch = commands(400, 500);
    harness
        .state_mut()
        .0
        .console
        .apply(Event::Heard { id, batch });
    harness.run_ok();
    harness.get_by_label_contains("100 since the pause");
    harness.get_by_label("Go on").click();
    harness.run_ok();
    harness.get_by_label("Save what is shown").click();
    harness.run_ok();
    let saved = harness
        .state()
        .1
        .sent()
        .iter()
        .rev()
        .find_map(|command| match command {
            AppCommand::Console(Command::Save { heard, .. }) => Some(heard.len()),
            _ => None,
        });
    assert_eq!(saved, Some(125));
    let end = Batch {
        ended: Some("Ended after 10 s, as chosen".into()),
        missed: 12,
        ..Batch::default()
    };
    harness
        .state_mut()
        .0
        .console
        .apply(Event::Heard { id, batch: end });
    harness.run_ok();
    harness.get_by_label_contains("12 came too fast to be kept");
    picture(&mut harness, "console-monitor");
    harness.get_by_label("Close").click();
    harness.run_ok();
    assert!(harness.query_by_label("ended").is_none());
}

#[test]
fn stop_ends_what_listens() {
    let mut harness = console((1280.0, 800.0), Theme::Light);
    monitor(&mut harness);
    harness.run_ok();
    harness.get_by_label("Stop").click();
    harness.run_ok();
    let stopped = harness
        .state()
        .1
        .sent()
        .iter()
        .any(|command| matches!(command, AppCommand::Cancel(TaskId(5))));
    assert!(stopped);
    harness.get_by_label("Again").click();
    harness.run_ok();
    // Also again it asks.
    harness.get_by_label("Start MONITOR");
}

#[test]
fn channels_show_messages_and_key_events_beside_the_prompt() {
    let mut harness = console((1024.0, 640.0), Theme::Light);
    send(&mut harness, "psubscribe orders.* __key*__:*");
    let (id, _) = listened(&harness);
    let at = "2026-11-22T21:00:00.125Z".parse().unwrap();
    let of = |pattern: &[u8], channel: &[u8], payload: &[u8]| {
        Heard::of_channel(Some(pattern), channel, payload, at)
    };
    let heard = vec![
        of(
            b"orders.*",
            b"orders.new",
            b"{\"id\": 4711, \"total\": \"99.90\"}",
        ),
        of(b"orders.*", b"orders.raw", b"\x00\xff\x10binary"),
        of(b"__key*__:*", b"__keyspace@0__:user:1", b"hset"),
        of(b"__key*__:*", b"__keyevent@0__:expired", b"session:9"),
    ];
    let console = &mut harness.state_mut().0.console;
    console.apply(Event::Listening { id, result: Ok(()) });
    console.apply(Event::Heard {
        id,
        batch: Batch {
            heard,
            ..Batch::default()
        },
    });
    harness.run_ok();
    harness.get_by_label_contains("4 messages");
    harness.get_by_label("orders.raw \"\\x00\\xff\\x10binary\"");
    let stop = Batch {
        ended: Some("The connection to 127.0.0.1:6379 was lost".into()),
        ..Batch::default()
    };
    harness
        .state_mut()
        .0
        .console
        .apply(Event::Heard { id, batch: stop });
    harness.run_ok();
    picture(&mut harness, "console-channels");
    send(&mut harness, "unsubscribe");
    harness.get_by_label_contains("press that");
    send(&mut harness, "SUBSCRIBE");
    harness.get_by_label_contains("SUBSCRIBE needs a channel");
    send(&mut harness, "SUBSCRIBE c");
    let (id, _) = listened(&harness);
    let result = Err(
        "this Redis account may not run SUBSCRIBE; allow it with ACL SETUSER ... +subscribe"
            .to_owned(),
    );
    harness
        .state_mut()
        .0
        .console
        .apply(Event::Listening { id, result });
    harness.run_ok();
    harness.get_by_label_contains("+subscribe");
}
