//! How eframe runs the window.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use chrono::Utc;
use eframe::egui::{self, ThemePreference, Ui, ViewportBuilder, ViewportCommand, ViewportInfo};

use super::command::{Command, Commands, ThemeChoice};
use super::memory::{LEAST, Memory};
use super::options::{Options, Start};
use super::state::{Clock, State};
use super::tasks::Tasks;
use super::views::console::History;
use super::{ending, frame, theme};

/// Opens the window and returns when it is closed.
///
/// # Errors
///
/// One sentence where there is no display, or the window cannot be made on it.
pub fn run(options: Options) -> anyhow::Result<()> {
    if cfg!(all(unix, not(target_os = "macos")))
        && ["DISPLAY", "WAYLAND_DISPLAY", "WAYLAND_SOCKET"]
            .iter()
            .all(|name| std::env::var_os(name).is_none())
    {
        bail!("there is no display: neither DISPLAY nor WAYLAND_DISPLAY is set");
    }
    let file = Memory::file();
    let memory = file.as_deref().map(Memory::load).unwrap_or_default();
    let size = options.size.or(memory.usable_size());
    let size = size.unwrap_or((1280.0, 800.0));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start threads")?;
    let native = eframe::NativeOptions {
        viewport: ViewportBuilder::default()
            .with_title("Lookaside")
            .with_app_id("lookaside")
            .with_inner_size([size.0, size.1])
            .with_maximized(options.size.is_none() && memory.maximized)
            .with_min_inner_size([LEAST.0, LEAST.1]),
        // Said, because the tests bring another renderer into the same build.
        renderer: eframe::Renderer::Glow,
        ..Default::default()
    };
    let handle = runtime.handle().clone();
    let result = ending::run(|| {
        let make = move |creation: &eframe::CreationContext<'_>| {
            let window = Window::new(creation, handle, options, memory, file);
            Ok(Box::new(window) as Box<dyn eframe::App>)
        };
        eframe::run_native("Lookaside", native, Box::new(make))
    });
    // Queries that do not end at once are left to their servers' own timeouts.
    runtime.shutdown_timeout(Duration::from_secs(2));
    result
}

struct Window {
    state: State,
    tasks: Option<Tasks>,
    commands: Commands,
    runtime: tokio::runtime::Handle,
    memory: Memory,
    file: Option<PathBuf>,
    /// Whether the window's size is the user's, and not one that was asked for on the command line.
    own_size: bool,
    theme: Option<ThemeChoice>,
    /// Of the console's lines that `memory` has.
    lines: u64,
}

impl Window {
    fn new(
        creation: &eframe::CreationContext<'_>,
        runtime: tokio::runtime::Handle,
        options: Options,
        memory: Memory,
        file: Option<PathBuf>,
    ) -> Self {
        let ctx = &creation.egui_ctx;
        theme::install(ctx);
        let own_size = options.size.is_none();
        if own_size
            && !memory.maximized
            && let Some((x, y)) = place(creation, &memory)
        {
            ctx.send_viewport_cmd(ViewportCommand::OuterPosition(egui::pos2(x, y)));
        }
        let waker = ctx.clone();
        let wake = Arc::new(move |after| waker.request_repaint_after(after));
        let mut tasks = Tasks::new(runtime.clone(), wake);
        let mut state = State {
            theme: options.theme.unwrap_or(memory.theme),
            ..State::default()
        };
        if let Some(zoom) = memory.zoom {
            ctx.set_zoom_factor(frame::zoom::usable(zoom));
        }
        state.connect.recent.clone_from(&memory.recent);
        state.console.history = History::remembered(&memory.console);
        state.first_view = options.view;
        let mut commands = Commands::default();
        match options.start {
            Start::Welcome => {}
            Start::Workspace(path) => commands.send(Command::OpenWorkspace(path)),
            Start::Demo(demo) => tasks.start_demo(&mut state, demo),
            Start::Redis(url) => commands.send(Command::OpenRedis(url)),
        }
        Self {
            state,
            tasks: Some(tasks),
            commands,
            runtime,
            memory,
            file,
            own_size,
            theme: None,
            lines: 0,
        }
    }

