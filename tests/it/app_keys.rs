//! The Keys view: empty, loading, failed, partial and full, by accessible name; and against a real server.
#![allow(clippy::unwrap_used)]

use eframe::egui::accesskit::Role;
use eframe::egui::{Key as Keyboard, Modifiers, Theme};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;

use lookaside::app::command::{Command as AppCommand, Commands, View as Place};
use lookaside::app::state::State;
use lookaside::app::views::keys::{Bytes, Command, Dialog, Event, Keys, Opened, Which};
use lookaside::inspect::{
    About, Bulk, Change, Continue, Field, Filter, Key, Kind, Page, Phase, Preview, Question,
    ScanState, Ttl, Value, View,
};

use super::app_latency::{open_state, picture, window};

pub(crate) type Window = Harness<'static, (State, Commands)>;

pub(crate) fn seen(state: &State) -> ScanState {
    let now = state.clock.utc.timestamp_millis();
    let mut keys: Vec<(String, Kind, Ttl, u64, &str)> = Vec::new();
    for i in 0..600_u32 {
        let (kind, encoding) = match i % 10 {
            0..6 => (Kind::String, "raw"),
            6 => (Kind::Hash, "listpack"),
            7 => (Kind::List, "listpack"),
            8 => (Kind::Set, "intset"),
            _ => (Kind::ZSet, "skiplist"),
        };
        let group = ["session", "user", "cart", "rank"][(i % 4) as usize];
        let ttl = match i % 3 {
            0 => Ttl::At(now + i64::from(i + 1) * 58_000),
            _ => Ttl::Never,
        };
        let bytes = u64::from(96 + i % 7 * 40 + u32::from(group == "session") * 200);
        keys.push((
            format!("app:{group}:{}:{i:04}", i % 5),
            kind,
            ttl,
            bytes,
            encoding,
        ));
    }
    keys.push((
        "lookaside:c:01:0".into(),
        Kind::String,
        Ttl::At(now + 3_600_000),
        90_000,
        "raw",
    ));
    keys.push((
        "lookaside:events".into(),
        Kind::Stream,
        Ttl::Never,
        12_000,
        "stream",
    ));
    ScanState {
        elapsed: std::time::Duration::from_millis(4_100),
        ping_p99: Some(std::time::Duration::from_micros(300)),
        ..ScanState::seen(
            keys.iter().map(|(name, kind, ttl, bytes, encoding)| Key {
                name: name.as_bytes(),
                kind: *kind,
                type_name: kind.name(),
                ttl: *ttl,
                bytes: Some(*bytes),
                encoding,
                elements: (*kind != Kind::String).then_some(5),
                idle: Some(18),
                frequency: None,
            }),
            now,
        )
    }
}

pub(crate) fn state_with(make: impl FnOnce(&State) -> View) -> State {
    let mut state = open_state(Place::Keys);
    state.clock.utc = "2026-11-22T21:00:00Z".parse().unwrap();
    let view = make(&state);
    state.keys = Keys::with_view(view);
    state
}

pub(crate) fn full() -> State {
    state_with(|state| {
        let question = Question {
            open: [b"app:".to_vec(), b"app:session:".to_vec()].into(),
            ..Question::default()
        };
        View::of(seen(state), question)
    })
}

pub(crate) fn sent(harness: &Window) -> Vec<Command> {
    harness
        .state()
        .1
        .sent()
        .iter()
        .filter_map(|command| match command {
            AppCommand::Keys(command) => Some(command.clone()),
            _ => None,
        })
        .collect()
}

pub(crate) fn asked(harness: &Window) -> Question {
    let asked = sent(harness)
        .into_iter()
        .rev()
        .find_map(|command| match command {
            Command::Ask(question) => Some(*question),
            _ => None,
        });
    asked.expect("a question was asked")
}

