//! How a cache URL is opened and kept open.
//!
//! A [`Link`] is one multiplexed connection. After a failure it answers with that failure at once, and a task of its
//! own tries again until the server is back: no request pays for an outage twice, and none has to be restarted.

use std::sync::{Arc, Once, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, FromRedisValue, IntoConnectionInfo,
    ProtocolVersion, PushInfo,
};

use super::{CacheError, Problem};
use crate::workspace::ConnectionUrl;

/// How long opening a connection may take.
const CONNECT: Duration = Duration::from_secs(2);
/// The first pause before trying again, and the longest.
pub(super) const RETRY: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

/// A client for a cache URL (`redis://`, `rediss://`, `redis+unix://`, also `valkey`), without connecting yet.
///
/// `?ca=FILE` names a PEM file with an own certificate authority, which then replaces the system's.
pub fn client(url: &ConnectionUrl) -> Result<Client, CacheError> {
    static PROVIDER: Once = Once::new();
    // Fails only where a provider is installed already, which is as good.
    PROVIDER.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));

    url.check_cache()
        .map_err(|why| CacheError::new(Problem::Address, why))?;
    let bad = |why: &str| {
        CacheError::new(
            Problem::Address,
            format!(
                "the cache URL cannot be used: {why}; write redis://host:port/0, rediss://host:port or redis+unix:///path"
            ),
        )
    };
    let parsed = redis::parse_redis_url(url.expose())
        .ok_or_else(|| bad("it is not a redis://, rediss:// or redis+unix:// URL"))?;
    let ca = parsed
        .query_pairs()
        .find(|(name, _)| name == "ca")
        .map(|(_, file)| file.into_owned());
    let info = url
        .expose()
        .into_connection_info()
        // The library's detail may repeat parts of the URL, so only its own words are shown.
        .map_err(|error| {
            bad(error
                .to_string()
                .split(" - ")
                .next()
                .unwrap_or("it is malformed"))
        })?;
    let tcp = info.tcp_settings().clone().set_nodelay(true);
    let info = info.set_tcp_settings(tcp);
    match ca {
        Some(file) => {
            let pem = std::fs::read(&file).map_err(|error| {
                bad(&format!(
                    "the certificate authority file {file} cannot be read ({})",
                    crate::human::io_words(&error)
                ))
            })?;
            let certificates = redis::TlsCertificates {
                client_tls: None,
                root_cert: Some(pem),
            };
            Client::build_with_tls(info, certificates).map_err(|_| {
                bad(&format!(
                    "?ca={file} needs rediss:// and a PEM file with certificates"
                ))
            })
        }
        None => Client::open(info).map_err(|_| bad("it is malformed")),
    }
}

/// Where a client connects to, without user or password.
pub fn address(client: &Client) -> String {
    match client.get_connection_info().addr() {
        ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. } => {
            format!("{host}:{port}")
        }
        ConnectionAddr::Unix(path) => path.display().to_string(),
        _ => "the cache".to_owned(),
    }
}

/// Opens one connection; `timeout` bounds each answer.
pub async fn open(client: &Client, timeout: Duration) -> Result<MultiplexedConnection, CacheError> {
    connect(client, config(timeout)).await
}

/// Opens one connection in RESP3, on which the server may also speak unasked: `hear` takes that and must not wait. It
/// also hears of the connection's end.
pub(crate) async fn open_listening(
    client: &Client,
    timeout: Duration,
    hear: impl Fn(PushInfo) + Send + Sync + 'static,
) -> Result<MultiplexedConnection, CacheError> {
    let info = client.get_connection_info().clone();
    let settings = info.redis_settings().clone();
    let info = info.set_redis_settings(settings.set_protocol(ProtocolVersion::RESP3));
    let speaking =
        Client::open(info).map_err(|error| CacheError::read(&error, &address(client)))?;
    let config = config(timeout).set_push_sender(move |push| {
        hear(push);
        Ok::<(), redis::aio::SendError>(())
    });
    connect(&speaking, config).await
}

fn config(timeout: Duration) -> AsyncConnectionConfig {
    AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECT))
        .set_response_timeout(Some(timeout))
        .set_pipeline_buffer_size(512)
        .set_write_backpressure_boundary(256 * 1024)
}

async fn connect(
    client: &Client,
    config: AsyncConnectionConfig,
) -> Result<MultiplexedConnection, CacheError> {
    client
        .get_multiplexed_async_connection_with_config(&config)
        .await
        .map_err(|error| {
            let problem = CacheError::read(&error, &address(client));
            let tls = matches!(client.get_connection_info().addr(), ConnectionAddr::TcpTls { .. });
            // A server without TLS waits for the end of what it takes for a command.
            if tls && problem.problem == Problem::Timeout {
                let address = address(client);
                return CacheError::new(
                    Problem::Tls,
                    format!(
                        "the cache at {address} did not answer a TLS handshake in time; check whether it speaks TLS, \
                         and use redis:// if it does not"
                    ),
                );
            }
            // One with TLS hangs up on what is no handshake. A full one says so first, and its word may be lost.
            if !tls && problem.problem == Problem::Lost {
                let address = address(client);
                return CacheError::new(
                    Problem::Lost,
                    format!(
                        "the cache at {address} hung up before the sign-in; use rediss:// if it speaks TLS, and see its \
                         log if not: perhaps it has no place for another client"
                    ),
                );
            }
            problem
        })
}

