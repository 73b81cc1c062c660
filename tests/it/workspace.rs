//! The workspace file.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::time::Duration;

use lookaside::report::{Dialect, ParamType, Refresh, Value};
use lookaside::workspace::{Publication, Workspace, WorkspaceFile};

const FILE: &str = r#"# The shop's reports.
[cache]
url = "redis://127.0.0.1:6379/0"      # the team's Redis
prefix = "shop"

[sources.shop]
url = "sqlite:shop.db"
max_concurrent_queries = 3
query_timeout = "2m"

# Who buys most.
[[reports]]
name = "top-customers"
source = "shop"
sql = """SELECT * FROM orders
WHERE d >= :since AND total > :least AND r IN (:regions)"""
params = { since = { type = "date", default = 1995-01-01 }, least = { type = "decimal", default = 1_000.50 }, regions = { type = "list of text", default = ["ASIA", "a,b"] } }
ttl = "2h"           # twice an hour
refresh = "every 10m"
tables = ["orders"]

[[reports]]
name = "all"
source = "shop"
sql_file = "all.sql"
"#;

struct Folder(tempfile::TempDir);

impl Folder {
    fn with(text: &str) -> (Self, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("all.sql"), "SELECT 1").unwrap();
        let path = folder.path().join("lookaside.toml");
        std::fs::write(&path, text).unwrap();
        (Self(folder), path)
    }
}

/// The workspace; else its first mistake.
fn load(text: &str) -> Result<Workspace, String> {
    let (_folder, path) = Folder::with(text);
    let workspace = Workspace::load(&path).map_err(|error| error.to_string())?;
    match workspace.broken.first() {
        Some(broken) => Err(broken.message.clone()),
        None => Ok(workspace),
    }
}

#[test]
fn the_memory_for_answers_is_a_size() {
    for (written, bytes) in [
        ("", 64 << 20),
        ("memory = \"0\"", 0),
        ("memory = \"512 KB\"", 512 << 10),
        ("memory = \"2gb\"", 2 << 30),
        ("memory = \"1000B\"", 1000),
    ] {
        let text = format!("[cache]\nurl = \"redis://h\"\n{written}");
        let workspace = load(&text).unwrap();
        assert_eq!(workspace.cache.memory, bytes, "{written}");
        let again = load(&workspace.to_toml().unwrap()).unwrap();
        assert_eq!(again.cache.memory, bytes, "{written}");
    }
    for wrong in ["-1MB", "MB", "", "1.5MB", "99999999999GB", "2TB", "1 M B"] {
        let text = format!("[cache]\nurl = \"redis://h\"\nmemory = \"{wrong}\"");
        assert!(load(&text).unwrap_err().contains("write a size"), "{wrong}");
    }
}

