//! A database server as a source: what MySQL, PostgreSQL and SQL Server share, around what each does in its own way ([`Server`]).
//!
//! A query has one of the places, runs on a connection in a read-only transaction, and is ended on the server where it
//! is not wanted any more. The connection then waits for the next query.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use super::failure::{Address, CONNECT};
use super::job::{ENDING, Idle, Limits, Listener, Places};
use super::steps::Steps;
use super::{CheckStep, Query, Rows, Source, SourceCheck, SourceError};
use crate::report::{Catalogue, Dialect, SourceIdentity};
use crate::workspace::SourceConfig;

/// The server ends a query this much after us, should we not be there any more.
pub(super) const GRACE: Duration = Duration::from_secs(10);

/// How often it is looked whether a connection that was ended is gone, and after which pause.
pub(super) const LOOKS: u32 = 40;
/// See [`LOOKS`].
pub(super) const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// What each kind of server does in its own way.
#[async_trait]
pub(super) trait Server: Send + Sync + 'static {
    /// A connection to it.
    type Connection: Send;
    /// A report's SQL with its values, ready to be sent.
    type Statement: Send + Sync;
    /// What names a connection on the server, so that it can be ended from another one.
    type Number: Copy + Send + Sync;

    /// The SQL it speaks.
    const DIALECT: Dialect;

    /// Where it is, as people call it.
    fn address(&self) -> &Address;

    /// Reads a report's SQL and the values of its parameters.
    fn statement(&self, query: &Query) -> Result<Self::Statement, SourceError>;

    /// A new connection, with the settings that last as long as it does.
    async fn connect(&self) -> Result<Self::Connection, SourceError>;

    /// What a new connection would be given besides our own settings (those of its role, rights that last as long as a
    /// session), as one text: a connection that waited and began with another one is not used again.
    async fn granted(&self, _connection: &mut Self::Connection) -> Result<String, SourceError> {
        Ok(String::new())
    }

    /// Begins a read-only transaction in which every read sees one snapshot, with a time limit of the server's own
    /// behind ours.
    async fn begin(
        &self,
        connection: &mut Self::Connection,
        limits: &Limits,
    ) -> Result<Self::Number, SourceError>;

    /// Runs the statement and sends every row.
    async fn stream(
        &self,
        connection: &mut Self::Connection,
        statement: &mut Self::Statement,
        limits: &Limits,
        listener: &mut Listener,
    ) -> Result<(), SourceError>;

    /// Makes the connection as good as new: ends the transaction, gives back locks that outlive it, and forgets what
    /// was prepared, for schemas change between runs. `false` where something of the statement may be left.
    async fn reset(&self, connection: &mut Self::Connection, statement: &Self::Statement) -> bool;

    /// Ends what a connection does over that connection itself, where the protocol can, and drops it. `true` once the
    /// server has said that nothing runs on it any more; else [`Server::kill`] follows.
    async fn interrupt(&self, _running: Self::Connection) -> bool {
        false
    }

    /// Ends another connection and what it does, and answers whether it is gone. Where it is not the server's own time
    /// limit is left.
    async fn kill(
        &self,
        connection: Self::Connection,
        number: Self::Number,
    ) -> Result<bool, SourceError>;

    /// Tables, views and functions, for what reports depend on.
    async fn catalogue(&self, connection: Self::Connection) -> Result<Catalogue, SourceError>;

    /// The connection test, from the sign-in on.
    async fn look(
        &self,
        connection: Self::Connection,
        steps: &mut Steps<'_>,
    ) -> Result<(), SourceError>;
}

/// A server as a source.
pub(super) struct Remote<S: Server>(Arc<Inner<S>>);

struct Inner<S: Server> {
    server: S,
    identity: SourceIdentity,
    places: Places,
    idle: Idle<(S::Connection, String)>,
    /// What the connection that was made last was given.
    granted: Mutex<Option<String>>,
    timeout: Duration,
}

impl<S: Server> Remote<S> {
    /// A source over a server; nothing is connected yet. `kind` and the session's settings are part of what the source
    /// is.
    pub(super) fn new(
        server: S,
        kind: &str,
        session: &[(&str, &str)],
        config: &SourceConfig,
    ) -> Self {
        let address = server.address();
        let identity = SourceIdentity {
            kind: kind.to_owned(),
            server: address.to_string(),
            database: address.database.clone(),
            user: address.user.clone(),
            session: session
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
        };
        Self(Arc::new(Inner {
            server,
            identity,
            places: Places::new(config.max_concurrent_queries),
            idle: Idle::new(),
            granted: Mutex::new(None),
            timeout: config.query_timeout,
        }))
    }
}

impl<S: Server> Inner<S> {
    /// A new connection, or why there is none.
    async fn connect(&self) -> Result<S::Connection, SourceError> {
        tokio::time::timeout(CONNECT, self.server.connect())
            .await
            .unwrap_or_else(|_| Err(SourceError::Connect(self.server.address().silent())))
    }

