//! A part of the workspace file that cannot be used costs itself, and nothing else.

use std::fs;

use serde_json::Value;

use super::{Place, texts};

/// A place whose workspace file has `from` replaced by `to`.
fn changed(from: &str, to: &str) -> Place {
    let place = Place::new();
    let file = place.path("lookaside.toml");
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains(from), "{from}");
    fs::write(&file, text.replacen(from, to, 1)).unwrap();
    place
}

fn json(output: &std::process::Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {:?}", texts(output)))
}

/// The report "twice" is broken with `sentence`; every other part works, and everybody who lists reports says so.
fn costs_itself(place: &Place, sentence: &str) {
    assert_eq!(place.stats(&["run", "all"])["rows"], 5000, "{sentence}");
    place.good(&["keys"]);
    place.good(&["redis", "DBSIZE"]);
    let said = place.bad(&["run", "twice"], 1);
    assert!(
        said.contains("lookaside.toml:") && said.contains(sentence),
        "{said}"
    );
    let reports = place.json(&["reports", "--json"]);
    let reports = reports.as_array().unwrap();
    let broken = reports.iter().find(|one| one["name"] == "twice").unwrap();
    assert_eq!(broken["state"], "unknown");
    assert!(
        broken["reason"].as_str().unwrap().contains(sentence),
        "{broken}"
    );
    assert!(reports.iter().any(|one| one["state"] == "fresh"));
    let check = place.output(&["check", "--json"]);
    assert_eq!(check.status.code(), Some(1));
    let check = json(&check);
    let mistakes = check["mistakes"].as_array().unwrap();
    assert!(
        mistakes.iter().any(|mistake| mistake["report"] == "twice"
            && mistake["mistake"].as_str().unwrap().contains(sentence)),
        "{mistakes:?}"
    );
    assert_eq!(check["sources"][0]["ok"], true, "{check}");
}

#[test]
fn broken_report_costs_itself() {
    let twice =
        "name = \"twice\"\nsource = \"shop\"\nsql = \"SELECT 1 AS a, 2 AS a, 3 AS \\\"\\\"\"";
    let with = |line: &str| format!("name = \"twice\"\nsource = \"shop\"\n{line}");
    for (to, sentence) in [
        (with("sql = \"\""), "sql of the report \"twice\" is empty"),
        (
            with("sql = \"  \\n\""),
            "sql of the report \"twice\" is empty",
        ),
        (with("sql = 5"), "is an integer here"),
        (with(""), "has no sql"),
        (with("sql_file = \"gone.sql\""), "gone.sql cannot be read"),
        (
            with("sql_file = \"/dev/zero\""),
            "is not a file of at most 16 MB",
        ),
        (
            with("sql = \"SELECT 1\"\nttl = \"soon\""),
            "write a duration",
        ),
        (
            with("sql = \"SELECT 1\"\nttl = \"-1h\""),
            "write a duration",
        ),
        (
            with("sql = \"SELECT 1\"\nrefresh = \"now\""),
            "refresh is \"now\"",
        ),
        (
            with("sql = \"SELECT 1\"\ntll = \"1h\""),
            "did you mean \"ttl\"?",
        ),
        (with("sql = \"SELECT 1\"\ntables = 1"), "is an integer here"),
        (
            with("sql = \"SELECT :a\"\nparams = { a = { type = \"moon\" } }"),
            "there is no type \"moon\"",
        ),
        (
            with("sql = \"SELECT :a\"\nparams = { a = { type = \"date\", default = \"x\" } }"),
            "is not a date",
        ),
        (
            "name = \"twice\"\nsource = \"shp\"\nsql = \"SELECT 1\"".to_owned(),
            "did you mean \"shop\"?",
        ),
        (
            "name = \"twice\"\nsql = \"SELECT 1\"".to_owned(),
            "has no source",
        ),
    ] {
        costs_itself(&changed(twice, &to), sentence);
    }
}