#[test]
fn a_whole_file_is_read() {
    let (folder, path) = Folder::with(FILE);
    let workspace = Workspace::load(&path).unwrap();
    assert_eq!(workspace.path.as_deref(), Some(path.as_path()));
    assert_eq!(
        workspace.name,
        folder.0.path().file_name().unwrap().to_string_lossy()
    );
    assert_eq!(
        (
            workspace.cache.url.expose(),
            workspace.cache.prefix.as_str()
        ),
        ("redis://127.0.0.1:6379/0", "shop")
    );
    let shop = &workspace.sources["shop"];
    assert_eq!(
        shop.url.sqlite_path(),
        Some(folder.0.path().join("shop.db"))
    );
    assert_eq!(
        (shop.max_concurrent_queries, shop.query_timeout),
        (3, Duration::from_mins(2))
    );
    assert_eq!(shop.poll_interval, Duration::from_millis(50));
    assert_eq!(
        (shop.forget_after, shop.max_refresh_load),
        (Duration::from_hours(24), 1.0)
    );
    let set = "forget_after = \"2h\"\nmax_refresh_load = \"50%\"";
    let other = load(&FILE.replace("query_timeout = \"2m\"", set)).unwrap();
    let shop = &other.sources["shop"];
    assert_eq!(
        (shop.forget_after, shop.max_refresh_load),
        (Duration::from_hours(2), 0.5)
    );
    let report = workspace.report("top-customers").unwrap();
    assert_eq!(report.ttl, Duration::from_hours(2));
    assert_eq!(report.stale_for, Duration::from_hours(24));
    assert_eq!(report.refresh, Refresh::Every(Duration::from_mins(10)));
    assert_eq!(report.tables.as_deref(), Some(&["orders".to_owned()][..]));
    let kinds: Vec<_> = report
        .params
        .iter()
        .map(|spec| (spec.name.as_str(), spec.kind, spec.list))
        .collect();
    let want = [
        ("since", ParamType::Date, false),
        ("least", ParamType::Decimal, false),
        ("regions", ParamType::Text, true),
    ];
    assert_eq!(kinds, want);
    assert_eq!(
        report.params[1].default,
        Some(Value::Decimal("1000.50".to_owned()))
    );
    assert_eq!(
        report.bind(&[]).unwrap().summary(),
        "since=1995-01-01 least=1000.50 regions=ASIA,\"a,b\""
    );
    assert_eq!(workspace.report("all").unwrap().sql, "SELECT 1");
    let unknown = workspace.report("none").unwrap_err().to_string();
    assert_eq!(
        unknown,
        "there is no report \"none\" in this workspace; it has top-customers, all"
    );
}