fn hash() -> Opened {
    let fields = [
        ("name", "n240106"),
        ("mail", "m240106@x.io"),
        ("prefs", "{\"lang\":\"de\"}"),
        ("raw", "\0\u{7f}"),
    ];
    Opened::new(
        About {
            name: b"app:cart:0:0010".to_vec(),
            kind: Kind::Hash,
            type_name: "hash".into(),
            encoding: "listpack".into(),
            ttl: Ttl::Never,
            bytes: Some(136),
            elements: Some(5),
            idle: Some(9),
        },
        Page {
            value: Value::Hash(
                fields
                    .iter()
                    .map(|(field, value)| Field {
                        name: field.as_bytes().to_vec(),
                        value: value.as_bytes().to_vec(),
                        ttl: Ttl::Unknown,
                    })
                    .collect(),
            ),
            next: Some(Continue::Cursor(b"7".to_vec())),
        },
        None,
        None,
    )
}

#[test]
fn opening_the_view_starts_one_scan() {
    let harness = window(open_state(Place::Keys), (1280.0, 800.0), Theme::Dark);
    assert_eq!(
        sent(&harness)
            .iter()
            .filter(|command| **command == Command::Scan)
            .count(),
        1
    );
    harness.get_by_label("Looking at the keyspace");
}

#[test]
fn an_empty_database_and_an_unreachable_one_say_so() {
    let state = state_with(|_| View::of(ScanState::seen([], 0), Question::default()));
    let mut harness = window(state, (1280.0, 800.0), Theme::Dark);
    harness.get_by_label("No keys");
    harness.get_by_label("Rescan").click();
    harness.run_ok();
    assert!(sent(&harness).contains(&Command::Scan));

    let mut state = open_state(Place::Keys);
    state.keys.start();
    state.keys.apply(Event::Failed(
        "no cache answers at 127.0.0.1:1; start it".into(),
    ));
    let harness = window(state, (1280.0, 800.0), Theme::Light);
    harness.get_by_label("The cache cannot be looked at");
    harness.get_by_label_contains("No cache answers");
}

#[test]
fn a_full_view_is_filtered_sorted_and_opened_by_name() {
    let mut harness = window(full(), (1280.0, 800.0), Theme::Dark);
    harness.get_by_label("602 of 602 keys");
    harness.get_by_label("complete");
    harness.get_by_label_contains("Prefix app:session:0:");
    harness.get_by_label("Sort by TTL").click();
    harness.run_ok();
    assert_eq!(asked(&harness).order.by, lookaside::inspect::Sort::Ttl);
    harness.get_by_label("Type hash, 60 keys").click();
    harness.run_ok();
    assert_eq!(asked(&harness).filter.hidden, [Kind::Hash]);
    harness.get_by_label_contains("TTL <1 m").click();
    harness.run_ok();
    assert_eq!(
        asked(&harness).filter.ttl,
        lookaside::inspect::TtlRange::bucket(lookaside::inspect::TtlBucket::Minute)
    );
    harness.get_by_label("Filter keys").focus();
    harness.run_ok();
    harness.get_by_label("Filter keys").type_text("app:u*");
    harness.run_ok();
    assert_eq!(asked(&harness).filter.pattern.as_bytes(), b"app:u*");
}

#[test]
fn arrows_move_the_selection_and_a_value_appears() {
    let mut harness = window(full(), (1280.0, 800.0), Theme::Dark);
    harness.get_by_label_contains("app:cart:0:0010").click();
    harness.run_ok();
    let opened: Vec<_> = sent(&harness);
    assert!(
        opened.contains(&Command::Open {
            name: b"app:cart:0:0010".to_vec(),
            anyway: false
        }),
        "{opened:?}"
    );
    harness.get_by_label("Reading the value");
    harness.key_press(Keyboard::ArrowDown);
    harness.run_ok();
    let Some(Command::Open { name, .. }) = sent(&harness).pop() else {
        panic!()
    };
    assert_ne!(name, b"app:cart:0:0010");

    let result = Ok(Box::new(hash()));
    // An answer about another key changes nothing.
    harness.state_mut().0.keys.apply(Event::Opened {
        name: b"other".to_vec(),
        result: Err("x".into()),
    });
    harness
        .state_mut()
        .0
        .keys
        .apply(Event::Opened { name, result });
    harness.run_ok();
    harness.get_by_label("mail, m240106@x.io");
    harness.get_by_label("raw, \\x00\\x7f");
    harness.get_by_label("Read more").click();
    harness.run_ok();
    assert_eq!(sent(&harness).pop(), Some(Command::More));
    harness.key_press_modifiers(Modifiers::NONE, Keyboard::Enter);
    harness.run_ok();
}

