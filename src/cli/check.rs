//! `lookaside check`: a doctor for every connection, and what watches each source.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::failure::said;
use super::output::{duration_millis, print, print_json};
use super::session::Session;
use crate::cache::{Cache, CacheError};
use crate::engine::Caller;
use crate::human;
use crate::source::{CheckResult, CheckStep, Source};
use crate::workspace::SourceConfig;

/// Arguments of `check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// One JSON document
    #[arg(long)]
    json: bool,
}

/// The document of `--json`. Scripts rely on these names.
#[derive(Debug, Serialize)]
struct CheckJson {
    cache: CacheJson,
    sources: Vec<SourceJson>,
    /// Reports that cannot run as they are written.
    mistakes: Vec<MistakeJson>,
}

#[derive(Debug, Serialize)]
struct MistakeJson {
    report: String,
    mistake: String,
}

#[derive(Debug, Serialize)]
struct CacheJson {
    ok: bool,
    address: String,
    server_version: Option<String>,
    steps: Vec<StepJson>,
}

#[derive(Debug, Serialize)]
struct SourceJson {
    name: String,
    ok: bool,
    server_version: Option<String>,
    detector: String,
    delay_ms: f64,
    blind_spots: Vec<String>,
    better_by: Option<String>,
    steps: Vec<StepJson>,
}

#[derive(Clone, Debug, Serialize)]
struct StepJson {
    what: String,
    result: &'static str,
    detail: String,
}

pub(super) async fn run(
    args: CheckArgs,
    workspace: Option<&Path>,
    cancel: CancellationToken,
) -> anyhow::Result<()> {
    let session = Session::open(workspace, Caller::Cli, false).await?;
    // With --json nothing but the document is printed.
    let live = !args.json;
    let checked = tokio::select! {
        () = cancel.cancelled() => anyhow::bail!("cancelled"),
        checked = check(&session, live) => checked?,
    };
    if args.json {
        print_json(&checked)?;
    }
    let connected = checked.cache.ok && checked.sources.iter().all(|source| source.ok);
    let well = connected && checked.mistakes.is_empty();
    if well { Ok(()) } else { Err(said()) }
}

async fn check(session: &Session, live: bool) -> anyhow::Result<CheckJson> {
    let cache = session.engine.cache();
    tell(live, &format!("cache {}\n", cache.address()))?;
    let cache = check_cache(cache, live).await?;
    let mut sources = Vec::new();
    for (name, config) in &session.workspace.sources {
        tell(live, &format!("source {name} ({})\n", config.url))?;
        if let Some(source) = session.engine.source(name) {
            sources.push(check_source(name, config, &source, live).await?);
        }
    }
    let mut mistakes = Vec::new();
    for report in &session.workspace.reports {
        let Some(source) = session.engine.source(&report.source) else {
            continue;
        };
        if let Err(mistake) = report.check(source.dialect()) {
            let (report, mistake) = (report.name.clone(), mistake.to_string());
            tell(live, &format!("report {report}\n"))?;
            tell(live, &failed("can run", &mistake).line())?;
            mistakes.push(MistakeJson { report, mistake });
        }
    }
    Ok(CheckJson {
        cache,
        sources,
        mistakes,
    })
}

async fn check_cache(cache: &Cache, live: bool) -> anyhow::Result<CacheJson> {
    let mut steps = Vec::new();
    let mut server_version = None;
    let start = Instant::now();
    let reached = cache.ping().await;
    let took = human::duration(start.elapsed());
    let step = match &reached {
        Ok(version) => {
            server_version = Some(version.clone()).filter(|version| !version.is_empty());
            ok("connected and signed in", &format!("{version}, {took}"))
        }
        Err(error) => failed("connected and signed in", &error.message),
    };
    let mut well = reached.is_ok();
    add(&mut steps, step, live)?;
    if well {
        let step = match try_writing(cache).await {
            Ok(()) => ok(
                "reads, writes and runs scripts under its prefix",
                cache.prefix(),
            ),
            Err(error) => failed(
                "reads, writes and runs scripts under its prefix",
                &error.message,
            ),
        };
        well = step.result == "ok";
        add(&mut steps, step, live)?;
    }
    Ok(CacheJson {
        ok: well,
        address: cache.address().to_owned(),
        server_version,
        steps,
    })
}

