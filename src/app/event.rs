//! What tasks report to the window.

use super::state::{Link, Open, TaskId};
use super::theme::Tone;
use super::views::{connect, console, keys, latency, reports, server, worker};

/// What a task reports. Each that answers a task names it, so that a stale answer can be dropped.
#[derive(Debug)]
pub enum Event {
    /// A workspace is open.
    Opened {
        /// The task that opened it.
        task: TaskId,
        /// The workspace.
        open: Box<Open>,
    },
    /// A workspace could not be opened.
    OpenFailed {
        /// The task that tried.
        task: TaskId,
        /// One sentence with cause and remedy.
        error: String,
    },
    /// How far a task is.
    Progress {
        /// The task.
        task: TaskId,
        /// What it does now; empty for no change.
        what: String,
        /// How much is done, 0 to 1.
        fraction: Option<f32>,
    },
    /// A task ended, whatever came of it.
    Ended(TaskId),
    /// How the cache is.
    Cache(Link),
    /// How a source is.
    Source {
        /// Its name.
        name: String,
        /// How it is.
        link: Link,
    },
    /// Text for the clipboard.
    Copied(String),
    /// A message for the corner of the window.
    Message {
        /// What it means.
        tone: Tone,
        /// One sentence.
        text: String,
    },
    /// For the Connect view.
    Connect(connect::Event),
    /// For the Reports view.
    Reports(reports::Event),
    /// For the Keys view.
    Keys(keys::Event),
    /// For the Latency view.
    Latency(latency::Event),
    /// For the Worker view.
    Worker(worker::Event),
    /// For the Server view.
    Server(server::Event),
    /// For the Console view.
    Console(console::Event),
}