#[test]
fn each_mistake_is_one_message_with_line_column_and_remedy() {
    let changes = [
        (
            "prefix = \"shop\"",
            "prefx = \"shop\"",
            ":4:1: [cache] has no setting \"prefx\"; did you mean \"prefix\"?",
        ),
        (
            "prefix = \"shop\"",
            "colour = 1",
            ":4:1: [cache] has no setting \"colour\"; it takes url, prefix",
        ),
        (
            "prefix = \"shop\"",
            "memory = \"64 megs\"",
            ":4:10: memory of [cache] is \"64 megs\"; write a size such as memory = \"64MB\"",
        ),
        (
            "prefix = \"shop\"",
            "memory = 64",
            "is an integer here; write a size",
        ),
        (
            "prefix = \"shop\"",
            "prefix = 5",
            ":4:10: prefix of [cache] is an integer here; write prefix = \"...\"",
        ),
        (
            "prefix = \"shop\"",
            "prefix = \"a{b}\"",
            ":4:10: prefix is empty or holds one of",
        ),
        (
            "redis://127",
            "rediss//127",
            ":3:7: the URL \"rediss//127.0.0.1:6379/0\" begins with no scheme",
        ),
        ("redis://127", "reddis://127", "did you mean redis:?"),
        (
            "redis://127.0.0.1",
            "redis://:hunter2@",
            r#"the URL "redis://:***@:6379/0" cannot be read: empty host"#,
        ),
        (
            "redis://127",
            "redis://${LOOKASIDE_NOT_SET}@127",
            "LOOKASIDE_NOT_SET is not set; set it",
        ),
        (
            "sqlite:shop.db",
            "oracle://h/d",
            ":7:7: the URL \"oracle://h/d\" begins with no scheme",
        ),
        ("sqlite:shop.db", "sqlite:", "names no file"),
        (
            "query_timeout = \"2m\"",
            "query_timeout = \"2 monkeys\"",
            ":9:17: query_timeout of [sources.shop] is \"2 monkeys\"; write a duration such as query_timeout = \"5m\"",
        ),
        (
            "query_timeout = \"2m\"",
            "query_timeout = 2",
            "is an integer here; write a duration",
        ),
        (
            "query_timeout = \"2m\"",
            "query_timeout = \"0s\"",
            "is zero",
        ),
        (
            "max_concurrent_queries = 3",
            "max_concurrent_queries = 0",
            "is 0; give 1 to 1000",
        ),
        (
            "query_timeout = \"2m\"",
            "forget_after = \"3d\"",
            "requests are remembered for two days; write \"48h\" at most",
        ),
        (
            "query_timeout = \"2m\"",
            "max_refresh_load = \"0%\"",
            "max_refresh_load of [sources.shop] is \"0%\"; write max_refresh_load = \"50%\", from 1% to 100%",
        ),
        (
            "name = \"all\"",
            "name = \"top-customers\"",
            ":23:8: there are two reports \"top-customers\"; rename one",
        ),
        (
            "name = \"all\"\nsource = \"shop\"",
            "name = \"all\"\nsource = \"shp\"",
            ":24:10: the report \"all\" names the source \"shp\", which is not there; did you mean \"shop\"?",
        ),
        ("all.sql", "gone.sql", "gone.sql cannot be read"),
        (
            "sql_file = \"all.sql\"",
            "",
            "the report \"all\" has no sql; add sql",
        ),
        (
            "ttl = \"2h\"",
            "tll = \"2h\"",
            "the report \"top-customers\" has no setting \"tll\"; did you mean \"ttl\"?",
        ),
        (
            "every 10m",
            "sometimes",
            "refresh is \"sometimes\"; write on-change, ahead-of-expiry, ttl, or a schedule",
        ),
        (
            "type = \"date\"",
            "type = \"dates\"",
            "there is no type \"dates\"; did you mean \"date\"?",
        ),
        (
            "default = 1995-01-01",
            "default = \"soon\"",
            "parameter \"since\": \"soon\" is not a date",
        ),
        (
            "default = 1_000.50",
            "default = true",
            "parameter \"least\": \"true\" is not a decimal",
        ),
        (
            "default = [\"ASIA\", \"a,b\"]",
            "default = \"ASIA\"",
            "a list's default stands in brackets",
        ),
        (
            "[cache]",
            "[cahce]",
            ":2:2: the file has no setting \"cahce\"; did you mean \"cache\"?",
        ),
        ("[sources.shop]", "[sources.shop", "this is not TOML"),
        (
            "prefix = \"shop\"",
            "prefix = \"shop\"\nprefix = \"x\"",
            "this is not TOML: duplicate key",
        ),
    ];
    assert!(load(FILE).is_ok());
    for (from, to, want) in changes {
        assert!(FILE.contains(from), "{from}");
        let message = load(&FILE.replacen(from, to, 1)).unwrap_err();
        assert!(
            message.contains("lookaside.toml:") && message.contains(want),
            "{from} -> {to}:\n{message}"
        );
        assert!(
            !message.contains("hunter2") && !message.contains('\n'),
            "{message}"
        );
    }
    assert!(load("").unwrap_err().contains("there is no [cache]"));
}

#[test]
fn a_mistake_in_one_report_is_its_own() {
    let cases = [
        (
            "total > :least AND ",
            "",
            "params declares \"least\", which the SQL does not use",
        ),
        (
            "total > :least",
            "total > :least + :more",
            "the SQL uses :more, which params does not declare",
        ),
        (
            "d >= :since",
            "d >= 'x :since",
            "line 2, column 12 of the SQL: the string that begins here does not end; close it",
        ),
        (
            "d >= :since",
            "/* d >= :since",
            "line 2, column 7 of the SQL: the comment that begins here does not end; close it",
        ),
        (
            "FROM orders",
            "FROM \\\"orders",
            "line 1, column 15 of the SQL: the quoted name that begins here does not end; close it",
        ),
    ];
    for (from, to, want) in cases {
        let workspace = load(&FILE.replacen(from, to, 1)).unwrap();
        let broken = workspace.report("top-customers").unwrap();
        let mistake = broken.check(Dialect::Sqlite).unwrap_err().to_string();
        assert!(mistake.contains(want), "{to}: {mistake}");
        assert_eq!(
            workspace.report("all").unwrap().check(Dialect::Sqlite),
            Ok(())
        );
    }
}

