//! What a failure of the cache means, in one sentence for people. The one place where Redis errors are read.

use redis::{ErrorKind, RedisError};

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
    /// The server is in protected mode: it takes connections from its own machine alone.
    Protected,
    /// The server runs a long script of another client.
    Busy,
    /// A key of ours holds something else.
    WrongType,
    /// The server is a node of a cluster.
    Cluster,
    /// The server does not have a command that is needed.
    NoCommand,
    /// The server has no database of the URL's number.
    NoDatabase,
    /// What answers is no Redis.
    NotRedis,
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
        let first = first(error);
        let error = first.as_ref().unwrap_or(error);
        let words = words(error);
        let problem = problem(error, &words);
        let at = format!("the cache at {address}");
        let message = match problem {
            Problem::Password => {
                format!("{at} refused the sign-in; check the user and password in [cache] url")
            }
            Problem::TooManyClients => format!(
                "{at} has no place for another client; raise its maxclients or close some"
            ),
            Problem::Permission => format!(
                "the cache's user may not do what the cache needs ({words}); lookaside check names the commands, see \
                 docs/protocol.md"
            ),
            Problem::Protected => format!(
                "{at} is in protected mode and takes no connections from this machine; give it a password, or set \
                 protected-mode no where only trusted machines reach it"
            ),
            Problem::Full => {
                "the cache is full; raise its maxmemory or set maxmemory-policy to volatile-lru"
                    .to_owned()
            }
            Problem::ReadOnly => {
                format!("{at} takes no writes (a replica?); point [cache] url at the primary")
            }
            Problem::Loading => {
                format!("{at} is still loading its data; it will be used as soon as it is ready")
            }
            Problem::CannotSave => format!(
                "{at} cannot save to its disk and takes no writes; free its disk or see its log"
            ),
            Problem::Busy => {
                format!("{at} is busy with a long script of another client; it is used again when the script ends (SCRIPT KILL ends it)")
            }
            Problem::WrongType => {
                "a key of the cache holds another type of value; delete that key or choose another prefix".to_owned()
            }
            Problem::Cluster => format!(
                "{at} is a node of a Redis Cluster, which cannot hold the cache; point [cache] url at a server that is not \
                 part of one"
            ),
            Problem::NoCommand => format!(
                "{at} lacks a command that the cache needs ({words}); it is too old or another product, or its configuration \
                 renames commands"
            ),
            Problem::NoDatabase => format!(
                "{at} has no database of this number ({words}); correct the number at the end of [cache] url"
            ),
            Problem::Tls => format!(
                "TLS with the cache at {address} failed ({words}); check whether the server speaks TLS, use redis:// or \
                 rediss:// accordingly, and ?ca=FILE for an own certificate authority"
            ),
            Problem::Refused if is_unknown_host(&words) => {
                format!("the cache's host in {address} is unknown; correct its URL")
            }
            Problem::Refused => format!("no cache answers at {address}; start it, or correct its URL"),
            Problem::NotRedis => format!(
                "what listens at {address} does not answer as Redis does; correct host and port of [cache] url"
            ),
            Problem::Timeout => format!("{at} did not answer in time"),
            Problem::Lost => format!("the connection to {at} was lost ({words})"),
            Problem::Address | Problem::Other => format!("{at} said: {words}"),
        };
        Self { problem, message }
    }

    /// Whether the server could not be reached at all, so that asking again at once is pointless.
    pub(crate) fn is_outage(&self) -> bool {
        matches!(
            self.problem,
            Problem::Refused
                | Problem::Timeout
                | Problem::Busy
                | Problem::Lost
                | Problem::NotRedis
                | Problem::Protected
                | Problem::NoDatabase
                | Problem::Password
                | Problem::Tls
                | Problem::TooManyClients
                | Problem::Address
        )
    }
}

/// What the server or the system says, without the words of the library between.
pub(crate) fn words(error: &RedisError) -> String {
    let first = first(error);
    let error = first.as_ref().unwrap_or(error);
    let text = match (error.code(), error.detail()) {
        (None | Some("ERR"), Some(detail)) => detail.to_owned(),
        (Some(code), Some(detail)) => format!("{code} {detail}"),
        (Some(code), None) => code.to_owned(),
        (None, None) => match error.to_string().split_once(" - ") {
            // "Multiplexed connection driver unexpectedly terminated - Io"
            Some((words, _)) => words.to_owned(),
            None => error.to_string(),
        },
    };
    crate::human::without_number(text.trim())
}

/// Of a pipeline's errors the first, which is the cause.
fn first(error: &RedisError) -> Option<RedisError> {
    let errors = error.clone().into_server_errors()?;
    errors
        .first()
        .map(|(_, first)| RedisError::from(first.clone()))
}

/// What went wrong. The client's own commands at the beginning of a connection tell what the server says without the word
/// before it, so that the sentence behind it is looked for too.
fn problem(error: &RedisError, words: &str) -> Problem {
    const SAID: [(Problem, &[&str]); 13] = [
        (
            Problem::Password,
            &[
                "WRONGPASS",
                "NOAUTH",
                "Authentication required",
                "unauthenticated",
                "invalid password",
                "invalid username-password",
                "without any password configured",
            ],
        ),
        (Problem::TooManyClients, &["max number of clients"]),
        (Problem::Protected, &["DENIED", "protected mode"]),
        (Problem::Permission, &["NOPERM", "has no permissions"]),
        (Problem::Full, &["OOM", "when used memory >"]),
        (
            Problem::ReadOnly,
            &["READONLY", "NOREPLICAS", "MASTERDOWN", "read only replica"],
        ),
        (Problem::Loading, &["LOADING", "is loading the dataset"]),
        (Problem::CannotSave, &["MISCONF", "configured to save RDB"]),
        (Problem::Busy, &["BUSY", "Redis is busy", "Valkey is busy"]),
        (Problem::WrongType, &["WRONGTYPE"]),
        (
            Problem::Cluster,
            &["MOVED ", "ASK ", "CROSSSLOT", "CLUSTERDOWN", "TRYAGAIN"],
        ),
        (
            Problem::NoCommand,
            &["unknown command", "unknown subcommand"],
        ),
        (
            Problem::NoDatabase,
            &["DB index is out of range", "invalid DB index"],
        ),
    ];
    let said = SAID.iter().find(|(_, said)| {
        said.iter().any(|said| {
            // A word in capitals is the error code, which begins the answer; elsewhere it is part of a text.
            if said
                .bytes()
                .all(|byte| byte.is_ascii_uppercase() || byte == b' ')
            {
                words.starts_with(said)
            } else {
                words.contains(said)
            }
        })
    });
    if let Some((problem, _)) = said {
        return *problem;
    }
    match error.kind() {
        ErrorKind::AuthenticationFailed => Problem::Password,
        _ if is_tls(words) => Problem::Tls,
        ErrorKind::Parse => Problem::NotRedis,
        _ if error.is_connection_refusal() || is_unknown_host(words) => Problem::Refused,
        _ if error.is_timeout() => Problem::Timeout,
        _ if error.is_io_error()
            || error.is_connection_dropped()
            || error.is_unrecoverable_error() =>
        {
            Problem::Lost
        }
        _ => Problem::Other,
    }
}

fn is_unknown_host(words: &str) -> bool {
    [
        "failed to lookup",
        "No address found",
        "Name or service not known",
    ]
    .iter()
    .any(|needle| words.contains(needle))
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
