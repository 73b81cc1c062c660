//! `lookaside key KEY`: one key: type, encoding, time to live, bytes, idle time, and the first page of its value.

use std::fmt::Write;
use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::Utc;
use serde_json::{Value as Json, json};
use tokio_util::sync::CancellationToken;

use super::elements::{add_decoded, decoded_json, write_element, write_entry};
use super::failure::usage;
use super::output::{note, print, print_json};
use super::progress::Progress;
use crate::human;
pub(super) use crate::inspect::bytes_json;
use crate::inspect::{
    About, Connection, Content, Decoder, InspectError, Kind, Owned, Page, Saved, Ttl, Value,
    as_pattern, decode, describe, display, download, elements_json, facts, header_text,
    is_searchable, owned, page, payload, search, type_title,
};
use crate::table::{HumanTable, Table, shown};
use crate::workspace::CacheConfig;

/// So many finds are enough to read.
const SEARCHED: usize = 1_000;
/// How many rows of one of our own entries are printed.
const ROWS_SHOWN: usize = 20;

/// Show one key: type, encoding, TTL, bytes, idle time, its value by type, decoded.
#[derive(clap::Args, Clone, Debug)]
pub struct KeyArgs {
    /// The key's name; with --base64 its name in base64.
    #[arg(value_name = "KEY")]
    pub key: String,
    /// KEY is base64: for names that are not text.
    #[arg(long)]
    pub base64: bool,
    /// Fetch elements of more than a megabyte too.
    #[arg(long)]
    pub anyway: bool,
    /// Only elements whose name holds this word or matches this glob: fields of a hash, elements of a list, members of a
    /// set or sorted set. All are looked at, until 1,000 are found.
    #[arg(long, value_name = "GLOB")]
    pub search: Option<String>,
    /// Read the bytes of a string, or of each element, so: gzip, JSON, hex...; several, one inside the other, parted by
    /// commas.
    #[arg(long, value_name = "DECODERS", value_delimiter = ',')]
    pub decode: Vec<String>,
    /// Write the whole value to this file: a string's exact bytes, the elements of anything else as a JSON line each; -
    /// is standard output.
    #[arg(short, long, value_name = "FILE", conflicts_with_all = ["search", "decode", "json"])]
    pub output: Option<PathBuf>,
    /// Print one JSON document.
    #[arg(long)]
    pub json: bool,
}

/// Runs the command. Keys under the workspace's prefix are recognized as ours.
pub(crate) async fn run(
    args: &KeyArgs,
    cache: CacheConfig,
    cancel: CancellationToken,
) -> Result<()> {
    let prefix = cache.prefix.as_str();
    let name = if args.base64 {
        STANDARD.decode(&args.key).map_err(|_| {
            usage(format!(
                "\"{}\" is not base64; leave --base64 out for a name as it stands",
                args.key
            ))
        })?
    } else {
        args.key.clone().into_bytes()
    };
    let decoders = decoders(&args.decode)?;
    let connection = Connection::open(&cache.url).await?;
    let about = describe(&connection, &name).await?;
    if let Some(file) = &args.output {
        return save(&connection, &about, file, &cancel).await;
    }
    let mut refused = None;
    let first = match &args.search {
        Some(typed) if is_searchable(about.kind) => searched(&connection, &about, typed).await?,
        Some(_) => {
            return Err(usage(format!(
                "a {} has no elements to search; --search is for hashes, lists, sets and sorted sets",
                type_title(&about.type_name)
            )));
        }
        None => match page(&connection, &about, None, args.anyway).await {
            Ok(first) => first,
            // What is known of the key is worth showing without its value.
            Err(error @ InspectError::Denied { .. }) => {
                refused = Some(error.to_string());
                Page {
                    value: Value::Other,
                    next: None,
                }
            }
            Err(error) => return Err(error.into()),
        },
    };
    let facts = facts(&connection, &about, &first.value).await;
    let ours = owned(prefix, &name, &first.value);
    let rows = match &ours {
        Some(ours) => payload(&connection, prefix, &name, ours)
            .await
            .unwrap_or_default(),
        None => None,
    };
    if args.json {
        let mut object = to_json(&about, &first, ours.as_ref(), &decoders);
        if !about.missing().is_empty() {
            object["missing"] = json!(about.missing());
        }
        if let Some(refused) = refused {
            object["truncated"] = json!(true);
            object["error"] = json!(refused);
        }
        print_json(&object)
    } else {
        let mut text = String::new();
        describe_text(&mut text, &about, &facts)?;
        if let Some(refused) = refused {
            writeln!(text, "The value is not shown: {refused}")?;
            return Ok(print(&text)?);
        }
        write_text(
            &mut text,
            &about,
            &first,
            ours.as_ref(),
            rows.as_ref(),
            &decoders,
            args.search.is_some(),
        )?;
        Ok(print(&text)?)
    }
}

