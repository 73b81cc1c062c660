//! What the Reports view keeps: the list, and for each report that was opened its draft, its answer and its entry.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use crate::app::state::TaskId;
use crate::app::theme::Tone;
use crate::engine::{EntryState, Mode};
use crate::report::{Params, Report};
use crate::workspace::{Broken, Workspace};

use super::Shown;
use super::event::Event;
use super::export::ExportDialog;
use super::pane::Pane;

/// How many bytes of rows the reports beside the selected one may keep together.
const OTHERS: usize = 256 << 20;

/// What this view keeps.
#[derive(Default)]
pub struct Reports {
    /// The reports of the workspace, in its order.
    pub list: Vec<Item>,
    /// The parts of its file that cannot be used.
    pub broken: Vec<Broken>,
    /// The export dialog, while it is open.
    pub export: Option<ExportDialog>,
    /// The folder of the last export, which the next one begins with.
    pub exported_to: Option<PathBuf>,
    /// Names of the sources, for a new report.
    pub sources: Vec<String>,
    /// Whether the workspace has a file that reports can be saved to.
    pub has_file: bool,
    /// Which part is shown where there is no room for all.
    pub(super) shown: Shown,
    selected: Option<String>,
    panes: BTreeMap<String, Pane>,
}

/// A report in the list.
pub struct Item {
    /// The report as the workspace has it.
    pub report: Arc<Report>,
    /// The state of its entry with default parameters, and when it was read.
    pub entry: Option<(EntryState, Instant)>,
}

/// An entry whose state the view shows.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The report, as edited.
    pub report: Arc<Report>,
    /// The parameters.
    pub params: Params,
    /// Whether it is the selected report's; else the list's.
    pub selected: bool,
}

impl Reports {
    /// Shows the reports of a workspace.
    pub fn open(&mut self, workspace: &Workspace) {
        let item = |report: &Report| Item {
            report: Arc::new(report.clone()),
            entry: None,
        };
        *self = Self {
            list: workspace.reports.iter().map(item).collect(),
            broken: workspace.broken.clone(),
            sources: workspace.sources.keys().cloned().collect(),
            has_file: workspace.path.is_some(),
            exported_to: self.exported_to.take(),
            ..Self::default()
        };
        if let Some(first) = self.list.first() {
            let name = first.report.name.clone();
            self.select(&name);
        }
    }

    /// Takes in a workspace file that was changed by saving, keeping what is open.
    pub fn reload(&mut self, workspace: &Workspace) {
        let mut old: BTreeMap<String, Item> = std::mem::take(&mut self.list)
            .into_iter()
            .map(|item| (item.report.name.clone(), item))
            .collect();
        self.broken.clone_from(&workspace.broken);
        for report in &workspace.reports {
            let entry = old.remove(&report.name).and_then(|item| item.entry);
            self.list.push(Item {
                report: Arc::new(report.clone()),
                entry,
            });
        }
    }

