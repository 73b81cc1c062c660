//! Bad input, lost connections and queries that are not wanted any more.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::replay::{
    ABSENT, BREAKS, CLR, DEAF, ENDLESS, FIXED, HANGS, MANY_ROWS, Manners, Recordings, Replay,
};
use super::{config, mssql, run, texts, until};
use crate::report::Params;
use crate::source::job::{Limits, Listener};
use crate::source::server::Server;
use crate::source::{self, CheckResult, Query, Source, SourceError};

const ORDINARY: Manners = Manners {
    describes: true,
    snapshot: true,
};

fn replay() -> Replay {
    Replay::start(&Recordings::load(), ORDINARY)
}

fn query(sql: &str) -> Query {
    Query {
        sql: sql.to_owned(),
        params: Params::default(),
        timeout: None,
        trusted: false,
    }
}

fn opened(url: &str) -> Arc<dyn Source> {
    source::open(&config(url)).unwrap()
}

async fn failure(source: &Arc<dyn Source>, sql: &str) -> SourceError {
    match source.run(query(sql), CancellationToken::new()).await {
        Err(error) => error,
        Ok(rows) => rows.stream.collect().await.unwrap_err(),
    }
}

#[tokio::test]
async fn a_wrong_password_is_named_and_never_shown() {
    let replay = replay();
    let url = replay.url().replace("recorded-password", "wr0ng");
    let error = failure(&opened(&url), "SELECT 1").await;
    assert!(matches!(error, SourceError::SignIn(_)));
    let error = error.to_string();
    assert_eq!(
        error,
        format!(
            "SQL Server at 127.0.0.1:{} refused the password of recorded_user (18456); correct user or password",
            replay.port()
        )
    );
}

#[tokio::test]
async fn a_database_that_is_not_there_is_named() {
    let replay = replay();
    let url = replay.url();
    let (before, options) = url.split_once('?').unwrap();
    let (server, _) = before.rsplit_once('/').unwrap();
    let url = format!("{server}/{ABSENT}?{options}");
    let error = failure(&opened(&url), "SELECT 1").await;
    assert!(matches!(error, SourceError::SignIn(_)));
    assert_eq!(
        error.to_string(),
        format!(
            "SQL Server at 127.0.0.1:{} has no database no_such_database, or recorded_user may not use it (4060); correct \
             the last part of the source's URL, or let the user in",
            replay.port()
        )
    );
}

#[tokio::test]
async fn a_server_that_does_not_encrypt_is_not_talked_to_in_the_clear() {
    let replay = replay();
    let url = replay.url().replace("?encrypt=none", "");
    let error = failure(&opened(&url), "SELECT 1").await.to_string();
    assert!(
        error.contains("does not encrypt") && error.contains("encrypt=none"),
        "{error}"
    );
}

#[tokio::test]
async fn what_is_no_sql_server_is_named() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        use std::io::{Read, Write};
        for mut stream in listener.incoming().flatten() {
            let mut seen = [0; 100];
            let _ = stream.read(&mut seen);
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        }
    });
    let url = format!("mssql://u:p@127.0.0.1:{port}/d?encrypt=none");
    let error = failure(&opened(&url), "SELECT 1").await.to_string();
    assert!(error.contains(&format!("127.0.0.1:{port}")), "{error}");
    assert!(
        error.contains("does not speak SQL Server's protocol")
            || error.contains("closed the connection"),
        "{error}"
    );
}

#[tokio::test]
async fn a_statement_that_writes_is_not_sent() {
    let replay = replay();
    let error = failure(&opened(&replay.url()), "SELECT 1 DELETE FROM t").await;
    assert!(matches!(error, SourceError::Writes(_)), "{error}");
    assert_eq!(replay.heard(), Vec::<String>::new());
}

#[tokio::test]
async fn a_report_runs_in_a_snapshot_that_is_rolled_back() {
    for (snapshot, level) in [(true, "SNAPSHOT"), (false, "READ COMMITTED")] {
        let replay = Replay::start(
            &Recordings::load(),
            Manners {
                describes: true,
                snapshot,
            },
        );
        let outcome = run(&mssql(&replay.url()), MANY_ROWS).await;
        assert_eq!(outcome.rows().len(), 5000);
        let heard = replay.heard();
        assert!(
            heard[0].starts_with("SET LANGUAGE us_english;SET DATEFORMAT mdy;"),
            "{heard:?}"
        );
        let begin = format!("SET TRANSACTION ISOLATION LEVEL {level}; BEGIN TRANSACTION;");
        assert!(heard.iter().any(|sql| sql.contains(&begin)), "{heard:?}");
        assert!(heard.last().unwrap().contains("ROLLBACK"), "{heard:?}");
    }
}

#[tokio::test]
async fn a_connection_that_breaks_in_the_middle_of_rows_is_an_error() {
    let replay = replay();
    let error = failure(&opened(&replay.url()), BREAKS).await;
    assert!(matches!(error, SourceError::Lost(_)), "{error:?}");
    assert!(
        error.to_string().contains("was lost while the query ran"),
        "{error}"
    );
}

