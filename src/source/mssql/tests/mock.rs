//! Against `mssql-mock-tds`, a server that is not of our making: sign-in, errors, messages, delays, timeouts, Attention,
//! tokens and being sent on.
//!
//! It finds a report by its SQL in capitals, lets every password in, and answers what it was not told with nothing at
//! all: no columns beforehand, no snapshot.

use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mssql_mock_tds::{
    ColumnDefinition, ColumnValue, ConnectionInfo, ConnectionStore, InfoMessage, MockTdsServer,
    QueryRegistry, QueryResponse, Row, SqlDataType, TerminalError,
};
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;
use tracing::subscriber::DefaultGuard;

use super::super::link::{OPEN, begin_at};
use super::{config, texts, until};
use crate::report::Params;
use crate::source::job::Limits;
use crate::source::{self, Query, Source, SourceError};

const REPORT: &str = "SELECT NUMBER, NAME FROM ORDERS";

struct Mock {
    port: u16,
    registry: Arc<tokio::sync::Mutex<QueryRegistry>>,
    connections: Arc<tokio::sync::Mutex<ConnectionStore>>,
    log: Log,
    _logging: DefaultGuard,
}

/// What the server says that it does; its tasks run on the test's own thread.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn has(&self, text: &str) -> bool {
        String::from_utf8_lossy(&self.0.lock()).contains(text)
    }
}

impl Mock {
    async fn start() -> Self {
        Self::serve(MockTdsServer::new("127.0.0.1:0").await.unwrap())
    }

    fn serve(server: MockTdsServer) -> Self {
        let log = Log::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::DEBUG)
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .finish();
        let mock = Self {
            port: server.local_addr().port(),
            registry: server.query_registry(),
            connections: server.connection_store(),
            log,
            _logging: tracing::subscriber::set_default(subscriber),
        };
        tokio::spawn(server.run());
        mock
    }

    /// From now on this is the answer to a statement.
    async fn say(&self, sql: &str, answer: QueryResponse) {
        self.registry.lock().await.register(sql, answer);
    }

    /// From now on this is the answer to a report that has this much time.
    async fn answer(&self, answer: QueryResponse, timeout: Duration) {
        let limits = Limits::start(CancellationToken::new(), timeout);
        let number = vec![Row::new(vec![ColumnValue::Int(51)])];
        let number = QueryResponse::new(vec![ColumnDefinition::new("", SqlDataType::Int)], number);
        self.say(&begin_at("READ COMMITTED", &limits), number).await;
        let one = vec![Row::new(vec![ColumnValue::Int(1)])];
        let one = QueryResponse::new(vec![ColumnDefinition::new("", SqlDataType::Int)], one);
        self.say(OPEN, one).await;
        self.say(REPORT, answer).await;
    }

    fn url(&self) -> String {
        let port = self.port;
        format!("mssql://reader:any@127.0.0.1:{port}/shop?encrypt=none")
    }

    fn source(&self) -> Arc<dyn Source> {
        source::open(&config(&self.url())).unwrap()
    }

    async fn connections(&self) -> Vec<ConnectionInfo> {
        let connections = self.connections.lock().await;
        connections.all().values().cloned().collect()
    }
}

fn rows() -> QueryResponse {
    let columns = vec![
        ColumnDefinition::new("number", SqlDataType::Int),
        ColumnDefinition::new("name", SqlDataType::NVarChar),
    ];
    let row = |number, name: &str| Row::new(vec![number, ColumnValue::NVarChar(name.to_owned())]);
    let rows = vec![
        row(ColumnValue::Int(-7), "日本 é 😀"),
        row(ColumnValue::Null, ""),
    ];
    QueryResponse::new(columns, rows)
}

fn expected() -> Vec<Vec<Option<String>>> {
    let some = |text: &str| Some(text.to_owned());
    vec![vec![some("-7"), some("日本 é 😀")], vec![None, some("")]]
}

