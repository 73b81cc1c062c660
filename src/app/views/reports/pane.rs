//! One open report: its draft, its parameters, its answer, its entry.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use chrono::{DateTime, TimeDelta, Utc};

use crate::app::state::TaskId;
use crate::app::widgets::grid::GridState;
use crate::engine::{About, EntryState, Freshness, Mode, RequestEvent};
use crate::report::{
    Dialect, ParamSpec, ParamType, Params, Refresh, Report, ServeOnError, Template, Value,
};

use super::event::Event;
use super::policy::Policy;
use super::rows::ResultRows;

/// One open report.
pub struct Pane {
    /// As it is in the workspace file; `None` for a new one.
    pub saved: Option<Arc<Report>>,
    /// As it is edited.
    pub draft: Report,
    /// Its policy as typed.
    pub policy: Policy,
    /// Which part of it is edited.
    pub part: Part,
    /// The SQL is to get the keyboard.
    pub focus: bool,
    /// The text typed for each parameter.
    pub values: Vec<String>,
    /// Parameters that the SQL no longer names, with the text typed for each: SQL that is typed anew names them again.
    gone: BTreeMap<String, (ParamSpec, String)>,
    /// What runs.
    pub run: Option<Run>,
    /// The last answer.
    pub answer: Option<Answer>,
    /// Its answer was let go to make room for others.
    pub let_go: bool,
    /// Why the last run has no answer.
    pub failure: Option<Failure>,
    /// The entry's state, and when it was read.
    pub entry: Option<(EntryState, Instant)>,
    /// The filter above the grid.
    pub find: Find,
    /// The grid.
    pub grid: GridState,
    /// The filter has not been applied to the answer yet.
    pub unfiltered: bool,
    /// A task that sorts and filters.
    pub ordering: Option<TaskId>,
    /// A task that counts a column's statistics.
    pub counting: Option<TaskId>,
}

/// A part of a report that is edited by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Part {
    /// The query.
    #[default]
    Sql,
    /// TTL, refresh, tables, and the defaults of parameters.
    Policy,
}

/// A running request.
pub struct Run {
    /// Its task.
    pub task: TaskId,
    /// How it uses the cache.
    pub mode: Mode,
    /// When it began.
    pub started: Instant,
    /// How its answer is come by, once that is known.
    pub about: Option<About>,
}

/// An answer, possibly still growing.
pub struct Answer {
    /// The task that brought it.
    pub task: TaskId,
    /// The rows.
    pub rows: ResultRows,
    /// How it was come by.
    pub about: About,
    /// Its event in the log, once it is whole.
    pub event: Option<RequestEvent>,
    /// When its query ran.
    pub made: DateTime<Utc>,
    /// When it was whole, or its run ended before that.
    pub ended: Option<DateTime<Utc>>,
    /// Rows that are not kept.
    pub left_out: u64,
    /// What was run, for an export of everything.
    pub request: (Arc<Report>, Params, Mode),
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// One sentence with cause and remedy.
    pub message: String,
    /// Line and column in the SQL, from 1.
    pub position: Option<(usize, usize)>,
    /// The SQL that failed; the mark goes when it is edited.
    pub sql: String,
}

/// The filter above the grid.
#[derive(Clone, Debug, Default)]
pub struct Find {
    /// Whether it is shown.
    pub shown: bool,
    /// Whether it is to get the keyboard.
    pub focus: bool,
    /// Only rows that contain this.
    pub text: String,
}

impl Find {
    pub(super) fn open(&mut self) {
        self.shown = true;
        self.focus = true;
    }
}

impl Pane {
    /// Opens a report of the workspace.
    pub fn new(report: &Arc<Report>) -> Self {
        let mut pane = Self::draft(&report.name, &report.source);
        pane.draft = (**report).clone();
        pane.policy = Policy::of(report);
        pane.saved = Some(report.clone());
        pane.focus = false;
        pane.values = defaults(&report.params);
        pane
    }

    /// A new report.
    pub fn draft(name: &str, source: &str) -> Self {
        let draft = Report {
            name: name.to_owned(),
            source: source.to_owned(),
            sql: String::new(),
            params: Vec::new(),
            ttl: Report::TTL,
            stale_for: Report::STALE_FOR,
            serve_on_error: ServeOnError::default(),
            refresh: Refresh::OnChange,
            tables: None,
            timeout: None,
            trusted_sql: false,
        };
        Self {
            saved: None,
            policy: Policy::of(&draft),
            part: Part::Sql,
            // A new report begins with its SQL.
            focus: true,
            draft,
            values: Vec::new(),
            gone: BTreeMap::new(),
            run: None,
            answer: None,
            let_go: false,
            failure: None,
            entry: None,
            find: Find::default(),
            grid: GridState::default(),
            unfiltered: false,
            ordering: None,
            counting: None,
        }
    }

    /// Whether the rows that are shown answer the last run, whole: not while another one runs, after one that failed, or
    /// where it was cut short.
    pub fn is_answered(&self) -> bool {
        self.run.is_none()
            && self.failure.is_none()
            && self
                .answer
                .as_ref()
                .is_some_and(|answer| answer.event.is_some())
    }

