//! How does an answer read? As redis-cli shows it; as JSON for scripts.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use redis::Value;
use serde_json::json;

use super::line::quote;

/// An answer as redis-cli shows it, cut behind `most` bytes; and whether that is all of it.
pub fn reply_text(value: &Value, most: usize) -> (String, bool) {
    let mut out = String::new();
    let is_whole = write_value(&mut out, value, 0, most);
    out.truncate(out.trim_end().len());
    (out, is_whole)
}

/// An answer as JSON: bytes that are not UTF-8 as `{"base64": ...}`, an error inside it as `{"error": ...}`.
pub fn reply_json(value: &Value) -> serde_json::Value {
    match value {
        Value::Nil => serde_json::Value::Null,
        Value::Int(n) => json!(n),
        Value::Boolean(yes) => json!(yes),
        // NaN and the infinities are no numbers of JSON.
        Value::Double(n) if n.is_finite() => json!(n),
        Value::Double(n) => json!(n.to_string()),
        Value::Okay => json!("OK"),
        Value::SimpleString(text) | Value::VerbatimString { text, .. } => json!(text),
        Value::BulkString(bytes) => bytes_json(bytes),
        Value::Array(items) | Value::Set(items) => items.iter().map(reply_json).collect(),
        Value::Map(pairs) => pairs
            .iter()
            .map(|(key, item)| json!([reply_json(key), reply_json(item)]))
            .collect(),
        Value::ServerError(error) => json!({ "error": error_text(error) }),
        other => json!(format!("{other:?}")),
    }
}

fn bytes_json(bytes: &[u8]) -> serde_json::Value {
    match std::str::from_utf8(bytes) {
        Ok(text) => json!(text),
        Err(_) => json!({ "base64": STANDARD.encode(bytes) }),
    }
}

fn error_text(error: &redis::ServerError) -> String {
    format!("{} {}", error.code(), error.details().unwrap_or_default())
        .trim_end()
        .to_owned()
}

/// Whether it was written whole.
fn write_value(out: &mut String, value: &Value, indent: usize, most: usize) -> bool {
    if out.len() > most {
        if !out.ends_with("…\n") {
            out.push_str("…\n");
        }
        return false;
    }
    let mut is_whole = true;
    match value {
        Value::Nil => out.push_str("(nil)\n"),
        Value::Int(n) => {
            let _ = writeln!(out, "(integer) {n}");
        }
        Value::BulkString(bytes) => {
            let cut = &bytes[..bytes.len().min(most)];
            // INFO and its like are made for reading.
            match std::str::from_utf8(bytes) {
                Ok(text) if indent == 0 && text.contains("\r\n") => {
                    out.push_str(&crate::human::lines(&text.replace("\r\n", "\n")));
                    out.push('\n');
                }
                _ => {
                    quote(out, cut);
                    is_whole = cut.len() == bytes.len();
                    out.push_str(if is_whole { "\n" } else { "…\n" });
                }
            }
        }
        Value::SimpleString(text) => {
            let _ = writeln!(out, "{}", crate::human::line(text));
        }
        Value::VerbatimString { text, .. } => {
            out.push_str(&crate::human::lines(&text.replace("\r\n", "\n")));
            out.push('\n');
        }
        Value::Okay => out.push_str("OK\n"),
        Value::Boolean(yes) => out.push_str(if *yes { "(true)\n" } else { "(false)\n" }),
        Value::Double(n) => {
            let _ = writeln!(out, "(double) {n}");
        }
        Value::Array(items) | Value::Set(items) if items.is_empty() => {
            out.push_str("(empty array)\n");
        }
        Value::Array(items) | Value::Set(items) => {
            let width = items.len().to_string().len();
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.extend(std::iter::repeat_n(' ', indent));
                }
                let _ = write!(out, "{:>width$}) ", at + 1);
                is_whole &= write_value(out, item, indent + width + 2, most);
                if out.len() > most {
                    is_whole &= at + 1 == items.len();
                    break;
                }
            }
        }
        Value::Map(pairs) => {
            for (at, (key, item)) in pairs.iter().enumerate() {
                if at > 0 {
                    out.extend(std::iter::repeat_n(' ', indent));
                }
                let _ = write!(out, "{}# ", at + 1);
                is_whole &= write_value(out, key, indent, most);
                out.extend(std::iter::repeat_n(' ', indent + 3));
                is_whole &= write_value(out, item, indent + 3, most);
            }
        }
        Value::ServerError(error) => {
            let _ = writeln!(out, "(error) {}", crate::human::line(&error_text(error)));
        }
        other => {
            let _ = writeln!(out, "{}", crate::human::line(&format!("{other:?}")));
        }
    }
    is_whole
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHOWN: usize = 256 * 1024;

    #[test]
    fn an_answer_is_cut_and_says_so() {
        let (text, is_whole) = reply_text(&Value::BulkString(vec![b'x'; SHOWN + 1]), SHOWN);
        assert!(!is_whole && text.ends_with("\"…") && text.len() < SHOWN + 10);
        let many = Value::Array(vec![Value::BulkString(vec![b'x'; 1000]); 1000]);
        let (text, is_whole) = reply_text(&many, SHOWN);
        assert!(!is_whole && text.len() < SHOWN + 2000);
        let (text, is_whole) = reply_text(&Value::Array(vec![Value::Int(1), Value::Nil]), SHOWN);
        assert_eq!(
            (text.as_str(), is_whole),
            ("1) (integer) 1\n2) (nil)", true)
        );
    }

    #[test]
    fn json_keeps_every_byte() {
        let value = Value::Array(vec![
            Value::BulkString(b"a".to_vec()),
            Value::BulkString(b"\xff".to_vec()),
            Value::Int(7),
            Value::Nil,
            Value::Double(f64::INFINITY),
        ]);
        assert_eq!(
            reply_json(&value),
            json!(["a", { "base64": "/w==" }, 7, null, "inf"])
        );
    }
}