/// What an entry needs of the account, on a key of our own that ends by itself.
async fn try_writing(cache: &Cache) -> Result<(), CacheError> {
    let key = format!("{}:check:{:08x}", cache.prefix(), rand::random::<u32>());
    cache
        .query::<()>(redis::cmd("SET").arg(&key).arg("1").arg("PX").arg(10_000))
        .await?;
    let script = "return redis.call('GET', KEYS[1])";
    cache
        .query::<String>(redis::cmd("EVAL").arg(script).arg(1).arg(&key))
        .await?;
    cache.query::<()>(redis::cmd("DEL").arg(&key)).await
}

async fn check_source(
    name: &str,
    config: &SourceConfig,
    source: &Arc<dyn Source>,
    live: bool,
) -> anyhow::Result<SourceJson> {
    // A step is shown as soon as it is known: a connection that hangs should be seen to hang.
    let show = move |step: CheckStep| {
        let _ = tell(live, &StepJson::from(&step).line());
    };
    let checked = source.check(&show).await;
    let about = crate::detector::about(config, source).await;
    let delay = match about.delay {
        // There is none, so it sees nothing within any time.
        Duration::ZERO => String::new(),
        delay => format!(", within {}", human::duration(delay)),
    };
    tell(live, &format!("  detector: {}{delay}\n", about.name))?;
    for spot in &about.blind_spots {
        tell(live, &format!("    does not see: {spot}\n"))?;
    }
    if let Some(better) = &about.better_by {
        tell(live, &format!("    better by: {better}\n"))?;
    }
    Ok(SourceJson {
        name: name.to_owned(),
        ok: checked.ok,
        server_version: checked.server_version,
        detector: about.name,
        delay_ms: duration_millis(about.delay),
        blind_spots: about.blind_spots,
        better_by: about.better_by,
        steps: checked.steps.iter().map(StepJson::from).collect(),
    })
}

fn tell(live: bool, text: &str) -> std::io::Result<()> {
    if live { print(text) } else { Ok(()) }
}

fn add(steps: &mut Vec<StepJson>, step: StepJson, live: bool) -> std::io::Result<()> {
    tell(live, &step.line())?;
    steps.push(step);
    Ok(())
}

fn ok(what: &str, detail: &str) -> StepJson {
    StepJson {
        what: what.to_owned(),
        result: "ok",
        detail: detail.to_owned(),
    }
}

fn failed(what: &str, why: &str) -> StepJson {
    StepJson {
        what: what.to_owned(),
        result: "failed",
        detail: why.to_owned(),
    }
}

impl StepJson {
    fn line(&self) -> String {
        let mark = match self.result {
            "ok" => "ok     ",
            "warning" => "warning",
            _ => "FAILED ",
        };
        let gap = if self.detail.is_empty() { "" } else { ": " };
        let text = format!("{}{gap}{}", self.what, self.detail);
        format!("  {mark} {}\n", human::line(&text))
    }
}

impl From<&CheckStep> for StepJson {
    fn from(step: &CheckStep) -> Self {
        let (result, sentence) = match &step.result {
            CheckResult::Ok => ("ok", None),
            CheckResult::Warning(sentence) => ("warning", Some(sentence)),
            CheckResult::Failed(sentence) => ("failed", Some(sentence)),
        };
        let detail = sentence.cloned().unwrap_or_else(|| step.detail.clone());
        Self {
            what: step.what.clone(),
            result,
            detail,
        }
    }
}
