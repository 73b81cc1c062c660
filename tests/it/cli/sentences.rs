//! What the commands say of servers that are not there, are others, or refuse: sentences, and no words of a library.

use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::path::Path;

use super::{Place, texts};
use crate::servers::{
    Certificates, MariaDb, PASSWORD, Postgres, Redis, Reply, Stranger, closed_port,
};

/// Words that stand in errors of the libraries and of the operating system, and say nothing to a reader.
const RAW: [&str; 22] = [
    "Error {",
    "Error(",
    "::",
    "os error",
    "Index 0",
    "feature",
    "Some(",
    "None",
    "RedisError",
    "ResponseError",
    "ExtensionError",
    "An error was signalled",
    "Pipeline fail",
    "Kind",
    "sqlx",
    "rustls",
    "tokio",
    "panicked",
    "unwrap",
    "InvalidContentType",
    "PoolTimedOut",
    "deadline has elapsed",
];

/// Fails where a text holds a library's words, a password, or more than a screen.
fn is_plain(what: &str, text: &str) {
    for raw in RAW {
        assert!(!text.contains(raw), "{what}: {raw:?} stands in: {text}");
    }
    assert!(
        !text.contains("hunter2") && !text.contains(PASSWORD),
        "{what}: {text}"
    );
    assert!(text.len() < 8000, "{what}: {text}");
}

/// Every command that asks the cache, against this one.
fn cache_is_told_plainly(what: &str, url: &str) {
    let place = Place::with_cache(url);
    for args in [
        &["run", "twice", "--stats"][..],
        &["run", "all", "-o", "out.csv"],
        &["reports"],
        &["check"],
        &["warm", "twice"],
        &["audit"],
        &["keys"],
        &["keys", "--sample", "100"],
        &["key", "a"],
        &["redis", "GET", "a"],
        &["race", "twice", "-n", "1"],
    ] {
        let output = place.output(args);
        let (out, err) = texts(&output);
        let what = format!("{what}, {args:?}");
        is_plain(&what, &format!("{out}{err}"));
        assert!(output.status.code().is_some_and(|code| code < 2), "{what}");
        if !["run", "race", "check", "reports", "warm"].contains(&args[0]) {
            assert_eq!(output.status.code(), Some(1), "{what}: {out}{err}");
            assert!(err.starts_with("lookaside: "), "{what}: {err}");
        }
    }
}

#[test]
fn address_without_a_redis_is_told_plainly() {
    let port = closed_port();
    cache_is_told_plainly(
        "closed port",
        &format!("redis://:hunter2@127.0.0.1:{port}/0"),
    );
    cache_is_told_plainly("no such host", "redis://:hunter2@no-such-host.invalid/0");
    cache_is_told_plainly(
        "no such socket",
        "redis+unix:///no/such/socket?pass=hunter2",
    );
    cache_is_told_plainly(
        "HTTP",
        &answering(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"),
    );
    cache_is_told_plainly(
        "MySQL",
        &answering(b"J\0\0\0\n5.5.5-10.11.6-MariaDB\0\x08\0\0\0abcdefgh\0"),
    );
    cache_is_told_plainly("SSH", &answering(b"SSH-2.0-OpenSSH_9.2\r\n"));
    cache_is_told_plainly("hangs up", &answering(b""));
}

/// The URL of a listener that writes these bytes on each connection and closes it.
fn answering(bytes: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.write_all(bytes);
        }
    });
    format!("redis://127.0.0.1:{port}/0")
}

#[test]
fn silent_server_is_told_plainly() {
    let silent = Stranger::start(|_| Reply::Hang(Vec::new()));
    let place = Place::with_cache(&silent.url());
    for args in [&["run", "twice"][..], &["check"], &["keys"]] {
        let (out, err) = texts(&place.output(args));
        is_plain(&format!("silent, {args:?}"), &format!("{out}{err}"));
        assert!(
            format!("{out}{err}").contains("did not answer"),
            "{out}{err}"
        );
    }
}

#[test]
fn refusals_of_a_redis_are_told_plainly() {
    for refusal in [
        "LOADING Redis is loading the dataset in memory",
        "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk.",
        "READONLY You can't write against a read only replica.",
        "OOM command not allowed when used memory > 'maxmemory'.",
        "MOVED 3999 10.9.8.7:6381",
        "CROSSSLOT Keys in request don't hash to the same slot",
        "CLUSTERDOWN The cluster is down",
        "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
        "NOREPLICAS Not enough good replicas to write.",
        "ERR max number of clients reached",
        "DENIED Redis is running in protected mode because protected mode is enabled",
        "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
        "NOPERM this user has no permissions to run the 'evalsha' command",
        "NOAUTH Authentication required.",
        "WRONGPASS invalid username-password pair or user is disabled.",
        "ERR unknown command 'EVALSHA', with args beginning with: ",
        "ERR DB index is out of range",
        "ERR something that nobody has seen yet",
        "CUSTOM words of a proxy",
    ] {
        let server = Stranger::start(move |words| {
            // What the client says of itself is let through, so that the refusal meets each command.
            match words[0].as_slice() {
                b"CLIENT" | b"HELLO" => Reply::text("+OK\r\n"),
                _ => Reply::text(&format!("-{refusal}\r\n")),
            }
        });
        cache_is_told_plainly(refusal, &server.url());
    }
}