    /// Notes what the next start is to know. Where the window stands is written at the end, with everything; the
    /// rest as soon as it changes.
    fn remember(&mut self, ctx: &egui::Context) {
        if self.own_size {
            ctx.input(|input| note_geometry(&mut self.memory, input.viewport()));
        }
        if self.memory.recent != self.state.connect.recent {
            self.memory.recent.clone_from(&self.state.connect.recent);
            self.save_soon();
        }
        let zoom = ctx.zoom_factor();
        if (self.memory.zoom.unwrap_or(1.0) - zoom).abs() > 0.001 {
            self.memory.zoom = Some(zoom);
            self.save_soon();
        }
        let lines = self.state.console.history.changes();
        if self.lines != lines {
            self.lines = lines;
            self.memory.console = self.state.console.history.kept();
            self.save_soon();
        }
    }

    /// Shows the theme that was chosen; a choice made in the window is remembered.
    fn show_theme(&mut self, ctx: &egui::Context) {
        let chosen = self.state.theme;
        let Some(before) = self.theme.replace(chosen) else {
            ctx.set_theme(preference(chosen));
            return;
        };
        if before != chosen {
            ctx.set_theme(preference(chosen));
            self.memory.theme = chosen;
            self.save_soon();
        }
    }

    /// Writes what is remembered, on a thread that may wait for the disk.
    fn save_soon(&self) {
        if let Some(file) = self.file.clone() {
            let memory = self.memory.clone();
            self.runtime.spawn_blocking(move || memory.save(&file));
        }
    }
}

/// Where the window is to stand: where it stood, if a monitor still shows that.
fn place(creation: &eframe::CreationContext<'_>, memory: &Memory) -> Option<(f32, f32)> {
    let window = creation.winit_window()?;
    let monitors = window.available_monitors().map(|monitor| {
        let (place, size) = (monitor.position(), monitor.size());
        [
            place.x as f32,
            place.y as f32,
            size.width as f32,
            size.height as f32,
        ]
    });
    memory.usable_place(window.scale_factor() as f32, monitors)
}

/// A window that fills the screen, or is hidden, keeps the size and the place it had before.
fn note_geometry(memory: &mut Memory, viewport: &ViewportInfo) {
    if viewport.fullscreen == Some(true) || viewport.minimized == Some(true) {
        return;
    }
    memory.maximized = viewport.maximized == Some(true);
    if memory.maximized {
        return;
    }
    if let Some(inner) = viewport.inner_rect {
        memory.size = Some((inner.width().round(), inner.height().round()));
    }
    if let Some(outer) = viewport.outer_rect {
        memory.place = Some((outer.left().round(), outer.top().round()));
    }
}

fn preference(theme: ThemeChoice) -> ThemePreference {
    match theme {
        ThemeChoice::System => ThemePreference::System,
        ThemeChoice::Dark => ThemePreference::Dark,
        ThemeChoice::Light => ThemePreference::Light,
    }
}

impl eframe::App for Window {
    fn logic(&mut self, ctx: &egui::Context, frame: &mut eframe::Frame) {
        // What `benches/window.sh` reads: the time of the frame before this one, waiting for the screen not counted.
        if let Some(seconds) = frame.info().cpu_usage {
            tracing::trace!(target: "lookaside::frame", cpu_ms = seconds * 1e3);
        }
        self.state.clock = Clock {
            now: Instant::now(),
            utc: Utc::now(),
        };
        let Some(tasks) = &mut self.tasks else { return };
        tasks.poll(&mut self.state);
        for command in self.commands.take() {
            match command {
                Command::Quit => ctx.send_viewport_cmd(ViewportCommand::Close),
                command => tasks.perform(&mut self.state, command),
            }
        }
        if let Some(text) = self.state.clipboard.take() {
            ctx.copy_text(text);
        }
        self.show_theme(ctx);
        self.remember(ctx);
    }

    fn ui(&mut self, ui: &mut Ui, _frame: &mut eframe::Frame) {
        self.state.dark_now = ui.visuals().dark_mode;
        frame::show(ui, &mut self.state, &mut self.commands);
        let is_another_view = self
            .tasks
            .as_ref()
            .is_some_and(|tasks| tasks.shows(self.state.view));
        if !self.commands.sent().is_empty() || is_another_view {
            ui.ctx().request_repaint();
        }
    }

    fn on_exit(&mut self, _gl: Option<&eframe::glow::Context>) {
        // Losing it loses nothing that matters, so a disk that refuses is not spoken of.
        if let Some(file) = &self.file {
            let _ = self.memory.save(file);
        }
        if let Some(tasks) = self.tasks.take() {
            tasks.shut_down();
        }
    }

    fn clear_color(&self, visuals: &egui::Visuals) -> [f32; 4] {
        visuals.panel_fill.to_normalized_gamma_f32()
    }
}
