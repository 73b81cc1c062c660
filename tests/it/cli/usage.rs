//! What was asked for wrongly, and what a terminal must not obey.

use std::fmt::Write;
use std::fs;

use super::Place;
use crate::servers::closed_port;

#[test]
fn wrong_usage_is_one_sentence_and_status_2() {
    let place = Place::new();
    let report = place.bad(&["run", "nosuch"], 2);
    assert!(
        report.contains("no report \"nosuch\"") && report.contains("none"),
        "{report}"
    );
    let parameter = place.bad(&["run", "all", "-p", "maxx=3"], 2);
    assert!(
        parameter.contains("maxx") && parameter.contains("max"),
        "{parameter}"
    );
    let kind = place.bad(&["run", "all", "-p", "max=many"], 2);
    assert!(kind.contains("max") && kind.contains("integer"), "{kind}");
    let missing = place.bad(&["run", "needs"], 2);
    assert!(missing.contains("day"), "{missing}");
    let csv = place.bad(&["run", "all", "--guard"], 2);
    assert!(csv.contains("--format csv"), "{csv}");
    let null = place.bad(&["run", "all", "--format", "csv", "--null", "a,b"], 2);
    assert!(null.contains("comma"), "{null}");
    assert!(
        place
            .bad(&["run", "all", "--format", "table", "-o", "x"], 2)
            .contains("csv")
    );
    assert!(place.bad(&["warm", "needs"], 2).contains("day"));
    for args in [
        &["run"][..],
        &["nosuch"],
        &["run", "all", "-p", "max"],
        &["race", "all", "-n", "0"],
        &["race", "all", "--workspace", "demo:huge"],
    ] {
        let output = place.output(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
    }
    // There is no display here, and the demo was not asked for.
    assert!(
        place
            .bad(&["--workspace", "lookaside.toml"], 2)
            .contains("no display")
    );
}

#[test]
fn a_mistake_in_the_workspace_names_its_place() {
    let place = Place::new();
    fs::write(
        place.path("lookaside.toml"),
        "[cache]\nurl = \"redis://127.0.0.1\"\nprefixx = \"a\"\n",
    )
    .unwrap();
    let error = place.bad(&["keys"], 1);
    assert!(
        error.contains("lookaside.toml:3:1") && error.contains("prefix"),
        "{error}"
    );
    assert!(
        place
            .bad(&["reports", "--workspace", "other.toml"], 1)
            .contains("other.toml")
    );
    fs::remove_file(place.path("lookaside.toml")).unwrap();
    assert!(place.bad(&["reports"], 1).contains("there is no workspace"));
}

#[test]
fn options_of_all_commands_stand_before_and_after_them() {
    let place = Place::new();
    fs::copy(place.path("lookaside.toml"), place.path("other.toml")).unwrap();
    fs::remove_file(place.path("lookaside.toml")).unwrap();
    place.good(&["--workspace", "other.toml", "run", "twice"]);
    place.good(&["run", "twice", "--workspace", "other.toml"]);
    let url = place.redis.as_ref().unwrap().url();
    place.good(&["--redis", &url, "keys"]);
    place.good(&["keys", "--redis", &url]);
    // The size is read (and then there is no database to load into).
    let nowhere = format!("mysql://me@127.0.0.1:{}/shop", closed_port());
    for args in [
        &[
            "demo", "--load", &nowhere, "--size", "1280x800", "--theme", "dark",
        ][..],
        &[
            "--size", "1280x800", "demo", "--load", &nowhere, "--view", "keys",
        ],
    ] {
        assert!(place.bad(args, 1).contains("cannot connect"), "{args:?}");
    }
    // One that the command would not read is refused.
    for (args, why) in [
        (
            &["run", "twice", "--size", "1280x800"][..],
            "for the window",
        ),
        (&["--theme", "dark", "reports"], "for the window"),
        (
            &["reports", "--redis", &url],
            "for the window, keys, key and redis",
        ),
        (
            &["demo", "--terminal", "--workspace", "other.toml"],
            "of its own",
        ),
        (
            &["--workspace", "other.toml", "keys", "--redis", &url],
            "leave out",
        ),
    ] {
        let error = place.bad(args, 2);
        assert!(error.contains(why), "{args:?}: {error}");
    }
}

#[test]
fn an_unknown_report_among_thousands_is_told_the_nearest() {
    let place = Place::new();
    let mut text = fs::read_to_string(place.path("lookaside.toml")).unwrap();
    for i in 0..3000 {
        write!(
            text,
            "[[reports]]\nname = \"report-{i:04}\"\nsource = \"shop\"\nsql = \"SELECT {i}\"\n"
        )
        .unwrap();
    }
    fs::write(place.path("lookaside.toml"), text).unwrap();
    let error = place.bad(&["run", "reprot-2417"], 2);
    assert!(
        error.contains("the nearest of its 3,011 are report-2417, ") && error.len() < 300,
        "{error}"
    );
}

/// Fails where a terminal would obey something in the text.
fn harmless(text: &str) {
    let obeyed = |character| character != '\n' && lookaside::human::is_obeyed(character);
    assert!(!text.contains(obeyed), "{text:?}");
}

#[test]
fn nothing_from_elsewhere_moves_the_cursor() {
    let place = Place::new();
    let evil = "e\u{1b}[31m\u{9b}2J\u{202e}\r";
    let toml = r"e\u001b[31m\u009b2J\u202e\r";
    let mut text = fs::read_to_string(place.path("lookaside.toml")).unwrap();
    for (name, sql) in [
        ("", "SELECT 1 AS a".to_owned()),
        (" column", format!("SELECT 'x{toml}' AS [{toml}]")),
        // The database repeats it in its error.
        (" error", format!("SELECT [{toml}] FROM things")),
    ] {
        write!(
            text,
            "[[reports]]\nname = \"{toml}{name}\"\nsource = \"shop\"\nsql = \"{sql}\"\n"
        )
        .unwrap();
    }
    fs::write(place.path("lookaside.toml"), &text).unwrap();
    let redis = place.redis.as_ref().unwrap();
    redis.cli(&["SET", evil, evil]);
    redis.cli(&["HSET", &format!("h{evil}"), evil, evil]);

    let named = |name: &str| format!("{evil}{name}");
    for args in [
        &["reports"][..],
        &["reports", "--json"],
        &["warm", &named(""), &named(" column")],
        &["run", &named("")],
        &["run", &named(" column"), "--stats"],
        &["race", &named(""), "-n", "1"],
        &["race", &named(""), "-n", "1", "--json"],
        &["keys"],
        &["keys", "--json"],
        &["key", evil],
        &["key", evil, "--json"],
        &["key", &format!("h{evil}")],
        &["key", &format!("h{evil}"), "--json"],
        &["check"],
    ] {
        let (out, err) = place.good(args);
        harmless(&out);
        harmless(&err);
    }
    // What was made visible can be told from what it was, and JSON says the very same.
    assert!(
        place
            .good(&["reports"])
            .0
            .contains(r"e\u{1b}[31m\u{9b}2J\u{202e}\r")
    );
    assert_eq!(place.json(&["key", evil, "--json"])["value"], evil);

    let refused = place.bad(&["run", &named(" error")], 1);
    assert!(
        refused.contains(r"no such column: e\u{1b}[31m"),
        "{refused}"
    );
    harmless(&refused);
    harmless(&place.bad(&["run", &named(" nowhere")], 2));
    harmless(&place.bad(&["key", &named(" nowhere")], 1));
    fs::write(
        place.path("lookaside.toml"),
        format!("{text}[[reports]]\n\"{toml}\" = 1"),
    )
    .unwrap();
    let (out, err) = place.good(&["reports"]);
    harmless(&out);
    harmless(&err);
}

#[test]
fn what_is_left_of_a_long_expiry_is_told_in_days_and_hours() {
    let place = Place::new();
    let redis = place.redis.as_ref().unwrap();
    redis.cli(&["SET", "long", "x", "EX", "90059"]);
    for args in [&["keys"][..], &["key", "long"]] {
        let (out, _) = place.good(args);
        assert!(out.contains("1 d 1 h"), "{out}");
    }
}

#[test]
fn wrong_values_are_told_with_their_option() {
    let place = Place::new();
    let url = place.redis.as_ref().unwrap().url();
    for (args, why) in [
        (&["run", "all", "--limit", "-1"][..], "--limit"),
        (&["race", "all", "-n", "-1"], "-n"),
        (&["keys", "--top", "-1"], "--top"),
        (&["keys", "--prefix-depth", "-1"], "--prefix-depth"),
        (&["keys", "--sample", "-1"], "--sample"),
        (&["keys", "--sample", "0"], "at least 100"),
        (&["keys", "--compare", "lookaside.toml"], "no analysis"),
        (&["key", "--base64", "!"], "not base64"),
        (&["redis", "--redis", &url, ""], "the command is empty"),
        (&["keys", "--redis", ""], "write \"redis://"),
        (&["keys", "--redis", "embedded"], "a running Redis"),
        (&["keys", "--redis", "redis://h/x"], "not a number"),
    ] {
        let output = place.output(args);
        let err = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {err}");
        assert!(err.contains(why), "{args:?}: {err}");
        // What is suggested is not refused.
        assert!(!err.contains("\"embedded\""), "{err}");
    }
    let endless = place.bad(&["keys", "--compare", "/dev/zero"], 1);
    assert!(endless.contains("longer than any analysis"), "{endless}");
}
