//! `lookaside keys`: the whole keyspace, counted and weighed by type, prefix, time to live, encoding and use, and the
//! biggest keys; of all keys, of those that a filter shows, or of a sample.

mod text;

use std::io::{IsTerminal, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use chrono::Utc;
use tokio_util::sync::CancellationToken;

use super::failure::usage;
use super::output::{note, print, print_json};
use crate::human;
use crate::inspect::{
    Analysis, Connection, Detail, Filter, InspectError, Key, Keys, Kind, Pace, Phase, Range, RowId,
    ScanOptions, TtlRange, analyse, analysis_rows, compare, comparison_json, from_json, key_rows,
    sample, to_json,
};
use crate::table::{BatchStream, ExportOptions, Format, STDOUT, Target, export, shown};
use crate::workspace::CacheConfig;

/// The longest analysis that is read, in bytes: one lists prefixes and keys by the thousand.
const LONGEST: u64 = 256 * 1024 * 1024;

/// Analyse the whole keyspace: count and bytes by type, prefix, TTL, encoding and use; the biggest keys.
#[derive(clap::Args, Clone, Debug)]
pub struct KeysArgs {
    /// Only keys whose names match this glob (`*`, `?`, `[ab]`)
    #[arg(long, value_name = "GLOB", default_value = "")]
    pub r#match: String,
    /// Only keys of this type: string, hash, list, set, zset, stream or a module's type
    #[arg(long = "type", value_name = "T", default_value = "")]
    pub type_name: String,
    /// Only these times to live: never, some, or a range as <1h, >1d, 1m..1h
    #[arg(long, value_name = "RANGE", default_value = "")]
    pub ttl: String,
    /// Only keys of this size: >10KB, 1KB..1MB
    #[arg(long, value_name = "RANGE", default_value = "")]
    pub bytes: String,
    /// Only collections with this many elements: >1000, 10..20
    #[arg(long, value_name = "RANGE", default_value = "")]
    pub elements: String,
    /// Only keys last used this long ago: >1d, <1h
    #[arg(long, value_name = "RANGE", default_value = "")]
    pub idle: String,
    /// Only keys used this often, on servers that count that: <5, 50..255
    #[arg(long, value_name = "RANGE", default_value = "")]
    pub frequency: String,
    /// Only this encoding: listpack, hashtable, embstr...
    #[arg(long, value_name = "NAME", default_value = "")]
    pub encoding: String,
    /// Only entries of reports under the workspace's prefix
    #[arg(long)]
    pub entries: bool,
    /// How many parts of a name, parted by `:`, make its prefix
    #[arg(
        long,
        value_name = "N",
        default_value_t = 1,
        allow_negative_numbers = true
    )]
    pub prefix_depth: usize,
    /// How many of the biggest keys are listed
    #[arg(
        long,
        value_name = "N",
        default_value_t = 10,
        allow_negative_numbers = true
    )]
    pub top: usize,
    /// As fast as the server answers; else gently, so that other clients hardly notice
    #[arg(long)]
    pub full_speed: bool,
    /// Count elements also on a server before Redis 7.2, for which that is use of every key
    #[arg(long)]
    pub count_elements: bool,
    /// Estimate from this many keys drawn at random, with 95% intervals, instead of walking over all
    #[arg(long, value_name = "N", allow_negative_numbers = true, conflicts_with_all = ["list", "count_elements", "full_speed"])]
    pub sample: Option<u64>,
    /// What grew since the analysis in this file, which --json wrote
    #[arg(long, value_name = "FILE", conflicts_with = "csv")]
    pub compare: Option<PathBuf>,
    /// Also write every key to this file: .csv, .json, .parquet or .arrow; - writes them as CSV to standard output, in
    /// place of the figures
    #[arg(long, value_name = "FILE")]
    pub list: Option<PathBuf>,
    /// Print one JSON document
    #[arg(long, conflicts_with = "csv")]
    pub json: bool,
    /// Print the figures as CSV, one row a group
    #[arg(long)]
    pub csv: bool,
}

