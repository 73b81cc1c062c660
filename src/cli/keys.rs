//! `lookaside keys`: the whole keyspace, counted and weighed by type, prefix and time to live, and the biggest keys.

use std::fmt::Write;
use std::io::IsTerminal;

use anyhow::Result;
use chrono::Utc;
use serde_json::{Value, json};

use super::key::{bytes_json, left};
use super::output::{duration_millis, print, print_json};
use crate::human;
use crate::inspect::{
    Analysis, Connection, Count, Pace, Phase, ScanOptions, ScanState, TtlBucket, analyse, display,
};
use crate::workspace::CacheConfig;

/// How many prefixes the text form lists.
const PREFIXES_SHOWN: usize = 20;

/// Analyse the whole keyspace: count and bytes by type, prefix and TTL; the biggest keys.
#[derive(clap::Args, Clone, Debug)]
pub struct KeysArgs {
    /// Only keys whose names match this glob (`*`, `?`, `[ab]`).
    #[arg(long, value_name = "GLOB", default_value = "")]
    pub r#match: String,
    /// Only keys of this type: string, hash, list, set, zset, stream or a module's type.
    #[arg(long = "type", value_name = "T", default_value = "")]
    pub type_name: String,
    /// How many parts of a name, parted by `:`, make its prefix.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub prefix_depth: usize,
    /// How many of the biggest keys are listed.
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub top: usize,
    /// Rest between batches so that other clients notice less.
    #[arg(long)]
    pub gentle: bool,
    /// Print one JSON document.
    #[arg(long)]
    pub json: bool,
}

/// Runs the command.
pub(crate) async fn run(args: &KeysArgs, cache: CacheConfig) -> Result<()> {
    let connection = Connection::open(&cache.url).await?;
    let options = ScanOptions {
        pattern: args.r#match.as_bytes().to_vec(),
        type_name: args.type_name.clone(),
        pace: if args.gentle {
            Pace::Gentle
        } else {
            Pace::Full
        },
    };
    let bar = std::io::stderr().is_terminal().then(progress_bar);
    let analysis = analyse(&connection, options, args.prefix_depth, args.top, |state| {
        if let Some(bar) = &bar {
            bar.set_length(state.about.max(state.totals.all.keys));
            bar.set_position(state.totals.all.keys);
        }
    })
    .await?;
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    if args.json {
        print_json(&to_json(&analysis))?;
    } else {
        print(&text(&analysis)?)?;
    }
    if let Phase::Failed(error) = &analysis.state.phase {
        return Err(error.clone().into());
    }
    Ok(())
}

fn progress_bar() -> indicatif::ProgressBar {
    let style = indicatif::ProgressStyle::with_template(
        "{human_pos} of about {human_len} keys {wide_bar} {elapsed}",
    )
    .unwrap_or_else(|_| indicatif::ProgressStyle::default_bar());
    indicatif::ProgressBar::new(0).with_style(style)
}

fn is_complete(state: &ScanState) -> bool {
    matches!(state.phase, Phase::Complete)
}

fn with_count(mut object: Value, count: Count) -> Value {
    object["keys"] = json!(count.keys);
    object["bytes"] = json!(count.bytes);
    object
}

/// Type, name and sums; a module's types, which share a kind, are named one by one.
fn types(analysis: &Analysis) -> Vec<(String, Count)> {
    let keys = &analysis.state.keys;
    let mut types: Vec<(String, Count)> = Vec::new();
    for id in 0..keys.len() as u32 {
        let key = keys.get(id);
        match types.iter_mut().find(|(name, _)| name == key.type_name) {
            Some((_, count)) => count.add(key.bytes),
            None => {
                let mut count = Count::default();
                count.add(key.bytes);
                types.push((key.type_name.to_owned(), count));
            }
        }
    }
    types.sort_by_key(|(_, count)| std::cmp::Reverse(count.keys));
    types
}

