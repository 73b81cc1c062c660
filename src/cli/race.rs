//! `lookaside race`: cached against uncached, one after the other, every answer compared.

use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::failure::usage;
use super::output::{millis, note, print, print_json};
use super::progress::Progress;
use super::session::{Session, parameter};
use crate::engine::latency::{Side, Summary};
use crate::engine::race::{Race, race};
use crate::engine::{Caller, Freshness, Mode, Outcome, Request};
use crate::human;
use crate::report::{Params, Refresh, Report};
use crate::worker::{Role, Worker};

/// How often the race looks whether its worker has taken the watch.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Arguments of `race`.
#[derive(Debug, Args)]
pub struct RaceArgs {
    /// The report's name
    report: String,
    /// A parameter's value; more than one -p for more parameters
    #[arg(short, value_name = "name=value", value_parser = parameter)]
    p: Vec<(String, String)>,
    /// How often each side runs
    #[arg(short, value_name = "N", default_value_t = 5, allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    n: u32,
    /// One JSON document
    #[arg(long)]
    json: bool,
}

/// One side. Scripts rely on these names.
#[derive(Debug, Serialize)]
struct SideJson {
    n: usize,
    min_ms: f64,
    p50_ms: f64,
    p95_ms: f64,
    p99_ms: f64,
    max_ms: f64,
}

/// The document of `--json`. Scripts rely on these names.
#[derive(Debug, Serialize)]
struct RaceJson {
    report: String,
    n: u32,
    rows: u64,
    cached: Option<SideJson>,
    uncached: Option<SideJson>,
    speedup: Option<f64>,
    identical: bool,
    /// Pairs whose answers were compared; an answer marked stale does not claim to be the current one.
    compared: usize,
    sha256: Option<String>,
}

pub(super) async fn run(
    args: RaceArgs,
    workspace: Option<&Path>,
    cancel: CancellationToken,
) -> anyhow::Result<()> {
    // It stays: with a worker of its own it refreshes what went stale.
    let session = Session::open(workspace, Caller::Cli, true).await?;
    let report = session.report(&args.report)?;
    let params = report.bind(&args.p).map_err(|error| usage(error.0))?;
    let progress = Progress::new(&format!("Racing {}", report.name), true);
    let worker = watch(&session, &report, &params, &progress, &cancel).await;
    let mut laps = Race::default();
    let ran = race(
        &session.engine,
        &report,
        &params,
        args.n as usize,
        &cancel,
        |lap| {
            progress.say(&format!(
                "Racing {}: {} of {}, {:?} {}",
                report.name,
                lap.pair + 1,
                args.n,
                lap.side,
                human::ms(lap.ms)
            ));
            laps.push(lap);
        },
    )
    .await;
    progress.clear();
    if let Some(worker) = worker {
        worker.stop().await;
    }
    session.close().await;
    ran?;
    let not_served = laps
        .laps
        .iter()
        .filter(|lap| {
            lap.side == Side::Cached && !matches!(lap.outcome, Outcome::Hit | Outcome::StaleHit)
        })
        .count();
    let (compared, _) = laps.compared();
    let json = RaceJson {
        report: report.name.clone(),
        n: args.n,
        rows: laps.last(Side::Uncached).map_or(0, |lap| lap.rows),
        cached: laps.summary(Side::Cached).map(SideJson::from),
        uncached: laps.summary(Side::Uncached).map(SideJson::from),
        speedup: laps.speedup().map(millis),
        identical: laps.identical(),
        compared,
        sha256: laps.last(Side::Uncached).map(|lap| lap.sha256.clone()),
    };
    if args.json {
        print_json(&json)?;
    } else {
        print(&text(&json))?;
    }
    if not_served > 0 {
        note(&format!(
            "lookaside: {not_served} of {} cached runs were not served by the cache and do not count; \
             lookaside reports tells why",
            args.n
        ));
    }
    Ok(())
}

/// An on-change report is only served from the cache while a worker watches. Where none does, the race brings its own,
/// for this report alone, and waits until the entry is fresh.
async fn watch(
    session: &Session,
    report: &Arc<Report>,
    params: &Params,
    progress: &Progress,
    cancel: &CancellationToken,
) -> Option<Worker> {
    let engine = &session.engine;
    if report.refresh != Refresh::OnChange || engine.state(report, params).await.detector.is_some()
    {
        return None;
    }
    // The worker refreshes entries that are there.
    fill(session, report, params, cancel).await;
    let mut alone = session.workspace.clone();
    alone.reports.retain(|other| other.name == report.name);
    alone.sources.retain(|name, _| *name == report.source);
    progress.say(&format!("Racing {}: a worker takes the watch", report.name));
    let worker = Worker::start(Arc::clone(engine), &alone);
    loop {
        let state = engine.state(report, params).await.state;
        let blind = worker
            .status()
            .sources
            .iter()
            .any(|watch| matches!(watch.role, Role::Blind(_)));
        if state == Freshness::Fresh || state == Freshness::Unknown || blind {
            break;
        }
        tokio::select! {
            () = cancel.cancelled() => break,
            () = tokio::time::sleep(LOOK_AGAIN) => {}
        }
    }
    Some(worker)
}

/// What fails here fails in the race too, and is told there.
async fn fill(
    session: &Session,
    report: &Arc<Report>,
    params: &Params,
    cancel: &CancellationToken,
) {
    let request = Request {
        report: Arc::clone(report),
        params: params.clone(),
        mode: Mode::PastMemory,
        cancel: cancel.clone(),
    };
    if let Ok(mut answer) = session.engine.ask(request).await {
        while let Some(Ok(_)) = answer.rows.next().await {}
    }
}

fn text(race: &RaceJson) -> String {
    let row = |name: &str, side: &Option<SideJson>| {
        let mut cells = vec![name.to_owned()];
        match side {
            Some(side) => {
                cells.push(side.n.to_string());
                for ms in [
                    side.min_ms,
                    side.p50_ms,
                    side.p95_ms,
                    side.p99_ms,
                    side.max_ms,
                ] {
                    cells.push(human::ms(ms));
                }
            }
            None => cells.push("0".to_owned()),
        }
        cells
    };
    let header = ["", "n", "min", "p50", "p95", "p99", "max"]
        .map(str::to_owned)
        .to_vec();
    let rows = [
        header,
        row("cached", &race.cached),
        row("uncached", &race.uncached),
    ];
    let mut out = format!(
        "{}, {}\n\n",
        race.report,
        human::plural(race.rows, "row", "rows")
    );
    out.push_str(&human::columns(&rows, |i| i > 0));
    out.push('\n');
    let _ = match race.speedup {
        Some(speedup) => writeln!(
            out,
            "{} times as fast (ratio of the medians)",
            ratio(speedup)
        ),
        None => writeln!(out, "no ratio: the cache served nothing"),
    };
    out.push_str(match (race.compared, race.identical) {
        (0, _) => "no answers were compared: the cache served none that it calls fresh\n",
        (_, true) => "the answers are identical\n",
        (_, false) => "the answers differ: the data changed during the race, or what was cached was not current\n",
    });
    out
}

fn ratio(speedup: f64) -> String {
    if speedup >= 100.0 {
        human::count(speedup.round() as u64)
    } else {
        format!("{speedup:.1}")
    }
}

impl From<Summary> for SideJson {
    fn from(summary: Summary) -> Self {
        Self {
            n: summary.n,
            min_ms: millis(summary.min_ms),
            p50_ms: millis(summary.p50_ms),
            p95_ms: millis(summary.p95_ms),
            p99_ms: millis(summary.p99_ms),
            max_ms: millis(summary.max_ms),
        }
    }
}