    /// When the newer answer was made that stands in the cache by now, where the rows that are shown are an older one.
    pub fn newer(&self) -> Option<DateTime<Utc>> {
        // Two machines' clocks, and the way of an answer, are told from a later query.
        const APART: TimeDelta = TimeDelta::milliseconds(1_500);
        let answer = self.answer.as_ref().filter(|_| self.is_answered())?;
        let (entry, _) = self.entry.as_ref()?;
        let made = entry.created_at?;
        let event = answer.event.as_ref()?;
        let is_same_entry = entry.redis_key.ends_with(&answer.about.key.hex());
        let is_same_content = entry.sha256.is_some() && entry.sha256 == event.sha256;
        let is_newer = entry.state == Freshness::Fresh && made > answer.made + APART;
        (is_newer && is_same_entry && !is_same_content).then_some(made)
    }

    /// Whether the rows that are shown are what the entry holds, which is fresh again: a refresh brought the same.
    pub fn is_fresh_again(&self) -> bool {
        let event = self
            .answer
            .as_ref()
            .and_then(|answer| answer.event.as_ref());
        let entry = self.entry.as_ref().map(|(entry, _)| entry);
        entry.zip(event).is_some_and(|(entry, event)| {
            entry.state == Freshness::Fresh
                && entry.sha256.is_some()
                && entry.sha256 == event.sha256
        })
    }

    /// Whether what is edited differs from the workspace file.
    pub fn is_changed(&self) -> bool {
        self.policy.problem().is_some()
            || self
                .saved
                .as_ref()
                .is_none_or(|saved| **saved != self.draft)
    }

    /// Why it cannot be saved as it is edited.
    pub fn unsavable(&self) -> Option<&str> {
        self.policy.problem()
    }

    /// Whether the workspace file does not declare a parameter yet.
    pub(super) fn is_new(&self, param: usize) -> bool {
        let name = self.draft.params.get(param).map(|spec| &spec.name);
        let declared = self.saved.iter().flat_map(|saved| &saved.params);
        name.is_some_and(|name| declared.into_iter().all(|spec| spec.name != *name))
    }

    /// The report was saved as `sent` and is now in the file as `saved`. What was edited meanwhile stays.
    pub(super) fn was_saved(&mut self, sent: &Report, saved: Arc<Report>) {
        if self.draft == *sent {
            // The file may hold the parameters in another order.
            let named: Vec<_> = self
                .draft
                .params
                .iter()
                .map(|spec| spec.name.clone())
                .zip(self.values.drain(..))
                .collect();
            self.values = saved
                .params
                .iter()
                .map(|spec| {
                    let typed = named.iter().find(|(name, _)| *name == spec.name);
                    typed.map(|(_, value)| value.clone()).unwrap_or_default()
                })
                .collect();
            self.draft = (*saved).clone();
        }
        // A report that was new has been named above the form; the file may have taken the rest in another form.
        if self.policy.problem().is_none() {
            self.policy = Policy::of(&self.draft);
        }
        self.saved = Some(saved);
    }

    /// Gives up the changes.
    pub fn revert(&mut self) {
        if let Some(saved) = &self.saved {
            self.draft = (**saved).clone();
            self.policy = Policy::of(saved);
            self.values = defaults(&saved.params);
            self.gone.clear();
            self.failure = None;
        }
    }

    /// What is asked when it is run: the report as edited with the parameters as typed.
    ///
    /// # Errors
    ///
    /// One sentence that names the first thing that will not do.
    pub fn request(&self) -> Result<(Arc<Report>, Params), String> {
        if self.draft.sql.trim().is_empty() {
            return Err("Write a SELECT first".into());
        }
        if self.draft.name.trim().is_empty() {
            return Err("Give the report a name".into());
        }
        let mut params = Vec::with_capacity(self.values.len());
        for (spec, text) in self.draft.params.iter().zip(&self.values) {
            params.push((spec.name.clone(), read_value(spec, text)?));
        }
        Ok((Arc::new(self.draft.clone()), Params(params)))
    }

    /// Why the text typed for a parameter will not do.
    pub fn problem(&self, param: usize) -> Option<String> {
        let (spec, text) = (self.draft.params.get(param)?, self.values.get(param)?);
        read_value(spec, text).err()
    }

    /// Whether a parameter lacks a value, or has one that will not do.
    pub fn needs_values(&self) -> bool {
        (0..self.draft.params.len()).any(|param| self.problem(param).is_some())
    }

