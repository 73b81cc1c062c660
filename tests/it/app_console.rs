//! The Console view: hints, history, the lock, answers.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use eframe::egui::{Key as Keyboard, Modifiers, Theme};
use egui_kittest::kittest::Queryable;

use lookaside::app::command::{Command as AppCommand, View};
use lookaside::app::views::console::{Command, Console, Event};
use lookaside::inspect::{Answer, Argument, Doc};

use super::app_latency::{open_state, picture, window};

#[test]
fn a_line_is_completed_sent_answered_and_brought_back() {
    let doc = |summary: &str, arguments: &str| Doc {
        summary: summary.into(),
        arguments: arguments.split(' ').map(Argument::word).collect(),
        complexity: "O(1)".into(),
        ..Doc::default()
    };
    let docs = BTreeMap::from([
        (
            "GET".to_owned(),
            doc("Returns the string value of a key.", "key"),
        ),
        (
            "GETRANGE".to_owned(),
            doc("Returns a part of a string.", "key start end"),
        ),
    ]);
    let mut state = open_state(View::Console);
    state.console = Console::with_docs(docs);
    let mut harness = window(state, (1280.0, 800.0), Theme::Dark);
    harness.get_by_label("Nothing was sent yet");
    harness.get_by_label("Read-only: commands that write are not sent");
    harness.get_by_label("Command line").focus();
    harness.run_ok();
    harness.get_by_label("Command line").type_text("getr");
    harness.run_ok();
    harness.get_by_label("Complete GETRANGE").click();
    harness.run_ok();
    harness.get_by_label("key start end");
    harness.get_by_label("Command line").focus();
    harness.run_ok();
    harness.get_by_label("Command line").type_text("k 0 9");
    harness.run_ok();
    harness.key_press_modifiers(Modifiers::NONE, Keyboard::Enter);
    harness.run_ok();
    let sent = harness
        .state()
        .1
        .sent()
        .iter()
        .rev()
        .find_map(|command| match command {
            AppCommand::Console(command) => Some(command.clone()),
            _ => None,
        });
    let Some(Command::Run { id, line }) = sent else {
        panic!("{sent:?}")
    };
    assert_eq!(line, "GETRANGE k 0 9");
    harness.get_by_label("waiting");
    harness.state_mut().0.console.apply(Event::Answered {
        id,
        answer: Answer {
            text: "\"0123456789\"".into(),
            is_whole: true,
            took_us: 180,
            ..Answer::default()
        },
    });
    harness.run_ok();
    harness.get_by_label("\"0123456789\"");
    harness.key_press_modifiers(Modifiers::NONE, Keyboard::ArrowUp);
    harness.run_ok();
    let line = harness.get_by_label("Command line").value();
    assert_eq!(line.as_deref(), Some("GETRANGE k 0 9"));
    picture(&mut harness, "console-dark");
}

#[test]
fn a_server_that_is_away_says_so() {
    let mut state = open_state(View::Console);
    state.console = Console::with_docs(BTreeMap::new());
    state.console.apply(Event::Opened(Err(
        "no cache answers at 127.0.0.1:1; start it".into(),
    )));
    let mut harness = window(state, (1024.0, 640.0), Theme::Light);
    harness.get_by_label("The console cannot be opened");
    picture(&mut harness, "console-light");
}
