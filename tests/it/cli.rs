//! The command line: the real program, a real Redis, a SQLite file.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use super::servers::{Redis, closed_port, stdout_of};

/// A folder with a workspace, a database, and the program to run in it.
struct Place {
    folder: TempDir,
    redis: Option<Redis>,
}

const REPORTS: &str = r#"
[[reports]]
name = "all"
source = "shop"
sql = "SELECT * FROM things WHERE id <= :max ORDER BY id"
params = { max = { type = "integer", default = 1000000 } }

[[reports]]
name = "watched"
source = "shop"
sql = "SELECT count(*) AS n, sum(amount) AS total FROM things"
refresh = "on-change"

[[reports]]
name = "none"
source = "shop"
sql = "SELECT id, name FROM things WHERE id < 0"

[[reports]]
name = "twice"
source = "shop"
sql = "SELECT 1 AS a, 2 AS a, 3 AS \"\""

[[reports]]
name = "mixed"
source = "shop"
sql = "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 30000) SELECT CASE WHEN i < 20000 THEN i ELSE 'x' || i END AS v FROM c"

[[reports]]
name = "wrong"
source = "shop"
sql = """SELECT name,
  nosuch FROM things"""

[[reports]]
name = "writes"
source = "shop"
sql = "DELETE FROM things"

[[reports]]
name = "needs"
source = "shop"
sql = "SELECT :day AS day"
params = { day = { type = "date" } }

[[reports]]
name = "formula"
source = "shop"
sql = "SELECT '=1+1' AS f, NULL AS missing, '' AS empty, -5 AS n"

[[reports]]
name = "endless"
source = "shop"
sql = "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + :step FROM c) SELECT count(*) AS n FROM c"
params = { step = { type = "integer" } }

[[reports]]
name = "rows"
source = "shop"
sql = "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < :n) SELECT i FROM c"
params = { n = { type = "integer", default = 10 } }
"#;

impl Place {
    fn new() -> Self {
        let redis = Redis::start();
        let url = redis.url();
        Self {
            redis: Some(redis),
            ..Self::with_cache(&url)
        }
    }

    fn with_cache(url: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let workspace = format!(
            "[cache]\nurl = \"{url}\"\n\n[sources.shop]\nurl = \"sqlite:shop.db\"\n{REPORTS}"
        );
        fs::write(folder.path().join("lookaside.toml"), workspace).unwrap();
        let place = Self {
            folder,
            redis: None,
        };
        place.sql(
            "PRAGMA journal_mode = WAL; CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT, amount REAL, note TEXT);
             INSERT INTO things WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 5000)
             SELECT i, 'thing, ' || i, i * 0.25, CASE i % 3 WHEN 0 THEN NULL WHEN 1 THEN '' ELSE 'say \"hi\"' END FROM c;",
        );
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn sql(&self, sql: &str) -> String {
        let mut sqlite = Command::new("sqlite3");
        sqlite.arg(self.path("shop.db"));
        stdout_of(sqlite, sql)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lookaside"));
        command
            .args(args)
            .current_dir(self.folder.path())
            .stdin(Stdio::null());
        command
            .env("HOME", self.folder.path())
            .env_remove("DISPLAY")
            .env_remove("WAYLAND_DISPLAY")
            .env_remove("RUST_LOG");
        command
    }

    fn output(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// Standard output and standard error of a run that must end well.
    fn good(&self, args: &[&str]) -> (String, String) {
        let output = self.output(args);
        let (out, err) = texts(&output);
        assert!(
            output.status.success(),
            "{args:?}: {} {out} {err}",
            output.status
        );
        (out, err)
    }

    /// The one sentence of a run that must end with `status`.
    fn bad(&self, args: &[&str], status: i32) -> String {
        let output = self.output(args);
        let (out, err) = texts(&output);
        assert_eq!(output.status.code(), Some(status), "{args:?}: {out} {err}");
        assert!(out.is_empty(), "{args:?} printed {out}");
        assert_eq!(err.lines().count(), 1, "{args:?}: {err}");
        assert!(err.starts_with("lookaside: "), "{err}");
        err
    }

    fn json(&self, args: &[&str]) -> Value {
        serde_json::from_str(&self.good(args).0).unwrap()
    }

    /// The line of `--stats`.
    fn stats(&self, args: &[&str]) -> Value {
        let mut all = args.to_vec();
        all.push("--stats");
        let (_, err) = self.good(&all);
        serde_json::from_str(err.lines().last().unwrap()).unwrap()
    }

    /// Names of the files in the folder that begin with a dot: what an export may have left behind.
    fn leftovers(&self) -> Vec<String> {
        let names = fs::read_dir(self.folder.path()).unwrap();
        names
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.starts_with(".lookaside-"))
            .collect()
    }
}