fn buckets(state: &ScanState) -> impl Iterator<Item = (TtlBucket, Count)> + '_ {
    TtlBucket::ALL
        .into_iter()
        .map(|bucket| (bucket, state.totals.ttl(bucket)))
        .filter(|(bucket, count)| *bucket != TtlBucket::Unknown || count.keys > 0)
}

fn to_json(analysis: &Analysis) -> Value {
    let state = &analysis.state;
    let now = Utc::now().timestamp_millis();
    let types: Vec<_> = types(analysis)
        .into_iter()
        .map(|(name, count)| with_count(json!({ "type": name }), count))
        .collect();
    let ttl: Vec<_> = buckets(state)
        .map(|(bucket, count)| with_count(json!({ "bucket": bucket.name() }), count))
        .collect();
    let prefixes: Vec<_> = analysis
        .prefixes
        .iter()
        .map(|prefix| with_count(bytes_json("prefix", &prefix.prefix), prefix.count))
        .collect();
    let top: Vec<_> = analysis
        .top
        .iter()
        .map(|big| {
            let key = analysis.key(big.id);
            let mut object = bytes_json("key", key.name);
            object["type"] = json!(key.type_name);
            object["bytes"] = json!(key.bytes);
            object["elements"] = json!(big.elements);
            object["ttl_ms"] = json!(key.ttl.left(now));
            object
        })
        .collect();
    json!({
        "keys": state.totals.all.keys,
        "bytes": state.totals.all.bytes,
        "complete": is_complete(state),
        "elapsed_ms": duration_millis(state.elapsed),
        "types": types,
        "ttl": ttl,
        "prefixes": prefixes,
        "top": top,
        "notes": state.notes,
    })
}

fn text(analysis: &Analysis) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    let out = &mut text;
    let state = &analysis.state;
    let all = state.totals.all;
    writeln!(
        out,
        "{} keys, {}, {} in {}",
        human::count(all.keys),
        human::bytes(all.bytes),
        if is_complete(state) {
            "complete"
        } else {
            "partial"
        },
        human::duration(state.elapsed)
    )?;
    for note in &state.notes {
        writeln!(out, "{note}")?;
    }
    let line = |out: &mut String, name: &str, count: Count| {
        writeln!(
            out,
            "  {:<32} {:>14} {:>12}",
            name,
            human::count(count.keys),
            human::bytes(count.bytes)
        )
    };
    writeln!(out, "\n{:<34} {:>14} {:>12}", "Type", "Keys", "Bytes")?;
    for (name, count) in types(analysis) {
        line(out, &name, count)?;
    }
    writeln!(
        out,
        "\n{:<34} {:>14} {:>12}",
        "Time to live", "Keys", "Bytes"
    )?;
    for (bucket, count) in buckets(state) {
        line(out, bucket.name(), count)?;
    }
    writeln!(out, "\n{:<34} {:>14} {:>12}", "Prefix", "Keys", "Bytes")?;
    for prefix in analysis.prefixes.iter().take(PREFIXES_SHOWN) {
        let name = if prefix.prefix.is_empty() {
            "(none)".to_owned()
        } else {
            display(&prefix.prefix)
        };
        line(out, &name, prefix.count)?;
    }
    if let Some(more) = analysis
        .prefixes
        .len()
        .checked_sub(PREFIXES_SHOWN)
        .filter(|more| *more > 0)
    {
        writeln!(
            out,
            "  and {} more; --json has them all",
            human::count(more as u64)
        )?;
    }
    if !analysis.top.is_empty() {
        let now = Utc::now().timestamp_millis();
        writeln!(
            out,
            "\n{:>12}  {:<8} {:>12} {:>12}  Biggest keys",
            "Bytes", "Type", "Elements", "TTL"
        )?;
        for big in &analysis.top {
            let key = analysis.key(big.id);
            writeln!(
                out,
                "{:>12}  {:<8} {:>12} {:>12}  {}",
                key.bytes.map_or_else(|| "unknown".into(), human::bytes),
                key.type_name,
                big.elements.map_or_else(String::new, human::count),
                left(key.ttl, now),
                display(key.name)
            )?;
        }
    }
    Ok(text)
}
