//! The open workspace, and one that is being opened.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::worker;
use crate::workspace::Workspace;

use super::TaskId;

/// The open workspace and how its connections are.
#[derive(Clone, Debug)]
pub struct Open {
    /// What the file says.
    pub workspace: Arc<Workspace>,
    /// The cache.
    pub cache: Link,
    /// Each source by name.
    pub sources: BTreeMap<String, Link>,
    /// What the worker in this process does.
    pub worker: Option<Arc<worker::Status>>,
    /// Whether the cache is a private server, which ends with the workspace.
    pub private_cache: bool,
    /// The demo's writer, where the demo runs.
    pub demo: Option<DemoInfo>,
}

/// The demo's writer of new orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DemoInfo {
    /// New orders a minute.
    pub orders_per_minute: u32,
    /// Orders inserted since the start.
    pub inserted: u64,
}

/// How a connection is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Link {
    /// Being tried.
    #[default]
    Trying,
    /// Product and version.
    Up(String),
    /// It does not answer: one sentence.
    Down(String),
}

/// A workspace or demo that is being opened.
#[derive(Clone, Debug)]
pub struct Opening {
    /// The task that opens it.
    pub task: TaskId,
    /// What is opened: "Demo", a file.
    pub title: String,
    /// What is being done.
    pub what: String,
    /// How much of it is done, 0 to 1.
    pub fraction: Option<f32>,
}

impl Open {
    /// A workspace whose connections have not been tried yet.
    pub fn new(workspace: Arc<Workspace>) -> Self {
        let sources = workspace
            .sources
            .keys()
            .map(|name| (name.clone(), Link::Trying))
            .collect();
        Self {
            workspace,
            cache: Link::Trying,
            sources,
            worker: None,
            private_cache: false,
            demo: None,
        }
    }
}
