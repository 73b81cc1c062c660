//! The parts of a workspace file that cannot be used as they are written. Each costs itself and what needs it, and
//! nothing else.

use super::{Workspace, WorkspaceError};

/// A part of the file that cannot be used, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Which part.
    pub part: Part,
    /// The source that a report names, if it does.
    pub source: Option<String>,
    /// Cause and remedy in one sentence, with `file:line:column` where there is one.
    pub message: String,
}

/// A part of a workspace file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// A setting at the top of the file.
    File,
    /// `[cache]`: reports run without a cache.
    Cache,
    /// `[sources.NAME]`: its reports cannot run.
    Source(String),
    /// One of `[[reports]]` by its name; by its place in the file, "number 3", where it has none.
    Report(String),
}

impl std::fmt::Display for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File => f.write_str("the workspace file"),
            Self::Cache => f.write_str("[cache]"),
            Self::Source(name) => write!(f, "[sources.{name}]"),
            Self::Report(name) => write!(f, "the report \"{name}\""),
        }
    }
}

impl Broken {
    pub(super) fn new(part: Part, error: WorkspaceError) -> Self {
        Self {
            part,
            source: None,
            message: error.message,
        }
    }

    /// The name of the report that cannot be used, where it is one.
    pub fn report(&self) -> Option<&str> {
        match &self.part {
            Part::Report(name) => Some(name),
            _ => None,
        }
    }
}

/// Why a report cannot run whose source cannot be used.
pub(super) fn needs_source(report: &str, source: &str, why: &str) -> String {
    format!("{report} needs the source \"{source}\", which cannot be used: {why}")
}

impl Workspace {
    /// Counts a source and its reports among the broken parts, for a reason that only its driver can tell.
    pub fn set_aside(&mut self, source: &str, why: &str) {
        if self.sources.remove(source).is_none() {
            return;
        }
        self.broken.push(Broken {
            part: Part::Source(source.to_owned()),
            source: None,
            message: why.to_owned(),
        });
        let broken = &mut self.broken;
        self.reports.retain(|report| {
            let stays = report.source != source;
            if !stays {
                broken.push(Broken {
                    message: needs_source(&format!("the report \"{}\"", report.name), source, why),
                    part: Part::Report(report.name.clone()),
                    source: Some(source.to_owned()),
                });
            }
            stays
        });
    }

    /// Why the report called `name` cannot be used, where the file has it.
    pub fn broken_report(&self, name: &str) -> Option<&Broken> {
        self.broken
            .iter()
            .find(|broken| broken.report() == Some(name))
    }
}