fn texts(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (text(&output.stdout), text(&output.stderr))
}

fn sha256sum(path: &Path) -> String {
    let mut command = Command::new("sha256sum");
    command.arg(path);
    stdout_of(command, "")[..64].to_owned()
}

fn interrupt(child: &Child, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    kill_process(pid, signal).unwrap();
}

#[test]
fn a_report_says_the_same_uncached_on_a_miss_and_on_a_hit() {
    let place = Place::new();
    let csv = |args: &[&str]| {
        let mut all = vec!["run", "all", "--format", "csv", "--stats"];
        all.extend(args);
        let (out, err) = place.good(&all);
        (
            out,
            serde_json::from_str::<Value>(err.lines().last().unwrap()).unwrap(),
        )
    };
    let (uncached, bypass) = csv(&["--uncached"]);
    let (missed, miss) = csv(&[]);
    let (found, hit) = csv(&[]);
    assert_eq!(
        [&bypass["outcome"], &miss["outcome"], &hit["outcome"]],
        ["bypass", "miss", "hit"],
        "{miss} {hit}"
    );
    assert!(uncached == missed && missed == found);
    assert!(uncached.starts_with("id,name,amount,note\r\n1,\"thing, 1\",0.25,\"\"\r\n2,"));
    assert!(
        uncached.contains("\r\n3,\"thing, 3\",0.75,\r\n")
            && uncached.contains("\"say \"\"hi\"\"\"")
    );
    assert_eq!(uncached.lines().count(), 5001);
    let file = place.path("all.csv");
    fs::write(&file, &found).unwrap();
    for stats in [&bypass, &miss, &hit] {
        assert_eq!(stats["sha256"], sha256sum(&file).as_str());
        assert_eq!(stats["rows"], 5000);
        let fields = [
            "report",
            "outcome",
            "reason",
            "rows",
            "bytes",
            "total_ms",
            "cache_ms",
            "db_ms",
            "decode_ms",
            "age_ms",
            "ttl_ms",
            "key",
            "sha256",
        ];
        for field in fields {
            assert!(stats.get(field).is_some(), "{field} is missing in {stats}");
        }
    }
    let key = hit["key"].as_str().unwrap();
    assert_eq!(
        place.redis.as_ref().unwrap().cli(&["EXISTS", key]).trim(),
        "1"
    );
}

#[test]
fn a_table_shows_the_first_rows_and_says_how_many_more() {
    let place = Place::new();
    let (out, _) = place.good(&["run", "all", "--limit", "2", "-p", "max=1234"]);
    assert!(
        out.contains("thing, 2") && !out.contains("thing, 3"),
        "{out}"
    );
    assert!(out.contains("2 rows of 1,234 shown; 1,232 more"), "{out}");
    assert!(place.good(&["run", "none"]).0.ends_with("0 rows\n"));
}

