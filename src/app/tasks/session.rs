//! An open workspace: its engine, its worker, and the demo where it is one.

use std::sync::Arc;

use crate::app::state::{DemoInfo, State};
use crate::demo::Demo;
use crate::engine::Engine;
use crate::worker::Worker;
use crate::workspace::Workspace;

/// An open workspace.
pub struct Session {
    /// What the file says.
    pub workspace: Arc<Workspace>,
    /// The engine over it.
    pub engine: Arc<Engine>,
    /// The worker in this process.
    pub worker: Option<Arc<Worker>>,
    /// The demo, which ends with the session.
    pub demo: Option<Arc<Demo>>,
    seen: u64,
}

impl Session {
    /// Takes in new events of the log and the worker's status. Never waits.
    pub(super) fn poll(&mut self, state: &mut State) {
        let (events, next) = self.engine.log().since(self.seen);
        self.seen = next;
        state.log.extend(events);
        let Some(open) = &mut state.open else { return };
        open.worker = self.worker.as_ref().map(|worker| worker.status());
        open.demo = self.demo.as_ref().map(|demo| DemoInfo {
            orders_per_minute: demo.orders_per_minute(),
            inserted: demo.orders_inserted(),
        });
    }

    /// Ends the worker, which gives its leases back, and the demo.
    pub(super) async fn close(self) {
        if let Some(worker) = self.worker.and_then(Arc::into_inner) {
            worker.stop().await;
        }
        drop(self.demo);
    }
}
