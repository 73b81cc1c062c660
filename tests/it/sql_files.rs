//! SQL from files of every name and encoding, on a database of any name.
#![allow(clippy::unwrap_used)]

use lookaside::report::Params;
use lookaside::source::{self, Query};
use lookaside::workspace::Workspace;
use tokio_util::sync::CancellationToken;

fn utf_16(text: &str, unit: fn(u16) -> [u8; 2]) -> Vec<u8> {
    format!("\u{feff}{text}")
        .encode_utf16()
        .flat_map(unit)
        .collect()
}

#[tokio::test]
async fn sql_files_of_any_name_and_encoding_run() {
    let folder = tempfile::tempdir().unwrap();
    let database = "shop? 50%#é.db";
    let made = std::process::Command::new("sqlite3")
        .arg(folder.path().join(database))
        .arg("CREATE TABLE t (a); INSERT INTO t VALUES ('é日')")
        .status();
    assert!(made.unwrap().success());
    let sql = "SELECT a\r\nFROM t -- é\r\nWHERE a = 'é日'\r\n";
    let files = [
        ("plain.sql", sql.as_bytes().to_vec()),
        ("what?.sql", format!("\u{feff}{sql}").into_bytes()),
        ("50%41.sql", utf_16(sql, u16::to_le_bytes)),
        ("a#b.sql", utf_16(sql, u16::to_be_bytes)),
        ("line\u{2028}.sql", sql.replace("\r\n", "\n").into_bytes()),
    ];
    let mut text =
        format!("[cache]\nurl = \"embedded\"\n\n[sources.shop]\nurl = \"sqlite:{database}\"\n");
    for (name, bytes) in &files {
        std::fs::write(folder.path().join(name), bytes).unwrap();
        text.push_str("\n[[reports]]\nsource = \"shop\"\n");
        text.push_str(
            &["name", "sql_file"]
                .map(|key| format!("{key} = \"{name}\"\n"))
                .concat(),
        );
    }
    text +=
        "\n[[reports]]\nname = \"inline\"\nsource = \"shop\"\nsql = \"\\uFEFFSELECT a FROM t\"\n";
    let file = folder.path().join("lookaside.toml");
    std::fs::write(&file, text).unwrap();
    let workspace = Workspace::load(&file).unwrap();
    let source = source::open(&workspace.sources["shop"]).unwrap();
    assert_eq!(workspace.reports.len(), files.len() + 1);
    for report in &workspace.reports {
        let query = Query {
            sql: report.sql.clone(),
            params: Params::default(),
            timeout: None,
            trusted: false,
        };
        let rows = source.run(query, CancellationToken::new()).await;
        let table = rows.unwrap().stream.collect().await.unwrap();
        let texts = crate::source_postgres::texts(&table);
        assert_eq!(texts, [[Some("é日".to_owned())]], "{}", report.name);
    }
}

#[test]
fn sql_file_that_is_no_text_is_one_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let text = "[cache]\nurl = \"embedded\"\n\n[sources.s]\nurl = \"sqlite:s.db\"\n\n[[reports]]\nname = \"a\"\n\
                source = \"s\"\nsql_file = \"a.sql\"\n";
    let file = folder.path().join("lookaside.toml");
    std::fs::write(&file, text).unwrap();
    for (bytes, says) in [
        (
            &b"SELECT\n'\xff'"[..],
            "a.sql is not UTF-8 in line 2; save it as UTF-8",
        ),
        (
            b"S\0E\0L\0E\0C\0T\0",
            "a.sql seems to be UTF-16 without a byte order mark; save it as UTF-8",
        ),
        (
            b"\xef\xbb\xbf \r\n",
            "a.sql is empty; write a SELECT into it",
        ),
    ] {
        std::fs::write(folder.path().join("a.sql"), bytes).unwrap();
        let workspace = Workspace::load(&file).unwrap();
        let broken = &workspace.broken[0];
        assert!(broken.message.contains(says), "{}", broken.message);
        assert!(workspace.reports.is_empty());
    }
}