#[test]
fn wrong_usage_is_one_sentence_and_status_2() {
    let place = Place::new();
    let report = place.bad(&["run", "nosuch"], 2);
    assert!(
        report.contains("no report \"nosuch\"") && report.contains("watched"),
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
    let error = place.bad(&["reports"], 1);
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
fn what_the_database_refuses_is_told_with_its_place() {
    let place = Place::new();
    let error = place.bad(&["run", "wrong"], 1);
    assert!(error.contains("nosuch"), "{error}");
    let error = place.bad(&["run", "writes"], 1);
    assert_eq!(
        place.sql("SELECT count(*) FROM things").trim(),
        "5000",
        "{error}"
    );
    fs::remove_file(place.path("shop.db")).unwrap();
    let error = place.bad(&["run", "watched"], 1);
    assert!(error.contains("shop.db"), "{error}");
    assert!(!place.path("shop.db").exists());
}

#[test]
fn a_cache_that_is_away_never_stops_a_report() {
    let place = Place::with_cache(&format!("redis://127.0.0.1:{}/0", closed_port()));
    let (out, err) = place.good(&["run", "watched", "--format", "csv"]);
    assert_eq!(out, "n,total\r\n5000,3125625\r\n");
    assert!(
        err.starts_with("lookaside: bypass: ") && err.lines().count() == 1,
        "{err}"
    );
    let stats = place.stats(&["run", "watched"]);
    assert_eq!(stats["outcome"], "bypass");
    assert!(
        stats["reason"].as_str().unwrap().contains("127.0.0.1"),
        "{stats}"
    );
    let output = place.output(&["warm", "watched"]);
    assert_eq!(output.status.code(), Some(1), "{}", texts(&output).1);
    let check = place.output(&["check", "--json"]);
    assert_eq!(check.status.code(), Some(1));
    let check: Value = serde_json::from_slice(&check.stdout).unwrap();
    assert_eq!(check["cache"]["ok"], false);
    assert_eq!(check["sources"][0]["ok"], true, "{check}");
}

#[test]
fn every_format_holds_the_same_rows() {
    let place = Place::new();
    for report in ["all", "mixed", "none"] {
        let (csv, _) = place.good(&["run", report, "--format", "csv"]);
        for name in ["out.parquet", "out.arrow", "out.json"] {
            for args in [&[][..], &["--uncached"]] {
                let mut all = vec!["run", report, "-o", name];
                all.extend(args);
                let stats = place.stats(&all);
                fs::write(place.path("out.csv"), &csv).unwrap();
                assert_eq!(
                    stats["sha256"],
                    sha256sum(&place.path("out.csv")).as_str(),
                    "{report} {name}"
                );
                assert_eq!(read_back(&place.path(name)), csv, "{report} {name}");
            }
        }
        // A stream holds the same bytes as a file.
        let piped = place.output(&["run", report, "--format", "parquet"]).stdout;
        assert_eq!(
            piped,
            fs::read(place.path("out.parquet")).unwrap(),
            "{report}"
        );
    }
    assert!(place.leftovers().is_empty());
}

/// The canonical CSV of a file that another reader opens.
fn read_back(path: &Path) -> String {
    use lookaside::table::{CsvOptions, CsvWriter};
    let file = fs::File::open(path).unwrap();
    let (schema, batches): (_, Vec<_>) = match path.extension().unwrap().to_str().unwrap() {
        "parquet" => {
            let builder =
                parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(file)
                    .unwrap();
            (
                builder.schema().clone(),
                builder.build().unwrap().map(Result::unwrap).collect(),
            )
        }
        "arrow" => {
            let reader = arrow::ipc::reader::FileReader::try_new(file, None).unwrap();
            (reader.schema(), reader.map(Result::unwrap).collect())
        }
        _ => return json_as_csv(path),
    };
    let mut writer = CsvWriter::new(Vec::new(), &schema, CsvOptions::default());
    for batch in &batches {
        writer.write(batch).unwrap();
    }
    String::from_utf8(writer.finish().unwrap()).unwrap()
}

fn json_as_csv(path: &Path) -> String {
    let rows: Vec<serde_json::Map<String, Value>> =
        serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let names =
        |row: &serde_json::Map<String, Value>| row.keys().cloned().collect::<Vec<_>>().join(",");
    let mut out = rows.first().map_or("id,name".to_owned(), names);
    out.push_str("\r\n");
    for row in &rows {
        let cells: Vec<String> = row
            .values()
            .map(|value| match value {
                Value::Null => String::new(),
                Value::String(text) if text.is_empty() || text.contains([',', '"']) => {
                    format!("\"{}\"", text.replace('"', "\"\""))
                }
                Value::String(text) => text.clone(),
                Value::Number(number) => number.to_string().trim_end_matches(".0").to_owned(),
                other => panic!("{other}"),
            })
            .collect();
        out.push_str(&cells.join(","));
        out.push_str("\r\n");
    }
    out
}

#[test]
fn columns_of_the_same_name_are_told_apart_and_said() {
    let place = Place::new();
    let (out, err) = place.good(&["run", "twice", "--json"]);
    assert_eq!(out, "[\n{\"a\":1,\"a_2\":2,\"column_3\":3}\n]\n");
    assert!(
        err.contains("\"a_2\"") && err.contains("\"column_3\""),
        "{err}"
    );
    assert_eq!(
        place.good(&["run", "twice", "--format", "csv"]).0,
        "a,a,\"\"\r\n1,2,3\r\n"
    );
}

#[test]
fn csv_options_reach_the_file() {
    let place = Place::new();
    let args = [
        "run", "formula", "--format", "csv", "--bom", "--guard", "--null", "NULL",
    ];
    assert_eq!(
        place.good(&args).0,
        "\u{feff}f,missing,empty,n\r\n\"'=1+1\",NULL,\"\",-5\r\n"
    );
}

#[test]
fn a_file_that_cannot_be_written_leaves_the_old_one() {
    let place = Place::new();
    assert!(
        place
            .bad(&["run", "all", "-o", "no/such/x.csv"], 1)
            .contains("folder does not exist")
    );
    assert!(place.bad(&["run", "all", "-o", "."], 1).contains("folder"));
    for full in [
        &["run", "all", "-o", "/dev/full"][..],
        &["run", "all", "--format", "parquet", "-o", "/dev/full"],
    ] {
        assert!(place.bad(full, 1).contains("the disk is full"));
    }
    // A limit on the size of files stands for a disk that fills up in the middle.
    for name in ["old.csv", "old.json", "old.arrow", "old.parquet"] {
        fs::write(place.path(name), "old").unwrap();
        let program = env!("CARGO_BIN_EXE_lookaside");
        let script = format!(
            "trap '' XFSZ; ulimit -f 256; exec '{program}' run rows -p n=200000 --uncached -o {name}"
        );
        let output = Command::new("sh")
            .args(["-c", &script])
            .current_dir(place.folder.path())
            .output()
            .unwrap();
        let (_, err) = texts(&output);
        assert_eq!(output.status.code(), Some(1), "{name}: {err}");
        assert!(
            err.contains("was not written") && err.lines().count() == 1,
            "{name}: {err}"
        );
        assert_eq!(fs::read_to_string(place.path(name)).unwrap(), "old");
    }
    // An error in the middle of the rows, too.
    place.bad(&["run", "wrong", "-o", "old.csv"], 1);
    assert_eq!(fs::read_to_string(place.path("old.csv")).unwrap(), "old");
    assert!(place.leftovers().is_empty(), "{:?}", place.leftovers());
    place.good(&["run", "twice", "-o", "old.csv"]);
    assert!(
        fs::read_to_string(place.path("old.csv"))
            .unwrap()
            .starts_with("a,a")
    );
}

#[test]
fn a_reader_that_has_enough_is_no_failure() {
    let place = Place::new();
    let mut child = place
        .command(&[
            "run",
            "rows",
            "-p",
            "n=3000000",
            "--uncached",
            "--format",
            "csv",
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut first)
        .unwrap();
    assert_eq!(first, "i\r\n");
    let mut err = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut err)
        .unwrap();
    assert!(child.wait().unwrap().success(), "{err}");
    assert_eq!(err, "");
}

#[test]
fn ctrl_c_ends_the_query_and_leaves_nothing() {
    let place = Place::new();
    let child = place
        .command(&["run", "endless", "-p", "step=1", "-o", "out.csv"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The query runs when its fill lock is there.
    let redis = place.redis.as_ref().unwrap();
    while redis
        .cli(&["--scan", "--pattern", "lookaside:*:l:*"])
        .trim()
        .is_empty()
    {
        std::thread::yield_now();
    }
    interrupt(&child, Signal::INT);
    let output = child.wait_with_output().unwrap();
    let (_, err) = texts(&output);
    assert_eq!(output.status.code(), Some(1), "{err}");
    assert!(err.contains("cancelled"), "{err}");
    assert!(!place.path("out.csv").exists() && place.leftovers().is_empty());
}

#[test]
fn ten_million_rows_stay_in_bounded_memory() {
    let place = Place::new();
    let mut child = place
        .command(&[
            "run",
            "rows",
            "-p",
            "n=10000000",
            "--uncached",
            "--format",
            "csv",
        ])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    let mut lines = 0_u64;
    let mut buffer = vec![0; 1 << 20];
    let mut out = child.stdout.take().unwrap();
    loop {
        let read = out.read(&mut buffer).unwrap();
        if read == 0 {
            break;
        }
        lines += memchr::memchr_iter(b'\n', &buffer[..read]).count() as u64;
        let text = fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let now = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
        peak = peak.max(now.unwrap_or_default());
    }
    assert!(child.wait().unwrap().success());
    assert_eq!(lines, 10_000_001);
    assert!((1..200_000).contains(&peak), "{peak} kB resident");
}

#[test]
fn a_race_compares_times_and_answers() {
    let place = Place::new();
    let race = place.json(&["race", "all", "-n", "3", "--json"]);
    assert_eq!(race["report"], "all");
    assert_eq!(race["n"], 3);
    assert_eq!(race["identical"], true, "{race}");
    assert!(race["speedup"].as_f64().unwrap() > 0.0);
    for side in ["cached", "uncached"] {
        assert_eq!(race[side]["n"], 3, "{race}");
        for field in ["min_ms", "p50_ms", "p95_ms", "p99_ms", "max_ms"] {
            assert!(race[side][field].as_f64().unwrap() > 0.0);
        }
    }
    // Nobody watches this one, so the race does.
    let race = place.json(&["race", "watched", "-n", "2", "--json"]);
    assert_eq!(
        (&race["identical"], &race["cached"]["n"]),
        (&true.into(), &2.into()),
        "{race}"
    );
    let (text, _) = place.good(&["race", "all", "-n", "1"]);
    assert!(
        text.contains("p50") && text.contains("the answers are identical"),
        "{text}"
    );
}

#[test]
fn warm_fills_once_and_reports_tell_the_state() {
    let place = Place::new();
    let reports = place.json(&["reports", "--json"]);
    assert_eq!(reports[0]["name"], "all");
    assert_eq!(reports[0]["state"], "missing");
    let warmed = place.json(&["warm", "all", "none", "--json"]);
    assert_eq!(
        (&warmed[0]["filled"], &warmed[0]["rows"]),
        (&true.into(), &5000.into()),
        "{warmed}"
    );
    assert_eq!(warmed[1]["filled"], true);
    let again = place.json(&["warm", "all", "--json"]);
    assert_eq!(
        (&again[0]["state"], &again[0]["filled"]),
        (&"fresh".into(), &false.into()),
        "{again}"
    );
    assert_eq!(place.stats(&["run", "all"])["outcome"], "hit");
    let reports = place.json(&["reports", "--json"]);
    let all = &reports[0];
    let fields = [
        "name",
        "params",
        "state",
        "reason",
        "age_ms",
        "ttl_ms",
        "rows",
        "bytes",
        "key",
        "tables",
        "detector",
        "hits",
        "misses",
        "last_cached_ms",
        "last_uncached_ms",
    ];
    for field in fields {
        assert!(all.get(field).is_some(), "{field} is missing in {all}");
    }
    assert_eq!(
        (&all["state"], &all["rows"], &all["hits"]),
        (&"fresh".into(), &5000.into(), &1.into()),
        "{all}"
    );
    assert!(all["last_cached_ms"].as_f64().unwrap() > 0.0);
    assert_eq!(all["tables"], serde_json::json!(["things"]));
    let (text, _) = place.good(&["reports"]);
    assert!(
        text.lines().count() == 12 && text.contains("unwatched"),
        "{text}"
    );
    // One that fails does not stop the others, and is said.
    let output = place.output(&["warm", "wrong", "twice"]);
    let (out, err) = texts(&output);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        err.contains("nosuch") && out.contains("filled"),
        "{out} {err}"
    );
}

#[test]
fn check_tells_each_step_and_what_watches() {
    let place = Place::new();
    let check = place.json(&["check", "--json"]);
    assert_eq!(check["cache"]["ok"], true);
    assert!(
        check["cache"]["server_version"]
            .as_str()
            .unwrap()
            .contains('.')
    );
    let source = &check["sources"][0];
    assert_eq!(
        (&source["name"], &source["ok"]),
        (&"shop".into(), &true.into())
    );
    for field in [
        "server_version",
        "detector",
        "delay_ms",
        "blind_spots",
        "better_by",
    ] {
        assert!(
            source.get(field).is_some(),
            "{field} is missing in {source}"
        );
    }
    let (text, _) = place.good(&["check"]);
    assert!(
        text.contains("detector:") && !text.contains("FAILED"),
        "{text}"
    );
    // Nothing of it stays in the cache.
    assert!(
        !place
            .redis
            .as_ref()
            .unwrap()
            .cli(&["--scan"])
            .contains("check")
    );
}

/// A `lookaside worker` and the lines that it prints.
struct WorkerProcess {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl WorkerProcess {
    fn start(place: &Place) -> Self {
        let mut child = place
            .command(&["worker"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    fn until(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let line = self.lines.next().expect("the worker goes on").unwrap();
            let event: Value = serde_json::from_str(&line).unwrap();
            assert!(
                event["at"].is_string() && event["source"].is_string(),
                "{event}"
            );
            if wanted(&event) {
                return event;
            }
        }
    }

    fn stop(self) -> Output {
        interrupt(&self.child, Signal::TERM);
        let output = self.child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", texts(&output).1);
        output
    }
}

#[test]
fn the_worker_refreshes_what_changed_and_stops_when_told() {
    let place = Place::new();
    let mut worker = WorkerProcess::start(&place);
    worker.until(|event| event["report"] == "watched" && event["event"] == "refreshed");
    place.sql("INSERT INTO things VALUES (9001, 'new', 1.0, NULL)");
    let event = worker.until(|event| event["report"] == "watched" && event["reason"] == "changed");
    assert!(event["took_ms"].as_f64().unwrap() > 0.0, "{event}");
    worker.stop();
    let (out, _) = place.good(&["run", "watched", "--format", "csv", "--uncached"]);
    assert_eq!(out, "n,total\r\n5001,3125626\r\n");
}

#[test]
fn the_worker_goes_on_with_an_edited_workspace() {
    let place = Place::new();
    let file = place.path("lookaside.toml");
    let text = fs::read_to_string(&file).unwrap();
    // Without a report that asks for it, nothing is watched.
    fs::write(&file, text.replace("\"on-change\"", "\"ttl\"")).unwrap();
    let mut worker = WorkerProcess::start(&place);
    worker.until(|event| event["report"] == "watched" && event["event"] == "refreshed");
    fs::write(&file, "[[reports]]\nname = \"broken").unwrap();
    std::thread::sleep(std::time::Duration::from_millis(1500));
    fs::write(&file, text).unwrap();
    worker.until(|event| event["event"] == "watching");
    worker.until(|event| event["report"] == "watched" && event["reason"] == "changed");
    place.sql("INSERT INTO things VALUES (9001, 'new', 1.0, NULL)");
    worker.until(|event| event["event"] == "change");
    worker.until(|event| event["report"] == "watched" && event["reason"] == "changed");
    let (_, err) = texts(&worker.stop());
    assert!(err.contains("goes on with the edited workspace"), "{err}");
    assert!(err.contains("is not taken over"), "{err}");
}

#[test]
fn of_two_workers_one_leads_and_when_it_is_killed_the_other_does() {
    let place = Place::new();
    let mut first = WorkerProcess::start(&place);
    first.until(|event| event["report"] == "watched" && event["event"] == "refreshed");
    let mut second = WorkerProcess::start(&place);
    second.until(|event| event["event"] == "standing_by");
    let fresh = || {
        let stats = place.stats(&["run", "watched", "--format", "csv"]);
        stats["outcome"] == "hit"
    };
    while !fresh() {}

    first.child.kill().unwrap();
    first.child.wait().unwrap();
    place.sql("INSERT INTO things VALUES (9001, 'new', 1.0, NULL)");
    second.until(|event| event["event"] == "leading");
    // From the takeover on, nothing is called fresh by the word of the dead.
    let new = "n,total\r\n5001,3125626\r\n";
    for _ in 0..5 {
        let (out, err) = place.good(&["run", "watched", "--format", "csv", "--stats"]);
        let stats: Value = serde_json::from_str(err.lines().last().unwrap()).unwrap();
        assert!(
            out == new || stats["outcome"] == "stale_hit",
            "{out} {stats}"
        );
    }
    while !fresh() {}
    let (out, _) = place.good(&["run", "watched", "--format", "csv"]);
    assert_eq!(out, new);
    second.stop();
}

#[test]
fn an_answer_that_could_not_be_cached_says_why() {
    let place = Place::new();
    let redis = place.redis.as_ref().unwrap();
    redis.cli(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
    let info = redis.cli(&["INFO", "memory"]);
    let used = info
        .lines()
        .find_map(|line| line.strip_prefix("used_memory:"));
    let most = used.unwrap().trim().parse::<u64>().unwrap() + 1_000_000;
    redis.cli(&["CONFIG", "SET", "maxmemory", &most.to_string()]);
    let stats = place.stats(&[
        "run",
        "rows",
        "-p",
        "n=2000000",
        "--format",
        "csv",
        "-o",
        "x",
    ]);
    assert_eq!(
        (&stats["outcome"], &stats["rows"]),
        (&"miss".into(), &2_000_000.into())
    );
    let reason = stats["reason"].as_str().unwrap();
    assert!(
        reason.starts_with("not cached: the cache is full"),
        "{reason}"
    );
}

#[test]
fn an_embedded_cache_lives_as_long_as_the_command() {
    let place = Place::with_cache("embedded");
    let race = place.json(&["race", "all", "-n", "2", "--json"]);
    assert_eq!(
        (&race["identical"], &race["cached"]["n"]),
        (&true.into(), &2.into()),
        "{race}"
    );
}
