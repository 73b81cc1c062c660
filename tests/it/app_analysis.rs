//! The Keys view's filters, analysis, samples, comparisons and export, by accessible name.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use eframe::egui::Theme;
use egui_kittest::kittest::Queryable;

use lookaside::app::state::State;
use lookaside::app::views::keys::{Command, Event, Save, What};
use lookaside::inspect::{
    Analysis, Bounds, Count, Detail, Filter, Key, Kind, Portion, Question, Range, Sampled,
    ScanState, Ttl, TtlRange, View,
};

use super::app_keys::{asked, full, seen, sent, state_with, type_into};
use super::app_latency::{picture, window};

fn analysed() -> State {
    state_with(|state| {
        let question = Question {
            open: [b"app:".to_vec()].into(),
            analysis: Some(Detail { depth: 2, top: 5 }),
            ..Question::default()
        };
        View::of(seen(state), question)
    })
}

#[test]
fn more_filters_are_typed_and_cleared() {
    let mut harness = window(full(), (1280.0, 800.0), Theme::Dark);
    harness.get_by_label("More filters").click();
    harness.run_ok();
    type_into(&mut harness, "Time to live", "<1h");
    harness.run_ok();
    let TtlRange::Within(range) = asked(&harness).filter.ttl else {
        panic!("{:?}", asked(&harness).filter)
    };
    assert_eq!(range.most, Some(3_599_999));
    type_into(&mut harness, "Elements", "many");
    harness.run_ok();
    harness.get_by_label_contains("\"many\" is no range");
    assert_eq!(asked(&harness).filter.elements, Range::default());
    picture(&mut harness, "keys-filters");
    // It stands outside, so that a press on it closes what was open.
    harness.get_by_label("Only entries of reports").click();
    harness.run_ok();
    assert_eq!(asked(&harness).filter.entries.as_deref(), Some("lookaside"));
    harness.get_by_label("More filters").click();
    harness.run_ok();
    harness.get_by_label("Clear filters").click();
    harness.run_ok();
    assert!(asked(&harness).filter.is_all());
}

#[test]
fn the_analysis_opens_closes_and_goes_deeper() {
    let mut harness = window(full(), (1280.0, 800.0), Theme::Dark);
    harness.get_by_label("Analysis").click();
    harness.run_ok();
    assert_eq!(asked(&harness).analysis, Some(Detail::default()));

    let mut harness = window(analysed(), (1280.0, 800.0), Theme::Dark);
    harness.get_by_label("602 keys, 255.3 KB");
    harness.get_by_label("string, 361, 181.3 KB");
    harness.get_by_label("Longer prefixes").click();
    harness.run_ok();
    assert_eq!(asked(&harness).analysis.unwrap().depth, 3);
    harness.get_by_label("Export").click();
    harness.run_ok();
    assert_eq!(sent(&harness).pop(), Some(Command::Export(What::Analysis)));
    harness.get_by_label("Analysis").click();
    harness.run_ok();
    assert_eq!(asked(&harness).analysis, None);
}

#[test]
fn what_is_kept_is_compared_with_what_is_there_now() {
    let mut state = analysed();
    let now = Analysis {
        all: Portion {
            count: Count {
                keys: 500,
                bytes: 200_000,
            },
            ..Portion::default()
        },
        depth: 2,
        ..Analysis::default()
    };
    state.keys.apply(Event::Before(Ok(Box::new(now))));
    let harness = window(state, (1280.0, 1400.0), Theme::Light);
    harness.get_by_label_contains("everything, +102, +60.0 KB");
    harness.get_by_label("Stop comparing");

    let mut state = analysed();
    state
        .keys
        .apply(Event::Before(Err("old.json: it is no analysis".into())));
    let harness = window(state, (1280.0, 800.0), Theme::Light);
    harness.get_by_label_contains("it is no analysis");
}

#[test]
fn what_is_kept_is_compared_only_with_the_same_selection() {
    let mut harness = window(analysed(), (1280.0, 800.0), Theme::Light);
    harness.get_by_label("Keep").click();
    harness.run_ok();
    harness.get_by_label_contains("rescan, and what grew since then stands here");
    let later = || {
        let all = Portion {
            count: Count {
                keys: 700,
                bytes: 300_000,
            },
            ..Portion::default()
        };
        let analysis = Analysis {
            all,
            depth: 2,
            ..Analysis::default()
        };
        Event::Sampled(Ok(Box::new(analysis)))
    };
    let keys = &mut harness.state_mut().0.keys;
    keys.sample_begins();
    keys.apply(later());
    harness.run_ok();
    harness.get_by_label_contains("everything, +98");

    type_into(&mut harness, "Filter keys", "app:u*");
    let keys = &mut harness.state_mut().0.keys;
    keys.sample_begins();
    keys.apply(later());
    harness.run_ok();
    harness.get_by_label_contains("of another selection (every key of this database)");
    assert!(harness.query_by_label_contains("everything, +").is_none());
    harness.get_by_label("Drop the kept analysis").click();
    harness.run_ok();
    assert!(
        harness
            .query_by_label_contains("another selection")
            .is_none()
    );
    harness.get_by_label("Keep");
}