/// One connection that is opened when first used, and opened again by itself after a failure.
pub(super) struct Link {
    client: Result<Client, CacheError>,
    address: String,
    timeout: Duration,
    state: Mutex<State>,
    opening: tokio::sync::Mutex<()>,
}

enum State {
    Idle,
    Up(MultiplexedConnection, u64),
    Down(CacheError),
}

impl Link {
    pub(super) fn new(client: Result<Client, CacheError>, timeout: Duration) -> Arc<Self> {
        let address = client.as_ref().map(address).unwrap_or_default();
        Arc::new(Self {
            client,
            address,
            timeout,
            state: Mutex::new(State::Idle),
            opening: tokio::sync::Mutex::new(()),
        })
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// `None` before the first use.
    pub(super) fn health(&self) -> Option<Result<(), CacheError>> {
        match &*self.state.lock() {
            State::Idle => None,
            State::Up(..) => Some(Ok(())),
            State::Down(problem) => Some(Err(problem.clone())),
        }
    }

    /// Sends what `send` sends. A connection that turns out dead (the server was restarted meanwhile) is opened anew
    /// once, so that a restart between two requests costs nothing.
    pub(super) async fn run<T, F, R>(self: &Arc<Self>, send: F) -> Result<T, CacheError>
    where
        T: FromRedisValue,
        F: Fn(MultiplexedConnection) -> R,
        R: Future<Output = redis::RedisResult<T>>,
    {
        let mut again = true;
        loop {
            let (connection, generation) = self.connection().await?;
            let error = match send(connection).await {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            let problem = CacheError::read(&error, &self.address);
            if !problem.is_outage() {
                return Err(problem);
            }
            if again && problem.problem == Problem::Lost {
                again = false;
                self.forget(generation);
            } else {
                self.down(generation, &problem);
                return Err(problem);
            }
        }
    }

    async fn connection(self: &Arc<Self>) -> Result<(MultiplexedConnection, u64), CacheError> {
        if let Some(known) = self.known() {
            return known;
        }
        let _one_at_a_time = self.opening.lock().await;
        if let Some(known) = self.known() {
            return known;
        }
        match self.open().await {
            Ok(connection) => Ok(self.up(connection)),
            Err(problem) => {
                self.down(0, &problem);
                Err(problem)
            }
        }
    }

    fn known(&self) -> Option<Result<(MultiplexedConnection, u64), CacheError>> {
        match &*self.state.lock() {
            State::Idle => None,
            State::Up(connection, generation) => Some(Ok((connection.clone(), *generation))),
            State::Down(problem) => Some(Err(problem.clone())),
        }
    }

    async fn open(&self) -> Result<MultiplexedConnection, CacheError> {
        open(self.client.as_ref().map_err(Clone::clone)?, self.timeout).await
    }

    fn up(&self, connection: MultiplexedConnection) -> (MultiplexedConnection, u64) {
        let generation = rand::random::<u64>() | 1;
        *self.state.lock() = State::Up(connection.clone(), generation);
        (connection, generation)
    }

    /// Drops the connection if it is still the one called `generation`.
    fn forget(&self, generation: u64) {
        let mut state = self.state.lock();
        if matches!(&*state, State::Up(_, current) if *current == generation) {
            *state = State::Idle;
        }
    }

    fn down(self: &Arc<Self>, generation: u64, problem: &CacheError) {
        {
            let mut state = self.state.lock();
            let mine = match &*state {
                State::Idle => true,
                State::Up(_, current) => *current == generation,
                State::Down(_) => false,
            };
            if !mine {
                return;
            }
            *state = State::Down(problem.clone());
        }
        // A URL that cannot be used will not mend itself.
        if problem.problem != Problem::Address {
            tokio::spawn(recover(Arc::downgrade(self)));
        }
    }
}

/// Tries until the server answers a PING or nobody needs the link any more.
async fn recover(link: Weak<Link>) {
    let mut pause = RETRY.0;
    loop {
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(RETRY.1);
        let Some(link) = link.upgrade() else { return };
        let tried = match link.open().await {
            Ok(mut connection) => match redis::cmd("PING").query_async::<()>(&mut connection).await
            {
                Ok(()) => Ok(connection),
                Err(error) => Err(CacheError::read(&error, &link.address)),
            },
            Err(problem) => Err(problem),
        };
        match tried {
            Ok(connection) => {
                link.up(connection);
                return;
            }
            // It answers, only not with what we want (loading, say): requests will hear it themselves.
            Err(problem) if !problem.is_outage() => {
                *link.state.lock() = State::Idle;
                return;
            }
            Err(problem) => *link.state.lock() = State::Down(problem),
        }
    }
}
