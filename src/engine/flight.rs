//! Who runs the query when many ask at once, inside this process. Across processes the fill lock decides.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use parking_lot::Mutex;
use tokio::sync::watch;

use super::EngineError;
use super::spool::Spooled;
use crate::report::EntryKey;

/// The queries of this process that are under way.
#[derive(Clone, Default)]
pub(super) struct Flights(Arc<Mutex<HashMap<EntryKey, watch::Receiver<Option<Landed>>>>>);

/// What a flight left for those who joined it.
#[derive(Clone, Debug)]
pub(super) enum Landed {
    /// The rows themselves, so that a cache that is down costs no second query.
    Rows(Arc<Shared>),
    /// An entry was stored or found: read it.
    Cached,
    /// The query failed; it would fail for those who joined too.
    Failed(EngineError),
    /// The one who ran it went away: somebody else takes over.
    Nothing,
}

/// An answer for those who joined.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) schema: SchemaRef,
    pub(super) rows: Kept,
    pub(super) sha256: Option<String>,
    /// What the database said besides the rows.
    pub(super) notices: Vec<String>,
}

/// Where its rows are.
#[derive(Debug)]
pub(super) enum Kept {
    /// In memory: they are few.
    Memory(Vec<RecordBatch>),
    /// In a file.
    Disk(Arc<Spooled>),
}

/// The part of whoever asks.
pub(super) enum Part {
    /// Runs it.
    Lead(Leader),
    /// Waits for it.
    Join(Joined),
}

/// Must land; when it is dropped without landing, somebody else takes over.
pub(super) struct Leader {
    key: EntryKey,
    flights: Arc<Mutex<HashMap<EntryKey, watch::Receiver<Option<Landed>>>>>,
    sender: watch::Sender<Option<Landed>>,
}

/// Waits for a flight.
pub(super) struct Joined(watch::Receiver<Option<Landed>>);

impl Flights {
    /// Joins the flight for `key`, or leads a new one.
    pub(super) fn enter(&self, key: EntryKey) -> Part {
        let mut flights = self.0.lock();
        if let Some(receiver) = flights.get(&key) {
            return Part::Join(Joined(receiver.clone()));
        }
        let (sender, receiver) = watch::channel(None);
        flights.insert(key, receiver);
        Part::Lead(Leader {
            key,
            flights: self.0.clone(),
            sender,
        })
    }

    /// Whether a flight for `key` is under way.
    pub(super) fn is_running(&self, key: EntryKey) -> bool {
        self.0.lock().contains_key(&key)
    }
}

impl Leader {
    /// Whether somebody waits for this flight.
    pub(super) fn is_awaited(&self) -> bool {
        // One receiver is the map's own.
        self.sender.receiver_count() > 1
    }

    /// Ends the flight.
    pub(super) fn land(self, landed: Landed) {
        // Out of the map first: who comes after the landing starts a new flight.
        self.flights.lock().remove(&self.key);
        self.sender.send_replace(Some(landed));
    }
}

impl Drop for Leader {
    fn drop(&mut self) {
        if self.sender.borrow().is_none() {
            self.flights.lock().remove(&self.key);
            self.sender.send_replace(Some(Landed::Nothing));
        }
    }
}

impl Joined {
    /// Waits until the flight has landed.
    pub(super) async fn landed(mut self) -> Landed {
        match self.0.wait_for(Option::is_some).await {
            Ok(landed) => landed.clone().unwrap_or(Landed::Nothing),
            Err(_) => Landed::Nothing,
        }
    }
}
