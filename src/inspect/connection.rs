//! How a command is sent, and what its failures mean.

use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{Client, Cmd, ErrorKind, FromRedisValue, Pipeline, RedisError, ServerErrorKind};
use tokio::sync::{Mutex, OnceCell};

use crate::cache;
use crate::workspace::ConnectionUrl;

use super::commands::Table;
use super::gate::{self, Asker};
use super::{InspectError, Lock};

/// A connection that only reads until it is unlocked, apart from the engine's so that neither waits for the other.
///
/// Clones share it. It opens again by itself after it was lost: the command that met the loss fails, the next works.
#[derive(Clone)]
pub struct Connection {
    inner: Arc<Inner>,
}

struct Inner {
    client: Client,
    shown: String,
    link: Mutex<Option<MultiplexedConnection>>,
    server: Server,
    lock: Lock,
    /// What the server says of its commands, once somebody needed it.
    commands: OnceCell<Table>,
}

/// What answers.
#[derive(Clone, Debug, Default)]
pub struct Server {
    /// `Redis` or `Valkey`.
    pub product: String,
    /// Its version, empty where the account may not run INFO.
    pub version: String,
    /// Whether reading a value leaves its idle time alone (CLIENT NO-TOUCH, from Redis 7.2).
    pub untouched: bool,
    /// The database number.
    pub database: i64,
}

impl Server {
    /// Whether fields of a hash may have a TTL each: from Redis 7.4 and Valkey 9. Where the version is not known, it is
    /// tried.
    pub fn has_field_ttl(&self) -> bool {
        let mut numbers = self.version.split('.').map(|part| part.parse::<u32>().ok());
        match (numbers.next().flatten(), numbers.next().flatten()) {
            (Some(major), _) if self.product == "Valkey" => major >= 9,
            (Some(major), minor) => (major, minor.unwrap_or_default()) >= (7, 4),
            _ => true,
        }
    }
}

/// How long a single answer may take. Generous: a server that loads or a slow link is not a lost one.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// For what a person may cancel at any time.
const UNTIL_CANCELLED: Duration = Duration::from_hours(30 * 24);

impl Connection {
    /// Opens a connection that stays locked, signs in and asks who answers.
    pub async fn open(url: &ConnectionUrl) -> Result<Self, InspectError> {
        Self::open_with(url, Lock::default()).await
    }

    /// Opens a connection that writes only while `lock` is unlocked.
    pub async fn open_with(url: &ConnectionUrl, lock: Lock) -> Result<Self, InspectError> {
        Self::dial(cache::client(url)?, lock).await
    }

    /// Another connection to the same server under the same lock, for what must not wait behind this one.
    pub async fn another(&self) -> Result<Self, InspectError> {
        Self::dial(self.inner.client.clone(), self.inner.lock.clone()).await
    }

    async fn dial(client: Client, lock: Lock) -> Result<Self, InspectError> {
        let mut link = cache::open(&client, ANSWER_WITHIN).await?;
        let server = greet(
            &mut link,
            client.get_connection_info().redis_settings().db(),
        )
        .await;
        let shown = cache::address(&client);
        Ok(Self {
            inner: Arc::new(Inner {
                client,
                shown,
                link: Mutex::new(Some(link)),
                server,
                lock,
                commands: OnceCell::new(),
            }),
        })
    }

    /// Where the server listens, without user or password.
    pub fn address(&self) -> &str {
        &self.inner.shown
    }

    /// What answers.
    pub fn server(&self) -> &Server {
        &self.inner.server
    }

    /// The write lock.
    pub fn lock(&self) -> &Lock {
        &self.inner.lock
    }

    /// What the server says of its commands; empty where the account may not ask.
    pub async fn commands(&self) -> &Table {
        self.inner
            .commands
            .get_or_init(|| async {
                let Ok(mut link) = self.link().await else {
                    return Table::default();
                };
                let answer = redis::cmd("COMMAND").query_async(&mut link).await;
                answer
                    .map(|answer| Table::read(&answer))
                    .unwrap_or_default()
            })
            .await
    }

    /// Sends one command of the inspector.
    pub async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, InspectError> {
        self.pass(Asker::Program, command)?;
        self.send(command).await
    }

    /// Sends what a person typed, and waits for the answer as long as that person does: drop this to wait no longer,
    /// and then [`Connection::hang_up`], or the next command waits behind this one.
    pub async fn ask_for_person(&self, command: &Cmd) -> Result<redis::Value, InspectError> {
        self.commands().await;
        self.pass(Asker::Person, command)?;
        self.send_within(command, Some(UNTIL_CANCELLED)).await
    }

    /// Closes the connection, so that the server stops waiting for it. The next command opens it again.
    pub async fn hang_up(&self) {
        *self.inner.link.lock().await = None;
    }

    /// Where it leads, for a connection that listens.
    pub(super) fn client(&self) -> &Client {
        &self.inner.client
    }

    /// A connection in RESP3 on which the server may speak unasked.
    pub(super) async fn listening(
        &self,
        hear: impl Fn(redis::PushInfo) + Send + Sync + 'static,
    ) -> Result<MultiplexedConnection, InspectError> {
        Ok(cache::open_listening(&self.inner.client, ANSWER_WITHIN, hear).await?)
    }

    /// Whether a command of the inspector would be let through now.
    pub(super) fn would_pass(&self, command: &Cmd) -> Result<(), InspectError> {
        self.pass(Asker::Program, command)
    }