#[test]
fn report_name_used_twice_runs_neither() {
    let place = changed("name = \"none\"", "name = \"twice\"");
    costs_itself(&place, "there are two reports \"twice\"; rename one");
    let reports = place.json(&["reports", "--json"]);
    let named = |name: &str| {
        let all = reports.as_array().unwrap().iter();
        all.filter(|one| one["name"] == name).count()
    };
    assert_eq!((named("twice"), named("none")), (2, 0));
}

#[test]
fn report_without_a_name_costs_itself() {
    for line in ["", "name = \"\"\n", "name = 7\n"] {
        let place = changed("name = \"twice\"\n", line);
        assert_eq!(place.stats(&["run", "all"])["rows"], 5000);
        let check = json(&place.output(&["check", "--json"]));
        assert_eq!(check["mistakes"][0]["report"], "number 4", "{check}");
    }
}

#[test]
fn broken_source_costs_its_reports() {
    let other = |line: &str| {
        format!(
            "[sources.other]\n{line}\n\n[[reports]]\nname = \"other\"\nsource = \"other\"\nsql = \"SELECT 1\"\n\n[sources.shop]"
        )
    };
    for (line, sentence) in [
        ("url = \"oracle://h/d\"", "begins with no scheme"),
        (
            "url = \"mysql://u:${NOT_SET_HERE}@h/d\"",
            "NOT_SET_HERE is not set",
        ),
        ("url = \"mysql://h/d?sslmod=x\"", "did you mean sslmode?"),
        (
            "url = \"mssql://h/d?encrypt=perhaps\"",
            "encrypt is on, strict, off",
        ),
        ("url = \"sqlite:\"", "names no file"),
        ("url = 3", "is an integer here"),
        ("", "has no url"),
        (
            "url = \"sqlite:a.db\"\npoll_interval = \"x\"",
            "write a duration",
        ),
        (
            "url = \"sqlite:a.db\"\npublication = true",
            "PostgreSQL alone",
        ),
        (
            "url = \"sqlite:a.db\"\nmax_concurrent_queries = 0",
            "give 1 to 1000",
        ),
    ] {
        let place = changed("[sources.shop]", &other(line));
        assert_eq!(place.stats(&["run", "all"])["rows"], 5000, "{line}");
        let said = place.bad(&["run", "other"], 1);
        assert!(
            said.contains("needs the source \"other\"") && said.contains(sentence),
            "{said}"
        );
        let check = place.output(&["check", "--json"]);
        assert_eq!(check.status.code(), Some(1));
        let check = json(&check);
        let sources = check["sources"].as_array().unwrap();
        let broken = sources.iter().find(|one| one["name"] == "other").unwrap();
        assert_eq!(broken["ok"], false);
        let detail = broken["steps"][0]["detail"].as_str().unwrap();
        assert!(detail.contains(sentence), "{detail}");
        let unwatched = place.output(&["unwatch", "--json"]);
        assert_eq!(unwatched.status.code(), Some(1));
        assert_eq!(json(&unwatched).as_array().unwrap().len(), 2);
    }
}

#[test]
fn broken_cache_runs_reports_uncached() {
    for (from, to, sentence) in [
        (
            "url = \"redis://",
            "url = \"redis+sentinel://",
            "Sentinel is not supported yet",
        ),
        (
            "url = \"redis://",
            "url = \"redis-cluster://",
            "cannot be cached in a cluster yet",
        ),
        (
            "url = \"redis://",
            "url = \"http://",
            "begins with no scheme",
        ),
        (
            "/0\"",
            "/0?cert=a&key=b\"",
            "a parameter \"cert\" that is not known here",
        ),
        (
            "[cache]\n",
            "[cache]\nprefix = \"a*\"\n",
            "prefix is empty or holds one of",
        ),
        ("[cache]\n", "[other]\n", "there is no [cache]"),
    ] {
        let place = changed(from, to);
        let stats = place.stats(&["run", "all"]);
        assert_eq!(
            (&stats["outcome"], &stats["rows"]),
            (&"bypass".into(), &5000.into()),
            "{stats}"
        );
        assert!(
            stats["reason"].as_str().unwrap().contains(sentence),
            "{stats}"
        );
        for args in [
            &["keys"][..],
            &["redis", "PING"],
            &["worker"],
            &["key", "a"],
        ] {
            let said = place.bad(args, 1);
            assert!(said.contains(sentence), "{args:?}: {said}");
        }
        let check = place.output(&["check", "--json"]);
        assert_eq!(check.status.code(), Some(1));
        let check = json(&check);
        assert_eq!(check["cache"]["ok"], false, "{check}");
        let detail = check["cache"]["steps"][0]["detail"].as_str().unwrap();
        assert!(detail.contains(sentence), "{detail}");
    }
}

