//! What the window remembers from one start to the next: the theme, its size and
//! place, recent workspaces, and lines of the console. Kept in the
//! platform's state folder; losing it loses nothing that matters, so failures to read or write it are not shown.

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::command::ThemeChoice;

/// How many recent workspaces are kept.
const RECENT: usize = 8;

/// The smallest size of the window in which every view fits.
pub const LEAST: (f32, f32) = (1024.0, 640.0);
/// No monitor is larger.
const MOST: f32 = 16_384.0;

/// What is remembered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Memory {
    /// The chosen theme.
    pub theme: ThemeChoice,
    /// How large everything is shown, 1 for the usual size.
    pub zoom: Option<f32>,
    /// Width and height of the window, in points.
    pub size: Option<(f32, f32)>,
    /// Where its upper left corner stood, in points.
    pub place: Option<(f32, f32)>,
    /// Whether it filled the screen.
    pub maximized: bool,
    /// Workspaces that were open, the latest first.
    pub recent: Vec<Recent>,
    /// Lines of the console, the oldest first; never one with a password.
    pub console: Vec<String>,
}

/// A workspace that was open.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recent {
    /// Its file.
    pub path: PathBuf,
    /// What people call it.
    pub name: String,
    /// "MariaDB at db.internal, Redis at cache.internal".
    pub about: String,
    /// When it was opened last.
    pub at: DateTime<Utc>,
}

impl Memory {
    /// The file, `None` where the platform has no such folder.
    pub fn file() -> Option<PathBuf> {
        let folders = directories::ProjectDirs::from("", "", "lookaside")?;
        Some(
            folders
                .state_dir()
                .unwrap_or_else(|| folders.data_local_dir())
                .join("window.json"),
        )
    }

    /// Reads the file; a missing or damaged one is an empty memory.
    pub fn load(file: &Path) -> Self {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// Writes the file, whole or not at all.
    pub fn save(&self, file: &Path) -> std::io::Result<()> {
        let folder = file.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder)?;
        let mut temporary = tempfile::NamedTempFile::new_in(folder)?;
        serde_json::to_writer_pretty(&mut temporary, self)?;
        temporary.persist(file)?;
        Ok(())
    }

    /// The size to open with: what was remembered, as far as it makes sense.
    pub fn usable_size(&self) -> Option<(f32, f32)> {
        self.size
            .map(|(width, height)| (width.clamp(LEAST.0, MOST), height.clamp(LEAST.1, MOST)))
    }

    /// Where to open: what was remembered, where a monitor shows it. A monitor that was unplugged must not hide the
    /// window. `monitors` are the places and sizes of monitors in pixels, `scale` the pixels of a point.
    pub fn usable_place(
        &self,
        scale: f32,
        monitors: impl IntoIterator<Item = [f32; 4]>,
    ) -> Option<(f32, f32)> {
        let place = self.place?;
        let width = self.usable_size().unwrap_or(LEAST).0;
        // The middle of the title bar is what one takes hold of.
        let (x, y) = ((place.0 + width / 2.0) * scale, (place.1 + 8.0) * scale);
        let shown = monitors.into_iter().any(|[left, top, width, height]| {
            (left..left + width).contains(&x) && (top..top + height).contains(&y)
        });
        shown.then_some(place)
    }

    /// Notes that a workspace was opened.
    pub fn opened(&mut self, recent: Recent) {
        self.recent.retain(|other| other.path != recent.path);
        self.recent.insert(0, recent);
        self.recent.truncate(RECENT);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_place_that_no_monitor_shows_is_forgotten() {
        let memory = Memory {
            size: Some((1200.0, 700.0)),
            place: Some((2000.0, 40.0)),
            ..Memory::default()
        };
        let (laptop, screen) = ([0.0, 0.0, 1920.0, 1080.0], [1920.0, 0.0, 2560.0, 1440.0]);
        assert_eq!(memory.usable_place(1.0, [laptop]), None);
        assert_eq!(memory.usable_place(1.0, [laptop, screen]), memory.place);
        // At two pixels a point the same place lies further out.
        assert_eq!(memory.usable_place(2.0, [laptop, screen]), None);
        assert_eq!(Memory::default().usable_place(1.0, [laptop]), None);
    }

    #[test]
    fn a_size_stays_usable() {
        let size = |width, height| {
            let memory = Memory {
                size: Some((width, height)),
                ..Memory::default()
            };
            memory.usable_size()
        };
        assert_eq!(size(1400.0, 900.0), Some((1400.0, 900.0)));
        assert_eq!(size(-5.0, 1e30), Some((1024.0, 16_384.0)));
        assert_eq!(Memory::default().usable_size(), None);
    }

    #[test]
    fn the_latest_workspace_comes_first_and_once() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("state/window.json");
        assert_eq!(Memory::load(&file), Memory::default());
        let mut memory = Memory {
            theme: ThemeChoice::Light,
            ..Memory::default()
        };
        for name in ["a", "b", "a"] {
            let recent = Recent {
                path: name.into(),
                name: name.into(),
                about: String::new(),
                at: Utc::now(),
            };
            memory.opened(recent);
        }
        assert_eq!(
            memory
                .recent
                .iter()
                .map(|recent| recent.name.as_str())
                .collect::<Vec<_>>(),
            ["a", "b"]
        );
        memory.save(&file).unwrap();
        assert_eq!(Memory::load(&file), memory);
        std::fs::write(&file, "{").unwrap();
        assert_eq!(Memory::load(&file), Memory::default());
    }
}