/// Searches to the end, or until there is enough to read.
async fn searched(connection: &Connection, about: &About, typed: &str) -> Result<Page> {
    let pattern = as_pattern(typed);
    let progress = Progress::new("Searching", std::io::stderr().is_terminal());
    progress.count(about.kind.elements().1, about.elements);
    let mut found = search(connection, about, pattern.as_bytes(), None).await?;
    while let (Some(next), true) = (&found.page.next, found.page.value.len() < SEARCHED) {
        let more = search(connection, about, pattern.as_bytes(), Some(next)).await?;
        found.page.value.append(more.page.value);
        found.page.next = more.page.next;
        found.looked_at += more.looked_at;
        progress.rows(found.looked_at);
    }
    progress.clear();
    Ok(found.page)
}

/// The decoders called by these names.
fn decoders(names: &[String]) -> Result<Vec<Decoder>> {
    names
        .iter()
        .map(|name| {
            Decoder::from_name(name).ok_or_else(|| {
                let known: Vec<_> = Decoder::ALL.iter().map(|known| known.name()).collect();
                usage(format!(
                    "\"{name}\" is no decoder; these are: {}",
                    known.join(", ")
                ))
            })
        })
        .collect()
}

/// Writes the whole value to a file.
async fn save(
    connection: &Connection,
    about: &About,
    file: &std::path::Path,
    cancel: &CancellationToken,
) -> Result<()> {
    let all = about.elements.filter(|_| about.kind == Kind::String);
    let progress = Progress::new("Reading the value", std::io::stderr().is_terminal());
    progress.count(about.kind.elements().1, all);
    let saved = download(connection, about, file, cancel, |done| progress.rows(done)).await;
    progress.clear();
    let Saved { count, changed } = saved?;
    let meanwhile = if changed {
        "; it changed meanwhile, so what came or went may be in it or not"
    } else {
        ""
    };
    note(&format!(
        "{} written to {}{meanwhile}",
        match about.kind {
            Kind::String | Kind::Json => human::bytes(count),
            kind => human::plural(count, kind.elements().0, kind.elements().1),
        },
        shown(file)
    ));
    Ok(())
}

fn to_json(about: &About, page: &Page, ours: Option<&Owned>, decoders: &[Decoder]) -> Json {
    let mut object = bytes_json("key", &about.name);
    object["type"] = json!(about.type_name);
    object["encoding"] = json!(about.encoding);
    object["ttl_ms"] = json!(about.ttl.left(Utc::now().timestamp_millis()));
    object["bytes"] = json!(about.bytes);
    object["elements"] = json!(about.elements);
    object["idle_s"] = json!(about.idle);
    match &page.value {
        Value::String { bytes, .. } | Value::Json(bytes) => {
            if let (Json::Object(object), Json::Object(value)) =
                (&mut object, bytes_json("value", &cut(bytes, page)))
            {
                object.extend(value);
            }
            let decoded = decode(bytes, page.next.is_none(), decoders);
            if !matches!(decoded.form, Decoder::Text | Decoder::Number | Decoder::Hex)
                || !decoded.layers.is_empty()
            {
                object["decoded"] = decoded_json(&decoded);
            }
        }
        value => {
            let mut elements = elements_json(value, Utc::now().timestamp_millis());
            if let Some(elements) = &mut elements {
                add_decoded(elements, value, decoders);
            }
            object["value"] = elements.map_or(Json::Null, Json::Array);
        }
    }
    object["truncated"] = json!(page.next.is_some() || matches!(page.value, Value::Withheld(_)));
    if let Some(Owned::Header(header)) = ours {
        object["report"] = json!(header.report);
    }
    object
}

/// The bytes of a page, without a character that its end cuts in two.
fn cut(bytes: &[u8], page: &Page) -> Vec<u8> {
    match std::str::from_utf8(bytes) {
        Err(error) if page.next.is_some() && error.error_len().is_none() => {
            bytes[..error.valid_up_to()].to_vec()
        }
        _ => bytes.to_vec(),
    }
}

fn describe_text(out: &mut String, about: &About, facts: &[(String, String)]) -> Result<()> {
    let now = Utc::now().timestamp_millis();
    let known = |value: Option<String>| value.unwrap_or_else(|| "unknown".into());
    writeln!(out, "Key       {}", display(&about.name))?;
    let title = type_title(&about.type_name);
    if title == about.type_name {
        writeln!(out, "Type      {title}")?;
    } else {
        writeln!(out, "Type      {title} ({})", about.type_name)?;
    }
    writeln!(out, "Encoding  {}", about.encoding)?;
    writeln!(out, "TTL       {}", left(about.ttl, now))?;
    writeln!(out, "Bytes     {}", known(about.bytes.map(human::bytes)))?;
    let (one, many) = about.kind.elements();
    if let Some(elements) = about.elements {
        writeln!(
            out,
            "Length    {} {}",
            human::count(elements),
            if elements == 1 { one } else { many }
        )?;
    }
    writeln!(
        out,
        "Idle      {}",
        known(
            about
                .idle
                .map(|seconds| human::long(Duration::from_secs(seconds)))
        )
    )?;
    for (label, text) in facts {
        writeln!(out, "{label:<9} {}", human::line(text))?;
    }
    let missing = about.missing();
    if !missing.is_empty() {
        let rights: Vec<_> = missing
            .iter()
            .map(|command| format!("+{}", command.to_lowercase().replace(' ', "|")))
            .collect();
        writeln!(
            out,
            "Missing   this account may not run {}; allow it with ACL SETUSER ... {}",
            missing.join(", "),
            rights.join(" ")
        )?;
    }
    writeln!(out)?;
    Ok(())
}

