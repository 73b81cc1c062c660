//! The one list of commands: text, tooltip and shortcut for the palette, the keys and the buttons.

use eframe::egui::{Key, KeyboardShortcut, Modifiers, Ui};

use super::command::{Command, Commands, ThemeChoice, View};
use super::frame::zoom::step;
use super::state::State;
use super::views::{reports, worker};

/// Names a command of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Id {
    /// Run the report through the cache.
    Run,
    /// Run the report past the cache.
    RunUncached,
    /// Cached against uncached.
    Race,
    /// Re-run the query and replace the entry.
    Refresh,
    /// Write the report to the workspace file.
    Save,
    /// A new report.
    NewReport,
    /// The result as a file.
    Export,
    /// Filter what is shown.
    Find,
    /// End the newest running task.
    Cancel,
    /// Compare fresh entries with the database.
    Audit,
    /// The entry's key in Keys.
    ShowInKeys,
    /// The palette.
    Palette,
    /// A view.
    Go(View),
    /// Dark or light.
    Theme,
    /// As the system says.
    SystemTheme,
    /// Everything larger.
    ZoomIn,
    /// Everything smaller.
    ZoomOut,
    /// Everything at its usual size.
    ZoomReset,
    /// The demo.
    Demo,
    /// A workspace file.
    OpenWorkspace,
    /// Close the workspace.
    CloseWorkspace,
    /// Close the window.
    Quit,
}

/// A command of the list.
pub struct Entry {
    /// Its name here.
    pub id: Id,
    /// What buttons and palette call it.
    pub text: &'static str,
    /// What it does.
    pub tooltip: &'static str,
    /// Its keys.
    pub shortcut: Option<KeyboardShortcut>,
    /// The command, `None` where it does not apply now.
    pub command: fn(&State) -> Option<Command>,
}

const fn ctrl(key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(Modifiers::COMMAND, key)
}

const fn ctrl_shift(key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(Modifiers::COMMAND.plus(Modifiers::SHIFT), key)
}

const fn plain(key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(Modifiers::NONE, key)
}