#[test]
fn a_filter_that_the_scan_cannot_answer_says_so() {
    let state = state_with(|state| {
        let key = Key {
            name: b"list",
            kind: Kind::List,
            type_name: "list",
            ttl: Ttl::Never,
            bytes: Some(96),
            encoding: "listpack",
            elements: None,
            idle: Some(18),
            frequency: None,
        };
        let now = state.clock.utc.timestamp_millis();
        let note = "Elements are not counted: to Redis 7.0.15 that would be use of every key.";
        let scan = ScanState {
            notes: vec![note.to_owned()],
            ..ScanState::seen([key], now)
        };
        let filter = Filter {
            elements: Range::count(">5").unwrap(),
            ..Filter::default()
        };
        let question = Question {
            filter,
            ..Question::default()
        };
        View::of(scan, question)
    });
    let mut harness = window(state, (1280.0, 800.0), Theme::Dark);
    harness.get_by_label("This filter cannot be answered");
    harness
        .get_by_label("Count the elements of each collection")
        .click();
    harness.run_ok();
    assert_eq!(sent(&harness).pop(), Some(Command::CountElements));
}

fn sampled() -> State {
    let mut state = analysed();
    let group = |name: &str, keys: u64, bytes: u64| Portion {
        name: name.into(),
        count: Count { keys, bytes },
        bounds: Some(Bounds {
            low: Count {
                keys: keys - keys / 50,
                bytes: bytes - bytes / 20,
            },
            high: Count {
                keys: keys + keys / 50,
                bytes: bytes + bytes / 15,
            },
        }),
    };
    let analysis = Analysis {
        about: 12_000_000,
        sample: Some(Sampled {
            draws: 20_000,
            of: 12_000_000,
        }),
        all: group("", 12_000_000, 4_123_456_789),
        types: vec![
            group("string", 7_204_120, 2_400_123_456),
            group("hash", 4_795_880, 1_723_333_333),
        ],
        ttl: vec![
            group("never", 8_000_000, 3_000_000_000),
            group("<1 h", 4_000_000, 1_123_456_789),
        ],
        encodings: vec![
            group("raw", 7_204_120, 2_400_123_456),
            group("listpack", 4_795_880, 1_723_333_333),
        ],
        used: vec![group("<1 m", 12_000_000, 4_123_456_789)],
        prefixes: vec![group("app:", 12_000_000, 4_123_456_789)],
        depth: 1,
        ..Analysis::default()
    };
    state.keys.apply(Event::Sampled(Ok(Box::new(analysis))));
    state
}

#[test]
fn a_sample_says_how_sure_it_is_and_gives_way_to_the_scan() {
    let mut harness = window(sampled(), (1280.0, 800.0), Theme::Dark);
    harness.get_by_label_contains("estimated from 20,000 draws of 12,000,000 keys");
    harness.get_by_label_contains("string, 7,204,120, 7,060,038 to 7,348,202");
    harness.get_by_label("Back to the scan").click();
    harness.run_ok();
    harness.get_by_label_contains("counted, the scan is complete");
    harness.get_by_label("Sample").click();
    harness.run_ok();
    assert_eq!(sent(&harness).pop(), Some(Command::Sample(20_000)));
}

#[test]
fn an_export_asks_before_it_writes_over_a_file() {
    let mut state = full();
    state
        .keys
        .export(Save::new("/srv/keys.csv".into(), What::Keys));
    let mut harness = window(state, (1280.0, 800.0), Theme::Dark);
    harness.get_by_label("602 keys shown");
    harness.get_by_label("Write the file").click();
    harness.run_ok();
    let written = |replace| Command::Save {
        path: "/srv/keys.csv".into(),
        what: What::Keys,
        replace,
    };
    assert_eq!(sent(&harness).pop(), Some(written(false)));
    harness.state_mut().0.keys.apply(Event::Taken);
    harness.run_ok();
    harness.get_by_label_contains("press Replace");
    picture(&mut harness, "keys-export");
    // The dialog has grown by a sentence and stands elsewhere now.
    harness.run_ok();
    harness.get_by_label("Write the file").click();
    harness.run_ok();
    assert_eq!(sent(&harness).pop(), Some(written(true)));
    harness
        .state_mut()
        .0
        .keys
        .apply(Event::Saved(Err("the disk is full".into())));
    harness.run_ok();
    harness.get_by_label("The disk is full");
    harness.state_mut().0.keys.apply(Event::Saved(Ok(())));
    harness.run_ok();
    assert!(harness.query_by_label("Write the file").is_none());
}

#[test]
fn an_analysis_is_one_object_for_view_and_file() {
    let state = analysed();
    let view: &Arc<View> = state.keys.view();
    let analysis = view.analysis.as_ref().unwrap();
    assert_eq!(analysis.all.count, view.shown);
}

#[test]
fn picture_dark() {
    picture(
        &mut window(analysed(), (1280.0, 800.0), Theme::Dark),
        "analysis-dark",
    );
}

#[test]
fn picture_light() {
    picture(
        &mut window(analysed(), (1280.0, 800.0), Theme::Light),
        "analysis-light",
    );
}

#[test]
fn picture_small() {
    picture(
        &mut window(analysed(), (1024.0, 640.0), Theme::Light),
        "analysis-small",
    );
}

#[test]
fn picture_of_a_sample() {
    picture(
        &mut window(sampled(), (1280.0, 800.0), Theme::Dark),
        "analysis-sample",
    );
}
