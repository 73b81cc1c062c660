//! What the window remembers from one start to the next: the theme, its size, and recent workspaces. Kept in the
//! platform's state folder; losing it loses nothing that matters, so failures to read or write it are not shown.

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::command::ThemeChoice;

/// How many recent workspaces are kept.
const RECENT: usize = 8;

/// What is remembered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Memory {
    /// The chosen theme.
    pub theme: ThemeChoice,
    /// Width and height of the window.
    pub size: Option<(f32, f32)>,
    /// Workspaces that were open, the latest first.
    pub recent: Vec<Recent>,
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
