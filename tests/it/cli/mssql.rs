//! Reports of a SQL Server by the command line, against recorded answers: what it says besides the rows, and answers that
//! end in the middle.

use std::fs;

use super::{Place, texts};
use crate::replay::{BREAKS, Manners, Recordings, Replay};

/// A workspace whose reports were recorded.
fn place(replay: &Replay) -> Place {
    place_at(&replay.url())
}

fn place_at(url: &str) -> Place {
    let place = Place::new();
    let redis = place.redis.as_ref().unwrap().url();
    let said = "RAISERROR('low severity %d', 10, 1, 42); SELECT 1 AS a; PRINT N'after rows é東'; SELECT 2 AS b";
    let reports = [
        ("said", said),
        (
            "fails-late",
            "SELECT n, 1000/(800-n) AS q FROM generate_series(1,1000) g(n)",
        ),
        ("breaks", BREAKS),
        ("same-names", "SELECT 1 AS a, 2 AS a, N'x' AS a, 3 AS A"),
        (
            "no-names",
            "SELECT 1, 'x', COUNT(*), 2+3 FROM dbo.customers",
        ),
    ];
    let text = format!("[cache]\nurl = \"{redis}\"\n\n[sources.shop]\nurl = \"{url}\"\n");
    // The catalogue was not recorded.
    let reports = reports.map(|(name, sql)| {
        format!(
            "\n[[reports]]\nname = \"{name}\"\nsource = \"shop\"\nsql = \"{sql}\"\ntrusted_sql = true\ntables = [\"customers\"]\n"
        )
    });
    let text = text + &reports.concat();
    fs::write(place.path("lookaside.toml"), text).unwrap();
    place
}

fn replay() -> Replay {
    let manners = Manners {
        describes: true,
        snapshot: true,
    };
    Replay::start(&Recordings::load(), manners)
}

#[test]
fn notices_of_the_server_stand_with_run_and_hit() {
    let replay = replay();
    let place = place(&replay);
    // They are kept with the entry, so that a hit shows them too.
    for _ in 0..2 {
        let (out, err) = place.good(&["run", "said", "--format", "csv"]);
        assert_eq!(out.replace("\r\n", "\n"), "a\n1\n");
        for notice in [
            "lookaside: said: low severity 42\n",
            "lookaside: said: after rows é東\n",
            "lookaside: said: the SQL has 2 results, and the first is the report; left out: result 2 (b)\n",
        ] {
            assert_eq!(err.matches(notice).count(), 1, "{err}");
        }
    }
    let (_, err) = place.good(&["run", "said", "--stats", "--format", "csv"]);
    assert!(err.contains("\"outcome\":\"hit\""), "{err}");
}

#[test]
fn an_answer_that_ends_in_the_middle_is_not_kept() {
    let replay = replay();
    let place = place(&replay);
    for (report, says) in [
        ("fails-late", "division by zero (8134, state 1)"),
        ("breaks", "was lost while the query ran"),
    ] {
        for _ in 0..2 {
            let output = place.output(&["run", report, "--format", "csv", "-o", "out.csv"]);
            let (_, err) = texts(&output);
            assert_eq!(output.status.code(), Some(1), "{report}: {err}");
            assert!(
                err.contains(says) && err.lines().count() == 1,
                "{report}: {err}"
            );
            assert!(!place.path("out.csv").exists() && place.leftovers().is_empty());
        }
        let reports = place.json(&["reports", "--json"]);
        let reports = reports.as_array().unwrap();
        let one = reports.iter().find(|one| one["name"] == report).unwrap();
        assert_eq!(one["state"], "missing", "{one}");
    }
}

#[test]
fn columns_of_one_name_or_of_none_are_kept_apart() {
    let replay = replay();
    let place = place(&replay);
    for (report, first) in [("same-names", "1,2,x,3"), ("no-names", "1,x,")] {
        let uncached = place
            .good(&["run", report, "--uncached", "--format", "csv"])
            .0;
        assert!(
            uncached.lines().nth(1).unwrap().starts_with(first),
            "{uncached}"
        );
        assert_eq!(
            uncached.lines().next().unwrap().split(',').count(),
            4,
            "{uncached}"
        );
        for _ in 0..2 {
            assert_eq!(place.good(&["run", report, "--format", "csv"]).0, uncached);
        }
    }
}

#[test]
fn answer_without_a_snapshot_says_so_also_on_a_hit() {
    let manners = Manners {
        describes: true,
        snapshot: false,
    };
    let replay = Replay::start(&Recordings::load(), manners);
    let place = place(&replay);
    let note = "lookaside: same-names: no snapshot was read: a report may mix rows from before and after a change made \
                meanwhile; ALTER DATABASE [recdb] SET ALLOW_SNAPSHOT_ISOLATION ON lets it read one\n";
    for _ in 0..2 {
        let (out, err) = place.good(&["run", "same-names", "--format", "csv"]);
        assert_eq!(out.lines().count(), 2, "{out}");
        assert_eq!(err.matches(note).count(), 1, "{err}");
    }
}

#[test]
fn a_server_that_is_away_or_refuses_is_one_sentence_everywhere() {
    let replay = replay();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = closed.local_addr().unwrap().port();
    drop(closed);
    let away = format!("mssql://recorded_user:s3cret@127.0.0.1:{port}/recdb?encrypt=none");
    let wrong = replay.url().replace("recorded-password", "s3cret");
    let ado = |more: &str| {
        format!("Server=tcp:127.0.0.1,{port};Database=recdb;User Id=me;Password=s3cret;{more}")
    };
    for (url, says) in [
        (away, "start SQL Server, or correct host and port"),
        (wrong, "refused the password of recorded_user (18456)"),
        (ado("Encrypt=maybe"), "encrypt is on, strict, off"),
        (
            ado("ApplicationIntent=Never"),
            "applicationIntent is ReadOnly or ReadWrite",
        ),
        (
            ado("Packet Size=7"),
            "packetSize is a number from 512 to 32767",
        ),
        (
            ado("Encrypt=none;Server=tcp:db,x"),
            "the server's port is no number",
        ),
    ] {
        let place = place_at(&url);
        for args in [&["run", "said"][..], &["check"], &["demo", "--load", &url]] {
            let output = place.output(args);
            let (out, err) = texts(&output);
            assert_eq!(output.status.code(), Some(1), "{args:?}: {out}{err}");
            assert!(format!("{out}{err}").contains(says), "{args:?}: {out}{err}");
            assert!(!format!("{out}{err}").contains("s3cret"), "{out}{err}");
            if args[0] != "check" {
                assert_eq!(err.trim_end().lines().count(), 1, "{err}");
            }
        }
    }
}
