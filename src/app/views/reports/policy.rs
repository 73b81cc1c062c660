//! The policy form: the report's name, how long an entry is fresh, how long it may be served stale, who refreshes it, what makes it stale,
//! and the defaults of its parameters.
//!
//! What is typed goes into the draft as soon as it makes sense; until then a sentence says what would.

use std::collections::BTreeMap;
use std::time::Duration;

use eframe::egui::{Align, ComboBox, Id, Label, Layout, Response, ScrollArea, Ui, vec2};

use crate::app::theme::{Tone, fonts, size, text};
use crate::app::widgets::{Button, Field, Tip, group_title};
use crate::report::{ParamSpec, ParamType, Refresh, Report, Value, read_time, write_time};

use super::pane::{Pane, default_text};

/// The policy as typed.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    name: Typed,
    ttl: Typed,
    stale_for: Typed,
    every: Typed,
    timeout: Typed,
    tables: Typed,
    /// By the parameter's name.
    defaults: BTreeMap<String, TypedDefault>,
}

/// Text as typed, and why it will not do.
#[derive(Clone, Debug, Default)]
struct Typed {
    text: String,
    problem: Option<String>,
}

/// A parameter's default as typed. Its beginning may be a default of its own, as "2024" is of "2024-01-31" for a text:
/// what is settled is told from what is on the way.
#[derive(Clone, Debug, Default)]
struct TypedDefault {
    typed: Typed,
    /// The default before the field got the keyboard.
    settled: Option<Value>,
    /// Whether the value to run with was the default's then, so that it goes with it.
    followed: bool,
}

impl TypedDefault {
    fn new(spec: &ParamSpec) -> Self {
        Self {
            typed: Typed::new(default_text(spec)),
            settled: spec.default.clone(),
            followed: false,
        }
    }

    /// Nobody types: what the default is now is what it returns to when the next text will not do.
    fn settle(&mut self, spec: &ParamSpec, value: &str) {
        if self.typed.problem.is_none() {
            self.settled.clone_from(&spec.default);
        }
        self.followed = value == default_text(spec);
    }

    /// Takes the text as the default, or goes back to the settled one.
    fn take(&mut self, spec: &mut ParamSpec, value: &mut String) {
        let untyped = ParamSpec {
            default: None,
            ..spec.clone()
        };
        let read = |text: &str| match text {
            "" => Ok(None),
            text => untyped.read(text).map(Some).map_err(|error| error.0),
        };
        spec.default.clone_from(&self.settled);
        self.typed.take(read, &mut spec.default);
        // A value that nobody changed goes with its default.
        if self.followed {
            *value = default_text(spec);
        }
    }
}

impl Typed {
    fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            problem: None,
        }
    }

    /// Takes what `read` makes of the text, or notes why it cannot.
    fn take<T>(&mut self, read: impl FnOnce(&str) -> Result<T, String>, into: &mut T) {
        match read(self.text.trim()) {
            Ok(value) => {
                *into = value;
                self.problem = None;
            }
            Err(problem) => self.problem = Some(problem),
        }
    }
}

/// How often a report on a schedule runs until somebody says otherwise.
const EVERY: Duration = Duration::from_mins(10);

impl Policy {
    /// The policy of a report, as text.
    pub fn of(report: &Report) -> Self {
        let every = match report.refresh {
            Refresh::Every(every) => every,
            _ => EVERY,
        };
        Self {
            name: Typed::new(report.name.as_str()),
            ttl: Typed::new(write_time(report.ttl)),
            stale_for: Typed::new(write_time(report.stale_for)),
            every: Typed::new(write_time(every)),
            timeout: Typed::new(report.timeout.map(write_time).unwrap_or_default()),
            tables: Typed::new(report.tables.as_deref().unwrap_or_default().join(", ")),
            defaults: BTreeMap::new(),
        }
    }

    /// Why the policy cannot be saved as typed.
    pub fn problem(&self) -> Option<&str> {
        let fields = [
            &self.name,
            &self.ttl,
            &self.stale_for,
            &self.every,
            &self.timeout,
            &self.tables,
        ];
        fields
            .into_iter()
            .chain(self.defaults.values().map(|default| &default.typed))
            .find_map(|typed| typed.problem.as_deref())
    }

    /// Forgets what was typed for parameters that are gone, with its problems.
    pub(super) fn keep_params(&mut self, params: &[ParamSpec]) {
        self.defaults
            .retain(|name, _| params.iter().any(|spec| spec.name == *name));
    }
}

/// A time that is not nothing.
fn some_time(text: &str) -> Result<Duration, String> {
    match read_time(text) {
        Some(Duration::ZERO) => Err("give a time longer than zero".to_owned()),
        Some(time) => Ok(time),
        None => Err(format!(
            "\"{text}\" is no time; write one such as 5m or 1h 30m, ten years at most"
        )),
    }
}

