//! Tasks of the Reports view: running, racing, refreshing, saving.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::app::command::Command as AppCommand;
use crate::app::event::Event as AppEvent;
use crate::app::state::State;
use crate::app::theme::Tone;
use crate::app::views::latency;
use crate::app::views::reports::{Command, Event};
use crate::engine::{Engine, EngineError, Mode, Reason, Request};
use crate::report::{Params, Report};
use crate::source::SourceError;
use crate::table::{Table, bytes_of, widen};
use crate::workspace::WorkspaceFile;

use super::{Task, Tasks, export, order};

/// How many bytes of rows the grid keeps.
const KEPT: usize = 1 << 30;
/// How often a growing result is shown.
const SHOW: Duration = Duration::from_millis(100);

/// Carries out a command of the view.
pub(super) fn perform(tasks: &mut Tasks, state: &mut State, command: Command) {
    match command {
        Command::Run => run(tasks, state, Mode::Cached),
        Command::RunUncached => run(tasks, state, Mode::Uncached),
        Command::Refresh => refresh(tasks, state),
        Command::Race => race(tasks, state),
        Command::Save => save(tasks, state),
        Command::Remove => remove(tasks, state),
        Command::Order => order::start(tasks, state),
        Command::Facts(column) => order::facts(tasks, state, column),
        Command::Copy(what) => order::copy(tasks, state, what),
        Command::Export => export::open(state),
        Command::ChooseFile => export::choose(tasks, state),
        Command::WriteFile => export::write(tasks, state),
    }
}

/// The engine, and what the selected report asks it.
fn asked(tasks: &Tasks, state: &mut State) -> Option<(Arc<Engine>, Arc<Report>, Params)> {
    let engine = tasks.session()?.engine.clone();
    match state.reports.pane()?.request() {
        Ok((report, params)) => Some((engine, report, params)),
        Err(problem) => {
            state.toast(Tone::Error, problem);
            None
        }
    }
}

fn run(tasks: &mut Tasks, state: &mut State, mode: Mode) {
    if !state.reports.can_run() {
        return;
    }
    let Some((engine, report, params)) = asked(tasks, state) else {
        return;
    };
    let name = report.name.clone();
    let request_mode = mode.clone();
    let id = tasks.spawn(
        state,
        Some(format!("Running {name}")),
        move |task| async move {
            let request = Request {
                report,
                params,
                mode: request_mode,
                cancel: task.cancel.clone(),
            };
            let answered = match answer(&engine, request.clone(), &task).await {
                // The rows that are shown are not those of today: the answer begins anew.
                Err(EngineError::Damaged) => answer(&engine, request, &task).await,
                answered => answered,
            };
            if let Err(error) = answered {
                failed(error, &task).await;
            }
        },
    );
    let expected = expected(state, &name, &mode);
    if let Some(running) = state.running.iter_mut().find(|running| running.task == id) {
        running.expected = expected;
    }
    let now = state.clock.now;
    state.reports.started(id, &mode, now);
}

/// How long the report took last time on the way that it is likely to take now.
fn expected(state: &State, name: &str, mode: &Mode) -> Option<Duration> {
    let fresh = state
        .reports
        .pane()?
        .entry
        .as_ref()
        .is_some_and(|(entry, _)| entry.age.is_some());
    if *mode == Mode::Cached && fresh {
        return None;
    }
    let ms = state.log.summary(name)?.last_uncached_ms?;
    (ms > 500.0).then(|| Duration::from_secs_f64(ms / 1000.0))
}

async fn answer(engine: &Arc<Engine>, request: Request, task: &Task) -> Result<(), EngineError> {
    let mut answer = engine.ask(request).await?;
    let about = answer.about.clone();
    task.send(AppEvent::Reports(Event::About {
        task: task.id,
        about,
    }))
    .await;
    let mut schema = answer.rows.schema().clone();
    let mut batches = Vec::new();
    let (mut bytes, mut left_out) = (0, 0_u64);
    let mut shown: Option<Instant> = None;
    loop {
        let batch = answer.rows.next().await;
        let done = batch.is_none();
        if let Some(batch) = batch {
            let batch = batch?;
            if batch.schema() != schema {
                schema = batch.schema();
                for batch in &mut batches {
                    *batch = widen(batch, &schema);
                }
            }
            if bytes < KEPT && batch.num_rows() > 0 {
                bytes += bytes_of(&batch);
                batches.push(batch);
            } else {
                left_out += batch.num_rows() as u64;
            }
        }
        // The first page at once, then a few times a second, then the end.
        if done || shown.is_none_or(|shown| shown.elapsed() >= SHOW) {
            shown = Some(Instant::now());
            let table = Arc::new(Table {
                schema: schema.clone(),
                batches: batches.clone(),
            });
            task.send(AppEvent::Reports(Event::Rows {
                task: task.id,
                table,
                left_out,
            }))
            .await;
        }
        if done {
            break;
        }
    }
    let event = answer.event.get().cloned();
    task.send(AppEvent::Reports(Event::Finished {
        task: task.id,
        event,
    }))
    .await;
    Ok(())
}

