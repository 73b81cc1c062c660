//! A SQL Server to look at by hand where there is none: the replaying server with a small shop, and another one that
//! encrypts with a certificate nobody trusts. `cargo test -- --ignored --nocapture a_mssql_shop` prints how to open it.
#![allow(clippy::unwrap_used)]

use std::fs;

use crate::replay::{MANY_ROWS, Manners, Recordings, Replay};
use crate::servers::Certificates;

/// What the window, `check` and the worker ask besides the reports.
fn answer(replay: &Replay) {
    let text = |texts: &[&'static str]| -> Vec<Option<&'static str>> {
        texts.iter().copied().map(Some).collect()
    };
    for (part, row) in [
        ("@@VERSION", text(&["The tests' own server", "0"])),
        ("BEGIN TRANSACTION; SELECT 1;", text(&["1"])),
        ("HAS_PERMS_BY_NAME", text(&["2", "2"])),
        ("SELECT SCHEMA_NAME(), DB_NAME()", text(&["dbo", "recdb"])),
        ("is_external = 0", text(&["dbo", "t_mixed"])),
        (
            "SELECT DB_NAME(), USER_NAME()",
            text(&["recdb", "recorded_user", "0"]),
        ),
        (
            "EXISTS (SELECT 1 FROM sys.change_tracking_tables",
            text(&["dbo", "t_mixed", "1", "0", "1"]),
        ),
    ] {
        replay.say(part, &[&row]);
    }
    replay.say("FROM sys.views", &[]);
}

#[test]
#[ignore = "a server to look at, which stays until it is stopped"]
fn a_mssql_shop_to_open_the_window_on() {
    let manners = Manners {
        describes: true,
        snapshot: false,
    };
    let replay = Replay::start(&Recordings::load(), manners);
    answer(&replay);
    let certificates = Certificates::make();
    let (certificate, key) = certificates.server();
    let encrypts = Replay::start_tls(&certificate, &key, 3);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("lookaside.toml");
    let said = "RAISERROR('low severity %d', 10, 1, 42); SELECT 1 AS a; PRINT N'after rows é東'; SELECT 2 AS b";
    let reports = [
        ("many-rows", MANY_ROWS),
        ("what-it-says", said),
        (
            "fails-late",
            "SELECT n, 1000/(800-n) AS q FROM generate_series(1,1000) g(n)",
        ),
    ];
    let reports = reports.map(|(name, sql)| {
        format!(
            "\n[[reports]]\nname = \"{name}\"\nsource = \"shop\"\nrefresh = \"on-change\"\nsql = \"{sql}\"\ntrusted_sql = true\ntables = \
             [\"t_mixed\"]\n"
        )
    });
    let url = replay.url();
    let text = format!("[cache]\nurl = \"embedded\"\n\n[sources.shop]\nurl = \"{url}\"\n");
    fs::write(&file, text + &reports.concat()).unwrap();
    println!("lookaside --workspace {}", file.display());
    println!("a server: {url}");
    let encrypts = encrypts.url().replace("none", "on");
    println!("with a certificate that nobody trusts: {encrypts}");
    println!("trusted with: {}", certificates.authority().display());
    loop {
        std::thread::park();
    }
}
