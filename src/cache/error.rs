//! What a failure of the cache means, in one sentence for people. The one place where Redis errors are read.

use redis::{ErrorKind, RedisError, ServerErrorKind};

/// What went wrong, for decisions; the sentence is for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Problem {
    /// The URL cannot be used.
    Address,
    /// Nobody listens there, or the host is unknown.
    Refused,
    /// No answer in time.
    Timeout,
    /// The connection ended in the middle.
    Lost,
    /// The server wants another name or password.
    Password,
    /// The user may not run a command that the cache needs.
    Permission,
    /// One side speaks TLS and the other does not, or the certificate is not trusted.
    Tls,
    /// The server's memory is full.
    Full,
    /// The server is a replica or lost its quorum: it takes no writes.
    ReadOnly,
    /// The server is reading its data set.
    Loading,
    /// The server cannot save to its disk and takes no writes.
    CannotSave,
    /// The server has no place for another client.
    TooManyClients,
    /// A key of ours holds something else.
    WrongType,
    /// Anything else, in the server's words.
    Other,
}

/// Why the cache cannot be used just now. The message names the cause and the remedy and holds no secret.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct CacheError {
    /// For decisions.
    pub problem: Problem,
    /// One sentence.
    pub message: String,
}

impl CacheError {
    /// An error with its sentence.
    pub fn new(problem: Problem, message: impl Into<String>) -> Self {
        Self {
            problem,
            message: message.into(),
        }
    }

    /// Reads a Redis error; `address` is shown, and holds no secret.
    pub(crate) fn read(error: &RedisError, address: &str) -> Self {
        // Of a pipeline's errors the first is the cause.
        if error.code().is_none()
            && let Some(errors) = error.clone().into_server_errors()
            && let Some((_, first)) = errors.first()
        {
            return Self::read(&RedisError::from(first.clone()), address);
        }
        let words = error.to_string();
        let code = error.code().unwrap_or_default().to_owned();
        let detail = error.detail().unwrap_or_default();
        let has = |needle: &str| words.contains(needle) || detail.contains(needle);
        let (problem, message) = if has("WRONGPASS")
            || has("NOAUTH")
            // What a server says to a long command before the sign-in.
            || has("unauthenticated")
            || has("invalid password")
            || has("invalid username-password")
            || has("without any password configured")
            || error.kind() == ErrorKind::AuthenticationFailed
        {
            (
                Problem::Password,
                format!(
                    "the cache at {address} refused the sign-in; check the user and password in [cache] url"
                ),
            )
        } else if has("max number of clients") {
            (
                Problem::TooManyClients,
                format!(
                    "the cache at {address} has no place for another client; raise its maxclients or close some"
                ),
            )
        } else if error.kind() == ErrorKind::Server(ServerErrorKind::NoPerm) || code == "NOPERM" {
            (
                Problem::Permission,
                format!(
                    "the cache's user may not do what the cache needs ({detail}); widen its ACL, see docs/protocol.md"
                ),
            )
        } else if has("OOM command not allowed") || code == "OOM" {
            (
                Problem::Full,
                "the cache is full; raise its maxmemory or set maxmemory-policy to volatile-lru"
                    .to_owned(),
            )
        } else if error.kind() == ErrorKind::Server(ServerErrorKind::ReadOnly)
            || code == "NOREPLICAS"
            || has("READONLY")
        {
            (
                Problem::ReadOnly,
                format!(
                    "the cache at {address} takes no writes (a replica?); point [cache] url at the primary"
                ),
            )
        } else if error.kind() == ErrorKind::Server(ServerErrorKind::BusyLoading) || has("LOADING")
        {
            (
                Problem::Loading,
                format!(
                    "the cache at {address} is still loading its data; it will be used as soon as it is ready"
                ),
            )
        } else if code == "MISCONF" || has("MISCONF") {
            (
                Problem::CannotSave,
                format!(
                    "the cache at {address} cannot save to its disk and takes no writes; free its disk or see its log"
                ),
            )
        } else if code == "BUSY" || has("BUSY Redis is busy") {
            (
                Problem::Timeout,
                format!(
                    "the cache at {address} is busy with somebody's script; it will be used when that ends"
                ),
            )
        } else if code == "WRONGTYPE" || has("WRONGTYPE") {
            (
                Problem::WrongType,
                "a key of the cache holds another type of value; delete that key or choose another prefix".to_owned(),
            )
        } else if ["MOVED", "ASK", "CLUSTERDOWN", "CROSSSLOT"].contains(&code.as_str())
            || has("MOVED ")
            || has("CLUSTERDOWN")
        {
            (
                Problem::Other,
                format!(
                    "the cache at {address} is a node of a Redis Cluster, which cannot hold the cache; point [cache] url \
                     at a server that is not part of one"
                ),
            )
        } else if has("unknown command") {
            (
                Problem::Permission,
                format!(
                    "the server at {address} lacks a command that the cache needs ({detail}); see docs/protocol.md for \
                     those it needs"
                ),
            )
        } else if is_tls(&words) {
            (
                Problem::Tls,
                format!(
                    "TLS with the cache at {address} failed ({words}); check whether the server speaks TLS, use redis:// \
                     or rediss:// accordingly, and ?ca=FILE for an own certificate authority"
                ),
            )
        } else if error.is_connection_refusal() {
            (
                Problem::Refused,
                format!("no cache answers at {address}; start it, or correct its URL"),
            )
        } else if error.is_timeout() {
            (
                Problem::Timeout,
                format!("the cache at {address} did not answer in time"),
            )
        } else if has("failed to lookup")
            || has("No address found")
            || has("Name or service not known")
        {
            (
                Problem::Refused,
                format!("the cache's host in {address} is unknown; correct its URL"),
            )
        } else if error.is_io_error()
            || error.is_connection_dropped()
            || error.is_unrecoverable_error()
        {
            (
                Problem::Lost,
                format!("the connection to the cache at {address} was lost ({words})"),
            )
        } else {
            (
                Problem::Other,
                format!("the cache at {address} said: {words}"),
            )
        };
        Self { problem, message }
    }

    /// Whether the server could not be reached at all, so that asking again at once is pointless.
    pub(crate) fn is_outage(&self) -> bool {
        matches!(
            self.problem,
            Problem::Refused
                | Problem::Timeout
                | Problem::Lost
                | Problem::Password
                | Problem::Tls
                | Problem::TooManyClients
                | Problem::Address
        )
    }
}

fn is_tls(words: &str) -> bool {
    [
        "corrupt message",
        "InvalidContentType",
        "certificate",
        "UnknownIssuer",
        "HandshakeFailure",
        "received fatal alert",
        "tls",
    ]
    .iter()
    .any(|needle| words.contains(needle))
}