#[test]
fn unknown_section_is_noted_and_the_rest_works() {
    let place = changed("[sources.shop]", "[report]\n[sources.shop]");
    assert_eq!(place.stats(&["run", "all"])["rows"], 5000);
    let (_, err) = place.good(&["reports"]);
    assert!(err.contains("did you mean \"reports\"?"), "{err}");
    let check = json(&place.output(&["check", "--json"]));
    let said = check["workspace"][0].as_str().unwrap();
    assert!(said.contains("has no setting \"report\""), "{said}");
    // What is no TOML, or no workspace at all, still ends every command that needs the file.
    for text in ["[cache", "", "x = 1"] {
        fs::write(place.path("lookaside.toml"), text).unwrap();
        let said = place.bad(&["run", "all"], 1);
        assert!(said.contains("lookaside.toml:"), "{said}");
    }
}

#[test]
fn worker_goes_on_without_a_broken_report() {
    use std::io::{BufRead, BufReader};
    use std::process::Stdio;
    let place = changed(
        "sql = \"SELECT id, name FROM things WHERE id < 0\"",
        "sql = \"\"",
    );
    let mut worker = place
        .command(&["worker"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    BufReader::new(worker.stderr.take().unwrap())
        .read_line(&mut said)
        .unwrap();
    assert!(
        said.contains("the report \"none\" is left out") && said.contains("is empty"),
        "{said}"
    );
    let lines = BufReader::new(worker.stdout.take().unwrap()).lines();
    let filled = lines
        .map_while(Result::ok)
        .find(|line| line.contains("\"watched\"") && line.contains("\"refreshed\""));
    assert!(filled.is_some());
    super::interrupt(&worker, rustix::process::Signal::TERM);
    assert!(worker.wait().unwrap().success());
}

#[test]
fn saving_a_report_leaves_another_broken_one_alone() {
    use lookaside::workspace::{Workspace, WorkspaceFile};
    let place = changed(
        "sql = \"SELECT id, name FROM things WHERE id < 0\"",
        "sql = \"\"",
    );
    let path = place.path("lookaside.toml");
    let mut report = Workspace::load(&path)
        .unwrap()
        .report("all")
        .unwrap()
        .clone();
    report.sql.push_str(" DESC");
    let mut file = WorkspaceFile::open(&path).unwrap();
    file.put_report(&report, None).unwrap();
    let saved = file.save().unwrap();
    assert_eq!(saved.report("all").unwrap().sql, report.sql);
    assert_eq!(saved.broken.len(), 1);
    // An edit that breaks something itself is refused, and the file stays.
    let before = fs::read_to_string(&path).unwrap();
    report.source = "nosuch".to_owned();
    let mut file = WorkspaceFile::open(&path).unwrap();
    file.put_report(&report, None).unwrap();
    let refused = file.save().unwrap_err().to_string();
    assert!(refused.contains("which is not there"), "{refused}");
    let mut file = WorkspaceFile::open(&path).unwrap();
    assert!(file.remove_source("shop"));
    assert!(file.save().is_err());
    assert_eq!(fs::read_to_string(&path).unwrap(), before);
}
