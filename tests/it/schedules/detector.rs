//! What a worker's detector sees, by its kind.

use super::database::Content;
use super::step::How;
use super::variant::Variant;
use super::worker::{Next, Worker};
use super::world::World;

/// What a worker's detector goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// No log: it compares what it sees with what it saw, and the worker counts.
    Ticks,
    /// The log in its order, as far as all of it is visible; it goes on where another left it.
    Log,
    /// The log in the order in which commits become visible; one that was overtaken gets a position after the last.
    Session,
}

/// What a look came to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Observation {
    Changed { tables: u8, position: Option<u64> },
    Quiet,
    Gap { position: Option<u64> },
    Blind,
}

/// How far a detector has come.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Detector {
    pub(super) begun: bool,
    /// With a log: which, and up to where it was read.
    pub(super) log: u32,
    pub(super) at: u64,
    /// What it saw last, where that is not told by a place in the log.
    pub(super) seen: Content,
    /// The place it was offered to go on from.
    pub(super) offered: Option<(u32, u64)>,
}

/// Every table a detector without names means.
pub(super) const ALL: u8 = 0b1111;

impl World {
    /// A look begins. One without a log ends at once, too.
    pub(super) fn look(&mut self, worker: &mut Worker, how: How) -> String {
        if how.blind {
            worker.next = Next::Act(Observation::Blind);
            return "is blind".into();
        }
        let detector = &mut worker.detector;
        if worker.kind != Kind::Ticks {
            worker.next = Next::See(self.database.end);
            return format!("begins to look: the log ends at {}", self.database.end);
        }
        let now = self.database.visible;
        let tables = self.database.changed(detector.seen, now);
        let seen = if !detector.begun {
            Observation::Gap { position: None }
        } else if now == detector.seen {
            Observation::Quiet
        } else {
            let tables = if how.all { ALL } else { tables };
            let position = None;
            Observation::Changed { tables, position }
        };
        (detector.begun, detector.seen) = (true, now);
        let said = format!("looks: {seen:?}");
        worker.next = Next::Act(seen);
        said
    }

    /// Reads the log. A commit counts only when every snapshot that is opened from now on holds it.
    pub(super) fn see(&mut self, worker: &mut Worker, target: u64) -> String {
        let (database, detector) = (&self.database, &mut worker.detector);
        let settled = match self.variant {
            Some(Variant::VisibilityNotWaited) => database.end,
            _ => database.settled(),
        };
        if let Some((log, position)) = detector.offered.take()
            && log == database.log
        {
            (detector.begun, detector.log, detector.at) = (true, log, position);
        }
        let seen = if !detector.begun || detector.log != database.log {
            (detector.begun, detector.log, detector.at) = (true, database.log, settled);
            let position = Some(settled);
            Observation::Gap { position }
        } else if settled < target {
            return "waits until what it read is visible".into();
        } else {
            let mut up_to = settled;
            if self.variant == Some(Variant::OneChangeOfMany) {
                up_to = settled.min(detector.at + 1);
            }
            let tables = database.logged(detector.at, up_to);
            detector.at = up_to.max(detector.at);
            let position = Some(up_to);
            if tables == 0 {
                Observation::Quiet
            } else {
                Observation::Changed { tables, position }
            }
        };
        let said = format!("sees {seen:?}");
        worker.next = Next::Act(seen);
        said
    }

    /// Has read the log past what a snapshot sees, and tells what became visible since the last one.
    pub(super) fn see_visible(&mut self, worker: &mut Worker) -> String {
        let (database, detector) = (&self.database, &mut worker.detector);
        let sees = match self.variant {
            Some(Variant::VisibilityNotWaited) => database.all(),
            _ => database.visible,
        };
        let seen = if !detector.begun || detector.log != database.log {
            (detector.begun, detector.log, detector.at) = (true, database.log, database.end);
            let position = Some(database.end);
            Observation::Gap { position }
        } else if sees == detector.seen {
            Observation::Quiet
        } else {
            let tables = database.changed(detector.seen, sees);
            let last = database.last(detector.seen, sees);
            detector.at = last.max(detector.at + 1);
            let position = Some(detector.at);
            Observation::Changed { tables, position }
        };
        detector.seen = sees;
        let said = format!("sees {seen:?}");
        worker.next = Next::Act(seen);
        said
    }
}
