//! Wakes the window, and only for what it shows: a frame that would look like the one before costs as much as any other.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use crate::app::command::View;
use crate::app::event::Event;
use crate::app::views::{connect, keys, reports};

/// Asks for a frame after this time, from any thread; zero for at once.
pub type Wake = Arc<dyn Fn(Duration) + Send + Sync>;

/// The parts of the window in which something has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Parts(u8);

impl Parts {
    /// The frame around the views, which is always shown, or more views than are worth telling apart.
    pub(super) const EVERYWHERE: Self = Self(u8::MAX);
    /// The views of the engine's events.
    pub(super) const EVENTS: Self =
        Self(bit(View::Reports) | bit(View::Latency) | bit(View::Worker));
    /// The views of what the worker does.
    pub(super) const WORKER: Self = Self(bit(View::Reports) | bit(View::Worker));

    /// A view alone.
    pub(super) const fn view(view: View) -> Self {
        Self(bit(view))
    }

    /// Where what an event tells is seen.
    pub(super) fn of(event: &Event) -> Self {
        match event {
            Event::Reports(
                reports::Event::Entries(_)
                | reports::Event::Rows { .. }
                | reports::Event::About { .. }
                | reports::Event::Finished { .. }
                | reports::Event::Failed { .. }
                | reports::Event::Ordered { .. }
                | reports::Event::Facts { .. },
            ) => Self::view(View::Reports),
            Event::Keys(
                keys::Event::Started { .. }
                | keys::Event::Opened { .. }
                | keys::Event::More { .. }
                | keys::Event::Sought { .. }
                | keys::Event::Decoded { .. }
                | keys::Event::Groups { .. }
                | keys::Event::Tail { .. }
                | keys::Event::Touched(_)
                | keys::Event::Sampled(_)
                | keys::Event::Before(_),
            ) => Self::view(View::Keys),
            Event::Connect(connect::Event::Steps { .. } | connect::Event::Tested { .. }) => {
                Self::view(View::Connect)
            }
            Event::Latency(_) => Self::view(View::Latency),
            Event::Worker(_) => Self::view(View::Worker),
            Event::Server(_) => Self::view(View::Server),
            Event::Console(_) => Self::view(View::Console),
            // The frame, the dialogs and the messages in the corner are seen in every view.
            _ => Self::EVERYWHERE,
        }
    }
}

const fn bit(view: View) -> u8 {
    1 << view as u8
}

/// The way to wake the window.
#[derive(Clone)]
pub(super) struct Waker {
    wake: Wake,
    shown: Arc<AtomicU8>,
}

impl Waker {
    pub(super) fn new(wake: Wake) -> Self {
        let shown = Arc::new(AtomicU8::new(Parts::EVERYWHERE.0));
        Self { wake, shown }
    }

    /// Notes which view the window shows. Returns whether that is another one than before: what changed in it until now
    /// has not woken the window, so one more frame has to show that.
    pub(super) fn shows(&self, view: View) -> bool {
        self.shown.swap(bit(view), Ordering::AcqRel) != bit(view)
    }

    /// Something has changed in these parts.
    pub(super) fn wake(&self, parts: Parts) {
        self.wake_within(parts, Duration::ZERO);
    }

    /// Something has changed in these parts that may wait so long to be seen.
    pub(super) fn wake_within(&self, parts: Parts, time: Duration) {
        if parts.0 & self.shown.load(Ordering::Acquire) != 0 {
            (self.wake)(time);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU32;

    use super::*;
    use crate::app::state::TaskId;

    #[test]
    fn only_parts_that_are_shown_wake_the_window() {
        let frames = Arc::new(AtomicU32::new(0));
        let counted = frames.clone();
        let waker = Waker::new(Arc::new(move |_| {
            counted.fetch_add(1, Ordering::Relaxed);
        }));
        assert!(waker.shows(View::Latency) && !waker.shows(View::Latency));
        for _ in 0..1_000 {
            waker.wake(Parts::view(View::Keys));
            waker.wake(Parts::of(&Event::Keys(keys::Event::Touched(Vec::new()))));
            waker.wake(Parts::of(&Event::Reports(reports::Event::Entries(
                Vec::new(),
            ))));
            waker.wake(Parts::WORKER);
        }
        assert_eq!(frames.load(Ordering::Relaxed), 0);
        waker.wake(Parts::EVENTS);
        waker.wake(Parts::of(&Event::Ended(TaskId(1))));
        assert_eq!(frames.load(Ordering::Relaxed), 2);
        assert!(waker.shows(View::Keys));
        waker.wake(Parts::view(View::Keys));
        assert_eq!(frames.load(Ordering::Relaxed), 3);
    }
}