    /// The reports' names in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.list.iter().map(|item| item.report.name.as_str())
    }

    /// The names that the selected report cannot have.
    pub(super) fn other_names(&self) -> Vec<String> {
        let own = self.pane().and_then(|pane| pane.saved.as_ref());
        let own = own.map(|saved| saved.name.as_str());
        let broken = self.broken.iter().filter_map(Broken::report);
        self.names()
            .filter(|name| Some(*name) != own)
            .chain(broken)
            .map(str::to_owned)
            .collect()
    }

    /// The selected report's name.
    pub fn selected(&self) -> Option<&str> {
        self.selected.as_deref()
    }

    /// Selects a report of the workspace.
    pub fn select(&mut self, name: &str) {
        if let Some(item) = self.list.iter().find(|item| item.report.name == name) {
            self.panes
                .entry(name.to_owned())
                .or_insert_with(|| Pane::new(&item.report));
            self.selected = Some(name.to_owned());
            if self.shown == Shown::Reports {
                self.shown = Shown::Query;
            }
        }
    }

    /// Whether a report of the workspace was edited and not saved.
    pub fn is_edited(&self, name: &str) -> bool {
        self.panes.get(name).is_some_and(Pane::is_changed)
    }

    /// Begins a new report.
    pub fn new_report(&mut self) {
        let name = (1..=self.panes.len() + self.list.len() + 1)
            .map(|n| {
                if n == 1 {
                    "new-report".to_owned()
                } else {
                    format!("new-report-{n}")
                }
            })
            .find(|name| !self.panes.contains_key(name) && self.names().all(|other| other != name))
            .unwrap_or_default();
        let source = self
            .pane()
            .map(|pane| pane.draft.source.clone())
            .or_else(|| self.sources.first().cloned())
            .unwrap_or_default();
        self.panes.insert(name.clone(), Pane::draft(&name, &source));
        self.selected = Some(name);
        self.shown = Shown::Query;
    }

    /// Reports that are not in the workspace file yet: the name each was opened under, and the one it has been given.
    pub fn drafts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.panes
            .iter()
            .filter(|(_, pane)| pane.saved.is_none())
            .map(|(opened_as, pane)| match pane.draft.name.trim() {
                "" => (opened_as.as_str(), "Without a name"),
                name => (opened_as.as_str(), name),
            })
    }

    /// Gives up the selected report that is not in the workspace file yet.
    pub fn discard_draft(&mut self) {
        if self.pane().is_some_and(|pane| pane.saved.is_none())
            && let Some(name) = self.selected.take()
        {
            self.panes.remove(&name);
            if let Some(first) = self.list.first() {
                let first = first.report.name.clone();
                self.select(&first);
            }
        }
    }

    /// The selected report as it is open.
    pub fn pane(&self) -> Option<&Pane> {
        self.panes.get(self.selected.as_ref()?)
    }

    /// The selected report, to be changed.
    pub fn pane_mut(&mut self) -> Option<&mut Pane> {
        self.panes.get_mut(self.selected.as_ref()?)
    }

    /// Goes to a draft.
    pub fn select_draft(&mut self, name: &str) {
        if self.panes.contains_key(name) {
            self.selected = Some(name.to_owned());
        }
    }

    /// Gives the keyboard to the filter.
    pub fn find(&mut self) {
        if let Some(pane) = self.pane_mut() {
            pane.find.open();
        }
    }

    /// Whether there is a result.
    pub fn has_rows(&self) -> bool {
        self.pane().is_some_and(|pane| pane.answer.is_some())
    }

    /// Whether there is a whole result of the last run, which can be written to a file.
    pub fn can_export(&self) -> bool {
        self.pane().is_some_and(|pane| {
            pane.is_answered()
                && pane
                    .answer
                    .as_ref()
                    .is_some_and(|answer| answer.rows.total() > 0)
        })
    }

    /// Whether a report is selected, its parameters are in order, and it does not run.
    pub fn can_run(&self) -> bool {
        self.pane()
            .is_some_and(|pane| pane.run.is_none() && pane.request().is_ok())
    }

    /// Whether there are changes to write to the workspace file.
    pub fn can_save(&self) -> bool {
        self.has_file
            && self
                .pane()
                .is_some_and(|pane| pane.is_changed() && pane.unsavable().is_none())
    }

    /// The Redis key of the selected report's entry; `None` while its parameters lack a value.
    pub fn entry_key(&self) -> Option<String> {
        let pane = self.pane()?;
        pane.request().ok()?;
        let (state, _) = pane.entry.as_ref()?;
        (!state.redis_key.is_empty()).then(|| state.redis_key.clone())
    }

    /// Every entry whose state is shown: the list's with default parameters, and the selected one as edited.
    pub fn wanted(&self) -> Vec<Wanted> {
        let mut wanted = Vec::with_capacity(self.list.len() + 1);
        if let Some((report, params)) = self.pane().and_then(|pane| pane.request().ok()) {
            wanted.push(Wanted {
                report,
                params,
                selected: true,
            });
        }
        for item in &self.list {
            if let Ok(params) = item.report.bind(&[]) {
                wanted.push(Wanted {
                    report: item.report.clone(),
                    params,
                    selected: false,
                });
            }
        }
        wanted
    }

    /// Lets the oldest answers of other reports go, until what is left leaves room for another one.
    fn make_room(&mut self) {
        let selected = self.selected.clone();
        let mut others: Vec<(TaskId, usize, &mut Pane)> = self
            .panes
            .iter_mut()
            .filter(|(name, _)| Some(*name) != selected.as_ref())
            .filter_map(|(_, pane)| {
                let answer = pane.answer.as_ref()?;
                Some((answer.task, answer.rows.table.bytes(), pane))
            })
            .collect();
        others.sort_by_key(|(task, ..)| std::cmp::Reverse(*task));
        let mut kept = 0;
        for (_, bytes, pane) in others {
            kept += bytes;
            if kept > OTHERS {
                pane.answer = None;
                pane.let_go = true;
            }
        }
    }

    /// Notes that a task runs the selected report.
    pub fn started(&mut self, task: TaskId, mode: &Mode, now: Instant) {
        self.make_room();
        // The rows are what is run for.
        self.shown = Shown::Result;
        if let Some(pane) = self.pane_mut() {
            pane.started(task, mode, now);
        }
    }

    /// A task ended.
    pub fn ended(&mut self, task: TaskId) {
        for pane in self.panes.values_mut() {
            pane.ended(task);
        }
        if let Some(export) = &mut self.export {
            export.ended(task);
        }
    }

    fn pane_of(&mut self, task: TaskId) -> Option<&mut Pane> {
        self.panes.values_mut().find(|pane| pane.waits_for(task))
    }

    /// Takes in what a task reports; gives back messages for the corner.
    pub fn apply(&mut self, event: Event, now: Instant) -> Vec<(Tone, String)> {
        let mut messages = Vec::new();
        match event {
            Event::Entries(entries) => {
                for (wanted, state) in entries {
                    if wanted.selected {
                        if let Some(pane) = self.pane_mut()
                            && pane.request().is_ok_and(|(report, params)| {
                                params == wanted.params && report.sql == wanted.report.sql
                            })
                        {
                            pane.entry = Some((state, now));
                        }
                    } else if let Some(item) = self
                        .list
                        .iter_mut()
                        .find(|item| item.report.name == wanted.report.name)
                    {
                        item.entry = Some((state, now));
                    }
                }
            }
            Event::Saved {
                name,
                sent,
                workspace,
            } => {
                self.reload(&workspace);
                let saved = self
                    .list
                    .iter()
                    .find(|item| item.report.name == name)
                    .map(|item| item.report.clone());
                if let (Some(pane), Some(report)) = (self.panes.get_mut(&name), saved) {
                    pane.was_saved(&sent, report);
                }
                messages.push((Tone::Hit, format!("Saved {name} to the workspace file")));
            }
            Event::Removed { name, workspace } => {
                self.reload(&workspace);
                if let Some(pane) = self.panes.get_mut(&name) {
                    pane.saved = None;
                }
                messages.push((
                    Tone::Bypass,
                    format!(
                        "{name} is out of the workspace file; its draft stays until you discard it"
                    ),
                ));
            }
            Event::Renamed { from, to } => {
                if let Some(pane) = self.panes.remove(&from) {
                    self.panes.insert(to.clone(), pane);
                }
                if self.selected.as_deref() == Some(&from) {
                    self.selected = Some(to);
                }
            }
            Event::Chosen { task, path } => {
                if let Some(export) = &mut self.export {
                    export.chosen(task, path);
                }
            }
            Event::Exported {
                task,
                path,
                rows,
                bytes,
                renamed,
            } => {
                if self.export.as_ref().is_some_and(|export| export.runs(task)) {
                    self.export = None;
                }
                self.exported_to = path.parent().map(Path::to_owned);
                let rows = crate::app::format::plural(rows, "row", "rows");
                let bytes = crate::app::format::bytes(bytes);
                let named = match renamed {
                    0 => String::new(),
                    1 => "; one column got a name of its own".to_owned(),
                    n => format!("; {n} columns got names of their own"),
                };
                let path = path.display();
                messages.push((
                    Tone::Hit,
                    format!("Wrote {rows}, {bytes}, to {path}{named}"),
                ));
            }
            Event::FileTaken { task } => {
                if let Some(export) = self.export.as_mut().filter(|export| export.runs(task)) {
                    export.is_taken();
                }
            }
            Event::ExportFailed { task, error } => match &mut self.export {
                Some(export) if export.runs(task) => export.failed(error),
                _ => messages.push((Tone::Error, error)),
            },
            Event::Rows { task, .. }
            | Event::About { task, .. }
            | Event::Finished { task, .. }
            | Event::Failed { task, .. }
            | Event::Ordered { task, .. }
            | Event::Facts { task, .. } => {
                if let Some(pane) = self.pane_of(task) {
                    pane.apply(event);
                }
            }
        }
        messages
    }
}
