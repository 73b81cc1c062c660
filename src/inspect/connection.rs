//! How a command is sent, and what its failures mean.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{Client, Cmd, ErrorKind, FromRedisValue, Pipeline, RedisError, ServerErrorKind};
use tokio::sync::{Mutex, OnceCell};

use crate::cache;
use crate::workspace::ConnectionUrl;

use super::cluster::{self, Address, Others};
use super::commands::Table;
use super::feed::Slots;
use super::gate::{self, Asker};
use super::greet::{Purpose, greet};
use super::{InspectError, Lock, Server};

/// A connection to inspect a server by, apart from the engine's so that neither waits for the other.
///
/// One that was opened to read never writes, unlocked or not; [`Connection::for_writes`] opens one that does while the
/// lock is unlocked.
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
    purpose: Purpose,
    lock: Lock,
    /// What the server says of its commands, once somebody needed it.
    commands: OnceCell<Table>,
    others: Others,
    /// The other nodes of the cluster as it was last seen, for when the one that the user named is gone. Empty for a
    /// connection that is meant for one node.
    known: parking_lot::Mutex<Vec<Address>>,
    roams: bool,
}

/// How long a single answer may take. Generous: a server that loads or a slow link is not a lost one.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// For what a person may cancel at any time.
const UNTIL_CANCELLED: Duration = Duration::from_hours(30 * 24);

impl Connection {
    /// Opens a connection that reads, signs in and asks who answers.
    ///
    /// `redis-cluster://` and `rediss-cluster://` mean the same as without `-cluster`: whether it is one is asked.
    pub async fn open(url: &ConnectionUrl) -> Result<Self, InspectError> {
        Self::open_with(url, Lock::default()).await
    }

    /// Opens a connection that reads, beside which those of [`Connection::for_writes`] write while `lock` is unlocked.
    pub async fn open_with(url: &ConnectionUrl, lock: Lock) -> Result<Self, InspectError> {
        let client = cache::client(&cluster::plain(url))?;
        Self::dial(client, lock, Purpose::Read, Some(Vec::new())).await
    }

    /// Opens a connection that writes while `lock` is unlocked. Its reads count as use of a key.
    ///
    /// # Errors
    ///
    /// [`InspectError::Connect`] where the URL cannot be used or nothing answers there.
    pub async fn open_for_writes(url: &ConnectionUrl, lock: Lock) -> Result<Self, InspectError> {
        let client = cache::client(&cluster::plain(url))?;
        Self::dial(client, lock, Purpose::Write, Some(Vec::new())).await
    }

    /// Another connection to the same server under the same lock, for what must not wait behind this one.
    pub async fn another(&self) -> Result<Self, InspectError> {
        self.beside(self.inner.purpose).await
    }

    /// Another connection to the same server that writes while the lock is unlocked. Its reads count as use of a key.
    ///
    /// # Errors
    ///
    /// [`InspectError::Connect`] where nothing answers.
    pub async fn for_writes(&self) -> Result<Self, InspectError> {
        self.beside(Purpose::Write).await
    }

    async fn beside(&self, purpose: Purpose) -> Result<Self, InspectError> {
        let known = self.inner.roams.then(|| self.inner.known.lock().clone());
        let (client, lock) = (self.inner.client.clone(), self.inner.lock.clone());
        Self::dial(client, lock, purpose, known).await
    }

    /// A connection to the node of the same cluster that listens there, with the same account and TLS settings.
    pub(super) async fn to(&self, address: &Address) -> Result<Self, InspectError> {
        let client = cluster::client_to(&self.inner.client, address)?;
        Self::dial(client, self.inner.lock.clone(), self.inner.purpose, None).await
    }

    /// The cluster's primaries, each on a connection of its own; this connection alone where there is no cluster. Asked
    /// anew each time: a failover changes them.
    pub(super) async fn primaries(&self) -> Result<Vec<Self>, InspectError> {
        if !self.inner.server.is_cluster {
            return Ok(vec![self.clone()]);
        }
        let (nodes, missing) = self.nodes(&self.topology().await?).await?;
        missing.map_or(Ok(nodes.into_iter().map(|(node, _)| node).collect()), Err)
    }

    /// Those of these nodes that answer, in their order and each with the slots it has, and why the first of the others
    /// does not; this connection where there is no cluster.
    pub(super) async fn nodes(
        &self,
        topology: &cluster::Topology,
    ) -> Result<(Vec<(Self, Slots)>, Option<InspectError>), InspectError> {
        if !self.inner.server.is_cluster {
            return Ok((vec![(self.clone(), Slots::new())], None));
        }
        if topology.is_empty() {
            return Err(InspectError::Answer("CLUSTER SLOTS".into()));
        }
        let asked = topology.keys().map(|address| self.to(address));
        let (mut nodes, mut missing) = (Vec::new(), None);
        let answered = futures::future::join_all(asked).await;
        for (node, slots) in answered.into_iter().zip(topology.values()) {
            match node {
                Ok(node) => nodes.push((node, slots.clone())),
                Err(error) => missing = missing.or(Some(error)),
            }
        }
        Ok((nodes, missing))
    }

