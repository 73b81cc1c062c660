//! `lookaside reports`: every report with the state of its entry.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use clap::Args;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::output::{duration_millis, millis, note, print, print_json};
use super::session::Session;
use crate::cache::AuditTotals;
use crate::engine::delay::{Delays, delays};
use crate::engine::latency::{Side, Summary, side};
use crate::engine::{Caller, EntryState, Event, FailedRefresh, Freshness, Outcome, RequestEvent};
use crate::human;
use crate::report::{Dependencies, Params, Report};
use crate::workspace::{Broken, Workspace};

/// Arguments of `reports`.
#[derive(Debug, Args)]
pub struct ReportsArgs {
    /// One JSON document
    #[arg(long)]
    json: bool,
}

/// One report of `--json`. Scripts rely on these names.
#[derive(Debug, Serialize)]
struct ReportJson {
    name: String,
    /// `null` where the report has a mistake and names none.
    source: Option<String>,
    /// The parameters of the entry that is shown: the defaults.
    params: Option<serde_json::Value>,
    state: Option<&'static str>,
    reason: String,
    age_ms: Option<f64>,
    ttl_ms: Option<f64>,
    rows: Option<u64>,
    bytes: Option<u64>,
    key: Option<String>,
    tables: Vec<String>,
    /// Why any change of the source counts, where the tables are `*`.
    any_change: Option<String>,
    detector: Option<String>,
    /// Requests that the cache answered, as far back as the log reaches, of every parameter value.
    hits: u64,
    misses: u64,
    last_cached_ms: Option<f64>,
    last_uncached_ms: Option<f64>,
    /// Why the entry was refreshed last; `null` where somebody's request made it.
    refreshed_because: Option<String>,
    /// How soon after a change it was fresh again, as far back as the log reaches, of every parameter value.
    freshness: Option<FreshnessJson>,
    /// What auditors found in the entries of its source.
    audit: AuditTotals,
    /// The last failed refresh; `null` where none failed since an answer was stored.
    last_failure: Option<FailedRefresh>,
}

#[derive(Debug, Serialize)]
struct FreshnessJson {
    n: usize,
    committed_to_detected_p50_ms: Option<f64>,
    committed_to_detected_p99_ms: Option<f64>,
    detected_to_fresh_p50_ms: Option<f64>,
    detected_to_fresh_p99_ms: Option<f64>,
    committed_to_fresh_p50_ms: Option<f64>,
    committed_to_fresh_p99_ms: Option<f64>,
}

impl FreshnessJson {
    fn of(delays: &Delays) -> Self {
        let p50 = |summary: Option<Summary>| summary.map(|summary| millis(summary.p50_ms));
        let p99 = |summary: Option<Summary>| summary.map(|summary| millis(summary.p99_ms));
        Self {
            n: delays.n,
            committed_to_detected_p50_ms: p50(delays.committed_to_detected),
            committed_to_detected_p99_ms: p99(delays.committed_to_detected),
            detected_to_fresh_p50_ms: p50(delays.detected_to_fresh),
            detected_to_fresh_p99_ms: p99(delays.detected_to_fresh),
            committed_to_fresh_p50_ms: p50(delays.committed_to_fresh),
            committed_to_fresh_p99_ms: p99(delays.committed_to_fresh),
        }
    }
}

pub(super) async fn run(
    args: ReportsArgs,
    workspace: Option<&Path>,
    cancel: CancellationToken,
) -> anyhow::Result<()> {
    let session = Session::open(workspace, Caller::Cli, false).await?;
    let looked = tokio::select! {
        () = cancel.cancelled() => anyhow::bail!("cancelled"),
        looked = look(&session) => looked,
    };
    if args.json {
        return print_json(&looked);
    }
    note_broken(&session.workspace);
    if looked.is_empty() {
        print("This workspace has no reports yet; add one under [[reports]].\n")?;
        return Ok(());
    }
    let header = [
        "report", "state", "age", "ttl left", "rows", "bytes", "cached", "uncached", "hits", "why",
    ];
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    rows.extend(looked.iter().map(ReportJson::cells));
    print(&human::columns(&rows, |i| (2..9).contains(&i)))?;
    for (source, audit) in audits(&looked) {
        print(&format!(
            "{source}: {} fresh {} checked against the database, {} wrong\n",
            human::count(audit.checked),
            if audit.checked == 1 {
                "entry"
            } else {
                "entries"
            },
            human::count(audit.wrong)
        ))?;
    }
    Ok(())
}

/// What auditors found, of the sources where they checked anything.
fn audits(looked: &[ReportJson]) -> BTreeMap<&str, &AuditTotals> {
    let checked = looked.iter().filter(|report| report.audit.checked > 0);
    checked
        .filter_map(|report| Some((report.source.as_deref()?, &report.audit)))
        .collect()
}

/// What auditors found, by source; nothing where the cache does not answer.
async fn totals(session: &Session) -> BTreeMap<String, AuditTotals> {
    let mut totals = BTreeMap::new();
    for source in session.workspace.sources.keys() {
        if let Some(protocol) = session.engine.protocol(source)
            && let Ok(found) = protocol.audit_totals().await
        {
            totals.insert(source.clone(), found);
        }
    }
    totals
}