fn report(timeout: Duration) -> Query {
    Query {
        sql: REPORT.to_owned(),
        params: Params::default(),
        timeout: Some(timeout),
        trusted: false,
    }
}

/// Runs the report to its end.
async fn run(
    source: &Arc<dyn Source>,
    timeout: Duration,
    cancel: &CancellationToken,
) -> Result<(Vec<Vec<Option<String>>>, Vec<String>), SourceError> {
    let rows = source.run(report(timeout), cancel.clone()).await?;
    let times = rows.times.clone();
    let table = rows.stream.collect().await?;
    Ok((texts(&table), times.notices()))
}

const MINUTE: Duration = Duration::from_mins(1);

#[tokio::test]
async fn a_report_has_its_rows_and_what_the_server_says_besides() {
    let mock = Mock::start().await;
    let said = InfoMessage::new(0, 0, "half of it is done");
    mock.answer(rows().with_info_tokens(vec![said]), MINUTE)
        .await;
    let (rows, notices) = run(&mock.source(), MINUTE, &CancellationToken::new())
        .await
        .unwrap();
    assert_eq!(rows, expected());
    assert_eq!(notices[0], "half of it is done");
    let [connection] = &mock.connections().await[..] else {
        panic!("one connection is enough");
    };
    assert!(connection.authenticated);
    assert_eq!(connection.received_database.as_deref(), Some("shop"));
}

#[tokio::test]
async fn an_error_has_its_number_and_the_source_goes_on() {
    let mock = Mock::start().await;
    let source = mock.source();
    let never = CancellationToken::new();
    for (error, says) in [
        (
            TerminalError::new(208, 16, "Invalid object name 'ORDERS'."),
            "Invalid object name 'ORDERS'. (208, state 1)",
        ),
        (
            TerminalError::new(229, 14, "The SELECT permission was denied on 'ORDERS'."),
            "grant reader SELECT on it",
        ),
    ] {
        mock.answer(QueryResponse::error_only(error), MINUTE).await;
        let error = run(&source, MINUTE, &never).await.unwrap_err();
        assert!(matches!(error, SourceError::Sql { .. }), "{error:?}");
        assert!(error.to_string().contains(says), "{error}");
    }
    // A lock that was waited for too long is our limit, by whatever name.
    let locked = TerminalError::new(1222, 16, "Lock request time out period exceeded.");
    mock.answer(QueryResponse::error_only(locked), MINUTE).await;
    let error = run(&source, MINUTE, &never).await.unwrap_err();
    assert!(matches!(error, SourceError::Timeout(MINUTE)), "{error:?}");

    mock.answer(rows(), MINUTE).await;
    assert_eq!(run(&source, MINUTE, &never).await.unwrap().0, expected());
    // A limit ends its connection; an error does not.
    assert_eq!(mock.connections().await.len(), 2);
}

#[tokio::test]
async fn a_slow_answer_ends_with_the_reports_timeout_and_an_attention() {
    let mock = Mock::start().await;
    let timeout = Duration::from_millis(150);
    mock.answer(rows().with_delay(60 * MINUTE), timeout).await;
    let error = run(&mock.source(), timeout, &CancellationToken::new())
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        SourceError::Timeout(timeout).to_string(),
        "{error:?}"
    );
    assert!(error.to_string().contains("150 ms"), "{error}");
    assert!(mock.log.has("Attention arrived during delay"));
    // It acknowledged, so nothing was left to end over another connection.
    assert_eq!(mock.connections().await.len(), 1);
}