    /// Where the cluster's primaries listen, in order, each with the slots it has.
    pub(super) async fn topology(&self) -> Result<cluster::Topology, InspectError> {
        let mut command = redis::cmd("CLUSTER");
        command.arg("SLOTS");
        let mut link = self.link().await?;
        let topology = match command.query_async(&mut link).await {
            Ok(answer) => cluster::topology(answer, &cluster::host(&self.inner.client))?,
            Err(error) => return Err(self.failure(error, &command).await),
        };
        if self.inner.roams && !topology.is_empty() {
            *self.inner.known.lock() = topology.keys().cloned().collect();
        }
        Ok(topology)
    }

    /// `known` holds other nodes that will do, `None` where only this one will.
    async fn dial(
        client: Client,
        lock: Lock,
        purpose: Purpose,
        known: Option<Vec<Address>>,
    ) -> Result<Self, InspectError> {
        let roams = known.is_some();
        let known = known.unwrap_or_default();
        let mut link = open(&client, &known).await?;
        let shown = cache::address(&client);
        let database = client.get_connection_info().redis_settings().db();
        let server = greet(&mut link, database, purpose).await;
        let server = server.map_err(|error| InspectError::Lost {
            server: shown.clone(),
            cause: words(&error),
        })?;
        let connection = Self {
            inner: Arc::new(Inner {
                client,
                shown,
                link: Mutex::new(Some(link)),
                server,
                purpose,
                lock,
                commands: OnceCell::new(),
                others: Others::default(),
                known: parking_lot::Mutex::new(known),
                roams,
            }),
        };
        if roams && connection.inner.server.is_cluster {
            // For the time when this node is gone; an account that may not ask does without.
            let _ = connection.topology().await;
        }
        Ok(connection)
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
        static NONE: LazyLock<Table> = LazyLock::new(Table::default);
        let command = redis::cmd("COMMAND");
        let known = self.inner.commands.get_or_try_init(|| async {
            let mut link = self.link().await?;
            match command.query_async(&mut link).await {
                Ok(answer) => Ok(Table::read(&answer)),
                Err(error) => match self.failure(error, &command).await {
                    // A server that is away says nothing of its commands: it is asked again when it is back.
                    error @ InspectError::Lost { .. } => Err(error),
                    _ => Ok(Table::default()),
                },
            }
        });
        known.await.unwrap_or(&NONE)
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

    /// Whether a command of the inspector would be let through now, on a connection that is for it.
    pub(super) fn would_pass(&self, command: &Cmd) -> Result<(), InspectError> {
        self.judge(Asker::Program, self.inner.lock.is_unlocked(), command)
    }

    pub(super) fn pass(&self, asker: Asker, command: &Cmd) -> Result<(), InspectError> {
        let may_write = self.inner.purpose == Purpose::Write && self.inner.lock.is_unlocked();
        self.judge(asker, may_write, command)
    }

    fn judge(&self, asker: Asker, may_write: bool, command: &Cmd) -> Result<(), InspectError> {
        let nothing = Table::default();
        let table = self.inner.commands.get().unwrap_or(&nothing);
        Ok(gate::decide(asker, may_write, table, arguments(command))?)
    }

    async fn send<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, InspectError> {
        self.send_within(command, None).await
    }

    async fn send_within<T: FromRedisValue>(
        &self,
        command: &Cmd,
        within: Option<Duration>,
    ) -> Result<T, InspectError> {
        let mut pipe = Pipeline::with_capacity(1);
        pipe.add_command(command.clone());
        let answer = self.route(&pipe, within).await?.pop().unwrap_or_default();
        match answer.extract_error() {
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
        self.let_through(commands)?;
        if commands.is_empty() {
            return Ok(Vec::new());
        }
        self.route(commands, None).await
    }

    /// The same of this node alone, whatever it says of others.
    pub(super) async fn ask_here(
        &self,
        commands: &Pipeline,
    ) -> Result<Vec<redis::Value>, InspectError> {
        self.let_through(commands)?;
        if commands.is_empty() {
            return Ok(Vec::new());
        }
        self.exchange(commands, None).await
    }

    /// Whether all of them may be sent; those of a kind are judged once.
    fn let_through(&self, commands: &Pipeline) -> Result<(), InspectError> {
        let mut passed = Vec::new();
        for command in commands.cmd_iter() {
            let kind = gate::kind(arguments(command));
            if kind.is_some_and(|kind| passed.contains(&kind)) {
                continue;
            }
            self.pass(Asker::Program, command)?;
            passed.extend(kind);
        }
        Ok(())
    }

    /// Sends commands, and on a cluster those of them again that another node has to answer. Where that node does not,
    /// the answers of the others still count: the redirection stays in the place of its own.
    async fn route(
        &self,
        commands: &Pipeline,
        within: Option<Duration>,
    ) -> Result<Vec<redis::Value>, InspectError> {
        let mut answers = self.exchange(commands, within).await?;
        // Nobody but a cluster sends us to hosts that the user did not name.
        if !self.inner.server.is_cluster {
            return Ok(answers);
        }
        let asked = cluster::host(&self.inner.client);
        for again in cluster::again(commands, &answers, &asked) {
            let told = async {
                let node = self.inner.others.get(self, &again.address).await?;
                Box::pin(node.exchange(&again.pipe, within)).await
            };
            match told.await {
                Ok(told) => again.put(told, &mut answers),
                Err(error) if commands.len() == 1 => return Err(error),
                Err(_) => {}
            }
        }
        Ok(answers)
    }

    /// One round trip to this node, which may take longer than usual where `within` says so.
    async fn exchange(
        &self,
        commands: &Pipeline,
        within: Option<Duration>,
    ) -> Result<Vec<redis::Value>, InspectError> {
        let mut link = self.link().await?;
        if let Some(within) = within {
            // Of this clone alone.
            link.set_response_timeout(within);
        }
        match link.send_packed_commands(commands, 0, commands.len()).await {
            Ok(answers) if answers.len() == commands.len() => Ok(answers),
            answer => {
                let first = commands.cmd_iter().next().cloned().unwrap_or_default();
                match answer {
                    Ok(_) => Err(InspectError::Answer(name(&first))),
                    Err(error) => Err(self.failure(error, &first).await),
                }
            }
        }
    }

    /// The error of one answer among several.
    pub(super) fn server_error(error: &redis::ServerError, command: &str) -> InspectError {
        if error.kind() == Some(ServerErrorKind::NoPerm) {
            return denied(command, error.details());
        }
        if error.kind() == Some(ServerErrorKind::Moved) {
            return InspectError::Elsewhere(error.details().unwrap_or_default().to_owned());
        }
        InspectError::Server {
            command: command.to_owned(),
            message: format!("{} {}", error.code(), error.details().unwrap_or_default())
                .trim_end()
                .to_owned(),
        }
    }

    /// What the error means where the account lacks a right.
    pub(super) fn refusal(error: &RedisError, command: &Cmd) -> Option<InspectError> {
        (error.kind() == ErrorKind::Server(ServerErrorKind::NoPerm))
            .then(|| denied(&name(command), error.detail()))
    }

    async fn link(&self) -> Result<MultiplexedConnection, InspectError> {
        let mut slot = self.inner.link.lock().await;
        if let Some(link) = slot.as_ref() {
            return Ok(link.clone());
        }
        let known = self.inner.known.lock().clone();
        let mut link = open(&self.inner.client, &known).await?;
        greet(&mut link, 0, self.inner.purpose)
            .await
            .map_err(|error| self.lost(&error))?;
        *slot = Some(link.clone());
        Ok(link)
    }

    /// What it means that the connection, or one beside it, does not answer.
    pub(super) fn lost(&self, error: &RedisError) -> InspectError {
        InspectError::Lost {
            server: self.inner.shown.clone(),
            cause: words(error),
        }
    }

    pub(super) async fn failure(&self, error: RedisError, command: &Cmd) -> InspectError {
        let command = name(command);
        match error.kind() {
            ErrorKind::Server(ServerErrorKind::NoPerm) => denied(&command, error.detail()),
            ErrorKind::Server(_) | ErrorKind::Extension => InspectError::Server {
                command,
                message: words(&error),
            },
            _ => {
                *self.inner.link.lock().await = None;
                self.lost(&error)
            }
        }
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Connection({})", self.inner.shown)
    }
}

/// Opens a connection to the node that the user named, or where that does not answer to one of the others. Which node
/// it is makes no difference: each names the one that has a key.
async fn open(client: &Client, known: &[Address]) -> Result<MultiplexedConnection, InspectError> {
    let error = match cache::open(client, ANSWER_WITHIN).await {
        Ok(link) => return Ok(link),
        Err(error) => error,
    };
    for address in known {
        if let Ok(client) = cluster::client_to(client, address)
            && let Ok(link) = cache::open(&client, ANSWER_WITHIN).await
        {
            return Ok(link);
        }
    }
    Err(error.into())
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

/// Whether a refusal is about a key, not about the command: words of Redis 6, of later ones and of Valkey.
pub(super) fn is_about_a_key(details: Option<&str>) -> bool {
    details.is_some_and(|said| said.contains("access a key") || said.contains("one of the keys"))
}

fn denied(command: &str, details: Option<&str>) -> InspectError {
    if is_about_a_key(details) {
        return InspectError::DeniedKey(command.to_owned());
    }
    InspectError::Denied {
        command: command.to_owned(),
        acl: command.to_lowercase().replace(' ', "|"),
    }
}

/// The words of an error that a person can use: never the URL, which may hold a password.
fn words(error: &RedisError) -> String {
    match (error.code(), error.detail()) {
        (Some(code), Some(detail)) => format!("{code} {detail}"),
        _ => cache::words(error),
    }
}