#[tokio::test]
async fn a_cancelled_query_is_ended_by_an_attention_and_its_connection_not_used_again() {
    let replay = replay();
    let source = opened(&replay.url());
    let cancel = CancellationToken::new();
    let running = source.run(query(HANGS), cancel.clone());
    let stop = async {
        while !replay.heard().iter().any(|sql| sql == HANGS) {
            tokio::task::yield_now().await;
        }
        cancel.cancel();
    };
    let (result, ()) = tokio::join!(running, stop);
    assert!(matches!(result, Err(SourceError::Cancelled)));
    assert_eq!(replay.attentions(), 1);
    let sign_ins = |replay: &Replay| {
        let heard = replay.heard();
        heard
            .iter()
            .filter(|sql| sql.starts_with("SET LANGUAGE"))
            .count()
    };
    assert_eq!(sign_ins(&replay), 1);
    let rows = source
        .run(query("SELECT 1 AS one"), CancellationToken::new())
        .await
        .unwrap();
    let table = rows.stream.collect().await.unwrap();
    assert_eq!(texts(&table), [[Some("1".to_owned())]]);
    assert_eq!(sign_ins(&replay), 2);
}

#[tokio::test]
async fn rows_that_nobody_reads_any_more_are_ended_on_the_server() {
    let replay = replay();
    let source = opened(&replay.url());
    let mut rows = source
        .run(query(ENDLESS), CancellationToken::new())
        .await
        .unwrap();
    assert!(rows.stream.next().await.unwrap().unwrap().num_rows() > 0);
    drop(rows);
    // The source has two places; the third query waits for one of them, and each waits for its end.
    while replay.attentions() == 0 {
        tokio::task::yield_now().await;
    }
    let heard = replay.heard();
    assert!(
        !heard.iter().any(|sql| sql.starts_with("KILL")),
        "{heard:?}"
    );
}

#[tokio::test]
async fn a_server_that_does_not_listen_is_asked_to_kill_over_another_connection() {
    let replay = replay();
    let source = opened(&replay.url());
    let mut slow = query(DEAF);
    slow.timeout = Some(Duration::from_millis(200));
    let error = source
        .run(slow, CancellationToken::new())
        .await
        .err()
        .unwrap();
    assert!(matches!(error, SourceError::Timeout(_)), "{error}");
    assert_eq!(replay.attentions(), 1);
    assert!(
        replay.heard().contains(&"KILL 51".to_owned()),
        "{:?}",
        replay.heard()
    );
}

#[tokio::test]
async fn an_attention_that_nobody_acknowledges_is_waited_for_as_long_as_is_said() {
    let replay = replay();
    let server = mssql(&replay.url());
    let mut link = server.connect().await.unwrap();
    assert_eq!(link.patience, Duration::from_secs(5));
    link.patience = Duration::from_millis(300);
    let limits = Limits::start(CancellationToken::new(), Duration::from_millis(100));
    server.begin(&mut link, &limits).await.unwrap();
    let (mut listener, _answered) = Listener::new();
    let mut statement = server.statement(&query(DEAF)).unwrap();
    let error = server
        .stream(&mut link, &mut statement, &limits, &mut listener)
        .await
        .unwrap_err();
    assert!(matches!(error, SourceError::Timeout(_)), "{error:?}");
    let begun = std::time::Instant::now();
    assert!(!server.interrupt(link).await, "nobody acknowledged");
    assert!(begun.elapsed() >= Duration::from_millis(300));
    until(|| replay.attentions() == 1).await;
}

#[tokio::test]
async fn the_sign_in_says_that_it_only_reads_where_the_source_does() {
    let replay = replay();
    let ado = format!(
        "Server=tcp:127.0.0.1,{};Database=recdb;User Id=recorded_user;Password=recorded-password;Encrypt=none;\
         ApplicationIntent=",
        replay.port()
    );
    for (url, reads) in [
        (replay.url(), false),
        (format!("{}&applicationIntent=ReadOnly", replay.url()), true),
        (
            format!("{}&ApplicationIntent=readwrite", replay.url()),
            false,
        ),
        (format!("{ado}ReadOnly"), true),
    ] {
        mssql(&url).connect().await.unwrap();
        assert_eq!(replay.only_reads().last(), Some(&reads), "{url}");
    }
}

#[tokio::test]
async fn types_of_fixed_length_and_of_the_runtime_are_read() {
    let replay = replay();
    let server = mssql(&replay.url());
    let text = |texts: &[&str]| {
        texts
            .iter()
            .map(|text| Some((*text).to_owned()))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        run(&server, FIXED).await.rows(),
        [text(&[
            "true",
            "-7",
            "429499.7296",
            "1900-01-01 00:00:00.997",
            "0.1"
        ])]
    );
    assert_eq!(run(&server, CLR).await.rows(), [text(&["0x58"])]);
}

#[tokio::test]
async fn the_connection_test_names_what_a_report_misses() {
    let replay = Replay::start(
        &Recordings::load(),
        Manners {
            describes: true,
            snapshot: false,
        },
    );
    let server = mssql(&replay.url());
    let link = server.connect().await.unwrap();
    assert!(!link.allows_snapshot);
    // What is not recorded is refused, and the step says so.
    let check = opened(&replay.url()).check(&|_| {}).await;
    let failed = check.steps.iter().find_map(|step| match &step.result {
        CheckResult::Failed(why) => Some(why.clone()),
        _ => None,
    });
    assert!(!check.ok);
    assert!(
        failed
            .unwrap()
            .contains("refused what reports need: this was not recorded")
    );
}