/// Every command, in the palette's order.
pub static ALL: &[Entry] = &[
    Entry {
        id: Id::Run,
        text: "Run",
        tooltip: "Run the report through the cache",
        shortcut: Some(ctrl(Key::Enter)),
        command: |state| report(state, reports::Command::Run),
    },
    Entry {
        id: Id::RunUncached,
        text: "Run uncached",
        tooltip: "Run the query on the database, leaving the cache alone",
        shortcut: Some(ctrl_shift(Key::Enter)),
        command: |state| report(state, reports::Command::RunUncached),
    },
    Entry {
        id: Id::Race,
        text: "Race",
        tooltip: "Run it cached and uncached in turn, and compare times and answers",
        shortcut: Some(ctrl(Key::R)),
        command: |state| {
            let saved = state.reports.pane().is_some_and(|pane| !pane.is_changed());
            report(state, reports::Command::Race).filter(|_| saved)
        },
    },
    Entry {
        id: Id::Refresh,
        text: "Refresh now",
        tooltip: "Run the query and replace the cached entry",
        shortcut: Some(plain(Key::F5)),
        command: |state| report(state, reports::Command::Refresh),
    },
    Entry {
        id: Id::Export,
        text: "Export",
        tooltip: "Write the result to a file: CSV, JSON, Parquet or Arrow",
        shortcut: Some(ctrl(Key::E)),
        command: |state| {
            (state.view == View::Reports && state.reports.can_export())
                .then_some(Command::Reports(reports::Command::Export))
        },
    },
    Entry {
        id: Id::Find,
        text: "Find",
        tooltip: "Show only the rows that contain a text",
        shortcut: Some(ctrl(Key::F)),
        command: |state| {
            let has_filter = match state.view {
                View::Keys => true,
                View::Reports => state.reports.has_rows(),
                View::Server => state.server.has_filter(),
                _ => false,
            };
            has_filter.then_some(Command::Find)
        },
    },
    Entry {
        id: Id::Save,
        text: "Save report",
        tooltip: "Write the report to the workspace file",
        shortcut: Some(ctrl(Key::S)),
        // Without a file it applies all the same, to say so.
        command: |state| {
            let reports = &state.reports;
            (reports.can_save() || !reports.has_file && reports.pane().is_some())
                .then_some(Command::Reports(reports::Command::Save))
        },
    },
    Entry {
        id: Id::NewReport,
        text: "New report",
        tooltip: "Write a new report",
        shortcut: Some(ctrl(Key::N)),
        command: |state| state.open.is_some().then_some(Command::NewReport),
    },
    Entry {
        id: Id::ShowInKeys,
        text: "Show in Keys",
        tooltip: "Show the entry's key in Keys",
        shortcut: None,
        command: |state| state.reports.entry_key().map(Command::ShowKey),
    },
    Entry {
        id: Id::Audit,
        text: "Audit now",
        tooltip: "Compare every fresh entry with what the database returns now",
        shortcut: None,
        command: |state| {
            (state.worker_status().is_some() && !state.worker.is_auditing())
                .then_some(Command::Worker(worker::Command::Audit))
        },
    },
    Entry {
        id: Id::Cancel,
        text: "Cancel",
        tooltip: "End what was started last, and its query on the server",
        shortcut: Some(plain(Key::Escape)),
        command: |state| {
            let line = state.console.waits_for();
            line.filter(|_| state.view == View::Console)
                .or_else(|| state.running.last().map(|running| running.task))
                .map(Command::Cancel)
        },
    },
    Entry {
        id: Id::Go(View::Reports),
        text: "Go to Reports",
        tooltip: "Reports, results and entries",
        shortcut: Some(ctrl(Key::Num1)),
        command: |state| go(state, View::Reports),
    },
    Entry {
        id: Id::Go(View::Keys),
        text: "Go to Keys",
        tooltip: "Everything in the cache",
        shortcut: Some(ctrl(Key::Num2)),
        command: |state| go(state, View::Keys),
    },
    Entry {
        id: Id::Go(View::Latency),
        text: "Go to Latency",
        tooltip: "Cached against uncached",
        shortcut: Some(ctrl(Key::Num3)),
        command: |state| go(state, View::Latency),
    },
    Entry {
        id: Id::Go(View::Worker),
        text: "Go to Worker",
        tooltip: "Detectors, queue and history",
        shortcut: Some(ctrl(Key::Num4)),
        command: |state| go(state, View::Worker),
    },
    Entry {
        id: Id::Go(View::Server),
        text: "Go to Server",
        tooltip: "How the Redis server is and was: figures, slow log, clients, settings",
        shortcut: Some(ctrl(Key::Num5)),
        command: |state| go(state, View::Server),
    },
    Entry {
        id: Id::Go(View::Console),
        text: "Go to Console",
        tooltip: "A Redis command line",
        shortcut: Some(ctrl(Key::Num6)),
        command: |state| go(state, View::Console),
    },
    Entry {
        id: Id::Go(View::Connect),
        text: "Go to Connect",
        tooltip: "Demo, recent workspaces, a new connection",
        shortcut: None,
        command: |_| Some(Command::Show(View::Connect)),
    },
    Entry {
        id: Id::Theme,
        text: "Light or dark",
        tooltip: "Switch the theme",
        shortcut: Some(ctrl_shift(Key::L)),
        command: |state| {
            Some(Command::SetTheme(if state.dark_now {
                ThemeChoice::Light
            } else {
                ThemeChoice::Dark
            }))
        },
    },
    Entry {
        id: Id::SystemTheme,
        text: "Theme of the system",
        tooltip: "Light or dark as the system says",
        shortcut: None,
        command: |state| {
            (state.theme != ThemeChoice::System).then_some(Command::SetTheme(ThemeChoice::System))
        },
    },
    Entry {
        id: Id::ZoomIn,
        text: "Zoom in",
        tooltip: "Show everything larger",
        shortcut: Some(ctrl(Key::Plus)),
        command: |state| zoom(state, step(state.zoom, true)),
    },
    Entry {
        id: Id::ZoomOut,
        text: "Zoom out",
        tooltip: "Show everything smaller",
        shortcut: Some(ctrl(Key::Minus)),
        command: |state| zoom(state, step(state.zoom, false)),
    },
    Entry {
        id: Id::ZoomReset,
        text: "Usual size",
        tooltip: "Show everything at 100 %",
        shortcut: Some(ctrl(Key::Num0)),
        command: |state| zoom(state, 1.0),
    },
    Entry {
        id: Id::Demo,
        text: "Start the demo",
        tooltip: "600,000 order lines in SQLite and a private Redis",
        shortcut: None,
        command: |state| {
            (state.opening.is_none() && state.open.as_ref().is_none_or(|open| open.demo.is_none()))
                .then_some(Command::StartDemo { scale: 0.1 })
        },
    },
    Entry {
        id: Id::OpenWorkspace,
        text: "Open workspace...",
        tooltip: "Open a workspace file",
        shortcut: Some(ctrl(Key::O)),
        command: |state| state.opening.is_none().then_some(Command::AskWorkspace),
    },
    Entry {
        id: Id::CloseWorkspace,
        text: "Close workspace",
        tooltip: "Close the open workspace; queries and the worker end",
        shortcut: None,
        command: |state| state.open.is_some().then_some(Command::CloseWorkspace),
    },
    Entry {
        id: Id::Palette,
        text: "Commands",
        tooltip: "Search or run a command",
        shortcut: Some(ctrl(Key::K)),
        command: |_| Some(Command::OpenPalette),
    },
    Entry {
        id: Id::Quit,
        text: "Quit",
        tooltip: "Close the window",
        shortcut: Some(ctrl(Key::Q)),
        command: |_| Some(Command::Quit),
    },
];