#[test]
fn a_partial_scan_says_partial() {
    let state = state_with(|state| {
        View::of(
            ScanState {
                phase: Phase::Cancelled,
                about: 5_000,
                ..seen(state)
            },
            Question::default(),
        )
    });
    let harness = window(state, (1024.0, 640.0), Theme::Light);
    harness.get_by_label("602 of about 5,000 keys");
    harness.get_by_label("partial, stopped");
}

#[test]
fn a_key_whose_ttl_has_ended_says_so_and_offers_a_rescan() {
    let mut state = full();
    state.clock.utc += chrono::TimeDelta::minutes(31);
    let mut harness = window(state, (1280.0, 800.0), Theme::Dark);
    harness.get_by_label_contains("app:cart:0:0030, string, TTL expired");
    harness.get_by_label_contains("app:cart:0:0090, string, TTL 56 m 58 s");
    harness.get_by_label("Keys have expired since");
    harness.get_by_label("Rescan now").click();
    harness.run_ok();
    assert!(sent(&harness).contains(&Command::Scan));
}

#[test]
fn a_long_score_is_shown_whole() {
    let score = "1795435200.1234567";
    let value = Value::ZSet {
        items: vec![(b"member".to_vec(), score.to_owned())],
        start: 0,
    };
    let mut state = full();
    let _ = state.keys.show_key("app:rank:0:0009".into());
    let about = About {
        kind: Kind::ZSet,
        ..hash().about
    };
    let about = About {
        name: b"app:rank:0:0009".to_vec(),
        ..about
    };
    let page = Page { value, next: None };
    state.keys.apply(Event::Opened {
        name: b"app:rank:0:0009".to_vec(),
        result: Ok(Box::new(Opened::new(about, page, None, None))),
    });
    picture(
        &mut window(state, (1280.0, 800.0), Theme::Dark),
        "keys-zset",
    );
}

fn with_a_value() -> State {
    let mut state = full();
    let command = state.keys.show_key("app:cart:0:0010".into());
    assert!(matches!(command, Some(Command::Open { .. })));
    state.keys.apply(Event::Opened {
        name: b"app:cart:0:0010".to_vec(),
        result: Ok(Box::new(hash())),
    });
    state
}

#[test]
fn picture_dark() {
    picture(
        &mut window(with_a_value(), (1280.0, 800.0), Theme::Dark),
        "keys-dark",
    );
}

#[test]
fn picture_light() {
    picture(
        &mut window(with_a_value(), (1280.0, 800.0), Theme::Light),
        "keys-light",
    );
}

#[test]
fn picture_small() {
    picture(
        &mut window(with_a_value(), (1024.0, 640.0), Theme::Light),
        "keys-small",
    );
}

/// The view with this value of a key opened.
fn with(name: &str, kind: Kind, value: Value) -> State {
    let mut state = full();
    let _ = state.keys.show_key(name.into());
    let about = About {
        name: name.as_bytes().to_vec(),
        kind,
        type_name: kind.name().into(),
        elements: Some(value.len() as u64),
        ..hash().about
    };
    let page = Page { value, next: None };
    state.keys.apply(Event::Opened {
        name: name.as_bytes().to_vec(),
        result: Ok(Box::new(Opened::new(about, page, None, None))),
    });
    state
}

/// A JSON document, packed with gzip and base64 by other programs.
const PACKED: &str =
    "H4sIAAAAAAACA6tWykxRsjLXUcpLzE1VslLKMzIxMDQwU9JRKklML1ayilZKBLKTlGJrAVKReoQqAAAA";

