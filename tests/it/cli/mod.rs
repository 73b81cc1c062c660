//! The command line: the real program, a real Redis, a SQLite file.
#![allow(clippy::unwrap_used)]

mod audit;
mod broken;
mod cancel;
mod commands;
mod databases;
mod export;
mod fill;
mod key;
mod mssql;
mod names;
mod outputs;
mod redis;
mod rights;
mod run;
mod secrets;
mod sentences;
mod urls;
mod usage;
mod worker;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::servers::{PASSWORD, Redis, stdout_of};

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
            // What a workspace file of `demo --load` asks for.
            .env("SHOP_PASSWORD", PASSWORD)
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