#[test]
fn real_refusals_of_a_redis_are_told_plainly() {
    let redis = Redis::start_with(&["--save", "", "--requirepass", "right"]);
    cache_is_told_plainly(
        "wrong password",
        &format!("redis://:hunter2@127.0.0.1:{}/0", redis.port),
    );
    cache_is_told_plainly("no password", &redis.url());
    let redis = Redis::start();
    cache_is_told_plainly(
        "no such user",
        &format!("redis://me:hunter2@127.0.0.1:{}/0", redis.port),
    );
    cache_is_told_plainly(
        "no such database",
        &format!("redis://127.0.0.1:{}/99", redis.port),
    );
    cache_is_told_plainly(
        "TLS at a plain port",
        &format!("rediss://127.0.0.1:{}/0", redis.port),
    );
    let certificates = Certificates::make();
    let (certificate, key) = certificates.server();
    let text = |path: &Path| path.display().to_string();
    let tls = closed_port();
    let _redis = Redis::start_with(&[
        "--save",
        "",
        "--tls-port",
        &tls.to_string(),
        "--tls-cert-file",
        &text(&certificate),
        "--tls-key-file",
        &text(&key),
        "--tls-ca-cert-file",
        &text(&certificates.authority()),
        "--tls-auth-clients",
        "no",
    ]);
    let no_certificate = text(&certificates.folder().join("names"));
    for (what, url) in [
        ("plain at a TLS port", format!("redis://127.0.0.1:{tls}/0")),
        ("unknown authority", format!("rediss://127.0.0.1:{tls}/0")),
        (
            "no such authority",
            format!("rediss://127.0.0.1:{tls}/0?ca=/no/such.pem"),
        ),
        (
            "no certificate",
            format!("rediss://127.0.0.1:{tls}/0?ca={no_certificate}"),
        ),
    ] {
        cache_is_told_plainly(what, &url);
    }
}

/// Every command that asks the database, against this one.
fn source_is_told_plainly(what: &str, url: &str) {
    let place = Place::new();
    let file = place.path("lookaside.toml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("sqlite:shop.db", url)).unwrap();
    for args in [
        &["run", "twice"][..],
        &["run", "twice", "--uncached"],
        &["check"],
        &["warm", "twice"],
        &["unwatch"],
    ] {
        let output = place.output(args);
        let (out, err) = texts(&output);
        let what = format!("{what}, {args:?}");
        is_plain(&what, &format!("{out}{err}"));
        if args[0] == "run" {
            assert_eq!(output.status.code(), Some(1), "{what}: {out}{err}");
            assert_eq!(err.lines().count(), 1, "{what}: {err}");
        }
    }
}

#[test]
fn unreachable_databases_are_told_plainly() {
    let closed = closed_port();
    let http = answering(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
    let http = url::Url::parse(&http).unwrap().port().unwrap();
    let ends = answering(b"");
    let ends = url::Url::parse(&ends).unwrap().port().unwrap();
    for scheme in ["mysql", "postgres", "mssql"] {
        for (what, host) in [
            ("closed port", format!("127.0.0.1:{closed}")),
            ("HTTP", format!("127.0.0.1:{http}")),
            ("hangs up", format!("127.0.0.1:{ends}")),
            ("no such host", "no-such-host.invalid".to_owned()),
        ] {
            let url = format!("{scheme}://me:hunter2@{host}/shop");
            source_is_told_plainly(&format!("{scheme}, {what}"), &url);
        }
    }
    for url in ["sqlite:no/such.db", "sqlite:lookaside.toml", "sqlite:."] {
        source_is_told_plainly(url, url);
    }
}

#[test]
fn refusals_of_databases_are_told_plainly() {
    let (mariadb, postgres) = (MariaDb::shared(), Postgres::shared());
    for (name, url) in [("MariaDB", mariadb.url()), ("PostgreSQL", postgres.url())] {
        for (what, from, to) in [
            ("wrong password", PASSWORD, "hunter2"),
            ("no such user", "tester:", "nobody-here:"),
            ("no such database", "/shop", "/nosuch"),
        ] {
            assert!(url.contains(from), "{url}");
            source_is_told_plainly(&format!("{name}, {what}"), &url.replace(from, to));
        }
        let mode = if name == "MariaDB" {
            "ssl-mode=REQUIRED"
        } else {
            "sslmode=require"
        };
        source_is_told_plainly(&format!("{name}, no TLS"), &format!("{url}?{mode}"));
    }
}
