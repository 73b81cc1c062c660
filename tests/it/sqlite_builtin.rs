//! What the built-in SQLite can do, against the sqlite3 of the distribution; and files that can hardly be read.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use lookaside::report::{Params, Value};
use lookaside::source::{Query, SourceError};

use crate::servers::stdout_of;
// What is tried here is no matter of which SQL is understood by us.
use crate::source_postgres::{cell, collect, source, texts, trusted as query};

fn sqlite3(file: &Path, sql: &str) -> String {
    let mut command = Command::new("sqlite3");
    command.arg("-bail").arg(file);
    stdout_of(command, sql)
}

/// What only its own shell has, or what matters to writers alone, or lets SQL hand over pointers to code.
const NOT_OURS: &[&str] = &["fts3_tokenizer", "load_extension", "sqlite_log"];

#[tokio::test]
async fn every_function_of_the_distribution_is_built_in() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.db");
    sqlite3(&file, "CREATE TABLE t (a);");
    let source = source(&format!("sqlite:{}", file.display()));
    // Built in, as against those that the shell registers.
    let sql =
        "SELECT DISTINCT name FROM pragma_function_list WHERE builtin OR name IN ('sqrt', 'match')";
    let theirs: BTreeSet<String> = sqlite3(&file, sql).lines().map(str::to_owned).collect();
    assert!(theirs.contains("sqrt") && theirs.len() > 90, "{theirs:?}");
    let ours: BTreeSet<String> = texts(&collect(&source, query(sql)).await.unwrap())
        .into_iter()
        .flatten()
        .flatten()
        .collect();
    let missing: Vec<_> = theirs
        .iter()
        .filter(|name| !ours.contains(*name) && !NOT_OURS.contains(&name.as_str()))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[tokio::test]
async fn options_that_change_answers_are_those_of_the_distribution() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.db");
    sqlite3(&file, "CREATE TABLE t (a);");
    let source = source(&format!("sqlite:{}", file.display()));
    let ours: BTreeSet<String> = texts(
        &collect(
            &source,
            query("SELECT compile_options FROM pragma_compile_options"),
        )
        .await
        .unwrap(),
    )
    .into_iter()
    .flatten()
    .flatten()
    .collect();
    for wanted in [
        "ENABLE_COLUMN_METADATA",
        "ENABLE_DBSTAT_VTAB",
        "ENABLE_FTS3",
        "ENABLE_FTS3_PARENTHESIS",
        "ENABLE_FTS4",
        "ENABLE_FTS5",
        "ENABLE_MATH_FUNCTIONS",
        "ENABLE_RTREE",
        "ENABLE_STMTVTAB",
        "LIKE_DOESNT_MATCH_BLOBS",
        "MAX_VARIABLE_NUMBER=250000",
        "SOUNDEX",
    ] {
        assert!(
            ours.contains(wanted),
            "{wanted} is missing; was it built outside the project's folder? {ours:?}"
        );
    }
}

#[tokio::test]
async fn math_functions_answer_as_in_the_shell() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.db");
    sqlite3(&file, "CREATE TABLE t (a);");
    let source = source(&format!("sqlite:{}", file.display()));
    for sql in [
        "SELECT sqrt(16)",
        "SELECT ceil(1.2)",
        "SELECT ceiling(-1.2)",
        "SELECT floor(-1.5)",
        "SELECT trunc(-1.5)",
        "SELECT ln(1)",
        "SELECT log(100)",
        "SELECT log2(8)",
        "SELECT log(2, 8)",
        "SELECT exp(0)",
        "SELECT pow(2, 10)",
        "SELECT power(2, 0.5) > 1.41",
        "SELECT mod(7, 3)",
        "SELECT pi() > 3.14",
        "SELECT degrees(pi())",
        "SELECT round(radians(180), 4)",
        "SELECT sin(0)",
        "SELECT cos(0)",
        "SELECT atan2(0, 1)",
        "SELECT sqrt(-1) IS NULL",
        "SELECT x'61' LIKE 'a'",
    ] {
        let theirs = sqlite3(&file, sql);
        let ours = cell(&source, query(sql)).await.unwrap();
        let number = |text: &str| text.trim().parse::<f64>().unwrap();
        assert_eq!(number(&ours), number(&theirs), "{sql}");
    }
}

#[tokio::test]
async fn more_values_than_sqlite_takes_is_one_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.db");
    sqlite3(&file, "CREATE TABLE t (a); INSERT INTO t VALUES (7);");
    let source = source(&format!("sqlite:{}", file.display()));
    let with = |count: i64| Query {
        params: Params(vec![(
            "p".to_owned(),
            Value::List((1..=count).map(Value::Integer).collect()),
        )]),
        ..query("SELECT count(*) FROM t WHERE a IN (:p)")
    };
    assert_eq!(cell(&source, with(40_000)).await.as_deref(), Some("1"));
    let error = collect(&source, with(250_001)).await.unwrap_err();
    assert!(matches!(error, SourceError::Param(_)), "{error:?}");
    assert!(error.to_string().contains("give shorter lists"), "{error}");
}

/// As an account without the right to write the folder, which root is not.
#[test]
fn wal_file_in_a_folder_that_is_read_only_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let file = data.join("a.db");
    sqlite3(
        &file,
        "PRAGMA journal_mode = wal; CREATE TABLE t (a); INSERT INTO t VALUES (1);",
    );
    let workspace = folder.path().join("lookaside.toml");
    std::fs::write(
        &workspace,
        format!(
            "[cache]\nurl = \"redis://127.0.0.1:1\"\n[sources.s]\nurl = \"sqlite:{}\"\n[[reports]]\nname = \"r\"\nsource = \"s\"\n\
             sql = \"SELECT a FROM t\"\n",
            file.display()
        ),
    )
    .unwrap();
    let program = folder.path().join("lookaside");
    std::fs::copy(env!("CARGO_BIN_EXE_lookaside"), &program).unwrap();
    let allow = |path: &Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    allow(folder.path(), 0o755);
    allow(&data, 0o555);
    let mut command = if rustix::process::geteuid().is_root() {
        let mut command = Command::new("setpriv");
        command
            .args(["--reuid", "nobody", "--clear-groups", "--"])
            .arg(&program);
        command
    } else {
        Command::new(&program)
    };
    let output = command
        .args(["run", "r", "--uncached"])
        .current_dir(folder.path())
        .env("HOME", folder.path())
        .output()
        .unwrap();
    allow(&data, 0o755);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "{said}");
    assert!(
        said.contains("is in WAL mode") && said.contains("let the account write the file's folder"),
        "{said}"
    );
    assert!(!said.contains("would write"), "{said}");
}
