//! No answer, message, log line or file of the program holds a secret, whatever RUST_LOG asks for.

use std::fs;

use super::Place;
use crate::servers::{MariaDb, PASSWORD, Postgres, Redis, stdout_of};

const CANARY: &str = "c4nary-9x";

/// A Redis whose passwords are all the canary, with its URL.
fn guarded() -> (Redis, String) {
    let redis = Redis::start();
    redis.cli(&["SET", "k", "v"]);
    redis.cli(&["CONFIG", "SET", "masterauth", CANARY]);
    let rule = format!(">{CANARY}");
    redis.cli(&["ACL", "SETUSER", "ann", "on", &rule, "~*", "+@all"]);
    redis.cli(&["CONFIG", "SET", "requirepass", CANARY]);
    let url = format!("redis://:{CANARY}@127.0.0.1:{}/0", redis.port);
    (redis, url)
}

/// Everything that a run of the program leaves: its output, and the files in its folder besides the workspace.
fn left_by(place: &Place, args: &[&str]) -> String {
    let mut command = place.command(args);
    command
        .env("RUST_LOG", "trace")
        .env("XDG_STATE_HOME", place.path("state"))
        .env("CANARY", CANARY);
    let output = command.output().unwrap();
    let mut all = String::from_utf8_lossy(&output.stdout).into_owned();
    all.push_str(&String::from_utf8_lossy(&output.stderr));
    let mut folders = vec![place.folder.path().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if !path.ends_with("lookaside.toml") {
                all.push_str(&String::from_utf8_lossy(&fs::read(path).unwrap()));
            }
        }
    }
    all
}

#[test]
fn no_output_holds_a_secret_at_rust_log_trace() {
    let (redis, cache) = guarded();
    let (postgres, mariadb) = (Postgres::shared(), MariaDb::shared());
    let (postgres, mariadb) = (postgres.url(), mariadb.url());
    let urls = [
        postgres.clone(),
        mariadb.clone(),
        format!("postgres://me:{CANARY}@127.0.0.1:1/shop?sslpassword={CANARY}"),
        format!("mysql://me:{CANARY}@127.0.0.1:1/shop"),
        postgres.replace(PASSWORD, CANARY),
        mariadb.replace(PASSWORD, CANARY),
        "postgres://me:${CANARY}@127.0.0.1:1/shop".to_owned(),
        format!("Server=127.0.0.1,1;User Id=me;Password={CANARY};Database=shop"),
        format!("mssql://me:{CANARY}@127.0.0.1:1/shop"),
    ];
    for url in urls {
        let place = Place::with_cache(&cache);
        fs::write(
            place.path("lookaside.toml"),
            format!(
                "[cache]\nurl = \"{cache}\"\n\n[sources.shop]\nurl = \"{url}\"\n\n[[reports]]\nname = \"one\"\n\
                 source = \"shop\"\nsql = \"SELECT 1 AS a\"\n"
            ),
        )
        .unwrap();
        for args in [
            &["check"][..],
            &["run", "one"],
            &["reports"],
            &["-v", "run", "one"],
        ] {
            let all = left_by(&place, args);
            assert!(!all.contains(CANARY), "{args:?} of {url}: {all}");
            assert!(!all.contains(PASSWORD), "{args:?} of {url}: {all}");
            assert!(!all.is_empty());
        }
    }
    // Nor does the cache hold one, whose events tell of failures too.
    let signed_in = |words: &[&str]| {
        let mut command = redis.cli_command();
        command
            .args(["--no-auth-warning", "-a", CANARY])
            .args(words);
        stdout_of(command, "")
    };
    assert_ne!(signed_in(&["DBSIZE"]).trim(), "0");
    signed_in(&["CONFIG", "SET", "rdbcompression", "no"]);
    signed_in(&["SAVE"]);
    let kept = fs::read(redis.folder().join("dump.rdb")).unwrap();
    let kept = String::from_utf8_lossy(&kept);
    assert!(!kept.contains(CANARY) && !kept.contains(PASSWORD));
}

#[test]
fn redis_command_shows_no_password_of_the_server() {
    let (_redis, cache) = guarded();
    let place = Place::with_cache(&cache);
    for args in [
        &["redis", "CONFIG", "GET", "*"][..],
        &["redis", "config", "get", "requirepass", "masterauth"],
        &["redis", "--json", "CONFIG", "GET", "*auth"],
        &["redis", "ACL", "LIST"],
        &["redis", "ACL", "GETUSER", "ann"],
        &["redis", "--json", "acl", "getuser", "ann"],
        &["redis", "SLOWLOG", "GET"],
        &[
            "redis",
            "--unlock",
            "CONFIG",
            "SET",
            "nosuch",
            "1",
            "masterauth",
            CANARY,
        ],
        &["redis", "AUTH", CANARY],
        &["keys"],
        &["key", "k"],
    ] {
        let all = left_by(&place, args);
        assert!(!all.contains(CANARY), "{args:?}: {all}");
        // What ACL LIST shows of a password is its SHA-256.
        let is_hash = |word: &str| word.len() == 64 && word.bytes().all(|b| b.is_ascii_hexdigit());
        let mut words = all.split(|c: char| !c.is_ascii_alphanumeric());
        assert!(!words.any(is_hash), "{args:?}: {all}");
    }
    let all = left_by(
        &place,
        &["redis", "CONFIG", "GET", "requirepass", "maxmemory-policy"],
    );
    assert!(
        all.contains("hidden") && all.contains("noeviction"),
        "{all}"
    );
}