    /// The SQL was edited: a parameter that it newly names is declared as it was before it went, or as the workspace
    /// file has it, or as text; one that it no longer names is undeclared.
    pub fn sql_edited(&mut self) {
        // The lexer's differences between dialects do not matter for names; a half-typed string changes nothing.
        let Ok(template) = Template::parse(&self.draft.sql, Dialect::Sqlite) else {
            return;
        };
        let names = template.names();
        let declared = self
            .saved
            .as_ref()
            .map(|saved| saved.params.clone())
            .unwrap_or_default();
        for name in &names {
            if self.draft.params.iter().all(|spec| spec.name != *name) {
                let (spec, value) = self.gone.remove(*name).unwrap_or_else(|| {
                    let declared = declared.iter().find(|spec| spec.name == *name);
                    let spec = declared.cloned().unwrap_or_else(|| ParamSpec {
                        name: (*name).to_owned(),
                        kind: ParamType::Text,
                        list: false,
                        default: None,
                    });
                    let value = default_text(&spec);
                    (spec, value)
                });
                self.draft.params.push(spec);
                self.values.push(value);
            }
        }
        let params = std::mem::take(&mut self.draft.params);
        let (kept, gone) = params
            .into_iter()
            .zip(std::mem::take(&mut self.values))
            .partition::<Vec<_>, _>(|(spec, _)| names.contains(&spec.name.as_str()));
        (self.draft.params, self.values) = kept.into_iter().unzip();
        let gone = gone.into_iter().map(|gone| (gone.0.name.clone(), gone));
        self.gone.extend(gone);
        self.policy.keep_params(&self.draft.params);
    }

    /// Notes that a task runs it.
    pub(super) fn started(&mut self, task: TaskId, mode: &Mode, now: Instant) {
        self.failure = None;
        self.let_go = false;
        self.run = Some(Run {
            task,
            mode: mode.clone(),
            started: now,
            about: None,
        });
    }

    pub(super) fn waits_for(&self, task: TaskId) -> bool {
        self.run.as_ref().is_some_and(|run| run.task == task)
            || [self.ordering, self.counting].contains(&Some(task))
    }

    pub(super) fn ended(&mut self, task: TaskId) {
        self.run.take_if(|run| run.task == task);
        for waiting in [&mut self.ordering, &mut self.counting] {
            waiting.take_if(|waiting| *waiting == task);
        }
    }

    pub(super) fn apply(&mut self, event: Event) {
        match event {
            Event::About { about, .. } => {
                if let Some(run) = &mut self.run {
                    run.about = Some(about);
                }
            }
            Event::Rows {
                table, left_out, ..
            } => {
                let Some(run) = &self.run else { return };
                let Some(about) = run.about.clone() else {
                    return;
                };
                let rows = ResultRows::new(table);
                match &mut self.answer {
                    // More rows of the answer that is already shown.
                    Some(answer) if answer.task == run.task => {
                        answer.rows.grow(rows);
                        answer.left_out = left_out;
                    }
                    _ => {
                        let Ok((report, params)) = self.request() else {
                            return;
                        };
                        let request = (report, params, run.mode.clone());
                        let age = TimeDelta::from_std(about.age).unwrap_or_default();
                        self.answer = Some(Answer {
                            task: run.task,
                            rows,
                            about,
                            made: Utc::now() - age,
                            event: None,
                            ended: None,
                            left_out,
                            request,
                        });
                        self.grid.reset();
                        self.ordering = None;
                    }
                }
            }
            Event::Finished { event, .. } => {
                if let Some(answer) = &mut self.answer {
                    answer.event = event;
                    answer.ended = Some(Utc::now());
                    self.grid.refit();
                    self.unfiltered = !self.find.text.is_empty();
                }
            }
            Event::Failed {
                message, position, ..
            } => {
                if let Some(answer) = &mut self.answer
                    && answer.ended.is_none()
                {
                    answer.ended = Some(Utc::now());
                }
                self.failure = Some(Failure {
                    message,
                    position,
                    sql: self.draft.sql.clone(),
                });
            }
            Event::Ordered { order, .. } => {
                if let Some(answer) = &mut self.answer {
                    answer.rows.set_order(order);
                    self.grid.to_top();
                    self.grid.refit();
                }
            }
            Event::Facts { column, facts, .. } => {
                if let Some(answer) = &mut self.answer {
                    answer.rows.set_facts(column, facts);
                }
            }
            _ => {}
        }
    }
}

fn defaults(specs: &[ParamSpec]) -> Vec<String> {
    specs.iter().map(default_text).collect()
}

/// The text of a parameter's default, empty where it has none.
pub(super) fn default_text(spec: &ParamSpec) -> String {
    spec.default.as_ref().map(Value::text).unwrap_or_default()
}

/// What the text typed for a parameter stands for. An empty field is a value only where the default allows it: a list
/// may be emptied, and a text whose default is empty stays so; otherwise nobody has given a value yet.
fn read_value(spec: &ParamSpec, text: &str) -> Result<Value, String> {
    let may_be_empty = match &spec.default {
        None => false,
        Some(Value::Text(default)) => default.is_empty(),
        Some(_) => true,
    };
    if text.is_empty() && !may_be_empty {
        return Err(format!(
            "parameter \"{}\" needs a value; type one, or \\N for NULL",
            spec.name
        ));
    }
    spec.read(text).map_err(|error| error.0)
}