fn any_time(text: &str) -> Result<Duration, String> {
    match read_time(text) {
        Some(Duration::ZERO) => Ok(Duration::ZERO),
        _ => some_time(text),
    }
}

fn schedule(text: &str) -> Result<Refresh, String> {
    let every = some_time(text)?;
    if every < Duration::from_secs(1) {
        return Err("give at least 1s".to_owned());
    }
    Ok(Refresh::Every(every))
}

fn tables(text: &str) -> Option<Vec<String>> {
    let tables: Vec<String> = text
        .split(',')
        .map(str::trim)
        .filter(|table| !table.is_empty())
        .map(str::to_owned)
        .collect();
    (!tables.is_empty()).then_some(tables)
}

/// "Fresh for 1h, stale for 24h, refreshed on change": the policy in one line.
pub(super) fn summary(report: &Report) -> String {
    let refresh = match report.refresh {
        Refresh::Ttl => "unwatched".to_owned(),
        Refresh::OnChange => "refreshed on change".to_owned(),
        Refresh::AheadOfExpiry => "refreshed ahead of expiry".to_owned(),
        refresh @ Refresh::Every(_) => format!("refreshed {}", refresh.text()),
    };
    format!(
        "Fresh for {}, stale for {}, {refresh}",
        write_time(report.ttl),
        write_time(report.stale_for)
    )
}

/// A name that no other report has.
fn new_name(text: &str, others: &[String]) -> Result<String, String> {
    if text.is_empty() {
        return Err("a report needs a name".to_owned());
    }
    if others.iter().any(|other| other == text) {
        return Err(format!("another report is called \"{text}\""));
    }
    Ok(text.to_owned())
}

/// Draws the form in at most `height` points; `others` are the names of the other reports. Whether the report is to be
/// taken out of the workspace.
pub(super) fn show(ui: &mut Ui, pane: &mut Pane, height: f32, others: &[String]) -> bool {
    // Not the name as it is typed: the place in the form stays while one types.
    let opened = pane.saved.as_ref().map(|saved| saved.name.clone());
    let mut remove = false;
    ScrollArea::vertical()
        .id_salt(("policy", opened))
        .max_height(height)
        .auto_shrink([false, true])
        .show(ui, |ui| {
            ui.spacing_mut().item_spacing.y = size::SPACE_4;
            // A new report is named above.
            if pane.saved.is_some() {
                let (draft, policy) = (&mut pane.draft, &mut pane.policy);
                let about = "its entry and its key stay the same";
                if row(ui, "Name", &mut policy.name, "monthly-revenue", LONG, about) {
                    let read = |text: &str| new_name(text, others);
                    policy.name.take(read, &mut draft.name);
                }
            }
            times(ui, pane);
            if !pane.draft.params.is_empty() {
                ui.add_space(size::SPACE_8);
                group_title(ui, "Parameters");
                parameters(ui, pane);
            }
            if pane.saved.is_some() {
                ui.add_space(size::SPACE_8);
                remove = removal(ui);
            }
            ui.add_space(size::SPACE_4);
        });
    remove
}

fn removal(ui: &mut Ui) -> bool {
    let row = ui.horizontal(|ui| {
        label(ui, "Remove");
        let button = Button::new("Remove report")
            .tone(Tone::Error)
            .tooltip("Takes the report out of the workspace file");
        let clicked = ui.add(button).clicked();
        note(ui, "it stays here as a draft until you discard it");
        clicked
    });
    row.inner
}

fn times(ui: &mut Ui, pane: &mut Pane) {
    let (draft, policy) = (&mut pane.draft, &mut pane.policy);
    let about = "after this the entry is no longer fresh";
    if row(ui, "TTL", &mut policy.ttl, "1h", SHORT, about) {
        policy.ttl.take(some_time, &mut draft.ttl);
    }
    let about = "past its TTL it is served, marked stale";
    if row(ui, "Stale for", &mut policy.stale_for, "24h", SHORT, about) {
        policy.stale_for.take(any_time, &mut draft.stale_for);
    }
    refresh(ui, draft, policy);
    let about = "their changes make it stale";
    let hint = "read from the SQL";
    if row(ui, "Tables", &mut policy.tables, hint, LONG, about) {
        draft.tables = tables(&policy.tables.text);
    }
    let about = "a longer query is ended";
    let hint = "as the source says";
    if row(ui, "Time limit", &mut policy.timeout, hint, LONG, about) {
        let read = |text: &str| match text {
            "" => Ok(None),
            text => some_time(text).map(Some),
        };
        policy.timeout.take(read, &mut draft.timeout);
    }
}

const LABEL: f32 = 84.0;
const SHORT: f32 = 96.0;
const LONG: f32 = 180.0;

/// A label, a field and what it means, or why its text will not do. Whether it was changed.
fn row(ui: &mut Ui, name: &str, typed: &mut Typed, hint: &str, width: f32, about: &str) -> bool {
    let row = ui.horizontal(|ui| {
        label(ui, name);
        let changed = field(ui, name, typed, hint, width).changed();
        explain(ui, typed, about);
        changed
    });
    row.inner
}

