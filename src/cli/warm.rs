//! `lookaside warm`: fill what is not fresh, once.

use std::path::Path;
use std::sync::Arc;

use clap::Args;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::failure::{said, usage};
use super::output::{millis, note, print, print_json};
use super::progress::Progress;
use super::reports::{note_broken, state_word, without_default};
use super::session::Session;
use crate::engine::{Caller, Filled, Freshness, Mode, Reason, Request};
use crate::human;
use crate::report::{Params, Report};
use crate::workspace::Broken;

/// Arguments of `warm`.
#[derive(Debug, Args)]
pub struct WarmArgs {
    /// The reports; all of them where none is named
    reports: Vec<String>,
    /// One JSON document
    #[arg(long)]
    json: bool,
}

/// One report of `--json`. Scripts rely on these names.
#[derive(Debug, Serialize)]
struct Warmed {
    name: String,
    /// Its state before.
    state: &'static str,
    /// Whether the query was run.
    filled: bool,
    rows: Option<u64>,
    took_ms: Option<f64>,
    error: Option<String>,
}

pub(super) async fn run(
    args: WarmArgs,
    workspace: Option<&Path>,
    cancel: CancellationToken,
) -> anyhow::Result<()> {
    let session = Session::open(workspace, Caller::Cli, false).await?;
    let named = !args.reports.is_empty();
    let reports: Vec<Arc<Report>> = if named {
        args.reports
            .iter()
            .map(|name| session.report(name))
            .collect::<Result<_, _>>()?
    } else {
        session
            .workspace
            .reports
            .iter()
            .cloned()
            .map(Arc::new)
            .collect()
    };
    let mut warmed = Vec::new();
    if !named {
        note_broken(&session.workspace);
        warmed.extend(session.workspace.broken.iter().filter_map(Warmed::broken));
    }
    for report in reports {
        if cancel.is_cancelled() {
            break;
        }
        let missing = without_default(&report);
        if !missing.is_empty() {
            let message = format!(
                "{} needs {}, which has no default; give it one, or fill the entry with lookaside run -p",
                report.name,
                missing.join(", ")
            );
            if named {
                return Err(usage(message));
            }
            note(&format!("lookaside: left out: {message}"));
            continue;
        }
        let params = report.bind(&[]).map_err(|error| usage(error.0))?;
        warmed.push(warm(&session, &report, &params, &cancel).await);
    }
    session.close().await;
    if args.json {
        print_json(&warmed)?;
    } else {
        let rows: Vec<Vec<String>> = warmed.iter().map(Warmed::cells).collect();
        print(&human::columns(&rows, |i| i > 2))?;
    }
    for failed in &warmed {
        if let Some(error) = &failed.error {
            note(&format!("lookaside: {}: {error}", failed.name));
        }
    }
    if cancel.is_cancelled() {
        return Err(anyhow::anyhow!("cancelled"));
    }
    if warmed.iter().any(|warmed| warmed.error.is_some()) {
        Err(said())
    } else {
        Ok(())
    }
}

async fn warm(
    session: &Session,
    report: &Arc<Report>,
    params: &Params,
    cancel: &CancellationToken,
) -> Warmed {
    let before = session.engine.state(report, params).await;
    let mut warmed = Warmed {
        name: report.name.clone(),
        state: state_word(before.state),
        filled: false,
        rows: before.rows,
        took_ms: None,
        error: None,
    };
    match before.state {
        Freshness::Fresh => return warmed,
        Freshness::Unknown => {
            warmed.error = Some(before.reason);
            return warmed;
        }
        Freshness::Stale | Freshness::Missing => {}
    }
    let progress = Progress::new(&format!("Filling {}", report.name), true);
    let filled = fill(session, report, params, cancel, &progress).await;
    progress.clear();
    match filled {
        Ok((rows, took_ms, filled)) => {
            warmed.rows = Some(rows);
            warmed.took_ms = took_ms.map(millis);
            warmed.filled = filled.stored;
            // The query may have run while the cache took nothing.
            if !filled.stored {
                let why = filled
                    .problem
                    .unwrap_or_else(|| "the cache did not take the result".to_owned());
                warmed.error = Some(why);
            }
        }
        Err(error) => warmed.error = Some(error.to_string()),
    }
    warmed
}

async fn fill(
    session: &Session,
    report: &Arc<Report>,
    params: &Params,
    cancel: &CancellationToken,
    progress: &Progress,
) -> Result<(u64, Option<f64>, Filled), crate::engine::EngineError> {
    let mut answer = session
        .engine
        .ask(Request {
            report: Arc::clone(report),
            params: params.clone(),
            mode: Mode::Refresh(Reason::Asked),
            cancel: cancel.clone(),
        })
        .await?;
    let mut rows = 0;
    while let Some(batch) = answer.rows.next().await {
        rows += batch?.num_rows() as u64;
        progress.rows(rows);
    }
    let filled = answer.filled.get().cloned().unwrap_or_default();
    Ok((
        rows,
        answer.event.get().map(|event| event.stages.total_ms),
        filled,
    ))
}

impl Warmed {
    /// A report that cannot be used as the file has it.
    fn broken(broken: &Broken) -> Option<Self> {
        Some(Self {
            name: broken.report()?.to_owned(),
            state: state_word(Freshness::Unknown),
            filled: false,
            rows: None,
            took_ms: None,
            error: Some(broken.message.clone()),
        })
    }

    fn cells(&self) -> Vec<String> {
        let done = match (&self.error, self.filled) {
            (Some(_), _) => "failed",
            (None, true) => "filled",
            (None, false) => "left as it is",
        };
        vec![
            self.name.clone(),
            self.state.to_owned(),
            done.to_owned(),
            self.rows
                .map(|rows| human::plural(rows, "row", "rows"))
                .unwrap_or_default(),
            self.took_ms.map(human::ms).unwrap_or_default(),
        ]
    }
}
