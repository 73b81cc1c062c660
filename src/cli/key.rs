//! `lookaside key KEY`: one key: type, encoding, time to live, bytes, idle time, and the first page of its value.

use std::fmt::Write;
use std::time::Duration;

use anyhow::Result;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::Utc;
use serde_json::{Value as Json, json};

use super::output::{print, print_json};
use crate::human;
use crate::inspect::{
    About, Connection, Decoding, Kind, Owned, Page, Ttl, Value, describe, display,
    exact as bytes_json, header_text, owned, page, payload,
};
use crate::table::{HumanTable, Table};
use crate::workspace::CacheConfig;

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
    /// Print one JSON document.
    #[arg(long)]
    pub json: bool,
}

/// Runs the command. Keys under the workspace's prefix are recognized as ours.
pub(crate) async fn run(args: &KeyArgs, cache: CacheConfig) -> Result<()> {
    let prefix = cache.prefix.as_str();
    let name = if args.base64 {
        STANDARD.decode(&args.key).map_err(|_| {
            anyhow::anyhow!(
                "\"{}\" is not base64; leave --base64 out for a name as it stands",
                args.key
            )
        })?
    } else {
        args.key.clone().into_bytes()
    };
    let connection = Connection::open(&cache.url).await?;
    let about = describe(&connection, &name).await?;
    let first = page(&connection, &about, None, args.anyway).await?;
    let ours = owned(prefix, &name, &first.value);
    let rows = match &ours {
        Some(ours) => payload(&connection, prefix, &name, ours)
            .await
            .unwrap_or_default(),
        None => None,
    };
    if args.json {
        print_json(&to_json(&about, &first, ours.as_ref()))
    } else {
        let mut text = String::new();
        write_text(&mut text, &about, &first, ours.as_ref(), rows.as_ref())?;
        Ok(print(&text)?)
    }
}

fn pair_json(names: [&str; 2], pair: (&[u8], &[u8])) -> Json {
    let mut object = bytes_json(names[0], pair.0);
    if let (Json::Object(object), Json::Object(more)) = (&mut object, bytes_json(names[1], pair.1))
    {
        object.extend(more);
    }
    object
}

fn to_json(about: &About, page: &Page, ours: Option<&Owned>) -> Json {
    let mut object = bytes_json("key", &about.name);
    object["type"] = json!(about.type_name);
    object["encoding"] = json!(about.encoding);
    object["ttl_ms"] = json!(about.ttl.left(Utc::now().timestamp_millis()));
    object["bytes"] = json!(about.bytes);
    object["elements"] = json!(about.elements);
    object["idle_s"] = json!(about.idle);
    let value = match &page.value {
        Value::String { bytes, .. } => {
            if let (Json::Object(object), Json::Object(value)) =
                (&mut object, bytes_json("value", &cut(bytes, page)))
            {
                object.extend(value);
            }
            None
        }
        Value::Hash(fields) => Some(
            fields
                .iter()
                .map(|(field, value)| pair_json(["field", "value"], (field, value)))
                .collect(),
        ),
        Value::List { items, .. } | Value::Set(items) => {
            Some(items.iter().map(|item| bytes_json("value", item)).collect())
        }
        Value::ZSet { items, .. } => Some(
            items
                .iter()
                .map(|(member, score)| {
                    let mut item = bytes_json("member", member);
                    // The server's text is exact; infinities are no JSON numbers.
                    item["score"] = serde_json::from_str::<serde_json::Number>(score)
                        .map_or_else(|_| json!(score), Json::Number);
                    item
                })
                .collect(),
        ),
        Value::Stream(entries) => Some(
            entries
                .iter()
                .map(|entry| {
                    let fields: Vec<_> = entry
                        .fields
                        .iter()
                        .map(|(field, value)| pair_json(["field", "value"], (field, value)))
                        .collect();
                    json!({ "id": entry.id, "fields": fields })
                })
                .collect(),
        ),
        Value::Withheld(_) | Value::Other => Some(Json::Null),
    };
    if let Some(value) = value {
        object["value"] = value;
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

fn write_text(
    out: &mut String,
    about: &About,
    page: &Page,
    ours: Option<&Owned>,
    rows: Option<&Table>,
) -> Result<()> {
    let now = Utc::now().timestamp_millis();
    let known = |value: Option<String>| value.unwrap_or_else(|| "unknown".into());
    writeln!(out, "Key       {}", display(&about.name))?;
    writeln!(out, "Type      {}", about.type_name)?;
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
    writeln!(out)?;
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
        None => write_value(out, about.kind, page)?,
    }
    if page.next.is_some() && rows.is_none() {
        writeln!(out, "\nThis is the first page of the value.")?;
    }
    Ok(())
}

fn write_value(out: &mut String, kind: Kind, page: &Page) -> Result<()> {
    match &page.value {
        Value::String { bytes, .. } => {
            let whole = page.next.is_none();
            let shown = Decoding::detect(bytes, whole).decode(bytes, whole);
            writeln!(out, "{}", shown.unwrap_or_else(|| display(bytes)))?;
        }
        Value::Hash(fields) => {
            for (field, value) in fields {
                writeln!(out, "{}  {}", display(field), display(value))?;
            }
        }
        Value::List { start, items } => {
            for (index, item) in (*start..).zip(items) {
                writeln!(out, "{index:>6}  {}", display(item))?;
            }
        }
        Value::Set(items) => {
            for item in items {
                writeln!(out, "{}", display(item))?;
            }
        }
        Value::ZSet { items, .. } => {
            for (member, score) in items {
                writeln!(out, "{score:>12}  {}", display(member))?;
            }
        }
        Value::Stream(entries) => {
            for entry in entries {
                let fields: Vec<_> = entry
                    .fields
                    .iter()
                    .map(|(field, value)| format!("{}={}", display(field), display(value)))
                    .collect();
                writeln!(out, "{}  {}", entry.id, fields.join(" "))?;
            }
        }
        Value::Withheld(average) => writeln!(
            out,
            "One {} has {} on average, so none was fetched; --anyway fetches one page.",
            kind.elements().0,
            human::bytes(*average)
        )?,
        Value::Other => writeln!(out, "A type of a module; its value is not read here.")?,
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
