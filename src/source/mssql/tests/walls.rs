//! What is not sent, and what is said where a report ended its transaction all the same.

use tokio_util::sync::CancellationToken;

use super::replay::{Manners, Recordings, Replay};
use super::{config, mssql, run};
use crate::report::Params;
use crate::source::{self, Query, SourceError};

fn replay() -> Replay {
    let manners = Manners {
        describes: true,
        snapshot: true,
    };
    Replay::start(&Recordings::load(), manners)
}

async fn sent(replay: &Replay, sql: &str, trusted: bool) -> Result<(), SourceError> {
    let source = source::open(&config(&replay.url())).unwrap();
    let query = Query {
        sql: sql.to_owned(),
        params: Params::default(),
        timeout: None,
        trusted,
    };
    let rows = source.run(query, CancellationToken::new()).await?;
    rows.stream.collect().await.map(drop)
}

#[tokio::test]
async fn statement_behind_a_number_or_comment_is_not_sent() {
    let replay = replay();
    for sql in [
        "SELECT 1 AS a WHERE 1 < 2.DELETE FROM items WHERE 1 < 2.COMMIT",
        "SELECT 1 AS a WHERE 1<2 2DELETE FROM items 2COMMIT",
        "SELECT 1 AS a WHERE 1 < 1. DELETE FROM items",
        "SELECT 1DELETE FROM items",
        "SELECT 1eDELETE FROM items",
        "SELECT 1e-DELETE FROM items",
        "SELECT .5DELETE FROM items",
        "SELECT 0xDELETE FROM items",
        "SELECT 0xDEINSERT items VALUES (1)",
        "SELECT $DELETE FROM items",
        "SELECT $1DELETE FROM items",
        "SELECT $ 1 DELETE FROM items",
        "SELECT £1DELETE FROM items",
        "SELECT 1 AS a -- x\rDELETE FROM items -- y\rCOMMIT",
        "SELECT 1 AS a -- x\u{85}DELETE FROM items",
        "SELECT 1 AS a -- x\u{2028}DELETE FROM items",
        "SELECT 1 --(*vendor(Microsoft),product(ODBC) DELETE FROM items *)--",
        "SELECT 1\u{a0}DELETE FROM items",
        "SELECT 1\u{3000}DELETE FROM items",
        "SELECT 1\u{200b}DELETE FROM items",
        "SELECT 1\u{feff}DELETE FROM items",
        "SELECT 1\u{b}DELETE FROM items",
        "SELECT a FROM t. DELETE FROM items",
        "SELECT @ DELETE FROM items",
        "SELECT @a DELETE FROM items",
        "SELECT 1 \u{ff24}ELETE FROM items",
        "SELECT 1 \u{131}nsert items VALUES (1)",
        "SELECT /* /* */ 1 */ 1 DELETE FROM items",
        "SELECT [a]]] DELETE FROM items",
        "SELECT N'a''' DELETE FROM items",
        "SELECT 1\nGO\nDELETE FROM items\nGO",
        "SELECT 1;DELETE FROM items",
        "SELECT 'a\0' DELETE FROM items",
    ] {
        for trusted in [false, true] {
            let error = sent(&replay, sql, trusted).await.unwrap_err();
            assert!(
                matches!(error, SourceError::Writes(_) | SourceError::Sql { .. }),
                "{sql}: {error:?}"
            );
        }
    }
    assert_eq!(replay.heard(), Vec::<String>::new());
}

#[tokio::test]
async fn batch_of_several_selects_runs_only_when_trusted() {
    let replay = replay();
    replay.say_number("SELECT 1 AS a SELECT 2 AS b", 1);
    let sql = "SELECT 1 AS a SELECT 2 AS b";
    let error = sent(&replay, sql, false).await.unwrap_err().to_string();
    assert!(error.contains("trusted_sql = true"), "{error}");
    assert_eq!(replay.heard(), Vec::<String>::new());
    sent(&replay, sql, true).await.unwrap();
}

#[tokio::test]
async fn batch_between_go_lines_runs_without_them() {
    let replay = replay();
    replay.say_number("SELECT 1 AS batch", 1);
    let sql = "GO\r\n-- the report\r\nSELECT 1 AS batch\r\n go 1 \r\n\r\nGO";
    sent(&replay, sql, false).await.unwrap();
    let heard = replay.heard();
    let ran = heard.iter().find(|sql| sql.contains("AS batch")).unwrap();
    assert!(!ran.to_uppercase().contains("GO"), "{ran}");
}

#[tokio::test]
async fn report_that_ends_its_transaction_is_an_error() {
    let replay = replay();
    // No transaction is open behind it.
    replay.say_number("SELECT 1 AS a COMMIT", 1);
    // One is, but not the one in which the report began.
    replay.commit("SELECT 2 AS a COMMIT BEGIN TRANSACTION");
    for sql in [
        "SELECT 1 AS a COMMIT",
        "SELECT 2 AS a COMMIT BEGIN TRANSACTION",
    ] {
        let outcome = run(&mssql(&replay.url()), sql).await;
        let error = outcome.result.unwrap_err();
        assert!(matches!(error, SourceError::Writes(_)), "{sql}: {error:?}");
        let error = error.to_string();
        assert!(error.contains("ended the transaction"), "{error}");
    }
    let begun = replay.heard();
    let begun = begun.iter().find(|sql| sql.contains("BEGIN")).unwrap();
    assert!(begun.contains("SET XACT_ABORT ON; SET IMPLICIT_TRANSACTIONS OFF;"));
}
