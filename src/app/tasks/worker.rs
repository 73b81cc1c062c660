//! Tasks of the Worker view.

use std::sync::Arc;

use super::{Task, Tasks};
use crate::app::format;
use crate::app::state::State;
use crate::app::theme::Tone;
use crate::app::views::worker::Command;
use crate::engine::{Engine, Finding};
use crate::report::Report;
use crate::worker::Worker;

/// Carries out a command of the view.
pub(super) fn perform(tasks: &mut Tasks, state: &mut State, command: Command) {
    let Some(session) = tasks.session() else {
        return;
    };
    let Some(worker) = session.worker.clone() else {
        return;
    };
    match command {
        Command::Pause => worker.pause(),
        Command::Resume => worker.resume(),
        Command::Audit => {
            let engine = session.engine.clone();
            let reports = session.workspace.reports.iter();
            let reports = reports.cloned().map(Arc::new).collect();
            let what = Some("Auditing".to_owned());
            let task = tasks.spawn(state, what, move |task| async move {
                let (tone, said) = audit(&task, &engine, &worker, reports).await;
                task.message(tone, said).await;
            });
            state.worker.audit(task);
        }
    }
}

/// Audits every entry; what to say of it.
async fn audit(
    task: &Task,
    engine: &Arc<Engine>,
    worker: &Worker,
    reports: Vec<Arc<Report>>,
) -> (Tone, String) {
    let stored = match engine.stored(&reports).await {
        Ok(stored) => stored,
        Err(problem) => return (Tone::Error, problem.message),
    };
    let (mut checked, mut wrong) = (0, 0);
    for (n, entry) in stored.iter().enumerate() {
        let what = format!("Auditing {}", entry.report.name);
        task.progress(what, Some(n as f32 / stored.len() as f32));
        let audited = engine
            .audit(&entry.report, &entry.params, &task.cancel)
            .await;
        if task.cancel.is_cancelled() {
            break;
        }
        let finding = match audited {
            Ok(audited) => audited.finding,
            Err(error) => return (Tone::Error, error.to_string()),
        };
        checked += u64::from(matches!(finding, Finding::Identical | Finding::Wrong));
        wrong += u64::from(finding == Finding::Wrong);
        worker.audited();
    }
    let entries = format::plural(checked, "fresh entry", "fresh entries");
    match (checked, wrong) {
        (0, _) => (
            Tone::Stale,
            "No entry is called fresh by a detector now, so nothing was checked".to_owned(),
        ),
        (_, 0) => (Tone::Hit, format!("Checked {entries}, none wrong")),
        (_, wrong) => (
            Tone::Error,
            format!("Checked {entries}, {} wrong", format::count(wrong)),
        ),
    }
}
