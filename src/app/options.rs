//! What the window opens with.

use std::path::PathBuf;

use super::command::{ThemeChoice, View};

/// What the window opens with.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// What is opened.
    pub start: Start,
    /// The view to begin with; Reports where something is opened, else Connect.
    pub view: Option<View>,
    /// The theme; the remembered one where `None`.
    pub theme: Option<ThemeChoice>,
    /// Width and height of the window in points.
    pub size: Option<(f32, f32)>,
}

/// What is opened.
#[derive(Clone, Debug, Default)]
pub enum Start {
    /// The welcome screen.
    #[default]
    Welcome,
    /// A workspace file.
    Workspace(PathBuf),
    /// The demo.
    Demo(crate::demo::Options),
    /// A cache alone.
    Redis(String),
}