    pub(super) fn pass(&self, asker: Asker, command: &Cmd) -> Result<(), InspectError> {
        let nothing = Table::default();
        let table = self.inner.commands.get().unwrap_or(&nothing);
        let unlocked = self.inner.lock.is_unlocked();
        Ok(gate::decide(asker, unlocked, table, arguments(command))?)
    }

    async fn send<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, InspectError> {
        self.send_within(command, None).await
    }

    async fn send_within<T: FromRedisValue>(
        &self,
        command: &Cmd,
        within: Option<Duration>,
    ) -> Result<T, InspectError> {
        let mut link = self.link().await?;
        if let Some(within) = within {
            // Of this clone alone.
            link.set_response_timeout(within);
        }
        match link
            .send_packed_command(command)
            .await
            .and_then(redis::Value::extract_error)
        {
            Ok(value) => {
                T::from_redis_value(value).map_err(|_| InspectError::Answer(name(command)))
            }
            Err(error) => Err(self.failure(error, command).await),
        }
    }

    /// Sends several commands at once; each has its own answer, and one that fails leaves the others.
    pub(super) async fn ask_all(
        &self,
        commands: &Pipeline,
    ) -> Result<Vec<redis::Value>, InspectError> {
        for command in commands.cmd_iter() {
            self.pass(Asker::Program, command)?;
        }
        if commands.is_empty() {
            return Ok(Vec::new());
        }
        let mut link = self.link().await?;
        match link.send_packed_commands(commands, 0, commands.len()).await {
            Ok(values) => Ok(values),
            Err(error) => {
                let first = commands.cmd_iter().next().cloned().unwrap_or_default();
                Err(self.failure(error, &first).await)
            }
        }
    }

    /// The error of one answer among several.
    pub(super) fn server_error(error: &redis::ServerError, command: &str) -> InspectError {
        if error.kind() == Some(ServerErrorKind::NoPerm) {
            return denied(command);
        }
        InspectError::Server {
            command: command.to_owned(),
            message: format!("{} {}", error.code(), error.details().unwrap_or_default())
                .trim_end()
                .to_owned(),
        }
    }

    async fn link(&self) -> Result<MultiplexedConnection, InspectError> {
        let mut slot = self.inner.link.lock().await;
        if let Some(link) = slot.as_ref() {
            return Ok(link.clone());
        }
        let mut link = cache::open(&self.inner.client, ANSWER_WITHIN).await?;
        greet(&mut link, 0).await;
        *slot = Some(link.clone());
        Ok(link)
    }

    pub(super) async fn failure(&self, error: RedisError, command: &Cmd) -> InspectError {
        let command = name(command);
        match error.kind() {
            ErrorKind::Server(ServerErrorKind::NoPerm) => denied(&command),
            ErrorKind::Server(_) | ErrorKind::Extension => InspectError::Server {
                command,
                message: words(&error),
            },
            _ => {
                *self.inner.link.lock().await = None;
                InspectError::Lost {
                    server: self.inner.shown.clone(),
                    cause: words(&error),
                }
            }
        }
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Connection({})", self.inner.shown)
    }
}

/// Names the connection, asks the server not to count our reads as use, and reads its version. None of it is needed,
/// so an account that lacks a right for it loses nothing else.
async fn greet(link: &mut MultiplexedConnection, database: i64) -> Server {
    let mut client = redis::cmd("CLIENT");
    client.arg("NO-TOUCH").arg("ON");
    let untouched = client.query_async::<redis::Value>(link).await.is_ok();
    let mut client = redis::cmd("CLIENT");
    client.arg("SETNAME").arg("lookaside-inspect");
    let _ = client.query_async::<redis::Value>(link).await;
    let mut info = redis::cmd("INFO");
    info.arg("server");
    let text = info.query_async::<String>(link).await.unwrap_or_default();
    let field = |name: &str| {
        text.lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
            .map(|value| value.trim().to_owned())
    };
    match field("valkey_version") {
        Some(version) => Server {
            product: "Valkey".into(),
            version,
            untouched,
            database,
        },
        None => Server {
            product: "Redis".into(),
            version: field("redis_version").unwrap_or_default(),
            untouched,
            database,
        },
    }
}

/// A command's words.
fn arguments(command: &Cmd) -> impl Iterator<Item = &[u8]> {
    command.args_iter().map(|argument| match argument {
        redis::Arg::Simple(word) => word,
        _ => b"0".as_slice(),
    })
}

/// A command as messages call it: its name, and its subcommand where it has one.
fn name(command: &Cmd) -> String {
    let mut words =
        arguments(command).map(|word| String::from_utf8_lossy(word).to_ascii_uppercase());
    let first = words.next().unwrap_or_default();
    match first.as_str() {
        "MEMORY" | "OBJECT" | "XINFO" | "CLIENT" | "COMMAND" | "CONFIG" | "SLOWLOG" | "LATENCY"
        | "FUNCTION" | "SCRIPT" | "ACL" | "CLUSTER" => {
            format!("{first} {}", words.next().unwrap_or_default())
        }
        _ => first,
    }
}

fn denied(command: &str) -> InspectError {
    InspectError::Denied {
        command: command.to_owned(),
        acl: command.to_lowercase().replace(' ', "|"),
    }
}

/// The words of an error that a person can use: never the URL, which may hold a password.
fn words(error: &RedisError) -> String {
    match (error.code(), error.detail()) {
        (Some(code), Some(detail)) => format!("{code} {detail}"),
        (None, Some(detail)) => format!("{}: {detail}", error.category()),
        _ => error.to_string(),
    }
}
