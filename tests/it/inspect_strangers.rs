//! The attack: servers that answer anything, names and values made to do harm. Nothing panics, waits for ever or takes
//! memory without bound, and a terminal is told nothing that it would obey.
#![allow(clippy::unwrap_used)]

use std::io::Write as _;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::StreamExt as _;
use lookaside::inspect::{
    Connection, Detail, Filter, InspectError, Phase, Scan, ScanOptions, describe, facts, groups,
    page, sample, search, tail, type_title,
};
use lookaside::workspace::ConnectionUrl;

use crate::inspect::{full, to_end, writer};
use crate::servers::{Redis, Reply, Stranger};

/// What a server would answer that has one key of this type, called `k`.
fn polite(words: &[Vec<u8>], type_name: &str) -> Reply {
    let word = |at: usize| {
        words
            .get(at)
            .map(|word| word.to_ascii_uppercase())
            .unwrap_or_default()
    };
    match (words[0].as_slice(), word(1).as_slice()) {
        (b"PING", _) => Reply::text("+PONG\r\n"),
        (b"INFO", _) => Reply::bulk(b"redis_version:8.0.0\r\nredis_mode:standalone\r\n"),
        (b"TYPE", _) => Reply::text(&format!("+{type_name}\r\n")),
        (b"PTTL", _) => Reply::text(":-1\r\n"),
        (b"OBJECT", b"ENCODING") | (b"RANDOMKEY", _) => Reply::bulk(b"k"),
        (b"OBJECT" | b"MEMORY", _) => Reply::text(":60\r\n"),
        (b"DBSIZE" | b"STRLEN" | b"HLEN" | b"LLEN" | b"SCARD" | b"ZCARD" | b"XLEN", _) => {
            Reply::text(":1\r\n")
        }
        (b"GETRANGE", _) => Reply::bulk(b"v"),
        (b"SCAN", _) => Reply::text("*2\r\n$1\r\n0\r\n*1\r\n$1\r\nk\r\n"),
        (b"HSCAN" | b"ZSCAN", _) => Reply::text("*2\r\n$1\r\n0\r\n*2\r\n$1\r\na\r\n$1\r\n1\r\n"),
        (b"SSCAN", _) => Reply::text("*2\r\n$1\r\n0\r\n*1\r\n$1\r\na\r\n"),
        (b"LRANGE", _) => Reply::text("*1\r\n$1\r\na\r\n"),
        (b"ZREVRANGE", _) => Reply::text("*2\r\n$1\r\na\r\n$1\r\n1\r\n"),
        (b"HPTTL", _) => Reply::text("*1\r\n:-1\r\n"),
        (b"XRANGE" | b"XREVRANGE", _) => {
            Reply::text("*1\r\n*2\r\n$3\r\n1-1\r\n*2\r\n$1\r\na\r\n$1\r\nb\r\n")
        }
        (b"COMMAND" | b"XINFO" | b"XPENDING", _) => Reply::text("*0\r\n"),
        _ => Reply::text("+OK\r\n"),
    }
}

/// Answers that no server gives to what was asked, framed as the protocol wants it or not.
fn nonsense() -> Vec<Vec<u8>> {
    let framed = [
        ":-9223372036854775808\r\n",
        ":9223372036854775807\r\n",
        ":-1\r\n",
        "$-1\r\n",
        "*-1\r\n",
        "*0\r\n",
        "$0\r\n\r\n",
        "+\u{1b}[31mred\u{202e}\r\n",
        "-ERR \u{1b}]0;x\u{7}\u{1b}[2J\r\n",
        "-MOVED 1 127.0.0.1:1\r\n",
        "-ASK 1 nonsense\r\n",
        "-NOPERM \r\n",
        "$5\r\nhello\r\n",
        "*3\r\n:1\r\n:2\r\n:3\r\n",
        "*2\r\n:5\r\n$1\r\nk\r\n",
        "*2\r\n$1\r\n0\r\n*1\r\n*0\r\n",
        "*2\r\n$1\r\n0\r\n*3\r\n$1\r\na\r\n$-1\r\n:7\r\n",
        "*1\r\n*2\r\n$1\r\nx\r\n$-1\r\n",
        "*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n",
        "%1\r\n+a\r\n+b\r\n",
        "~2\r\n:1\r\n:1\r\n",
        "#t\r\n",
        ",nan\r\n",
        ",-inf\r\n",
        "(99999999999999999999999999\r\n",
        "_\r\n",
        "=7\r\ntxt:abc\r\n",
        "|1\r\n+a\r\n+b\r\n:1\r\n",
    ];
    let mut all: Vec<Vec<u8>> = framed.iter().map(|text| text.as_bytes().to_vec()).collect();
    all.push(b"$2\r\n\xff\xfe\r\n".to_vec());
    all
}

