//! How a command is sent, and what its failures mean.

use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{Client, Cmd, ErrorKind, FromRedisValue, Pipeline, RedisError, ServerErrorKind};
use tokio::sync::{Mutex, OnceCell};

use crate::cache;
use crate::workspace::ConnectionUrl;

use super::cluster::{self, Address, Others};
use super::commands::Table;
use super::gate::{self, Asker};
use super::{InspectError, Lock};

/// A connection that only reads until it is unlocked, apart from the engine's so that neither waits for the other.
///
/// Clones share it. It opens again by itself after it was lost: the command that met the loss fails, the next works.
/// On a cluster a command about a key goes to the node that has it.
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
    others: Others,
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
    /// Whether it is a node of a cluster.
    pub is_cluster: bool,
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

impl Connection {
    /// Opens a connection that stays locked, signs in and asks who answers.
    ///
    /// `redis-cluster://` and `rediss-cluster://` mean the same as without `-cluster`: whether it is one is asked.
    pub async fn open(url: &ConnectionUrl) -> Result<Self, InspectError> {
        Self::open_with(url, Lock::default()).await
    }

    /// Opens a connection that writes only while `lock` is unlocked.
    pub async fn open_with(url: &ConnectionUrl, lock: Lock) -> Result<Self, InspectError> {
        Self::dial(cache::client(&cluster::plain(url))?, lock).await
    }

    /// Another connection to the same server under the same lock, for what must not wait behind this one.
    pub async fn another(&self) -> Result<Self, InspectError> {
        Self::dial(self.inner.client.clone(), self.inner.lock.clone()).await
    }

    /// A connection to the node of the same cluster that listens there, with the same account and TLS settings.
    pub(super) async fn to(&self, address: &Address) -> Result<Self, InspectError> {
        let client = cluster::client_to(&self.inner.client, address)?;
        Self::dial(client, self.inner.lock.clone()).await
    }

    /// The cluster's primaries, each on a connection of its own; this connection alone where there is no cluster. Asked
    /// anew each time: a failover changes them.
    pub(super) async fn primaries(&self) -> Result<Vec<Self>, InspectError> {
        if !self.inner.server.is_cluster {
            return Ok(vec![self.clone()]);
        }
        let topology = self.topology().await?;
        self.nodes(&topology).await
    }

    /// A connection to each of these nodes, in their order; this connection where there are none.
    pub(super) async fn nodes(
        &self,
        topology: &cluster::Topology,
    ) -> Result<Vec<Self>, InspectError> {
        if !self.inner.server.is_cluster {
            return Ok(vec![self.clone()]);
        }
        if topology.is_empty() {
            return Err(InspectError::Answer("CLUSTER SLOTS".into()));
        }
        futures::future::try_join_all(topology.keys().map(|address| self.to(address))).await
    }

    /// Where the cluster's primaries listen, in order, each with the slots it has.
    pub(super) async fn topology(&self) -> Result<cluster::Topology, InspectError> {
        let mut command = redis::cmd("CLUSTER");
        command.arg("SLOTS");
        let mut link = self.link().await?;
        match command.query_async(&mut link).await {
            Ok(answer) => cluster::topology(answer, &cluster::host(&self.inner.client)),
            Err(error) => Err(self.failure(error, &command).await),
        }
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
                others: Others::default(),
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

    /// Sends what a person typed.
    pub async fn ask_for_person(&self, command: &Cmd) -> Result<redis::Value, InspectError> {
        self.commands().await;
        self.pass(Asker::Person, command)?;
        self.send(command).await
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

    fn pass(&self, asker: Asker, command: &Cmd) -> Result<(), InspectError> {
        let nothing = Table::default();
        let table = self.inner.commands.get().unwrap_or(&nothing);
        let unlocked = self.inner.lock.is_unlocked();
        Ok(gate::decide(asker, unlocked, table, arguments(command))?)
    }

    async fn send<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, InspectError> {
        let mut link = self.link().await?;
        let mut answer = link
            .send_packed_command(command)
            .await
            .and_then(redis::Value::extract_error);
        if let Err(error) = &answer
            && let Some(address) = cluster::moved_to(error)
        {
            let node = self.inner.others.get(self, &address).await?;
            let mut link = node.link().await?;
            let mut pipe = cluster::redirected(error);
            let before = pipe.len();
            pipe.add_command(command.clone());
            answer = link
                .send_packed_commands(&pipe, 0, pipe.len())
                .await
                .and_then(|mut values| {
                    values
                        .drain(before..)
                        .next()
                        .unwrap_or_default()
                        .extract_error()
                });
        }
        match answer {
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
        self.ask_each(commands, true).await
    }

    /// The same of this node alone, whatever it says of others.
    pub(super) async fn ask_here(
        &self,
        commands: &Pipeline,
    ) -> Result<Vec<redis::Value>, InspectError> {
        self.ask_each(commands, false).await
    }

    async fn ask_each(
        &self,
        commands: &Pipeline,
        follows: bool,
    ) -> Result<Vec<redis::Value>, InspectError> {
        for command in commands.cmd_iter() {
            self.pass(Asker::Program, command)?;
        }
        if commands.is_empty() {
            return Ok(Vec::new());
        }
        let mut link = self.link().await?;
        let mut answer = link.send_packed_commands(commands, 0, commands.len()).await;
        // All of them are about one key where it matters, so that the first answer speaks for the rest.
        if follows
            && let Ok(values) = &answer
            && let Some(redis::Value::ServerError(error)) = values.first()
            && let Some(address) = cluster::moved_to(&error.clone().into())
        {
            let node = self.inner.others.get(self, &address).await?;
            let mut link = node.link().await?;
            answer = link.send_packed_commands(commands, 0, commands.len()).await;
        }
        match answer {
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

    /// What it means that a command on a connection of its own failed.
    pub(super) fn refusal(&self, error: RedisError, command: &Cmd) -> InspectError {
        match error.kind() {
            ErrorKind::Server(ServerErrorKind::NoPerm) => denied(&name(command)),
            _ => InspectError::Lost {
                server: self.inner.shown.clone(),
                cause: words(&error),
            },
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

    async fn failure(&self, error: RedisError, command: &Cmd) -> InspectError {
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
    // An account that may not run INFO may still be told by the command that only a cluster answers.
    let is_cluster = match field("redis_mode").or_else(|| field("server_mode")) {
        Some(mode) => mode == "cluster",
        None => {
            let mut slots = redis::cmd("CLUSTER");
            slots.arg("SLOTS");
            slots.query_async::<redis::Value>(link).await.is_ok()
        }
    };
    let (product, version) = match field("valkey_version") {
        Some(version) => ("Valkey", version),
        None => ("Redis", field("redis_version").unwrap_or_default()),
    };
    Server {
        product: product.into(),
        version,
        untouched,
        database,
        is_cluster,
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
