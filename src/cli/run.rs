//! `lookaside run`: a report through the engine, as a table, text or a file.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::failure::usage;
use super::output::{duration_millis, millis, note, note_json, print};
use super::progress::Progress;
use super::session::{Session, parameter};
use crate::engine::{About, Answer, Caller, EngineError, Mode, Outcome, Request, RequestEvent};
use crate::source::SourceError;
use crate::table::{
    Checksum, CsvOptions, ExportError, ExportOptions, Exported, Format, HumanTable, STDOUT, Target,
    export,
};

/// How long a cancelled query has to end; a source answers before, also where the server does not.
const LAST_WORD: Duration = Duration::from_secs(11);

/// Arguments of `run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// The report's name
    report: String,
    /// A parameter's value; more than one -p for more parameters
    #[arg(short, value_name = "name=value", value_parser = parameter)]
    p: Vec<(String, String)>,
    /// Straight to the database, leaving the cache alone
    #[arg(long)]
    uncached: bool,
    /// How the rows are written; else by the ending of -o FILE, else a table
    #[arg(long, value_enum)]
    format: Option<FormatArg>,
    /// The same as --format json
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// Write to this file, which appears only when it is complete; - is standard output
    #[arg(short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// One line of JSON on standard error: outcome, times, key, checksum
    #[arg(long)]
    stats: bool,
    /// Rows that a table shows
    #[arg(
        long,
        value_name = "N",
        default_value_t = 40,
        allow_negative_numbers = true
    )]
    limit: usize,
    /// CSV: begin with a byte order mark, which Excel wants to see
    #[arg(long)]
    bom: bool,
    /// CSV: the text for NULL, never quoted
    #[arg(long, value_name = "TEXT", default_value = "")]
    null: String,
    /// CSV: put an apostrophe before what a spreadsheet would take for a formula
    #[arg(long)]
    guard: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FormatArg {
    /// Aligned, for people; the first rows
    Table,
    /// RFC 4180
    Csv,
    /// One array of objects
    Json,
    /// Arrow IPC file
    Arrow,
    /// Parquet
    Parquet,
}

/// The line of `--stats`. Scripts rely on these names.
#[derive(Debug, Serialize)]
struct Stats {
    report: String,
    outcome: Outcome,
    reason: Option<String>,
    rows: u64,
    bytes: u64,
    total_ms: f64,
    cache_ms: f64,
    db_ms: f64,
    decode_ms: f64,
    age_ms: f64,
    ttl_ms: Option<f64>,
    key: Option<String>,
    sha256: Option<String>,
}

