//! What a view may ask for.

use std::path::PathBuf;

use super::state::TaskId;
use super::views::{connect, console, keys, latency, reports, server, worker};

/// The views.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum View {
    /// Welcome: demo, recent workspaces, a new connection.
    Connect,
    /// Reports, their results and their entries.
    Reports,
    /// Everything in the cache.
    Keys,
    /// Cached against uncached.
    Latency,
    /// Detectors, queue and history.
    Worker,
    /// How the Redis server is.
    Server,
    /// A Redis command line.
    Console,
}

impl View {
    /// Its name, as on the rail and for `--view`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Connect => "Connect",
            Self::Reports => "Reports",
            Self::Keys => "Keys",
            Self::Latency => "Latency",
            Self::Worker => "Worker",
            Self::Server => "Server",
            Self::Console => "Console",
        }
    }

    /// The view called `name`, in any case.
    pub fn from_name(name: &str) -> Option<Self> {
        [
            Self::Connect,
            Self::Reports,
            Self::Keys,
            Self::Latency,
            Self::Worker,
            Self::Server,
            Self::Console,
        ]
        .into_iter()
        .find(|view| view.name().eq_ignore_ascii_case(name))
    }
}

/// Which theme is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ThemeChoice {
    /// As the system says.
    #[default]
    System,
    /// Dark.
    Dark,
    /// Light.
    Light,
}

/// What a view may ask for. Those that need no task are carried out by [`super::state::State::handle`], the others by
/// `tasks`.
#[derive(Clone, Debug)]
pub enum Command {
    /// Go to a view.
    Show(View),
    /// Choose the theme.
    SetTheme(ThemeChoice),
    /// Show everything at this size, 1 for the usual one.
    SetZoom(f32),
    /// Open the command palette.
    OpenPalette,
    /// Give the keyboard to the view's filter.
    Find,
    /// Close the window.
    Quit,
    /// End a task, and its query on the server.
    Cancel(TaskId),
    /// Put text on the clipboard.
    Copy(String),

    /// Make and open the demo at a TPC-H scale.
    StartDemo {
        /// TPC-H scale factor.
        scale: f64,
    },
    /// Open a workspace file.
    OpenWorkspace(PathBuf),
    /// Ask for a workspace file and open it.
    AskWorkspace,
    /// Look at a cache alone.
    OpenRedis(String),
    /// Close the open workspace.
    CloseWorkspace,
    /// How many new orders a minute the demo's writer inserts.
    SetOrdersPerMinute(u32),
    /// Insert one order now.
    InsertOrder,

    /// Select a report and show it.
    SelectReport(String),
    /// Begin a new report.
    NewReport,
    /// Show a Redis key in Keys.
    ShowKey(String),
    /// Read the entries' states again, soon.
    ReadEntries,

    /// Of the Connect view.
    Connect(connect::Command),
    /// Of the Reports view.
    Reports(reports::Command),
    /// Of the Keys view.
    Keys(keys::Command),
    /// Of the Latency view.
    Latency(latency::Command),
    /// Of the Worker view.
    Worker(worker::Command),
    /// Of the Server view.
    Server(server::Command),
    /// Of the Console view.
    Console(console::Command),
}

/// The commands that a frame's views sent, in order.
#[derive(Debug, Default)]
pub struct Commands(Vec<Command>);

impl Commands {
    /// Sends a command.
    pub fn send(&mut self, command: Command) {
        self.0.push(command);
    }

    /// Takes what was sent.
    pub fn take(&mut self) -> Vec<Command> {
        std::mem::take(&mut self.0)
    }

    /// What was sent, for tests.
    pub fn sent(&self) -> &[Command] {
        &self.0
    }
}
