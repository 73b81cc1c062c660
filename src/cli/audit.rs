//! `lookaside audit`: is what is called fresh what the database says?

use std::path::Path;
use std::sync::Arc;

use clap::Args;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::failure::said;
use super::output::{duration_millis, note, print, print_json};
use super::progress::Progress;
use super::session::Session;
use crate::engine::audit::{Audited, Stored};
use crate::engine::{Caller, Finding};
use crate::human;
use crate::report::Report;

/// Arguments of `audit`.
#[derive(Debug, Args)]
pub struct AuditArgs {
    /// The reports; all of them where none is named
    reports: Vec<String>,
    /// One JSON document
    #[arg(long)]
    json: bool,
}

/// What `--json` prints. Scripts rely on these names.
#[derive(Debug, Default, Serialize)]
struct AuditJson {
    checked: u64,
    wrong: u64,
    not_checked: u64,
    entries: Vec<EntryJson>,
}

#[derive(Debug, Serialize)]
struct EntryJson {
    report: String,
    source: String,
    params: serde_json::Value,
    key: Option<String>,
    /// `identical`, `differs` or `not_checked`.
    outcome: &'static str,
    /// What differs, or why it was not checked.
    detail: Option<String>,
    /// What the queries of the check took.
    took_ms: f64,
    #[serde(skip)]
    summary: String,
}

pub(super) async fn run(
    args: AuditArgs,
    workspace: Option<&Path>,
    cancel: CancellationToken,
) -> anyhow::Result<()> {
    let session = Session::open(workspace, Caller::Cli, false).await?;
    let reports: Vec<Arc<Report>> = if args.reports.is_empty() {
        let all = session.workspace.reports.iter();
        all.cloned().map(Arc::new).collect()
    } else {
        let named = args.reports.iter();
        named
            .map(|name| session.report(name))
            .collect::<Result<_, _>>()?
    };
    let found = tokio::select! {
        () = cancel.cancelled() => anyhow::bail!("cancelled"),
        found = session.engine.stored(&reports) => found?,
    };
    let mut audit = AuditJson::default();
    let bar = Progress::new("Auditing", true);
    for (n, entry) in found.iter().enumerate() {
        if cancel.is_cancelled() {
            break;
        }
        bar.say(&format!(
            "Auditing {}, {} of {}",
            entry.report.name,
            n + 1,
            found.len()
        ));
        let audited = session
            .engine
            .audit(&entry.report, &entry.params, &cancel)
            .await?;
        audit.take(&session, entry, audited);
    }
    bar.clear();
    let wrong = audit.wrong;
    if args.json {
        print_json(&audit)?;
    } else {
        print(&audit.text())?;
    }
    if args.reports.is_empty() {
        for broken in &session.workspace.broken {
            note(&format!("lookaside: {}: {}", broken.part, broken.message));
        }
    }
    for report in &reports {
        if !found.iter().any(|entry| Arc::ptr_eq(&entry.report, report)) {
            note(&format!(
                "lookaside: {} has parameters without a default, and no entry",
                report.name
            ));
        }
    }
    session.close().await;
    if cancel.is_cancelled() {
        return Err(anyhow::anyhow!("cancelled"));
    }
    if wrong > 0 { Err(said()) } else { Ok(()) }
}

impl AuditJson {
    fn take(&mut self, session: &Session, entry: &Stored, audited: Audited) {
        let outcome = match audited.finding {
            Finding::Identical => "identical",
            Finding::Wrong => "differs",
            Finding::Void | Finding::Skipped => "not_checked",
        };
        match audited.finding {
            Finding::Identical => self.checked += 1,
            Finding::Wrong => (self.checked, self.wrong) = (self.checked + 1, self.wrong + 1),
            Finding::Void | Finding::Skipped => self.not_checked += 1,
        }
        self.entries.push(EntryJson {
            report: entry.report.name.clone(),
            source: entry.report.source.clone(),
            params: entry.params.to_json(),
            key: session.redis_key(&entry.report, &entry.params),
            outcome,
            detail: Some(audited.detail).filter(|detail| !detail.is_empty()),
            took_ms: duration_millis(audited.queries),
            summary: entry.params.summary(),
        });
    }

    fn text(&self) -> String {
        let rows: Vec<Vec<String>> = self
            .entries
            .iter()
            .map(|entry| {
                let name = if entry.summary.is_empty() {
                    entry.report.clone()
                } else {
                    format!("{}  {}", entry.report, entry.summary)
                };
                let took = if entry.took_ms > 0.0 {
                    human::ms(entry.took_ms)
                } else {
                    String::new()
                };
                let detail = entry.detail.clone().unwrap_or_default();
                let outcome = entry.outcome.replace('_', " ");
                vec![name, outcome, took, detail]
            })
            .collect();
        let not_checked = match self.not_checked {
            0 => String::new(),
            n => format!(", {} not checked", human::count(n)),
        };
        format!(
            "{}checked {}, wrong {}{not_checked}\n",
            human::columns(&rows, |i| i == 2),
            human::count(self.checked),
            human::count(self.wrong)
        )
    }
}