pub(super) async fn run(
    args: RunArgs,
    workspace: Option<&Path>,
    cancel: CancellationToken,
) -> anyhow::Result<()> {
    let format = args.chosen_format();
    args.check(format)?;
    let session = Session::open(workspace, Caller::Cli, false).await?;
    let report = session.report(&args.report)?;
    let params = report.bind(&args.p).map_err(|error| usage(error.0))?;
    let into_terminal = args.file().is_none() && std::io::stdout().is_terminal();
    let progress = Progress::new(
        &format!("Running {}", report.name),
        format.is_none() || !into_terminal,
    );
    session
        .engine
        .on_wait(|sentence| note(&format!("lookaside: {sentence}")));
    // What is written somewhere already cannot be taken back; a file or a table can be made anew.
    let mut again = args.file().is_some() || format.is_none();
    let (about, event, filled, written) = loop {
        let answer = session
            .engine
            .ask(Request {
                report: Arc::clone(&report),
                params: params.clone(),
                mode: if args.uncached {
                    Mode::Uncached
                } else {
                    Mode::Cached
                },
                cancel: cancel.clone(),
            })
            .await;
        let Answer {
            about,
            rows,
            event,
            filled,
        } = match answer {
            Ok(answer) => answer,
            Err(error) => {
                progress.clear();
                session.close().await;
                return Err(explained(error, &report.sql).into());
            }
        };
        progress.expect(about.rows);
        let written = match format {
            None => table(rows, &args, &progress, &cancel).await,
            Some(format) => file(rows, &args, format, progress.clone(), cancel.clone()).await,
        };
        match written {
            Err(ExportError::Rows(EngineError::Damaged)) if again => again = false,
            written => break (about, event, filled, written),
        }
    };
    progress.clear();
    let key = session.redis_key(&report, &params);
    if matches!(written, Err(ExportError::Cancelled)) {
        session.engine.settle(LAST_WORD).await;
    }
    session.close().await;
    let written = written.map_err(|error| match error {
        ExportError::Rows(error) => anyhow::Error::from(explained(error, &report.sql)),
        ExportError::Write(error) => error.into(),
        ExportError::Cancelled => cancelled(about.outcome, event.get()),
    })?;
    for renamed in &written.renamed {
        note(&format!(
            "lookaside: {renamed}, because names are keys in this format"
        ));
    }
    if let Some(text) = &written.table {
        print(text)?;
    }
    for notice in event.get().into_iter().flat_map(|event| &event.notices) {
        note(&format!("lookaside: {}: {notice}", report.name));
    }
    if args.stats {
        let line = Stats::new(&report.name, &about, event.get(), key, &written);
        return note_json(&line);
    }
    // Old data and a cache that could not be used are said also where nobody asked for figures.
    let told = matches!(about.outcome, Outcome::StaleHit | Outcome::Bypass) && !args.uncached;
    if let Some(reason) = about.reason.as_deref().filter(|_| told) {
        note(&format!(
            "lookaside: {}: {reason}",
            outcome_words(about.outcome)
        ));
    }
    if let Some(problem) = filled.get().and_then(|filled| filled.problem.as_deref()) {
        note(&format!(
            "lookaside: the result is not in the cache: {problem}"
        ));
    }
    Ok(())
}

/// What is said of a run that was cancelled. How its query ended is in its event; without one nobody knows.
fn cancelled(outcome: Outcome, event: Option<&RequestEvent>) -> anyhow::Error {
    let ran = matches!(
        event.map_or(outcome, |event| event.outcome),
        Outcome::Miss | Outcome::Bypass
    );
    let how = match event {
        _ if !ran => "cancelled",
        Some(event) => event.error.as_deref().unwrap_or("cancelled"),
        None => "cancelled, but the query may go on at the server, which did not say so in time",
    };
    anyhow::anyhow!("{how}; nothing was written")
}

fn outcome_words(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Hit => "hit",
        Outcome::Miss => "miss",
        Outcome::StaleHit => "stale hit",
        Outcome::Bypass => "bypass",
        Outcome::Wait => "wait",
    }
}

/// A database's complaint with the line of the SQL that it points at.
fn explained(error: EngineError, sql: &str) -> EngineError {
    match error {
        EngineError::Source(SourceError::Sql {
            message,
            position: Some((line, column)),
        }) => {
            let text = sql
                .lines()
                .nth(line.saturating_sub(1))
                .unwrap_or_default()
                .trim();
            let message = if message.contains("line ") {
                message
            } else {
                format!("{message} (line {line}, column {column} of the SQL: {text})")
            };
            EngineError::Source(SourceError::Sql {
                message,
                position: Some((line, column)),
            })
        }
        other => other,
    }
}

/// What came of the rows.
struct Written {
    rows: u64,
    sha256: Option<String>,
    renamed: Vec<crate::table::Renamed>,
    table: Option<String>,
}

async fn table(
    mut rows: crate::table::BatchStream<EngineError>,
    args: &RunArgs,
    progress: &Progress,
    cancel: &CancellationToken,
) -> Result<Written, ExportError<EngineError>> {
    let schema = Arc::clone(rows.schema());
    let mut human = HumanTable::new(&schema, args.limit);
    let mut checksum = args.stats.then(|| Checksum::new(&schema));
    let mut count = 0;
    while let Some(batch) = cancel
        .run_until_cancelled(rows.next())
        .await
        .ok_or(ExportError::Cancelled)?
    {
        let batch = batch.map_err(ExportError::Rows)?;
        count += batch.num_rows() as u64;
        progress.rows(count);
        human.add(&batch);
        if let Some(checksum) = &mut checksum {
            checksum.update(&batch);
        }
    }
    Ok(Written {
        rows: count,
        sha256: checksum.map(Checksum::finish),
        renamed: Vec::new(),
        table: Some(human.finish("with --limit, or all of them with -o FILE")),
    })
}

