//! The cache as the engine holds it: two connections, the prefix, and what is known about the server.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use redis::{Cmd, FromRedisValue, Pipeline, Script};

use super::connect::{Link, client};
use super::payload::Codec;
use super::tracking::Tracking;
use super::{CacheError, SourceKeys};
use crate::report::SourceIdentity;
use crate::workspace::CacheConfig;

/// How long a verdict, a lock or a commit may take. A slower cache is no help: the report runs uncached.
const SMALL: Duration = Duration::from_secs(1);
/// How long one group of chunks may take.
const BULK: Duration = Duration::from_secs(10);

/// The cache of a workspace. Connects when first used; never fails to be made.
///
/// Payloads travel on a connection of their own, so that a verdict never waits behind somebody's megabytes.
pub struct Cache {
    client: Result<redis::Client, CacheError>,
    small: Arc<Link>,
    bulk: Arc<Link>,
    prefix: String,
    codec: Option<Codec>,
    server: Mutex<Option<String>>,
    tracking: Arc<Tracking>,
}

/// What the status dot shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CacheStatus {
    /// Nobody asked it yet.
    NotYet,
    /// Product and version, "Redis 7.0.15"; empty where the server does not tell.
    Connected(String),
    /// One sentence with cause and remedy.
    Problem(String),
}

impl Cache {
    /// The cache of `config`, without connecting.
    pub fn new(config: &CacheConfig) -> Arc<Self> {
        let client = client(&config.url);
        let codec = Codec::of_url(config.url.expose());
        Arc::new(Self {
            small: Link::new(client.clone(), SMALL),
            bulk: Link::new(client.clone(), BULK),
            client,
            prefix: config.prefix.clone(),
            codec,
            server: Mutex::new(None),
            tracking: Tracking::new(),
        })
    }

    /// The workspace's prefix.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Host and port or socket path, without secrets.
    pub fn address(&self) -> &str {
        self.small.address()
    }

    /// The codec asked for by `?codec=` in the URL; `None` lets each chunk choose.
    pub fn codec(&self) -> Option<Codec> {
        self.codec
    }

    /// The keys of a source.
    pub fn keys(&self, name: &str, identity: &SourceIdentity) -> SourceKeys {
        SourceKeys::new(&self.prefix, name, identity)
    }

    /// How the cache is, as far as it is known without asking.
    pub fn status(&self) -> CacheStatus {
        match self.small.health() {
            None => CacheStatus::NotYet,
            Some(Ok(())) => CacheStatus::Connected(self.server.lock().clone().unwrap_or_default()),
            Some(Err(problem)) => CacheStatus::Problem(problem.message),
        }
    }

    /// Asks the server for its product and version: "Redis 7.0.15", "Valkey 8.1.0".
    pub async fn ping(&self) -> Result<String, CacheError> {
        self.query::<()>(&redis::cmd("PING")).await?;
        // An account without INFO still works; the dot then shows no version.
        let info: String = self
            .query(redis::cmd("INFO").arg("server"))
            .await
            .unwrap_or_default();
        let field = |name: &str| {
            info.lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
        };
        let server = match (field("valkey_version"), field("redis_version")) {
            (Some(version), _) => format!("Valkey {}", version.trim()),
            (None, Some(version)) => format!("Redis {}", version.trim()),
            (None, None) => String::new(),
        };
        *self.server.lock() = Some(server.clone());
        Ok(server)
    }

    /// A connection of its own, for commands that block; each answer may take `timeout`.
    pub(crate) async fn open(
        &self,
        timeout: Duration,
    ) -> Result<redis::aio::MultiplexedConnection, CacheError> {
        super::open(self.client.as_ref().map_err(Clone::clone)?, timeout).await
    }

    /// What the server tells of writes to these sources' versions and headers. The first call begins to listen, on a
    /// connection of its own; needs a runtime.
    pub(crate) fn tracking<'a>(
        &self,
        sources: impl IntoIterator<Item = &'a SourceKeys>,
    ) -> &Arc<Tracking> {
        // A URL that cannot be used tells of nothing.
        if let Ok(client) = &self.client {
            self.tracking.listen(client, sources);
        }
        &self.tracking
    }

    /// Why the server does not tell of writes, as far as that is known; `None` too while nobody listens.
    pub(crate) fn tracking_problem(&self) -> Option<String> {
        self.tracking.problem()
    }

    /// One small command.
    pub(crate) async fn query<T: FromRedisValue>(&self, cmd: &Cmd) -> Result<T, CacheError> {
        self.small
            .run(|mut connection| async move { cmd.query_async(&mut connection).await })
            .await
    }

    /// Several small commands in one round trip.
    pub(crate) async fn small_pipeline<T: FromRedisValue>(
        &self,
        pipeline: &Pipeline,
    ) -> Result<T, CacheError> {
        self.small
            .run(|mut connection| async move { pipeline.query_async(&mut connection).await })
            .await
    }

    /// Payloads, in one round trip.
    pub(crate) async fn bulk<T: FromRedisValue>(
        &self,
        pipeline: &Pipeline,
    ) -> Result<T, CacheError> {
        self.bulk
            .run(|mut connection| async move { pipeline.query_async(&mut connection).await })
            .await
    }

    /// One script that may change what a verdict is computed from. What this process remembers of its keys is void when
    /// it returns, also where it failed: perhaps it ran all the same.
    pub(crate) async fn changing_script<T: FromRedisValue>(
        &self,
        script: &Script,
        keys: &[String],
        args: &[&[u8]],
    ) -> Result<T, CacheError> {
        let said = self.script(script, keys, args).await;
        self.tracking.wrote(keys);
        said
    }

    /// One script.
    pub(crate) async fn script<T: FromRedisValue>(
        &self,
        script: &Script,
        keys: &[String],
        args: &[&[u8]],
    ) -> Result<T, CacheError> {
        self.small
            .run(|mut connection| async move {
                let mut call = script.prepare_invoke();
                for key in keys {
                    call.key(key);
                }
                for arg in args {
                    call.arg(*arg);
                }
                call.invoke_async(&mut connection).await
            })
            .await
    }
}