/// Runs the command.
pub(crate) async fn run(
    args: &KeysArgs,
    cache: CacheConfig,
    cancel: CancellationToken,
) -> Result<()> {
    let filter = args.filter(&cache.prefix)?;
    let before = args.before()?;
    let format = match &args.list {
        Some(path) if path == Path::new(STDOUT) => {
            if args.json || args.csv {
                return Err(usage(
                    "--list - would stand between the lines of --json or --csv; name a file",
                ));
            }
            Some(Format::Csv)
        }
        Some(path) => Some(Format::of_path(path).ok_or_else(|| {
            usage(format!(
                "{} has no ending that names a format; end it with .csv, .json, .parquet or .arrow",
                path.display()
            ))
        })?),
        None => None,
    };
    let connection = Connection::open(&cache.url).await?;
    let detail = Detail {
        depth: args.prefix_depth,
        top: args.top,
    };
    if let Some(mut analysis) = args.sampled(&connection, &filter, detail).await? {
        analysis.selection = args.selection();
        return args.tell(&analysis, before.as_ref()).await;
    }
    let bar = bar();
    let (mut analysis, state, rows) = analyse(&connection, args.scan(), filter, detail, |state| {
        if let Some(bar) = &bar {
            bar.set_length(state.about.max(state.totals.all.keys));
            bar.set_position(state.totals.all.keys);
        }
    })
    .await?;
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    analysis.selection = args.selection();
    args.note_unanswered(&state.keys, &mut analysis);
    if let (Some(path), Some(format)) = (&args.list, format) {
        write_list(path, format, state.keys.clone(), rows, cancel).await?;
    }
    if args.list.as_deref() != Some(Path::new(STDOUT)) {
        args.tell(&analysis, before.as_ref()).await?;
    }
    match &state.phase {
        Phase::Failed(error) => Err(error.clone().into()),
        _ => Ok(()),
    }
}

impl KeysArgs {
    fn scan(&self) -> ScanOptions {
        ScanOptions {
            pattern: self.r#match.as_bytes().to_vec(),
            follow: false,
            type_name: self.type_name.clone(),
            pace: if self.full_speed {
                Pace::Full
            } else {
                Pace::Gentle
            },
            count_anyway: self.count_elements,
        }
    }

    /// What the server does not filter.
    fn filter(&self, prefix: &str) -> Result<Filter> {
        let range = |option: &str, read: Result<Range, String>| {
            read.map_err(|error| usage(format!("--{option} {error}")))
        };
        Ok(Filter {
            ttl: TtlRange::read(&self.ttl).map_err(|error| usage(format!("--ttl {error}")))?,
            bytes: range("bytes", Range::bytes(&self.bytes))?,
            elements: range("elements", Range::count(&self.elements))?,
            idle: range("idle", Range::seconds(&self.idle))?,
            frequency: range("frequency", Range::count(&self.frequency))?,
            encoding: self.encoding.clone(),
            entries: self.entries.then(|| prefix.to_owned()),
            ..Filter::default()
        })
    }