#[test]
fn what_is_packed_is_shown_as_a_tree_that_folds_and_can_be_read_otherwise() {
    let value = Value::String {
        offset: 0,
        bytes: PACKED.into(),
    };
    let state = with("app:user:1:0001", Kind::String, value);
    let mut harness = window(state, (1280.0, 800.0), Theme::Light);
    harness.get_by_label("Decoded as base64");
    harness.get_by_label("Decoded as gzip");
    harness.get_by_label("name: \"n240106\"");
    harness.get_by_label("1: \"b\"");
    picture(&mut harness, "keys-tree");
    harness.get_by_label("tags: [2]").click();
    harness.run_ok();
    assert!(harness.query_by_label("1: \"b\"").is_none());
    harness.get_by_label("Decoded as gzip").click();
    harness.run_ok();
    harness.get_by_label("Decode as hex").click();
    harness.run_ok();
    use lookaside::inspect::Decoder;
    assert!(sent(&harness).contains(&Command::Decode {
        which: Which::Value,
        chosen: vec![Decoder::Base64, Decoder::Hex],
    }));
}

#[test]
fn an_element_stands_beside_the_others_decoded() {
    let mut harness = window(with_a_value(), (1024.0, 640.0), Theme::Dark);
    harness.get_by_label("prefs, {\"lang\":\"de\"}").click();
    harness.run_ok();
    assert_eq!(
        sent(&harness).pop(),
        Some(Command::Decode {
            which: Which::Element(2),
            chosen: Vec::new()
        })
    );
    harness.state_mut().0.keys.apply(Event::Decoded {
        name: b"app:cart:0:0010".to_vec(),
        which: Which::Element(2),
        bytes: Box::new(Bytes::new(b"{\"lang\":\"de\"}", true, Vec::new())),
    });
    harness.run_ok();
    harness.get_by_label("lang: \"de\"");
    picture(&mut harness, "keys-element");
    harness.get_by_label("Close the element").click();
    harness.run_ok();
    assert!(harness.query_by_label("lang: \"de\"").is_none());
}

#[test]
fn geo_members_stand_on_a_map() {
    // GEOADD's scores of Palermo, Catania and Rome.
    let items = [
        ("Palermo", "3479099956230698"),
        ("Catania", "3479447370796909"),
        ("Rome", "3480343273965211"),
    ];
    let value = Value::ZSet {
        start: 0,
        items: items
            .map(|(member, score)| (member.into(), score.into()))
            .to_vec(),
    };
    let state = with("app:rank:0:0009", Kind::ZSet, value);
    let mut harness = window(state, (1280.0, 800.0), Theme::Dark);
    harness.get_by_label("Map").click();
    harness.run_ok();
    assert!(
        harness
            .query_by_label_contains("3479099956230698")
            .is_none()
    );
    picture(&mut harness, "keys-map");
}

#[test]
fn a_locked_view_offers_no_change_and_an_unlocked_one_shows_what_it_sends() {
    let mut harness = window(with_a_value(), (1280.0, 800.0), Theme::Dark);
    assert!(harness.query_by_label("Change").is_none());
    assert!(harness.query_by_label("Add a key").is_none());
    harness.get_by_label("Read-only").click();
    harness.run_ok();
    assert_eq!(sent(&harness).pop(), Some(Command::AskUnlock));
    let dialog = Dialog::unlock("redis://127.0.0.1:6379/0".into());
    harness.state_mut().0.keys.ask_with(dialog);
    harness.run_ok();
    harness.get_by_label("Unlock for writing").click();
    harness.run_ok();
    assert_eq!(sent(&harness).pop(), Some(Command::Unlock(true)));

    harness.state_mut().0.keys.lock().set_unlocked(true);
    harness.run_ok();
    harness.get_by_label("Unlocked: this server can be changed");
    picture(&mut harness, "keys-unlocked");
    harness.get_by_label("Change").click();
    harness.run_ok();
    harness.get_by_label("Set the TTL").click();
    harness.run_ok();
    harness.get_by_label("PERSIST app:cart:0:0010");
    picture(&mut harness, "keys-ttl");
    harness.get_by_label("Save").click();
    harness.run_ok();
    let change = Change::Expire {
        key: b"app:cart:0:0010".to_vec(),
        after_ms: None,
    };
    assert_eq!(sent(&harness).pop(), Some(Command::Change(change)));
}

