//! Where SQL is split into tokens, against the servers themselves: white space and comments between our tokens are
//! replaced by a line feed, and the server must answer both texts alike. A comment that is none, a string that ends
//! elsewhere, or a number that a word belongs to shows as another answer.
//!
//! `LOOKASIDE_FUZZ=100000 ./dev test lexers::` runs as many texts.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use lookaside::report::Dialect;
use lookaside::report::lex::{Kind, Token, tokens};
use lookaside::source::{Query, Source};

use crate::servers::{MariaDb, Postgres};
use crate::source_postgres::{collect, query, source, texts};

const VALUES: [&str; 44] = [
    "1",
    "a",
    "NULL",
    "'a'",
    "'a''b'",
    "'a\\'",
    "'a\\''",
    "'\\\\'",
    "'--'",
    "'/*'",
    "\"a\"",
    "\"a\\\"",
    "`a`",
    "[a]",
    "E'a\\'b'",
    "e'\\\\'",
    "$$a'b$$",
    "$q$ ' $$ $q$",
    "$1$",
    "a$$",
    "N'a'",
    "x'41'",
    "X'4'",
    "b'1'",
    "U&'\\0041'",
    "_utf8'a'",
    "1.",
    ".5",
    "1.5e1",
    "1e3",
    "1e",
    "1e-",
    "0x1F",
    "0xG",
    "0b1",
    "1_0",
    "1a",
    "2nd",
    "(2)",
    "''",
    "'x' 'y'",
    "1..2",
    "t.a",
    "@a",
];
const GAPS: [&str; 22] = [
    "",
    "",
    " ",
    " ",
    "\n",
    "\t",
    "\r",
    "\r\n",
    "\u{c}",
    "--x\n",
    "-- x\n",
    "-- x\r\n",
    "-- x\r",
    "-- ' \n",
    "--\n",
    "#x\n",
    "#'\n",
    "/* ' */",
    "/* /* */",
    "/* /* */ */",
    "/**/",
    "/*/ */",
];
const SIGNS: [&str; 14] = [
    "+",
    "-",
    "*",
    "/",
    "||",
    ",",
    ",",
    ",",
    "=",
    "<",
    "--",
    "- -",
    "",
    "; DELETE FROM canary WHERE 1 <",
];

/// A generator that gives the same texts in each run.
struct Random(u64);

impl Random {
    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        of[(self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % of.len()]
    }

    fn text(&mut self) -> String {
        let mut sql = "SELECT ".to_owned();
        for i in 0..3 {
            if i > 0 {
                sql.push_str(self.one(&SIGNS));
                sql.push_str(self.one(&GAPS));
            }
            sql.push_str(self.one(&VALUES));
            sql.push_str(self.one(&GAPS));
        }
        sql.push_str(self.one(&["", " ", "\n"]));
        sql.push_str("FROM (SELECT 1 AS a) t");
        sql
    }
}

/// The same tokens with nothing but line feeds between them; `None` where we are not certain.
fn spread(sql: &str, dialect: Dialect) -> Option<String> {
    let mut text = String::new();
    let mut before: Option<Token> = None;
    let mut comments = false;
    for token in tokens(sql, dialect) {
        let token = token.ok()?;
        if token.kind == Kind::Comment {
            comments = true;
            continue;
        }
        let end = before.map_or(0, |before| before.end);
        let gap = &sql[end..token.at];
        let quoted = |token: Token| token.kind == Kind::Quoted;
        if before.is_some_and(quoted) && quoted(token) {
            // A line feed joins strings in PostgreSQL.
            text.push_str(gap);
        } else if text.ends_with('-') && (comments || sql[token.at..].starts_with('-')) {
            // White space behind two dashes makes them a comment in MySQL.
            text.push_str(if gap.is_empty() { " " } else { gap });
        } else if !gap.is_empty() {
            text.push('\n');
        }
        text.push_str(&sql[token.at..token.end]);
        (before, comments) = (Some(token), false);
    }
    Some(text)
}

async fn answer(source: &Arc<dyn Source>, sql: &str) -> Option<Vec<Vec<Option<String>>>> {
    let query = Query {
        trusted: true,
        ..query(sql)
    };
    collect(source, query).await.ok().map(|table| texts(&table))
}

/// Compares texts, and gives how many were answered.
async fn compare(source: &Arc<dyn Source>, dialect: Dialect) {
    let rounds = std::env::var("LOOKASIDE_FUZZ")
        .ok()
        .and_then(|rounds| rounds.parse().ok())
        .unwrap_or(1_500);
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut answered = 0;
    for round in 0..rounds {
        let sql = random.text();
        let Some(spread) = spread(&sql, dialect) else {
            continue;
        };
        let ours = answer(source, &spread).await;
        let theirs = answer(source, &sql).await;
        assert_eq!(theirs, ours, "round {round}: {sql:?} and {spread:?}");
        answered += usize::from(theirs.is_some());
    }
    assert!(answered > rounds / 50, "only {answered} were answered");
    let canary = answer(source, "SELECT count(*) FROM canary").await;
    assert_eq!(canary, Some(vec![vec![Some("1".to_owned())]]));
}

const CANARY: &str = "CREATE TABLE canary (i INTEGER); INSERT INTO canary VALUES (1);";

#[tokio::test]
async fn postgresql_tokens_agree_with_the_server() {
    let server = Postgres::shared();
    let (url, database) = server.fresh_database();
    server.client(&database, CANARY, &[]);
    compare(&source(&url), Dialect::Postgres).await;
}

#[tokio::test]
async fn mariadb_tokens_agree_with_the_server() {
    let server = MariaDb::shared();
    let (url, database) = server.fresh_database();
    server.client(&database, CANARY, &[]);
    compare(&source(&url), Dialect::MySql).await;
}

#[tokio::test]
async fn sqlite_tokens_agree_with_the_library() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("canary.db");
    let made = std::process::Command::new("sqlite3")
        .arg(&file)
        .arg(CANARY)
        .status();
    assert!(made.unwrap().success());
    let url = format!("sqlite:{}", file.display());
    compare(&source(&url), Dialect::Sqlite).await;
}
