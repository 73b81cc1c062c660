//! What every source shares while a query runs: its place, its limits, who listens, and the connections that wait
//! for the next one.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::datatypes::SchemaRef;
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio_util::sync::CancellationToken;

use super::{Rows, SourceError, SourceTimes};
use crate::table::{BatchSender, BatchStream, Interrupted};

/// Batches that may wait between the database and the reader: enough to keep both busy, few enough to bound memory.
const WAITING_BATCHES: usize = 2;

/// The `max_concurrent_queries` places of a source, given in the order of asking.
#[derive(Clone)]
pub(super) struct Places(Arc<Semaphore>);

impl Places {
    pub(super) fn new(places: usize) -> Self {
        Self(Arc::new(Semaphore::new(
            places.clamp(1, Semaphore::MAX_PERMITS),
        )))
    }

    /// Waits for a place, four times `limit` at most; it is free again when the permit is dropped.
    pub(super) async fn take(
        &self,
        cancel: &CancellationToken,
        limit: Duration,
    ) -> Result<OwnedSemaphorePermit, SourceError> {
        let wait = limit.saturating_mul(4);
        tokio::select! {
            biased;
            () = cancel.cancelled() => Err(SourceError::Cancelled),
            permit = Arc::clone(&self.0).acquire_owned() => permit.map_err(|_| SourceError::Cancelled),
            () = tokio::time::sleep(wait) => Err(SourceError::Other(format!(
                "the query was not run: for {} other queries took all places of the source; raise \
                 max_concurrent_queries, or run the report later",
                crate::human::duration(wait)
            ))),
        }
    }
}

/// How long the server may take to confirm that a cancelled query has ended. After that the caller gets its answer, also
/// where the server or the driver does not respond.
pub(super) const ENDING: Duration = Duration::from_secs(10);

/// What ends a query before its rows do: the user, or its time limit, counted from [`Limits::start`]; and what was found
/// when its SQL was checked.
#[derive(Clone)]
pub(super) struct Limits {
    cancel: CancellationToken,
    limit: Duration,
    deadline: Option<Instant>,
    trusted: bool,
    refusal: Option<SourceError>,
}

impl Limits {
    /// Starts the clock.
    pub(super) fn start(cancel: CancellationToken, limit: Duration) -> Self {
        Self {
            cancel,
            limit,
            // A limit beyond the clock's range is no limit.
            deadline: Instant::now().checked_add(limit),
            trusted: false,
            refusal: None,
        }
    }

    /// Adds whether the user answers for the SQL, and the refusal that waits until the server has prepared it.
    pub(super) fn checked(mut self, trusted: bool, refusal: Option<SourceError>) -> Self {
        (self.trusted, self.refusal) = (trusted, refusal);
        self
    }

    /// Whether the user answers for the SQL.
    pub(super) fn trusted(&self) -> bool {
        self.trusted
    }

    /// Refuses SQL that is not known to only read; called once the server has prepared it.
    pub(super) fn refuse(&self) -> Result<(), SourceError> {
        self.refusal.clone().map_or(Ok(()), Err)
    }

    /// The time limit.
    pub(super) fn limit(&self) -> Duration {
        self.limit
    }

    /// Resolves when the query must end, with the reason.
    pub(super) async fn over(&self) -> SourceError {
        let deadline = async {
            match self.deadline {
                Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => SourceError::Cancelled,
            () = deadline => SourceError::Timeout(self.limit),
        }
    }

    /// Does `work` unless the query must end first, or whoever asked is `gone` (then the answer is `Cancelled`).
    pub(super) async fn unless_over<T>(
        &self,
        gone: impl Future<Output = ()>,
        work: impl Future<Output = Result<T, SourceError>>,
    ) -> Result<T, SourceError> {
        tokio::select! {
            biased;
            error = self.over() => Err(error),
            () = gone => Err(SourceError::Cancelled),
            result = work => result,
        }
    }
}

/// Who asked for the rows: first waiting for the columns, then reading batches.
pub(super) struct Listener {
    answer: Option<oneshot::Sender<Result<Rows, SourceError>>>,
    sender: Option<BatchSender<SourceError>>,
    /// Where the query's time goes.
    pub(super) times: Arc<SourceTimes>,
}

impl Listener {
    /// A listener, and what `run` waits for.
    pub(super) fn new() -> (Self, oneshot::Receiver<Result<Rows, SourceError>>) {
        let (answer, answered) = oneshot::channel();
        let listener = Self {
            answer: Some(answer),
            sender: None,
            times: Arc::default(),
        };
        (listener, answered)
    }

    /// What `run` returns: the rows once their columns are known, or why there are none.
    pub(super) async fn answered(
        receiver: oneshot::Receiver<Result<Rows, SourceError>>,
    ) -> Result<Rows, SourceError> {
        receiver.await.unwrap_or(Err(Interrupted.into()))
    }

    /// Resolves when nobody waits or reads any more.
    pub(super) async fn gone(&mut self) {
        match (&mut self.answer, &self.sender) {
            (Some(answer), _) => answer.closed().await,
            (None, Some(sender)) => sender.closed().await,
            (None, None) => {}
        }
    }

    /// Where batches go once the columns are known.
    pub(super) fn sender(&self) -> Option<&BatchSender<SourceError>> {
        self.sender.as_ref()
    }

    /// Answers with the columns; from now on batches are sent with [`Listener::sender`].
    pub(super) fn columns_known(&mut self, schema: SchemaRef) {
        let (sender, stream) = BatchStream::channel(schema, WAITING_BATCHES);
        if let Some(answer) = self.answer.take() {
            // Nobody there: the closed stream says so at the next send.
            let _ = answer.send(Ok(Rows {
                stream,
                times: Arc::clone(&self.times),
            }));
        }
        self.sender = Some(sender);
    }

    /// Says how it went: every row was sent, or the error.
    pub(super) fn end(mut self, result: Result<(), SourceError>) {
        match (self.answer.take(), self.sender.take(), result) {
            (Some(answer), _, Err(error)) => {
                let _ = answer.send(Err(error));
            }
            (_, Some(sender), Ok(())) => sender.finish(),
            (_, Some(sender), Err(error)) => sender.fail(error),
            (_, None, _) => {}
        }
    }
}

/// Connections that wait for the next query. The places bound their number.
pub(super) struct Idle<C>(Mutex<Vec<(C, Instant)>>);

impl<C> Idle<C> {
    /// Longer than this and a firewall or the server may have closed it silently.
    const KEEP: Duration = Duration::from_mins(1);

    pub(super) const fn new() -> Self {
        Self(Mutex::new(Vec::new()))
    }

    /// The one used last, which is the one most likely still open.
    pub(super) fn take(&self) -> Option<C> {
        let mut idle = self.0.lock();
        idle.retain(|(_, since)| since.elapsed() < Self::KEEP);
        idle.pop().map(|(connection, _)| connection)
    }

    /// Puts a connection back that is clean: no transaction, no rows on their way.
    pub(super) fn put(&self, connection: C) {
        self.0.lock().push((connection, Instant::now()));
    }
}
