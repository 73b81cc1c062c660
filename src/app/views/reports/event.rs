//! What the Reports view asks for, and what its tasks report.

use std::path::PathBuf;
use std::sync::Arc;

use crate::app::state::TaskId;
use crate::engine::{About, EntryState, RequestEvent};
use crate::report::Report;
use crate::table::Table;
use crate::workspace::Workspace;

use super::facts::Facts;
use super::model::Wanted;
use crate::app::widgets::grid::CopyWhat;

/// What this view asks for, of the selected report.
#[derive(Clone, Debug)]
pub enum Command {
    /// Run it through the cache.
    Run,
    /// Run its query past the cache.
    RunUncached,
    /// Cached against uncached, in the Latency view.
    Race,
    /// Re-run the query and replace the entry.
    Refresh,
    /// Open the export dialog.
    Export,
    /// Ask for the file to export to.
    ChooseFile,
    /// Write the result as the export dialog says.
    WriteFile,
    /// Write the report to the workspace file.
    Save,
    /// Take it out of the workspace file.
    Remove,
    /// Sort and filter the result anew.
    Order,
    /// Statistics of a column of the result.
    Facts(usize),
    /// Put a part of the result on the clipboard.
    Copy(CopyWhat),
}

/// What this view's tasks report.
pub enum Event {
    /// How the answer is come by, before its first row.
    About {
        /// The task.
        task: TaskId,
        /// How.
        about: About,
    },
    /// The rows so far.
    Rows {
        /// The task.
        task: TaskId,
        /// All rows that came, widened to one schema.
        table: Arc<Table>,
        /// Rows of the answer that are not kept because there are too many; an export writes them all.
        left_out: u64,
    },
    /// The answer is whole.
    Finished {
        /// The task.
        task: TaskId,
        /// Its event in the log.
        event: Option<RequestEvent>,
    },
    /// There is no answer.
    Failed {
        /// The task.
        task: TaskId,
        /// One sentence with cause and remedy.
        message: String,
        /// Line and column in the SQL, from 1.
        position: Option<(usize, usize)>,
    },
    /// The rows to show, sorted and filtered.
    Ordered {
        /// The task.
        task: TaskId,
        /// Row numbers in their order; `None` for all as they came.
        order: Option<Arc<Vec<u32>>>,
    },
    /// Statistics of a column.
    Facts {
        /// The task.
        task: TaskId,
        /// The column.
        column: usize,
        /// The statistics.
        facts: Facts,
    },
    /// States of entries.
    Entries(Vec<(Wanted, EntryState)>),
    /// The report is in the workspace file.
    Saved {
        /// Its name.
        name: String,
        /// The report as it was sent to be saved.
        sent: Box<Report>,
        /// The workspace as it is now.
        workspace: Arc<Workspace>,
    },
    /// The report is no longer in the workspace file.
    Removed {
        /// Its name.
        name: String,
        /// The workspace as it is now.
        workspace: Arc<Workspace>,
    },
    /// A report got another name.
    Renamed {
        /// The name it was opened under.
        from: String,
        /// Its name now.
        to: String,
    },
    /// A file was chosen in the dialog, or none.
    Chosen {
        /// The task.
        task: TaskId,
        /// The file.
        path: Option<PathBuf>,
    },
    /// The file is written.
    Exported {
        /// The task.
        task: TaskId,
        /// The file.
        path: PathBuf,
        /// Rows in it.
        rows: u64,
        /// Bytes of it.
        bytes: u64,
        /// Columns that have another name in the file, because the format needs unique ones.
        renamed: usize,
    },
    /// The file is there already, and nobody said that it may be written over.
    FileTaken {
        /// The task.
        task: TaskId,
    },
    /// The file could not be written; what was there before is still there.
    ExportFailed {
        /// The task.
        task: TaskId,
        /// One sentence with cause and remedy.
        error: String,
    },
}

impl std::fmt::Debug for Event {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::About { .. } => "About",
            Self::Rows { .. } => "Rows",
            Self::Finished { .. } => "Finished",
            Self::Failed { .. } => "Failed",
            Self::Ordered { .. } => "Ordered",
            Self::Facts { .. } => "Facts",
            Self::Entries(_) => "Entries",
            Self::Saved { .. } => "Saved",
            Self::Removed { .. } => "Removed",
            Self::Renamed { .. } => "Renamed",
            Self::Chosen { .. } => "Chosen",
            Self::Exported { .. } => "Exported",
            Self::FileTaken { .. } => "FileTaken",
            Self::ExportFailed { .. } => "ExportFailed",
        })
    }
}
