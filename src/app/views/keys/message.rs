//! What the view asks for, and what its tasks report.

use std::path::PathBuf;
use std::sync::Arc;

use super::{Bytes, Opened, What, Which};
use crate::inspect::{
    Analysis, Bulk, Change, Connection, Decoder, Explorer, Group, Outcome, Pace, Page, Preview,
    Question, StreamEntry,
};

/// What this view asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Scan from the beginning.
    Scan,
    /// Scan from the beginning and count elements, though the server takes that for use of them.
    CountElements,
    /// Pause or resume the scan.
    Pause(bool),
    /// How hard the scan works.
    SetPace(Pace),
    /// End the scan and keep what it saw.
    Stop,
    /// Show something else.
    Ask(Box<Question>),
    /// Read a key; with `anyway` also elements that are large.
    Open {
        /// The exact name.
        name: Vec<u8>,
        /// Fetch large elements too.
        anyway: bool,
    },
    /// Let the server tell of its changes.
    TurnOnNotices,
    /// Read the page that begins at this index, rank or byte.
    Jump(u64),
    /// Read the next page of the selected key.
    More,
    /// Read bytes by these decoders; by those that fit where there are none.
    Decode {
        /// Which bytes.
        which: Which,
        /// The decoders, the outermost first.
        chosen: Vec<Decoder>,
    },
    /// Show only the elements that match; all of them for nothing.
    Search(String),
    /// Read the groups of the selected stream.
    Groups,
    /// Show new entries of the selected stream as they come, or no more.
    Follow(bool),
    /// Ask for a file for the selected key's value.
    AskDownload,
    /// Write the selected key's value to a file.
    Download {
        /// The file.
        path: PathBuf,
        /// Whether one of that name may be written over.
        replace: bool,
    },
    /// Ask whether to unlock the server.
    AskUnlock,
    /// Let writes through, or no more.
    Unlock(bool),
    /// Change a key.
    Change(Change),
    /// Count which of the dialog's keys are there.
    Preview,
    /// Change the dialog's keys.
    ChangeMany(Bulk),
    /// Draw a sample of this many keys.
    Sample(u64),
    /// Ask for a file with an earlier analysis.
    CompareWith,
    /// Open the export dialog.
    Export(What),
    /// Write a file.
    Save {
        /// Where; its ending says the format.
        path: PathBuf,
        /// What.
        what: What,
        /// A file that is there may be written over.
        replace: bool,
    },
}

/// What this view's tasks report.
pub enum Event {
    /// A scan runs.
    Started {
        /// The scan and its questions.
        explorer: Arc<Explorer>,
        /// For values.
        connection: Connection,
    },
    /// The server cannot be looked at: one sentence.
    Failed(String),
    /// A key was read, or why not.
    Opened {
        /// The exact name.
        name: Vec<u8>,
        /// What it holds.
        result: Result<Box<Opened>, String>,
    },
    /// The next page was read, or why not.
    More {
        /// The exact name.
        name: Vec<u8>,
        /// What it holds, and the bytes so far, decoded.
        result: Result<(Page, Option<Bytes>), String>,
    },
    /// Text was looked for in the opened string, and not found yet.
    Sought {
        /// The exact name.
        name: Vec<u8>,
        /// The text.
        text: String,
        /// Where to go on looking.
        until: u64,
        /// One sentence.
        told: String,
    },
    /// Bytes were decoded.
    Decoded {
        /// The key's name.
        name: Vec<u8>,
        /// Which bytes.
        which: Which,
        /// What became of them.
        bytes: Box<Bytes>,
    },
    /// The groups of a stream were read, or why not.
    Groups {
        /// The key's name.
        name: Vec<u8>,
        /// The groups.
        result: Result<Vec<Group>, String>,
    },
    /// New entries of a stream.
    Tail {
        /// The key's name.
        name: Vec<u8>,
        /// The entries, the whole tail at first.
        entries: Vec<StreamEntry>,
        /// Whether these are the first.
        first: bool,
    },
    /// The opened key was changed by somebody.
    Touched(Vec<u8>),
    /// A file of the chosen name is there already.
    FileTaken,
    /// A dialog's work is done.
    Done,
    /// It did not work: one sentence.
    Undone(String),
    /// A change was carried out.
    Changed(Change),
    /// The dialog's keys were counted.
    Counted(Preview),
    /// The dialog's keys were changed; each is named in the file.
    ChangedMany(Outcome, PathBuf),
    /// A sample was drawn, or why not.
    Sampled(Result<Box<Analysis>, String>),
    /// An earlier analysis was read, or why not.
    Before(Result<Box<Analysis>, String>),
    /// A file was written, or why not.
    Saved(Result<(), String>),
    /// A file of that name is there already.
    Taken,
}

impl std::fmt::Debug for Event {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Values are the user's data; a log has no business with them.
        f.write_str(match self {
            Self::Started { .. } => "Started",
            Self::Failed(_) => "Failed",
            Self::Opened { .. } => "Opened",
            Self::More { .. } => "More",
            Self::Sought { .. } => "Sought",
            Self::Decoded { .. } => "Decoded",
            Self::Groups { .. } => "Groups",
            Self::Tail { .. } => "Tail",
            Self::Touched(_) => "Touched",
            Self::FileTaken => "FileTaken",
            Self::Done => "Done",
            Self::Undone(_) => "Undone",
            Self::Changed(_) => "Changed",
            Self::Counted(_) => "Counted",
            Self::ChangedMany(..) => "ChangedMany",
            Self::Sampled(_) => "Sampled",
            Self::Before(_) => "Before",
            Self::Saved(_) => "Saved",
            Self::Taken => "Taken",
        })
    }
}