    /// A connection in a read-only transaction, with its number and what it was given when it was made.
    async fn session(
        &self,
        limits: &Limits,
    ) -> Result<(S::Connection, S::Number, String), SourceError> {
        // An idle connection may have been closed, or have other settings than a new one would get.
        while let Some((mut connection, granted)) = self.idle.take() {
            if let Ok(number) = self.server.begin(&mut connection, limits).await
                && self
                    .server
                    .granted(&mut connection)
                    .await
                    .is_ok_and(|now| now == granted)
            {
                return Ok((connection, number, granted));
            }
        }
        let mut connection = self.connect().await?;
        let granted = self.server.granted(&mut connection).await?;
        let number = self.server.begin(&mut connection, limits).await?;
        Ok((connection, number, granted))
    }

    /// Keeps a connection for the next query. One that was made between a change and our look at it would pass for one
    /// made after: only where the last one was given the same is that ruled out.
    fn keep(&self, connection: S::Connection, granted: String) {
        let known = self.granted.lock().replace(granted.clone());
        if known.is_none_or(|known| known == granted) {
            self.idle.put((connection, granted));
        }
    }

    /// Runs the statement and tells the listener all about it.
    async fn run(
        &self,
        mut statement: S::Statement,
        limits: Limits,
        mut listener: Listener,
        started: Instant,
    ) {
        let session = limits
            .unless_over(listener.gone(), self.session(&limits))
            .await;
        let (mut connection, number, granted) = match session {
            Ok(session) => session,
            Err(error) => return listener.end(Err(error)),
        };
        listener.times.set_pool(started.elapsed());
        let result = self
            .server
            .stream(&mut connection, &mut statement, &limits, &mut listener)
            .await;
        match result {
            Err(error @ (SourceError::Cancelled | SourceError::Timeout(_))) => {
                let ended = async {
                    if self.server.interrupt(connection).await {
                        None
                    } else {
                        self.kill(number).await
                    }
                };
                let goes_on = tokio::time::timeout(ENDING, ended)
                    .await
                    .unwrap_or_else(|_| Some("it did not say so in time".to_owned()));
                let error = match goes_on {
                    Some(why) => SourceError::GoesOn {
                        timeout: match error {
                            SourceError::Timeout(limit) => Some(limit),
                            _ => None,
                        },
                        why,
                    },
                    None => error,
                };
                listener.end(Err(error));
            }
            // Of a connection that was lost, or whose answer was not understood, nothing is sure.
            Err(error @ (SourceError::Lost(_) | SourceError::Other(_))) => {
                listener.end(Err(error));
            }
            _ => {
                listener.end(result);
                let reset = self.server.reset(&mut connection, &statement);
                if tokio::time::timeout(ENDING, reset).await == Ok(true) {
                    self.keep(connection, granted);
                }
            }
        }
    }

    /// Ends a query on the server; answers why it may go on there, where its end was not confirmed.
    async fn kill(&self, number: S::Number) -> Option<String> {
        let killed = async { self.server.kill(self.connect().await?, number).await };
        let why = match killed.await {
            Ok(true) => return None,
            Ok(false) => "the server was asked to end it, and it is still there".to_owned(),
            Err(error) => error.to_string(),
        };
        let address = self.server.address();
        tracing::warn!(source = %address, "a query could not be ended on the server: {why}");
        Some(why)
    }
}

#[async_trait]
impl<S: Server> Source for Remote<S> {
    fn identity(&self) -> &SourceIdentity {
        &self.0.identity
    }

    fn dialect(&self) -> Dialect {
        S::DIALECT
    }

    async fn run(&self, query: Query, cancel: CancellationToken) -> Result<Rows, SourceError> {
        let refusal = super::readonly::judge(&query, S::DIALECT)?;
        let statement = self.0.server.statement(&query)?;
        let started = Instant::now();
        let limit = query.timeout.unwrap_or(self.0.timeout);
        let place = self.0.places.take(&cancel, limit).await?;
        let limits = Limits::start(cancel, limit).checked(query.trusted, refusal);
        let (listener, answered) = Listener::new();
        let inner = Arc::clone(&self.0);
        tokio::spawn(async move {
            inner.run(statement, limits, listener, started).await;
            drop(place);
        });
        Listener::answered(answered).await
    }

    async fn catalogue(&self) -> Result<Catalogue, SourceError> {
        let read = self.0.server.catalogue(self.0.connect().await?);
        tokio::time::timeout(self.0.timeout, read)
            .await
            .unwrap_or(Err(SourceError::Timeout(self.0.timeout)))
    }

    async fn check(&self, progress: &(dyn Fn(CheckStep) + Send + Sync)) -> SourceCheck {
        let address = self.0.server.address();
        let mut steps = Steps::new(progress);
        if !steps.reach(address).await {
            return steps.done();
        }
        match self.0.connect().await {
            Err(error) => steps.fail(format!("Sign in as {}", address.user), &error),
            Ok(connection) => {
                let look = self.0.server.look(connection, &mut steps);
                let looked = tokio::time::timeout(self.0.timeout, look).await;
                if let Err(error) = looked.unwrap_or(Err(SourceError::Timeout(self.0.timeout))) {
                    steps.fail("Read-only transaction", &error);
                }
            }
        }
        steps.done()
    }
}
