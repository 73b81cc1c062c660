//! The Keys view about what changes: the sign that says whether it follows, what is offered, and going far into values.
#![allow(clippy::unwrap_used)]

use eframe::egui::{Key as Keyboard, Theme};
use egui_kittest::kittest::Queryable;

use lookaside::app::state::State;
use lookaside::app::views::keys::{Command, Event, Opened};
use lookaside::inspect::{
    About, Continue, Hears, Kind, Live, Page, Question, ScanState, Ttl, Value, View,
};

use super::app_keys::{asked, full, seen, sent, state_with};
use super::app_latency::{picture, window};

const WIDE: (f32, f32) = (1280.0, 800.0);
const NARROW: (f32, f32) = (1024.0, 640.0);

fn with_live(live: Live, more: impl FnOnce(&mut ScanState)) -> State {
    state_with(|state| {
        let mut scan = ScanState {
            live,
            ..seen(state)
        };
        more(&mut scan);
        View::of(scan, Question::default())
    })
}

fn hears(hears: Hears) -> Live {
    Live {
        hears,
        ..Live::default()
    }
}

#[test]
fn the_sign_says_whether_the_table_follows_and_what_would_help() {
    let harness = window(with_live(hears(Hears::All(0)), |_| {}), WIDE, Theme::Light);
    harness.get_by_label("Live");
    let flood = Live {
        missed: 12_345,
        ..hears(Hears::All(0))
    };
    let mut harness = window(with_live(flood, |_| {}), NARROW, Theme::Light);
    harness.get_by_label("12,345+ changes behind");
    picture(&mut harness, "keys-behind");
    // The one at the top and the one of the sign do the same.
    harness.get_all_by_label("Rescan").last().unwrap().click();
    harness.run_ok();
    assert!(sent(&harness).contains(&Command::Scan));
}

#[test]
fn notifications_are_turned_on_from_here_only_when_unlocked() {
    let state = with_live(hears(Hears::Off), |_| {});
    let harness = window(state, WIDE, Theme::Dark);
    harness.get_by_label("Not live: notifications are off");
    assert!(harness.query_by_label("Turn on").is_none());
    let state = with_live(hears(Hears::Off), |_| {});
    state.keys.lock().set_unlocked(true);
    let mut harness = window(state, NARROW, Theme::Dark);
    picture(&mut harness, "keys-not-live");
    harness.get_by_label("Turn on").click();
    harness.run_ok();
    assert_eq!(sent(&harness).pop(), Some(Command::TurnOnNotices));
}

#[test]
fn a_scan_that_the_server_has_left_behind_offers_a_rescan() {
    let state = with_live(hears(Hears::Off), |scan| scan.about = 5_000);
    let harness = window(state, WIDE, Theme::Light);
    assert_eq!(harness.get_all_by_label("Rescan").count(), 2);
    harness.get_by_label("602 of about 5,000 keys");
    harness.get_by_label("outdated");
    let state = with_live(hears(Hears::Off), |_| {});
    let harness = window(state, WIDE, Theme::Light);
    assert_eq!(harness.get_all_by_label("Rescan").count(), 1);
}

#[test]
fn counting_elements_is_offered_where_it_is_not_done_unasked() {
    let state = with_live(hears(Hears::All(0)), |scan| {
        scan.notes = vec![
            "Elements are not counted: to Redis 7.0.15 that would be use of every key; Redis 7.2 and later can be \
             asked without."
                .into(),
        ];
    });
    let mut harness = window(state, NARROW, Theme::Light);
    harness.get_by_label("Count them").click();
    harness.run_ok();
    assert_eq!(sent(&harness).pop(), Some(Command::CountElements));
    let state = &mut harness.state_mut().0;
    assert!(!state.keys.counts_elements());
    state.keys.count_elements();
    harness.run_ok();
    assert!(harness.query_by_label("Count them").is_none());
}

