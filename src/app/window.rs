//! How eframe runs the window.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use chrono::Utc;
use eframe::egui::{self, ThemePreference, Ui, ViewportBuilder, ViewportCommand};

use super::command::{Command, Commands, ThemeChoice};
use super::memory::Memory;
use super::options::{Options, Start};
use super::state::{Clock, State};
use super::tasks::Tasks;
use super::{frame, theme};

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
    let size = options.size.or(memory.size).unwrap_or((1280.0, 800.0));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start threads")?;
    let native = eframe::NativeOptions {
        viewport: ViewportBuilder::default()
            .with_title("Lookaside")
            .with_app_id("lookaside")
            .with_inner_size([size.0, size.1])
            .with_min_inner_size([1024.0, 640.0]),
        // Said, because the tests bring another renderer into the same build.
        renderer: eframe::Renderer::Glow,
        ..Default::default()
    };
    let handle = runtime.handle().clone();
    let result = eframe::run_native(
        "Lookaside",
        native,
        Box::new(move |creation| {
            Ok(Box::new(Window::new(
                &creation.egui_ctx,
                handle,
                options,
                memory,
                file,
            )))
        }),
    );
    // Queries that do not end at once are left to their servers' own timeouts.
    runtime.shutdown_timeout(Duration::from_secs(2));
    result.map_err(|error| anyhow::anyhow!("the window cannot be shown on this display: {error}"))
}

struct Window {
    state: State,
    tasks: Option<Tasks>,
    commands: Commands,
    memory: Memory,
    file: Option<PathBuf>,
    theme: Option<ThemeChoice>,
}

impl Window {
    fn new(
        ctx: &egui::Context,
        runtime: tokio::runtime::Handle,
        options: Options,
        memory: Memory,
        file: Option<PathBuf>,
    ) -> Self {
        theme::install(ctx);
        let waker = ctx.clone();
        let mut tasks = Tasks::new(runtime, Arc::new(move || waker.request_repaint()));
        let mut state = State {
            theme: options.theme.unwrap_or(memory.theme),
            ..State::default()
        };
        state.connect.recent.clone_from(&memory.recent);
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
            memory,
            file,
            theme: None,
        }
    }

    fn remember(&mut self) {
        let mut memory = self.memory.clone();
        memory.theme = self.state.theme;
        memory.recent.clone_from(&self.state.connect.recent);
        if memory != self.memory {
            self.memory = memory;
            if let Some(file) = &self.file {
                let _ = self.memory.save(file);
            }
        }
    }
}

impl eframe::App for Window {
    fn logic(&mut self, ctx: &egui::Context, _frame: &mut eframe::Frame) {
        self.state.clock = Clock {
            now: Instant::now(),
            utc: Utc::now(),
        };
        let Some(tasks) = &mut self.tasks else { return };
        tasks.poll(&mut self.state);
        for command in self.commands.take() {
            match command {
                Command::Quit => ctx.send_viewport_cmd(ViewportCommand::Close),
                Command::Copy(text) => ctx.copy_text(text),
                command => tasks.perform(&mut self.state, command),
            }
        }
        if let Some(text) = self.state.clipboard.take() {
            ctx.copy_text(text);
        }
        if self.theme != Some(self.state.theme) {
            self.theme = Some(self.state.theme);
            ctx.set_theme(match self.state.theme {
                ThemeChoice::System => ThemePreference::System,
                ThemeChoice::Dark => ThemePreference::Dark,
                ThemeChoice::Light => ThemePreference::Light,
            });
        }
        self.remember();
    }

    fn ui(&mut self, ui: &mut Ui, _frame: &mut eframe::Frame) {
        self.state.dark_now = ui.visuals().dark_mode;
        frame::show(ui, &mut self.state, &mut self.commands);
        if !self.commands.sent().is_empty() {
            ui.ctx().request_repaint();
        }
    }

    fn on_exit(&mut self, _gl: Option<&eframe::glow::Context>) {
        if let Some(tasks) = self.tasks.take() {
            tasks.shut_down();
        }
    }

    fn clear_color(&self, visuals: &egui::Visuals) -> [f32; 4] {
        visuals.panel_fill.to_normalized_gamma_f32()
    }
}