#[test]
fn a_file_from_another_editor_is_read_or_its_place_is_told() {
    let windows = format!("\u{feff}{}", FILE.replace('\n', "\r\n"));
    assert_eq!(load(&windows).unwrap().reports.len(), 2);
    let message = load(&windows.replace("prefix", "prefx")).unwrap_err();
    assert!(
        message.contains(":4:1: [cache] has no setting"),
        "{message}"
    );
    // Ten megabytes are read like ten lines.
    let large = format!("{FILE}\n# {}", "x".repeat(10 << 20));
    assert_eq!(load(&large).unwrap().reports.len(), 2);
    assert!(
        load(&format!("x = {}", "[".repeat(100_000)))
            .unwrap_err()
            .contains("this is not TOML")
    );

    let (_folder, path) = Folder::with("");
    std::fs::write(&path, b"[cache]\nurl = \"\xe9\"\n").unwrap();
    let message = Workspace::load(&path).unwrap_err().to_string();
    assert!(
        message.contains("lookaside.toml:2:8: this is not UTF-8 text; save the file as UTF-8"),
        "{message}"
    );
}

/// Not a test of its own: the program that the next test runs where no keyring answers.
#[test]
#[ignore = "run by a_password_that_no_keyring_keeps_is_refused_and_nothing_is_lost"]
fn saves_a_password() {
    let (_folder, path) = Folder::with(FILE);
    let mut file = WorkspaceFile::open(&path).unwrap();
    for message in [
        file.set_source("other", "mysql://me:s3cret@db/shop")
            .unwrap_err(),
        file.set_cache_url("redis://:s3cret@127.0.0.1/0")
            .unwrap_err(),
    ] {
        let message = message.to_string();
        assert!(
            message.contains("keyring does not answer") && message.contains("${NAME}"),
            "{message}"
        );
        assert!(!message.contains("s3cret"), "{message}");
    }
    assert_eq!(file.text(), FILE);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), FILE);
    // And a URL with a user and no password is used as it stands.
    let text = FILE.replace("redis://127", "redis://me@127");
    assert_eq!(
        load(&text).unwrap().cache.url.expose(),
        "redis://me@127.0.0.1:6379/0"
    );
}

#[test]
fn a_password_that_no_keyring_keeps_is_refused_and_nothing_is_lost() {
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "workspace::saves_a_password", "--ignored"])
        .env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere")
        .output()
        .unwrap();
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && out.contains("1 passed"), "{out}");
}

#[test]
fn a_secret_behind_the_question_mark_does_not_go_into_the_file() {
    let (_folder, path) = Folder::with(FILE);
    let mut file = WorkspaceFile::open(&path).unwrap();
    let message = file
        .set_cache_url("redis+unix:///run/redis.sock?password=s3cret")
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("password=***") && message.contains("${NAME}"),
        "{message}"
    );
    file.set_cache_url("redis+unix:///run/redis.sock?password=${HOME}")
        .unwrap();
    let message = file
        .set_source("other", "mysql://${USER}:s3cret@db/shop")
        .unwrap_err()
        .to_string();
    assert!(!message.contains("s3cret"), "{message}");
    assert!(!file.text().contains("s3cret"));
}

#[test]
fn the_file_is_found_and_a_wrong_path_is_named() {
    let (folder, path) = Folder::with(FILE);
    assert_eq!(Workspace::locate(Some(&path)).unwrap(), Some(path.clone()));
    assert_eq!(
        Workspace::locate(Some(folder.0.path())).unwrap(),
        Some(path)
    );
    let message = Workspace::locate(Some(Path::new("/nowhere/x.toml")))
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("/nowhere/x.toml; check --workspace"),
        "{message}"
    );
    let message = Workspace::load(Path::new("/nowhere/x.toml"))
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("/nowhere/x.toml cannot be read"),
        "{message}"
    );
}

