//! The engine's front.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::report::{EntryKey, Params, Report};
use crate::source::Source;
use crate::workspace::Workspace;

use super::{Answer, Caller, EngineError, EntryState, Event, Request};

/// The cache-aside engine over one workspace.
pub struct Engine {
    _private: (),
}

impl Engine {
    /// An engine over `workspace`; connects when first asked, so it never fails.
    ///
    /// `stays` tells that this process will live on and refresh what it serves stale.
    pub fn new(
        _workspace: &Workspace,
        _sources: BTreeMap<String, Arc<dyn Source>>,
        _caller: Caller,
        _stays: bool,
    ) -> Arc<Self> {
        todo!()
    }

    /// Answers a request. Rows stream; an abandoned answer ends its query.
    pub async fn ask(self: &Arc<Self>, _request: Request) -> Result<Answer, EngineError> {
        todo!()
    }

    /// The state of an entry, without counting as a request.
    pub async fn state(&self, _report: &Report, _params: &Params) -> EntryState {
        todo!()
    }

    /// The entry key of a report with parameters.
    pub fn key(&self, _report: &Report, _params: &Params) -> Result<EntryKey, EngineError> {
        todo!()
    }

    /// A source by name.
    pub fn source(&self, _name: &str) -> Option<Arc<dyn Source>> {
        todo!()
    }

    /// Every source by name.
    pub fn sources(&self) -> &BTreeMap<String, Arc<dyn Source>> {
        todo!()
    }

    /// The cache of this workspace.
    pub fn cache(&self) -> &Arc<crate::cache::Cache> {
        todo!()
    }

    /// The freshness protocol of a source, for its worker; `None` for a name that the workspace does not have.
    pub fn protocol(&self, _source: &str) -> Option<crate::cache::Protocol> {
        todo!()
    }

    /// Tells the engine who refreshes what is served stale: the hook queues a refresh and returns at once. Without
    /// one, an engine that stays refreshes by itself, in the background.
    pub fn on_stale(&self, _refresh: impl Fn(&Arc<Report>, &Params) + Send + Sync + 'static) {
        todo!()
    }

    /// How the cache is, as far as it is known without asking: for the status dot.
    pub fn cache_status(&self) -> crate::cache::CacheStatus {
        todo!()
    }

    /// What `report` depends on, with the catalogue of its source (asked again when it is older than a few seconds).
    pub async fn dependencies(
        &self,
        _report: &Report,
    ) -> Result<crate::report::Dependencies, EngineError> {
        todo!()
    }

    /// The event log of this workspace.
    pub fn log(&self) -> &Arc<EventLog> {
        todo!()
    }
}

/// The one log of requests, refreshes and changes: this process's own events at once, those of other processes on
/// the same cache as they arrive through Redis.
pub struct EventLog {
    _private: (),
}

impl EventLog {
    /// Records an event here, and in Redis as soon as that is possible; never waits.
    pub fn record(&self, _event: Event) {
        todo!()
    }

    /// The events after position `after` (0 for all that are kept), in order, and the position to ask from next.
    pub fn since(&self, _after: u64) -> (Vec<Arc<Event>>, u64) {
        todo!()
    }

    /// Calls `wake` after each new event, from any thread; it must not wait.
    pub fn on_event(&self, _wake: impl Fn() + Send + Sync + 'static) {
        todo!()
    }

    /// Reads what other processes left in Redis before now, and follows what they add, until the log is dropped.
    pub async fn follow(self: &Arc<Self>) {
        todo!()
    }
}