    /// The options that select keys, as they were typed.
    fn selection(&self) -> String {
        let options = [
            ("--match", &self.r#match),
            ("--type", &self.type_name),
            ("--ttl", &self.ttl),
            ("--bytes", &self.bytes),
            ("--elements", &self.elements),
            ("--idle", &self.idle),
            ("--frequency", &self.frequency),
            ("--encoding", &self.encoding),
        ];
        let given = options.iter().filter(|(_, value)| !value.is_empty());
        let mut words: Vec<String> = given
            .map(|(name, value)| format!("{name} {value}"))
            .collect();
        if self.entries {
            words.push("--entries".to_owned());
        }
        words.join(" ")
    }

    /// Notes the filters that no key could answer: without that their "0 keys" would be a wrong answer.
    fn note_unanswered(&self, keys: &Keys, analysis: &mut Analysis) {
        let knows = |answer: fn(&Key<'_>) -> bool| {
            keys.is_empty() || keys.ids().any(|id| answer(&keys.get(id)))
        };
        let is_of_a_module = Kind::from_type(&self.type_name) == Kind::Other;
        if !self.type_name.is_empty() && is_of_a_module && analysis.all.count.keys == 0 {
            analysis.notes.push(format!(
                "No key is of the type \"{}\"; the types are string, hash, list, set, zset, stream, and those of modules.",
                self.type_name
            ));
        }
        if !self.elements.is_empty() && !knows(|key| key.elements.is_some()) {
            analysis.notes.push(
                "--elements cannot be answered: no elements were counted; --count-elements counts them.".to_owned(),
            );
        }
        if !self.idle.is_empty() && !knows(|key| key.idle.is_some()) {
            analysis
                .notes
                .push("--idle cannot be answered: this server tells no idle times.".to_owned());
        }
        if !self.frequency.is_empty() && !knows(|key| key.frequency.is_some()) {
            analysis.notes.push(
                "--frequency cannot be answered: this server counts none; with an LFU maxmemory-policy it does.".to_owned(),
            );
        }
    }

    fn before(&self) -> Result<Option<Analysis>> {
        let Some(path) = &self.compare else {
            return Ok(None);
        };
        let text = read_bounded(path).with_context(|| {
            format!(
                "{} cannot be read; name a file that lookaside keys --json wrote",
                path.display()
            )
        })?;
        let before =
            from_json(&text).map_err(|error| usage(format!("{}: {error}", path.display())))?;
        let all = |selection: &str| match selection {
            "" => "of all keys".to_owned(),
            options => format!("with {options}"),
        };
        if before.selection != self.selection() {
            return Err(usage(format!(
                "{} is an analysis {}, and this one is {}; compare like with like",
                path.display(),
                all(&before.selection),
                all(&self.selection())
            )));
        }
        Ok(Some(before))
    }

    /// The sample, where one was asked for and says more than a scan.
    async fn sampled(
        &self,
        connection: &Connection,
        filter: &Filter,
        detail: Detail,
    ) -> Result<Option<Analysis>> {
        let Some(draws) = self.sample else {
            return Ok(None);
        };
        if draws < 100 {
            return Err(usage("--sample needs at least 100 keys to say anything"));
        }
        let filter = Filter {
            pattern: crate::inspect::Pattern::glob(self.r#match.as_bytes()),
            type_name: self.type_name.clone(),
            ..filter.clone()
        };
        let bar = bar();
        let analysis = sample(connection, draws, &filter, detail, |drawn| {
            if let Some(bar) = &bar {
                bar.set_length(draws);
                bar.set_position(drawn);
            }
        })
        .await?;
        if let Some(bar) = bar {
            bar.finish_and_clear();
        }
        if analysis.is_none() {
            note("The server has no more keys than the sample; all of them are looked at.");
        }
        Ok(analysis)
    }

    async fn tell(&self, analysis: &Analysis, before: Option<&Analysis>) -> Result<()> {
        let compared = before.map(|before| compare(before, analysis));
        if self.json {
            let mut document = to_json(analysis);
            if let Some(compared) = &compared {
                document["grown"] = comparison_json(compared);
            }
            print_json(&document)
        } else if self.csv {
            write_csv(analysis).await
        } else {
            Ok(print(&text::of(analysis, compared.as_ref())?)?)
        }
    }
}

async fn write_csv(analysis: &Analysis) -> Result<()> {
    export::<InspectError>(
        BatchStream::of(analysis_rows(analysis)?),
        Target::Stream(Box::new(std::io::stdout()), "standard output".into()),
        ExportOptions::guarded(Format::Csv),
        |_| {},
        CancellationToken::new(),
    )
    .await?;
    Ok(())
}

async fn write_list(
    path: &Path,
    format: Format,
    keys: Keys,
    rows: Vec<RowId>,
    cancel: CancellationToken,
) -> Result<()> {
    let now = Utc::now().timestamp_millis();
    let done = export(
        key_rows(keys, Arc::new(rows), now)?,
        Target::File(path.to_owned()),
        ExportOptions::guarded(format),
        |_| {},
        cancel,
    )
    .await?;
    note(&format!(
        "Wrote {}, {} to {}",
        human::plural(done.rows, "key", "keys"),
        human::bytes(done.bytes),
        shown(path)
    ));
    Ok(())
}

/// The text of a file or pipe, up to [`LONGEST`] bytes.
fn read_bounded(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    std::fs::File::open(path)?
        .take(LONGEST + 1)
        .read_to_string(&mut text)?;
    if text.len() as u64 > LONGEST {
        return Err(std::io::Error::other("it is longer than any analysis"));
    }
    Ok(text)
}

/// A progress bar on a terminal, nothing when piped.
fn bar() -> Option<indicatif::ProgressBar> {
    std::io::stderr().is_terminal().then(|| {
        let style = indicatif::ProgressStyle::with_template(
            "{human_pos} of about {human_len} keys {wide_bar} {elapsed}",
        )
        .unwrap_or_else(|_| indicatif::ProgressStyle::default_bar());
        indicatif::ProgressBar::new(0).with_style(style)
    })
}