#[test]
fn a_cache_alone_needs_no_file() {
    let workspace = Workspace::for_redis("redis://:hunter2@localhost:6380/1").unwrap();
    assert_eq!(workspace.name, "redis://:***@localhost:6380/1");
    assert!(!format!("{workspace:?}").contains("hunter2"));
    assert!(
        Workspace::for_redis("http://x")
            .unwrap_err()
            .to_string()
            .contains("no scheme that is known")
    );
}

#[test]
fn edits_keep_comments_and_order() {
    let (folder, path) = Folder::with(FILE);
    let workspace = Workspace::load(&path).unwrap();
    let mut report = workspace.report("top-customers").unwrap().clone();
    let mut file = WorkspaceFile::open(&path).unwrap();
    file.put_report(&report, None).unwrap();
    assert_eq!(file.text(), FILE);

    report.name = "best-customers".to_owned();
    report.ttl = Duration::from_mins(90);
    file.put_report(&report, Some("top-customers")).unwrap();
    let mut all = workspace.report("all").unwrap().clone();
    all.sql = "SELECT 2".to_owned();
    file.put_report(&all, None).unwrap();
    let mut new = all.clone();
    new.name = "new".to_owned();
    new.sql = "SELECT 'it''s',\n  \"x\"".to_owned();
    file.put_report(&new, None).unwrap();
    file.set_cache_url("redis://127.0.0.1:7000").unwrap();
    file.set_source("other", "mysql://reader:${HOME}@db/shop")
        .unwrap();
    let saved = file.save().unwrap();

    let text = std::fs::read_to_string(&path).unwrap();
    for kept in [
        "# The shop's reports.",
        "url = \"redis://127.0.0.1:7000\"      # the team's Redis",
        "# Who buys most.",
        "ttl = \"1h 30m\"           # twice an hour",
    ] {
        assert!(text.contains(kept), "{kept}\n{text}");
    }
    assert!(text.contains("mysql://reader:${HOME}@db/shop"), "{text}");
    let names: Vec<_> = saved
        .reports
        .iter()
        .map(|report| report.name.as_str())
        .collect();
    assert_eq!(names, ["best-customers", "all", "new"]);
    assert_eq!(saved.report("new").unwrap().sql, new.sql);
    assert_eq!(
        std::fs::read_to_string(folder.0.path().join("all.sql")).unwrap(),
        "SELECT 2"
    );

    let mut file = WorkspaceFile::open(&path).unwrap();
    assert!(file.remove_report("new") && !file.remove_report("new") && file.remove_source("other"));
    let names: Vec<_> = file
        .save()
        .unwrap()
        .reports
        .into_iter()
        .map(|report| report.name)
        .collect();
    assert_eq!(names, ["best-customers", "all"]);
}

