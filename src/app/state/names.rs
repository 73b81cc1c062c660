//! Gives every event of the log the name that its report has now: a report keeps its history when it is renamed.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::engine::Event;

/// The names of the reports, and which report has which entry.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// The reports of the workspace.
    known: BTreeSet<String>,
    /// The report of the workspace that used an entry last, by the entry's key. A rename does not change the key, so that
    /// events of another process or an earlier start are known by it too.
    by_key: HashMap<String, String>,
    /// New names by old ones, as reports were renamed here.
    renamed: BTreeMap<String, String>,
}

impl Names {
    /// Takes in the reports that the workspace has now.
    pub(super) fn set(&mut self, known: BTreeSet<String>) {
        self.renamed.retain(|old, _| !known.contains(old));
        self.by_key.retain(|_, report| known.contains(report));
        self.known = known;
    }

    /// Notes that a report has another name.
    pub(super) fn rename(&mut self, from: &str, to: &str) {
        for name in self.renamed.values_mut().filter(|name| *name == from) {
            to.clone_into(name);
        }
        self.renamed.insert(from.to_owned(), to.to_owned());
        self.renamed.remove(to);
    }

    /// Notes which entry the event's report has.
    pub(super) fn learn(&mut self, event: &Event) {
        if let Some((report, key)) = of(event)
            && !key.is_empty()
            && self.known.contains(report)
            && self.by_key.get(key).is_none_or(|known| known != report)
        {
            self.by_key.insert(key.to_owned(), report.to_owned());
        }
    }

    /// Returns the event under the name that its report has now.
    pub(super) fn current(&self, event: Arc<Event>) -> Arc<Event> {
        let Some((report, key)) = of(&event) else {
            return event;
        };
        if self.known.contains(report) {
            return event;
        }
        match self.renamed.get(report).or_else(|| self.by_key.get(key)) {
            Some(name) => Arc::new(renamed(&event, name)),
            None => event,
        }
    }
}

/// The report of an event, and the key of its entry.
fn of(event: &Event) -> Option<(&str, &str)> {
    match event {
        Event::Request(request) => Some((&request.report, &request.key)),
        Event::Refresh(refresh) => Some((&refresh.report, &refresh.key)),
        // This one tells the whole Redis key, which ends with the entry's.
        Event::Audit(audit) => {
            let key = audit.key.rsplit(':').next().unwrap_or_default();
            Some((&audit.report, key))
        }
        Event::Worker(_) => None,
    }
}

fn renamed(event: &Event, name: &str) -> Event {
    let mut event = event.clone();
    match &mut event {
        Event::Request(request) => name.clone_into(&mut request.report),
        Event::Refresh(refresh) => name.clone_into(&mut refresh.report),
        Event::Audit(audit) => name.clone_into(&mut audit.report),
        Event::Worker(_) => {}
    }
    event
}