async fn file(
    rows: crate::table::BatchStream<EngineError>,
    args: &RunArgs,
    format: Format,
    progress: Progress,
    cancel: CancellationToken,
) -> Result<Written, ExportError<EngineError>> {
    let target = match args.file() {
        Some(path) => Target::File(path.to_owned()),
        None => Target::Stream(Box::new(std::io::stdout()), "standard output".to_owned()),
    };
    let options = ExportOptions {
        format,
        csv: CsvOptions {
            bom: args.bom,
            null: args.null.clone(),
            guard: args.guard,
        },
        checksum: args.stats,
    };
    let shown = move |so_far: crate::table::Progress| progress.rows(so_far.rows);
    let Exported {
        rows,
        sha256,
        renamed,
        ..
    } = export(rows, target, options, shown, cancel).await?;
    Ok(Written {
        rows,
        sha256,
        renamed,
        table: None,
    })
}

impl RunArgs {
    /// The file to write to; `None` for standard output.
    fn file(&self) -> Option<&Path> {
        let output = self.output.as_deref();
        output.filter(|path| *path != Path::new(STDOUT))
    }

    /// `None` for a table.
    fn chosen_format(&self) -> Option<Format> {
        match (self.format, self.json, &self.output) {
            (Some(FormatArg::Table), _, _) | (None, false, None) => None,
            (Some(FormatArg::Csv), _, _) => Some(Format::Csv),
            (Some(FormatArg::Json), _, _) | (None, true, _) => Some(Format::Json),
            (Some(FormatArg::Arrow), _, _) => Some(Format::Arrow),
            (Some(FormatArg::Parquet), _, _) => Some(Format::Parquet),
            (None, false, Some(path)) => Some(Format::of_path(path).unwrap_or_default()),
        }
    }

    fn check(&self, format: Option<Format>) -> anyhow::Result<()> {
        let csv = CsvOptions {
            bom: self.bom,
            null: self.null.clone(),
            guard: self.guard,
        };
        if format != Some(Format::Csv) && !csv.is_canonical() {
            return Err(usage(
                "--bom, --null and --guard are for CSV; add --format csv",
            ));
        }
        csv.check().map_err(usage)?;
        if format.is_none() && self.output.is_some() {
            return Err(usage(
                "a table is for the terminal; choose --format csv, json, arrow or parquet for a file",
            ));
        }
        let binary = matches!(format, Some(Format::Arrow | Format::Parquet));
        if binary && self.file().is_none() && std::io::stdout().is_terminal() {
            return Err(usage(
                "this format is not for a terminal; write it to a file with -o FILE",
            ));
        }
        Ok(())
    }
}

impl Stats {
    fn new(
        report: &str,
        about: &About,
        event: Option<&RequestEvent>,
        key: Option<String>,
        written: &Written,
    ) -> Self {
        let stages = event.map(|event| event.stages).unwrap_or_default();
        Self {
            report: report.to_owned(),
            outcome: event.map_or(about.outcome, |event| event.outcome),
            // The event also knows what became of the answer after its first row: that it was not cached, for one.
            reason: event
                .and_then(|event| event.reason.clone())
                .or_else(|| about.reason.clone()),
            rows: written.rows,
            bytes: event.map_or(0, |event| event.bytes),
            total_ms: millis(stages.total_ms),
            cache_ms: millis(stages.cache_ms),
            db_ms: millis(stages.query_ms + stages.fetch_ms),
            decode_ms: millis(stages.decode_ms),
            age_ms: duration_millis(about.age),
            ttl_ms: about.ttl.map(duration_millis),
            key,
            sha256: written.sha256.clone(),
        }
    }
}
