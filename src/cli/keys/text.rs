//! An analysis as a person reads it in a terminal.

use std::fmt::{Error, Write};

use chrono::{DateTime, SecondsFormat};

use super::super::key::left;
use crate::human;
use crate::inspect::{Analysis, BigKey, Comparison, Growth, Portion, display};

/// How many prefixes and changes are listed.
const SHOWN: usize = 20;
/// How wide a name may be.
const NAME: usize = 40;

/// The whole text.
pub(super) fn of(analysis: &Analysis, compared: Option<&Comparison>) -> Result<String, Error> {
    let mut text = String::new();
    let out = &mut text;
    head(out, analysis)?;
    if let Some(compared) = compared {
        grown(out, compared)?;
    }
    list(out, "Type", &analysis.types, usize::MAX)?;
    list(out, "Time to live", &analysis.ttl, usize::MAX)?;
    list(out, "Encoding", &analysis.encodings, usize::MAX)?;
    list(out, "Last used", &analysis.used, usize::MAX)?;
    list(out, "Prefix", &analysis.prefixes, SHOWN)?;
    list(out, "Prefix, without TTL", &analysis.without_ttl, SHOWN)?;
    biggest(out, "Biggest keys", &analysis.biggest, analysis.at)?;
    biggest(out, "Longest collections", &analysis.longest, analysis.at)?;
    Ok(text)
}

fn head(out: &mut String, analysis: &Analysis) -> Result<(), Error> {
    let all = analysis.all.count;
    let keys = human::count(all.keys);
    let bytes = human::bytes(all.bytes);
    if let Some(sample) = analysis.sample {
        writeln!(
            out,
            "About {keys} keys, {bytes}{}, estimated from {} draws of {} keys in {}; in brackets where each figure lies \
             in 95 of 100 samples",
            analysis.all.bounds.map_or(String::new(), |bounds| format!(
                " [{} to {}]",
                human::bytes(bounds.low.bytes),
                human::bytes(bounds.high.bytes)
            )),
            human::count(sample.draws),
            human::count(sample.of),
            human::duration(analysis.elapsed)
        )?;
        writeln!(
            out,
            "A few keys that are far larger than the others are in hardly any sample, and neither are their bytes: only a \
             scan finds them."
        )?;
    } else {
        let about = match analysis.about {
            about if analysis.complete || about <= all.keys => String::new(),
            about => format!(" of about {}", human::count(about)),
        };
        let complete = if analysis.complete {
            "complete"
        } else {
            "partial"
        };
        writeln!(
            out,
            "{keys}{about} keys, {bytes}, {complete} in {}",
            human::duration(analysis.elapsed)
        )?;
    }
    for note in &analysis.notes {
        writeln!(out, "{note}")?;
    }
    Ok(())
}

fn name(name: &[u8]) -> String {
    if name.is_empty() {
        "(none)".to_owned()
    } else {
        display(name)
    }
}

fn list(out: &mut String, title: &str, groups: &[Portion], most: usize) -> Result<(), Error> {
    if groups.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{title:<NAME$} {:>14} {:>12}", "Keys", "Bytes")?;
    for group in groups.iter().take(most) {
        let count = group.count;
        write!(
            out,
            "  {:<width$} {:>14} {:>12}",
            name(&group.name),
            human::count(count.keys),
            human::bytes(count.bytes),
            width = NAME - 2
        )?;
        if let Some(bounds) = group.bounds {
            write!(
                out,
                "  [{} to {}, {} to {}]",
                human::count(bounds.low.keys),
                human::count(bounds.high.keys),
                human::bytes(bounds.low.bytes),
                human::bytes(bounds.high.bytes)
            )?;
        }
        writeln!(out)?;
    }
    more(out, groups.len(), most)
}

fn more(out: &mut String, all: usize, shown: usize) -> Result<(), Error> {
    if let Some(more) = all.checked_sub(shown).filter(|more| *more > 0) {
        writeln!(
            out,
            "  and {} more; --json has them all",
            human::count(more as u64)
        )?;
    }
    Ok(())
}

fn biggest(out: &mut String, title: &str, keys: &[BigKey], now: i64) -> Result<(), Error> {
    if keys.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "\n{:>12}  {:<8} {:>12} {:>12}  {title}",
        "Bytes", "Type", "Elements", "TTL"
    )?;
    for key in keys {
        writeln!(
            out,
            "{:>12}  {:<8} {:>12} {:>12}  {}",
            key.bytes.map_or_else(|| "unknown".into(), human::bytes),
            key.type_name,
            key.elements.map_or_else(String::new, human::count),
            left(key.ttl, now),
            display(&key.name)
        )?;
    }
    Ok(())
}

fn grown(out: &mut String, compared: &Comparison) -> Result<(), Error> {
    let since = DateTime::from_timestamp_millis(compared.since)
        .map(|time| time.to_rfc3339_opts(SecondsFormat::Secs, true))
        .unwrap_or_default();
    let all = &compared.all;
    writeln!(
        out,
        "\nSince {since}: {} keys, {}{}",
        signed(all.keys(), human::count),
        signed(all.bytes(), human::bytes),
        doubt(all)
    )?;
    for (title, growths) in [("Type", &compared.types), ("Prefix", &compared.prefixes)] {
        if growths.is_empty() {
            continue;
        }
        writeln!(out, "\n{title:<NAME$} {:>14} {:>12}", "Keys", "Bytes")?;
        for growth in growths.iter().take(SHOWN) {
            writeln!(
                out,
                "  {:<width$} {:>14} {:>12}{}",
                name(&growth.name),
                signed(growth.keys(), human::count),
                signed(growth.bytes(), human::bytes),
                doubt(growth),
                width = NAME - 2
            )?;
        }
        more(out, growths.len(), SHOWN)?;
    }
    Ok(())
}

fn signed(change: i64, shown: fn(u64) -> String) -> String {
    let sign = match change {
        0 => "",
        1.. => "+",
        _ => "-",
    };
    format!("{sign}{}", shown(change.unsigned_abs()))
}

fn doubt(growth: &Growth) -> &'static str {
    if growth.certain {
        ""
    } else {
        "  may be chance"
    }
}