fn write_text(
    out: &mut String,
    about: &About,
    page: &Page,
    ours: Option<&Owned>,
    rows: Option<&Table>,
    decoders: &[Decoder],
    is_search: bool,
) -> Result<()> {
    match ours {
        Some(Owned::Header(header)) => {
            for (label, text) in header_text(header) {
                writeln!(out, "{label:<13} {text}")?;
            }
        }
        Some(Owned::Chunk(number)) => writeln!(out, "Chunk {number} of an entry of ours")?,
        Some(Owned::Damaged(why)) => writeln!(out, "Looks like an entry of ours, but {why}")?,
        Some(Owned::Other) | None => {}
    }
    match rows {
        Some(table) => {
            let mut rows = HumanTable::new(&table.schema, ROWS_SHOWN);
            for batch in &table.batches {
                rows.add(batch);
            }
            write!(out, "\n{}", rows.finish("in this chunk"))?;
        }
        None => write_value(out, about, page, decoders)?,
    }
    if page.next.is_some() && rows.is_none() {
        let more = if is_search {
            "These were found first; a narrower pattern shows others."
        } else {
            "This is the first page of the value."
        };
        writeln!(out, "\n{more}")?;
    }
    Ok(())
}

fn write_value(out: &mut String, about: &About, page: &Page, decoders: &[Decoder]) -> Result<()> {
    let now = Utc::now().timestamp_millis();
    match &page.value {
        Value::String { bytes, .. } | Value::Json(bytes) => {
            let decoded = decode(bytes, page.next.is_none(), decoders);
            if !decoded.layers.is_empty() || !decoders.is_empty() {
                writeln!(out, "Decoded   {}\n", decoded.chain())?;
            }
            match &decoded.content {
                Content::Table(table) => {
                    let mut rows = HumanTable::new(&table.schema, ROWS_SHOWN);
                    for batch in &table.batches {
                        rows.add(batch);
                    }
                    write!(out, "{}", rows.finish("in this value"))?;
                }
                _ => writeln!(out, "{}", decoded.text().trim_end())?,
            }
            for note in &decoded.notes {
                writeln!(out, "\n{note}")?;
            }
        }
        Value::Hash(fields) => {
            for field in fields {
                let tail = match field.ttl {
                    Ttl::At(_) => format!("  (TTL {})", left(field.ttl, now)),
                    Ttl::Never | Ttl::Unknown => String::new(),
                };
                let head = display(&field.name);
                write_element(out, &head, &field.value, &tail, decoders);
            }
        }
        Value::Series(samples) => {
            for (at, value) in samples {
                writeln!(out, "{at}  {value}")?;
            }
        }
        Value::List { start, items } => {
            for (index, item) in (*start..).zip(items) {
                write_element(out, &format!("{index:>6}"), item, "", decoders);
            }
        }
        Value::Found(found) => {
            for (index, item) in found {
                write_element(out, &format!("{index:>6}"), item, "", decoders);
            }
        }
        Value::Set(items) => {
            for item in items {
                write_element(out, "", item, "", decoders);
            }
        }
        Value::ZSet { items, .. } => {
            for (member, score) in items {
                write_element(out, &format!("{score:>12}"), member, "", decoders);
            }
        }
        Value::Stream(entries) => {
            for entry in entries {
                write_entry(out, entry, decoders);
            }
        }
        Value::Withheld(average) => writeln!(
            out,
            "One {} has {} on average, so none was fetched; --anyway fetches one page.",
            about.kind.elements().0,
            human::bytes(*average)
        )?,
        Value::Other => writeln!(
            out,
            "A {} has no elements that could be listed.",
            type_title(&about.type_name)
        )?,
    }
    Ok(())
}

/// What is left of a TTL.
pub(super) fn left(ttl: Ttl, now: i64) -> String {
    match (ttl, ttl.left(now)) {
        (Ttl::Unknown, _) => "unknown".into(),
        (_, None) => "never".into(),
        (_, Some(ms)) => human::long(Duration::from_millis(ms.cast_unsigned())),
    }
}