/// The driver's own limit would cut a slow report. That it is off is shown by what reaches the driver, and what it would do
/// by a short one.
#[tokio::test]
async fn the_drivers_own_limit_is_off_and_would_cut_a_report() {
    let default = tiberius::Config::new().get_command_timeout();
    assert_eq!(default, Some(Duration::from_secs(30)));
    let mock = Mock::start().await;
    let delay = Duration::from_millis(400);
    mock.answer(rows().with_delay(delay), MINUTE).await;
    let never = CancellationToken::new();
    for url in [
        mock.url(),
        format!(
            "Server=127.0.0.1,{};Database=shop;Uid=reader;Pwd=any;Encrypt=none;Command Timeout=1",
            mock.port
        ),
    ] {
        let (settings, _) = super::address::read(&config(&url)).unwrap();
        assert_eq!(settings.config.get_command_timeout(), None, "{url}");
        let source = source::open(&config(&url)).unwrap();
        assert_eq!(run(&source, MINUTE, &never).await.unwrap().0, expected());
    }
    let (mut settings, address) = super::address::read(&config(&mock.url())).unwrap();
    settings.config.command_timeout(Some(delay / 4));
    let cut = super::run(&super::MsSql { settings, address }, REPORT).await;
    assert!(
        cut.error().contains("was lost while the query ran"),
        "{}",
        cut.error()
    );
}

#[tokio::test]
async fn a_cancelled_report_is_ended_by_an_attention_at_once() {
    let mock = Mock::start().await;
    mock.answer(rows().with_delay(60 * MINUTE), MINUTE).await;
    let source = mock.source();
    let cancel = CancellationToken::new();
    let begun = Instant::now();
    let running = run(&source, MINUTE, &cancel);
    let stop = async {
        until(|| mock.log.has("Delaying response")).await;
        assert!(!mock.log.has("Attention arrived"));
        cancel.cancel();
    };
    let (result, ()) = tokio::join!(running, stop);
    assert!(matches!(result, Err(SourceError::Cancelled)), "{result:?}");
    assert!(mock.log.has("Attention arrived during delay"));
    assert!(begun.elapsed() < MINUTE);
    assert_eq!(mock.connections().await.len(), 1);

    // Its connection is not used again.
    mock.answer(rows(), MINUTE).await;
    let (rows, _) = run(&source, MINUTE, &CancellationToken::new())
        .await
        .unwrap();
    assert_eq!(rows, expected());
    assert_eq!(mock.connections().await.len(), 2);
}

#[tokio::test]
async fn a_token_signs_in_and_is_shown_to_nobody() {
    let mock = Mock::start().await;
    mock.answer(rows(), MINUTE).await;
    let url = format!(
        "mssql://127.0.0.1:{}/shop?encrypt=none&accessToken=t0ken.of.mine",
        mock.port
    );
    let source = source::open(&config(&url)).unwrap();
    let (found, _) = run(&source, MINUTE, &CancellationToken::new())
        .await
        .unwrap();
    assert_eq!(found, expected());
    let connection = &mock.connections().await[0];
    assert_eq!(
        connection.received_token_as_string().as_deref(),
        Some("t0ken.of.mine")
    );
    assert!(!format!("{:?}", source.identity()).contains("t0ken"));
    assert!(!mock.log.has("t0ken"));
}

#[tokio::test]
async fn a_server_that_sends_us_on_is_followed_and_a_circle_ends() {
    let there = Mock::start().await;
    there.answer(rows(), MINUTE).await;
    let to = |port| MockTdsServer::new_with_redirection("127.0.0.1:0", "127.0.0.1", port);
    let here = Mock::serve(to(there.port).await.unwrap());
    let never = CancellationToken::new();
    let (found, _) = run(&here.source(), MINUTE, &never).await.unwrap();
    assert_eq!(found, expected());
    assert_eq!(there.connections().await.len(), 1);

    // A server that sends everybody to itself, as one behind a wrong address does.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let address = format!("127.0.0.1:{port}");
    let circle = MockTdsServer::new_with_redirection(&address, "127.0.0.1", port);
    let circle = Mock::serve(circle.await.unwrap());
    let error = run(&circle.source(), MINUTE, &never).await.unwrap_err();
    assert!(error.to_string().contains("sends us on and on"), "{error}");
    assert_eq!(circle.connections().await.len(), 4);
}