async fn look(session: &Session) -> Vec<ReportJson> {
    session.engine.log().follow().await;
    let (events, _) = session.engine.log().since(0);
    let requests: Vec<&RequestEvent> = events
        .iter()
        .filter_map(|event| match event.as_ref() {
            Event::Request(request) => Some(request),
            _ => None,
        })
        .collect();
    let refreshes = events.iter().filter_map(|event| match event.as_ref() {
        Event::Refresh(refresh) => Some(refresh),
        _ => None,
    });
    let delays = delays(refreshes);
    let totals = totals(session).await;
    let mut looked = Vec::new();
    for report in &session.workspace.reports {
        let bound = report.bind(&[]);
        let mut state = match &bound {
            Ok(params) => Some(session.engine.state(report, params).await),
            Err(_) => None,
        };
        if let Some(state) = state
            .as_mut()
            .filter(|state| state.tables == [Dependencies::ANY])
        {
            // The entry tells that any change counts, and only the SQL with the catalogue tells why.
            let asked = session.engine.dependencies(report).await;
            state.any_change = asked.ok().and_then(|depends_on| depends_on.any_change);
        }
        let delays = delays
            .iter()
            .find(|delays| delays.source == report.source && delays.report == report.name);
        looked.push(ReportJson {
            freshness: delays.map(FreshnessJson::of),
            audit: totals.get(&report.source).cloned().unwrap_or_default(),
            ..ReportJson::new(report, bound.ok().as_ref(), state, &requests)
        });
    }
    looked.extend(
        session
            .workspace
            .broken
            .iter()
            .filter_map(ReportJson::broken),
    );
    looked
}

/// Notes the broken parts of the file that are not reports, which have a line of their own.
pub(super) fn note_broken(workspace: &Workspace) {
    for broken in &workspace.broken {
        if broken.report().is_none() {
            note(&format!("lookaside: {}: {}", broken.part, broken.message));
        }
    }
}

/// The word for a state in JSON and text.
pub(super) fn state_word(state: Freshness) -> &'static str {
    match state {
        Freshness::Fresh => "fresh",
        Freshness::Stale => "stale",
        Freshness::Missing => "missing",
        Freshness::Unknown => "unknown",
    }
}

/// Names of the parameters that somebody has to give.
pub(super) fn without_default(report: &Report) -> Vec<String> {
    report
        .params
        .iter()
        .filter(|param| param.default.is_none())
        .map(|param| param.name.clone())
        .collect()
}

impl ReportJson {
    /// A report that cannot be used as the file has it.
    fn broken(broken: &Broken) -> Option<Self> {
        Some(Self {
            name: broken.report()?.to_owned(),
            source: broken.source.clone(),
            params: None,
            state: Some(state_word(Freshness::Unknown)),
            reason: broken.message.clone(),
            age_ms: None,
            ttl_ms: None,
            rows: None,
            bytes: None,
            key: None,
            tables: Vec::new(),
            any_change: None,
            detector: None,
            hits: 0,
            misses: 0,
            last_cached_ms: None,
            last_uncached_ms: None,
            refreshed_because: None,
            freshness: None,
            audit: AuditTotals::default(),
            last_failure: None,
        })
    }

    fn new(
        report: &Report,
        params: Option<&Params>,
        state: Option<EntryState>,
        requests: &[&RequestEvent],
    ) -> Self {
        let own = || {
            requests
                .iter()
                .filter(|request| request.report == report.name && request.error.is_none())
        };
        let last = |wanted: Side| {
            own()
                .rev()
                .find(|request| side(request) == Some(wanted))
                .map(|request| millis(request.stages.total_ms))
        };
        let count = |wanted: &[Outcome]| {
            own()
                .filter(|request| wanted.contains(&request.outcome))
                .count() as u64
        };
        let reason = match &state {
            Some(state) => state.reason.clone(),
            None => format!(
                "needs {}, which has no default; an entry for each value",
                without_default(report).join(", ")
            ),
        };
        Self {
            name: report.name.clone(),
            source: Some(report.source.clone()),
            params: params.map(Params::to_json),
            state: state.as_ref().map(|state| state_word(state.state)),
            reason,
            age_ms: state
                .as_ref()
                .and_then(|state| state.age)
                .map(duration_millis),
            ttl_ms: state
                .as_ref()
                .and_then(|state| state.ttl)
                .map(duration_millis),
            rows: state.as_ref().and_then(|state| state.rows),
            bytes: state.as_ref().and_then(|state| state.bytes),
            key: state.as_ref().map(|state| state.redis_key.clone()),
            tables: state
                .as_ref()
                .map(|state| state.tables.clone())
                .unwrap_or_default(),
            any_change: state.as_ref().and_then(|state| state.any_change.clone()),
            refreshed_because: state
                .as_ref()
                .and_then(|state| state.refreshed_because.clone()),
            freshness: None,
            audit: AuditTotals::default(),
            last_failure: state.as_ref().and_then(|state| state.last_failure.clone()),
            detector: state.and_then(|state| state.detector),
            hits: count(&[Outcome::Hit, Outcome::StaleHit]),
            misses: count(&[Outcome::Miss, Outcome::Wait]),
            last_cached_ms: last(Side::Cached),
            last_uncached_ms: last(Side::Uncached),
        }
    }

    fn cells(&self) -> Vec<String> {
        let for_people = |ms: Option<f64>| {
            ms.map(|ms| human::long(Duration::from_secs_f64(ms.max(0.0) / 1_000.0)))
        };
        let asked = self.hits + self.misses;
        let ratio = if asked == 0 {
            String::new()
        } else {
            format!("{:.0}%", 100.0 * self.hits as f64 / asked as f64)
        };
        vec![
            self.name.clone(),
            self.state.unwrap_or("").to_owned(),
            for_people(self.age_ms).unwrap_or_default(),
            for_people(self.ttl_ms).unwrap_or_default(),
            self.rows.map(human::count).unwrap_or_default(),
            self.bytes.map(human::bytes).unwrap_or_default(),
            self.last_cached_ms.map(human::ms).unwrap_or_default(),
            self.last_uncached_ms.map(human::ms).unwrap_or_default(),
            ratio,
            self.reason.clone(),
        ]
    }
}