#[test]
fn many_keys_are_counted_before_they_are_deleted() {
    let mut harness = window(full(), (1024.0, 640.0), Theme::Light);
    harness.state_mut().0.keys.lock().set_unlocked(true);
    harness.run_ok();
    harness.get_by_label("Delete 602 keys shown").click();
    harness.run_ok();
    assert_eq!(sent(&harness).pop(), Some(Command::Preview));
    harness.get_by_label("Counting which of them are there");
    let counted = Preview {
        there: 600,
        gone: 2,
    };
    harness.state_mut().0.keys.apply(Event::Counted(counted));
    harness.run_ok();
    harness.get_by_label_contains("UNLINK key");
    harness.get_by_label("Server redis://127.0.0.1:6379/0");
    harness.get_by_label("Selected every key of this database");
    harness.get_by_label("Memory 255.3 KB");
    harness.get_by_label("app:cart:0:0010");
    harness.get_by_label("and 597 more");
    harness.get_by_label("This cannot be undone");
    picture(&mut harness, "keys-delete");
    // Every key there is: nothing is sent before their number was typed.
    for typed in ["60", "0"] {
        harness.get_by_label("Delete 600 keys").click();
        harness.run_ok();
        assert_eq!(sent(&harness).pop(), Some(Command::Preview));
        type_into(&mut harness, "Type 600 to delete every key", typed);
    }
    harness.get_by_label("Delete 600 keys").click();
    harness.run_ok();
    assert_eq!(
        sent(&harness).pop(),
        Some(Command::ChangeMany(Bulk::Delete))
    );
}

#[test]
fn keys_of_a_filter_are_deleted_without_typing_but_not_without_its_words() {
    let state = state_with(|state| {
        let filter = Filter {
            prefix: b"app:cart:".to_vec(),
            ..Filter::default()
        };
        let question = Question {
            filter,
            ..Question::default()
        };
        View::of(seen(state), question)
    });
    let mut harness = window(state, (1024.0, 640.0), Theme::Dark);
    harness.state_mut().0.keys.lock().set_unlocked(true);
    harness.run_ok();
    harness.get_by_label("Delete 150 keys shown").click();
    harness.run_ok();
    let counted = Preview {
        there: 150,
        gone: 0,
    };
    harness.state_mut().0.keys.apply(Event::Counted(counted));
    harness.run_ok();
    harness.get_by_label("Selected prefix app:cart:");
    harness
        .get_by_role_and_label(Role::Button, "Delete 150 keys")
        .click();
    harness.run_ok();
    assert_eq!(
        sent(&harness).pop(),
        Some(Command::ChangeMany(Bulk::Delete))
    );
}

pub(crate) fn type_into(harness: &mut Window, field: &str, text: &str) {
    harness
        .get_by_role_and_label(Role::TextInput, field)
        .focus();
    harness.run_ok();
    harness
        .get_by_role_and_label(Role::TextInput, field)
        .type_text(text);
    harness.run_ok();
}

#[test]
fn what_was_typed_is_not_lost_by_a_press_beside_the_dialog_or_one_escape() {
    let has_dialog = |harness: &Window| {
        harness
            .query_by_role_and_label(Role::TextInput, "New name")
            .is_some()
    };
    let mut harness = window(with_a_value(), (1280.0, 800.0), Theme::Dark);
    harness.state_mut().0.keys.lock().set_unlocked(true);
    harness.run_ok();
    let open = |harness: &mut Window| {
        harness.get_by_label("Change").click();
        harness.run_ok();
        harness.get_by_label("Rename").click();
        harness.run_ok();
    };
    open(&mut harness);
    assert!(has_dialog(&harness));
    // Nothing was typed: a press beside it closes it, and presses nothing else.
    harness.get_by_label("Rescan").click();
    harness.run_ok();
    assert!(!has_dialog(&harness) && !sent(&harness).contains(&Command::Scan));

    open(&mut harness);
    type_into(&mut harness, "New name", "-old");
    harness.get_by_label("Rescan").click();
    harness.run_ok();
    assert!(has_dialog(&harness));
    let asks = "Press Escape again to discard what you typed";
    harness.key_press(Keyboard::Escape);
    harness.run_ok();
    harness.get_by_label(asks);
    type_into(&mut harness, "New name", "er");
    assert!(harness.query_by_label(asks).is_none());
    for is_left in [false, true] {
        harness.key_press(Keyboard::Escape);
        harness.run_ok();
        assert_eq!(has_dialog(&harness), !is_left);
    }
}
