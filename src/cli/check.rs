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
use crate::cache::{Cache, Problem, Refused, Rights, Role};
use crate::engine::Caller;
use crate::human;
use crate::source::{CheckResult, CheckStep, Source};
use crate::table::WriteError;
use crate::workspace::{Part, SourceConfig};

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
    /// Other mistakes of the workspace file.
    workspace: Vec<String>,
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

impl SourceJson {
    /// A source that cannot be used as the file has it.
    fn broken(name: &str, step: StepJson) -> Self {
        Self {
            name: name.to_owned(),
            ok: false,
            server_version: None,
            detector: String::new(),
            delay_ms: 0.0,
            blind_spots: Vec::new(),
            better_by: None,
            steps: vec![step],
        }
    }
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
    let well = connected && checked.mistakes.is_empty() && checked.workspace.is_empty();
    if well { Ok(()) } else { Err(said()) }
}

async fn check(session: &Session, live: bool) -> anyhow::Result<CheckJson> {
    let cache = session.engine.cache();
    let workspace: Vec<String> = session
        .workspace
        .broken
        .iter()
        .filter(|broken| broken.part == Part::File)
        .map(|broken| broken.message.clone())
        .collect();
    for mistake in &workspace {
        tell(live, "workspace file\n")?;
        tell(live, &failed("can be used", mistake).line())?;
    }
    let address = format!("cache {}", cache.address());
    tell(live, &format!("{}\n", address.trim_end()))?;
    let cache = check_cache(cache, live).await?;
    let mut sources = Vec::new();
    for (name, config) in &session.workspace.sources {
        tell(live, &format!("source {name} ({})\n", config.url))?;
        if let Some(source) = session.engine.source(name) {
            sources.push(check_source(name, config, &source, live).await?);
        }
    }
    let mut mistakes = Vec::new();
    for broken in &session.workspace.broken {
        let step = failed("can be used", &broken.message);
        match &broken.part {
            Part::File | Part::Cache => {}
            Part::Source(name) => {
                tell(live, &format!("source {name}\n{}", step.line()))?;
                sources.push(SourceJson::broken(name, step));
            }
            Part::Report(name) => {
                tell(live, &format!("report {name}\n{}", step.line()))?;
                mistakes.push(MistakeJson {
                    report: name.clone(),
                    mistake: broken.message.clone(),
                });
            }
        }
    }
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
        workspace,
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
        // An account that may not PING is signed in nevertheless; the next steps name what it lacks.
        Err(error) if error.problem == Problem::Permission => ok("connected and signed in", &took),
        Err(error) => failed("connected and signed in", &error.message),
    };
    let mut well = step.result == "ok";
    add(&mut steps, step, live)?;
    if well {
        let tried = match cache.rights().await {
            Ok(rights) => Role::ALL
                .into_iter()
                .map(|role| role_step(role, &rights, cache.prefix()))
                .collect(),
            Err(error) => vec![failed(Role::Engine.what(), &error.message)],
        };
        for step in tried {
            well &= step.result != "failed";
            add(&mut steps, step, live)?;
        }
    }
    Ok(CacheJson {
        ok: well,
        address: cache.address().to_owned(),
        server_version,
        steps,
    })
}

/// Whether the account may do what a role needs; if not, what is refused, what that costs, and what grants it.
fn role_step(role: Role, rights: &Rights, prefix: &str) -> StepJson {
    let refused: Vec<&Refused> = rights
        .refused
        .iter()
        .filter(|refused| refused.role == role)
        .collect();
    if refused.is_empty() {
        return ok(role.what(), if role == Role::Engine { prefix } else { "" });
    }
    let list = |of: &dyn Fn(&Refused) -> Option<String>, between: &str| {
        let mut all: Vec<String> = Vec::new();
        for word in refused.iter().filter_map(|refused| of(refused)) {
            if !all.contains(&word) {
                all.push(word);
            }
        }
        all.join(between)
    };
    let unknown = list(
        &|refused| refused.rule.is_none().then(|| refused.command.clone()),
        ", ",
    );
    let denied = list(
        &|refused| refused.rule.is_some().then(|| refused.command.clone()),
        ", ",
    );
    let rules = list(&|refused| refused.rule.clone(), " ");
    let account = rights.account.as_deref().unwrap_or("ACCOUNT");
    let mut why = Vec::new();
    if !denied.is_empty() {
        why.push(format!(
            "the account may not run {denied}, so {}; grant it with ACL SETUSER {account} {rules}",
            role.lost()
        ));
    }
    if !unknown.is_empty() {
        why.push(format!(
            "the server does not have {unknown}, so {}; it was renamed or is not there, see rename-command in its \
             configuration",
            role.lost()
        ));
    }
    let why = why.join("; ");
    if role.is_needed() {
        failed(role.what(), &why)
    } else {
        StepJson {
            what: role.what().to_owned(),
            result: "warning",
            detail: why,
        }
    }
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
    let mut checked = source.check(&show).await;
    if checked.ok
        && let Some(tried) = crate::detector::try_watermark(config, source).await
    {
        let (result, detail) = match tried {
            Ok(took) => (CheckResult::Ok, human::duration(took)),
            Err(why) => (CheckResult::Failed(why.to_string()), String::new()),
        };
        checked.ok = result == CheckResult::Ok;
        let step = CheckStep {
            what: "The watermark query returns one row".to_owned(),
            result,
            detail,
        };
        show(step.clone());
        checked.steps.push(step);
    }
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

fn tell(live: bool, text: &str) -> Result<(), WriteError> {
    if live { print(text) } else { Ok(()) }
}

fn add(steps: &mut Vec<StepJson>, step: StepJson, live: bool) -> Result<(), WriteError> {
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
