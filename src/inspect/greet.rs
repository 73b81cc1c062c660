//! Introduces a connection to the server: what it is for, its name, and which server answers.

use redis::aio::MultiplexedConnection;
use redis::{Pipeline, RedisError, ServerErrorKind};

/// What a connection is for.
///
/// CLIENT NO-TOUCH and writes exclude each other: Redis 8.0 to 8.2 and Valkey 8 end when a client that asked for
/// NO-TOUCH writes a key that another client waits for (BLPOP, XREAD BLOCK).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Reads only. The server does not count them as use of a key where it can be asked so (CLIENT NO-TOUCH).
    Read,
    /// Writes too, while the lock is unlocked. Its reads count as use.
    Write,
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
    /// Whether it could do that, and the account may not ask for it.
    pub touch_denied: bool,
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

/// Names the connection, asks the server not to count its reads as use where it only reads, and reads the server's
/// version. None of it is needed, so an account that lacks a right for it loses nothing else.
pub(super) async fn greet(
    link: &mut MultiplexedConnection,
    database: i64,
    purpose: Purpose,
) -> Result<Server, RedisError> {
    let mut pipe = Pipeline::new();
    pipe.cmd("CLIENT").arg("SETNAME").arg("lookaside-inspect");
    pipe.cmd("INFO").arg("server");
    if purpose == Purpose::Read {
        pipe.cmd("CLIENT").arg("NO-TOUCH").arg("ON");
    }
    let answers = link.send_packed_commands(&pipe, 0, pipe.len()).await?;
    let mut answers = answers.into_iter();
    let (_, info, untouched) = (answers.next(), answers.next(), answers.next());
    let info = info.and_then(|info| redis::from_redis_value::<String>(info).ok());
    let about = match info {
        Some(text) => info_about_server(&text),
        None => hello_about_server(link).await,
    };
    let field = |name: &str| {
        let found = about.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.clone())
    };
    // Where not even that is told there is a command that only a cluster answers.
    let is_cluster = match field("mode") {
        Some(mode) => mode == "cluster",
        None => {
            let mut slots = redis::cmd("CLUSTER");
            slots.arg("SLOTS");
            slots.query_async::<redis::Value>(link).await.is_ok()
        }
    };
    let denied = |answer: &redis::Value| matches!(answer, redis::Value::ServerError(error) if error.kind() == Some(ServerErrorKind::NoPerm));
    Ok(Server {
        product: field("server").unwrap_or_else(|| "Redis".to_owned()),
        version: field("version").unwrap_or_default(),
        untouched: untouched == Some(redis::Value::Okay),
        touch_denied: untouched.as_ref().is_some_and(denied),
        database,
        is_cluster,
    })
}

/// `server`, `version` and `mode` of INFO.
fn info_about_server(text: &str) -> Vec<(String, String)> {
    let field = |name: &str| {
        let mut lines = text.lines();
        let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        value.map(|value| value.trim().to_owned())
    };
    let (product, version) = match field("valkey_version") {
        Some(version) => ("Valkey", Some(version)),
        None => ("Redis", field("redis_version")),
    };
    let mode = field("redis_mode").or_else(|| field("server_mode"));
    [
        ("server", Some(product.to_owned())),
        ("version", version),
        ("mode", mode),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name.to_owned(), value?)))
    .collect()
}

/// The same of HELLO, which every account may send and which without a number changes nothing.
async fn hello_about_server(link: &mut MultiplexedConnection) -> Vec<(String, String)> {
    let answer = redis::cmd("HELLO").query_async::<redis::Value>(link).await;
    let Ok(redis::Value::Array(words)) = answer else {
        return Vec::new();
    };
    let text =
        |value: &redis::Value| redis::from_redis_value::<String>(value.clone()).unwrap_or_default();
    let named = words.chunks_exact(2).map(|two| {
        let (name, value) = (text(&two[0]), text(&two[1]));
        match (name.as_str(), value.as_str()) {
            ("server", "valkey") => (name, "Valkey".to_owned()),
            ("server", "redis") => (name, "Redis".to_owned()),
            _ => (name, value),
        }
    });
    named.collect()
}
