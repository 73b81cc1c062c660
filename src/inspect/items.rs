//! A value as JSON, for scripts and for files: bytes that are not UTF-8 as base64, and said so.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value as Json, json};

use super::{Field, StreamEntry, Ttl, Value};

/// `{name: text}`, or `{name: base64, "encoding_of_name": "base64"}` for bytes that are not UTF-8.
pub fn bytes_json(name: &str, bytes: &[u8]) -> Json {
    let mut object = Map::new();
    match std::str::from_utf8(bytes) {
        Ok(text) => {
            object.insert(name.into(), text.into());
        }
        Err(_) => {
            object.insert(name.into(), STANDARD.encode(bytes).into());
            object.insert(format!("encoding_of_{name}"), "base64".into());
        }
    }
    Json::Object(object)
}

/// Two of them in one object.
pub fn pair_json(names: [&str; 2], pair: (&[u8], &[u8])) -> Json {
    let mut object = bytes_json(names[0], pair.0);
    if let (Json::Object(object), Json::Object(more)) = (&mut object, bytes_json(names[1], pair.1))
    {
        object.extend(more);
    }
    object
}

/// The elements of a collection, one object each; `None` for what has none. `now` is in milliseconds since 1970.
pub fn elements_json(value: &Value, now: i64) -> Option<Vec<Json>> {
    Some(match value {
        Value::Hash(fields) => fields.iter().map(|field| field_json(field, now)).collect(),
        Value::List { items, .. } | Value::Set(items) => {
            items.iter().map(|item| bytes_json("value", item)).collect()
        }
        Value::Found(found) => found
            .iter()
            .map(|(index, item)| {
                let mut item = bytes_json("value", item);
                item["index"] = Json::from(*index);
                item
            })
            .collect(),
        Value::ZSet { items, .. } => items
            .iter()
            .map(|(member, score)| {
                let mut item = bytes_json("member", member);
                item["score"] = number(score);
                item
            })
            .collect(),
        Value::Stream(entries) => entries.iter().map(entry_json).collect(),
        Value::Series(samples) => samples
            .iter()
            .map(|(at, value)| json!({ "at_ms": at, "value": number(value) }))
            .collect(),
        Value::String { .. } | Value::Json(_) | Value::Withheld(_) | Value::Other => return None,
    })
}

fn field_json(field: &Field, now: i64) -> Json {
    let mut object = pair_json(["field", "value"], (&field.name, &field.value));
    if field.ttl != Ttl::Unknown {
        object["ttl_ms"] = json!(field.ttl.left(now));
    }
    object
}

fn entry_json(entry: &StreamEntry) -> Json {
    let fields = entry.fields.iter();
    let fields: Vec<_> = fields
        .map(|(field, value)| pair_json(["field", "value"], (field, value)))
        .collect();
    json!({ "id": entry.id, "fields": fields })
}

/// The server's text is exact; infinities are no JSON numbers.
fn number(text: &str) -> Json {
    serde_json::from_str::<serde_json::Number>(text).map_or_else(|_| json!(text), Json::Number)
}