async fn failed(error: EngineError, task: &Task) {
    let position = match &error {
        EngineError::Source(SourceError::Cancelled) => {
            task.message(Tone::Bypass, "Cancelled; the query was ended on the server")
                .await;
            return;
        }
        EngineError::Source(SourceError::Sql { position, .. }) => *position,
        _ => None,
    };
    let event = Event::Failed {
        task: task.id,
        message: error.to_string(),
        position,
    };
    task.send(AppEvent::Reports(event)).await;
}

fn refresh(tasks: &mut Tasks, state: &mut State) {
    let Some((engine, report, params)) = asked(tasks, state) else {
        return;
    };
    let name = report.name.clone();
    let id = tasks.spawn(
        state,
        Some(format!("Refreshing {name}")),
        move |task| async move {
            let mode = Mode::Refresh(Reason::Asked);
            let request = Request {
                report,
                params,
                mode,
                cancel: task.cancel.clone(),
            };
            let result = async {
                let mut answer = engine.ask(request).await?;
                while let Some(batch) = answer.rows.next().await {
                    batch?;
                }
                Ok::<_, EngineError>(())
            };
            match result.await {
                Ok(()) => {
                    task.message(Tone::Hit, format!("{name} is refreshed"))
                        .await;
                }
                Err(EngineError::Source(SourceError::Cancelled)) => {}
                Err(error) => {
                    task.message(Tone::Error, format!("{name} was not refreshed: {error}"))
                        .await;
                }
            }
        },
    );
    let name = state.reports.selected().unwrap_or_default().to_owned();
    let expected = expected(state, &name, &Mode::Uncached);
    if let Some(running) = state.running.iter_mut().find(|running| running.task == id) {
        running.expected = expected;
    }
}

/// Races the report in the Latency view. As many pairs as fit into about a minute: a slow query needs fewer to be
/// told from a hit.
fn race(tasks: &mut Tasks, state: &mut State) {
    let Some(pane) = state.reports.pane() else {
        return;
    };
    if pane.is_changed() {
        state.toast(
            Tone::Stale,
            "Save the report first; a race is run over the workspace's reports",
        );
        return;
    }
    let report = pane.draft.name.clone();
    let names = pane.draft.params.iter().map(|spec| spec.name.clone());
    let given = names.zip(pane.values.iter().cloned()).collect();
    let last = state
        .log
        .summary(&report)
        .and_then(|summary| summary.last_uncached_ms);
    let pairs = last
        .map_or(5, |ms| (60_000.0 / ms.max(1.0)) as usize)
        .clamp(3, 20);
    let command = latency::Command::Race {
        report,
        given,
        pairs,
    };
    tasks.perform(state, AppCommand::Latency(command));
}

fn save(tasks: &mut Tasks, state: &mut State) {
    let Some(path) = tasks
        .session()
        .and_then(|session| session.workspace.path.clone())
    else {
        return;
    };
    let Some(pane) = state.reports.pane() else {
        return;
    };
    let mut report = pane.draft.clone();
    pane.draft.name.trim().clone_into(&mut report.name);
    let own = pane.saved.as_ref().map(|saved| saved.name.as_str());
    let taken = state
        .reports
        .names()
        .any(|name| name == report.name && Some(name) != own);
    if report.name.is_empty() || taken {
        state.toast(
            Tone::Error,
            "Give the report a name that no other report has",
        );
        return;
    }
    let opened_as = state.reports.selected().unwrap_or_default().to_owned();
    let instead_of = pane.saved.as_ref().map(|saved| saved.name.clone());
    tasks.spawn(state, None, move |task| async move {
        let name = report.name.clone();
        let sent = Box::new(report.clone());
        let written = tokio::task::spawn_blocking(move || {
            let mut file = WorkspaceFile::open(&path)?;
            file.put_report(&report, instead_of.as_deref())?;
            file.save()
        });
        match written.await {
            Ok(Ok(workspace)) => {
                if opened_as != name {
                    let event = Event::Renamed {
                        from: opened_as,
                        to: name.clone(),
                    };
                    task.send(AppEvent::Reports(event)).await;
                }
                let event = Event::Saved {
                    name,
                    sent,
                    workspace: Arc::new(workspace),
                };
                task.send(AppEvent::Reports(event)).await;
            }
            Ok(Err(error)) => task.message(Tone::Error, error.to_string()).await,
            Err(error) => {
                task.message(Tone::Error, format!("the report was not saved: {error}"))
                    .await;
            }
        }
    });
}

fn remove(tasks: &mut Tasks, state: &mut State) {
    let Some(path) = tasks
        .session()
        .and_then(|session| session.workspace.path.clone())
    else {
        return;
    };
    let saved = state.reports.pane().and_then(|pane| pane.saved.clone());
    let Some(report) = saved else {
        return;
    };
    tasks.spawn(state, None, move |task| async move {
        let name = report.name.clone();
        let written = tokio::task::spawn_blocking(move || {
            let mut file = WorkspaceFile::open(&path)?;
            file.remove_report(&report.name);
            file.save()
        });
        match written.await {
            Ok(Ok(workspace)) => {
                let workspace = Arc::new(workspace);
                task.send(AppEvent::Reports(Event::Removed { name, workspace }))
                    .await;
            }
            Ok(Err(error)) => task.message(Tone::Error, error.to_string()).await,
            Err(error) => {
                task.message(Tone::Error, format!("the report was not removed: {error}"))
                    .await;
            }
        }
    });
}