#[test]
fn the_treemap_goes_deeper_and_back() {
    let mut harness = window(full(), WIDE, Theme::Dark);
    harness
        .get_by_label_contains("Prefix app:session: ")
        .click();
    harness.run_ok();
    assert_eq!(asked(&harness).filter.prefix, b"app:session:");
    let state = state_with(|state| {
        let mut question = Question::default();
        question.filter.prefix = b"app:session:".to_vec();
        question.open = [b"app:".to_vec(), b"app:session:".to_vec()].into();
        View::of(seen(state), question)
    });
    let mut harness = window(state, WIDE, Theme::Dark);
    picture(&mut harness, "keys-deeper");
    harness
        .get_by_label_contains("Prefix app:session:0: ")
        .click();
    harness.run_ok();
    assert_eq!(asked(&harness).filter.prefix, b"app:session:0:");
    harness.get_by_label("Back to app:").click();
    harness.run_ok();
    assert_eq!(asked(&harness).filter.prefix, b"app:");
    harness.get_by_label("Back to all keys").click();
    harness.run_ok();
    assert!(asked(&harness).filter.prefix.is_empty());
}

#[test]
fn only_entries_of_reports_is_in_sight() {
    let mut harness = window(full(), NARROW, Theme::Light);
    harness.get_by_label("Only entries of reports").click();
    harness.run_ok();
    assert_eq!(asked(&harness).filter.entries.as_deref(), Some("lookaside"));
}

fn open_with(kind: Kind, elements: u64, value: Value, from: u64) -> State {
    let name = b"app:cart:0:0010".to_vec();
    let mut state = full();
    let _ = state.keys.show_key("app:cart:0:0010".into());
    let about = About {
        name: name.clone(),
        kind,
        type_name: kind.name().into(),
        encoding: "quicklist".into(),
        ttl: Ttl::Never,
        bytes: Some(elements * 20),
        elements: Some(elements),
        idle: None,
    };
    let page = Page {
        value,
        next: Some(Continue::Offset(from + 100)),
    };
    let mut opened = Opened::new(about, page, None, None);
    opened.from = from;
    let result = Ok(Box::new(opened));
    state.keys.apply(Event::Opened { name, result });
    state
}

#[test]
fn one_goes_to_an_index_of_a_long_list() {
    let items = (0..100)
        .map(|i| format!("element {i}").into_bytes())
        .collect();
    let value = Value::List {
        start: 654_321,
        items,
    };
    let mut harness = window(
        open_with(Kind::List, 10_000_000, value, 654_321),
        NARROW,
        Theme::Light,
    );
    picture(&mut harness, "keys-jumped");
    harness.get_by_label("654,321 to 654,421 of 10,000,000");
    let field = harness.get_all_by_label("Go to index").next().unwrap();
    field.focus();
    harness.run_ok();
    harness
        .get_all_by_label("Go to index")
        .next()
        .unwrap()
        .type_text("5,000,000");
    harness.run_ok();
    harness
        .get_all_by_label("Go to index")
        .last()
        .unwrap()
        .click();
    harness.run_ok();
    assert_eq!(sent(&harness).pop(), Some(Command::Jump(5_000_000)));
    // Enter in the field does the same, and does not read the key again from its beginning.
    harness
        .get_all_by_label("Go to index")
        .next()
        .unwrap()
        .focus();
    harness.run_ok();
    let before = sent(&harness).len();
    harness.key_press(Keyboard::Enter);
    harness.run_ok();
    assert_eq!(sent(&harness)[before..], [Command::Jump(5_000_000)]);
    harness.get_by_label("To the start").click();
    harness.run_ok();
    assert_eq!(sent(&harness).pop(), Some(Command::Search(String::new())));
}

#[test]
fn text_is_found_in_a_long_string_and_what_was_not_found_is_told() {
    let value = Value::String {
        offset: 0,
        bytes: b"the beginning of it".repeat(3_000),
    };
    let state = open_with(Kind::String, 512 << 20, value, 0);
    let mut harness = window(state, WIDE, Theme::Dark);
    harness.get_by_label("Find text").focus();
    harness.run_ok();
    harness.get_by_label("Find text").type_text(" needle");
    harness.run_ok();
    harness.get_by_label("Search").click();
    harness.run_ok();
    assert_eq!(
        sent(&harness).pop(),
        Some(Command::Search(" needle".into()))
    );
    harness.state_mut().0.keys.apply(Event::Sought {
        name: b"app:cart:0:0010".to_vec(),
        text: " needle".into(),
        until: 64 << 20,
        told: "Not found in bytes 0 to 67,108,864; search again to go on".into(),
    });
    harness.run_ok();
    harness.get_by_label_contains("search again to go on");
    picture(&mut harness, "keys-find");
    let opened = harness.state().0.keys.opened().unwrap();
    assert_eq!(
        (opened.find_from(" needle"), opened.find_from("other")),
        (64 << 20, 0)
    );
}
