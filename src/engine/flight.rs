//! Who runs the query when many ask at once, inside this process. Across processes the fill lock decides.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use parking_lot::Mutex;
use tokio::sync::watch;

use super::EngineError;
use super::spool::Spooled;
use crate::report::EntryKey;

/// The queries of this process that are under way.
#[derive(Clone, Default)]
pub(super) struct Flights(Arc<Mutex<HashMap<EntryKey, Joined>>>);

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
    flights: Arc<Mutex<HashMap<EntryKey, Joined>>>,
    sender: watch::Sender<Option<Landed>>,
    since: Arc<Mutex<Instant>>,
}

/// Waits for a flight.
#[derive(Clone)]
pub(super) struct Joined {
    landed: watch::Receiver<Option<Landed>>,
    /// When the flight last began to wait for something that takes no longer than one fill.
    since: Arc<Mutex<Instant>>,
}

impl Flights {
    /// Joins the flight for `key`, or leads a new one.
    pub(super) fn enter(&self, key: EntryKey) -> Part {
        self.enter_unless(key, None)
    }

    /// The same for who has waited long enough for a flight: that one is not joined again.
    pub(super) fn enter_unless(&self, key: EntryKey, stalled: Option<&Joined>) -> Part {
        let mut flights = self.0.lock();
        if let Some(joined) = flights.get(&key)
            && stalled.is_none_or(|stalled| !joined.landed.same_channel(&stalled.landed))
        {
            return Part::Join(joined.clone());
        }
        let (sender, landed) = watch::channel(None);
        let since = Arc::new(Mutex::new(Instant::now()));
        let joined = Joined {
            landed,
            since: since.clone(),
        };
        flights.insert(key, joined);
        Part::Lead(Leader {
            key,
            flights: self.0.clone(),
            sender,
            since,
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

    /// The query begins now, or another one is waited for: those who joined wait for that, too.
    pub(super) fn goes_on(&self) {
        *self.since.lock() = Instant::now();
    }

    /// Ends the flight.
    pub(super) fn land(self, landed: Landed) {
        self.leave();
        self.sender.send_replace(Some(landed));
    }

    /// Out of the map first: who comes after the landing starts a new flight. Another one may have taken its place.
    fn leave(&self) {
        let mut flights = self.flights.lock();
        let own = self.sender.subscribe();
        if flights
            .get(&self.key)
            .is_some_and(|joined| joined.landed.same_channel(&own))
        {
            flights.remove(&self.key);
        }
    }
}

impl Drop for Leader {
    fn drop(&mut self) {
        if self.sender.borrow().is_none() {
            self.leave();
            self.sender.send_replace(Some(Landed::Nothing));
        }
    }
}

impl Joined {
    /// Waits until the flight has landed; `None` where it took longer than `most` for one step.
    pub(super) async fn landed(&mut self, most: Duration) -> Option<Landed> {
        loop {
            let began = *self.since.lock();
            let left = most.saturating_sub(began.elapsed());
            let landed = self.landed.wait_for(Option::is_some);
            match tokio::time::timeout(left, landed).await {
                Ok(Ok(landed)) => return Some(landed.clone().unwrap_or(Landed::Nothing)),
                Ok(Err(_)) => return Some(Landed::Nothing),
                Err(_) if *self.since.lock() == began => return None,
                Err(_) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[tokio::test]
    async fn stalled_flight_is_led_by_one_of_those_who_joined() {
        let (flights, key) = (
            Flights::default(),
            EntryKey::from_hex(&"0f".repeat(32)).unwrap(),
        );
        let Part::Lead(stalled) = flights.enter(key) else {
            panic!("nobody led before");
        };
        let mut joined = Vec::new();
        for _ in 0..2 {
            let Part::Join(one) = flights.enter(key) else {
                panic!("a flight is under way");
            };
            joined.push(one);
        }
        for one in &mut joined {
            assert!(one.landed(Duration::from_millis(10)).await.is_none());
        }
        let Part::Lead(leader) = flights.enter_unless(key, Some(&joined[0])) else {
            panic!("the first of them leads");
        };
        let Part::Join(mut other) = flights.enter_unless(key, Some(&joined[1])) else {
            panic!("the second joins it");
        };
        // What the stalled one does at last does not end the other flight.
        stalled.land(Landed::Nothing);
        assert!(flights.is_running(key));
        leader.land(Landed::Cached);
        let landed = other.landed(Duration::from_mins(1)).await;
        assert!(matches!(landed, Some(Landed::Cached)));
        assert!(!flights.is_running(key));
    }
}
