//! `lookaside unwatch`: what was put into the databases to watch them comes out again.

use std::path::Path;

use clap::Args;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::failure::{said, usage};
use super::output::{note, print, print_json};
use super::session::Session;
use crate::detector;
use crate::engine::Caller;
use crate::human;
use crate::workspace::{Part, Publication, SourceConfig, Workspace};

/// Arguments of `unwatch`.
#[derive(Debug, Args)]
pub struct UnwatchArgs {
    /// The sources; all of them where none is named
    sources: Vec<String>,
    /// One JSON document
    #[arg(long)]
    json: bool,
}

/// One source of `--json`. Scripts rely on these names.
#[derive(Debug, Serialize)]
struct UnwatchedJson {
    name: String,
    /// Triggers, a publication, slots: how many there were.
    removed: usize,
    error: Option<String>,
}

pub(super) async fn run(
    args: UnwatchArgs,
    workspace: Option<&Path>,
    cancel: CancellationToken,
) -> anyhow::Result<()> {
    let session = Session::open(workspace, Caller::Cli, false).await?;
    let known = &session.workspace.sources;
    let broken = broken_sources(&session.workspace, &args.sources);
    for name in &args.sources {
        if !known.contains_key(name) && broken.iter().all(|source| source.name != *name) {
            let names: Vec<&str> = known.keys().map(String::as_str).collect();
            return Err(usage(format!(
                "there is no source \"{name}\"; this workspace has {}",
                names.join(", ")
            )));
        }
    }
    let mut all = broken;
    if !args.json {
        for source in &all {
            print(&line(source))?;
        }
    }
    for (name, config) in known {
        if !args.sources.is_empty() && !args.sources.contains(name) {
            continue;
        }
        let Some(source) = session.engine.source(name) else {
            continue;
        };
        // Each statement that takes something out is whole by itself: a cancelled one can be run again.
        let removed = tokio::select! {
            () = cancel.cancelled() => anyhow::bail!("cancelled"),
            removed = detector::remove(config, source.as_ref()) => removed,
        };
        let unwatched = UnwatchedJson {
            name: name.clone(),
            removed: removed.as_ref().copied().unwrap_or(0),
            error: removed.err().map(|error| error.to_string()),
        };
        if !args.json {
            print(&line(&unwatched))?;
        }
        if let (None, Some(setting)) = (&unwatched.error, setting(config)) {
            note(&format!(
                "lookaside: a worker puts it back as long as [sources.{name}] says {setting}; remove this line"
            ));
        }
        all.push(unwatched);
    }
    if args.json {
        print_json(&all)?;
    }
    if all.iter().any(|source| source.error.is_some()) {
        return Err(said());
    }
    Ok(())
}

/// The sources among `named`, all where none is named, that cannot be used as the file has them.
fn broken_sources(workspace: &Workspace, named: &[String]) -> Vec<UnwatchedJson> {
    let broken = workspace
        .broken
        .iter()
        .filter_map(|broken| match &broken.part {
            Part::Source(name) if named.is_empty() || named.contains(name) => Some(UnwatchedJson {
                name: name.clone(),
                removed: 0,
                error: Some(broken.message.clone()),
            }),
            _ => None,
        });
    broken.collect()
}

fn line(source: &UnwatchedJson) -> String {
    let name = &source.name;
    match (&source.error, source.removed) {
        (Some(error), _) => format!("{name}: FAILED: {}\n", human::line(error)),
        (None, 0) => format!("{name}: nothing of ours was there\n"),
        (None, 1) => format!("{name}: one thing removed\n"),
        (None, n) => format!("{name}: {} things removed\n", human::count(n as u64)),
    }
}

/// The line of the workspace that allows a worker to put something into the database.
fn setting(config: &SourceConfig) -> Option<&'static str> {
    if config.triggers {
        Some("triggers = true")
    } else if config.publication == Publication::Ours {
        Some("publication = true")
    } else {
        None
    }
}