/// What breaks the protocol; the connection is closed behind it.
fn broken() -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = [
        "HTTP/1.1 400 Bad Request\r\n\r\n",
        "*9223372036854775807\r\n",
        "$9223372036854775807\r\nabc",
        "%9223372036854775807\r\n+a\r\n",
        "=-1\r\n",
        "$-9223372036854775808\r\n",
        ":99999999999999999999999999\r\n",
        "$5\r\nhello, and more than that\r\n",
        "*2\r\n$1\r\n0\r\n",
        "",
    ]
    .iter()
    .map(|text| text.as_bytes().to_vec())
    .collect();
    all.push("*1\r\n".repeat(100_000).into_bytes());
    all.push(vec![0xff; 1_000]);
    all
}

const TYPES: [&str; 11] = [
    "string",
    "hash",
    "list",
    "set",
    "zset",
    "stream",
    "ReJSON-RL",
    "TSDB-TYPE",
    "MBbloom--",
    "vectorset",
    "unheard-of",
];

/// Everything that the window and the commands ask, of a server that answers `command` so.
async fn visit(command: &'static str, type_name: &'static str, answer: Vec<u8>, ends: bool) {
    let shown = String::from_utf8_lossy(&answer[..answer.len().min(60)]).into_owned();
    let stranger = Stranger::start(move |words| {
        if words[0] != command.as_bytes() {
            polite(words, type_name)
        } else if ends {
            Reply::Close(answer.clone())
        } else {
            Reply::Bytes(answer.clone())
        }
    });
    let work = async {
        let Ok(connection) = Connection::open(&ConnectionUrl::new(&stranger.url())).await else {
            return;
        };
        let state = to_end(&connection, full()).await;
        // A scan that panicked would stay where it was.
        assert!(
            matches!(state.phase, Phase::Complete | Phase::Failed(_)),
            "{command} {shown}: {:?}",
            state.phase
        );
        let _ = state.totals.kinds().count();
        let _ = sample(
            &connection,
            100,
            &Filter::default(),
            Detail::default(),
            |_| {},
        )
        .await;
        let Ok(about) = describe(&connection, b"k").await else {
            return;
        };
        if let Ok(first) = page(&connection, &about, None, false).await {
            let _ = facts(&connection, &about, &first.value).await;
        }
        let _ = page(&connection, &about, None, true).await;
        let _ = search(&connection, &about, b"*", None).await;
        let _ = groups(&connection, b"k").await;
        let _ = tail(&connection, b"k", None).await;
    };
    let in_time = tokio::time::timeout(Duration::from_mins(1), work).await;
    assert!(in_time.is_ok(), "{command} {shown} holds it up");
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_of_any_shape_end_in_words() {
    let commands = [
        ("INFO", "string"),
        ("CLIENT", "string"),
        ("DBSIZE", "string"),
        ("SCAN", "string"),
        ("TYPE", "string"),
        ("PTTL", "string"),
        ("OBJECT", "string"),
        ("MEMORY", "string"),
        ("RANDOMKEY", "string"),
        ("STRLEN", "string"),
        ("GETRANGE", "string"),
        ("HLEN", "hash"),
        ("HSCAN", "hash"),
        ("HPTTL", "hash"),
        ("LLEN", "list"),
        ("LRANGE", "list"),
        ("SSCAN", "set"),
        ("ZREVRANGE", "zset"),
        ("ZSCAN", "zset"),
        ("XRANGE", "stream"),
        ("XREVRANGE", "stream"),
        ("XINFO", "stream"),
        ("JSON.GET", "ReJSON-RL"),
        ("TS.RANGE", "TSDB-TYPE"),
        ("TS.INFO", "TSDB-TYPE"),
        ("BF.INFO", "MBbloom--"),
        ("VRANDMEMBER", "vectorset"),
        ("VINFO", "vectorset"),
    ];
    let visits = commands.into_iter().flat_map(|(command, type_name)| {
        let framed = nonsense().into_iter().map(|answer| (answer, false));
        let broken = broken().into_iter().map(|answer| (answer, true));
        framed
            .chain(broken)
            .map(move |(answer, ends)| visit(command, type_name, answer, ends))
    });
    futures::stream::iter(visits)
        .buffer_unordered(24)
        .collect::<Vec<()>>()
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn types_of_modules_are_read_as_their_documentation_says_and_others_known_by_name() {
    for type_name in TYPES {
        let stranger = Stranger::start(move |words| match words[0].as_slice() {
            b"JSON.GET" => Reply::bulk(br#"{"a":[1]}"#),
            b"TS.RANGE" => Reply::text("*2\r\n*2\r\n:1000\r\n+1.5\r\n*2\r\n:2000\r\n+-3\r\n"),
            b"TS.INFO" => Reply::text("*2\r\n+totalSamples\r\n:2\r\n"),
            b"BF.INFO" => Reply::text("*4\r\n+Capacity\r\n:100\r\n+Size\r\n:240\r\n"),
            b"VINFO" => Reply::text("*4\r\n+quant-type\r\n+int8\r\n+vector-dim\r\n:300\r\n"),
            b"VRANDMEMBER" => Reply::text("*2\r\n$1\r\na\r\n$1\r\nb\r\n"),
            _ => polite(words, type_name),
        });
        let connection = Connection::open(&ConnectionUrl::new(&stranger.url()))
            .await
            .unwrap();
        let state = to_end(&connection, full()).await;
        assert_eq!(state.keys.get(0).type_name, type_name);
        let about = describe(&connection, b"k").await.unwrap();
        let first = page(&connection, &about, None, false).await.unwrap();
        let facts = facts(&connection, &about, &first.value).await;
        let fact = |label: &str, value: &str| facts.contains(&(label.into(), value.into()));
        let (title, elements, told) = match type_name {
            "ReJSON-RL" => ("JSON", 9, true),
            "TSDB-TYPE" => ("time series", 2, fact("totalSamples", "2")),
            "MBbloom--" => (
                "Bloom filter",
                0,
                fact("Capacity", "100") && fact("Size", "240"),
            ),
            "vectorset" => ("vector set", 2, fact("vector-dim", "300")),
            other => (other, first.value.len(), true),
        };
        assert_eq!(
            (type_title(type_name), first.value.len()),
            (title, elements)
        );
        assert!(told, "{facts:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scan_whose_cursors_go_round_ends_and_says_so() {
    for length in [1, 3, 50] {
        let step = AtomicU64::new(0);
        let stranger = Stranger::start(move |words| {
            if words[0] != b"SCAN" {
                return polite(words, "string");
            }
            let cursor = 1 + step.fetch_add(1, Ordering::Relaxed) % length;
            let cursor = cursor.to_string();
            Reply::text(&format!(
                "*2\r\n${}\r\n{cursor}\r\n*1\r\n$1\r\nk\r\n",
                cursor.len()
            ))
        });
        let connection = Connection::open(&ConnectionUrl::new(&stranger.url()))
            .await
            .unwrap();
        let ends = tokio::time::timeout(Duration::from_mins(1), to_end(&connection, full()));
        let state = ends.await.unwrap();
        assert!(
            matches!(state.phase, Phase::Failed(InspectError::Endless)),
            "{:?}",
            state.phase
        );
        assert_eq!(state.keys.len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_falls_silent_is_given_up_and_a_waiting_scan_is_cancelled_at_once() {
    let silent = |command: &'static str, after: &'static str| {
        Stranger::start(move |words| {
            if words[0] == command.as_bytes() {
                Reply::Hang(after.as_bytes().to_vec())
            } else {
                polite(words, "string")
            }
        })
    };
    let stranger = silent("SCAN", "");
    let connection = Connection::open(&ConnectionUrl::new(&stranger.url()))
        .await
        .unwrap();
    let mut scan = Scan::start(connection, ScanOptions::default());
    tokio::time::sleep(Duration::from_millis(300)).await;
    // Not because the server was given up: that ends a scan too, but not as cancelled.
    scan.cancel();
    while scan.next().await.is_some() {}
    assert!(matches!(scan.state().phase, Phase::Cancelled));

    // All at once, since each is waited for.
    let strangers = [
        silent("SCAN", ""),
        silent("INFO", "$5\r\nhel"),
        silent("TYPE", "+str"),
        silent("SCAN", "$4000000000\r\nx"),
        silent("SCAN", "*4000000000\r\n"),
    ];
    let running: Vec<_> = strangers
        .iter()
        .map(|stranger| {
            Command::new(env!("CARGO_BIN_EXE_lookaside"))
                .args(["keys", "--redis", &stranger.url()])
                .stdout(std::process::Stdio::piped())
                .stderr(std::process::Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    for child in running {
        let output = child.wait_with_output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{error}");
        assert!(
            error.lines().count() == 1 && error.contains("127.0.0.1"),
            "{error}"
        );
    }
}

/// With no more room than an ordinary run needs.
fn bounded(arguments: &[&str]) -> Output {
    Command::new("sh")
        .args(["-c", "ulimit -v 2000000; exec \"$0\" \"$@\""])
        .arg(env!("CARGO_BIN_EXE_lookaside"))
        .args(arguments)
        .output()
        .unwrap()
}

fn is_harmless(output: &Output) -> bool {
    let text = [output.stdout.as_slice(), &output.stderr].concat();
    let text = String::from_utf8(text).unwrap();
    !text
        .chars()
        .any(|c| !matches!(c, '\n' | '\t') && lookaside::human::is_obeyed(c))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_is_told_nothing_that_it_would_obey() {
    let redis = Redis::start();
    let mut link = writer(&redis).await;
    let evil = "\u{1b}[2J\u{1b}]0;owned\u{7}\u{202e}\r\n\u{9b}31m";
    let long = vec![b'x'; 1_000_000];
    let mut pipe = redis::pipe();
    pipe.cmd("SET").arg(format!("{evil}:s")).arg(evil);
    pipe.cmd("HSET")
        .arg(format!("{evil}:h"))
        .arg(evil)
        .arg(evil);
    pipe.cmd("RPUSH").arg(format!("{evil}:l")).arg(evil);
    pipe.cmd("SADD").arg(format!("{evil}:e")).arg(evil);
    pipe.cmd("ZADD").arg(format!("{evil}:z")).arg(1).arg(evil);
    pipe.cmd("XADD")
        .arg(format!("{evil}:x"))
        .arg("*")
        .arg(evil)
        .arg(evil);
    pipe.cmd("SET").arg(&long).arg("x");
    pipe.cmd("SET")
        .arg([&long[..], b":", &long].concat())
        .arg("x");
    pipe.cmd("SET").arg(b":".repeat(100_000)).arg("x");
    pipe.exec_async(&mut link).await.unwrap();
    let url = redis.url();
    for more in [&[][..], &["--json"], &["--prefix-depth", "1000000"]] {
        let output = bounded(&[&["keys", "--redis", &url][..], more].concat());
        assert!(output.status.success(), "{more:?}: {output:?}");
        assert!(is_harmless(&output), "{more:?}");
    }
    for kind in ["s", "h", "l", "e", "z", "x"] {
        for more in [
            &[][..],
            &["--json"],
            &["--decode", "text"],
            &["--search", "*"],
        ] {
            let key = format!("{evil}:{kind}");
            let output = bounded(&[&["key", "--redis", &url, &key][..], more].concat());
            assert!(matches!(output.status.code(), Some(0 | 2)), "{output:?}");
            assert!(is_harmless(&output), "{kind} {more:?}: {output:?}");
        }
    }
    // The server's own words too: types, encodings, errors.
    for word in ["TYPE", "OBJECT", "GETRANGE", "SCAN"] {
        for sign in ['+', '-'] {
            let stranger = Stranger::start(move |words| {
                if words[0] == word.as_bytes() {
                    Reply::text(&format!("{sign}E \u{1b}[2J\u{202e}\u{9b}\r\n"))
                } else {
                    polite(words, "string")
                }
            });
            for arguments in [
                &["key", "k"][..],
                &["key", "k", "--json"],
                &["keys"],
                &["keys", "--json"],
            ] {
                let output = bounded(&[arguments, &["--redis", &stranger.url()]].concat());
                assert!(matches!(output.status.code(), Some(0 | 1)), "{output:?}");
                assert!(
                    is_harmless(&output),
                    "{word} {sign} {arguments:?}: {output:?}"
                );
            }
        }
    }
}

/// 64 MB of zeros, by every compressor.
fn bombs() -> Vec<(&'static str, Vec<u8>)> {
    let zeros = vec![0; 1 << 20];
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    let mut zstd = zstd::stream::write::Encoder::new(Vec::new(), 3).unwrap();
    for _ in 0..64 {
        gzip.write_all(&zeros).unwrap();
        zlib.write_all(&zeros).unwrap();
        zstd.write_all(&zeros).unwrap();
    }
    // Of its 64 KB page alone: a length that is told, and copies of 64 bytes in 3 each.
    let mut snappy = vec![0x80, 0x80, 0x80, 0x20, 0, 0];
    snappy.extend([0xfe, 1, 0].repeat(1_000_000));
    let brotli = "cfffff7f002400e2b14072effff9ffff0f8004401c1680eefd3fffffff01900088c302d0bdffe7ffff3f001200715800baf7ff03";
    let brotli = (0..brotli.len() / 2)
        .map(|at| u8::from_str_radix(&brotli[2 * at..2 * at + 2], 16).unwrap())
        .collect();
    vec![
        ("gzip", gzip.finish().unwrap()),
        ("zlib", zlib.finish().unwrap()),
        ("zstd", zstd.finish().unwrap()),
        ("snappy", snappy),
        ("brotli", brotli),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn bombs_and_depths_are_shown_in_little_memory() {
    let redis = Redis::start();
    let mut link = writer(&redis).await;
    let mut values: Vec<(&str, Vec<u8>)> = bombs();
    values.push(("JSON", [b"[".repeat(50_000), b"]".repeat(50_000)].concat()));
    values.push(("json", [b"[".repeat(30_000), b"]".repeat(30_000)].concat()));
    values.push(("MessagePack", [vec![0x91; 10_000], vec![0xc0]].concat()));
    values.push(("CBOR", [vec![0x81; 10_000], vec![0xf6]].concat()));
    values.push((
        "PHP",
        [
            b"a:1:{i:0;".repeat(7_000),
            b"N;".to_vec(),
            b"}".repeat(7_000),
        ]
        .concat(),
    ));
    values.push(("Base64", b"QUFB".repeat(50_000)));
    for (name, value) in &values {
        let mut set = redis::cmd("SET");
        set.arg(*name)
            .arg(value)
            .exec_async(&mut link)
            .await
            .unwrap();
    }
    let url = redis.url();
    for (name, _) in &values {
        let decoder = name.to_lowercase();
        let decoder = decoder.as_str();
        for more in [&[][..], &["--decode", decoder, "--json"]] {
            let output = bounded(&[&["key", "--redis", &url, name][..], more].concat());
            let error = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{name} {more:?}: {error}");
            assert!(output.stdout.len() < 200_000_000, "{name} {more:?}");
        }
    }
    for name in ["zstd", "brotli"] {
        let output = bounded(&["key", "--redis", &url, name, "--decode", name]);
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains("decompression bomb"), "{name}");
    }
}