#[test]
fn a_policy_is_edited_where_it_stands() {
    let file = FILE.replace(
        "refresh = \"every 10m\"",
        "refresh = \"every 600s\"   # soon enough",
    );
    let line = file
        .lines()
        .find(|line| line.starts_with("params = "))
        .unwrap()
        .to_owned();
    let file = file.replace(&format!("{line}\n"), "").replace(
        "tables = [\"orders\"]\n",
        "tables = [\"orders\"]\n\n[reports.params]\n# The first day.\nsince = { type = \"date\", default = 1995-01-01 }\n\
         least = { type = \"decimal\", default = 1_000.50 }   # in dollars\n\
         regions = { type = \"list of text\", default = [\"ASIA\", \"a,b\"] }\n",
    );
    let file = file.replace(
        "sql_file = \"all.sql\"",
        "sql_file = \"all.sql\"\nrefresh = \"ttl\"",
    );
    let (_folder, path) = Folder::with(&file);
    let workspace = Workspace::load(&path).unwrap();
    let mut report = workspace.report("top-customers").unwrap().clone();
    let all = workspace.report("all").unwrap().clone();
    let mut edit = WorkspaceFile::open(&path).unwrap();
    edit.put_report(&report, None).unwrap();
    edit.put_report(&all, None).unwrap();
    assert_eq!(edit.text(), file, "what means the same is left as it is");

    report.refresh = Refresh::OnChange;
    report.stale_for = Duration::from_mins(5);
    report.timeout = Some(Duration::from_secs(30));
    report.tables = Some(vec!["orders".into(), "lineitem".into()]);
    report.params[1].default = None;
    report.params[2].default = Some(Value::List(vec![Value::Text("AFRICA".into())]));
    edit.put_report(&report, None).unwrap();
    let saved = edit.save().unwrap();
    assert_eq!(saved.report("top-customers").unwrap(), &report);
    let text = std::fs::read_to_string(&path).unwrap();
    for kept in [
        "# The first day.\nsince = { type = \"date\", default = 1995-01-01 }",
        "least = { type = \"decimal\"",
        "}   # in dollars",
        "default = [\"AFRICA\"]",
        "ttl = \"2h\"           # twice an hour",
        "refresh = \"on-change\"   # soon enough",
        "refresh = \"ttl\"",
        "tables = [\"orders\", \"lineitem\"]",
    ] {
        assert!(text.contains(kept), "{kept}\n{text}");
    }
}

#[test]
fn an_edit_that_would_break_the_file_is_not_saved() {
    let (folder, path) = Folder::with(FILE);
    let mut all = Workspace::load(&path)
        .unwrap()
        .report("all")
        .unwrap()
        .clone();
    all.sql = "SELECT :nothing".to_owned();
    let mut file = WorkspaceFile::open(&path).unwrap();
    file.put_report(&all, None).unwrap();
    assert!(
        file.save()
            .unwrap_err()
            .to_string()
            .contains("uses :nothing")
    );
    assert_eq!(std::fs::read_to_string(&path).unwrap(), FILE);
    assert_eq!(
        std::fs::read_to_string(folder.0.path().join("all.sql")).unwrap(),
        "SELECT 1"
    );
}

#[test]
fn a_workspace_made_in_code_is_written_and_read_back() {
    let workspace = load(FILE).unwrap();
    let text = workspace.to_toml().unwrap();
    let again = load(&text).unwrap();
    assert_eq!(again.reports, workspace.reports);
    assert_eq!(
        again.sources["shop"].url.expose(),
        workspace.sources["shop"].url.expose()
    );
    assert_eq!(again.sources["shop"].max_concurrent_queries, 3);
    assert_eq!(again.cache.prefix, "shop");
}

#[test]
fn a_publication_is_read_and_written_back() {
    let source = |line: &str| format!("[cache]\nurl = \"redis://h\"\n[sources.shop]\n{line}\n");
    let postgres = "url = \"postgres://reader@db/shop\"\n";
    for (line, publication) in [
        ("", Publication::Found),
        ("publication = false", Publication::Found),
        ("publication = true", Publication::Ours),
        (
            "publication = \"mine\"",
            Publication::Named("mine".to_owned()),
        ),
    ] {
        let workspace = load(&source(&format!("{postgres}{line}"))).unwrap();
        assert_eq!(workspace.sources["shop"].publication, publication);
        let again = load(&workspace.to_toml().unwrap()).unwrap();
        assert_eq!(again.sources["shop"].publication, publication);
    }
    let wrong = load(&source("url = \"sqlite:shop.db\"\npublication = true")).unwrap_err();
    assert!(
        wrong.contains("5:15: publications are for PostgreSQL alone"),
        "{wrong}"
    );
    let wrong = load(&source(&format!("{postgres}publication = 3"))).unwrap_err();
    assert!(wrong.contains("publication = true"), "{wrong}");
    let wrong = load(&source(&format!("{postgres}publication = \"\""))).unwrap_err();
    assert!(
        wrong.contains("publication of [sources.shop] is empty"),
        "{wrong}"
    );
}