fn field(ui: &mut Ui, name: &str, typed: &mut Typed, hint: &str, width: f32) -> Response {
    let field = Field::new(name).inline().mono().hint(hint).width(width);
    // An id of its own: rows that come and go above a field must not take the keyboard from it.
    let id = Id::unique(("policy", name));
    let field = field.wrong(typed.problem.is_some()).id(id);
    field.show(ui, &mut typed.text)
}

fn label(ui: &mut Ui, name: &str) {
    let place = vec2(LABEL, size::BUTTON);
    ui.allocate_ui_with_layout(place, Layout::left_to_right(Align::Center), |ui| {
        ui.set_min_width(LABEL);
        ui.add(Label::new(text::weak(ui, name)).truncate())
            .tip(name);
    });
}

/// What a field means; in its place why the text will not do, so that no row moves while one types.
fn explain(ui: &mut Ui, typed: &Typed, about: &str) {
    match &typed.problem {
        Some(problem) => {
            let problem = crate::app::format::sentence(problem);
            let shown = text::tone(ui, Tone::Error, &problem).font(fonts::small());
            ui.add(Label::new(shown).truncate()).tip(problem);
        }
        None => note(ui, about),
    }
}

fn note(ui: &mut Ui, about: &str) {
    ui.add(Label::new(text::small(ui, about)).truncate());
}

fn refresh(ui: &mut Ui, draft: &mut Report, policy: &mut Policy) {
    let name = |refresh: Refresh| match refresh {
        Refresh::OnChange => "On change",
        Refresh::AheadOfExpiry => "Ahead of expiry",
        Refresh::Every(_) => "On a schedule",
        Refresh::Ttl => "By TTL alone",
    };
    let scheduled = read_time(&policy.every.text).unwrap_or(EVERY);
    ui.horizontal(|ui| {
        label(ui, "Refresh");
        ui.name_inputs("Refresh", |ui| {
            ComboBox::from_id_salt("refresh")
                .width(132.0)
                .selected_text(name(draft.refresh))
                .show_ui(ui, |ui| {
                    for choice in [
                        Refresh::OnChange,
                        Refresh::AheadOfExpiry,
                        Refresh::Every(scheduled),
                        Refresh::Ttl,
                    ] {
                        let chosen = name(draft.refresh) == name(choice);
                        if ui.selectable_label(chosen, name(choice)).clicked() && !chosen {
                            draft.refresh = choice;
                            policy.every = Typed::new(write_time(scheduled));
                        }
                    }
                });
        });
        match draft.refresh {
            Refresh::Every(_) => {
                ui.label(text::small(ui, "every"));
                if field(ui, "Schedule", &mut policy.every, "10m", SHORT).changed() {
                    policy.every.take(schedule, &mut draft.refresh);
                }
                explain(ui, &policy.every, "such as 10m or 1h");
            }
            Refresh::OnChange => note(ui, "as soon as a table it depends on changes"),
            Refresh::AheadOfExpiry => note(ui, "shortly before its TTL ends"),
            Refresh::Ttl => note(ui, "nobody watches; its TTL alone ends it"),
        }
    });
}

fn parameters(ui: &mut Ui, pane: &mut Pane) {
    let params = pane.draft.params.iter_mut().zip(&mut pane.values);
    for (spec, value) in params {
        let default = pane
            .policy
            .defaults
            .entry(spec.name.clone())
            .or_insert_with(|| TypedDefault::new(spec));
        ui.horizontal(|ui| {
            label(ui, &spec.name);
            let retyped = type_choice(ui, spec);
            let name = format!("Default of {}", spec.name);
            let field = field(ui, &name, &mut default.typed, "no default", 140.0);
            if retyped || field.changed() {
                default.take(spec, value);
            } else if !field.has_focus() {
                default.settle(spec, value);
            }
            explain(ui, &default.typed, "if none is given");
        });
    }
}

/// The type of a parameter; whether another one was chosen.
pub(super) fn type_choice(ui: &mut Ui, spec: &mut ParamSpec) -> bool {
    let name = format!("Type of {}", spec.name);
    let mut changed = false;
    ui.name_inputs(name, |ui| {
        ComboBox::from_id_salt(("type", spec.name.as_str()))
            .width(110.0)
            .selected_text(spec.type_name())
            .show_ui(ui, |ui| {
                for list in [false, true] {
                    for kind in ParamType::ALL {
                        let choice = ParamSpec {
                            kind,
                            list,
                            ..spec.clone()
                        };
                        let selected = (spec.kind, spec.list) == (kind, list);
                        if ui.selectable_label(selected, choice.type_name()).clicked() {
                            changed |= !selected;
                            *spec = choice;
                        }
                    }
                }
            });
    });
    changed
}