fn report(state: &State, command: reports::Command) -> Option<Command> {
    (state.view == View::Reports && state.reports.can_run()).then_some(Command::Reports(command))
}

fn zoom(state: &State, to: f32) -> Option<Command> {
    ((state.zoom - to).abs() > 0.001).then_some(Command::SetZoom(to))
}

fn go(state: &State, view: View) -> Option<Command> {
    (state.open.is_some() && state.view != view).then_some(Command::Show(view))
}

impl Entry {
    /// "Ctrl Enter".
    pub fn shortcut_text(&self) -> Option<String> {
        let shortcut = self.shortcut?;
        let mut text = String::new();
        if shortcut.modifiers.command {
            text.push_str(if cfg!(target_os = "macos") {
                "Cmd "
            } else {
                "Ctrl "
            });
        }
        if shortcut.modifiers.shift {
            text.push_str("Shift ");
        }
        let key = match shortcut.logical_key {
            Key::Escape => "Esc",
            Key::Plus => "+",
            Key::Minus => "-",
            key => key.name(),
        };
        Some(text + key)
    }
}

/// The entry of a command.
///
/// # Panics
///
/// Never: a test holds that every id is in the list.
pub fn entry(id: Id) -> &'static Entry {
    ALL.iter().find(|entry| entry.id == id).unwrap_or(&ALL[0])
}

/// Sends the commands whose keys were pressed. An open palette has the keyboard for itself.
pub fn keyboard(ui: &Ui, state: &State, out: &mut Commands) {
    if state.palette.is_open() || ui.memory(|memory| memory.top_modal_layer().is_some()) {
        return;
    }
    // The longer combination first: Ctrl Shift Enter is not Ctrl Enter.
    let mut entries: Vec<_> = ALL
        .iter()
        .filter(|entry| entry.shortcut.is_some())
        .collect();
    entries.sort_by_key(|entry| {
        entry
            .shortcut
            .is_some_and(|shortcut| !shortcut.modifiers.shift)
    });
    for entry in entries {
        let (Some(shortcut), Some(command)) = (entry.shortcut, (entry.command)(state)) else {
            continue;
        };
        if ui.input_mut(|input| input.consume_shortcut(&shortcut)) {
            out.send(command);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_texts_and_shortcuts_are_unique() {
        let ids: HashSet<_> = ALL.iter().map(|entry| entry.id).collect();
        let texts: HashSet<_> = ALL.iter().map(|entry| entry.text).collect();
        let shortcuts: Vec<_> = ALL.iter().filter_map(Entry::shortcut_text).collect();
        assert_eq!((ids.len(), texts.len()), (ALL.len(), ALL.len()));
        assert_eq!(
            shortcuts.iter().collect::<HashSet<_>>().len(),
            shortcuts.len()
        );
        for entry in ALL {
            assert!(super::entry(entry.id).id == entry.id && !entry.tooltip.is_empty());
        }
    }

    #[test]
    fn shortcuts_read_as_people_say_them() {
        assert_eq!(
            entry(Id::RunUncached).shortcut_text().as_deref(),
            Some("Ctrl Shift Enter")
        );
        assert_eq!(entry(Id::Cancel).shortcut_text().as_deref(), Some("Esc"));
    }
}
