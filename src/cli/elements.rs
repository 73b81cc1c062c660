//! How `lookaside key` shows the elements of hashes, lists, sets, sorted sets and streams: decoded, as strings are.

use std::fmt::Write as _;

use serde_json::{Value as Json, json};

use crate::inspect::{Decoded, Decoder, StreamEntry, Value, decode, display};

/// So much of one decoded element is printed; `--json` has all of it.
const SHOWN: usize = 16 * 1024;

/// An element behind `head`, on one line where it is plain, else its decoders' names there and what they show below.
/// `tail` stands at the end of its first line.
pub(super) fn write_element(
    out: &mut String,
    head: &str,
    bytes: &[u8],
    tail: &str,
    decoders: &[Decoder],
) {
    let gap = if head.is_empty() { "" } else { "  " };
    let Some(decoded) = decoded(bytes, decoders) else {
        let _ = writeln!(out, "{head}{gap}{}{tail}", display(bytes));
        return;
    };
    let text = decoded.text();
    let text = text.trim_end();
    if !text.contains('\n') && decoded.notes.is_empty() {
        let _ = writeln!(out, "{head}{gap}{text}  ({}){tail}", decoded.chain());
        return;
    }
    let _ = writeln!(out, "{head}{gap}({}){tail}", decoded.chain());
    let end = text.floor_char_boundary(SHOWN);
    for line in text[..end].lines() {
        let _ = writeln!(out, "    {line}");
    }
    if end < text.len() {
        let rest = crate::human::bytes((text.len() - end) as u64);
        let _ = writeln!(out, "    {rest} more; --json prints all of it");
    }
    for note in &decoded.notes {
        let _ = writeln!(out, "    {note}");
    }
}

/// An entry of a stream: its fields on one line where all are plain, else a line each.
pub(super) fn write_entry(out: &mut String, entry: &StreamEntry, decoders: &[Decoder]) {
    let is_plain = |bytes: &[u8]| decoded(bytes, decoders).is_none();
    if entry.fields.iter().all(|(_, value)| is_plain(value)) {
        let fields: Vec<_> = entry
            .fields
            .iter()
            .map(|(field, value)| format!("{}={}", display(field), display(value)))
            .collect();
        let _ = writeln!(out, "{}  {}", entry.id, fields.join(" "));
        return;
    }
    let _ = writeln!(out, "{}", entry.id);
    for (field, value) in &entry.fields {
        write_element(out, &format!("  {}", display(field)), value, "", decoders);
    }
}

/// Adds what the elements' bytes mean to the elements as JSON, which stand in the same order.
pub(super) fn add_decoded(elements: &mut [Json], value: &Value, decoders: &[Decoder]) {
    let add = |element: &mut Json, bytes: &[u8]| {
        if let Some(decoded) = decoded(bytes, decoders) {
            element["decoded"] = decoded_json(&decoded);
        }
    };
    let all: Vec<&[u8]> = match value {
        Value::Hash(fields) => fields.iter().map(|field| field.value.as_slice()).collect(),
        Value::List { items, .. } | Value::Set(items) => items.iter().map(Vec::as_slice).collect(),
        Value::Found(items) => items.iter().map(|(_, item)| item.as_slice()).collect(),
        Value::ZSet { items, .. } => items.iter().map(|(member, _)| member.as_slice()).collect(),
        Value::Stream(entries) => {
            for (entry, element) in entries.iter().zip(elements) {
                let Some(fields) = element["fields"].as_array_mut() else {
                    continue;
                };
                for ((_, value), field) in entry.fields.iter().zip(fields) {
                    add(field, value);
                }
            }
            return;
        }
        _ => return,
    };
    for (element, bytes) in elements.iter_mut().zip(all) {
        add(element, bytes);
    }
}

/// `{"as": "gzip, JSON", "text": ..., "notes": [...]}`.
pub(super) fn decoded_json(decoded: &Decoded) -> Json {
    json!({ "as": decoded.chain(), "text": decoded.text(), "notes": decoded.notes })
}

/// What the bytes mean, `None` where they are plain: text, a number, JSON, or bytes of no format.
fn decoded(bytes: &[u8], decoders: &[Decoder]) -> Option<Decoded> {
    let decoded = decode(bytes, true, decoders);
    let is_plain = decoded.layers.is_empty()
        && matches!(
            decoded.form,
            Decoder::Text | Decoder::Number | Decoder::Json | Decoder::Hex
        );
    (!is_plain || !decoders.is_empty()).then_some(decoded)
}
